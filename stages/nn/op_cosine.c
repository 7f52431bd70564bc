/* SPDX-License-Identifier: MIT
 * op_cosine: cosines between the input and the rows of its weight, for angular-margin losses.
 * Reads units. Norms below 1e-12 count as that. One thread: its matrices are small. */
#include "stages/nn/blas.h"
#include "stages/nn/window.h"

#include <math.h>
#include <string.h>

#define NORM_MIN 1e-12f

/* ---- unit rows ----
 * As matrix product of normalised rows, so OpenBLAS does the work. Norms are kept: the gradient
 * goes back through them. */

/* Rows of norm 1, and the norms they had. */
struct unit_rows {
    float *row;    /* [rows, c] */
    float *norm; /* [rows] */
};

/* x, then w, then room for the gradient of either by unit rows. */
static struct rt_scratch_size op_cosine_scratch(const struct rt_node *n, const struct rt_shape *in,
                                                int batch)
{
    size_t rows = (size_t)batch + (size_t)n->attr.units, c = (size_t)in->dim[0];
    return (struct rt_scratch_size){.shared = (2 * rows * c + rows) * sizeof(float)};
}

static void op_cosine_unit_rows(const float *x, int64_t rows, int64_t c, struct unit_rows u)
{
    for (int64_t i = 0; i < rows; i++, x += c) {
        double sum = 0;
        for (int64_t k = 0; k < c; k++)
            sum += (double)x[k] * x[k];
        float norm = (float)sqrt(sum);
        u.norm[i] = norm < NORM_MIN ? NORM_MIN : norm;
        for (int64_t k = 0; k < c; k++)
            u.row[i * c + k] = x[k] / u.norm[i];
    }
}

/* Both are cheap beside the product, so backward makes them anew instead of keeping them. */
static void op_cosine_unit_both(const struct rt_op_run *r, struct unit_rows *x, struct unit_rows *w)
{
    int64_t c = r->in_shape[0]->dim[0], units = r->node->attr.units;
    x->row = r->scratch.shared;
    w->row = x->row + r->batch * c;
    x->norm = w->row + units * c;
    w->norm = x->norm + r->batch;
    op_cosine_unit_rows(r->x[0], r->batch, c, *x);
    op_cosine_unit_rows(r->param[0]->value, units, c, *w);
}

/* ---- forward and backward ----
 * The gradient of x / |x| takes away what points along x. Both sides have it, inputs and weights:
 * only directions count. */

static void op_cosine_forward(struct rt_op_run *r)
{
    int64_t c = r->in_shape[0]->dim[0], units = r->node->attr.units;
    struct unit_rows x, w;
    op_cosine_unit_both(r, &x, &w);
    rt_gemm(0, 1, r->batch, units, c, x.row, c, w.row, c, 0, r->y, units);
}

/* Adds (d - u (u . d)) / norm for every row: the gradient before normalising. */
static void op_cosine_through_norms(struct unit_rows u, const float *d, int64_t rows, int64_t c,
                                    float *out)
{
    for (int64_t i = 0; i < rows; i++, d += c, out += c) {
        const float *row = u.row + i * c;
        double dot = 0;
        for (int64_t k = 0; k < c && u.norm[i] > NORM_MIN; k++) {
            dot += (double)row[k] * d[k];
        }
        for (int64_t k = 0; k < c; k++)
            out[k] += (d[k] - row[k] * (float)dot) / u.norm[i];
    }
}

static void op_cosine_backward(struct rt_op_run *r)
{
    int64_t c = r->in_shape[0]->dim[0], units = r->node->attr.units, batch = r->batch;
    struct unit_rows x, w;
    op_cosine_unit_both(r, &x, &w);
    float *d = w.norm + units;
    if (r->dx[0]) {
        if (!r->add[0])
            memset(r->dx[0], 0, (size_t)(batch * c) * sizeof(float));
        rt_gemm(0, 0, batch, c, units, r->dy, units, w.row, c, 0, d, c);
        op_cosine_through_norms(x, d, batch, c, r->dx[0]);
    }
    if (r->param[0]->grad) {
        rt_gemm(1, 0, units, c, batch, r->dy, units, x.row, c, 0, d, c);
        op_cosine_through_norms(w, d, units, c, r->param[0]->grad);
    }
}

const struct rt_op rt_op_cosine = {
    .name = "cosine",
    .inputs = 1,
    .shape = rt_units_shape,
    .scratch = op_cosine_scratch,
    .forward = op_cosine_forward,
    .backward = op_cosine_backward,
};
