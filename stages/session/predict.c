/* SPDX-License-Identifier: MIT
 * predict: see predict.h. */
#include "stages/session/predict.h"

#include "pipeline/data/datafile.h"
#include "stages/model/net.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define THREADS_MAX 256
#define AHEAD 2 /* batches for each thread: one is worked on, one waits for its turn */

/* ---- why not a pipeline ----
 * A run's pipeline knows its samples before it starts, and has one thread for the network. Here they come as they
 * come, and every core can do all that a sample needs: threads that decode and run a batch each have nothing to wait
 * for but the list, whichever of the two takes longer. Two threads never give less than one that decodes and one that
 * runs the network would. */

struct batch {
    int count;
    bool done;
    bool failed; /* its outputs could not be made */
    struct rt_predict_sample *sample; /* [batch] */
    float *outputs;                   /* [batch, dim + classes] embedding and logits of each */
};

struct predict {
    struct rt_model *m;
    struct rt_ready *ready; /* of m */
    struct rt_fbank *fbank; /* of m's front end meanwhile */
    struct rt_views views;
    struct rt_predict_source source;
    struct rt_datafiles *sources; /* what is known of the files */
    int size, threads, ring;
    int rank;        /* of a dense input; 0 = bags */
    size_t row;      /* numbers in one */
    uv_mutex_t list; /* the source: held while it is waited for */
    bool ended;      /* under list */
    int64_t taken;   /* samples, under list */

    uv_mutex_t lock; /* all below */
    uv_cond_t change;
    struct batch *batch;     /* [ring] at number % ring */
    int64_t begun, given;    /* batches taken from the source; handed to the sink */
    int working;             /* threads that may still bring one */
    bool stop;
    struct rt_error error;
};

/* What a thread works in. */
struct worker {
    struct predict *p;
    uv_thread_t thread;
    struct rt_net *net;
    float *input;       /* [size, row]; of views [room], of one sample */
    size_t room;
    struct rt_bag *bag; /* [size] */
    int *place;         /* [size] in the batch of the k-th that could be read */
};

/* ---- one sample ---- */

/* Of a file of words without the line ends behind them, as manifests have it. */
static size_t text_trim(const uint8_t *bytes, size_t size)
{
    while (size && isspace(bytes[size - 1]))
        size--;
    return size;
}

static size_t outputs_width(const struct rt_model *m)
{
    return (size_t)m->dim + (size_t)m->classes;
}

/* The k-th sample's; to: [dim + classes]. */
static void outputs_keep(const struct rt_model *m, float *to, const struct rt_net_outputs *out, int k)
{
    size_t dim = (size_t)m->dim, classes = (size_t)m->classes;
    memcpy(to, out->embedding + dim * (size_t)k, dim * sizeof *to);
    if (classes)
        memcpy(to + dim, out->logits + classes * (size_t)k, classes * sizeof *to);
}

static bool predict_in_batches(const struct predict *p)
{
    return !p->views.whole && rt_views_count(&p->views) == 1;
}

/* The k-th view behind `used` numbers of the input. */
static int view_present(struct worker *w, const struct rt_front *front, const struct rt_tensor *base, size_t *used)
{
    const struct rt_modality *m = w->p->m->modality;
    int64_t dim[3];
    size_t n = 1;
    for (int i = m->shape(front, dim) - 1; i >= 0; i--)
        n *= (size_t)dim[i];
    if (*used + n > w->room) {
        float *more = realloc(w->input, (*used + n) * sizeof *more);
        if (!more)
            return RT_EMEM;
        w->input = more;
        w->room = *used + n;
    }
    RT_TRY(m->present(front, base, NULL, w->input + *used));
    *used += n;
    return 0;
}

