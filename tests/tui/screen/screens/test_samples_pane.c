/* SPDX-License-Identifier: MIT
 * Tests of a sample's looks: drawn in a pane of any size, as cells or as pixels; broken and missing
 * files say so there. Marks that others set. */
#include "pipeline/run/run_marks.h"
#include "tests/tui/screen/drive.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static struct rt_error error;

/* Draws until the thread has read the sample, and the screen has heard of it. */
static void read_files(struct view *v)
{
    for (int i = 0; i < 5000; i++) {
        view_draw(v, 130, 40);
        if (!view_find(v, "reading the files ...", NULL, NULL))
            return;
        for (int k = 0; k < 5000 && !(rt_ui_tick(&v->ui, 0) & RT_DID_DRAW); k++)
            uv_sleep(1);
    }
    fail_msg("the sample is not read");
}

static void test_pane(void **state)
{
    (void)state;
    for (int ascii = 0; ascii < 2; ascii++)
        for (int row = 0; row < 4; row++) {
            struct view *v = view_open(ascii);
            view_press(v, '2');
            view_draw(v, 130, 40);
            for (int i = 0; i < row; i++)
                view_press(v, RT_KEY_DOWN);
            view_press(v, RT_KEY_ENTER);
            read_files(v);
            char *text = view_text(v, 130, 40);
            const char *words[] = {"speech, ", "cut_tone_16k.wav", "at all.wav", "measures"};
            assert_non_null(strstr(text, words[row]));
            free(text);
            if (row == 0 && !ascii)
                view_compare(v, 130, 40, "sample-looks-130x40");
            v->ui.view.colours = 256;
            for (int w = 1; w < 200; w += 13)
                for (int h = 1; h < 60; h += 5) {
                    view_draw(v, w, h);
                    for (int i = 0; i < w * h; i++)
                        assert_true(v->canvas.cell[i].front <= 256 && v->canvas.cell[i].ground <= 256);
                }
            view_close(v);
        }
}

/* On a terminal with pixels a picture is one, over blank cells; not behind a question. */
static void test_pixels(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    v->ui.view.pixels = true;
    v->ui.view.colours = 256;
    view_press(v, '2');
    for (int i = 0; i < 3; i++)
        view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_ENTER);
    view_draw(v, 130, 40);
    read_files(v);
    view_draw(v, 130, 40);
    assert_int_equal(v->canvas.pictures, 1);
    struct rt_canvas_picture p = v->canvas.picture[0];
    assert_true(p.at.w > 2 && p.at.h > 1 && p.at.x + p.at.w <= 130 && p.at.y + p.at.h <= 40);
    for (int y = p.at.y; y < p.at.y + p.at.h; y++)
        for (int x = p.at.x; x < p.at.x + p.at.w; x++)
            assert_int_equal(v->canvas.cell[y * 130 + x].c, ' ');
    view_press(v, ':');
    view_draw(v, 130, 40);
    assert_int_equal(v->canvas.pictures, 0); /* as cells */
    assert_true(v->canvas.cell[p.at.y * 130 + p.at.x].front || v->canvas.cell[p.at.y * 130 + p.at.x].ground);
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, '1');
    view_draw(v, 130, 40);
    assert_int_equal(v->canvas.pictures, 0);
    view_close(v);
}

/* How many the line below the samples says, when what the run's folder has by then was read. */
static int marked_now(struct view *v)
{
    example_read(&v->model);
    rt_ui_tick(&v->ui, 1);
    view_draw(v, 80, 24);
    return view_find(v, " marked", NULL, NULL) ? (int)view_number(v, " samples  ") : 0;
}

/* What another one marks comes by itself, and takes nothing away of what is marked here. */
static void test_samples_marked_by_others(void **state)
{
    uint8_t before[ROWS] = {0}, mark[ROWS] = {0};
    struct view *v = view_open(false);
    (void)state;
    assert_int_equal(rt_run_marks_load(example_dir.path, before, ROWS, &error), 0);
    assert_int_equal(rt_run_marks_save(example_dir.path, mark, before, ROWS, &error), 0);
    snprintf(v->model.folder, sizeof v->model.folder, "%s", example_dir.path);
    view_press(v, '2');
    assert_int_equal(marked_now(v), 0);
    mark[7] = mark[8] = RT_MARK_ON;
    assert_int_equal(rt_run_marks_save(example_dir.path, mark, before, ROWS, &error), 0);
    assert_int_equal(marked_now(v), 2);
    view_press(v, 'g');
    view_press(v, ' '); /* kept with the next tick, which reads first that 8 has lost its mark, and 9 has one */
    mark[8] = 0, mark[9] = RT_MARK_ON;
    assert_int_equal(rt_run_marks_save(example_dir.path, mark, before, ROWS, &error), 0);
    assert_int_equal(marked_now(v), 3);
    assert_int_equal(rt_run_marks_load(example_dir.path, mark, ROWS, &error), 0);
    assert_true(mark[0] && mark[7] && !mark[8] && mark[9]);
    memcpy(before, mark, ROWS);
    memset(mark, 0, ROWS);
    assert_int_equal(rt_run_marks_save(example_dir.path, mark, before, ROWS, &error), 0);
    assert_int_equal(marked_now(v), 0);
    view_close(v);
}

/* Texts make room for the columns behind them, and of an id both ends are seen. */
static void test_long_texts(void **state)
{
    static const char *const of[] = {"id", "label"};
    struct view *v = view_open(false);
    struct rt_table *t = &v->model.samples;
    int right;
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(rt_table_text(t, 0, rt_table_find(t, of[i]), "/data/a folder/its own folder/0001.wav"), 0);
    view_press(v, '2');
    view_draw(v, 50, 24);
    assert_true(view_find(v, "loss_ce", &right, NULL) && view_find(v, "0001.wav  /data/a", NULL, NULL));
    assert_in_range(right, 38, 43); /* whole */
    view_draw(v, 100, 24);
    assert_true(view_find(v, "/data/a f", NULL, NULL) && view_find(v, "  /data/a folder", NULL, NULL));
    view_close(v);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    scratch_make(&example_dir);
    example_write();
    example_write_manifest();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pane), cmocka_unit_test(test_pixels),
                                       cmocka_unit_test(test_samples_marked_by_others),
                                       cmocka_unit_test(test_long_texts)};
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
