/* SPDX-License-Identifier: MIT
 * frozen: see frozen.h; running is frozen_exec.c. Making: number the values (frozen_scope.c), mark the needed ones
 * backwards, then go through the nodes forwards: shapes are inferred, a node whose inputs are all
 * known is computed at once, one that only renames its input's elements shares its memory, any other
 * becomes a step. */
#include "stages/onnx/frozen/frozen_parts.h"

#include "stages/nn/blas.h"
#include "stages/nn/scratch.h"

#include <stdlib.h>
#include <string.h>

#define FOLD_BYTES ((size_t)1 << 30) /* of one computed constant: a small file may ask for any size */

/* ---- inputs and outputs ----
 * Shapes are fixed here, for good: what the file leaves open comes from the caller, or is a batch
 * of one. With numbers for all shapes, everything that exporters compute from shapes at run time is
 * a constant, and memory can be planned. */

/* A caller's shape may differ from the file's in what the file leaves open, and in nothing else. A
 * tensor with data makes the input a constant. */
static int frozen_set_input(struct rt_frozen *f, int i, const struct rt_tensor *given,
                            struct rt_error *e)
{
    const struct rt_onnx_value *in = &f->model->input[i];
    struct rt_frozen_value *v = &f->value[f->scope.input + i];
    int64_t count;
    size_t bytes;
    if (!given && in->rank < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s' has no shape in the file; give one",
                            f->name, in->name);
    v->t = given ? *given : (struct rt_tensor){.dtype = in->dtype, .rank = in->rank};
    v->type = in->type;
    for (int k = 0; k < v->t.rank; k++) {
        int64_t want = in->rank == v->t.rank ? in->dim[k] : -1;
        if (!given)
            v->t.dim[k] = want >= 0 ? want : k == 0 ? 1 : k == 1 ? rt_onnx_time(f->model) : -1;
        if (!given && v->t.dim[k] < 0)
            return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s': the file leaves dimension %d open, and nothing "
                                "here gives it", f->name, in->name, k);
        if (v->t.dim[k] < 0 || (want >= 0 && want != v->t.dim[k]))
            return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s': dimension %d is %lld in the "
                                "file, %lld here", f->name, in->name, k, (long long)want,
                                (long long)v->t.dim[k]);
    }
    if (v->t.dtype != in->dtype || (in->rank >= 0 && in->rank != v->t.rank))
        return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s' has another type or rank in the "
                            "file (rank %d, here %d)", f->name, in->name, in->rank, v->t.rank);
    if (rt_tensor_size(v->t.dtype, v->t.rank, v->t.dim, &count, &bytes) < 0)
        return rt_error_set(e, RT_ELARGE, "%s: input '%.100s' is too large", f->name, in->name);
    v->made = true;
    v->known = v->t.data != NULL;
    return 0;
}

/* Values of the inside may be wanted too: a trunk ends at its embedding. */
static int frozen_set_outputs(struct rt_frozen *f, const struct rt_frozen_options *o,
                              struct rt_error *e)
{
    bool own = o && o->output;
    f->outputs = own ? o->outputs : f->model->outputs;
    f->output = malloc(((size_t)f->outputs + 1) * sizeof *f->output);
    if (!f->output)
        return rt_error_set(e, RT_EMEM, "%s: no memory for its outputs", f->name);
    for (int i = 0; i < f->outputs; i++) {
        const char *name = own ? o->output[i] : f->model->output[i].name;
        f->output[i] = rt_frozen_find(f, name);
        if (f->output[i] < 0)
            return rt_error_set(e, RT_EMISSING, "%s: there is no value named '%.100s'; its outputs "
                                "begin with '%.100s'", f->name, name,
                                f->model->outputs ? f->model->output[0].name : "");
        f->value[f->output[i]].needed = true;
    }
    return 0;
}

