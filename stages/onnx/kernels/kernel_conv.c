/* SPDX-License-Identifier: MIT
 * kernel_conv: Conv and ConvTranspose with one to three axes, groups and dilations. Windows of a few
 * output lines at a time are laid out as columns [c/g taps, places] and multiplied by the weights;
 * a transposed convolution multiplies first and adds the columns back. One of 1x1 needs no columns,
 * and one channel per group (depthwise) is quicker tap by tap. Each sample is computed alone. What has constant weights
 * and is to be quick goes to last_conv.c. */
#include "stages/nn/blas.h"
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/geometry.h"

#include <string.h>

#define COLUMN_FLOATS (64 * 1024) /* of a piece: fits a cache */
#define COLUMNS_MAX 4e9           /* floats of a piece, at the very most */
#define PLACES_MIN 384            /* fewer, and packing the weights costs more than it saves */

/* ---- columns ----
 * The plain way, for what last_conv.c does not take: windows laid out as columns of a matrix, then
 * one product. A few lines at a time, so that columns stay in cache, but not fewer than the product
 * needs to pay for packing the weights. */

struct conv {
    struct rt_geometry g;
    int64_t groups, in_channels, out_channels; /* channels of one group */
    int64_t rows;                              /* of the columns: channels x taps */
    int64_t line, lines, piece;                /* places in a line, lines, lines at a time */
    bool direct;                               /* the input is the columns */
};

/* `channels`: those of a group on the side the windows are taken from. */
static void conv_lay_out(struct conv *v, int64_t channels)
{
    const struct rt_geometry *g = &v->g;
    v->rows = channels * g->taps;
    v->line = g->out[2];
    v->lines = g->out[0] * g->out[1];
    int64_t places = COLUMN_FLOATS / (v->rows > 0 ? v->rows : 1);
    places = places < PLACES_MIN ? PLACES_MIN : places;
    v->piece = v->line > 0 ? places / v->line : 1;
    v->piece = v->piece < 1 ? 1 : v->piece > v->lines ? v->lines : v->piece;
    v->direct = g->taps == 1;
    for (int i = 0; i < RT_GEOMETRY_AXES; i++)
        v->direct = v->direct && g->stride[i] == 1 && g->before[i] == 0 && g->after[i] == 0;
}

/* None when the input is its own columns. */
static size_t conv_column_bytes(const struct conv *v)
{
    return v->direct ? 0 : (size_t)(v->rows * v->piece * v->line) * sizeof(float);
}

/* One line of one tap: places [0, line) of col against x's row; outside the row lie zeros. */
RT_SIMD static void conv_move_line(const struct conv *v, int64_t kw, float *restrict x,
                                   float *restrict col, bool back)
{
    const struct rt_geometry *g = &v->g;
    int64_t from, to, s = g->stride[2];
    rt_geometry_inside(g, 2, kw, &from, &to);
    float *at = x + from * s - g->before[2] + kw * g->dilation[2];
    if (back) {
        for (int64_t o = from; o < to; o++)
            at[(o - from) * s] += col[o];
        return;
    }
    memset(col, 0, (size_t)from * sizeof *col);
    if (s == 1)
        memcpy(col + from, at, (size_t)(to - from) * sizeof *col);
    else
        for (int64_t o = from; o < to; o++)
            col[o] = at[(o - from) * s];
    memset(col + to, 0, (size_t)(v->line - to) * sizeof *col);
}

/* Columns of lines [first, first + lines): gathered from x, or (back) added to it. */
static void conv_move_columns(const struct conv *v, float *x, int64_t first, int64_t lines,
                              float *col, bool back)
{
    const struct rt_geometry *g = &v->g;
    for (int64_t r = 0; r < v->rows; r++) {
        int64_t channel = r / g->taps, tap = r % g->taps, kw = tap % g->kernel[2];
        int64_t kh = tap / g->kernel[2] % g->kernel[1], kd = tap / g->kernel[2] / g->kernel[1];
        float *plane = x + channel * g->in_count;
        for (int64_t l = first; l < first + lines; l++, col += v->line) {
            int64_t d = l / g->out[1] * g->stride[0] - g->before[0] + kd * g->dilation[0];
            int64_t h = l % g->out[1] * g->stride[1] - g->before[1] + kh * g->dilation[1];
            if (d >= 0 && d < g->in[0] && h >= 0 && h < g->in[1])
                conv_move_line(v, kw, plane + (d * g->in[1] + h) * g->in[2], col, back);
            else if (!back)
                memset(col, 0, (size_t)v->line * sizeof *col);
        }
    }
}

/* ---- checks that both share ----
 * Weights decide the number of channels on both sides, and kernel_shape may only repeat what they
 * say. */

static void conv_fill_bias(float *y, const float *bias, int64_t channels, int64_t places)
{
    for (int64_t m = 0; m < channels; m++)
        for (int64_t i = 0; i < places; i++)
            *y++ = bias ? bias[m] : 0;
}

