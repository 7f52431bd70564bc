/* SPDX-License-Identifier: MIT
 * cmd_export: `retort export`: a run's model as one file without the optimiser's state. */
#include "tui/cli/cmd.h"

#include "stages/model.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: retort export DIR|MODEL -o student.safetensors\n"
    "Writes the model of a run (its best by validation) as one safetensors file: weights, front\n"
    "end, classes. The file is what teacher.model, student.init, eval and embed take.\n";

static int export_model(const char *source, const char *output, struct rt_error *e)
{
    struct rt_model *m = calloc(1, sizeof *m);
    struct rt_safetensors *s = NULL;
    int rc = m ? rt_model_load(m, source, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0 && (rc = rt_safetensors_create(&s)) == 0)
        rc = rt_model_save(m, s);
    if (rc == 0)
        rc = rt_safetensors_write(s, output, e);
    else if (!e->code)
        rt_error_set(e, rc, "%s: %s", output, rt_err_words(rc));
    if (rc == 0) {
        char n[32];
        printf("%s: %s %s, embedding %d, %d classes, %s weights\n", output,
               m->recipe.student_modality, m->recipe.student_net, m->dim, m->classes,
               rt_cmd_count(rt_graph_weights(m->graph), n));
    }
    rt_safetensors_destroy(s);
    if (m)
        rt_model_fini(m);
    free(m);
    return rc;
}

int cmd_export(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *output = NULL;
    int c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage, stdout);
            return RT_EXIT_DONE;
        }
        if (c != 'o')
            return rt_cmd_usage("export", "unknown option or missing value");
        output = optarg;
    }
    if (optind + 1 != argc || !output)
        return rt_cmd_usage("export", output ? "which run or model?" : "-o FILE is missing");
    size_t n = strlen(output);
    if (n < 12 || strcmp(output + n - 12, ".safetensors") != 0)
        return rt_cmd_usage("export", "%s: the file's name must end in .safetensors", output);
    struct rt_error e = {0};
    return export_model(argv[optind], output, &e) < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
