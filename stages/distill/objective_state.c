/* SPDX-License-Identifier: MIT
 * objective_state: the running quantiles in a checkpoint, one tensor per term by name, so that a
 * new row of terms.def does not move the others. */
#include "stages/distill/objective.h"

#include <math.h>
#include <stdio.h>

static void objective_tensor_name(char *name, size_t size, int k)
{
    int teacher = rt_place_teacher(k);
    const char *term = rt_terms[rt_place_term(k)]->name;

    if (teacher == 0)
        snprintf(name, size, "objective.%s", term);
    else
        snprintf(name, size, "objective.teacher%d.%s", teacher + 1, term);
}

int rt_objective_save(const struct rt_objective *o, struct rt_safetensors *s)
{
    char name[64];
    int64_t dim[] = {2};

    for (int k = 0; k < RT_PLACES; k++) {
        double pair[] = {o->quantile[k], o->spread[k]};
        if (k >= RT_TERMS && isnan(o->quantile[k]))
            continue;
        struct rt_tensor t = rt_tensor_view(RT_F64, 1, dim, pair);
        objective_tensor_name(name, sizeof name, k);
        int r = rt_safetensors_add(s, name, &t);
        if (r < 0)
            return r;
    }
    return 0;
}

int rt_objective_load(struct rt_objective *o, const struct rt_safetensors *s, struct rt_error *e)
{
    char name[64];
    struct rt_objective loaded;

    rt_objective_init(&loaded);
    for (int k = 0; k < RT_PLACES; k++) {
        objective_tensor_name(name, sizeof name, k);
        const struct rt_tensor *t = rt_safetensors_get(s, name);
        if (!t && k > 0)
            continue; /* of a teacher, or a term, that there was not yet: it has not begun */
        if (!t)
            return rt_error_set(e, RT_EFORMAT,
                                "no tensor %s; the checkpoint was written by another "
                                "version of retort: start the run again without --resume",
                                name);
        if (t->dtype != RT_F64 || t->rank != 1 || t->dim[0] != 2)
            return rt_error_set(e, RT_EFORMAT,
                                "tensor %s must be F64 [2], it has rank %d and "
                                "dtype number %d; the checkpoint was not written by retort",
                                name, t->rank, (int)t->dtype);
        loaded.quantile[k] = ((const double *)t->data)[0];
        loaded.spread[k] = ((const double *)t->data)[1];
    }
    *o = loaded;
    return 0;
}
