/* SPDX-License-Identifier: MIT
 * Tests of stages/session/training: what cannot be a run is refused and leaves nothing behind; what lies in the
 * folder once a run has been opened, has ended, was never begun; what a watch and an observer are told; a run that is
 * stopped and goes on ends in the same bytes; a start is kept. Also run under TSan. */
#include "pipeline/run/checkpoints.h"
#include "tests/stages/session/toy_run.h"

#include <unistd.h>

static struct toy t;
static char folder[200];

static int setup(void **state)
{
    (void)state;
    toy_run_make(&t);
    snprintf(folder, sizeof folder, "%s/run", t.dir.path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_drop(&t);
    return 0;
}

static const char *sub_folder(const char *name)
{
    return scratch_file(&t.dir, name);
}

static void refuse(struct rt_training_request request, const char *settings, int code, const char *words)
{
    struct rt_recipe before = t.recipe;
    int rc;
    toy_set(&t.recipe, settings);
    toy_run_close(toy_run_open(&t, request, &rc));
    t.recipe = before;
    if (rc != code || !strstr(t.e.text, words))
        fail_msg("%s: %d: %s", settings, rc, t.e.text);
}

static void test_refused(void **state)
{
    (void)state;
    const struct rt_training_request new = {.output = folder};
    refuse(new, "data.manifest=/none.tsv", RT_EMISSING, "/none.tsv");
    refuse(new, "student.modality=image student.net=cnn2d", RT_EMISMATCH, "no column 'image' for the student");
    refuse(new, "teacher.model=/none", RT_EMISSING, "teacher.model: ");
    refuse(new, "student.init=/none", RT_EMISSING, "student.init: ");
    refuse(new, "student.net=init", RT_EUSAGE, "student.init, which is not given");
    refuse(new, "weight.terms=loudness", RT_EUSAGE, "'loudness' is not measured");
    refuse(new, "distill.l2.lambda=1", RT_EUSAGE, "there is no teacher.model");
    refuse((struct rt_training_request){.output = folder, .journal = "/none.db"}, "", RT_EMISSING, "/none.db");
    refuse((struct rt_training_request){.output = folder, .resume = true}, "", RT_EUSAGE, "holds no run");
    assert_int_equal(access(folder, F_OK), -1); /* nothing of it was made */
}

static void test_no_samples(void **state)
{
    (void)state;
    static const char few[] = "id\tsplit\tlabel\ttext\na\ttrain\tx\tone\nb\ttrain\t\ttwo\nc\tvalid\tx\tthree\n";
    scratch_write(&t.dir, "words.tsv", few, sizeof few - 1);
    refuse((struct rt_training_request){.output = folder}, "", RT_ENODATA, "one usable training sample with text");
    static const char typed[] = "id\tsplit\tlable\ttext\na\ttrain\tx\tone\nb\ttrain\t\ttwo\n";
    scratch_write(&t.dir, "words.tsv", typed, sizeof typed - 1);
    refuse((struct rt_training_request){.output = folder}, "", RT_EMISMATCH, "no column 'label'; there is 'lable'");
    assert_int_equal(access(folder, F_OK), -1);
}

static void test_folder_is_taken(void **state)
{
    (void)state;
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc);
    TOY_OK(&t, rc);
    assert_int_equal(rt_rundir_writer(folder), getpid());
    refuse((struct rt_training_request){.output = folder}, "", RT_EBUSY, "in use by process");
    refuse((struct rt_training_request){.output = folder, .resume = true}, "", RT_EBUSY, "in use by process");
    toy_run_close(r);
    assert_int_equal(rt_rundir_writer(folder), 0);
    refuse((struct rt_training_request){.output = folder}, "", RT_EUSAGE, "already holds a run");
    refuse((struct rt_training_request){.output = folder, .resume = true}, "train.lr=0.5", RT_EUSAGE,
           "the run began with train.lr: 0.002, the recipe now says 0.5");
    toy_set(&t.recipe, "train.threads=3 pipeline.zstd=0 cache.size=7 run.keep=9"); /* no result depends on them */
    r = toy_run_open(&t, (struct rt_training_request){.output = folder, .resume = true}, &rc);
    TOY_OK(&t, rc);
    toy_run_close(r);
}

