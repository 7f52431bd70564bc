/* SPDX-License-Identifier: MIT
 * Filters 1,000,000 rows by a condition on numbers and text and prints the seconds. Exit code 1
 * when over the bar: 0.5 s. Run: meson test --benchmark filter_bench */
#include "pipeline/data/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROWS 1000000

static const char *const labels[] = {"animals", "big tools", "food", "people"};

static double number(void *user, int row, int column)
{
    return ((const double *)user)[2 * row + column];
}

static const char *text(void *user, int row, int column)
{
    (void)user;
    return column == 2 ? labels[row % 4] : row % 3 ? "" : "silent";
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void)
{
    static const struct rt_filter_column columns[] = {
        {"snr", false}, {"weight", false}, {"label", true}, {"reason", true}};
    struct rt_filter *f;
    struct rt_error e;
    double *cells = malloc(sizeof *cells * 2 * ROWS);
    if (!cells)
        return 1;
    for (int i = 0; i < 2 * ROWS; i++)
        cells[i] = (double)((unsigned)i * 2654435761u >> 8) / (1 << 24) * (i % 2 ? 1 : 40);
    if (rt_filter_create(&f,
                         "snr < 30 and (label = animals or label ~ tool) and "
                         "(weight > 0.5 or not reason = \"\")",
                         columns, 4, &e)) {
        fprintf(stderr, "%s\n", e.text);
        free(cells);
        return 1;
    }
    struct rt_filter_source source = {cells, number, text};
    double start = now();
    int found = 0;
    for (int row = 0; row < ROWS; row++)
        found += rt_filter_match(f, &source, row);
    double seconds = now() - start;
    printf("%d of %d rows: %.3f s\n", found, ROWS, seconds);
    rt_filter_destroy(f);
    free(cells);
    return seconds > 0.5;
}
