/* SPDX-License-Identifier: MIT
 * conv_way: what conv.c shares with the two ways to compute a convolution: conv_direct.c takes any,
 * conv_winograd.c kernels of 3 and stride 1 with fewer multiplications. */
#ifndef RT_CONV_WAY_H
#define RT_CONV_WAY_H

#include "stages/nn/isa.h"
#include "stages/nn/window.h"

struct rt_conv {
    struct rt_op_run *r;
    struct rt_window w; /* a sequence is one line: time along w */
    int units, batch, threads;
    const struct rt_isa *isa;
};

/* One pass over lines of places: every place of `to` becomes a sum over the places of `from` that the
 * kernel joins it with. Forward from x to y; back from dy to dx. */
struct rt_pass {
    const struct rt_conv *v;
    bool back;
    const float *from;
    int h, w, depth;
    float *to;
    int oh, ow, cols;
    bool add;
};

/* A way's scratch memory holds what any of its functions needs at once, in bytes. */
size_t rt_direct_scratch(const struct rt_conv *v);
void rt_direct_pass(const struct rt_pass *p, void *scratch);
void rt_direct_weights(const struct rt_conv *v, void *scratch); /* adds to the weights' gradient */

bool rt_winograd_fits(const struct rt_conv *v);
size_t rt_winograd_scratch(const struct rt_conv *v);
void rt_winograd_pass(const struct rt_pass *p, void *scratch);
void rt_winograd_weights(const struct rt_conv *v, void *scratch);

/* Columns are taken in panels of isa->panel, the last narrower. */
static inline int rt_panels(const struct rt_isa *isa, int cols)
{
    return (cols + isa->panel - 1) / isa->panel;
}
static inline int rt_panel_cols(const struct rt_isa *isa, int cols, int panel)
{
    int rest = cols - panel * isa->panel;
    return rest < isa->panel ? rest : isa->panel;
}

/* Bytes rounded up so that what follows is aligned. */
static inline size_t rt_aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

#endif
