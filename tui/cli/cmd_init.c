/* SPDX-License-Identifier: MIT
 * cmd_init: `retort init`: from data as people have them to a manifest, recipes, and the commands to type next. How a
 * manifest is made is manifest_make.h, what is said of it init_look.h, what stands in the recipes init_recipes.h. */
#include "tui/cli/cmd.h"
#include "tui/cli/init_look.h"
#include "tui/cli/init_recipes.h"
#include "tui/cli/manifest_make.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/progress.h"

#include "formats/file.h"
#include "formats/filewalk.h"
#include "formats/plain.h"
#include "tui/manifest/files.h"
#include "tui/manifest/guess_columns.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
    struct rt_made_request made; /* first: its options find their places there */
    struct rt_argument_list source;
    const char *folder, *student, *teacher, *cache;
    const char *mostly; /* found: the kind of nearly all files of a folder, "" = of none */
    bool unread, replace;
};

/* ---- questions ----
 * Asked where a person sits in front of it and nothing else decides; a script gets an error that names the option. */

static bool question_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* One of the words: its number, or its first where nothing is typed. -1: the input has ended. */
static int question_ask(const char *text, const char *const *word, int words)
{
    char line[200];
    for (;;) {
        rt_plain_print(stderr, "%s\n", text);
        for (int i = 0; i < words; i++)
            rt_plain_print(stderr, "  %d  %s%s\n", i + 1, word[i], i ? "" : "  (Enter)");
        fputs("> ", stderr);
        fflush(stderr);
        if (!fgets(line, sizeof line, stdin))
            return -1;
        line[strcspn(line, "\n")] = '\0';
        int chosen = *line ? -1 : 0;
        for (int i = 0; i < words; i++)
            if (atoi(line) == i + 1 || !strcasecmp(line, word[i]))
                chosen = i;
        if (chosen >= 0)
            return chosen;
    }
}

/* ---- what there is ---- */

static int source_is_folder(const char *path, bool *folder, struct rt_error *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return rt_error_errno(e, "cannot read", path);
    *folder = S_ISDIR(st.st_mode);
    return 0;
}

/* The part that each column plays, asked for or said. g: what the roles point into. */
static int table_roles(struct request *q, struct rt_made_guess *g, struct rt_error *e)
{
    struct rt_made_options *o = &q->made.o;
    RT_TRY(rt_made_guess(o, g, e));
    if (g->label_choices > 1) {
        const char *word[8];
        char names[600] = "";
        for (int i = 0; i < g->label_choices; i++) {
            size_t n = strlen(names);
            word[i] = g->label_choice[i];
            snprintf(names + n, sizeof names - n, "%s%s", !i ? "" : i + 1 < g->label_choices ? ", " : " or ", word[i]);
        }
        int chosen = question_possible() ? question_ask("Which column is the label?", word, g->label_choices) : -1;
        if (chosen < 0)
            return rt_error_set(e, RT_EUSAGE, "%s: %s may be the label: say which with --label COL", o->source, names);
        snprintf(g->column[RT_ROLE_LABEL], sizeof g->column[RT_ROLE_LABEL], "%s", word[chosen]);
    }
    for (int role = 0; role < RT_ROLES; role++) {
        if (!*g->column[role])
            continue;
        o->role[role] = g->column[role];
        rt_plain_print(stdout, "%-9s column \"%s\"\n", rt_made_roles[role], g->column[role]);
    }
    if (!o->role[RT_ROLE_LABEL] && o->search)
        rt_plain_print(stdout, "%-9s the folder that each file lies in\n", "label");
    return 0;
}

static int table_open(struct request *q, const char *table, const char *folder, struct rt_made_guess *g,
                      struct rt_error *e)
{
    q->made.o.source = table;
    q->made.o.search = folder != NULL;
    if (folder)
        q->made.o.root = folder;
    return table_roles(q, g, e);
}

/* A folder whose files are of several kinds holds pairs; else it is a folder per class. mostly: the kind of nine in ten
 * files, "" = of none. */
static int folder_kind(const char *folder, rt_made_source **source, const char **mostly, struct rt_error *e)
{
    char root[PATH_MAX], list[PATH_MAX];
    struct rt_made_tree tree = {0};
    size_t count[RT_MODALITIES] = {0};
    int kinds = 0;
    *source = rt_made_kaldi;
    if (snprintf(list, sizeof list, "%s/wav.scp", folder) < (int)sizeof list && access(list, F_OK) == 0)
        return 0;
    RT_TRY(rt_walk_root(folder, root, e));
    int rc = rt_made_tree_read(&tree, root, e);
    for (size_t i = 0; i < tree.count; i++)
        count[tree.file[i].modality]++;
    for (int m = 0; m < RT_MODALITIES; m++) {
        kinds += count[m] > 0;
        *mostly = 10 * count[m] >= 9 * tree.count ? rt_modality_names[m] : *mostly;
    }
    *source = kinds > 1 ? rt_made_pairs : rt_made_folders;
    rt_made_tree_fini(&tree);
    return rc;
}

