/* SPDX-License-Identifier: MIT
 * test_terms_golden: distances and gradients of every row of terms.def against PyTorch's, from
 * tests/golden/torch_terms.safetensors (made by torch_terms.py). A new row without values fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "formats/safetensors.h"
#include "stages/distill/term.h"

#define PATH "tests/golden/torch_terms.safetensors"
#define TOLERANCE 1e-5 /* relative to 1 + |value| */

static const struct rt_tensor *tensor(const struct rt_safetensors *s, const char *name,
                                      enum rt_dtype dtype)
{
    const struct rt_tensor *t = rt_safetensors_get(s, name);

    if (!t)
        fail_msg("%s lacks %s", PATH, name);
    assert_int_equal(t->dtype, dtype);
    return t;
}

static const float *floats(const struct rt_safetensors *s, const char *name)
{
    return tensor(s, name, RT_F32)->data;
}

static void compare(const char *what, const char *term, int64_t i, double got, double want)
{
    if (!(fabs(got - want) < TOLERANCE * (1 + fabs(want))))
        fail_msg("%s of %s, element %d: %.9g, PyTorch has %.9g", what, term, (int)i, got, want);
}

static void compare_term(const struct rt_safetensors *s, const struct rt_term_in *in, int k)
{
    const struct rt_term *term = rt_terms[k];
    char name[64];
    uint8_t use[64];
    double value[64], scale[64];
    float grad[4096] = {0};

    snprintf(name, sizeof name, "%s.value", term->name);
    const struct rt_tensor *want = tensor(s, name, RT_F64);
    assert_int_equal(rt_tensor_count(want), in->batch);
    snprintf(name, sizeof name, "%s.grad", term->name);
    const struct rt_tensor *want_grad = tensor(s, name, RT_F64);
    assert_in_range(rt_tensor_count(want_grad), 1, 4096);

    memset(use, 1, sizeof use);
    for (int i = 0; i < in->batch; i++)
        scale[i] = 1;
    term->ops->value(in, use, value);
    term->ops->grad(in, use, scale, &(struct rt_term_out){grad, grad, grad});
    for (int i = 0; i < in->batch; i++)
        compare("distance", term->name, i, value[i], ((const double *)want->data)[i]);
    for (int64_t i = 0; i < rt_tensor_count(want_grad); i++)
        compare("gradient", term->name, i, grad[i], ((const double *)want_grad->data)[i]);
}

static void agrees_with_pytorch(void **state)
{
    struct rt_safetensors *s = NULL;
    struct rt_error e;

    (void)state;
    if (rt_safetensors_read(&s, PATH, &e) < 0)
        fail_msg("%s", e.text);
    const double *settings = tensor(s, "settings", RT_F64)->data;
    const struct rt_tensor *logits = tensor(s, "logits", RT_F32);
    double param[RT_PARAMS];
#define RT_PARAM(term, name, kind, initial, ...)                                                   \
    param[RT_PARAM_##term##_##name] =                                                              \
        strcmp(#name, "temperature") == 0 ? settings[0] : strtod(initial, NULL);
#include "formats/terms.def"
    struct rt_term_in in = {.batch = (int)logits->dim[0],
                            .classes = (int)logits->dim[1],
                            .teacher_classes = (int)logits->dim[1],
                            .dim = (int)tensor(s, "feature", RT_F32)->dim[1],
                            .feature = floats(s, "feature"),
                            .head = floats(s, "head"),
                            .t_feature = floats(s, "t_feature"),
                            .t_logits = floats(s, "t_logits"),
                            .label = tensor(s, "label", RT_I32)->data,
                            .param = param,
                            .logit_scale = 1,
                            .smoothing = settings[1],
                            .aam_margin = settings[2],
                            .aam_scale = settings[3]};
    assert_in_range(in.batch, 1, 64);
    for (int k = 0; k < RT_TERMS; k++) {
        if (rt_terms[k]->needs & RT_NEEDS_OTHERS)
            continue; /* not in the file: test_terms.c works them out by other routes */
        in.logits = k == RT_TERM_aam ? floats(s, "cosines") : logits->data;
        compare_term(s, &in, k);
    }
    rt_safetensors_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
