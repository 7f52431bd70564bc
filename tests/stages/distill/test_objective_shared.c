/* SPDX-License-Identifier: MIT
 * test_objective_shared: two who share an update, each with a part of the samples, get what one
 * gets who has them all: counts, means, margins, running quantiles and gradients; also when a part
 * lacks what a term needs. */
#include "stages/distill/objective.h"
#include "tests/stages/distill/objective_whole.h"
#include "tests/stages/distill/exchange_threads.h"

#include <math.h>
#include <string.h>

#define BATCH 8
#define CLASSES 4
#define DIM 6
#define ROUNDS 4

/* Samples first .. first + in.batch of the data. */
struct side {
    struct together *together;
    int rank, first;
    struct rt_term_in in;
    struct rt_objective o;
    struct rt_objective_out out[ROUNDS];
    double distance[RT_TERMS][BATCH];
    float d_logits[BATCH * CLASSES], d_feature[BATCH * DIM], d_head[BATCH * CLASSES];
    int rc;
};

static struct data {
    float logits[BATCH * CLASSES], feature[BATCH * DIM], head[BATCH * CLASSES];
    float t_feature[BATCH * DIM], t_logits[BATCH * CLASSES];
} data[ROUNDS];
static int32_t label[BATCH];
static uint8_t has_teacher[BATCH];
static double weight[BATCH];
static struct rt_objective_settings settings;

static int setup(void **state)
{
    (void)state;
    static const int32_t labels[] = {0, 1, -1, 3, 2, 1, 0, 3};
    static const uint8_t taught[] = {1, 0, 1, 1, 0, 1, 1, 1};
    static const double weights[] = {0.5, 2, 1.5, 0.25, 0.75, 1, 1.75, 0.25};
    uint32_t seed = 3;
    float *x = (float *)data;
    for (size_t i = 0; i < sizeof data / (sizeof *x); i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1;
    }
    memcpy(label, labels, sizeof label);
    memcpy(has_teacher, taught, sizeof has_teacher);
    memcpy(weight, weights, sizeof weight);
    memset(&settings, 0, sizeof settings);
    settings.aam_margin = 0.2;
    settings.aam_scale = 10;
    settings.smoothing = 0.1;
    for (int k = 0; k < RT_PARAMS; k++)
        settings.param[k] = 2;
    for (int k = 0; k < RT_TERMS; k++) {
        if (rt_terms[k]->needs & RT_NEEDS_OTHERS)
            continue; /* those see the rows at hand, which are not those of one with all */
        settings.term[k].lambda = 0.5 + k;
        settings.term[k].margin = 0.1;
        settings.term[k].quantile = k % 2 ? 0.3 : 0;
    }
    return 0;
}

static void side_make(struct side *s, int first, int count)
{
    memset(s, 0, sizeof *s);
    s->first = first;
    s->in = (struct rt_term_in){.batch = count, .classes = CLASSES, .teacher_classes = CLASSES, .dim = DIM};
    rt_objective_init(&s->o);
}

static void *side_run(void *self)
{
    struct side *s = self;
    const struct rt_exchange *others = s->together ? &s->together->exchange[s->rank] : NULL;
    for (int i = 0; i < ROUNDS; i++) {
        struct rt_error e;
        s->in.logits = data[i].logits + s->first * CLASSES;
        s->in.feature = data[i].feature + s->first * DIM;
        s->in.head = data[i].head + s->first * CLASSES;
        s->in.t_feature = data[i].t_feature + s->first * DIM;
        s->in.t_logits = data[i].t_logits + s->first * CLASSES;
        s->in.label = label + s->first;
        for (int k = 0; k < RT_TERMS; k++)
            s->out[i].distance[k] = s->distance[k];
        struct rt_objective_weights weights = {NULL, weight + s->first};
        s->rc |= objective_whole(&s->o, &settings,
                                    &(struct rt_objective_side){s->in, has_teacher + s->first,
                                      {s->d_logits, s->d_feature, s->d_head}},
                                    1, &weights,
                                        others, &s->out[i], &e);
    }
    return NULL;
}

static void near_rows(const float *whole, const float *a, const float *b, int split, int columns)
{
    for (int i = 0; i < BATCH * columns; i++) {
        float part = i < split * columns ? a[i] : b[i - split * columns];
        assert_true(fabsf(whole[i] - part) < 1e-6f);
    }
}

static void near(double a, double b)
{
    assert_true((isnan(a) && isnan(b)) || fabs(a - b) < 1e-12);
}

