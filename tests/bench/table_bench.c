/* SPDX-License-Identifier: MIT
 * Sorts a table of 1,000,000 rows by a number and by a text, weighs them anew under another measure and under
 * another gamma, and prints the seconds (of the processor: one thread, whatever else the machine does).
 * Exit code 1 when over the bar: 0.5 s for each order, 0.02 s (a key to its frame) for each preview of weights.
 * Run: meson test --benchmark table_bench */
#include "pipeline/data/table.h"
#include "tui/report/weight_preview.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#define ROWS 1000000
#define BAR 0.5
#define KEY_BAR 0.02

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int measure(struct rt_table *t, const char *by)
{
    struct rt_error e;
    double begin = now();
    int rc = rt_table_sort(t, by, &e);
    double took = now() - begin;
    printf("%s: %.3f s\n", by, took);
    return rc < 0 || took > BAR;
}

static int measure_weighing(const struct rt_table *t)
{
    static struct rt_weight_preview w;
    static const struct rt_weight_settings none, snr = {.terms = "snr"};
    double count[80];
    int slow = rt_weight_preview_fill(&w, t, 1, &none, &none) < 0;
    for (int again = 0; again < 2; again++) {
        double begin = now();
        slow |= again == 0 && rt_weight_preview_fill(&w, t, 1, &snr, &none) < 0;
        rt_weight_preview_apply(&w, 2 + again, 0.1);
        rt_weight_preview_weights(&w, w.most, count, 80);
        double took = now() - begin;
        printf("%s: %.4f s, %.0f effective samples\n", again ? "gamma" : "measure", took, w.effective);
        slow |= took > KEY_BAR;
    }
    rt_weight_preview_fini(&w);
    return slow;
}

int main(void)
{
    static struct rt_table t;
    unsigned seed = 1;
    if (rt_table_init(&t, ROWS) < 0 || rt_table_add(&t, "id", "", true) < 0 ||
        rt_table_add(&t, "snr", "", false) < 0 || rt_table_add(&t, "snr_pct", "", false) < 0)
        return 1;
    for (int i = 0; i < ROWS; i++) {
        char id[40];
        seed = seed * 1664525u + 1013904223u;
        snprintf(id, sizeof id, "speaker/%04u/%08x", seed >> 20, seed);
        if (rt_table_text(&t, i, 0, id) < 0)
            return 1;
        t.column[1].number[i] = seed % 97 ? (float)(seed >> 8) : NAN;
        t.column[2].number[i] = (float)(seed >> 8) / (1 << 24);
    }
    int slow = measure(&t, "snr") | measure(&t, "-snr") | measure(&t, "id") | measure(&t, "-id");
    slow |= measure_weighing(&t);
    rt_table_fini(&t);
    return slow;
}
