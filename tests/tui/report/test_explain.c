/* SPDX-License-Identifier: MIT
 * Tests of a sample in words: they follow the settings in effect and what was done by hand. */
#include "tests/tui/report/example.h"
#include "tui/report/explain.h"

#include <stdlib.h>
#include <string.h>

static void explained(const struct rt_table *t, int row, const struct rt_weight_settings *s, const char *says,
                      const char *says_not)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    rt_explain_row(t, row, s, f);
    fclose(f);
    if (!strstr(text, says) || strstr(text, says_not))
        fail_msg("not '%s', or '%s', in:\n%s", says, says_not, text);
    free(text);
}

/* The words follow the settings in effect and what was done by hand; the numbers are those of the formula. */
static void test_explained(void **state)
{
    struct rt_snapshot m;
    struct rt_table *t = &m.samples;
    struct rt_weight_settings s = {.terms = "snr", .map = RT_MAP_PERCENTILE, .gamma = 2, .floor = 0.1};
    int row = 31;
    (void)state;
    example_open(&m);
    int factor = rt_table_add(t, "factor", "", false), excluded = rt_table_add(t, "excluded", "", false);
    for (int i = 0; i < ROWS; i++)
        t->column[factor].number[i] = 1;
    /* quality 0.425: g = 0.1 + 0.9 * 0.425^2; at quality 0.5 it is 0.325, and the weight 1.5 * 0.325 / g */
    explained(t, row, &s,
              "17 dB, percentile 43 -> factor 0.4250; at 20 dB, the middle of the data, the weight "
              "would be 1.86",
              "hand, manifest");
    s.map = RT_MAP_KNEE; /* 17 dB is good enough */
    explained(t, row, &s, "17 dB, knee 8 14 -> factor 1.0000; at 20 dB, the middle of the data", "percentile 43 ->");
    snprintf(s.knees, sizeof s.knees, "snr 7 27");
    explained(t, row, &s, "17 dB, knee 7 27 -> factor 0.5000", "percentile 43 ->");
    s.map = RT_MAP_PERCENTILE;
    s.gamma = 1;
    explained(t, row, &s, "0.4825 = 0.1 + (1 - 0.1) * quality^1", "quality^2");
    s.gamma = 2;
    t->column[factor].number[row] = 0.5f;
    explained(t, row, &s, "hand, manifest     factor 0.5", "muted");
    explained(t, row, &s, "= g / 0.0875 * this factor", "muted");
    t->column[factor].number[row] = 0;
    explained(t, row, &s, "muted        by hand", "the mean of g");
    t->column[excluded].number[row] = 1;
    explained(t, row, &s, "excluded     by hand", "none yet");
    snprintf(s.terms, sizeof s.terms, "teacher_norm");
    explained(t, row, &s, "the teacher        factor 0.4250", "other terms");
    snprintf(s.terms, sizeof s.terms, "length"); /* not measured here */
    explained(t, row, &s, "at its last update, under other terms", "the teacher");
    s.terms[0] = 0;
    explained(t, row, &s, "every sample counts the same but for factors by hand", "percentile");
    explained(t, row, NULL, "quality      0.425", "weight ");
    rt_snapshot_fini(&m);
}

int main(void)
{
    scratch_make(&example_dir);
    example_write();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_explained)};
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
