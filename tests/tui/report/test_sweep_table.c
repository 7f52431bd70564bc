/* SPDX-License-Identifier: MIT
 * Tests of a sweep's table and plot. The results are such that means, spreads and intervals can be worked out by hand:
 * differences of kl are 3, 2, 4 points, so 3 with spread 1 and half an interval of 4.303 / sqrt 3. */
#include "tests/support/support.h"
#include "pipeline/run/rundb.h"
#include "tui/report/sweep_plot.h"
#include "tui/report/sweep_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP                                                                                                         \
    "recipe: a.yaml\nseeds: 11-13\nteachers: {names: {recipe: t.yaml}}\n"                                             \
    "settings:\n  labels only: []\n  kl, 1: {teacher: names}\n  third: []\npairs: [[\"kl, 1\", third]]\n"

static struct rt_sweep *sweep;
static struct rt_sweep_results results;

static int results_make(void **state)
{
    static const double valid[3] = {0.70, 0.75, 0.90};
    static const double test[9] = {0.80, 0.82, 0.84, 0.83, 0.84, 0.88, 0.80, NAN, 0.83};
    struct rt_error e = {0};
    (void)state;
    assert_int_equal(rt_sweep_parse(&sweep, SWEEP, strlen(SWEEP), "s.yaml", "/d", &e), 0);
    assert_int_equal(rt_sweep_results_init(&results, sweep), 0);
    assert_int_equal(rt_sweep_chosen(&results), -1);
    memcpy(results.test, test, sizeof test);
    for (int i = 0; i < 9; i++)
        results.valid[i] = valid[i / 3];
    return 0;
}

static int results_drop(void **state)
{
    (void)state;
    rt_sweep_results_fini(&results);
    rt_sweep_destroy(sweep);
    return 0;
}

static char *table_of(enum rt_sweep_form form, bool plot)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    if (plot)
        rt_sweep_plot_write(&results, f);
    else
        rt_sweep_table_write(&results, form, f);
    fclose(f);
    return text;
}

static void table_is(enum rt_sweep_form form, const char *wanted)
{
    char *text = table_of(form, false);
    assert_string_equal(text, wanted);
    free(text);
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    while ((text = strstr(text, word)) && ++n)
        text += strlen(word);
    return n;
}

static void all_is_told(void **state)
{
    (void)state;
    table_is(RT_SWEEP_TEXT,
             "setting        n     test top-1 %  spread  difference to labels only (95 % interval)\n"
             "labels only    3             82.0     2.0  \n"
             "kl, 1          3             85.0     2.6  +3.0 [0.5, 5.5]\n"
             "third          2             81.5     2.1  -0.5 [-6.9, 5.9]\n"
             "\n"
             "third less kl, 1: -4.0 [-16.7, 8.7]\n"
             "\n"
             "Seeds 11 to 13. 3 differences looked at; where nothing differs, one interval in twenty leaves out zero "
             "all the same.\n");
    results.teacher[0] = 0.5;
    table_is(RT_SWEEP_MARKDOWN,
             "| setting     |   n |    test top-1 % | spread | difference to labels only (95 % interval) |\n"
             "|---|---|---|---|---|\n"
             "| labels only |   3 |            82.0 |    2.0 |  |\n"
             "| kl, 1       |   3 |            85.0 |    2.6 | +3.0 [0.5, 5.5] |\n"
             "| third       |   2 |            81.5 |    2.1 | -0.5 [-6.9, 5.9] |\n"
             "\n"
             "- third less kl, 1: -4.0 [-16.7, 8.7]\n"
             "\n"
             "Seeds 11 to 13. 3 differences looked at; where nothing differs, one interval in twenty leaves out zero "
             "all the same.\nTeacher names on its test split: 50.0 %.\n");
    char *csv = table_of(RT_SWEEP_CSV, false);
    assert_non_null(strstr(csv, "\n"
                                "\"kl, 1\",3,0.75,0,0.85,0.0264575131,0.03,0.00515862288,0.0548413771,labels only\n"));
    assert_int_equal(count_of(csv, "\n"), 5);
    free(csv);
}

