/* SPDX-License-Identifier: MIT
 * words: quoting of offending values and nearest-name hints for error messages.
 * Names are short, so the distance is the plain quadratic table in three rows. */
#include "formats/words.h"

#include "formats/plain.h"

#include <ctype.h>
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

int rt_edit_distance(const char *a, const char *b)
{
    int na = (int)strnlen(a, NAME_MAX_COMPARED), nb = (int)strnlen(b, NAME_MAX_COMPARED);
    int rows[3][NAME_MAX_COMPARED + 1];
    int *two = rows[0], *one = rows[1], *now = rows[2];
    for (int j = 0; j <= nb; j++)
        one[j] = two[j] = j;
    for (int i = 1; i <= na; i++) {
        now[0] = i;
        for (int j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            int d = distance_lower(one[j], now[j - 1]) + 1;
            d = distance_lower(d, one[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]))
                d = distance_lower(d, two[j - 2] + 1);
            now[j] = d;
        }
        int *free_row = two;
        two = one;
        one = now;
        now = free_row;
    }
    return one[nb];
}

void rt_nearest_offer_as(struct rt_nearest *n, const char *near, const char *name, int extra)
{
    int distance = rt_edit_distance(n->word, near) + extra;
    int length = (int)strlen(n->word);
    int allowed = length / 3 > 1 ? length / 3 : 1; /* farther than this is no help */
    if (distance > allowed || distance >= length || (*n->best && distance >= n->distance))
        return;
    snprintf(n->best, sizeof n->best, "%s", name);
    n->distance = distance;
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

/* ---- numbers ---- */

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
