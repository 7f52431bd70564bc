/* SPDX-License-Identifier: MIT
 * onnx_read: bytes -> protobuf-c's structs -> ours. The bytes are scanned first (onnx_scan.c), so
 * that lengths, texts and depths are known to be good here; what is not read is refused by name. */
#include "formats/file.h"
#include "formats/onnx_parts.h"
#include "formats/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IR_MIN 3
#define IR_MAX 13
#define ATTRS_MAX 1000 /* of one node; both lists are searched name by name */
#define TEXTS_MAX 10000

/* ---- what is refused, and where ----
 * What is known and could change what the network computes is either read or refused by name. What
 * is refused only where a node uses it (a foreign domain) does not harm a file that merely declares
 * it. Every message names file, node and field, since nobody can look into an ONNX file. */

struct reader {
    struct rt_onnx *o;
    bool inside; /* a graph of a node */
    struct rt_onnx_source source;
};

static int reader_no_memory(const struct reader *r)
{
    return rt_error_set(r->source.e, RT_EMEM, "%s: out of memory", r->source.name);
}

/* ---- small parts ---- */

static int reader_text(const struct reader *r, char **out, const char *text)
{
    *out = strdup(text ? text : "");
    return *out ? 0 : reader_no_memory(r);
}

/* A zeroed array of n elements; never NULL for n = 0. */
static int reader_room(const struct reader *r, void *out, size_t n, size_t size)
{
    *(void **)out = calloc(n + 1, size);
    return *(void **)out ? 0 : reader_no_memory(r);
}

static int reader_texts(const struct reader *r, char ***out, int *count, char *const *text,
                        size_t n)
{
    *count = 0;
    RT_TRY(reader_room(r, out, n, sizeof **out));
    for (; (size_t)*count < n; ++*count)
        RT_TRY(reader_text(r, &(*out)[*count], text[*count]));
    return 0;
}

/* ---- attributes ----
 * Kinds that no operator of ours reads (sparse tensors, references) are refused with the
 * attribute's name, not passed over: a node without them would compute something else. */

static int reader_graph(const struct reader *r, struct rt_onnx **out, const Onnx__GraphProto *g, const char *who);

/* Bytes that must be text: no NUL, UTF-8. */
static int reader_bytes(const struct reader *r, char **out, const ProtobufCBinaryData *b,
                        const char *who)
{
    if (b->len > 0 &&
        (memchr(b->data, 0, b->len) || rt_utf8_check((const char *)b->data, b->len) != b->len))
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: a text is not UTF-8", r->source.name,
                            who);
    *out = calloc(b->len + 1, 1);
    if (*out && b->len > 0)
        memcpy(*out, b->data, b->len);
    return *out ? 0 : reader_no_memory(r);
}

static int reader_numbers(const struct reader *r, struct rt_onnx_attr *a,
                          const Onnx__AttributeProto *p)
{
    if (a->kind == RT_ONNX_FLOATS) {
        RT_TRY(reader_room(r, &a->floats, p->n_floats, sizeof *a->floats));
        if (p->n_floats > 0)
            memcpy(a->floats, p->floats, p->n_floats * sizeof *a->floats);
        a->count = (int)p->n_floats;
    } else {
        RT_TRY(reader_room(r, &a->ints, p->n_ints, sizeof *a->ints));
        if (p->n_ints > 0)
            memcpy(a->ints, p->ints, p->n_ints * sizeof *a->ints);
        a->count = (int)p->n_ints;
    }
    return 0;
}

static int reader_strings(const struct reader *r, struct rt_onnx_attr *a,
                          const Onnx__AttributeProto *p, const char *who)
{
    RT_TRY(reader_room(r, &a->strings, p->n_strings, sizeof *a->strings));
    for (a->count = 0; (size_t)a->count < p->n_strings; a->count++)
        RT_TRY(reader_bytes(r, &a->strings[a->count], &p->strings[a->count], who));
    return 0;
}