static int source_find(struct request *q, struct rt_made_guess *g, rt_made_source **source, struct rt_error *e)
{
    const char *table = NULL, *folder = NULL;
    int folders = 0;
    for (int i = 0; i < q->source.count; i++) {
        bool is_folder = false;
        RT_TRY(source_is_folder(q->source.word[i], &is_folder, e));
        if (!is_folder && table)
            return rt_error_set(e, RT_EUSAGE, "%s and %s: one table only", table, q->source.word[i]);
        *(is_folder ? &folder : &table) = q->source.word[i];
        folders += is_folder;
    }
    if (table && folders > 1)
        return rt_error_set(e, RT_EUSAGE, "%s: a table goes with one folder, the one that holds all its files", table);
    if (table) {
        *source = rt_made_csv;
        return table_open(q, table, folder, g, e);
    }
    q->made.folders = q->source;
    q->made.o.source = folder;
    *source = rt_made_pairs;
    return folders > 1 ? 0 : folder_kind(folder, source, &q->mostly, e);
}

/* ---- who reads what ----
 * What is left when the model is used is the user's to say. Where nobody says it, it is speech before pictures before
 * text: the later ones are what people have besides. */

static int modality_named(const char *word)
{
    return word ? rt_choice_find(rt_modality_names, word) : -1;
}

static int modality_need(const struct rt_init_found *f, const char *option, int modality, struct rt_error *e)
{
    return modality < 0 || f->usable[modality] ? 0
               : rt_error_set(e, RT_EUSAGE, "--%s %s: there is none in the data", option, rt_modality_names[modality]);
}

static int modality_ask(const char *text, const int *choice, int choices)
{
    const char *word[RT_MODALITIES];
    for (int i = 0; i < choices; i++)
        word[i] = rt_modality_names[choice[i]];
    int chosen = choices > 1 && question_possible() ? question_ask(text, word, choices) : 0;
    return choice[chosen < 0 ? 0 : chosen];
}

static int roles_choose(const struct request *q, const struct rt_init_found *f, int *student, int *teacher,
                        struct rt_error *e)
{
    int there[RT_MODALITIES], count = 0, others = 0;
    *student = modality_named(q->student);
    *teacher = modality_named(q->teacher);
    RT_TRY(modality_need(f, "student", *student, e));
    RT_TRY(modality_need(f, "teacher", *teacher, e));
    if (*student >= 0 && *student == *teacher)
        return rt_error_set(e, RT_EUSAGE, "--teacher %s: the student reads that, too", q->teacher);
    for (int m = 0; m < RT_MODALITIES; m++)
        if (f->usable[m] && m != *teacher)
            there[count++] = m;
    if (!count)
        return rt_error_set(e, RT_ENODATA, "%s: no sample can be used", q->made.output);
    if (*student < 0)
        *student = modality_ask("What will the model read when it is used?", there, count);
    if (*teacher >= 0 || (q->teacher && !strcmp(q->teacher, "none")))
        return 0;
    for (int m = RT_MODALITIES - 1; m >= 0; m--) /* text first: the cheapest to have */
        if (f->usable[m] && m != *student)
            there[others++] = m;
    if (others)
        *teacher = modality_ask("What does its teacher read?", there, others);
    return 0;
}

/* ---- the command ---- */

static int folder_prepare(const struct request *q, char manifest[PATH_MAX], struct rt_error *e)
{
    static const char *const files[] = {"teacher.yaml", "student.yaml", "manifest.tsv"};
    RT_TRY(rt_file_mkdirs(q->folder, e));
    for (int i = 0; i < 3; i++) {
        if (snprintf(manifest, PATH_MAX, "%s/%s", q->folder, files[i]) >= PATH_MAX)
            return rt_error_set(e, RT_ELARGE, "%s: the path is too long", q->folder);
        if (!q->replace && access(manifest, F_OK) == 0)
            return rt_error_set(e, RT_EUSAGE, "%s is there already: give another folder with -o, or --replace",
                                manifest);
    }
    return 0;
}

/* A command about files in the folder. word: those that begin with / are such files, others stand as they are; up to a
 * NULL. */
static void command_say(const char *folder, const char *const *word)
{
    char text[PATH_MAX];
    fputs("  retort", stdout);
    for (; *word; word++) {
        snprintf(text, sizeof text, "%s%s", **word == '/' ? folder : "", *word);
        fputc(' ', stdout);
        rt_cmd_word(stdout, text);
    }
    fputc('\n', stdout);
}

