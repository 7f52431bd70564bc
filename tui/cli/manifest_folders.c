/* SPDX-License-Identifier: MIT
 * manifest_folders: manifests from trees of files: a folder per class, or VoxCeleb's speaker/video/
 * utterance. Links are followed; names that start with a dot are passed over. */
#include "formats/file.h"
#include "formats/path.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include "tui/cli/manifest_sources.h"
#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_BYTES_MAX ((size_t)1 << 20)

enum { SPEECH, IMAGE, TEXT, MODALITIES };
static const struct {
    const char *name, *endings[8];
} modalities[MODALITIES] = {
    [SPEECH] = {"speech", {"wav", "flac", "ogg", "oga", "opus", "mp3"}},
    [IMAGE] = {"image", {"png", "jpg", "jpeg", "webp"}},
    [TEXT] = {"text", {"txt"}},
};

/* What a file is by its ending, or -1. */
static int file_modality(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (int m = 0; dot && m < MODALITIES; m++)
        for (int i = 0; modalities[m].endings[i]; i++)
            if (!strcasecmp(dot + 1, modalities[m].endings[i]))
                return m;
    return -1;
}

struct walk {
    const struct rt_made_options *o;
    struct rt_made_table *t;
    char root[PATH_MAX];
    int modality;             /* wanted; -1 while counting */
    size_t count[MODALITIES]; /* files in class folders */
    size_t other, outside;    /* of unknown ending; not where they are looked for */
    struct rt_error *e;
};
typedef int visit(struct walk *w, const char *path, const char *below);

/* ---- trees ----
 * One walk for both kinds of tree. A folder per class is walked twice, first to count: which modality is meant can
 * only be said when all files have been seen, and an error about it should come before any file is read. */

