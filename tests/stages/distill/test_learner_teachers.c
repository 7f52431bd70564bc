/* SPDX-License-Identifier: MIT
 * test_learner_teachers: a learner with two real teachers, without a pipeline: what a step with both comes to is the
 * sum of what each gives; one that has nothing to say changes nothing; their order does not matter; rows left out are
 * left out of both; a checkpoint goes on with both. */
#include "stages/distill/objective_settings.h"
#include "tests/stages/distill/learner_toy.h"

#define BATCH 8
#define WIDE 7 /* numbers of the second teacher's embedding */

/* Two teachers of different size, and what the second says of all rows. */
static struct learner_toy t;
static struct rt_model second;
static float second_embedding[ROWS * WIDE], second_logits[ROWS * CLASSES];
static const int all[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static int setup(void **state)
{
    uint32_t seed = 23;
    (void)state;
    lt_make(&t, "distill.cosine.lambda=0.5");
    struct rt_recipe before = t.recipe;
    lt_set(&t, "student.embedding=7 seed=4");
    lt_model(&t, &second, NULL);
    t.recipe = before;
    for (int i = 0; i < ROWS * WIDE; i++)
        second_embedding[i] = 2 * lt_uniform(&seed);
    for (int i = 0; i < ROWS * CLASSES; i++)
        second_logits[i] = 3 * lt_uniform(&seed);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_model_fini(&second);
    lt_fini(&t);
    return 0;
}

/* ---- learners with one or both, in any order ---- */

struct pair {
    struct lt_learner l;
    const struct rt_model *teacher[RT_TEACHERS]; /* &t.teacher, &second */
    int teachers;
};

/* A recipe names one teacher: what it says of that one is said of all. */
static struct rt_learner_settings settings_of_all(void)
{
    struct rt_learner_settings s = lt_settings(&t);
    for (int p = RT_TERMS; p < RT_PLACES; p++)
        s.objective.term[p] = s.objective.term[rt_place_term(p)];
    return s;
}

static void start(struct pair *p, const struct rt_model *a, const struct rt_model *b)
{
    static const char *const names[] = {"a", "b", "c"}, *const measure[MEASURES] = {"sharp", "loud"};
    struct rt_learner_settings settings = settings_of_all();
    *p = (struct pair){.teacher = {a, b}, .teachers = b ? 2 : 1};
    struct rt_learner_config c = {
        .model = &p->l.model, .teacher = p->teacher, .teachers = p->teachers, .settings = &settings,
        .optimizer = t.recipe.train_optimizer, .batch = ROWS, .shards = 1, .threads = 2, .rows = ROWS,
        .measure = measure, .measures = MEASURES, .steps = 20,
    };
    LT_OK(&t, rt_model_create(&p->l.model, &t.recipe, names, CLASSES, p->teacher, p->teachers, NULL, NULL, &t.e));
    LT_OK(&t, rt_learner_create(&p->l.learner, &c, &t.e));
}

/* b as it is for both teachers, in the order of p; what the second says lies in rows. */
struct taught {
    struct lt_batch b;
    struct rt_taught both[RT_TEACHERS];
    uint8_t have[ROWS];
    float embedding[ROWS * WIDE], logits[ROWS * CLASSES];
};

static void taught_make(struct taught *x, const struct pair *p, const int *rows, int count)
{
    lt_batch(&t, &x->b, rows, count);
    for (int i = 0; i < count; i++) {
        x->have[i] = rows[i] % 4 != 3; /* other rows than the first has */
        memcpy(x->embedding + i * WIDE, second_embedding + rows[i] * WIDE, sizeof(float) * WIDE);
        memcpy(x->logits + i * CLASSES, second_logits + rows[i] * CLASSES, sizeof(float) * CLASSES);
    }
    for (int k = 0; k < p->teachers; k++)
        x->both[k] = p->teacher[k] == &second ? (struct rt_taught){x->have, x->embedding, x->logits} : x->b.taught;
    x->b.b.taught = x->both;
}

static struct rt_step_report taught_step(struct pair *p, struct taught *x)
{
    struct rt_learner_settings s = settings_of_all();
    struct rt_step_report r;
    int rc = rt_learner_step(p->l.learner, &x->b.b, &s, &r, &t.e);
    LT_OK(&t, rc);
    assert_int_equal(rc, 1);
    return r;
}

static struct rt_step_report step(struct pair *p, int first)
{
    struct taught x;
    taught_make(&x, p, all + first, BATCH);
    return taught_step(p, &x);
}

/* Where a learner of one teacher has a parameter of the second of two. */
static const char *name_alone(const char *name, char text[RT_NAME])
{
    size_t stem = strcspn(name, "2");
    snprintf(text, RT_NAME, "%.*s%s", (int)stem, name, name[stem] ? name + stem + 1 : "");
    return text;
}

/* Parameters of a second teacher's bridge become those of a first one's, or, back, the other way round. */
static void copy_second(struct rt_graph *from, struct rt_graph *to, bool back)
{
    char name[RT_NAME];
    int copied = 0;
    for (int i = 0; i < rt_graph_params(back ? to : from); i++) {
        struct rt_param *p = rt_graph_param(back ? to : from, i);
        if (!strstr(p->name, "projection2.") && !strstr(p->name, "teacher_head2."))
            continue;
        struct rt_param *q = rt_graph_param_named(back ? from : to, name_alone(p->name, name));
        assert_non_null(q);
        assert_int_equal(p->count, q->count);
        memcpy(back ? p->value : q->value, back ? q->value : p->value, sizeof(float) * (size_t)p->count);
        copied++;
    }
    assert_int_equal(copied, 4); /* projection2, teacher_head2: weight and bias */
}

static double params_distance(struct rt_graph *a, struct rt_graph *b)
{
    double most = 0;
    for (int i = 0; i < rt_graph_params(a); i++) {
        const struct rt_param *p = rt_graph_param(a, i), *q = rt_graph_param_named(b, p->name);
        for (int64_t k = 0; q && k < p->count; k++)
            most = fmax(most, fabs((double)p->value[k] - (double)q->value[k]));
    }
    return most;
}

/* ---- tests ---- */

static double sum_of_terms(const struct rt_step_report *r, int teacher)
{
    struct rt_learner_settings s = settings_of_all();
    double sum = 0;
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++) {
        int p = rt_place(teacher, k);
        if (s.objective.term[p].lambda > 0)
            sum += s.objective.term[p].lambda * r->terms->mean[p];
    }
    return sum;
}

