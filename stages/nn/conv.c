/* SPDX-License-Identifier: MIT
 * conv: convolution of 1-D and 2-D inputs: shape and parameters, and which way computes it. */
#include "stages/nn/conv.h"

#include "stages/nn/conv_way.h"

#include <string.h>

#define BIAS_ROWS 1024 /* places of one piece */

/* ---- shape and parameters ----
 * The shape is checked where the node is made, so that a network that cannot run is refused with
 * the name of its node, and the ways to compute need no checks. Groups share this: the weights of a
 * unit are those of its group's channels alone, and the bound of its initial weights follows from
 * that. */

int rt_conv_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                  bool one_dimensional, struct rt_error *e)
{
    if (n->attr.units < 1)
        return rt_error_set(e, RT_ERANGE, "network: node \"%s\" needs units of at least 1, not %d",
                            n->name, n->attr.units);
    if (one_dimensional && in->rank != 2)
        return rt_shape_refuse(n, in, "[t,c]", e);
    int err = rt_window_shape(n, in, (int[]){1, 1}, n->attr.units, e);
    if (err)
        return err;
    struct rt_window w = rt_window_of(n, in);
    int groups = n->attr.groups = n->attr.groups ? n->attr.groups : 1;
    if (groups < 1 || w.c % groups || n->attr.units % groups)
        return rt_error_set(e, RT_ERANGE, "network: node \"%s\" (%s): %d channels and %d units do not "
                            "make %d groups", n->name, rt_op_get(n->op)->name, w.c, n->attr.units,
                            groups);
    int64_t units = n->attr.units, c = w.c / groups, fan_in = (int64_t)w.kh * w.kw * c;
    int64_t flat[] = {units, w.kh, c}, square[] = {units, w.kh, w.kw, c};
    err = one_dimensional ? rt_op_param(g, n, "weight", 3, flat, fan_in, 0, true, false)
                          : rt_op_param(g, n, "weight", 4, square, fan_in, 0, true, false);
    if (!err && n->attr.bias)
        err = rt_op_param(g, n, "bias", 1, &units, fan_in, 0, false, false);
    return err;
}

/* ---- one pass, in the way that suits it ----
 * Which way takes a convolution follows from its shape alone, never from a trial run at start: a
 * measured choice would differ from one start to the next, and with it the order of sums and the
 * bytes of a checkpoint. Winograd takes what fits it; conv_direct.c takes everything, so it is the
 * answer to all else. A matrix of windows for OpenBLAS (im2col), as here at first, ran at 56 to 84
 * GFLOP/s where these reach 100 and needed a buffer of kernel times the input. */

/* A sequence [t,c] is one line of places here: long lines make long products, and both ways then
 * need no case of their own for it. */
static struct rt_conv conv_of(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    struct rt_window w = rt_window_of(n, in);
    if (w.w == 1 && w.kw == 1)
        w = (struct rt_window){.h = 1, .w = w.h, .c = w.c, .oh = 1, .ow = w.oh, .kh = 1,
                               .kw = w.kh, .sh = 1, .sw = w.sh, .pw = w.ph, .dh = 1, .dw = w.dh};
    return (struct rt_conv){.w = w, .units = n->attr.units, .batch = batch, .isa = rt_isa()};
}

struct rt_scratch_size rt_pass_scratch(const struct rt_pass *p, bool prepared)
{
    return rt_winograd_fits(p->v) ? rt_winograd_scratch(p, prepared)
                                  : rt_direct_scratch(p, prepared);
}

void rt_pass_run(const struct rt_pass *p, const struct rt_scratch *s)
{
    if (rt_winograd_fits(p->v))
        rt_winograd_pass(p, s);
    else
        rt_direct_pass(p, s);
}

size_t rt_pass_prepared(const struct rt_pass *p)
{
    return rt_winograd_fits(p->v) ? rt_winograd_prepared(p) : rt_direct_prepared(p);
}

void rt_pass_prepare(const struct rt_pass *p, void *prepared, const struct rt_scratch *s)
{
    if (rt_winograd_fits(p->v))
        rt_winograd_prepare(p, prepared, s);
    else
        rt_direct_prepare(p, prepared);
}

