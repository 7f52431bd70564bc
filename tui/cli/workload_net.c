/* SPDX-License-Identifier: MIT
 * workload_net: see workload.h; a network as it is trained, or as a trained one answers. */
#include "tui/cli/workload.h"

#include "formats/plain.h"

#include "stages/nn/exec.h"
#include "stages/nn/prepared.h"
#include "stages/nn/optim/optim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 14
#define EMBEDDING 128

struct net {
    struct rt_workload base;
    struct rt_workload_config c;
    struct rt_graph *graph;
    struct rt_exec *exec;
    struct rt_prepared *prepared; /* NULL when training */
    struct rt_optim *optim; /* NULL without training */
    struct rt_parallel *parallel;
    struct rt_exec_time *time; /* [nodes] */
    float *input;
};

static void net_destroy(struct rt_workload *w)
{
    struct net *n = (struct net *)w;
    rt_optim_destroy(n->optim);
    rt_exec_destroy(n->exec);
    rt_prepared_destroy(n->prepared);
    rt_graph_destroy(n->graph);
    rt_parallel_destroy(n->parallel);
    free(n->time);
    free(n->input);
    free(n);
}

static void net_loss_gradient(const float *logits, float *grad, int batch)
{
    for (int b = 0; b < batch; b++, logits += CLASSES, grad += CLASSES) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)logits[k]);
        for (int k = 0; k < CLASSES; k++)
            grad[k] += (float)((exp((double)logits[k]) / sum - (k == b % CLASSES)) / batch);
    }
}

static int net_step(struct rt_workload *w, uint64_t number, struct rt_error *e)
{
    (void)e;
    struct net *n = (struct net *)w;
    int batch = n->c.batch;
    rt_exec_profile(n->exec, n->c.layers && number > 0 ? n->time : NULL);
    rt_exec_forward(n->exec, batch, n->input, NULL, n->c.training, 1, number);
    if (!n->c.training)
        return 0;
    int logits = rt_graph_find(n->graph, "logits");
    net_loss_gradient(rt_exec_output(n->exec, logits), rt_exec_grad(n->exec, logits), batch);
    rt_exec_backward(n->exec);
    rt_optim_update(n->optim, &(struct rt_optim_step){1e-3, 0.9, 1e-2, 5, n->parallel}, NULL);
    return 0;
}

/* Multiplications and additions of a node's forward pass per sample; 0 where they do not count. */
static double node_flops(const struct rt_graph *g, const struct rt_node *n)
{
    double places = 1;
    if (n->op != RT_OP_conv1d && n->op != RT_OP_conv2d && n->op != RT_OP_linear)
        return 0;
    for (int i = 0; i + 1 < n->shape.rank; i++)
        places *= n->shape.dim[i];
    return 2 * places * (double)rt_graph_param((struct rt_graph *)g, n->param[0])->count;
}

static void net_print_layers(const struct rt_workload *w, double peak, int steps)
{
    const struct net *r = (const struct net *)w;
    rt_plain_print(stdout, "%-16s %-10s %-14s %9s %9s %9s %6s %9s %6s\n", "layer", "op", "output", "MFLOP", "ms",
                   "GFLOP/s", "peak", "back ms", "peak");
    for (int i = 0; i < rt_graph_nodes(r->graph); i++) {
        const struct rt_node *n = rt_graph_at(r->graph, i);
        double flops = node_flops(r->graph, n) * r->c.batch, most = peak * r->c.threads * 1e6;
        double forward = r->time[i].forward / steps, backward = r->time[i].backward / steps;
        char shape[48] = "";
        for (int d = 0; d < n->shape.rank; d++)
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%d", d ? "x" : "",
                     n->shape.dim[d]);
        bool first = n->inputs && rt_graph_at(r->graph, n->input[0])->inputs == 0;
        rt_plain_print(stdout, "%-16s %-10s %-14s ", n->name, rt_op_get(n->op)->name, shape);
        if (flops > 0)
            printf("%9.1f %9.3f %9.1f %5.0f%% %9.3f %5.0f%%\n", flops * 1e-6, forward,
                   flops / forward * 1e-6, 100 * flops / forward / most, backward,
                   backward > 0 ? 100 * (first ? 1 : 2) * flops / backward / most : 0);
        else
            rt_plain_print(stdout, "%9s %9.3f %9s %6s %9.3f %6s\n", "", forward, "", "", backward, "");
    }
}

/* A trained network is timed as answers are made: folded, its weights laid out. The layers are then those of what is
 * left. */
static int net_make_exec(struct net *n)
{
    struct rt_graph *folded;
    if (n->c.training)
        return rt_exec_create(&n->exec, n->graph, n->c.batch, true, n->parallel);
    int end = rt_graph_find(n->graph, "logits");
    RT_TRY(rt_graph_fold(&folded, n->graph, &end, 1));
    rt_graph_destroy(n->graph);
    n->graph = folded;
    RT_TRY(rt_prepared_create(&n->prepared, folded));
    return rt_exec_create_prepared(&n->exec, folded, n->prepared, n->c.batch, n->parallel);
}

static int net_make(struct net *n, const char *name, const struct rt_preset_config *net, struct rt_error *e)
{
    struct rt_preset_config config = *net;
    config.embedding = EMBEDDING;
    config.classes = CLASSES;
    size_t count = (size_t)n->c.batch;
    for (int i = 0; i < config.input.rank; i++)
        count *= (size_t)config.input.dim[i];
    int rc = rt_preset_build(&n->graph, &config, e);
    if (rc < 0)
        return rc;
    rt_graph_init(n->graph, 1);
    n->base.weights = rt_graph_weights(n->graph);
    if ((rc = rt_parallel_create(&n->parallel, n->c.threads)) < 0 || (rc = net_make_exec(n)) < 0 ||
        (n->c.training && (rc = rt_optim_create(&n->optim, RT_OPTIM_ADAMW, n->graph)) < 0))
        return rt_error_set(e, rc, "bench: %s: %s", name, rt_err_words(rc));
    n->input = malloc(count * sizeof *n->input);
    n->time = calloc((size_t)rt_graph_nodes(n->graph), sizeof *n->time);
    if (!n->input || !n->time)
        return rt_error_set(e, RT_EMEM, "bench: %s: out of memory", name);
    struct rt_rng rng = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    for (size_t i = 0; i < count; i++)
        n->input[i] = (float)rt_rng_normal(&rng);
    return 0;
}

int rt_workload_net(struct rt_workload **out, const char *name, const struct rt_preset_config *net,
                    const struct rt_workload_config *c, struct rt_error *e)
{
    *out = NULL;
    struct net *n = calloc(1, sizeof *n);
    if (!n)
        return rt_error_set(e, RT_EMEM, "bench: %s: out of memory", name);
    n->base = (struct rt_workload){net_step, net_print_layers, net_destroy, 0};
    n->c = *c;
    int rc = net_make(n, name, net, e);
    if (rc < 0)
        net_destroy(&n->base);
    else
        *out = &n->base;
    return rc;
}
