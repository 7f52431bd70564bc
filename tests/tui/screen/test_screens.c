/* SPDX-License-Identifier: MIT
 * Tests of the screens without a terminal: the example run drawn at every size, and at pinned sizes
 * compared with what it looked like before. */
#include "pipeline/run/rundb.h"
#include "tests/tui/screen/drive.h"

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
    for (int s = 0; s < RT_SCREENS; s++) {
        enum rt_screen_id screen = (enum rt_screen_id)s;
        v->ui.view.screen = s == RT_SCREEN_HELP ? RT_SCREEN_LOSSES : RT_SCREEN_HELP;
        view_press(v, rt_key_rows[s].key[0]); /* the first rows lead to the screens */
        assert_int_equal(v->ui.view.screen, s);
        for (int w = 0; w < SIZES; w++)
            for (int h = 0; h < SIZES; h++) {
                view_draw(v, sizes[w], sizes[h]);
                const struct rt_key_row *row = &rt_key_rows[(w * SIZES + h) % (RT_ACTS - 1)];
                view_press(v, row->key[0]);
                view_draw(v, sizes[w], sizes[h]);
                rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, sizes[w] / 2, sizes[h] / 2});
                for (size_t i = 0; i < (size_t)v->canvas.w * (size_t)v->canvas.h; i++)
                    assert_true(v->canvas.cell[i].c >= 32 && v->canvas.cell[i].style < RT_STYLES);
                if (v->ui.view.prompt.kind)
                    view_press(v, RT_KEY_ESCAPE);
                v->ui.view.screen = screen;
            }
    }
}

static void test_every_size(void **state)
{
    (void)state;
    for (int ascii = 0; ascii < 2; ascii++) {
        struct view *v = view_open(ascii);
        assert_true(rt_compare_with(&v->ui.view.compare, &v->model, example_dir.path, &error) == 0);
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
    view_press(v, 't');
    assert_non_null(strstr(v->ui.view.message.text, "has not noted"));
    view_close(v);
    v = view_open(true);
    view_compare(v, 80, 24, "losses-ascii-80x24");
    char *text = view_text(v, 200, 60);
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || (*c >= 32 && *c < 127));
    free(text);
    view_close(v);
}

/* A run with verification trials: a chart of its own, and the best is the lowest. */
static void test_losses_of_trials(void **state)
{
    struct scratch here = example_dir;
    static const double eer[] = {0.3, 0.125, 0.2};
    (void)state;
    scratch_make(&example_dir);
    struct rt_rundb *db = example_db();
    example_steps(db, 1, 400);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rt_rundb_metric(db, 100 * (i + 1), i, "valid", "eer", eer[i], &error), 0);
        assert_int_equal(rt_rundb_clock(db, 100 * (i + 1), 60 * i + 30, &error), 0);
    }
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    struct view *v = view_open(false);
    view_draw(v, 130, 40);
    assert_true(view_find(v, "validation EER", NULL, NULL));
    assert_true(view_find(v, "best EER 12.5 %", NULL, NULL));
    assert_false(view_find(v, "best top-1", NULL, NULL));
    view_press(v, 't'); /* over the 150 seconds that its clock knows of */
    view_draw(v, 130, 40);
    assert_true(view_find(v, "over time", NULL, NULL) && view_find(v, "0s", NULL, NULL));
    assert_true(view_find(v, "validation EER", NULL, NULL) && !view_find(v, "nothing here", NULL, NULL));
    view_close(v);
    scratch_remove(&example_dir);
    example_dir = here;
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
    assert_int_equal(v->ui.view.step, 120);
    view_compare(v, 80, 24, "losses-change-80x24");
    view_press(v, ']');
    assert_string_equal(v->ui.view.message.text, "no change there");
    view_press(v, RT_KEY_LEFT);
    view_press(v, RT_KEY_RIGHT);
    view_press(v, RT_KEY_RIGHT);
    view_press(v, '[');
    assert_int_equal(v->ui.view.step, 120);
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, 'c');
    view_type(v, "/nowhere/at/all");
    assert_true(v->ui.view.message.failed);
    assert_non_null(strstr(v->ui.view.message.text, "/nowhere/at/all"));
    assert_int_equal(v->ui.view.compare.count, 0);
    view_press(v, 'c');
    view_type(v, there.path);
    assert_false(v->ui.view.message.failed);
    snprintf(v->ui.view.compare.other[0].name, 40, "twin"); /* folders of tests have any name */
    v->ui.view.message.text[0] = 0;
    view_compare(v, 80, 24, "losses-compared-80x24");
    view_press(v, 'G');
    assert_int_equal(v->ui.view.step, 400); /* where only the other run is */
    view_type(v, ":compare");
    assert_int_equal(v->ui.view.compare.count, 0);
    view_close(v);
    scratch_remove(&there);
}

