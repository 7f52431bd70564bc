/* SPDX-License-Identifier: MIT
 * predict_source: see predict_source.h. */
#include "tui/cli/predict_source.h"

#include "formats/filewalk.h"
#include "formats/manifest.h"
#include "formats/path.h"
#include "formats/plain.h"
#include "formats/words.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES 65536 /* read at one time; no path is longer */

struct rt_predict_list {
    const struct rt_argument_list *words;
    const struct rt_modality *modality;
    int at;     /* the word at hand */
    int passed;

    char **file; /* [files] of the folder at hand, sorted */
    size_t files, room, file_at;

    struct rt_manifest *manifest; /* at hand, or NULL */
    int row;

    bool piped; /* standard input is at hand */
    char line[PIPE_BYTES];
    size_t begin, end; /* of what was read and not yet given */
    bool drained;
};

/* ---- one sample ---- */

static int sample_no_memory(struct rt_error *e)
{
    return rt_error_set(e, RT_EMEM, "no memory for the list of samples");
}

static int sample_of(struct rt_predict_sample *s, const char *id, const char *path, const char *text,
                     struct rt_error *e)
{
    s->id = strdup(id);
    s->path = path ? strdup(path) : NULL;
    s->text = text ? strdup(text) : NULL;
    if (s->id && (!path || s->path) && (!text || s->text))
        return RT_PREDICT_SAMPLE;
    free(s->id); /* nobody else will */
    free(s->path);
    free(s->text);
    return sample_no_memory(e);
}

static int sample_lost(struct rt_predict_sample *s, const char *id, const struct rt_error *why, struct rt_error *e)
{
    s->why = *why;
    return sample_of(s, id, NULL, NULL, e);
}

/* ---- folders ----
 * Listed whole before the first file is read: sorted, the answers come in the same order each time. */

static int folder_add(void *self, const char *path, const char *below)
{
    struct rt_predict_list *l = self;
    (void)below;
    if (rt_walk_modality(path) != (int)l->modality->id) {
        l->passed++;
        return 0;
    }
    if (l->files == l->room) {
        size_t room = l->room ? 2 * l->room : 256;
        char **more = realloc(l->file, room * sizeof *more);
        if (!more)
            return RT_EMEM;
        l->file = more;
        l->room = room;
    }
    l->file[l->files] = strdup(path);
    return l->file[l->files] ? (l->files++, 0) : RT_EMEM;
}

static int file_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int folder_open(struct rt_predict_list *l, const char *path, struct rt_error *why)
{
    for (size_t i = 0; i < l->files; i++)
        free(l->file[i]);
    l->files = l->file_at = 0;
    int rc = rt_walk_files(path, folder_add, l, why);
    if (l->files)
        qsort(l->file, l->files, sizeof *l->file, file_compare);
    if (rc == RT_EMEM)
        return sample_no_memory(why);
    return rc == 0 && l->files == 0
               ? rt_error_set(why, RT_ENODATA, "%s: no file in it has an ending of %s that retort reads", path,
                              l->modality->name)
               : rc;
}

/* ---- manifests ---- */

static int manifest_open(struct rt_predict_list *l, const char *path, struct rt_error *why)
{
    RT_TRY(rt_manifest_load(&l->manifest, path, why));
    l->row = 0;
    if (rt_manifest_column(l->manifest, l->modality->name) >= 0)
        return 0;
    rt_manifest_destroy(l->manifest);
    l->manifest = NULL;
    return rt_error_set(why, RT_EMISMATCH, "%s: there is no column '%s' for the model", path, l->modality->name);
}

static int manifest_next(struct rt_predict_list *l, struct rt_predict_sample *s, struct rt_error *e)
{
    const struct rt_manifest *m = l->manifest;
    int row = l->row++;
    const char *id = rt_manifest_cell(m, row, rt_manifest_column(m, "id"));
    const char *cell = rt_manifest_cell(m, row, rt_manifest_column(m, l->modality->name));
    char path[2 * PATH_MAX];
    if (!cell[0]) {
        struct rt_error why = {0};
        rt_error_set(&why, RT_EMISSING, "%s:%d: no %s", rt_manifest_path(m), rt_manifest_line(m, row),
                     l->modality->name);
        return sample_lost(s, id, &why, e);
    }
    if (l->modality->id == RT_TEXT)
        return sample_of(s, id, NULL, cell, e);
    s->extent = rt_manifest_extent(m, row, (int)l->modality->id);
    return sample_of(s, id, rt_manifest_file(m, row, (int)l->modality->id, path, sizeof path), NULL, e);
}

/* ---- standard input ----
 * Read by hand and not by stdio, which cannot say whether a line is at hand without waiting for one. */

static bool pipe_is_ready(void)
{
    struct pollfd p = {STDIN_FILENO, POLLIN, 0};
    return poll(&p, 1, 0) != 0;
}

