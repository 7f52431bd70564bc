/* SPDX-License-Identifier: MIT
 * options_print: what is printed of a command's rows: its help for people, and the list that completion and
 * docs/manual/make read. */
#include "tui/cli/options.h"

#include "formats/plain.h"

#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WORDS_WIDEST 26 /* of the column with options; longer ones have a line of their own */
#define COLUMNS_LEAST 40

int rt_text_columns(int otherwise)
{
    struct winsize w;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < COLUMNS_LEAST)
        return otherwise;
    return w.ws_col;
}

void rt_text_wrap(FILE *out, const char *text, int column, int indent, int columns)
{
    bool first = true;
    while (*text) {
        int blank = (int)strspn(text, " "), word = (int)strcspn(text + blank, " \n");
        if (!first && column + blank + word > columns) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            blank = 0;
        }
        text += strspn(text, " ");
        column += rt_plain_print(out, "%*s%.*s", first ? 0 : blank, "", word, text);
        text += word;
        first = *text == '\n';
        if (first && *++text) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
    }
    fputc('\n', out);
}

/* ---- help ---- */

/* "-o, --output DIR", all names in one column */
static int option_words(const struct rt_option *o, char text[80])
{
    char letter[5] = {o->letter, ','};
    return snprintf(text, 80, "%s%-3s--%s%s%s", o->letter ? "-" : " ", o->letter ? letter : "", o->name,
                    o->argument ? " " : "", o->argument ? o->argument : "");
}

static const char *option_help(const struct rt_option *o, char text[400])
{
    const char *usual = o->initial ? o->initial : o->otherwise;
    snprintf(text, 400, "%s%s%s%s", o->help, usual ? " (default " : "", usual ? usual : "", usual ? ")" : "");
    return text;
}

static void options_print(const struct rt_command *c, FILE *out, int columns)
{
    char words[80], help[400];
    int widest = 0;
    for (const struct rt_option *o = c->options; o->name; o++) {
        int n = option_words(o, words);
        widest = n > widest && n <= WORDS_WIDEST ? n : widest;
    }
    fputc('\n', out);
    for (const struct rt_option *o = c->options; o->name; o++) {
        int n = option_words(o, words);
        fprintf(out, "  %-*s", widest, words);
        if (n > widest)
            fprintf(out, "\n%*s", widest + 2, "");
        fputs("  ", out);
        rt_text_wrap(out, option_help(o, help), widest + 4, widest + 4, columns);
    }
}

void rt_command_help(const struct rt_command *c, FILE *out, int columns)
{
    char path[64];
    rt_command_path(c, path);
    for (int i = 0; i < 3 && c->usage[i]; i++)
        fprintf(out, "%s retort %s %s\n", i ? "      " : "usage:", path, c->usage[i]);
    rt_text_wrap(out, c->about, 0, 0, columns);
    for (const struct rt_command *const *k = c->kinds; k && *k; k++)
        fprintf(out, "  %-10s %s\n", (*k)->name, (*k)->summary);
    if (c->options && c->options->name)
        options_print(c, out, columns);
    if (c->lists) {
        fputc('\n', out);
        c->lists(out);
    }
    if (c->below) {
        fputc('\n', out);
        rt_text_wrap(out, c->below, 0, 0, columns);
    }
}

/* ---- lists for programs ---- */

static void completion_print(FILE *out, const char *files, const char *const *words, rt_option_word *word)
{
    const char *w;
    if (files && !strcmp(files, "/"))
        fputs("\tfolders", out);
    else if (files)
        fprintf(out, "\tfiles %s", files);
    else
        fputs(words || word ? "\twords" : "\t-", out);
    for (; words && *words; words++)
        fprintf(out, " %s", *words);
    for (int i = 0; word && (w = word(i)); i++)
        fprintf(out, " %s", w);
}

static void arguments_list(const struct rt_command *c, FILE *out)
{
    for (const struct rt_argument *a = c->arguments; a && a->name; a++) {
        fprintf(out, "argument\t%s", a->name);
        for (const struct rt_command *const *k = c->kinds; k && *k; k++)
            fprintf(out, "%s %s", k == c->kinds ? "\twords" : "", (*k)->name);
        if (!c->kinds)
            completion_print(out, a->files, NULL, a->word);
        fputc('\n', out);
    }
}

void rt_command_list(const struct rt_command *c, FILE *out)
{
    char help[400];
    for (int i = 0; i < 3 && c->usage[i]; i++)
        fprintf(out, "usage\t%s\n", c->usage[i]);
    for (const struct rt_option *o = c->options; o && o->name; o++) {
        char letter[5] = {'-', o->letter, ',', ' '};
        fprintf(out, "option\t%s--%s\t%s", o->letter ? letter : "", o->name, o->argument ? o->argument : "-");
        completion_print(out, o->files, o->words, o->word);
        fprintf(out, "\t%s\n", option_help(o, help));
    }
    if (c->parent)
        arguments_list(c->parent, out); /* the kind's name is the first argument on the line */
    arguments_list(c, out);
}
