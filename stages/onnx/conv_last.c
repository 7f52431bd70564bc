/* SPDX-License-Identifier: MIT
 * conv_last: see conv_last.h. */
#include "stages/onnx/conv_last.h"

#include "stages/nn/conv_way.h"
#include "stages/nn/simd.h"

#include <stdlib.h>
#include <string.h>

#define CHANNELS_MIN 8
#define TILES_MIN 12 /* of 4x4 outputs: fewer do not pay for Winograd's larger weights */
#define SQUARE 16    /* transposed at a time */

/* ---- what it takes ----
 * Most of a network for pictures or speech. Left to kernel_conv.c are groups, three axes, 1x1
 * kernels (one product already) and layers of a few units; and weights that are computed, which
 * would have to be laid out in each run. */

bool rt_conv_last_takes(const struct rt_geometry *g, int64_t groups, int64_t channels, int64_t units)
{
    return groups == 1 && g->axes <= 2 && g->taps > 1 && units >= CHANNELS_MIN && channels >= 1 &&
           g->out_count > 0 && channels * g->in_count < INT32_MAX && units * g->out_count < INT32_MAX;
}

/* ---- the convolution as stages/nn has it ----
 * What the training engine calls a pass, for one sample on one thread. Few tiles go without
 * Winograd: its weights, four times as many, would be read for too little work. */

static struct rt_conv conv_last_conv(const struct rt_geometry *g, int64_t channels, int64_t units,
                                     const float *weight)
{
    struct rt_conv v = {.units = (int)units, .batch = 1, .isa = rt_isa(),
                        .weight = weight};
    v.w = (struct rt_window){
        .h = (int)g->in[1], .w = (int)g->in[2], .c = (int)channels, .oh = (int)g->out[1],
        .ow = (int)g->out[2], .kh = (int)g->kernel[1], .kw = (int)g->kernel[2],
        .sh = (int)g->stride[1], .sw = (int)g->stride[2], .ph = (int)g->before[1],
        .pw = (int)g->before[2], .dh = (int)g->dilation[1], .dw = (int)g->dilation[2]};
    v.plain = g->out_count < TILES_MIN * 16;
    return v;
}

static struct rt_pass conv_last_pass(const struct rt_conv *v)
{
    return rt_pass_forward(v, NULL, NULL, true);
}

size_t rt_conv_last_prepared(const struct rt_geometry *g, int64_t channels, int64_t units)
{
    struct rt_conv v = conv_last_conv(g, channels, units, NULL);
    struct rt_pass p = conv_last_pass(&v);
    return rt_aligned(rt_pass_prepared(&p));
}

/* Input and output with channels last, then the pass's own. */
static size_t conv_last_layout_bytes(const struct rt_geometry *g, int64_t channels, int64_t units)
{
    return rt_aligned((size_t)(channels * g->in_count) * sizeof(float)) +
           rt_aligned((size_t)(units * g->out_count) * sizeof(float));
}

/* Of the one thread that runs the pass. */
static struct rt_scratch conv_last_scratch_at(void *memory, struct rt_scratch_size size)
{
    return (struct rt_scratch){.shared = memory,
                               .threads = (char *)memory + rt_aligned(size.shared)};
}

size_t rt_conv_last_scratch(const struct rt_geometry *g, int64_t channels, int64_t units)
{
    struct rt_conv v = conv_last_conv(g, channels, units, NULL);
    struct rt_pass p = conv_last_pass(&v);
    struct rt_scratch_size size = rt_pass_scratch(&p, true);
    return conv_last_layout_bytes(g, channels, units) + rt_aligned(size.shared) + size.thread;
}

/* ---- channels last and back ----
 * By squares that fit the first cache: one side of a transpose always jumps. It costs 7 % of a
 * ResNet-50 of face recognition, which takes 0.4 of the time it took with columns and OpenBLAS.
 * Keeping values channels last between layers would save that and make every other kernel know two
 * layouts. */

/* from [rows, cols] -> to [cols, rows], a square at a time. */
RT_SIMD static void conv_last_transpose(const float *restrict from, float *restrict to,
                                        int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += SQUARE) {
        int64_t tall = rows - r < SQUARE ? rows - r : SQUARE;
        for (int64_t c = 0; c < cols; c += SQUARE) {
            int64_t wide = cols - c < SQUARE ? cols - c : SQUARE;
            for (int64_t k = 0; k < wide; k++) {
                const float *x = from + r * cols + c + k;
                float *y = to + (c + k) * rows + r;
                for (int64_t i = 0; i < tall; i++)
                    y[i] = x[i * cols];
            }
        }
    }
}

/* ONNX's [units, channels, taps] become [units, taps, channels], then what the pass wants. Done
 * when the graph is made, so its scratch memory is its own and goes at once. */
int rt_conv_last_prepare(const struct rt_geometry *g, int64_t channels, int64_t units,
                         const float *weight, void *prepared)
{
    size_t count = (size_t)(units * channels * g->taps);
    float *last = calloc(count, sizeof *last);
    struct rt_conv v = conv_last_conv(g, channels, units, last);
    struct rt_pass p = conv_last_pass(&v);
    struct rt_scratch_size size = rt_pass_scratch(&p, false);
    void *scratch = aligned_alloc(64, rt_aligned(size.shared) + rt_aligned(size.thread));
    if (last && scratch) {
        for (int64_t u = 0; u < units; u++)
            conv_last_transpose(weight + u * channels * g->taps, last + u * channels * g->taps,
                                channels, g->taps);
        struct rt_scratch s = conv_last_scratch_at(scratch, size);
        rt_pass_prepare(&p, prepared, &s);
    }
    int rc = last && scratch ? 0 : RT_EMEM;
    free(last);
    free(scratch);
    return rc;
}

/* The bias is laid down first and the pass adds; the output is transposed last, into the value's
 * memory. */
void rt_conv_last_run(const struct rt_geometry *g, int64_t channels, int64_t units,
                      const void *prepared, const float *bias, const float *x, float *y,
                      void *scratch)
{
    struct rt_conv v = conv_last_conv(g, channels, units, NULL);
    struct rt_pass p = conv_last_pass(&v);
    float *in = scratch;
    float *out = (float *)((char *)scratch +
                           rt_aligned((size_t)(channels * g->in_count) * sizeof *in));
    conv_last_transpose(x, in, channels, g->in_count);
    p.from = in;
    p.to = out;
    p.prepared = prepared;
    p.add = bias != NULL;
    for (int64_t i = 0; bias && i < g->out_count; i++)
        memcpy(out + i * units, bias, (size_t)units * sizeof *out);
    struct rt_scratch s = conv_last_scratch_at(
        (char *)scratch + conv_last_layout_bytes(g, channels, units), rt_pass_scratch(&p, true));
    rt_pass_run(&p, &s);
    conv_last_transpose(out, y, g->out_count, units);
}
