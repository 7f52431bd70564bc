/* SPDX-License-Identifier: MIT
 * frozen_shapes: see frozen_shapes.h. What was made ready is shared by all askers behind a lock and counted; an asker
 * keeps hold of the one it used last, with the memory of a run. */
#include "stages/onnx/frozen/frozen_shapes.h"

#include "stages/onnx/frozen/frozen_blocks.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The graph made ready for one set of shapes. */
struct made {
    struct rt_tensor *shape; /* [inputs]; data: of a constant, owned */
    struct rt_frozen *frozen;
    int holders;
    bool loose;    /* not among those kept: they were all held; goes with its asker */
    bool proven;   /* its samples have the bytes that they have alone */
    uint64_t used; /* when last */
};

struct rt_frozen_shapes {
    const struct rt_onnx *model;
    char *name;
    char **output; /* [outputs]; NULL: the graph's own */
    int outputs;
    struct rt_frozen_blocks *blocks; /* weights as kernels lay them out: the same for most shapes */
    pthread_mutex_t lock;            /* of what follows */
    struct made *made[RT_FROZEN_SHAPES];
    int count, total;
    bool apart; /* its samples do not go together */
    uint64_t clock;
};

struct rt_frozen_asker {
    struct rt_frozen_shapes *s;
    struct made *made; /* held; NULL before the first question */
    struct rt_frozen_exec *exec;
    struct rt_tensor *input; /* [inputs] views of what is given, or of what it was brought to */
    struct rt_tensor *own;   /* [inputs] room for that */
    const void **data;       /* [inputs] */
    bool *given;             /* [inputs] */
};

/* ---- what is given ----
 * A frozen graph knows its inputs by number and takes the file's type alone. Tokenisers give 32-bit numbers where files
 * want 64, a mask may be bool, int64 or float, and telling that to a user helps nobody: whole numbers are converted,
 * with a check that none changes. */

static bool type_is_whole(enum rt_dtype t)
{
    return t == RT_I64 || t == RT_I32 || t == RT_U8 || t == RT_BOOL;
}

static int64_t whole_at(const struct rt_tensor *t, int64_t i)
{
    return t->dtype == RT_I64   ? ((const int64_t *)t->data)[i]
           : t->dtype == RT_I32 ? ((const int32_t *)t->data)[i]
                                : ((const uint8_t *)t->data)[i];
}

/* False when the number has no place in that type. */
static bool whole_put(struct rt_tensor *t, int64_t i, int64_t v)
{
    switch (t->dtype) {
    case RT_I64:
        ((int64_t *)t->data)[i] = v;
        return true;
    case RT_I32:
        ((int32_t *)t->data)[i] = (int32_t)v;
        return v >= INT32_MIN && v <= INT32_MAX;
    case RT_F32:
        ((float *)t->data)[i] = (float)v;
        return v >= -(1 << 24) && v <= 1 << 24;
    case RT_F64:
        ((double *)t->data)[i] = (double)v;
        return true;
    default:
        ((uint8_t *)t->data)[i] = (uint8_t)v;
        return v >= 0 && v <= (t->dtype == RT_BOOL ? 1 : UINT8_MAX);
    }
}

static int asker_convert(struct rt_frozen_asker *a, int i, const struct rt_tensor *given, struct rt_error *e)
{
    const struct rt_onnx_value *in = &a->s->model->input[i];
    struct rt_tensor *to = &a->own[i];
    if (!type_is_whole(given->dtype) || !given->data)
        return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s' has another type in the file than is given",
                            a->s->name, in->name);
    rt_tensor_fini(to);
    int rc = rt_tensor_init(to, in->dtype, given->rank, given->dim);
    if (rc < 0)
        return rt_error_set(e, rc, "%s: input '%.100s': %s", a->s->name, in->name, rt_err_words(rc));
    for (int64_t k = 0, n = rt_tensor_count(given); k < n; k++)
        if (!whole_put(to, k, whole_at(given, k)))
            return rt_error_set(e, RT_ERANGE, "%s: input '%.100s', element %" PRId64 ": %" PRId64 " does not fit the "
                                "file's type", a->s->name, in->name, k, whole_at(given, k));
    a->input[i] = *to;
    return 0;
}

/* One whole number given alone is a setting more than it is data (a sample rate, a number of steps): as a constant it
 * can decide which branch is taken and which shape is made. */
static bool given_is_setting(const struct rt_tensor *t)
{
    return type_is_whole(t->dtype) && (t->rank == 0 || (t->rank == 1 && t->dim[0] == 1));
}

