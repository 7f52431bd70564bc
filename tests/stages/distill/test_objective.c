/* SPDX-License-Identifier: MIT
 * test_objective: who counts for which term, margins, weights, the gradient of the whole, the
 * running quantile, and what NaN does. Distances themselves are test_terms.c's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/objective.h"
#include "tests/stages/distill/objective_whole.h"

#define BATCH 5
#define CLASSES 4
#define DIM 6
#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

struct fixture {
    bool weigh_task;
    struct rt_objective_weights weights;
    float logits[BATCH * CLASSES], feature[BATCH * DIM], head[BATCH * CLASSES];
    float t_feature[BATCH * DIM], t_logits[BATCH * CLASSES];
    float d_logits[BATCH * CLASSES], d_feature[BATCH * DIM], d_head[BATCH * CLASSES];
    int32_t label[BATCH];
    uint8_t has_teacher[BATCH];
    double weight[BATCH], distance[RT_TERMS][BATCH];
    struct rt_term_in in;
    struct rt_objective_settings s;
    struct rt_objective o;
    struct rt_objective_out out;
};

static uint32_t seed;

static float uniform(void) /* 0..1 */
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 16777216.0f;
}

static void fill(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = 2 * uniform() - 1;
}

static void make(struct fixture *f)
{
    static const int32_t label[] = {0, 1, -1, 3, -1};
    static const uint8_t has_teacher[] = {1, 0, 1, 1, 0};
    static const double weight[] = {0.5, 2, 1.5, 0.25, 0.75};

    memset(f, 0, sizeof *f);
    seed = 7;
    fill(f->logits, BATCH * CLASSES);
    fill(f->feature, BATCH * DIM);
    fill(f->head, BATCH * CLASSES);
    fill(f->t_feature, BATCH * DIM);
    fill(f->t_logits, BATCH * CLASSES);
    memcpy(f->label, label, sizeof label);
    memcpy(f->has_teacher, has_teacher, sizeof has_teacher);
    memcpy(f->weight, weight, sizeof weight);
    f->in = (struct rt_term_in){.batch = BATCH,
                                .classes = CLASSES,
                                .teacher_classes = CLASSES,
                                .dim = DIM,
                                .logits = f->logits,
                                .feature = f->feature,
                                .head = f->head,
                                .t_feature = f->t_feature,
                                .t_logits = f->t_logits,
                                .label = f->label};
    f->s.aam_margin = 0.2;
    f->s.aam_scale = 10;
    for (int k = 0; k < RT_TERMS; k++)
        f->out.distance[k] = f->distance[k];
    for (int p = 0; p < RT_PARAMS; p++)
        f->s.param[p] = 2;
    rt_objective_init(&f->o);
}

static void all_on(struct fixture *f)
{
    for (int k = 0; k < RT_TERMS; k++)
        f->s.term[k].lambda = 0.5 + k;
}

static const struct rt_objective_weights *weights(struct fixture *f)
{
    f->weights = (struct rt_objective_weights){f->weigh_task ? f->weight : NULL, f->weight};
    return &f->weights;
}

static double run(struct fixture *f)
{
    memset(f->d_logits, 0, sizeof f->d_logits);
    memset(f->d_feature, 0, sizeof f->d_feature);
    memset(f->d_head, 0, sizeof f->d_head);
    assert_int_equal(objective_whole(&f->o, &f->s,
                                        &(struct rt_objective_side){f->in, f->has_teacher,
                                          {f->d_logits, f->d_feature, f->d_head}},
                                        1, weights(f),
                                        NULL, &f->out, NULL),
                     0);
    return f->out.total;
}

static int is_zero(const float *x, int n)
{
    for (int i = 0; i < n; i++)
        if (x[i] != 0)
            return 0;
    return 1;
}

