/* SPDX-License-Identifier: MIT
 * decode: see decode.h. Deterministic features are kept in a store by content and settings; crop,
 * masks and the like are drawn fresh from (seed, draw, sample). Any worker thread. */
#include "stages/decode.h"

#include "formats/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum rt_purpose purposes[RT_MODALITIES] = {RT_RNG_SPEECH, RT_RNG_IMAGE, RT_RNG_TEXT};

static bool key_known(struct rt_key128 k)
{
    return k.lo | k.hi;
}

/* ---- a sample's data ---- */

static struct rt_raw_source decode_raw_source(const struct rt_decode *d, struct rt_store *kept)
{
    return (struct rt_raw_source){
        .dataset = d->dataset, .files = d->sources, .content = d->content, .kept = kept, .level = d->level};
}

static struct rt_key128 features_key(const struct rt_decode_input *in, struct rt_key128 content)
{
    char text[512];
    in->modality->features_key(in->front, text, sizeof text);
    return rt_key128_of(text, strlen(text), content);
}

static bool features_are_kept(const struct rt_decode_input *in)
{
    char text[512];
    if (!in->features)
        return false;
    in->modality->features_key(in->front, text, sizeof text);
    return text[0];
}

static int keep_features(const struct rt_decode_input *in, struct rt_key128 content,
                         const struct rt_tensor *base, int level)
{
    struct rt_frame *f;
    int rc = rt_frame_pack(&f, "base", base, level);
    if (rc == 0) {
        rc = rt_store_put(in->features, features_key(in, content), f);
        rt_frame_unref(f);
    }
    return rc;
}

/* A sample that augmentation leaves alone goes on with the numbers behind those that it might have used. */
static bool raw_changes(const struct rt_decode_input *in, struct rt_rng *rng)
{
    if (!rng || !in->modality->alters)
        return false;
    struct rt_rng ahead = *rng;
    bool changes = in->modality->alters(in->front, &ahead);
    if (!changes)
        *rng = ahead;
    return changes;
}

static int base_unpack(const struct rt_decode_input *in, const struct rt_frame *f, struct rt_tensor *base)
{
    struct rt_tensor shape = rt_frame_shape(f);
    RT_TRY(rt_work_tensor(in->front->work, base, shape.dtype, shape.rank, shape.dim));
    int rc = rt_frame_unpack_into(f, base->data, rt_tensor_bytes(base), NULL);
    if (rc < 0)
        rt_work_tensor_fini(in->front->work, base);
    return rc;
}

static int load_base(const struct rt_decode *d, const struct rt_decode_input *in, int row, bool from_store,
                     struct rt_rng *rng, struct rt_tensor *base, struct rt_error *e)
{
    char name[4352];
    const struct rt_modality *m = in->modality;
    bool raw_work = raw_changes(in, rng);
    struct rt_key128 *content = &d->content->key[m->id][row];
    bool use_store = from_store && !raw_work && features_are_kept(in);
    if (use_store && key_known(*content)) {
        struct rt_frame *f = rt_store_get(in->features, features_key(in, *content));
        int rc = f ? base_unpack(in, f, base) : RT_EMISSING;
        rt_frame_unref(f);
        if (rc == 0)
            return 0;
    }
    struct rt_raw_source from = decode_raw_source(d, raw_work ? in->raw : NULL);
    struct rt_tensor raw;
    RT_TRY(rt_raw_load(&from, m, row, &raw, e));
    int rc = 0;
    if (raw_work && (rc = m->augment(in->front, row, &raw, rng, e)) < 0 && e->code != rc)
        rt_error_set(e, rc, "%s: cannot augment: %s",
                     rt_dataset_source(d->dataset, row, m->id, name, sizeof name), rt_err_words(rc));
    if (rc == 0)
        rc = m->features(in->front, &raw, base, e);
    if (rc == 0 && use_store && key_known(*content))
        keep_features(in, *content, base, d->level); /* a full disk only costs time */
    rt_tensor_fini(&raw);
    return rc;
}

/* The rows of one role as they are gathered. A sample's numbers are those of all its views, so whole recordings have
 * each their own count. */
