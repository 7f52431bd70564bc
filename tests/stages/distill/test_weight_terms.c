/* SPDX-License-Identifier: MIT
 * test_weight_terms: what a list of weight terms names, by what there is: words that are not had first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/weight_terms.h"

#define BOTH (RT_NEEDS_T_FEATURE | RT_NEEDS_T_LOGITS | RT_NEEDS_CLASSES)
#define NORM RT_WEIGHT_OF(RT_WEIGHT_teacher_norm)
#define CONFIDENCE RT_WEIGHT_OF(RT_WEIGHT_teacher_confidence)

static const char *const measure[] = {"snr", "sharpness", "teacher"};
static struct rt_weight_columns c;
static struct rt_error e;

static int read_with(const char *text, int measures, unsigned teacher)
{
    struct rt_weight_source have = {measure, measures, teacher};
    memset(&c, 0x7f, sizeof c);
    e.text[0] = '\0';
    return rt_weight_terms_read("weight.terms", text, &have, &c, &e);
}

static void refused(const char *text, int measures, unsigned teacher, int code, const char *says)
{
    int rc = read_with(text, measures, teacher);
    if (code == RT_EUSAGE) {
        char *hint = strstr(e.text, "; see retort inspect --measures");
        assert_non_null(hint);
        *hint = '\0';
    }
    if (rc != code || strcmp(e.text, says) != 0)
        fail_msg("'%s': %d %s", text, rc, e.text);
}

static void holds(int count, const int *column)
{
    assert_int_equal(c.count, count);
    for (int i = 0; i < count; i++)
        assert_int_equal(c.column[i], column[i]);
}

static void what_is_not_had_is_refused(void **state)
{
    (void)state;
    refused("loudness", 2, 0, RT_EUSAGE,
            "weight.terms: 'loudness' is not measured here: take of snr, sharpness");
    refused("sn", 2, BOTH, RT_EUSAGE, "weight.terms: 'sn' is not measured here: take of snr, sharpness, "
            "teacher_norm, teacher_confidence, agreement");
    refused("snrr", 1, RT_NEEDS_T_FEATURE, RT_EUSAGE,
            "weight.terms: 'snrr' is not measured here: take of snr, teacher_norm");
    refused("teacher_norm", 0, 0, RT_EUSAGE,
            "weight.terms: 'teacher_norm' is not measured here: take of none");
    refused("teacher_confidence", 1, RT_NEEDS_T_FEATURE, RT_EMISMATCH, "weight.terms: "
            "'teacher_confidence' needs the teacher's classifier, and it has none (teacher.logits: none)");
    refused("teacher_confidence", 1, RT_NEEDS_TEACHER, RT_EMISMATCH,
            "weight.terms: 'teacher_confidence' needs a teacher with the data set's classes");
}

/* Who only looks at a list takes what there is; the first word that is wrong is named. */
static void the_rest_is_there_all_the_same(void **state)
{
    (void)state;
    refused("loudness,snr,length,sharpness", 2, 0, RT_EUSAGE,
            "weight.terms: 'loudness' is not measured here: take of snr, sharpness");
    holds(2, (const int[]){0, 1});
    struct rt_weight_source have = {measure, 2, 0};
    assert_int_equal(rt_weight_terms_read("--quality", "x sharpness", &have, &c, NULL), RT_EUSAGE);
    holds(1, (const int[]){1});
}

static void columns_in_the_order_of_the_text(void **state)
{
    (void)state;
    assert_int_equal(read_with("", 3, BOTH), 0);
    assert_int_equal(c.count, 0);
    assert_int_equal(read_with(" , ", 3, BOTH), 0);
    assert_int_equal(c.count, 0);
    assert_int_equal(read_with("teacher_norm,sharpness,teacher_confidence, snr ,teacher", 3, BOTH), 0);
    holds(5, (const int[]){NORM, 1, CONFIDENCE, 0, 2});
    assert_int_equal(read_with("snr sharpness", 3, 0), 0);
    holds(2, (const int[]){0, 1});
    char many[4 * RT_WEIGHT_COLUMNS + 20] = "";
    for (int i = 0; i < RT_WEIGHT_COLUMNS + 3; i++)
        strcat(many, "snr,");
    assert_int_equal(read_with(many, 1, 0), 0);
    assert_int_equal(c.count, RT_WEIGHT_COLUMNS);
}

static void rows_are_complete(void **state)
{
    (void)state;
    for (int i = 0; i < RT_WEIGHT_TERMS; i++) {
        assert_true(strlen(rt_weight_terms[i].words) > 0 && (rt_weight_terms[i].needs & RT_NEEDS_TEACHER));
        assert_int_equal(read_with(rt_weight_terms[i].name, 0, BOTH), 0);
        assert_int_equal(RT_WEIGHT_OF(c.column[0]), i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_had_is_refused),
        cmocka_unit_test(the_rest_is_there_all_the_same),
        cmocka_unit_test(columns_in_the_order_of_the_text),
        cmocka_unit_test(rows_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
