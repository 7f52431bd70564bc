/* SPDX-License-Identifier: MIT
 * card: what a command found out about one thing, in rows: for people "title  words", for programs one JSON object.
 * Each row is said once, as both. Main thread. */
#ifndef RT_CARD_H
#define RT_CARD_H

#include <stdbool.h>
#include <stdint.h>

#define RT_CARD_DEPTH 8 /* groups in groups, at most */

struct rt_card {
    bool json;
    int depth, count[RT_CARD_DEPTH]; /* of what is open; items so far */
};

/* One object a thing: begin, rows, end. name: its first row, "file". */
void rt_card_begin(struct rt_card *c, const char *name);
void rt_card_end(struct rt_card *c);
/* key: of the row; words: for people, NULL = only programs get it. */
void rt_card_text(struct rt_card *c, const char *key, const char *text, const char *words);
void rt_card_number(struct rt_card *c, const char *key, double value, const char *words);
/* A list or a group of rows, for programs: people see the rows in it as if they were not. key NULL: in a list. */
void rt_card_open(struct rt_card *c, const char *key, char bracket);
void rt_card_close(struct rt_card *c, char bracket);

/* 1234567 -> "1.23 M". Returns text. */
const char *rt_card_short(double value, char text[32]);

#endif
