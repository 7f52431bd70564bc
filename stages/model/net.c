/* SPDX-License-Identifier: MIT
 * net: see net.h. */
#include "stages/model/net.h"

#include "stages/model/trunk.h"
#include "stages/nn/exec.h"
#include "stages/nn/prepared.h"
#include "stages/nn/stretch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one face over two kinds ----
 * The only place that knows of two kinds. Another program's file ends at the embedding (trunk.h); its linear
 * classifier is an ordinary graph whose input is the embedding. So both kinds go through the same execution,
 * and only what is fed to it differs. The alternative, a table of functions for each kind, would be two
 * copies of this file that differ in one step. */
struct rt_net {
    const struct rt_model *m;
    const struct rt_ready *ready; /* or NULL */
    struct rt_exec *exec;
    int embedding, logits, feature, head; /* its nodes; -1 = not there */
    struct rt_parallel *parallel;
    struct rt_trunk_exec *trunk; /* NULL: a network of ours */
    float *trunk_embedding;      /* [batch, dim] what the trunk gave */
    float *answer;               /* [batch, classes] */
    struct rt_stretch *stretch;  /* for other lengths; NULL: none has come yet */
    float *mean;                 /* [dim + classes + teacher[0].dim] of several views; NULL: none have come yet */
};

/* ---- made ready ----
 * Of the network only what answers depend on: the head of a teacher that was not chosen, and the projection to it, cost
 * nothing any more. */

struct rt_ready {
    const struct rt_model *m;
    struct rt_graph *graph;
    struct rt_prepared *prepared;
    int embedding, logits, feature, head;
};

int rt_ready_create(struct rt_ready **out, const struct rt_model *m, bool feature)
{
    struct rt_ready *r = *out = calloc(1, sizeof *r);
    if (!r)
        return RT_EMEM;
    bool head = m->teacher[0].head >= 0 && m->answer != RT_HEAD_OWN;
    int wanted[] = {m->embedding, m->classes ? m->logits : -1, feature ? m->teacher[0].feature : -1,
                    head ? m->teacher[0].head : -1};
    int *place[] = {&r->embedding, &r->logits, &r->feature, &r->head}, end[4], ends = 0;
    for (int i = 0; i < 4; i++)
        if (wanted[i] >= 0)
            end[ends++] = wanted[i];
    int rc = rt_graph_fold(&r->graph, m->graph, end, ends);
    if (rc == 0)
        rc = rt_prepared_create(&r->prepared, r->graph);
    if (rc < 0) {
        rt_ready_destroy(r);
        *out = NULL;
        return rc;
    }
    r->m = m;
    for (int i = 0, k = 0; i < 4; i++)
        *place[i] = wanted[i] >= 0 ? end[k++] : -1;
    return 0;
}

void rt_ready_destroy(struct rt_ready *r)
{
    if (!r)
        return;
    rt_prepared_destroy(r->prepared);
    rt_graph_destroy(r->graph);
    free(r);
}

/* ---- made ---- */

/* All but the execution. */
static int net_prepare(struct rt_net *n, const struct rt_model *m, int batch)
{
    n->m = m;
    n->answer = malloc((size_t)batch * (size_t)m->classes * sizeof(float) + 1);
    if (!n->answer)
        return RT_EMEM;
    if (!m->trunk)
        return 0;
    n->trunk_embedding = malloc((size_t)batch * (size_t)m->dim * sizeof(float));
    return n->trunk_embedding ? rt_trunk_exec_create(&n->trunk, m->trunk) : RT_EMEM;
}

int rt_net_create(struct rt_net **out, const struct rt_model *m, int batch)
{
    struct rt_net *n = *out = calloc(1, sizeof *n);
    int rc = n ? net_prepare(n, m, batch) : RT_EMEM;
    if (rc == 0)
        rc = rt_exec_create(&n->exec, m->graph, batch, false, NULL);
    if (rc < 0) {
        rt_net_destroy(n);
        *out = NULL;
        return rc;
    }
    n->embedding = m->embedding;
    n->logits = m->logits;
    n->feature = m->teacher[0].feature;
    n->head = m->teacher[0].head;
    return 0;
}

int rt_net_create_ready(struct rt_net **out, const struct rt_ready *r, int batch, int threads)
{
    struct rt_net *n = *out = calloc(1, sizeof *n);
    int rc = n ? net_prepare(n, r->m, batch) : RT_EMEM;
    if (rc == 0 && threads > 1)
        rc = rt_parallel_create(&n->parallel, threads);
    if (rc == 0)
        rc = rt_exec_create_prepared(&n->exec, r->graph, r->prepared, batch, n->parallel);
    if (rc < 0) {
        rt_net_destroy(n);
        *out = NULL;
        return rc;
    }
    n->ready = r;
    n->embedding = r->embedding;
    n->logits = r->logits;
    n->feature = r->feature;
    n->head = r->head;
    return 0;
}

void rt_net_destroy(struct rt_net *n)
{
    if (!n)
        return;
    rt_exec_destroy(n->exec);
    rt_parallel_destroy(n->parallel);
    rt_trunk_exec_destroy(n->trunk);
    rt_stretch_destroy(n->stretch);
    free(n->mean);
    free(n->trunk_embedding);
    free(n->answer);
    free(n);
}

static const float *net_output(const struct rt_net *n, int node)
{
    return node >= 0 ? rt_exec_output(n->exec, node) : NULL;
}

static const float *stretch_output(const struct rt_net *n, int node)
{
    return node >= 0 ? rt_stretch_output(n->stretch, node) : NULL;
}

