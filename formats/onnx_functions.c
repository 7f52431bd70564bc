/* SPDX-License-Identifier: MIT
 * onnx_functions: functions of a model's own, as PyTorch's newer exporter writes them: a node whose domain
 * and name are a function's is replaced by the function's nodes when the file is read, so that nobody
 * behind the reader knows functions. Used by onnx_nodes.c alone. */
#include "formats/onnx_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS_MAX 1000
#define DEPTH_MAX 32                /* functions inside functions; one that calls itself ends here */
#define EXPANDED_MAX ((size_t)1 << 20) /* names, nodes, attributes and KiB of tensors that functions make */
#define NAME_MAX_BYTES 4096         /* of a value inside */

/* The numbers of fields that Debian 12's onnx.proto does not have yet. */
enum { NODE_OVERLOAD = 8, FUNCTION_ATTRIBUTE_PROTO = 11, FUNCTION_OVERLOAD = 13 };

struct rt_onnx_function {
    const Onnx__FunctionProto *p;
    int opset;
    Onnx__AttributeProto **defaults; /* of attributes that a call may leave out */
    size_t n_defaults, known; /* the first `known` are the message's own */
};

/* One call. Names of values inside: the function's inputs and outputs are the call's, all others stand
 * behind the name of the call's first output, which no other value of the model has. */
struct rt_onnx_scope {
    const struct rt_onnx_scope *outer; /* where the call stands; NULL: in the graph itself */
    const struct rt_onnx_function *function;
    const Onnx__NodeProto *call;
    char **input, **output; /* as the call has them, in the model's names */
    size_t inputs, outputs; /* of both lists */
    const char *prefix;
    int depth;
};

/* ---- fields that the description of the format lacks ----
 * protobuf-c keeps what it does not know as bytes. Where a newer description knows the field, it is in the
 * struct: both are looked at, so that neither is read wrongly in silence. */

/* The content of unknown field number id, from the *at-th on; false when there is no further one. */
static bool unknown_next(const ProtobufCMessage *m, unsigned id, unsigned *at, const uint8_t **bytes, size_t *size)
{
    for (; *at < m->n_unknown_fields; ++*at) {
        const ProtobufCMessageUnknownField *f = &m->unknown_fields[*at];
        size_t used = 0;
        if (f->tag != id || f->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            continue;
        while (used < f->len && f->data[used] & 0x80)
            used++;
        used++; /* its length, which the scan has checked, stands before it */
        *bytes = f->data + used;
        *size = f->len > used ? f->len - used : 0;
        ++*at;
        return true;
    }
    return false;
}

static const void *known_member(const ProtobufCMessage *m, unsigned id, size_t *count)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(m->descriptor, id);
    if (f && count)
        memcpy(count, (const char *)m + f->quantifier_offset, sizeof *count);
    return f ? (const char *)m + f->offset : NULL;
}

/* A text, "" when it is not there. */
static void text_field(const ProtobufCMessage *m, unsigned id, const uint8_t **bytes, size_t *size)
{
    char *const *member = known_member(m, id, NULL);
    unsigned at = 0;
    *bytes = (const uint8_t *)"";
    *size = 0;
    if (member && *member) {
        *bytes = (const uint8_t *)*member;
        *size = strlen(*member);
    } else {
        unknown_next(m, id, &at, bytes, size);
    }
}

/* ---- the list of functions ---- */

static int function_defaults(struct rt_onnx_reader *r, struct rt_onnx_function *f)
{
    const ProtobufCMessage *m = &f->p->base;
    Onnx__AttributeProto **const *member;
    const uint8_t *bytes;
    size_t size, known = 0;
    unsigned at = 0;
    member = known_member(m, FUNCTION_ATTRIBUTE_PROTO, &known);
    RT_TRY(rt_onnx_take_room(r, &f->defaults, m->n_unknown_fields + known, sizeof *f->defaults));
    if (member && known > 0)
        memcpy(f->defaults, *member, known * sizeof *f->defaults);
    f->n_defaults = f->known = known;
    while (unknown_next(m, FUNCTION_ATTRIBUTE_PROTO, &at, &bytes, &size)) {
        if (rt_onnx_scan_attribute(bytes, size, &r->source) == 0)
            f->defaults[f->n_defaults] = onnx__attribute_proto__unpack(r->allocator, size, bytes);
        if (!f->defaults[f->n_defaults])
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: function '%.60s': an attribute's default cannot be read",
                                r->source.name, f->p->name);
        f->n_defaults++;
    }
    return 0;
}

/* Its own opset, or the model's where it imports none. */
static int function_opset(struct rt_onnx_reader *r, struct rt_onnx_function *f)
{
    int64_t opset = r->o->opset;
    for (size_t i = 0; i < f->p->n_opset_import; i++) {
        const char *domain = f->p->opset_import[i]->domain;
        if (!domain || !domain[0] || !strcmp(domain, "ai.onnx"))
            opset = f->p->opset_import[i]->version;
    }
    if (opset < RT_ONNX_OPSET_MIN || opset > RT_ONNX_OPSET_MAX)
        return rt_error_set(r->source.e, RT_EMISMATCH, "%s: function '%.60s': opset %" PRId64 "; %d to %d are read",
                            r->source.name, f->p->name, opset, RT_ONNX_OPSET_MIN, RT_ONNX_OPSET_MAX);
    f->opset = (int)opset;
    return 0;
}

