/* SPDX-License-Identifier: MIT
 * term: the contract of one loss: a distance per sample and its gradient. Margin, weight, lambda
 * and the mean over the samples that have what the term needs are common to all terms and live in
 * objective.c, not here. The list is terms.def.
 *
 * total = task + sum over terms k of lambda_k * mean_i( w_i * max(0, D_k,i - m_k) ) */
#ifndef RT_TERM_H
#define RT_TERM_H

#include <stdbool.h>
#include <stdint.h>

/* Where a term's gradient goes. */
enum rt_reads { RT_READS_LOGITS, RT_READS_FEATURE, RT_READS_HEAD };
/* What a sample must have. */
enum rt_needs { RT_NEEDS_LABEL = 1, RT_NEEDS_TEACHER = 2 };

/* One batch as the terms see it; row-major, any may be NULL when no teacher is loaded. */
struct rt_term_in {
    int batch;
    int classes;          /* of the student's own head */
    int teacher_classes;  /* of the teacher's head: equal to classes for terms that compare them */
    int dim;              /* of the teacher's embedding */
    const float *logits;  /* [batch, classes] the student's own head (AAM: cosines) */
    const float *feature; /* [batch, dim] the student's projected embedding */
    const float *head;    /* [batch, teacher_classes] teacher's frozen head on feature */
    const float *t_feature;       /* [batch, dim] the teacher's embedding */
    const float *t_logits;        /* [batch, teacher_classes] */
    const int32_t *label;         /* [batch], -1 = none */
    double temperature;           /* > 0; class terms with a teacher */
    double logit_scale;           /* factor of `logits` where they are cosines and the term is not
                                   * aam; else 1 */
    double smoothing;             /* task terms: share of the target spread over all classes */
    double aam_margin, aam_scale; /* task term aam */
};

struct rt_term {
    const char *name; /* the section of its settings: distill.<name> (task terms: task.loss) */
    const char *summary;
    enum rt_reads reads;
    unsigned needs; /* enum rt_needs */
    /* value[i] = D_i >= 0 for samples with use[i]; others untouched. A NaN in what is read gives
     * NaN. Labels of used samples are within the classes. */
    void (*value)(const struct rt_term_in *in, const uint8_t *use, double *value);
    /* Adds scale[i] * dD_i / d(what it reads) to out rows of samples with scale[i] != 0. */
    void (*grad)(const struct rt_term_in *in, const double *scale, float *out);
};

enum rt_term_id {
#define RT_TERM(id) RT_TERM_##id,
#include "formats/terms.def"
#undef RT_TERM
    RT_TERMS
};
extern const struct rt_term *const rt_terms[RT_TERMS];
#define RT_TASK_TERMS 2 /* the first rows of terms.def are task losses: ce, aam */

#endif
