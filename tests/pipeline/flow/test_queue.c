/* SPDX-License-Identifier: MIT
 * Tests of pipeline/flow/batch and queue: limits, replacement, order, what is owned by whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "pipeline/flow/queue.h"

static const int rows[] = {4, 2, 9};

static struct rt_frame *frame(const char *name, int64_t bytes)
{
    struct rt_tensor t;
    struct rt_frame *f = NULL;
    assert_int_equal(rt_tensor_init(&t, RT_U8, 1, &bytes), 0);
    assert_int_equal(rt_frame_pack(&f, name, &t, 0), 0);
    rt_tensor_fini(&t);
    return f;
}

static void test_missing_frame(void **state)
{
    (void)state;
    struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, rows, 3);
    struct rt_error e = {0};
    struct rt_tensor t;
    b->index = 7;
    assert_null(rt_batch_get(b, "speech"));
    assert_int_equal(rt_batch_unpack(b, "speech", &t, &e), RT_ENOTFOUND);
    assert_non_null(strstr(e.text, "speech"));
    assert_non_null(strstr(e.text, "batch 7"));
    rt_tensor_fini(&t);
    rt_batch_remove(b, "speech");
    rt_batch_destroy(b);
    rt_batch_destroy(NULL);
}

static void test_too_many_frames(void **state)
{
    (void)state;
    struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, NULL, 0);
    char name[16];
    for (int i = 0; i < RT_BATCH_FRAMES; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(rt_batch_put(b, frame(name, 1)), 0);
    }
    assert_int_equal(rt_batch_put(b, frame("one more", 1)), RT_ELARGE); /* and frees it */
    assert_int_equal(rt_batch_put(b, frame("f3", 1)), 0);               /* replacing still works */
    assert_int_equal(b->frames, RT_BATCH_FRAMES);
    rt_batch_destroy(b);
}

static void test_frames_by_name(void **state)
{
    (void)state;
    struct rt_batch *b = rt_batch_create(RT_BATCH_EVAL, rows, 3);
    assert_memory_equal(b->sample, rows, sizeof rows);
    assert_ptr_not_equal(b->sample, rows);
    struct rt_frame *kept = frame("a", 10);
    assert_int_equal(rt_batch_put(b, rt_frame_ref(kept)), 0);
    assert_int_equal(rt_batch_put(b, frame("b", 20)), 0);
    assert_int_equal(rt_batch_put(b, frame("c", 30)), 0);
    size_t all = rt_batch_bytes(b), a = rt_frame_packed_bytes(kept);
    rt_batch_remove(b, "a");
    assert_int_equal(rt_batch_bytes(b), all - a);
    assert_string_equal(rt_frame_name(b->frame[0]), "b");
    assert_string_equal(rt_frame_name(b->frame[1]), "c");

    float value[3] = {1, 2, 3};
    int64_t dim = 3;
    struct rt_tensor t = rt_tensor_view(RT_F32, 1, &dim, value), back;
    assert_int_equal(rt_batch_pack(b, "b", &t, 1), 0);
    assert_int_equal(b->frames, 2);
    assert_int_equal(rt_batch_unpack(b, "b", &back, NULL), 0);
    assert_memory_equal(back.data, value, sizeof value);
    rt_tensor_fini(&back);
    rt_batch_destroy(b);
    rt_frame_unref(kept); /* still ours: the batch only shared it */
}

static void test_drops(void **state)
{
    (void)state;
    struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, rows, 3);
    char longer[1000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(rt_batch_drop(b, 4, 0, RT_ESHORT, NULL), 0);
    assert_int_equal(rt_batch_drop(b, 9, 1, RT_EFORMAT, longer), 0);
    assert_int_equal(b->drops, 2);
    assert_int_equal(b->drop[0].reason, RT_ESHORT);
    assert_string_equal(b->drop[0].text, "");
    assert_int_equal(b->drop[1].sample, 9);
    assert_int_equal(strlen(b->drop[1].text), sizeof b->drop[1].text - 1);
    rt_batch_destroy(b);
}

static void test_queue_refuses(void **state)
{
    (void)state;
    struct rt_queue q = {0};
    assert_int_equal(rt_queue_limit(&q, 0), RT_ERANGE);
    assert_int_equal(rt_queue_limit(&q, -3), RT_ERANGE);
    rt_queue_fini(&q);
    assert_int_equal(rt_queue_limit(&q, 1), 0);
    assert_null(rt_queue_pop(&q));
    assert_null(rt_queue_peek(&q));
    assert_int_equal(rt_queue_reserve(&q), 1);
    assert_int_equal(rt_queue_reserve(&q), 0); /* a reserved place is taken */
    rt_queue_release(&q);
    assert_int_equal(rt_queue_reserve(&q), 1);
    rt_queue_push(&q, rt_batch_create(RT_BATCH_TRAIN, rows, 3));
    assert_int_equal(rt_queue_reserve(&q), 0); /* so is a filled one */
    rt_queue_fini(&q);
}

static void test_queue_order(void **state)
{
    (void)state;
    struct rt_queue q = {0};
    uint64_t in = 0, out = 0;
    size_t most = 0;
    assert_int_equal(rt_queue_limit(&q, 5), 0);
    for (int round = 0; round < 40; round++) { /* fills and empties around the ring's end */
        for (int i = 0; i < 1 + round % 5 && rt_queue_reserve(&q); i++) {
            struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, rows, 3);
            b->seq = in++;
            assert_int_equal(rt_batch_put(b, frame("a", (int64_t)(b->seq * 7 % 50))), 0);
            rt_queue_push(&q, b);
            assert_true(q.waiting + q.reserved <= q.limit);
            most = q.bytes > most ? q.bytes : most;
        }
        for (int i = 0; i < 1 + round % 3 && q.waiting > 0; i++) {
            struct rt_batch *b = rt_queue_pop(&q);
            assert_int_equal(b->seq, out++);
            rt_batch_destroy(b);
        }
    }
    size_t sum = 0;
    for (int i = 0; i < q.waiting; i++)
        sum += rt_batch_bytes(q.place[(q.head + i) % RT_QUEUE_PLACES]);
    assert_int_equal(q.bytes, sum);
    assert_int_equal(q.peak_bytes, most);
    assert_true(q.waiting > 0);
    rt_queue_fini(&q); /* destroys what waits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_frame),  cmocka_unit_test(test_too_many_frames),
        cmocka_unit_test(test_frames_by_name), cmocka_unit_test(test_drops),
        cmocka_unit_test(test_queue_refuses),  cmocka_unit_test(test_queue_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
