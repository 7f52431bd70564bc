/* SPDX-License-Identifier: MIT
 * figures: see figures.h. */
#include "tui/report/figures.h"

#include "formats/jsontext.h"
#include "formats/plain.h"

#include <stdio.h>

void rt_figures_key(struct rt_figures *f, const char *key)
{
    fputs(f->count++ ? ", " : "{", stdout);
    rt_json_text(stdout, key);
    fputs(": ", stdout);
}

static void figure_print(struct rt_figures *f, const char *key, double v, const char *words)
{
    if (!f->json) {
        rt_plain_print(stdout, "%s", words);
        return;
    }
    rt_figures_key(f, key);
    rt_json_number(stdout, v);
}

void rt_figures_count(struct rt_figures *f, const char *key, const char *title, long long n)
{
    if (f->json)
        rt_figures_key(f, key);
    rt_plain_print(stdout, f->json ? "%s%lld" : "%-24s %lld\n", f->json ? "" : title, n);
}

static void figure_print_interval(struct rt_figures *f, const char *key, const double interval[2])
{
    char within[80];
    if (!f->json)
        return;
    snprintf(within, sizeof within, "%.60s.interval", key);
    rt_figures_key(f, within);
    putchar('[');
    rt_json_number(stdout, interval[0]);
    fputs(", ", stdout);
    rt_json_number(stdout, interval[1]);
    putchar(']');
}

void rt_figures_percent_within(struct rt_figures *f, const char *key, const char *title, double fraction,
                               const double interval[2])
{
    char words[200];
    snprintf(words, sizeof words, "%-24s %6.2f %%  [%.2f, %.2f]\n", title, 100 * fraction, 100 * interval[0],
             100 * interval[1]);
    figure_print(f, key, fraction, words);
    figure_print_interval(f, key, interval);
}

void rt_figures_number_within(struct rt_figures *f, const char *key, const char *title, double v,
                              const double interval[2])
{
    char words[200];
    snprintf(words, sizeof words, "%-24s %.6g  [%.4g, %.4g]\n", title, v, interval[0], interval[1]);
    figure_print(f, key, v, words);
    figure_print_interval(f, key, interval);
}

void rt_figures_percent(struct rt_figures *f, const char *key, const char *title, double fraction)
{
    char words[160];
    snprintf(words, sizeof words, "%-24s %.2f %%\n", title, 100 * fraction);
    figure_print(f, key, fraction, words);
}

void rt_figures_number(struct rt_figures *f, const char *key, const char *title, double v)
{
    char words[160];
    snprintf(words, sizeof words, "%-24s %.6g\n", title, v);
    figure_print(f, key, v, words);
}

void rt_figures_end(const struct rt_figures *f)
{
    if (f->json && f->count)
        puts("}");
}
