/* SPDX-License-Identifier: MIT
 * judged: a model opened on a manifest and its outputs for the samples asked for: what eval and embed
 * begin with. */
#ifndef RT_JUDGED_H
#define RT_JUDGED_H

#include "tui/cli/session.h"

struct rt_judged {
    struct rt_session session;
    struct rt_model model;
    int *rows, count; /* samples of the split, in manifest order, usable or not */
    struct rt_outputs out;
};

/* split: "train", "valid", "test", "all" or NULL = test where the manifest has such rows, else all.
 * feature: also the outputs in the teacher's space. other: a second modality to score, or -1. */
int rt_judged_open(struct rt_judged *j, const char *model, const char *manifest, const char *split,
                   const char *cache, bool feature, int other, struct rt_error *e);
void rt_judged_close(struct rt_judged *j);

#endif
