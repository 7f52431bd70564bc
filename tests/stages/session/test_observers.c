/* SPDX-License-Identifier: MIT
 * Tests of stages/session/observe_*: what is safe before what (observers.h), seen from the calls that write; and a run
 * killed before any of them, which goes on to the same files and rows. The names of a step's metrics, and that the
 * documentation has each. Runs are processes of their own: the calls are counted there, and one of them is the end. */
#include "pipeline/run/checkpoints.h"
#include "stages/session/step_metrics.h"
#include "tests/stages/session/toy_run.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED 9
#define FAILED 8

static struct toy t;
static char folder[200], whole[200], journal[200];

/* ---- the calls that write ----
 * Linked in the place of the functions themselves (meson.build). Each is an event with a name; the process ends
 * before the one whose number is `deadly`. */

static int event_count, deadly, journal_of_events = -1;

static void event(const char *name)
{
    if (++event_count == deadly)
        _exit(KILLED);
    if (journal_of_events >= 0)
        dprintf(journal_of_events, "%s\n", name);
}

int __real_rt_rundb_commit(struct rt_rundb *db, struct rt_error *e);
int __wrap_rt_rundb_commit(struct rt_rundb *db, struct rt_error *e);
int __wrap_rt_rundb_commit(struct rt_rundb *db, struct rt_error *e)
{
    event("commit");
    return __real_rt_rundb_commit(db, e);
}

int __real_rt_rundb_metric(struct rt_rundb *db, int64_t step, int epoch, const char *split, const char *name,
                           double value, struct rt_error *e);
int __wrap_rt_rundb_metric(struct rt_rundb *db, int64_t step, int epoch, const char *split, const char *name,
                           double value, struct rt_error *e);
int __wrap_rt_rundb_metric(struct rt_rundb *db, int64_t step, int epoch, const char *split, const char *name,
                           double value, struct rt_error *e)
{
    if (strcmp(name, "loss") == 0) /* the first of a step, the last but some of an evaluation */
        event(*split ? "evaluation" : "step");
    return __real_rt_rundb_metric(db, step, epoch, split, name, value, e);
}

int __real_rt_rundb_mean(struct rt_rundb *db, int64_t after, int64_t step, int epoch, const char *split,
                         const char *name, struct rt_error *e);
int __wrap_rt_rundb_mean(struct rt_rundb *db, int64_t after, int64_t step, int epoch, const char *split,
                         const char *name, struct rt_error *e);
int __wrap_rt_rundb_mean(struct rt_rundb *db, int64_t after, int64_t step, int epoch, const char *split,
                         const char *name, struct rt_error *e)
{
    event("epoch");
    return __real_rt_rundb_mean(db, after, step, epoch, split, name, e);
}

int __real_rt_rundb_journal(struct rt_rundb *db, int64_t step, const char *who, const char *key, const char *before,
                            const char *after, struct rt_error *e);
int __wrap_rt_rundb_journal(struct rt_rundb *db, int64_t step, const char *who, const char *key, const char *before,
                            const char *after, struct rt_error *e);
int __wrap_rt_rundb_journal(struct rt_rundb *db, int64_t step, const char *who, const char *key, const char *before,
                            const char *after, struct rt_error *e)
{
    event("journal");
    return __real_rt_rundb_journal(db, step, who, key, before, after, e);
}

int __real_rt_file_write(const char *path, const struct rt_span *part, int parts, struct rt_error *e);
int __wrap_rt_file_write(const char *path, const struct rt_span *part, int parts, struct rt_error *e);
int __wrap_rt_file_write(const char *path, const struct rt_span *part, int parts, struct rt_error *e)
{
    const char *name = strrchr(path, '/') + 1;
    event(strncmp(name, "step-", 5) == 0 ? "checkpoint" : name);
    return __real_rt_file_write(path, part, parts, e);
}

void __real_rt_checkpoints_prune(const char *path, int keep);
void __wrap_rt_checkpoints_prune(const char *path, int keep);
void __wrap_rt_checkpoints_prune(const char *path, int keep)
{
    event("prune");
    __real_rt_checkpoints_prune(path, keep);
}

/* ---- runs ---- */

