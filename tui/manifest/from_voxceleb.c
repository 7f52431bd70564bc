/* SPDX-License-Identifier: MIT
 * from_voxceleb: a manifest from VoxCeleb's trees: recordings at SPEAKER/VIDEO/UTT.wav, pictures of their videos
 * (faces.h), and who must not be learned from. */
#include "formats/hash.h"
#include "formats/trials.h"
#include "formats/filewalk.h"
#include "tui/manifest/faces.h"
#include "tui/manifest/sources.h"
#include <stdlib.h>
#include <string.h>

#include "formats/file.h"

#define PAIRS_EACH 4 /* trials that a validation recording begins, of each kind */

enum split { TRAIN, VALID, TEST };
static const char *const split_names[] = {"train", "valid", "test"};

struct recording {
    char *path;     /* owned, and id behind it */
    const char *id; /* SPEAKER/VIDEO/UTT.wav, whatever the file's ending: the name that VoxCeleb's trial lists use */
};

struct person {
    size_t first, count; /* of recording */
    enum split split;
    uint64_t draw;
};

struct vox {
    const struct rt_made_options *o;
    char root[PATH_MAX];
    struct recording *recording; /* [count] by id */
    size_t count, room;
    const char **id; /* [count] theirs */
    struct person *person;
    size_t people;
    bool held_out; /* people are, instead of videos */
    struct rt_faces *faces;
    size_t other;     /* files elsewhere */
    const char *list; /* of trials, being read */
    struct rt_error *e;
};

/* ---- recordings ----
 * VoxCeleb 1 and 2 are unpacked as wav/, dev/wav/, dev/aac/ (M4A) and more; the last three names of a path are the same
 * in all of them, so only these count. */

/* What follows the last three slashes, or NULL. */
static const char *path_tail(const char *below)
{
    const char *at = below + strlen(below);
    for (int slashes = 0; at > below; at--)
        if (at[-1] == '/' && ++slashes == 3)
            return at;
    return at == below && *at ? at : NULL;
}

static int recording_add(void *self, const char *path, const char *below)
{
    struct vox *v = self;
    const char *id = path_tail(below), *slash = id ? strchr(id, '/') : NULL;
    if (!slash || !strchr(slash + 1, '/') || !rt_speaker_named(id, (size_t)(slash - id)) ||
        rt_walk_modality(path) != RT_SPEECH) {
        v->other += !v->o->faces || rt_walk_modality(path) != RT_IMAGE; /* they may lie below the same root */
        return 0;
    }
    if (v->count == v->room) {
        size_t room = v->room ? 2 * v->room : 1024;
        struct recording *more = realloc(v->recording, room * sizeof *more);
        if (!more)
            return rt_error_set(v->e, RT_EMEM, "out of memory after %zu recordings", v->count);
        v->recording = more;
        v->room = room;
    }
    size_t length = strlen(path) + 1, stem = (size_t)(strrchr(id, '.') - id);
    char *copy = malloc(length + stem + sizeof ".wav");
    if (!copy)
        return rt_error_set(v->e, RT_EMEM, "out of memory after %zu recordings", v->count);
    memcpy(copy, path, length);
    sprintf(copy + length, "%.*s.wav", (int)stem, id);
    v->recording[v->count++] = (struct recording){copy, copy + length};
    return 0;
}

static int recording_order(const void *a, const void *b)
{
    const struct recording *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : strcmp(x->path, y->path);
}

static int recordings_find(struct vox *v)
{
    RT_TRY(rt_walk_root(v->o->source, v->root, v->e));
    RT_TRY(rt_walk_files(v->root, recording_add, v, v->e));
    if (!v->count)
        return rt_error_set(v->e, RT_ENODATA, "%s: not one of %zu files is at wav/idNNNNN/VIDEO/UTT.wav",
                            v->o->source, v->other);
    qsort(v->recording, v->count, sizeof *v->recording, recording_order);
    v->id = malloc(v->count * sizeof *v->id);
    if (!v->id)
        return rt_error_set(v->e, RT_EMEM, "out of memory for %zu recordings", v->count);
    for (size_t i = 0; i < v->count; i++) {
        v->id[i] = v->recording[i].id;
        if (i && !strcmp(v->id[i], v->id[i - 1]))
            return rt_error_set(v->e, RT_EFORMAT, "%s: recording %s is there twice, as %s and %s: leave one of "
                                "them out",
                                v->o->source, v->id[i], v->recording[i - 1].path, v->recording[i].path);
    }
    return 0;
}

