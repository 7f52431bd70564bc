/* SPDX-License-Identifier: MIT
 * sample_preview: see sample_preview.h. One thread at a time; the manifest is read by the first and kept. */
#include "tui/report/sample_preview.h"

#include "formats/imagefile.h"
#include "pipeline/data/datafile.h"
#include "stages/modality/fbank.h"
#include "stages/modality/modality.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BANDS 64
#define SIDE 320 /* a larger picture, and a longer spectrogram, is made smaller */
#define RATE 16000.0

struct rt_sample_preview_work {
    uv_thread_t thread;
    bool running;
    atomic_bool done, stop; /* stop: another sample is wanted, what is read counts no more */
    atomic_int owners;      /* the screen, and the thread while it runs: the last one frees */
    /* the thread's while it runs */
    char path[4096], id[256];
    int row;
    struct rt_manifest *manifest;
    struct rt_datafiles *sources; /* shards already indexed; NULL: one that is needed is indexed each time */
    struct rt_sample_part part[RT_MODALITIES];
};

static void part_fini(struct rt_sample_part *p)
{
    free(p->text);
    free(p->rgb);
    memset(p, 0, sizeof *p);
}

/* ---- making ----
 * What is made is as large as a screen can show and no larger: so the thread hands over little, and
 * drawing never depends on how long a recording is. */

/* From black over blue, red and orange to pale yellow. */
static void heat_colour(float v, uint8_t rgb[3])
{
    static const uint8_t stop[6][3] = {{0, 0, 8}, {40, 20, 110}, {140, 40, 110}, {220, 80, 50}, {250, 180, 60},
                                       {255, 255, 200}};
    float at = fminf(fmaxf(v, 0), 0.9999f) * 5;
    int i = (int)at;
    for (int k = 0; k < 3; k++)
        rgb[k] = (uint8_t)(stop[i][k] + (at - (float)i) * (stop[i + 1][k] - stop[i][k]));
}

static void speech_make_wave(struct rt_sample_part *p, const float *sample, int64_t count)
{
    p->columns = count < RT_SAMPLE_COLUMNS ? (int)count : RT_SAMPLE_COLUMNS;
    for (int i = 0; i < p->columns; i++) {
        int64_t from = count * i / p->columns, to = count * (i + 1) / p->columns;
        p->low[i] = p->high[i] = sample[from];
        for (int64_t k = from; k < to; k++) {
            p->low[i] = fminf(p->low[i], sample[k]);
            p->high[i] = fmaxf(p->high[i], sample[k]);
        }
    }
}

/* Several frames are averaged into a column where there are more than SIDE. shown: [w][BANDS]. */
static void spectrogram_shrink(const float *mel, int64_t frames, int w, float *shown)
{
    for (int x = 0; x < w; x++)
        for (int b = 0; b < BANDS; b++) {
            int64_t from = frames * x / w, to = frames * (x + 1) / w;
            float sum = 0;
            for (int64_t k = from; k < to; k++)
                sum += mel[k * BANDS + b];
            shown[x * BANDS + b] = sum / (float)(to - from);
        }
}

/* From the quietest to the loudest of it, low bands below. rgb: [BANDS][w][3]. */
static void spectrogram_colour(const float *shown, int w, uint8_t *rgb)
{
    float low = INFINITY, high = -INFINITY;
    for (int i = 0; i < w * BANDS; i++) {
        low = fminf(low, shown[i]);
        high = fmaxf(high, shown[i]);
    }
    for (int x = 0; x < w; x++)
        for (int b = 0; b < BANDS; b++)
            heat_colour(high > low ? (shown[x * BANDS + b] - low) / (high - low) : 0,
                        rgb + ((size_t)(BANDS - 1 - b) * (size_t)w + (size_t)x) * 3);
}

