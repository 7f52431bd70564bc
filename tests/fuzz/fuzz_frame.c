/* SPDX-License-Identifier: MIT
 * fuzz_frame: any bytes -> parse, unpack, pack again. Each input runs as it is and once more with
 * its checksum made right, because otherwise hardly a change would get past the checksum. */
#include "formats/frame.h"
#include "tests/fuzz/fuzz_frame.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size);
    uint8_t *copy = fuzz_frame_repaired(data, size);
    run(copy, size);
    free(copy);
    return 0;
}
