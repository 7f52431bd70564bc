/* SPDX-License-Identifier: MIT
 * Tests of pipeline/data/dataset: refusals, classes, hidden labels whatever the order of rows, sources. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/data/dataset.h"
#include "tests/support/support.h"

#define HEAD "id\tsplit\tlabel\tspeech\ttext\n"

static struct scratch dir;
static struct rt_dataset d;
static struct rt_error e;

static int load(const char *table, double labels, uint64_t seed)
{
    scratch_write(&dir, "m.tsv", table, strlen(table));
    return rt_dataset_load(&d, scratch_file(&dir, "m.tsv"), labels, seed, NULL, 0, &e);
}

static void test_refuses(void **state)
{
    (void)state;
    assert_int_equal(rt_dataset_load(&d, scratch_file(&dir, "none.tsv"), 1, 0, NULL, 0, &e),
                     RT_EMISSING);
    assert_non_null(strstr(e.text, "none.tsv"));
    assert_null(d.manifest);
    rt_dataset_fini(&d); /* empty: fine */
    assert_int_equal(load(HEAD "a\ttrain\tx\ta.wav\t\n", 1.01, 0), RT_ERANGE);
    assert_int_equal(load(HEAD "a\ttrain\tx\ta.wav\t\n", -0.1, 0), RT_ERANGE);
    assert_true(load(HEAD "a\tlater\tx\ta.wav\t\n", 1, 0) < 0);
    assert_non_null(strstr(e.text, "later"));

    const char *const twice[] = {"x", "y", "x"};
    assert_int_equal(load(HEAD "a\ttrain\tx\ta.wav\t\n", 1, 0), 0);
    rt_dataset_fini(&d);
    assert_int_equal(rt_dataset_load(&d, scratch_file(&dir, "m.tsv"), 1, 0, twice, 3, &e), RT_EUSAGE);
    assert_non_null(strstr(e.text, "\"x\""));
    assert_null(d.manifest);
}

static void test_classes(void **state)
{
    (void)state;
    const char *table = HEAD "a\ttrain\tzebra\ta.wav\thello\n"
                             "b\ttrain\tant\t\tbye\n"
                             "c\ttrain\t\t/abs/c.wav\t\n"
                             "d\tvalid\tcow\td.wav\t\n"
                             "e\ttest\tant\te.wav\t\n"
                             "f\ttrain\tzebra\tf.wav\t\n";
    char path[200], small[8];
    int *rows, count;
    assert_int_equal(load(table, 1, 0), 0);
    assert_int_equal(d.count, 6);
    assert_int_equal(d.classes, 2);
    assert_string_equal(d.class_name[0], "ant");
    assert_string_equal(d.class_name[1], "zebra");
    assert_memory_equal(d.truth, ((int[]){1, 0, -1, -1, 0, 1}), 6 * sizeof(int));
    assert_memory_equal(d.label, d.truth, 6 * sizeof(int));
    assert_memory_equal(d.named, ((int[]){1, 0, -1, 2, 0, 1}), 6 * sizeof(int));
    assert_int_equal(d.strangers, 1);
    assert_string_equal(d.stranger_name[0], "cow");
    assert_memory_equal(d.split, ((uint8_t[]){0, 0, 0, 1, 2, 0}), 6);
    assert_int_equal(d.column[RT_IMAGE], -1);
    assert_int_equal(d.reason[RT_IMAGE][0], RT_EMISSING);
    assert_int_equal(d.reason[RT_SPEECH][1], RT_EMISSING);
    assert_int_equal(d.reason[RT_SPEECH][0], 0);

    assert_string_equal(rt_dataset_source(&d, 0, RT_SPEECH, path, sizeof path),
                        scratch_file(&dir, "a.wav"));
    assert_string_equal(rt_dataset_source(&d, 2, RT_SPEECH, path, sizeof path), "/abs/c.wav");
    assert_string_equal(rt_dataset_source(&d, 0, RT_TEXT, path, sizeof path), "hello");
    assert_string_equal(rt_dataset_source(&d, 0, RT_IMAGE, path, sizeof path), "");
    assert_int_equal(strlen(rt_dataset_source(&d, 0, RT_SPEECH, small, sizeof small)), 7);

    assert_int_equal(rt_dataset_rows(&d, RT_TRAIN, RT_SPEECH, false, &rows, &count), 0);
    assert_int_equal(count, 3);
    assert_memory_equal(rows, ((int[]){0, 2, 5}), 3 * sizeof(int));
    free(rows);
    assert_int_equal(rt_dataset_rows(&d, RT_TRAIN, RT_SPEECH, true, &rows, &count), 0);
    assert_int_equal(count, 2);
    free(rows);
    assert_int_equal(rt_dataset_rows(&d, RT_TEST, RT_IMAGE, false, &rows, &count), 0);
    assert_int_equal(count, 0);
    free(rows);
    rt_dataset_fini(&d);
}

