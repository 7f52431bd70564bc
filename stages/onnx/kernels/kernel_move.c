/* SPDX-License-Identifier: MIT
 * kernel_move: operators that put elements of any type elsewhere: Transpose, Expand, Slice and Tile as
 * one walk with other steps; Concat, Split and Gather as blocks; Pad by an index per axis. */
#include "stages/onnx/kernels/kernel.h"

#include <string.h>

/* ---- walks: y (operand 0, dense) from x (operand 1) ----
 * Elements of four and eight bytes are moved as whole words whatever their type, and whole rows by
 * memcpy: the walk has joined dimensions before, so rows are as long as they can be. */

struct copying {
    const char *from;
    char *to;
    size_t size;
};

/* Types are only sizes here. */
static void move_copy_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct copying *p = self;
    const char *from = p->from + at[1] * (int64_t)p->size;
    char *to = p->to + at[0] * (int64_t)p->size;
    int64_t jump = step[1];
    if (jump == 1)
        memcpy(to, from, (size_t)n * p->size);
    else if (p->size == 4)
        for (int64_t i = 0; i < n; i++)
            ((uint32_t *)to)[i] = ((const uint32_t *)from)[i * jump];
    else if (p->size == 8)
        for (int64_t i = 0; i < n; i++)
            ((uint64_t *)to)[i] = ((const uint64_t *)from)[i * jump];
    else
        for (int64_t i = 0; i < n; i++)
            to[i] = from[i * jump];
}

/* first: where the walk begins in x, in elements; a slice may begin anywhere. */
static void move_walk(const struct rt_kernel_call *c, const struct rt_walk *w, int64_t first)
{
    size_t size = rt_dtype_size(c->in[0]->dtype);
    struct copying p = {(const char *)c->in[0]->data + first * (int64_t)size, c->out[0]->data, size};
    rt_walk_run(w, move_copy_row, &p);
}

/* Without "perm" the order is reversed. */
static int transpose_axes(const struct rt_kernel_call *c, int64_t *perm)
{
    int rank = c->in[0]->rank, n = rt_kernel_ints(c, "perm", perm, RT_TENSOR_RANK);
    unsigned seen = 0;
    if (n < 0)
        return n;
    for (int i = 0; n == 0 && i < rank; i++)
        perm[i] = rank - 1 - i;
    for (int i = 0; i < rank; i++)
        if (perm[i] >= 0 && perm[i] < rank)
            seen |= 1u << perm[i];
    if ((n != 0 && n != rank) || seen != (1u << rank) - 1)
        return rt_kernel_refuse(c, RT_EMISMATCH, "\"perm\" is no order of %d dimensions", rank);
    return 0;
}

static int transpose_shape(struct rt_kernel_call *c)
{
    int64_t perm[RT_TENSOR_RANK], dim[RT_TENSOR_RANK];
    RT_TRY(transpose_axes(c, perm));
    for (int i = 0; i < c->in[0]->rank; i++)
        dim[i] = c->in[0]->dim[perm[i]];
    return rt_kernel_out(c, 0, c->in[0]->dtype, c->in[0]->rank, dim);
}

/* y is written in order; what jumps is the reading. */
static int transpose_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *y = c->out[0];
    int64_t perm[RT_TENSOR_RANK];
    struct rt_walk w;
    RT_TRY(transpose_axes(c, perm));
    rt_walk_init(&w, 2, y->rank, y->dim);
    rt_walk_dense(&w, 0, y->rank, y->dim);
    for (int i = 0; i < y->rank; i++)
        w.step[1][i] = rt_kernel_span(x, (int)perm[i] + 1, x->rank);
    move_walk(c, &w, 0);
    return 0;
}

const struct rt_kernel rt_kernel_transpose = {1, 1, 1, transpose_shape, transpose_compute, NULL, NULL};

/* Both ways: the input may have the larger dimension, too. */
static int expand_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t want[RT_TENSOR_RANK], dim[RT_TENSOR_RANK];
    int n = rt_kernel_ints_in(c, 1, want, RT_TENSOR_RANK);
    if (n < 0)
        return n;
    int rank = n > x->rank ? n : x->rank;
    for (int i = 0; i < rank; i++) {
        int64_t a = i < rank - x->rank ? 1 : x->dim[i - rank + x->rank];
        int64_t b = i < rank - n ? 1 : want[i - rank + n];
        if (a != b && a != 1 && b != 1)
            return rt_kernel_refuse(c, RT_EMISMATCH, "dimension %d: %lld cannot become %lld", i,
                                    (long long)a, (long long)b);
        dim[i] = a == 1 ? b : a;
    }
    return rt_kernel_out(c, 0, x->dtype, rank, dim);
}

