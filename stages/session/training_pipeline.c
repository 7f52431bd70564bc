/* SPDX-License-Identifier: MIT
 * training_pipeline: see training_pipeline.h. */
#include "stages/session/training_pipeline.h"

#include "formats/recipe_teacher.h"
#include "formats/words.h"
#include "pipeline/live/socket.h"
#include "pipeline/data/sampler.h"
#include "stages/session/live_rows.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS 500
#define RECENT_NS UINT64_C(3000000000) /* what limits the run is said of the last one to two of these */

/* ---- what may be changed meanwhile ----
 * A change is checked by whoever asks for it, on any thread, against what is fixed for the run: threads of the pool
 * and open caches cannot come later. It is put in force by the student, at the step it is for. */

/* Is the k-th teacher's cache as it was, or one that can be changed? */
static int check_teacher_cache(const struct rt_training *t, const struct rt_recipe *r, int k, struct rt_error *e)
{
    if (t->teacher[k].outputs || rt_recipe_teacher(r, k).cache == rt_recipe_teacher(t->recipe, k).cache)
        return 0;
    return rt_error_set(e, RT_EUSAGE, "%s.cache: this run has none%s", rt_stage_teacher[k].name,
                        k < t->teachers ? ": it began without" : ", and no teacher");
}

int rt_training_pipeline_check(const struct rt_training *t, const struct rt_recipe *r, struct rt_error *e)
{
    if (r->pipeline_decoders > t->session->limits.most_decoders)
        return rt_error_set(e, RT_ERANGE, "pipeline.decoders: at most %d in this run",
                            t->session->limits.most_decoders);
    if (r->augment_rir > 0 && !*r->augment_rir_from)
        return rt_error_set(e, RT_EUSAGE,
                            "augment.rir: this run has no rooms; it was started without augment.rir_from");
    for (int k = 0; k < RT_TEACHERS; k++)
        RT_TRY(check_teacher_cache(t, r, k, e));
    return 0;
}

void rt_training_pipeline_limits(const struct rt_training *t)
{
    const struct rt_recipe *r = rt_control_settings(t->control);
    struct rt_session_limits limits = rt_session_limits_of(r);
    rt_runner_limits(t->runner, limits.batches, limits.memory);
    rt_runner_workers(t->runner, rt_stage_decode.name, limits.decoders);
    for (int k = 0; k < t->teachers; k++)
        if (t->teacher[k].outputs)
            rt_store_limit(t->teacher[k].outputs, (uint64_t)rt_recipe_teacher(r, k).cache << 20);
}

/* Before the batch of update `step` is made. */
static int sampler_hand_out(void *self, int64_t step)
{
    const struct rt_training *t = self;
    struct rt_recipe r = {0};
    if (!rt_control_may_hand_out(t->control, step))
        return RT_EBUSY;
    rt_control_hand_out(t->control, step);
    rt_control_batch(t->control, step, &r);
    return (int)r.eval_interval;
}

static bool sampler_ended(void *self, int64_t step)
{
    return rt_control_prolongs(((const struct rt_training *)self)->control, step);
}

static void decode_augment(void *self, int64_t step, struct rt_augment *a)
{
    struct rt_recipe r = {0};
    rt_control_batch(self, step, &r);
    *a = rt_augment_of(&r);
}

/* ---- the stages ----
 * decode asks a teacher whether it wants a sample's input at all, so teachers are described before it; the
 * sampler stands in front of all and is asked by the loop. */

_Static_assert(1 + RT_TEACHERS <= RT_DECODE_INPUTS, "decode has an input for the student and for each teacher");

struct pipeline {
    struct rt_sampler *sampler;
    struct rt_decode decode;
    struct rt_quality quality;
    struct rt_teacher teacher[RT_TEACHERS];
};

/* The k-th teacher, and what decode makes for it. */
static void pipeline_describe_teacher(struct pipeline *p, struct rt_training *t, int k)
{
    struct rt_session *s = t->session;
    struct rt_model *m = &t->teacher[k].model;
    struct rt_views views = {.whole = m->whole};
    p->teacher[k] = (struct rt_teacher){
        .role = rt_stage_teacher[k].name, .model = m, .dataset = &s->dataset, .content = &s->content,
        .store = t->teacher[k].outputs, .views = views, .workers = s->limits.decoders, .level = s->limits.level,
    };
    p->decode.input[1 + k] = (struct rt_decode_input){
        .role = rt_stage_teacher[k].name, .modality = m->modality, .front = &m->front,
        .features = s->features[m->modality->id], .views = views,
        .wanted = rt_teacher_wanted, .wanted_self = &p->teacher[k],
    };
}

