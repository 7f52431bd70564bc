/* SPDX-License-Identifier: MIT
 * run_progress: see run_progress.h. */
#include "tui/cli/run_progress.h"

#include "formats/plain.h"
#include "formats/recipe_teacher.h"
#include "formats/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

/* ---- what it is ---- */

static int training_labelled(const struct rt_training *t)
{
    int labelled = 0;
    for (int i = 0; i < t->train_count; i++)
        labelled += t->session->dataset.label[t->train_rows[i]] >= 0;
    return labelled;
}

static void announce_teachers(const struct rt_training *t)
{
    for (int k = 0; k < t->teachers; k++) {
        const struct rt_model *m = &t->teacher[k].model;
        int taught = t->teacher[k].taught;
        char some[80] = "", a[32], b[32];
        if (taught < t->train_count)
            snprintf(some, sizeof some, ", for %s of %s training samples", rt_count_text(taught, a),
                     rt_count_text(t->train_count, b));
        rt_plain_print(stderr, "%-9s %s %s from %s%s\n", rt_stage_teacher[k].name, m->modality->name,
                       rt_model_net_name(m), rt_recipe_teacher(t->recipe, k).model, some);
        if (rt_model_about(m))
            rt_plain_print(stderr, "          %s\n          front end: %s\n", rt_model_about(m),
                           rt_model_front_words(m));
    }
}

void rt_run_progress_announce(struct rt_run_progress *p)
{
    const struct rt_training *t = p->training;
    const struct rt_recipe *r = t->recipe;
    struct rt_learner_progress done = rt_learner_progress(t->student.learner);
    char a[32], b[32], c[32];
    p->line.started = p->line.last = uv_hrtime();
    p->first_step = done.step;
    if (p->line.quiet)
        return;
    rt_plain_print(stderr, "run       %s: %s of %s training samples with a label, %d classes, %s for validation\n",
                   t->dir.path, rt_count_text(training_labelled(t), a), rt_count_text(t->train_count, b),
                   t->session->dataset.classes, rt_count_text(t->valid_count, c));
    if (t->train_labelled > 0 && t->train_labelled < t->train_count)
        rt_plain_print(stderr, "          %.0f %% of each batch with a label (data.balance); an epoch is %s updates\n",
                       100 * r->data_balance, rt_count_text(t->record.epoch_steps, a));
    if (t->trials.list[RT_TRIALS_VALID].count)
        rt_plain_print(stderr, "          the best is the one with the lowest EER of %s trials (eval.trials)\n",
                       rt_count_text((long long)t->trials.list[RT_TRIALS_VALID].count, a));
    rt_plain_print(stderr, "machine   %s\n", t->machine.line);
    if (*t->machine.warning)
        rt_plain_print(stderr, "          %s\n", t->machine.warning);
    rt_plain_print(stderr, "student   %s %s, %s weights, %lld updates of %lld samples\n",
                   t->model.modality->name, rt_model_net_name(&t->model),
                   rt_count_text(rt_graph_weights(t->model.graph), a),
                   (long long)done.steps, (long long)r->train_batch);
    announce_teachers(t);
    if (done.step)
        rt_plain_print(stderr, "resumed   at step %lld%s\n", (long long)done.step,
                       done.step < done.steps ? "" : ": all updates were done; measured again");
}

/* ---- how far it is ----
 * An observer like any other, the last in the list: what is shown has been kept. */

static void terms_text(const struct rt_step_report *r, char *text, size_t size)
{
    *text = '\0';
    for (int k = 0; k < RT_TERMS; k++)
        if (r->terms->used[k]) {
            size_t at = strlen(text);
            snprintf(text + at, size - at, " %s %.3f", rt_terms[k]->name, r->terms->mean[k]);
        }
}

/* Once. The first line that nobody read may be of a time before there was a log. */
static void progress_note_closed(struct rt_run_progress *p)
{
    if (p->line.closed && !p->noted)
        rt_rundir_log(&p->training->dir, "nobody reads the progress any more; the run goes on without");
    p->noted = p->line.closed;
}

static int progress_on_step(void *self, const struct rt_step_report *r, struct rt_error *e)
{
    struct rt_run_progress *p = self;
    const struct rt_training *t = p->training;
    (void)e;
    progress_note_closed(p);
    if (p->line.quiet)
        return 0;
    int64_t steps = rt_learner_progress(t->student.learner).steps, did = r->step - p->first_step;
    if (p->until && p->until < steps)
        steps = p->until;
    double seconds = (double)(uv_hrtime() - p->line.started) / 1e9;
    double rate = seconds > 0 ? (double)did / seconds : 0;
    char text[400], left[24], terms[200];
    terms_text(r, terms, sizeof terms);
    rt_progress_time(rate > 0 ? (double)(steps - r->step) / rate : 0, left);
    int n = snprintf(text, sizeof text, "epoch %d/%d step %lld/%lld  loss %.3f  %s left  %.0f/s",
                     r->epoch + 1, rt_record_epochs(&t->record), (long long)r->step, (long long)steps, r->total, left,
                     rate * r->samples);
    if (!isnan(p->eer))
        n += snprintf(text + n, sizeof text - (size_t)n, "  valid EER %.1f %%", 100 * p->eer);
    if (!isnan(p->top1))
        n += snprintf(text + n, sizeof text - (size_t)n, "  valid top-1 %.1f %%", 100 * p->top1);
    snprintf(text + n, sizeof text - (size_t)n, " %s", terms); /* a narrow terminal cuts the end */
    rt_progress_bar(&p->line, (double)r->step / (double)steps, text);
    progress_note_closed(p);
    return 0;
}

static int progress_on_evaluation(void *self, const struct rt_eval_report *r, struct rt_error *e)
{
    struct rt_run_progress *p = self;
    (void)e;
    char verified[40] = "", known[80] = "";
    p->top1 = r->top1[r->answer];
    p->eer = r->eer;
    if (!isnan(r->eer))
        snprintf(verified, sizeof verified, ", valid EER %.1f %%", 100 * r->eer);
    if (r->samples)
        snprintf(known, sizeof known, ", valid top-1 %.1f %%, ce %.3f", 100 * p->top1, r->loss);
    if (p->line.quiet || p->line.terminal)
        return 0;
    rt_progress_line(&p->line, "epoch %d: step %lld%s%s%s", r->epoch + 1, (long long)r->step, verified, known,
                     r->best ? " (best)" : "");
    progress_note_closed(p);
    return 0;
}

void rt_run_progress_init(struct rt_run_progress *p, const struct rt_training *t, bool quiet)
{
    *p = (struct rt_run_progress){.training = t, .top1 = NAN, .eer = NAN};
    rt_progress_init(&p->line, quiet);
    p->watch = rt_progress_watch(&p->line);
}

void rt_run_progress_join(struct rt_run_progress *p, struct rt_training_request *request)
{
    request->watch = &p->watch;
    request->observer = (struct rt_observer){
        .self = p, .step = progress_on_step, .evaluation = progress_on_evaluation,
    };
}

void rt_run_progress_end(struct rt_run_progress *p)
{
    rt_progress_clear(&p->line);
}
