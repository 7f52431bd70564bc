/* SPDX-License-Identifier: MIT
 * cmd_identify: `retort identify`: which person of a gallery each file is of, or unknown. Which samples are named is
 * predict_source.c's, how they are run stages/session/predict.h's, who is nearest stages/session/gallery.h's. */
#include "tui/cli/cmd.h"
#include "tui/cli/evaluate.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/predict_source.h"

#include "formats/jsontext.h"
#include "formats/plain.h"
#include "formats/words.h"
#include "stages/session/gallery.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct rt_evaluation_request of; /* model, settings */
    const char *gallery;
    struct rt_argument_list what;
    struct rt_predict_config run;
    struct threshold {
        bool given;
        double cosine;
    } threshold;
    int top;
    bool json;
};

/* Who writes the answers. */
struct answers {
    const struct request *q;
    const struct rt_gallery *gallery;
    double threshold; /* NaN = everybody is somebody */
    int *who, top;    /* [top] */
    double *score;    /* [top] */
    long long failed, given, unknown;
};

static int threshold_take(void *field, const char *value, struct rt_error *e)
{
    struct threshold *t = field;
    char *end;
    t->given = true;
    t->cosine = strtod(value, &end);
    return end != value && !*end && t->cosine >= -1 && t->cosine <= 1
               ? 0 : rt_error_set(e, RT_EUSAGE, "a cosine from -1 to 1");
}

/* ---- how they are written ---- */

static void json_print(const struct answers *a, const struct rt_predicted *p, bool known, int found)
{
    fputs("{\"id\": ", stdout);
    rt_json_text(stdout, p->id);
    if (p->reason) {
        fputs(", \"error\": ", stdout);
        rt_json_text(stdout, p->why);
        puts("}");
        return;
    }
    fputs(", \"person\": ", stdout);
    if (known)
        rt_json_text(stdout, a->gallery->name[a->who[0]]);
    else
        fputs("null", stdout);
    fputs(", \"nearest\": [", stdout);
    for (int k = 0; k < found; k++) {
        fputs(k ? ", {\"person\": " : "{\"person\": ", stdout);
        rt_json_text(stdout, a->gallery->name[a->who[k]]);
        fputs(", \"score\": ", stdout);
        rt_json_number(stdout, a->score[k]);
        putchar('}');
    }
    puts("]}");
}

static void plain_print(const struct answers *a, const struct rt_predicted *p, bool known, int found)
{
    rt_plain_print(stdout, "%-32s", p->id);
    if (p->reason)
        rt_plain_print(stdout, "  left out: %s\n", p->why);
    if (p->reason)
        return;
    rt_plain_print(stdout, "  %-16s", known ? a->gallery->name[a->who[0]] : "unknown");
    for (int k = 0; k < found; k++)
        rt_plain_print(stdout, "  %s %.4f", a->gallery->name[a->who[k]], a->score[k]);
    putchar('\n');
}

static bool embedding_is_finite(const float *x, int dim)
{
    for (int k = 0; k < dim; k++)
        if (!isfinite(x[k]))
            return false;
    return true;
}

static int answers_take(void *self, const struct rt_predicted *given, bool more, struct rt_error *e)
{
    struct answers *a = self;
    struct rt_predicted p = *given;
    int found = 0;
    if (!p.reason && !embedding_is_finite(p.embedding, a->gallery->dim)) {
        p.reason = RT_ENOTFINITE;
        p.why = "the embedding is not finite";
    }
    if (!p.reason)
        found = rt_gallery_nearest(a->gallery, p.embedding, a->top, a->who, a->score);
    bool known = found && !(a->score[0] < a->threshold);
    a->given++;
    a->failed += p.reason != 0;
    a->unknown += !p.reason && !known;
    (a->q->json ? json_print : plain_print)(a, &p, known, found);
    if (!more && fflush(stdout) != 0)
        return rt_error_errno(e, "cannot write", "standard output");
    return 0;
}

/* ---- the command ---- */

static int identify_check(const struct rt_gallery *g, const struct rt_model *m, const struct request *q,
                          struct rt_error *e)
{
    struct rt_views views;
    struct rt_error why = {0};
    char words[RT_VIEWS_WORDS];
    if (g->dim != m->dim || g->model.lo != m->key.lo || g->model.hi != m->key.hi)
        return rt_error_set(e, RT_EMISMATCH, "%s: was made with another model than %s: enrol with this one", q->gallery,
                            q->of.model);
    /* What it would choose does not matter, only whether the model can be shown so. */
    return rt_views_choose(&views, words, m, &g->views, q->of.model, &why) == 0
               ? 0 : rt_error_set(e, RT_EMISMATCH, "%s: its views are not for this model (%s): damaged, or changed by "
                                  "another program", q->gallery, why.text);
}

