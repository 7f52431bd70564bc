/* SPDX-License-Identifier: MIT
 * weight_scale: from a measure's value to a factor of quality in 0..1, as the settings weight.terms, weight.map and
 * weight.knees say. The one place where a knee is evaluated and read. Any thread. */
#ifndef RT_WEIGHT_SCALE_H
#define RT_WEIGHT_SCALE_H

#include "formats/recipe.h"
#include "stages/distill/weight_terms.h"
#include "stages/modality/modality.h"

/* clip((value - bad) / (good - bad), 0, 1), of two sides the product; NaN (not measured) or without a side 1. */
double rt_knee_factor(const struct rt_knee *k, double value);
bool rt_knee_is_none(const struct rt_knee *k);
/* "8 14" or "0.01 0.05 4 6", as weight.knees has it behind the name; returns text. */
const char *rt_knee_write(const struct rt_knee *k, char *text, size_t size);

/* The own knee of a measure, or of a term that has one, or the one that `text`, a value of weight.knees, gives it; a
 * column of the manifest has none of its own. RT_EUSAGE: something in text is no knee, or the measure has two; then *k
 * is its own. */
int rt_knee_read(const char *text, const char *measure, struct rt_knee *k, struct rt_error *e);
/* Is each a knee, of a measure that there is: anywhere in retort, or here? RT_EUSAGE. */
int rt_knees_check(const char *text, const struct rt_weight_source *have, struct rt_error *e);
/* Puts the knee of one measure into the text of weight.knees; false when there is no room. */
bool rt_knees_set(char text[RT_RECIPE_TEXT], const char *measure, const struct rt_knee *k);

struct rt_weight_scale {
    struct rt_weight_columns list;
    enum rt_map_id map;
    struct rt_knee knee[RT_WEIGHT_COLUMNS]; /* of measures, with RT_MAP_KNEE, and of terms that have one */
};

/* terms, map and knees as the settings. As rt_weight_terms_read, and RT_EUSAGE for a measure without a
 * knee where one is needed, and what rt_knee_read says. What is wrong is left out of the list. */
int rt_weight_scale_read(const char *terms, enum rt_map_id map, const char *knees, const struct rt_weight_source *have,
                         struct rt_weight_scale *out, struct rt_error *e);
/* The factor of term t, a measure. */
double rt_weight_scale_factor(const struct rt_weight_scale *s, int t, double value, double percentile);

#endif
