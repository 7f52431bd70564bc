/* SPDX-License-Identifier: MIT
 * Tests of manifest.h: every refusal says file, line, column, value and what to write; cells come
 * out unescaped; what is written reads back. */
#include "formats/choice.h"
#include "formats/manifest.h"
#include "formats/file.h"
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

static struct scratch dir;
static const char *path; /* of the manifest that tests write */
static struct rt_error e;
static struct rt_manifest *m;

static int load_bytes(const char *bytes, size_t size)
{
    struct rt_span part = {bytes, size};
    rt_manifest_destroy(m);
    m = NULL;
    assert_int_equal(rt_file_write(path, &part, 1, &e), 0);
    e.text[0] = '\0';
    return rt_manifest_load(&m, path, &e);
}

static int load(const char *text)
{
    return load_bytes(text, strlen(text));
}

/* where is ":LINE" or "". */
#define REFUSED(input, want, where, message)                                                        \
    do {                                                                                           \
        char expected[600];                                                                        \
        assert_int_equal(load(input), want);                                                       \
        snprintf(expected, sizeof expected, "%s%s: %s", path, where, message);                     \
        assert_string_equal(e.text, expected);                                                     \
        assert_null(m);                                                                            \
    } while (0)

static void bad_headers_are_refused(void **state)
{
    (void)state;
    const char *empty = "empty: a manifest starts with a line of column names, such as id, label, "
                        "speech, separated by tabs";
    REFUSED("", RT_EEMPTY, "", empty);
    REFUSED("\n\r\n", RT_EEMPTY, "", empty);
    REFUSED("# only a comment\n", RT_EEMPTY, "", empty);
    REFUSED("\xEF\xBB\xBF", RT_EEMPTY, "", empty);
    REFUSED("id\tspeech\n", RT_ENODATA, "", "no rows below the header");
    REFUSED("# c\n\nID\tspeech\na\tb\n", RT_EFORMAT, ":3",
            "no column id: the first line must name the columns, such as id, split, label, speech, "
            "separated by tabs; rename ID to id?");
    REFUSED("id\tspeach\na\tb\n", RT_EFORMAT, ":1",
            "no column speech, image or text: the first line must name the columns, such as id, "
            "split, label, speech, separated by tabs; rename speach to speech?");
    REFUSED("id,speech\na,b\n", RT_EFORMAT, ":1",
            "the header \"id,speech\" has no tabs: a manifest is tab-separated; make one with "
            "`retort manifest csv`");
    REFUSED("id\ttext\tid\n", RT_EFORMAT, ":1", "two columns are called \"id\": rename one");
    REFUSED("id\t\ttext\n", RT_EFORMAT, ":1", "column 2 has no name: name it or remove it");
    char wide[400] = "id";
    for (int i = 0; i < 64; i++)
        snprintf(wide + strlen(wide), sizeof wide - strlen(wide), "\tc%d", i);
    REFUSED(wide, RT_ELARGE, ":1", "more than 64 columns");
}

static void bad_rows_are_refused(void **state)
{
    (void)state;
    REFUSED(
        "id\tlabel\ttext\na\tx\ty\nb\\\\\tx\n", RT_EFORMAT, ":3",
        "2 cells where the header has 3 columns: write a tab between cells, \\t for a tab inside "
        "one");
    REFUSED(
        "id\ttext\na\tx\\ty\tz\t\n", RT_EFORMAT, ":2",
        "4 cells where the header has 2 columns: write a tab between cells, \\t for a tab inside "
        "one");
    REFUSED("# c\nid\ttext\na\tx\n\nb\ty\n", RT_EFORMAT, ":4", "empty line: remove it");
    REFUSED("id\ttext\na\tx\n\r\nb\ty\n", RT_EFORMAT, ":3", "empty line: remove it");
    REFUSED(
        "id\timage\na\tC:\\new\\pic.png\n", RT_EFORMAT, ":2",
        "column image: \"\\pic.png\" is no escape: write \\t \\n \\r, and \\\\ for a backslash");
    REFUSED("id\ttext\na\tx\\\n", RT_EFORMAT, ":2",
            "column text: \"\\\" is no escape: write \\t \\n \\r, and \\\\ for a backslash");
    REFUSED("id\ttext\na\tx\n\ty\n", RT_EFORMAT, ":3",
            "column id: empty: give every row its own id");
    REFUSED("id\ttext\na\tx\nb\ty\na\tz\n", RT_EFORMAT, ":4",
            "column id: \"a\" is already the id of line 2: ids must be unique");
    REFUSED("id\ttext\na\tx\n\xFF\ty\n", RT_EFORMAT, ":3",
            "byte 1 is 0xFF: not UTF-8; convert it, for instance with iconv -t utf-8");
    assert_int_equal(load_bytes("id\ttext\na\tx\0y\n", 14), RT_EFORMAT);
    assert_non_null(strstr(e.text, ":2: byte 4 is 0x00: a manifest is text and has no NUL bytes"));
    char *large = malloc(2 << 20);
    assert_non_null(large);
    memset(large, 'x', 2 << 20);
    memcpy(large, "id\ttext\na\t", 10);
    assert_int_equal(load_bytes(large, (1 << 20) + 11), RT_ELARGE);
    assert_non_null(strstr(e.text, ":2: column text: a cell may have 1 MiB at most"));
    assert_int_equal(load_bytes(large, (1 << 20) + 10), 0);
    free(large);
}