static int reader_attr(const struct reader *r, struct rt_onnx_attr *a,
                       const Onnx__AttributeProto *p, const char *node)
{
    char who[RT_ONNX_WHO + 100];
    snprintf(who, sizeof who, "%s: attribute '%.60s'", node, p->name ? p->name : "");
    RT_TRY(reader_text(r, &a->name, p->name));
    switch (p->has_type && !p->ref_attr_name ? (int)p->type : -1) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        a->kind = RT_ONNX_FLOAT;
        a->f = p->f;
        return 0;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        a->kind = RT_ONNX_INT;
        a->i = p->i;
        return 0;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        a->kind = RT_ONNX_STRING;
        return reader_bytes(r, &a->s, &p->s, who);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        a->kind = RT_ONNX_TENSOR;
        if (!p->t)
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: no tensor", r->source.name, who);
        return rt_onnx_take_tensor(&a->t, p->t, who, &r->source);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        a->kind = p->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS ? RT_ONNX_INTS
                                                                         : RT_ONNX_FLOATS;
        return reader_numbers(r, a, p);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
        a->kind = RT_ONNX_STRINGS;
        return reader_strings(r, a, p, who);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
        a->kind = RT_ONNX_GRAPH;
        return reader_graph(r, &a->graph, p->g, who);
    default:
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: %s: neither number, text, tensor nor graph: sparse tensors "
                            "and references are not read",
                            r->source.name, who);
    }
}

/* ---- nodes ---- */

static int reader_node(const struct reader *r, struct rt_onnx_node *n, const Onnx__NodeProto *p)
{
    char who[RT_ONNX_WHO];
    RT_TRY(reader_text(r, &n->name, p->name));
    RT_TRY(reader_text(r, &n->op, p->op_type));
    RT_TRY(reader_texts(r, &n->input, &n->inputs, p->input, p->n_input));
    RT_TRY(reader_texts(r, &n->output, &n->outputs, p->output, p->n_output));
    RT_TRY(reader_room(r, &n->attr, p->n_attribute, sizeof *n->attr));
    rt_onnx_who(who, n, r->o->opset);
    if (p->domain && p->domain[0] && strcmp(p->domain, "ai.onnx"))
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: %s: ops of domain '%.60s' are unknown here; export the network "
                            "with ONNX's own ops",
                            r->source.name, who, p->domain);
    if (!n->op[0])
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s has no op", r->source.name, who);
    if (p->n_attribute > ATTRS_MAX)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: %s: %zu attributes, at most %d are read",
                            r->source.name, who, p->n_attribute, ATTRS_MAX);
    for (size_t i = 0; i < p->n_attribute; i++) {
        const char *name = p->attribute[i]->name ? p->attribute[i]->name : "";
        if (rt_onnx_attr(n, name))
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: attribute '%.60s' stands twice",
                                r->source.name, who, name);
        /* Counted only with its name, so that a half-read one can be looked up and freed. */
        int rc = reader_attr(r, &n->attr[n->attrs], p->attribute[i], who);
        n->attrs += n->attr[n->attrs].name != NULL;
        RT_TRY(rc);
    }
    return 0;
}

static int reader_nodes(const struct reader *r, const Onnx__GraphProto *g)
{
    struct rt_onnx *o = r->o;
    if (g->n_node > RT_ONNX_NODES_MAX)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: %zu nodes, at most %d are read",
                            r->source.name, g->n_node, RT_ONNX_NODES_MAX);
    RT_TRY(reader_room(r, &o->node, g->n_node, sizeof *o->node));
    for (size_t i = 0; i < g->n_node; i++) {
        o->nodes++; /* before it is read: a half-read one is to be freed too */
        RT_TRY(reader_node(r, &o->node[i], g->node[i]));
    }
    return 0;
}

/* ---- values ----
 * A dimension that is a name or is absent stays open (-1), with the name kept: which one is the
 * batch is decided by whoever runs the network. */

static int reader_dims(const struct reader *r, struct rt_onnx_value *v,
                       const Onnx__TensorShapeProto *shape, const char *what)
{
    if (shape->n_dim > RT_TENSOR_RANK)
        return rt_error_set(r->source.e, RT_ELARGE,
                            "%s: %s '%.100s': %zu dimensions, at most %d are read", r->source.name,
                            what, v->name, shape->n_dim, RT_TENSOR_RANK);
    v->rank = (int)shape->n_dim;
    for (int i = 0; i < v->rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
        bool number = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        bool symbol = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        v->dim[i] = number && d->dim_value >= 0 ? d->dim_value : -1;
        if (symbol && d->dim_param && d->dim_param[0] &&
            reader_text(r, &v->symbol[i], d->dim_param))
            return RT_EMEM;
    }
    return 0;
}

