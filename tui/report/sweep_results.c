/* SPDX-License-Identifier: MIT
 * sweep_results: see sweep_results.h. */
#include "tui/report/sweep_results.h"

#include "pipeline/run/rundb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int rt_sweep_results_init(struct rt_sweep_results *r, const struct rt_sweep *s)
{
    size_t n = (size_t)s->settings * (size_t)s->seeds;
    *r = (struct rt_sweep_results){.sweep = s, .valid = malloc(2 * n * sizeof(double))};
    if (!r->valid)
        return RT_EMEM;
    r->test = r->valid + n;
    for (size_t i = 0; i < 2 * n; i++)
        r->valid[i] = NAN;
    for (int t = 0; t < RT_SWEEP_TEACHERS; t++)
        r->teacher[t] = NAN;
    return 0;
}

void rt_sweep_results_fini(struct rt_sweep_results *r)
{
    free(r->valid);
    r->valid = r->test = NULL;
}

static int result_take(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    *(double *)self = cell[0].number;
    return 1;
}

int rt_sweep_result(const char *folder, const char *metric, const char *split, double *value, struct rt_error *e)
{
    char sql[200];
    struct rt_rundb *db;
    bool noisy = !strcmp(metric, "eer_noisy");
    *value = NAN;
    RT_TRY(rt_rundb_open_run(&db, folder, e));
    snprintf(sql, sizeof sql, "SELECT value FROM metrics WHERE split='%s' AND name='final.%s'"
             " ORDER BY step DESC LIMIT 1", noisy && !strcmp(split, "test") ? "noisy" : split, noisy ? "eer" : metric);
    int rc = rt_rundb_scan(db, sql, result_take, value, e);
    rt_rundb_close(db);
    return rc;
}

int rt_sweep_results_read(struct rt_sweep_results *r, int setting, int seed, const char *folder, struct rt_error *e)
{
    int at = setting * r->sweep->seeds + seed;
    RT_TRY(rt_sweep_result(folder, r->sweep->metric, "valid", &r->valid[at], e));
    return rt_sweep_result(folder, r->sweep->metric, "test", &r->test[at], e);
}

void rt_sweep_interval(const struct rt_sweep_results *r, const double *of, int setting, struct rt_interval *i)
{
    rt_interval(i, of + setting * r->sweep->seeds, (size_t)r->sweep->seeds);
}

int rt_sweep_chosen(const struct rt_sweep_results *r)
{
    bool least = !strncmp(r->sweep->metric, "eer", 3);
    double best = NAN;
    int chosen = -1;
    for (int k = 0; k < r->sweep->settings; k++) {
        struct rt_interval i;
        rt_sweep_interval(r, r->valid, k, &i);
        if (isnan(i.mean) || (chosen >= 0 && !(least ? i.mean < best : i.mean > best)))
            continue;
        chosen = k;
        best = i.mean;
    }
    return chosen;
}

void rt_sweep_difference(const struct rt_sweep_results *r, int setting, int base, struct rt_interval *i)
{
    double d[RT_SWEEP_SEEDS];
    int seeds = r->sweep->seeds;
    for (int k = 0; k < seeds; k++)
        d[k] = r->test[setting * seeds + k] - r->test[base * seeds + k];
    rt_interval(i, d, (size_t)seeds);
    if (i->n > 1 && i->sd < 1e-9) /* a few equal numbers say nothing of how others would spread */
        i->low = i->high = NAN;
}

const char *rt_sweep_metric_name(const char *metric)
{
    return !strcmp(metric, "top1") ? "top-1" : !strcmp(metric, "eer") ? "EER"
           : !strcmp(metric, "macro_f1") ? "macro-F1" : "noisy EER";
}

const char *rt_sweep_setting_title(const struct rt_sweep *s, int setting)
{
    return s->setting[setting].name[0] ? s->setting[setting].name : s->name;
}
