/* SPDX-License-Identifier: MIT
 * Tests of the screens without a terminal: a small run folder made through rundb, drawn at every size,
 * and at pinned sizes compared with tests/tui/golden/NAME.txt. RT_WRITE_GOLDEN=1 writes these anew: look
 * at what changed. */
#include "pipeline/run/rundb.h"
#include "tests/support/support.h"
#include "tui/ui.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 400
#define EPOCHS 4
#define ROWS 60

static struct scratch dir;
static struct rt_error error;

/* ---- the run ---- */

static void metric(struct rt_rundb *db, int step, const char *split, const char *name, double value)
{
    assert_int_equal(rt_rundb_metric(db, step, (step - 1) / (STEPS / EPOCHS), split, name, value, &error),
                     0);
}

/* Smooth falls with a ripple, out of whole numbers: every machine draws the same. */
static void write_steps(struct rt_rundb *db, int from, int to)
{
    for (int step = from; step <= to; step++) {
        double fall = 100.0 / (100 + step), ripple = (step * 37 % 11 - 5) / 100.0;
        metric(db, step, "", "loss", 4 * fall + ripple + 0.5);
        metric(db, step, "", "ce", 3 * fall + ripple);
        metric(db, step, "", "l2", fall + ripple / 4);
        metric(db, step, "", "l2.inside", 1 - fall);
        metric(db, step, "", "lr", step < 100 ? step * 1e-5 : (STEPS - step) * 1e-5 / 3);
        metric(db, step, "", "effective", 32 - step % 5);
        metric(db, step, "", "gradient_norm", step == 200 ? 90 : 10 + step % 7);
        if (step % (STEPS / EPOCHS) == 0) {
            metric(db, step, "train", "loss", 4 * fall + 0.5);
            metric(db, step, "valid", "loss", 3 * fall + 1);
            metric(db, step, "valid", "top1", 0.9 - fall);
            metric(db, step, "valid", "teacher.top1", 0.75);
        }
    }
}

static const char *const columns[] = {"snr", "snr_pct", "loss_ce", "loss_l2", "inside_l2", "loss_kl"};
#define COLUMNS ((int)(sizeof columns / sizeof *columns))

static void write_samples(struct rt_rundb *db)
{
    static const char *const label[] = {"animals", "food", "\u4e57\u308a\u7269"};
    for (int row = 0; row < ROWS; row++) {
        char id[40];
        bool bad = row % 17 == 5;
        double value[COLUMNS] = {row * 7 % 40, row * 7 % 40 / 40.0, 0.25 + row % 9, 0.5 + row % 4,
                                 row % 2, (double)NAN};
        snprintf(id, sizeof id, row % 10 == 3 ? "\u732b-%03d" : "sample-%03d", row);
        struct rt_sample_row s = {
            .row = row, .id = id, .label = label[row % 3], .group = "", .split = row % 5 ? "train" : "valid",
            .reason = bad ? "silent" : "", .modality = bad ? "speech" : "",
            .detail = bad ? "sound/a.wav: silent" : "", .seen = row % 5 && !bad ? 4 : 0,
            .quality = bad ? (double)NAN : row * 7 % 40 / 40.0, .weight = bad ? (double)NAN : 0.5 + row % 3,
            .value = value,
        };
        assert_int_equal(rt_rundb_sample(db, &s, &error), 0);
    }
}

static void write_stages(struct rt_rundb *db)
{
    struct rt_stage_stats s[] = {
        {.name = "decode", .workers = 2, .batches = 400, .samples = 12800, .busy = 1500000000,
         .wait_in = 500000000, .wait_out = 18000000000, .bytes_in = 0, .bytes_out = 60000000,
         .raw_out = 150000000},
        {.name = "student", .workers = 1, .batches = 400, .samples = 12800, .busy = 9500000000,
         .wait_in = 400000000, .bytes_in = 61000000},
    };
    for (size_t i = 0; i < sizeof s / sizeof *s; i++)
        assert_int_equal(rt_rundb_stage(db, &s[i], 10, &error), 0);
}

static const char recipe[] = "student:\n  modality: speech\n  net: cnn1d\ndata:\n  manifest: m.tsv\n"
                             "weight:\n  terms: [snr]\n  gamma: 2\n  floor: 0.1\n"
                             "train:\n  steps: 400\n  epochs: 4\n  batch: 32\n";

