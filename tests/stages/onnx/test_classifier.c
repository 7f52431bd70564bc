/* SPDX-License-Identifier: MIT
 * test_classifier: the linear layer at the end of a graph is found as exporters write it, its weights behind what
 * keeps their numbers; anything else is none, and what makes its weights is told. */
#include "stages/onnx/classifier.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define LIST(...) (const char *[]){__VA_ARGS__, NULL}

/* x [1, 4] -> y; "w" is [3, 4], "v" [4, 3], "b" [3]; *n = the last node, for its attributes. */
static struct rt_onnx *graph_begin(void)
{
    static float zeros[12];
    struct rt_onnx *o;
    assert_int_equal(rt_onnx_create(&o, 13), 0);
    rt_onnx_add_input(o, "x", RT_F32, 2, (int64_t[]){1, 4}, NULL);
    struct rt_tensor w = rt_tensor_view(RT_F32, 2, (int64_t[]){3, 4}, zeros);
    struct rt_tensor v = rt_tensor_view(RT_F32, 2, (int64_t[]){4, 3}, zeros);
    struct rt_tensor b = rt_tensor_view(RT_F32, 1, (int64_t[]){3}, zeros);
    rt_onnx_add_initializer(o, "w", &w);
    rt_onnx_add_initializer(o, "v", &v);
    rt_onnx_add_initializer(o, "b", &b);
    return o;
}

static void graph_end(struct rt_onnx *o)
{
    struct rt_error e;
    rt_onnx_add_output(o, "y", RT_F32, 2, (int64_t[]){1, 3}, NULL);
    if (rt_onnx_check(o, "graph", &e) < 0)
        fail_msg("%s", e.text);
}

static void graph_add_cast(struct rt_onnx *o, const char *from, const char *to)
{
    rt_onnx_attr_int(o, rt_onnx_add_node(o, "Cast", "", LIST(from), LIST(to)), "to", rt_onnx_type(RT_F32));
}

static void found(struct rt_onnx *o, int rows_are_classes, const char *embedding)
{
    struct rt_classifier c;
    graph_end(o);
    assert_true(rt_classifier_read(&c, o, "y"));
    assert_string_equal(c.embedding, embedding);
    assert_int_equal(c.rows_are_classes, rows_are_classes);
    assert_int_equal(c.weight->dim[!c.rows_are_classes], 3);
    assert_int_equal(c.weight->dim[c.rows_are_classes], 4);
    assert_null(c.computed);
    rt_onnx_destroy(o);
}

static void test_as_exported(void **state)
{
    (void)state;
    struct rt_onnx *o = graph_begin();
    rt_onnx_attr_int(o, rt_onnx_add_node(o, "Gemm", "", LIST("x", "w", "b"), LIST("y")), "transB", 1);
    found(o, 1, "x");
    o = graph_begin();
    rt_onnx_add_node(o, "MatMul", "", LIST("x", "v"), LIST("p"));
    rt_onnx_add_node(o, "Add", "", LIST("b", "p"), LIST("y"));
    found(o, 0, "x");
}

static void test_behind_casts(void **state)
{
    (void)state;
    struct rt_onnx *o = graph_begin();
    graph_add_cast(o, "w", "w32");
    graph_add_cast(o, "b", "b32");
    rt_onnx_attr_int(o, rt_onnx_add_node(o, "Gemm", "", LIST("x", "w32", "b32"), LIST("y")), "transB", 1);
    found(o, 1, "x");
    o = graph_begin();
    graph_add_cast(o, "w", "w32");
    rt_onnx_add_node(o, "Identity", "", LIST("w32"), LIST("w1"));
    rt_onnx_attr_ints(o, rt_onnx_add_node(o, "Transpose", "", LIST("w1"), LIST("wt")), "perm", (int64_t[]){1, 0}, 2);
    rt_onnx_add_node(o, "MatMul", "", LIST("x", "wt"), LIST("p"));
    graph_add_cast(o, "b", "b32");
    rt_onnx_add_node(o, "Add", "", LIST("p", "b32"), LIST("y"));
    found(o, 1, "x");
}

/* y is a softmax of z: over the classes z is what is meant, over the samples of a batch y is no probability. */
static void test_behind_softmax(void **state)
{
    static const struct { const char *op; int axis; const char *logits; } cases[] = {
        {"Softmax", -1, "z"}, {"LogSoftmax", 1, "z"}, {"Softmax", 0, "y"}, {"Sigmoid", -1, "y"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_onnx *o = graph_begin();
        struct rt_classifier c;
        rt_onnx_add_node(o, "MatMul", "", LIST("x", "v"), LIST("z"));
        struct rt_onnx_node *n = rt_onnx_add_node(o, cases[i].op, "", LIST("z"), LIST("y"));
        if (strcmp(cases[i].op, "Sigmoid") != 0)
            rt_onnx_attr_int(o, n, "axis", cases[i].axis);
        graph_end(o);
        const char *logits = rt_classifier_logits(o, "y");
        assert_string_equal(logits, cases[i].logits);
        assert_int_equal(rt_classifier_read(&c, o, logits), *cases[i].logits == 'z');
        rt_onnx_destroy(o);
    }
}

/* Fewer inputs than the operators need, of nodes beside others with an output that nobody wants. */
static void test_inputs_left_out(void **state)
{
    (void)state;
    static const char *const ops[] = {"Add", "MatMul", "Gemm", "Softmax", "Transpose"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        for (int inputs = 0; inputs < 2; inputs++) {
            struct rt_onnx *o = graph_begin();
            struct rt_classifier c;
            rt_onnx_add_node(o, "MatMul", "", LIST("x", "v"), LIST("z", ""));
            rt_onnx_add_node(o, ops[i], "", inputs ? LIST("v") : LIST(NULL), LIST("y"));
            graph_end(o);
            assert_false(rt_classifier_read(&c, o, rt_classifier_logits(o, "y")));
            rt_onnx_destroy(o);
        }
}

static void test_none(void **state)
{
    (void)state;
    struct rt_classifier c;
    struct rt_onnx *o = graph_begin();
    rt_onnx_add_node(o, "Neg", "", LIST("v"), LIST("negative"));
    rt_onnx_add_node(o, "MatMul", "", LIST("x", "negative"), LIST("y"));
    graph_end(o);
    assert_false(rt_classifier_read(&c, o, "y"));
    assert_string_equal(c.computed, "Neg");
    rt_onnx_destroy(o);
    o = graph_begin();
    rt_onnx_add_node(o, "Relu", "", LIST("x"), LIST("y"));
    graph_end(o);
    assert_false(rt_classifier_read(&c, o, "y"));
    assert_null(c.computed);
    rt_onnx_destroy(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_exported), cmocka_unit_test(test_behind_casts),
                                       cmocka_unit_test(test_behind_softmax),
                                       cmocka_unit_test(test_inputs_left_out),
                                       cmocka_unit_test(test_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
