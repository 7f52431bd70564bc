/* SPDX-License-Identifier: MIT
 * student: one update: unpack, forward, weights, objective, backward, step. See student.h. */
#include "stages/student.h"

#include "stages/distill/objective_settings.h"
#include "stages/distill/weight_terms.h"
#include "stages/distill/weights.h"
#include "stages/nn/exec.h"
#include "stages/nn/optim/optim.h"
#include "stages/nn/optim/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct rt_objective_facts student_facts(const struct rt_student *s)
{
    return (struct rt_objective_facts){
        .has_teacher = s->teacher != NULL,
        .shares_classes = s->model->shares_classes,
        .classes = s->model->classes,
        .teacher_classes = s->model->teacher_classes,
        .scale = s->model->scale,
        .step = s->step,
        .steps = s->steps,
    };
}

/* What weight.terms may name in this run; name is the list of the measures. */
static struct rt_weight_source student_weight_source(const struct rt_student *s,
                                                     const char *name[RT_SCORE_COLUMNS])
{
    unsigned teacher = s->teacher ? RT_NEEDS_T_FEATURE : 0u;
    if (s->teacher && s->teacher->classes > 0)
        teacher |= RT_NEEDS_T_LOGITS | (s->model->shares_classes ? RT_NEEDS_CLASSES : 0u);
    return (struct rt_weight_source){name, s->scores ? rt_scores_names(s->scores, name) : 0, teacher};
}

int rt_student_check(void *self, const struct rt_recipe *r, struct rt_error *e)
{
    const struct rt_student *s = self;
    struct rt_objective_facts facts = student_facts(s);
    RT_TRY(rt_objective_check(r, &facts, e));
    enum rt_head_id head = r->eval_head;
    if ((head == RT_HEAD_TEACHER || head == RT_HEAD_SUM) && !s->model->shares_classes)
        return rt_error_set(e, RT_EMISMATCH, "eval.head is %s, but there is no teacher's head with "
                            "the data set's classes: write own or auto", rt_head_names[head]);
    const char *name[RT_SCORE_COLUMNS];
    struct rt_weight_source have = student_weight_source(s, name);
    struct rt_weight_columns columns;
    return rt_weight_terms_read("weight.terms", r->weight_terms, &have, &columns, e);
}

int rt_student_threads(const struct rt_recipe *r)
{
    int threads = r->train_threads ? (int)r->train_threads : (int)sysconf(_SC_NPROCESSORS_ONLN);
    return threads < 1 ? 1 : threads;
}

static int allocate_step(struct rt_student *s)
{
    size_t n = (size_t)s->recipe->train_batch;
    size_t heads = (size_t)s->model->teacher_classes + 1;
    s->weight = calloc(n, sizeof *s->weight);
    s->quality = calloc(n, sizeof *s->quality);
    s->factor = calloc(n, sizeof *s->factor * RT_WEIGHT_COLUMNS);
    s->distance = calloc(n, sizeof *s->distance * RT_TERMS);
    s->label = calloc(n, sizeof *s->label);
    s->scale = calloc(n, sizeof *s->scale);
    s->out = calloc(n, sizeof *s->out);
    s->head = calloc(n, sizeof *s->head * heads);
    s->d_head = calloc(n, sizeof *s->d_head * heads);
    return s->weight && s->quality && s->factor && s->distance && s->label && s->head &&
                   s->d_head && s->scale && s->out
               ? 0
               : RT_EMEM;
}

int rt_student_init(struct rt_student *s, struct rt_error *e)
{
    s->best = -1;
    s->norm_mean = s->norm_var = NAN;
    rt_objective_init(&s->objective);
    int rc = rt_student_check(s, s->recipe, e);
    if (rc < 0)
        return rc;
    int threads = rt_student_threads(s->recipe);
    rc = rt_sample_states_init(&s->samples, s->dataset->count);
    if (rc == 0)
        rc = rt_parallel_create(&s->parallel, threads);
    if (rc == 0)
        rc = rt_exec_create(&s->exec, s->model->graph, (int)s->recipe->train_batch, true,
                            s->parallel);
    if (rc == 0)
        rc = rt_optim_create(&s->optim, s->recipe->train_optimizer, s->model->graph);
    if (rc == 0)
        rc = allocate_step(s);
    return rc < 0 ? rt_error_set(e, rc, "student: %s (batch %lld)", rt_err_words(rc),
                                 (long long)s->recipe->train_batch)
                  : 0;
}

