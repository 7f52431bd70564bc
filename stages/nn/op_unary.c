/* SPDX-License-Identifier: MIT
 * op_unary: y = f(x), f one of unary.def. Reads function, number. */
#include "stages/nn/functions.h"
#include "stages/nn/simd.h"
#include "stages/nn/window.h"

#include <math.h>

#define GRAIN 4096 /* numbers of one piece */

typedef void value_loop(const float *restrict x, float *restrict y, int64_t n, float a, float b);
typedef void slope_loop(const float *restrict x, const float *restrict y, const float *restrict dy,
                        float *restrict dx, int64_t n, float a, float b, bool add);

/* ---- one loop for each function ----
 * A row of unary.def becomes two loops, value and slope. The slope sees the value as well, which
 * for sigmoid, tanh and exp is all it needs. The functions are the C library's: own approximations
 * would be quicker, and no longer comparable with what PyTorch gives. */

#define RT_UNARY(id, onnx, a_name, a_value, b_name, b_value, value, slope)                         \
    RT_SIMD static void id##_value(const float *restrict x, float *restrict to, int64_t n,         \
                                   float a, float b)                                               \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float v = x[i];                                                                  \
            to[i] = value;                                                                         \
        }                                                                                          \
    }                                                                                              \
    RT_SIMD static void id##_slope(const float *restrict x, const float *restrict from,            \
                                   const float *restrict dy, float *restrict dx, int64_t n,        \
                                   float a, float b, bool add)                                     \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float v = x[i], y = from[i];                                                     \
            (void)v, (void)y;                                                                      \
            const float d = dy[i] * (slope);                                                       \
            dx[i] = add ? dx[i] + d : d;                                                           \
        }                                                                                          \
    }
#include "stages/nn/unary.def"
#undef RT_UNARY

static value_loop *const values[RT_UNARIES] = {
#define RT_UNARY(id, onnx, a, a_value, b, b_value, value, slope) id##_value,
#include "stages/nn/unary.def"
#undef RT_UNARY
};
static slope_loop *const slopes[RT_UNARIES] = {
#define RT_UNARY(id, onnx, a, a_value, b, b_value, value, slope) id##_slope,
#include "stages/nn/unary.def"
#undef RT_UNARY
};
static const char *const names[RT_UNARIES + 1] = {
#define RT_UNARY(id, onnx, a, a_value, b, b_value, value, slope) #id,
#include "stages/nn/unary.def"
#undef RT_UNARY
};
const struct rt_unary_onnx rt_unary_onnx[RT_UNARIES] = {
#define RT_UNARY(id, onnx, a, a_value, b, b_value, value, slope) {onnx, {a, b}, {(float)a_value, (float)b_value}},
#include "stages/nn/unary.def"
#undef RT_UNARY
};

static int op_unary_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                          struct rt_error *e)
{
    (void)g;
    (void)e;
    n->shape = *in;
    return 0;
}

/* ---- pieces ----
 * Any cut will do, as numbers are independent; smaller pieces than add has, since these functions
 * take longer. */

static int64_t op_unary_count(const struct rt_op_run *r)
{
    return r->batch * rt_shape_count(&r->node->shape);
}

/* The function is looked up once for a piece. */
static void op_unary_forward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    const struct rt_attr *a = &r->node->attr;
    int64_t from = (int64_t)i * GRAIN, n = rt_piece_end(op_unary_count(r), GRAIN, i) - from;
    values[a->function](r->x[0] + from, r->y + from, n, a->number[0], a->number[1]);
}

static void op_unary_backward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    const struct rt_attr *a = &r->node->attr;
    int64_t from = (int64_t)i * GRAIN, n = rt_piece_end(op_unary_count(r), GRAIN, i) - from;
    slopes[a->function](r->x[0] + from, r->y + from, r->dy + from, r->dx[0] + from, n, a->number[0],
                        a->number[1], r->add[0]);
}

static void op_unary_forward(struct rt_op_run *r)
{
    rt_parallel_for(r->parallel, rt_pieces(op_unary_count(r), GRAIN), op_unary_forward_piece, r);
}

static void op_unary_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_parallel_for(r->parallel, rt_pieces(op_unary_count(r), GRAIN), op_unary_backward_piece,
                        r);
}

const struct rt_op rt_op_unary = {
    .name = "unary",
    .inputs = 1,
    .functions = names,
    .shape = op_unary_shape,
    .forward = op_unary_forward,
    .backward = op_unary_backward,
};