struct gather {
    int32_t *rows;
    int count;
    int rank;        /* of a row; 0 = bags */
    int64_t dim[3];  /* of a row; the first one is not that of whole recordings */
    float *dense;
    size_t used, room;    /* numbers */
    size_t *size;         /* [count] numbers of each sample */
    struct rt_views views;
    struct rt_bag *bag;   /* [count] */
};

static int gather_reserve(struct gather *g, size_t more)
{
    if (g->used + more <= g->room)
        return 0;
    size_t room = g->used + more > 2 * g->room ? g->used + more : 2 * g->room;
    float *dense = realloc(g->dense, room * sizeof *dense);
    if (!dense)
        return RT_EMEM;
    g->dense = dense;
    g->room = room;
    return 0;
}

static size_t row_numbers(int rank, const int64_t *dim)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dim[i];
    return n;
}

static int present_views(const struct rt_decode_input *in, const struct rt_tensor *base, struct rt_rng *rng,
                         struct gather *g)
{
    size_t before = g->used;
    for (int k = 0; k < rt_views_count(&g->views); k++) {
        struct rt_front front = rt_views_front(&g->views, k, in->front, base->dim[0]);
        int64_t dim[3];
        size_t n = row_numbers(in->modality->shape(&front, dim), dim);
        int rc = gather_reserve(g, n);
        if (rc == 0)
            rc = in->modality->present(&front, base, rng, g->dense + g->used);
        if (rc < 0) {
            g->used = before;
            return rc;
        }
        g->used += n;
    }
    g->size[g->count] = g->used - before;
    return 0;
}

static int present_from(const struct rt_decode *d, const struct rt_decode_input *in, const struct rt_batch *b, int at,
                        bool store, struct gather *g, struct rt_error *e)
{
    int row = b->sample[at];
    struct rt_rng drawn = rt_rng_init(d->seed, (uint64_t)b->draw, (uint64_t)row,
                                      purposes[in->modality->id]);
    struct rt_rng *rng = in->augment && b->kind == RT_BATCH_TRAIN ? &drawn : NULL;
    struct rt_tensor base = {0};
    int rc = load_base(d, in, row, store, rng, &base, e);
    if (rc == 0)
        rc = g->rank ? present_views(in, &base, rng, g)
                     : in->modality->present_bag(in->front, &base, rng, &g->bag[g->count]);
    rt_work_tensor_fini(in->front->work, &base);
    return rc;
}

/* Features of another shape are not this front end's, whatever they are kept under: the sample is not lost for them. */
static int present_row(const struct rt_decode *d, const struct rt_decode_input *in,
                       const struct rt_batch *b, int at, struct gather *g, struct rt_error *e)
{
    int rc = present_from(d, in, b, at, true, g, e);
    if (rc == RT_EMISMATCH && in->features)
        rc = present_from(d, in, b, at, false, g, e);
    if (rc < 0 && e->code != rc)
        rt_error_set(e, rc, "%s", rt_err_words(rc));
    if (rc == 0)
        g->rows[g->count++] = at;
    return rc;
}

static int pack_name(struct rt_batch *b, const char *role, const char *what,
                     const struct rt_tensor *t, int level)
{
    char name[RT_FRAME_NAME + 1];
    snprintf(name, sizeof name, "%s.%s", role, what);
    return rt_batch_pack(b, name, t, level);
}

static int pack_bags(const struct rt_decode *d, const char *role, const struct gather *g,
                     struct rt_batch *b)
{
    int64_t places = g->count + 1, total = 0;
    for (int i = 0; i < g->count; i++)
        total += g->bag[i].count;
    if (total > INT32_MAX)
        return RT_ELARGE; /* offsets are I32 */
    struct rt_tensor offset = {0}, bucket = {0}, weight = {0};
    int rc = rt_tensor_init(&offset, RT_I32, 1, &places);
    if (rc == 0)
        rc = rt_tensor_init(&bucket, RT_I32, 1, &total);
    if (rc == 0)
        rc = rt_tensor_init(&weight, RT_F32, 1, &total);
    int32_t at = 0;
    for (int i = 0; rc == 0 && i < g->count; i++) {
        size_t n = (size_t)g->bag[i].count;
        if (n) {
            memcpy((int32_t *)bucket.data + at, g->bag[i].bucket, n * sizeof(int32_t));
            memcpy((float *)weight.data + at, g->bag[i].weight, n * sizeof(float));
        }
        at += (int32_t)n;
        ((int32_t *)offset.data)[i + 1] = at;
    }
    if (rc == 0)
        rc = pack_name(b, role, "offset", &offset, d->level);
    if (rc == 0)
        rc = pack_name(b, role, "bucket", &bucket, d->level);
    if (rc == 0)
        rc = pack_name(b, role, "weight", &weight, d->level);
    rt_tensor_fini(&offset);
    rt_tensor_fini(&bucket);
    rt_tensor_fini(&weight);
    return rc;
}

