/* SPDX-License-Identifier: MIT
 * Tests of the table of runs: a run is as good as what it is judged by. */
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "tests/tui/report/example.h"
#include "tui/report/process_usage.h"
#include "tui/report/runs_table.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct rt_error error;

static const struct rt_table_column *column(const struct rt_table *t, const char *name)
{
    int at = rt_table_find(t, name);
    assert_true(at >= 0);
    return &t->column[at];
}

static void look(struct rt_runs *r, struct rt_table *t)
{
    *r = (struct rt_runs){0};
    assert_int_equal(rt_runs_look(r, example_dir.path, &error), 0);
    assert_int_equal(r->count, 1);
    assert_int_equal(rt_runs_table(t, r, &error), 0);
}

static void test_eer(void **state)
{
    struct rt_runs r;
    struct rt_table t;
    (void)state;
    assert_int_equal(rt_runs_look(&(struct rt_runs){0}, "/nowhere", &error), RT_EMISSING);
    look(&r, &t);
    struct rt_table part; /* what is shown while the others are read */
    assert_int_equal(rt_runs_part(&part, &r, 0, &error), 0);
    assert_true(part.rows == 0 && part.columns == t.columns);
    rt_table_fini(&part);
    double best = (double)column(&t, "best_step")->number[0];
    assert_true(column(&t, "best")->number[0] > 0.5f && best > 200);
    assert_true(column(&t, "eer")->hidden && column(&t, "test_eer")->hidden);
    rt_table_fini(&t);
    rt_runs_fini(&r);
    struct rt_rundb *db = example_db();
    static const double eer[] = {0.3, 0.2, 0.25};
    for (int i = 0; i < 3; i++)
        assert_int_equal(rt_rundb_metric(db, 100 * (i + 1), i, "valid", "eer", eer[i], &error), 0);
    assert_int_equal(rt_rundb_metric(db, 300, 2, "test", "final.eer", 0.22, &error), 0);
    assert_int_equal(rt_rundb_metric(db, 300, 2, "noisy", "final.eer", 0.4, &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    look(&r, &t);
    assert_true(!column(&t, "eer")->hidden && !column(&t, "test_eer")->hidden);
    assert_true(column(&t, "eer")->number[0] == 0.2f && column(&t, "test_eer")->number[0] == 0.22f);
    assert_true(column(&t, "best_step")->number[0] == 200);
    rt_table_fini(&t);
    rt_runs_fini(&r);
}

static double anew(const struct rt_runs *before)
{
    struct rt_runs r = {0};
    struct rt_table t;
    assert_int_equal(rt_runs_look(&r, example_dir.path, &error), 0);
    assert_int_equal(rt_runs_read_anew(&r, 0, before), 0);
    assert_int_equal(rt_runs_part(&t, &r, 1, &error), 0);
    double step = (double)column(&t, "step")->number[0];
    rt_table_fini(&t);
    rt_runs_fini(&r);
    return step;
}

/* Files that are as they were are not read again: here they only look so. */
static void test_anew(void **state)
{
    struct rt_runs r;
    struct rt_table t;
    struct stat was;
    char path[RT_RUN_PATH];
    (void)state;
    look(&r, &t);
    double step = (double)column(&t, "step")->number[0];
    assert_true(step > 0);
    assert_true(anew(&(struct rt_runs){0}) == step);
    rt_run_file_path(example_dir.path, RT_RUN_DB, path, sizeof path);
    assert_int_equal(stat(path, &was), 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(truncate(path, was.st_size), 0);
    assert_true(isnan(anew(&r)));
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){was.st_atim, was.st_mtim}, 0), 0);
    assert_true(anew(&r) == step);
    rt_table_fini(&t);
    rt_runs_fini(&r);
}

/* The process that holds a run's folder is this one. */
static void test_usage(void **state)
{
    struct scratch run;
    struct rt_rundir d;
    struct rt_process_usage u = {0};
    (void)state;
    scratch_make(&run);
    assert_int_equal(rt_rundir_open(&d, run.path, 0, &error), 0);
    assert_true(rt_process_usage_poll(&u, run.path, 1) && u.bytes > 1e5 && u.cores == 0);
    assert_false(rt_process_usage_poll(&u, run.path, 2));
    for (volatile int i = 0; i < 300000000 && clock() < CLOCKS_PER_SEC / 20; i++) /* some ticks of work */
        ;
    assert_true(rt_process_usage_poll(&u, run.path, 3.5) && u.cores >= 0 && u.cores < 64);
    rt_rundir_close(&d);
    assert_true(rt_process_usage_poll(&u, run.path, 6) && u.bytes == 0);
    scratch_remove(&run);
}

int main(void)
{
    scratch_make(&example_dir);
    example_write();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eer), cmocka_unit_test(test_anew), cmocka_unit_test(test_usage),
    };
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
