/* SPDX-License-Identifier: MIT
 * cmd_export: `retort export`: a run's model as one file without the optimiser's state, for retort
 * (safetensors) or for other programs (ONNX); and the check of such a file. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "formats/words.h"
#include "stages/model/model.h"
#include "stages/model/model_onnx.h"
#include "stages/metrics/metrics.h"
#include "stages/model/net.h"
#include "stages/session/evaluation.h"
#include "tui/cli/export_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-4 /* of a golden output, relative to max(1, its size) */

struct request {
    const char *source, *output, *check, *on;
    bool half;
};

/* ---- what it cost ----
 * The model as it was and the file as it is, on the same samples. Their labels may not be known, or not be what the
 * model is for, so how alike the embeddings are is said in any case. */

struct result {
    struct rt_evaluation v;
    struct rt_accuracy accuracy;
};

static int result_open(struct result *r, const char *model, const char *manifest, struct rt_error *e)
{
    struct rt_evaluation_request of = {.model = model, .manifest = manifest, .other = -1};
    RT_TRY(rt_evaluation_open(&r->v, &of, e));
    int *label = malloc(((size_t)r->v.count + 1) * sizeof *label);
    if (!label)
        return rt_error_set(e, RT_EMEM, "out of memory");
    for (int i = 0; i < r->v.count; i++) {
        int truth = r->v.session.dataset.truth[r->v.rows[i]];
        label[i] = r->v.out.have[i] && truth < r->v.model.classes ? truth : -1;
    }
    int classes = r->v.model.classes;
    int rc = classes ? rt_accuracy(&r->accuracy, r->v.out.logits, label, r->v.count, classes) : 0;
    free(label);
    return rc < 0 ? rt_error_set(e, rc, "%s: %s", model, rt_err_words(rc)) : 0;
}

static void result_close(struct result *r)
{
    rt_accuracy_fini(&r->accuracy);
    rt_evaluation_close(&r->v);
}

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

static void results_print(const struct result *before, const struct result *after)
{
    int dim = before->v.model.dim, used = 0;
    double sum = 0, least = 1;
    for (int i = 0; i < before->v.count; i++) {
        if (!before->v.out.have[i] || !after->v.out.have[i])
            continue;
        double c = embeddings_cosine(before->v.out.embedding + (size_t)i * (size_t)dim,
                                     after->v.out.embedding + (size_t)i * (size_t)dim, dim);
        sum += c;
        least = c < least ? c : least;
        used++;
    }
    if (before->accuracy.count)
        printf("top-1 %.2f %% before, %.2f %% after, %d samples\n", 100 * before->accuracy.top1,
               100 * after->accuracy.top1, before->accuracy.count);
    printf("embeddings before and after: cosine %.6f on average, %.6f at least, %d samples\n", sum / used, least, used);
}

