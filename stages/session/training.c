/* SPDX-License-Identifier: MIT
 * training: see training.h. The order here is the order of events in a run. */
#include "stages/session/training.h"

#include "formats/file.h"
#include "pipeline/data/sampler.h"
#include "pipeline/run/checkpoints.h"
#include "stages/model/net.h"
#include "stages/session/replay_plan.h"
#include "stages/session/duplicates.h"
#include "stages/session/resume.h"
#include "stages/session/training_pipeline.h"
#include "stages/session/training_results.h"
#include "stages/session/training_samples.h"
#include "stages/session/training_teachers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what can be refused at once ----
 * Scoring a large data set may take minutes, so all that can be refused without it is refused before: a folder that
 * holds another run, other settings than the run began with, a model that cannot be read. A resumed run takes its
 * folder here, since it reads from it; a new one only when all has been found to fit (below), so that a typing
 * error leaves no folder behind. */

static int training_check_folder(struct rt_training *t, const char *output, bool resume, struct rt_error *e)
{
    if (!rt_together_leads(&t->together))
        return 0;
    if (!resume)
        return rt_rundir_check(output, e);
    RT_TRY(rt_rundir_open(&t->dir, output, 1, e));
    return rt_resume_check_recipe(t, e);
}

/* The recipe then says which, so that the run folder and the model do. */
static void training_choose_net(struct rt_training *t)
{
    int *row = NULL, count = 0;
    if (t->recipe->student_net != RT_NET_AUTO)
        return;
    rt_dataset_rows(&t->session->dataset, RT_TRAIN, (int)t->recipe->student_modality, false, &row, &count);
    free(row);
    rt_model_choose_net(t->recipe, count);
    rt_watch_tell(&t->session->watch, "student.net: auto is %s, for %s and %d training samples",
                  rt_net_names[t->recipe->student_net], rt_modality_names[t->recipe->student_modality], count);
}

/* What the student starts from. A run keeps it in its folder and goes on with that: the file may be gone by then. */
static int training_load_start(struct rt_training *t, const char *kept, struct rt_error *e)
{
    struct rt_recipe *r = t->recipe;
    const struct rt_dataset *d = &t->session->dataset;
    char path[RT_RUN_PATH], about[RT_START_ABOUT];
    RT_TRY(rt_front_check(r, e));
    if (!r->student_init[0])
        return r->student_net != RT_NET_INIT ? 0
                   : rt_error_set(e, RT_EUSAGE, "student.net: init takes the network of student.init, which "
                                  "is not given");
    if (kept && rt_run_file_exists(kept, RT_RUN_INIT))
        rt_run_file_path(kept, RT_RUN_INIT, path, sizeof path);
    else
        snprintf(path, sizeof path, "%s", r->student_init);
    int rc = rt_model_load_start(&t->start, r, path, d->class_name, d->classes, about, e);
    if (rc < 0) {
        rt_error_prefix(e, "student.init");
        return rc;
    }
    if (about[0])
        rt_watch_tell(&t->session->watch, "student.init: %s", about);
    return 0;
}

/* ---- noise and rooms ---- */

static int training_open_sounds(struct rt_training *t, const struct rt_modality *student, struct rt_error *e)
{
    char note[700];
    if (student->id != RT_SPEECH)
        return 0; /* as all that augments speech alone */
    RT_TRY(
        rt_sound_bank_create(&t->sounds, t->recipe, &t->session->dataset, t->session->sources, note, sizeof note, e));
    if (note[0])
        rt_watch_tell(&t->session->watch, "%s", note);
    return 0;
}

/* ---- the student ---- */

static int training_make_model(struct rt_training *t, const struct rt_modality *student, struct rt_error *e)
{
    struct rt_session *s = t->session;
    const struct rt_model *teacher[RT_TEACHERS];
    int copied, teachers = rt_training_list_teachers(t, teacher);
    struct rt_error fixed = {0};
    float *idf = NULL;
    if (student->id == RT_TEXT && t->recipe->text_idf)
        RT_TRY(rt_session_fit_idf(s, t->recipe, t->train_rows, t->train_count, &idf, e));
    RT_TRY(rt_model_create(&t->model, t->recipe, s->dataset.class_name, s->dataset.classes, teacher, teachers,
                           &t->start, idf, e));
    t->model.front.sounds = rt_sound_bank_sounds(t->sounds);
    t->views.whole = t->recipe->eval_whole && rt_net_lengths(&t->model, NULL, &fixed) == 0;
    if (!t->start.graph)
        return 0;
    RT_TRY(rt_model_start_from(&t->model, &t->start, &copied, e));
    rt_watch_tell(&s->watch, "student.init: %d tensors taken over", copied);
    return 0;
}