static int speech_make_spectrogram(struct rt_sample_part *p, const float *sample, int64_t count)
{
    struct rt_fbank *f = NULL;
    int64_t frames = rt_fbank_frames(count);
    int w = frames < SIDE ? (int)frames : SIDE;
    float *mel = malloc(((size_t)frames * BANDS + 1) * sizeof *mel);
    float *shown = calloc((size_t)w * BANDS + 1, sizeof *shown);
    p->rgb = malloc((size_t)w * BANDS * 3 + 1);
    p->w = w;
    p->h = BANDS;
    int rc = mel && shown && p->rgb ? rt_fbank_create(&f, BANDS, NULL) : RT_EMEM;
    if (rc == 0) {
        rt_fbank_run(f, sample, count, mel);
        spectrogram_shrink(mel, frames, w, shown);
        spectrogram_colour(shown, w, p->rgb);
    }
    rt_fbank_destroy(f);
    free(mel);
    free(shown);
    return rc;
}

static int part_make_speech(struct rt_sample_part *p, const struct rt_tensor *raw)
{
    const float *sample = raw->data;
    p->seconds = (double)raw->dim[0] / RATE;
    speech_make_wave(p, sample, raw->dim[0]);
    return speech_make_spectrogram(p, sample, raw->dim[0]);
}

static int part_make_image(struct rt_sample_part *p, const struct rt_tensor *raw)
{
    const struct rt_image im = {raw->data, (int)raw->dim[1], (int)raw->dim[0]};
    int longer = im.width > im.height ? im.width : im.height, most = longer < SIDE ? longer : SIDE;
    p->w = (int)((int64_t)im.width * most / longer);
    p->h = (int)((int64_t)im.height * most / longer);
    p->w += p->w == 0;
    p->h += p->h == 0;
    p->rgb = malloc((size_t)p->w * (size_t)p->h * 3);
    return p->rgb ? rt_image_resize(&im, p->w, p->h, p->rgb) : RT_EMEM;
}

static int part_make_text(struct rt_sample_part *p, const struct rt_tensor *raw)
{
    p->text = strndup(raw->data, (size_t)raw->dim[0]);
    return p->text ? 0 : RT_EMEM;
}

static int (*const part_make[RT_MODALITIES])(struct rt_sample_part *, const struct rt_tensor *) = {
    [RT_SPEECH] = part_make_speech, [RT_IMAGE] = part_make_image, [RT_TEXT] = part_make_text};

/* ---- reading ----
 * A file may lie on a disk that sleeps or on a network that hangs, and a decoder cannot be told to
 * stop. So the thread and the screen own the work together, the last one frees it: whoever leaves the
 * screen, or goes on to the next sample, does not wait. The thread looks between two steps whether
 * anybody still wants the sample. */

static int part_open(struct rt_datafile *s, const struct rt_sample_preview_work *w, int modality, const char *cell,
                     struct rt_error *e)
{
    char path[4352];
    struct rt_extent x = rt_manifest_extent(w->manifest, w->row, modality);
    if (modality != RT_TEXT)
        return rt_datafile_open(s, w->sources, rt_manifest_file(w->manifest, w->row, modality, path, sizeof path), &x,
                                e);
    rt_datafile_of_text(s, cell, w->id);
    return 0;
}

static int part_load(struct rt_sample_preview_work *w, int modality, const char *cell, struct rt_error *e)
{
    struct rt_datafile s;
    struct rt_tensor raw = {0};
    RT_TRY(part_open(&s, w, modality, cell, e));
    int rc = 0;
    if (atomic_load(&w->stop))
        goto out;
    rc = rt_modalities[modality]->load(&s.input, &raw, NULL, e);
    if (rc < 0 || atomic_load(&w->stop))
        goto out;
    rc = part_make[modality](&w->part[modality], &raw);
    if (rc < 0)
        rt_error_set(e, rc, "%s: %s", s.name, rt_err_words(rc));
out:
    rt_tensor_fini(&raw);
    rt_datafile_close(&s);
    return rc;
}

static void part_read(struct rt_sample_preview_work *w, int modality)
{
    struct rt_sample_part *p = &w->part[modality];
    const struct rt_manifest *m = w->manifest;
    const char *cell = rt_manifest_cell(m, w->row, rt_manifest_column(m, rt_modality_names[modality]));
    struct rt_error e = {0};
    p->there = *cell != 0;
    if (!p->there)
        return;
    char path[4352];
    snprintf(p->path, sizeof p->path, "%s",
             modality == RT_TEXT ? "" : rt_manifest_file(m, w->row, modality, path, sizeof path));
    bool failed = part_load(w, modality, cell, &e) < 0;
    snprintf(p->error, sizeof p->error, "%s", failed ? e.text : "");
}