/* The sample under the cursor, as it is drawn: its row; -1 = none. */
static int row_under(struct view *v, int w, int h)
{
    const struct rt_table *t = &v->model.samples;
    view_draw(v, w, h);
    int y = view_selected(v), id = rt_table_find(t, "id");
    for (int row = 0; y >= 0 && row < t->rows; row++)
        if (strstr(view_line(v, y, RT_STYLES), rt_table_cell(t, row, id)))
            return row;
    return -1;
}

static void test_samples(void **state)
{
    struct view *v = view_open(false);
    const struct rt_table *t = &v->model.samples;
    (void)state;
    view_press(v, '2');
    assert_int_equal(rt_table_find(t, "loss_kl"), -1); /* a term that the run does not use */
    view_compare(v, 80, 24, "samples-80x24");
    view_type(v, ":sort -snr "); /* a blank that Tab left */
    assert_false(v->ui.view.message.failed);
    view_compare(v, 80, 12, "samples-sorted-80x12"); /* beside the id, whatever columns there are */
    view_type(v, "/SAMPLE-01"); /* words go there, and hide nothing */
    int first = row_under(v, 80, 24);
    assert_int_equal(t->shown, ROWS);
    assert_non_null(strstr(rt_table_cell(t, first, 0), "sample-01"));
    view_press(v, 'n');
    assert_true(row_under(v, 80, 24) != first && strstr(rt_table_cell(t, row_under(v, 80, 24), 0), "sample-01"));
    view_press(v, 'N');
    assert_int_equal(row_under(v, 80, 24), first);
    view_type(v, "/nowhere to be found");
    assert_true(v->ui.view.message.failed && row_under(v, 80, 24) == first);
    view_press(v, 'g');
    view_type(v, "/label = food and snr < 20 and not reason");
    assert_string_equal(v->ui.view.message.text, "");
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
    int shown = t->shown, row = row_under(v, 130, 24);
    assert_int_equal(row, t->order[1]);
    view_type(v, ":filter snr <");
    assert_true(v->ui.view.message.failed);
    assert_int_equal(t->shown, shown); /* a wrong one changes nothing */
    view_type(v, ":sort nothing");
    assert_true(v->ui.view.message.failed && strstr(v->ui.view.message.text, "no column \"nothing\""));
    view_press(v, RT_KEY_ESCAPE); /* the pane, then the filter */
    view_press(v, RT_KEY_ESCAPE);
    assert_int_equal(t->shown, ROWS);
    assert_int_equal(row_under(v, 80, 24), row); /* the cursor stays on its sample */
    view_type(v, ":columns id,snr_pct");
    char *text = view_text(v, 80, 24);
    assert_true(strstr(text, "snr_pct") && !strstr(text, "label"));
    free(text);
    view_type(v, ":columns nothing");
    assert_true(v->ui.view.message.failed);
    view_type(v, ":columns");
    text = view_text(v, 80, 24);
    assert_true(!strstr(text, "snr_pct") && strstr(text, "label"));
    free(text);
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
    assert_int_equal(v->ui.view.screen, RT_SCREEN_SAMPLES);
    view_draw(v, 80, 24);
    view_press(v, 's');
    view_draw(v, 80, 24);
    assert_true(view_find(v, "by id", NULL, NULL));
    assert_string_equal(rt_table_cell(t, t->order[0], 0), "sample-000");
    view_press(v, 's');
    view_draw(v, 80, 24);
    assert_true(view_find(v, "by -id", NULL, NULL));
    assert_string_equal(rt_table_cell(t, t->order[0], 0), "\u732b-053");
    int head;
    assert_true(view_find(v, "label", NULL, &head));
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, 4, head});
    view_draw(v, 80, 24);
    assert_true(view_find(v, "by id", NULL, NULL));
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, 5, head + 1 + 4});
    assert_int_equal(row_under(v, 80, 24), t->order[4]);
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_WHEEL_DOWN, 5, 5});
    assert_int_equal(row_under(v, 80, 24), t->order[5]);
    view_press(v, 'G');
    assert_int_equal(row_under(v, 80, 24), t->order[ROWS - 1]);
    view_press(v, RT_KEY_PAGE_UP);
    view_press(v, 'g');
    assert_int_equal(row_under(v, 80, 24), t->order[0]);
    for (int i = 0; i < 40; i++)
        view_press(v, RT_KEY_RIGHT);
    view_draw(v, 30, 10);
    assert_true(view_find(v, "reason", NULL, &head)); /* the last column, under the cursor; the id stays */
    assert_non_null(strstr(view_line(v, head, RT_STYLE_TAB), "reason"));
    assert_non_null(strstr(view_line(v, head, RT_STYLES), "id"));
    assert_null(strstr(view_line(v, head, RT_STYLES), "label"));
    view_close(v);
}

