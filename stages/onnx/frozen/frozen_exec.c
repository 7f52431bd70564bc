/* SPDX-License-Identifier: MIT
 * frozen_exec: runs a frozen graph (frozen.h); making one is frozen.c. What a run needs of its own
 * is memory for values and the calls with their pointers, both made once; a run copies the inputs
 * and calls one kernel after the other. Kernels run on the calling thread alone: who has several
 * samples runs several execs, which needs no loop inside a kernel to be shared and keeps samples
 * apart. */
#include "stages/nn/pages.h"
#include "stages/onnx/frozen/frozen_parts.h"
#include "stages/onnx/kernels/fused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- a call: what a kernel sees of a node ----
 * Made once for each step and kept, as its pointers never change. */

int rt_frozen_call_init(struct rt_kernel_call *c, const struct rt_frozen *f,
                        const struct rt_frozen_step *s, struct rt_error *e)
{
    *c = (struct rt_kernel_call){.op = s->op,
                                 .node = s->node,
                                 .model = f->name,
                                 .opset = rt_frozen_opset(f, s->node),
                                 .inputs = s->inputs,
                                 .outputs = s->outputs,
                                 .epilogue = s->epilogue,
                                 .e = e};
    c->in = calloc((size_t)c->inputs + 1, sizeof *c->in);
    c->out = calloc((size_t)c->outputs + 1, sizeof *c->out);
    c->type = calloc((size_t)c->inputs + 1, sizeof *c->type);
    return c->in && c->out && c->type ? 0 : RT_EMEM;
}

void rt_frozen_call_fini(struct rt_kernel_call *c)
{
    free(c->in);
    free(c->out);
    free(c->type);
    c->type = NULL;
    c->in = NULL;
    c->out = NULL;
}

/* ---- the memory of one run ---- */

struct rt_frozen_exec {
    const struct rt_frozen *f;
    char *memory; /* [f->bytes] 64-byte aligned */
    struct rt_tensor *value; /* [f->values] */
    struct rt_kernel_call *call; /* [f->steps] */
    double *ms; /* [f->steps] of whoever profiles, or NULL */
};

/* Pointers into this exec's tensors, in place of the graph's. */
static int frozen_exec_calls(struct rt_frozen_exec *x)
{
    const struct rt_frozen *f = x->f;
    for (int s = 0; s < f->steps; s++) {
        struct rt_kernel_call *c = &x->call[s];
        const struct rt_frozen_step *step = &f->step[s];
        if (rt_frozen_call_init(c, f, step, NULL) < 0)
            return RT_EMEM;
        c->scratch = x->memory + step->scratch;
        c->scratch_bytes = step->scratch_bytes;
        c->prepared = step->body ? (const void *)step->body : step->prepared;
        for (int i = 0; i < c->inputs; i++) {
            c->in[i] = step->in[i] < 0 ? NULL : &x->value[step->in[i]];
            c->type[i] = step->in[i] < 0 ? 0 : f->value[step->in[i]].type;
        }
        for (int i = 0; i < c->outputs; i++)
            c->out[i] = step->out[i] < 0 ? NULL : &x->value[step->out[i]];
    }
    return 0;
}

/* Constants keep their own memory, shared by all execs; only what is computed points into this
 * one's. */
int rt_frozen_exec_create(struct rt_frozen_exec **out, const struct rt_frozen *f)
{
    struct rt_frozen_exec *x = *out = calloc(1, sizeof *x);
    if (!x)
        return RT_EMEM;
    x->f = f;
    x->memory = rt_pages_take(f->bytes);
    x->value = malloc(((size_t)f->values + 1) * sizeof *x->value);
    x->call = calloc((size_t)f->steps + 1, sizeof *x->call);
    if (!x->memory || !x->value || !x->call)
        goto fail;
    for (int i = 0; i < f->values; i++) {
        x->value[i] = f->value[i].t;
        if (f->value[i].made && !f->value[i].known)
            x->value[i].data = x->memory + f->value[i].offset;
    }
    if (frozen_exec_calls(x) < 0)
        goto fail;
    return 0;

fail:
    rt_frozen_exec_destroy(x);
    *out = NULL;
    return RT_EMEM;
}

