/* SPDX-License-Identifier: MIT
 * kernel_pad: Pad, and the mapped gather it shares with kernel_resize.c. */
#include "stages/onnx/kernels/gather.h"
#include "stages/onnx/kernels/kernel.h"

#include <string.h>

/* ---- a gather by one index list for each axis ----
 * Padding in every mode, and resizing to the nearest, choose for each axis apart: the place of y at
 * (i, j) is x at (map0[i], map1[j]). So the modes fill lists, once for each axis, and the copying
 * knows none of them. */

struct gather {
    const struct rt_tensor *x, *y;
    const int64_t *map[RT_TENSOR_RANK];
    int64_t apart[RT_TENSOR_RANK]; /* elements of x between entries of an axis */
    const void *fill;
    size_t size;
};

/* A copy of four bytes known at compile time is one instruction; floats are nearly all there is. */
static inline void gather_put(char *to, const void *from, size_t size)
{
    if (size == 4)
        memcpy(to, from, 4);
    else
        memcpy(to, from, size);
}

/* Writes all of y behind `axis` for x at element `from` (-1: outside) and gives where it ends. */
static char *gather_axis(const struct gather *g, int axis, int64_t from, char *to)
{
    if (axis == g->y->rank) {
        gather_put(to, from < 0 ? g->fill : (const char *)g->x->data + (size_t)from * g->size,
                   g->size);
        return to + g->size;
    }
    for (int64_t i = 0; i < g->y->dim[axis]; i++) {
        int64_t k = g->map[axis][i];
        int64_t next = from < 0 || k < 0 ? -1 : from + k * g->apart[axis];
        if (axis + 1 < g->y->rank) {
            to = gather_axis(g, axis + 1, next, to);
        } else {
            gather_put(to, next < 0 ? g->fill : (const char *)g->x->data + (size_t)next * g->size,
                       g->size);
            to += g->size;
        }
    }
    return to;
}

/* Axis by axis, the last in a loop: an index of -1 anywhere makes the element the fill. */
void rt_gather_mapped(const struct rt_tensor *x, struct rt_tensor *y, const int64_t *map,
                      const void *fill)
{
    struct gather g = {.x = x, .y = y, .fill = fill, .size = rt_dtype_size(x->dtype)};
    int64_t apart = 1;
    for (int i = 0; i < y->rank; map += y->dim[i++])
        g.map[i] = map;
    for (int i = x->rank - 1; i >= 0; apart *= x->dim[i--])
        g.apart[i] = apart;
    gather_axis(&g, 0, 0, y->data);
}

size_t rt_gather_bytes(const struct rt_tensor *y)
{
    size_t entries = 0;
    for (int i = 0; i < y->rank; i++)
        entries += (size_t)y->dim[i];
    return entries * sizeof(int64_t);
}

/* ---- Pad: amounts and value are attributes before opset 11, inputs since; axes came with 18, wrap with 19 ---- */

/* All starts, then all ends, as ONNX has them; of the axes that are named alone, where some are. */
int rt_kernel_pads(const struct rt_kernel_call *c, int64_t pad[2 * RT_TENSOR_RANK])
{
    int64_t given[2 * RT_TENSOR_RANK], axes[RT_TENSOR_RANK];
    int rank = c->in[0]->rank, named = 0, axis;
    int n = c->opset < 11 ? rt_kernel_ints(c, "pads", given, 2 * RT_TENSOR_RANK)
                          : rt_kernel_ints_in(c, 1, given, 2 * RT_TENSOR_RANK);
    if (n >= 0 && c->opset >= 18)
        named = rt_kernel_ints_in(c, 3, axes, RT_TENSOR_RANK);
    if (n < 0 || named < 0)
        return n < 0 ? n : named;
    int count = named ? named : rank;
    if (n != 2 * count)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%d pads for %d dimensions", n, count);
    memset(pad, 0, 2 * (size_t)rank * sizeof *pad);
    for (int i = 0; i < count; i++) {
        RT_TRY(rt_kernel_axis(c, named ? axes[i] : i, rank, &axis));
        pad[axis] = given[i];
        pad[rank + axis] = given[count + i];
    }
    return 0;
}

/* Negative amounts cut; what is padded of nothing has nothing to repeat. */
static int pad_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    const char *mode = rt_kernel_text(c, "mode", "constant");
    int64_t pad[2 * RT_TENSOR_RANK], dim[RT_TENSOR_RANK];
    bool wrap = c->opset >= 19 && strcmp(mode, "wrap") == 0;
    RT_TRY(rt_kernel_pads(c, pad));
    if (strcmp(mode, "constant") != 0 && strcmp(mode, "edge") != 0 && strcmp(mode, "reflect") != 0 && !wrap)
        return rt_kernel_refuse(c, RT_EFORMAT, "mode '%s'", mode);
    if (rt_kernel_given(c, 2) &&
        (c->in[2]->dtype != x->dtype || rt_tensor_count(c->in[2]) != 1))
        return rt_kernel_refuse(c, RT_EMISMATCH, "input 2 must be one number of input 0's type");
    for (int i = 0; i < x->rank; i++) {
        int64_t n = x->dim[i], a = pad[i], b = pad[x->rank + i];
        if (__builtin_add_overflow(n, a, &dim[i]) || __builtin_add_overflow(dim[i], b, &dim[i]) ||
            dim[i] < 0 || (n == 0 && dim[i] > 0 && mode[0] != 'c'))
            return rt_kernel_refuse(c, RT_ERANGE, "axis %d: %lld entries padded by %lld and %lld", i,
                                    (long long)n, (long long)a, (long long)b);
    }
    RT_TRY(rt_kernel_out(c, 0, x->dtype, x->rank, dim));
    c->scratch_bytes = rt_gather_bytes(c->out[0]);
    return 0;
}

/* Where place i of n entries comes from in this mode. */
static int64_t pad_source(char mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    if (mode == 'c')
        return -1;
    if (mode == 'w')
        return (i % n + n) % n;
    if (mode == 'e' || n == 1)
        return i < 0 ? 0 : n - 1;
    int64_t period = 2 * (n - 1);
    i = (i % period + period) % period;
    return i < n ? i : period - i;
}

/* The value to fill with has moved from an attribute (opset 10) to an input; without either it is 0
 * of any type. */
static int pad_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t pad[2 * RT_TENSOR_RANK], *map = c->scratch;
    RT_TRY(rt_kernel_pads(c, pad));
    double zero = 0; /* all bytes zero: 0 of every type */
    float value = (float)rt_kernel_float(c, "value", 0);
    const void *fill = c->opset < 11 && x->dtype == RT_F32 ? (const void *)&value
                       : rt_kernel_given(c, 2)             ? c->in[2]->data
                                                           : (const void *)&zero;
    char mode = rt_kernel_text(c, "mode", "constant")[0];
    for (int a = 0; a < x->rank; a++)
        for (int64_t i = 0; i < c->out[0]->dim[a]; i++)
            *map++ = pad_source(mode, i - pad[a], x->dim[a]);
    rt_gather_mapped(x, c->out[0], c->scratch, fill);
    return 0;
}

const struct rt_kernel rt_kernel_pad = {1, 4, 1, pad_shape, pad_compute, NULL, NULL};
