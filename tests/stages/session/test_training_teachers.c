/* SPDX-License-Identifier: MIT
 * Tests of stages/session/training with two teachers. A recipe has a section for one; here the reading of teachers'
 * settings is wrapped, and a second section is what these tests say. Each teacher has a stage, frames and a cache of
 * its own; a row is learned from when either can see it; a run with both goes on to the same bytes. */
#include "formats/recipe_teacher.h"
#include "pipeline/run/checkpoints.h"
#include "stages/session/training_pipeline.h"
#include "tests/stages/session/toy_run.h"

#include <glob.h>

static struct toy t;
static char folder[200], pictures[200], words[200];
static const char *second_model; /* of the second section; NULL = there is none */

struct rt_teacher_settings __real_rt_recipe_teacher(const struct rt_recipe *r, int k);
struct rt_teacher_settings __wrap_rt_recipe_teacher(const struct rt_recipe *r, int k);
int __wrap_rt_recipe_teachers(const struct rt_recipe *r);

/* All but the model is as the first one's. */
struct rt_teacher_settings __wrap_rt_recipe_teacher(const struct rt_recipe *r, int k)
{
    struct rt_teacher_settings s = __real_rt_recipe_teacher(r, 0);
    if (k > 0)
        s.model = second_model ? second_model : "";
    return s;
}

int __wrap_rt_recipe_teachers(const struct rt_recipe *r)
{
    return !r->teacher_model[0] ? 0 : second_model ? 2 : 1;
}

/* A network that has learned nothing: a teacher all the same. */
static void teacher_make(const char *settings, const char *path)
{
    static const char *const name[] = {"blue", "green", "red"};
    struct rt_recipe r = t.recipe;
    struct rt_model m;
    struct rt_safetensors *s;
    toy_set(&r, settings);
    TOY_OK(&t, rt_model_create(&m, &r, name, 3, NULL, 0, NULL, NULL, &t.e));
    TOY_OK(&t, rt_safetensors_create(&s));
    TOY_OK(&t, rt_model_save(&m, s));
    TOY_OK(&t, rt_safetensors_write(s, path, &t.e));
    rt_safetensors_destroy(s);
    rt_model_fini(&m);
}

/* Rows of words; no row has a picture, and none of `bare` rows to learn from has a label. */
static void manifest_make(int bare)
{
    static const char *const kind[] = {"red", "green", "blue"}, *const split[] = {"train", "train", "valid", "test"};
    char table[3000] = "id\tsplit\tlabel\ttext\timage\n";
    for (int i = 0; i < 24; i++)
        sprintf(table + strlen(table), "s%d\t%s\t%s\ta %s thing %d\t\n", i, split[i % 4],
                i % 4 < 2 && i < 2 * bare ? "" : kind[i % 3], kind[i % 3], i % 5);
    scratch_write(&t.dir, "words.tsv", table, strlen(table));
}

static int setup(void **state)
{
    char set[300];
    (void)state;
    toy_run_make(&t);
    manifest_make(4);
    snprintf(folder, sizeof folder, "%s/run", t.dir.path);
    snprintf(pictures, sizeof pictures, "%s/pictures.safetensors", t.dir.path);
    snprintf(words, sizeof words, "%s/words.safetensors", t.dir.path);
    teacher_make("student.modality=image student.net=cnn2d student.width=4 image.size=16 seed=2", pictures);
    teacher_make("student.embedding=6 seed=3", words);
    snprintf(set, sizeof set, "distill.l2.lambda=1 distill.kl.lambda=1 teacher.model=%s", words);
    toy_set(&t.recipe, set);
    second_model = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_drop(&t);
    return 0;
}

static struct toy_run *open_run(void)
{
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc);
    TOY_OK(&t, rc);
    return r;
}

/* A cache that had to turn something away. */
static int fill_second(void *self, const struct rt_step_report *report, struct rt_error *e)
{
    struct toy_run **r = self;
    struct rt_store *store = (*r)->training.teacher[1].outputs;
    struct rt_tensor one = rt_tensor_view(RT_F32, 1, (int64_t[]){1}, &(float){1});
    struct rt_frame *f;
    (void)report, (void)e;
    assert_int_equal(rt_frame_pack(&f, "x", &one, 0), 0);
    rt_store_limit(store, 1);
    assert_int_equal(rt_store_put(store, (struct rt_key128){1, 2}, f), 0);
    rt_frame_unref(f);
    return 0;
}

