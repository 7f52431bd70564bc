/* SPDX-License-Identifier: MIT
 * kernel_norm: normalisations: by fixed statistics (BatchNormalization), by those of a plane or of the
 * trailing axes (InstanceNormalization, LayerNormalization), by a norm (LpNormalization), and to a
 * sum of one (Softmax, LogSoftmax). Sums are kept in double. */
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/kernel.h"

#include <math.h>
#include <string.h>

/* Inputs from..inputs-1 hold one number for each channel of x = [n, c, ...]. */
static int norm_check_channels(const struct rt_kernel_call *c, int from)
{
    const struct rt_tensor *x = c->in[0];
    RT_TRY(rt_kernel_check_floats(c));
    if (x->rank < 2)
        return rt_kernel_refuse(c, RT_EMISMATCH, "input of rank %d; [n, c, ...] is wanted", x->rank);
    for (int i = from; i < c->inputs; i++)
        if (rt_tensor_count(c->in[i]) != x->dim[1])
            return rt_kernel_refuse(c, RT_EMISMATCH, "input %d has %lld numbers for %lld channels",
                                    i, (long long)rt_tensor_count(c->in[i]),
                                    (long long)x->dim[1]);
    return 0;
}

RT_SIMD static void norm_scale_shift(const float *restrict x, float *restrict y, int64_t n,
                                     float scale, float shift)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * scale + shift;
}

/* ---- BatchNormalization with its running statistics ----
 * Not folded into the convolution before it: that would save one pass over memory, which in
 * training is 2.5 % of a step of resnet34-8, and change weights that last_conv.c has laid out by
 * then. */

/* Opset 8 and before may ask for statistics of each place (spatial = 0): nothing exports it. */
static int batch_norm_shape(struct rt_kernel_call *c)
{
    if (rt_kernel_int(c, "training_mode", 0) != 0 || c->outputs > 1)
        return rt_kernel_refuse(c, RT_EUSAGE, "training mode; export the network for inference");
    if (rt_kernel_int(c, "spatial", 1) != 1)
        return rt_kernel_refuse(c, RT_EUSAGE, "spatial = 0");
    RT_TRY(norm_check_channels(c, 1));
    return rt_kernel_out_like(c, 0, c->in[0]);
}

/* One factor and one term for each channel, in double before they are rounded. */
static int batch_norm_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    const float *gamma = c->in[1]->data, *beta = c->in[2]->data, *mean = c->in[3]->data;
    const float *variance = c->in[4]->data, *from = x->data;
    float *to = c->out[0]->data;
    double epsilon = rt_kernel_float(c, "epsilon", 1e-5);
    int64_t n = rt_kernel_span(x, 2, x->rank);
    for (int64_t b = 0; b < x->dim[0]; b++)
        for (int64_t k = 0; k < x->dim[1]; k++, from += n, to += n) {
            double scale = gamma[k] / sqrt(variance[k] + epsilon);
            norm_scale_shift(from, to, n, (float)scale, (float)(beta[k] - mean[k] * scale));
        }
    return 0;
}

const struct rt_kernel rt_kernel_batch_norm = {5, 5, 5, batch_norm_shape, batch_norm_compute, NULL, NULL};

/* ---- statistics of n numbers ----
 * Two passes over numbers that are in cache, in double: sums of squares in one pass cancel when the
 * mean is large. */

static void norm_moments(const float *x, int64_t n, double *mean, double *variance)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *variance = squares / (double)n;
}

static int instance_norm_shape(struct rt_kernel_call *c)
{
    RT_TRY(norm_check_channels(c, 1));
    if (c->in[0]->rank < 3)
        return rt_kernel_refuse(c, RT_EMISMATCH, "input of rank %d; [n, c, axes] is wanted",
                                c->in[0]->rank);
    return rt_kernel_out_like(c, 0, c->in[0]);
}

/* As batch-norm with statistics of each plane instead of the file's. */
static int instance_norm_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    const float *gamma = c->in[1]->data, *beta = c->in[2]->data, *from = x->data;
    float *to = c->out[0]->data;
    double epsilon = rt_kernel_float(c, "epsilon", 1e-5), mean, variance;
    int64_t n = rt_kernel_span(x, 2, x->rank);
    for (int64_t b = 0; b < x->dim[0]; b++)
        for (int64_t k = 0; k < x->dim[1]; k++, from += n, to += n) {
            norm_moments(from, n, &mean, &variance);
            double scale = gamma[k] / sqrt(variance + epsilon);
            norm_scale_shift(from, to, n, (float)scale, (float)(beta[k] - mean * scale));
        }
    return 0;
}