static int identify_all(const struct request *q, struct rt_model *m, struct answers *a, struct rt_error *e)
{
    struct rt_predict_config run = q->run;
    struct rt_predict_list *list = NULL;
    char x[32], y[32], z[32];
    run.views = a->gallery->views;
    if (rt_predict_list_create(&list, &q->what, m->modality) < 0)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = rt_predict(m, &run, rt_predict_list_source(list), (struct rt_predict_sink){a, answers_take}, e);
    fflush(stdout);
    rt_predict_list_say_passed(list);
    if (isnan(a->threshold))
        fprintf(stderr, "retort: the gallery has no threshold, so nobody is unknown: give --threshold\n");
    if (rc == 0)
        rt_plain_print(stderr, "retort: %s sample%s, %s unknown, %s left out\n", rt_count_text(a->given, x),
                       a->given == 1 ? "" : "s", rt_count_text(a->unknown, y), rt_count_text(a->failed, z));
    rt_predict_list_destroy(list);
    return rc;
}

static int identify_with(const struct request *q, struct rt_model *m, struct rt_gallery *g, struct rt_recipe *recipe,
                         struct rt_error *e)
{
    RT_TRY(rt_gallery_read(g, q->gallery, e));
    RT_TRY(rt_evaluation_load_model(m, &q->of, recipe, e));
    rt_evaluate_say_front(m);
    RT_TRY(identify_check(g, m, q, e));
    struct answers a = {.q = q, .gallery = g, .threshold = q->threshold.given ? q->threshold.cosine : g->threshold,
                        .top = q->top < g->people ? q->top : g->people};
    a.who = malloc((size_t)a.top * sizeof *a.who);
    a.score = malloc((size_t)a.top * sizeof *a.score);
    int rc = a.who && a.score ? identify_all(q, m, &a, e) : rt_error_set(e, RT_EMEM, "out of memory");
    free(a.who);
    free(a.score);
    return rc < 0 ? rc : a.failed ? RT_EXIT_FAILED : RT_EXIT_DONE;
}

static int identify_run(void *request, struct rt_error *e)
{
    struct rt_model *m = calloc(1, sizeof *m);
    struct rt_recipe *recipe = malloc(sizeof *recipe);
    struct rt_gallery g = {.people = 0};
    int rc = m && recipe ? identify_with(request, m, &g, recipe, e) : rt_error_set(e, RT_EMEM, "out of memory");
    rt_gallery_fini(&g);
    if (m)
        rt_model_fini(m);
    free(recipe);
    free(m);
    return rc;
}

const struct rt_command cmd_identify = {
    .name = "identify",
    .summary = "whose each file is, of a gallery, or unknown",
    .usage = {"DIR|MODEL GALLERY FILE|FOLDER|MANIFEST|-... [options]"},
    .about = "Prints for each sample the person of the gallery whose embedding is most like its own, when their "
             "cosine reaches the threshold, else unknown; then the nearest people with their cosines. Samples are "
             "shown to the network as those of the gallery were (whole, in crops, mirrored). Exit code 1 when a sample "
             "was left out.",
    .options = (const struct rt_option[]){
        {0, "top", "K", "the K nearest people", RT_OPTION_WHOLE(struct request, top, 1, INT_MAX), .initial = "3"},
        {0, "threshold", "T", "the least cosine at which somebody is known",
         RT_OPTION_OWN(struct request, threshold, threshold_take), .otherwise = "the gallery's own"},
        {0, "json", NULL, "one JSON object a line", RT_OPTION_FLAG(struct request, json)},
        RT_OPTION_READING(struct request, of),
        RT_OPTIONS_PREDICT(struct request, run),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR|MODEL", "a model, a gallery and files are needed", offsetof(struct request, of.model),
         .files = "*.safetensors *.onnx"},
        {"GALLERY", "a model, a gallery and files are needed", offsetof(struct request, gallery),
         .files = "*.safetensors"},
        {"FILE|FOLDER|MANIFEST|-", "a model, a gallery and files are needed", offsetof(struct request, what),
         .many = true, .files = "*"},
        {0}},
    .request_size = sizeof(struct request),
    .run = identify_run,
};
