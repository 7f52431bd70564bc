/* SPDX-License-Identifier: MIT
 * geometry: see geometry.h. */
#include "stages/onnx/kernels/geometry.h"

#include <string.h>

#define AXES RT_GEOMETRY_AXES
#define EXTENT_MAX ((int64_t)1 << 31) /* of one axis; keeps every sum below far from overflow */

/* ---- attributes ----
 * From a file, so every number has a range before anything is computed with it; the ranges are such
 * that no sum below overflows. */

/* Numbers of one attribute, one for each axis; `otherwise` when left out. */
static int geometry_read_axes(const struct rt_kernel_call *c, const char *name, int axes,
                              int64_t otherwise, int64_t low, int64_t *to)
{
    int64_t value[AXES];
    int n = rt_kernel_ints(c, name, value, AXES);
    if (n < 0)
        return n;
    if (n != 0 && n != axes)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%s has %d numbers for %d axes", name, n, axes);
    for (int i = 0; i < axes; i++) {
        int64_t v = n ? value[i] : otherwise;
        if (v < low || v > EXTENT_MAX)
            return rt_kernel_refuse(c, RT_ERANGE, "%s: %lld", name, (long long)v);
        to[AXES - axes + i] = v;
    }
    return 0;
}

static int geometry_read_pads(struct rt_geometry *g, const struct rt_kernel_call *c)
{
    int64_t value[2 * AXES];
    int n = rt_kernel_ints(c, "pads", value, 2 * AXES), skip = AXES - g->axes;
    if (n < 0)
        return n;
    if (n != 0 && n != 2 * g->axes)
        return rt_kernel_refuse(c, RT_EMISMATCH, "pads has %d numbers for %d axes", n, g->axes);
    for (int i = 0; i < n; i++) {
        if (value[i] < 0 || value[i] > EXTENT_MAX)
            return rt_kernel_refuse(c, RT_ERANGE, "pads: %lld", (long long)value[i]);
        (i < g->axes ? g->before + i : g->after + i - g->axes)[skip] = value[i];
    }
    return 0;
}

/* ---- what all have in common ----
 * Missing leading axes count as axes of 1, so convolution and pooling are written for three, and
 * 1-D and 2-D ones pay for loops of one round. */

static int geometry_start(struct rt_geometry *g, const struct rt_kernel_call *c,
                          const struct rt_tensor *x, const int64_t *kernel)
{
    memset(g, 0, sizeof *g);
    g->axes = x->rank - 2;
    if (g->axes < 1 || g->axes > AXES)
        return rt_kernel_refuse(c, RT_EMISMATCH, "input of rank %d; [n, c] and 1 to %d axes are "
                                "wanted", x->rank, AXES);
    for (int i = 0; i < AXES; i++)
        g->in[i] = g->out[i] = g->kernel[i] = g->stride[i] = g->dilation[i] = 1;
    for (int i = 0; i < g->axes; i++) {
        g->kernel[AXES - g->axes + i] = kernel[i];
        if (kernel[i] < 1 || kernel[i] > EXTENT_MAX || x->dim[2 + i] > EXTENT_MAX)
            return rt_kernel_refuse(c, RT_ERANGE, "a kernel of %lld over %lld",
                                    (long long)kernel[i], (long long)x->dim[2 + i]);
    }
    RT_TRY(geometry_read_axes(c, "strides", g->axes, 1, 1, g->stride));
    RT_TRY(geometry_read_axes(c, "dilations", g->axes, 1, 1, g->dilation));
    return geometry_read_pads(g, c);
}

/* Products of three axes may still overflow, so these are checked, not bounded. */
static int geometry_finish(struct rt_geometry *g, const struct rt_kernel_call *c)
{
    g->in_count = g->out_count = g->taps = 1;
    for (int i = 0; i < AXES; i++)
        if (__builtin_mul_overflow(g->in_count, g->in[i], &g->in_count) ||
            __builtin_mul_overflow(g->out_count, g->out[i], &g->out_count) ||
            __builtin_mul_overflow(g->taps, g->kernel[i], &g->taps))
            return rt_kernel_refuse(c, RT_ELARGE, "windows beyond counting");
    return 0;
}

/* ---- padding ----
 * auto_pad is an older way of saying how much. SAME splits an odd amount, and its two kinds differ
 * in which end gets the rest. */

static int64_t geometry_reach(const struct rt_geometry *g, int i)
{
    return (g->kernel[i] - 1) * g->dilation[i] + 1;
}

