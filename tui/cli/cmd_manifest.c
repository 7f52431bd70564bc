/* SPDX-License-Identifier: MIT
 * cmd_manifest: `retort manifest`, a table for each kind of source; what each reads is in manifest_folders.c,
 * manifest_csv.c and manifest_voxceleb.c, how it is split and written in manifest_table.c. */
#include "tui/cli/cmd.h"
#include "formats/file.h"
#include "formats/plain.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/labels_alike.h"
#include "tui/cli/manifest_sources.h"

#include <stdlib.h>
#include <string.h>

struct split_request {
    double share[3];
    enum rt_made_splits splits;
    const char *column; /* csv: that has them */
};

struct request {
    struct rt_made_options o;
    const char *output;
    struct split_request split;
    int64_t seed;
};

/* ---- values ---- */

/* "70/10/20" -> shares; false when it is something else. */
static bool shares_read(const char *text, double share[3])
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

/* The last --split counts. */
static int split_take(void *field, const char *value, struct rt_error *e)
{
    struct split_request *s = field;
    bool shares = shares_read(value, s->share);
    s->splits = shares ? RT_SPLITS_NEW : RT_SPLITS_KEEP;
    s->column = NULL;
    if (shares || !strcmp(value, "none"))
        return 0;
    return rt_error_set(e, RT_EUSAGE, "three shares such as 70/10/20, or none");
}

static int split_take_or_column(void *field, const char *value, struct rt_error *e)
{
    struct split_request *s = field;
    if (split_take(s, value, e) < 0)
        s->column = value;
    return 0;
}

static int delimiter_take(void *field, const char *value, struct rt_error *e)
{
    char c = !strcmp(value, "tab") || !strcmp(value, "\\t") ? '\t' : *value;
    *(char *)field = c;
    if ((c != '\t' && strlen(value) != 1) || strchr("\"\r\n", *value))
        return rt_error_set(e, RT_EUSAGE, "one character, or tab");
    return 0;
}

static int files_take(void *field, const char *value, struct rt_error *e)
{
    struct rt_made_files *f = field;
    if (f->count == RT_MADE_FILES)
        return rt_error_set(e, RT_EUSAGE, "at most %d of them", RT_MADE_FILES);
    f->path[f->count++] = value;
    return 0;
}

/* ---- the work ---- */

/* The folder of path, absolute and without links, malloc'ed. */
static char *path_real_folder(const char *path, struct rt_error *e)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    if (!real)
        rt_error_errno(e, "cannot write to", folder ? folder : path);
    free(folder);
    return real;
}

static void manifest_tell(const struct rt_made_table *t, const struct request *q, const char *notes)
{
    static const char *const splits[] = {"train", "valid", "test"};
    int split = rt_made_column(t, "split");
    rt_plain_print(stderr, "%s: %zu rows", q->output, t->rows);
    for (int s = 0; split >= 0 && s < 3; s++) {
        size_t count = 0;
        for (size_t i = 0; i < t->rows; i++)
            count += !strcmp(t->row[i]->cell[split], splits[s]);
        rt_plain_print(stderr, ", %s %zu", splits[s], count);
    }
    fputc('\n', stderr);
    if (*notes)
        rt_plain_print(stderr, "%s\n", notes);
}

/* Of the manifest as a run will read it. */
static void manifest_tell_labels(const char *path)
{
    struct rt_dataset d;
    char text[600];
    if (rt_dataset_load(&d, path, 1, 0, NULL, 0, NULL) < 0)
        return; /* a run will say why */
    if (rt_dataset_labels_alike(&d, text, sizeof text) > 0)
        rt_plain_print(stderr, "labels that are near-equal are classes of their own: %s\n", text);
    rt_dataset_fini(&d);
}

