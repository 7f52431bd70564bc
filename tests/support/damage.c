/* SPDX-License-Identifier: MIT
 * damage: see support.h. Every truncation and every change of one byte; tests/fuzz/replay.c thins
 * them out for files of any size. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *copy_of(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

void each_prefix(const void *bytes, size_t size, take_bytes *take)
{
    for (size_t n = 0; n < size; n++) {
        uint8_t *copy = copy_of(bytes, n);
        take(copy, n);
        free(copy);
    }
}

void each_change(const void *bytes, size_t size, enum change change, take_bytes *take)
{
    uint8_t *copy = copy_of(bytes, size);
    for (size_t at = 0; at < size; at++) {
        uint8_t right = copy[at];
        for (int flip = 1; flip < 256; flip = change == EACH_BIT ? flip << 1 : flip + 1) {
            copy[at] = right ^ (uint8_t)flip;
            take(copy, size);
        }
        copy[at] = right;
    }
    free(copy);
}
