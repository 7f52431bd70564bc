/* SPDX-License-Identifier: MIT
 * sampler: the order of a run. Everything follows from the number of updates done, so a resumed run
 * goes on as if it had never stopped; an epoch's order is made when its first batch is asked for. */
#include "pipeline/data/sampler.h"
#include "formats/rng.h"

#include <stdlib.h>
#include <string.h>

/* Rows handed out in pieces: the evaluation of a sampler, all of a lister. */
struct pieces {
    int *row;
    int count, at, index; /* next row, next batch */
};

struct rt_sampler {
    struct rt_sampler_config c; /* its pointers are not used after create */
    int *train, *order;         /* [train_count] as given; as shuffled for order_epoch */
    int64_t order_epoch;        /* -1 = none yet */
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

static int sampler_epoch_steps(const struct rt_sampler *s)
{
    return rt_sampler_epoch_steps(s->c.train_count, s->c.batch);
}

/* Update `done` was the last of its epoch or of the run. */
static int sampler_ends_epoch(const struct rt_sampler *s)
{
    return s->done > 0 && (s->done % sampler_epoch_steps(s) == 0 || s->done == s->c.steps);
}

static int sampler_wants_eval(const struct rt_sampler *s)
{
    int64_t epochs = (s->done + sampler_epoch_steps(s) - 1) / sampler_epoch_steps(s);
    return s->eval.count > 0 && sampler_ends_epoch(s) &&
           (s->done == s->c.steps || epochs % s->c.eval_interval == 0);
}

static void sampler_start_eval(struct rt_sampler *s)
{
    s->evaluating = 1;
    s->eval.at = s->eval.index = 0;
}

/* Fisher-Yates from the order given, so that an epoch's order needs no other epoch's. */
static void sampler_shuffle(struct rt_sampler *s, int64_t epoch)
{
    if (s->order_epoch == epoch)
        return;
    struct rt_rng r = rt_rng_init(s->c.seed, (uint64_t)epoch, 0, RT_RNG_ORDER);
    memcpy(s->order, s->train, (size_t)s->c.train_count * sizeof *s->order);
    for (int i = s->c.train_count - 1; i > 0; i--) {
        int k = (int)rt_rng_below(&r, (uint32_t)i + 1), row = s->order[i];
        s->order[i] = s->order[k];
        s->order[k] = row;
    }
    s->order_epoch = epoch;
}

static struct rt_batch *sampler_next_update(struct rt_sampler *s)
{
    int64_t epoch = s->done / sampler_epoch_steps(s);
    int index = (int)(s->done % sampler_epoch_steps(s)), at = index * s->c.batch;
    int left = s->c.train_count - at;
    if (s->c.hand_out)
        s->c.eval_interval = s->c.hand_out(s->c.self, s->done + 1);
    sampler_shuffle(s, epoch);
    struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, s->order + at,
                                         left < s->c.batch ? left : s->c.batch);
    if (!b)
        return NULL;
    b->epoch = (int)epoch;
    b->index = index;
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
    b->epoch = (int)((s->done - 1) / sampler_epoch_steps(s));
    s->evaluating = s->eval.at < s->eval.count;
    return b;
}

static int sampler_next(void *self, struct rt_batch **out, struct rt_error *e)
{
    struct rt_sampler *s = self;
    *out = NULL;
    if (!s->evaluating && s->done >= s->c.steps)
        return 0;
    struct rt_batch *b = s->evaluating ? sampler_next_eval(s) : sampler_next_update(s);
    if (!b)
        return batch_no_memory(e);
    if (!s->evaluating && s->done >= s->c.steps)
        b->marks |= RT_MARK_END;
    *out = b;
    return 0;
}

int rt_sampler_create(struct rt_sampler **out, const struct rt_sampler_config *c)
{
    *out = NULL;
    if (c->train_count < 1)
        return RT_ENODATA;
    if (c->batch < 1 || c->eval_count < 0 || c->steps < 0 || c->start < 0 || c->eval_interval < 1)
        return RT_ERANGE;
    struct rt_sampler *s = calloc(1, sizeof *s);
    if (!s)
        return RT_EMEM;
    s->c = *c;
    s->done = c->start;
    s->order_epoch = -1;
    s->eval.count = c->eval_count;
    s->train = rows_copy(c->train, c->train_count);
    s->order = rows_copy(c->train, c->train_count);
    s->eval.row = rows_copy(c->eval, c->eval_count);
    if (!s->train || !s->order || !s->eval.row) {
        rt_sampler_destroy(s);
        return RT_EMEM;
    }
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
