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
    uint64_t clock;
};

struct rt_frozen_asker {
    struct rt_frozen_shapes *s;
    struct made *made; /* held; NULL before the first question */
    struct rt_frozen_exec *exec;
    struct rt_tensor *input; /* [inputs] views of what is given, or of what it was brought to */
    struct rt_tensor *own;   /* [inputs] room for that */
    const void **data;       /* [inputs] */
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
    if (!type_is_whole(given->dtype))
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
        a->input[i].data = NULL;
    for (int k = 0; k < count; k++) {
        int i = asker_input_find(a, given[k].name);
        if (i < 0 || a->input[i].data)
            return rt_error_set(e, RT_EMISSING, i < 0 ? "%s: there is no input '%.100s'; the first is '%.100s'"
                                                      : "%s: input '%.100s' is given twice", a->s->name,
                                given[k].name, m->inputs ? m->input[0].name : "");
        a->input[i] = given[k].tensor;
        if (given[k].tensor.dtype != m->input[i].dtype)
            RT_TRY(asker_convert(a, i, &given[k].tensor, e));
    }
    for (int i = 0; i < m->inputs; i++) {
        if (!a->input[i].data)
            return rt_error_set(e, RT_EMISSING, "%s: input '%.100s' is not given", a->s->name, m->input[i].name);
        a->data[i] = a->input[i].data;
        RT_TRY(asker_check_axes(a, i, e));
    }
    return 0;
}

/* ---- made ready ----
 * One whole number given alone is a setting more than it is data (a sample rate, a number of steps): as a constant it
 * can decide which branch is taken and which shape is made. */

static bool given_is_setting(const struct rt_tensor *t)
{
    return type_is_whole(t->dtype) && (t->rank == 0 || (t->rank == 1 && t->dim[0] == 1));
}

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

/* Under the lock, also while one is made: whoever waits mostly wants the same. */
static int shapes_find(struct rt_frozen_shapes *s, const struct rt_tensor *input, struct made **out,
                       struct rt_error *e)
{
    for (int i = 0; i < s->count; i++)
        if (made_fits(s->made[i], input, s->model->inputs)) {
            *out = s->made[i];
            return 0;
        }
    RT_TRY(made_create(out, s, input, e));
    struct made **place = shapes_place(s);
    s->total++;
    (*out)->loose = !place;
    if (place)
        *place = *out;
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
    pthread_mutex_lock(&s->lock);
    int rc = shapes_find(s, a->input, &a->made, e);
    if (rc == 0) {
        a->made->holders++;
        a->made->used = ++s->clock;
    }
    pthread_mutex_unlock(&s->lock);
    RT_TRY(rc);
    if (rt_frozen_exec_create(&a->exec, a->made->frozen) == 0)
        return 0;
    asker_release(a);
    return rt_error_set(e, RT_EMEM, "%s: no memory for its values", s->name);
}

int rt_frozen_ask(struct rt_frozen_asker *a, const struct rt_frozen_given *given, int count, struct rt_error *e)
{
    RT_TRY(asker_take(a, given, count, e));
    RT_TRY(asker_hold(a, e));
    return rt_frozen_run(a->exec, a->data, e);
}

const struct rt_tensor *rt_frozen_answer(const struct rt_frozen_asker *a, int i)
{
    return rt_frozen_result(a->exec, i);
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
    if (a->input && a->own && a->data)
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
