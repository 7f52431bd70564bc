/* SPDX-License-Identifier: MIT
 * cmd_sweep: `retort sweep`: settings times seeds as runs (sweep_run.h), and the table of what came out
 * (tui/report/sweep_table.h). */
#include "tui/cli/cmd.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/sweep_progress.h"
#include "tui/cli/sweep_run.h"
#include "tui/report/sweep_plot.h"
#include "tui/report/sweep_table.h"

#include "formats/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define VARIED 64

struct varied {
    const char *text[VARIED];
    int count;
};

struct request {
    const char *file, *output, *seeds, *choose, *metric, *svg;
    struct varied vary;
    int at_once, form;
    bool quiet;
};

static const char *const choose_words[] = {"valid", NULL};

static int vary_take(void *field, const char *value, struct rt_error *e)
{
    struct varied *v = field;
    if (v->count == VARIED)
        return rt_error_set(e, RT_EUSAGE, "no more than %d settings", VARIED);
    v->text[v->count++] = value;
    return 0;
}

/* ---- what is to be run ---- */

static int sweep_read(struct rt_sweep **s, const struct request *q, struct rt_error *e)
{
    RT_TRY(rt_sweep_load(s, q->file, e));
    for (int i = 0; i < q->vary.count; i++) {
        int rc = rt_sweep_vary(*s, q->vary.text[i], e);
        if (rc < 0) {
            rt_error_prefix(e, "-s %s", q->vary.text[i]);
            return rc;
        }
    }
    if (q->metric)
        snprintf((*s)->metric, sizeof (*s)->metric, "%s", q->metric);
    return q->seeds ? rt_sweep_seeds(*s, q->seeds, e) : 0;
}

/* ---- what came out ---- */

static int teachers_read(struct rt_sweep_results *r, const struct rt_sweep_plan *p, struct rt_error *e)
{
    double sum[RT_SWEEP_TEACHERS] = {0};
    int count[RT_SWEEP_TEACHERS] = {0};
    for (int i = 0; i < p->jobs; i++) {
        const struct rt_sweep_job *j = &p->job[i];
        double value;
        if (j->setting >= 0)
            continue;
        RT_TRY(rt_sweep_result(j->folder, p->sweep->metric, "test", &value, e));
        sum[j->teaches] += value;
        count[j->teaches]++;
    }
    for (int t = 0; t < RT_SWEEP_TEACHERS; t++)
        r->teacher[t] = count[t] ? sum[t] / count[t] : NAN;
    return 0;
}

static int results_read(struct rt_sweep_results *r, const struct rt_sweep_plan *p, struct rt_error *e)
{
    for (int i = 0; i < p->jobs; i++)
        if (p->job[i].setting >= 0)
            RT_TRY(rt_sweep_results_read(r, p->job[i].setting, p->job[i].seed, p->job[i].folder, e));
    return teachers_read(r, p, e);
}

static int plot_write(const struct rt_sweep_results *r, const char *path, struct rt_error *e)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return rt_error_set(e, RT_EMEM, "out of memory");
    rt_sweep_plot_write(r, f);
    int rc = rt_memstream_close(f, &text) < 0 ? rt_error_set(e, RT_EMEM, "out of memory")
                                              : rt_file_write(path, &(struct rt_span){text, size}, 1, e);
    free(text);
    return rc;
}

static int results_write(const struct request *q, const struct rt_sweep_plan *p, struct rt_error *e)
{
    struct rt_sweep_results r;
    int rc = rt_sweep_results_init(&r, p->sweep);
    if (rc < 0)
        return rt_error_set(e, rc, "out of memory");
    r.choose = q->choose;
    rc = results_read(&r, p, e);
    if (rc == 0)
        rt_sweep_table_write(&r, (enum rt_sweep_form)q->form, stdout);
    if (rc == 0 && q->svg)
        rc = plot_write(&r, q->svg, e);
    rt_sweep_results_fini(&r);
    return rc;
}

/* ---- the command ---- */

