/* SPDX-License-Identifier: MIT
 * fuzz_filter: any text as a condition; what compiles matches some rows without harm, and with
 * `not` around it says the opposite. */
#include "pipeline/data/filter.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double number(void *user, int row, int column)
{
    static const double values[] = {NAN, -1, 0.5, 10};
    (void)user;
    return values[(row + column) % 4];
}

static const char *text(void *user, int row, int column)
{
    static const char *const values[] = {NULL, "", "animals", "a b"};
    (void)user;
    return values[(row + column) % 4];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rt_filter_column columns[] = {
        {"snr", false}, {"weight", false}, {"label", true}, {"a b", true}};
    static const struct rt_filter_source source = {NULL, number, text};
    struct rt_filter *f = NULL, *opposite = NULL;
    struct rt_error e = {0};
    char *where = malloc(size + 1), *negated = malloc(size + 10);
    if (where && negated) {
        memcpy(where, data, size);
        where[size] = '\0';
        sprintf(negated, "not (%s)", where);
        if (rt_filter_create(&f, where, columns, 4, &e))
            assert(e.code == RT_EUSAGE && !f && !strncmp(e.text, "character ", 10));
        else if (rt_filter_create(&opposite, negated, columns, 4, &e) == 0) /* limits may refuse */
            for (int row = 0; row < 4; row++)
                assert(rt_filter_match(f, &source, row) != rt_filter_match(opposite, &source, row));
    }
    rt_filter_destroy(f);
    rt_filter_destroy(opposite);
    free(where);
    free(negated);
    return 0;
}
