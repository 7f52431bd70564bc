/* SPDX-License-Identifier: MIT
 * choice: the sets of words that settings choose from (choices.def): an enum for each, and its words.
 * rt_layout_names[RT_LAYOUT_NCHW] is "nchw"; behind the last word stands NULL. */
#ifndef RT_CHOICE_H
#define RT_CHOICE_H

#define RT_SET(set) enum rt_##set##_id {
#define RT_WORD(id, word) id,
#define RT_END(count) count };
#include "formats/choices.def"
#undef RT_SET
#undef RT_WORD
#undef RT_END

#define RT_SET(set) extern const char *const rt_##set##_names[];
#define RT_WORD(id, word)
#define RT_END(count)
#include "formats/choices.def"
#undef RT_SET
#undef RT_WORD
#undef RT_END

/* The value of a word in one of these lists; -1 when it is not there. */
int rt_choice_find(const char *const *names, const char *word);

#endif
