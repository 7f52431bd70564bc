/* SPDX-License-Identifier: MIT
 * cmd_manifest: options and help of `retort manifest`. One row per kind of source; what each reads
 * is in manifest_folders.c and manifest_csv.c, how it is split and written in manifest_table.c. */
#include "tui/cli/cmd.h"
#include "formats/words.h"
#include "tui/cli/manifest_sources.h"
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { DONE, FAILED, USAGE };

#define HELP_COMMON                                                                                \
    "  -o, --output FILE   the manifest to write; paths in it are relative to its folder\n"        \
    "  --seed N            another division into splits (0)\n"
#define HELP_SPLIT                                                                                 \
    "  --split A/B/C       shares of train, valid, test (70/10/20), within each label, decided "   \
    "by\n"                                                                                         \
    "                      a hash, so that the order of rows does not matter; none = make none\n"

static const struct kind {
    const char *name;
    rt_made_source *source;
    const char *options; /* letters of the long options it takes besides the common ones */
    const char *help;
} kinds[] = {
    {"folders", rt_made_folders, "m",
     "usage: retort manifest folders ROOT -o FILE [OPTION]...\n"
     "A manifest of the files in ROOT/CLASS/..., one class per sub-folder.\n"
     "  --modality M        speech, image or text, where ROOT holds more than one\n"
     "                      (.wav .flac .ogg .oga .opus .mp3, .png .jpg .jpeg .webp, "
     ".txt)\n" HELP_SPLIT HELP_COMMON},
    {"csv", rt_made_csv, "iLgSITrd",
     "usage: retort manifest csv TABLE -o FILE [OPTION]...\n"
     "A manifest of the rows of a CSV or TSV file (RFC 4180) whose first line names the columns.\n"
     "  --id COL            the column with the unique name of each row\n"
     "  --label COL         class; --group COL: rows of one group never cross splits\n"
     "  --speech COL        path of a recording; --image COL: of a picture; --text COL: the text\n"
     "                      (a column that has one of these names needs no option)\n"
     "  --root DIR          where the paths start (the folder of TABLE)\n"
     "  --delimiter C       one character or tab (found from the first line: tab , or ;)\n"
     "  --split COL         the column with train, valid, test\n" HELP_SPLIT HELP_COMMON
     "All other columns are kept.\n"},
    {"voxceleb", rt_made_voxceleb, "",
     "usage: retort manifest voxceleb ROOT -o FILE [OPTION]...\n"
     "A manifest of ROOT/wav/idNNNNN/VIDEO/UTT.wav: id as in VoxCeleb's trial lists, label = "
     "speaker,\n"
     "group = video, so that no video crosses splits.\n" HELP_SPLIT HELP_COMMON},
};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},    {"help", no_argument, NULL, 'h'},
    {"split", required_argument, NULL, 's'},     {"seed", required_argument, NULL, 'e'},
    {"modality", required_argument, NULL, 'm'},  {"id", required_argument, NULL, 'i'},
    {"label", required_argument, NULL, 'L'},     {"group", required_argument, NULL, 'g'},
    {"speech", required_argument, NULL, 'S'},    {"image", required_argument, NULL, 'I'},
    {"text", required_argument, NULL, 'T'},      {"root", required_argument, NULL, 'r'},
    {"delimiter", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0},
};
static const char role_letters[RT_ROLES] = {
    [RT_ROLE_ID] = 'i',     [RT_ROLE_LABEL] = 'L', [RT_ROLE_GROUP] = 'g',
    [RT_ROLE_SPEECH] = 'S', [RT_ROLE_IMAGE] = 'I', [RT_ROLE_TEXT] = 'T'};

struct request {
    const struct kind *kind;
    struct rt_made_options o;
    const char *output;
    double share[3];
    uint64_t seed;
};

/* Says what is wrong with the usage, and where help is. */
static int usage(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int usage(const char *kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "retort manifest%s%s: ", *kind ? " " : "", kind);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; see retort manifest %s%s--help\n", kind, *kind ? " " : "");
    va_end(args);
    return USAGE;
}

static int failed(const struct kind *kind, const struct rt_error *e)
{
    if (e->code == RT_EUSAGE)
        return usage(kind->name, "%s", e->text);
    fprintf(stderr, "retort manifest %s: %s\n", kind->name, e->text);
    return FAILED;
}

/* --- options --- */

/* "70/10/20" -> shares; false when it is something else. */
static bool read_shares(const char *text, double share[3])
{
    for (int i = 0; i < 3; i++) {
        char *end;
        if (*text < '0' || *text > '9')
            return false;
        share[i] = strtod(text, &end);
        if (*end != (i < 2 ? '/' : '\0') || share[i] > 1e6 || text[strspn(text, "0123456789./")])
            return false;
        text = end + 1;
    }
    return share[0] + share[1] + share[2] > 0;
}

static int read_split(struct request *q, const char *text)
{
    bool shares = read_shares(text, q->share);
    q->o.splits = shares ? RT_SPLITS_NEW : RT_SPLITS_KEEP;
    q->o.role[RT_ROLE_SPLIT] = NULL; /* the last --split counts */
    if (shares || !strcmp(text, "none"))
        return DONE;
    if (q->kind->source != rt_made_csv)
        return usage(q->kind->name, "--split %s: write three shares such as 70/10/20, or none",
                     text);
    q->o.role[RT_ROLE_SPLIT] = text;
    return DONE;
}

