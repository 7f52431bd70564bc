/* SPDX-License-Identifier: MIT
 * Tests of model_onnx.h and onnx_map.h: every preset and every kind of answer leaves as ONNX, is read
 * again, runs in our executor of ONNX graphs with the same outputs, and comes back as a model with
 * the same outputs. tests/bench/export_check does the same with ONNX Runtime. */
#include "stages/model/model_onnx.h"
#include "stages/model/net.h"
#include "stages/nn/exec.h"
#include "stages/onnx/map/onnx_map.h"
#include "stages/onnx/frozen/frozen.h"
#include "tests/stages/export_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define TOLERANCE 1e-4

static char path[] = "/tmp/retort-export-XXXXXX.onnx";

/* Writes and reads one model. */
static struct rt_onnx *through_file(struct rt_model *m)
{
    struct rt_onnx *o, *back;
    struct rt_error e = {0};
    if (rt_model_to_onnx(&o, m, RT_ONNX_WEIGHTS_FLOAT, &e) || rt_onnx_write(o, path, &e))
        fail_msg("%s", e.text);
    rt_onnx_destroy(o);
    if (rt_onnx_read(&back, path, &e))
        fail_msg("%s", e.text);
    return back;
}

static void assert_near(const char *model, const float *have, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)have[i] - want[i]) <= TOLERANCE * fmax(1, fabs((double)want[i]))))
            fail_msg("%s: number %lld is %g, not %g", model, (long long)i, (double)have[i],
                     (double)want[i]);
}

/* Runs the graph at this batch, every sample the golden one. */
static void run_graph(const char *model, const struct rt_onnx *o, const struct rt_golden *g, int batch)
{
    struct rt_frozen *f;
    struct rt_frozen_exec *x;
    struct rt_error e = {0};
    struct rt_tensor in;
    int64_t dim[RT_TENSOR_RANK];
    size_t bytes = rt_tensor_bytes(&g->input);
    memcpy(dim, g->input.dim, sizeof dim);
    dim[0] = batch;
    assert_int_equal(rt_tensor_init(&in, RT_F32, g->input.rank, dim), 0);
    for (int b = 0; b < batch; b++)
        memcpy((char *)in.data + (size_t)b * bytes, g->input.data, bytes);
    struct rt_tensor shape = in;
    shape.data = NULL;
    if (rt_frozen_create(&f, o, path, &(struct rt_frozen_options){.input = &shape}, &e))
        fail_msg("%s: %s", model, e.text);
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    assert_int_equal(rt_frozen_run(x, (const void *const[]){in.data}, &e), 0);
    const struct rt_tensor *embedding = rt_frozen_result(x, 0), *logits = rt_frozen_result(x, 1);
    for (int b = 0; b < batch; b++) {
        assert_near(model, (float *)embedding->data + b * g->embedding.dim[0], g->embedding.data,
                    g->embedding.dim[0]);
        assert_near(model, (float *)logits->data + b * g->logits.dim[0], g->logits.data,
                    g->logits.dim[0]);
    }
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    rt_tensor_fini(&in);
}

static void every_model_leaves_and_comes_back(void **state)
{
    (void)state;
    for (int i = 0; i < EXPORT_MODELS; i++) {
        const char *name = export_models[i].name;
        struct rt_model m, back;
        struct rt_golden g;
        struct rt_error e = {0};
        double worst = 1;
        export_make(&m, &export_models[i]);
        struct rt_onnx *o = through_file(&m);
        assert_int_equal(o->opset, RT_ONNX_MAP_OPSET);
        assert_int_equal(o->inputs, 1);
        assert_string_equal(o->input[0].symbol[0], "batch");
        assert_int_equal(o->outputs, 2);
        assert_string_equal(o->output[0].name, "embedding");
        assert_string_equal(o->output[1].name, "logits");
        assert_int_equal(o->output[1].dim[1], EXPORT_CLASSES);
        assert_string_equal(rt_onnx_text(o, "retort.classes"), "a\nb\ncaf\xc3\xa9\nd\ne\nf\ng");
        assert_string_equal(rt_onnx_text(o, "retort.version"), RT_VERSION);
        if (rt_golden_read(&g, o, path, &e))
            fail_msg("%s: %s", name, e.text);
        run_graph(name, o, &g, 1);
        run_graph(name, o, &g, 3);
        if (rt_model_from_onnx(&back, o, path, &e) || rt_golden_compare(&g, &back, &worst, &e))
            fail_msg("%s: %s", name, e.text);
        assert_true(worst <= 1e-6);
        assert_int_equal(rt_golden_compare_graph(&g, o, path, &worst, &e), 0);
        assert_true(worst <= TOLERANCE);
        assert_int_equal(back.answer, m.answer);
        if (m.front.idf)
            assert_memory_equal(back.front.idf, m.front.idf,
                                (size_t)m.recipe.text_buckets * sizeof(float));
        rt_golden_fini(&g);
        rt_onnx_destroy(o);
        rt_model_fini(&back);
        rt_model_fini(&m);
    }
}

