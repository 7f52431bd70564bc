/* SPDX-License-Identifier: MIT
 * op: the contract of one operation: shape, forward and backward side by side in one file op_*.c
 * that ends in its const vtable. Every op's gradient is checked against finite differences by
 * tests/. */
#ifndef RT_OP_H
#define RT_OP_H

#include "stages/nn/graph.h"
#include "stages/nn/parallel.h"
#include "stages/nn/scratch.h"

/* A sparse batch: CSR. */
struct rt_bags {
    const int32_t *offset; /* [batch + 1] */
    const int32_t *bucket; /* [offset[batch]] */
    const float *weight;   /* [offset[batch]] */
};

/* What an op gets to run on. Buffers are [batch, shape...]. dx[i] is NULL when that input needs no
 * gradient; otherwise backward adds into it when add[i], and overwrites it (any content) when not.
 * Inputs are served in order, as two may share one dx. Parameter gradients are added into
 * param->grad (NULL = frozen). */
struct rt_op_run {
    const struct rt_node *node;
    int batch;
    bool training;
    const struct rt_shape *in_shape[RT_NODE_INPUTS];
    const float *x[RT_NODE_INPUTS];
    const struct rt_bags *bags; /* of a bag input */
    float *y;                   /* forward writes; backward reads */
    const float *dy;
    float *dx[RT_NODE_INPUTS];
    bool add[RT_NODE_INPUTS];
    bool relu; /* the op also does the relu behind it (see fuses_relu): y is after it, dy too */
    /* The op also does the add behind it (see fuses_add): what is added, and its gradient as dx. */
    const float *other;
    float *dother;
    bool add_other;
    struct rt_param *param[RT_NODE_PARAMS];
    const void *prepared; /* weights as `prepare` laid them out, or NULL */
    void *saved; /* [rt_op.saved_bytes] written by forward while training, read by backward */
    struct rt_scratch scratch; /* as rt_op.scratch asks */
    uint64_t seed, step; /* dropout: masks follow from (seed, step, node name) */
    struct rt_parallel *parallel;
};

struct rt_op {
    const char *name;
    int inputs; /* 0: one or more */
    const char *const *functions; /* names of what attr.function chooses from, NULL at the end; or NULL */
    bool view;       /* y is x in another shape: same memory, nothing to run */
    bool fuses_relu; /* can do a relu that alone reads it; obeys rt_op_run.relu */
    bool fuses_add;  /* can do an add that alone reads it, and its relu; obeys rt_op_run.other */
    bool forward_fuses; /* the same two, in an execution that has no backward */
    /* What backward does not look at, so that it is not saved for it and its memory may serve others:
     * the inputs; the output (that behind a relu done for a neighbour is saved all the same). */
    bool unsaved_x, unsaved_y;
    bool dx_in_dy; /* backward may be given dx[0] = dy, when not add[0]: it reads a place before it writes */
    /* Output shape and parameters (through rt_op_param) from the inputs' shapes; fills *e. */
    int (*shape)(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                 struct rt_error *e);
    /* Bytes saved from forward for backward, 64-byte aligned, and scratch memory, for a batch no
     * smaller than any that runs; NULL = none. */
    size_t (*saved_bytes)(const struct rt_node *n, const struct rt_shape *in, int batch);
    struct rt_scratch_size (*scratch)(const struct rt_node *n, const struct rt_shape *in,
                                      int batch);
    /* For weights that do not change: bytes that hold them as forward reads them best, and laying them out there
     * (64-byte aligned), with one thread's scratch memory. With them forward asks for `prepared_scratch`. */
    size_t (*prepared_bytes)(const struct rt_node *n, const struct rt_shape *in);
    void (*prepare)(struct rt_op_run *r, void *prepared);
    struct rt_scratch_size (*prepared_scratch)(const struct rt_node *n, const struct rt_shape *in,
                                               int batch);
    void (*forward)(struct rt_op_run *r);
    void (*backward)(struct rt_op_run *r);
};

#define RT_OP(id, name, summary) extern const struct rt_op rt_op_##id;
#include "stages/nn/ops.def"
#undef RT_OP
const struct rt_op *rt_op_get(enum rt_op_id id);

/* Number of a name's random stream (initial weights, dropout masks). */
uint64_t rt_name_hash(const char *name);

/* For shape(): adds parameter "NODE.what" to the graph and the node. fan_in > 0: initialised
 * uniform within 1/sqrt(fan_in); otherwise constant `fill`. statistic: never trained, saved all the
 * same. */
int rt_op_param(struct rt_graph *g, struct rt_node *n, const char *what, int rank,
                const int64_t *dim, int64_t fan_in, float fill, bool decay, bool statistic);

#endif
