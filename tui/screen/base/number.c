/* SPDX-License-Identifier: MIT
 * number: see number.h. */
#include "tui/screen/base/number.h"

#include <math.h>
#include <stdio.h>

/* Three digits tell apart what is to be told apart in a table. Whole numbers stay whole up to five digits,
 * because people compare counts of samples and steps with what they wrote in the recipe. */
const char *rt_number_short(double value, char out[24])
{
    static const char unit[] = " kMGT";
    double size = fabs(value);
    int n = 0;
    if (isnan(value)) {
        snprintf(out, 24, "-");
    } else if (size >= 1e15 || (size > 0 && size < 1e-3)) {
        snprintf(out, 24, "%.1e", value);
    } else if (size >= 99999.5) {
        for (; size >= 999.5 && n < 4; n++, size /= 1000)
            value /= 1000;
        snprintf(out, 24, "%.3g%c", value, unit[n]);
    } else if (value == floor(value)) {
        snprintf(out, 24, "%.0f", value);
    } else {
        snprintf(out, 24, size >= 999.5 ? "%.0f" : "%.3g", value);
    }
    return out;
}

const char *rt_number_left(double seconds, char out[32])
{
    int minutes = seconds < 1e9 ? (int)(seconds / 60) : 0;
    if (!(seconds > 0) || seconds >= 1e9)
        out[0] = 0;
    else if (seconds < 120)
        snprintf(out, 32, "%.0f s left", seconds);
    else if (minutes < 120)
        snprintf(out, 32, "%d min left", minutes);
    else if (minutes < 48 * 60)
        snprintf(out, 32, "%d h %02d min left", minutes / 60, minutes % 60);
    else
        snprintf(out, 32, "%d days left", minutes / 60 / 24);
    return out;
}