/* ---- nodes ----
 * A node is taken in after its inputs: its kernel infers the shapes and checks everything that can
 * be checked, so that a run fails only for values. Three things can become of it: it is folded,
 * shares its input's memory, or becomes a step. */

void rt_frozen_step_fini(struct rt_frozen_step *s)
{
    free(s->in);
    free(s->out);
    rt_frozen_blocks_drop(s->blocks, s->prepared);
    rt_frozen_body_destroy(s->body);
}

/* Refused by operator and opset before any kernel looks at the node, so kernels can rely on the
 * number of inputs and on attributes of the right type. */
static int frozen_check_op(const struct rt_kernel_call *c)
{
    char why[200];
    if (!c->op)
        return rt_kernel_refuse(c, RT_EMISMATCH, "%s", rt_kernel_missing(why, sizeof why, c->node->op));
    const struct rt_kernel *k = c->op->kernel;
    if (c->inputs < k->inputs_min || (k->inputs_max >= 0 && c->inputs > k->inputs_max) ||
        c->outputs > k->outputs_max)
        return rt_kernel_refuse(c, RT_EFORMAT, "%d inputs and %d outputs", c->inputs, c->outputs);
    for (int i = 0; i < c->inputs; i++)
        if (!c->in[i] && (i < k->inputs_min || k->inputs_max < 0))
            return rt_kernel_refuse(c, RT_EFORMAT, "input %d is left out", i);
    for (int i = 0; i < c->inputs && i < 31; i++)
        if (c->in[i] && !c->in[i]->data && c->op->known & (1u << i) & ~RT_KERNEL_BY_SHAPE)
            return rt_kernel_refuse(c, RT_EUSAGE, "input %d ('%.60s') decides the output's shape, "
                                    "but depends on the data; export the network with fixed sizes", i,
                                    c->node->input[i]);
    return rt_kernel_check_attributes(c);
}

/* Memory for the outputs of a node that is computed now. */
static int frozen_fold_outputs(struct rt_frozen *f, struct rt_kernel_call *c,
                               const struct rt_frozen_step *s)
{
    for (int i = 0; i < c->outputs; i++) {
        if (s->out[i] < 0)
            continue;
        struct rt_frozen_value *v = &f->value[s->out[i]];
        struct rt_tensor shape = v->t;
        if (rt_tensor_bytes(&shape) > FOLD_BYTES)
            return rt_kernel_refuse(c, RT_ELARGE, "a constant of %zu bytes",
                                    rt_tensor_bytes(&shape));
        int rc = rt_tensor_init(&v->t, shape.dtype, shape.rank, shape.dim);
        if (rc < 0)
            return rt_kernel_refuse(c, rc, "no memory to compute it");
        v->owned = true;
    }
    return 0;
}

/* Computes a node now: its outputs become constants. */
static int frozen_fold_node(struct rt_frozen *f, struct rt_kernel_call *c,
                            const struct rt_frozen_step *s)
{
    c->scratch = c->scratch_bytes > FOLD_BYTES ? NULL : malloc(c->scratch_bytes + 1);
    if (!c->scratch)
        return rt_kernel_refuse(c, RT_EMEM, "no memory to compute it");
    int rc = frozen_fold_outputs(f, c, s);
    if (rc < 0)
        goto out;
    rc = c->op->kernel->compute(c);
    if (rc < 0)
        goto out;
    for (int i = 0; i < c->outputs; i++)
        if (s->out[i] >= 0)
            rt_frozen_value_known(&f->value[s->out[i]]);
out:
    free(c->scratch);
    c->scratch = NULL;
    return rc;
}

/* What the file calls the elements of output 0: kernels that change it say so. */
static int frozen_type_made(const struct rt_kernel_call *c)
{
    bool same = c->inputs > 0 && c->in[0] && c->in[0]->dtype == c->out[0]->dtype;
    return c->made ? c->made : same ? c->type[0] : 0;
}

