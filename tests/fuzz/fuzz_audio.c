/* SPDX-License-Identifier: MIT
 * fuzz_audio: any bytes -> a recording or a named error; what is decoded keeps the header's
 * promises. */
#include "formats/audiofile.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_audio a;
    struct rt_error e = {0};
    int rc = rt_audio_decode(&a, &RT_INPUT(data, size, "fuzz"), false, &e);
    if (rc) {
        assert(rc == e.code && e.text[0] && !a.sample && a.count == 0);
        return 0;
    }
    assert(a.count > 0);
    float sum = 0;
    for (size_t i = 0; i < a.count; i++)
        sum += fabsf(a.sample[i]);
    assert(!isnan(sum));
    rt_audio_fini(&a);
    return 0;
}
