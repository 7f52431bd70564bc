/* SPDX-License-Identifier: MIT
 * Tests of sweep.h: what is refused and with which words, a whole file, the grid, names of folders. */
#include "formats/sweep.h"

#include <glob.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define FULL                                                                                                          \
    "name: voices\n"                                                                                                  \
    "set: [data.manifest=v/manifest.tsv, train.steps=400]\n"                                                          \
    "settings:\n"                                                                                                     \
    "  labels only: []\n"                                                                                             \
    "  kl: {teacher: names, set: [distill.kl.lambda=1]}\n"                                                            \
    "  kl, weights: {like: kl, set: [weight.terms=snr,clipped, train.lr=0.5]}\n"                                      \
    "recipe: ../student.yaml\n"                                                                                       \
    "seeds: 41-43\n"                                                                                                  \
    "metric: macro_f1\n"                                                                                              \
    "compare: kl\n"                                                                                                   \
    "teachers:\n"                                                                                                     \
    "  names: {recipe: teacher.yaml, per: sweep, seed: 7, set: [train.epochs=2]}\n"                                   \
    "pairs: [[kl, \"kl, weights\"]]\n"

static struct rt_sweep *sweep_read(const char *yaml)
{
    struct rt_sweep *s;
    struct rt_error e = {0};
    int rc = rt_sweep_parse(&s, yaml, strlen(yaml), "x.yaml", "/data/sub/", &e);
    if (rc < 0)
        fail_msg("%s", e.text);
    return s;
}

