/* SPDX-License-Identifier: MIT
 * census: what an ONNX graph is made of: its operators with their counts, those in branches and bodies included, which
 * of them cannot be run here and why, and its weights. Nothing is run here. */
#ifndef RT_CENSUS_H
#define RT_CENSUS_H

#include "formats/error.h"
#include "formats/onnx.h"

struct rt_census_op {
    const char *type;  /* "Conv"; of the model */
    int count;
    const char *node;  /* of one that cannot be run: the first such node's name, else NULL */
    char missing[200]; /* and why: "unknown operator", ... */
};

struct rt_census {
    struct rt_census_op *op; /* [ops] the most frequent first */
    int ops, missing;        /* missing: how many of them cannot be run */
    int64_t nodes;
    int64_t weights; /* numbers in initialisers and constants that are floats, or 8-bit ones of such a layer */
};

/* m must outlive *c. An opset that is not read counts as the nearest that is. RT_EMEM. fini after it, too. */
int rt_census_take(struct rt_census *c, const struct rt_onnx *m);
void rt_census_fini(struct rt_census *c);

#endif