/* ---- scratch memory ----
 * Forward, the way back and the gradient of the weights run one after the other, so the largest of
 * the three is enough. */

struct rt_scratch_size rt_conv_scratch(const struct rt_node *n, const struct rt_shape *in,
                                       int batch)
{
    if (n->attr.groups > 1)
        return rt_grouped_scratch(n, in);
    struct rt_conv v = conv_of(n, in, batch);
    struct rt_pass forward = rt_pass_forward(&v, NULL, NULL, false);
    struct rt_pass back = rt_pass_back(&v, NULL, NULL, false);
    struct rt_scratch_size passes =
        rt_scratch_size_max(rt_pass_scratch(&forward, false), rt_pass_scratch(&back, false));
    return rt_scratch_size_max(passes, rt_winograd_fits(&v) ? rt_winograd_weights_scratch(&v)
                                                     : rt_direct_weights_scratch(&v));
}

/* ---- weights that do not change ---- */

size_t rt_conv_prepared(const struct rt_node *n, const struct rt_shape *in)
{
    struct rt_conv v = conv_of(n, in, 1);
    struct rt_pass p = rt_pass_forward(&v, NULL, NULL, false);
    return n->attr.groups > 1 ? 0 : rt_pass_prepared(&p);
}

void rt_conv_prepare(struct rt_op_run *r, void *prepared)
{
    struct rt_conv v = conv_of(r->node, r->in_shape[0], 1);
    v.weight = r->param[0]->value;
    struct rt_pass p = rt_pass_forward(&v, NULL, NULL, false);
    rt_pass_prepare(&p, prepared, &r->scratch);
}

struct rt_scratch_size rt_conv_prepared_scratch(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    struct rt_conv v = conv_of(n, in, batch);
    struct rt_pass p = rt_pass_forward(&v, NULL, NULL, false);
    return n->attr.groups > 1 ? rt_grouped_scratch(n, in) : rt_pass_scratch(&p, true);
}

/* A linear layer: one place, whose channels are all inputs; samples are a line of places. */
static struct rt_conv linear_of(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    return (struct rt_conv){.w = {.h = 1, .w = 1, .c = in->dim[0], .oh = 1, .ow = 1, .kh = 1, .kw = 1, .sh = 1,
                                  .sw = 1, .dh = 1, .dw = 1},
                            .units = n->attr.units, .batch = batch, .plain = true, .isa = rt_isa()};
}

size_t rt_linear_prepared(const struct rt_node *n, const struct rt_shape *in)
{
    struct rt_conv v = linear_of(n, in, 1);
    struct rt_pass p = rt_pass_forward(&v, NULL, NULL, false);
    return rt_direct_prepared(&p);
}

void rt_linear_prepare(struct rt_op_run *r, void *prepared)
{
    struct rt_conv v = linear_of(r->node, r->in_shape[0], 1);
    v.weight = r->param[0]->value;
    struct rt_pass p = rt_pass_forward(&v, NULL, NULL, false);
    rt_direct_prepare(&p, prepared);
}

struct rt_scratch_size rt_linear_prepared_scratch(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    struct rt_conv v = linear_of(n, in, batch);
    struct rt_pass p = rt_pass_forward(&v, NULL, NULL, false);
    return rt_direct_scratch(&p, true);
}

/* Not OpenBLAS: for one sample it packs all weights in each call, which takes as long as reading them twice; and with
 * our own products a sample's sums do not depend on its neighbours in a batch. */
void rt_linear_prepared_forward(struct rt_op_run *r)
{
    struct rt_conv v = linear_of(r->node, r->in_shape[0], r->batch);
    v.parallel = r->parallel;
    struct rt_pass p = rt_pass_forward(&v, r->x[0], r->y, false);
    p.prepared = r->prepared;
    p.bias = r->node->attr.bias ? r->param[1]->value : NULL;
    p.act = r->relu ? RT_ACT_relu : RT_ACT_none;
    p.other = r->other;
    rt_direct_pass(&p, &r->scratch);
}

/* ---- forward ----
 * The bias is written first and the pass adds to it: the products then hold it in registers from
 * the start, and no second pass over the output is needed. */

/* What a step changes: weights and gradients are found anew in each run, as the plan is of shapes
 * alone. */
