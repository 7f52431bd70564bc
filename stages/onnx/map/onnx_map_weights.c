/* SPDX-License-Identifier: MIT
 * onnx_map_weights: constants of the file: weights in ONNX's layout, and narrow ones with what widens them. */
#include "stages/onnx/map/onnx_map_parts.h"

#include "formats/half.h"
#include "stages/nn/quantise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME RT_MAP_NAME
typedef rt_map_names names;

/* ---- layout ----
 * Permuted when they are written, not by nodes in the file: other programs then see ordinary
 * constant weights, and a file can be read back into a student without running anything. */

/* Kernels [units, places.., channels] <-> [units, channels, places..]. */
static void map_permute(float *to, const float *from, int64_t units, int64_t a, int64_t b)
{
    for (int64_t u = 0; u < units; u++, to += a * b, from += a * b)
        for (int64_t i = 0; i < a; i++)
            for (int64_t k = 0; k < b; k++)
                to[k * a + i] = from[i * b + k];
}

static void map_unit_rows(float *to, const float *from, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++, to += c, from += c) {
        double sum = 0;
        for (int64_t k = 0; k < c; k++)
            sum += (double)from[k] * from[k];
        float norm = (float)sqrt(sum);
        for (int64_t k = 0; k < c; k++)
            to[k] = from[k] / (norm < RT_NORM_MIN ? RT_NORM_MIN : norm);
    }
}

/* So that a student can start from a file that export wrote, tensor by tensor. */
int rt_onnx_map_weight(struct rt_tensor *t, const struct rt_tensor *w)
{
    int64_t dim[4] = {0};
    memset(t, 0, sizeof *t);
    if (w->dtype != RT_F32 || w->rank > 4)
        return RT_EMISMATCH;
    memcpy(dim, w->dim, (size_t)w->rank * sizeof *dim);
    if (w->rank > 2) {
        memmove(dim + 1, dim + 2, (size_t)(w->rank - 2) * sizeof *dim);
        dim[w->rank - 1] = w->dim[1];
    }
    int rc = rt_tensor_init_unset(t, RT_F32, w->rank, dim);
    int64_t count = rc ? 0 : rt_tensor_count(t);
    if (w->rank > 2 && count > 0)
        map_permute(t->data, w->data, w->dim[0], w->dim[1], count / w->dim[0] / w->dim[1]);
    else if (count > 0)
        memcpy(t->data, w->data, rt_tensor_bytes(t));
    return rc;
}

/* ---- narrow weights ----
 * The narrow numbers lie under NAME/int8 or NAME/half, and what widens them gives NAME: a reader that computes
 * constants has the weight again under its own name, and nothing else in the file knows of the difference. */

static const char *part_of(char out[NAME], const char *name, const char *what)
{
    snprintf(out, NAME, "%.70s/%s", name, what);
    return out;
}

static void map_fail(struct rt_onnx_map *m, int code)
{
    m->o->err = m->o->err ? m->o->err : code;
}

static void map_add_half(struct rt_onnx_map *m, const char *name, const struct rt_tensor *w)
{
    char half[NAME];
    float *value = w->data;
    for (int64_t i = 0, n = rt_tensor_count(w); i < n; i++) {
        float was = value[i];
        value[i] = rt_half_float(rt_half_of(was));
        if (isfinite(was) && !isfinite(value[i]))
            map_fail(m, RT_ERANGE);
    }
    rt_onnx_add_narrow(m->o, part_of(half, name, "half"), w, RT_ONNX_FLOAT16);
    struct rt_onnx_node *o = rt_map_add(m, "Cast", (names){half}, name);
    rt_onnx_attr_int(m->o, o, "to", rt_onnx_type(RT_F32));
}

/* q in steps of scale[units], one scale for each place of the first dimension. */
static void map_add_steps(struct rt_onnx_map *m, const char *name, const struct rt_tensor *q, bool bytes,
                          const float *scale)
{
    char narrow[NAME], scales[NAME], zeros[NAME];
    rt_map_floats(m, part_of(scales, name, "scale"), 1, q->dim, scale);
    rt_onnx_add_narrow(m->o, part_of(narrow, name, bytes ? "int8" : "int32"), q,
                       bytes ? RT_ONNX_INT8 : RT_ONNX_AS_IT_IS);
    struct rt_tensor zero = {0};
    if (bytes && rt_tensor_init(&zero, RT_I32, 1, q->dim) == 0)
        rt_onnx_add_narrow(m->o, part_of(zeros, name, "zero"), &zero, RT_ONNX_INT8);
    else if (bytes)
        map_fail(m, RT_EMEM);
    rt_tensor_fini(&zero);
    struct rt_onnx_node *o = rt_map_add(m, "DequantizeLinear", (names){narrow, scales, bytes ? zeros : NULL}, name);
    rt_onnx_attr_int(m->o, o, "axis", 0);
}

