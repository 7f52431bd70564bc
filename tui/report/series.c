/* SPDX-License-Identifier: MIT
 * series: see series.h. */
#include "tui/report/series.h"

#include "formats/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rt_series_fini(struct rt_series *s)
{
    free(s->step);
    free(s->value);
    free(s->block);
    memset(s, 0, sizeof *s);
}

/* ---- growing ----
 * A run of a day has millions of points, and each frame draws all curves: a column of the chart then
 * reads the lowest, highest and mean of whole blocks, made once when the block is full. No peak is lost
 * by that, as it would be by leaving points away. */

static struct rt_series_block series_block(const double value[RT_SERIES_BLOCK])
{
    struct rt_series_block b = {value[0], value[0], 0};
    for (int i = 0; i < RT_SERIES_BLOCK; i++) {
        b.low = fmin(b.low, value[i]);
        b.high = fmax(b.high, value[i]);
        b.mean += value[i] / RT_SERIES_BLOCK;
    }
    return b;
}

static int series_grow(struct rt_series *s)
{
    int room = s->room ? 2 * s->room : 256;
    int64_t *step = realloc(s->step, sizeof *step * (size_t)room);
    s->step = step ? step : s->step;
    double *value = realloc(s->value, sizeof *value * (size_t)room);
    s->value = value ? value : s->value;
    struct rt_series_block *block = realloc(s->block, sizeof *block * (size_t)(room / RT_SERIES_BLOCK));
    s->block = block ? block : s->block;
    if (!step || !value || !block)
        return RT_EMEM; /* what grew already has more room than is known of */
    s->room = room;
    return 0;
}

int rt_series_add(struct rt_series *s, int64_t step, double value)
{
    if (!isfinite(value))
        return 0;
    if (s->count == s->room)
        RT_TRY(series_grow(s));
    s->step[s->count] = step;
    s->value[s->count++] = value;
    if (s->count % RT_SERIES_BLOCK == 0)
        s->block[s->count / RT_SERIES_BLOCK - 1] = series_block(s->value + s->count - RT_SERIES_BLOCK);
    return 0;
}

/* ---- looking ---- */

int rt_series_from(const struct rt_series *s, int64_t step)
{
    int low = 0, high = s->count;
    while (low < high) {
        int mid = low + (high - low) / 2;
        if (s->step[mid] < step)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

double rt_series_at(const struct rt_series *s, double step)
{
    int i = rt_series_from(s, (int64_t)ceil(step));
    if (s->count == 0)
        return NAN;
    if (i == 0 || i == s->count)
        return s->value[i - (i > 0)];
    double from = (double)s->step[i - 1], to = (double)s->step[i];
    return s->value[i - 1] + (s->value[i] - s->value[i - 1]) * (step - from) / (to - from);
}

double rt_series_when(const struct rt_series *s, double value)
{
    int low = 0, high = s->count;
    while (low < high) { /* the first point that has reached it */
        int mid = low + (high - low) / 2;
        if (s->value[mid] < value)
            low = mid + 1;
        else
            high = mid;
    }
    if (s->count == 0)
        return NAN;
    if (low == 0 || low == s->count)
        return (double)s->step[low - (low > 0)];
    double from = s->value[low - 1], to = s->value[low];
    return (double)s->step[low - 1] + (double)(s->step[low] - s->step[low - 1]) * (value - from) / (to - from);
}

double rt_series_least(const struct rt_series *s, int64_t *step)
{
    double least = NAN;
    for (int i = 0; s && i < s->count; i++)
        if (!(s->value[i] >= least)) {
            least = s->value[i];
            *step = s->step[i];
        }
    return least;
}

double rt_series_best(const struct rt_series *s, int64_t *step)
{
    double best = NAN;
    for (int i = 0; s && i < s->count; i++)
        if (!(s->value[i] <= best)) {
            best = s->value[i];
            *step = s->step[i];
        }
    return best;
}
