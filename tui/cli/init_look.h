/* SPDX-License-Identifier: MIT
 * init_look: what a new manifest holds, as far as recipes and their writer want to know it: every sample read once,
 * as a run would. Main thread. */
#ifndef RT_INIT_LOOK_H
#define RT_INIT_LOOK_H

#include "pipeline/data/dataset.h"
#include "stages/session/watch.h"

struct rt_init_found {
    int rows, classes, of_split[RT_SPLITS];
    bool column[RT_MODALITIES];
    int cells[RT_MODALITIES];  /* that are not empty */
    int usable[RT_MODALITIES]; /* that can be read, all where they were not tried */
    int train[RT_MODALITIES];  /* training rows that have it */
    double seconds; /* of the recordings, the median; 0 = not known */
    double pixels;  /* shorter side of the pictures, the median; 0 = not known */
};

/* Says on standard output what is there and what is suspicious. files: read them all (into the caches in cache, NULL =
 * the usual place); else nothing but the table is read. RT_ESTOPPED on a signal. */
int rt_init_look(struct rt_init_found *f, const char *manifest, bool files, const char *cache,
                 const struct rt_watch *watch, struct rt_error *e);

#endif
