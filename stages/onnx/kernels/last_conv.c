/* SPDX-License-Identifier: MIT
 * last_conv: a convolution with constant weights whose input and output lie channels last (frozen_last.c), by the
 * engine of stages/nn, or, with one channel a group (depthwise), by rt_isa.depthwise. Weights are laid out once; what
 * follows the sums (rt_epilogue) is done while they are in cache. */
#include "stages/onnx/kernels/fused.h"

#include <stdlib.h>
#include <string.h>

#define TILES_MIN 12       /* of 4x4 outputs: fewer do not pay for Winograd's larger weights */
#define WIDE_KERNELS 4     /* a line of so many kernels' places has few at its ends */
#define SLAB_FLOATS 6144   /* lines that a depthwise convolution looks at, with their padding: three quarters of a first
                              cache */

/* ---- what it takes ----
 * Most of a network for pictures or speech. Left to kernel_conv.c are groups of several channels, three axes, and
 * weights that are computed, which would have to be laid out in each run. */

bool rt_last_conv_takes(const struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *w = c->in[1];
    int64_t groups = rt_kernel_int(c, "group", 1);
    bool depthwise = groups == x->dim[1] && w->dim[1] == 1 && w->dim[0] == groups;
    return w->data && (x->rank == 3 || x->rank == 4) && (groups == 1 || depthwise) && rt_tensor_count(w) > 0 &&
           rt_tensor_count(x) > 0 && rt_tensor_count(c->out[0]) > 0 && rt_tensor_count(x) < INT32_MAX &&
           rt_tensor_count(c->out[0]) < INT32_MAX && (!rt_kernel_given(c, 2) || c->in[2]->data);
}

struct last_conv {
    struct rt_geometry g;
    int64_t n, channels, units;
    bool depthwise;
    struct rt_conv v;
};

/* Few tiles go without Winograd: its weights, four times as many, would be read for too little work. The choice must
 * not depend on the batch. */
static int last_conv_read(struct last_conv *l, const struct rt_kernel_call *c)
{
    const struct rt_tensor *w = c->in[1];
    struct rt_tensor x;
    RT_TRY(rt_last_geometry(&l->g, c, w->dim + 2, &x));
    const struct rt_geometry *g = &l->g;
    l->n = x.dim[0];
    l->channels = x.dim[1];
    l->units = w->dim[0];
    l->depthwise = rt_kernel_int(c, "group", 1) > 1;
    l->v = (struct rt_conv){.units = (int)l->units, .batch = (int)l->n, .isa = rt_isa(),
                            .plain = g->out_count < TILES_MIN * 16};
    l->v.w = (struct rt_window){
        .h = (int)g->in[1], .w = (int)g->in[2], .c = (int)l->channels, .oh = (int)g->out[1],
        .ow = (int)g->out[2], .kh = (int)g->kernel[1], .kw = (int)g->kernel[2],
        .sh = (int)g->stride[1], .sw = (int)g->stride[2], .ph = (int)g->before[1],
        .pw = (int)g->before[2], .dh = (int)g->dilation[1], .dw = (int)g->dilation[2]};
    return 0;
}

static struct rt_pass last_conv_pass(const struct last_conv *l)
{
    return rt_pass_forward(&l->v, NULL, NULL, false);
}

/* ---- depthwise ----
 * Taps read the input where it lies; places whose window reaches beyond a line's ends are computed one by one, without
 * the taps outside. Where these would be many, lines are short, and then each is copied once, with its padding, to
 * where the first cache keeps it, some channels at a time. Lines above and below the picture are left out, with their
 * taps. */

struct depthwise {
    const struct last_conv *l;
    int64_t block, places, slots; /* channels; places of a line in the slab; lines of it */
    bool copies; /* else taps read the input itself */
    int64_t from, to; /* places whose taps all lie inside their line */
};

static struct depthwise depthwise_of(const struct last_conv *l)
{
    const struct rt_geometry *g = &l->g;
    struct depthwise d = {.l = l, .slots = (g->kernel[1] - 1) * g->dilation[1] + 1};
    d.places = (g->out[2] - 1) * g->stride[2] + (g->kernel[2] - 1) * g->dilation[2] + 1;
    int64_t unused;
    rt_geometry_inside(g, 2, 0, &d.from, &unused);
    rt_geometry_inside(g, 2, g->kernel[2] - 1, &unused, &d.to);
    d.to = d.to < d.from ? d.from : d.to;
    d.copies = (d.from > 0 || d.to < g->out[2]) && g->out[2] < WIDE_KERNELS * g->kernel[2];
    int64_t panel = l->v.isa->panel, block = SLAB_FLOATS / (d.slots * d.places) / panel * panel;
    d.block = !d.copies ? l->channels : block < panel ? panel : block;
    d.block = d.block < l->channels ? d.block : l->channels;
    return d;
}