static struct rt_rundb *open_run(void)
{
    struct rt_rundb *db = NULL;
    char path[300];
    snprintf(path, sizeof path, "%s/run.db", dir.path);
    assert_int_equal(rt_rundb_open(&db, path, columns, COLUMNS, 1, &error), 0);
    return db;
}

static void write_run(void)
{
    scratch_write(&dir, "recipe.yaml", recipe, sizeof recipe - 1);
    struct rt_rundb *db = open_run();
    assert_int_equal(rt_rundb_meta(db, "state", "done", &error), 0);
    write_steps(db, 1, 300);
    write_samples(db);
    write_stages(db);
    assert_int_equal(rt_rundb_journal(db, 120, "ada", "distill.l2.margin", "0.5", "0.4", &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
}

/* ---- the screens ---- */

struct view {
    struct rt_snapshot model;
    struct rt_ui ui;
    struct rt_canvas canvas;
};

static void poll_all(struct view *v)
{
    do
        assert_true(rt_snapshot_poll(&v->model, true, &error) >= 0);
    while (v->model.loading);
}

static struct view *open_view(bool ascii)
{
    struct view *v = calloc(1, sizeof *v);
    assert_non_null(v);
    assert_int_equal(rt_snapshot_open(&v->model, dir.path, &error), 0);
    poll_all(v);
    snprintf(v->model.folder, sizeof v->model.folder, "runs/example"); /* not the scratch folder's name */
    rt_ui_init(&v->ui, &v->model, ascii);
    return v;
}

static void close_view(struct view *v)
{
    rt_snapshot_fini(&v->model);
    rt_canvas_fini(&v->canvas);
    free(v);
}

static unsigned press(struct view *v, int key)
{
    return rt_ui_event(&v->ui, (struct rt_event){key, 0, 0});
}

static void type(struct view *v, const char *line)
{
    for (; *line; line++)
        press(v, *line);
    press(v, RT_KEY_ENTER);
}

static void draw(struct view *v, int w, int h)
{
    assert_int_equal(rt_canvas_resize(&v->canvas, w, h), 0);
    rt_ui_draw(&v->ui, &v->canvas);
}

/* What is drawn, as text; the caller frees. */
static char *screen_text(struct view *v, int w, int h)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    draw(v, w, h);
    rt_canvas_write(&v->canvas, f);
    fclose(f);
    return text;
}

static void compare(struct view *v, int w, int h, const char *name)
{
    char path[200], *text = screen_text(v, w, h);
    snprintf(path, sizeof path, "tests/tui/golden/%s.txt", name);
    if (getenv("RT_WRITE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
    }
    size_t size;
    uint8_t *expected = read_bytes(path, &size);
    if (strlen(text) != size || memcmp(text, expected, size) != 0)
        fail_msg("%s is not what is drawn:\n%s", path, text);
    free(expected);
    free(text);
}

static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 13, 20, 27, 28, 40, 79, 80, 81, 133, 200};
#define SIZES ((int)(sizeof sizes / sizeof *sizes))

/* Every screen at every size, with every key pressed there. */
static void sizes_with(struct view *v)
{
    static const int screen_key[] = {'1', '2', '3', '4', '?'};
    for (size_t s = 0; s < sizeof screen_key / sizeof *screen_key; s++) {
        v->ui.screen = RT_SCREEN_LOSSES;
        press(v, screen_key[s]);
        enum rt_screen_id screen = v->ui.screen;
        for (int w = 0; w < SIZES; w++)
            for (int h = 0; h < SIZES; h++) {
                draw(v, sizes[w], sizes[h]);
                const struct rt_key_row *row = &rt_key_rows[(w * SIZES + h) % (RT_ACTS - 1)];
                press(v, row->key[0]);
                draw(v, sizes[w], sizes[h]);
                rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, sizes[w] / 2, sizes[h] / 2});
                for (size_t i = 0; i < (size_t)v->canvas.w * (size_t)v->canvas.h; i++)
                    assert_true(v->canvas.cell[i].c >= 32 && v->canvas.cell[i].style < RT_STYLES);
                if (v->ui.prompt)
                    press(v, RT_KEY_ESCAPE);
                v->ui.screen = screen;
            }
    }
}

static void test_every_size(void **state)
{
    (void)state;
    for (int ascii = 0; ascii < 2; ascii++) {
        struct view *v = open_view(ascii);
        sizes_with(v);
        close_view(v);
    }
}

