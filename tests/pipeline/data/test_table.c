/* SPDX-License-Identifier: MIT
 * Tests of pipeline/data/table: names and expressions that are wrong, text that would harm a terminal, then
 * filter, order, choice of columns and the three forms. */
#include "pipeline/data/loss_history.h"
#include "pipeline/data/table.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct rt_table t;
static struct rt_error e;
static char *said;

static const char *written(enum rt_table_form form, int limit)
{
    size_t size;
    free(said);
    said = NULL;
    FILE *f = open_memstream(&said, &size);
    assert_non_null(f);
    rt_table_write(&t, form, limit, f);
    fclose(f);
    return said;
}

static int setup(void **state)
{
    static const char *const id[] = {"b", "a", "c", "d"};
    static const float snr[] = {3, NAN, -1.5f, 3};
    (void)state;
    assert_int_equal(rt_table_init(&t, 4), 0);
    assert_int_equal(rt_table_add(&t, "id", "", true), 0);
    assert_int_equal(rt_table_add(&t, "snr", "dB", false), 1);
    assert_int_equal(rt_table_add(&t, "note", "", true), 2);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rt_table_text(&t, i, 0, id[i]), 0);
        t.column[1].number[i] = snr[i];
    }
    assert_int_equal(rt_table_text(&t, 0, 2, "overwritten"), 0);
    assert_int_equal(rt_table_text(&t, 0, 2, "say \"hi\", you"), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_table_fini(&t);
    rt_table_fini(&t); /* empty: fine */
    free(said);
    said = NULL;
    return 0;
}

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(rt_table_sort(&t, "-loudness", &e), RT_EUSAGE);
    assert_string_equal(e.text, "there is no column \"loudness\"; there are: id, snr, note");
    assert_int_equal(rt_table_sort(&t, "-nots", &e), RT_EUSAGE);
    assert_string_equal(e.text, "there is no column \"nots\"; did you mean note?");
    assert_int_equal(rt_table_sort(&t, "", &e), RT_EUSAGE);
    assert_int_equal(rt_table_choose(&t, "id,loudness", &e), RT_EUSAGE);
    assert_int_equal(rt_table_where(&t, "snr >", &e), RT_EUSAGE);
    assert_int_equal(rt_table_where(&t, "loudness > 1", &e), RT_EUSAGE);
    assert_int_equal(t.shown, 4);
    assert_int_equal(rt_table_find(&t, "SNR"), -1);
    while (t.columns < RT_TABLE_COLUMNS)
        assert_true(rt_table_add(&t, "more", "", false) > 0);
    assert_int_equal(rt_table_add(&t, "one too many", "", false), RT_ELARGE);
}

static void test_hostile_text(void **state)
{
    (void)state;
    char stacked[4000] = "a";
    for (int i = 0; i < 1900; i++)
        strcat(stacked, "\xcc\x81"); /* combining acute: no width of its own */
    assert_int_equal(rt_table_text(&t, 0, 0, stacked), 0);
    assert_int_equal(rt_table_text(&t, 1, 0, "\033[2J\x7f\xc2\x9b" "1m\xff"), 0);
    const char *text = written(RT_TABLE_PLAIN, 0);
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || ((unsigned char)*c >= 32 && *c != 0x7f));
    assert_null(strstr(text, "\xc2\x9b"));
    assert_non_null(strstr(text, "?[2J??1m?"));
    assert_true(strlen(text) < 1500);
}

static void test_wide_text(void **state)
{
    (void)state;
    char fits[49], longer[50];
    memset(fits, 'x', 48);
    fits[48] = '\0';
    snprintf(longer, sizeof longer, "%sy", fits);
    assert_int_equal(rt_table_text(&t, 0, 0, fits), 0);
    assert_int_equal(rt_table_text(&t, 1, 0, longer), 0);
    written(RT_TABLE_PLAIN, 0);
    assert_non_null(strstr(said, fits));
    fits[47] = '~';
    assert_non_null(strstr(said, fits));
    assert_null(strstr(said, "xy"));
}

