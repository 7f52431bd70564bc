/* SPDX-License-Identifier: MIT
 * training_pipeline: see training_pipeline.h. */
#include "stages/session/training_pipeline.h"

#include "formats/words.h"
#include "pipeline/live/socket.h"
#include "pipeline/data/sampler.h"
#include "pipeline/run/run_table.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS 500
#define RECENT_NS UINT64_C(3000000000) /* what limits the run is said of the last one to two of these */

/* ---- what may be changed meanwhile ---- */

int rt_training_flow_check(const struct rt_training *t, const struct rt_recipe *r, struct rt_error *e)
{
    if (r->pipeline_decoders > t->session->limits.most_decoders)
        return rt_error_set(e, RT_ERANGE, "pipeline.decoders: at most %d in this run",
                            t->session->limits.most_decoders);
    if (r->teacher_cache != t->recipe->teacher_cache && !t->outputs)
        return rt_error_set(e, RT_EUSAGE, "teacher.cache: this run has none%s",
                            t->teacher ? ": it began without" : ", and no teacher");
    return 0;
}

void rt_training_flow_limits(const struct rt_training *t)
{
    const struct rt_recipe *r = rt_control_settings(t->control);
    struct rt_session_limits limits = rt_session_limits_of(r);
    rt_runner_limits(t->runner, limits.batches, limits.memory);
    rt_runner_workers(t->runner, rt_stage_decode.name, limits.decoders);
    if (t->outputs)
        rt_store_limit(t->outputs, (uint64_t)r->teacher_cache << 20);
}

/* Before the batch of update `step` is made. */
static int hand_out(void *self, int64_t step)
{
    const struct rt_training *t = self;
    struct rt_recipe r = {0};
    rt_control_hand_out(t->control, step);
    rt_control_batch(t->control, step, &r);
    return (int)r.eval_interval;
}

static void settings_of_batch(void *self, int64_t step, struct rt_recipe *r)
{
    rt_control_batch(self, step, r);
}

/* ---- the stages ---- */

static int add_stages(struct rt_runner *runner, struct rt_training *t, struct rt_decode *decode,
                      struct rt_quality *quality, struct rt_teacher *teacher)
{
    int rc = rt_runner_add(runner, &rt_stage_decode, decode, t->session->limits.decoders);
    if (rc == 0)
        rc = rt_runner_add(runner, &rt_stage_quality, quality, 1);
    if (rc == 0 && t->teacher)
        rc = rt_runner_add(runner, &rt_stage_teacher, teacher, teacher->workers);
    return rc == 0 ? rt_runner_add(runner, &rt_stage_student, &t->student, 1) : rc;
}

static void describe(struct rt_training *t, struct rt_decode *decode, struct rt_quality *quality,
                     struct rt_teacher *teacher)
{
    struct rt_session *s = t->session;
    *teacher = (struct rt_teacher){
        .role = "teacher", .model = t->teacher, .dataset = &s->dataset, .content = &s->content,
        .store = t->outputs, .workers = s->limits.decoders, .level = s->limits.level,
    };
    *decode = (struct rt_decode){
        .dataset = &s->dataset, .content = &s->content, .inputs = t->teacher ? 2 : 1,
        .settings = settings_of_batch, .settings_self = t->control,
        .seed = (uint64_t)t->recipe->seed, .level = s->limits.level, .strict = s->limits.strict,
    };
    decode->input[0] = (struct rt_decode_input){
        .role = "student", .modality = t->model.modality, .front = &t->model.front,
        .features = s->features[t->model.modality->id], .required = true, .augment = true,
    };
    if (t->teacher)
        decode->input[1] = (struct rt_decode_input){
            .role = "teacher", .modality = t->teacher->modality, .front = &t->teacher->front,
            .features = s->features[t->teacher->modality->id],
            .wanted = rt_teacher_wanted, .wanted_self = teacher,
        };
    *quality = (struct rt_quality){
        .dataset = &s->dataset, .content = &s->content, .scores = &s->scores,
        .level = s->limits.level,
    };
}

