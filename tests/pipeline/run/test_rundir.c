/* SPDX-License-Identifier: MIT
 * Tests of pipeline/run/rundir: who may open, the lock's owner named, resuming, checkpoints, the log. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/file.h"
#include "pipeline/run/checkpoints.h"
#include "pipeline/run/rundir.h"
#include "tests/support/support.h"

static struct scratch dir;
static struct rt_error e;

static const char *folder(void)
{
    return scratch_file(&dir, "runs/first");
}

static void touch(const char *name)
{
    scratch_write(&dir, name, "x", 1);
}

static int there(const char *name)
{
    return access(scratch_file(&dir, name), F_OK) == 0;
}

/* Each file of a run is where people and scripts look for it, and has a name of its own. */
static void test_names(void **state)
{
    (void)state;
    static const struct {
        enum rt_run_file file;
        const char *path;
    } known[] = {
        {RT_RUN_RECIPE, "RUN/recipe.yaml"}, {RT_RUN_DB, "RUN/run.db"}, {RT_RUN_INIT, "RUN/init.safetensors"},
        {RT_RUN_LOG, "RUN/log.txt"}, {RT_RUN_OUTPUT, "RUN/output.txt"}, {RT_RUN_SOCKET, "RUN/socket"},
        {RT_RUN_LOCK, "RUN/lock"}, {RT_RUN_CHECKPOINTS, "RUN/checkpoints"},
        {RT_RUN_BEST, "RUN/checkpoints/best.safetensors"}, {RT_RUN_MODEL, "RUN/model.safetensors"},
        {RT_RUN_OLD_MODEL, "RUN/student.safetensors"},
    };
    char path[RT_RUN_PATH];
    assert_int_equal(sizeof known / sizeof *known, RT_RUN_FILES);
    for (int i = 0; i < RT_RUN_FILES; i++) {
        assert_int_equal(known[i].file, i);
        assert_string_equal(rt_run_file_path("RUN", known[i].file, path, sizeof path), known[i].path);
        assert_string_equal(rt_run_file_name(known[i].file), known[i].path + 4);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(known[i].path, known[k].path);
    }
    assert_string_equal(rt_checkpoints_path("RUN", 120, path, sizeof path),
                        "RUN/checkpoints/step-00000120.safetensors");
    assert_string_equal(rt_checkpoints_path("RUN", INT64_MAX, path, sizeof path),
                        "RUN/checkpoints/step-9223372036854775807.safetensors");
    assert_false(rt_run_file_exists(folder(), RT_RUN_LOG));
    touch("log.txt");
    assert_true(rt_run_file_exists(dir.path, RT_RUN_LOG));
    assert_false(rt_rundir_holds("")); /* and not /recipe.yaml */
}

static void test_refuses(void **state)
{
    (void)state;
    struct rt_rundir d;
    char longest[5000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(rt_rundir_open(&d, "", 0, &e), RT_ERANGE);
    assert_int_equal(rt_rundir_open(&d, longest, 0, &e), RT_ERANGE);
    assert_int_equal(d.lock, -1);
    rt_rundir_close(&d);
    touch("file");
    assert_int_equal(rt_rundir_open(&d, scratch_file(&dir, "file/run"), 0, &e), RT_EIO);
    assert_non_null(strstr(e.text, "file"));
    assert_int_equal(rt_rundir_open(&d, scratch_file(&dir, "nothing"), 1, &e), RT_EUSAGE);
    assert_non_null(strstr(e.text, "holds no run"));
    assert_false(there("nothing")); /* and nothing was made */
}

static void test_resume_rules(void **state)
{
    (void)state;
    static const char *const marks[] = {"runs/first/recipe.yaml", "runs/first/run.db"};
    struct rt_rundir d;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rt_rundir_open(&d, folder(), 0, &e), 0);
        assert_true(d.lock >= 0);
        assert_true(there("runs/first/checkpoints"));
        rt_rundir_close(&d);
        assert_int_equal(rt_rundir_open(&d, folder(), 0, &e), 0); /* no run in it yet: again */
        rt_rundir_close(&d);
        touch(marks[i]);
        assert_int_equal(rt_rundir_open(&d, folder(), 0, &e), RT_EUSAGE);
        assert_int_equal(d.lock, -1);
        assert_non_null(strstr(e.text, folder()));
        assert_non_null(strstr(e.text, "--resume"));
        assert_non_null(strstr(e.text, "-o"));
        assert_int_equal(rt_rundir_open(&d, folder(), 1, &e), 0);
        rt_rundir_close(&d);
        rt_rundir_close(&d); /* twice is fine */
        assert_int_equal(unlink(scratch_file(&dir, marks[i])), 0);
    }
}

