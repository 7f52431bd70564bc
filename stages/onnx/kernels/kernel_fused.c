/* SPDX-License-Identifier: MIT
 * kernel_fused: of the operators that no file has (fused.h) those that know no layout: activations, products with
 * constant weights, layer-norm. */
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/fused.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- activations that stand alone ---- */

static int act_shape(struct rt_kernel_call *c)
{
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int act_compute(struct rt_kernel_call *c)
{
    const struct rt_epilogue *e = &c->epilogue;
    rt_isa()->finish(&(struct rt_finish){.from = c->in[0]->data, .to = c->out[0]->data, .rows = 1,
                                         .n = rt_tensor_count(c->in[0]), .act = e->act, .a = e->a, .b = e->b});
    return 0;
}

const struct rt_kernel rt_kernel_act = {1, 1, 1, act_shape, act_compute, NULL, NULL};

/* ---- products with constant weights ----
 * MatMul [..., k] x [k, n] and Gemm, with a bias. Not OpenBLAS, which lays out both factors anew in each call; and a
 * row's sum does not depend on how many rows stand beside it. */

struct linear {
    int64_t rows, k, n;
    bool turned; /* weights are [n, k] */
    struct rt_conv v;
};

static struct linear linear_of(const struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *w = c->in[1];
    struct linear l = {.k = x->dim[x->rank - 1], .turned = rt_kernel_int(c, "transB", 0) != 0};
    l.rows = rt_kernel_span(x, 0, x->rank - 1);
    l.n = w->dim[!l.turned];
    l.v = (struct rt_conv){.w = {.h = 1, .w = 1, .c = (int)l.k, .oh = 1, .ow = 1, .kh = 1, .kw = 1, .sh = 1, .sw = 1,
                                 .dh = 1, .dw = 1},
                           .units = (int)l.n, .batch = (int)l.rows, .plain = true, .isa = rt_isa()};
    return l;
}

static int linear_shape(struct rt_kernel_call *c)
{
    struct linear l = linear_of(c);
    struct rt_pass p = rt_pass_forward(&l.v, NULL, NULL, false);
    int64_t dim[RT_TENSOR_RANK];
    memcpy(dim, c->in[0]->dim, sizeof dim);
    dim[c->in[0]->rank - 1] = l.n;
    c->scratch_bytes = rt_direct_scratch(&p, true).thread;
    return rt_kernel_out(c, 0, RT_F32, c->in[0]->rank, dim);
}

static size_t linear_bytes(struct rt_kernel_call *c)
{
    struct linear l = linear_of(c);
    struct rt_pass p = rt_pass_forward(&l.v, NULL, NULL, false);
    return rt_direct_prepared(&p);
}

static int linear_prepare(struct rt_kernel_call *c, void *to)
{
    struct linear l = linear_of(c);
    struct rt_pass p = rt_pass_forward(&l.v, NULL, NULL, false);
    float *turned = l.turned ? NULL : malloc((size_t)(l.k * l.n) * sizeof *turned);
    if (!l.turned && !turned)
        return RT_EMEM;
    if (turned)
        rt_swap_axes(c->in[1]->data, turned, l.k, l.n);
    l.v.weight = turned ? turned : c->in[1]->data;
    rt_direct_prepare(&p, to);
    free(turned);
    return 0;
}

static int linear_compute(struct rt_kernel_call *c)
{
    struct linear l = linear_of(c);
    struct rt_pass p = rt_pass_forward(&l.v, c->in[0]->data, c->out[0]->data, false);
    p.prepared = c->prepared;
    rt_fused_follow(c, &p);
    rt_direct_pass(&p, &(struct rt_scratch){.threads = c->scratch});
    return 0;
}

static const struct rt_kernel_once linear_once = {linear_bytes, linear_prepare};
const struct rt_kernel rt_kernel_linear = {2, 3, 1, linear_shape, linear_compute, NULL, &linear_once};

/* ---- layer-norm over the last axis ----
 * Sums in double, in lanes that a compiler can keep in one register: one running sum would wait for each addition. */

#define LANES 8

RT_SIMD static void layer_row(const float *restrict x, float *restrict y, const float *restrict gamma,
                              const float *restrict beta, int64_t n, double epsilon)
{
    double sum[LANES] = {0}, square[LANES] = {0}, mean = 0, variance = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            sum[k] += x[i + k];
    for (; i < n; i++)
        sum[0] += x[i];
    for (int k = 0; k < LANES; k++)
        mean += sum[k] / (double)n;
    for (i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            square[k] += (x[i + k] - mean) * (x[i + k] - mean);
    for (; i < n; i++)
        square[0] += (x[i] - mean) * (x[i] - mean);
    for (int k = 0; k < LANES; k++)
        variance += square[k] / (double)n;
    float scale = (float)(1 / sqrt(variance + epsilon)), middle = (float)mean;
    for (i = 0; i < n; i++)
        y[i] = (x[i] - middle) * scale * gamma[i] + beta[i];
}

static int layer_rows_shape(struct rt_kernel_call *c)
{
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int layer_rows_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = c->in[0];
    int64_t n = t->dim[t->rank - 1], rows = n ? rt_tensor_count(t) / n : 0;
    const float *x = t->data;
    float *y = c->out[0]->data;
    for (int64_t r = 0; r < rows; r++, x += n, y += n)
        layer_row(x, y, c->in[1]->data, c->in[2]->data, n, (double)c->epilogue.number);
    return 0;
}

const struct rt_kernel rt_kernel_layer_rows = {3, 3, 1, layer_rows_shape, layer_rows_compute, NULL, NULL};