/* Recordings of 0.3 to 60 s through our engine and through the file's graph. */
static void agree_at(const char *name, struct rt_net *n, const struct rt_onnx *o, const struct rt_model *m, int frames)
{
    struct rt_frozen *f;
    struct rt_frozen_exec *x;
    struct rt_net_outputs out;
    struct rt_error e = {0};
    struct rt_tensor in;
    int bands = m->front.speech.bands;
    assert_int_equal(rt_tensor_init(&in, RT_F32, 3, (int64_t[]){1, frames, bands}), 0);
    struct rt_rng r = rt_rng_init(2, 0, (uint64_t)frames, RT_RNG_TEST);
    for (int i = 0; i < frames * bands; i++)
        ((float *)in.data)[i] = (float)rt_rng_normal(&r);
    struct rt_tensor shape = in;
    shape.data = NULL;
    if (rt_frozen_create(&f, o, path, &(struct rt_frozen_options){.input = &shape}, &e))
        fail_msg("%s: %s", name, e.text);
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    assert_int_equal(rt_frozen_run(x, (const void *const[]){in.data}, &e), 0);
    assert_int_equal(rt_net_run_length(n, frames, in.data, &out, &e), 0);
    assert_near(name, out.embedding, rt_frozen_result(x, 0)->data, m->dim);
    assert_near(name, out.logits, rt_frozen_result(x, 1)->data, m->classes);
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    rt_tensor_fini(&in);
}

static void recordings_of_any_length_agree(void **state)
{
    (void)state;
    static const int length[] = {28, 144, 333, 5998};
    int open = 0;
    for (int i = 0; i < EXPORT_MODELS; i++) {
        struct rt_model m;
        struct rt_net *n;
        struct rt_error e = {0};
        export_make(&m, &export_models[i]);
        struct rt_onnx *o = through_file(&m);
        bool any = rt_net_lengths(&m, NULL, &e) == 0;
        assert_int_equal(any, strstr("resnet-speech tdnn aam", export_models[i].name) != NULL);
        assert_int_equal(o->input[0].dim[1] < 0, any);
        assert_int_equal(rt_onnx_time(o), any ? m.front.speech.frames : -1);
        assert_int_equal(rt_net_create(&n, &m, 1), 0);
        for (int k = 0; any && k < 4; k++)
            agree_at(export_models[i].name, n, o, &m, length[k]);
        if (any)
            assert_string_equal(o->input[0].symbol[1], "time");
        open += any;
        rt_net_destroy(n);
        rt_onnx_destroy(o);
        rt_model_fini(&m);
    }
    assert_int_equal(open, 3);
}

static void a_changed_weight_is_noticed(void **state)
{
    (void)state;
    struct rt_model m, back;
    struct rt_golden g;
    struct rt_error e = {0};
    double worst = 0;
    export_make(&m, &export_models[0]);
    struct rt_onnx *o = through_file(&m);
    const struct rt_tensor *w = rt_onnx_initializer(o, "2.conv.weight");
    assert_non_null(w);
    ((float *)w->data)[5] += 1;
    assert_int_equal(rt_golden_read(&g, o, path, &e), 0);
    assert_int_equal(rt_model_from_onnx(&back, o, path, &e), 0);
    assert_int_equal(rt_golden_compare(&g, &back, &worst, &e), 0);
    assert_true(worst > TOLERANCE);
    assert_int_equal(rt_golden_compare_graph(&g, o, path, &worst, &e), 0);
    assert_true(worst > TOLERANCE);
    rt_golden_fini(&g);
    rt_onnx_destroy(o);
    rt_model_fini(&back);
    rt_model_fini(&m);
}

/* student.init, eval and embed take the file as they take safetensors. */
static void the_file_loads_as_a_model(void **state)
{
    (void)state;
    struct rt_model m, back, fresh;
    struct rt_error e = {0};
    int copied = 0;
    export_make(&m, &export_models[10]); /* the teacher's head answers; the own one is left out */
    struct rt_onnx *o = through_file(&m);
    assert_null(rt_onnx_initializer(o, "logits.weight"));
    rt_onnx_destroy(o);
    if (rt_model_load(&back, path, &e))
        fail_msg("%s", e.text);
    struct rt_param *a = rt_graph_param_named(m.graph, "3.conv.weight");
    struct rt_param *b = rt_graph_param_named(back.graph, "3.conv.weight");
    assert_memory_equal(a->value, b->value, (size_t)a->count * sizeof(float));
    assert_true(rt_graph_param_named(back.graph, "logits.weight")->value[0] != 0);
    export_make(&fresh, &export_models[9]);
    memset(rt_graph_param_named(fresh.graph, "3.conv.weight")->value, 0,
           (size_t)a->count * sizeof(float));
    assert_int_equal(rt_model_start_from(&fresh, &back, &copied, &e), 0);
    assert_true(copied > 20);
    b = rt_graph_param_named(fresh.graph, "3.conv.weight");
    assert_memory_equal(a->value, b->value, (size_t)a->count * sizeof(float));
    rt_model_fini(&fresh);
    rt_model_fini(&back);
    rt_model_fini(&m);
}