/* Makes room and reads what is there, waiting for it. */
static int pipe_fill(struct rt_predict_list *l, struct rt_error *e)
{
    memmove(l->line, l->line + l->begin, l->end - l->begin);
    l->end -= l->begin;
    l->begin = 0;
    ssize_t n;
    do
        n = read(STDIN_FILENO, l->line + l->end, sizeof l->line - 1 - l->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return rt_error_errno(e, "cannot read", "standard input");
    l->drained = n == 0;
    l->end += (size_t)n;
    return 0;
}

/* Without its line end; the last may have none. A line that fills the buffer is cut there, and will not be found. */
static char *pipe_line(struct rt_predict_list *l)
{
    char *begin = l->line + l->begin, *stop = memchr(begin, '\n', l->end - l->begin);
    bool whole = stop || (l->end > l->begin && (l->drained || l->end - l->begin == sizeof l->line - 1));
    if (!whole)
        return NULL;
    size_t length = stop ? (size_t)(stop - begin) : l->end - l->begin;
    l->begin += length + (stop != NULL);
    begin[length] = '\0';
    if (length && begin[length - 1] == '\r')
        begin[length - 1] = '\0';
    return begin;
}

static int pipe_next(struct rt_predict_list *l, bool wait, struct rt_predict_sample *s, struct rt_error *e)
{
    for (;;) {
        char *line = pipe_line(l);
        if (line && *line)
            return sample_of(s, line, line, NULL, e);
        if (line)
            continue; /* empty */
        if (l->drained)
            return RT_PREDICT_END;
        if (!wait && !pipe_is_ready())
            return RT_PREDICT_LATER;
        RT_TRY(pipe_fill(l, e));
    }
}

/* ---- words ---- */

/* Opens what a word names; or it is a sample itself, or a lost one. */
static int word_begin(struct rt_predict_list *l, const char *word, struct rt_predict_sample *s, struct rt_error *e)
{
    struct rt_error why = {0};
    struct stat st;
    if (strcmp(word, "-") == 0) {
        l->piped = true;
        return RT_PREDICT_END;
    }
    int rc = 0;
    if (stat(word, &st) == 0 && S_ISDIR(st.st_mode))
        rc = folder_open(l, word, &why);
    else if (rt_path_ends_in(word, ".tsv"))
        rc = manifest_open(l, word, &why);
    else
        return sample_of(s, word, word, NULL, e);
    if (rc == RT_EMEM)
        *e = why;
    return rc == RT_EMEM ? rc : rc < 0 ? sample_lost(s, word, &why, e) : RT_PREDICT_END;
}

/* Of what is at hand; RT_PREDICT_END: nothing is left of it. */
static int word_next(struct rt_predict_list *l, bool wait, struct rt_predict_sample *s, struct rt_error *e)
{
    if (l->file_at < l->files) {
        const char *path = l->file[l->file_at++];
        return sample_of(s, path, path, NULL, e);
    }
    if (l->manifest && l->row < rt_manifest_rows(l->manifest))
        return manifest_next(l, s, e);
    rt_manifest_destroy(l->manifest);
    l->manifest = NULL;
    int rc = l->piped ? pipe_next(l, wait, s, e) : RT_PREDICT_END;
    l->piped = l->piped && rc != RT_PREDICT_END;
    return rc;
}

static int list_next(void *self, bool wait, struct rt_predict_sample *s, struct rt_error *e)
{
    struct rt_predict_list *l = self;
    for (;;) {
        int rc = word_next(l, wait, s, e);
        if (rc == RT_PREDICT_END && l->at < l->words->count)
            rc = word_begin(l, l->words->word[l->at++], s, e);
        else if (rc == RT_PREDICT_END)
            return rc;
        if (rc != RT_PREDICT_END)
            return rc;
    }
}

int rt_predict_list_create(struct rt_predict_list **out, const struct rt_argument_list *words,
                           const struct rt_modality *modality)
{
    struct rt_predict_list *l = *out = calloc(1, sizeof *l);
    if (!l)
        return RT_EMEM;
    l->words = words;
    l->modality = modality;
    return 0;
}

void rt_predict_list_destroy(struct rt_predict_list *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->files; i++)
        free(l->file[i]);
    free(l->file);
    rt_manifest_destroy(l->manifest);
    free(l);
}

struct rt_predict_source rt_predict_list_source(struct rt_predict_list *l)
{
    return (struct rt_predict_source){l, list_next};
}

void rt_predict_list_say_passed(const struct rt_predict_list *l)
{
    char text[32];
    if (l->passed)
        rt_plain_print(stderr, "retort: %s files in folders passed over: not %s by their ending\n",
                       rt_count_text(l->passed, text), l->modality->name);
}
