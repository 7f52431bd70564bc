/* SPDX-License-Identifier: MIT
 * test_sample_states: what is known of each sample through a checkpoint, also one of a program that knew
 * fewer terms. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "formats/frame.h"
#include "stages/distill/sample_states.h"

#define ROWS 3

static struct rt_sample_states s, loaded;
static struct rt_safetensors *file;
static struct rt_error e;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(rt_sample_states_init(&s, ROWS), 0);
    assert_int_equal(rt_sample_states_init(&loaded, ROWS), 0);
    assert_int_equal(rt_safetensors_create(&file), 0);
    for (int i = 0; i < ROWS * RT_TERMS; i++) {
        s.distance[i] = (float)i;
        s.inside[i] = i % 2 ? RT_SAMPLE_INSIDE : RT_SAMPLE_OUTSIDE;
    }
    return 0;
}

static void assert_same(double a, double b)
{
    assert_true(a == b || (isnan(a) && isnan(b)));
}

static int teardown(void **state)
{
    (void)state;
    rt_safetensors_destroy(file);
    rt_sample_states_fini(&s);
    rt_sample_states_fini(&loaded);
    return 0;
}

/* As checkpoints were: all arrays of all rows, those of the terms with the first `terms` columns. */
static void save(int rows, int terms)
{
    float distance[ROWS * (RT_TERMS + 1)] = {0};
    uint8_t inside[ROWS * (RT_TERMS + 1)] = {0};
    float losses[ROWS * RT_LOSS_HISTORY];
    int64_t one[] = {rows, 1}, some[] = {rows, terms}, history[] = {rows, RT_LOSS_HISTORY};
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < terms && k < RT_TERMS; k++) {
            distance[i * terms + k] = (float)rt_sample_distance(&s, i, k);
            inside[i * terms + k] = rt_sample_inside(&s, i, k) > 0;
        }
    for (int i = 0; i < ROWS * RT_LOSS_HISTORY; i++)
        losses[i] = rt_loss_history_value(s.history[i]);
    const struct {
        const char *name;
        struct rt_tensor t;
    } array[] = {
        {"samples.seen", rt_tensor_view(RT_I32, 2, one, s.seen)},
        {"samples.quality", rt_tensor_view(RT_F32, 2, one, s.quality)},
        {"samples.weight", rt_tensor_view(RT_F32, 2, one, s.weight)},
        {"samples.distance", rt_tensor_view(RT_F32, 2, some, distance)},
        {"samples.inside", rt_tensor_view(RT_U8, 2, some, inside)},
        {"samples.history", rt_tensor_view(RT_F32, 2, history, losses)},
    };
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        assert_int_equal(rt_safetensors_add(file, array[i].name, &array[i].t), 0);
}

static void more_terms_than_there_are(void **state)
{
    (void)state;
    save(ROWS, RT_TERMS + 1);
    assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), RT_EMISMATCH);
    assert_non_null(strstr(e.text, "samples.distance"));
}

static void other_rows(void **state)
{
    (void)state;
    save(ROWS - 1, RT_TERMS);
    assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), RT_EMISMATCH);
}

/* The second row was never seen, and costs nothing; of the last term only the third has a distance. */
static void see_two_rows(void)
{
    static const float loss[] = {0.5f, 3.1f, 0, 1e-9f, 1e9f};
    s.seen[0] = 5;
    s.seen[2] = 1;
    for (int k = 0; k < RT_TERMS; k++)
        s.inside[k * ROWS + 1] = RT_SAMPLE_NEVER;
    s.inside[(RT_TERMS - 1) * ROWS] = RT_SAMPLE_NEVER;
    for (int i = 0; i < 5; i++)
        rt_loss_history_add(s.history, loss[i]);
}

static void check_loaded(void)
{
    assert_memory_equal(loaded.seen, s.seen, sizeof *s.seen * ROWS);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < RT_TERMS; k++) {
            assert_same(rt_sample_distance(&loaded, i, k), rt_sample_distance(&s, i, k));
            assert_same(rt_sample_inside(&loaded, i, k), rt_sample_inside(&s, i, k));
        }
    assert_memory_equal(loaded.history, s.history, ROWS * RT_LOSS_HISTORY);
}

static void comes_back(void **state)
{
    (void)state;
    see_two_rows();
    assert_int_equal(rt_sample_states_save(&s, file), 0);
    assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), 0);
    check_loaded();
    assert_true(rt_loss_history_value(s.history[2]) == 0.5f && rt_loss_history_value(s.history[4]) == 0 &&
                fabsf(rt_loss_history_value(s.history[3]) / 3.1f - 1) < 0.05f);
}

