/* SPDX-License-Identifier: MIT
 * observe_checkpoints: a run's checkpoints and its best model so far. The last to be told of an update: what is in
 * run.db is committed before a checkpoint is written, and older ones go only when it is whole. A checkpoint is of
 * before the evaluation of its step, the last one too, so that its bytes do not depend on where a run was stopped. */
#include "stages/session/observers.h"

#include "pipeline/run/checkpoints.h"

static int checkpoint_write(const struct rt_record *r, const char *path, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_student_save(r->student, s);
    if (rc == 0)
        rc = rt_safetensors_set_text(s, RT_IDENTITY_KEY, r->identity);
    if (rc == 0)
        rc = rt_safetensors_seal(s);
    if (rc < 0)
        rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc));
    else
        rc = rt_safetensors_write(s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int checkpoint_set_pending(const char *path, const char *pending, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_read(&s, path, e);
    if (rc < 0)
        goto out;
    if ((rc = rt_safetensors_set_text(s, "retort.pending", pending)) < 0 || (rc = rt_safetensors_seal(s)) < 0) {
        rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc));
        goto out;
    }
    rc = rt_safetensors_write(s, path, e);
out:
    rt_safetensors_destroy(s);
    return rc;
}

/* Changes asked for since the checkpoint of this step was written, which wait for the next one: a run
 * stopped now must not lose them. The rest of it stays as it was then. */
static int checkpoint_keep_waiting(const struct rt_student *student, const char *path, struct rt_error *e)
{
    struct rt_control_text text;
    if (!student->control)
        return 0;
    int rc = rt_control_save(student->control, &text);
    if (rc < 0)
        return rt_error_set(e, rc, "no memory for the changes that wait");
    if (text.pending[0])
        rc = checkpoint_set_pending(path, text.pending, e);
    rt_control_text_fini(&text);
    return rc;
}

int rt_observe_checkpoints_save(struct rt_observe_checkpoints *o, struct rt_error *e)
{
    const struct rt_record *r = o->record;
    int64_t step = rt_learner_progress(r->student->learner).step;
    char path[RT_RUN_PATH];
    rt_checkpoints_path(r->dir->path, step, path, sizeof path);
    if (o->saved_step == step) {
        RT_TRY(checkpoint_keep_waiting(r->student, path, e));
    } else {
        if (r->db)
            RT_TRY(rt_rundb_commit(r->db, e));
        RT_TRY(checkpoint_write(r, path, e));
        o->saved_step = step;
    }
    rt_checkpoints_prune(r->dir->path, (int)r->student->recipe->run_keep);
    return 0;
}

static int checkpoints_on_update(void *self, int64_t step, bool epoch_ended, struct rt_error *e)
{
    struct rt_observe_checkpoints *o = self;
    const struct rt_student *student = o->record->student;
    int64_t every = student->recipe->run_checkpoint;
    bool due = every ? step % every == 0 : epoch_ended;
    return due || step == rt_learner_progress(student->learner).steps ? rt_observe_checkpoints_save(o, e) : 0;
}

static int checkpoints_on_evaluation(void *self, const struct rt_eval_report *p, struct rt_error *e)
{
    const struct rt_record *r = ((struct rt_observe_checkpoints *)self)->record;
    char path[RT_RUN_PATH];
    if (!p->best)
        return 0;
    return checkpoint_write(r, rt_run_file_path(r->dir->path, RT_RUN_BEST, path, sizeof path), e);
}

static int checkpoints_on_request(void *self, struct rt_error *e)
{
    return rt_observe_checkpoints_save(self, e);
}

struct rt_observer rt_observe_checkpoints(struct rt_observe_checkpoints *o)
{
    return (struct rt_observer){
        .self = o, .update = checkpoints_on_update, .evaluation = checkpoints_on_evaluation,
        .checkpoint = checkpoints_on_request,
    };
}
