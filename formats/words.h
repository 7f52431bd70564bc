/* SPDX-License-Identifier: MIT
 * words: what a message to people is made of: the offending value made safe to print, the known name
 * nearest to what was written, sentences put together, numbers that can be read. No allocation, any thread. */
#ifndef RT_WORDS_H
#define RT_WORDS_H

#include <stddef.h>

/* value in double quotes, for a message: control characters become '?', what passes size (at least
 * 8) or 80 bytes is cut with "...". Never splits a UTF-8 sequence. Returns buffer. */
const char *rt_quote(char *buffer, size_t size, const char *value);
#define RT_QUOTE 96 /* a buffer that is always large enough */

/* Edits (insert, delete, replace, swap neighbours; case ignored) that turn first into second; most + 1 = more than most
 * (0 to 64). Names longer than 64 bytes are compared by their first 64. */
int rt_edit_distance(const char *first, const char *second, int most);

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

/* Adds a name to a list in a sentence, "a, b, c"; what does not fit is "..." at its end, once. Start with "". */
void rt_list_add(char *list, size_t size, const char *name);

/* Text that is put together in a buffer; what does not fit is cut, and the end is always there. Start with {buffer, its
 * size}, the buffer "". */
struct rt_words {
    char *at; /* where the next goes */
    size_t left;
};
void rt_words_add(struct rt_words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* 1234567 -> "1,234,567". Returns text. */
const char *rt_count_text(long long n, char text[32]);

#endif
