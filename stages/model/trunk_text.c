/* SPDX-License-Identifier: MIT
 * trunk_text: see trunk_text.h. */
#include "stages/model/trunk_text.h"

#include "stages/model/onnx_input.h"
#include "stages/model/buckets.h"
#include "stages/nn/op.h"
#include "stages/onnx/frozen/frozen_shapes.h"
#include "stages/tokenizer/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUTS 4       /* ids, mask, types, positions */
#define LONGEST 512    /* tokens, where neither file nor recipe says it */
#define SHORT 8        /* tokens that every network takes */
#define DIM_MAX (1 << 20)

struct rt_trunk_text {
    const struct rt_onnx *model;
    char *file; /* its name; owned */
    struct rt_tokenizer *tokenizer;
    char path[4200]; /* of the tokenizer */
    int role[INPUTS]; /* [the model's inputs] what each is: an index of roles */
    bool masked;
    int fixed; /* every text has this many tokens; 0 = any number */
    int longest;
    bool guessed; /* nobody says how long */
    enum rt_pooling_id pooling;
    const char *pooling_by; /* what says so */
    char *embedding; /* the wanted value; owned */
    int dim;
    struct rt_frozen_shapes *shapes;
};

/* ---- the inputs, by the names that exporters give them ---- */

enum { IDS, MASK, TYPES, POSITIONS };
static const char *const roles[INPUTS][5] = {
    [IDS] = {"input_ids", "ids", "tokens", "text", NULL},
    [MASK] = {"attention_mask", "input_mask", "mask", NULL},
    [TYPES] = {"token_type_ids", "segment_ids", NULL},
    [POSITIONS] = {"position_ids", NULL},
};

static int role_of(const char *name)
{
    for (int r = 0; r < INPUTS; r++)
        for (int i = 0; roles[r][i]; i++)
            if (strcmp(name, roles[r][i]) == 0)
                return r;
    return -1;
}

static bool type_is_whole(enum rt_dtype type)
{
    return type == RT_I64 || type == RT_I32;
}

bool rt_trunk_text_reads(const struct rt_onnx *m)
{
    for (int i = 0; i < m->inputs; i++)
        if (role_of(m->input[i].name) == IDS && type_is_whole(m->input[i].dtype))
            return true;
    return m->inputs == 1 && type_is_whole(m->input[0].dtype);
}

static const char *output_named(const struct rt_onnx *m, const char *name)
{
    for (int i = 0; i < m->outputs; i++)
        if (strcmp(m->output[i].name, name) == 0)
            return m->output[i].name;
    return NULL;
}

bool rt_trunk_text_has_logits(const struct rt_onnx *m)
{
    return output_named(m, "logits") != NULL;
}

/* What is pooled already goes before the vectors of tokens. */
const char *rt_trunk_text_output(const struct rt_onnx *m)
{
    static const char *const known[] = {"sentence_embedding", "text_embeds", "last_hidden_state", "token_embeddings"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *name = output_named(m, known[i]);
        if (name)
            return name;
    }
    return m->output[m->outputs - 1].name;
}

/* [1, tokens] each, of one length where the file fixes it. */
static int text_read_input(struct rt_trunk_text *t, int i, const struct rt_teacher_settings *s, unsigned *seen,
                           struct rt_error *e)
{
    const struct rt_onnx_value *in = &t->model->input[i];
    int role = s->input[0] && strcmp(s->input, in->name) == 0 ? IDS : role_of(in->name);
    role = role < 0 && t->model->inputs == 1 ? IDS : role;
    if (role < 0)
        return rt_onnx_input_refuse(s->model, in, "a text has no such input: input_ids, attention_mask, token_type_ids "
                                    "and position_ids are made; export the text tower alone", e);
    if (*seen & 1u << role)
        return rt_onnx_input_refuse(s->model, in, "another input is that, too; name the one of the ids in "
                                    "teacher.input", e);
    if (!type_is_whole(in->dtype) && !(role == MASK && (in->dtype == RT_F32 || in->dtype == RT_BOOL)))
        return rt_onnx_input_refuse(s->model, in, "whole numbers are wanted", e);
    if (in->rank != 2 || in->dim[0] > 1 || in->dim[0] == 0)
        return rt_onnx_input_refuse(s->model, in, "[1, tokens] is wanted", e);
    if (in->dim[1] >= 0 && ((t->fixed && t->fixed != in->dim[1]) || in->dim[1] < 1 || in->dim[1] > 1 << 16))
        return rt_onnx_input_refuse(s->model, in, "another number of tokens than its other inputs have", e);
    t->fixed = in->dim[1] >= 0 ? (int)in->dim[1] : t->fixed;
    t->role[i] = role;
    t->masked |= role == MASK;
    *seen |= 1u << role;
    return 0;
}

