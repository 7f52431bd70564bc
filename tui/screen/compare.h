/* SPDX-License-Identifier: MIT
 * compare: another run, whose curves lie over those of the run that is shown. Reads its folder; draws
 * nothing. */
#ifndef RT_COMPARE_H
#define RT_COMPARE_H

#include "tui/report/snapshot.h"

/* Zeroed is none. */
struct rt_compare {
    struct rt_snapshot *run; /* NULL = none */
    char name[40];           /* of its folder */
    double looked;           /* when its folder was looked into last, seconds */
};

/* Lays it over, in place of one that was; folder "": takes it off. A name alone may be that of a run
 * beside the one shown. What is no run is refused, and nothing changes. */
int rt_compare_with(struct rt_compare *c, const struct rt_snapshot *shown, const char *folder, struct rt_error *e);
/* Follows it while it goes on. Whether there is more of it to draw. */
bool rt_compare_poll(struct rt_compare *c, double now);
void rt_compare_fini(struct rt_compare *c);
/* Calls `offer` for each run beside the one shown. */
void rt_compare_list(const struct rt_snapshot *shown, void (*offer)(const void *self, const char *name),
                     const void *self);

#endif
