/* SPDX-License-Identifier: MIT
 * teacher: see teacher.h. Any worker thread; executions are lent to one worker at a time. */
#include "stages/teacher.h"

#include "stages/model/net.h"
#include "stages/model/embedding_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* ---- the store of outputs ----
 * A frozen model gives the same for the same content in every epoch and in every run, so its outputs are kept
 * under the content's key and the model's. A record is one tensor, embedding and logits behind one another:
 * two records could be lost one without the other. Features depend on the student's projection and are
 * asked for once (embed), so they are not kept. */

static struct rt_key128 outputs_key(const struct rt_teacher *s, int row)
{
    struct rt_key128 content = s->content->key[s->model->modality->id][row];
    return rt_key128_of(&content, sizeof content, s->model->key);
}

static bool outputs_are_kept(const struct rt_teacher *s, int row)
{
    struct rt_key128 content = s->content->key[s->model->modality->id][row];
    return s->store && !s->feature && (content.lo | content.hi);
}

/* False when absent or damaged. */
static bool outputs_read(const struct rt_teacher *s, int row, struct rt_tensor *t)
{
    memset(t, 0, sizeof *t);
    struct rt_frame *f = outputs_are_kept(s, row) ? rt_store_get(s->store, outputs_key(s, row)) : NULL;
    if (!f)
        return false;
    bool good = rt_frame_unpack(f, t, NULL) == 0 && t->dtype == RT_F32 &&
                rt_tensor_count(t) == (int64_t)s->model->dim + s->model->classes;
    rt_frame_unref(f);
    if (!good)
        rt_tensor_fini(t);
    return good;
}

/* A full disk only costs time. */
static void outputs_keep(const struct rt_teacher *s, int row, const struct rt_net_outputs *o)
{
    size_t dim = (size_t)s->model->dim, classes = (size_t)s->model->classes;
    int64_t n = s->model->dim + s->model->classes;
    struct rt_tensor t;
    struct rt_frame *f;
    if (!outputs_are_kept(s, row) || rt_tensor_init(&t, RT_F32, 1, &n) < 0)
        return;
    memcpy(t.data, o->embedding, dim * sizeof(float));
    if (classes)
        memcpy((float *)t.data + dim, o->logits, classes * sizeof(float));
    if (rt_frame_pack(&f, "outputs", &t, 0) == 0) {
        rt_store_put(s->store, outputs_key(s, row), f);
        rt_frame_unref(f);
    }
    rt_tensor_fini(&t);
}

/* Reads the record rather than asking whether it is there: behind a damaged one the sample would
 * have neither input nor outputs. */
bool rt_teacher_wanted(void *self, int row)
{
    struct rt_tensor t;
    if (((const struct rt_teacher *)self)->model->table)
        return false;
    bool have = outputs_read(self, row, &t);
    if (have)
        rt_tensor_fini(&t);
    return !have;
}

/* ---- the executions ----
 * As many as workers, made at the start: making one in the middle of a run could fail there. They are lent
 * under a lock, because the runner says how many workers there are, not which one calls. */

static int teacher_open(void *self, struct rt_error *e)
{
    struct rt_teacher *s = self;
    s->idle_count = 0;
    s->lock = NULL;
    memset(s->net, 0, sizeof s->net);
    if (s->workers < 1 || s->workers > RT_TEACHER_WORKERS)
        return rt_error_set(e, RT_ERANGE, "%s: %d workers; 1 to %d are possible", s->role,
                            s->workers, RT_TEACHER_WORKERS);
    s->lock = malloc(sizeof(uv_mutex_t));
    if (!s->lock || uv_mutex_init(s->lock) != 0) {
        free(s->lock);
        s->lock = NULL;
        return rt_error_set(e, RT_EMEM, "%s: no memory for a lock", s->role);
    }
    for (int i = 0; i < s->workers && !s->model->table; i++) {
        int rc = s->ready ? rt_net_create_ready(&s->net[i], s->ready, 1, 1) : rt_net_create(&s->net[i], s->model, 1);
        if (rc < 0)
            return rt_error_set(e, rc, "%s: no memory for the network", s->role);
        s->idle[s->idle_count++] = s->net[i];
    }
    return 0;
}

/* Nothing that is kept comes of it, so it may answer in the quicker way; libretort does, with the same bits. */
static int model_open(void *self, struct rt_error *e)
{
    struct rt_teacher *s = self;
    int rc = rt_ready_create(&s->ready, s->model, s->feature);
    return rc < 0 ? rt_error_set(e, rc, "%s: no memory to lay out its weights", s->role) : teacher_open(self, e);
}