static int text_read_inputs(struct rt_trunk_text *t, const struct rt_teacher_settings *s, struct rt_error *e)
{
    unsigned seen = 0;
    if (t->model->inputs > INPUTS)
        return rt_error_set(e, RT_EMISMATCH, "%s: %d inputs; a text has at most %d", s->model, t->model->inputs,
                            INPUTS);
    for (int i = 0; i < t->model->inputs; i++)
        RT_TRY(text_read_input(t, i, s, &seen, e));
    if (seen & 1u << IDS)
        return 0;
    return rt_error_set(e, RT_EMISMATCH, "%s: none of its inputs has the ids of tokens; name it in teacher.input",
                        s->model);
}

/* ---- the tokenizer ----
 * Where models are kept, a tokenizer.json lies beside the file, or above it where each kind of file has a folder. */

static int text_find_tokenizer(struct rt_trunk_text *t, const struct rt_teacher_settings *s, struct rt_error *e)
{
    const char *slash = strrchr(s->model, '/');
    int folder = slash ? (int)(slash - s->model) + 1 : 0;
    static const char *const places[] = {"tokenizer.json", "../tokenizer.json"};
    if (s->front.tokenizer[0]) {
        snprintf(t->path, sizeof t->path, "%s", s->front.tokenizer);
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        snprintf(t->path, sizeof t->path, "%.*s%s", folder, s->model, places[i]);
        if (access(t->path, F_OK) == 0)
            return 0;
    }
    return rt_error_set(e, RT_EMISSING, "%s: it reads texts, and there is no tokenizer.json beside it; name it in "
                        "teacher.front.tokenizer", s->model);
}

/* An id beyond the table of vectors is found before the run: it says that the tokenizer is another network's. */
static int text_check_ids(const struct rt_trunk_text *t, struct rt_error *e)
{
    const char *ids = "";
    for (int i = 0; i < t->model->inputs; i++)
        ids = t->role[i] == IDS ? t->model->input[i].name : ids;
    for (int i = 0; i < t->model->nodes; i++) {
        const struct rt_onnx_node *n = &t->model->node[i];
        if (strcmp(n->op, "Gather") != 0 || n->inputs != 2 || strcmp(n->input[1], ids) != 0)
            continue;
        const struct rt_tensor *table = rt_onnx_initializer(t->model, n->input[0]);
        if (table && table->rank == 2 && rt_tokenizer_last_id(t->tokenizer) >= table->dim[0])
            return rt_error_set(e, RT_EMISMATCH, "%s has tokens up to number %d, and %s vectors for %lld: it is the "
                                "tokenizer of another network; name the right one in teacher.front.tokenizer", t->path,
                                (int)rt_tokenizer_last_id(t->tokenizer), t->file, (long long)table->dim[0]);
    }
    return 0;
}

static int text_read_tokenizer(struct rt_trunk_text *t, const struct rt_teacher_settings *s, struct rt_error *e)
{
    RT_TRY(text_find_tokenizer(t, s, e));
    RT_TRY(rt_tokenizer_open(&t->tokenizer, t->path, e));
    RT_TRY(text_check_ids(t, e));
    int own = rt_tokenizer_longest(t->tokenizer);
    t->guessed = !s->front.tokens && !own && !t->fixed;
    t->longest = s->front.tokens ? s->front.tokens : own ? own : t->fixed ? t->fixed : LONGEST;
    if (t->fixed && s->front.tokens > t->fixed)
        return rt_error_set(e, RT_EUSAGE, "teacher.front.tokens: %d, but %s reads %d", s->front.tokens, s->model,
                            t->fixed);
    t->longest = t->fixed && t->longest > t->fixed ? t->fixed : t->longest;
    if (t->longest <= rt_tokenizer_around(t->tokenizer))
        return rt_error_set(e, RT_EUSAGE, "teacher.front.tokens: of %d tokens %d are around the text, which leaves "
                            "nothing of it", t->longest, rt_tokenizer_around(t->tokenizer));
    return 0;
}