static int asker_input_find(const struct rt_frozen_asker *a, const char *name)
{
    for (int i = 0; i < a->s->model->inputs; i++)
        if (strcmp(a->s->model->input[i].name, name) == 0)
            return i;
    return -1;
}

/* Two inputs whose axis has one name ("sequence") have one size there. Only the same axis of both counts: there are
 * programs that call every open axis by one name. */
static int asker_check_axes(const struct rt_frozen_asker *a, int i, struct rt_error *e)
{
    const struct rt_onnx_value *x = &a->s->model->input[i];
    for (int j = 0; j < i; j++) {
        const struct rt_onnx_value *y = &a->s->model->input[j];
        for (int k = 0; k < a->input[i].rank && k < a->input[j].rank; k++)
            if (x->symbol[k] && y->symbol[k] && strcmp(x->symbol[k], y->symbol[k]) == 0 &&
                a->input[i].dim[k] != a->input[j].dim[k])
                return rt_error_set(e, RT_EMISMATCH, "%s: axis '%.60s' is %" PRId64 " in input '%.60s', %" PRId64
                                    " in '%.60s'", a->s->name, x->symbol[k], a->input[j].dim[k], y->name,
                                    a->input[i].dim[k], x->name);
    }
    return 0;
}

/* Names to numbers, types to the file's. */
static int asker_take(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count, struct rt_error *e)
{
    const struct rt_onnx *m = a->s->model;
    for (int i = 0; i < m->inputs; i++)
        a->given[i] = false;
    for (int k = 0; k < count; k++) {
        int i = asker_input_find(a, given[k].name);
        if (i < 0 || a->given[i])
            return rt_error_set(e, RT_EMISSING, i < 0 ? "%s: there is no input '%.100s'; the first is '%.100s'"
                                                      : "%s: input '%.100s' is given twice", a->s->name,
                                given[k].name, m->inputs ? m->input[0].name : "");
        a->input[i] = given[k].tensor;
        a->given[i] = true;
        if (given[k].tensor.dtype != m->input[i].dtype)
            RT_TRY(asker_convert(a, i, &given[k].tensor, e));
    }
    for (int i = 0; i < m->inputs; i++) {
        if (!a->given[i])
            return rt_error_set(e, RT_EMISSING, "%s: input '%.100s' is not given", a->s->name, m->input[i].name);
        a->data[i] = a->input[i].data;
        if (!a->data[i] && given_is_setting(&a->input[i]))
            return rt_error_set(e, RT_EMISSING, "%s: input '%.100s' has no value", a->s->name, m->input[i].name);
        RT_TRY(asker_check_axes(a, i, e));
    }
    return 0;
}

/* ---- made ready ---- */

static bool made_fits(const struct made *m, const struct rt_tensor *input, int inputs)
{
    for (int i = 0; i < inputs; i++) {
        const struct rt_tensor *have = &m->shape[i], *want = &input[i];
        if (have->rank != want->rank || memcmp(have->dim, want->dim, sizeof *have->dim * (size_t)have->rank) != 0)
            return false;
        if (have->data && memcmp(have->data, want->data, rt_tensor_bytes(want)) != 0)
            return false;
    }
    return true;
}

static void made_destroy(struct made *m, int inputs)
{
    if (!m)
        return;
    rt_frozen_destroy(m->frozen);
    for (int i = 0; m->shape && i < inputs; i++)
        if (m->shape[i].data)
            rt_tensor_fini(&m->shape[i]);
    free(m->shape);
    free(m);
}

/* The shapes, with the settings' values. */
static int made_keep_shapes(struct made *m, const struct rt_tensor *input, int inputs)
{
    m->shape = calloc((size_t)inputs + 1, sizeof *m->shape);
    for (int i = 0; m->shape && i < inputs; i++) {
        m->shape[i] = input[i];
        m->shape[i].data = NULL;
        if (!given_is_setting(&input[i]))
            continue;
        RT_TRY(rt_tensor_init(&m->shape[i], input[i].dtype, input[i].rank, input[i].dim));
        memcpy(m->shape[i].data, input[i].data, rt_tensor_bytes(&input[i]));
    }
    return m->shape ? 0 : RT_EMEM;
}

