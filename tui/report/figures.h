/* SPDX-License-Identifier: MIT
 * figures: results as they come, to standard output: a line of words each, or the members of one JSON object. */
#ifndef RT_FIGURES_H
#define RT_FIGURES_H

#include <stdbool.h>

/* Cleared is: words, none so far. */
struct rt_figures {
    bool json;
    int count; /* of members so far; whoever writes further ones begins them with a comma */
};

void rt_figures_count(struct rt_figures *f, const char *key, const char *title, long long n);
void rt_figures_number(struct rt_figures *f, const char *key, const char *title, double v);
/* The same with its 95 % interval, as of percentages below. */
void rt_figures_number_within(struct rt_figures *f, const char *key, const char *title, double v,
                              const double interval[2]);
/* A fraction, in words as per cent. */
void rt_figures_percent(struct rt_figures *f, const char *key, const char *title, double fraction);
/* The same with its 95 % interval, low and high: in JSON a member KEY.interval. NaN: there is none, null in JSON. */
void rt_figures_percent_within(struct rt_figures *f, const char *key, const char *title, double fraction,
                               const double interval[2]);
/* "KEY": of a member whose value the caller writes behind it; JSON only. */
void rt_figures_key(struct rt_figures *f, const char *key);
/* Closes the object, if there is one. */
void rt_figures_end(const struct rt_figures *f);

#endif
