/* SPDX-License-Identifier: MIT
 * Tests of filter.h: every refusal names the character and what was expected; precedence, missing
 * values and short cuts; the compiled form agrees with a direct evaluation of random expressions.
 */
#include "pipeline/data/filter.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SNR, WEIGHT, LABEL, REASON, SPACED, COLUMNS };
static const struct rt_filter_column columns[COLUMNS] = {
    {"snr", false}, {"weight", false}, {"label", true}, {"reason", true}, {"my not", true}};

struct row {
    double number[2];
    const char *text[COLUMNS];
};
static const struct row rows[] = {
    {{5, 0.2}, {0, 0, "animals", "", "x"}},
    {{12, 0.9}, {0, 0, "animals", "silent", NULL}},
    {{NAN, 0.7}, {0, 0, "big tools", NULL, "y"}},
    {{-3.5, NAN}, {0, 0, "", "not finite", ""}},
};
#define ROWS ((int)(sizeof rows / sizeof rows[0]))

static struct rt_error e;
static int asked;

static double number(void *user, int row, int column)
{
    asked++;
    return ((const struct row *)user)[row].number[column];
}

static const char *text(void *user, int row, int column)
{
    asked++;
    return ((const struct row *)user)[row].text[column];
}

static const struct rt_filter_source source = {(void *)rows, number, text};

static void refused(const char *where, const char *message)
{
    struct rt_filter *f = (struct rt_filter *)&e;
    assert_int_equal(rt_filter_create(&f, where, columns, COLUMNS, &e), RT_EUSAGE);
    assert_string_equal(e.text, message);
    assert_null(f);
}

/* want: one letter per row, y or n. */
static void matches(const char *where, const char *want)
{
    struct rt_filter *f;
    char got[ROWS + 1] = "";
    if (rt_filter_create(&f, where, columns, COLUMNS, &e))
        fail_msg("%s: %s", where, e.text);
    for (int row = 0; row < ROWS; row++)
        got[row] = rt_filter_match(f, &source, row) ? 'y' : 'n';
    rt_filter_destroy(f);
    if (strcmp(got, want))
        fail_msg("%s: %s, not %s", where, got, want);
}

#define KNOWN "; there are: snr, weight, label, reason, my not"

static void wrong_columns_are_refused(void **state)
{
    (void)state;
    refused("snrr < 10", "character 1: there is no column \"snrr\"; did you mean snr?");
    refused("snr < 10 and lable = x",
            "character 14: there is no column \"lable\"; did you mean label?");
    refused("\xC3\xBC\xC3\xBC = 1 or quux", "character 1: there is no column \"\xC3\xBC\xC3\xBC\"" KNOWN);
    refused("label = \xC3\xBC or quux", "character 14: there is no column \"quux\"" KNOWN);
    refused("label < b",
            "character 7: column \"label\" is text; expected one of the operators = != ~");
    refused("snr ~ 1",
            "character 5: column \"snr\" is a number; expected one of the operators = != "
            "< <= > >=");
}

static void wrong_values_are_refused(void **state)
{
    (void)state;
    refused("snr < ten", "character 7: \"ten\" is no number, and column \"snr\" is compared with "
                         "numbers; write it without a unit");
    refused("snr < 10dB", "character 7: \"10dB\" is no number, and column \"snr\" is compared with "
                          "numbers; write it without a unit");
    refused("snr < 10 dB", "character 10: found \"dB\"; expected and, or, or the end; a number has "
                           "no unit, several words need quotes");
    refused("label = big tools", "character 13: found \"tools\"; expected and, or, or the end; a "
                                 "number has no unit, several words need quotes");
    refused("weight = \"\"",
            "character 10: \"\" is no number, and column \"weight\" is compared with "
            "numbers; write it without a unit (`not COLUMN` finds the rows that "
            "lack one)");
    refused("snr = nan", "character 7: \"nan\" is no number, and column \"snr\" is compared with "
                         "numbers; write it without a unit");
    refused("snr = 0x1", "character 7: \"0x1\" is no number, and column \"snr\" is compared with "
                         "numbers; write it without a unit");
    refused("snr <", "character 6: it ends here; expected a number");
    refused("label = ", "character 9: it ends here; expected a word, or text in quotes");
    refused("label = predicted", "character 9: predicted is a column, and columns are compared with words: `correct = "
            "0` finds the wrong answers; the word itself stands in quotes");
    matches("label != \"predicted\"", "yyyy");
    refused("label = and", "character 9: found \"and\"; expected a word, or text in quotes");
    refused("label = (", "character 9: found \"(\"; expected a word, or text in quotes");
    refused("label = 'x", "character 9: the quote ' is not closed");
    refused("label = \"x\\", "character 9: the quote \" is not closed");
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    refused("", "character 1: empty; expected a condition such as snr < 10 and label = animals");
    refused(" \t", "character 1: empty; expected a condition such as snr < 10 and label = animals");
    refused("snr == 1",
            "character 5: found \"==\"; expected one of the operators = != < <= > >= ~");
    refused("snr =< 1",
            "character 5: found \"=<\"; expected one of the operators = != < <= > >= ~");
    refused("= 1", "character 1: found \"=\"; expected a column, not or (");
    refused("and snr", "character 1: found \"and\"; expected a column, not or (");
    refused("snr and", "character 8: it ends here; expected a column, not or (");
    refused("snr or or", "character 8: found \"or\"; expected a column, not or (");
    refused("not", "character 4: it ends here; expected a column, not or (");
    refused("()", "character 2: found \")\"; expected a column, not or (");
    refused("snr)", "character 4: found \")\"; expected and, or, or the end");
    refused("label 'x'", "character 7: found \"x\"; expected and, or, or the end");
    refused("snr and (label",
            "character 15: it ends here; expected and, or, or the ) that closes character 9");
    refused("(snr < 1 dB)",
            "character 10: found \"dB\"; expected and, or, or the ) that closes character 1");
}

