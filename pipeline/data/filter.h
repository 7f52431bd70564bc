/* SPDX-License-Identifier: MIT
 * filter: which rows are meant: the little language of `inspect --where`, of searches on the screen
 * and of bulk changes of weights. Compiled once, then asked row by row; knows nothing of what a row
 * is.
 *
 *   snr < 10 and label = animals and (weight > 0.5 or not reason = "")
 *
 *   where     := all { "or" all }           words and, or, not in any case
 *   all       := one { "and" one }
 *   one       := "not" one | "(" where ")" | column | column operator value
 *   operator  := = != < <= > >= ~           ~ contains; text knows = != ~, numbers all but ~
 *   value     := number | word | "quoted" | 'quoted'      in quotes \ takes the next character as
 * it is
 *
 * Numbers are compared in single precision, so that a value copied from a table finds its row.
 * A column alone asks whether the row has a value there. A number has no unit. Text is compared
 * byte by byte. A missing number (NaN) makes every comparison false, != too: `not snr = 3` finds
 * the rows where snr is missing, `snr != 3` does not. Missing text is "". A column whose name is no
 * plain word or is and, or, not is written in quotes. Limits: 64 KiB, 256 comparisons, 64 levels of
 * parentheses and not. */
#ifndef RT_FILTER_H
#define RT_FILTER_H

#include "formats/error.h"
#include <stdbool.h>

#define RT_FILTER_BYTES 65536
#define RT_FILTER_TESTS 256
#define RT_FILTER_DEPTH 64

/* A column that may be asked for; its number is its place in the array given to create. */
struct rt_filter_column {
    const char *name;
    bool is_text; /* else a number */
};

struct rt_filter; /* immutable: any number of threads may match against it */

/* Names are looked up now; column need not live on. RT_EUSAGE with the character (from 1) where it
 * went wrong, what was expected there and the nearest column; RT_EMEM. *out is then NULL. */
int rt_filter_create(struct rt_filter **out, const char *where,
                     const struct rt_filter_column *column, int columns, struct rt_error *e);
void rt_filter_destroy(struct rt_filter *f); /* NULL is fine */

/* How the cells of a row are read. number gives NaN, text NULL or "", for a missing value; each is
 * called only for columns of its kind, at most once per comparison, and not at all for comparisons
 * that no longer matter. */
struct rt_filter_source {
    void *user;
    double (*number)(void *user, int row, int column);
    const char *(*text)(void *user, int row, int column);
};
bool rt_filter_match(const struct rt_filter *f, const struct rt_filter_source *source, int row);

#endif