const struct rt_kernel rt_kernel_instance_norm = {3, 3, 1, instance_norm_shape,
                                                  instance_norm_compute, NULL, NULL};

/* ---- GroupNormalization: statistics of some channels together ----
 * Scale and shift are one for each group in opset 18, which was a mistake, and one for each channel since 21. */

static int group_norm_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t groups = rt_kernel_int(c, "num_groups", 0), want = c->opset < 21 ? groups : 0;
    RT_TRY(rt_kernel_check_floats(c));
    if (x->rank < 2 || groups < 1 || x->dim[1] % groups != 0)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld groups of %lld channels", (long long)groups,
                                (long long)(x->rank < 2 ? 0 : x->dim[1]));
    want = want ? want : x->dim[1];
    for (int i = 1; i < 3; i++)
        if (rt_tensor_count(c->in[i]) != want)
            return rt_kernel_refuse(c, RT_EMISMATCH, "input %d has %lld numbers, not %lld", i,
                                    (long long)rt_tensor_count(c->in[i]), (long long)want);
    return rt_kernel_out_like(c, 0, x);
}

static int group_norm_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    const float *gamma = c->in[1]->data, *beta = c->in[2]->data, *from = x->data;
    float *to = c->out[0]->data;
    double epsilon = rt_kernel_float(c, "epsilon", 1e-5), mean = 0, inverse = 0, variance;
    int64_t n = rt_kernel_span(x, 2, x->rank), own = x->dim[1] / rt_kernel_int(c, "num_groups", 1);
    for (int64_t k = 0; n > 0 && k < x->dim[0] * x->dim[1]; k++, from += n, to += n) {
        int64_t channel = k % x->dim[1], at = c->opset < 21 ? channel / own : channel;
        if (channel % own == 0) {
            norm_moments(from, own * n, &mean, &variance);
            inverse = 1 / sqrt(variance + epsilon);
        }
        norm_scale_shift(from, to, n, (float)(gamma[at] * inverse), (float)(beta[at] - mean * gamma[at] * inverse));
    }
    return 0;
}

const struct rt_kernel rt_kernel_group_norm = {3, 3, 1, group_norm_shape, group_norm_compute, NULL, NULL};

/* ---- MeanVarianceNormalization: over any axes, by default all but the channels ----
 * ONNX writes it as a function: E[x^2] - E[x]^2 under the root, and 1e-9 added behind it. Here the mean is taken off
 * before squares are summed, which differs where the mean is large, to the better. */

struct mvn {
    const float *x;
    float *y;
    double *mean, *square;
    int pass;
};

static void mvn_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct mvn *m = self;
    for (int64_t i = 0; i < n; i++) {
        int64_t k = at[1] + i * step[1];
        double v = m->x[at[0] + i * step[0]];
        if (m->pass == 0)
            m->mean[k] += v;
        else if (m->pass == 1)
            m->square[k] += (v - m->mean[k]) * (v - m->mean[k]);
        else
            m->y[at[0] + i * step[0]] = (float)((v - m->mean[k]) / (m->square[k] + 1e-9));
    }
}

/* dim: the shape of the statistics, 1 along each axis that goes. */
static int mvn_axes(const struct rt_kernel_call *c, int64_t *dim)
{
    const struct rt_tensor *x = c->in[0];
    int64_t axes[RT_TENSOR_RANK] = {0, 2, 3};
    int given = rt_kernel_ints(c, "axes", axes, RT_TENSOR_RANK), n = given ? given : 3, axis;
    if (n < 0)
        return n;
    memcpy(dim, x->dim, sizeof x->dim);
    for (int i = 0; i < n; i++) {
        RT_TRY(rt_kernel_axis(c, axes[i], x->rank, &axis));
        dim[axis] = 1;
    }
    return 0;
}

static int mvn_shape(struct rt_kernel_call *c)
{
    struct rt_tensor kept = {.rank = c->in[0]->rank};
    RT_TRY(rt_kernel_check_floats(c));
    RT_TRY(mvn_axes(c, kept.dim));
    c->scratch_bytes = 2 * sizeof(double) * (size_t)rt_tensor_count(&kept);
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int mvn_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    struct rt_tensor kept = {.rank = x->rank};
    struct rt_walk w;
    RT_TRY(mvn_axes(c, kept.dim));
    int64_t count = rt_tensor_count(&kept), n = count ? rt_tensor_count(x) / count : 0;
    struct mvn m = {x->data, c->out[0]->data, c->scratch, (double *)c->scratch + count, 0};
    memset(c->scratch, 0, c->scratch_bytes);
    rt_walk_init(&w, 2, x->rank, x->dim);
    rt_walk_dense(&w, 0, x->rank, x->dim);
    rt_walk_dense(&w, 1, x->rank, kept.dim);
    for (; m.pass < 3; m.pass++) {
        rt_walk_run(&w, mvn_row, &m);
        for (int64_t i = 0; i < count && m.pass < 2; i++)
            if (m.pass == 0)
                m.mean[i] /= (double)n;
            else
                m.square[i] = sqrt(m.square[i] / (double)n);
    }
    return 0;
}