/* Opened and left: every sample has its row, nothing more is there, and nobody is left to think that it goes on. */
static void test_never_begun(void **state)
{
    (void)state;
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc);
    TOY_OK(&t, rc);
    assert_string_equal(toy_run_query(&t, folder, "SELECT value FROM meta WHERE key='state'"), "running\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT count(*), sum(seen) FROM samples"), "24 0\n");
    toy_run_close(r);
    assert_string_equal(toy_run_query(&t, folder, "SELECT value FROM meta WHERE key='state'"), "failed\n");
    assert_true(rt_run_file_exists(folder, RT_RUN_RECIPE));
    assert_true(rt_run_file_exists(folder, RT_RUN_LOG));
    assert_false(rt_run_file_exists(folder, RT_RUN_MODEL));
    assert_false(rt_run_file_exists(folder, RT_RUN_BEST));
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = folder, .resume = true}));
    assert_string_equal(toy_run_query(&t, folder, "SELECT value FROM meta WHERE key='state'"), "done\n");
}

/* What the result says stands beside every sample, those that were trained on too, as `eval` would find it. A class of
 * the test split alone is one that it cannot give: wrong, and in the mean. */
static void test_answers(void **state)
{
    (void)state;
    size_t size;
    char *table = (char *)read_bytes(scratch_file(&t.dir, "words.tsv"), &size), more[3200];
    snprintf(more, sizeof more,
             "%sq1\ttest\tpurple\ta purple thing\nq2\ttest\t\ta thing\nq3\ttest\tred\t\n", table);
    scratch_write(&t.dir, "words.tsv", more, strlen(more));
    free(table);
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc);
    TOY_OK(&t, rc);
    assert_string_equal(toy_run_query(&t, folder, "SELECT count(predicted), count(p) FROM samples"), "0 0\n");
    TOY_OK(&t, rt_training_run(&r->training, &t.e));
    assert_int_equal(r->training.test.samples, 7);
    char said[80];
    snprintf(said, sizeof said, "7 %d\n", (int)(7 * r->training.test.top1 + 0.5));
    toy_run_close(r);
    assert_string_equal(toy_run_query(&t, folder, "SELECT count(correct), sum(correct) FROM samples WHERE "
                                                  "split='test'"), said);
    assert_string_equal(toy_run_query(&t, folder, "SELECT split, count(predicted) FROM samples GROUP BY split"),
                        "test 8\ntrain 12\nvalid 6\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT count(*) FROM samples WHERE "
                                                  "predicted = label AND correct = 1 AND p = p_label OR "
                                                  "predicted <> label AND correct = 0 AND p >= p_label"), "25\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT id, p_label, correct FROM samples WHERE id LIKE 'q%'"),
                        "q1 0.0 0\nq2 - -\nq3 - -\n");
}

struct told {
    int steps, evaluations, scored;
    int64_t last;
};

static int told_step(void *self, const struct rt_step_report *r, struct rt_error *e)
{
    struct told *told = self;
    (void)e;
    told->steps++;
    told->last = r->step;
    return 0;
}

static int told_evaluation(void *self, const struct rt_eval_report *r, struct rt_error *e)
{
    struct told *told = self;
    (void)r, (void)e;
    told->evaluations++;
    return 0;
}

static void told_progress(void *self, const char *what, int done, int total)
{
    struct told *told = self;
    if (what && strcmp(what, "scoring") == 0 && done == total)
        told->scored = total;
}

static void test_whole(void **state)
{
    (void)state;
    struct told told = {0};
    const struct rt_watch watch = {.self = &told, .progress = told_progress};
    const struct rt_observer observer = {.self = &told, .step = told_step, .evaluation = told_evaluation};
    int rc;
    struct toy_run *r = toy_run_open(
        &t, (struct rt_training_request){.output = folder, .watch = &watch, .observer = observer}, &rc);
    TOY_OK(&t, rc);
    assert_int_equal(told.scored, 24);
    assert_int_equal(r->training.train_count, 12);
    assert_int_equal(r->training.valid_count, 6);
    TOY_OK(&t, rt_training_run(&r->training, &t.e));
    assert_int_equal(told.steps, 2 * TOY_RUN_EPOCH);
    assert_int_equal(told.last, 2 * TOY_RUN_EPOCH);
    assert_int_equal(told.evaluations, 2);
    assert_int_equal(r->training.valid.samples, 6);
    assert_int_equal(r->training.test.samples, 6);
    assert_ptr_equal(r->training.result, &r->training.best_model);
    for (int i = 0; i < RT_RUN_FILES; i++) /* all but what only some runs have */
        assert_int_equal(rt_run_file_exists(folder, (enum rt_run_file)i),
                         i != RT_RUN_INIT && i != RT_RUN_OUTPUT && i != RT_RUN_SOCKET && i != RT_RUN_OLD_MODEL);
    toy_run_close(r);
    assert_string_equal(toy_run_query(&t, folder, "SELECT split, count(*) FROM metrics WHERE name='final.top1' "
                                                  "GROUP BY split"), "test 1\nvalid 1\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT count(*), max(step) FROM metrics WHERE split='' AND "
                                                  "name='loss'"), "4 4\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT step FROM metrics WHERE split='train' AND name='loss'"),
                        "2\n4\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT name FROM stages ORDER BY name"),
                        "decode\nquality\nstudent\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT sum(seen) FROM samples"), "24\n");
}

