/* SPDX-License-Identifier: MIT
 * frozen: see frozen.h; running is frozen_exec.c. Making: number the values, mark the needed ones
 * backwards, then go through the nodes forwards: shapes are inferred, a node whose inputs are all
 * known is computed at once, one that only renames its input's elements shares its memory, any other
 * becomes a step. */
#include "stages/onnx/frozen_parts.h"

#include "stages/nn/blas.h"
#include "stages/nn/scratch.h"

#include <stdlib.h>
#include <string.h>

#define FOLD_BYTES ((size_t)1 << 30) /* of one computed constant: a small file may ask for any size */

/* ---- values by name ----
 * Every name in the file gets a number, once; from then on steps and plans know numbers only. A
 * sorted list is enough: networks have some thousand names. */

/* For qsort_r, which passes the values along. */
static int frozen_compare_names(const void *a, const void *b, void *self)
{
    const struct rt_frozen_value *v = self;
    return strcmp(v[*(const int *)a].name, v[*(const int *)b].name);
}

/* "" is what a node writes for an input it leaves out: no value. */
int rt_frozen_find(const struct rt_frozen *f, const char *name)
{
    int low = 0, high = f->values;
    if (!name[0])
        return -1;
    while (low < high) {
        int middle = low + (high - low) / 2, order;
        order = strcmp(f->value[f->by_name[middle]].name, name);
        if (order == 0)
            return f->by_name[middle];
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return -1;
}

static char nothing;

/* A tensor without elements has no address to tell that it is known: any will do. */
static void frozen_value_known(struct rt_frozen_value *v)
{
    v->known = true;
    if (!v->t.data) {
        v->t.data = &nothing;
        v->owned = false;
    }
}

/* Initialisers come first, in the file's order (thaw.c relies on it), then inputs, then what nodes
 * make. */
static int frozen_number_values(struct rt_frozen *f)
{
    const struct rt_onnx *m = f->model;
    size_t count = (size_t)m->initializers + (size_t)m->inputs;
    for (int i = 0; i < m->nodes; i++)
        count += (size_t)m->node[i].outputs;
    f->value = calloc(count + 1, sizeof *f->value);
    f->by_name = malloc((count + 1) * sizeof *f->by_name);
    f->input = malloc(((size_t)m->inputs + 1) * sizeof *f->input);
    f->step = calloc((size_t)m->nodes + 1, sizeof *f->step);
    if (!f->value || !f->by_name || !f->input || !f->step)
        return RT_EMEM;
    for (int i = 0; i < m->initializers; i++) {
        f->value[f->values] = (struct rt_frozen_value){
            .name = m->initializer[i].name, .t = m->initializer[i].tensor, .made = true};
        frozen_value_known(&f->value[f->values++]);
    }
    for (int i = 0; i < m->inputs; i++) {
        f->input[i] = f->values;
        f->value[f->values++] = (struct rt_frozen_value){.name = m->input[i].name};
    }
    for (int i = 0; i < m->nodes; i++)
        for (int k = 0; k < m->node[i].outputs; k++)
            if (m->node[i].output[k][0])
                f->value[f->values++] = (struct rt_frozen_value){.name = m->node[i].output[k]};
    for (int i = 0; i < f->values; i++) {
        f->by_name[i] = f->value[i].same = i;
        f->value[i].first = -1;
    }
    qsort_r(f->by_name, (size_t)f->values, sizeof *f->by_name, frozen_compare_names, f->value);
    return 0;
}

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
    struct rt_frozen_value *v = &f->value[f->input[i]];
    int64_t count;
    size_t bytes;
    if (!given && in->rank < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s' has no shape in the file; give one",
                            f->name, in->name);
    v->t = given ? *given : (struct rt_tensor){.dtype = in->dtype, .rank = in->rank};
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

static void frozen_step_fini(struct rt_frozen_step *s)
{
    free(s->in);
    free(s->out);
    free(s->prepared);
}

/* One wanted output is enough. */
static bool frozen_is_needed(const struct rt_frozen *f, const struct rt_onnx_node *n)
{
    for (int i = 0; i < n->outputs; i++) {
        int v = rt_frozen_find(f, n->output[i]);
        if (v >= 0 && f->value[v].needed)
            return true;
    }
    return false;
}

/* Backwards from the wanted outputs, so that a trunk's embedding costs nothing behind it. */
static void frozen_mark_needed(struct rt_frozen *f)
{
    for (int i = f->model->nodes - 1; i >= 0; i--) {
        const struct rt_onnx_node *n = &f->model->node[i];
        for (int k = 0; frozen_is_needed(f, n) && k < n->inputs; k++) {
            int v = rt_frozen_find(f, n->input[k]);
            if (v >= 0)
                f->value[v].needed = true;
        }
    }
}

/* Refused by operator and opset before any kernel looks at the node, so kernels can rely on the
 * number of inputs and on attributes of the right type. */
static int frozen_check_op(const struct rt_kernel_call *c)
{
    int first, last;
    if (!c->op && rt_kernel_known(c->node->op, &first, &last))
        return rt_kernel_refuse(c, RT_EMISMATCH, "this operator is read in opset %d to %d", first,
                                last);
    if (!c->op)
        return rt_kernel_refuse(c, RT_EMISMATCH, "unknown operator");
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
                                    "but depends on the data", i, c->node->input[i]);
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
            frozen_value_known(&f->value[s->out[i]]);
out:
    free(c->scratch);
    c->scratch = NULL;
    return rc;
}

