/* SPDX-License-Identifier: MIT
 * onnx_input: see onnx_input.h. */
#include "stages/model/onnx_input.h"

#include <stdio.h>
#include <string.h>

int rt_onnx_input_refuse(const char *path, const struct rt_onnx_value *in, const char *what,
                         struct rt_error *e)
{
    char shape[160] = "";
    for (int i = 0; i < in->rank; i++) {
        size_t used = strlen(shape);
        if (in->dim[i] < 0)
            snprintf(shape + used, sizeof shape - used, "%s?", i ? "," : "");
        else
            snprintf(shape + used, sizeof shape - used, "%s%lld", i ? "," : "",
                     (long long)in->dim[i]);
    }
    return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s' [%s]: %s", path, in->name, shape, what);
}
