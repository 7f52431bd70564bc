/* SPDX-License-Identifier: MIT
 * lanes: the transforms of sound, of several pieces of it at once: each lane of the processor's vectors has a frame, or
 * a block, of its own. Compiled once per instruction set (lanes_code.c). A lane's sums are those of a piece that is
 * alone, in the same order and without fused products: bytes are the same for all instruction sets. Pure, any
 * thread. */
#ifndef RT_LANES_H
#define RT_LANES_H

#include <stdint.h>

#define RT_LANES_MOST 16 /* in a vector */

/* Of 2 * points real numbers; made once and then only read. */
struct rt_fft {
    int points;              /* complex ones, a power of 4 */
    const float *turn;       /* [points][2] exp(-2 pi i k / points) */
    const float *half;       /* [points / 2][2] exp(-pi i ((k + 1) / points + 1 / 2)) */
    const uint16_t *turned;  /* [points / 4] place of the first of each four, its digits of two bits reversed */
};
#define RT_FFT_BINS(t) ((t)->points + 1)

/* What frames become on their way to bands (fbank.h). */
struct rt_lanes_band {
    int first, count; /* bins */
    const float *weight;
};
struct rt_lanes_fbank {
    const struct rt_fft *fft;
    const float *window; /* [size] */
    int size, shift;     /* samples of a frame, from one to the next */
    float scale, emphasis, floor;
    const struct rt_lanes_band *band;
    int bands;
};

struct rt_lanes {
    const char *name; /* of its struct rt_isa */
    int width;        /* lanes */
    /* Natural logarithms of the bands' energies: out [frames, bands]. sample holds all that the frames cover. */
    void (*fbank)(const struct rt_lanes_fbank *f, const float *sample, int64_t frames, float *out);
    /* Spectra of `width` pieces of 2 * points samples, each `step` behind the one before. Number k of the spectra (real
     * and imaginary part of each bin in turn) is to [k * stride + lane]. work: [4 * points * width] floats. */
    void (*forward)(const struct rt_fft *t, const float *from, int64_t step, float *work, float *to, int64_t stride);
    /* Products of spectra, summed over `parts`, of `width` blocks: to is as forward's with stride `width`. Block b
     * times part 0, block b - 1 times part 1 and so on: from is at the first block, with parts - 1 before it, part at
     * the first part. */
    void (*multiply)(const float *from, int64_t stride, const float *part, int64_t part_stride, int parts, int bins,
                     float *to);
    /* The way back: of each piece, 2 * points times as large, the second half: out [width, points], each `step` behind
     * the one before. spectra [bins * 2, width]. */
    void (*backward)(const struct rt_fft *t, const float *spectra, float *work, float *out, int64_t step);
};

/* That of rt_isa(). */
const struct rt_lanes *rt_lanes(void);
/* Of 2 * points numbers: points 256 or 1024. Never fails, is nobody's to free. */
const struct rt_fft *rt_fft(int points);

#endif