/* The layer's bias, or 0, and the scale of what it reads, or 0: the scales of weights and bias belong together. */
static float map_unit_scale(const struct rt_onnx_map *m, const struct rt_node *n, int32_t *q, int64_t u)
{
    const struct rt_param *w = rt_graph_param(m->g, n->param[0]);
    const struct rt_param *b = n->params == 2 ? rt_graph_param(m->g, n->param[1]) : NULL;
    int64_t row = w->count / w->dim[0];
    return rt_quantise_row(q, w->value + u * row, row, b ? b->value[u] : 0,
                           rt_quantise_scale(rt_graph_at(m->g, n->input[0])));
}

/* Rows are rounded in our layout and permuted as the floats would have been: *w has these. */
static int map_add_int8(struct rt_onnx_map *m, const struct rt_node *n, const char *name, const struct rt_tensor *w)
{
    int64_t units = w->dim[0], row = rt_tensor_count(w) / units;
    struct rt_tensor q = {0};
    float *scale = malloc((size_t)units * sizeof *scale);
    int32_t *one = malloc((size_t)row * sizeof *one);
    int rc = scale && one ? rt_tensor_init(&q, RT_I32, w->rank, w->dim) : RT_EMEM;
    for (int64_t u = 0; rc == 0 && u < units; u++) {
        scale[u] = map_unit_scale(m, n, one, u);
        for (int64_t i = 0; i < row; i++) {
            float step = rintf(((const float *)w->data)[u * row + i] / scale[u]);
            rc = isfinite(step) ? rc : RT_ENOTFINITE;
            ((int32_t *)q.data)[u * row + i] = isfinite(step) ? (int32_t)step : 0;
        }
    }
    if (rc == 0)
        map_add_steps(m, name, &q, true, scale);
    rt_tensor_fini(&q);
    free(scale);
    free(one);
    return rc;
}

/* In steps of input scale times weight scale. */
static int map_add_int32(struct rt_onnx_map *m, const struct rt_node *n, const char *name, const struct rt_tensor *b)
{
    float input = rt_quantise_scale(rt_graph_at(m->g, n->input[0]));
    const struct rt_param *w = rt_graph_param(m->g, n->param[0]);
    int64_t units = b->dim[0];
    struct rt_tensor q = {0};
    float *scale = malloc((size_t)units * sizeof *scale);
    int32_t *one = malloc((size_t)(w->count / units) * sizeof *one);
    int rc = scale && one ? rt_tensor_init(&q, RT_I32, 1, b->dim) : RT_EMEM;
    for (int64_t u = 0; rc == 0 && u < units; u++) {
        scale[u] = input * map_unit_scale(m, n, one, u);
        double steps = rint((double)((const float *)b->data)[u] / (double)scale[u]);
        rc = fabs(steps) <= INT32_MAX ? rc : RT_ENOTFINITE;
        ((int32_t *)q.data)[u] = fabs(steps) <= INT32_MAX ? (int32_t)steps : 0;
    }
    if (rc == 0)
        map_add_steps(m, name, &q, false, scale);
    rt_tensor_fini(&q);
    free(scale);
    free(one);
    return rc;
}

static bool node_is_layer(const struct rt_node *n)
{
    return n->op == RT_OP_conv1d || n->op == RT_OP_conv2d || n->op == RT_OP_linear || n->op == RT_OP_cosine ||
           n->op == RT_OP_embeddingbag;
}

/* w: in ONNX's layout, free to be changed. */
static void map_add_weight(struct rt_onnx_map *m, const struct rt_node *n, int i, const char *name, struct rt_tensor *w)
{
    bool int8 = m->weights == RT_ONNX_WEIGHTS_INT8 && node_is_layer(n);
    int rc = 0;
    if (m->weights == RT_ONNX_WEIGHTS_HALF && w->rank > 1)
        map_add_half(m, name, w);
    else if (int8 && i == 0)
        rc = map_add_int8(m, n, name, w);
    else if (int8 && i == 1 && rt_quantise_scale(rt_graph_at(m->g, n->input[0])) > 0)
        rc = map_add_int32(m, n, name, w);
    else
        rt_onnx_add_initializer(m->o, name, w);
    if (rc < 0)
        map_fail(m, rc);
}

