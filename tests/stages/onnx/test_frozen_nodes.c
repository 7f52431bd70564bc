/* SPDX-License-Identifier: MIT
 * test_frozen_nodes: ONNX's own node tests (Debian's libonnx-testdata): every model all of whose
 * operators are in onnx_ops.def must give the outputs that come with it, or be refused; the refused
 * ones and why must be exactly those of skipped.txt. */
#include "stages/onnx/frozen.h"
#include "stages/onnx/kernel.h"
#include "tests/stages/onnx/onnx_data.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define NODES "/usr/share/libonnx-testdata/data/node"
#define SKIPPED "tests/stages/onnx/skipped.txt"
#define TENSORS 16
#define PASSED_MIN 700

#define WINDOW "the expected output was computed with a pi of 3.1415, the graph has 3.14159274"

/* Files that are at odds with ONNX's text, PyTorch and ONNX Runtime, or with themselves. */
static const struct {
    const char *name, *why;
} differs[] = {
    {"test_cast_FLOAT_to_BFLOAT16", "the file cuts digits off; we round to the nearest"},
    {"test_resize_downsample_scales_cubic_align_corners",
     "the file takes length_resized for a fraction (2.4); we take the output's length (2)"},
    {"test_resize_downsample_scales_linear_align_corners",
     "the file takes length_resized for a fraction (2.4); we take the output's length (2)"},
    {"test_blackmanwindow_expanded", WINDOW},
    {"test_blackmanwindow_symmetric_expanded", WINDOW},
    {"test_hammingwindow_expanded", WINDOW},
    {"test_hammingwindow_symmetric_expanded", WINDOW},
    {"test_hannwindow_expanded", WINDOW},
    {"test_hannwindow_symmetric_expanded", WINDOW},
};

static char *list; /* of the skipped ones, as in skipped.txt */
static size_t list_size;
static FILE *list_file;
static int passed, failed;

/* What is checked of one test folder. */
struct bench {
    const char *name;
    char path[400];
    struct rt_onnx *model, *input[TENSORS], *output[TENSORS];
    struct rt_tensor shape[TENSORS];
    struct rt_frozen *frozen;
    struct rt_frozen_exec *exec;
    struct rt_error e;
};

static void leave_out(const char *name, const char *why)
{
    const char *colon = strstr(why, ": ");
    fprintf(list_file, "%s: %s\n", name, colon ? colon + 2 : why);
}

static void check_known(void *self, const char *op)
{
    *(bool *)self = *(bool *)self && rt_kernel_known(op, NULL, NULL);
}

static const char *path_of(struct bench *b, const char *kind, int i)
{
    if (!kind)
        snprintf(b->path, sizeof b->path, "%s/%s/model.onnx", NODES, b->name);
    else
        snprintf(b->path, sizeof b->path, "%s/%s/test_data_set_0/%s_%d.pb", NODES, b->name, kind, i);
    return b->path;
}

/* An input that decides a shape, at once or through other nodes, must be known: it is then given as a
 * constant. */
static bool decides_shape(const struct rt_onnx *m, const char *value)
{
    for (int i = 0; i < m->nodes; i++) {
        const struct rt_onnx_node *n = &m->node[i];
        bool reads = false;
        const struct rt_kernel_op *op = rt_kernel_find(n->op, m->opset);
        for (int k = 0; op && k < n->inputs; k++) {
            bool here = strcmp(n->input[k], value) == 0 && !(op->known & RT_KERNEL_BY_SHAPE);
            if (here && k < 31 && op->known & (1u << k))
                return true;
            reads = reads || here;
        }
        for (int k = 0; reads && k < n->outputs; k++)
            if (n->output[k][0] && decides_shape(m, n->output[k]))
                return true;
    }
    return false;
}

static int read_all(struct bench *b)
{
    int rc = onnx_data_model(&b->model, path_of(b, NULL, 0), &b->e);
    for (int i = 0; rc == 0 && i < b->model->inputs && i < TENSORS; i++) {
        rc = onnx_data_tensor(&b->input[i], path_of(b, "input", i), &b->e);
        if (rc == 0)
            b->shape[i] = b->input[i]->initializer[0].tensor;
        if (rc == 0 && !decides_shape(b->model, b->model->input[i].name))
            b->shape[i].data = NULL;
    }
    for (int i = 0; rc == 0 && i < b->model->outputs && i < TENSORS; i++)
        rc = onnx_data_tensor(&b->output[i], path_of(b, "output", i), &b->e);
    return rc;
}

