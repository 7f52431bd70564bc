/* SPDX-License-Identifier: MIT
 * Tests of stages/teacher: too many workers, samples without input, damaged and foreign records; then equal
 * outputs with no, a cold and a warm cache, any batch composition and any number of workers. */
#include "tests/stages/toy.h"

#include <unistd.h>

static struct toy t;
static struct rt_model model;
static struct rt_decode decode;
static struct rt_teacher stage;

static const char *const picture[] = {"rgb.png", "palette.png", "grey.png", "alpha.png",
                                      "rgb.jpg", "grey.jpg", "lossy.webp"};

/* Rows 0..6 pictures, 7 without, 8 with a file that is gone. */
static int setup(void **state)
{
    (void)state;
    static const char *const name[] = {"x", "y"};
    char table[800] = "id\tlabel\timage\ttext\n";
    toy_make(&t, "image.size=16 student.modality=image student.net=cnn2d student.width=4 "
                 "student.embedding=6");
    for (int i = 0; i < 7; i++) {
        char from[100];
        snprintf(from, sizeof from, "tests/data/good/%s", picture[i]);
        toy_copy(&t, from, picture[i]);
        sprintf(table + strlen(table), "p%d\t%s\t%s\tword\n", i, name[i % 2], picture[i]);
    }
    strcat(table, "p7\tx\t\tword\np8\ty\tgone.png\tword\n");
    toy_load(&t, table);
    TOY_OK(&t, rt_model_create(&model, &t.recipe, name, 2, NULL, 0, NULL, NULL, &t.e));
    model.key = (struct rt_key128){3, 4};
    stage = (struct rt_teacher){.role = "teacher", .model = &model, .dataset = &t.data,
                              .content = &t.content, .workers = 1, .level = 1};
    decode = toy_decode(&t);
    decode.input[decode.inputs++] = (struct rt_decode_input){
        .role = "teacher", .modality = model.modality, .front = &model.front,
        .wanted = rt_teacher_wanted, .wanted_self = &stage,
    };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_model_fini(&model);
    toy_fini(&t);
    return 0;
}

struct outputs {
    uint8_t have[64];
    float embedding[64][6], logits[64][2];
};

static void collect(void *self, const struct rt_batch *b)
{
    struct outputs *o = self;
    struct rt_tensor have, embedding, logits;
    toy_frame(b, "teacher.have", &have);
    toy_frame(b, "teacher.embedding", &embedding);
    toy_frame(b, "teacher.logits", &logits);
    assert_null(rt_batch_get(b, "teacher.input"));
    assert_null(rt_batch_get(b, "teacher.rows"));
    for (int i = 0; i < b->count; i++) {
        int row = b->sample[i];
        o->have[row] = ((uint8_t *)have.data)[i];
        memcpy(o->embedding[row], (float *)embedding.data + 6 * i, sizeof o->embedding[row]);
        memcpy(o->logits[row], (float *)logits.data + 2 * i, sizeof o->logits[row]);
    }
    rt_tensor_fini(&have);
    rt_tensor_fini(&embedding);
    rt_tensor_fini(&logits);
}

static struct outputs run(int batch, int workers)
{
    static struct outputs o;
    struct rt_runner *runner;
    struct rt_lister *lister;
    int rows[9];
    memset(&o, 0, sizeof o);
    for (int i = 0; i < 9; i++)
        rows[i] = (i * 4 + batch) % 9; /* another order for each size of batch */
    stage.workers = workers;
    TOY_OK(&t, rt_lister_create(&lister, RT_BATCH_TRAIN, rows, 9, batch));
    TOY_OK(&t, rt_runner_create(&runner, 2, 1 << 24, 0));
    TOY_OK(&t, rt_runner_add(runner, &rt_stage_decode, &decode, workers));
    TOY_OK(&t, rt_runner_add(runner, rt_stage_teacher, &stage, workers));
    TOY_OK(&t, rt_runner_run(runner, rt_lister_source(lister),
                             (struct rt_sink){.self = &o, .done = collect}, &t.e));
    rt_runner_destroy(runner);
    rt_lister_destroy(lister);
    return o;
}

static void check(const struct outputs *want, struct outputs got)
{
    assert_memory_equal(want, &got, sizeof got);
}

static void know_content(void)
{
    struct rt_decode score = toy_decode(&t);
    score.input[score.inputs++] = (struct rt_decode_input){.role = "score",
                                                           .modality = &rt_modality_image};
    toy_score(&t, &score, NULL);
}

