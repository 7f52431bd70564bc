/* SPDX-License-Identifier: MIT
 * input: a sample's data on its way to a decoder: bytes in memory, or a part of an open file that is read where it is
 * needed; and which part of that is the sample. Borrowed by whoever decodes; one thread at a time. */
#ifndef RT_INPUT_H
#define RT_INPUT_H

#include "formats/error.h"
#include "formats/extent.h"
#include <stddef.h>
#include <stdint.h>

struct rt_input {
    const char *name;  /* for messages */
    const void *bytes; /* [size]; NULL: not in memory, but ... */
    size_t size;
    int fd;     /* ... bytes `at` to `at + size` of this file */
    int64_t at;
    struct rt_extent extent;
};

/* All of it, of bytes in memory. */
#define RT_INPUT(data, length, called)                                                                                 \
    ((struct rt_input){.bytes = (data), .size = (length), .name = (called), .fd = -1})

/* Up to `count` bytes from `from` on (counted from the input's first) into out; less only at its end. RT_EIO with *e
 * when the file has become shorter or cannot be read. */
int64_t rt_input_read(const struct rt_input *in, int64_t from, void *out, size_t count, struct rt_error *e);
/* All of it, malloc'ed, with a NUL behind it. RT_ELARGE beyond RT_FILE_MAX, RT_EIO, RT_EMEM. */
int rt_input_read_all(const struct rt_input *in, uint8_t **bytes, struct rt_error *e);

#endif
