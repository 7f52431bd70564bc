/* SPDX-License-Identifier: MIT
 * ui: the screens put together: header, body, footer, prompt; what a key or a click leads to. Knows no
 * terminal: the caller brings events in and the canvas out (cmd_attach.c, tests). */
#ifndef RT_UI_H
#define RT_UI_H

#include "tui/screen/screen.h"

/* model stays the caller's. */
void rt_ui_init(struct rt_ui *ui, struct rt_snapshot *model, bool ascii);
/* Steers the run in this folder, and keeps what is typed; without it the screen only shows. RT_EMEM. */
int rt_ui_steer(struct rt_ui *ui, const char *folder);
void rt_ui_fini(struct rt_ui *ui); /* model stays */
/* Hears what the run says; to be called often. now: seconds of a clock that only rises. */
unsigned rt_ui_tick(struct rt_ui *ui, double now);
/* Draws everything into the canvas, at the canvas's size. */
void rt_ui_draw(struct rt_ui *ui, struct rt_canvas *c);
/* Draws header and footer anew where the rest stands as it was drawn before. */
void rt_ui_draw_bars(struct rt_ui *ui, struct rt_canvas *c);
/* Returns what was done (enum rt_did). */
unsigned rt_ui_event(struct rt_ui *ui, struct rt_event event);

#endif