static void nothing_on(struct fixture *f)
{
    assert_true(f->out.total == 0);
    for (int k = 0; k < RT_TERMS; k++) {
        assert_int_equal(f->out.used[k], 0);
        assert_true(isnan(f->out.mean[k]) && isnan(f->out.inside[k]));
    }
    assert_true(is_zero(f->d_logits, BATCH * CLASSES) && is_zero(f->d_feature, BATCH * DIM) &&
                is_zero(f->d_head, BATCH * CLASSES));
}

static void empty_batch(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    all_on(&f);
    for (int k = 0; k < RT_TERMS; k++)
        f.s.term[k].quantile = 0.5;
    f.in.batch = 0;
    run(&f);
    nothing_on(&f);
    for (int k = 0; k < RT_TERMS; k++)
        assert_true(isnan(f.o.quantile[k]));
}

static void nobody_has_anything(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    all_on(&f);
    memset(f.has_teacher, 0, sizeof f.has_teacher);
    for (int i = 0; i < BATCH; i++)
        f.label[i] = i % 2 ? -1 : 1000; /* outside the classes = none */
    run(&f);
    nothing_on(&f);
    for (int k = 0; k < RT_TERMS; k++)
        for (int i = 0; i < BATCH; i++)
            assert_true(isnan(f.distance[k][i]));
}

static void missing_arrays(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    all_on(&f);
    f.in.logits = f.in.head = f.in.feature = NULL;
    run(&f);
    nothing_on(&f);
    make(&f);
    all_on(&f);
    f.in.t_feature = f.in.t_logits = NULL;
    f.in.label = NULL;
    run(&f);
    nothing_on(&f);
    make(&f);
    all_on(&f);
    f.in.classes = CLASSES - 1; /* no longer the teacher's classes */
    run(&f);
    assert_int_equal(f.out.used[RT_TERM_kl], 0);
    assert_int_equal(f.out.used[RT_TERM_dkd], 0);
    assert_int_equal(f.out.used[RT_TERM_dist], 0);
    assert_int_equal(f.out.used[RT_TERM_head_kl], 3);
    assert_int_equal(f.out.used[RT_TERM_ce], 2); /* label 3 is outside too */
}

static void null_teacher_and_weights(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    all_on(&f);
    assert_int_equal(
        objective_whole(&f.o, &f.s, &(struct rt_objective_side){f.in, NULL, {f.d_logits, NULL, NULL}}, 1, NULL,
                                        NULL, &f.out, NULL), 0);
    for (int k = 0; k < RT_TERMS; k++)
        assert_int_equal(f.out.used[k], rt_terms[k]->needs & RT_NEEDS_TEACHER ? 0 : 3);
    assert_true(f.out.total > 0 && !is_zero(f.d_logits, BATCH * CLASSES));
}

static void nan_comes_out(void **state)
{
    struct fixture f;

    (void)state;
    for (int k = 0; k < RT_TERMS; k++) {
        make(&f);
        f.s.term[k].lambda = 1;
        f.s.term[k].quantile = 0.5;
        run(&f);
        double before = f.o.quantile[k];
        assert_true(isfinite(before) && isfinite(f.out.total));
        for (int i = 0; i < DIM; i++)
            f.feature[i] = NAN;
        for (int i = 0; i < CLASSES; i++)
            f.logits[i] = f.head[i] = NAN;
        assert_true(isnan(run(&f)));
        assert_true(isnan(f.distance[k][0]));
        assert_true(isfinite(f.o.quantile[k]) && isfinite(f.o.spread[k]));
        for (int i = 0; i < BATCH * CLASSES; i++)
            assert_true(isfinite(f.d_logits[i]) && isfinite(f.d_head[i]));
    }
    make(&f); /* a weight that is not a number */
    f.s.term[RT_TERM_l2].lambda = 1;
    f.weight[2] = NAN;
    assert_true(isnan(run(&f)));
}

