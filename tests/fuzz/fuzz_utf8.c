/* SPDX-License-Identifier: MIT
 * fuzz_utf8: any bytes -> code points; decoding always moves on, stays inside, agrees with
 * rt_utf8_check, and what was decoded encodes to the same bytes. */
#include "formats/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t first_bad = size;
    for (size_t at = 0; at < size;) {
        size_t start = at;
        int32_t c = rt_utf8_next(text, size, &at);
        assert(at > start && at <= size && at - start <= 4);
        if (c < 0) {
            assert(c == -1 && at == start + 1);
            first_bad = first_bad < start ? first_bad : start;
            continue;
        }
        char back[4];
        int n = rt_utf8_put(c, back);
        assert(c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
        assert((size_t)n == at - start && !memcmp(back, text + start, (size_t)n));
        (void)n;
    }
    assert(rt_utf8_check(text, size) == first_bad);
    return 0;
}
