/* SPDX-License-Identifier: MIT
 * cmd_predict: `retort predict`: the classes that a model gives to files, as they come. Which samples are named is
 * predict_source.c's, how they are run stages/session/predict.h's. */
#include "tui/cli/cmd.h"
#include "tui/cli/evaluate.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/predict_source.h"

#include "formats/csv.h"
#include "formats/jsontext.h"
#include "formats/plain.h"
#include "formats/words.h"
#include "stages/metrics/predictions.h"
#include "stages/session/evaluation.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_PLAIN, FORM_CSV, FORM_JSON };

struct request {
    struct rt_evaluation_request of; /* model, classes, settings */
    struct rt_argument_list what;
    struct rt_predict_config run;
    int top;
    enum form form;
};

/* Who writes the answers. */
struct writer {
    const struct request *q;
    const struct rt_model *m;
    double *p;  /* [classes] */
    int *best;  /* [top] classes, the most probable first */
    int top;
    long long failed, given;
};

/* ---- which classes ---- */

/* Ties go to the lower class, as in every other figure. */
static void writer_choose(struct writer *w, const float *logits)
{
    for (int k = 0; k < w->top; k++) {
        int best = -1;
        for (int c = 0; c < w->m->classes; c++) {
            bool taken = false;
            for (int j = 0; j < k && !taken; j++)
                taken = w->best[j] == c;
            if (!taken && (best < 0 || logits[c] > logits[best]))
                best = c;
        }
        w->best[k] = best;
    }
}

/* ---- how they are written ---- */

static void csv_head(const struct writer *w)
{
    fputs("id", stdout);
    for (int k = 0; k < w->top; k++)
        rt_plain_print(stdout, k ? ",label%d,p%d" : ",label,p", k + 1, k + 1);
    puts(",error");
}

static void csv_answer(const struct writer *w, const struct rt_predicted *a)
{
    rt_csv_write_cell(stdout, a->id);
    for (int k = 0; k < w->top; k++) {
        putchar(',');
        rt_csv_write_cell(stdout, a->reason ? "" : w->m->class_name[w->best[k]]);
        rt_plain_print(stdout, a->reason ? "," : ",%.9g", a->reason ? 0 : w->p[w->best[k]]);
    }
    putchar(',');
    rt_csv_write_cell(stdout, a->reason ? a->why : "");
    putchar('\n');
}

static void json_answer(const struct writer *w, const struct rt_predicted *a)
{
    fputs("{\"id\": ", stdout);
    rt_json_text(stdout, a->id);
    if (a->reason) {
        fputs(", \"error\": ", stdout);
        rt_json_text(stdout, a->why);
        puts("}");
        return;
    }
    fputs(", \"label\": ", stdout);
    rt_json_text(stdout, w->m->class_name[w->best[0]]);
    fputs(", \"p\": ", stdout);
    rt_json_number(stdout, w->p[w->best[0]]);
    fputs(", \"top\": [", stdout);
    for (int k = 0; k < w->top; k++) {
        fputs(k ? ", {\"label\": " : "{\"label\": ", stdout);
        rt_json_text(stdout, w->m->class_name[w->best[k]]);
        fputs(", \"p\": ", stdout);
        rt_json_number(stdout, w->p[w->best[k]]);
        putchar('}');
    }
    puts("]}");
}

static void plain_answer(const struct writer *w, const struct rt_predicted *a)
{
    rt_plain_print(stdout, "%-32s", a->id);
    if (a->reason)
        rt_plain_print(stdout, "  left out: %s", a->why);
    for (int k = 0; k < w->top && !a->reason; k++)
        rt_plain_print(stdout, "  %-16s %6.2f %%", w->m->class_name[w->best[k]], 100 * w->p[w->best[k]]);
    putchar('\n');
}

static int writer_take(void *self, const struct rt_predicted *given, bool more, struct rt_error *e)
{
    static void (*const write[])(const struct writer *, const struct rt_predicted *) = {
        [FORM_PLAIN] = plain_answer, [FORM_CSV] = csv_answer, [FORM_JSON] = json_answer,
    };
    struct writer *w = self;
    struct rt_predicted a = *given;
    if (!a.reason && !rt_probabilities(a.logits, w->m->classes, w->m->temperature, w->p)) {
        a.reason = RT_ENOTFINITE;
        a.why = "the network's outputs are not finite";
    }
    if (!a.reason)
        writer_choose(w, a.logits);
    w->failed += a.reason != 0;
    w->given++;
    write[w->q->form](w, &a);
    if (!more && fflush(stdout) != 0)
        return rt_error_errno(e, "cannot write", "standard output");
    return 0;
}