static int text_read_pooling(struct rt_trunk_text *t, const struct rt_teacher_settings *s, struct rt_error *e)
{
    char list[300];
    struct rt_front_settings preset = rt_front_preset(s->front.preset);
    if (s->front.preset != RT_FRONT_AUTO && !(preset.of >> RT_TEXT & 1))
        return rt_error_set(e, RT_EUSAGE, "%s: teacher.front.preset: %s is not for text, which has %s", s->model,
                            rt_front_names[s->front.preset], rt_front_preset_list(RT_TEXT, list, sizeof list));
    t->pooling = s->front.pooling != RT_POOLING_AUTO ? s->front.pooling : preset.pooling;
    t->pooling_by = s->front.pooling != RT_POOLING_AUTO ? "as teacher.front.pooling says"
                    : t->pooling != RT_POOLING_AUTO     ? "as teacher.front.preset says"
                                                        : "as neither teacher.front.pooling nor .preset says it";
    return 0;
}

int rt_trunk_text_open(struct rt_trunk_text **out, const struct rt_onnx *m, const struct rt_teacher_settings *s,
                       struct rt_error *e)
{
    struct rt_trunk_text *t = *out = calloc(1, sizeof *t);
    if (!t)
        return rt_error_set(e, RT_EMEM, "%s: no memory for it", s->model);
    t->model = m;
    t->file = strdup(s->model);
    int rc = t->file ? text_read_pooling(t, s, e) : rt_error_set(e, RT_EMEM, "%s: no memory for it", s->model);
    if (rc == 0)
        rc = text_read_inputs(t, s, e);
    if (rc == 0)
        rc = text_read_tokenizer(t, s, e);
    if (rc < 0) {
        rt_trunk_text_close(t);
        *out = NULL;
    }
    return rc;
}

void rt_trunk_text_close(struct rt_trunk_text *t)
{
    if (!t)
        return;
    rt_tokenizer_close(t->tokenizer);
    rt_frozen_shapes_destroy(t->shapes);
    free(t->file);
    free(t->embedding);
    free(t);
}

/* ---- lengths ---- */

/* In steps that grow, so that there are few lengths, and less than a third is filled up. */
static int length_round(const struct rt_trunk_text *t, int count)
{
    int step = count <= 32 ? 8 : count <= 128 ? 16 : 64;
    int round = (count + step - 1) / step * step;
    if (t->fixed)
        return t->fixed;
    return !t->masked ? count : round < t->longest ? round : count > t->longest ? count : t->longest;
}

/* What is asked of the graph: `count` texts of `length` tokens, input[i]: the elements of its input i, or all NULL. */
static void text_given(const struct rt_trunk_text *t, struct rt_frozen_given given[INPUTS], int count, int length,
                       void *const *input)
{
    const int64_t dim[] = {count, length};
    for (int i = 0; i < t->model->inputs; i++)
        given[i] = (struct rt_frozen_given){t->model->input[i].name,
                                            rt_tensor_view(t->model->input[i].dtype, 2, dim, input[i])};
}

/* The shape that comes out: [1, dim], or [1, length, dim], which is then pooled. */
static int shape_check(const struct rt_trunk_text *t, const struct rt_tensor *shape, int length, struct rt_error *e)
{
    bool tokens = shape->rank == 3 && shape->dim[0] == 1 && shape->dim[1] == length;
    bool one = shape->rank >= 1 && shape->dim[shape->rank - 1] == rt_tensor_count(shape);
    int64_t dim = shape->rank ? shape->dim[shape->rank - 1] : 0;
    if (!(t->pooling == RT_POOLING_NONE ? one : tokens))
        return rt_error_set(e, RT_EMISMATCH, "%s: '%.100s' has %d dimensions and %lld numbers for %d tokens, which "
                            "does not fit teacher.front.pooling: %s; none is for one vector, mean, cls and eot are for "
                            "one of each token", t->file, t->embedding, shape->rank,
                            (long long)rt_tensor_count(shape), length, rt_pooling_names[t->pooling]);
    if (shape->dtype != RT_F32 || dim < 1 || dim >= DIM_MAX || (t->dim && t->dim != dim))
        return rt_error_set(e, RT_EMISMATCH, "%s: '%.100s' is no vector of floats of one size", t->file, t->embedding);
    return 0;
}

/* The first says what comes out. */
static int length_check(struct rt_trunk_text *t, const struct rt_tensor *shape, int length, struct rt_error *e)
{
    bool tokens = shape->rank == 3 && shape->dim[0] == 1 && shape->dim[1] == length;
    if (t->pooling == RT_POOLING_AUTO)
        t->pooling = tokens ? RT_POOLING_MEAN : RT_POOLING_NONE;
    RT_TRY(shape_check(t, shape, length, e));
    t->dim = (int)shape->dim[shape->rank - 1];
    return 0;
}

