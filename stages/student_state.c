/* SPDX-License-Identifier: MIT
 * student_state: a checkpoint: the learner's state, and what was changed by hand while the run went
 * on. A run resumed from it continues bit for bit. */
#include "stages/student.h"

/* Only what is there to tell: a run never touched has the bytes of one that cannot be. */
static int student_save_control(struct rt_control *c, struct rt_safetensors *out)
{
    struct rt_control_text t;
    int rc = rt_control_save(c, &t);
    if (rc == 0 && t.settings[0])
        rc = rt_safetensors_set_text(out, "retort.settings", t.settings);
    if (rc == 0 && t.samples[0])
        rc = rt_safetensors_set_text(out, "retort.samples", t.samples);
    if (rc == 0 && t.pending[0])
        rc = rt_safetensors_set_text(out, "retort.pending", t.pending);
    rt_control_text_fini(&t);
    return rc;
}

int64_t rt_student_steps(const struct rt_student *s, const struct rt_recipe *r)
{
    return r->train_steps ? r->train_steps : r->train_epochs * s->epoch_steps;
}

int rt_student_save(const struct rt_student *s, struct rt_safetensors *out)
{
    RT_TRY(rt_learner_save(s->learner, out));
    return s->control ? student_save_control(s->control, out) : 0;
}

int rt_student_load(struct rt_student *s, const struct rt_safetensors *in, const char *name,
                    struct rt_error *e)
{
    struct rt_control_text t = {(char *)rt_safetensors_text(in, "retort.settings"),
                                (char *)rt_safetensors_text(in, "retort.samples"),
                                (char *)rt_safetensors_text(in, "retort.pending")};
    RT_TRY(rt_learner_load(s->learner, in, name, e));
    int rc = s->control ? rt_control_load(s->control, &t, rt_learner_progress(s->learner).step, e) : 0;
    if (rc == 0 && s->epoch_steps)
        rt_learner_prolong(s->learner, rt_student_steps(s, s->recipe));
    if (rc < 0)
        rt_error_prefix(e, "%s", name);
    return rc;
}