/* A run in a process of its own, killed before event `at` (0 = not). Its exit code. */
static int run_child(struct rt_training_request request, int at, const char *events)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct toy_run *r = calloc(1, sizeof *r);
        event_count = 0;
        deadly = at;
        if (events)
            journal_of_events = open(events, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        r->recipe = t.recipe;
        int rc = rt_training_open(&r->training, &r->session, &r->recipe, &request, &t.e);
        if (rc == 0)
            rc = rt_training_run(&r->training, &t.e);
        if (rc < 0)
            fprintf(stderr, "killed before event %d, then: %s\n", at, t.e.text);
        rt_training_close(&r->training);
        rt_session_close(&r->session);
        _exit(rc == 0 ? 0 : FAILED);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void remove_tree(const char *path)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    (void)state;
    toy_run_make(&t);
    toy_set(&t.recipe, "run.keep=1 train.epochs=3 run.checkpoint=3");
    snprintf(folder, sizeof folder, "%s/run", t.dir.path);
    snprintf(whole, sizeof whole, "%s/whole", t.dir.path);
    snprintf(journal, sizeof journal, "%s/journal.db", t.dir.path);
    struct rt_rundb *db; /* of a run whose changes the others make again */
    TOY_OK(&t, rt_rundb_open(&db, journal, NULL, 0, 1, &t.e));
    TOY_OK(&t, rt_rundb_journal(db, 2, "me", "train.lr", "0.002", "0.004", &t.e));
    TOY_OK(&t, rt_rundb_journal(db, 5, "me", "train.clip", "0", "3", &t.e));
    TOY_OK(&t, rt_rundb_commit(db, &t.e));
    rt_rundb_close(db);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&t.dir);
    return 0;
}

/* ---- what is safe before what ---- */

/* What a run wrote, a line each. */
static char *events_of_a_run(void)
{
    char path[300];
    uint8_t *text;
    size_t size;
    snprintf(path, sizeof path, "%s/events", t.dir.path);
    assert_int_equal(run_child((struct rt_training_request){.output = whole, .journal = journal}, 0, path), 0);
    TOY_OK(&t, rt_file_read(path, 100000, &text, &size, &t.e));
    return (char *)text;
}

static void test_order(void **state)
{
    (void)state;
    char *events = events_of_a_run(), before[2][40] = {"", ""}, *save;
    int checkpoints = 0, changes = 0, best = 0, evaluations = 0, epochs = 0;
    bool in_order = true, open_step = false;
    for (char *now = strtok_r(events, "\n", &save); now; now = strtok_r(NULL, "\n", &save)) {
        bool first = strcmp(now, "checkpoint") == 0 && checkpoints == 0;
        if (strcmp(now, "step") == 0)
            open_step = true;
        if (strcmp(now, "commit") == 0)
            open_step = false;
        if (strcmp(now, "checkpoint") == 0) { /* all metrics before it are safe; the first is of before run.db */
            in_order &= first || strcmp(before[1], "commit") == 0;
            in_order &= !open_step;
            checkpoints++;
        }
        if (strcmp(before[1], "checkpoint") == 0) /* older ones go when it is there */
            in_order &= strcmp(now, "prune") == 0;
        if (strcmp(now, "recipe.yaml") == 0) /* with all that the run needs before it */
            in_order &= checkpoints == 1;
        if (strcmp(now, "best.safetensors") == 0) {
            in_order &= strcmp(before[0], "evaluation") == 0 && strcmp(before[1], "commit") == 0;
            best++;
        }
        if (strcmp(before[1], "journal") == 0 || strcmp(before[1], "epoch") == 0 ||
            strcmp(before[1], "evaluation") == 0)
            in_order &= strcmp(now, "commit") == 0;
        changes += strcmp(now, "journal") == 0;
        evaluations += strcmp(now, "evaluation") == 0;
        epochs += strcmp(now, "epoch") == 0;
        if (!in_order)
            fail_msg("%s, %s, then %s", before[0], before[1], now);
        snprintf(before[0], sizeof before[0], "%s", before[1]);
        snprintf(before[1], sizeof before[1], "%s", now);
    }
    assert_int_equal(checkpoints, 3); /* with the journal, in the middle of an epoch, at the end */
    assert_int_equal(changes, 2);
    assert_int_equal(epochs, 3);
    assert_int_equal(evaluations, 3);
    assert_in_range(best, 1, 3);
    free(events);
}

/* ---- killed before each ---- */

static const char *const tables[] = {
    "SELECT step, epoch, split, name, value FROM metrics ORDER BY step, split, name",
    "SELECT step, who, key, before, after FROM journal ORDER BY step, key",
    "SELECT row, id, seen, quality, weight, history, loss_ce, factor, excluded FROM samples ORDER BY row",
    "SELECT value FROM meta WHERE key='state'",
};
#define TABLES (int)(sizeof tables / sizeof *tables)

