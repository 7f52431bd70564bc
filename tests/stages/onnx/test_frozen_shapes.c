/* SPDX-License-Identifier: MIT
 * test_frozen_shapes: a graph with several inputs of whole numbers, asked by name in many shapes, from several threads;
 * what is refused, and memory that runs out. */
#include "stages/onnx/frozen/frozen_shapes.h"
#include "tests/support/allocation.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const float table[] = {1, 2, 3, 4, 5, 6}; /* [3,2] */

/* What a text encoder is at its edges: sum over the sequence of mask * table[ids], and 0 .. rate - 1. */
static struct rt_onnx *encoder(void)
{
    struct rt_onnx *o;
    struct rt_error e;
    const int64_t open[] = {-1, -1}, none = 0, three_two[] = {3, 2};
    int64_t axis[] = {2}, zero[] = {0}, one[] = {1}, n = 1;
    assert_int_equal(rt_onnx_create(&o, 13), 0);
    rt_onnx_add_input(o, "ids", RT_I64, 2, open, "batch");
    rt_onnx_open_input(o, 1, "sequence");
    rt_onnx_add_input(o, "mask", RT_I64, 2, open, "batch");
    rt_onnx_open_input(o, 1, "sequence");
    rt_onnx_add_input(o, "rate", RT_I64, 0, &none, NULL);
    struct rt_tensor t = rt_tensor_view(RT_F32, 2, three_two, (float *)table);
    rt_onnx_add_initializer(o, "table", &t);
    t = rt_tensor_view(RT_I64, 1, &n, axis);
    rt_onnx_add_initializer(o, "axis", &t);
    t = rt_tensor_view(RT_I64, 0, NULL, zero);
    rt_onnx_add_initializer(o, "zero", &t);
    t = rt_tensor_view(RT_I64, 0, NULL, one);
    rt_onnx_add_initializer(o, "one", &t);
#define NODE(op, out, ...)                                                                                             \
    rt_onnx_add_node(o, op, out, (const char *const[]){__VA_ARGS__, NULL}, (const char *const[]){out, NULL})
    NODE("Gather", "words", "table", "ids");
    rt_onnx_attr_int(o, NODE("Cast", "weight", "mask"), "to", 1);
    NODE("Unsqueeze", "column", "weight", "axis");
    NODE("Mul", "masked", "words", "column");
    struct rt_onnx_node *sum = NODE("ReduceSum", "sum", "masked", "one");
    rt_onnx_attr_int(o, sum, "keepdims", 0);
    NODE("Range", "steps", "zero", "rate", "one");
#undef NODE
    rt_onnx_add_output(o, "sum", RT_F32, -1, NULL, NULL);
    rt_onnx_add_output(o, "steps", RT_I64, -1, NULL, NULL);
    if (rt_onnx_check(o, "text.onnx", &e) < 0)
        fail_msg("%s", e.text);
    return o;
}

/* ids i % 3, a mask that leaves out the first word (I32: converted). */
static int ask(struct rt_frozen_asker *a, int64_t batch, int64_t words, struct rt_error *e)
{
    int64_t ids[64], rate = words + 1, dim[] = {batch, words};
    int32_t mask[64];
    for (int64_t i = 0; i < batch * words; i++) {
        ids[i] = i % words % 3;
        mask[i] = i % words > 0;
    }
    struct rt_frozen_given given[] = {{"mask", rt_tensor_view(RT_I32, 2, dim, mask)},
                                      {"rate", rt_tensor_view(RT_I64, 0, NULL, &rate)},
                                      {"ids", rt_tensor_view(RT_I64, 2, dim, ids)}};
    RT_TRY(rt_frozen_ask(a, given, 3, e));
    const struct rt_tensor *sum = rt_frozen_answer(a, 0), *steps = rt_frozen_answer(a, 1);
    assert_true(sum->rank == 2 && sum->dim[0] == batch && sum->dim[1] == 2);
    assert_true(steps->rank == 1 && steps->dim[0] == rate);
    assert_true(((const int64_t *)steps->data)[words] == words);
    for (int64_t b = 0; b < batch; b++)
        for (int k = 0; k < 2; k++) {
            float want = 0;
            for (int64_t w = 1; w < words; w++)
                want += table[w % 3 * 2 + k];
            assert_true(((const float *)sum->data)[b * 2 + k] == want);
        }
    return 0;
}

