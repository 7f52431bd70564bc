/* SPDX-License-Identifier: MIT
 * onnx_read: bytes -> protobuf-c's structs -> ours. The bytes are scanned first (onnx_scan.c), so
 * that lengths, texts and depths are known to be good here; what is not read is refused by name.
 * Nodes, and functions of the model's own, are onnx_nodes.c's. */
#include "formats/file.h"
#include "formats/onnx_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IR_MIN 3
#define IR_MAX 13
#define TEXTS_MAX 10000

/* ---- what is refused, and where ----
 * What is known and could change what the network computes is either read or refused by name. What
 * is refused only where a node uses it (a foreign domain) does not harm a file that merely declares
 * it. Every message names file, node and field, since nobody can look into an ONNX file. */

int rt_onnx_no_memory(const struct rt_onnx_reader *r)
{
    return rt_error_set(r->source.e, RT_EMEM, "%s: out of memory", r->source.name);
}

int rt_onnx_take_text(const struct rt_onnx_reader *r, char **out, const char *text)
{
    *out = strdup(text ? text : "");
    return *out ? 0 : rt_onnx_no_memory(r);
}

int rt_onnx_take_room(const struct rt_onnx_reader *r, void *out, size_t n, size_t size)
{
    *(void **)out = calloc(n + 1, size);
    return *(void **)out ? 0 : rt_onnx_no_memory(r);
}

/* ---- values ----
 * A dimension that is a name or is absent stays open (-1), with the name kept: which one is the
 * batch is decided by whoever runs the network. */

static int reader_dims(struct rt_onnx_reader *r, struct rt_onnx_value *v,
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
            rt_onnx_take_text(r, &v->symbol[i], d->dim_param))
            return RT_EMEM;
    }
    return 0;
}

static int reader_value(struct rt_onnx_reader *r, struct rt_onnx_value *v,
                        const Onnx__ValueInfoProto *p, const char *what)
{
    char name[32];
    RT_TRY(rt_onnx_scope_name(r, &v->name, p->name));
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
                            "%s: %s '%.100s': elements of %s are not read; %s", r->source.name, what, v->name,
                            rt_onnx_type_name(t->elem_type, name), rt_onnx_type_hint(t->elem_type));
    v->type = t->elem_type;
    return t->shape ? reader_dims(r, v, t->shape, what) : 0;
}

static int reader_values(struct rt_onnx_reader *r, struct rt_onnx_value **out, int *count,
                         Onnx__ValueInfoProto *const *p, size_t n, const char *what)
{
    RT_TRY(rt_onnx_take_room(r, out, n, sizeof **out));
    for (size_t i = 0; i < n; i++) {
        /* Before IR 4 every initialiser also stood among the inputs; later ones may. */
        if (!strcmp(what, "input") && p[i]->name && rt_onnx_initializer(r->o, p[i]->name))
            continue;
        RT_TRY(reader_value(r, &(*out)[(*count)++], p[i], what));
    }
    return 0;
}

static int reader_initializers(struct rt_onnx_reader *r, const Onnx__GraphProto *g)
{
    struct rt_onnx *o = r->o;
    if (g->n_sparse_initializer > 0)
        return rt_error_set(r->source.e, RT_EMISMATCH, "%s: sparse initialisers are not read",
                            r->source.name);
    RT_TRY(rt_onnx_take_room(r, &o->initializer, g->n_initializer, sizeof *o->initializer));
    for (size_t i = 0; i < g->n_initializer; i++) {
        char who[160];
        struct rt_onnx_initializer *w = &o->initializer[o->initializers++];
        snprintf(who, sizeof who, "initialiser '%.100s'",
                 g->initializer[i]->name ? g->initializer[i]->name : "");
        RT_TRY(rt_onnx_scope_name(r, &w->name, g->initializer[i]->name));
        w->type = g->initializer[i]->data_type;
        RT_TRY(rt_onnx_take_tensor(&w->tensor, g->initializer[i], who, &r->source));
        RT_TRY(rt_onnx_scope_spend(r, 1 + (rt_tensor_bytes(&w->tensor) >> 10)));
    }
    return 0;
}

/* ---- the model ----
 * Initialisers are read and indexed before inputs, since old files list both as inputs. */

static int reader_graph_parts(struct rt_onnx_reader *r, const Onnx__GraphProto *g)
{
    struct rt_onnx *o = r->o;
    RT_TRY(rt_onnx_take_text(r, &o->graph, g->name));
    RT_TRY(rt_onnx_take_nodes(r, g));
    RT_TRY(reader_initializers(r, g));
    RT_TRY(rt_onnx_index(o, r->source.name, r->source.e));
    RT_TRY(reader_values(r, &o->input, &o->inputs, g->input, g->n_input, "input"));
    return reader_values(r, &o->output, &o->outputs, g->output, g->n_output, "output");
}

