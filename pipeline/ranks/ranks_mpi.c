/* SPDX-License-Identifier: MIT
 * ranks_mpi: ranks over MPI, point to point. See ranks.h; nobody else includes mpi.h. */
#include "pipeline/ranks/ranks.h"

#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#define TAG_BYTES 1
#define TAG_SIGN 2
#define BEAT_NS UINT64_C(500000000)
#define LIMIT_NS (RT_RANKS_LIMIT * UINT64_C(1000000000))
#define HOST 64

/* What ranks tell each other now and then: it runs; or, with a text, that the run is over and why. */
struct sign {
    int64_t step;
    bool last; /* no more will come */
    struct rt_rank_figures figures;
    char text[400];
};

/* Signs from and to one other rank. */
struct peer {
    struct sign in, out;
    MPI_Request sending;
    uint64_t heard; /* ns, when */
};

struct rt_ranks {
    int rank, size;
    struct {
        char text[HOST + 32]; /* "rank 1 on HOST" */
    } *name;
    uv_thread_t thread;
    uv_mutex_t lock; /* of MPI, which is asked by one thread at a time, and of what follows */
    uv_cond_t wake;
    bool ending, leaving;
    int64_t step;
    char lost[400]; /* who is, "" = nobody */
    struct peer *peer;
    struct rt_rank_figures figures; /* time: when it was begun to count */
    uint64_t *waited_for;           /* [size] ns, of figures.waited */
};

static void ranks_lose(struct rt_ranks *r, const char *text)
{
    if (!r->lost[0])
        snprintf(r->lost, sizeof r->lost, "%s", text);
}

/* Of a message that came. */
static bool status_is_of(const MPI_Status *s, size_t bytes)
{
    int came;
    return MPI_Get_count(s, MPI_BYTE, &came) == MPI_SUCCESS && came >= 0 && (size_t)came == bytes;
}

/* ---- signs of life ----
 * A star: each tells rank 0, rank 0 all, so a rank has one to listen to, and what one says of its end reaches all in
 * two steps. They are apart from the run's own messages, on a thread of their own: whoever computes for a minute is
 * alive, whoever is stopped is not, and neither can be told from how long an answer takes. */

static void signs_take(struct rt_ranks *r, uint64_t now)
{
    int there = 1;
    struct sign said;
    MPI_Status from;
    while (MPI_Iprobe(MPI_ANY_SOURCE, TAG_SIGN, MPI_COMM_WORLD, &there, &from) == MPI_SUCCESS && there) {
        struct peer *p = &r->peer[from.MPI_SOURCE];
        MPI_Recv(&said, sizeof said, MPI_BYTE, from.MPI_SOURCE, TAG_SIGN, MPI_COMM_WORLD, &from);
        p->heard = now;
        if (!status_is_of(&from, sizeof said))
            continue; /* of another version: that is found when all compare what they are */
        p->in = said;
        p->in.text[sizeof p->in.text - 1] = '\0';
        if (p->in.text[0])
            ranks_lose(r, p->in.text);
    }
}

static struct rt_rank_figures ranks_own_figures(const struct rt_ranks *r)
{
    struct rt_rank_figures f = r->figures;
    f.time = uv_hrtime() - f.time;
    f.behind = r->rank;
    for (int i = 0; i < r->size; i++)
        if (r->waited_for[i] > r->waited_for[f.behind])
            f.behind = i;
    return f;
}

static void sign_send(struct rt_ranks *r, int to)
{
    struct peer *p = &r->peer[to];
    int done = 1;
    if (p->sending != MPI_REQUEST_NULL)
        MPI_Test(&p->sending, &done, MPI_STATUS_IGNORE);
    if (!done)
        return;
    p->out.step = r->step;
    p->out.last = r->leaving;
    p->out.figures = ranks_own_figures(r);
    memcpy(p->out.text, r->lost, sizeof p->out.text);
    MPI_Isend(&p->out, sizeof p->out, MPI_BYTE, to, TAG_SIGN, MPI_COMM_WORLD, &p->sending);
}

static void sign_miss(struct rt_ranks *r, int of, uint64_t now)
{
    char text[400];
    const struct peer *p = &r->peer[of];
    if (now - p->heard < LIMIT_NS)
        return;
    snprintf(text, sizeof text, "%s is lost: nothing was heard of it for %d s; it was at step %lld", r->name[of].text,
             RT_RANKS_LIMIT, (long long)p->in.step);
    ranks_lose(r, text);
}

