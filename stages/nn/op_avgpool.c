/* SPDX-License-Identifier: MIT
 * op_avgpool: the mean of each window, per channel, over its places inside the input (PyTorch's
 * count_include_pad=False). Reads kernel, stride, pad, dilation. */
#include "stages/nn/pool.h"

/* ---- windows ----
 * Sums go tap by tap over the channels of a place, in the order of the taps: one order for any
 * number of threads. A window in the padding alone gives 0, as a mean of nothing has no better
 * value. */

static void op_avgpool_forward_window(struct rt_op_run *r, const struct rt_window *w, int64_t place,
                                      const int64_t *tap, const int *number, int taps)
{
    (void)number;
    float *y = r->y + place * w->c;
    for (int c = 0; c < w->c; c++)
        y[c] = 0;
    for (int k = 0; k < taps; k++) {
        const float *x = r->x[0] + tap[k];
        for (int c = 0; c < w->c; c++)
            y[c] += x[c];
    }
    for (int c = 0; c < w->c && taps; c++)
        y[c] /= (float)taps;
}

static void op_avgpool_backward_window(struct rt_op_run *r, const struct rt_window *w,
                                       int64_t place, const int64_t *tap, const int *number,
                                       int taps)
{
    (void)number;
    const float *dy = r->dy + place * w->c;
    for (int k = 0; k < taps; k++) {
        float *dx = r->dx[0] + tap[k];
        for (int c = 0; c < w->c; c++)
            dx[c] += dy[c] / (float)taps;
    }
}

static void op_avgpool_forward(struct rt_op_run *r)
{
    rt_pool_forward(r, op_avgpool_forward_window);
}

static void op_avgpool_backward(struct rt_op_run *r)
{
    rt_pool_backward(r, op_avgpool_backward_window);
}

const struct rt_op rt_op_avgpool = {
    .name = "avgpool",
    .inputs = 1,
    .shape = rt_pool_shape,
    .forward = op_avgpool_forward,
    .backward = op_avgpool_backward,
};
