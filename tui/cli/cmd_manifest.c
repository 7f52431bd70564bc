/* SPDX-License-Identifier: MIT
 * cmd_manifest: `retort manifest`, a table for each kind of source; what each reads is in tui/manifest/from_KIND.c,
 * how it is split and written in tui/manifest/made_table.c. */
#include "tui/cli/cmd.h"
#include "formats/choice.h"
#include "formats/plain.h"
#include "tui/cli/manifest_make.h"

#include <string.h>

static int files_take(void *field, const char *value, struct rt_error *e)
{
    struct rt_made_files *f = field;
    if (f->count == RT_MADE_FILES)
        return rt_error_set(e, RT_EUSAGE, "at most %d of them", RT_MADE_FILES);
    f->path[f->count++] = value;
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
    return rt_made_manifest(request, source, e) < 0 ? manifest_fail(kind, e) : RT_EXIT_DONE;
}

/* ---- tables ---- */

#define OPTION_SPLIT RT_MADE_OPTION_SPLIT("A/B/C", rt_take_shares, "")
#define OPTIONS_COMMON                                                                                                \
    {'o', "output", "FILE", "the manifest to write; paths in it are relative to its folder",                          \
     RT_OPTION_TEXT(struct rt_made_request, output), .files = "*", .required = true},                               \
    RT_MADE_OPTION_SEED
#define ARGUMENT_SOURCE(name, pattern)                                                                                \
    (const struct rt_argument[])                                                                                      \
    {                                                                                                                 \
        {name, "what to read is missing", offsetof(struct rt_made_request, o.source), .files = pattern}, {0}          \
    }

static const struct rt_command kind_folders, kind_pairs, kind_csv, kind_kaldi, kind_jsonl, kind_webdataset,
    kind_voxceleb;

static int folders_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_folders, rt_made_folders, request, e);
}

static int csv_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_csv, rt_made_csv, request, e);
}

static int pairs_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_pairs, rt_made_pairs, request, e);
}

static int kaldi_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_kaldi, rt_made_kaldi, request, e);
}

static int jsonl_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_jsonl, rt_made_jsonl, request, e);
}

static int webdataset_run(void *request, struct rt_error *e)
{
    return manifest_make(&kind_webdataset, rt_made_webdataset, request, e);
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
         RT_OPTION_CHOICE(struct rt_made_request, o.modality, rt_modality_names)},
        OPTION_SPLIT,
        OPTIONS_COMMON,
        {0}},
    .arguments = ARGUMENT_SOURCE("ROOT", "/"),
    .request_size = sizeof(struct rt_made_request),
    .run = folders_run,
};

static const struct rt_command kind_pairs = {
    .name = "pairs",
    .summary = "folders whose files belong together by name: cat1.png and cat1.txt",
    .parent = &cmd_manifest,
    .usage = {"FOLDER... -o FILE [options]"},
    .about = "A manifest of the files in one folder or several: those that have the same path below their folder, but "
             "for the ending, are one row; where more files find each other so, the same name alone. A file in a "
             "sub-folder has that folder's name as its label.",
    .options = (const struct rt_option[]){OPTION_SPLIT, OPTIONS_COMMON, {0}},
    .arguments = (const struct rt_argument[]){
        {"FOLDER", "what to read is missing", offsetof(struct rt_made_request, folders), .many = true, .files = "/"},
        {0}},
    .request_size = sizeof(struct rt_made_request),
    .run = pairs_run,
};

static const struct rt_command kind_csv = {
    .name = "csv",
    .summary = "a table with the user's own columns",
    .parent = &cmd_manifest,
    .usage = {"TABLE -o FILE [options]"},
    .about = "A manifest of the rows of a CSV or TSV file (RFC 4180) whose first line names the columns. A column "
             "that has the name of one of the options below needs no option. All other columns are kept.",
    .options = (const struct rt_option[]){
        RT_MADE_OPTIONS_ROLES,
        {0, "root", "DIR", "where the paths start", RT_OPTION_TEXT(struct rt_made_request, o.root),
         .otherwise = "the folder of TABLE", .files = "/"},
        RT_MADE_OPTION_DELIMITER,
        RT_MADE_OPTION_SPLIT("A/B/C|COL", rt_take_shares_or_column,
                             "; or the column that has train, valid, test"),
        OPTIONS_COMMON,
        {0}},
    .arguments = ARGUMENT_SOURCE("TABLE", "*"),
    .request_size = sizeof(struct rt_made_request),
    .run = csv_run,
};

