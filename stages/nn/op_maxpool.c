/* SPDX-License-Identifier: MIT
 * op_maxpool: the largest of each window, per channel; the first of equals; NaN wins. Reads kernel,
 * stride, pad, dilation. */
#include "stages/nn/pool.h"
#include "stages/nn/simd.h"

/* ---- which tap won ----
 * The kernel tap that each output came from is saved while training: finding it again in backward
 * would compare everything once more, and equal numbers would make it ambiguous. */

/* The kernel tap each output came from. */
static size_t op_maxpool_saved(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    (void)in;
    return (size_t)batch * (size_t)rt_shape_count(&n->shape) * sizeof(int32_t);
}

/* Without branches, so that it becomes vectors: the tap is carried along like the value. */
RT_SIMD static void op_maxpool_larger(const float *restrict x, float *restrict y,
                                      int32_t *restrict from, int32_t tap, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        bool wins = x[i] > y[i] || x[i] != x[i];
        y[i] = wins ? x[i] : y[i];
        from[i] = wins ? tap : from[i];
    }
}

static void op_maxpool_forward_window(struct rt_op_run *r, const struct rt_window *w, int64_t place,
                                      const int64_t *tap, const int *number, int taps)
{
    float *y = r->y + place * w->c;
    int32_t *from = r->training ? (int32_t *)r->saved + place * w->c : NULL;
    for (int c = 0; c < w->c; c++) {
        y[c] = taps ? r->x[0][tap[0] + c] : 0; /* dilated windows can miss the input */
        if (from)
            from[c] = taps ? number[0] : -1;
    }
    for (int k = 1; k < taps; k++) {
        const float *x = r->x[0] + tap[k];
        if (from)
            op_maxpool_larger(x, y, from, number[k], w->c);
        else
            for (int c = 0; c < w->c; c++)
                y[c] = x[c] > y[c] || x[c] != x[c] ? x[c] : y[c];
    }
}

static void op_maxpool_backward_window(struct rt_op_run *r, const struct rt_window *w,
                                       int64_t place, const int64_t *tap, const int *number,
                                       int taps)
{
    const float *dy = r->dy + place * w->c;
    const int32_t *from = (const int32_t *)r->saved + place * w->c;
    for (int k = 0; k < taps; k++) {
        float *dx = r->dx[0] + tap[k];
        for (int c = 0; c < w->c; c++)
            dx[c] += from[c] == number[k] ? dy[c] : 0;
    }
}

static void op_maxpool_forward(struct rt_op_run *r)
{
    rt_pool_forward(r, op_maxpool_forward_window);
}

static void op_maxpool_backward(struct rt_op_run *r)
{
    rt_pool_backward(r, op_maxpool_backward_window);
}

const struct rt_op rt_op_maxpool = {
    .name = "maxpool",
    .inputs = 1,
    .shape = rt_pool_shape,
    .saved_bytes = op_maxpool_saved,
    .forward = op_maxpool_forward,
    .backward = op_maxpool_backward,
};
