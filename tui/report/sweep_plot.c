/* SPDX-License-Identifier: MIT
 * sweep_plot: a sweep as SVG: a row per setting, or curves over the one key that was varied; see sweep_plot.h. */
#include "tui/report/sweep_plot.h"

#include "formats/plain.h"

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
    rt_sweep_interval(r, r->choose ? r->valid : r->test, setting, i);
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

/* ---- curves over a key ----
 * A panel per part of the sweep, side by side on one vertical axis, since what is compared is how far curves lie
 * from each other and from the settings that do not vary. Those are lines through all panels, with a band. */

#define PANEL_TOP 40.0
#define PANEL_BOTTOM 340.0
#define PANEL_GAP 24.0

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

/* Where a curve is first met: its colour and its line of the legend follow from that. */
static int curve_number(const struct rt_sweep *s, int setting)
{
    int number = 0;
    for (int k = 0; k <= setting; k++) {
        bool known = false;
        for (int i = 0; i < k && !known; i++)
            known = !strcmp(s->setting[i].series, s->setting[k].series);
        if (!strcmp(s->setting[k].series, s->setting[setting].series))
            return number;
        number += !known;
    }
    return number;
}

static const char *curve_colour(const struct rt_sweep *s, int setting)
{
    return plot_colours[curve_number(s, setting) % (int)(sizeof plot_colours / sizeof *plot_colours)];
}

