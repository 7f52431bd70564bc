/* SPDX-License-Identifier: MIT
 * onnx_write: our structs -> protobuf-c's -> bytes. The protobuf structs borrow every text and number
 * from ours; only the lists of pointers are their own, taken from one arena that is freed at once. */
#include "formats/file.h"
#include "formats/half.h"
#include "formats/onnx_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory of the message ---- */

/* Every block of the message to be. */
struct arena {
    void **block;
    int count;
    bool full; /* out of memory: blocks asked for since are NULL */
};

static void *arena_take(struct arena *a, size_t n, size_t size)
{
    void **grown = a->full ? NULL : realloc(a->block, ((size_t)a->count + 1) * sizeof *grown);
    if (grown)
        a->block = grown;
    void *block = grown ? calloc(n + 1, size) : NULL;
    if (block)
        a->block[a->count++] = block;
    else
        a->full = true;
    return block;
}

static void arena_fini(struct arena *a)
{
    for (int i = 0; i < a->count; i++)
        free(a->block[i]);
    free(a->block);
}

/* n messages and the pointers to them, all set by init. The count goes to *count, 0 when full. */
#define MESSAGES(a, type, init, n, count)                                                          \
    ((type **)arena_messages(a, sizeof(type), (ProtobufCMessageInit)(init), n, count))

/* Lists of messages are two blocks, the messages and the pointers to them, because protobuf-c wants
 * an array of pointers; a block for each message would be some thousand allocations for a network.
 */

static void **arena_messages(struct arena *a, size_t size, ProtobufCMessageInit init, int n,
                             size_t *count)
{
    void **pointer = arena_take(a, (size_t)n, sizeof *pointer);
    char *body = pointer ? arena_take(a, (size_t)n, size) : NULL;
    for (int i = 0; body && i < n; i++) {
        pointer[i] = body + (size_t)i * size;
        init(pointer[i]);
    }
    *count = body ? (size_t)n : 0;
    return pointer;
}

int rt_onnx_type(enum rt_dtype dtype)
{
    static const int type[RT_DTYPES] = {[RT_F32] = 1, [RT_F64] = 11, [RT_I32] = 6,
                                        [RT_I64] = 7, [RT_U8] = 2,   [RT_BOOL] = 9};
    return type[dtype];
}

/* ---- from our structs to protobuf's ----
 * A block that could not be had leaves a list empty and the arena marked full; the rest goes on
 * with what is there, and the one check is made before the message is packed. */

static void proto_tensor(Onnx__TensorProto *p, const char *name, const struct rt_tensor *t)
{
    p->name = (char *)name;
    p->has_data_type = 1;
    p->data_type = rt_onnx_type(t->dtype);
    p->n_dims = (size_t)t->rank;
    p->dims = (int64_t *)t->dim;
    p->has_raw_data = 1;
    p->raw_data = (ProtobufCBinaryData){rt_tensor_bytes(t), t->data};
}

/* The narrow elements are made here and nowhere else, so that the rest of the program knows six types. */
static void proto_initializer(struct arena *a, Onnx__TensorProto *p, const struct rt_onnx_initializer *w)
{
    const struct rt_tensor *t = &w->tensor;
    bool half = w->element == RT_ONNX_FLOAT16;
    size_t n = (size_t)rt_tensor_count(t);
    proto_tensor(p, w->name, t);
    if (w->element == RT_ONNX_AS_IT_IS)
        return;
    void *narrow = arena_take(a, n, half ? sizeof(uint16_t) : sizeof(int8_t));
    for (size_t i = 0; narrow && i < n; i++)
        if (half)
            ((uint16_t *)narrow)[i] = rt_half_of(((const float *)t->data)[i]);
        else
            ((int8_t *)narrow)[i] = (int8_t)((const int32_t *)t->data)[i];
    p->data_type = half ? 10 : 3;
    p->raw_data = (ProtobufCBinaryData){narrow ? n * (half ? sizeof(uint16_t) : sizeof(int8_t)) : 0, narrow};
}