/* As one with all samples; the two of them to the last bit. */
static void shared_as_alone(int split)
{
    static struct side whole, part[TOGETHER];
    struct together t;
    side_make(&whole, 0, BATCH);
    side_run(&whole);
    side_make(&part[0], 0, split);
    side_make(&part[1], split, BATCH - split);
    together_init(&t);
    for (int r = 0; r < TOGETHER; r++) {
        part[r].together = &t;
        part[r].rank = r;
    }
    together_run(side_run, (void *const[]){&part[0], &part[1]});
    together_fini(&t);
    assert_int_equal(part[0].rc | part[1].rc | whole.rc, 0);
    assert_memory_equal(&part[0].o, &part[1].o, sizeof part[0].o);
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < RT_TERMS; k++) {
            assert_int_equal(part[0].out[i].used[k], whole.out[i].used[k]);
            assert_int_equal(part[1].out[i].used[k], whole.out[i].used[k]);
            near(part[0].out[i].mean[k], whole.out[i].mean[k]);
            near(part[0].out[i].inside[k], whole.out[i].inside[k]);
            near(part[0].out[i].margin[k], whole.out[i].margin[k]);
            near(part[0].out[i].total, whole.out[i].total);
            assert_true(memcmp(&part[0].out[i].total, &part[1].out[i].total, sizeof(double)) == 0);
            near(part[0].o.quantile[k], whole.o.quantile[k]);
            near(part[0].o.spread[k], whole.o.spread[k]);
        }
    near_rows(whole.d_logits, part[0].d_logits, part[1].d_logits, split, CLASSES);
    near_rows(whole.d_feature, part[0].d_feature, part[1].d_feature, split, DIM);
    near_rows(whole.d_head, part[0].d_head, part[1].d_head, split, CLASSES);
}

static void test_parts(void **state)
{
    (void)state;
    for (int split = 0; split <= BATCH; split++) /* 0 and BATCH: one has no sample at all */
        shared_as_alone(split);
}

static void test_part_without_labels(void **state)
{
    (void)state;
    for (int i = 4; i < BATCH; i++)
        label[i] = -1;
    shared_as_alone(4);
    for (int i = 0; i < BATCH; i++)
        label[i] = -1;
    shared_as_alone(4);
}

static void test_part_without_teacher(void **state)
{
    (void)state;
    memset(has_teacher, 0, 4);
    shared_as_alone(4);
    memset(has_teacher, 0, sizeof has_teacher);
    shared_as_alone(4); /* no running quantile can begin */
}

/* A NaN that one has makes the total of both NaN: both stop. */
static void test_not_finite(void **state)
{
    (void)state;
    static struct side part[TOGETHER];
    struct together t;
    data[1].feature[0] = NAN;
    together_init(&t);
    for (int r = 0; r < TOGETHER; r++) {
        side_make(&part[r], 4 * r, 4);
        part[r].together = &t;
        part[r].rank = r;
    }
    together_run(side_run, (void *const[]){&part[0], &part[1]});
    together_fini(&t);
    for (int r = 0; r < TOGETHER; r++)
        assert_true(isfinite(part[r].out[0].total) && isnan(part[r].out[1].total));
}

struct gatherer {
    struct together *together;
    int rank;
    size_t total;
    void *all;
};

static void *gather(void *self)
{
    static const double mine[] = {3, 1, 2};
    struct gatherer *g = self;
    struct rt_error e;
    rt_exchange_gather(&g->together->exchange[g->rank], mine + g->rank,
                       sizeof *mine * (g->rank ? 2 : 1), &g->all, &g->total, &e);
    return NULL;
}

static void test_gather(void **state)
{
    (void)state;
    static const double both[] = {3, 1, 2};
    struct together t;
    struct rt_error e;
    void *all;
    size_t total;
    struct gatherer g[TOGETHER] = {{&t, 0, 0, NULL}, {&t, 1, 0, NULL}};
    together_init(&t);
    together_run(gather, (void *const[]){&g[0], &g[1]});
    together_fini(&t);
    for (int r = 0; r < TOGETHER; r++) {
        assert_int_equal(g[r].total, sizeof both);
        assert_memory_equal(g[r].all, both, sizeof both);
        free(g[r].all);
    }
    assert_int_equal(rt_exchange_gather(NULL, both, sizeof both, &all, &total, &e), 0);
    assert_int_equal(total, sizeof both);
    assert_memory_equal(all, both, sizeof both);
    free(all);
    assert_int_equal(rt_exchange_gather(NULL, NULL, 0, &all, &total, &e), 0);
    assert_int_equal(total, 0);
    free(all);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_gather), TEST(test_parts), TEST(test_part_without_labels), TEST(test_part_without_teacher),
        TEST(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
