/* SPDX-License-Identifier: MIT
 * raw: see raw.h. */
#include "stages/modality/raw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FULL_SCALE 32768.0f

int rt_content_init(struct rt_content *c, int rows)
{
    memset(c, 0, sizeof *c);
    for (int i = 0; i < RT_MODALITIES; i++) {
        c->key[i] = calloc((size_t)rows + 1, sizeof *c->key[i]);
        if (!c->key[i]) {
            rt_content_fini(c);
            return RT_EMEM;
        }
    }
    c->cut = calloc((size_t)rows + 1, sizeof *c->cut);
    if (!c->cut)
        rt_content_fini(c);
    return c->cut ? 0 : RT_EMEM;
}

void rt_content_fini(struct rt_content *c)
{
    for (int i = 0; i < RT_MODALITIES; i++)
        free(c->key[i]);
    free(c->cut);
    memset(c, 0, sizeof *c);
}

/* ---- the file ---- */

int rt_raw_open(const struct rt_raw_source *from, const struct rt_modality *m, int row, struct rt_datafile *s,
                struct rt_error *e)
{
    char buffer[4352];
    const struct rt_manifest *table = from->dataset->manifest;
    const char *source = rt_dataset_source(from->dataset, row, m->id, buffer, sizeof buffer);
    struct rt_extent x = rt_manifest_extent(table, row, m->id);
    if (m->id != RT_TEXT)
        return rt_datafile_open(s, from->files, source, &x, e);
    rt_datafile_of_text(s, source, rt_manifest_cell(table, row, rt_manifest_column(table, "id")));
    return 0;
}

int rt_content_key(struct rt_datafile *f, const struct rt_modality *m, struct rt_key128 *key, struct rt_error *e)
{
    return rt_datafile_key(f, (struct rt_key128){(uint64_t)m->id + 1, m->reading}, key, e);
}

static bool key_known(struct rt_key128 k)
{
    return k.lo | k.hi;
}

/* What comes of another file than the one that was measured would be wrong under its key for every run to come. */
static int raw_check(struct rt_datafile *s, const struct rt_modality *m, struct rt_key128 known, struct rt_error *e)
{
    struct rt_key128 now;
    if (!key_known(known))
        return 0;
    RT_TRY(rt_content_key(s, m, &now, e));
    if (now.lo == known.lo && now.hi == known.hi)
        return 0;
    return rt_error_set(e, RT_ECHANGED,
                        "%s: changed since the run looked at it: put the old one back, or start the run again",
                        s->name);
}

/* ---- kept ----
 * A recording that is augmented before features are made of it comes anew in each epoch, and decoding it (and bringing
 * it to 16 kHz) was most of what a speech recipe with noise cost. So it is kept as it was decoded. Samples that are
 * whole steps of 16 bits, as of a WAV or FLAC of 16 kHz, are kept as such, in half the room: low bytes first, then
 * high ones, which is what zstd finds something in. All others (Vorbis, MP3, what was resampled or mixed) are kept as
 * the floats that they are, not packed. Rounding them to 16 bits would take half the room and give other bytes than a
 * run without the cache. */

static struct rt_key128 kept_key(struct rt_key128 content)
{
    return rt_key128_of("raw 1", 5, content);
}

/* NULL where a sample is between two steps, or memory is short. */
static uint8_t *steps_of(const float *x, size_t n)
{
    uint8_t *low = malloc(2 * n + 1), *high = low ? low + n : NULL;
    for (size_t i = 0; low && i < n; i++) {
        float step = x[i] * FULL_SCALE;
        if (!(step >= -FULL_SCALE && step < FULL_SCALE) || step != rintf(step) || (step == 0 && signbit(step))) {
            free(low);
            return NULL;
        }
        low[i] = (uint8_t)((int)step & 255);
        high[i] = (uint8_t)((int)step >> 8 & 255);
    }
    return low;
}

static int steps_take(const struct rt_tensor *steps, struct rt_tensor *raw)
{
    size_t n = (size_t)steps->dim[1];
    const uint8_t *low = steps->data, *high = low + n;
    RT_TRY(rt_tensor_init_unset(raw, RT_F32, 1, &steps->dim[1]));
    for (size_t i = 0; i < n; i++)
        ((float *)raw->data)[i] = (float)(int16_t)(uint16_t)(low[i] | high[i] << 8) / FULL_SCALE;
    return 0;
}

void rt_raw_keep(struct rt_store *store, struct rt_key128 key, const struct rt_tensor *raw, int level)
{
    struct rt_frame *f = NULL;
    struct rt_tensor kept = *raw;
    bool sound = raw->dtype == RT_F32 && raw->rank == 1;
    uint8_t *steps = store && sound ? steps_of(raw->data, (size_t)raw->dim[0]) : NULL;
    if (!store || rt_store_full(store))
        goto out;
    if (steps)
        kept = rt_tensor_view(RT_U8, 2, (int64_t[]){2, raw->dim[0]}, steps);
    if (rt_frame_pack(&f, "raw", &kept, steps || !sound ? level : 0) == 0)
        rt_store_put(store, kept_key(key), f);
out:
    rt_frame_unref(f);
    free(steps);
}

int rt_raw_unpack(const struct rt_frame *f, const struct rt_modality *m, struct rt_tensor *raw)
{
    struct rt_tensor t;
    RT_TRY(rt_frame_unpack(f, &t, NULL));
    bool steps = m->id == RT_SPEECH && t.dtype == RT_U8 && t.rank == 2 && t.dim[0] == 2;
    if (!steps && (m->id != RT_SPEECH || (t.dtype == RT_F32 && t.rank == 1))) {
        *raw = t;
        return 0;
    }
    int rc = steps ? steps_take(&t, raw) : RT_EMISSING;
    rt_tensor_fini(&t);
    return rc;
}

/* RT_EMISSING: it is not kept. */
static int kept_load(struct rt_store *store, struct rt_key128 key, const struct rt_modality *m, struct rt_tensor *raw)
{
    struct rt_frame *f = rt_store_get(store, kept_key(key));
    int rc = f ? rt_raw_unpack(f, m, raw) : RT_EMISSING;
    rt_frame_unref(f);
    return rc;
}

int rt_raw_load(const struct rt_raw_source *from, const struct rt_modality *m, int row, struct rt_tensor *raw,
                struct rt_error *e)
{
    struct rt_datafile s;
    struct rt_key128 key = from->content->key[m->id][row];
    struct rt_store *store = key_known(key) ? from->kept : NULL;
    *raw = (struct rt_tensor){0};
    if (store && kept_load(store, key, m, raw) == 0)
        return 0;
    RT_TRY(rt_raw_open(from, m, row, &s, e));
    int rc = raw_check(&s, m, key, e);
    if (rc == 0)
        rc = m->load(&s.input, raw, NULL, e);
    if (rc == 0)
        rt_raw_keep(store, key, raw, from->level);
    rt_datafile_close(&s);
    return rc;
}
