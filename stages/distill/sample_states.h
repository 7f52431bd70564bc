/* SPDX-License-Identifier: MIT
 * sample_states: what is known of each training sample from the updates it took part in; in the
 * checkpoint. Belongs to the learner; read by whoever records a run, between two updates. */
#ifndef RT_SAMPLE_STATES_H
#define RT_SAMPLE_STATES_H

#include "formats/safetensors.h"
#include "pipeline/data/loss_history.h"
#include "stages/distill/objective.h"

/* Arrays [rows], a row for each of the data set. */
struct rt_sample_states {
    int rows;
    int32_t *seen;   /* updates it took part in */
    float *quality;  /* last, 0..1; NaN = never seen */
    float *weight;   /* last */
    float *distance; /* [rows, RT_TERMS] last D of each term; NaN = never */
    uint8_t *inside; /* [rows, RT_TERMS] 1 = within the margin then */
    float *agreement; /* running, of its answer with the teacher's (learner_weights.c); NaN = never seen */
    bool follows_agreement; /* it was in weight.terms once: else it is not saved */
    float *history;  /* [rows, RT_LOSS_HISTORY] sum over the terms of lambda * D, the last times;
                      * newest last, NaN = not yet */
};

int rt_sample_states_init(struct rt_sample_states *s, int rows); /* RT_EMEM */
void rt_sample_states_fini(struct rt_sample_states *s);          /* fine when half made */

/* An update is done in which this row was the batch's sample i; settings and out are the
 * objective's. */
void rt_sample_states_add(struct rt_sample_states *s, int row, double quality, double weight,
                          const struct rt_objective_settings *settings, const struct rt_objective_out *out,
                          int i);

/* Tensors "samples.seen" and so on, of the rows that were seen. Load, into states as init made them, refuses those of
 * another number of rows (RT_EMISMATCH), and reads those of before, of all rows; terms that there were not yet when
 * they were saved keep what they have. */
int rt_sample_states_save(const struct rt_sample_states *s, struct rt_safetensors *out);
int rt_sample_states_load(struct rt_sample_states *s, const struct rt_safetensors *in, const char *name,
                          struct rt_error *e);

#endif
