/* SPDX-License-Identifier: MIT
 * chart: see chart.h. Each column of dots shows the span of the values that fall on it, joined with the
 * column before, so that no peak is lost however many steps a column stands for. */
#include "tui/screen/widgets/chart.h"

#include "tui/screen/base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL 7        /* columns of the axis */
#define LABELLED_W 28  /* a chart at least this wide has an axis */

static enum rt_style curve_style(const struct rt_chart *chart, int curve)
{
    static const enum rt_style own[RT_CHART_CURVES] = {RT_STYLE_LINE1, RT_STYLE_LINE2, RT_STYLE_LINE3,
                                                       RT_STYLE_LINE4};
    return chart->curve[curve].other ? RT_STYLE_DIM : own[curve];
}

double rt_chart_value(const struct rt_series *s, int64_t step)
{
    int i = rt_series_from(s, step + 1);
    return i > 0 ? s->value[i - 1] : NAN;
}

/* ---- spans ----
 * A chart has some hundred columns of dots and a run a million steps. What falls on a column is kept as
 * a span, not as a mean: a loss that leaps for one step is what people look for. */

/* Span of the (smoothed) curve in each of `columns` columns; low > high where it has no point. */
struct spans {
    int columns;
    double *low, *high;
};

/* Puts a point, or a block of them, where its step belongs. */
static void spans_put(const struct rt_chart *chart, struct spans *out, int64_t step, double low, double high)
{
    double length = (double)(chart->to - chart->from);
    if (chart->log && !(high > 0))
        return;
    low = !chart->log ? low : low > 0 ? log10(low) : log10(high);
    high = chart->log ? log10(high) : high;
    int x = length > 0 ? (int)((double)(step - chart->from) / length * (out->columns - 1) + 0.5) : 0;
    x = x < 0 ? 0 : x >= out->columns ? out->columns - 1 : x;
    out->low[x] = low < out->low[x] ? low : out->low[x];
    out->high[x] = high > out->high[x] ? high : out->high[x];
}

/* An average that forgets; in the beginning of what it has seen alone. */
struct average {
    double mean, weight;
};

static double average_add(struct average *a, double keep, double value)
{
    a->mean = keep * a->mean + (1 - keep) * value;
    a->weight = keep * a->weight + (1 - keep);
    return a->mean / a->weight;
}

/* Where a column stands for many points, whole blocks of them: drawing takes the same time however long the run
 * is. Smoothed, a block counts as its mean. Returns the first point that no block holds. */
static int spans_find_by_block(const struct rt_chart *chart, const struct rt_series *s, int begin, int end,
                            struct average *a, struct spans *out)
{
    double keep = pow(chart->smooth, RT_SERIES_BLOCK);
    for (int k = begin / RT_SERIES_BLOCK; k < end / RT_SERIES_BLOCK; k++) {
        const struct rt_series_block *b = &s->block[k];
        double mean = average_add(a, keep, b->mean);
        bool smooth = chart->smooth > 0;
        spans_put(chart, out, s->step[k * RT_SERIES_BLOCK + RT_SERIES_BLOCK / 2], smooth ? mean : b->low,
                 smooth ? mean : b->high);
    }
    return end / RT_SERIES_BLOCK * RT_SERIES_BLOCK;
}

static void spans_find(const struct rt_chart *chart, const struct rt_series *s, struct spans *out)
{
    struct average a = {0, 0};
    int begin = rt_series_from(s, chart->from), end = rt_series_from(s, chart->to + 1);
    for (int i = 0; i < out->columns; i++) {
        out->low[i] = INFINITY;
        out->high[i] = -INFINITY;
    }
    int i = chart->smooth > 0 ? (begin > 1000 ? begin - 1000 : 0) : begin;
    if (end - begin > 2 * RT_SERIES_BLOCK * out->columns)
        i = begin = spans_find_by_block(chart, s, begin, end, &a, out);
    for (; i < end; i++) {
        double v = average_add(&a, chart->smooth, s->value[i]);
        if (i >= begin)
            spans_put(chart, out, s->step[i], v, v);
    }
}