/* ---- people ----
 * Verification asks about strangers: who is in a list of trials is in no training row. Validation needs strangers,
 * too, else the best checkpoint would be chosen by the people that are reported. */

static size_t id_speaker(const char *id)
{
    return strcspn(id, "/");
}

static int people_find(struct vox *v)
{
    v->person = calloc(v->count, sizeof *v->person);
    if (!v->person)
        return rt_error_set(v->e, RT_EMEM, "out of memory for %zu recordings", v->count);
    for (size_t i = 0; i < v->count; i++) {
        size_t length = id_speaker(v->id[i]);
        if (!i || length != id_speaker(v->id[i - 1]) || strncmp(v->id[i], v->id[i - 1], length) != 0)
            v->person[v->people++] = (struct person){.first = i, .draw = rt_hash64(v->id[i], length, v->o->seed)};
        v->person[v->people - 1].count++;
    }
    return 0;
}

static struct person *recording_person(const struct vox *v, size_t recording)
{
    size_t low = 0, high = v->people;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (v->person[middle].first <= recording)
            low = middle;
        else
            high = middle;
    }
    return &v->person[low];
}

static int trial_hold_out(void *self, int line, int same, const char *const name[2], struct rt_error *e)
{
    struct vox *v = self;
    struct person *who[2];
    for (int i = 0; i < 2; i++) {
        size_t at = rt_sorted_seek(v->id, v->count, name[i]);
        if (at == v->count || strcmp(v->id[at], name[i]) != 0)
            return rt_error_set(e, RT_EFORMAT, "%s:%d: '%.200s' is no recording below %s", v->list, line, name[i],
                                v->o->source);
        who[i] = recording_person(v, at);
        who[i]->split = TEST;
    }
    if (same != (who[0] == who[1]))
        return rt_error_set(e, RT_EFORMAT, "%s:%d: %d, but %.200s and %.200s are of %s", v->list, line, same, name[0],
                            name[1], same ? "two people" : "one person");
    return 0;
}

/* The people with the lowest draws among those that are left. */
static int people_choose_valid(struct vox *v)
{
    size_t left = 0, wanted = (size_t)v->o->valid_people;
    for (size_t i = 0; i < v->people; i++)
        left += v->person[i].split == TRAIN;
    if (left < wanted + 2)
        return rt_error_set(v->e, RT_EUSAGE, "--valid-people %d: %zu people are in no list of trials, and at least "
                            "two must be left to train", v->o->valid_people, left);
    for (size_t n = 0; n < wanted; n++) {
        struct person *lowest = NULL;
        for (struct person *p = v->person; p < v->person + v->people; p++)
            if (p->split == TRAIN && (!lowest || p->draw < lowest->draw))
                lowest = p;
        lowest->split = VALID;
    }
    return 0;
}

static int people_hold_out(struct vox *v)
{
    const struct rt_made_options *o = v->o;
    v->held_out = o->trials.count || o->valid_trials;
    if (!v->held_out)
        return 0;
    if (o->splits != RT_SPLITS_IF_NONE)
        return rt_error_set(v->e, RT_EUSAGE, "--split divides the recordings of a person, --%s holds people out: "
                            "leave one of them out", o->trials.count ? "trials" : "valid-trials");
    for (int i = 0; i < o->trials.count; i++) {
        v->list = o->trials.path[i];
        RT_TRY(rt_trials_each(v->list, trial_hold_out, v, v->e));
    }
    if (o->valid_trials)
        return people_choose_valid(v);
    size_t left = 0;
    for (size_t i = 0; i < v->people; i++)
        left += v->person[i].split == TRAIN;
    return left ? 0 : rt_error_set(v->e, RT_ENODATA, "%s: all of its %zu people are in lists of trials: nobody is "
                                   "left to train", o->source, v->people);
}