/* A list decides which evaluation is the best; its samples need no label. */
static void test_trials(void **state)
{
    (void)state;
    static const char list[] = "1 u0 u1\n1 u2 u3\n0 u0 u2\n0 u1 u3\n", test[] = "1 s3 s15\n0 s3 s7\n";
    static const char unseen[] = "u0\tvalid\t\ta pink thing\nu1\tvalid\t\tpink things\n"
                                 "u2\tvalid\t\tgrey stones\nu3\tvalid\t\ta grey stone\n";
    uint8_t *table;
    size_t size;
    char path[300], set[590];
    snprintf(path, sizeof path, "%s/words.tsv", t.dir.path);
    TOY_OK(&t, rt_file_read(path, RT_FILE_MAX, &table, &size, &t.e));
    table = realloc(table, size + sizeof unseen);
    memcpy(table + size, unseen, sizeof unseen);
    scratch_write(&t.dir, "words.tsv", (const char *)table, size + sizeof unseen - 1);
    free(table);
    scratch_write(&t.dir, "list", list, sizeof list - 1);
    scratch_write(&t.dir, "test", test, sizeof test - 1);
    snprintf(set, sizeof set, "eval.trials=%s/list eval.trials_noisy=%s/test", t.dir.path, t.dir.path);
    toy_set(&t.recipe, set);
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc);
    TOY_OK(&t, rc);
    assert_int_equal(r->training.valid_count, 10); /* 6 with a label, 4 in trials */
    TOY_OK(&t, rt_training_run(&r->training, &t.e));
    const struct rt_training_trials *result = r->training.trials_result;
    assert_int_equal(result[RT_TRIALS_VALID].used, 4);
    assert_int_equal(result[RT_TRIALS_TEST].used, 0);
    assert_int_equal(result[RT_TRIALS_NOISY].used, 2);
    assert_int_equal(r->training.valid.samples, 6);
    double best = rt_learner_progress(r->training.student.learner).best;
    assert_true(best == 1 - result[RT_TRIALS_VALID].eer); /* the result is the best */
    toy_run_close(r);
    assert_string_equal(toy_run_query(&t, folder, "SELECT split, count(*) FROM metrics WHERE name='eer' GROUP BY 1"),
                        "valid 2\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT split, name FROM metrics WHERE name IN ('final.eer', "
                                                  "'final.min_dcf') ORDER BY 1, 2"),
                        "noisy final.eer\nnoisy final.min_dcf\nvalid final.eer\nvalid final.min_dcf\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT min(m.value) = f.value FROM metrics m, metrics f WHERE "
                                                  "m.name='eer' AND f.name='final.eer' AND f.split='valid'"), "1\n");
}

static void test_trials_refused(void **state)
{
    (void)state;
    char set[400];
    static const char list[] = "1 s2 s6\n0 s0 s2\n";
    scratch_write(&t.dir, "list", list, sizeof list - 1);
    snprintf(set, sizeof set, "eval.trials=%s/list", t.dir.path);
    refuse((struct rt_training_request){.output = folder}, set, RT_EMISMATCH, "list:2: 's0' is of the split train");
    assert_int_equal(access(folder, F_OK), -1);
}

static int told_enough(void *self, const struct rt_step_report *r, struct rt_error *e)
{
    (void)self;
    return r->step < 3 ? 0 : rt_error_set(e, RT_EFULL, "enough");
}

/* An error of one who looks on is the run's; what was recorded until then is kept. */
static void test_observer_ends_it(void **state)
{
    (void)state;
    const struct rt_observer observer = {.step = told_enough};
    assert_int_equal(toy_run_whole(&t, (struct rt_training_request){.output = folder, .observer = observer}), RT_EFULL);
    assert_string_equal(t.e.text, "enough");
    assert_string_equal(toy_run_query(&t, folder, "SELECT value FROM meta WHERE key='state'"), "failed\n");
    assert_string_equal(toy_run_query(&t, folder, "SELECT max(step) FROM metrics"), "3\n");
    assert_false(rt_run_file_exists(folder, RT_RUN_MODEL));
}

struct spending {
    struct rt_control *control;
    uint64_t before;
    int grown;
};

static int spending_at_step(void *self, const struct rt_step_report *r, struct rt_error *e)
{
    struct spending *s = self;
    (void)r, (void)e;
    s->before = rt_control_spent(s->control);
    return 0;
}

