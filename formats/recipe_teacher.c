/* SPDX-License-Identifier: MIT
 * recipe_teacher: see recipe_teacher.h. */
#include "formats/recipe_teacher.h"

struct rt_teacher_settings rt_recipe_teacher(const struct rt_recipe *r, int k)
{
    const struct rt_teacher_settings all[RT_TEACHERS + 1] = {
#define RT_SECTION(t)                                                                              \
    {r->t##_model, r->t##_on,  r->t##_cache,    r->t##_input,  r->t##_embedding, r->t##_logits,    \
     r->t##_mean,  r->t##_std, r->t##_modality, r->t##_layout, (int)r->t##_size},
        RT_TEACHER_SECTIONS(RT_SECTION)
#undef RT_SECTION
    };
    struct rt_teacher_settings s = all[k];
    if (!s.model) /* no section: room only */
        s.model = s.input = s.embedding = s.logits = s.mean = s.std = "";
    return s;
}

int rt_recipe_teachers(const struct rt_recipe *r)
{
    int n = 0;
    while (n < RT_TEACHERS && rt_recipe_teacher(r, n).model[0])
        n++;
    return n;
}
