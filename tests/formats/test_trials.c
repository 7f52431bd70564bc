/* SPDX-License-Identifier: MIT
 * Tests of formats/trials: wrong lines, each named with file, line and value; then ids and paths. */
#include "formats/trials.h"
#include "tests/support/support.h"

#include <string.h>

static struct scratch dir;
static struct rt_manifest *m;
static struct rt_trials t;
static struct rt_error e;

static int load(const char *text, size_t size)
{
    scratch_write(&dir, "trials", text, size);
    return rt_trials_load(&t, scratch_file(&dir, "trials"), m, "speech", &e);
}

static void refused(const char *text, int code, const char *says)
{
    int rc = load(text, strlen(text));
    if (rc != code || !strstr(e.text, says))
        fail_msg("%s: %d %s", text, rc, e.text);
    assert_null(t.trial);
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(rt_trials_load(&t, scratch_file(&dir, "none"), m, "speech", &e), RT_EMISSING);
    refused("", RT_EEMPTY, "no trial in it");
    refused("\n \t\r\n", RT_EEMPTY, "no trial in it");
    refused("1 one two\n2 one two\n", RT_EFORMAT, "trials:2: '2 one two': write `1 ENROL TEST`");
    refused("1 one\n", RT_EFORMAT, "trials:1: '1 one'");
    refused("1 one two three\n", RT_EFORMAT, "trials:1: '1 one two three'");
    refused("\n\n0 one b/three.wav\n", RT_EFORMAT, "trials:3: 'b/three.wav' is neither an id nor a path");
    assert_int_equal(load("1 one two\n0 one\0two two\n", 24), RT_EFORMAT);
    assert_non_null(strstr(e.text, "trials:2: a NUL byte"));
}

static void test_good(void **state)
{
    (void)state;
    static const char text[] = "1 one a/two.wav\r\n\n0\ttwo  a/one.wav";
    assert_int_equal(load(text, sizeof text - 1), 0);
    assert_int_equal(t.count, 2);
    assert_true(t.trial[0].enrol == 0 && t.trial[0].test == 1 && t.trial[0].same == 1);
    assert_true(t.trial[0].line < t.trial[1].line && t.trial[0].line >= 1);
    assert_true(t.trial[1].enrol == 1 && t.trial[1].test == 0 && t.trial[1].same == 0);
    rt_trials_fini(&t);
    rt_trials_fini(&t);
    /* Without the column only ids are known. */
    assert_int_equal(rt_trials_load(&t, scratch_file(&dir, "trials"), m, "image", &e), RT_EFORMAT);
}

/* Parts of one file have ids; the same part twice is one sample to a list. */
static void test_parts(void **state)
{
    static const char parts[] = "id\tspeech\tstart\na\tx.wav\t0\nb\tx.wav\t2\nc\ty.wav\t1\nd\ty.wav\t1\n";
    struct rt_manifest *plain = m;
    (void)state;
    assert_int_equal(rt_manifest_parse(&m, parts, sizeof parts - 1, "parts.tsv", &e), 0);
    refused("1 a x.wav\n", RT_EFORMAT, "'x.wav' is the file of several samples of parts.tsv");
    static const char text[] = "1 a b\n0 b y.wav\n";
    assert_int_equal(load(text, sizeof text - 1), 0);
    assert_true(t.trial[0].enrol == 0 && t.trial[0].test == 1 && t.trial[1].test == 2);
    rt_trials_fini(&t);
    rt_manifest_destroy(m);
    m = plain;
}

static int setup(void **state)
{
    static const char table[] = "id\tspeech\none\ta/one.wav\ntwo\ta/two.wav\n";
    (void)state;
    scratch_make(&dir);
    return rt_manifest_parse(&m, table, sizeof table - 1, "m.tsv", &e);
}

static int teardown(void **state)
{
    (void)state;
    rt_manifest_destroy(m);
    scratch_remove(&dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_good),
                                      cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