/* Takes in one node after its inputs are made: folds it, lets it share memory, or (1) it is to be appended. */
static int frozen_add_node(struct rt_frozen *f, const struct rt_frozen_scope *scope, struct rt_frozen_step *s,
                           struct rt_kernel_call *c)
{
    bool known = true;
    s->op = c->op = rt_kernel_find(s->node->op, c->opset);
    for (int i = 0; i < c->inputs; i++) {
        s->in[i] = rt_frozen_scope_find(f, scope, s->node->input[i]);
        c->in[i] = s->in[i] < 0 ? NULL : &f->value[s->in[i]].t;
        c->type[i] = s->in[i] < 0 ? 0 : f->value[s->in[i]].type;
        known = known && (s->in[i] < 0 || f->value[s->in[i]].known);
    }
    for (int i = 0; i < c->outputs; i++) {
        s->out[i] = rt_frozen_scope_find(f, scope, s->node->output[i]);
        c->out[i] = s->out[i] < 0 ? NULL : &f->value[s->out[i]].t;
    }
    RT_TRY(frozen_check_op(c));
    if (rt_frozen_holds_graphs(c->op->kernel))
        return rt_frozen_take_in(f, scope, s, c);
    RT_TRY(c->op->kernel->shape(c));
    for (int i = 0; i < c->outputs; i++)
        if (s->out[i] >= 0) {
            f->value[s->out[i]].made = true;
            f->value[s->out[i]].type = i == 0 ? frozen_type_made(c) : 0;
        }
    if (known || c->op->known & RT_KERNEL_BY_SHAPE)
        return frozen_fold_node(f, c, s);
    if (c->op->kernel->compute == rt_kernel_copy && s->out[0] >= 0) {
        f->value[s->out[0]].same = f->value[s->in[0]].same;
        return 0;
    }
    s->scratch_bytes = c->scratch_bytes;
    return 1;
}

int rt_frozen_append(struct rt_frozen *f, const struct rt_frozen_step *s)
{
    if (f->steps == f->steps_room) {
        int room = 2 * f->steps_room + 16;
        struct rt_frozen_step *step = realloc(f->step, (size_t)room * sizeof *step);
        if (!step)
            return RT_EMEM;
        f->step = step;
        f->steps_room = room;
    }
    for (int i = 0; i < s->outputs; i++)
        if (s->out[i] >= 0)
            f->value[s->out[i]].first = f->steps;
    f->step[f->steps++] = *s;
    return 0;
}

/* A node that is no step of its own (folded, another name for its input, a branch) leaves nothing behind. */
static int frozen_add(struct rt_frozen *f, const struct rt_frozen_scope *scope, const struct rt_onnx_node *n,
                      struct rt_error *e)
{
    struct rt_frozen_step s = {.node = n, .inputs = n->inputs, .outputs = n->outputs};
    struct rt_kernel_call c;
    s.in = calloc((size_t)n->inputs + 1, sizeof *s.in);
    s.out = calloc((size_t)n->outputs + 1, sizeof *s.out);
    int rc = rt_frozen_call_init(&c, f, &s, e);
    if (rc < 0 || !s.in || !s.out)
        rc = rt_error_set(e, RT_EMEM, "%s: no memory for its nodes", f->name);
    else
        rc = frozen_add_node(f, scope, &s, &c);
    if (rc == 1 && (rc = rt_frozen_append(f, &s)) == 0)
        s = (struct rt_frozen_step){0};
    else if (rc == RT_EMEM)
        rt_kernel_refuse(&c, rc, "no memory for it");
    rt_frozen_call_fini(&c);
    rt_frozen_step_fini(&s);
    return rc;
}

int rt_frozen_scope_add(struct rt_frozen *f, const struct rt_frozen_scope *s, struct rt_error *e)
{
    for (int i = 0; i < s->graph->nodes; i++)
        if (rt_frozen_scope_needs(f, s, &s->graph->node[i]))
            RT_TRY(frozen_add(f, s, &s->graph->node[i], e));
    return 0;
}