/* A sample that is seen otherwise than in training, alone: whole recordings have lengths of their own. */
static int sample_run_views(struct worker *w, const struct rt_tensor *base, float *outputs, struct rt_error *e)
{
    const struct predict *p = w->p;
    struct rt_net_outputs out;
    struct rt_front front = p->m->front;
    int views = rt_views_count(&p->views);
    size_t used = 0;
    for (int k = 0; k < views; k++) {
        front = rt_views_front(&p->views, k, &p->m->front, base->dim[0]);
        RT_TRY(view_present(w, &front, base, &used));
    }
    RT_TRY(p->views.whole ? rt_net_run_length(w->net, front.speech.frames, w->input, &out, e)
                          : rt_net_run_views(w->net, views, w->input, (int64_t)used / views, &out, e));
    outputs_keep(p->m, outputs, &out, 0);
    return 0;
}

/* Into row k of the worker's input, or its k-th bag; of views into its outputs at once. */
static int sample_present(struct worker *w, int k, const struct rt_input *in, float *outputs, struct rt_error *e)
{
    const struct rt_model *m = w->p->m;
    struct rt_tensor raw = {0}, base = {0};
    int rc = m->modality->load(in, &raw, NULL, e);
    if (rc == 0)
        rc = m->modality->features(&m->front, &raw, &base, e);
    if (rc == 0 && !predict_in_batches(w->p))
        rc = sample_run_views(w, &base, outputs, e);
    else if (rc == 0)
        rc = w->p->rank ? m->modality->present(&m->front, &base, NULL, w->input + w->p->row * (size_t)k)
                        : m->modality->present_bag(&m->front, &base, NULL, &w->bag[k]);
    rt_tensor_fini(&raw);
    rt_tensor_fini(&base);
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "%s: %s", in->name, rt_err_words(rc)) : rc;
}

static int sample_read(struct worker *w, int k, const struct rt_predict_sample *s, float *outputs, struct rt_error *e)
{
    if (s->text)
        return sample_present(w, k, &RT_INPUT(s->text, strlen(s->text), s->id), outputs, e);
    struct rt_datafile file;
    RT_TRY(rt_datafile_open(&file, w->p->sources, s->path, &s->extent, e));
    if (!w->p->rank)
        file.input.size = text_trim(file.input.bytes, file.input.size);
    int rc = sample_present(w, k, &file.input, outputs, e);
    rt_datafile_close(&file);
    return rc;
}

/* ---- one batch ---- */

static int bags_pack(const struct rt_bag *bag, int count, struct rt_bags *out)
{
    int64_t total = 0;
    for (int i = 0; i < count; i++)
        total += bag[i].count;
    if (total > INT32_MAX)
        return RT_ELARGE;
    int32_t *offset = malloc(((size_t)count + 1) * sizeof *offset);
    int32_t *bucket = malloc(((size_t)total + 1) * sizeof *bucket);
    float *weight = malloc(((size_t)total + 1) * sizeof *weight);
    *out = (struct rt_bags){offset, bucket, weight};
    if (!offset || !bucket || !weight)
        return RT_EMEM;
    offset[0] = 0;
    for (int i = 0; i < count; i++) {
        size_t n = (size_t)bag[i].count;
        if (n) {
            memcpy(bucket + offset[i], bag[i].bucket, n * sizeof *bucket);
            memcpy(weight + offset[i], bag[i].weight, n * sizeof *weight);
        }
        offset[i + 1] = offset[i] + bag[i].count;
    }
    return 0;
}

/* Of the samples that are at hand those from `first` on. */
static int batch_run_net(struct worker *w, int first, int count, struct rt_net_outputs *out, struct rt_error *e)
{
    struct rt_bags bags = {NULL, NULL, NULL};
    int rc = w->p->rank ? 0 : bags_pack(w->bag + first, count, &bags);
    if (rc == 0)
        rc = rt_net_run(w->net, count, w->p->rank ? w->input + (size_t)first * w->p->row : NULL,
                        w->p->rank ? NULL : &bags, out, e);
    free((void *)bags.offset);
    free((void *)bags.bucket);
    free((void *)bags.weight);
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "%s", rt_err_words(rc)) : rc;
}

