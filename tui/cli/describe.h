/* SPDX-License-Identifier: MIT
 * describe: what `retort model` says of a file, as rows of a card: an ONNX file (describe_onnx.c), a model of retort
 * (describe_model.c), and what both say (describe.c). Each runs one sample at the end. Main thread. */
#ifndef RT_DESCRIBE_H
#define RT_DESCRIBE_H

#include "formats/onnx.h"
#include "stages/session/evaluation.h"
#include "tui/cli/card.h"
#include "tui/cli/sample_inputs.h"

/* Of one file. */
struct rt_describe {
    struct rt_card *card;
    const char *path;
    struct rt_sample_wish wish;
    struct rt_evaluation_request of; /* its settings: how another program's file is read */
};

/* All that a file says of itself, also when it cannot be read here: then its reason is a row and its code is given
 * back, as when the sample could not be run. The card is begun and ended by the caller. */
int rt_describe_onnx(const struct rt_describe *d, struct rt_error *e);
/* A run folder, a safetensors file, an ONNX file that retort wrote. A row says why when it cannot be read. */
int rt_describe_model(const struct rt_describe *d, struct rt_error *e);

/* The message without the file's name, which the card has; and the row "refused" of it. */
const char *rt_describe_why(const struct rt_describe *d, const struct rt_error *e);
void rt_describe_refused(const struct rt_describe *d, const struct rt_error *e);
/* A row of the smallest and largest number of what came out, and how many are not finite. */
void rt_describe_output(struct rt_card *c, const char *name, const char *shape, const struct rt_tensor *t);

#endif
