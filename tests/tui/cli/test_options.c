/* SPDX-License-Identifier: MIT
 * Tests of a command's table: what is refused and how it is said, for each kind of row; what is stored; the help
 * and the list that are made of the same rows. */
#include "tui/cli/options.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct request {
    const char *from, *to, *colour, *name;
    struct rt_argument_list more;
    bool loud, stop;
    int form, count;
    int64_t seed;
    double share, chance;
    int pairs;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static int pairs_take(void *field, const char *value, struct rt_error *e)
{
    if (strlen(value) % 2)
        return rt_error_set(e, RT_EUSAGE, "pairs of letters");
    *(int *)field += (int)strlen(value) / 2;
    return 0;
}

static const char *place_word(int i)
{
    return i < 2 ? (const char *const[]){"here", "there"}[i] : NULL;
}

static int toy_run(void *request, struct rt_error *e)
{
    (void)request, (void)e;
    return 0;
}

static const struct rt_command toy, other;
static const struct rt_command *const kinds[] = {&toy, &other, NULL};
static const struct rt_command parent = {.name = "play", .kinds = kinds, .arguments = (const struct rt_argument[]){
    {.name = "KIND", .missing = "which?"}, {0}}};

static const struct rt_command other = {
    .name = "other",
    .parent = &parent,
    .options = (const struct rt_option[]){{0, "weight", "W", "how heavy", RT_OPTION_TEXT(struct request, name)}, {0}},
};

static const struct rt_command toy = {
    .name = "toy",
    .parent = &parent,
    .usage = {"FROM TO [MORE]...", "--stop"},
    .about = "Plays with what it is given, for as long as anybody looks, and says so.",
    .below = "Exit code: 0.",
    .options = (const struct rt_option[]){
        {'l', "loud", NULL, "with noise", RT_OPTION_FLAG(struct request, loud)},
        {0, "csv", NULL, "as a table", RT_OPTION_PICK(struct request, form, 7)},
        {'c', "colour", "C", "which one", RT_OPTION_CHOICE(struct request, colour, colours), .initial = "green"},
        {'n', "count", "N", "how many", RT_OPTION_WHOLE(struct request, count, 1, 256), .initial = "3"},
        {0, "seed", "N", "another order", RT_OPTION_WHOLE(struct request, seed, 0, INT64_MAX)},
        {0, "share", "S", "of all, in a sentence that goes on for so long that it has to be broken somewhere",
         RT_OPTION_REAL(struct request, share, 0, 100), .otherwise = "what is left"},
        {0, "chance", "P", "of winning", RT_OPTION_REAL(struct request, chance, 0, 1), .between = true},
        {'p', "pairs", "XY", "may be repeated", RT_OPTION_OWN(struct request, pairs, pairs_take)},
        {'o', "output", "FILE", "where to", RT_OPTION_TEXT(struct request, name), .files = "*.a *.b", .required = true},
        {0, "stop", NULL, "nothing else", RT_OPTION_FLAG(struct request, stop), .alone = true},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"FROM", "from where?", offsetof(struct request, from), .word = place_word},
        {"TO", "where to?", offsetof(struct request, to), .files = "/"},
        {"MORE", NULL, offsetof(struct request, more), .many = true},
        {0}},
    .request_size = sizeof(struct request),
    .run = toy_run,
};

static struct request q;
static struct rt_error e;

/* The words of line stay until the next call. */
static int parse(const struct rt_command *c, const char *line)
{
    static char words[500];
    static char *argv[40];
    char *save;
    int argc = 0;
    snprintf(words, sizeof words, "toy %s", line);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    memset(&q, 0, sizeof q);
    memset(&e, 0, sizeof e);
    return rt_options_parse(c, argc, argv, &q, &e);
}

static void refused(const char *line, const char *said)
{
    int rc = parse(&toy, line);
    if (rc != RT_EUSAGE || strcmp(e.text, said))
        fail_msg("%s: %d, %s", line, rc, e.text);
}

static void values_are_refused_by_name_value_and_range(void **state)
{
    (void)state;
    refused("--count 0", "--count 0: write a whole number from 1 to 256");
    refused("--count 257", "--count 257: write a whole number from 1 to 256");
    refused("--count 99999999999999999999", "--count 99999999999999999999: write a whole number from 1 to 256");
    refused("--count 2x", "--count 2x: write a whole number from 1 to 256");
    refused("--count=", "--count : write a whole number from 1 to 256");
    refused("-n few", "-n few: --count needs a whole number from 1 to 256");
    refused("--seed x", "--seed x: write a whole number");
    refused("--seed -1", "--seed -1: write a whole number");
    refused("--share 101", "--share 101: write a number from 0 to 100");
    refused("--share nan", "--share nan: write a number from 0 to 100");
    refused("--share x", "--share x: write a number from 0 to 100");
    refused("--chance 1", "--chance 1: write a number between 0 and 1");
    refused("--colour pink", "--colour pink: write red, green or blue");
    refused("-c pink", "-c pink: --colour needs red, green or blue");
    refused("--pairs abc", "--pairs abc: write pairs of letters");
}

