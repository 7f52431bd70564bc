/* SPDX-License-Identifier: MIT
 * dialog: a question in the middle of the screen, answered by key or mouse; until then nothing else
 * hears them. */
#ifndef RT_DIALOG_H
#define RT_DIALOG_H

#include "tui/screen/base/canvas.h"
#include "tui/screen/ui/terminal.h"

#define RT_BUTTONS 5

struct rt_ui;

struct rt_dialog {
    char text[400];
    int count, at; /* buttons; the one that Enter presses */
    struct rt_button {
        int key;
        char label[48];
        struct rt_rect place; /* as last drawn */
    } button[RT_BUTTONS];
    /* Told the key of the button pressed; not told when the question is dropped. NULL = no dialog. */
    unsigned (*answered)(struct rt_ui *ui, int key);
};

/* Opens it, without buttons; then add those. The last one that is added should drop the question: its key
 * is RT_KEY_ESCAPE. */
void rt_dialog_ask(struct rt_ui *ui, unsigned (*answered)(struct rt_ui *ui, int key), const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void rt_dialog_button(struct rt_ui *ui, int key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void rt_dialog_draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r);
unsigned rt_dialog_event(struct rt_ui *ui, struct rt_event event);

#endif
