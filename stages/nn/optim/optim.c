/* SPDX-License-Identifier: MIT
 * optim: see optim.h. State, clipping, saving; the arithmetic is adamw.c and sgd.c. */
#include "stages/nn/optim/optim.h"

#include "stages/nn/optim/rule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRAIN 32768

/* ---- state ----
 * Two arrays as large as the weights (one for sgd), kept apart from the graph: a network that is
 * only run has none. Pieces go over all weights as one list, so that a wide layer is not a serial
 * part of each step. */

struct rt_optim {
    const struct rt_rule *rule;
    struct rt_graph *g;
    int params;
    float *(*state)[RT_RULE_STATES]; /* [params]; NULL for what is not trained */
    struct rt_part *part;            /* [parts] pieces of an update */
    int parts;
    double *square;                  /* [parts] sums of squared gradients */
    double product[2];               /* of beta1 and beta2 over the steps */
};

static const struct rt_rule *const rules[RT_OPTIMS] = {
    [RT_OPTIM_ADAMW] = &rt_rule_adamw,
    [RT_OPTIM_SGD] = &rt_rule_sgd,
};

/* State starts at zero, for trained parameters only: a frozen head costs nothing. */
int rt_optim_create(struct rt_optim **out, enum rt_optim_id id, struct rt_graph *g)
{
    *out = NULL;
    if ((int)id < 0 || id >= RT_OPTIMS)
        return RT_EUSAGE;
    const struct rt_rule *rule = rules[id];
    struct rt_optim *o = calloc(1, sizeof *o);
    if (!o)
        return RT_EMEM;
    o->rule = rule;
    o->g = g;
    o->params = rt_graph_params(g);
    o->product[0] = o->product[1] = 1;
    o->state = calloc((size_t)o->params + 1, sizeof *o->state);
    o->parts = rt_graph_parts(&o->part, g, GRAIN);
    if (!o->state || o->parts < 0)
        goto fail;
    for (int i = 0; i < o->params; i++) {
        const struct rt_param *p = rt_graph_param(g, i);
        for (int k = 0; p->trainable && k < rule->states; k++) {
            o->state[i][k] = calloc((size_t)p->count, sizeof(float));
            if (!o->state[i][k])
                goto fail;
        }
    }
    o->square = calloc((size_t)o->parts + 1, sizeof *o->square);
    if (!o->square)
        goto fail;
    *out = o;
    return 0;

fail:
    rt_optim_destroy(o);
    return RT_EMEM;
}

void rt_optim_destroy(struct rt_optim *o)
{
    if (!o)
        return;
    for (int i = 0; o->state && i < o->params; i++)
        for (int k = 0; k < RT_RULE_STATES; k++)
            free(o->state[i][k]);
    free(o->state);
    free(o->part);
    free(o->square);
    free(o);
}

/* ---- one update ----
 * The norm of all gradients has to be known before the first weight moves, so there are two loops.
 * The pieces' sums are added in order, in double: a clipped step is the same for any number of
 * threads. A gradient that is not finite is found here, by name, before anything is spoilt. */

/* In double, eight sums at a time in a fixed order. */
static double optim_square_sum(const float *x, int64_t n)
{
    double part[8] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            part[k] += (double)x[i + k] * x[i + k];
    for (; i < n; i++)
        sum += (double)x[i] * x[i];
    for (int k = 0; k < 8; k++)
        sum += part[k];
    return sum;
}

/* One update. */
struct job {
    struct rt_optim *o;
    const struct rt_optim_step *s;
    double scale;
};

static void optim_square_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct job *j = self;
    const struct rt_part *s = &j->o->part[i];
    j->o->square[i] = optim_square_sum(rt_graph_param(j->o->g, s->param)->grad + s->from, s->count);
}

/* A rule sees a stretch of one parameter and the factors of the step; it has no state but the
 * arrays. */
static void optim_update_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct job *j = self;
    const struct rt_optim *o = j->o;
    const struct rt_part *s = &o->part[i];
    struct rt_param *p = rt_graph_param(o->g, s->param);
    struct rt_update u = {.s = j->s, .decay = p->decay, .value = p->value + s->from,
                          .grad = p->grad + s->from, .count = s->count, .scale = j->scale,
                          .beta1 = o->product[0], .beta2 = o->product[1]};
    for (int k = 0; k < o->rule->states; k++)
        u.state[k] = o->state[s->param][k] + s->from;
    o->rule->update(&u);
}

