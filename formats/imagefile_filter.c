/* SPDX-License-Identifier: MIT
 * imagefile_filter: resizing as PIL does it, bit for bit: a linear or cubic kernel that widens where a side shrinks
 * (antialias), first along lines, then along columns, each result rounded to 8 bits. What networks of other programs
 * were trained on; networks of ours have imagefile_resize.c. */
#include "formats/imagefile.h"
#include "formats/work.h"

#include <math.h>
#include <string.h>

/* ---- one axis ----
 * Weights are whole numbers of 22 bits, as PIL has them: sums of bytes times weights then fit 32 bits, and each picture
 * gives the same bytes on every machine. */

#define BITS 22

struct line {
    int taps;
    int *first, *count; /* [out] */
    int32_t *weight;    /* [out, taps] */
};

static double kernel_linear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys' with a = -0.5. */
static double kernel_cubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static void line_fini(struct line *l, struct rt_work *work)
{
    rt_work_give(work, l->first);
    rt_work_give(work, l->count);
    rt_work_give(work, l->weight);
}

/* The weights of output place i, in *w as numbers that add up to 1, then as whole ones. */
static void line_weigh(struct line *l, int i, int in, double step, double width, bool cubic, double *w)
{
    double centre = (i + 0.5) * step, support = (cubic ? 2 : 1) * width, sum = 0;
    int from = (int)(centre - support + 0.5), to = (int)(centre + support + 0.5);
    from = from < 0 ? 0 : from;
    to = to > in ? in : to;
    for (int k = from; k < to; k++) {
        double x = (k - centre + 0.5) * (1 / width);
        w[k - from] = cubic ? kernel_cubic(x) : kernel_linear(x);
        sum += w[k - from];
    }
    l->first[i] = from;
    l->count[i] = to - from;
    for (int k = 0; k < to - from; k++) {
        double v = sum != 0 ? w[k] / sum * (1 << BITS) : 0;
        l->weight[(size_t)i * (size_t)l->taps + (size_t)k] = (int32_t)(v < 0 ? v - 0.5 : v + 0.5);
    }
}

static int line_init(struct line *l, int in, int out, bool cubic, struct rt_work *work)
{
    double step = (double)in / out, width = step < 1 ? 1 : step;
    l->taps = (int)ceil((cubic ? 2 : 1) * width) * 2 + 1;
    l->first = rt_work_take(work, (size_t)out * sizeof *l->first);
    l->count = rt_work_take(work, (size_t)out * sizeof *l->count);
    l->weight = rt_work_take(work, (size_t)out * (size_t)l->taps * sizeof *l->weight);
    double *w = rt_work_take(work, (size_t)l->taps * sizeof *w);
    bool made = l->first && l->count && l->weight && w;
    for (int i = 0; made && i < out; i++)
        line_weigh(l, i, in, step, width, cubic, w);
    rt_work_give(work, w);
    return made ? 0 : RT_EMEM;
}

/* ---- the two passes ---- */

static uint8_t byte_of(int32_t sum)
{
    int32_t v = sum >> BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One place out of l's pixels, `step` bytes from one to the next. */
static void place_sum(const struct line *l, int i, const uint8_t *in, size_t step, uint8_t *out)
{
    const int32_t *w = l->weight + (size_t)i * (size_t)l->taps;
    in += (size_t)l->first[i] * step;
    int32_t sum[3] = {1 << (BITS - 1), 1 << (BITS - 1), 1 << (BITS - 1)};
    for (int k = 0; k < l->count[i]; k++, in += step)
        for (int c = 0; c < 3; c++)
            sum[c] += in[c] * w[k];
    for (int c = 0; c < 3; c++)
        out[c] = byte_of(sum[c]);
}

/* Of the resized picture only the window [width, height] from (left, top) on is made. */
struct window {
    int left, top, width, height;
};

static void passes_run(const struct rt_image *im, const struct line *x, const struct line *y, struct window w,
                       uint8_t *narrow, uint8_t *out)
{
    int from = y->first[w.top], to = from;
    for (int i = w.top; i < w.top + w.height; i++)
        to = y->first[i] + y->count[i] > to ? y->first[i] + y->count[i] : to;
    size_t line = (size_t)w.width * 3;
    for (int r = from; r < to; r++)
        for (int i = 0; i < w.width; i++)
            place_sum(x, w.left + i, im->rgb + (size_t)r * (size_t)im->width * 3, 3,
                      narrow + (size_t)r * line + 3 * (size_t)i);
    for (int r = 0; r < w.height; r++)
        for (int i = 0; i < w.width; i++)
            place_sum(y, w.top + r, narrow + 3 * (size_t)i, line, out + (size_t)r * line + 3 * (size_t)i);
}

static int filter_run(const struct rt_image *im, int width, int height, bool cubic, struct window w, uint8_t *out,
                      struct rt_work *work)
{
    struct line x = {0}, y = {0};
    uint8_t *narrow = rt_work_take(work, (size_t)im->height * (size_t)w.width * 3);
    int rc = narrow ? line_init(&x, im->width, width, cubic, work) : RT_EMEM;
    if (rc == 0)
        rc = line_init(&y, im->height, height, cubic, work);
    if (rc == 0)
        passes_run(im, &x, &y, w, narrow, out);
    line_fini(&x, work);
    line_fini(&y, work);
    rt_work_give(work, narrow);
    return rc;
}

/* ---- a square ---- */

int rt_image_squeeze(const struct rt_image *im, int side, bool cubic, uint8_t *out, struct rt_work *work)
{
    if (im->width < 1 || im->height < 1 || side < 1 || side > RT_IMAGE_SIDE_MAX)
        return RT_ERANGE;
    return filter_run(im, side, side, cubic, (struct window){0, 0, side, side}, out, work);
}

int rt_image_crop(const struct rt_image *im, int shorter, int side, bool cubic, uint8_t *out, struct rt_work *work)
{
    if (im->width < 1 || im->height < 1 || side < 1 || shorter < side || shorter > RT_IMAGE_SIDE_MAX)
        return RT_ERANGE;
    bool wide = im->width > im->height;
    int64_t least = wide ? im->height : im->width, most = wide ? im->width : im->height;
    int64_t longer = shorter * most / least;
    if (longer > INT32_MAX / 64)
        return RT_ELARGE;
    int width = wide ? (int)longer : shorter, height = wide ? shorter : (int)longer;
    struct window w = {(int)nearbyint((width - side) / 2.0), (int)nearbyint((height - side) / 2.0), side, side};
    return filter_run(im, width, height, cubic, w, out, work);
}
