/* SPDX-License-Identifier: MIT
 * onnx: networks in the Open Neural Network Exchange format, as plain structs: nodes, initialisers,
 * inputs, outputs, opset, metadata. Nothing is run here, and no op is known here: whoever runs the
 * graph refuses ops it does not know. Other files never see protobuf.
 * Layout: one protobuf message ModelProto (onnx.proto of Debian's libonnx-dev); weights inside it,
 * or in files beside it ("external data").
 * Versions: opsets 7 to 21, IR versions 3 to 13 (those after 8 only add types, refused by type).
 * Functions of the model's own are gone when a file has been read: their nodes stand where they were called, under
 * names that begin with the call's first output and "::".
 * Not read: sparse tensors, sequences, strings as tensors.
 * Limits: file 2 GiB, rank RT_TENSOR_RANK, tensors as tensor.h, RT_ONNX_* below. */
#ifndef RT_ONNX_H
#define RT_ONNX_H

#include "formats/error.h"
#include "formats/tensor.h"
#include <stdbool.h>

#define RT_ONNX_OPSET_MIN 7
#define RT_ONNX_OPSET_MAX 21
#define RT_ONNX_NODES_MAX (1 << 20)
#define RT_ONNX_DEPTH_MAX 32 /* messages inside messages */

enum rt_onnx_kind {
    RT_ONNX_FLOAT,
    RT_ONNX_INT,
    RT_ONNX_STRING,
    RT_ONNX_TENSOR,
    RT_ONNX_FLOATS,
    RT_ONNX_INTS,
    RT_ONNX_STRINGS,
    RT_ONNX_GRAPH,
    RT_ONNX_KINDS
};

struct rt_onnx;

/* Of a node; only the member of its kind is set. */
struct rt_onnx_attr {
    char *name;
    enum rt_onnx_kind kind;
    float f;
    int64_t i;
    char *s; /* text, without NUL inside */
    struct rt_tensor t;
    int type;  /* ONNX's number of the tensor's elements in the file; 0: made here */
    int count; /* of floats, ints or strings */
    float *floats;
    int64_t *ints;
    char **strings;
    struct rt_onnx *graph; /* a branch, a loop's body: nodes, initialisers, inputs, outputs; opset as around it */
};

struct rt_onnx_node {
    char *name; /* may be "" */
    char *op;   /* "Conv", ...; the domain is always ai.onnx */
    char **input, **output; /* value names; "" = an optional one left out */
    int inputs, outputs;
    struct rt_onnx_attr *attr;
    int attrs;
    int opset; /* it is of: a function's nodes may be of another than the model; 0 = the model's */
    const char **outer; /* [outers] made by rt_onnx_check: the values around it that its graphs read */
    int outers;
};

/* What enters or leaves the graph. */
struct rt_onnx_value {
    char *name;
    enum rt_dtype dtype;
    int type; /* ONNX's number of the elements in the file, which may be narrower; 0: made here */
    int rank; /* -1 = the file does not say */
    int64_t dim[RT_TENSOR_RANK]; /* -1 = symbolic or unknown */
    char *symbol[RT_TENSOR_RANK]; /* "batch", ...; NULL = none */
};

/* How an initialiser's elements are written: as its tensor has them, or narrower (F32 as FLOAT16, I32 as INT8). */
enum rt_onnx_element { RT_ONNX_AS_IT_IS, RT_ONNX_FLOAT16, RT_ONNX_INT8 };

struct rt_onnx_initializer {
    char *name;
    struct rt_tensor tensor;
    int type; /* ONNX's number of the elements in the file; 0: made here */
    enum rt_onnx_element element;
};

struct rt_onnx_text {
    char *key, *value;
};

/* Owned by whoever created or read it; to be changed only through the functions below. */
struct rt_onnx {
    int opset, ir;
    char *producer, *producer_version, *graph; /* texts; may be "" */
    struct rt_onnx_node *node; /* in an order of execution */
    struct rt_onnx_value *input, *output; /* inputs without those that an initialiser fills */
    struct rt_onnx_initializer *initializer; /* in file order */
    struct rt_onnx_text *text; /* metadata_props, keys unique */
    int nodes, inputs, outputs, initializers, texts;
    int err; /* building: the first failure, which rt_onnx_write gives */
    struct rt_onnx_initializer **by_name; /* [initializers], made by rt_onnx_check */
};