static void any_shape_by_name(void **state)
{
    (void)state;
    struct rt_onnx *o = encoder();
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *a;
    struct rt_error e;
    assert_int_equal(rt_frozen_shapes_create(&s, o, "text.onnx", NULL, 0, &e), 0);
    assert_int_equal(rt_frozen_asker_create(&a, s), 0);
    for (int turn = 0; turn < 2; turn++)
        for (int words = 1; words <= 8; words++)
            assert_int_equal(ask(a, 1 + words % 2, words, &e), 0);
    assert_int_equal(rt_frozen_shapes_made(s), 8); /* the second turn found all of them */
    for (int words = 9; words <= 30; words++)
        assert_int_equal(ask(a, 1, words, &e), 0);
    assert_int_equal(ask(a, 2, 1, &e), 0);
    assert_int_equal(rt_frozen_shapes_made(s), 31); /* only the last RT_FROZEN_SHAPES stayed */
    rt_frozen_asker_destroy(a);
    rt_frozen_shapes_destroy(s);
    rt_onnx_destroy(o);
}

static void *ask_all(void *self)
{
    struct rt_frozen_asker *a;
    struct rt_error e;
    assert_int_equal(rt_frozen_asker_create(&a, self), 0);
    for (int i = 0; i < 90; i++)
        assert_int_equal(ask(a, 1, 1 + i * 7 % 29, &e), 0);
    rt_frozen_asker_destroy(a);
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    struct rt_onnx *o = encoder();
    struct rt_frozen_shapes *s;
    struct rt_error e;
    pthread_t thread[3];
    assert_int_equal(rt_frozen_shapes_create(&s, o, "text.onnx", NULL, 0, &e), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_all, s), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    rt_frozen_shapes_destroy(s);
    rt_onnx_destroy(o);
}

/* More shapes held at once than are kept: those beyond live as long as their askers. */
static void more_askers_than_places(void **state)
{
    (void)state;
    struct rt_onnx *o = encoder();
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *a[RT_FROZEN_SHAPES + 4];
    struct rt_error e;
    assert_int_equal(rt_frozen_shapes_create(&s, o, "text.onnx", NULL, 0, &e), 0);
    for (int i = 0; i < RT_FROZEN_SHAPES + 4; i++) {
        assert_int_equal(rt_frozen_asker_create(&a[i], s), 0);
        assert_int_equal(ask(a[i], 1, 1 + i, &e), 0);
    }
    for (int i = 0; i < RT_FROZEN_SHAPES + 4; i++)
        assert_int_equal(ask(a[i], 1, 1 + i, &e), 0);
    assert_int_equal(rt_frozen_shapes_made(s), RT_FROZEN_SHAPES + 4);
    for (int i = 0; i < RT_FROZEN_SHAPES + 4; i++)
        rt_frozen_asker_destroy(a[i]);
    rt_frozen_shapes_destroy(s);
    rt_onnx_destroy(o);
}

static void refused(struct rt_frozen_asker *a, const struct rt_frozen_given *g, int n, int code, const char *words)
{
    struct rt_error e;
    assert_int_equal(rt_frozen_ask(a, g, n, &e), code);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct rt_onnx *o = encoder();
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *a;
    struct rt_error e;
    const char *const inside[] = {"words"}, *const nothing[] = {"nothing"};
    int64_t ids[] = {0, 1, 2}, rate = 2, three[] = {1, 3}, two[] = {1, 2}, flat = 1, wide[] = {1, (int64_t)1 << 40, 7};
    float numbers[] = {0, 0, 0};
    assert_int_equal(rt_frozen_shapes_create(&s, o, "text.onnx", nothing, 1, &e), RT_EMISSING);
    assert_int_equal(rt_frozen_shapes_create(&s, o, "text.onnx", inside, 1, &e), 0);
    assert_int_equal(rt_frozen_asker_create(&a, s), 0);
    struct rt_frozen_given g[] = {{"ids", rt_tensor_view(RT_I64, 2, three, ids)},
                                  {"mask", rt_tensor_view(RT_I64, 2, three, ids)},
                                  {"rate", rt_tensor_view(RT_I64, 0, NULL, &rate)}};
    refused(a, g, 2, RT_EMISSING, "input 'rate' is not given");
    g[1].name = "ids";
    refused(a, g, 3, RT_EMISSING, "input 'ids' is given twice");
    g[1].name = "type_ids";
    refused(a, g, 3, RT_EMISSING, "there is no input 'type_ids'; the first is 'ids'");
    g[1].name = "mask";
    g[1].tensor = rt_tensor_view(RT_F32, 2, three, numbers);
    refused(a, g, 3, RT_EMISMATCH, "input 'mask' has another type");
    g[1].tensor = rt_tensor_view(RT_I64, 2, two, ids);
    refused(a, g, 3, RT_EMISMATCH, "axis 'sequence' is 3 in input 'ids', 2 in 'mask'");
    g[1].tensor = rt_tensor_view(RT_I64, 2, three, ids);
    g[0].tensor = rt_tensor_view(RT_I64, 1, &flat, ids);
    refused(a, g, 3, RT_EMISMATCH, "'ids' has another type or rank");
    g[0].tensor = rt_tensor_view(RT_I64, 2, three, (int64_t[]){0, 3, 2});
    refused(a, g, 3, RT_ERANGE, "index 3 into 3 entries");
    g[0].tensor = rt_tensor_view(RT_I64, 2, wide, ids);
    g[1].tensor = rt_tensor_view(RT_I64, 2, wide, ids);
    refused(a, g, 3, RT_ELARGE, "too large");
    g[0].tensor = g[1].tensor = rt_tensor_view(RT_I64, 2, three, ids);
    assert_int_equal(rt_frozen_ask(a, g, 3, &e), 0); /* nothing was lost */
    assert_int_equal(rt_frozen_answer(a, 0)->rank, 3);
    rt_frozen_asker_destroy(a);
    rt_frozen_shapes_destroy(s);
    rt_onnx_destroy(o);
}

