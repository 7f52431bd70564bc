/* SPDX-License-Identifier: MIT
 * thaw_parts: what thaw.c (the graph), thaw_value.c and thaw_*.c (operators) share. The first error stays in t->err,
 * and every call after it does nothing, so that operators read as lists of nodes. */
#ifndef RT_THAW_PARTS_H
#define RT_THAW_PARTS_H

#include "stages/onnx/frozen/frozen_parts.h"
#include "stages/onnx/thaw/thaw.h"

/* Where a value of the file is: node's dimension i is the value's dimension axis[i]; those of 1 are
 * left out (a value of ones alone has shape [1] and rank 0 here). So a Transpose costs nothing, and
 * channels lie last in the network while they are dimension 1 of the file. */
struct rt_layout {
    int node, rank; /* node -1: not made yet */
    int axis[RT_NODE_RANK];
};

struct rt_thaw {
    struct rt_graph *g;
    const struct rt_frozen *f;
    struct rt_layout *layout; /* [f->values] */
    bool *weight;       /* [f->values] made of the file's float weights */
    int input, made;    /* node of the input; how many nodes were made, for their names */
    struct rt_frozen_step *step; /* being translated */
    struct rt_kernel_call call;  /* its attributes and constants */
    struct rt_error *e;
    int err;
};

/* One row of thaw.def. */
struct rt_thaw_op {
    const char *type;
    void (*make)(struct rt_thaw *t, int how);
    int how;
};

const struct rt_tensor *rt_thaw_tensor(const struct rt_thaw *t, int value); /* shape; data when known */
bool rt_thaw_constant(const struct rt_thaw *t, int value);
/* Its only number, when it is a float constant of one. */
bool rt_thaw_scalar(const struct rt_thaw *t, int value, float *number);
/* The constant input i of the step: RT_F32, else refused. */
const struct rt_tensor *rt_thaw_weight(struct rt_thaw *t, int i);
int rt_thaw_in(const struct rt_thaw *t, int i); /* value number of input i, -1 = left out */
void rt_thaw_refuse(struct rt_thaw *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A node of the network; its number, or 0 after an error. */
int rt_thaw_node(struct rt_thaw *t, enum rt_op_id op, const int *input, int inputs,
                 const struct rt_attr *attr);
int rt_thaw_unary(struct rt_thaw *t, int x, int function, float a, float b);
int rt_thaw_slice_node(struct rt_thaw *t, int x, const struct rt_attr *attr);
int rt_thaw_view(struct rt_thaw *t, int x, const struct rt_shape *shape);
const struct rt_shape *rt_thaw_shape(const struct rt_thaw *t, int node);
/* Parameter number k of a node := data. */
void rt_thaw_fill(struct rt_thaw *t, int node, int k, const float *data);

/* The value's dimensions `axis`, in this order, as those of a node; -1 is one of 1. All that are not 1
 * must be among them. A float constant becomes a parameter. */
int rt_thaw_arrange(struct rt_thaw *t, int value, const int *axis, int n);
/* How the value lies now (made when it was not). */
struct rt_layout rt_thaw_layout(struct rt_thaw *t, int value);
/* The value lies in node, whose dimensions are `axis` of it. */
void rt_thaw_bind(struct rt_thaw *t, int value, int node, const int *axis, int n);
/* Arranges so that the dimensions in set (bits) are neighbours; axis[*n] is the order, [*first,
 * *first + *count) the set's. Dimensions of 1 do not count. */
int rt_thaw_group(struct rt_thaw *t, int value, unsigned set, int axis[RT_NODE_RANK], int *n,
                  int *first, int *count);

/* How a value lies while places of its dimensions are taken; those of 1 that grow (bits) come to the front. */
struct rt_sliced {
    int node, n, axis[RT_NODE_RANK];
};
struct rt_sliced rt_thaw_sliced(struct rt_thaw *t, int value, unsigned grows);

#define RT_THAW(type, make, how) void rt_thaw_##make(struct rt_thaw *t, int function);
#include "stages/onnx/thaw/thaw.def"
#undef RT_THAW

#endif
