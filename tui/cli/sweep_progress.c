/* SPDX-License-Identifier: MIT
 * sweep_progress: see sweep_progress.h. */
#include "tui/cli/sweep_progress.h"

#include "formats/plain.h"

#include "tui/cli/progress.h"
#include "tui/report/snapshot.h"
#include "tui/report/sweep_results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BAR 16
#define NAME 28
#define PLAIN_NS UINT64_C(10000000000)

/* ---- a run under way ----
 * Seen through a snapshot of its folder, as the screens do: the run writes run.db whoever looks. A first look fails as
 * long as the run prepares; it is tried again with each drawing. */

struct rt_sweep_line {
    int job;
    bool open;
    struct rt_snapshot seen;
    uint64_t started, first; /* ns; first: when its steps were seen first */
    int64_t first_step;
    double fraction, loss, best;
    const char *measure; /* what best is of */
};

static int progress_find(const struct rt_sweep_progress *p, int job)
{
    int i = 0;
    while (i < RT_SWEEP_AT_ONCE && (!p->line[i] || p->line[i]->job != job))
        i++;
    return i;
}

/* The best so far on validation by the sweep's metric, or by top-1 where a run measures that at its end only. */
static void line_take_best(struct rt_sweep_line *l, const char *metric)
{
    const char *name = !strcmp(metric, "eer_noisy") ? "eer" : metric;
    const struct rt_series *valid = rt_snapshot_series(&l->seen, "valid", name);
    int64_t where;
    if (!valid)
        valid = rt_snapshot_series(&l->seen, "valid", name = "top1");
    l->measure = rt_sweep_metric_name(name);
    l->best = (strcmp(name, "eer") ? rt_series_best : rt_series_least)(valid, &where);
}

static void line_look(struct rt_sweep_line *l, const struct rt_sweep_plan *plan)
{
    struct rt_error ignored;
    if (!l->open && rt_snapshot_open(&l->seen, plan->job[l->job].folder, &ignored) < 0) {
        rt_snapshot_fini(&l->seen);
        return;
    }
    l->open = true;
    if (rt_snapshot_poll(&l->seen, false, &ignored) < 0)
        return;
    const struct rt_series *loss = rt_snapshot_series(&l->seen, "", "loss");
    if (loss && loss->count)
        l->loss = loss->value[loss->count - 1];
    line_take_best(l, plan->sweep->metric);
    if (l->seen.steps > 0)
        l->fraction = (double)l->seen.step / (double)l->seen.steps;
    if (!l->first && l->seen.step > 0) {
        l->first = uv_hrtime();
        l->first_step = l->seen.step;
    }
}

/* "step 120/800  loss 0.310  best valid top-1 88.1 %  0:07 left" */
static void line_text(const struct rt_sweep_line *l, char *text, size_t size)
{
    char left[24];
    int64_t did = l->seen.step - l->first_step;
    if (!l->open || !l->seen.step) {
        snprintf(text, size, "prepares");
        return;
    }
    int n = snprintf(text, size, "step %lld/%lld", (long long)l->seen.step, (long long)l->seen.steps);
    if (!isnan(l->loss))
        n += snprintf(text + n, size - (size_t)n, "  loss %.3f", l->loss);
    if (!isnan(l->best))
        n += snprintf(text + n, size - (size_t)n, "  best valid %s %.1f %%", l->measure, 100 * l->best);
    if (l->seen.steps == l->seen.step)
        snprintf(text + n, size - (size_t)n, "  measures"); /* on all splits, which takes a while */
    else if (did > 0 && l->seen.steps > l->seen.step) {
        double each = (double)(uv_hrtime() - l->first) / 1e9 / (double)did;
        snprintf(text + n, size - (size_t)n, "  %s left",
                 rt_progress_time(each * (double)(l->seen.steps - l->seen.step), left));
    }
}

void rt_sweep_progress_start(struct rt_sweep_progress *p, int job)
{
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++)
        if (!p->line[i]) {
            p->line[i] = calloc(1, sizeof *p->line[i]);
            if (p->line[i])
                *p->line[i] = (struct rt_sweep_line){.job = job, .started = uv_hrtime(), .loss = NAN, .best = NAN};
            return; /* without memory it runs unseen */
        }
}

/* ---- drawing ----
 * Lines are drawn over themselves: up by as many as stand there, each cut at the terminal's width, for a line that
 * wrapped would be two. */

static void lines_clear(struct rt_sweep_progress *p)
{
    if (p->lines)
        fprintf(stderr, "\033[%dA\r\033[J", p->lines);
    p->lines = 0;
}

