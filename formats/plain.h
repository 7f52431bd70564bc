/* SPDX-License-Identifier: MIT
 * plain: text from outside on its way to a terminal. An id, a label, a file's name or a message of somebody's
 * program may hold bytes that a terminal obeys: they move its cursor, change its title, or answer in the user's place.
 * Whatever people read goes through here; what programs read (CSV, JSON) is escaped by its own rules.
 * Stateless, any thread. */
#ifndef RT_PLAIN_H
#define RT_PLAIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Whether a character is one to be shown: not a control (C0, DEL, C1), nor one that turns the direction of what
 * follows or starts a line. -1, which rt_utf8_next gives for a byte that is not UTF-8, is not. */
bool rt_plain_char(int32_t c);

/* Puts '?' in place of each byte of text that belongs to none of these; a newline stays. Returns text. */
char *rt_plain_text(char *text);

/* As fprintf and vfprintf, but what comes out is rt_plain_text. Negative when it could not be written. */
int rt_plain_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int rt_plain_vprint(FILE *out, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* text as it is, for a program that reads it; as rt_plain_text where out is a terminal. */
int rt_plain_put(FILE *out, const char *text);

#endif
