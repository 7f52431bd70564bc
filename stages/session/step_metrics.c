/* SPDX-License-Identifier: MIT
 * step_metrics: see step_metrics.h. */
#include "stages/session/step_metrics.h"

#include <math.h>
#include <stdio.h>

static double metric_loss(const struct rt_step_report *p, int term)
{
    (void)term;
    return p->total;
}

static double metric_lr(const struct rt_step_report *p, int term)
{
    (void)term;
    return p->lr;
}

static double metric_gradient_norm(const struct rt_step_report *p, int term)
{
    (void)term;
    return p->gradient_norm;
}

static double metric_effective(const struct rt_step_report *p, int term)
{
    (void)term;
    return p->effective;
}

static double metric_term_mean(const struct rt_step_report *p, int term)
{
    return p->terms->mean[term];
}

static double metric_term_inside(const struct rt_step_report *p, int term)
{
    return p->terms->inside[term];
}

static double metric_term_margin(const struct rt_step_report *p, int term)
{
    return p->terms->margin[term];
}

const struct rt_step_metric rt_step_metrics[RT_STEP_METRICS] = {
    {"loss", "total loss", RT_OF_STEP, true, metric_loss},
    {"lr", "learning rate", RT_OF_STEP, true, metric_lr},
    {"gradient_norm", "gradient norm", RT_OF_STEP, true, metric_gradient_norm},
    {"effective", "effective samples", RT_OF_STEP, true, metric_effective},
    {"", "mean loss", RT_OF_TERM, true, metric_term_mean},
    {".inside", "fraction within the margin", RT_OF_DISTILL, true, metric_term_inside},
    {".margin", "margin", RT_OF_DISTILL, false, metric_term_margin},
};

static int step_value_add(struct rt_step_value *out, int n, const struct rt_step_metric *m,
                          const struct rt_step_report *p, int term)
{
    double value = m->value(p, term);
    if (isnan(value))
        return n;
    out[n] = (struct rt_step_value){.value = value, .status = m->status};
    snprintf(out[n].name, sizeof out[n].name, "%s%s", m->of == RT_OF_STEP ? "" : rt_terms[term]->name, m->name);
    return n + 1;
}

int rt_step_values(const struct rt_step_report *p, struct rt_step_value out[RT_STEP_VALUES])
{
    int n = 0;
    for (int i = 0; i < RT_STEP_METRICS; i++)
        if (rt_step_metrics[i].of == RT_OF_STEP)
            n = step_value_add(out, n, &rt_step_metrics[i], p, 0);
    for (int k = 0; k < RT_TERMS; k++)
        for (int i = 0; p->terms->used[k] && i < RT_STEP_METRICS; i++)
            if (rt_step_metrics[i].of == RT_OF_TERM || (rt_step_metrics[i].of == RT_OF_DISTILL && k >= RT_TASK_TERMS))
                n = step_value_add(out, n, &rt_step_metrics[i], p, k);
    return n;
}
