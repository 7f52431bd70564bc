/* SPDX-License-Identifier: MIT
 * test_onnx_map: every op that networks from other programs are made of leaves as ONNX nodes that, run by
 * our own executor of ONNX graphs, give what the training engine gives; for a batch, in whatever
 * layout the value before it has. Whole models: test_model_onnx.c. */
#include "stages/nn/exec.h"
#include "stages/nn/functions.h"
#include "stages/onnx/map/onnx_map.h"
#include "stages/onnx/frozen/frozen.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BATCH 3

struct leaving {
    enum rt_op_id op;
    struct rt_shape in;
    struct rt_attr attr;
    struct rt_shape second; /* of a parameter that is input 2; rank 0: there is none */
};

static const struct leaving cases[] = {
    {RT_OP_unary, {3, {3, 2, 4}}, {.number = {0.5f, 1.5f}}, {0}},
    {RT_OP_unary, {2, {5, 4}}, {.function = RT_UNARY_clip, .number = {-0.4f, INFINITY}}, {0}},
    {RT_OP_unary, {2, {5, 4}}, {.function = RT_UNARY_clip, .number = {-INFINITY, 0.3f}}, {0}},
    {RT_OP_binary, {3, {3, 2, 4}}, {0}, {3, {1, 1, 4}}},
    {RT_OP_binary, {2, {3, 4}}, {0}, {2, {3, 4}}},
    {RT_OP_binary, {4, {2, 1, 3, 2}}, {0}, {4, {2, 2, 3, 1}}},
    {RT_OP_reshape, {3, {3, 2, 4}}, {.shape = {4, {2, 3, 2, 2}}}, {0}},
    {RT_OP_reshape, {3, {3, 2, 4}}, {0}, {0}},
    {RT_OP_transpose, {3, {3, 2, 4}}, {.order = {2, 0, 1}}, {0}},
    {RT_OP_transpose, {4, {3, 2, 4, 5}}, {.order = {2, 0, 3, 1}}, {0}},
    {RT_OP_slice, {2, {6, 3}}, {.begin = 1, .step = 2, .count = 3}, {0}},
    {RT_OP_slice, {3, {2, 5, 3}}, {.axis = 1, .begin = -2, .count = 9, .number = {0.5f}}, {0}},
    {RT_OP_slice, {3, {2, 5, 3}}, {.axis = 2, .begin = 1, .count = 4}, {0}},
    {RT_OP_slice, {2, {4, 3}}, {.begin = 3, .step = -1, .count = 4}, {0}},
    {RT_OP_slice, {2, {4, 3}}, {.begin = 5, .step = -2, .count = 4, .number = {-1}}, {0}},
    {RT_OP_slice, {2, {3, 4}}, {.function = RT_SLICE_edge, .axis = 1, .divisor = 2, .count = 8}, {0}},
    {RT_OP_slice, {2, {3, 4}}, {.function = RT_SLICE_reflect, .begin = -2, .count = 7}, {0}},
    {RT_OP_slice,
     {2, {1, 4}},
     {.function = RT_SLICE_wrap, .begin = -9, .count = 3, .step = 5},
     {0}},
    {RT_OP_concat, {3, {2, 3, 2}}, {.axis = 1}, {3, {2, 4, 2}}},
    {RT_OP_concat, {2, {3, 2}}, {.axis = 1}, {2, {3, 1}}},
    {RT_OP_reduce, {3, {3, 4, 2}}, {.axes = 2}, {0}},
    {RT_OP_reduce, {3, {3, 2, 4}}, {.axis = 1}, {0}},
    {RT_OP_reduce, {2, {2, 5}}, {.axes = 2}, {0}},
    {RT_OP_softmax, {2, {3, 5}}, {.axis = 1}, {0}},
    {RT_OP_softmax, {3, {4, 2, 3}}, {.axes = 2}, {0}},
    {RT_OP_normalise, {2, {3, 6}}, {.axis = 1}, {0}},
    {RT_OP_normalise, {3, {3, 4, 2}}, {.axes = 2, .epsilon = 0.01f}, {0}},
    {RT_OP_matmul, {2, {3, 4}}, {0}, {2, {4, 5}}},
    {RT_OP_matmul, {3, {2, 3, 4}}, {.transposed = true}, {3, {2, 5, 4}}},
    {RT_OP_conv1d,
     {2, {9, 4}},
     {.units = 8, .kernel = {3}, .pad = {1}, .groups = 4, .bias = true},
     {0}},
    {RT_OP_conv2d,
     {3, {7, 5, 6}},
     {.units = 6, .kernel = {3, 3}, .stride = {2, 1}, .groups = 6},
     {0}},
};

static int must(int node, const struct rt_error *e)
{
    if (node < 0)
        fail_msg("%s", e->text);
    return node;
}

static void randomise(struct rt_graph *g)
{
    for (int i = 0; i < rt_graph_params(g); i++) {
        struct rt_param *p = rt_graph_param(g, i);
        struct rt_rng r = rt_rng_init(5, 0, (uint64_t)i, RT_RNG_TEST);
        for (int64_t k = 0; k < p->count; k++)
            p->value[k] = (float)rt_rng_range(&r, 0.3, 1.5); /* also what divides */
    }
}

