/* SPDX-License-Identifier: MIT
 * temporary: see temporary.h. */
#include "tui/cli/temporary.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int rt_temporary_make(char *path, size_t size, const char *name, struct rt_error *e)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, size, "%.4000s/retort-%.40s-XXXXXX", tmp && tmp[0] ? tmp : "/tmp", name);
    return mkdtemp(path) ? 0 : rt_error_errno(e, "cannot make the folder", path);
}

static int folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

int rt_folder_remove(const char *path, struct rt_error *e)
{
    int rc = nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return rc < 0 ? rt_error_errno(e, "cannot remove", path) : 0;
}