static int read_option(struct request *q, int letter, const char *text)
{
    const char *kind = q->kind->name;
    char *end;
    if (letter != 'o' && letter != 's' && letter != 'e' && !strchr(q->kind->options, letter)) {
        const struct option *o = long_options;
        while (o->val != letter)
            o++;
        return usage(kind, "--%s is not for %s", o->name, kind);
    }
    for (int role = 0; role < RT_ROLES; role++)
        if (role_letters[role] == letter)
            q->o.role[role] = text;
    switch (letter) {
    case 'o':
        q->output = text;
        return DONE;
    case 's':
        return read_split(q, text);
    case 'e':
        errno = 0;
        q->seed = strtoull(text, &end, 10);
        return *text < '0' || *text > '9' || *end || errno
                   ? usage(kind, "--seed %s: write a whole number", text)
                   : DONE;
    case 'm':
        q->o.modality = text;
        return DONE;
    case 'r':
        q->o.root = text;
        return DONE;
    case 'd':
        q->o.delimiter = !strcmp(text, "tab") || !strcmp(text, "\\t") ? '\t' : *text;
        return (q->o.delimiter != '\t' && strlen(text) != 1) || strchr("\"\r\n", *text)
                   ? usage(kind, "--delimiter %s: write one character, or tab", text)
                   : DONE;
    }
    return DONE;
}

static int unknown_option(const struct kind *kind, const char *written, bool lacks_value)
{
    struct rt_nearest near = {.word = written + strspn(written, "-")};
    char hint[96];
    if (lacks_value)
        return usage(kind->name, "%s needs a value", written);
    for (const struct option *o = long_options; o->name; o++)
        if (strchr("ohse", o->val) || strchr(kind->options, o->val))
            rt_nearest_offer(&near, o->name);
    if (*near.best)
        snprintf(hint, sizeof hint, "; did you mean --%.64s?", near.best);
    return usage(kind->name, "unknown option %s%s", written, *near.best ? hint : "");
}

/* argv[0] is the kind. Returns DONE with q->o.source NULL when help was asked for and given. */
static int read_arguments(struct request *q, int argc, char **argv)
{
    int letter;
    optind = 0;
    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":o:h", long_options, NULL)) != -1) {
        if (letter == 'h') {
            fputs(q->kind->help, stdout);
            q->o.source = NULL;
            return DONE;
        }
        if (letter == '?' || letter == ':')
            return unknown_option(q->kind, argv[optind - 1], letter == ':');
        int code = read_option(q, letter, optarg);
        if (code)
            return code;
    }
    if (optind == argc)
        return usage(q->kind->name, "what to read is missing");
    if (optind + 1 < argc)
        return usage(q->kind->name, "%s is one argument too many", argv[optind + 1]);
    if (!q->output || !*q->output)
        return usage(q->kind->name, "-o FILE is missing");
    q->o.source = argv[optind];
    return DONE;
}

/* --- the work --- */

/* The folder of path, absolute and without links, malloc'ed. */
static char *real_folder(const char *path, struct rt_error *e)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    if (!real)
        rt_error_errno(e, "cannot write to", folder ? folder : path);
    free(folder);
    return real;
}

static void say_what_was_made(const struct rt_made_table *t, const struct request *q,
                              const char *notes)
{
    static const char *const splits[] = {"train", "valid", "test"};
    int split = rt_made_column(t, "split");
    fprintf(stderr, "%s: %zu rows", q->output, t->rows);
    for (int s = 0; split >= 0 && s < 3; s++) {
        size_t count = 0;
        for (size_t i = 0; i < t->rows; i++)
            count += !strcmp(t->row[i]->cell[split], splits[s]);
        fprintf(stderr, ", %s %zu", splits[s], count);
    }
    fputc('\n', stderr);
    if (*notes)
        fprintf(stderr, "%s\n", notes);
}

static int make(struct request *q)
{
    struct rt_made_table t = {0};
    struct rt_made_notes notes = {0};
    struct rt_error e = {0};
    char *folder = real_folder(q->output, &e);
    int code = folder ? 0 : e.code;
    q->o.output_folder = folder;
    code = code ? code : q->kind->source(&t, &q->o, &notes, &e);
    code = code ? code : rt_made_sort(&t, q->o.source, &e);
    if (!code && t.unsplit)
        code = rt_made_split(&t, q->share, q->seed, &e);
    code = code ? code : rt_made_write(&t, q->output, &e);
    if (!code)
        say_what_was_made(&t, q, notes.text);
    rt_made_fini(&t);
    free(notes.names);
    free(folder);
    return code ? failed(q->kind, &e) : DONE;
}

static int general_help(void)
{
    fputs("usage: retort manifest KIND SOURCE -o FILE [OPTION]...\n"
          "Makes the table of samples that a run reads. KIND is one of:\n"
          "  folders    a folder per class, files of one modality in it\n"
          "  csv        a table with the user's own columns\n"
          "  voxceleb   VoxCeleb's wav/idNNNNN/VIDEO/UTT.wav\n"
          "retort manifest KIND --help says which options each takes.\n",
          stdout);
    return DONE;
}

int cmd_manifest(int argc, char **argv)
{
    struct request q = {.share = {70, 10, 20}};
    struct rt_nearest near = {.word = argc > 1 ? argv[1] : ""};
    char hint[96];
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
        return general_help();
    for (int k = 0; k < KINDS && argc > 1; k++) {
        rt_nearest_offer(&near, kinds[k].name);
        if (!strcmp(kinds[k].name, argv[1]))
            q.kind = &kinds[k];
    }
    if (argc < 2)
        return usage("", "write what to make it from: folders, csv or voxceleb");
    if (!q.kind)
        return usage("", "%s is no kind of source: write folders, csv or voxceleb%s", argv[1],
                     rt_nearest_hint(&near, hint, sizeof hint));
    int code = read_arguments(&q, argc - 1, argv + 1);
    return code || !q.o.source ? code : make(&q);
}
