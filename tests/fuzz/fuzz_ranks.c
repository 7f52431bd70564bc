/* SPDX-License-Identifier: MIT
 * fuzz_ranks: any bytes as what the other of two ranks sends: at the beginning of a run (settings, data, a checkpoint),
 * of the files and samples that it scored, and in an update. Refused with words, or taken; what was not sent is never
 * read. The ranks here are this file's own: the input in place of MPI. Its first byte says which rank this one is, and
 * what the two do. */
#include "pipeline/ranks/ranks.h"
#include "formats/safetensors.h"
#include "stages/session/identity.h"
#include "stages/session/shared_scores.h"
#include "stages/session/together.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/stages/distill/learner_toy.h"

#define NUMBERS 37

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANNOUNCED 2048 /* a swap of more begins a gathering: how much there is, and the first of it */

/* What is left to be sent; said: the last swap began a gathering. */
struct rt_ranks {
    int rank;
    const uint8_t *data;
    size_t size;
    bool said;
};

static bool wire_take(struct rt_ranks *r, void *to, size_t bytes)
{
    if (bytes > r->size)
        return false;
    if (bytes)
        memcpy(to, r->data, bytes);
    r->data += bytes;
    r->size -= bytes;
    return true;
}

/* A length is two bytes of the input. */
static bool wire_take_length(struct rt_ranks *r, uint64_t *length)
{
    uint8_t two[2];
    if (!wire_take(r, two, sizeof two))
        return false;
    *length = two[0] | (uint64_t)two[1] << 8;
    *length = *length == UINT16_MAX ? UINT64_MAX : *length;
    return true;
}

int rt_ranks_swap(struct rt_ranks *r, int with, const void *out, size_t out_bytes, void *in, size_t in_bytes,
                  struct rt_error *e)
{
    uint64_t length = 0;
    bool good;
    (void)out;
    r->said = !r->said && in_bytes > ANNOUNCED && in_bytes == out_bytes;
    if (r->said) {
        size_t room = in_bytes - sizeof length;
        good = wire_take_length(r, &length);
        room = length == UINT64_MAX ? 0 : length < room ? (size_t)length : room;
        good = good && wire_take(r, (uint8_t *)in + sizeof length, room);
        memcpy(in, &length, sizeof length);
    } else {
        good = wire_take(r, in, in_bytes);
    }
    return good ? 0 : rt_error_set(e, RT_ELOST, "rank %d is lost", with);
}

int rt_ranks_rank(const struct rt_ranks *r)
{
    return r ? r->rank : 0;
}

int rt_ranks_size(const struct rt_ranks *r)
{
    return r ? 2 : 1;
}

const char *rt_ranks_name(const struct rt_ranks *r, int rank)
{
    (void)r;
    return rank ? "rank 1" : "rank 0";
}

int rt_ranks_open(struct rt_ranks **out, struct rt_error *e)
{
    (void)e;
    *out = NULL;
    return 0;
}

void rt_ranks_close(struct rt_ranks *r)
{
    (void)r;
}

void rt_ranks_at(struct rt_ranks *r, int64_t step)
{
    (void)r, (void)step;
}

bool rt_ranks_lost(struct rt_ranks *r, struct rt_error *e)
{
    (void)r, (void)e;
    return false;
}

void rt_ranks_give_up(struct rt_ranks *r, const struct rt_error *e)
{
    (void)r, (void)e;
}

void rt_ranks_count(struct rt_ranks *r)
{
    (void)r;
}

void rt_ranks_did(struct rt_ranks *r, int samples, uint64_t computed)
{
    (void)r, (void)samples, (void)computed;
}

struct rt_rank_figures rt_ranks_figures(struct rt_ranks *r, int rank)
{
    (void)r, (void)rank;
    return (struct rt_rank_figures){.time = 0};
}

/* ---- what two ranks do ---- */

static struct rt_session session;
static struct learner_toy toy;

