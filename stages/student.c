/* SPDX-License-Identifier: MIT
 * student: a batch on its way to the learner, and what is told of it. See student.h. */
#include "stages/student.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* ---- the observers ----
 * Each is told before the next, and all before anything else happens: one may count on what those
 * before it in the list have done (a checkpoint is written when the metrics before it are in the
 * data base). */

/* All of the list hear of `what`; returns from the function with what the first that failed said. */
#define STUDENT_TELL(s, what, ...)                                                                 \
    do {                                                                                           \
        for (int i_ = 0; i_ < (s)->observers; i_++)                                                \
            if ((s)->observer[i_].what)                                                            \
                RT_TRY((s)->observer[i_].what((s)->observer[i_].self, __VA_ARGS__));               \
    } while (0)

/* rt_control_told: self is the student. */
static int student_tell_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                               const char *after, struct rt_error *e)
{
    const struct rt_student *s = self;
    STUDENT_TELL(s, change, step, who, key, before, after, e);
    return 0;
}

static int student_tell_changed(void *self, int64_t step, struct rt_error *e)
{
    const struct rt_student *s = self;
    STUDENT_TELL(s, changed, step, e);
    return 0;
}

static int student_tell_checkpoint(const struct rt_student *s, struct rt_error *e)
{
    STUDENT_TELL(s, checkpoint, e);
    return 0;
}

/* What people note costs updates as their changes do. */
static int student_tell_note(const struct rt_student *s, struct rt_error *e)
{
    uint64_t began = uv_hrtime();
    STUDENT_TELL(s, note, e);
    rt_control_charge(s->control, uv_hrtime() - began);
    return 0;
}

static void student_tell_drops(const struct rt_student *s, const struct rt_batch *b)
{
    for (int d = 0; d < b->drops; d++)
        for (int i = 0; i < s->observers; i++)
            if (s->observer[i].left_out)
                s->observer[i].left_out(s->observer[i].self, &b->drop[d]);
}

/* Behind a batch: its epoch may be over, and an update was made, or the batch was too small. */
static int student_tell_batch(const struct rt_student *s, const struct rt_batch *b, struct rt_error *e)
{
    int64_t step = rt_learner_progress(s->learner).step;
    bool ended = b->marks & RT_MARK_EPOCH;
    if (ended)
        STUDENT_TELL(s, epoch, step, b->epoch, e);
    if (b->kind == RT_BATCH_TRAIN)
        STUDENT_TELL(s, update, step, ended, e);
    return 0;
}

/* ---- a batch as the learner takes it ----
 * Frames are unpacked by role, so that a second student can stand on the same stream with a role of
 * its own. Nothing is cut out of the batch: whom people excluded is left out by a list of the places
 * that are kept, and whoever looks at the batch, or stands behind, sees rows and frames that match. */

struct student_view {
    struct rt_tensor input, length, offset, bucket, weight, measures, quality; /* unpacked frames, and these: */
    struct student_taught {
        struct rt_tensor have, embedding, logits;
    } frames[RT_TEACHERS];
    int32_t *label;
    float *factor;
    int *keep;
    struct rt_taught taught[RT_TEACHERS];
    struct rt_minibatch minibatch; /* refers to all of these */
};

static int student_frame(const struct rt_batch *b, const char *role, const char *what, struct rt_tensor *t,
                         struct rt_error *e)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s%s", role ? role : "", role ? "." : "", what);
    return rt_batch_get(b, name) ? rt_batch_unpack(b, name, t, e) : 0;
}

static int student_unpack_taught(const struct rt_batch *b, const char *teacher, struct student_taught *t,
                                 struct rt_error *e)
{
    RT_TRY(student_frame(b, teacher, "have", &t->have, e));
    RT_TRY(student_frame(b, teacher, "embedding", &t->embedding, e));
    return student_frame(b, teacher, "logits", &t->logits, e);
}

