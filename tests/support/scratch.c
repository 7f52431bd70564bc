/* SPDX-License-Identifier: MIT
 * scratch: see support.h. Folders are made in $TMPDIR or /tmp. */
#include "tests/support/support.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *what)
{
    perror(what);
    abort();
}

static int count_entries(const char *path)
{
    DIR *d = opendir(path);
    int n = -2; /* "." and ".." */
    if (!d)
        give_up(path);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

int open_files(void)
{
    return count_entries("/proc/self/fd");
}

int scratch_entries(const struct scratch *s)
{
    return count_entries(s->path);
}

void scratch_make(struct scratch *s)
{
    const char *tmp = getenv("TMPDIR");
    if (!tmp || strlen(tmp) > 40)
        tmp = "/tmp";
    snprintf(s->path, sizeof s->path, "%s/rt_test_XXXXXX", tmp);
    if (!mkdtemp(s->path))
        give_up(s->path);
    s->open = open_files();
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st, (void)kind, (void)walk;
    return remove(path);
}

void scratch_remove(struct scratch *s)
{
    if (nftw(s->path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        give_up(s->path);
}

int scratch_end(struct scratch *s, int failures)
{
    int left = open_files() - s->open;
    scratch_remove(s);
    if (left > 0)
        fprintf(stderr, "%d files were left open\n", left);
    return failures + (left > 0);
}

const char *scratch_file(struct scratch *s, const char *name)
{
    if ((size_t)snprintf(s->file, sizeof s->file, "%s/%s", s->path, name) >= sizeof s->file)
        give_up(name);
    return s->file;
}

void scratch_write(struct scratch *s, const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(scratch_file(s, name), "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0)
        give_up(s->file);
}
