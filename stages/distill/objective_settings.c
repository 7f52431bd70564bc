/* SPDX-License-Identifier: MIT
 * objective_settings: from recipe to objective; see objective_settings.h. */
#include "stages/distill/objective_settings.h"

#include <math.h>
#include <string.h>

void rt_objective_read(const struct rt_recipe *r, const struct rt_objective_facts *f,
                       struct rt_objective_settings *o)
{
    bool aam = strcmp(r->task_loss, "aam") == 0;
    double warm = r->task_margin_warmup * (double)f->steps;
    double risen = warm > 0 ? fmin(1, (double)f->step / warm) : 1;

    memset(o, 0, sizeof *o);
#define DISTILL(t)                                                                                 \
    o->term[RT_TERM_##t].lambda = r->teacher_on ? r->distill_##t##_lambda : 0;                     \
    o->term[RT_TERM_##t].margin = r->distill_##t##_margin;                                         \
    o->term[RT_TERM_##t].quantile = r->distill_##t##_quantile;                                     \
    o->term[RT_TERM_##t].temperature = r->distill_##t##_temperature;
    DISTILL(l2)
    DISTILL(cosine)
    DISTILL(kl)
    DISTILL(head_kl)
    DISTILL(head_ce)
    DISTILL(dkd)
    DISTILL(dist)
#undef DISTILL
    o->term[aam ? RT_TERM_aam : RT_TERM_ce].lambda = r->task_lambda;
    o->term[RT_TERM_ce].temperature = o->term[RT_TERM_aam].temperature = 1;
    o->smoothing = r->task_smoothing;
    o->aam_margin = r->task_margin * risen;
    o->aam_scale = f->scale;
    o->weigh_task = r->weight_task;
    o->cosine_logits = aam;
}

static int term_check(const struct rt_term *t, double lambda, const struct rt_objective_facts *f,
                      struct rt_error *e)
{
    bool compares = t->reads == RT_READS_LOGITS || (t->needs & RT_NEEDS_LABEL);

    if (!f->has_teacher)
        return rt_error_set(e, RT_EUSAGE, "distill.%s.lambda is %g, but there is no teacher.model",
                            t->name, lambda);
    if (t->reads != RT_READS_FEATURE && f->teacher_classes == 0)
        return rt_error_set(e, RT_EMISMATCH, "distill.%s needs the teacher's classifier, and it has none "
                            "(teacher.logits: none): l2 and cosine compare features", t->name);
    if (compares && !f->shares_classes)
        return rt_error_set(e, RT_EMISMATCH, "distill.%s needs a teacher with the data set's "
                            "classes: the teacher has %d, the data set %d, or other names",
                            t->name, f->teacher_classes, f->classes);
    return 0;
}

int rt_objective_check(const struct rt_recipe *r, const struct rt_objective_facts *f,
                       struct rt_error *e)
{
    struct rt_objective_settings o;

    rt_objective_read(r, f, &o);
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++)
        if (o.term[k].lambda > 0)
            RT_TRY(term_check(rt_terms[k], o.term[k].lambda, f, e));
    return 0;
}
