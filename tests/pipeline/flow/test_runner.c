/* SPDX-License-Identifier: MIT
 * Tests of pipeline/flow/runner: refusals, order, back-pressure, memory, errors, stops, ends.
 * Stages wait for events (a count reached), never for the clock; a scheduler that loses one hangs. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "formats/rng.h"
#include "pipeline/flow/runner.h"
#include "tests/support/support.h"

#define STAGES 3
#define MIB ((size_t)1 << 20)
#define NEVER (-1)
#define ENDLESS INT32_MAX

/* A failed check on a thread of the pool: cmocka's asserts may only jump on the test's own. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct world;

/* A stage that checks the contract and does what the test asks for. */
struct probe {
    struct world *world;
    int place, workers;
    int fail_open, fail_at, stop_at, kill_at, signal; /* NEVER or a seq */
    size_t bytes;                                     /* of a frame it puts */
    int reverse; /* with more workers: an even batch waits until the odd one behind it is done */
    int spin;    /* random amount of work */
    int opened, closed, order;
    atomic_int inside, works, last;
    void (*wait)(struct world *w, uint64_t seq);
    int alone_from; /* from this seq on one at a time; 0 = never mind */
};

struct world {
    struct rt_runner *runner;
    struct probe probe[STAGES];
    int stages, total, source_fail_at, stop_in_sink, stop_after_ticks;
    int opens, closes, ticks;
    uv_mutex_t lock; /* guards the counts below */
    uv_cond_t changed;
    int asked, made, sunk; /* from the source, out of stage 0, at the sink */
    int ahead;             /* what wait functions wait for */
    int samples;
    unsigned marks;
    struct rt_error error;
    void (*at_sink)(struct world *w); /* with each batch */
};

static void bump(struct world *w, int *count)
{
    uv_mutex_lock(&w->lock);
    ++*count;
    uv_cond_broadcast(&w->changed);
    uv_mutex_unlock(&w->lock);
}

static int probe_open(void *self, struct rt_error *e)
{
    struct probe *p = self;
    p->opened++;
    p->order = p->world->opens++;
    return p->fail_open ? rt_error_set(e, RT_EMISSING, "no model %d", p->place) : 0;
}

static void probe_close(void *self)
{
    struct probe *p = self;
    p->closed++;
    p->world->closes++;
    assert_int_equal(p->order, p->world->opens - p->world->closes); /* last opened, first closed */
    assert_int_equal(atomic_load(&p->inside), 0);
}

static int probe_work(void *self, struct rt_batch *b, struct rt_error *e)
{
    struct probe *p = self;
    struct world *w = p->world;
    int seq = (int)b->seq, inside = atomic_fetch_add(&p->inside, 1), code = 0;
    CHECK(inside < p->workers);
    CHECK(!p->alone_from || seq < p->alone_from || inside == 0);
    if (p->workers == 1)
        CHECK(atomic_exchange(&p->last, seq) == seq - 1);
    if (p->wait)
        p->wait(w, b->seq);
    if (p->reverse && seq % 2 == 0 && seq + 1 < w->total) {
        uv_mutex_lock(&w->lock);
        while (w->made < seq / 2 + 1) /* odd batches that are done */
            uv_cond_wait(&w->changed, &w->lock);
        uv_mutex_unlock(&w->lock);
    }
    if (p->spin) {
        struct rt_rng r = rt_rng_init(1, (uint64_t)p->place, b->seq, RT_RNG_TEST);
        for (uint32_t i = rt_rng_below(&r, 20000); i > 0; i--)
            rt_rng_u64(&r);
    }
    if (p->bytes > 0) {
        struct rt_tensor t;
        int64_t dim = (int64_t)p->bytes;
        code = rt_tensor_init(&t, RT_U8, 1, &dim);
        if (code == 0)
            code = rt_batch_pack(b, "load", &t, 0);
        rt_tensor_fini(&t);
    }
    if (p->place == 0 && (!p->reverse || seq % 2 == 1))
        bump(w, &w->made);
    if (seq == p->stop_at)
        rt_runner_stop(w->runner);
    if (seq == p->kill_at)
        kill(getpid(), p->signal);
    atomic_fetch_add(&p->works, 1);
    atomic_fetch_sub(&p->inside, 1);
    if (seq == p->fail_at)
        return rt_error_set(e, RT_EFORMAT, "stage %d broke on %d", p->place, seq);
    return code;
}

