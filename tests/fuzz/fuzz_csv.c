/* SPDX-License-Identifier: MIT
 * fuzz_csv: any bytes as a table; reading ends, and every cell is a string inside the bytes. */
#include "formats/csv.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_csv c;
    struct rt_error e = {0};
    char *bytes = malloc(size + 1);
    if (!bytes)
        return 0;
    memcpy(bytes, data, size);
    bytes[size] = '\0';
    int code = rt_csv_init(&c, bytes, size, 0, "fuzzed", &e);
    size_t rows = 0;
    if (code == 0)
        while ((code = rt_csv_next(&c, &e)) == 1) {
            rows++;
            assert(rows <= size && c.cells >= 1 && c.cells <= RT_CSV_CELLS);
            for (int i = 0; i < c.cells; i++)
                assert(c.cell[i] >= bytes && c.cell[i] + strlen(c.cell[i]) <= bytes + size);
        }
    assert(code == 0 || !strncmp(e.text, "fuzzed:", 7));
    free(bytes);
    return 0;
}
