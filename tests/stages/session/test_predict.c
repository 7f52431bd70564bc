/* SPDX-License-Identifier: MIT
 * Tests of stages/session/predict: a source or a sink that fails ends it; samples that cannot be read have their
 * reason and the others their outputs, in order, the same for any batch and number of threads, and however slowly they
 * come. Also run under TSan. */
#include "stages/session/predict.h"
#include "tests/stages/toy.h"

#define SAMPLES 300
#define CLASSES 3

static struct toy t;
static struct rt_model model;

static int setup(void **state)
{
    static const char *const name[] = {"a", "b", "c"};
    (void)state;
    toy_make(&t, "student.modality=text student.net=textbag text.buckets=64 student.embedding=4 seed=2");
    TOY_OK(&t, rt_model_create(&model, &t.recipe, name, CLASSES, NULL, 0, NULL, NULL, &t.e));
    scratch_write(&t.dir, "words.txt", "some words \n\n", 13);
    scratch_write(&t.dir, "empty.txt", "", 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_model_fini(&model);
    scratch_remove(&t.dir);
    return 0;
}

/* ---- a list of texts and files ---- */

struct list {
    int count, at, fails_at, asked;
    bool hesitant; /* every second time nothing is at hand */
};

static int list_next(void *self, bool wait, struct rt_predict_sample *s, struct rt_error *e)
{
    struct list *l = self;
    char text[40];
    if (l->at == l->fails_at)
        return rt_error_set(e, RT_EIO, "the list broke");
    if (l->at == l->count)
        return RT_PREDICT_END;
    if (l->hesitant && !wait && l->asked++ % 2)
        return RT_PREDICT_LATER;
    int i = l->at++;
    snprintf(text, sizeof text, "%d", i);
    s->id = strdup(text);
    snprintf(text, sizeof text, "words %d and %d", i % 7, i);
    if (i % 10 == 4)
        rt_error_set(&s->why, RT_EMISSING, "not to be had");
    else if (i % 10 == 8)
        s->path = strdup(scratch_file(&t.dir, i % 20 == 8 ? "empty.txt" : i % 30 == 18 ? "none.txt" : "words.txt"));
    else
        s->text = strdup(text);
    return RT_PREDICT_SAMPLE;
}

struct heard {
    int count, fails_at, last; /* last: of samples with more = false */
    int reason[SAMPLES];
    float logits[SAMPLES][CLASSES];
};

static int heard_take(void *self, const struct rt_predicted *p, bool more, struct rt_error *e)
{
    struct heard *h = self;
    assert_int_equal(atoi(p->id), h->count);
    if (h->count == h->fails_at)
        return rt_error_set(e, RT_EFULL, "nobody listens");
    h->reason[h->count] = p->reason;
    if (p->reason)
        assert_true(p->logits == NULL && p->why[0]);
    else
        memcpy(h->logits[h->count], p->logits, sizeof *h->logits);
    h->last += !more;
    h->count++;
    return 0;
}

static int predict(struct heard *h, int batch, int threads, int count, bool hesitant, int list_fails)
{
    struct list list = {.count = count, .fails_at = list_fails, .hesitant = hesitant};
    int fails_at = h->fails_at;
    *h = (struct heard){.fails_at = fails_at};
    const struct rt_predict_config config = {.batch = batch, .threads = threads};
    return rt_predict(&model, &config, (struct rt_predict_source){&list, list_next},
                      (struct rt_predict_sink){h, heard_take}, &t.e);
}

static void test_ends_early(void **state)
{
    (void)state;
    static struct heard h;
    h.fails_at = -1;
    for (int threads = 1; threads <= 4; threads += 3) {
        assert_int_equal(predict(&h, 8, threads, SAMPLES, false, 0), RT_EIO);
        assert_int_equal(h.count, 0);
        assert_int_equal(predict(&h, 8, threads, SAMPLES, false, 77), RT_EIO);
        assert_string_equal(t.e.text, "the list broke");
        assert_int_equal(h.count, 77); /* what was read before is answered */
        h.fails_at = 50;
        assert_int_equal(predict(&h, 8, threads, SAMPLES, false, -1), RT_EFULL);
        assert_string_equal(t.e.text, "nobody listens");
        assert_int_equal(h.count, 50);
        h.fails_at = -1;
        TOY_OK(&t, predict(&h, 8, threads, 0, false, -1));
        assert_int_equal(h.count, 0);
    }
}

static void test_same_for_all(void **state)
{
    (void)state;
    static struct heard one, h;
    one.fails_at = h.fails_at = -1;
    TOY_OK(&t, predict(&one, 1, 1, SAMPLES, false, -1));
    assert_int_equal(one.count, SAMPLES);
    assert_int_equal(one.last, SAMPLES); /* each is given as soon as it is there */
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(one.reason[i], i % 10 == 4 ? RT_EMISSING : i % 20 == 8 ? RT_EEMPTY
                                        : i % 30 == 18 ? RT_EMISSING : 0);
    assert_memory_equal(one.logits[38], one.logits[98], sizeof *one.logits); /* one file, two places */
    assert_true(memcmp(one.logits[0], one.logits[1], sizeof *one.logits) != 0);
    static const int batch[] = {32, 32, 3, 500}, threads[] = {1, 4, 3, 2};
    for (int k = 0; k < 8; k++) {
        TOY_OK(&t, predict(&h, batch[k % 4], threads[k % 4], SAMPLES, k >= 4, -1));
        assert_int_equal(h.count, SAMPLES);
        assert_true(k >= 4 || h.last < SAMPLES);
        assert_memory_equal(h.reason, one.reason, sizeof one.reason);
        for (int i = 0; i < SAMPLES * CLASSES; i++)
            assert_true(fabsf(h.logits[i / CLASSES][i % CLASSES] - one.logits[i / CLASSES][i % CLASSES]) < 1e-5f);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_ends_early), TEST(test_same_for_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
