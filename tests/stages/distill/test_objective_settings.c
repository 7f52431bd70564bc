/* SPDX-License-Identifier: MIT
 * test_objective_settings: every row of terms.def from the recipe to the objective, and what is refused
 * when the network lacks what a term needs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/objective_settings.h"

static struct rt_recipe r;
static struct rt_objective_settings o;
static struct rt_error e;

static const struct rt_objective_facts everything = {
    .has_teacher = true, .shares_classes = true, .classes = 3, .teacher_classes = 3};

static void set(const char *key, double value)
{
    char text[120];
    snprintf(text, sizeof text, "%s=%g", key, value);
    if (rt_recipe_set(&r, text, &e) < 0)
        fail_msg("%s", e.text);
}

static void set_term(int k, const char *name, double value)
{
    char key[80];
    snprintf(key, sizeof key, "distill.%s.%s", rt_terms[k]->name, name);
    set(key, value);
}

static int check(const struct rt_objective_facts *f)
{
    rt_objective_read(&r, &o);
    return rt_objective_check(&o, 0, f, &e);
}

static void refused(const struct rt_objective_facts *f, int code, const char *says)
{
    if (check(f) != code || !strstr(e.text, says))
        fail_msg("wanted %d %s, got %s", code, says, e.text);
}

/* A term is refused for what it needs, and for nothing else. */
static void what_is_missing_is_refused(void **state)
{
    (void)state;
    struct rt_objective_facts alone = everything, features = everything, others = everything;
    alone.has_teacher = alone.shares_classes = false;
    alone.teacher_classes = 0;
    features.teacher_classes = 0;
    features.shares_classes = false;
    others.teacher_classes = 7;
    others.shares_classes = false;
    rt_recipe_init(&r);
    assert_int_equal(check(&alone), 0);
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++) {
        bool classifier = rt_terms[k]->reads != RT_READS_FEATURE;
        bool same = classifier && k != RT_TERM_head_kl;
        char name[60];
        snprintf(name, sizeof name, "distill.%s", rt_terms[k]->name);
        rt_recipe_init(&r);
        set_term(k, "lambda", 2);
        assert_int_equal(check(&everything), 0);
        refused(&alone, RT_EUSAGE, "lambda is 2, but there is no teacher.model");
        assert_non_null(strstr(e.text, name));
        assert_int_equal(check(&features), classifier ? RT_EMISMATCH : 0);
        assert_int_equal(check(&others), same ? RT_EMISMATCH : 0);
        if (same)
            refused(&others, RT_EMISMATCH, "the teacher has 7, the data set 3, or other names");
        if (classifier)
            refused(&features, RT_EMISMATCH, "needs the teacher's classifier, and it has none");
        r.teacher_on = false; /* a teacher that does not teach needs nothing */
        assert_int_equal(check(&others), 0);
    }
}

/* Each row's settings arrive in its place and in no other. */
static void every_row_arrives(void **state)
{
    (void)state;
    rt_recipe_init(&r);
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++) {
        set_term(k, "lambda", 1 + k);
        set_term(k, "margin", 20 + k);
        set_term(k, "quantile", k / 32.0);
    }
    double next = 0.25;
#define RT_PARAM(term, name, ...) set("distill." #term "." #name, next += 0.25);
#include "formats/terms.def"
    rt_objective_read(&r, &o);
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++)
        assert_true(o.term[k].lambda == 1 + k && o.term[k].margin == 20 + k && o.term[k].quantile == k / 32.0);
    assert_true(RT_PARAMS > 0 && next == 0.25 + 0.25 * RT_PARAMS);
    for (int p = 0; p < RT_PARAMS; p++)
        assert_true(o.param[p] == 0.5 + 0.25 * p);
}

static void the_task_follows_its_section(void **state)
{
    (void)state;
    rt_recipe_init(&r);
    for (int k = 0; k < RT_TASK_TERMS; k++) { /* task.loss knows every row */
        char text[60];
        snprintf(text, sizeof text, "task.loss=%s", rt_terms[k]->name);
        assert_int_equal(rt_recipe_set(&r, text, &e), 0);
        set("task.lambda", 3);
        rt_objective_read(&r, &o);
        for (int j = 0; j < RT_TASK_TERMS; j++)
            assert_true(o.term[j].lambda == (j == k ? 3 : 0));
    }
    set("task.scale", 17);
    set("task.margin", 0.5);
    set("task.margin_warmup", 0.2);
    rt_objective_read(&r, &o);
    assert_true(o.cosine_logits && o.aam_scale == 17 && o.aam_margin == 0.5);
    assert_true(rt_objective_aam_margin(&o, 10, 100) == 0.25); /* step 10 of a rise over 20 */
    assert_true(rt_objective_aam_margin(&o, 50, 100) == 0.5);
    set("task.smoothing", 0.125);
    rt_objective_read(&r, &o);
    assert_true(o.aam_margin == 0.5 && o.smoothing == 0.125);
    set("task.margin_warmup", 0);
    rt_objective_read(&r, &o);
    assert_true(rt_objective_aam_margin(&o, 0, 100) == 0.5);
}

static void a_teacher_that_is_off_teaches_nothing(void **state)
{
    (void)state;
    rt_recipe_init(&r);
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++)
        set_term(k, "lambda", 1);
    r.teacher_on = false;
    rt_objective_read(&r, &o);
    for (int k = 0; k < RT_TERMS; k++)
        assert_true(o.term[k].lambda == (k == RT_TERM_ce ? 1 : 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_refused),
        cmocka_unit_test(every_row_arrives),
        cmocka_unit_test(the_task_follows_its_section),
        cmocka_unit_test(a_teacher_that_is_off_teaches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
