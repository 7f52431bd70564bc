/* SPDX-License-Identifier: MIT
 * fuzz_manifest: any bytes as a manifest; every cell of what is accepted can be read, every id is
 * found, and written out again it reads back the same. */
#include "formats/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct rt_manifest *m, size_t *size)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, size);
    if (!f)
        abort();
    int columns = rt_manifest_columns(m);
    for (int c = 0; c < columns; c++)
        fprintf(f, "%s%c", rt_manifest_column_name(m, c), c == columns - 1 ? '\n' : '\t');
    for (int row = 0; row < rt_manifest_rows(m); row++)
        for (int c = 0; c < columns; c++) {
            rt_manifest_write_cell(f, rt_manifest_cell(m, row, c));
            fputc(c == columns - 1 ? '\n' : '\t', f);
        }
    fclose(f);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_manifest *m, *again;
    struct rt_error e = {0};
    if (rt_manifest_parse(&m, (const char *)data, size, "fuzzed", &e)) {
        assert(!m && e.code < 0 && !strncmp(e.text, "fuzzed:", 7));
        return 0;
    }
    for (int row = 0; row < rt_manifest_rows(m); row++)
        assert(rt_manifest_find(m, rt_manifest_cell(m, row, rt_manifest_column(m, "id"))) == row);
    char *text = print(m, &size);
    int code = rt_manifest_parse(&again, text, size, "printed", &e);
    assert(code == 0 && rt_manifest_rows(again) == rt_manifest_rows(m));
    (void)code;
    for (int row = 0; row < rt_manifest_rows(m); row++)
        for (int c = 0; c < rt_manifest_columns(m); c++)
            assert(!strcmp(rt_manifest_cell(m, row, c), rt_manifest_cell(again, row, c)));
    rt_manifest_destroy(m);
    rt_manifest_destroy(again);
    free(text);
    return 0;
}
