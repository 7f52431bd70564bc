/* SPDX-License-Identifier: MIT
 * error: the code a failing call returns and the sentence a person reads.
 * What can fail returns 0 or a negative RT_E...; readers of user data also fill a struct rt_error
 * with file, place, offending value and what to do. No threads, no output of its own. */
#ifndef RT_ERROR_H
#define RT_ERROR_H

enum rt_err {
    RT_OK = 0,
#define RT_ERR(name, number, words) RT_##name = -(number),
#include "formats/errors.def"
#undef RT_ERR
};

/* text is NUL-terminated and has no trailing newline; longer messages are cut, between characters;
 * text is rt_plain_text, as what it quotes may be hostile. */
struct rt_error {
    int code;
    char text[1000];
};

/* One step of several: returns from the function with what the step failed with. For functions that hold
 * nothing to give back; others jump to their one `fail:` or `out:` label. */
#define RT_TRY(step)                                                                               \
    do {                                                                                           \
        int rt_try_ = (step);                                                                      \
        if (rt_try_ < 0)                                                                           \
            return rt_try_;                                                                        \
    } while (0)

/* Fills e (may be NULL) and returns code, so that a reader can `return rt_error_set(e, ...)`. */
int rt_error_set(struct rt_error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As rt_error_set, for errno: ENOSPC and EDQUOT give RT_EFULL, ENOENT gives RT_EMISSING, ENOMEM
 * RT_EMEM, all else RT_EIO. The text is "WHAT PATH: strerror". */
int rt_error_errno(struct rt_error *e, const char *what, const char *path);

/* Puts "prefix: " before what e already says; e may be NULL. */
void rt_error_prefix(struct rt_error *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "unreadable", "too short", ...; "" for RT_OK; "unknown error" for a number not in the list. */
const char *rt_err_words(int code);

#endif