/* Values move while a run goes on: the sample under the cursor stays on its line, but the first of an order are
 * those that are first now. */
static void test_samples_move(void **state)
{
    struct view *v = view_open(false);
    struct rt_table *t = &v->model.samples;
    float *snr = t->column[rt_table_find(t, "snr")].number;
    (void)state;
    view_press(v, '2');
    view_type(v, ":sort snr");
    view_draw(v, 80, 24);
    int last = t->order[t->shown - 1];
    snr[last] = -5;
    v->model.samples_version++;
    assert_int_equal(row_under(v, 80, 24), last); /* the first, still */
    for (int i = 0; i < 30; i++)
        view_press(v, RT_KEY_DOWN);
    int row = row_under(v, 80, 24), y = view_selected(v);
    snr[row] = 500;
    v->model.samples_version++;
    assert_int_equal(row_under(v, 80, 24), row);
    snr[row] = 15; /* and back among the others */
    v->model.samples_version++;
    assert_int_equal(row_under(v, 80, 24), row);
    assert_in_range(view_selected(v), 3, y);
    view_close(v);
}

/* What is taken along: a table of the marked, a manifest without the excluded. */
static void test_samples_files(void **state)
{
    struct view *v;
    char command[300], csv[200], next[200];
    size_t size;
    (void)state;
    example_write_manifest();
    v = view_open(false);
    struct rt_table *t = &v->model.samples;
    snprintf(csv, sizeof csv, "%s", scratch_file(&example_dir, "marked.csv"));
    snprintf(next, sizeof next, "%s", scratch_file(&example_dir, "next.tsv"));
    view_press(v, '2');
    view_draw(v, 80, 24);
    view_press(v, ' ');
    view_press(v, ' ');
    snprintf(command, sizeof command, ":export %s", csv);
    view_type(v, command);
    view_says(v, false, "2 samples written");
    char *text = (char *)read_bytes(csv, &size);
    assert_true(memmem(text, size, "sample-000", 10) && memmem(text, size, "inside_l2", 9)); /* all columns */
    assert_null(memmem(text, size, "sample-002", 10));
    free(text);
    view_type(v, ":export");
    view_says(v, true, "needs a file");
    snprintf(v->model.folder, sizeof v->model.folder, "%s", example_dir.path);
    view_press(v, 'x'); /* the two that are marked */
    view_press(v, 'm');
    rt_ui_tick(&v->ui, 1); /* keeps them */
    view_says(v, false, "2 samples left out");
    view_close(v);
    v = view_open(false);
    t = &v->model.samples;
    t->column[rt_table_add(t, "excluded", "", false)].number[7] = 1;
    snprintf(v->model.folder, sizeof v->model.folder, "%s", example_dir.path);
    view_press(v, '2');
    rt_ui_tick(&v->ui, 1);
    view_draw(v, 80, 24);
    assert_true(view_find(v, "2 marked", NULL, NULL) && view_find(v, "*x sample-000", NULL, NULL));
    snprintf(command, sizeof command, ":manifest %s", next);
    view_type(v, command);
    view_says(v, false, "57 samples written");
    text = (char *)read_bytes(next, &size);
    assert_true(memmem(text, size, "row 8", 5) && !memmem(text, size, "row 7", 5));
    assert_null(memmem(text, size, "\tnowhere/at all.wav", 19)); /* whole from anywhere */
    free(text);
    view_type(v, command);
    view_says(v, true, "is there already");
    remove(csv);
    remove(next);
    view_close(v);
}

