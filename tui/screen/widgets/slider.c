/* SPDX-License-Identifier: MIT
 * slider: see slider.h. */
#include "tui/screen/widgets/slider.h"

#include <math.h>
#include <stdlib.h>

#define DECADES 7    /* of a logarithmic scale that starts at 0 */
#define TENTHS 10    /* steps of a decade */
#define SMALL 0.02   /* a first value below this share of the range asks for a logarithmic scale */

static double number_clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* The power of ten, times 1, 2 or 5, that is at most x. */
static double scale_round_step(double x)
{
    double ten = pow(10, floor(log10(x) + 1e-9)), fraction = x / ten;
    return (fraction >= 5 ? 5 : fraction >= 2 ? 2 : 1) * ten;
}

bool rt_scale_of(const struct rt_key *key, struct rt_scale *s)
{
    if (key->kind != RT_KIND_INT && key->kind != RT_KIND_FLOAT && key->kind != RT_KIND_FRACTION)
        return false;
    double first = rt_scale_number(key->initial), range = key->max - key->min;
    *s = (struct rt_scale){.min = key->min, .max = key->max};
    if (range > 1 && (first - key->min) / range < SMALL && key->min >= 0)
        s->low = key->min > 0 ? key->min : key->max * pow(10, -DECADES);
    if (s->low > 0 && key->kind == RT_KIND_INT)
        s->low = key->min > 1 ? key->min : 1;
    s->step = scale_round_step(range / 100);
    if (key->kind == RT_KIND_INT && s->step < 1)
        s->step = 1;
    return true;
}

double rt_scale_fraction(const struct rt_scale *s, double value)
{
    value = number_clamp(value, s->min, s->max);
    if (s->low <= 0)
        return (value - s->min) / (s->max - s->min);
    return value <= s->low ? 0 : log(value / s->low) / log(s->max / s->low);
}

/* 1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8 times a power of ten: tenth n of the scale from 1. */
static double scale_tenth(int n)
{
    static const double series[TENTHS] = {1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8};
    int decade = (int)floor((double)n / TENTHS);
    return series[n - decade * TENTHS] * pow(10, decade);
}

static double scale_round(const struct rt_scale *s, int n)
{
    double value = scale_tenth(n);
    value = s->low >= 1 ? round(value) : value; /* a whole number, or near enough */
    return number_clamp(value, s->low, s->max);
}

double rt_scale_value(const struct rt_scale *s, double fraction)
{
    fraction = number_clamp(fraction, 0, 1);
    if (s->low <= 0)
        return number_clamp(round((s->min + fraction * (s->max - s->min)) / s->step) * s->step, s->min, s->max);
    if (fraction <= 0)
        return s->min;
    return fraction >= 1 ? s->max
                      : scale_round(s, (int)lround(TENTHS * log10(s->low * pow(s->max / s->low, fraction))));
}

double rt_scale_next(const struct rt_scale *s, double value, int way)
{
    if (s->low <= 0)
        return number_clamp((way > 0 ? floor(value / s->step + 1 + 1e-9) : ceil(value / s->step - 1 - 1e-9)) * s->step,
                     s->min, s->max);
    if (value < s->low * (1 + 1e-9) && way < 0)
        return s->min;
    if (value < s->low)
        return s->low;
    int n = (int)lround(TENTHS * log10(value));
    double next = value;
    for (n -= 2 * way; way > 0 ? next <= value * (1 + 1e-9) : next >= value * (1 - 1e-9); n += way) {
        next = scale_round(s, n);
        if ((way > 0 && n > TENTHS * (log10(s->max) + 1)) || (way < 0 && n < TENTHS * (log10(s->low) - 1)))
            break;
    }
    return next;
}

double rt_scale_number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text)
        return NAN;
    return *end == '%' ? value / 100 : value;
}

const char *rt_scale_text(const struct rt_key *key, double value, char out[32])
{
    snprintf(out, 32, key->kind == RT_KIND_INT ? "%.0f" : "%.6g", value);
    return out;
}

void rt_slider_draw(struct rt_canvas *c, int x, int y, int room, enum rt_style style, double at, double mark)
{
    int knob = isnan(at) ? -1 : (int)lround(number_clamp(at, 0, 1) * (room - 1));
    for (int i = 0; i < room; i++)
        rt_canvas_put(c, x + i, y, i < knob ? style : RT_STYLE_DIM, i < knob ? 0x2501 : 0x2500);
    if (!isnan(mark))
        rt_canvas_put(c, x + (int)lround(number_clamp(mark, 0, 1) * (room - 1)), y, RT_STYLE_DIM, 0x253C);
    if (knob >= 0)
        rt_canvas_put(c, x + knob, y, style, 0x25CF);
}

double rt_slider_fraction(int from, int room, int x)
{
    return room > 1 ? number_clamp((double)(x - from) / (room - 1), 0, 1) : 0;
}
