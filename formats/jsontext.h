/* SPDX-License-Identifier: MIT
 * jsontext: JSON values written to a stream one at a time, which needs no memory. */
#ifndef RT_JSONTEXT_H
#define RT_JSONTEXT_H

#include <stdio.h>

/* A quoted string; bytes that are not UTF-8 are written as U+FFFD. */
void rt_json_text(FILE *out, const char *text);
/* A line of JSON that was made elsewhere, without its end: what a terminal would obey is escaped. */
void rt_json_line(FILE *out, const char *json);
/* A number, or null when it is not finite. */
void rt_json_number(FILE *out, double value);

#endif
