/* SPDX-License-Identifier: MIT
 * dialog: a question in the middle of the screen, answered by key or mouse. Whoever opened it does what was
 * answered: this only says which. */
#ifndef RT_DIALOG_H
#define RT_DIALOG_H

#include "tui/screen/base/canvas.h"
#include "tui/screen/base/event.h"

#define RT_BUTTONS 5

/* Zeroed is none. */
struct rt_dialog {
    bool open;
    char text[400];
    int count, at; /* buttons; the one that Enter presses */
    struct rt_button {
        int key;
        char label[400];
        struct rt_rect place; /* as last drawn */
    } button[RT_BUTTONS];
};

/* Opens it, without buttons; then add those. The last one that is added should drop the question: its key
 * is RT_KEY_ESCAPE. */
void rt_dialog_open(struct rt_dialog *d, const char *text);
void rt_dialog_button(struct rt_dialog *d, int key, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Changes the clip of c to the box it draws. */
void rt_dialog_draw(struct rt_dialog *d, struct rt_canvas *c, struct rt_rect r);
/* The key of the button that was pressed, and the dialog is closed; 0: none was, or the question was
 * dropped. */
int rt_dialog_event(struct rt_dialog *d, struct rt_event event);

#endif
