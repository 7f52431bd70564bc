/* SPDX-License-Identifier: MIT
 * model_quantise: see model_quantise.h. */
#include "stages/model/model_quantise.h"

#include "stages/model/model_parts.h"
#include "stages/nn/prepared.h"

#include <stdlib.h>
#include <string.h>

/* The network up to the embedding, folded: what is rounded are the values that remain. */
static int trunk_fold(struct rt_graph **out, const struct rt_model *m, struct rt_error *e)
{
    int end = m->embedding;
    if (m->trunk)
        return rt_error_set(e, RT_EUSAGE, "its network is another program's file, which stays as it is");
    if (rt_quantise_is_done(m->graph))
        return rt_error_set(e, RT_EUSAGE, "it is in 8 bits already: take the model that it was made of");
    int rc = rt_graph_fold(out, m->graph, &end, 1);
    return rc < 0 ? rt_error_set(e, rc, "no memory for a network") : 0;
}

int rt_model_probe(struct rt_model *probe, const struct rt_model *m, int *places, struct rt_error *e)
{
    struct rt_graph *folded = NULL;
    float *idf = NULL;
    size_t bytes = (size_t)m->recipe.text_buckets * sizeof *idf;
    memset(probe, 0, sizeof *probe);
    RT_TRY(trunk_fold(&folded, m, e));
    if (m->front.idf && !(idf = malloc(bytes))) {
        rt_graph_destroy(folded);
        return rt_error_set(e, RT_EMEM, "no memory for front.idf");
    }
    if (idf)
        memcpy(idf, m->front.idf, bytes);
    rt_model_prepare(probe, &m->recipe, idf);
    int rc = rt_quantise_probe(&probe->graph, folded, places, e);
    rt_graph_destroy(folded);
    if (rc < 0) {
        rt_model_fini(probe);
        return rc;
    }
    probe->embedding = rt_graph_nodes(probe->graph) - 1;
    probe->logits = -1;
    probe->dim = 2 * *places;
    probe->scale = 1;
    return 0;
}

/* ---- the model anew ----
 * Through the form that files have: what is made here is what will be read, and no second way to put a model together
 * has to be kept right. */

/* The nodes behind m's embedding behind g's, which is its last; the graph and the numbers of *given become g's. */
static int heads_append(struct rt_model *given, const struct rt_model *m, struct rt_graph *g, struct rt_error *e)
{
    int shift = rt_graph_nodes(g) - 1 - m->embedding;
    for (int i = m->embedding + 1; i < rt_graph_nodes(m->graph); i++) {
        const struct rt_node *n = rt_graph_at(m->graph, i);
        int input[RT_NODE_INPUTS];
        for (int k = 0; k < n->inputs; k++)
            input[k] = n->input[k] + shift;
        int made = rt_graph_node(g, n->op, n->name, input, n->inputs, &n->attr, e);
        RT_TRY(made);
        for (int k = 0; k < n->params; k++) {
            const struct rt_param *p = rt_graph_param(m->graph, n->param[k]);
            struct rt_param *twin = rt_graph_param(g, rt_graph_at(g, made)->param[k]);
            memcpy(twin->value, p->value, (size_t)p->count * sizeof(float));
        }
    }
    given->graph = g;
    given->logits += shift;
    for (int k = 0; k < m->teachers; k++)
        given->teacher[k].head += given->teacher[k].head < 0 ? 0 : shift;
    return 0;
}

static int model_through_file(struct rt_model *out, const struct rt_model *given, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_model_save(given, s);
    if (rc < 0)
        rt_error_set(e, rc, "a model in 8 bits: %s", rt_err_words(rc));
    else
        rc = rt_model_restore(out, s, "the model in 8 bits", e);
    rt_safetensors_destroy(s);
    return rc;
}

int rt_model_quantise(struct rt_model *out, const struct rt_model *m, const struct rt_range *range, struct rt_error *e)
{
    struct rt_graph *folded = NULL, *narrow = NULL;
    struct rt_model given = *m; /* borrows all but its graph */
    given.recipe.student_net = RT_NET_INIT; /* no preset makes its network */
    memset(out, 0, sizeof *out);
    RT_TRY(trunk_fold(&folded, m, e));
    int rc = rt_quantise_graph(&narrow, folded, range, e);
    if (rc == 0)
        rc = heads_append(&given, m, narrow, e);
    if (rc == 0)
        rc = model_through_file(out, &given, e);
    rt_graph_destroy(folded);
    rt_graph_destroy(narrow);
    return rc;
}