static void line_draw(struct rt_sweep_progress *p, const char *text)
{
    rt_plain_print(stderr, "%.*s\n", rt_progress_columns() - 1, text);
    p->lines++;
}

/* "3 of 20 runs done, about 4:10 left" */
static void total_text(const struct rt_sweep_progress *p, char *text, size_t size)
{
    char left[24];
    double under_way = 0;
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++)
        under_way += p->line[i] ? p->line[i]->fraction : 0;
    double did = p->finished + under_way, seconds = (double)(uv_hrtime() - p->started) / 1e9;
    int n = snprintf(text, size, "%d of %d runs done", p->finished, p->plan->waiting);
    if (did > 0.2)
        snprintf(text + n, size - (size_t)n, ", about %s left",
                 rt_progress_time(seconds / did * (p->plan->waiting - did), left));
}

static void progress_draw(struct rt_sweep_progress *p)
{
    char text[400], what[200];
    lines_clear(p);
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++) {
        const struct rt_sweep_line *l = p->line[i];
        char bar[BAR + 1] = "";
        if (!l)
            continue;
        for (int k = 0; k < BAR; k++)
            bar[k] = k < (int)(l->fraction * BAR + 0.5) ? '#' : '-';
        line_text(l, what, sizeof what);
        snprintf(text, sizeof text, "[%s] %-*s %s", bar, NAME, p->plan->job[l->job].name, what);
        line_draw(p, text);
    }
    total_text(p, text, sizeof text);
    line_draw(p, text);
    fflush(stderr);
}

static void progress_tell(struct rt_sweep_progress *p)
{
    char text[200];
    total_text(p, text, sizeof text);
    rt_plain_print(stderr, "%s", text);
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++) {
        if (!p->line[i])
            continue;
        line_text(p->line[i], text, sizeof text);
        rt_plain_print(stderr, "; %s: %s", p->plan->job[p->line[i]->job].name, text);
    }
    fputc('\n', stderr);
}

void rt_sweep_progress_show(struct rt_sweep_progress *p)
{
    uint64_t now = uv_hrtime();
    if (p->quiet || (!p->terminal && now - p->told < PLAIN_NS))
        return;
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++)
        if (p->line[i])
            line_look(p->line[i], p->plan);
    p->told = now;
    if (p->terminal)
        progress_draw(p);
    else
        progress_tell(p);
}

void rt_sweep_progress_say(struct rt_sweep_progress *p, const char *format, ...)
{
    va_list args;
    lines_clear(p);
    va_start(args, format);
    rt_plain_vprint(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void rt_sweep_progress_end(struct rt_sweep_progress *p, int job)
{
    const struct rt_sweep_job *j = &p->plan->job[job];
    const char *metric = p->plan->sweep->metric;
    int i = progress_find(p, job);
    uint64_t took = i < RT_SWEEP_AT_ONCE ? uv_hrtime() - p->line[i]->started : 0;
    char time[24], result[64] = "done";
    struct rt_error ignored;
    double value;
    if (i < RT_SWEEP_AT_ONCE) {
        if (p->line[i]->open)
            rt_snapshot_fini(&p->line[i]->seen);
        free(p->line[i]);
        p->line[i] = NULL;
    }
    if (j->state != RT_SWEEP_DONE)
        return;
    p->finished++;
    for (int split = 0; split < 2 && !strcmp(result, "done"); split++) {
        const char *name = split ? "valid" : "test";
        if (rt_sweep_result(j->folder, metric, name, &value, &ignored) == 0 && !isnan(value))
            snprintf(result, sizeof result, "%s %s %.1f %%", name, rt_sweep_metric_name(metric), 100 * value);
    }
    if (!p->quiet)
        rt_sweep_progress_say(p, "%3d/%d %-*s %s, %s", p->finished, p->plan->waiting, NAME, j->name, result,
                              rt_progress_time((double)took / 1e9, time));
}

void rt_sweep_progress_init(struct rt_sweep_progress *p, const struct rt_sweep_plan *plan, bool quiet)
{
    struct rt_progress line;
    rt_progress_init(&line, quiet);
    *p = (struct rt_sweep_progress){.plan = plan, .quiet = quiet, .terminal = line.terminal};
    p->started = p->told = line.started;
}

void rt_sweep_progress_fini(struct rt_sweep_progress *p)
{
    lines_clear(p);
    for (int i = 0; i < RT_SWEEP_AT_ONCE; i++) {
        if (p->line[i] && p->line[i]->open)
            rt_snapshot_fini(&p->line[i]->seen);
        free(p->line[i]);
    }
}
