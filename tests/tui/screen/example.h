/* SPDX-License-Identifier: MIT
 * example: what the tests of screens share: a small run folder made through rundb, and a view of it that
 * is driven and drawn without a terminal. */
#ifndef RT_TEST_EXAMPLE_H
#define RT_TEST_EXAMPLE_H

#include "tests/support/support.h"
#include "tui/screen/ui/ui.h"

#define STEPS 400
#define EPOCHS 4
#define ROWS 60

struct rt_rundb;

extern struct scratch example_dir; /* of the run; made and removed by the test's main */

/* A run of ROWS samples and 300 of STEPS steps, and parts of it. */
void example_write(void);
struct rt_rundb *example_db(void); /* opened to write */
void example_steps(struct rt_rundb *db, int from, int to);

struct view {
    struct rt_snapshot model;
    struct rt_ui ui;
    struct rt_canvas canvas;
};

/* The run as a person sees it: called runs/example, all samples read. */
struct view *view_open(bool ascii);
void view_close(struct view *v);
void view_poll(struct view *v);
unsigned view_press(struct view *v, int key);
void view_mouse(struct view *v, int key, int x, int y);
void view_type(struct view *v, const char *line); /* and Enter */
void view_draw(struct view *v, int w, int h);
char *view_text(struct view *v, int w, int h); /* what is drawn; the caller frees */
/* Compares what is drawn with tests/tui/screen/golden/NAME.txt. RT_WRITE_GOLDEN=1 writes that anew: look at what
 * changed. */
void view_compare(struct view *v, int w, int h, const char *name);

#endif
