/* SPDX-License-Identifier: MIT
 * sample_inputs: see sample_inputs.h. */
#include "tui/cli/sample_inputs.h"

#include "formats/rng.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is being made. */
struct making {
    struct rt_sample *s;
    const struct rt_onnx *o;
    const char *path;
    const struct rt_sample_wish *wish;
    int batch;
};

/* ---- sizes ----
 * What a file leaves open is taken as its kind mostly has it: a picture of 224 pixels, 2 s of frames, 1 s of a raw
 * wave, 16 words. */

/* "NAME=..." for this name; NULL = not given. */
static const char *given_find(const char *const *given, int n, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    for (int i = n - 1; i >= 0; i--)
        if (name && strncmp(given[i], name, length) == 0 && given[i][length] == '=')
            return given[i] + length + 1;
    return NULL;
}

/* The axis of the samples: the first, or whichever is called so (an LSTM's state has it second). */
static bool axis_is_batch(const struct rt_onnx_value *v, int axis)
{
    const char *symbol = v->symbol[axis];
    return axis == 0 || (symbol && (strncasecmp(symbol, "batch", 5) == 0 || strcasecmp(symbol, "n") == 0));
}

static int64_t size_guess(const struct rt_onnx_value *v, int axis)
{
    bool real = v->dtype == RT_F32 || v->dtype == RT_F64;
    if (axis_is_batch(v, axis))
        return 1;
    if (!real)
        return 16;
    if (v->rank == 4 && v->dim[1] != 1)
        return axis == 1 && v->dim[3] != 3 ? 3 : 224;
    if (v->rank >= 3)
        return axis == v->rank - 1 && v->dim[axis - 1] < 0 ? 80 : 200;
    return 16000;
}

/* "1,3,224,224" for an input of this rank (-1: any). */
static int size_read(const char *path, const struct rt_onnx_value *v, const char *text, struct rt_tensor *t,
                     struct rt_error *e)
{
    int n = 0;
    for (const char *at = text; n < RT_TENSOR_RANK; at++) {
        char *end;
        long long size = strtoll(at, &end, 10);
        if (end == at || size < 0)
            break;
        t->dim[n++] = size;
        at = end;
        if (*at == ',')
            continue;
        if (*at || (v->rank >= 0 && v->rank != n))
            break;
        t->rank = n;
        return 0;
    }
    return rt_error_set(e, RT_EUSAGE, "%s: --size %s=%s: whole numbers with commas between them are wanted, one for "
                        "each dimension", path, v->name, text);
}

static int size_of_axis(const struct making *m, const struct rt_onnx_value *v, int k, int64_t *size, struct rt_error *e)
{
    const char *wish = given_find(m->wish->size, m->wish->sizes, v->symbol[k]);
    char *end;
    if (m->batch && axis_is_batch(v, k))
        *size = m->batch;
    else if (!wish)
        *size = k == 1 && rt_onnx_time(m->o) > 0 ? rt_onnx_time(m->o) : size_guess(v, k);
    else if ((*size = strtoll(wish, &end, 10)) < 0 || end == wish || *end)
        return rt_error_set(e, RT_EUSAGE, "--size %s=%s: a whole number is wanted", v->symbol[k], wish);
    return 0;
}

static int input_size(const struct making *m, int i, struct rt_error *e)
{
    const struct rt_onnx_value *v = &m->o->input[i];
    struct rt_tensor *t = &m->s->shape[i];
    const char *whole = given_find(m->wish->size, m->wish->sizes, v->name);
    t->dtype = v->dtype;
    t->rank = v->rank;
    if (whole)
        return size_read(m->path, v, whole, t, e);
    if (v->rank < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: input '%.100s' has no shape in the file; give one, as in "
                            "--size %s=1,3,224,224", m->path, v->name, v->name);
    for (int k = 0; k < v->rank; k++) {
        t->dim[k] = v->dim[k];
        if (v->dim[k] < 0)
            RT_TRY(size_of_axis(m, v, k, &t->dim[k], e));
    }
    return 0;
}

/* A batch that no input has would be timed as what it is not. */
static int batch_check(const struct making *m, struct rt_error *e)
{
    bool found = m->batch == 0;
    for (int i = 0; i < m->o->inputs; i++)
        for (int k = 0; k < m->s->shape[i].rank; k++)
            found = found || (axis_is_batch(&m->o->input[i], k) && m->s->shape[i].dim[k] == m->batch);
    return found ? 0 : rt_error_set(e, RT_EMISMATCH, "%s: its batch is fixed, and not at %d; export it with a dynamic "
                                    "first axis", m->path, m->batch);
}

/* ---- elements ----
 * Seeded normal numbers; of whole ones 1, which every vocabulary has and every mask takes; a rate is 16000. */

static void input_put(struct rt_tensor *t, int64_t i, double number)
{
    switch (t->dtype) {
    case RT_F32:
        ((float *)t->data)[i] = (float)number;
        break;
    case RT_F64:
        ((double *)t->data)[i] = number;
        break;
    case RT_I64:
        ((int64_t *)t->data)[i] = (int64_t)number;
        break;
    case RT_I32:
        ((int32_t *)t->data)[i] = (int32_t)number;
        break;
    default:
        ((uint8_t *)t->data)[i] = (uint8_t)number;
    }
}

