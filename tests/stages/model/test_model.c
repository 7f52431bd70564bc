/* SPDX-License-Identifier: MIT
 * Tests of stages/model: every damaged piece of metadata or shape is refused by name; then save and restore
 * of each kind of model give equal outputs; start_from; the answer of each head. */
#include "stages/nn/exec.h"
#include "tests/stages/toy.h"

#define TEXT "student.modality=text student.net=textbag text.buckets=64 student.embedding=4 seed=2"

static struct toy t;
static const char *const name[] = {"a", "b", "c"};

static int setup(void **state)
{
    (void)state;
    toy_make(&t, TEXT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_fini(&t);
    return 0;
}

static void make(struct rt_model *m, const char *settings, const struct rt_model *teacher, bool idf)
{
    float *fitted = NULL;
    toy_set(&t.recipe, settings);
    if (idf) {
        fitted = malloc(sizeof *fitted * (size_t)t.recipe.text_buckets);
        for (int i = 0; i < (int)t.recipe.text_buckets; i++)
            fitted[i] = 1 + 0.1f * (float)i;
    }
    TOY_OK(&t, rt_model_create(m, &t.recipe, name, 3, &teacher, teacher != NULL, NULL, fitted, &t.e));
}

static struct rt_safetensors *saved(const struct rt_model *m)
{
    struct rt_safetensors *s;
    TOY_OK(&t, rt_safetensors_create(&s));
    TOY_OK(&t, rt_model_save(m, s));
    return s;
}

/* A copy of s without the tensor `less`, or with `more` in its place. */
static struct rt_safetensors *without(const struct rt_safetensors *s, const char *less,
                                      const struct rt_tensor *more)
{
    static const char *const text[] = {"retort.recipe", "retort.classes", "retort.head",
                                       "retort.teacher"};
    struct rt_safetensors *c;
    TOY_OK(&t, rt_safetensors_create(&c));
    for (int i = 0; i < rt_safetensors_count(s); i++) {
        const char *at;
        const struct rt_tensor *x = rt_safetensors_at(s, i, &at);
        if (strcmp(at, less) != 0 || more)
            TOY_OK(&t, rt_safetensors_add(c, at, strcmp(at, less) == 0 ? more : x));
    }
    for (int i = 0; i < 4; i++)
        if (rt_safetensors_text(s, text[i]) && strcmp(text[i], less) != 0)
            TOY_OK(&t, rt_safetensors_set_text(c, text[i], rt_safetensors_text(s, text[i])));
    return c;
}

static void refuse(struct rt_safetensors *s, int code, const char *says)
{
    struct rt_model m;
    int rc = rt_model_restore(&m, s, "FILE", &t.e);
    if (rc != code || !strstr(t.e.text, says) || !strstr(t.e.text, "FILE"))
        fail_msg("wanted %d %s, got %d %s", code, says, rc, t.e.text);
    rt_model_fini(&m); /* empty: fine */
}

static void refuse_text(const struct rt_safetensors *s, const char *key, const char *value, int code,
                        const char *says)
{
    struct rt_safetensors *c = without(s, "", NULL);
    TOY_OK(&t, rt_safetensors_set_text(c, key, value));
    refuse(c, code, says);
    rt_safetensors_destroy(c);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad_teacher[] = {
        "", "4", "4 3 1 linear", "0 3 1 linear 1", "4 -3 1 linear 1", "4 3 nan linear 1",
        "4 3 1 square 1", "4 3 1 linear 2", "4 3 1 linear 1 more", "2000000000 3 1 linear 1",
        "5 3 1 linear 1", "4 2 1 linear 1", "4 2 1 linear 0",
    };
    struct rt_model teacher, m;
    make(&teacher, TEXT, NULL, false);
    make(&m, TEXT, &teacher, true);
    struct rt_safetensors *s = saved(&m), *c;
    for (size_t i = 0; i < sizeof bad_teacher / sizeof *bad_teacher; i++) {
        c = without(s, "", NULL);
        struct rt_model x;
        TOY_OK(&t, rt_safetensors_set_text(c, "retort.teacher", bad_teacher[i]));
        int rc = rt_model_restore(&x, c, "FILE", &t.e);
        if ((rc != RT_EFORMAT && rc != RT_EMISMATCH) || !strstr(t.e.text, "retort.teacher"))
            fail_msg("'%s': %d %s", bad_teacher[i], rc, t.e.text);
        rt_safetensors_destroy(c);
    }
    refuse_text(s, "retort.head", "best", RT_EFORMAT, "retort.head 'best'");
    static const char *const bad_temperature[] = {"", "warm", "0", "-1", "nan", "inf", "1 more"};
    for (size_t i = 0; i < sizeof bad_temperature / sizeof *bad_temperature; i++)
        refuse_text(s, "retort.temperature", bad_temperature[i], RT_EFORMAT, "retort.temperature '");
    refuse_text(s, "retort.classes", "a\nb", RT_EFORMAT, "retort.teacher");
    refuse_text(s, "retort.recipe", "student: {modality: smell}", RT_ERANGE, "smell");
    refuse_text(s, "retort.recipe", "student: [", RT_EFORMAT, "FILE");
    static const char *const piece[] = {"retort.recipe", "retort.classes", "model.logits.weight",
                                        "model.teacher_head.weight"};
    for (int i = 0; i < 4; i++) {
        c = without(s, piece[i], NULL);
        struct rt_model x;
        assert_true(rt_model_restore(&x, c, "FILE", &t.e) < 0);
        if (!strstr(t.e.text, piece[i] + (i < 2 ? 0 : 6)))
            fail_msg("%s: %s", piece[i], t.e.text);
        rt_safetensors_destroy(c);
    }
    float few[6] = {0};
    int64_t dim[] = {6};
    struct rt_tensor wrong = rt_tensor_view(RT_F32, 1, dim, few);
    c = without(s, "front.idf", &wrong);
    refuse(c, RT_EMISMATCH, "front.idf does not have text.buckets = 64");
    rt_safetensors_destroy(c);
    c = without(s, "model.logits.weight", &wrong);
    refuse(c, RT_EMISMATCH, "logits.weight");
    rt_safetensors_destroy(c);
    rt_safetensors_destroy(s);
    rt_model_fini(&m);
    rt_model_fini(&teacher);
}

static void test_create_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"a", "b\nc"};
    struct rt_model teacher, m;
    assert_int_equal(rt_model_create(&m, &t.recipe, lines, 2, NULL, 0, NULL, NULL, &t.e), RT_EUSAGE);
    assert_non_null(strstr(t.e.text, "line feed"));
    make(&teacher, TEXT, NULL, false);
    toy_set(&t.recipe, "student.embedding=7 distill.projection=never");
    float *idf = calloc(64, sizeof *idf); /* taken over: freed on failure too */
    assert_int_equal(rt_model_create(&m, &t.recipe, name, 3, &(const struct rt_model *){&teacher},
                                     1, NULL, idf, &t.e),
                     RT_EMISMATCH);
    assert_non_null(strstr(t.e.text, "student.embedding: 4"));
    rt_model_fini(&teacher);
    assert_int_equal(rt_model_load(&m, scratch_file(&t.dir, "none"), &t.e), RT_EMISSING);
    assert_int_equal(rt_model_load(&m, t.dir.path, &t.e), RT_EMISSING);
    assert_non_null(strstr(t.e.text, t.dir.path));
}

