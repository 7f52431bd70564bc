/* SPDX-License-Identifier: MIT
 * attach: the screen on a run in the terminal, until the person leaves it or a signal comes. One at a time in a
 * process, on its main thread. */
#ifndef RT_ATTACH_H
#define RT_ATTACH_H

#include "formats/error.h"

/* How the screen was left: the run had ended, was stopped by its person, goes on. */
enum rt_attach_left { RT_ATTACH_ENDED, RT_ATTACH_STOPPED, RT_ATTACH_GOES_ON };
/* folder: of a run, live or finished; compare: that of another, whose curves are laid over, or NULL. 0,
 * an error, or 128 + the signal that ended it; the terminal is as it was before. */
int rt_attach(const char *folder, const char *compare, enum rt_attach_left *left, struct rt_error *e);

#endif
