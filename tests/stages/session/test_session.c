/* SPDX-License-Identifier: MIT
 * Tests of stages/session/session: a manifest that is not there, bad samples (listed in order, summed up, strict),
 * then equal scores and outputs for any number of workers, with a cold and a warm cache. Also run under
 * TSan: workers write reasons and content keys while others read theirs. */
#include "tests/stages/toy.h"
#include "stages/session/session.h"

#include <sys/stat.h>
#include <unistd.h>

static struct toy t;
static char cache[300], manifest[300];

/* What a session told, as a front end would hear it. */
struct heard {
    int passes, over, last, total;
    char warning[2][300];
    int warnings;
};
static struct heard heard;

static void hear_warning(void *self, const char *text)
{
    struct heard *h = self;
    if (h->warnings < 2)
        snprintf(h->warning[h->warnings++], sizeof *h->warning, "%s", text);
}

static void hear_progress(void *self, const char *what, int done, int total)
{
    struct heard *h = self;
    if (!what) {
        h->over++;
        return;
    }
    assert_true(strcmp(what, "scoring") == 0 || strcmp(what, "computing outputs") == 0);
    assert_true(done == 0 || done > h->last); /* it only grows, from 0 on */
    h->passes += done == 0;
    h->last = done;
    h->total = total;
}

static const struct rt_watch watch = {&heard, hear_warning, NULL, hear_progress};

/* Rows 0..39: texts and pictures in turn; every 8th picture is missing or empty, row 33 has no words. */
static int setup(void **state)
{
    static const char *const picture[] = {"rgb.png", "palette.png", "grey.png"};
    (void)state;
    toy_make(&t, "image.size=8 student.modality=image student.net=cnn2d student.width=4 "
                 "student.embedding=4 text.buckets=64");
    for (int i = 0; i < 3; i++) {
        char from[100];
        snprintf(from, sizeof from, "tests/data/good/%s", picture[i]);
        toy_copy(&t, from, picture[i]);
    }
    scratch_write(&t.dir, "empty.png", "", 0);
    char table[4000] = "id\tlabel\timage\ttext\n";
    for (int i = 0; i < 40; i++)
        sprintf(table + strlen(table), "r%d\t%s\t%s\t%s %d\n", i, i % 2 ? "x" : "y",
                i % 8 ? picture[i % 3] : i % 16 ? "empty.png" : "gone.png", i == 33 ? "?" : "word",
                i);
    heard = (struct heard){0};
    memcpy(strstr(table, "? 33"), "?...", 4);
    scratch_write(&t.dir, "m.tsv", table, strlen(table));
    snprintf(manifest, sizeof manifest, "%s", scratch_file(&t.dir, "m.tsv"));
    snprintf(cache, sizeof cache, "cache.dir=%s", scratch_file(&t.dir, "cache"));
    toy_set(&t.recipe, cache);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_drop(&t);
    return 0;
}

static const bool both[RT_MODALITIES] = {[RT_IMAGE] = true, [RT_TEXT] = true};

static int open_scored(struct rt_session *s, int workers, bool strict)
{
    const struct rt_front *front[RT_MODALITIES] = {[RT_IMAGE] = &t.front, [RT_TEXT] = &t.front};
    TOY_OK(&t, rt_session_open(s, &t.recipe, manifest, 1, NULL, 0, &watch, &t.e));
    s->limits.decoders = workers;
    s->limits.strict = strict;
    return rt_session_score(s, both, front, &t.e);
}

static void test_refused(void **state)
{
    (void)state;
    struct rt_session s;
    assert_int_equal(rt_session_open(&s, &t.recipe, "/none.tsv", 1, NULL, 0, NULL, &t.e), RT_EMISSING);
    rt_session_close(&s); /* empty: fine */
    assert_true(open_scored(&s, 4, true) < 0);
    assert_non_null(strstr(t.e.text, "gone.png")); /* of all bad samples the first in order */
    assert_int_equal(heard.passes, 1);
    assert_int_equal(heard.over, 1); /* also of a pass that failed: a bar may be taken away */
    rt_session_close(&s);
    toy_set(&t.recipe, "pipeline.decoders=256");
    assert_true(rt_session_limits_of(&t.recipe).decoders <= RT_TEACHER_WORKERS);
}

