/* SPDX-License-Identifier: MIT
 * rundir: the lock is an flock on the file `lock`, which holds its owner's process number; the kernel
 * lets go of it when the process ends, however it ends. A folder holds a run once recipe.yaml or
 * run.db is in it. */
#include "pipeline/run/rundir.h"
#include "formats/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_NAME 64 /* room for a file's name behind path */
#define LOCK_TRIES 5
#define LOCK_TRY_NS 10000000

char *rt_rundir_file(const struct rt_rundir *d, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", d->path, name);
    return out;
}

static int has(const struct rt_rundir *d, const char *name)
{
    char path[sizeof d->path + LONGEST_NAME];
    return access(rt_rundir_file(d, name, path, sizeof path), F_OK) == 0;
}

/* ---- lock ---- */

/* The process named in the lock file, -1 when none is. */
static long owner(int fd)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
    return pid[0] ? atol(pid) : -1;
}

static int say_busy(const struct rt_rundir *d, const char *path, int fd, struct rt_error *e)
{
    char who[24] = "unknown";
    long pid = owner(fd);
    if (pid > 0)
        snprintf(who, sizeof who, "%ld", pid);
    return rt_error_set(e, RT_EBUSY, "%s: in use by process %s (%s): wait for it, stop it, or give "
                        "another folder with -o", d->path, who, path);
}

/* Held for a moment by whoever only asks (is_held), so it is asked for more than once. */
static int lock_soon(int fd)
{
    for (int tries = 0; ; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EINTR && (errno != EWOULDBLOCK || tries == LOCK_TRIES))
            return -1;
        nanosleep(&(struct timespec){.tv_nsec = LOCK_TRY_NS}, NULL);
    }
}

static int is_held(int fd)
{
    return flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

static int take_lock(struct rt_rundir *d, struct rt_error *e)
{
    char path[sizeof d->path + LONGEST_NAME], pid[24];
    rt_rundir_file(d, "lock", path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return rt_error_errno(e, "cannot open", path);
    if (lock_soon(fd)) {
        int code = errno == EWOULDBLOCK ? say_busy(d, path, fd, e)
                                        : rt_error_errno(e, "cannot lock", path);
        close(fd);
        return code;
    }
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)size, 0) != size) {
        int code = rt_error_errno(e, "cannot write", path);
        close(fd);
        return code;
    }
    d->lock = fd;
    return 0;
}

/* ---- checkpoints ---- */

/* The step of a checkpoint's file name, or -1: "step-" digits ".safetensors" */
static int64_t step_of(const char *name)
{
    char *end;
    if (strncmp(name, "step-", 5) != 0 || strspn(name + 5, "0123456789") == 0)
        return -1;
    errno = 0;
    long long step = strtoll(name + 5, &end, 10);
    return errno == 0 && strcmp(end, ".safetensors") == 0 ? step : -1;
}

static DIR *open_checkpoints(const struct rt_rundir *d)
{
    char path[sizeof d->path + LONGEST_NAME];
    return opendir(rt_rundir_file(d, "checkpoints", path, sizeof path));
}

