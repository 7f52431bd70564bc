/* SPDX-License-Identifier: MIT
 * recipe_front: the front end of another program's network, as a recipe says it (teacher.front.*) and as presets know
 * it (fronts.def): what becomes of a recording or a picture before the network sees it. Numbers and texts only; what
 * computes by them is stages/modality. */
#ifndef RT_RECIPE_FRONT_H
#define RT_RECIPE_FRONT_H

#include "formats/choice.h"

#include <stdbool.h>
#include <stddef.h>

/* Ranges and units: the rows teacher.front.* of recipe.def. What a recipe leaves open is the word auto, an empty text,
 * 0, or in `emphasis`, `low` and `high` -1. Of texts a preset says the pooling alone. */
struct rt_front_settings {
    enum rt_front_id preset;
    unsigned of; /* of a preset: bits 1 << enum rt_modality_id */
    int bands, size;
    enum rt_layout_id layout;
    const char *mean, *std;
    /* speech */
    enum rt_features_id features;
    int scale;
    enum rt_window_id window;
    double emphasis, low, high, floor;
    enum rt_normalise_id normalise;
    double factor;
    enum rt_either_id trim;
    /* pictures */
    int range, resize;
    enum rt_fit_id fit;
    enum rt_filter_id filter;
    enum rt_colours_id colours;
    /* texts */
    const char *tokenizer;
    enum rt_pooling_id pooling;
    int tokens;
};

/* The preset's own; all open for RT_FRONT_AUTO. */
struct rt_front_settings rt_front_preset(enum rt_front_id id);
/* The words of the presets for that modality, "a, b, c"; returns text. */
const char *rt_front_preset_list(enum rt_modality_id modality, char *text, size_t size);
/* Whatever s leaves open, but layout and preset, as `from` has it. */
void rt_front_fill(struct rt_front_settings *s, const struct rt_front_settings *from);
/* What counts for that modality, as "window=hamming bands=80 ...": the same text for the same front end, and another
 * one for another. Returns text. */
#define RT_FRONT_TEXT 400
const char *rt_front_text(const struct rt_front_settings *s, enum rt_modality_id modality, char text[RT_FRONT_TEXT]);

#endif
