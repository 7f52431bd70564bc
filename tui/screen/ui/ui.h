/* SPDX-License-Identifier: MIT
 * ui: the screens put together: header, body, footer, prompt; what a key or a click leads to. Owns each
 * screen's state and passes it on without a look into it. Knows no terminal: the caller brings events
 * in and the canvas out (attach.c, tests). */
#ifndef RT_UI_H
#define RT_UI_H

#include "tui/screen/screen.h"

extern const struct rt_screen *const rt_screens[RT_SCREENS];

struct rt_ui {
    struct rt_view view;
    void *self[RT_SCREENS];            /* each screen's own */
    struct rt_rect tab[RT_SCREENS];    /* of the header last drawn */
    struct rt_rect hint[RT_ACTS];      /* of the footer last drawn, by act */
    struct rt_rect choice[RT_CHOICES]; /* of the completions last drawn */
    struct rt_rect body;               /* as last drawn */
    bool dragging; /* the press before went to the screen */
    bool leaving;  /* it ends when the run has */
    bool seen_live; /* the run went on while it was shown, and its end has not been shown */
    unsigned told; /* what events of the run did, in the tick at hand */
};

/* model stays the caller's. RT_EMEM: fini is fine. */
int rt_ui_init(struct rt_ui *ui, struct rt_snapshot *model, bool ascii);
/* Steers the run in this folder (NULL: none), and keeps what is typed; without it the screen only shows. RT_EMEM. */
int rt_ui_steer(struct rt_ui *ui, const char *folder);
void rt_ui_fini(struct rt_ui *ui); /* model stays */
/* Whether the screen that is seen shows samples: only then need they be read. */
bool rt_ui_samples(const struct rt_ui *ui);
/* Hears what the run says; to be called often. now: seconds of a clock that only rises. */
unsigned rt_ui_tick(struct rt_ui *ui, double now);
/* Draws everything into the canvas, at the canvas's size. */
void rt_ui_draw(struct rt_ui *ui, struct rt_canvas *c);
/* Draws header and footer anew where the rest stands as it was drawn before. */
void rt_ui_draw_bars(struct rt_ui *ui, struct rt_canvas *c);
/* Returns what was done (enum rt_did). */
unsigned rt_ui_event(struct rt_ui *ui, struct rt_event event);

#endif
