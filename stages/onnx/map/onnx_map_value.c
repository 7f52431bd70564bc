/* SPDX-License-Identifier: MIT
 * onnx_map_value: nodes, values and small constants of the file; see onnx_map_parts.h.
 *
 * A value is made in one layout and transposed where a reader wants the other, once, so a network
 * of convolutions has one Transpose at its input. Transposing around each convolution would be
 * simpler to write and leave its removal to whoever runs the file. */
#include "stages/onnx/map/onnx_map_parts.h"

#include <stdio.h>

#define NAME RT_MAP_NAME

typedef rt_map_names names;

struct rt_onnx_node *rt_map_add(struct rt_onnx_map *m, const char *op, const names in, const char *out)
{
    return rt_onnx_add_node(m->o, op, out, in, (const char *[]){out, NULL});
}

const char *rt_map_inside(char out[NAME], const struct rt_node *n, const char *what)
{
    snprintf(out, NAME, "%s/%s", n->name, what);
    return out;
}

static void map_add_transpose(struct rt_onnx_map *m, const char *in, const char *out, int rank,
                              const int64_t *order)
{
    struct rt_onnx_node *t = rt_map_add(m, "Transpose", (names){in}, out);
    rt_onnx_attr_ints(m->o, t, "perm", order, rank);
}

/* Orders of [batch, places.., channels] and back, by rank without the batch. */
static const int64_t to_first[5][5] = {{0}, {0}, {0, 2, 1}, {0, 3, 1, 2}, {0, 4, 1, 2, 3}};
static const int64_t to_last[5][5] = {{0}, {0}, {0, 2, 1}, {0, 2, 3, 1}, {0, 2, 3, 4, 1}};

void rt_map_turn(struct rt_onnx_map *m, const char *in, const char *out, int rank)
{
    map_add_transpose(m, in, out, rank + 1, to_last[rank]);
}

/* Made when first asked for, and kept: the next reader finds it. */
const char *rt_map_first(struct rt_onnx_map *m, int node)
{
    const struct rt_node *n = rt_graph_at(m->g, node);
    struct rt_map_value *v = &m->value[node];
    if (!v->first[0]) {
        rt_map_inside(v->first, n, "first");
        map_add_transpose(m, v->last, v->first, n->shape.rank + 1, to_first[n->shape.rank]);
    }
    return v->first;
}

/* The same for channels last. */
const char *rt_map_last(struct rt_onnx_map *m, int node)
{
    const struct rt_node *n = rt_graph_at(m->g, node);
    struct rt_map_value *v = &m->value[node];
    if (!v->last[0]) {
        rt_map_inside(v->last, n, "last");
        map_add_transpose(m, v->first, v->last, n->shape.rank + 1, to_last[n->shape.rank]);
    }
    return v->last;
}

/* ---- numbers ----
 * Copied into the file's model; the graph may go before it. */

const char *rt_map_floats(struct rt_onnx_map *m, const char *name, int rank, const int64_t *dim, const float *value)
{
    struct rt_tensor t = rt_tensor_view(RT_F32, rank, dim, (void *)value);
    rt_onnx_add_initializer(m->o, name, &t);
    return name;
}

const char *rt_map_scalar(struct rt_onnx_map *m, const char *name, float value)
{
    return rt_map_floats(m, name, 0, NULL, &value);
}

const char *rt_map_ints(struct rt_onnx_map *m, const char *name, const int64_t *value, int count)
{
    int64_t dim = count;
    struct rt_tensor t = rt_tensor_view(RT_I64, 1, &dim, (void *)value);
    rt_onnx_add_initializer(m->o, name, &t);
    return name;
}

void rt_map_unit(struct rt_onnx_map *m, const char *of, const char *x, float least, const char *out)
{
    char norm[NAME], at_least[NAME], clamped[NAME];
    const int64_t axis = 1;
    snprintf(norm, NAME, "%.70s/length", of);
    snprintf(at_least, NAME, "%.70s/least", of);
    snprintf(clamped, NAME, "%.70s/clamped", of);
    struct rt_onnx_node *o = rt_map_add(m, "ReduceL2", (names){x}, norm);
    rt_onnx_attr_ints(m->o, o, "axes", &axis, 1);
    rt_map_scalar(m, at_least, least);
    rt_map_add(m, "Max", (names){norm, at_least}, clamped);
    rt_map_add(m, "Div", (names){x, clamped}, out);
}