const struct rt_kernel rt_kernel_mean_variance_norm = {1, 1, 1, mvn_shape, mvn_compute, NULL, NULL};

/* ---- LRN: by the squares of neighbouring channels, as networks before batch-norm had it ---- */

static int lrn_shape(struct rt_kernel_call *c)
{
    RT_TRY(norm_check_channels(c, 1));
    if (rt_kernel_int(c, "size", 0) < 1)
        return rt_kernel_refuse(c, RT_ERANGE, "size = %lld", (long long)rt_kernel_int(c, "size", 0));
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int lrn_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    double alpha = rt_kernel_float(c, "alpha", 1e-4), beta = rt_kernel_float(c, "beta", 0.75);
    double bias = rt_kernel_float(c, "bias", 1), size = (double)rt_kernel_int(c, "size", 1);
    int64_t n = rt_kernel_span(x, 2, x->rank), channels = x->dim[1];
    int64_t before = (int64_t)floor((size - 1) / 2), after = (int64_t)ceil((size - 1) / 2);
    for (int64_t i = 0; i < rt_tensor_count(x); i++) {
        int64_t k = i / n % channels, from = k - before < 0 ? 0 : k - before;
        int64_t to = after >= channels - k ? channels - 1 : k + after;
        const float *own = (const float *)x->data + i;
        double sum = 0;
        for (int64_t at = from - k; at <= to - k; at++)
            sum += (double)own[at * n] * own[at * n];
        ((float *)c->out[0]->data)[i] = (float)(*own / pow(bias + alpha / size * sum, beta));
    }
    return 0;
}

const struct rt_kernel rt_kernel_lrn = {1, 1, 1, lrn_shape, lrn_compute, NULL, NULL};

/* ---- LayerNormalization: over axis and all behind it; gives mean and 1 / deviation, too ---- */

/* The outputs behind the first have 1 where the axes were. */
static int layer_norm_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK];
    int axis;
    RT_TRY(rt_kernel_check_floats(c));
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", -1), x->rank, &axis));
    for (int i = 1; i < c->inputs; i++)
        if (c->in[i] && rt_tensor_count(c->in[i]) != rt_kernel_span(x, axis, x->rank))
            return rt_kernel_refuse(c, RT_EMISMATCH, "input %d has %lld numbers, not %lld", i,
                                    (long long)rt_tensor_count(c->in[i]),
                                    (long long)rt_kernel_span(x, axis, x->rank));
    for (int i = 0; i < x->rank; i++)
        dim[i] = i < axis ? x->dim[i] : 1;
    for (int i = 1; i < 3; i++)
        RT_TRY(rt_kernel_out(c, i, RT_F32, x->rank, dim));
    return rt_kernel_out_like(c, 0, x);
}

/* Mean and inverse deviation go out where the node asks for them, as its training form does. */
static int layer_norm_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    const float *gamma = c->in[1]->data, *from = x->data;
    const float *beta = rt_kernel_given(c, 2) ? c->in[2]->data : NULL;
    float *to = c->out[0]->data;
    float *means = c->outputs > 1 && c->out[1] ? c->out[1]->data : NULL;
    float *inverse = c->outputs > 2 && c->out[2] ? c->out[2]->data : NULL;
    double epsilon = rt_kernel_float(c, "epsilon", 1e-5), mean, variance;
    int axis;
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", -1), x->rank, &axis));
    int64_t n = rt_kernel_span(x, axis, x->rank);
    for (int64_t r = 0; r < rt_kernel_span(x, 0, axis); r++, from += n, to += n) {
        norm_moments(from, n, &mean, &variance);
        double scale = 1 / sqrt(variance + epsilon);
        for (int64_t i = 0; i < n; i++)
            to[i] = (float)((from[i] - mean) * scale) * gamma[i] + (beta ? beta[i] : 0);
        if (means)
            means[r] = (float)mean;
        if (inverse)
            inverse[r] = (float)scale;
    }
    return 0;
}

const struct rt_kernel rt_kernel_layer_norm = {2, 3, 3, layer_norm_shape, layer_norm_compute, NULL, NULL};

/* ---- along one axis: n numbers `apart`, for each of outer x apart lines ----
 * One function a line, called through the kernel: softmax, its logarithm and the norms differ in
 * nothing else. Reading with a step is slow where the axis is not the last; in networks it mostly
 * is. */

