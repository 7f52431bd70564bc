/* SPDX-License-Identifier: MIT
 * convolve: see convolve.h. */
#include "stages/modality/convolve.h"

#include "formats/error.h"

#include <kiss_fftr.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- overlap and add ----
 * A response of a second has 16000 samples, so that the sum itself would cost 16000 products a sample; by FFT it is
 * some twenty. Blocks are as long as the response or longer: memory follows from the response, not from a recording
 * that may last an hour. Sums are taken in the order of the blocks, so the bits depend on nothing else. */

struct blocks {
    int points, step; /* of the FFT; samples of x in one block */
    kiss_fftr_cfg forward, back;
    float *time;                 /* [points] */
    kiss_fft_cpx *room, *block;  /* [points / 2 + 1] */
};

static void blocks_fini(struct blocks *b)
{
    kiss_fftr_free(b->forward);
    kiss_fftr_free(b->back);
    free(b->time);
    free(b->room);
    free(b->block);
}

static int blocks_init(struct blocks *b, int64_t count, const float *response, int64_t length)
{
    int64_t points = 1024, wanted = 2 * length < count + length ? 2 * length : count + length;
    while (points < wanted)
        points *= 2;
    if (points > INT32_MAX / 4)
        return RT_ELARGE;
    b->points = (int)points;
    b->step = (int)(points - length + 1);
    size_t bins = (size_t)points / 2 + 1;
    b->forward = kiss_fftr_alloc(b->points, 0, NULL, NULL);
    b->back = kiss_fftr_alloc(b->points, 1, NULL, NULL);
    b->time = calloc((size_t)points, sizeof *b->time);
    b->room = malloc(bins * sizeof *b->room);
    b->block = malloc(bins * sizeof *b->block);
    if (!b->forward || !b->back || !b->time || !b->room || !b->block)
        return RT_EMEM;
    memcpy(b->time, response, (size_t)length * sizeof *response);
    kiss_fftr(b->forward, b->time, b->room);
    return 0;
}

/* Adds the block that begins at x[at] to out, whose first sample is `early` samples into the convolution. */
static void blocks_add(struct blocks *b, const float *x, int64_t count, int64_t at, int64_t early, float *out)
{
    int64_t n = count - at < b->step ? count - at : b->step;
    memcpy(b->time, x + at, (size_t)n * sizeof *x);
    memset(b->time + n, 0, (size_t)(b->points - n) * sizeof *b->time);
    kiss_fftr(b->forward, b->time, b->block);
    for (int k = 0; k <= b->points / 2; k++) {
        kiss_fft_cpx u = b->block[k], v = b->room[k];
        b->block[k].r = u.r * v.r - u.i * v.i;
        b->block[k].i = u.r * v.i + u.i * v.r;
    }
    kiss_fftri(b->back, b->block, b->time);
    for (int64_t i = 0; i < b->points; i++) {
        int64_t to = at + i - early;
        if (to >= 0 && to < count)
            out[to] += b->time[i];
    }
}

/* ---- the room ---- */

static double samples_power(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static int64_t response_peak(const float *response, int64_t length)
{
    int64_t at = 0;
    for (int64_t i = 1; i < length; i++)
        if (fabsf(response[i]) > fabsf(response[at]))
            at = i;
    return at;
}

int rt_convolve(float *x, int64_t count, const float *response, int64_t length)
{
    struct blocks b = {0};
    int64_t early = response_peak(response, length);
    if (response[early] == 0)
        return 0;
    int rc = blocks_init(&b, count, response, length);
    float *out = rc == 0 ? calloc((size_t)count + 1, sizeof *out) : NULL;
    if (rc == 0 && !out)
        rc = RT_EMEM;
    if (rc == 0) {
        for (int64_t at = 0; at < count; at += b.step)
            blocks_add(&b, x, count, at, early, out);
        double before = samples_power(x, count), after = samples_power(out, count);
        float scale = after > 0 ? (float)sqrt(before / after) : 0;
        for (int64_t i = 0; i < count; i++)
            x[i] = out[i] * scale;
    }
    blocks_fini(&b);
    free(out);
    return rc;
}
