/* SPDX-License-Identifier: MIT
 * Tests of the screens without a terminal: the example run drawn at every size, and at pinned sizes
 * compared with what it looked like before. */
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "stages/distill/weights.h"
#include "tests/tui/screen/example.h"
#include "tui/report/explain.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct rt_error error;

static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 13, 20, 27, 28, 40, 79, 80, 81, 133, 200};
#define SIZES ((int)(sizeof sizes / sizeof *sizes))

/* Every screen at every size, with every key pressed there. */
static void sizes_with(struct view *v)
{
    static const int screen_key[] = {'1', '2', '3', '4', '5', '6', '?'};
    for (size_t s = 0; s < sizeof screen_key / sizeof *screen_key; s++) {
        v->ui.screen = RT_SCREEN_LOSSES;
        view_press(v, screen_key[s]);
        enum rt_screen_id screen = v->ui.screen;
        for (int w = 0; w < SIZES; w++)
            for (int h = 0; h < SIZES; h++) {
                view_draw(v, sizes[w], sizes[h]);
                const struct rt_key_row *row = &rt_key_rows[(w * SIZES + h) % (RT_ACTS - 1)];
                view_press(v, row->key[0]);
                view_draw(v, sizes[w], sizes[h]);
                rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, sizes[w] / 2, sizes[h] / 2});
                for (size_t i = 0; i < (size_t)v->canvas.w * (size_t)v->canvas.h; i++)
                    assert_true(v->canvas.cell[i].c >= 32 && v->canvas.cell[i].style < RT_STYLES);
                if (v->ui.prompt.kind)
                    view_press(v, RT_KEY_ESCAPE);
                v->ui.screen = screen;
            }
    }
}

static void test_every_size(void **state)
{
    (void)state;
    for (int ascii = 0; ascii < 2; ascii++) {
        struct view *v = view_open(ascii);
        assert_true(rt_compare_with(&v->ui, example_dir.path));
        sizes_with(v);
        view_close(v);
    }
}

/* A run of which there is nothing yet, at every size. */
static void test_nothing_yet(void **state)
{
    struct scratch full = example_dir;
    struct rt_snapshot none;
    (void)state;
    scratch_make(&example_dir);
    assert_int_equal(rt_snapshot_open(&none, example_dir.path, &error), RT_EMISSING);
    assert_non_null(strstr(error.text, "not the folder of a run"));
    rt_snapshot_fini(&none);
    rt_rundb_close(example_db());
    struct view *v = view_open(false);
    sizes_with(v);
    view_close(v);
    scratch_remove(&example_dir);
    example_dir = full;
}

static void test_losses(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    view_compare(v, 80, 24, "losses-80x24");
    view_press(v, 'y');
    view_press(v, 's');
    view_press(v, RT_KEY_RIGHT);
    view_press(v, RT_KEY_RIGHT);
    view_press(v, '+');
    view_compare(v, 120, 36, "losses-cursor-120x36");
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, '0');
    view_press(v, RT_KEY_ENTER);
    view_compare(v, 60, 14, "losses-large-60x14");
    view_close(v);
    v = view_open(true);
    view_compare(v, 80, 24, "losses-ascii-80x24");
    char *text = view_text(v, 200, 60);
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || (*c >= 32 && *c < 127));
    free(text);
    view_close(v);
}

/* A mark at each change; another run, longer than this one, laid over. */
static void test_losses_compared(void **state)
{
    struct scratch here = example_dir, there;
    (void)state;
    scratch_make(&there);
    example_dir = there;
    struct rt_rundb *db = example_db();
    example_steps(db, 1, 400);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    example_dir = here;
    struct view *v = view_open(false);
    view_press(v, ']');
    assert_int_equal(v->ui.losses.cursor, 120);
    view_compare(v, 80, 24, "losses-change-80x24");
    view_press(v, ']');
    assert_string_equal(v->ui.message, "no change there");
    view_press(v, RT_KEY_LEFT);
    view_press(v, RT_KEY_RIGHT);
    view_press(v, RT_KEY_RIGHT);
    view_press(v, '[');
    assert_int_equal(v->ui.losses.cursor, 120);
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, 'c');
    view_type(v, "/nowhere/at/all");
    assert_true(v->ui.failed);
    assert_non_null(strstr(v->ui.message, "/nowhere/at/all"));
    assert_null(v->ui.compare.run);
    view_press(v, 'c');
    view_type(v, there.path);
    assert_false(v->ui.failed);
    snprintf(v->ui.compare.name, sizeof v->ui.compare.name, "twin"); /* folders of tests have any name */
    v->ui.message[0] = 0;
    view_compare(v, 80, 24, "losses-compared-80x24");
    view_press(v, 'G');
    assert_int_equal(v->ui.losses.cursor, 400); /* where only the other run is */
    view_type(v, ":compare");
    assert_null(v->ui.compare.run);
    view_close(v);
    scratch_remove(&there);
}