/* The slab, then where the taps of a line lie in it and in the weights. */
static size_t depthwise_slab_bytes(const struct depthwise *d)
{
    return !d->copies ? 0 : rt_aligned((size_t)(d->slots * d->places * d->block) * sizeof(float));
}

static size_t depthwise_bytes(const struct depthwise *d)
{
    return depthwise_slab_bytes(d) + (size_t)(2 * d->l->g.taps) * sizeof(int64_t);
}

/* n floats. Short stretches take most of a memcpy's time to find out how long they are. */
static void depthwise_copy_place(float *restrict to, const float *restrict x, int64_t n)
{
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        memcpy(to + i, x + i, 16 * sizeof *to);
    for (; i < n; i++)
        to[i] = x[i];
}

/* Line iy of x, channels [from, from + n), into its slot. */
static void depthwise_copy_line(const struct depthwise *d, const float *x, int64_t iy, int64_t from, int64_t n,
                                float *slab)
{
    const struct rt_geometry *g = &d->l->g;
    int64_t c = d->l->channels, before = g->before[2], end = before + g->in[2];
    float *to = slab + iy % d->slots * d->places * n;
    x += iy * g->in[2] * c + from;
    end = end < d->places ? end : d->places;
    memset(to, 0, (size_t)(before * n) * sizeof *to);
    if (n == c)
        memcpy(to + before * n, x, (size_t)((end - before) * n) * sizeof *to);
    else
        for (int64_t i = before; i < end; i++)
            depthwise_copy_place(to + i * n, x + (i - before) * c, n);
    memset(to + end * n, 0, (size_t)((d->places - end) * n) * sizeof *to);
}

/* Lists the taps that output line oy sees, of kernel columns [left, right). */
static void depthwise_list_taps(const struct depthwise *d, struct rt_depthwise *k, int64_t *at, int64_t oy,
                                int64_t left, int64_t right)
{
    const struct rt_geometry *g = &d->l->g;
    int64_t channels = d->l->channels, apart = d->copies ? k->channels : channels;
    k->taps = 0;
    for (int64_t ky = 0; ky < g->kernel[1]; ky++) {
        int64_t iy = oy * g->stride[1] - g->before[1] + ky * g->dilation[1];
        int64_t line = d->copies ? iy % d->slots * d->places : iy * g->in[2] - g->before[2];
        for (int64_t kx = left; iy >= 0 && iy < g->in[1] && kx < right; kx++, k->taps++) {
            at[k->taps] = (line + kx * g->dilation[2]) * apart;
            at[g->taps + k->taps] = (ky * g->kernel[2] + kx) * channels;
        }
    }
}

/* One place of a line at its end, without the taps outside. */
static void depthwise_end_place(const struct depthwise *d, const struct rt_depthwise *k, int64_t *at, int64_t oy,
                                int64_t ox)
{
    const struct rt_geometry *g = &d->l->g;
    struct rt_depthwise one = *k;
    int64_t left = 0, right = g->kernel[2], first = ox * g->stride[2] - g->before[2];
    while (left < right && first + left * g->dilation[2] < 0)
        left++;
    while (right > left && first + (right - 1) * g->dilation[2] >= g->in[2])
        right--;
    depthwise_list_taps(d, &one, at, oy, left, right);
    one.x += ox * one.place;
    one.y += ox * one.ldy;
    one.places = 1;
    d->l->v.isa->depthwise(&one);
}

static void depthwise_line(const struct depthwise *d, const struct rt_depthwise *k, int64_t *at, int64_t oy)
{
    struct rt_depthwise line = *k;
    int64_t from = d->copies ? 0 : d->from, to = d->copies ? k->places : d->to;
    for (int64_t ox = 0; ox < from; ox++)
        depthwise_end_place(d, k, at, oy, ox);
    depthwise_list_taps(d, &line, at, oy, 0, d->l->g.kernel[2]);
    line.x += from * line.place;
    line.y += from * line.ldy;
    line.places = to - from;
    d->l->v.isa->depthwise(&line);
    for (int64_t ox = to; ox < k->places; ox++)
        depthwise_end_place(d, k, at, oy, ox);
}

