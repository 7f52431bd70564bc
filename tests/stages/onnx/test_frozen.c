/* SPDX-License-Identifier: MIT
 * test_frozen: what the executor refuses and how it says so, what it computes beforehand, how values
 * share memory, and memory that runs out. */
#include "stages/onnx/frozen/frozen.h"
#include "stages/onnx/kernels/kernel.h"
#include "tests/support/allocation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const int64_t two_three[] = {2, 3};

/* A graph with input x [2,3] and output y, to which a test adds its nodes. */
static struct rt_onnx *graph(int opset)
{
    struct rt_onnx *o;
    assert_int_equal(rt_onnx_create(&o, opset), 0);
    rt_onnx_add_input(o, "x", RT_F32, 2, two_three, NULL);
    rt_onnx_add_output(o, "y", RT_F32, -1, NULL, NULL);
    return o;
}

static struct rt_onnx_node *node(struct rt_onnx *o, const char *op, const char *a, const char *b,
                                 const char *out)
{
    const char *const in[] = {a, b, NULL}, *const to[] = {out, NULL};
    return rt_onnx_add_node(o, op, "here", in, to);
}

static void constant(struct rt_onnx *o, const char *name, const int64_t *value, int64_t n)
{
    int64_t copy[8];
    memcpy(copy, value, (size_t)n * sizeof *copy);
    struct rt_tensor t = rt_tensor_view(RT_I64, 1, &n, copy);
    rt_onnx_add_initializer(o, name, &t);
}

static void refused(struct rt_onnx *o, int code, const char *words)
{
    struct rt_frozen *f;
    struct rt_error e = {0};
    assert_int_equal(rt_onnx_check(o, "net.onnx", &e), 0);
    assert_int_equal(rt_frozen_create(&f, o, "net.onnx", NULL, &e), code);
    assert_null(f);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
    assert_non_null(strstr(e.text, "net.onnx: "));
    rt_onnx_destroy(o);
}

static void operators(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    node(o, "Frobnicate", "x", NULL, "y");
    refused(o, RT_EMISMATCH, "node \"here\" (Frobnicate, opset 13): unknown operator");
    o = graph(13);
    node(o, "HardSwish", "x", NULL, "y");
    refused(o, RT_EMISMATCH, "(HardSwish, opset 13): this operator is read in opset 14 to 21");
    o = graph(13);
    node(o, "Add", "x", NULL, "y");
    refused(o, RT_EFORMAT, "1 inputs and 1 outputs");
    o = graph(13);
    node(o, "Add", "x", "", "y");
    refused(o, RT_EFORMAT, "input 1 is left out");
}

/* What is known and not read says what to do; nothing is in both tables. */
static void operators_that_are_not_read(void **state)
{
    (void)state;
    static const char *const type[] = {
#define RT_ONNX_UNREAD(type, why) #type,
#include "stages/onnx/kernels/onnx_unread.def"
#undef RT_ONNX_UNREAD
    };
    for (size_t i = 0; i < sizeof type / sizeof *type; i++)
        if (rt_kernel_known(type[i], NULL, NULL))
            fail_msg("%s is read, so it has no row in onnx_unread.def", type[i]);
    struct rt_onnx *o = graph(16);
    node(o, "GridSample", "x", NULL, "y");
    refused(o, RT_EMISMATCH, "(GridSample, opset 16): sampling grids are not read; export");
    o = graph(21);
    node(o, "RandomNormalLike", "x", NULL, "y");
    refused(o, RT_EMISMATCH, "export the network for inference (model.eval())");
}