static void test_pipeline_and_journal(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    view_press(v, '4');
    view_compare(v, 80, 24, "pipeline-80x24");
    assert_string_equal(rt_snapshot_limiting(&v->model)->name, "student");
    snprintf(v->model.ranks, sizeof v->model.ranks, "%s\n%s\n%s",
             "rank 0 on here: 213 samples/s, computes 39 % of the time, waits 59 %, most for rank 1; an update sends "
             "2100 kB",
             "rank 1 on there: 213 samples/s, computes 97 % of the time, waits 1 %; an update sends 2100 kB",
             "rank 2 on there: 214 samples/s, computes 90 % of the time, waits 7 %; an update sends 2100 kB");
    view_compare(v, 120, 30, "pipeline-ranks-120x30");
    view_compare(v, 80, 16, "pipeline-ranks-80x16");
    *v->model.ranks = '\0';
    view_press(v, '6');
    v->model.journal[0].time = 1e9; /* the test's own time is another one each time */
    view_compare(v, 80, 24, "journal-80x24");
    view_compare(v, 160, 16, "journal-160x16");
    view_press(v, '/');
    view_type(v, "nobody");
    view_draw(v, 80, 24);
    assert_true(view_find(v, "No change is called so.", NULL, NULL));
    view_press(v, RT_KEY_ESCAPE);
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_ENTER);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_LOSSES);
    assert_int_equal(v->ui.view.step, 120);
    view_press(v, '6');
    view_draw(v, 80, 24);
    int y;
    assert_true(view_find(v, "distill.l2.margin", NULL, &y));
    view_mouse(v, RT_KEY_CLICK, 20, y);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_LOSSES);
    view_close(v);
    v = view_open(true);
    view_press(v, '4');
    view_compare(v, 50, 8, "pipeline-ascii-50x8");
    view_close(v);
}

/* How many controls are listed where there is room for all. */
static int controls_listed(struct view *v)
{
    int head, n = 0;
    view_draw(v, 80, 200);
    if (view_find(v, "No control is called so.", NULL, NULL))
        return 0;
    assert_true(view_find(v, "  control ", NULL, &head));
    while (strspn(view_line(v, head + 1 + n, RT_STYLES), " *?") < 3)
        n++;
    return n;
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
    assert_true(v->ui.view.message.failed && strstr(v->ui.view.message.text, "no run goes on here"));
    view_press(v, '/');
    view_type(v, "nothing");
    assert_int_equal(controls_listed(v), 0);
    view_press(v, RT_KEY_ESCAPE);
    view_draw(v, 80, 24);
    assert_true(controls_listed(v) > 30);
    int head;
    view_draw(v, 80, 24);
    assert_true(view_find(v, "  control ", NULL, &head));
    view_mouse(v, RT_KEY_CLICK, 5, head + 1 + 2);
    view_draw(v, 80, 24);
    assert_int_equal(view_selected(v), head + 1 + 2);
    view_close(v);
}

/* Whether other settings than the run's are tried; what samples count for then, and now. */
static bool is_trying(struct view *v)
{
    view_draw(v, 80, 24);
    return view_find(v, "if applied: ", NULL, NULL);
}

static double effective(struct view *v, bool then)
{
    view_draw(v, 80, 24);
    return view_number(v, then ? "if applied: " : "effective samples ");
}

