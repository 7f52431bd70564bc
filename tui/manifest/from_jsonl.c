/* SPDX-License-Identifier: MIT
 * from_jsonl: a manifest from a table of a JSON object a line, as NeMo and lhotse keep it. All other fields of the
 * lines become columns. */
#include "formats/file.h"
#include "formats/jsonl.h"
#include "formats/path.h"
#include "formats/filewalk.h"
#include "formats/words.h"
#include "tui/manifest/sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JSONL_BYTES_MAX ((size_t)1 << 34)

enum column { ID, LABEL, SPEECH, START, END, CHANNEL, TEXTS, SPLIT, OWN };
static const char *const own[OWN] = {"id", "label", "speech", "start", "end", "channel", "text", "split"};
/* What is in the columns above already, or says nothing of the sample. */
static const char *const taken[] = {"id", "audio_filepath", "offset", "duration", "start", "channel", "text", "type",
                                    "label", "speech", "end", "split", "image", "box", "weight", "group", NULL};

struct jsonl {
    const struct rt_made_options *o;
    struct rt_made_table *t;
    char *bytes;
    size_t size;
    char root[PATH_MAX];
    char (*name)[64]; /* [RT_MANIFEST_COLUMNS] of further columns */
    int first;        /* column of the first of them */
    bool timed, channels, texts, labels; /* whether any line says so */
    struct rt_error *e;
};

typedef int take_line(struct jsonl *j, const struct rt_jsonl_row *r, int line);

/* Twice: which columns there are is known when all lines have been seen. */
static int lines_each(struct jsonl *j, take_line *take)
{
    int line = 1;
    for (size_t at = 0, end; at < j->size; at = end + 1, line++) {
        const char *stop = memchr(j->bytes + at, '\n', j->size - at);
        end = stop ? (size_t)(stop - j->bytes) : j->size;
        struct rt_jsonl_row r;
        if (j->bytes[at + strspn(j->bytes + at, " \t\r")] == '\n' || at + strspn(j->bytes + at, " \t\r") >= j->size)
            continue;
        RT_TRY(rt_jsonl_read(&r, j->bytes + at, end - at, j->o->source, line, j->e));
        int rc = take(j, &r, line);
        rt_jsonl_fini(&r);
        RT_TRY(rc);
    }
    return 0;
}

/* ---- columns ---- */

static const char *row_label(const struct jsonl *j, const struct rt_jsonl_row *r)
{
    const char *given = j->o->role[RT_ROLE_LABEL];
    if (given)
        return rt_jsonl_field(r, given);
    const char *label = rt_jsonl_field(r, "label");
    return label ? label : r->speaker;
}

static bool name_is_taken(const char *name)
{
    for (int i = 0; taken[i]; i++)
        if (!strcmp(taken[i], name))
            return true;
    return strlen(name) >= 64 || strpbrk(name, "\t\r\n") || !*name;
}

static int line_look(struct jsonl *j, const struct rt_jsonl_row *r, int line)
{
    (void)line;
    j->timed |= r->timed;
    j->channels |= r->channel >= 0;
    j->texts |= r->text != NULL;
    j->labels |= row_label(j, r) != NULL;
    for (int i = 0; i < r->fields; i++) {
        const char *name = r->field[i].name;
        if (name_is_taken(name) || rt_made_column(j->t, name) >= 0)
            continue;
        if (j->t->columns + OWN == RT_MANIFEST_COLUMNS)
            return rt_error_set(j->e, RT_ELARGE, "%s:%d: more than %d fields in all lines", j->o->source, line,
                                RT_MANIFEST_COLUMNS - OWN);
        snprintf(j->name[j->t->columns], sizeof j->name[0], "%s", name);
        j->t->column[j->t->columns] = j->name[j->t->columns];
        j->t->columns++;
    }
    return 0;
}

