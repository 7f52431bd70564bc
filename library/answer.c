/* SPDX-License-Identifier: MIT
 * answer: a sample through a handle (retort.h): samples, pixels, text or a file -> raw -> features -> the network's
 * input -> embedding and posteriors. The steps are the modality's own (stages/modality), as `retort predict` takes
 * them, so that the same sample gives the same bits here and there. */
#include "library/handle.h"

#include "formats/audiofile.h"
#include "formats/file.h"
#include "formats/imagefile.h"
#include "stages/metrics/predictions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- outputs ---- */

static int answer_fill(struct retort *r, const struct rt_net_outputs *o, struct retort_answer *a, struct rt_error *e)
{
    const struct rt_model *m = &r->shared->model;
    for (int i = 0; i < m->dim; i++)
        if (!isfinite(o->embedding[i]))
            return rt_error_set(e, RT_ENOTFINITE, "the embedding is not finite: number %d", i);
    if (m->classes && !rt_probabilities(o->logits, m->classes, m->temperature, r->posteriors))
        return rt_error_set(e, RT_ENOTFINITE, "the logits are not finite");
    if (a->embedding)
        memcpy(a->embedding, o->embedding, (size_t)m->dim * sizeof *a->embedding);
    a->label = m->classes ? 0 : -1;
    for (int c = 0; c < m->classes; c++) {
        a->label = o->logits[c] > o->logits[a->label] ? c : a->label;
        if (a->posteriors)
            a->posteriors[c] = (float)r->posteriors[c];
    }
    a->probability = m->classes ? (float)r->posteriors[a->label] : 0;
    return 0;
}

/* ---- from raw to outputs ----
 * Under the handle's lock. What is made on the way is of the handle's own memory and goes back there. */

static int answer_bag(struct retort *r, const struct rt_tensor *base, struct rt_net_outputs *o, struct rt_error *e)
{
    struct rt_bag bag;
    int rc = r->shared->model.modality->present_bag(&r->front, base, NULL, &bag);
    if (rc < 0)
        return rt_error_set(e, rc, "no input could be made of the text");
    int32_t offset[] = {0, bag.count};
    struct rt_bags bags = {offset, bag.bucket, bag.weight};
    rc = rt_net_run(r->net, 1, NULL, &bags, o, e);
    rt_work_give(r->front.work, bag.bucket);
    rt_work_give(r->front.work, bag.weight);
    return rc;
}

/* A recording longer than those of training, all of it. */
static int answer_whole(struct retort *r, const struct rt_tensor *base, const struct rt_front *front,
                        struct rt_net_outputs *o, struct rt_error *e)
{
    int frames = front->speech.frames;
    float *row = rt_work_take(front->work, (size_t)frames * (size_t)front->speech.bands * sizeof *row);
    if (!row)
        return rt_error_set(e, RT_EMEM, "no memory for %d frames", frames);
    int rc = r->shared->model.modality->present(front, base, NULL, row);
    if (rc < 0)
        rt_error_set(e, rc, "no input could be made of the sample");
    else
        rc = rt_net_run_length(r->net, frames, row, o, e);
    rt_work_give(front->work, row);
    return rc;
}

static int answer_row(struct retort *r, const struct rt_tensor *base, struct rt_net_outputs *o, struct rt_error *e)
{
    struct rt_front whole = rt_views_front(&r->views, 0, &r->front, base->dim[0]);
    if (whole.speech.frames > r->front.speech.frames)
        return answer_whole(r, base, &whole, o, e);
    int rc = r->shared->model.modality->present(&r->front, base, NULL, r->row);
    if (rc < 0)
        return rt_error_set(e, rc, "no input could be made of the sample");
    return rt_net_run(r->net, 1, r->row, NULL, o, e);
}

static int answer_raw(struct retort *r, const struct rt_tensor *raw, struct retort_answer *a, struct rt_error *e)
{
    const struct rt_modality *m = r->shared->model.modality;
    struct rt_net_outputs o;
    struct rt_tensor base;
    RT_TRY(m->features(&r->front, raw, &base, e));
    int rc = m->present ? answer_row(r, &base, &o, e) : answer_bag(r, &base, &o, e);
    rt_work_tensor_fini(r->front.work, &base);
    return rc < 0 ? rc : answer_fill(r, &o, a, e);
}

