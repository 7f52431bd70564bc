/* SPDX-License-Identifier: MIT
 * watch: what a front end is told while a session works: how far a pass over the samples is, and sentences for
 * people. A session prints nothing itself; whoever has a terminal decides what is shown there and how. */
#ifndef RT_WATCH_H
#define RT_WATCH_H

/* Each may be NULL. Called by the thread that called the session. Texts stand until the call returns, have no
 * newline, and are sentences without a program's name before them. */
struct rt_watch {
    void *self;
    /* Something is done without: a cache, the socket. Worth reading however little else is shown. */
    void (*warning)(void *self, const char *text);
    /* What was found out on the way and would be looked for in vain later. */
    void (*news)(void *self, const char *text);
    /* "scoring", done of total samples: first with 0, then after each batch. what NULL: the pass is over. */
    void (*progress)(void *self, const char *what, int done, int total);
};

void rt_watch_warn(const struct rt_watch *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rt_watch_tell(const struct rt_watch *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rt_watch_progress(const struct rt_watch *w, const char *what, int done, int total);

#endif
