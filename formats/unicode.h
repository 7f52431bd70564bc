/* SPDX-License-Identifier: MIT
 * unicode: forms of text (utf8proc): one character may be written in several ways, which look the same and are other
 * bytes. Any thread. */
#ifndef RT_UNICODE_H
#define RT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rt_work;

/* Form NFC (letters with their accents composed) of valid UTF-8: *out of work (formats/work.h), *size bytes; NULL where
 * the text is in that form for certain, and *size is left as it is. RT_EMEM, RT_EFORMAT. */
int rt_unicode_nfc(const char *text, size_t length, struct rt_work *work, char **out, size_t *size);

/* Any of the four forms: *out malloc'ed, *size bytes, with a NUL behind them. text: valid UTF-8. RT_EMEM. */
enum rt_unicode_form { RT_UNICODE_NFC, RT_UNICODE_NFD, RT_UNICODE_NFKC, RT_UNICODE_NFKD };
int rt_unicode_form(const char *text, size_t length, enum rt_unicode_form form, char **out, size_t *size);

/* ---- of one code point ---- */

/* Its general category in two letters: "Lu", "Mn", "Cn" (not assigned). */
const char *rt_unicode_category(int32_t c);
/* The property White_Space. */
bool rt_unicode_is_space(int32_t c);
/* In lower case, whatever stands beside it: 1 or 2 code points; returns how many. */
int rt_unicode_lower(int32_t c, int32_t lower[2]);
/* True where one character, as people see it (extended grapheme cluster), ends between two that stand side by side;
 * *state: 0 before the first pair of a text, then as it was left. */
bool rt_unicode_breaks(int32_t before, int32_t after, int32_t *state);

/* What people take for the same: without case, blanks at the ends, runs of blanks, invisible characters and forms of
 * the same character. *out malloc'ed. text: valid UTF-8. RT_EMEM. */
int rt_unicode_fold(const char *text, char **out);

#endif
