/* SPDX-License-Identifier: MIT
 * kernel: see kernel.h: what kernels share for reading attributes and inputs and for refusing them. */
#include "stages/onnx/kernels/kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- refusals ----
 * Always with file, node, operator and opset: whoever gets it has a network that another program
 * wrote, and needs the node to look for. */

/* A node without a name, which exporters may write, is called by its first output. */
int rt_kernel_refuse(const struct rt_kernel_call *c, int code, const char *format, ...)
{
    char text[400];
    const struct rt_onnx_node *n = c->node;
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    const char *name = n->name[0] ? n->name : n->outputs ? n->output[0] : "";
    return rt_error_set(c->e, code, "%s: node \"%.100s\" (%.40s, opset %d): %s", c->model, name,
                        n->op, c->opset, text);
}

int rt_kernel_refuse_type(const struct rt_kernel_call *c, int input)
{
    static const char *const name[] = {
#define RT_DTYPE(name, type, size, safetensors, npy) safetensors,
#include "formats/dtypes.def"
#undef RT_DTYPE
    };
    return rt_kernel_refuse(c, RT_EMISMATCH, "input %d has type %s, which this operator does not "
                            "take here", input, name[c->in[input]->dtype]);
}

int rt_kernel_check_floats(const struct rt_kernel_call *c)
{
    for (int i = 0; i < c->inputs; i++)
        if (c->in[i] && c->in[i]->dtype != RT_F32)
            return rt_kernel_refuse_type(c, i);
    return 0;
}

/* An attribute's name tells its kind in every operator; "value" alone, Pad's or a constant's, has two. */
static const struct {
    const char *name;
    enum rt_onnx_kind kind;
} kinds[] = {
    {"allowzero", RT_ONNX_INT},      {"alpha", RT_ONNX_FLOAT},
    {"approximate", RT_ONNX_STRING}, {"batch_dims", RT_ONNX_INT},
    {"bias", RT_ONNX_FLOAT},         {"blocksize", RT_ONNX_INT},
    {"detect_negative", RT_ONNX_INT}, {"detect_positive", RT_ONNX_INT},
    {"dtype", RT_ONNX_INT},          {"equation", RT_ONNX_STRING},
    {"exclusive", RT_ONNX_INT},      {"fmod", RT_ONNX_INT},
    {"k", RT_ONNX_INT},              {"lambd", RT_ONNX_FLOAT},
    {"largest", RT_ONNX_INT},        {"num_groups", RT_ONNX_INT},
    {"reduction", RT_ONNX_STRING},   {"reverse", RT_ONNX_INT},
    {"select_last_index", RT_ONNX_INT}, {"size", RT_ONNX_INT},
    {"sorted", RT_ONNX_INT},         {"upper", RT_ONNX_INT},
    {"antialias", RT_ONNX_INT},      {"block_size", RT_ONNX_INT},
    {"auto_pad", RT_ONNX_STRING},    {"axes", RT_ONNX_INTS},
    {"axis", RT_ONNX_INT},           {"beta", RT_ONNX_FLOAT},
    {"ceil_mode", RT_ONNX_INT},      {"coordinate_transformation_mode", RT_ONNX_STRING},
    {"count_include_pad", RT_ONNX_INT}, {"cubic_coeff_a", RT_ONNX_FLOAT},
    {"dilations", RT_ONNX_INTS},     {"end", RT_ONNX_INT},
    {"ends", RT_ONNX_INTS},          {"epsilon", RT_ONNX_FLOAT},
    {"exclude_outside", RT_ONNX_INT}, {"extrapolation_value", RT_ONNX_FLOAT},
    {"gamma", RT_ONNX_FLOAT},        {"group", RT_ONNX_INT},
    {"keep_aspect_ratio_policy", RT_ONNX_STRING}, {"keepdims", RT_ONNX_INT},
    {"kernel_shape", RT_ONNX_INTS},
    {"max", RT_ONNX_FLOAT},          {"min", RT_ONNX_FLOAT},
    {"mode", RT_ONNX_STRING},        {"momentum", RT_ONNX_FLOAT},
    {"nearest_mode", RT_ONNX_STRING}, {"noop_with_empty_axes", RT_ONNX_INT},
    {"num_outputs", RT_ONNX_INT},    {"output_dtype", RT_ONNX_INT},
    {"output_padding", RT_ONNX_INTS}, {"output_shape", RT_ONNX_INTS},
    {"p", RT_ONNX_INT},              {"pads", RT_ONNX_INTS},
    {"perm", RT_ONNX_INTS},          {"ratio", RT_ONNX_FLOAT},
    {"saturate", RT_ONNX_INT},       {"scales", RT_ONNX_FLOATS},
    {"seed", RT_ONNX_INT},           {"spatial", RT_ONNX_INT},
    {"split", RT_ONNX_INTS},         {"start", RT_ONNX_INT},
    {"starts", RT_ONNX_INTS},        {"stash_type", RT_ONNX_INT},
    {"storage_order", RT_ONNX_INT},  {"strides", RT_ONNX_INTS},
    {"to", RT_ONNX_INT},             {"training_mode", RT_ONNX_INT},
    {"transA", RT_ONNX_INT},         {"transB", RT_ONNX_INT},
    {"value", RT_ONNX_TENSOR},       {"value", RT_ONNX_FLOAT},
    {"value_float", RT_ONNX_FLOAT},  {"value_floats", RT_ONNX_FLOATS},
    {"value_int", RT_ONNX_INT},      {"value_ints", RT_ONNX_INTS},
    /* of graphs inside, and of recurrent layers */
    {"body", RT_ONNX_GRAPH},         {"else_branch", RT_ONNX_GRAPH},
    {"then_branch", RT_ONNX_GRAPH},
    {"activations", RT_ONNX_STRINGS},
    {"direction", RT_ONNX_STRING},   {"hidden_size", RT_ONNX_INT},
    {"input_forget", RT_ONNX_INT},   {"layout", RT_ONNX_INT},
    {"linear_before_reset", RT_ONNX_INT},
};