static int made_create(struct made **out, const struct rt_frozen_shapes *s, const struct rt_tensor *input,
                       struct rt_error *e)
{
    int inputs = s->model->inputs;
    struct made *m = *out = calloc(1, sizeof *m);
    int rc = m ? made_keep_shapes(m, input, inputs) : RT_EMEM;
    if (rc < 0) {
        rt_error_set(e, rc, "%s: no memory for its inputs", s->name);
    } else {
        struct rt_frozen_options o = {.input = m->shape, .output = (const char *const *)s->output,
                                      .outputs = s->outputs, .blocks = s->blocks};
        rc = rt_frozen_create(&m->frozen, s->model, s->name, &o, e);
    }
    if (rc < 0) {
        made_destroy(m, inputs);
        *out = NULL;
    }
    return rc;
}

/* The place of the one that was unused for longest, which goes; NULL: all are held. */
static struct made **shapes_place(struct rt_frozen_shapes *s)
{
    struct made **oldest = NULL;
    if (s->count < RT_FROZEN_SHAPES)
        return &s->made[s->count++];
    for (int i = 0; i < s->count; i++)
        if (s->made[i]->holders == 0 && (!oldest || s->made[i]->used < (*oldest)->used))
            oldest = &s->made[i];
    if (oldest)
        made_destroy(*oldest, s->model->inputs);
    return oldest;
}

static struct made *shapes_find(const struct rt_frozen_shapes *s, const struct rt_tensor *input)
{
    for (int i = 0; i < s->count; i++)
        if (made_fits(s->made[i], input, s->model->inputs))
            return s->made[i];
    return NULL;
}

static struct made *made_hold(struct rt_frozen_shapes *s, struct made *m)
{
    m->holders++;
    m->used = ++s->clock;
    return m;
}

/* Without the lock while one is made, as others may want what is there, or make other ones: recordings mostly have
 * lengths of their own. Of two that are made for the same shapes at once the second goes. */
static int shapes_take(struct rt_frozen_shapes *s, const struct rt_tensor *input, struct made **out, struct rt_error *e)
{
    struct made *mine = NULL, *there, **place;
    pthread_mutex_lock(&s->lock);
    there = shapes_find(s, input);
    *out = there ? made_hold(s, there) : NULL;
    pthread_mutex_unlock(&s->lock);
    if (*out)
        return 0;
    RT_TRY(made_create(&mine, s, input, e));
    pthread_mutex_lock(&s->lock);
    there = shapes_find(s, input);
    if (!there) {
        place = shapes_place(s);
        mine->loose = !place;
        if (place)
            *place = mine;
    }
    s->total += !there;
    *out = made_hold(s, there ? there : mine);
    pthread_mutex_unlock(&s->lock);
    if (there)
        made_destroy(mine, s->model->inputs);
    return 0;
}

/* ---- askers ---- */

static void asker_release(struct rt_frozen_asker *a)
{
    struct rt_frozen_shapes *s = a->s;
    struct made *gone = NULL;
    rt_frozen_exec_destroy(a->exec);
    a->exec = NULL;
    if (!a->made)
        return;
    pthread_mutex_lock(&s->lock);
    if (--a->made->holders == 0 && a->made->loose)
        gone = a->made;
    pthread_mutex_unlock(&s->lock);
    made_destroy(gone, s->model->inputs);
    a->made = NULL;
}

static int asker_hold(struct rt_frozen_asker *a, struct rt_error *e)
{
    struct rt_frozen_shapes *s = a->s;
    if (a->made && made_fits(a->made, a->input, s->model->inputs))
        return 0;
    asker_release(a);
    RT_TRY(shapes_take(s, a->input, &a->made, e));
    if (rt_frozen_exec_create(&a->exec, a->made->frozen) == 0)
        return 0;
    asker_release(a);
    return rt_error_set(e, RT_EMEM, "%s: no memory for its values", s->name);
}

int rt_frozen_ask(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count, struct rt_error *e)
{
    RT_TRY(asker_take(a, given, count, e));
    for (int i = 0; i < a->s->model->inputs; i++)
        if (!a->data[i] && rt_tensor_count(&a->input[i]) > 0)
            return rt_error_set(e, RT_EMISSING, "%s: input '%.100s' is not given", a->s->name,
                                a->s->model->input[i].name);
    RT_TRY(asker_hold(a, e));
    return rt_frozen_run(a->exec, a->data, e);
}

int rt_frozen_asker_ready(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count,
                          struct rt_error *e)
{
    RT_TRY(asker_take(a, given, count, e));
    return asker_hold(a, e);
}

const struct rt_tensor *rt_frozen_answer(const struct rt_frozen_asker *a, int i)
{
    return rt_frozen_result(a->exec, i);
}