static int control_check_settings(void *self, const struct rt_recipe *r, struct rt_error *e)
{
    struct rt_training *t = self;
    RT_TRY(rt_training_pipeline_check(t, r, e));
    RT_TRY(rt_column_measures_check_knees(&t->session->columns, r->weight_knees, e));
    if (t->served)
        RT_TRY(rt_training_check_served(t, r, e));
    struct rt_learner_settings settings;
    rt_learner_settings_of(r, &settings);
    return rt_learner_check(t->student.learner, &settings, e);
}

static void control_follow_settings(void *self)
{
    rt_training_pipeline_limits(self);
}

/* One of the other ranks. */
static bool training_has_lost(const struct rt_training *t)
{
    return t->together.ranks && rt_ranks_lost(t->together.ranks, NULL);
}

static int control_is_stopping(void *self)
{
    const struct rt_training *t = self;
    return rt_runner_stopping(t->runner) || training_has_lost(t);
}

static void control_stop_run(void *self)
{
    rt_runner_stop(((struct rt_training *)self)->runner);
}

static int training_make_control(struct rt_training *t, struct rt_error *e)
{
    struct rt_control_host host = {t, control_check_settings, control_is_stopping, control_stop_run,
                                   control_follow_settings};
    if (rt_control_create(&t->control, t->recipe) < 0 || rt_board_create(&t->board) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for a run");
    rt_control_host(t->control, &host);
    if (rt_control_samples(t->control, t->session->dataset.count) < 0 ||
        rt_observe_marks_init(&t->observe_marks, &t->record, t->session->dataset.count) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for what is done to samples");
    return 0;
}

/* In the order that observers.h promises. */
static int training_list_observers(struct rt_training *t, const struct rt_observer *last)
{
    const struct rt_observer list[RT_TRAINING_OBSERVERS] = {
        rt_observe_journal(&t->record),
        rt_observe_metrics(&t->record),
        rt_observe_samples(&t->observe_samples),
        rt_observe_marks(&t->observe_marks),
        rt_observe_board(&t->observe_board),
        rt_observe_checkpoints(&t->observe_checkpoints),
        *last,
    };
    memcpy(t->observer, list, sizeof list);
    return RT_TRAINING_OBSERVERS;
}

static int training_threads(const struct rt_recipe *r)
{
    int threads = r->train_threads ? (int)r->train_threads : (int)sysconf(_SC_NPROCESSORS_ONLN);
    return threads < 1 ? 1 : threads;
}

static int training_make_learner(struct rt_training *t, int64_t steps, struct rt_error *e)
{
    const struct rt_recipe *r = t->recipe;
    const struct rt_model *teacher[RT_TEACHERS];
    struct rt_learner_settings settings;
    int shards = rt_together_shards(&t->together, r);
    int rows = rt_batch_shard_rows((int)r->train_batch, (int)r->train_shards);
    rt_learner_settings_of(t->student.recipe, &settings);
    for (int c = 0; c < t->session->scores.columns; c++)
        t->measure_of[c] = t->session->scores.column[c].modality;
    struct rt_learner_config c = {
        .model = &t->model,
        .teacher = teacher,
        .teachers = rt_training_list_teachers(t, teacher),
        .settings = &settings,
        .optimizer = r->train_optimizer,
        .batch = shards * rows,
        .shards = shards,
        .shard_rows = rows,
        .others = t->together.ranks ? &t->together.exchange : NULL,
        .threads = training_threads(r),
        .rows = t->session->dataset.count,
        .measure = t->measure,
        .measure_of = t->measure_of,
        .measures = rt_scores_names(&t->session->scores, t->measure),
        .steps = steps,
        .trials = &t->trials.list[RT_TRIALS_VALID],
    };
    return rt_learner_create(&t->student.learner, &c, e);
}

static int training_make_student(struct rt_training *t, const struct rt_observer *last, struct rt_error *e)
{
    const struct rt_recipe *r = t->recipe;
    int per_epoch = rt_sampler_balanced_steps(t->train_labelled, t->train_count - t->train_labelled,
                                              (int)r->train_batch, r->data_balance);
    RT_TRY(training_make_control(t, e));
    t->record = (struct rt_record){
        .session = t->session, .student = &t->student, .dir = &t->dir, .epoch_steps = per_epoch,
    };
    rt_training_identify(t, t->record.identity);
    t->observe_checkpoints = (struct rt_observe_checkpoints){.record = &t->record, .saved_step = -1};
    t->observe_board = (struct rt_observe_board){
        .record = &t->record, .board = t->board, .top1 = NAN, .eer = NAN,
    };
    t->student = (struct rt_student){
        .role = "student",
        .teachers = t->teachers,
        .recipe = rt_control_settings(t->control),
        .control = t->control,
        .dataset = &t->session->dataset,
        .ranks = t->together.ranks,
        .observer = t->observer,
        .observers = rt_together_leads(&t->together) ? training_list_observers(t, last) : 0,
    };
    for (int k = 0; k < t->teachers; k++) {
        t->student.teacher[k] = rt_stage_teacher[k].name;
        t->observe_board.outputs[k] = t->teacher[k].outputs;
    }
    t->student.epoch_steps = per_epoch;
    return training_make_learner(t, rt_student_steps(&t->student, r), e);
}

/* ---- the folder ----
 * Nothing is written before all that the recipe asks for has been found to fit. With the recipe the folder holds a
 * run, which --resume can begin again whatever happens next; so what a run needs besides stands there before: what it
 * starts from, and the changes of another run's journal, which are kept in checkpoints. */

static int training_write_recipe(const struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    rt_run_file_path(t->dir.path, RT_RUN_RECIPE, path, sizeof path);
    char *text = rt_recipe_text(t->recipe);
    if (!text)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    struct rt_span span = {text, strlen(text)};
    int rc = rt_file_write(path, &span, 1, e);
    free(text);
    return rc;
}

static int training_write_model(const struct rt_training *t, const struct rt_model *m, enum rt_run_file file,
                                struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct rt_safetensors *s = NULL;
    rt_run_file_path(t->dir.path, file, path, sizeof path);
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_model_save(m, s);
    if (rc == 0)
        rc = rt_safetensors_seal(s);
    rc = rc < 0 ? rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc))
                : rt_safetensors_write(s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int training_begin_folder(struct rt_training *t, const struct rt_training_request *q, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    RT_TRY(rt_rundir_open(&t->dir, q->output, 0, e));
    unlink(rt_checkpoints_path(t->dir.path, 0, path, sizeof path)); /* of a run killed here that never was one */
    if (t->start.graph)
        RT_TRY(training_write_model(t, &t->start, RT_RUN_INIT, e));
    if (q->journal)
        RT_TRY(rt_observe_checkpoints_save(&t->observe_checkpoints, e));
    return training_write_recipe(t, e);
}

static int training_begin_record(struct rt_training *t, struct rt_error *e)
{
    struct rt_sample_columns c;
    rt_observe_samples_columns(&t->record, &c);
    RT_TRY(rt_record_open(&t->record, c.pointer, c.count, e));
    return rt_observe_samples_open(&t->observe_samples, &t->record, e);
}

static void training_log_begin(struct rt_training *t)
{
    struct rt_learner_progress at = rt_learner_progress(t->student.learner);
    bool looked = rt_machine_look(&t->machine, training_threads(t->recipe)) == 0;
    rt_rundir_log(&t->dir, "machine: %s%s%s", looked ? t->machine.line : "no memory to look at it",
                  *t->machine.warning ? ": " : "", t->machine.warning);
    if (t->views.whole)
        rt_rundir_log(&t->dir, "evaluates on whole recordings");
    rt_rundir_log(&t->dir, "retort " RT_VERSION " begins at step %lld of %lld, %d training samples",
                  (long long)at.step, (long long)at.steps, t->train_count);
}

/* What rank 0 begins with, a checkpoint or the changes of a journal, all begin with. */
static int training_share_state(struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    int64_t step;
    struct rt_safetensors *state;
    if (!t->together.ranks)
        return 0;
    int there = rt_together_leads(&t->together) ? rt_checkpoints_latest(t->dir.path, path, sizeof path, &step)
                                                : RT_ENOTFOUND;
    if (there < 0 && there != RT_ENOTFOUND)
        return rt_error_set(e, there, "%s: cannot read the checkpoints: %s", t->dir.path, rt_err_words(there));
    RT_TRY(rt_together_share(&t->together, there == 0 ? path : NULL, &state, e));
    int rc = state ? rt_student_load(&t->student, state, "rank 0's checkpoint", e) : 0;
    rt_safetensors_destroy(state);
    rt_control_share(t->control);
    return rc < 0 ? rc : rt_together_time(&t->together, rt_graph_weights(t->model.graph), e);
}

static int training_begin(struct rt_training *t, const struct rt_training_request *q, struct rt_error *e)
{
    rt_signals_hold(&t->signals);
    t->held = true;
    if (!rt_together_leads(&t->together))
        return training_share_state(t, e);
    if (q->journal)
        RT_TRY(rt_replay_plan_read(t->control, q->journal, &t->session->dataset, e));
    RT_TRY(q->resume ? rt_resume_load(t, e) : training_begin_folder(t, q, e));
    RT_TRY(training_share_state(t, e));
    rt_model_fini(&t->start);
    RT_TRY(training_begin_record(t, e));
    if (q->resume)
        RT_TRY(rt_replay_plan_recall(t->control, t->record.db, e));
    training_log_begin(t);
    return 0;
}

/* Without a class there is no network to make; what a teacher teaches goes through it, too. */
static int training_need_labels(const struct rt_training *t, struct rt_error *e)
{
    const struct rt_dataset *d = &t->session->dataset;
    char hint[RT_MANIFEST_HINT];
    if (d->classes)
        return 0;
    if (rt_manifest_column(d->manifest, "label") < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: there is no column 'label'%s: a network needs its classes",
                            rt_manifest_path(d->manifest), rt_manifest_column_hint(d->manifest, "label", hint));
    return rt_error_set(e, RT_EMISMATCH, "%s: no training row has a label: a network needs its classes",
                        rt_manifest_path(d->manifest));
}

/* A run without validation is one that somebody may want, but few do. */
static void training_tell_no_valid(const struct rt_training *t)
{
    const struct rt_dataset *d = &t->session->dataset;
    int valid = 0;
    for (int i = 0; i < d->count; i++)
        valid += d->split[i] == RT_VALID;
    if (!valid)
        rt_watch_warn(&t->session->watch, "%s: no row is of the split valid: the last network is the result, and not "
                      "the best; retort manifest csv --split 70/10/20 makes splits", rt_manifest_path(d->manifest));
}

/* They cannot be learned, and at the end each of them is a wrong answer: better said before than wondered about. */
static void training_tell_strangers(const struct rt_training *t)
{
    const struct rt_dataset *d = &t->session->dataset;
    int samples = 0;
    for (int i = 0; i < d->count; i++)
        samples += d->named[i] >= d->classes;
    if (samples)
        rt_watch_warn(&t->session->watch, "%d samples of validation and test have labels that no training sample has "
                      "(\"%.60s\"%s): they count as wrong answers", samples, d->stranger_name[0],
                      d->strangers > 1 ? ", ..." : "");
}

/* A test that was trained on measures memory. Texts are said in the same words by right. */
static int training_tell_duplicates(const struct rt_training *t, int modality, struct rt_error *e)
{
    char words[400];
    struct rt_duplicates r = {.first = NULL};
    int rc = modality == RT_TEXT ? 0 : rt_duplicates_find(&r, &t->session->dataset, &t->session->content, modality);
    if (rc == 0 && (r.labels || r.splits)) {
        rt_duplicates_words(&r, &t->session->dataset, words, sizeof words);
        rt_watch_warn(&t->session->watch, "%s; all: retort inspect MANIFEST -w same_as", words);
    }
    rt_duplicates_fini(&r);
    return rc < 0 ? rt_error_set(e, rc, "no memory for %d rows", t->session->dataset.count) : 0;
}

/* A run that was begun with a loss which nobody can serve goes on, and is repeated, as it was. */
static int training_check_served(struct rt_training *t, const struct rt_training_request *q, struct rt_error *e)
{
    int rc = rt_training_check_served(t, t->recipe, e);
    t->served = rc == 0 && !q->journal;
    if (rc < 0 && !q->resume && !q->journal)
        return rc;
    rt_training_tell_unmeasured(t);
    return 0;
}

int rt_training_open(struct rt_training *t, struct rt_session *session, struct rt_recipe *recipe,
                     const struct rt_training_request *q, struct rt_error *e)
{
    memset(t, 0, sizeof *t);
    t->recipe = recipe;
    t->session = session;
    t->dir.lock = -1;
    const struct rt_modality *student = rt_modalities[recipe->student_modality];
    rt_together_init(&t->together, q->ranks);
    RT_TRY(rt_together_check(&t->together, recipe, e));
    RT_TRY(training_check_folder(t, q->output, q->resume, e));
    RT_TRY(rt_session_open(session, recipe, recipe->data_manifest, recipe->data_labels, NULL, 0, q->watch, e));
    session->ranks = q->ranks;
    RT_TRY(training_need_labels(t, e));
    RT_TRY(rt_column_measures_read(&session->columns, recipe->weight_columns, session->dataset.manifest, e));
    RT_TRY(rt_column_measures_check_knees(&session->columns, recipe->weight_knees, e));
    training_choose_net(t);
    training_tell_strangers(t);
    training_tell_no_valid(t);
    RT_TRY(training_load_start(t, q->init, e));
    RT_TRY(rt_training_load_teachers(t, e));
    if (!q->resume && !q->journal)
        RT_TRY(rt_training_check_teaching(t, e));
    RT_TRY(training_open_sounds(t, student, e));
    RT_TRY(rt_training_score(t, student, e));
    RT_TRY(training_tell_duplicates(t, student->id, e));
    struct rt_raw_source voices = rt_session_raw(session);
    RT_TRY(rt_sound_bank_take_voices(t->sounds, &voices, e));
    RT_TRY(rt_training_choose_rows(t, student, e));
    RT_TRY(training_check_served(t, q, e));
    RT_TRY(training_make_model(t, student, e));
    RT_TRY(training_make_student(t, &q->observer, e));
    return training_begin(t, q, e);
}

/* ---- the end ----
 * The student in memory has gone on learning since its best evaluation, so the result is loaded from the folder; it
 * is measured after it was written, so that a run stopped meanwhile has it all the same. */

/* The best checkpoint's weights and answer are the result; without an evaluation the last ones. */
static int training_take_best(struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    t->result = &t->model;
    if (rt_learner_progress(t->student.learner).best < 0)
        return 0;
    t->result = &t->best_model;
    return rt_model_load(&t->best_model, rt_run_file_path(t->dir.path, RT_RUN_BEST, path, sizeof path), e);
}

static int training_finish(struct rt_training *t, struct rt_error *e)
{
    RT_TRY(training_take_best(t, e));
    RT_TRY(training_write_model(t, t->result, RT_RUN_MODEL, e));
    return rt_training_results(t, e);
}

/* The first error counts, but everything that can still be said is. */
static int training_close_record(struct rt_training *t, const char *state, struct rt_error *e)
{
    struct rt_error ignored = {0};
    int rc = rt_observe_marks_end(&t->observe_marks, e);
    if (rc == 0 && t->observe_samples.written)
        rc = rt_observe_samples_end(&t->observe_samples, e);
    int closed = rt_record_close(&t->record, state, rc < 0 ? &ignored : e);
    return rc < 0 ? rc : closed;
}

int rt_training_run(struct rt_training *t, struct rt_error *e)
{
    struct rt_error why = {0};
    int rc = rt_training_pipeline(t, e);
    if (!rt_together_leads(&t->together))
        return rc;
    if (rc == RT_ESTOPPED && t->together.ranks && rt_ranks_lost(t->together.ranks, e))
        rc = RT_ELOST; /* while it was paused */
    if (rc == RT_ESTOPPED)
        rt_student_leave(&t->student);
    if (rc == 0 || rc == RT_ESTOPPED) {
        int saved = rt_observe_checkpoints_save(&t->observe_checkpoints, &why);
        if (saved < 0) {
            *e = why;
            rc = saved;
        }
    }
    if (rc == 0)
        rc = training_finish(t, e);
    const char *state = rc == 0 ? "done" : rc == RT_ESTOPPED ? "stopped" : "failed";
    rt_rundir_log(&t->dir, "%s at step %lld%s%s", state, (long long)rt_learner_progress(t->student.learner).step,
                  rc < 0 ? ": " : "", rc < 0 ? e->text : "");
    int closed = training_close_record(t, state, rc < 0 ? &why : e);
    return rc < 0 ? rc : closed;
}

void rt_training_close(struct rt_training *t)
{
    struct rt_error ignored = {0};
    if (t->record.db)
        training_close_record(t, "failed", &ignored);
    rt_observe_samples_fini(&t->observe_samples);
    rt_observe_marks_fini(&t->observe_marks);
    rt_learner_destroy(t->student.learner);
    rt_control_destroy(t->control);
    rt_board_destroy(t->board);
    rt_model_fini(&t->start);
    rt_model_fini(&t->model);
    rt_model_fini(&t->best_model);
    rt_training_close_teachers(t);
    rt_rundir_close(&t->dir);
    rt_trial_lists_fini(&t->trials);
    rt_sound_bank_destroy(t->sounds);
    rt_together_fini(&t->together);
    free(t->train_rows);
    free(t->valid_rows);
    if (t->held) {
        rt_signals_forget();
        rt_signals_restore(&t->signals);
        t->held = false;
    }
}