/* What a process killed while writing has left; whoever has the lock may remove it. */
static void remove_unfinished(const struct rt_rundir *d)
{
    DIR *folder = open_checkpoints(d);
    const struct dirent *file;
    while (folder && (file = readdir(folder))) {
        size_t n = strlen(file->d_name);
        if (n > 4 && strcmp(file->d_name + n - 4, ".tmp") == 0)
            unlinkat(dirfd(folder), file->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

/* The name may have any number of digits, so it is kept with the step. */
struct checkpoint {
    int64_t step;
    char name[NAME_MAX + 1];
};

static int newest_first(const void *a, const void *b)
{
    const struct checkpoint *x = a, *y = b;
    return (x->step < y->step) - (x->step > y->step);
}

/* All step checkpoints, newest first, malloc'ed; the number of them or RT_E... */
static int list_checkpoints(const struct rt_rundir *d, struct checkpoint **out)
{
    struct checkpoint *list = NULL;
    const struct dirent *file;
    int count = 0;
    *out = NULL;
    DIR *folder = open_checkpoints(d);
    if (!folder)
        return errno == ENOENT ? 0 : RT_EIO;
    while ((file = readdir(folder))) {
        int64_t step = step_of(file->d_name);
        if (step < 0)
            continue;
        struct checkpoint *more = realloc(list, (size_t)(count + 1) * sizeof *more);
        if (!more) {
            free(list);
            closedir(folder);
            return RT_EMEM;
        }
        list = more;
        list[count].step = step;
        snprintf(list[count++].name, sizeof list->name, "%s", file->d_name);
    }
    closedir(folder);
    if (count > 0)
        qsort(list, (size_t)count, sizeof *list, newest_first);
    *out = list;
    return count;
}

int rt_rundir_latest(const struct rt_rundir *d, char *out, size_t size, int64_t *step)
{
    struct checkpoint *list;
    int count = list_checkpoints(d, &list);
    if (count > 0) {
        snprintf(out, size, "%s/checkpoints/%s", d->path, list[0].name);
        *step = list[0].step;
    }
    free(list);
    return count > 0 ? 0 : count < 0 ? count : RT_ENOTFOUND;
}

int rt_rundir_steps(const struct rt_rundir *d, int64_t **steps)
{
    struct checkpoint *list;
    int count = list_checkpoints(d, &list);
    *steps = count > 0 ? malloc((size_t)count * sizeof **steps) : NULL;
    if (count > 0 && !*steps)
        count = RT_EMEM;
    for (int i = 0; i < count; i++)
        (*steps)[i] = list[i].step;
    free(list);
    return count;
}

void rt_rundir_prune(const struct rt_rundir *d, int keep)
{
    struct checkpoint *list;
    int count = list_checkpoints(d, &list);
    DIR *folder = open_checkpoints(d);
    for (int i = keep; folder && i < count; i++)
        unlinkat(dirfd(folder), list[i].name, 0);
    if (folder)
        closedir(folder);
    free(list);
}

/* ---- opening ---- */

static int holds_run(const struct rt_rundir *d)
{
    return has(d, "recipe.yaml") || has(d, "run.db");
}

static int say_taken(const struct rt_rundir *d, struct rt_error *e)
{
    return rt_error_set(e, RT_EUSAGE, "%s: already holds a run: go on with it by --resume, or give "
                        "another folder with -o", d->path);
}

static int set_path(struct rt_rundir *d, const char *path, struct rt_error *e)
{
    d->lock = -1;
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof d->path - LONGEST_NAME)
        return rt_error_set(e, RT_ERANGE, "run folder \"%.60s\": path of %zu bytes; give 1 to %zu", path,
                            size, sizeof d->path - LONGEST_NAME - 1);
    memcpy(d->path, path, size + 1);
    return 0;
}

int rt_rundir_check(const char *path, struct rt_error *e)
{
    struct rt_rundir d;
    char lock[sizeof d.path + LONGEST_NAME];
    int code = set_path(&d, path, e);
    if (code < 0 || !holds_run(&d))
        return code;
    int fd = open(rt_rundir_file(&d, "lock", lock, sizeof lock), O_RDONLY | O_CLOEXEC);
    code = fd >= 0 && is_held(fd) ? say_busy(&d, lock, fd, e) : say_taken(&d, e);
    if (fd >= 0)
        close(fd);
    return code;
}

long rt_rundir_writer(const char *path)
{
    char lock[sizeof ((struct rt_rundir *)0)->path + LONGEST_NAME];
    snprintf(lock, sizeof lock, "%s/lock", path);
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    long pid = fd >= 0 && is_held(fd) ? owner(fd) : 0;
    if (fd >= 0)
        close(fd);
    return pid;
}

int rt_rundir_holds(const char *path)
{
    struct rt_rundir d;
    struct rt_error ignored;
    return set_path(&d, path, &ignored) == 0 && holds_run(&d);
}

static int open_folder(struct rt_rundir *d, int resume, struct rt_error *e)
{
    char path[sizeof d->path + LONGEST_NAME];
    if (resume && !holds_run(d))
        return rt_error_set(e, RT_EUSAGE, "%s: holds no run to resume: start one without --resume",
                            d->path);
    int code = rt_file_mkdirs(rt_rundir_file(d, "checkpoints", path, sizeof path), e);
    if (code == 0)
        code = take_lock(d, e);
    if (code < 0)
        return code;
    if (!resume && holds_run(d))
        return say_taken(d, e);
    remove_unfinished(d);
    return 0;
}

int rt_rundir_open(struct rt_rundir *d, const char *path, int resume, struct rt_error *e)
{
    int code = set_path(d, path, e);
    if (code == 0)
        code = open_folder(d, resume, e);
    if (code < 0)
        rt_rundir_close(d);
    return code;
}

void rt_rundir_close(struct rt_rundir *d)
{
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
}

/* ---- log ---- */

void rt_rundir_log(const struct rt_rundir *d, const char *format, ...)
{
    char path[sizeof d->path + LONGEST_NAME], line[2048];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    size_t at = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + at, sizeof line - at - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    at = strlen(line);
    line[at++] = '\n';
    int fd = open(rt_rundir_file(d, "log.txt", path, sizeof path),
                  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    ssize_t written = write(fd, line, at); /* one write: lines of several writers do not mix */
    (void)written;                         /* a log that cannot be written must not end the run */
    close(fd);
}