static const struct rt_stage_ops probe_ops[STAGES] = {
    {"first", "a test", "make first faster", probe_open, probe_work, probe_close},
    {"second", "a test", "make second faster", probe_open, probe_work, probe_close},
    {"third", "a test", "make third faster", probe_open, probe_work, probe_close},
};

/* Every third batch has no samples; the last is marked. */
static int next(void *self, struct rt_batch **out, struct rt_error *e)
{
    static const int rows[3] = {1, 2, 3};
    struct world *w = self;
    if (w->asked == w->source_fail_at)
        return rt_error_set(e, RT_EIO, "source broke on %d", w->asked);
    if (w->asked == w->total)
        return 0;
    *out = rt_batch_create(RT_BATCH_TRAIN, rows, w->asked % 3);
    assert_non_null(*out);
    if (w->asked + 1 == w->total)
        (*out)->marks = RT_MARK_END;
    bump(w, &w->asked);
    return 0;
}

static void done(void *self, const struct rt_batch *b)
{
    struct world *w = self;
    assert_int_equal(b->seq, w->sunk);
    assert_int_equal(b->count, w->sunk % 3);
    w->samples += b->count;
    w->marks |= b->marks;
    if (w->sunk == w->stop_in_sink)
        rt_runner_stop(w->runner);
    if (w->at_sink)
        w->at_sink(w);
    bump(w, &w->sunk);
}

static void tick(void *self)
{
    struct world *w = self;
    if (++w->ticks == w->stop_after_ticks)
        rt_runner_stop(w->runner);
}

static void world_init(struct world *w, int total, const int workers[], int stages)
{
    memset(w, 0, sizeof *w);
    w->total = total;
    w->stages = stages;
    w->source_fail_at = w->stop_in_sink = NEVER;
    uv_mutex_init(&w->lock);
    uv_cond_init(&w->changed);
    for (int i = 0; i < stages; i++) {
        struct probe *p = &w->probe[i];
        *p = (struct probe){.world = w, .place = i, .workers = workers[i]};
        p->fail_at = p->stop_at = p->kill_at = NEVER;
        atomic_store(&p->last, -1);
    }
}

static void world_make(struct world *w, int places, size_t memory, int signals)
{
    assert_int_equal(rt_runner_create(&w->runner, places, memory, signals), 0);
    for (int i = 0; i < w->stages; i++)
        assert_int_equal(rt_runner_add(w->runner, &probe_ops[i], &w->probe[i], w->probe[i].workers),
                         0);
}

static int world_run(struct world *w)
{
    int code = rt_runner_run(w->runner, (struct rt_source){w, next},
                             (struct rt_sink){w, done, tick, 1}, &w->error);
    assert_int_equal(w->closes, w->opens);
    return code;
}

static void world_fini(struct world *w)
{
    rt_runner_destroy(w->runner);
    uv_cond_destroy(&w->changed);
    uv_mutex_destroy(&w->lock);
}

/* ---- wrong input ---- */

static void test_refuses_limits(void **state)
{
    (void)state;
    struct world w;
    struct rt_batch *b;
    world_init(&w, 3, (int[]){1}, 1);
    assert_int_equal(rt_runner_create(&w.runner, RT_RUNNER_BATCHES + 1, MIB, 0), RT_ERANGE);
    world_make(&w, 1, MIB, 0);
    assert_int_equal(rt_runner_limits(w.runner, 0, MIB), RT_ERANGE);
    assert_int_equal(rt_runner_limits(w.runner, RT_RUNNER_BATCHES + 1, MIB), RT_ERANGE);
    assert_int_equal(rt_runner_workers(w.runner, "first", 0), RT_ERANGE);
    assert_int_equal(rt_runner_workers(w.runner, "first", RT_RUNNER_WORKERS + 1), RT_ERANGE);
    assert_int_equal(rt_runner_workers(w.runner, "fifth", 1), RT_ENOTFOUND);
    assert_int_equal(rt_runner_last(w.runner, "fifth", &b), RT_ENOTFOUND);
    assert_int_equal(rt_runner_last(w.runner, "first", &b), 0);
    assert_null(b); /* none yet */
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(rt_runner_last(w.runner, "first", &b), 0);
    assert_null(b); /* none any more */
    world_fini(&w);
}

