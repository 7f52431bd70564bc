/* SPDX-License-Identifier: MIT
 * utf8: checked decoding and encoding of UTF-8 text. */
#ifndef RT_UTF8_H
#define RT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes one code point at *at (< size) and moves *at on by 1 to 4. A byte that is not valid
 * UTF-8 (overlong, surrogate, above U+10FFFF, cut short) gives -1 and moves on by 1. */
int32_t rt_utf8_next(const char *text, size_t size, size_t *at);
/* Offset of the first invalid byte, or size when all is well. */
size_t rt_utf8_check(const char *text, size_t size);
/* Writes code point c (valid) to out, 1 to 4 bytes, returns how many. */
int rt_utf8_put(int32_t c, char out[4]);

#endif
