/* SPDX-License-Identifier: MIT
 * cmd_embed: `retort embed`: the embeddings of a manifest's samples as .npy, and which rows they are. */
#include "tui/cli/cmd.h"
#include "tui/cli/evaluate.h"
#include "tui/cli/options_shared.h"

#include "formats/npy.h"
#include "formats/plain.h"

#include <string.h>

struct request {
    struct rt_evaluation_request of;
    const char *output;
};

/* The matrix is written from the buffer that the model wrote to: rows of samples that could not be read are closed up
 * in place, as there may be no memory for a second copy of a large set. */
static int embedding_write(void *self, struct rt_evaluation *j, struct rt_error *e)
{
    const struct request *q = self;
    const struct rt_manifest *m = j->session.dataset.manifest;
    int id = rt_manifest_column(m, "id"), kept = 0;
    size_t width = (size_t)(q->of.feature ? j->model.teacher[0].dim : j->model.dim);
    float *from = q->of.feature ? j->out.feature : j->out.embedding;
    for (int i = 0; i < j->count; i++)
        if (j->out.have[i])
            memmove(from + width * (size_t)kept++, from + width * (size_t)i, width * sizeof *from);
    int64_t dim[2] = {kept, (int64_t)width};
    struct rt_tensor t = rt_tensor_view(RT_F32, 2, dim, from);
    RT_TRY(rt_npy_write(&t, q->output, e));
    for (int i = 0; i < j->count; i++)
        if (j->out.have[i]) { /* as it is where a file takes it: tables are joined by ids */
            rt_plain_put(stdout, rt_manifest_cell(m, j->rows[i], id));
            fputc('\n', stdout);
        }
    return 0;
}

static int embed_run(void *request, struct rt_error *e)
{
    struct request *q = request;
    return rt_evaluate("embed", &q->of, embedding_write, q, e);
}

const struct rt_command cmd_embed = {
    .name = "embed",
    .summary = "embeddings of a manifest's samples",
    .usage = {"DIR|MODEL MANIFEST -o X.npy [options]"},
    .about = "Writes float32 [samples, embedding]; the samples' ids go to standard output, one a line, in the same "
             "order. Samples that cannot be read are left out of both and named on standard error. As X.npy and "
             "X.txt the two are a teacher: teacher.model=X.npy.",
    .options = (const struct rt_option[]){
        {'o', "output", "X.npy", "the file to write", RT_OPTION_TEXT(struct request, output), .files = "*",
         .required = true},
        {0, "feature", NULL, "the projected embedding, in the teacher's space, instead of the student's own",
         RT_OPTION_FLAG(struct request, of.feature)},
        RT_OPTIONS_VIEWS(struct request, of.views),
        RT_OPTIONS_EVALUATION(struct request, of, .initial = "all"),
        {0}},
    .arguments = (const struct rt_argument[]){RT_ARGUMENTS_EVALUATION(struct request, of), {0}},
    .request_size = sizeof(struct request),
    .run = embed_run,
};