static void attributes(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    rt_onnx_attr_int(o, node(o, "Softmax", "x", NULL, "y"), "axes", 1);
    refused(o, RT_EFORMAT, "unknown attribute 'axes'");
    o = graph(13);
    rt_onnx_attr_float(o, node(o, "Softmax", "x", NULL, "y"), "axis", 1);
    refused(o, RT_EFORMAT, "attribute 'axis' has the wrong type");
    o = graph(13);
    rt_onnx_attr_int(o, node(o, "Softmax", "x", NULL, "y"), "axis", 2);
    refused(o, RT_ERANGE, "axis 2 of 2");
    o = graph(13);
    rt_onnx_attr_ints(o, node(o, "Squeeze", "x", NULL, "y"), "axes", (const int64_t[]){0}, 1);
    refused(o, RT_EFORMAT, "unknown attribute 'axes'"); /* an input since 13 */
}

static void shapes(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    constant(o, "shape", (const int64_t[]){4, -1}, 2);
    node(o, "Reshape", "x", "shape", "y");
    refused(o, RT_EMISMATCH, "6 numbers do not fit the shape [4,-1]");
    o = graph(13);
    constant(o, "shape", (const int64_t[]){INT64_MAX, INT64_MAX}, 2);
    node(o, "Expand", "x", "shape", "y");
    refused(o, RT_EMISMATCH, "cannot become");
    o = graph(13);
    constant(o, "shape", (const int64_t[]){INT64_MAX, 1, 1}, 3);
    node(o, "Expand", "x", "shape", "y");
    refused(o, RT_ELARGE, "too large");
    o = graph(13);
    node(o, "MatMul", "x", "x", "y");
    refused(o, RT_EMISMATCH, "3 columns times 2 rows");
    o = graph(13);
    node(o, "Conv", "x", "x", "y");
    refused(o, RT_EMISMATCH, "input of rank 2, weights of rank 2");
    o = graph(13);
    constant(o, "pads", (const int64_t[]){0, -4, 0, 0}, 4);
    node(o, "Pad", "x", "pads", "y");
    refused(o, RT_ERANGE, "axis 1: 3 entries padded by -4 and 0");
}

static void types(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    constant(o, "whole", (const int64_t[]){1}, 1);
    node(o, "Add", "x", "whole", "y");
    refused(o, RT_EMISMATCH, "inputs 0 and 1 have different types");
    o = graph(13);
    node(o, "Gather", "x", "x", "y");
    refused(o, RT_EMISMATCH, "input 1 has type F32");
}

static void shape_from_data(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    rt_onnx_attr_int(o, node(o, "Cast", "x", NULL, "whole"), "to", 7);
    node(o, "Reshape", "x", "whole", "y");
    refused(o, RT_EUSAGE, "input 1 ('whole') decides the output's shape, but depends on the data");
}