static int reader_value(const struct reader *r, struct rt_onnx_value *v,
                        const Onnx__ValueInfoProto *p, const char *what)
{
    char name[32];
    RT_TRY(reader_text(r, &v->name, p->name));
    v->rank = -1;
    if (r->inside) /* follows from the nodes; may not be there */
        return 0;
    if (!p->type || p->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !p->type->tensor_type)
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: %s '%.100s' is no tensor; sequences, maps and the like are not "
                            "read",
                            r->source.name, what, v->name);
    const Onnx__TypeProto__Tensor *t = p->type->tensor_type;
    if (!rt_onnx_dtype(t->elem_type, &v->dtype))
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: %s '%.100s': elements of %s are not read", r->source.name, what,
                            v->name, rt_onnx_type_name(t->elem_type, name));
    return t->shape ? reader_dims(r, v, t->shape, what) : 0;
}

static int reader_values(const struct reader *r, struct rt_onnx_value **out, int *count,
                         Onnx__ValueInfoProto *const *p, size_t n, const char *what)
{
    RT_TRY(reader_room(r, out, n, sizeof **out));
    for (size_t i = 0; i < n; i++) {
        /* Before IR 4 every initialiser also stood among the inputs; later ones may. */
        if (!strcmp(what, "input") && p[i]->name && rt_onnx_initializer(r->o, p[i]->name))
            continue;
        RT_TRY(reader_value(r, &(*out)[(*count)++], p[i], what));
    }
    return 0;
}

static int reader_initializers(const struct reader *r, const Onnx__GraphProto *g)
{
    struct rt_onnx *o = r->o;
    if (g->n_sparse_initializer > 0)
        return rt_error_set(r->source.e, RT_EMISMATCH, "%s: sparse initialisers are not read",
                            r->source.name);
    RT_TRY(reader_room(r, &o->initializer, g->n_initializer, sizeof *o->initializer));
    for (size_t i = 0; i < g->n_initializer; i++) {
        char who[160];
        struct rt_onnx_initializer *w = &o->initializer[o->initializers++];
        snprintf(who, sizeof who, "initialiser '%.100s'",
                 g->initializer[i]->name ? g->initializer[i]->name : "");
        RT_TRY(reader_text(r, &w->name, g->initializer[i]->name));
        RT_TRY(rt_onnx_take_tensor(&w->tensor, g->initializer[i], who, &r->source));
    }
    return 0;
}

/* ---- the model ----
 * Initialisers are read and indexed before inputs, since old files list both as inputs. */

static int reader_graph_parts(const struct reader *r, const Onnx__GraphProto *g)
{
    struct rt_onnx *o = r->o;
    RT_TRY(reader_text(r, &o->graph, g->name));
    RT_TRY(reader_nodes(r, g));
    RT_TRY(reader_initializers(r, g));
    RT_TRY(rt_onnx_index(o, r->source.name, r->source.e));
    RT_TRY(reader_values(r, &o->input, &o->inputs, g->input, g->n_input, "input"));
    return reader_values(r, &o->output, &o->outputs, g->output, g->n_output, "output");
}

/* A branch of an If, the body of a Loop. How deep they nest is bounded by the scan before. *out is freed with the
 * attribute, whole or not. */
static int reader_graph(const struct reader *r, struct rt_onnx **out, const Onnx__GraphProto *g, const char *who)
{
    if (!g)
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: no graph", r->source.name, who);
    struct reader inside = {.o = *out = calloc(1, sizeof **out), .inside = true, .source = r->source};
    if (!*out)
        return reader_no_memory(r);
    inside.o->opset = r->o->opset;
    inside.o->ir = r->o->ir;
    RT_TRY(reader_text(r, &inside.o->producer, NULL));
    RT_TRY(reader_text(r, &inside.o->producer_version, NULL));
    return reader_graph_parts(&inside, g);
}