static int manifest_fill(struct request *q, rt_made_source *source, struct rt_made_table *t,
                         struct rt_made_notes *notes, struct rt_error *e)
{
    static const double usual[3] = {70, 10, 20};
    const double *share = q->split.splits == RT_SPLITS_NEW ? q->split.share : usual;
    q->o.splits = q->split.splits;
    q->o.seed = (uint64_t)q->seed;
    q->o.role[RT_ROLE_SPLIT] = q->split.column;
    RT_TRY(source(t, &q->o, notes, e));
    RT_TRY(rt_made_sort(t, q->o.source, e));
    if (t->unsplit)
        RT_TRY(rt_made_split(t, share, (uint64_t)q->seed, e));
    RT_TRY(rt_made_write(t, q->output, e));
    if (notes->trials)
        RT_TRY(rt_file_write(q->o.valid_trials, &(struct rt_span){notes->trials, notes->trials_size}, 1, e));
    manifest_tell(t, q, notes->text);
    manifest_tell_labels(q->output);
    return 0;
}

/* What other options would cure is said with where to find them. */
static int manifest_fail(const struct rt_command *kind, const struct rt_error *e)
{
    if (e->code == RT_EUSAGE)
        return rt_cmd_usage(kind, "%s", e->text);
    rt_plain_print(stderr, "retort manifest %s: %s\n", kind->name, e->text);
    return RT_EXIT_FAILED;
}

static int manifest_make(const struct rt_command *kind, rt_made_source *source, void *request, struct rt_error *e)
{
    struct request *q = request;
    struct rt_made_table t = {0};
    struct rt_made_notes notes = {0};
    char *folder = path_real_folder(q->output, e);
    q->o.output_folder = folder;
    int rc = folder ? manifest_fill(q, source, &t, &notes, e) : e->code;
    rt_made_fini(&t);
    free(notes.names);
    free(notes.trials);
    free(folder);
    return rc < 0 ? manifest_fail(kind, e) : RT_EXIT_DONE;
}

/* ---- tables ---- */

#define OPTION_SPLIT(argument, take, more)                                                                            \
    {0, "split", argument, "shares of train, valid, test within each label, decided by a hash, so that the order of " \
     "rows does not matter; none: make none" more, RT_OPTION_OWN(struct request, split, take),                        \
     .otherwise = "70/10/20, where there are none"}
#define OPTIONS_COMMON                                                                                                \
    {'o', "output", "FILE", "the manifest to write; paths in it are relative to its folder",                          \
     RT_OPTION_TEXT(struct request, output), .files = "*", .required = true},                                         \
    {0, "seed", "N", "another division into splits", RT_OPTION_WHOLE(struct request, seed, 0, INT64_MAX),             \
     .initial = "0"}
#define OPTION_ROLE(name, part, help) {0, name, "COL", help, RT_OPTION_TEXT(struct request, o.role[part])}
#define ARGUMENT_SOURCE(name, pattern)                                                                                \
    (const struct rt_argument[])                                                                                      \
    {                                                                                                                 \
        {name, "what to read is missing", offsetof(struct request, o.source), .files = pattern}, {0}                  \
    }

static const struct rt_command kind_folders, kind_csv, kind_voxceleb;

static int folders_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_folders, rt_made_folders, request, e);
}

static int csv_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_csv, rt_made_csv, request, e);
}

static int voxceleb_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_voxceleb, rt_made_voxceleb, request, e);
}

static const struct rt_command kind_folders = {
    .name = "folders",
    .summary = "a folder per class, files of one modality in it",
    .parent = &cmd_manifest,
    .usage = {"ROOT -o FILE [options]"},
    .about = "A manifest of the files in ROOT/CLASS/..., one class per sub-folder.",
    .options = (const struct rt_option[]){
        {0, "modality", "M", "speech, image or text, where ROOT holds more than one (.wav .flac .ogg .mp3 .m4a ..., "
         ".png .jpg .webp .gif .tif .heic ..., .txt)",
         RT_OPTION_CHOICE(struct request, o.modality, ((const char *const[]){"speech", "image", "text", NULL}))},
        OPTION_SPLIT("A/B/C", split_take, ""),
        OPTIONS_COMMON,
        {0}},
    .arguments = ARGUMENT_SOURCE("ROOT", "/"),
    .request_size = sizeof(struct request),
    .run = folders_run,
};

