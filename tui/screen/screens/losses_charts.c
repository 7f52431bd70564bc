/* SPDX-License-Identifier: MIT
 * losses_charts: see losses_charts.h. */
#include "tui/screen/screens/losses_charts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_FROM 2 /* colours before it are of the run's own curves */

enum rt_style rt_losses_charts_style(int other)
{
    return rt_chart_style(OTHERS_FROM + other);
}

static struct rt_chart *charts_add(struct rt_losses_charts *all, const char *title)
{
    if (all->count == RT_CHARTS)
        return NULL;
    struct rt_chart *chart = &all->chart[all->count++];
    *chart = (struct rt_chart){.title = title, .time = all->time};
    return chart;
}

static struct rt_curve *chart_add_curve(const struct rt_losses_charts *all, struct rt_chart *chart,
                                        const struct rt_snapshot *run, const struct rt_series *s, const char *name)
{
    if (!chart || !s || !s->count || chart->curves == RT_CHART_CURVES || (all->time && !run->clock.count))
        return NULL;
    chart->curve[chart->curves] = (struct rt_curve){.series = s, .name = name, .clock = all->time ? &run->clock : NULL};
    return &chart->curve[chart->curves++];
}

/* The first curve of each chart of the other runs: with more, a dozen of them could not be told apart. */
static void charts_lay_over(struct rt_losses_charts *all)
{
    const struct rt_compare *others = &all->view->compare;
    for (int i = 0; i < all->count; i++)
        for (int k = 0; k < others->count && !all->chart[i].stack; k++) {
            const struct rt_series *mine = all->chart[i].curve[0].series;
            const struct rt_snapshot *run = others->other[k].run;
            struct rt_curve *curve = chart_add_curve(all, &all->chart[i], run,
                                                     rt_snapshot_series(run, mine->split, mine->name), NULL);
            if (curve)
                curve->other = OTHERS_FROM + k;
        }
}

/* A chart of the curve, if it is there; else NULL. */
static struct rt_chart *charts_add_one(struct rt_losses_charts *all, const char *title, const char *split,
                                       const char *name, const char *label)
{
    const struct rt_snapshot *m = all->view->model;
    const struct rt_series *s = rt_snapshot_series(m, split, name);
    struct rt_chart *chart = s && s->count && (!all->time || m->clock.count) ? charts_add(all, title) : NULL;
    chart_add_curve(all, chart, m, s, label);
    return chart;
}

/* ---- what belongs together ----
 * Cross-entropy on training and on validation samples is one chart: where they part, the student has begun to learn by
 * heart. A task with a margin is learned by another loss, which is not laid beside it. The total is none of these: it
 * has the teacher's terms in it, which validation has not. */

static void charts_add_task(struct rt_losses_charts *all)
{
    const struct rt_snapshot *m = all->view->model;
    const struct rt_series *valid = rt_snapshot_series(m, "valid", "loss");
    bool beside = false;
    for (int k = 0; k < RT_TASK_TERMS; k++) {
        struct rt_chart *chart = charts_add_one(all, rt_terms[k]->name, "", rt_terms[k]->name, "train");
        beside |= strcmp(rt_terms[k]->name, "ce") == 0 && chart_add_curve(all, chart, m, valid, "valid") != NULL;
    }
    if (!beside)
        charts_add_one(all, "validation ce", "valid", "loss", "");
}

static void charts_add_terms(struct rt_losses_charts *all)
{
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++)
        charts_add_one(all, rt_terms[k]->name, "", rt_terms[k]->name, "");
}

