/* SPDX-License-Identifier: MIT
 * recipe_teacher: see recipe_teacher.h. */
#include "formats/recipe_teacher.h"

#include <stdio.h>

/* The table RT_FRONT_KEYS of recipe.def. */
#define RT_FRONT_OF(r, t)                                                                                              \
    .preset = r->t##_front_preset, .layout = r->t##_front_layout, .mean = r->t##_front_mean, .std = r->t##_front_std,  \
    .features = r->t##_front_features, .scale = (int)r->t##_front_scale, .window = r->t##_front_window,                \
    .emphasis = r->t##_front_emphasis, .low = r->t##_front_low, .high = r->t##_front_high,                             \
    .floor = r->t##_front_floor, .normalise = r->t##_front_normalise, .factor = r->t##_front_factor,                   \
    .trim = r->t##_front_trim, .range = (int)r->t##_front_range, .resize = (int)r->t##_front_resize,                   \
    .fit = r->t##_front_fit, .filter = r->t##_front_filter, .colours = r->t##_front_colours

struct rt_front_settings rt_recipe_student_front(const struct rt_recipe *r)
{
    return (struct rt_front_settings){RT_FRONT_OF(r, student), .tokenizer = ""};
}

void rt_recipe_set_student_front(struct rt_recipe *r, const struct rt_front_settings *s)
{
    r->student_front_preset = s->preset;
    r->student_front_layout = s->layout;
    if (s->mean != r->student_front_mean)
        snprintf(r->student_front_mean, sizeof r->student_front_mean, "%s", s->mean);
    if (s->std != r->student_front_std)
        snprintf(r->student_front_std, sizeof r->student_front_std, "%s", s->std);
    r->student_front_features = s->features;
    r->student_front_scale = s->scale;
    r->student_front_window = s->window;
    r->student_front_emphasis = s->emphasis;
    r->student_front_low = s->low;
    r->student_front_high = s->high;
    r->student_front_floor = s->floor;
    r->student_front_normalise = s->normalise;
    r->student_front_factor = s->factor;
    r->student_front_trim = s->trim;
    r->student_front_range = s->range;
    r->student_front_resize = s->resize;
    r->student_front_fit = s->fit;
    r->student_front_filter = s->filter;
    r->student_front_colours = s->colours;
}

struct rt_teacher_settings rt_recipe_teacher(const struct rt_recipe *r, int k)
{
    const struct rt_teacher_settings all[RT_TEACHERS + 1] = {
#define RT_SECTION(t)                                                                                                  \
    {r->t##_model, r->t##_on, r->t##_cache, r->t##_input, r->t##_embedding, r->t##_logits, r->t##_modality,            \
     {RT_FRONT_OF(r, t), .bands = (int)r->t##_front_bands, .size = (int)r->t##_front_size,                             \
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
