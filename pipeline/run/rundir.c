/* SPDX-License-Identifier: MIT
 * rundir: the lock is an flock on the file `lock`, which holds its owner's process number; the kernel
 * lets go of it when the process ends, however it ends. A folder holds a run once recipe.yaml or
 * run.db is in it. */
#include "pipeline/run/rundir.h"

#include "formats/file.h"
#include "formats/plain.h"
#include "pipeline/run/checkpoints.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_NAME 64 /* room for a file's name behind a folder */
#define LOCK_TRIES 5
#define LOCK_TRY_NS 10000000

/* ---- lock ----
 * An flock and not a file that is there or not: what a killed process leaves behind locks nobody out. Whoever
 * asks does so by a shared lock, so that two who ask do not see each other. */

/* The process named in the lock file, -1 when none is. */
static long lock_owner(int fd)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
    return pid[0] ? atol(pid) : -1;
}

static int lock_say_busy(const struct rt_rundir *d, const char *path, int fd, struct rt_error *e)
{
    char who[24] = "unknown";
    long pid = lock_owner(fd);
    if (pid > 0)
        snprintf(who, sizeof who, "%ld", pid);
    return rt_error_set(e, RT_EBUSY, "%s: in use by process %s (%s): wait for it, stop it, or give "
                        "another folder with -o", d->path, who, path);
}

/* Held for a moment by whoever only asks (lock_is_held), so it is asked for more than once. */
static int lock_take_soon(int fd)
{
    for (int tries = 0; ; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EINTR && (errno != EWOULDBLOCK || tries == LOCK_TRIES))
            return -1;
        nanosleep(&(struct timespec){.tv_nsec = LOCK_TRY_NS}, NULL);
    }
}

static bool lock_is_held(int fd)
{
    return flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

static int lock_take(struct rt_rundir *d, struct rt_error *e)
{
    char path[RT_RUN_PATH], pid[24];
    rt_run_file_path(d->path, RT_RUN_LOCK, path, sizeof path);
    int fd = rt_file_open_own(path, O_RDWR | O_CREAT, e);
    if (fd < 0)
        return fd;
    if (lock_take_soon(fd)) {
        int code = errno == EWOULDBLOCK ? lock_say_busy(d, path, fd, e)
                                        : rt_error_errno(e, "cannot lock", path);
        close(fd);
        return code;
    }
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    errno = ENOSPC; /* what a write that is cut short means, and does not say */
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)size, 0) != size) {
        int code = rt_error_errno(e, "cannot write", path);
        close(fd);
        return code;
    }
    d->lock = fd;
    return 0;
}

/* ---- opening ----
 * Asked twice on purpose: before minutes of preparation (check), and with the lock held (open), when nobody else
 * can make a run here any more. */

static int rundir_say_taken(const struct rt_rundir *d, struct rt_error *e)
{
    return rt_error_set(e, RT_EUSAGE, "%s: already holds a run: go on with it by --resume, or give "
                        "another folder with -o", d->path);
}

static int rundir_set_path(struct rt_rundir *d, const char *path, struct rt_error *e)
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
    char lock[RT_RUN_PATH];
    RT_TRY(rundir_set_path(&d, path, e));
    if (!rt_rundir_holds(d.path))
        return 0;
    int fd = rt_file_open_own(rt_run_file_path(path, RT_RUN_LOCK, lock, sizeof lock), O_RDONLY, NULL);
    int code = fd >= 0 && lock_is_held(fd) ? lock_say_busy(&d, lock, fd, e) : rundir_say_taken(&d, e);
    if (fd >= 0)
        close(fd);
    return code;
}

long rt_rundir_writer(const char *path)
{
    char lock[RT_RUN_PATH];
    int fd = rt_file_open_own(rt_run_file_path(path, RT_RUN_LOCK, lock, sizeof lock), O_RDONLY, NULL);
    long pid = fd >= 0 && lock_is_held(fd) ? lock_owner(fd) : 0;
    if (fd >= 0)
        close(fd);
    return pid;
}

bool rt_rundir_holds(const char *path)
{
    return *path && (rt_run_file_exists(path, RT_RUN_RECIPE) || rt_run_file_exists(path, RT_RUN_DB));
}

/* Whoever writes here opens by name, SQLite too, so no name may lead elsewhere. (What is looked up behind a
 * folder's link, `checkpoints`, would be deleted there.) */
static int rundir_check_links(const struct rt_rundir *d, struct rt_error *e)
{
    static const char *const beside[] = {"", "-wal", "-shm", "-journal"}; /* of a data base */
    char path[RT_RUN_PATH];
    struct stat st;
    for (int file = 0; file < RT_RUN_FILES; file++)
        for (int k = 0; k < (file == RT_RUN_DB ? 4 : 1); k++) {
            rt_run_file_path(d->path, (enum rt_run_file)file, path, sizeof path - 16);
            strcat(path, beside[k]);
            if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
                return rt_error_set(e, RT_EFORMAT, "%s: is a link; a run folder keeps its files in it: remove it",
                                    path);
        }
    return 0;
}

static int rundir_open(struct rt_rundir *d, int resume, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    RT_TRY(rundir_check_links(d, e));
    if (resume && !rt_rundir_holds(d->path))
        return rt_error_set(e, RT_EUSAGE, "%s: holds no run: retort run RECIPE -o %s begins one",
                            d->path, d->path);
    RT_TRY(rt_file_mkdirs(rt_run_file_path(d->path, RT_RUN_CHECKPOINTS, path, sizeof path), e));
    RT_TRY(lock_take(d, e));
    if (!resume && rt_rundir_holds(d->path))
        return rundir_say_taken(d, e);
    rt_checkpoints_sweep(d->path);
    return 0;
}

int rt_rundir_open(struct rt_rundir *d, const char *path, int resume, struct rt_error *e)
{
    RT_TRY(rundir_set_path(d, path, e));
    int code = rundir_open(d, resume, e);
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
    char path[RT_RUN_PATH], line[2048];
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
    for (char *c = rt_plain_text(line); *c; c++)
        *c = *c == '\n' ? ' ' : *c; /* what it quotes must not look like a line of its own */
    at = strlen(line);
    line[at++] = '\n';
    int fd = rt_file_open_own(rt_run_file_path(d->path, RT_RUN_LOG, path, sizeof path), O_WRONLY | O_APPEND | O_CREAT,
                              NULL);
    if (fd < 0)
        return;
    ssize_t written = write(fd, line, at); /* one write: lines of several writers do not mix */
    (void)written;                         /* a log that cannot be written must not end the run */
    close(fd);
}
