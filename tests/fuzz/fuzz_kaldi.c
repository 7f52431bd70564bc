/* SPDX-License-Identifier: MIT
 * fuzz_kaldi: any bytes as a table of Kaldi's, its lines as segments and as commands; what is found is in the table,
 * and no command passes that could run anything but what was allowed. */
#include "formats/kaldi.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_command(const char *value)
{
    static const char *const allowed[] = {"cat"};
    char text[256];
    if (rt_kaldi_is_command(value) && rt_kaldi_command(value, allowed, 1, text, sizeof text))
        assert(strstr(text, "cat") && !strpbrk(text, ";&<>`$()"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_kaldi k;
    struct rt_error e = {0};
    char *bytes = malloc(size + 1);
    if (!bytes)
        return 0;
    if (size)
        memcpy(bytes, data, size);
    int rc = rt_kaldi_init(&k, bytes, size, "fuzzed", &e);
    assert(rc == 0 || (!k.bytes && !strncmp(e.text, "fuzzed:", 7)));
    for (size_t i = 0; rc == 0 && i < k.count; i++) {
        struct rt_kaldi_segment s;
        assert(rt_kaldi_find(&k, k.line[i].key) == (long)i);
        check_command(k.line[i].value);
        if (rt_kaldi_segment(&k, i, &s, &e) == 0)
            assert(*s.recording && s.start >= 0 && (s.end == -1 || s.end > s.start));
    }
    if (rc == 0)
        rt_kaldi_fini(&k);
    return 0;
}
