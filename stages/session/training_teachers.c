/* SPDX-License-Identifier: MIT
 * training_teachers: see training_teachers.h. */
#include "stages/session/training_teachers.h"

#include "formats/recipe_teacher.h"

#include <stdio.h>

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

bool rt_training_row_is_taught(const struct rt_training *t, int row)
{
    bool taught = false;
    for (int k = 0; k < t->teachers; k++)
        taught |= t->session->dataset.reason[t->teacher[k].model.modality->id][row] == 0;
    return taught;
}

void rt_training_close_teachers(struct rt_training *t)
{
    for (int k = 0; k < RT_TEACHERS; k++) {
        rt_model_fini(&t->teacher[k].model);
        rt_store_close(t->teacher[k].outputs);
    }
}
