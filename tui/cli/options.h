/* SPDX-License-Identifier: MIT
 * options: what a command is, as data: a row per option, a row per argument, the paragraphs around them, and the
 * request that they fill. Parsing, --help, completion and the manual's lists are made from these rows, so that each
 * name and each word stands in one place. Main thread. */
#ifndef RT_OPTIONS_H
#define RT_OPTIONS_H

#include "formats/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RT_OPTIONS_MAX 32 /* of one command */

/* How a value is read and what it is stored as, in the member that the row names. */
enum rt_option_kind {
    RT_OPTION_IS_FLAG,   /* no value: bool = true */
    RT_OPTION_IS_PICK,   /* no value: int (or an enum) = pick */
    RT_OPTION_IS_TEXT,   /* const char *, of argv */
    RT_OPTION_IS_CHOICE, /* const char *, one of words */
    RT_OPTION_IS_WHOLE,  /* int or int64_t, from low to high */
    RT_OPTION_IS_REAL,   /* double, from low to high, or between them */
    RT_OPTION_IS_OWN,    /* take(member, value) */
};

/* For an option that is read in a way of its own. field: the member; value: of argv, NULL where the option has
 * none. RT_EUSAGE with what to write instead; option and value are put before it. */
typedef int rt_option_take(void *field, const char *value, struct rt_error *e);
/* The i-th word that can be written here, NULL after the last; valid until the next call. */
typedef const char *rt_option_word(int i);

struct rt_option {
    char letter;          /* 0 = none */
    const char *name;     /* without its two dashes; NULL ends a table */
    const char *argument; /* "DIR"; NULL = takes no value */
    const char *help;     /* what it does, without a full stop */
    enum rt_option_kind kind;
    size_t at, size; /* of the member */
    int pick;
    double low, high;
    rt_option_take *take;
    /* The following may be left out. */
    const char *initial;      /* read as if it had been given first, and shown as the default */
    const char *otherwise;    /* the default in words */
    const char *const *words; /* what can be written, up to a NULL; a CHOICE is checked against them */
    rt_option_word *word;     /* as words, for completion, where they come from another table */
    const char *files;        /* its value is a file: patterns such as "*.tsv *.onnx"; "/" = a folder */
    bool between;             /* low and high themselves are not meant */
    bool required;            /* the command does nothing without it */
    bool alone;               /* with it nothing else is required */
};

/* kind, place and range of a row: {'n', "head", "N", "at most N rows", RT_OPTION_WHOLE(struct x, head, 1, INT_MAX)} */
#define RT_OPTION_PLACE(type, member) .at = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define RT_OPTION_FLAG(type, member) .kind = RT_OPTION_IS_FLAG, RT_OPTION_PLACE(type, member)
#define RT_OPTION_PICK(type, member, value)                                                                           \
    .kind = RT_OPTION_IS_PICK, RT_OPTION_PLACE(type, member), .pick = (value)
#define RT_OPTION_TEXT(type, member) .kind = RT_OPTION_IS_TEXT, RT_OPTION_PLACE(type, member)
#define RT_OPTION_CHOICE(type, member, list)                                                                          \
    .kind = RT_OPTION_IS_CHOICE, RT_OPTION_PLACE(type, member), .words = (list)
#define RT_OPTION_WHOLE(type, member, from, to)                                                                       \
    .kind = RT_OPTION_IS_WHOLE, RT_OPTION_PLACE(type, member), .low = (double)(from), .high = (double)(to)
#define RT_OPTION_REAL(type, member, from, to)                                                                        \
    .kind = RT_OPTION_IS_REAL, RT_OPTION_PLACE(type, member), .low = (from), .high = (to)
#define RT_OPTION_OWN(type, member, function)                                                                         \
    .kind = RT_OPTION_IS_OWN, RT_OPTION_PLACE(type, member), .take = (function)

/* What stands without a dash, in order. Only the last may be many. */
struct rt_argument {
    const char *name;    /* "MANIFEST|DIR"; NULL ends a table */
    const char *missing; /* what is said without it: "which manifest or run?"; NULL = it may be left out */
    size_t at;           /* of a const char *, or, for many, of a struct rt_argument_list */
    bool many;
    rt_option_word *word; /* for completion, as an option's */
    const char *files;
};
struct rt_argument_list {
    char *const *word; /* of argv */
    int count;
};

struct rt_command {
    const char *name;
    const char *summary;           /* its line in `retort --help` */
    const char *usage[3];          /* what follows the name, one way of use each */
    const char *about, *below;     /* paragraphs above and below the options; a newline stays one */
    void (*lists)(FILE *out);      /* further lists, below the options */
    const struct rt_option *options;
    const struct rt_argument *arguments;
    bool options_first;            /* all after the first argument are arguments */
    size_t request_size;
    /* request: filled by the options, all else cleared. Exit code, or an error's code with e. */
    int (*run)(void *request, struct rt_error *e);
    /* A command of several kinds has no options and no run; its one argument is the kind's name. */
    const struct rt_command *const *kinds; /* up to a NULL */
    const char *kind;                      /* what a kind is called: "kind of source" */
    const struct rt_command *parent;       /* of a kind */
};

/* "manifest csv": the name as a user writes it. Returns text. */
const char *rt_command_path(const struct rt_command *c, char text[64]);
/* The kind of this name, or NULL. */
const struct rt_command *rt_command_kind(const struct rt_command *c, const char *name);

/* argv[0] is skipped. request: request_size bytes, cleared. 1 when help is asked for; RT_EUSAGE names the option,
 * its value, and what to write. */
int rt_options_parse(const struct rt_command *c, int argc, char **argv, void *request, struct rt_error *e);

/* What --help prints, wrapped at so many columns. */
void rt_command_help(const struct rt_command *c, FILE *out, int columns);
/* The same for programs, a line each, its parts separated by tabs, "-" for a part that there is not:
 *     usage     RECIPE [-o DIR] [options]
 *     option    -o, --output   DIR   COMPLETION   HELP
 *     argument  RECIPE         COMPLETION
 * COMPLETION is "files PATTERN...", "folders" or "words WORD...". */
void rt_command_list(const struct rt_command *c, FILE *out);
/* Words of text from `column` on, broken before `columns`; what follows a break is indented. Ends the line. */
void rt_text_wrap(FILE *out, const char *text, int column, int indent, int columns);
/* The width of the terminal that standard output is; otherwise that. */
int rt_text_columns(int otherwise);

#endif
