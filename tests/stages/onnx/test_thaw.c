/* SPDX-License-Identifier: MIT
 * test_thaw: networks that PyTorch wrote as ONNX, as training networks: their outputs against PyTorch's, the
 * gradient of every parameter against finite differences, the same bytes for any number of threads,
 * and back from their text. What no student can hold is refused by name. */
#include "formats/safetensors.h"
#include "stages/nn/exec.h"
#include "stages/onnx/thaw/thaw.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TOLERANCE 1e-4
#define DAMAGES 200 /* of each file */
#define MEMORY ((size_t)64 << 20) /* a damaged network that wants more is not run */

/* Networks by file, and how their inputs lie: channels last. Gradients of shallow ones are compared
 * more finely: steps cross fewer corners of relus. */
static const struct network {
    bool student; /* of torch_students.py, not torch_onnx.py */
    const char *name;
    int axis[RT_NODE_RANK];
    double allowed; /* of a slope, relative */
    bool headless;
} networks[] = {
    {false, "resnet", {2, 3, 1}, 0.1, false},
    {false, "mobilenet", {2, 3, 1}, 0.1, false},
    {false, "xvector", {1, 2}, 0.03, false},
    {false, "ecapa", {2, 1}, 0.03, false},
    {true, "xvector", {1, 2}, 0.03, false},
    {true, "ecapa", {2, 1}, 0.03, false},
    {true, "mobile", {2, 3, 1}, 0.1, false},
    {true, "encoder", {1, 2}, 0.03, true},
    {true, "patches", {2, 3, 1}, 0.03, false},
    {true, "activations", {2, 3, 1}, 0.03, true},
    {true, "sizes", {2, 3, 1}, 0.03, true},
    {true, "choices", {2, 3, 1}, 0.03, true},
};
#define NETWORKS (int)(sizeof networks / sizeof *networks)

static struct rt_safetensors *golden[2]; /* torch_onnx, torch_students */

static const struct rt_tensor *stored(const struct network *n, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", n->name, what);
    const struct rt_tensor *t = rt_safetensors_get(golden[n->student], name);
    assert_non_null(t);
    return t;
}

/* A thawed network: input node 0, the value `output`. */
struct net {
    const struct network *n;
    struct rt_graph *g;
    struct rt_exec *x;
    struct rt_parallel *parallel;
    int out, size, batch;
    float *input; /* [batch, ...] as the network takes it */
};

/* [batch, channels, places] -> [batch, places, channels]; as it is where channels lie last already. */
static void turn_input(struct net *t, const struct rt_tensor *x)
{
    int64_t channels = x->dim[1], places = 1, n = rt_tensor_count(x) / x->dim[0];
    bool turned = t->n->axis[0] != 1;
    for (int i = 2; i < x->rank; i++)
        places *= x->dim[i];
    t->batch = (int)x->dim[0];
    t->input = malloc(rt_tensor_bytes(x));
    const float *from = x->data;
    for (int64_t i = 0; i < rt_tensor_count(x); i++) {
        int64_t sample = i / n, c = i % n / places, p = i % places;
        t->input[turned ? sample * n + p * channels + c : i] = from[i];
    }
}

static void open_net(struct net *t, const struct network *n, const char *output, int threads)
{
    char path[128];
    struct rt_error e = {0};
    struct rt_onnx *o;
    struct rt_frozen *f;
    const struct rt_tensor *x = stored(n, "input");
    struct rt_tensor shape = *x;
    struct rt_frozen_options options = {.input = &shape, .output = &output, .outputs = 1, .plain = true};
    struct rt_thaw_input in = {.node = 0};
    struct rt_shape s = {.rank = x->rank - 1};
    *t = (struct net){.n = n};
    shape.dim[0] = 1;
    shape.data = NULL;
    snprintf(path, sizeof path, "tests/golden/%s_%s.onnx", n->student ? "student" : "onnx", n->name);
    if (rt_onnx_read(&o, path, &e) < 0 || rt_frozen_create(&f, o, path, &options, &e) < 0)
        fail_msg("%s", e.text);
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = (int)x->dim[n->axis[i]];
    memcpy(in.axis, n->axis, sizeof in.axis);
    assert_int_equal(rt_graph_create(&t->g), 0);
    assert_int_equal(rt_graph_input(t->g, "input", s), 0);
    if (rt_thaw(t->g, f, &in, &t->out, &e) < 0)
        fail_msg("%s", e.text);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
    t->size = rt_graph_at(t->g, t->out)->shape.dim[0];
    turn_input(t, x);
    assert_int_equal(rt_parallel_create(&t->parallel, threads), 0);
    assert_int_equal(rt_exec_create(&t->x, t->g, t->batch, true, t->parallel), 0);
}

