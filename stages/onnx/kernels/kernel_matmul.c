/* SPDX-License-Identifier: MIT
 * kernel_matmul: MatMul by numpy's rules and Gemm, through blas.h. */
#include "stages/nn/blas.h"
#include "stages/onnx/kernels/kernel.h"

#include <string.h>

/* ---- MatMul: [..., m, k] x [..., k, n]; a vector lacks m or n ----
 * Leading dimensions are broadcast, so equal weights for all places of a batch are one matrix that
 * a walk of step 0 comes back to. Joining them into one large product would be quicker where the
 * second factor is one matrix, and then a row's sum would depend on how many rows stand beside it.
 */

struct product {
    int64_t m, k, n;
    int rank; /* of the leading dimensions after broadcasting */
    int64_t lead[RT_TENSOR_RANK];
    const float *a, *b;
    float *y;
};

/* Vectors count as matrices of one row or column, whose dimension the output then lacks. */
static int matmul_read(const struct rt_kernel_call *c, struct product *p)
{
    const struct rt_tensor *a = c->in[0], *b = c->in[1];
    int rc = rt_kernel_check_floats(c), lead_a = a->rank - 2, lead_b = b->rank - 2;
    if (rc < 0)
        return rc;
    if (a->rank < 1 || b->rank < 1)
        return rt_kernel_refuse(c, RT_EMISMATCH, "a factor of rank 0");
    p->m = a->rank > 1 ? a->dim[a->rank - 2] : 1;
    p->k = a->dim[a->rank - 1];
    p->n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    if (b->dim[b->rank > 1 ? b->rank - 2 : 0] != p->k)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld columns times %lld rows", (long long)p->k,
                                (long long)b->dim[b->rank > 1 ? b->rank - 2 : 0]);
    lead_a = lead_a < 0 ? 0 : lead_a;
    lead_b = lead_b < 0 ? 0 : lead_b;
    p->rank = lead_a > lead_b ? lead_a : lead_b;
    for (int i = 0; i < p->rank; i++) {
        int64_t x = i < p->rank - lead_a ? 1 : a->dim[i - p->rank + lead_a];
        int64_t y = i < p->rank - lead_b ? 1 : b->dim[i - p->rank + lead_b];
        if (x != y && x != 1 && y != 1)
            return rt_kernel_refuse(c, RT_EMISMATCH, "leading dimension %d: %lld and %lld", i,
                                    (long long)x, (long long)y);
        p->lead[i] = x == 1 ? y : x;
    }
    return 0;
}

/* A vector's missing dimension is missing in the output as well: two vectors give a single number.
 */
static int matmul_shape(struct rt_kernel_call *c)
{
    struct product p;
    int64_t dim[RT_TENSOR_RANK + 2];
    int rc = matmul_read(c, &p), rank;
    if (rc < 0)
        return rc;
    rank = p.rank;
    memcpy(dim, p.lead, sizeof p.lead);
    if (c->in[0]->rank > 1)
        dim[rank++] = p.m;
    if (c->in[1]->rank > 1)
        dim[rank++] = p.n;
    return rt_kernel_out(c, 0, RT_F32, rank, dim);
}

/* A row of the walk is a row of matrices; OpenBLAS is called for each. */
static void matmul_row(void *self, int64_t count, const int64_t *at, const int64_t *step)
{
    const struct product *p = self;
    for (int64_t i = 0; i < count; i++)
        rt_gemm(0, 0, p->m, p->n, p->k, p->a + (at[1] + i * step[1]) * p->m * p->k, p->k,
                p->b + (at[2] + i * step[2]) * p->k * p->n, p->n, 0,
                p->y + (at[0] + i * step[0]) * p->m * p->n, p->n);
}

/* The walk goes over the leading dimensions and its elements are whole matrices. */
static int matmul_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *a = c->in[0], *b = c->in[1];
    struct product p;
    struct rt_walk w;
    RT_TRY(matmul_read(c, &p));
    p.a = a->data;
    p.b = b->data;
    p.y = c->out[0]->data;
    if (rt_tensor_count(c->out[0]) == 0)
        return 0;
    if (p.k == 0) {
        memset(p.y, 0, rt_tensor_bytes(c->out[0]));
        return 0;
    }
    rt_walk_init(&w, 3, p.rank, p.lead);
    rt_walk_dense(&w, 0, p.rank, p.lead);
    rt_walk_dense(&w, 1, a->rank > 2 ? a->rank - 2 : 0, a->dim);
    rt_walk_dense(&w, 2, b->rank > 2 ? b->rank - 2 : 0, b->dim);
    rt_walk_run(&w, matmul_row, &p);
    return 0;
}

