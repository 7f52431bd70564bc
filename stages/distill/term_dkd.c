/* SPDX-License-Identifier: MIT
 * term dkd: decoupled KL (arXiv 2203.08679) on the student's own head, for samples with a label y:
 *     D = T^2 (KL(b_t || b_s) + beta KL(r_t || r_s))
 * b = (p_y, 1 - p_y), how sure of the label; r = posteriors of the other classes among themselves.
 * Plain KL has the teacher's 1 - p_y in beta's place, which hides r where the teacher is sure. */
#include "stages/distill/softmax.h"
#include "stages/distill/term.h"

#include <math.h>
#include <stddef.h>

/* ---- the label against the rest ----
 * 1 - p_y is never formed: where a side is sure, p_y rounds to 1 and the difference would be 0 or
 * noise. Its logarithm is the log-sum-exp of the other classes less that of all, which keeps its
 * digits however small it is. */

/* One row at temperature T: ln p_y and ln(1 - p_y) of both sides, without cancellation. */
struct dkd_target {
    double t_in, t_out, s_in, s_out;
};

static struct dkd_target dkd_target_row(const struct rt_term_in *in, int i)
{
    int n = in->classes, y = in->label[i];
    const float *t = in->t_logits + (size_t)i * n, *s = in->logits + (size_t)i * n;
    double temp = in->param[RT_PARAM_dkd_temperature];
    double t_scale = 1 / temp, s_scale = in->logit_scale / temp;
    double t_all = rt_softmax_lse(t, n, t_scale, -1), s_all = rt_softmax_lse(s, n, s_scale, -1);

    return (struct dkd_target){.t_in = t_scale * t[y] - t_all,
                               .t_out = rt_softmax_lse(t, n, t_scale, y) - t_all,
                               .s_in = s_scale * s[y] - s_all,
                               .s_out = rt_softmax_lse(s, n, s_scale, y) - s_all};
}

static double dkd_row(const struct rt_term_in *in, int i)
{
    int n = in->classes;
    size_t at = (size_t)i * n;
    double temp = in->param[RT_PARAM_dkd_temperature];
    struct dkd_target r = dkd_target_row(in, i);
    double target = exp(r.t_in) * (r.t_in - r.s_in) + exp(r.t_out) * (r.t_out - r.s_out);
    double rest = rt_softmax_kl(in->t_logits + at, 1 / temp, in->logits + at,
                                in->logit_scale / temp, n, in->label[i]);
    double d = temp * temp * (target + in->param[RT_PARAM_dkd_beta] * rest);

    return d < 0 ? 0 : d;
}

static void dkd_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    for (int i = 0; i < in->batch; i++)
        if (use[i])
            value[i] = in->classes < 2 ? 0 : dkd_row(in, i);
}

/* ---- gradient ----
 * By the label's logit, KL(b_t || b_s) changes by b_s - b_t = `gap`; by another's, by -gap times that
 * class's part of the rest, so the sum over classes is 0. The part among the others does not depend
 * on the label's logit at all, hence the KL that skips it. Both carry T^2 * s_scale = T * logit
 * factor. */

static void dkd_grad_row(const struct rt_term_in *in, int i, double scale, float *out)
{
    int n = in->classes, y = in->label[i];
    const float *t = in->t_logits + (size_t)i * n, *s = in->logits + (size_t)i * n;
    double temp = in->param[RT_PARAM_dkd_temperature], s_scale = in->logit_scale / temp;
    double factor = scale * temp * in->logit_scale;
    double s_rest = rt_softmax_lse(s, n, s_scale, y);
    struct dkd_target r = dkd_target_row(in, i);
    double gap = exp(r.s_in) - exp(r.t_in);

    for (int j = 0; j < n; j++) /* d KL(b_t || b_s) */
        out[j] += (float)(factor * gap * (j == y ? 1 : -exp(s_scale * s[j] - s_rest)));
    rt_softmax_kl_grad(t, 1 / temp, s, s_scale, n, y, factor * in->param[RT_PARAM_dkd_beta], out);
}

static void dkd_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                     const struct rt_term_out *out)
{
    (void)use;
    for (int i = 0; i < in->batch; i++)
        if (scale[i] != 0 && in->classes > 1)
            dkd_grad_row(in, i, scale[i], out->logits + (size_t)i * in->classes);
}

const struct rt_term_ops rt_term_dkd = {.value = dkd_value, .grad = dkd_grad};