/* BERT in many lengths: weights that were laid out once serve them all, also when the first is long gone. */
static void weights_are_shared(void **state)
{
    (void)state;
    struct rt_onnx *o;
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *a[2];
    struct rt_error e;
    int64_t ones[64], dim[] = {1, 0};
    size_t bytes = 0;
    float was[3] = {0};
    for (int i = 0; i < 64; i++)
        ones[i] = 1;
    assert_int_equal(rt_onnx_read(&o, "tests/golden/arch_bert.onnx", &e), 0);
    assert_int_equal(rt_frozen_shapes_create(&s, o, "bert", NULL, 0, &e), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rt_frozen_asker_create(&a[i], s), 0);
    for (int i = 0; i < 60; i++) {
        dim[1] = 8 + i % 24;
        struct rt_tensor t = rt_tensor_view(RT_I64, 2, dim, ones);
        struct rt_frozen_given g[] = {{"input_ids", t}, {"attention_mask", t}, {"token_type_ids", t}};
        if (rt_frozen_ask(a[i % 2], g, 3, &e) < 0)
            fail_msg("%s", e.text);
        const float *pooled = rt_frozen_answer(a[i % 2], 1)->data;
        if (i == 0)
            memcpy(was, pooled, sizeof was);
        if (i % 24 == 0)
            assert_memory_equal(was, pooled, sizeof was);
        bytes = bytes ? bytes : rt_frozen_shapes_bytes(s);
        assert_int_equal(rt_frozen_shapes_bytes(s), bytes);
    }
    assert_true(bytes > 10000);
    for (int i = 0; i < 2; i++)
        rt_frozen_asker_destroy(a[i]);
    rt_frozen_shapes_destroy(s);
    rt_onnx_destroy(o);
}

/* ---- several samples ---- */

struct taken {
    float row[8][2048];
    int64_t count[8];
};

static int take(void *self, int sample, const struct rt_tensor *answer, struct rt_error *e)
{
    struct taken *t = self;
    (void)e;
    t->count[sample] = rt_tensor_count(answer);
    assert_int_equal(answer->dim[0], 1);
    assert_in_range(t->count[sample], 1, 2048);
    memcpy(t->row[sample], answer->data, rt_tensor_bytes(answer));
    return 0;
}

/* BERT: each of eight has the bytes that it has alone, and with others beside it; from the second time on they are one
 * question. */
static void samples_go_together(void **state)
{
    (void)state;
    static struct taken all, other, one;
    struct rt_onnx *o;
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *a;
    struct rt_error e;
    const int64_t dim[] = {8, 16}, alone[] = {1, 16};
    int64_t ids[8 * 16], mask[8 * 16], type[8 * 16] = {0};
    for (int i = 0; i < 8 * 16; i++) {
        ids[i] = i * i * 7 % 23;
        mask[i] = i % 16 < 16 - i / 16;
    }
    assert_int_equal(rt_onnx_read(&o, "tests/golden/arch_bert.onnx", &e), 0);
    assert_int_equal(rt_frozen_shapes_create(&s, o, "bert", NULL, 0, &e), 0);
    assert_int_equal(rt_frozen_asker_create(&a, s), 0);
    for (int turn = 0; turn < 2; turn++) {
        struct rt_frozen_given g[] = {{"input_ids", rt_tensor_view(RT_I64, 2, dim, ids)},
                                      {"attention_mask", rt_tensor_view(RT_I64, 2, dim, mask)},
                                      {"token_type_ids", rt_tensor_view(RT_I64, 2, dim, type)}};
        if (rt_frozen_ask_each(a, g, 3, 8, take, turn ? &other : &all, &e) < 0)
            fail_msg("%s", e.text);
        memcpy(ids, ids + 16, sizeof *ids * 16); /* another neighbour for the second time */
    }
    assert_false(rt_frozen_shapes_apart(s));
    assert_int_equal(rt_frozen_shapes_made(s), 2);
    for (int i = 1; i < 8; i++) {
        struct rt_frozen_given g[] = {{"input_ids", rt_tensor_view(RT_I64, 2, alone, ids + 16 * i)},
                                      {"attention_mask", rt_tensor_view(RT_I64, 2, alone, mask + 16 * i)},
                                      {"token_type_ids", rt_tensor_view(RT_I64, 2, alone, type)}};
        assert_int_equal(rt_frozen_ask_each(a, g, 3, 1, take, &one, &e), 0);
        assert_int_equal(one.count[0], all.count[i]);
        assert_memory_equal(one.row[0], all.row[i], sizeof(float) * (size_t)one.count[0]);
        assert_memory_equal(one.row[0], other.row[i], sizeof(float) * (size_t)one.count[0]);
    }
    rt_frozen_asker_destroy(a);
    rt_frozen_shapes_destroy(s);
    rt_onnx_destroy(o);
}

