/* SPDX-License-Identifier: MIT
 * run_card: one run on a page: what it is, how it ended, its scores, where the model lies, and which commands go on
 * from there. Read from its folder alone: nobody is asked, so it never waits. One thread. */
#ifndef RT_RUN_CARD_H
#define RT_RUN_CARD_H

#include "formats/error.h"

#include <stdbool.h>

#define RT_CARD_LINES 24

struct rt_card_line {
    char title[12]; /* "" = goes on with the line above */
    char text[700];
    bool command;   /* to be typed as it stands */
};

struct rt_run_card {
    bool short_of_memory; /* the last line says so, too */
    int lines;
    struct rt_card_line line[RT_CARD_LINES];
};

/* What cannot be read is not on it, nor what there was no memory for; a folder that holds no run has an empty one. */
void rt_run_card_read(struct rt_run_card *card, const char *folder);

#endif