static int length_try(struct rt_trunk_text *t, struct rt_frozen_asker *a, int length, struct rt_error *e)
{
    struct rt_frozen_given given[INPUTS];
    text_given(t, given, 1, length, (void *const[INPUTS]){0});
    int rc = rt_frozen_asker_ready(a, given, t->model->inputs, e);
    if (rc == 0)
        rc = length_check(t, rt_frozen_answer(a, 0), length, e);
    if (rc < 0)
        rt_error_prefix(e, "a text of %d tokens does not go through (teacher.front.tokens is the most)", length);
    return rc;
}

/* The longest text is tried, too: a network's table of places may be shorter than its tokenizer thinks, or it may be
 * that nobody has said how long it is: then it is found by halves. */
static int length_find(struct rt_trunk_text *t, struct rt_frozen_asker *a, struct rt_error *e)
{
    int good = t->longest < SHORT ? t->longest : SHORT, bad = t->longest;
    RT_TRY(length_try(t, a, length_round(t, good), e));
    int rc = length_try(t, a, length_round(t, bad), e);
    if (rc == 0 || rc == RT_EMEM || !t->guessed)
        return rc;
    while (bad - good > 1) {
        int middle = good + (bad - good) / 2;
        rc = length_try(t, a, middle, e);
        if (rc == RT_EMEM)
            return rc;
        *(rc == 0 ? &good : &bad) = middle;
    }
    t->longest = good;
    return 0;
}

int rt_trunk_text_freeze(struct rt_trunk_text *t, const char *embedding, struct rt_front *front, int *dim,
                         struct rt_error *e)
{
    struct rt_frozen_asker *a;
    t->embedding = strdup(embedding);
    if (!t->embedding)
        return rt_error_set(e, RT_EMEM, "%s: no memory for it", t->file);
    RT_TRY(rt_frozen_shapes_create(&t->shapes, t->model, t->file, &embedding, 1, e));
    if (rt_frozen_asker_create(&a, t->shapes) < 0)
        return rt_error_set(e, RT_EMEM, "%s: no memory for it", t->file);
    int rc = length_find(t, a, e);
    rt_frozen_asker_destroy(a);
    RT_TRY(rc);
    front->text.tokenizer = t->tokenizer;
    front->text.tokens = t->longest;
    *dim = t->dim;
    return 0;
}

void rt_trunk_text_words(const struct rt_trunk_text *t, char *text, size_t size)
{
    snprintf(text, size, "tokens by %.300s; pooling %s, %s", t->path, rt_pooling_names[t->pooling],
             t->pooling == RT_POOLING_NONE ? "as one vector comes out" : t->pooling_by);
}

void rt_trunk_text_describe(const struct rt_trunk_text *t, char *text, size_t size)
{
    static const char *const how[] = {"", "the mean over tokens", "the first token's", "the last token's",
                                      "as the file gives it"};
    const char *slash = strrchr(t->path, '/');
    snprintf(text, size, "texts of up to %d tokens (%s, %.60s), embedding '%.60s' (%d), %s", t->longest,
             rt_tokenizer_kind(t->tokenizer), slash ? slash + 1 : t->path, t->embedding, t->dim, how[t->pooling]);
}

/* ---- running ---- */

struct rt_trunk_text_exec {
    const struct rt_trunk_text *t;
    struct rt_frozen_asker *asker;
    void *input[INPUTS]; /* [the model's inputs] room for `room` numbers of 8 bytes */
    size_t room;
};

int rt_trunk_text_exec_create(struct rt_trunk_text_exec **out, const struct rt_trunk_text *t)
{
    struct rt_trunk_text_exec *x = *out = calloc(1, sizeof *x);
    if (!x)
        return RT_EMEM;
    x->t = t;
    x->room = (size_t)length_round(t, t->longest) * RT_BUCKET;
    bool room = rt_frozen_asker_create(&x->asker, t->shapes) == 0;
    for (int i = 0; i < t->model->inputs; i++)
        room = (x->input[i] = malloc(x->room * 8)) && room;
    if (room)
        return 0;
    rt_trunk_text_exec_destroy(x);
    *out = NULL;
    return RT_EMEM;
}

void rt_trunk_text_exec_destroy(struct rt_trunk_text_exec *x)
{
    if (!x)
        return;
    rt_frozen_asker_destroy(x->asker);
    for (int i = 0; i < INPUTS; i++)
        free(x->input[i]);
    free(x);
}