static struct rt_conv conv_begin(struct rt_op_run *r)
{
    struct rt_conv v = conv_of(r->node, r->in_shape[0], r->batch);
    v.parallel = r->parallel;
    v.weight = r->param[0]->value;
    v.grad = r->param[0]->grad;
    v.x = r->x[0];
    v.dy = r->dy;
    return v;
}

static int64_t conv_places(const struct rt_op_run *r)
{
    return r->batch * rt_shape_count(&r->node->shape) / r->node->attr.units;
}

/* Bias of every place, which the pass then adds to. */
static void conv_bias_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct rt_op_run *r = self;
    int64_t units = r->node->attr.units, end = rt_piece_end(conv_places(r), BIAS_ROWS, i);
    for (int64_t p = (int64_t)i * BIAS_ROWS; p < end; p++)
        memcpy(r->y + p * units, r->param[1]->value, (size_t)units * sizeof(float));
}

/* What the products did not do themselves. */
static void conv_finish_all(const struct rt_op_run *r)
{
    int64_t units = r->node->attr.units;
    struct rt_pass p = {.to = r->y, .cols = (int)units, .other = r->other,
                        .act = r->relu ? RT_ACT_relu : RT_ACT_none};
    rt_pass_finish(&p, 0, conv_places(r), 0, units);
}

static void conv_prepared_forward(struct rt_op_run *r)
{
    struct rt_conv v = conv_begin(r);
    struct rt_pass p = rt_pass_forward(&v, r->x[0], r->y, false);
    p.prepared = r->prepared;
    p.bias = r->node->attr.bias ? r->param[1]->value : NULL;
    p.act = r->relu ? RT_ACT_relu : RT_ACT_none;
    p.other = r->other;
    rt_pass_run(&p, &r->scratch);
}

void rt_conv_forward(struct rt_op_run *r)
{
    if (r->node->attr.groups > 1) {
        rt_grouped_forward(r);
        conv_finish_all(r);
        return;
    }
    if (r->prepared) {
        conv_prepared_forward(r);
        return;
    }
    struct rt_conv v = conv_begin(r);
    if (r->node->attr.bias)
        rt_parallel_for(r->parallel, rt_pieces(conv_places(r), BIAS_ROWS), conv_bias_piece, r);
    struct rt_pass p = rt_pass_forward(&v, r->x[0], r->y, r->node->attr.bias);
    rt_pass_run(&p, &r->scratch);
    conv_finish_all(r);
}

/* ---- backward ----
 * Weights first, then bias, then inputs; nothing here depends on that order. The gradient of a bias
 * is a plain sum by one thread: it reads dy once, and convolutions before a batch-norm (nearly all)
 * have no bias. */

static void conv_bias_gradient(const struct rt_op_run *r)
{
    const float *dy = r->dy;
    float *grad = r->param[1]->grad;
    int64_t units = r->node->attr.units;
    for (int64_t p = 0; p < conv_places(r); p++, dy += units)
        for (int64_t u = 0; u < units; u++)
            grad[u] += dy[u];
}

/* Only when the weights are trained: a frozen layer saves half of its way back. */
static void conv_weight_gradient(struct rt_op_run *r)
{
    struct rt_conv v = conv_begin(r);
    if (r->node->attr.groups > 1)
        rt_grouped_weights(r);
    else if (rt_winograd_fits(&v))
        rt_winograd_weights(&v, &r->scratch);
    else
        rt_direct_weights(&v, &r->scratch);
}

/* Not for the first layer, whose input nobody asks about. */
static void conv_input_gradient(struct rt_op_run *r)
{
    struct rt_conv v = conv_begin(r);
    if (r->node->attr.groups > 1) {
        rt_grouped_back(r);
        return;
    }
    struct rt_pass p = rt_pass_back(&v, r->dy, r->dx[0], r->add[0]);
    rt_pass_run(&p, &r->scratch);
}

void rt_conv_backward(struct rt_op_run *r)
{
    if (r->param[0]->grad)
        conv_weight_gradient(r);
    if (r->node->attr.bias && r->param[1]->grad)
        conv_bias_gradient(r);
    if (r->dx[0])
        conv_input_gradient(r);
}