/* Dots of one cell: 2x4 in Braille, 1x2 in ASCII. */
/* ---- dots ----
 * Braille has two by four dots in a cell, which is as fine as text can be; in ASCII there are two above
 * each other. A cell has one colour: the curve that was drawn last has it. */

struct grid {
    int w, h, dots_x, dots_y; /* of the plot in cells; dots in a cell */
    uint8_t *mask, *style;    /* [h][w] */
    bool ascii;
};

static void grid_dot(struct grid *g, int x, int y, enum rt_style style)
{
    static const uint8_t braille[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    if (x < 0 || y < 0 || x >= g->w * g->dots_x || y >= g->h * g->dots_y)
        return;
    int at = y / g->dots_y * g->w + x / g->dots_x;
    g->mask[at] |= g->ascii ? (uint8_t)(1 << (y % 2)) : braille[y % 4][x % 2];
    g->style[at] = (uint8_t)style;
}

static int grid_height(double v, double low, double high, int dots)
{
    double fraction = high > low ? (v - low) / (high - low) : 0.5;
    return (int)lround((1 - fraction) * (dots - 1));
}

static void grid_draw_curve(struct grid *g, const struct spans *s, double low, double high,
                       enum rt_style style)
{
    int dots = g->h * g->dots_y, before_x = -1, before = 0;
    for (int x = 0; x < s->columns; x++) {
        if (s->low[x] > s->high[x])
            continue;
        int top = grid_height(s->high[x], low, high, dots), bottom = grid_height(s->low[x], low, high, dots);
        int middle = (top + bottom) / 2;
        for (int y = top; y <= bottom; y++)
            grid_dot(g, x, y, style);
        /* A straight line from the column before. */
        for (int i = before_x + 1; before_x >= 0 && i <= x; i++) {
            double fraction = (double)(i - before_x) / (x - before_x);
            int to = before + (int)lround(fraction * (middle - before));
            int from = before + (int)lround((fraction - 1.0 / (x - before_x)) * (middle - before));
            for (int y = from < to ? from : to; y <= (from < to ? to : from); y++)
                if (i < x || (y < top || y > bottom))
                    grid_dot(g, i, y, style);
        }
        before_x = x;
        before = middle;
    }
}

static void grid_show(struct rt_canvas *c, struct rt_rect r, const struct grid *g)
{
    static const char ascii[] = " '.:";
    for (int y = 0; y < g->h; y++)
        for (int x = 0; x < g->w; x++) {
            uint8_t mask = g->mask[y * g->w + x];
            if (mask)
                rt_canvas_put(c, r.x + x, r.y + y, (enum rt_style)g->style[y * g->w + x],
                              g->ascii ? (uint32_t)ascii[mask & 3] : 0x2800u + mask);
        }
}

/* A line from top to bottom at a step. */
static void chart_draw_step(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart, int64_t step,
                      enum rt_style style, uint32_t code)
{
    if (step < chart->from || step > chart->to || chart->to <= chart->from)
        return;
    int x = (int)((double)(step - chart->from) / (double)(chart->to - chart->from) * (r.w - 1) + 0.5);
    for (int y = 0; y < r.h; y++)
        rt_canvas_put(c, r.x + x, r.y + y, style, code);
}

static const char *chart_label(const struct rt_chart *chart, double v, char out[24])
{
    if (chart->log)
        v = pow(10, v);
    if (chart->fraction)
        snprintf(out, 24, "%.3g%%", 100 * v);
    else if (strlen(rt_number_short(v, out)) >= LABEL)
        snprintf(out, 24, fabs(v) < 1e-3 ? "%.0e" : "%.2g", v);
    return out;
}

static void chart_draw_title(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart)
{
    int used = rt_canvas_print(c, r.x, r.y, r.w, chart->focus ? RT_STYLE_TAB : RT_STYLE_TITLE,
                               chart->focus ? " %s " : "%s", chart->title);
    char text[RT_CHART_CURVES][100];
    int width[RT_CHART_CURVES], room = r.w - used - 1, right = r.x + r.w;
    for (int i = 0; i < chart->curves; i++) { /* the first ones, where not all have room */
        char n[24];
        const char *name = chart->curve[i].name;
        double v = rt_chart_value(chart->curve[i].series, chart->cursor >= 0 ? chart->cursor : chart->to);
        width[i] = 0;
        if (isnan(v) || !name)
            continue;
        if (chart->fraction)
            snprintf(n, sizeof n, "%.1f%%", 100 * v);
        else
            rt_number_short(v, n);
        snprintf(text[i], sizeof text[i], "%s%s%s", name, *name ? " " : "", n);
        width[i] = rt_canvas_width(c, text[i]);
        if (width[i] > room)
            width[i] = 0;
        room -= width[i] + (width[i] ? 2 : 0);
    }
    for (int i = chart->curves - 1; i >= 0; i--) {
        if (!width[i])
            continue;
        right -= width[i];
        rt_canvas_text(c, right, r.y, width[i], curve_style(chart, i), text[i]);
        right -= 2;
    }
}

/* Least and greatest over all curves; 0 when there is no point. */
static bool chart_find_range(const struct rt_chart *chart, const struct spans *s, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < chart->curves; i++)
        for (int x = 0; x < s[i].columns; x++) {
            *low = s[i].low[x] < *low ? s[i].low[x] : *low;
            *high = s[i].high[x] > *high ? s[i].high[x] : *high;
        }
    if (*low > *high)
        return false;
    if (chart->fraction && !chart->log) {
        *low = 0;
        *high = *high > 0.5 ? 1 : *high > 0.1 ? 0.5 : 0.1;
    }
    return true;
}

