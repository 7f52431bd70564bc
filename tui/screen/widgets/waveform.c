/* SPDX-License-Identifier: MIT
 * waveform: see waveform.h. */
#include "tui/screen/widgets/waveform.h"

#include <math.h>

/* Dots of one cell, column by column from the top. */
static const uint8_t braille[2][4] = {{1, 2, 4, 64}, {8, 16, 32, 128}};

/* Line of dots of a value, of `dots` that stand for +1 to -1. */
static int wave_line(float v, int dots)
{
    int y = (int)lrintf((1 - v) / 2 * (float)(dots - 1));
    return y < 0 ? 0 : y >= dots ? dots - 1 : y;
}

void rt_waveform_draw(struct rt_canvas *c, struct rt_rect r, const float *low, const float *high, int columns)
{
    int across = c->ascii ? 1 : 2, down = c->ascii ? 1 : 4;
    float loudest = 1e-6f;
    for (int i = 0; i < columns; i++)
        loudest = fmaxf(loudest, fmaxf(fabsf(low[i]), fabsf(high[i])));
    for (int x = 0; x < r.w && columns > 0; x++)
        for (int y = 0; y < r.h; y++) {
            unsigned mask = 0;
            for (int k = 0; k < across; k++) {
                int dot = x * across + k, dots = r.w * across;
                int from = (int)((int64_t)columns * dot / dots), to = (int)((int64_t)columns * (dot + 1) / dots);
                float least = low[from], most = high[from];
                for (int i = from; i < to; i++) {
                    least = fminf(least, low[i]);
                    most = fmaxf(most, high[i]);
                }
                int top = wave_line(most / loudest, r.h * down), bottom = wave_line(least / loudest, r.h * down);
                for (int d = 0; d < down; d++)
                    if (y * down + d >= top && y * down + d <= bottom)
                        mask |= braille[k][d];
            }
            if (mask)
                rt_canvas_put(c, r.x + x, r.y + y, RT_STYLE_LINE1, c->ascii ? '|' : 0x2800u + mask);
        }
}