static void test_samples(void **state)
{
    struct view *v = view_open(false);
    const struct rt_table *t = &v->model.samples;
    (void)state;
    view_press(v, '2');
    assert_int_equal(rt_table_find(t, "loss_kl"), -1); /* a term that the run does not use */
    view_compare(v, 80, 24, "samples-80x24");
    view_type(v, ":sort -snr");
    view_compare(v, 80, 12, "samples-sorted-80x12");
    view_type(v, "/label = food and snr < 20 and not reason");
    assert_false(v->ui.failed);
    int snr = rt_table_find(t, "snr"), label = rt_table_find(t, "label");
    assert_in_range(t->shown, 1, 19);
    for (int i = 0; i < t->shown; i++) {
        assert_string_equal(rt_table_cell(t, t->order[i], label), "food");
        assert_true(t->column[snr].number[t->order[i]] < 20);
        assert_true(i == 0 || t->column[snr].number[t->order[i]] <= t->column[snr].number[t->order[i - 1]]);
    }
    view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_ENTER);
    view_compare(v, 130, 24, "samples-explained-130x24");
    int shown = t->shown, row = t->order[v->ui.samples.at];
    view_type(v, ":filter snr <");
    assert_true(v->ui.failed);
    assert_int_equal(t->shown, shown); /* a wrong one changes nothing */
    view_type(v, ":sort nothing");
    assert_true(v->ui.failed && strstr(v->ui.message, "no column 'nothing'"));
    view_press(v, RT_KEY_ESCAPE); /* the pane, then the filter */
    view_press(v, RT_KEY_ESCAPE);
    assert_int_equal(t->shown, ROWS);
    assert_int_equal(t->order[v->ui.samples.at], row); /* the cursor stays on its sample */
    view_type(v, ":columns id,snr_pct");
    char *text = view_text(v, 80, 24);
    assert_true(strstr(text, "snr_pct") && !strstr(text, "label"));
    free(text);
    view_type(v, ":columns nothing");
    assert_true(v->ui.failed);
    view_type(v, ":columns");
    text = view_text(v, 80, 24);
    assert_true(!strstr(text, "snr_pct") && strstr(text, "label"));
    free(text);
    view_close(v);
}

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
    struct view *v = view_open(false);
    struct rt_table *t = &v->model.samples;
    struct rt_weight_settings s = {.terms = "snr", .gamma = 2, .floor = 0.1};
    int factor = rt_table_add(t, "factor", "", false), excluded = rt_table_add(t, "excluded", "", false), row = 31;
    (void)state;
    for (int i = 0; i < ROWS; i++)
        t->column[factor].number[i] = 1;
    /* quality 0.425: g = 0.1 + 0.9 * 0.425^2; at quality 0.5 it is 0.325, and the weight 1.5 * 0.325 / g */
    explained(t, row, &s, "17 dB, percentile 43 -> factor 0.4250; at 20 dB, the middle of the data, the weight would be "
              "1.86", "by hand");
    s.gamma = 1;
    explained(t, row, &s, "0.4825 = 0.1 + (1 - 0.1) * quality^1", "quality^2");
    s.gamma = 2;
    t->column[factor].number[row] = 0.5f;
    explained(t, row, &s, "by hand            factor 0.5", "muted");
    explained(t, row, &s, "= g / 0.0875 * the factor by hand", "muted");
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
    view_close(v);
}

