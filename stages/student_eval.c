/* SPDX-License-Identifier: MIT
 * student_eval: the student measured on the validation split: which head to read, whether this is the
 * best so far. Runs in the student's work, in-band behind the epoch's updates. */
#include "stages/student.h"

#include "stages/metrics/metrics.h"
#include "stages/nn/exec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int grow(void **p, size_t bytes)
{
    void *q = realloc(*p, bytes + 1);
    if (!q)
        return RT_EMEM;
    *p = q;
    return 0;
}

static int make_room(struct rt_student *s, int more)
{
    struct rt_student_eval *v = &s->eval;
    if (v->count + more <= v->room)
        return 0;
    size_t room = (size_t)(v->count + more) * 2;
    size_t own = room * (size_t)s->model->classes * sizeof(float);
    size_t head = room * (size_t)s->model->teacher_classes * sizeof(float);
    int rc = grow((void **)&v->own, own);
    if (rc == 0)
        rc = grow((void **)&v->head, head);
    if (rc == 0)
        rc = grow((void **)&v->teacher, head);
    if (rc == 0)
        rc = grow((void **)&v->label, room * sizeof *v->label);
    if (rc == 0)
        rc = grow((void **)&v->taught, room);
    if (rc == 0)
        v->room = (int)room;
    return rc;
}

int rt_student_measure(struct rt_student *s, const struct rt_batch *b,
                       const struct rt_tensor *t_logits, const struct rt_tensor *t_have,
                       struct rt_error *e)
{
    struct rt_student_eval *v = &s->eval;
    const struct rt_model *m = s->model;
    if (make_room(s, b->count) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the outputs of an evaluation");
    size_t at = (size_t)v->count, n = (size_t)b->count;
    size_t own = (size_t)m->classes, head = (size_t)m->teacher_classes;
    memcpy(v->own + at * own, rt_exec_output(s->exec, m->logits), n * own * sizeof(float));
    if (m->head >= 0)
        memcpy(v->head + at * head, rt_exec_output(s->exec, m->head), n * head * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        v->label[at + i] = s->dataset->truth[b->sample[i]];
        v->taught[at + i] = t_have->data && ((const uint8_t *)t_have->data)[i];
    }
    if (t_logits->data)
        memcpy(v->teacher + at * head, t_logits->data, n * head * sizeof(float));
    v->count += b->count;
    return 0;
}

static double cross_entropy(const float *logits, const int *label, int n, int classes)
{
    double sum = 0;
    int used = 0;
    for (int i = 0; i < n; i++) {
        const float *z = logits + (size_t)i * (size_t)classes;
        if (label[i] < 0)
            continue;
        double top = z[0], mass = 0;
        for (int c = 1; c < classes; c++)
            top = fmax(top, z[c]);
        for (int c = 0; c < classes; c++)
            mass += exp(z[c] - top);
        sum += top + log(mass) - z[label[i]];
        used++;
    }
    return used ? sum / used : NAN;
}

/* Top-1 of one way to read the student; fills the report when it is the answer. */
static int judge(struct rt_student *s, enum rt_head_id head, struct rt_eval_report *r, bool details)
{
    const struct rt_student_eval *v = &s->eval;
    const struct rt_model *m = s->model;
    float *logits = malloc(sizeof(float) * ((size_t)v->count * (size_t)m->classes + 1));
    if (!logits)
        return RT_EMEM;
    rt_model_answer(m, head, v->own, v->head, v->count, logits);
    struct rt_accuracy a = {0};
    int rc = rt_accuracy(&a, logits, v->label, v->count, m->classes);
    if (rc == 0)
        r->top1[head] = a.top1;
    if (rc == 0 && details) {
        r->top5 = a.top5;
        r->macro_f1 = a.macro_f1;
        r->loss = cross_entropy(logits, v->label, v->count, m->classes);
        r->samples = a.count;
    }
    rt_accuracy_fini(&a);
    free(logits);
    return rc;
}

static int judge_teacher(struct rt_student *s, struct rt_eval_report *r)
{
    struct rt_student_eval *v = &s->eval;
    r->teacher_top1 = NAN;
    if (!s->teacher || !s->model->shares_classes)
        return 0;
    int *label = malloc(sizeof *label * ((size_t)v->count + 1));
    if (!label)
        return RT_EMEM;
    for (int i = 0; i < v->count; i++)
        label[i] = v->taught[i] ? v->label[i] : -1;
    struct rt_accuracy a = {0};
    int rc = rt_accuracy(&a, v->teacher, label, v->count, s->model->classes);
    if (rc == 0 && a.count)
        r->teacher_top1 = a.top1;
    rt_accuracy_fini(&a);
    free(label);
    return rc;
}

static enum rt_head_id choose(const struct rt_student *s, const struct rt_eval_report *r)
{
    if (!isnan(r->top1[s->recipe->eval_head]))
        return s->recipe->eval_head;
    enum rt_head_id best = RT_HEAD_OWN;
    for (int h = best + 1; h < RT_HEADS; h++)
        if (r->top1[h] > r->top1[best])
            best = (enum rt_head_id)h;
    return best;
}

int rt_student_conclude(struct rt_student *s, const struct rt_batch *b, struct rt_error *e)
{
    struct rt_eval_report r = {.step = s->step, .epoch = b->epoch};
    int rc = 0;
    for (int h = 0; h < RT_HEADS; h++) {
        r.top1[h] = NAN;
        if (rc == 0 && h != RT_HEAD_AUTO && (h == RT_HEAD_OWN || s->model->shares_classes))
            rc = judge(s, (enum rt_head_id)h, &r, false);
    }
    if (rc == 0) {
        r.answer = s->model->answer = choose(s, &r);
        rc = judge(s, r.answer, &r, true);
    }
    if (rc == 0)
        rc = judge_teacher(s, &r);
    s->eval.count = 0;
    if (rc < 0)
        return rt_error_set(e, rc, "evaluation: %s", rt_err_words(rc));
    r.best = r.samples > 0 && r.top1[r.answer] > s->best;
    if (r.best)
        s->best = r.top1[r.answer];
    for (int i = 0; i < s->observers; i++)
        if (s->observer[i].evaluation)
            RT_TRY(s->observer[i].evaluation(s->observer[i].self, &r, e));
    return 0;
}
