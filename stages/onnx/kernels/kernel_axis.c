/* SPDX-License-Identifier: MIT
 * kernel_axis: operators that go along one axis, line by line: ArgMax, ArgMin, TopK, CumSum. Sums and
 * means of axes are kernel_reduce.c's. */
#include "stages/onnx/kernels/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines ----
 * n numbers that lie `apart` from each other, for each of outer x apart lines. */

struct lines {
    int axis;
    int64_t outer, n, apart;
};

static int lines_read(const struct rt_kernel_call *c, int64_t axis, struct lines *l)
{
    const struct rt_tensor *x = c->in[0];
    if (x->dtype == RT_BOOL)
        return rt_kernel_refuse_type(c, 0);
    RT_TRY(rt_kernel_axis(c, axis, x->rank, &l->axis));
    l->outer = rt_kernel_span(x, 0, l->axis);
    l->n = x->dim[l->axis];
    l->apart = rt_kernel_span(x, l->axis + 1, x->rank);
    return 0;
}

/* Where line i begins. */
static int64_t lines_first(const struct lines *l, int64_t i)
{
    return i / l->apart * l->n * l->apart + i % l->apart;
}

/* Does a come before b, by value? int64 is compared as it is, as double would round it. */
static bool element_above(const struct rt_tensor *x, int64_t a, int64_t b)
{
    if (x->dtype == RT_I64)
        return ((const int64_t *)x->data)[a] > ((const int64_t *)x->data)[b];
    return rt_tensor_element(x, a) > rt_tensor_element(x, b);
}

/* ---- ArgMax, ArgMin ---- */

static int arg_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK];
    bool keep = rt_kernel_int(c, "keepdims", 1) != 0;
    struct lines l;
    int rank = 0;
    RT_TRY(lines_read(c, rt_kernel_int(c, "axis", 0), &l));
    if (l.n == 0)
        return rt_kernel_refuse(c, RT_EEMPTY, "nothing to take the largest or smallest of");
    for (int i = 0; i < x->rank; i++)
        if (keep || i != l.axis)
            dim[rank++] = i == l.axis ? 1 : x->dim[i];
    return rt_kernel_out(c, 0, RT_I64, rank, dim);
}

/* The first of equals, or the last where the node asks for it. */
static int arg_compute(struct rt_kernel_call *c)
{
    const bool *largest = c->op->kernel->how;
    const struct rt_tensor *x = c->in[0];
    bool last = rt_kernel_int(c, "select_last_index", 0) != 0;
    int64_t *y = c->out[0]->data;
    struct lines l;
    RT_TRY(lines_read(c, rt_kernel_int(c, "axis", 0), &l));
    for (int64_t i = 0; i < l.outer * l.apart; i++) {
        int64_t first = lines_first(&l, i), best = 0;
        for (int64_t k = 1; k < l.n; k++) {
            int64_t a = first + k * l.apart, b = first + best * l.apart;
            bool better = *largest ? element_above(x, a, b) : element_above(x, b, a);
            bool worse = *largest ? element_above(x, b, a) : element_above(x, a, b);
            best = better || (last && !worse) ? k : best;
        }
        y[i] = best;
    }
    return 0;
}

static const bool arg_max_how = true, arg_min_how = false;
const struct rt_kernel rt_kernel_arg_max = {1, 1, 1, arg_shape, arg_compute, &arg_max_how, NULL};
const struct rt_kernel rt_kernel_arg_min = {1, 1, 1, arg_shape, arg_compute, &arg_min_how, NULL};

/* ---- TopK: the k largest (or smallest) of each line, in order, and where they were ----
 * Sorted whole: k is an attribute before opset 10 and an input since, and lines are short in networks. */

static int top_k_count(const struct rt_kernel_call *c, int64_t *k)
{
    if (c->opset < 10)
        *k = rt_kernel_int(c, "k", 0);
    else if (rt_kernel_ints_in(c, 1, k, 1) != 1)
        return rt_kernel_refuse(c, RT_EMISMATCH, "k must be one whole number");
    return 0;
}

static int top_k_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK], k;
    struct lines l;
    RT_TRY(lines_read(c, rt_kernel_int(c, "axis", -1), &l));
    RT_TRY(top_k_count(c, &k));
    if (k < 0 || k > l.n)
        return rt_kernel_refuse(c, RT_ERANGE, "the first %lld of %lld", (long long)k, (long long)l.n);
    memcpy(dim, x->dim, sizeof dim);
    dim[l.axis] = k;
    RT_TRY(rt_kernel_out(c, 0, x->dtype, x->rank, dim));
    RT_TRY(rt_kernel_out(c, 1, RT_I64, x->rank, dim));
    c->scratch_bytes = (size_t)l.n * sizeof(int64_t);
    return 0;
}

