/* SPDX-License-Identifier: MIT
 * sweep_plot: a sweep as SVG: a row per setting, or curves over the one key that was varied; see sweep_table.h. */
#include "tui/report/sweep_table.h"

#include <math.h>
#include <string.h>

/* ---- axes ----
 * By hand, as the plot is lines and letters. Sizes of letters are guessed (no font is asked), so all that is long
 * stands where it has room: names of settings at the left of their rows, names of curves below each other. */

#define PLOT_WIDTH 640.0
#define PLOT_LETTER 7.2 /* columns of a letter, about */
#define PLOT_ROW 26.0
#define PLOT_ZERO 0.5   /* decades that 0 stands before the least value, on a logarithmic axis */

static const char *const plot_colours[] = {"#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b8860b", "#555555"};

struct plot_axis {
    double low, high, from, to; /* values, and where they stand */
    bool logarithmic;
    double least; /* of those above 0 */
};

static double axis_place(const struct plot_axis *a, double v)
{
    double at = !a->logarithmic ? v : v > 0 ? log10(v) : log10(a->least) - PLOT_ZERO;
    return a->from + (a->to - a->from) * (a->high > a->low ? (at - a->low) / (a->high - a->low) : 0.5);
}

/* 1, 2 or 5 times a power of ten, so that there are some 4 to 9 marks. */
static double axis_step(double span)
{
    double power = pow(10, floor(log10(span / 4)));
    return span / 4 / power >= 5 ? 5 * power : span / 4 / power >= 2 ? 2 * power : power;
}

static void axis_widen(struct plot_axis *a, double v)
{
    if (isnan(v))
        return;
    a->low = isnan(a->low) || v < a->low ? v : a->low;
    a->high = isnan(a->high) || v > a->high ? v : a->high;
}

static void svg_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '<' || c == '&' || c == '>')
            fprintf(out, "&#%d;", c);
        else
            fputc(c < 32 ? ' ' : c, out);
    }
}

static void svg_begin(FILE *out, double width, double height, const char *title)
{
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" "
                 "font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<title>",
            width, height);
    svg_text(out, title);
    fputs("</title>\n", out);
}

static void svg_label(FILE *out, double x, double y, const char *anchor, const char *colour, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">", x, y, anchor, colour);
    svg_text(out, text);
    fputs("</text>\n", out);
}

static void svg_line(FILE *out, double x1, double y1, double x2, double y2, const char *colour, double width)
{
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%.1f\"/>\n", x1,
            y1, x2, y2, colour, width);
}

static void svg_dot(FILE *out, double x, double y, const char *colour)
{
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x, y, colour);
}

static void plot_interval(const struct rt_sweep_results *r, int setting, struct rt_interval *i)
{
    const double *of = r->choose ? r->valid : r->test;
    rt_interval(i, of + setting * r->sweep->seeds, (size_t)r->sweep->seeds);
    i->mean *= 100;
    if (isnan(i->low))
        return;
    i->low = fmax(100 * i->low, 0); /* of two seeds it may lie far outside */
    i->high = fmin(100 * i->high, 100);
}

static struct plot_axis metric_axis(const struct rt_sweep_results *r, double from, double to)
{
    struct plot_axis a = {.low = NAN, .high = NAN, .from = from, .to = to};
    for (int k = 0; k < r->sweep->settings; k++) {
        struct rt_interval i;
        plot_interval(r, k, &i);
        axis_widen(&a, i.mean);
        axis_widen(&a, i.low);
        axis_widen(&a, i.high);
    }
    if (isnan(a.low))
        a.low = 0, a.high = 100;
    double margin = a.high > a.low ? (a.high - a.low) / 20 : 1;
    a.low -= margin;
    a.high += margin;
    return a;
}

/* ---- a row per setting ---- */

static void plot_rows(const struct rt_sweep_results *r, const char *title, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    double left = 60, bottom = 30 + PLOT_ROW * s->settings;
    char text[32];
    for (int k = 0; k < s->settings; k++)
        left = fmax(left, 20 + PLOT_LETTER * (double)strlen(rt_sweep_setting_title(s, k)));
    struct plot_axis a = metric_axis(r, left, left + PLOT_WIDTH - 160);
    svg_begin(out, left + PLOT_WIDTH - 140, bottom + 50, s->name);
    for (double step = axis_step(a.high - a.low), v = ceil(a.low / step) * step; v <= a.high; v += step) {
        svg_line(out, axis_place(&a, v), 20, axis_place(&a, v), bottom, "#dddddd", 1);
        snprintf(text, sizeof text, "%g", fabs(v) < step / 2 ? 0 : v);
        svg_label(out, axis_place(&a, v), bottom + 18, "middle", "#333333", text);
    }
    for (int k = 0; k < s->settings; k++) {
        struct rt_interval i;
        double y = 30 + PLOT_ROW * (k + 0.4);
        plot_interval(r, k, &i);
        svg_label(out, left - 10, y + 4, "end", "black", rt_sweep_setting_title(s, k));
        if (!isnan(i.low))
            svg_line(out, axis_place(&a, i.low), y, axis_place(&a, i.high), y, plot_colours[0], 2);
        if (!isnan(i.mean))
            svg_dot(out, axis_place(&a, i.mean), y, plot_colours[0]);
    }
    svg_label(out, (a.from + a.to) / 2, bottom + 40, "middle", "black", title);
    fputs("</svg>\n", out);
}