/* Keys and mouse do the same. */
static void test_samples_by_hand(void **state)
{
    struct view *v = view_open(false);
    const struct rt_table *t = &v->model.samples;
    (void)state;
    view_draw(v, 80, 24);
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, v->ui.tab[RT_SCREEN_SAMPLES].x, 1});
    assert_int_equal(v->ui.screen, RT_SCREEN_SAMPLES);
    view_draw(v, 80, 24);
    view_press(v, 's');
    assert_string_equal(v->ui.samples.sort, "id");
    assert_string_equal(rt_table_cell(t, t->order[0], 0), "sample-000");
    view_press(v, 's');
    assert_string_equal(v->ui.samples.sort, "-id");
    assert_string_equal(rt_table_cell(t, t->order[0], 0), "\u732b-053");
    struct rt_rect head = v->ui.samples.head;
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, head.x + 4, head.y});
    assert_string_equal(v->ui.samples.sort, "id");
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, 5, v->ui.samples.table.y + 4});
    assert_int_equal(v->ui.samples.at, 4);
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_WHEEL_DOWN, 5, 5});
    assert_int_equal(v->ui.samples.at, 5);
    view_press(v, 'G');
    view_draw(v, 80, 24);
    assert_int_equal(v->ui.samples.at, ROWS - 1);
    view_press(v, RT_KEY_PAGE_UP);
    view_press(v, 'g');
    assert_int_equal(v->ui.samples.at, 0);
    for (int i = 0; i < 40; i++)
        view_press(v, RT_KEY_RIGHT);
    view_draw(v, 30, 10);
    assert_int_equal(v->ui.samples.under, v->ui.samples.columns - 1);
    assert_true(v->ui.samples.left > 0);
    view_close(v);
}

static void test_pipeline_and_journal(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    view_press(v, '4');
    view_compare(v, 80, 24, "pipeline-80x24");
    assert_string_equal(rt_snapshot_limiting(&v->model)->name, "student");
    view_press(v, '6');
    v->model.journal[0].time = 1e9; /* the test's own time is another one each time */
    view_compare(v, 80, 24, "journal-80x24");
    view_compare(v, 160, 16, "journal-160x16");
    view_press(v, '/');
    view_type(v, "nobody");
    view_draw(v, 80, 24);
    assert_int_equal(v->ui.journal.count, 0);
    view_press(v, RT_KEY_ESCAPE);
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_ENTER);
    assert_int_equal(v->ui.screen, RT_SCREEN_LOSSES);
    assert_int_equal(v->ui.losses.cursor, 120);
    view_press(v, '6');
    view_draw(v, 80, 24);
    view_mouse(v, RT_KEY_CLICK, 20, v->ui.journal.list.y);
    assert_int_equal(v->ui.screen, RT_SCREEN_LOSSES);
    view_close(v);
    v = view_open(true);
    view_press(v, '4');
    view_compare(v, 50, 8, "pipeline-ascii-50x8");
    view_close(v);
}

static void test_controls(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    view_press(v, '5');
    for (int i = 0; i < 5; i++)
        view_press(v, RT_KEY_DOWN);
    view_compare(v, 80, 24, "controls-80x24");
    view_compare(v, 160, 30, "controls-160x30");
    view_compare(v, 40, 8, "controls-40x8");
    view_press(v, RT_KEY_LEFT);
    assert_true(v->ui.failed && strstr(v->ui.message, "no run goes on here"));
    view_press(v, '/');
    view_type(v, "nothing");
    view_draw(v, 80, 24);
    assert_int_equal(v->ui.controls.count, 0);
    view_press(v, RT_KEY_ESCAPE);
    view_draw(v, 80, 24);
    assert_true(v->ui.controls.count > 30);
    view_mouse(v, RT_KEY_CLICK, 5, v->ui.controls.list.y + 2);
    assert_int_equal(v->ui.controls.at, 2);
    view_close(v);
}