struct order {
    const struct rt_tensor *x;
    int64_t first, apart;
    bool largest;
};

/* For qsort_r; of equals the first comes first. */
static int order_compare(const void *a, const void *b, void *self)
{
    const struct order *o = self;
    int64_t i = *(const int64_t *)a, k = *(const int64_t *)b;
    int64_t at = o->first + i * o->apart, other = o->first + k * o->apart;
    if (element_above(o->x, at, other))
        return o->largest ? -1 : 1;
    if (element_above(o->x, other, at))
        return o->largest ? 1 : -1;
    return i < k ? -1 : i > k;
}

static int top_k_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t k, *place = c->scratch;
    size_t size = rt_dtype_size(x->dtype);
    struct lines l;
    RT_TRY(lines_read(c, rt_kernel_int(c, "axis", -1), &l));
    RT_TRY(top_k_count(c, &k));
    for (int64_t i = 0; i < l.outer * l.apart; i++) {
        struct order o = {x, lines_first(&l, i), l.apart, rt_kernel_int(c, "largest", 1) != 0};
        for (int64_t m = 0; m < l.n; m++)
            place[m] = m;
        if (l.n > 0)
            qsort_r(place, (size_t)l.n, sizeof *place, order_compare, &o);
        for (int64_t m = 0; m < k; m++) {
            int64_t to = (i / l.apart * k + m) * l.apart + i % l.apart, from = o.first + place[m] * l.apart;
            if (c->out[0])
                memcpy((char *)c->out[0]->data + (size_t)to * size, (const char *)x->data + (size_t)from * size, size);
            if (c->outputs > 1 && c->out[1])
                ((int64_t *)c->out[1]->data)[to] = place[m];
        }
    }
    return 0;
}

const struct rt_kernel rt_kernel_top_k = {1, 2, 2, top_k_shape, top_k_compute, NULL, NULL};

/* ---- CumSum: sums of all before, with or without the own one, from either end ---- */

static int cum_sum_axis(const struct rt_kernel_call *c, struct lines *l)
{
    int64_t axis;
    if (rt_kernel_ints_in(c, 1, &axis, 1) != 1)
        return rt_kernel_refuse(c, RT_EMISMATCH, "the axis must be one whole number");
    return lines_read(c, axis, l);
}

static int cum_sum_shape(struct rt_kernel_call *c)
{
    struct lines l;
    if (c->in[0]->dtype == RT_U8)
        return rt_kernel_refuse_type(c, 0);
    RT_TRY(cum_sum_axis(c, &l));
    return rt_kernel_out_like(c, 0, c->in[0]);
}

/* Floats are summed in double; whole numbers wrap around. */
static int cum_sum_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    bool exclusive = rt_kernel_int(c, "exclusive", 0) != 0, reverse = rt_kernel_int(c, "reverse", 0) != 0;
    bool whole = x->dtype == RT_I64 || x->dtype == RT_I32;
    void *y = c->out[0]->data;
    struct lines l;
    RT_TRY(cum_sum_axis(c, &l));
    for (int64_t i = 0; i < l.outer * l.apart; i++) {
        double real = 0;
        uint64_t sum = 0;
        for (int64_t k = 0; k < l.n; k++) {
            int64_t at = lines_first(&l, i) + (reverse ? l.n - 1 - k : k) * l.apart;
            double own = whole ? 0 : rt_tensor_element(x, at), before = real;
            uint64_t whole_before = sum;
            real += own;
            if (whole)
                sum += x->dtype == RT_I64 ? (uint64_t)((const int64_t *)x->data)[at]
                                          : (uint64_t)((const int32_t *)x->data)[at];
            if (x->dtype == RT_F32)
                ((float *)y)[at] = (float)(exclusive ? before : real);
            else if (x->dtype == RT_F64)
                ((double *)y)[at] = exclusive ? before : real;
            else if (x->dtype == RT_I64)
                ((int64_t *)y)[at] = (int64_t)(exclusive ? whole_before : sum);
            else
                ((int32_t *)y)[at] = (int32_t)(exclusive ? whole_before : sum);
        }
    }
    return 0;
}

const struct rt_kernel rt_kernel_cum_sum = {2, 2, 1, cum_sum_shape, cum_sum_compute, NULL, NULL};