const struct rt_kernel rt_kernel_matmul = {2, 2, 1, matmul_shape, matmul_compute, NULL, NULL};

/* ---- Gemm: alpha A' B' + beta C ----
 * Empty products are cleared by hand: OpenBLAS does not write where there is nothing to sum. C is
 * added by a walk, as it may be broadcast from a row, a column or a number. */

struct gemm {
    int ta, tb;
    int64_t m, k, n;
    float alpha, beta;
};

/* Sizes are read from the matrices as they are stored, so transA and transB swap which is rows. */
static int gemm_read(const struct rt_kernel_call *c, struct gemm *g)
{
    const struct rt_tensor *a = c->in[0], *b = c->in[1];
    RT_TRY(rt_kernel_check_floats(c));
    if (a->rank != 2 || b->rank != 2)
        return rt_kernel_refuse(c, RT_EMISMATCH, "factors of rank %d and %d, not 2", a->rank,
                                b->rank);
    *g = (struct gemm){.ta = rt_kernel_int(c, "transA", 0) != 0,
                       .tb = rt_kernel_int(c, "transB", 0) != 0,
                       .alpha = (float)rt_kernel_float(c, "alpha", 1),
                       .beta = (float)rt_kernel_float(c, "beta", 1)};
    g->m = a->dim[g->ta];
    g->k = a->dim[!g->ta];
    g->n = b->dim[!g->tb];
    if (b->dim[g->tb] != g->k)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld columns times %lld rows", (long long)g->k,
                                (long long)b->dim[g->tb]);
    return 0;
}

static int gemm_shape(struct rt_kernel_call *c)
{
    struct gemm g;
    RT_TRY(gemm_read(c, &g));
    int64_t dim[2] = {g.m, g.n};
    const struct rt_tensor *bias = rt_kernel_given(c, 2) ? c->in[2] : NULL;
    for (int i = 0; bias && i < bias->rank; i++) {
        int at = 2 - bias->rank + i;
        if (at < 0 || (bias->dim[i] != 1 && bias->dim[i] != dim[at]))
            return rt_kernel_refuse(c, RT_EMISMATCH, "input 2 cannot be broadcast to [%lld,%lld]",
                                    (long long)g.m, (long long)g.n);
    }
    return rt_kernel_out(c, 0, RT_F32, 2, dim);
}

struct bias {
    const float *from;
    float *y;
    float beta;
};

/* beta scales C here and not in OpenBLAS, which would want a whole matrix to start from. */
static void gemm_bias_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct bias *b = self;
    for (int64_t i = 0; i < n; i++)
        b->y[at[0] + i] += b->beta * b->from[at[1] + i * step[1]];
}

/* alpha is a pass of its own, as it is 1 in nearly every file. */
static int gemm_compute(struct rt_kernel_call *c)
{
    struct gemm g;
    struct rt_tensor *y = c->out[0];
    int rc = gemm_read(c, &g);
    int64_t count = rt_tensor_count(y);
    float *at = y->data;
    if (rc < 0 || count == 0)
        return rc;
    if (g.k == 0)
        memset(at, 0, rt_tensor_bytes(y));
    else
        rt_gemm(g.ta, g.tb, g.m, g.n, g.k, c->in[0]->data, c->in[0]->dim[1], c->in[1]->data,
                c->in[1]->dim[1], 0, at, g.n);
    for (int64_t i = 0; g.alpha != 1 && i < count; i++)
        at[i] *= g.alpha;
    if (rt_kernel_given(c, 2)) {
        struct bias b = {c->in[2]->data, at, g.beta};
        struct rt_walk w;
        rt_walk_init(&w, 2, 2, y->dim);
        rt_walk_dense(&w, 0, 2, y->dim);
        rt_walk_dense(&w, 1, c->in[2]->rank, c->in[2]->dim);
        rt_walk_run(&w, gemm_bias_row, &b);
    }
    return 0;
}

const struct rt_kernel rt_kernel_gemm = {2, 3, 1, gemm_shape, gemm_compute, NULL, NULL};