static void test_weights(void **state)
{
    struct view *v = view_open(false);
    struct rt_weights_view *w = &v->ui.weights;
    (void)state;
    view_press(v, '3');
    view_compare(v, 80, 24, "weights-80x24");
    double before = w->now.effective;
    for (int i = 0; i < 9; i++)
        view_press(v, RT_KEY_LEFT); /* gamma */
    view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_RIGHT);
    view_compare(v, 140, 30, "weights-tried-140x30");
    assert_true(w->now.effective == before && w->then.effective > before);
    view_press(v, 'a');
    assert_true(v->ui.failed && strstr(v->ui.message, "no run goes on here"));
    view_press(v, RT_KEY_ESCAPE);
    view_draw(v, 80, 24);
    assert_true(w->then.effective == before && !w->trying);
    view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_ENTER); /* snr out: no measure is left */
    char *text = view_text(v, 80, 24);
    assert_non_null(strstr(text, "every sample counts the same"));
    free(text);
    assert_true(w->then.effective == w->then.samples);
    view_press(v, RT_KEY_ENTER); /* in again: nothing is tried any more */
    view_draw(v, 80, 24);
    assert_false(w->trying);
    view_press(v, RT_KEY_HOME);
    view_press(v, RT_KEY_ENTER);
    view_press(v, 21);
    view_type(v, "99");
    assert_true(v->ui.failed && strstr(v->ui.message, "0 to 10"));
    view_press(v, RT_KEY_ENTER);
    view_press(v, 21);
    view_type(v, "0.25");
    assert_true(w->trying && w->tried.gamma == 0.25);
    view_press(v, 'r');
    view_draw(v, 80, 24);
    assert_false(w->trying);
    view_close(v);
    v = view_open(true);
    view_press(v, '3');
    view_compare(v, 60, 16, "weights-ascii-60x16");
    view_close(v);
}

static void test_weights_by_mouse(void **state)
{
    struct view *v = view_open(false);
    struct rt_weights_view *w = &v->ui.weights;
    (void)state;
    view_press(v, '3');
    view_draw(v, 80, 24);
    struct rt_rect plot = w->plot;
    view_mouse(v, RT_KEY_CLICK, plot.x + plot.w / 2, plot.y + plot.h - 1);
    view_mouse(v, RT_KEY_DRAG, plot.x + plot.w / 2, plot.y + 1);
    view_mouse(v, RT_KEY_RELEASE, plot.x + plot.w / 2, plot.y + 1);
    view_draw(v, 80, 24);
    assert_true(w->trying && w->tried.gamma > 0 && w->tried.gamma < 0.5); /* lifted */
    double x = 0.5, g = w->tried.floor + (1 - w->tried.floor) * pow(x, w->tried.gamma);
    assert_true(fabs(g - (1 - 1.0 / (plot.h - 1))) < 0.08); /* through that point */
    view_mouse(v, RT_KEY_CLICK, plot.x, plot.y + plot.h / 2);
    view_mouse(v, RT_KEY_RELEASE, plot.x, plot.y + plot.h / 2);
    assert_true(fabs(w->tried.floor - 0.5) < 0.1);
    view_draw(v, 80, 24);
    view_mouse(v, RT_KEY_CLICK, w->slider, w->list.y);
    view_mouse(v, RT_KEY_DRAG, w->slider + w->room + 20, w->list.y - 5);
    assert_true(w->tried.gamma == 10);
    view_mouse(v, RT_KEY_CLICK, 4, w->list.y + 2);
    view_draw(v, 80, 24);
    assert_string_equal(w->tried.terms, "");
    struct rt_rect drop = v->ui.hint[RT_ACT_WEIGHT_DROP];
    view_mouse(v, RT_KEY_CLICK, drop.x, drop.y);
    view_draw(v, 80, 24);
    assert_false(w->trying);
    view_close(v);
}