/* ---- what nobody reads any more ----
 * Folding leaves behind steps and constants that only shapes or folded results were taken from;
 * some are as large as the weights. */

/* With a value, the one whose memory it shares. */
static void frozen_need_value(struct rt_frozen *f, int value)
{
    f->value[value].needed = f->value[f->value[value].same].needed = true;
}

/* Leaves out steps and constants that only shapes or folded results were taken from. */
static void frozen_drop_unread(struct rt_frozen *f)
{
    int kept = 0;
    for (int i = 0; i < f->values; i++)
        f->value[i].needed = false;
    for (int i = 0; i < f->outputs; i++)
        frozen_need_value(f, f->output[i]);
    for (int k = f->steps - 1; k >= 0; k--) {
        struct rt_frozen_step *s = &f->step[k];
        bool read = false;
        for (int i = 0; i < s->outputs; i++)
            read = read || (s->out[i] >= 0 && f->value[s->out[i]].needed);
        for (int i = 0; read && i < s->inputs; i++)
            if (s->in[i] >= 0)
                frozen_need_value(f, s->in[i]);
        if (!read) {
            for (int i = 0; i < s->outputs; i++)
                if (s->out[i] >= 0)
                    f->value[s->out[i]].made = false;
            rt_frozen_step_fini(s);
            s->op = NULL;
        }
    }
    for (int k = 0; k < f->steps; k++) {
        struct rt_frozen_step *s = &f->step[k];
        for (int i = 0; s->op && i < s->outputs; i++)
            if (s->out[i] >= 0)
                f->value[s->out[i]].first = kept;
        if (s->op)
            f->step[kept++] = *s;
    }
    f->steps = kept;
    for (int i = 0; i < f->values; i++)
        if (f->value[i].owned && !f->value[i].needed) {
            rt_tensor_fini(&f->value[i].t);
            f->value[i].owned = false;
        }
}

/* ---- steps as they will run ---- */

/* A call on the graph's own tensors. */
static int frozen_step_call(struct rt_kernel_call *c, const struct rt_frozen *f, const struct rt_frozen_step *s)
{
    if (rt_frozen_call_init(c, f, s, NULL) < 0)
        return RT_EMEM;
    for (int i = 0; i < s->inputs; i++)
        c->in[i] = s->in[i] < 0 ? NULL : &f->value[s->in[i]].t;
    for (int i = 0; i < s->outputs; i++)
        c->out[i] = s->out[i] < 0 ? NULL : &f->value[s->out[i]].t;
    return 0;
}

int rt_frozen_step_shape(struct rt_frozen *f, struct rt_frozen_step *s)
{
    struct rt_kernel_call c;
    int rc = frozen_step_call(&c, f, s);
    rc = rc < 0 ? rc : s->op->kernel->shape(&c);
    s->scratch_bytes = c.scratch_bytes;
    rt_frozen_call_fini(&c);
    for (int i = 0; i < s->outputs; i++)
        if (s->out[i] >= 0)
            f->value[s->out[i]].made = true;
    return rc;
}

/* What the kernel can make of constant inputs once. */
static int frozen_prepare_step(const struct rt_frozen *f, struct rt_frozen_step *s)
{
    const struct rt_kernel_once *once = s->op->kernel->once;
    struct rt_kernel_call c;
    int rc = frozen_step_call(&c, f, s);
    size_t bytes = rc == 0 && once ? once->bytes(&c) : 0;
    if (bytes > 0) {
        s->prepared = aligned_alloc(64, rt_aligned(bytes));
        if (s->prepared && f->blocks)
            memset(s->prepared, 0, rt_aligned(bytes)); /* gaps count when blocks are compared */
        rc = s->prepared ? once->make(&c, s->prepared) : RT_EMEM;
    }
    rt_frozen_call_fini(&c);
    if (rc == 0 && f->blocks && s->prepared) {
        s->prepared = rt_frozen_blocks_keep(f->blocks, s->node, s->prepared, bytes);
        s->blocks = f->blocks;
    }
    return rc;
}

