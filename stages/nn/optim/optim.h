/* SPDX-License-Identifier: MIT
 * optim: one update of a graph's trainable parameters from their gradients. State is saved with the
 * checkpoint; equal state and gradients give equal bytes. */
#ifndef RT_OPTIM_H
#define RT_OPTIM_H

#include "formats/choice.h"
#include "stages/nn/graph.h"
#include "stages/nn/parallel.h"

struct rt_optim_step {
    double lr, momentum, decay;
    double clip; /* largest norm of all gradients together; 0 = no limit */
    struct rt_parallel *parallel; /* NULL = this thread alone; the bytes are the same */
};

struct rt_optim; /* opaque */
/* RT_OPTIM_ADAMW (decoupled decay, beta2 0.999, eps 1e-8, as PyTorch) or RT_OPTIM_SGD (Nesterov, L2 decay
 * as PyTorch). Borrows g. RT_EMEM, RT_EUSAGE. */
int rt_optim_create(struct rt_optim **out, enum rt_optim_id id, struct rt_graph *g);
void rt_optim_destroy(struct rt_optim *o);
/* Returns the gradient norm before clipping (not finite when a gradient is not: then nothing is
 * updated). *where, when not finite: name of the first such parameter. */
double rt_optim_update(struct rt_optim *o, const struct rt_optim_step *s, const char **where);
/* State under "optim.RULE.STATE.PARAMETER", copied into s. RT_EMEM, RT_EUSAGE
 * (name taken). */
int rt_optim_save(const struct rt_optim *o, struct rt_safetensors *s);
/* RT_EMISMATCH, by name, where a part is missing or has another shape: then nothing is changed. */
int rt_optim_load(struct rt_optim *o, const struct rt_safetensors *s, struct rt_error *e);

#endif
