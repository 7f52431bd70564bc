/* SPDX-License-Identifier: MIT
 * classifier: see classifier.h. */
#include "stages/onnx/classifier.h"

#include <string.h>

/* ---- what exporters write ----
 * A classifier is found from its end, the logits: the node that makes them, and what that reads.
 * PyTorch writes Gemm for a linear layer on [batch, c], MatMul and Add for one on more dimensions,
 * and other exporters do as they like about the order of Add's inputs. Many files end in a softmax,
 * behind the logits. Anything else (a scale) is no plain linear layer, and the caller treats the
 * file as one without a classifier. */

/* "" when it is not given: a node may have fewer inputs than its operator needs, which is said when it is to run. */
static const char *node_input(const struct rt_onnx_node *n, int i)
{
    return i < n->inputs ? n->input[i] : "";
}

const struct rt_onnx_node *rt_classifier_maker(const struct rt_onnx *m, const char *value)
{
    for (int i = 0; *value && i < m->nodes; i++) /* outputs that nobody wants are called "", too */
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

/* Over the classes: the last axis, which of [batch, classes] is also 1. Over anything else the values are no
 * probabilities of classes, and stay what they are. */
const char *rt_classifier_logits(const struct rt_onnx *m, const char *value)
{
    const struct rt_onnx_node *n = rt_classifier_maker(m, value);
    if (!n || (strcmp(n->op, "Softmax") != 0 && strcmp(n->op, "LogSoftmax") != 0))
        return value;
    double axis = classifier_number(n, "axis", -1);
    return axis == -1 || axis == 1 ? node_input(n, 0) : value;
}

/* ---- weights ----
 * Exporters of half precision put a Cast before each weight, optimisers an Identity, and PyTorch's newer one writes a
 * Transpose where others store the matrix turned. The numbers are in the file all the same. */

static bool node_keeps_numbers(const struct rt_onnx_node *n)
{
    if (strcmp(n->op, "Cast") == 0) {
        const struct rt_onnx_attr *to = rt_onnx_attr(n, "to");
        enum rt_dtype dtype;
        return to && rt_onnx_dtype(to->i, &dtype) && dtype == RT_F32;
    }
    return strcmp(n->op, "Identity") == 0;
}

/* Of a matrix; without perm all axes are reversed, which is the same. */
static bool node_turns(const struct rt_onnx_node *n)
{
    const struct rt_onnx_attr *perm = rt_onnx_attr(n, "perm");
    return strcmp(n->op, "Transpose") == 0 &&
           (!perm || (perm->count == 2 && perm->ints[0] == 1 && perm->ints[1] == 0));
}

/* The initializer that a value comes from; *turned: not as it is. NULL: none, and c->computed is what makes it. */
static const struct rt_tensor *classifier_weight(const struct rt_onnx *m, const char *value, bool *turned,
                                                 struct rt_classifier *c)
{
    for (int i = 0; i < m->nodes; i++) {
        const struct rt_tensor *t = rt_onnx_initializer(m, value);
        const struct rt_onnx_node *n = t ? NULL : rt_classifier_maker(m, value);
        if (!n)
            return t;
        c->computed = n->op;
        bool turns = turned && node_turns(n);
        if (!turns && !node_keeps_numbers(n))
            return NULL;
        if (turns)
            *turned = !*turned;
        value = node_input(n, 0);
    }
    return NULL;
}

/* ---- the layer ---- */

/* transB as PyTorch writes it; a scaled product is none that a linear layer could hold. */
static bool classifier_read_gemm(const struct rt_onnx *m, const struct rt_onnx_node *n,
                                 struct rt_classifier *c)
{
    if (strcmp(n->op, "Gemm") != 0 || classifier_number(n, "transA", 0) != 0 ||
        classifier_number(n, "alpha", 1) != 1 || classifier_number(n, "beta", 1) != 1)
        return false;
    c->embedding = node_input(n, 0);
    c->rows_are_classes = classifier_number(n, "transB", 0) != 0;
    c->weight = classifier_weight(m, node_input(n, 1), &c->rows_are_classes, c);
    bool biased = *node_input(n, 2);
    c->bias = biased && c->weight ? classifier_weight(m, node_input(n, 2), NULL, c) : NULL;
    return c->weight && (!biased || c->bias);
}

static bool classifier_read_product(const struct rt_onnx *m, const struct rt_onnx_node *n,
                                    struct rt_classifier *c)
{
    if (!n || strcmp(n->op, "MatMul") != 0)
        return false;
    c->embedding = node_input(n, 0);
    c->rows_are_classes = false;
    c->weight = classifier_weight(m, node_input(n, 1), &c->rows_are_classes, c);
    return c->weight != NULL;
}

static bool classifier_read_sum(const struct rt_onnx *m, const struct rt_onnx_node *n,
                                struct rt_classifier *c)
{
    if (strcmp(n->op, "Add") != 0)
        return false;
    struct rt_classifier other = {0};
    c->bias = classifier_weight(m, node_input(n, 0), NULL, &other);
    int product = c->bias ? 1 : 0;
    c->bias = c->bias ? c->bias : classifier_weight(m, node_input(n, 1), NULL, &other);
    return c->bias && classifier_read_product(m, rt_classifier_maker(m, node_input(n, product)), c);
}

bool rt_classifier_read(struct rt_classifier *c, const struct rt_onnx *m, const char *logits)
{
    const struct rt_onnx_node *n = rt_classifier_maker(m, logits);
    *c = (struct rt_classifier){0};
    bool found = n && (classifier_read_gemm(m, n, c) || classifier_read_sum(m, n, c) ||
                       classifier_read_product(m, n, c));
    if (found)
        c->computed = NULL;
    return found;
}