static int stores_made(void)
{
    char pattern[300];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/cache/teacher-*.store", t.dir.path);
    int count = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void refuse(const char *settings, int code, const char *said)
{
    struct rt_recipe before = t.recipe;
    int rc;
    toy_set(&t.recipe, settings);
    toy_run_close(toy_run_open(&t, (struct rt_training_request){.output = folder}, &rc));
    t.recipe = before;
    if (rc != code || !strstr(t.e.text, said))
        fail_msg("%s: %d: %s", settings, rc, t.e.text);
}

/* A run that could only waste its time is no run. */
static void test_of_no_use(void **state)
{
    (void)state;
    static const char other[] = "id\tsplit\tlabel\ttext\n"
                                "a\ttrain\tred\tx\nb\ttrain\tblu\ty\nc\ttrain\tgreen\tz\n";
    refuse("distill.l2.lambda=0 distill.kl.lambda=0", RT_EUSAGE, "every distill.*.lambda is 0, so that it would teach "
           "nothing: write, for example, distill: {kl: {lambda: 1}}");
    scratch_write(&t.dir, "words.tsv", other, sizeof other - 1);
    refuse("seed=5", RT_EMISMATCH, "distill.kl needs a teacher with the data set's classes: teacher.model has none "
           "called \"blu\"; it has blue (3 classes there, 3 here)");
    manifest_make(4);
    char set[300];
    snprintf(set, sizeof set, "teacher.model=%s", pictures);
    toy_set(&t.recipe, set);
    refuse("distill.kl.lambda=0", RT_ENODATA, "distill.l2.lambda is 1, but no training sample has image, which");
    refuse("distill.kl.lambda=0 distill.l2.lambda=0 distill.dkd.lambda=2", RT_ENODATA,
           "distill.dkd.lambda is 2, but no training sample has a label and image");
    refuse("distill.kl.lambda=0 distill.l2.lambda=0 distill.sp.lambda=2", RT_ENODATA,
           "distill.sp.lambda is 2, but no second training sample has image");
    refuse("distill.kl.lambda=0 distill.l2.lambda=0 task.lambda=0", RT_EUSAGE, "nothing would be learned");
    snprintf(set, sizeof set, "teacher.model=%s", words);
    toy_set(&t.recipe, set);
    toy_set(&t.recipe, "distill.l2.lambda=0 distill.kl.lambda=0 weight.terms=teacher_norm");
    toy_run_close(open_run()); /* weights ask it */
}

/* The same classes in another order are the same. */
static void test_order_of_classes(void **state)
{
    (void)state;
    static const char *const turned[] = {"red", "blue", "green"};
    struct toy_run *r = open_run();
    struct rt_model *m = &r->training.teacher[0].model;
    float weight[3];
    struct rt_key128 key = m->key;
    size_t dim = (size_t)m->dim;
    for (int i = 0; i < 3; i++)
        weight[i] = rt_graph_param_named(m->graph, "logits.weight")->value[(size_t)i * dim];
    assert_true(r->training.model.teacher[0].shares_classes);
    assert_int_equal(rt_model_order_classes(m, (const char *const *)m->class_name, 3), 0);
    assert_int_equal(rt_model_order_classes(m, turned, 2), 0);
    assert_int_equal(rt_model_order_classes(m, turned, 3), 1);
    assert_string_equal(m->class_name[0], "red");
    for (int i = 0; i < 3; i++)
        assert_true(rt_graph_param_named(m->graph, "logits.weight")->value[(size_t)i * dim] == weight[(i + 2) % 3]);
    assert_true(key.lo != m->key.lo || key.hi != m->key.hi);
    toy_run_close(r);
}

static void test_one(void **state)
{
    (void)state;
    struct toy_run *r = open_run();
    assert_int_equal(r->training.teachers, 1);
    assert_int_equal(r->training.model.teachers, 1);
    assert_int_equal(r->training.student.teachers, 1);
    TOY_OK(&t, rt_training_run(&r->training, &t.e));
    toy_run_close(r);
    assert_string_equal(toy_run_query(&t, folder, "SELECT name FROM stages ORDER BY name"),
                        "decode\nquality\nstudent\nteacher\n");
    assert_int_equal(stores_made(), 1);
}

/* A stage and a cache each; the student that comes of it carries the bridges to both. */
static void test_two(void **state)
{
    (void)state;
    char other[200], path[RT_RUN_PATH];
    struct rt_model m;
    snprintf(other, sizeof other, "%s", scratch_file(&t.dir, "other.safetensors"));
    teacher_make("student.embedding=7 seed=4", other);
    second_model = other;
    int rc;
    struct toy_run *r = NULL;
    struct rt_training_request q = {.output = folder, .observer = {.self = &r, .step = fill_second}};
    r = toy_run_open(&t, q, &rc);
    TOY_OK(&t, rc);
    assert_int_equal(r->training.teachers, 2);
    assert_string_equal(r->training.student.teacher[1], "teacher2");
    assert_non_null(r->training.teacher[0].outputs);
    assert_non_null(r->training.teacher[1].outputs);
    TOY_OK(&t, rt_training_run(&r->training, &t.e));
    toy_run_close(r);
    static const char notes[] = "SELECT name, note LIKE '%found in the cache%', note LIKE '%full (teacher.cache)' "
                                "FROM stages WHERE name LIKE 'teacher%' ORDER BY name";
    assert_string_equal(toy_run_query(&t, folder, notes),
                        "teacher 1 0\nteacher2 1 1\n");
    assert_int_equal(stores_made(), 2);
    TOY_OK(&t, rt_model_load(&m, rt_run_file_path(folder, RT_RUN_MODEL, path, sizeof path), &t.e));
    assert_true(m.teachers == 2 && m.teacher[0].dim == 6 && m.teacher[1].dim == 7);
    rt_model_fini(&m);
}

/* Cold and warm caches, stopped and gone on: the same bytes. */
static void test_goes_on(void **state)
{
    (void)state;
    char whole[200], a[RT_RUN_PATH], b[RT_RUN_PATH];
    second_model = words;
    snprintf(whole, sizeof whole, "%s", scratch_file(&t.dir, "whole"));
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = whole}));
    struct toy_run *r = open_run();
    rt_control_until(r->training.control, 3);
    assert_int_equal(rt_training_run(&r->training, &t.e), RT_ESTOPPED);
    toy_run_close(r);
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = folder, .resume = true}));
    toy_run_same_file(rt_checkpoints_path(whole, 4, a, sizeof a), rt_checkpoints_path(folder, 4, b, sizeof b));
}