/* ---- several samples ----
 * Small ones go through a network quicker together, as its weights are fetched once for all of them. What they give
 * must not depend on that: outputs are kept sample by sample, and a cached one has to equal a fresh one. Whether a row
 * of a product is rounded the same beside others is the kernels' affair (most promise it), and a graph may mix its
 * samples anyhow (a norm over the batch, a size that was fixed at the export), so it is tried with the first that
 * come. */

struct each {
    struct rt_frozen_asker *a;
    const struct rt_frozen_given *given;
    int count, samples;
    rt_frozen_give give;
    void *self;
    const float *together; /* what they gave, or NULL; [samples, numbers] */
    int64_t numbers;
    bool same;
};

/* A sample's part of what is given for all. */
static struct rt_tensor each_part(const struct each *x, int k, int sample)
{
    struct rt_tensor t = x->given[k].tensor;
    if (given_is_setting(&t) || t.rank == 0)
        return t;
    t.data = (char *)t.data + rt_tensor_bytes(&t) / (size_t)x->samples * (size_t)sample;
    t.dim[0] = 1;
    return t;
}

static int each_alone(struct each *x, struct rt_error *e)
{
    struct rt_frozen_given *one = calloc((size_t)x->count + 1, sizeof *one);
    int rc = one ? 0 : rt_error_set(e, RT_EMEM, "%s: no memory for its inputs", x->a->s->name);
    for (int i = 0; rc == 0 && i < x->samples; i++) {
        for (int k = 0; k < x->count; k++)
            one[k] = (struct rt_frozen_given){x->given[k].name, each_part(x, k, i)};
        if ((rc = rt_frozen_ask(x->a, one, x->count, e)) < 0)
            break;
        const struct rt_tensor *answer = rt_frozen_answer(x->a, 0);
        if (x->together)
            x->same = x->same && rt_tensor_count(answer) == x->numbers &&
                      memcmp(answer->data, x->together + x->numbers * i, rt_tensor_bytes(answer)) == 0;
        rc = x->give(x->self, i, answer, e);
    }
    free(one);
    return rc;
}

static int each_give(struct each *x, const struct rt_tensor *all, struct rt_error *e)
{
    struct rt_tensor row = *all;
    row.dim[0] = 1;
    for (int i = 0; i < x->samples; i++) {
        row.data = (float *)all->data + x->numbers * i;
        RT_TRY(x->give(x->self, i, &row, e));
    }
    return 0;
}

/* The first of a shape, both ways. */
static int each_prove(struct each *x, const struct rt_tensor *all, struct rt_error *e)
{
    struct rt_frozen_shapes *s = x->a->s;
    struct made *together = x->a->made;
    float *copy = malloc(rt_tensor_bytes(all) + 1);
    if (copy)
        memcpy(copy, all->data, rt_tensor_bytes(all));
    pthread_mutex_lock(&s->lock);
    together->holders++;
    pthread_mutex_unlock(&s->lock);
    x->together = copy;
    x->same = copy != NULL;
    int rc = each_alone(x, e);
    pthread_mutex_lock(&s->lock);
    together->proven = rc == 0 && x->same;
    s->apart = s->apart || (rc == 0 && copy && !x->same);
    bool gone = --together->holders == 0 && together->loose;
    pthread_mutex_unlock(&s->lock);
    if (gone)
        made_destroy(together, s->model->inputs);
    free(copy);
    return rc;
}

/* Whatever goes wrong together is left to each alone: that says whose fault it is. */
int rt_frozen_ask_each(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count, int samples,
                       rt_frozen_give give, void *self, struct rt_error *e)
{
    struct each x = {a, given, count, samples, give, self, NULL, 0, false};
    if (samples == 1 || rt_frozen_shapes_apart(a->s))
        return each_alone(&x, e);
    int rc = rt_frozen_asker_ready(a, given, count, e);
    const struct rt_tensor *all = rc == 0 ? rt_frozen_answer(a, 0) : NULL;
    if (!all || all->dtype != RT_F32 || all->rank < 1 || all->dim[0] != samples) {
        pthread_mutex_lock(&a->s->lock);
        a->s->apart = a->s->apart || rc != RT_EMEM;
        pthread_mutex_unlock(&a->s->lock);
        return each_alone(&x, e);
    }
    x.numbers = rt_tensor_count(all) / samples;
    if (rt_frozen_run(a->exec, a->data, e) < 0)
        return each_alone(&x, e);
    pthread_mutex_lock(&a->s->lock);
    bool proven = a->made->proven;
    pthread_mutex_unlock(&a->s->lock);
    if (!proven)
        return each_prove(&x, all, e);
    return each_give(&x, all, e);
}

