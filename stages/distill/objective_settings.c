/* SPDX-License-Identifier: MIT
 * objective_settings: from recipe to objective; see objective_settings.h. */
#include "stages/distill/objective_settings.h"

#include "formats/recipe_teacher.h"

#include <math.h>
#include <string.h>

/* ---- reading ----
 * Read anew for each update rather than kept up to date: a live change is then nothing but another
 * recipe, and a resumed run cannot differ from one that was never stopped. The settings of each loss
 * arrive by the rows of terms.def, so that no list here can forget one. */

_Static_assert((int)RT_LOSSES == RT_TASK_TERMS, "task.loss chooses a task term");

void rt_objective_read(const struct rt_recipe *r, struct rt_objective_settings *o)
{
    memset(o, 0, sizeof *o);
#define RT_TERM(name, ...)                                                                         \
    o->term[RT_TERM_##name].lambda = r->distill_##name##_lambda;                                   \
    o->term[RT_TERM_##name].margin = r->distill_##name##_margin;                                   \
    o->term[RT_TERM_##name].quantile = r->distill_##name##_quantile;
#define RT_PARAM(term, name, ...)                                                                  \
    o->param[RT_PARAM_##term##_##name] = (double)r->distill_##term##_##name;
#include "formats/terms.def"
    for (int p = RT_PLACES - 1; p >= RT_TASK_TERMS; p--) { /* from behind: the first teacher's are copied */
        o->term[p] = o->term[rt_place_term(p)];
        if (!rt_recipe_teacher(r, rt_place_teacher(p)).on)
            o->term[p].lambda = 0;
    }
    o->term[r->task_loss].lambda = r->task_lambda; /* the first rows, in their order */
    o->smoothing = r->task_smoothing;
    o->aam_margin = r->task_margin;
    o->aam_warmup = r->task_margin_warmup;
    o->aam_scale = r->task_scale;
    o->cosine_logits = r->task_loss == RT_LOSS_aam;
}

double rt_objective_aam_margin(const struct rt_objective_settings *o, int64_t step, int64_t steps)
{
    double warm = o->aam_warmup * (double)steps;
    double risen = warm > 0 ? fmin(1, (double)step / warm) : 1;

    return o->aam_margin * risen;
}

/* ---- checking ----
 * A loss whose inputs are missing would be silently off (objective.c), so a recipe that asks for it is
 * refused here, at the start and when somebody sets it on the way. */

static int term_check(const struct rt_term *t, double lambda, const struct rt_objective_facts *f,
                      struct rt_error *e)
{
    bool classifier = (t->reads & RT_READS_HEAD) || (t->needs & (RT_NEEDS_T_LOGITS | RT_NEEDS_CLASSES));

    if (!f->has_teacher)
        return rt_error_set(e, RT_EUSAGE, "distill.%s.lambda is %g, but there is no teacher.model: name one, "
                            "or set lambda to 0 (for labels alone, to compare, keep both and set teacher.on=false)",
                            t->name, lambda);
    if (classifier && f->teacher_classes == 0)
        return rt_error_set(e, RT_EMISMATCH, "distill.%s needs the teacher's classifier, and it has none "
                            "(teacher.logits: none, or a .npy): l2, cosine and nce compare embeddings", t->name);
    if ((t->needs & RT_NEEDS_CLASSES) && !f->shares_classes)
        return rt_error_set(e, RT_EMISMATCH, "distill.%s needs a teacher with the data set's "
                            "classes: the teacher has %d, the data set %d, or other names",
                            t->name, f->teacher_classes, f->classes);
    return 0;
}

int rt_objective_check(const struct rt_objective_settings *o, int teacher, const struct rt_objective_facts *f,
                       struct rt_error *e)
{
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++) {
        double lambda = o->term[rt_place(teacher, k)].lambda;
        if (lambda > 0)
            RT_TRY(term_check(rt_terms[k], lambda, f, e));
    }
    return 0;
}
