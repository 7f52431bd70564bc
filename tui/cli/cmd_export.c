/* SPDX-License-Identifier: MIT
 * cmd_export: `retort export`: a run's model as one file without the optimiser's state, for retort
 * (safetensors) or for other programs (ONNX); and the check of such a file. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "formats/words.h"
#include "stages/model/model.h"
#include "stages/model/model_onnx.h"
#include "stages/model/net.h"

#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-4 /* of a golden output, relative to max(1, its size) */

struct request {
    const char *source, *output, *check;
};

static bool name_ends_in(const char *name, const char *ending)
{
    size_t n = strlen(name), k = strlen(ending);
    return n > k && !strcmp(name + n - k, ending);
}

/* ---- writing ---- */

static int export_safetensors(const struct rt_model *m, const char *output, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_model_save(m, s);
    if (rc == 0)
        rc = rt_safetensors_seal(s);
    if (rc == 0)
        rc = rt_safetensors_write(s, output, e);
    else
        rt_error_set(e, rc, "%s: %s", output, rt_err_words(rc));
    rt_safetensors_destroy(s);
    return rc;
}

static int export_onnx(struct rt_model *m, const char *output, struct rt_error *e)
{
    struct rt_onnx *o;
    int rc = rt_model_to_onnx(&o, m, e);
    if (rc == 0)
        rc = rt_onnx_write(o, output, e);
    else
        rt_error_prefix(e, "%s", output);
    rt_onnx_destroy(o);
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
    RT_TRY(name_ends_in(q->output, ".onnx") ? export_onnx(m, q->output, e) : export_safetensors(m, q->output, e));
    rt_plain_print(stdout, "%s: %s %s, embedding %d, %d classes, %s weights\n", q->output,
                   m->modality->name, rt_model_net_name(m), m->dim, m->classes,
                   rt_count_text(rt_graph_weights(m->graph), n));
    export_say_length(m);
    return 0;
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
    if (!q->check && !name_ends_in(q->output, ".safetensors") && !name_ends_in(q->output, ".onnx"))
        return rt_cmd_usage(&cmd_export, "%s: the file's name must end in .safetensors or .onnx", q->output);
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
