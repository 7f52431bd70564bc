/* SPDX-License-Identifier: MIT
 * conv: convolution of 1-D and 2-D inputs: shape and parameters, and which way computes it. */
#include "stages/nn/conv.h"

#include "stages/nn/conv_way.h"

#include <string.h>

#define BIAS_ROWS 1024 /* places of one piece */

int rt_conv_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                  bool one_dimensional, struct rt_error *e)
{
    if (n->attr.units < 1) {
        return rt_error_set(e, RT_ERANGE, "network: node \"%s\" needs units of at least 1, not %d",
                            n->name, n->attr.units);
    }
    if (one_dimensional && in->rank != 2) {
        return rt_shape_refuse(n, in, "[t,c]", e);
    }
    int err = rt_window_shape(n, in, (int[]){1, 1}, n->attr.units, e);
    if (err) {
        return err;
    }
    struct rt_window w = rt_window_of(n, in);
    int64_t units = n->attr.units, fan_in = (int64_t)w.kh * w.kw * w.c;
    int64_t flat[] = {units, w.kh, w.c}, square[] = {units, w.kh, w.kw, w.c};
    err = one_dimensional ? rt_op_param(g, n, "weight", 3, flat, fan_in, 0, true, false)
                          : rt_op_param(g, n, "weight", 4, square, fan_in, 0, true, false);
    if (!err && n->attr.bias) {
        err = rt_op_param(g, n, "bias", 1, &units, fan_in, 0, false, false);
    }
    return err;
}

static struct rt_conv conv_of(const struct rt_node *n, const struct rt_shape *in, int batch,
                              int threads)
{
    struct rt_conv v = {.w = rt_window_of(n, in),
                        .units = n->attr.units,
                        .batch = batch,
                        .threads = threads,
                        .isa = rt_isa()};
    if (v.w.w == 1 && v.w.kw == 1) {
        struct rt_window w = v.w;
        v.w = (struct rt_window){.h = 1, .w = w.h, .c = w.c, .oh = 1, .ow = w.oh,
                                 .kh = 1, .kw = w.kh, .sh = 1, .sw = w.sh, .ph = 0, .pw = w.ph,
                                 .dh = 1, .dw = w.dh};
    }
    return v;
}

size_t rt_conv_scratch(const struct rt_node *n, const struct rt_shape *in, int batch, int threads)
{
    struct rt_conv v = conv_of(n, in, batch, threads);
    return rt_winograd_fits(&v) ? rt_winograd_scratch(&v) : rt_direct_scratch(&v);
}

static struct rt_conv conv_begin(struct rt_op_run *r)
{
    struct rt_conv v =
        conv_of(r->node, r->in_shape[0], r->batch, rt_parallel_threads(r->parallel));
    v.r = r;
    return v;
}

/* Bias of every place, which the pass then adds to. */
static void bias_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct rt_conv *v = self;
    int64_t places = (int64_t)v->batch * v->w.oh * v->w.ow;
    for (int64_t p = (int64_t)i * BIAS_ROWS; p < rt_piece_end(places, BIAS_ROWS, i); p++) {
        memcpy(v->r->y + p * v->units, v->r->param[1]->value, (size_t)v->units * sizeof(float));
    }
}

void rt_conv_forward(struct rt_op_run *r)
{
    struct rt_conv v = conv_begin(r);
    if (r->node->attr.bias) {
        int64_t places = (int64_t)v.batch * v.w.oh * v.w.ow;
        rt_parallel_for(r->parallel, rt_pieces(places, BIAS_ROWS), bias_piece, &v);
    }
    struct rt_pass p = {.v = &v, .from = r->x[0], .h = v.w.h, .w = v.w.w, .depth = v.w.c,
                        .to = r->y, .oh = v.w.oh, .ow = v.w.ow, .cols = v.units,
                        .add = r->node->attr.bias};
    if (rt_winograd_fits(&v)) {
        rt_winograd_pass(&p, r->scratch);
    } else {
        rt_direct_pass(&p, r->scratch);
    }
}

static void bias_gradient(const struct rt_conv *v)
{
    const float *dy = v->r->dy;
    float *grad = v->r->param[1]->grad;
    for (int64_t p = 0; p < (int64_t)v->batch * v->w.oh * v->w.ow; p++, dy += v->units) {
        for (int u = 0; u < v->units; u++) {
            grad[u] += dy[u];
        }
    }
}

void rt_conv_backward(struct rt_op_run *r)
{
    struct rt_conv v = conv_begin(r);
    bool winograd = rt_winograd_fits(&v);
    if (r->param[0]->grad && winograd) {
        rt_winograd_weights(&v, r->scratch);
    } else if (r->param[0]->grad) {
        rt_direct_weights(&v, r->scratch);
    }
    if (r->node->attr.bias && r->param[1]->grad) {
        bias_gradient(&v);
    }
    if (!r->dx[0]) {
        return;
    }
    struct rt_pass p = {.v = &v, .back = true, .from = r->dy, .h = v.w.oh, .w = v.w.ow,
                        .depth = v.units, .to = r->dx[0], .oh = v.w.h, .ow = v.w.w, .cols = v.w.c,
                        .add = r->add[0]};
    if (winograd) {
        rt_winograd_pass(&p, r->scratch);
    } else {
        rt_direct_pass(&p, r->scratch);
    }
}
