/* SPDX-License-Identifier: MIT
 * Tests of the Classes screen and of the table behind it: without answers it says when there will be some; counts are
 * those of the samples; Enter leads to exactly the samples that a row counts, whatever the class is called. */
#include "tests/tui/screen/drive.h"
#include "tui/report/class_table.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static struct rt_table table_of(const char *const (*cell)[3], int rows)
{
    struct rt_table t;
    assert_int_equal(rt_table_init(&t, rows), 0);
    static const char *const name[] = {"label", "predicted", "split"};
    for (int c = 0; c < 3; c++) {
        assert_int_equal(rt_table_add(&t, name[c], "", true), c);
        for (int i = 0; i < rows; i++)
            assert_int_equal(rt_table_text(&t, i, c, cell[i][c]), 0);
    }
    return t;
}

static void test_by_hand(void **state)
{
    (void)state;
    static const char *const cell[][3] = {
        {"cow", "cow", "test"}, {"cow", "hen", "test"}, {"cow", "hen", "test"}, {"hen", "hen", "test"},
        {"ox", "cow", "test"}, {"", "cow", "test"}, {"ox", "", "test"}, {"hen", "ox", "valid"}, {"hen", "emu", "valid"},
    };
    struct rt_table samples = table_of(cell, 9);
    struct rt_class_table t;
    assert_int_equal(rt_class_table_make(&t, &samples, "test"), 0);
    assert_int_equal(t.samples, 5);
    assert_true(fabs(t.top1 - 0.4) < 1e-12);
    assert_int_equal(t.rows, 3);
    static const char *const worst_first[] = {"ox", "cow", "hen"}; /* F1 0, 0.4, 0.5 */
    for (int i = 0; i < 3; i++)
        assert_string_equal(t.row[i].name, worst_first[i]);
    assert_true(t.row[1].figures.truth == 3 && t.row[1].figures.predicted == 2 && t.row[1].figures.hit == 1);
    assert_true(isnan(t.row[0].figures.precision) && t.row[0].figures.recall == 0);
    assert_true(fabs(t.macro_f1 - (0 + 0.4 + 0.5) / 3) < 1e-12);
    assert_int_equal(t.pairs, 2);
    assert_true(t.pair[0].label == 1 && t.pair[0].predicted == 2 && t.pair[0].count == 2);
    assert_true(t.pair[1].label == 0 && t.pair[1].predicted == 1 && t.pair[1].count == 1);
    rt_class_table_fini(&t);
    assert_int_equal(rt_class_table_make(&t, &samples, NULL), 0);
    assert_int_equal(t.samples, 7);
    assert_string_equal(t.row[3].name, "emu"); /* only an answer */
    rt_class_table_fini(&t);
    assert_int_equal(rt_class_table_make(&t, &samples, "train"), 0);
    assert_true(t.samples == 0 && t.rows == 0 && isnan(t.top1));
    rt_class_table_fini(&t);
    samples.column[1].name[0] = 'x'; /* a run of before: no such column */
    assert_int_equal(rt_class_table_make(&t, &samples, "test"), 0);
    assert_int_equal(t.rows, 0);
    rt_class_table_fini(&t);
    rt_table_fini(&samples);
}

/* ---- the screen ---- */

/* The samples that are shown, and that each of them has these cells. */
static int shown_with(struct view *v, const char *label, const char *predicted, const char *split)
{
    const struct rt_table *t = &v->model.samples;
    const char *const name[] = {"label", "predicted", "split"}, *const cell[] = {label, predicted, split};
    for (int i = 0; i < t->shown; i++)
        for (int k = 0; k < 3; k++)
            if (cell[k])
                assert_string_equal(rt_table_cell(t, t->order[i], rt_table_find(t, name[k])), cell[k]);
    return t->shown;
}

static void test_to_the_samples(void **state)
{
    (void)state;
    struct view *v = view_open(false);
    struct rt_class_table t;
    view_press(v, '7');
    view_compare(v, 80, 24, "classes-80x24");
    view_compare(v, 120, 12, "classes-120x12");
    assert_int_equal(rt_class_table_make(&t, &v->model.samples, "valid"), 0); /* the example has no test */
    assert_in_range(t.pairs, 1, 9);
    view_press(v, 'j');
    view_press(v, RT_KEY_ENTER);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_SAMPLES);
    assert_int_equal(shown_with(v, t.row[1].name, NULL, "valid"), (int)t.row[1].figures.truth);
    view_press(v, '7');
    view_press(v, 'w');
    view_press(v, RT_KEY_ENTER);
    assert_int_equal(shown_with(v, t.row[t.pair[0].label].name, t.row[t.pair[0].predicted].name, "valid"),
                     t.pair[0].count);
    view_press(v, '7');
    view_draw(v, 80, 24);
    assert_true(view_find(v, "times  label", NULL, NULL));
    view_press(v, RT_KEY_TAB); /* test */
    view_draw(v, 80, 24);
    assert_true(view_find(v, "No sample of the split test", NULL, NULL));
    view_press(v, RT_KEY_ENTER); /* leads nowhere */
    assert_int_equal(v->ui.view.screen, RT_SCREEN_CLASSES);
    rt_class_table_fini(&t);
    view_close(v);
}

/* Quotes and words of the filter in a class's name. */
static void test_any_name(void **state)
{
    (void)state;
    static const char odd[] = "a \"b\" \\ or not";
    struct view *v = view_open(false);
    struct rt_table *t = &v->model.samples;
    int label = rt_table_find(t, "label"), split = rt_table_find(t, "split"), predicted = rt_table_find(t, "predicted");
    for (int i = 0; i < t->rows; i++) {
        assert_int_equal(rt_table_text(t, i, split, i < 3 ? "test" : "train"), 0);
        assert_int_equal(rt_table_text(t, i, label, odd), 0);
        assert_int_equal(rt_table_text(t, i, predicted, "x"), 0);
    }
    view_press(v, '7');
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_ENTER);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_SAMPLES);
    assert_int_equal(shown_with(v, odd, "x", "test"), 3);
    view_close(v);
}

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return 77; /* nothing can be said about characters here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_to_the_samples), cmocka_unit_test(test_any_name),
    };
    scratch_make(&example_dir);
    example_write();
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
