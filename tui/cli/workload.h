/* SPDX-License-Identifier: MIT
 * workload: what `retort bench` times, on random numbers: a training step or the forward pass of a network
 * (workload_net.c), or the forward pass of an ONNX file (workload_file.c). */
#ifndef RT_WORKLOAD_H
#define RT_WORKLOAD_H

#include "formats/error.h"
#include "stages/nn/presets.h"
#include "tui/cli/sample_inputs.h"

#include <stdbool.h>
#include <stdint.h>

struct rt_workload_config {
    int batch, threads; /* a file's threads share the batch evenly */
    bool training;      /* of a network: forward, cross-entropy, backward, AdamW; else forward */
    bool layers;        /* keeps the time of each layer */
    const struct rt_sample_wish *wish; /* of a file */
};

struct rt_workload {
    /* Once. number: from 1; step 0 does not count in the times of layers. An error names the network or file. */
    int (*step)(struct rt_workload *w, uint64_t number, struct rt_error *e);
    /* Each layer's time in the mean of `steps`, and its share of the speed of the matrix product, peak: GFLOP/s of
     * one thread. */
    void (*print_layers)(const struct rt_workload *w, double peak, int steps);
    void (*destroy)(struct rt_workload *w);
    int64_t weights; /* of a network: that are trained */
};

/* *out is NULL on failure. */
int rt_workload_net(struct rt_workload **out, const char *name, const struct rt_preset_config *net,
                    const struct rt_workload_config *c, struct rt_error *e);
int rt_workload_file(struct rt_workload **out, const char *path, const struct rt_workload_config *c,
                     struct rt_error *e);

#endif