static void close_net(struct net *t)
{
    rt_exec_destroy(t->x);
    rt_graph_destroy(t->g);
    rt_parallel_destroy(t->parallel);
    free(t->input);
}

static void compare(const struct net *t, const char *output)
{
    const struct rt_tensor *want = stored(t->n, output);
    const float *y = rt_exec_output(t->x, t->out);
    assert_int_equal(rt_tensor_count(want), t->batch * t->size);
    for (int i = 0; i < t->batch * t->size; i++) {
        double a = y[i], b = ((const float *)want->data)[i];
        if (!(fabs(a - b) <= TOLERANCE * (1 + fabs(b))))
            fail_msg("%s, %s, element %d: %.9g, PyTorch has %.9g", t->n->name, output, i, a, b);
    }
}

static void outputs_are_pytorchs(void **state)
{
    static const char *const output[] = {"embedding", "logits"};
    (void)state;
    for (int i = 0; i < 2 * NETWORKS; i++) {
        struct net t;
        if (i % 2 && networks[i / 2].headless)
            continue;
        open_net(&t, &networks[i / 2], output[i % 2], 2);
        rt_exec_forward(t.x, t.batch, t.input, NULL, false, 0, 0);
        compare(&t, output[i % 2]);
        close_net(&t);
    }
}

/* The loss: outputs times fixed numbers. */
static double loss(struct net *t, bool gradient)
{
    double sum = 0;
    rt_exec_forward(t->x, t->batch, t->input, NULL, true, 0, 0);
    const float *y = rt_exec_output(t->x, t->out);
    float *dy = gradient ? rt_exec_grad(t->x, t->out) : NULL;
    for (int i = 0; i < t->batch * t->size; i++) {
        float by = (float)((i * 37 + 11) % 17 - 8) / 8;
        sum += (double)y[i] * by;
        if (dy)
            dy[i] += by;
    }
    if (gradient)
        rt_exec_backward(t->x);
    return sum;
}

/* Along the gradient itself the loss must change by the gradient's length. */
static void check_parameter(struct net *t, struct rt_param *p)
{
    size_t bytes = (size_t)p->count * sizeof(float);
    float *old = malloc(bytes);
    double square = 0, value[2], h = 3e-4;
    memcpy(old, p->value, bytes);
    for (int64_t k = 0; k < p->count; k++)
        square += (double)p->grad[k] * p->grad[k];
    double length = sqrt(square);
    for (int side = 0; side < 2; side++) {
        for (int64_t k = 0; k < p->count && length > 0; k++)
            p->value[k] = (float)(old[k] + (side ? -h : h) * p->grad[k] / length);
        value[side] = loss(t, false);
    }
    memcpy(p->value, old, bytes);
    free(old);
    double slope = (value[0] - value[1]) / (2 * h);
    if (!(fabs(slope - length) <= t->n->allowed * length + 0.02))
        fail_msg("%s: slope along the gradient of %s is %g, should be %g", t->n->name, p->name, slope,
                 length);
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        struct net t;
        int trained = 0;
        open_net(&t, &networks[i], "embedding", 2);
        loss(&t, true);
        for (int k = 0; k < rt_graph_params(t.g); k++) {
            struct rt_param *p = rt_graph_param(t.g, k);
            trained += p->trainable;
            if (p->trainable)
                check_parameter(&t, p);
        }
        assert_true(trained > 10);
        close_net(&t);
    }
}

static void bytes_do_not_depend_on_threads(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        struct net a, b;
        open_net(&a, &networks[i], "embedding", 1);
        open_net(&b, &networks[i], "embedding", 3);
        loss(&a, true);
        loss(&b, true);
        for (int k = 0; k < rt_graph_params(a.g); k++) {
            const struct rt_param *p = rt_graph_param(a.g, k), *q = rt_graph_param(b.g, k);
            size_t bytes = (size_t)p->count * sizeof(float);
            assert_memory_equal(p->value, q->value, bytes);
            if (p->grad)
                assert_memory_equal(p->grad, q->grad, bytes);
        }
        close_net(&a);
        close_net(&b);
    }
}

