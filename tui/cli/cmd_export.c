/* SPDX-License-Identifier: MIT
 * cmd_export: `retort export`: a run's model as one file without the optimiser's state, for retort
 * (safetensors) or for other programs (ONNX); and the check of such a file. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "formats/words.h"
#include "stages/model/model.h"
#include "stages/model/model_onnx.h"
#include "stages/model/model_quantise.h"
#include "stages/model/net.h"
#include "stages/session/calibrate.h"
#include "stages/session/evaluation.h"
#include "tui/cli/export_file.h"
#include "tui/report/export_cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOLERANCE 1e-4 /* of a golden output, relative to max(1, its size) */
#define TOLERANCE_INT8 2e-2 /* sums in another order may put a value on the other side of a step */

struct request {
    const char *source, *output, *check, *on, *trials, *calibrate;
    bool half, int8, force;
    double max_loss;
};

static enum rt_onnx_weights export_weights(const struct request *q)
{
    return q->int8 ? RT_ONNX_WEIGHTS_INT8 : q->half ? RT_ONNX_WEIGHTS_HALF : RT_ONNX_WEIGHTS_FLOAT;
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

static void export_say(const struct rt_model *m, const char *output)
{
    char n[32];
    rt_plain_print(stdout, "%s: %s %s, embedding %d, %d classes, %s weights\n", output, m->modality->name,
                   rt_model_net_name(m), m->dim, m->classes, rt_count_text(rt_graph_weights(m->graph), n));
    export_say_length(m);
}

static int export_cost(const struct request *q, const char *after, struct rt_export_cost *c, struct rt_error *e)
{
    const char *on = q->on ? q->on : q->calibrate;
    const struct rt_export_cost_request of = {.before = q->source, .after = after, .manifest = on, .trials = q->trials};
    RT_TRY(rt_export_cost(c, &of, e));
    rt_export_cost_print(c);
    return 0;
}

/* ---- 8 bits ----
 * The file gets its name when it has been found good enough: under another one until then, so that a refused one
 * leaves what was there before. */

#define UNCHECKED ".unchecked.onnx"

static int int8_judge(const struct request *q, const struct rt_export_cost *c, struct rt_error *e)
{
    double points = rt_export_cost_points(c);
    if (q->force || points <= q->max_loss)
        return 0;
    if (isnan(points))
        return rt_error_set(e, RT_ENODATA, "%s: not written: no sample of %s has a label that the model knows, so "
                            "nothing says what 8 bits cost: give --trials, or --force", q->output,
                            q->on ? q->on : q->calibrate);
    return rt_error_set(e, RT_ERANGE, "%s: not written: 8 bits cost %.2f points, more than %g: calibrate on other "
                        "samples, take --half, or say --max-loss or --force", q->output, points, q->max_loss);
}

static int int8_try(const struct request *q, struct rt_model *narrow, const char *unchecked, struct rt_error *e)
{
    struct rt_export_cost cost;
    RT_TRY(rt_export_model(narrow, unchecked, RT_ONNX_WEIGHTS_INT8, e));
    int rc = export_cost(q, unchecked, &cost, e);
    if (rc == 0)
        rc = int8_judge(q, &cost, e);
    if (rc == 0 && rename(unchecked, q->output) < 0)
        rc = rt_error_errno(e, "cannot write", q->output);
    if (rc < 0)
        unlink(unchecked);
    return rc;
}

static int export_int8(struct rt_model *m, const struct request *q, struct rt_error *e)
{
    struct rt_views views, asked = {.whole = false};
    char words[RT_VIEWS_WORDS], unchecked[RT_MODEL_FILE_NAME];
    struct rt_model *narrow = calloc(1, sizeof *narrow);
    int used = 0;
    int rc = narrow ? rt_views_choose(&views, words, m, &asked, q->source, e)
                    : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0 && (rc = rt_calibrate(narrow, m, q->calibrate, views.whole, &used, e)) < 0)
        rt_error_prefix(e, "%s", q->source);
    if (rc == 0) {
        printf("ranges of values from %d samples\n", used);
        snprintf(unchecked, sizeof unchecked, "%s" UNCHECKED, q->output);
        rc = int8_try(q, narrow, unchecked, e);
    }
    if (rc == 0)
        export_say(m, q->output);
    if (narrow)
        rt_model_fini(narrow);
    free(narrow);
    return rc;
}

static int export_write(struct rt_model *m, const struct request *q, struct rt_error *e)
{
    struct rt_export_cost cost;
    RT_TRY(rt_model_load(m, q->source, e));
    if (q->int8)
        return export_int8(m, q, e);
    RT_TRY(rt_export_model(m, q->output, export_weights(q), e));
    export_say(m, q->output);
    return q->on ? export_cost(q, q->output, &cost, e) : 0;
}

/* ---- checking ----
 * Both ways that a file can be read are run: its graph, as another program would, and the model that retort makes of
 * its metadata, as `eval` would. One of them alone would not show that the other one has gone wrong. */