/* The answer of each head for one bag. */
static void outputs(const struct rt_model *m, float out[RT_HEADS][3])
{
    static const int32_t offset[] = {0, 3}, bucket[] = {1, 7, 60};
    static const float weight[] = {0.5f, 0.7f, 0.5f};
    struct rt_bags bags = {offset, bucket, weight};
    struct rt_exec *x;
    TOY_OK(&t, rt_exec_create(&x, m->graph, 1, false, NULL));
    rt_exec_forward(x, 1, NULL, &bags, false, 0, 0);
    for (int h = RT_HEAD_OWN; h < (m->teacher[0].head >= 0 ? RT_HEADS : RT_HEAD_TEACHER); h++)
        rt_model_answer(m, (enum rt_head_id)h, rt_exec_output(x, m->logits),
                        m->teacher[0].head >= 0 ? rt_exec_output(x, m->teacher[0].head) : NULL, 1, out[h]);
    rt_exec_destroy(x);
}

static void round_trip(struct rt_model *m)
{
    float before[RT_HEADS][3] = {0}, after[RT_HEADS][3] = {0};
    struct rt_model again, third;
    struct rt_safetensors *s = saved(m);
    const char *path = scratch_file(&t.dir, "student.safetensors");
    TOY_OK(&t, rt_safetensors_write(s, path, &t.e));
    TOY_OK(&t, rt_model_restore(&again, s, "s", &t.e));
    TOY_OK(&t, rt_model_load(&third, t.dir.path, &t.e)); /* as a run folder */
    outputs(m, before);
    outputs(&again, after);
    assert_memory_equal(before, after, sizeof before);
    outputs(&third, after);
    assert_memory_equal(before, after, sizeof before);
    for (int c = 0; c < 3; c++) {
        assert_string_equal(again.class_name[c], name[c]);
        assert_true(before[RT_HEAD_OWN][c] != 0);
        assert_true(m->teacher[0].head < 0 || fabsf(before[RT_HEAD_OWN][c] + before[RT_HEAD_TEACHER][c] -
                                         before[RT_HEAD_SUM][c]) < 1e-5f);
    }
    assert_int_equal(again.answer, m->answer);
    assert_int_equal(again.dim, m->dim);
    assert_int_equal(again.teacher[0].dim, m->teacher[0].dim);
    assert_int_equal(again.teacher[0].shares_classes, m->teacher[0].shares_classes);
    assert_true(again.key.lo == third.key.lo && again.key.hi == third.key.hi);
    assert_true(!m->front.idf == !again.front.idf);
    if (m->front.idf)
        assert_memory_equal(m->front.idf, again.front.idf, 64 * sizeof(float));
    rt_safetensors_destroy(s);
    rt_model_fini(&again);
    rt_model_fini(&third);
    rt_model_fini(m);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct rt_model plain, cosine, m;
    make(&plain, TEXT, NULL, false);
    make(&cosine, TEXT " task.loss=aam task.scale=20", NULL, false);
    make(&m, "task.loss=ce", &plain, true);
    m.answer = RT_HEAD_SUM;
    round_trip(&m);
    make(&m, "student.embedding=6", &cosine, false); /* a projection, and a head of cosines */
    assert_true(m.teacher[0].feature != m.embedding && m.teacher[0].scale == 20);
    m.answer = RT_HEAD_TEACHER;
    round_trip(&m);
    make(&m, "task.loss=aam task.scale=11", &plain, true);
    round_trip(&m);
    round_trip(&plain);
    round_trip(&cosine);
}

