/* SPDX-License-Identifier: MIT
 * event: what a person did: a key, or the mouse. Made by terminal.c, and by tests. */
#ifndef RT_EVENT_H
#define RT_EVENT_H

/* A key is a code point, or one of these. */
enum rt_press {
    RT_KEY_NONE = 0,
    RT_KEY_TAB = 9,
    RT_KEY_ENTER = 13,
    RT_KEY_ESCAPE = 27,
    RT_KEY_REDRAW = 12, /* Ctrl-L */
    RT_KEY_REDO = 18,   /* Ctrl-R */
    RT_KEY_UP = 0x110000, RT_KEY_DOWN, RT_KEY_LEFT, RT_KEY_RIGHT, RT_KEY_PAGE_UP, RT_KEY_PAGE_DOWN,
    RT_KEY_HOME, RT_KEY_END, RT_KEY_BACKSPACE, RT_KEY_DELETE, RT_KEY_BACKTAB, RT_KEY_RESIZE, RT_KEY_CLICK,
    RT_KEY_DRAG, RT_KEY_RELEASE, RT_KEY_WHEEL_UP, RT_KEY_WHEEL_DOWN, RT_KEY_OTHER,
};

struct rt_event {
    int key;  /* code point or enum rt_press */
    int x, y; /* of CLICK (a press), DRAG (moved while pressed), RELEASE and WHEEL */
};

#endif