static void bad_splits_and_groups_are_refused(void **state)
{
    (void)state;
    REFUSED(
        "id\ttext\tsplit\na\tx\ttrain\nb\tx\tvalidd\n", RT_EFORMAT, ":3",
        "column split: \"validd\" is no split: write train, valid or test; did you mean valid?");
    REFUSED("id\ttext\tsplit\na\tx\t\n", RT_EFORMAT, ":2",
            "column split: \"\" is no split: write train, valid or test");
    REFUSED("id\ttext\tsplit\tgroup\na\tx\ttrain\tg\nb\tx\ttest\th\nc\tx\ttest\tg\n", RT_EFORMAT,
            ":4",
            "column group: \"g\" is in split test here and in train in line 2: a group must not "
            "cross splits");
    /* No group is a group of its own. */
    assert_int_equal(load("id\ttext\tsplit\tgroup\na\tx\ttrain\t\nb\tx\ttest\t\n"), 0);
    assert_int_equal(load("id\ttext\tgroup\na\tx\tg\nb\tx\tg\n"), 0);
}

static void weights_are_numbers(void **state)
{
    (void)state;
    REFUSED("id\ttext\tweight\na\tx\t1\nb\tx\t-1\n", RT_EFORMAT, ":3",
            "column weight: \"-1\" is no weight: write 0 to 1000000, nothing for 1, or call the column otherwise");
    REFUSED("id\ttext\tweight\na\tx\t70 kg\n", RT_EFORMAT, ":2",
            "column weight: \"70 kg\" is no weight: write 0 to 1000000, nothing for 1, or call the column otherwise");
    REFUSED("id\ttext\tweight\na\tx\tnan\n", RT_EFORMAT, ":2",
            "column weight: \"nan\" is no weight: write 0 to 1000000, nothing for 1, or call the column otherwise");
    REFUSED("id\ttext\tweight\na\tx\t2e6\n", RT_EFORMAT, ":2",
            "column weight: \"2e6\" is no weight: write 0 to 1000000, nothing for 1, or call the column otherwise");
    assert_int_equal(load("id\ttext\tweight\na\tx\t0\nb\tx\t\nc\tx\t2.5\n"), 0);
    assert_true(rt_manifest_weight(m, 0) == 0 && rt_manifest_weight(m, 1) == 1 && rt_manifest_weight(m, 2) == 2.5);
    assert_int_equal(load("id\ttext\na\tx\n"), 0);
    assert_true(rt_manifest_weight(m, 0) == 1);
}

static void extents_are_checked(void **state)
{
    (void)state;
    REFUSED("id\tspeech\tstart\tend\na\tx\t1\t2\nb\tx\t3\t2\n", RT_EFORMAT, ":3",
            "column end: \"2\" is not after the start: end is a time in the recording, not a length");
    REFUSED("id\tspeech\tstart\na\tx\tlater\n", RT_EFORMAT, ":2",
            "column start: \"later\" is no time: write seconds, as 12.5, or call the column otherwise");
    REFUSED("id\tspeech\tchannel\na\tx\tL\n", RT_EFORMAT, ":2",
            "column channel: \"L\" is no channel: write 0 for the first, 1 for the second, up to 15");
    REFUSED(
        "id\timage\tbox\na\tx\t1,2,3\n", RT_EFORMAT, ":2",
        "column box: \"1,2,3\" is no box: write x,y,width,height from the upper left corner, in pixels or all from 0 "
        "to 1");
    assert_int_equal(load("id\ttext\tstart\na\tx\tlater\n"), 0); /* nothing that it could mean */
    assert_int_equal(load("id\tspeech\timage\tend\tbox\na\tx.wav\tx.tar!/x.png\t2.5\t0,0,1,0.5\nb\tx\t\t\t\n"), 0);
    struct rt_extent x = rt_manifest_extent(m, 0, RT_SPEECH), y = rt_manifest_extent(m, 0, RT_IMAGE);
    assert_true(x.timed && x.end == 2.5 && !x.boxed && y.boxed && !y.timed && y.box[3] == 0.5);
    x = rt_manifest_extent(m, 1, RT_SPEECH);
    assert_true(rt_extent_is_whole(&x));
    char buffer[300];
    assert_true(strstr(rt_manifest_file(m, 0, RT_IMAGE, buffer, sizeof buffer), "/x.tar!/x.png") > buffer);
    assert_string_equal(rt_manifest_file(m, 1, RT_IMAGE, buffer, sizeof buffer), "");
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    struct rt_manifest *none = (struct rt_manifest *)&e;
    assert_int_equal(rt_manifest_load(&none, "tests/no_such.tsv", &e), RT_EMISSING);
    assert_non_null(strstr(e.text, "tests/no_such.tsv"));
    assert_null(none);
    assert_int_equal(rt_manifest_load(&none, "tests", NULL), RT_EFORMAT);
}

