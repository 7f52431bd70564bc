/* SPDX-License-Identifier: MIT
 * test_optim: updates on a tiny graph: known numbers, clipping, gradients that are not finite,
 * frozen parameters, and state saved and continued. Ten steps against PyTorch: nn/test_golden. */
#include "stages/nn/optim/optim.h"

#include "stages/nn/op.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* x [2] -> a [3] -> frozen b [2], both with bias. */
static struct rt_graph *make_graph(void)
{
    struct rt_graph *g;
    struct rt_error e;
    assert_int_equal(rt_graph_create(&g), 0);
    int x = rt_graph_input(g, "x", (struct rt_shape){1, {2}});
    int a =
        rt_graph_node(g, RT_OP_linear, "a", &x, 1, &(struct rt_attr){.units = 3, .bias = true}, &e);
    rt_graph_node(g, RT_OP_linear, "b", &a, 1,
                  &(struct rt_attr){.units = 2, .bias = true, .frozen = true}, &e);
    rt_graph_init(g, 1);
    return g;
}

static void set_gradients(struct rt_graph *g, float scale)
{
    for (int i = 0; i < rt_graph_params(g); i++) {
        struct rt_param *p = rt_graph_param(g, i);
        for (int64_t k = 0; p->grad && k < p->count; k++) {
            p->grad[k] = scale * (float)(i + 1) * (float)(k % 2 ? -1 : 1);
        }
    }
}

static void unknown_rules_are_refused(void **state)
{
    (void)state;
    struct rt_graph *g = make_graph();
    struct rt_optim *o = (struct rt_optim *)&g;
    assert_int_equal(rt_optim_create(&o, RT_OPTIMS, g), RT_EUSAGE);
    assert_null(o);
    rt_optim_destroy(NULL);
    rt_graph_destroy(g);
}

static void first_steps_have_known_values(void **state)
{
    (void)state;
    struct rt_graph *g = make_graph();
    struct rt_optim *adamw, *sgd;
    struct rt_param *w = rt_graph_param_named(g, "a.weight"),
                    *b = rt_graph_param_named(g, "a.bias");
    struct rt_optim_step s = {.lr = 0.1, .momentum = 0.9, .decay = 0.5, .clip = 0};
    assert_int_equal(rt_optim_create(&adamw, RT_OPTIM_ADAMW, g), 0);
    assert_int_equal(rt_optim_create(&sgd, RT_OPTIM_SGD, g), 0);
    w->value[0] = b->value[0] = 2;
    set_gradients(g, 3);
    /* sqrt(6 * 3^2 + 3 * 6^2) */
    assert_true(fabs(rt_optim_update(adamw, &s, NULL) - sqrt(162)) < 1e-9);
    /* AdamW's first step is lr times the gradient's sign; decay takes lr * 0.5 of weights only. */
    assert_true(fabsf(w->value[0] - (2 - 0.1f - 0.1f)) < 1e-6f);
    assert_true(fabsf(b->value[0] - (2 - 0.1f)) < 1e-6f);
    w->value[0] = b->value[0] = 2;
    rt_optim_update(sgd, &s, NULL);
    /* Nesterov's first step is lr * 1.9 g, with g = 3 + 0.5 * 2 for the weight, 6 for the bias. */
    assert_true(fabsf(w->value[0] - (2 - 0.1f * 1.9f * 4)) < 1e-6f);
    assert_true(fabsf(b->value[0] - (2 - 0.1f * 1.9f * 6)) < 1e-6f);
    rt_optim_destroy(adamw);
    rt_optim_destroy(sgd);
    rt_graph_destroy(g);
}

static void clipping_scales_all_gradients(void **state)
{
    (void)state;
    struct rt_graph *g = make_graph();
    struct rt_optim *o;
    struct rt_param *b = rt_graph_param_named(g, "a.bias");
    assert_int_equal(rt_optim_create(&o, RT_OPTIM_SGD, g), 0);
    struct rt_optim_step s = {.lr = 1, .momentum = 0, .decay = 0, .clip = 1};
    set_gradients(g, 3);
    b->value[0] = 0;
    double norm = rt_optim_update(o, &s, NULL);
    assert_true(fabs(norm - sqrt(162)) < 1e-9);
    assert_true(fabs(b->value[0] + 6 / sqrt(162)) < 1e-6);
    b->value[0] = 0;
    s.clip = 100; /* longer than the gradient: no change */
    rt_optim_update(o, &s, NULL);
    assert_true(b->value[0] == -6);
    rt_optim_destroy(o);
    rt_graph_destroy(g);
}

