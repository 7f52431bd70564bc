/* SPDX-License-Identifier: MIT
 * options: see options.h; reading what was written into the request. What is printed of the rows is
 * options_print.c. */
#include "tui/cli/options.h"

#include "formats/words.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ROW_FIRST 256 /* getopt's value of the first row, above all letters */

const char *rt_command_path(const struct rt_command *c, char text[64])
{
    snprintf(text, 64, "%s%s%s", c->parent ? c->parent->name : "", c->parent ? " " : "", c->name);
    return text;
}

const struct rt_command *rt_command_kind(const struct rt_command *c, const char *name)
{
    for (const struct rt_command *const *k = c->kinds; k && *k; k++)
        if (!strcmp((*k)->name, name))
            return *k;
    return NULL;
}

/* ---- values ----
 * Every refusal begins with what was written, option and value, so that it can be found in a long line of a script.
 * Where a letter was written, the name follows: whoever reads the message should not have to look the letter up. */

static int option_refuse(const struct rt_option *o, bool by_letter, const char *value, const char *what,
                         struct rt_error *e)
{
    if (by_letter)
        return rt_error_set(e, RT_EUSAGE, "-%c %.200s: --%s needs %s", o->letter, value, o->name, what);
    return rt_error_set(e, RT_EUSAGE, "--%s %.200s: write %s", o->name, value, what);
}

/* "a whole number from 1 to 256" */
static const char *range_words(const struct rt_option *o, char text[96])
{
    bool real = o->kind == RT_OPTION_IS_REAL, open = !real && o->high >= INT_MAX;
    int n = snprintf(text, 96, "a %snumber", real ? "" : "whole ");
    if (o->between)
        snprintf(text + n, 96 - (size_t)n, " between %g and %g", o->low, o->high);
    else if (!open)
        snprintf(text + n, 96 - (size_t)n, " from %.12g to %.12g", o->low, o->high);
    else if (o->low > 0)
        snprintf(text + n, 96 - (size_t)n, " from %.12g on", o->low);
    return text;
}

static bool range_holds(const struct rt_option *o, double v)
{
    return o->between ? v > o->low && v < o->high : v >= o->low && v <= o->high; /* false for NaN */
}

static bool whole_store(const struct rt_option *o, void *field, const char *value)
{
    char *end;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (!isdigit((unsigned char)value[value[0] == '-']) || *end || errno || !range_holds(o, (double)n))
        return false;
    assert(o->size == sizeof(int) || o->size == sizeof(int64_t));
    if (o->size == sizeof(int))
        *(int *)field = (int)n;
    else
        *(int64_t *)field = n;
    return true;
}

static bool real_store(const struct rt_option *o, void *field, const char *value)
{
    char *end;
    double v = strtod(value, &end);
    if (end == value || *end || !range_holds(o, v))
        return false;
    *(double *)field = v;
    return true;
}

static bool choice_store(const struct rt_option *o, void *field, const char *value)
{
    for (const char *const *w = o->words; *w; w++)
        if (!strcmp(*w, value))
            return *(const char **)field = value, true;
    return false;
}

/* "speech, image or text" */
static const char *choice_words(const struct rt_option *o, char text[96])
{
    int n = 0;
    for (int i = 0; o->words[i] && n < 96; i++)
        n += snprintf(text + n, 96 - (size_t)n, "%s%s", !i ? "" : o->words[i + 1] ? ", " : " or ", o->words[i]);
    return text;
}

static int option_store(const struct rt_option *o, bool by_letter, void *request, const char *value,
                        struct rt_error *e)
{
    void *field = (char *)request + o->at;
    char words[96];
    switch (o->kind) {
    case RT_OPTION_IS_FLAG: *(bool *)field = true; break;
    case RT_OPTION_IS_PICK: *(int *)field = o->pick; break;
    case RT_OPTION_IS_TEXT: *(const char **)field = value; break;
    case RT_OPTION_IS_CHOICE:
        if (!choice_store(o, field, value))
            return option_refuse(o, by_letter, value, choice_words(o, words), e);
        break;
    case RT_OPTION_IS_WHOLE:
        if (!whole_store(o, field, value))
            return option_refuse(o, by_letter, value, range_words(o, words), e);
        break;
    case RT_OPTION_IS_REAL:
        if (!real_store(o, field, value))
            return option_refuse(o, by_letter, value, range_words(o, words), e);
        break;
    case RT_OPTION_IS_OWN: {
        struct rt_error why = {0};
        int rc = o->take(field, value, &why);
        if (rc == RT_EUSAGE)
            return option_refuse(o, by_letter, value ? value : "", why.text, e);
        if (rc < 0)
            return rt_error_set(e, rc, "%s", why.text);
    }
    }
    return 0;
}

/* ---- what getopt does not know ----
 * getopt_long finds options among arguments and knows abbreviations. Its own messages are off: they cannot name what
 * is near, nor that an option belongs to another kind of the same command. */

static int option_count(const struct rt_command *c)
{
    int n = 0;
    while (c->options[n].name)
        n++;
    return n;
}

static const struct rt_option *option_find(const struct rt_command *c, const char *name)
{
    for (const struct rt_option *o = c->options; o->name; o++)
        if (!strcmp(o->name, name))
            return o;
    return NULL;
}