/* One step of both is the task and what each would give alone. */
static void test_sum(void **state)
{
    (void)state;
    struct pair both, one, other;
    start(&both, &t.teacher, &second);
    start(&one, &t.teacher, NULL);
    start(&other, &second, NULL);
    copy_second(both.l.model.graph, other.l.model.graph, false);
    struct rt_step_report r = step(&both, 0), a = step(&one, 0), b = step(&other, 0);
    double task = a.terms->mean[RT_TERM_ce];
    assert_true(task == b.terms->mean[RT_TERM_ce] && task == r.terms->mean[RT_TERM_ce]);
    assert_true(sum_of_terms(&r, 0) > 0 && sum_of_terms(&r, 1) > 0);
    assert_true(fabs(sum_of_terms(&r, 0) - sum_of_terms(&a, 0)) < 1e-9);
    assert_true(fabs(sum_of_terms(&r, 1) - sum_of_terms(&b, 0)) < 1e-9);
    assert_true(fabs(r.total - (a.total + b.total - task)) < 1e-9);
    assert_int_equal(r.terms->used[rt_place(0, RT_TERM_l2)], 7); /* of 8: row 5 has no first */
    assert_int_equal(r.terms->used[rt_place(1, RT_TERM_l2)], 6); /* rows 3 and 7 have no second */
    lt_stop(&both.l);
    lt_stop(&one.l);
    lt_stop(&other.l);
}

