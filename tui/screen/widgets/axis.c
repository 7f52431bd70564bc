/* SPDX-License-Identifier: MIT
 * axis: see axis.h. */
#include "tui/screen/widgets/axis.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

/* All multiples of step from low to high; 0 when they are more than `most`. */
static int ticks_by(double low, double high, int most, double step, double tick[RT_TICKS])
{
    double first = ceil(low / step - 1e-9), last = floor(high / step + 1e-9);
    int n = 0;
    if (last - first + 1 > most)
        return 0;
    for (double i = first; i <= last && n < RT_TICKS; i++)
        tick[n++] = i * step + 0.0; /* never -0 */
    return n;
}

static bool ticks_are_possible(double low, double high, int *most)
{
    *most = *most > RT_TICKS ? RT_TICKS : *most;
    return *most > 0 && high > low && isfinite(high - low);
}

int rt_axis_ticks(double low, double high, int most, int whole, double tick[RT_TICKS])
{
    static const double round[] = {1, 2, 5};
    if (!ticks_are_possible(low, high, &most))
        return 0;
    double power = pow(10, floor(log10((high - low) / most)));
    for (int i = 0; i < 9; i++) { /* the first that is coarse enough */
        double step = power * pow(10, i / 3) * round[i % 3];
        int n = whole && step < 1 ? 0 : ticks_by(low, high, most, step, tick);
        if (n)
            return n;
    }
    return 0;
}

int rt_axis_ticks_log(double low, double high, int most, double tick[RT_TICKS])
{
    if (!ticks_are_possible(low, high, &most))
        return 0;
    if (floor(high) - ceil(low) >= 1)
        return rt_axis_ticks(low, high, most, 1, tick);
    int n = rt_axis_ticks(pow(10, low), pow(10, high), most, 0, tick);
    for (int i = 0; i < n; i++)
        tick[i] = log10(tick[i]);
    return n;
}

int rt_axis_ticks_time(double low, double high, int most, double tick[RT_TICKS])
{
    static const double step[] = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
                                  86400, 172800, 604800, 2419200};
    if (!ticks_are_possible(low, high, &most))
        return 0;
    for (unsigned i = 0; i < sizeof step / sizeof *step; i++) {
        int n = ticks_by(low, high, most, step[i], tick);
        if (n)
            return n;
    }
    return 0;
}

const char *rt_axis_time(double seconds, char out[24])
{
    long s = lround(fmin(fmax(seconds, 0), 1e12));
    if (s % 86400 == 0 && s)
        snprintf(out, 24, "%ldd", s / 86400);
    else if (s % 3600 == 0 && s)
        snprintf(out, 24, "%ldh", s / 3600);
    else if (s > 3600)
        snprintf(out, 24, "%ldh%02ld", s / 3600, s % 3600 / 60);
    else if (s % 60 == 0 && s > 90)
        snprintf(out, 24, "%ldm", s / 60);
    else
        snprintf(out, 24, "%lds", s);
    return out;
}