static int option_ambiguous(const struct rt_command *c, const char *name, struct rt_error *e)
{
    char names[200] = "";
    size_t n = strlen(name);
    for (const struct rt_option *o = c->options; o->name; o++)
        if (!strncmp(o->name, name, n))
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s--%s", *names ? ", " : "", o->name);
    return *names ? rt_error_set(e, RT_EUSAGE, "option '--%s' may be %s", name, names) : 0;
}

static int option_unknown(const struct rt_command *c, const char *written, struct rt_error *e)
{
    char name[64], hint[96] = "";
    snprintf(name, sizeof name, "%.*s", (int)strcspn(written + 2, "="), written + 2);
    RT_TRY(option_ambiguous(c, name, e));
    for (const struct rt_command *const *k = c->parent ? c->parent->kinds : NULL; k && *k; k++)
        if (option_find(*k, name))
            return rt_error_set(e, RT_EUSAGE, "--%s is not for %s", name, c->name);
    struct rt_nearest near = {.word = name};
    for (const struct rt_option *o = c->options; o->name; o++)
        rt_nearest_offer(&near, o->name);
    if (*near.best)
        snprintf(hint, sizeof hint, "; did you mean --%s?", near.best);
    return rt_error_set(e, RT_EUSAGE, "unrecognized option '--%s'%s", name, hint);
}

/* answer: getopt's, '?' or ':'; optopt says of which row, 0 of none. */
static int option_wrong(const struct rt_command *c, int answer, const char *written, struct rt_error *e)
{
    char name[80];
    if (!optopt)
        return option_unknown(c, written, e);
    if (optopt >= ROW_FIRST)
        snprintf(name, sizeof name, "--%s", c->options[optopt - ROW_FIRST].name);
    else
        snprintf(name, sizeof name, "%c", optopt);
    if (answer == ':')
        return rt_error_set(e, RT_EUSAGE, "option '%s' needs a value", name);
    return optopt >= ROW_FIRST ? rt_error_set(e, RT_EUSAGE, "option '%s' takes no value", name)
                               : rt_error_set(e, RT_EUSAGE, "unrecognized option '%s'", name);
}

/* ---- a line ---- */

static int arguments_store(const struct rt_command *c, int count, char **word, bool alone, void *request,
                           struct rt_error *e)
{
    int i = 0;
    for (const struct rt_argument *a = c->arguments; a && a->name; a++) {
        void *field = (char *)request + a->at;
        if (i == count && a->missing && !alone)
            return rt_error_set(e, RT_EUSAGE, "%s", a->missing);
        if (a->many)
            *(struct rt_argument_list *)field = (struct rt_argument_list){word + i, count - i};
        else if (i < count)
            *(const char **)field = word[i++];
        if (a->many)
            return 0;
    }
    return i < count ? rt_error_set(e, RT_EUSAGE, "'%s' is one argument too many", word[i]) : 0;
}

static int options_missing(const struct rt_command *c, const bool *given, struct rt_error *e)
{
    for (int i = 0; c->options[i].name; i++) {
        const struct rt_option *o = &c->options[i];
        char letter[3] = {'-', o->letter};
        if (o->required && !given[i])
            return rt_error_set(e, RT_EUSAGE, "%s%s %s is missing", o->letter ? letter : "--",
                                o->letter ? "" : o->name, o->argument);
    }
    return 0;
}

/* The tables that getopt takes. A colon first: a missing value is told from an unknown option. */
static void options_for_getopt(const struct rt_command *c, int count, char *letters, struct option *longs)
{
    letters += sprintf(letters, "%s:h", c->options_first ? "+" : "");
    for (int i = 0; i < count; i++) {
        const struct rt_option *o = &c->options[i];
        int takes = o->argument ? required_argument : no_argument;
        longs[i] = (struct option){o->name, takes, NULL, ROW_FIRST + i};
        if (o->letter)
            letters += sprintf(letters, "%c%s", o->letter, o->argument ? ":" : "");
    }
    longs[count] = (struct option){"help", no_argument, NULL, 'h'};
    longs[count + 1] = (struct option){0};
}

static int option_of_letter(const struct rt_command *c, int letter)
{
    int i = 0;
    while (c->options[i].letter != letter)
        i++;
    return i;
}

int rt_options_parse(const struct rt_command *c, int argc, char **argv, void *request, struct rt_error *e)
{
    struct option longs[RT_OPTIONS_MAX + 2];
    char letters[2 * RT_OPTIONS_MAX + 4];
    bool given[RT_OPTIONS_MAX] = {false}, alone = false;
    int count = option_count(c), answer;
    assert(count <= RT_OPTIONS_MAX);
    options_for_getopt(c, count, letters, longs);
    for (const struct rt_option *o = c->options; o->name; o++)
        if (o->initial)
            RT_TRY(option_store(o, false, request, o->initial, e));
    optind = 0; /* from the start, also of glibc's own state */
    opterr = 0;
    while ((answer = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (answer == 'h')
            return 1;
        if (answer == '?' || answer == ':')
            return option_wrong(c, answer, argv[optind - 1], e);
        int i = answer >= ROW_FIRST ? answer - ROW_FIRST : option_of_letter(c, answer);
        RT_TRY(option_store(&c->options[i], answer < ROW_FIRST, request, optarg, e));
        given[i] = true;
        alone |= c->options[i].alone;
    }
    RT_TRY(arguments_store(c, argc - optind, argv + optind, alone, request, e));
    return alone ? 0 : options_missing(c, given, e);
}
