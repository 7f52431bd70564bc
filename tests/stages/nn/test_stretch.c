/* SPDX-License-Identifier: MIT
 * test_stretch: networks at another length than their own: refused by the node that cannot, then equal bits to a
 * network built for that length, with weights that change meanwhile. */
#include "stages/nn/stretch.h"

#include "stages/nn/exec.h"
#include "stages/nn/presets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BANDS 6
#define OWN 40
#define LONGEST 333

static struct rt_error e;
static float input[LONGEST * BANDS];

static struct rt_graph *preset(enum rt_net_id net, int length)
{
    struct rt_graph *g;
    struct rt_preset_config c = {.net = net, .input = {2, {length, BANDS}}, .width = 4, .blocks = 1, .embedding = 8,
                                 .classes = 5, .dropout = 0.2f};
    assert_int_equal(rt_preset_build(&g, &c, &e), 0);
    rt_graph_init(g, 3);
    struct rt_rng r = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    for (int i = 0; i < LONGEST * BANDS; i++)
        input[i] = (float)rt_rng_normal(&r);
    return g;
}

static void refuse(struct rt_graph *g, const char *words)
{
    e = (struct rt_error){0};
    assert_int_equal(rt_stretch_check(g, NULL, &e), RT_EMISMATCH);
    if (!strstr(e.text, words))
        fail_msg("%s", e.text);
    rt_graph_destroy(g);
}

/* [OWN, BANDS] and a slice of it; what is behind pools. */
static struct rt_graph *sliced(int axis, int count)
{
    struct rt_graph *g;
    assert_int_equal(rt_graph_create(&g), 0);
    int x = rt_graph_input(g, "input", (struct rt_shape){2, {OWN, BANDS}});
    x = rt_graph_node(g, RT_OP_slice, "part", &x, 1, &(struct rt_attr){.axis = axis, .count = count}, &e);
    x = rt_graph_node(g, RT_OP_globalpool, "pool", &x, 1, NULL, &e);
    assert_true(rt_graph_node(g, RT_OP_linear, "embedding", &x, 1, &(struct rt_attr){.units = 3}, &e) > 0);
    return g;
}

static void test_refused(void **state)
{
    (void)state;
    struct rt_graph *g;
    refuse(preset(RT_NET_CNN1D, OWN), "node \"flatten\" (reshape) gives a row as long as the input");
    refuse(sliced(0, OWN - 2), "node \"part\" (slice) takes places of time by number");
    g = sliced(1, 2); /* of the bands: whatever the time */
    assert_int_equal(rt_stretch_check(g, NULL, &e), 0);
    rt_graph_destroy(g);
    assert_int_equal(rt_graph_create(&g), 0);
    rt_graph_bag(g, "input", 9);
    refuse(g, "no time");
    assert_int_equal(rt_graph_create(&g), 0);
    int x = rt_graph_input(g, "input", (struct rt_shape){2, {OWN, BANDS}});
    struct rt_attr place = {.shape = {2, {OWN, BANDS}}};
    int where = rt_graph_node(g, RT_OP_parameter, "place", &x, 1, &place, &e);
    assert_true(rt_graph_node(g, RT_OP_add, "sum", (int[]){x, where}, 2, NULL, &e) > 0);
    refuse(g, "\"sum\"");
}

static void test_least(void **state)
{
    (void)state;
    static const struct { enum rt_net_id net; int least; } want[] = {{RT_NET_TDNN, 15}, {RT_NET_RESNET, 1}};
    for (int i = 0; i < 2; i++) {
        struct rt_graph *g = preset(want[i].net, OWN);
        int least = 0;
        assert_int_equal(rt_stretch_check(g, &least, &e), 0);
        assert_int_equal(least, want[i].least);
        struct rt_stretch *s;
        assert_int_equal(rt_stretch_create(&s, g, NULL, NULL), 0);
        assert_int_equal(rt_stretch_forward(s, least, input, &e), 0);
        if (least > 1)
            assert_true(rt_stretch_forward(s, least - 1, input, &e) < 0);
        assert_int_equal(rt_stretch_forward(s, least, input, &e), 0); /* good for more */
        rt_stretch_destroy(s);
        rt_graph_destroy(g);
    }
}

static void same_as_built(struct rt_stretch *s, struct rt_graph *g, enum rt_net_id net, int length)
{
    struct rt_graph *other = preset(net, length);
    struct rt_exec *x;
    int node = rt_graph_find(g, "logits");
    for (int i = 0; i < rt_graph_params(g); i++)
        memcpy(rt_graph_param(other, i)->value, rt_graph_param(g, i)->value,
               sizeof(float) * (size_t)rt_graph_param(g, i)->count);
    assert_int_equal(rt_exec_create(&x, other, 1, false, NULL), 0);
    rt_exec_forward(x, 1, input, NULL, false, 0, 0);
    assert_int_equal(rt_stretch_forward(s, length, input, &e), 0);
    assert_memory_equal(rt_stretch_output(s, node), rt_exec_output(x, node), 5 * sizeof(float));
    rt_exec_destroy(x);
    rt_graph_destroy(other);
}

static void test_same(void **state)
{
    (void)state;
    static const enum rt_net_id net[] = {RT_NET_TDNN, RT_NET_RESNET};
    static const int length[] = {16, LONGEST, LONGEST, OWN, 57};
    for (int i = 0; i < 2; i++) {
        struct rt_graph *g = preset(net[i], OWN);
        struct rt_stretch *s;
        assert_int_equal(rt_stretch_create(&s, g, NULL, NULL), 0);
        for (int k = 0; k < 5; k++) {
            same_as_built(s, g, net[i], length[k]);
            rt_graph_param(g, 0)->value[k] += 0.5f; /* as an update would */
        }
        rt_stretch_destroy(s);
        rt_graph_destroy(g);
    }
    rt_stretch_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
