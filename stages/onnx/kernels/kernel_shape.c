/* SPDX-License-Identifier: MIT
 * kernel_shape: operators about shapes: the same elements in another shape (Reshape, Flatten, Squeeze,
 * Unsqueeze), and those that make a tensor out of a shape or of nothing (Shape, Size, Constant,
 * ConstantOfShape, Range). */
#include "stages/onnx/kernels/kernel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Reshape ----
 * Nothing is moved: rt_kernel_copy as computation tells frozen.c that the output is the input's
 * memory. */

/* The wanted shape is written out, since it mostly comes from a chain of small operators that
 * nobody sees. */
static int reshape_refuse(const struct rt_kernel_call *c, int n, const int64_t *want)
{
    char text[200];
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", i ? "," : "",
                                 (long long)want[i]);
    return rt_kernel_refuse(c, RT_EMISMATCH, "%lld numbers do not fit the shape [%s]",
                            (long long)rt_tensor_count(c->in[0]), n ? text : "");
}

/* 0 copies a dimension of the input, one -1 is what is left; both are ONNX's. */
static int reshape_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t want[RT_TENSOR_RANK], dim[RT_TENSOR_RANK], count;
    bool zero_is_zero = rt_kernel_int(c, "allowzero", 0) != 0;
    int n = rt_kernel_ints_in(c, 1, want, RT_TENSOR_RANK), open = -1;
    size_t bytes;
    if (n < 0)
        return n;
    for (int i = 0; i < n; i++) {
        dim[i] = want[i];
        if (want[i] == 0 && !zero_is_zero) {
            if (i >= x->rank)
                return reshape_refuse(c, n, want);
            dim[i] = x->dim[i];
        } else if (want[i] == -1 && open < 0) {
            open = i;
            dim[i] = 1;
        } else if (want[i] < 0) {
            return reshape_refuse(c, n, want);
        }
    }
    if (rt_tensor_size(x->dtype, n, dim, &count, &bytes) < 0)
        return reshape_refuse(c, n, want);
    if (open >= 0) {
        if (count == 0 || rt_tensor_count(x) % count != 0)
            return reshape_refuse(c, n, want);
        dim[open] = rt_tensor_count(x) / count;
        count *= dim[open];
    }
    if (count != rt_tensor_count(x))
        return reshape_refuse(c, n, want);
    return rt_kernel_out(c, 0, x->dtype, n, dim);
}

const struct rt_kernel rt_kernel_reshape = {2, 2, 1, reshape_shape, rt_kernel_copy, NULL, NULL};

/* ---- Flatten ---- */

/* axis may be the rank itself: then all is before it. */
static int flatten_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t axis = rt_kernel_int(c, "axis", 1);
    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis > x->rank)
        return rt_kernel_refuse(c, RT_ERANGE, "axis %lld of an input of rank %d", (long long)axis,
                                x->rank);
    int64_t dim[2] = {rt_kernel_span(x, 0, (int)axis), rt_kernel_span(x, (int)axis, x->rank)};
    return rt_kernel_out(c, 0, x->dtype, 2, dim);
}

const struct rt_kernel rt_kernel_flatten = {1, 1, 1, flatten_shape, rt_kernel_copy, NULL, NULL};

/* ---- Squeeze, Unsqueeze: axes are an attribute before opset 13, an input since ----
 * As Reshape, with the dimensions said one by one. */

static int squeeze_axes(const struct rt_kernel_call *c, int64_t *axis)
{
    return c->opset < 13 ? rt_kernel_ints(c, "axes", axis, RT_TENSOR_RANK)
                         : rt_kernel_ints_in(c, 1, axis, RT_TENSOR_RANK);
}

/* Without axes all ones go. */
static int squeeze_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t axis[RT_TENSOR_RANK], dim[RT_TENSOR_RANK];
    bool drop[RT_TENSOR_RANK] = {false};
    int n = squeeze_axes(c, axis), rank = 0, at;
    if (n < 0)
        return n;
    for (int i = 0; i < n; i++) {
        int rc = rt_kernel_axis(c, axis[i], x->rank, &at);
        if (rc < 0)
            return rc;
        if (x->dim[at] != 1)
            return rt_kernel_refuse(c, RT_EMISMATCH, "axis %d has %lld entries, not 1", at,
                                    (long long)x->dim[at]);
        drop[at] = true;
    }
    for (int i = 0; i < x->rank; i++)
        if (n == 0 ? x->dim[i] != 1 : !drop[i])
            dim[rank++] = x->dim[i];
    return rt_kernel_out(c, 0, x->dtype, rank, dim);
}