/* The file's own numbers agree with each other, or it is refused. */
static int conv_check_weights(const struct rt_kernel_call *c, int64_t out_channels,
                              int64_t in_channels)
{
    const struct rt_tensor *x = c->in[0], *w = c->in[1];
    int64_t want[RT_GEOMETRY_AXES];
    int n = rt_kernel_ints(c, "kernel_shape", want, RT_GEOMETRY_AXES);
    if (n < 0)
        return n;
    for (int i = 0; i < n; i++)
        if (n != w->rank - 2 || want[i] != w->dim[2 + i])
            return rt_kernel_refuse(c, RT_EMISMATCH, "kernel_shape differs from the weights'");
    if (x->dim[1] != in_channels)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld channels, but weights for %lld",
                                (long long)x->dim[1], (long long)in_channels);
    if (rt_kernel_given(c, 2) && rt_tensor_count(c->in[2]) != out_channels)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld biases for %lld channels",
                                (long long)rt_tensor_count(c->in[2]), (long long)out_channels);
    return 0;
}

/* The limit is in floats of one piece, in double: the product of three sizes from a file overflows
 * easily. */
static int conv_out_shape(struct rt_kernel_call *c, const struct conv *v, const int64_t *extent,
                          int64_t channels)
{
    int64_t dim[2 + RT_GEOMETRY_AXES] = {c->in[0]->dim[0], channels};
    for (int i = 0; i < v->g.axes; i++)
        dim[2 + i] = extent[RT_GEOMETRY_AXES - v->g.axes + i];
    if ((double)v->rows * (double)v->piece * (double)v->line > COLUMNS_MAX)
        return rt_kernel_refuse(c, RT_ELARGE, "windows too large to lay out");
    c->scratch_bytes = conv_column_bytes(v);
    return rt_kernel_out(c, 0, RT_F32, 2 + v->g.axes, dim);
}

/* x and weights have one rank; groups divide the weights' first dimension. */
static int conv_read_groups(struct rt_kernel_call *c, int64_t *groups)
{
    const struct rt_tensor *x = c->in[0], *w = c->in[1];
    RT_TRY(rt_kernel_check_floats(c));
    *groups = rt_kernel_int(c, "group", 1);
    if (x->rank < 3 || w->rank != x->rank || *groups < 1 || w->dim[0] % *groups != 0)
        return rt_kernel_refuse(c, RT_EMISMATCH, "input of rank %d, weights of rank %d with %lld "
                                "rows, %lld groups", x->rank, w->rank,
                                (long long)(w->rank ? w->dim[0] : 0), (long long)*groups);
    return 0;
}

/* ---- Conv: x [n,c,...], weights [m,c/g,...], bias [m] ---- */

/* Read anew in each call, shape, preparation and run: it is some hundred operations, and kernels
 * keep no state. */
static int conv_read(struct rt_kernel_call *c, struct conv *v)
{
    const struct rt_tensor *w = c->in[1];
    RT_TRY(conv_read_groups(c, &v->groups));
    RT_TRY(conv_check_weights(c, w->dim[0], w->dim[1] * v->groups));
    RT_TRY(rt_geometry_read(&v->g, c, c->in[0], w->dim + 2));
    v->in_channels = w->dim[1];
    v->out_channels = w->dim[0] / v->groups;
    conv_lay_out(v, v->in_channels);
    return 0;
}

static int conv_shape(struct rt_kernel_call *c)
{
    struct conv v;
    RT_TRY(conv_read(c, &v));
    return conv_out_shape(c, &v, v.g.out, c->in[1]->dim[0]);
}

/* y (holding the bias) += one channel convolved with one kernel. */
RT_SIMD static void conv_add_line(float *restrict y, const float *restrict x, int64_t step,
                                  int64_t n, float w)
{
    if (step == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] += w * x[i];
    else
        for (int64_t i = 0; i < n; i++)
            y[i] += w * x[i * step];
}

/* Tap by tap, each a line of the output plus a multiple of a line of the input: columns of one
 * channel would be products one row thick. */
static void conv_depthwise(const struct conv *v, const float *x, const float *w, float *y)
{
    const struct rt_geometry *g = &v->g;
    for (int64_t tap = 0; tap < g->taps; tap++) {
        int64_t k[3] = {tap / g->kernel[2] / g->kernel[1], tap / g->kernel[2] % g->kernel[1],
                        tap % g->kernel[2]};
        int64_t from[3], to[3], first[3];
        for (int i = 0; i < 3; i++) {
            rt_geometry_inside(g, i, k[i], &from[i], &to[i]);
            first[i] = from[i] * g->stride[i] - g->before[i] + k[i] * g->dilation[i];
        }
        for (int64_t d = from[0]; d < to[0]; d++)
            for (int64_t h = from[1]; h < to[1]; h++) {
                int64_t row = (first[0] + (d - from[0]) * g->stride[0]) * g->in[1] + first[1] +
                              (h - from[1]) * g->stride[1];
                conv_add_line(y + (d * g->out[1] + h) * g->out[2] + from[2],
                              x + row * g->in[2] + first[2], g->stride[2], to[2] - from[2], w[tap]);
            }
    }
}

