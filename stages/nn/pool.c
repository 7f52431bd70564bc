/* SPDX-License-Identifier: MIT
 * pool: see pool.h. The stride is the kernel's size unless set; padding never counts as input. */
#include "stages/nn/pool.h"

#include <string.h>

#define TAPS_MAX 1024 /* largest kernel area */

/* ---- shape ----
 * The limits are ONNX's and PyTorch's: with more padding than half a kernel a window could lie
 * wholly in the padding, which has no largest number. */

int rt_pool_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                  struct rt_error *e)
{
    (void)g;
    const struct rt_attr *a = &n->attr;
    if (in->rank != 2 && in->rank != 3)
        return rt_shape_refuse(n, in, "[t,c] or [h,w,c]", e);
    int kernel[2] = {a->kernel[0] ? a->kernel[0] : 1,
                     a->kernel[1] && in->rank == 3 ? a->kernel[1] : 1};
    if ((int64_t)kernel[0] * kernel[1] > TAPS_MAX || 2 * a->pad[0] > kernel[0] ||
        (in->rank == 3 && 2 * a->pad[1] > kernel[1]))
        return rt_error_set(
            e, RT_ERANGE,
            "network: node \"%s\": kernel %d x %d with padding %d, %d; the area may "
            "be at most %d, padding at most half the kernel",
            n->name, kernel[0], kernel[1], a->pad[0], a->pad[1], TAPS_MAX);
    return rt_window_shape(n, in, kernel, in->dim[in->rank - 1], e);
}

/* ---- the windows ----
 * One walk for both poolings, forward and back: for each output place it lists the taps that lie
 * inside, then calls the op's function, whose inner loop goes over the channels of a place and is a
 * whole row. That function is called once a place, which is cheap beside the row; a copy of the
 * walk in each of the four would save nothing measurable. */

struct pool {
    struct rt_op_run *r;
    struct rt_window w;
    rt_pool_window *window;
};

static void pool_sample_piece(void *self, int b, int thread)
{
    (void)thread;
    struct pool *p = self;
    const struct rt_window *w = &p->w;
    int64_t tap[TAPS_MAX];
    int number[TAPS_MAX];
    for (int oy = 0; oy < w->oh; oy++)
        for (int ox = 0; ox < w->ow; ox++) {
            int taps = 0;
            for (int k = 0; k < w->kh * w->kw; k++) {
                int iy = oy * w->sh - w->ph + k / w->kw * w->dh;
                int ix = ox * w->sw - w->pw + k % w->kw * w->dw;
                if (iy >= 0 && iy < w->h && ix >= 0 && ix < w->w) {
                    number[taps] = k;
                    tap[taps++] = (((int64_t)b * w->h + iy) * w->w + ix) * w->c;
                }
            }
            p->window(p->r, w, ((int64_t)b * w->oh + oy) * w->ow + ox, tap, number, taps);
        }
}

/* Samples are the pieces: windows of one sample overlap in dx. */
static void pool_run_windows(struct rt_op_run *r, rt_pool_window *window)
{
    struct pool p = {r, rt_window_of(r->node, r->in_shape[0]), window};
    rt_parallel_for(r->parallel, r->batch, pool_sample_piece, &p);
}

void rt_pool_forward(struct rt_op_run *r, rt_pool_window *window)
{
    pool_run_windows(r, window);
}

void rt_pool_backward(struct rt_op_run *r, rt_pool_window *window)
{
    if (!r->dx[0])
        return;
    if (!r->add[0])
        memset(r->dx[0], 0,
               (size_t)r->batch * (size_t)rt_shape_count(r->in_shape[0]) * sizeof(float));
    pool_run_windows(r, window);
}