/* A temperature goes into the file that a folder stands for; the model is otherwise the same, also to caches. */
static void test_calibrate(void **state)
{
    (void)state;
    struct rt_model m, again;
    float before[RT_HEADS][3] = {0}, after[RT_HEADS][3] = {0};
    make(&m, TEXT, NULL, true);
    struct rt_safetensors *s = saved(&m);
    TOY_OK(&t, rt_safetensors_write(s, scratch_file(&t.dir, "model.safetensors"), &t.e));
    rt_safetensors_destroy(s);
    TOY_OK(&t, rt_model_load(&again, t.dir.path, &t.e));
    assert_true(again.temperature == 1);
    struct rt_key128 key = again.key;
    TOY_OK(&t, rt_model_calibrate(&again, t.dir.path, 1.7, &t.e));
    assert_true(again.temperature == 1.7);
    rt_model_fini(&again);
    TOY_OK(&t, rt_model_load(&again, t.dir.path, &t.e));
    assert_true(again.temperature == 1.7 && again.key.lo == key.lo && again.key.hi == key.hi);
    outputs(&m, before);
    outputs(&again, after);
    assert_memory_equal(before, after, sizeof before);
    s = saved(&again); /* and it stays, as in retort export */
    assert_string_equal(rt_safetensors_text(s, "retort.temperature"), "1.7");
    rt_safetensors_destroy(s);
    scratch_write(&t.dir, "m.onnx", "", 0);
    assert_int_equal(rt_model_calibrate(&again, scratch_file(&t.dir, "m.onnx"), 1.7, &t.e), RT_EUSAGE);
    assert_non_null(strstr(t.e.text, "export that"));
    rt_model_fini(&again);
    rt_model_fini(&m);
}

/* A file of before, whose recipe holds settings that are no more, is the same model. */
static void test_retired_settings(void **state)
{
    (void)state;
    struct rt_model m, again;
    make(&m, TEXT, NULL, false);
    struct rt_safetensors *s = saved(&m), *c = without(s, "", NULL);
    const char *text = rt_safetensors_text(s, "retort.recipe"), *l2 = strstr(text, "  l2:\n");
    char *old = malloc(strlen(text) + 60);
    assert_non_null(l2);
    sprintf(old, "%.*s  l2:\n    temperature: 1  # of both sides\n%s", (int)(l2 - text), text, l2 + strlen("  l2:\n"));
    TOY_OK(&t, rt_safetensors_set_text(c, "retort.recipe", old));
    TOY_OK(&t, rt_model_restore(&again, c, "old", &t.e));
    assert_memory_equal(&again.recipe, &m.recipe, sizeof m.recipe);
    free(old);
    rt_safetensors_destroy(c);
    rt_safetensors_destroy(s);
    rt_model_fini(&again);
    rt_model_fini(&m);
}

