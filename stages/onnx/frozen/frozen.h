/* SPDX-License-Identifier: MIT
 * frozen: an ONNX graph made ready to run, forward only, at fixed input shapes: what does not depend
 * on the inputs is computed once, what no wanted output needs is left out, and the memory of values
 * is shared by when they live. Samples never meet: give a batch of 1 where results must not depend on
 * neighbours. Operators: onnx_ops.def. Training networks are stages/nn's.
 * A struct rt_frozen is read only once made, so any number of threads may run it, each with a struct
 * rt_frozen_exec of its own. */
#ifndef RT_FROZEN_H
#define RT_FROZEN_H

#include "formats/error.h"
#include "formats/onnx.h"
#include "formats/tensor.h"

#include <stdbool.h>

struct rt_frozen;      /* opaque */
struct rt_frozen_blocks;
struct rt_frozen_exec; /* opaque: the memory of one run at a time */

struct rt_frozen_options {
    /* [model's inputs] their types and shapes; data NULL = given at each run, else a constant, which
     * must outlive the struct rt_frozen. NULL: as the file says, a leading unknown dimension = 1, an open
     * time of a file of ours as in its training. */
    const struct rt_tensor *input;
    /* Names of the wanted values, of the inside, too; NULL = the graph's outputs. */
    const char *const *output;
    int outputs;
    /* The file's operators one by one, slower: for thaw.h, and to compare with. */
    bool plain;
    /* Where what kernels make of weights is shared with other graphs of this model (frozen_blocks.h), or NULL. */
    struct rt_frozen_blocks *blocks;
};

/* model stays the caller's and must outlive *out (its weights are not copied); name stands for its
 * file in messages. RT_EMISMATCH, RT_EFORMAT, RT_ERANGE, RT_ELARGE, RT_EMEM: *e names node, operator
 * and opset. o may be NULL. */
int rt_frozen_create(struct rt_frozen **out, const struct rt_onnx *model, const char *name,
                     const struct rt_frozen_options *o, struct rt_error *e);
void rt_frozen_destroy(struct rt_frozen *f);

/* Inputs are the model's, in the file's order; outputs as wanted. *shape (may be NULL) has type and dimensions; its
 * data is not meant. Valid as long as f. */
int rt_frozen_outputs(const struct rt_frozen *f);
const char *rt_frozen_input(const struct rt_frozen *f, int i, const struct rt_tensor **shape);
const char *rt_frozen_output(const struct rt_frozen *f, int i, const struct rt_tensor **shape);
int rt_frozen_steps(const struct rt_frozen *f);   /* nodes left to run */
size_t rt_frozen_bytes(const struct rt_frozen *f); /* of one exec's values */
double rt_frozen_macs(const struct rt_frozen *f); /* multiply-adds of products, convolutions, recurrent layers */

/* What a step is: the operator and what is done with it ("Conv add relu"), the file's node, what it gives, and its
 * multiplications and additions (0 where they do not count). Texts and shape as long as f. */
struct rt_frozen_layer {
    char op[48];
    const char *name;
    const struct rt_tensor *shape;
    double flops;
};
void rt_frozen_layer(const struct rt_frozen *f, int step, struct rt_frozen_layer *l);

int rt_frozen_exec_create(struct rt_frozen_exec **out, const struct rt_frozen *f);
void rt_frozen_exec_destroy(struct rt_frozen_exec *x);
/* input[i]: the elements of input i in its shape (ignored where it is a constant). Fails only for
 * what depends on values, as an index out of range. */
int rt_frozen_run(struct rt_frozen_exec *x, const void *const *input, struct rt_error *e);
/* From now on adds the milliseconds of each step to ms[step]; NULL = no more. Borrowed. */
void rt_frozen_exec_profile(struct rt_frozen_exec *x, double *ms);
/* Output i of the last run; valid until the next. */
const struct rt_tensor *rt_frozen_result(const struct rt_frozen_exec *x, int i);

#endif