/* ---- attributes ----
 * Attributes that a row does not list are refused, not ignored: one that is ignored changes what a
 * network computes. Checked once, so that kernels may read them as if they were always right. */

/* By name and kind: "value" is a tensor of a Constant and a number of a Pad. */
static bool attribute_has_kind(const struct rt_onnx_attr *a)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].kind == a->kind && strcmp(kinds[i].name, a->name) == 0)
            return true;
    return false;
}

/* The row's list has a blank around each name, so a name is found whole or not at all. */
int rt_kernel_check_attributes(const struct rt_kernel_call *c)
{
    for (int i = 0; i < c->node->attrs; i++) {
        const struct rt_onnx_attr *a = &c->node->attr[i];
        char word[80];
        snprintf(word, sizeof word, " %.60s ", a->name);
        if (!strstr(c->op->attributes, word))
            return rt_kernel_refuse(c, RT_EFORMAT, "unknown attribute '%.60s'", a->name);
        if (!attribute_has_kind(a))
            return rt_kernel_refuse(c, RT_EFORMAT, "attribute '%.60s' has the wrong type", a->name);
    }
    return 0;
}

int64_t rt_kernel_int(const struct rt_kernel_call *c, const char *attribute, int64_t otherwise)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(c->node, attribute);
    return a && a->kind == RT_ONNX_INT ? a->i : otherwise;
}

double rt_kernel_float(const struct rt_kernel_call *c, const char *attribute, double otherwise)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(c->node, attribute);
    return a && a->kind == RT_ONNX_FLOAT ? (double)a->f : otherwise;
}

const char *rt_kernel_text(const struct rt_kernel_call *c, const char *attribute,
                           const char *otherwise)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(c->node, attribute);
    return a && a->kind == RT_ONNX_STRING ? a->s : otherwise;
}

int rt_kernel_ints(const struct rt_kernel_call *c, const char *attribute, int64_t *value, int max)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(c->node, attribute);
    if (!a)
        return 0;
    if (a->kind != RT_ONNX_INTS || a->count > max)
        return rt_kernel_refuse(c, RT_EFORMAT, "%s is not a list of at most %d whole numbers",
                                attribute, max);
    for (int i = 0; i < a->count; i++)
        value[i] = a->ints[i];
    return a->count;
}

/* ---- inputs that are small ----
 * Axes, shapes, bounds: ONNX moved them from attributes to inputs over the opsets, so kernels ask
 * for either with the same words. The limit keeps what comes from a file within an array on the
 * stack. */

bool rt_kernel_given(const struct rt_kernel_call *c, int i)
{
    return i < c->inputs && c->in[i];
}

/* Both integer types, as exporters choose either; longer lists than max are refused, never cut. */
int rt_kernel_ints_in(const struct rt_kernel_call *c, int i, int64_t *value, int max)
{
    if (!rt_kernel_given(c, i))
        return 0;
    const struct rt_tensor *t = c->in[i];
    if ((t->dtype != RT_I64 && t->dtype != RT_I32) || t->rank > 1 || rt_tensor_count(t) > max)
        return rt_kernel_refuse(c, RT_EMISMATCH, "input %d is not a list of at most %d whole "
                                "numbers", i, max);
    int n = (int)rt_tensor_count(t);
    for (int k = 0; k < n; k++)
        value[k] = t->dtype == RT_I64 ? ((const int64_t *)t->data)[k] : ((const int32_t *)t->data)[k];
    return n;
}

