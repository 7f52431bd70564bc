/* SPDX-License-Identifier: MIT
 * prompt: one line that is being typed, with the lines typed before and what Tab could make of its word.
 * Knows neither screens nor run: whoever reads the line asks for completions. */
#ifndef RT_PROMPT_H
#define RT_PROMPT_H

#include "tui/screen/base/event.h"

#define RT_PROMPT_LINE 1200
#define RT_PROMPT_KEPT 500 /* lines of history */
#define RT_CHOICES 200

/* What the word that ends at the caret may become. */
struct rt_choices {
    int from;  /* byte of the line where that word begins */
    int count;
    char word[RT_CHOICES][72];
};
/* Adds word when it begins with the part of line from `from` to `at`. */
void rt_choices_offer(struct rt_choices *c, const char *line, int at, const char *word);

/* Lines typed before, oldest first; each begins with the character of its prompt. */
struct rt_history {
    char path[4096]; /* "" = not kept in a file */
    char *line[RT_PROMPT_KEPT];
    int count;
};
/* Reads $XDG_STATE_HOME/retort/history, else ~/.local/state/retort/history, which later lines are added
 * to. What cannot be read or written is not kept; that is no error. */
void rt_history_open(struct rt_history *h);
void rt_history_fini(struct rt_history *h);
void rt_history_add(struct rt_history *h, char kind, const char *line);

struct rt_prompt {
    char kind; /* ':', '/' or '=' while a line is typed, else 0 */
    char label[72]; /* stands before the line */
    char line[RT_PROMPT_LINE];
    int at;                /* byte of the caret */
    int back;              /* place in history, count = the line being typed */
    char kept[RT_PROMPT_LINE]; /* that line, while others are looked at */
    struct rt_choices choices;
    int choice;            /* the one in the line, -1 = none yet; meaningless without choices */
    struct rt_history history;
};

enum rt_typed { RT_TYPED_ON, RT_TYPED_DROPPED, RT_TYPED_DONE, RT_TYPED_COMPLETE };

/* Begins a line. */
void rt_prompt_open(struct rt_prompt *p, char kind, const char *label, const char *line);
/* DONE: the line stands in p->line, kind is 0 and the line in history. COMPLETE: Tab was pressed and there
 * are no choices yet: find them, then call rt_prompt_complete. */
enum rt_typed rt_prompt_key(struct rt_prompt *p, int key);
/* Puts what all choices have in common into the line; when that is nothing new, the next one (way 1) or
 * the one before (-1). */
void rt_prompt_complete(struct rt_prompt *p, int way);
void rt_prompt_choose(struct rt_prompt *p, int choice); /* this one */

#endif