static void batch_keep(const struct worker *w, struct batch *b, int k, const struct rt_net_outputs *out, int at)
{
    const struct rt_model *m = w->p->m;
    outputs_keep(m, b->outputs + outputs_width(m) * (size_t)w->place[k], out, at);
}

/* A graph of somebody else's may take one sample and not another (an index that its numbers make): then each is run
 * alone, with the same bits, and whoever it cannot take has that as its reason. */
static int batch_run(struct worker *w, struct batch *b, int kept, struct rt_error *e)
{
    struct rt_net_outputs out;
    int rc = batch_run_net(w, 0, kept, &out, e);
    for (int k = 0; k < kept && rc == 0; k++)
        batch_keep(w, b, k, &out, k);
    for (int k = 0; k < kept && rc < 0 && rc != RT_EMEM; k++) {
        struct rt_error *why = &b->sample[w->place[k]].why;
        int alone = batch_run_net(w, k, 1, &out, why);
        if (alone == RT_EMEM)
            return rt_error_set(e, alone, "%s", why->text);
        if (alone == 0)
            batch_keep(w, b, k, &out, 0);
    }
    return rc == RT_EMEM ? rc : 0;
}

/* Samples that cannot be read get their reason; RT_EMEM is nobody's but ours. */
static int batch_work(struct worker *w, struct batch *b, struct rt_error *e)
{
    bool batches = predict_in_batches(w->p);
    int kept = 0, rc = 0;
    for (int i = 0; i < b->count && rc == 0; i++) {
        struct rt_predict_sample *s = &b->sample[i];
        float *outputs = b->outputs + outputs_width(w->p->m) * (size_t)i;
        if (s->why.code == 0 && sample_read(w, kept, s, outputs, &s->why) == 0 && batches)
            w->place[kept++] = i;
        if (s->why.code == RT_EMEM)
            rc = rt_error_set(e, RT_EMEM, "%s: out of memory", s->id);
    }
    if (rc == 0 && kept)
        rc = batch_run(w, b, kept, e);
    for (int k = 0; k < kept && w->bag; k++) {
        free(w->bag[k].bucket);
        free(w->bag[k].weight);
        w->bag[k] = (struct rt_bag){0};
    }
    return rc;
}

static void batch_empty(struct batch *b)
{
    for (int i = 0; i < b->count; i++) {
        free(b->sample[i].id);
        free(b->sample[i].path);
        free(b->sample[i].text);
    }
    b->count = 0;
    b->done = b->failed = false;
}

/* ---- taking samples ----
 * Batches grow with what was taken before: the first answers come at once, a few files are shared by all threads, and
 * the size follows from the list alone, not from the number of threads. What is at hand is taken; a batch does not
 * wait to be full, as whoever writes into the pipe may wait for its answer. */

static int list_batch_size(const struct predict *p)
{
    int64_t size = 1 + p->taken / 8;
    return size < p->size ? (int)size : p->size;
}

/* Under p->list. */
static int list_take(struct predict *p, struct batch *b, struct rt_error *e)
{
    int most = list_batch_size(p);
    b->count = 0;
    while (b->count < most && !p->ended) {
        struct rt_predict_sample *s = &b->sample[b->count];
        memset(s, 0, sizeof *s);
        int rc = p->source.next(p->source.self, b->count == 0, s, e);
        p->ended = rc <= RT_PREDICT_END;
        if (rc < 0)
            return rc;
        if (rc != RT_PREDICT_SAMPLE)
            break;
        b->count++;
    }
    p->taken += b->count;
    return 0;
}

/* The place of the next batch, when there is room for it; NULL at the end. Under p->list: so the order in which
 * batches get their numbers is that of their samples. */
static struct batch *ring_place(struct predict *p)
{
    uv_mutex_lock(&p->lock);
    while (!p->stop && p->begun - p->given >= p->ring)
        uv_cond_wait(&p->change, &p->lock);
    struct batch *b = p->stop ? NULL : &p->batch[p->begun % p->ring];
    uv_mutex_unlock(&p->lock);
    return b;
}