/* Ours come first. */
static void jsonl_order_columns(struct jsonl *j)
{
    const char *rest[RT_MANIFEST_COLUMNS];
    int others = j->t->columns;
    bool wanted[OWN] = {[ID] = true, [LABEL] = j->labels, [SPEECH] = true, [START] = j->timed, [END] = j->timed,
                        [CHANNEL] = j->channels, [TEXTS] = j->texts, [SPLIT] = j->t->unsplit};
    memcpy(rest, j->t->column, sizeof rest);
    j->t->columns = 0;
    for (int c = 0; c < OWN; c++)
        if (wanted[c])
            j->t->column[j->t->columns++] = own[c];
    j->first = j->t->columns;
    for (int i = 0; i < others; i++)
        j->t->column[j->t->columns++] = rest[i];
}

/* ---- rows ---- */

static int line_add(struct jsonl *j, const struct rt_jsonl_row *r, int line)
{
    char path[PATH_MAX], way[PATH_MAX], id[PATH_MAX + 40], start[32] = "", end[32] = "", channel[16] = "";
    const char *row[RT_MANIFEST_COLUMNS], *label = row_label(j, r);
    if (rt_path_absolute(r->path, j->root, path, sizeof path) < 0)
        return rt_error_set(j->e, RT_ELARGE, "%s:%d: the path is too long", j->o->source, line);
    RT_TRY(rt_walk_relative(path, j->o->output_folder, way, j->e));
    if (r->timed)
        snprintf(start, sizeof start, "%.10g", r->start);
    if (r->timed && isfinite(r->end))
        snprintf(end, sizeof end, "%.10g", r->end);
    if (r->channel >= 0)
        snprintf(channel, sizeof channel, "%d", r->channel);
    snprintf(id, sizeof id, "%s%s%s", r->id ? r->id : r->path, r->id || !r->timed ? "" : "@", r->id ? "" : start);
    const char *cell[OWN] = {id, label ? label : "", way, start, end, channel, r->text ? r->text : "", RT_SPLIT_ROOM};
    for (int c = 0; c < j->t->columns; c++) {
        const char *field = c < j->first ? NULL : rt_jsonl_field(r, j->t->column[c]);
        row[c] = field ? field : "";
        for (int k = 0; c < j->first && k < OWN; k++)
            if (j->t->column[c] == own[k])
                row[c] = cell[k];
    }
    return rt_made_add(j->t, row, line, j->e);
}

static int jsonl_find_root(struct jsonl *j)
{
    char folder[PATH_MAX];
    const char *source = j->o->source, *slash = strrchr(source, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - source) + 1 : 1, slash ? source : ".");
    const char *root = j->o->root ? j->o->root : folder;
    return realpath(root, j->root) ? 0 : rt_error_errno(j->e, "cannot read", root);
}

int rt_made_jsonl(struct rt_made_table *t, const struct rt_made_options *o, struct rt_made_notes *notes,
                  struct rt_error *e)
{
    struct jsonl j = {.o = o, .t = t, .e = e};
    uint8_t *bytes;
    RT_TRY(jsonl_find_root(&j));
    j.name = calloc(RT_MANIFEST_COLUMNS, sizeof *j.name);
    notes->names = (char *)j.name;
    if (!j.name)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", o->source);
    RT_TRY(rt_file_read(o->source, JSONL_BYTES_MAX, &bytes, &j.size, e));
    j.bytes = (char *)bytes;
    t->unsplit = o->splits != RT_SPLITS_KEEP;
    int rc = j.size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b
                 ? rt_error_set(e, RT_EFORMAT, "%s: compressed (gzip); unpack it first: gunzip -k", o->source)
                 : lines_each(&j, line_look);
    if (rc == 0 && o->role[RT_ROLE_LABEL] && !j.labels)
        rc = rt_error_set(e, RT_EUSAGE, "%s: --label: no line has a field %s", o->source, o->role[RT_ROLE_LABEL]);
    if (rc == 0) {
        jsonl_order_columns(&j);
        rc = lines_each(&j, line_add);
    }
    if (rc == 0 && t->rows == 0)
        rc = rt_error_set(e, RT_ENODATA, "%s: empty", o->source);
    free(bytes);
    return rc;
}