static int export_compare(const struct request *q, struct rt_error *e)
{
    struct result *r = calloc(2, sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = result_open(&r[0], q->source, q->on, e);
    if (rc == 0)
        rc = result_open(&r[1], q->output, q->on, e);
    if (rc == 0)
        results_print(&r[0], &r[1]);
    result_close(&r[0]);
    result_close(&r[1]);
    free(r);
    return rc;
}

/* Which inputs another program may give it: one length, or any. */
static void export_say_length(const struct rt_model *m)
{
    struct rt_error fixed = {0};
    int least = 0, frames = m->front.speech.frames;
    if (m->modality->id != RT_SPEECH)
        return;
    if (rt_net_lengths(m, &least, &fixed) == 0)
        printf("recordings of any length from %d frames on (10 ms each); shorter than in training: pad to %d frames\n",
               least, frames);
    else
        rt_plain_print(stdout, "recordings of %d frames (10 ms each) only: %s\n", frames, fixed.text);
}

static int export_write(struct rt_model *m, const struct request *q, struct rt_error *e)
{
    char n[32];
    RT_TRY(rt_model_load(m, q->source, e));
    RT_TRY(rt_export_model(m, q->output, q->half, e));
    rt_plain_print(stdout, "%s: %s %s, embedding %d, %d classes, %s weights\n", q->output,
                   m->modality->name, rt_model_net_name(m), m->dim, m->classes,
                   rt_count_text(rt_graph_weights(m->graph), n));
    export_say_length(m);
    return q->on ? export_compare(q, e) : 0;
}

/* ---- checking ----
 * Both ways that a file can be read are run: its graph, as another program would, and the model that retort makes of
 * its metadata, as `eval` would. One of them alone would not show that the other one has gone wrong. */

static int check_distance(const char *what, double worst, const char *file, struct rt_error *e)
{
    if (worst <= TOLERANCE) /* false for NaN */
        return 0;
    return rt_error_set(e, RT_ECHECKSUM, "%s: the %s gives other outputs than the golden ones: off "
                        "by %g, allowed are %g", file, what, worst, TOLERANCE);
}

static int check_golden(const struct rt_golden *g, const struct rt_onnx *o, struct rt_model *m, const char *file,
                        struct rt_error *e)
{
    double model = 0, graph = 0;
    int rc = rt_golden_compare(g, m, &model, e);
    if (rc < 0) {
        rt_error_prefix(e, "%s", file);
        return rc;
    }
    RT_TRY(check_distance("model rebuilt from it", model, file, e));
    RT_TRY(rt_golden_compare_graph(g, o, file, &graph, e));
    RT_TRY(check_distance("graph", graph, file, e));
    rt_plain_print(stdout, "%s: %s %s, opset %d, %d nodes, %d classes; off the golden outputs by %.1e (graph), "
                   "%.1e (model)\n",
                   file, m->modality->name, rt_model_net_name(m), o->opset, o->nodes,
                   m->classes, graph, model);
    return 0;
}

static int check_file(struct rt_model *m, const char *file, struct rt_error *e)
{
    struct rt_onnx *o;
    struct rt_golden g = {0};
    int rc = rt_onnx_read(&o, file, e); /* o is NULL after a failure */
    if (rc == 0)
        rc = rt_model_from_onnx(m, o, file, e);
    if (rc == 0)
        rc = rt_golden_read(&g, o, file, e);
    if (rc == 0)
        rc = check_golden(&g, o, m, file, e);
    rt_golden_fini(&g);
    rt_onnx_destroy(o);
    return rc;
}

/* ---- the command ---- */

static int export_run(void *request, struct rt_error *e)
{
    const struct request *q = request;
    if (q->check && (q->output || q->source))
        return rt_cmd_usage(&cmd_export, "--check FILE stands alone");
    if (!q->check && rt_export_check(q->output, q->half, e) < 0)
        return rt_cmd_usage(&cmd_export, "%s", e->text);
    struct rt_model *m = calloc(1, sizeof *m);
    if (!m)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = q->check ? check_file(m, q->check, e) : export_write(m, q, e);
    rt_model_fini(m);
    free(m);
    return rc;
}

const struct rt_command cmd_export = {
    .name = "export",
    .summary = "the trained model as one file",
    .usage = {"DIR|MODEL -o student.safetensors|student.onnx", "--check student.onnx"},
    .about = "Writes the model of a run (its best by validation) as one file: weights, front end, classes. "
             "A .safetensors file is what teacher.model, student.init, eval and embed take. An .onnx file is what "
             "other programs run: outputs \"embedding\" and \"logits\"; class names, recipe and one input with its "
             "outputs in the metadata.",
    .options = (const struct rt_option[]){
        {'o', "output", "FILE", "the file to write; its ending says which kind",
         RT_OPTION_TEXT(struct request, output), .files = "*", .required = true},
        {0, "half", NULL, "matrices and kernels in half precision: a file half as large; they are computed with as "
         "before. Needs a .safetensors file", RT_OPTION_FLAG(struct request, half)},
        {0, "on", "MANIFEST", "then evaluates model and file on these samples, the test split where there is one: "
         "top-1 before and after, and how alike the embeddings are",
         RT_OPTION_TEXT(struct request, on), .files = "*.tsv"},
        {0, "check", "FILE",
         "reads an ONNX file that retort wrote, runs its graph, and the model rebuilt from it, on the input in the "
         "metadata, and compares with the outputs there; fails when they differ by more than 1e-4",
         RT_OPTION_TEXT(struct request, check), .files = "*.onnx", .alone = true},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR|MODEL", "which run or model?", offsetof(struct request, source), .files = "*.safetensors *.onnx"},
        {0}},
    .request_size = sizeof(struct request),
    .run = export_run,
};
