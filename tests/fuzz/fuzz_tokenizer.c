/* SPDX-License-Identifier: MIT
 * fuzz_tokenizer: any bytes as a tokenizer.json, and behind its first NUL a text: what is read gives tokens whose ids
 * are within its own range, or a reason. */
#include "stages/tokenizer/tokenizer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct rt_tokenizer *t, const char *text, size_t size, int longest)
{
    struct rt_tokens k;
    struct rt_error e = {0};
    int rc = rt_tokenizer_encode(t, text, size, longest, &k, &e);
    if (rc < 0) {
        assert(e.code == rc && e.text[0] && !k.id && !k.type);
        return;
    }
    assert(!longest || k.count <= longest || k.count == rt_tokenizer_around(t));
    for (int i = 0; i < k.count; i++)
        assert(k.id[i] >= 0 && k.id[i] <= rt_tokenizer_last_id(t) && k.type[i] >= 0);
    rt_tokens_fini(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "It's caf\u00e9\u0301 \u4e2d\u6587 1\u00bd <s>\n  \U0001f468\u200d\U0001f469 aab";
    const uint8_t *end = memchr(data, 0, size);
    size_t json = end ? (size_t)(end - data) : size;
    struct rt_tokenizer *t;
    struct rt_error e = {0};
    int rc = rt_tokenizer_read(&t, (const char *)data, json, "fuzzed", &e);
    if (rc < 0) {
        assert(!t && e.code == rc && !strncmp(e.text, "fuzzed:", 7));
        return 0;
    }
    encode(t, text, sizeof text - 1, 0);
    encode(t, text, sizeof text - 1, 5);
    if (end)
        encode(t, (const char *)end + 1, size - json - 1, 0);
    rt_tokenizer_close(t);
    return 0;
}
