/* SPDX-License-Identifier: MIT
 * training: see training.h. The order here is the order of events in a run. */
#include "stages/session/training.h"

#include "formats/file.h"
#include "formats/words.h"
#include "pipeline/data/sampler.h"
#include "pipeline/run/checkpoints.h"

#include "stages/metrics/metrics.h"
#include "stages/nn/parallel.h"
#include "stages/session/replay_plan.h"
#include "stages/session/training_pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEACHER_CACHE_DAYS 30 /* without use, then a teacher's cached outputs are deleted */

static int load_teacher(struct rt_training *t, struct rt_error *e)
{
    const struct rt_recipe *r = t->recipe;
    if (!r->teacher_model[0])
        return 0;
    int rc = rt_model_load_teacher(&t->teacher_model, r, e);
    if (rc < 0) {
        rt_error_prefix(e, "teacher.model");
        return rc;
    }
    t->teacher = &t->teacher_model;
    char name[64];
    snprintf(name, sizeof name, "teacher-%016llx", (unsigned long long)t->teacher->key.lo);
    struct rt_error why = {0};
    if (r->teacher_cache && rt_store_open(&t->outputs, t->session->cache, name,
                                          (uint64_t)r->teacher_cache << 20, &why) < 0)
        rt_watch_warn(&t->session->watch, "going on without the teacher's cache: %s", why.text);
    rt_store_expire(t->session->cache, "teacher-", TEACHER_CACHE_DAYS); /* this one is used now */
    return 0;
}

/* What the student starts from, read before the data is, so that what does not fit is said at once. A run
 * keeps it in its folder and goes on with that: the file may be gone by then. */
static int load_start(struct rt_training *t, const char *kept, struct rt_error *e)
{
    const struct rt_recipe *r = t->recipe;
    const struct rt_dataset *d = &t->session->dataset;
    char path[RT_RUN_PATH], about[RT_START_ABOUT];
    if (!r->student_init[0])
        return r->student_net != RT_NET_INIT ? 0
                   : rt_error_set(e, RT_EUSAGE, "student.net: init takes the network of student.init, which "
                                  "is not given");
    if (kept && rt_rundir_has(kept, RT_RUN_INIT))
        rt_rundir_path(kept, RT_RUN_INIT, path, sizeof path);
    else
        snprintf(path, sizeof path, "%s", r->student_init);
    int rc = rt_model_load_start(&t->start, r, path, d->class_name, d->classes, about, e);
    if (rc < 0)
        rt_error_prefix(e, "student.init");
    else if (about[0])
        rt_watch_tell(&t->session->watch, "student.init: %s", about);
    return rc;
}

static int need_column(const struct rt_training *t, const struct rt_modality *m, const char *who,
                       struct rt_error *e)
{
    if (t->session->dataset.column[m->id] >= 0)
        return 0;
    return rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s' for the %s",
                        rt_manifest_path(t->session->dataset.manifest), m->name, who);
}

static int score(struct rt_training *t, const struct rt_modality *student, struct rt_error *e)
{
    struct rt_front own = {.recipe = t->recipe};
    bool modality[RT_MODALITIES] = {false};
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    int rc = need_column(t, student, "student", e);
    if (rc == 0 && t->teacher)
        rc = need_column(t, t->teacher->modality, "teacher", e);
    if (rc < 0)
        return rc;
    if (t->teacher) {
        modality[t->teacher->modality->id] = true;
        front[t->teacher->modality->id] = &t->teacher->front;
    }
    modality[student->id] = true;
    front[student->id] = &own;
    return rt_session_score(t->session, modality, front, e);
}

/* Training rows: usable for the student, and with something to learn from: a label, or a teacher. */
static int choose_rows(struct rt_training *t, const struct rt_modality *student, struct rt_error *e)
{
    const struct rt_dataset *d = &t->session->dataset;
    int rc = rt_dataset_rows(d, RT_TRAIN, student->id, false, &t->train_rows, &t->train_count);
    if (rc == 0)
        rc = rt_dataset_rows(d, RT_VALID, student->id, false, &t->valid_rows, &t->valid_count);
    if (rc < 0)
        return rt_error_set(e, rc, "no memory for the list of samples");
    int kept = 0;
    for (int i = 0; i < t->train_count; i++) {
        int row = t->train_rows[i];
        bool taught = t->teacher && d->reason[t->teacher->modality->id][row] == 0;
        if (d->label[row] >= 0 || taught)
            t->train_rows[kept++] = row;
    }
    t->train_count = kept;
    int valid = 0;
    for (int i = 0; i < t->valid_count; i++)
        if (d->truth[t->valid_rows[i]] >= 0)
            t->valid_rows[valid++] = t->valid_rows[i];
    t->valid_count = valid;
    if (t->train_count >= 2)
        return 0;
    char left[400];
    rt_session_summary(t->session, left, sizeof left);
    return rt_error_set(e, RT_ENODATA, "%s: no usable training sample with %s and a label%s%s%s",
                        rt_manifest_path(d->manifest), student->name,
                        t->teacher ? " or a teacher's modality" : "", left[0] ? "; " : "", left);
}

