/* SPDX-License-Identifier: MIT
 * manifest_kaldi: a manifest from a data folder of Kaldi: wav.scp (UTTERANCE PATH a line), utt2spk (UTTERANCE SPEAKER),
 * text (UTTERANCE WORDS ...). */
#include "formats/file.h"
#include "formats/path.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include "tui/cli/manifest_sources.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_BYTES_MAX ((size_t)1 << 33)

/* One of the lists, cut in place: a key and what stands behind it. */
struct list_line {
    const char *key, *rest;
    int line;
};
struct list {
    char path[PATH_MAX], *bytes;
    struct list_line *line;
    size_t lines;
    bool there;
};

static int line_compare(const void *a, const void *b)
{
    return strcmp(((const struct list_line *)a)->key, ((const struct list_line *)b)->key);
}

static int list_cut(struct list *l, size_t size, struct rt_error *e)
{
    size_t room = 0;
    int number = 0;
    if (rt_utf8_check(l->bytes, strnlen(l->bytes, size)) != size)
        return rt_error_set(e, RT_EFORMAT, "%s: not text in UTF-8", l->path);
    for (char *at = l->bytes, *next; *at; at = next) {
        size_t length = strcspn(at, "\n");
        next = at + length + (at[length] == '\n');
        while (length && strchr(" \t\r", at[length - 1]))
            length--;
        at[length] = '\0';
        number++;
        if (!*at)
            continue;
        if (l->lines == room) {
            struct list_line *more = realloc(l->line, (room = room ? 2 * room : 256) * sizeof *more);
            if (!more)
                return rt_error_set(e, RT_EMEM, "%s: out of memory", l->path);
            l->line = more;
        }
        char *rest = at + strcspn(at, " \t");
        if (*rest) {
            *rest++ = '\0';
            rest += strspn(rest, " \t");
        }
        l->line[l->lines++] = (struct list_line){at, rest, number};
    }
    if (l->lines)
        qsort(l->line, l->lines, sizeof *l->line, line_compare);
    return 0;
}

/* A list that is not there stays empty. */
static int list_read(struct list *l, const char *folder, const char *name, struct rt_error *e)
{
    size_t size;
    if (snprintf(l->path, sizeof l->path, "%s/%s", folder, name) >= (int)sizeof l->path)
        return rt_error_set(e, RT_ELARGE, "%s: the path is too long", folder);
    if (access(l->path, F_OK))
        return 0;
    RT_TRY(rt_file_read(l->path, LIST_BYTES_MAX, (uint8_t **)&l->bytes, &size, e));
    l->there = true;
    return list_cut(l, size, e);
}

static const char *list_find(const struct list *l, const char *key)
{
    struct list_line want = {.key = key};
    const struct list_line *at = l->lines ? bsearch(&want, l->line, l->lines, sizeof *at, line_compare) : NULL;
    return at ? at->rest : "";
}

/* ---- rows ---- */

enum { WAV, SPEAKER, TEXT, LISTS };

struct kaldi {
    const struct rt_made_options *o;
    struct list list[LISTS];
    size_t missing;
    char example[PATH_MAX];
};

static int recording_add(struct kaldi *k, struct rt_made_table *t, const struct list_line *at, struct rt_error *e)
{
    const char *wav = k->list[WAV].path, *cell[RT_MANIFEST_COLUMNS];
    char path[PATH_MAX], way[PATH_MAX];
    int c = 0;
    if (!*at->rest)
        return rt_error_set(e, RT_EFORMAT, "%s:%d: \"%.80s\" has no path", wav, at->line, at->key);
    if (at->rest[strlen(at->rest) - 1] == '|')
        return rt_error_set(e, RT_EFORMAT, "%s:%d: \"%.80s\" is made by a command, which is not run: write the "
                            "recordings to files first (wav-copy), and name those", wav, at->line, at->key);
    if (rt_path_absolute(at->rest, k->o->root, path, sizeof path) ||
        rt_path_relative(path, k->o->output_folder, way, sizeof way))
        return rt_error_set(e, RT_ELARGE, "%s:%d: the path is too long", wav, at->line);
    if (access(path, F_OK)) {
        k->missing++;
        strcpy(k->example, path);
    }
    cell[c++] = at->key;
    if (k->list[SPEAKER].there)
        cell[c++] = list_find(&k->list[SPEAKER], at->key);
    cell[c++] = way;
    if (k->list[TEXT].there)
        cell[c++] = list_find(&k->list[TEXT], at->key);
    cell[c] = RT_SPLIT_ROOM;
    return rt_made_add(t, cell, at->line, e);
}

static int kaldi_fill(struct kaldi *k, struct rt_made_table *t, struct rt_made_notes *notes, struct rt_error *e)
{
    const struct list *wav = &k->list[WAV];
    t->unsplit = k->o->splits != RT_SPLITS_KEEP;
    t->column[t->columns++] = "id";
    if (k->list[SPEAKER].there)
        t->column[t->columns++] = "label";
    t->column[t->columns++] = "speech";
    if (k->list[TEXT].there)
        t->column[t->columns++] = "text";
    if (t->unsplit)
        t->column[t->columns++] = "split";
    for (size_t i = 0; i < wav->lines; i++)
        RT_TRY(recording_add(k, t, &wav->line[i], e));
    if (!wav->lines)
        return rt_error_set(e, RT_ENODATA, "%s: no line in it", wav->path);
    if (k->missing == wav->lines)
        return rt_error_set(e, RT_EMISSING, "%s: none of its %zu files exists, such as %s: say with --root DIR where "
                            "they are", wav->path, k->missing, k->example);
    if (k->missing)
        snprintf(notes->text, sizeof notes->text, "%zu of %zu files do not exist, such as %.300s", k->missing,
                 wav->lines, k->example);
    return 0;
}

static int kaldi_read(struct kaldi *k, struct rt_error *e)
{
    static const char *const names[LISTS] = {"wav.scp", "utt2spk", "text"};
    struct list segments = {0};
    for (int i = 0; i < LISTS; i++)
        RT_TRY(list_read(&k->list[i], k->o->source, names[i], e));
    if (!k->list[WAV].there)
        return rt_error_set(e, RT_EMISSING, "%s: there is no such file: a data folder of Kaldi has one",
                            k->list[WAV].path);
    snprintf(segments.path, sizeof segments.path, "%s/segments", k->o->source);
    if (access(segments.path, F_OK) == 0)
        return rt_error_set(e, RT_EFORMAT, "%s: recordings are not cut here: do so first (extract-segments), and name "
                            "the pieces in wav.scp", segments.path);
    return 0;
}

int rt_made_kaldi(struct rt_made_table *t, const struct rt_made_options *o, struct rt_made_notes *notes,
                  struct rt_error *e)
{
    struct kaldi *k = calloc(1, sizeof *k);
    if (!k)
        return rt_error_set(e, RT_EMEM, "out of memory");
    k->o = o;
    int rc = kaldi_read(k, e);
    if (rc == 0)
        rc = kaldi_fill(k, t, notes, e);
    for (int i = 0; i < LISTS; i++) {
        free(k->list[i].bytes);
        free(k->list[i].line);
    }
    free(k);
    return rc;
}