const struct rt_kernel rt_kernel_squeeze = {1, 2, 1, squeeze_shape, rt_kernel_copy, NULL, NULL};

/* Axes count in the result, so the rank is known before they are read. */
static int unsqueeze_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t axis[RT_TENSOR_RANK], dim[RT_TENSOR_RANK];
    bool fresh[RT_TENSOR_RANK] = {false};
    int n = squeeze_axes(c, axis), rank, at, from = 0;
    if (n < 0)
        return n;
    rank = x->rank + n;
    if (rank > RT_TENSOR_RANK)
        return rt_kernel_refuse(c, RT_ERANGE, "%d dimensions; at most %d are read", rank,
                                RT_TENSOR_RANK);
    for (int i = 0; i < n; i++) {
        int rc = rt_kernel_axis(c, axis[i], rank, &at);
        if (rc < 0)
            return rc;
        if (fresh[at])
            return rt_kernel_refuse(c, RT_EFORMAT, "axis %d is given twice", at);
        fresh[at] = true;
    }
    for (int i = 0; i < rank; i++)
        dim[i] = fresh[i] ? 1 : x->dim[from++];
    return rt_kernel_out(c, 0, x->dtype, rank, dim);
}

const struct rt_kernel rt_kernel_unsqueeze = {1, 2, 1, unsqueeze_shape, rt_kernel_copy, NULL, NULL};

/* ---- Shape, Size ----
 * Known as soon as the input's shape is (RT_KERNEL_BY_SHAPE), so these are always folded, and with
 * them the arithmetic that exporters put behind them. */

/* start and end came with opset 15 and clamp. */
static void shape_range(const struct rt_kernel_call *c, int64_t *from, int64_t *to)
{
    int64_t rank = c->in[0]->rank, end[2] = {rt_kernel_int(c, "start", 0),
                                             rt_kernel_int(c, "end", rank)};
    for (int i = 0; i < 2; i++) {
        end[i] += end[i] < 0 ? rank : 0;
        end[i] = end[i] < 0 ? 0 : end[i] > rank ? rank : end[i];
    }
    *from = end[0];
    *to = end[1] < end[0] ? end[0] : end[1];
}

static int shape_shape(struct rt_kernel_call *c)
{
    int64_t from, to;
    shape_range(c, &from, &to);
    to -= from;
    return rt_kernel_out(c, 0, RT_I64, 1, &to);
}

/* Runs when the graph is made, never later. */
static int shape_compute(struct rt_kernel_call *c)
{
    int64_t from, to;
    shape_range(c, &from, &to);
    for (int64_t i = from; i < to; i++)
        ((int64_t *)c->out[0]->data)[i - from] = c->in[0]->dim[i];
    return 0;
}

const struct rt_kernel rt_kernel_shape = {1, 1, 1, shape_shape, shape_compute, NULL, NULL};

static int size_shape(struct rt_kernel_call *c)
{
    return rt_kernel_out(c, 0, RT_I64, 0, NULL);
}

static int size_compute(struct rt_kernel_call *c)
{
    *(int64_t *)c->out[0]->data = rt_tensor_count(c->in[0]);
    return 0;
}

const struct rt_kernel rt_kernel_size = {1, 1, 1, size_shape, size_compute, NULL, NULL};

/* ---- Constant, ConstantOfShape, Range ----
 * Without inputs, or with known ones: folded too. A Range asks for memory by three numbers of the
 * file, so its count is bounded. */

/* The tensor an attribute holds; numbers given as value_float and so on stand in *number. */
static const struct rt_tensor *constant_tensor(const struct rt_kernel_call *c)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(c->node, "value");
    return a && a->kind == RT_ONNX_TENSOR ? &a->t : NULL;
}

/* Since opset 12 a constant may be a number or a list instead of a tensor. */
static const struct rt_onnx_attr *constant_scalar(const struct rt_kernel_call *c)
{
    static const char *const name[] = {"value_float", "value_int", "value_floats", "value_ints"};
    for (int i = 0; i < 4; i++) {
        const struct rt_onnx_attr *a = rt_onnx_attr(c->node, name[i]);
        if (a)
            return a;
    }
    return NULL;
}

