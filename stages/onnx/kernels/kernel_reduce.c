/* SPDX-License-Identifier: MIT
 * kernel_reduce: Reduce*: one number for all that lies along some axes. Kept in double (whole numbers
 * in int64) while adding up, in row-major order. */
#include "stages/onnx/kernels/kernel.h"

#include <math.h>
#include <string.h>

/* ---- reductions as data ----
 * A reduction is what is done with each number and what is done at the end, so a row of two words
 * is a kernel. */

enum step { STEP_SUM, STEP_ABSOLUTE, STEP_SQUARE, STEP_PRODUCT, STEP_MAX, STEP_MIN, STEP_EXP };
enum end { END_NONE, END_MEAN, END_ROOT, END_LOG };

struct reduction {
    enum step step;
    enum end end;
    int input_since; /* the opset from which the axes are an input, no attribute any more */
};

/* Fills reduced[rank] and, for the output with those axes kept, dim[rank]. */
static int reduce_axes(const struct rt_kernel_call *c, bool *reduced, int64_t *dim, bool *nothing)
{
    const struct reduction *how = c->op->kernel->how;
    const struct rt_tensor *x = c->in[0];
    int64_t axis[RT_TENSOR_RANK];
    bool input = c->opset >= how->input_since;
    int n = !input                  ? rt_kernel_ints(c, "axes", axis, RT_TENSOR_RANK)
            : rt_kernel_given(c, 1) ? rt_kernel_ints_in(c, 1, axis, RT_TENSOR_RANK)
                                    : 0;
    if (n < 0)
        return n;
    *nothing = n == 0 && input && rt_kernel_int(c, "noop_with_empty_axes", 0) != 0;
    if (*nothing && (how->end > END_MEAN || how->step == STEP_ABSOLUTE || how->step == STEP_SQUARE ||
                     how->step == STEP_EXP))
        return rt_kernel_refuse(c, RT_EMISMATCH, "noop_with_empty_axes without axes: versions of ONNX differ in "
                                "whether anything is computed then");
    for (int i = 0; i < x->rank; i++)
        reduced[i] = n == 0 && !*nothing;
    for (int i = 0; i < n; i++) {
        int at, rc = rt_kernel_axis(c, axis[i], x->rank, &at);
        if (rc < 0)
            return rc;
        reduced[at] = true;
    }
    for (int i = 0; i < x->rank; i++)
        dim[i] = reduced[i] ? 1 : x->dim[i];
    return 0;
}

/* The largest of nothing has no value, so it is refused here and not in a run. */
static int reduce_shape(struct rt_kernel_call *c)
{
    const struct reduction *how = c->op->kernel->how;
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK];
    bool reduced[RT_TENSOR_RANK], nothing, keep = rt_kernel_int(c, "keepdims", 1) != 0;
    int rank = 0, rc = reduce_axes(c, reduced, dim, &nothing);
    bool whole = x->dtype == RT_I64 || x->dtype == RT_I32;
    if (rc < 0)
        return rc;
    bool extreme = how->step == STEP_MAX || how->step == STEP_MIN, narrow = x->dtype == RT_U8 || x->dtype == RT_BOOL;
    if ((narrow && !extreme) || (whole && (how->end != END_NONE || how->step == STEP_EXP)))
        return rt_kernel_refuse_type(c, 0);
    if (extreme && rt_tensor_count(x) == 0)
        return rt_kernel_refuse(c, RT_EEMPTY, "nothing to take the largest or smallest of");
    for (int i = 0; i < x->rank; i++)
        if (keep || !reduced[i])
            dim[rank++] = dim[i];
    RT_TRY(rt_kernel_out(c, 0, x->dtype, rank, dim));
    /* partial results, all of 8 bytes */
    c->scratch_bytes = (size_t)rt_tensor_count(c->out[0]) * sizeof(double) * (how->step == STEP_EXP ? 2 : 1);
    return 0;
}

/* ---- partial results ----
 * In double, or int64 for whole numbers, in scratch memory: a float sum of many thousand numbers
 * has lost its last digits. The switch is decided for each number, except in the one case that
 * matters, sums of floats along rows. */

static double reduce_real_step(enum step s, double sum, double v)
{
    switch (s) {
    case STEP_SUM:
        return sum + v;
    case STEP_ABSOLUTE:
        return sum + fabs(v);
    case STEP_SQUARE:
        return sum + v * v;
    case STEP_PRODUCT:
        return sum * v;
    case STEP_MAX:
        return v > sum || v != v ? v : sum;
    default:
        return v < sum || v != v ? v : sum;
    }
}