/* A block of channels of one sample. */
static void depthwise_block(const struct depthwise *d, const struct rt_kernel_call *c, int64_t sample, int64_t from,
                            int64_t n, float *slab)
{
    const struct rt_geometry *g = &d->l->g;
    const float *x = (const float *)c->in[0]->data + sample * g->in_count * d->l->channels;
    int64_t channels = d->l->channels, next = 0;
    int64_t *at = (int64_t *)((char *)slab + depthwise_slab_bytes(d));
    struct rt_depthwise k = {.x = d->copies ? slab : x + from, .w = (const float *)c->prepared + from,
                             .bias = rt_kernel_given(c, 2) ? (const float *)c->in[2]->data + from : NULL,
                             .place = g->stride[2] * (d->copies ? n : channels), .x_at = at, .w_at = at + g->taps,
                             .ldy = channels, .places = g->out[2], .channels = n};
    for (int64_t oy = 0; oy < g->out[1]; oy++) {
        int64_t top = oy * g->stride[1] - g->before[1], end = top + d->slots < g->in[1] ? top + d->slots : g->in[1];
        next = next < top ? top : next;
        for (; d->copies && next < end; next++)
            depthwise_copy_line(d, x, next, from, n, slab);
        int64_t place = (sample * g->out[1] + oy) * g->out[2];
        k.y = (float *)c->out[0]->data + place * channels + from;
        depthwise_line(d, &k, at, oy);
        rt_fused_finish(c, NULL, place * channels + from, g->out[2], n, channels);
    }
}

static void depthwise_run(const struct last_conv *l, const struct rt_kernel_call *c)
{
    struct depthwise d = depthwise_of(l);
    for (int64_t sample = 0; sample < l->n; sample++)
        for (int64_t from = 0; from < l->channels; from += d.block) {
            int64_t rest = l->channels - from;
            depthwise_block(&d, c, sample, from, rest < d.block ? rest : d.block, c->scratch);
        }
}

/* ---- the kernel ---- */

/* Of the one thread that runs the pass. */
static struct rt_scratch last_conv_scratch_at(void *memory, struct rt_scratch_size size)
{
    return (struct rt_scratch){.shared = memory, .threads = (char *)memory + rt_aligned(size.shared)};
}

static int last_conv_shape(struct rt_kernel_call *c)
{
    struct last_conv l;
    RT_TRY(last_conv_read(&l, c));
    struct rt_pass p = last_conv_pass(&l);
    struct depthwise d = depthwise_of(&l);
    struct rt_scratch_size size = l.depthwise ? (struct rt_scratch_size){0} : rt_pass_scratch(&p, true);
    c->scratch_bytes = l.depthwise ? depthwise_bytes(&d) : rt_aligned(size.shared) + size.thread;
    if (c->in[0]->rank == 3)
        return rt_kernel_out(c, 0, RT_F32, 3, (int64_t[]){l.n, l.g.out[2], l.units});
    return rt_kernel_out(c, 0, RT_F32, 4, (int64_t[]){l.n, l.g.out[1], l.g.out[2], l.units});
}

static size_t last_conv_bytes(struct rt_kernel_call *c)
{
    struct last_conv l;
    if (last_conv_read(&l, c) < 0)
        return 0;
    struct rt_pass p = last_conv_pass(&l);
    return l.depthwise ? (size_t)rt_tensor_count(c->in[1]) * sizeof(float) : rt_pass_prepared(&p);
}

/* ONNX's [units, channels, taps] become [units, taps, channels], then what the pass wants; of a depthwise convolution
 * [taps, channels]. Done when the graph is made, so its scratch memory is its own and goes at once. */
static int last_conv_prepare(struct rt_kernel_call *c, void *to)
{
    struct last_conv l;
    RT_TRY(last_conv_read(&l, c));
    const float *weight = c->in[1]->data;
    int64_t unit = l.channels * l.g.taps;
    if (l.depthwise) {
        rt_swap_axes(weight, to, l.units, l.g.taps);
        return 0;
    }
    float *last = calloc((size_t)(l.units * unit), sizeof *last);
    struct rt_pass p = last_conv_pass(&l);
    struct rt_scratch_size size = rt_pass_scratch(&p, false);
    void *scratch = aligned_alloc(64, rt_aligned(size.shared) + rt_aligned(size.thread));
    int rc = last && scratch ? 0 : RT_EMEM;
    for (int64_t u = 0; rc == 0 && u < l.units; u++)
        rt_swap_axes(weight + u * unit, last + u * unit, l.channels, l.g.taps);
    l.v.weight = last;
    struct rt_scratch s = last_conv_scratch_at(scratch, size);
    if (rc == 0)
        rt_pass_prepare(&p, to, &s);
    free(last);
    free(scratch);
    return rc;
}

static int last_conv_compute(struct rt_kernel_call *c)
{
    struct last_conv l;
    RT_TRY(last_conv_read(&l, c));
    if (l.depthwise) {
        depthwise_run(&l, c);
        return 0;
    }
    struct rt_pass p = last_conv_pass(&l);
    struct rt_scratch s = last_conv_scratch_at(c->scratch, rt_pass_scratch(&p, true));
    p.from = c->in[0]->data;
    p.to = c->out[0]->data;
    p.prepared = c->prepared;
    rt_fused_follow(c, &p);
    rt_pass_run(&p, &s);
    return 0;
}

static const struct rt_kernel_once last_conv_once = {last_conv_bytes, last_conv_prepare};
const struct rt_kernel rt_kernel_last_conv = {2, 3, 1, last_conv_shape, last_conv_compute, NULL, &last_conv_once};