static int spending_at_update(void *self, int64_t step, bool epoch_ended, struct rt_error *e)
{
    struct spending *s = self;
    (void)step, (void)epoch_ended, (void)e;
    s->grown += rt_control_spent(s->control) > s->before;
    return 0;
}

/* Rows that are written because somebody asked are charged to those who ask; rows that are due are not. */
static void test_rows_asked_for_are_charged(void **state)
{
    (void)state;
    int rc, row = 2;
    int64_t at;
    struct spending s = {0};
    struct rt_training_request q = {.output = folder};
    q.observer = (struct rt_observer){.self = &s, .step = spending_at_step, .update = spending_at_update};
    struct toy_run *r = toy_run_open(&t, q, &rc);
    TOY_OK(&t, rc);
    s.control = r->training.control;
    TOY_OK(&t, rt_control_touch(s.control, "test", RT_TOUCH_MUTE, 0, &row, 1, "", &at, &t.e));
    TOY_OK(&t, rt_training_run(&r->training, &t.e));
    assert_int_equal(s.grown, 1);
    toy_run_close(r);
}

static void run_until(int64_t step)
{
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc);
    TOY_OK(&t, rc);
    rt_control_until(r->training.control, step);
    assert_int_equal(rt_training_run(&r->training, &t.e), RT_ESTOPPED);
    assert_int_equal(rt_learner_progress(r->training.student.learner).step, step);
    toy_run_close(r);
}

/* A signal that comes when the data base has been made and nothing handles it yet: the run is stopped by it. */
static void test_signal_before_the_first_update(void **state)
{
    (void)state;
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc);
    TOY_OK(&t, rc);
    raise(SIGTERM);
    assert_int_equal(rt_training_run(&r->training, &t.e), RT_ESTOPPED);
    assert_non_null(strstr(t.e.text, "by SIGTERM"));
    raise(SIGTERM); /* it is over: nothing is left to stop */
    toy_run_close(r);
    assert_string_equal(toy_run_query(&t, folder, "SELECT value FROM meta WHERE key='state'"), "stopped\n");
}

static void test_goes_on(void **state)
{
    (void)state;
    char whole[200], a[RT_RUN_PATH], b[RT_RUN_PATH], path[RT_RUN_PATH];
    static const char metrics[] = "SELECT step, split, name, value FROM metrics ORDER BY step, split, name";
    int64_t step;
    snprintf(whole, sizeof whole, "%s", sub_folder("whole"));
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = whole}));
    run_until(3);
    TOY_OK(&t, rt_checkpoints_latest(folder, path, sizeof path, &step));
    assert_int_equal(step, 3);
    assert_string_equal(toy_run_query(&t, folder, "SELECT value FROM meta WHERE key='state'"), "stopped\n");
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = folder, .resume = true}));
    toy_run_same_file(rt_run_file_path(whole, RT_RUN_MODEL, a, sizeof a),
                      rt_run_file_path(folder, RT_RUN_MODEL, b, sizeof b));
    toy_run_same_file(rt_checkpoints_path(whole, 4, a, sizeof a), rt_checkpoints_path(folder, 4, b, sizeof b));
    char *expected = strdup(toy_run_query(&t, whole, metrics));
    assert_string_equal(toy_run_query(&t, folder, metrics), expected);
    free(expected);
}

/* The file that a run began from may be gone when it goes on; without it another run could not begin. */
static void test_start_is_kept(void **state)
{
    (void)state;
    char start[200], set[300];
    snprintf(start, sizeof start, "%s", sub_folder("start"));
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = start}));
    snprintf(set, sizeof set, "student.init=%s", start);
    toy_set(&t.recipe, set);
    run_until(1);
    assert_true(rt_run_file_exists(folder, RT_RUN_INIT));
    char path[RT_RUN_PATH];
    assert_int_equal(unlink(rt_run_file_path(start, RT_RUN_MODEL, path, sizeof path)), 0);
    assert_int_equal(unlink(rt_run_file_path(start, RT_RUN_BEST, path, sizeof path)), 0);
    int64_t *step, steps = rt_checkpoints_steps(start, &step);
    for (int i = 0; i < steps; i++)
        assert_int_equal(unlink(rt_checkpoints_path(start, step[i], path, sizeof path)), 0);
    free(step);
    refuse((struct rt_training_request){.output = sub_folder("third")}, "", RT_EMISSING, "student.init: ");
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = folder, .init = folder, .resume = true}));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused), TEST(test_no_samples), TEST(test_folder_is_taken), TEST(test_never_begun),
        TEST(test_whole), TEST(test_answers), TEST(test_observer_ends_it), TEST(test_goes_on),
        TEST(test_rows_asked_for_are_charged),
        TEST(test_signal_before_the_first_update),
        TEST(test_start_is_kept), TEST(test_trials), TEST(test_trials_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
