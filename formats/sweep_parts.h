/* SPDX-License-Identifier: MIT
 * sweep_parts: what sweep.c and sweep_yaml.c share; nobody else includes it. */
#ifndef RT_SWEEP_PARTS_H
#define RT_SWEEP_PARTS_H

#include "formats/sweep.h"

/* "key=value" behind the others; a PATH is relative to folder. The message does not say where it was written. */
int rt_sweep_set_add(struct rt_sweep_set *set, const char *text, const char *folder, struct rt_error *e);
int rt_sweep_set_copy(struct rt_sweep_set *to, const struct rt_sweep_set *from, struct rt_error *e);
void rt_sweep_set_fini(struct rt_sweep_set *set);
/* In place of each setting that varies: one for each of its values, in each panel. RT_EUSAGE, RT_ELARGE, RT_EMEM, and
 * those of rt_sweep_set_add. */
int rt_sweep_expand(struct rt_sweep *s, struct rt_error *e);

#endif
