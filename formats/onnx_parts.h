/* SPDX-License-Identifier: MIT
 * onnx_parts: what the files onnx*.c share among themselves. The only header besides onnx_read.c and
 * onnx_write.c that knows the generated protobuf code; nobody else includes it. */
#ifndef RT_ONNX_PARTS_H
#define RT_ONNX_PARTS_H

#include "formats/onnx.h"
#include <onnx.pb-c.h> /* generated from onnx.proto into the build folder */

/* Where a message comes from, for what is refused in it. */
struct rt_onnx_source {
    const char *name;   /* of the file */
    const char *folder; /* of external data, or NULL */
    struct rt_error *e;
};

struct rt_onnx_function; /* of the model's own */
struct rt_onnx_scope;    /* a call of one; NULL stands for the model's own graph */

/* A file being read. */
struct rt_onnx_reader {
    struct rt_onnx *o;
    bool inside; /* a graph of a node */
    bool look;   /* rt_onnx_look: what would be refused for its version or domain is kept */
    struct rt_onnx_source source;
    ProtobufCAllocator *allocator;
    int node_room; /* that o->node has */
    struct rt_onnx_function *function; /* [functions] */
    int functions;
    const struct rt_onnx_scope *scope; /* the call whose function is being read */
    size_t expanded; /* what functions have made: names, nodes, KiB */
};

/* onnx_read.c: for all that reads. A text is copied ("" for NULL); room is a zeroed array of n elements, never
 * NULL for n = 0. */
int rt_onnx_no_memory(const struct rt_onnx_reader *r);
int rt_onnx_take_text(const struct rt_onnx_reader *r, char **out, const char *text);
int rt_onnx_take_room(const struct rt_onnx_reader *r, void *out, size_t n, size_t size);
/* A branch of an If, the body of a Loop. How deep they nest is bounded by the scan before. *out is freed with the
 * attribute, whole or not. */
int rt_onnx_take_graph(struct rt_onnx_reader *r, struct rt_onnx **out, const Onnx__GraphProto *g, const char *who);

/* onnx_nodes.c: the graph's nodes, with those of the functions that they call; one node; a zeroed one at the end. */
int rt_onnx_take_nodes(struct rt_onnx_reader *r, const Onnx__GraphProto *g);
int rt_onnx_take_node(struct rt_onnx_reader *r, const Onnx__NodeProto *p);
int rt_onnx_next_node(struct rt_onnx_reader *r, struct rt_onnx_node **n);

/* onnx_functions.c. close after a failed open, too. find: NULL when the node calls none. */
int rt_onnx_functions_open(struct rt_onnx_reader *r, const Onnx__ModelProto *p);
void rt_onnx_functions_close(struct rt_onnx_reader *r);
const struct rt_onnx_function *rt_onnx_function_find(const struct rt_onnx_reader *r, const Onnx__NodeProto *p);
int rt_onnx_function_expand(struct rt_onnx_reader *r, const struct rt_onnx_function *f, const Onnx__NodeProto *call);
/* What r->scope makes of a name, of an attribute (*out NULL: left out) and of the opset; spend refuses when the
 * functions of a file make too much. */
int rt_onnx_scope_name(struct rt_onnx_reader *r, char **out, const char *name);
int rt_onnx_scope_attribute(const struct rt_onnx_reader *r, const Onnx__AttributeProto *p, const char *who,
                            const Onnx__AttributeProto **out);
int rt_onnx_scope_opset(const struct rt_onnx_reader *r);
int rt_onnx_scope_spend(struct rt_onnx_reader *r, size_t things);

/* Walks the bytes of a message before anything is allocated for it: lengths, depth, text, parts
 * given twice, number of things. protobuf-c recurses without a limit and merges parts given twice. */
int rt_onnx_scan(const uint8_t *bytes, size_t size, const struct rt_onnx_source *source);
/* The same for one AttributeProto. */
int rt_onnx_scan_attribute(const uint8_t *bytes, size_t size, const struct rt_onnx_source *source);

/* One tensor, its data from wherever it lies; who: "initialiser 'w'", for messages. */
int rt_onnx_take_tensor(struct rt_tensor *t, const Onnx__TensorProto *p, const char *who,
                        const struct rt_onnx_source *source);
/* onnx_constants.c: after all has been read, and before rt_onnx_check. RT_EMEM. */
int rt_onnx_adopt_constants(struct rt_onnx *o);

/* Makes rt_onnx_initializer quick. */
int rt_onnx_index(struct rt_onnx *o, const char *name, struct rt_error *e);
/* "FLOAT", ...; "type 99" of a number that is none. */
const char *rt_onnx_type_name(int64_t type, char buffer[32]);
/* Of one that is not read: what to do. */
const char *rt_onnx_type_hint(int64_t type);

/* "node 'conv1' (Conv, opset 13)" */
#define RT_ONNX_WHO 200
const char *rt_onnx_who(char buffer[RT_ONNX_WHO], const struct rt_onnx_node *n, int opset);

#endif
