/* SPDX-License-Identifier: MIT
 * drive: a view of the example's run that is driven by keys and drawn without a terminal. What a screen
 * keeps is its own, so tests ask what is drawn. */
#ifndef RT_TEST_DRIVE_H
#define RT_TEST_DRIVE_H

#include "tests/tui/report/example.h"
#include "tui/screen/ui/ui.h"

struct view {
    struct rt_snapshot model;
    struct rt_ui ui;
    struct rt_canvas canvas;
};

/* The run as a person sees it: called runs/example, all samples read. */
struct view *view_open(bool ascii);
void view_close(struct view *v);
unsigned view_press(struct view *v, int key);
void view_mouse(struct view *v, int key, int x, int y);
void view_type(struct view *v, const char *line); /* and Enter */
void view_draw(struct view *v, int w, int h);
char *view_text(struct view *v, int w, int h); /* what is drawn; the caller frees */
/* Compares what is drawn with tests/tui/screen/golden/NAME.txt. RT_WRITE_GOLDEN=1 writes that anew:
 * look at what changed. */
void view_compare(struct view *v, int w, int h, const char *name);
/* The message line says this. */
void view_says(const struct view *v, bool failed, const char *text);

/* ---- of what was drawn last ---- */

/* Where an ASCII text stands first; false: nowhere. x and y may be NULL. */
bool view_find(const struct view *v, const char *text, int *x, int *y);
/* The number that follows the text, NaN when there is none. */
double view_number(const struct view *v, const char *text);
/* The line of the cursor's bar, -1 = none. */
int view_selected(const struct view *v);
/* A line as UTF-8, or what of it is drawn in one style (RT_STYLES: all); valid until the next call. */
const char *view_line(const struct view *v, int y, enum rt_style style);
/* The slider in a line: its first column; its length into *room. */
int view_slider(const struct view *v, int y, int *room);

#endif
