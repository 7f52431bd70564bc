/* SPDX-License-Identifier: MIT
 * objective: all terms of an update together: distances, margins, weights, gradients, and the
 * record of each sample. One thread (the student's work). */
#ifndef RT_OBJECTIVE_H
#define RT_OBJECTIVE_H

#include "formats/recipe.h"
#include "formats/safetensors.h"
#include "stages/distill/term.h"

/* A place is one term of one teacher. The first RT_TERMS are all terms, those that need a teacher with the first
 * one; behind them come the distillation terms once more for each further teacher. */
#define RT_DISTILL_TERMS (RT_TERMS - RT_TASK_TERMS)
enum { RT_PLACES = RT_TERMS + (RT_TEACHERS - 1) * RT_DISTILL_TERMS };
int rt_place(int teacher, int term);
int rt_place_term(int place);
int rt_place_teacher(int place);

/* Settings of one step, read from the recipe's snapshot. */
struct rt_objective_settings {
    /* What the rows are; NULL = rt_terms. Tests put a term of their own in a row's place. */
    const struct rt_term *const *table;
    struct {
        double lambda, margin, quantile;
    } term[RT_PLACES]; /* a task term is on when its lambda > 0 */
    double param[RT_PARAMS]; /* the terms' own, as rt_term_in.param */
    double smoothing, aam_margin, aam_scale;
    double aam_warmup; /* not read here: objective_settings.h */
    bool cosine_logits; /* the own head gives cosines: class terms read aam_scale * logits. Always
                         * so when aam is on. */
};

#define RT_OBJECTIVE_RATE 0.1 /* of the running quantile: about 30 batches to forget */

/* The running quantile of each term's distance, for margins given as a quantile; saved with the
 * checkpoint. Kept by stochastic approximation over the finite D of the samples used:
 *     m += rate * spread * (quantile - fraction of D below m), m >= 0
 * The margin in force for a batch is the m before that batch moves it; the first batch with samples
 * sets m to its own quantile, in force at once. A plain struct: evaluate on a copy, so that
 * evaluation does not move the margin. */
struct rt_objective {
    double quantile[RT_PLACES]; /* m; NaN before the first batch */
    double spread[RT_PLACES];   /* running mean |D - m|, the step size's unit */
};

/* What came out; arrays are [batch] and the caller's. */
struct rt_objective_out {
    double total;
    double mean[RT_PLACES];   /* mean_i w_i L_i over the samples used, before lambda; NaN = none */
    double margin[RT_PLACES]; /* in force; NaN = term off, or a running quantile not yet started */
    double inside[RT_PLACES]; /* fraction of used samples with D <= margin; NaN = none used */
    int used[RT_PLACES];
    double *distance[RT_PLACES]; /* D_k,i of the samples here; NaN where not used; NULL = not wanted */
};

/* [batch] each, NULL = all 1: what a sample counts in the task's terms, and in the others. */
struct rt_objective_weights {
    const double *task, *distill;
};

void rt_objective_init(struct rt_objective *o);

/* One teacher's side of a batch: in.batch, classes, logits and label are the student's and alike in all. */
struct rt_objective_side {
    struct rt_term_in in;
    const uint8_t *have;         /* [batch] 1 = the teacher's rows are filled; NULL = none are */
    struct rt_term_out gradient; /* logits alike in all */
};

/* What is added up of one place over the samples of an update, wherever they are. */
struct rt_objective_sums {
    double there;  /* shards that have the arrays that the term reads */
    double used;   /* samples that have what the term needs */
    double inside; /* of these, D <= margin */
    double loss;   /* weight * max(0, D - margin) */
    double finite; /* samples used whose D is finite: these move the running quantile */
    double below;  /* of these, D < margin */
    double spread; /* of these, |D - margin| */
};

/* An update, whose batch is one shard or several, here or elsewhere, goes through three calls. What a term's gradient
 * is divided by are all samples that have what the term needs; so these are counted first, which no output of the
 * student is needed for:
 *   rt_objective_count     for each shard: sum[].there and .used, the rest 0
 *   rt_objective_shard     for each, with the sums of all counts: distances, gradients, all of its sums
 *   rt_objective_conclude  once, with the sums of all shards: the record, the next margins
 * A quantile that is to begin with this update needs the distances of all samples before any gradient: while
 * rt_objective_begins says so, distances are asked for by rt_objective_shard without `all`, and
 * rt_objective_begin is given those of all samples of that place. */

/* side[sides], at least one, at most RT_TEACHERS: with no teacher one that has none. A term is off when its lambda is
 * not > 0 or the arrays it reads are NULL; a term that compares heads of different sizes is off too, so refuse such
 * settings before the run. A label outside the classes counts as none. in.batch may be 0. RT_EMEM. */
int rt_objective_count(const struct rt_objective_settings *s, const struct rt_objective_side *side, int sides,
                       struct rt_objective_sums sum[RT_PLACES], struct rt_error *e);

bool rt_objective_begins(const struct rt_objective *o, const struct rt_objective_settings *s,
                         const struct rt_objective_sums all[RT_PLACES], int place);
/* d[n]: the distances that are finite, in any order; sorted by the call. */
void rt_objective_begin(struct rt_objective *o, const struct rt_objective_settings *s, int place, double *d, int n);

/* all: the counts of the whole update; NULL = no gradients. weight NULL: all 1. param, smoothing, AAM settings and
 * logit_scale of `in` are taken from s. Gradients of total are added to side[].gradient, NULL = not wanted: the sum
 * over all shards is that of one call with all samples (terms that compare rows apart: they see the shard's).
 * distance [RT_PLACES][batch], each may be NULL: D, NaN where not used. A NaN distance makes total NaN, gives no
 * gradient and leaves the running quantile alone. RT_EMEM. */
int rt_objective_shard(const struct rt_objective *o, const struct rt_objective_settings *s,
                       const struct rt_objective_side *side, int sides, const struct rt_objective_weights *weight,
                       const struct rt_objective_sums all[RT_PLACES], double *const distance[RT_PLACES],
                       struct rt_objective_sums sum[RT_PLACES], struct rt_error *e);

/* Fills *out, the distances apart, and moves the running quantiles. */
void rt_objective_conclude(struct rt_objective *o, const struct rt_objective_settings *s, int sides,
                           const struct rt_objective_sums sum[RT_PLACES], struct rt_objective_out *out);

/* Tensor "objective.<term>" = F64 [quantile, spread], one per term; "objective.teacher2.<term>" of a second
 * teacher's, when it has begun. Loading, a term without one has not begun, as it was added since; RT_EFORMAT where
 * the first has none, or one is of another kind. */
int rt_objective_save(const struct rt_objective *o, struct rt_safetensors *s);
int rt_objective_load(struct rt_objective *o, const struct rt_safetensors *s, struct rt_error *e);

#endif