static void counts_follow_masks(void **state)
{
    struct fixture f;

    (void)state;
    make(&f);
    all_on(&f);
    run(&f);
    for (int k = 0; k < RT_TERMS; k++) {
        for (int i = 0, used = 0; i < BATCH; i++) {
            int has = (f.label[i] >= 0 || !(rt_terms[k]->needs & RT_NEEDS_LABEL)) &&
                      (f.has_teacher[i] || !(rt_terms[k]->needs & RT_NEEDS_TEACHER));
            used += has;
            assert_int_equal(!isnan(f.distance[k][i]), has);
            if (i == BATCH - 1)
                assert_int_equal(f.out.used[k], used);
        }
    }
    assert_true(is_zero(f.d_feature + DIM, DIM));             /* sample 1 lacks the teacher */
    assert_true(is_zero(f.d_logits + 4 * CLASSES, CLASSES));  /* sample 4 lacks both */
    assert_false(is_zero(f.d_logits + 2 * CLASSES, CLASSES)); /* sample 2 lacks its label alone */
}

/* total, mean and inside from the recorded distances, by the formula of term.h. */
static void total_is_the_formula(void **state)
{
    struct fixture f;

    (void)state;
    for (int weigh = 0; weigh < 2; weigh++) {
        double want = 0;
        make(&f);
        all_on(&f);
        f.weigh_task = weigh;
        for (int k = 0; k < RT_TERMS; k++)
            f.s.term[k].margin = k % 3 * 0.4;
        run(&f);
        for (int k = 0; k < RT_TERMS; k++) {
            double sum = 0, inside = 0, n = 0;
            for (int i = 0; i < BATCH; i++) {
                double d = f.distance[k][i], m = f.s.term[k].margin;
                if (isnan(d))
                    continue;
                n++;
                inside += d <= m;
                sum += (k < RT_TASK_TERMS && !weigh ? 1 : f.weight[i]) * fmax(0, d - m);
            }
            NEAR(f.out.mean[k], sum / n);
            NEAR(f.out.inside[k], inside / n);
            NEAR(f.out.margin[k], f.s.term[k].margin);
            want += (0.5 + k) * sum / n;
        }
        NEAR(f.out.total, want);
    }
}

static void check_gradient(struct fixture *f, float *x, const float *gradient, int n)
{
    for (int i = 0; i < n; i++) {
        float old = x[i], kept = gradient[i], high, low;
        double up, down;
        x[i] = high = old + 0x1p-13f;
        up = run(f);
        x[i] = low = old - 0x1p-13f;
        down = run(f);
        x[i] = old;
        double want = (up - down) / ((double)high - low);
        if (!(fabs(kept - want) < 2e-4 * (1 + fabs(want))))
            fail_msg("element %d: %.9g, not %.9g", i, kept, want);
        run(f);
    }
}

/* The sum of all terms, with margins, weights and masks, is what the three gradients belong to. */
static void gradient_of_total(void **state)
{
    struct fixture f;

    (void)state;
    for (int weigh = 0; weigh < 2; weigh++) {
        make(&f);
        all_on(&f);
        f.weigh_task = weigh;
        f.s.smoothing = 0.1;
        for (int k = 0; k < RT_TERMS; k++)
            f.s.term[k].margin = 0.3;
        run(&f);
        check_gradient(&f, f.logits, f.d_logits, BATCH * CLASSES);
        check_gradient(&f, f.feature, f.d_feature, BATCH * DIM);
        check_gradient(&f, f.head, f.d_head, BATCH * CLASSES);
    }
}

static void margin_lets_go(void **state)
{
    struct fixture f;
    double far;

    (void)state;
    make(&f);
    f.s.term[RT_TERM_l2].lambda = 1;
    run(&f);
    far =
        fmax(f.distance[RT_TERM_l2][0], fmax(f.distance[RT_TERM_l2][2], f.distance[RT_TERM_l2][3]));
    f.s.term[RT_TERM_l2].margin = far; /* at the margin counts as inside */
    assert_true(run(&f) == 0);
    assert_true(f.out.inside[RT_TERM_l2] == 1 && is_zero(f.d_feature, BATCH * DIM));
    f.s.term[RT_TERM_l2].margin = far * 0.999;
    assert_true(run(&f) > 0);
    NEAR(f.out.inside[RT_TERM_l2], 2.0 / 3);
}