/* What the stages did, for people and for run.db. An error of the run goes before one of the data base. */
static int account(struct rt_training *t, int rc, struct rt_error *e)
{
    struct rt_account whole;
    struct rt_error why = {0};
    rt_runner_account(t->runner, &whole);
    rt_account_limit(&whole, t->limit, sizeof t->limit);
    t->queue_peak = whole.peak;
    int written = rt_recorder_account(&t->recorder, &whole, t->limit, &why);
    if (rc < 0 || written == 0)
        return rc;
    *e = why;
    return written;
}

/* While it goes on: what limits the run is said of the last seconds. */
static void on_tick(void *self)
{
    struct rt_training *t = self;
    struct rt_account now, recent;
    char limit[400];
    rt_runner_account(t->runner, &now);
    recent = now;
    rt_account_since(&recent, &t->before[0]);
    rt_account_limit(&recent, limit, sizeof limit);
    rt_board_account(t->board, &now, limit);
    if (now.elapsed - t->before[1].elapsed >= RECENT_NS) {
        t->before[0] = t->before[1];
        t->before[1] = now;
    }
}

/* As run.db has them: what is seen on a screen and by inspect is what is meant. */
static int find_samples(const void *self, const char *const *which, int count, int **row,
                        struct rt_error *e)
{
    const struct rt_training *t = self;
    return rt_run_find(t->dir.path, which, count, row, e);
}

static int last_batch(const void *self, const char *stage, struct rt_batch **out, struct rt_error *e)
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

static const char *sample_id(const void *self, int row)
{
    const struct rt_manifest *m = ((const struct rt_training *)self)->session->dataset.manifest;
    return rt_manifest_cell(m, row, rt_manifest_column(m, "id"));
}

/* A run that cannot be steered is a run all the same. */
static struct rt_socket *listen_to_others(const struct rt_training *t)
{
    struct rt_verb_context desk = {.control = t->control, .board = t->board, .find = find_samples, .last = last_batch,
                           .id = sample_id, .self = t};
    struct rt_status now = {.step = t->student.step, .steps = t->student.steps};
    struct rt_socket *s;
    struct rt_error e = {0};
    rt_board_put(t->board, &now);
    if (rt_socket_start(&s, t->dir.path, &desk, &e) < 0) {
        rt_rundir_log(&t->dir, "goes on without a socket: %s", e.text);
        rt_watch_warn(&t->session->watch, "going on without a socket: %s", e.text);
    }
    return s;
}

int rt_training_flow(struct rt_training *t, struct rt_error *e)
{
    const struct rt_recipe *r = t->recipe;
    struct rt_decode decode;
    struct rt_quality quality;
    struct rt_teacher teacher;
    struct rt_runner *runner = NULL;
    struct rt_sampler *sampler = NULL;
    describe(t, &decode, &quality, &teacher);
    struct rt_sampler_config c = {
        .train = t->train_rows, .train_count = t->train_count,
        .eval = t->valid_rows, .eval_count = t->valid_count,
        .batch = (int)r->train_batch, .seed = (uint64_t)r->seed, .steps = t->student.steps,
        .eval_interval = (int)rt_control_settings(t->control)->eval_interval,
        .start = t->student.step, .hand_out = hand_out, .self = t,
    };
    int rc = rt_sampler_create(&sampler, &c);
    if (rc == 0)
        rc = rt_runner_create(&runner, t->session->limits.batches, t->session->limits.memory, 1);
    if (rc == 0)
        rc = add_stages(runner, t, &decode, &quality, &teacher);
    if (rc < 0)
        rt_error_set(e, rc, "cannot make the pipeline: %s", rt_err_words(rc));
    t->runner = runner;
    if (rc == 0)
        rt_training_flow_limits(t); /* a run that goes on has those of its checkpoint */
    struct rt_socket *socket = rc == 0 ? listen_to_others(t) : NULL;
    if (rc == 0)
        rc = rt_runner_run(runner, rt_sampler_source(sampler), (struct rt_sink){t, NULL, on_tick, TICK_MS}, e);
    rt_socket_stop(socket);
    if (runner)
        rc = account(t, rc, e);
    t->runner = NULL;
    rt_runner_destroy(runner);
    rt_sampler_destroy(sampler);
    return rc;
}