static void limits_hold(void **state)
{
    (void)state;
    static char where[RT_FILTER_BYTES + 2];
    struct rt_filter *f;
    memset(where, '(', 1000);
    refused(where, "character 65: nested deeper than 64");
    strcpy(where, "");
    for (int i = 0; i < RT_FILTER_DEPTH; i++)
        strcat(where, i % 2 ? "(" : "not ");
    strcat(where, "snr");
    for (int i = 0; i < RT_FILTER_DEPTH / 2; i++)
        strcat(where, ")");
    matches(where, "yyny");
    strcpy(where, "snr");
    for (int i = 1; i < RT_FILTER_TESTS; i++)
        strcat(where, " or snr");
    matches(where, "yyny");
    strcat(where, " or snr");
    assert_int_equal(rt_filter_create(&f, where, columns, COLUMNS, &e), RT_EUSAGE);
    assert_non_null(strstr(e.text, "more than 256 comparisons"));
    memset(where, ' ', RT_FILTER_BYTES + 1);
    assert_int_equal(rt_filter_create(&f, where, columns, COLUMNS, &e), RT_EUSAGE);
    assert_int_equal(rt_filter_create(&f, "x", columns, 0, NULL), RT_EUSAGE);
    rt_filter_destroy(NULL);
}

static void comparisons_mean_what_they_say(void **state)
{
    (void)state;
    matches("snr < 10", "ynny");
    matches("snr <= 5", "ynny");
    matches("snr<5", "nnny");
    matches("snr > -3.5", "yynn");
    matches("snr >= -3.5e0", "yyny");
    matches("snr = 12", "nynn");
    matches("label = animals", "yynn");
    matches("label != animals", "nnyy");
    matches("label ~ ool", "nnyn");
    matches("label = \"big tools\"", "nnyn");
    matches("label='big tools'", "nnyn");
    matches("label = 'big \\tools'", "nnyn");
    matches("label = Animals", "nnnn");
    matches("\"my not\" = x", "ynnn");
    matches("reason = not\\", "nnnn");
}

static void missing_values_compare_false(void **state)
{
    (void)state;
    matches("snr", "yyny");
    matches("not snr", "nnyn");
    matches("snr != 12", "ynny");
    matches("not snr = 12", "ynyy");
    matches("snr < 0 or snr >= 0", "yyny");
    matches("reason = \"\"", "ynyn");
    matches("reason", "nyny");
    matches("reason ~ ''", "yyyy");
    matches("'my not' != ''", "ynyn");
}

static void and_binds_closer_than_or(void **state)
{
    (void)state;
    matches("snr < 10 and label = animals and (weight > 0.5 or not reason = \"\")", "nnnn");
    matches("label = animals or snr and weight > 0.8", "yynn");
    matches("(label = animals or snr) and weight > 0.8", "nynn");
    matches("not label = animals and weight > 0.5", "nnyn");
    matches("not (label = animals and weight > 0.5)", "ynyy");
    matches("NOT snr OR reason AND weight", "nyyn");
    matches("not not snr", "yyny");
    matches("not (not snr or not weight)", "yynn");
}

static void what_no_longer_matters_is_not_asked(void **state)
{
    (void)state;
    struct rt_filter *f;
    assert_int_equal(
        rt_filter_create(&f, "snr < 0 and weight and label = x and reason", columns, COLUMNS, &e),
        0);
    asked = 0;
    assert_false(rt_filter_match(f, &source, 0));
    assert_int_equal(asked, 1);
    rt_filter_destroy(f);
}

/* A random expression, written to out, and what it means for a row, found on the way. */
static uint64_t seed = 7;

static unsigned draw(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static bool random_where(char *out, int depth, const struct row *row)
{
    unsigned kind = draw(depth > 0 ? 4 : 1);
    out += strlen(out);
    if (kind == 0) {
        unsigned column = draw(2), limit = draw(14);
        sprintf(out, "%s > %u", columns[column].name, limit);
        return row->number[column] > limit;
    }
    if (kind == 1) {
        strcpy(out, "not (");
        bool inner = random_where(out, depth - 1, row);
        strcat(out, ")");
        return !inner;
    }
    strcpy(out, "(");
    bool left = random_where(out, depth - 1, row);
    strcat(out, kind == 2 ? ") and (" : ") or (");
    bool right = random_where(out, depth - 1, row);
    strcat(out, ")");
    return kind == 2 ? left && right : left || right;
}

static void random_expressions_agree_with_their_meaning(void **state)
{
    (void)state;
    static char where[RT_FILTER_BYTES];
    for (int i = 0; i < 5000; i++) {
        struct rt_filter *f;
        int row = (int)draw(ROWS);
        where[0] = '\0';
        bool want = random_where(where, 6, &rows[row]);
        assert_int_equal(rt_filter_create(&f, where, columns, COLUMNS, &e), 0);
        if (rt_filter_match(f, &source, row) != want)
            fail_msg("row %d: %s", row, where);
        rt_filter_destroy(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_columns_are_refused),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(comparisons_mean_what_they_say),
        cmocka_unit_test(missing_values_compare_false),
        cmocka_unit_test(and_binds_closer_than_or),
        cmocka_unit_test(what_no_longer_matters_is_not_asked),
        cmocka_unit_test(random_expressions_agree_with_their_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
