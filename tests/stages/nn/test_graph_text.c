/* SPDX-License-Identifier: MIT
 * test_graph_text: a network's text is read back as the same network; text that is none is refused by
 * line, and what it asks for beyond the weights at hand is not allocated. */
#include "stages/nn/functions.h"
#include "stages/nn/graph.h"
#include "stages/nn/presets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void same_again(const struct rt_graph *g, const char *what)
{
    struct rt_graph *copy;
    struct rt_error e = {0};
    char *text = rt_graph_text(g, rt_graph_nodes(g));
    assert_non_null(text);
    assert_int_equal(rt_graph_create(&copy), 0);
    if (rt_graph_parse(copy, text, &e))
        fail_msg("%s: %s", what, e.text);
    char *again = rt_graph_text(copy, rt_graph_nodes(copy));
    assert_string_equal(text, again);
    assert_int_equal(rt_graph_params(g), rt_graph_params(copy));
    for (int i = 0; i < rt_graph_nodes(g); i++) {
        const struct rt_node *a = rt_graph_at(g, i), *b = rt_graph_at(copy, i);
        assert_int_equal(a->op, b->op);
        assert_memory_equal(&a->shape, &b->shape, sizeof a->shape);
        assert_memory_equal(&a->attr, &b->attr, sizeof a->attr);
    }
    free(text);
    free(again);
    rt_graph_destroy(copy);
}