static void test_left_out(void **state)
{
    (void)state;
    struct rt_session s;
    char text[400];
    TOY_OK(&t, open_scored(&s, 4, false));
    rt_session_summary(&s, text, sizeof text);
    assert_string_equal(text, "6 of 40 samples left out: 3 missing picture, 2 empty picture, "
                              "1 empty text");
    struct rt_drop late = {.sample = 3, .modality = RT_TEXT, .reason = RT_EFORMAT, .text = "late"};
    rt_session_leave_out(&s, &late); /* as training does: the list stays in order */
    rt_session_leave_out(&s, &late);
    assert_int_equal(s.left_count, 7);
    for (int i = 1; i < s.left_count; i++)
        assert_true(s.left[i - 1].sample < s.left[i].sample);
    assert_int_equal(s.left[1].sample, 3);
    for (int i = 0; i < s.left_count; i++)
        assert_true(s.left[i].sample == 3 || s.dataset.reason[s.left[i].modality][s.left[i].sample] ==
                                                 s.left[i].reason);
    rt_session_close(&s);
}

static void test_equal(void **state)
{
    (void)state;
    static const char *const name[] = {"x", "y"};
    static const int workers[] = {1, 4, 3};
    struct rt_session s[3]; /* cold, warm, without any cache */
    struct rt_outputs out[3];
    struct rt_model m;
    int rows[38];
    for (int i = 0; i < 38; i++)
        rows[i] = 39 - i;
    TOY_OK(&t, rt_model_create(&m, &t.recipe, name, 2, NULL, 0, NULL, NULL, &t.e));
    for (int k = 0; k < 3; k++) {
        if (k == 2) {
            scratch_write(&t.dir, "file", "", 0);
            snprintf(cache, sizeof cache, "cache.dir=%s/in", scratch_file(&t.dir, "file"));
            toy_set(&t.recipe, cache); /* cannot be made: said, and done without */
        }
        TOY_OK(&t, open_scored(&s[k], workers[k], false));
        assert_true((s[k].quality == NULL) == (k == 2));
        assert_int_equal(heard.last, 40);
        TOY_OK(&t, rt_session_infer(&s[k], &m, rows, 38, false, NULL, &out[k], &t.e));
        assert_int_equal(heard.last, 34); /* four of them have no picture */
        assert_int_equal(heard.total, 38);
        assert_int_equal(heard.passes, 2 * (k + 1));
        assert_int_equal(heard.over, 2 * (k + 1));
        assert_int_equal(heard.warnings, k == 2);
    }
    size_t cells = (size_t)s[0].scores.rows * (size_t)s[0].scores.columns;
    for (int k = 1; k < 3; k++) {
        assert_memory_equal(s[0].scores.percentile, s[k].scores.percentile, cells * sizeof(float));
        assert_memory_equal(out[0].have, out[k].have, 38);
        assert_memory_equal(out[0].embedding, out[k].embedding, 38 * 4 * sizeof(float));
        assert_memory_equal(out[0].logits, out[k].logits, 38 * 2 * sizeof(float));
        assert_memory_equal(s[0].content.key[RT_IMAGE], s[k].content.key[RT_IMAGE],
                            40 * sizeof(struct rt_key128));
    }
    assert_non_null(strstr(heard.warning[0], "going on without caches: "));
    for (int i = 0; i < 38; i++)
        assert_int_equal(out[0].have[i], rows[i] % 8 != 0);
    for (int k = 0; k < 3; k++) {
        rt_outputs_fini(&out[k]);
        rt_session_close(&s[k]);
    }
    rt_model_fini(&m);
}

/* One line, and not one for each file that would lie there. Not as root, who always may. */
static void test_cache_that_cannot_be_written(void **state)
{
    (void)state;
    struct rt_session s;
    int root = geteuid() == 0;
    snprintf(cache, sizeof cache, "%s", scratch_file(&t.dir, "locked"));
    assert_int_equal(mkdir(cache, 0555), 0);
    snprintf(cache, sizeof cache, "cache.dir=%s", scratch_file(&t.dir, "locked"));
    toy_set(&t.recipe, cache);
    if (root)
        assert_true(chmod(t.dir.path, 0755) == 0 && seteuid(65534) == 0);
    int rc = rt_session_open(&s, &t.recipe, manifest, 1, NULL, 0, &watch, &t.e);
    rt_session_close(&s);
    if (root)
        assert_int_equal(seteuid(0), 0);
    TOY_OK(&t, rc);
    assert_int_equal(heard.warnings, 1);
    assert_non_null(strstr(heard.warning[0], "going on without caches: cannot write in "));
    assert_non_null(strstr(heard.warning[0], "cache.dir"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_refused), TEST(test_left_out), TEST(test_equal),
                                       TEST(test_cache_that_cannot_be_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