static int pack_lengths(const struct rt_decode *d, const char *role, const struct gather *g, struct rt_batch *b)
{
    int64_t n = g->count;
    size_t frame = row_numbers(g->rank - 1, g->dim + 1);
    struct rt_tensor length;
    RT_TRY(rt_tensor_init(&length, RT_I32, 1, &n));
    for (int i = 0; i < g->count; i++)
        ((int32_t *)length.data)[i] = (int32_t)(g->size[i] / frame);
    int rc = pack_name(b, role, "length", &length, d->level);
    rt_tensor_fini(&length);
    return rc;
}

static int pack_role(const struct rt_decode *d, const struct rt_decode_input *in, const struct gather *g,
                     struct rt_batch *b)
{
    int64_t shape[4] = {g->count};
    struct rt_tensor rows = rt_tensor_view(RT_I32, 1, shape, g->rows);
    RT_TRY(pack_name(b, in->role, "rows", &rows, d->level));
    if (g->rank == 0)
        return pack_bags(d, in->role, g, b);
    bool whole = g->views.whole;
    if (whole)
        RT_TRY(pack_lengths(d, in->role, g, b));
    shape[0] = whole ? (int64_t)(g->used / row_numbers(g->rank - 1, g->dim + 1))
                     : (int64_t)g->count * rt_views_count(&g->views);
    memcpy(shape + 1, g->dim + whole, sizeof(int64_t) * (size_t)(g->rank - whole));
    struct rt_tensor input = rt_tensor_view(RT_F32, g->rank + 1 - whole, shape, g->dense);
    return pack_name(b, in->role, "input", &input, d->level);
}

static int gather_init(struct gather *g, const struct rt_decode_input *in, const struct rt_batch *b)
{
    memset(g, 0, sizeof *g);
    size_t n = (size_t)b->count + 1;
    g->rank = in->modality->shape(in->front, g->dim);
    if (b->kind == RT_BATCH_EVAL || !in->augment)
        g->views = in->views;
    g->rows = calloc(n, sizeof *g->rows);
    g->size = calloc(n, sizeof *g->size);
    if (g->rank == 0)
        g->bag = calloc(n, sizeof *g->bag);
    else
        gather_reserve(g, n * row_numbers(g->rank, g->dim));
    return g->rows && g->size && (g->bag || g->dense) ? 0 : RT_EMEM;
}

static void gather_fini(struct gather *g)
{
    for (int i = 0; g->bag && i < g->count; i++) {
        free(g->bag[i].bucket);
        free(g->bag[i].weight);
    }
    free(g->bag);
    free(g->dense);
    free(g->size);
    free(g->rows);
}

/* Fetches one role's inputs; lost[at] is set where a required one failed. */
static int fetch_role(const struct rt_decode *d, const struct rt_decode_input *in,
                      struct rt_batch *b, uint8_t *lost, struct gather *g, struct rt_error *e)
{
    for (int at = 0; at < b->count; at++) {
        int row = b->sample[at];
        if (d->dataset->reason[in->modality->id][row] < 0)
            lost[at] |= in->required;
        if (lost[at] || d->dataset->reason[in->modality->id][row] < 0 ||
            (in->wanted && !in->wanted(in->wanted_self, row)))
            continue;
        struct rt_error why = {0};
        int rc = present_row(d, in, b, at, g, &why);
        if (rc == RT_EMEM || (rc == RT_ECHANGED && d->shared) || (rc < 0 && d->strict)) {
            *e = why;
            return rc;
        }
        if (rc < 0) {
            lost[at] |= in->required;
            if ((rc = rt_batch_drop(b, row, in->modality->id, rc, why.text)) < 0)
                return rt_error_set(e, rc, "no memory for the reason of a left-out sample");
        }
    }
    return 0;
}

