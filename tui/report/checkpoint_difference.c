/* SPDX-License-Identifier: MIT
 * checkpoint_difference: see checkpoint_difference.h. By content and not by file: a checkpoint also holds texts that
 * may differ, and whoever looks for a difference wants the tensor's name and the place in it. */
#include "tui/report/checkpoint_difference.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The first byte where two tensors differ, as the number of its element; -1 = none. */
static int64_t tensor_difference(const struct rt_tensor *a, const struct rt_tensor *b)
{
    size_t size = rt_tensor_bytes(a), count = 1;
    const unsigned char *x = a->data, *y = b->data;
    for (int i = 0; i < a->rank; i++)
        count *= (size_t)a->dim[i];
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return (int64_t)(i / (size / count));
    return -1;
}

static bool tensor_same_shape(const struct rt_tensor *a, const struct rt_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dim, b->dim, sizeof *a->dim * (size_t)a->rank) == 0;
}

bool rt_checkpoint_differs(const struct rt_safetensors *a, const struct rt_safetensors *b, char *text, size_t size)
{
    static const char *const texts[] = {"retort.progress", "retort.settings"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *x = rt_safetensors_text(a, texts[i]), *y = rt_safetensors_text(b, texts[i]);
        snprintf(text, size, "%s: \"%.200s\" there, \"%.200s\" repeated", texts[i], x ? x : "",
                 y ? y : "");
        if (strcmp(x ? x : "", y ? y : "") != 0)
            return true;
    }
    snprintf(text, size, "%d tensors there, %d repeated", rt_safetensors_count(a),
             rt_safetensors_count(b));
    if (rt_safetensors_count(a) != rt_safetensors_count(b))
        return true;
    for (int i = 0; i < rt_safetensors_count(a); i++) {
        const char *name;
        const struct rt_tensor *x = rt_safetensors_at(a, i, &name), *y = rt_safetensors_get(b, name);
        snprintf(text, size, "%s is there, but not repeated in that shape", name);
        if (!y || !tensor_same_shape(x, y))
            return true;
        int64_t at = tensor_difference(x, y);
        snprintf(text, size, "%s differs from element %" PRId64 " on", name, at);
        if (at >= 0)
            return true;
    }
    return false;
}