static void chart_draw_plot(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart)
{
    char n[24];
    struct rt_rect plot = r;
    if (r.w >= LABELLED_W) {
        plot.x += LABEL;
        plot.w -= LABEL;
    }
    struct grid g = {plot.w, plot.h, c->ascii ? 1 : 2, c->ascii ? 2 : 4, NULL, NULL, c->ascii};
    size_t cells = (size_t)g.w * (size_t)g.h, columns = (size_t)(g.w * g.dots_x);
    double *value = malloc(sizeof *value * 2 * columns * RT_CHART_CURVES), low, high;
    struct spans s[RT_CHART_CURVES];
    g.mask = calloc(2, cells);
    g.style = g.mask + cells;
    if (value && g.mask) {
        for (int i = 0; i < chart->curves; i++) {
            double *at = value + 2 * columns * (size_t)i;
            s[i] = (struct spans){(int)columns, at, at + columns};
            spans_find(chart, chart->curve[i].series, &s[i]);
        }
        if (chart_find_range(chart, s, &low, &high)) {
            for (int i = 0; i < chart->marks; i++)
                chart_draw_step(c, plot, chart, chart->mark[i], RT_STYLE_WARN, 0x250A);
            chart_draw_step(c, plot, chart, chart->cursor, RT_STYLE_CURSOR, 0x2502);
            for (int i = chart->curves - 1; i >= 0; i--) /* the first above the others */
                grid_draw_curve(&g, &s[i], low, high, curve_style(chart, i));
            grid_show(c, plot, &g);
            if (plot.x > r.x) {
                rt_canvas_right(c, r.x, r.y, LABEL - 1, RT_STYLE_DIM, "%s", chart_label(chart, high, n));
                rt_canvas_right(c, r.x, r.y + r.h - 1, LABEL - 1, RT_STYLE_DIM, "%s", r.h > 1 ?
                                chart_label(chart, low, n) : "");
            }
        } else {
            rt_canvas_text(c, r.x, r.y, r.w, RT_STYLE_DIM, "nothing here");
        }
    }
    free(g.mask);
    free(value);
}

void rt_chart_draw(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart)
{
    struct rt_rect before = c->clip;
    c->clip = rt_layout_clip(before, r);
    struct rt_rect title = rt_layout_top(&r, 1);
    chart_draw_title(c, title, chart);
    if (r.w > 0 && r.h > 0)
        chart_draw_plot(c, r, chart);
    c->clip = before;
}