/* Three times the same difference is no interval without width. */
static void equal_differences_have_no_interval(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++)
        results.test[3 + k] = results.test[k] + 0.01;
    char *text = table_of(RT_SWEEP_TEXT, false), *csv = table_of(RT_SWEEP_CSV, false);
    assert_non_null(strstr(text, "+1.0 (each seed)\n"));
    assert_non_null(strstr(csv, ",0.01,,,labels only\n"));
    free(text);
    free(csv);
}

/* What was not chosen has no number of test in any form. */
static void choosing_hides_the_test_of_others(void **state)
{
    (void)state;
    results.choose = true;
    assert_int_equal(rt_sweep_chosen(&results), 2);
    table_is(RT_SWEEP_TEXT,
             "setting        n     valid top-1 %     test top-1 %  spread  difference to labels only (95 % interval)\n"
             "labels only    3              70.0             82.0     2.0  \n"
             "kl, 1          3              75.0                -       -  \n"
             "third          3              90.0             81.5     2.1  -0.5 [-6.9, 5.9]\n"
             "\n\n"
             "Seeds 11 to 13. Chosen on validation by mean over these seeds, among 3: third. "
             "1 difference looked at.\n");
    for (int form = 0; form <= RT_SWEEP_JSON; form++) {
        char *text = table_of((enum rt_sweep_form)form, false);
        assert_null(strstr(text, "85.0"));
        assert_null(strstr(text, "0.85"));
        assert_null(strstr(text, "0.88"));
        free(text);
    }
    strcpy(sweep->metric, "eer");
    assert_int_equal(rt_sweep_chosen(&results), 0);
}

/* What is in a run's data base, under the names that a sweep asks for. */
static void results_are_read(void **state)
{
    struct scratch dir;
    struct rt_rundb *db;
    struct rt_error e = {0};
    double v;
    (void)state;
    scratch_make(&dir);
    assert_int_equal(rt_sweep_result(dir.path, "top1", "test", &v, &e), RT_EMISSING);
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "run.db"), NULL, 0, 1, &e), 0);
    assert_int_equal(rt_rundb_metric(db, 8, 0, "test", "final.top1", 0.25, &e), 0);
    assert_int_equal(rt_rundb_metric(db, 8, 0, "valid", "final.eer", 0.1, &e), 0);
    assert_int_equal(rt_rundb_metric(db, 8, 0, "noisy", "final.eer", 0.3, &e), 0);
    assert_int_equal(rt_rundb_commit(db, &e), 0);
    rt_rundb_close(db);
    static const struct {
        const char *metric, *split;
        double value;
    } rows[] = {{"top1", "test", 0.25}, {"eer", "valid", 0.1}, {"eer_noisy", "valid", 0.1},
                {"eer_noisy", "test", 0.3}, {"eer", "test", NAN}, {"macro_f1", "test", NAN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rt_sweep_result(dir.path, rows[i].metric, rows[i].split, &v, &e), 0);
        assert_true(isnan(rows[i].value) ? isnan(v) : v == rows[i].value);
    }
    scratch_remove(&dir);
}

static void json_has_every_seed(void **state)
{
    (void)state;
    char *text = table_of(RT_SWEEP_JSON, false);
    assert_non_null(strstr(text, "\"differences_looked_at\": 3, \"compared_to\": \"labels only\", \"chosen\": null"));
    assert_non_null(strstr(text, "\"seeds\": [11, 12, 13]"));
    assert_int_equal(count_of(text, "{\"name\": "), 5);
    assert_int_equal(count_of(text, "null"), 5); /* chosen; labels only has no difference (3); a seed of third */
    assert_int_equal(count_of(text, "{"), count_of(text, "}"));
    free(text);
}

