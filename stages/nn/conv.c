/* SPDX-License-Identifier: MIT
 * conv: output lines (all output places of one input row of windows) are laid out as the rows of a
 * matrix, `col` [places, kh*kw*c], a cache-sized chunk at a time, and multiplied by the weights
 * [units, kh*kw*c]. A 1x1 convolution of stride 1 needs no layout: its input is that matrix.
 * Forward shares chunks of lines among threads; backward shares `lanes`, ranges of whole samples,
 * as windows of one sample overlap in dx. Chunks and lanes follow from the shapes alone. */
#include "stages/nn/conv.h"

#include "stages/nn/blas.h"
#include "stages/nn/simd.h"
#include "stages/nn/window.h"

#include <string.h>

#define COL_FLOATS (64 * 1024) /* of a chunk: with weights and output it fits a 1 MiB L2 cache */
#define LANES_MAX 8
#define LANE_PLACES 192 /* fewer, and adding up the lanes' weight gradients would cost too much */
#define SUM_FLOATS 4096 /* weights added up by one piece */

struct conv {
    struct rt_op_run *r;
    struct rt_window w;
    int units;
    int64_t k, weights; /* kh*kw*c; units*k */
    bool direct;        /* x is the matrix */
    int chunk;          /* lines at a time */
    int lines;          /* in the batch */
    int lanes;
    float *col;     /* [threads, chunk*ow*k] */
    float *partial; /* [lanes-1, weights + units]: lane 0 adds into grad itself */
};

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static struct conv conv_of(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    struct conv v = {.w = rt_window_of(n, in), .units = n->attr.units};
    const struct rt_window *w = &v.w;
    v.k = (int64_t)w->kh * w->kw * w->c;
    v.weights = v.k * v.units;
    v.direct = w->kh == 1 && w->kw == 1 && w->sh == 1 && w->sw == 1;
    v.lines = batch * w->oh;
    int64_t chunk = COL_FLOATS / (w->ow * v.k);
    v.chunk = chunk < 1 ? 1 : chunk > v.lines ? v.lines : (int)chunk;
    int64_t lanes = (int64_t)v.lines * w->ow / LANE_PLACES;
    v.lanes = min_int(batch, lanes < 1 ? 1 : lanes > LANES_MAX ? LANES_MAX : (int)lanes);
    return v;
}

int rt_conv_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                  bool one_dimensional, struct rt_error *e)
{
    if (n->attr.units < 1) {
        return rt_error_set(e, RT_ERANGE, "network: node \"%s\" needs units of at least 1, not %d",
                            n->name, n->attr.units);
    }
    if (one_dimensional && in->rank != 2) {
        return rt_shape_refuse(n, in, "[t,c]", e);
    }
    int err = rt_window_shape(n, in, (int[]){1, 1}, n->attr.units, e);
    if (err) {
        return err;
    }
    struct rt_window w = rt_window_of(n, in);
    int64_t units = n->attr.units, fan_in = (int64_t)w.kh * w.kw * w.c;
    int64_t flat[] = {units, w.kh, w.c}, square[] = {units, w.kh, w.kw, w.c};
    err = one_dimensional ? rt_op_param(g, n, "weight", 3, flat, fan_in, 0, true, false)
                          : rt_op_param(g, n, "weight", 4, square, fan_in, 0, true, false);
    if (!err && n->attr.bias) {
        err = rt_op_param(g, n, "bias", 1, &units, fan_in, 0, false, false);
    }
    return err;
}

static size_t col_bytes(const struct conv *v)
{
    return ((size_t)v->chunk * (size_t)v->w.ow * (size_t)v->k * sizeof(float) + 63) / 64 * 64;
}

size_t rt_conv_scratch(const struct rt_node *n, const struct rt_shape *in, int batch, int threads)
{
    struct conv v = conv_of(n, in, batch);
    /* Lanes and chunk of a smaller batch are no more than these. */
    return (size_t)threads * col_bytes(&v) +
           (size_t)(v.lanes - 1) * (size_t)(v.weights + v.units) * sizeof(float);
}

static struct conv conv_begin(struct rt_op_run *r)
{
    struct conv v = conv_of(r->node, r->in_shape[0], r->batch);
    v.r = r;
    v.col = r->scratch;
    v.partial =
        (float *)((char *)r->scratch + (size_t)rt_parallel_threads(r->parallel) * col_bytes(&v));
    return v;
}

static float *thread_col(const struct conv *v, int thread)
{
    return (float *)((char *)v->col + (size_t)thread * col_bytes(v));
}

/* The kernel columns [*from, *to) of output column ox that lie inside the input. */
static void inside(const struct rt_window *w, int ox, int *from, int *to)
{
    int left = ox * w->sw - w->pw;
    *from = left < 0 ? (-left + w->dw - 1) / w->dw : 0;
    int room = w->w - left;
    *to = room <= 0 ? 0 : min_int(w->kw, (room + w->dw - 1) / w->dw);
    *to = *to < *from ? *from : *to;
}