static int make_model(struct rt_training *t, const struct rt_modality *student, struct rt_error *e)
{
    struct rt_session *s = t->session;
    float *idf = NULL;
    int rc = 0;
    if (student->id == RT_TEXT && t->recipe->text_idf)
        rc = rt_session_fit_idf(s, t->recipe, t->train_rows, t->train_count, &idf, e);
    if (rc == 0)
        rc = rt_model_create(&t->model, t->recipe, s->dataset.class_name, s->dataset.classes,
                             t->teacher, &t->start, idf, e);
    int copied;
    if (rc < 0 || !t->start.graph)
        return rc;
    rc = rt_model_start_from(&t->model, &t->start, &copied, e);
    if (rc == 0)
        rt_watch_tell(&t->session->watch, "student.init: %d tensors taken over", copied);
    return rc;
}

/* A resumed run must be the same run: the recipe in the folder decides. */
static int same_recipe(const struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    static struct rt_recipe before;
    int rc = rt_recipe_load(&before, rt_rundir_path(t->dir.path, RT_RUN_RECIPE, path, sizeof path), e);
    if (rc < 0)
        return rc;
    for (int i = 0; i < rt_key_count; i++) {
        char a[RT_RECIPE_TEXT], b[RT_RECIPE_TEXT];
        rt_recipe_get(&before, &rt_keys[i], a, sizeof a);
        rt_recipe_get(t->recipe, &rt_keys[i], b, sizeof b);
        if (strcmp(a, b) != 0)
            return rt_error_set(e, RT_EUSAGE, "%s: the run began with %s: %s, the recipe now says %s; "
                                "--resume goes on with the same settings only", t->dir.path,
                                rt_keys[i].name, a, b);
    }
    return 0;
}

static int write_recipe(const struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    rt_rundir_path(t->dir.path, RT_RUN_RECIPE, path, sizeof path);
    char *text = rt_recipe_text(t->recipe);
    if (!text)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    struct rt_span span = {text, strlen(text)};
    int rc = rt_file_write(path, &span, 1, e);
    free(text);
    return rc;
}

