/* SPDX-License-Identifier: MIT
 * fuzz_jsonl: any bytes as a line of NeMo's or lhotse's; what is read has a path and times in order. */
#include "formats/jsonl.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_jsonl_row r;
    struct rt_error e = {0};
    int rc = rt_jsonl_read(&r, (const char *)data, size, "fuzzed", 7, &e);
    if (rc < 0) {
        assert(!r.json && !strncmp(e.text, "fuzzed:7: ", 10));
        return 0;
    }
    assert(r.path && *r.path && r.fields <= RT_JSONL_FIELDS);
    assert(!r.timed || (r.start >= 0 && r.end > r.start));
    for (int i = 0; i < r.fields; i++)
        assert(rt_jsonl_field(&r, r.field[i].name));
    rt_jsonl_fini(&r);
    return 0;
}