static void charts_add_inside(struct rt_losses_charts *all)
{
    const struct rt_snapshot *m = all->view->model;
    struct rt_chart *chart = NULL;
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++) {
        char name[80];
        snprintf(name, sizeof name, "%s.inside", rt_terms[k]->name);
        const struct rt_series *s = rt_snapshot_series(m, "", name);
        double best = 0;
        for (int i = 0; s && i < s->count && best <= 0; i++)
            best = s->value[i];
        if (best > 0 && !chart && (!all->time || m->clock.count))
            chart = charts_add(all, "inside margin");
        if (best > 0)
            chart_add_curve(all, chart, m, s, rt_terms[k]->name);
    }
    if (chart)
        chart->fraction = true;
}

static void charts_add_validation(struct rt_losses_charts *all)
{
    const struct rt_snapshot *m = all->view->model;
    struct rt_chart *eer = charts_add_one(all, "validation EER", "valid", "eer", "");
    struct rt_chart *top1 = charts_add_one(all, "validation top-1", "valid", "top1", "");
    struct rt_curve *teacher = chart_add_curve(all, top1, m, rt_snapshot_series(m, "valid", "teacher.top1"), "teacher");
    if (eer)
        eer->fraction = true;
    if (top1)
        top1->fraction = true;
    if (teacher)
        teacher->level = true; /* it does not learn */
}

/* ---- what the total consists of ----
 * Each term's mean times its lambda, one on the other: their height is the total loss. What lambda was at a step
 * follows from the recipe and the journal. */

static double lambda_of(const char *text)
{
    return *text ? strtod(text, NULL) : 0;
}

static int charts_find_lambda(struct rt_losses_charts *all, int term)
{
    const struct rt_snapshot *m = all->view->model;
    struct rt_curve_factor *f = all->lambda[term];
    char name[80], text[RT_RECIPE_TEXT];
    int n = 1;
    snprintf(name, sizeof name, term < RT_TASK_TERMS ? "task.lambda" : "distill.%s.lambda", rt_terms[term]->name);
    const struct rt_key *key = rt_key_find(name);
    f[0] = (struct rt_curve_factor){0, key ? lambda_of(rt_view_start(all->view, key, text)) : 0};
    for (int i = 0; i < m->journal_count && n < RT_LAMBDAS; i++)
        if (strcmp(m->journal[i].key, name) == 0)
            f[n++] = (struct rt_curve_factor){m->journal[i].step, lambda_of(m->journal[i].after)};
    return n;
}

static void charts_add_stack(struct rt_losses_charts *all)
{
    const struct rt_snapshot *m = all->view->model;
    int terms = 0;
    for (int k = 0; k < RT_TERMS; k++) {
        const struct rt_series *s = rt_snapshot_series(m, "", rt_terms[k]->name);
        terms += s && s->count;
    }
    if (terms < 2 || !m->recipe || (all->time && !m->clock.count))
        return;
    struct rt_chart *chart = charts_add(all, "lambda x term");
    for (int k = 0; chart && k < RT_TERMS; k++) {
        struct rt_curve *curve = chart_add_curve(all, chart, m, rt_snapshot_series(m, "", rt_terms[k]->name),
                                                 rt_terms[k]->name);
        if (!curve)
            continue;
        curve->factors = charts_find_lambda(all, k);
        curve->factor = all->lambda[k];
        chart->stack = true;
    }
}

void rt_losses_charts_find(struct rt_losses_charts *all, const struct rt_view *view, bool time)
{
    const struct rt_series *epoch = rt_snapshot_series(view->model, "train", "loss");
    all->count = 0;
    all->view = view;
    all->time = time;
    charts_add_one(all, "total loss", "", "loss", "");
    charts_add_validation(all);
    charts_add_task(all);
    charts_add_stack(all);
    charts_add_terms(all);
    charts_add_inside(all);
    charts_add_one(all, "learning rate", "", "lr", "");
    struct rt_chart *effective = charts_add_one(all, "effective samples", "", "effective", "");
    if (effective && epoch && epoch->count) /* the last batch of an epoch is short: no sign of anything */
        effective->skip = epoch->step[0];
    charts_add_one(all, "gradient norm", "", "gradient_norm", "");
    charts_lay_over(all);
}
