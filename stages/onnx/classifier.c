/* SPDX-License-Identifier: MIT
 * classifier: see classifier.h. */
#include "stages/onnx/classifier.h"

#include <string.h>

/* ---- what exporters write ----
 * A classifier is found from its end, the logits: the node that makes them, and what that reads.
 * PyTorch writes Gemm for a linear layer on [batch, c], MatMul and Add for one on more dimensions,
 * and other exporters do as they like about the order of Add's inputs. Anything else (a softmax
 * behind, a scale) is no plain linear layer, and the caller treats the file as one without a
 * classifier. */

const struct rt_onnx_node *rt_classifier_maker(const struct rt_onnx *m, const char *value)
{
    for (int i = 0; i < m->nodes; i++)
        for (int k = 0; k < m->node[i].outputs; k++)
            if (strcmp(m->node[i].output[k], value) == 0)
                return &m->node[i];
    return NULL;
}

/* Whole or real, as exporters write 1 for 1.0. */
static double classifier_number(const struct rt_onnx_node *n, const char *name, double otherwise)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(n, name);
    return !a ? otherwise : a->kind == RT_ONNX_INT ? (double)a->i : (double)a->f;
}

/* transB as PyTorch writes it; a scaled product is none that a linear layer could hold. */
static bool classifier_read_gemm(const struct rt_onnx *m, const struct rt_onnx_node *n,
                                 struct rt_classifier *c)
{
    if (strcmp(n->op, "Gemm") != 0 || classifier_number(n, "transA", 0) != 0 ||
        classifier_number(n, "alpha", 1) != 1 || classifier_number(n, "beta", 1) != 1)
        return false;
    c->embedding = n->input[0];
    c->weight = rt_onnx_initializer(m, n->input[1]);
    c->rows_are_classes = classifier_number(n, "transB", 0) != 0;
    bool biased = n->inputs > 2 && n->input[2][0];
    c->bias = biased ? rt_onnx_initializer(m, n->input[2]) : NULL;
    return c->weight && (!biased || c->bias);
}

static bool classifier_read_product(const struct rt_onnx *m, const struct rt_onnx_node *n,
                                    struct rt_classifier *c)
{
    if (!n || strcmp(n->op, "MatMul") != 0)
        return false;
    c->embedding = n->input[0];
    c->weight = rt_onnx_initializer(m, n->input[1]);
    return c->weight != NULL;
}

static bool classifier_read_sum(const struct rt_onnx *m, const struct rt_onnx_node *n,
                                struct rt_classifier *c)
{
    if (strcmp(n->op, "Add") != 0)
        return false;
    int bias = rt_onnx_initializer(m, n->input[0]) ? 0 : 1;
    c->bias = rt_onnx_initializer(m, n->input[bias]);
    return c->bias && classifier_read_product(m, rt_classifier_maker(m, n->input[!bias]), c);
}

bool rt_classifier_read(struct rt_classifier *c, const struct rt_onnx *m, const char *logits)
{
    const struct rt_onnx_node *n = rt_classifier_maker(m, logits);
    *c = (struct rt_classifier){0};
    return n && (classifier_read_gemm(m, n, c) || classifier_read_sum(m, n, c) ||
                 classifier_read_product(m, n, c));
}
