/* SPDX-License-Identifier: MIT
 * Tests of csv.h: refusals with file and line, quotes, line ends, delimiters. */
#include "formats/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char bytes[1000];
static struct rt_csv c;
static struct rt_error e;

static void start(const char *text, char delimiter)
{
    strcpy(bytes, text);
    assert_int_equal(rt_csv_init(&c, bytes, strlen(text), delimiter, "a.csv", &e), 0);
}

static void row(int line, int cells, const char *const *cell)
{
    assert_int_equal(rt_csv_next(&c, &e), 1);
    assert_int_equal(c.row_line, line);
    assert_int_equal(c.cells, cells);
    for (int i = 0; i < cells; i++)
        assert_string_equal(c.cell[i], cell[i]);
}
#define ROW(line, ...)                                                                             \
    row(line, (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(char *)),                         \
        (const char *[]){__VA_ARGS__})
#define END() assert_int_equal(rt_csv_next(&c, &e), 0)

static void refused(const char *text, int good_rows, const char *message)
{
    start(text, 0);
    for (int i = 0; i < good_rows; i++)
        assert_int_equal(rt_csv_next(&c, &e), 1);
    assert_true(rt_csv_next(&c, &e) < 0);
    assert_string_equal(e.text, message);
}

static void broken_quotes_are_refused(void **state)
{
    (void)state;
    refused("a,b\n1,\"open\n2,3\n", 1,
            "a.csv:2: a quote that starts in this line is never closed: \"open?2,3?\"; write \"\" "
            "for a quote inside quotes");
    refused("a,b\n\"x\ny\"z,1\n", 1,
            "a.csv:3: z follows a closing quote; write \"\" for a quote inside quotes");
    refused("a,b\n\"x\"\xC3\xA9,1\n", 1,
            "a.csv:2: \xC3\xA9 follows a closing quote; write \"\" for a quote inside quotes");
    refused("\"", 0,
            "a.csv:1: a quote that starts in this line is never closed: \"\"; write \"\" for a "
            "quote inside quotes");
    char wide[200] = "";
    for (int i = 0; i < 64; i++)
        strcat(wide, "x,");
    refused(wide, 0, "a.csv:1: more than 64 columns");
    strcpy(bytes, "a,b\nc,\xE9t\xE9\n");
    assert_int_equal(rt_csv_init(&c, bytes, strlen(bytes), 0, "a.csv", &e), RT_EFORMAT);
    assert_string_equal(e.text, "a.csv:2: byte 0xE9 is not text in UTF-8; convert the file, for "
                                "instance with iconv -t utf-8");
    memcpy(bytes, "a\0b", 4);
    assert_int_equal(rt_csv_init(&c, bytes, 3, 0, "a.csv", &e), RT_EFORMAT);
}

static void quotes_hold_anything(void **state)
{
    (void)state;
    start("\xEF\xBB\xBFid,text\r\n\r\n1,\"a,\"\"b\"\"\r\nc\"\r\n2,\"\"\n\n\"3\",say \"hi\"\n4,", 0);
    ROW(1, "id", "text");
    ROW(3, "1", "a,\"b\"\r\nc");
    ROW(5, "2", "");
    ROW(7, "3", "say \"hi\"");
    ROW(8, "4", "");
    END();
    END();
    start("a\"\"\"\n\"\"\"\"", 0);
    ROW(1, "a\"\"\"");
    ROW(2, "\"");
    END();
}

static void delimiters_are_found_or_given(void **state)
{
    (void)state;
    start("a;b;c,d\n1;2;3\n", 0);
    ROW(1, "a", "b", "c,d");
    ROW(2, "1", "2", "3");
    END();
    start("a\tb,c\n", 0);
    ROW(1, "a", "b,c");
    start("a|b,c\n|\n", '|');
    ROW(1, "a", "b,c");
    ROW(2, "", "");
    END();
    start("", 0);
    END();
    start("\n\r\n\r", 0);
    END();
    start("one\r", 0);
    ROW(1, "one");
    END();
    start("a\rb,c", 0); /* a lone carriage return is part of the cell */
    ROW(1, "a\rb", "c");
    END();
}

/* What is written is read back, and stays plain where it can. */
static void cells_are_written(void **state)
{
    (void)state;
    static const char *const cell[] = {"plain", "a b;c", "a,b", "say \"so\"", "two\nlines", ""};
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    for (int i = 0; i < 6; i++) {
        rt_csv_write_cell(f, cell[i]);
        fputc(i < 5 ? ',' : '\n', f);
    }
    fclose(f);
    assert_int_equal(strncmp(text, "plain,a b;c,\"a,b\",", 18), 0);
    assert_int_equal(rt_csv_init(&c, text, size, ',', "f", &e), 0);
    assert_int_equal(rt_csv_next(&c, &e), 1);
    assert_int_equal(c.cells, 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(c.cell[i], cell[i]);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_quotes_are_refused),
        cmocka_unit_test(quotes_hold_anything),
        cmocka_unit_test(delimiters_are_found_or_given),
        cmocka_unit_test(cells_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
