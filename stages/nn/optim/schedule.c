/* SPDX-License-Identifier: MIT
 * schedule: see schedule.h. A pure function of the step; what a step is, is the caller's. */
#include "stages/nn/optim/schedule.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

/* ---- factors ----
 * Of the step alone, without state: a resumed run and a replay ask for the same step and get the
 * same rate. As PyTorch's schedulers, whose numbers the tests hold. */

/* From a at 0 to b at 1 along half a cosine. */
static double schedule_half_cosine(double a, double b, double x)
{
    x = x < 0 ? 0 : x > 1 ? 1 : x;
    return b + (a - b) * (1 + cos(PI * x)) / 2;
}

/* PyTorch's div_factor 25 and final_div_factor 1e4: the end is 25 * 1e4 below the peak. */
static double schedule_onecycle(double step, double steps, double warmup)
{
    double top = warmup * steps - 1, end = steps - 1;
    if (step <= top)
        return schedule_half_cosine(1.0 / 25, 1, top > 0 ? step / top : 1);
    return schedule_half_cosine(1, 1.0 / 250000, end > top ? (step - top) / (end - top) : 1);
}

/* Linear, from 1 / (warm + 1) on: a first step at 0 would be a step that learns nothing. */
static double schedule_warmup(double step, double warm)
{
    return step < warm ? (step + 1) / (warm + 1) : 1;
}

static double schedule_cosine(double step, double steps, double warmup)
{
    double warm = floor(warmup * steps + 0.5);
    return step < warm ? schedule_warmup(step, warm)
                       : schedule_half_cosine(1, 0, (step - warm) / (steps - warm));
}

static double schedule_constant(double step, double steps, double warmup)
{
    return schedule_warmup(step, floor(warmup * steps + 0.5));
}

static double (*const schedule_factor[RT_SCHEDULES])(double step, double steps, double warmup) = {
    [RT_SCHEDULE_ONECYCLE] = schedule_onecycle,
    [RT_SCHEDULE_COSINE] = schedule_cosine,
    [RT_SCHEDULE_CONSTANT] = schedule_constant,
};

/* Steps beyond the end keep the last rate: a run that goes on longer than planned does not start to
 * rise again. */
double rt_schedule(enum rt_schedule_id id, int64_t step, int64_t steps, double warmup)
{
    steps = steps < 1 ? 1 : steps;
    step = step < 0 ? 0 : step > steps - 1 ? steps - 1 : step;
    return schedule_factor[id]((double)step, (double)steps, warmup);
}
