/* SPDX-License-Identifier: MIT
 * terms: the table of all losses, in the order of terms.def. Each unit is in its term_*.c. */
#include "stages/distill/term.h"

#include <stddef.h>

#define RT_TERM(id) extern const struct rt_term rt_term_##id;
#include "formats/terms.def"
#undef RT_TERM

const struct rt_term *const rt_terms[RT_TERMS] = {
#define RT_TERM(id) &rt_term_##id,
#include "formats/terms.def"
#undef RT_TERM
};
