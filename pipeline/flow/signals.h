/* SPDX-License-Identifier: MIT
 * signals: those by which a user, a terminal that closes, or a batch system's time limit ends a process, and how they
 * wait while a run is neither before its beginning nor in its updates. For the thread that leads a run; threads that
 * are made meanwhile leave them to it. */
#ifndef RT_SIGNALS_H
#define RT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#define RT_SIGNALS 4
struct rt_signal {
    int number;
    const char *words; /* "by SIGINT" */
};
extern const struct rt_signal rt_signals[RT_SIGNALS];

/* Ignored when the program began, as under nohup: it stays so. */
bool rt_signal_ignored(int number);

/* None of them is delivered from now on; they wait. before: how it was, for rt_signals_restore. */
void rt_signals_hold(sigset_t *before);
/* They are delivered, those that wait at once: somebody handles them now. */
void rt_signals_deliver(sigset_t *before);
void rt_signals_restore(const sigset_t *before);
/* Throws away those that wait: what they ask for has come. */
void rt_signals_forget(void);

#endif
