/* SPDX-License-Identifier: MIT
 * example: see example.h. */
#include "tests/tui/report/example.h"
#include "pipeline/run/rundb.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct scratch example_dir;
static struct rt_error error;

/* ---- the run ---- */

static void metric(struct rt_rundb *db, int step, const char *split, const char *name, double value)
{
    assert_int_equal(rt_rundb_metric(db, step, (step - 1) / (STEPS / EPOCHS), split, name, value, &error),
                     0);
}

/* Smooth falls with a ripple, out of whole numbers: every machine draws the same. */
void example_steps(struct rt_rundb *db, int from, int to)
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

static const char *const columns[] = {"snr", "snr_pct", "loss_ce", "loss_l2", "inside_l2", "loss_kl", "doubt"};
#define COLUMNS ((int)(sizeof columns / sizeof *columns))

static void write_samples(struct rt_rundb *db)
{
    static const char *const label[] = {"animals", "food", "\u4e57\u308a\u7269"};
    for (int row = 0; row < ROWS; row++) {
        char id[40];
        bool bad = row % 17 == 5;
        double value[COLUMNS] = {row * 7 % 40, row * 7 % 40 / 40.0, 0.25 + row % 9, 0.5 + row % 4,
                                 row % 2, (double)NAN, (double)NAN};
        snprintf(id, sizeof id, row % 10 == 3 ? "\u732b-%03d" : "sample-%03d", row);
        struct rt_sample_row s = {
            .row = row, .id = id, .label = label[row % 3], .group = "", .split = row % 5 ? "train" : "valid",
            .reason = bad ? "silent" : "", .modality = bad ? "speech" : "",
            .detail = bad ? "sound/a.wav: silent" : "", .seen = row % 5 && !bad ? 4 : 0,
            .quality = bad ? (double)NAN : row * 7 % 40 / 40.0, .weight = bad ? (double)NAN : 0.5 + row % 3,
            .value = value,
        };
        if (!bad) { /* every seventh is taken for the next class */
            s.correct = row % 7 != 0;
            s.predicted = label[(row + !s.correct) % 3];
            s.p = 0.5 + row % 10 / 20.0;
            s.p_label = s.correct ? s.p : 1 - s.p;
            value[6] = 1 - s.p_label;
        }
        assert_int_equal(rt_rundb_sample(db, &s, &error), 0);
    }
}

static void write_stages(struct rt_rundb *db)
{
    struct rt_stage_stats s[] = {
        {.name = "decode", .workers = 2, .batches = 400, .samples = 12800, .busy = 1500000000,
         .wait_in = 500000000, .wait_out = 18000000000, .bytes_in = 0, .bytes_out = 60000000,
         .raw_out = 150000000, .p50 = 3000000, .p95 = 6400000, .queue_limit = 5},
        {.name = "student", .workers = 1, .batches = 400, .samples = 12800, .busy = 9500000000,
         .wait_in = 400000000, .bytes_in = 61000000, .p50 = 22000000, .p95 = 31000000,
         .queue_waiting = 3, .queue_limit = 4, .queue_bytes = 450000},
    };
    for (size_t i = 0; i < sizeof s / sizeof *s; i++)
        assert_int_equal(rt_rundb_stage(db, &s[i], 10, i ? "" : "3 samples left out", &error), 0);
}

static const char recipe[] = "student:\n  modality: speech\n  net: cnn1d\ndata:\n  manifest: m.tsv\n"
                             "weight:\n  terms: [snr]\n  map: percentile\n  gamma: 2\n  floor: 0.1\n"
                             "train:\n  steps: 400\n  epochs: 4\n  batch: 32\n";

struct rt_rundb *example_db(void)
{
    struct rt_rundb *db = NULL;
    char path[300];
    snprintf(path, sizeof path, "%s/run.db", example_dir.path);
    assert_int_equal(rt_rundb_open(&db, path, columns, COLUMNS, 1, &error), 0);
    return db;
}

void example_write(void)
{
    scratch_write(&example_dir, "recipe.yaml", recipe, sizeof recipe - 1);
    struct rt_rundb *db = example_db();
    assert_int_equal(rt_rundb_meta(db, "state", "done", &error), 0);
    example_steps(db, 1, 300);
    write_samples(db);
    write_stages(db);
    assert_int_equal(
        rt_rundb_meta(db, "limit",
                      "student limits the run (busy 95 %, decode waits 90 % for room): give it "
                      "more threads",
                      &error),
        0);
    assert_int_equal(rt_rundb_journal(db, 120, "ada", "distill.l2.margin", "0.5", "0.4", &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
}

void example_open(struct rt_snapshot *m)
{
    assert_int_equal(rt_snapshot_open(m, example_dir.path, &error), 0);
    example_read(m);
}

void example_read(struct rt_snapshot *m)
{
    do
        assert_true(rt_snapshot_poll(m, true, &error) >= 0);
    while (rt_snapshot_busy(m));
}

/* ---- what its samples are ---- */

const char *example_long(void)
{
    return scratch_file(&example_dir, "long.wav");
}

/* A bad file under a path that is short wherever the tests lie: a pane's lines are cut by its length. */
static const char *write_bad(const char *here)
{
    char target[4200];
    static char path[200];
    snprintf(target, sizeof target, "%s/tests/data/bad/cut_tone_16k.wav", here);
    snprintf(path, sizeof path, "%s", scratch_file(&example_dir, "cut_tone_16k.wav"));
    assert_true(symlink(target, path) == 0 || errno == EEXIST);
    return path;
}

/* As the example's samples are called; the first few with files. */
static void write_manifest(const char *path)
{
    FILE *f = fopen(path, "w");
    char here[4096];
    size_t size = sizeof here;
    assert_non_null(f);
    assert_int_equal(uv_cwd(here, &size), 0);
    fprintf(f, "id\tspeech\timage\ttext\n");
    for (int row = 0; row < ROWS; row++) {
        fprintf(f, row % 10 == 3 ? "\u732b-%03d\t" : "sample-%03d\t", row);
        switch (row) {
        case 0:
            fprintf(f,
                    "%s/tests/golden/fbank_in_fr.wav\t%s/tests/data/good/rgb.png\tune grenouille\n",
                    here, here);
            break;
        case 1: fprintf(f, "%s\t\t\n", write_bad(here)); break;
        case 2: fprintf(f, "nowhere/at all.wav\t\tthere is a text\n"); break;
        case 4: fprintf(f, "%s\t\tafter a long time\n", example_long()); break;
        case 3: fprintf(f, "\t%s/tests/data/good/rgb.png\t\n", here); break;
        default: fprintf(f, "\t\trow %d\n", row);
        }
    }
    assert_int_equal(fclose(f), 0);
}

void example_write_manifest(void)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/m.tsv", example_dir.path);
    write_manifest(path);
    struct rt_rundb *db = example_db();
    assert_int_equal(rt_rundb_meta(db, "manifest", path, &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
}
