/* SPDX-License-Identifier: MIT
 * figures: see figures.h. */
#include "tui/report/figures.h"

#include "formats/jsontext.h"
#include "formats/plain.h"

#include <stdio.h>

static void figure_print(struct rt_figures *f, const char *key, double v, const char *words)
{
    if (!f->json) {
        rt_plain_print(stdout, "%s", words);
        return;
    }
    fputs(f->count++ ? ", " : "{", stdout);
    rt_json_text(stdout, key);
    fputs(": ", stdout);
    rt_json_number(stdout, v);
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