/* Settings of one curve follow each other only with the varied key, so they are taken as they stand. */
static void plot_curve(const struct rt_sweep_results *r, int first, const struct plot_axis *x,
                       const struct plot_axis *y, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    const char *colour = curve_colour(s, first);
    double before_x = NAN, before_y = NAN;
    for (int k = first; k < s->settings; k++) {
        struct rt_interval i;
        plot_interval(r, k, &i);
        if (strcmp(s->setting[k].series, s->setting[first].series) || s->setting[k].panel != s->setting[first].panel ||
            isnan(i.mean))
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

/* A setting that does not vary. */
static void plot_level(const struct rt_sweep_results *r, int k, const struct plot_axis *x,
                       const struct plot_axis *y, FILE *out)
{
    const char *colour = curve_colour(r->sweep, k);
    struct rt_interval i;
    plot_interval(r, k, &i);
    if (isnan(i.mean))
        return;
    if (!isnan(i.low))
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" "
                     "fill-opacity=\"0.12\"/>\n",
                x->from - 14, axis_place(y, i.high), x->to - x->from + 28,
                axis_place(y, i.low) - axis_place(y, i.high), colour);
    svg_line(out, x->from - 14, axis_place(y, i.mean), x->to + 14, axis_place(y, i.mean), colour, 1.5);
}

static bool setting_begins_curve(const struct rt_sweep *s, int k)
{
    for (int i = 0; i < k; i++)
        if (!strcmp(s->setting[i].series, s->setting[k].series) && s->setting[i].panel == s->setting[k].panel)
            return false;
    return true;
}

static void plot_panel(const struct rt_sweep_results *r, int panel, const struct plot_axis *y, double left,
                       double right, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    struct plot_axis x = key_axis(s, left + 20, right - 20);
    char text[32];
    for (double step = axis_step(y->high - y->low), v = ceil(y->low / step) * step; v <= y->high; v += step) {
        svg_line(out, left, axis_place(y, v), right, axis_place(y, v), "#dddddd", 1);
        snprintf(text, sizeof text, "%g", fabs(v) < step / 2 ? 0 : v);
        if (panel <= 0)
            svg_label(out, left - 8, axis_place(y, v) + 4, "end", "#333333", text);
    }
    for (int k = 0; k < s->settings; k++) {
        bool marked = isnan(s->setting[k].at[0]);
        for (int i = 0; i < k && !marked; i++)
            marked = s->setting[i].at[0] == s->setting[k].at[0];
        snprintf(text, sizeof text, "%g", s->setting[k].at[0]);
        if (!marked)
            svg_label(out, axis_place(&x, s->setting[k].at[0]), PANEL_BOTTOM + 18, "middle", "#333333", text);
    }
    for (int k = 0; k < s->settings; k++)
        if (isnan(s->setting[k].at[0]))
            plot_level(r, k, &x, y, out);
        else if (s->setting[k].panel == panel && setting_begins_curve(s, k))
            plot_curve(r, k, &x, y, out);
    if (panel >= 0)
        svg_label(out, (left + right) / 2, PANEL_TOP - 8, "middle", "black", s->panel[panel].name);
    svg_label(out, (left + right) / 2, PANEL_BOTTOM + 40, "middle", "black", s->key[0]);
}

static void plot_curves(const struct rt_sweep_results *r, const char *title, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    int panels = s->panels ? s->panels : 1, curves = 0;
    const double left = 70, width = panels > 1 ? 300 : PLOT_WIDTH - 90, pitch = width + PANEL_GAP;
    const double right = left + panels * pitch - PANEL_GAP;
    struct plot_axis y = metric_axis(r, PANEL_BOTTOM, PANEL_TOP);
    for (int k = 0; k < s->settings; k++)
        if (curve_number(s, k) == curves)
            curves++;
    svg_begin(out, right + 20, PANEL_BOTTOM + 60 + (curves > 1 ? 20 * curves : 0), s->name);
    for (int p = 0; p < panels; p++)
        plot_panel(r, s->panels ? p : -1, &y, left + p * pitch, left + p * pitch + width, out);
    for (int k = 0, told = 0; curves > 1 && k < s->settings; k++)
        if (curve_number(s, k) == told) {
            svg_label(out, left + 20, PANEL_BOTTOM + 62 + 20 * told, "start", curve_colour(s, k), s->setting[k].series);
            told++;
        }
    svg_label(out, left, PANEL_TOP - 26, "start", "black", title);
    fputs("</svg>\n", out);
}

static void plot_title(const struct rt_sweep_results *r, char *title, size_t size)
{
    snprintf(title, size, "%s %s %%%s", r->choose ? "valid" : "test", rt_sweep_metric_name(r->sweep->metric),
             r->sweep->seeds > 1 ? ", 95 % interval of the mean" : "");
}

void rt_sweep_plot_write(const struct rt_sweep_results *r, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    char title[100];
    bool numbers = s->keys == 1;
    for (int k = 0; k < s->settings; k++)
        numbers &= !isnan(s->setting[k].at[0]) || !strcmp(s->setting[k].series, s->setting[k].name);
    plot_title(r, title, sizeof title);
    if (numbers)
        plot_curves(r, title, out);
    else
        plot_rows(r, title, out);
}

/* ---- in letters ----
 * For a terminal, and for a log: rows need no more height than the table has, and their names no legend. */

#define LETTERS 56 /* columns of the axis */

static void letters_row(const struct rt_sweep_results *r, int k, const struct plot_axis *a, int compared, FILE *out)
{
    char row[LETTERS + 1];
    struct rt_interval i;
    plot_interval(r, k, &i);
    memset(row, ' ', LETTERS);
    row[LETTERS] = '\0';
    if (!isnan(i.low)) {
        int low = (int)(axis_place(a, i.low) + 0.5), high = (int)(axis_place(a, i.high) + 0.5);
        memset(row + low, '-', (size_t)(high - low + 1));
    }
    if (compared >= 0)
        row[compared] = ':';
    if (!isnan(i.mean))
        row[(int)(axis_place(a, i.mean) + 0.5)] = 'o';
    fprintf(out, "|%s|", row);
    if (!isnan(i.mean))
        fprintf(out, " %.2f", i.mean);
    fputc('\n', out);
}

void rt_sweep_plot_letters(const struct rt_sweep_results *r, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    struct plot_axis a = metric_axis(r, 0, LETTERS - 1);
    struct rt_interval base;
    char title[100];
    int wide = 0;
    plot_interval(r, s->compare, &base);
    for (int k = 0; k < s->settings; k++)
        if ((int)strlen(rt_sweep_setting_title(s, k)) > wide)
            wide = (int)strlen(rt_sweep_setting_title(s, k));
    plot_title(r, title, sizeof title);
    rt_plain_print(out, "%s\n%*s  %-*.2f%*.2f\n", title, wide, "", LETTERS / 2, a.low, LETTERS / 2, a.high);
    for (int k = 0; k < s->settings; k++) {
        rt_plain_print(out, "%-*s ", wide, rt_sweep_setting_title(s, k));
        letters_row(r, k, &a, isnan(base.mean) ? -1 : (int)(axis_place(&a, base.mean) + 0.5), out);
    }
}