/* ---- the command ---- */

static int predict_all(const struct request *q, const struct rt_predict_config *run, struct rt_model *m,
                       struct writer *w, struct rt_error *e)
{
    struct rt_predict_list *list = NULL;
    char a[32], b[32];
    if (rt_predict_list_create(&list, &q->what, m->modality) < 0)
        return rt_error_set(e, RT_EMEM, "out of memory");
    if (q->form == FORM_CSV)
        csv_head(w);
    int rc = rt_predict(m, run, rt_predict_list_source(list), (struct rt_predict_sink){w, writer_take}, e);
    fflush(stdout);
    rt_predict_list_say_passed(list);
    if (w->failed)
        rt_plain_print(stderr, "retort: %s of %s left out\n", rt_count_text(w->failed, a), rt_count_text(w->given, b));
    rt_predict_list_destroy(list);
    return rc;
}

static int predict_with(const struct request *q, struct rt_model *m, struct rt_recipe *recipe, struct rt_error *e)
{
    struct rt_predict_config run = q->run;
    char words[RT_VIEWS_WORDS];
    RT_TRY(rt_evaluate_check_order("predict", q->of.model, q->what.word[0], e));
    RT_TRY(rt_evaluation_load_model(m, &q->of, recipe, e));
    rt_evaluate_say_front(m);
    RT_TRY(rt_views_choose(&run.views, words, m, &q->of.views, q->of.model, e));
    if (m->classes == 0)
        return rt_error_set(e, RT_EUSAGE, "%s: has no classifier: retort embed writes its embeddings", q->of.model);
    struct writer w = {.q = q, .m = m, .top = q->top < m->classes ? q->top : m->classes};
    w.p = malloc((size_t)m->classes * sizeof *w.p);
    w.best = malloc((size_t)w.top * sizeof *w.best);
    int rc = w.p && w.best ? predict_all(q, &run, m, &w, e) : rt_error_set(e, RT_EMEM, "out of memory");
    free(w.p);
    free(w.best);
    return rc < 0 ? rc : w.failed ? RT_EXIT_FAILED : RT_EXIT_DONE;
}

static int predict_run(void *request, struct rt_error *e)
{
    struct rt_model *m = calloc(1, sizeof *m);
    struct rt_recipe *recipe = malloc(sizeof *recipe);
    int rc = m && recipe ? predict_with(request, m, recipe, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (m)
        rt_model_fini(m);
    free(recipe);
    free(m);
    return rc;
}

const struct rt_command cmd_predict = {
    .name = "predict",
    .summary = "the class of each file",
    .usage = {"DIR|MODEL FILE|FOLDER|MANIFEST|-... [options]"},
    .about = "Prints the most probable classes of each sample and their probabilities, in the order of the samples and "
             "as they come; of a sample that cannot be read, why. Folders are walked; a manifest is known by its "
             "ending (.tsv); - reads paths from standard input, one a line. Exit code 1 when a sample was left out.",
    .options = (const struct rt_option[]){
        {0, "top", "K", "the K most probable classes", RT_OPTION_WHOLE(struct request, top, 1, INT_MAX),
         .initial = "2"},
        {0, "json", NULL, "one JSON object a line", RT_OPTION_PICK(struct request, form, FORM_JSON)},
        {0, "csv", NULL, "comma-separated values, with a line of titles",
         RT_OPTION_PICK(struct request, form, FORM_CSV)},
        RT_OPTION_CLASSES(struct request, of.classes),
        RT_OPTION_READING(struct request, of),
        RT_OPTIONS_VIEWS(struct request, of.views),
        RT_OPTIONS_PREDICT(struct request, run),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR|MODEL", "a model and files are needed", offsetof(struct request, of.model),
         .files = "*.safetensors *.onnx"},
        {"FILE|FOLDER|MANIFEST|-", "a model and files are needed", offsetof(struct request, what), .many = true,
         .files = "*"},
        {0}},
    .request_size = sizeof(struct request),
    .run = predict_run,
};