/* Calls each for every file; below is its path without the root. */
static int walk_files(struct walk *w, visit *each)
{
    char *roots[] = {w->root, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return rt_error_errno(w->e, "cannot read", w->root);
    int code = 0;
    for (FTSENT *at; !code && (errno = 0, at = fts_read(tree));) {
        bool hidden = at->fts_name[0] == '.' && at->fts_level > 0;
        if (hidden) {
            fts_set(tree, at, FTS_SKIP);
        } else if (at->fts_info == FTS_F) {
            const char *below = at->fts_path + strlen(w->root);
            code = each(w, at->fts_path, below + strspn(below, "/"));
        } else if (at->fts_info == FTS_DC) {
            code = rt_error_set(w->e, RT_EFORMAT, "%s: links back to %s: remove the link",
                                at->fts_path, at->fts_cycle->fts_path);
        } else if (at->fts_info == FTS_DNR || at->fts_info == FTS_ERR || at->fts_info == FTS_NS) {
            errno = at->fts_errno;
            code = rt_error_errno(w->e, "cannot read", at->fts_path);
        }
    }
    if (!code && errno)
        code = rt_error_errno(w->e, "cannot read", w->root);
    fts_close(tree);
    return code;
}

static int walk_open(struct walk *w)
{
    char *real = realpath(w->o->source, NULL);
    if (!real)
        return rt_error_errno(w->e, "cannot read", w->o->source);
    snprintf(w->root, sizeof w->root, "%s", real);
    free(real);
    return 0;
}

static int walk_relative(struct walk *w, const char *path, char out[PATH_MAX])
{
    size_t length = strlen(path);
    char quoted[RT_QUOTE];
    if (rt_utf8_check(path, length) != length)
        return rt_error_set(w->e, RT_EFORMAT, "%s: the name is not UTF-8: rename it",
                            rt_quote(quoted, sizeof quoted, path));
    if (rt_path_relative(path, w->o->output_folder, out, PATH_MAX))
        return rt_error_set(w->e, RT_ELARGE, "%s: the path is too long", path);
    return 0;
}

/* ---- a folder per class ---- */

static int class_count_file(struct walk *w, const char *path, const char *below)
{
    int m = file_modality(path);
    if (!strchr(below, '/'))
        w->outside++;
    else if (m < 0)
        w->other++;
    else
        w->count[m]++;
    return 0;
}

/* The file's words without the line ends behind them, malloc'ed. */
static int text_read_words(struct walk *w, const char *path, char **words)
{
    uint8_t *bytes;
    size_t size;
    RT_TRY(rt_file_read(path, TEXT_BYTES_MAX, &bytes, &size, w->e));
    *words = (char *)bytes;
    while (size && isspace(bytes[size - 1]))
        size--;
    size_t nul = strnlen(*words, size), bad = rt_utf8_check(*words, nul);
    (*words)[size] = '\0';
    if (bad == size)
        return 0; /* a NUL counts as not text too */
    rt_error_set(w->e, RT_EFORMAT, "%s: byte %zu is 0x%02X: not text in UTF-8", path, bad + 1, bytes[bad]);
    free(bytes);
    return RT_EFORMAT;
}

static int class_add_file(struct walk *w, const char *path, const char *below)
{
    const char *slash = strchr(below, '/');
    if (!slash || file_modality(path) != w->modality)
        return 0;
    char way[PATH_MAX], *words = NULL;
    RT_TRY(walk_relative(w, path, way));
    if (w->modality == TEXT)
        RT_TRY(text_read_words(w, path, &words));
    char *label = strndup(below, (size_t)(slash - below));
    const char *cell[] = {below, label, words ? words : way, RT_SPLIT_ROOM};
    int code = label ? rt_made_add(w->t, cell, 0, w->e) : rt_error_set(w->e, RT_EMEM, "out of memory");
    free(label);
    free(words);
    return code;
}

/* Which modality is meant: the one asked for, or the only one there is. */
static int class_choose_modality(struct walk *w)
{
    const struct rt_made_options *o = w->o;
    int kinds = 0;
    for (int m = 0; m < MODALITIES; m++) {
        kinds += w->count[m] > 0;
        if (o->modality ? !strcmp(o->modality, modalities[m].name) : w->count[m] > 0)
            w->modality = m;
    }
    if (!o->modality && kinds > 1)
        return rt_error_set(w->e, RT_EUSAGE,
                            "%s holds %zu speech, %zu image and %zu text files: "
                            "choose with --modality speech, image or text",
                            o->source, w->count[SPEECH], w->count[IMAGE], w->count[TEXT]);
    if (w->modality < 0 || !w->count[w->modality])
        return rt_error_set(w->e, RT_ENODATA,
                            "%s: no %s file in its sub-folders: expected "
                            "%s/CLASS/FILE, with endings such as .wav .flac .ogg .png .jpg .txt",
                            o->source, w->modality < 0 ? "known" : modalities[w->modality].name,
                            o->source);
    return 0;
}

int rt_made_folders(struct rt_made_table *t, const struct rt_made_options *o,
                    struct rt_made_notes *notes, struct rt_error *e)
{
    struct walk w = {.o = o, .t = t, .modality = -1, .e = e};
    RT_TRY(walk_open(&w));
    RT_TRY(walk_files(&w, class_count_file));
    RT_TRY(class_choose_modality(&w));
    t->column[0] = "id";
    t->column[1] = "label";
    t->column[2] = modalities[w.modality].name;
    t->column[3] = "split";
    t->unsplit = o->splits != RT_SPLITS_KEEP;
    t->columns = t->unsplit ? 4 : 3;
    size_t all = w.count[SPEECH] + w.count[IMAGE] + w.count[TEXT];
    size_t left = w.other + all - w.count[w.modality];
    if (left + w.outside)
        snprintf(notes->text, sizeof notes->text,
                 "left out: %zu files that are not %s, %zu outside of a class folder", left,
                 modalities[w.modality].name, w.outside);
    return walk_files(&w, class_add_file);
}

/* ---- VoxCeleb ---- */

static bool speaker_is_named_so(const char *name, size_t length)
{
    bool all = length > 2 && !strncmp(name, "id", 2);
    for (size_t i = 2; i < length; i++)
        all = all && isdigit((unsigned char)name[i]);
    return all;
}

/* The id, SPEAKER/VIDEO/UTTERANCE.wav, is the name that VoxCeleb's trial lists use. */
static int speaker_add_utterance(struct walk *w, const char *path, const char *below)
{
    char way[PATH_MAX], speaker[PATH_MAX], group[PATH_MAX];
    const char *id = strncmp(below, "wav/", 4) ? below : below + 4;
    size_t name = strcspn(id, "/");
    const char *video = id[name] ? id + name + 1 : "";
    size_t video_length = strcspn(video, "/");
    const char *file = video[video_length] ? video + video_length + 1 : "";
    if (!speaker_is_named_so(id, name) || !*file || strchr(file, '/') || file_modality(file) != SPEECH) {
        w->other++;
        return 0;
    }
    snprintf(speaker, sizeof speaker, "%.*s", (int)name, id);
    snprintf(group, sizeof group, "%.*s", (int)(name + 1 + video_length), id);
    const char *cell[] = {id, speaker, group, way, RT_SPLIT_ROOM};
    RT_TRY(walk_relative(w, path, way));
    return rt_made_add(w->t, cell, 0, w->e);
}

int rt_made_voxceleb(struct rt_made_table *t, const struct rt_made_options *o,
                     struct rt_made_notes *notes, struct rt_error *e)
{
    struct walk w = {.o = o, .t = t, .e = e};
    static const char *const columns[] = {"id", "label", "group", "speech", "split"};
    t->unsplit = o->splits != RT_SPLITS_KEEP;
    t->columns = t->unsplit ? 5 : 4;
    memcpy(t->column, columns, sizeof columns);
    RT_TRY(walk_open(&w));
    RT_TRY(walk_files(&w, speaker_add_utterance));
    if (!t->rows)
        return rt_error_set(e, RT_ENODATA,
                            "%s: not one of %zu files is at wav/idNNNNN/VIDEO/UTT.wav", o->source,
                            w.other);
    if (w.other)
        snprintf(notes->text, sizeof notes->text,
                 "left out: %zu files that are not at wav/idNNNNN/VIDEO/UTT.wav", w.other);
    return 0;
}
