/* SPDX-License-Identifier: MIT
 * kernel_pool: MaxPool (with indices), AveragePool, and the global ones, over one to three axes. */
#include "stages/onnx/kernels/geometry.h"

#include <math.h>

/* ---- windows ----
 * Where a window lies is the same for all channels and samples, so it is found once for each output
 * place and used for all planes. */

/* The taps of one window that lie inside the input, along each axis: first place and how many. */
struct window {
    int64_t at[RT_GEOMETRY_AXES], taps[RT_GEOMETRY_AXES];
    int64_t padded; /* all taps, those in the padding included, but none beyond it */
};

/* Taps inside lie together, as they are equally far apart, so a first place and a number are
 * enough. */
static void pool_window_at(const struct rt_geometry *g, int64_t place, struct window *w)
{
    int64_t o[RT_GEOMETRY_AXES] = {place / g->out[2] / g->out[1], place / g->out[2] % g->out[1],
                                   place % g->out[2]};
    w->padded = 1;
    for (int i = 0; i < RT_GEOMETRY_AXES; i++) {
        int64_t first = o[i] * g->stride[i] - g->before[i], taps = 0, padded = 0;
        w->at[i] = 0;
        for (int64_t k = 0; k < g->kernel[i]; k++) {
            int64_t at = first + k * g->dilation[i];
            padded += at < g->in[i] + g->after[i];
            if (at >= 0 && at < g->in[i] && taps++ == 0)
                w->at[i] = at;
        }
        w->taps[i] = taps;
        w->padded *= padded;
    }
}

/* kernel_shape has to be there: pooling has no weights to read it from. */
static int pool_read(struct rt_kernel_call *c, struct rt_geometry *g)
{
    int64_t kernel[RT_GEOMETRY_AXES];
    if (c->in[0]->dtype != RT_F32)
        return rt_kernel_refuse_type(c, 0);
    int n = rt_kernel_ints(c, "kernel_shape", kernel, RT_GEOMETRY_AXES);
    if (n < 0)
        return n;
    if (n == 0 || n != c->in[0]->rank - 2)
        return rt_kernel_refuse(c, RT_EMISMATCH, "kernel_shape has %d numbers for an input of rank "
                                "%d", n, c->in[0]->rank);
    return rt_geometry_read(g, c, c->in[0], kernel);
}

/* The indices, where asked for, have the output's shape. */
static int pool_shape(struct rt_kernel_call *c)
{
    struct rt_geometry g;
    int rc = pool_read(c, &g);
    if (rc < 0)
        return rc;
    int64_t dim[2 + RT_GEOMETRY_AXES] = {c->in[0]->dim[0], c->in[0]->dim[1]};
    for (int i = 0; i < g.axes; i++)
        dim[2 + i] = g.out[RT_GEOMETRY_AXES - g.axes + i];
    rc = rt_kernel_out(c, 0, RT_F32, 2 + g.axes, dim);
    return rc < 0 ? rc : rt_kernel_out(c, 1, RT_I64, 2 + g.axes, dim);
}

/* ---- the largest ----
 * NaN wins, as in PyTorch. The place is kept and not the value: MaxPool may have to give it, in
 * either order of counting. */

/* Row-major place of the largest of a window in its plane, or -1 when it sees padding only. */
static int64_t pool_window_largest(const struct rt_geometry *g, const struct window *w,
                                   const float *x)
{
    int64_t best = -1;
    for (int64_t d = 0; d < w->taps[0]; d++)
        for (int64_t h = 0; h < w->taps[1]; h++) {
            int64_t row = ((w->at[0] + d * g->dilation[0]) * g->in[1] + w->at[1] +
                           h * g->dilation[1]) * g->in[2] + w->at[2];
            for (int64_t i = 0; i < w->taps[2]; i++) {
                int64_t at = row + i * g->dilation[2];
                if (best < 0 || x[at] > x[best] || (x[at] != x[at] && x[best] == x[best]))
                    best = at;
            }
        }
    return best;
}

/* The same place counted with the first axis quickest. */
static int64_t pool_column_major(const struct rt_geometry *g, int64_t at)
{
    int64_t w = at % g->in[2], h = at / g->in[2] % g->in[1], d = at / g->in[2] / g->in[1];
    return (w * g->in[1] + h) * g->in[0] + d;
}

/* Indices count through the whole tensor, so a plane's offset is added to the place in it. */
static int max_pool_compute(struct rt_kernel_call *c)
{
    struct rt_geometry g;
    struct window w;
    RT_TRY(pool_read(c, &g));
    bool columns = rt_kernel_int(c, "storage_order", 0) != 0;
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    int64_t *index = c->outputs > 1 && c->out[1] ? c->out[1]->data : NULL;
    int64_t planes = c->in[0]->dim[0] * c->in[0]->dim[1];
    for (int64_t place = 0; place < g.out_count; place++) {
        pool_window_at(&g, place, &w);
        for (int64_t p = 0; p < planes; p++) {
            const float *plane = x + p * g.in_count;
            int64_t best = pool_window_largest(&g, &w, plane), to = p * g.out_count + place;
            y[to] = best < 0 ? -INFINITY : plane[best];
            if (index)
                index[to] = p * g.in_count + (best < 0  ? 0
                                              : columns ? pool_column_major(&g, best)
                                                        : best);
        }
    }
    return 0;
}