static void cells_come_out_unescaped(void **state)
{
    (void)state;
    assert_int_equal(load("\xEF\xBB\xBF# made by hand\r\n\r\nid\tlabel\ttext\tlang\r\n"
                          "a\tcat\tone\\ttwo\\nthree\\r\\\\n\\\\\ten\r\n"
                          "#b\t\t\xE7\x8C\xAB\t\r\n"
                          "c\tdog\t\tde\r\n\r\n"),
                     0);
    assert_int_equal(rt_manifest_rows(m), 3);
    assert_int_equal(rt_manifest_columns(m), 4);
    assert_string_equal(rt_manifest_column_name(m, 3), "lang");
    assert_int_equal(rt_manifest_column(m, "text"), 2);
    assert_int_equal(rt_manifest_column(m, "image"), -1);
    assert_string_equal(rt_manifest_cell(m, 0, 2), "one\ttwo\nthree\r\\n\\");
    assert_string_equal(rt_manifest_cell(m, 0, 3), "en");
    assert_string_equal(rt_manifest_cell(m, 1, 0), "#b");
    assert_string_equal(rt_manifest_cell(m, 1, 1), "");
    assert_string_equal(rt_manifest_cell(m, 1, 2), "\xE7\x8C\xAB");
    assert_string_equal(rt_manifest_cell(m, 1, 3), "");
    assert_string_equal(rt_manifest_cell(m, 2, -1), "");
    assert_int_equal(rt_manifest_line(m, 0), 4);
    assert_int_equal(rt_manifest_line(m, 2), 6);
    assert_int_equal(rt_manifest_find(m, "#b"), 1);
    assert_int_equal(rt_manifest_find(m, "c"), 2);
    assert_int_equal(rt_manifest_find(m, "d"), -1);
    assert_int_equal(rt_manifest_find(m, ""), -1);
    assert_string_equal(rt_manifest_folder(m), dir.path);
    assert_string_equal(rt_manifest_path(m), path);
    assert_int_equal(load("id\ttext\na\tx"), 0); /* no line end at the end */
    assert_string_equal(rt_manifest_cell(m, 0, 1), "x");
    assert_int_equal(load("text\tid\n\ta\n\tb\n"),
                     0); /* all text missing is no fault of the file */
    assert_int_equal(rt_manifest_find(m, "b"), 1);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const char *const cells[] = {
        "plain",           "", "\t", "\n\r\n", "\\", "\\t", "a\tb\\\nc\r", "# no comment",
        "\xF0\x9F\x98\x80"};
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    fprintf(f, "id\ttext\n");
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        fprintf(f, "%zu\t", i);
        rt_manifest_write_cell(f, cells[i]);
        fputc('\n', f);
    }
    fclose(f);
    assert_int_equal(load(text), 0);
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        assert_string_equal(rt_manifest_cell(m, (int)i, 1), cells[i]);
    free(text);
}

static void every_row_of_many_is_found(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    char *text, id[32];
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    fprintf(f, "id\ttext\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "s%d\t%d\n", i * 7, i);
    fclose(f);
    assert_int_equal(load(text), 0);
    assert_int_equal(rt_manifest_rows(m), ROWS);
    for (int i = 0; i < ROWS; i++) {
        snprintf(id, sizeof id, "s%d", i * 7);
        assert_int_equal(rt_manifest_find(m, id), i);
        assert_int_equal(atoi(rt_manifest_cell(m, i, 1)), i);
    }
    free(text);
}

/* A manifest is read in place, and written to a temporary name that is gone afterwards. */
static void nothing_else_is_left(void **state)
{
    (void)state;
    assert_int_equal(scratch_entries(&dir), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(bad_rows_are_refused),
        cmocka_unit_test(bad_splits_and_groups_are_refused),
        cmocka_unit_test(weights_are_numbers),
        cmocka_unit_test(extents_are_checked),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(cells_come_out_unescaped),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(every_row_of_many_is_found),
        cmocka_unit_test(nothing_else_is_left),
    };
    scratch_make(&dir);
    path = scratch_file(&dir, "m.tsv");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_manifest_destroy(m);
    return scratch_end(&dir, failed);
}