static void test_refuses(void **state)
{
    (void)state;
    struct rt_runner *r;
    struct world w;
    world_init(&w, 3, (int[]){1}, 1);
    assert_int_equal(rt_runner_create(&r, 0, MIB, 0), RT_ERANGE);
    assert_null(r);
    rt_runner_destroy(NULL);
    assert_int_equal(rt_runner_create(&w.runner, 1, 0, 0), 0);
    assert_int_equal(world_run(&w), RT_EUSAGE); /* no stage */
    assert_int_equal(rt_runner_add(w.runner, &probe_ops[0], &w.probe[0], 0), RT_ERANGE);
    assert_int_equal(rt_runner_add(w.runner, &probe_ops[0], &w.probe[0], 1), 0);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 3);
    assert_int_equal(world_run(&w), RT_EUSAGE); /* the second time */
    for (int i = 1; i < RT_RUNNER_STAGES; i++)
        assert_int_equal(rt_runner_add(w.runner, &probe_ops[0], &w.probe[0], 1), 0);
    assert_int_equal(rt_runner_add(w.runner, &probe_ops[0], &w.probe[0], 1), RT_ERANGE);
    world_fini(&w);
}

static void test_open_fails(void **state)
{
    (void)state;
    for (int bad = 0; bad < STAGES; bad++) {
        struct world w;
        world_init(&w, 10, (int[]){2, 1, 1}, STAGES);
        w.probe[bad].fail_open = 1;
        world_make(&w, 2, MIB, 0);
        assert_int_equal(world_run(&w), RT_EMISSING);
        char words[32];
        snprintf(words, sizeof words, "no model %d", bad);
        assert_string_equal(w.error.text, words);
        for (int i = 0; i < STAGES; i++) {
            assert_int_equal(w.probe[i].opened, i <= bad);
            assert_int_equal(w.probe[i].closed, i <= bad);
            assert_int_equal(atomic_load(&w.probe[i].works), 0);
        }
        assert_int_equal(w.asked, 0);
        world_fini(&w);
    }
}

static void test_empty_source(void **state)
{
    (void)state;
    struct world w;
    char text[200];
    struct rt_account account;
    world_init(&w, 0, (int[]){2, 1, 1}, STAGES);
    world_make(&w, 2, MIB, 0);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.opens, STAGES);
    assert_int_equal(w.sunk, 0);
    rt_runner_account(w.runner, &account);
    rt_account_limit(&account, text, sizeof text);
    assert_string_equal(text, "nothing has run yet");
    world_fini(&w);
}

/* ---- order ---- */

static void test_order_with_many_workers(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 300, (int[]){4, 3, 1}, STAGES);
    for (int i = 0; i < STAGES; i++)
        w.probe[i].spin = 1;
    world_make(&w, 2, MIB, 0);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 300);
    assert_int_equal(w.marks, RT_MARK_END);
    struct rt_account account;
    rt_runner_account(w.runner, &account);
    const struct rt_stage_stats *stats = account.stage;
    assert_int_equal(account.stages, STAGES);
    for (int i = 0; i < STAGES; i++) {
        assert_int_equal(stats[i].batches, 300);
        assert_int_equal(stats[i].samples, w.samples);
        assert_int_equal(atomic_load(&w.probe[i].works), 300);
        assert_int_equal(stats[i].queue_limit, i == 0 ? 2 : 2 + w.probe[i - 1].workers - 1);
        assert_int_equal(stats[i].queue_waiting, 0);
    }
    world_fini(&w);
}

/* Each even batch ends only after the odd one behind it: nothing moves unless batches may finish out
 * of their turn; and all still leave in order. The last stage has several workers too. */
static void test_order_when_reversed(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 101, (int[]){2}, 1);
    w.probe[0].reverse = 1;
    world_make(&w, 1, MIB, 0);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 101);
    world_fini(&w);
}

/* ---- back-pressure and memory ---- */

/* The slow last stage: goes on only when count is as far ahead of it as there is room. */
static void wait_ahead(struct world *w, uint64_t seq, const int *count)
{
    int far = (int)seq + w->ahead;
    uv_mutex_lock(&w->lock);
    while (*count < (far < w->total ? far : w->total))
        uv_cond_wait(&w->changed, &w->lock);
    CHECK(*count <= far);
    uv_mutex_unlock(&w->lock);
}

static void wait_asked(struct world *w, uint64_t seq)
{
    wait_ahead(w, seq, &w->asked);
}

