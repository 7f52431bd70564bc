/* SPDX-License-Identifier: MIT
 * script: what a code point is to text features: part of a word, punctuation, space, or unknown;
 * and its lower case. Whole blocks of the scripts in common use, not Unicode's full tables. */
#ifndef RT_SCRIPT_H
#define RT_SCRIPT_H

#include <stdint.h>

enum rt_script_kind {
    RT_SCRIPT_UNKNOWN, /* control, private, unassigned or of a rare script */
    RT_SCRIPT_SPACE,
    RT_SCRIPT_PUNCTUATION, /* and symbols, emoji among them */
    RT_SCRIPT_WORD         /* letters, marks, digits, joiners */
};

enum rt_script_kind rt_script_kind(int32_t c);
/* Latin, Greek, Cyrillic, Armenian and full-width letters; final sigma becomes sigma. */
int32_t rt_script_lower(int32_t c);

#endif
