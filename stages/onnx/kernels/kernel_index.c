/* SPDX-License-Identifier: MIT
 * kernel_index: operators that read or write at places which a tensor of whole numbers lists:
 * GatherElements, GatherND, ScatterElements (Scatter), ScatterND, OneHot. Gather is kernel_move.c's. */
#include "stages/onnx/kernels/kernel.h"

#include <string.h>

/* ---- places ----
 * Indices are data in general, so one out of range is found in a run. Negative ones count from the end. */

static int64_t index_element(const struct rt_tensor *t, int64_t i)
{
    return t->dtype == RT_I64 ? ((const int64_t *)t->data)[i] : ((const int32_t *)t->data)[i];
}

static int index_check(const struct rt_kernel_call *c, int input)
{
    enum rt_dtype dtype = c->in[input]->dtype;
    return dtype == RT_I64 || dtype == RT_I32 ? 0 : rt_kernel_refuse_type(c, input);
}

static int index_place(const struct rt_kernel_call *c, int64_t at, int64_t n, int64_t *place)
{
    if (at < -n || at >= n)
        return rt_kernel_refuse(c, RT_ERANGE, "index %lld into %lld entries", (long long)at, (long long)n);
    *place = at < 0 ? at + n : at;
    return 0;
}

/* ---- what is written on top of what is there ----
 * Scatter operators replace, or since opset 16 add or multiply, and since 18 keep the largest or smallest. */

enum reduction { REPLACE, ADD, MULTIPLY, LARGEST, SMALLEST };

static int index_reduction(const struct rt_kernel_call *c, enum reduction *r)
{
    static const char *const name[] = {"none", "add", "mul", "max", "min"};
    const char *want = rt_kernel_text(c, "reduction", "none");
    int most = c->opset < 18 ? 3 : 5;
    enum rt_dtype dtype = c->in[0]->dtype;
    for (int i = 0; i < most; i++)
        if (strcmp(want, name[i]) == 0) {
            *r = (enum reduction)i;
            return i > 0 && (dtype == RT_BOOL || dtype == RT_U8) ? rt_kernel_refuse_type(c, 0) : 0;
        }
    return rt_kernel_refuse(c, RT_EFORMAT, "reduction '%s'", want);
}

#define COMBINE(name, type, sum, product)                                                                              \
    static void name(void *to, const void *from, int64_t n, enum reduction r)                                          \
    {                                                                                                                  \
        type *y = to;                                                                                                  \
        const type *x = from;                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type a = y[i], b = x[i];                                                                                   \
            y[i] = r == ADD ? (type)(sum) : r == MULTIPLY ? (type)(product) : (r == LARGEST) == (a > b) ? a : b;       \
        }                                                                                                              \
    }
COMBINE(combine_f32, float, a + b, a *b)
COMBINE(combine_f64, double, a + b, a *b)
COMBINE(combine_i64, int64_t, (uint64_t)a + (uint64_t)b, (uint64_t)a *(uint64_t)b)
COMBINE(combine_i32, int32_t, (uint32_t)a + (uint32_t)b, (uint32_t)a *(uint32_t)b)

static void index_write(struct rt_tensor *y, int64_t at, const struct rt_tensor *from, int64_t first, int64_t n,
                        enum reduction r)
{
    size_t size = rt_dtype_size(y->dtype);
    char *to = (char *)y->data + (size_t)at * size;
    const char *x = (const char *)from->data + (size_t)first * size;
    if (r == REPLACE)
        memcpy(to, x, (size_t)n * size);
    else if (y->dtype == RT_F32)
        combine_f32(to, x, n, r);
    else if (y->dtype == RT_F64)
        combine_f64(to, x, n, r);
    else if (y->dtype == RT_I64)
        combine_i64(to, x, n, r);
    else
        combine_i32(to, x, n, r);
}

/* ---- GatherElements, ScatterElements: an index for each element, along one axis ----
 * Both have the same walk over the indices' shape: element (i, j, k) is at (i, index, k) of the data. */

static int elements_axis(const struct rt_kernel_call *c, int *axis)
{
    const struct rt_tensor *x = c->in[0], *index = c->in[1];
    RT_TRY(index_check(c, 1));
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", 0), x->rank, axis));
    if (index->rank != x->rank)
        return rt_kernel_refuse(c, RT_EMISMATCH, "indices of rank %d for an input of rank %d", index->rank, x->rank);
    for (int i = 0; i < x->rank; i++)
        if (i != *axis && index->dim[i] > x->dim[i])
            return rt_kernel_refuse(c, RT_EMISMATCH, "dimension %d: %lld indices for %lld entries", i,
                                    (long long)index->dim[i], (long long)x->dim[i]);
    return 0;
}

