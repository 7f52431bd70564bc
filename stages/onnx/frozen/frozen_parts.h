/* SPDX-License-Identifier: MIT
 * frozen_parts: what frozen.c (making), frozen_scope.c (values by name), frozen_flow.c (If, Loop), frozen_fuse.c and
 * frozen_last.c (speed), frozen_exec.c (running), frozen_plan.c (memory) and thaw*.c (training) share. */
#ifndef RT_FROZEN_PARTS_H
#define RT_FROZEN_PARTS_H

#include "stages/onnx/frozen/frozen.h"
#include "stages/onnx/frozen/frozen_blocks.h"
#include "stages/onnx/kernels/kernel.h"

/* A named tensor. known: its elements are there for good (weights, constants, folded results);
 * otherwise it lies in an exec's memory at `offset`. */
struct rt_frozen_value {
    const char *name;
    struct rt_tensor t;
    int type; /* ONNX's number of its elements where the file says it, else 0 */
    bool needed, made, known, owned;
    int same; /* the value whose memory it shares (a Reshape's input), or its own number */
    int first, last; /* steps that write it and read it last; first -1: before all steps */
    size_t offset;
};

/* A node that runs. in and out are value numbers, -1 = left out. */
struct rt_frozen_step {
    const struct rt_kernel_op *op;
    const struct rt_onnx_node *node;
    int inputs, outputs; /* as the node has; of a loop's collected outputs, as it has turns */
    int *in, *out;
    struct rt_epilogue epilogue;
    size_t scratch_bytes, scratch;
    void *prepared; /* what its kernel made of constant inputs */
    struct rt_frozen_blocks *blocks; /* whose `prepared` is; NULL: its own */
    struct rt_frozen_body *body; /* graphs inside that are run with it (frozen_body.c), for its kernel; or NULL */
};

/* The names of one graph: the file's own, or that of a branch or a loop's body, anew each time that it is taken in. */
struct rt_frozen_scope {
    const struct rt_onnx *graph;
    const struct rt_frozen_scope *around; /* NULL: the file's own */
    int first, names;
    int *by_name; /* [names] value numbers in the order of their names */
    int input;    /* the number of the graph's first input; the others follow */
};

struct rt_frozen {
    const struct rt_onnx *model;
    char *name;
    bool plain; /* steps are the file's nodes */
    struct rt_frozen_blocks *blocks; /* or NULL */
    struct rt_frozen_value *value;
    int values, values_room;
    struct rt_frozen_scope scope;
    struct rt_frozen_step *step;
    int steps, steps_room;
    int64_t turned; /* nodes in loops, once for each turn */
    int *output; /* [outputs] value numbers */
    int outputs;
    size_t bytes;
    double macs; /* multiply-adds of one run */
};

/* The number of a value of the file's own graph, or -1. Initialisers are the first values, in the file's order. */
int rt_frozen_find(const struct rt_frozen *f, const char *name);
/* Gives numbers to what a graph names; the values of inputs are the caller's to set. RT_EMEM; close after it, too. */
int rt_frozen_scope_open(struct rt_frozen *f, struct rt_frozen_scope *s, const struct rt_onnx *graph,
                         const struct rt_frozen_scope *around);
void rt_frozen_scope_close(struct rt_frozen_scope *s);
/* Here, else around; -1 when nowhere. */
int rt_frozen_scope_find(const struct rt_frozen *f, const struct rt_frozen_scope *s, const char *name);
/* Is an output of the graph's node needed? */
bool rt_frozen_scope_needs(const struct rt_frozen *f, const struct rt_frozen_scope *s, const struct rt_onnx_node *n);
/* Marks what the graph's needed values (of those marked so far) need in turn. */
void rt_frozen_scope_mark_needed(struct rt_frozen *f, const struct rt_frozen_scope *s);
/* Takes in the graph's nodes. What rt_frozen_create fails with. */
int rt_frozen_scope_add(struct rt_frozen *f, const struct rt_frozen_scope *s, struct rt_error *e);
/* `to` is another name of `from`. */
void rt_frozen_alias(struct rt_frozen *f, int to, int from);
void rt_frozen_value_known(struct rt_frozen_value *v);
/* Appends a step whose outputs have their shapes. On success it is f's. RT_EMEM. */
int rt_frozen_append(struct rt_frozen *f, const struct rt_frozen_step *s);

/* frozen_flow.c: takes in the graphs of an If or a Loop, as far as they are known, and makes the node's outputs names
 * of theirs. node: its values (not to be kept). */
bool rt_frozen_holds_graphs(const struct rt_kernel *k);
int rt_frozen_take_in(struct rt_frozen *f, const struct rt_frozen_scope *around, const struct rt_frozen_step *node,
                      const struct rt_kernel_call *c);

/* frozen_body.c: appends a step that runs what is chosen by the data: a branch, or a body for as long as it says so. */
int rt_frozen_take_branches(struct rt_frozen *f, const struct rt_frozen_scope *around,
                            const struct rt_frozen_step *node, const struct rt_kernel_call *c,
                            const struct rt_onnx *no, const struct rt_onnx *yes);
int rt_frozen_take_turns(struct rt_frozen *f, const struct rt_frozen_scope *around,
                         const struct rt_frozen_step *node, const struct rt_kernel_call *c, const struct rt_onnx *body);
void rt_frozen_body_destroy(struct rt_frozen_body *b);

/* ---- what makes it quick: the same results by fewer or better operators (fused.h) ----
 * Each leaves steps behind that nobody reads any more. RT_EMEM. */
int rt_frozen_fuse(struct rt_frozen *f);          /* what one operator does better than several (frozen_fuse.c) */
int rt_frozen_channels_last(struct rt_frozen *f); /* convolutions and what is between them (frozen_last.c) */
int rt_frozen_fuse_behind(struct rt_frozen *f);   /* what follows a product or convolution goes into it */
/* A new value without a name of its own, or -1: no memory. */
int rt_frozen_value_add(struct rt_frozen *f, const char *name);
/* A step's shapes and scratch memory, from those of its inputs. */
int rt_frozen_step_shape(struct rt_frozen *f, struct rt_frozen_step *s);
void rt_frozen_step_fini(struct rt_frozen_step *s);
/* The node's own: nodes of a function may be of another opset than the file. */
static inline int rt_frozen_opset(const struct rt_frozen *f, const struct rt_onnx_node *n)
{
    return n->opset ? n->opset : f->model->opset;
}
/* A call of the step's kernel, its pointers to tensors still NULL: they go to the values' own tensors
 * while the graph is made or thawed, to an exec's while it runs. fini after a failed init, too. RT_EMEM. */
int rt_frozen_call_init(struct rt_kernel_call *c, const struct rt_frozen *f,
                        const struct rt_frozen_step *s, struct rt_error *e);
void rt_frozen_call_fini(struct rt_kernel_call *c);
/* Of the steps as they are now. */
double rt_frozen_count_macs(const struct rt_frozen *f);
/* Gives every value that is not known, and every step's scratch memory, a place. RT_EMEM. */
int rt_frozen_plan(struct rt_frozen *f);

#endif
