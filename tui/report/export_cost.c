/* SPDX-License-Identifier: MIT
 * export_cost: see export_cost.h. */
#include "tui/report/export_cost.h"

#include "stages/metrics/det.h"
#include "stages/metrics/metrics.h"
#include "stages/session/scoring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one model ---- */

struct side {
    struct rt_evaluation v;
    struct rt_accuracy accuracy;
    double eer;
};

static int side_accuracy(struct side *s, const char *model, struct rt_error *e)
{
    int classes = s->v.model.classes;
    int *label = malloc(((size_t)s->v.count + 1) * sizeof *label);
    if (!label)
        return rt_error_set(e, RT_EMEM, "out of memory");
    for (int i = 0; i < s->v.count; i++) {
        int truth = s->v.session.dataset.truth[s->v.rows[i]];
        label[i] = s->v.out.have[i] && truth < classes ? truth : -1;
    }
    int rc = classes ? rt_accuracy(&s->accuracy, s->v.out.logits, label, s->v.count, classes) : 0;
    free(label);
    return rc < 0 ? rt_error_set(e, rc, "%s: %s", model, rt_err_words(rc)) : 0;
}

static int scored_eer(double *eer, struct rt_scoring *s, const struct rt_trials *t, const char *path,
                      struct rt_error *e)
{
    struct rt_scored scored;
    struct rt_det d = {.point = NULL};
    int rc = rt_scoring_trials(s, t, &scored, e);
    if (rc == 0 && (rc = rt_det_init(&d, scored.score, scored.same, scored.n)) < 0)
        rt_error_set(e, rc, "%s: %zu of %zu trials usable: %s", path, scored.n, t->count,
                     rc == RT_ENODATA ? "both kinds are needed" : rt_err_words(rc));
    if (rc == 0)
        *eer = rt_det_eer(&d, NULL);
    rt_det_fini(&d);
    rt_scored_fini(&scored);
    return rc;
}

/* Cosines alone: a calibration is a rising function of them, and changes no EER. */
static int side_eer(struct side *s, const struct rt_evaluation_request *of, const struct rt_trials *t, const char *path,
                    struct rt_error *e)
{
    struct rt_scoring scoring;
    char warning[400];
    const struct rt_scoring_request cosine = {.cohort = NULL};
    int rc = rt_scoring_open(&scoring, &s->v, of, &cosine, warning, e);
    if (rc == 0)
        rc = scored_eer(&s->eer, &scoring, t, path, e);
    rt_scoring_close(&scoring);
    return rc;
}

/* Trials name samples of any split: their embeddings are another evaluation's. */
static int side_trials(struct side *s, const char *model, const struct rt_export_cost_request *q, struct rt_error *e)
{
    const struct rt_evaluation_request of = {.model = model, .manifest = q->manifest, .split = "all", .other = -1};
    struct side *all = calloc(1, sizeof *all);
    struct rt_trials t = {0};
    int rc = all ? rt_evaluation_open(&all->v, &of, e) : rt_error_set(e, RT_EMEM, "out of memory");
    const struct rt_modality *m = rc == 0 ? all->v.model.modality : NULL;
    if (rc == 0)
        rc = rt_trials_load(&t, q->trials, all->v.session.dataset.manifest, m->name, e);
    if (rc == 0)
        rc = rt_scoring_check_files(&t, q->trials, &all->v.session, m->id, e);
    if (rc == 0)
        rc = side_eer(all, &of, &t, q->trials, e);
    if (rc == 0)
        s->eer = all->eer;
    rt_trials_fini(&t);
    if (all)
        rt_evaluation_close(&all->v);
    free(all);
    return rc;
}

static int side_open(struct side *s, const char *model, const struct rt_export_cost_request *q, struct rt_error *e)
{
    const struct rt_evaluation_request of = {.model = model, .manifest = q->manifest, .other = -1};
    RT_TRY(rt_evaluation_open(&s->v, &of, e));
    RT_TRY(side_accuracy(s, model, e));
    return q->trials ? side_trials(s, model, q, e) : 0;
}

static void side_close(struct side *s)
{
    rt_accuracy_fini(&s->accuracy);
    rt_evaluation_close(&s->v);
}

/* ---- both ----
 * Labels may not be known, or not be what the model is for, so how alike the embeddings are is said in any case. */

static double embeddings_cosine(const float *a, const float *b, int n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
}

static void cost_compare(struct rt_export_cost *c, const struct side *before, const struct side *after)
{
    int dim = before->v.model.dim;
    double sum = 0;
    c->cosine_least = 1;
    for (int i = 0; i < before->v.count; i++) {
        if (!before->v.out.have[i] || !after->v.out.have[i])
            continue;
        double cosine = embeddings_cosine(before->v.out.embedding + (size_t)i * (size_t)dim,
                                          after->v.out.embedding + (size_t)i * (size_t)dim, dim);
        sum += cosine;
        c->cosine_least = cosine < c->cosine_least ? cosine : c->cosine_least;
        c->compared++;
    }
    c->cosine_mean = sum / c->compared;
}

int rt_export_cost(struct rt_export_cost *c, const struct rt_export_cost_request *q, struct rt_error *e)
{
    const char *model[2] = {q->before, q->after};
    struct side *s = calloc(2, sizeof *s);
    *c = (struct rt_export_cost){.trials = q->trials != NULL};
    int rc = s ? 0 : rt_error_set(e, RT_EMEM, "out of memory");
    for (int k = 0; rc == 0 && k < 2; k++) {
        rc = side_open(&s[k], model[k], q, e);
        c->samples = (int)s[k].accuracy.count;
        c->top1[k] = s[k].accuracy.top1;
        c->eer[k] = s[k].eer;
    }
    if (rc == 0)
        cost_compare(c, &s[0], &s[1]);
    for (int k = 0; s && k < 2; k++)
        side_close(&s[k]);
    free(s);
    return rc;
}

void rt_export_cost_print(const struct rt_export_cost *c)
{
    if (c->samples)
        printf("top-1 %.2f %% before, %.2f %% after, %d samples\n", 100 * c->top1[0], 100 * c->top1[1], c->samples);
    if (c->trials)
        printf("EER %.2f %% before, %.2f %% after\n", 100 * c->eer[0], 100 * c->eer[1]);
    printf("embeddings before and after: cosine %.6f on average, %.6f at least, %d samples\n", c->cosine_mean,
           c->cosine_least, c->compared);
}

double rt_export_cost_points(const struct rt_export_cost *c)
{
    double top1 = c->samples ? 100 * (c->top1[0] - c->top1[1]) : -INFINITY;
    double eer = c->trials ? 100 * (c->eer[1] - c->eer[0]) : -INFINITY;
    return !c->samples && !c->trials ? NAN : top1 > eer ? top1 : eer;
}
