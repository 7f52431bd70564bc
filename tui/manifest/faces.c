/* SPDX-License-Identifier: MIT
 * faces: see faces.h. */
#include "tui/manifest/faces.h"
#include "formats/csv.h"
#include "formats/file.h"
#include "formats/filewalk.h"
#include "formats/words.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_BYTES_MAX ((size_t)1 << 26)
#define TABLES_MAX 8

struct name { /* of a person */
    const char *name, *id;
    const char *table; /* where it stands, for messages */
    int line;
};

struct face {
    size_t video;     /* number of its video's first recording */
    char *below;      /* its path in the folder, owned */
    const char *clip; /* the folder below VIDEO, inside of below; "" = none */
    int clip_length;
};

struct rt_faces {
    struct rt_faces_config c;
    char root[PATH_MAX];
    char *text[TABLES_MAX]; /* of tables; names point into it */
    struct name *name;      /* [names] by name */
    size_t names, name_room;
    struct face *face; /* [faces] by video and path */
    size_t faces, face_room;
    size_t strangers, elsewhere; /* pictures of people, of videos that have no recording */
    char example[200];           /* path of a stranger */
    struct rt_error *e;
};

size_t rt_sorted_seek(const char *const *sorted, size_t count, const char *text)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(sorted[middle], text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rt_speaker_named(const char *name, size_t length)
{
    bool all = length > 2 && !strncmp(name, "id", 2);
    for (size_t i = 2; i < length; i++)
        all = all && isdigit((unsigned char)name[i]);
    return all;
}

/* Room for one more of an array's elements; NULL without memory. */
static void *array_grow(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    size_t more = *room ? 2 * *room : 1024;
    void *grown = realloc(array, more * size);
    if (grown)
        *room = more;
    return grown;
}

/* ---- names ----
 * The pictures of VoxCeleb 1 lie under names, its recordings under ids; the authors' table has both. The dot at the
 * end of a name (Robert_Downey_Jr.) is lost where it was unpacked on Windows, so it counts on neither side. */

static char *cell_trim(char *cell)
{
    size_t length = strlen(cell);
    while (length && isspace((unsigned char)cell[length - 1]))
        cell[--length] = '\0';
    return cell + strspn(cell, " \t");
}

static size_t name_length(const char *name, size_t length)
{
    while (length && name[length - 1] == '.')
        length--;
    return length;
}

static int name_order(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int names_add(struct rt_faces *f, const struct rt_csv *csv)
{
    char *id = cell_trim(csv->cell[0]), *name = csv->cells > 1 ? cell_trim(csv->cell[1]) : "", quoted[RT_QUOTE];
    if (csv->row_line == 1 && !strncmp(id, "VoxCeleb", 8))
        return 0; /* the header */
    if (!rt_speaker_named(id, strlen(id)) || !*name)
        return rt_error_set(f->e, RT_EFORMAT, "%s:%d: %s: write idNNNNN and the person's name in the first two "
                            "columns, as in vox1_meta.csv", csv->name, csv->row_line,
                            rt_quote(quoted, sizeof quoted, id));
    struct name *grown = array_grow(f->name, f->names, &f->name_room, sizeof *grown);
    if (!grown)
        return rt_error_set(f->e, RT_EMEM, "%s:%d: out of memory", csv->name, csv->row_line);
    f->name = grown;
    name[name_length(name, strlen(name))] = '\0';
    f->name[f->names++] = (struct name){name, id, csv->name, csv->row_line};
    return 0;
}

static int names_read(struct rt_faces *f, int table)
{
    const char *path = f->c.table[table];
    struct rt_csv csv;
    uint8_t *bytes;
    size_t size;
    int more;
    RT_TRY(rt_file_read(path, TABLE_BYTES_MAX, &bytes, &size, f->e));
    f->text[table] = (char *)bytes;
    RT_TRY(rt_csv_init(&csv, f->text[table], size, 0, path, f->e));
    while ((more = rt_csv_next(&csv, f->e)) > 0)
        RT_TRY(names_add(f, &csv));
    return more;
}

static int names_load(struct rt_faces *f)
{
    if (f->c.tables > TABLES_MAX)
        return rt_error_set(f->e, RT_EUSAGE, "%d tables of names: at most %d", f->c.tables, TABLES_MAX);
    for (int i = 0; i < f->c.tables; i++)
        RT_TRY(names_read(f, i));
    if (f->names)
        qsort(f->name, f->names, sizeof *f->name, name_order);
    for (size_t i = 1; i < f->names; i++) {
        const struct name *a = &f->name[i - 1], *b = &f->name[i];
        if (!strcmp(a->name, b->name) && strcmp(a->id, b->id))
            return rt_error_set(f->e, RT_EFORMAT, "%s:%d: the name %s of %s is that of %s, too (%s:%d)", b->table,
                                b->line, b->name, b->id, a->id, a->table, a->line);
    }
    return 0;
}

/* The id of a person with a recording, or NULL. */
static const char *person_id(const struct rt_faces *f, const char *part, size_t length, char id[NAME_MAX + 2])
{
    size_t low = 0, high = f->names;
    snprintf(id, NAME_MAX + 2, "%.*s", (int)name_length(part, length), part);
    while (!rt_speaker_named(id, strlen(id)) && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(f->name[middle].name, id);
        if (order == 0)
            snprintf(id, NAME_MAX + 2, "%s", f->name[middle].id);
        else if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = strlen(id);
    if (!rt_speaker_named(id, end))
        return NULL;
    strcpy(id + end, "/");
    size_t at = rt_sorted_seek(f->c.id, f->c.ids, id);
    bool there = at < f->c.ids && !strncmp(f->c.id[at], id, end + 1);
    id[end] = '\0';
    return there ? id : NULL;
}

/* ---- pictures ----
 * What stands between person and video (1.6, by how much a face's frame was widened) differs from copy to copy, so
 * a folder is the video when a recording of that person says so. */

/* Of a path below the person: the number of the video's first recording, and where its name ends; ids when none of
 * its folders is a video. */
static size_t face_video(const struct rt_faces *f, const char *id, const char *rest, const char **end)
{
    char key[PATH_MAX];
    for (const char *slash; (slash = strchr(rest, '/')); rest = slash + 1) {
        int length = snprintf(key, sizeof key, "%s/%.*s/", id, (int)(slash - rest), rest);
        size_t at = rt_sorted_seek(f->c.id, f->c.ids, key);
        *end = slash;
        if (at < f->c.ids && !strncmp(f->c.id[at], key, (size_t)length))
            return at;
    }
    return f->c.ids;
}

static int face_add(void *self, const char *path, const char *below)
{
    struct rt_faces *f = self;
    char id[NAME_MAX + 2];
    const char *rest = below, *person = NULL, *end = NULL;
    if (rt_walk_modality(path) != RT_IMAGE)
        return 0;
    for (const char *slash; !person && (slash = strchr(rest, '/')); rest = slash + 1)
        person = person_id(f, rest, (size_t)(slash - rest), id);
    if (!person) {
        if (!f->strangers++)
            snprintf(f->example, sizeof f->example, "%s", below);
        return 0;
    }
    size_t video = face_video(f, person, rest, &end);
    if (video == f->c.ids) {
        f->elsewhere++;
        return 0;
    }
    struct face *grown = array_grow(f->face, f->faces, &f->face_room, sizeof *grown);
    char *copy = strdup(below);
    f->face = grown ? grown : f->face;
    if (!grown || !copy) {
        free(copy);
        return rt_error_set(f->e, RT_EMEM, "out of memory after %zu pictures", f->faces);
    }
    const char *clip = copy + (end - below) + 1, *slash = strchr(clip, '/');
    f->face[f->faces++] = (struct face){video, copy, clip, slash ? (int)(slash - clip) : 0};
    return 0;
}

static int face_order(const void *a, const void *b)
{
    const struct face *x = a, *y = b;
    if (x->video != y->video)
        return x->video < y->video ? -1 : 1;
    return strcmp(x->below, y->below);
}

static int faces_none(const struct rt_faces *f)
{
    if (f->strangers && !f->names)
        return rt_error_set(f->e, RT_ENODATA, "%s: no person of the recordings in it (such as %s): if its folders "
                            "are names, give the table of names with --names vox1_meta.csv", f->c.folder,
                            f->example);
    if (f->strangers && !f->elsewhere)
        return rt_error_set(f->e, RT_ENODATA, "%s: no person of the recordings in it, neither by id nor by a name "
                            "of the table, such as %s", f->c.folder, f->example);
    return rt_error_set(f->e, RT_ENODATA, "%s: no picture at PERSON/VIDEO/PICTURE.jpg of a video that has a "
                        "recording (%zu pictures are of other videos)", f->c.folder, f->elsewhere);
}

int rt_faces_find(struct rt_faces **out, const struct rt_faces_config *c, struct rt_error *e)
{
    struct rt_faces *f = *out = calloc(1, sizeof *f);
    if (!f)
        return rt_error_set(e, RT_EMEM, "out of memory");
    f->c = *c;
    f->e = e;
    int rc = rt_walk_root(c->folder, f->root, e);
    if (!rc)
        rc = names_load(f);
    if (!rc)
        rc = rt_walk_files(f->root, face_add, f, e);
    if (!rc && !f->faces)
        rc = faces_none(f);
    if (rc) {
        rt_faces_destroy(f);
        *out = NULL;
        return rc;
    }
    qsort(f->face, f->faces, sizeof *f->face, face_order);
    f->e = NULL;
    return 0;
}

void rt_faces_destroy(struct rt_faces *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->faces; i++)
        free(f->face[i].below);
    for (int i = 0; i < TABLES_MAX; i++)
        free(f->text[i]);
    free(f->face);
    free(f->name);
    free(f);
}

/* ---- of a recording ---- */

size_t rt_faces_of(const struct rt_faces *f, size_t recording, size_t *first)
{
    const char *id = f->c.id[recording], *stem = strrchr(id, '/') + 1;
    char video[PATH_MAX];
    snprintf(video, sizeof video, "%.*s", (int)(stem - id), id);
    size_t key = rt_sorted_seek(f->c.id, f->c.ids, video), low = 0, high = f->faces;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->face[middle].video < key)
            low = middle + 1;
        else
            high = middle;
    }
    size_t count = 0, own = 0;
    int length = (int)strcspn(stem, ".");
    for (; low + count < f->faces && f->face[low + count].video == key; count++) {
        const struct face *at = &f->face[low + count];
        if (at->clip_length != length || strncmp(at->clip, stem, (size_t)length) != 0)
            continue;
        if (!own)
            *first = low + count;
        own += *first + own == low + count; /* one folder's pictures stand together */
    }
    if (own)
        return own;
    *first = low;
    return count;
}

void rt_faces_path(const struct rt_faces *f, size_t picture, char path[PATH_MAX])
{
    int length = snprintf(path, PATH_MAX, "%s/%s", f->root, f->face[picture].below);
    if (length >= PATH_MAX)
        path[PATH_MAX - 1] = '\0'; /* the walk had it whole, so this is not met */
}

void rt_faces_note(const struct rt_faces *f, char *text, size_t size)
{
    int used = 0;
    *text = '\0';
    if (f->strangers)
        used = snprintf(text, size, "%zu pictures of people without a recording or a name, such as %s", f->strangers,
                        f->example);
    if (f->elsewhere && used >= 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, "%s%zu pictures of other videos", used ? ", " : "", f->elsewhere);
}