/* Batches that have left the first stage, which makes them large. */
static void wait_made(struct world *w, uint64_t seq)
{
    wait_ahead(w, seq, &w->made);
}

static void test_back_pressure(void **state)
{
    (void)state;
    struct world w;
    int places = 3, workers = 2;
    world_init(&w, 100, (int[]){workers, 1}, 2);
    w.probe[1].wait = wait_asked;
    /* waiting for the first stage; in or behind it; in the second */
    w.ahead = places + (places + workers - 1) + 1;
    world_make(&w, places, MIB, 0);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 100);
    world_fini(&w);
}

/* Batches 40 to 43 wait until they are four at work: with less they would wait for ever. */
static void wait_for_four(struct world *w, uint64_t seq)
{
    if (seq < 40 || seq >= 44)
        return;
    uv_mutex_lock(&w->lock);
    w->ahead++;
    uv_cond_broadcast(&w->changed);
    while (w->ahead < 4)
        uv_cond_wait(&w->changed, &w->lock);
    uv_mutex_unlock(&w->lock);
}

static void change_limits(struct world *w)
{
    if (w->sunk == 10) {
        assert_int_equal(rt_runner_workers(w->runner, "first", 4), 0);
        assert_int_equal(rt_runner_limits(w->runner, 6, MIB), 0);
    }
    if (w->sunk == 60) {
        assert_int_equal(rt_runner_workers(w->runner, "first", 1), 0);
        assert_int_equal(rt_runner_limits(w->runner, 1, 0), 0);
    }
    struct rt_batch *first, *second;
    assert_int_equal(rt_runner_last(w->runner, "first", &first), 0);
    assert_int_equal(rt_runner_last(w->runner, "second", &second), 0);
    assert_int_equal(second->seq, w->sunk); /* just put out */
    assert_int_equal(second->count, w->sunk % 3);
    for (int i = 0; i < second->count; i++)
        assert_int_equal(second->sample[i], i + 1);
    assert_non_null(rt_batch_get(second, "load")); /* of the first stage */
    rt_batch_destroy(first);
    rt_batch_destroy(second);
}

/* More and fewer workers and places while it goes on: every batch still passes, in order. */
static void test_limits_change(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 120, (int[]){2, 1}, 2);
    w.probe[0].bytes = 100;
    w.probe[0].wait = wait_for_four;
    w.probe[0].alone_from = 80; /* nothing of before 60 can be at work by then */
    w.at_sink = change_limits;
    world_make(&w, 2, MIB, 0);
    w.probe[0].workers = 4;
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 120);
    struct rt_account a;
    rt_runner_account(w.runner, &a);
    assert_int_equal(a.stage[0].workers, 1);
    assert_int_equal(a.stage[1].queue_limit, 1);
    assert_true(a.stage[0].offered > a.elapsed); /* there were more for a while */
    assert_true(a.stage[1].offered == a.elapsed);
    world_fini(&w);
}

static void test_memory_limit(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 200, (int[]){3, 1}, 2);
    w.probe[0].bytes = MIB;
    w.probe[1].wait = wait_made;
    w.ahead = 4; /* one in the second stage and three waiting, of 1 MiB and a header each */
    world_make(&w, 64, 4 * MIB + MIB / 2, 0);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 200);
    struct rt_account account;
    rt_runner_account(w.runner, &account);
    const struct rt_stage_stats *stats = account.stage;
    assert_true(account.peak >= MIB);
    assert_true(account.peak <= 4 * MIB + MIB / 2);
    assert_true(stats[0].bytes_out > 200 * MIB && stats[0].raw_out == 200 * MIB);
    assert_true(stats[1].bytes_in == stats[0].bytes_out);
    assert_true(stats[1].queue_peak >= MIB);
    assert_true(stats[0].wait_memory > 0 && stats[0].wait_memory <= stats[0].wait_out);
    world_fini(&w);
}

/* Batches larger than the limit pass one after the other, the first ones by as many as work on them. */
static void test_memory_below_one_batch(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 50, (int[]){2, 2, 1}, STAGES);
    w.probe[0].bytes = MIB;
    w.probe[2].spin = 1;
    world_make(&w, 8, MIB / 2, 0);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 50);
    struct rt_account account;
    rt_runner_account(w.runner, &account);
    assert_true(account.peak < 2 * MIB + MIB / 2);
    world_fini(&w);
}