int rt_onnx_functions_open(struct rt_onnx_reader *r, const Onnx__ModelProto *p)
{
    if (p->n_functions > FUNCTIONS_MAX)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: %zu functions, at most %d are read", r->source.name,
                            p->n_functions, FUNCTIONS_MAX);
    RT_TRY(rt_onnx_take_room(r, &r->function, p->n_functions, sizeof *r->function));
    for (size_t i = 0; i < p->n_functions; i++) {
        struct rt_onnx_function *f = &r->function[r->functions++];
        f->p = p->functions[i];
        if (!f->p->name || !f->p->name[0])
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: function %zu has no name", r->source.name, i);
        RT_TRY(function_opset(r, f));
        RT_TRY(function_defaults(r, f));
    }
    return 0;
}

void rt_onnx_functions_close(struct rt_onnx_reader *r)
{
    for (int i = 0; i < r->functions; i++) {
        for (size_t k = r->function[i].known; k < r->function[i].n_defaults; k++)
            onnx__attribute_proto__free_unpacked(r->function[i].defaults[k], r->allocator);
        free(r->function[i].defaults);
    }
    free(r->function);
    r->function = NULL;
    r->functions = 0;
}

static const char *domain_of(const char *domain)
{
    return domain && strcmp(domain, "ai.onnx") ? domain : "";
}

static bool function_is_called(const struct rt_onnx_function *f, const Onnx__NodeProto *p)
{
    const uint8_t *mine, *wanted;
    size_t size, other;
    if (strcmp(f->p->name, p->op_type ? p->op_type : "") ||
        strcmp(domain_of(f->p->domain), domain_of(p->domain)))
        return false;
    text_field(&f->p->base, FUNCTION_OVERLOAD, &mine, &size);
    text_field(&p->base, NODE_OVERLOAD, &wanted, &other);
    return size == other && !memcmp(mine, wanted, size);
}

const struct rt_onnx_function *rt_onnx_function_find(const struct rt_onnx_reader *r, const Onnx__NodeProto *p)
{
    for (int i = 0; i < r->functions; i++)
        if (function_is_called(&r->function[i], p))
            return &r->function[i];
    return NULL;
}

/* ---- inside of a call ----
 * A file of some kilobytes can describe functions of functions that make any number of nodes, so all that
 * they make is counted against one limit. */

int rt_onnx_scope_spend(struct rt_onnx_reader *r, size_t things)
{
    if (!r->scope)
        return 0;
    r->expanded += things;
    if (r->expanded < EXPANDED_MAX)
        return 0;
    return rt_error_set(r->source.e, RT_ELARGE, "%s: function '%.60s': the file's functions make more than %zu nodes "
                        "and names; export the network without functions", r->source.name, r->scope->function->p->name,
                        EXPANDED_MAX);
}

int rt_onnx_scope_opset(const struct rt_onnx_reader *r)
{
    return r->scope ? r->scope->function->opset : r->o->opset;
}

int rt_onnx_scope_name(struct rt_onnx_reader *r, char **out, const char *name)
{
    const struct rt_onnx_scope *scope = r->scope;
    if (!scope || !name || !name[0])
        return rt_onnx_take_text(r, out, name);
    const Onnx__FunctionProto *f = scope->function->p;
    size_t size = strlen(scope->prefix) + strlen(name) + 3;
    RT_TRY(rt_onnx_scope_spend(r, 1));
    for (size_t i = 0; i < f->n_input; i++)
        if (!strcmp(f->input[i], name))
            return rt_onnx_take_text(r, out, scope->input[i]);
    for (size_t i = 0; i < f->n_output; i++)
        if (!strcmp(f->output[i], name) && scope->output[i][0])
            return rt_onnx_take_text(r, out, scope->output[i]);
    if (size > NAME_MAX_BYTES)
        return rt_error_set(r->source.e, RT_ELARGE, "%s: function '%.60s': a name of %zu bytes", r->source.name,
                            f->name, size);
    RT_TRY(rt_onnx_take_room(r, out, size, 1));
    snprintf(*out, size, "%s::%s", scope->prefix, name);
    return 0;
}

static const Onnx__AttributeProto *attribute_find(Onnx__AttributeProto *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i]->name ? list[i]->name : "", name))
            return list[i];
    return NULL;
}

/* A reference goes to the call's attribute, which may be a reference itself where the call stands inside
 * of another function, and then to the function's default. */
