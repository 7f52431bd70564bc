/* SPDX-License-Identifier: MIT
 * test_term_rows: the contract's other half (stages/distill/term.h): a term that compares rows of the
 * batch and reads two outputs, run through the objective in the place of a row of the table. It is a toy,
 * made so that nothing cancels:
 *     D_i = mean over the other used j of (f_i.f_j - t_i.t_j)^2 + a (z_i - z_j)^2,  z = first logit */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/objective.h"
#include "tests/stages/distill/objective_whole.h"

#define BATCH 6
#define CLASSES 3
#define DIM 4
#define TOY RT_TERM_kl /* whose row, and whose setting, it borrows */
#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

/* ---- the toy ---- */

static double toy_dot(const float *x, int i, int j)
{
    double sum = 0;
    for (int d = 0; d < DIM; d++)
        sum += (double)x[i * DIM + d] * x[j * DIM + d];
    return sum;
}

static int toy_others(const uint8_t *use, int batch)
{
    int n = -1;
    for (int i = 0; i < batch; i++)
        n += use[i];
    return n;
}

static void toy_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    int others = toy_others(use, in->batch);
    for (int i = 0; i < in->batch; i++) {
        double sum = 0;
        for (int j = 0; j < in->batch && use[i]; j++) {
            if (!use[j] || j == i)
                continue;
            double gap = toy_dot(in->feature, i, j) - toy_dot(in->t_feature, i, j);
            double z = (double)in->logits[i * CLASSES] - in->logits[j * CLASSES];
            sum += gap * gap + in->param[RT_PARAM_kl_temperature] * z * z;
        }
        if (use[i])
            value[i] = sum / others;
    }
}

static void toy_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                     const struct rt_term_out *out)
{
    int others = toy_others(use, in->batch);
    assert_true(others > 0);
    for (int i = 0; i < in->batch; i++)
        for (int j = 0; j < in->batch && use[i]; j++) {
            if (!use[j] || j == i)
                continue;
            double s = 2 * scale[i] / others;
            double gap = toy_dot(in->feature, i, j) - toy_dot(in->t_feature, i, j);
            double z = (double)in->logits[i * CLASSES] - in->logits[j * CLASSES];
            double a = in->param[RT_PARAM_kl_temperature];
            for (int d = 0; d < DIM && out->feature; d++) {
                out->feature[i * DIM + d] += (float)(s * gap * in->feature[j * DIM + d]);
                out->feature[j * DIM + d] += (float)(s * gap * in->feature[i * DIM + d]);
            }
            if (out->logits) {
                out->logits[i * CLASSES] += (float)(s * a * z);
                out->logits[j * CLASSES] -= (float)(s * a * z);
            }
        }
}

static const struct rt_term_ops toy_ops = {toy_value, toy_grad};
static const struct rt_term toy = {
    .name = "toy",
    .summary = "class: inner products of two samples as the teacher has them",
    .reads = RT_READS_FEATURE | RT_READS_LOGITS,
    .needs = RT_NEEDS_T_FEATURE | RT_NEEDS_OTHERS,
    .ops = &toy_ops,
};

/* ---- a batch ---- */

static struct fixture {
    float logits[BATCH * CLASSES], feature[BATCH * DIM], t_feature[BATCH * DIM];
    float d_logits[BATCH * CLASSES], d_feature[BATCH * DIM];
    uint8_t has_teacher[BATCH];
    double weight[BATCH], distance[BATCH];
    const struct rt_term *table[RT_TERMS];
    struct rt_term_in in;
    struct rt_objective_settings s;
    struct rt_objective o;
    struct rt_objective_out out;
} f;

static const struct rt_objective_weights *weights(void)
{
    static struct rt_objective_weights w;
    w.distill = f.weight;
    return &w;
}

static uint32_t seed;

