/* SPDX-License-Identifier: MIT
 * batch: creation, frames by name, drops. Plain memory; whoever owns the batch calls. */
#include "pipeline/flow/batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a batch and its copies ----
 * A copy shares the frames: a frame never changes once it is packed, so a reference is enough. That
 * is what lets the socket look at a batch that a stage put out a while ago while the batch itself
 * has gone on, or is gone. Row numbers and drops are copied, since a stage may still add to them.
 */

struct rt_batch *rt_batch_create(enum rt_batch_kind kind, const int *sample, int count)
{
    assert(count >= 0 && (count == 0 || sample));
    struct rt_batch *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->sample = calloc((size_t)count + 1, sizeof *b->sample);
    b->shard = calloc((size_t)count + 1, sizeof *b->shard);
    if (!b->sample || !b->shard) {
        free(b->sample);
        free(b->shard);
        free(b);
        return NULL;
    }
    if (count > 0)
        memcpy(b->sample, sample, (size_t)count * sizeof *sample);
    b->kind = kind;
    b->count = count;
    return b;
}

struct rt_batch *rt_batch_copy(const struct rt_batch *b)
{
    struct rt_batch *copy = rt_batch_create(b->kind, b->sample, b->count);
    if (!copy)
        return NULL;
    int *sample = copy->sample, *shard = copy->shard;
    *copy = *b;
    copy->sample = sample;
    copy->shard = memcpy(shard, b->shard, sizeof *shard * (size_t)b->count);
    copy->drop = b->drops ? malloc((size_t)b->drops * sizeof *b->drop) : NULL;
    copy->drops = copy->drop ? b->drops : 0;
    if (copy->drop)
        memcpy(copy->drop, b->drop, (size_t)b->drops * sizeof *b->drop);
    for (int i = 0; i < b->frames; i++)
        rt_frame_ref(b->frame[i]);
    if (copy->drops == b->drops)
        return copy;
    rt_batch_destroy(copy);
    return NULL;
}

void rt_batch_destroy(struct rt_batch *b)
{
    if (!b)
        return;
    for (int i = 0; i < b->frames; i++)
        rt_frame_unref(b->frame[i]);
    free(b->sample);
    free(b->shard);
    free(b->drop);
    free(b);
}

void rt_batch_cut(struct rt_batch *b, int shards, int first, int own)
{
    int parts = b->count / 2 < shards ? b->count / 2 : shards, kept = 0;
    if (parts < 1)
        parts = 1;
    for (int s = first; s < first + own && s < parts; s++) {
        int from = (int)((int64_t)b->count * s / parts), to = (int)((int64_t)b->count * (s + 1) / parts);
        for (int i = from; i < to; i++) {
            b->sample[kept] = b->sample[i];
            b->shard[kept++] = s - first;
        }
    }
    b->count = kept;
}

/* Five samples for eight parts are two parts, one of three. */
int rt_batch_shard_rows(int count, int shards)
{
    int even = (count + shards - 1) / shards;
    return shards > 1 && even < 3 ? 3 : even;
}

/* ---- frames by name ----
 * A batch of an update carries some ten frames, one of a scoring pass a few for each of its few samples. So a walk over
 * the names costs less than a table would, and the order of the frames stays what the stages made it. Putting a name a
 * second time replaces the frame: a stage that works on an input gives it back under its own name. */

/* Place of the frame called name, or -1. */
static int frame_index(const struct rt_batch *b, const char *name)
{
    for (int i = 0; i < b->frames; i++)
        if (strcmp(rt_frame_name(b->frame[i]), name) == 0)
            return i;
    return -1;
}

int rt_batch_put(struct rt_batch *b, struct rt_frame *f)
{
    int at = frame_index(b, rt_frame_name(f));
    if (at >= 0) {
        rt_frame_unref(b->frame[at]);
        b->frame[at] = f;
        return 0;
    }
    if (b->frames == RT_BATCH_FRAMES) {
        rt_frame_unref(f);
        return RT_ELARGE;
    }
    b->frame[b->frames++] = f;
    return 0;
}

int rt_batch_pack(struct rt_batch *b, const char *name, const struct rt_tensor *t, int level)
{
    struct rt_frame *f = NULL;
    int code = rt_frame_pack(&f, name, t, level);
    return code < 0 ? code : rt_batch_put(b, f);
}

struct rt_frame *rt_batch_get(const struct rt_batch *b, const char *name)
{
    int at = frame_index(b, name);
    return at < 0 ? NULL : b->frame[at];
}

int rt_batch_unpack(const struct rt_batch *b, const char *name, struct rt_tensor *t,
                    struct rt_error *e)
{
    const struct rt_frame *f = rt_batch_get(b, name);
    if (f)
        return rt_frame_unpack(f, t, e);
    *t = (struct rt_tensor){0};
    return rt_error_set(e, RT_ENOTFOUND,
                        "batch %d of epoch %d has no frame \"%s\": an earlier stage must put it",
                        b->index, b->epoch, name);
}

void rt_batch_remove(struct rt_batch *b, const char *name)
{
    int at = frame_index(b, name);
    if (at < 0)
        return;
    rt_frame_unref(b->frame[at]);
    b->frames--;
    memmove(&b->frame[at], &b->frame[at + 1], (size_t)(b->frames - at) * sizeof *b->frame);
}

int rt_batch_drop(struct rt_batch *b, int sample, int modality, int reason, const char *text)
{
    struct rt_drop *drop = realloc(b->drop, (size_t)(b->drops + 1) * sizeof *drop);
    if (!drop)
        return RT_EMEM;
    b->drop = drop;
    drop += b->drops++;
    *drop = (struct rt_drop){.sample = sample, .modality = modality, .reason = reason};
    snprintf(drop->text, sizeof drop->text, "%s", text ? text : "");
    return 0;
}

size_t rt_batch_bytes(const struct rt_batch *b)
{
    size_t sum = 0;
    for (int i = 0; i < b->frames; i++)
        sum += rt_frame_packed_bytes(b->frame[i]);
    return sum;
}
