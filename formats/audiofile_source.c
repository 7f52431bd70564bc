/* SPDX-License-Identifier: MIT
 * audiofile_source: see audiofile_source.h. A histogram of the values of each channel, at 16 bits, and
 * the sums of audiofile_channels: the same memory for a second and for an hour. */
#include "formats/audiofile_source.h"
#include "formats/audiofile_channels.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BINS 65536 /* of a channel, over -range to range */
#define CELLS 64   /* of one side of the histogram, from the centre to its end */
#define OUTWEIGHS 5   /* a ridge has so many times the samples of what lies beyond it */
#define CELL_INNER 8 /* from here on the count must only fall */
#define CELL_FIRST 48 /* a stop ends the histogram: a codec overshoots it by less than a third */

struct scan_channel {
    uint32_t bin[BINS];
    double range; /* 1, doubled until every value fits */
};

struct rt_audio_scan {
    struct rt_audio_channels sums;
    uint64_t frames;
    struct scan_channel channel[];
};

int rt_audio_scan_create(struct rt_audio_scan **out, int channels)
{
    struct rt_audio_scan *s = calloc(1, sizeof *s + sizeof *s->channel * (size_t)channels);
    *out = s;
    if (!s)
        return RT_EMEM;
    s->sums.count = channels;
    for (int c = 0; c < channels; c++)
        s->channel[c].range = 1;
    return 0;
}

void rt_audio_scan_destroy(struct rt_audio_scan *s)
{
    free(s);
}

/* ---- counting ----
 * Values of 16 bits fall into bins of their own. Files of floats know no full scale; for them the
 * range doubles, and two neighbouring bins become one, as often as it takes. */

static void scan_widen(struct scan_channel *c)
{
    uint32_t *bin = c->bin, half[BINS / 2];
    for (int i = 0; i < BINS / 2; i++)
        half[i] = bin[2 * i] + bin[2 * i + 1];
    memset(bin, 0, sizeof c->bin);
    memcpy(bin + BINS / 4, half, sizeof half);
    c->range *= 2;
}

static int scan_place(struct scan_channel *c, float x)
{
    while (fabs(x) > c->range * (1 + 1.0 / BINS) && c->range < 1e30)
        scan_widen(c);
    double at = rint(x * (BINS / 2) / c->range) + BINS / 2;
    return (int)fmin(fmax(at, 0), BINS - 1);
}

void rt_audio_scan_add(struct rt_audio_scan *s, const float *frames, size_t count)
{
    s->frames += count;
    rt_audio_channels_add(&s->sums, frames, count);
    for (size_t t = 0; t < count; t++, frames += s->sums.count)
        for (int k = 0; k < s->sums.count; k++) {
            struct scan_channel *c = &s->channel[k];
            c->bin[scan_place(c, frames[k])]++;
        }
}

/* ---- stops ----
 * A free wave is the rarer the larger its values are; one that met a stop comes back again and again to
 * the same value, so its histogram has a ridge there. That holds at any level, on one side only, with an
 * offset (each side is looked at from the median), and, widened, behind a resampler or a lossy codec,
 * where runs of equal samples, the usual sign, are gone. What lies above the lowest count further in
 * is the ridge. */

static int scan_median(const struct scan_channel *c, uint64_t frames)
{
    uint64_t below = 0;
    int i = 0;
    for (; i < BINS - 1 && (below += c->bin[i]) * 2 < frames; i++)
        ;
    return i;
}

/* Distance from the centre to where no more than `most` samples of a side lie further out. */
static int scan_top(const struct scan_channel *c, int centre, int way, double most)
{
    double beyond = 0;
    int end = way > 0 ? BINS - 1 : 0;
    while (end != centre && (beyond += c->bin[end]) <= most)
        end -= way;
    return abs(end - centre);
}

/* Samples of the ridge in bins from `centre` on in steps of `way`, up to the distance `top`. */
static double scan_ridge(const struct scan_channel *c, int centre, int way, int top)
{
    if (top < CELLS / 2)
        return 0; /* too soft to tell */
    double cell[CELLS] = {0}, floor = INFINITY, excess[CELLS] = {0};
    for (int d = 1; d <= top; d++)
        cell[(int)((int64_t)d * CELLS / (top + 1))] += c->bin[centre + way * d];
    int peak = CELL_INNER;
    for (int i = CELL_INNER; i < CELLS; i++) {
        if (isfinite(floor))
            excess[i] = cell[i] - floor;
        if (excess[i] > excess[peak])
            peak = i;
        floor = fmin(floor, i + 1 < CELLS ? (cell[i] + cell[i + 1]) / 2 : cell[i]);
    }
    if (peak < CELL_FIRST)
        return 0; /* waves of much the same size, and larger ones beside them: a tone */
    double ridge = 0, under = 0;
    int from = peak, to = peak;
    while (from > CELL_INNER + 1 && excess[from - 1] > 0)
        from--;
    while (to + 1 < CELLS && excess[to + 1] > 0)
        to++;
    for (int i = from; i <= to; i++) {
        ridge += excess[i];
        under += cell[i] - excess[i];
    }
    return ridge > 5 * sqrt(under + 1) + 8 ? ridge : 0;
}

/* Samples on the stop of one side. A lossy codec throws some of them far beyond it, the more the harder the
 * wave was cut, so the end of the histogram is looked for twice. */
static double scan_stop(const struct scan_channel *c, int centre, int way)
{
    static const double beyond[2] = {5e-4, 1e-2};
    double total = 0, ridge = 0;
    for (int i = centre; i >= 0 && i < BINS; i += way)
        total += c->bin[i];
    for (int k = 0; k < 2 && ridge == 0; k++) {
        double most = beyond[k] * total;
        ridge = scan_ridge(c, centre, way, scan_top(c, centre, way, most));
        ridge = ridge > OUTWEIGHS * most ? ridge : 0;
    }
    return ridge;
}

/* ---- the step ----
 * A recording of few bits has few values, far apart, whatever its level is now: the distance to the next
 * value that occurs, as half of the samples see it. */

static double scan_step(const struct scan_channel *c)
{
    enum { WIDEST = 4096 };
    double weight[WIDEST] = {0}, sum = 0, half = 0;
    int last = -1;
    for (int i = 0; i < BINS; i++) {
        if (!c->bin[i])
            continue;
        if (last >= 0) {
            int gap = i - last < WIDEST ? i - last : WIDEST - 1;
            double w = c->bin[i] < c->bin[last] ? c->bin[i] : c->bin[last];
            weight[gap] += w;
            sum += w;
        }
        last = i;
    }
    int gap = 1;
    for (; gap < WIDEST - 1 && (half += weight[gap]) * 2 < sum; gap++)
        ;
    return gap * c->range / (BINS / 2);
}

/* ---- the whole ---- */

struct rt_audio_source rt_audio_scan_result(const struct rt_audio_scan *s)
{
    struct rt_audio_source r = {.step = INFINITY,
                                .offset = rt_audio_channels_offset(&s->sums),
                                .likeness = rt_audio_channels_likeness(&s->sums)};
    double n = (double)s->frames;
    for (int k = 0; k < s->sums.count; k++) {
        const struct scan_channel *c = &s->channel[k];
        int centre = scan_median(c, s->frames);
        r.stops += (scan_stop(c, centre, 1) + scan_stop(c, centre, -1)) / n / s->sums.count;
        r.step = fmin(r.step, scan_step(c));
    }
    return r;
}
