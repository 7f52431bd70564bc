/* SPDX-License-Identifier: MIT
 * kernel_resize: Resize and Upsample. Nearest picks an index per axis; linear and cubic go through one
 * axis after the other with a few weighted taps for each place, more where antialias wants it. */
#include "stages/onnx/kernels/gather.h"
#include "stages/onnx/kernels/kernel.h"

#include <math.h>
#include <string.h>

#define TAPS_MAX RT_RESIZE_TAPS
#define SCALES RT_TENSOR_RANK

enum coordinate { HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, TF_HALF_PIXEL, TF_CROP, SYMMETRIC };
enum nearest { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };

/* Everything about one use, after its attributes and small inputs. */
struct resize {
    enum coordinate coordinate;
    enum nearest nearest;
    int taps; /* 1 nearest, 2 linear, 4 cubic */
    double cubic;
    bool exclude_outside, antialias;
    float extrapolation;
    int named, axis[SCALES]; /* the dimensions that sizes, scales and roi are for, in their order */
    int64_t in[SCALES], out[SCALES];
    double scale[SCALES], start[SCALES], end[SCALES];
    bool changed[SCALES];
    double stretch[SCALES]; /* of the filter: above 1 where antialias takes more places in */
    int64_t width[SCALES];  /* taps of a place: `taps`, or as many as the stretched filter reaches */
};

/* ---- attributes and small inputs ----
 * Exporters differ in all of them: six ways of counting places, four of rounding, sizes or scales.
 * All are read into one struct first, so that the two computations below see numbers only. */

static int resize_read_word(const struct rt_kernel_call *c, const char *name, const char *otherwise,
                            const char *const *word, int words, int *to)
{
    const char *want = rt_kernel_text(c, name, otherwise);
    for (*to = 0; *to < words; ++*to)
        if (strcmp(want, word[*to]) == 0)
            return 0;
    return rt_kernel_refuse(c, RT_EFORMAT, "%s '%s'", name, want);
}

/* Before opset 11 there was one way of counting, which has a name since. */
static int resize_read_modes(const struct rt_kernel_call *c, struct resize *r)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const places[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                         "asymmetric", "tf_half_pixel_for_nn",
                                         "tf_crop_and_resize", "half_pixel_symmetric"};
    static const char *const rounding[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                           "ceil"};
    static const int taps[] = {1, 2, TAPS_MAX};
    bool old = c->opset < 11; /* Resize 10 and Upsample know one way only */
    int mode = 0, place = 0, round = 0;
    RT_TRY(resize_read_word(c, "mode", "nearest", modes, old ? 2 : 3, &mode));
    RT_TRY(resize_read_word(c, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel",
                            places, c->opset < 19 ? 6 : 7, &place));
    RT_TRY(resize_read_word(c, "nearest_mode", old ? "floor" : "round_prefer_floor", rounding, 4,
                            &round));
    r->taps = taps[mode];
    r->coordinate = (enum coordinate)place;
    r->nearest = (enum nearest)round;
    r->cubic = rt_kernel_float(c, "cubic_coeff_a", -0.75);
    r->exclude_outside = rt_kernel_int(c, "exclude_outside", 0) != 0;
    r->extrapolation = (float)rt_kernel_float(c, "extrapolation_value", 0);
    if (r->taps > 1 && c->in[0]->dtype != RT_F32)
        return rt_kernel_refuse_type(c, 0);
    r->antialias = r->taps > 1 && rt_kernel_int(c, "antialias", 0) != 0;
    return 0;
}

/* An input may be there and empty: exporters write that for one they leave out. */
static bool resize_has_numbers(const struct rt_kernel_call *c, int i)
{
    return rt_kernel_given(c, i) && rt_tensor_count(c->in[i]) > 0;
}

/* Which dimensions sizes, scales and roi are for: all, or since opset 18 those that are named. */
static int resize_read_axes(const struct rt_kernel_call *c, struct resize *r)
{
    int64_t axes[SCALES];
    int n = rt_kernel_ints(c, "axes", axes, SCALES);
    if (n < 0)
        return n;
    r->named = n ? n : c->in[0]->rank;
    for (int i = 0; i < r->named; i++)
        RT_TRY(rt_kernel_axis(c, n ? axes[i] : i, c->in[0]->rank, &r->axis[i]));
    for (int i = 0; i < c->in[0]->rank; i++) {
        r->in[i] = r->out[i] = c->in[0]->dim[i];
        r->scale[i] = r->end[i] = 1;
    }
    return 0;
}

