/* SPDX-License-Identifier: MIT
 * temporary: a folder for runs that nobody keeps. */
#ifndef RT_TEMPORARY_H
#define RT_TEMPORARY_H

#include "formats/error.h"

#include <stddef.h>

/* Makes one in TMPDIR, or /tmp, that only this user can read; `name` is in its name. Its path into path. RT_E... */
int rt_temporary_make(char *path, size_t size, const char *name, struct rt_error *e);
/* With all in it. */
void rt_temporary_remove(const char *path);

#endif
