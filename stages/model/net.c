/* SPDX-License-Identifier: MIT
 * net: see net.h. */
#include "stages/model/net.h"

#include "stages/model/trunk.h"
#include "stages/nn/exec.h"
#include "stages/nn/stretch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    struct rt_stretch *stretch;  /* for other lengths; NULL: none has come yet */
    float *mean;                 /* [dim + classes + teacher[0].dim] of several views; NULL: none have come yet */
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
    rt_stretch_destroy(n->stretch);
    free(n->mean);
    free(n->embedding);
    free(n->logits);
    free(n);
}

/* Which outputs, and what they come to; own and head: raw node outputs. */
static void net_answer(struct rt_net *n, int count, const float *own, const float *head, struct rt_net_outputs *out)
{
    out->logits = n->m->classes ? n->logits : NULL;
    if (n->m->classes)
        rt_model_answer(n->m, n->m->answer, own, head, count, n->logits);
}

int rt_net_run(struct rt_net *n, int count, const float *input, const struct rt_bags *bags,
               struct rt_net_outputs *out, struct rt_error *e)
{
    const struct rt_model *m = n->m;
    const struct rt_model_teacher *t = &m->teacher[0];
    for (int i = 0; n->trunk && i < count; i++) /* frozen for one sample */
        RT_TRY(rt_trunk_run(n->trunk, input + n->row * i, n->embedding + (int64_t)m->dim * i, e));
    rt_exec_forward(n->exec, count, n->trunk ? n->embedding : input, bags, false, 0, 0);
    out->embedding = n->trunk ? n->embedding : rt_exec_output(n->exec, m->embedding);
    out->feature = t->feature >= 0 ? rt_exec_output(n->exec, t->feature) : NULL;
    net_answer(n, count, m->classes ? rt_exec_output(n->exec, m->logits) : NULL,
               t->head >= 0 ? rt_exec_output(n->exec, t->head) : NULL, out);
    return 0;
}

/* ---- any length ----
 * At its own length a network runs as it always does, so that a short recording has the same bits whichever way it
 * comes. */

int rt_net_lengths(const struct rt_model *m, int *least, struct rt_error *e)
{
    if (m->modality->id != RT_SPEECH)
        return rt_error_set(e, RT_EMISMATCH, "it reads %s, not recordings", m->modality->name);
    if (m->trunk)
        return rt_error_set(e, RT_EMISMATCH, "another program's file is read at one length");
    return rt_stretch_check(m->graph, least, e);
}

int rt_net_run_length(struct rt_net *n, int length, const float *input, struct rt_net_outputs *out,
                      struct rt_error *e)
{
    const struct rt_model *m = n->m;
    const struct rt_model_teacher *t = &m->teacher[0];
    if (n->trunk || length == rt_graph_at(m->graph, 0)->shape.dim[0])
        return rt_net_run(n, 1, input, NULL, out, e);
    if (!n->stretch && rt_stretch_create(&n->stretch, m->graph, NULL) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the network");
    RT_TRY(rt_stretch_forward(n->stretch, length, input, e));
    out->embedding = rt_stretch_output(n->stretch, m->embedding);
    out->feature = t->feature >= 0 ? rt_stretch_output(n->stretch, t->feature) : NULL;
    net_answer(n, 1, rt_stretch_output(n->stretch, m->logits),
               t->head >= 0 ? rt_stretch_output(n->stretch, t->head) : NULL, out);
    return 0;
}

/* ---- several views ----
 * Embeddings are brought to length 1 before they are added, as toolkits do: a product of two such means is the mean
 * cosine over all pairs of views. Posteriors are added and not logits: a view that is sure and wrong counts once, not
 * as much as its logits are large. */

static void mean_add_unit(float *mean, const float *x, int n, int views)
{
    double square = 0;
    for (int i = 0; i < n; i++)
        square += (double)x[i] * x[i];
    float scale = square > 0 ? (float)(1 / sqrt(square) / views) : 0;
    for (int i = 0; i < n; i++)
        mean[i] += square > 0 ? x[i] * scale : x[i]; /* NaN stays */
}

static void mean_add_posteriors(float *mean, const float *logit, int n, int views)
{
    double top = logit[0], mass = 0;
    for (int i = 1; i < n; i++)
        top = fmax(top, logit[i]);
    for (int i = 0; i < n; i++)
        mass += exp(logit[i] - top);
    for (int i = 0; i < n; i++)
        mean[i] += (float)(exp(logit[i] - top) / mass / views);
}

int rt_net_run_views(struct rt_net *n, int views, const float *input, int64_t row, struct rt_net_outputs *out,
                     struct rt_error *e)
{
    const struct rt_model *m = n->m;
    int feature = m->teacher[0].feature >= 0 ? m->teacher[0].dim : 0;
    size_t bytes = sizeof(float) * (size_t)(m->dim + m->classes + feature);
    if (!n->mean && !(n->mean = malloc(bytes)))
        return rt_error_set(e, RT_EMEM, "no memory for the outputs of a network");
    float *embedding = n->mean, *logits = embedding + m->dim, *projected = logits + m->classes;
    memset(n->mean, 0, bytes);
    for (int k = 0; k < views; k++) {
        struct rt_net_outputs o;
        RT_TRY(rt_net_run(n, 1, input + row * k, NULL, &o, e));
        mean_add_unit(embedding, o.embedding, m->dim, views);
        if (m->classes)
            mean_add_posteriors(logits, o.logits, m->classes, views);
        if (feature)
            mean_add_unit(projected, o.feature, feature, views);
    }
    for (int i = 0; i < m->classes; i++)
        logits[i] = isnan(logits[i]) ? logits[i] : logf(fmaxf(logits[i], FLT_MIN));
    *out = (struct rt_net_outputs){embedding, m->classes ? logits : NULL, feature ? projected : NULL};
    return 0;
}