/* Of types that are not read the tensor is not there: said as such. */
static int constant_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = constant_tensor(c);
    const struct rt_onnx_attr *a = t ? NULL : constant_scalar(c);
    if (t) {
        c->made = rt_onnx_attr(c->node, "value")->type;
        return rt_kernel_out_like(c, 0, t);
    }
    if (!a)
        return rt_kernel_refuse(c, RT_EFORMAT, "no value of a type that is read (float, double, "
                                               "int32, int64, bool)");
    bool whole = a->kind == RT_ONNX_INT || a->kind == RT_ONNX_INTS;
    int64_t n = a->count;
    return rt_kernel_out(c, 0, whole ? RT_I64 : RT_F32,
                         a->kind == RT_ONNX_INTS || a->kind == RT_ONNX_FLOATS, &n);
}

static int constant_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = constant_tensor(c);
    const struct rt_onnx_attr *a = t ? NULL : constant_scalar(c);
    struct rt_tensor *y = c->out[0];
    if (t && rt_tensor_bytes(t) > 0)
        memcpy(y->data, t->data, rt_tensor_bytes(t));
    if (a && a->kind == RT_ONNX_INT)
        *(int64_t *)y->data = a->i;
    else if (a && a->kind == RT_ONNX_FLOAT)
        *(float *)y->data = (float)a->f;
    else if (a && rt_tensor_bytes(y) > 0)
        memcpy(y->data, a->kind == RT_ONNX_INTS ? (const void *)a->ints : (const void *)a->floats,
               rt_tensor_bytes(y));
    return 0;
}

const struct rt_kernel rt_kernel_constant = {0, 0, 1, constant_shape, constant_compute, NULL, NULL};

/* Without a value it is float zeros. */
static int filled_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = constant_tensor(c);
    int64_t dim[RT_TENSOR_RANK];
    int n = rt_kernel_ints_in(c, 0, dim, RT_TENSOR_RANK);
    if (n < 0)
        return n;
    if (t ? rt_tensor_count(t) != 1 : rt_onnx_attr(c->node, "value") != NULL)
        return rt_kernel_refuse(c, RT_EFORMAT, "\"value\" must be one number of type float, "
                                               "double, int32, int64 or bool");
    return rt_kernel_out(c, 0, t ? t->dtype : RT_F32, n, dim);
}

/* Element by element, by size: any type. */
static int filled_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = constant_tensor(c);
    struct rt_tensor *y = c->out[0];
    size_t size = rt_dtype_size(y->dtype);
    memset(y->data, 0, rt_tensor_bytes(y));
    for (int64_t i = 0, n = t ? rt_tensor_count(y) : 0; i < n; i++)
        memcpy((char *)y->data + (size_t)i * size, t->data, size);
    return 0;
}

const struct rt_kernel rt_kernel_constant_of_shape = {1, 1, 1, filled_shape, filled_compute, NULL, NULL};

/* Not finite is refused with the numbers, as the comparison is false for NaN. */
static int range_shape(struct rt_kernel_call *c)
{
    double v[3];
    for (int i = 0; i < 3; i++) {
        if (c->in[i]->dtype != c->in[0]->dtype || c->in[i]->dtype == RT_U8 ||
            c->in[i]->dtype == RT_BOOL)
            return rt_kernel_refuse_type(c, i);
        if (rt_tensor_count(c->in[i]) != 1)
            return rt_kernel_refuse(c, RT_EMISMATCH, "input %d must be one number", i);
        v[i] = rt_tensor_element(c->in[i], 0);
    }
    double count = ceil((v[1] - v[0]) / v[2]);
    if (!(count < 1e12))
        return rt_kernel_refuse(c, RT_ERANGE, "from %g to %g in steps of %g", v[0], v[1], v[2]);
    int64_t n = count > 0 ? (int64_t)count : 0;
    return rt_kernel_out(c, 0, c->in[0]->dtype, 1, &n);
}

/* start + i * step, not a running sum, which would drift. */
static int range_compute(struct rt_kernel_call *c)
{
    struct rt_tensor *y = c->out[0];
    double from = rt_tensor_element(c->in[0], 0), step = rt_tensor_element(c->in[2], 0);
    for (int64_t i = 0; i < y->dim[0]; i++) {
        double v = from + (double)i * step;
        if (y->dtype == RT_F32)
            ((float *)y->data)[i] = (float)v;
        else if (y->dtype == RT_F64)
            ((double *)y->data)[i] = v;
        else if (y->dtype == RT_I32)
            ((int32_t *)y->data)[i] = (int32_t)v;
        else
            ((int64_t *)y->data)[i] = (int64_t)v;
    }
    return 0;
}

const struct rt_kernel rt_kernel_range = {3, 3, 1, range_shape, range_compute, NULL, NULL};