static void test_two_teachers(void **state)
{
    (void)state;
    struct rt_model plain, cosine, m, again;
    make(&plain, TEXT, NULL, false);
    make(&cosine, TEXT " student.embedding=7 task.loss=aam task.scale=20", NULL, false);
    toy_set(&t.recipe, TEXT " task.loss=ce");
    const struct rt_model *const both[] = {&plain, &cosine};
    TOY_OK(&t, rt_model_create(&m, &t.recipe, name, 3, both, 2, NULL, NULL, &t.e));
    assert_int_equal(m.teachers, 2);
    assert_int_equal(m.teacher[0].feature, m.embedding);
    assert_true(m.teacher[1].feature != m.embedding && m.teacher[1].dim == 7 && m.teacher[1].scale == 20);
    assert_int_equal(rt_model_create(&again, &t.recipe, name, 3, both, RT_TEACHERS + 1, NULL, NULL, &t.e), RT_EUSAGE);
    for (int k = 0; k < 2; k++) {
        static const char *const head[] = {"teacher_head.weight", "teacher_head2.weight"};
        const struct rt_param *a = rt_graph_param_named(both[k]->graph, "logits.weight");
        const struct rt_param *b = rt_graph_param_named(m.graph, head[k]);
        assert_int_equal(a->count, b->count);
        assert_memory_equal(a->value, b->value, (size_t)a->count * sizeof(float));
        assert_false(b->trainable);
    }
    struct rt_safetensors *s = saved(&m);
    TOY_OK(&t, rt_model_restore(&again, s, "s", &t.e));
    assert_int_equal(again.teachers, 2);
    for (int k = 0; k < 2; k++) {
        const struct rt_model_teacher *a = &again.teacher[k], *b = &m.teacher[k];
        assert_true(a->feature == b->feature && a->head == b->head && a->dim == b->dim && a->classes == b->classes);
        assert_true(a->scale == b->scale && a->shares_classes == b->shares_classes);
    }
    rt_safetensors_destroy(s);
    rt_model_fini(&again);
    rt_model_fini(&m);
    rt_model_fini(&plain);
    rt_model_fini(&cosine);
}

/* The key stands for the outputs: whatever changes them changes it. */
static void test_key(void **state)
{
    (void)state;
    struct rt_model teacher, m, again;
    uint64_t seen[4];
    make(&teacher, TEXT, NULL, false);
    make(&m, TEXT, &teacher, true);
    for (int i = 0; i < 4; i++) {
        if (i == 1)
            m.answer = RT_HEAD_SUM;
        if (i == 2)
            m.front.idf[5] += 1;
        if (i == 3)
            rt_graph_param_named(m.graph, "logits.bias")->value[0] += 1;
        struct rt_safetensors *s = saved(&m);
        TOY_OK(&t, rt_model_restore(&again, s, "s", &t.e));
        seen[i] = again.key.lo;
        for (int k = 0; k < i; k++)
            assert_true(seen[k] != seen[i]);
        rt_model_fini(&again);
        rt_safetensors_destroy(s);
    }
    rt_model_fini(&m);
    rt_model_fini(&teacher);
}

static void test_start_from(void **state)
{
    (void)state;
    static const char *const two[] = {"a", "b"};
    struct rt_model from, m;
    int copied;
    make(&from, TEXT, NULL, false);
    toy_set(&t.recipe, "seed=9");
    TOY_OK(&t, rt_model_create(&m, &t.recipe, two, 2, NULL, 0, NULL, NULL, &t.e));
    struct rt_param *p = rt_graph_param_named(m.graph, "logits.weight");
    float own = p->value[0];
    TOY_OK(&t, rt_model_start_from(&m, &from, &copied, &t.e));
    assert_true(copied > 0);
    assert_true(p->value[0] == own); /* other classes: the head stays */
    for (int i = 0, same = 0; i < rt_graph_params(m.graph); i++) {
        const struct rt_param *a = rt_graph_param(m.graph, i);
        const struct rt_param *b = rt_graph_param_named(from.graph, a->name);
        if (strncmp(a->name, "logits.", 7) != 0) {
            assert_memory_equal(a->value, b->value, sizeof(float) * (size_t)a->count);
            same++;
        }
        if (i + 1 == rt_graph_params(m.graph))
            assert_int_equal(same, copied);
    }
    rt_model_fini(&m);
    make(&m, "text.buckets=128", NULL, false);
    assert_int_equal(rt_model_start_from(&m, &from, &copied, &t.e), RT_EMISMATCH);
    assert_non_null(strstr(t.e.text, "student.init: "));
    rt_model_fini(&m);
    rt_model_fini(&from);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused),    TEST(test_create_refused),
        TEST(test_round_trip), TEST(test_calibrate), TEST(test_retired_settings),
        TEST(test_key),
        TEST(test_two_teachers),        TEST(test_start_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
