/* SPDX-License-Identifier: MIT
 * cmd_model: `retort model`: what a file with a network is, and what it answers to one sample. */
#include "tui/cli/cmd.h"
#include "tui/cli/describe.h"
#include "tui/cli/options_shared.h"

#include "formats/path.h"


struct request {
    struct rt_describe of;
    struct rt_argument_list files;
    struct rt_card card;
};

/* Each file is a card of its own, and the reason for which one fails is in it: the others are told all the same. */
static int model_run(void *request, struct rt_error *e)
{
    struct request *q = request;
    int code = RT_EXIT_DONE;
    q->of.card = &q->card;
    for (int i = 0; i < q->files.count; i++) {
        q->of.path = q->files.word[i];
        rt_card_begin(&q->card, q->of.path);
        int rc = rt_path_ends_in(q->of.path, ".onnx") ? rt_describe_onnx(&q->of, e) : rt_describe_model(&q->of, e);
        rt_card_end(&q->card);
        if (rc < 0)
            code = RT_EXIT_FAILED;
        *e = (struct rt_error){0};
    }
    return code;
}

const struct rt_command cmd_model = {
    .name = "model",
    .summary = "what a file with a network is, and what it answers to one sample",
    .usage = {"[--size NAME=N] [options] FILE.onnx|DIR|MODEL..."},
    .about = "Says what is in the file: who wrote it, its inputs and outputs with their named axes, operators and "
             "those that retort has not, weights, multiply-adds, classes, and how it would be read as a teacher. Then "
             "runs one sample of random numbers through it. Of a file that cannot be run all of the rest is said, and "
             "the exit code is 1.",
    .options = (const struct rt_option[]){
        RT_OPTIONS_SAMPLE(struct request, of.wish),
        RT_OPTION_READING(struct request, of.of),
        {0, "json", NULL, "one JSON object a file", RT_OPTION_FLAG(struct request, card.json)},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"FILE.onnx|DIR|MODEL", "which file?", offsetof(struct request, files), .many = true,
         .files = "*.onnx *.safetensors"},
        {0}},
    .request_size = sizeof(struct request),
    .run = model_run,
};
