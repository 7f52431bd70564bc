/* SPDX-License-Identifier: MIT
 * det_plot: see det_plot.h. Both axes go from 0.1 to 60 %: what a list of trials can show, and where chance (50 %) is
 * still seen. Rates outside stand at the edge. */
#include "tui/report/det_plot.h"

#include <math.h>
#include <string.h>

#define LEAST 0.001
#define MOST 0.6
#define COLUMNS 60
#define LINES 20
#define LEFT 7 /* columns of the numbers before the plot */

static const double marks[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4};
#define MARKS (int)(sizeof marks / sizeof *marks)

/* ---- normal deviates ---- */

/* The x below which a normal variable is with probability p: by halving, as it is for a picture. */
static double deviate(double p)
{
    double low = -6, high = 6;
    for (int i = 0; i < 50; i++) {
        double x = (low + high) / 2;
        if (erfc(-x * M_SQRT1_2) / 2 < p)
            low = x;
        else
            high = x;
    }
    return (low + high) / 2;
}

/* Where a rate stands, 0 (LEAST) to 1 (MOST). */
static double det_place(double rate)
{
    double at = (deviate(rate) - deviate(LEAST)) / (deviate(MOST) - deviate(LEAST));
    return fmin(fmax(at, 0), 1);
}

/* ---- in a terminal ---- */

/* The stretch between two points, so that the curve has no holes: falling thresholds go right and down. */
static void plot_stretch(char cell[LINES][COLUMNS + 1], double x0, double y0, double x1, double y1)
{
    for (int i = 0; i <= 2 * COLUMNS; i++) {
        double at = i / (2.0 * COLUMNS);
        int x = (int)lrint((x0 + at * (x1 - x0)) * (COLUMNS - 1)), y = (int)lrint((y0 + at * (y1 - y0)) * (LINES - 1));
        cell[LINES - 1 - y][x] = '*';
    }
}

static void plot_curve(const struct rt_det *d, char cell[LINES][COLUMNS + 1])
{
    double x0 = det_place(rt_det_false_alarm(d, 0)), y0 = det_place(rt_det_miss(d, 0));
    for (size_t i = 1; i < d->points; i++) {
        double x = det_place(rt_det_false_alarm(d, i)), y = det_place(rt_det_miss(d, i));
        if (x != x0 || y != y0)
            plot_stretch(cell, x0, y0, x, y);
        x0 = x;
        y0 = y;
    }
}

static void print_mark(FILE *out, int line)
{
    for (int k = 0; k < MARKS; k++)
        if ((int)lrint(det_place(marks[k]) * (LINES - 1)) == line) {
            fprintf(out, "%5.3g +", 100 * marks[k]);
            return;
        }
    fprintf(out, "%*s|", LEFT - 1, "");
}

void rt_det_print(const struct rt_det *d, FILE *out)
{
    char cell[LINES][COLUMNS + 1], foot[COLUMNS + 8], numbers[COLUMNS + 8];
    for (int y = 0; y < LINES; y++) {
        memset(cell[y], ' ', COLUMNS);
        cell[y][COLUMNS] = '\0';
        cell[y][(int)lrint((double)(LINES - 1 - y) / (LINES - 1) * (COLUMNS - 1))] = '.'; /* equal */
    }
    plot_curve(d, cell);
    fputs("miss %\n", out);
    for (int y = 0; y < LINES; y++) {
        print_mark(out, LINES - 1 - y);
        fprintf(out, "%s\n", cell[y]);
    }
    memset(foot, '-', COLUMNS);
    memset(numbers, ' ', sizeof numbers);
    foot[COLUMNS] = '\0';
    numbers[COLUMNS + 7] = '\0';
    for (int k = 0; k < MARKS; k++) {
        char text[8];
        int at = (int)lrint(det_place(marks[k]) * (COLUMNS - 1));
        int n = snprintf(text, sizeof text, "%.3g", 100 * marks[k]);
        foot[at] = '+';
        memcpy(numbers + at, text, (size_t)n);
    }
    fprintf(out, "%*s+%s\n%*s %s\n%*sfalse alarm %%; dots: where both are equal\n", LEFT - 1, "", foot, LEFT - 1, "",
            numbers, LEFT, "");
}

/* ---- as SVG ---- */

#define SIDE 460.0
#define EDGE 70.0

static double svg_x(double rate)
{
    return EDGE + SIDE * det_place(rate);
}

static double svg_y(double rate)
{
    return 40 + SIDE * (1 - det_place(rate));
}

static void svg_escape(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<' || *text == '&' || *text == '>')
            fprintf(out, "&#%d;", *text);
        else
            fputc((unsigned char)*text < 32 ? ' ' : *text, out);
}

static void svg_marks(FILE *out)
{
    double low = svg_y(LEAST), high = svg_y(MOST), left = svg_x(LEAST), right = svg_x(MOST);
    for (int k = 0; k < MARKS; k++) {
        double x = svg_x(marks[k]), y = svg_y(marks[k]);
        fprintf(out, "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fH%.1f\" stroke=\"#dddddd\"/>\n", x, low, high, left, y, right);
        fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.3g</text>\n", x, low + 18, 100 * marks[k]);
        fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n", left - 8, y + 4, 100 * marks[k]);
    }
    fprintf(out, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#999999\" stroke-dasharray=\"3 4\"/>\n", left, low, right,
            high);
}

void rt_det_svg(const struct rt_det *d, const char *title, FILE *out)
{
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" "
                 "font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
                 "<text x=\"%.0f\" y=\"24\">", EDGE + SIDE + 30, SIDE + 100, EDGE);
    svg_escape(out, title);
    fputs("</text>\n", out);
    svg_marks(out);
    fputs("<polyline fill=\"none\" stroke=\"#1b6ca8\" stroke-width=\"2\" points=\"", out);
    for (size_t i = 0; i < d->points; i++)
        fprintf(out, "%.1f,%.1f ", svg_x(rt_det_false_alarm(d, i)), svg_y(rt_det_miss(d, i)));
    fprintf(out, "\"/>\n<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#c8553d\"/>\n", svg_x(rt_det_eer(d, NULL)),
            svg_y(rt_det_eer(d, NULL)));
    fprintf(out, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">false alarm %%</text>\n", EDGE + SIDE / 2,
            SIDE + 85);
    fprintf(out, "<text transform=\"translate(20 %.0f) rotate(-90)\" text-anchor=\"middle\">miss %%</text>\n</svg>\n",
            40 + SIDE / 2);
}