static void networks_are_kept_as_text(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        struct net t;
        struct rt_graph *g;
        struct rt_error e = {0};
        open_net(&t, &networks[i], "embedding", 1);
        char *text = rt_graph_text(t.g, rt_graph_nodes(t.g));
        assert_non_null(text);
        assert_int_equal(rt_graph_create(&g), 0);
        if (rt_graph_parse(g, text, &e) < 0)
            fail_msg("%s: %s", networks[i].name, e.text);
        char *again = rt_graph_text(g, rt_graph_nodes(g));
        assert_string_equal(text, again);
        assert_int_equal(rt_graph_params(g), rt_graph_params(t.g));
        for (int k = 0; k < rt_graph_params(g); k++) {
            const struct rt_param *p = rt_graph_param(g, k), *q = rt_graph_param(t.g, k);
            assert_string_equal(p->name, q->name);
            assert_int_equal(p->count, q->count);
            assert_int_equal(p->trainable, q->trainable);
        }
        free(text);
        free(again);
        rt_graph_destroy(g);
        close_net(&t);
    }
}

/* What a student cannot hold, in words that name node, operator and opset. */
static void check_refused(struct rt_frozen *f, struct rt_shape s, const char *const words[3])
{
    struct rt_error e = {0};
    struct rt_graph *g;
    struct rt_thaw_input in = {.node = 0, .axis = {2, 3, 1}};
    int out;
    assert_int_equal(rt_graph_create(&g), 0);
    assert_int_equal(rt_graph_input(g, "input", s), 0);
    assert_int_equal(rt_thaw(g, f, &in, &out, &e), RT_EMISMATCH);
    for (int k = 0; k < 3 && words[k]; k++)
        if (!strstr(e.text, words[k]))
            fail_msg("says: %s", e.text);
    rt_graph_destroy(g);
    rt_frozen_destroy(f);
}

static void an_operator_without_gradient_is_refused(void **state)
{
    (void)state;
    struct rt_error e = {0};
    struct rt_onnx *o;
    struct rt_frozen *f;
    struct rt_tensor shape = {.dtype = RT_F32, .rank = 4, .dim = {1, 3, 12, 14}};
    int64_t axes[] = {2, 3}, out[] = {1, 3};
    assert_int_equal(rt_onnx_create(&o, 13), 0);
    rt_onnx_add_input(o, "picture", RT_F32, 4, shape.dim, NULL);
    rt_onnx_add_output(o, "embedding", RT_F32, 2, out, NULL);
    struct rt_onnx_node *n = rt_onnx_add_node(o, "ReduceProd", "product", (const char *[]){"picture", NULL},
                                              (const char *[]){"embedding", NULL});
    rt_onnx_attr_ints(o, n, "axes", axes, 2);
    rt_onnx_attr_int(o, n, "keepdims", 0);
    if (rt_onnx_check(o, "made", &e) < 0 ||
        rt_frozen_create(&f, o, "made", &(struct rt_frozen_options){.input = &shape, .plain = true}, &e) < 0)
        fail_msg("%s", e.text);
    check_refused(f, (struct rt_shape){3, {12, 14, 3}},
                  (const char *const[]){"\"product\" (ReduceProd", "opset 13", "no gradient"});
    rt_onnx_destroy(o);
}

static struct rt_onnx_node *newer_node(struct rt_onnx *o, const char *op, const char *in, const char *second,
                                       const char *out)
{
    return rt_onnx_add_node(o, op, out, (const char *[]){in, second, NULL}, (const char *[]){out, NULL});
}

static void newer_list(struct rt_onnx *o, const char *name, int64_t n, const int64_t *value)
{
    int64_t copy[4];
    memcpy(copy, value, (size_t)n * sizeof *copy);
    struct rt_tensor t = rt_tensor_view(RT_I64, 1, &n, copy);
    rt_onnx_add_initializer(o, name, &t);
}