/* ---- curves over a key ---- */

static struct plot_axis key_axis(const struct rt_sweep *s, double from, double to)
{
    struct plot_axis a = {.low = NAN, .high = NAN, .from = from, .to = to, .least = NAN};
    for (int k = 0; k < s->settings; k++) {
        double v = s->setting[k].at[0];
        axis_widen(&a, v);
        if (v > 0 && !(v >= a.least))
            a.least = v;
    }
    a.logarithmic = a.low >= 0 && a.high >= 10 * a.least;
    if (a.logarithmic) {
        a.low = a.low > 0 ? log10(a.low) : log10(a.least) - PLOT_ZERO;
        a.high = log10(a.high);
    }
    return a;
}

/* Settings of one curve follow each other only with the varied key, so they are taken as they stand. */
static void plot_curve(const struct rt_sweep_results *r, const char *series, const struct plot_axis *x,
                       const struct plot_axis *y, const char *colour, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    double before_x = NAN, before_y = NAN;
    for (int k = 0; k < s->settings; k++) {
        struct rt_interval i;
        plot_interval(r, k, &i);
        if (strcmp(s->setting[k].series, series) || isnan(i.mean))
            continue;
        double at = axis_place(x, s->setting[k].at[0]), mean = axis_place(y, i.mean);
        if (!isnan(before_x))
            svg_line(out, before_x, before_y, at, mean, colour, 1.5);
        if (!isnan(i.low))
            svg_line(out, at, axis_place(y, i.low), at, axis_place(y, i.high), colour, 1.5);
        svg_dot(out, at, mean, colour);
        before_x = at;
        before_y = mean;
    }
}

static void plot_curves(const struct rt_sweep_results *r, const char *title, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    const double left = 70, right = PLOT_WIDTH - 20, top = 20, bottom = 340;
    struct plot_axis x = key_axis(s, left + 20, right - 20), y = metric_axis(r, bottom, top);
    char text[32];
    int curves = 0;
    for (int k = 0; k < s->settings; k++)
        curves += k == 0 || strcmp(s->setting[k].series, s->setting[k - 1].series);
    svg_begin(out, PLOT_WIDTH, bottom + 60 + (curves > 1 ? 20 * curves : 0), s->name);
    for (double step = axis_step(y.high - y.low), v = ceil(y.low / step) * step; v <= y.high; v += step) {
        svg_line(out, left, axis_place(&y, v), right, axis_place(&y, v), "#dddddd", 1);
        snprintf(text, sizeof text, "%g", fabs(v) < step / 2 ? 0 : v);
        svg_label(out, left - 8, axis_place(&y, v) + 4, "end", "#333333", text);
    }
    for (int k = 0; k < s->settings && (k == 0 || !strcmp(s->setting[k].series, s->setting[0].series)); k++) {
        snprintf(text, sizeof text, "%g", s->setting[k].at[0]);
        svg_label(out, axis_place(&x, s->setting[k].at[0]), bottom + 18, "middle", "#333333", text);
    }
    for (int k = 0, curve = 0; k < s->settings; k++) {
        if (k && !strcmp(s->setting[k].series, s->setting[k - 1].series))
            continue;
        const char *colour = plot_colours[curve % (int)(sizeof plot_colours / sizeof *plot_colours)];
        plot_curve(r, s->setting[k].series, &x, &y, colour, out);
        if (curves > 1)
            svg_label(out, left + 20, bottom + 62 + 20 * curve, "start", colour, s->setting[k].series);
        curve++;
    }
    svg_label(out, (left + right) / 2, bottom + 40, "middle", "black", s->key[0]);
    svg_label(out, left, top - 6, "start", "black", title);
    fputs("</svg>\n", out);
}

void rt_sweep_plot_write(const struct rt_sweep_results *r, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    char title[100];
    bool numbers = s->keys == 1;
    for (int k = 0; k < s->settings; k++)
        numbers &= !isnan(s->setting[k].at[0]);
    snprintf(title, sizeof title, "%s %s%s", r->choose ? "valid" : "test", rt_sweep_metric_title(s),
             s->seeds > 1 ? ", 95 % interval of the mean" : "");
    if (numbers)
        plot_curves(r, title, out);
    else
        plot_rows(r, title, out);
}