/* Where element i of the indices points to in the data. */
static int elements_place(const struct rt_kernel_call *c, int axis, int64_t i, int64_t *place)
{
    const struct rt_tensor *x = c->in[0], *index = c->in[1];
    int64_t left = i, apart = 1, at = 0;
    RT_TRY(index_place(c, index_element(index, i), x->dim[axis], &at));
    *place = 0;
    for (int k = x->rank - 1; k >= 0; left /= index->dim[k], apart *= x->dim[k--])
        *place += (k == axis ? at : left % index->dim[k]) * apart;
    return 0;
}

static int gather_elements_shape(struct rt_kernel_call *c)
{
    int axis;
    RT_TRY(elements_axis(c, &axis));
    return rt_kernel_out(c, 0, c->in[0]->dtype, c->in[1]->rank, c->in[1]->dim);
}

static int gather_elements_compute(struct rt_kernel_call *c)
{
    int64_t from;
    int axis;
    RT_TRY(elements_axis(c, &axis));
    for (int64_t i = 0, n = rt_tensor_count(c->in[1]); i < n; i++) {
        RT_TRY(elements_place(c, axis, i, &from));
        index_write(c->out[0], i, c->in[0], from, 1, REPLACE);
    }
    return 0;
}

const struct rt_kernel rt_kernel_gather_elements = {2, 2, 1, gather_elements_shape, gather_elements_compute, NULL,
                                                    NULL};

static int scatter_elements_shape(struct rt_kernel_call *c)
{
    enum reduction r;
    int axis;
    RT_TRY(elements_axis(c, &axis));
    RT_TRY(index_reduction(c, &r));
    if (c->in[2]->dtype != c->in[0]->dtype || c->in[2]->rank != c->in[1]->rank ||
        memcmp(c->in[2]->dim, c->in[1]->dim, (size_t)c->in[1]->rank * sizeof *c->in[1]->dim) != 0)
        return rt_kernel_refuse(c, RT_EMISMATCH, "updates of another shape than the indices, or of another type than "
                                "the data");
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int scatter_elements_compute(struct rt_kernel_call *c)
{
    enum reduction r;
    int64_t to;
    int axis;
    RT_TRY(elements_axis(c, &axis));
    RT_TRY(index_reduction(c, &r));
    rt_kernel_copy(c);
    for (int64_t i = 0, n = rt_tensor_count(c->in[1]); i < n; i++) {
        RT_TRY(elements_place(c, axis, i, &to));
        index_write(c->out[0], to, c->in[2], i, 1, r);
    }
    return 0;
}

const struct rt_kernel rt_kernel_scatter_elements = {3, 3, 1, scatter_elements_shape, scatter_elements_compute, NULL,
                                                     NULL};

/* ---- GatherND, ScatterND: the last dimension of the indices is a place in the data's first ones ----
 * What lies behind these dimensions is one block, moved whole. */

struct blocks {
    int batch, depth;       /* dimensions that both share in front; numbers of one place */
    int64_t rows, block;    /* places in all; elements behind each */
    int64_t rows_in_a_batch;
};

static int blocks_read(const struct rt_kernel_call *c, struct blocks *b)
{
    const struct rt_tensor *x = c->in[0], *index = c->in[1];
    int64_t batch = rt_kernel_int(c, "batch_dims", 0);
    RT_TRY(index_check(c, 1));
    int64_t depth = index->rank > 0 ? index->dim[index->rank - 1] : 0;
    if (index->rank < 1 || batch < 0 || batch >= index->rank || depth < 1 || batch + depth > x->rank)
        return rt_kernel_refuse(c, RT_EMISMATCH, "places of %lld numbers behind %lld dimensions, in an input of rank "
                                "%d", (long long)depth, (long long)batch, x->rank);
    for (int i = 0; i < batch; i++)
        if (index->dim[i] != x->dim[i])
            return rt_kernel_refuse(c, RT_EMISMATCH, "dimension %d: %lld and %lld", i, (long long)x->dim[i],
                                    (long long)index->dim[i]);
    *b = (struct blocks){.batch = (int)batch, .depth = (int)depth,
                         .rows = rt_kernel_span(index, 0, index->rank - 1),
                         .rows_in_a_batch = rt_kernel_span(index, (int)batch, index->rank - 1),
                         .block = rt_kernel_span(x, (int)(batch + depth), x->rank)};
    return 0;
}

/* The element at which the block of a row begins. */
static int blocks_place(const struct rt_kernel_call *c, const struct blocks *b, int64_t row, int64_t *place)
{
    const struct rt_tensor *x = c->in[0], *index = c->in[1];
    *place = b->batch ? row / b->rows_in_a_batch : 0;
    for (int k = 0; k < b->depth; k++) {
        int64_t at = 0, n = x->dim[b->batch + k];
        RT_TRY(index_place(c, index_element(index, row * b->depth + k), n, &at));
        *place = *place * n + at;
    }
    *place *= b->block;
    return 0;
}

static int gather_nd_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *index = c->in[1];
    int64_t dim[2 * RT_TENSOR_RANK];
    struct blocks b;
    int rank = 0;
    RT_TRY(blocks_read(c, &b));
    for (int i = 0; i < index->rank - 1; i++)
        dim[rank++] = index->dim[i];
    for (int i = b.batch + b.depth; i < x->rank; i++)
        dim[rank++] = x->dim[i];
    return rt_kernel_out(c, 0, x->dtype, rank, dim);
}

