/* SPDX-License-Identifier: MIT
 * fuzz_frame: a frame (formats/frame.h has the layout) out of any bytes, for targets that are to get past its checksum,
 * which hardly a changed input would. */
#ifndef RT_FUZZ_FRAME_H
#define RT_FUZZ_FRAME_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Makes the checksum right for the sizes the header names. */
static inline void fuzz_frame_repair(uint8_t *b, size_t size)
{
    uint64_t payload = 0;
    if (size < 32)
        return;
    size_t header = (32 + 8 * (size_t)b[6] + b[7] + 7) / 8 * 8;
    for (int i = 7; i >= 0; i--)
        payload = payload << 8 | b[16 + i];
    if (header > size || payload > size - header)
        return;
    uint64_t sum = XXH3_64bits_withSeed(b + 32, header - 32 + (size_t)payload, XXH3_64bits(b, 24));
    for (int i = 0; i < 8; i++)
        b[24 + i] = (uint8_t)(sum >> (8 * i));
}

/* A copy with the right checksum; the caller's to free. */
static inline uint8_t *fuzz_frame_repaired(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    fuzz_frame_repair(copy, size);
    return copy;
}

#endif
