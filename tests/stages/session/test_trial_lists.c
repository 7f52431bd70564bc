/* SPDX-License-Identifier: MIT
 * Tests of stages/session/trial_lists: what may not be in a list of trials is refused with file and line; what a
 * list names. The run with them: test_training.c, tests/cli/test_run.py. */
#include "stages/session/trial_lists.h"
#include "tests/stages/toy.h"

static struct toy t;
static struct rt_trial_lists l;

static int setup(void **state)
{
    (void)state;
    static const char table[] = "id\tsplit\tlabel\ttext\n"
                                "a\ttrain\tx\tone\nb\ttrain\ty\ttwo\n"
                                "c\tvalid\t\tthree\nd\tvalid\t\tfour\ne\tvalid\t\t\n"
                                "f\ttest\t\tfive\ng\ttest\t\tsix\n";
    char path[300];
    toy_make(&t, "student.modality=text");
    scratch_write(&t.dir, "words.tsv", table, sizeof table - 1);
    snprintf(path, sizeof path, "%s/words.tsv", t.dir.path);
    TOY_OK(&t, rt_dataset_load(&t.data, path, 1, 1, NULL, 0, &t.e));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_trial_lists_fini(&l);
    rt_dataset_fini(&t.data);
    scratch_remove(&t.dir);
    return 0;
}

static int load(const char *key, const char *list)
{
    char set[400];
    scratch_write(&t.dir, "list", list, strlen(list));
    snprintf(set, sizeof set, "%s=%s/list", key, t.dir.path);
    toy_set(&t.recipe, set);
    rt_trial_lists_fini(&l);
    int rc = rt_trial_lists_load(&l, &t.recipe, &t.data, RT_TEXT, &t.e);
    snprintf(set, sizeof set, "%s=", key);
    toy_set(&t.recipe, set);
    return rc;
}

static void refuse(const char *key, const char *list, int code, const char *words)
{
    int rc = load(key, list);
    if (rc != code || !strstr(t.e.text, words))
        fail_msg("%s: %d: %s", list, rc, rc < 0 ? t.e.text : "");
}

static void test_refused(void **state)
{
    (void)state;
    refuse("eval.trials", "1 c d\n0 c nobody\n", RT_EFORMAT, "list:2: 'nobody' is neither an id nor a path");
    refuse("eval.trials", "1 c d\n\n0 d a\n", RT_EMISMATCH, "list:3: 'a' is of the split train");
    refuse("eval.trials", "1 c d\n0 f c\n", RT_EMISMATCH, "list:2: 'f' is of the split test: eval.trials takes samples "
           "of valid");
    refuse("eval.trials_test", "1 f g\n0 b f\n", RT_EMISMATCH, "list:2: 'b' is of the split train: eval.trials_test");
    refuse("eval.trials_noisy", "1 f g\n0 g e\n", RT_EMISMATCH, "list:2: 'e' has no text in ");
    refuse("eval.trials", "1 c d\n1 d c\n", RT_ENODATA,
           "list: of 2 trials 2 are usable and of the same speaker, 0 of two");
    refuse("eval.trials_test", "0 f g\n", RT_ENODATA, "both kinds are needed");
    rt_trial_lists_fini(&l);
    toy_set(&t.recipe, "eval.trials=/none");
    assert_int_equal(rt_trial_lists_load(&l, &t.recipe, &t.data, RT_TEXT, &t.e), RT_EMISSING);
}

static void test_none(void **state)
{
    (void)state;
    TOY_OK(&t, rt_trial_lists_load(&l, &t.recipe, &t.data, RT_TEXT, &t.e));
    for (int k = 0; k < RT_TRIAL_LISTS; k++)
        assert_int_equal(l.list[k].count, 0);
}

static void test_loaded(void **state)
{
    (void)state;
    TOY_OK(&t, load("eval.trials_test", "1 f g\n0 f c\n")); /* those of valid may be in it */
    assert_int_equal(l.list[RT_TRIALS_TEST].count, 2);
    assert_int_equal(l.list[RT_TRIALS_VALID].count, 0);
    assert_int_equal(l.list[RT_TRIALS_TEST].trial[1].line, 2);
    static const bool want[] = {false, false, true, false, false, true, true};
    bool *named = rt_trials_named(&l.list[RT_TRIALS_TEST], 7);
    assert_memory_equal(named, want, sizeof want);
    free(named);
    t.data.reason[RT_TEXT][2] = RT_EFORMAT; /* found bad by the scoring pass: the only pair of two is gone */
    assert_int_equal(rt_trial_lists_check(&l, &t.data, RT_TEXT, &t.e), RT_ENODATA);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_refused), TEST(test_none), TEST(test_loaded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