/* Four rows have no label. One who sees words teaches them all, wherever he stands; pictures are nowhere. */
static void test_either_teaches(void **state)
{
    (void)state;
    static const int expected[2][3] = {{8, 12, 8}, {12, 12, 12}};
    for (int first = 0; first < 2; first++)
        for (int then = 0; then < 3; then++) {
            char set[300];
            const char *const model[] = {pictures, words, NULL};
            snprintf(set, sizeof set, "teacher.model=%s distill.l2.lambda=0 distill.kl.lambda=0 "
                     "weight.terms=teacher_norm", model[first]); /* no loss: one that nobody can serve is refused */
            toy_set(&t.recipe, set);
            second_model = model[then];
            snprintf(folder, sizeof folder, "%s/run%d%d", t.dir.path, first, then);
            struct toy_run *r = open_run();
            assert_int_equal(r->training.train_count, expected[first][then]);
            toy_run_close(r);
        }
}

/* What is said of the second one names it. */
static void test_refused(void **state)
{
    (void)state;
    second_model = "/none";
    refuse("seed=5", RT_EMISSING, "teacher2.model: ");
    second_model = pictures;
    static const char bare[] = "id\tsplit\tlabel\ttext\na\ttrain\tred\tone\nb\ttrain\tblue\ttwo\n"
                               "c\ttrain\tgreen\tthree\n";
    scratch_write(&t.dir, "words.tsv", bare, sizeof bare - 1);
    refuse("seed=5", RT_EMISMATCH, "there is no column 'image' for the teacher2");
}

/* A cache that was not there at the beginning cannot be asked for later, whose ever it is. */
static void test_cache_is_fixed(void **state)
{
    (void)state;
    second_model = pictures;
    toy_set(&t.recipe, "teacher.cache=0");
    struct toy_run *r = open_run();
    struct rt_recipe changed = t.recipe;
    assert_null(r->training.teacher[1].outputs);
    changed.teacher_cache = 5;
    struct rt_error e = {0};
    assert_int_equal(rt_training_pipeline_check(&r->training, &changed, &e), RT_EUSAGE);
    assert_string_equal(e.text, "teacher.cache: this run has none: it began without");
    toy_run_close(r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_of_no_use), TEST(test_order_of_classes),
        TEST(test_one),     TEST(test_two),           TEST(test_goes_on), TEST(test_either_teaches),
        TEST(test_refused), TEST(test_cache_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