/* A second teacher without outputs: every number is that of a run without it. */
static void test_missing(void **state)
{
    (void)state;
    struct pair both, one;
    start(&both, &t.teacher, &second);
    start(&one, &t.teacher, NULL);
    for (int i = 0; i < 6; i++) {
        struct taught x;
        taught_make(&x, &both, all + (i % 2 ? BATCH : 0), BATCH);
        memset(x.have, 0, sizeof x.have);
        if (i == 5)
            x.both[1] = (struct rt_taught){NULL, NULL, NULL}; /* not even that is known */
        struct rt_step_report r = taught_step(&both, &x), a = step(&one, i % 2 ? BATCH : 0);
        assert_true(r.total == a.total && r.gradient_norm == a.gradient_norm);
        assert_int_equal(r.terms->used[rt_place(1, RT_TERM_l2)], 0);
    }
    assert_true(params_distance(both.l.model.graph, one.l.model.graph) == 0);
    lt_stop(&both.l);
    lt_stop(&one.l);
}

/* Only the order of sums differs. */
static void test_order(void **state)
{
    (void)state;
    struct pair ab, ba, alone;
    start(&ab, &t.teacher, &second);
    start(&ba, &second, &t.teacher);
    copy_second(ab.l.model.graph, ba.l.model.graph, false); /* its second's bridge is ba's first */
    start(&alone, &t.teacher, NULL);
    copy_second(alone.l.model.graph, ba.l.model.graph, true);
    for (int i = 0; i < 4; i++) {
        struct rt_step_report r = step(&ab, i % 2 ? BATCH : 0), q = step(&ba, i % 2 ? BATCH : 0);
        assert_true(fabs(r.total - q.total) < 1e-5 && fabs(r.gradient_norm - q.gradient_norm) < 1e-4);
        assert_true(fabs(sum_of_terms(&r, 0) - sum_of_terms(&q, 1)) < 1e-5);
        assert_true(sum_of_terms(&r, 0) != sum_of_terms(&r, 1));
    }
    lt_stop(&ab.l);
    lt_stop(&ba.l);
    lt_stop(&alone.l);
}

/* What is left out is as if it had not been there, for each of them. */
static void test_keep(void **state)
{
    (void)state;
    static const int kept[] = {0, 2, 3, 5, 7};
    struct pair a, b;
    struct taught part, less;
    start(&a, &t.teacher, &second);
    start(&b, &t.teacher, &second);
    taught_make(&part, &a, all, BATCH);
    part.b.b.keep = kept;
    part.b.b.kept = 5;
    taught_make(&less, &b, kept, 5);
    assert_true(taught_step(&a, &part).total == taught_step(&b, &less).total);
    lt_same(&t, &a.l, &b.l, 1);
    lt_stop(&a.l);
    lt_stop(&b.l);
}

/* Kept and taken up again in the middle, running margins of both included, the bytes are the same. */
static void test_goes_on(void **state)
{
    (void)state;
    struct pair whole, first, rest;
    struct rt_safetensors *s;
    start(&whole, &t.teacher, &second);
    start(&first, &t.teacher, &second);
    start(&rest, &t.teacher, &second);
    for (int i = 0; i < 6; i++)
        step(&whole, i % 2 ? BATCH : 0);
    for (int i = 0; i < 3; i++)
        step(&first, i % 2 ? BATCH : 0);
    LT_OK(&t, rt_safetensors_create(&s));
    LT_OK(&t, rt_learner_save(first.l.learner, s));
    assert_non_null(rt_safetensors_get(s, "objective.teacher2.kl"));
    LT_OK(&t, rt_learner_load(rest.l.learner, s, "middle", &t.e));
    for (int i = 3; i < 6; i++)
        step(&rest, i % 2 ? BATCH : 0);
    lt_same(&t, &whole.l, &rest.l, 1);
    rt_safetensors_destroy(s);
    lt_stop(&whole.l);
    lt_stop(&first.l);
    lt_stop(&rest.l);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_sum), TEST(test_missing), TEST(test_order), TEST(test_keep), TEST(test_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
