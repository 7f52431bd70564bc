/* SPDX-License-Identifier: MIT
 * conv_grouped: convolution in groups: unit u sees only the channels of its group. Each kernel tap joins
 * a row of output places with a row of input places; with one channel and one unit a group (depthwise)
 * their product goes channel by channel, else it is a small matrix product per group.
 * Samples are shared among threads; for weight gradients, groups are, so that no sum is split. */
#include "stages/nn/conv_way.h"

#include "stages/nn/blas.h"
#include "stages/nn/simd.h"

#include <string.h>

#define GROUPS_PIECE 16 /* groups of one piece of weight gradients */

/* ---- layout ----
 * Weights of a depthwise convolution lie channel by channel, a few taps each; as [taps][channels] a
 * tap's weights are one row that fits the channels of a place, and the inner loop has no gaps. */

struct grouped {
    const struct rt_op_run *r;
    struct rt_window w;
    int groups, c, u, taps; /* channels and units of a group; kernel area */
    int units, channels;
    bool depthwise;
    float *transposed; /* depthwise: weights, or their gradients, as [taps][channels] */
};

static struct grouped grouped_of(const struct rt_op_run *r)
{
    struct grouped d = {.r = r, .w = rt_window_of(r->node, r->in_shape[0]),
                        .groups = r->node->attr.groups, .units = r->node->attr.units};
    d.channels = d.w.c;
    d.c = d.channels / d.groups;
    d.u = d.units / d.groups;
    d.taps = d.w.kh * d.w.kw;
    d.depthwise = d.c == 1 && d.u == 1;
    d.transposed = r->scratch.shared;
    return d;
}

struct rt_scratch_size rt_grouped_scratch(const struct rt_node *n, const struct rt_shape *in)
{
    struct rt_window w = rt_window_of(n, in);
    size_t weights = (size_t)w.kh * (size_t)w.kw * (size_t)n->attr.units;
    return (struct rt_scratch_size){.shared = weights * sizeof(float)};
}

/* ---- rows that a tap joins ----
 * All three passes go over the same pairs of rows, so the geometry is written once and calls a
 * function for each pair. conv_direct.c could take groups one by one, but with one channel a group
 * its products would be one column wide. */

/* Output places [y, y + n), each one `units` on, see places x, x + sw .. of the input through tap. */
struct row {
    int64_t x, y; /* offsets of channel 0 and unit 0 */
    int n, tap;
};
typedef void join(const struct grouped *d, const struct row *row, int from, int to);

/* Calls join for groups [from, to) and every pair of rows in a sample. */
static void grouped_each_row(const struct grouped *d, int sample, join *f, int from, int to)
{
    const struct rt_window *w = &d->w;
    for (int oy = 0; oy < w->oh; oy++) {
        for (int tap = 0; tap < d->taps; tap++) {
            int iy = oy * w->sh - w->ph + tap / w->kw * w->dh, off = tap % w->kw * w->dw - w->pw;
            int first = off < 0 ? (-off + w->sw - 1) / w->sw : 0;
            int end = off >= w->w ? 0 : (w->w - 1 - off) / w->sw + 1;
            end = end < w->ow ? end : w->ow;
            if (iy < 0 || iy >= w->h || first >= end)
                continue;
            int64_t x = (((int64_t)sample * w->h + iy) * w->w + first * w->sw + off) * d->channels;
            int64_t y = (((int64_t)sample * w->oh + oy) * w->ow + first) * d->units;
            f(d, &(struct row){x, y, end - first, tap}, from, to);
        }
    }
}

static int64_t grouped_weight_at(const struct grouped *d, int group, int tap)
{
    return ((int64_t)group * d->u * d->taps + tap) * d->c;
}

/* to[i] += a[i] b[i] for n rows of c numbers; a step of 0 stays at one row. */
RT_SIMD static void grouped_add_products(const float *restrict a, int64_t a_step,
                                         const float *restrict b, int64_t b_step,
                                         float *restrict to, int64_t to_step, int n, int c)
{
    for (int i = 0; i < n; i++, a += a_step, b += b_step, to += to_step)
        for (int k = 0; k < c; k++)
            to[k] += a[k] * b[k];
}

/* A row of places times a group's weights for one tap. With few channels a group these products are
 * thin; networks with groups (ResNeXt) are rarer than those with depthwise layers, which do without
 * them. */
static void grouped_join_forward(const struct grouped *d, const struct row *p, int from, int to)
{
    const float *x = d->r->x[0] + p->x, *w = d->r->param[0]->value;
    float *y = d->r->y + p->y;
    int step = d->w.sw * d->channels;
    if (d->depthwise) {
        grouped_add_products(x, step, d->transposed + (int64_t)p->tap * d->units, 0, y, d->units,
                             p->n, d->units);
        return;
    }
    for (int g = from; g < to; g++)
        rt_gemm(0, 1, p->n, d->u, d->c, x + g * d->c, step, w + grouped_weight_at(d, g, p->tap),
                d->taps * d->c, 1, y + g * d->u, d->units);
}

