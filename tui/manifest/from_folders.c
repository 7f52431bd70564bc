/* SPDX-License-Identifier: MIT
 * from_folders: a manifest from a folder per class. */
#include "tui/manifest/sources.h"
#include "formats/filewalk.h"
#include <stdlib.h>
#include <string.h>

/* The tree is walked twice, first to count: which modality is meant can only be said when all files have been seen,
 * and an error about it should come before any file is read. */
struct classes {
    const struct rt_made_options *o;
    struct rt_made_table *t;
    char root[PATH_MAX];
    int modality;                /* wanted; -1 while counting */
    size_t count[RT_MODALITIES]; /* files in class folders */
    size_t other, outside;       /* of unknown ending; not where they are looked for */
    struct rt_error *e;
};

static int class_count_file(void *self, const char *path, const char *below)
{
    struct classes *w = self;
    int m = rt_walk_modality(path);
    if (!strchr(below, '/'))
        w->outside++;
    else if (m < 0)
        w->other++;
    else
        w->count[m]++;
    return 0;
}

static int class_add_file(void *self, const char *path, const char *below)
{
    struct classes *w = self;
    const char *slash = strchr(below, '/');
    if (!slash || rt_walk_modality(path) != w->modality)
        return 0;
    char way[PATH_MAX], *words = NULL;
    RT_TRY(rt_walk_relative(path, w->o->output_folder, way, w->e));
    if (w->modality == RT_TEXT)
        RT_TRY(rt_walk_words(path, &words, w->e));
    char *label = strndup(below, (size_t)(slash - below));
    const char *cell[] = {below, label, words ? words : way, RT_SPLIT_ROOM};
    int code = label ? rt_made_add(w->t, cell, 0, w->e) : rt_error_set(w->e, RT_EMEM, "out of memory");
    free(label);
    free(words);
    return code;
}

/* Which modality is meant: the one asked for, or the only one there is. */
static int class_choose_modality(struct classes *w)
{
    const struct rt_made_options *o = w->o;
    int kinds = 0;
    for (int m = 0; m < RT_MODALITIES; m++) {
        kinds += w->count[m] > 0;
        if (o->modality ? !strcmp(o->modality, rt_modality_names[m]) : w->count[m] > 0)
            w->modality = m;
    }
    if (!o->modality && kinds > 1)
        return rt_error_set(w->e, RT_EUSAGE,
                            "%s holds %zu speech, %zu image and %zu text files: "
                            "choose with --modality speech, image or text",
                            o->source, w->count[RT_SPEECH], w->count[RT_IMAGE], w->count[RT_TEXT]);
    if (w->modality < 0 || !w->count[w->modality])
        return rt_error_set(w->e, RT_ENODATA,
                            "%s: no %s file in its sub-folders: expected "
                            "%s/CLASS/FILE, with endings such as .wav .flac .ogg .png .jpg .txt",
                            o->source, w->modality < 0 ? "known" : rt_modality_names[w->modality],
                            o->source);
    return 0;
}

int rt_made_folders(struct rt_made_table *t, const struct rt_made_options *o,
                    struct rt_made_notes *notes, struct rt_error *e)
{
    struct classes w = {.o = o, .t = t, .modality = -1, .e = e};
    RT_TRY(rt_walk_root(o->source, w.root, e));
    RT_TRY(rt_walk_files(w.root, class_count_file, &w, e));
    RT_TRY(class_choose_modality(&w));
    t->column[0] = "id";
    t->column[1] = "label";
    t->column[2] = rt_modality_names[w.modality];
    t->column[3] = "split";
    t->unsplit = o->splits != RT_SPLITS_KEEP;
    t->columns = t->unsplit ? 4 : 3;
    size_t all = w.count[RT_SPEECH] + w.count[RT_IMAGE] + w.count[RT_TEXT];
    size_t left = w.other + all - w.count[w.modality];
    char outside[64] = "", other[96] = "";
    if (left)
        snprintf(other, sizeof other, "%zu file%s of another kind than %s", left, left == 1 ? "" : "s",
                 rt_modality_names[w.modality]);
    if (w.outside)
        snprintf(outside, sizeof outside, "%zu outside of a class folder", w.outside);
    if (left + w.outside)
        snprintf(notes->text, sizeof notes->text, "left out: %s%s%s", other, left && w.outside ? ", " : "", outside);
    return rt_walk_files(w.root, class_add_file, &w, e);
}