static int input_number(const struct making *m, int i, bool real, double *number, bool *wished, struct rt_error *e)
{
    const char *name = m->o->input[i].name, *wish = given_find(m->wish->value, m->wish->values, name);
    bool rate = m->s->shape[i].rank == 0 && (!strcmp(name, "sr") || strstr(name, "rate"));
    char *end = NULL;
    *wished = wish != NULL;
    *number = wish ? strtod(wish, &end) : rate ? 16000 : 1;
    if (wish && (end == wish || *end || (!real && !(*number >= INT32_MIN && *number <= INT32_MAX))))
        return rt_error_set(e, RT_EUSAGE, "--value %s=%s: a%s number is wanted", name, wish, real ? "" : " whole");
    return 0;
}

static int input_fill(const struct making *m, int i, struct rt_error *e)
{
    struct rt_tensor *shape = &m->s->shape[i], *t = &m->s->input[i];
    bool real = shape->dtype == RT_F32 || shape->dtype == RT_F64, wished;
    double number;
    RT_TRY(input_number(m, i, real, &number, &wished, e));
    int rc = rt_tensor_init(t, shape->dtype, shape->rank, shape->dim);
    if (rc < 0)
        return rt_error_set(e, rc, "%s: input '%.100s': %s", m->path, m->o->input[i].name, rt_err_words(rc));
    struct rt_rng rng = rt_rng_init(1, 0, (uint64_t)i, RT_RNG_TEST);
    for (int64_t k = 0, n = rt_tensor_count(t); k < n; k++)
        input_put(t, k, real && !wished ? rt_rng_normal(&rng) : number);
    m->s->data[i] = t->data;
    bool setting = !real && t->rank < 2 && rt_tensor_count(t) == 1; /* as frozen_shapes.h has it */
    shape->data = setting ? t->data : NULL;
    return 0;
}

/* ---- making ---- */

static bool name_is_known(const struct rt_onnx *o, const char *given, bool axes)
{
    for (int i = 0; i < o->inputs; i++) {
        const struct rt_onnx_value *v = &o->input[i];
        if (given_find(&given, 1, v->name))
            return true;
        for (int k = 0; axes && k < v->rank; k++)
            if (given_find(&given, 1, v->symbol[k]))
                return true;
    }
    return false;
}

static int wish_check(const struct making *m, struct rt_error *e)
{
    const struct rt_sample_wish *w = m->wish;
    for (int i = 0; i < w->sizes + w->values; i++) {
        const char *given = i < w->sizes ? w->size[i] : w->value[i - w->sizes];
        if (!name_is_known(m->o, given, i < w->sizes))
            return rt_error_set(e, RT_EUSAGE, "%s: %s: no input%s has this name", m->path, given,
                                i < w->sizes ? " or axis" : "");
    }
    return 0;
}

int rt_sample_make(struct rt_sample *s, const struct rt_onnx *o, const char *path, const struct rt_sample_wish *wish,
                   int batch, struct rt_error *e)
{
    struct making m = {s, o, path, wish, batch};
    size_t n = (size_t)o->inputs + 1;
    *s = (struct rt_sample){.input = calloc(n, sizeof *s->input), .shape = calloc(n, sizeof *s->shape),
                            .data = calloc(n, sizeof *s->data)};
    if (!s->input || !s->shape || !s->data)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    s->inputs = o->inputs;
    RT_TRY(wish_check(&m, e));
    for (int i = 0; i < o->inputs; i++)
        RT_TRY(input_size(&m, i, e));
    RT_TRY(batch_check(&m, e));
    for (int i = 0; i < o->inputs; i++)
        RT_TRY(input_fill(&m, i, e));
    return 0;
}

void rt_sample_fini(struct rt_sample *s)
{
    for (int i = 0; s->input && i < s->inputs; i++)
        rt_tensor_fini(&s->input[i]);
    free(s->input);
    free(s->shape);
    free(s->data);
    *s = (struct rt_sample){0};
}

/* ---- options ---- */

static int wish_take(const char **to, int *count, const char *value, struct rt_error *e)
{
    const char *is = strchr(value, '=');
    if (!is || is == value || !is[1])
        return rt_error_set(e, RT_EUSAGE, "NAME=NUMBER is wanted");
    if (*count == RT_SAMPLE_WISHES)
        return rt_error_set(e, RT_EUSAGE, "no more than %d", RT_SAMPLE_WISHES);
    to[(*count)++] = value;
    return 0;
}

int rt_take_sample_size(void *field, const char *value, struct rt_error *e)
{
    struct rt_sample_wish *w = field;
    return wish_take(w->size, &w->sizes, value, e);
}

int rt_take_sample_value(void *field, const char *value, struct rt_error *e)
{
    struct rt_sample_wish *w = field;
    return wish_take(w->value, &w->values, value, e);
}
