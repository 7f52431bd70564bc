/* SPDX-License-Identifier: MIT
 * sweep_run: see sweep_run.h. */
#include "tui/cli/sweep_run.h"

#include "formats/plain.h"
#include "tui/cli/cmd.h"
#include "tui/cli/parent.h"
#include "tui/cli/sweep_progress.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define LOOK_MS 500
#define SAID 4000 /* bytes of a failed run's message that are shown */

/* ---- what goes on ----
 * Processes and not threads: a run owns its signals, its thread pool and the one OpenBLAS of its process, and one that
 * dies takes nothing with it. One loop waits for all of them, for signals and for the time to look. Each child has a
 * session of its own, so that Ctrl-C, which a terminal sends to a whole group, reaches it once and from here: a second
 * one while it writes its checkpoint could end it. */

struct sweep_child {
    uv_process_t process;
    struct sweep_running *of;
    int job;   /* -1 = free */
    FILE *said; /* its stderr */
};

struct sweep_running {
    struct rt_sweep_plan *plan;
    struct rt_sweep_progress progress;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signal[3];
    struct sweep_child child[RT_SWEEP_AT_ONCE];
    int at_once, under_way;
    bool over, stopped; /* no further run starts; after a signal */
    int rc;
};

static const int ending_signals[3] = {SIGINT, SIGTERM, SIGHUP};

/* Its last message and its command, as it can be run by hand. */
static void failure_tell(struct sweep_running *r, int job, FILE *said, const char *how)
{
    char text[SAID] = "";
    char **word = rt_sweep_job_words(r->plan, job, false);
    size_t n = 0;
    if (said && fseek(said, 0, SEEK_END) == 0) {
        long size = ftell(said);
        fseek(said, size > SAID - 1 ? size - (SAID - 1) : 0, SEEK_SET);
        n = fread(text, 1, SAID - 1, said);
    }
    while (n && text[n - 1] == '\n')
        n--;
    text[n] = '\0';
    rt_sweep_progress_say(&r->progress, "retort: run %s %s%s%s", r->plan->job[job].name, how, n ? ":\n" : "", text);
    fputs("its command: retort", stderr);
    for (int i = 0; word && word[i]; i++) {
        fputc(' ', stderr);
        rt_cmd_word(stderr, word[i]);
    }
    fputc('\n', stderr);
    free(word);
}

static void running_fail(struct sweep_running *r, int job, FILE *said, int rc, const char *how)
{
    r->plan->job[job].state = RT_SWEEP_FAILED;
    r->over = true;
    r->rc = rc;
    failure_tell(r, job, said, how);
}

/* ---- one run ---- */

static void children_start(struct sweep_running *r);

static void child_drop(struct sweep_child *c)
{
    c->of->under_way--;
    if (c->said)
        fclose(c->said);
    *c = (struct sweep_child){.of = c->of, .job = -1};
}

static void handle_closed(uv_handle_t *handle)
{
    struct sweep_child *c = handle->data;
    child_drop(c);
    children_start(c->of);
}

static void child_ended(uv_process_t *process, int64_t status, int signal)
{
    struct sweep_child *c = process->data;
    struct sweep_running *r = c->of;
    char how[64];
    if (status == RT_EXIT_STOPPED) { /* by us, or by somebody who asked the run itself */
        r->over = r->stopped = true;
        r->plan->job[c->job].state = RT_SWEEP_WAITS;
    } else if (status || signal) {
        snprintf(how, sizeof how, signal ? "was ended by signal %d" : "failed (%d)", signal ? signal : (int)status);
        running_fail(r, c->job, c->said, RT_EIO, how);
    } else {
        r->plan->job[c->job].state = RT_SWEEP_DONE;
    }
    rt_sweep_progress_end(&r->progress, c->job);
    uv_close((uv_handle_t *)process, handle_closed);
}

/* Negative: libuv's code. */
static int child_spawn(struct sweep_child *c, char **word, int words)
{
    static char program[] = "/proc/self/exe", name[] = "retort"; /* this one, also when another has taken its place */
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD}};
    char **argv = calloc((size_t)words + 2, sizeof *argv), **environment = rt_parent_environment();
    int rc = argv && environment ? 0 : UV_ENOMEM;
    c->said = tmpfile(); /* no pipe: a run that says much waits for nobody */
    if (rc == 0 && c->said) {
        argv[0] = name;
        memcpy(argv + 1, word, (size_t)words * sizeof *argv);
        stdio[2].data.fd = fileno(c->said);
        fcntl(stdio[2].data.fd, F_SETFD, FD_CLOEXEC); /* of this run and no other */
        uv_process_options_t options = {.exit_cb = child_ended, .file = program, .args = argv,
                                        .env = environment,
                                        .flags = UV_PROCESS_DETACHED, .stdio_count = 3, .stdio = stdio};
        rc = uv_spawn(&c->of->loop, &c->process, &options);
    } else if (rc == 0) {
        rc = UV_EIO;
    }
    free(argv);
    free(environment);
    return rc;
}

