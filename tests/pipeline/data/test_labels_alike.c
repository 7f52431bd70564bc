/* SPDX-License-Identifier: MIT
 * test_labels_alike: near-equal labels are named with their rows, others not. */
#include "pipeline/data/labels_alike.h"
#include "pipeline/data/dataset.h"
#include "tests/support/support.h"
#include <string.h>

static struct scratch dir;

static void test_groups(void **state)
{
    (void)state;
    char text[600], little[24];
    static const char *const none[] = {"cat", "dog", NULL, "", "cats"};
    static const char *const some[] = {"Cat", "cat", "dog", "cat ", "caf\303\251", "cafe\314\201"};
    static const int rows[] = {1, 4, 9, 1, 2, 3};
    assert_int_equal(rt_labels_alike(none, rows, 5, text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(rt_labels_alike(none, rows, 0, text, sizeof text), 0);
    assert_int_equal(rt_labels_alike(some, rows, 6, text, sizeof text), 2);
    assert_string_equal(text, "\"caf<U+00E9>\" (2 rows), \"cafe<U+0301>\" (3 rows); "
                              "\"Cat\" (1 row), \"cat\" (4 rows), \"cat \" (1 row)");
    assert_int_equal(rt_labels_alike(some, rows, 6, little, sizeof little), 2);
    assert_memory_equal(little, text, sizeof little - 1);
    static const char *const many[] = {"a", "A", "b", "B", "c", "C", "d", "D", "\033[1m", "\033[1M"};
    static const int one[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_int_equal(rt_labels_alike(many, one, 10, text, sizeof text), 5);
    assert_non_null(strstr(text, "; ..."));
    assert_null(strchr(text, '\033')); /* a terminal would obey it */
}

/* Also of a label that only the test split has, which is no class. */
static void test_dataset(void **state)
{
    (void)state;
    struct rt_dataset d;
    char text[600];
    static const char table[] = "id\tsplit\tlabel\ttext\na\ttrain\tcat\tx\nb\ttrain\tcat\tx\nc\ttrain\tdog\tx\n"
                                "d\ttest\tCat\tx\ne\ttest\t\tx\n";
    scratch_write(&dir, "m.tsv", table, sizeof table - 1);
    assert_int_equal(rt_dataset_load(&d, scratch_file(&dir, "m.tsv"), 1, 0, NULL, 0, NULL), 0);
    assert_int_equal(rt_dataset_labels_alike(&d, text, sizeof text), 1);
    assert_string_equal(text, "\"cat\" (2 rows), \"Cat\" (1 row)");
    rt_dataset_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_groups), cmocka_unit_test(test_dataset)};
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
