/* SPDX-License-Identifier: MIT
 * image_measures: of the luma of the picture as it is in the file, before any resizing. These are blind
 * estimates: docs/measures.md says how far they follow damage of known strength. */
#include "stages/modality/image_measures.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 8         /* pixels: blocks that noise is looked for in, and those of JPEG */
#define QUIET 5         /* the quiet fifth of the blocks holds no edges: what is there is noise */
#define ISOLATED 0.25f  /* a pixel so far from its median and from all neighbours is an impulse */
#define STEP_LEAST 0.02 /* of luma: a lower edge is none */
#define STEP_NOISE 3.0  /* nor is one below so many deviations of the noise */
#define TURN_LEAST 0.004f /* an edge goes on until the luma turns back by more than that */
#define TURN_NOISE 1.0f   /* or by so many deviations */
#define STEEP_BINS 256
#define STEEP_SHARE 0.9  /* `definition` goes by the steep tenth of the edges */
#define ALIKE 0.016f     /* neighbouring lines that differ by less hold nothing new */

const struct rt_measure rt_image_measures[RT_IMAGE_MEASURES] = {
    {"sharpness", "", RT_HIGHER, "share of an edge's height crossed in one pixel, squared; mean of edges",
     {{{0.01, 0.05}, {0, 0}}}},
    {"contrast", "", RT_HIGHER, "standard deviation of the luma, 0 to 0.5",
     {{{0.01, 0.03}, {0, 0}}}},
    {"exposure", "", RT_MIDDLE, "mean luma, 0 to 1",
     RT_NO_KNEE},
    {"resolution", "px", RT_HIGHER, "shorter side",
     RT_NO_KNEE},
    {"noise", "", RT_LOWER, "deviation of the luma where the picture is smooth, and of lone pixels",
     {{{0.15, 0.1}, {0, 0}}}},
    {"blockiness", "", RT_LOWER, "steps of the luma at the borders of JPEG's blocks",
     RT_NO_KNEE},
    {"definition", "px", RT_HIGHER, "widths of the sharpest edges in the shorter side, without borders",
     RT_NO_KNEE},
};

struct plane {
    int64_t w, h;
    float *luma;   /* [h, w] 0 to 1 */
    float *smooth; /* [h, w] median of the 3 x 3 around; the outermost pixels as they are */
    float *line;   /* [max(w, h)] */
    float *scratch; /* [max(w, h)] */
};

static int plane_init(struct plane *p, const uint8_t *rgb, int64_t w, int64_t h)
{
    size_t count = (size_t)(w * h), side = (size_t)(w > h ? w : h);
    p->w = w, p->h = h;
    p->luma = malloc((2 * count + 2 * side) * sizeof *p->luma);
    if (!p->luma)
        return RT_EMEM;
    p->smooth = p->luma + count;
    p->line = p->smooth + count;
    p->scratch = p->line + side;
    for (size_t i = 0; i < count; i++, rgb += 3)
        p->luma[i] = (0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]) / 255;
    return 0;
}

/* ---- the median ----
 * Noise has edges of its own, as steep as any. A median of 3 x 3 takes lone pixels out altogether and
 * more than half of even noise, and leaves the steepness of real edges as it is, which a mean would not. */

static void plane_order(float *a, float *b)
{
    float low = fminf(*a, *b);
    *b = fmaxf(*a, *b);
    *a = low;
}

/* By sorting the columns of three, then their least, middle and largest. */
static float plane_median(const float *p, int64_t w)
{
    float v[9] = {p[-w - 1], p[-1], p[w - 1], p[-w], p[0], p[w], p[-w + 1], p[1], p[w + 1]};
    for (int i = 0; i < 9; i += 3) {
        plane_order(&v[i], &v[i + 1]);
        plane_order(&v[i + 1], &v[i + 2]);
        plane_order(&v[i], &v[i + 1]);
    }
    float low = fmaxf(fmaxf(v[0], v[3]), v[6]), high = fminf(fminf(v[2], v[5]), v[8]);
    plane_order(&v[1], &v[4]);
    float middle = fmaxf(v[1], fminf(v[4], v[7]));
    plane_order(&low, &middle);
    return fmaxf(low, fminf(middle, high));
}

static void plane_smooth(struct plane *p)
{
    memcpy(p->smooth, p->luma, (size_t)(p->w * p->h) * sizeof *p->luma);
    for (int64_t y = 1; y + 1 < p->h; y++)
        for (int64_t x = 1; x + 1 < p->w; x++)
            p->smooth[y * p->w + x] = plane_median(p->luma + y * p->w + x, p->w);
}

