/* SPDX-License-Identifier: MIT
 * lanes_code: see lanes.h. Compiled once per instruction set with its options; RT_ISA is its name. Vectors are the
 * compiler's. */
#include "stages/modality/lanes.h"

#include <math.h>
#include <string.h>

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX2__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

#define INLINE static inline __attribute__((always_inline))
#define JOINED(a, b) a##_##b
#define JOIN(a, b) JOINED(a, b)
#define FRAME_POINTS 512
#define FRAME_MOST (400 + 160 * (WIDTH - 1)) /* samples that the frames of a vector cover, at most */

typedef float V __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

/* ---- the transform ----
 * Radix 4, decimation in time. Products and additions are in the order in which Debian's build of kissfft has them,
 * which made the features before and has no vectors: so features kept in a cache, and models, stay what they are.
 * Across lanes nothing has to be turned round within a vector, and whatever is done before and behind the transform is
 * done in lanes, too. */

struct cpx {
    V r, i;
};

INLINE struct cpx cpx_times(struct cpx a, const float *w)
{
    return (struct cpx){a.r * w[0] - a.i * w[1], a.r * w[1] + a.i * w[0]};
}

INLINE struct cpx cpx_plus(struct cpx a, struct cpx b)
{
    return (struct cpx){a.r + b.r, a.i + b.i};
}

INLINE struct cpx cpx_less(struct cpx a, struct cpx b)
{
    return (struct cpx){a.r - b.r, a.i - b.i};
}

/* Puts even + both, less - i odd, even - both and less + i odd, m apart. */
INLINE void fft_put_four(struct cpx even, struct cpx less, struct cpx both, struct cpx odd, struct cpx *to, int m)
{
    to[0] = cpx_plus(even, both);
    to[m] = (struct cpx){less.r + odd.i, less.i - odd.r};
    to[2 * m] = cpx_less(even, both);
    to[3 * m] = (struct cpx){less.r - odd.i, less.i + odd.r};
}

/* Of four, m apart, three of which are turned first; u, v, w: by how much. */
INLINE void fft_turn_four(struct cpx *x, int m, const float *u, const float *v, const float *w)
{
    struct cpx a = x[0], b = cpx_times(x[m], u), c = x[2 * m], d = x[3 * m];
    V crr = c.r * v[0], cii = c.i * v[1], ci = c.r * v[1] + c.i * v[0];
    V drr = d.r * w[0], dii = d.i * w[1], di = d.r * w[1] + d.i * w[0];
    struct cpx even = {a.r + crr - cii, a.i + ci}, less = {a.r + cii - crr, a.i - ci};
    struct cpx both = {b.r - dii + drr, b.i + di}, odd = {b.r - drr + dii, b.i - di};
    fft_put_four(even, less, both, odd, x, m);
}

/* to [points] = transform of from [points]. */
INLINE void fft_run(const struct rt_fft *t, const struct cpx *from, struct cpx *to)
{
    int quarter = t->points / 4;
    for (int g = 0; g < quarter; g++) {
        const struct cpx *x = from + t->turned[g];
        struct cpx a = x[0], b = x[quarter], c = x[2 * quarter], d = x[3 * quarter];
        fft_put_four(cpx_plus(a, c), cpx_less(a, c), cpx_plus(b, d), cpx_less(b, d), to + 4 * g, 1);
    }
    for (int m = 4; m < t->points; m *= 4)
        for (struct cpx *x = to; x < to + t->points; x += 4 * m)
            for (int k = 0; k < m; k++) {
                int at = 2 * k * (quarter / m);
                fft_turn_four(x + k, m, t->turn + at, t->turn + 2 * at, t->turn + 3 * at);
            }
}

INLINE void bin_put(float *to, int64_t stride, int k, V r, V i)
{
    *(V *)(to + 2 * k * stride) = r;
    *(V *)(to + (2 * k + 1) * stride) = i;
}

/* Of real numbers, two of which went as one complex number: what is of the even ones, and of the odd ones. */
INLINE void fft_put_bins(const struct rt_fft *t, const struct cpx *z, float *to, int64_t stride)
{
    int n = t->points;
    bin_put(to, stride, 0, z[0].r + z[0].i, (V){0});
    bin_put(to, stride, n, z[0].r - z[0].i, (V){0});
    for (int k = 1; k <= n / 2; k++) {
        const float *w = t->half + 2 * (k - 1);
        struct cpx here = z[k], there = {z[n - k].r, -z[n - k].i};
        struct cpx even = cpx_plus(here, there), less = cpx_less(here, there);
        V rr = less.r * w[0], ii = less.i * w[1], odd = less.i * w[0] + less.r * w[1];
        bin_put(to, stride, k, (even.r + rr - ii) * 0.5f, (even.i + odd) * 0.5f);
        bin_put(to, stride, n - k, (even.r + ii - rr) * 0.5f, (odd - even.i) * 0.5f);
    }
}

/* Number i of each lane's piece. */
INLINE V lanes_gather(const float *from, int64_t step)
{
    V x;
    for (int l = 0; l < WIDTH; l++)
        x[l] = from[l * step];
    return x;
}

/* ---- frames ----
 * As rt_fbank_power has them, one by one. Logarithms are the C library's: those that vectors have round otherwise. */

