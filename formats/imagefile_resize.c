/* SPDX-License-Identifier: MIT
 * imagefile_resize: area averaging when a side shrinks, linear interpolation when it grows, each
 * axis on its own. An output row is the weighted sum of input rows, each narrowed on the way, so
 * that memory holds two rows and the weights. */
#include "formats/imagefile.h"
#include "formats/work.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one axis ----
 * Pictures mostly shrink, and to sizes far below their own: averaging over the area then uses every
 * pixel once, where a cubic filter over a few neighbours would leave most out and alias. What is
 * calculated depends on sizes alone and in a fixed order, so a picture gives the same bytes each
 * time. */

/* Output place i is the sum over k of weight[i * taps + k] * input[first[i] + k]. Weights add up
 * to 1. */
struct axis {
    int taps;
    int *first;
    float *weight;
};

/* Fraction of each input cell that output cell i covers. */
static int axis_cover(int i, double step, int in, int taps, float *weight)
{
    double from = i * step, to = (i + 1) * step;
    int first = (int)from;
    for (int k = 0; k < taps; k++) {
        double lo = fmax(from, first + k), hi = fmin(to, first + k + 1);
        weight[k] = first + k < in && hi > lo ? (float)((hi - lo) / step) : 0;
    }
    return first;
}

/* The two neighbours of output centre i. */
static int axis_interpolate(int i, double step, int in, float *weight)
{
    double centre = fmin(fmax((i + 0.5) * step - 0.5, 0), in - 1);
    int first = (int)fmin(centre, fmax(in - 2, 0));
    weight[1] = in > 1 ? (float)(centre - first) : 0;
    weight[0] = 1 - weight[1];
    return first;
}

static int axis_init(struct axis *a, int in, int out, struct rt_work *work)
{
    double step = (double)in / out;
    a->taps = in > out ? (int)ceil(step) + 1 : 2;
    a->first = rt_work_take(work, (size_t)out * sizeof *a->first);
    a->weight = rt_work_take(work, (size_t)out * (size_t)a->taps * sizeof *a->weight);
    if (!a->first || !a->weight)
        return RT_EMEM;
    for (int i = 0; i < out; i++) {
        float *w = a->weight + (size_t)i * (size_t)a->taps;
        a->first[i] =
            in > out ? axis_cover(i, step, in, a->taps, w) : axis_interpolate(i, step, in, w);
    }
    return 0;
}

static void axis_fini(struct axis *a, struct rt_work *work)
{
    rt_work_give(work, a->first);
    rt_work_give(work, a->weight);
}

/* ---- rows ----
 * The weights of a column are used for every row, those of a row for all its pixels, so neither
 * axis needs a picture in between. */

/* One input row narrowed (or widened) to `width` places and added to sum, times w. */
static void row_add_narrowed(const struct axis *a, const uint8_t *row, int in, int width, float w,
                             float *sum)
{
    for (int x = 0; x < width; x++) {
        const float *tap = a->weight + (size_t)x * (size_t)a->taps;
        int first = a->first[x], last = first + a->taps < in ? first + a->taps : in;
        float r = 0, g = 0, b = 0;
        for (int k = first; k < last; k++) {
            float t = tap[k - first];
            r += t * row[3 * k], g += t * row[3 * k + 1], b += t * row[3 * k + 2];
        }
        sum[3 * x] += w * r, sum[3 * x + 1] += w * g, sum[3 * x + 2] += w * b;
    }
}

static void rows_resize(const struct rt_image *im, const struct axis *ax, const struct axis *ay,
                        int width, int height, int stride, float *sum, uint8_t *out)
{
    for (int y = 0; y < height; y++, out += (size_t)stride * 3) {
        memset(sum, 0, (size_t)width * 3 * sizeof *sum);
        for (int k = 0; k < ay->taps; k++) {
            float w = ay->weight[(size_t)y * (size_t)ay->taps + (size_t)k];
            if (w > 0)
                row_add_narrowed(ax, im->rgb + (size_t)(ay->first[y] + k) * (size_t)im->width * 3,
                                 im->width, width, w, sum);
        }
        for (int i = 0; i < width * 3; i++)
            out[i] = (uint8_t)fminf(sum[i] + 0.5f, 255);
    }
}

/* Into a window of a picture whose rows are `stride` pixels long. */
static int window_resize(const struct rt_image *im, int width, int height, int stride, uint8_t *out,
                         struct rt_work *work)
{
    if (im->width < 1 || im->height < 1 || width < 1 || height < 1 || width > RT_IMAGE_SIDE_MAX ||
        height > RT_IMAGE_SIDE_MAX)
        return RT_ERANGE;
    struct axis ax = {0}, ay = {0};
    float *sum = rt_work_take(work, (size_t)width * 3 * sizeof *sum);
    int rc = axis_init(&ax, im->width, width, work) || axis_init(&ay, im->height, height, work) || !sum
                 ? RT_EMEM
                 : 0;
    if (rc == 0)
        rows_resize(im, &ax, &ay, width, height, stride, sum, out);
    axis_fini(&ax, work);
    axis_fini(&ay, work);
    rt_work_give(work, sum);
    return rc;
}

int rt_image_resize(const struct rt_image *im, int width, int height, uint8_t *out)
{
    return window_resize(im, width, height, width, out, NULL);
}

int rt_image_fit(const struct rt_image *im, int width, int height, uint8_t *out, struct rt_work *work)
{
    if (im->width < 1 || im->height < 1 || width < 1 || height < 1 || width > RT_IMAGE_SIDE_MAX ||
        height > RT_IMAGE_SIDE_MAX)
        return RT_ERANGE;
    double scale = fmin((double)width / im->width, (double)height / im->height);
    int w = (int)fmin(fmax(round(im->width * scale), 1), width);
    int h = (int)fmin(fmax(round(im->height * scale), 1), height);
    memset(out, 0xff, (size_t)width * (size_t)height * 3);
    size_t corner = (size_t)((height - h) / 2) * (size_t)width + (size_t)((width - w) / 2);
    return window_resize(im, w, h, width, out + corner * 3, work);
}