/* Takes in one node after its inputs are made: folds it, lets it share memory, or appends it. */
static int frozen_add_node(struct rt_frozen *f, struct rt_frozen_step *s, struct rt_kernel_call *c)
{
    bool known = true;
    s->op = c->op = rt_kernel_find(s->node->op, c->opset);
    for (int i = 0; i < c->inputs; i++) {
        s->in[i] = rt_frozen_find(f, s->node->input[i]);
        c->in[i] = s->in[i] < 0 ? NULL : &f->value[s->in[i]].t;
        known = known && (s->in[i] < 0 || f->value[s->in[i]].known);
    }
    for (int i = 0; i < c->outputs; i++) {
        s->out[i] = rt_frozen_find(f, s->node->output[i]);
        c->out[i] = s->out[i] < 0 ? NULL : &f->value[s->out[i]].t;
    }
    RT_TRY(frozen_check_op(c));
    RT_TRY(c->op->kernel->shape(c));
    for (int i = 0; i < c->outputs; i++)
        if (s->out[i] >= 0)
            f->value[s->out[i]].made = true;
    if (known || c->op->known & RT_KERNEL_BY_SHAPE)
        return frozen_fold_node(f, c, s);
    if (c->op->kernel->compute == rt_kernel_copy && s->out[0] >= 0) {
        f->value[s->out[0]].same = f->value[s->in[0]].same;
        return 0;
    }
    for (int i = 0; i < c->outputs; i++)
        if (s->out[i] >= 0)
            f->value[s->out[i]].first = f->steps;
    s->scratch_bytes = c->scratch_bytes;
    return 1;
}

/* What the kernel can make of constant inputs once. */
static int frozen_prepare_step(struct rt_frozen_step *s, struct rt_kernel_call *c)
{
    const struct rt_kernel_once *once = c->op->kernel->once;
    size_t bytes = once ? once->bytes(c) : 0;
    if (bytes == 0)
        return 0;
    s->prepared = aligned_alloc(64, rt_aligned(bytes));
    int rc = s->prepared ? once->make(c, s->prepared) : RT_EMEM;
    return rc < 0 ? rt_kernel_refuse(c, rc, "no memory for its weights") : 0;
}

/* A node that became a step keeps its place in f->step; one that was folded or shares memory leaves
 * the place to the next. */
static int frozen_add_nodes(struct rt_frozen *f, struct rt_error *e)
{
    for (int i = 0; i < f->model->nodes; i++) {
        struct rt_frozen_step *s = &f->step[f->steps];
        struct rt_kernel_call c;
        if (!frozen_is_needed(f, &f->model->node[i]))
            continue;
        *s = (struct rt_frozen_step){.node = &f->model->node[i]};
        s->in = calloc((size_t)s->node->inputs + 1, sizeof *s->in);
        s->out = calloc((size_t)s->node->outputs + 1, sizeof *s->out);
        int rc = rt_frozen_call_init(&c, f, s, e);
        if (rc < 0 || !s->in || !s->out)
            rc = rt_error_set(e, RT_EMEM, "%s: no memory for its nodes", f->name);
        else
            rc = frozen_add_node(f, s, &c);
        if (rc == 1 && frozen_prepare_step(s, &c) < 0)
            rc = RT_EMEM;
        rt_frozen_call_fini(&c);
        if (rc == 1) {
            f->steps++;
            continue;
        }
        frozen_step_fini(s);
        *s = (struct rt_frozen_step){0};
        if (rc < 0)
            return rc;
    }
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
        for (int i = 0; i < s->node->outputs; i++)
            read = read || (s->out[i] >= 0 && f->value[s->out[i]].needed);
        for (int i = 0; read && i < s->node->inputs; i++)
            if (s->in[i] >= 0)
                frozen_need_value(f, s->in[i]);
        if (!read) {
            for (int i = 0; i < s->node->outputs; i++)
                if (s->out[i] >= 0)
                    f->value[s->out[i]].made = false;
            frozen_step_fini(s);
            s->op = NULL;
        }
    }
    for (int k = 0; k < f->steps; k++) {
        struct rt_frozen_step *s = &f->step[k];
        for (int i = 0; s->op && i < s->node->outputs; i++)
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
        f->name = strdup(name);
    }
    if (!f || !f->name || (rc = frozen_number_values(f)) < 0) {
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
    frozen_mark_needed(f);
    rc = frozen_add_nodes(f, e);
    if (rc < 0)
        goto fail;
    frozen_drop_unread(f);
    rc = rt_frozen_plan(f);
    if (rc < 0) {
        rt_error_set(e, rc, "%s: no memory to plan its memory", name);
        goto fail;
    }
    *out = f;
    return 0;

fail:
    rt_frozen_destroy(f);
    return rc;
}

/* The model is the frozen graph's from then on, as weights stay where the reader put them. */
int rt_frozen_open(struct rt_frozen **out, const char *path, const struct rt_frozen_options *o,
                   struct rt_error *e)
{
    struct rt_onnx *model;
    *out = NULL;
    int rc = rt_onnx_read(&model, path, e);
    if (rc < 0)
        return rc;
    rc = rt_frozen_create(out, model, path, o, e);
    if (rc < 0)
        rt_onnx_destroy(model);
    else
        (*out)->own = model;
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
        frozen_step_fini(&f->step[i]);
    free(f->value);
    free(f->by_name);
    free(f->step);
    free(f->input);
    free(f->output);
    free(f->name);
    rt_onnx_destroy(f->own);
    free(f);
}

int rt_frozen_inputs(const struct rt_frozen *f)
{
    return f->model->inputs;
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
    return frozen_value_at(f, f->input[i], shape);
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