const struct rt_kernel rt_kernel_max_pool = {1, 1, 2, pool_shape, max_pool_compute, NULL, NULL};

/* In double, tap by tap. */
static double pool_window_sum(const struct rt_geometry *g, const struct window *w, const float *x)
{
    double sum = 0;
    for (int64_t d = 0; d < w->taps[0]; d++)
        for (int64_t h = 0; h < w->taps[1]; h++) {
            const float *row = x + ((w->at[0] + d * g->dilation[0]) * g->in[1] + w->at[1] +
                                    h * g->dilation[1]) * g->in[2] + w->at[2];
            for (int64_t i = 0; i < w->taps[2]; i++)
                sum += row[i * g->dilation[2]];
        }
    return sum;
}

/* count_include_pad counts the padding, but never what ceil_mode reaches beyond it. */
static int average_pool_compute(struct rt_kernel_call *c)
{
    struct rt_geometry g;
    struct window w;
    RT_TRY(pool_read(c, &g));
    bool padding = rt_kernel_int(c, "count_include_pad", 0) != 0;
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    int64_t planes = c->in[0]->dim[0] * c->in[0]->dim[1];
    for (int64_t place = 0; place < g.out_count; place++) {
        pool_window_at(&g, place, &w);
        int64_t count = padding ? w.padded : w.taps[0] * w.taps[1] * w.taps[2];
        for (int64_t p = 0; p < planes; p++)
            y[p * g.out_count + place] =
                count ? (float)(pool_window_sum(&g, &w, x + p * g.in_count) / (double)count) : 0;
    }
    return 0;
}

const struct rt_kernel rt_kernel_average_pool = {1, 1, 1, pool_shape, average_pool_compute, NULL, NULL};

/* ---- LpPool: a norm of each window ---- */

static double pool_window_norm(const struct rt_geometry *g, const struct window *w, const float *x, double p)
{
    double sum = 0;
    for (int64_t d = 0; d < w->taps[0]; d++)
        for (int64_t h = 0; h < w->taps[1]; h++) {
            const float *row = x + ((w->at[0] + d * g->dilation[0]) * g->in[1] + w->at[1] +
                                    h * g->dilation[1]) * g->in[2] + w->at[2];
            for (int64_t i = 0; i < w->taps[2]; i++) {
                double v = fabsf(row[i * g->dilation[2]]);
                sum += p == 1 ? v : p == 2 ? v * v : pow(v, p);
            }
        }
    return p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, 1 / p);
}

static int lp_pool_compute(struct rt_kernel_call *c)
{
    struct rt_geometry g;
    struct window w;
    RT_TRY(pool_read(c, &g));
    double p = (double)rt_kernel_int(c, "p", 2);
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    int64_t planes = c->in[0]->dim[0] * c->in[0]->dim[1];
    for (int64_t place = 0; place < g.out_count; place++) {
        pool_window_at(&g, place, &w);
        for (int64_t k = 0; k < planes; k++)
            y[k * g.out_count + place] = (float)pool_window_norm(&g, &w, x + k * g.in_count, p);
    }
    return 0;
}

static int lp_pool_shape(struct rt_kernel_call *c)
{
    int64_t p = rt_kernel_int(c, "p", 2);
    return p < 1 ? rt_kernel_refuse(c, RT_ERANGE, "p = %lld", (long long)p) : pool_shape(c);
}

const struct rt_kernel rt_kernel_lp_pool = {1, 1, 1, lp_pool_shape, lp_pool_compute, NULL, NULL};

/* ---- global ----
 * A window as large as the input; a plain loop is quicker than the general one. */

static int global_pool_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK];
    if (x->dtype != RT_F32)
        return rt_kernel_refuse_type(c, 0);
    if (x->rank < 3 || rt_kernel_span(x, 2, x->rank) < 1)
        return rt_kernel_refuse(c, RT_EMISMATCH, "nothing to pool over in an input of rank %d",
                                x->rank);
    for (int i = 0; i < x->rank; i++)
        dim[i] = i < 2 ? x->dim[i] : 1;
    return rt_kernel_out(c, 0, RT_F32, x->rank, dim);
}

static int global_average_pool_compute(struct rt_kernel_call *c)
{
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    int64_t n = rt_kernel_span(c->in[0], 2, c->in[0]->rank), planes = rt_tensor_count(c->out[0]);
    for (int64_t p = 0; p < planes; p++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += *x++;
        y[p] = (float)(sum / (double)n);
    }
    return 0;
}

const struct rt_kernel rt_kernel_global_average_pool = {1, 1, 1, global_pool_shape,
                                                        global_average_pool_compute, NULL, NULL};

static int global_max_pool_compute(struct rt_kernel_call *c)
{
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    int64_t n = rt_kernel_span(c->in[0], 2, c->in[0]->rank), planes = rt_tensor_count(c->out[0]);
    for (int64_t p = 0; p < planes; p++, x += n) {
        y[p] = x[0];
        for (int64_t i = 1; i < n; i++)
            y[p] = x[i] > y[p] || x[i] != x[i] ? x[i] : y[p];
    }
    return 0;
}

const struct rt_kernel rt_kernel_global_max_pool = {
    1, 1, 1, global_pool_shape, global_max_pool_compute, NULL, NULL};