static void plot_has_a_row_or_a_curve(void **state)
{
    struct rt_error e = {0};
    (void)state;
    results.test[6] = 0.5;
    results.test[8] = 0.9; /* their interval is from -184 to 324 % */
    char *text = table_of(RT_SWEEP_TEXT, true);
    assert_int_equal(count_of(text, "<circle"), 3);
    assert_non_null(strstr(text, ">labels only<"));
    assert_null(strstr(text, ">200<"));
    free(text);
    rt_sweep_results_fini(&results);
    assert_int_equal(rt_sweep_vary(sweep, "distill.l2.lambda=0,0.1,1,10", &e), 0);
    assert_int_equal(rt_sweep_results_init(&results, sweep), 0);
    for (int i = 0; i < 12 * 3; i++)
        results.test[i] = 0.5 + 0.01 * (i % 3);
    text = table_of(RT_SWEEP_TEXT, true);
    assert_int_equal(count_of(text, "<circle"), 12);
    assert_int_equal(count_of(text, ">labels only<"), 1);
    assert_non_null(strstr(text, ">distill.l2.lambda<"));
    /* Decades are 204 apart, and 0 is half of one before the least: 510 for 2.5 of them. */
    assert_non_null(strstr(text, "<text x=\"90.0\""));
    assert_non_null(strstr(text, "<text x=\"192.0\""));
    assert_non_null(strstr(text, "<text x=\"396.0\""));
    assert_non_null(strstr(text, "<text x=\"600.0\""));
    free(text);
}

/* Two panels of two curves; what does not vary is a line with its band in both. */
static void plot_has_panels(void **state)
{
    static const char panels[] =
        "recipe: a.yaml\nseeds: 1-2\nsettings:\n  labels only: []\n  l2: {vary: [distill.l2.lambda=1,10]}\n"
        "  kl: {vary: [distill.kl.lambda=1,10]}\npanels: {few: [train.steps=5], all: [train.steps=9]}\n";
    struct rt_error e = {0};
    (void)state;
    assert_int_equal(rt_sweep_parse(&sweep, panels, strlen(panels), "s.yaml", "/d", &e), 0);
    assert_int_equal(rt_sweep_results_init(&results, sweep), 0);
    for (int i = 0; i < 9 * 2; i++)
        results.test[i] = 0.5 + 0.01 * (i % 2);
    char *text = table_of(RT_SWEEP_TEXT, true);
    assert_int_equal(count_of(text, "<circle"), 8);
    assert_int_equal(count_of(text, "fill-opacity"), 2);
    assert_int_equal(count_of(text, ">few<"), 1);
    assert_int_equal(count_of(text, ">all<"), 1);
    assert_int_equal(count_of(text, ">l2<"), 1);
    assert_int_equal(count_of(text, ">lambda<"), 2);
    free(text);
}

static void plot_in_letters_has_a_row_for_each(void **state)
{
    (void)state;
    table_is(RT_SWEEP_PLOT,
             "test top-1 %, 95 % interval of the mean\n"
             "             60.56                                             101.88\n"
             "labels only |                      -------o------                    | 82.00\n"
             "kl, 1       |                        -----:---o--------              | 85.00\n"
             "third       |  --------------------------o:-----------------------   | 81.50\n");
    sweep->setting[2].name[1] = '\033'; /* a name that a terminal would obey */
    char *text = table_of(RT_SWEEP_PLOT, false);
    assert_non_null(strstr(text, "\nt?ird "));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_told, results_make, results_drop),
        cmocka_unit_test_setup_teardown(equal_differences_have_no_interval, results_make, results_drop),
        cmocka_unit_test_setup_teardown(choosing_hides_the_test_of_others, results_make, results_drop),
        cmocka_unit_test(results_are_read),
        cmocka_unit_test_setup_teardown(json_has_every_seed, results_make, results_drop),
        cmocka_unit_test_setup_teardown(plot_has_a_row_or_a_curve, results_make, results_drop),
        cmocka_unit_test_teardown(plot_has_panels, results_drop),
        cmocka_unit_test_setup_teardown(plot_in_letters_has_a_row_for_each, results_make, results_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