static void fill(float *x, int n)
{
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1;
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    seed = 3;
    fill(f.logits, BATCH * CLASSES);
    fill(f.feature, BATCH * DIM);
    fill(f.t_feature, BATCH * DIM);
    for (int i = 0; i < BATCH; i++) {
        f.has_teacher[i] = i != 2; /* sample 2 takes no part: nothing of it may be read */
        f.weight[i] = 0.5 + 0.25 * i;
    }
    f.feature[2 * DIM] = f.t_feature[2 * DIM] = f.logits[2 * CLASSES] = NAN;
    f.in = (struct rt_term_in){.batch = BATCH, .classes = CLASSES, .dim = DIM, .logits = f.logits,
                               .feature = f.feature, .t_feature = f.t_feature};
    memcpy(f.table, rt_terms, sizeof f.table);
    f.table[TOY] = &toy;
    f.s.table = f.table;
    f.s.term[TOY].lambda = 1.5;
    f.s.param[RT_PARAM_kl_temperature] = 0.75;
    f.out.distance[TOY] = f.distance;
    rt_objective_init(&f.o);
    return 0;
}

static double run(void)
{
    memset(f.d_logits, 0, sizeof f.d_logits);
    memset(f.d_feature, 0, sizeof f.d_feature);
    assert_int_equal(objective_whole(&f.o, &f.s,
                                        &(struct rt_objective_side){f.in, f.has_teacher,
                                          {f.d_logits, f.d_feature, NULL}},
                                        1, weights(),
                                        NULL, &f.out, NULL), 0);
    return f.out.total;
}

/* A margin that the two nearest rows are within. */
static void choose_margin(void)
{
    run();
    double low = INFINITY, next = INFINITY, third = INFINITY;
    for (int i = 0; i < BATCH; i++) {
        double d = f.distance[i];
        if (d < low) {
            third = next;
            next = low;
            low = d;
        } else if (d < next) {
            third = next;
            next = d;
        } else if (d < third) {
            third = d;
        }
    }
    f.s.term[TOY].margin = (next + third) / 2;
    run();
}

/* ---- tests ---- */

static void nobody_to_compare_with(void **state)
{
    (void)state;
    memset(f.has_teacher, 0, sizeof f.has_teacher);
    f.has_teacher[4] = 1;
    assert_true(run() == 0);
    assert_int_equal(f.out.used[TOY], 0);
    assert_true(isnan(f.distance[4]) && isnan(f.out.mean[TOY]));
    f.has_teacher[1] = 1;
    assert_true(run() > 0);
    assert_int_equal(f.out.used[TOY], 2);
    assert_true(f.distance[1] == f.distance[4]); /* of one pair */
}

/* Others who share the update bring one of everything, and at the end say that there is nothing else. */
static int bring_one(void *self, const void *mine, size_t bytes, void **all, size_t *total, struct rt_error *e)
{
    (void)self;
    (void)e;
    double *both = malloc(2 * bytes);
    assert_non_null(both);
    memcpy(both, mine, bytes);
    for (size_t i = 0; i + 1 < bytes / sizeof *both; i++)
        both[bytes / sizeof *both + i] = 1;
    memset(&both[2 * bytes / sizeof *both - 1], 0, sizeof *both);
    *all = both;
    *total = 2 * bytes;
    return 0;
}

/* The record tells of theirs; here nothing is to be pulled. */
static void all_samples_are_elsewhere(void **state)
{
    (void)state;
    const struct rt_exchange others = {.size = 2, .gather = bring_one};
    memset(f.has_teacher, 0, sizeof f.has_teacher);
    f.has_teacher[4] = 1;
    assert_int_equal(objective_whole(&f.o, &f.s,
                                        &(struct rt_objective_side){f.in, f.has_teacher,
                                          {f.d_logits, f.d_feature, NULL}},
                                        1, weights(),
                                        &others, &f.out, NULL), 0);
    assert_int_equal(f.out.used[TOY], 1);
    for (int i = 0; i < BATCH * DIM; i++)
        assert_true(f.d_feature[i] == 0);
}

