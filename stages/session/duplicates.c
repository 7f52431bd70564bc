/* SPDX-License-Identifier: MIT
 * duplicates: see duplicates.h. */
#include "stages/session/duplicates.h"

#include "formats/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding ----
 * The scoring pass has a key of every sample's content already, so finding the same ones is a sort. */

struct content_row {
    struct rt_key128 key;
    int row;
};

static int content_compare(const void *a, const void *b)
{
    const struct content_row *x = a, *y = b;
    if (x->key.hi != y->key.hi)
        return x->key.hi < y->key.hi ? -1 : 1;
    if (x->key.lo != y->key.lo)
        return x->key.lo < y->key.lo ? -1 : 1;
    return x->row - y->row;
}

static bool content_is_same(const struct content_row *a, const struct content_row *b)
{
    return a->key.hi == b->key.hi && a->key.lo == b->key.lo;
}

/* Contradiction before leak before copy: the first of the worst kind is the example. */
static void duplicates_count(struct rt_duplicates *r, const struct rt_dataset *d)
{
    int worst = 0;
    r->example = -1;
    for (int row = 0; row < d->count; row++) {
        int first = r->first[row];
        if (first == row)
            continue;
        bool label = d->named[row] >= 0 && d->named[first] >= 0 && d->named[row] != d->named[first];
        bool split = d->split[row] != d->split[first];
        int kind = 1 + split + 2 * label;
        r->rows++;
        r->labels += label;
        r->splits += split;
        if (kind > worst)
            r->example = row;
        worst = kind > worst ? kind : worst;
    }
}

int rt_duplicates_find(struct rt_duplicates *r, const struct rt_dataset *d, const struct rt_content *c, int modality)
{
    const struct rt_key128 *key = c->key[modality];
    struct content_row *known = malloc(((size_t)d->count + 1) * sizeof *known);
    *r = (struct rt_duplicates){.first = malloc(((size_t)d->count + 1) * sizeof *r->first), .modality = modality};
    int rc = known && r->first ? 0 : RT_EMEM, count = 0;
    for (int row = 0; rc == 0 && row < d->count; row++) {
        r->first[row] = row;
        if (key && d->reason[modality][row] == 0 && (key[row].lo | key[row].hi))
            known[count++] = (struct content_row){key[row], row};
    }
    if (rc == 0) {
        qsort(known, (size_t)count, sizeof *known, content_compare);
        for (int i = 1; i < count; i++)
            if (content_is_same(&known[i - 1], &known[i]))
                r->first[known[i].row] = r->first[known[i - 1].row];
        duplicates_count(r, d);
    }
    free(known);
    return rc;
}

void rt_duplicates_fini(struct rt_duplicates *r)
{
    free(r->first);
    r->first = NULL;
}

int rt_duplicates_modality(const struct rt_dataset *d)
{
    static const int order[] = {RT_SPEECH, RT_IMAGE, RT_TEXT};
    for (int i = 0; i < 3; i++)
        if (d->column[order[i]] >= 0)
            return order[i];
    return -1;
}

/* ---- saying ---- */

void rt_duplicates_words(const struct rt_duplicates *r, const struct rt_dataset *d, char *text, size_t size)
{
    static const char *const thing[RT_MODALITIES] = {
        [RT_SPEECH] = "recording", [RT_IMAGE] = "picture", [RT_TEXT] = "text"};
    char count[32];
    text[0] = '\0';
    if (!r->rows)
        return;
    int id = rt_manifest_column(d->manifest, "id");
    int n = snprintf(text, size, "%s sample%s the same %s as one before", rt_count_text(r->rows, count),
                     r->rows == 1 ? " has" : "s have", thing[r->modality]);
    if (r->labels && n > 0 && (size_t)n < size)
        n += snprintf(text + n, size - (size_t)n, ", %s with another label", rt_count_text(r->labels, count));
    if (r->splits && n > 0 && (size_t)n < size)
        n += snprintf(text + n, size - (size_t)n, ", %s in another split", rt_count_text(r->splits, count));
    const char *example = rt_manifest_cell(d->manifest, r->example, id),
               *first = rt_manifest_cell(d->manifest, r->first[r->example], id);
    if (n > 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, " (such as %.60s, the same as %.60s)", example, first);
}
