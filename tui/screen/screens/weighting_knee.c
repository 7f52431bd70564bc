/* SPDX-License-Identifier: MIT
 * weighting_knee: see weighting_knee.h. */
#include "tui/screen/screens/weighting_knee.h"

#include "tui/screen/base/number.h"
#include "tui/screen/widgets/histogram.h"
#include "tui/screen/widgets/slider.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 512
#define OUTSIDE 50 /* one of so many samples may lie beyond either end of the axis: it is in the last bar there */

/* ---- the axis ----
 * It reaches over nearly all samples and the whole knee: a single recording of an hour must not press all others into
 * one column, and the ends that can be dragged have to be seen. */

static int value_compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void axis_widen(struct rt_knee_plot *p, double value)
{
    p->low = value < p->low ? value : p->low;
    p->high = value > p->high ? value : p->high;
}

/* The values of the samples, sorted, into value; returns how many are measured. */
static int axis_find(struct rt_knee_plot *p, const struct rt_table *t, const struct rt_weight_preview *w, int column,
                     float *value)
{
    int n = 0;
    for (int i = 0; i < w->samples; i++)
        if (!isnan(t->column[column].number[w->row[i]]))
            value[n++] = t->column[column].number[w->row[i]];
    qsort(value, (size_t)n, sizeof *value, value_compare);
    p->low = n ? (double)value[n / OUTSIDE] : 0;
    p->high = n ? (double)value[n - 1 - n / OUTSIDE] : 1;
    for (int i = 0; i < 2; i++)
        if (p->knee.side[i].bad != p->knee.side[i].good) {
            axis_widen(p, p->knee.side[i].bad);
            axis_widen(p, p->knee.side[i].good);
        }
    double room = 0.05 * (p->high - p->low);
    p->low -= room;
    p->high += room > 0 ? room : 1;
    return n;
}

/* ---- drawing ---- */

static double knee_curve(void *self, double x)
{
    const struct rt_knee_plot *p = self;
    return rt_knee_factor(&p->knee, p->low + x * (p->high - p->low));
}

static void plot_bars(const struct rt_knee_plot *p, const float *value, int n, double count[COLUMNS_MAX])
{
    for (int i = 0; i < n; i++) {
        int x = (int)(((double)value[i] - p->low) / (p->high - p->low) * p->plot.w);
        count[x < 0 ? 0 : x < p->plot.w ? x : p->plot.w - 1]++;
    }
}

void rt_knee_plot_draw(struct rt_knee_plot *p, struct rt_canvas *c, struct rt_rect r, const struct rt_table *t,
                       const struct rt_weight_preview *w, const char *measure, const char *knees)
{
    double count[COLUMNS_MAX] = {0};
    char title[160], text[80], low[24], high[24];
    int column = rt_table_find(t, measure), below = 0, n;
    float *value = malloc(((size_t)w->samples + 1) * sizeof *value);
    p->plot = (struct rt_rect){0, 0, 0, 0};
    if (column < 0 || !value) {
        free(value);
        return;
    }
    r = rt_layout_clip(r, (struct rt_rect){r.x, r.y, COLUMNS_MAX, r.h});
    rt_knee_read(knees, measure, &p->knee, NULL);
    n = axis_find(p, t, w, column, value);
    p->plot = rt_histogram_plot(r);
    plot_bars(p, value, n, count);
    for (int i = 0; i < n; i++)
        below += rt_knee_factor(&p->knee, (double)value[i]) < 0.5;
    free(value);
    bool none = rt_knee_is_none(&p->knee);
    int end = snprintf(title, sizeof title, "%d samples by %s, ", n, measure);
    if (none)
        snprintf(title + end, sizeof title - (size_t)end, "no knee");
    else
        snprintf(title + end, sizeof title - (size_t)end, "knee %s: %d below half",
                 rt_knee_write(&p->knee, text, sizeof text), below);
    rt_histogram_draw(c, r, RT_STYLE_LINE1, title, count, rt_number_short(p->low, low), rt_number_short(p->high, high));
    if (!none)
        rt_histogram_curve(c, p->plot, RT_STYLE_CURSOR, knee_curve, p);
}

/* ---- moving an end ----
 * An end is moved past no other: a knee that turns round in the hand, or whose sides overlap, is not what anybody
 * meant. What the mouse holds stays where it can be seen; a key moves by a column, and the axis follows. */

static double *knee_end(struct rt_knee *k, int end)
{
    struct rt_knee_side *s = &k->side[end / 2];
    return end % 2 ? &s->good : &s->bad;
}

bool rt_knee_plot_take(struct rt_knee_plot *p, int x)
{
    double at = rt_slider_fraction(p->plot.x, p->plot.w, x) * (p->high - p->low) + p->low, least = INFINITY;
    for (int k = 0; k < 4; k++) {
        const struct rt_knee_side *s = &p->knee.side[k / 2];
        if (s->bad == s->good || fabs(*knee_end(&p->knee, k) - at) >= least)
            continue;
        least = fabs(*knee_end(&p->knee, k) - at);
        p->end = k;
    }
    return least < INFINITY;
}

/* Does it still go the same way, and do its sides not overlap? */
static bool knee_is_like(const struct rt_knee *k, const struct rt_knee *before)
{
    for (int i = 0; i < 2; i++) {
        double now = k->side[i].good - k->side[i].bad, then = before->side[i].good - before->side[i].bad;
        if (then != 0 && !(now * then > 0))
            return false;
    }
    return before->side[1].bad == before->side[1].good || k->side[0].good <= k->side[1].good;
}

/* To a round number there, of as many digits as a column needs. */
static void knee_move(struct rt_knee_plot *p, int end, const char *measure, char knees[RT_RECIPE_TEXT],
                      double at)
{
    struct rt_knee before = p->knee;
    double step = pow(10, floor(log10(fmax((p->high - p->low) / fmax(p->plot.w, 1), 1e-9))));
    *knee_end(&p->knee, end) = round(at / step) * step;
    if (!knee_is_like(&p->knee, &before) || !rt_knees_set(knees, measure, &p->knee))
        p->knee = before;
}

void rt_knee_plot_drag(struct rt_knee_plot *p, const char *measure, char knees[RT_RECIPE_TEXT], int x)
{
    knee_move(p, p->end, measure, knees, rt_slider_fraction(p->plot.x, p->plot.w, x) * (p->high - p->low) + p->low);
}

void rt_knee_plot_step(struct rt_knee_plot *p, bool good, int way, const char *measure, char knees[RT_RECIPE_TEXT])
{
    double column = (p->high - p->low) / fmax(p->plot.w, 1);
    knee_move(p, good, measure, knees, *knee_end(&p->knee, good) + way * column);
}
