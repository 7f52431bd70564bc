/* SPDX-License-Identifier: MIT
 * fuzz_file: what targets share whose reader takes a file: the input as one, in a folder of this process that is
 * removed at its end. In memory where there is a file system for it: a target shall not wait for a disk. */
#ifndef RT_FUZZ_FILE_H
#define RT_FUZZ_FILE_H

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fuzz_folder[64];

static inline void fuzz_path(char path[160], const char *name)
{
    snprintf(path, 160, "%s/%s", fuzz_folder, name);
}

/* Whatever a run may leave there. */
static inline void fuzz_folder_remove(void)
{
    static const char *const names[] = {"fuzz.store", "run.db", "run.db-wal", "run.db-shm", "run.db-journal", "list",
                                        "gallery"};
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fuzz_path(path, names[i]);
        unlink(path);
    }
    rmdir(fuzz_folder);
}

/* What an input before this one left beside its file. */
static inline void fuzz_remove(const char *name)
{
    char path[160];
    fuzz_path(path, name);
    if (fuzz_folder[0])
        unlink(path);
}

/* Makes the folder, once, and the file. */
static inline void fuzz_write(const char *name, const uint8_t *data, size_t size)
{
    char path[160];
    if (!fuzz_folder[0]) {
        const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/rt_fuzz_XXXXXX", memory);
        if (!mkdtemp(fuzz_folder))
            abort();
        atexit(fuzz_folder_remove);
    }
    fuzz_path(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
}

/* The input as text, with its end; the caller's to free. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
