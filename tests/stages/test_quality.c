/* SPDX-License-Identifier: MIT
 * Tests of stages/quality: refused samples, a store with other measures, equal scores with and without
 * the store, which way is better, and the percentiles that go with a training batch. */
#include "tests/stages/toy.h"

static struct toy t;

static int setup(void **state)
{
    (void)state;
    toy_make(&t, "image.size=8");
    toy_copy(&t, "tests/data/good/rgb.png", "a.png");
    toy_copy(&t, "tests/data/good/palette.png", "b.png");
    toy_copy(&t, "tests/data/bad/1x1.png", "1x1.png");
    toy_load(&t, "id\tlabel\timage\ttext\na\tx\ta.png\tone two\nb\tx\tb.png\t\n"
                 "c\tx\t1x1.png\t...\nd\tx\t\tthree\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_fini(&t);
    return 0;
}

static const bool measured[RT_MODALITIES] = {[RT_IMAGE] = true, [RT_TEXT] = true};
static int told;

static void left_out(void *self, const struct rt_drop *d)
{
    (void)self;
    assert_int_equal(d->sample, 2);
    told++;
}

/* Scores all rows anew; store may be NULL. */
static void score(struct rt_scores *s, struct rt_store *store)
{
    struct rt_decode d = toy_decode(&t);
    d.quality = store;
    d.input[d.inputs++] = (struct rt_decode_input){.role = "score", .modality = &rt_modality_image};
    d.input[d.inputs++] = (struct rt_decode_input){.role = "score", .modality = &rt_modality_text};
    TOY_OK(&t, rt_scores_init(s, t.data.count, measured, NULL, 0));
    t.data.reason[RT_IMAGE][2] = t.data.reason[RT_TEXT][2] = 0;
    told = 0;
    toy_score(&t, &d, &(struct rt_quality){.dataset = &t.data, .content = &t.content, .scores = s,
                                           .store = store, .left_out = left_out});
    TOY_OK(&t, rt_scores_rank(s));
}

static void test_refused(void **state)
{
    (void)state;
    struct rt_scores s;
    score(&s, NULL);
    assert_int_equal(told, 2);
    assert_int_equal(t.data.reason[RT_IMAGE][2], RT_ESMALL);
    assert_int_equal(t.data.reason[RT_TEXT][2], RT_EEMPTY);
    assert_int_equal(t.data.reason[RT_IMAGE][3], RT_EMISSING);
    assert_int_equal(s.first[RT_SPEECH], -1);
    for (int c = 0; c < s.columns; c++) {
        assert_true(isnan(s.value[2 * s.columns + c]));
        assert_true(isnan(s.percentile[2 * s.columns + c]));
        assert_true(isfinite(s.value[c]));
    }
    rt_scores_fini(&s);
}

static void test_strict(void **state)
{
    (void)state;
    static const int row = 0;
    uint8_t pixel[3] = {1, 2, 3};
    int64_t dim[] = {1, 1, 3};
    struct rt_tensor raw = rt_tensor_view(RT_U8, 3, dim, pixel);
    struct rt_scores s;
    TOY_OK(&t, rt_scores_init(&s, t.data.count, measured, NULL, 0));
    struct rt_quality q = {.dataset = &t.data, .content = &t.content, .scores = &s, .strict = 1};
    struct rt_batch *b = toy_batch(RT_BATCH_SCORE, &row, 1);
    TOY_OK(&t, rt_batch_pack(b, "raw.image.0", &raw, 0));
    assert_int_equal(rt_stage_quality.work(&q, b, &t.e), RT_ESMALL);
    assert_non_null(strstr(t.e.text, "1 x 1"));
    rt_batch_destroy(b);
    rt_scores_fini(&s);
}

static void same_scores(const struct rt_scores *a, const struct rt_scores *b)
{
    size_t bytes = sizeof(float) * (size_t)a->rows * (size_t)a->columns;
    assert_int_equal(a->columns, b->columns);
    assert_memory_equal(a->value, b->value, bytes);
    assert_memory_equal(a->percentile, b->percentile, bytes);
}

static void test_store(void **state)
{
    (void)state;
    struct rt_scores none, cold, warm;
    struct rt_store *store;
    uint64_t hits, misses, bytes;
    TOY_OK(&t, rt_store_open(&store, t.dir.path, "quality", 1 << 20, &t.e));
    score(&none, NULL);
    score(&cold, store);
    rt_store_counts(store, &hits, &misses, &bytes);
    assert_int_equal(hits, 0);
    score(&warm, store);
    rt_store_counts(store, &hits, &misses, &bytes);
    assert_int_equal(hits, 4); /* a and b, asked for by both stages; texts are measured anew */
    same_scores(&none, &cold);
    same_scores(&none, &warm);
    assert_int_equal(told, 2); /* a bad sample is told again by a later run */
    rt_scores_fini(&cold);
    rt_scores_fini(&warm);
    rt_store_close(store);

    /* A store filled by a program that knew fewer measures. */
    int64_t one = 1;
    double value = 7;
    struct rt_tensor v = rt_tensor_view(RT_F64, 1, &one, &value);
    struct rt_frame *f;
    TOY_OK(&t, rt_store_open(&store, t.dir.path, "older", 1 << 20, &t.e));
    TOY_OK(&t, rt_frame_pack(&f, "measures", &v, 0));
    TOY_OK(&t, rt_store_put(store, t.content.key[RT_IMAGE][0], f));
    rt_frame_unref(f);
    score(&warm, store);
    same_scores(&none, &warm);
    rt_scores_fini(&warm);
    rt_scores_fini(&none);
    rt_store_close(store);
}

/* Every column by its own sense, against a count; ties at the top stand at 1. */
static void test_directions(void **state)
{
    (void)state;
    static const bool all[RT_MODALITIES] = {true, true, true};
    static const float value[7] = {1, 2, 3, 3, 4, 9, NAN}; /* median of the finite: 3 */
    static const double want[3][7] = {
        [RT_HIGHER] = {1 / 6.0, 2 / 6.0, 4 / 6.0, 4 / 6.0, 5 / 6.0, 1},
        [RT_LOWER] = {1, 5 / 6.0, 4 / 6.0, 4 / 6.0, 2 / 6.0, 1 / 6.0},
        [RT_MIDDLE] = {2 / 6.0, 4 / 6.0, 1, 1, 4 / 6.0, 1 / 6.0},
    };
    struct rt_scores s;
    const char *name[RT_SCORE_COLUMNS];
    int seen[3] = {0};
    TOY_OK(&t, rt_scores_init(&s, 7, all, NULL, 0));
    assert_int_equal(rt_scores_names(&s, name), s.columns);
    for (int i = 0; i < 7 * s.columns; i++)
        s.value[i] = value[i / s.columns];
    TOY_OK(&t, rt_scores_rank(&s));
    for (int i = 0; i < 7; i++)
        for (int c = 0; c < s.columns; c++) {
            enum rt_better b = s.column[c].measure->better;
            float p = s.percentile[i * s.columns + c];
            seen[b]++;
            assert_string_equal(name[c], s.column[c].measure->name);
            if (i == 6 ? !isnan(p) : fabs(p - want[b][i]) > 1e-6)
                fail_msg("%s, %g: %g", s.column[c].measure->name, (double)value[i], (double)p);
        }
    assert_true(seen[RT_HIGHER] && seen[RT_LOWER] && seen[RT_MIDDLE]);
    rt_scores_fini(&s);
}

static void test_attached(void **state)
{
    (void)state;
    static const int rows[] = {3, 0};
    struct rt_scores s;
    struct rt_tensor x;
    score(&s, NULL);
    struct rt_quality q = {.dataset = &t.data, .content = &t.content, .scores = &s, .level = 1};
    struct rt_batch *b = toy_batch(RT_BATCH_TRAIN, rows, 2), *none = toy_batch(RT_BATCH_EVAL, rows, 0);
    TOY_OK(&t, rt_stage_quality.work(&q, b, &t.e));
    TOY_OK(&t, rt_stage_quality.work(&q, none, &t.e));
    size_t row = sizeof(float) * (size_t)s.columns;
    const char *got = toy_frame(b, "quality", &x);
    assert_memory_equal(got, s.percentile + 3 * s.columns, row);
    assert_memory_equal(got + row, s.percentile, row);
    rt_tensor_fini(&x);
    got = toy_frame(b, "measures", &x);
    assert_memory_equal(got, s.value + 3 * s.columns, row);
    assert_memory_equal(got + row, s.value, row);
    rt_tensor_fini(&x);
    rt_batch_destroy(b);
    rt_batch_destroy(none);
    rt_scores_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attached, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
