/* SPDX-License-Identifier: MIT
 * sample_files: see support.h. Reads the files of tests/data and tests/golden. */
#include "tests/support/support.h"

#include "formats/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *read_bytes(const char *path, size_t *size)
{
    struct rt_error e;
    uint8_t *bytes;
    if (rt_file_read(path, 1 << 20, &bytes, size, &e))
        fail_msg("%s", e.text);
    return bytes;
}

const char *sample_path(const char *name)
{
    static char path[256];
    assert_true((size_t)snprintf(path, sizeof path, "tests/data/%s", name) < sizeof path);
    return path;
}

void check_bad_files(const struct bad_file *list, size_t count,
                     int (*decode)(const uint8_t *bytes, size_t size, const char *name,
                                   struct rt_error *e))
{
    for (const struct bad_file *bad = list; bad < list + count; bad++) {
        struct rt_error e = {0};
        size_t size;
        const char *path = sample_path(bad->name);
        uint8_t *bytes = read_bytes(path, &size);
        int rc = decode(bytes, size, path, &e);
        free(bytes);
        if (rc != bad->code || strncmp(e.text, path, strlen(path)) != 0 ||
            !strstr(e.text, bad->words ? bad->words : ""))
            fail_msg("%s -> %d \"%s\"", path, rc, e.text);
    }
}