/* Shapes are known to be right by now, so all that can be missing is memory. */
static int frozen_finish(struct rt_frozen *f)
{
    frozen_drop_unread(f);
    f->macs = rt_frozen_count_macs(f);
    if (!f->plain) {
        RT_TRY(rt_frozen_fuse(f));
        frozen_drop_unread(f);
        RT_TRY(rt_frozen_channels_last(f));
        RT_TRY(rt_frozen_fuse_behind(f));
        frozen_drop_unread(f);
    }
    for (int i = 0; i < f->steps; i++)
        RT_TRY(frozen_prepare_step(f, &f->step[i]));
    return rt_frozen_plan(f);
}

/* ---- making ----
 * All at once, before anything runs: a file that cannot run is refused whole, with the node's name.
 */

int rt_frozen_create(struct rt_frozen **out, const struct rt_onnx *model, const char *name,
                     const struct rt_frozen_options *o, struct rt_error *e)
{
    *out = NULL;
    struct rt_frozen *f = calloc(1, sizeof *f);
    int rc = RT_EMEM;
    if (f) {
        f->model = model;
        f->plain = o && o->plain;
        f->blocks = o ? o->blocks : NULL;
        f->name = strdup(name);
    }
    if (!f || !f->name || (rc = rt_frozen_scope_open(f, &f->scope, model, NULL)) < 0) {
        rt_error_set(e, rc, "%s: no memory for its values", name);
        goto fail;
    }
    for (int i = 0; i < model->inputs; i++) {
        rc = frozen_set_input(f, i, o && o->input ? &o->input[i] : NULL, e);
        if (rc < 0)
            goto fail;
    }
    rc = frozen_set_outputs(f, o, e);
    if (rc < 0)
        goto fail;
    rt_blas_init();
    rt_frozen_scope_mark_needed(f, &f->scope);
    rc = rt_frozen_scope_add(f, &f->scope, e);
    if (rc < 0)
        goto fail;
    rc = frozen_finish(f);
    if (rc < 0) {
        rt_error_set(e, rc, "%s: no memory to make it ready", name);
        goto fail;
    }
    *out = f;
    return 0;

fail:
    rt_frozen_destroy(f);
    return rc;
}

/* Also of a graph that was half made: every count says how far it came. */
void rt_frozen_destroy(struct rt_frozen *f)
{
    if (!f)
        return;
    for (int i = 0; i < f->values; i++)
        if (f->value[i].owned)
            rt_tensor_fini(&f->value[i].t);
    for (int i = 0; i < f->steps; i++)
        rt_frozen_step_fini(&f->step[i]);
    rt_frozen_scope_close(&f->scope);
    free(f->value);
    free(f->step);
    free(f->output);
    free(f->name);
    free(f);
}

int rt_frozen_outputs(const struct rt_frozen *f)
{
    return f->outputs;
}

static const char *frozen_value_at(const struct rt_frozen *f, int value,
                                   const struct rt_tensor **shape)
{
    if (shape)
        *shape = &f->value[value].t;
    return f->value[value].name;
}

const char *rt_frozen_input(const struct rt_frozen *f, int i, const struct rt_tensor **shape)
{
    return frozen_value_at(f, f->scope.input + i, shape);
}

const char *rt_frozen_output(const struct rt_frozen *f, int i, const struct rt_tensor **shape)
{
    return frozen_value_at(f, f->output[i], shape);
}

int rt_frozen_steps(const struct rt_frozen *f)
{
    return f->steps;
}

size_t rt_frozen_bytes(const struct rt_frozen *f)
{
    return f->bytes;
}

double rt_frozen_macs(const struct rt_frozen *f)
{
    return f->macs;
}