void rt_student_fini(struct rt_student *s)
{
    rt_optim_destroy(s->optim);
    rt_exec_destroy(s->exec);
    rt_parallel_destroy(s->parallel);
    rt_sample_states_fini(&s->samples);
    void *owned[] = {s->weight, s->quality, s->factor, s->distance, s->label, s->scale, s->out, s->head, s->d_head,
                     s->eval.own, s->eval.head,
                     s->eval.teacher, s->eval.label, s->eval.taught};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    memset(s, 0, sizeof *s);
}

/* A batch's frames, unpacked. */
struct unpacked {
    struct rt_tensor input, offset, bucket, weight;
    struct rt_tensor quality;
    struct rt_tensor have, embedding, logits; /* the teacher's */
};

static int optional(const struct rt_batch *b, const char *name, struct rt_tensor *t,
                    struct rt_error *e)
{
    return rt_batch_get(b, name) ? rt_batch_unpack(b, name, t, e) : 0;
}

static int unpack(const struct rt_batch *b, struct unpacked *u, struct rt_error *e)
{
    int rc = optional(b, "student.input", &u->input, e);
    if (rc == 0)
        rc = optional(b, "student.offset", &u->offset, e);
    if (rc == 0)
        rc = optional(b, "student.bucket", &u->bucket, e);
    if (rc == 0)
        rc = optional(b, "student.weight", &u->weight, e);
    if (rc == 0)
        rc = optional(b, "quality", &u->quality, e);
    if (rc == 0)
        rc = optional(b, "teacher.have", &u->have, e);
    if (rc == 0)
        rc = optional(b, "teacher.embedding", &u->embedding, e);
    if (rc == 0)
        rc = optional(b, "teacher.logits", &u->logits, e);
    return rc;
}

static void unpacked_fini(struct unpacked *u)
{
    struct rt_tensor *t[] = {&u->input, &u->offset, &u->bucket, &u->weight,
                             &u->quality, &u->have, &u->embedding, &u->logits};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        rt_tensor_fini(t[i]);
}

static double length(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* AdaFace's image quality: the feature norm's z-score over the batches so far, h = 0.33, clipped to
 * -1..1, here moved to 0..1. Updates the running mean and variance (rate 0.01). */
static void norm_factor(struct rt_student *s, const struct unpacked *u, int n, double *out,
                        int stride)
{
    int dim = s->teacher->dim, have = 0;
    const uint8_t *has = u->have.data; /* NULL: the batch brought no teacher's outputs */
    const float *f = u->embedding.data;
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++) {
        double x = has && has[i] ? length(f + (size_t)i * (size_t)dim, dim) : NAN;
        out[i * stride] = x;
        if (!isnan(x)) {
            have++;
            mean += x;
            square += x * x;
        }
    }
    if (have) {
        mean /= have;
        double var = fmax(0, square / have - mean * mean);
        s->norm_mean = isnan(s->norm_mean) ? mean : 0.99 * s->norm_mean + 0.01 * mean;
        s->norm_var = isnan(s->norm_var) ? var : 0.99 * s->norm_var + 0.01 * var;
    }
    for (int i = 0; i < n; i++) {
        double z = (out[i * stride] - s->norm_mean) / (sqrt(s->norm_var) + 1e-3) * 0.33;
        out[i * stride] = isnan(z) ? NAN : 0.5 + 0.5 * fmax(-1, fmin(1, z));
    }
}

/* The teacher's posterior of the sample's label; NaN without label or teacher. */
static void confidence_factor(const struct rt_student *s, const struct unpacked *u, int n,
                              double *out, int stride)
{
    int classes = s->teacher->classes;
    const uint8_t *has = u->have.data;
    for (int i = 0; i < n; i++) {
        out[i * stride] = NAN;
        if (!has || !has[i] || s->label[i] < 0 || !s->model->shares_classes)
            continue;
        const float *z = (const float *)u->logits.data + (size_t)i * (size_t)classes;
        double top = z[0], sum = 0;
        for (int c = 1; c < classes; c++)
            top = fmax(top, z[c]);
        for (int c = 0; c < classes; c++)
            sum += exp(z[c] - top);
        out[i * stride] = exp(z[s->label[i]] - top) / sum;
    }
}

/* Samples taken out by hand leave the batch: they are in no mean, not of batch-norm either. */
static void leave_rows(struct rt_tensor *t, const uint8_t *out, int n)
{
    size_t row = t->data ? rt_tensor_bytes(t) / (size_t)n : 0;
    char *data = t->data;
    for (int i = 0, kept = 0; data && i < n; i++)
        if (!out[i])
            memmove(data + (size_t)kept++ * row, data + (size_t)i * row, row);
}