/* No more is taken. What was taken before is finished and given. */
static void predict_fail(struct predict *p, const struct rt_error *e)
{
    uv_mutex_lock(&p->lock);
    if (!p->stop)
        p->error = *e;
    p->stop = true;
    uv_cond_broadcast(&p->change);
    uv_mutex_unlock(&p->lock);
}

/* NULL at the end of the list, or of all. */
static struct batch *worker_take(struct predict *p)
{
    struct rt_error e = {0};
    uv_mutex_lock(&p->list);
    struct batch *b = p->ended ? NULL : ring_place(p);
    if (b && list_take(p, b, &e) < 0)
        predict_fail(p, &e); /* of the list: the samples before that place are good */
    bool any = b && b->count;
    if (any) {
        uv_mutex_lock(&p->lock);
        p->begun++;
        uv_mutex_unlock(&p->lock);
    } else if (b) {
        batch_empty(b);
    }
    uv_mutex_unlock(&p->list);
    return any ? b : NULL;
}

static void worker_run(void *self)
{
    struct worker *w = self;
    struct predict *p = w->p;
    for (struct batch *b; (b = worker_take(p)) != NULL;) {
        struct rt_error e = {0};
        bool failed = batch_work(w, b, &e) < 0;
        if (failed)
            predict_fail(p, &e);
        uv_mutex_lock(&p->lock);
        b->done = true;
        b->failed = failed;
        uv_cond_broadcast(&p->change);
        uv_mutex_unlock(&p->lock);
    }
    uv_mutex_lock(&p->lock);
    p->working--;
    uv_cond_broadcast(&p->change);
    uv_mutex_unlock(&p->lock);
}

/* ---- giving ---- */

/* The next in order; NULL when there is no more, or it could not be made. */
static struct batch *ring_wait(struct predict *p)
{
    uv_mutex_lock(&p->lock);
    struct batch *b = &p->batch[p->given % p->ring];
    while (!(p->given < p->begun && b->done) && (p->working || p->given < p->begun))
        uv_cond_wait(&p->change, &p->lock);
    bool ready = p->given < p->begun && b->done && !b->failed;
    uv_mutex_unlock(&p->lock);
    return ready ? b : NULL;
}

static int batch_give(const struct predict *p, const struct batch *b, const struct rt_predict_sink *sink,
                      struct rt_error *e)
{
    for (int i = 0; i < b->count; i++) {
        const struct rt_predict_sample *s = &b->sample[i];
        const float *outputs = b->outputs + outputs_width(p->m) * (size_t)i;
        struct rt_predicted answer = {
            .id = s->id, .reason = s->why.code, .why = s->why.text,
            .embedding = s->why.code ? NULL : outputs, .logits = s->why.code ? NULL : outputs + p->m->dim,
        };
        RT_TRY(sink->take(sink->self, &answer, i + 1 < b->count, e));
    }
    return 0;
}

static void predict_give_all(struct predict *p, const struct rt_predict_sink *sink)
{
    for (struct batch *b; (b = ring_wait(p)) != NULL;) {
        struct rt_error e = {0};
        if (batch_give(p, b, sink, &e) != 0) {
            predict_fail(p, &e);
            return;
        }
        batch_empty(b);
        uv_mutex_lock(&p->lock);
        p->given++;
        uv_cond_broadcast(&p->change);
        uv_mutex_unlock(&p->lock);
    }
}

/* ---- all of it ---- */

static int worker_init(struct worker *w, struct predict *p)
{
    size_t n = (size_t)p->size;
    w->p = p;
    w->place = malloc(n * sizeof *w->place);
    w->room = n * p->row;
    w->input = p->rank ? malloc(w->room * sizeof *w->input) : NULL;
    w->bag = p->rank ? NULL : calloc(n, sizeof *w->bag);
    if (!w->place || (p->rank ? !w->input : !w->bag))
        return RT_EMEM;
    return rt_net_create_ready(&w->net, p->ready, p->size, 1);
}