static void wanted_names(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    const char *const want[] = {"hidden"}, *const wrong[] = {"nowhere"};
    struct rt_frozen_options a = {.output = want, .outputs = 1}, b = {.output = wrong, .outputs = 1};
    struct rt_frozen *f;
    struct rt_error e;
    const struct rt_tensor *shape;
    node(o, "Relu", "x", NULL, "hidden");
    node(o, "Frobnicate", "hidden", NULL, "y"); /* not needed, so not looked at */
    assert_int_equal(rt_onnx_check(o, "net", &e), 0);
    assert_int_equal(rt_frozen_create(&f, o, "net", &b, &e), RT_EMISSING);
    assert_non_null(strstr(e.text, "no value named 'nowhere'"));
    assert_int_equal(rt_frozen_create(&f, o, "net", &a, &e), 0);
    assert_int_equal(rt_frozen_outputs(f), 1);
    assert_string_equal(rt_frozen_output(f, 0, &shape), "hidden");
    assert_int_equal(shape->rank, 2);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

static void input_shapes(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    struct rt_frozen *f;
    struct rt_error e;
    struct rt_tensor in = rt_tensor_view(RT_F32, 2, (const int64_t[]){2, 4}, NULL);
    struct rt_frozen_options options = {.input = &in};
    node(o, "Relu", "x", NULL, "y");
    assert_int_equal(rt_onnx_check(o, "net", &e), 0);
    assert_int_equal(rt_frozen_create(&f, o, "net", &options, &e), RT_EMISMATCH);
    assert_non_null(strstr(e.text, "input 'x': dimension 1 is 3 in the file, 4 here"));
    in = rt_tensor_view(RT_I64, 2, two_three, NULL);
    assert_int_equal(rt_frozen_create(&f, o, "net", &options, &e), RT_EMISMATCH);
    rt_onnx_destroy(o);
}

/* y = relu(relu(... reshape(x) ...)) + folded constant */
static struct rt_onnx *chain(void)
{
    struct rt_onnx *o = graph(13);
    constant(o, "flat", (const int64_t[]){-1}, 1);
    constant(o, "one", (const int64_t[]){1}, 1);
    node(o, "Shape", "x", NULL, "dims");
    node(o, "Mul", "dims", "one", "same");
    node(o, "Reshape", "x", "flat", "line");
    node(o, "Neg", "line", NULL, "a");
    node(o, "Neg", "a", NULL, "b");
    node(o, "Neg", "b", NULL, "c");
    node(o, "Reshape", "c", "same", "y");
    return o;
}

static void folding_and_memory(void **state)
{
    (void)state;
    struct rt_onnx *o = chain();
    struct rt_frozen *f;
    struct rt_frozen_exec *x;
    struct rt_error e;
    const float in[] = {1, -2, 3, -4, 5, NAN};
    const void *input = in;
    assert_int_equal(rt_onnx_check(o, "net", &e), 0);
    assert_int_equal(rt_frozen_create(&f, o, "net", NULL, &e), 0);
    assert_int_equal(rt_frozen_steps(f), 3);       /* shapes are known, reshapes share */
    assert_int_equal(rt_frozen_bytes(f), 3 * 64);  /* two values live at a time, and scratch */
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    for (int run = 0; run < 2; run++) {
        assert_int_equal(rt_frozen_run(x, &input, &e), 0);
        const struct rt_tensor *y = rt_frozen_result(x, 0);
        assert_int_equal(y->rank, 2);
        for (int i = 0; i < 5; i++)
            assert_true(((const float *)y->data)[i] == -in[i]);
        assert_true(isnan(((const float *)y->data)[5]));
    }
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

/* More values that live at once than gaps are looked for between: each of n outputs is the one before it plus x. */
static void many_values_live(void **state)
{
    (void)state;
    enum { OUTPUTS = 600 };
    struct rt_onnx *o;
    struct rt_frozen *f;
    struct rt_frozen_exec *x;
    struct rt_error e;
    char before[24] = "x", minus[24], sum[24];
    const float in[] = {1, 2, 3, 4, 5, 6};
    const void *input = in;
    assert_int_equal(rt_onnx_create(&o, 13), 0);
    rt_onnx_add_input(o, "x", RT_F32, 2, two_three, NULL);
    for (int i = 0; i < OUTPUTS; i++) {
        snprintf(minus, sizeof minus, "minus%d", i);
        snprintf(sum, sizeof sum, "sum%d", i);
        node(o, "Neg", before, NULL, minus);
        node(o, "Sub", "x", minus, sum);
        rt_onnx_add_output(o, sum, RT_F32, -1, NULL, NULL);
        memcpy(before, sum, sizeof before);
    }
    assert_int_equal(rt_onnx_check(o, "net", &e), 0);
    assert_int_equal(rt_frozen_create(&f, o, "net", NULL, &e), 0);
    assert_in_range(rt_frozen_bytes(f), 64 * (OUTPUTS + 2), 64 * (OUTPUTS + 20)); /* gaps are used all the same */
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    assert_int_equal(rt_frozen_run(x, &input, &e), 0);
    for (int i = 0; i < OUTPUTS; i++)
        for (int k = 0; k < 6; k++)
            assert_true(((const float *)rt_frozen_result(x, i)->data)[k] == (float)(i + 2) * in[k]);
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

/* A factor behind it goes into weights of which there are none: there is nothing to divide them by. */
static void layer_without_units(void **state)
{
    (void)state;
    static float none[1];
    const int64_t weights[] = {3, 0}, factors[] = {0};
    struct rt_tensor weight = rt_tensor_view(RT_F32, 2, weights, none);
    struct rt_tensor factor = rt_tensor_view(RT_F32, 1, factors, none);
    struct rt_frozen *f;
    struct rt_frozen_exec *x;
    struct rt_error e;
    const float in[6] = {1, 2, 3, 4, 5, 6};
    const void *input = in;
    struct rt_onnx *o = graph(13);
    rt_onnx_add_initializer(o, "w", &weight);
    rt_onnx_add_initializer(o, "by", &factor);
    node(o, "MatMul", "x", "w", "sums");
    node(o, "Mul", "sums", "by", "y");
    assert_int_equal(rt_onnx_check(o, "net", &e), 0);
    assert_int_equal(rt_frozen_create(&f, o, "net", NULL, &e), 0);
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    assert_int_equal(rt_frozen_run(x, &input, &e), 0);
    assert_int_equal(rt_frozen_result(x, 0)->rank, 2);
    assert_int_equal(rt_tensor_count(rt_frozen_result(x, 0)), 0);
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

static void index_out_of_range(void **state)
{
    (void)state;
    struct rt_onnx *o = graph(13);
    struct rt_frozen *f;
    struct rt_frozen_exec *x;
    struct rt_error e;
    const float bad[6] = {0, 1, 2, 0, 0, -1}, good[6] = {0, 1, -2, 0, 0, -1};
    const void *input = bad;
    rt_onnx_attr_int(o, node(o, "Cast", "x", NULL, "index"), "to", 7);
    node(o, "Gather", "x", "index", "y");
    assert_int_equal(rt_onnx_check(o, "net", &e), 0);
    assert_int_equal(rt_frozen_create(&f, o, "net", NULL, &e), 0);
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    assert_int_equal(rt_frozen_run(x, &input, &e), RT_ERANGE);
    assert_non_null(strstr(e.text, "(Gather, opset 13): index 2 into 2 entries"));
    input = good;
    assert_int_equal(rt_frozen_run(x, &input, &e), 0);
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

static int make_and_run(void *self, struct rt_error *e)
{
    const float in[18] = {3, -4, 5, 1};
    const void *input = in;
    struct rt_frozen *f;
    struct rt_frozen_exec *x = NULL;
    int rc = rt_frozen_create(&f, self, "net", NULL, e);
    if (rc == 0 && (rc = rt_frozen_exec_create(&x, f)) < 0)
        rt_error_set(e, rc, "no memory to run it");
    if (rc == 0)
        rc = rt_frozen_run(x, &input, e);
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    return rc;
}

static void memory_runs_out(void **state)
{
    (void)state;
    struct rt_onnx *o = chain();
    struct rt_error e;
    assert_int_equal(rt_onnx_check(o, "net", &e), 0);
    assert_true(exhaust(make_and_run, o, (struct mercy){0}) > 10);
    rt_onnx_destroy(o);
}

/* Branches and loops that the data choose: graphs in graphs, made and run. */
static void memory_runs_out_inside(void **state)
{
    (void)state;
    struct rt_onnx *o;
    struct rt_error e;
    assert_int_equal(rt_onnx_read(&o, "tests/golden/arch_branches.onnx", &e), 0);
    assert_true(exhaust(make_and_run, o, (struct mercy){0}) > 50);
    rt_onnx_destroy(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators),
        cmocka_unit_test(operators_that_are_not_read),       cmocka_unit_test(attributes),
        cmocka_unit_test(shapes),          cmocka_unit_test(types),
        cmocka_unit_test(shape_from_data), cmocka_unit_test(wanted_names),
        cmocka_unit_test(input_shapes),    cmocka_unit_test(folding_and_memory),
        cmocka_unit_test(many_values_live),
        cmocka_unit_test(layer_without_units), cmocka_unit_test(index_out_of_range), cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(memory_runs_out_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
