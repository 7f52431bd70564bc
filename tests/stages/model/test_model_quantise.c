/* SPDX-License-Identifier: MIT
 * Tests of quantise.h, model_quantise.h and narrow weights of onnx_map.h: what is rounded, and by how much; every model
 * leaves in half precision and in 8 bits, and comes back with the outputs that its file's graph gives. */
#include "stages/model/model_onnx.h"
#include "stages/model/model_quantise.h"
#include "stages/model/net.h"
#include "stages/nn/exec.h"
#include "stages/nn/functions.h"
#include "tests/stages/export_models.h"
#include "tests/stages/export_quantise.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/retort-quantise-XXXXXX.onnx";

/* ---- numbers by hand ---- */

static void values_are_rounded_to_steps(void **state)
{
    (void)state;
    /* steps of 0.5, zero at 3: from -1.5 to 126; ties go to the even step */
    static const float x[] = {-10, -1.4f, 0, 0.25f, 0.75f, 1.1f, 125.9f, 200, NAN};
    static const float want[] = {-1.5f, -1.5f, 0, 0, 1, 1, 126, 126, NAN};
    struct rt_graph *g;
    struct rt_exec *exec;
    struct rt_error e = {0};
    assert_int_equal(rt_graph_create(&g), 0);
    int in = rt_graph_input(g, "x", (struct rt_shape){1, {9}});
    const struct rt_attr attr = {.function = RT_UNARY_quantise, .number = {0.5f, 3}};
    int node = rt_graph_node(g, RT_OP_unary, "narrow", &in, 1, &attr, &e);
    assert_true(node > 0);
    assert_true(rt_quantise_scale(rt_graph_at(g, node)) == 0.5f);
    assert_true(rt_quantise_scale(rt_graph_at(g, in)) == 0);
    assert_true(rt_quantise_is_done(g));
    assert_int_equal(rt_exec_create(&exec, g, 1, false, NULL), 0);
    rt_exec_forward(exec, 1, x, NULL, false, 0, 0);
    const float *y = rt_exec_output(exec, node);
    for (int i = 0; i < 9; i++)
        if (!(y[i] == want[i] || (isnan(y[i]) && isnan(want[i]))))
            fail_msg("%g is rounded to %g, not %g", (double)x[i], (double)y[i], (double)want[i]);
    rt_exec_destroy(exec);
    rt_graph_destroy(g);
}

static void rows_are_symmetric(void **state)
{
    (void)state;
    static const float w[] = {1, -0.5f, 0.25f, 0.01f}, none[] = {0, 0};
    int32_t q[4];
    assert_true(rt_quantise_row(q, w, 4, 0, 0) == 1.0f / RT_QUANTISE_MOST);
    assert_int_equal(q[0], 64);
    assert_int_equal(q[1], -32);
    assert_int_equal(q[2], 16);
    assert_int_equal(q[3], 1); /* 0.64 */
    /* a unit without weights still has a bias, which needs a step of its own */
    float scale = rt_quantise_row(q, none, 2, 3, 0.5f);
    assert_int_equal(q[0], 0);
    assert_true(3 / (0.5 * scale) <= 1 << 30 && 3 / (0.5 * scale) > 1 << 29);
    assert_true(rt_quantise_row(q, none, 2, 0, 0.5f) == 1);
}

/* ---- whole models ---- */

static struct rt_onnx *through_file(struct rt_model *m, enum rt_onnx_weights weights, long *bytes)
{
    struct rt_onnx *o, *back;
    struct rt_error e = {0};
    if (rt_model_to_onnx(&o, m, weights, &e) || rt_onnx_write(o, path, &e))
        fail_msg("%s", e.text);
    rt_onnx_destroy(o);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *bytes = ftell(f);
    fclose(f);
    if (rt_onnx_read(&back, path, &e))
        fail_msg("%s", e.text);
    return back;
}

/* The first place of a network that is no bag's is its input, whose extremes anybody can find. */
static void assert_input_range(const struct rt_golden *g, struct rt_range r)
{
    float least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < rt_tensor_count(&g->input); i++) {
        least = fminf(least, ((const float *)g->input.data)[i]);
        most = fmaxf(most, ((const float *)g->input.data)[i]);
    }
    assert_true(r.least == least);
    assert_true(r.most == most);
}

/* Graph and model of a file against the golden outputs in it. */
static void assert_agrees(const char *name, const struct rt_onnx *o, double allowed)
{
    struct rt_model back;
    struct rt_golden g;
    struct rt_error e = {0};
    double model = 1, graph = 1;
    if (rt_golden_read(&g, o, path, &e) || rt_model_from_onnx(&back, o, path, &e) ||
        rt_golden_compare(&g, &back, &model, &e) || rt_golden_compare_graph(&g, o, path, &graph, &e))
        fail_msg("%s: %s", name, e.text);
    if (!(model <= 1e-6) || !(graph <= allowed))
        fail_msg("%s: off by %g (model), %g (graph)", name, model, graph);
    rt_golden_fini(&g);
    rt_model_fini(&back);
}