static void test_workers_refused(void **state)
{
    (void)state;
    static const int wrong[] = {0, RT_TEACHER_WORKERS + 1};
    for (int i = 0; i < 2; i++) {
        stage.workers = wrong[i];
        assert_int_equal(rt_stage_teacher->open(&stage, &t.e), RT_ERANGE);
        rt_stage_teacher->close(&stage);
    }
}

static void test_equal(void **state)
{
    (void)state;
    static const float zero[6];
    struct rt_store *store;
    uint64_t hits, misses, bytes;
    struct outputs none = run(1, 1);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(none.have[i], i < 7);
        assert_true((memcmp(none.embedding[i], zero, sizeof zero) == 0) == (i >= 7));
    }
    check(&none, run(4, 1));
    check(&none, run(9, 1));
    check(&none, run(2, 3));
    TOY_OK(&t, rt_store_open(&store, t.dir.path, "outputs", 1 << 20, &t.e));
    stage.store = store;
    check(&none, run(3, 2)); /* content unknown: nothing may be kept, under any key */
    rt_store_counts(store, &hits, &misses, &bytes);
    uint64_t empty = bytes;
    assert_true(misses == 0 && empty < 64);
    know_content();
    check(&none, run(3, 2)); /* cold */
    rt_store_counts(store, &hits, &misses, &bytes);
    assert_true(hits == 0 && bytes > empty);
    for (int i = 0; i < 9; i++)
        assert_int_equal(rt_teacher_wanted(&stage, i), i >= 7);
    for (int i = 0; i < 7; i++)
        unlink(scratch_file(&t.dir, picture[i])); /* warm: the files are not even opened */
    check(&none, run(2, 2));
    check(&none, run(9, 1));
    model.key.lo++; /* another model's outputs are not these */
    for (int i = 0; i < 9; i++)
        assert_true(rt_teacher_wanted(&stage, i));
    rt_store_close(store);
}

static void test_damaged_record(void **state)
{
    (void)state;
    struct rt_store *store;
    uint8_t *bytes;
    size_t size;
    struct outputs none = run(3, 1);
    know_content();
    TOY_OK(&t, rt_store_open(&store, t.dir.path, "outputs", 1 << 20, &t.e));
    stage.store = store;
    check(&none, run(9, 1));
    const char *path = scratch_file(&t.dir, "outputs.store");
    TOY_OK(&t, rt_file_read(path, RT_FILE_MAX, &bytes, &size, &t.e));
    FILE *f = fopen(path, "r+b");
    fseek(f, (long)size / 2, SEEK_SET); /* one record in the middle, while the store is open */
    fputc(bytes[size / 2] ^ 0x55, f);
    fclose(f);
    free(bytes);
    int wanted = 0;
    for (int i = 0; i < 7; i++)
        wanted += rt_teacher_wanted(&stage, i);
    assert_int_equal(wanted, 1);
    check(&none, run(9, 1));
    rt_store_close(store);
}

/* A model with a teacher's head gives its feature when asked, and then nothing is cached. */
static void test_feature(void **state)
{
    (void)state;
    static const char *const name[] = {"x", "y"};
    static const int rows[] = {0, 7};
    struct rt_model student;
    struct rt_store *store;
    struct rt_tensor x;
    toy_set(&t.recipe, "student.embedding=5");
    TOY_OK(&t, rt_model_create(&student, &t.recipe, name, 2, &(const struct rt_model *){&model}, 1, NULL, NULL, &t.e));
    know_content();
    TOY_OK(&t, rt_store_open(&store, t.dir.path, "outputs", 1 << 20, &t.e));
    stage.model = &student;
    stage.store = store;
    stage.feature = true;
    decode.input[0].front = &student.front;
    struct rt_batch *b = toy_batch(RT_BATCH_EVAL, rows, 2);
    TOY_OK(&t, rt_stage_model.open(&stage, &t.e));
    TOY_OK(&t, rt_stage_decode.work(&decode, b, &t.e));
    TOY_OK(&t, rt_stage_model.work(&stage, b, &t.e));
    rt_stage_model.close(&stage);
    const float *f = toy_frame(b, "teacher.feature", &x);
    assert_int_equal(x.dim[1], 6); /* the teacher's size, not the student's 5 */
    float sum[2] = {0};
    for (int i = 0; i < 12; i++)
        sum[i / 6] += f[i] * f[i];
    assert_true(sum[0] > 0 && sum[1] == 0);
    assert_true(rt_teacher_wanted(&stage, 0));
    rt_tensor_fini(&x);
    rt_batch_destroy(b);
    rt_store_close(store);
    rt_model_fini(&student);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_workers_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feature, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
