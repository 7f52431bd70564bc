/* SPDX-License-Identifier: MIT
 * kernel: the contract of one ONNX operator of a frozen graph: shape inference and computation side
 * by side in kernel_FAMILY.c; onnx_ops.def says which kernel serves which operator and opset.
 * Tensors are dense, in ONNX's own layout; bool holds 0 or 1. Kernels keep no state and run
 * on the calling thread, so equal inputs give equal bytes. */
#ifndef RT_KERNEL_H
#define RT_KERNEL_H

#include "formats/error.h"
#include "formats/onnx.h"
#include "formats/tensor.h"
#include "stages/nn/isa.h"
#include "stages/nn/walk.h"

#include <stdbool.h>

/* What a fused kernel (fused.h) does behind its sums: act(sum + bias + another input as the output is). */
struct rt_epilogue {
    enum rt_act act;
    float a, b;   /* of act */
    int other;    /* which input, or 0 = none */
    float number; /* what fused_ops.def says; and these */
    unsigned bits;
};

/* One use of a kernel. in[i] and out[i] are NULL where the node leaves them out. */
struct rt_kernel_call {
    const struct rt_kernel_op *op;
    const struct rt_onnx_node *node;
    const char *model; /* file name, for messages */
    int opset;
    int inputs, outputs;
    const struct rt_tensor **in;
    int *type; /* [inputs] ONNX's numbers of the elements in the file (INT8 is RT_I32 here), 0 = not known */
    int made; /* shape may set it: the same of output 0; 0 = as input 0, if that has its dtype */
    struct rt_tensor **out;
    void *scratch; /* [scratch_bytes], any content, 64-byte aligned */
    const void *prepared; /* what rt_kernel_once made, or NULL */
    size_t scratch_bytes;
    struct rt_epilogue epilogue;
    struct rt_error *e;
};

/* What a kernel makes of constant inputs once, for all runs. */
struct rt_kernel_once {
    size_t (*bytes)(struct rt_kernel_call *c); /* after shape; 0 = nothing */
    int (*make)(struct rt_kernel_call *c, void *to); /* to: 64-byte aligned. RT_EMEM */
};

struct rt_kernel {
    int inputs_min, inputs_max; /* max -1 = any number */
    int outputs_max;
    /* Checks everything that can be checked and gives each output's type and shape (rt_kernel_out);
     * asks for scratch memory through c->scratch_bytes. in[i]->data is NULL where the value is not
     * known yet; never for the inputs that onnx_ops.def lists as known. */
    int (*shape)(struct rt_kernel_call *c);
    /* Fills the outputs. Fails only for what depends on values (an index out of range). */
    int (*compute)(struct rt_kernel_call *c);
    const void *how; /* what sets this kernel apart from its family */
    const struct rt_kernel_once *once; /* or NULL */
};

/* Those that kernel_integer.c's are made of. */
extern const struct rt_kernel rt_kernel_conv, rt_kernel_matmul;
/* Nodes that hold graphs: marks, whose shape and compute only refuse. Who lays out a graph takes in what they hold. */
extern const struct rt_kernel rt_kernel_if, rt_kernel_loop;

#define RT_KERNEL_BY_SHAPE (1u << 31) /* of rt_kernel_op.known */

/* One row of onnx_ops.def. */
struct rt_kernel_op {
    const char *type;
    int first, last; /* opsets */
    const struct rt_kernel *kernel;
    unsigned known; /* bit i: input i decides the output's shape, so it must be known before */
    const char *attributes; /* names, a blank before and after each */
};

/* NULL when there is none for this opset. */
const struct rt_kernel_op *rt_kernel_find(const char *type, int opset);
/* Is the type known in any opset? Then first and last (may be NULL) are the outermost ones. */
bool rt_kernel_known(const char *type, int *first, int *last);
/* Of an operator that rt_kernel_find does not find: why, and what to do about it
 * (onnx_unread.def). Returns text. */
const char *rt_kernel_missing(char *text, size_t size, const char *type);
/* Refuses attributes that the row does not list or that have another kind than their name has. */
int rt_kernel_check_attributes(const struct rt_kernel_call *c);

/* Fills c->e with "FILE: node NAME (TYPE, opset N): ..." and returns code. */
int rt_kernel_refuse(const struct rt_kernel_call *c, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int rt_kernel_refuse_type(const struct rt_kernel_call *c, int input);
/* For kernels that know floats only: refuses the first input of another type. */
int rt_kernel_check_floats(const struct rt_kernel_call *c);

/* Attributes, with the value they have when left out. */
int64_t rt_kernel_int(const struct rt_kernel_call *c, const char *attribute, int64_t otherwise);
double rt_kernel_float(const struct rt_kernel_call *c, const char *attribute, double otherwise);
const char *rt_kernel_text(const struct rt_kernel_call *c, const char *attribute,
                           const char *otherwise);
/* Copies at most max numbers; how many, 0 when left out, or RT_E... when there are more than max. */
int rt_kernel_ints(const struct rt_kernel_call *c, const char *attribute, int64_t *value, int max);

/* Is input i there? Its value as whole numbers (I64 or I32), as rt_kernel_ints. */
bool rt_kernel_given(const struct rt_kernel_call *c, int i);
int rt_kernel_ints_in(const struct rt_kernel_call *c, int i, int64_t *value, int max);
/* The first number of input i; `otherwise` when left out. */
double rt_kernel_number_in(const struct rt_kernel_call *c, int i, double otherwise);
/* Element i := value, cut to a whole number where the type is one, and held inside of its bounds. */
void rt_kernel_put(struct rt_tensor *t, int64_t i, double value);

/* Sets output i's type and shape (nothing to do when it is left out). RT_ELARGE, RT_ERANGE. */
int rt_kernel_out(const struct rt_kernel_call *c, int i, enum rt_dtype dtype, int rank,
                  const int64_t *dim);
int rt_kernel_out_like(const struct rt_kernel_call *c, int i, const struct rt_tensor *t);
/* axis counted from the front; refuses one outside -rank .. rank-1. */
int rt_kernel_axis(const struct rt_kernel_call *c, int64_t axis, int rank, int *out);
/* The common shape of inputs from..to-1 under broadcasting. */
int rt_kernel_broadcast(const struct rt_kernel_call *c, int from, int to, int *rank, int64_t *dim);
/* Product of dimensions from..to-1. */
int64_t rt_kernel_span(const struct rt_tensor *t, int from, int to);
/* Copies all bytes: for kernels whose output is the input in another shape. */
int rt_kernel_copy(struct rt_kernel_call *c);

/* Pad's amounts for every dimension of input 0, all starts and then all ends, wherever the opset has them. */
int rt_kernel_pads(const struct rt_kernel_call *c, int64_t pad[2 * RT_TENSOR_RANK]);

/* How Resize and Upsample make place i of an axis: their number of taps, each a place of the input (-1: outside,
 * extrapolated) and its weight; or the refusal. For an axis that stays as it is: one tap. */
#define RT_RESIZE_TAPS 4
int rt_kernel_resize_taps(const struct rt_kernel_call *c, int axis, int64_t i, int64_t at[RT_RESIZE_TAPS],
                          double weight[RT_RESIZE_TAPS]);

#endif