static void margin_weight_and_mean_go_by_row(void **state)
{
    (void)state;
    choose_margin();
    double sum = 0;
    int inside = 0;
    for (int i = 0; i < BATCH; i++) {
        double want = 0;
        assert_int_equal(isnan(f.distance[i]), i == 2);
        if (i == 2)
            continue;
        for (int j = 0; j < BATCH; j++) {
            double a = 0, b = 0, z = f.logits[i * CLASSES] - f.logits[j * CLASSES];
            for (int d = 0; d < DIM; d++) {
                a += (double)f.feature[i * DIM + d] * f.feature[j * DIM + d];
                b += (double)f.t_feature[i * DIM + d] * f.t_feature[j * DIM + d];
            }
            if (j != i && j != 2)
                want += ((a - b) * (a - b) + 0.75 * z * z) / 4;
        }
        assert_true(fabs(f.distance[i] - want) < 1e-6); /* z is a float here */
        inside += want <= f.s.term[TOY].margin;
        sum += f.weight[i] * fmax(0, f.distance[i] - f.s.term[TOY].margin);
    }
    assert_int_equal(inside, 2);
    NEAR(f.out.inside[TOY], 2.0 / 5);
    NEAR(f.out.mean[TOY], sum / 5);
    NEAR(f.out.total, 1.5 * sum / 5);
}

static void check(float *x, const float *gradient, int n, int width)
{
    float kept[BATCH * DIM];
    memcpy(kept, gradient, sizeof *kept * (size_t)n);
    for (int i = 0; i < n; i++) {
        float old = x[i], high, low;
        if (i / width == 2) {
            assert_true(kept[i] == 0);
            continue;
        }
        x[i] = high = old + 0x1p-13f;
        double up = run();
        x[i] = low = old - 0x1p-13f;
        double down = run(), want = (up - down) / ((double)high - low);
        x[i] = old;
        if (!(fabs(kept[i] - want) < 2e-4 * (1 + fabs(want))))
            fail_msg("element %d: %.9g, not %.9g", i, kept[i], want);
    }
}

/* By differences of the total: also what a row within its margin gets, being compared with. */
static void gradients_match_differences(void **state)
{
    (void)state;
    choose_margin();
    for (int i = 0; i < BATCH; i++)
        if (f.distance[i] <= f.s.term[TOY].margin)
            assert_true(f.d_feature[i * DIM] != 0 && f.d_logits[i * CLASSES] != 0);
    check(f.feature, f.d_feature, BATCH * DIM, DIM);
    run();
    check(f.logits, f.d_logits, BATCH * CLASSES, CLASSES);
}

static void either_output_alone(void **state)
{
    (void)state;
    float logits[BATCH * CLASSES], feature[BATCH * DIM];
    run();
    memcpy(logits, f.d_logits, sizeof logits);
    memcpy(feature, f.d_feature, sizeof feature);
    memset(f.d_logits, 0, sizeof f.d_logits);
    memset(f.d_feature, 0, sizeof f.d_feature);
    assert_int_equal(objective_whole(&f.o, &f.s,
                                        &(struct rt_objective_side){f.in, f.has_teacher, {f.d_logits, NULL, NULL}},
                                        1, weights(),
                                        NULL, &f.out, NULL), 0);
    assert_int_equal(objective_whole(&f.o, &f.s,
                                        &(struct rt_objective_side){f.in, f.has_teacher, {NULL, f.d_feature, NULL}},
                                        1, weights(),
                                        NULL, &f.out, NULL), 0);
    assert_memory_equal(f.d_logits, logits, sizeof logits);
    assert_memory_equal(f.d_feature, feature, sizeof feature);
    f.in.logits = NULL; /* all that it reads must be there */
    assert_true(run() == 0);
    assert_int_equal(f.out.used[TOY], 0);
}

static void quantile_is_of_the_rows(void **state)
{
    (void)state;
    f.s.term[TOY].quantile = 0.5;
    run();
    double below = 0;
    for (int i = 0; i < BATCH; i++)
        below += f.distance[i] < f.out.margin[TOY];
    assert_true(below == 2); /* of five: the middle one is the margin */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(all_samples_are_elsewhere),
        TEST(nobody_to_compare_with),      TEST(margin_weight_and_mean_go_by_row),
        TEST(gradients_match_differences), TEST(either_output_alone),
        TEST(quantile_is_of_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