static void options_are_refused(void **state)
{
    (void)state;
    refused("--bogus", "unrecognized option '--bogus'");
    refused("--colur red", "unrecognized option '--colur'; did you mean --colour?");
    refused("--weight=2", "--weight is not for toy");
    refused("--co 2", "option '--co' may be --colour, --count");
    refused("-x", "unrecognized option 'x'");
    refused("a b -o", "option 'o' needs a value");
    refused("a b --output", "option '--output' needs a value");
    refused("--loud=yes", "option '--loud' takes no value");
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    refused("", "from where?");
    refused("-o x a", "where to?");
    refused("a b", "-o FILE is missing");
    const struct rt_command few = {.options = other.options, .arguments = (const struct rt_argument[]){{0}}};
    assert_int_equal(parse(&few, "a"), RT_EUSAGE);
    assert_string_equal(e.text, "'a' is one argument too many");
}

static void values_are_stored(void **state)
{
    (void)state;
    assert_int_equal(parse(&toy, "a -o x b"), 0);
    assert_string_equal(q.from, "a");
    assert_string_equal(q.to, "b");
    assert_int_equal(q.more.count, 0);
    assert_string_equal(q.colour, "green");
    assert_int_equal(q.count, 3);
    assert_false(q.loud || q.stop || q.form || q.seed || q.pairs);
    assert_int_equal(parse(&toy, "a b c d -lc blue -n 256 --csv --seed 9223372036854775807 --share 2.5 --chance 0.5 "
                                 "-p abcd --pairs ef --out x"), 0);
    assert_true(q.loud);
    assert_int_equal(q.form, 7);
    assert_string_equal(q.colour, "blue");
    assert_int_equal(q.count, 256);
    assert_true(q.seed == INT64_MAX && q.share == 2.5 && q.chance == 0.5);
    assert_int_equal(q.pairs, 3);
    assert_string_equal(q.name, "x");
    assert_int_equal(q.more.count, 2);
    assert_string_equal(q.more.word[1], "d");
    assert_int_equal(parse(&toy, "--stop"), 0);
    assert_true(q.stop && !q.from);
    assert_int_equal(parse(&toy, "--help --count 0"), 1);
    assert_int_equal(parse(&toy, "-h"), 1);
    struct rt_command first = toy;
    first.options_first = true;
    assert_int_equal(parse(&first, "-o x a b -l"), 0);
    assert_true(!q.loud && q.more.count == 1);
}

static void printed(void (*print)(FILE *), const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    print(f);
    fclose(f);
    assert_string_equal(text, expected);
    free(text);
}

static void print_help(FILE *f)
{
    rt_command_help(&toy, f, 60);
}

static void print_list(FILE *f)
{
    rt_command_list(&toy, f);
}

static void help_and_list_are_made_of_the_rows(void **state)
{
    (void)state;
    printed(print_help,
            "usage: retort play toy FROM TO [MORE]...\n"
            "       retort play toy --stop\n"
            "Plays with what it is given, for as long as anybody looks,\n"
            "and says so.\n\n"
            "  -l, --loud         with noise\n"
            "      --csv          as a table\n"
            "  -c, --colour C     which one (default green)\n"
            "  -n, --count N      how many (default 3)\n"
            "      --seed N       another order\n"
            "      --share S      of all, in a sentence that goes on for\n"
            "                     so long that it has to be broken\n"
            "                     somewhere (default what is left)\n"
            "      --chance P     of winning\n"
            "  -p, --pairs XY     may be repeated\n"
            "  -o, --output FILE  where to\n"
            "      --stop         nothing else\n\n"
            "Exit code: 0.\n");
    printed(print_list,
            "usage\tFROM TO [MORE]...\n"
            "usage\t--stop\n"
            "option\t-l, --loud\t-\t-\twith noise\n"
            "option\t--csv\t-\t-\tas a table\n"
            "option\t-c, --colour\tC\twords red green blue\twhich one (default green)\n"
            "option\t-n, --count\tN\t-\thow many (default 3)\n"
            "option\t--seed\tN\t-\tanother order\n"
            "option\t--share\tS\t-\tof all, in a sentence that goes on for so long that it has to be broken "
            "somewhere (default what is left)\n"
            "option\t--chance\tP\t-\tof winning\n"
            "option\t-p, --pairs\tXY\t-\tmay be repeated\n"
            "option\t-o, --output\tFILE\tfiles *.a *.b\twhere to\n"
            "option\t--stop\t-\t-\tnothing else\n"
            "argument\tKIND\twords toy other\n"
            "argument\tFROM\twords here there\n"
            "argument\tTO\tfolders\n"
            "argument\tMORE\t-\n");
}

static void print_wrapped(FILE *f)
{
    rt_text_wrap(f, "one two\nthree four-and-much-more five", 0, 2, 9);
}

static void text_is_wrapped_between_words(void **state)
{
    (void)state;
    printed(print_wrapped, "one two\n  three\n  four-and-much-more\n  five\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_refused_by_name_value_and_range),
        cmocka_unit_test(options_are_refused),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(values_are_stored),
        cmocka_unit_test(help_and_list_are_made_of_the_rows),
        cmocka_unit_test(text_is_wrapped_between_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