/* Sizes are final, or bounds of a picture that keeps its proportions. */
static int resize_read_sizes(const struct rt_kernel_call *c, struct resize *r)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int64_t size[SCALES];
    int policy = 0, n = rt_kernel_ints_in(c, 3, size, SCALES);
    RT_TRY(resize_read_word(c, "keep_aspect_ratio_policy", "stretch", policies, 3, &policy));
    if (n != r->named)
        return n;
    double common = policy == 1 ? INFINITY : 0;
    for (int i = 0; i < n; i++) {
        double scale = (double)size[i] / (double)r->in[r->axis[i]];
        common = policy == 1 ? fmin(common, scale) : fmax(common, scale);
    }
    for (int i = 0; i < n; i++) {
        int a = r->axis[i];
        double extent = floor(common * (double)r->in[a] + 0.5);
        r->out[a] = policy == 0 ? size[i] : extent >= 0 && extent < 1e9 ? (int64_t)extent : -1;
        r->scale[a] = policy == 0 ? (double)r->out[a] / (double)r->in[a] : common;
    }
    return n;
}

/* As single-precision products, as ONNX means them. */
static int resize_set_scales(struct resize *r, const float *scale, int n)
{
    for (int i = 0; i < n && n == r->named; i++) {
        int a = r->axis[i];
        float extent = (float)r->in[a] * scale[i];
        r->scale[a] = scale[i];
        r->out[a] = extent >= 0 && extent < 1e9f ? (int64_t)extent : -1;
    }
    return n;
}

/* Output extents from sizes or from scales, which have been an attribute, input 1 and input 2. */
static int resize_read_extents(const struct rt_kernel_call *c, struct resize *r)
{
    const struct rt_tensor *x = c->in[0];
    const struct rt_onnx_attr *attribute = c->opset < 9 ? rt_onnx_attr(c->node, "scales") : NULL;
    int scales = c->opset < 11 ? 1 : 2, n = -1;
    if (c->opset >= 11 && resize_has_numbers(c, 3))
        n = resize_read_sizes(c, r);
    else if (attribute)
        n = resize_set_scales(r, attribute->floats, attribute->count);
    else if (resize_has_numbers(c, scales) && c->in[scales]->dtype == RT_F32)
        n = resize_set_scales(r, c->in[scales]->data, (int)rt_tensor_count(c->in[scales]));
    if (n != r->named)
        return rt_kernel_refuse(c, RT_EMISMATCH, "neither sizes nor scales with one number for each "
                                "of %d dimensions", r->named);
    for (int i = 0; i < x->rank; i++) {
        if (r->out[i] < 0 || !(r->scale[i] > 0) || (r->in[i] == 0 && r->out[i] > 0))
            return rt_kernel_refuse(c, RT_ERANGE, "axis %d: %lld entries to %lld", i,
                                    (long long)r->in[i], (long long)r->out[i]);
    }
    return 0;
}

/* All starts, then all ends, as fractions of each axis. */
static int resize_read_roi(const struct rt_kernel_call *c, struct resize *r)
{
    int n = r->named;
    if (r->coordinate != TF_CROP)
        return 0;
    if (!resize_has_numbers(c, 1) || rt_tensor_count(c->in[1]) != 2 * n)
        return rt_kernel_refuse(c, RT_EMISMATCH, "tf_crop_and_resize without a roi of %d numbers",
                                2 * n);
    for (int i = 0; i < n; i++) {
        r->start[r->axis[i]] = rt_tensor_element(c->in[1], i);
        r->end[r->axis[i]] = rt_tensor_element(c->in[1], n + i);
    }
    return 0;
}

/* An axis counts as changed when its size, its scale or its crop says so: a scale of 1.1 on 5
 * places keeps 5 and still moves them. */
static int resize_read(const struct rt_kernel_call *c, struct resize *r)
{
    memset(r, 0, sizeof *r);
    RT_TRY(resize_read_modes(c, r));
    RT_TRY(resize_read_axes(c, r));
    RT_TRY(resize_read_extents(c, r));
    RT_TRY(resize_read_roi(c, r));
    for (int i = 0; i < c->in[0]->rank; i++) {
        bool crop = r->coordinate == TF_CROP && (r->start[i] != 0 || r->end[i] != 1);
        r->changed[i] = crop || r->in[i] != r->out[i] || r->scale[i] != 1;
        r->stretch[i] = r->antialias && r->scale[i] < 1 ? fmin(1 / r->scale[i], 1e9) : 1; /* no axis is longer */
        r->width[i] = r->taps == 1 ? 1 : 2 * (int64_t)ceil(r->taps / 2 * r->stretch[i]);
    }
    return 0;
}

/* Taps of the axis that has most. */
static int64_t resize_most_taps(const struct resize *r, int rank)
{
    int64_t most = 0;
    for (int i = 0; i < rank; i++)
        most = r->out[i] * r->width[i] > most ? r->out[i] * r->width[i] : most;
    return most;
}

