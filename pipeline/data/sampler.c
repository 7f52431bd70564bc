/* SPDX-License-Identifier: MIT
 * sampler: the order of a run. Everything follows from the number of updates done, so a resumed run
 * goes on as if it had never stopped; an order is made when its first row is asked for. */
#include "pipeline/data/sampler.h"
#include "formats/rng.h"

#include <stdlib.h>
#include <string.h>

/* Rows handed out in pieces: the evaluation of a sampler, all of a lister. */
struct pieces {
    int *row;
    int count, at, index; /* next row, next batch */
};

/* Rows dealt without end, pass after pass, each shuffled anew. */
struct deck {
    const int *row;  /* [count] as given */
    int *order;      /* [count] as shuffled for `pass` */
    int count;
    int64_t pass;    /* -1 = none yet */
    uint64_t number; /* tells the shuffles of several decks apart */
    int share;       /* rows of each balanced batch */
};

struct rt_sampler {
    struct rt_sampler_config c; /* its pointers are not used after create */
    int *train, *order;         /* [train_count] as given; as shuffled: the decks' memory */
    struct deck all;            /* epochs, when the batch is as the data are */
    struct deck part[2];        /* with a label, without: balanced batches */
    int *dealt;                 /* [batch] */
    int balanced, epoch_steps;
    int64_t done;               /* updates */
    int evaluating;
    struct pieces eval;
};

struct rt_lister {
    enum rt_batch_kind kind;
    int batch;
    struct pieces rows;
};

/* ---- pieces of a list ----
 * Evaluation and listing hand out rows in the order given, without a shuffle: their results do not
 * depend on it, and a fixed order makes their batches the same each time. */

static int *rows_copy(const int *row, int count)
{
    int *copy = malloc(((size_t)count + 1) * sizeof *copy);
    if (copy && count > 0)
        memcpy(copy, row, (size_t)count * sizeof *copy);
    return copy;
}

static int batch_no_memory(struct rt_error *e)
{
    return rt_error_set(e, RT_EMEM, "no memory for the next batch");
}

/* The next piece of at most size rows; the last one is marked RT_MARK_EVAL. NULL without memory. */
static struct rt_batch *pieces_next(struct pieces *p, enum rt_batch_kind kind, int size)
{
    int count = p->count - p->at < size ? p->count - p->at : size;
    struct rt_batch *b = rt_batch_create(kind, p->row + p->at, count);
    if (!b)
        return NULL;
    b->index = p->index++;
    p->at += count;
    if (p->at == p->count)
        b->marks = RT_MARK_EVAL;
    return b;
}

/* ---- training ----
 * All state is the number of updates done. Epoch, place within it, and whether an evaluation is due
 * follow from it, so a resumed run needs one number out of the checkpoint. An epoch is shuffled
 * anew from the order given and not from the last epoch's: epoch 40 can be had without the 39
 * before. A last batch with a single row is left out, as batch-norm cannot train on it; the shuffle
 * sees to it that this is another row each time. */

int rt_sampler_epoch_steps(int train_count, int batch)
{
    if (train_count <= 0 || batch <= 0)
        return 0;
    int steps = train_count / batch + (train_count % batch >= 2);
    return steps > 0 ? steps : 1;
}

/* Rows of a batch with a label; 0 = as the data are. */
static int balanced_labelled(int labelled, int rest, int batch, double balance)
{
    int n = (int)(balance * batch + 0.5);
    if (!(balance > 0) || labelled == 0 || rest == 0)
        return 0;
    return n < 1 ? 1 : n > batch ? batch : n;
}

int rt_sampler_balanced_steps(int labelled, int rest, int batch, double balance)
{
    int n = balanced_labelled(labelled, rest, batch, balance);
    if (n == 0)
        return rt_sampler_epoch_steps(labelled + rest, batch);
    int first = (labelled + n - 1) / n, second = n < batch ? (rest + batch - n - 1) / (batch - n) : 0;
    return first > second ? first : second;
}

/* Update `done` is the last of the run, or was, before somebody made it longer: then it was measured there, which
 * the best so far depends on. */
static bool sampler_ends_run(const struct rt_sampler *s)
{
    return s->done == s->c.steps || (s->c.ended && s->c.ended(s->c.self, s->done));
}