static void test_weights(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    view_press(v, '3');
    view_compare(v, 80, 24, "weights-80x24");
    double before = effective(v, false);
    assert_true(before > 0);
    for (int i = 0; i < 9; i++)
        view_press(v, RT_KEY_LEFT); /* gamma */
    view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_RIGHT);
    view_compare(v, 140, 30, "weights-tried-140x30");
    assert_true(effective(v, false) == before && effective(v, true) > before);
    view_press(v, 'a');
    assert_true(v->ui.view.message.failed && strstr(v->ui.view.message.text, "no run goes on here"));
    view_press(v, RT_KEY_ESCAPE);
    assert_true(effective(v, false) == before && !is_trying(v));
    view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_ENTER); /* snr out: no measure is left */
    char *text = view_text(v, 80, 24);
    assert_non_null(strstr(text, "every sample counts the same"));
    free(text);
    assert_true(view_find(v, "if applied: 45 of 45 (100 %)", NULL, NULL));
    view_press(v, RT_KEY_ENTER); /* in again: nothing is tried any more */
    assert_false(is_trying(v));
    view_press(v, RT_KEY_HOME);
    view_press(v, RT_KEY_ENTER);
    view_press(v, 21);
    view_type(v, "99");
    assert_true(v->ui.view.message.failed && strstr(v->ui.view.message.text, "0 to 10"));
    view_press(v, RT_KEY_ENTER);
    view_press(v, 21);
    view_type(v, "0.25");
    assert_true(is_trying(v) && view_number(v, "gamma") == 0.25);
    view_press(v, 'r');
    assert_false(is_trying(v));
    view_close(v);
    v = view_open(true);
    view_press(v, '3');
    view_compare(v, 60, 16, "weights-ascii-60x16");
    view_close(v);
}

/* A column of the manifest is a measure as the others are: its values, its knee, and what they make of the weights. */
static void test_weights_of_a_column(void **state)
{
    static const char recipe[] = "student: {modality: speech, net: cnn1d}\ndata: {manifest: m.tsv}\n"
                                 "weight:\n  terms: [nisqa_mos]\n  columns: [nisqa_mos up]\n  map: knee\n"
                                 "  knees: [nisqa_mos 2 4]\n  gamma: 1\n  floor: 0.1\n",
                      *const columns[] = {"nisqa_mos", "nisqa_mos_pct"};
    struct scratch full = example_dir;
    struct rt_rundb *db;
    (void)state;
    scratch_make(&example_dir);
    scratch_write(&example_dir, "recipe.yaml", recipe, sizeof recipe - 1);
    assert_int_equal(rt_rundb_open(&db, scratch_file(&example_dir, "run.db"), columns, 2, 1, &error), 0);
    for (int row = 0; row < ROWS; row++) {
        char id[24];
        double value[] = {row % 10 == 9 ? (double)NAN : 1 + row * 7 % 41 / 10.0, row * 7 % 41 / 41.0};
        snprintf(id, sizeof id, "sample-%03d", row);
        struct rt_sample_row s = {.row = row, .id = id, .label = "a", .split = "train", .seen = 1, .quality = 1,
                                  .weight = 1, .value = value};
        assert_int_equal(rt_rundb_sample(db, &s, &error), 0);
    }
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    struct view *v = view_open(false);
    view_press(v, '3');
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_END);
    view_compare(v, 80, 24, "weights-column-80x24");
    double before = effective(v, false);
    view_press(v, 'e');
    view_press(v, 21);
    view_type(v, "1 2");
    assert_true(is_trying(v) && effective(v, true) > before);
    view_close(v);
    scratch_remove(&example_dir);
    example_dir = full;
}

/* Where the bars of the qualities are drawn: between their title and their axis. */
static struct rt_rect quality_plot(struct view *v)
{
    int title, axis, x, end;
    assert_true(view_find(v, "training samples by quality", NULL, &title));
    assert_true(view_find(v, "q = 0", &x, &axis));
    for (end = x + 5; v->canvas.cell[axis * v->canvas.w + end].c == ' ';)
        end++;
    return (struct rt_rect){x, title + 1, end + 1 - x, axis - title - 1};
}

