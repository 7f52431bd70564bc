/* SPDX-License-Identifier: MIT
 * op_binary: y = f(u, v), f one of binary.def. Both inputs have one rank; a dimension of 1 is repeated,
 * and its gradient is the sum over the repetitions. Reads function. */
#include "stages/nn/axes.h"
#include "stages/nn/functions.h"
#include "stages/nn/simd.h"
#include "stages/nn/walk.h"
#include "stages/nn/window.h"

#include <stdio.h>
#include <string.h>

typedef void value_loop(const float *u, const float *v, float *restrict y, int64_t n, int64_t us,
                        int64_t vs);
typedef void slope_loop(const float *u, const float *v, const float *dy, float *dx, int64_t n,
                        int64_t us, int64_t vs, int64_t step);

/* ---- one loop for each function and direction ----
 * A row of binary.def is compiled into three loops: the value, and the gradient of either side. A
 * switch inside one loop would be decided for each number. Where an operand is repeated its
 * gradient is a sum over the row, kept in a register. */

/* A row of n numbers, us and vs apart (0 or 1). Its gradient goes to dx, step apart. */
#define SLOPE(id, name, slope)                                                                     \
    RT_SIMD static void id##_##name(const float *up, const float *vp, const float *dy, float *dx,  \
                                    int64_t n, int64_t us, int64_t vs, int64_t step)               \
    {                                                                                              \
        float sum = 0;                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float u = up[i * us], v = vp[i * vs];                                            \
            (void)u, (void)v;                                                                      \
            const float d = dy[i] * (slope);                                                       \
            if (step) {                                                                            \
                dx[i] += d;                                                                        \
            } else {                                                                               \
                sum += d;                                                                          \
            }                                                                                      \
        }                                                                                          \
        if (!step) {                                                                               \
            *dx += sum;                                                                            \
        }                                                                                          \
    }
#define RT_BINARY(id, onnx, value, slope_u, slope_v)                                               \
    RT_SIMD static void id##_value(const float *up, const float *vp, float *restrict y, int64_t n, \
                                   int64_t us, int64_t vs)                                         \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float u = up[i * us], v = vp[i * vs];                                            \
            y[i] = value;                                                                          \
        }                                                                                          \
    }                                                                                              \
    SLOPE(id, first, slope_u)                                                                      \
    SLOPE(id, second, slope_v)
#include "stages/nn/binary.def"
#undef RT_BINARY

static value_loop *const values[RT_BINARIES] = {
#define RT_BINARY(id, onnx, value, slope_u, slope_v) id##_value,
#include "stages/nn/binary.def"
#undef RT_BINARY
};
static slope_loop *const slopes[RT_BINARIES][2] = {
#define RT_BINARY(id, onnx, value, slope_u, slope_v) {id##_first, id##_second},
#include "stages/nn/binary.def"
#undef RT_BINARY
};
static const char *const names[RT_BINARIES + 1] = {
#define RT_BINARY(id, onnx, value, slope_u, slope_v) #id,
#include "stages/nn/binary.def"
#undef RT_BINARY
};
const char *const rt_binary_onnx[RT_BINARIES] = {
#define RT_BINARY(id, onnx, value, slope_u, slope_v) onnx,
#include "stages/nn/binary.def"
#undef RT_BINARY
};

static int op_binary_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                           struct rt_error *e)
{
    (void)g;
    bool fits = in[0].rank == in[1].rank;
    n->shape = in[0];
    for (int i = 0; fits && i < in[0].rank; i++) {
        int a = in[0].dim[i], b = in[1].dim[i];
        fits = a == b || a == 1 || b == 1;
        n->shape.dim[i] = a == 1 ? b : a;
    }
    if (fits)
        return 0;
    char other[48], wanted[120];
    snprintf(wanted, sizeof wanted, "the shape of its other input, %s, or 1 in its dimensions",
             rt_shape_text(&in[0], other));
    return rt_shape_refuse(n, &in[1], wanted, e);
}

/* ---- samples ----
 * Broadcasting is a walk (walk.h) over one sample; samples are the pieces, so a gradient that is a
 * sum within a sample is never shared by two threads. Parameters are operands of each sample too
 * (op_parameter.c), and sum there. */

/* One sample: y (or dy), u and v walked together. */
struct sample {
    const struct rt_op_run *r;
    const float *u, *v, *dy;
    float *y, *dx;
    int k; /* whose gradient */
};

/* Built for each sample; it is a few dozen assignments, and the walk itself is not changed by
 * running. */
static struct rt_walk op_binary_walk(const struct rt_op_run *r)
{
    struct rt_walk w;
    const struct rt_shape *shapes[] = {&r->node->shape, r->in_shape[0], r->in_shape[1]};
    int64_t dim[3][RT_NODE_RANK];
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < shapes[k]->rank; i++)
            dim[k][i] = shapes[k]->dim[i];
    rt_walk_init(&w, 3, shapes[0]->rank, dim[0]);
    for (int k = 0; k < 3; k++)
        rt_walk_dense(&w, k, shapes[k]->rank, dim[k]);
    return w;
}

static struct sample op_binary_sample(struct rt_op_run *r, int b)
{
    int64_t u = rt_shape_count(r->in_shape[0]), v = rt_shape_count(r->in_shape[1]);
    int64_t y = rt_shape_count(&r->node->shape);
    return (struct sample){r, r->x[0] + b * u, r->x[1] + b * v, rt_sample_of(r->dy, y, b),
                           r->y + b * y, NULL, 0};
}

static void op_binary_value_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct sample *s = self;
    value_loop *f = values[s->r->node->attr.function];
    const float *u = s->u + at[1], *v = s->v + at[2];
    float *y = s->y + at[0];
    /* Constant steps let the compiler use whole registers. */
    if (step[1] && step[2])
        f(u, v, y, n, 1, 1);
    else
        f(u, v, y, n, step[1], step[2]);
}

/* An operand that is repeated has step 0 in its gradient too, so its numbers add up. */
static void op_binary_slope_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct sample *s = self;
    int own = 1 + s->k;
    slopes[s->r->node->attr.function][s->k](s->u + at[1], s->v + at[2], s->dy + at[0],
                                           s->dx + at[own], n, step[1], step[2], step[own]);
}

static void op_binary_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct sample s = op_binary_sample(self, b);
    struct rt_walk w = op_binary_walk(s.r);
    rt_walk_run(&w, op_binary_value_row, &s);
}

static void op_binary_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct sample s = op_binary_sample(self, b);
    struct rt_walk w = op_binary_walk(s.r);
    for (s.k = 0; s.k < 2; s.k++) {
        int64_t count = rt_shape_count(s.r->in_shape[s.k]);
        if (s.r->dx[s.k]) {
            s.dx = s.r->dx[s.k] + b * count;
            if (!s.r->add[s.k])
                memset(s.dx, 0, (size_t)count * sizeof *s.dx);
            rt_walk_run(&w, op_binary_slope_row, &s);
        }
    }
}

static void op_binary_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_binary_forward_piece);
}

static void op_binary_backward(struct rt_op_run *r)
{
    rt_each_sample(r, op_binary_backward_piece);
}

const struct rt_op rt_op_binary = {
    .name = "binary",
    .inputs = 2,
    .functions = names,
    .unsaved_y = true,
    .shape = op_binary_shape,
    .forward = op_binary_forward,
    .backward = op_binary_backward,
};
