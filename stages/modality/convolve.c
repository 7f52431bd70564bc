/* SPDX-License-Identifier: MIT
 * convolve: see convolve.h. */
#include "stages/modality/convolve.h"

#include "formats/error.h"
#include "stages/modality/lanes.h"

#include <math.h>
#include <string.h>

/* ---- blocks ----
 * A response of a second has 16000 samples, so that the sum itself would cost 16000 products a sample. By FFT it is
 * some dozens: recording and response are cut into blocks of 64 ms, whose spectra are multiplied, each with each
 * (overlap and save). One transform as long as the response would do fewer products, but blocks go through the
 * processor's vectors several at a time (lanes.h), need no tables but one small one, and stay in its caches. Memory
 * follows from the response, not from a recording that may last an hour. Sums are taken in the order of the blocks, so
 * the bits depend on nothing else. */

#define BLOCK 1024
#define APART (2 * BLOCK + 16) /* from one piece to the next: those of a power of two meet in one set of the cache */

struct blocks {
    const struct rt_lanes *lanes;
    const struct rt_fft *fft;
    int parts;            /* of the response */
    int64_t part_stride;  /* parts, in whole vectors */
    int64_t heard_stride; /* parts - 1 before the blocks at hand, which are as many as there are lanes */
    struct rt_work *memory;
    float *part;    /* [bins * 2, part_stride] spectra of the response */
    float *heard;   /* [bins * 2, heard_stride] spectra of the recording */
    float *product; /* [bins * 2, width] */
    float *piece;   /* [width, APART] what goes into a transform, or comes out */
    float *work;    /* lanes.h */
};

static void blocks_fini(struct blocks *b)
{
    rt_work_give(b->memory, b->part);
    rt_work_give(b->memory, b->heard);
    rt_work_give(b->memory, b->product);
    rt_work_give(b->memory, b->piece);
    rt_work_give(b->memory, b->work);
}

static float *blocks_take(struct blocks *b, int64_t rows, int64_t columns)
{
    return rt_work_take(b->memory, (size_t)rows * (size_t)columns * sizeof(float));
}

/* piece [n] = x[from] on; what is outside of x [count] is silence. */
static void piece_fill(float *piece, int64_t n, const float *x, int64_t count, int64_t from)
{
    int64_t first = from > 0 ? from : 0, last = from + n < count ? from + n : count;
    memset(piece, 0, (size_t)n * sizeof *piece);
    if (first < last)
        memcpy(piece + (first - from), x + first, (size_t)(last - first) * sizeof *x);
}

/* Each part is heard with silence behind it, as long as a block. */
static void blocks_take_response(struct blocks *b, const float *response, int64_t length)
{
    int width = b->lanes->width;
    for (int p = 0; p < b->part_stride; p += width) {
        for (int64_t l = 0; l < width; l++) {
            piece_fill(b->piece + l * APART, BLOCK, response, length, (p + l) * BLOCK);
            memset(b->piece + l * APART + BLOCK, 0, BLOCK * sizeof *b->piece);
        }
        b->lanes->forward(b->fft, b->piece, APART, b->work, b->part + p, b->part_stride);
    }
}

static int blocks_init(struct blocks *b, const float *response, int64_t length, struct rt_work *memory)
{
    b->lanes = rt_lanes();
    b->fft = rt_fft(BLOCK);
    b->memory = memory;
    if (length > INT32_MAX / 4)
        return RT_ELARGE;
    int64_t numbers = 2 * RT_FFT_BINS(b->fft), width = b->lanes->width;
    b->parts = (int)((length + BLOCK - 1) / BLOCK);
    b->part_stride = (b->parts + width - 1) / width * width;
    b->heard_stride = b->parts - 1 + width;
    b->part = blocks_take(b, numbers, b->part_stride);
    b->heard = blocks_take(b, numbers, b->heard_stride);
    b->product = blocks_take(b, numbers, width);
    b->piece = blocks_take(b, APART, width);
    b->work = blocks_take(b, 4 * BLOCK, width);
    if (!b->part || !b->heard || !b->product || !b->piece || !b->work)
        return RT_EMEM;
    memset(b->heard, 0, (size_t)(numbers * b->heard_stride) * sizeof *b->heard);
    blocks_take_response(b, response, length);
    return 0;
}

/* What is heard in the next blocks, of which the first begins at x[at]: each goes in with the one before it, which is
 * still heard. */
static void blocks_hear(struct blocks *b, const float *x, int64_t count, int64_t at, float *out)
{
    int width = b->lanes->width, before = b->parts - 1;
    for (int64_t l = 0; l < width; l++)
        piece_fill(b->piece + l * APART, 2 * BLOCK, x, count, at + (l - 1) * BLOCK);
    for (int64_t k = 0; k < 2 * RT_FFT_BINS(b->fft); k++) {
        float *row = b->heard + k * b->heard_stride;
        memmove(row, row + width, (size_t)before * sizeof *row);
    }
    b->lanes->forward(b->fft, b->piece, APART, b->work, b->heard + before, b->heard_stride);
    b->lanes->multiply(b->heard + before, b->heard_stride, b->part, b->part_stride, b->parts, RT_FFT_BINS(b->fft),
                       b->product);
    b->lanes->backward(b->fft, b->product, b->work, b->piece, APART);
    for (int64_t l = 0; l < width; l++)
        memcpy(out + l * BLOCK, b->piece + l * APART, BLOCK * sizeof *out);
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

/* From `early` on, the direct sound: what was played before it is heard in the first block. */
static void blocks_play(struct blocks *b, float *x, int64_t count, int64_t early, float *out)
{
    int64_t span = (int64_t)b->lanes->width * BLOCK, lead = early / BLOCK + 1;
    lead = lead < b->parts - 1 ? lead : b->parts - 1;
    float *to = out;
    for (int64_t at = -lead * BLOCK; at < count; at += span, to += span)
        blocks_hear(b, x, count, early + at, to);
    out += lead * BLOCK;
    double before = samples_power(x, count), after = samples_power(out, count);
    float scale = after > 0 ? (float)sqrt(before / after) : 0;
    for (int64_t i = 0; i < count; i++)
        x[i] = out[i] * scale;
}

int rt_convolve(float *x, int64_t count, const float *response, int64_t length, struct rt_work *work)
{
    struct blocks b = {0};
    int64_t early = response_peak(response, length);
    if (response[early] == 0)
        return 0;
    int rc = blocks_init(&b, response, length, work);
    float *out = rc == 0 ? blocks_take(&b, 1, count + length + (RT_LANES_MOST + 2) * BLOCK) : NULL;
    if (rc == 0 && !out)
        rc = RT_EMEM;
    if (rc == 0)
        blocks_play(&b, x, count, early, out);
    blocks_fini(&b);
    rt_work_give(work, out);
    return rc;
}