static int write_model(const struct rt_training *t, const struct rt_model *m, enum rt_run_file file,
                       struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct rt_safetensors *s = NULL;
    rt_rundir_path(t->dir.path, file, path, sizeof path);
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_model_save(m, s);
    rc = rc < 0 ? rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc))
                : rt_safetensors_write(s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int load_checkpoint(struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    int64_t step;
    int rc = rt_checkpoints_latest(t->dir.path, path, sizeof path, &step);
    if (rc == RT_ENOTFOUND)
        return 0; /* stopped before the first checkpoint: begin again */
    if (rc < 0)
        return rt_error_set(e, rc, "%s: cannot read the checkpoints", t->dir.path);
    struct rt_safetensors *s = NULL;
    rc = rt_safetensors_read(&s, path, e);
    if (rc == 0)
        rc = rt_student_load(&t->student, s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int check_settings(void *self, const struct rt_recipe *r, struct rt_error *e)
{
    struct rt_training *t = self;
    int rc = rt_training_flow_check(t, r, e);
    return rc == 0 ? rt_student_check(&t->student, r, e) : rc;
}

static void follow_settings(void *self)
{
    rt_training_flow_limits(self);
}

static int is_stopping(void *self)
{
    return rt_runner_stopping(((struct rt_training *)self)->runner);
}

static void stop_run(void *self)
{
    rt_runner_stop(((struct rt_training *)self)->runner);
}

static int make_student(struct rt_training *t, struct rt_error *e)
{
    const struct rt_recipe *r = t->recipe;
    int per_epoch = rt_sampler_epoch_steps(t->train_count, (int)r->train_batch);
    struct rt_control_host host = {t, check_settings, is_stopping, stop_run, follow_settings};
    if (rt_control_create(&t->control, r) < 0 || rt_board_create(&t->board) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for a run");
    rt_control_host(t->control, &host);
    if (rt_control_samples(t->control, t->session->dataset.count) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for what is done to samples");
    t->observer[0] = rt_recorder_observer(&t->recorder);
    t->student = (struct rt_student){
        .recipe = rt_control_settings(t->control),
        .control = t->control,
        .dataset = &t->session->dataset,
        .scores = &t->session->scores,
        .model = &t->model,
        .teacher = t->teacher,
        .steps = r->train_steps ? r->train_steps : r->train_epochs * per_epoch,
        .observer = t->observer,
        .observers = sizeof t->observer / sizeof *t->observer,
    };
    t->recorder = (struct rt_recorder){
        .session = t->session, .student = &t->student, .dir = &t->dir, .epoch_steps = per_epoch,
        .quiet = t->quiet, .board = t->board, .outputs = t->outputs,
    };
    return rt_student_init(&t->student, e);
}

static void announce(const struct rt_training *t)
{
    const struct rt_dataset *d = &t->session->dataset;
    const struct rt_recipe *r = t->recipe;
    char a[32], b[32], c[32];
    int labelled = 0;
    for (int i = 0; i < t->train_count; i++)
        labelled += d->label[t->train_rows[i]] >= 0;
    if (t->quiet)
        return;
    fprintf(stderr, "run       %s: %s of %s training samples with a label, %d classes, %s for validation\n",
            t->dir.path, rt_count_text(labelled, a), rt_count_text(t->train_count, b), d->classes,
            rt_count_text(t->valid_count, c));
    fprintf(stderr, "machine   %s\n", t->machine.line);
    if (*t->machine.warning)
        fprintf(stderr, "          %s\n", t->machine.warning);
    fprintf(stderr, "student   %s %s, %s weights, %lld updates of %lld samples\n",
            t->model.modality->name, rt_model_net_name(&t->model),
            rt_count_text(rt_graph_weights(t->model.graph), a), (long long)t->student.steps,
            (long long)r->train_batch);
    if (t->teacher)
        fprintf(stderr, "teacher   %s %s from %s\n", t->teacher->modality->name,
                rt_model_net_name(t->teacher), r->teacher_model);
    if (t->teacher && rt_model_about(t->teacher))
        fprintf(stderr, "          %s\n", rt_model_about(t->teacher));
    if (t->student.step)
        fprintf(stderr, "resumed   at step %lld%s\n", (long long)t->student.step,
                t->student.step < t->student.steps ? "" : ": all updates were done; measured again");
}

/* What can be refused before the data is read is: scoring may take minutes. */
static int check_folder(struct rt_training *t, const char *output, bool resume, struct rt_error *e)
{
    if (!resume)
        return rt_rundir_check(output, e);
    int rc = rt_rundir_open(&t->dir, output, 1, e);
    return rc == 0 ? same_recipe(t, e) : rc;
}

/* Nothing is written before all that the recipe asks for has been found to fit. */
static int begin(struct rt_training *t, const struct rt_training_request *q, struct rt_error *e)
{
    int rc = q->journal ? rt_replay_plan_read(t->control, q->journal, &t->session->dataset, e) : 0;
    if (rc == 0 && !q->resume)
        rc = rt_rundir_open(&t->dir, q->output, 0, e);
    if (rc == 0 && !q->resume && t->start.graph)
        rc = write_model(t, &t->start, RT_RUN_INIT, e);
    rt_model_fini(&t->start);
    if (rc == 0)
        rc = q->resume ? load_checkpoint(t, e) : write_recipe(t, e);
    if (rc == 0)
        rc = rt_recorder_open(&t->recorder, e);
    if (rc == 0 && q->resume)
        rc = rt_replay_plan_recall(t->control, t->recorder.db, e);
    if (rc == 0 && q->journal) /* what is planned is in checkpoints: killed at any time, it is kept */
        rc = rt_recorder_checkpoint(&t->recorder, e);
    if (rc == 0) {
        rt_machine_look(&t->machine, rt_student_threads(t->recipe));
        rt_rundir_log(&t->dir, "machine: %s%s%s", t->machine.line, *t->machine.warning ? ": " : "",
                      t->machine.warning);
    }
    if (rc == 0)
        rt_rundir_log(&t->dir, "retort " RT_VERSION " begins at step %lld of %lld, %d training samples",
                      (long long)t->student.step, (long long)t->student.steps, t->train_count);
    return rc;
}

int rt_training_open(struct rt_training *t, struct rt_session *session, struct rt_recipe *recipe,
                     const struct rt_training_request *request, struct rt_error *e)
{
    memset(t, 0, sizeof *t);
    t->recipe = recipe;
    t->session = session;
    t->quiet = request->quiet;
    t->dir.lock = -1;
    const struct rt_modality *student = rt_modalities[recipe->student_modality];
    int rc = check_folder(t, request->output, request->resume, e);
    if (rc == 0)
        rc = rt_session_open(session, recipe, recipe->data_manifest, recipe->data_labels, NULL, 0,
                             request->watch, e);
    if (rc == 0)
        rc = load_start(t, request->init, e);
    if (rc == 0)
        rc = load_teacher(t, e);
    if (rc == 0)
        rc = score(t, student, e);
    if (rc == 0)
        rc = choose_rows(t, student, e);
    if (rc == 0)
        rc = make_model(t, student, e);
    if (rc == 0)
        rc = make_student(t, e);
    if (rc == 0)
        rc = begin(t, request, e);
    if (rc == 0)
        announce(t);
    return rc;
}

void rt_training_hush(struct rt_training *t)
{
    t->quiet = t->recorder.quiet = true;
}

/* The best checkpoint's weights and answer are the result; without an evaluation the last ones. */
static int take_best(struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    t->result = &t->model;
    if (t->student.best < 0)
        return 0;
    t->result = &t->best_model;
    return rt_model_load(&t->best_model, rt_rundir_path(t->dir.path, RT_RUN_BEST, path, sizeof path), e);
}

static int measure_split(struct rt_training *t, enum rt_split split,
                         struct rt_training_result *result, struct rt_error *e)
{
    const struct rt_dataset *d = &t->session->dataset;
    int *rows = NULL, count = 0;
    struct rt_outputs out = {0};
    struct rt_accuracy a = {0};
    int rc = rt_dataset_rows(d, split, t->result->modality->id, false, &rows, &count);
    if (rc == 0 && count)
        rc = rt_session_infer(t->session, t->result, rows, count, false, &out, e);
    for (int i = 0; rc == 0 && i < count; i++)
        rows[i] = out.have[i] ? d->truth[rows[i]] : -1;
    if (rc == 0 && count)
        rc = rt_accuracy(&a, out.logits, rows, count, t->result->classes);
    if (rc == 0 && a.count) {
        *result = (struct rt_training_result){a.count, a.top1, a.top5, a.macro_f1};
        const char *name = rt_split_names[split];
        rc = rt_recorder_result(&t->recorder, name, "final.top1", a.top1, e);
        if (rc == 0)
            rc = rt_recorder_result(&t->recorder, name, "final.top5", a.top5, e);
        if (rc == 0)
            rc = rt_recorder_result(&t->recorder, name, "final.macro_f1", a.macro_f1, e);
    }
    rt_accuracy_fini(&a);
    rt_outputs_fini(&out);
    free(rows);
    return rc;
}

int rt_training_run(struct rt_training *t, struct rt_error *e)
{
    int rc = rt_training_flow(t, e);
    if (rc == 0 || rc == RT_ESTOPPED) {
        struct rt_error why = {0};
        int saved = rt_recorder_checkpoint(&t->recorder, &why);
        if (saved < 0) {
            *e = why;
            rc = saved;
        }
    }
    struct rt_error ignored = {0};
    if (rc == 0)
        rc = take_best(t, e);
    if (rc == 0)
        rc = write_model(t, t->result, RT_RUN_STUDENT, e);
    if (rc == 0)
        rc = measure_split(t, RT_VALID, &t->valid, e);
    if (rc == 0)
        rc = measure_split(t, RT_TEST, &t->test, e);
    const char *state = rc == 0 ? "done" : rc == RT_ESTOPPED ? "stopped" : "failed";
    rt_rundir_log(&t->dir, "%s at step %lld%s%s", state, (long long)t->student.step,
                  rc < 0 ? ": " : "", rc < 0 ? e->text : "");
    int closed = rt_recorder_close(&t->recorder, state, rc < 0 ? &ignored : e);
    return rc < 0 ? rc : closed;
}

void rt_training_close(struct rt_training *t)
{
    struct rt_error ignored = {0};
    if (t->recorder.db)
        rt_recorder_close(&t->recorder, "failed", &ignored);
    rt_student_fini(&t->student);
    rt_control_destroy(t->control);
    rt_board_destroy(t->board);
    rt_model_fini(&t->start);
    rt_model_fini(&t->model);
    rt_model_fini(&t->best_model);
    rt_model_fini(&t->teacher_model);
    rt_store_close(t->outputs);
    rt_rundir_close(&t->dir);
    free(t->train_rows);
    free(t->valid_rows);
}
