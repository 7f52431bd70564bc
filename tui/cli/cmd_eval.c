/* SPDX-License-Identifier: MIT
 * cmd_eval: `retort eval`: a model on a manifest: accuracy, also by quality; verification on a list of
 * trials; cross-modal retrieval against a teacher. What is computed and printed is tui/report/eval_report.h. */
#include "tui/cli/cmd.h"
#include "tui/cli/evaluate.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/options_trials.h"
#include "tui/cli/progress.h"
#include "tui/report/eval_report.h"
#include "tui/report/eval_trials.h"

#include <stdlib.h>

struct request {
    struct rt_evaluation_request of;
    const char *quality, *by, *samples, *teacher;
    struct rt_eval_trials_request trials;
    enum rt_eval_detail detail;
    bool bins, calibrate, json;
};

static bool eval_has_trials(const struct request *q)
{
    return q->trials.trials || q->trials.calibrate;
}

/* Trials name samples of any split; the answers that are judged are of one, with trials and without. */
static int eval_open(struct rt_evaluation *v, const struct request *q, const struct rt_model *teacher,
                     struct rt_eval_trials *trials, struct rt_error *e)
{
    struct rt_evaluation_request asked = q->of;
    asked.all = eval_has_trials(q) && !asked.split;
    asked.opened = rt_eval_trials_read;
    asked.opened_self = trials;
    asked.feature = teacher != NULL;
    asked.other = teacher ? (int)teacher->modality->id : -1;
    RT_TRY(rt_evaluation_open(v, &asked, e));
    if (v->model.classes == 0 && !eval_has_trials(q) && !teacher)
        return rt_error_set(e, RT_EUSAGE, "%s: has no classifier: give --trials or --teacher", q->of.model);
    return 0;
}

/* What is said of a classifier; a temperature that is fitted counts for all of it. */
static int eval_classifier(struct rt_evaluation *v, const struct request *q, struct rt_figures *f, struct rt_error *e)
{
    struct rt_eval_answers a = {0};
    if (q->calibrate)
        RT_TRY(rt_eval_calibrate(v, q->of.model, f, e));
    int rc = rt_eval_answers_init(&a, v, e);
    if (rc == 0)
        rc = rt_eval_accuracy(&a, q->detail, f);
    if (rc == 0)
        rc = rt_eval_calibration(&a, q->bins, f);
    if (rc == 0)
        rc = rt_eval_thirds(&a, q->quality, f, e);
    if (rc == 0 && q->by)
        rc = rt_eval_by(&a, q->by, f, e);
    if (rc == 0 && q->samples)
        rc = rt_eval_samples(&a, q->quality, q->samples, e);
    rt_eval_answers_fini(&a);
    return rc;
}

static int eval_report(struct rt_evaluation *v, const struct request *q, struct rt_model *teacher,
                       const struct rt_eval_trials *trials, struct rt_figures *f, struct rt_error *e)
{
    if (v->model.classes)
        RT_TRY(eval_classifier(v, q, f, e));
    if (eval_has_trials(q))
        RT_TRY(rt_eval_trials(trials, v, &q->of, f, e));
    return teacher ? rt_eval_retrieval(v, teacher, q->teacher, f, e) : 0;
}

static int eval_do(struct rt_evaluation *v, const struct request *q, struct rt_model *teacher, struct rt_error *e)
{
    struct rt_figures f = {.json = q->json};
    struct rt_eval_trials trials = {.q = &q->trials};
    if (q->teacher)
        RT_TRY(rt_model_load(teacher, q->teacher, e));
    int rc = eval_open(v, q, q->teacher ? teacher : NULL, &trials, e);
    if (rc == 0)
        rc = eval_report(v, q, q->teacher ? teacher : NULL, &trials, &f, e);
    rt_eval_trials_fini(&trials);
    rt_figures_end(&f); /* what was found stays one JSON object, also before an error */
    if (v->session.left_lock)
        rt_evaluate_say_left_out(v);
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "eval: %s", rt_err_words(rc)) : rc;
}

static int eval_run(void *request, struct rt_error *e)
{
    struct request *q = request;
    struct rt_progress progress;
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
    RT_TRY(rt_evaluate_check_order("eval", q->of.model, q->of.manifest, e));
    q->of.watch = &watch;
    struct rt_evaluation *v = calloc(1, sizeof *v);
    struct rt_model *teacher = calloc(1, sizeof *teacher);
    int rc = v && teacher ? eval_do(v, q, teacher, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (v)
        rt_evaluation_close(v);
    if (teacher)
        rt_model_fini(teacher);
    free(v);
    free(teacher);
    return rc;
}

const struct rt_command cmd_eval = {
    .name = "eval",
    .summary = "accuracy, EER, retrieval, by quality",
    .usage = {"DIR|MODEL MANIFEST [--trials FILE] [--teacher MODEL] [options]"},
    .about = "Top-1, top-5, macro-F1 and calibration error on the labelled samples of the test split (else of all), "
             "each with its 95 % interval, and in thirds by quality; EER, minDCF and Cllr with --trials; "
             "retrieval with --teacher. A label that the model does not know counts as a wrong answer.",
    .options = (const struct rt_option[]){
        {0, "confusion", NULL, "the confusion matrix, and precision, recall and F1 of each class",
         RT_OPTION_PICK(struct request, detail, RT_EVAL_CONFUSION)},
        {0, "per-class", NULL, "precision, recall and F1 of each class alone",
         RT_OPTION_PICK(struct request, detail, RT_EVAL_CLASSES)},
        {0, "by", "A,B", "top-1 for each value of these columns of the manifest", RT_OPTION_TEXT(struct request, by)},
        {0, "samples", "FILE", "write what is said of each sample, comma-separated: label, predicted, rank of the "
         "label, quality, the probability of each class", RT_OPTION_TEXT(struct request, samples), .files = "*"},
        {0, "bins", NULL, "the bins of the calibration error: how probable the answers are, how many are right",
         RT_OPTION_FLAG(struct request, bins)},
        {0, "calibrate", NULL, "fit a temperature to the split valid and keep it in the model's file: all "
         "probabilities go by it from then on", RT_OPTION_FLAG(struct request, calibrate)},
        {0, "quality", "A,B", "measures that make the quality thirds", RT_OPTION_TEXT(struct request, quality),
         .otherwise = "the model's weight.terms, else the first of its modality"},
        RT_OPTIONS_TRIALS(struct request, trials),
        {0, "teacher", "MODEL", "retrieval (R@1, R@5, R@10) in the space shared with this teacher",
         RT_OPTION_TEXT(struct request, teacher), .files = "*"},
        RT_OPTION_CLASSES(struct request, of.classes),
        {0, "json", NULL, "results as JSON", RT_OPTION_FLAG(struct request, json)},
        RT_OPTIONS_VIEWS(struct request, of.views),
        RT_OPTIONS_EVALUATION(struct request, of, .otherwise = "test, or all where there is no such split"),
        {0}},
    .arguments = (const struct rt_argument[]){RT_ARGUMENTS_EVALUATION(struct request, of), {0}},
    .request_size = sizeof(struct request),
    .run = eval_run,
};