/* Operators and signatures of opsets 18 to 21, from x [1,4,3] to y [1,4]. */
static struct rt_onnx *newer_network(void)
{
    static float scale[4] = {0.5f, -1, 2, 1.5f}, shift[4] = {0.25f, 0, -1, 0.5f};
    int64_t four = 4;
    struct rt_tensor s = rt_tensor_view(RT_F32, 1, &four, scale), b = rt_tensor_view(RT_F32, 1, &four, shift);
    struct rt_onnx *o;
    assert_int_equal(rt_onnx_create(&o, 21), 0);
    rt_onnx_add_input(o, "x", RT_F32, 3, (const int64_t[]){1, 4, 3}, NULL);
    rt_onnx_add_output(o, "y", RT_F32, 2, (const int64_t[]){1, 4}, NULL);
    rt_onnx_add_initializer(o, "s", &s);
    rt_onnx_add_initializer(o, "b", &b);
    newer_list(o, "pads", 2, (const int64_t[]){1, 0});
    newer_list(o, "last", 1, (const int64_t[]){-1});
    struct rt_onnx_node *n = rt_onnx_add_node(o, "GroupNormalization", "g", (const char *[]){"x", "s", "b", NULL},
                                              (const char *[]){"g", NULL});
    rt_onnx_attr_int(o, n, "num_groups", 2);
    newer_node(o, "Gelu", "g", NULL, "e");
    rt_onnx_attr_string(o, newer_node(o, "Gelu", "e", NULL, "t"), "approximate", "tanh");
    newer_node(o, "Mish", "t", NULL, "m");
    n = rt_onnx_add_node(o, "Split", "parts", (const char *[]){"m", NULL}, (const char *[]){"p", "q", NULL});
    rt_onnx_attr_int(o, n, "axis", 1);
    rt_onnx_attr_int(o, n, "num_outputs", 2);
    n = rt_onnx_add_node(o, "Pad", "wide", (const char *[]){"p", "pads", "", "last", NULL},
                         (const char *[]){"w", NULL});
    rt_onnx_attr_string(o, n, "mode", "wrap");
    rt_onnx_attr_int(o, newer_node(o, "ReduceMean", "w", "last", "r"), "keepdims", 0);
    rt_onnx_attr_int(o, newer_node(o, "ReduceLogSumExp", "q", "last", "l"), "keepdims", 0);
    rt_onnx_attr_int(o, newer_node(o, "Concat", "r", "l", "y"), "axis", 1);
    return o;
}