static void gradients_are_added(void **state)
{
    struct fixture f;
    float once[BATCH * DIM];

    (void)state;
    make(&f);
    f.s.term[RT_TERM_l2].lambda = 1;
    run(&f);
    memcpy(once, f.d_feature, sizeof once);
    assert_int_equal(objective_whole(&f.o, &f.s,
                                        &(struct rt_objective_side){f.in, f.has_teacher, {NULL, f.d_feature, NULL}},
                                        1, weights(&f),
                                        NULL, &f.out, NULL),
                     0);
    for (int i = 0; i < BATCH * DIM; i++)
        assert_true(fabsf(f.d_feature[i] - 2 * once[i]) <= 1e-6f);
}

static void aam_makes_logits_cosines(void **state)
{
    struct fixture f;
    float scaled[BATCH * CLASSES];
    double with_aam, alone;

    (void)state;
    make(&f);
    f.s.term[RT_TERM_aam].lambda = 1;
    f.s.term[RT_TERM_kl].lambda = 1;
    run(&f);
    with_aam = f.out.mean[RT_TERM_kl];
    f.s.term[RT_TERM_aam].lambda = 0;
    f.s.cosine_logits = true;
    run(&f);
    assert_true(f.out.mean[RT_TERM_kl] == with_aam);
    f.s.cosine_logits = false;
    for (int i = 0; i < BATCH * CLASSES; i++)
        scaled[i] = 10 * f.logits[i];
    f.in.logits = scaled;
    run(&f);
    alone = f.out.mean[RT_TERM_kl];
    assert_true(fabs(alone - with_aam) < 1e-5);
}

/* One sample, one dimension pair: D = l2 between directions at a drawn angle, so D has a known law.
 */
static double draw_batches(struct rt_objective *o, double quantile, int batches, double *inside)
{
    float feature[64], t_feature[64];
    uint8_t has_teacher[32];
    struct rt_objective_settings s = {0};
    struct rt_objective_out out = {0};
    struct rt_term_in in = {.batch = 32, .dim = 2, .feature = feature, .t_feature = t_feature};

    s.term[RT_TERM_l2].lambda = 1;
    s.term[RT_TERM_l2].quantile = quantile;
    memset(has_teacher, 1, sizeof has_teacher);
    *inside = 0;
    for (int b = 0; b < batches; b++) {
        for (int i = 0; i < 32; i++) {
            double angle = acos(1 - 1.5 * uniform()); /* D = 2 - 2 cos = uniform in 0..3 */
            feature[2 * i] = (float)cos(angle);
            feature[2 * i + 1] = (float)sin(angle);
            t_feature[2 * i] = 1;
            t_feature[2 * i + 1] = 0;
        }
        double before = o->quantile[RT_TERM_l2];
        assert_int_equal(objective_whole(o, &s,
                                            &(struct rt_objective_side){in, has_teacher, {NULL, NULL, NULL}}, 1, NULL,
                                        NULL, &out, NULL), 0);
        if (!isnan(before)) /* in force = as it was before this batch */
            assert_true(out.margin[RT_TERM_l2] == before);
        *inside += out.inside[RT_TERM_l2] / batches;
    }
    return o->quantile[RT_TERM_l2];
}

static void quantile_converges(void **state)
{
    static const double quantile[] = {0.1, 0.25, 0.5, 0.9};

    (void)state;
    for (int q = 0; q < 4; q++) {
        struct rt_objective o;
        double inside;
        seed = 11;
        rt_objective_init(&o);
        o.quantile[RT_TERM_l2] = 3.9; /* from far off */
        o.spread[RT_TERM_l2] = 0.1;
        draw_batches(&o, quantile[q], 2000, &inside);
        assert_true(fabs(draw_batches(&o, quantile[q], 400, &inside) - 3 * quantile[q]) < 0.2);
        assert_true(fabs(inside - quantile[q]) < 0.02);
    }
}

