/* SPDX-License-Identifier: MIT
 * manifest_voxceleb: a manifest from VoxCeleb's speaker/video/utterance. */
#include "tui/cli/manifest_sources.h"
#include "tui/cli/manifest_walk.h"
#include <ctype.h>
#include <string.h>

struct walk {
    const struct rt_made_options *o;
    struct rt_made_table *t;
    char root[PATH_MAX];
    size_t other; /* files that are not where they are looked for */
    struct rt_error *e;
};

static bool speaker_is_named_so(const char *name, size_t length)
{
    bool all = length > 2 && !strncmp(name, "id", 2);
    for (size_t i = 2; i < length; i++)
        all = all && isdigit((unsigned char)name[i]);
    return all;
}

/* The id, SPEAKER/VIDEO/UTTERANCE.wav, is the name that VoxCeleb's trial lists use. */
static int speaker_add_utterance(void *self, const char *path, const char *below)
{
    struct walk *w = self;
    char way[PATH_MAX], speaker[PATH_MAX], group[PATH_MAX];
    const char *id = strncmp(below, "wav/", 4) ? below : below + 4;
    size_t name = strcspn(id, "/");
    const char *video = id[name] ? id + name + 1 : "";
    size_t video_length = strcspn(video, "/");
    const char *file = video[video_length] ? video + video_length + 1 : "";
    if (!speaker_is_named_so(id, name) || !*file || strchr(file, '/') || rt_walk_modality(file) != RT_SPEECH) {
        w->other++;
        return 0;
    }
    snprintf(speaker, sizeof speaker, "%.*s", (int)name, id);
    snprintf(group, sizeof group, "%.*s", (int)(name + 1 + video_length), id);
    const char *cell[] = {id, speaker, group, way, RT_SPLIT_ROOM};
    RT_TRY(rt_walk_relative(path, w->o->output_folder, way, w->e));
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
    RT_TRY(rt_walk_root(o->source, w.root, e));
    RT_TRY(rt_walk_files(w.root, speaker_add_utterance, &w, e));
    if (!t->rows)
        return rt_error_set(e, RT_ENODATA,
                            "%s: not one of %zu files is at wav/idNNNNN/VIDEO/UTT.wav", o->source,
                            w.other);
    if (w.other)
        snprintf(notes->text, sizeof notes->text,
                 "left out: %zu files that are not at wav/idNNNNN/VIDEO/UTT.wav", w.other);
    return 0;
}
