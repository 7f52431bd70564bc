/* SPDX-License-Identifier: MIT
 * unicode: forms of text (utf8proc): one character may be written in several ways, which look the same and are other
 * bytes. Any thread. */
#ifndef RT_UNICODE_H
#define RT_UNICODE_H

#include <stddef.h>

struct rt_work;

/* Form NFC (letters with their accents composed) of valid UTF-8: *out of work (formats/work.h), *size bytes; NULL where
 * the text is in that form for certain, and *size is left as it is. RT_EMEM, RT_EFORMAT. */
int rt_unicode_nfc(const char *text, size_t length, struct rt_work *work, char **out, size_t *size);

/* What people take for the same: without case, blanks at the ends, runs of blanks, invisible characters and forms of
 * the same character. *out malloc'ed. text: valid UTF-8. RT_EMEM. */
int rt_unicode_fold(const char *text, char **out);

#endif
