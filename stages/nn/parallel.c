/* SPDX-License-Identifier: MIT
 * parallel: a few POSIX threads, not libuv's: the library that programs link needs none of it. A loop is
 * announced by raising its number, its pieces are taken from stretches. Each thread begins with its own, the same
 * from loop to loop, as neighbouring layers cut the batch alike: what it reads is mostly still in its cache. Then
 * it takes from the ends of the others' stretches. The next loop mostly follows within microseconds, and the last
 * pieces end close to each other, so both sides look for a while before they sleep, and only who sleeps is woken
 * under the lock: a sleeper says so before its last look, and who has news for it looks afterwards whether it
 * sleeps, so that one of the two sees the other. */
#include "stages/nn/parallel.h"

#include "formats/error.h"
#include "stages/nn/blas.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 256
#define LOOKS 1000 /* before sleeping: some 30 microseconds */
#define YIELDS 500 /* and as many looks between which others may have the processor */
#define INSIDE 511u  /* of a gate: helpers in the loop */
#define CLOSED 512u  /* no more may come in */
#define ROUND 1024u

/* ---- the pieces of a loop ----
 * One counter for all would be simpler, but then pieces go to whoever comes first, and what a
 * thread reads was mostly written by another core in the loop before. A stretch each keeps a thread
 * at the same part of the batch from layer to layer; taking from the ends of others' stretches
 * makes up for threads of different speed. Both ends of a stretch are one word, so a piece is taken
 * by one compare-and-swap, and every stretch has its own cache line. */

/* Pieces nobody took yet, [first, end), as end << 32 | first; a cache line of its own. */
struct stretch {
    _Alignas(64) _Atomic uint64_t left;
};

struct helper {
    struct rt_parallel *p;
    int number; /* 1 .. threads-1; 0 is the caller */
    pthread_t thread;
};

struct rt_parallel {
    int threads, started; /* fixed after create */
    int looks;            /* 0 where there are not processors enough for all */
    struct helper *helper;
    struct stretch *stretch; /* [threads] */

    pthread_mutex_t lock;    /* of those who sleep */
    pthread_cond_t go, done; /* for the helpers, for the caller */

    /* The loop: its number in units of ROUND, CLOSED, and how many helpers are in it. */
    _Alignas(64) atomic_uint gate;

    /* The caller's, in a cache line that the helpers read: this loop's are written before the gate opens. */
    _Alignas(64) atomic_bool quit;
    atomic_bool waiting; /* the caller sleeps until the helpers are out */
    void (*piece)(void *self, int i, int thread);
    void *self;

    /* The helpers'. */
    _Alignas(64) atomic_int asleep;
};

/* A piece of the stretch, its first or its last, or -1. */
static int parallel_take_piece(struct stretch *s, bool last)
{
    uint64_t left = atomic_load_explicit(&s->left, memory_order_relaxed), rest;
    uint32_t first, end;
    do {
        first = (uint32_t)left;
        end = (uint32_t)(left >> 32);
        if (first >= end)
            return -1;
        rest = last ? (uint64_t)(end - 1) << 32 | first : left + 1;
    } while (!atomic_compare_exchange_weak_explicit(&s->left, &left, rest, memory_order_relaxed,
                                                    memory_order_relaxed));
    return (int)(last ? end - 1 : first);
}

/* Its own stretch from the front, then the others' from the back, so that owner and helper meet
 * only at the last piece. */
static void parallel_take_pieces(struct rt_parallel *p, int thread)
{
    for (int k = 0; k < p->threads; k++) {
        struct stretch *s = &p->stretch[(thread + k) % p->threads];
        for (int i; (i = parallel_take_piece(s, k > 0)) >= 0;)
            p->piece(p->self, i, thread);
    }
}

/* ---- waiting ----
 * A small network has some fifty loops in a step of a few milliseconds; to sleep and be woken takes
 * some 50 microseconds on a virtual machine, as long as such a loop. So threads look first, and
 * sleep when nothing comes. Looking longer (300 microseconds, without letting others in) was a
 * little quicker alone, but made two programs at once 1.3 to 1.4 times as slow. Where there are
 * fewer processors than threads nobody looks at all. */