static void child_start(struct sweep_running *r, struct sweep_child *c, int job)
{
    struct rt_error e = {0};
    bool resume;
    int words = 0, rc = rt_sweep_job_prepare(r->plan, job, &resume, &e);
    if (rc < 0) {
        running_fail(r, job, NULL, rc, e.text);
        return;
    }
    char **word = rt_sweep_job_words(r->plan, job, resume);
    while (word && word[words])
        words++;
    c->process.data = c;
    c->job = job;
    r->under_way++;
    r->plan->job[job].state = RT_SWEEP_RUNS;
    rt_sweep_progress_start(&r->progress, job);
    rc = word ? child_spawn(c, word, words) : UV_ENOMEM;
    free(word);
    if (rc == 0)
        return;
    running_fail(r, job, NULL, rc == UV_ENOMEM ? RT_EMEM : RT_EIO, uv_strerror(rc));
    rt_sweep_progress_end(&r->progress, job);
    if (c->process.loop) /* uv_spawn has made a handle of it */
        uv_close((uv_handle_t *)&c->process, handle_closed);
    else
        child_drop(c);
}

/* Fills the free places; with none under way and none to start, the loop has nothing left to wait for. */
static void children_start(struct sweep_running *r)
{
    for (int i = 0; i < r->at_once; i++) {
        int job = r->over || r->child[i].job >= 0 ? -1 : rt_sweep_plan_next(r->plan);
        if (job >= 0)
            child_start(r, &r->child[i], job);
    }
    if (r->under_way == 0) {
        uv_timer_stop(&r->timer);
        for (int i = 0; i < 3; i++)
            uv_signal_stop(&r->signal[i]);
    }
}

/* ---- the loop ---- */

static void signal_came(uv_signal_t *handle, int number)
{
    struct sweep_running *r = handle->data;
    (void)number;
    if (r->stopped)
        return; /* they are told already */
    r->over = r->stopped = true;
    if (!r->progress.quiet)
        rt_sweep_progress_say(&r->progress, "stopping at a checkpoint of each run");
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++)
        if (r->child[i].job >= 0 && uv_is_active((uv_handle_t *)&r->child[i].process))
            uv_process_kill(&r->child[i].process, SIGINT);
}

static void timer_came(uv_timer_t *timer)
{
    rt_sweep_progress_show(&((struct sweep_running *)timer->data)->progress);
}

static int loop_begin(struct sweep_running *r)
{
    int rc = uv_loop_init(&r->loop);
    if (rc < 0)
        return rc;
    uv_timer_init(&r->loop, &r->timer);
    r->timer.data = r;
    for (int i = 0; i < 3; i++) {
        uv_signal_init(&r->loop, &r->signal[i]);
        r->signal[i].data = r;
        if (rc == 0)
            rc = uv_signal_start(&r->signal[i], signal_came, ending_signals[i]);
    }
    return rc < 0 ? rc : uv_timer_start(&r->timer, timer_came, LOOK_MS, LOOK_MS);
}

static void loop_end(struct sweep_running *r)
{
    uv_close((uv_handle_t *)&r->timer, NULL);
    for (int i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&r->signal[i], NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
}

int rt_sweep_run(struct rt_sweep_plan *p, int at_once, bool quiet, struct rt_error *e)
{
    struct sweep_running *r = calloc(1, sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    r->plan = p;
    r->at_once = at_once < RT_SWEEP_AT_ONCE ? at_once : RT_SWEEP_AT_ONCE;
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++)
        r->child[i] = (struct sweep_child){.of = r, .job = -1};
    rt_sweep_progress_init(&r->progress, p, quiet);
    int rc = loop_begin(r);
    if (rc < 0) {
        free(r);
        return rt_error_set(e, RT_EIO, "cannot wait for runs: %s", uv_strerror(rc));
    }
    if (!quiet && p->waiting)
        rt_sweep_progress_say(&r->progress, "%d of %d runs to do, %d at once", p->waiting, p->jobs,
                              r->at_once < p->waiting ? r->at_once : p->waiting);
    children_start(r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    loop_end(r);
    rt_sweep_progress_fini(&r->progress);
    rc = r->rc < 0 ? r->rc : r->stopped ? RT_ESTOPPED : 0;
    free(r);
    return rc;
}
