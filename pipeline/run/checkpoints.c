/* SPDX-License-Identifier: MIT
 * checkpoints: see checkpoints.h. A checkpoint's step stands in its name, so that the newest is found without
 * opening any; the name may have any number of digits, so steps are compared as numbers. */
#include "pipeline/run/checkpoints.h"

#include "formats/file.h"
#include "pipeline/run/run_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECKPOINT_PREFIX "step-"
#define CHECKPOINT_SUFFIX ".safetensors"

struct checkpoint {
    int64_t step;
    char name[NAME_MAX + 1];
};

/* The step of a checkpoint's file name, or -1. */
static int64_t checkpoint_step(const char *name)
{
    const size_t n = sizeof CHECKPOINT_PREFIX - 1;
    char *end;
    if (strncmp(name, CHECKPOINT_PREFIX, n) != 0 || strspn(name + n, "0123456789") == 0)
        return -1;
    errno = 0;
    long long step = strtoll(name + n, &end, 10);
    return errno == 0 && strcmp(end, CHECKPOINT_SUFFIX) == 0 ? step : -1;
}

static int checkpoint_newest_first(const void *a, const void *b)
{
    const struct checkpoint *x = a, *y = b;
    return (x->step < y->step) - (x->step > y->step);
}

/* A link in its place is not followed: files are deleted here. */
static DIR *checkpoints_open(const char *folder)
{
    char path[RT_RUN_PATH];
    int fd = open(rt_run_file_path(folder, RT_RUN_CHECKPOINTS, path, sizeof path),
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        close(fd);
    return d;
}

/* All of them, newest first, malloc'ed; their number or RT_E... */
static int checkpoints_list(const char *folder, struct checkpoint **out)
{
    struct checkpoint *list = NULL;
    const struct dirent *file;
    int count = 0;
    *out = NULL;
    DIR *d = checkpoints_open(folder);
    if (!d)
        return errno == ENOENT ? 0 : errno == ENOMEM ? RT_EMEM : RT_EIO;
    while ((file = readdir(d))) {
        int64_t step = checkpoint_step(file->d_name);
        if (step < 0)
            continue;
        struct checkpoint *more = realloc(list, (size_t)(count + 1) * sizeof *more);
        if (!more) {
            free(list);
            closedir(d);
            return RT_EMEM;
        }
        list = more;
        list[count].step = step;
        snprintf(list[count++].name, sizeof list->name, "%s", file->d_name);
    }
    closedir(d);
    if (count > 0)
        qsort(list, (size_t)count, sizeof *list, checkpoint_newest_first);
    *out = list;
    return count;
}

char *rt_checkpoints_path(const char *folder, int64_t step, char *out, size_t size)
{
    char checkpoints[RT_RUN_PATH];
    rt_run_file_path(folder, RT_RUN_CHECKPOINTS, checkpoints, sizeof checkpoints);
    snprintf(out, size, "%s/" CHECKPOINT_PREFIX "%08" PRId64 CHECKPOINT_SUFFIX, checkpoints, step);
    return out;
}

int rt_checkpoints_latest(const char *folder, char *out, size_t size, int64_t *step)
{
    struct checkpoint *list;
    char checkpoints[RT_RUN_PATH];
    int count = checkpoints_list(folder, &list);
    if (count > 0) {
        rt_run_file_path(folder, RT_RUN_CHECKPOINTS, checkpoints, sizeof checkpoints);
        snprintf(out, size, "%s/%s", checkpoints, list[0].name);
        *step = list[0].step;
    }
    free(list);
    return count > 0 ? 0 : count < 0 ? count : RT_ENOTFOUND;
}

int rt_checkpoints_steps(const char *folder, int64_t **steps)
{
    struct checkpoint *list;
    int count = checkpoints_list(folder, &list);
    *steps = count > 0 ? malloc((size_t)count * sizeof **steps) : NULL;
    if (count > 0 && !*steps)
        count = RT_EMEM;
    for (int i = 0; i < count; i++)
        (*steps)[i] = list[i].step;
    free(list);
    return count;
}

/* From the oldest on: killed in between, the newest are there. */
void rt_checkpoints_prune(const char *folder, int keep)
{
    struct checkpoint *list;
    int count = checkpoints_list(folder, &list);
    DIR *d = checkpoints_open(folder);
    for (int i = count - 1; d && i >= keep; i--)
        unlinkat(dirfd(d), list[i].name, 0);
    if (d)
        closedir(d);
    free(list);
}

/* Beside the run's own files may lie a user's, so only half-written ones of ours go there. */
static bool unfinished_is_ours(const char *name)
{
    bool ours = false;
    for (int file = 0; file < RT_RUN_FILES; file++) {
        const char *begin = rt_run_file_name((enum rt_run_file)file);
        ours |= strncmp(name, begin, strlen(begin)) == 0;
    }
    return ours && fnmatch("*.[0-9]*-[0-9]*" RT_FILE_UNFINISHED, name, 0) == 0;
}

static bool unfinished_is_any(const char *name)
{
    return fnmatch("?*" RT_FILE_UNFINISHED, name, 0) == 0;
}

static void folder_sweep(DIR *d, bool (*goes)(const char *name))
{
    const struct dirent *file;
    while (d && (file = readdir(d)))
        if (goes(file->d_name))
            unlinkat(dirfd(d), file->d_name, 0);
    if (d)
        closedir(d);
}

void rt_checkpoints_sweep(const char *folder)
{
    folder_sweep(checkpoints_open(folder), unfinished_is_any);
    folder_sweep(opendir(folder), unfinished_is_ours);
}