/* Keeps the gathered rows whose sample stays; to[at] is its new position, or -1. */
static void gather_keep(struct gather *g, const int *to)
{
    int n = 0;
    size_t from = 0, used = 0;
    for (int k = 0; k < g->count; k++) {
        int at = to[g->rows[k]];
        size_t size = g->size[k];
        if (at < 0 && g->bag) {
            free(g->bag[k].bucket);
            free(g->bag[k].weight);
        }
        if (at >= 0) {
            if (g->bag)
                g->bag[n] = g->bag[k];
            else if (used != from)
                memmove(g->dense + used, g->dense + from, size * sizeof(float));
            g->size[n] = size;
            g->rows[n++] = at;
            used += size;
        }
        from += size;
    }
    g->count = n;
    g->used = used;
}

/* Takes lost samples out of the batch and renumbers what the roles gathered. */
static int compact(struct rt_batch *b, const uint8_t *lost, struct gather *g, int inputs)
{
    int *to = malloc(sizeof *to * ((size_t)b->count + 1));
    int kept = 0;
    if (!to)
        return RT_EMEM;
    for (int at = 0; at < b->count; at++) {
        to[at] = lost[at] ? -1 : kept;
        if (lost[at])
            continue;
        b->sample[kept] = b->sample[at];
        b->shard[kept++] = b->shard[at];
    }
    for (int i = 0; i < inputs; i++)
        gather_keep(&g[i], to);
    b->count = kept;
    free(to);
    return 0;
}

static int decode_inputs(const struct rt_decode *d, struct rt_batch *b, struct rt_error *e)
{
    struct gather g[RT_DECODE_INPUTS] = {0};
    int rc = 0;
    uint8_t *lost = calloc((size_t)b->count + 1, 1);
    if (!lost)
        rc = RT_EMEM;
    for (int i = 0; rc == 0 && i < d->inputs; i++) {
        rc = gather_init(&g[i], &d->input[i], b);
        if (rc == 0)
            rc = fetch_role(d, &d->input[i], b, lost, &g[i], e);
    }
    if (rc == 0)
        rc = compact(b, lost, g, d->inputs);
    for (int i = 0; rc == 0 && i < d->inputs; i++)
        rc = pack_role(d, &d->input[i], &g[i], b);
    for (int i = 0; i < d->inputs; i++)
        gather_fini(&g[i]);
    free(lost);
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "decode: %s", rt_err_words(rc)) : rc;
}

/* What the quality stage measures: the raw sample and, where there is one, what was seen of its file. */
static int score_pack(const struct rt_decode *d, const struct rt_modality *m, struct rt_batch *b,
                      int at, const struct rt_tensor *raw, double *source)
{
    char name[RT_FRAME_NAME + 1];
    snprintf(name, sizeof name, "raw.%s.%d", m->name, at);
    RT_TRY(rt_batch_pack(b, name, raw, d->level));
    if (!m->has_source)
        return 0;
    struct rt_tensor t = rt_tensor_view(RT_F64, 1, (int64_t[]){RT_SOURCE_MAX}, source);
    snprintf(name, sizeof name, "source.%s.%d", m->name, at);
    return rt_batch_pack(b, name, &t, 0);
}

/* A sample that was not measured before: its frames, and features into the cache while at hand. */
static int score_load(const struct rt_decode *d, const struct rt_decode_input *in,
                      struct rt_batch *b, int at, const struct rt_datafile *s, struct rt_key128 key,
                      struct rt_error *e)
{
    const struct rt_modality *m = in->modality;
    struct rt_tensor raw = {0}, base = {0};
    double source[RT_SOURCE_MAX] = {0};
    int rc = m->load(&s->input, &raw, m->has_source ? source : NULL, e);
    if (rc < 0)
        goto out;
    if (features_are_kept(in)) {
        if ((rc = m->features(in->front, &raw, &base, e)) < 0)
            goto out;
        keep_features(in, key, &base, d->level);
    }
    if (in->raw && in->front && m->alters && m->alters(in->front, NULL))
        rt_raw_keep(in->raw, key, &raw, d->level);
    rc = score_pack(d, m, b, at, &raw, source);
out:
    rt_tensor_fini(&raw);
    rt_tensor_fini(&base);
    return rc;
}

