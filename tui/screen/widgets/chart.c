/* SPDX-License-Identifier: MIT
 * chart: see chart.h. Each column of dots shows the span of the values that fall on it, joined with the
 * column before, so that no peak is lost however many steps a column stands for. */
#include "tui/screen/widgets/chart.h"

#include "tui/screen/base/number.h"
#include "tui/screen/widgets/axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL 7       /* columns of the axis of values */
#define LABELLED_W 28 /* a chart at least this wide has an axis of values, */
#define LABELLED_H 5  /* and one at least this high one of x */
#define TICK_W 9      /* columns between two values on it, at least */

enum rt_style rt_chart_style(int place)
{
    return (enum rt_style)(RT_STYLE_LINE1 + place % (RT_STYLE_LINE8 - RT_STYLE_LINE1 + 1));
}

static enum rt_style curve_style(const struct rt_chart *chart, int curve)
{
    return rt_chart_style(chart->curve[curve].other ? chart->curve[curve].other : curve);
}

double rt_chart_value(const struct rt_series *s, int64_t step)
{
    int i = rt_series_from(s, step + 1);
    return i > 0 ? s->value[i - 1] : NAN;
}

/* ---- x ----
 * Curves are kept by step. Over time each step of a run lies where that run's own clock was: so two runs of unlike
 * speed can be compared by what they had reached after a minute. */

static double curve_x(const struct rt_curve *curve, int64_t step)
{
    return curve->clock ? rt_series_at(curve->clock, (double)step) : (double)step;
}

/* The first step at or after x. */
static int64_t curve_step(const struct rt_curve *curve, double x)
{
    return (int64_t)ceil(curve->clock ? rt_series_when(curve->clock, x) : x);
}