/* Between look i and the next. */
static void parallel_pause(int i)
{
    if (i >= LOOKS) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static bool parallel_has_news(struct rt_parallel *p, unsigned seen)
{
    return atomic_load(&p->gate) / ROUND != seen || atomic_load(&p->quit);
}

/* Says that it sleeps before its last look: whoever announces looks at `asleep` after raising the
 * round, so one of the two sees the other. */
static void parallel_await_round(struct rt_parallel *p, unsigned seen)
{
    for (int i = 0; i < p->looks; i++) {
        if (parallel_has_news(p, seen))
            return;
        parallel_pause(i);
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->asleep, 1);
    while (!parallel_has_news(p, seen))
        pthread_cond_wait(&p->go, &p->lock);
    atomic_fetch_sub(&p->asleep, 1);
    pthread_mutex_unlock(&p->lock);
}

/* ---- announcing and joining without a lock ----
 * A helper that comes while pieces are left goes in; the caller, when none are, closes the gate and waits for those
 * inside. So a helper that the system gives no processor holds nobody up: waiting for every one, as here at first, made
 * two threads on a busy machine a thousand times as slow as one. The lock guards sleeping only. A thread that looks
 * sees the gate change by atomics alone; when announcing took the lock, whoever looked for the next loop ran into it
 * while the caller still held it: 3 microseconds for an empty loop of two threads, 0.6 now. */

static void parallel_wake(struct rt_parallel *p, pthread_cond_t *those)
{
    /* The lock: whoever said it sleeps either waits by now or has yet to look. */
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(those);
    pthread_mutex_unlock(&p->lock);
}

/* seen: the loop that it came to, whether it was in time or not. */
static bool parallel_go_in(struct rt_parallel *p, unsigned *seen)
{
    unsigned gate = atomic_load(&p->gate);
    do {
        *seen = gate / ROUND;
        if (gate & CLOSED)
            return false;
    } while (!atomic_compare_exchange_weak(&p->gate, &gate, gate + 1));
    return true;
}

/* The last to leave wakes the caller, and only when it said that it sleeps. */
static void *parallel_helper_main(void *arg)
{
    struct helper *h = arg;
    struct rt_parallel *p = h->p;
    for (unsigned seen = 0;;) {
        parallel_await_round(p, seen);
        if (atomic_load(&p->quit))
            return NULL;
        if (!parallel_go_in(p, &seen))
            continue;
        parallel_take_pieces(p, h->number);
        unsigned gate = atomic_fetch_sub(&p->gate, 1) - 1;
        if (!(gate & INSIDE) && gate & CLOSED && atomic_load(&p->waiting))
            parallel_wake(p, &p->done);
    }
}

static void parallel_await_helpers(struct rt_parallel *p)
{
    for (int i = 0; i < p->looks; i++) {
        if (!(atomic_load(&p->gate) & INSIDE))
            return;
        parallel_pause(i);
    }
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->waiting, true);
    while (atomic_load(&p->gate) & INSIDE)
        pthread_cond_wait(&p->done, &p->lock);
    atomic_store(&p->waiting, false);
    pthread_mutex_unlock(&p->lock);
}

/* ---- life ----
 * The threads live as long as the struct: making one takes longer than most loops. A failure on the
 * way gives back what there is, in reverse order; once the threads run, that is what destroy does.
 */

/* Those that this process may run on. */
static int parallel_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

int rt_parallel_create(struct rt_parallel **out, int threads)
{
    *out = NULL;
    if (threads < 1 || threads > THREADS_MAX)
        return RT_ERANGE;
    rt_blas_init();
    struct rt_parallel *p = aligned_alloc(64, sizeof *p);
    if (!p)
        return RT_EMEM;
    memset(p, 0, sizeof *p);
    p->threads = threads;
    atomic_init(&p->gate, CLOSED);
    p->looks = threads <= parallel_processors() ? LOOKS + YIELDS : 0;
    p->helper = calloc((size_t)threads, sizeof *p->helper);
    p->stretch = aligned_alloc(64, (size_t)threads * sizeof *p->stretch);
    if (!p->helper || !p->stretch || pthread_mutex_init(&p->lock, NULL))
        goto fail_memory;
    if (pthread_cond_init(&p->go, NULL))
        goto fail_lock;
    if (pthread_cond_init(&p->done, NULL))
        goto fail_go;
    for (int i = 1; i < threads; i++, p->started++) {
        p->helper[i] = (struct helper){.p = p, .number = i};
        if (pthread_create(&p->helper[i].thread, NULL, parallel_helper_main, &p->helper[i])) {
            rt_parallel_destroy(p);
            return RT_EMEM;
        }
    }
    *out = p;
    return 0;

fail_go:
    pthread_cond_destroy(&p->go);
fail_lock:
    pthread_mutex_destroy(&p->lock);
fail_memory:
    free(p->stretch);
    free(p->helper);
    free(p);
    return RT_EMEM;
}

void rt_parallel_destroy(struct rt_parallel *p)
{
    if (!p)
        return;
    atomic_store(&p->quit, true);
    parallel_wake(p, &p->go);
    for (int i = 1; i <= p->started; i++)
        pthread_join(p->helper[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->go);
    pthread_mutex_destroy(&p->lock);
    free(p->stretch);
    free(p->helper);
    free(p);
}

int rt_parallel_threads(const struct rt_parallel *p)
{
    return p ? p->threads : 1;
}

/* ---- a loop ----
 * Everything a helper reads is written before the gate opens, and the caller takes pieces like
 * any other thread. It returns only when all are done, so what pieces wrote can be read without
 * further care. */

void rt_parallel_for(struct rt_parallel *p, int pieces,
                     void (*piece)(void *self, int i, int thread), void *self)
{
    if (!p || p->threads == 1 || pieces <= 1) {
        for (int i = 0; i < pieces; i++)
            piece(self, i, 0);
        return;
    }
    p->piece = piece;
    p->self = self;
    for (int i = 0; i < p->threads; i++) {
        uint64_t first = (uint64_t)pieces * (uint64_t)i / (uint64_t)p->threads;
        uint64_t end = (uint64_t)pieces * (uint64_t)(i + 1) / (uint64_t)p->threads;
        atomic_store_explicit(&p->stretch[i].left, end << 32 | first, memory_order_relaxed);
    }
    atomic_store(&p->gate, (atomic_load(&p->gate) / ROUND + 1) * ROUND);
    if (atomic_load(&p->asleep) > 0)
        parallel_wake(p, &p->go);
    parallel_take_pieces(p, 0);
    if (atomic_fetch_or(&p->gate, CLOSED) & INSIDE)
        parallel_await_helpers(p);
}