static int student_unpack(const struct rt_student *s, const struct rt_batch *b, struct student_view *v,
                          struct rt_error *e)
{
    RT_TRY(student_frame(b, s->role, "input", &v->input, e));
    RT_TRY(student_frame(b, s->role, "length", &v->length, e));
    RT_TRY(student_frame(b, s->role, "offset", &v->offset, e));
    RT_TRY(student_frame(b, s->role, "bucket", &v->bucket, e));
    RT_TRY(student_frame(b, s->role, "weight", &v->weight, e));
    RT_TRY(student_frame(b, NULL, "measures", &v->measures, e));
    RT_TRY(student_frame(b, NULL, "quality", &v->quality, e));
    for (int k = 0; k < s->teachers; k++)
        RT_TRY(student_unpack_taught(b, s->teacher[k], &v->frames[k], e));
    return 0;
}

/* Labels: those that may be learned from, or, to be measured on, what is true. */
static int student_view_rows(const struct rt_student *s, const struct rt_batch *b, struct student_view *v)
{
    const struct rt_override *hand = s->control ? rt_control_override(s->control) : NULL;
    size_t n = (size_t)b->count + 1;
    v->label = malloc(n * sizeof *v->label);
    v->factor = malloc(n * sizeof *v->factor);
    v->keep = malloc(n * sizeof *v->keep);
    if (!v->label || !v->factor || !v->keep)
        return RT_EMEM;
    for (int i = 0; i < b->count; i++) {
        int row = b->sample[i];
        v->label[i] = b->kind == RT_BATCH_TRAIN ? s->dataset->label[row] : s->dataset->truth[row];
        v->factor[i] = s->dataset->weight[row] * (hand && hand->rows ? hand->factor[row] : 1);
        if (!hand || !hand->rows || !hand->excluded[row])
            v->keep[v->minibatch.kept++] = i;
    }
    return 0;
}

static int student_view_make(const struct rt_student *s, const struct rt_batch *b, struct student_view *v,
                             struct rt_error *e)
{
    *v = (struct student_view){.label = NULL};
    RT_TRY(student_unpack(s, b, v, e));
    if (student_view_rows(s, b, v) < 0)
        return rt_error_set(e, RT_EMEM, "student: no memory for a batch");
    for (int k = 0; k < s->teachers; k++) {
        const struct student_taught *f = &v->frames[k];
        v->taught[k] = (struct rt_taught){f->have.data, f->embedding.data, f->logits.data};
    }
    v->minibatch = (struct rt_minibatch){
        .count = b->count, .sample = b->sample, .shard = b->shard, .keep = v->keep, .kept = v->minibatch.kept,
        .input = v->input.data, .length = v->length.data, .bags = {v->offset.data, v->bucket.data, v->weight.data},
        .label = v->label, .factor = v->factor, .value = v->measures.data,
        .percentile = v->quality.data, .taught = v->taught,
    };
    return 0;
}

static void student_view_fini(struct student_view *v)
{
    struct rt_tensor *t[] = {&v->input, &v->length, &v->offset, &v->bucket, &v->weight, &v->measures, &v->quality};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        rt_tensor_fini(t[i]);
    for (int k = 0; k < RT_TEACHERS; k++) {
        rt_tensor_fini(&v->frames[k].have);
        rt_tensor_fini(&v->frames[k].embedding);
        rt_tensor_fini(&v->frames[k].logits);
    }
    free(v->label);
    free(v->factor);
    free(v->keep);
}

/* ---- one batch ----
 * The mailbox is emptied before anything of the batch is read: a change that takes effect with this
 * update may exclude some of its samples. What the learner reports is told on at once, so that whoever
 * saves the state behind it saves that of this update. */

/* Of a run that was made longer: from the update on that is the first with the new length. */
static void student_keep_length(struct rt_student *s)
{
    if (s->epoch_steps)
        rt_learner_prolong(s->learner, rt_student_steps(s, s->recipe));
}