static void leave_bags(struct unpacked *u, const uint8_t *out, int n)
{
    int32_t *offset = u->offset.data, *bucket = u->bucket.data, at = 0;
    float *weight = u->weight.data;
    int kept = 0;
    for (int i = 0; offset && i < n; i++) {
        int32_t from = offset[i], many = offset[i + 1] - from;
        if (out[i])
            continue;
        memmove(bucket + at, bucket + from, (size_t)many * sizeof *bucket);
        memmove(weight + at, weight + from, (size_t)many * sizeof *weight);
        offset[kept++] = at;
        at += many;
    }
    if (offset)
        offset[kept] = at;
}

static void leave_excluded(struct rt_student *s, struct rt_batch *b, struct unpacked *u)
{
    const struct rt_override *hand = s->control ? rt_control_override(s->control) : NULL;
    struct rt_tensor *dense[] = {&u->input, &u->quality, &u->have, &u->embedding, &u->logits};
    int n = b->count, kept = 0;
    for (int i = 0; i < n; i++)
        s->out[i] = hand && hand->rows ? hand->excluded[b->sample[i]] : 0;
    if (!memchr(s->out, 1, (size_t)n))
        return;
    for (size_t k = 0; k < sizeof dense / sizeof *dense; k++)
        leave_rows(dense[k], s->out, n);
    leave_bags(u, s->out, n);
    for (int i = 0; i < n; i++)
        if (!s->out[i])
            b->sample[kept++] = b->sample[i];
    b->count = kept;
}

/* quality[i] from the chosen terms, then weight[i]. */
static void weigh(struct rt_student *s, const struct rt_batch *b, const struct unpacked *u)
{
    const struct rt_override *hand = s->control ? rt_control_override(s->control) : NULL;
    int n = b->count;
    for (int i = 0; i < n; i++)
        s->scale[i] = hand && hand->rows ? hand->factor[b->sample[i]] : 1;
    const struct rt_recipe *r = s->recipe;
    const char *name[RT_SCORE_COLUMNS];
    struct rt_weight_source have = student_weight_source(s, name);
    struct rt_weight_columns columns; /* all there: the settings were checked */
    rt_weight_terms_read("weight.terms", r->weight_terms, &have, &columns, NULL);
    int terms = columns.count, *column = columns.column;
    for (int t = 0; t < terms; t++) {
        if (column[t] == RT_WEIGHT_OF(RT_WEIGHT_teacher_norm))
            norm_factor(s, u, n, s->factor + t, terms);
        else if (column[t] == RT_WEIGHT_OF(RT_WEIGHT_teacher_confidence))
            confidence_factor(s, u, n, s->factor + t, terms);
        const float *q = u->quality.data;
        for (int i = 0; column[t] >= 0 && i < n; i++)
            s->factor[i * terms + t] =
                q ? q[(size_t)i * (size_t)s->scores->columns + (size_t)column[t]] : NAN;
    }
    rt_weight_quality(s->factor, (size_t)n, terms, s->quality);
    if (terms)
        rt_weight_batch(s->quality, s->scale, (size_t)n, r->weight_gamma, r->weight_floor, s->weight);
    for (int i = 0; terms == 0 && i < n; i++) {
        s->quality[i] = 1;
        s->weight[i] = s->scale[i];
    }
}

/* Losses and their gradients into the graph's output gradients. */
static int objective(struct rt_student *s, const struct unpacked *u, int n,
                     struct rt_objective_out *out, struct rt_error *e)
{
    const struct rt_model *m = s->model;
    size_t head = (size_t)n * (size_t)m->teacher_classes;
    struct rt_objective_facts facts = student_facts(s);
    struct rt_objective_settings settings;
    rt_objective_read(s->recipe, &facts, &settings);
    struct rt_term_in in = {
        .batch = n, .classes = m->classes, .logits = rt_exec_output(s->exec, m->logits),
        .label = s->label,
    };
    bool taught = s->teacher && u->have.data;
    if (taught) {
        const float *raw = m->head >= 0 ? rt_exec_output(s->exec, m->head) : NULL;
        for (size_t i = 0; i < head; i++)
            s->head[i] = raw[i] * (float)m->head_scale;
        memset(s->d_head, 0, head * sizeof(float));
        in.teacher_classes = m->teacher_classes;
        in.dim = m->teacher_dim;
        in.feature = rt_exec_output(s->exec, m->feature);
        in.head = m->head >= 0 ? s->head : NULL;
        in.t_feature = u->embedding.data;
        in.t_logits = u->logits.data;
    }
    for (int k = 0; k < RT_TERMS; k++)
        out->distance[k] = s->distance + (size_t)k * (size_t)s->recipe->train_batch;
    int rc = rt_objective_batch(&s->objective, &settings, &in, s->weight,
                                taught ? u->have.data : NULL, NULL, rt_exec_grad(s->exec, m->logits),
                                taught ? rt_exec_grad(s->exec, m->feature) : NULL,
                                in.head ? s->d_head : NULL, out, e);
    if (rc < 0)
        return rc;
    float *g = in.head ? rt_exec_grad(s->exec, m->head) : NULL;
    for (size_t i = 0; g && i < head; i++)
        g[i] += s->d_head[i] * (float)m->head_scale;
    return 0;
}