/* A graph that takes the batch's mean off is found out, and asked for one at a time; so is one that has its batch in
 * numbers. */
static void samples_that_meet_go_alone(void **state)
{
    (void)state;
    static struct taken all;
    struct rt_error e;
    for (int fixed = 0; fixed < 2; fixed++) {
        struct rt_onnx *o;
        struct rt_frozen_shapes *s;
        struct rt_frozen_asker *a;
        int64_t shape[] = {1, 3}, two = 2, dim[] = {4, 3};
        float x[12];
        assert_int_equal(rt_onnx_create(&o, 13), 0);
        rt_onnx_add_input(o, "x", RT_F32, 2, (int64_t[]){-1, 3}, "batch");
        struct rt_tensor t = rt_tensor_view(RT_I64, 1, &two, shape);
        rt_onnx_add_initializer(o, "shape", &t);
        struct rt_onnx_node *n =
            fixed ? rt_onnx_add_node(o, "Reshape", "y", (const char *const[]){"x", "shape", NULL},
                                     (const char *const[]){"y", NULL})
                  : rt_onnx_add_node(o, "ReduceMean", "m", (const char *const[]){"x", NULL},
                                     (const char *const[]){"m", NULL});
        if (!fixed) {
            rt_onnx_attr_ints(o, n, "axes", (const int64_t[]){0}, 1);
            rt_onnx_add_node(o, "Sub", "y", (const char *const[]){"x", "m", NULL}, (const char *const[]){"y", NULL});
        }
        rt_onnx_add_output(o, "y", RT_F32, 2, (int64_t[]){-1, 3}, NULL);
        for (int i = 0; i < 12; i++)
            x[i] = (float)(i * i);
        assert_int_equal(rt_frozen_shapes_create(&s, o, "mean", NULL, 0, &e), 0);
        assert_int_equal(rt_frozen_asker_create(&a, s), 0);
        struct rt_frozen_given g = {"x", rt_tensor_view(RT_F32, 2, dim, x)};
        for (int turn = 0; turn < 2; turn++) {
            assert_int_equal(rt_frozen_ask_each(a, &g, 1, 4, take, &all, &e), 0);
            assert_true(rt_frozen_shapes_apart(s));
            for (int i = 0; i < 12; i++)
                assert_true(all.row[i / 3][i % 3] == (fixed ? x[i] : 0));
        }
        rt_frozen_asker_destroy(a);
        rt_frozen_shapes_destroy(s);
        rt_onnx_destroy(o);
    }
}

static int make_and_ask(void *self, struct rt_error *e)
{
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *a = NULL;
    int rc = rt_frozen_shapes_create(&s, self, "text.onnx", NULL, 0, e);
    if (rc == 0 && (rc = rt_frozen_asker_create(&a, s)) < 0)
        rt_error_set(e, rc, "no memory to ask it");
    for (int words = 1; rc == 0 && words < 4; words++)
        rc = ask(a, 1, words, e);
    rt_frozen_asker_destroy(a);
    rt_frozen_shapes_destroy(s);
    return rc;
}

static void memory_runs_out(void **state)
{
    (void)state;
    struct rt_onnx *o = encoder();
    assert_true(exhaust(make_and_ask, o, (struct mercy){0}) > 10);
    rt_onnx_destroy(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_shape_by_name), cmocka_unit_test(many_threads),
        cmocka_unit_test(more_askers_than_places), cmocka_unit_test(what_is_refused),
        cmocka_unit_test(weights_are_shared), cmocka_unit_test(samples_go_together),
        cmocka_unit_test(samples_that_meet_go_alone), cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