/* Changes that wait take effect, checkpoints asked for are written; waits while the run is paused.
 */
static int student_begin_update(struct rt_student *s, struct rt_error *e)
{
    struct rt_control_told told = {.self = s, .changed = student_tell_changed, .change = student_tell_change};
    int64_t next = rt_learner_progress(s->learner).step + 1;
    int rc = 0;
    while (s->control && (rc = rt_control_step(s->control, next, &told, e)) > 0)
        RT_TRY(rc == RT_CONTROL_SAVE ? student_tell_checkpoint(s, e) : student_tell_note(s, e));
    if (rc == 0)
        student_keep_length(s);
    return rc;
}

/* The learner knows numbers of rows, people their ids. */
static void student_name_samples(const struct rt_student *s, const struct rt_minibatch *m, struct rt_error *e)
{
    const struct rt_manifest *manifest = s->dataset->manifest;
    int id = rt_manifest_column(manifest, "id");
    char ids[600] = "";
    for (int i = 0; i < m->kept && strlen(ids) < sizeof ids - 80; i++)
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%.60s", i ? ", " : "",
                 rt_manifest_cell(manifest, m->sample[m->keep[i]], id));
    size_t said = strlen(e->text);
    snprintf(e->text + said, sizeof e->text - said, "; samples: %s", ids);
}

/* ns, for other ranks. */
static uint64_t student_waited(const struct rt_student *s)
{
    return s->ranks ? rt_ranks_figures(s->ranks, rt_ranks_rank(s->ranks)).waited : 0;
}

static int student_learn(const struct rt_student *s, const struct rt_batch *b, const struct rt_minibatch *m,
                         struct rt_error *e)
{
    struct rt_learner_settings settings;
    struct rt_step_report report;
    rt_learner_settings_of(s->recipe, &settings);
    uint64_t began = uv_hrtime(), waited = student_waited(s);
    int rc = rt_learner_step(s->learner, m, &settings, &report, e);
    if (rc == RT_ENOTFINITE)
        student_name_samples(s, m, e);
    if (rc > 0)
        rt_ranks_did(s->ranks, m->kept, uv_hrtime() - began - (student_waited(s) - waited));
    if (rc <= 0)
        return rc; /* 0: too few were left */
    report.epoch = b->epoch;
    STUDENT_TELL(s, step, &report, e);
    return 0;
}

static int student_conclude(const struct rt_student *s, const struct rt_batch *b, struct rt_error *e)
{
    struct rt_learner_settings settings;
    struct rt_eval_report report;
    rt_learner_settings_of(s->recipe, &settings);
    RT_TRY(rt_learner_conclude(s->learner, &settings, &report, e));
    report.epoch = b->epoch;
    STUDENT_TELL(s, evaluation, &report, e);
    return 0;
}

/* ---- several ranks ----
 * All work on the same batches, each on its shards, and before each of them rank 0 says whether it goes on, and what
 * was asked for meanwhile. Only rank 0 can be asked, paused or stopped; the others wait for its word, so a change takes
 * effect at the same update everywhere, and none is left behind when the run is stopped. */

struct student_word {
    int32_t rc; /* < 0: the run ends before this batch */
    int32_t kind;
    int64_t step, index;
};

/* Rank 0's word and news to all; the others get theirs in *word and *news (malloc'ed). */
static int student_say(struct rt_student *s, struct student_word *word, const char *say, char **news,
                       struct rt_error *e)
{
    size_t size = 0, total;
    char *message = NULL;
    void *all;
    if (rt_ranks_rank(s->ranks) == 0) {
        size = sizeof *word + strlen(say) + 1;
        if (!(message = malloc(size)))
            return rt_error_set(e, RT_EMEM, "no memory to tell the other ranks");
        memcpy(message, word, sizeof *word);
        strcpy(message + sizeof *word, say);
    }
    int rc = rt_ranks_gather(s->ranks, message, size, &all, &total, e);
    free(message);
    if (rc < 0)
        return rc;
    bool heard = total > sizeof *word;
    if (heard) {
        memcpy(word, all, sizeof *word);
        *news = strdup((const char *)all + sizeof *word);
    }
    free(all);
    if (!heard)
        return rt_error_set(e, RT_EMISMATCH, "rank 0 says nothing of the next batch");
    return *news ? 0 : rt_error_set(e, RT_EMEM, "no memory for what rank 0 says");
}