static int reader_opset(const struct reader *r, const Onnx__ModelProto *p)
{
    int64_t opset = 0;
    for (size_t i = 0; i < p->n_opset_import; i++) {
        const char *domain = p->opset_import[i]->domain;
        if (domain && domain[0] && strcmp(domain, "ai.onnx"))
            continue; /* refused where a node uses it */
        if (opset)
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: the opset is given twice",
                                r->source.name);
        opset = p->opset_import[i]->version;
    }
    if (!p->has_ir_version || p->ir_version < IR_MIN || p->ir_version > IR_MAX)
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: IR version %" PRId64 "; %d to %d are read", r->source.name,
                            p->ir_version, IR_MIN, IR_MAX);
    if (opset < RT_ONNX_OPSET_MIN || opset > RT_ONNX_OPSET_MAX)
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: opset %" PRId64 "; %d to %d are read: export it anew with one of "
                            "those, or convert it",
                            r->source.name, opset, RT_ONNX_OPSET_MIN, RT_ONNX_OPSET_MAX);
    if (p->n_functions > 0)
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: functions of the model's own are not read; inline them",
                            r->source.name);
    r->o->opset = (int)opset;
    r->o->ir = (int)p->ir_version;
    return 0;
}

static int reader_metadata(const struct reader *r, const Onnx__ModelProto *p)
{
    struct rt_onnx *o = r->o;
    if (p->n_metadata_props > TEXTS_MAX)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: %zu metadata, at most %d are read",
                            r->source.name, p->n_metadata_props, TEXTS_MAX);
    RT_TRY(reader_room(r, &o->text, p->n_metadata_props, sizeof *o->text));
    for (size_t i = 0; i < p->n_metadata_props; i++) {
        const char *key = p->metadata_props[i]->key ? p->metadata_props[i]->key : "";
        if (rt_onnx_text(o, key))
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: metadata '%.60s' stands twice",
                                r->source.name, key);
        struct rt_onnx_text *t = &o->text[i];
        RT_TRY(reader_text(r, &t->key, key));
        o->texts++; /* counted only with its key, by which others are looked up */
        RT_TRY(reader_text(r, &t->value, p->metadata_props[i]->value));
    }
    return 0;
}

static int reader_model(const struct reader *r, const Onnx__ModelProto *p)
{
    struct rt_onnx *o = r->o;
    const Onnx__GraphProto *g = p->graph;
    if (!g)
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: no graph; not an ONNX file",
                            r->source.name);
    RT_TRY(reader_opset(r, p));
    RT_TRY(reader_text(r, &o->producer, p->producer_name));
    RT_TRY(reader_text(r, &o->producer_version, p->producer_version));
    RT_TRY(reader_metadata(r, p));
    RT_TRY(reader_graph_parts(r, g));
    return rt_onnx_check(o, r->source.name, r->source.e);
}

/* ---- from protobuf's structs ---- */

/* protobuf-c's memory: it does not say why it fails, so this remembers whether memory ran out. */
static void *protobuf_allocate(void *self, size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        *(bool *)self = true;
    return memory;
}

static void protobuf_release(void *self, void *memory)
{
    (void)self;
    free(memory);
}

int rt_onnx_parse(struct rt_onnx **out, const void *bytes, size_t size, const char *name,
                  const char *folder, struct rt_error *e)
{
    bool full = false;
    ProtobufCAllocator allocator = {protobuf_allocate, protobuf_release, &full};
    struct reader r = {.source = {.name = name, .folder = folder, .e = e}};
    *out = NULL;
    int rc = rt_onnx_scan(bytes, size, &r.source);
    if (rc)
        return rc;
    Onnx__ModelProto *p = onnx__model_proto__unpack(&allocator, size, bytes);
    if (full) {
        onnx__model_proto__free_unpacked(p, &allocator);
        return reader_no_memory(&r);
    }
    if (!p)
        return rt_error_set(e, RT_EFORMAT, "%s: %zu bytes: a field has the wrong kind; damaged, or "
                            "not an ONNX file", name, size);
    r.o = calloc(1, sizeof *r.o);
    rc = r.o ? reader_model(&r, p) : reader_no_memory(&r);
    onnx__model_proto__free_unpacked(p, &allocator);
    if (rc)
        rt_onnx_destroy(r.o);
    else
        *out = r.o;
    return rc;
}

int rt_onnx_read(struct rt_onnx **out, const char *path, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    *out = NULL;
    int rc = rt_file_read(path, RT_FILE_MAX, &bytes, &size, e);
    if (rc)
        return rc;
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        slash[slash == folder] = '\0'; /* "/x" lies in "/" */
    else if (folder)
        strcpy(folder, folder[0] ? "." : "");
    if (folder)
        rc = rt_onnx_parse(out, bytes, size, path, folder, e);
    else
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    free(folder);
    free(bytes);
    return rc;
}
