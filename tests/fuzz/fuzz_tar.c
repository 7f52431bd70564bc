/* SPDX-License-Identifier: MIT
 * fuzz_tar: any bytes as a tar; every member that can be found lies inside them. */
#include "formats/tarfile.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_tar *t;
    struct rt_error e = {0};
    int rc = rt_tar_index(&t, &RT_INPUT(data, size, "fuzzed"), &e);
    assert(rc < 0 ? !t && !strncmp(e.text, "fuzzed", 6) : t && rt_tar_count(t) > 0);
    for (size_t i = 0; t && i < rt_tar_count(t); i++) {
        size_t promised, length;
        int64_t at;
        const char *name = rt_tar_name(t, i, &promised);
        assert(*name);
        if (rt_tar_find(t, "fuzzed", name, &at, &length, &e) == 0)
            assert(at >= 0 && (size_t)at <= size && length <= size - (size_t)at && length == promised);
    }
    rt_tar_destroy(t);
    return 0;
}
