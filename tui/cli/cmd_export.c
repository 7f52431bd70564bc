/* SPDX-License-Identifier: MIT
 * cmd_export: `retort export`: a run's model as one file without the optimiser's state, for retort
 * (safetensors) or for other programs (ONNX); and the check of such a file. */
#include "tui/cli/cmd.h"

#include "formats/words.h"
#include "stages/model/model.h"
#include "stages/model/model_onnx.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-4 /* of a golden output, relative to max(1, its size) */

static const char usage[] =
    "usage: retort export DIR|MODEL -o student.safetensors|student.onnx\n"
    "       retort export --check student.onnx\n"
    "Writes the model of a run (its best by validation) as one file: weights, front end, classes.\n"
    "  .safetensors  is what teacher.model, student.init, eval and embed take\n"
    "  .onnx         is what other programs run: outputs \"embedding\" and \"logits\"; class names,\n"
    "                recipe and one input with its outputs in the metadata\n"
    "--check reads an ONNX file that retort wrote, runs its graph, and the model rebuilt from it, on\n"
    "the input in the metadata, and compares with the outputs there.\n";

static int write_safetensors(const struct rt_model *m, const char *output, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_model_save(m, s);
    if (rc == 0)
        rc = rt_safetensors_write(s, output, e);
    else
        rt_error_set(e, rc, "%s: %s", output, rt_err_words(rc));
    rt_safetensors_destroy(s);
    return rc;
}

static int write_onnx(struct rt_model *m, const char *output, struct rt_error *e)
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

static bool ends_in(const char *name, const char *ending)
{
    size_t n = strlen(name), k = strlen(ending);
    return n > k && !strcmp(name + n - k, ending);
}

static int export_model(const char *source, const char *output, struct rt_error *e)
{
    struct rt_model *m = calloc(1, sizeof *m);
    int rc = m ? rt_model_load(m, source, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0)
        rc = ends_in(output, ".onnx") ? write_onnx(m, output, e) : write_safetensors(m, output, e);
    if (rc == 0) {
        char n[32];
        printf("%s: %s %s, embedding %d, %d classes, %s weights\n", output,
               m->modality->name, rt_model_net_name(m), m->dim, m->classes,
               rt_count_text(rt_graph_weights(m->graph), n));
    }
    if (m)
        rt_model_fini(m);
    free(m);
    return rc;
}

static int refuse_far(const char *what, double worst, const char *file, struct rt_error *e)
{
    if (worst <= TOLERANCE) /* false for NaN */
        return 0;
    return rt_error_set(e, RT_ECHECKSUM, "%s: the %s gives other outputs than the golden ones: off "
                        "by %g, allowed are %g", file, what, worst, TOLERANCE);
}

static int compare(const struct rt_onnx *o, struct rt_model *m, const char *file,
                   struct rt_error *e)
{
    struct rt_golden g;
    double model = 0, graph = 0;
    int rc = rt_golden_read(&g, o, file, e);
    if (rc == 0 && (rc = rt_golden_compare(&g, m, &model, e)) < 0)
        rt_error_prefix(e, "%s", file);
    if (rc == 0)
        rc = refuse_far("model rebuilt from it", model, file, e);
    if (rc == 0)
        rc = rt_golden_compare_graph(&g, o, file, &graph, e);
    if (rc == 0)
        rc = refuse_far("graph", graph, file, e);
    if (rc == 0)
        printf("%s: %s %s, opset %d, %d nodes, %d classes; off the golden outputs by %.1e (graph), "
               "%.1e (model)\n",
               file, m->modality->name, rt_model_net_name(m), o->opset, o->nodes,
               m->classes, graph, model);
    rt_golden_fini(&g);
    return rc;
}

static int check_onnx(const char *file, struct rt_error *e)
{
    struct rt_onnx *o;
    struct rt_model *m = calloc(1, sizeof *m);
    int rc = rt_onnx_read(&o, file, e); /* o is NULL after a failure */
    if (rc == 0 && !m)
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory", file);
    if (rc == 0)
        rc = rt_model_from_onnx(m, o, file, e);
    if (rc == 0) {
        rc = compare(o, m, file, e);
        rt_model_fini(m);
    }
    free(m);
    rt_onnx_destroy(o);
    return rc;
}

int cmd_export(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"check", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *output = NULL, *checked = NULL;
    struct rt_error e = {0};
    int c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage, stdout);
            return RT_EXIT_DONE;
        }
        if (c == 'c')
            checked = optarg;
        else if (c == 'o')
            output = optarg;
        else
            return rt_cmd_usage("export", "unknown option or missing value");
    }
    if (checked && (output || optind != argc))
        return rt_cmd_usage("export", "--check FILE stands alone");
    if (checked)
        return check_onnx(checked, &e) < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
    if (optind + 1 != argc || !output)
        return rt_cmd_usage("export", output ? "which run or model?" : "-o FILE is missing");
    if (!ends_in(output, ".safetensors") && !ends_in(output, ".onnx"))
        return rt_cmd_usage("export", "%s: the file's name must end in .safetensors or .onnx",
                            output);
    return export_model(argv[optind], output, &e) < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
