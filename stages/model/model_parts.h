/* SPDX-License-Identifier: MIT
 * model_parts: how a model is put together, for model.c, which does it anew, model_file.c, which does it from what a
 * file says, and model_load.c, from another program's. All but rt_model_prepare work on a model that was prepared. */
#ifndef RT_MODEL_PARTS_H
#define RT_MODEL_PARTS_H

#include "stages/model/model.h"

bool rt_model_takes_network(const struct rt_recipe *r); /* student.net is init */
bool rt_model_is_cosine(const struct rt_recipe *r);     /* its head gives cosines (task.loss aam) */

/* Empty, but for recipe, modality and front end; idf is taken over. */
void rt_model_prepare(struct rt_model *m, const struct rt_recipe *recipe, float *idf);
int rt_model_copy_names(struct rt_model *m, const char *const *name, int count); /* RT_EMEM */
struct rt_shape rt_model_front_shape(const struct rt_model *m); /* what the front end gives; rank 0 = a bag */
int rt_model_build_preset(struct rt_model *m, struct rt_error *e);
/* The network in graph.h's text, weights of at most `room` numbers; NULL is refused. */
int rt_model_build_network(struct rt_model *m, const char *text, int64_t room, struct rt_error *e);
/* The graph has nodes "embedding" and "logits": which, and their sizes. */
void rt_model_find_ends(struct rt_model *m);
/* The next teacher's side: its projection and frozen head, with the weights still to be put in. t: dim, classes,
 * scale and shares_classes are set. */
int rt_model_build_bridge(struct rt_model *m, const struct rt_model_teacher *t, bool cosine, struct rt_error *e);
/* "projection" and "projection2": the name of what belongs to the k-th teacher. Returns text. */
const char *rt_model_teacher_name(const char *what, int k, char text[RT_NAME]);
/* As it stands in metadata. Returns text. */
#define RT_TEMPERATURE_TEXT 40
const char *rt_model_temperature_text(double temperature, char text[RT_TEMPERATURE_TEXT]);

#endif
