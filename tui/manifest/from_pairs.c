/* SPDX-License-Identifier: MIT
 * from_pairs: a manifest from files that belong together by their names, in one folder or several. */
#include "tui/manifest/files.h"
#include "tui/manifest/sources.h"
#include "formats/filewalk.h"
#include <stdlib.h>
#include <string.h>

/* What pairs are called is not asked: both ways are tried, and the one by which more files find a partner is taken. A
 * path says more than a name, so it wins where both find as many; a name that two files of one kind share would join
 * what does not belong together, and then only paths will do. */

struct part { /* a file under its key */
    const char *key;
    size_t length;
    const struct rt_made_file *file;
    int folder;
};

struct pairing {
    const struct rt_made_options *o;
    struct rt_made_tree *tree; /* [folders] */
    struct part *part;
    size_t parts;
    bool modality[RT_MODALITIES]; /* there are files of it */
    size_t matched, twice;        /* keys with several modalities; with two files of one */
    const struct part *twin[2];   /* an example of the latter */
};

static int part_compare_keys(const struct part *x, const struct part *y)
{
    size_t least = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->key, y->key, least);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int part_compare(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    int order = part_compare_keys(x, y);
    if (order == 0)
        order = x->file->modality - y->file->modality;
    return order ? order : x->folder - y->folder;
}

/* Keys by whole paths, or by names; counts what they join. */
static void pairing_key(struct pairing *p, bool whole)
{
    size_t n = 0;
    for (int k = 0; k < p->o->folders; k++)
        for (size_t i = 0; i < p->tree[k].count; i++) {
            const struct rt_made_file *file = &p->tree[k].file[i];
            const char *key = whole ? file->below : rt_made_base(file->below);
            p->part[n++] = (struct part){key, rt_made_stem(key), file, k};
        }
    qsort(p->part, n, sizeof *p->part, part_compare);
    p->matched = p->twice = 0;
    for (size_t i = 1; i < n; i++) {
        if (part_compare_keys(&p->part[i - 1], &p->part[i]))
            continue;
        bool same = p->part[i - 1].file->modality == p->part[i].file->modality;
        p->matched += !same;
        p->twice += same;
        if (same)
            p->twin[0] = &p->part[i - 1], p->twin[1] = &p->part[i];
    }
}

static int pairing_choose(struct pairing *p, struct rt_error *e)
{
    pairing_key(p, false);
    size_t by_name = p->twice ? 0 : p->matched;
    pairing_key(p, true);
    if (by_name > p->matched)
        pairing_key(p, false);
    if (!p->matched)
        return rt_error_set(e, RT_ENODATA, "%s: no two files of different kinds have one name, such as cat/1.png and "
                            "cat/1.txt; `retort manifest folders --modality M` takes those of one kind", p->o->source);
    if (p->twice)
        return rt_error_set(e, RT_EFORMAT, "%s and %s have one name and are of one kind, so which of them a pair is "
                            "made of is open: rename one", p->twin[0]->file->path, p->twin[1]->file->path);
    return 0;
}

/* ---- rows ---- */

/* The folder that the file lies in, of those below its root the first; "" directly below it. */
static size_t part_label_length(const struct part *a)
{
    const char *slash = strchr(a->file->below, '/');
    return slash ? (size_t)(slash - a->file->below) : 0;
}

static int row_label(const struct part *part, size_t count, char label[PATH_MAX], struct rt_error *e)
{
    const struct part *from = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t n = part_label_length(&part[i]);
        if (from && n && (n != part_label_length(from) || memcmp(from->file->below, part[i].file->below, n)))
            return rt_error_set(e, RT_EFORMAT, "%s and %s have one name but lie in folders of two classes: rename one",
                                from->file->path, part[i].file->path);
        if (!from && n)
            from = &part[i];
    }
    snprintf(label, PATH_MAX, "%.*s", from ? (int)part_label_length(from) : 0, from ? from->file->below : "");
    return 0;
}

static int row_add(struct pairing *p, struct rt_made_table *t, const struct part *part, size_t count,
                   struct rt_error *e)
{
    char id[PATH_MAX], label[PATH_MAX], way[RT_MODALITIES][PATH_MAX], *words = NULL;
    const char *source[RT_MODALITIES] = {"", "", ""}, *cell[RT_MANIFEST_COLUMNS] = {id, label};
    int columns = 2;
    snprintf(id, sizeof id, "%.*s", (int)part->length, part->key);
    RT_TRY(row_label(part, count, label, e));
    for (size_t i = 0; i < count; i++) {
        int m = part[i].file->modality;
        if (m == RT_TEXT)
            RT_TRY(rt_walk_words(part[i].file->path, &words, e));
        else
            RT_TRY(rt_walk_relative(part[i].file->path, p->o->output_folder, way[m], e));
        source[m] = m == RT_TEXT ? words : way[m];
    }
    for (int m = 0; m < RT_MODALITIES; m++)
        if (p->modality[m])
            cell[columns++] = source[m];
    cell[columns] = RT_SPLIT_ROOM;
    int code = rt_made_add(t, cell, 0, e);
    free(words);
    return code;
}

static int pairing_fill(struct pairing *p, struct rt_made_table *t, struct rt_error *e)
{
    bool split = p->o->splits != RT_SPLITS_KEEP;
    t->column[t->columns++] = "id";
    t->column[t->columns++] = "label";
    for (int m = 0; m < RT_MODALITIES; m++)
        if (p->modality[m])
            t->column[t->columns++] = rt_modality_names[m];
    if (split)
        t->column[t->columns++] = "split";
    t->unsplit = split;
    for (size_t i = 0, end; i < p->parts; i = end) {
        for (end = i + 1; end < p->parts && part_compare_keys(&p->part[i], &p->part[end]) == 0;)
            end++;
        RT_TRY(row_add(p, t, p->part + i, end - i, e));
    }
    return 0;
}

static int pairing_read(struct pairing *p, struct rt_made_notes *notes, struct rt_error *e)
{
    size_t other = 0;
    for (int k = 0; k < p->o->folders; k++) {
        char root[PATH_MAX];
        RT_TRY(rt_walk_root(p->o->folder[k], root, e));
        RT_TRY(rt_made_tree_read(&p->tree[k], root, e));
        p->parts += p->tree[k].count;
        other += p->tree[k].other;
        for (size_t i = 0; i < p->tree[k].count; i++)
            p->modality[p->tree[k].file[i].modality] = true;
    }
    if (other)
        snprintf(notes->text, sizeof notes->text, "left out: %zu files that are no recording, picture or text", other);
    p->part = malloc((p->parts + 1) * sizeof *p->part);
    return p->part ? 0 : rt_error_set(e, RT_EMEM, "out of memory for %zu files", p->parts);
}

int rt_made_pairs(struct rt_made_table *t, const struct rt_made_options *o, struct rt_made_notes *notes,
                  struct rt_error *e)
{
    struct pairing p = {.o = o, .tree = calloc((size_t)o->folders, sizeof *p.tree)};
    if (!p.tree)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = pairing_read(&p, notes, e);
    if (rc == 0)
        rc = pairing_choose(&p, e);
    if (rc == 0)
        rc = pairing_fill(&p, t, e);
    for (int k = 0; k < o->folders; k++)
        rt_made_tree_fini(&p.tree[k]);
    free(p.tree);
    free(p.part);
    return rc;
}
