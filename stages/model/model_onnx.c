/* SPDX-License-Identifier: MIT
 * model_onnx: see model_onnx.h. Metadata goes through rt_model_save's, so that both files of a model
 * always say the same. */
#include "stages/model/model_onnx.h"

#include "stages/model/net.h"
#include "stages/nn/op.h"
#include "stages/onnx/frozen/frozen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_BUCKETS 20 /* non-zero entries of a text's golden input */

static const char *const texts[] = {"retort.recipe", "retort.classes", "retort.head",
                                    "retort.temperature", "retort.teacher", "retort.network", RT_MODEL_SCORING};

/* ---- numbers as text ---- */

static char *hex_of(const float *value, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    const uint8_t *byte = (const uint8_t *)value;
    char *text = malloc(8 * n + 1), *at = text;
    for (size_t i = 0; text && i < 4 * n; i++) {
        *at++ = digit[byte[i] >> 4];
        *at++ = digit[byte[i] & 15];
    }
    if (text)
        *at = '\0';
    return text;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly n numbers; false otherwise. */
static bool floats_of(const char *text, float *value, size_t n)
{
    uint8_t *byte = (uint8_t *)value;
    if (strlen(text) != 8 * n)
        return false;
    for (size_t i = 0; i < 4 * n; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        byte[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void set_hex(struct rt_onnx *o, const char *key, const float *value, size_t n)
{
    char *text = hex_of(value, n);
    if (text)
        rt_onnx_set_text(o, key, text);
    else if (!o->err)
        o->err = RT_EMEM;
    free(text);
}

/* ---- running our engine on one input ---- */

/* The row as a bag of its non-zero entries. */
struct dense_bag {
    int32_t offset[2], *bucket;
    float *weight;
};

static int bag_of(struct dense_bag *b, const float *row, int64_t n)
{
    b->bucket = malloc((size_t)n * sizeof *b->bucket);
    b->weight = malloc((size_t)n * sizeof *b->weight);
    if (!b->bucket || !b->weight)
        return RT_EMEM;
    for (int64_t i = 0; i < n; i++)
        if (row[i] != 0) {
            b->bucket[b->offset[1]] = (int32_t)i;
            b->weight[b->offset[1]++] = row[i];
        }
    return 0;
}

/* embedding and logits hold m->dim and m->classes numbers. */
static int golden_run(struct rt_model *m, const struct rt_tensor *input, float *embedding, float *logits)
{
    struct rt_net *n = NULL;
    struct rt_net_outputs o;
    struct dense_bag b = {0};
    bool bag = rt_graph_at(m->graph, 0)->op == RT_OP_bag;
    int rc = rt_net_create(&n, m, 1);
    if (rc == 0 && bag)
        rc = bag_of(&b, input->data, input->dim[1]);
    if (rc == 0)
        rc = rt_net_run(n, 1, bag ? NULL : input->data,
                        bag ? &(struct rt_bags){b.offset, b.bucket, b.weight} : NULL, &o, NULL);
    if (rc == 0) {
        memcpy(embedding, o.embedding, (size_t)m->dim * sizeof(float));
        memcpy(logits, o.logits, (size_t)m->classes * sizeof(float));
    }
    free(b.bucket);
    free(b.weight);
    rt_net_destroy(n);
    return rc;
}

/* ---- the golden pair ---- */

static int golden_init(struct rt_golden *g, const struct rt_model *m)
{
    const struct rt_node *n = rt_graph_at(m->graph, 0);
    int64_t dim[1 + RT_NODE_RANK] = {1, n->attr.buckets}, size = m->dim, classes = m->classes;
    int rank = n->op == RT_OP_bag ? 1 : n->shape.rank;
    for (int i = 0; i < rank && n->op != RT_OP_bag; i++)
        dim[i + 1] = n->shape.dim[i];
    int rc = rt_tensor_init(&g->input, RT_F32, rank + 1, dim);
    if (!rc)
        rc = rt_tensor_init(&g->embedding, RT_F32, 1, &size);
    if (!rc)
        rc = rt_tensor_init(&g->logits, RT_F32, 1, &classes);
    return rc;
}

void rt_golden_fini(struct rt_golden *g)
{
    rt_tensor_fini(&g->input);
    rt_tensor_fini(&g->embedding);
    rt_tensor_fini(&g->logits);
}

static void golden_draw(struct rt_golden *g, bool bag)
{
    struct rt_rng r = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    float *x = g->input.data;
    int64_t n = rt_tensor_count(&g->input);
    for (int64_t i = 0; !bag && i < n; i++)
        x[i] = (float)rt_rng_normal(&r);
    for (int i = 0; bag && i < GOLDEN_BUCKETS; i++)
        x[rt_rng_below(&r, (uint32_t)n)] = (float)rt_rng_range(&r, 0.1, 0.5);
}

static char *bag_text(const struct rt_tensor *input)
{
    char *text = calloc(GOLDEN_BUCKETS, 32), *at = text;
    const float *x = input->data;
    for (int64_t i = 0; text && i < input->dim[1]; i++)
        if (x[i] != 0)
            at += sprintf(at, "%s%lld:%.9g", at == text ? "" : " ", (long long)i, (double)x[i]);
    return text;
}

static int golden_add(struct rt_onnx *o, struct rt_model *m)
{
    struct rt_golden g = {0};
    bool bag = rt_graph_at(m->graph, 0)->op == RT_OP_bag;
    int rc = golden_init(&g, m);
    if (!rc) {
        golden_draw(&g, bag);
        rc = golden_run(m, &g.input, g.embedding.data, g.logits.data);
    }
    char *text = rc || !bag ? NULL : bag_text(&g.input);
    if (!rc && bag && !text)
        rc = RT_EMEM;
    if (text)
        rt_onnx_set_text(o, "retort.golden.input", text);
    else if (!rc)
        set_hex(o, "retort.golden.input", g.input.data, (size_t)rt_tensor_count(&g.input));
    if (!rc) {
        set_hex(o, "retort.golden.embedding", g.embedding.data, (size_t)m->dim);
        set_hex(o, "retort.golden.logits", g.logits.data, (size_t)m->classes);
    }
    free(text);
    rt_golden_fini(&g);
    return rc;
}

/* ---- out ---- */

/* Speech of any length, where the network is for it: the file then says which one it was trained with, for programs
 * that must take one. */
static void add_time(struct rt_onnx *o, struct rt_onnx_map *map, const struct rt_model *m)
{
    char frames[24];
    struct rt_error fixed = {0};
    if (m->modality->id != RT_SPEECH || rt_onnx_map_open_time(map, NULL, &fixed) < 0)
        return;
    snprintf(frames, sizeof frames, "%d", rt_graph_at(m->graph, 0)->shape.dim[0]);
    rt_onnx_set_text(o, RT_ONNX_TIME, frames);
}

static int add_graph(struct rt_onnx *o, const struct rt_model *m, enum rt_onnx_weights weights, struct rt_error *e)
{
    struct rt_onnx_map *map;
    struct rt_onnx_term answer[2];
    int terms = 0;
    if (m->answer != RT_HEAD_TEACHER)
        answer[terms++] = (struct rt_onnx_term){m->logits, (float)m->scale};
    if (m->answer != RT_HEAD_OWN)
        answer[terms++] = (struct rt_onnx_term){m->teacher[0].head, (float)m->teacher[0].scale};
    if (rt_onnx_map_create(&map, m->graph, o, weights))
        return rt_error_set(e, RT_EMEM, "out of memory for the network");
    add_time(o, map, m);
    struct rt_onnx_term embedding = {m->embedding, 1};
    int rc = rt_onnx_map_output(map, "embedding", &embedding, 1, e);
    if (!rc)
        rc = rt_onnx_map_output(map, "logits", answer, terms, e);
    rt_onnx_map_destroy(map);
    return rc;
}

static int add_texts(struct rt_onnx *o, const struct rt_model *m)
{
    struct rt_safetensors *s;
    int rc = rt_safetensors_create(&s);
    if (!rc)
        rc = rt_model_save(m, s);
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++) {
        const char *text = rt_safetensors_text(s, texts[i]);
        /* A head nobody asks for is not in the file, so it is not spoken of. */
        if (text && (m->answer != RT_HEAD_OWN || strcmp(texts[i], "retort.teacher") != 0))
            rt_onnx_set_text(o, texts[i], text);
    }
    rt_safetensors_destroy(s);
    rt_onnx_set_text(o, "retort.version", RT_VERSION);
    rt_onnx_set_text(o, "retort.modality", m->modality->name);
    if (m->front.idf)
        set_hex(o, "retort.idf", m->front.idf, (size_t)m->recipe.text_buckets);
    return rc;
}

/* Of narrow weights: what a reader makes of the file, which is what its golden outputs have to be of. */
static int golden_add_read(struct rt_onnx *o, struct rt_error *e)
{
    struct rt_model read;
    RT_TRY(o->err);
    RT_TRY(rt_model_from_onnx(&read, o, "the network", e));
    int rc = golden_add(o, &read);
    rt_model_fini(&read);
    return rc;
}

int rt_model_to_onnx(struct rt_onnx **out, struct rt_model *m, enum rt_onnx_weights weights, struct rt_error *e)
{
    struct rt_onnx *o;
    int rc = rt_onnx_create(&o, RT_ONNX_MAP_OPSET);
    struct rt_error why = {0};
    *out = NULL;
    if (!rc)
        rc = add_graph(o, m, weights, &why);
    if (!rc)
        rc = add_texts(o, m);
    if (!rc)
        rc = weights == RT_ONNX_WEIGHTS_FLOAT ? golden_add(o, m) : golden_add_read(o, &why);
    if (!rc)
        rc = o->err;
    if (rc) {
        rt_onnx_destroy(o);
        return rt_error_set(e, rc, "%s", why.code ? why.text : rt_err_words(rc));
    }
    *out = o;
    return 0;
}

/* ---- in ---- */

static int add_weight(struct rt_safetensors *s, const char *weight, const struct rt_tensor *in)
{
    char name[2 * RT_NAME];
    struct rt_tensor t = {0};
    snprintf(name, sizeof name, "model.%.100s", weight);
    int rc = rt_onnx_map_weight(&t, in);
    if (!rc)
        rc = rt_safetensors_add(s, name, &t);
    rt_tensor_fini(&t);
    return rc;
}

/* Those that are narrow in the file. */
static int add_widened(struct rt_safetensors *s, const struct rt_onnx *o, const char *file, struct rt_error *e)
{
    for (int i = 0; i < o->nodes; i++) {
        struct rt_tensor t;
        const struct rt_onnx_node *n = &o->node[i];
        int rc = rt_onnx_map_widen(&t, o, n);
        if (rc > 0)
            rc = add_weight(s, n->output[0], &t);
        rt_tensor_fini(&t);
        if (rc < 0)
            return rt_error_set(e, rc, "%s: weight '%.100s': %s", file, n->output[0], rt_err_words(rc));
    }
    return 0;
}

/* The weights under rt_graph_save's names. */
static int add_weights(struct rt_safetensors *s, const struct rt_onnx *o, const char *file,
                       struct rt_error *e)
{
    int rc = 0;
    for (int i = 0; !rc && i < o->initializers; i++) {
        const struct rt_onnx_initializer *w = &o->initializer[i];
        if (strchr(w->name, '/')) /* a constant of the mapping's own */
            continue;
        rc = add_weight(s, w->name, &w->tensor);
        if (rc)
            rt_error_set(e, rc, "%s: initialiser '%.100s': %s", file, w->name, rt_err_words(rc));
    }
    return rc ? rc : add_widened(s, o, file, e);
}

/* As rt_graph_init would: uniform within 1/sqrt(inputs). */
static int add_start(struct rt_safetensors *s, const char *name, int rank, const int64_t *dim)
{
    struct rt_tensor t = {0};
    double bound = 1 / sqrt((double)dim[1]);
    struct rt_rng r = rt_rng_init(0, 0, rt_name_hash(name), RT_RNG_INIT);
    int rc = rt_safetensors_get(s, name) ? 0 : rt_tensor_init(&t, RT_F32, rank, dim);
    for (int64_t i = 0; t.data && i < rt_tensor_count(&t); i++)
        ((float *)t.data)[i] = (float)rt_rng_range(&r, -bound, bound);
    if (!rc && t.data)
        rc = rt_safetensors_add(s, name, &t);
    rt_tensor_fini(&t);
    return rc;
}

/* The answer may be the teacher's head alone, but every model has one of its own. */
static int add_own_head(struct rt_safetensors *s, const struct rt_onnx *o, const char *classes)
{
    int64_t dim[2] = {1, 1};
    for (int i = 0; i < o->outputs; i++)
        if (!strcmp(o->output[i].name, "embedding") && o->output[i].rank == 2 && o->output[i].dim[1] > 0)
            dim[1] = o->output[i].dim[1];
    for (const char *c = classes; *c; c++)
        dim[0] += *c == '\n';
    int rc = add_start(s, "model.logits.weight", 2, dim);
    return rc ? rc : add_start(s, "model.logits.bias", 1, dim);
}

static int add_idf(struct rt_safetensors *s, const char *text)
{
    struct rt_tensor t;
    int64_t n = (int64_t)strlen(text) / 8;
    int rc = rt_tensor_init(&t, RT_F32, 1, &n);
    if (!rc)
        rc = floats_of(text, t.data, (size_t)n) ? rt_safetensors_add(s, "front.idf", &t)
                                                : RT_EFORMAT;
    rt_tensor_fini(&t);
    return rc;
}

int rt_model_from_onnx(struct rt_model *m, const struct rt_onnx *o, const char *name,
                       struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    const char *idf = rt_onnx_text(o, "retort.idf"), *classes = rt_onnx_text(o, "retort.classes");
    memset(m, 0, sizeof *m);
    if (!classes || !rt_onnx_text(o, "retort.recipe"))
        return rt_error_set(e, RT_EFORMAT, "%s: not written by retort (no metadata retort.%s)",
                            name, classes ? "recipe" : "classes");
    int rc = rt_safetensors_create(&s);
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
        if (rt_onnx_text(o, texts[i]))
            rc = rt_safetensors_set_text(s, texts[i], rt_onnx_text(o, texts[i]));
    if (!rc && idf && (rc = add_idf(s, idf)))
        rt_error_set(e, rc, "%s: retort.idf: %s", name, rt_err_words(rc));
    if (!rc)
        rc = add_weights(s, o, name, e);
    if (!rc)
        rc = add_own_head(s, o, classes);
    if (!rc)
        rc = rt_model_restore(m, s, name, e);
    else if (e && e->code != rc)
        rt_error_set(e, rc, "%s: %s", name, rt_err_words(rc));
    rt_safetensors_destroy(s);
    return rc;
}

/* ---- comparing ---- */

/* "BUCKET:WEIGHT ..." */
static bool read_bag(const char *text, struct rt_tensor *t)
{
    while (*text) {
        char *end;
        long long bucket = strtoll(text, &end, 10);
        if (end == text || *end != ':' || bucket < 0 || bucket >= t->dim[1])
            return false;
        text = end + 1;
        ((float *)t->data)[bucket] = strtof(text, &end);
        if (end == text || (*end && *end != ' '))
            return false;
        text = *end ? end + 1 : end;
    }
    return true;
}

static int read_shape(const struct rt_onnx *o, const char *value, bool input, int *rank,
                      int64_t *dim)
{
    const struct rt_onnx_value *list = input ? o->input : o->output;
    int n = input ? o->inputs : o->outputs;
    for (int i = 0; i < n; i++)
        if (!strcmp(list[i].name, value) && list[i].rank > 1) {
            *rank = list[i].rank;
            memcpy(dim, list[i].dim, (size_t)*rank * sizeof *dim);
            dim[0] = 1;
            if (input && dim[1] < 0)
                dim[1] = rt_onnx_time(o);
            return 0;
        }
    return RT_EFORMAT;
}

static int read_array(struct rt_tensor *t, const struct rt_onnx *o, const char *value, bool input,
                      const char *file, struct rt_error *e)
{
    char key[64];
    int rank = 0;
    int64_t dim[RT_TENSOR_RANK];
    snprintf(key, sizeof key, "retort.golden.%s", value);
    const char *text = rt_onnx_text(o, key);
    int rc = text ? read_shape(o, value, input, &rank, dim) : RT_EFORMAT;
    if (!rc)
        rc = rt_tensor_init(t, RT_F32, input ? rank : rank - 1, input ? dim : dim + 1);
    bool bag = text && strchr(text, ':');
    if (!rc && !(bag ? input && rank == 2 && read_bag(text, t)
                     : floats_of(text, t->data, (size_t)rt_tensor_count(t))))
        rc = RT_EFORMAT;
    return rc ? rt_error_set(e, rc, "%s: metadata %s is missing or does not fit '%s'", file, key,
                             value)
              : 0;
}

int rt_golden_read(struct rt_golden *g, const struct rt_onnx *o, const char *name,
                   struct rt_error *e)
{
    memset(g, 0, sizeof *g);
    int rc = read_array(&g->input, o, RT_ONNX_INPUT, true, name, e);
    if (!rc)
        rc = read_array(&g->embedding, o, "embedding", false, name, e);
    return rc ? rc : read_array(&g->logits, o, "logits", false, name, e);
}

static double farthest(const float *have, const float *want, int64_t n)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)have[i] - want[i]) / fmax(1, fabs((double)want[i]));
        worst = d > worst || d != d ? d : worst; /* NaN stays */
    }
    return worst;
}