/* ---- errors ---- */

/* Two stages break, or the source: what lies before the earliest break arrives, and its error is the
 * run's, whichever came first by the clock. */
static void test_errors_at_random_places(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 60; round++) {
        struct rt_rng r = rt_rng_init(5, 0, round, RT_RNG_TEST);
        struct world w;
        char words[64];
        world_init(&w, 40, (int[]){3, 2, 1}, STAGES);
        int a = (int)rt_rng_below(&r, STAGES), b = (int)rt_rng_below(&r, STAGES);
        int at = (int)rt_rng_below(&r, 40), later = at + (int)rt_rng_below(&r, 3);
        for (int i = 0; i < STAGES; i++)
            w.probe[i].spin = 1;
        w.probe[b].fail_at = later;
        w.probe[a].fail_at = at;
        if (a == b || later > at)
            snprintf(words, sizeof words, "stage %d broke on %d", a, at);
        else
            snprintf(words, sizeof words, "stage %d broke on %d", a < b ? a : b, at);
        int from_source = round % 4 == 0;
        if (from_source) {
            w.source_fail_at = at;
            snprintf(words, sizeof words, "source broke on %d", at);
        }
        world_make(&w, 1 + (int)rt_rng_below(&r, 4), MIB, 0);
        assert_int_equal(world_run(&w), from_source ? RT_EIO : RT_EFORMAT);
        assert_string_equal(w.error.text, words);
        assert_int_equal(w.error.code, from_source ? RT_EIO : RT_EFORMAT);
        assert_int_equal(w.sunk, at);
        world_fini(&w);
    }
}

static int silent_failure(void *self, struct rt_batch *b, struct rt_error *e)
{
    (void)self;
    (void)b;
    (void)e;
    return RT_EMEM;
}

static void test_error_without_words(void **state)
{
    (void)state;
    static const struct rt_stage_ops ops = {.name = "quiet", .work = silent_failure};
    struct world w;
    world_init(&w, 5, NULL, 0);
    world_make(&w, 1, MIB, 0);
    assert_int_equal(rt_runner_add(w.runner, &ops, NULL, 1), 0);
    assert_int_equal(world_run(&w), RT_EMEM);
    assert_non_null(strstr(w.error.text, "quiet"));
    assert_non_null(strstr(w.error.text, "out of memory"));
    assert_int_equal(w.sunk, 0);
    world_fini(&w);
}

/* ---- stops ---- */

static void check_stopped(struct world *w, const char *words)
{
    assert_int_equal(world_run(w), RT_ESTOPPED);
    assert_non_null(strstr(w->error.text, words));
    /* what the last stage, with its one worker, has finished did reach the sink */
    assert_int_equal(atomic_load(&w->probe[w->stages - 1].works), w->sunk);
    assert_false(w->marks & RT_MARK_END);
}

static void test_stop(void **state)
{
    (void)state;
    for (int stage = -1; stage < STAGES; stage++) { /* -1: the sink stops */
        struct world w;
        world_init(&w, ENDLESS, (int[]){3, 2, 1}, STAGES);
        if (stage < 0)
            w.stop_in_sink = 17;
        else
            w.probe[stage].stop_at = 17;
        world_make(&w, 3, MIB, 0);
        check_stopped(&w, "on request");
        if (stage < 0 || stage == STAGES - 1)
            assert_int_equal(w.sunk, 18);
        world_fini(&w);
    }
}

static void stopper(void *self)
{
    struct world *w = self;
    uv_mutex_lock(&w->lock);
    while (w->sunk < 25)
        uv_cond_wait(&w->changed, &w->lock);
    uv_mutex_unlock(&w->lock);
    rt_runner_stop(w->runner);
}

static void test_stop_from_a_thread(void **state)
{
    (void)state;
    struct world w;
    uv_thread_t thread;
    world_init(&w, ENDLESS, (int[]){3, 2, 1}, STAGES);
    world_make(&w, 3, MIB, 0);
    assert_int_equal(uv_thread_create(&thread, stopper, &w), 0);
    check_stopped(&w, "on request");
    uv_thread_join(&thread);
    assert_true(w.sunk >= 25);
    world_fini(&w);
}