/* Update `done` was the last of its epoch or of the run. */
static int sampler_ends_epoch(const struct rt_sampler *s)
{
    return s->done > 0 && (s->done % s->epoch_steps == 0 || sampler_ends_run(s));
}

static int sampler_wants_eval(const struct rt_sampler *s)
{
    int64_t epochs = (s->done + s->epoch_steps - 1) / s->epoch_steps;
    return s->eval.count > 0 && sampler_ends_epoch(s) &&
           (sampler_ends_run(s) || epochs % s->c.eval_interval == 0);
}

static void sampler_start_eval(struct rt_sampler *s)
{
    s->evaluating = 1;
    s->eval.at = s->eval.index = 0;
}

/* Fisher-Yates from the order given, so that a pass's order needs no other's. */
static void deck_shuffle(struct deck *d, uint64_t seed, int64_t pass)
{
    if (d->pass == pass)
        return;
    struct rt_rng r = rt_rng_init(seed, (uint64_t)pass, d->number, RT_RNG_ORDER);
    memcpy(d->order, d->row, (size_t)d->count * sizeof *d->order);
    for (int i = d->count - 1; i > 0; i--) {
        int k = (int)rt_rng_below(&r, (uint32_t)i + 1), row = d->order[i];
        d->order[i] = d->order[k];
        d->order[k] = row;
    }
    d->pass = pass;
}

static struct rt_batch *sampler_epoch_batch(struct rt_sampler *s, int64_t epoch, int index)
{
    int at = index * s->c.batch, left = s->c.train_count - at;
    deck_shuffle(&s->all, s->c.seed, epoch);
    return rt_batch_create(RT_BATCH_TRAIN, s->all.order + at, left < s->c.batch ? left : s->c.batch);
}

/* ---- balanced batches ----
 * The n-th card of a deck follows from n alone, and update u takes those from u * share on: this too
 * needs no state but the number of updates. Passes of the two decks are no epochs and need not end with
 * one, so all batches are full, and no row is seen more often than another of its deck. An epoch is as
 * many updates as a pass of the deck that takes longest; one over the labelled rows would be a handful
 * of updates where labels are few, with an evaluation after each. */

static void deck_deal(struct deck *d, uint64_t seed, int64_t update, int *row)
{
    for (int i = 0; i < d->share; i++) {
        int64_t card = update * d->share + i;
        deck_shuffle(d, seed, card / d->count);
        row[i] = d->order[card % d->count];
    }
}

static struct rt_batch *sampler_balanced_batch(struct rt_sampler *s, int64_t update)
{
    deck_deal(&s->part[0], s->c.seed, update, s->dealt);
    deck_deal(&s->part[1], s->c.seed, update, s->dealt + s->part[0].share);
    return rt_batch_create(RT_BATCH_TRAIN, s->dealt, s->c.batch);
}

/* 0, or RT_EBUSY. */
static int sampler_ask_leave(struct rt_sampler *s)
{
    int interval = s->c.hand_out ? s->c.hand_out(s->c.self, s->done + 1) : s->c.eval_interval;
    if (interval < 0)
        return interval;
    s->c.eval_interval = interval;
    return 0;
}

static struct rt_batch *sampler_next_update(struct rt_sampler *s)
{
    int64_t epoch = s->done / s->epoch_steps;
    int index = (int)(s->done % s->epoch_steps);
    struct rt_batch *b = s->balanced ? sampler_balanced_batch(s, s->done) : sampler_epoch_batch(s, epoch, index);
    if (!b)
        return NULL;
    b->epoch = (int)epoch;
    b->index = index;
    b->draw = s->balanced ? s->done : epoch;
    b->update = ++s->done;
    if (sampler_ends_epoch(s))
        b->marks = RT_MARK_EPOCH;
    if (sampler_wants_eval(s))
        sampler_start_eval(s);
    return b;
}

static struct rt_batch *sampler_next_eval(struct rt_sampler *s)
{
    struct rt_batch *b = pieces_next(&s->eval, RT_BATCH_EVAL, s->c.batch);
    if (!b)
        return NULL;
    b->epoch = (int)((s->done - 1) / s->epoch_steps);
    s->evaluating = s->eval.at < s->eval.count;
    return b;
}

