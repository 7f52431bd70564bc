/* SPDX-License-Identifier: MIT
 * Tests of stages/model/net: a network of ours and another program's file give through the one face what
 * their parts give alone, one by one and in batches; a model without a classifier has no logits. */
#include "stages/model/net.h"
#include "stages/model/trunk.h"
#include "stages/nn/exec.h"
#include "tests/stages/export_models.h"
#include "tests/stages/toy.h"

#define PICTURE "teacher.front.size=20 teacher.model=tests/golden/onnx_picture.onnx"
#define ROWS 3

static const char *const name[] = {"a", "b", "c"};
static struct rt_recipe r;
static struct rt_error e;

static void fill(float *row, size_t n)
{
    struct rt_rng rng = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    for (size_t i = 0; i < n; i++)
        row[i] = (float)rt_rng_normal(&rng);
}

static void recipe(const char *settings)
{
    rt_recipe_init(&r);
    toy_set(&r, settings);
}

static bool near(const float *a, const float *b, int n)
{
    bool all = true;
    for (int i = 0; i < n; i++)
        all = all && fabsf(a[i] - b[i]) < 1e-5f;
    return all;
}

/* Rows at once equal rows one by one, to the last bits but those of rounding in a larger product. */
static void check_batch(const struct rt_model *m, const float *input, size_t row)
{
    struct rt_net *one, *all;
    struct rt_net_outputs o, b;
    assert_int_equal(rt_net_create(&one, m, 1), 0);
    assert_int_equal(rt_net_create(&all, m, ROWS), 0);
    assert_int_equal(rt_net_run(all, ROWS, input, NULL, &b, &e), 0);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(rt_net_run(one, 1, input + row * (size_t)i, NULL, &o, &e), 0);
        assert_true(near(o.embedding, b.embedding + i * m->dim, m->dim));
        assert_int_equal(o.logits == NULL, m->classes == 0);
        assert_int_equal(o.feature == NULL, m->teacher[0].feature < 0);
        if (o.logits)
            assert_true(near(o.logits, b.logits + i * m->classes, m->classes));
        if (o.feature)
            assert_true(near(o.feature, b.feature + i * m->teacher[0].dim, m->teacher[0].dim));
    }
    rt_net_destroy(one);
    rt_net_destroy(all);
}

/* Made ready: near what the parts give, and the same bits in any batch and with any number of threads. */
static void check_ready(const struct rt_model *m, const float *input, size_t row, bool feature)
{
    struct rt_ready *ready;
    struct rt_net *exact, *one, *all;
    struct rt_net_outputs want, o, b;
    assert_int_equal(rt_ready_create(&ready, m, feature), 0);
    assert_int_equal(rt_net_create(&exact, m, 1), 0);
    assert_int_equal(rt_net_create_ready(&one, ready, 1, 1), 0);
    assert_int_equal(rt_net_create_ready(&all, ready, ROWS, 2), 0);
    assert_int_equal(rt_net_run(all, ROWS, input, NULL, &b, &e), 0);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(rt_net_run(exact, 1, input + row * (size_t)i, NULL, &want, &e), 0);
        assert_int_equal(rt_net_run(one, 1, input + row * (size_t)i, NULL, &o, &e), 0);
        assert_true(near(o.embedding, want.embedding, m->dim));
        assert_memory_equal(o.embedding, b.embedding + i * m->dim, (size_t)m->dim * sizeof(float));
        if (m->classes) {
            assert_true(near(o.logits, want.logits, m->classes));
            assert_memory_equal(o.logits, b.logits + i * m->classes, (size_t)m->classes * sizeof(float));
        }
        assert_int_equal(o.feature != NULL, feature);
        if (feature)
            assert_true(near(o.feature, want.feature, m->teacher[0].dim));
    }
    rt_net_destroy(exact);
    rt_net_destroy(one);
    rt_net_destroy(all);
    rt_ready_destroy(ready);
}

