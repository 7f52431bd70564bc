/* SPDX-License-Identifier: MIT
 * training_teachers: see training_teachers.h. */
#include "stages/session/training_teachers.h"

#include "formats/recipe_teacher.h"
#include "formats/words.h"
#include "stages/distill/weight_terms.h"
#include "stages/model/embedding_table.h"

#include <stdio.h>
#include <string.h>

#define TEACHER_CACHE_DAYS 30 /* without use, then a teacher's cached outputs are deleted */

static void training_open_outputs(struct rt_training *t, int k)
{
    char name[64];
    struct rt_error why = {0};
    uint64_t limit = (uint64_t)rt_recipe_teacher(t->recipe, k).cache << 20;
    snprintf(name, sizeof name, "teacher-%016llx", (unsigned long long)t->teacher[k].model.key.lo);
    if (limit && t->session->cache[0] &&
        rt_store_open(&t->teacher[k].outputs, t->session->cache, name, limit, &why) < 0)
        rt_watch_warn(&t->session->watch, "going on without the %s's cache: %s", rt_stage_teacher[k].name, why.text);
}

/* Another program's classes may stand in another order. They are the same all the same. */
static int training_match_classes(struct rt_training *t, int k, struct rt_error *e)
{
    const struct rt_dataset *d = &t->session->dataset;
    int rc = rt_model_order_classes(&t->teacher[k].model, d->class_name, d->classes);
    if (rc < 0)
        return rt_error_set(e, rc, "%s.model: %s", rt_stage_teacher[k].name, rt_err_words(rc));
    if (rc)
        rt_watch_tell(&t->session->watch, "%s.model has the classes in another order: matched by name",
                      rt_stage_teacher[k].name);
    return 0;
}

static int training_match_embeddings(struct rt_training *t, int k, struct rt_error *e)
{
    const struct rt_manifest *m = t->session->dataset.manifest;
    struct rt_embedding_table *v = t->teacher[k].model.table;
    int rc = rt_embedding_table_match(v, m, e);
    if (rc < 0) {
        rt_error_prefix(e, "%s.model", rt_stage_teacher[k].name);
        return rc;
    }
    rt_watch_tell(&t->session->watch, "%s.model: embeddings of %d numbers for %d of %d samples, by %s%s",
                  rt_stage_teacher[k].name, v->dim, v->matched, rt_manifest_rows(m),
                  v->beside ? "the ids in " : "the manifest's order: no text with ids lies beside it",
                  v->beside ? v->beside : "");
    return 0;
}

int rt_training_load_teachers(struct rt_training *t, struct rt_error *e)
{
    int count = rt_recipe_teachers(t->recipe);
    for (int k = 0; k < count; k++) {
        int rc = rt_model_load_teacher(&t->teacher[k].model, t->recipe, k, e);
        if (rc < 0) {
            rt_error_prefix(e, "%s.model", rt_stage_teacher[k].name);
            return rc;
        }
        t->teachers = k + 1;
        if (t->teacher[k].model.table) {
            RT_TRY(training_match_embeddings(t, k, e));
            continue;
        }
        RT_TRY(training_match_classes(t, k, e));
        training_open_outputs(t, k);
    }
    if (count && t->session->cache[0])
        rt_store_expire(t->session->cache, "teacher-", TEACHER_CACHE_DAYS); /* those opened are used now */
    return 0;
}

int rt_training_list_teachers(const struct rt_training *t, const struct rt_model **list)
{
    for (int k = 0; k < t->teachers; k++)
        list[k] = &t->teacher[k].model;
    return t->teachers;
}