int rt_onnx_scope_attribute(const struct rt_onnx_reader *r, const Onnx__AttributeProto *p, const char *who,
                            const Onnx__AttributeProto **out)
{
    const struct rt_onnx_scope *scope = r->scope;
    const Onnx__AttributeProto *value = p;
    while (value && value->ref_attr_name && value->ref_attr_name[0]) {
        const char *name = value->ref_attr_name;
        if (!scope)
            return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: attribute '%.60s' refers to '%.60s', but no function "
                                "is called here", r->source.name, who, p->name ? p->name : "", name);
        value = attribute_find(scope->call->attribute, scope->call->n_attribute, name);
        if (!value)
            value = attribute_find(scope->function->defaults, scope->function->n_defaults, name);
        scope = scope->outer;
    }
    if (value && p->has_type && value->has_type && p->type != value->type)
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: %s: attribute '%.60s' is of another type where the function "
                            "is called", r->source.name, who, p->name ? p->name : "");
    *out = value;
    return 0;
}

/* ---- calls ---- */

static void scope_close(struct rt_onnx_scope *s)
{
    for (size_t i = 0; s->input && i < s->inputs; i++)
        free(s->input[i]);
    for (size_t i = 0; s->output && i < s->outputs; i++)
        free(s->output[i]);
    free(s->input);
    free(s->output);
}

/* The call's names, "" for what it leaves out. */
static int scope_open(struct rt_onnx_reader *r, struct rt_onnx_scope *s)
{
    const Onnx__FunctionProto *f = s->function->p;
    const Onnx__NodeProto *call = s->call;
    if (call->n_input > f->n_input || call->n_output > f->n_output)
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: node '%.100s' calls function '%.60s' with %zu inputs and %zu "
                            "outputs, which has %zu and %zu", r->source.name, call->name ? call->name : "", f->name,
                            call->n_input, call->n_output, f->n_input, f->n_output);
    RT_TRY(rt_onnx_take_room(r, &s->input, f->n_input, sizeof *s->input));
    RT_TRY(rt_onnx_take_room(r, &s->output, f->n_output, sizeof *s->output));
    for (; s->inputs < f->n_input; s->inputs++)
        RT_TRY(rt_onnx_scope_name(r, &s->input[s->inputs],
                                  s->inputs < call->n_input ? call->input[s->inputs] : ""));
    for (; s->outputs < f->n_output; s->outputs++)
        RT_TRY(rt_onnx_scope_name(r, &s->output[s->outputs],
                                  s->outputs < call->n_output ? call->output[s->outputs] : ""));
    for (size_t i = 0; i < s->outputs && !s->prefix; i++)
        s->prefix = s->output[i][0] ? s->output[i] : NULL;
    if (!s->prefix)
        return rt_error_set(r->source.e, RT_EFORMAT, "%s: node '%.100s' (%.60s) makes nothing", r->source.name,
                            call->name ? call->name : "", f->name);
    return 0;
}

/* An output that is an input as it came: no node of the function makes it. */
static int scope_pass(struct rt_onnx_reader *r, const struct rt_onnx_scope *s, size_t output)
{
    const Onnx__FunctionProto *f = s->function->p;
    struct rt_onnx_node *n;
    for (size_t i = 0; i < f->n_input; i++)
        if (!strcmp(f->input[i], f->output[output]) && s->input[i][0] && s->output[output][0]) {
            RT_TRY(rt_onnx_next_node(r, &n));
            n->opset = s->function->opset;
            RT_TRY(rt_onnx_take_text(r, &n->op, "Identity"));
            RT_TRY(rt_onnx_take_text(r, &n->name, s->call->name));
            RT_TRY(rt_onnx_take_room(r, &n->input, 1, sizeof *n->input));
            RT_TRY(rt_onnx_take_room(r, &n->output, 1, sizeof *n->output));
            n->inputs = n->outputs = 1;
            RT_TRY(rt_onnx_take_text(r, &n->input[0], s->input[i]));
            return rt_onnx_take_text(r, &n->output[0], s->output[output]);
        }
    return 0;
}

/* The call's own names belong to the scope around it, everything behind them to its own. */
int rt_onnx_function_expand(struct rt_onnx_reader *r, const struct rt_onnx_function *f, const Onnx__NodeProto *call)
{
    int depth = r->scope ? r->scope->depth + 1 : 1;
    struct rt_onnx_scope s = {.outer = r->scope, .function = f, .call = call, .depth = depth};
    int rc = s.depth <= DEPTH_MAX ? scope_open(r, &s)
                                  : rt_error_set(r->source.e, RT_EFORMAT, "%s: function '%.60s' lies %d calls deep: it "
                                                 "calls itself", r->source.name, f->p->name, DEPTH_MAX);
    r->scope = &s;
    rc = rc ? rc : rt_onnx_scope_spend(r, 1 + s.inputs + s.outputs);
    for (size_t i = 0; rc == 0 && i < f->p->n_node; i++)
        rc = rt_onnx_take_node(r, f->p->node[i]);
    for (size_t i = 0; rc == 0 && i < f->p->n_output; i++)
        rc = scope_pass(r, &s, i);
    r->scope = s.outer;
    scope_close(&s);
    return rc;
}