static void test_stop_too_early_or_late(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, 10, (int[]){1}, 1);
    world_make(&w, 1, MIB, 0);
    rt_runner_stop(w.runner);
    check_stopped(&w, "on request");
    assert_int_equal(w.asked, 0);
    world_fini(&w);

    world_init(&w, 10, (int[]){1}, 1);
    w.stop_in_sink = 9; /* the last: nothing is left to be stopped */
    world_make(&w, 1, MIB, 0);
    int code = world_run(&w);
    assert_int_equal(w.sunk, 10);
    assert_int_equal(code, 0);
    rt_runner_stop(w.runner);
    world_fini(&w);

    world_init(&w, 10, (int[]){1}, 1); /* the source is at its end, but its batches still wait */
    w.probe[0].wait = wait_asked;
    w.ahead = 10;
    w.stop_in_sink = 0;
    world_make(&w, 10, MIB, 0);
    check_stopped(&w, "on request");
    assert_int_equal(w.asked, 10);
    assert_int_equal(w.sunk, 1);
    world_fini(&w);
}

static void test_signals(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *words;
    } signals[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGXCPU, "SIGXCPU"}};
    for (int i = 0; i < 4; i++) {
        struct world w;
        struct sigaction by_default = {.sa_handler = SIG_DFL}, after;
        assert_int_equal(sigaction(signals[i].number, &by_default, NULL), 0); /* the tests may run under nohup */
        world_init(&w, ENDLESS, (int[]){2, 1, 1}, STAGES);
        w.probe[1].kill_at = 11;
        w.probe[1].signal = signals[i].number;
        world_make(&w, 2, MIB, 1);
        check_stopped(&w, signals[i].words);
        assert_int_equal(sigaction(signals[i].number, NULL, &after), 0);
        assert_true(after.sa_handler == SIG_DFL); /* nothing of ours is left behind */
        world_fini(&w);
    }
}

/* As under nohup: raised while it is ignored, it stops nothing, and stays ignored. */
static void test_signal_ignored(void **state)
{
    (void)state;
    struct world w;
    struct sigaction ignored = {.sa_handler = SIG_IGN}, before, after;
    assert_int_equal(sigaction(SIGHUP, &ignored, &before), 0);
    world_init(&w, 20, (int[]){1}, 1);
    w.probe[0].kill_at = 5;
    w.probe[0].signal = SIGHUP;
    world_make(&w, 2, MIB, 1);
    assert_int_equal(world_run(&w), 0);
    assert_int_equal(w.sunk, 20);
    world_fini(&w);
    assert_int_equal(sigaction(SIGHUP, &before, &after), 0);
    assert_true(after.sa_handler == SIG_IGN);
}

static void test_tick(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, ENDLESS, (int[]){1}, 1);
    w.stop_after_ticks = 3;
    world_make(&w, 1, MIB, 0);
    check_stopped(&w, "on request");
    assert_true(w.ticks >= 3); /* more, when the work under way takes long: 5 on a machine under load 18 */
    world_fini(&w);
}

/* ---- what is said and left ---- */

static void test_nothing_left_open(void **state)
{
    (void)state;
    int before = open_files(); /* libuv's own signal pipe is open since the first run */
    test_order_when_reversed(NULL);
    test_stop(NULL);
    test_signals(NULL);
    assert_int_equal(open_files(), before);
}

static void check_sentence(const struct rt_stage_stats stage[3], uint64_t source, uint64_t sink,
                           const char *expected)
{
    static const char *const remedy[] = {"use more decoders", NULL, "use a smaller network"};
    char text[400], shorter[12];
    struct rt_account a = {.stages = 3, .elapsed = 1000, .source = source, .sink = sink};
    for (int i = 0; i < 3; i++) {
        a.stage[i] = stage[i];
        a.stage[i].batches = 5;
        a.stage[i].offered = 1000 * (uint64_t)stage[i].workers;
        a.stage[i].remedy = remedy[i];
    }
    rt_account_limit(&a, text, sizeof text);
    assert_string_equal(text, expected);
    rt_account_limit(&a, shorter, sizeof shorter); /* cut, not overrun */
    assert_int_equal(strlen(shorter), sizeof shorter - 1);
    assert_memory_equal(shorter, expected, sizeof shorter - 1);
}

#define THREE(...) ((struct rt_stage_stats[]){__VA_ARGS__})

