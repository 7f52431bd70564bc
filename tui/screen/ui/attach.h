/* SPDX-License-Identifier: MIT
 * attach: the screen on a run in the terminal, until the person leaves it or a signal comes. One at a time in a
 * process, on its main thread. */
#ifndef RT_ATTACH_H
#define RT_ATTACH_H

#include "formats/error.h"

/* How the screen was left: the run had ended, was stopped by its person, goes on. */
enum rt_attach_left { RT_ATTACH_ENDED, RT_ATTACH_STOPPED, RT_ATTACH_GOES_ON };
/* folder: of a run, live or finished, or one that holds runs, which are listed; compare: [count] other runs, whose
 * curves are laid over. *left is of that run: GOES_ON also where somebody turned to another one. 0, an error, or 128
 * + the signal that ended it; the terminal is as it was before. */
int rt_attach(const char *folder, char *const *compare, int count, enum rt_attach_left *left, struct rt_error *e);

#endif
