/* SPDX-License-Identifier: MIT
 * infer: see infer.h. Any worker thread; executions are lent to one worker at a time. */
#include "stages/teacher.h"

#include "stages/nn/exec.h"
#include "stages/model/trunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static struct rt_key128 output_key(const struct rt_infer *s, int row)
{
    struct rt_key128 content = s->content->key[s->model->modality->id][row];
    return rt_key128_of(&content, sizeof content, s->model->key);
}

/* Outputs are kept by content, so only where that is known; features are not kept at all. */
static bool cacheable(const struct rt_infer *s, int row)
{
    struct rt_key128 content = s->content->key[s->model->modality->id][row];
    return s->store && !s->feature && (content.lo | content.hi);
}

/* Stored outputs are one tensor: embedding, then logits. False when absent or damaged. */
static bool stored(const struct rt_infer *s, int row, struct rt_tensor *t)
{
    struct rt_frame *f = NULL;
    memset(t, 0, sizeof *t);
    if (!cacheable(s, row) || rt_store_get(s->store, output_key(s, row), &f) < 0 || !f)
        return false;
    bool good = rt_frame_unpack(f, t, NULL) == 0 && t->dtype == RT_F32 &&
                rt_tensor_count(t) == (int64_t)s->model->dim + s->model->classes;
    rt_frame_unref(f);
    if (!good)
        rt_tensor_fini(t);
    return good;
}

/* Reads the record rather than asking whether it is there: behind a damaged one the sample would
 * have neither input nor outputs. */
bool rt_infer_wanted(void *self, int row)
{
    struct rt_tensor t;
    bool have = stored(self, row, &t);
    if (have)
        rt_tensor_fini(&t);
    return !have;
}

static int infer_open(void *self, struct rt_error *e)
{
    struct rt_infer *s = self;
    s->idle_count = 0;
    s->lock = NULL;
    memset(s->exec, 0, sizeof s->exec);
    memset(s->trunk, 0, sizeof s->trunk);
    if (s->workers < 1 || s->workers > RT_INFER_WORKERS)
        return rt_error_set(e, RT_ERANGE, "%s: %d workers; 1 to %d are possible", s->role,
                            s->workers, RT_INFER_WORKERS);
    s->lock = malloc(sizeof(uv_mutex_t));
    if (!s->lock || uv_mutex_init(s->lock) != 0) {
        free(s->lock);
        s->lock = NULL;
        return rt_error_set(e, RT_EMEM, "%s: no memory for a lock", s->role);
    }
    for (int i = 0; i < s->workers; i++) {
        int rc = rt_exec_create(&s->exec[i], s->model->graph, 1, false, NULL);
        if (rc == 0 && s->model->trunk)
            rc = rt_trunk_exec_create(&s->trunk[i], s->model->trunk);
        if (rc < 0)
            return rt_error_set(e, rc, "%s: no memory for the network", s->role);
        s->idle[s->idle_count++] = i;
    }
    return 0;
}

static void infer_close(void *self)
{
    struct rt_infer *s = self;
    for (int i = 0; i < RT_INFER_WORKERS; i++) {
        rt_exec_destroy(s->exec[i]);
        rt_trunk_exec_destroy(s->trunk[i]);
        s->exec[i] = NULL;
        s->trunk[i] = NULL;
    }
    if (s->lock)
        uv_mutex_destroy(s->lock);
    free(s->lock);
    s->lock = NULL;
}

static int borrow(struct rt_infer *s)
{
    uv_mutex_lock(s->lock);
    int i = s->idle[--s->idle_count];
    uv_mutex_unlock(s->lock);
    return i;
}

static void give_back(struct rt_infer *s, int i)
{
    uv_mutex_lock(s->lock);
    s->idle[s->idle_count++] = i;
    uv_mutex_unlock(s->lock);
}

/* One batch's inputs and outputs. */
struct pass {
    struct rt_tensor rows, input, offset, bucket, weight;
    struct rt_tensor have, embedding, logits, feature;
};

