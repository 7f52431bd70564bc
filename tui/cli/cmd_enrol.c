/* SPDX-License-Identifier: MIT
 * cmd_enrol: `retort enrol`: the people of a manifest as a gallery, which `retort identify` asks. */
#include "tui/cli/cmd.h"
#include "tui/cli/evaluate.h"
#include "tui/cli/options_shared.h"

#include "formats/plain.h"
#include "formats/words.h"
#include "stages/session/gallery.h"

#include <math.h>

struct request {
    struct rt_evaluation_request of;
    const char *output, *by;
};

static int enrol_check_column(void *self, const struct rt_evaluation *v, struct rt_error *e)
{
    const struct request *q = self;
    const struct rt_manifest *m = v->session.dataset.manifest;
    return rt_manifest_column(m, q->by) >= 0
               ? 0
               : rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s': give --by", rt_manifest_path(m), q->by);
}

static void enrol_say(const struct rt_gallery *g, const char *output, double eer)
{
    long long samples = 0;
    char a[32], b[32];
    for (int i = 0; i < g->people; i++) {
        rt_plain_print(stdout, "%-32s %d\n", g->name[i], g->samples[i]);
        samples += g->samples[i];
    }
    rt_plain_print(stdout, "%s: %s people of %s samples, embedding %d\n", output, rt_count_text(g->people, a),
                   rt_count_text(samples, b), g->dim);
    if (isnan(g->threshold))
        printf("no threshold follows from them: two people with two samples each are needed\n");
    else
        printf("threshold %.4f, where these samples themselves, each apart, have an EER of %.2f %%\n", g->threshold,
               100 * eer);
}

static int enrol_make(void *self, struct rt_evaluation *v, struct rt_error *e)
{
    const struct request *q = self;
    struct rt_gallery g;
    double eer;
    int rc = rt_gallery_make(&g, v, q->by, &eer, e);
    if (rc == 0)
        rc = rt_gallery_write(&g, q->output, e);
    if (rc == 0)
        enrol_say(&g, q->output, eer);
    rt_gallery_fini(&g);
    return rc;
}

static int enrol_run(void *request, struct rt_error *e)
{
    struct request *q = request;
    q->of.opened = enrol_check_column;
    q->of.opened_self = q;
    return rt_evaluate("enrol", &q->of, enrol_make, q, e);
}

const struct rt_command cmd_enrol = {
    .name = "enrol",
    .summary = "people to be known again, as a gallery",
    .usage = {"DIR|MODEL MANIFEST -o gallery.safetensors [--by COLUMN] [options]"},
    .about = "Averages the embeddings of each person's samples and writes name, embedding and number of samples of "
             "each as one file, for retort identify with the same model. People need not be classes of the model.",
    .options = (const struct rt_option[]){
        {'o', "output", "FILE", "the file to write", RT_OPTION_TEXT(struct request, output),
         .files = "*.safetensors", .required = true},
        {0, "by", "COLUMN", "the column of the manifest that says who it is; samples without a value are passed over",
         RT_OPTION_TEXT(struct request, by), .initial = "label"},
        RT_OPTIONS_VIEWS(struct request, of.views),
        RT_OPTIONS_EVALUATION(struct request, of, .initial = "all"),
        {0}},
    .arguments = (const struct rt_argument[]){RT_ARGUMENTS_EVALUATION(struct request, of), {0}},
    .request_size = sizeof(struct request),
    .run = enrol_run,
};
