/* SPDX-License-Identifier: MIT
 * window: see window.h. */
#include "stages/nn/window.h"

#include <stdio.h>

int rt_shape_refuse(const struct rt_node *n, const struct rt_shape *in, const char *wanted,
                    struct rt_error *e)
{
    char text[48];
    return rt_error_set(e, RT_EMISMATCH,
                        "network: node \"%s\" (%s) cannot take input of shape %s; it takes %s",
                        n->name, rt_op_get(n->op)->name, rt_shape_text(in, text), wanted);
}

/* ---- parameters and geometry that several ops share ----
 * A picture of rank 2 is read as one channel by conv2d alone: speech features [time, bands] so go
 * into two-dimensional networks without a reshape. */

int rt_units_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                   struct rt_error *e)
{
    int units = n->attr.units;
    if (in->rank != 1)
        return rt_shape_refuse(n, in, "[c]; put a flatten before it", e);
    if (units < 1)
        return rt_error_set(e, RT_ERANGE, "network: node \"%s\" needs units of at least 1, not %d",
                            n->name, units);
    n->shape = (struct rt_shape){1, {units}};
    return rt_op_param(g, n, "weight", 2, (int64_t[]){units, in->dim[0]}, in->dim[0], 0, true, false);
}

/* Sequences are pictures of width 1, so each op is written once. */
struct rt_window rt_window_of(const struct rt_node *n, const struct rt_shape *in)
{
    bool flat = in->rank == 2;
    const struct rt_attr *a = &n->attr;
    /* conv2d reads [h,w] as one channel: its kernel has a width. */
    bool one_channel = flat && n->op == RT_OP_conv2d;
    struct rt_window w = {.h = in->dim[0],
                          .w = flat && !one_channel ? 1 : in->dim[1],
                          .c = one_channel ? 1 : in->dim[in->rank - 1],
                          .kh = a->kernel[0],
                          .kw = a->kernel[1],
                          .sh = a->stride[0],
                          .sw = a->stride[1],
                          .ph = a->pad[0],
                          .pw = a->pad[1],
                          .dh = a->dilation[0],
                          .dw = a->dilation[1]};
    w.oh = (w.h + 2 * w.ph - w.dh * (w.kh - 1) - 1) / w.sh + 1;
    w.ow = (w.w + 2 * w.pw - w.dw * (w.kw - 1) - 1) / w.sw + 1;
    return w;
}

/* Also fills in what attributes leave 0: from here on an op reads them as they are. */
int rt_window_shape(struct rt_node *n, const struct rt_shape *in, const int stride[2], int channels,
                    struct rt_error *e)
{
    struct rt_attr *a = &n->attr;
    if (in->rank != 2 && in->rank != 3)
        return rt_shape_refuse(n, in, "[t,c] or [h,w,c]", e);
    bool flat = in->rank == 2 && n->op != RT_OP_conv2d;
    for (int i = 0; i < 2; i++) {
        bool unused = flat && i == 1;
        a->kernel[i] = a->kernel[i] && !unused ? a->kernel[i] : 1;
        a->stride[i] = a->stride[i] && !unused ? a->stride[i] : unused ? 1 : stride[i];
        a->dilation[i] = a->dilation[i] && !unused ? a->dilation[i] : 1;
        a->pad[i] = unused ? 0 : a->pad[i];
        if (a->kernel[i] < 1 || a->stride[i] < 1 || a->dilation[i] < 1 || a->pad[i] < 0 ||
            a->pad[i] > (a->kernel[i] - 1) * (int64_t)a->dilation[i])
            return rt_error_set(
                e, RT_ERANGE,
                "network: node \"%s\" (%s): kernel %d, stride %d, dilation %d must be "
                "at least 1, padding %d from 0 to (kernel - 1) * dilation",
                n->name, rt_op_get(n->op)->name, a->kernel[i], a->stride[i], a->dilation[i],
                a->pad[i]);
    }
    struct rt_window w = rt_window_of(n, in);
    /* C division rounds towards zero: the sizes themselves must be checked, not oh and ow. */
    if (w.h + 2 * w.ph <= w.dh * (w.kh - 1) || w.w + 2 * w.pw <= w.dw * (w.kw - 1)) {
        char wanted[96];
        snprintf(wanted, sizeof wanted, "at least %d x %d places (kernel %d x %d)",
                 w.dh * (w.kh - 1) + 1 - 2 * w.ph, w.dw * (w.kw - 1) + 1 - 2 * w.pw, w.kh, w.kw);
        return rt_shape_refuse(n, in, wanted, e);
    }
    n->shape = flat ? (struct rt_shape){2, {w.oh, channels}}
                    : (struct rt_shape){3, {w.oh, w.ow, channels}};
    return 0;
}