/* Another process has the folder: its number is named; when it is killed the folder is free again. */
static void test_lock(void **state)
{
    (void)state;
    int ready[2], status;
    char byte, words[40];
    struct rt_rundir d;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (rt_rundir_open(&d, folder(), 0, &e) < 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        pause();
        _exit(2);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    for (int resume = 0; resume < 2; resume++) {
        touch("runs/first/recipe.yaml");
        assert_int_equal(rt_rundir_open(&d, folder(), resume, &e), RT_EBUSY);
        snprintf(words, sizeof words, "process %ld", (long)child);
        assert_non_null(strstr(e.text, words));
        assert_int_equal(d.lock, -1);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(rt_rundir_open(&d, folder(), 1, &e), 0);
    rt_rundir_close(&d);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(unlink(scratch_file(&dir, "runs/first/recipe.yaml")), 0);
}

static void test_checkpoints(void **state)
{
    (void)state;
    struct rt_rundir d;
    char path[5000];
    int64_t step = -5;
    assert_int_equal(rt_rundir_open(&d, folder(), 0, &e), 0);
    assert_int_equal(rt_checkpoints_latest(d.path, path, sizeof path, &step), RT_ENOTFOUND);
    assert_int_equal(step, -5);
    rt_checkpoints_prune(d.path, 1); /* nothing there: fine */
    int64_t *found;
    assert_int_equal(rt_checkpoints_steps(d.path, &found), 0);
    assert_null(found);
    static const char *const others[] = {
        "best.safetensors", "step-00000007.safetensors.tmp", "step-.safetensors", "step-9.txt",
        "step-99999999999999999999999.safetensors", "step-1x.safetensors", "xstep-5.safetensors"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(path, sizeof path, "runs/first/checkpoints/%s", others[i]);
        touch(path);
    }
    assert_int_equal(rt_checkpoints_latest(d.path, path, sizeof path, &step), RT_ENOTFOUND);
    static const long long steps[] = {20, 3, 100000000, 99999999, 1000};
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "runs/first/checkpoints/step-%08lld.safetensors", steps[i]);
        touch(path);
    }
    assert_int_equal(rt_checkpoints_latest(d.path, path, sizeof path, &step), 0);
    assert_int_equal(step, 100000000); /* by number, not by name */
    assert_string_equal(path, scratch_file(&dir, "runs/first/checkpoints/step-100000000.safetensors"));
    assert_int_equal(rt_checkpoints_steps(d.path, &found), 5);
    assert_int_equal(found[1], 99999999);
    assert_int_equal(found[4], 3);
    free(found);
    rt_checkpoints_prune(d.path, 2);
    assert_true(there("runs/first/checkpoints/step-100000000.safetensors"));
    assert_true(there("runs/first/checkpoints/step-99999999.safetensors"));
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "runs/first/checkpoints/step-%08lld.safetensors", steps[i]);
        assert_int_equal(there(path), i == 2 || i == 3);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(path, sizeof path, "runs/first/checkpoints/%s", others[i]);
        assert_true(there(path));
    }
    rt_rundir_close(&d);
    assert_int_equal(rt_rundir_open(&d, folder(), 0, &e), 0); /* clears what was never finished */
    assert_false(there("runs/first/checkpoints/step-00000007.safetensors.tmp"));
    assert_true(there("runs/first/checkpoints/best.safetensors"));
    rt_rundir_close(&d);
}

