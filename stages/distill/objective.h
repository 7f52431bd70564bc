/* SPDX-License-Identifier: MIT
 * objective: all terms of one batch together: distances, margins, weights, gradients, and the
 * record of each sample. One thread (the student's work). */
#ifndef RT_OBJECTIVE_H
#define RT_OBJECTIVE_H

#include "formats/recipe.h"
#include "formats/safetensors.h"
#include "stages/distill/exchange.h"
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
    double *distance[RT_PLACES]; /* D_k,i; NaN where not used; NULL = not wanted */
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

/* side[sides], at least one, at most RT_TEACHERS: with no teacher one that has none. weight NULL: all 1.
 * Arrays of out: of the places that these sides have. param, smoothing, AAM settings and
 * logit_scale of `in` are taken from s. d_logits, d_feature, d_head: gradients of total are added;
 * NULL = not wanted. A term is off when its lambda is not > 0 or the arrays it reads are NULL; a
 * term that compares heads of different sizes is off too, so refuse such settings before the run. A
 * label outside the classes counts as none. A NaN distance makes total NaN, gives no gradient and
 * leaves the running quantile alone.
 * others: who else works on the same update, each with its own samples; NULL = nobody. Then `in`,
 * weight, has_teacher, distance and the gradients are of the samples here, and all else of `out`,
 * and what the running quantile sees, of all samples: the sum of all gradients is that of one call
 * with all samples (terms that compare rows of a batch apart: they see those here). in->batch may
 * be 0 then.
 * RT_EMEM, or what the exchange returned, and nothing is then changed. */
int rt_objective_batch(struct rt_objective *o, const struct rt_objective_settings *s,
                       const struct rt_objective_side *side, int sides,
                       const struct rt_objective_weights *weight,
                       const struct rt_exchange *others, struct rt_objective_out *out, struct rt_error *e);
/* Tensor "objective.<term>" = F64 [quantile, spread], one per term; "objective.teacher2.<term>" of a second
 * teacher's, when it has begun. Loading, a term without one has not begun, as it was added since; RT_EFORMAT where
 * the first has none, or one is of another kind. */
int rt_objective_save(const struct rt_objective *o, struct rt_safetensors *s);
int rt_objective_load(struct rt_objective *o, const struct rt_safetensors *s, struct rt_error *e);

#endif