/* Memory for the lists of places, or for two buffers and the taps of the longest axis. */
static int resize_shape(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    struct resize r;
    RT_TRY(resize_read(c, &r));
    RT_TRY(rt_kernel_out(c, 0, x->dtype, x->rank, r.out));
    if (r.taps == 1) {
        c->scratch_bytes = rt_gather_bytes(c->out[0]);
        return 0;
    }
    /* Between axes no result has more than this many numbers. */
    int64_t extent[SCALES], count;
    size_t bytes;
    for (int i = 0; i < x->rank; i++)
        extent[i] = r.out[i] > r.in[i] ? r.out[i] : r.in[i];
    int rc = rt_tensor_size(RT_F32, x->rank, extent, &count, &bytes);
    if (rc < 0)
        return rt_kernel_refuse(c, rc, "results between axes are too large");
    c->scratch_bytes = 2 * (bytes + 64) + (size_t)resize_most_taps(&r, x->rank) * (sizeof(int64_t) + sizeof(double));
    return 0;
}

/* ---- places ----
 * The formulas are ONNX's own, in double. tf_crop_and_resize alone can leave the input. */

/* Place i of an output axis in the input's own counting. */
static double resize_coordinate(const struct resize *r, int axis, int64_t i)
{
    double x = (double)i, in = (double)r->in[axis], out = (double)r->out[axis];
    double scale = r->scale[axis], start = r->start[axis], end = r->end[axis];
    switch (r->coordinate) {
    case HALF_PIXEL:
        return (x + 0.5) / scale - 0.5;
    case PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case ALIGN_CORNERS:
        return out > 1 ? x * (in - 1) / (out - 1) : 0;
    case ASYMMETRIC:
        return x / scale;
    case TF_HALF_PIXEL:
        return (x + 0.5) / scale;
    case SYMMETRIC: /* what rounding the output's size has cut off is split between both ends */
        return in / 2 * (1 - out / (scale * in)) + (x + 0.5) / scale - 0.5;
    default:
        return out > 1 ? start * (in - 1) + x * (end - start) * (in - 1) / (out - 1)
                       : 0.5 * (start + end) * (in - 1);
    }
}

static int64_t resize_clamp(double v, int64_t n)
{
    return v < 0 ? 0 : v > (double)(n - 1) ? n - 1 : (int64_t)v;
}

/* The crop's places alone can lie outside; all others are clamped. */
static bool resize_outside(const struct resize *r, int axis, double at)
{
    return r->coordinate == TF_CROP && (at < 0 || at > (double)(r->in[axis] - 1));
}

/* ---- nearest ----
 * A list of places for each axis, then the gather that Pad uses, which moves elements of any type.
 */

static int64_t resize_nearest_place(const struct resize *r, int axis, int64_t i)
{
    double at = resize_coordinate(r, axis, i);
    if (!r->changed[axis])
        return i;
    if (resize_outside(r, axis, at))
        return -1;
    double near = r->nearest == FLOOR          ? floor(at)
                  : r->nearest == CEIL         ? ceil(at)
                  : r->nearest == PREFER_FLOOR ? ceil(at - 0.5)
                                               : floor(at + 0.5);
    return resize_clamp(near, r->in[axis]);
}

static void resize_nearest(const struct rt_kernel_call *c, const struct resize *r)
{
    int64_t *map = c->scratch, wide = (int64_t)r->extrapolation;
    const void *fill = c->in[0]->dtype == RT_F32 ? (const void *)&r->extrapolation : &wide;
    for (int a = 0; a < c->in[0]->rank; a++)
        for (int64_t i = 0; i < r->out[a]; i++)
            *map++ = resize_nearest_place(r, a, i);
    rt_gather_mapped(c->in[0], c->out[0], c->scratch, fill);
}

/* ---- linear and cubic ----
 * One axis after the other: 2 + 2 taps instead of 4, 4 + 4 instead of 16. Results between axes go
 * to and fro between two buffers, each as large as the largest of them. What a place is made of
 * does not depend on the other axes, so taps are computed once for each. */

struct tap {
    int64_t at; /* -1: extrapolate */
    double weight;
};

/* Keys' kernel with its free number, -0.75 in PyTorch and ONNX, -0.5 in others. */
static double resize_cubic_weight(double a, double distance)
{
    double d = fabs(distance);
    return d <= 1  ? ((a + 2) * d - (a + 3)) * d * d + 1
           : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
                   : 0;
}

/* Weights at the border: taps outside count for the place at the edge, or, with exclude_outside,
 * for nothing, and the rest is scaled up. A stretched filter has no sum of 1 by itself. */