static void wrong_files_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        int code;
        const char *says[2];
    } rows[] = {
        {"recipe: a.yaml\n", RT_EUSAGE, {"x.yaml: a sweep needs", "settings"}},
        {"settings: {a: []}\n", RT_EUSAGE, {"x.yaml: a sweep needs", "recipe"}},
        {"recipe: [\n", RT_EFORMAT, {"x.yaml:", "not YAML"}},
        {"recipe: a\nseting: {}\n", RT_ENOTFOUND, {"x.yaml:2: a sweep has no \"seting\"", "did you mean settings?"}},
        {"recipe: a\nrecipe: b\n", RT_EUSAGE, {"x.yaml:2: recipe is there twice", ""}},
        {"recipe: a\nsettings:\n  b: [train.lrr=1]\n", RT_ENOTFOUND, {"x.yaml:3:", "did you mean train.lr?"}},
        {"recipe: a\nsettings:\n  b: [train.lr=fast]\n", RT_EFORMAT, {"x.yaml:3: train.lr", "\"fast\""}},
        {"recipe: a\nsettings:\n  b: [clipped]\n", RT_EUSAGE, {"x.yaml:3: \"clipped\"", "KEY=VALUE"}},
        {"recipe: a\nsettings:\n  b: [seed=4]\n", RT_EUSAGE, {"x.yaml:3: seed", "write seeds"}},
        {"recipe: a\nsettings:\n  b: {teacher: nobody}\n", RT_ENOTFOUND, {"x.yaml:3: there is no teacher", ""}},
        {"recipe: a\nteachers: {names: {recipe: t}}\nsettings:\n  b: {teacher: name}\n", RT_ENOTFOUND,
         {"x.yaml:4: there is no teacher \"name\"", "did you mean names?"}},
        {"recipe: a\nteachers: {names: {}}\nsettings: {a: []}\n", RT_EUSAGE, {"x.yaml:2: teacher names", "recipe"}},
        {"recipe: a\nteachers: {n: {recipe: t, seed: 3}}\nsettings: {a: []}\n", RT_ERANGE, {"x.yaml:2: seed", "per"}},
        {"recipe: a\nteachers: {n: {recipe: t, per: day}}\n", RT_ERANGE, {"x.yaml:2: per", "sweep"}},
        {"recipe: a\nsettings:\n  b: {like: c}\n  c: []\n", RT_ENOTFOUND, {"x.yaml:3: there is no setting \"c\"", ""}},
        {"recipe: a\nsettings:\n  a, b: []\n  a b: []\n", RT_EUSAGE, {"x.yaml:4:", "one folder, a-b"}},
        {"recipe: a\nteachers:\n  a, b: {recipe: a}\n  a b: {recipe: b}\nsettings: {c: []}\n", RT_EUSAGE,
         {"x.yaml:4:", "one folder"}},
        {"recipe: a\nsettings:\n  '!?': []\n", RT_EUSAGE, {"x.yaml:3:", "letter or digit"}},
        {"recipe: a\nsettings: {a: []}\ncompare: b\n", RT_ENOTFOUND, {"x.yaml:3: there is no setting \"b\"", ""}},
        {"recipe: a\nsettings: {a: []}\npairs: [[a]]\n", RT_EFORMAT, {"x.yaml:3: a pair is", ""}},
        {"recipe: a\nsettings: {a: []}\nmetric: top2\n", RT_ERANGE, {"x.yaml:3: metric", "eer"}},
        {"recipe: a\nsettings: {a: []}\nseeds: 5-3\n", RT_EUSAGE, {"x.yaml:3: seeds \"5-3\"", "11-15"}},
        {"recipe: a\nsettings: {a: []}\nseeds: [1, 1]\n", RT_EUSAGE, {"x.yaml:3: seeds", "once"}},
        {"recipe: a\nsettings:\n  b: {vary: train.lr=1}\n", RT_EFORMAT, {"x.yaml:3: vary", "[KEY=V1,V2"}},
        {"recipe: a\nsettings:\n  b: {vary: [train.lr=1, seed=2]}\n", RT_EFORMAT, {"x.yaml:3: vary", "one key"}},
        {"recipe: a\nsettings:\n  b: {vary: [train.lr=1,fast]}\n", RT_EFORMAT, {"x.yaml:3: train.lr", "\"fast\""}},
        {"recipe: a\nsettings:\n  b: {vary: [train.lr=1,2]}\n  c: {vary: [train.steps=1,2]}\n", RT_EUSAGE,
         {"x.yaml:3: vary: train.steps", "one axis"}},
        {"recipe: a\nsettings:\n  b: {vary: [train.lr=1,2]}\n  'b, lr=1': []\n", RT_EUSAGE,
         {"x.yaml:3:", "one folder"}},
        {"recipe: a\nsettings: {a: []}\npanels: [few]\n", RT_EFORMAT, {"x.yaml:3: panels", "NAME"}},
        {"train: {lrr: 1}\n", RT_ENOTFOUND, {"x.yaml:1:", "train.lr"}}, /* as a recipe */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rt_sweep *s = (struct rt_sweep *)&s;
        struct rt_error e = {0};
        assert_int_equal(rt_sweep_parse(&s, rows[i].yaml, strlen(rows[i].yaml), "x.yaml", "/d", &e), rows[i].code);
        assert_null(s);
        for (int k = 0; k < 2; k++)
            if (!strstr(e.text, rows[i].says[k]))
                fail_msg("row %zu: \"%s\" lacks \"%s\"", i, e.text, rows[i].says[k]);
    }
}

static void whole_file_is_read_in_any_order(void **state)
{
    (void)state;
    struct rt_sweep *s = sweep_read(FULL);
    assert_string_equal(s->name, "voices");
    assert_string_equal(s->recipe, "/data/student.yaml");
    assert_string_equal(s->metric, "macro_f1");
    assert_int_equal(s->seeds, 3);
    assert_int_equal(s->seed[2], 43);
    assert_int_equal(s->teachers, 1);
    assert_string_equal(s->teacher[0].recipe, "/data/sub/teacher.yaml");
    assert_true(s->teacher[0].one);
    assert_int_equal(s->teacher[0].seed, 7);
    assert_string_equal(s->teacher[0].set.text[0], "train.epochs=2");
    assert_int_equal(s->settings, 3);
    assert_int_equal(s->compare, 1);
    assert_int_equal(s->setting[0].teacher, -1);
    assert_int_equal(s->setting[0].set.count, 2);
    assert_string_equal(s->setting[0].set.text[0], "data.manifest=/data/sub/v/manifest.tsv");
    assert_int_equal(s->setting[1].teacher, 0);
    assert_int_equal(s->setting[2].teacher, 0);
    assert_string_equal(s->setting[2].name, "kl, weights");
    assert_int_equal(s->setting[2].set.count, 5);
    assert_string_equal(s->setting[2].set.text[2], "distill.kl.lambda=1");
    assert_string_equal(s->setting[2].set.text[3], "weight.terms=snr,clipped");
    assert_string_equal(s->setting[2].set.text[4], "train.lr=0.5");
    assert_int_equal(s->pairs, 1);
    assert_int_equal(s->pair[0][0], 1);
    assert_int_equal(s->pair[0][1], 2);
    rt_sweep_destroy(s);
}

