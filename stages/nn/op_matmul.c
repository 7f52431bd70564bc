/* SPDX-License-Identifier: MIT
 * op_matmul: products of matrices, one for each place of the dimensions before the last two, in which
 * both inputs agree: [..,m,k] by [..,k,n], or by [..,n,k] when transposed. */
#include "stages/nn/blas.h"
#include "stages/nn/window.h"

#include <stdio.h>
#include <string.h>

/* Both factors have one rank and agree before the last two dimensions: repeating is done by a slice
 * before. */
static int op_matmul_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                           struct rt_error *e)
{
    (void)g;
    int rank = in[0].rank, k = n->attr.transposed ? 1 : 2;
    if (rank < 2)
        return rt_shape_refuse(n, &in[0], "[..,m,k]", e);
    if (in[1].rank != rank || in[1].dim[rank - k] != in[0].dim[rank - 1] ||
        memcmp(in[0].dim, in[1].dim, (size_t)(rank - 2) * sizeof *in[0].dim) != 0) {
        char other[48], wanted[100];
        snprintf(wanted, sizeof wanted, "what %s can be multiplied by%s", rt_shape_text(&in[0], other),
                 n->attr.transposed ? " transposed" : "");
        return rt_shape_refuse(n, &in[1], wanted, e);
    }
    n->shape = in[0];
    n->shape.dim[rank - 1] = in[1].dim[rank - 3 + k];
    return 0;
}

/* ---- one product a piece ----
 * For attention and the like in imported networks. Each product is one thread's; with one large
 * product a sample (no batch before it) other threads have the other samples. A stored transpose is
 * a flag to OpenBLAS, so none is ever made. */

struct product {
    int64_t m, k, n, count; /* count: of all samples */
    int transposed;
};

static struct product op_matmul_product(const struct rt_op_run *r)
{
    const struct rt_shape *a = r->in_shape[0], *y = &r->node->shape;
    struct product p = {a->dim[a->rank - 2], a->dim[a->rank - 1], y->dim[a->rank - 1], r->batch,
                        r->node->attr.transposed};
    for (int i = 0; i < a->rank - 2; i++)
        p.count *= a->dim[i];
    return p;
}

static void op_matmul_forward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct product p = op_matmul_product(r);
    rt_gemm(0, p.transposed, p.m, p.n, p.k, r->x[0] + i * p.m * p.k, p.k, r->x[1] + i * p.k * p.n,
            p.transposed ? p.k : p.n, 0, r->y + i * p.m * p.n, p.n);
}

/* da = dy b'; db = a' dy, or its transposed dy' a. */
static void op_matmul_backward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct product p = op_matmul_product(r);
    const float *a = r->x[0] + i * p.m * p.k, *b = r->x[1] + i * p.k * p.n;
    const float *dy = r->dy + i * p.m * p.n;
    if (r->dx[0])
        rt_gemm(0, !p.transposed, p.m, p.k, p.n, dy, p.n, b, p.transposed ? p.k : p.n, r->add[0],
                r->dx[0] + i * p.m * p.k, p.k);
    if (r->dx[1] && p.transposed)
        rt_gemm(1, 0, p.n, p.k, p.m, dy, p.n, a, p.k, r->add[1], r->dx[1] + i * p.k * p.n, p.k);
    else if (r->dx[1])
        rt_gemm(1, 0, p.k, p.n, p.m, a, p.k, dy, p.n, r->add[1], r->dx[1] + i * p.k * p.n, p.n);
}

static void op_matmul_forward(struct rt_op_run *r)
{
    rt_parallel_for(r->parallel, (int)op_matmul_product(r).count, op_matmul_forward_piece, r);
}

static void op_matmul_backward(struct rt_op_run *r)
{
    rt_parallel_for(r->parallel, (int)op_matmul_product(r).count, op_matmul_backward_piece, r);
}

const struct rt_op rt_op_matmul = {
    .name = "matmul",
    .inputs = 2,
    .unsaved_y = true,
    .shape = op_matmul_shape,
    .forward = op_matmul_forward,
    .backward = op_matmul_backward,
};
