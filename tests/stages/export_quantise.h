/* SPDX-License-Identifier: MIT
 * export_quantise: the ranges of a model's values on one golden input, for the tests of export in 8 bits. */
#ifndef RT_EXPORT_QUANTISE_H
#define RT_EXPORT_QUANTISE_H

#include "stages/model/model_onnx.h"
#include "stages/model/model_quantise.h"
#include "stages/model/net.h"

#include <stdlib.h>

/* [*places], malloc'ed; NULL: it cannot be done. */
static inline struct rt_range *export_ranges(const struct rt_model *m, const struct rt_golden *g, int *places)
{
    struct rt_model probe;
    struct rt_net *n = NULL;
    struct rt_net_outputs out;
    struct rt_error e = {0};
    const float *x = g->input.data;
    int64_t size = rt_tensor_count(&g->input);
    bool bag = rt_graph_at(m->graph, 0)->op == RT_OP_bag;
    if (rt_model_probe(&probe, m, places, &e) < 0)
        return NULL;
    int32_t offset[2] = {0, 0}, *bucket = calloc((size_t)size, sizeof *bucket);
    float *weight = calloc((size_t)size, sizeof *weight);
    struct rt_range *range = calloc((size_t)*places, sizeof *range);
    for (int64_t i = 0; bag && i < size; i++)
        if (x[i] != 0) {
            bucket[offset[1]] = (int32_t)i;
            weight[offset[1]++] = x[i];
        }
    const struct rt_bags bags = {offset, bucket, weight};
    if (rt_net_create(&n, &probe, 1) < 0 || rt_net_run(n, 1, bag ? NULL : x, bag ? &bags : NULL, &out, &e) < 0) {
        free(range);
        range = NULL;
    }
    for (int i = 0; range && i < *places; i++)
        range[i] = (struct rt_range){out.embedding[2 * i], out.embedding[2 * i + 1]};
    free(bucket);
    free(weight);
    rt_net_destroy(n);
    rt_model_fini(&probe);
    return range;
}

#endif
