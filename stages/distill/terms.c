/* SPDX-License-Identifier: MIT
 * terms: the table of all losses, in the order of formats/terms.def. What each does is in its
 * term_*.c. */
#include "stages/distill/term.h"

#define RT_TASK_TERM(name, ...) extern const struct rt_term_ops rt_term_##name;
#define RT_TERM(name, ...) extern const struct rt_term_ops rt_term_##name;
#include "formats/terms.def"

#define ROW(name, reads, needs, words)                                                             \
    &(const struct rt_term){#name, words, reads, needs, &rt_term_##name},
const struct rt_term *const rt_terms[RT_TERMS] = {
#define RT_TASK_TERM ROW
#define RT_TERM ROW
#include "formats/terms.def"
};