static int sweep_go(const struct request *q, const struct rt_sweep *s, struct rt_error *e)
{
    char folder[RT_SWEEP_PATH], slug[RT_SWEEP_NAME];
    struct rt_sweep_plan p;
    snprintf(folder, sizeof folder, "runs/sweep-%s", rt_sweep_slug(s->name, slug));
    int code = rt_sweep_plan_init(&p, s, q->output ? q->output : folder, e);
    if (code == 0) {
        int at_once = q->at_once ? q->at_once : (int)uv_available_parallelism();
        rt_cmd_outlive_readers();
        int rc = rt_sweep_run(&p, at_once, q->quiet, e);
        if (rc == RT_ESTOPPED)
            fputs("retort: stopped; the same command goes on from here\n", stderr);
        if (rc < 0)
            code = rc == RT_ESTOPPED ? RT_EXIT_STOPPED : e->text[0] ? rc : RT_EXIT_FAILED;
        else
            code = results_write(q, &p, e);
    } else if (code != RT_EMEM) {
        rt_cmd_fail(e);
        code = RT_EXIT_USAGE;
    }
    rt_sweep_plan_fini(&p);
    return code;
}

static int sweep_command(void *request, struct rt_error *e)
{
    const struct request *q = request;
    struct rt_sweep *s = NULL;
    int code;
    if (sweep_read(&s, q, e) < 0) {
        rt_cmd_fail(e);
        code = RT_EXIT_USAGE;
    } else {
        code = sweep_go(q, s, e);
    }
    rt_sweep_destroy(s);
    return code;
}

const struct rt_command cmd_sweep = {
    .name = "sweep",
    .summary = "settings times seeds as runs, and the table of what came out",
    .usage = {"FILE|RECIPE [-s KEY=V1,V2,...]... [--seeds 11-15] [--choose valid] [options]"},
    .about = "Runs every setting of a sweep's file (or of a recipe) with every seed, some at a time, and prints mean, "
             "spread and paired differences. Runs that are done are not run again unless their recipe or their "
             "teacher has changed; what was stopped goes on from its checkpoint. -s makes every combination; what is "
             "to be compared side by side, as losses, are settings in a file: docs/formats.md#sweep.",
    .options = (const struct rt_option[]){
        {'s', "set", "KEY=V1,V2,...", "each setting with each of these values; one value: for all of them; may be "
         "repeated: every combination", RT_OPTION_OWN(struct request, vary, vary_take), .word = rt_setting_word},
        {0, "seeds", "LIST", "11-15 or 1,2,3", RT_OPTION_TEXT(struct request, seeds), .otherwise = "the file's, 1-3"},
        {0, "choose", "SPLIT", "choose the best by mean on this split (valid), and tell test only of it and of the one "
         "compared", RT_OPTION_CHOICE(struct request, choose, choose_words)},
        {0, "metric", "NAME", "top1, macro_f1, eer (of trials) or eer_noisy (of the second list of them)",
         RT_OPTION_CHOICE(struct request, metric, rt_sweep_metrics),
         .otherwise = "the file's, top1"},
        {0, "at-once", "N", "so many runs at a time, each on one thread",
         RT_OPTION_WHOLE(struct request, at_once, 1, RT_SWEEP_AT_ONCE), .otherwise = "as many as cores"},
        {'o', "output", "FOLDER", "the folder of the runs", RT_OPTION_TEXT(struct request, output),
         .otherwise = "runs/sweep-NAME", .files = "/"},
        {0, "markdown", NULL, "the table as Markdown", RT_OPTION_PICK(struct request, form, RT_SWEEP_MARKDOWN)},
        {0, "csv", NULL, "as comma-separated values, fractions", RT_OPTION_PICK(struct request, form, RT_SWEEP_CSV)},
        {0, "json", NULL, "as JSON, with the values of each seed", RT_OPTION_PICK(struct request, form, RT_SWEEP_JSON)},
        {0, "plot", NULL, "a plot in letters in place of the table",
         RT_OPTION_PICK(struct request, form, RT_SWEEP_PLOT)},
        {0, "svg", "FILE", "also a plot: a row per setting, or the metric over the one key that varies",
         RT_OPTION_TEXT(struct request, svg), .files = "*.svg"},
        RT_OPTION_QUIET(struct request, quiet, "no progress"),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"FILE|RECIPE", "which sweep or recipe?", offsetof(struct request, file), .files = "*.yaml"},
        {0}},
    .below = "The table goes to standard output, progress to standard error. After a run that fails, or Ctrl-C, no "
             "further one starts. Exit codes: 0 done, 1 a run failed, 2 wrong usage, file or recipe, 130 interrupted "
             "after clean checkpoints (the same command goes on).",
    .request_size = sizeof(struct request),
    .run = sweep_command,
};
