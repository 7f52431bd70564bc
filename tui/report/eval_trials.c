/* SPDX-License-Identifier: MIT
 * eval_trials: see eval_trials.h. */
#include "tui/report/eval_trials.h"

#include "formats/plain.h"

#include "tui/report/det_plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- lists ---- */

static int trials_read_list(struct rt_trials *t, const char *path, const struct rt_evaluation *v, struct rt_error *e)
{
    const struct rt_dataset *d = &v->session.dataset;
    const struct rt_modality *m = v->model.modality;
    if (!path)
        return 0;
    if (d->column[m->id] < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s' for the model", rt_manifest_path(d->manifest),
                            m->name);
    RT_TRY(rt_trials_load(t, path, d->manifest, m->name, e));
    return rt_scoring_check_files(t, path, &v->session, m->id, e);
}

/* A calibration that is judged by what it was fitted on looks better than it is, and nothing shows it. */
static int trials_check_apart(const struct rt_eval_trials *t, struct rt_error *e)
{
    size_t shared = 0;
    if (!t->q->trials || !t->q->calibrate)
        return 0;
    if (t->judged.count == t->fitted.count)
        for (size_t i = 0; i < t->judged.count; i++)
            shared += t->judged.trial[i].enrol == t->fitted.trial[i].enrol &&
                      t->judged.trial[i].test == t->fitted.trial[i].test;
    return shared < t->judged.count ? 0
               : rt_error_set(e, RT_EUSAGE, "--calibrate-trials %s: these are the trials of %s: take others",
                              t->q->calibrate, t->q->trials);
}

/* What would be found only when everything is computed. */
static int trials_check_options(const struct rt_eval_trials_request *q, struct rt_error *e)
{
    const struct rt_scoring_request *s = &q->scoring;
    if (!q->trials && (q->scores || q->det || q->det_svg || q->false_alarm > 0))
        return rt_error_set(e, RT_EUSAGE, "--scores, --det and --false-alarms are about trials that are judged: "
                            "give --trials");
    if (!q->trials && !q->calibrate && (s->cohort || s->centre))
        return rt_error_set(e, RT_EUSAGE, "--cohort and --centre are about trials: give --trials");
    if (s->centre && !s->cohort)
        return rt_error_set(e, RT_EUSAGE, "--centre takes off the mean of a cohort: give --cohort");
    if (s->cohort && strcmp(s->cohort, "train") != 0 && access(s->cohort, R_OK) < 0)
        return rt_error_errno(e, "--cohort: cannot read", s->cohort);
    return 0;
}

int rt_eval_trials_read(void *self, const struct rt_evaluation *v, struct rt_error *e)
{
    struct rt_eval_trials *t = self;
    RT_TRY(trials_check_options(t->q, e));
    RT_TRY(trials_read_list(&t->judged, t->q->trials, v, e));
    RT_TRY(trials_read_list(&t->fitted, t->q->calibrate, v, e));
    return trials_check_apart(t, e);
}

void rt_eval_trials_fini(struct rt_eval_trials *t)
{
    rt_trials_fini(&t->judged);
    rt_trials_fini(&t->fitted);
}

/* ---- files ---- */

static FILE *file_open(const char *path, struct rt_error *e)
{
    FILE *out = fopen(path, "w");
    if (!out)
        rt_error_errno(e, "cannot write", path);
    return out;
}

static int file_close(FILE *out, const char *path, struct rt_error *e)
{
    bool bad = ferror(out);
    bad |= fclose(out) != 0;
    return bad ? rt_error_set(e, RT_EIO, "cannot write %s", path) : 0;
}

static int scores_write(const struct rt_scored *s, const struct rt_manifest *m, const char *path, struct rt_error *e)
{
    int id = rt_manifest_column(m, "id");
    FILE *out = file_open(path, e);
    if (!out)
        return e->code;
    fputs("enrol\ttest\tsame\tscore", out);
    fputs(s->llr ? "\tllr\n" : "\n", out);
    for (size_t i = 0; i < s->n; i++) {
        rt_plain_put(out, rt_manifest_cell(m, s->trial[i]->enrol, id));
        fputc('\t', out);
        rt_plain_put(out, rt_manifest_cell(m, s->trial[i]->test, id));
        fprintf(out, "\t%d\t%.9g", s->same[i], s->score[i]);
        if (s->llr)
            fprintf(out, "\t%.9g", s->llr[i]);
        fputc('\n', out);
    }
    return file_close(out, path, e);
}

static int det_write(const struct rt_det *d, const char *trials, const char *path, struct rt_error *e)
{
    char title[300];
    FILE *out = file_open(path, e);
    if (!out)
        return e->code;
    snprintf(title, sizeof title, "%.200s: EER %.2f %%, %zu + %zu trials", trials, 100 * rt_det_eer(d, NULL),
             d->targets, d->others);
    rt_det_svg(d, title, out);
    return file_close(out, path, e);
}

/* ---- figures ----
 * Of the calibrated scores where there are such: what a program would decide by. Costs that need a threshold are told
 * of these alone; of a cosine they would say how far it is from a log likelihood ratio, and nothing of the model. */

/* within: [priors] intervals */
static void cost_print(const struct rt_det *d, const struct rt_prior_list *prior, const char *what,
                       double (*cost)(const struct rt_det *, double), double (*within)[2], struct rt_figures *f)
{
    for (int i = 0; i < prior->count; i++) {
        char key[48], title[48];
        bool dcf = what[0] == 'm';
        snprintf(key, sizeof key, prior->count > 1 ? "%s_dcf.%g" : "%s_dcf", dcf ? "min" : "act", prior->p[i]);
        snprintf(title, sizeof title, prior->count > 1 ? "%sDCF, prior %g" : "%sDCF", what, prior->p[i]);
        rt_figures_number_within(f, key, title, cost(d, prior->p[i]), within[i]);
    }
}

