/* SPDX-License-Identifier: MIT
 * parent: a run that was started by a sweep ends with it, however that ends. */
#ifndef RT_PARENT_H
#define RT_PARENT_H

/* Who starts runs: the environment for them, malloc'ed as one block; NULL without memory. */
char **rt_parent_environment(void);
/* In a run: when such a parent dies, a SIGINT comes, and the run ends with a checkpoint. Nothing without one. */
void rt_parent_follow(void);

#endif
