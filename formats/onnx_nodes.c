/* SPDX-License-Identifier: MIT
 * onnx_nodes: nodes and their attributes, protobuf-c's structs -> ours. A node that calls a function of
 * the model's own becomes the function's nodes (onnx_functions.c says which names they have then). The
 * rest of a file is onnx_read.c's. */
#include "formats/onnx_parts.h"
#include "formats/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRS_MAX 1000 /* of one node; both lists are searched name by name */

/* ---- small parts ---- */

static int nodes_texts(struct rt_onnx_reader *r, char ***out, int *count,
                       char *const *text, size_t n)
{
    *count = 0;
    RT_TRY(rt_onnx_take_room(r, out, n, sizeof **out));
    for (; (size_t)*count < n; ++*count)
        RT_TRY(rt_onnx_scope_name(r, &(*out)[*count], text[*count]));
    return 0;
}

/* ---- attributes ----
 * Kinds that no operator of ours reads (sparse tensors) are refused with the
 * attribute's name, not passed over: a node without them would compute something else. */

/* Bytes that must be text: no NUL, UTF-8. */
static int nodes_bytes(const struct rt_onnx_reader *r, char **out, const ProtobufCBinaryData *b,
                       const char *who)
{
    if (b->len > 0 &&
        (memchr(b->data, 0, b->len) || rt_utf8_check((const char *)b->data, b->len) != b->len))
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: a text is not UTF-8", r->source.name,
                            who);
    *out = calloc(b->len + 1, 1);
    if (*out && b->len > 0)
        memcpy(*out, b->data, b->len);
    return *out ? 0 : rt_onnx_no_memory(r);
}

static int nodes_numbers(const struct rt_onnx_reader *r, struct rt_onnx_attr *a,
                         const Onnx__AttributeProto *p)
{
    if (a->kind == RT_ONNX_FLOATS) {
        RT_TRY(rt_onnx_take_room(r, &a->floats, p->n_floats, sizeof *a->floats));
        if (p->n_floats > 0)
            memcpy(a->floats, p->floats, p->n_floats * sizeof *a->floats);
        a->count = (int)p->n_floats;
    } else {
        RT_TRY(rt_onnx_take_room(r, &a->ints, p->n_ints, sizeof *a->ints));
        if (p->n_ints > 0)
            memcpy(a->ints, p->ints, p->n_ints * sizeof *a->ints);
        a->count = (int)p->n_ints;
    }
    return 0;
}

static int nodes_strings(const struct rt_onnx_reader *r, struct rt_onnx_attr *a,
                         const Onnx__AttributeProto *p, const char *who)
{
    RT_TRY(rt_onnx_take_room(r, &a->strings, p->n_strings, sizeof *a->strings));
    for (a->count = 0; (size_t)a->count < p->n_strings; a->count++)
        RT_TRY(nodes_bytes(r, &a->strings[a->count], &p->strings[a->count], who));
    return 0;
}

static int nodes_attribute(struct rt_onnx_reader *r, struct rt_onnx_attr *a, const char *name,
                           const Onnx__AttributeProto *p, const char *node)
{
    char who[RT_ONNX_WHO + 100];
    snprintf(who, sizeof who, "%s: attribute '%.60s'", node, name);
    RT_TRY(rt_onnx_take_text(r, &a->name, name));
    switch (p->has_type ? (int)p->type : -1) {
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
        return nodes_bytes(r, &a->s, &p->s, who);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
        a->kind = RT_ONNX_TENSOR;
        if (!p->t)
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: no tensor", r->source.name, who);
        a->type = p->t->data_type;
        return rt_onnx_take_tensor(&a->t, p->t, who, &r->source);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        a->kind = p->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS ? RT_ONNX_INTS
                                                                         : RT_ONNX_FLOATS;
        return nodes_numbers(r, a, p);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
        a->kind = RT_ONNX_STRINGS;
        return nodes_strings(r, a, p, who);
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
        a->kind = RT_ONNX_GRAPH;
        return rt_onnx_take_graph(r, &a->graph, p->g, who);
    default:
        return rt_error_set(r->source.e, RT_EMISMATCH,
                            "%s: %s: neither number, text, tensor nor graph: sparse tensors are not read",
                            r->source.name, who);
    }
}

/* ---- nodes ---- */

/* Who refuses a domain says what to do about it: most come from a step after the export that can be left out. */
const char *rt_onnx_domain_hint(const char *domain)
{
    static const struct {
        const char *domain, *hint;
    } known[] = {
        {"com.microsoft", "the file was optimised or quantised for ONNX Runtime: take the one that was exported "
                          "(model.onnx or model_fp16.onnx where there is a model_q4.onnx), or quantise it as QDQ"},
        {"ai.onnx.ml", "classifiers and trees of that domain are not networks; export the network behind them alone"},
        {"ai.onnx.preview.training", "export the network for inference"},
        {"org.pytorch.aten", "export it with operator_export_type=ONNX, or with dynamo=True"},
    };
    const char *hint = "export the network with ONNX's own ops";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(domain, known[i].domain, strlen(known[i].domain)) == 0)
            hint = known[i].hint;
    return hint;
}

