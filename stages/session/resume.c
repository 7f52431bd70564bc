/* SPDX-License-Identifier: MIT
 * resume: see resume.h. */
#include "stages/session/resume.h"

#include "formats/recipe_teacher.h"
#include "pipeline/run/checkpoints.h"
#include "stages/session/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the same run ----
 * What is not the same would change the result without a word, so it is refused by name: settings by the recipe in
 * the folder and, since that can be edited, by the one that each checkpoint holds; data and teachers by digests. */

/* task.scale is left out: with it a checkpoint's recipe says what the scale had become. */
static int recipes_compare(const struct rt_recipe *before, const struct rt_recipe *now, const char *place, bool whole,
                           struct rt_error *e)
{
    char a[RT_RECIPE_TEXT], b[RT_RECIPE_TEXT];
    const struct rt_key *key = rt_recipe_differs(before, now, whole ? NULL : "task.scale");
    if (!key)
        return 0;
    rt_recipe_get(before, key, a, sizeof a);
    rt_recipe_get(now, key, b, sizeof b);
    return rt_error_set(e, RT_EUSAGE, "%s: the run began with %s: %s, the recipe now says %s; --resume goes on "
                        "with the same settings only", place, key->name, a, b);
}

/* What was found in the student's file when the run began, where the recipe leaves it open. */
static void recipe_take_front(struct rt_recipe *r, const struct rt_recipe *before)
{
    struct rt_front_settings s = rt_recipe_student_front(r), found = rt_recipe_student_front(before);
    if (s.preset != RT_FRONT_AUTO)
        return;
    s.preset = found.preset;
    s.of = found.of = 1U << r->student_modality;
    rt_front_fill(&s, &found);
    rt_recipe_set_student_front(r, &s);
}

int rt_resume_check_recipe(struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    static struct rt_recipe before;
    RT_TRY(rt_recipe_load(&before, rt_run_file_path(t->dir.path, RT_RUN_RECIPE, path, sizeof path), e));
    t->wanted_steps = t->recipe->train_steps;
    t->wanted_epochs = t->recipe->train_epochs;
    t->prolong = t->wanted_steps != before.train_steps || t->wanted_epochs != before.train_epochs;
    t->recipe->train_steps = before.train_steps;
    t->recipe->train_epochs = before.train_epochs;
    if (t->recipe->student_net == RT_NET_AUTO)
        t->recipe->student_net = before.student_net; /* as it was chosen */
    recipe_take_front(t->recipe, &before);
    return recipes_compare(&before, t->recipe, t->dir.path, true, e);
}

static int checkpoint_check_recipe(const struct rt_training *t, const struct rt_safetensors *s, const char *path,
                                   struct rt_error *e)
{
    const char *yaml = rt_safetensors_text(s, "retort.recipe");
    static struct rt_recipe before;
    if (!yaml)
        return rt_error_set(e, RT_EFORMAT, "%s: not a checkpoint (no metadata retort.recipe)", path);
    RT_TRY(rt_recipe_parse(&before, yaml, strlen(yaml), path, "/", e));
    return recipes_compare(&before, t->recipe, path, false, e);
}

int rt_resume_check_data(const struct rt_training *t, const struct rt_safetensors *s, const char *path,
                         const char *folder, struct rt_error *e)
{
    return rt_identity_check(rt_safetensors_text(s, RT_IDENTITY_KEY), t->record.identity, path, folder, t->session,
                             (int)t->recipe->student_modality, e);
}

/* ---- from a whole checkpoint ----
 * A disk may have lost what it said it had. A checkpoint that cannot be read, or whose digest is wrong, is renamed, so
 * that nothing takes it for a checkpoint again and whoever wants to look at it can. One that can be read but does not
 * belong here is no damage: nothing is put aside and nothing is trained. */

static bool checkpoint_is_damaged(int rc)
{
    return rc == RT_EFORMAT || rc == RT_ECHECKSUM || rc == RT_EEMPTY || rc == RT_ELARGE;
}

