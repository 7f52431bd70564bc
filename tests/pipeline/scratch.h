/* SPDX-License-Identifier: MIT
 * scratch: a temporary folder for one test, removed with all in it. */
#ifndef RT_SCRATCH_H
#define RT_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scratch {
    char path[64];
    char file[256]; /* the last one asked for */
};

static inline void scratch_make(struct scratch *s)
{
    const char *tmp = getenv("TMPDIR");
    if (!tmp || strlen(tmp) > 40)
        tmp = "/tmp";
    snprintf(s->path, sizeof s->path, "%s/rt_test_XXXXXX", tmp);
    if (!mkdtemp(s->path))
        abort();
}

static inline const char *scratch_file(struct scratch *s, const char *name)
{
    if ((size_t)snprintf(s->file, sizeof s->file, "%s/%s", s->path, name) >= sizeof s->file)
        abort();
    return s->file;
}

static inline void scratch_write(struct scratch *s, const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(scratch_file(s, name), "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0)
        abort();
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind,
                                     struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void scratch_remove(struct scratch *s)
{
    if (nftw(s->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        abort();
}

#endif