/* As many samples' outputs as a file has, in words of angle: 1 = the same. */
static double golden_cosine(const struct rt_onnx *a, const struct rt_onnx *b)
{
    struct rt_golden x, y;
    struct rt_error e = {0};
    double ab = 0, aa = 0, bb = 0;
    if (rt_golden_read(&x, a, path, &e) || rt_golden_read(&y, b, path, &e))
        fail_msg("%s", e.text);
    const float *u = x.embedding.data, *v = y.embedding.data;
    for (int64_t i = 0; i < rt_tensor_count(&x.embedding); i++) {
        ab += (double)u[i] * v[i];
        aa += (double)u[i] * u[i];
        bb += (double)v[i] * v[i];
    }
    rt_golden_fini(&x);
    rt_golden_fini(&y);
    return ab / sqrt(aa * bb);
}

/* Every weight of 8 bits stays where integer kernels cannot overflow, and is written as a byte. */
static int count_bytes(const struct rt_onnx *o)
{
    int found = 0;
    for (int i = 0; i < o->initializers; i++) {
        const struct rt_onnx_initializer *w = &o->initializer[i];
        const char *slash = strrchr(w->name, '/');
        if (!slash || strcmp(slash, "/int8") != 0)
            continue;
        found++;
        assert_int_equal(w->tensor.dtype, RT_I32); /* as INT8 is read */
        for (int64_t k = 0; k < rt_tensor_count(&w->tensor); k++)
            assert_true(abs(((int32_t *)w->tensor.data)[k]) <= RT_QUANTISE_MOST);
    }
    return found;
}

static void every_model_leaves_narrow(void **state)
{
    (void)state;
    for (int i = 0; i < EXPORT_MODELS; i++) {
        const char *name = export_models[i].name;
        struct rt_model m, narrow;
        struct rt_golden g;
        struct rt_error e = {0};
        long whole_bytes, half_bytes, int8_bytes;
        int places = 0;
        export_make(&m, &export_models[i]);
        struct rt_onnx *whole = through_file(&m, RT_ONNX_WEIGHTS_FLOAT, &whole_bytes);
        struct rt_onnx *half = through_file(&m, RT_ONNX_WEIGHTS_HALF, &half_bytes);
        assert_agrees(name, half, 1e-4);
        assert_true(golden_cosine(whole, half) > 0.9999);
        assert_int_equal(rt_golden_read(&g, whole, path, &e), 0);
        struct rt_range *range = export_ranges(&m, &g, &places);
        assert_non_null(range);
        if (rt_graph_at(m.graph, 0)->op != RT_OP_bag)
            assert_input_range(&g, range[0]);
        if (rt_model_quantise(&narrow, &m, range, &e))
            fail_msg("%s: %s", name, e.text);
        assert_int_equal(narrow.answer, m.answer);
        struct rt_onnx *int8 = through_file(&narrow, RT_ONNX_WEIGHTS_INT8, &int8_bytes);
        /* Sums of floats in another order may put a value on the other side of a step, 1/256 of its range: a rare
         * event, of which ranges of one sample allow a few. */
        assert_agrees(name, int8, 0.02);
        double cosine = golden_cosine(whole, int8);
        if (cosine < 0.99)
            fail_msg("%s: 8 bits turn the embedding to a cosine of %g", name, cosine);
        assert_true(count_bytes(int8) >= 2);
        assert_true(int8_bytes < half_bytes && half_bytes < whole_bytes);
        struct rt_model again;
        assert_int_equal(rt_model_quantise(&again, &narrow, range, &e), RT_EUSAGE);
        assert_non_null(strstr(e.text, "in 8 bits already"));
        free(range);
        rt_golden_fini(&g);
        rt_onnx_destroy(whole);
        rt_onnx_destroy(half);
        rt_onnx_destroy(int8);
        rt_model_fini(&narrow);
        rt_model_fini(&m);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct rt_model m;
    struct rt_onnx *o;
    struct rt_error e = {0};
    export_make(&m, &export_models[0]);
    struct rt_param *w = rt_graph_param_named(m.graph, "2.conv.weight");
    w->value[3] = 70000;
    assert_int_equal(rt_model_to_onnx(&o, &m, RT_ONNX_WEIGHTS_HALF, &e), RT_ERANGE);
    assert_null(o);
    w->value[3] = NAN;
    assert_int_equal(rt_model_to_onnx(&o, &m, RT_ONNX_WEIGHTS_INT8, &e), RT_ENOTFINITE);
    assert_null(o);
    rt_model_fini(&m);
}

int main(void)
{
    int fd = mkstemps(path, 5);
    if (fd < 0)
        return 1;
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_rounded_to_steps),
        cmocka_unit_test(rows_are_symmetric),
        cmocka_unit_test(every_model_leaves_narrow),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