static int checkpoint_set_aside(struct rt_training *t, const char *path, struct rt_error *e)
{
    char aside[RT_RUN_PATH + 16], rest[RT_RUN_PATH];
    struct rt_error why = *e;
    snprintf(aside, sizeof aside, "%s.damaged", path);
    if (rename(path, aside) < 0)
        return rt_error_errno(e, "cannot rename", path);
    int64_t before;
    bool older = rt_checkpoints_latest(t->dir.path, rest, sizeof rest, &before) == 0;
    rt_watch_warn(&t->session->watch, "%s; it is now %s, %s", why.text, aside,
                  older ? "going on from the checkpoint before it"
                        : "and as there is no older one, the run begins again");
    rt_rundir_log(&t->dir, "damaged, set aside: %s", why.text);
    return 0;
}

static int checkpoint_take(struct rt_training *t, const struct rt_safetensors *s, const char *path, struct rt_error *e)
{
    RT_TRY(checkpoint_check_recipe(t, s, path, e));
    RT_TRY(rt_resume_check_data(t, s, path, t->dir.path, e));
    return rt_student_load(&t->student, s, path, e);
}

static int resume_load_newest(struct rt_training *t, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    int64_t step;
    struct rt_safetensors *s = NULL;
    for (;;) {
        int rc = rt_checkpoints_latest(t->dir.path, path, sizeof path, &step);
        if (rc == RT_ENOTFOUND)
            return 0; /* stopped before the first checkpoint: begin again */
        if (rc < 0)
            return rt_error_set(e, rc, "%s: cannot read the checkpoints: %s", t->dir.path, rt_err_words(rc));
        rc = rt_safetensors_read(&s, path, e);
        if (rc == 0)
            break;
        RT_TRY(checkpoint_is_damaged(rc) ? checkpoint_set_aside(t, path, e) : rc);
    }
    int rc = checkpoint_take(t, s, path, e);
    rt_safetensors_destroy(s);
    if (rc == 0 && rt_learner_progress(t->student.learner).step != step)
        rc = rt_error_set(e, RT_EMISMATCH, "%s: is of step %lld: not the checkpoint that its name says", path,
                          (long long)rt_learner_progress(t->student.learner).step);
    t->observe_checkpoints.saved_step = step;
    return rc;
}

/* ---- longer than it was meant to be ----
 * The recipe in the folder stays what the run began with: its first part was trained as a run of that length, learning
 * rate and all. So a new length is a change like any other, in the journal at the update that is the first with it,
 * and kept in the checkpoint at once. A shorter one would be another run: it may be past its end. */

static int resume_plan(struct rt_training *t, const char *key, int64_t value, struct rt_error *e)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return rt_control_plan(t->control, rt_learner_progress(t->student.learner).step + 1, "resume", key, text, e);
}

static int resume_prolong(struct rt_training *t, struct rt_error *e)
{
    static struct rt_recipe last, wanted;
    rt_control_last(t->control, &last);
    wanted = last;
    wanted.train_steps = t->wanted_steps;
    wanted.train_epochs = t->wanted_epochs;
    int64_t is = rt_student_steps(&t->student, &last), becomes = rt_student_steps(&t->student, &wanted);
    if (becomes < is)
        return rt_error_set(e, RT_EUSAGE, "%s: the run is %lld updates long, and would be %lld by train.steps %lld, "
                            "train.epochs %lld: --resume may make it longer, not shorter", t->dir.path, (long long)is,
                            (long long)becomes, (long long)t->wanted_steps, (long long)t->wanted_epochs);
    if (becomes == is)
        return 0;
    if (wanted.train_epochs != last.train_epochs)
        RT_TRY(resume_plan(t, "train.epochs", t->wanted_epochs, e));
    if (wanted.train_steps != last.train_steps)
        RT_TRY(resume_plan(t, "train.steps", t->wanted_steps, e));
    rt_watch_tell(&t->session->watch, "the run is %lld updates long from now on, and was %lld", (long long)becomes,
                  (long long)is);
    rt_rundir_log(&t->dir, "prolonged from %lld to %lld steps", (long long)is, (long long)becomes);
    return rt_observe_checkpoints_save(&t->observe_checkpoints, e);
}

int rt_resume_load(struct rt_training *t, struct rt_error *e)
{
    RT_TRY(resume_load_newest(t, e));
    return t->prolong ? resume_prolong(t, e) : 0;
}
