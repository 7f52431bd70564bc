/* SPDX-License-Identifier: MIT
 * fuzz_safetensors: any bytes -> a refused file with a message, or a set whose every tensor can be
 * found by name and read to its last byte. */
#include "formats/safetensors.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static volatile uint8_t sink; /* keeps the reads in optimised builds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_safetensors *s;
    struct rt_error e;
    int rc = rt_safetensors_parse(&s, data, size, "input", &e);
    if (rc) {
        assert(!s && e.code == rc && e.text[0]);
        return 0;
    }
    size_t total = 0;
    for (int i = 0; i < rt_safetensors_count(s); i++) {
        const char *name;
        const struct rt_tensor *t = rt_safetensors_at(s, i, &name);
        assert(rt_safetensors_get(s, name) == t);
        for (size_t k = 0; k < rt_tensor_bytes(t); k++)
            sink = ((const uint8_t *)t->data)[k];
        total += rt_tensor_bytes(t);
    }
    assert(total <= size);
    rt_safetensors_destroy(s);
    return 0;
}