/* Copies or adds n floats; windows are short, so a call to memcpy would cost more than it saves. */
static inline void put(float *restrict to, const float *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] = from[i];
    }
}

static inline void accumulate(float *restrict to, const float *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
}

/* Output columns [*from, *to) whose windows lie wholly inside the row: most, so worth a tight loop.
 */
static void whole(const struct rt_window *w, int *from, int *to)
{
    int room = w->dw == 1 ? w->w + w->pw - w->kw : -1; /* dilated ones are copied tap by tap */
    *to = room < 0 ? 0 : min_int(w->ow, room / w->sw + 1);
    *from = min_int((w->pw + w->sw - 1) / w->sw, *to);
}

static inline void gather_place(const struct rt_window *w, const float *row, float *col, int ox)
{
    int64_t c = w->c, wide = w->kw * c;
    int from, to;
    inside(w, ox, &from, &to);
    if (from > 0 || to < w->kw) {
        memset(col, 0, (size_t)wide * sizeof *col);
    }
    const float *x = row + (ox * w->sw - w->pw) * c;
    for (int kx = from; kx < to; kx++) {
        put(col + kx * c, x + kx * w->dw * c, c);
    }
}

/* Row ky of the windows of one output line: x row [w,c] -> col columns [ky*kw*c, +kw*c). */
RT_SIMD static void gather_row(const struct rt_window *w, const float *restrict row,
                               float *restrict col, int64_t k)
{
    int64_t c = w->c, wide = w->kw * c, step = w->sw * c;
    int from, to, ox = 0;
    whole(w, &from, &to);
    for (; ox < from; ox++) {
        gather_place(w, row, col + ox * k, ox);
    }
    for (; ox < to; ox++) {
        put(col + ox * k, row + ox * step - w->pw * c, wide);
    }
    for (; ox < w->ow; ox++) {
        gather_place(w, row, col + ox * k, ox);
    }
}

static inline void scatter_place(const struct rt_window *w, float *row, const float *col, int ox)
{
    int64_t c = w->c;
    int from, to;
    inside(w, ox, &from, &to);
    float *x = row + (ox * w->sw - w->pw) * c;
    for (int kx = from; kx < to; kx++) {
        accumulate(x + kx * w->dw * c, col + kx * c, c);
    }
}

/* The reverse: adds the columns back to where they came from. */
RT_SIMD static void scatter_row(const struct rt_window *w, float *restrict row,
                                const float *restrict col, int64_t k)
{
    int64_t c = w->c, wide = w->kw * c, step = w->sw * c;
    int from, to, ox = 0;
    whole(w, &from, &to);
    for (; ox < from; ox++) {
        scatter_place(w, row, col + ox * k, ox);
    }
    for (; ox < to; ox++) {
        accumulate(row + ox * step - w->pw * c, col + ox * k, wide);
    }
    for (; ox < w->ow; ox++) {
        scatter_place(w, row, col + ox * k, ox);
    }
}

/* Input row that kernel row ky of output line `line` (of the batch) sees, or -1 in the padding. */
static int64_t input_row(const struct rt_window *w, int line, int ky)
{
    int iy = line % w->oh * w->sh - w->ph + ky * w->dh;
    return iy < 0 || iy >= w->h ? -1 : (int64_t)(line / w->oh) * w->h + iy;
}

static const float *gather(const struct conv *v, int line, int lines, float *col)
{
    const struct rt_window *w = &v->w;
    int64_t row_floats = (int64_t)w->w * w->c;
    if (v->direct) {
        return v->r->x[0] + line * row_floats;
    }
    float *at = col;
    for (int i = line; i < line + lines; i++, at += w->ow * v->k) {
        for (int ky = 0; ky < w->kh; ky++) {
            int64_t row = input_row(w, i, ky);
            float *to = at + ky * w->kw * w->c;
            if (row >= 0) {
                gather_row(w, v->r->x[0] + row * row_floats, to, v->k);
            } else {
                for (int ox = 0; ox < w->ow; ox++) {
                    memset(to + ox * v->k, 0, (size_t)w->kw * (size_t)w->c * sizeof *to);
                }
            }
        }
    }
    return col;
}

static void scatter(const struct conv *v, int line, int lines, const float *col)
{
    const struct rt_window *w = &v->w;
    for (int i = line; i < line + lines; i++, col += w->ow * v->k) {
        for (int ky = 0; ky < w->kh; ky++) {
            int64_t row = input_row(w, i, ky);
            if (row >= 0) {
                scatter_row(w, v->r->dx[0] + row * w->w * w->c, col + ky * w->kw * w->c, v->k);
            }
        }
    }
}

