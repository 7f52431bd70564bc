/* SPDX-License-Identifier: MIT
 * test_terms: every row of terms.def, by looping over the list: NaN and extreme input first, then
 * distances against naive formulas written another way, then gradients by finite differences.
 * A new row without a naive formula in `naive` fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/term.h"

#define BATCH 6
#define WIDE 7 /* most classes and dimensions */

struct data {
    float logits[BATCH * WIDE], feature[BATCH * WIDE], head[BATCH * WIDE];
    float t_feature[BATCH * WIDE], t_logits[BATCH * WIDE];
    int32_t label[BATCH];
    double param[RT_PARAMS];
    struct rt_term_in in;
};

static uint32_t seed = 1;

static float uniform(void) /* -1..1 */
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1;
}

static void fill(float *x, float size)
{
    for (int i = 0; i < BATCH * WIDE; i++)
        x[i] = size * uniform();
}

/* Settings as in a recipe that says nothing, but for the temperatures. */
static void default_params(double param[RT_PARAMS], double temperature)
{
#define RT_PARAM(term, name, kind, initial, ...)                                                   \
    param[RT_PARAM_##term##_##name] =                                                              \
        strcmp(#name, "temperature") == 0 ? temperature : strtod(initial, NULL);
#include "formats/terms.def"
}

/* Logits of a plain head spread over +-3; cosines over +-1, the first sample's label near -1 so
 * that the AAM guard is in. */
static void make(struct data *d, int classes, double temperature, double smoothing, int cosines)
{
    fill(d->logits, cosines ? 0.95f : 3);
    fill(d->feature, 2);
    fill(d->head, 3);
    fill(d->t_feature, 1);
    fill(d->t_logits, 3);
    for (int i = 0; i < BATCH; i++)
        d->label[i] = i % classes;
    if (cosines)
        d->logits[0] = -0.99f;
    default_params(d->param, temperature);
    d->in = (struct rt_term_in){.batch = BATCH,
                                .classes = classes,
                                .teacher_classes = classes,
                                .dim = WIDE,
                                .logits = d->logits,
                                .feature = d->feature,
                                .head = d->head,
                                .t_feature = d->t_feature,
                                .t_logits = d->t_logits,
                                .label = d->label,
                                .param = d->param,
                                .logit_scale = cosines ? 12 : 1,
                                .smoothing = smoothing,
                                .aam_margin = 0.3,
                                .aam_scale = 12};
}

static float *read_by(struct data *d, int k, int *width)
{
    *width = rt_terms[k]->reads == RT_READS_FEATURE ? d->in.dim : d->in.classes;
    return rt_terms[k]->reads == RT_READS_FEATURE ? d->feature
           : rt_terms[k]->reads == RT_READS_HEAD  ? d->head
                                                  : d->logits;
}

static void distances(const struct rt_term_in *in, int k, double *value)
{
    uint8_t use[BATCH];

    memset(use, 1, sizeof use);
    rt_terms[k]->ops->value(in, use, value);
}

/* Of all samples, into the gradient of what the term reads. */
static void gradients(const struct rt_term_in *in, int k, const double *scale, float *out)
{
    uint8_t use[BATCH];

    memset(use, 1, sizeof use);
    rt_terms[k]->ops->grad(in, use, scale, &(struct rt_term_out){out, out, out});
}

/* --- The independent route: probabilities by plain division, no shared helpers with the terms. */

static void soften(const float *x, int n, double scale, double *p)
{
    double sum = 0;

    for (int j = 0; j < n; j++)
        sum += p[j] = exp(scale * x[j]);
    for (int j = 0; j < n; j++)
        p[j] /= sum;
}

static double smoothed_ce(const double *p, int n, int y, double smoothing)
{
    double d = 0;

    for (int j = 0; j < n; j++)
        d -= ((j == y ? 1 - smoothing : 0) + smoothing / n) * log(p[j]);
    return d;
}

static double divergence(const double *p, const double *q, int n)
{
    double d = 0;

    for (int j = 0; j < n; j++)
        d += p[j] * log(p[j] / q[j]);
    return d;
}

static double naive_ce(const struct rt_term_in *in, int i)
{
    double p[WIDE];

    soften(in->logits + i * in->classes, in->classes, in->logit_scale, p);
    return smoothed_ce(p, in->classes, in->label[i], in->smoothing);
}

static double naive_head_ce(const struct rt_term_in *in, int i)
{
    double p[WIDE];

    soften(in->head + i * in->classes, in->classes, 1, p);
    return -log(p[in->label[i]]);
}

static double naive_aam(const struct rt_term_in *in, int i)
{
    double u[WIDE], sum = 0;
    int y = in->label[i];

    for (int j = 0; j < in->classes; j++) {
        double c = in->logits[i * in->classes + j], angle = acos(c);
        if (j == y)
            c = angle + in->aam_margin <= acos(-1) ? cos(angle + in->aam_margin)
                                                   : c - in->aam_margin * sin(in->aam_margin);
        sum += u[j] = exp(in->aam_scale * c);
    }
    for (int j = 0; j < in->classes; j++)
        u[j] /= sum;
    return smoothed_ce(u, in->classes, y, in->smoothing);
}

/* cos by the law of cosines: (|f|^2 + |t|^2 - |f - t|^2) / (2 |f| |t|). */
static double naive_cosine(const struct rt_term_in *in, int i)
{
    double f2 = 0, t2 = 0, g2 = 0;

    for (int j = 0; j < in->dim; j++) {
        double f = in->feature[i * in->dim + j], t = in->t_feature[i * in->dim + j];
        f2 += f * f;
        t2 += t * t;
        g2 += (f - t) * (f - t);
    }
    return 1 - (f2 + t2 - g2) / (2 * sqrt(f2 * t2));
}

static double naive_l2(const struct rt_term_in *in, int i)
{
    return 2 * naive_cosine(in, i);
}

static double naive_kl_of(const struct rt_term_in *in, const float *s, double s_scale, double t,
                          int i)
{
    double p[WIDE], q[WIDE];

    soften(in->t_logits + i * in->classes, in->classes, 1 / t, p);
    soften(s + i * in->classes, in->classes, s_scale / t, q);
    return t * t * divergence(p, q, in->classes);
}

static double naive_kl(const struct rt_term_in *in, int i)
{
    return naive_kl_of(in, in->logits, in->logit_scale, in->param[RT_PARAM_kl_temperature], i);
}

static double naive_head_kl(const struct rt_term_in *in, int i)
{
    return naive_kl_of(in, in->head, 1, in->param[RT_PARAM_head_kl_temperature], i);
}

static double naive_dkd(const struct rt_term_in *in, int i)
{
    double p[WIDE] = {0}, q[WIDE] = {0}, t = in->param[RT_PARAM_dkd_temperature];
    int n = in->classes, y = in->label[i], m = 0;

    soften(in->t_logits + i * n, n, 1 / t, p);
    soften(in->logits + i * n, n, in->logit_scale / t, q);
    double bp[] = {p[y], 1 - p[y]}, bq[] = {q[y], 1 - q[y]}, rp[WIDE], rq[WIDE];
    for (int j = 0; j < n; j++) {
        if (j == y)
            continue;
        rp[m] = p[j] / bp[1];
        rq[m++] = q[j] / bq[1];
    }
    return t * t *
           (divergence(bp, bq, 2) + in->param[RT_PARAM_dkd_beta] * divergence(rp, rq, m));
}

/* Pearson from raw moments: (n sum pq - sum p sum q) / sqrt(...). */
static double naive_dist(const struct rt_term_in *in, int i)
{
    double p[WIDE], q[WIDE], pq = 0, pp = 0, qq = 0, t = in->param[RT_PARAM_dist_temperature];
    int n = in->classes;

    soften(in->t_logits + i * n, n, 1 / t, p);
    soften(in->logits + i * n, n, in->logit_scale / t, q);
    for (int j = 0; j < n; j++) {
        pq += p[j] * q[j];
        pp += p[j] * p[j];
        qq += q[j] * q[j];
    }
    return 1 - (n * pq - 1) / sqrt((n * pp - 1) * (n * qq - 1));
}

/* cos by the law of cosines, of any two rows. */
static double naive_cos(const float *a, int i, const float *b, int j, int n)
{
    double a2 = 0, b2 = 0, g2 = 0;

    for (int d = 0; d < n; d++) {
        double x = a[i * n + d], y = b[j * n + d];
        a2 += x * x;
        b2 += y * y;
        g2 += (x - y) * (x - y);
    }
    return (a2 + b2 - g2) / (2 * sqrt(a2 * b2));
}

/* A posterior over the mates that are left, by plain division. */
static double naive_nce(const struct rt_term_in *in, int i)
{
    double own = 0, sum = 0;

    for (int j = 0; j < in->batch; j++) {
        double p = exp(naive_cos(in->feature, i, in->t_feature, j, in->dim) / in->param[RT_PARAM_nce_temperature]);
        if (j == i)
            own = p;
        else if (naive_cos(in->t_feature, i, in->t_feature, j, in->dim) > 0.95)
            continue;
        sum += p;
    }
    return -log(own / sum);
}

static double naive_rkd(const struct rt_term_in *in, int i)
{
    double sum = 0;

    for (int j = 0; j < in->batch; j++)
        if (j != i)
            sum += pow(naive_cos(in->feature, i, in->feature, j, in->dim) -
                       naive_cos(in->t_feature, i, in->t_feature, j, in->dim), 2);
    return sum / (in->batch - 1);
}

/* Inner products by |a + b|^2 - |a - b|^2 = 4 a.b, the two rows compared by their angle: |u - v|^2 = 2 - 2 u.v. */
static double naive_sp(const struct rt_term_in *in, int i)
{
    double ss = 0, tt = 0, st = 0;

    for (int j = 0; j < in->batch; j++) {
        double s = 0, t = 0;
        for (int d = 0; d < in->dim; d++) {
            double a = in->feature[i * in->dim + d], b = in->feature[j * in->dim + d];
            double c = in->t_feature[i * in->dim + d], e = in->t_feature[j * in->dim + d];
            s += ((a + b) * (a + b) - (a - b) * (a - b)) / 4;
            t += ((c + e) * (c + e) - (c - e) * (c - e)) / 4;
        }
        ss += s * s;
        tt += t * t;
        st += s * t;
    }
    return 2 - 2 * st / sqrt(ss * tt);
}

static double (*const naive[RT_TERMS])(const struct rt_term_in *, int) = {
    [RT_TERM_ce] = naive_ce,           [RT_TERM_aam] = naive_aam, [RT_TERM_l2] = naive_l2,
    [RT_TERM_cosine] = naive_cosine,   [RT_TERM_kl] = naive_kl,   [RT_TERM_head_kl] = naive_head_kl,
    [RT_TERM_head_ce] = naive_head_ce, [RT_TERM_dkd] = naive_dkd, [RT_TERM_dist] = naive_dist,
    [RT_TERM_nce] = naive_nce,         [RT_TERM_rkd] = naive_rkd, [RT_TERM_sp] = naive_sp,
};

/* What the loops below run over. */
static const struct {
    int classes;
    double temperature, smoothing;
    int cosines;
} cases[] = {{5, 1, 0, 0},   {5, 2, 0.1, 0}, {2, 1, 0.3, 0},
             {7, 0.5, 0, 0}, {5, 4, 0, 1},   {7, 1, 0.1, 1}};
#define CASES ((int)(sizeof cases / sizeof cases[0]))

/* Plain logits are no cosines, so aam only takes part where the case has some. */
static int fits(int k, int c)
{
    return k != RT_TERM_aam || cases[c].cosines;
}

static void make_case(struct data *d, int c)
{
    make(d, cases[c].classes, cases[c].temperature, cases[c].smoothing, cases[c].cosines);
}

/* Others may be NaN with it where rows are compared. */
static int others_are_finite(int k, const double *value)
{
    return (rt_terms[k]->needs & RT_NEEDS_OTHERS) || (isfinite(value[0]) && isfinite(value[2]));
}

/* --- Tests. */

static void rows_are_complete(void **state)
{
    (void)state;
    for (int k = 0; k < RT_TERMS; k++) {
        assert_non_null(rt_terms[k]->name);
        assert_true(strlen(rt_terms[k]->summary) > 0);
        assert_true(rt_terms[k]->needs != 0);
        assert_true(rt_terms[k]->reads != 0);
        assert_non_null(rt_terms[k]->ops->value);
        assert_non_null(rt_terms[k]->ops->grad);
        assert_non_null(naive[k]);
        for (int j = 0; j < k; j++)
            assert_string_not_equal(rt_terms[k]->name, rt_terms[j]->name);
    }
    for (int k = 0; k < RT_TERMS; k++) /* task losses first */
        assert_int_equal(k < RT_TASK_TERMS, strncmp(rt_terms[k]->summary, "task:", 5) == 0);
}

static void nan_is_visible(void **state)
{
    struct data d;
    double value[BATCH];
    int width;

    (void)state;
    for (int k = 0; k < RT_TERMS; k++) {
        for (int place = 0; place < 4; place++) { /* every place of the row, label or not */
            make(&d, 4, 2, 0, 1);
            read_by(&d, k, &width)[1 * width + place] = NAN;
            distances(&d.in, k, value);
            assert_true(isnan(value[1]));
            assert_true(others_are_finite(k, value));
            if (!(rt_terms[k]->needs & RT_NEEDS_TEACHER))
                continue;
            make(&d, 4, 2, 0, 1);
            d.t_logits[1 * 4 + place] = d.t_feature[1 * d.in.dim + place] = NAN;
            distances(&d.in, k, value);
            assert_true(isnan(value[1]));
            assert_true(others_are_finite(k, value));
        }
    }
}

/* Logits of +-1e30 overflow any exp; the distance and the gradient must not. */
static void extremes_are_finite(void **state)
{
    struct data d;
    double value[BATCH], scale[BATCH] = {1, 1, 1, 1, 1, 1};
    int width;

    (void)state;
    for (int k = 0; k < RT_TERMS; k++) {
        float out[BATCH * WIDE] = {0};
        make(&d, 4, 1, 0.1, 0);
        float *x = read_by(&d, k, &width);
        if (k == RT_TERM_aam)
            for (int i = 0; i < BATCH * width; i++)
                x[i] = i % 3 ? 1.0000001f : -1.0000001f;
        else
            for (int i = 0; i < BATCH * width; i++)
                x[i] = i % 3 ? 1e15f : -1e15f;
        for (int i = 0; i < BATCH * width; i++)
            d.t_logits[i % (BATCH * 4)] = d.t_feature[i] = i % 2 ? 1e15f : -1e15f;
        distances(&d.in, k, value);
        gradients(&d.in, k, scale, out);
        for (int i = 0; i < BATCH; i++)
            assert_true(isfinite(value[i]) && value[i] >= 0);
        for (int i = 0; i < BATCH * WIDE; i++)
            assert_true(isfinite(out[i]));
    }
}

static void flat_and_zero_rows(void **state)
{
    struct data d;
    double value[BATCH], scale[BATCH] = {1, 1, 1, 1, 1, 1};
    float out[BATCH * WIDE] = {0};

    (void)state;
    make(&d, 5, 1, 0, 0);
    memset(d.feature, 0, sizeof d.feature);
    memset(d.logits, 0, sizeof d.logits);
    distances(&d.in, RT_TERM_l2, value);
    assert_true(fabs(value[2] - 1) < 1e-12); /* n(0) = 0 lies at distance 1 of any direction */
    distances(&d.in, RT_TERM_cosine, value);
    assert_true(value[2] == 1);
    distances(&d.in, RT_TERM_dist, value);
    assert_true(value[2] == 1);
    distances(&d.in, RT_TERM_sp, value);
    assert_true(fabs(value[2] - 1) < 1e-12);
    distances(&d.in, RT_TERM_ce, value);
    assert_true(fabs(value[2] - log(5)) < 1e-12);
    gradients(&d.in, RT_TERM_l2, scale, out);
    gradients(&d.in, RT_TERM_cosine, scale, out);
    gradients(&d.in, RT_TERM_dist, scale, out);
    gradients(&d.in, RT_TERM_nce, scale, out);
    gradients(&d.in, RT_TERM_rkd, scale, out);
    gradients(&d.in, RT_TERM_sp, scale, out);
    for (int i = 0; i < BATCH * WIDE; i++)
        assert_true(out[i] == 0);
    make(&d, 1, 1, 0, 0); /* one class: nothing to tell apart */
    distances(&d.in, RT_TERM_dkd, value);
    assert_true(value[0] == 0);
    gradients(&d.in, RT_TERM_dkd, scale, out);
    assert_true(out[0] == 0);
}

/* The teacher itself is at distance 0 of every term that compares with it. */
static void teacher_is_at_zero(void **state)
{
    struct data d;
    double value[BATCH];
    int width;

    (void)state;
    for (int k = 0; k < RT_TERMS; k++) {
        if (!(rt_terms[k]->needs & RT_NEEDS_TEACHER) || k == RT_TERM_nce) /* nce: nearer than others is enough */
            continue;
        make(&d, 5, 2, 0, 0);
        float *x = read_by(&d, k, &width);
        memcpy(x, rt_terms[k]->reads == RT_READS_FEATURE ? d.t_feature : d.t_logits,
               sizeof d.logits);
        distances(&d.in, k, value);
        for (int i = 0; i < BATCH; i++)
            assert_true(value[i] >= 0 && value[i] < 1e-9);
    }
}

static void check_values(const struct data *d, int k, int c)
{
    double value[BATCH];

    distances(&d->in, k, value);
    for (int i = 0; i < BATCH; i++) {
        double want = naive[k](&d->in, i);
        if (!(fabs(value[i] - want) < 1e-9 * (1 + want)))
            fail_msg("%s, case %d, sample %d: %.12g, not %.12g", rt_terms[k]->name, c, i, value[i],
                     want);
    }
}

static void values_match_naive(void **state)
{
    struct data d;

    (void)state;
    for (int c = 0; c < CASES; c++) {
        for (int k = 0; k < RT_TERMS; k++) {
            if (!fits(k, c))
                continue;
            make_case(&d, c);
            check_values(&d, k, c);
        }
    }
}

static void unused_samples_stay(void **state)
{
    struct data d;
    uint8_t use[BATCH] = {0, 1, 0, 1, 0, 0};

    (void)state;
    for (int k = 0; k < RT_TERMS; k++) {
        double value[BATCH] = {-7, -7, -7, -7, -7, -7}, scale[BATCH] = {0, 1, 0, -0.5, 0, 0};
        float out[BATCH * WIDE];
        int width;
        make(&d, 4, 1, 0, 1);
        d.label[0] = d.label[2] = d.label[4] = d.label[5] = -1; /* must not even be looked up */
        read_by(&d, k, &width);
        for (int i = 0; i < BATCH * WIDE; i++)
            out[i] = 100;
        rt_terms[k]->ops->value(&d.in, use, value);
        rt_terms[k]->ops->grad(&d.in, use, scale, &(struct rt_term_out){out, out, out});
        for (int i = 0; i < BATCH; i++) {
            assert_int_equal(value[i] != -7, use[i]);
            for (int j = 0, moved = 0; j < width; j++) {
                moved += out[i * width + j] != 100;
                if (j == width - 1)
                    assert_int_equal(moved > 0, use[i]);
            }
        }
        for (int i = BATCH * width; i < BATCH * WIDE; i++)
            assert_true(out[i] == 100);
    }
}

/* Central differences in double around float inputs, with the step that the floats really made; of the
 * scaled sum over all samples, so that a row that others are compared with counts too. */
static double slope_of_sum(struct data *d, int k, float *x, const double *scale)
{
    double up[BATCH], down[BATCH], step, sum = 0;
    float old = *x, high, low;

    *x = high = old + 0x1p-13f;
    distances(&d->in, k, up);
    *x = low = old - 0x1p-13f;
    distances(&d->in, k, down);
    *x = old;
    step = (double)high - low;
    for (int i = 0; i < BATCH; i++)
        sum += scale[i] * ((up[i] - down[i]) / step);
    return sum;
}

static void check_gradients(struct data *d, int k, int c)
{
    double scale[BATCH] = {1, -0.5, 2, 0.25, 1, 3};
    float out[BATCH * WIDE] = {0};
    int width;
    float *x = read_by(d, k, &width);

    gradients(&d->in, k, scale, out);
    for (int at = 0; at < BATCH * width; at++) {
        double want = slope_of_sum(d, k, x + at, scale);
        if (!(fabs(out[at] - want) < 2e-5 * (1 + fabs(want))))
            fail_msg("%s, case %d, element %d: %.9g, not %.9g", rt_terms[k]->name, c, at, out[at],
                     want);
    }
}

static void gradients_match_differences(void **state)
{
    struct data d;

    (void)state;
    for (int c = 0; c < CASES; c++) {
        for (int k = 0; k < RT_TERMS; k++) {
            if (!fits(k, c))
                continue;
            make_case(&d, c);
            check_gradients(&d, k, c);
        }
    }
}

/* The factor of the part about the other classes; the cases above have its default, 2. */
static void dkd_has_a_beta(void **state)
{
    static const double beta[] = {0, 0.5, 8};
    struct data d;

    (void)state;
    for (int c = 0; c < CASES; c++) {
        for (int b = 0; b < 3; b++) {
            make_case(&d, c);
            assert_true(d.param[RT_PARAM_dkd_beta] == 2);
            d.param[RT_PARAM_dkd_beta] = beta[b];
            check_values(&d, RT_TERM_dkd, c);
            check_gradients(&d, RT_TERM_dkd, c);
        }
    }
}

/* Worked out on paper, T = 1: f_0 = t_0 = x, t_1 = x turned by less than acos 0.95, t_2 = y, and f_1 = 0. */
static void nce_leaves_out_the_same(void **state)
{
    struct data d;
    double value[BATCH], scale[BATCH] = {1, 0, 0};
    float out[BATCH * WIDE] = {0};

    (void)state;
    make(&d, 5, 1, 0, 0);
    d.in.batch = 3;
    memset(d.feature, 0, sizeof d.feature);
    memset(d.t_feature, 0, sizeof d.t_feature);
    d.feature[0] = d.t_feature[0] = d.t_feature[WIDE] = 2;
    d.t_feature[WIDE + 1] = 0.4f;
    d.t_feature[2 * WIDE + 1] = d.feature[2 * WIDE] = 3;
    distances(&d.in, RT_TERM_nce, value);
    assert_true(fabs(value[0] - log1p(exp(-1))) < 1e-12); /* y alone is another */
    assert_true(fabs(value[1] - log(2)) < 1e-12);         /* no direction: all mates alike, the same one left out */
    assert_true(fabs(value[2] - log(1 + exp(1) + exp(2 / sqrt(4.16)))) < 1e-7); /* both are nearer; 0.4f */
    gradients(&d.in, RT_TERM_nce, scale, out);
    assert_true(fabs(out[1] - exp(-1) / (1 + exp(-1)) / 2) < 1e-7 && out[0] == 0); /* away from y, by p_2 / (T |f|) */
    d.t_feature[2 * WIDE] = 300; /* all three teachers say the same: nothing can be told apart */
    d.t_feature[2 * WIDE + 1] = 0;
    distances(&d.in, RT_TERM_nce, value);
    for (int i = 0; i < 3; i++)
        assert_true(value[i] == 0);
}

/* D of a row of the paper's G: here both matrices are known. f: two equal rows and one across; t: all across. */
static void sp_is_of_normed_rows(void **state)
{
    struct data d;
    double value[BATCH];

    (void)state;
    make(&d, 5, 1, 0, 0);
    d.in.batch = 3;
    memset(d.feature, 0, sizeof d.feature);
    memset(d.t_feature, 0, sizeof d.t_feature);
    d.feature[0] = d.feature[WIDE] = 2;
    d.feature[2 * WIDE + 1] = 5;
    for (int i = 0; i < 3; i++)
        d.t_feature[i * WIDE + i] = 7;
    distances(&d.in, RT_TERM_sp, value);
    assert_true(fabs(value[0] - (2 - sqrt(2))) < 1e-12); /* (1, 1, 0) / sqrt 2 against (1, 0, 0) */
    assert_true(fabs(value[1] - (2 - sqrt(2))) < 1e-12);
    assert_true(value[2] == 0);
    distances(&d.in, RT_TERM_rkd, value);
    assert_true(fabs(value[0] - 0.5) < 1e-12 && value[2] == 0); /* one of two cosines is 1, not 0 */
}

/* The label's logit must fall all the way as the angle grows, the guard's step included. */
static void aam_is_monotone(void **state)
{
    float x[2] = {0, 0};
    int32_t label[] = {0};
    uint8_t use[] = {1};
    double last = -1, value;
    struct rt_term_in in = {
        .batch = 1, .classes = 2, .logits = x, .label = label, .aam_margin = 0.5, .aam_scale = 10};

    (void)state;
    for (int step = 0; step <= 1000; step++) {
        x[0] = (float)(1 - step / 500.0);
        rt_terms[RT_TERM_aam]->ops->value(&in, use, &value);
        assert_true(value > last);
        last = value;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),   cmocka_unit_test(nan_is_visible),
        cmocka_unit_test(extremes_are_finite), cmocka_unit_test(flat_and_zero_rows),
        cmocka_unit_test(teacher_is_at_zero),  cmocka_unit_test(values_match_naive),
        cmocka_unit_test(unused_samples_stay), cmocka_unit_test(gradients_match_differences),
        cmocka_unit_test(dkd_has_a_beta),      cmocka_unit_test(nce_leaves_out_the_same),
        cmocka_unit_test(sp_is_of_normed_rows), cmocka_unit_test(aam_is_monotone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
