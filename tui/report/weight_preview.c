/* SPDX-License-Identifier: MIT
 * weight_preview: see weight_preview.h. */
#include "tui/report/weight_preview.h"

#include "stages/distill/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOP (RT_WEIGHT_PREVIEW_BINS - 1)

/* ---- what the table knows of each sample ----
 * A table holds measures and the quality of the last update, not the teacher's factors. These are what
 * is left of the recorded quality when the measures then in effect are divided out: good enough to try
 * other measures with, and exact for those in effect. */

static double factors_product(const struct rt_table *t, const struct rt_factors *f, int row)
{
    double q = 1;
    for (int i = 0; i < f->count; i++) {
        double share = rt_factors_at(f, i, t, row);
        q *= isnan(share) ? 1 : share;
    }
    return q;
}

static double table_number(const struct rt_table *t, int column, int row, double otherwise)
{
    double value = column < 0 ? NAN : (double)t->column[column].number[row];
    return isnan(value) ? otherwise : value;
}

static int table_number_column(const struct rt_table *t, const char *name)
{
    int c = rt_table_find(t, name);
    return c >= 0 && !t->column[c].is_text ? c : -1;
}

/* Which rows count, and by which factor. */
static int preview_find_rows(struct rt_weight_preview *w, const struct rt_table *t, unsigned version)
{
    int split = rt_table_find(t, "split"), reason = rt_table_find(t, "reason");
    int hand = table_number_column(t, "factor");
    if (w->room < t->rows) {
        rt_weight_preview_fini(w);
        w->row = malloc(sizeof *w->row * (size_t)t->rows);
        w->bin = malloc(sizeof *w->bin * (size_t)t->rows);
        w->hand = malloc(sizeof *w->hand * (size_t)t->rows);
        if (!w->row || !w->bin || !w->hand) {
            rt_weight_preview_fini(w);
            return RT_EMEM;
        }
        w->room = t->rows;
    }
    w->samples = 0;
    for (int row = 0; row < t->rows; row++) {
        if ((split >= 0 && strcmp(rt_table_cell(t, row, split), "train") != 0) ||
            (reason >= 0 && *rt_table_cell(t, row, reason)))
            continue;
        w->hand[w->samples] = (float)table_number(t, hand, row, 1);
        w->row[w->samples++] = row;
    }
    w->version = version;
    return 0;
}

int rt_weight_preview_fill(struct rt_weight_preview *w, const struct rt_table *t, unsigned version,
                           const struct rt_weight_settings *s, const struct rt_weight_settings *now)
{
    struct rt_factors tried, known;
    int quality = table_number_column(t, "quality");
    if (w->version != version && preview_find_rows(w, t, version) < 0)
        return RT_EMEM;
    w->at = *s;
    rt_factors_find(t, s, &tried);
    rt_factors_find(t, now, &known);
    for (int i = 0; i < w->samples; i++) {
        int row = w->row[i];
        double q = factors_product(t, &tried, row), measured = known.teacher ? factors_product(t, &known, row) : 0;
        if (tried.teacher && measured > 0)
            q *= fmin(1, table_number(t, quality, row, measured) / measured);
        w->bin[i] = (uint16_t)lround(q * TOP);
    }
    return 0;
}

/* ---- weights ----
 * A slider asks for other weights many times a second, of up to a million samples. What it moves is the
 * curve over quality alone: so each sample's quality is kept as a step of 4096, and a movement costs a
 * table of so many values and one pass. */

void rt_weight_preview_apply(struct rt_weight_preview *w, double gamma, double floor)
{
    double g[RT_WEIGHT_PREVIEW_BINS], sum = 0, weights = 0, squares = 0;
    int active = 0;
    bool flat = !w->at.terms[0]; /* no terms: every weight is 1 */
    w->at.gamma = gamma;
    w->at.floor = floor;
    w->most = 0;
    memset(w->count, 0, sizeof w->count);
    for (int i = 0; i < RT_WEIGHT_PREVIEW_BINS; i++)
        g[i] = flat ? 1 : rt_weight_curve((double)i / TOP, gamma, floor);
    for (int i = 0; i < w->samples; i++)
        if (w->hand[i] > 0) {
            w->count[w->bin[i]]++;
            sum += g[w->bin[i]];
            active++;
        }
    w->muted = w->samples - active;
    w->mean = active ? sum / active : 1;
    for (int i = 0; i < w->samples; i++) {
        double weight = (w->mean > 0 ? g[w->bin[i]] / w->mean : 1) * (double)w->hand[i];
        weights += weight;
        squares += weight * weight;
        w->most = weight > w->most ? weight : w->most;
    }
    w->effective = squares > 0 ? weights * weights / squares : 0;
}

void rt_weight_preview_fini(struct rt_weight_preview *w)
{
    free(w->row);
    free(w->bin);
    free(w->hand);
    memset(w, 0, sizeof *w);
}

void rt_weight_preview_weights(const struct rt_weight_preview *w, double high, double *count, int columns)
{
    double g[RT_WEIGHT_PREVIEW_BINS], scale = high > 0 ? columns / high : 0;
    if (columns <= 0)
        return;
    memset(count, 0, sizeof *count * (size_t)columns);
    for (int i = 0; i < RT_WEIGHT_PREVIEW_BINS; i++)
        g[i] = !w->at.terms[0]  ? 1
               : w->mean > 0 ? rt_weight_curve((double)i / TOP, w->at.gamma, w->at.floor) / w->mean
                             : 1;
    for (int i = 0; i < w->samples; i++) {
        int at = (int)(g[w->bin[i]] * (double)w->hand[i] * scale);
        count[at < columns ? at : columns - 1]++;
    }
}

void rt_weight_preview_qualities(const struct rt_weight_preview *w, double *count, int columns)
{
    if (columns <= 0)
        return;
    memset(count, 0, sizeof *count * (size_t)columns);
    for (int i = 0; i < RT_WEIGHT_PREVIEW_BINS; i++)
        count[(long)i * columns / RT_WEIGHT_PREVIEW_BINS] += w->count[i];
}
