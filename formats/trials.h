/* SPDX-License-Identifier: MIT
 * trials: verification pairs in VoxCeleb's format: `1 ENROL TEST` (same speaker) or `0 ENROL TEST`, one a
 * line; a sample is named by its id or by its path as the manifest has it. A path that several parts of one file
 * have names none of them. */
#ifndef RT_TRIALS_H
#define RT_TRIALS_H

#include "formats/manifest.h"
#include <stddef.h>
#include <stdint.h>

struct rt_trial {
    int enrol, test; /* manifest rows */
    int line;        /* of the list, from 1 */
    uint8_t same;
};
struct rt_trials {
    struct rt_trial *trial;
    size_t count;
};

/* A line as it is written: same is 1 or 0; name[0] (enrol) and name[1] (test) last for the call. Not 0 ends the
 * reading. */
typedef int rt_trial_line(void *self, int line, int same, const char *const name[2], struct rt_error *e);
/* Calls each for every line with a trial in it; what each gave that is not 0. Refuses with FILE:LINE and the value:
 * RT_EFORMAT; RT_EEMPTY without a trial; RT_EMISSING, RT_EIO, RT_EMEM. */
int rt_trials_each(const char *path, rt_trial_line *each, void *self, struct rt_error *e);

/* column: the manifest column of paths ("speech"). As rt_trials_each; also RT_EFORMAT for a name that names no sample,
 * or several. *t is then empty. */
int rt_trials_load(struct rt_trials *t, const char *path, const struct rt_manifest *m,
                   const char *column, struct rt_error *e);
void rt_trials_fini(struct rt_trials *t);

#endif