static void role_name(char name[RT_FRAME_NAME + 1], const char *role, const char *what)
{
    snprintf(name, RT_FRAME_NAME + 1, "%s.%s", role, what);
}

static int take(struct rt_batch *b, const char *role, const char *what, struct rt_tensor *t,
                struct rt_error *e)
{
    char name[RT_FRAME_NAME + 1];
    role_name(name, role, what);
    int rc = rt_batch_unpack(b, name, t, e);
    if (rc == 0)
        rt_batch_remove(b, name);
    return rc;
}

static int take_inputs(const struct rt_infer *s, struct rt_batch *b, struct pass *p,
                       struct rt_error *e)
{
    int rc = take(b, s->role, "rows", &p->rows, e);
    int64_t dim[3];
    if (rc == 0 && s->model->modality->shape(&s->model->front, dim) > 0)
        return take(b, s->role, "input", &p->input, e);
    if (rc == 0)
        rc = take(b, s->role, "offset", &p->offset, e);
    if (rc == 0)
        rc = take(b, s->role, "bucket", &p->bucket, e);
    if (rc == 0)
        rc = take(b, s->role, "weight", &p->weight, e);
    return rc;
}

static int make_outputs(const struct rt_infer *s, const struct rt_batch *b, struct pass *p)
{
    int64_t n[2] = {b->count, s->model->dim};
    int rc = rt_tensor_init(&p->have, RT_U8, 1, n);
    if (rc == 0)
        rc = rt_tensor_init(&p->embedding, RT_F32, 2, n);
    n[1] = s->model->classes;
    if (rc == 0 && n[1])
        rc = rt_tensor_init(&p->logits, RT_F32, 2, n);
    n[1] = s->model->teacher_dim;
    if (rc == 0 && s->feature)
        rc = rt_tensor_init(&p->feature, RT_F32, 2, n);
    return rc;
}

static void pass_fini(struct pass *p)
{
    struct rt_tensor *t[] = {&p->rows, &p->input, &p->offset, &p->bucket, &p->weight,
                             &p->have, &p->embedding, &p->logits, &p->feature};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        rt_tensor_fini(t[i]);
}

/* Runs the k-th input through the network into the rows of batch position at. */
static int run_one(const struct rt_infer *s, int worker, const struct pass *p, int k, int at,
                   struct rt_error *e)
{
    const struct rt_model *m = s->model;
    struct rt_exec *x = s->exec[worker];
    float *embedding = (float *)p->embedding.data + (size_t)at * (size_t)m->dim;
    struct rt_bags bags = {0};
    int32_t offset[2] = {0};
    const float *input = NULL;
    if (p->input.data) {
        size_t row = (size_t)(rt_tensor_count(&p->input) / p->input.dim[0]);
        input = (const float *)p->input.data + row * (size_t)k;
    } else {
        const int32_t *o = p->offset.data;
        offset[1] = o[k + 1] - o[k];
        bags = (struct rt_bags){offset, (const int32_t *)p->bucket.data + o[k],
                                (const float *)p->weight.data + o[k]};
    }
    if (m->trunk) { /* its embedding is the graph's input */
        int rc = rt_trunk_run(s->trunk[worker], input, embedding, e);
        if (rc < 0)
            return rc;
        input = embedding;
    }
    rt_exec_forward(x, 1, input, input ? NULL : &bags, false, 0, 0);
    if (!m->trunk)
        memcpy(embedding, rt_exec_output(x, m->embedding), sizeof(float) * (size_t)m->dim);
    if (m->classes)
        rt_model_answer(m, m->answer, rt_exec_output(x, m->logits),
                        m->head >= 0 ? rt_exec_output(x, m->head) : NULL, 1,
                        (float *)p->logits.data + (size_t)at * (size_t)m->classes);
    if (p->feature.data)
        memcpy((float *)p->feature.data + (size_t)at * (size_t)m->teacher_dim,
               rt_exec_output(x, m->feature), sizeof(float) * (size_t)m->teacher_dim);
    ((uint8_t *)p->have.data)[at] = 1;
    return 0;
}