/* ---- trials of the people held out for validation ----
 * Each recording with others at equal distances in the order of ids: no pair comes twice, no random number is
 * needed. As in VoxCeleb's own lists the two of one person come from two videos: of one video, the same room and
 * microphone would tell. */

/* Pairs (i, i + step) of list [count], for PAIRS_EACH steps; same: of one person, else of two. */
static void pairs_print(FILE *f, const struct vox *v, const size_t *list, size_t count, bool same)
{
    size_t half = count > 2 ? (count - 1) / 2 : 1, steps = half < PAIRS_EACH ? half : PAIRS_EACH;
    size_t begin = count == 2 ? 1 : count; /* two have one pair */
    for (size_t i = 0; i < begin; i++)
        for (size_t k = 1; k <= steps; k++) {
            const char *a = v->id[list[i]], *b = v->id[list[(i + k * half / steps) % count]];
            bool person = recording_person(v, list[i]) == recording_person(v, list[(i + k * half / steps) % count]);
            size_t video = (size_t)(strrchr(a, '/') - a) + 1;
            if (person == same && strncmp(a, b, video) != 0)
                fprintf(f, "%d %s %s\n", same, a, b);
        }
}

/* Recordings without a picture are left out, so that the same list chooses a face teacher. */
static int valid_trials_make(struct vox *v, struct rt_made_notes *notes)
{
    size_t *list = malloc(v->count * sizeof *list), all = 0, first;
    FILE *f = list ? open_memstream(&notes->trials, &notes->trials_size) : NULL;
    for (size_t p = 0; f && p < v->people; p++) {
        if (v->person[p].split != VALID)
            continue;
        size_t start = all, end = v->person[p].first + v->person[p].count;
        for (size_t i = v->person[p].first; i < end; i++)
            if (!v->faces || rt_faces_of(v->faces, i, &first))
                list[all++] = i;
        pairs_print(f, v, list + start, all - start, true);
    }
    if (f)
        pairs_print(f, v, list, all, false);
    bool failed = rt_memstream_close(f, &notes->trials) < 0;
    free(list);
    if (failed)
        return rt_error_set(v->e, RT_EMEM, "out of memory for trials of %d people", v->o->valid_people);
    if (notes->trials[0] != '1')
        return rt_error_set(v->e, RT_ENODATA, "--valid-trials: none of the %d people held out has recordings of "
                            "two videos%s: try another --seed or more --valid-people", v->o->valid_people,
                            v->faces ? " with a picture" : "");
    return 0;
}

/* ---- rows ----
 * A video has many pictures, some of them blurred or turned away, and a run pairs a row with one. Its recordings
 * start at different ones; with --faces-each a recording has several rows, and as a run shuffles rows, each pass
 * meets them in turns. That keeps one content, one measure and one answer of the teacher to a row. */

static int row_add(struct vox *v, struct rt_made_table *t, size_t recording, const char *picture, int copy)
{
    const struct recording *r = &v->recording[recording];
    enum split split = recording_person(v, recording)->split;
    char id[PATH_MAX + 16], speaker[PATH_MAX], group[PATH_MAX], way[2][PATH_MAX] = {"", ""};
    snprintf(id, sizeof id, copy ? "%s#%d" : "%s", r->id, copy + 1);
    snprintf(speaker, sizeof speaker, "%.*s", (int)id_speaker(r->id), r->id);
    snprintf(group, sizeof group, "%.*s", (int)(strrchr(r->id, '/') - r->id), r->id);
    RT_TRY(rt_walk_relative(r->path, v->o->output_folder, way[0], v->e));
    if (*picture)
        RT_TRY(rt_walk_relative(picture, v->o->output_folder, way[1], v->e));
    const char *of[][2] = {{"id", id}, {"label", split == TRAIN ? speaker : ""}, {"group", group}, {"speech", way[0]},
                           {"image", way[1]}, {"speaker", speaker},
                           {"split", v->held_out ? split_names[split] : RT_SPLIT_ROOM}};
    const char *cell[RT_MANIFEST_COLUMNS];
    for (int c = 0; c < t->columns; c++)
        for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
            if (!strcmp(t->column[c], of[i][0]))
                cell[c] = of[i][1];
    return rt_made_add(t, cell, 0, v->e);
}