/* Every preset and kind of answer, as after training: batch-norm, residual blocks and dilations are folded right. */
static void test_ready(void **state)
{
    (void)state;
    for (int i = 0; i < EXPORT_MODELS; i++) {
        struct rt_model m;
        int64_t dim[3], numbers = 1;
        export_make(&m, &export_models[i]);
        int rank = m.modality->shape(&m.front, dim);
        for (int k = 0; k < rank; k++)
            numbers *= dim[k];
        float *input = malloc((size_t)numbers * ROWS * sizeof *input);
        fill(input, (size_t)numbers * ROWS);
        if (rank)
            check_ready(&m, input, (size_t)numbers, false);
        free(input);
        rt_model_fini(&m);
    }
}

static void test_ours(void **state)
{
    (void)state;
    static float input[ROWS * 16 * 16 * 3];
    struct rt_model teacher, m;
    struct rt_exec *x;
    struct rt_net *n;
    struct rt_net_outputs o;
    fill(input, sizeof input / sizeof *input);
    recipe("image.size=16 student.modality=image student.net=cnn2d student.width=4 student.embedding=6");
    assert_int_equal(rt_model_create(&teacher, &r, name, 3, NULL, 0, NULL, NULL, &e), 0);
    assert_null(rt_model_about(&teacher));
    toy_set(&r, "student.embedding=5 task.loss=aam seed=2");
    assert_int_equal(rt_model_create(&m, &r, name, 3, &(const struct rt_model *){&teacher}, 1, NULL, NULL, &e), 0);
    assert_int_equal(rt_exec_create(&x, m.graph, 1, false, NULL), 0);
    assert_int_equal(rt_net_create(&n, &m, 1), 0);
    for (int h = RT_HEAD_OWN; h < RT_HEADS; h++) {
        float answer[3];
        m.answer = (enum rt_head_id)h;
        rt_exec_forward(x, 1, input, NULL, false, 0, 0);
        assert_int_equal(rt_net_run(n, 1, input, NULL, &o, &e), 0);
        rt_model_answer(&m, m.answer, rt_exec_output(x, m.logits), rt_exec_output(x, m.teacher[0].head), 1, answer);
        assert_memory_equal(o.embedding, rt_exec_output(x, m.embedding), 5 * sizeof(float));
        assert_memory_equal(o.feature, rt_exec_output(x, m.teacher[0].feature), 6 * sizeof(float));
        assert_memory_equal(o.logits, answer, sizeof answer);
    }
    check_batch(&m, input, 16 * 16 * 3);
    for (int h = RT_HEAD_OWN; h < RT_HEADS; h++) {
        m.answer = (enum rt_head_id)h;
        check_ready(&m, input, 16 * 16 * 3, h == RT_HEAD_OWN);
    }
    check_batch(&teacher, input, 16 * 16 * 3);
    rt_net_destroy(n);
    rt_exec_destroy(x);
    rt_model_fini(&m);
    rt_model_fini(&teacher);
}

/* Means of embeddings of length 1, and of posteriors. */
static void test_views(void **state)
{
    (void)state;
    static float input[ROWS * 16 * 16 * 3];
    struct rt_model m;
    struct rt_net *n;
    struct rt_net_outputs o;
    double mean[5] = {0}, posterior[3] = {0};
    int64_t row = 16 * 16 * 3;
    fill(input, sizeof input / sizeof *input);
    recipe("image.size=16 student.modality=image student.net=cnn2d student.width=4 student.embedding=5");
    assert_int_equal(rt_model_create(&m, &r, name, 3, NULL, 0, NULL, NULL, &e), 0);
    assert_int_equal(rt_net_create(&n, &m, 1), 0);
    for (int k = 0; k < ROWS; k++) {
        double norm = 0, mass = 0;
        assert_int_equal(rt_net_run(n, 1, input + row * k, NULL, &o, &e), 0);
        for (int i = 0; i < 5; i++)
            norm += (double)o.embedding[i] * o.embedding[i];
        for (int i = 0; i < 5; i++)
            mean[i] += o.embedding[i] / sqrt(norm) / ROWS;
        for (int i = 0; i < 3; i++)
            mass += exp(o.logits[i]);
        for (int i = 0; i < 3; i++)
            posterior[i] += exp(o.logits[i]) / mass / ROWS;
    }
    assert_int_equal(rt_net_run_views(n, ROWS, input, row, &o, &e), 0);
    assert_null(o.feature);
    for (int i = 0; i < 5; i++)
        assert_true(fabs(o.embedding[i] - mean[i]) < 1e-6);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(exp(o.logits[i]) - posterior[i]) < 1e-6);
    assert_int_equal(rt_net_lengths(&m, NULL, &e), RT_EMISMATCH);
    rt_net_destroy(n);
    rt_model_fini(&m);
}

