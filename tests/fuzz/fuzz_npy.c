/* SPDX-License-Identifier: MIT
 * fuzz_npy: any bytes -> a refused file with a message, or a tensor that is not larger than they.
 */
#include "formats/npy.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_tensor t;
    struct rt_error e;
    int rc = rt_npy_parse(&t, data, size, "input", &e);
    if (rc)
        assert(!t.data && e.code == rc && e.text[0]);
    else
        assert(t.data && rt_tensor_bytes(&t) < size);
    rt_tensor_fini(&t);
    return 0;
}