/* input, (a convolution that leaves the value channels first), the op, flatten. */
static int build(struct rt_graph *g, const struct leaving *c, bool first)
{
    struct rt_error e = {0};
    int x = rt_graph_input(g, "input", c->in), pair[2] = {x};
    if (first) {
        struct rt_attr same = {.units = c->in.dim[c->in.rank - 1], .bias = true};
        pair[0] = must(rt_graph_node(g, c->in.rank == 2 ? RT_OP_conv1d : RT_OP_conv2d, "before", &x, 1,
                                     &same, &e), &e);
    }
    struct rt_attr weight = {.shape = c->second};
    if (c->second.rank)
        pair[1] = must(rt_graph_node(g, RT_OP_parameter, "second", &x, 1, &weight, &e), &e);
    int y = must(rt_graph_node(g, c->op, "op", pair, c->second.rank ? 2 : 1, &c->attr, &e), &e);
    return must(rt_graph_node(g, RT_OP_reshape, "out", &y, 1, NULL, &e), &e);
}

static void compare(struct rt_graph *g, int node, struct rt_onnx *o, const struct leaving *c)
{
    struct rt_error e = {0};
    struct rt_exec *x;
    struct rt_frozen *f;
    struct rt_frozen_exec *fx;
    struct rt_tensor shape = {.dtype = RT_F32, .rank = c->in.rank + 1, .dim = {BATCH}};
    int n = BATCH, size = BATCH * rt_graph_at(g, node)->shape.dim[0];
    for (int i = 0; i < c->in.rank; n *= c->in.dim[i++])
        shape.dim[i + 1] = c->in.dim[i];
    float *input = calloc((size_t)n, sizeof *input);
    struct rt_rng r = rt_rng_init(6, 0, 0, RT_RNG_TEST);
    bool positive = c->op == RT_OP_unary && rt_unary_onnx[c->attr.function].type == NULL;
    positive = positive || (c->op == RT_OP_unary && (c->attr.function == RT_UNARY_log ||
                                                     c->attr.function == RT_UNARY_sqrt));
    for (int i = 0; i < n; i++)
        input[i] = (float)rt_rng_range(&r, positive ? 0.1 : -2, 2);
    assert_int_equal(rt_exec_create(&x, g, BATCH, false, NULL), 0);
    rt_exec_forward(x, BATCH, input, NULL, false, 0, 0);
    struct rt_frozen_options options = {.input = &shape};
    if (rt_onnx_check(o, "made", &e) < 0 || rt_frozen_create(&f, o, "made", &options, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(rt_frozen_exec_create(&fx, f), 0);
    if (rt_frozen_run(fx, (const void *const[]){input}, &e) < 0)
        fail_msg("%s", e.text);
    const float *want = rt_exec_output(x, node), *got = rt_frozen_result(fx, 0)->data;
    assert_int_equal(rt_tensor_count(rt_frozen_result(fx, 0)), size);
    for (int i = 0; i < size; i++)
        if (!(fabsf(want[i] - got[i]) <= 1e-5f * (1 + fabsf(want[i]))))
            fail_msg("%s, function %d, [%d,..], element %d: %g as ONNX, %g here",
                     rt_op_get(c->op)->name, c->attr.function, c->in.dim[0], i, (double)got[i],
                     (double)want[i]);
    rt_frozen_exec_destroy(fx);
    rt_frozen_destroy(f);
    rt_exec_destroy(x);
    free(input);
}

static void check(const struct leaving *c, bool first)
{
    struct rt_graph *g;
    struct rt_onnx *o;
    struct rt_onnx_map *m;
    struct rt_error e = {0};
    assert_int_equal(rt_graph_create(&g), 0);
    int node = build(g, c, first);
    randomise(g);
    assert_int_equal(rt_onnx_create(&o, RT_ONNX_MAP_OPSET), 0);
    assert_int_equal(rt_onnx_map_create(&m, g, o, RT_ONNX_WEIGHTS_FLOAT), 0);
    struct rt_onnx_term term = {node, 1};
    if (rt_onnx_map_output(m, "out", &term, 1, &e) < 0)
        fail_msg("%s", e.text);
    rt_onnx_map_destroy(m);
    assert_int_equal(o->err, 0);
    compare(g, node, o, c);
    rt_onnx_destroy(o);
    rt_graph_destroy(g);
}

/* Takes name their function; all others are tried with each. */
static void ops_leave_as_onnx(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct rt_op *op = rt_op_get(cases[i].op);
        struct leaving c = cases[i];
        bool each = c.attr.function == 0 && c.op != RT_OP_slice;
        do {
            check(&c, false);
            if (c.in.rank == 2 || c.in.rank == 3)
                check(&c, true);
        } while (each && op->functions && op->functions[++c.attr.function]);
    }
}

static void what_onnx_lacks_is_refused(void **state)
{
    (void)state;
    struct leaving c = {RT_OP_slice, {2, {4, 3}}, {.begin = -1, .divisor = 2, .count = 9}, {0}};
    struct rt_graph *g;
    struct rt_onnx *o;
    struct rt_onnx_map *m;
    struct rt_error e = {0};
    assert_int_equal(rt_graph_create(&g), 0);
    struct rt_onnx_term term = {build(g, &c, false), 1};
    assert_int_equal(rt_onnx_create(&o, RT_ONNX_MAP_OPSET), 0);
    assert_int_equal(rt_onnx_map_create(&m, g, o, RT_ONNX_WEIGHTS_FLOAT), 0);
    assert_int_equal(rt_onnx_map_output(m, "out", &term, 1, &e), RT_EMISMATCH);
    assert_non_null(strstr(e.text, "\"op\""));
    rt_onnx_map_destroy(m);
    rt_onnx_destroy(o);
    rt_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_leave_as_onnx),
        cmocka_unit_test(what_onnx_lacks_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