static void test_foreign(void **state)
{
    (void)state;
    static float input[ROWS * 20 * 20 * 3];
    struct rt_model m;
    struct rt_trunk_exec *x;
    struct rt_net *n;
    struct rt_net_outputs o;
    fill(input, sizeof input / sizeof *input);
    recipe(PICTURE);
    assert_int_equal(rt_model_load_teacher(&m, &r, 0, &e), 0);
    assert_non_null(strstr(rt_model_about(&m), "pictures of 20 x 20"));
    float embedding[12], logits[3];
    assert_int_equal(m.dim, 12);
    assert_int_equal(m.classes, 3);
    assert_int_equal(rt_trunk_exec_create(&x, m.trunk), 0);
    assert_int_equal(rt_trunk_run(x, 1, NULL, input, embedding, &e), 0);
    for (int k = 0; k < 3; k++) {
        logits[k] = m.trunk->bias[k];
        for (int i = 0; i < 12; i++)
            logits[k] += m.trunk->weight[k * 12 + i] * embedding[i];
    }
    assert_int_equal(rt_net_create(&n, &m, 1), 0);
    assert_int_equal(rt_net_run(n, 1, input, NULL, &o, &e), 0);
    assert_memory_equal(o.embedding, embedding, sizeof embedding);
    assert_true(near(o.logits, logits, 3));
    check_batch(&m, input, 20 * 20 * 3);
    rt_net_destroy(n);
    rt_trunk_exec_destroy(x);
    rt_model_fini(&m);
}

static void test_without_a_classifier(void **state)
{
    (void)state;
    static float input[ROWS * 20 * 20 * 3];
    struct rt_model m;
    fill(input, sizeof input / sizeof *input);
    recipe(PICTURE " teacher.logits=none");
    if (rt_model_load_teacher(&m, &r, 0, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(m.classes, 0);
    assert_int_equal(m.dim, 3); /* its last output */
    check_batch(&m, input, 20 * 20 * 3);
    rt_model_fini(&m);
}

/* Text comes in bags. */
static void test_bags(void **state)
{
    (void)state;
    static const int32_t offset[] = {0, 2, 3}, bucket[] = {1, 60, 7};
    static const float weight[] = {0.6f, 0.8f, 1};
    struct rt_model m;
    struct rt_net *n;
    struct rt_net_outputs o;
    recipe("student.modality=text student.net=textbag text.buckets=64 student.embedding=4");
    assert_int_equal(rt_model_create(&m, &r, name, 3, NULL, 0, NULL, NULL, &e), 0);
    assert_int_equal(rt_net_create(&n, &m, 2), 0);
    assert_int_equal(rt_net_run(n, 2, NULL, &(struct rt_bags){offset, bucket, weight}, &o, &e), 0);
    float both[6];
    memcpy(both, o.logits, sizeof both);
    assert_int_equal(rt_net_run(n, 1, NULL, &(struct rt_bags){(int32_t[]){0, 1}, bucket + 2, weight + 2}, &o, &e), 0);
    assert_true(near(o.logits, both + 3, 3) && !near(both, both + 3, 3));
    rt_net_destroy(n);
    rt_net_destroy(NULL);
    rt_model_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ready), cmocka_unit_test(test_ours), cmocka_unit_test(test_views),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_without_a_classifier),
        cmocka_unit_test(test_bags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
