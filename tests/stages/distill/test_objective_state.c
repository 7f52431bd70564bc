/* SPDX-License-Identifier: MIT
 * test_objective_state: the running quantiles through a checkpoint: what is missing or of another
 * kind is refused by name, what was saved comes back bit for bit, NaN included. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/objective.h"

static void empty_is_refused(void **state)
{
    struct rt_safetensors *s;
    struct rt_error e;
    struct rt_objective o, before;

    (void)state;
    rt_objective_init(&o);
    o.quantile[RT_TERM_l2] = 0.5;
    before = o;
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_objective_load(&o, s, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "objective.ce"));
    assert_memory_equal(&o, &before, sizeof o);
    rt_safetensors_destroy(s);
}

/* Everything right but for the last term. */
static void wrong_kind_is_refused(void **state)
{
    static const struct {
        enum rt_dtype dtype;
        int64_t count;
    } wrong[] = {{RT_F32, 2}, {RT_F64, 3}};
    struct rt_error e;
    struct rt_objective o, before;
    double zeros[3] = {0};

    (void)state;
    rt_objective_init(&o);
    before = o;
    for (int w = 0; w < 2; w++) {
        struct rt_safetensors *s;
        assert_int_equal(rt_safetensors_create(&s), 0);
        for (int k = 0; k < RT_TERMS; k++) {
            char name[64] = "objective.";
            int64_t dim[] = {k == RT_TERMS - 1 ? wrong[w].count : 2};
            struct rt_tensor t =
                rt_tensor_view(k == RT_TERMS - 1 ? wrong[w].dtype : RT_F64, 1, dim, zeros);
            strcat(name, rt_terms[k]->name);
            assert_int_equal(rt_safetensors_add(s, name, &t), 0);
        }
        assert_int_equal(rt_objective_load(&o, s, &e), RT_EFORMAT);
        assert_non_null(strstr(e.text, rt_terms[RT_TERMS - 1]->name));
        assert_memory_equal(&o, &before, sizeof o);
        rt_safetensors_destroy(s);
    }
}

/* A checkpoint of a program that knew fewer terms. */
static void a_new_term_has_not_begun(void **state)
{
    struct rt_safetensors *s;
    struct rt_error e;
    struct rt_objective o = {.quantile = {7}};
    double pair[2] = {0.25, 0.5};
    int64_t dim[] = {2};

    (void)state;
    struct rt_tensor t = rt_tensor_view(RT_F64, 1, dim, pair);
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_safetensors_add(s, "objective.ce", &t), 0);
    assert_int_equal(rt_objective_load(&o, s, &e), 0);
    assert_true(o.quantile[RT_TERM_ce] == 0.25 && o.spread[RT_TERM_ce] == 0.5);
    assert_true(isnan(o.quantile[RT_TERM_nce]) && isnan(o.spread[RT_TERM_nce]));
    rt_safetensors_destroy(s);
}

static void comes_back(void **state)
{
    struct rt_safetensors *s;
    struct rt_error e;
    struct rt_objective saved, loaded;

    (void)state;
    rt_objective_init(&saved);
    for (int k = 1; k < RT_TERMS; k++) { /* term 0 has not begun: NaN */
        saved.quantile[k] = 1.0 / (3 + k);
        saved.spread[k] = 0.1 * k;
    }
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_objective_save(&saved, s), 0);
    assert_int_equal(rt_safetensors_count(s), RT_TERMS);
    assert_int_equal(rt_objective_save(&saved, s), RT_EUSAGE); /* names are taken */
    memset(&loaded, 0, sizeof loaded);
    assert_int_equal(rt_objective_load(&loaded, s, &e), 0);
    assert_memory_equal(&loaded, &saved, sizeof saved);
    rt_safetensors_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_refused),
        cmocka_unit_test(wrong_kind_is_refused),
        cmocka_unit_test(comes_back),
        cmocka_unit_test(a_new_term_has_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