static void resize_place_taps(const struct resize *r, int axis, int64_t i, struct tap *tap)
{
    double at = resize_coordinate(r, axis, i), low = floor(at), sum = 0;
    bool exclude = r->exclude_outside && (r->taps == TAPS_MAX || r->antialias);
    for (int64_t k = 0; k < r->width[axis]; k++) {
        double p = low + (double)(k - (r->width[axis] / 2 - 1)), distance = fabs(at - p) / r->stretch[axis];
        tap[k].weight = r->taps == 2 ? fmax(0, 1 - distance) : resize_cubic_weight(r->cubic, distance);
        if (exclude && (p < 0 || p > (double)(r->in[axis] - 1)))
            tap[k].weight = 0;
        tap[k].at = resize_clamp(p, r->in[axis]);
        sum += tap[k].weight;
    }
    for (int64_t k = 0; k < r->width[axis]; k++)
        tap[k].weight /= r->exclude_outside || r->stretch[axis] > 1 ? sum : 1;
    if (resize_outside(r, axis, at))
        tap[0].at = -1;
}

/* x [outer, in, inner] -> y [outer, out, inner]. */
static void resize_axis(const struct resize *r, int axis, const float *x, float *y, int64_t outer,
                        int64_t inner, const struct tap *tap)
{
    for (int64_t o = 0; o < outer; o++, x += r->in[axis] * inner)
        for (int64_t i = 0; i < r->out[axis]; i++, y += inner) {
            const struct tap *t = tap + i * r->width[axis];
            for (int64_t k = 0; k < inner; k++) {
                double sum = 0;
                for (int64_t j = 0; j < r->width[axis] && t->at >= 0; j++)
                    sum += t[j].weight * x[t[j].at * inner + k];
                y[k] = t->at < 0 ? r->extrapolation : (float)sum;
            }
        }
}

/* The last axis that changes writes into the output; when none does, it is a copy. */
static void resize_taps(const struct rt_kernel_call *c, const struct resize *r)
{
    const struct rt_tensor *x = c->in[0];
    int64_t dim[SCALES], count = 1;
    int left = 0;
    for (int i = 0; i < x->rank; i++) {
        dim[i] = x->dim[i];
        count *= r->out[i] > r->in[i] ? r->out[i] : r->in[i];
        left += r->changed[i];
    }
    struct tap *tap = c->scratch;
    float *buffer[2] = {(float *)(tap + resize_most_taps(r, x->rank))};
    buffer[1] = buffer[0] + count;
    const float *from = x->data;
    if (left == 0)
        memcpy(c->out[0]->data, from, rt_tensor_bytes(x));
    for (int a = 0; a < x->rank; a++) {
        if (!r->changed[a])
            continue;
        float *to = --left == 0 ? c->out[0]->data : buffer[left & 1];
        for (int64_t i = 0; i < r->out[a]; i++)
            resize_place_taps(r, a, i, tap + i * r->width[a]);
        int64_t outer = 1, inner = 1;
        for (int i = 0; i < x->rank; i++)
            *(i < a ? &outer : &inner) *= i == a ? 1 : dim[i];
        resize_axis(r, a, from, to, outer, inner, tap);
        dim[a] = r->out[a];
        from = to;
    }
}

/* ---- entry points ----
 * rt_kernel_resize_taps is for thaw_resize.c, which makes the same sums of network ops. */

/* Nearest works on every type, the others on floats. */
static int resize_compute(struct rt_kernel_call *c)
{
    struct resize r;
    int rc = resize_read(c, &r);
    if (rc < 0 || rt_tensor_count(c->out[0]) == 0)
        return rc;
    if (r.taps == 1)
        resize_nearest(c, &r);
    else
        resize_taps(c, &r);
    return 0;
}

int rt_kernel_resize_taps(const struct rt_kernel_call *c, int axis, int64_t i, int64_t at[RT_RESIZE_TAPS],
                          double weight[RT_RESIZE_TAPS])
{
    struct resize r;
    struct tap tap[TAPS_MAX];
    RT_TRY(resize_read(c, &r));
    if (r.taps == 1 || !r.changed[axis]) {
        at[0] = r.taps == 1 ? resize_nearest_place(&r, axis, i) : i;
        weight[0] = 1;
        return 1;
    }
    if (r.width[axis] > TAPS_MAX)
        return rt_kernel_refuse(c, RT_EMISMATCH, "antialias, which a student does not learn through; export the "
                                "network with antialias=False");
    resize_place_taps(&r, axis, i, tap);
    for (int k = 0; k < r.taps; k++) {
        at[k] = tap[0].at < 0 ? -1 : tap[k].at;
        weight[k] = tap[k].weight;
    }
    return r.taps;
}

const struct rt_kernel rt_kernel_resize = {1, 4, 1, resize_shape, resize_compute, NULL, NULL};
