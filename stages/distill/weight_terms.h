/* SPDX-License-Identifier: MIT
 * weight_terms: what the text of weight.terms names: measures of what is at hand, and terms that follow
 * from the teacher's outputs (weight_terms.def). The one place where such a text is read; what the
 * columns hold is the caller's business. Any thread. */
#ifndef RT_WEIGHT_TERMS_H
#define RT_WEIGHT_TERMS_H

#include "formats/error.h"
#include "stages/distill/term.h"
#include "stages/modality/modality.h"

enum rt_weight_term_id {
#define RT_WEIGHT_TERM(name, needs, bad, good, words) RT_WEIGHT_##name,
#include "stages/distill/weight_terms.def"
#undef RT_WEIGHT_TERM
    RT_WEIGHT_TERMS
};

struct rt_weight_term {
    const char *name, *words;
    unsigned needs; /* enum rt_needs */
    struct rt_knee knee;
};
extern const struct rt_weight_term rt_weight_terms[RT_WEIGHT_TERMS];

/* What may be named. */
struct rt_weight_source {
    const char *const *measure; /* [measures] names; a column is a place in this list */
    int measures;
    unsigned teacher; /* enum rt_needs that it fulfils: T_FEATURE, T_LOGITS, CLASSES; 0 = there is none */
};

#define RT_WEIGHT_COLUMNS 48 /* most words of a list; more are not read */
/* The column of a term of the teacher's; those of measures are >= 0. Its own inverse. */
#define RT_WEIGHT_OF(id) (-1 - (int)(id))

struct rt_weight_columns {
    int count;
    int column[RT_WEIGHT_COLUMNS]; /* a measure's, or RT_WEIGHT_OF a term of the teacher's */
};

/* Reads text (words parted by commas or blanks), the value of `setting`, as messages call it. All that can
 * be had is in out, whatever is returned: RT_EUSAGE when a word is not had here (*e names those that are),
 * RT_EMISMATCH when the teacher lacks what it needs; *e is of the first such word. */
int rt_weight_terms_read(const char *setting, const char *text, const struct rt_weight_source *have,
                         struct rt_weight_columns *out, struct rt_error *e);

#endif