static void input_set(void *input, enum rt_dtype type, size_t at, int64_t value)
{
    if (type == RT_I64)
        ((int64_t *)input)[at] = value;
    else if (type == RT_I32)
        ((int32_t *)input)[at] = (int32_t)value;
    else if (type == RT_F32)
        ((float *)input)[at] = (float)value;
    else
        ((uint8_t *)input)[at] = (uint8_t)value;
}

/* Of a text in a row of so many tokens, the first of its own. */
static int text_begin(const struct rt_trunk_text *t, int length, int count)
{
    return rt_tokenizer_padding(t->tokenizer).left ? length - count : 0;
}

/* The text's tokens from `from` on, and what fills the row up: the `row`-th. */
static void exec_fill(struct rt_trunk_text_exec *x, int row, int length, int count, const int32_t *id,
                      const float *type)
{
    const struct rt_trunk_text *t = x->t;
    struct rt_token_padding pad = rt_tokenizer_padding(t->tokenizer);
    int from = text_begin(t, length, count);
    size_t first = (size_t)row * (size_t)length;
    for (int i = 0; i < t->model->inputs; i++)
        for (int k = 0; k < length; k++) {
            bool is = k >= from && k < from + count;
            int64_t value[INPUTS] = {is ? id[k - from] : pad.id, is, is ? (int64_t)type[k - from] : pad.type,
                                     k > from ? k - from : 0};
            input_set(x->input[i], t->model->input[i].dtype, first + (size_t)k, value[t->role[i]]);
        }
}

/* states: [length, dim], or [dim]. */
static void text_pool(const struct rt_trunk_text *t, const float *states, int from, int count, float *embedding)
{
    size_t dim = (size_t)t->dim;
    int at = t->pooling == RT_POOLING_CLS ? from : t->pooling == RT_POOLING_EOT ? from + count - 1 : 0;
    if (t->pooling != RT_POOLING_MEAN) {
        memcpy(embedding, states + dim * (size_t)at, dim * sizeof *embedding);
        return;
    }
    for (size_t d = 0; d < dim; d++) {
        double sum = 0;
        for (int k = from; k < from + count; k++)
            sum += states[dim * (size_t)k + d];
        embedding[d] = (float)(sum / count);
    }
}

/* A bucket on its way. */
struct text_bucket {
    struct rt_trunk_text_exec *x;
    const struct rt_bags *bags;
    float *embedding;
    int length;
    const int *sample;
};

static int bucket_tokens(const struct text_bucket *b, int sample)
{
    return b->bags->offset[sample + 1] - b->bags->offset[sample];
}

static int bucket_take(void *self, int k, const struct rt_tensor *answer, struct rt_error *e)
{
    struct text_bucket *b = self;
    const struct rt_trunk_text *t = b->x->t;
    int sample = b->sample[k], count = bucket_tokens(b, sample);
    RT_TRY(shape_check(t, answer, b->length, e));
    text_pool(t, answer->data, text_begin(t, b->length, count), count, b->embedding + (size_t)t->dim * (size_t)sample);
    return 0;
}

static int bucket_run(void *self, int length, const int *sample, int count, struct rt_error *e)
{
    struct text_bucket *b = self;
    struct rt_trunk_text_exec *x = b->x;
    struct rt_frozen_given given[INPUTS];
    b->length = length;
    b->sample = sample;
    for (int k = 0; k < count; k++) {
        int from = b->bags->offset[sample[k]];
        exec_fill(x, k, length, bucket_tokens(b, sample[k]), b->bags->bucket + from, b->bags->weight + from);
    }
    text_given(x->t, given, count, length, x->input);
    return rt_frozen_ask_each(x->asker, given, x->t->model->inputs, count, bucket_take, b, e);
}

int rt_trunk_text_run(struct rt_trunk_text_exec *x, int count, const struct rt_bags *bags, float *embedding,
                      struct rt_error *e)
{
    struct text_bucket b = {.x = x, .bags = bags, .embedding = embedding};
    int *length = malloc(((size_t)count + 1) * sizeof *length), rc = 0;
    if (!length)
        return rt_error_set(e, RT_EMEM, "%s: no memory for %d texts", x->t->file, count);
    for (int i = 0; i < count && rc == 0; i++) {
        int tokens = bucket_tokens(&b, i);
        length[i] = length_round(x->t, tokens);
        if (tokens < 1 || length[i] < tokens || (size_t)length[i] * RT_BUCKET > x->room)
            rc = rt_error_set(e, RT_ELARGE, "%s: a text of %d tokens; it reads 1 to %d", x->t->file, tokens,
                              x->t->longest);
    }
    if (rc == 0)
        rc = rt_buckets_walk(count, length, 1, bucket_run, &b, e);
    free(length);
    return rc;
}