static void test_order(void **state)
{
    (void)state;
    static const int up[] = {2, 0, 3, 1}, down[] = {0, 3, 2, 1}, note[] = {0, 1, 2, 3};
    assert_int_equal(rt_table_sort(&t, "snr", &e), 0);
    assert_memory_equal(t.order, up, sizeof up);
    assert_int_equal(rt_table_sort(&t, "-snr", &e), 0); /* ties by row, what is missing last */
    assert_memory_equal(t.order, down, sizeof down);
    assert_int_equal(rt_table_sort(&t, "-note", &e), 0);
    assert_memory_equal(t.order, note, sizeof note);
    assert_int_equal(rt_table_where(&t, "snr >= 3", &e), 0);
    assert_int_equal(t.shown, 2);
    assert_int_equal(rt_table_where(&t, "id = d", &e), 0);
    assert_int_equal(t.shown, 1);
    assert_int_equal(t.order[0], 3);
}

/* A manifest's column of numbers is text, and 9 stands before 10 all the same; one word makes it a column of words. */
static void test_order_of_numbers_as_text(void **state)
{
    (void)state;
    static const char *const age[] = {"10", "9", "-1e3", NULL};
    static const int up[] = {2, 1, 0, 3}, words[] = {2, 0, 1, 3}, first[] = {3, 2, 1, 0};
    int c = rt_table_add(&t, "age", "", true);
    for (int i = 0; i < 4; i++)
        assert_true(!age[i] || rt_table_text(&t, i, c, age[i]) == 0);
    assert_int_equal(rt_table_sort(&t, "age", &e), 0);
    assert_memory_equal(t.order, up, sizeof up);
    assert_int_equal(rt_table_text(&t, 3, c, "n/a"), 0);
    assert_int_equal(rt_table_sort(&t, "age", &e), 0);
    assert_memory_equal(t.order, words, sizeof words);
    assert_int_equal(rt_table_text(&t, 3, c, "-2000"), 0);
    assert_int_equal(rt_table_sort(&t, "age", &e), 0);
    assert_memory_equal(t.order, first, sizeof first);
}

static void test_forms(void **state)
{
    (void)state;
    assert_string_equal(written(RT_TABLE_PLAIN, 2), "id  snr  note\n"
                                                    "b     3  say \"hi\", you\n"
                                                    "a     -\n");
    assert_string_equal(written(RT_TABLE_CSV, 0), "id,snr,note\nb,3,\"say \"\"hi\"\", you\"\na,,\n"
                                                  "c,-1.5,\nd,3,\n");
    assert_int_equal(rt_table_choose(&t, "snr, id", &e), 0);
    assert_string_equal(written(RT_TABLE_JSON, 2), "[\n {\"id\": \"b\", \"snr\": 3.0},\n"
                                                   " {\"id\": \"a\", \"snr\": null}\n]\n");
    assert_int_equal(rt_table_where(&t, "snr > 100", &e), 0);
    assert_string_equal(written(RT_TABLE_JSON, 0), "[\n]\n");
    assert_string_equal(written(RT_TABLE_CSV, 0), "id,snr\n");
}

/* A column of trails is drawn for people, written as levels for programs. */
static void test_history(void **state)
{
    (void)state;
    uint8_t falls[RT_LOSS_HISTORY] = {0};
    for (int i = 0; i < 4; i++)
        rt_loss_history_add(falls, (float[]){8, 4, 2, 0}[i]);
    assert_int_equal(rt_table_add(&t, "history", "", false), 3);
    t.column[3].number[0] = (float)rt_loss_history_pack(falls);
    assert_int_equal(rt_table_choose(&t, "id,history", &e), 0);
    assert_string_equal(written(RT_TABLE_CSV, 2), "id,history\nb,7420\na,\n");
    assert_string_equal(written(RT_TABLE_JSON, 1), "[\n {\"id\": \"b\", \"history\": \"7420\"}\n]\n");
    assert_non_null(strstr(written(RT_TABLE_PLAIN, 2), "\u2588\u2585\u2583\u2581"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused), TEST(test_hostile_text), TEST(test_wide_text), TEST(test_order),
        TEST(test_order_of_numbers_as_text),
        TEST(test_forms), TEST(test_history),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
