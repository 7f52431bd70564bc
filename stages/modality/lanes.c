/* SPDX-License-Identifier: MIT
 * lanes: see lanes.h; which of them is used, and the tables of their transforms. */
#include "stages/modality/lanes.h"

#include "stages/nn/isa.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#define FRAME 256  /* complex points: of a frame, and of a block of a recording in a room */
#define BLOCK 1024

extern const struct rt_lanes rt_lanes_baseline;
#ifdef __x86_64__
extern const struct rt_lanes rt_lanes_avx2, rt_lanes_avx512;
#endif

/* ---- which ----
 * One choice for the program: who asks for an older instruction set (RETORT_ISA) wants the time of such a machine,
 * too. */

const struct rt_lanes *rt_lanes(void)
{
#ifdef __x86_64__
    const char *name = rt_isa()->name;
    if (!strcmp(name, rt_lanes_avx512.name))
        return &rt_lanes_avx512;
    if (!strcmp(name, rt_lanes_avx2.name))
        return &rt_lanes_avx2;
#endif
    return &rt_lanes_baseline;
}

/* ---- tables ----
 * Of two sizes, for the whole program: to make one costs as much as a second of speech, so it is not made for each
 * recording. Angles are those of kissfft, to the last bit. */

static float frame_turn[2 * FRAME], frame_half[FRAME], block_turn[2 * BLOCK], block_half[BLOCK];
static uint16_t frame_turned[FRAME / 4], block_turned[BLOCK / 4];
static const struct rt_fft frame_fft = {FRAME, frame_turn, frame_half, frame_turned},
                           block_fft = {BLOCK, block_turn, block_half, block_turned};
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fft_fill(int points, float *turn, float *half, uint16_t *turned)
{
    for (int k = 0; k < points; k++) {
        double phase = -2 * M_PI * k / points;
        turn[2 * k] = (float)cos(phase);
        turn[2 * k + 1] = (float)sin(phase);
    }
    for (int k = 0; k < points / 2; k++) {
        double phase = -M_PI * ((double)(k + 1) / points + .5);
        half[2 * k] = (float)cos(phase);
        half[2 * k + 1] = (float)sin(phase);
    }
    for (int g = 0; g < points / 4; g++) {
        int from = 0;
        for (int rest = g, left = points / 4; left > 1; left /= 4, rest /= 4)
            from = 4 * from + rest % 4;
        turned[g] = (uint16_t)from;
    }
}

static void tables_make(void)
{
    fft_fill(FRAME, frame_turn, frame_half, frame_turned);
    fft_fill(BLOCK, block_turn, block_half, block_turned);
}

const struct rt_fft *rt_fft(int points)
{
    assert(points == FRAME || points == BLOCK);
    pthread_once(&tables_once, tables_make);
    return points == FRAME ? &frame_fft : &block_fft;
}
