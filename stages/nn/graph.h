/* SPDX-License-Identifier: MIT
 * graph: a network as a list of ops with parameters; shapes without the batch dimension, channels
 * last ([height, width, channels], [time, channels], [features]). Built by presets.c; run by exec.c.
 * Nodes are numbered in order of creation, which is an order of execution. */
#ifndef RT_GRAPH_H
#define RT_GRAPH_H

#include "formats/error.h"
#include "formats/safetensors.h"
#include "formats/rng.h"
#include "stages/nn/shape.h"

#include <stdbool.h>
#include <stdint.h>

#define RT_NODE_INPUTS 8
#define RT_NODE_PARAMS 4
#define RT_NAME 64

enum rt_op_id {
#define RT_OP(id, name, summary) RT_OP_##id,
#include "stages/nn/ops.def"
#undef RT_OP
    RT_OPS
};

/* A weight or a running statistic. name is "layer.weight", unique in the graph. */
struct rt_param {
    char name[RT_NAME];
    int rank;
    int64_t dim[4];
    int64_t count;
    float *value;   /* [count], 64-byte aligned, owned by the graph */
    float *grad;    /* [count], sum over the batch; NULL for frozen ones and statistics */
    bool trainable; /* false: frozen, or a statistic that ops update themselves */
    bool statistic; /* ops update it while training */
    bool decay;     /* weight decay applies (matrices and kernels; not bias, not batch-norm) */
};

/* Attributes of all ops; each op reads those it names in its file. */
struct rt_attr {
    int units;                /* output channels or features */
    int kernel[2], stride[2]; /* [height, width]; 1-D ops use [0] (time) */
    int pad[2];               /* both sides */
    int dilation[2];
    int groups;    /* convolution: 0 = 1 */
    int buckets;   /* embedding bag */
    float rate;    /* dropout */
    float epsilon; /* batch-norm, l2-normalise, statistics pooling; 0 = the op's own */
    bool bias;
    bool frozen; /* parameters are not trained */
    int function;            /* unary, binary, reduce, softmax, slice: which of rt_op.functions */
    float number[2];         /* unary: a and b of its function; slice: what lies outside */
    struct rt_shape shape;   /* reshape, parameter */
    int order[RT_NODE_RANK]; /* transpose: dimension i of y is order[i] of x */
    int axis, axes;          /* the first dimension meant, and how many (0 = 1) */
    int begin, step;         /* slice: place i of y is place (begin + i * step) / divisor of x; */
    int divisor, count;      /* step and divisor 0 = 1; count places of y */
    bool transposed;         /* matmul: the second factor is stored [..,n,k] */
};

struct rt_node {
    enum rt_op_id op;
    char name[RT_NAME];
    int input[RT_NODE_INPUTS], inputs; /* node numbers */
    int param[RT_NODE_PARAMS], params; /* param numbers */
    struct rt_attr attr;
    struct rt_shape shape; /* of the output */
};

struct rt_graph; /* opaque */

/* One thread builds and owns a graph; while nobody changes it, any may read. RT_EMEM. */
int rt_graph_create(struct rt_graph **out);
/* An empty graph whose parameters, as nodes bring them, are those of `of` at the same places: read only, and `of` must
 * outlive it. A node whose parameter is not there, or of another shape, is refused: RT_EMISMATCH. */
int rt_graph_create_view(struct rt_graph **out, const struct rt_graph *of);
void rt_graph_destroy(struct rt_graph *g); /* NULL is fine */

/* Each returns the node's number, or RT_E... (bad input number, shape that does not fit the op: *e
 * says the node's name, the op, both shapes). name is copied and must be unique. */
int rt_graph_input(struct rt_graph *g, const char *name, struct rt_shape shape);
int rt_graph_bag(struct rt_graph *g, const char *name, int buckets); /* sparse input */
int rt_graph_node(struct rt_graph *g, enum rt_op_id op, const char *name, const int *input,
                  int inputs, const struct rt_attr *attr, struct rt_error *e);

int rt_graph_nodes(const struct rt_graph *g);
const struct rt_node *rt_graph_at(const struct rt_graph *g, int node);
int rt_graph_find(const struct rt_graph *g, const char *name); /* node number or -1 */
int rt_graph_params(const struct rt_graph *g);
struct rt_param *rt_graph_param(struct rt_graph *g, int i);
struct rt_param *rt_graph_param_named(struct rt_graph *g, const char *name); /* or NULL */
int64_t rt_graph_weights(const struct rt_graph *g); /* trainable numbers in all */

/* Numbers from..from+count-1 of a trainable parameter. */
struct rt_part {
    int param;
    int64_t from, count;
};
/* All that is trained, in the order of the parameters, in parts of at most `grain` numbers: what one
 * loop over all of it takes as its pieces. *out is the caller's to free. How many, or RT_EMEM. */
int rt_graph_parts(struct rt_part **out, const struct rt_graph *g, int64_t grain);

/* The most numbers all parameters may have from now on: RT_ELARGE beyond. For networks from outside,
 * whose weights are at hand. */
void rt_graph_limit(struct rt_graph *g, int64_t numbers);

/* The first `nodes` nodes as text (graph_text.c), malloc'ed; NULL = out of memory. */
char *rt_graph_text(const struct rt_graph *g, int nodes);
/* Adds the nodes of such a text to an empty graph. RT_EFORMAT and what rt_graph_node gives; *e names
 * the line. */
int rt_graph_parse(struct rt_graph *g, const char *text, struct rt_error *e);

/* Initial values of all parameters, statistics as well: weights He-uniform as in PyTorch's defaults
 * (kaiming_uniform, a = sqrt 5), from seed and the parameter's name alone. */
void rt_graph_init(struct rt_graph *g, uint64_t seed);
void rt_graph_init_node(struct rt_graph *g, int node, uint64_t seed); /* of one node alone */
/* Every parameter under prefix + its name. save: copied into s; RT_EMEM, RT_EUSAGE (name
 * taken). load: RT_EMISMATCH, by name, where one is missing or has another shape; then nothing is
 * changed. */
int rt_graph_save(const struct rt_graph *g, struct rt_safetensors *s, const char *prefix);
int rt_graph_load(struct rt_graph *g, const struct rt_safetensors *s, const char *prefix,
                  struct rt_error *e);

#endif