/* Terms that compare classes place by place need the same ones. Which one is missing says what is wrong. */
static int teacher_check_classes(const struct rt_training *t, int k, const struct rt_learner_settings *s,
                                 struct rt_error *e)
{
    const struct rt_dataset *d = &t->session->dataset;
    const struct rt_model *m = &t->teacher[k].model;
    const char *term = NULL;
    for (int i = RT_TASK_TERMS; i < RT_TERMS; i++)
        if (s->objective.term[rt_place(k, i)].lambda > 0 && (rt_terms[i]->needs & RT_NEEDS_CLASSES))
            term = rt_terms[i]->name;
    for (int i = 0; term && m->classes && i < d->classes; i++) {
        struct rt_nearest near = {.word = d->class_name[i]};
        char quoted[RT_QUOTE], hint[96];
        bool found = false;
        for (int c = 0; c < m->classes && !found; c++) {
            found = !strcmp(d->class_name[i], m->class_name[c]);
            rt_nearest_offer(&near, m->class_name[c]);
        }
        snprintf(hint, sizeof hint, *near.best ? "; it has %s" : "%s", near.best);
        if (!found)
            return rt_error_set(e, RT_EMISMATCH, "distill.%s needs a teacher with the data set's classes: %s.model has "
                                "none called %s%s (%d classes there, %d here)", term, rt_stage_teacher[k].name,
                                rt_quote(quoted, sizeof quoted, d->class_name[i]), hint, m->classes, d->classes);
    }
    return 0;
}

/* Is there a loss at all? A teacher that is off may be turned on. */
static int training_check_task(const struct rt_training *t, const struct rt_learner_settings *s, struct rt_error *e)
{
    bool learns = t->recipe->task_lambda > 0;
    for (int k = 0; k < t->teachers; k++) {
        learns |= !rt_recipe_teacher(t->recipe, k).on;
        for (int term = RT_TASK_TERMS; term < RT_TERMS; term++)
            learns |= s->objective.term[rt_place(k, term)].lambda > 0;
    }
    return learns ? 0
                  : rt_error_set(e, RT_EUSAGE, "task.lambda is 0 and there is no other loss: nothing would be learned");
}

int rt_training_check_teaching(const struct rt_training *t, struct rt_error *e)
{
    struct rt_learner_settings s;
    rt_learner_settings_of(t->recipe, &s);
    RT_TRY(training_check_task(t, &s, e));
    for (int k = 0; k < t->teachers; k++)
        RT_TRY(teacher_check_classes(t, k, &s, e));
    for (int i = 0; i < RT_WEIGHT_TERMS; i++) /* weights may be all that a teacher is for */
        if (rt_recipe_list_has(t->recipe->weight_terms, rt_weight_terms[i].name))
            return 0;
    for (int k = 0; k < t->teachers; k++) {
        bool taught = !rt_recipe_teacher(t->recipe, k).on;
        for (int term = RT_TASK_TERMS; term < RT_TERMS; term++)
            taught |= s.objective.term[rt_place(k, term)].lambda > 0;
        if (!taught)
            return rt_error_set(e, RT_EUSAGE, "%s.model is given, but every distill.*.lambda is 0, so that it would "
                                "teach nothing: write, for example, distill: {%s}, or leave %s.model out",
                                rt_stage_teacher[k].name, t->teacher[k].model.classes && t->teacher[k].model.logits >= 0
                                ? "kl: {lambda: 1}" : "l2: {lambda: 10, quantile: 20%}", rt_stage_teacher[k].name);
    }
    return 0;
}

bool rt_training_row_is_taught(const struct rt_training *t, int row)
{
    bool taught = false;
    for (int k = 0; k < t->teachers; k++) {
        const struct rt_model *m = &t->teacher[k].model;
        taught |= t->session->dataset.reason[m->modality->id][row] == 0 &&
                  (!m->table || rt_embedding_table_of(m->table, row));
    }
    return taught;
}

void rt_training_close_teachers(struct rt_training *t)
{
    for (int k = 0; k < RT_TEACHERS; k++) {
        rt_model_fini(&t->teacher[k].model);
        rt_store_close(t->teacher[k].outputs);
    }
}