static int sampler_next(void *self, struct rt_batch **out, struct rt_error *e)
{
    struct rt_sampler *s = self;
    *out = NULL;
    if (!s->evaluating && s->done >= s->c.steps)
        return 0;
    if (!s->evaluating)
        RT_TRY(sampler_ask_leave(s));
    struct rt_batch *b = s->evaluating ? sampler_next_eval(s) : sampler_next_update(s);
    if (!b)
        return batch_no_memory(e);
    if (!s->evaluating && s->done >= s->c.steps)
        b->marks |= RT_MARK_END;
    if (s->c.shards)
        rt_batch_cut(b, s->c.shards, s->c.first_shard, s->c.own_shards);
    *out = b;
    return 0;
}

static void sampler_make_decks(struct rt_sampler *s)
{
    const struct rt_sampler_config *c = &s->c;
    int labelled = c->labelled, rest = c->train_count - labelled;
    int share = balanced_labelled(labelled, rest, c->batch, c->balance);
    s->balanced = share > 0;
    s->epoch_steps = rt_sampler_balanced_steps(labelled, rest, c->batch, c->balance);
    s->all = (struct deck){s->train, s->order, c->train_count, -1, 0, 0};
    s->part[0] = (struct deck){s->train, s->order, labelled, -1, 1, share};
    s->part[1] = (struct deck){s->train + labelled, s->order + labelled, rest, -1, 2, c->batch - share};
}

int rt_sampler_create(struct rt_sampler **out, const struct rt_sampler_config *c)
{
    *out = NULL;
    if (c->train_count < 1)
        return RT_ENODATA;
    if (c->batch < 1 || c->eval_count < 0 || c->steps < 0 || c->start < 0 || c->eval_interval < 1 ||
        c->labelled < 0 || c->labelled > c->train_count || !(c->balance >= 0 && c->balance <= 1))
        return RT_ERANGE;
    struct rt_sampler *s = calloc(1, sizeof *s);
    if (!s)
        return RT_EMEM;
    s->c = *c;
    s->done = c->start;
    s->eval.count = c->eval_count;
    s->train = rows_copy(c->train, c->train_count);
    s->order = rows_copy(c->train, c->train_count);
    s->eval.row = rows_copy(c->eval, c->eval_count);
    s->dealt = malloc(sizeof *s->dealt * (size_t)c->batch);
    if (!s->train || !s->order || !s->eval.row || !s->dealt) {
        rt_sampler_destroy(s);
        return RT_EMEM;
    }
    sampler_make_decks(s);
    if (!c->eval_done && sampler_wants_eval(s))
        sampler_start_eval(s);
    *out = s;
    return 0;
}

void rt_sampler_destroy(struct rt_sampler *s)
{
    if (!s)
        return;
    free(s->train);
    free(s->order);
    free(s->dealt);
    free(s->eval.row);
    free(s);
}

struct rt_source rt_sampler_source(struct rt_sampler *s)
{
    return (struct rt_source){s, sampler_next};
}

/* ---- rows once ---- */

static int lister_next(void *self, struct rt_batch **out, struct rt_error *e)
{
    struct rt_lister *l = self;
    *out = NULL;
    if (l->rows.at == l->rows.count)
        return 0;
    struct rt_batch *b = pieces_next(&l->rows, l->kind, l->batch);
    if (!b)
        return batch_no_memory(e);
    if (b->marks & RT_MARK_EVAL)
        b->marks |= RT_MARK_END;
    *out = b;
    return 0;
}

int rt_lister_create(struct rt_lister **out, enum rt_batch_kind kind, const int *rows, int count,
                     int batch)
{
    *out = NULL;
    if (count < 0 || batch < 1)
        return RT_ERANGE;
    struct rt_lister *l = calloc(1, sizeof *l);
    if (!l)
        return RT_EMEM;
    l->kind = kind;
    l->batch = batch;
    l->rows.count = count;
    l->rows.row = rows_copy(rows, count);
    if (!l->rows.row) {
        rt_lister_destroy(l);
        return RT_EMEM;
    }
    *out = l;
    return 0;
}

void rt_lister_destroy(struct rt_lister *l)
{
    if (!l)
        return;
    free(l->rows.row);
    free(l);
}

struct rt_source rt_lister_source(struct rt_lister *l)
{
    return (struct rt_source){l, lister_next};
}