/* A model's own classes, in its order; what it does not know has no truth. */
static void test_given_classes(void **state)
{
    (void)state;
    char cow[] = "cow";
    const char *const name[] = {"zebra", cow, "ant"};
    const char *table = HEAD "a\ttest\tant\ta.wav\t\nb\ttest\tbee\tb.wav\t\nc\ttest\tcow\tc.wav\t\n";
    scratch_write(&dir, "m.tsv", table, strlen(table));
    assert_int_equal(rt_dataset_load(&d, scratch_file(&dir, "m.tsv"), 1, 0, name, 3, &e), 0);
    cow[0] = 'x'; /* they were copied */
    assert_int_equal(d.classes, 3);
    assert_string_equal(d.class_name[1], "cow");
    assert_memory_equal(d.truth, ((int[]){2, -1, 1}), 3 * sizeof(int));
    rt_dataset_fini(&d);
}

#define SAMPLES 400

/* Rows i = 0..SAMPLES-1 in steps of `stride`; class i % 7, so classes of 57 or 58; a tenth is tested. */
static void write_many(int stride)
{
    char *table = malloc(SAMPLES * 64), *at = table + sprintf(table, HEAD);
    for (int k = 0; k < SAMPLES; k++) {
        int i = k * stride % SAMPLES;
        at += sprintf(at, "id%d\t%s\tclass%d\t%d.wav\t\n", i, i % 10 == 9 ? "test" : "train", i % 7, i);
    }
    scratch_write(&dir, "many.tsv", table, (size_t)(at - table));
    free(table);
}

/* kept[i] = whether sample i still has its label. */
static void kept_labels(int stride, double share, uint64_t seed, char kept[SAMPLES])
{
    int size[7] = {0}, left[7] = {0};
    write_many(stride);
    assert_int_equal(rt_dataset_load(&d, scratch_file(&dir, "many.tsv"), share, seed, NULL, 0, &e), 0);
    for (int row = 0; row < SAMPLES; row++) {
        int i = row * stride % SAMPLES;
        kept[i] = d.label[row] >= 0;
        assert_int_equal(d.truth[row], i % 7);
        if (i % 10 == 9) {
            assert_int_equal(d.label[row], d.truth[row]); /* only training labels are hidden */
            continue;
        }
        size[i % 7]++;
        left[i % 7] += kept[i];
    }
    for (int c = 0; c < 7; c++) { /* in hundredths, to be exact */
        int expected = (size[c] * (int)(share * 100 + 0.5) + 99) / 100;
        assert_int_equal(left[c], expected < 1 ? 1 : expected);
    }
    rt_dataset_fini(&d);
}

static void test_hidden_labels(void **state)
{
    (void)state;
    char a[SAMPLES], b[SAMPLES];
    kept_labels(1, 0.25, 11, a);
    kept_labels(1, 0.25, 11, b);
    assert_memory_equal(a, b, SAMPLES);
    kept_labels(77, 0.25, 11, b); /* another order of rows, the same samples */
    assert_memory_equal(a, b, SAMPLES);
    kept_labels(1, 0.25, 12, b);
    assert_memory_not_equal(a, b, SAMPLES);
    kept_labels(1, 0.5, 11, b); /* a larger share only adds */
    for (int i = 0; i < SAMPLES; i++)
        assert_true(b[i] >= a[i]);
    kept_labels(1, 0, 11, a); /* one of each class is always left */
    kept_labels(1, 1, 11, a);
    kept_labels(1, 0.1, 11, a);
}

/* More classes than the table starts with. */
static void test_many_classes(void **state)
{
    (void)state;
    char *table = malloc(3000 * 64), *at = table + sprintf(table, HEAD), name[16];
    for (int i = 0; i < 3000; i++)
        at += sprintf(at, "id%d\ttrain\tc%04d\t%d.wav\t\n", i, i * 7 % 1000, i);
    assert_int_equal(load(table, 0.4, 1), 0);
    assert_int_equal(d.classes, 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "c%04d", i);
        assert_string_equal(d.class_name[i], name);
    }
    for (int i = 0, left = 0; i < 3000; i++) {
        assert_int_equal(d.truth[i], i * 7 % 1000);
        left += d.label[i] >= 0;
        assert_true(i < 2999 || left == 2000); /* two of three in each class */
    }
    rt_dataset_fini(&d);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),       cmocka_unit_test(test_classes),
        cmocka_unit_test(test_given_classes), cmocka_unit_test(test_hidden_labels),
        cmocka_unit_test(test_many_classes),
    };
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