static void first_batch_sets_its_quantile(void **state)
{
    struct fixture f;
    const double *d = f.distance[RT_TERM_l2];
    double low, mid, high;

    (void)state;
    make(&f);
    f.s.term[RT_TERM_l2].lambda = 1;
    f.s.term[RT_TERM_l2].quantile = 0.25;
    run(&f);
    low = fmin(d[0], fmin(d[2], d[3]));
    high = fmax(d[0], fmax(d[2], d[3]));
    mid = d[0] + d[2] + d[3] - low - high;
    NEAR(f.out.margin[RT_TERM_l2], (low + mid) / 2);
    NEAR(f.out.inside[RT_TERM_l2], 1.0 / 3);
    /* then moves by rate * spread * (quantile - share below) */
    NEAR(f.o.quantile[RT_TERM_l2],
         f.out.margin[RT_TERM_l2] + RT_OBJECTIVE_RATE * f.o.spread[RT_TERM_l2] * (0.25 - 1.0 / 3));
    make(&f);
    f.s.term[RT_TERM_l2].lambda = 1;
    f.s.term[RT_TERM_l2].quantile = 0.5; /* the middle one itself: inside, but not below */
    run(&f);
    NEAR(f.out.margin[RT_TERM_l2], mid);
    NEAR(f.out.inside[RT_TERM_l2], 2.0 / 3);
    NEAR(f.o.quantile[RT_TERM_l2],
         mid + RT_OBJECTIVE_RATE * f.o.spread[RT_TERM_l2] * (0.5 - 1.0 / 3));
}

static void same_input_same_bytes(void **state)
{
    struct fixture a, b;

    (void)state;
    make(&a);
    make(&b);
    all_on(&a);
    all_on(&b);
    for (int k = 0; k < RT_TERMS; k++)
        a.s.term[k].quantile = b.s.term[k].quantile = 0.5;
    for (int step = 0; step < 3; step++) {
        run(&a);
        run(&b);
    }
    assert_memory_equal(&a.o, &b.o, sizeof a.o);
    assert_memory_equal(a.d_logits, b.d_logits, sizeof a.d_logits);
    assert_memory_equal(&a.out.total, &b.out.total, sizeof a.out.total);
}

/* Two teachers at once: losses and gradients are the sum of two runs with one each, running quantiles are kept
 * for each, and so is their place in a checkpoint. */