static void test_weights_by_mouse(void **state)
{
    struct view *v = view_open(false);
    int y, room;
    (void)state;
    view_press(v, '3');
    view_draw(v, 80, 24);
    struct rt_rect plot = quality_plot(v);
    view_mouse(v, RT_KEY_CLICK, plot.x + plot.w / 2, plot.y + plot.h - 1);
    view_mouse(v, RT_KEY_DRAG, plot.x + plot.w / 2, plot.y + 1);
    view_mouse(v, RT_KEY_RELEASE, plot.x + plot.w / 2, plot.y + 1);
    assert_true(is_trying(v));
    double gamma = view_number(v, "gamma"), floor = view_number(v, "floor");
    assert_true(gamma > 0 && gamma < 0.5); /* lifted */
    double x = 0.5, g = floor + (1 - floor) * pow(x, gamma);
    assert_true(fabs(g - (1 - 1.0 / (plot.h - 1))) < 0.08); /* through that point */
    view_mouse(v, RT_KEY_CLICK, plot.x, plot.y + plot.h / 2);
    view_mouse(v, RT_KEY_RELEASE, plot.x, plot.y + plot.h / 2);
    view_draw(v, 80, 24);
    assert_true(fabs(view_number(v, "floor") - 0.5) < 0.1);
    assert_true(view_find(v, "gamma", NULL, &y));
    int slider = view_slider(v, y, &room);
    view_mouse(v, RT_KEY_CLICK, slider, y);
    view_mouse(v, RT_KEY_DRAG, slider + room + 20, y - 5);
    view_draw(v, 80, 24);
    assert_true(view_number(v, "gamma") == 10);
    view_mouse(v, RT_KEY_CLICK, 4, y + 2);
    view_draw(v, 80, 24);
    assert_true(view_find(v, "[ ] snr", NULL, NULL) && view_find(v, "w = 1: no measure is in", NULL, NULL));
    struct rt_rect drop = v->ui.hint[RT_ACT_WEIGHT_DROP];
    view_mouse(v, RT_KEY_CLICK, drop.x, drop.y);
    assert_false(is_trying(v));
    view_close(v);
}

/* Under weight.map knee a measure shows its values and its knee, which is typed, dragged or moved by keys. */
static void test_knees(void **state)
{
    struct view *v = view_open(false);
    int y, x;
    (void)state;
    v->model.recipe->weight_map = RT_MAP_KNEE;
    view_press(v, '3');
    view_press(v, 'e');
    assert_true(v->ui.view.message.failed && strstr(v->ui.view.message.text, "go to a measure first"));
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_END);
    view_compare(v, 80, 24, "weights-knee-80x24");
    double before = effective(v, false);
    view_press(v, 'e');
    view_press(v, 21);
    view_type(v, "8 8");
    assert_true(v->ui.view.message.failed && strstr(v->ui.view.message.text, "bad and good are the same"));
    assert_false(is_trying(v));
    view_press(v, 'e');
    view_press(v, 21);
    view_type(v, "20 35");
    assert_true(is_trying(v) && effective(v, true) < before);
    view_draw(v, 80, 24);
    assert_true(view_find(v, "knee 20 35", NULL, NULL));
    /* 0 to 39 dB and the knee lie on the axis: 35 is at nine tenths. It is let go where it is no knee any more. */
    assert_true(view_find(v, "samples by snr", NULL, &y));
    double range = 0;
    for (int turn = 0; turn < 2; turn++) {
        x = 1 + (turn ? 2 : 30);
        view_mouse(v, RT_KEY_CLICK, 40, y + 4);
        view_mouse(v, RT_KEY_DRAG, x, y + 9);
        view_mouse(v, RT_KEY_RELEASE, x, y + 9);
        view_draw(v, 80, 24);
        double good = view_number(v, "knee 20 ");
        assert_true(turn ? good == range : good > 20 && good < 35);
        range = good;
    }
    view_press(v, RT_KEY_ESCAPE);
    assert_false(is_trying(v));
    view_draw(v, 80, 24);
    assert_true(view_find(v, "knee 8 14", NULL, NULL));
    view_press(v, '}'); /* by keys, a column at a time */
    view_press(v, '}');
    view_press(v, ']');
    view_draw(v, 80, 24);
    assert_true(view_number(v, "knee 8.9 ") > 15 && is_trying(v));
    view_press(v, '{');
    view_press(v, '{');
    view_press(v, '[');
    view_draw(v, 80, 24);
    assert_true(view_find(v, "knee 8 14", NULL, NULL));
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, RT_KEY_HOME);
    view_draw(v, 80, 24);
    view_press(v, ']');
    assert_true(v->ui.view.message.failed && strstr(v->ui.view.message.text, "no knee is shown") && !is_trying(v));
    view_press(v, RT_KEY_END);
    view_draw(v, 20, 6); /* no room: nothing is drawn, nothing can be held */
    view_mouse(v, RT_KEY_CLICK, 5, 3);
    view_mouse(v, RT_KEY_DRAG, 9, 3);
    v->model.recipe->weight_map = RT_MAP_PERCENTILE;
    view_press(v, RT_KEY_ESCAPE);
    view_draw(v, 80, 24);
    assert_true(view_find(v, "training samples by quality", NULL, NULL));
    view_press(v, 'e');
    assert_true(strstr(v->ui.view.message.text, "weight.map is percentile"));
    view_close(v);
}