/* Returns the norm before clipping, which is what tells a user that a run is about to diverge. */
double rt_optim_update(struct rt_optim *o, const struct rt_optim_step *s, const char **where)
{
    struct job job = {o, s, 1};
    double square = 0;
    rt_parallel_for(s->parallel, o->parts, optim_square_piece, &job);
    for (int i = 0; i < o->parts; i++) {
        square += o->square[i];
        if (!isfinite(square)) {
            if (where)
                *where = rt_graph_param(o->g, o->part[i].param)->name;
            return square;
        }
    }
    double norm = sqrt(square);
    /* As PyTorch's clip_grad_norm_. */
    job.scale = s->clip > 0 && norm + 1e-6 > s->clip ? s->clip / (norm + 1e-6) : 1;
    o->product[0] *= s->momentum;
    o->product[1] *= RT_ADAM_BETA2;
    rt_parallel_for(s->parallel, o->parts, optim_update_piece, &job);
    return norm;
}

/* ---- in checkpoints ----
 * State is saved under the rule's and the parameter's names: a run that goes on with another
 * optimiser or network is told so, instead of going on with numbers that mean something else. */

static void optim_state_name(char out[static 3 * RT_NAME], const struct rt_optim *o, int param,
                             int k)
{
    snprintf(out, 3 * RT_NAME, "optim.%s.%s.%s", rt_optim_names[o->rule->id], o->rule->state_name[k],
             rt_graph_param(o->g, param)->name);
}

static void optim_product_name(char out[static 3 * RT_NAME], const struct rt_optim *o)
{
    snprintf(out, 3 * RT_NAME, "optim.%s.products", rt_optim_names[o->rule->id]);
}

/* The products of the decay rates are saved as well: a step number alone would not do where the
 * momentum is changed while training. */
int rt_optim_save(const struct rt_optim *o, struct rt_safetensors *s)
{
    char name[3 * RT_NAME];
    double product[2] = {o->product[0], o->product[1]};
    struct rt_tensor t = rt_tensor_view(RT_F64, 1, (int64_t[]){2}, product);
    optim_product_name(name, o);
    int err = rt_safetensors_add(s, name, &t);
    for (int i = 0; i < o->params && !err; i++) {
        const struct rt_param *p = rt_graph_param(o->g, i);
        for (int k = 0; p->trainable && k < o->rule->states && !err; k++) {
            optim_state_name(name, o, i, k);
            t = rt_tensor_view(RT_F32, p->rank, p->dim, o->state[i][k]);
            err = rt_safetensors_add(s, name, &t);
        }
    }
    return err;
}

/* A checkpoint of another network or optimiser is refused by the first name that differs. */
static int optim_find_tensor(const struct rt_safetensors *s, const char *name, enum rt_dtype type,
                             int rank, const int64_t *dim, const struct rt_tensor **out,
                             struct rt_error *e)
{
    const struct rt_tensor *t = rt_safetensors_get(s, name);
    if (!t || t->dtype != type || t->rank != rank ||
        memcmp(t->dim, dim, (size_t)rank * sizeof *dim) != 0)
        return rt_error_set(
            e, RT_EMISMATCH,
            "checkpoint: \"%s\" %s; continue with the network and the optimiser the "
            "run was started with",
            name, t ? "has another shape than the network needs" : "is missing");
    *out = t;
    return 0;
}

int rt_optim_load(struct rt_optim *o, const struct rt_safetensors *s, struct rt_error *e)
{
    char name[3 * RT_NAME];
    const struct rt_tensor *t = NULL;
    optim_product_name(name, o);
    int err = optim_find_tensor(s, name, RT_F64, 1, (int64_t[]){2}, &t, e);
    if (err)
        return err;
    const double *product = t->data;
    /* All are checked before any is copied: a refused checkpoint changes nothing. */
    for (int copy = 0; copy < 2; copy++)
        for (int i = 0; i < o->params; i++) {
            const struct rt_param *p = rt_graph_param(o->g, i);
            for (int k = 0; p->trainable && k < o->rule->states; k++) {
                optim_state_name(name, o, i, k);
                err = optim_find_tensor(s, name, RT_F32, p->rank, p->dim, &t, e);
                if (err)
                    return err;
                if (copy)
                    memcpy(o->state[i][k], t->data, (size_t)p->count * sizeof(float));
            }
        }
    memcpy(o->product, product, sizeof o->product);
    return 0;
}
