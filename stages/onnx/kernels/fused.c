/* SPDX-License-Identifier: MIT
 * fused: what the fused operators share; see fused.h. */
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/fused.h"

#include <string.h>

/* ---- channels last ----
 * By squares that fit the first cache: one side of a transpose always jumps. */

#define SQUARE 16 /* transposed at a time */

RT_SIMD void rt_swap_axes(const float *restrict from, float *restrict to, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r += SQUARE) {
        int64_t tall = rows - r < SQUARE ? rows - r : SQUARE;
        for (int64_t c = 0; c < cols; c += SQUARE) {
            int64_t wide = cols - c < SQUARE ? cols - c : SQUARE;
            for (int64_t k = 0; k < wide; k++) {
                const float *x = from + r * cols + c + k;
                float *y = to + (c + k) * rows + r;
                for (int64_t i = 0; i < tall; i++)
                    y[i] = x[i * cols];
            }
        }
    }
}

int rt_last_geometry(struct rt_geometry *g, const struct rt_kernel_call *c, const int64_t *kernel,
                     struct rt_tensor *first)
{
    const struct rt_tensor *x = c->in[0];
    *first = *x;
    first->dim[1] = x->dim[x->rank - 1];
    memcpy(first->dim + 2, x->dim + 1, (size_t)(x->rank - 2) * sizeof *first->dim);
    return rt_geometry_read(g, c, first, kernel);
}

/* ---- behind the sums ---- */

void rt_fused_follow(const struct rt_kernel_call *c, struct rt_pass *p)
{
    const struct rt_epilogue *e = &c->epilogue;
    p->bias = rt_kernel_given(c, 2) ? c->in[2]->data : NULL;
    p->other = e->other ? c->in[e->other]->data : NULL;
    p->act = e->act;
    p->a = e->a;
    p->b = e->b;
}

void rt_fused_finish(const struct rt_kernel_call *c, const float *bias, int64_t at, int64_t rows, int64_t n,
                     int64_t stride)
{
    const struct rt_epilogue *e = &c->epilogue;
    float *y = (float *)c->out[0]->data + at;
    if (!bias && !e->other && !e->act)
        return;
    rt_isa()->finish(&(struct rt_finish){.from = y, .to = y, .bias = bias, .stride = stride, .rows = rows, .n = n,
                                         .other = e->other ? (const float *)c->in[e->other]->data + at : NULL,
                                         .act = e->act, .a = e->a, .b = e->b});
}
