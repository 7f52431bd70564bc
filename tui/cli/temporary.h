/* SPDX-License-Identifier: MIT
 * temporary: a folder for runs that nobody keeps, and how a folder goes. */
#ifndef RT_TEMPORARY_H
#define RT_TEMPORARY_H

#include "formats/error.h"

#include <stddef.h>

/* Makes one in TMPDIR, or /tmp, that only this user can read; `name` is in its name. Its path into path. RT_E... */
int rt_temporary_make(char *path, size_t size, const char *name, struct rt_error *e);
/* Any folder with all in it; links are removed, and not followed. RT_E... */
int rt_folder_remove(const char *path, struct rt_error *e);

#endif
