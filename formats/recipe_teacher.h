/* SPDX-License-Identifier: MIT
 * recipe_teacher: the settings of one teacher, out of its section of a recipe, and the front end of a student from
 * another program's file. All that works with teachers takes them by number, so that another section is one word in
 * RT_TEACHER_SECTIONS. */
#ifndef RT_RECIPE_TEACHER_H
#define RT_RECIPE_TEACHER_H

#include "formats/recipe.h"
#include "formats/recipe_front.h"

struct rt_teacher_settings {
    const char *model; /* file or run folder; "" = there is no such teacher */
    bool on;           /* it teaches now */
    int64_t cache;     /* MiB of disk for its outputs */
    /* How another program's ONNX file is read (formats/recipe.def). */
    const char *input, *embedding, *logits;
    enum rt_foreign_id modality;
    struct rt_front_settings front;
};

/* The k-th teacher's, 0..RT_TEACHERS-1. The texts are r's. */
struct rt_teacher_settings rt_recipe_teacher(const struct rt_recipe *r, int k);
/* How many teachers it names: the first sections that have a model. */
int rt_recipe_teachers(const struct rt_recipe *r);

/* student.front.*, without sizes: those are speech.bands, speech.frames and image.size. The texts are r's. */
struct rt_front_settings rt_recipe_student_front(const struct rt_recipe *r);
void rt_recipe_set_student_front(struct rt_recipe *r, const struct rt_front_settings *s);

#endif