/* Damaged or missing metadata is refused with its key. */
static void wrong_metadata_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *words;
    } list[] = {
        {"retort.golden.input", "00", "retort.golden.input"},
        {"retort.golden.input", "600:1", "retort.golden.input"},
        {"retort.golden.input", "-1:1", "retort.golden.input"},
        {"retort.golden.input", "1:", "retort.golden.input"},
        {"retort.golden.embedding", "zz", "retort.golden.embedding"},
        {"retort.golden.logits", "", "retort.golden.logits"},
        {"retort.idf", "00000000", "front.idf"},
        {"retort.idf", "0000000x", "retort.idf"},
        {"retort.recipe", "nonsense", ""},
        {"retort.classes", "only", ""},
    };
    struct rt_model m, back;
    export_make(&m, &export_models[7]);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct rt_golden g = {0};
        struct rt_error e = {0};
        struct rt_onnx *o = through_file(&m);
        rt_onnx_set_text(o, list[i].key, list[i].value);
        int rc = rt_golden_read(&g, o, path, &e);
        if (!rc && !(rc = rt_model_from_onnx(&back, o, path, &e)))
            rt_model_fini(&back);
        if (!rc || !e.text[0] || !strstr(e.text, list[i].words))
            fail_msg("%s = %s: %d %s", list[i].key, list[i].value, rc, e.text);
        rt_golden_fini(&g);
        rt_onnx_destroy(o);
    }
    rt_model_fini(&m);
    struct rt_onnx *foreign;
    struct rt_error e = {0};
    assert_int_equal(rt_onnx_create(&foreign, 13), 0);
    assert_int_equal(rt_model_from_onnx(&back, foreign, "f.onnx", &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "f.onnx: not written by retort"));
    rt_onnx_destroy(foreign);
}

/* Ops that no preset uses: a graph of all of them, ours against the executor. */
static void ops_beyond_the_presets_leave_too(void **state)
{
    (void)state;
    struct rt_graph *g;
    struct rt_error e = {0};
    struct rt_attr pool = {.kernel = {3, 2}, .stride = {2, 1}, .pad = {1, 0}};
    assert_int_equal(rt_graph_create(&g), 0);
    int x = rt_graph_input(g, "in", (struct rt_shape){3, {9, 8, 5}});
    int max = rt_graph_node(g, RT_OP_maxpool, "max", &x, 1, &pool, &e);
    int avg = rt_graph_node(g, RT_OP_avgpool, "avg", &x, 1, &pool, &e);
    int sum = rt_graph_node(g, RT_OP_add, "sum", (int[]){max, avg}, 2, NULL, &e);
    int drop = rt_graph_node(g, RT_OP_dropout, "drop", &sum, 1, &(struct rt_attr){.rate = 0.5f}, &e);
    int all = rt_graph_node(g, RT_OP_globalpool, "all", &drop, 1, NULL, &e);
    int unit = rt_graph_node(g, RT_OP_l2normalise, "unit", &all, 1, NULL, &e);
    assert_true(unit > 0);
    struct rt_onnx *o;
    struct rt_onnx_map *map;
    assert_int_equal(rt_onnx_create(&o, RT_ONNX_MAP_OPSET), 0);
    assert_int_equal(rt_onnx_map_create(&map, g, o, RT_ONNX_WEIGHTS_FLOAT), 0);
    assert_int_equal(rt_onnx_map_output(map, "out", &(struct rt_onnx_term){unit, 2}, 1, &e), 0);
    rt_onnx_map_destroy(map);
    assert_int_equal(rt_onnx_write(o, path, &e), 0);
    float input[9 * 8 * 5];
    for (int i = 0; i < 9 * 8 * 5; i++)
        input[i] = (float)sin(i * 0.7);
    struct rt_exec *own;
    struct rt_frozen *f;
    struct rt_frozen_exec *run;
    assert_int_equal(rt_exec_create(&own, g, 1, false, NULL), 0);
    rt_exec_forward(own, 1, input, NULL, false, 0, 0);
    if (rt_frozen_create(&f, o, "ops", NULL, &e))
        fail_msg("%s", e.text);
    assert_int_equal(rt_frozen_exec_create(&run, f), 0);
    assert_int_equal(rt_frozen_run(run, (const void *const[]){input}, &e), 0);
    float want[5];
    for (int i = 0; i < 5; i++)
        want[i] = 2 * rt_exec_output(own, unit)[i];
    assert_near("ops", rt_frozen_result(run, 0)->data, want, 5);
    rt_frozen_exec_destroy(run);
    rt_frozen_destroy(f);
    rt_exec_destroy(own);
    rt_onnx_destroy(o);
    rt_graph_destroy(g);
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemps(path, 5);
    return fd < 0 ? -1 : close(fd);
}

static int clean_up(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_leaves_and_comes_back),
        cmocka_unit_test(recordings_of_any_length_agree),
        cmocka_unit_test(a_changed_weight_is_noticed),
        cmocka_unit_test(the_file_loads_as_a_model),
        cmocka_unit_test(wrong_metadata_is_refused),
        cmocka_unit_test(ops_beyond_the_presets_leave_too),
    };
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