/* Those that this rank exchanges signs with. */
static int signs_partners(const struct rt_ranks *r, int *first)
{
    *first = r->rank == 0 ? 1 : 0;
    return r->rank == 0 ? r->size - 1 : 1;
}

/* A process that was itself stopped has heard nobody, and that is nobody's fault. */
static void signs_forgive(struct rt_ranks *r, uint64_t now)
{
    for (int i = 0; i < r->size; i++)
        r->peer[i].heard = now;
}

static void ranks_beat(void *self)
{
    struct rt_ranks *r = self;
    int first, partners = signs_partners(r, &first);
    uint64_t before = uv_hrtime();
    uv_mutex_lock(&r->lock);
    signs_forgive(r, before);
    while (!r->ending) {
        uint64_t now = uv_hrtime();
        if (now - before > 4 * BEAT_NS)
            signs_forgive(r, now);
        before = now;
        signs_take(r, now);
        for (int i = first; i < first + partners; i++) {
            sign_miss(r, i, now);
            sign_send(r, i);
        }
        uv_cond_timedwait(&r->wake, &r->lock, BEAT_NS);
    }
    uv_mutex_unlock(&r->lock);
}

void rt_ranks_at(struct rt_ranks *r, int64_t step)
{
    uv_mutex_lock(&r->lock);
    r->step = step;
    uv_mutex_unlock(&r->lock);
}

bool rt_ranks_lost(struct rt_ranks *r, struct rt_error *e)
{
    uv_mutex_lock(&r->lock);
    bool lost = r->lost[0];
    if (lost)
        rt_error_set(e, RT_ELOST, "%s", r->lost);
    uv_mutex_unlock(&r->lock);
    return lost;
}

/* Told at once, and the message is given time to leave: the process ends soon. */
void rt_ranks_give_up(struct rt_ranks *r, const struct rt_error *e)
{
    int first, partners = signs_partners(r, &first);
    char text[400];
    snprintf(text, sizeof text, "%s gave up: %.280s", r->name[r->rank].text, e->text);
    uv_mutex_lock(&r->lock);
    ranks_lose(r, text);
    for (int tries = 0, open = 1; open && tries < 20; tries++) {
        open = 0;
        for (int i = first; i < first + partners; i++) {
            if (!r->peer[i].out.text[0])
                sign_send(r, i);
            int done = 1;
            if (r->peer[i].sending != MPI_REQUEST_NULL)
                MPI_Test(&r->peer[i].sending, &done, MPI_STATUS_IGNORE);
            open |= !done || !r->peer[i].out.text[0];
        }
        uv_cond_timedwait(&r->wake, &r->lock, BEAT_NS / 10);
    }
    uv_mutex_unlock(&r->lock);
}

/* ---- bytes ----
 * MPI_Wait turns in a loop and takes a core from those who compute, perhaps the very rank that is waited for. So
 * nothing here blocks in MPI: requests are asked now and then. First at once, giving the core to whoever wants it in
 * between: ranks in step wait some tens of microseconds several times an update, and a sleep would take longer than
 * that. Then after a sleep of an eighth of the time that it has taken so far: an answer lies about for an eighth of its
 * time at most, and a long wait costs nothing. Large messages move only while they are asked for, so there sleeps stay
 * shorter than what a wire's buffers last.
 *
 * What is large goes in pieces, many at once, each small enough for MPI to send without asking first. Asked for, one
 * way's bytes wait in the other way's queue: over TCP a swap took twice what the wire takes, and through shared memory,
 * on busy cores, fifty times. A message that is longer than the room for it is MPI's error; one that is shorter would
 * leave the rest unset, so lengths are compared. */

#define TURNING UINT64_C(1000000) /* ns */
#define SLEEP_MOST UINT64_C(5000000)
#define SLEEP_LARGE UINT64_C(200000)
#define PIECE ((size_t)60 << 10) /* Open MPI over TCP asks first from 64 KiB on */
#define PIECES 64                /* on their way at once */
#define ROUND (PIECES * PIECE)

static void waiter_rest(uint64_t waited, size_t bytes)
{
    uint64_t most = bytes > PIECE ? SLEEP_LARGE : SLEEP_MOST, sleep = waited / 8 < most ? waited / 8 : most;
    if (waited < TURNING)
        sched_yield();
    else
        nanosleep(&(struct timespec){0, (long)sleep}, NULL);
}

static size_t piece_size(size_t bytes, int k)
{
    size_t at = (size_t)k * PIECE;
    return at >= bytes ? 0 : bytes - at < PIECE ? bytes - at : PIECE;
}

