/* SPDX-License-Identifier: MIT
 * frozen_shapes: one ONNX graph asked by the names of its inputs, in any shapes that it takes: texts and recordings of
 * any length, pictures of any size; several samples at once where that changes no bit. It is made ready (frozen.h) for
 * each set of shapes that comes, and the last RT_FROZEN_SHAPES sets are kept: whoever has many lengths brings them to a
 * few (padding with a mask, or buckets).
 * A struct rt_frozen_shapes serves any number of threads; each has a struct rt_frozen_asker of its own. */
#ifndef RT_FROZEN_SHAPES_H
#define RT_FROZEN_SHAPES_H

#include "stages/onnx/frozen/frozen.h"

#define RT_FROZEN_SHAPES 16

struct rt_frozen_shapes; /* opaque */
struct rt_frozen_asker;  /* opaque */

/* What is given to one input: its type, shape and elements. Whole numbers and bools are brought to the file's type
 * (refused where one does not fit); floats must be floats there. */
struct rt_frozen_given {
    const char *name;
    struct rt_tensor tensor;
};

/* model stays the caller's and must outlive *out; output: names of the wanted values, of the inside, too; NULL = the
 * graph's outputs. Nothing is frozen yet: what is wrong with an operator is said by the first question. RT_EMISSING:
 * there is no such value; RT_EMEM. */
int rt_frozen_shapes_create(struct rt_frozen_shapes **out, const struct rt_onnx *model, const char *name,
                            const char *const *output, int outputs, struct rt_error *e);
void rt_frozen_shapes_destroy(struct rt_frozen_shapes *s); /* after its askers */

int rt_frozen_asker_create(struct rt_frozen_asker **out, struct rt_frozen_shapes *s); /* RT_EMEM */
void rt_frozen_asker_destroy(struct rt_frozen_asker *a);

/* Runs the graph. given: every input of the file once, in any order; those of one number that is whole (silero's
 * sample rate) may decide shapes and branches. Axes of one name have one size. RT_EMISSING, RT_EMISMATCH, RT_ERANGE
 * (inputs that do not fit, an index), and what rt_frozen_create fails with. */
int rt_frozen_ask(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count, struct rt_error *e);
/* As rt_frozen_ask, without running: whether the graph takes these shapes, and the memory for it. data may be NULL, but
 * of settings; types are the file's. What rt_frozen_answer then has is its shape alone. */
int rt_frozen_asker_ready(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count,
                          struct rt_error *e);
/* Output i of the last question, whose shape may be another each time; valid until the next one. */
const struct rt_tensor *rt_frozen_answer(const struct rt_frozen_asker *a, int i);
/* As rt_frozen_ask with several samples, along the first axis of every input but settings: `give` gets output 0 of each
 * as it is for that sample alone, bit for bit, whatever stands beside it. Together they go where that has been seen to
 * be so: the first question of each shape is answered both ways. What give fails with ends it. */
typedef int (*rt_frozen_give)(void *self, int sample, const struct rt_tensor *answer, struct rt_error *e);
int rt_frozen_ask_each(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count, int samples,
                       rt_frozen_give give, void *self, struct rt_error *e);
/* Has a graph been found whose samples do not go together? It is then asked for one at a time. */
bool rt_frozen_shapes_apart(struct rt_frozen_shapes *s);
/* How often the graph was made ready so far. */
int rt_frozen_shapes_made(struct rt_frozen_shapes *s);
/* Bytes of what kernels made of the weights, for all sets of shapes together. */
size_t rt_frozen_shapes_bytes(struct rt_frozen_shapes *s);

#endif