/* Only steps differ from a copy. */
static int expand_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *y = c->out[0];
    struct rt_walk w;
    rt_walk_init(&w, 2, y->rank, y->dim);
    rt_walk_dense(&w, 0, y->rank, y->dim);
    rt_walk_dense(&w, 1, x->rank, x->dim);
    move_walk(c, &w, 0);
    return 0;
}

const struct rt_kernel rt_kernel_expand = {2, 2, 1, expand_shape, expand_compute, NULL, NULL};

/* ---- Slice: attributes before opset 10, inputs since ----
 * Bounds are clamped as ONNX says, which for negative steps is not what it says for positive ones:
 * a start beyond the end is the last entry, and an end before the first is one before it. */

struct slice {
    int64_t start[RT_TENSOR_RANK], step[RT_TENSOR_RANK], dim[RT_TENSOR_RANK];
};

/* Bounds from files reach to the ends of int64, as "to the end" is written so. */
static int64_t slice_clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* One axis of n entries: where it starts and how many are taken. */
static void slice_axis(struct slice *s, int axis, int64_t n, int64_t start, int64_t end, int64_t step)
{
    start += start < 0 ? n : 0;
    end += end < 0 ? n : 0;
    start = step > 0 ? slice_clamp(start, 0, n) : slice_clamp(start, 0, n - 1);
    end = step > 0 ? slice_clamp(end, 0, n) : slice_clamp(end, -1, n - 1);
    int64_t count = 0;
    if (step > 0 && end > start)
        count = (end - start - 1) / step + 1;
    else if (step < 0 && start > end)
        count = (start - end - 1) / -step + 1;
    s->start[axis] = start;
    s->step[axis] = step;
    s->dim[axis] = n == 0 ? 0 : count;
}

/* Every axis starts as taken whole; what the node names replaces that. INT64_MIN has no positive
 * counterpart, so as a step it is refused. */
static int slice_of(const struct rt_kernel_call *c, struct slice *s)
{
    static const char *const name[] = {"starts", "ends", "axes", "steps"};
    const struct rt_tensor *x = c->in[0];
    int64_t v[4][RT_TENSOR_RANK];
    int n[4], axis;
    for (int i = 0; i < 4; i++) {
        n[i] = c->opset < 10 ? rt_kernel_ints(c, name[i], v[i], RT_TENSOR_RANK)
               : rt_kernel_given(c, i + 1) ? rt_kernel_ints_in(c, i + 1, v[i], RT_TENSOR_RANK)
                                           : 0;
        if (n[i] < 0)
            return n[i];
        if (n[i] != n[0] && !(i >= 2 && n[i] == 0))
            return rt_kernel_refuse(c, RT_EMISMATCH, "%d starts, but %d %s", n[0], n[i], name[i]);
    }
    for (int i = 0; i < x->rank; i++)
        slice_axis(s, i, x->dim[i], 0, x->dim[i], 1);
    for (int i = 0; i < n[0]; i++) {
        int rc = rt_kernel_axis(c, n[2] ? v[2][i] : i, x->rank, &axis);
        int64_t step = n[3] ? v[3][i] : 1;
        if (rc < 0)
            return rc;
        if (step == 0 || step == INT64_MIN)
            return rt_kernel_refuse(c, RT_ERANGE, "a step of %lld", (long long)step);
        slice_axis(s, axis, x->dim[axis], v[0][i], v[1][i], step);
    }
    return 0;
}

static int slice_shape(struct rt_kernel_call *c)
{
    struct slice s;
    RT_TRY(slice_of(c, &s));
    return rt_kernel_out(c, 0, c->in[0]->dtype, c->in[0]->rank, s.dim);
}

static int slice_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *y = c->out[0];
    struct slice s;
    struct rt_walk w;
    int64_t first = 0;
    int rc = slice_of(c, &s);
    if (rc < 0 || rt_tensor_count(y) == 0)
        return rc;
    rt_walk_init(&w, 2, y->rank, y->dim);
    rt_walk_dense(&w, 0, y->rank, y->dim);
    for (int i = 0; i < y->rank; i++) {
        int64_t apart = rt_kernel_span(x, i + 1, x->rank);
        first += s.start[i] * apart;
        w.step[1][i] = y->dim[i] == 1 ? 0 : s.step[i] * apart; /* huge steps take one entry */
    }
    move_walk(c, &w, first);
    return 0;
}

