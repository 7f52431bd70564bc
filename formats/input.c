/* SPDX-License-Identifier: MIT
 * input: see input.h. */
#include "formats/input.h"

#include "formats/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- why not mapped ----
 * A mapped file that somebody cuts short ends the process by a signal, and the run with it. A read that gives less is
 * one sample left out. */

int64_t rt_input_read(const struct rt_input *in, int64_t from, void *out, size_t count, struct rt_error *e)
{
    if (from < 0 || (uint64_t)from >= in->size)
        return 0;
    if (count > in->size - (size_t)from)
        count = in->size - (size_t)from;
    if (in->bytes) {
        memcpy(out, (const uint8_t *)in->bytes + from, count);
        return (int64_t)count;
    }
    for (size_t done = 0; done < count;) {
        ssize_t n = pread(in->fd, (uint8_t *)out + done, count - done, (off_t)(in->at + from + (int64_t)done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rt_error_set(e, RT_EIO, "%s: %s", in->name, strerror(errno));
        if (n == 0)
            return rt_error_set(e, RT_EIO, "%s: the file became shorter while it was read", in->name);
        done += (size_t)n;
    }
    return (int64_t)count;
}

int rt_input_read_all(const struct rt_input *in, uint8_t **bytes, struct rt_error *e)
{
    *bytes = NULL;
    if (in->size > RT_FILE_MAX)
        return rt_error_set(e, RT_ELARGE, "%s: %zu bytes; at most %zu are read at once", in->name, in->size,
                            RT_FILE_MAX);
    *bytes = malloc(in->size + 1);
    if (!*bytes)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for %zu bytes", in->name, in->size);
    int64_t n = rt_input_read(in, 0, *bytes, in->size, e);
    if (n < 0) {
        free(*bytes);
        *bytes = NULL;
        return (int)n;
    }
    (*bytes)[in->size] = 0;
    return 0;
}
