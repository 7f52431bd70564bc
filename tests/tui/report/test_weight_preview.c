/* SPDX-License-Identifier: MIT
 * Tests of the weights that samples would have: the numbers of the formula itself. */
#include "tests/stages/distill/whole_batch.h"
#include "tests/tui/report/example.h"
#include "tui/report/weight_preview.h"

#include <math.h>
#include <string.h>

/* The same as weights.c gives for one batch of all. */
static void test_weight_preview(void **state)
{
    struct rt_snapshot m;
    struct rt_weight_preview w = {0};
    struct rt_weight_settings s = {.terms = "snr", .map = RT_MAP_PERCENTILE}, none = {.terms = ""};
    struct rt_table *t = &m.samples;
    double quality[ROWS], hand[ROWS], weight[ROWS], effective, count[8];
    int n = 0;
    (void)state;
    example_open(&m);
    int snr = rt_table_find(t, "snr_pct"), split = rt_table_find(t, "split");
    int factor = rt_table_add(t, "factor", "", false);
    for (int row = 0; row < ROWS; row++) {
        t->column[factor].number[row] = row % 7 == 0 ? 0 : row % 5 == 0 ? 0.5f : 1;
        if (strcmp(rt_table_cell(t, row, split), "train") != 0 ||
            *rt_table_cell(t, row, rt_table_find(t, "reason")))
            continue;
        quality[n] = (double)t->column[snr].number[row];
        hand[n++] = (double)t->column[factor].number[row];
    }
    assert_int_equal(rt_weight_preview_fill(&w, t, 1, &s, &s), 0);
    rt_weight_preview_apply(&w, 1.5, 0.2);
    weight_batch(quality, hand, (size_t)n, 1.5, 0.2, weight);
    effective = weight_effective(weight, (size_t)n);
    assert_int_equal(w.samples, n);
    assert_true(w.muted > 0 && fabs(w.effective - effective) < 1e-3 * effective);
    rt_weight_preview_weights(&w, w.most, count, 8);
    double sum = 0;
    for (int i = 0; i < 8; i++)
        sum += count[i];
    assert_true(sum == n && count[0] >= w.muted);
    rt_weight_preview_qualities(&w, count, 8);
    sum = 0;
    for (int i = 0; i < 8; i++)
        sum += count[i];
    assert_true(sum == n - w.muted);
    /* by the knee of snr, 8 to 14 dB, and by another */
    static const char *const knees[] = {"", "snr 0 20"};
    for (int k = 0; k < 2; k++) {
        struct rt_weight_settings knee = {.terms = "snr", .map = RT_MAP_KNEE};
        double bad = k ? 0 : 8, good = k ? 20 : 14;
        snprintf(knee.knees, sizeof knee.knees, "%s", knees[k]);
        assert_int_equal(rt_weight_preview_fill(&w, t, 1, &knee, &knee), 0);
        rt_weight_preview_apply(&w, 1.5, 0.2);
        for (int i = 0; i < n; i++) {
            double value = (double)t->column[rt_table_find(t, "snr")].number[w.row[i]];
            quality[i] = fmax(0, fmin(1, (value - bad) / (good - bad)));
        }
        weight_batch(quality, hand, (size_t)n, 1.5, 0.2, weight);
        effective = weight_effective(weight, (size_t)n);
        assert_true(fabs(w.effective - effective) < 1e-3 * effective);
    }
    /* by a column of the manifest, which is told by its percentiles */
    struct rt_weight_settings by = {.terms = "mos", .map = RT_MAP_KNEE, .knees = "mos 0 4"};
    int mos = rt_table_add(t, "mos", "", false);
    assert_true(rt_table_add(t, "mos_pct", "", false) > mos);
    for (int row = 0; row < ROWS; row++)
        t->column[mos].number[row] = t->column[mos + 1].number[row] = (float)(row % 5);
    assert_int_equal(rt_weight_preview_fill(&w, t, 1, &by, &by), 0);
    rt_weight_preview_apply(&w, 1.5, 0.2);
    for (int i = 0; i < n; i++)
        quality[i] = w.row[i] % 5 / 4.0;
    weight_batch(quality, hand, (size_t)n, 1.5, 0.2, weight);
    effective = weight_effective(weight, (size_t)n);
    assert_true(fabs(w.effective - effective) < 1e-3 * effective);
    assert_int_equal(rt_weight_preview_fill(&w, t, 1, &none, &none), 0);
    rt_weight_preview_apply(&w, 1.5, 0.2);
    assert_true(w.mean == 1);
    rt_weight_preview_fini(&w);
    rt_snapshot_fini(&m);
}

int main(void)
{
    scratch_make(&example_dir);
    example_write();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_weight_preview)};
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