/* Slow, one by one through double, for what is rare: casts between odd types, Pow of whole numbers. The cases networks
 * have (squares, roots, clipped floats, casts to the same type) have loops of their own. */
void rt_kernel_put(struct rt_tensor *t, int64_t i, double value)
{
    switch (t->dtype) {
    case RT_F32:
        ((float *)t->data)[i] = (float)value;
        break;
    case RT_F64:
        ((double *)t->data)[i] = value;
        break;
    case RT_I32: /* as a C cast, but defined for what does not fit */
        ((int32_t *)t->data)[i] = value >= 2147483648.0   ? INT32_MAX
                                  : value >= -2147483648.0 ? (int32_t)value
                                                           : INT32_MIN;
        break;
    case RT_I64:
        ((int64_t *)t->data)[i] = value >= 0x1p63    ? INT64_MAX
                                  : value >= -0x1p63 ? (int64_t)value
                                                     : INT64_MIN;
        break;
    case RT_BOOL:
        ((uint8_t *)t->data)[i] = value != 0;
        break;
    default:
        ((uint8_t *)t->data)[i] = value >= 255 ? 255 : value > 0 ? (uint8_t)value : 0;
    }
}

/* An input that is there and empty counts as left out. */
double rt_kernel_number_in(const struct rt_kernel_call *c, int i, double otherwise)
{
    return rt_kernel_given(c, i) && rt_tensor_count(c->in[i]) > 0 ? rt_tensor_element(c->in[i], 0)
                                                                  : otherwise;
}

/* ---- outputs ----
 * Type and shape only: memory comes from the plan. Sizes are checked for overflow here, once for
 * all kernels. */

/* A node may leave an output out: nothing is to be done then. */
int rt_kernel_out(const struct rt_kernel_call *c, int i, enum rt_dtype dtype, int rank,
                  const int64_t *dim)
{
    int64_t count;
    size_t bytes;
    if (i >= c->outputs || !c->out[i])
        return 0;
    int rc = rt_tensor_size(dtype, rank, dim, &count, &bytes);
    if (rc < 0)
        return rt_kernel_refuse(c, rc, "output %d of rank %d is too large", i, rank);
    struct rt_tensor *t = c->out[i];
    t->dtype = dtype;
    t->rank = rank;
    memset(t->dim, 0, sizeof t->dim);
    for (int k = 0; k < rank; k++)
        t->dim[k] = dim[k];
    return 0;
}

int rt_kernel_out_like(const struct rt_kernel_call *c, int i, const struct rt_tensor *t)
{
    return rt_kernel_out(c, i, t->dtype, t->rank, t->dim);
}

int rt_kernel_axis(const struct rt_kernel_call *c, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return rt_kernel_refuse(c, RT_ERANGE, "axis %lld of %d", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

/* As numpy: lined up at the right, 1 is repeated. A dimension of 0 against 1 is 0, as the loop
 * takes whatever is not 1. */
int rt_kernel_broadcast(const struct rt_kernel_call *c, int from, int to, int *rank, int64_t *dim)
{
    *rank = 0;
    for (int i = from; i < to; i++)
        *rank = c->in[i]->rank > *rank ? c->in[i]->rank : *rank;
    for (int k = 0; k < *rank; k++) {
        dim[k] = 1;
        for (int i = from; i < to; i++) {
            const struct rt_tensor *t = c->in[i];
            int at = k - *rank + t->rank;
            if (at < 0 || t->dim[at] == 1 || t->dim[at] == dim[k])
                continue;
            if (dim[k] != 1)
                return rt_kernel_refuse(c, RT_EMISMATCH, "input %d: dimension %d of %lld against "
                                        "%lld cannot be broadcast", i, at, (long long)t->dim[at],
                                        (long long)dim[k]);
            dim[k] = t->dim[at];
        }
    }
    return 0;
}

/* Of no dimensions it is 1. */
int64_t rt_kernel_span(const struct rt_tensor *t, int from, int to)
{
    int64_t span = 1;
    for (int i = from; i < to; i++)
        span *= t->dim[i];
    return span;
}

/* Also a mark: frozen.c sees by it that output and input may be one memory. */
int rt_kernel_copy(struct rt_kernel_call *c)
{
    if (c->outputs > 0 && c->out[0] && rt_tensor_bytes(c->out[0]) > 0)
        memcpy(c->out[0]->data, c->in[0]->data, rt_tensor_bytes(c->out[0]));
    return 0;
}