/* lower: the odd one goes before. */
static void geometry_split_padding(struct rt_geometry *g, int i, int64_t total, bool lower)
{
    total = total < 0 ? 0 : total;
    g->before[i] = lower ? total - total / 2 : total / 2;
    g->after[i] = total - g->before[i];
}

/* Which of the four ways of padding: 0 as given, 1 none, 2 same with the odd one behind, 3 before. */
static int geometry_padding_mode(const struct rt_kernel_call *c, int *mode)
{
    static const char *const name[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    const char *want = rt_kernel_text(c, "auto_pad", "NOTSET");
    for (*mode = 0; *mode < 4; ++*mode)
        if (strcmp(want, name[*mode]) == 0)
            return 0;
    return rt_kernel_refuse(c, RT_EFORMAT, "auto_pad '%s'", want);
}

/* ---- extents ----
 * Of the output, or for a transposed convolution of what is its output; both are told by which
 * convolution joins them, so one struct serves both. */

int rt_geometry_read(struct rt_geometry *g, const struct rt_kernel_call *c,
                     const struct rt_tensor *x, const int64_t *kernel)
{
    int mode = 0;
    RT_TRY(geometry_start(g, c, x, kernel));
    RT_TRY(geometry_padding_mode(c, &mode));
    bool ceil_mode = rt_kernel_int(c, "ceil_mode", 0) != 0;
    for (int i = AXES - g->axes; i < AXES; i++) {
        int64_t n = g->in[i] = x->dim[2 + i - (AXES - g->axes)], s = g->stride[i];
        if (mode == 1)
            g->before[i] = g->after[i] = 0;
        if (mode >= 2) {
            g->out[i] = (n + s - 1) / s;
            geometry_split_padding(g, i, (g->out[i] - 1) * s + geometry_reach(g, i) - n, mode == 3);
            continue;
        }
        int64_t room = n + g->before[i] + g->after[i] - geometry_reach(g, i);
        if (room < 0)
            return rt_kernel_refuse(c, RT_EMISMATCH, "a kernel that reaches over %lld of %lld "
                                    "entries, padding included", (long long)geometry_reach(g, i),
                                    (long long)(n + g->before[i] + g->after[i]));
        g->out[i] = (ceil_mode ? room + s - 1 : room) / s + 1;
        /* A window that would begin behind the data is left out, as PyTorch does. */
        if (ceil_mode && g->out[i] > 1 && (g->out[i] - 1) * s >= n + g->before[i])
            g->out[i]--;
    }
    return geometry_finish(g, c);
}

int rt_geometry_read_transposed(struct rt_geometry *g, const struct rt_kernel_call *c,
                                const struct rt_tensor *x, const int64_t *kernel)
{
    int64_t more[AXES] = {0}, want[AXES] = {0};
    int mode = 0;
    RT_TRY(geometry_start(g, c, x, kernel));
    RT_TRY(geometry_padding_mode(c, &mode));
    RT_TRY(geometry_read_axes(c, "output_padding", g->axes, 0, 0, more));
    RT_TRY(geometry_read_axes(c, "output_shape", g->axes, 0, 0, want));
    for (int i = AXES - g->axes; i < AXES; i++) {
        int64_t n = g->out[i] = x->dim[2 + i - (AXES - g->axes)], s = g->stride[i];
        int64_t whole = (n - 1) * s + more[i] + geometry_reach(g, i);
        if (mode == 1)
            g->before[i] = g->after[i] = 0;
        if (want[i] > 0 || mode >= 2) {
            g->in[i] = want[i] > 0 ? want[i] : n * s;
            geometry_split_padding(g, i, whole - g->in[i], mode != 2);
        } else {
            g->in[i] = whole - g->before[i] - g->after[i];
        }
        if (g->in[i] < 1)
            return rt_kernel_refuse(c, RT_EMISMATCH, "an output of %lld entries",
                                    (long long)g->in[i]);
    }
    return geometry_finish(g, c);
}

/* Solved for the output places instead of testing each, so loops over a tap have no branch. */
void rt_geometry_inside(const struct rt_geometry *g, int axis, int64_t k, int64_t *from,
                        int64_t *to)
{
    int64_t s = g->stride[axis], left = g->before[axis] - k * g->dilation[axis];
    *from = left > 0 ? (left + s - 1) / s : 0; /* o s - left >= 0 */
    int64_t room = g->in[axis] + left;         /* o s < room */
    *to = room <= 0 ? 0 : (room + s - 1) / s;
    *to = *to > g->out[axis] ? g->out[axis] : *to;
    *from = *from > *to ? *to : *from;
}
