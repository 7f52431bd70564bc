/* SPDX-License-Identifier: MIT
 * fuzz_tar: any bytes as a tar, and as an index that was kept; every member that can be found lies inside them, and an
 * index that is kept comes back as it was. */
#include "formats/tarfile.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void index_check(const struct rt_tar *t, size_t size)
{
    struct rt_error e = {0};
    for (size_t i = 0; t && i < rt_tar_count(t); i++) {
        size_t promised, length;
        int64_t at;
        const char *name = rt_tar_name(t, i, &promised);
        assert(*name);
        if (rt_tar_find(t, "fuzzed", name, &at, &length, &e) == 0)
            assert(at >= 0 && (size_t)at <= size && length <= size - (size_t)at && length == promised);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_tar *t, *back = NULL;
    struct rt_error e = {0};
    uint8_t *bytes = NULL;
    size_t kept;
    int rc = rt_tar_index(&t, &RT_INPUT(data, size, "fuzzed"), &e);
    assert(rc < 0 ? !t && !strncmp(e.text, "fuzzed", 6) : t && rt_tar_count(t) > 0);
    index_check(t, size);
    if (t && rt_tar_pack(t, &bytes, &kept) == 0) {
        assert(rt_tar_unpack(&back, bytes, kept, size) == 0 && rt_tar_count(back) == rt_tar_count(t));
        index_check(back, size);
    }
    free(bytes);
    rt_tar_destroy(back);
    rt_tar_destroy(t);
    rt_tar_unpack(&t, data, size, 1 << 20);
    index_check(t, 1 << 20);
    rt_tar_destroy(t);
    return 0;
}
