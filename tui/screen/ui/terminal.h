/* SPDX-License-Identifier: MIT
 * terminal: the real terminal: shows a canvas, reads keys and the mouse. terminal.c alone knows curses. The
 * terminal is put back as it was by rt_terminal_close, and also when a signal ends the process (TERM, HUP,
 * INT and those of a crash; only KILL cannot be answered). One terminal per process. */
#ifndef RT_TERMINAL_H
#define RT_TERMINAL_H

#include "formats/error.h"
#include "tui/screen/base/canvas.h"
#include "tui/screen/base/event.h"

/* Takes the terminal over. RT_EUSAGE when standard input or output is none, or TERM is not known.
 * Sets the process's LC_CTYPE. */
int rt_terminal_open(struct rt_error *e);
void rt_terminal_close(void); /* fine when not open */
void rt_terminal_size(int *w, int *h);
/* Only ASCII can be shown: no UTF-8 locale, or TERM is a console without our characters. */
bool rt_terminal_ascii(void);
bool rt_terminal_pixels(void); /* pictures can be shown as such (rt_canvas_picture) */
int rt_terminal_colours(void); /* 0 where none are wanted (NO_COLOR) */
/* What RETORT_THEME names, else what fits the ground that the terminal says it has (OSC 11, COLORFGBG), else dark. */
enum rt_theme rt_terminal_theme(void);
/* Another one, from the next rt_terminal_show on, which must be of all. */
void rt_terminal_set_theme(enum rt_theme theme);
/* Shows the canvas; only cells that changed are sent. all: everything anew. */
void rt_terminal_show(const struct rt_canvas *c, bool all);
/* Waits up to ms for a key; RT_KEY_NONE when none came, also when something may be read from fd
 * (-1: nothing else is waited for). */
struct rt_event rt_terminal_read(int ms, int fd);
/* The signal that asks us to end, or 0. */
int rt_terminal_signal(void);

#endif