/* z: [FRAME_POINTS] */
INLINE void frames_window(const struct rt_lanes_fbank *f, const float *sample, V *z)
{
    V mean = {0};
    for (int i = 0; i < f->size; i++) {
        z[i] = lanes_gather(sample + i, f->shift);
        mean += z[i];
    }
    mean /= (float)f->size;
    V before = (z[0] - mean) * f->scale;
    z[0] = before * (1 - f->emphasis) * f->window[0];
    for (int i = 1; i < f->size; i++) {
        V plain = (z[i] - mean) * f->scale;
        z[i] = (plain - f->emphasis * before) * f->window[i];
        before = plain;
    }
    memset(z + f->size, 0, (size_t)(FRAME_POINTS - f->size) * sizeof *z);
}

static void frames_run(const struct rt_lanes_fbank *f, const float *sample, V *energy)
{
    _Alignas(64) V z[FRAME_POINTS], y[FRAME_POINTS], bin[FRAME_POINTS + 2];
    frames_window(f, sample, z);
    fft_run(f->fft, (const struct cpx *)z, (struct cpx *)y);
    fft_put_bins(f->fft, (const struct cpx *)y, (float *)bin, WIDTH);
    for (int i = 0; i <= FRAME_POINTS / 2; i++)
        z[i] = bin[2 * i] * bin[2 * i] + bin[2 * i + 1] * bin[2 * i + 1];
    for (int b = 0; b < f->bands; b++) {
        const struct rt_lanes_band *band = &f->band[b];
        V sum = {0};
        for (int i = 0; i < band->count; i++)
            sum += band->weight[i] * z[band->first + i];
        energy[b] = sum;
    }
}

static void lanes_fbank(const struct rt_lanes_fbank *f, const float *sample, int64_t frames, float *out)
{
    float last[FRAME_MOST];
    V energy[256];
    for (int64_t t = 0; t < frames; t += WIDTH) {
        const float *x = sample + t * f->shift;
        int count = frames - t < WIDTH ? (int)(frames - t) : WIDTH;
        if (count < WIDTH) { /* the lanes behind the end have silence */
            size_t there = (size_t)(f->size + (count - 1) * f->shift);
            memcpy(last, x, there * sizeof *x);
            memset(last + there, 0, sizeof last - there * sizeof *x);
            x = last;
        }
        frames_run(f, x, energy);
        for (int l = 0; l < count; l++)
            for (int b = 0; b < f->bands; b++) {
                float e = energy[b][l];
                out[(t + l) * f->bands + b] = logf(e > f->floor ? e : f->floor);
            }
    }
}

/* ---- blocks ---- */

static void lanes_forward(const struct rt_fft *t, const float *from, int64_t step, float *work, float *to,
                          int64_t stride)
{
    V *z = (V *)work, *y = z + 2 * t->points;
    for (int i = 0; i < 2 * t->points; i++)
        z[i] = lanes_gather(from + i, step);
    fft_run(t, (const struct cpx *)z, (struct cpx *)y);
    fft_put_bins(t, (const struct cpx *)y, to, stride);
}

static void lanes_multiply(const float *from, int64_t stride, const float *part, int64_t part_stride, int parts,
                           int bins, float *to)
{
    for (int k = 0; k < bins; k++, from += 2 * stride, part += 2 * part_stride, to += 2 * WIDTH) {
        struct cpx sum = {{0}, {0}};
        for (int p = 0; p < parts; p++) {
            const float by[2] = {part[p], part[part_stride + p]};
            struct cpx x = {*(const V *)(from - p), *(const V *)(from + stride - p)};
            sum = cpx_plus(sum, cpx_times(x, by));
        }
        *(V *)to = sum.r;
        *(V *)(to + WIDTH) = sum.i;
    }
}

/* Backwards is forwards with real and imaginary part in each other's place. */
static void lanes_backward(const struct rt_fft *t, const float *spectra, float *work, float *out, int64_t step)
{
    int n = t->points;
    const struct cpx *x = (const struct cpx *)spectra;
    struct cpx *z = (struct cpx *)work, *y = z + n;
    z[0] = (struct cpx){x[0].r - x[n].r, x[0].r + x[n].r};
    for (int k = 1; k <= n / 2; k++) {
        const float turn[2] = {t->half[2 * (k - 1)], -t->half[2 * (k - 1) + 1]};
        struct cpx there = {x[n - k].r, -x[n - k].i};
        struct cpx even = cpx_plus(x[k], there), odd = cpx_times(cpx_less(x[k], there), turn);
        z[k] = (struct cpx){even.i + odd.i, even.r + odd.r};
        z[n - k] = (struct cpx){odd.i - even.i, even.r - odd.r};
    }
    fft_run(t, z, y);
    for (int j = 0; j < n / 2; j++)
        for (int l = 0; l < WIDTH; l++) {
            out[l * step + 2 * j] = y[n / 2 + j].i[l];
            out[l * step + 2 * j + 1] = y[n / 2 + j].r[l];
        }
}

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

extern const struct rt_lanes JOIN(rt_lanes, RT_ISA);
const struct rt_lanes JOIN(rt_lanes, RT_ISA) = {
    .name = TEXT(RT_ISA),
    .width = WIDTH,
    .fbank = lanes_fbank,
    .forward = lanes_forward,
    .multiply = lanes_multiply,
    .backward = lanes_backward,
};