/* From the cheapest way to the plainest: depthwise, no columns needed, columns. */
static void conv_group(const struct conv *v, float *x, const float *w, float *y, float *col)
{
    int64_t places = v->g.out_count;
    if (v->in_channels == 1) {
        for (int64_t m = 0; m < v->out_channels; m++)
            conv_depthwise(v, x, w + m * v->g.taps, y + m * places);
        return;
    }
    if (v->direct) {
        rt_gemm(0, 0, v->out_channels, places, v->rows, w, v->rows, x, places, 1, y, places);
        return;
    }
    for (int64_t l = 0; l < v->lines; l += v->piece) {
        int64_t lines = v->lines - l < v->piece ? v->lines - l : v->piece, n = lines * v->line;
        conv_move_columns(v, x, l, lines, col, false);
        rt_gemm(0, 0, v->out_channels, n, v->rows, w, v->rows, col, n, 1, y + l * v->line, places);
    }
}

/* Samples and groups one after the other: each is computed alone, so a batch gives what its samples
 * give. */
static int conv_compute(struct rt_kernel_call *c)
{
    struct conv v;
    RT_TRY(conv_read(c, &v));
    const float *w = c->in[1]->data, *bias = rt_kernel_given(c, 2) ? c->in[2]->data : NULL;
    float *x = c->in[0]->data, *y = c->out[0]->data;
    bool empty = rt_tensor_count(c->out[0]) == 0;
    for (int64_t n = 0; !empty && n < c->in[0]->dim[0]; n++)
        for (int64_t g = 0; g < v.groups; g++) {
            conv_fill_bias(y, bias ? bias + g * v.out_channels : NULL, v.out_channels,
                           v.g.out_count);
            conv_group(&v, x, w + g * v.out_channels * v.rows, y, c->scratch);
            x += v.in_channels * v.g.in_count;
            y += v.out_channels * v.g.out_count;
        }
    return 0;
}

const struct rt_kernel rt_kernel_conv = {2, 3, 1, conv_shape, conv_compute, NULL, NULL};

/* ---- ConvTranspose: x [n,c,...], weights [c,m/g,...], bias [m] ---- */

/* The geometry is that of the convolution it turns back, so its "input" is the output here. */
static int conv_transpose_read(struct rt_kernel_call *c, struct conv *v)
{
    const struct rt_tensor *w = c->in[1];
    RT_TRY(conv_read_groups(c, &v->groups));
    RT_TRY(conv_check_weights(c, w->dim[1] * v->groups, w->dim[0]));
    RT_TRY(rt_geometry_read_transposed(&v->g, c, c->in[0], w->dim + 2));
    v->in_channels = w->dim[0] / v->groups;
    v->out_channels = w->dim[1];
    conv_lay_out(v, v->out_channels);
    v->direct = false;
    return 0;
}

static int conv_transpose_shape(struct rt_kernel_call *c)
{
    struct conv v;
    RT_TRY(conv_transpose_read(c, &v));
    return conv_out_shape(c, &v, v.g.in, v.out_channels * v.groups);
}

/* Products first, then columns are added back where windows overlap; the bias lies there already.
 */
static int conv_transpose_compute(struct rt_kernel_call *c)
{
    struct conv v;
    RT_TRY(conv_transpose_read(c, &v));
    const float *w = c->in[1]->data, *bias = rt_kernel_given(c, 2) ? c->in[2]->data : NULL;
    float *x = c->in[0]->data, *y = c->out[0]->data, *col = c->scratch;
    for (int64_t n = 0; n < c->in[0]->dim[0]; n++)
        for (int64_t g = 0; g < v.groups; g++) {
            const float *wg = w + g * v.in_channels * v.rows;
            conv_fill_bias(y, bias ? bias + g * v.out_channels : NULL, v.out_channels,
                           v.g.in_count);
            for (int64_t l = 0; l < v.lines && v.line > 0; l += v.piece) {
                int64_t lines = v.lines - l < v.piece ? v.lines - l : v.piece;
                int64_t places = lines * v.line;
                rt_gemm(1, 0, v.rows, places, v.in_channels, wg, v.rows, x + l * v.line,
                        v.g.out_count, 0, col, places);
                conv_move_columns(&v, y, l, lines, col, true);
            }
            x += v.in_channels * v.g.out_count;
            y += v.out_channels * v.g.in_count;
        }
    return 0;
}

const struct rt_kernel rt_kernel_conv_transpose = {
    2, 3, 1, conv_transpose_shape, conv_transpose_compute, NULL, NULL};