/* A packed column that says to be larger than its rows is not unpacked; one of fewer, or damaged, is none. */
static void odd_columns(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        static float many[1000];
        int64_t dim[] = {kind == 0 ? 1000 : kind == 1 ? 1 : 2, 1}, length;
        struct rt_tensor t = rt_tensor_view(RT_F32, 2, dim, many), packed;
        struct rt_frame *f;
        size_t size;
        struct rt_safetensors *odd;
        see_two_rows();
        assert_int_equal(rt_frame_pack(&f, "samples.quality", &t, 0), 0);
        uint8_t *bytes = (uint8_t *)(uintptr_t)rt_frame_bytes(f, &size);
        bytes[size - 1] ^= kind == 2;
        length = (int64_t)size;
        packed = rt_tensor_view(RT_U8, 1, &length, bytes);
        assert_int_equal(rt_safetensors_create(&odd), 0);
        rt_safetensors_destroy(file);
        assert_int_equal(rt_safetensors_create(&file), 0);
        assert_int_equal(rt_sample_states_save(&s, file), 0);
        for (int i = 0; i < rt_safetensors_count(file); i++) {
            const char *name;
            const struct rt_tensor *own = rt_safetensors_at(file, i, &name);
            bool swap = strcmp(name, "samples.quality") == 0;
            assert_int_equal(rt_safetensors_add(odd, name, swap ? &packed : own), 0);
        }
        assert_int_equal(rt_sample_states_load(&loaded, odd, "x", &e), RT_EMISMATCH);
        assert_non_null(strstr(e.text, "samples."));
        rt_safetensors_destroy(odd);
        rt_frame_unref(f);
    }
}

/* As it was for a while: rows as numbers, columns as they are. */
static void plain_columns(void **state)
{
    (void)state;
    static int32_t row[] = {0, 2}, seen[] = {5, 1};
    static float ones[] = {1, 1};
    int64_t one[] = {1}, two[] = {2, 1}, history[] = {2, RT_LOSS_HISTORY}, rows = ROWS;
    uint8_t codes[2 * RT_LOSS_HISTORY];
    see_two_rows();
    memcpy(codes, s.history, RT_LOSS_HISTORY);
    memcpy(codes + RT_LOSS_HISTORY, s.history + 2 * RT_LOSS_HISTORY, RT_LOSS_HISTORY);
    const struct {
        const char *name;
        struct rt_tensor t;
    } array[] = {
        {"samples.count", rt_tensor_view(RT_I64, 1, one, &rows)},
        {"samples.row", rt_tensor_view(RT_I32, 2, two, row)},
        {"samples.seen", rt_tensor_view(RT_I32, 2, two, seen)},
        {"samples.quality", rt_tensor_view(RT_F32, 2, two, ones)},
        {"samples.weight", rt_tensor_view(RT_F32, 2, two, ones)},
        {"samples.history", rt_tensor_view(RT_U8, 2, history, codes)},
    };
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        assert_int_equal(rt_safetensors_add(file, array[i].name, &array[i].t), 0);
    assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), 0);
    assert_memory_equal(loaded.seen, s.seen, sizeof *s.seen * ROWS);
    assert_memory_equal(loaded.history, s.history, ROWS * RT_LOSS_HISTORY);
    assert_true(isnan(rt_sample_distance(&loaded, 0, 0)) && loaded.weight[2] == 1);
}

/* Nothing was seen yet; and lists of rows that cannot be. */
static void odd_lists(void **state)
{
    (void)state;
    static int32_t wrong[][2] = {{0, 3}, {-1, 1}, {1, 1}, {2, 1}};
    int64_t one[] = {1}, two[] = {2, 1}, rows = ROWS;
    struct rt_tensor count = rt_tensor_view(RT_I64, 1, one, &rows);
    assert_int_equal(rt_sample_states_save(&s, file), 0);
    assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rt_tensor list = rt_tensor_view(RT_I32, 2, two, wrong[i]);
        rt_safetensors_destroy(file);
        assert_int_equal(rt_safetensors_create(&file), 0);
        assert_int_equal(rt_safetensors_add(file, "samples.count", &count), 0);
        assert_int_equal(rt_safetensors_add(file, "samples.row", &list), 0);
        assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), RT_EMISMATCH);
    }
}

static void a_new_term_was_never(void **state)
{
    (void)state;
    save(ROWS, RT_TERMS - 3);
    assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), 0);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < RT_TERMS; k++) {
            bool had = k < RT_TERMS - 3;
            assert_same(rt_sample_distance(&loaded, i, k), had ? rt_sample_distance(&s, i, k) : (double)NAN);
            assert_same(rt_sample_inside(&loaded, i, k), had ? rt_sample_inside(&s, i, k) : (double)NAN);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(more_terms_than_there_are), TEST(other_rows), TEST(comes_back),
        TEST(odd_lists), TEST(odd_columns), TEST(plain_columns), TEST(a_new_term_was_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