static void proto_graph(struct arena *a, Onnx__GraphProto *g, const struct rt_onnx *o, bool inside);

static void proto_attr(struct arena *a, Onnx__AttributeProto *p, const struct rt_onnx_attr *attr)
{
    static const Onnx__AttributeProto__AttributeType type[RT_ONNX_KINDS] = {
        [RT_ONNX_FLOAT] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
        [RT_ONNX_INT] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
        [RT_ONNX_STRING] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,
        [RT_ONNX_TENSOR] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR,
        [RT_ONNX_FLOATS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS,
        [RT_ONNX_INTS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS,
        [RT_ONNX_STRINGS] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS,
        [RT_ONNX_GRAPH] = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH,
    };
    size_t n = (size_t)attr->count;
    p->name = attr->name;
    p->has_type = 1;
    p->type = type[attr->kind];
    p->has_f = attr->kind == RT_ONNX_FLOAT;
    p->f = attr->f;
    p->has_i = attr->kind == RT_ONNX_INT;
    p->i = attr->i;
    p->has_s = attr->kind == RT_ONNX_STRING;
    if (attr->s)
        p->s = (ProtobufCBinaryData){strlen(attr->s), (uint8_t *)attr->s};
    p->floats = attr->floats;
    p->n_floats = attr->floats ? n : 0;
    p->ints = attr->ints;
    p->n_ints = attr->ints ? n : 0;
    if (attr->strings && (p->strings = arena_take(a, n, sizeof *p->strings)))
        for (p->n_strings = 0; p->n_strings < n; p->n_strings++) {
            char *text = attr->strings[p->n_strings];
            p->strings[p->n_strings] = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
        }
    if (attr->kind == RT_ONNX_TENSOR && (p->t = arena_take(a, 1, sizeof *p->t))) {
        onnx__tensor_proto__init(p->t);
        proto_tensor(p->t, NULL, &attr->t);
    }
    if (attr->kind == RT_ONNX_GRAPH && (p->g = arena_take(a, 1, sizeof *p->g)))
        proto_graph(a, p->g, attr->graph, true);
}

static void proto_node(struct arena *a, Onnx__NodeProto *p, const struct rt_onnx_node *n)
{
    p->name = n->name[0] ? n->name : NULL;
    p->op_type = n->op;
    p->input = n->input;
    p->n_input = (size_t)n->inputs;
    p->output = n->output;
    p->n_output = (size_t)n->outputs;
    p->attribute = MESSAGES(a, Onnx__AttributeProto, onnx__attribute_proto__init, n->attrs,
                            &p->n_attribute);
    for (size_t i = 0; i < p->n_attribute; i++)
        proto_attr(a, p->attribute[i], &n->attr[i]);
}

static void proto_dims(struct arena *a, Onnx__TensorShapeProto *p, const struct rt_onnx_value *v)
{
    p->dim = MESSAGES(a, Onnx__TensorShapeProto__Dimension,
                      onnx__tensor_shape_proto__dimension__init, v->rank, &p->n_dim);
    for (size_t i = 0; i < p->n_dim; i++) {
        if (v->dim[i] >= 0) {
            p->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            p->dim[i]->dim_value = v->dim[i];
        } else if (v->symbol[i]) {
            p->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            p->dim[i]->dim_param = v->symbol[i];
        }
    }
}

/* Inputs and outputs: the only values whose types are written. What lies between follows from the
 * nodes, and readers infer it; so they do inside of a node's graph, whose values need no type. */

static Onnx__ValueInfoProto **proto_values(struct arena *a, const struct rt_onnx_value *v, int n, bool inside,
                                           size_t *count)
{
    Onnx__ValueInfoProto **p =
        MESSAGES(a, Onnx__ValueInfoProto, onnx__value_info_proto__init, n, count);
    for (size_t i = 0; i < *count; i++) {
        Onnx__TypeProto *type = arena_take(a, 1, sizeof *type);
        Onnx__TypeProto__Tensor *tensor = arena_take(a, 1, sizeof *tensor);
        Onnx__TensorShapeProto *shape = arena_take(a, 1, sizeof *shape);
        if (a->full)
            break;
        p[i]->name = v[i].name;
        if (inside)
            continue;
        onnx__type_proto__init(type);
        onnx__type_proto__tensor__init(tensor);
        onnx__tensor_shape_proto__init(shape);
        p[i]->type = type;
        type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
        type->tensor_type = tensor;
        tensor->has_elem_type = 1;
        tensor->elem_type = rt_onnx_type(v[i].dtype);
        if (v[i].rank >= 0) {
            tensor->shape = shape;
            proto_dims(a, shape, &v[i]);
        }
    }
    return p;
}

static void proto_graph(struct arena *a, Onnx__GraphProto *g, const struct rt_onnx *o, bool inside)
{
    onnx__graph_proto__init(g);
    g->name = o->graph;
    g->node = MESSAGES(a, Onnx__NodeProto, onnx__node_proto__init, o->nodes, &g->n_node);
    for (size_t i = 0; i < g->n_node; i++)
        proto_node(a, g->node[i], &o->node[i]);
    g->initializer = MESSAGES(a, Onnx__TensorProto, onnx__tensor_proto__init, o->initializers,
                              &g->n_initializer);
    for (size_t i = 0; i < g->n_initializer; i++)
        proto_initializer(a, g->initializer[i], &o->initializer[i]);
    g->input = proto_values(a, o->input, o->inputs, inside, &g->n_input);
    g->output = proto_values(a, o->output, o->outputs, inside, &g->n_output);
}

static void proto_model(struct arena *a, Onnx__ModelProto *p, Onnx__GraphProto *g,
                        const struct rt_onnx *o)
{
    onnx__model_proto__init(p);
    p->has_ir_version = 1;
    p->ir_version = o->ir;
    p->producer_name = o->producer;
    p->producer_version = o->producer_version;
    p->opset_import = MESSAGES(a, Onnx__OperatorSetIdProto, onnx__operator_set_id_proto__init, 1,
                               &p->n_opset_import);
    if (p->n_opset_import) {
        p->opset_import[0]->domain = "";
        p->opset_import[0]->has_version = 1;
        p->opset_import[0]->version = o->opset;
    }
    p->metadata_props = MESSAGES(a, Onnx__StringStringEntryProto,
                                 onnx__string_string_entry_proto__init, o->texts,
                                 &p->n_metadata_props);
    for (size_t i = 0; i < p->n_metadata_props; i++) {
        p->metadata_props[i]->key = o->text[i].key;
        p->metadata_props[i]->value = o->text[i].value;
    }
    proto_graph(a, g, o, false);
    p->graph = g;
}

/* ---- the file ----
 * The same check as for a file that was read: what an exporter put together wrongly is found here
 * and not by the program that the file is for. It also puts the nodes in order. */

int rt_onnx_write(struct rt_onnx *o, const char *path, struct rt_error *e)
{
    if (o->err)
        return rt_error_set(e, o->err, "%s: the network could not be put together: %s", path,
                            rt_err_words(o->err));
    int rc = rt_onnx_check(o, path, e);
    if (rc)
        return rc;
    struct arena a = {0};
    Onnx__ModelProto p;
    Onnx__GraphProto g;
    proto_model(&a, &p, &g, o);
    size_t size = a.full ? 0 : onnx__model_proto__get_packed_size(&p);
    uint8_t *bytes = a.full || size > RT_FILE_MAX ? NULL : malloc(size);
    if (bytes) {
        onnx__model_proto__pack(&p, bytes);
        rc = rt_file_write(path, &(struct rt_span){bytes, size}, 1, e);
    } else if (size > RT_FILE_MAX) {
        rc = rt_error_set(e, RT_ELARGE, "%s: %zu bytes; an ONNX file holds at most 2 GiB", path,
                          size);
    } else {
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    }
    free(bytes);
    arena_fini(&a);
    return rc;
}
