/* SPDX-License-Identifier: MIT
 * terms nce, rkd and sp: the samples of a batch against one another, through the student's projected
 * features f and the teacher's t; over the used rows j, cos of a zero vector = 0.
 * nce: D_i = -ln softmax_j(cos(f_i, t_j) / T)[i], without j != i where cos(t_i, t_j) > 0.95
 * rkd: D_i = mean over j != i of (cos(f_i, f_j) - cos(t_i, t_j))^2                in 0..4
 * sp:  D_i = ||n(S_i) - n(T_i)||^2, S_ij = f_i.f_j and T_ij = t_i.t_j, j = i too  in 0..4 */
#include "stages/distill/term.h"

#include <math.h>
#include <stddef.h>

/* ---- two rows ----
 * Nothing is kept between the rows: inner products and lengths are worked out anew where they are
 * needed, two or three times an update. Memory for them would be a way to fail in functions that have
 * none, and the three sums of a pair run side by side, so that lengths cost next to nothing: beside a
 * network's own work all of it is small (a batch of 32 in 512 dimensions: 1 ms). */

struct rows_pair {
    double dot, aa, bb; /* a.b, a.a, b.b */
};

static struct rows_pair rows_pair_of(const float *a, const float *b, int n)
{
    struct rows_pair p = {0, 0, 0};

    for (int j = 0; j < n; j++) {
        p.dot += (double)a[j] * b[j];
        p.aa += (double)a[j] * a[j];
        p.bb += (double)b[j] * b[j];
    }
    return p;
}

/* 0 for a zero vector, NaN for one with NaN. */
static double rows_cosine(const float *a, const float *b, int n)
{
    struct rows_pair p = rows_pair_of(a, b, n);

    return p.aa == 0 || p.bb == 0 ? p.dot : p.dot / (sqrt(p.aa) * sqrt(p.bb));
}

/* out += factor * d cos(a, b) / da. A zero vector has no direction, and gets no gradient. */
static void rows_add_cosine_grad(const float *a, const float *b, int n, double factor, float *out)
{
    struct rows_pair p = rows_pair_of(a, b, n);

    if (p.aa == 0 || p.bb == 0)
        return;
    double na = 1 / sqrt(p.aa), nb = 1 / sqrt(p.bb), c = p.dot * na * nb;
    for (int j = 0; j < n; j++)
        out[j] += (float)(factor * na * (b[j] * nb - c * a[j] * na));
}

static const float *rows_feature(const struct rt_term_in *in, int i)
{
    return in->feature + (size_t)i * (size_t)in->dim;
}

static const float *rows_teacher(const struct rt_term_in *in, int i)
{
    return in->t_feature + (size_t)i * (size_t)in->dim;
}

/* ---- nce ----
 * Oord et al. 2018 (arXiv 1807.03748), from the student's side: which of the batch's teachers is
 * mine? Samples whose teachers say nearly the same (two pictures of one person) are no wrong
 * answers, so they are left out. With d_j = (cos(f_i, t_j) - cos(f_i, t_i)) / T, D_i is
 * log(1 + sum of exp(d_j)): it needs no largest exponent, as |d_j| <= 2 / T, and keeps its digits
 * where it is small. */

#define NCE_SAME 0.95 /* cosine of two teachers above which neither is a wrong answer for the other */

/* exp(d_j); 0 for a row that is left out. own: cos(f_i, t_i). */
static double nce_mate(const struct rt_term_in *in, const uint8_t *use, int i, int j, double own)
{
    if (!use[j] || j == i || rows_cosine(rows_teacher(in, i), rows_teacher(in, j), in->dim) > NCE_SAME)
        return 0;
    double c = rows_cosine(rows_feature(in, i), rows_teacher(in, j), in->dim);
    return exp((c - own) / in->param[RT_PARAM_nce_temperature]);
}

static double nce_mates(const struct rt_term_in *in, const uint8_t *use, int i, double own)
{
    double sum = 0;

    for (int j = 0; j < in->batch; j++)
        sum += nce_mate(in, use, i, j, own);
    return sum;
}

static double nce_own(const struct rt_term_in *in, int i)
{
    return rows_cosine(rows_feature(in, i), rows_teacher(in, i), in->dim);
}

static void nce_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    for (int i = 0; i < in->batch; i++)
        if (use[i]) {
            double own = nce_own(in, i), sum = nce_mates(in, use, i, own);
            value[i] = isnan(own) ? own : log1p(sum);
        }
}

/* Only row i is moved by D_i: the mates come in by their teachers. */
static void nce_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                     const struct rt_term_out *out)
{
    double t = in->param[RT_PARAM_nce_temperature];

    for (int i = 0; i < in->batch; i++) {
        const float *f = rows_feature(in, i);
        float *to = out->feature + (size_t)i * (size_t)in->dim;
        if (!use[i] || scale[i] == 0)
            continue;
        double own = nce_own(in, i), sum = nce_mates(in, use, i, own), unit = scale[i] / (t * (1 + sum));
        for (int j = 0; j < in->batch; j++) {
            double mate = j == i ? -sum : nce_mate(in, use, i, j, own);
            if (mate != 0)
                rows_add_cosine_grad(f, rows_teacher(in, j), in->dim, unit * mate, to);
        }
    }
}

