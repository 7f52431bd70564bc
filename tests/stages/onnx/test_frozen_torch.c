/* SPDX-License-Identifier: MIT
 * test_frozen_torch: networks that PyTorch wrote as ONNX, run sample by sample and as a batch, against
 * PyTorch's own outputs. The files and their making: tests/golden/torch_onnx.py. */
#include "formats/safetensors.h"
#include "stages/onnx/frozen/frozen.h"

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

static struct rt_safetensors *golden;

static const struct rt_tensor *stored(const char *net, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", net, what);
    const struct rt_tensor *t = rt_safetensors_get(golden, name);
    assert_non_null(t);
    return t;
}

/* rows: of the stored batch, from `first`. */
static void compare(const char *net, const struct rt_frozen_exec *x, int output, const char *what,
                    int64_t first, int64_t rows)
{
    const struct rt_tensor *want = stored(net, what), *got = rt_frozen_result(x, output);
    int64_t n = rt_tensor_count(want) / want->dim[0];
    assert_int_equal(got->dtype, RT_F32);
    assert_int_equal(rt_tensor_count(got), rows * n);
    for (int64_t i = 0; i < rows * n; i++) {
        double a = ((const float *)got->data)[i], b = ((const float *)want->data)[first * n + i];
        if (!(fabs(a - b) <= TOLERANCE * (1 + fabs(b))))
            fail_msg("%s, %s, element %lld: %.9g, PyTorch has %.9g", net, what, (long long)i, a, b);
    }
}

static struct rt_onnx *read_net(const char *net)
{
    char path[128];
    struct rt_error e;
    struct rt_onnx *o;
    snprintf(path, sizeof path, "tests/golden/onnx_%s.onnx", net);
    if (rt_onnx_read(&o, path, &e) < 0)
        fail_msg("%s", e.text);
    return o;
}

static void freeze(struct rt_frozen **f, const struct rt_onnx *model, const struct rt_tensor *shape, bool plain)
{
    struct rt_error e;
    struct rt_frozen_options o = {.input = shape, .plain = plain};
    if (rt_frozen_create(f, model, "net", &o, &e) < 0)
        fail_msg("%s", e.text);
}

/* `batch` samples at a time, out of those stored. */
static void run_net(const char *net, int64_t batch)
{
    const struct rt_tensor *input = stored(net, "input");
    struct rt_tensor shape = *input;
    struct rt_frozen *f;
    struct rt_frozen_exec *x;
    struct rt_error e;
    shape.dim[0] = batch;
    shape.data = NULL;
    struct rt_onnx *o = read_net(net);
    freeze(&f, o, &shape, false);
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    size_t sample = rt_tensor_bytes(input) / (size_t)input->dim[0];
    for (int64_t i = 0; i < input->dim[0]; i += batch) {
        const void *at = (const char *)input->data + (size_t)i * sample;
        if (rt_frozen_run(x, &at, &e) < 0)
            fail_msg("%s", e.text);
        compare(net, x, 0, "embedding", i, batch);
        compare(net, x, 1, "logits", i, batch);
    }
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

static void each_sample_alone(void **state)
{
    static const char *const net[] = {"resnet", "mobilenet", "xvector", "ecapa", "transformer"};
    (void)state;
    for (size_t i = 0; i < sizeof net / sizeof *net; i++)
        run_net(net[i], 1);
}

static void as_a_batch(void **state)
{
    static const char *const net[] = {"resnet", "mobilenet", "xvector", "ecapa", "transformer",
                                      "decoder"};
    (void)state;
    for (size_t i = 0; i < sizeof net / sizeof *net; i++)
        run_net(net[i], 2);
}

/* Operators put together give what the file's give one by one, to the last digits; a NaN reaches as far; and a sample
 * of a batch gives the bytes that it gives alone. */
static void compare_fused(const char *net, bool nan)
{
    const struct rt_tensor *input = stored(net, "input");
    struct rt_tensor shape = *input, one = *input;
    struct rt_frozen *f[3];
    struct rt_frozen_exec *x[3];
    struct rt_error e;
    size_t bytes = rt_tensor_bytes(input) / (size_t)input->dim[0];
    char *data = malloc(2 * bytes);
    assert_non_null(data);
    memcpy(data, input->data, 2 * bytes);
    if (nan)
        *(float *)(data + bytes) = NAN;
    shape.dim[0] = 2;
    one.dim[0] = 1;
    shape.data = one.data = NULL;
    struct rt_onnx *o = read_net(net);
    for (int i = 0; i < 3; i++) {
        freeze(&f[i], o, i < 2 ? &shape : &one, i == 1);
        assert_int_equal(rt_frozen_exec_create(&x[i], f[i]), 0);
        if (rt_frozen_run(x[i], (const void *const[]){data + (i < 2 ? 0 : bytes)}, &e) < 0)
            fail_msg("%s", e.text);
    }
    assert_true(rt_frozen_steps(f[0]) < rt_frozen_steps(f[1]));
    for (int k = 0; k < 2; k++) {
        const float *a = rt_frozen_result(x[0], k)->data, *b = rt_frozen_result(x[1], k)->data;
        int64_t n = rt_tensor_count(rt_frozen_result(x[0], k)) / 2;
        for (int64_t i = 0; i < 2 * n; i++)
            if (!(fabs((double)a[i] - (double)b[i]) <= 1e-5 * (1 + fabs((double)b[i]))) &&
                !(isnan(a[i]) && isnan(b[i])))
                fail_msg("%s, output %d, element %lld: %.9g, one by one %.9g", net, k, (long long)i, (double)a[i],
                         (double)b[i]);
        if (memcmp(a + n, rt_frozen_result(x[2], k)->data, (size_t)n * sizeof *a) != 0)
            fail_msg("%s, output %d: in a batch, or alone%s", net, k, nan ? ", with a NaN" : "");
        if ((isnan(a[n]) != 0) != nan)
            fail_msg("%s, output %d begins with %g%s", net, k, (double)a[n], nan ? ", with a NaN" : "");
    }
    for (int i = 0; i < 3; i++) {
        rt_frozen_exec_destroy(x[i]);
        rt_frozen_destroy(f[i]);
    }
    rt_onnx_destroy(o);
    free(data);
}

static void fused_as_one_by_one(void **state)
{
    static const char *const net[] = {"resnet", "mobilenet", "xvector", "ecapa", "transformer"};
    (void)state;
    for (size_t i = 0; i < sizeof net / sizeof *net; i++) {
        compare_fused(net[i], false);
        if (stored(net[i], "input")->dtype == RT_F32)
            compare_fused(net[i], true);
    }
}

/* What PyTorch wrote about shapes is all computed when the graph is made ready. */
static void shapes_are_folded(void **state)
{
    (void)state;
    struct rt_tensor shape = *stored("ecapa", "input");
    struct rt_frozen *f;
    struct rt_onnx *o = read_net("ecapa");
    shape.dim[0] = 1;
    shape.data = NULL;
    freeze(&f, o, &shape, true);
    assert_true(rt_frozen_steps(f) < o->nodes);
    rt_frozen_destroy(f);
    rt_onnx_destroy(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sample_alone),
        cmocka_unit_test(as_a_batch),
        cmocka_unit_test(fused_as_one_by_one),
        cmocka_unit_test(shapes_are_folded),
    };
    struct rt_error e;
    if (rt_safetensors_read(&golden, "tests/golden/torch_onnx.safetensors", &e) < 0) {
        print_error("%s\n", e.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_safetensors_destroy(golden);
    return failed;
}
