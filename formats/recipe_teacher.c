/* SPDX-License-Identifier: MIT
 * recipe_teacher: see recipe_teacher.h. */
#include "formats/recipe_teacher.h"

struct rt_teacher_settings rt_recipe_teacher(const struct rt_recipe *r, int k)
{
    const struct rt_teacher_settings all[RT_TEACHERS + 1] = {
#define RT_SECTION(t)                                                                                                  \
    {r->t##_model, r->t##_on, r->t##_cache, r->t##_input, r->t##_embedding, r->t##_logits, r->t##_modality,            \
     {.preset = r->t##_front_preset, .bands = (int)r->t##_front_bands, .size = (int)r->t##_front_size,                 \
      .layout = r->t##_front_layout, .mean = r->t##_front_mean, .std = r->t##_front_std,                               \
      .features = r->t##_front_features, .scale = (int)r->t##_front_scale, .window = r->t##_front_window,              \
      .emphasis = r->t##_front_emphasis, .low = r->t##_front_low, .high = r->t##_front_high,                           \
      .floor = r->t##_front_floor, .normalise = r->t##_front_normalise, .factor = r->t##_front_factor,                 \
      .trim = r->t##_front_trim, .range = (int)r->t##_front_range, .resize = (int)r->t##_front_resize,                 \
      .fit = r->t##_front_fit, .filter = r->t##_front_filter, .colours = r->t##_front_colours,                    \
      .tokenizer = r->t##_front_tokenizer, .pooling = r->t##_front_pooling, .tokens = (int)r->t##_front_tokens}},
        RT_TEACHER_SECTIONS(RT_SECTION)
#undef RT_SECTION
    };
    struct rt_teacher_settings s = all[k];
    if (!s.model) { /* no section: room only */
        s.model = s.input = s.embedding = s.logits = "";
        s.front = rt_front_preset(RT_FRONT_AUTO);
    }
    return s;
}

int rt_recipe_teachers(const struct rt_recipe *r)
{
    int n = 0;
    while (n < RT_TEACHERS && rt_recipe_teacher(r, n).model[0])
        n++;
    return n;
}
