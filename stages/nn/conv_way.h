/* SPDX-License-Identifier: MIT
 * conv_way: what conv.c shares with the ways to compute a convolution: conv_direct.c takes any,
 * conv_winograd.c kernels of 3 and stride 1 with fewer multiplications; and with conv_grouped.c, which
 * takes convolutions in groups. */
#ifndef RT_CONV_WAY_H
#define RT_CONV_WAY_H

#include "stages/nn/isa.h"
#include "stages/nn/scratch.h"
#include "stages/nn/window.h"

struct rt_conv {
    struct rt_window w; /* a sequence is one line: time along w; oh and ow need not follow from pads */
    int units, batch;
    bool plain; /* never Winograd, whose weights are four times as many: for a few places */
    const struct rt_isa *isa;
    struct rt_parallel *parallel; /* NULL: the caller alone */
    const float *weight;          /* [units,kh,kw,c] */
    float *grad;                  /* of weight; added to */
    const float *x, *dy;          /* for weight gradients */
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
    const void *prepared; /* weights, laid out for this pass before; NULL: laid out by it */
    /* Done to each place behind its sum, while that is in cache: bias [cols] added, another tensor as `to` is, and a
     * function of act.def with its settings. */
    const float *bias, *other;
    enum rt_act act;
    float a, b;
};

/* The forward pass from x to y, written or added. */
static inline struct rt_pass rt_pass_forward(const struct rt_conv *v, const float *x, float *y,
                                             bool add)
{
    return (struct rt_pass){.v = v, .from = x, .h = v->w.h, .w = v->w.w, .depth = v->w.c, .to = y,
                            .oh = v->w.oh, .ow = v->w.ow, .cols = v->units, .add = add};
}
/* The way back, from dy to dx. */
static inline struct rt_pass rt_pass_back(const struct rt_conv *v, const float *dy, float *dx,
                                          bool add)
{
    return (struct rt_pass){.v = v, .back = true, .from = dy, .h = v->w.oh, .w = v->w.ow,
                            .depth = v->units, .to = dx, .oh = v->w.h, .ow = v->w.w,
                            .cols = v->w.c, .add = add};
}

/* A pass, in the way that suits it; with prepared weights less scratch memory is needed. */
struct rt_scratch_size rt_pass_scratch(const struct rt_pass *p, bool prepared);
void rt_pass_run(const struct rt_pass *p, const struct rt_scratch *s);
/* What the sums themselves do of that, at place `to` of p->to and column col: all of it, if rt_pass_is_behind. */
static inline bool rt_pass_is_behind(const struct rt_pass *p)
{
    return p->act == RT_ACT_none || p->act == RT_ACT_relu || p->act == RT_ACT_clip;
}
static inline struct rt_behind rt_pass_behind(const struct rt_pass *p, const float *to, int64_t col)
{
    bool all = rt_pass_is_behind(p);
    return (struct rt_behind){.bias = all && p->bias ? p->bias + col : NULL,
                              .other = all && p->other ? p->other + (to - p->to) : NULL,
                              .relu = p->act == RT_ACT_relu, .clip = p->act == RT_ACT_clip,
                              .low = p->a, .high = p->b};
}
/* What stands behind the sums (rt_pass.bias, other, act), for `rows` places of columns [col, col + n) from place `at`
 * of `to` on, while they are still in cache: each of these as a pass of its own goes over all of memory once more,
 * which with one sample takes as long as a small layer. */
static inline void rt_pass_finish(const struct rt_pass *p, int64_t at, int64_t rows, int64_t col, int64_t n)
{
    if (!p->bias && !p->other && !p->act)
        return;
    float *to = p->to + at * p->cols + col;
    rt_isa()->finish(&(struct rt_finish){
        .from = to, .to = to, .bias = p->bias ? p->bias + col : NULL,
        .other = p->other ? p->other + at * p->cols + col : NULL, .stride = p->cols, .rows = rows, .n = n,
        .act = p->act, .a = p->a, .b = p->b});
}
/* For weights that do not change: lays them out once, as rt_pass.prepared: [rt_pass_prepared] bytes, 64-byte
 * aligned. Needs the scratch memory of a pass whose weights are not prepared. */
size_t rt_pass_prepared(const struct rt_pass *p);
void rt_pass_prepare(const struct rt_pass *p, void *prepared, const struct rt_scratch *s);

/* The two ways themselves, for conv.c and for benches. Scratch memory as each asks:
 * for a pass, with its weights prepared or not, and for the gradient of the weights. Passes write or
 * add (rt_pass.add) all of `to`; weights add to v->grad. Sums have one order for any number of threads. */
struct rt_scratch_size rt_direct_scratch(const struct rt_pass *p, bool prepared);
struct rt_scratch_size rt_direct_weights_scratch(const struct rt_conv *v);
size_t rt_direct_prepared(const struct rt_pass *p);
void rt_direct_prepare(const struct rt_pass *p, void *prepared);
void rt_direct_pass(const struct rt_pass *p, const struct rt_scratch *s);
void rt_direct_weights(const struct rt_conv *v, const struct rt_scratch *s); /* adds to their gradient */

/* Lanes: ranges of the batch whose weight gradients have sums of their own, added up in lane order, so that the
 * result depends on no number of threads and a thread keeps to its own cache. LANES_MIN to LANES_MAX: more let
 * threads end closer to each other. worth: how many there is work enough for; sums: floats of one lane's. */
#define LANES_MIN 8
#define LANES_MAX 32
#define LANES_FLOATS (1200 * 1024) /* of all lanes' sums, with more than LANES_MIN */
static inline int rt_lanes(int64_t worth, int64_t sums)
{
    int64_t fit = LANES_FLOATS / sums, lanes = fit < worth ? fit : worth;
    return (int)(lanes < LANES_MIN ? LANES_MIN : lanes > LANES_MAX ? LANES_MAX : lanes);
}

/* Whether Winograd takes it: by its shape alone. The others only then. */
bool rt_winograd_fits(const struct rt_conv *v);
struct rt_scratch_size rt_winograd_scratch(const struct rt_pass *p, bool prepared);
struct rt_scratch_size rt_winograd_weights_scratch(const struct rt_conv *v);
size_t rt_winograd_prepared(const struct rt_pass *p);
void rt_winograd_prepare(const struct rt_pass *p, void *prepared, const struct rt_scratch *s);
void rt_winograd_pass(const struct rt_pass *p, const struct rt_scratch *s);
void rt_winograd_weights(const struct rt_conv *v, const struct rt_scratch *s);

/* attr.groups > 1. Weights: their gradient is added to. */
struct rt_scratch_size rt_grouped_scratch(const struct rt_node *n, const struct rt_shape *in);
void rt_grouped_forward(struct rt_op_run *r);
void rt_grouped_weights(struct rt_op_run *r);
void rt_grouped_back(struct rt_op_run *r);

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

static inline int rt_min_int(int a, int b)
{
    return a < b ? a : b;
}
static inline int rt_max_int(int a, int b)
{
    return a > b ? a : b;
}

#endif
