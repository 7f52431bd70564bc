/* SPDX-License-Identifier: MIT
 * test_frozen_nodes: ONNX's own node tests (Debian's libonnx-testdata): every model all of whose
 * operators are in onnx_ops.def must give the outputs that come with it, or be refused; the refused
 * ones and why must be exactly those of skipped.txt. And cases of our own (tests/golden/onnx_cases.py)
 * for what these do not have. */
#include "stages/onnx/frozen/frozen.h"
#include "stages/onnx/kernels/kernel.h"
#include "tests/formats/onnx_wire.h"
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
#define CASES "tests/golden/onnx_cases.txt"
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

/* Every row of onnx_ops.def, and whether a network that has it gave the right numbers. */
static struct {
    const char *type;
    int first, last;
    bool covered;
} rows[] = {
#define RT_ONNX_OP(type, first, last, kernel, known, attributes) {#type, first, last, false},
#include "stages/onnx/kernels/onnx_ops.def"
#undef RT_ONNX_OP
};

static void rows_cover(const struct rt_onnx *m)
{
    for (int i = 0; i < m->nodes; i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            int opset = m->node[i].opset;
            if (strcmp(rows[k].type, m->node[i].op) == 0 && opset >= rows[k].first && opset <= rows[k].last)
                rows[k].covered = true;
        }
}

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
            if (here && k < 2 && strcmp(n->op, "Loop") == 0) /* how often something is collected */
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
        if (!close_to(rt_tensor_element(got, k), rt_tensor_element(want, k))) {
            print_error("%s: output %d, element %lld: %.9g, expected %.9g\n", name, i, (long long)k,
                        rt_tensor_element(got, k), rt_tensor_element(want, k));
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
        passed++, rows_cover(b.model);
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

/* ---- cases of our own: lines of a text, a word and what it is about ---- */

struct own {
    char name[80], model[8000], refused[200];
    int inputs, wants;
    struct rt_tensor input[TENSORS], want[TENSORS];
};

/* "f32 2,3: 1 2 3 4 5 6" */
static void own_tensor(struct rt_tensor *t, char *text)
{
    static const char *const word[] = {"f32", "f64", "i32", "i64", "u8", "bool"}; /* as dtypes.def */
    int64_t dim[RT_TENSOR_RANK];
    int rank = 0, dtype = 0;
    char *at = text + strcspn(text, " ");
    *at++ = '\0';
    while (strcmp(word[dtype], text) != 0)
        dtype++;
    while (*at != ':')
        dim[rank++] = strtoll(at + (*at == ','), &at, 10);
    assert_int_equal(rt_tensor_init(t, (enum rt_dtype)dtype, rank, dim), 0);
    at++;
    for (int64_t i = 0; i < rt_tensor_count(t); i++)
        rt_kernel_put(t, i, strtod(at, &at));
}

static int own_read_model(const struct own *o, struct rt_onnx **model, struct rt_error *e)
{
    const char *text = o->model;
    uint8_t *bytes = malloc(20 * strlen(text) + 100);
    size_t size = wire_message(bytes, &text);
    int rc = rt_onnx_parse(model, bytes, size, o->name, NULL, e);
    free(bytes);
    return rc;
}

static bool own_run(const struct own *o, const struct rt_frozen *f)
{
    struct rt_frozen_exec *x;
    struct rt_error e;
    const void *input[TENSORS];
    bool good = rt_frozen_outputs(f) == o->wants;
    assert_int_equal(rt_frozen_exec_create(&x, f), 0);
    for (int i = 0; i < o->inputs; i++)
        input[i] = o->input[i].data;
    if (rt_frozen_run(x, input, &e) < 0)
        fail_msg("%s: %s", o->name, e.text);
    for (int i = 0; i < o->wants && good; i++)
        good = equal(o->name, i, rt_frozen_result(x, i), &o->want[i]);
    rt_frozen_exec_destroy(x);
    return good;
}

/* As it is, or refused with these words. */
static bool own_check(struct own *o)
{
    struct rt_onnx *model;
    struct rt_frozen *f = NULL;
    struct rt_error e = {0};
    int rc = own_read_model(o, &model, &e);
    if (rc == 0)
        rc = rt_frozen_create(&f, model, o->name, NULL, &e);
    bool good = o->refused[0] ? rc < 0 && strstr(e.text, o->refused) : rc == 0 && own_run(o, f);
    if (!good)
        print_error("%s: %s\n", o->name, rc < 0 ? e.text : "is read, and should be refused or give other numbers");
    rt_frozen_destroy(f);
    if (good && !o->refused[0])
        rows_cover(model);
    rt_onnx_destroy(model);
    for (int i = 0; i < TENSORS; i++) {
        rt_tensor_fini(&o->input[i]);
        rt_tensor_fini(&o->want[i]);
    }
    return good;
}

static void own_cases(void **state)
{
    (void)state;
    FILE *file = fopen(CASES, "r");
    struct own o = {.name = ""};
    char line[8200];
    int bad = 0, cases = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *rest = line + strcspn(line, " ");
        *rest++ = '\0';
        rest[strcspn(rest, "\n")] = '\0';
        if (strcmp(line, "case") == 0) {
            bad += cases++ > 0 && !own_check(&o);
            o = (struct own){.name = ""};
            strncpy(o.name, rest, sizeof o.name - 1);
        } else if (strcmp(line, "model") == 0) {
            strncpy(o.model, rest, sizeof o.model - 1);
        } else if (strcmp(line, "refused") == 0) {
            strncpy(o.refused, rest, sizeof o.refused - 1);
        } else if (strcmp(line, "input") == 0) {
            own_tensor(&o.input[o.inputs++], rest);
        } else if (strcmp(line, "want") == 0) {
            own_tensor(&o.want[o.wants++], rest);
        }
    }
    bad += !own_check(&o);
    fclose(file);
    printf("%d cases of our own, %d wrong\n", cases, bad);
    assert_int_equal(bad, 0);
    assert_true(cases >= 80);
}

/* An operator that is claimed and computed nowhere here would be a claim alone. */
static void every_row_is_covered(void **state)
{
    (void)state;
    int missing = 0;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (!rows[k].covered) {
            print_error("%s, opsets %d to %d, is in no test\n", rows[k].type, rows[k].first, rows[k].last);
            missing++;
        }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest own[] = {cmocka_unit_test(own_cases)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_test),
        cmocka_unit_test(skipped_are_listed),
        cmocka_unit_test(every_row_is_covered),
    };
    int wrong = cmocka_run_group_tests(own, NULL, NULL);
    if (access(NODES, R_OK) == 0)
        return wrong + cmocka_run_group_tests(tests, NULL, NULL);
    print_message("no %s (Debian package libonnx-testdata)\n", NODES);
    return wrong ? wrong : 77; /* skipped */
}