static void test_limit_sentence(void **state)
{
    (void)state;
    check_sentence(THREE({"decode", 2, .busy = 700, .wait_out = 1220},
                         {"teacher", 1, .busy = 20, .wait_in = 20, .wait_out = 950},
                         {"student", 1, .busy = 970, .wait_in = 30}), 0, 0,
                   "student limits the run (busy 97 %, decode waits 61 % for room, teacher waits "
                   "95 % for room): use a smaller network");
    check_sentence(THREE({"decode", 2, .busy = 1980}, {"teacher", 1, .busy = 100, .wait_in = 880},
                         {"student", 1, .busy = 390, .wait_in = 600}), 0, 0,
                   "decode limits the run (2 workers busy 99 %, teacher waits 88 % for input, "
                   "student waits 60 % for input): use more decoders");
    check_sentence(THREE({"decode", 2, .wait_out = 1600}, {"teacher", 1, .busy = 900, .wait_in = 9},
                         {"student", 1, .busy = 20, .wait_in = 910}), 0, 0,
                   "teacher limits the run (busy 90 %, decode waits 80 % for room, student waits "
                   "91 % for input)");
    check_sentence(THREE({"decode", 2, .busy = 200}, {"teacher", 1, .busy = 100},
                         {"student", 1, .busy = 300}), 20, 700,
                   "the loop thread limits the run (busy 72 % with recording finished batches): "
                   "use larger batches (train.batch) or put the run directory on a faster disk");
    check_sentence(THREE({"decode", 2, .busy = 700, .wait_out = 1200, .wait_memory = 1160},
                         {"teacher", 1, .busy = 300, .wait_in = 700},
                         {"student", 1, .busy = 350, .wait_in = 650}), 0, 0,
                   "the memory limit of the queues limits the run (decode waits 58 % for it): "
                   "raise pipeline.memory");
    check_sentence(THREE({"decode", 2, .busy = 800, .wait_out = 1100},
                         {"teacher", 1, .busy = 300, .wait_in = 700},
                         {"student", 1, .busy = 450, .wait_in = 550}), 0, 0,
                   "the length of the queues limits the run (decode waits 55 % for room, yet no "
                   "stage is busy more than 45 %): raise pipeline.batches");
    check_sentence(THREE({"decode", 2, .busy = 100}, {"teacher", 1, .busy = 30},
                         {"student", 1, .busy = 200}), 0, 0,
                   "no stage limits the run (student is busiest, 20 %): the run is short, or the "
                   "machine is busy with other work");
}

/* The slow one is named by a real run too, while it runs and after it. */
static void test_limit_of_a_run(void **state)
{
    (void)state;
    struct world w;
    char text[400];
    world_init(&w, 40, (int[]){2, 1}, 2);
    w.probe[1].wait = wait_asked;
    w.ahead = 2 + 3 + 1;
    for (int i = 0; i < 2; i++)
        w.probe[i].spin = i;
    world_make(&w, 2, MIB, 0);
    assert_int_equal(world_run(&w), 0);
    struct rt_account account, since;
    rt_runner_account(w.runner, &account);
    for (int i = 0; i < 2; i++) {
        const struct rt_stage_stats *s = &account.stage[i];
        assert_true(s->wait_memory == 0 && s->busy > 0);
        assert_true(s->p50 > 0 && s->p50 <= s->p95 && s->p95 <= s->busy);
        assert_true(s->p50 * (s->batches + 1) / 2 <= s->busy); /* half of them took as long */
    }
    since = account;
    rt_account_since(&since, &account); /* nothing since */
    assert_true(since.elapsed == 0 && since.stage[1].busy == 0 && since.stage[1].batches == 0);
    rt_account_limit(&account, text, sizeof text);
    assert_non_null(strstr(text, "limits the run"));
    world_fini(&w);
}

int main(void)
{
    rt_runner_pool(6);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_limits),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_open_fails),
        cmocka_unit_test(test_empty_source),
        cmocka_unit_test(test_order_with_many_workers),
        cmocka_unit_test(test_order_when_reversed),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_limits_change),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_memory_below_one_batch),
        cmocka_unit_test(test_errors_at_random_places),
        cmocka_unit_test(test_error_without_words),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_from_a_thread),
        cmocka_unit_test(test_stop_too_early_or_late),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_signal_ignored),
        cmocka_unit_test(test_tick),
        cmocka_unit_test(test_nothing_left_open),
        cmocka_unit_test(test_limit_sentence),
        cmocka_unit_test(test_limit_of_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