static void pipeline_describe(struct pipeline *p, struct rt_training *t)
{
    struct rt_session *s = t->session;
    p->decode = (struct rt_decode){
        .dataset = &s->dataset, .sources = s->sources, .content = &s->content, .inputs = 1 + t->teachers,
        .augment = decode_augment, .augment_self = t->control,
        .seed = (uint64_t)t->recipe->seed, .level = s->limits.level, .strict = s->limits.strict,
        .shared = s->ranks != NULL,
    };
    p->decode.input[0] = (struct rt_decode_input){
        .role = "student", .modality = t->model.modality, .front = &t->model.front,
        .features = s->features[t->model.modality->id], .required = true, .augment = true,
        .raw = t->model.modality->id == RT_SPEECH ? s->sound : NULL, .views = t->views,
    };
    for (int k = 0; k < t->teachers; k++)
        pipeline_describe_teacher(p, t, k);
    p->quality = (struct rt_quality){
        .dataset = &s->dataset, .content = &s->content, .scores = &s->scores,
        .level = s->limits.level,
    };
}

static int pipeline_make_sampler(struct pipeline *p, struct rt_training *t)
{
    const struct rt_recipe *r = t->recipe;
    struct rt_learner_progress at = rt_learner_progress(t->student.learner);
    static struct rt_recipe last;
    rt_control_last(t->control, &last);
    struct rt_sampler_config c = {
        .train = t->train_rows, .train_count = t->train_count,
        .labelled = t->train_labelled, .balance = r->data_balance,
        .eval = t->valid_rows, .eval_count = t->valid_count,
        .batch = (int)r->train_batch,
        .shards = (int)r->train_shards, .own_shards = rt_together_shards(&t->together, r),
        .first_shard = rt_ranks_rank(t->together.ranks) * rt_together_shards(&t->together, r),
        .seed = (uint64_t)r->seed, .steps = rt_student_steps(&t->student, &last), .ended = sampler_ended,
        .eval_interval = (int)rt_control_settings(t->control)->eval_interval,
        .start = at.step, .hand_out = sampler_hand_out, .self = t,
    };
    return rt_sampler_create(&p->sampler, &c);
}

static int pipeline_make(struct pipeline *p, struct rt_training *t)
{
    const struct rt_session_limits *l = &t->session->limits;
    pipeline_describe(p, t);
    RT_TRY(pipeline_make_sampler(p, t));
    RT_TRY(rt_runner_create(&t->runner, l->batches, l->memory, rt_together_leads(&t->together)));
    RT_TRY(rt_runner_add(t->runner, &rt_stage_decode, &p->decode, l->decoders));
    RT_TRY(rt_runner_add(t->runner, &rt_stage_quality, &p->quality, 1));
    for (int k = 0; k < t->teachers; k++)
        RT_TRY(rt_runner_add(t->runner, &rt_stage_teacher[k], &p->teacher[k], p->teacher[k].workers));
    return rt_runner_add(t->runner, &rt_stage_student, &t->student, 1);
}

/* ---- what it did ----
 * Looked at by the loop now and then, which puts it on the board; the student's work takes it from there to run.db,
 * since only one thread may write there. When the run has ended there is only one thread left. */

/* What can be done about a student that limits the run depends on what it has: who has all cores is not helped by
 * the words to give it more. */
static void pipeline_advise(struct rt_training *t, struct rt_account *a)
{
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int threads = t->recipe->train_threads ? (int)t->recipe->train_threads : cores;
    const char *length = t->recipe->train_steps ? "train.steps" : "train.epochs";
    if (threads < cores)
        snprintf(t->remedy, sizeof t->remedy, "it has %d of %d cores; raise train.threads, or take a smaller "
                 "student.width", threads, cores);
    else
        snprintf(t->remedy, sizeof t->remedy, "it has all %d cores; a smaller student.width or fewer %s make the run "
                 "shorter", cores, length);
    for (int i = 0; i < a->stages; i++)
        if (strcmp(a->stage[i].name, rt_stage_student.name) == 0)
            a->stage[i].remedy = t->remedy;
}

/* With others: who of them limits the run, behind which stage does. What they gain is said once, and loud where it is
 * nothing. */
static void pipeline_add_ranks(struct rt_training *t, char *limit, size_t size)
{
    char words[300];
    if (!t->together.ranks)
        return;
    rt_together_words(&t->together, words, sizeof words);
    if (words[0])
        snprintf(limit + strlen(limit), size - strlen(limit), "; %s", words);
    if (t->told_gain || !rt_together_leads(&t->together))
        return;
    bool loses = rt_together_loses(&t->together, words, sizeof words);
    t->told_gain = words[0];
    if (words[0])
        rt_rundir_log(&t->dir, "%s", words);
    if (loses)
        rt_watch_warn(&t->session->watch, "%s: this network is too small for so many; start fewer, or one", words);
}

/* A line for each rank. */
static void pipeline_tell_ranks(const struct rt_training *t)
{
    char lines[RT_STATUS_RANKS] = "", line[300];
    for (int i = 0; t->together.ranks && i < rt_ranks_size(t->together.ranks); i++) {
        size_t at = strlen(lines);
        rt_together_rank_words(&t->together, i, line, sizeof line);
        if (line[0] && at + strlen(line) + 2 < sizeof lines)
            snprintf(lines + at, sizeof lines - at, "%s%s", at ? "\n" : "", line);
    }
    rt_board_ranks(t->board, lines);
}

