/* SPDX-License-Identifier: MIT
 * Tests of stages/trunk and model_import: settings and graphs that do not fit; then PyTorch's numbers, the
 * teacher stage on pictures, and the classifier inside a student. */
#include "stages/model/trunk.h"
#include "formats/safetensors.h"
#include "tests/stages/toy.h"

#define PICTURE "tests/golden/onnx_picture.onnx"
#define SIDE 20
#define DIM 12
#define CLASSES 3

static void recipe(struct rt_recipe *r, const char *settings)
{
    rt_recipe_init(r);
    toy_set(r, settings);
}

static int open_trunk(struct rt_trunk **out, const struct rt_recipe *r, struct rt_error *e)
{
    struct rt_teacher_settings s = rt_recipe_teacher(r, 0);
    struct rt_front front = rt_front_of(r);
    return rt_trunk_open(out, &s, &front, e);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *settings, *says;
    } wrong[] = {
        {RT_EMISSING, "teacher.model=nowhere.onnx", "nowhere.onnx"},
        {RT_EMISMATCH, "teacher.model=" PICTURE, "its side is open: give the one that the network"},
        {RT_EUSAGE, "teacher.front.size=20 teacher.front.mean=red teacher.model=" PICTURE, "'red' is not one number"},
        {RT_EUSAGE, "teacher.front.size=20 teacher.front.std=1,2 teacher.model=" PICTURE, "'1,2' is not one number"},
        {RT_ERANGE, "teacher.front.size=20 teacher.front.std=0 teacher.model=" PICTURE, "teacher.front.std: 0"},
        {RT_EMISMATCH, "teacher.front.size=20 teacher.front.layout=nhwc teacher.model=" PICTURE,
         "teacher.front.layout"},
        {RT_EMISMATCH, "teacher.modality=speech teacher.front.preset=kaldi teacher.model=" PICTURE,
         "speech has 3 dimensions"},
        {RT_EMISSING, "teacher.front.size=20 teacher.input=x teacher.model=" PICTURE, "its input is 'input'"},
        {RT_EMISSING, "teacher.front.size=20 teacher.logits=x teacher.model=" PICTURE, "no node makes 'x'"},
        {RT_EMISMATCH, "teacher.front.size=20 teacher.embedding=logits teacher.model=" PICTURE,
         "the classifier of 'logits' reads"},
        {RT_EUSAGE, "teacher.model=tests/golden/onnx_xvector.onnx", "give teacher.front.preset, one of retort, kaldi"},
        {RT_EUSAGE, "teacher.front.size=20 teacher.front.filter=bicubic teacher.model=" PICTURE, "does not go with"},
        {RT_EMISSING, "teacher.model=tests/golden/onnx_transformer.onnx", "there is no tokenizer.json beside it"},
        {RT_EMISMATCH, "teacher.model=tests/golden/onnx_mobilenet.onnx", "a square picture is wanted"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rt_recipe r;
        struct rt_error e = {0};
        struct rt_trunk *t;
        recipe(&r, wrong[i].settings);
        assert_int_equal(open_trunk(&t, &r, &e), wrong[i].code);
        assert_null(t);
        if (!strstr(e.text, wrong[i].says))
            fail_msg("'%s' does not say '%s'", e.text, wrong[i].says);
    }
}

/* A row as present() would give it: channels last. */
static void row_of(const float *input, float *row)
{
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int c = 0; c < 3; c++)
            row[3 * i + c] = input[c * SIDE * SIDE + i];
}

static void test_pytorch(void **state)
{
    (void)state;
    static float row[SIDE * SIDE * 3];
    struct rt_safetensors *golden;
    struct rt_recipe r;
    struct rt_error e;
    struct rt_trunk *t;
    struct rt_trunk_exec *x;
    float got[DIM];
    assert_int_equal(rt_safetensors_read(&golden, "tests/golden/torch_onnx.safetensors", &e), 0);
    const float *input = rt_safetensors_get(golden, "picture.input")->data;
    const float *want = rt_safetensors_get(golden, "picture.embedding")->data;
    recipe(&r, "teacher.front.size=20 teacher.front.mean=0.5,0.5,0.5 teacher.front.std=0.25 teacher.model=" PICTURE);
    if (open_trunk(&t, &r, &e) < 0)
        fail_msg("%s", e.text);
    assert_non_null(strstr(t->about, "nchw pictures of 20 x 20, embedding "));
    assert_int_equal(t->dim, DIM);
    assert_int_equal(t->classes, CLASSES);
    assert_int_equal(rt_trunk_exec_create(&x, t), 0);
    for (int b = 0; b < 2; b++) {
        row_of(input + b * 3 * SIDE * SIDE, row);
        assert_int_equal(rt_trunk_run(x, 1, NULL, row, got, &e), 0);
        const float *logits = rt_safetensors_get(golden, "picture.logits")->data;
        for (int i = 0; i < DIM; i++)
            assert_true(fabsf(got[i] - want[b * DIM + i]) < 1e-4f);
        for (int k = 0; k < CLASSES; k++) {
            float sum = t->bias[k];
            for (int i = 0; i < DIM; i++)
                sum += t->weight[k * DIM + i] * got[i];
            assert_true(fabsf(sum - logits[b * CLASSES + k]) < 1e-4f);
        }
    }
    rt_trunk_exec_destroy(x);
    rt_trunk_close(t);
    rt_safetensors_destroy(golden);
}

