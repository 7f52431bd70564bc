/* SPDX-License-Identifier: MIT
 * learner_keep: the rows of a minibatch that take part. See learner.h.
 *
 * Exclusion is a view. The batch that brought the samples is shared: others may read its frames
 * behind the learner, and people may look at it (`ctl batch`), so nothing is cut out of it. But a
 * sample that is left out must be in no mean, batch-norm's included, and dropout draws by place; so
 * the network has to see the kept rows and no others, as if the rest had never been there. They are
 * copied together, into memory of the learner's own, and only in the seldom case that something is
 * left out; else the view is the minibatch itself. */
#include "stages/distill/learner_parts.h"

#include <stdlib.h>
#include <string.h>

int rt_learner_room(struct rt_learner_room *r, size_t bytes)
{
    if (bytes <= r->size)
        return 0;
    void *grown = realloc(r->data, 2 * bytes);
    if (!grown)
        return RT_EMEM;
    r->data = grown;
    r->size = 2 * bytes;
    return 0;
}

/* *rows: [kept] of from's rows of `row` bytes each; NULL stays NULL. */
static int keep_rows(struct rt_learner_room *room, const struct rt_minibatch *b, const void *from, size_t row,
                     const void **rows)
{
    *rows = NULL;
    if (!from)
        return 0;
    RT_TRY(rt_learner_room(room, row * (size_t)b->kept + 1));
    for (int i = 0; i < b->kept; i++)
        memcpy((char *)room->data + (size_t)i * row, (const char *)from + (size_t)b->keep[i] * row, row);
    *rows = room->data;
    return 0;
}

static int keep_bags(struct rt_learner_kept *k, const struct rt_minibatch *b, struct rt_bags *bags)
{
    int32_t *offset, *bucket, at = 0;
    float *weight;
    if (!b->bags.offset)
        return 0;
    size_t most = (size_t)b->bags.offset[b->count] + 1;
    RT_TRY(rt_learner_room(&k->offset, ((size_t)b->kept + 1) * sizeof *offset));
    RT_TRY(rt_learner_room(&k->bucket, most * sizeof *bucket));
    RT_TRY(rt_learner_room(&k->weight, most * sizeof *weight));
    offset = k->offset.data;
    bucket = k->bucket.data;
    weight = k->weight.data;
    for (int i = 0; i < b->kept; i++) {
        int32_t from = b->bags.offset[b->keep[i]], many = b->bags.offset[b->keep[i] + 1] - from;
        memcpy(bucket + at, b->bags.bucket + from, (size_t)many * sizeof *bucket);
        memcpy(weight + at, b->bags.weight + from, (size_t)many * sizeof *weight);
        offset[i] = at;
        at += many;
    }
    offset[b->kept] = at;
    *bags = (struct rt_bags){offset, bucket, weight};
    return 0;
}

static int keep_taught(struct rt_learner *l, const struct rt_minibatch *b, int k)
{
    const struct rt_taught *t = &b->taught[k];
    const struct rt_model_teacher *m = &l->c.model->teacher[k];
    struct rt_taught *to = &l->kept.taught[k];
    RT_TRY(keep_rows(&l->kept.teacher[k].have, b, t->have, 1, (const void **)&to->have));
    RT_TRY(keep_rows(&l->kept.teacher[k].embedding, b, t->embedding, sizeof(float) * (size_t)m->dim,
                     (const void **)&to->embedding));
    return keep_rows(&l->kept.teacher[k].logits, b, t->logits, sizeof(float) * (size_t)m->classes,
                     (const void **)&to->logits);
}

static int keep_all(struct rt_learner *l, const struct rt_minibatch *b, struct rt_minibatch *view)
{
    struct rt_learner_kept *k = &l->kept;
    RT_TRY(keep_rows(&k->sample, b, b->sample, sizeof *b->sample, (const void **)&view->sample));
    RT_TRY(keep_rows(&k->shard, b, b->shard, sizeof *b->shard, (const void **)&view->shard));
    RT_TRY(keep_rows(&k->input, b, b->input, sizeof *b->input * l->input_row, (const void **)&view->input));
    RT_TRY(keep_bags(k, b, &view->bags));
    RT_TRY(keep_rows(&k->label, b, b->label, sizeof *b->label, (const void **)&view->label));
    RT_TRY(keep_rows(&k->factor, b, b->factor, sizeof *b->factor, (const void **)&view->factor));
    RT_TRY(keep_rows(&k->value, b, b->value, sizeof *b->value * (size_t)l->c.measures,
                     (const void **)&view->value));
    RT_TRY(keep_rows(&k->percentile, b, b->percentile, sizeof *b->percentile * (size_t)l->c.measures,
                     (const void **)&view->percentile));
    if (!l->teacher || !b->taught)
        return 0;
    view->taught = k->taught;
    for (int t = 0; t < l->c.teachers; t++)
        RT_TRY(keep_taught(l, b, t));
    return 0;
}

/* Of a shard in which one sample is left that one is left out, too: batch-norm cannot train on it. *list: [kept], as
 * rt_minibatch.keep. */
static int keep_list(struct rt_learner *l, const struct rt_minibatch *b, const int **list, int *kept)
{
    RT_TRY(rt_learner_room(&l->kept.keep, ((size_t)b->count + 1) * sizeof **list));
    int *keep = l->kept.keep.data, n = b->keep ? b->kept : b->count, shard = -1, many = 0;
    *kept = 0;
    for (int i = 0; i <= n; i++) {
        int at = i < n && b->keep ? b->keep[i] : i, next = i == n ? -1 : b->shard ? b->shard[at] : 0;
        if (next != shard) {
            *kept -= many == 1;
            shard = next;
            many = 0;
        }
        many++;
        if (i < n)
            keep[(*kept)++] = at;
    }
    *list = keep;
    return 0;
}

int rt_learner_keep(struct rt_learner *l, const struct rt_minibatch *given, struct rt_minibatch *view,
                    struct rt_error *e)
{
    struct rt_minibatch b = *given;
    if (rt_learner_is_cut(l) && keep_list(l, given, &b.keep, &b.kept) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the list of %d samples", b.count);
    *view = b;
    view->keep = NULL;
    if (!b.keep || b.kept == b.count)
        return 0;
    view->count = b.kept;
    if (keep_all(l, &b, view) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the %d samples of %d that take part", b.kept, b.count);
    return 0;
}

void rt_learner_keep_fini(struct rt_learner *l)
{
    struct rt_learner_kept *k = &l->kept;
    void *owned[] = {k->keep.data, k->sample.data, k->shard.data, k->input.data,
                     k->offset.data, k->bucket.data, k->weight.data,
                     k->label.data, k->factor.data, k->value.data, k->percentile.data};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    for (int t = 0; t < RT_TEACHERS; t++) {
        free(k->teacher[t].have.data);
        free(k->teacher[t].embedding.data);
        free(k->teacher[t].logits.data);
    }
}