static int answer_check_input(const struct retort *r, enum rt_modality_id id, struct rt_error *e)
{
    const struct rt_modality *m = r->shared->model.modality;
    return m->id == id ? 0 : rt_error_set(e, RT_EMISMATCH, "the model reads %s, not %s", m->name,
                                          rt_modalities[id]->name);
}

/* ---- samples of a sound ---- */

/* As a file with the same samples is read: channels that cancel each other are not averaged. */
static void pcm_choose_channel(struct rt_audio_feed *f, const float *sample, size_t frames, int channels)
{
    struct rt_audio_channels sums = {.count = channels};
    if (channels == 1 || frames == 0)
        return;
    rt_audio_channels_add(&sums, sample, frames);
    if (rt_audio_channels_likeness(&sums) < RT_AUDIO_OPPOSED)
        f->only = 1 + rt_audio_channels_loudest(&sums);
}

static int pcm_answer(struct retort *r, const float *sample, size_t frames, int channels, int rate,
                      struct retort_answer *a, struct rt_error *e)
{
    RT_TRY(answer_check_input(r, RT_SPEECH, e));
    if (channels < 1 || channels > RT_AUDIO_CHANNELS_MAX)
        return rt_error_set(e, RT_ERANGE, "%d channels; 1 to %d are read", channels, RT_AUDIO_CHANNELS_MAX);
    if (rate < RT_AUDIO_RATE_MIN || rate > RT_AUDIO_RATE_MAX)
        return rt_error_set(e, RT_ERANGE, "sampling rate %d Hz; %d to %d are read", rate, RT_AUDIO_RATE_MIN,
                            RT_AUDIO_RATE_MAX);
    int rc = rt_audio_feed_begin(&r->feed, rate);
    pcm_choose_channel(&r->feed, sample, frames, channels);
    if (rc == 0)
        rc = rt_audio_feed_add(&r->feed, sample, frames, channels);
    if (rc == 0)
        rc = rt_audio_feed_end(&r->feed);
    if (rc == RT_ENOTFINITE)
        return rt_error_set(e, rc, "sample %zu is not finite", r->feed.read);
    if (rc < 0)
        return rt_error_set(e, rc, rc == RT_ELARGE ? "longer than %d s" : "out of memory for the samples",
                            RT_AUDIO_SECONDS_MAX);
    struct rt_tensor raw = rt_tensor_view(RT_F32, 1, (int64_t[]){(int64_t)r->feed.count}, r->feed.sample);
    return answer_raw(r, &raw, a, e);
}

int retort_pcm(struct retort *r, const float *sample, size_t frames, int channels, int rate, struct retort_answer *a,
               struct retort_error *e)
{
    struct rt_error own = {0};
    pthread_mutex_lock(&r->lock);
    int rc = pcm_answer(r, sample, frames, channels, rate, a, &own);
    pthread_mutex_unlock(&r->lock);
    return rc < 0 ? rt_handle_fail(e, rc, &own) : 0;
}

/* ---- pixels ----
 * Copied into RGB lines that touch: what resizes knows nothing else, and the copy costs less than the resizing. */

static void pixels_copy(uint8_t *to, const uint8_t *line, int width, int height, int channels, size_t stride)
{
    for (int y = 0; y < height; y++, line += stride) {
        const uint8_t *p = line;
        for (int x = 0; x < width; x++, p += channels, to += 3)
            for (int c = 0; c < 3; c++)
                to[c] = channels == 1   ? p[0]
                        : channels == 3 ? p[c]
                                        : rt_image_over_white(p[c], p[3]);
    }
}