static bool close_to(double got, double want)
{
    return got == want || (isnan(got) && isnan(want)) ||
           fabs(got - want) <= 1e-6 + 1e-4 * fabs(want);
}

static bool equal(const char *name, int i, const struct rt_tensor *got, const struct rt_tensor *want)
{
    if (got->dtype != want->dtype || got->rank != want->rank ||
        memcmp(got->dim, want->dim, sizeof *got->dim * (size_t)got->rank) != 0) {
        print_error("%s: output %d has another type or shape\n", name, i);
        return false;
    }
    for (int64_t k = 0; k < rt_tensor_count(got); k++)
        if (!close_to(rt_kernel_element(got, k), rt_kernel_element(want, k))) {
            print_error("%s: output %d, element %lld: %.9g, expected %.9g\n", name, i, (long long)k,
                        rt_kernel_element(got, k), rt_kernel_element(want, k));
            return false;
        }
    return true;
}

static bool run(struct bench *b)
{
    const void *input[TENSORS];
    bool good = true;
    assert_int_equal(rt_frozen_exec_create(&b->exec, b->frozen), 0);
    for (int i = 0; i < b->model->inputs; i++)
        input[i] = b->input[i]->initializer[0].tensor.data;
    if (rt_frozen_run(b->exec, input, &b->e) < 0) {
        print_error("%s: %s\n", b->name, b->e.text);
        return false;
    }
    for (int i = 0; i < b->model->outputs; i++)
        good = equal(b->name, i, rt_frozen_result(b->exec, i), &b->output[i]->initializer[0].tensor)
               && good;
    return good;
}

static void bench_fini(struct bench *b)
{
    rt_frozen_exec_destroy(b->exec);
    rt_frozen_destroy(b->frozen);
    rt_onnx_destroy(b->model);
    for (int i = 0; i < TENSORS; i++) {
        rt_onnx_destroy(b->input[i]);
        rt_onnx_destroy(b->output[i]);
    }
}

static void check_folder(const char *name)
{
    struct bench b = {.name = name};
    bool known = true;
    for (size_t i = 0; i < sizeof differs / sizeof *differs; i++)
        if (strcmp(name, differs[i].name) == 0) {
            fprintf(list_file, "%s: %s\n", name, differs[i].why);
            return;
        }
    if (onnx_data_operators(path_of(&b, NULL, 0), check_known, &known) < 0 || !known)
        return;
    int rc = read_all(&b);
    struct rt_frozen_options o = {.input = b.shape};
    if (rc == 0)
        rc = rt_frozen_create(&b.frozen, b.model, name, &o, &b.e);
    if (rc < 0)
        leave_out(name, b.e.text);
    else if (run(&b))
        passed++;
    else
        failed++;
    bench_fini(&b);
}

static int is_test(const struct dirent *d)
{
    return strncmp(d->d_name, "test_", 5) == 0;
}

static void every_node_test(void **state)
{
    (void)state;
    struct dirent **entry;
    int n = scandir(NODES, &entry, is_test, alphasort);
    assert_true(n > 0);
    list_file = open_memstream(&list, &list_size);
    for (int i = 0; i < n; i++) {
        check_folder(entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    fclose(list_file);
    printf("%d passed, %d failed; skipped, and why:\n%s\n", passed, failed, list);
    assert_int_equal(failed, 0);
    assert_true(passed >= PASSED_MIN);
}

static void skipped_are_listed(void **state)
{
    (void)state;
    FILE *f = fopen(SKIPPED, "r");
    assert_non_null(f);
    char line[512], *want = NULL;
    size_t size;
    FILE *text = open_memstream(&want, &size);
    while (fgets(line, sizeof line, f))
        if (line[0] != '#')
            fputs(line, text);
    fclose(f);
    fclose(text);
    if (strcmp(list, want) != 0)
        fail_msg("%s differs from the list above; correct what is wrong: file or program", SKIPPED);
    free(want);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_test),
        cmocka_unit_test(skipped_are_listed),
    };
    if (access(NODES, R_OK) != 0) {
        print_message("no %s (Debian package libonnx-testdata)\n", NODES);
        return 77; /* skipped */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