const struct rt_kernel rt_kernel_slice = {1, 5, 1, slice_shape, slice_compute, NULL, NULL};

/* ---- Tile ---- */

/* A count of 0 is allowed and makes an empty tensor. */
static int tile_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t times[RT_TENSOR_RANK], dim[RT_TENSOR_RANK];
    int n = rt_kernel_ints_in(c, 1, times, RT_TENSOR_RANK);
    if (n < 0)
        return n;
    if (n != x->rank)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%d repeats for %d dimensions", n, x->rank);
    for (int i = 0; i < n; i++)
        if (times[i] < 0 || __builtin_mul_overflow(times[i], x->dim[i], &dim[i]))
            return rt_kernel_refuse(c, RT_ERANGE, "%lld repeats", (long long)times[i]);
    return rt_kernel_out(c, 0, x->dtype, n, dim);
}

/* Each dimension becomes two: the repeats, and the entries of x. */
static int tile_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t times[RT_TENSOR_RANK], dim[RT_WALK_RANK];
    int n = rt_kernel_ints_in(c, 1, times, RT_TENSOR_RANK);
    struct rt_walk w;
    for (int i = 0; i < n; i++) {
        dim[2 * i] = times[i];
        dim[2 * i + 1] = x->dim[i];
    }
    rt_walk_init(&w, 2, 2 * n, dim);
    rt_walk_dense(&w, 0, 2 * n, dim);
    for (int i = 0; i < n; i++)
        w.step[1][2 * i + 1] = rt_kernel_span(x, i + 1, n);
    move_walk(c, &w, 0);
    return 0;
}

const struct rt_kernel rt_kernel_tile = {2, 2, 1, tile_shape, tile_compute, NULL, NULL};

/* ---- Concat, Split ----
 * The same blocks, in two directions: the whole has rows of all parts, one behind the other. */

static int concat_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[RT_TENSOR_RANK];
    int axis, rc = rt_kernel_axis(c, rt_kernel_int(c, "axis", 1), x->rank, &axis);
    if (rc < 0)
        return rc;
    memcpy(dim, x->dim, sizeof dim);
    for (int i = 1; i < c->inputs; i++) {
        const struct rt_tensor *t = c->in[i];
        if (!t || t->dtype != x->dtype || t->rank != x->rank)
            return rt_kernel_refuse(c, RT_EMISMATCH, "inputs 0 and %d have different types or ranks",
                                    i);
        for (int k = 0; k < x->rank; k++)
            if (k != axis && t->dim[k] != x->dim[k])
                return rt_kernel_refuse(c, RT_EMISMATCH, "dimension %d of inputs 0 and %d: %lld "
                                        "and %lld", k, i, (long long)x->dim[k],
                                        (long long)t->dim[k]);
        dim[axis] += t->dim[axis];
    }
    return rt_kernel_out(c, 0, x->dtype, x->rank, dim);
}

/* Copies between a whole tensor and a part of it that lies `at` bytes into each block. */
static void move_blocks(char *whole, size_t whole_block, char *part, size_t part_block, size_t at,
                        int64_t blocks, bool into_whole)
{
    for (int64_t i = 0; part_block > 0 && i < blocks; i++) {
        char *a = whole + (size_t)i * whole_block + at, *b = part + (size_t)i * part_block;
        memcpy(into_whole ? a : b, into_whole ? b : a, part_block);
    }
}

/* Behind the axis everything is one block: parts differ in how long their block is. */
static void move_parts(const struct rt_tensor *whole, struct rt_tensor *const *part, int parts,
                       int axis, bool into_whole)
{
    size_t size = rt_dtype_size(whole->dtype), at = 0;
    size_t block = (size_t)rt_kernel_span(whole, axis, whole->rank) * size;
    for (int i = 0; i < parts; i++) {
        size_t bytes = (size_t)rt_kernel_span(part[i], axis, whole->rank) * size;
        move_blocks(whole->data, block, part[i]->data, bytes, at, rt_kernel_span(whole, 0, axis),
                    into_whole);
        at += bytes;
    }
}

static int concat_compute(struct rt_kernel_call *c)
{
    int axis;
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", 1), c->in[0]->rank, &axis));
    move_parts(c->out[0], (struct rt_tensor *const *)c->in, c->inputs, axis, true);
    return 0;
}

