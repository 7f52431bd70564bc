/* SPDX-License-Identifier: MIT
 * test_modality: the list of modalities is complete, in order, and each keeps to the contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "formats/recipe.h"
#include "stages/modality/modality.h"

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(rt_choice_find(rt_modality_names, "smell"), -1);
    assert_int_equal(rt_choice_find(rt_modality_names, ""), -1);
    for (int i = 0; i < RT_MODALITIES; i++)
        assert_int_equal(rt_choice_find(rt_modality_names, rt_modalities[i]->name), i);
}

static void test_contract(void **state)
{
    (void)state;
    static struct rt_recipe recipe;
    rt_recipe_init(&recipe);
    struct rt_front front = rt_front_of(&recipe);
    for (int i = 0; i < RT_MODALITIES; i++) {
        const struct rt_modality *m = rt_modalities[i];
        int64_t dim[3];
        assert_int_equal(m->id, i);
        assert_true(m->load && !m->alters == !m->augment && m->features && m->features_key);
        assert_true(m->shape && m->measure);
        bool dense = m->shape(&front, dim) > 0; /* exactly one way to present */
        assert_true(dense == (m->present != NULL) && dense == (m->present_bag == NULL));
        assert_in_range(m->measure_count, 1, RT_MEASURES_MAX);
    }
}

static void test_measure_names(void **state)
{
    (void)state;
    const char *seen[RT_MODALITIES * RT_MEASURES_MAX];
    int count = 0;
    for (int i = 0; i < RT_MODALITIES; i++)
        for (int k = 0; k < rt_modalities[i]->measure_count; k++) {
            const struct rt_measure *m = &rt_modalities[i]->measures[k];
            assert_true(m->name[0] && m->help[0] && m->unit);
            for (int j = 0; j < count; j++)
                assert_string_not_equal(seen[j], m->name);
            seen[count++] = m->name;
            enum rt_modality_id of = RT_MODALITIES;
            assert_ptr_equal(rt_measure_find(m->name, &of), m);
            assert_int_equal(of, i);
            const struct rt_knee_side *side = m->knee.side;
            for (int j = 0; j < 2; j++) /* the first side is the one that the order of values speaks of */
                assert_true(side[j].bad != side[j].good ||
                            (side[j].bad == 0 && (j == 1 || side[1].bad == side[1].good)));
            assert_true(side[0].bad == side[0].good || (side[0].bad > side[0].good) == (m->better == RT_LOWER));
        }
    assert_null(rt_measure_find("snrs", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_measure_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
