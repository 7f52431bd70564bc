/* SPDX-License-Identifier: MIT
 * override: see override.h. */
#include "pipeline/data/override.h"

#include "formats/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two plain arrays over all rows, not a list of those that were touched: they are read for every
 * sample of every update, and five bytes a row are nothing beside the data set. */

int rt_override_init(struct rt_override *h, int rows)
{
    size_t n = (size_t)rows + 1;
    *h = (struct rt_override){rows, malloc(n * sizeof *h->factor), calloc(n, 1)};
    if (!h->factor || !h->excluded) {
        rt_override_fini(h);
        return RT_EMEM;
    }
    for (int i = 0; i < rows; i++)
        h->factor[i] = 1;
    return 0;
}

void rt_override_fini(struct rt_override *h)
{
    free(h->factor);
    free(h->excluded);
    *h = (struct rt_override){0};
}

/* ---- reading ----
 * The text is a change as the journal and checkpoints keep it: states, and the rows that get them.
 * It says what rows become, not what was done to them, so it can be applied to any state. It is
 * checked as a whole before anything is assigned; a bad text changes nothing. */

/* One range of rows in one state. */
struct piece {
    float factor;
    uint8_t excluded;
    int from, to;
};

static int override_refuse(const char *text, const char *at, int code, const char *what,
                           struct rt_error *e)
{
    return rt_error_set(e, code, "samples, character %d: %s at \"%.20s\"", (int)(at - text) + 1, what, at);
}

static int override_read_row(const struct rt_override *h, const char *text, const char **at,
                             int *row, struct rt_error *e)
{
    char *end;
    if (**at < '0' || **at > '9')
        return override_refuse(text, *at, RT_EFORMAT, "a row is missing", e);
    long n = strtol(*at, &end, 10);
    if (n >= h->rows)
        return override_refuse(text, *at, RT_ERANGE, "there is no such row", e);
    *row = (int)n;
    *at = end;
    return 0;
}

/* "x0.5@": the state of the rows that follow. */
static int override_read_state(const char *text, const char **at, struct piece *p,
                               struct rt_error *e)
{
    char *end;
    const char *begin = *at;
    p->excluded = **at == 'x';
    *at += p->excluded;
    if (!((**at >= '0' && **at <= '9') || **at == '.'))
        return override_refuse(text, begin, RT_EFORMAT, "a factor is missing", e);
    p->factor = strtof(*at, &end);
    if (!(p->factor >= 0 && p->factor <= (float)RT_OVERRIDE_MOST))
        return override_refuse(text, begin, RT_ERANGE,
                               "a factor is from 0 to 1000000, not what stands", e);
    if (*end != '@')
        return override_refuse(text, end, RT_EFORMAT, "@ is missing", e);
    *at = end + 1;
    return 0;
}

/* The next piece; *state: inside a list of rows. 1, 0 at the end, or an error. */
static int piece_next(const struct rt_override *h, const char *text, const char **at, int *inside,
                      struct piece *p, struct rt_error *e)
{
    if (*inside && **at == ',') {
        ++*at;
    } else {
        *at += strspn(*at, " ");
        if (**at == '\0' || **at == '#')
            return 0;
        RT_TRY(override_read_state(text, at, p, e));
    }
    *inside = 1;
    RT_TRY(override_read_row(h, text, at, &p->from, e));
    p->to = p->from;
    if (**at == '-') {
        ++*at;
        RT_TRY(override_read_row(h, text, at, &p->to, e));
        if (p->to < p->from)
            return override_refuse(text, *at, RT_ERANGE, "a range ends before it begins", e);
    }
    if (!strchr(", #", **at) && **at)
        return override_refuse(text, *at, RT_EFORMAT, "a comma or blank is missing", e);
    return 1;
}

int rt_override_check(const struct rt_override *h, const char *text, struct rt_error *e)
{
    struct piece p = {0};
    const char *at = text;
    int rc, inside = 0;
    while ((rc = piece_next(h, text, &at, &inside, &p, e)) > 0)
        ;
    return rc;
}

int rt_override_assign(struct rt_override *h, const char *text, struct rt_error *e)
{
    struct piece p = {0};
    const char *at = text;
    int inside = 0;
    RT_TRY(rt_override_check(h, text, e));
    while (piece_next(h, text, &at, &inside, &p, e) > 0)
        for (int i = p.from; i <= p.to; i++) {
            h->factor[i] = p.factor;
            h->excluded[i] = p.excluded;
        }
    return 0;
}

int rt_override_rows(const struct rt_override *h, const char *text, int **row, struct rt_error *e)
{
    struct piece p = {0};
    const char *at = text;
    int inside = 0, count = 0;
    *row = NULL;
    RT_TRY(rt_override_check(h, text, e));
    uint8_t *named = calloc((size_t)h->rows + 1, 1);
    while (named && piece_next(h, text, &at, &inside, &p, e) > 0)
        memset(named + p.from, 1, (size_t)(p.to - p.from) + 1);
    for (int i = 0; named && i < h->rows; i++)
        count += named[i];
    *row = named ? malloc(((size_t)count + 1) * sizeof **row) : NULL;
    for (int i = 0, n = 0; *row && i < h->rows; i++)
        if (named[i])
            (*row)[n++] = i;
    if (!*row)
        count = rt_error_set(e, RT_EMEM, "no memory for the rows of a change");
    free(named);
    return count;
}

/* ---- writing ----
 * Rows are sorted by state and neighbours joined into ranges: a filter that muted half of a data
 * set is a line that can be read and kept in the journal. Nine digits give back the same float. */

struct entry {
    float factor;
    int excluded, row;
};

static int entry_by_state(const void *a, const void *b)
{
    const struct entry *p = a, *q = b;
    if (p->excluded != q->excluded)
        return p->excluded - q->excluded;
    if (p->factor != q->factor)
        return p->factor < q->factor ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

static void entries_write(FILE *f, const struct entry *x, int n)
{
    for (int i = 0, end; i < n; i = end) {
        int same = i && x[i].factor == x[i - 1].factor && x[i].excluded == x[i - 1].excluded;
        if (same)
            fputc(',', f);
        else /* 9 digits make the same float again */
            fprintf(f, "%s%s%.9g@", i ? " " : "", x[i].excluded ? "x" : "", (double)x[i].factor);
        for (end = i + 1; end < n && x[end].row <= x[end - 1].row + 1 && x[end].factor == x[i].factor &&
                          x[end].excluded == x[i].excluded; end++)
            ;
        fprintf(f, "%d", x[i].row);
        if (x[end - 1].row > x[i].row)
            fprintf(f, "-%d", x[end - 1].row);
    }
}

/* With rows given, what they have now is written even where it is nothing special: this text is
 * what takes a change back. Without, only what differs from the start: what a checkpoint has to
 * hold. */

char *rt_override_text(const struct rt_override *h, const int *row, int count)
{
    int n = 0, most = row ? count : h->rows;
    struct entry *x = malloc(((size_t)most + 1) * sizeof *x);
    char *text = NULL;
    size_t size;
    FILE *f = x ? open_memstream(&text, &size) : NULL;
    for (int i = 0; f && i < most; i++) {
        int r = row ? row[i] : i;
        if (row || h->factor[r] != 1 || h->excluded[r])
            x[n++] = (struct entry){h->factor[r], h->excluded[r], r};
    }
    if (f) {
        qsort(x, (size_t)n, sizeof *x, entry_by_state);
        entries_write(f, x, n);
    }
    rt_memstream_close(f, &text);
    free(x);
    return text;
}