static void keep(const struct rt_infer *s, const struct pass *p, int row, int at)
{
    int64_t n = s->model->dim + s->model->classes;
    struct rt_tensor t;
    if (rt_tensor_init(&t, RT_F32, 1, &n) < 0)
        return;
    size_t dim = (size_t)s->model->dim, classes = (size_t)s->model->classes;
    memcpy(t.data, (float *)p->embedding.data + (size_t)at * dim, dim * sizeof(float));
    if (classes)
        memcpy((float *)t.data + dim, (float *)p->logits.data + (size_t)at * classes,
               classes * sizeof(float));
    struct rt_frame *f;
    if (rt_frame_pack(&f, "outputs", &t, 0) == 0) {
        rt_store_put(s->store, output_key(s, row), f); /* a full disk only costs time */
        rt_frame_unref(f);
    }
    rt_tensor_fini(&t);
}

static void recall(const struct rt_infer *s, struct pass *p, int row, int at)
{
    size_t dim = (size_t)s->model->dim, classes = (size_t)s->model->classes;
    struct rt_tensor t;
    if (!stored(s, row, &t))
        return;
    memcpy((float *)p->embedding.data + (size_t)at * dim, t.data, dim * sizeof(float));
    if (classes)
        memcpy((float *)p->logits.data + (size_t)at * classes, (float *)t.data + dim,
               classes * sizeof(float));
    ((uint8_t *)p->have.data)[at] = 1;
    rt_tensor_fini(&t);
}

static int fill(struct rt_infer *s, const struct rt_batch *b, struct pass *p, struct rt_error *e)
{
    int i = borrow(s), rc = 0;
    int fresh = (int)p->rows.dim[0];
    for (int k = 0; rc == 0 && k < fresh; k++) {
        int at = ((const int32_t *)p->rows.data)[k];
        rc = run_one(s, i, p, k, at, e);
        if (rc == 0 && cacheable(s, b->sample[at]))
            keep(s, p, b->sample[at], at);
    }
    give_back(s, i);
    const int8_t *reason = s->dataset->reason[s->model->modality->id];
    for (int at = 0; at < b->count; at++)
        if (!((uint8_t *)p->have.data)[at] && reason[b->sample[at]] == 0)
            recall(s, p, b->sample[at], at);
    return rc;
}

static int put(const struct rt_infer *s, struct rt_batch *b, const char *what,
               const struct rt_tensor *t)
{
    char name[RT_FRAME_NAME + 1];
    role_name(name, s->role, what);
    return rt_batch_pack(b, name, t, s->level);
}

static int infer_work(void *self, struct rt_batch *b, struct rt_error *e)
{
    struct rt_infer *s = self;
    struct pass p = {0};
    int rc = take_inputs(s, b, &p, e);
    if (rc == 0)
        rc = make_outputs(s, b, &p);
    if (rc == 0)
        rc = fill(s, b, &p, e);
    if (rc == 0)
        rc = put(s, b, "have", &p.have);
    if (rc == 0)
        rc = put(s, b, "embedding", &p.embedding);
    if (rc == 0 && s->model->classes)
        rc = put(s, b, "logits", &p.logits);
    if (rc == 0 && s->feature)
        rc = put(s, b, "feature", &p.feature);
    pass_fini(&p);
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "%s: %s", s->role, rt_err_words(rc)) : rc;
}

const struct rt_stage_ops rt_stage_teacher = {
    .name = "teacher",
    .summary = "the frozen teacher's embedding and logits, cached by content",
    .remedy = "raise teacher.cache so that its outputs are kept, or take a smaller teacher",
    .open = infer_open,
    .work = infer_work,
    .close = infer_close,
};

const struct rt_stage_ops rt_stage_model = {
    .name = "model",
    .summary = "the model's embedding and logits",
    .remedy = "use more cores",
    .open = infer_open,
    .work = infer_work,
    .close = infer_close,
};
