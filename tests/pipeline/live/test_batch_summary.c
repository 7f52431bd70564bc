/* SPDX-License-Identifier: MIT
 * batch_summary: a batch in words: damaged frames and none at all first, then what is counted, cut and named; and
 * the same asked for as a request. */
#include "pipeline/live/batch_summary.h"
#include "pipeline/live/verbs.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *id_of(const void *self, int row)
{
    static char text[32];
    snprintf(text, sizeof text, "%s%d", (const char *)self, row);
    return text;
}

static void add_frame(struct rt_batch *b, const char *name, enum rt_dtype type, int rank, const int64_t *dim,
                      void *data)
{
    struct rt_tensor t = rt_tensor_view(type, rank, dim, data);
    assert_int_equal(rt_batch_pack(b, name, &t, 1), 0);
}

static struct rt_batch *make_batch(int count)
{
    int *row = calloc((size_t)count + 1, sizeof *row);
    for (int i = 0; i < count; i++)
        row[i] = 100 + i;
    struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, row, count);
    free(row);
    assert_non_null(b);
    return b;
}

static void summary_is(const struct rt_batch *b, const char *expected)
{
    struct rt_error e = {0};
    json_t *o = json_object();
    assert_int_equal(rt_batch_summary(o, b, id_of, "s", &e), 0);
    char *text = json_dumps(o, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(o);
}

static void test_nothing_in_it(void **state)
{
    (void)state;
    struct rt_batch *b = rt_batch_create(RT_BATCH_EVAL, NULL, 0);
    summary_is(b, "{\"kind\":\"evaluation\",\"epoch\":1,\"batch\":1,\"samples\":0,\"ids\":[],\"left_out\":0,"
                 "\"frames\":0,\"raw\":0,\"packed\":0,\"list\":[]}");
    b->kind = RT_BATCH_SCORE;
    int64_t none = 0;
    add_frame(b, "empty", RT_I32, 1, &none, NULL);
    const char *said = "{\"kind\":\"scoring\",\"epoch\":1,\"batch\":1,\"samples\":0,\"ids\":[],\"left_out\":0,"
                       "\"frames\":1,\"raw\":0,\"packed\":48,\"list\":[{\"name\":\"empty\",\"type\":\"I32\","
                       "\"shape\":[0],\"raw\":0,\"packed\":48,\"nan\":0,\"inf\":0}]}";
    summary_is(b, said);
    rt_batch_destroy(b);
}

static void test_values(void **state)
{
    (void)state;
    struct rt_batch *b = make_batch(2);
    float f[6] = {1, NAN, -3, INFINITY, 5, NAN};
    int64_t shape[2] = {2, 3}, four = 4;
    uint8_t u[4] = {0, 10, 255, 3};
    int32_t i[4] = {-7, -7, -7, -7};
    b->epoch = 2;
    b->index = 6;
    b->update = 81;
    add_frame(b, "x", RT_F32, 2, shape, f);
    add_frame(b, "u", RT_U8, 1, &four, u);
    add_frame(b, "i", RT_I32, 1, &four, i);
    assert_int_equal(rt_batch_drop(b, 3, 0, RT_EEMPTY, "why"), 0);
    summary_is(b, "{\"kind\":\"train\",\"epoch\":3,\"batch\":7,\"update\":81,\"samples\":2,\"ids\":[\"s100\",\"s101\"],"
                 "\"left_out\":1,\"frames\":3,\"raw\":44,\"packed\":196,\"list\":["
                 "{\"name\":\"x\",\"type\":\"F32\",\"shape\":[2,3],\"raw\":24,\"packed\":80,\"min\":-3.0,\"mean\":1.0,"
                 "\"max\":5.0,\"nan\":2,\"inf\":1},"
                 "{\"name\":\"u\",\"type\":\"U8\",\"shape\":[4],\"raw\":4,\"packed\":52,\"min\":0.0,\"mean\":67.0,"
                 "\"max\":255.0,\"nan\":0,\"inf\":0},"
                 "{\"name\":\"i\",\"type\":\"I32\",\"shape\":[4],\"raw\":16,\"packed\":64,\"min\":-7.0,\"mean\":-7.0,"
                 "\"max\":-7.0,\"nan\":0,\"inf\":0}]}");
    rt_batch_destroy(b);
}

/* Many samples and frames: the first of them, and how many there are. */
static void test_cut(void **state)
{
    (void)state;
    struct rt_batch *b = make_batch(1000);
    int64_t one = 1;
    float x = 1;
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        add_frame(b, name, RT_F32, 1, &one, &x);
    }
    json_t *o = json_object();
    struct rt_error e = {0};
    assert_int_equal(rt_batch_summary(o, b, NULL, NULL, &e), 0);
    assert_int_equal(json_array_size(json_object_get(o, "ids")), RT_BATCH_SUMMARY_IDS);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(o, "ids"), 1)), 101); /* the row */
    assert_int_equal(json_integer_value(json_object_get(o, "samples")), 1000);
    assert_int_equal(json_array_size(json_object_get(o, "list")), RT_BATCH_SUMMARY_FRAMES);
    assert_int_equal(json_integer_value(json_object_get(o, "frames")), 60);
    json_decref(o);
    rt_batch_destroy(b);
}

/* ---- over a desk ---- */

static int last(const void *self, const char *stage, struct rt_batch **out, struct rt_error *e)
{
    *out = NULL;
    if (strcmp(stage, "decode") == 0)
        return (*out = rt_batch_copy(self)) ? 0 : RT_EMEM;
    return strcmp(stage, "student") == 0 ? 0 : rt_error_set(e, RT_ENOTFOUND, "%s is not a stage", stage);
}

static const char *id_on_desk(const void *self, int row)
{
    (void)self;
    return id_of("d", row);
}

static void reply_is(const struct rt_verb_context *d, const char *stage, const char *begins)
{
    char line[200];
    int watch = 0;
    snprintf(line, sizeof line, "{\"verb\":\"batch\",\"args\":[\"%s\"]}", stage);
    char *reply = rt_verb_answer(d, line, strlen(line), &watch);
    if (strncmp(reply, begins, strlen(begins)) != 0)
        assert_string_equal(reply, begins);
    free(reply);
}

static void test_asked_for(void **state)
{
    (void)state;
    struct rt_batch *b = make_batch(1);
    struct rt_verb_context none = {0}, d = {.last = last, .id = id_on_desk, .self = b};
    reply_is(&none, "decode", "{\"ok\":false,\"error\":\"batch: this run's batches cannot be seen\"}");
    reply_is(&d, "encode", "{\"ok\":false,\"error\":\"encode is not a stage\"}");
    reply_is(&d, "student", "{\"ok\":false,\"error\":\"student has put out no batch yet\"}");
    reply_is(&d, "decode", "{\"ok\":true,\"result\":{\"stage\":\"decode\",\"kind\":\"train\",\"epoch\":1,\"batch\":1,"
                           "\"samples\":1,\"ids\":[\"d100\"],\"left_out\":0,\"frames\":0,");
    rt_batch_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
