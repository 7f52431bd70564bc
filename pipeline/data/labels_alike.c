/* SPDX-License-Identifier: MIT
 * labels_alike: see labels_alike.h. Each label is folded (formats/unicode.h); equal ones stand together once sorted. */
#include "pipeline/data/labels_alike.h"

#include "formats/unicode.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include "pipeline/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#define TOLD 3 /* groups that are spelled out */

struct entry {
    char *folded;
    const char *label;
    int rows, place;
};

static int entry_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->folded, y->folded);
    return order ? order : x->place - y->place;
}

/* ---- words ----
 * The difference is often one that cannot be seen, so in a label all but ASCII's letters, which look the same in every
 * form, is followed by what it is. Space at an end shows by the quotation mark. */

static void label_add(struct rt_words *w, const struct entry *e, bool forms)
{
    size_t length = strlen(e->label);
    rt_words_add(w, "\"");
    for (size_t at = 0; at < length;) {
        size_t from = at;
        int32_t c = rt_utf8_next(e->label, length, &at);
        if (c >= 0x20 && c != 0x7f && (c < 0x80 || (!forms && c > 0xa0)))
            rt_words_add(w, "%.*s", (int)(at - from), e->label + from);
        else
            rt_words_add(w, "<U+%04X>", (unsigned)c);
    }
    rt_words_add(w, "\" (%d %s)", e->rows, e->rows == 1 ? "row" : "rows");
}

/* Whether two of the group differ in more than ASCII: then their characters are spelled. */
static bool group_needs_forms(const struct entry *e, int count)
{
    for (int i = 0; i < count; i++)
        for (const char *c = e[i].label; *c; c++)
            if ((unsigned char)*c >= 0x80)
                return true;
    return false;
}

static void group_tell(struct rt_words *w, const struct entry *e, int count, int groups)
{
    if (groups > TOLD)
        return;
    for (int i = 0; i < count; i++) {
        rt_words_add(w, "%s", i ? ", " : groups > 1 ? "; " : "");
        label_add(w, &e[i], group_needs_forms(e, count));
    }
}

/* ---- groups ---- */

static int entries_make(struct entry *e, const char *const *label, const int *rows, int count, int *made)
{
    for (int i = 0; i < count; i++) {
        if (!label[i] || !label[i][0])
            continue;
        e[*made] = (struct entry){.label = label[i], .rows = rows[i], .place = i};
        RT_TRY(rt_unicode_fold(label[i], &e[*made].folded));
        ++*made;
    }
    return 0;
}

int rt_labels_alike(const char *const *label, const int *rows, int count, char *text, size_t size)
{
    struct rt_words w = {text, size};
    struct entry *e = calloc((size_t)count + 1, sizeof *e);
    int made = 0, groups = 0, rc = e ? entries_make(e, label, rows, count, &made) : RT_EMEM;
    text[0] = '\0';
    if (rc < 0)
        goto out;
    qsort(e, (size_t)made, sizeof *e, entry_order);
    for (int first = 0, last; first < made; first = last) {
        for (last = first + 1; last < made && !strcmp(e[last].folded, e[first].folded);)
            last++;
        if (last - first > 1)
            group_tell(&w, e + first, last - first, ++groups);
    }
    if (groups > TOLD)
        rt_words_add(&w, "; ...");
    rc = groups;
out:
    for (int i = 0; i < made; i++)
        free(e[i].folded);
    free(e);
    return rc;
}

int rt_dataset_labels_alike(const struct rt_dataset *d, char *text, size_t size)
{
    int count = d->classes + d->strangers;
    const char **label = malloc(((size_t)count + 1) * sizeof *label);
    int *rows = calloc((size_t)count + 1, sizeof *rows), rc = RT_EMEM;
    text[0] = '\0';
    if (label && rows) {
        for (int i = 0; i < count; i++)
            label[i] = i < d->classes ? d->class_name[i] : d->stranger_name[i - d->classes];
        for (int row = 0; row < d->count; row++)
            if (d->named[row] >= 0)
                rows[d->named[row]]++;
        rc = rt_labels_alike(label, rows, count, text, size);
    }
    free(label);
    free(rows);
    return rc;
}