/* Unsigned inside, since signed overflow is undefined and ONNX wraps. */
static int64_t reduce_whole_step(enum step s, int64_t sum, int64_t v)
{
    switch (s) { /* wraps around */
    case STEP_SUM:
        return (int64_t)((uint64_t)sum + (uint64_t)v);
    case STEP_ABSOLUTE:
        return (int64_t)((uint64_t)sum + (v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
    case STEP_SQUARE:
        return (int64_t)((uint64_t)sum + (uint64_t)v * (uint64_t)v);
    case STEP_PRODUCT:
        return (int64_t)((uint64_t)sum * (uint64_t)v);
    case STEP_MAX:
        return v > sum ? v : sum;
    default:
        return v < sum ? v : sum;
    }
}

struct pass {
    const struct rt_tensor *x;
    enum step step;
    double *real, *largest; /* largest: of STEP_EXP, which sums differences to it so that nothing overflows */
    int64_t *whole;
};

/* Operand 0 is x, operand 1 the partial results. */
static void reduce_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct pass *p = self;
    if (p->x->dtype == RT_F32 && p->step == STEP_SUM && step[0] == 1) { /* by far the most common */
        const float *x = (const float *)p->x->data + at[0];
        double *sum = p->real + at[1];
        for (int64_t i = 0; i < n; i++)
            sum[i * step[1]] += x[i];
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t from = at[0] + i * step[0], to = at[1] + i * step[1];
        if (p->x->dtype == RT_I64)
            p->whole[to] =
                reduce_whole_step(p->step, p->whole[to], ((const int64_t *)p->x->data)[from]);
        else if (p->x->dtype == RT_I32)
            p->whole[to] =
                reduce_whole_step(p->step, p->whole[to], ((const int32_t *)p->x->data)[from]);
        else if (p->largest)
            p->real[to] += exp(rt_tensor_element(p->x, from) - p->largest[to]);
        else if (p->whole)
            p->whole[to] = reduce_whole_step(p->step, p->whole[to], ((const uint8_t *)p->x->data)[from]);
        else
            p->real[to] = reduce_real_step(p->step, p->real[to], rt_tensor_element(p->x, from));
    }
}

/* Once for each result; the mean divides by how many numbers went in. */
static double reduce_finish(enum end end, double v, double count)
{
    return end == END_MEAN ? v / count : end == END_ROOT ? sqrt(v) : end == END_LOG ? log(v) : v;
}

/* ---- the walk ----
 * x is operand 0 and the partial results operand 1, with steps of 0 along the axes that go:
 * whatever axes are meant, it is the same walk, in row-major order. */

/* What leaves a number as it is: 0 for sums, 1 for products, the far end for extremes. */
static void reduce_start(enum step step, struct pass *p, int64_t count)
{
    static const double real[] = {0, 0, 0, 1, -INFINITY, INFINITY, 0};
    static const int64_t whole[] = {0, 0, 0, 1, INT64_MIN, INT64_MAX, 0};
    for (int64_t i = 0; i < count; i++) {
        if (p->real)
            p->real[i] = real[step];
        else
            p->whole[i] = whole[step];
    }
}

/* A first walk of STEP_EXP. Where all are -infinity, or one is infinite, differences would be no numbers. */
static void reduce_find_largest(struct pass *p, const struct rt_walk *w, int64_t count)
{
    p->step = STEP_MAX;
    reduce_start(STEP_MAX, p, count);
    rt_walk_run(w, reduce_row, p);
    p->largest = p->real;
    p->real += count;
    p->step = STEP_EXP;
    for (int64_t i = 0; i < count; i++)
        p->largest[i] = isinf(p->largest[i]) ? 0 : p->largest[i];
}

/* An empty list of axes means all of them, unless the node says that it means none: then it is a
 * copy. */
static int reduce_compute(struct rt_kernel_call *c)
{
    const struct reduction *how = c->op->kernel->how;
    const struct rt_tensor *x = c->in[0], *y = c->out[0];
    int64_t dim[RT_TENSOR_RANK], count = rt_tensor_count(y);
    bool reduced[RT_TENSOR_RANK], nothing;
    int rc = reduce_axes(c, reduced, dim, &nothing);
    if (rc < 0 || nothing)
        return rc < 0 ? rc : rt_kernel_copy(c);
    struct pass p = {.x = x, .step = how->step};
    if (x->dtype == RT_F32 || x->dtype == RT_F64)
        p.real = c->scratch;
    else
        p.whole = c->scratch;
    struct rt_walk w;
    rt_walk_init(&w, 2, x->rank, x->dim);
    rt_walk_dense(&w, 0, x->rank, x->dim);
    rt_walk_dense(&w, 1, x->rank, dim);
    if (how->step == STEP_EXP)
        reduce_find_largest(&p, &w, count);
    reduce_start(how->step, &p, count);
    rt_walk_run(&w, reduce_row, &p);
    for (int64_t i = 0; i < count && p.largest; i++)
        p.real[i] = log(p.real[i]) + p.largest[i];
    double each = count ? (double)rt_tensor_count(x) / (double)count : 0;
    for (int64_t i = 0; i < count; i++) {
        if (y->dtype == RT_F32)
            ((float *)y->data)[i] = (float)reduce_finish(how->end, p.real[i], each);
        else if (y->dtype == RT_F64)
            ((double *)y->data)[i] = reduce_finish(how->end, p.real[i], each);
        else if (y->dtype == RT_I64)
            ((int64_t *)y->data)[i] = p.whole[i];
        else if (y->dtype == RT_I32)
            ((int32_t *)y->data)[i] = (int32_t)p.whole[i];
        else
            ((uint8_t *)y->data)[i] = (uint8_t)p.whole[i];
    }
    return 0;
}

#define REDUCTION(id, step, end, since)                                                            \
    static const struct reduction id##_how = {step, end, since};                                   \
    const struct rt_kernel rt_kernel_##id = {1, 2, 1, reduce_shape, reduce_compute, &id##_how, NULL};
REDUCTION(reduce_sum, STEP_SUM, END_NONE, 13)
REDUCTION(reduce_mean, STEP_SUM, END_MEAN, 18)
REDUCTION(reduce_max, STEP_MAX, END_NONE, 18)
REDUCTION(reduce_min, STEP_MIN, END_NONE, 18)
REDUCTION(reduce_prod, STEP_PRODUCT, END_NONE, 18)
REDUCTION(reduce_l1, STEP_ABSOLUTE, END_NONE, 18)
REDUCTION(reduce_l2, STEP_SQUARE, END_ROOT, 18)
REDUCTION(reduce_sum_square, STEP_SQUARE, END_NONE, 18)
REDUCTION(reduce_log_sum, STEP_SUM, END_LOG, 18)
REDUCTION(reduce_log_sum_exp, STEP_EXP, END_NONE, 18)
