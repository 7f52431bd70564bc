/* SPDX-License-Identifier: MIT
 * test_architectures: the networks that people take for teachers, cut down, as PyTorch and newer exporters write them
 * (tests/golden/torch_architectures.py): each asked by the names of its inputs, in every shape that comes with it,
 * against PyTorch's outputs. */
#include "formats/safetensors.h"
#include "stages/onnx/frozen/frozen_shapes.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FOLDER "tests/golden"
#define INPUTS 8
#define TOLERANCE 1e-4
#define NETS_MIN 20

static struct rt_safetensors *golden;

static const struct rt_tensor *stored(const char *net, int number, const char *kind, const char *name)
{
    char key[200];
    snprintf(key, sizeof key, "%s.%d.%s.%s", net, number, kind, name);
    return rt_safetensors_get(golden, key);
}

static void compare(const char *net, const char *name, const struct rt_tensor *got, const struct rt_tensor *want)
{
    if (got->dtype != RT_F32 || got->rank != want->rank ||
        memcmp(got->dim, want->dim, sizeof *got->dim * (size_t)got->rank) != 0)
        fail_msg("%s, %s: another type or shape", net, name);
    for (int64_t i = 0; i < rt_tensor_count(got); i++) {
        double a = ((const float *)got->data)[i], b = ((const float *)want->data)[i];
        if (!(fabs(a - b) <= TOLERANCE * (1 + fabs(b))))
            fail_msg("%s, %s, element %lld: %.9g, PyTorch has %.9g", net, name, (long long)i, a, b);
    }
}

/* False when there is no case of this number. */
static bool ask(const char *net, int number, const struct rt_onnx *o, struct rt_frozen_asker *a)
{
    struct rt_frozen_given given[INPUTS];
    struct rt_error e;
    assert_true(o->inputs <= INPUTS);
    for (int i = 0; i < o->inputs; i++) {
        const struct rt_tensor *t = stored(net, number, "in", o->input[i].name);
        if (!t)
            return false;
        given[i] = (struct rt_frozen_given){o->input[i].name, *t};
    }
    if (rt_frozen_ask(a, given, o->inputs, &e) < 0)
        fail_msg("%s", e.text);
    for (int i = 0; i < o->outputs; i++) {
        const struct rt_tensor *want = stored(net, number, "out", o->output[i].name);
        assert_non_null(want);
        compare(net, o->output[i].name, rt_frozen_answer(a, i), want);
    }
    return true;
}

static void run_file(const char *file)
{
    char net[100], path[200];
    struct rt_onnx *o;
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *a;
    struct rt_error e;
    int cases = 0;
    snprintf(net, sizeof net, "%.*s", (int)(strlen(file) - strlen("arch_.onnx")), file + strlen("arch_"));
    snprintf(path, sizeof path, FOLDER "/%.100s", file);
    if (rt_onnx_read(&o, path, &e) < 0 || rt_frozen_shapes_create(&s, o, path, NULL, 0, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(rt_frozen_asker_create(&a, s), 0);
    while (ask(net, cases, o, a))
        cases++;
    if (cases == 0)
        fail_msg("%s has no inputs in architectures.safetensors", file);
    rt_frozen_asker_destroy(a);
    rt_frozen_shapes_destroy(s);
    rt_onnx_destroy(o);
}

static int is_net(const struct dirent *d)
{
    const char *dot = strrchr(d->d_name, '.');
    return strncmp(d->d_name, "arch_", 5) == 0 && dot && strcmp(dot, ".onnx") == 0;
}

static void every_architecture(void **state)
{
    (void)state;
    struct dirent **entry;
    int n = scandir(FOLDER, &entry, is_net, alphasort);
    assert_true(n >= NETS_MIN);
    for (int i = 0; i < n; i++) {
        run_file(entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_architecture)};
    struct rt_error e;
    if (rt_safetensors_read(&golden, FOLDER "/architectures.safetensors", &e) < 0) {
        print_error("%s\n", e.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_safetensors_destroy(golden);
    return failed;
}