static void teacher_close(void *self)
{
    struct rt_teacher *s = self;
    for (int i = 0; i < RT_TEACHER_WORKERS; i++) {
        rt_net_destroy(s->net[i]);
        s->net[i] = NULL;
    }
    rt_ready_destroy(s->ready);
    s->ready = NULL;
    if (s->lock)
        uv_mutex_destroy(s->lock);
    free(s->lock);
    s->lock = NULL;
}

static struct rt_net *teacher_net_lend(struct rt_teacher *s)
{
    uv_mutex_lock(s->lock);
    struct rt_net *n = s->idle[--s->idle_count];
    uv_mutex_unlock(s->lock);
    return n;
}

static void teacher_net_return(struct rt_teacher *s, struct rt_net *n)
{
    uv_mutex_lock(s->lock);
    s->idle[s->idle_count++] = n;
    uv_mutex_unlock(s->lock);
}

/* ---- a batch ----
 * Decode leaves out what the store has (rt_teacher_wanted), so the inputs are those of some samples, with
 * their places in `rows`; the outputs have a row for every sample. */

struct teacher_pass {
    struct rt_tensor rows, input, length, offset, bucket, weight;
    struct rt_tensor have, embedding, logits, feature;
};

static void pass_fini(struct teacher_pass *p)
{
    struct rt_tensor *t[] = {&p->rows, &p->input, &p->length, &p->offset, &p->bucket, &p->weight,
                             &p->have, &p->embedding, &p->logits, &p->feature};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        rt_tensor_fini(t[i]);
}

static void pass_frame_name(char name[RT_FRAME_NAME + 1], const char *role, const char *what)
{
    snprintf(name, RT_FRAME_NAME + 1, "%s.%s", role, what);
}

static int pass_take(struct rt_batch *b, const char *role, const char *what, struct rt_tensor *t,
                     struct rt_error *e)
{
    char name[RT_FRAME_NAME + 1];
    pass_frame_name(name, role, what);
    RT_TRY(rt_batch_unpack(b, name, t, e));
    rt_batch_remove(b, name);
    return 0;
}

static int pass_take_inputs(struct teacher_pass *p, const struct rt_teacher *s, struct rt_batch *b,
                            struct rt_error *e)
{
    int64_t dim[3];
    RT_TRY(pass_take(b, s->role, "rows", &p->rows, e));
    if (s->model->modality->shape(&s->model->front, dim) > 0) {
        if (s->views.whole)
            RT_TRY(pass_take(b, s->role, "length", &p->length, e));
        return pass_take(b, s->role, "input", &p->input, e);
    }
    RT_TRY(pass_take(b, s->role, "offset", &p->offset, e));
    RT_TRY(pass_take(b, s->role, "bucket", &p->bucket, e));
    return pass_take(b, s->role, "weight", &p->weight, e);
}

static int pass_make_outputs(struct teacher_pass *p, const struct rt_teacher *s, int count)
{
    const struct rt_model *m = s->model;
    int64_t have[] = {count}, embedding[] = {count, m->dim}, logits[] = {count, m->classes},
            feature[] = {count, m->teacher[0].dim};
    RT_TRY(rt_tensor_init(&p->have, RT_U8, 1, have));
    RT_TRY(rt_tensor_init(&p->embedding, RT_F32, 2, embedding));
    if (m->classes)
        RT_TRY(rt_tensor_init(&p->logits, RT_F32, 2, logits));
    return s->feature ? rt_tensor_init(&p->feature, RT_F32, 2, feature) : 0;
}

static void pass_set_row(struct rt_tensor *t, int at, const float *row)
{
    if (t->rank == 0 || !row) /* not asked for */
        return;
    size_t width = (size_t)t->dim[1];
    memcpy((float *)t->data + (size_t)at * width, row, width * sizeof *row);
}

static void pass_set(struct teacher_pass *p, int at, const struct rt_net_outputs *o)
{
    pass_set_row(&p->embedding, at, o->embedding);
    pass_set_row(&p->logits, at, o->logits);
    pass_set_row(&p->feature, at, o->feature);
    ((uint8_t *)p->have.data)[at] = 1;
}

/* What comes of the k-th of the samples that were left. */
struct teacher_taker {
    struct teacher_pass *p;
    const struct rt_teacher *s;
    const struct rt_batch *b;
};

static void taker_take(void *self, int k, const struct rt_net_outputs *o)
{
    struct teacher_taker *t = self;
    int at = ((const int32_t *)t->p->rows.data)[k];
    pass_set(t->p, at, o);
    outputs_keep(t->s, t->b->sample[at], o);
}

