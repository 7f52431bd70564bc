/* SPDX-License-Identifier: MIT
 * batch_summary: see batch_summary.h. Any thread: the batch's frames never change. */
#include "pipeline/live/batch_summary.h"

#include <math.h>

static const char *const kind_name[] = {
    [RT_BATCH_TRAIN] = "train", [RT_BATCH_EVAL] = "evaluation", [RT_BATCH_SCORE] = "scoring"};
static const char *const type_name[] = {
#define RT_DTYPE(name, type, bytes, safetensors, npy) safetensors,
#include "formats/dtypes.def"
#undef RT_DTYPE
};

/* ---- a frame in numbers ----
 * Frames are unpacked here, on the socket's thread, and not where the batch is made: nobody asks
 * most of the time, and a run should not pay for a look. NaN and infinity are counted apart, since
 * they are what people look for, and would spoil mean and range. */

struct range {
    double min, max, sum;
    int64_t finite, nan, inf;
};

static void range_note(struct range *r, double x)
{
    if (isnan(x))
        r->nan++;
    else if (isinf(x))
        r->inf++;
    else {
        r->min = r->finite == 0 || x < r->min ? x : r->min;
        r->max = r->finite == 0 || x > r->max ? x : r->max;
        r->sum += x;
        r->finite++;
    }
}

static struct range range_of(const struct rt_tensor *t)
{
    struct range r = {0};
    int64_t n = rt_tensor_count(t);
    switch ((int)t->dtype) {
#define RT_DTYPE(name, type, bytes, safetensors, npy)                                              \
    case RT_##name:                                                                                \
        for (int64_t i = 0; i < n; i++)                                                            \
            range_note(&r, (double)((const type *)t->data)[i]);                                    \
        break;
#include "formats/dtypes.def"
#undef RT_DTYPE
    }
    return r;
}

static void json_put(json_t *o, const char *name, json_t *value)
{
    json_object_set_new(o, name, value);
}

static int frame_summary(json_t *list, const struct rt_frame *f, struct rt_error *e)
{
    struct rt_tensor t = {0};
    int rc = rt_frame_unpack(f, &t, e);
    if (rc < 0)
        return rc;
    json_t *o = json_object(), *shape = json_array();
    for (int i = 0; i < t.rank; i++)
        json_array_append_new(shape, json_integer(t.dim[i]));
    json_put(o, "name", json_string(rt_frame_name(f)));
    json_put(o, "type", json_string(type_name[t.dtype]));
    json_put(o, "shape", shape);
    json_put(o, "raw", json_integer((json_int_t)rt_frame_raw_bytes(f)));
    json_put(o, "packed", json_integer((json_int_t)rt_frame_packed_bytes(f)));
    struct range r = range_of(&t);
    if (r.finite) {
        json_put(o, "min", json_real(r.min));
        json_put(o, "mean", json_real(r.sum / (double)r.finite));
        json_put(o, "max", json_real(r.max));
    }
    json_put(o, "nan", json_integer(r.nan));
    json_put(o, "inf", json_integer(r.inf));
    json_array_append_new(list, o);
    rt_tensor_fini(&t);
    return 0;
}

/* ---- the whole ----
 * Lists are cut at a fixed number of ids and frames, for a reply is one line that a terminal shows.
 */

static json_t *batch_ids(const struct rt_batch *b, const char *(*id)(const void *self, int row),
                         const void *self)
{
    json_t *ids = json_array();
    for (int i = 0; i < b->count && i < RT_BATCH_SUMMARY_IDS; i++)
        json_array_append_new(ids, id ? json_string(id(self, b->sample[i])) : json_integer(b->sample[i]));
    return ids;
}

int rt_batch_summary(json_t *o, const struct rt_batch *b, const char *(*id)(const void *self, int row),
                     const void *self, struct rt_error *e)
{
    json_t *list = json_array();
    size_t raw = 0;
    int rc = 0;
    for (int i = 0; i < b->frames; i++)
        raw += rt_frame_raw_bytes(b->frame[i]);
    json_put(o, "kind", json_string(kind_name[b->kind]));
    json_put(o, "epoch", json_integer(b->epoch + 1));
    json_put(o, "batch", json_integer(b->index + 1));
    if (b->update)
        json_put(o, "update", json_integer(b->update));
    json_put(o, "samples", json_integer(b->count));
    json_put(o, "ids", batch_ids(b, id, self));
    json_put(o, "left_out", json_integer(b->drops));
    json_put(o, "frames", json_integer(b->frames));
    json_put(o, "raw", json_integer((json_int_t)raw));
    json_put(o, "packed", json_integer((json_int_t)rt_batch_bytes(b)));
    for (int i = 0; rc == 0 && i < b->frames && i < RT_BATCH_SUMMARY_FRAMES; i++)
        rc = frame_summary(list, b->frame[i], e);
    json_put(o, "list", list);
    return rc;
}