static int gather_nd_compute(struct rt_kernel_call *c)
{
    struct blocks b;
    int64_t from;
    RT_TRY(blocks_read(c, &b));
    for (int64_t i = 0; i < b.rows && b.block > 0; i++) {
        RT_TRY(blocks_place(c, &b, i, &from));
        index_write(c->out[0], i * b.block, c->in[0], from, b.block, REPLACE);
    }
    return 0;
}

const struct rt_kernel rt_kernel_gather_nd = {2, 2, 1, gather_nd_shape, gather_nd_compute, NULL, NULL};

static int scatter_nd_shape(struct rt_kernel_call *c)
{
    enum reduction r;
    struct blocks b;
    RT_TRY(blocks_read(c, &b));
    RT_TRY(index_reduction(c, &r));
    if (c->in[2]->dtype != c->in[0]->dtype || rt_tensor_count(c->in[2]) != b.rows * b.block)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld updates for %lld places of %lld, or of another type than the "
                                "data", (long long)rt_tensor_count(c->in[2]), (long long)b.rows, (long long)b.block);
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int scatter_nd_compute(struct rt_kernel_call *c)
{
    enum reduction r;
    struct blocks b;
    int64_t to;
    RT_TRY(blocks_read(c, &b));
    RT_TRY(index_reduction(c, &r));
    rt_kernel_copy(c);
    for (int64_t i = 0; i < b.rows && b.block > 0; i++) {
        RT_TRY(blocks_place(c, &b, i, &to));
        index_write(c->out[0], to, c->in[2], i * b.block, b.block, r);
    }
    return 0;
}

const struct rt_kernel rt_kernel_scatter_nd = {3, 3, 1, scatter_nd_shape, scatter_nd_compute, NULL, NULL};

/* ---- OneHot: off, and on at the place that an index names ---- */

static int one_hot_axis(const struct rt_kernel_call *c, int *axis, int64_t *depth)
{
    int rank = c->in[0]->rank + 1;
    double d = rt_tensor_count(c->in[1]) == 1 ? rt_tensor_element(c->in[1], 0) : 0;
    if (!(d >= 1 && d < 1e12))
        return rt_kernel_refuse(c, RT_ERANGE, "a depth of %g", d);
    *depth = (int64_t)d;
    return rt_kernel_axis(c, rt_kernel_int(c, "axis", -1), rank, axis);
}

static int one_hot_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK + 1], depth;
    int axis;
    if (x->dtype == RT_BOOL || x->dtype == RT_U8)
        return rt_kernel_refuse_type(c, 0);
    RT_TRY(one_hot_axis(c, &axis, &depth));
    if (rt_tensor_count(c->in[2]) != 2)
        return rt_kernel_refuse(c, RT_EMISMATCH, "values must be two, off and on");
    for (int i = 0; i <= x->rank; i++)
        dim[i] = i == axis ? depth : x->dim[i - (i > axis)];
    return rt_kernel_out(c, 0, c->in[2]->dtype, x->rank + 1, dim);
}

/* An index outside of the depth turns nothing on. */
static int one_hot_compute(struct rt_kernel_call *c)
{
    struct rt_tensor *y = c->out[0];
    int64_t depth;
    int axis;
    RT_TRY(one_hot_axis(c, &axis, &depth));
    for (int64_t i = 0, n = rt_tensor_count(y); i < n; i++)
        index_write(y, i, c->in[2], 0, 1, REPLACE);
    int64_t apart = rt_kernel_span(y, axis + 1, y->rank);
    for (int64_t i = 0, n = rt_tensor_count(c->in[0]); i < n; i++) {
        double v = rt_tensor_element(c->in[0], i), at = v < 0 ? v + (double)depth : v;
        if (at >= 0 && at < (double)depth)
            index_write(y, (i / apart * depth + (int64_t)at) * apart + i % apart, c->in[2], 1, 1, REPLACE);
    }
    return 0;
}

const struct rt_kernel rt_kernel_one_hot = {3, 3, 1, one_hot_shape, one_hot_compute, NULL, NULL};