void rt_frozen_exec_destroy(struct rt_frozen_exec *x)
{
    if (!x)
        return;
    for (int s = 0; x->call && s < x->f->steps; s++)
        rt_frozen_call_fini(&x->call[s]);
    free(x->call);
    free(x->value);
    rt_pages_give(x->memory, x->f->bytes);
    free(x);
}

static double frozen_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

void rt_frozen_exec_profile(struct rt_frozen_exec *x, double *ms)
{
    x->ms = ms;
}

/* Inputs are copied, as their memory is planned like any other value's. The error of a step goes to
 * whoever runs, so it is set anew in each call. */
int rt_frozen_run(struct rt_frozen_exec *x, const void *const *input, struct rt_error *e)
{
    const struct rt_frozen *f = x->f;
    for (int i = 0; i < f->model->inputs; i++) {
        struct rt_tensor *t = &x->value[f->scope.input + i];
        if (!f->value[f->scope.input + i].known && rt_tensor_bytes(t) > 0)
            memcpy(t->data, input[i], rt_tensor_bytes(t));
    }
    for (int s = 0; s < f->steps; s++) {
        double start = x->ms ? frozen_now_ms() : 0;
        x->call[s].e = e;
        RT_TRY(x->call[s].op->kernel->compute(&x->call[s]));
        if (x->ms)
            x->ms[s] += frozen_now_ms() - start;
    }
    return 0;
}

const struct rt_tensor *rt_frozen_result(const struct rt_frozen_exec *x, int i)
{
    return &x->value[x->f->output[i]];
}

/* ---- what the steps are ---- */

/* Multiplications and additions of what is multiplied by weights or between values. */
static double frozen_step_flops(const struct rt_frozen *f, const struct rt_frozen_step *s)
{
    const struct rt_tensor *y = s->out[0] < 0 ? NULL : &f->value[s->out[0]].t;
    const struct rt_tensor *x = s->inputs > 1 && s->in[0] >= 0 ? &f->value[s->in[0]].t : NULL;
    const struct rt_tensor *w = x && s->in[1] >= 0 ? &f->value[s->in[1]].t : NULL;
    if (!y || !w)
        return 0;
    double count = 2 * (double)rt_tensor_count(y);
    if (strcmp(s->op->type, "Conv") == 0)
        return count * (double)rt_kernel_span(w, 1, w->rank);
    if (strcmp(s->op->type, "Attention") == 0) { /* queries by keys, then weights by values */
        bool places = s->epilogue.bits & RT_ATTENTION_KEYS, turned = s->epilogue.bits & RT_ATTENTION_KEYS_TURNED;
        return 2 * count * (double)w->dim[places ? 1 : turned ? 3 : 2];
    }
    if (strcmp(s->op->type, "Linear") == 0 || strcmp(s->op->type, "MatMul") == 0 || strcmp(s->op->type, "Gemm") == 0)
        return count * (double)(x->rank ? x->dim[x->rank - 1] : 0);
    return 0;
}

void rt_frozen_layer(const struct rt_frozen *f, int step, struct rt_frozen_layer *l)
{
    static const char *const act[] = {
#define RT_ACT(id, value) #id,
#include "stages/nn/act.def"
#undef RT_ACT
    };
    const struct rt_frozen_step *s = &f->step[step];
    bool alone = strcmp(s->op->type, "Activation") == 0;
    snprintf(l->op, sizeof l->op, "%s%s%s%s", alone ? "" : s->op->type, s->epilogue.other ? " add" : "",
             s->epilogue.act && !alone ? " " : "", s->epilogue.act ? act[s->epilogue.act] : "");
    l->name = s->node->name;
    l->shape = s->out[0] < 0 ? NULL : &f->value[s->out[0]].t;
    l->flops = frozen_step_flops(f, s);
}