/* ---- rkd ----
 * Of relational knowledge distillation (Park et al. 2019, arXiv 1904.05068) the relation of two
 * samples, by cosine instead of distance: no mean distance has to be divided out, and the lengths of
 * both networks' features play no part, as in l2 and cosine. D_i and D_j share their pair, so both
 * gradients are added at once. */

static int rows_others(const struct rt_term_in *in, const uint8_t *use)
{
    int n = -1;

    for (int i = 0; i < in->batch; i++)
        n += use[i];
    return n;
}

static double rkd_gap(const struct rt_term_in *in, int i, int j)
{
    return rows_cosine(rows_feature(in, i), rows_feature(in, j), in->dim) -
           rows_cosine(rows_teacher(in, i), rows_teacher(in, j), in->dim);
}

static void rkd_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    int others = rows_others(in, use);

    for (int i = 0; i < in->batch; i++)
        if (use[i])
            value[i] = 0;
    for (int i = 0; i < in->batch; i++)
        for (int j = i + 1; use[i] && j < in->batch; j++) {
            if (!use[j])
                continue;
            double gap = rkd_gap(in, i, j), part = gap * gap / others;
            value[i] += part;
            value[j] += part;
        }
}

static void rkd_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                     const struct rt_term_out *out)
{
    int others = rows_others(in, use);
    size_t dim = (size_t)in->dim;

    for (int i = 0; i < in->batch; i++)
        for (int j = i + 1; use[i] && j < in->batch; j++) {
            if (!use[j] || scale[i] + scale[j] == 0)
                continue;
            const float *a = rows_feature(in, i), *b = rows_feature(in, j);
            double factor = 2 * (scale[i] + scale[j]) * rkd_gap(in, i, j) / others;
            rows_add_cosine_grad(a, b, in->dim, factor, out->feature + (size_t)i * dim);
            rows_add_cosine_grad(b, a, in->dim, factor, out->feature + (size_t)j * dim);
        }
}

/* ---- sp ----
 * Similarity-preserving distillation (Tung and Mori 2019, arXiv 1907.09682): the rows of the batch's
 * matrix of inner products, each brought to length 1. The paper's loss of a batch of b is
 * (1 / b^2) sum over i of D_i, ours the mean of D_i: what it calls gamma is lambda * b here, so that
 * a lambda or a margin means the same for every size of batch.
 * With u = n(S_i), v = n(T_i), c = u.v: dD_i / dS_ij = 2 (c u_j - v_j) / ||S_i||. */

/* Lengths and inner product of the two rows; lengths of 1 where a row is zero: n(0) = 0. */
struct sp_row {
    double s, t, c;
};

static struct sp_row sp_row_of(const struct rt_term_in *in, const uint8_t *use, int i)
{
    double ss = 0, tt = 0, st = 0;

    for (int j = 0; j < in->batch; j++) {
        if (!use[j])
            continue;
        double s = rows_pair_of(rows_feature(in, i), rows_feature(in, j), in->dim).dot;
        double t = rows_pair_of(rows_teacher(in, i), rows_teacher(in, j), in->dim).dot;
        ss += s * s;
        tt += t * t;
        st += s * t;
    }
    struct sp_row r = {ss == 0 ? 1 : sqrt(ss), tt == 0 ? 1 : sqrt(tt), 0};
    r.c = st / r.s / r.t;
    return r;
}

static void sp_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    for (int i = 0; i < in->batch; i++) {
        if (!use[i])
            continue;
        struct sp_row r = sp_row_of(in, use, i);
        value[i] = 0;
        for (int j = 0; j < in->batch; j++) {
            if (!use[j])
                continue;
            double u = rows_pair_of(rows_feature(in, i), rows_feature(in, j), in->dim).dot / r.s;
            double v = rows_pair_of(rows_teacher(in, i), rows_teacher(in, j), in->dim).dot / r.t;
            value[i] += (u - v) * (u - v);
        }
    }
}

static void sp_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                    const struct rt_term_out *out)
{
    size_t dim = (size_t)in->dim;

    for (int i = 0; i < in->batch; i++) {
        const float *a = rows_feature(in, i);
        if (!use[i] || scale[i] == 0)
            continue;
        struct sp_row r = sp_row_of(in, use, i);
        for (int j = 0; j < in->batch; j++) {
            if (!use[j])
                continue;
            const float *b = rows_feature(in, j);
            double u = rows_pair_of(a, b, in->dim).dot / r.s;
            double v = rows_pair_of(rows_teacher(in, i), rows_teacher(in, j), in->dim).dot / r.t;
            double factor = 2 * scale[i] * (r.c * u - v) / r.s;
            for (size_t d = 0; d < dim; d++) { /* j = i: twice, as S_ii has f_i on both sides */
                out->feature[(size_t)i * dim + d] += (float)(factor * b[d]);
                out->feature[(size_t)j * dim + d] += (float)(factor * a[d]);
            }
        }
    }
}

const struct rt_term_ops rt_term_nce = {.value = nce_value, .grad = nce_grad};
const struct rt_term_ops rt_term_rkd = {.value = rkd_value, .grad = rkd_grad};
const struct rt_term_ops rt_term_sp = {.value = sp_value, .grad = sp_grad};
