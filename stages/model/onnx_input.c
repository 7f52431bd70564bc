/* SPDX-License-Identifier: MIT
 * onnx_input: see onnx_input.h. */
#include "stages/model/onnx_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_numbers(const char *who, const char *what, const char *text, float otherwise,
                        float to[RT_COLOURS], struct rt_error *e)
{
    int n = 0;
    const char *at = text;
    for (char *end; n < RT_COLOURS; n++, at = end) {
        at += strspn(at, " ,[]");
        to[n] = strtof(at, &end);
        if (end == at)
            break;
    }
    at += strspn(at, " ,[]");
    if (*at || (n != 0 && n != 1 && n != RT_COLOURS) || (n == 0 && text[0]))
        return rt_error_set(e, RT_EUSAGE, "%s.%s: '%s' is not one number or three", who, what, text);
    for (int i = n; i < RT_COLOURS; i++)
        to[i] = n ? to[0] : otherwise;
    return 0;
}

int rt_onnx_input_scale(const char *who, const char *mean_text, const char *std_text,
                        float mean[RT_COLOURS], float std[RT_COLOURS], struct rt_error *e)
{
    int rc = read_numbers(who, "mean", mean_text, 0, mean, e);
    if (rc == 0)
        rc = read_numbers(who, "std", std_text, 1, std, e);
    for (int i = 0; rc == 0 && i < RT_COLOURS; i++)
        if (!(std[i] > 0))
            return rt_error_set(e, RT_ERANGE, "%s.std: %g; it must be above 0", who, (double)std[i]);
    return rc;
}

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