static void grouped_join_back(const struct grouped *d, const struct row *p, int from, int to)
{
    const float *dy = d->r->dy + p->y, *w = d->r->param[0]->value;
    float *dx = d->r->dx[0] + p->x;
    int step = d->w.sw * d->channels;
    if (d->depthwise) {
        grouped_add_products(dy, d->units, d->transposed + (int64_t)p->tap * d->units, 0, dx, step,
                             p->n, d->units);
        return;
    }
    for (int g = from; g < to; g++)
        rt_gemm(0, 0, p->n, d->c, d->u, dy + g * d->u, d->units,
                w + grouped_weight_at(d, g, p->tap), d->taps * d->c, 1, dx + g * d->c, step);
}

static void grouped_join_weights(const struct grouped *d, const struct row *p, int from, int to)
{
    const float *x = d->r->x[0] + p->x, *dy = d->r->dy + p->y;
    float *grad = d->r->param[0]->grad;
    int step = d->w.sw * d->channels;
    if (d->depthwise) {
        grouped_add_products(x + from, step, dy + from, d->units,
                             d->transposed + (int64_t)p->tap * d->units + from, 0, p->n, to - from);
        return;
    }
    for (int g = from; g < to; g++)
        rt_gemm(1, 0, d->u, d->c, p->n, dy + g * d->u, d->units, x + g * d->c, step, 1,
                grad + grouped_weight_at(d, g, p->tap), d->taps * d->c);
}

/* ---- pieces ----
 * Forward and back, a sample is a piece: nobody else writes its rows. The gradient of the weights
 * is a sum over samples, so there a piece is a range of groups, each summed over the samples in
 * their order. */

/* The bias is written first, as joining adds. */
static void grouped_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    const struct grouped *d = self;
    int64_t places = (int64_t)d->w.oh * d->w.ow, units = d->units;
    float *y = d->r->y + b * places * units;
    if (!d->r->node->attr.bias)
        memset(y, 0, (size_t)(places * units) * sizeof *y);
    for (int64_t p = 0; d->r->node->attr.bias && p < places; p++)
        memcpy(y + p * units, d->r->param[1]->value, (size_t)units * sizeof *y);
    grouped_each_row(d, b, grouped_join_forward, 0, d->groups);
}

static void grouped_back_piece(void *self, int b, int thread)
{
    (void)thread;
    const struct grouped *d = self;
    int64_t all = (int64_t)d->w.h * d->w.w * d->channels;
    if (!d->r->add[0])
        memset(d->r->dx[0] + b * all, 0, (size_t)all * sizeof(float));
    grouped_each_row(d, b, grouped_join_back, 0, d->groups);
}

static void grouped_weights_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct grouped *d = self;
    int from = i * GROUPS_PIECE, to = (int)rt_piece_end(d->groups, GROUPS_PIECE, i);
    for (int b = 0; b < d->r->batch; b++)
        grouped_each_row(d, b, grouped_join_weights, from, to);
}

/* ---- entry points ----
 * Called by conv.c. The scratch memory is the transposed weights, or their gradient, and is used
 * for depthwise ones only. */

/* Depthwise weights [channels][taps] <-> [taps][channels]. */
static void grouped_transpose_weights(const struct grouped *d)
{
    const float *w = d->r->param[0]->value;
    for (int t = 0; d->depthwise && t < d->taps; t++)
        for (int c = 0; c < d->units; c++)
            d->transposed[t * d->units + c] = w[c * d->taps + t];
}

void rt_grouped_forward(struct rt_op_run *r)
{
    struct grouped d = grouped_of(r);
    grouped_transpose_weights(&d);
    rt_parallel_for(r->parallel, r->batch, grouped_forward_piece, &d);
}

void rt_grouped_weights(struct rt_op_run *r)
{
    struct grouped d = grouped_of(r);
    float *grad = r->param[0]->grad;
    int all = d.taps * d.units;
    if (d.depthwise)
        memset(d.transposed, 0, (size_t)all * sizeof *d.transposed);
    rt_parallel_for(r->parallel, rt_pieces(d.groups, GROUPS_PIECE), grouped_weights_piece, &d);
    for (int i = 0; d.depthwise && i < all; i++)
        grad[i] += d.transposed[i % d.taps * d.units + i / d.taps];
}

void rt_grouped_back(struct rt_op_run *r)
{
    struct grouped d = grouped_of(r);
    grouped_transpose_weights(&d);
    rt_parallel_for(r->parallel, r->batch, grouped_back_piece, &d);
}