/* Works on a line: x and y hold n numbers, `apart` from each other. */
typedef void line_function(const float *x, float *y, int64_t n, int64_t apart, int64_t p);

/* Outer times apart lines; the numbers of a line lie `apart` from each other. */
static void norm_for_lines(const struct rt_kernel_call *c, int64_t outer, int64_t n, int64_t apart,
                           int64_t p)
{
    line_function *const *line = c->op->kernel->how;
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    for (int64_t i = 0; i < outer; i++)
        for (int64_t k = 0; n > 0 && k < apart; k++)
            (*line)(x + i * n * apart + k, y + i * n * apart + k, n, apart, p);
}

static int lp_norm_shape(struct rt_kernel_call *c)
{
    int64_t p = rt_kernel_int(c, "p", 2);
    int axis;
    RT_TRY(rt_kernel_check_floats(c));
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", -1), c->in[0]->rank, &axis));
    if (p != 1 && p != 2)
        return rt_kernel_refuse(c, RT_ERANGE, "p = %lld; it may be 1 or 2", (long long)p);
    return rt_kernel_out_like(c, 0, c->in[0]);
}

/* A line of zeros stays one; ONNX says nothing about it, and a NaN would spread. */
static void lp_norm_line(const float *x, float *y, int64_t n, int64_t apart, int64_t p)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = fabsf(x[i * apart]);
        sum += p == 1 ? v : v * v;
    }
    double norm = p == 1 ? sum : sqrt(sum);
    for (int64_t i = 0; i < n; i++)
        y[i * apart] = norm > 0 || norm != norm ? (float)(x[i * apart] / norm) : 0;
}

static int lp_norm_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int axis;
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", -1), x->rank, &axis));
    norm_for_lines(c, rt_kernel_span(x, 0, axis), x->dim[axis],
                   rt_kernel_span(x, axis + 1, x->rank), rt_kernel_int(c, "p", 2));
    return 0;
}

static line_function *const lp_how = lp_norm_line;
const struct rt_kernel rt_kernel_lp_norm = {1, 1, 1, lp_norm_shape, lp_norm_compute, &lp_how, NULL};

/* Before opset 13 the axes from `axis` (1) on are one; since then `axis` (-1) is meant alone. */
static int softmax_axis(const struct rt_kernel_call *c, int *axis)
{
    return rt_kernel_axis(c, rt_kernel_int(c, "axis", c->opset < 13 ? 1 : -1), c->in[0]->rank, axis);
}

static int softmax_shape(struct rt_kernel_call *c)
{
    int axis;
    RT_TRY(rt_kernel_check_floats(c));
    RT_TRY(softmax_axis(c, &axis));
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static double softmax_line_max(const float *x, int64_t n, int64_t apart)
{
    double max = x[0];
    for (int64_t i = 1; i < n; i++)
        max = x[i * apart] > max ? x[i * apart] : max;
    return max;
}

/* Divided by the sum in double, as the numbers are rounded only once. */
static void softmax_line(const float *x, float *y, int64_t n, int64_t apart, int64_t p)
{
    (void)p;
    float max = (float)softmax_line_max(x, n, apart);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += y[i * apart] = expf(x[i * apart] - max);
    for (int64_t i = 0; i < n; i++)
        y[i * apart] = (float)(y[i * apart] / sum);
}

/* In double: x - max - log(sum) loses digits where the result is small. */
static void log_softmax_line(const float *x, float *y, int64_t n, int64_t apart, int64_t p)
{
    (void)p;
    double max = softmax_line_max(x, n, apart), sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp(x[i * apart] - max);
    for (int64_t i = 0; i < n; i++)
        y[i * apart] = (float)(x[i * apart] - max - log(sum));
}

/* Up to opset 12 everything from the axis on is one line. */
static int softmax_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int axis, rc = softmax_axis(c, &axis);
    if (rc < 0)
        return rc;
    if (c->opset < 13)
        norm_for_lines(c, rt_kernel_span(x, 0, axis), rt_kernel_span(x, axis, x->rank), 1, 0);
    else
        norm_for_lines(c, rt_kernel_span(x, 0, axis), x->dim[axis],
                       rt_kernel_span(x, axis + 1, x->rank), 0);
    return 0;
}

static line_function *const softmax_how = softmax_line, *const log_softmax_how = log_softmax_line;
const struct rt_kernel rt_kernel_softmax = {1, 1, 1, softmax_shape, softmax_compute, &softmax_how, NULL};
const struct rt_kernel rt_kernel_log_softmax = {1, 1, 1, softmax_shape, softmax_compute,
                                                &log_softmax_how, NULL};
