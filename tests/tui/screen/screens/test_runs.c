/* SPDX-License-Identifier: MIT
 * Tests of the list of runs: read on a thread, ordered, searched, marked, opened; the card of a run; and what is seen
 * when a run ends under the screen. */
#include "pipeline/run/rundb.h"
#include "tests/tui/screen/drive.h"

#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rt_error error;
static struct scratch place; /* place/runs/a and b are the example, runs/c another that was stopped */
static char home[4096];

static void make_runs(void)
{
    char path[4200];
    scratch_make(&place);
    snprintf(path, sizeof path, "%s/runs", place.path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (const char *name = "ab"; *name; name++) {
        snprintf(path, sizeof path, "%s/runs/%c", place.path, *name);
        assert_int_equal(symlink(example_dir.path, path), 0);
    }
    snprintf(path, sizeof path, "%s/runs/c", place.path);
    assert_int_equal(mkdir(path, 0700), 0);
    struct scratch example = example_dir;
    snprintf(example_dir.path, sizeof example_dir.path, "%.60s", path);
    struct rt_rundb *db = example_db();
    example_steps(db, 1, 100);
    assert_int_equal(rt_rundb_meta(db, "state", "stopped", &error), 0);
    assert_int_equal(rt_rundb_metric(db, 100, 0, "valid", "eer", 0.125, &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    example_dir = example;
}

/* Until the list has been read once more. Paths are those of somebody who works in `place`. */
static void look(struct view *v, double now)
{
    unsigned before = v->ui.view.runs->version;
    assert_int_equal(chdir(place.path), 0);
    while (v->ui.view.runs->version == before) {
        rt_ui_tick(&v->ui, now);
        usleep(1000);
    }
    rt_ui_tick(&v->ui, now + 0.1);
    assert_int_equal(chdir(home), 0);
}

static void test_list(void **state)
{
    static struct rt_runs_list list;
    struct view *v = view_open(false);
    (void)state;
    v->ui.view.runs = &list;
    view_press(v, '8');
    view_draw(v, 80, 24);
    assert_true(view_find(v, "No folder of runs", NULL, NULL) || view_find(v, "Looking for runs", NULL, NULL));
    snprintf(list.folder, sizeof list.folder, "runs");
    look(v, 10);
    view_compare(v, 80, 24, "runs-80x24");
    view_press(v, 's'); /* the best first: those that have one */
    view_compare(v, 160, 20, "runs-160x20");
    view_press(v, 's');
    view_type(v, "/state = stopped");
    view_draw(v, 80, 24);
    assert_true(view_find(v, "1 of 3 runs", NULL, NULL) && view_find(v, "stopped  Esc: all", NULL, NULL));
    view_type(v, "/state = 5 and");
    assert_true(v->ui.view.message.failed);
    view_press(v, RT_KEY_ESCAPE);
    view_type(v, "/SToP"); /* words go to the next that says them, and show all */
    view_draw(v, 80, 24);
    assert_true(view_find(v, "3 of 3 runs", NULL, NULL));
    assert_non_null(strstr(view_line(v, view_selected(v), RT_STYLES), "stopped"));
    view_type(v, "/done");
    assert_int_equal(list.at, 0);
    view_press(v, 'n');
    assert_int_equal(list.at, 1);
    view_press(v, 'N');
    assert_int_equal(list.at, 0);
    view_type(v, "/nowhere");
    assert_true(v->ui.view.message.failed && list.at == 0);
    rt_ui_fini(&v->ui);
    assert_int_equal(rt_ui_init(&v->ui, &v->model, false), 0); /* opened anew: the list is as it was left */
    v->ui.view.runs = &list;
    view_press(v, '8');
    view_draw(v, 80, 24);
    assert_true(view_find(v, "by -test", NULL, NULL) || view_find(v, "by -best", NULL, NULL));
    view_close(v);
    rt_runs_list_fini(&list);
}

static void test_mark_and_open(void **state)
{
    static struct rt_runs_list list;
    struct view *v = view_open(false);
    (void)state;
    v->ui.view.runs = &list;
    snprintf(list.folder, sizeof list.folder, "runs");
    view_press(v, '8');
    look(v, 10);
    assert_int_equal(chdir(place.path), 0);
    view_press(v, RT_KEY_DOWN);
    view_press(v, ' ');
    assert_int_equal(v->ui.view.compare.count, 1);
    assert_int_equal(list.at, 2); /* Space marks and goes on */
    view_press(v, ' ');
    assert_int_equal(v->ui.view.compare.count, 2);
    assert_int_equal(list.at, 2);
    view_press(v, ' ');
    assert_int_equal(v->ui.view.compare.count, 1);
    assert_string_equal(v->ui.view.compare.other[0].run->folder, "runs/b");
    assert_true(view_press(v, RT_KEY_ENTER) & RT_DID_QUIT);
    assert_string_equal(v->ui.view.open, "runs/c");
    assert_int_equal(chdir(home), 0);
    view_close(v);
    rt_runs_list_fini(&list);
}

/* Nothing but the list, before a run is open. */
static void test_no_run(void **state)
{
    static struct rt_runs_list list;
    struct view *v = view_open(false);
    (void)state;
    rt_snapshot_fini(&v->model);
    v->ui.view.runs = &list;
    v->ui.view.screen = RT_SCREEN_RUNS;
    snprintf(list.folder, sizeof list.folder, "runs");
    look(v, 10);
    view_press(v, '1');
    assert_int_equal(v->ui.view.screen, RT_SCREEN_RUNS);
    view_says(v, false, "no run is open");
    view_press(v, '?');
    assert_int_equal(v->ui.view.screen, RT_SCREEN_HELP);
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, 'c');
    look(v, 20);
    view_draw(v, 80, 24);
    assert_true(view_find(v, "no run is open", NULL, NULL) && view_find(v, "runs/a: done", NULL, NULL));
    view_close(v);
    rt_runs_list_fini(&list);
}

/* A run that ends while it is shown: its card, but not while somebody types. */
static void test_end(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    rt_ui_tick(&v->ui, 1);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_LOSSES); /* it had ended before: nothing comes up */
    v->model.live = true;
    rt_ui_tick(&v->ui, 2);
    v->model.live = false;
    view_press(v, ':');
    rt_ui_tick(&v->ui, 3);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_LOSSES);
    view_press(v, RT_KEY_ESCAPE);
    snprintf(v->model.folder, sizeof v->model.folder, "%s", example_dir.path);
    rt_ui_tick(&v->ui, 4);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_RUNS);
    view_says(v, false, "the run has ended: done");
    view_draw(v, 200, 24);
    assert_true(view_find(v, "top-1 65.0 % on validation at step 300; the teacher 75.0 %", NULL, NULL));
    assert_true(view_find(v, "retort predict", NULL, NULL));
    view_press(v, '1');
    rt_ui_tick(&v->ui, 5);
    assert_int_equal(v->ui.view.screen, RT_SCREEN_LOSSES); /* once */
    view_close(v);
}

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8") || !getcwd(home, sizeof home))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list), cmocka_unit_test(test_mark_and_open), cmocka_unit_test(test_no_run),
        cmocka_unit_test(test_end),
    };
    scratch_make(&example_dir);
    example_write();
    make_runs();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_end(&place, 0);
    return scratch_end(&example_dir, failed);
}