/* What the stages did, for people and for run.db. An error of the run goes before one of the data base. */
static int pipeline_account(struct rt_training *t, int rc, struct rt_error *e)
{
    struct rt_account whole;
    struct rt_error why = {0};
    rt_runner_account(t->runner, &whole);
    pipeline_advise(t, &whole);
    rt_account_limit(&whole, t->limit, sizeof t->limit);
    t->queue_peak = whole.peak;
    pipeline_add_ranks(t, t->limit, sizeof t->limit);
    if (!rt_together_leads(&t->together))
        return rc;
    pipeline_tell_ranks(t);
    int written = rt_observe_board_account(&t->observe_board, &whole, t->limit, &why);
    if (rc < 0 || written == 0)
        return rc;
    *e = why;
    return written;
}

/* While it goes on: what limits the run is said of the last seconds. */
static void pipeline_on_tick(void *self)
{
    struct rt_training *t = self;
    struct rt_account now, recent;
    char limit[RT_ACCOUNT_LIMIT];
    rt_runner_account(t->runner, &now);
    pipeline_advise(t, &now);
    recent = now;
    rt_account_since(&recent, &t->before[0]);
    rt_account_limit(&recent, limit, sizeof limit);
    pipeline_add_ranks(t, limit, sizeof limit);
    rt_board_account(t->board, &now, limit);
    pipeline_tell_ranks(t);
    if (now.elapsed - t->before[1].elapsed >= RECENT_NS) {
        t->before[0] = t->before[1];
        t->before[1] = now;
    }
}

/* ---- who may ask meanwhile ----
 * What is answered to them is found here, where the run is known; how they ask is pipeline/live's. Called by the
 * socket's thread, which reads what is fixed for the run and what guards itself. */

static int verbs_find_samples(const void *self, const char *const *which, int count, int **row,
                              struct rt_error *e)
{
    return rt_live_rows(self, which, count, row, e);
}

static int verbs_mark(const void *self, const int *row, int count, bool on, struct rt_error *e)
{
    struct rt_training *t = (struct rt_training *)self; /* what is marked guards itself */
    if (rt_observe_marks_ask(&t->observe_marks, row, count, on) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for marks");
    rt_control_note(t->control);
    return 0;
}

static int verbs_last_batch(const void *self, const char *stage, struct rt_batch **out, struct rt_error *e)
{
    const struct rt_training *t = self;
    char names[200] = "", quoted[RT_QUOTE];
    int rc = rt_runner_last(t->runner, stage, out);
    if (rc == RT_EMEM)
        return rt_error_set(e, rc, "no memory to show a batch");
    if (rc == 0)
        return 0;
    for (int i = 0; rt_runner_stage(t->runner, i); i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "",
                 rt_runner_stage(t->runner, i));
    return rt_error_set(e, rc, "%s is not a stage of this run: take of %s",
                        rt_quote(quoted, sizeof quoted, stage), names);
}

static const char *verbs_sample_id(const void *self, int row)
{
    const struct rt_manifest *m = ((const struct rt_training *)self)->session->dataset.manifest;
    return rt_manifest_cell(m, row, rt_manifest_column(m, "id"));
}

/* A run that cannot be steered is a run all the same. */
static struct rt_socket *pipeline_listen(const struct rt_training *t)
{
    struct rt_verb_context context = {
        .control = t->control, .board = t->board, .find = verbs_find_samples, .mark = verbs_mark,
        .last = verbs_last_batch, .id = verbs_sample_id, .self = t,
    };
    struct rt_learner_progress at = rt_learner_progress(t->student.learner);
    struct rt_status now = {.step = at.step, .steps = at.steps};
    struct rt_socket *s;
    struct rt_error e = {0};
    rt_board_put(t->board, &now);
    if (rt_socket_start(&s, t->dir.path, &context, &e) < 0) {
        rt_rundir_log(&t->dir, "goes on without a socket: %s", e.text);
        rt_watch_warn(&t->session->watch, "going on without a socket: %s", e.text);
    }
    return s;
}

/* ---- the run ---- */

int rt_training_pipeline(struct rt_training *t, struct rt_error *e)
{
    struct pipeline p = {NULL};
    int rc = pipeline_make(&p, t);
    if (rc < 0) {
        rt_error_set(e, rc, "cannot make the pipeline: %s", rt_err_words(rc));
        goto out;
    }
    if (t->together.ranks)
        rt_ranks_count(t->together.ranks);
    rt_training_pipeline_limits(t); /* a run that goes on has those of its checkpoint */
    struct rt_socket *socket = rt_together_leads(&t->together) ? pipeline_listen(t) : NULL;
    rc = rt_runner_run(t->runner, rt_sampler_source(p.sampler), (struct rt_sink){t, NULL, pipeline_on_tick, TICK_MS},
                       e);
    rt_socket_stop(socket); /* first: it asks the runner */
    rc = pipeline_account(t, rc, e);
out:
    rt_runner_destroy(t->runner);
    t->runner = NULL;
    rt_sampler_destroy(p.sampler);
    return rc;
}