static int nodes_refuse_domain(const struct rt_onnx_reader *r, const char *who, const char *domain)
{
    return rt_error_set(r->source.e, RT_EMISMATCH, "%s: %s: ops of domain '%.60s' are unknown here, and the file has "
                        "no function of this name; %s", r->source.name, who, domain, rt_onnx_domain_hint(domain));
}

/* Who only looks has the domain in the op's name, and no attributes: they may be of any kind. */
static int nodes_keep_foreign(const struct rt_onnx_reader *r, struct rt_onnx_node *n, const char *domain)
{
    char *op = NULL;
    if (asprintf(&op, "%s.%s", domain, n->op) < 0)
        return rt_onnx_no_memory(r);
    free(n->op);
    n->op = op;
    return 0;
}

static int nodes_attributes(struct rt_onnx_reader *r, struct rt_onnx_node *n,
                            const Onnx__NodeProto *p, const char *who)
{
    if (p->n_attribute > ATTRS_MAX)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: %s: %zu attributes, at most %d are read",
                            r->source.name, who, p->n_attribute, ATTRS_MAX);
    RT_TRY(rt_onnx_take_room(r, &n->attr, p->n_attribute, sizeof *n->attr));
    for (size_t i = 0; i < p->n_attribute; i++) {
        const char *name = p->attribute[i]->name ? p->attribute[i]->name : "";
        const Onnx__AttributeProto *value;
        if (rt_onnx_attr(n, name))
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: attribute '%.60s' stands twice",
                                r->source.name, who, name);
        RT_TRY(rt_onnx_scope_attribute(r, p->attribute[i], who, &value));
        if (!value)
            continue; /* left out where the function is called */
        if (value != p->attribute[i] && value->g)
            return rt_error_set(r->source.e, RT_EMISMATCH, "%s: %s: attribute '%.60s' is a graph that the function's "
                                "call gives; export the network without functions", r->source.name, who, name);
        /* Counted only with its name, so that a half-read one can be looked up and freed. */
        int rc = nodes_attribute(r, &n->attr[n->attrs], name, value, who);
        n->attrs += n->attr[n->attrs].name != NULL;
        RT_TRY(rc);
        RT_TRY(rt_onnx_scope_spend(r, 1 + (rt_tensor_bytes(&n->attr[n->attrs - 1].t) >> 10)));
    }
    return 0;
}

static int nodes_fill(struct rt_onnx_reader *r, struct rt_onnx_node *n,
                      const Onnx__NodeProto *p)
{
    char who[RT_ONNX_WHO];
    n->opset = rt_onnx_scope_opset(r);
    RT_TRY(rt_onnx_take_text(r, &n->op, p->op_type));
    RT_TRY(rt_onnx_scope_name(r, &n->name, p->name));
    RT_TRY(nodes_texts(r, &n->input, &n->inputs, p->input, p->n_input));
    RT_TRY(nodes_texts(r, &n->output, &n->outputs, p->output, p->n_output));
    rt_onnx_who(who, n, n->opset);
    if (p->domain && p->domain[0] && strcmp(p->domain, "ai.onnx"))
        return r->look ? nodes_keep_foreign(r, n, p->domain) : nodes_refuse_domain(r, who, p->domain);
    if (!n->op[0])
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s has no op", r->source.name, who);
    return nodes_attributes(r, n, p, who);
}

/* Grows by doubling, as functions make more nodes than the graph lists. */
int rt_onnx_next_node(struct rt_onnx_reader *r, struct rt_onnx_node **n)
{
    struct rt_onnx *o = r->o;
    if (o->nodes == RT_ONNX_NODES_MAX)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: more than %d nodes", r->source.name, RT_ONNX_NODES_MAX);
    RT_TRY(rt_onnx_scope_spend(r, 1));
    if (o->nodes == r->node_room) {
        int room = r->node_room ? 2 * r->node_room : 64;
        struct rt_onnx_node *grown = realloc(o->node, (size_t)room * sizeof *grown);
        if (!grown)
            return rt_onnx_no_memory(r);
        o->node = grown;
        r->node_room = room;
    }
    *n = &o->node[o->nodes++]; /* before it is read: a half-read one is to be freed too */
    memset(*n, 0, sizeof **n);
    return 0;
}

int rt_onnx_take_node(struct rt_onnx_reader *r, const Onnx__NodeProto *p)
{
    struct rt_onnx_node *n;
    const struct rt_onnx_function *f = rt_onnx_function_find(r, p);
    if (f)
        return rt_onnx_function_expand(r, f, p);
    RT_TRY(rt_onnx_next_node(r, &n));
    return nodes_fill(r, n, p);
}

int rt_onnx_take_nodes(struct rt_onnx_reader *r, const Onnx__GraphProto *g)
{
    for (size_t i = 0; i < g->n_node; i++)
        RT_TRY(rt_onnx_take_node(r, g->node[i]));
    return 0;
}
