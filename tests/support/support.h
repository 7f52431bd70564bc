/* SPDX-License-Identifier: MIT
 * support: what test programs share: temporary folders, damage to bytes, bad sample files.
 * scratch.c aborts when it cannot; the others fail the running test. Memory that runs out:
 * allocation.h. */
#ifndef RT_SUPPORT_H
#define RT_SUPPORT_H

#include "formats/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- scratch.c: a temporary folder ----
 * One for a whole program: scratch_make(&dir) at the start of main, and at its end
 *     return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
 * (What cmocka's own teardown of a group gives does not fail the program.) */

struct scratch {
    char path[64];
    char file[256]; /* the last one asked for */
    int open;       /* files, when it was made */
};

void scratch_make(struct scratch *s);
void scratch_remove(struct scratch *s); /* with all in it */
/* Removes it too. Gives failures; one more, after a message, when files were left open. */
int scratch_end(struct scratch *s, int failures);
/* The path of `name` in it; stands until the next call. */
const char *scratch_file(struct scratch *s, const char *name);
void scratch_write(struct scratch *s, const char *name, const void *bytes, size_t size);
int scratch_entries(const struct scratch *s); /* files and folders right in it */
int open_files(void);                         /* descriptors of this process */

/* ---- damage.c ---- */

/* Called with an input in a block of exactly its size, so that a sanitizer sees any read beyond. */
typedef void take_bytes(const uint8_t *bytes, size_t size);

/* The first 0, 1, ... size - 1 bytes. */
void each_prefix(const void *bytes, size_t size, take_bytes *take);
/* All bytes but each in turn changed: one bit (EACH_BIT) or to every other value (EACH_VALUE). */
enum change { EACH_BIT, EACH_VALUE };
void each_change(const void *bytes, size_t size, enum change change, take_bytes *take);

/* ---- sample_files.c ---- */

/* A whole small file; the caller frees. */
uint8_t *read_bytes(const char *path, size_t *size);
/* tests/data/NAME; stands until the next call. */
const char *sample_path(const char *name);

struct bad_file {
    const char *name; /* in tests/data */
    int code;
    const char *words; /* in the error, which begins with the path; NULL = any */
};
/* decode must refuse each of them so; that it leaves nothing behind it checks itself. */
void check_bad_files(const struct bad_file *list, size_t count,
                     int (*decode)(const uint8_t *bytes, size_t size, const char *name,
                                   struct rt_error *e));

#endif