/* Views of a sample lie behind one another, and so do samples. */
static int pass_run_views(struct teacher_pass *p, struct rt_net *n, int views, struct teacher_taker *taker,
                          struct rt_error *e)
{
    int64_t one = p->input.dim[0] ? rt_tensor_count(&p->input) / p->input.dim[0] : 0;
    const float *row = p->input.data;
    for (int k = 0; k < (int)p->rows.dim[0]; k++, row += one * views) {
        struct rt_net_outputs o;
        RT_TRY(rt_net_run_views(n, views, row, one, &o, e));
        taker_take(taker, k, &o);
    }
    return 0;
}

static int pass_run_all(struct teacher_pass *p, struct rt_teacher *s, struct rt_net *n, const struct rt_batch *b,
                        struct rt_error *e)
{
    struct teacher_taker taker = {p, s, b};
    struct rt_bags bags = {p->offset.data, p->bucket.data, p->weight.data};
    int views = rt_views_count(&s->views), count = (int)p->rows.dim[0];
    if (count == 0)
        return 0;
    if (views > 1 && p->input.data)
        return pass_run_views(p, n, views, &taker, e);
    return rt_net_run_each(n, count, p->length.data, p->input.data, p->input.data ? NULL : &bags,
                           &(struct rt_net_each){taker_take, &taker}, e);
}

/* What is still missing and can be had comes out of the store. */
static void pass_recall(struct teacher_pass *p, const struct rt_teacher *s, const struct rt_batch *b)
{
    const int8_t *reason = s->dataset->reason[s->model->modality->id];
    for (int at = 0; at < b->count; at++) {
        struct rt_tensor t;
        if (((uint8_t *)p->have.data)[at] || reason[b->sample[at]] || !outputs_read(s, b->sample[at], &t))
            continue;
        const float *kept = t.data;
        pass_set(p, at, &(struct rt_net_outputs){.embedding = kept, .logits = kept + s->model->dim});
        rt_tensor_fini(&t);
    }
}

/* A table of embeddings has nothing to compute: all that it knows is there. */
static void pass_look_up(struct teacher_pass *p, const struct rt_teacher *s, const struct rt_batch *b)
{
    for (int at = 0; at < b->count; at++) {
        const float *embedding = rt_embedding_table_of(s->model->table, b->sample[at]);
        if (embedding)
            pass_set(p, at, &(struct rt_net_outputs){.embedding = embedding});
    }
}

static int pass_run_net(struct teacher_pass *p, struct rt_teacher *s, const struct rt_batch *b, struct rt_error *e)
{
    struct rt_net *n = teacher_net_lend(s);
    int rc = pass_run_all(p, s, n, b, e);
    teacher_net_return(s, n);
    RT_TRY(rc);
    pass_recall(p, s, b);
    return 0;
}

static int pass_put(struct rt_batch *b, const struct rt_teacher *s, const char *what,
                    const struct rt_tensor *t)
{
    char name[RT_FRAME_NAME + 1];
    pass_frame_name(name, s->role, what);
    return t->rank ? rt_batch_pack(b, name, t, s->level) : 0;
}

static int pass_work(struct teacher_pass *p, struct rt_teacher *s, struct rt_batch *b, struct rt_error *e)
{
    RT_TRY(pass_take_inputs(p, s, b, e));
    RT_TRY(pass_make_outputs(p, s, b->count));
    if (s->model->table)
        pass_look_up(p, s, b);
    else
        RT_TRY(pass_run_net(p, s, b, e));
    RT_TRY(pass_put(b, s, "have", &p->have));
    RT_TRY(pass_put(b, s, "embedding", &p->embedding));
    RT_TRY(pass_put(b, s, "logits", &p->logits));
    return pass_put(b, s, "feature", &p->feature);
}

static int teacher_work(void *self, struct rt_batch *b, struct rt_error *e)
{
    struct rt_teacher *s = self;
    struct teacher_pass p = {0};
    int rc = pass_work(&p, s, b, e);
    pass_fini(&p);
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "%s: %s", s->role, rt_err_words(rc)) : rc;
}

#define TEACHER_STAGE(role)                                                                        \
    {                                                                                              \
        .name = role,                                                                              \
        .summary = "the frozen teacher's embedding and logits, cached by content",                 \
        .remedy = "raise " role ".cache so that its outputs are kept, or take a smaller teacher",  \
        .open = teacher_open,                                                                      \
        .work = teacher_work,                                                                      \
        .close = teacher_close,                                                                    \
    }

_Static_assert(RT_TEACHERS == 2, "each teacher has a stage of its own name");
const struct rt_stage_ops rt_stage_teacher[RT_TEACHERS] = {TEACHER_STAGE("teacher"), TEACHER_STAGE("teacher2")};

const struct rt_stage_ops rt_stage_model = {
    .name = "model",
    .summary = "the model's embedding and logits",
    .remedy = "use more cores",
    .open = model_open,
    .work = teacher_work,
    .close = teacher_close,
};