bool rt_frozen_shapes_apart(struct rt_frozen_shapes *s)
{
    pthread_mutex_lock(&s->lock);
    bool apart = s->apart;
    pthread_mutex_unlock(&s->lock);
    return apart;
}

int rt_frozen_asker_create(struct rt_frozen_asker **out, struct rt_frozen_shapes *s)
{
    struct rt_frozen_asker *a = *out = calloc(1, sizeof *a);
    size_t n = (size_t)s->model->inputs + 1;
    if (!a)
        return RT_EMEM;
    a->s = s;
    a->input = calloc(n, sizeof *a->input);
    a->own = calloc(n, sizeof *a->own);
    a->data = calloc(n, sizeof *a->data);
    a->given = calloc(n, sizeof *a->given);
    if (a->input && a->own && a->data && a->given)
        return 0;
    rt_frozen_asker_destroy(a);
    *out = NULL;
    return RT_EMEM;
}

void rt_frozen_asker_destroy(struct rt_frozen_asker *a)
{
    if (!a)
        return;
    asker_release(a);
    for (int i = 0; a->own && i < a->s->model->inputs; i++)
        rt_tensor_fini(&a->own[i]);
    free(a->input);
    free(a->own);
    free(a->data);
    free(a->given);
    free(a);
}

/* ---- making ---- */

static bool model_has_value(const struct rt_onnx *m, const char *name)
{
    bool found = rt_onnx_initializer(m, name) != NULL;
    for (int i = 0; i < m->inputs; i++)
        found = found || strcmp(m->input[i].name, name) == 0;
    for (int i = 0; i < m->nodes; i++)
        for (int k = 0; k < m->node[i].outputs; k++)
            found = found || strcmp(m->node[i].output[k], name) == 0;
    return found;
}

static int shapes_take_outputs(struct rt_frozen_shapes *s, const char *const *output, int outputs, struct rt_error *e)
{
    if (!output)
        return 0;
    s->output = calloc((size_t)outputs + 1, sizeof *s->output);
    if (!s->output)
        return rt_error_set(e, RT_EMEM, "%s: no memory for its outputs", s->name);
    for (; s->outputs < outputs; s->outputs++) {
        const char *name = output[s->outputs];
        if (!name[0] || !model_has_value(s->model, name))
            return rt_error_set(e, RT_EMISSING, "%s: there is no value named '%.100s'; its outputs begin with "
                                "'%.100s'", s->name, name, s->model->outputs ? s->model->output[0].name : "");
        if (!(s->output[s->outputs] = strdup(name)))
            return rt_error_set(e, RT_EMEM, "%s: no memory for its outputs", s->name);
    }
    return 0;
}

int rt_frozen_shapes_create(struct rt_frozen_shapes **out, const struct rt_onnx *model, const char *name,
                            const char *const *output, int outputs, struct rt_error *e)
{
    struct rt_frozen_shapes *s = *out = calloc(1, sizeof *s);
    if (!s)
        return rt_error_set(e, RT_EMEM, "%s: no memory for it", name);
    pthread_mutex_init(&s->lock, NULL);
    s->model = model;
    s->name = strdup(name);
    bool room = s->name && rt_frozen_blocks_create(&s->blocks) == 0;
    int rc = room ? shapes_take_outputs(s, output, outputs, e) : rt_error_set(e, RT_EMEM, "%s: no memory for it", name);
    if (rc < 0) {
        rt_frozen_shapes_destroy(s);
        *out = NULL;
    }
    return rc;
}

void rt_frozen_shapes_destroy(struct rt_frozen_shapes *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->count; i++)
        made_destroy(s->made[i], s->model->inputs);
    for (int i = 0; i < s->outputs; i++)
        free(s->output[i]);
    rt_frozen_blocks_destroy(s->blocks);
    pthread_mutex_destroy(&s->lock);
    free(s->output);
    free(s->name);
    free(s);
}

size_t rt_frozen_shapes_bytes(struct rt_frozen_shapes *s)
{
    return rt_frozen_blocks_bytes(s->blocks);
}

int rt_frozen_shapes_made(struct rt_frozen_shapes *s)
{
    pthread_mutex_lock(&s->lock);
    int total = s->total;
    pthread_mutex_unlock(&s->lock);
    return total;
}