static int ranks_gather(struct rt_ranks *r, struct rt_error *e)
{
    void *all;
    size_t total;
    RT_TRY(rt_ranks_gather(r, "own", 3, &all, &total, e));
    assert(total >= 3 && ((const char *)all)[total] == '\0');
    assert(!memcmp((const char *)all + (r->rank ? total - 3 : 0), "own", 3));
    free(all);
    return 0;
}

static int ranks_add(struct rt_ranks *r, struct rt_error *e)
{
    float value[NUMBERS] = {1, 2, 3};
    return rt_ranks_add(r, value, NUMBERS, e);
}

static int ranks_begin(struct rt_ranks *r, struct rt_error *e)
{
    struct rt_together t;
    rt_together_init(&t, r);
    int rc = rt_together_check(&t, &toy.recipe, e);
    rt_together_fini(&t);
    return rc;
}

static int ranks_data(struct rt_ranks *r, struct rt_error *e)
{
    struct rt_together t;
    char text[RT_IDENTITY_TEXT];
    rt_together_init(&t, r);
    rt_identity_make(&session, RT_TEXT, NULL, 0, 0, text);
    int rc = rt_together_check_data(&t, text, e);
    rt_together_fini(&t);
    return rc;
}

static int ranks_state(struct rt_ranks *r, struct rt_error *e)
{
    struct rt_together t;
    struct rt_safetensors *state = NULL;
    rt_together_init(&t, r);
    int rc = rt_together_share(&t, NULL, &state, e);
    assert(rc == 0 || !state);
    rt_safetensors_destroy(state);
    rt_together_fini(&t);
    return rc;
}

static int ranks_look(struct rt_ranks *r, struct rt_error *e)
{
    session.ranks = r;
    return rt_shared_scores_check(&session, (const bool[RT_MODALITIES]){[RT_TEXT] = true}, e);
}

static int ranks_scores(struct rt_ranks *r, struct rt_error *e)
{
    session.ranks = r;
    int rc = rt_shared_scores_exchange(&session, (const bool[RT_MODALITIES]){[RT_TEXT] = true}, e);
    for (int i = 0; i < session.left_count; i++)
        assert(session.left[i].sample >= 0 && session.left[i].sample < session.dataset.count);
    return rc;
}

/* An update, then an evaluation of the same samples. */
static int ranks_update(struct rt_ranks *r, struct rt_error *e)
{
    static const int rows[] = {0, 1, 2, 3, 6, 7};
    static struct lt_batch b;
    struct rt_together t;
    struct lt_learner l;
    struct rt_step_report report;
    memset(&l, 0, sizeof l);
    rt_together_init(&t, r);
    if (lt_start(&toy, &l, 1, 1, &t.exchange) < 0)
        abort();
    lt_batch(&toy, &b, rows, 6);
    int rc = lt_step(&toy, l.learner, &b.b, &report, e);
    if (rc >= 0)
        rc = rt_learner_measure(l.learner, &b.b, e);
    lt_stop(&l);
    rt_together_fini(&t);
    return rc;
}

static void ranks_start(void)
{
    static const char table[] = "id\ttext\none\tred\ntwo\tblue\nthree\t\n";
    char path[160];
    struct rt_error e;
    lt_make(&toy, "train.steps=20 train.shards=2");
    fuzz_write("list", (const uint8_t *)table, sizeof table - 1);
    fuzz_path(path, "list");
    if (rt_recipe_set(&toy.recipe, "cache.dir=/dev/null/none", &e) < 0 ||
        rt_session_open(&session, &toy.recipe, path, 1, NULL, 0, NULL, &e) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const parts[])(struct rt_ranks *r, struct rt_error *e) = {
        ranks_gather, ranks_add, ranks_begin, ranks_data, ranks_state, ranks_look, ranks_scores, ranks_update,
    };
    struct rt_error e = {0};
    if (!session.dataset.manifest)
        ranks_start();
    if (size == 0)
        return 0;
    struct rt_ranks r = {.rank = data[0] & 1, .data = data + 1, .size = size - 1};
    size_t part = (size_t)(data[0] >> 1) % (sizeof parts / sizeof *parts);
    if (parts[part](&r, &e) < 0)
        assert(e.code < 0 && e.text[0]);
    session.ranks = NULL;
    return 0;
}