static int check_distance(const char *what, double worst, double allowed, const char *file, struct rt_error *e)
{
    if (worst <= allowed) /* false for NaN */
        return 0;
    return rt_error_set(e, RT_ECHECKSUM, "%s: the %s gives other outputs than the golden ones: off "
                        "by %g, allowed are %g", file, what, worst, allowed);
}

static int check_golden(const struct rt_golden *g, const struct rt_onnx *o, struct rt_model *m, const char *file,
                        struct rt_error *e)
{
    double model = 0, graph = 0, allowed = rt_quantise_is_done(m->graph) ? TOLERANCE_INT8 : TOLERANCE;
    int rc = rt_golden_compare(g, m, &model, e);
    if (rc < 0) {
        rt_error_prefix(e, "%s", file);
        return rc;
    }
    RT_TRY(check_distance("model rebuilt from it", model, TOLERANCE, file, e));
    RT_TRY(rt_golden_compare_graph(g, o, file, &graph, e));
    RT_TRY(check_distance("graph", graph, allowed, file, e));
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

/* Exit codes; 0 goes on. */
static int export_check_options(const struct request *q)
{
    if (q->check)
        return 0;
    if (q->int8 && q->half)
        return rt_cmd_usage(&cmd_export, "--int8 and --half: take one of them");
    if (q->int8 != (q->calibrate != NULL))
        return rt_cmd_usage(&cmd_export, "--int8 and --calibrate MANIFEST go together: the samples say which range "
                            "each value has");
    if (q->force && !q->int8)
        return rt_cmd_usage(&cmd_export, "--force: writes what --int8 refuses");
    if (q->trials && !q->on && !q->calibrate)
        return rt_cmd_usage(&cmd_export, "--trials: over which samples? give --on MANIFEST");
    return 0;
}

static int export_run(void *request, struct rt_error *e)
{
    const struct request *q = request;
    if (q->check && (q->output || q->source))
        return rt_cmd_usage(&cmd_export, "--check FILE stands alone");
    if (!q->check && rt_export_check(q->output, export_weights(q), e) < 0)
        return rt_cmd_usage(&cmd_export, "%s", e->text);
    int refused = export_check_options(q);
    if (refused)
        return refused;
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
    .usage = {"DIR|MODEL -o student.safetensors|student.onnx [--half] [--on MANIFEST]",
              "DIR|MODEL -o student.onnx --int8 --calibrate MANIFEST", "--check student.onnx"},
    .about = "Writes the model of a run (its best by validation) as one file: weights, front end, classes. "
             "A .safetensors file is what teacher.model, student.init, eval and embed take. An .onnx file is what "
             "other programs run: outputs \"embedding\" and \"logits\"; class names, recipe and one input with its "
             "outputs in the metadata.",
    .options = (const struct rt_option[]){
        {'o', "output", "FILE", "the file to write; its ending says which kind",
         RT_OPTION_TEXT(struct request, output), .files = "*", .required = true},
        {0, "half", NULL, "matrices and kernels in half precision: a file half as large; they are computed with as "
         "before", RT_OPTION_FLAG(struct request, half)},
        {0, "int8", NULL, "weights and values in 8 bits, for programs that compute in integers: a file a quarter as "
         "large (ONNX, QDQ: QuantizeLinear and DequantizeLinear). Needs --calibrate; evaluates model and file on its "
         "samples, or on those of --on, and writes nothing where that lost too much",
         RT_OPTION_FLAG(struct request, int8)},
        {0, "calibrate", "MANIFEST", "samples, at most 1,000, that say which range each value has for --int8: of the "
         "split train, else all. A range leaves out the hundredth of the samples that go furthest on either side",
         RT_OPTION_TEXT(struct request, calibrate), .files = "*.tsv"},
        {0, "max-loss", "POINTS", "what --int8 may cost at most, in points of top-1 and of the EER of --trials",
         RT_OPTION_REAL(struct request, max_loss, 0, 100), .initial = "1"},
        {0, "force", NULL, "write it whatever --int8 costs", RT_OPTION_FLAG(struct request, force)},
        {0, "on", "MANIFEST", "then evaluates model and file on these samples, the test split where there is one: "
         "top-1 before and after, and how alike the embeddings are",
         RT_OPTION_TEXT(struct request, on), .files = "*.tsv"},
        {0, "trials", "FILE", "the EER before and after, too, over these pairs of samples of --on or --calibrate",
         RT_OPTION_TEXT(struct request, trials), .files = "*"},
        {0, "check", "FILE",
         "reads an ONNX file that retort wrote, runs its graph, and the model rebuilt from it, on the input in the "
         "metadata, and compares with the outputs there; fails when they differ by more than 1e-4, or the graph of "
         "--int8 by 2e-2",
         RT_OPTION_TEXT(struct request, check), .files = "*.onnx", .alone = true},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR|MODEL", "which run or model?", offsetof(struct request, source), .files = "*.safetensors *.onnx"},
        {0}},
    .request_size = sizeof(struct request),
    .run = export_run,
};