/* The same as weights.c gives for one batch of all. */
static void test_weighing(void **state)
{
    struct view *v = view_open(false);
    struct rt_weight_preview w = {0};
    struct rt_table *t = &v->model.samples;
    double quality[ROWS], hand[ROWS], weight[ROWS], effective, count[8];
    int n = 0, snr = rt_table_find(t, "snr_pct"), split = rt_table_find(t, "split");
    (void)state;
    int factor = rt_table_add(t, "factor", "", false);
    for (int row = 0; row < ROWS; row++) {
        t->column[factor].number[row] = row % 7 == 0 ? 0 : row % 5 == 0 ? 0.5f : 1;
        if (strcmp(rt_table_cell(t, row, split), "train") != 0 ||
            *rt_table_cell(t, row, rt_table_find(t, "reason")))
            continue;
        quality[n] = (double)t->column[snr].number[row];
        hand[n++] = (double)t->column[factor].number[row];
    }
    assert_int_equal(rt_weight_preview_fill(&w, t, 1, "snr", "snr"), 0);
    rt_weight_preview_apply(&w, 1.5, 0.2);
    rt_weight_batch(quality, hand, (size_t)n, 1.5, 0.2, weight);
    effective = rt_weight_effective(weight, (size_t)n);
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
    assert_int_equal(rt_weight_preview_fill(&w, t, 1, "", ""), 0);
    rt_weight_preview_apply(&w, 1.5, 0.2);
    assert_true(w.mean == 1);
    rt_weight_preview_fini(&w);
    view_close(v);
}

static void test_help(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    view_press(v, '?');
    char *text = view_text(v, 120, 200);
    for (int i = 0; i < RT_ACTS - 1; i++)
        assert_non_null(strstr(text, rt_key_rows[i].help));
    for (int i = 0; i < RT_VERBS; i++)
        assert_non_null(strstr(text, rt_verbs[i].help));
    free(text);
    view_press(v, '?');
    assert_int_equal(v->ui.screen, RT_SCREEN_LOSSES);
    view_press(v, '?');
    view_draw(v, 160, 45);
    for (int y = 2; y < 44 && v->ui.screen == RT_SCREEN_HELP; y++) /* the line of a key does as the key */
        for (int x = 1; x < 160 && v->ui.screen == RT_SCREEN_HELP; x += 80) {
            char row[80] = "";
            for (int i = 0; i < 79; i++)
                row[i] = (char)v->canvas.cell[y * 160 + x + i].c;
            if (strstr(row, "linear or logarithmic"))
                view_mouse(v, RT_KEY_CLICK, x + 20, y);
        }
    assert_int_equal(v->ui.screen, RT_SCREEN_LOSSES);
    assert_true(v->ui.losses.log);
    view_close(v);
}

