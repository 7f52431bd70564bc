/* SPDX-License-Identifier: MIT
 * observe_metrics: the metrics table of run.db. Rows of steps are not committed one by one: a commit waits for the
 * disk, and whoever looks on is content with once a second (observe_board). */
#include "stages/session/observers.h"
#include "stages/session/step_metrics.h"

#include <math.h>
#include <uv.h>

#define TICK_NS UINT64_C(1000000000) /* between two rows of the clock, at least */

/* Not among the metrics: these are the same each time that a run is made. */
static int metrics_tick(struct rt_record *r, int64_t step, struct rt_error *e)
{
    uint64_t now = uv_hrtime();
    if (now - r->ticked < TICK_NS && r->ticked != r->began)
        return 0;
    r->ticked = now;
    return rt_rundb_clock(r->db, step, r->seconds + (double)(now - r->began) / 1e9, e);
}

static int metrics_on_step(void *self, const struct rt_step_report *p, struct rt_error *e)
{
    struct rt_record *r = self;
    struct rt_step_value value[RT_STEP_VALUES];
    int n = rt_step_values(p, value);
    for (int i = 0; i < n; i++)
        RT_TRY(rt_rundb_metric(r->db, p->step, p->epoch, "", value[i].name, value[i].value, e));
    return metrics_tick(r, p->step, e);
}

static int metrics_on_epoch(void *self, int64_t step, int epoch, struct rt_error *e)
{
    struct rt_record *r = self;
    int64_t before = (int64_t)epoch * r->epoch_steps;
    RT_TRY(rt_rundb_mean(r->db, before, step, epoch, "train", "loss", e));
    RT_TRY(rt_rundb_clock(r->db, step, r->seconds + (double)(uv_hrtime() - r->began) / 1e9, e));
    return rt_rundb_commit(r->db, e);
}

static int metrics_on_evaluation(void *self, const struct rt_eval_report *p, struct rt_error *e)
{
    struct rt_record *r = self;
    const struct {
        const char *name;
        double value;
    } row[] = {
        {"top1", p->top1[p->answer]},
        {"top5", p->top5},
        {"macro_f1", p->macro_f1},
        {"loss", p->loss},
        {"teacher.top1", p->teacher_top1},
        {"top1.own", p->top1[RT_HEAD_OWN]},
        {"top1.teacher_head", p->top1[RT_HEAD_TEACHER]},
        {"top1.sum", p->top1[RT_HEAD_SUM]},
        {"eer", p->eer},
        {"min_dcf", p->min_dcf},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (!isnan(row[i].value))
            RT_TRY(rt_rundb_metric(r->db, p->step, p->epoch, "valid", row[i].name, row[i].value, e));
    return rt_rundb_commit(r->db, e);
}

struct rt_observer rt_observe_metrics(struct rt_record *r)
{
    return (struct rt_observer){
        .self = r, .step = metrics_on_step, .epoch = metrics_on_epoch, .evaluation = metrics_on_evaluation,
    };
}