static double curve_factor(const struct rt_curve *curve, int64_t step)
{
    double factor = curve->factors ? 0 : 1;
    for (int i = 0; i < curve->factors && curve->factor[i].step <= step; i++)
        factor = curve->factor[i].factor;
    return factor;
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
static void spans_put(const struct rt_chart *chart, const struct rt_curve *curve, struct spans *out, int64_t step,
                      double low, double high)
{
    double length = chart->to - chart->from, factor = curve_factor(curve, step);
    if (chart->log && !(high > 0))
        return;
    low = !chart->log ? low * factor : low > 0 ? log10(low) : log10(high);
    high = chart->log ? log10(high) : high * factor;
    int x = length > 0 ? (int)((curve_x(curve, step) - chart->from) / length * (out->columns - 1) + 0.5) : 0;
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
 * is. Smoothed, or where points are left out, a block counts as its mean. Returns the first point that no block
 * holds. */
static int spans_find_by_block(const struct rt_chart *chart, const struct rt_curve *curve, int begin, int end,
                               struct average *a, struct spans *out)
{
    const struct rt_series *s = curve->series;
    double keep = pow(chart->smooth, RT_SERIES_BLOCK);
    bool means = chart->smooth > 0 || chart->skip > 0 || chart->stack;
    for (int k = begin / RT_SERIES_BLOCK; k < end / RT_SERIES_BLOCK; k++) {
        const struct rt_series_block *b = &s->block[k];
        double mean = average_add(a, keep, b->mean);
        spans_put(chart, curve, out, s->step[k * RT_SERIES_BLOCK + RT_SERIES_BLOCK / 2], means ? mean : b->low,
                  means ? mean : b->high);
    }
    return end / RT_SERIES_BLOCK * RT_SERIES_BLOCK;
}

static void spans_clear(struct spans *out)
{
    for (int i = 0; i < out->columns; i++) {
        out->low[i] = INFINITY;
        out->high[i] = -INFINITY;
    }
}

/* Its last value, everywhere. */
static void spans_find_level(const struct rt_chart *chart, const struct rt_curve *curve, struct spans *out)
{
    double v = curve->series->value[curve->series->count - 1];
    for (int i = 0; i < out->columns && (v > 0 || !chart->log); i++)
        out->low[i] = out->high[i] = chart->log ? log10(v) : v;
}

static void spans_find(const struct rt_chart *chart, const struct rt_curve *curve, struct spans *out)
{
    const struct rt_series *s = curve->series;
    struct average a = {0, 0};
    double smooth = *s->split ? 0 : chart->smooth; /* evaluations are few, and means already */
    int begin = rt_series_from(s, curve_step(curve, chart->from));
    int end = rt_series_from(s, curve_step(curve, chart->to) + 1);
    spans_clear(out);
    if (curve->level && s->count) {
        spans_find_level(chart, curve, out);
        return;
    }
    int i = smooth > 0 ? (begin > 1000 ? begin - 1000 : 0) : begin;
    if (end - begin > 2 * RT_SERIES_BLOCK * out->columns)
        i = begin = spans_find_by_block(chart, curve, begin, end, &a, out);
    for (; i < end; i++) {
        if (chart->skip && s->step[i] % chart->skip == 0)
            continue;
        double v = average_add(&a, smooth, s->value[i]);
        if (i >= begin)
            spans_put(chart, curve, out, s->step[i], v, v);
    }
}

/* Each curve on those before: a column without a point has what the one before it has. */
static void spans_stack(struct spans *s, int curves)
{
    for (int i = 0; i < curves; i++) {
        double last = 0;
        for (int x = 0; x < s[i].columns; x++) {
            last = s[i].low[x] <= s[i].high[x] ? (s[i].low[x] + s[i].high[x]) / 2 : last;
            s[i].high[x] = last + (i ? s[i - 1].high[x] : 0);
            s[i].low[x] = s[i].high[x];
        }
    }
}

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

/* All from the bottom up to the curve. */
static void grid_fill_curve(struct grid *g, const struct spans *s, double low, double high, enum rt_style style)
{
    int dots = g->h * g->dots_y;
    for (int x = 0; x < s->columns; x++)
        for (int y = grid_height(s->high[x], low, high, dots); y < dots; y++)
            grid_dot(g, x, y, style);
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

/* ---- axes ----
 * Round values beside the dots and below them. The ends of the axes are those of the data: a curve that moves
 * between 97 and 98 per cent is as easily read as any. */

static int chart_column(const struct rt_chart *chart, int columns, double x)
{
    return (int)((x - chart->from) / (chart->to - chart->from) * (columns - 1) + 0.5);
}

/* A line from top to bottom. */
static void chart_draw_line(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart, double at,
                            enum rt_style style, uint32_t code)
{
    if (!(at >= chart->from && at <= chart->to && chart->to > chart->from))
        return;
    int x = chart_column(chart, r.w, at);
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

/* Values: r is LABEL columns wide and as high as the dots. */
static void chart_draw_values(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart, double low,
                              double high)
{
    double tick[RT_TICKS];
    char n[24], before[24] = ""; /* values so close that they look alike are written once */
    int most = r.h >= 6 ? r.h / 2 : r.h >= 4 ? 3 : 2;
    int ticks = chart->log ? rt_axis_ticks_log(low, high, most, tick) : rt_axis_ticks(low, high, most, 0, tick);
    for (int i = 0; i < ticks; i++) {
        int y = grid_height(tick[i], low, high, r.h);
        if (strcmp(chart_label(chart, tick[i], n), before) != 0)
            rt_canvas_right(c, r.x, r.y + y, r.w - 1, RT_STYLE_DIM, "%s", n);
        memcpy(before, n, sizeof n);
        rt_canvas_put(c, r.x + r.w - 1, r.y + y, RT_STYLE_DIM, 0x2524);
    }
    if (ticks > 0)
        return;
    rt_canvas_right(c, r.x, r.y, r.w - 1, RT_STYLE_DIM, "%s", chart_label(chart, high, n));
    if (r.h > 1)
        rt_canvas_right(c, r.x, r.y + r.h - 1, r.w - 1, RT_STYLE_DIM, "%s", chart_label(chart, low, n));
}

/* x: a line below the dots; r is as wide as these. */
static void chart_draw_x(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart)
{
    double tick[RT_TICKS];
    int most = r.w / TICK_W > 1 ? r.w / TICK_W : 2, end = r.x - 1;
    int ticks = chart->time ? rt_axis_ticks_time(chart->from, chart->to, most, tick)
                            : rt_axis_ticks(chart->from, chart->to, most, 1, tick);
    for (int i = 0; i < ticks; i++) {
        char n[24];
        if (chart->time)
            rt_axis_time(tick[i], n);
        else if (fabs(tick[i]) < 1e5)
            snprintf(n, sizeof n, "%.0f", tick[i]);
        else
            rt_number_short(tick[i], n);
        int w = (int)strlen(n), x = r.x + chart_column(chart, r.w, tick[i]) - w / 2;
        x = x + w > r.x + r.w ? r.x + r.w - w : x < r.x ? r.x : x;
        if (x > end)
            end = x + rt_canvas_text(c, x, r.y, w, RT_STYLE_DIM, n);
    }
}

/* At the cursor, else the last one shown. */
static double chart_value(const struct rt_chart *chart, const struct rt_curve *curve)
{
    double x = isnan(chart->cursor) ? chart->to : chart->cursor;
    int64_t step = curve->level ? INT64_MAX - 1 : (int64_t)floor(curve->clock ? rt_series_when(curve->clock, x) : x);
    return rt_chart_value(curve->series, step) * (chart->stack ? curve_factor(curve, step) : 1);
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
        double v = chart_value(chart, &chart->curve[i]);
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
    if (chart->stack)
        *low = 0;
    if (*high - *low < 1e-9 * fabs(*high)) { /* a level line: in the middle */
        *low -= chart->log ? 0.5 : fabs(*low) * 0.1;
        *high += chart->log ? 0.5 : fabs(*high) * 0.1;
    }
    return true;
}

struct rt_rect rt_chart_plot(struct rt_rect r)
{
    rt_layout_top(&r, 1);
    rt_layout_bottom(&r, r.h >= LABELLED_H);
    if (r.w >= LABELLED_W) {
        r.x += LABEL;
        r.w -= LABEL;
    }
    return r;
}

/* The curves as spans, in the room that value has for them; false: no point of any is seen. */
static bool chart_find_spans(const struct rt_chart *chart, struct spans *s, double *value, int columns, double *low,
                             double *high)
{
    for (int i = 0; i < chart->curves; i++) {
        double *at = value + 2 * columns * i;
        s[i] = (struct spans){columns, at, at + columns};
        spans_find(chart, &chart->curve[i], &s[i]);
    }
    bool any = chart_find_range(chart, s, low, high);
    if (any && chart->stack)
        spans_stack(s, chart->curves);
    return any && chart_find_range(chart, s, low, high);
}

static void chart_draw_curves(struct rt_canvas *c, struct rt_rect plot, const struct rt_chart *chart, struct grid *g,
                              const struct spans *s, double low, double high)
{
    for (int i = 0; i < chart->marks; i++)
        chart_draw_line(c, plot, chart, chart->mark[i].x, chart->mark[i].objective ? RT_STYLE_BAD : RT_STYLE_WARN,
                        chart->mark[i].objective ? 0x2503 : 0x250A);
    chart_draw_line(c, plot, chart, chart->cursor, RT_STYLE_CURSOR, 0x2502);
    for (int i = chart->curves - 1; i >= 0; i--) /* the first above the others */
        if (chart->stack)
            grid_fill_curve(g, &s[i], low, high, curve_style(chart, i));
        else
            grid_draw_curve(g, &s[i], low, high, curve_style(chart, i));
    grid_show(c, plot, g);
}

static void chart_draw_plot(struct rt_canvas *c, struct rt_rect r, struct rt_rect plot, const struct rt_chart *chart)
{
    struct grid g = {plot.w, plot.h, c->ascii ? 1 : 2, c->ascii ? 2 : 4, NULL, NULL, c->ascii};
    size_t cells = (size_t)g.w * (size_t)g.h, columns = (size_t)(g.w * g.dots_x);
    double *value = malloc(sizeof *value * 2 * columns * RT_CHART_CURVES), low, high;
    struct spans s[RT_CHART_CURVES];
    g.mask = calloc(2, cells);
    g.style = g.mask + cells;
    if (value && g.mask && chart_find_spans(chart, s, value, (int)columns, &low, &high)) {
        chart_draw_curves(c, plot, chart, &g, s, low, high);
        if (plot.x > r.x)
            chart_draw_values(c, (struct rt_rect){r.x, plot.y, plot.x - r.x, plot.h}, chart, low, high);
        if (plot.y + plot.h < r.y + r.h)
            chart_draw_x(c, (struct rt_rect){plot.x, plot.y + plot.h, plot.w, 1}, chart);
    } else {
        rt_canvas_text(c, r.x, plot.y, r.w, RT_STYLE_DIM, "nothing here");
    }
    free(g.mask);
    free(value);
}

void rt_chart_draw(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart)
{
    struct rt_rect before = c->clip, plot = rt_chart_plot(r), title = {r.x, r.y, r.w, r.h > 0};
    c->clip = rt_layout_clip(before, r);
    chart_draw_title(c, title, chart);
    if (plot.w > 0 && plot.h > 0)
        chart_draw_plot(c, r, plot, chart);
    c->clip = before;
}