static void next_say(const char *folder, bool teacher)
{
    static const char *const teach[] = {"run", "/teacher.yaml", "-o", "/teacher", NULL};
    static const char *const learn[] = {"run", "/student.yaml", "-o", "/student", "--export", "/student.onnx", NULL};
    static const char *const measure[] = {"eval", "/student", "/manifest.tsv", "--by", "label", NULL};
    rt_plain_print(stdout, "\nNext:\n");
    if (teacher)
        command_say(folder, teach);
    command_say(folder, learn);
    command_say(folder, measure);
}

/* A stray file of another kind, notes or a cover, makes no pairs of a folder per class. */
static int manifest_make(struct request *q, rt_made_source *source, struct rt_error *e)
{
    int rc = rt_made_manifest(&q->made, source, e);
    if (rc != RT_ENODATA || source != rt_made_pairs || !*q->mostly)
        return rc;
    q->made.o.modality = q->mostly;
    return rt_made_manifest(&q->made, rt_made_folders, e);
}

static int init_make(struct request *q, struct rt_error *e)
{
    char manifest[PATH_MAX];
    struct rt_made_guess guess;
    struct rt_init_found found;
    struct rt_progress progress;
    rt_made_source *source = NULL;
    int student, teacher;
    q->mostly = "";
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
    RT_TRY(source_find(q, &guess, &source, e));
    RT_TRY(folder_prepare(q, manifest, e));
    q->made.output = manifest;
    RT_TRY(manifest_make(q, source, e));
    RT_TRY(rt_init_look(&found, manifest, !q->unread, q->cache, &watch, e));
    RT_TRY(roles_choose(q, &found, &student, &teacher, e));
    RT_TRY(rt_init_recipes(q->folder, &found, student, teacher, e));
    rt_plain_print(stdout, "%-9s reads %s: %s/student.yaml\n", "student", rt_modality_names[student], q->folder);
    if (teacher >= 0)
        rt_plain_print(stdout, "%-9s reads %s: %s/teacher.yaml\n", "teacher", rt_modality_names[teacher], q->folder);
    else
        rt_cmd_say("teacher", "none: it would read another kind of data of the same samples; the student learns from "
                   "labels alone");
    next_say(q->folder, teacher >= 0);
    return RT_EXIT_DONE;
}

static int init_run(void *request, struct rt_error *e)
{
    int rc = init_make(request, e);
    return rc == RT_EUSAGE ? rt_cmd_usage(&cmd_init, "%s", e->text) : rc;
}

static const char *const teacher_words[] = {"speech", "image", "text", "none", NULL};

const struct rt_command cmd_init = {
    .name = "init",
    .summary = "manifest and recipes from data of your own",
    .usage = {"SOURCE... [-o DIR] [options]"},
    .about = "Looks at your data and writes DIR/manifest.tsv, DIR/teacher.yaml and DIR/student.yaml, says what it "
             "found and what is suspicious, and which commands come next. SOURCE is one of:\n"
             "  a folder with a folder per class, files of one kind or pairs (cat/1.png, cat/1.txt) in it\n"
             "  several folders, whose files belong together by name (photos/ texts/)\n"
             "  a table (csv, tsv; the first line names the columns), or a table and the folder of its files\n"
             "  a data folder of Kaldi (wav.scp, utt2spk, text)\n"
             "On a terminal it asks where that leaves something open. retort manifest makes the manifest alone.",
    .options = (const struct rt_option[]){
        {'o', "output", "DIR", "where to write", RT_OPTION_TEXT(struct request, folder), .initial = ".", .files = "/"},
        {0, "student", "M", "what the student reads: speech, image or text",
         RT_OPTION_CHOICE(struct request, student, rt_modality_names), .otherwise = "the first of these that there is"},
        {0, "teacher", "M", "what its teacher reads, or none", RT_OPTION_CHOICE(struct request, teacher, teacher_words),
         .otherwise = "the last of these that there is besides"},
        RT_MADE_OPTIONS_ROLES,
        RT_MADE_OPTION_DELIMITER,
        RT_MADE_OPTION_SPLIT_OR_COLUMN,
        RT_MADE_OPTION_SEED,
        {0, "root", "PATH", "where relative paths of a table or list start",
         RT_OPTION_TEXT(struct request, made.o.root), .files = "/"},
        {0, "unread", NULL, "do not read the files: quicker, and says nothing of those that cannot be used",
         RT_OPTION_FLAG(struct request, unread)},
        {0, "replace", NULL, "write over the files of an earlier time", RT_OPTION_FLAG(struct request, replace)},
        RT_OPTION_CACHE(struct request, cache),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"SOURCE", "where are the data?", offsetof(struct request, source), .many = true, .files = "*.csv *.tsv"},
        {0}},
    .request_size = sizeof(struct request),
    .run = init_run,
};