static double golden_distance(const struct rt_golden *g, const float *embedding,
                              const float *logits)
{
    double a = farthest(embedding, g->embedding.data, g->embedding.dim[0]);
    double b = farthest(logits, g->logits.data, g->logits.dim[0]);
    return a > b || a != a ? a : b;
}

int rt_golden_compare(const struct rt_golden *g, struct rt_model *m, double *worst,
                      struct rt_error *e)
{
    struct rt_golden own = {0};
    int rc = golden_init(&own, m);
    if (!rc && (rt_tensor_count(&own.input) != rt_tensor_count(&g->input) ||
                g->embedding.dim[0] != m->dim || g->logits.dim[0] != m->classes))
        rc = RT_EMISMATCH;
    if (!rc)
        rc = golden_run(m, &g->input, own.embedding.data, own.logits.data);
    if (!rc)
        *worst = golden_distance(g, own.embedding.data, own.logits.data);
    rt_golden_fini(&own);
    return rc ? rt_error_set(e, rc, "the golden pair and the model: %s", rt_err_words(rc)) : 0;
}

int rt_golden_compare_graph(const struct rt_golden *g, const struct rt_onnx *o, const char *name,
                            double *worst, struct rt_error *e)
{
    static const char *const outputs[] = {"embedding", "logits"};
    struct rt_frozen *f = NULL;
    struct rt_frozen_exec *x = NULL;
    struct rt_tensor shape = g->input;
    shape.data = NULL; /* given at the run */
    struct rt_frozen_options options = {.input = &shape, .output = outputs, .outputs = 2};
    if (o->inputs != 1)
        return rt_error_set(e, RT_EMISMATCH, "%s: %d inputs, not one", name, o->inputs);
    int rc = rt_frozen_create(&f, o, name, &options, e);
    if (!rc && (rc = rt_frozen_exec_create(&x, f)))
        rt_error_set(e, rc, "%s: out of memory", name);
    if (!rc)
        rc = rt_frozen_run(x, (const void *const[]){g->input.data}, e);
    if (!rc) {
        const struct rt_tensor *a = rt_frozen_result(x, 0), *b = rt_frozen_result(x, 1);
        if (a->dtype != RT_F32 || rt_tensor_count(a) != g->embedding.dim[0] ||
            b->dtype != RT_F32 || rt_tensor_count(b) != g->logits.dim[0])
            rc = rt_error_set(e, RT_EMISMATCH, "%s: its outputs have other sizes than the golden "
                              "ones", name);
        else
            *worst = golden_distance(g, a->data, b->data);
    }
    rt_frozen_exec_destroy(x);
    rt_frozen_destroy(f);
    return rc;
}