/* A run of which there is nothing yet, at every size. */
static void test_nothing_yet(void **state)
{
    struct scratch full = dir;
    struct rt_snapshot none;
    (void)state;
    scratch_make(&dir);
    assert_int_equal(rt_snapshot_open(&none, dir.path, &error), RT_EMISSING);
    assert_non_null(strstr(error.text, "not the folder of a run"));
    rt_snapshot_fini(&none);
    rt_rundb_close(open_run());
    struct view *v = open_view(false);
    sizes_with(v);
    close_view(v);
    scratch_remove(&dir);
    dir = full;
}

static void test_losses(void **state)
{
    struct view *v = open_view(false);
    (void)state;
    compare(v, 80, 24, "losses-80x24");
    press(v, 'y');
    press(v, 's');
    press(v, RT_KEY_RIGHT);
    press(v, RT_KEY_RIGHT);
    press(v, '+');
    compare(v, 120, 36, "losses-cursor-120x36");
    press(v, RT_KEY_ESCAPE);
    press(v, '0');
    press(v, RT_KEY_ENTER);
    compare(v, 60, 14, "losses-large-60x14");
    close_view(v);
    v = open_view(true);
    compare(v, 80, 24, "losses-ascii-80x24");
    char *text = screen_text(v, 200, 60);
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || (*c >= 32 && *c < 127));
    free(text);
    close_view(v);
}

static void test_samples(void **state)
{
    struct view *v = open_view(false);
    const struct rt_table *t = &v->model.samples;
    (void)state;
    press(v, '2');
    assert_int_equal(rt_table_find(t, "loss_kl"), -1); /* a term that the run does not use */
    compare(v, 80, 24, "samples-80x24");
    type(v, ":sort -snr");
    compare(v, 80, 12, "samples-sorted-80x12");
    type(v, "/label = food and snr < 20 and not reason");
    assert_false(v->ui.failed);
    int snr = rt_table_find(t, "snr"), label = rt_table_find(t, "label");
    assert_in_range(t->shown, 1, 19);
    for (int i = 0; i < t->shown; i++) {
        assert_string_equal(rt_table_cell(t, t->order[i], label), "food");
        assert_true(t->column[snr].number[t->order[i]] < 20);
        assert_true(i == 0 || t->column[snr].number[t->order[i]] <= t->column[snr].number[t->order[i - 1]]);
    }
    press(v, RT_KEY_DOWN);
    press(v, RT_KEY_ENTER);
    compare(v, 130, 24, "samples-explained-130x24");
    int shown = t->shown, row = t->order[v->ui.samples.at];
    type(v, ":filter snr <");
    assert_true(v->ui.failed);
    assert_int_equal(t->shown, shown); /* a wrong one changes nothing */
    type(v, ":sort nothing");
    assert_true(v->ui.failed && strstr(v->ui.message, "no column 'nothing'"));
    press(v, RT_KEY_ESCAPE); /* the pane, then the filter */
    press(v, RT_KEY_ESCAPE);
    assert_int_equal(t->shown, ROWS);
    assert_int_equal(t->order[v->ui.samples.at], row); /* the cursor stays on its sample */
    type(v, ":columns id,snr_pct");
    char *text = screen_text(v, 80, 24);
    assert_true(strstr(text, "snr_pct") && !strstr(text, "label"));
    free(text);
    type(v, ":columns nothing");
    assert_true(v->ui.failed);
    type(v, ":columns");
    text = screen_text(v, 80, 24);
    assert_true(!strstr(text, "snr_pct") && strstr(text, "label"));
    free(text);
    close_view(v);
}