static void remember(struct rt_student *s, const struct rt_batch *b,
                     const struct rt_objective_out *out)
{
    struct rt_objective_facts facts = student_facts(s);
    struct rt_objective_settings settings;
    rt_objective_read(s->recipe, &facts, &settings);
    for (int i = 0; i < b->count; i++) {
        size_t row = (size_t)b->sample[i];
        s->samples.seen[row]++;
        s->samples.quality[row] = (float)s->quality[i];
        s->samples.weight[row] = (float)s->weight[i];
        double loss = 0;
        for (int k = 0; k < RT_TERMS; k++) {
            double d = out->distance[k][i];
            if (isnan(d))
                continue;
            loss += settings.term[k].lambda * d;
            s->samples.distance[row * RT_TERMS + (size_t)k] = (float)d;
            s->samples.inside[row * RT_TERMS + (size_t)k] = d <= out->margin[k];
        }
        rt_loss_history_add(s->samples.history + row * RT_LOSS_HISTORY, (float)loss);
    }
}

/* NaN or infinity: the step, the layer and the samples, so that someone can look. */
static int not_finite(const struct rt_student *s, const struct rt_batch *b, const char *what,
                      struct rt_error *e)
{
    char ids[600] = "";
    const struct rt_manifest *m = s->dataset->manifest;
    int id = rt_manifest_column(m, "id");
    for (int i = 0; i < b->count && strlen(ids) < sizeof ids - 80; i++)
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%.60s", i ? ", " : "",
                 rt_manifest_cell(m, b->sample[i], id));
    return rt_error_set(e, RT_ENOTFINITE,
                        "step %lld: %s is not finite; lower train.lr or set train.clip; samples: %s",
                        (long long)s->step + 1, what, ids);
}

/* The first layer whose output for n samples is not finite, or else the loss, in words. */
static void bad_output(const struct rt_student *s, int n, char *what, size_t size)
{
    const struct rt_graph *g = s->model->graph;
    snprintf(what, size, "the loss");
    for (int k = 0; k < rt_graph_nodes(g); k++) {
        const struct rt_node *node = rt_graph_at(g, k);
        const float *x = rt_exec_output(s->exec, k);
        size_t count = (size_t)n;
        for (int d = 0; d < node->shape.rank; d++)
            count *= (size_t)node->shape.dim[d];
        for (size_t i = 0; x && i < count; i++)
            if (!isfinite(x[i])) {
                snprintf(what, size, "the output of %s", node->name);
                return;
            }
    }
}

/* ---- the observers ----
 * Each is told before the next, and all before anything else happens: one may count on what those before it in
 * the list have done (a checkpoint is written when the metrics before it are in the data base). */

static void tell_left_out(const struct rt_student *s, const struct rt_drop *drop)
{
    for (int i = 0; i < s->observers; i++)
        if (s->observer[i].left_out)
            s->observer[i].left_out(s->observer[i].self, drop);
}

static int tell_step(const struct rt_student *s, const struct rt_step_report *report, struct rt_error *e)
{
    for (int i = 0; i < s->observers; i++)
        if (s->observer[i].step)
            RT_TRY(s->observer[i].step(s->observer[i].self, report, e));
    return 0;
}

static int tell_epoch(const struct rt_student *s, int epoch, struct rt_error *e)
{
    for (int i = 0; i < s->observers; i++)
        if (s->observer[i].epoch)
            RT_TRY(s->observer[i].epoch(s->observer[i].self, s->step, epoch, e));
    return 0;
}

static int tell_update(const struct rt_student *s, bool epoch_ended, struct rt_error *e)
{
    for (int i = 0; i < s->observers; i++)
        if (s->observer[i].update)
            RT_TRY(s->observer[i].update(s->observer[i].self, s->step, epoch_ended, e));
    return 0;
}

