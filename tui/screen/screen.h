/* SPDX-License-Identifier: MIT
 * screen: the contract of a screen. Its code is one file in screens/, which ends in its row; a row of
 * screens.def makes it known. What it keeps is a struct of its own, `size` bytes that the ui allocates,
 * zeroed, before the first call and frees after the last; every callback gets it as `self`, and no
 * other file knows what is in it. What it shares with others is the view.
 *
 *   init   sets what is not to begin as 0; NULL when nothing is
 *   fini   frees what self owns; NULL when nothing
 *   draw   puts the whole screen into r and nowhere else (the canvas is clipped to it), from the model's
 *          snapshot and self; r may be of any size, 1x1 too. It may settle state that follows from the size
 *          (scrolling), nothing else.
 *   act    is asked for what a key of keys.def means there. Returns what it did (enum rt_did); what
 *          it does not know it leaves (RT_DID_NOTHING), and the ui may know it.
 *   mouse  a press, drag or release (event.key) at a cell of the body last drawn; may be NULL. Drags and
 *          the release go where the press went, also outside of the body.
 *   filter what is typed after `/` means something here
 *   verb   a `:` command that is this screen's own, and "filter" with what was typed after `/`; may be
 *          NULL. RT_DID_NOTHING when it is not; a refused one says why in view->message. Asked also while
 *          another screen is shown, which is left when this one knows the command.
 *   told   an event of the run, also while another screen is shown; may be NULL. RT_DID_NOTHING: it
 *          was not for this screen, and the message line says what there is to say.
 *   tick   called often while it is shown: what it waits for may have come; may be NULL
 *
 * All on the one thread of the ui; none may wait for anything. */
#ifndef RT_SCREEN_H
#define RT_SCREEN_H

#include "tui/screen/view.h"

struct rt_screen {
    bool samples; /* shows the model's samples: only then are they read */
    bool filter;
    size_t size;
    void (*init)(void *self);
    void (*fini)(void *self);
    void (*draw)(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r);
    unsigned (*act)(void *self, struct rt_view *view, enum rt_act act);
    unsigned (*mouse)(void *self, struct rt_view *view, struct rt_event event);
    unsigned (*verb)(void *self, struct rt_view *view, const char *verb, const char *argument);
    unsigned (*told)(void *self, struct rt_view *view, const struct rt_steer_event *event);
    unsigned (*tick)(void *self, struct rt_view *view);
};

#endif