static int rows_add(struct vox *v, struct rt_made_table *t, size_t recording, size_t *bare)
{
    size_t first = 0, count = v->faces ? rt_faces_of(v->faces, recording, &first) : 0;
    size_t copies = recording_person(v, recording)->split == TRAIN ? (size_t)v->o->faces_each : 1;
    size_t start = rt_hash64(v->id[recording], strlen(v->id[recording]), v->o->seed);
    char picture[PATH_MAX] = "";
    *bare += !count;
    if (!count)
        return row_add(v, t, recording, picture, 0);
    copies = copies < count ? copies : count;
    for (size_t i = 0; i < copies; i++) {
        rt_faces_path(v->faces, first + (start % count + i * count / copies) % count, picture);
        RT_TRY(row_add(v, t, recording, picture, (int)i));
    }
    return 0;
}

static int rows_make(struct vox *v, struct rt_made_table *t, struct rt_made_notes *notes)
{
    static const char *const columns[] = {"id", "label", "group", "speech", "image", "speaker", "split"};
    const bool wanted[] = {true, true, true, true, v->faces, v->held_out, v->o->splits != RT_SPLITS_KEEP};
    size_t bare = 0;
    for (int i = 0; i < 7; i++)
        if (wanted[i])
            t->column[t->columns++] = columns[i];
    t->unsplit = v->o->splits != RT_SPLITS_KEEP && !v->held_out;
    for (size_t i = 0; i < v->count; i++)
        RT_TRY(rows_add(v, t, i, &bare));
    FILE *f = fmemopen(notes->text, sizeof notes->text, "w");
    if (!f)
        return rt_error_set(v->e, RT_EMEM, "out of memory");
    char pictures[400] = "";
    if (v->faces)
        rt_faces_note(v->faces, pictures, sizeof pictures);
    if (v->faces)
        fprintf(f, "%zu of %zu recordings have no picture\n", bare, v->count);
    if (v->other)
        fprintf(f, "left out: %zu files that are not at wav/idNNNNN/VIDEO/UTT.wav\n", v->other);
    if (*pictures)
        fprintf(f, "left out: %s\n", pictures);
    fclose(f);
    size_t end = strlen(notes->text);
    if (end)
        notes->text[end - 1] = '\0'; /* its reader ends the line */
    return 0;
}

/* ---- the whole ---- */

static int vox_make(struct vox *v, struct rt_made_table *t, struct rt_made_notes *notes)
{
    const struct rt_made_options *o = v->o;
    if ((o->names.count || o->faces_each > 1) && !o->faces)
        return rt_error_set(v->e, RT_EUSAGE, "--%s is of use with --faces DIR only",
                            o->names.count ? "names" : "faces-each");
    RT_TRY(recordings_find(v));
    RT_TRY(people_find(v));
    RT_TRY(people_hold_out(v));
    const struct rt_faces_config c = {o->faces, o->names.path, o->names.count, v->id, v->count};
    if (o->faces)
        RT_TRY(rt_faces_find(&v->faces, &c, v->e));
    if (o->valid_trials)
        RT_TRY(valid_trials_make(v, notes));
    return rows_make(v, t, notes);
}

int rt_made_voxceleb(struct rt_made_table *t, const struct rt_made_options *o,
                     struct rt_made_notes *notes, struct rt_error *e)
{
    struct vox v = {.o = o, .e = e};
    int rc = vox_make(&v, t, notes);
    rt_faces_destroy(v.faces);
    for (size_t i = 0; i < v.count; i++)
        free(v.recording[i].path);
    free(v.recording);
    free(v.id);
    free(v.person);
    return rc;
}