static int tell_checkpoint(const struct rt_student *s, struct rt_error *e)
{
    for (int i = 0; i < s->observers; i++)
        if (s->observer[i].checkpoint)
            RT_TRY(s->observer[i].checkpoint(s->observer[i].self, e));
    return 0;
}

/* rt_control_told: self is the student. */
static int tell_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                       const char *after, struct rt_error *e)
{
    const struct rt_student *s = self;
    for (int i = 0; i < s->observers; i++)
        if (s->observer[i].change)
            RT_TRY(s->observer[i].change(s->observer[i].self, step, who, key, before, after, e));
    return 0;
}

static int learn(struct rt_student *s, struct rt_batch *b, struct unpacked *u, struct rt_error *e)
{
    int n = b->count;
    const struct rt_recipe *r = s->recipe;
    struct rt_bags bags = {u->offset.data, u->bucket.data, u->weight.data};
    for (int i = 0; i < n; i++)
        s->label[i] = s->dataset->label[b->sample[i]];
    rt_exec_forward(s->exec, n, u->input.data, u->input.data ? NULL : &bags, true,
                    (uint64_t)r->seed, (uint64_t)s->step);
    weigh(s, b, u);
    struct rt_objective_out out = {0};
    int rc = objective(s, u, n, &out, e);
    if (rc < 0)
        return rc;
    char what[RT_NAME + 32];
    if (!isfinite(out.total)) {
        bad_output(s, n, what, sizeof what);
        return not_finite(s, b, what, e);
    }
    rt_exec_backward(s->exec);
    int64_t place = s->step + (int64_t)floor(r->train_advance * (double)s->steps + 0.5);
    double lr = r->train_lr * rt_schedule(r->train_schedule, place, s->steps, r->train_warmup);
    struct rt_optim_step how = {lr, r->train_momentum, r->train_decay, r->train_clip, s->parallel};
    const char *where = NULL;
    double norm = rt_optim_update(s->optim, &how, &where);
    if (!isfinite(norm)) {
        snprintf(what, sizeof what, "the gradient of %s", where ? where : "the network");
        return not_finite(s, b, what, e);
    }
    s->step++;
    remember(s, b, &out);
    struct rt_step_report report = {
        .step = s->step, .epoch = b->epoch, .samples = n, .lr = lr, .gradient_norm = norm,
        .total = out.total, .effective = rt_weight_effective(s->weight, (size_t)n),
        .terms = &out, .batch = b,
    };
    return tell_step(s, &report, e);
}

/* Changes that wait take effect, checkpoints asked for are written; waits while the run is paused. */
static int begin_update(struct rt_student *s, struct rt_error *e)
{
    struct rt_control_told told = {s, tell_change};
    int rc = 0;
    while (s->control && (rc = rt_control_step(s->control, s->step + 1, &told, e)) == RT_CONTROL_SAVE)
        RT_TRY(tell_checkpoint(s, e));
    return rc;
}

static int student_work(void *self, struct rt_batch *b, struct rt_error *e)
{
    struct rt_student *s = self;
    struct unpacked u = {0};
    int rc = b->kind == RT_BATCH_TRAIN ? begin_update(s, e) : 0;
    rt_model_rescale(s->model, s->recipe->task_scale);
    if (rc == 0)
        rc = unpack(b, &u, e);
    for (int i = 0; rc == 0 && i < b->drops; i++)
        tell_left_out(s, &b->drop[i]);
    if (rc == 0 && b->kind == RT_BATCH_TRAIN) {
        leave_excluded(s, b, &u);
        if (b->count >= 2)
            rc = learn(s, b, &u, e);
        else
            s->step++; /* too few left for batch-norm; the schedule goes on all the same */
    } else if (rc == 0 && b->count > 0) {
        struct rt_bags bags = {u.offset.data, u.bucket.data, u.weight.data};
        rt_exec_forward(s->exec, b->count, u.input.data, u.input.data ? NULL : &bags, false, 0, 0);
        rc = rt_student_measure(s, b, &u.logits, &u.have, e);
    }
    bool ended = b->marks & RT_MARK_EPOCH;
    if (rc == 0 && ended)
        rc = tell_epoch(s, b->epoch, e);
    if (rc == 0 && b->kind == RT_BATCH_TRAIN)
        rc = tell_update(s, ended, e);
    if (rc == 0 && (b->marks & RT_MARK_EVAL))
        rc = rt_student_conclude(s, b, e);
    unpacked_fini(&u);
    return rc;
}

const struct rt_stage_ops rt_stage_student = {
    .name = "student",
    .summary = "forward, losses, sample weights, backward, update; evaluation",
    .remedy = "raise train.threads or take a smaller student.width",
    .work = student_work,
};