static int pixels_answer(struct retort *r, const uint8_t *pixel, int width, int height, int channels, size_t stride,
                         struct retort_answer *a, struct rt_error *e)
{
    struct rt_tensor raw;
    RT_TRY(answer_check_input(r, RT_IMAGE, e));
    if (channels != 1 && channels != 3 && channels != 4)
        return rt_error_set(e, RT_ERANGE, "%d channels; 1 (grey), 3 (RGB) and 4 (RGBA) are read", channels);
    if (width < 1 || height < 1)
        return rt_error_set(e, RT_ESMALL, "%d x %d pixels", width, height);
    if (width > RT_IMAGE_SIDE_MAX || height > RT_IMAGE_SIDE_MAX ||
        (int64_t)width * height > RT_IMAGE_PIXELS_MAX)
        return rt_error_set(e, RT_ELARGE, "%d x %d pixels; %d a side and %d in all are read", width, height,
                            RT_IMAGE_SIDE_MAX, RT_IMAGE_PIXELS_MAX);
    size_t line = (size_t)width * (size_t)channels;
    if (stride && stride < line)
        return rt_error_set(e, RT_ERANGE, "stride %zu; a line has %zu bytes", stride, line);
    if (rt_work_tensor(r->front.work, &raw, RT_U8, 3, (int64_t[]){height, width, 3}) < 0)
        return rt_error_set(e, RT_EMEM, "out of memory for %d x %d pixels", width, height);
    pixels_copy(raw.data, pixel, width, height, channels, stride ? stride : line);
    int rc = answer_raw(r, &raw, a, e);
    rt_work_tensor_fini(r->front.work, &raw);
    return rc;
}

int retort_pixels(struct retort *r, const uint8_t *pixel, int width, int height, int channels, size_t stride,
                  struct retort_answer *a, struct retort_error *e)
{
    struct rt_error own = {0};
    pthread_mutex_lock(&r->lock);
    int rc = pixels_answer(r, pixel, width, height, channels, stride, a, &own);
    pthread_mutex_unlock(&r->lock);
    return rc < 0 ? rt_handle_fail(e, rc, &own) : 0;
}

/* ---- text ---- */

int retort_text(struct retort *r, const char *text, size_t size, struct retort_answer *a, struct retort_error *e)
{
    struct rt_error own = {0};
    struct rt_tensor raw = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)size}, (void *)text);
    pthread_mutex_lock(&r->lock);
    int rc = answer_check_input(r, RT_TEXT, &own);
    if (rc == 0)
        rc = answer_raw(r, &raw, a, &own);
    pthread_mutex_unlock(&r->lock);
    return rc < 0 ? rt_handle_fail(e, rc, &own) : 0;
}

/* ---- files ----
 * Read and decoded without the lock: a clone's or another caller's sample need not wait for a disk. */

static int bytes_answer(struct retort *r, const void *bytes, size_t size, const char *name, struct retort_answer *a,
                        struct rt_error *e)
{
    struct rt_tensor raw;
    if (size == 0)
        return rt_error_set(e, RT_EEMPTY, "%s: the file is empty", name);
    RT_TRY(r->shared->model.modality->load(&RT_INPUT(bytes, size, name), &raw, NULL, e));
    pthread_mutex_lock(&r->lock);
    int rc = answer_raw(r, &raw, a, e);
    pthread_mutex_unlock(&r->lock);
    rt_tensor_fini(&raw);
    if (rc < 0)
        rt_error_prefix(e, "%s", name);
    return rc;
}

int retort_bytes(struct retort *r, const void *bytes, size_t size, const char *name, struct retort_answer *a,
                 struct retort_error *e)
{
    struct rt_error own = {0};
    int rc = bytes_answer(r, bytes, size, name, a, &own);
    return rc < 0 ? rt_handle_fail(e, rc, &own) : 0;
}

int retort_file(struct retort *r, const char *path, struct retort_answer *a, struct retort_error *e)
{
    struct rt_error own = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = rt_file_read(path, RT_FILE_MAX, &bytes, &size, &own);
    if (rc == 0)
        rc = bytes_answer(r, bytes, size, path, a, &own);
    free(bytes);
    return rc < 0 ? rt_handle_fail(e, rc, &own) : 0;
}

/* ---- verification ---- */

double retort_cosine(const float *a, const float *b, int numbers)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < numbers; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}
