/* SPDX-License-Identifier: MIT
 * operators: which kernel serves which operator and opset, and why none does; see kernel.h. A file has some thousand
 * nodes, each looked up once, so the search is a plain one. */
#include "stages/onnx/kernels/kernel.h"

#include <stdio.h>
#include <string.h>

#define RT_ONNX_OP(type, first, last, kernel, known, attributes)                                   \
    extern const struct rt_kernel rt_kernel_##kernel;
#include "stages/onnx/kernels/onnx_ops.def"
#undef RT_ONNX_OP

static const struct rt_kernel_op ops[] = {
#define RT_ONNX_OP(type, first, last, kernel, known, attributes)                                   \
    {#type, first, last, &rt_kernel_##kernel, known, attributes},
#include "stages/onnx/kernels/onnx_ops.def"
#undef RT_ONNX_OP
};

#define OPS ((int)(sizeof ops / sizeof *ops))

const struct rt_kernel_op *rt_kernel_find(const char *type, int opset)
{
    for (int i = 0; i < OPS; i++)
        if (opset >= ops[i].first && opset <= ops[i].last && strcmp(ops[i].type, type) == 0)
            return &ops[i];
    return NULL;
}

/* For the message: an operator that is known in other opsets is a matter of exporting anew, an
 * unknown one is not. */
bool rt_kernel_known(const char *type, int *first, int *last)
{
    int low = 0, high = 0; /* rows of one type stand in the order of their opsets */
    for (int i = 0; i < OPS; i++)
        if (strcmp(ops[i].type, type) == 0) {
            low = low ? low : ops[i].first;
            high = ops[i].last;
        }
    if (first)
        *first = low;
    if (last)
        *last = high;
    return low != 0;
}

static const struct {
    const char *type, *why;
} unread[] = {
#define RT_ONNX_UNREAD(type, why) {#type, why},
#include "stages/onnx/kernels/onnx_unread.def"
#undef RT_ONNX_UNREAD
};

static const char *kernel_unread(const char *type)
{
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        if (strcmp(unread[i].type, type) == 0)
            return unread[i].why;
    return "unknown operator";
}

const char *rt_kernel_missing(char *text, size_t size, const char *type)
{
    int first, last;
    const char *dot = strrchr(type, '.'); /* rt_onnx_look's names */
    if (rt_kernel_known(type, &first, &last))
        snprintf(text, size, "this operator is read in opset %d to %d; export the network with one of these", first,
                 last);
    else if (dot)
        snprintf(text, size, "not one of ONNX's own operators; %s", rt_onnx_domain_hint(type));
    else
        snprintf(text, size, "%s", kernel_unread(type));
    return text;
}
