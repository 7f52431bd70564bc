/* SPDX-License-Identifier: MIT
 * signals: see signals.h. */
#include "pipeline/flow/signals.h"

#include <stddef.h>
#include <time.h>

/* A run's folder says "running" from when its data base is made to when it is closed. A signal in between that ended
 * the process would leave it saying so, with rows not written. Handlers stand only while a runner's loop turns, so
 * outside of it signals are held back, and the next runner finds them. Blocking is per thread: threads made
 * meanwhile have it too, and whichever is left delivers them: the one that leads the run. */

const struct rt_signal rt_signals[RT_SIGNALS] = {
    {SIGINT, "by SIGINT"}, {SIGTERM, "by SIGTERM"}, {SIGHUP, "by SIGHUP"}, {SIGXCPU, "by SIGXCPU"},
};

static void signals_set(sigset_t *set)
{
    sigemptyset(set);
    for (int i = 0; i < RT_SIGNALS; i++)
        sigaddset(set, rt_signals[i].number);
}

bool rt_signal_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void rt_signals_hold(sigset_t *before)
{
    sigset_t set;
    signals_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, before);
}

void rt_signals_deliver(sigset_t *before)
{
    sigset_t set;
    signals_set(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, before);
}

void rt_signals_restore(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

void rt_signals_forget(void)
{
    sigset_t set;
    signals_set(&set);
    while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
        ;
}
