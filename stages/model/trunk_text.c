/* SPDX-License-Identifier: MIT
 * trunk_text: see trunk_text.h. */
#include "stages/model/trunk_text.h"

#include "stages/model/onnx_input.h"
#include "stages/onnx/frozen/frozen.h"
#include "stages/onnx/frozen/frozen_blocks.h"
#include "stages/tokenizer/tokenizer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUTS 4       /* ids, mask, types, positions */
#define LONGEST 512    /* tokens, where neither file nor recipe says it */
#define SHORT 8        /* tokens that every network takes */
#define PLANS_KEPT 8   /* that nobody runs: a plan may hold weights that the graph turns over */
#define DIM_MAX (1 << 20)

/* Of one length. */
struct text_plan {
    struct text_plan *next; /* used less recently */
    int length, users;
    struct rt_frozen *frozen;
};

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
    struct rt_frozen_blocks *blocks; /* weights as kernels lay them out, for all plans */
    pthread_mutex_t lock; /* of plans */
    struct text_plan *plans;
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
    pthread_mutex_init(&t->lock, NULL);
    bool room = t->file && rt_frozen_blocks_create(&t->blocks) == 0;
    int rc = room ? text_read_pooling(t, s, e) : rt_error_set(e, RT_EMEM, "%s: no memory for it", s->model);
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

/* ---- plans ---- */

static void plan_destroy(struct text_plan *p)
{
    rt_frozen_destroy(p->frozen);
    free(p);
}

void rt_trunk_text_close(struct rt_trunk_text *t)
{
    if (!t)
        return;
    for (struct text_plan *p = t->plans, *next; p; p = next) {
        next = p->next;
        plan_destroy(p);
    }
    rt_tokenizer_close(t->tokenizer);
    free(t->file);
    free(t->embedding);
    rt_frozen_blocks_destroy(t->blocks);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* In steps that grow, so that there are few lengths, and less than a third is filled up. */
static int length_round(const struct rt_trunk_text *t, int count)
{
    int step = count <= 32 ? 8 : count <= 128 ? 16 : 64;
    int round = (count + step - 1) / step * step;
    if (t->fixed)
        return t->fixed;
    return !t->masked ? count : round < t->longest ? round : count > t->longest ? count : t->longest;
}

/* The shape that comes out: [1, dim], or [1, length, dim], which is then pooled. */
static int plan_check(struct rt_trunk_text *t, const struct rt_frozen *f, int length, struct rt_error *e)
{
    const struct rt_tensor *shape;
    rt_frozen_output(f, 0, &shape);
    bool tokens = shape->rank == 3 && shape->dim[0] == 1 && shape->dim[1] == length;
    bool one = shape->rank >= 1 && shape->dim[shape->rank - 1] == rt_tensor_count(shape);
    int64_t dim = shape->rank ? shape->dim[shape->rank - 1] : 0;
    if (t->pooling == RT_POOLING_AUTO)
        t->pooling = tokens ? RT_POOLING_MEAN : RT_POOLING_NONE;
    if (!(t->pooling == RT_POOLING_NONE ? one : tokens))
        return rt_error_set(e, RT_EMISMATCH, "%s: '%.100s' has %d dimensions and %lld numbers for %d tokens, which "
                            "does not fit teacher.front.pooling: %s; none is for one vector, mean, cls and eot are for "
                            "one of each token", t->file, t->embedding, shape->rank,
                            (long long)rt_tensor_count(shape), length, rt_pooling_names[t->pooling]);
    if (shape->dtype != RT_F32 || dim < 1 || dim >= DIM_MAX || (t->dim && t->dim != dim))
        return rt_error_set(e, RT_EMISMATCH, "%s: '%.100s' is no vector of floats of one size", t->file, t->embedding);
    if (!t->dim) /* others may be reading it by now */
        t->dim = (int)dim;
    return 0;
}

static int plan_create(struct text_plan **out, struct rt_trunk_text *t, int length, struct rt_error *e)
{
    struct rt_tensor input[INPUTS];
    struct text_plan *p = *out = calloc(1, sizeof *p);
    if (!p)
        return rt_error_set(e, RT_EMEM, "%s: no memory for texts of %d tokens", t->file, length);
    for (int i = 0; i < t->model->inputs; i++)
        input[i] = (struct rt_tensor){.dtype = t->model->input[i].dtype, .rank = 2, .dim = {1, length}};
    const char *wanted[] = {t->embedding};
    struct rt_frozen_options o = {.input = input, .output = wanted, .outputs = 1, .blocks = t->blocks};
    p->length = length;
    int rc = rt_frozen_create(&p->frozen, t->model, t->file, &o, e);
    if (rc == 0)
        rc = plan_check(t, p->frozen, length, e);
    if (rc < 0) {
        plan_destroy(p);
        *out = NULL;
        rt_error_prefix(e, "a text of %d tokens does not go through (teacher.front.tokens is the most)", length);
    }
    return rc;
}

/* The lock is held. Those that nobody runs go, but for the last few. */
static void plans_forget(struct rt_trunk_text *t)
{
    int idle = 0;
    for (struct text_plan **at = &t->plans; *at;) {
        struct text_plan *p = *at;
        idle += p->users == 0;
        if (p->users || idle <= PLANS_KEPT) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        plan_destroy(p);
    }
}

static int plans_take(struct rt_trunk_text *t, int length, struct text_plan **out, struct rt_error *e)
{
    struct text_plan **at = &t->plans, *p;
    int rc = 0;
    pthread_mutex_lock(&t->lock);
    while (*at && (*at)->length != length)
        at = &(*at)->next;
    p = *at;
    if (p)
        *at = p->next;
    else
        rc = plan_create(&p, t, length, e);
    if (rc == 0) {
        p->users++;
        p->next = t->plans;
        t->plans = p;
        plans_forget(t);
    }
    pthread_mutex_unlock(&t->lock);
    *out = p;
    return rc;
}

static void plans_return(struct rt_trunk_text *t, struct text_plan *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&t->lock);
    p->users--;
    pthread_mutex_unlock(&t->lock);
}

