/* SPDX-License-Identifier: MIT
 * verification_trials: lists of trials scored by embeddings. Two embeddings are as alike as the cosine
 * between them; trials whose samples could not be read are left out, as a missing recording says nothing
 * about the model. */
#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "formats/error.h"
#include "stages/metrics/score_norm.h"

int rt_verification_trials(struct rt_verification *v, const struct rt_trials *t, const float *embedding, int dim,
                           const int *place, double p_target, size_t *used)
{
    double *score = malloc(sizeof *score * (t->count + 1));
    uint8_t *same = malloc(t->count + 1);
    size_t n = 0, width = (size_t)dim;
    int rc = RT_EMEM;

    *v = (struct rt_verification){NAN, NAN, NAN};
    *used = 0;
    if (!score || !same)
        goto out;
    for (size_t i = 0; i < t->count; i++) {
        int a = place[t->trial[i].enrol], b = place[t->trial[i].test];
        if (a < 0 || b < 0)
            continue;
        score[n] = rt_cosine(embedding + width * (size_t)a, embedding + width * (size_t)b, dim);
        same[n++] = t->trial[i].same;
    }
    *used = n;
    rc = rt_verification(v, score, same, n, p_target);
out:
    free(score);
    free(same);
    return rc;
}