/* Scoring: content key, and frames for the quality stage unless the measures are known. */
static int score_row(const struct rt_decode *d, const struct rt_decode_input *in,
                     struct rt_batch *b, int at, struct rt_error *e)
{
    const struct rt_modality *m = in->modality;
    int row = b->sample[at];
    struct rt_datafile s;
    struct rt_frame *known = NULL;
    struct rt_key128 key = {0, 0};
    struct rt_raw_source from = decode_raw_source(d, NULL);
    RT_TRY(rt_raw_open(&from, m, row, &s, e));
    int rc = rt_content_key(&s, m, &key, e);
    if (rc < 0)
        goto out;
    if (d->quality && !m->quick)
        known = rt_store_get(d->quality, rt_modality_measures_key(m, key));
    if (!known && (rc = score_load(d, in, b, at, &s, key, e)) < 0)
        goto out;
    d->content->key[m->id][row] = key;
out:
    rt_frame_unref(known);
    rt_datafile_close(&s);
    return rc;
}

static int decode_scores(const struct rt_decode *d, struct rt_batch *b, struct rt_error *e)
{
    for (int i = 0; i < d->inputs; i++) {
        const struct rt_decode_input *in = &d->input[i];
        for (int at = 0; at < b->count; at++) {
            if (d->dataset->reason[in->modality->id][b->sample[at]] < 0)
                continue;
            struct rt_error why = {0};
            int rc = score_row(d, in, b, at, &why);
            if (rc < 0 && why.code != rc)
                rt_error_set(&why, rc, "%s", rt_err_words(rc));
            if (rc == RT_EMEM || (rc < 0 && d->strict)) {
                *e = why;
                return rc;
            }
            if (rc < 0 &&
                (rc = rt_batch_drop(b, b->sample[at], in->modality->id, rc, why.text)) < 0)
                return rt_error_set(e, rc, "no memory for the reason of a left-out sample");
        }
    }
    return 0;
}

/* ---- the stage ----
 * Augmentation may change from one update to the next, and batches of several updates are made at once: each has front
 * ends of its own, and memory in which one sample after the other is made. What all share is made once. */

static int decode_batch(const struct rt_decode *d, struct rt_work *work, struct rt_batch *b, struct rt_error *e)
{
    struct rt_decode now = *d;
    struct rt_front front[RT_DECODE_INPUTS];
    for (int i = 0; i < d->inputs; i++) {
        struct rt_decode_input *in = &now.input[i];
        if (!in->front)
            continue;
        front[i] = *in->front;
        front[i].fbank = d->fbank[i];
        front[i].work = in->modality->id == RT_SPEECH ? work : NULL;
        if (b->kind == RT_BATCH_TRAIN && d->augment && in->augment)
            d->augment(d->augment_self, b->update, &front[i].augment);
        in->front = &front[i];
    }
    return b->kind == RT_BATCH_SCORE ? decode_scores(&now, b, e) : decode_inputs(&now, b, e);
}

static int decode_work(void *self, struct rt_batch *b, struct rt_error *e)
{
    struct rt_work *work = NULL;
    if (b->kind == RT_BATCH_SCORE)
        return decode_batch(self, NULL, b, e);
    RT_TRY(rt_work_create(&work));
    int rc = decode_batch(self, work, b, e);
    rt_work_destroy(work);
    return rc;
}

static int decode_open(void *self, struct rt_error *e)
{
    struct rt_decode *d = self;
    for (int i = 0; i < d->inputs; i++) {
        const struct rt_decode_input *in = &d->input[i];
        int rc = in->front ? rt_front_fbank(in->front, in->modality->id, &d->fbank[i]) : 0;
        if (rc < 0)
            return rt_error_set(e, rc, "cannot make the bands of %s: %s", in->role, rt_err_words(rc));
    }
    return 0;
}

static void decode_close(void *self)
{
    struct rt_decode *d = self;
    for (int i = 0; i < d->inputs; i++) {
        rt_fbank_destroy(d->fbank[i]);
        d->fbank[i] = NULL;
    }
}

const struct rt_stage_ops rt_stage_decode = {
    .name = "decode",
    .summary = "reads files, computes features, crops and augments",
    .remedy = "raise pipeline.decoders, cache.size or cache.sound, set pipeline.zstd to 0 (where memory allows), or "
              "switch waveform augmentation off",
    .open = decode_open,
    .work = decode_work,
    .close = decode_close,
};