static int student_follow(struct rt_student *s, const struct rt_batch *b, const struct student_word *mine,
                          const struct student_word *word, const char *news, struct rt_error *e)
{
    static const struct rt_control_told nobody;
    if (word->rc < 0) {
        s->left = true;
        return rt_error_set(e, RT_ESTOPPED, "stopped before step %lld", (long long)mine->step);
    }
    if (word->kind != mine->kind || word->step != mine->step || word->index != mine->index)
        return rt_error_set(e, RT_EMISMATCH, "%s is at batch %lld of step %lld, rank 0 at batch %lld of step %lld",
                            rt_ranks_name(s->ranks, rt_ranks_rank(s->ranks)), (long long)mine->index,
                            (long long)mine->step, (long long)word->index, (long long)word->step);
    if (b->kind != RT_BATCH_TRAIN || !s->control)
        return 0;
    RT_TRY(rt_control_take_news(s->control, news, e));
    RT_TRY(rt_control_step(s->control, mine->step, &nobody, e));
    student_keep_length(s);
    return 0;
}

/* Before each batch: 0 = on with it. */
static int student_agree(struct rt_student *s, const struct rt_batch *b, struct rt_error *e)
{
    bool train = b->kind == RT_BATCH_TRAIN, leads = rt_ranks_rank(s->ranks) == 0;
    int begun = train && leads ? student_begin_update(s, e) : 0; /* before the view: samples may be excluded by it */
    if (!s->ranks)
        return begun;
    struct student_word mine = {begun, b->kind, rt_learner_progress(s->learner).step + 1, b->index}, word = mine;
    struct rt_error why = {0};
    const char *say = leads && train && begun == 0 && s->control ? rt_control_news(s->control) : "";
    char *news = NULL;
    rt_ranks_at(s->ranks, mine.step);
    int rc = say ? student_say(s, &word, say, &news, &why) : rt_error_set(&why, RT_EMEM, "no memory for changes");
    s->left |= begun < 0;
    if (rc == 0 && !leads)
        rc = student_follow(s, b, &mine, &word, news, &why);
    free(news);
    if (begun == 0 && rc < 0)
        *e = why;
    return begun < 0 ? begun : rc;
}

void rt_student_leave(struct rt_student *s)
{
    struct student_word word = {.rc = RT_ESTOPPED};
    struct rt_error ignored;
    char *news = NULL;
    if (!s->ranks || s->left)
        return;
    s->left = true;
    student_say(s, &word, "", &news, &ignored);
    free(news);
}

static int student_work(void *self, struct rt_batch *b, struct rt_error *e)
{
    struct rt_student *s = self;
    struct student_view v;
    RT_TRY(student_agree(s, b, e));
    int rc = student_view_make(s, b, &v, e);
    if (rc < 0)
        goto out;
    student_tell_drops(s, b);
    rc = b->kind == RT_BATCH_TRAIN ? student_learn(s, b, &v.minibatch, e)
                                   : rt_learner_measure(s->learner, &v.minibatch, e);
    if (rc < 0)
        goto out;
    rc = student_tell_batch(s, b, e);
    if (rc == 0 && (b->marks & RT_MARK_EVAL))
        rc = student_conclude(s, b, e);
out:
    student_view_fini(&v);
    return rc;
}

const struct rt_stage_ops rt_stage_student = {
    .name = "student",
    .summary = "forward, losses, sample weights, backward, update; evaluation",
    .remedy = "raise train.threads or take a smaller student.width",
    .work = student_work,
};