static void test_log(void **state)
{
    (void)state;
    struct rt_rundir d;
    char longest[5000], path[5000];
    uint8_t *text;
    size_t size;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(rt_rundir_open(&d, folder(), 0, &e), 0);
    rt_rundir_log(&d, "left out: %s", "a.wav");
    rt_rundir_log(&d, "%s", longest);
    rt_rundir_log(&d, "end");
    rt_rundir_close(&d);
    assert_int_equal(rt_file_read(rt_run_file_path(d.path, RT_RUN_LOG, path, sizeof path), 100000, &text, &size,
                                  &e), 0);
    int year;
    assert_int_equal(sscanf((char *)text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2dZ left out", &year), 1);
    assert_true(year > 2020);
    char *second = strchr((char *)text, '\n') + 1, *third = strchr(second, '\n') + 1;
    assert_non_null(strstr((char *)text, "Z left out: a.wav\n"));
    assert_true(third - second > 1000 && third - second <= 2048); /* cut, but still a line */
    assert_non_null(strstr(third, "Z end\n"));
    free(text);
}

/* Somebody else's folder: whatever of a run's names is a link, nothing is written behind it. */
static void test_links(void **state)
{
    (void)state;
    struct rt_rundir d;
    char path[5000];
    uint8_t *text;
    size_t size;
    assert_int_equal(mkdir(scratch_file(&dir, "linked"), 0700), 0);
    assert_int_equal(mkdir(scratch_file(&dir, "precious"), 0700), 0);
    touch("precious/step-00000001.safetensors.tmp");
    for (int file = 0; file < RT_RUN_FILES; file++) {
        if (strchr(rt_run_file_name((enum rt_run_file)file), '/'))
            continue;
        bool folder = file == RT_RUN_CHECKPOINTS;
        snprintf(path, sizeof path, "%s", scratch_file(&dir, "linked/"));
        strcat(path, rt_run_file_name((enum rt_run_file)file));
        assert_int_equal(symlink(folder ? "../precious" : "../precious/step-00000001.safetensors.tmp", path), 0);
        assert_int_equal(rt_rundir_open(&d, scratch_file(&dir, "linked"), 0, &e), RT_EFORMAT);
        assert_non_null(strstr(e.text, "is a link"));
        assert_int_equal(d.lock, -1);
        assert_int_equal(rt_rundir_writer(scratch_file(&dir, "linked")), 0);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rt_rundir_open(&d, scratch_file(&dir, "linked"), 0, &e), 0);
    assert_int_equal(unlink(rt_run_file_path(d.path, RT_RUN_LOG, path, sizeof path)), -1); /* not made yet */
    assert_int_equal(symlink("../precious/step-00000001.safetensors.tmp", path), 0); /* while it goes on */
    rt_rundir_log(&d, "a line");
    rt_rundir_close(&d);
    assert_int_equal(rt_file_read(scratch_file(&dir, "precious/step-00000001.safetensors.tmp"), 100, &text, &size, &e),
                     0);
    assert_int_equal(size, 1);
    free(text);
}

/* Half-written files of ours go, a user's own stay. */
static void test_sweep(void **state)
{
    (void)state;
    struct rt_rundir d;
    assert_int_equal(mkdir(scratch_file(&dir, "swept"), 0700), 0);
    touch("swept/recipe.yaml.123-4.tmp");
    touch("swept/student.safetensors.99-0.tmp");
    touch("swept/mine.tmp");
    touch("swept/recipe.yaml.tmp");
    assert_int_equal(rt_rundir_open(&d, scratch_file(&dir, "swept"), 0, &e), 0);
    assert_false(there("swept/recipe.yaml.123-4.tmp"));
    assert_false(there("swept/student.safetensors.99-0.tmp"));
    assert_true(there("swept/mine.tmp"));
    assert_true(there("swept/recipe.yaml.tmp"));
    rt_rundir_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_resume_rules), cmocka_unit_test(test_lock),
        cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_log),
        cmocka_unit_test(test_links),       cmocka_unit_test(test_sweep),
    };
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
