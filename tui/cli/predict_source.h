/* SPDX-License-Identifier: MIT
 * predict_source: the samples that a command line names, one after the other: files, folders with all that is below
 * them, manifests (by their ending, .tsv), and - for paths on standard input, one a line. What is named and cannot be
 * read is a sample without anything to read: the others still get their answers. */
#ifndef RT_PREDICT_SOURCE_H
#define RT_PREDICT_SOURCE_H

#include "stages/session/predict.h"
#include "tui/cli/options.h"

struct rt_predict_list; /* opaque */

/* words: borrowed. RT_EMEM. */
int rt_predict_list_create(struct rt_predict_list **out, const struct rt_argument_list *words,
                           const struct rt_modality *modality);
void rt_predict_list_destroy(struct rt_predict_list *l);
struct rt_predict_source rt_predict_list_source(struct rt_predict_list *l);
/* One line on standard error about the files of folders that were passed over, because the model does not read files
 * with their ending; nothing where there are none. */
void rt_predict_list_say_passed(const struct rt_predict_list *l);

#endif