int rt_onnx_take_graph(struct rt_onnx_reader *r, struct rt_onnx **out, const Onnx__GraphProto *g, const char *who)
{
    if (!g)
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: no graph", r->source.name, who);
    struct rt_onnx_reader inside = *r;
    inside.o = *out = calloc(1, sizeof **out);
    inside.inside = true;
    inside.node_room = 0;
    if (!*out)
        return rt_onnx_no_memory(r);
    inside.o->opset = rt_onnx_scope_opset(r);
    inside.o->ir = r->o->ir;
    RT_TRY(rt_onnx_take_text(r, &inside.o->producer, NULL));
    RT_TRY(rt_onnx_take_text(r, &inside.o->producer_version, NULL));
    int rc = reader_graph_parts(&inside, g);
    r->expanded = inside.expanded;
    return rc;
}

static int reader_opset(const struct rt_onnx_reader *r, const Onnx__ModelProto *p)
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
    bool far = !p->has_ir_version || p->ir_version < IR_MIN || p->ir_version > IR_MAX;
    if (far && (!r->look || p->ir_version < 0 || p->ir_version > INT32_MAX))
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: IR version %" PRId64 "; %d to %d are read", r->source.name,
                            p->ir_version, IR_MIN, IR_MAX);
    far = opset < RT_ONNX_OPSET_MIN || opset > RT_ONNX_OPSET_MAX;
    if (far && (!r->look || opset < 0 || opset > INT32_MAX))
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: opset %" PRId64 "; %d to %d are read: export it anew with "
                            "opset_version=18, or convert it",
                            r->source.name, opset, RT_ONNX_OPSET_MIN, RT_ONNX_OPSET_MAX);
    r->o->opset = (int)opset;
    r->o->ir = (int)p->ir_version;
    return 0;
}

static int reader_metadata(const struct rt_onnx_reader *r, const Onnx__ModelProto *p)
{
    struct rt_onnx *o = r->o;
    if (p->n_metadata_props > TEXTS_MAX)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: %zu metadata, at most %d are read",
                            r->source.name, p->n_metadata_props, TEXTS_MAX);
    RT_TRY(rt_onnx_take_room(r, &o->text, p->n_metadata_props, sizeof *o->text));
    for (size_t i = 0; i < p->n_metadata_props; i++) {
        const char *key = p->metadata_props[i]->key ? p->metadata_props[i]->key : "";
        if (rt_onnx_text(o, key))
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: metadata '%.60s' stands twice",
                                r->source.name, key);
        struct rt_onnx_text *t = &o->text[i];
        RT_TRY(rt_onnx_take_text(r, &t->key, key));
        o->texts++; /* counted only with its key, by which others are looked up */
        RT_TRY(rt_onnx_take_text(r, &t->value, p->metadata_props[i]->value));
    }
    return 0;
}

static int reader_model(struct rt_onnx_reader *r, const Onnx__ModelProto *p)
{
    struct rt_onnx *o = r->o;
    const Onnx__GraphProto *g = p->graph;
    if (!g)
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: no graph; not an ONNX file",
                            r->source.name);
    RT_TRY(reader_opset(r, p));
    RT_TRY(rt_onnx_take_text(r, &o->producer, p->producer_name));
    RT_TRY(rt_onnx_take_text(r, &o->producer_version, p->producer_version));
    RT_TRY(reader_metadata(r, p));
    RT_TRY(rt_onnx_functions_open(r, p));
    RT_TRY(reader_graph_parts(r, g));
    if (rt_onnx_adopt_constants(o) < 0)
        return rt_onnx_no_memory(r);
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

static int reader_parse(struct rt_onnx **out, const void *bytes, size_t size, bool look,
                        const struct rt_onnx_source *source)
{
    bool full = false;
    ProtobufCAllocator allocator = {protobuf_allocate, protobuf_release, &full};
    struct rt_onnx_reader r = {.source = *source, .allocator = &allocator, .look = look};
    *out = NULL;
    int rc = rt_onnx_scan(bytes, size, &r.source);
    if (rc)
        return rc;
    Onnx__ModelProto *p = onnx__model_proto__unpack(&allocator, size, bytes);
    if (full) {
        onnx__model_proto__free_unpacked(p, &allocator);
        return rt_onnx_no_memory(&r);
    }
    if (!p)
        return rt_error_set(source->e, RT_EFORMAT, "%s: %zu bytes: a field has the wrong kind; damaged, or "
                            "not an ONNX file", source->name, size);
    r.o = calloc(1, sizeof *r.o);
    rc = r.o ? reader_model(&r, p) : rt_onnx_no_memory(&r);
    rt_onnx_functions_close(&r);
    onnx__model_proto__free_unpacked(p, &allocator);
    if (rc)
        rt_onnx_destroy(r.o);
    else
        *out = r.o;
    return rc;
}

int rt_onnx_parse(struct rt_onnx **out, const void *bytes, size_t size, const char *name,
                  const char *folder, struct rt_error *e)
{
    return reader_parse(out, bytes, size, false, &(struct rt_onnx_source){name, folder, e});
}

static int reader_file(struct rt_onnx **out, const char *path, bool look, struct rt_error *e)
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
        rc = reader_parse(out, bytes, size, look, &(struct rt_onnx_source){path, folder, e});
    else
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    free(folder);
    free(bytes);
    return rc;
}

int rt_onnx_read(struct rt_onnx **out, const char *path, struct rt_error *e)
{
    return reader_file(out, path, false, e);
}

int rt_onnx_look(struct rt_onnx **out, const char *path, struct rt_error *e)
{
    return reader_file(out, path, true, e);
}
