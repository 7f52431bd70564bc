/* SPDX-License-Identifier: MIT
 * last_move: to channels last and back, and what frozen_last.c keeps channels last between convolutions: pooling,
 * batch-norm, concatenation. The innermost loop runs over a place's channels, which lie together. */
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/fused.h"

#include <math.h>
#include <string.h>

/* ---- layouts ---- */

static int to_last_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK] = {x->dim[0]};
    memcpy(dim + 1, x->dim + 2, (size_t)(x->rank - 2) * sizeof *dim);
    dim[x->rank - 1] = x->dim[1];
    return rt_kernel_out(c, 0, RT_F32, x->rank, dim);
}

static int to_first_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK] = {x->dim[0], x->dim[x->rank - 1]};
    memcpy(dim + 2, x->dim + 1, (size_t)(x->rank - 2) * sizeof *dim);
    return rt_kernel_out(c, 0, RT_F32, x->rank, dim);
}

/* Of each sample, [rows, cols] of the input. */
static int layout_compute(struct rt_kernel_call *c, int64_t rows, int64_t cols)
{
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    for (int64_t n = 0; n < c->in[0]->dim[0]; n++)
        rt_swap_axes(x + n * rows * cols, y + n * rows * cols, rows, cols);
    return 0;
}

static int to_last_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    return layout_compute(c, x->dim[1], rt_kernel_span(x, 2, x->rank));
}

static int to_first_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    return layout_compute(c, rt_kernel_span(x, 1, x->rank - 1), x->dim[x->rank - 1]);
}

const struct rt_kernel rt_kernel_to_last = {1, 1, 1, to_last_shape, to_last_compute, NULL, NULL};
const struct rt_kernel rt_kernel_to_first = {1, 1, 1, to_first_shape, to_first_compute, NULL, NULL};

/* ---- windows of a pooling ---- */

struct last_pool {
    struct rt_geometry g;
    int64_t n, channels;
    bool largest, padding; /* padding counts in the mean */
};

static int last_pool_read(struct last_pool *p, struct rt_kernel_call *c)
{
    int64_t kernel[RT_GEOMETRY_AXES];
    struct rt_tensor x;
    RT_TRY(rt_kernel_ints(c, "kernel_shape", kernel, RT_GEOMETRY_AXES));
    RT_TRY(rt_last_geometry(&p->g, c, kernel, &x));
    p->n = x.dim[0];
    p->channels = x.dim[1];
    p->largest = strcmp(c->op->type, "MaxPool") == 0;
    p->padding = rt_kernel_int(c, "count_include_pad", 0) != 0;
    return 0;
}

static int last_pool_shape(struct rt_kernel_call *c)
{
    struct last_pool p;
    RT_TRY(last_pool_read(&p, c));
    int64_t dim[] = {p.n, p.g.out[1], p.g.out[2], p.channels};
    if (c->in[0]->rank == 3)
        return rt_kernel_out(c, 0, RT_F32, 3, (int64_t[]){p.n, p.g.out[2], p.channels});
    return rt_kernel_out(c, 0, RT_F32, 4, dim);
}

/* NaN wins, as in PyTorch. */
RT_SIMD static void pool_larger(float *restrict y, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
}

RT_SIMD static void pool_add(float *restrict y, const float *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

RT_SIMD static void pool_scale(float *y, float by, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] *= by;
}

/* Taps of an axis inside the input, from `first` on, and those that its padding reaches, too. */
static int64_t pool_reach(const struct rt_geometry *g, int axis, int64_t first)
{
    int64_t count = 0;
    for (int64_t k = 0; k < g->kernel[axis]; k++)
        count += first + k * g->dilation[axis] < g->in[axis] + g->after[axis];
    return count;
}

static void pool_place(const struct last_pool *p, const float *x, int64_t oy, int64_t ox, float *y)
{
    const struct rt_geometry *g = &p->g;
    int64_t top = oy * g->stride[1] - g->before[1], left = ox * g->stride[2] - g->before[2], taps = 0;
    for (int64_t i = 0; i < p->channels; i++)
        y[i] = p->largest ? -INFINITY : 0;
    for (int64_t ky = 0; ky < g->kernel[1]; ky++)
        for (int64_t kx = 0; kx < g->kernel[2]; kx++) {
            int64_t iy = top + ky * g->dilation[1], ix = left + kx * g->dilation[2];
            if (iy < 0 || iy >= g->in[1] || ix < 0 || ix >= g->in[2])
                continue;
            taps++;
            (p->largest ? pool_larger : pool_add)(y, x + (iy * g->in[2] + ix) * p->channels, p->channels);
        }
    taps = p->padding ? pool_reach(g, 1, top) * pool_reach(g, 2, left) : taps;
    if (!p->largest)
        pool_scale(y, taps ? 1 / (float)taps : 0, p->channels);
}

static int last_pool_compute(struct rt_kernel_call *c)
{
    struct last_pool p;
    RT_TRY(last_pool_read(&p, c));
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    for (int64_t n = 0; n < p.n; n++, x += p.g.in_count * p.channels)
        for (int64_t oy = 0; oy < p.g.out[1]; oy++)
            for (int64_t ox = 0; ox < p.g.out[2]; ox++, y += p.channels)
                pool_place(&p, x, oy, ox, y);
    return 0;
}