static void not_finite_gradients_change_nothing(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    struct rt_graph *g = make_graph();
    struct rt_param *w = rt_graph_param_named(g, "a.weight"),
                    *b = rt_graph_param_named(g, "a.bias");
    struct rt_optim_step s = {.lr = 0.1, .momentum = 0.9, .decay = 0.5, .clip = 1};
    for (int i = 0; i < 3; i++) {
        struct rt_optim *o, *fresh;
        const char *where = NULL;
        float old[6];
        assert_int_equal(rt_optim_create(&o, RT_OPTIM_ADAMW, g), 0);
        assert_int_equal(rt_optim_create(&fresh, RT_OPTIM_ADAMW, g), 0);
        set_gradients(g, 1);
        b->grad[2] = bad[i];
        memcpy(old, w->value, sizeof old);
        assert_false(isfinite(rt_optim_update(o, &s, &where)));
        assert_string_equal(where, "a.bias");
        assert_memory_equal(old, w->value, sizeof old);
        /* Nor did the state: the next step is a first step. */
        set_gradients(g, 1);
        rt_optim_update(o, &s, NULL);
        float after[6];
        memcpy(after, w->value, sizeof after);
        memcpy(w->value, old, sizeof old);
        rt_optim_update(fresh, &s, NULL);
        assert_memory_equal(after, w->value, sizeof after);
        rt_optim_destroy(o);
        rt_optim_destroy(fresh);
    }
    rt_graph_destroy(g);
}

static void frozen_parameters_stay(void **state)
{
    (void)state;
    struct rt_graph *g = make_graph();
    struct rt_optim *o;
    const struct rt_param *f = rt_graph_param_named(g, "b.weight");
    float old[6];
    memcpy(old, f->value, sizeof old);
    assert_int_equal(rt_optim_create(&o, RT_OPTIM_ADAMW, g), 0);
    set_gradients(g, 1);
    rt_optim_update(o, &(struct rt_optim_step){.lr = 0.1, .momentum = 0.9, .decay = 0.5}, NULL);
    assert_memory_equal(old, f->value, sizeof old);
    rt_optim_destroy(o);
    rt_graph_destroy(g);
}

/* Four steps at once, or two, saved, loaded into new objects, two: equal bytes. */
static void saved_state_continues_in_equal_bytes(void **state)
{
    (void)state;
    static const enum rt_optim_id rule[] = {RT_OPTIM_ADAMW, RT_OPTIM_SGD};
    struct rt_optim_step s = {.lr = 0.05, .momentum = 0.9, .decay = 0.1, .clip = 2};
    for (int r = 0; r < 2; r++) {
        struct rt_graph *a = make_graph(), *b = make_graph();
        struct rt_optim *oa, *ob, *other;
        struct rt_safetensors *file, *empty;
        struct rt_error e;
        assert_int_equal(rt_safetensors_create(&file), 0);
        assert_int_equal(rt_safetensors_create(&empty), 0);
        assert_int_equal(rt_optim_create(&oa, rule[r], a), 0);
        assert_int_equal(rt_optim_create(&ob, rule[r], b), 0);
        assert_int_equal(rt_optim_create(&other, rule[!r], b), 0);
        for (int i = 0; i < 4; i++) {
            if (i == 2) {
                assert_int_equal(rt_graph_save(a, file, ""), 0);
                assert_int_equal(rt_optim_save(oa, file), 0);
            }
            set_gradients(a, 0.1f * (float)(i + 1));
            rt_optim_update(oa, &s, NULL);
        }
        assert_int_equal(rt_optim_load(ob, empty, &e), RT_EMISMATCH);
        assert_int_equal(rt_optim_load(other, file, &e), RT_EMISMATCH);
        assert_non_null(strstr(e.text, "optim."));
        assert_int_equal(rt_graph_load(b, file, "", &e), 0);
        assert_int_equal(rt_optim_load(ob, file, &e), 0);
        for (int i = 2; i < 4; i++) {
            set_gradients(b, 0.1f * (float)(i + 1));
            rt_optim_update(ob, &s, NULL);
        }
        for (int i = 0; i < rt_graph_params(a); i++) {
            const struct rt_param *p = rt_graph_param(a, i), *q = rt_graph_param(b, i);
            assert_memory_equal(p->value, q->value, (size_t)p->count * sizeof *p->value);
        }
        rt_optim_destroy(oa);
        rt_optim_destroy(ob);
        rt_optim_destroy(other);
        rt_safetensors_destroy(file);
        rt_safetensors_destroy(empty);
        rt_graph_destroy(a);
        rt_graph_destroy(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_rules_are_refused),
        cmocka_unit_test(not_finite_gradients_change_nothing),
        cmocka_unit_test(first_steps_have_known_values),
        cmocka_unit_test(clipping_scales_all_gradients),
        cmocka_unit_test(frozen_parameters_stay),
        cmocka_unit_test(saved_state_continues_in_equal_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
