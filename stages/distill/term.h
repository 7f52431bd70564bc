/* SPDX-License-Identifier: MIT
 * term: the contract of one loss: a distance for each sample of a batch, and its gradient. Margin,
 * weight, lambda and the mean over the samples that have what the term needs are common to all
 * terms and live in objective.c, not here. The list is formats/terms.def, whose rows also say what
 * a term reads and needs and which settings it has.
 *
 * total = task + sum over terms k of lambda_k * mean_i( w_i * max(0, D_k,i - m_k) ) */
#ifndef RT_TERM_H
#define RT_TERM_H

#include <stdbool.h>
#include <stdint.h>

/* Outputs of the student: what a term reads is where its gradient goes. */
enum rt_reads { RT_READS_LOGITS = 1, RT_READS_FEATURE = 2, RT_READS_HEAD = 4 };

/* What a sample must have, or it takes no part in the term. */
enum rt_needs {
    RT_NEEDS_LABEL = 1,
    RT_NEEDS_T_FEATURE = 2, /* the teacher's embedding */
    RT_NEEDS_T_LOGITS = 4,  /* the teacher's logits */
    RT_NEEDS_TEACHER = RT_NEEDS_T_FEATURE | RT_NEEDS_T_LOGITS,
    RT_NEEDS_CLASSES = 8, /* a teacher's classifier of the same classes as the own head's */
    RT_NEEDS_OTHERS = 16, /* another sample that takes part: the term compares rows of the batch */
};

/* Every setting of a term beyond lambda, margin and quantile: its place in rt_term_in.param. */
enum rt_param_id {
#define RT_PARAM(term, name, ...) RT_PARAM_##term##_##name,
#include "formats/terms.def"
    RT_PARAMS
};

/* One batch as the terms see it; row-major, any may be NULL when no teacher is loaded. */
struct rt_term_in {
    int batch;
    int classes;          /* of the student's own head */
    int teacher_classes;  /* of the teacher's head: equal to classes for terms that need CLASSES */
    int dim;              /* of the teacher's embedding */
    const float *logits;  /* [batch, classes] the student's own head (AAM: cosines) */
    const float *feature; /* [batch, dim] the student's projected embedding */
    const float *head;    /* [batch, teacher_classes] teacher's frozen head on feature */
    const float *t_feature;       /* [batch, dim] the teacher's embedding */
    const float *t_logits;        /* [batch, teacher_classes] */
    const int32_t *label;         /* [batch], -1 = none */
    const double *param;          /* [RT_PARAMS] of all terms: in->param[RT_PARAM_kl_temperature] */
    double logit_scale;           /* factor of `logits` where they are cosines and the term is not
                                   * aam; else 1 */
    double smoothing;             /* task terms: fraction of the target spread over all classes */
    double aam_margin, aam_scale; /* task term aam */
};

/* Where gradients go: of what the term reads, [batch, ...] as in rt_term_in; NULL = not wanted. */
struct rt_term_out {
    float *logits, *feature, *head;
};

/* What a term does. Both functions get the whole batch and use[batch]: the samples that take part.
 * Nothing may be read of the others (their label may be -1, their teacher's rows are not filled),
 * and nothing written. At least one takes part. Their labels are within the classes. Pure: no state,
 * one thread.
 *
 * value  Sets value[i] = D_i >= 0 for each used i. Per sample: D_i follows from row i alone.
 *        Comparing rows (RT_NEEDS_OTHERS): D_i is row i's distance against the other used rows, of
 *        which there is at least one; the mean over i is taken by the objective, not here, and the
 *        margin holds for each D_i. A NaN in row i makes D_i NaN; comparing rows, it may make
 *        others NaN too.
 * grad   After value, with the same `in` and use. scale[i] = d total / d D_i: lambda, weight, margin
 *        and mean are all in it, as constants; 0 for a row within its margin and for one that is not
 *        used. Adds
 *            sum over i of scale[i] * d D_i / d (output row j)
 *        to row j of each output that is read and not NULL in out. Per sample only i = j counts, so
 *        a row with scale 0 gets nothing. Comparing rows, every used row j gets its part, also one
 *        with scale[j] = 0: it is still what others are compared with. Sums over i run in the order
 *        of rows, so that the same batch gives the same bytes. */
struct rt_term_ops {
    void (*value)(const struct rt_term_in *in, const uint8_t *use, double *value);
    void (*grad)(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                 const struct rt_term_out *out);
};

/* A row of terms.def and what it does. */
struct rt_term {
    const char *name;    /* the section of its settings: distill.<name> (task terms: task.loss) */
    const char *summary;
    unsigned reads;      /* enum rt_reads */
    unsigned needs;      /* enum rt_needs */
    const struct rt_term_ops *ops;
};

enum rt_term_id {
#define RT_TASK_TERM(name, ...) RT_TERM_##name,
#define RT_TERM(name, ...) RT_TERM_##name,
#include "formats/terms.def"
    RT_TERMS
};
extern const struct rt_term *const rt_terms[RT_TERMS];

enum { /* the first of them are task losses */
    RT_TASK_TERMS = 0
#define RT_TASK_TERM(name, ...) +1
#include "formats/terms.def"
};

#endif
