/* SPDX-License-Identifier: MIT
 * histogram: see histogram.h. */
#include "tui/screen/widgets/histogram.h"

#include <math.h>

struct rt_rect rt_histogram_plot(struct rt_rect r)
{
    rt_layout_top(&r, r.h > 2);
    rt_layout_bottom(&r, r.h > 3);
    return r;
}

void rt_histogram_draw(struct rt_canvas *c, struct rt_rect r, enum rt_style style, const char *title,
                       const double *count, const char *low, const char *high)
{
    struct rt_rect plot = rt_histogram_plot(r);
    double most = 0;
    if (plot.y > r.y)
        rt_canvas_text(c, r.x, r.y, r.w, RT_STYLE_TITLE, title);
    for (int x = 0; x < plot.w; x++)
        most = count[x] > most ? count[x] : most;
    for (int x = 0; x < plot.w && most > 0; x++) {
        int eighths = (int)lround(count[x] / most * plot.h * 8); /* a bar that is there is seen */
        eighths = eighths == 0 && count[x] > 0 ? 1 : eighths;
        for (int y = 0; y < plot.h && eighths > 0; y++, eighths -= 8)
            rt_canvas_put(c, plot.x + x, plot.y + plot.h - 1 - y, style,
                          0x2580u + (uint32_t)(eighths < 8 ? eighths : 8));
    }
    if (plot.y + plot.h < r.y + r.h) {
        int at = r.x + rt_canvas_text(c, r.x, r.y + r.h - 1, r.w, RT_STYLE_DIM, low);
        rt_canvas_right(c, at + 1, r.y + r.h - 1, r.x + r.w - at - 1, RT_STYLE_DIM, "%s", high);
    }
}

void rt_histogram_curve(struct rt_canvas *c, struct rt_rect plot, enum rt_style style,
                        double (*y)(void *self, double x), void *self)
{
    static const uint8_t dot[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    int dots = plot.h * 4, before = -1;
    for (int x = 0; x < plot.w; x++) {
        uint8_t mask[512] = {0};
        for (int half = 0; half < 2; half++) {
            double value = y(self, plot.w > 1 ? (2 * x + half) / (2.0 * plot.w - 1) : 0.5);
            int at = (int)lround((1 - (value < 0 ? 0 : value > 1 ? 1 : value)) * (dots - 1));
            int from = before < 0 ? at : before < at ? before + 1 : before > at ? before - 1 : at;
            for (int i = from < at ? from : at; i <= (from < at ? at : from); i++)
                if (i / 4 < (int)sizeof mask)
                    mask[i / 4] |= dot[i % 4][half];
            before = at;
        }
        for (int row = 0; row < plot.h && row < (int)sizeof mask; row++)
            if (mask[row])
                rt_canvas_put(c, plot.x + x, plot.y + row, style, c->ascii ? '*' : 0x2800u + mask[row]);
    }
}