static void test_key(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "teacher.front.size=20 teacher.model=" PICTURE,
        "teacher.front.size=24 teacher.model=" PICTURE,
        "teacher.front.size=20 teacher.front.mean=0.1 teacher.model=" PICTURE,
        "teacher.front.size=20 teacher.front.std=0.1 teacher.model=" PICTURE,
        "teacher.front.size=20 teacher.model=" PICTURE,
    };
    struct rt_key128 key[5];
    for (int i = 0; i < 5; i++) {
        struct rt_model m;
        struct rt_recipe r;
        struct rt_error e;
        recipe(&r, settings[i]);
        assert_int_equal(rt_model_load_teacher(&m, &r, 0, &e), 0);
        key[i] = m.key;
        rt_model_fini(&m);
    }
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(&key[i], &key[k], sizeof key[i]);
    assert_memory_equal(&key[0], &key[4], sizeof key[0]);
}

/* ---- in the pipeline ---- */

static const char *const picture[] = {"rgb.png", "palette.png", "grey.png"};

struct seen {
    int rows;
    float embedding[3][DIM], logits[3][CLASSES];
};

static void collect(void *self, const struct rt_batch *b)
{
    struct seen *s = self;
    struct rt_tensor have, embedding, logits;
    toy_frame(b, "teacher.have", &have);
    toy_frame(b, "teacher.embedding", &embedding);
    toy_frame(b, "teacher.logits", &logits);
    for (int i = 0; i < b->count; i++) {
        assert_int_equal(((uint8_t *)have.data)[i], 1);
        memcpy(s->embedding[b->sample[i]], (float *)embedding.data + DIM * i, sizeof *s->embedding);
        memcpy(s->logits[b->sample[i]], (float *)logits.data + CLASSES * i, sizeof *s->logits);
        s->rows++;
    }
    rt_tensor_fini(&have);
    rt_tensor_fini(&embedding);
    rt_tensor_fini(&logits);
}

static struct seen run(struct toy *t, struct rt_model *m, int batch)
{
    struct seen s = {0};
    struct rt_runner *runner;
    struct rt_lister *lister;
    int rows[] = {2, 0, 1};
    struct rt_teacher stage = {.role = "teacher", .model = m, .dataset = &t->data,
                             .content = &t->content, .workers = 2, .level = 1};
    struct rt_decode decode = toy_decode(t);
    decode.input[decode.inputs++] = (struct rt_decode_input){
        .role = "teacher", .modality = m->modality, .front = &m->front};
    TOY_OK(t, rt_lister_create(&lister, RT_BATCH_TRAIN, rows, 3, batch));
    TOY_OK(t, rt_runner_create(&runner, 2, 1 << 24, 0));
    TOY_OK(t, rt_runner_add(runner, &rt_stage_decode, &decode, 2));
    TOY_OK(t, rt_runner_add(runner, rt_stage_teacher, &stage, 2));
    TOY_OK(t, rt_runner_run(runner, rt_lister_source(lister),
                            (struct rt_sink){.self = &s, .done = collect}, &t->e));
    rt_runner_destroy(runner);
    rt_lister_destroy(lister);
    return s;
}

static void test_stage(void **state)
{
    (void)state;
    char table[400] = "id\tlabel\timage\ttext\n";
    struct toy t;
    struct rt_model m;
    toy_make(&t, "image.size=16 teacher.front.size=20 teacher.model=" PICTURE);
    for (int i = 0; i < 3; i++) {
        char from[100];
        snprintf(from, sizeof from, "tests/data/good/%s", picture[i]);
        toy_copy(&t, from, picture[i]);
        sprintf(table + strlen(table), "p%d\tx\t%s\tword\n", i, picture[i]);
    }
    toy_load(&t, table);
    TOY_OK(&t, rt_model_load_teacher(&m, &t.recipe, 0, &t.e));
    assert_int_equal(m.recipe.image_size, 20); /* the teacher's own, not the student's */
    struct seen alone = run(&t, &m, 1), together = run(&t, &m, 3);
    assert_int_equal(alone.rows, 3);
    assert_memory_equal(&alone, &together, sizeof alone);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < CLASSES; k++)
            assert_true(isfinite(alone.logits[i][k]) && alone.logits[i][k] != 0);
        assert_memory_not_equal(alone.embedding[i], alone.embedding[(i + 1) % 3], sizeof *alone.embedding);
    }
    rt_model_fini(&m);
    toy_fini(&t);
}

static void test_student_carries_classifier(void **state)
{
    (void)state;
    static const char *const name[] = {"a", "b"};
    struct rt_model teacher, student;
    struct rt_recipe r;
    struct rt_error e;
    recipe(&r, "image.size=16 student.modality=image student.net=cnn2d student.width=4 "
               "student.embedding=6 teacher.front.size=20 teacher.model=" PICTURE);
    assert_int_equal(rt_model_load_teacher(&teacher, &r, 0, &e), 0);
    assert_string_equal(teacher.class_name[2], "2");
    assert_int_equal(rt_model_create(&student, &r, name, 2, &(const struct rt_model *){&teacher}, 1, NULL, NULL, &e),
                     0);
    assert_int_equal(student.teacher[0].dim, DIM);
    assert_int_equal(student.teacher[0].classes, CLASSES);
    assert_false(student.teacher[0].shares_classes);
    struct rt_param *w = rt_graph_param_named(student.graph, "teacher_head.weight");
    assert_memory_equal(w->value, teacher.trunk->weight, DIM * CLASSES * sizeof(float));
    rt_model_fini(&student);
    rt_model_fini(&teacher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pytorch),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_stage),
        cmocka_unit_test(test_student_carries_classifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
