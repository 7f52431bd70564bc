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
        s.inside[i] = i % 2;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_safetensors_destroy(file);
    rt_sample_states_fini(&s);
    rt_sample_states_fini(&loaded);
    return 0;
}

/* All arrays, those of the terms with the first `terms` columns. */
static void save(int rows, int terms)
{
    float distance[ROWS * (RT_TERMS + 1)] = {0};
    uint8_t inside[ROWS * (RT_TERMS + 1)] = {0};
    int64_t one[] = {rows, 1}, some[] = {rows, terms}, history[] = {rows, RT_LOSS_HISTORY};
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < terms && k < RT_TERMS; k++) {
            distance[i * terms + k] = s.distance[i * RT_TERMS + k];
            inside[i * terms + k] = s.inside[i * RT_TERMS + k];
        }
    const struct {
        const char *name;
        struct rt_tensor t;
    } array[] = {
        {"samples.seen", rt_tensor_view(RT_I32, 2, one, s.seen)},
        {"samples.quality", rt_tensor_view(RT_F32, 2, one, s.quality)},
        {"samples.weight", rt_tensor_view(RT_F32, 2, one, s.weight)},
        {"samples.distance", rt_tensor_view(RT_F32, 2, some, distance)},
        {"samples.inside", rt_tensor_view(RT_U8, 2, some, inside)},
        {"samples.history", rt_tensor_view(RT_F32, 2, history, s.history)},
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

static void comes_back(void **state)
{
    (void)state;
    static const float loss[] = {0.5f, 3.1f, 0, 1e-9f, 1e9f};
    s.seen[0] = 5; /* the second row was never seen, and costs nothing */
    s.seen[2] = 1;
    for (int i = 0; i < RT_TERMS; i++)
        s.distance[RT_TERMS + i] = NAN;
    memset(s.inside + RT_TERMS, 0, RT_TERMS);
    for (int i = 0; i < 5; i++)
        rt_loss_history_add(s.history, loss[i]);
    assert_int_equal(rt_sample_states_save(&s, file), 0);
    assert_int_equal(rt_safetensors_get(file, "samples.history")->dim[0], 2);
    assert_int_equal(rt_sample_states_load(&loaded, file, "x", &e), 0);
    assert_memory_equal(loaded.seen, s.seen, sizeof *s.seen * ROWS);
    assert_memory_equal(loaded.distance, s.distance, sizeof *s.distance * ROWS * RT_TERMS);
    assert_memory_equal(loaded.inside, s.inside, ROWS * RT_TERMS);
    assert_memory_equal(loaded.history, s.history, sizeof *s.history * ROWS * RT_LOSS_HISTORY);
    assert_true(s.history[2] == 0.5f && fabsf(s.history[3] / 3.1f - 1) < 0.05f && s.history[4] == 0);
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
    for (int i = 0; i < ROWS * RT_TERMS; i++) {
        bool had = i % RT_TERMS < RT_TERMS - 3;
        assert_true(had ? loaded.distance[i] == s.distance[i] : isnan(loaded.distance[i]));
        assert_int_equal(loaded.inside[i], had ? s.inside[i] : 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(more_terms_than_there_are), TEST(other_rows), TEST(comes_back),
        TEST(odd_lists), TEST(a_new_term_was_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
