/* SPDX-License-Identifier: MIT
 * Tests of stages/session/resume and identity: a run goes on only with the data, the recipe and the checkpoints that
 * are its own, what is not is named, and a checkpoint that a disk has damaged is not trained on. */
#include "pipeline/run/checkpoints.h"
#include "tests/stages/session/toy_run.h"

#include <unistd.h>

static struct toy t;
static char folder[200];
static struct rt_training_request resume;

static int setup(void **state)
{
    (void)state;
    toy_run_make(&t);
    snprintf(folder, sizeof folder, "%s/run", t.dir.path);
    resume = (struct rt_training_request){.output = folder, .resume = true};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_drop(&t);
    return 0;
}

static void run_until(const char *output, int64_t step)
{
    int rc;
    struct toy_run *r = toy_run_open(&t, (struct rt_training_request){.output = output}, &rc);
    TOY_OK(&t, rc);
    rt_control_until(r->training.control, step);
    assert_int_equal(rt_training_run(&r->training, &t.e), RT_ESTOPPED);
    toy_run_close(r);
}

/* The manifest with its lines `a` and `b` (from 0, behind the header) in each other's place. */
static char *lines_swapped(const char *text, int a, int b)
{
    char *line[40], *copy = strdup(text), *out = calloc(1, strlen(text) + 2), *save = NULL;
    int n = 0;
    for (char *w = strtok_r(copy, "\n", &save); w; w = strtok_r(NULL, "\n", &save))
        line[n++] = w;
    for (int i = 0; i < n; i++) {
        int from = i == a + 1 ? b + 1 : i == b + 1 ? a + 1 : i;
        strcat(strcat(out, line[from]), "\n");
    }
    free(copy);
    return out;
}

static char *word_replaced(const char *text, const char *word, const char *by)
{
    const char *at = strstr(text, word);
    char *out = malloc(strlen(text) + strlen(by) + 1);
    assert_non_null(at);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, by, at + strlen(word));
    return out;
}

/* Goes on with this manifest, which it takes over, and is refused in these words; the old one is put back. */
static void refuse(const char *whole, char *changed, const char *words, const char *place)
{
    int rc;
    scratch_write(&t.dir, "words.tsv", changed, strlen(changed));
    toy_run_close(toy_run_open(&t, resume, &rc));
    if (rc != RT_EMISMATCH || !strstr(t.e.text, words) || !strstr(t.e.text, place) ||
        !strstr(t.e.text, "step-00000003"))
        fail_msg("%d: %s", rc, t.e.text);
    scratch_write(&t.dir, "words.tsv", whole, strlen(whole));
    free(changed);
}

static void test_other_data(void **state)
{
    size_t size;
    (void)state;
    run_until(folder, 3);
    char *whole = (char *)read_bytes(scratch_file(&t.dir, "words.tsv"), &size);
    whole = realloc(whole, size + 1);
    whole[size] = '\0';
    refuse(whole, lines_swapped(whole, 4, 8), "ids, or their order", "line 6, sample \"s8\": \"s4\" then");
    refuse(whole, word_replaced(whole, "s4\ttrain\tgreen", "s4\ttrain\tblue"), "labels",
           "line 6, sample \"s4\": \"green\"");
    refuse(whole, word_replaced(whole, "s3\ttest", "s3\tvalid"), "splits",
           "line 5, sample \"s3\": \"test\" then, \"valid\"");
    refuse(whole, word_replaced(whole, "a green thing 4", ""), "can be used", "line 6, sample \"s4\": \"usable\" then");
    refuse(whole, word_replaced(whole, "a green thing 4", "a green thong 4"), "files or texts", "words.tsv");
    TOY_OK(&t, toy_run_whole(&t, resume)); /* as they were */
    free(whole);
}

/* Weights and other programs' numbers are named as the run read them; a weight not where people gave the sample one by
 * hand, as only their product is known. */