static void recipe_is_a_sweep_of_one_setting(void **state)
{
    (void)state;
    struct rt_sweep *s = sweep_read("train: {steps: 5}\n");
    assert_string_equal(s->name, "x");
    assert_int_equal(s->settings, 1);
    assert_string_equal(s->setting[0].name, "");
    assert_int_equal(s->seeds, 3);
    assert_string_equal(s->metric, "top1");
    assert_string_equal(strrchr(s->recipe, '/'), "/x.yaml");
    rt_sweep_destroy(s);
}

static void grid_is_the_product(void **state)
{
    (void)state;
    struct rt_sweep *s = sweep_read(FULL);
    struct rt_error e = {0};
    assert_int_equal(rt_sweep_vary(s, "train.lr=0.1,0.2", &e), 0);
    assert_int_equal(rt_sweep_vary(s, "train.steps=50", &e), 0);
    assert_int_equal(rt_sweep_vary(s, "data.labels=3%,10%,all", &e), RT_EFORMAT);
    rt_sweep_destroy(s);
    s = sweep_read(FULL);
    assert_int_equal(rt_sweep_vary(s, "train.lr=0.1,0.2", &e), 0);
    assert_int_equal(rt_sweep_vary(s, "train.steps=50", &e), 0);
    assert_int_equal(rt_sweep_vary(s, "student.net=cnn1d,resnet,tdnn", &e), 0);
    assert_int_equal(rt_sweep_vary(s, "weight.terms=snr,clipped", &e), 0);
    assert_int_equal(s->settings, 18);
    assert_int_equal(s->keys, 2);
    assert_string_equal(s->key[0], "train.lr");
    assert_string_equal(s->setting[0].name, "labels only, train.lr=0.1, student.net=cnn1d");
    assert_string_equal(s->setting[10].name, "kl, train.lr=0.2, student.net=resnet");
    assert_string_equal(s->setting[10].series, "kl");
    assert_true(s->setting[10].at[0] == 0.2);
    assert_true(isnan(s->setting[10].at[1]));
    assert_int_equal(s->setting[10].teacher, 0);
    const struct rt_sweep_set *set = &s->setting[10].set;
    assert_string_equal(set->text[set->count - 1], "weight.terms=snr,clipped");
    assert_string_equal(set->text[set->count - 2], "student.net=resnet");
    assert_string_equal(set->text[set->count - 3], "train.steps=50");
    assert_string_equal(set->text[set->count - 4], "train.lr=0.2");
    assert_int_equal(s->compare, 6);
    assert_int_equal(s->pairs, 6);
    assert_int_equal(s->pair[4][0], 10);
    assert_int_equal(s->pair[4][1], 16);
    assert_int_equal(rt_sweep_vary(s, "train.lrr=1,2", &e), RT_ENOTFOUND);
    assert_int_equal(rt_sweep_vary(s, "train.lr", &e), RT_EUSAGE);
    rt_sweep_destroy(s);
    s = sweep_read("train: {steps: 5}\n"); /* one folder would be two runs' */
    assert_int_equal(rt_sweep_vary(s, "train.lr=0.1,0.2,0.1", &e), RT_EUSAGE);
    assert_non_null(strstr(e.text, "one folder"));
    rt_sweep_destroy(s);
    char many[1100] = "train.steps=1";
    for (int i = 2; i <= 280; i++)
        sprintf(many + strlen(many), ",%d", i);
    s = sweep_read("train: {steps: 5}\n"); /* none of them is left out without a word */
    assert_int_equal(rt_sweep_vary(s, many, &e), RT_ELARGE);
    rt_sweep_destroy(s);
}