static void worker_fini(struct worker *w)
{
    rt_net_destroy(w->net);
    free(w->input);
    free(w->bag);
    free(w->place);
}

static int predict_init(struct predict *p, struct rt_model *m, const struct rt_predict_config *c)
{
    int64_t dim[3];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    p->m = m;
    p->views = c->views;
    p->size = predict_in_batches(p) ? c->batch : 1;
    p->threads = c->threads ? c->threads : cores < 1 ? 1 : (int)cores;
    p->threads = p->threads < THREADS_MAX ? p->threads : THREADS_MAX;
    p->ring = AHEAD * p->threads;
    p->rank = m->modality->shape(&m->front, dim);
    p->row = 1;
    for (int i = 0; i < p->rank; i++)
        p->row *= (size_t)dim[i];
    RT_TRY(rt_datafiles_create(&p->sources));
    RT_TRY(rt_ready_create(&p->ready, m, false));
    RT_TRY(rt_front_fbank(&m->front, m->modality->id, &p->fbank));
    m->front.fbank = p->fbank;
    p->batch = calloc((size_t)p->ring, sizeof *p->batch);
    for (int i = 0; p->batch && i < p->ring; i++) {
        struct batch *b = &p->batch[i];
        b->sample = calloc((size_t)p->size, sizeof *b->sample);
        b->outputs = calloc((size_t)p->size * outputs_width(m) + 1, sizeof *b->outputs);
        if (!b->sample || !b->outputs)
            return RT_EMEM;
    }
    return p->batch ? 0 : RT_EMEM;
}

static void predict_fini(struct predict *p)
{
    for (int i = 0; p->batch && i < p->ring; i++) {
        batch_empty(&p->batch[i]);
        free(p->batch[i].sample);
        free(p->batch[i].outputs);
    }
    free(p->batch);
    p->m->front.fbank = NULL;
    rt_fbank_destroy(p->fbank);
    rt_ready_destroy(p->ready);
    rt_datafiles_destroy(p->sources);
}

/* Threads are started one by one: where the system gives fewer than were asked for, those do it. */
static void predict_run(struct predict *p, struct worker *w, const struct rt_predict_sink *sink)
{
    int started = 0;
    p->working = p->threads;
    while (started < p->threads && uv_thread_create(&w[started].thread, worker_run, &w[started]) == 0)
        started++;
    uv_mutex_lock(&p->lock);
    p->working -= p->threads - started;
    uv_mutex_unlock(&p->lock);
    if (started)
        predict_give_all(p, sink);
    else
        predict_fail(p, &(struct rt_error){.code = RT_EMEM, .text = "no thread could be started"});
    for (int i = 0; i < started; i++)
        uv_thread_join(&w[i].thread);
}

int rt_predict(struct rt_model *m, const struct rt_predict_config *c, struct rt_predict_source source,
               struct rt_predict_sink sink, struct rt_error *e)
{
    struct predict p = {.source = source};
    if (uv_mutex_init(&p.list) != 0 || uv_mutex_init(&p.lock) != 0 || uv_cond_init(&p.change) != 0)
        return rt_error_set(e, RT_EMEM, "no memory for locks");
    int rc = predict_init(&p, m, c);
    struct worker *w = rc == 0 ? calloc((size_t)p.threads, sizeof *w) : NULL;
    for (int i = 0; i < p.threads && rc == 0; i++)
        rc = w ? worker_init(&w[i], &p) : RT_EMEM;
    if (rc == 0) {
        predict_run(&p, w, &sink);
        *e = p.error.code ? p.error : *e;
        rc = p.error.code;
    } else {
        rt_error_set(e, rc, "no memory for %d batches of %d samples: take a smaller --batch", p.ring, p.size);
    }
    for (int i = 0; w && i < p.threads; i++)
        worker_fini(&w[i]);
    free(w);
    predict_fini(&p);
    uv_cond_destroy(&p.change);
    uv_mutex_destroy(&p.lock);
    uv_mutex_destroy(&p.list);
    return rc;
}