static void presets_are_read_back(void **state)
{
    static const struct rt_preset_config net[] = {
        {.net = RT_NET_CNN1D, .input = {2, {61, 9}}, .embedding = 5, .classes = 3, .dropout = 0.3f},
        {.net = RT_NET_CNN2D, .input = {3, {17, 19, 3}}, .embedding = 5, .classes = 3, .cosine = true},
        {.net = RT_NET_RESNET, .input = {2, {40, 20}}, .width = 4, .embedding = 5, .classes = 3},
        {.net = RT_NET_TDNN, .input = {2, {40, 20}}, .width = 8, .embedding = 5, .classes = 3},
        {.net = RT_NET_TEXTBAG, .buckets = 100, .embedding = 5, .classes = 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof net / sizeof *net; i++) {
        struct rt_graph *g;
        assert_int_equal(rt_preset_build(&g, &net[i], NULL), 0);
        same_again(g, rt_net_names[net[i].net]);
        rt_graph_destroy(g);
    }
}

/* Negative, fractional and infinite attributes. */
static void attributes_are_read_back(void **state)
{
    struct rt_graph *g;
    (void)state;
    assert_int_equal(rt_graph_create(&g), 0);
    int x = rt_graph_input(g, "x", (struct rt_shape){4, {3, 2, 4, 5}});
    static const struct rt_attr attr[] = {
        {.axis = 2, .begin = -3, .step = -2, .count = 7, .function = RT_SLICE_reflect},
        {.axis = 1, .begin = -1, .count = 4, .number = {-INFINITY}},
        {.count = 6, .divisor = 2, .function = RT_SLICE_edge},
    };
    for (size_t i = 0; i < sizeof attr / sizeof *attr; i++) {
        char name[8] = {'t', (char)('0' + i)};
        x = rt_graph_node(g, RT_OP_slice, name, &x, 1, &attr[i], NULL);
        assert_true(x > 0);
    }
    struct rt_attr clip = {.function = RT_UNARY_clip, .number = {-0.1f, INFINITY}};
    x = rt_graph_node(g, RT_OP_unary, "clip", &x, 1, &clip, NULL);
    struct rt_attr order = {.order = {3, 1, 0, 2}};
    x = rt_graph_node(g, RT_OP_transpose, "turn", &x, 1, &order, NULL);
    struct rt_attr weight = {.shape = {4, {5, 1, 1, 1}}, .frozen = true};
    int w = rt_graph_node(g, RT_OP_parameter, "w", &x, 1, &weight, NULL);
    struct rt_attr by = {.function = RT_BINARY_prelu};
    assert_true(rt_graph_node(g, RT_OP_binary, "by", (int[]){x, w}, 2, &by, NULL) > 0);
    same_again(g, "attributes");
    rt_graph_destroy(g);
}

/* Model files of before name an op and two attributes otherwise. */
static void names_of_before_are_read(void **state)
{
    static const char *const text[] = {
        "input x shape=4,6\n"
        "take a in=0 function=edge axis=1 axes=1 step=1 share=2 count=12\n"
        "matmul b in=1,1 turned=1\n",
        "input x shape=4,6\n"
        "slice a in=0 function=edge axis=1 axes=1 step=1 divisor=2 count=12\n"
        "matmul b in=1,1 transposed=1\n",
    };
    char *again[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rt_graph *g;
        struct rt_error e = {0};
        assert_int_equal(rt_graph_create(&g), 0);
        if (rt_graph_parse(g, text[i], &e))
            fail_msg("text %d: %s", i, e.text);
        assert_int_equal(rt_graph_at(g, 1)->op, RT_OP_slice);
        assert_int_equal(rt_graph_at(g, 1)->attr.divisor, 2);
        assert_true(rt_graph_at(g, 2)->attr.transposed);
        again[i] = rt_graph_text(g, rt_graph_nodes(g));
        assert_non_null(again[i]);
        rt_graph_destroy(g);
    }
    assert_string_equal(again[0], again[1]);
    assert_string_equal(again[1], text[1]);
    free(again[0]);
    free(again[1]);
}

static void other_text_is_refused(void **state)
{
    static const char in[] = "input x shape=9,4\n";
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"vgg a", "there is no op \"vgg\""},
        {"relu", "no op"},
        {"relu a", "takes 1 inputs, got 0"},
        {"relu a in=", "\"in\""},
        {"relu a in=1", "input 0 is node 1 of 1"},
        {"relu a in=-1", "line 2"},
        {"relu a in=0,0", "takes 1 inputs, got 2"},
        {"relu a in=0,", "line 2"},
        {"relu a in=0,0,0,0,0,0,0,0,0", "line 2"},
        {"relu x in=0", "two nodes named \"x\""},
        {"relu a in=0 colour=3", "\"colour\""},
        {"relu a in=0 units", "\"units\" is unknown"},
        {"conv1d a in=0 units=99999999999999999999", "line 2"},
        {"conv1d a in=0 units=2 kernel=3", "\"kernel\""},
        {"conv1d a in=0 units=2 kernel=3,1,1", "\"kernel\""},
        {"conv1d a in=0 units=2 kernel=5000,1", "\"kernel\""},
        {"conv1d a in=0 units=2 kernel=99,1", "places"},
        {"conv1d a in=0 units=2 bias=2", "\"bias\""},
        {"conv1d a in=0 units=1000000", "line 2"}, /* 4 million weights, 1000 are there */
        {"unary a in=0 function=sine", "\"function\""},
        {"unary a in=0 function=clip number=0,x", "\"number\""},
        {"unary a in=0 function=clip number=nan,0", "\"number\""},
        {"reshape a in=0 shape=6,7", "[6,7]"},
        {"reshape a in=0 shape=-6,-6", "line 2"},
        {"reshape a in=0 shape=1,1,1,36,1", "\"shape\""},
        {"parameter a in=0 shape=30000,30000", "shape of its own"},
        {"parameter a in=0 shape=3000,3000", "line 2"},
        {"take a in=0 count=200000000 axis=1", "line 2"},
        {"input y", "line 2"},
        {"bag y buckets=-3", "line 2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        struct rt_graph *g;
        struct rt_error e = {0};
        snprintf(text, sizeof text, "%s%s\n", in, wrong[i].text);
        assert_int_equal(rt_graph_create(&g), 0);
        rt_graph_limit(g, 1000);
        assert_true(rt_graph_parse(g, text, &e) < 0);
        if (!strstr(e.text, wrong[i].words) || !strstr(e.text, "line 2"))
            fail_msg("case %d says: %s", (int)i, e.text);
        rt_graph_destroy(g);
    }
    char *endless = malloc(5000);
    struct rt_graph *g;
    struct rt_error e = {0};
    memset(endless, 'a', 4999);
    endless[4999] = '\0';
    assert_int_equal(rt_graph_create(&g), 0);
    assert_int_equal(rt_graph_parse(g, endless, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "line 1"));
    free(endless);
    rt_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_read_back),
        cmocka_unit_test(attributes_are_read_back),
        cmocka_unit_test(names_of_before_are_read),
        cmocka_unit_test(other_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
