/* SPDX-License-Identifier: MIT
 * file: whole files in and out, safely. Reads are bounded; writes go to a temporary name, are
 * fsync'ed, renamed, and the folder is fsync'ed. Used by every reader and writer in formats/. */
#ifndef RT_FILE_H
#define RT_FILE_H

#include "formats/error.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RT_FILE_MAX ((size_t)1 << 31) /* largest sample file read */

/* Reads path whole into *bytes (malloc'ed, one extra NUL byte after size). RT_EMISSING, RT_EIO,
 * RT_ELARGE when larger than limit, RT_EMEM. A folder or device is RT_EFORMAT. */
int rt_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *size, struct rt_error *e);

#define RT_FILE_UNFINISHED ".tmp"

/* One part of a file to be written. */
struct rt_span {
    const void *data;
    size_t size;
};
/* Writes the parts in order to path, whole or not at all; several writers of one path do not disturb each other, the
 * last counts. A link in its place is replaced, not followed. What a killed process leaves is called path.N-M
 * with RT_FILE_UNFINISHED behind it. RT_EFULL, RT_EIO, RT_EMISSING (no such
 * folder), RT_EFORMAT when path is a folder or device. */
int rt_file_write(const char *path, const struct rt_span *part, int parts, struct rt_error *e);

/* Opens (flags as of open; O_CREAT makes it 0666) a file that is kept under a fixed name where others may have put
 * something else: a descriptor, or an error. RT_EFORMAT when it is a link or no regular file, RT_EIO when neither this
 * user nor the folder's owner owns it, or when it has further names in somebody else's folder. Nothing was
 * truncated then. */
int rt_file_open_own(const char *path, int flags, struct rt_error *e);

/* Closes a stream of open_memstream(), NULL where that failed: 0 and the text, the caller's to free, or RT_EMEM and
 * NULL. */
int rt_memstream_close(FILE *f, char **text);

/* mkdir -p. */
int rt_file_mkdirs(const char *path, struct rt_error *e);

/* Bounded cursor over untrusted bytes: every take is checked against what remains. */
struct rt_cursor {
    const uint8_t *data;
    size_t size, at;
    int bad; /* set by the first take past the end; later takes give 0 */
};
uint8_t rt_take_u8(struct rt_cursor *c);
uint16_t rt_take_u16(struct rt_cursor *c); /* little-endian */
uint32_t rt_take_u32(struct rt_cursor *c);
uint64_t rt_take_u64(struct rt_cursor *c);
/* Pointer to n bytes, or NULL (and bad) when fewer remain. */
const uint8_t *rt_take_bytes(struct rt_cursor *c, size_t n);

#endif