static void test_other_numbers(void **state)
{
    char table[1200] = "id\tsplit\tlabel\ttext\tmos\tweight\n";
    struct rt_error e;
    (void)state;
    for (int i = 0; i < 12; i++)
        sprintf(table + strlen(table), "s%d\ttrain\t%s\tthing %d\t%s\t%s\n", i, i % 2 ? "red" : "blue", i,
                i % 3 ? "0.1" : "", i % 4 ? "" : "0.7");
    scratch_write(&t.dir, "words.tsv", table, strlen(table));
    assert_int_equal(rt_recipe_set(&t.recipe, "weight.columns=mos up", &e), 0);
    run_until(folder, 3);
    refuse(table, word_replaced(table, "thing 4\t0.1", "thing 4\t0.12"), "numbers in the columns",
           "line 6, sample \"s4\": \"0.1\" then, \"0.12\" now");
    refuse(table, word_replaced(table, "thing 3\t", "thing 3\t2"), "numbers in the columns",
           "line 5, sample \"s3\": \"\" then, \"2\" now");
    refuse(table, word_replaced(table, "0.7\ns5", "\ns5"), "samples' weights",
           "line 6, sample \"s4\": \"0.7\" then, \"1\" now");
    struct rt_rundb *db;
    TOY_OK(&t, rt_rundb_open(&db, scratch_file(&t.dir, "run/run.db"), NULL, 0, 1, &t.e));
    TOY_OK(&t, rt_rundb_journal(db, 2, "me", "samples", "1@0", "0.5@0", &t.e));
    TOY_OK(&t, rt_rundb_commit(db, &t.e));
    rt_rundb_close(db);
    refuse(table, word_replaced(table, "0.7\ns5", "\ns5"), "samples' weights", "since it was written; bring");
}

/* A recipe that was edited together with what is asked for, and a checkpoint that is another run's. */
static void test_other_recipe(void **state)
{
    char other[200], path[RT_RUN_PATH], there[RT_RUN_PATH];
    struct rt_recipe before = t.recipe;
    int rc;
    (void)state;
    run_until(folder, 3);
    toy_set(&t.recipe, "seed=6");
    char *text = rt_recipe_text(&t.recipe);
    scratch_write(&t.dir, "run/recipe.yaml", text, strlen(text));
    free(text);
    toy_run_close(toy_run_open(&t, resume, &rc));
    if (rc != RT_EUSAGE || !strstr(t.e.text, "step-00000003") || !strstr(t.e.text, "seed: 5, the recipe now says 6"))
        fail_msg("%d: %s", rc, t.e.text);
    snprintf(other, sizeof other, "%s/other", t.dir.path);
    t.recipe = before;
    run_until(other, 3);
    assert_int_equal(rename(rt_checkpoints_path(folder, 3, path, sizeof path),
                            rt_checkpoints_path(folder, 2, there, sizeof there)), 0);
    text = rt_recipe_text(&t.recipe);
    scratch_write(&t.dir, "run/recipe.yaml", text, strlen(text));
    free(text);
    toy_run_close(toy_run_open(&t, resume, &rc));
    if (rc != RT_EMISMATCH || !strstr(t.e.text, "is of step 3"))
        fail_msg("%d: %s", rc, t.e.text);
}

static void path_flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_END), 0);
    int byte = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_END), 0);
    fputc(byte ^ 1, f);
    fclose(f);
}

/* One bit of a weight, which no format sees: the checkpoint before it is taken, and the end is the same. */
static void test_damaged(void **state)
{
    char whole[200], a[RT_RUN_PATH], b[RT_RUN_PATH], aside[RT_RUN_PATH + 16];
    (void)state;
    snprintf(whole, sizeof whole, "%s/whole", t.dir.path);
    TOY_OK(&t, toy_run_whole(&t, (struct rt_training_request){.output = whole}));
    run_until(folder, 3);
    path_flip(rt_checkpoints_path(folder, 3, a, sizeof a), -3);
    TOY_OK(&t, toy_run_whole(&t, resume));
    snprintf(aside, sizeof aside, "%s.damaged", a);
    assert_int_equal(access(aside, F_OK), 0);
    toy_run_same_file(rt_run_file_path(whole, RT_RUN_MODEL, a, sizeof a),
                      rt_run_file_path(folder, RT_RUN_MODEL, b, sizeof b));
    toy_run_same_file(rt_checkpoints_path(whole, 4, a, sizeof a), rt_checkpoints_path(folder, 4, b, sizeof b));
    path_flip(b, -3); /* also where a model is read */
    struct rt_model m;
    assert_int_equal(rt_model_load(&m, b, &t.e), RT_ECHECKSUM);
    assert_non_null(strstr(t.e.text, "is not what was written"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_other_data), TEST(test_other_numbers), TEST(test_other_recipe),
                                       TEST(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
