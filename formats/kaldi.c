/* SPDX-License-Identifier: MIT
 * kaldi: see kaldi.h. */
#include "formats/kaldi.h"

#include "formats/utf8.h"
#include "formats/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- a table ---- */

static int table_check_text(const struct rt_kaldi *k, size_t size, struct rt_error *e)
{
    const char *nul = memchr(k->bytes, 0, size);
    size_t bad = nul ? (size_t)(nul - k->bytes) : rt_utf8_check(k->bytes, size);
    int line = 1;
    if (bad == size)
        return 0;
    for (size_t i = 0; i < bad; i++)
        line += k->bytes[i] == '\n';
    return rt_error_set(e, RT_EFORMAT, "%s:%d: byte 0x%02X is not text in UTF-8; convert the file, for instance with "
                        "iconv -t utf-8", k->name, line, (unsigned char)k->bytes[bad]);
}

/* Cuts the line [at, end). */
static int line_cut(struct rt_kaldi *k, char *at, char *end, int number, struct rt_error *e)
{
    while (end > at && (is_blank(end[-1]) || end[-1] == '\r'))
        end--;
    *end = '\0';
    char *value = at + strcspn(at, " \t");
    if (end == at)
        return 0;
    if (value == at)
        return rt_error_set(e, RT_EFORMAT, "%s:%d: the line begins with a blank: it is a key, a blank, and the rest",
                            k->name, number);
    if (*value)
        *value++ = '\0';
    value += strspn(value, " \t");
    k->line[k->count++] = (struct rt_kaldi_line){at, value, number};
    return 0;
}

static int line_compare(const void *a, const void *b, void *self)
{
    const struct rt_kaldi *k = self;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(k->line[x].key, k->line[y].key);
    return order ? order : (x > y) - (x < y);
}

static int table_sort(struct rt_kaldi *k, struct rt_error *e)
{
    for (size_t i = 0; i < k->count; i++)
        k->sorted[i] = i;
    qsort_r(k->sorted, k->count, sizeof *k->sorted, line_compare, k);
    for (size_t i = 1; i < k->count; i++) {
        size_t a = k->sorted[i - 1], b = k->sorted[i];
        char quoted[RT_QUOTE];
        if (!strcmp(k->line[a].key, k->line[b].key))
            return rt_error_set(e, RT_EFORMAT, "%s:%d: %s is already in line %d", k->name, k->line[b].number,
                                rt_quote(quoted, sizeof quoted, k->line[b].key), k->line[a].number);
    }
    return 0;
}

static int table_read(struct rt_kaldi *k, size_t size, struct rt_error *e)
{
    size_t lines = 0;
    RT_TRY(table_check_text(k, size, e));
    while (size && (k->bytes[size - 1] == '\n' || k->bytes[size - 1] == '\r'))
        size--;
    k->bytes[size] = '\0';
    if (size == 0)
        return rt_error_set(e, RT_ENODATA, "%s: no line in it", k->name);
    for (size_t i = 0; i < size; i++)
        lines += k->bytes[i] == '\n';
    k->line = malloc((lines + 1) * sizeof *k->line);
    k->sorted = malloc((lines + 1) * sizeof *k->sorted);
    if (!k->line || !k->sorted)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for %zu lines", k->name, lines + 1);
    int number = 1;
    for (char *at = k->bytes, *end; at <= k->bytes + size; at = end + 1, number++) {
        end = memchr(at, '\n', (size_t)(k->bytes + size - at));
        end = end ? end : k->bytes + size;
        RT_TRY(line_cut(k, at, end, number, e));
    }
    return k->count ? table_sort(k, e) : rt_error_set(e, RT_ENODATA, "%s: no line in it", k->name);
}

int rt_kaldi_init(struct rt_kaldi *k, char *bytes, size_t size, const char *name, struct rt_error *e)
{
    *k = (struct rt_kaldi){.name = name, .bytes = bytes};
    int rc = bytes ? table_read(k, size, e) : rt_error_set(e, RT_EMEM, "%s: out of memory", name);
    if (rc < 0)
        rt_kaldi_fini(k);
    return rc;
}

void rt_kaldi_fini(struct rt_kaldi *k)
{
    free(k->bytes);
    free(k->line);
    free(k->sorted);
    *k = (struct rt_kaldi){0};
}

long rt_kaldi_find(const struct rt_kaldi *k, const char *key)
{
    size_t low = 0, high = k->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(k->line[k->sorted[middle]].key, key);
        if (order == 0)
            return (long)k->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* ---- segments ---- */

static bool seconds_read(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

int rt_kaldi_segment(struct rt_kaldi *k, size_t at, struct rt_kaldi_segment *s, struct rt_error *e)
{
    char *word[4], *next = (char *)k->line[at].value;
    int words = 0;
    for (; *next && words < 4; words++) {
        word[words] = next;
        next += strcspn(next, " \t");
        if (*next)
            *next++ = '\0';
        next += strspn(next, " \t");
    }
    if (words != 3 || !seconds_read(word[1], &s->start) || !seconds_read(word[2], &s->end))
        return rt_error_set(e, RT_EFORMAT,
                            "%s:%d: a segment is an utterance, a recording, and the seconds where it starts "
                            "and ends",
                            k->name, k->line[at].number);
    s->recording = word[0];
    if (s->start < 0 || (s->end >= 0 && s->end <= s->start) || (s->end < 0 && s->end != -1))
        return rt_error_set(e, RT_EFORMAT,
                            "%s:%d: from %s to %s s: a segment starts at 0 or later and ends behind its start "
                            "(-1: at the recording's end)",
                            k->name, k->line[at].number, word[1], word[2]);
    return 0;
}

/* ---- commands ----
 * A table that is read is data, and its commands are somebody else's. They are run only where the user has named each
 * program, and only where nothing in them but programs, words and pipes would be obeyed by a shell. */

bool rt_kaldi_is_command(const char *value)
{
    size_t n = strlen(value);
    return n && value[n - 1] == '|';
}

static bool name_is_allowed(const char *name, size_t length, const char *const *allowed, int count)
{
    for (int i = 0; i < count; i++)
        if (strlen(allowed[i]) == length && !memcmp(allowed[i], name, length))
            return true;
    return false;
}

const char *rt_kaldi_command(const char *value, const char *const *allowed, int count, char *text, size_t size)
{
    size_t n = strlen(value);
    const char *obeyed = strpbrk(value, ";&<>`$(){}\\\"'*?[]~#!\n=");
    if (obeyed) {
        snprintf(text, size, "'%c' in it could do anything", *obeyed);
        return NULL;
    }
    snprintf(text, size, "%.*s", (int)(n - 1), value);
    if (n >= size) {
        snprintf(text, size, "it is too long");
        return NULL;
    }
    for (const char *at = text; at;) {
        at += strspn(at, " \t");
        size_t length = strcspn(at, " \t|");
        if (!length || !name_is_allowed(at, length, allowed, count)) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)length, at);
            snprintf(text, size, "it runs '%s': allow it with --allow %s", name, name);
            return NULL;
        }
        at = strchr(at, '|');
        at = at ? at + 1 : NULL;
    }
    return text;
}