static void threshold_print(const struct rt_det *d, double false_alarm, struct rt_figures *f)
{
    size_t at = rt_det_at_false_alarm(d, false_alarm);
    rt_figures_number(f, "threshold", "threshold", at ? d->point[at].threshold : INFINITY);
    rt_figures_percent(f, "threshold.false_alarm", "false alarms at it", rt_det_false_alarm(d, at));
    rt_figures_percent(f, "threshold.miss", "misses at it", rt_det_miss(d, at));
}

static int figures_print(const struct rt_det *d, const struct rt_eval_trials_request *q, bool calibrated,
                         double (*within)[2], struct rt_figures *f, struct rt_error *e)
{
    rt_figures_percent_within(f, "eer", "EER", rt_det_eer(d, NULL), within[RT_DET_EER]);
    cost_print(d, &q->prior, "min", rt_det_min_cost, within + RT_DET_COSTS, f);
    if (calibrated)
        cost_print(d, &q->prior, "act", rt_det_actual_cost, within + RT_DET_COSTS + q->prior.count, f);
    rt_figures_number_within(f, "cllr", calibrated ? "Cllr" : "Cllr, not calibrated", rt_det_cllr(d),
                             within[RT_DET_CLLR]);
    rt_figures_number_within(f, "min_cllr", "min Cllr", rt_det_min_cllr(d), within[RT_DET_MIN_CLLR]);
    if (q->false_alarm > 0)
        threshold_print(d, q->false_alarm, f);
    if (q->det && !f->json)
        rt_det_print(d, stdout);
    return q->det_svg ? det_write(d, q->trials, q->det_svg, e) : 0;
}

/* And what was drawn: people, where the list is of more than one. */
static int intervals_find(double (*within)[2], const struct rt_scored *s, const struct rt_scoring *by,
                          const struct rt_prior_list *prior, struct rt_figures *f, struct rt_error *e)
{
    int *side = NULL, people = rt_scored_people(&side, s, &by->v->session.dataset);
    const struct rt_det_people drawn = {side, side ? side + s->n : NULL, people};
    int rc = rt_det_intervals(within, s->llr ? s->llr : s->score, s->same, s->n, side ? &drawn : NULL, prior->p,
                              prior->count);
    if (f->json || side)
        rt_figures_count(f, "trials.people", "people in them", people);
    if (!f->json)
        puts(side ? "intervals (95 %): of people drawn again" : "intervals (95 %): of trials drawn again");
    free(side);
    return rc < 0 ? rt_error_set(e, rc, "intervals of trials: %s", rt_err_words(rc)) : 0;
}

static int trials_judge(struct rt_scoring *s, const struct rt_eval_trials *t, struct rt_figures *f, struct rt_error *e)
{
    const struct rt_eval_trials_request *q = t->q;
    struct rt_scored scored;
    struct rt_det d = {.point = NULL};
    double within[RT_DET_FIGURES(RT_PRIORS)][2];
    int rc = rt_scoring_trials(s, &t->judged, &scored, e);
    if (rc < 0)
        goto out;
    rc = rt_det_init(&d, scored.llr ? scored.llr : scored.score, scored.same, scored.n);
    if (rc < 0) {
        rt_error_set(e, rc, "%s: %zu of %zu trials usable: %s", q->trials, scored.n, t->judged.count,
                     rc == RT_ENODATA ? "both kinds are needed" : rt_err_words(rc));
        goto out;
    }
    rt_figures_count(f, "trials", "trials", (long long)scored.n);
    rt_figures_count(f, "trials.left_out", "trials left out", (long long)scored.left_out);
    if ((rc = intervals_find(within, &scored, s, &q->prior, f, e)) < 0)
        goto out;
    if ((rc = figures_print(&d, q, scored.llr != NULL, within, f, e)) == 0 && q->scores)
        rc = scores_write(&scored, s->v->session.dataset.manifest, q->scores, e);
out:
    rt_det_fini(&d);
    rt_scored_fini(&scored);
    return rc;
}

/* ---- calibration ---- */

static int trials_calibrate(struct rt_scoring *s, const struct rt_eval_trials *t, const char *model, struct rt_error *e)
{
    char text[2000], file[RT_MODEL_FILE_NAME];
    int rc = rt_scoring_fit(s, &t->fitted, t->q->prior.p[0], t->q->by, e);
    if (rc < 0) {
        rt_error_prefix(e, "%s", t->q->calibrate);
        return rc;
    }
    rt_scoring_text(s, text, sizeof text);
    RT_TRY(rt_model_store_text(model, RT_MODEL_SCORING, text, file, e));
    rt_plain_print(stderr, "retort: %s: calibration fitted on %s is stored\n", file, t->q->calibrate);
    return 0;
}

int rt_eval_trials(const struct rt_eval_trials *t, struct rt_evaluation *v, const struct rt_evaluation_request *of,
                   struct rt_figures *f, struct rt_error *e)
{
    struct rt_scoring s;
    char warning[400];
    int rc = rt_scoring_open(&s, v, of, &t->q->scoring, warning, e);
    if (rc == 0 && warning[0] && !t->q->calibrate)
        rt_plain_print(stderr, "retort: %s\n", warning);
    if (rc == 0 && t->q->calibrate)
        rc = trials_calibrate(&s, t, of->model, e);
    if (rc == 0 && t->q->trials)
        rc = trials_judge(&s, t, f, e);
    rt_scoring_close(&s);
    return rc;
}