/* Steps that a run writes while somebody looks are taken without reading the others again. */
static void test_live(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    assert_int_equal(v->model.step, 300);
    assert_int_equal(v->model.steps, STEPS);
    assert_int_equal(v->model.epochs, EPOCHS);
    assert_int_equal(rt_snapshot_poll(&v->model, false, &error), 0); /* nothing new */
    struct rt_rundb *db = example_db();
    assert_true(rt_snapshot_poll(&v->model, false, &error) >= 0); /* opening to write commits, too */
    example_steps(db, 301, STEPS);
    assert_int_equal(rt_snapshot_poll(&v->model, false, &error), 0); /* not committed */
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    snprintf(v->model.folder, sizeof v->model.folder, "%s", example_dir.path);
    assert_int_equal(rt_snapshot_poll(&v->model, false, &error), 1);
    const struct rt_series *s = rt_snapshot_series(&v->model, "", "loss");
    assert_int_equal(s->count, STEPS);
    for (int i = 0; i < s->count; i++)
        assert_int_equal(s->step[i], i + 1);
    int64_t step = 0;
    assert_true(rt_snapshot_best(rt_snapshot_series(&v->model, "valid", "top1"), &step) == 0.9 - 0.2);
    assert_int_equal(step, STEPS);
    assert_int_equal(rt_rundb_rewind(db, 300, &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    view_close(v);
}

/* The stages of a run that goes on are told of its last seconds; once it has ended, of all of it. */
static void test_stages_live(void **state)
{
    struct scratch full = example_dir;
    struct rt_rundir dir;
    struct rt_snapshot m;
    (void)state;
    scratch_make(&example_dir);
    struct rt_rundb *db = example_db();
    assert_int_equal(rt_rundb_meta(db, "state", "running", &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    assert_int_equal(rt_rundir_open(&dir, example_dir.path, 1, &error), 0);
    assert_int_equal(rt_snapshot_open(&m, example_dir.path, &error), 0);
    for (int i = 1; i <= 4; i++) { /* every 4 seconds: decode works in the first two of these, student later */
        struct rt_stage_stats s[] = {{.name = "student", .workers = 1, .busy = (i > 2 ? (uint64_t)i - 2 : 0) * 3000000000},
                                     {.name = "decode", .workers = 1, .busy = (i > 2 ? 2 : (uint64_t)i) * 4000000000}};
        for (int k = 0; k < 2; k++)
            assert_int_equal(rt_rundb_stage(db, &s[k], 4.0 * i, "", &error), 0);
        assert_int_equal(rt_rundb_commit(db, &error), 0);
        assert_int_equal(rt_snapshot_poll(&m, false, &error), 1);
        assert_true(m.live);
        assert_string_equal(m.stage[0].name, "decode");
        assert_string_equal(rt_snapshot_limiting(&m)->name, i < 4 ? "decode" : "student");
    }
    assert_true(m.stage[1].busy == 6 && m.stage[1].wall == 8 && m.stage[0].busy == 0);
    assert_int_equal(rt_rundb_meta(db, "state", "done", &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    assert_int_equal(rt_snapshot_poll(&m, false, &error), 1);
    assert_true(m.stage[0].busy == 8 && m.stage[0].wall == 16);
    rt_snapshot_fini(&m);
    rt_rundir_close(&dir);
    rt_rundb_close(db);
    scratch_remove(&example_dir);
    example_dir = full;
}

static void test_commands(void **state)
{
    struct view *v = view_open(false);
    char command[300], path[256];
    (void)state;
    snprintf(path, sizeof path, "%s", scratch_file(&example_dir, "dump.txt"));
    snprintf(command, sizeof command, ":dump %s", path);
    view_draw(v, 60, 20);
    view_type(v, command);
    assert_false(v->ui.failed);
    size_t size;
    uint8_t *dump = read_bytes(path, &size);
    assert_non_null(strstr((char *)dump, "total loss"));
    free(dump);
    remove(path);
    static const char *const wrong[][2] = {
        {":dump", "needs a file"}, {":dump /nowhere/at/all", "/nowhere/at/all"}, {":fly", "no command 'fly'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        view_type(v, wrong[i][0]);
        assert_true(v->ui.failed);
        assert_non_null(strstr(v->ui.message, wrong[i][1]));
    }
    view_press(v, ':');
    view_press(v, 0x732b);
    view_press(v, RT_KEY_BACKSPACE);
    assert_string_equal(v->ui.prompt.line, "");
    view_press(v, RT_KEY_BACKSPACE);
    assert_int_equal(v->ui.prompt.kind, 0);
    view_press(v, ':');
    for (int i = 0; i < 2000; i++)
        view_press(v, 0x732b); /* more than a line holds */
    view_draw(v, 20, 5);
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, ':');
    view_press(v, 'q');
    assert_true(view_press(v, RT_KEY_ENTER) & RT_DID_QUIT);
    view_close(v);
}

static void test_numbers(void **state)
{
    static const struct {
        double value;
        const char *text;
    } known[] = {
        {0, "0"}, {7, "7"}, {-3.14159, "-3.14"}, {99999, "99999"}, {1234567, "1.23M"}, {0.00012, "1.2e-04"},
        {1234.5, "1234"}, {5e20, "5.0e+20"}, {2.5e9, "2.5G"},
    };
    char n[24];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_string_equal(rt_ui_number(known[i].value, n), known[i].text);
    assert_string_equal(rt_ui_number((double)NAN, n), "-");
}

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return 77; /* nothing can be said about characters here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size), cmocka_unit_test(test_nothing_yet), cmocka_unit_test(test_losses_compared),
        cmocka_unit_test(test_explained),
        cmocka_unit_test(test_stages_live),
        cmocka_unit_test(test_losses),     cmocka_unit_test(test_samples),
        cmocka_unit_test(test_samples_by_hand), cmocka_unit_test(test_pipeline_and_journal),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_weights),  cmocka_unit_test(test_weights_by_mouse),
        cmocka_unit_test(test_weighing), cmocka_unit_test(test_help),
        cmocka_unit_test(test_live),       cmocka_unit_test(test_commands),
        cmocka_unit_test(test_numbers),
    };
    scratch_make(&example_dir);
    example_write();
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
