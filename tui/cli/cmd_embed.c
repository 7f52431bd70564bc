/* SPDX-License-Identifier: MIT
 * cmd_embed: `retort embed`: the embeddings of a manifest's samples as .npy, and which rows they are. */
#include "tui/cli/cmd.h"
#include "stages/session/evaluation.h"
#include "stages/session/progress.h"

#include "formats/npy.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: retort embed DIR|MODEL MANIFEST -o X.npy [options]\n"
    "Writes float32 [samples, embedding]; the samples' ids go to standard output, one a line, in\n"
    "the same order. Samples that cannot be read are left out of both and named on standard error.\n\n"
    "      --split NAME   train, valid, test or all (default all)\n"
    "      --feature      the projected embedding, in the teacher's space\n"
    "  -s, --set teacher.KEY=VALUE   how another program's ONNX file is read (layout, mean, std, ...)\n"
    "      --cache DIR    where measures are kept (default ~/.cache/retort)\n";

static int write_rows(const struct rt_evaluation *j, const char *output, bool feature,
                      struct rt_error *e)
{
    const struct rt_manifest *m = j->session.dataset.manifest;
    int id = rt_manifest_column(m, "id"), kept = 0;
    size_t width = (size_t)(feature ? j->model.teacher_dim : j->model.dim);
    float *from = feature ? j->out.feature : j->out.embedding;
    for (int i = 0; i < j->count; i++)
        if (j->out.have[i])
            memmove(from + width * (size_t)kept++, from + width * (size_t)i, width * sizeof *from);
    int64_t dim[2] = {kept, (int64_t)width};
    struct rt_tensor t = rt_tensor_view(RT_F32, 2, dim, from);
    int rc = rt_npy_write(&t, output, e);
    for (int i = 0; rc == 0 && i < j->count; i++)
        if (j->out.have[i])
            printf("%s\n", rt_manifest_cell(m, j->rows[i], id));
    char left[400];
    rt_session_summary(&j->session, left, sizeof left);
    if (rc == 0 && left[0])
        fprintf(stderr, "retort: %s\n", left);
    return rc;
}

int cmd_embed(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'}, {"split", required_argument, NULL, 'p'},
        {"feature", no_argument, NULL, 'f'},      {"cache", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},    {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    const char *output = NULL;
    struct rt_evaluation_request q = {.split = "all", .other = -1};
    struct rt_error e = {0};
    int c, rc = 0;
    optind = 0;
    while ((c = getopt_long(argc, argv, "o:s:h", options, NULL)) != -1) {
        switch (c) {
        case 'o': output = optarg; break;
        case 'p': q.split = optarg; break;
        case 'f': q.feature = true; break;
        case 'c': q.cache = optarg; break;
        case 's': rc = rc == 0 ? rt_evaluation_setting(&q, optarg, &e) : rc; break;
        case 'h': fputs(usage, stdout); return RT_EXIT_DONE;
        default: return rt_cmd_usage("embed", "unknown option or missing value");
        }
    }
    if (optind + 2 != argc || !output)
        return rt_cmd_usage("embed", output ? "a model and a manifest are needed"
                                            : "-o X.npy is missing");
    q.model = argv[optind];
    q.manifest = argv[optind + 1];
    struct rt_progress progress;
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
    q.watch = &watch;
    struct rt_evaluation *j = calloc(1, sizeof *j);
    if (rc == 0)
        rc = j ? rt_evaluation_open(j, &q, &e) : rt_error_set(&e, RT_EMEM, "out of memory");
    if (rc == 0)
        rc = write_rows(j, output, q.feature, &e);
    if (j)
        rt_evaluation_close(j);
    free(j);
    return rc < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