/* Against the frozen graph, whose operators have tests of their own. */
static void newer_operators_are_thawed(void **state)
{
    (void)state;
    struct rt_error e = {0};
    struct rt_onnx *o = newer_network();
    struct rt_frozen *f;
    struct rt_frozen_exec *frozen;
    struct rt_graph *g;
    struct rt_parallel *parallel;
    struct rt_exec *x;
    float plain[12], turned[12];
    const void *input[1] = {plain};
    int out;
    for (int i = 0; i < 12; i++)
        turned[i % 3 * 4 + i / 3] = plain[i] = (float)((i * 7 + 3) % 11 - 5) / 2;
    if (rt_onnx_check(o, "newer", &e) < 0 ||
        rt_frozen_create(&f, o, "newer", &(struct rt_frozen_options){.plain = true}, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(rt_frozen_exec_create(&frozen, f), 0);
    assert_int_equal(rt_frozen_run(frozen, input, &e), 0);
    assert_int_equal(rt_graph_create(&g), 0);
    assert_int_equal(rt_graph_input(g, "input", (struct rt_shape){2, {3, 4}}), 0);
    if (rt_thaw(g, f, &(struct rt_thaw_input){.node = 0, .axis = {2, 1}}, &out, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(rt_parallel_create(&parallel, 1), 0);
    assert_int_equal(rt_exec_create(&x, g, 1, false, parallel), 0);
    rt_exec_forward(x, 1, turned, NULL, false, 0, 0);
    const float *want = rt_frozen_result(frozen, 0)->data, *got = rt_exec_output(x, out);
    for (int i = 0; i < 4; i++)
        if (!(fabsf(got[i] - want[i]) <= 1e-5f))
            fail_msg("element %d: %.9g, frozen %.9g", i, (double)got[i], (double)want[i]);
    rt_exec_destroy(x);
    rt_parallel_destroy(parallel);
    rt_graph_destroy(g);
    rt_frozen_exec_destroy(frozen);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

static void more_than_a_row_of_numbers_is_refused(void **state)
{
    (void)state;
    struct rt_error e = {0};
    struct rt_onnx *o;
    struct rt_frozen *f;
    const char *path = "tests/golden/onnx_picture.onnx", *output = "/body/body.0/Conv_output_0";
    struct rt_tensor shape = {.dtype = RT_F32, .rank = 4, .dim = {1, 3, 20, 20}};
    struct rt_frozen_options options = {.input = &shape, .output = &output, .outputs = 1, .plain = true};
    if (rt_onnx_read(&o, path, &e) < 0 || rt_frozen_create(&f, o, path, &options, &e) < 0)
        fail_msg("%s", e.text);
    check_refused(f, (struct rt_shape){3, {20, 20, 3}}, (const char *const[3]){"picture", "one row of numbers"});
    rt_onnx_destroy(o);
}

/* Thaws what may be anything; runs it when it is still a network of a sensible size. */
static void try_damaged(const unsigned char *bytes, size_t size, const struct network *n, int *refused)
{
    const struct rt_tensor *x = stored(n, "input");
    struct rt_tensor shape = *x;
    static const char *const output[] = {"embedding"};
    struct rt_frozen_options o = {.input = &shape, .output = output, .outputs = 1, .plain = true};
    struct rt_thaw_input in = {.node = 0};
    struct rt_shape s = {.rank = x->rank - 1};
    struct rt_error e = {0};
    struct rt_onnx *model = NULL;
    struct rt_frozen *f = NULL;
    struct rt_graph *g;
    struct rt_exec *run;
    int out;
    shape.dim[0] = 1;
    shape.data = NULL;
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = (int)x->dim[n->axis[i]];
    memcpy(in.axis, n->axis, sizeof in.axis);
    assert_int_equal(rt_graph_create(&g), 0);
    assert_int_equal(rt_graph_input(g, "input", s), 0);
    int rc = rt_onnx_parse(&model, bytes, size, "damaged", NULL, &e);
    if (rc == 0 && model->inputs != 1)
        rc = rt_error_set(&e, RT_EMISMATCH, "damaged: inputs");
    if (rc == 0)
        rc = rt_frozen_create(&f, model, "damaged", &o, &e);
    if (rc == 0)
        rc = rt_thaw(g, f, &in, &out, &e);
    if (rc < 0)
        assert_non_null(strstr(e.text, "damaged"));
    else if (rt_exec_create(&run, g, 1, true, NULL) == 0) {
        if (rt_exec_bytes(run) < MEMORY) {
            float *input = calloc((size_t)rt_tensor_count(x), sizeof *input), *dy;
            rt_exec_forward(run, 1, input, NULL, true, 0, 0);
            if ((dy = rt_exec_grad(run, out))) { /* NULL when damage has left nothing to train */
                dy[0] = 1;
                rt_exec_backward(run);
            }
            free(input);
        }
        rt_exec_destroy(run);
    }
    *refused += rc < 0;
    rt_frozen_destroy(f);
    rt_onnx_destroy(model);
    rt_graph_destroy(g);
}

static void damaged_files_are_refused_or_run(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        char path[128];
        int refused = 0;
        if (!networks[i].student)
            continue;
        snprintf(path, sizeof path, "tests/golden/student_%s.onnx", networks[i].name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        static unsigned char whole[1 << 18], bytes[1 << 18];
        size_t size = fread(whole, 1, sizeof whole, file);
        fclose(file);
        struct rt_rng r = rt_rng_init(1, 0, (uint64_t)i, RT_RNG_TEST);
        for (int k = 0; k < DAMAGES; k++) {
            memcpy(bytes, whole, size);
            uint32_t part = k % 4 ? (uint32_t)size / 4 : (uint32_t)size; /* nodes come before weights */
            for (uint32_t b = 0, count = 1 + rt_rng_below(&r, 3); b < count; b++)
                bytes[rt_rng_below(&r, part)] = (unsigned char)rt_rng_below(&r, 256);
            try_damaged(bytes, k % 10 ? size : rt_rng_below(&r, (uint32_t)size), &networks[i], &refused);
        }
        assert_in_range(refused, 1, DAMAGES - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_pytorchs),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(bytes_do_not_depend_on_threads),
        cmocka_unit_test(networks_are_kept_as_text),
        cmocka_unit_test(an_operator_without_gradient_is_refused),
        cmocka_unit_test(newer_operators_are_thawed),
        cmocka_unit_test(more_than_a_row_of_numbers_is_refused),
        cmocka_unit_test(damaged_files_are_refused_or_run),
    };
    struct rt_error e;
    if (rt_safetensors_read(&golden[0], "tests/golden/torch_onnx.safetensors", &e) < 0 ||
        rt_safetensors_read(&golden[1], "tests/golden/torch_students.safetensors", &e) < 0) {
        print_error("%s\n", e.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_safetensors_destroy(golden[0]);
    rt_safetensors_destroy(golden[1]);
    return failed;
}
