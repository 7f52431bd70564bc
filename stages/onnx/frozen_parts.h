/* SPDX-License-Identifier: MIT
 * frozen_parts: what frozen.c (making), frozen_exec.c (running), frozen_plan.c (memory) and thaw*.c
 * (training) share. */
#ifndef RT_FROZEN_PARTS_H
#define RT_FROZEN_PARTS_H

#include "stages/onnx/frozen.h"
#include "stages/onnx/kernel.h"

/* A named tensor. known: its elements are there for good (weights, constants, folded results);
 * otherwise it lies in an exec's memory at `offset`. */
struct rt_frozen_value {
    const char *name;
    struct rt_tensor t;
    bool needed, made, known, owned;
    int same; /* the value whose memory it shares (a Reshape's input), or its own number */
    int first, last; /* steps that write it and read it last; first -1: before all steps */
    size_t offset;
};

/* A node that runs. in and out are value numbers, -1 = left out. */
struct rt_frozen_step {
    const struct rt_kernel_op *op;
    const struct rt_onnx_node *node;
    int *in, *out;
    size_t scratch_bytes, scratch;
    void *prepared; /* what its kernel made of constant inputs */
};

struct rt_frozen {
    const struct rt_onnx *model;
    struct rt_onnx *own; /* the model, when rt_frozen_open read it */
    char *name;
    struct rt_frozen_value *value;
    int values;
    int *by_name; /* [values] value numbers in the order of their names */
    struct rt_frozen_step *step;
    int steps;
    int *input, *output; /* value numbers */
    int outputs;
    size_t bytes;
};

/* The number of a value, or -1. Initialisers are the first values, in the file's order. */
int rt_frozen_find(const struct rt_frozen *f, const char *name);
/* A call of the step's kernel, its pointers to tensors still NULL: they go to the values' own tensors
 * while the graph is made or thawed, to an exec's while it runs. fini after a failed init, too. RT_EMEM. */
int rt_frozen_call_init(struct rt_kernel_call *c, const struct rt_frozen *f,
                        const struct rt_frozen_step *s, struct rt_error *e);
void rt_frozen_call_fini(struct rt_kernel_call *c);
/* Gives every value that is not known, and every step's scratch memory, a place. RT_EMEM. */
int rt_frozen_plan(struct rt_frozen *f);

#endif
