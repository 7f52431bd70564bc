/* SPDX-License-Identifier: MIT
 * Tests of stages/session/replay_plan: journals that do not fit (no run, unknown settings, values out of range, rows
 * without a column, samples of another manifest) are refused with the file and the reason; rows in any order are
 * planned by step; what a run did before is what undo takes back. */
#include "stages/session/replay_plan.h"
#include "tests/stages/toy.h"

#include <sqlite3.h>

static struct toy t;
static struct rt_control *control;

static void db_exec(const char *name, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_file(&t.dir, name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* run.db of a run with these samples, and an empty journal. */
static void db_make(const char *name, const char *const *id, int count)
{
    struct rt_rundb *db;
    TOY_OK(&t, rt_rundb_open(&db, scratch_file(&t.dir, name), NULL, 0, 1, &t.e));
    for (int i = 0; i < count; i++) {
        struct rt_sample_row row = {.row = i, .id = id[i]};
        TOY_OK(&t, rt_rundb_sample(db, &row, &t.e));
    }
    TOY_OK(&t, rt_rundb_commit(db, &t.e));
    rt_rundb_close(db);
}

static const char *const same[] = {"a", "b", "c"};

static int setup(void **state)
{
    (void)state;
    toy_make(&t, "");
    toy_load(&t, "id\tlabel\ttext\na\tx\tone\nb\ty\ttwo\nc\tx\tthree\n");
    assert_int_equal(rt_control_create(&control, &t.recipe), 0);
    assert_int_equal(rt_control_samples(control, t.data.count), 0);
    db_make("run.db", same, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_control_destroy(control);
    toy_fini(&t);
    return 0;
}

static int plan(const char *name)
{
    return rt_replay_plan_read(control, scratch_file(&t.dir, name), &t.data, &t.e);
}

/* With one row in the journal. */
static void refuse(const char *values, int code, const char *words)
{
    char sql[300];
    db_exec("run.db", "DELETE FROM journal");
    snprintf(sql, sizeof sql, "INSERT INTO journal(step, who, key, before, after) VALUES(%s)", values);
    db_exec("run.db", sql);
    assert_int_equal(plan("run.db"), code);
    assert_non_null(strstr(t.e.text, "run.db: "));
    if (!strstr(t.e.text, words))
        fail_msg("\"%s\" does not say \"%s\"", t.e.text, words);
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(plan("nowhere"), RT_EMISSING);
    assert_non_null(strstr(t.e.text, "nowhere"));
    scratch_write(&t.dir, "text.db", "no data base at all, but long enough to be looked at", 52);
    assert_int_equal(plan("text.db"), RT_EFORMAT);
    db_exec("other.db", "CREATE TABLE journal(number INTEGER)");
    assert_int_equal(plan("other.db"), RT_EFORMAT);
    refuse("3, 'me', 'train.speed', '1', '2'", RT_ENOTFOUND, "train.speed");
    refuse("3, 'me', 'train.lr', '1', 'fast'", RT_EFORMAT, "fast");
    refuse("3, 'me', 'train.lr', '1', '-1'", RT_ERANGE, "train.lr");
    refuse("3, 'me', 'student.width', '8', '4'", RT_EUSAGE, "student.width");
    refuse("NULL, 'me', 'train.lr', '1', '2'", RT_EFORMAT, "no step");
    refuse("3, NULL, 'train.lr', '1', '2'", RT_EFORMAT, "no who");
    refuse("3, 'me', NULL, '1', '2'", RT_EFORMAT, "no key");
    refuse("3, 'me', 'train.lr', '1', NULL", RT_EFORMAT, "no after");
    refuse("3, 'me', 'samples', '', '0.5@9'", RT_ERANGE, "9"); /* the same manifest has no such row */
}

/* The column is missing in what else may call itself a journal. */
static void test_missing_column(void **state)
{
    (void)state;
    db_exec("run.db", "ALTER TABLE journal DROP COLUMN after");
    assert_int_equal(plan("run.db"), RT_EFORMAT);
    assert_non_null(strstr(t.e.text, "run.db"));
    assert_non_null(strstr(t.e.text, "after"));
    assert_null(strstr(strstr(t.e.text, "run.db") + 1, "run.db")); /* named once */
}

static void test_other_manifest(void **state)
{
    (void)state;
    static const char *const sorted[] = {"a", "c", "b"}, *const longer[] = {"a", "b", "c", "d"};
    db_make("sorted.db", sorted, 3);
    db_make("shorter.db", same, 2);
    db_make("longer.db", longer, 4);
    static const struct {
        const char *name, *words;
    } other[] = {
        {"sorted.db", "row 1 there is \"c\", here \"b\""},
        {"shorter.db", "it has 2, here are 3"},
        {"longer.db", "row 3 there is \"d\", here \"missing\""},
    };
    for (int i = 0; i < 3; i++) {
        TOY_OK(&t, plan(other[i].name)); /* nothing was done to samples: any manifest will do */
        db_exec(other[i].name, "INSERT INTO journal(step, who, key, before, after) "
                               "VALUES(4, 'me', 'samples', '1@0', '0.5@0')");
        assert_int_equal(plan(other[i].name), RT_EMISMATCH);
        assert_non_null(strstr(t.e.text, other[i].name));
        assert_non_null(strstr(t.e.text, other[i].words));
    }
}

static int hear_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                       const char *after, struct rt_error *e)
{
    char *text = self;
    (void)before, (void)e;
    sprintf(text + strlen(text), "%lld %s %s=%s;", (long long)step, who, key, after);
    return 0;
}

static const char *steps_heard(int64_t from, int64_t to)
{
    static char text[600];
    struct rt_control_told told = {.self = text, .change = hear_change};
    *text = '\0';
    for (int64_t step = from; step <= to; step++)
        TOY_OK(&t, rt_control_step(control, step, &told, &t.e));
    return text;
}

/* A folder or the file itself; the rows lie in the order in which they were written, which is not that of steps. */
static void test_planned_by_step(void **state)
{
    (void)state;
    db_exec("run.db", "INSERT INTO journal(step, who, key, before, after) VALUES"
                      "(9, 'me', 'train.lr', '0.1', '0.3'), (2, 'you', 'train.lr', '0.1', '0.2'),"
                      "(2, 'me', 'train.clip', '0', '5'), (5, 'me', 'samples', '1@1', '0.5@1')");
    TOY_OK(&t, rt_replay_plan_read(control, t.dir.path, &t.data, &t.e));
    assert_string_equal(steps_heard(1, 1), "");
    assert_string_equal(steps_heard(2, 8), "2 you train.lr=0.2;2 me train.clip=5;5 me samples=0.5@1;");
    assert_float_equal(rt_control_override(control)->factor[1], 0.5, 0);
    assert_float_equal(rt_control_settings(control)->train_lr, 0.2, 0);
    assert_string_equal(steps_heard(9, 12), "9 me train.lr=0.3;");
}

/* A run that has begun: what is over cannot be made again. */
static void test_too_late(void **state)
{
    (void)state;
    db_exec("run.db", "INSERT INTO journal(step, who, key, before, after) VALUES(2, 'me', 'train.lr', '0.1', '0.2')");
    assert_string_equal(steps_heard(1, 4), "");
    assert_int_equal(plan("run.db"), RT_ERANGE);
}

static void test_recalled(void **state)
{
    (void)state;
    struct rt_rundb *db;
    char what[RT_RECIPE_TEXT];
    int64_t at;
    db_exec("run.db", "INSERT INTO journal(step, who, key, before, after) VALUES"
                      "(1, 'me', 'train.lr', '0.1', '0.2'), (3, 'me', 'train.clip', '0', '5'),"
                      "(3, 'me', NULL, '0', '5')");
    TOY_OK(&t, rt_rundb_open_run(&db, t.dir.path, &t.e));
    TOY_OK(&t, rt_replay_plan_recall(control, db, &t.e));
    rt_rundb_close(db);
    TOY_OK(&t, rt_control_undo(control, "me", what, &at, &t.e)); /* the last of them first */
    assert_non_null(strstr(what, "train.clip"));
    TOY_OK(&t, rt_control_undo(control, "me", what, &at, &t.e));
    assert_non_null(strstr(what, "train.lr"));
    assert_int_equal(rt_control_undo(control, "me", what, &at, &t.e), RT_ENODATA);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused),         TEST(test_missing_column), TEST(test_other_manifest),
        TEST(test_planned_by_step), TEST(test_too_late),       TEST(test_recalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