static int length_try(struct rt_trunk_text *t, int length, struct rt_error *e)
{
    struct text_plan *p;
    RT_TRY(plans_take(t, length, &p, e));
    plans_return(t, p);
    return 0;
}

/* The longest text is tried, too: a network's table of places may be shorter than its tokenizer thinks, or it may be
 * that nobody has said how long it is: then it is found by halves. */
static int length_find(struct rt_trunk_text *t, struct rt_error *e)
{
    int good = t->longest < SHORT ? t->longest : SHORT, bad = t->longest;
    RT_TRY(length_try(t, length_round(t, good), e));
    int rc = length_try(t, length_round(t, bad), e);
    if (rc == 0 || rc == RT_EMEM || !t->guessed)
        return rc;
    while (bad - good > 1) {
        int middle = good + (bad - good) / 2;
        rc = length_try(t, middle, e);
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
    t->embedding = strdup(embedding);
    if (!t->embedding)
        return rt_error_set(e, RT_EMEM, "%s: no memory for it", t->file);
    RT_TRY(length_find(t, e));
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
    struct rt_trunk_text *t;
    struct text_plan *plan; /* of the text before; NULL: none has come */
    struct rt_frozen_exec *exec;
    void *input[INPUTS]; /* [the model's inputs] room for `room` numbers of 8 bytes */
    int room;
};

int rt_trunk_text_exec_create(struct rt_trunk_text_exec **out, const struct rt_trunk_text *t)
{
    struct rt_trunk_text_exec *x = *out = calloc(1, sizeof *x);
    if (!x)
        return RT_EMEM;
    x->t = (struct rt_trunk_text *)t; /* its plans change, under their lock */
    x->room = length_round(t, t->longest);
    for (int i = 0; i < t->model->inputs; i++)
        if (!(x->input[i] = malloc((size_t)x->room * 8))) {
            rt_trunk_text_exec_destroy(x);
            *out = NULL;
            return RT_EMEM;
        }
    return 0;
}

static void exec_leave_plan(struct rt_trunk_text_exec *x)
{
    rt_frozen_exec_destroy(x->exec);
    plans_return(x->t, x->plan);
    x->exec = NULL;
    x->plan = NULL;
}

void rt_trunk_text_exec_destroy(struct rt_trunk_text_exec *x)
{
    if (!x)
        return;
    exec_leave_plan(x);
    for (int i = 0; i < INPUTS; i++)
        free(x->input[i]);
    free(x);
}

static int exec_take_plan(struct rt_trunk_text_exec *x, int length, struct rt_error *e)
{
    if (x->plan && x->plan->length == length)
        return 0;
    exec_leave_plan(x);
    RT_TRY(plans_take(x->t, length, &x->plan, e));
    int rc = rt_frozen_exec_create(&x->exec, x->plan->frozen);
    if (rc < 0)
        exec_leave_plan(x);
    return rc < 0 ? rt_error_set(e, rc, "%s: no memory for a text of %d tokens", x->t->file, length) : 0;
}

static void input_set(void *input, enum rt_dtype type, int at, int64_t value)
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

/* The text's tokens from `from` on, and what fills the row up. */
static void exec_fill(struct rt_trunk_text_exec *x, int length, int from, int count, const int32_t *id,
                      const float *type)
{
    const struct rt_trunk_text *t = x->t;
    struct rt_token_padding pad = rt_tokenizer_padding(t->tokenizer);
    for (int i = 0; i < t->model->inputs; i++)
        for (int k = 0; k < length; k++) {
            bool is = k >= from && k < from + count;
            int64_t value[INPUTS] = {is ? id[k - from] : pad.id, is, is ? (int64_t)type[k - from] : pad.type,
                                     k > from ? k - from : 0};
            input_set(x->input[i], t->model->input[i].dtype, k, value[t->role[i]]);
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

int rt_trunk_text_run(struct rt_trunk_text_exec *x, int count, const int32_t *id, const float *type, float *embedding,
                      struct rt_error *e)
{
    struct rt_trunk_text *t = x->t;
    int length = length_round(t, count);
    if (count < 1 || length < count || length > x->room)
        return rt_error_set(e, RT_ELARGE, "%s: a text of %d tokens; it reads 1 to %d", t->file, count, t->longest);
    RT_TRY(exec_take_plan(x, length, e));
    int from = rt_tokenizer_padding(t->tokenizer).left ? length - count : 0;
    exec_fill(x, length, from, count, id, type);
    RT_TRY(rt_frozen_run(x->exec, (const void *const *)x->input, e));
    text_pool(t, rt_frozen_result(x->exec, 0)->data, from, count, embedding);
    return 0;
}