const struct rt_kernel rt_kernel_last_max = {1, 1, 1, last_pool_shape, last_pool_compute, NULL, NULL};
const struct rt_kernel rt_kernel_last_average = {1, 1, 1, last_pool_shape, last_pool_compute, NULL, NULL};

/* ---- the mean over all places ----
 * In floats over some places, then in double: the sum of ten thousand floats would lose three digits. */

#define MEAN_PLACES 32

static int last_mean_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK] = {x->dim[0]};
    for (int i = 1; i < x->rank - 1; i++)
        dim[i] = 1;
    dim[x->rank - 1] = x->dim[x->rank - 1];
    c->scratch_bytes = (size_t)x->dim[x->rank - 1] * (sizeof(float) + sizeof(double));
    if (rt_kernel_int(c, "keepdims", 1) == 0)
        return rt_kernel_out(c, 0, RT_F32, 2, (int64_t[]){x->dim[0], x->dim[x->rank - 1]});
    return rt_kernel_out(c, 0, RT_F32, x->rank, dim);
}

RT_SIMD static void mean_add_some(double *restrict sum, const float *restrict some, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += some[i];
}

static int last_mean_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = c->in[0];
    int64_t channels = t->dim[t->rank - 1], places = rt_kernel_span(t, 1, t->rank - 1);
    const float *x = t->data;
    double *sum = c->scratch;
    float *some = (float *)(sum + channels), *y = c->out[0]->data;
    for (int64_t n = 0; n < t->dim[0]; n++, y += channels) {
        memset(sum, 0, (size_t)channels * sizeof *sum);
        for (int64_t p = 0; p < places;) {
            memset(some, 0, (size_t)channels * sizeof *some);
            for (int64_t end = p + MEAN_PLACES < places ? p + MEAN_PLACES : places; p < end; p++, x += channels)
                pool_add(some, x, channels);
            mean_add_some(sum, some, channels);
        }
        for (int64_t i = 0; i < channels; i++)
            y[i] = (float)(sum[i] / (double)places);
    }
    return 0;
}

const struct rt_kernel rt_kernel_last_mean = {1, -1, 1, last_mean_shape, last_mean_compute, NULL, NULL};

/* ---- batch-norm: a scale and a shift of each channel ---- */

static int last_affine_shape(struct rt_kernel_call *c)
{
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static size_t last_affine_bytes(struct rt_kernel_call *c)
{
    return 2 * (size_t)rt_tensor_count(c->in[1]) * sizeof(float);
}

static int last_affine_prepare(struct rt_kernel_call *c, void *to)
{
    int64_t n = rt_tensor_count(c->in[1]);
    float *scale = to, *shift = scale + n;
    double epsilon = rt_kernel_float(c, "epsilon", 1e-5);
    for (int64_t i = 0; i < n; i++) {
        double by = rt_tensor_element(c->in[1], i) / sqrt(rt_tensor_element(c->in[4], i) + epsilon);
        scale[i] = (float)by;
        shift[i] = (float)(rt_tensor_element(c->in[2], i) - rt_tensor_element(c->in[3], i) * by);
    }
    return 0;
}

RT_SIMD static void affine_place(const float *restrict x, float *restrict y, const float *restrict scale,
                                 const float *restrict shift, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * scale[i] + shift[i];
}

static int last_affine_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = c->in[0];
    int64_t channels = t->dim[t->rank - 1], places = rt_tensor_count(t) / (channels ? channels : 1);
    const float *scale = c->prepared, *x = t->data;
    float *y = c->out[0]->data;
    for (int64_t p = 0; p < places; p++, x += channels, y += channels) {
        affine_place(x, y, scale, scale + channels, channels);
        rt_fused_finish(c, NULL, p * channels, 1, channels, channels);
    }
    return 0;
}

static const struct rt_kernel_once last_affine_once = {last_affine_bytes, last_affine_prepare};
const struct rt_kernel rt_kernel_last_affine = {5, 5, 1, last_affine_shape, last_affine_compute, NULL,
                                                &last_affine_once};

/* ---- channels side by side ---- */

static int last_concat_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK];
    memcpy(dim, x->dim, sizeof dim);
    for (int i = 1; i < c->inputs; i++)
        dim[x->rank - 1] += c->in[i]->dim[x->rank - 1];
    return rt_kernel_out(c, 0, RT_F32, x->rank, dim);
}

static int last_concat_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = c->out[0];
    int64_t all = t->dim[t->rank - 1], places = rt_kernel_span(t, 0, t->rank - 1);
    float *y = t->data;
    for (int i = 0; i < c->inputs; i++) {
        int64_t n = c->in[i]->dim[t->rank - 1];
        const float *x = c->in[i]->data;
        for (int64_t p = 0; p < places; p++)
            memcpy(y + p * all, x + p * n, (size_t)n * sizeof *y);
        y += n;
    }
    return 0;
}

const struct rt_kernel rt_kernel_last_concat = {1, -1, 1, last_concat_shape, last_concat_compute, NULL, NULL};