/* Narrow rows of a cosine have norm 1 only after rounding when nodes see to it. */
const char *rt_map_weight(struct rt_onnx_map *m, const struct rt_node *n, int i, char name[NAME])
{
    if (i >= n->params)
        return NULL;
    const struct rt_param *p = rt_graph_param(m->g, n->param[i]);
    bool cosine = n->op == RT_OP_cosine && i == 0, narrow = m->weights != RT_ONNX_WEIGHTS_FLOAT;
    int64_t dim[4] = {p->dim[0], p->dim[1], p->dim[2], p->dim[3]}, channels = p->dim[p->rank - 1];
    struct rt_tensor w = {0};
    if (p->rank > 2) {
        memmove(dim + 2, dim + 1, (size_t)(p->rank - 2) * sizeof *dim);
        dim[1] = channels;
    }
    if (rt_tensor_init_unset(&w, RT_F32, p->rank, dim) < 0) {
        map_fail(m, RT_EMEM);
        return p->name;
    }
    if (p->rank > 2)
        map_permute(w.data, p->value, p->dim[0], p->count / p->dim[0] / channels, channels);
    else if (cosine && !narrow)
        map_unit_rows(w.data, p->value, p->dim[0], p->dim[1]);
    else
        memcpy(w.data, p->value, (size_t)p->count * sizeof(float));
    map_add_weight(m, n, i, p->name, &w);
    rt_tensor_fini(&w);
    if (!cosine || !narrow)
        return p->name;
    rt_map_unit(m, p->name, p->name, RT_NORM_MIN, part_of(name, p->name, "unit"));
    return name;
}

/* ---- narrow values ---- */

void rt_map_quantise(struct rt_onnx_map *m, const struct rt_node *n, const char *x, const char *out)
{
    char scale[NAME], zero[NAME], bytes[NAME];
    float at = n->attr.number[1]; /* may come from a file */
    uint8_t point = (uint8_t)(at > 255 ? 255 : at > 0 ? at : 0);
    struct rt_tensor t = rt_tensor_view(RT_U8, 0, NULL, &point);
    rt_map_scalar(m, rt_map_inside(scale, n, "scale"), n->attr.number[0]);
    rt_onnx_add_initializer(m->o, rt_map_inside(zero, n, "zero"), &t);
    rt_map_add(m, "QuantizeLinear", (names){x, scale, zero}, rt_map_inside(bytes, n, "bytes"));
    rt_map_add(m, "DequantizeLinear", (names){bytes, scale, zero}, out);
}

/* ---- and back ---- */

/* Only of the shapes that are written here: one scale for each place of the first dimension. */
static int widen_steps(struct rt_tensor *t, const struct rt_tensor *q, const struct rt_tensor *scale)
{
    if (!scale || q->dtype != RT_I32 || scale->dtype != RT_F32 || q->rank < 1 || scale->rank != 1 ||
        scale->dim[0] != q->dim[0])
        return RT_EMISMATCH;
    RT_TRY(rt_tensor_init_unset(t, RT_F32, q->rank, q->dim));
    int64_t units = q->dim[0], row = units ? rt_tensor_count(q) / units : 0;
    for (int64_t i = 0; i < units * row; i++)
        ((float *)t->data)[i] = (float)((const int32_t *)q->data)[i] * ((const float *)scale->data)[i / row];
    return 1;
}

int rt_onnx_map_widen(struct rt_tensor *t, const struct rt_onnx *o, const struct rt_onnx_node *n)
{
    const struct rt_tensor *w = n->inputs && n->outputs == 1 ? rt_onnx_initializer(o, n->input[0]) : NULL;
    bool half = strcmp(n->op, "Cast") == 0;
    memset(t, 0, sizeof *t);
    if (!w || strchr(n->output[0], '/') || !(half || strcmp(n->op, "DequantizeLinear") == 0))
        return 0;
    if (!half)
        return n->inputs > 1 ? widen_steps(t, w, rt_onnx_initializer(o, n->input[1])) : RT_EMISMATCH;
    if (w->dtype != RT_F32)
        return RT_EMISMATCH;
    RT_TRY(rt_tensor_init_unset(t, RT_F32, w->rank, w->dim));
    memcpy(t->data, w->data, rt_tensor_bytes(w));
    return 1;
}
