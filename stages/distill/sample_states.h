/* SPDX-License-Identifier: MIT
 * sample_states: what is known of each training sample from the updates it took part in; in the
 * checkpoint. Belongs to the learner; read by whoever records a run, between two updates. */
#ifndef RT_SAMPLE_STATES_H
#define RT_SAMPLE_STATES_H

#include "formats/safetensors.h"
#include "pipeline/data/loss_history.h"
#include "stages/distill/objective.h"

/* Whether a term had a distance of a sample, and whether that was within its margin. */
enum rt_sample_inside { RT_SAMPLE_NEVER, RT_SAMPLE_OUTSIDE, RT_SAMPLE_INSIDE };

/* Arrays [rows], a row for each of the data set. */
struct rt_sample_states {
    int rows;
    int32_t *seen;   /* updates it took part in */
    float *quality;  /* last, 0..1; NaN = never seen */
    float *weight;   /* last */
    float *distance; /* [RT_TERMS, rows] last D of each term, where inside is not RT_SAMPLE_NEVER */
    uint8_t *inside; /* [RT_TERMS, rows] enum rt_sample_inside, then */
    float *agreement; /* running, of its answer with the teacher's (learner_weights.c); NaN = never seen */
    float *teacher_p; /* the teacher's posterior of the label, last; 0 = never asked, or it has other classes */
    bool follows_agreement; /* it was in weight.terms once: else it is not saved */
    uint8_t *history; /* [rows, RT_LOSS_HISTORY] sum over the terms of lambda * D, the last times: codes of
                       * loss_history.h, newest last */
};

int rt_sample_states_init(struct rt_sample_states *s, int rows); /* RT_EMEM */
void rt_sample_states_fini(struct rt_sample_states *s);          /* fine when half made */

/* An update is done in which this row took part; distance [RT_TERMS] is its own, settings and margin [RT_TERMS] are
 * the objective's. */
void rt_sample_states_add(struct rt_sample_states *s, int row, double quality, double weight,
                          const struct rt_objective_settings *settings, const double *distance, const double *margin);

/* A term's last distance of a row, and 1 if that was within the margin, else 0; NaN = it never had one. */
double rt_sample_distance(const struct rt_sample_states *s, int row, int term);
double rt_sample_inside(const struct rt_sample_states *s, int row, int term);

/* Tensors "samples.seen" and so on, of the rows that were seen, each packed as a frame. Load, into states as init made
 * them, refuses those of another number of rows (RT_EMISMATCH), and reads those of before, not packed or of all rows;
 * terms that there were not yet when they were saved keep what they have. */
int rt_sample_states_save(const struct rt_sample_states *s, struct rt_safetensors *out);
int rt_sample_states_load(struct rt_sample_states *s, const struct rt_safetensors *in, const char *name,
                          struct rt_error *e);

#endif
