/* SPDX-License-Identifier: MIT
 * fuzz_override: any text as what people did to samples, as a journal or a checkpoint holds it: refused with its place
 * and nothing changed, or states in range that are written and read back the same. */
#include "pipeline/data/override.h"
#include "tests/fuzz/fuzz_file.h"

#define ROWS 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct rt_override *h, const char *text)
{
    struct rt_override again;
    struct rt_error e = {0};
    if (rt_override_init(&again, ROWS) < 0)
        abort();
    int rc = rt_override_assign(&again, text, &e);
    assert(rc == 0 && !memcmp(again.factor, h->factor, ROWS * sizeof *h->factor) &&
           !memcmp(again.excluded, h->excluded, ROWS));
    (void)rc;
    (void)h;
    rt_override_fini(&again);
}

static void check_untouched(const struct rt_override *h)
{
    for (int i = 0; i < ROWS; i++)
        assert(h->factor[i] == 1 && !h->excluded[i]);
    (void)h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_override h;
    struct rt_error e = {0};
    int *row = NULL;
    char *text = fuzz_text(data, size);
    if (rt_override_init(&h, ROWS) < 0)
        abort();
    int rows = rt_override_rows(&h, text, &row, &e);
    for (int i = 0; i < rows; i++)
        assert(row[i] >= 0 && row[i] < ROWS);
    free(row);
    int known = rt_override_check(&h, text, &e);
    int rc = rt_override_assign(&h, text, &e);
    assert(rc == known);
    (void)known;
    if (rc < 0) {
        assert(e.text[0]);
        check_untouched(&h);
    } else {
        for (int i = 0; i < ROWS; i++)
            assert(h.factor[i] >= 0 && h.factor[i] <= (float)RT_OVERRIDE_MOST);
        char *written = rt_override_text(&h, NULL, 0);
        if (written)
            check_same(&h, written);
        free(written);
    }
    rt_override_fini(&h);
    free(text);
    return 0;
}