static const struct rt_command kind_csv = {
    .name = "csv",
    .summary = "a table with the user's own columns",
    .parent = &cmd_manifest,
    .usage = {"TABLE -o FILE [options]"},
    .about = "A manifest of the rows of a CSV or TSV file (RFC 4180) whose first line names the columns. A column "
             "that has the name of one of the options below needs no option. All other columns are kept.",
    .options = (const struct rt_option[]){
        OPTION_ROLE("id", RT_ROLE_ID, "the column with the unique name of each row"),
        OPTION_ROLE("label", RT_ROLE_LABEL, "the column with its class"),
        OPTION_ROLE("group", RT_ROLE_GROUP, "the column with its group; rows of one group never cross splits"),
        OPTION_ROLE("speech", RT_ROLE_SPEECH, "the column with the path of a recording"),
        OPTION_ROLE("image", RT_ROLE_IMAGE, "the column with the path of a picture"),
        OPTION_ROLE("text", RT_ROLE_TEXT, "the column with the text itself"),
        {0, "root", "DIR", "where the paths start", RT_OPTION_TEXT(struct request, o.root),
         .otherwise = "the folder of TABLE", .files = "/"},
        {0, "delimiter", "C", "one character or tab", RT_OPTION_OWN(struct request, o.delimiter, delimiter_take),
         .otherwise = "found from the first line: tab , or ;"},
        OPTION_SPLIT("A/B/C|COL", split_take_or_column, "; or the column that has train, valid, test"),
        OPTIONS_COMMON,
        {0}},
    .arguments = ARGUMENT_SOURCE("TABLE", "*"),
    .request_size = sizeof(struct request),
    .run = csv_run,
};

static const struct rt_command kind_voxceleb = {
    .name = "voxceleb",
    .summary = "VoxCeleb's wav/idNNNNN/VIDEO/UTT.wav",
    .parent = &cmd_manifest,
    .usage = {"ROOT -o FILE [options]"},
    .about = "A manifest of the recordings at idNNNNN/VIDEO/UTT.wav in any folder below ROOT: id as in VoxCeleb's "
             "trial lists, label = speaker, group = video, so that no video crosses splits. With --trials or "
             "--valid-trials people are held out instead: those in the lists are test, others are valid, both "
             "without a label (column speaker has who they are), and all the rest train.",
    .options = (const struct rt_option[]){
        {0, "faces", "DIR", "pictures below DIR at PERSON/.../VIDEO/PICTURE.jpg (or VIDEO/UTT/PICTURE.jpg), PERSON "
         "an id or a name: each recording gets one of its video, or none",
         RT_OPTION_TEXT(struct request, o.faces), .files = "/"},
        {0, "names", "TABLE", "ids and names of people: vox1_meta.csv, vox2_meta.csv (may be repeated)",
         RT_OPTION_OWN(struct request, o.names, files_take), .files = "*.csv"},
        {0, "faces-each", "N", "as many pictures of each training recording, each in a row of its own, so that "
         "they take turns from pass to pass",
         RT_OPTION_WHOLE(struct request, o.faces_each, 1, 1000), .initial = "1"},
        {0, "trials", "LIST", "trials that will be scored (veri_test2.txt): nobody in them is learned from (may be "
         "repeated)", RT_OPTION_OWN(struct request, o.trials, files_take), .files = "*"},
        {0, "valid-trials", "LIST", "write trials of other people who are held out, for eval.trials",
         RT_OPTION_TEXT(struct request, o.valid_trials), .files = "*"},
        {0, "valid-people", "N", "as many of them, chosen by a hash of --seed and their ids",
         RT_OPTION_WHOLE(struct request, o.valid_people, 2, 100000), .initial = "40"},
        OPTION_SPLIT("A/B/C", split_take, ""),
        OPTIONS_COMMON,
        {0}},
    .arguments = ARGUMENT_SOURCE("ROOT", "/"),
    .request_size = sizeof(struct request),
    .run = voxceleb_run,
};

const struct rt_command cmd_manifest = {
    .name = "manifest",
    .summary = "make a manifest from what you have",
    .usage = {"KIND SOURCE -o FILE [options]"},
    .about = "Makes the table of samples that a run reads. retort manifest KIND --help says which options each "
             "takes. KIND is one of:",
    .kinds = (const struct rt_command *const[]){&kind_folders, &kind_csv, &kind_voxceleb, NULL},
    .kind = "kind of source",
    .arguments = (const struct rt_argument[]){{.name = "KIND", .missing = "write what to make it from"}, {0}},
};
