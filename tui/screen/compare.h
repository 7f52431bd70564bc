/* SPDX-License-Identifier: MIT
 * compare: other runs, whose curves lie over those of the run that is shown. Reads their folders; draws
 * nothing. */
#ifndef RT_COMPARE_H
#define RT_COMPARE_H

#include "tui/report/snapshot.h"

#define RT_COMPARE_RUNS 12

/* Zeroed is none. */
struct rt_compare {
    struct rt_compared {
        struct rt_snapshot *run;
        char name[40]; /* of its folder */
    } other[RT_COMPARE_RUNS];
    int count;
    double looked; /* when their folders were looked into last, seconds */
};

/* Lays one more over; folder "": takes all off. A name alone may be that of a run beside the one shown. RT_EUSAGE when
 * there are RT_COMPARE_RUNS already; what is no run, or the one shown, is refused, and nothing changes. */
int rt_compare_with(struct rt_compare *c, const struct rt_snapshot *shown, const char *folder, struct rt_error *e);
/* Takes the run of this folder off; false: it does not lie over. */
bool rt_compare_without(struct rt_compare *c, const char *folder);
bool rt_compare_has(const struct rt_compare *c, const char *folder);
/* Follows them while they go on. Whether there is more of one to draw. */
bool rt_compare_poll(struct rt_compare *c, double now);
void rt_compare_fini(struct rt_compare *c);
/* The folder that a run's lies in, as "FOLDER/"; "" = the working folder. */
void rt_compare_home(const struct rt_snapshot *shown, char *out, size_t size);
/* Calls `offer` for each run beside the one shown. */
void rt_compare_list(const struct rt_snapshot *shown, void (*offer)(const void *self, const char *name),
                     const void *self);

#endif