/* Reads and checks (rt_onnx_check). Element types that dtypes.def lacks are converted: FLOAT16 and
 * BFLOAT16 to F32; INT8, INT16, UINT16 to I32; UINT32 to I64; the bytes of BOOL are 0 or 1.
 * External data must lie in the file's own folder or below it. Nodes come out sorted if the file's
 * are not. RT_EMISSING, RT_EFORMAT, RT_EMISMATCH (version, domain, type not read here), RT_ELARGE,
 * RT_EMEM; *e names the node with its op and opset, the tensor or the byte, and what is wrong. */
int rt_onnx_read(struct rt_onnx **out, const char *path, struct rt_error *e);
/* folder: where external data lies; NULL refuses it. name stands for the file in messages. */
int rt_onnx_parse(struct rt_onnx **out, const void *bytes, size_t size, const char *name,
                  const char *folder, struct rt_error *e);
/* For those who only tell what a file is, and run nothing: any opset and IR version, and nodes of foreign domains,
 * whose op is then "DOMAIN.OP", and which have no attributes. Else as rt_onnx_read. */
int rt_onnx_look(struct rt_onnx **out, const char *path, struct rt_error *e);
/* What to do about a file with nodes of this domain, in words. */
const char *rt_onnx_domain_hint(const char *domain);
void rt_onnx_destroy(struct rt_onnx *o);
void rt_onnx_node_fini(struct rt_onnx_node *n); /* all that it holds */

/* Looking up; NULL when absent. */
const struct rt_onnx_attr *rt_onnx_attr(const struct rt_onnx_node *n, const char *name);
const struct rt_tensor *rt_onnx_initializer(const struct rt_onnx *o, const char *name);
const char *rt_onnx_text(const struct rt_onnx *o, const char *key);
/* Of a file of ours that leaves dimension 1 of its input open: what it was in training; else -1. */
#define RT_ONNX_TIME "retort.time"
int64_t rt_onnx_time(const struct rt_onnx *o);
/* The dtype that elements of ONNX's type number (Cast's "to") have here; false when none. */
bool rt_onnx_dtype(int64_t type, enum rt_dtype *dtype);
int rt_onnx_type(enum rt_dtype dtype); /* the type number of a dtype */

/* Building. Everything is copied. A failure (memory, a name not UTF-8) is kept in o->err, so that a
 * network reads as a list of calls; rt_onnx_write then refuses. */
int rt_onnx_create(struct rt_onnx **out, int opset);
void rt_onnx_set_text(struct rt_onnx *o, const char *key, const char *value);
void rt_onnx_add_input(struct rt_onnx *o, const char *name, enum rt_dtype dtype, int rank,
                       const int64_t *dim, const char *batch); /* batch: symbol of dim[0] < 0 */
void rt_onnx_add_output(struct rt_onnx *o, const char *name, enum rt_dtype dtype, int rank,
                        const int64_t *dim, const char *batch);
/* Dimension `axis` of the input added last is left open, under this name. */
void rt_onnx_open_input(struct rt_onnx *o, int axis, const char *symbol);
void rt_onnx_add_initializer(struct rt_onnx *o, const char *name, const struct rt_tensor *t);
/* To be written narrower: *t is then what a reader will have, so its numbers are such as the element can hold. */
void rt_onnx_add_narrow(struct rt_onnx *o, const char *name, const struct rt_tensor *t, enum rt_onnx_element element);
/* Lists end with NULL. The node is valid until the next one is added; NULL after a failure, which
 * the calls below take. */
struct rt_onnx_node *rt_onnx_add_node(struct rt_onnx *o, const char *op, const char *name,
                                      const char *const *input, const char *const *output);
void rt_onnx_attr_int(struct rt_onnx *o, struct rt_onnx_node *n, const char *name, int64_t value);
void rt_onnx_attr_float(struct rt_onnx *o, struct rt_onnx_node *n, const char *name, float value);
void rt_onnx_attr_string(struct rt_onnx *o, struct rt_onnx_node *n, const char *name,
                         const char *value);
void rt_onnx_attr_ints(struct rt_onnx *o, struct rt_onnx_node *n, const char *name,
                       const int64_t *value, int count);
void rt_onnx_attr_tensor(struct rt_onnx *o, struct rt_onnx_node *n, const char *name,
                         const struct rt_tensor *t);

/* Every value is made once, every read value is made, outputs exist, no cycle; sorts the nodes and
 * makes rt_onnx_initializer quick. name stands for the file in messages. */
int rt_onnx_check(struct rt_onnx *o, const char *name, struct rt_error *e);

/* Checks, then writes: temporary name, fsync, rename. Equal contents give equal bytes; weights lie
 * inside. RT_ELARGE beyond 2 GiB. */
int rt_onnx_write(struct rt_onnx *o, const char *path, struct rt_error *e);

#endif
