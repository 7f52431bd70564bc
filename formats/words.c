/* SPDX-License-Identifier: MIT
 * words: see words.h.
 * Names are short, so the distance is the plain quadratic table in three rows. */
#include "formats/words.h"

#include "formats/plain.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_COMPARED 64
#define QUOTE_MAX 80

/* ---- quoting ---- */

const char *rt_quote(char *buffer, size_t size, const char *value)
{
    size_t room = size - 6; /* two quotes, "..." and NUL */
    size_t length = strlen(value);
    size_t limit = room < QUOTE_MAX ? room : QUOTE_MAX;
    size_t kept = length;
    if (kept > limit) {
        kept = limit;
        while (kept > 0 && ((unsigned char)value[kept] & 0xC0) == 0x80)
            kept--;
    }
    size_t at = 0;
    buffer[at++] = '"';
    for (size_t i = 0; i < kept; i++)
        buffer[at++] = value[i] == '\n' ? '?' : value[i];
    if (kept < length) {
        memcpy(buffer + at, "...", 3);
        at += 3;
    }
    buffer[at++] = '"';
    buffer[at] = '\0';
    return rt_plain_text(buffer);
}

/* ---- the nearest name ----
 * Most wrong names are typing errors: a letter too many, one missing, two exchanged. Exchanged
 * neighbours count as one (optimal string alignment). A hint that is far off is worse than none: at
 * most a third of the letters. */

static int distance_lower(int a, int b)
{
    return a < b ? a : b;
}

static int name_lower(char out[NAME_MAX_COMPARED], const char *name)
{
    int n = (int)strnlen(name, NAME_MAX_COMPARED);
    for (int i = 0; i < n; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    return n;
}

/* Of the first i letters of a and the first j of b, from the rows of i - 2, i - 1 and i. */
static int distance_cell(const char *a, const char *b, int i, int j, const int *two, const int *one, const int *now)
{
    int d = distance_lower(one[j], now[j - 1]) + 1;
    d = distance_lower(d, one[j - 1] + (a[i - 1] != b[j - 1]));
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && b[j - 1] == a[i - 2])
        d = distance_lower(d, two[j - 2] + 1);
    return d;
}

/* Only cells that can be within `most` are filled, a band along the diagonal, and only while some are: a wrong name is
 * held against a hundred others, most of which are nothing like it. */
int rt_edit_distance(const char *first, const char *second, int most)
{
    char a[NAME_MAX_COMPARED], b[NAME_MAX_COMPARED];
    int na = name_lower(a, first), nb = name_lower(b, second), beyond = most + 1, before = 0;
    int rows[3][NAME_MAX_COMPARED + 1];
    int *two = rows[0], *one = rows[1], *now = rows[2];
    if (na - nb > most || nb - na > most)
        return beyond;
    for (int j = 0; j <= nb; j++)
        one[j] = two[j] = j;
    for (int i = 1; i <= na; i++) {
        int from = i > most ? i - most : 1, to = distance_lower(i + most, nb);
        int least = now[from - 1] = from == 1 ? i : beyond;
        for (int j = from; j <= to; j++)
            least = distance_lower(least, now[j] = distance_cell(a, b, i, j, two, one, now));
        if (to < nb)
            now[to + 1] = beyond;
        if (least > most && before > most)
            return beyond;
        before = least;
        int *free_row = two;
        two = one;
        one = now;
        now = free_row;
    }
    return distance_lower(one[nb], beyond);
}

void rt_nearest_offer_as(struct rt_nearest *n, const char *near, const char *name, int extra)
{
    int length = (int)strlen(n->word);
    int most = length / 3 > 1 ? length / 3 : 1; /* farther than this is no help */
    most = distance_lower(most, length - 1);
    if (*n->best)
        most = distance_lower(most, n->distance - 1);
    most = distance_lower(most - extra, NAME_MAX_COMPARED);
    int distance = most < 0 ? 0 : rt_edit_distance(n->word, near, most);
    if (distance > most)
        return;
    snprintf(n->best, sizeof n->best, "%s", name);
    n->distance = distance + extra;
}

void rt_nearest_offer(struct rt_nearest *n, const char *name)
{
    rt_nearest_offer_as(n, name, name, 0);
}

const char *rt_nearest_hint(const struct rt_nearest *n, char *buffer, size_t size)
{
    buffer[0] = '\0';
    if (*n->best)
        snprintf(buffer, size, "; did you mean %s?", n->best);
    return buffer;
}

/* ---- sentences, numbers ---- */

void rt_words_add(struct rt_words *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->at, w->left, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < w->left ? (size_t)n : w->left ? w->left - 1 : 0;
    w->at += used;
    w->left -= used;
}

void rt_list_add(char *list, size_t size, const char *name)
{
    static const char more[] = ", ...";
    size_t at = strlen(list), end = sizeof more - 1;
    if (at >= end - 2 && strcmp(list + at - (end - 2), "...") == 0)
        return;
    bool fits = at + 2 + strlen(name) + end < size;
    if (fits || at + end < size)
        snprintf(list + at, size - at, "%s%s", fits && at ? ", " : "", fits ? name : more + (at ? 0 : 2));
}

const char *rt_count_text(long long n, char text[32])
{
    char plain[24];
    int digits = snprintf(plain, sizeof plain, "%lld", n), at = 0;
    for (int i = 0; i < digits; i++) {
        if (i && (digits - i) % 3 == 0 && plain[i - 1] != '-')
            text[at++] = ',';
        text[at++] = plain[i];
    }
    text[at] = '\0';
    return text;
}
