/* SPDX-License-Identifier: MIT
 * file: bounded whole-file reads, all-or-nothing writes, and the cursor over untrusted bytes.
 * Blocking system calls: never on a loop thread. Keeps no state, so any other thread may call. */
#include "formats/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_ROOM 48 /* bytes that a temporary name is longer, at most */
#define TEMPORARY_TRIES 1000

/* ---- reading ----
 * A file is read as a whole into memory of its size: parsers then work on bytes that cannot change
 * under them, and every offset can be checked once. Files that grow meanwhile are read up to the
 * size they had; one that shrinks gives less. Folders, devices and pipes are refused by kind,
 * before a read that may never end. */

static int file_check_kind(const char *path, mode_t mode, struct rt_error *e)
{
    if (S_ISREG(mode))
        return 0;
    return rt_error_set(e, RT_EFORMAT, "%s: is a %s; give a regular file", path,
                        S_ISDIR(mode) ? "folder" : "device, pipe or socket");
}

/* Reads up to size bytes; *got is less only at the end of the file. */
static int file_read_all(int fd, uint8_t *bytes, size_t size, size_t *got)
{
    for (*got = 0; *got < size;) {
        ssize_t n = read(fd, bytes + *got, size - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 0;
}

int rt_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *size, struct rt_error *e)
{
    uint8_t *data = NULL;
    struct stat st;
    int rc;

    *bytes = NULL;
    *size = 0;
    /* O_NONBLOCK: opening a pipe that nobody writes to must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st)) {
        rc = rt_error_errno(e, "cannot read", path);
        goto fail;
    }
    rc = file_check_kind(path, st.st_mode, e);
    if (rc)
        goto fail;
    if ((uint64_t)st.st_size > limit) {
        rc = rt_error_set(e, RT_ELARGE, "%s: %lld bytes; the limit is %zu", path,
                          (long long)st.st_size, limit);
        goto fail;
    }
    data = malloc((size_t)st.st_size + 1);
    if (!data) {
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory for %lld bytes", path,
                          (long long)st.st_size);
        goto fail;
    }
    if (file_read_all(fd, data, (size_t)st.st_size, size)) {
        rc = rt_error_errno(e, "cannot read", path);
        goto fail;
    }
    data[*size] = '\0';
    *bytes = data;
    close(fd);
    return 0;
fail:
    *size = 0;
    free(data);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* ---- writing ----
 * Whoever reads the name sees the old file or the whole new one: written beside, synced, renamed,
 * and the folder synced, since a rename alone may come back after a crash. Parts are given as
 * spans, so a checkpoint of hundreds of tensors is written without one more copy of it. */

static int file_write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Makes the rename durable. File systems that cannot sync a folder say EINVAL: nothing to do. */
static int folder_sync(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    memcpy(folder, slash ? path : ".", n); /* shorter than the temporary name, which fitted */
    folder[n] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fsync(fd) && errno != EINVAL, number = errno;
    close(fd);
    errno = number;
    return failed ? -1 : 0;
}

/* A name of its own for each write, and O_EXCL: two writers do not share a file, and what somebody has put under the
 * name, a link say, is never written to. A name that is taken is a killed process's of the same number. */
static int file_make_temporary(const char *path, char *name, size_t size)
{
    static atomic_uint writes;
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < TEMPORARY_TRIES; tries++) {
        snprintf(name, size, "%s.%ld-%u" RT_FILE_UNFINISHED, path, (long)getpid(), atomic_fetch_add(&writes, 1));
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static int file_fill_temporary(int fd, const struct rt_span *part, int parts)
{
    int failed = 0;
    for (int i = 0; i < parts && !failed; i++)
        failed = file_write_all(fd, part[i].data, part[i].size);
    if (!failed)
        failed = fsync(fd);
    int number = errno;
    if (close(fd) && !failed) {
        failed = -1;
        number = errno;
    }
    errno = number;
    return failed ? -1 : 0;
}

int rt_file_write(const char *path, const struct rt_span *part, int parts, struct rt_error *e)
{
    char temporary[PATH_MAX];
    struct stat st;

    if (strlen(path) + TEMPORARY_ROOM > sizeof temporary)
        return rt_error_set(e, RT_ERANGE, "%.60s...: path of %zu bytes; the limit is %d", path,
                            strlen(path), PATH_MAX - TEMPORARY_ROOM);
    /* Renaming would put a plain file in the place of /dev/stdout. */
    if (!stat(path, &st)) {
        int rc = file_check_kind(path, st.st_mode, e);
        if (rc)
            return rc;
    }
    int fd = file_make_temporary(path, temporary, sizeof temporary);
    if (fd < 0)
        return rt_error_errno(e, "cannot write", path);
    if (!file_fill_temporary(fd, part, parts) && !rename(temporary, path) && !folder_sync(path))
        return 0;
    int rc = rt_error_errno(e, "cannot write", path);
    unlink(temporary);
    return rc;
}

/* ---- files under fixed names ----
 * A run folder or a cache may be somebody else's, or lie where others may write. A link there would have us lock,
 * truncate or append to any file of ours. So links are not followed, and the file belongs to us or, as all else
 * there, to the folder's owner; with further names it could be one of ours all the same (a hard link). */

static int file_check_owner(int fd, const char *path, struct rt_error *e)
{
    char folder[PATH_MAX];
    struct stat st, around;
    const char *slash = strrchr(path, '/');
    int size = slash ? (int)(slash - path) + 1 : 1;
    if ((size_t)snprintf(folder, sizeof folder, "%.*s", size, slash ? path : ".") >= sizeof folder ||
        fstat(fd, &st) || stat(folder, &around))
        return rt_error_errno(e, "cannot look at", path);
    RT_TRY(file_check_kind(path, st.st_mode, e));
    if (st.st_uid != geteuid() && st.st_uid != around.st_uid)
        return rt_error_set(e, RT_EIO, "%s: belongs to user %u: remove it, or use another folder", path,
                            (unsigned)st.st_uid);
    if (st.st_nlink > 1 && around.st_uid != geteuid())
        return rt_error_set(e, RT_EIO, "%s: has further names (hard links) in a folder of user %u: use another folder",
                            path, (unsigned)around.st_uid);
    return 0;
}

int rt_file_open_own(const char *path, int flags, struct rt_error *e)
{
    int fd = open(path, (flags & ~O_TRUNC) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0 && errno == ELOOP)
        return rt_error_set(e, RT_EFORMAT, "%s: is a link, which is not followed here: remove it", path);
    if (fd < 0)
        return rt_error_errno(e, "cannot open", path);
    int rc = file_check_owner(fd, path, e);
    if (rc == 0 && (flags & O_TRUNC) && ftruncate(fd, 0))
        rc = rt_error_errno(e, "cannot write", path);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

/* glibc's fclose cuts the block to its text's size: where there is no memory for that, it says 0 and has set the text
 * to NULL. */
int rt_memstream_close(FILE *f, char **text)
{
    bool failed = !f || ferror(f) != 0;
    if (f && fclose(f) != 0)
        failed = true;
    if (!failed && *text)
        return 0;
    if (f)
        free(*text);
    *text = NULL;
    return RT_EMEM;
}

int rt_file_mkdirs(const char *path, struct rt_error *e)
{
    char part[PATH_MAX];
    struct stat st;

    size_t size = strlen(path);
    if (size == 0 || size >= sizeof part)
        return rt_error_set(e, RT_ERANGE, "folder '%.60s': path of %zu bytes; give 1 to %d", path,
                            size, PATH_MAX - 1);
    for (size_t i = 1; i <= size; i++) {
        if (i < size && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (!mkdir(part, 0777))
            continue;
        int number = errno; /* of mkdir: that stat finds nothing is no news */
        if (!stat(part, &st) && S_ISDIR(st.st_mode))
            continue;
        errno = number;
        return rt_error_errno(e, "cannot make folder", part);
    }
    return 0;
}

/* ---- the cursor over bytes from outside ----
 * A parser takes what it needs and asks once at the end whether all was there: after the first
 * short read every further one gives zero or NULL. So no check can be forgotten between two fields.
 */

const uint8_t *rt_take_bytes(struct rt_cursor *c, size_t n)
{
    if (c->bad || c->at > c->size || n > c->size - c->at) {
        c->bad = 1;
        return NULL;
    }
    const uint8_t *p = c->data + c->at;
    c->at += n;
    return p;
}

static uint64_t cursor_little_endian(struct rt_cursor *c, size_t n)
{
    const uint8_t *p = rt_take_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = n; p && i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

uint8_t rt_take_u8(struct rt_cursor *c)
{
    return (uint8_t)cursor_little_endian(c, 1);
}

uint16_t rt_take_u16(struct rt_cursor *c)
{
    return (uint16_t)cursor_little_endian(c, 2);
}

uint32_t rt_take_u32(struct rt_cursor *c)
{
    return (uint32_t)cursor_little_endian(c, 4);
}

uint64_t rt_take_u64(struct rt_cursor *c)
{
    return cursor_little_endian(c, 8);
}