/* request[0 .. pieces - 1] take in_bytes. */
static bool pieces_are_whole(const MPI_Status *status, size_t in_bytes)
{
    for (int k = 0; piece_size(in_bytes, k); k++)
        if (!status_is_of(&status[k], piece_size(in_bytes, k)))
            return false;
    return true;
}

static int requests_wait(struct rt_ranks *r, MPI_Request *request, int requests, size_t in_bytes, size_t bytes,
                         struct rt_error *e)
{
    uint64_t began = uv_hrtime();
    int done = 0, rc = 0;
    MPI_Status status[2 * PIECES];
    for (;;) {
        uv_mutex_lock(&r->lock);
        bool broken = MPI_Testall(requests, request, &done, status) != MPI_SUCCESS;
        if (broken)
            ranks_lose(r, "the connection to another rank broke");
        if (!broken && done && !pieces_are_whole(status, in_bytes)) {
            ranks_lose(r, "another rank sent something else than what it was its turn to send");
            broken = true;
        }
        if (r->lost[0] && (!done || broken))
            rc = rt_error_set(e, RT_ELOST, "%s", r->lost);
        uv_mutex_unlock(&r->lock);
        if (done || rc < 0)
            return rc;
        waiter_rest(uv_hrtime() - began, bytes);
    }
}

/* ROUND each way at most. */
static int pieces_swap(struct rt_ranks *r, int with, const char *out, size_t out_bytes, char *in, size_t in_bytes,
                       struct rt_error *e)
{
    MPI_Request request[2 * PIECES];
    int requests = 0;
    size_t size;
    uv_mutex_lock(&r->lock);
    for (int k = 0; (size = piece_size(in_bytes, k)) > 0; k++)
        MPI_Irecv(in + (size_t)k * PIECE, (int)size, MPI_BYTE, with, TAG_BYTES, MPI_COMM_WORLD, &request[requests++]);
    for (int k = 0; (size = piece_size(out_bytes, k)) > 0; k++)
        MPI_Isend(out + (size_t)k * PIECE, (int)size, MPI_BYTE, with, TAG_BYTES, MPI_COMM_WORLD, &request[requests++]);
    r->figures.sent += out_bytes;
    uv_mutex_unlock(&r->lock);
    return requests_wait(r, request, requests, in_bytes, in_bytes > out_bytes ? in_bytes : out_bytes, e);
}

int rt_ranks_swap(struct rt_ranks *r, int with, const void *out, size_t out_bytes, void *in, size_t in_bytes,
                  struct rt_error *e)
{
    uint64_t began = uv_hrtime();
    int rc = 0;
    for (size_t at = 0; rc == 0 && (at < out_bytes || at < in_bytes); at += ROUND) {
        size_t o = at < out_bytes ? out_bytes - at : 0, i = at < in_bytes ? in_bytes - at : 0;
        rc = pieces_swap(r, with, (const char *)out + at, o < ROUND ? o : ROUND, (char *)in + at, i < ROUND ? i : ROUND,
                         e);
    }
    uv_mutex_lock(&r->lock);
    uint64_t took = uv_hrtime() - began;
    r->figures.waited += took;
    r->waited_for[with] += took;
    uv_mutex_unlock(&r->lock);
    return rc;
}

void rt_ranks_count(struct rt_ranks *r)
{
    uv_mutex_lock(&r->lock);
    r->figures = (struct rt_rank_figures){.time = uv_hrtime()};
    memset(r->waited_for, 0, (size_t)r->size * sizeof *r->waited_for);
    uv_mutex_unlock(&r->lock);
}

void rt_ranks_did(struct rt_ranks *r, int samples, uint64_t computed)
{
    if (!r)
        return;
    uv_mutex_lock(&r->lock);
    r->figures.updates++;
    r->figures.samples += (uint64_t)samples;
    r->figures.computed += computed;
    uv_mutex_unlock(&r->lock);
}

struct rt_rank_figures rt_ranks_figures(struct rt_ranks *r, int rank)
{
    uv_mutex_lock(&r->lock);
    struct rt_rank_figures f = rank == r->rank ? ranks_own_figures(r) : r->peer[rank].in.figures;
    uv_mutex_unlock(&r->lock);
    return f;
}

/* ---- joining and leaving ---- */