/* Which outputs, and what they come to; own and head: raw node outputs. */
static void net_answer(struct rt_net *n, int count, const float *own, const float *head, struct rt_net_outputs *out)
{
    out->logits = n->m->classes ? n->answer : NULL;
    if (n->m->classes)
        rt_model_answer(n->m, n->m->answer, own, head, count, n->answer);
}

int rt_net_run(struct rt_net *n, int count, const float *input, const struct rt_bags *bags,
               struct rt_net_outputs *out, struct rt_error *e)
{
    if (n->trunk)
        RT_TRY(n->m->trunk->text ? rt_trunk_run_texts(n->trunk, count, bags, n->trunk_embedding, e)
                                 : rt_trunk_run(n->trunk, count, NULL, input, n->trunk_embedding, e));
    rt_exec_forward(n->exec, count, n->trunk ? n->trunk_embedding : input, bags, false, 0, 0);
    out->embedding = n->trunk ? n->trunk_embedding : net_output(n, n->embedding);
    out->feature = net_output(n, n->feature);
    net_answer(n, count, net_output(n, n->logits), net_output(n, n->head), out);
    return 0;
}

/* ---- any length ----
 * At its own length a network runs as it always does, so that a short recording has the same bits whichever way it
 * comes. */

int rt_net_lengths(const struct rt_model *m, int *least, struct rt_error *e)
{
    if (m->modality->id != RT_SPEECH)
        return rt_error_set(e, RT_EMISMATCH, "it reads %s, not recordings", m->modality->name);
    if (m->trunk && !m->whole)
        return rt_error_set(e, RT_EMISMATCH, "another program's file is read at one length");
    if (m->trunk && least)
        *least = m->trunk->rows;
    if (m->trunk)
        return 0;
    return rt_stretch_check(m->graph, least, e);
}

/* What the trunk gave of one sample, through the classifier behind it. */
static void net_take_trunk(struct rt_net *n, const float *embedding, struct rt_net_outputs *out)
{
    rt_exec_forward(n->exec, 1, embedding, NULL, false, 0, 0);
    out->embedding = embedding;
    out->feature = NULL;
    net_answer(n, 1, net_output(n, n->logits), net_output(n, n->head), out);
}

int rt_net_run_length(struct rt_net *n, int length, const float *input, struct rt_net_outputs *out,
                      struct rt_error *e)
{
    const struct rt_model *m = n->m;
    struct rt_graph *graph = n->ready ? n->ready->graph : m->graph;
    if (n->trunk) {
        RT_TRY(rt_trunk_run(n->trunk, 1, &length, input, n->trunk_embedding, e));
        net_take_trunk(n, n->trunk_embedding, out);
        return 0;
    }
    if (length == rt_graph_at(m->graph, 0)->shape.dim[0])
        return rt_net_run(n, 1, input, NULL, out, e);
    if (!n->stretch && rt_stretch_create(&n->stretch, graph, n->ready ? n->ready->prepared : NULL, n->parallel) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the network");
    RT_TRY(rt_stretch_forward(n->stretch, length, input, e));
    out->embedding = stretch_output(n, n->embedding);
    out->feature = stretch_output(n, n->feature);
    net_answer(n, 1, stretch_output(n, n->logits), stretch_output(n, n->head), out);
    return 0;
}

/* ---- many, each as though alone ----
 * Another program's network takes small samples by several at once (buckets.h). The classifier's product is made for
 * each alone: in a larger one a row may be rounded otherwise. */

static int each_run_trunk(struct rt_net *n, int count, const int *length, const float *input,
                          const struct rt_bags *bags, const struct rt_net_each *to, struct rt_error *e)
{
    struct rt_net_outputs o;
    size_t dim = (size_t)n->m->dim;
    float *embedding = malloc(((size_t)count * dim + 1) * sizeof *embedding);
    if (!embedding)
        return rt_error_set(e, RT_EMEM, "no memory for the outputs of %d samples", count);
    int rc = bags ? rt_trunk_run_texts(n->trunk, count, bags, embedding, e)
                  : rt_trunk_run(n->trunk, count, length, input, embedding, e);
    for (int k = 0; rc == 0 && k < count; k++) {
        net_take_trunk(n, embedding + dim * (size_t)k, &o);
        to->give(to->self, k, &o);
    }
    free(embedding);
    return rc;
}

static int each_run_bags(struct rt_net *n, int count, const struct rt_bags *bags, const struct rt_net_each *to,
                         struct rt_error *e)
{
    struct rt_net_outputs o;
    for (int k = 0; k < count; k++) {
        const int32_t *at = bags->offset + k, offset[] = {0, at[1] - at[0]};
        RT_TRY(rt_net_run(n, 1, NULL, &(struct rt_bags){offset, bags->bucket + at[0], bags->weight + at[0]}, &o, e));
        to->give(to->self, k, &o);
    }
    return 0;
}

int rt_net_run_each(struct rt_net *n, int count, const int *length, const float *input, const struct rt_bags *bags,
                    const struct rt_net_each *to, struct rt_error *e)
{
    struct rt_net_outputs o;
    int64_t dim[3], row = 1;
    if (n->trunk)
        return each_run_trunk(n, count, length, input, bags, to, e);
    if (bags)
        return each_run_bags(n, count, bags, to, e);
    for (int i = n->m->modality->shape(&n->m->front, dim) - 1; i >= (length ? 1 : 0); i--)
        row *= dim[i];
    for (int k = 0; k < count; input += row * (length ? length[k] : 1), k++) {
        RT_TRY(length ? rt_net_run_length(n, length[k], input, &o, e) : rt_net_run(n, 1, input, NULL, &o, e));
        to->give(to->self, k, &o);
    }
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
    int feature = n->feature >= 0 ? m->teacher[0].dim : 0;
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