/* Keys and mouse do the same. */
static void test_samples_by_hand(void **state)
{
    struct view *v = open_view(false);
    const struct rt_table *t = &v->model.samples;
    (void)state;
    draw(v, 80, 24);
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, v->ui.tab[RT_SCREEN_SAMPLES].x, 1});
    assert_int_equal(v->ui.screen, RT_SCREEN_SAMPLES);
    draw(v, 80, 24);
    press(v, 's');
    assert_string_equal(v->ui.samples.sort, "id");
    assert_string_equal(rt_table_cell(t, t->order[0], 0), "sample-000");
    press(v, 's');
    assert_string_equal(v->ui.samples.sort, "-id");
    assert_string_equal(rt_table_cell(t, t->order[0], 0), "\u732b-053");
    struct rt_rect head = v->ui.samples.head;
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, head.x + 2, head.y});
    assert_string_equal(v->ui.samples.sort, "id");
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_CLICK, 5, v->ui.samples.table.y + 4});
    assert_int_equal(v->ui.samples.at, 4);
    rt_ui_event(&v->ui, (struct rt_event){RT_KEY_WHEEL_DOWN, 5, 5});
    assert_int_equal(v->ui.samples.at, 5);
    press(v, 'G');
    draw(v, 80, 24);
    assert_int_equal(v->ui.samples.at, ROWS - 1);
    press(v, RT_KEY_PAGE_UP);
    press(v, 'g');
    assert_int_equal(v->ui.samples.at, 0);
    for (int i = 0; i < 40; i++)
        press(v, RT_KEY_RIGHT);
    draw(v, 30, 10);
    assert_int_equal(v->ui.samples.under, v->ui.samples.columns - 1);
    assert_true(v->ui.samples.left > 0);
    close_view(v);
}

static void test_pipeline_and_journal(void **state)
{
    struct view *v = open_view(false);
    (void)state;
    press(v, '3');
    compare(v, 80, 24, "pipeline-80x24");
    assert_string_equal(rt_snapshot_limiting(&v->model)->name, "student");
    press(v, '4');
    v->model.journal[0].time = 1e9; /* the test's own time is another one each time */
    compare(v, 100, 10, "journal-100x10");
    close_view(v);
    v = open_view(true);
    press(v, '3');
    compare(v, 50, 8, "pipeline-ascii-50x8");
    close_view(v);
}

static void test_help(void **state)
{
    struct view *v = open_view(false);
    (void)state;
    press(v, '?');
    char *text = screen_text(v, 120, 200);
    for (int i = 0; i < RT_ACTS - 1; i++)
        assert_non_null(strstr(text, rt_key_rows[i].help));
    for (int i = 0; i < RT_VERBS; i++)
        assert_non_null(strstr(text, rt_verbs[i].help));
    free(text);
    press(v, '?');
    assert_int_equal(v->ui.screen, RT_SCREEN_LOSSES);
    close_view(v);
}

/* Steps that a run writes while somebody looks are taken without reading the others again. */
static void test_live(void **state)
{
    struct view *v = open_view(false);
    (void)state;
    assert_int_equal(v->model.step, 300);
    assert_int_equal(v->model.steps, STEPS);
    assert_int_equal(v->model.epochs, EPOCHS);
    assert_int_equal(rt_snapshot_poll(&v->model, false, &error), 0); /* nothing new */
    struct rt_rundb *db = open_run();
    assert_true(rt_snapshot_poll(&v->model, false, &error) >= 0); /* opening to write commits, too */
    write_steps(db, 301, STEPS);
    assert_int_equal(rt_snapshot_poll(&v->model, false, &error), 0); /* not committed */
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    snprintf(v->model.folder, sizeof v->model.folder, "%s", dir.path);
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
    close_view(v);
}

static void test_commands(void **state)
{
    struct view *v = open_view(false);
    char command[300], path[256];
    (void)state;
    snprintf(path, sizeof path, "%s", scratch_file(&dir, "dump.txt"));
    snprintf(command, sizeof command, ":dump %s", path);
    draw(v, 60, 20);
    type(v, command);
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
        type(v, wrong[i][0]);
        assert_true(v->ui.failed);
        assert_non_null(strstr(v->ui.message, wrong[i][1]));
    }
    press(v, ':');
    press(v, 0x732b);
    press(v, RT_KEY_BACKSPACE);
    assert_string_equal(v->ui.line, "");
    press(v, RT_KEY_BACKSPACE);
    assert_int_equal(v->ui.prompt, 0);
    press(v, ':');
    for (int i = 0; i < 1000; i++)
        press(v, 0x732b); /* more than a line holds */
    draw(v, 20, 5);
    press(v, RT_KEY_ESCAPE);
    press(v, ':');
    press(v, 'q');
    assert_true(press(v, RT_KEY_ENTER) & RT_DID_QUIT);
    close_view(v);
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
        cmocka_unit_test(test_every_size), cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_losses),     cmocka_unit_test(test_samples),
        cmocka_unit_test(test_samples_by_hand), cmocka_unit_test(test_pipeline_and_journal),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_live),       cmocka_unit_test(test_commands),
        cmocka_unit_test(test_numbers),
    };
    scratch_make(&dir);
    write_run();
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