/* Partners tell each other that no more signs will come: MPI_Finalize should find none that nobody took. */
static void signs_end(struct rt_ranks *r)
{
    int first, partners = signs_partners(r, &first), open = 1;
    uint64_t began = uv_hrtime(), now = began;
    r->leaving = true;
    for (; open && now - began < LIMIT_NS; now = uv_hrtime()) {
        open = 0;
        signs_take(r, now);
        for (int i = first; i < first + partners; i++) {
            struct peer *p = &r->peer[i];
            if (!p->out.last)
                sign_send(r, i);
            else if (p->sending != MPI_REQUEST_NULL)
                MPI_Test(&p->sending, &(int){0}, MPI_STATUS_IGNORE);
            open |= !p->out.last || !p->in.last || p->sending != MPI_REQUEST_NULL;
        }
        waiter_rest(now - began, 0);
    }
}

int rt_ranks_rank(const struct rt_ranks *r)
{
    return r ? r->rank : 0;
}

int rt_ranks_size(const struct rt_ranks *r)
{
    return r ? r->size : 1;
}

const char *rt_ranks_name(const struct rt_ranks *r, int rank)
{
    return r->name[rank].text;
}

static void ranks_free(struct rt_ranks *r)
{
    uv_mutex_destroy(&r->lock);
    uv_cond_destroy(&r->wake);
    free(r->name);
    free(r->peer);
    free(r->waited_for);
    free(r);
}

static int ranks_allocate(struct rt_ranks **out, int rank, int size)
{
    struct rt_ranks *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r || uv_mutex_init(&r->lock) != 0)
        return free(r), RT_EMEM;
    uv_cond_init(&r->wake);
    r->rank = rank;
    r->size = size;
    r->name = calloc((size_t)size, sizeof *r->name);
    r->peer = calloc((size_t)size, sizeof *r->peer);
    r->waited_for = calloc((size_t)size, sizeof *r->waited_for);
    if (!r->name || !r->peer || !r->waited_for)
        return ranks_free(r), RT_EMEM;
    for (int i = 0; i < size; i++) {
        r->peer[i].sending = MPI_REQUEST_NULL;
        snprintf(r->name[i].text, sizeof r->name[i].text, "rank %d", i);
    }
    *out = r;
    return 0;
}

/* Who is where. */
static int ranks_meet(struct rt_ranks *r, struct rt_error *e)
{
    char host[HOST] = "?";
    void *all;
    size_t total;
    uv_os_gethostname(host, &(size_t){sizeof host});
    host[HOST - 1] = '\0';
    RT_TRY(rt_ranks_gather(r, host, sizeof host, &all, &total, e));
    for (int i = 0; i < r->size && total == (size_t)r->size * HOST; i++)
        snprintf(r->name[i].text, sizeof r->name[i].text, "rank %d on %s", i, (const char *)all + i * HOST);
    free(all);
    return 0;
}

int rt_ranks_open(struct rt_ranks **out, struct rt_error *e)
{
    int level, rank, size, rc;
    *out = NULL;
    if (!rt_ranks_wanted())
        return 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS || level < MPI_THREAD_SERIALIZED)
        return rt_error_set(e, RT_EUSAGE, "this MPI gives no threads (MPI_THREAD_SERIALIZED)");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size & (size - 1)) {
        rt_error_set(e, RT_EUSAGE, "%d ranks: take a power of two, no more than train.shards", size);
        MPI_Finalize();
        return RT_EUSAGE;
    }
    if ((rc = ranks_allocate(out, rank, size)) < 0)
        return rt_error_set(e, rc, "no memory for %d ranks", size);
    if ((rc = uv_thread_create(&(*out)->thread, ranks_beat, *out)) != 0)
        return rt_error_set(e, RT_EMEM, "cannot start a thread: %s", uv_strerror(rc));
    return ranks_meet(*out, e);
}

/* All come here when all is done; who is early sleeps in the gathering, where MPI_Finalize would turn. With one lost
 * MPI_Finalize would wait for ever, and the process ends without it. */
void rt_ranks_close(struct rt_ranks *r)
{
    struct rt_error ignored;
    void *all;
    size_t total;
    if (!r)
        return;
    bool whole = rt_ranks_gather(r, NULL, 0, &all, &total, &ignored) == 0;
    if (whole)
        free(all);
    uv_mutex_lock(&r->lock);
    r->ending = true;
    uv_cond_signal(&r->wake);
    uv_mutex_unlock(&r->lock);
    uv_thread_join(&r->thread);
    if (!whole)
        return; /* MPI may still write into what it was given */
    signs_end(r);
    MPI_Finalize();
    ranks_free(r);
}
