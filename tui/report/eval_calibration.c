/* SPDX-License-Identifier: MIT
 * eval_calibration: see eval_report.h: whether an answer given with 80 % is right four times out of five. */
#include "tui/report/eval_report.h"

#include "formats/jsontext.h"
#include "formats/plain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the error ---- */

struct measured {
    const struct rt_eval_answers *a;
    struct rt_class_figures *class; /* [all], of no interest */
};

static void measure_ece(void *self, const double *weight, double *figure)
{
    const struct measured *m = self;
    struct rt_classifier_figures f;
    rt_classifier_figures(&f, m->a->prediction, m->a->v->judged, m->a->all, weight, m->class);
    figure[0] = f.calibration.ece;
}

static void bins_print(const struct rt_calibration *c)
{
    rt_plain_print(stdout, "%-16s %8s %8s %8s\n", "probability", "samples", "mean", "right");
    for (int i = 0; i < RT_CALIBRATION_BINS; i++)
        if (c->bin[i].count > 0)
            rt_plain_print(stdout, "%5.1f to %5.1f %% %8.0f %6.2f %% %6.2f %%\n", 100.0 * i / RT_CALIBRATION_BINS,
                   100.0 * (i + 1) / RT_CALIBRATION_BINS, c->bin[i].count, 100 * c->bin[i].p,
                   100 * c->bin[i].accuracy);
}

static void bins_print_json(const struct rt_calibration *c, struct rt_figures *f)
{
    rt_figures_key(f, "ece.bins");
    for (int i = 0; i < RT_CALIBRATION_BINS; i++) {
        rt_plain_print(stdout, "%s{\"from\": %.6g, \"to\": %.6g, \"samples\": %.0f, \"p\": ", i ? ", " : "[",
               (double)i / RT_CALIBRATION_BINS, (double)(i + 1) / RT_CALIBRATION_BINS, c->bin[i].count);
        rt_json_number(stdout, c->bin[i].p);
        fputs(", \"top1\": ", stdout);
        rt_json_number(stdout, c->bin[i].accuracy);
        putchar('}');
    }
    putchar(']');
}

int rt_eval_calibration(const struct rt_eval_answers *a, bool bins, struct rt_figures *f)
{
    struct measured m = {a, malloc(((size_t)a->all + 1) * sizeof *m.class)};
    struct rt_classifier_figures r;
    double within[1][2];
    int rc = m.class ? rt_bootstrap(within, 1, a->v->judged, &a->units, RT_BOOTSTRAP_DRAWS, measure_ece, &m) : RT_EMEM;
    if (rc == 0)
        rt_classifier_figures(&r, a->prediction, a->v->judged, a->all, NULL, m.class);
    free(m.class);
    if (rc < 0 || r.count == 0)
        return rc;
    rt_figures_percent_within(f, "ece", "calibration error", r.calibration.ece, within[0]);
    if (f->json)
        bins_print_json(&r.calibration, f);
    else if (bins)
        bins_print(&r.calibration);
    return 0;
}

/* ---- the temperature ---- */

static int calibrate_fit(const struct rt_evaluation *v, const int *row, int count, const float *logits,
                         const uint8_t *have, double *temperature)
{
    int *label = malloc(((size_t)count + 1) * sizeof *label);
    for (int i = 0; label && i < count; i++)
        label[i] = have[i] ? v->session.dataset.truth[row[i]] : -1;
    int rc = label ? rt_temperature_fit(temperature, logits, label, count, v->model.classes) : RT_EMEM;
    free(label);
    return rc;
}

static int calibrate_refuse(const char *manifest, int rc, struct rt_error *e)
{
    const char *why = rc == RT_ENODATA ? "no sample of the split valid has a label that the model knows"
                      : rc == RT_ERANGE ? "no temperature is the best for the split valid, as where all its answers "
                                          "are right: more or harder samples are needed"
                                        : rt_err_words(rc);
    return rt_error_set(e, rc, "%s: --calibrate: %s", manifest, why);
}

int rt_eval_calibrate(struct rt_evaluation *v, const char *path, struct rt_figures *f, struct rt_error *e)
{
    const char *manifest = rt_manifest_path(v->session.dataset.manifest);
    int *row = NULL, count = 0;
    struct rt_outputs out = {0};
    double temperature = 1;
    int rc = rt_dataset_rows(&v->session.dataset, RT_VALID, v->model.modality->id, false, &row, &count);
    if (rc == 0 && count)
        rc = rt_session_infer(&v->session, &v->model, row, count, false, &v->views, &out, e);
    if (rc == 0 && (rc = calibrate_fit(v, row, count, out.logits, out.have, &temperature)) < 0)
        calibrate_refuse(manifest, rc, e);
    rt_outputs_fini(&out);
    free(row);
    RT_TRY(rc);
    RT_TRY(rt_model_calibrate(&v->model, path, temperature, e));
    rt_figures_number(f, "temperature", "temperature", temperature);
    return 0;
}
