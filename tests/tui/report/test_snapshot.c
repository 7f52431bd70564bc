/* SPDX-License-Identifier: MIT
 * Tests of a run folder as it is read: what it left, what it writes while somebody looks, and a folder
 * without. */
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "tests/support/allocation.h"
#include "tests/tui/report/example.h"
#include "tui/report/run_card.h"

#include <math.h>
#include <string.h>

static struct rt_error error;

/* All that is new, however slow the machine is: one poll reads for some time only. 1: something was. */
static int poll_all(struct rt_snapshot *m)
{
    int changed = 0;
    do
        changed |= rt_snapshot_poll(m, false, &error);
    while (changed >= 0 && rt_snapshot_busy(m));
    return changed;
}

/* A folder that is no run's, and a run of which there is nothing yet. */
static void test_nothing(void **state)
{
    struct scratch full = example_dir;
    struct rt_snapshot m;
    char above[5000];
    (void)state;
    scratch_make(&example_dir);
    assert_int_equal(rt_snapshot_open(&m, example_dir.path, &error), RT_EMISSING);
    assert_non_null(strstr(error.text, "not the folder of a run"));
    rt_snapshot_fini(&m);
    rt_rundb_close(example_db());
    snprintf(above, sizeof above, "%s/..", example_dir.path);
    assert_int_equal(rt_snapshot_open(&m, above, &error), RT_EMISSING);
    assert_non_null(strstr(error.text, "; did you mean ")); /* one of the runs in it, of this test or another's */
    rt_snapshot_fini(&m);
    example_open(&m);
    assert_int_equal(m.samples.rows, 0);
    assert_int_equal(m.series_count, 0);
    assert_int_equal(m.stage_count, 0);
    assert_true(isnan(m.rate) && m.steps == 0 && !m.live);
    assert_null(rt_snapshot_limiting(&m));
    assert_null(rt_snapshot_series(&m, "", "loss"));
    rt_snapshot_fini(&m);
    scratch_remove(&example_dir);
    example_dir = full;
}

/* What the run of the example left is what is read. */
static void test_read(void **state)
{
    struct rt_snapshot m;
    (void)state;
    example_open(&m);
    assert_string_equal(m.state, "done");
    assert_int_equal(m.samples.rows, ROWS);
    assert_int_equal(rt_table_find(&m.samples, "loss_kl"), -1); /* a term that the run does not use */
    assert_int_equal(m.journal_count, 1);
    assert_string_equal(m.journal[0].who, "ada");
    assert_string_equal(m.journal[0].after, "0.4");
    assert_string_equal(rt_snapshot_limiting(&m)->name, "student");
    const struct rt_series *s = rt_snapshot_series(&m, "", "loss");
    assert_int_equal(rt_series_from(s, 1), 0);
    assert_int_equal(rt_series_from(s, 120), 119);
    assert_int_equal(rt_series_from(s, 301), 300);
    assert_false(rt_snapshot_busy(&m));
    rt_snapshot_fini(&m);
}

/* Steps that a run writes while somebody looks are taken without reading the others again. */
static void test_live(void **state)
{
    struct rt_snapshot m;
    (void)state;
    example_open(&m);
    assert_int_equal(m.step, 300);
    assert_int_equal(m.steps, STEPS);
    assert_int_equal(m.epochs, EPOCHS);
    assert_int_equal(poll_all(&m), 0); /* nothing new */
    struct rt_rundb *db = example_db();
    assert_true(poll_all(&m) >= 0); /* opening to write commits, too */
    example_steps(db, 301, STEPS);
    assert_int_equal(poll_all(&m), 0); /* not committed */
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    assert_int_equal(poll_all(&m), 1);
    const struct rt_series *s = rt_snapshot_series(&m, "", "loss");
    assert_int_equal(s->count, STEPS);
    for (int i = 0; i < s->count; i++)
        assert_int_equal(s->step[i], i + 1);
    int64_t step = 0;
    assert_true(rt_series_best(rt_snapshot_series(&m, "valid", "top1"), &step) == 0.9 - 0.2);
    assert_int_equal(step, STEPS);
    assert_int_equal(rt_rundb_rewind(db, 300, &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    rt_snapshot_fini(&m);
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
        struct rt_stage_stats s[] = {
            {.name = "student", .workers = 1, .busy = (i > 2 ? (uint64_t)i - 2 : 0) * 3000000000},
            {.name = "decode", .workers = 1, .busy = (i > 2 ? 2 : (uint64_t)i) * 4000000000}};
        for (int k = 0; k < 2; k++)
            assert_int_equal(rt_rundb_stage(db, &s[k], 4.0 * i, "", &error), 0);
        assert_int_equal(rt_rundb_commit(db, &error), 0);
        assert_int_equal(poll_all(&m), 1);
        assert_true(m.live);
        assert_string_equal(m.stage[0].name, "decode");
        assert_string_equal(rt_snapshot_limiting(&m)->name, i < 4 ? "decode" : "student");
    }
    assert_true(m.stage[1].busy == 6 && m.stage[1].wall == 8 && m.stage[0].busy == 0);
    assert_int_equal(rt_rundb_meta(db, "state", "done", &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    assert_int_equal(poll_all(&m), 1);
    assert_true(m.stage[0].busy == 8 && m.stage[0].wall == 16);
    rt_snapshot_fini(&m);
    rt_rundir_close(&dir);
    rt_rundb_close(db);
    scratch_remove(&example_dir);
    example_dir = full;
}

/* ---- memory that runs out ----
 * What there was no memory for must not look as if the run had none. */

/* One that complains of nothing is whole. */
static int snapshot_take(void *self, struct rt_error *e)
{
    struct rt_snapshot m;
    (void)self;
    int rc = rt_snapshot_open(&m, example_dir.path, e);
    do
        rc = rc < 0 ? rc : rt_snapshot_poll(&m, true, e);
    while (rc >= 0 && rt_snapshot_busy(&m));
    if (rc >= 0) {
        assert_true(m.recipe && m.journal_count == 1 && m.stage_count == 2 && m.samples.rows == ROWS);
        assert_int_equal(rt_snapshot_series(&m, "", "loss")->count, 300);
        assert_string_equal(rt_table_cell(&m.samples, ROWS - 1, rt_table_find(&m.samples, "id")), "sample-059");
    }
    rt_snapshot_fini(&m);
    return rc < 0 ? rc : 0;
}

static int card_take(void *self, struct rt_error *e)
{
    const struct rt_run_card *whole = self;
    struct rt_run_card card;
    rt_run_card_read(&card, example_dir.path);
    if (!card.short_of_memory)
        assert_int_equal(card.lines, whole->lines);
    else
        assert_string_equal(card.line[card.lines - 1].title, "memory");
    return card.short_of_memory ? rt_error_set(e, RT_EMEM, "out of memory") : 0;
}

static void test_memory(void **state)
{
    struct rt_run_card whole;
    (void)state;
    rt_run_card_read(&whole, example_dir.path);
    assert_true(!whole.short_of_memory && whole.lines > 4);
    assert_true(exhaust(snapshot_take, NULL, (struct mercy){0}) > 20);
    assert_true(exhaust(card_take, &whole, (struct mercy){0}) > 5);
}

int main(void)
{
    scratch_make(&example_dir);
    example_write();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_read), cmocka_unit_test(test_live),
        cmocka_unit_test(test_stages_live), cmocka_unit_test(test_memory),
    };
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
