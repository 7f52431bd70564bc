/* SPDX-License-Identifier: MIT
 * words: what readers of user data need to write a good error message: the offending value made
 * safe to print, and the known name nearest to what was written. No allocation, any thread. */
#ifndef RT_WORDS_H
#define RT_WORDS_H

#include <stddef.h>

/* value in double quotes, for a message: control characters become '?', what passes size (at least
 * 8) or 80 bytes is cut with "...". Never splits a UTF-8 sequence. Returns buffer. */
const char *rt_quote(char *buffer, size_t size, const char *value);
#define RT_QUOTE 96 /* a buffer that is always large enough */

/* Edits (insert, delete, replace, swap neighbours; case ignored) that turn a into b. Names longer
 * than 64 bytes are compared by their first 64. */
int rt_edit_distance(const char *a, const char *b);

/* Keeps the nearest of the names offered. Start with { .word = what was written }. */
struct rt_nearest {
    const char *word;
    char best[64]; /* "" until something near enough was offered */
    int distance;
};
void rt_nearest_offer(struct rt_nearest *n, const char *name);
/* As offer, but near is compared and name is what would be suggested, at a cost of extra edits. */
void rt_nearest_offer_as(struct rt_nearest *n, const char *near, const char *name, int extra);
/* "; did you mean NAME?" or "". Returns buffer. */
const char *rt_nearest_hint(const struct rt_nearest *n, char *buffer, size_t size);

#endif
