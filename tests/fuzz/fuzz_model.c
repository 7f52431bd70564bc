/* SPDX-License-Identifier: MIT
 * fuzz_model: any bytes as a model's file: refused with a message, or a model that is saved again. */
#include "stages/model/model.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_model m;
    struct rt_safetensors *s, *again;
    struct rt_error e = {0};
    if (rt_safetensors_parse(&s, data, size, "input", &e) < 0)
        return 0; /* fuzz_safetensors' */
    memset(&m, 0, sizeof m);
    if (rt_model_restore(&m, s, "input", &e) < 0) {
        assert(e.code < 0 && e.text[0]);
    } else if (rt_safetensors_create(&again) == 0) {
        int rc = rt_model_save(&m, again);
        assert(rc == 0 && rt_safetensors_count(again) > 0);
        (void)rc;
        rt_safetensors_destroy(again);
    }
    rt_model_fini(&m);
    rt_safetensors_destroy(s);
    return 0;
}