static void two_teachers_are_the_sum_of_one_each(void **state)
{
    (void)state;
    static struct fixture f, g;
    static float logits[BATCH * CLASSES], feature[2][BATCH * DIM], head[2][BATCH * CLASSES], again[BATCH * CLASSES];
    static double distance[RT_PLACES][BATCH];
    make(&f);
    make(&g);
    all_on(&f);
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++)
        f.s.term[k].quantile = 0.3;
    for (int p = RT_TERMS; p < RT_PLACES; p++)
        f.s.term[p] = f.s.term[rt_place_term(p)];
    for (int i = 0; i < BATCH * DIM; i++)
        g.t_feature[i] = 0.5f * f.t_feature[i] + 0.1f * (float)(i % 3);
    for (int i = 0; i < BATCH * CLASSES; i++)
        g.t_logits[i] = f.t_logits[BATCH * CLASSES - 1 - i];
    struct rt_objective one = f.o, other = f.o, both = f.o;
    struct rt_objective_out out[3] = {0};
    for (int p = 0; p < RT_PLACES; p++)
        out[2].distance[p] = distance[p];
    struct rt_objective_settings without = f.s; /* the task's losses count once */
    without.cosine_logits = true;
    for (int k = 0; k < RT_TASK_TERMS; k++)
        without.term[k].lambda = 0;
    struct rt_objective_side a = {f.in, f.has_teacher, {f.d_logits, f.d_feature, f.d_head}};
    struct rt_objective_side b = {g.in, f.has_teacher, {g.d_logits, g.d_feature, g.d_head}};
    b.in.logits = a.in.logits;
    b.in.label = a.in.label;
    struct rt_objective_side side[] = {a, b};
    for (int k = 0; k < 2; k++)
        side[k].gradient = (struct rt_term_out){logits, feature[k], head[k]};
    for (int round = 0; round < 2; round++) { /* the second moves the running quantiles */
        memset(f.d_logits, 0, sizeof f.d_logits), memset(g.d_logits, 0, sizeof g.d_logits);
        memset(f.d_feature, 0, sizeof f.d_feature), memset(g.d_feature, 0, sizeof g.d_feature);
        memset(f.d_head, 0, sizeof f.d_head), memset(g.d_head, 0, sizeof g.d_head);
        memset(logits, 0, sizeof logits), memset(feature, 0, sizeof feature), memset(head, 0, sizeof head);
        assert_int_equal(objective_whole(&one, &f.s, &a, 1, weights(&f), NULL, &out[0], NULL), 0);
        assert_int_equal(objective_whole(&other, &without, &b, 1, weights(&f), NULL, &out[1], NULL), 0);
        assert_int_equal(objective_whole(&both, &f.s, side, 2, weights(&f), NULL, &out[2], NULL), 0);
    }
    assert_true(fabs(out[2].total - out[0].total - out[1].total) < 1e-9);
    for (int i = 0; i < BATCH * CLASSES; i++)
        again[i] = f.d_logits[i] + g.d_logits[i];
    for (int i = 0; i < BATCH * CLASSES; i++)
        assert_true(fabsf(logits[i] - again[i]) < 1e-5f);
    assert_memory_equal(feature[0], f.d_feature, sizeof feature[0]);
    assert_memory_equal(feature[1], g.d_feature, sizeof feature[1]);
    assert_memory_equal(head[0], f.d_head, sizeof head[0]);
    assert_memory_equal(head[1], g.d_head, sizeof head[1]);
    assert_false(is_zero(feature[1], BATCH * DIM) || is_zero(head[1], BATCH * CLASSES));
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++) {
        int p = rt_place(1, k);
        assert_true(rt_place_term(p) == k && rt_place_teacher(p) == 1 && rt_place(0, k) == k);
        assert_true(out[2].margin[p] == out[1].margin[k] && out[2].used[p] == out[1].used[k]);
        assert_true(both.quantile[p] == other.quantile[k] && both.spread[p] == other.spread[k]);
        assert_true(both.quantile[k] == one.quantile[k]);
    }
    struct rt_safetensors *s;
    struct rt_objective back;
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_objective_save(&both, s), 0);
    assert_non_null(rt_safetensors_get(s, "objective.teacher2.l2"));
    assert_int_equal(rt_objective_load(&back, s, NULL), 0);
    assert_memory_equal(back.quantile + RT_TASK_TERMS, both.quantile + RT_TASK_TERMS,
                        (RT_PLACES - RT_TASK_TERMS) * sizeof(double));
    rt_safetensors_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_batch),
        cmocka_unit_test(nobody_has_anything),
        cmocka_unit_test(missing_arrays),
        cmocka_unit_test(null_teacher_and_weights),
        cmocka_unit_test(nan_comes_out),
        cmocka_unit_test(counts_follow_masks),
        cmocka_unit_test(total_is_the_formula),
        cmocka_unit_test(gradient_of_total),
        cmocka_unit_test(margin_lets_go),
        cmocka_unit_test(gradients_are_added),
        cmocka_unit_test(aam_makes_logits_cosines),
        cmocka_unit_test(quantile_converges),
        cmocka_unit_test(first_batch_sets_its_quantile),
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(two_teachers_are_the_sum_of_one_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