static void settings_vary_in_each_panel(void **state)
{
    (void)state;
    struct rt_sweep *s = sweep_read(
        "recipe: a.yaml\nsettings:\n  labels only: []\n  l2: {set: [train.lr=0.1], vary: [distill.l2.lambda=1,20]}\n"
        "  soft: {like: l2, set: [distill.l2.quantile=50%]}\n  kl: {vary: [distill.kl.lambda=0.5]}\n"
        "panels: {few: [data.labels=3%], all: [data.labels=1]}\n"
        "pairs: [['l2, lambda=20, all', 'kl, lambda=0.5, few']]\n");
    struct rt_error e = {0};
    assert_int_equal(s->settings, 1 + 4 + 4 + 2);
    assert_int_equal(s->keys, 1);
    assert_string_equal(s->key[0], "lambda");
    assert_true(isnan(s->setting[0].at[0]));
    assert_int_equal(s->setting[0].panel, -1);
    const struct rt_sweep_setting *l2 = &s->setting[4];
    assert_string_equal(l2->name, "l2, lambda=20, all");
    assert_string_equal(l2->series, "l2");
    assert_true(l2->at[0] == 20);
    assert_int_equal(l2->panel, 1);
    assert_int_equal(l2->set.count, 3);
    assert_string_equal(l2->set.text[0], "train.lr=0.1");
    assert_string_equal(l2->set.text[1], "data.labels=1");
    assert_string_equal(l2->set.text[2], "distill.l2.lambda=20");
    assert_string_equal(s->setting[5].name, "soft, lambda=1, few");
    assert_int_equal(s->setting[5].set.count, 4);
    assert_int_equal(s->pair[0][0], 4);
    assert_int_equal(s->pair[0][1], 9);
    assert_int_equal(rt_sweep_vary(s, "train.steps=5,6", &e), 0);
    assert_int_equal(s->settings, 22);
    assert_true(s->setting[9].at[0] == 20 && s->setting[9].at[1] == 6);
    rt_sweep_destroy(s);
}

static void seeds_are_a_range_or_a_list(void **state)
{
    (void)state;
    struct rt_sweep *s = sweep_read("train: {steps: 5}\n");
    struct rt_error e = {0};
    assert_int_equal(rt_sweep_seeds(s, "1,3, 7-9", &e), 0);
    assert_int_equal(s->seeds, 5);
    assert_int_equal(s->seed[4], 9);
    static const char *const wrong[] = {"", "a", "1,", "1-", "-1", "1,1", "3-2", "1-1000", "1 2", "99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(rt_sweep_seeds(s, wrong[i], &e), RT_EUSAGE);
    rt_sweep_destroy(s);
}

static void folders_are_called_simply(void **state)
{
    (void)state;
    char slug[RT_SWEEP_NAME];
    assert_string_equal(rt_sweep_slug("Text: hard l2, weights", slug), "text-hard-l2-weights");
    assert_string_equal(rt_sweep_slug("a, train.lr=1e-3", slug), "a-train.lr=1e-3");
    assert_string_equal(rt_sweep_slug("x=-1", slug), "x=-1");
    assert_string_equal(rt_sweep_slug("../..", slug), "..-..");
    assert_string_equal(rt_sweep_slug("\xC3\xA9", slug), "");
}

/* Recipes are data: what is wrong in one should not be found by whoever runs it. */
static void recipes_have_sweeps(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(glob("recipes/*/sweep*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 3);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct rt_sweep *s;
        struct rt_error e = {0};
        if (rt_sweep_load(&s, found.gl_pathv[i], &e) < 0)
            fail_msg("%s", e.text);
        assert_true(s->settings > 1 && s->seeds > 2);
        rt_sweep_destroy(s);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_are_refused_with_their_line),
        cmocka_unit_test(whole_file_is_read_in_any_order),
        cmocka_unit_test(recipe_is_a_sweep_of_one_setting),
        cmocka_unit_test(grid_is_the_product),
        cmocka_unit_test(settings_vary_in_each_panel),
        cmocka_unit_test(seeds_are_a_range_or_a_list),
        cmocka_unit_test(folders_are_called_simply),
        cmocka_unit_test(recipes_have_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