const struct rt_kernel rt_kernel_concat = {1, -1, 1, concat_shape, concat_compute, NULL, NULL};

#define SPLIT_MAX 256

/* Sizes are given, or equal parts, of which since opset 18 the last may be smaller; they must add up, or the last
 * output would read beyond the input. */
static int split_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t part[SPLIT_MAX], dim[RT_TENSOR_RANK], sum = 0;
    int axis;
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", 0), x->rank, &axis));
    int n = c->opset < 13 ? rt_kernel_ints(c, "split", part, SPLIT_MAX)
            : rt_kernel_given(c, 1) ? rt_kernel_ints_in(c, 1, part, SPLIT_MAX)
                                    : 0;
    if (n < 0)
        return n;
    int64_t parts = n ? n : rt_kernel_int(c, "num_outputs", c->outputs);
    if (c->outputs > SPLIT_MAX || parts != c->outputs)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld parts for %d outputs", (long long)parts, c->outputs);
    int64_t even = c->opset < 18 ? x->dim[axis] / parts : (x->dim[axis] + parts - 1) / parts;
    for (int i = 0; i < c->outputs; i++) {
        int64_t left = x->dim[axis] - sum;
        part[i] = n ? part[i] : even < left ? even : left;
        if (part[i] < 0 || __builtin_add_overflow(sum, part[i], &sum) || !c->out[i])
            return rt_kernel_refuse(c, RT_EFORMAT, "output %d has no name or a negative size", i);
    }
    if (sum != x->dim[axis])
        return rt_kernel_refuse(c, RT_EMISMATCH, "%d parts of %lld entries in all, but axis %d has "
                                "%lld", c->outputs, (long long)sum, axis, (long long)x->dim[axis]);
    memcpy(dim, x->dim, sizeof dim);
    for (int i = 0; i < c->outputs; i++) {
        dim[axis] = part[i];
        RT_TRY(rt_kernel_out(c, i, x->dtype, x->rank, dim));
    }
    return 0;
}

static int split_compute(struct rt_kernel_call *c)
{
    int axis;
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", 0), c->in[0]->rank, &axis));
    move_parts(c->in[0], c->out, c->outputs, axis, false);
    return 0;
}

const struct rt_kernel rt_kernel_split = {1, 2, SPLIT_MAX, split_shape, split_compute, NULL, NULL};

/* ---- Gather ----
 * Indices are data in general, so one out of range is found in a run: the only move that can fail
 * there. */

static int gather_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *index = c->in[1];
    int64_t dim[2 * RT_TENSOR_RANK];
    int axis, rank = 0, rc = rt_kernel_axis(c, rt_kernel_int(c, "axis", 0), x->rank, &axis);
    if (rc < 0)
        return rc;
    if (index->dtype != RT_I64 && index->dtype != RT_I32)
        return rt_kernel_refuse_type(c, 1);
    for (int i = 0; i < axis; i++)
        dim[rank++] = x->dim[i];
    for (int i = 0; i < index->rank; i++)
        dim[rank++] = index->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        dim[rank++] = x->dim[i];
    return rt_kernel_out(c, 0, x->dtype, rank, dim);
}

/* Negative indices count from the end. */
static int gather_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *index = c->in[1];
    int axis;
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", 0), x->rank, &axis));
    size_t block = (size_t)rt_kernel_span(x, axis + 1, x->rank) * rt_dtype_size(x->dtype);
    int64_t n = rt_tensor_count(index), entries = x->dim[axis];
    char *to = c->out[0]->data;
    for (int64_t k = 0; k < rt_kernel_span(x, 0, axis); k++) {
        const char *from = (const char *)x->data + (size_t)(k * entries) * block;
        for (int64_t i = 0; i < n; i++, to += block) {
            int64_t at = index->dtype == RT_I64 ? ((const int64_t *)index->data)[i]
                                                : ((const int32_t *)index->data)[i];
            if (at < -entries || at >= entries)
                return rt_kernel_refuse(c, RT_ERANGE, "index %lld into %lld entries",
                                        (long long)at, (long long)entries);
            if (block > 0)
                memcpy(to, from + (size_t)(at < 0 ? at + entries : at) * block, block);
        }
    }
    return 0;
}

const struct rt_kernel rt_kernel_gather = {2, 2, 1, gather_shape, gather_compute, NULL, NULL};