/* ---- noise ----
 * Even noise: in blocks, by a mask that straight edges and slopes do not answer to (Immerkaer 1996), of
 * which the quiet fifth is taken. White and black are left out as long as there is anything else: noise
 * cannot be seen there. Salt and pepper leaves the quiet blocks untouched, so lone pixels are counted by
 * themselves. */

static float noise_mask(const float *p, int64_t w)
{
    return p[-w - 1] + p[-w + 1] + p[w - 1] + p[w + 1] - 2 * (p[-w] + p[-1] + p[1] + p[w]) + 4 * p[0];
}

/* Mean |mask| of the block; *mean: of its luma. */
static float noise_block(const struct plane *p, int64_t x0, int64_t y0, float *mean)
{
    float sum = 0, luma = 0;
    for (int64_t y = y0; y < y0 + BLOCK; y++)
        for (int64_t x = x0; x < x0 + BLOCK; x++) {
            sum += fabsf(noise_mask(p->luma + y * p->w + x, p->w));
            luma += p->luma[y * p->w + x];
        }
    *mean = luma / (BLOCK * BLOCK);
    return sum / (BLOCK * BLOCK);
}

static int compare_float(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Standard deviation of even noise; 0 for a picture too small for a block. First among blocks in which it
 * could go either way. */
static int noise_even(const struct plane *p, double *sigma)
{
    int64_t most = (p->w / BLOCK + 1) * (p->h / BLOCK + 1);
    float *block = malloc((size_t)most * sizeof *block), mean;
    if (!block)
        return RT_EMEM;
    *sigma = 0;
    for (int pass = 0; pass < 2; pass++) { /* the second: nothing but near black and white */
        int64_t n = 0;
        for (int64_t y = 1; y + BLOCK < p->h; y += BLOCK)
            for (int64_t x = 1; x + BLOCK < p->w; x += BLOCK) {
                float v = noise_block(p, x, y, &mean);
                if (pass || (mean > 0.1f && mean < 0.9f))
                    block[n++] = v;
            }
        if (!n)
            continue;
        qsort(block, (size_t)n, sizeof *block, compare_float);
        *sigma = block[n / QUIET] * sqrt(M_PI / 2) / 6;
        break;
    }
    free(block);
    return 0;
}

static bool pixel_alone(const float *p, int64_t w, float median)
{
    if (fabsf(*p - median) < ISOLATED)
        return false;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if ((dx || dy) && fabsf(p[dy * w + dx] - *p) < ISOLATED)
                return false;
    return true;
}

/* Mean square of what lone pixels stick out by. */
static double noise_lone(const struct plane *p)
{
    double sum = 0;
    for (int64_t y = 1; y + 1 < p->h; y++)
        for (int64_t x = 1; x + 1 < p->w; x++) {
            int64_t i = y * p->w + x;
            double d = p->luma[i] - p->smooth[i];
            if (pixel_alone(p->luma + i, p->w, p->smooth[i]))
                sum += d * d;
        }
    return sum / ((double)p->w * (double)p->h);
}

/* ---- edges ----
 * An edge is a stretch of a line over which the luma goes one way. The largest step from one pixel to the
 * next, as a part of the whole height, says how steep it is: 1 for a jump, less the wider the blur, whatever
 * the contrast, and no more after oversharpening, which makes step and height larger alike. High edges
 * count more (by height squared): low ones are what texture and compression leave. */

struct edges {
    double least;  /* height from which it counts */
    float turn;
    double weight, square;      /* sums of height^2 and height^2 steepness^2 */
    double steep[STEEP_BINS];   /* height^2 by steepness */
};

static void edge_add(struct edges *e, double height, double step)
{
    if (height < e->least)
        return;
    double s = fmin(step / height, 1), weight = height * height;
    e->weight += weight;
    e->square += weight * s * s;
    e->steep[(int)(s * (STEEP_BINS - 1))] += weight;
}

static void edges_of_line(struct edges *e, const float *v, int64_t n, int64_t stride)
{
    float start = v[0], end = v[0], step = 0, pending = 0;
    int way = 0;
    if (n < 3)
        return; /* a single step is as steep as all others */
    for (int64_t i = 1; i < n; i++) {
        float x = v[i * stride], d = x - v[(i - 1) * stride];
        if (!way)
            way = x > start ? 1 : x < start ? -1 : 0;
        pending = fmaxf(pending, (float)way * d);
        if ((float)way * (x - end) >= 0) { /* further on the same way */
            end = x;
            step = fmaxf(step, pending);
            pending = 0;
        } else if ((float)way * (end - x) > e->turn) {
            edge_add(e, fabsf(end - start), step);
            start = end;
            end = x;
            way = -way;
            step = (float)way * d;
            pending = 0;
        }
    }
    edge_add(e, fabsf(end - start), step);
}

static struct edges plane_edges(const struct plane *p, double noise)
{
    double seen = STEP_NOISE * noise; /* what noise may leave: an edge without steepness on each line */
    struct edges e = {.least = fmax(STEP_LEAST, seen),
                      .turn = fmaxf(TURN_LEAST, TURN_NOISE * (float)noise),
                      .weight = seen * seen * (double)(p->w + p->h)};
    for (int64_t y = 1; y + 1 < p->h; y++)
        edges_of_line(&e, p->smooth + y * p->w + 1, p->w - 2, 1);
    for (int64_t x = 1; x + 1 < p->w; x++)
        edges_of_line(&e, p->smooth + x + p->w, p->h - 2, p->w);
    return e;
}

/* ---- detail ----
 * How many widths of a sharp edge fit into the shorter side: the same before and after enlarging. Lines that
 * repeat their neighbour, as in a border or where pixels were doubled, are not counted. */

static int64_t plane_lines(const float *v, int64_t lines, int64_t across, int64_t n, int64_t along)
{
    int64_t count = 1;
    for (int64_t i = 1; i < lines; i++) {
        const float *a = v + i * across;
        bool is_new = false;
        for (int64_t k = 0; k < n && !is_new; k++)
            is_new = fabsf(a[k * along] - a[k * along - across]) > ALIKE;
        count += is_new;
    }
    return count;
}

static double plane_detail(const struct plane *p, const struct edges *e)
{
    int64_t columns = plane_lines(p->luma, p->w, 1, p->h, p->w);
    int64_t rows = plane_lines(p->luma, p->h, p->w, p->w, 1);
    double all = 0, below = 0;
    int bin = 0;
    for (int i = 0; i < STEEP_BINS; i++)
        all += e->steep[i];
    if (all == 0)
        return 0; /* no edge, no detail */
    while (bin < STEEP_BINS - 1 && (below += e->steep[bin]) < STEEP_SHARE * all)
        bin++;
    return (double)(columns < rows ? columns : rows) * (bin + 0.5) / STEEP_BINS;
}

/* ---- blockiness ----
 * Where JPEG's blocks meet, the luma steps more than on either side. For each of the eight places that the
 * grid can have, the median over its lines: an edge of the picture touches a few lines only. */

static double phase_median(struct plane *p, int64_t lines, int phase)
{
    size_t n = 0;
    for (int64_t i = 2 + (phase + BLOCK - 2 % BLOCK) % BLOCK; i + 1 < lines; i += BLOCK)
        p->scratch[n++] = p->line[i];
    if (!n)
        return 0;
    qsort(p->scratch, n, sizeof *p->scratch, compare_float);
    return (p->scratch[(n - 1) / 2] + p->scratch[n / 2]) / 2;
}

/* What the best place of the grid has over the mean of the others. */
static double plane_blocks(struct plane *p, int64_t lines, int64_t across, int64_t n, int64_t along)
{
    if (lines < 3 * BLOCK)
        return 0;
    for (int64_t i = 2; i + 1 < lines; i++) {
        double sum = 0, some = 1;
        for (int64_t k = 0; k < n; k++) {
            const float *v = p->luma + i * across + k * along;
            float here = fabsf(v[0] - v[-across]);
            float beside = (fabsf(v[-across] - v[-2 * across]) + fabsf(v[across] - v[0])) / 2;
            sum += here - beside;
            some += here + beside > 0.002f; /* a flat ground has no blocks to see */
        }
        p->line[i] = (float)(sum / some);
    }
    double best = -INFINITY, sum = 0;
    for (int phase = 0; phase < BLOCK; phase++) {
        double m = phase_median(p, lines, phase);
        best = fmax(best, m);
        sum += m;
    }
    return fmax(best - (sum - best) / (BLOCK - 1), 0);
}

int rt_image_measure(const uint8_t *rgb, int64_t width, int64_t height, double *value)
{
    struct plane p;
    RT_TRY(plane_init(&p, rgb, width, height));
    int64_t count = width * height;
    double sum = 0, square = 0, even;
    for (int64_t i = 0; i < count; i++)
        sum += p.luma[i];
    double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++)
        square += (p.luma[i] - mean) * (p.luma[i] - mean);
    plane_smooth(&p);
    int rc = noise_even(&p, &even);
    if (rc < 0)
        goto out;
    struct edges e = plane_edges(&p, even);
    value[0] = e.weight > 0 ? e.square / e.weight : 0;
    value[1] = sqrt(square / (double)count);
    value[2] = mean;
    value[3] = (double)(width < height ? width : height);
    value[4] = sqrt(even * even + noise_lone(&p));
    value[5] = (plane_blocks(&p, width, 1, height, width) + plane_blocks(&p, height, width, width, 1)) / 2;
    value[6] = plane_detail(&p, &e);
out:
    free(p.luma);
    return rc;
}