static void test_help(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    view_press(v, '?');
    char *text = view_text(v, 126, 200);
    for (int i = 0; i < RT_ACTS - 1; i++)
        assert_non_null(strstr(text, rt_key_rows[i].help));
    for (int i = 0; i < RT_VERBS; i++)
        assert_non_null(strstr(text, rt_verbs[i].help));
    free(text);
    text = view_text(v, 60, 300);
    assert_null(strstr(text, "\u2026")); /* where there is less room it goes on below */
    free(text);
    view_press(v, '?');
    assert_int_equal(v->ui.view.screen, RT_SCREEN_LOSSES);
    view_press(v, '?');
    view_draw(v, 160, 45);
    for (int y = 2; y < 44 && v->ui.view.screen == RT_SCREEN_HELP; y++) /* the line of a key does as the key */
        for (int x = 1; x < 160 && v->ui.view.screen == RT_SCREEN_HELP; x += 80) {
            char row[80] = "";
            for (int i = 0; i < 79; i++)
                row[i] = (char)v->canvas.cell[y * 160 + x + i].c;
            if (strstr(row, "linear or logarithmic"))
                view_mouse(v, RT_KEY_CLICK, x + 20, y);
        }
    assert_int_equal(v->ui.view.screen, RT_SCREEN_LOSSES);
    view_draw(v, 80, 24);
    assert_true(view_find(v, "  log", NULL, NULL));
    view_close(v);
}

/* Header and footer drawn alone are those of the whole. */
static void test_bars_alone(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    for (int screen = '1'; screen <= '6'; screen++) {
        view_press(v, screen);
        view_draw(v, 100, 20);
        size_t size = (size_t)v->canvas.w * (size_t)v->canvas.h * sizeof *v->canvas.cell;
        struct rt_cell *whole = malloc(size);
        v->ui.view.steer.step += 7; /* the run went on */
        rt_message_say(&v->ui.view.message, false, "step %d", (int)v->ui.view.steer.step);
        view_draw(v, 100, 20);
        memcpy(whole, v->canvas.cell, size);
        v->ui.view.steer.step -= 7;
        rt_message_say(&v->ui.view.message, false, "before");
        view_draw(v, 100, 20);
        assert_memory_not_equal(whole, v->canvas.cell, size);
        v->ui.view.steer.step += 7;
        rt_message_say(&v->ui.view.message, false, "step %d", (int)v->ui.view.steer.step);
        rt_ui_draw_bars(&v->ui, &v->canvas);
        assert_memory_equal(whole, v->canvas.cell, size);
        free(whole);
    }
    view_close(v);
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
    assert_false(v->ui.view.message.failed);
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
        assert_true(v->ui.view.message.failed);
        assert_non_null(strstr(v->ui.view.message.text, wrong[i][1]));
    }
    view_press(v, ':');
    view_press(v, 0x732b);
    view_press(v, RT_KEY_BACKSPACE);
    assert_string_equal(v->ui.view.prompt.line, "");
    view_press(v, RT_KEY_BACKSPACE);
    assert_int_equal(v->ui.view.prompt.kind, 0);
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

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return 77; /* nothing can be said about characters here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size), cmocka_unit_test(test_nothing_yet), cmocka_unit_test(test_losses_compared),
        cmocka_unit_test(test_losses_of_trials),
        cmocka_unit_test(test_losses),     cmocka_unit_test(test_samples),
        cmocka_unit_test(test_samples_by_hand), cmocka_unit_test(test_samples_move),
        cmocka_unit_test(test_pipeline_and_journal),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_weights_of_a_column),
        cmocka_unit_test(test_weights),  cmocka_unit_test(test_weights_by_mouse),
        cmocka_unit_test(test_knees),
        cmocka_unit_test(test_help),     cmocka_unit_test(test_bars_alone), cmocka_unit_test(test_commands),
        cmocka_unit_test(test_samples_files), /* leaves the run a manifest */
    };
    scratch_make(&example_dir);
    example_write();
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
