/* SPDX-License-Identifier: MIT
 * fuzz_frame: any bytes -> parse, unpack, pack again. Each input runs as it is and once more with
 * its checksum made right, because otherwise hardly a change would get past the checksum. */
#include "formats/frame.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define UNPACK_MAX ((size_t)1 << 24) /* larger claims are only parsed */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *data, size_t size)
{
    struct rt_frame *f, *g;
    struct rt_tensor t;
    struct rt_error e;
    size_t used, total;
    if (rt_frame_parse(&f, data, size, &used, &e)) {
        assert(!f && e.code < 0 && e.text[0]);
        return;
    }
    const void *bytes = rt_frame_bytes(f, &total);
    assert(used == total && used <= size && !memcmp(bytes, data, used));
    if (rt_frame_raw_bytes(f) <= UNPACK_MAX && !rt_frame_unpack(f, &t, &e)) {
        assert(rt_tensor_bytes(&t) == rt_frame_raw_bytes(f));
        int rc = rt_frame_pack(&g, rt_frame_name(f), &t, 1);
        assert(rc == 0);
        (void)rc;
        rt_frame_unref(g);
        rt_tensor_fini(&t);
    }
    rt_frame_unref(f);
}

/* Makes the checksum right for the sizes the header names; see frame.h for the layout. */
static void repair(uint8_t *b, size_t size)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size);
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    repair(copy, size);
    run(copy, size);
    free(copy);
    return 0;
}