static const struct rt_command kind_kaldi = {
    .name = "kaldi",
    .summary = "a data folder of Kaldi: wav.scp, segments, utt2spk, text",
    .parent = &cmd_manifest,
    .usage = {"DIR -o FILE [options]"},
    .about =
        "A manifest of the utterances of DIR/segments as parts of their recordings (columns start and end, group = "
        "recording), or without it of the recordings that DIR/wav.scp names: label = speaker of DIR/utt2spk, text "
        "= DIR/text. Only wav.scp must be there. A command in it (a line that ends in |) is refused unless every "
        "program in it is allowed; it is then run once, and its output kept in kaldi-wav/ beside FILE.",
    .options =
        (const struct rt_option[]){
            {0, "allow", "NAME", "a program that commands in wav.scp may run, such as sph2pipe (may be repeated)",
             RT_OPTION_OWN(struct rt_made_request, o.allow, files_take)},
            {0, "root", "PATH", "where relative paths start", RT_OPTION_TEXT(struct rt_made_request, o.root),
             .otherwise = "the current folder, as Kaldi has it", .files = "/"},
            OPTION_SPLIT,
            OPTIONS_COMMON,
            {0}},
    .arguments = ARGUMENT_SOURCE("DIR", "/"),
    .request_size = sizeof(struct rt_made_request),
    .run = kaldi_run,
};

static const struct rt_command kind_jsonl = {
    .name = "jsonl",
    .summary = "a JSON object a line: NeMo's manifest, lhotse's cuts",
    .parent = &cmd_manifest,
    .usage = {"TABLE -o FILE [options]"},
    .about = "A manifest of the lines of a NeMo manifest (audio_filepath, offset, duration, text) or of lhotse's cuts "
             "(one recording each, in a file); label = speaker, or the field label. All other fields that are text "
             "or numbers are kept.",
    .options = (const struct rt_option[]){
        RT_MADE_OPTION_ROLE("label", RT_ROLE_LABEL, "the field with its class"),
        {0, "root", "DIR", "where relative paths start", RT_OPTION_TEXT(struct rt_made_request, o.root),
         .otherwise = "the folder of TABLE", .files = "/"},
        OPTION_SPLIT,
        OPTIONS_COMMON,
        {0}},
    .arguments = ARGUMENT_SOURCE("TABLE", "*"),
    .request_size = sizeof(struct rt_made_request),
    .run = jsonl_run,
};

static const struct rt_command kind_webdataset = {
    .name = "webdataset",
    .summary = "tar shards, x-{000..009}.tar",
    .parent = &cmd_manifest,
    .usage = {"SHARDS -o FILE [options]"},
    .about = "A manifest of the samples in tar shards: members with one name up to its first dot are a sample, their "
             "endings say what each is (recordings, pictures, .txt, and .cls for the label). The shards stay as they "
             "are; a run reads TAR!/MEMBER. {000..009} stands for that many shards.",
    .options = (const struct rt_option[]){OPTION_SPLIT, OPTIONS_COMMON, {0}},
    .arguments = ARGUMENT_SOURCE("SHARDS", "*.tar"),
    .request_size = sizeof(struct rt_made_request),
    .run = webdataset_run,
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
         RT_OPTION_TEXT(struct rt_made_request, o.faces), .files = "/"},
        {0, "names", "TABLE", "ids and names of people: vox1_meta.csv, vox2_meta.csv (may be repeated)",
         RT_OPTION_OWN(struct rt_made_request, o.names, files_take), .files = "*.csv"},
        {0, "faces-each", "N", "as many pictures of each training recording, each in a row of its own, so that "
         "they take turns from pass to pass",
         RT_OPTION_WHOLE(struct rt_made_request, o.faces_each, 1, 1000), .initial = "1"},
        {0, "trials", "LIST", "trials that will be scored (veri_test2.txt): nobody in them is learned from (may be "
         "repeated)", RT_OPTION_OWN(struct rt_made_request, o.trials, files_take), .files = "*"},
        {0, "valid-trials", "LIST", "write trials of other people who are held out, for eval.trials",
         RT_OPTION_TEXT(struct rt_made_request, o.valid_trials), .files = "*"},
        {0, "valid-people", "N", "as many of them, chosen by a hash of --seed and their ids",
         RT_OPTION_WHOLE(struct rt_made_request, o.valid_people, 2, 100000), .initial = "40"},
        OPTION_SPLIT,
        OPTIONS_COMMON,
        {0}},
    .arguments = ARGUMENT_SOURCE("ROOT", "/"),
    .request_size = sizeof(struct rt_made_request),
    .run = voxceleb_run,
};

const struct rt_command cmd_manifest = {
    .name = "manifest",
    .summary = "make a manifest from what you have",
    .usage = {"KIND SOURCE -o FILE [options]"},
    .about = "Makes the table of samples that a run reads. retort manifest KIND --help says which options each "
             "takes. KIND is one of:",
    .kinds = (const struct rt_command *const[]){&kind_folders, &kind_pairs, &kind_csv, &kind_kaldi, &kind_jsonl,
                                                 &kind_webdataset, &kind_voxceleb, NULL},
    .kind = "kind of source",
    .arguments = (const struct rt_argument[]){{.name = "KIND", .missing = "write what to make it from"}, {0}},
};
