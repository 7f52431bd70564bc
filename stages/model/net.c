/* SPDX-License-Identifier: MIT
 * net: see net.h. */
#include "stages/model/net.h"

#include "stages/model/trunk.h"
#include "stages/nn/exec.h"

#include <stdlib.h>

/* The only place that knows of two kinds. Another program's file ends at the embedding (trunk.h); its linear
 * classifier is an ordinary graph whose input is the embedding. So both kinds go through the same execution,
 * and only what is fed to it differs. The alternative, a table of functions for each kind, would be two
 * copies of this file that differ in one step. */
struct rt_net {
    const struct rt_model *m;
    struct rt_exec *exec;
    struct rt_trunk_exec *trunk; /* NULL: a network of ours */
    int64_t row;                 /* numbers in one row of the trunk's input */
    float *embedding;            /* [batch, dim] what the trunk gave */
    float *logits;               /* [batch, classes] */
};

int rt_net_create(struct rt_net **out, const struct rt_model *m, int batch)
{
    int rc = RT_EMEM;
    struct rt_net *n = *out = calloc(1, sizeof *n);
    if (!n)
        return rc;
    n->m = m;
    n->logits = malloc((size_t)batch * (size_t)m->classes * sizeof(float) + 1);
    if (!n->logits || (rc = rt_exec_create(&n->exec, m->graph, batch, false, NULL)) < 0)
        goto fail;
    if (m->trunk) {
        rc = RT_EMEM;
        n->row = (int64_t)m->trunk->rows * m->trunk->columns * m->trunk->channels;
        n->embedding = malloc((size_t)batch * (size_t)m->dim * sizeof(float));
        if (!n->embedding || (rc = rt_trunk_exec_create(&n->trunk, m->trunk)) < 0)
            goto fail;
    }
    return 0;
fail:
    rt_net_destroy(n);
    *out = NULL;
    return rc;
}

void rt_net_destroy(struct rt_net *n)
{
    if (!n)
        return;
    rt_exec_destroy(n->exec);
    rt_trunk_exec_destroy(n->trunk);
    free(n->embedding);
    free(n->logits);
    free(n);
}

int rt_net_run(struct rt_net *n, int count, const float *input, const struct rt_bags *bags,
               struct rt_net_outputs *out, struct rt_error *e)
{
    const struct rt_model *m = n->m;
    for (int i = 0; n->trunk && i < count; i++) /* frozen for one sample */
        RT_TRY(rt_trunk_run(n->trunk, input + n->row * i, n->embedding + (int64_t)m->dim * i, e));
    rt_exec_forward(n->exec, count, n->trunk ? n->embedding : input, bags, false, 0, 0);
    out->embedding = n->trunk ? n->embedding : rt_exec_output(n->exec, m->embedding);
    out->logits = m->classes ? n->logits : NULL;
    out->feature = m->teacher[0].feature >= 0 ? rt_exec_output(n->exec, m->teacher[0].feature) : NULL;
    if (m->classes)
        rt_model_answer(m, m->answer, rt_exec_output(n->exec, m->logits),
                        m->teacher[0].head >= 0 ? rt_exec_output(n->exec, m->teacher[0].head) : NULL, count,
                        n->logits);
    return 0;
}