static void forward_piece(void *self, int i, int thread)
{
    struct conv *v = self;
    int line = i * v->chunk, lines = min_int(v->chunk, v->lines - line);
    int64_t rows = (int64_t)lines * v->w.ow;
    float *y = v->r->y + (int64_t)line * v->w.ow * v->units;
    const float *col = gather(v, line, lines, thread_col(v, thread));
    bool bias = v->r->node->attr.bias;
    for (int64_t p = 0; bias && p < rows; p++) {
        memcpy(y + p * v->units, v->r->param[1]->value, (size_t)v->units * sizeof *y);
    }
    rt_gemm(0, 1, rows, v->units, v->k, col, v->k, v->r->param[0]->value, v->k, bias, y, v->units);
}

void rt_conv_forward(struct rt_op_run *r)
{
    struct conv v = conv_begin(r);
    rt_parallel_for(r->parallel, (v.lines + v.chunk - 1) / v.chunk, forward_piece, &v);
}

static void add_rows(float *sum, const float *row, int64_t rows, int64_t n)
{
    for (int64_t p = 0; p < rows; p++, row += n) {
        accumulate(sum, row, n);
    }
}

/* One lane: its samples' share of the weight gradient, and their dx. */
static void backward_piece(void *self, int lane, int thread)
{
    struct conv *v = self;
    const struct rt_op_run *r = v->r;
    const struct rt_window *w = &v->w;
    int64_t sample = (int64_t)w->h * w->w * w->c;
    int from = (int)((int64_t)r->batch * lane / v->lanes);
    int to = (int)((int64_t)r->batch * (lane + 1) / v->lanes);
    float *dw = NULL, *db = NULL;
    bool fresh = lane > 0; /* its partial holds nothing yet */
    if (r->param[0]->grad) {
        dw = lane ? v->partial + (lane - 1) * (v->weights + v->units) : r->param[0]->grad;
        if (r->node->attr.bias) {
            db = lane ? dw + v->weights : r->param[1]->grad;
            memset(db, 0, lane ? (size_t)v->units * sizeof *db : 0);
        }
    }
    if (r->dx[0] && !v->direct && !r->add[0]) {
        memset(r->dx[0] + from * sample, 0, (size_t)((to - from) * sample) * sizeof(float));
    }
    float *col = thread_col(v, thread);
    for (int line = from * w->oh; line < to * w->oh; line += v->chunk) {
        int lines = min_int(v->chunk, to * w->oh - line);
        int64_t rows = (int64_t)lines * w->ow;
        const float *dy = r->dy + (int64_t)line * w->ow * v->units;
        if (dw) {
            rt_gemm(1, 0, v->units, v->k, rows, dy, v->units, gather(v, line, lines, col), v->k,
                    fresh ? 0 : 1, dw, v->k);
            fresh = false;
        }
        if (db) {
            add_rows(db, dy, rows, v->units);
        }
        if (r->dx[0]) {
            float *dx = v->direct ? r->dx[0] + (int64_t)line * w->w * w->c : col;
            rt_gemm(0, 0, rows, v->k, v->units, dy, v->units, r->param[0]->value, v->k,
                    v->direct && r->add[0], dx, v->k);
        }
        if (r->dx[0] && !v->direct) {
            scatter(v, line, lines, col);
        }
    }
}

/* Adds up one range of the weights (and, behind them, biases) over the lanes, in their order. */
static void sum_piece(void *self, int i, int thread)
{
    (void)thread;
    struct conv *v = self;
    int64_t all = v->weights + v->units;
    for (int64_t at = (int64_t)i * SUM_FLOATS, end; at < all && at < (int64_t)(i + 1) * SUM_FLOATS;
         at = end) {
        bool bias = at >= v->weights;
        int64_t edge = bias ? all : v->weights;
        end = (int64_t)(i + 1) * SUM_FLOATS < edge ? (int64_t)(i + 1) * SUM_FLOATS : edge;
        if (bias && !v->r->node->attr.bias) {
            return;
        }
        float *grad = bias ? v->r->param[1]->grad + (at - v->weights) : v->r->param[0]->grad + at;
        for (int lane = 1; lane < v->lanes; lane++) {
            accumulate(grad, v->partial + (lane - 1) * all + at, end - at);
        }
    }
}

void rt_conv_backward(struct rt_op_run *r)
{
    struct conv v = conv_begin(r);
    rt_parallel_for(r->parallel, v.lanes, backward_piece, &v);
    if (r->param[0]->grad && v.lanes > 1) {
        int64_t all = v.weights + v.units;
        rt_parallel_for(r->parallel, (int)((all + SUM_FLOATS - 1) / SUM_FLOATS), sum_piece, &v);
    }
}