static void preview_fail(struct rt_sample_preview_work *w, const char *why)
{
    for (int m = 0; m < RT_MODALITIES; m++)
        w->part[m].there = false;
    w->part[0].there = true;
    snprintf(w->part[0].error, sizeof w->part[0].error, "%s", why);
}

static void preview_release(struct rt_sample_preview_work *w)
{
    if (atomic_fetch_sub(&w->owners, 1) > 1)
        return;
    for (int m = 0; m < RT_MODALITIES; m++)
        part_fini(&w->part[m]);
    rt_manifest_destroy(w->manifest);
    rt_datafiles_destroy(w->sources);
    free(w);
}

static int preview_read(struct rt_sample_preview_work *w, struct rt_error *e)
{
    for (int m = 0; m < RT_MODALITIES; m++)
        part_fini(&w->part[m]);
    if (!w->manifest)
        RT_TRY(rt_manifest_load(&w->manifest, w->path, e));
    int id = rt_manifest_column(w->manifest, "id");
    if (w->row >= rt_manifest_rows(w->manifest) ||
        strcmp(rt_manifest_cell(w->manifest, w->row, id), w->id) != 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: row %d is not %s any more", w->path, w->row, w->id);
    for (int m = 0; m < RT_MODALITIES; m++)
        part_read(w, m);
    return 0;
}

static void preview_thread(void *self)
{
    struct rt_sample_preview_work *w = self;
    struct rt_error e = {0};
    if (preview_read(w, &e) < 0)
        preview_fail(w, e.text);
    atomic_store(&w->done, true);
    preview_release(w);
}

static struct rt_sample_preview_work *preview_work_create(void)
{
    struct rt_sample_preview_work *w = calloc(1, sizeof *w);
    if (w) {
        w->row = -1;
        atomic_store(&w->owners, 1);
        rt_datafiles_create(&w->sources);
    }
    return w;
}

const struct rt_sample_part *rt_sample_preview_of(struct rt_sample_preview *p, const char *manifest, int row,
                                                  const char *id)
{
    struct rt_sample_preview_work *w = p->work ? p->work : (p->work = preview_work_create());
    if (!w)
        return NULL;
    bool wanted = w->row == row && strcmp(w->path, manifest) == 0;
    if (w->running && !wanted)
        atomic_store(&w->stop, true);
    if (w->running && !atomic_load(&w->done))
        return NULL;
    if (w->running)
        uv_thread_join(&w->thread);
    w->running = false;
    if (wanted && !atomic_load(&w->stop))
        return w->part;
    if (strcmp(w->path, manifest) != 0) {
        rt_manifest_destroy(w->manifest);
        w->manifest = NULL;
    }
    snprintf(w->path, sizeof w->path, "%s", manifest);
    snprintf(w->id, sizeof w->id, "%s", id);
    w->row = row;
    atomic_store(&w->done, false);
    atomic_store(&w->stop, false);
    atomic_fetch_add(&w->owners, 1);
    w->running = uv_thread_create(&w->thread, preview_thread, w) == 0;
    if (!w->running) {
        atomic_fetch_sub(&w->owners, 1);
        preview_fail(w, "no thread to read the sample's files");
    }
    return w->running ? NULL : w->part;
}

bool rt_sample_preview_news(const struct rt_sample_preview *p)
{
    return p->work && p->work->running && atomic_load(&p->work->done);
}

void rt_sample_preview_fini(struct rt_sample_preview *p)
{
    struct rt_sample_preview_work *w = p->work;
    p->work = NULL;
    if (!w)
        return;
    atomic_store(&w->stop, true);
    if (w->running && !atomic_load(&w->done))
        pthread_detach(w->thread); /* libuv has no such call before 1.50 */
    else if (w->running)
        uv_thread_join(&w->thread);
    preview_release(w);
}