static void same_as_whole(char *const expected[TABLES], int killed_at)
{
    static const enum rt_run_file files[] = {RT_RUN_MODEL, RT_RUN_BEST, RT_RUN_RECIPE};
    char a[RT_RUN_PATH], b[RT_RUN_PATH];
    int64_t *step;
    for (int i = 0; i < 3; i++)
        toy_run_same_file(rt_run_file_path(whole, files[i], a, sizeof a),
                          rt_run_file_path(folder, files[i], b, sizeof b));
    assert_int_equal(rt_checkpoints_steps(folder, &step), 1); /* run.keep */
    assert_int_equal(step[0], 3 * TOY_RUN_EPOCH);
    toy_run_same_file(rt_checkpoints_path(whole, step[0], a, sizeof a),
                      rt_checkpoints_path(folder, step[0], b, sizeof b));
    free(step);
    for (int i = 0; i < TABLES; i++)
        if (strcmp(toy_run_query(&t, folder, tables[i]), expected[i]) != 0)
            fail_msg("killed before event %d: %s: \n%s\nnot\n%s", killed_at, tables[i],
                     toy_run_query(&t, folder, tables[i]), expected[i]);
}

static void test_killed(void **state)
{
    (void)state;
    char *expected[TABLES];
    const struct rt_training_request begin = {.output = folder, .journal = journal},
                                     go_on = {.output = folder, .resume = true};
    free(events_of_a_run());
    for (int i = 0; i < TABLES; i++)
        expected[i] = strdup(toy_run_query(&t, whole, tables[i]));
    int at = 1, code;
    for (; (code = run_child(begin, at, NULL)) != 0; at++) {
        assert_int_equal(code, KILLED);
        assert_int_equal(run_child(rt_rundir_holds(folder) ? go_on : begin, 0, NULL), 0);
        same_as_whole(expected, at);
        remove_tree(folder);
    }
    assert_in_range(at, 30, 100); /* as many events as there are in such a run */
    for (int i = 0; i < TABLES; i++)
        free(expected[i]);
}

/* ---- the table of a step's metrics ---- */

static void test_step_metrics(void **state)
{
    (void)state;
    struct rt_objective_out out = {.total = 3};
    struct rt_step_report report = {.lr = 0.1, .gradient_norm = NAN, .total = 3, .effective = 4, .terms = &out};
    struct rt_step_value value[RT_STEP_VALUES];
    const int task = 0, distill = RT_TASK_TERMS;
    char name[3][64];
    out.used[task] = out.used[distill] = 5;
    out.mean[task] = 1;
    out.mean[distill] = 2;
    out.inside[task] = out.inside[distill] = 0.5;
    out.margin[task] = out.margin[distill] = 0.25;
    snprintf(name[0], sizeof name[0], "%s", rt_terms[distill]->name);
    snprintf(name[1], sizeof name[1], "%s.inside", rt_terms[distill]->name);
    snprintf(name[2], sizeof name[2], "%s.margin", rt_terms[distill]->name);
    const struct {
        const char *name;
        double value;
        bool status;
    } expected[] = {
        {"loss", 3, true}, {"lr", 0.1, true}, {"effective", 4, true}, /* and no gradient: there is none */
        {rt_terms[task]->name, 1, true}, {name[0], 2, true}, {name[1], 0.5, true}, {name[2], 0.25, false},
    };
    assert_int_equal(rt_step_values(&report, value), 7);
    for (int i = 0; i < 7; i++) {
        assert_string_equal(value[i].name, expected[i].name);
        assert_true(value[i].value == expected[i].value);
        assert_int_equal(value[i].status, expected[i].status);
    }
}

/* As "`loss`" or "`TERM.margin`", with the title in the same row. */
static void test_step_metrics_are_documented(void **state)
{
    (void)state;
    size_t size;
    char *text = (char *)read_bytes("docs/formats.md", &size); /* ends in a NUL */
    for (int i = 0; i < RT_STEP_METRICS; i++) {
        const struct rt_step_metric *m = &rt_step_metrics[i];
        char row[200];
        snprintf(row, sizeof row, "| `%s%s` | %s |", m->of == RT_OF_STEP ? "" : "TERM", m->name, m->title);
        if (!strstr(text, row))
            fail_msg("docs/formats.md has no row \"%s\"", row);
    }
    free(text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_order), TEST(test_killed), cmocka_unit_test(test_step_metrics),
        cmocka_unit_test(test_step_metrics_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
