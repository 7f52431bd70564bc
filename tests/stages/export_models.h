/* SPDX-License-Identifier: MIT
 * export_models: small models of every preset and of every kind of answer, with weights and running
 * statistics as after training (none are 0 or 1), for the tests of the ONNX export. */
#ifndef RT_EXPORT_MODELS_H
#define RT_EXPORT_MODELS_H

#include "stages/model/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_CLASSES 7
#define EXPORT_SETTINGS 8

struct export_model {
    const char *name;
    const char *set[EXPORT_SETTINGS]; /* recipe settings */
    bool teacher;                     /* carries a teacher's head, in another space */
    enum rt_head_id answer;
};

static const struct export_model export_models[] = {
    {"cnn1d", {"student.net=cnn1d"}, false, RT_HEAD_OWN},
    {"cnn1d-bands", {"student.net=cnn1d", "speech.bands=40", "speech.frames=61"}, false, RT_HEAD_OWN},
    {"cnn2d", {"student.modality=image", "student.net=cnn2d"}, false, RT_HEAD_OWN},
    {"cnn2d-odd", {"student.modality=image", "student.net=cnn2d", "image.size=37"}, false, RT_HEAD_OWN},
    {"resnet-image",
     {"student.modality=image", "student.net=resnet", "student.width=8"}, false, RT_HEAD_OWN},
    {"resnet-speech",
     {"student.net=resnet", "student.width=4", "student.blocks=2"}, false, RT_HEAD_OWN},
    {"tdnn", {"student.net=tdnn", "student.width=64"}, false, RT_HEAD_OWN},
    {"textbag",
     {"student.modality=text", "student.net=textbag", "text.buckets=512"}, false, RT_HEAD_OWN},
    {"aam", {"student.net=tdnn", "student.width=32", "task.loss=aam"}, false, RT_HEAD_OWN},
    {"head-own", {"student.net=cnn1d"}, true, RT_HEAD_OWN},
    {"head-teacher", {"student.net=cnn1d"}, true, RT_HEAD_TEACHER},
    {"head-sum", {"student.net=cnn1d", "task.loss=aam"}, true, RT_HEAD_SUM},
    {"head-aam",
     {"student.modality=text", "student.net=textbag", "student.embedding=32"}, true, RT_HEAD_SUM},
};
#define EXPORT_MODELS ((int)(sizeof export_models / sizeof *export_models))

/* Everything as training might leave it. */
static inline void export_train(struct rt_model *m, uint64_t seed)
{
    struct rt_rng r = rt_rng_init(seed, 0, 0, RT_RNG_TEST);
    for (int i = 0; i < rt_graph_params(m->graph); i++) {
        struct rt_param *p = rt_graph_param(m->graph, i);
        const char *dot = strrchr(p->name, '.');
        bool scale = !strcmp(dot, ".var") || (!strcmp(dot, ".weight") && p->rank == 1);
        for (int64_t k = 0; k < p->count && (p->rank == 1 || strstr(p->name, "head")); k++)
            p->value[k] = (float)(scale ? rt_rng_range(&r, 0.5, 1.5) : 0.3 * rt_rng_normal(&r));
    }
}

/* The caller fini's *m. */
static inline void export_make(struct rt_model *m, const struct export_model *from)
{
    static const char *const names[EXPORT_CLASSES] = {"a", "b", "caf\xc3\xa9", "d", "e", "f", "g"};
    struct rt_recipe r, t;
    struct rt_error e = {0};
    struct rt_model *teacher = NULL;
    float *idf = NULL;
    rt_recipe_init(&r);
    for (int i = 0; i < EXPORT_SETTINGS && from->set[i]; i++)
        if (rt_recipe_set(&r, from->set[i], &e))
            abort();
    if (from->teacher) {
        teacher = calloc(1, sizeof *teacher);
        rt_recipe_init(&t);
        if (!teacher || rt_recipe_set(&t, "student.embedding=48", &e) ||
            (!strcmp(from->name, "head-aam") && rt_recipe_set(&t, "task.loss=aam", &e)) ||
            rt_model_create(teacher, &t, names, EXPORT_CLASSES, NULL, 0, NULL, NULL, &e))
            abort();
    }
    if (r.student_modality == RT_TEXT) {
        idf = malloc((size_t)r.text_buckets * sizeof *idf);
        for (int64_t i = 0; idf && i < r.text_buckets; i++)
            idf[i] = 1 + (float)(i % 5);
    }
    if (rt_model_create(m, &r, names, EXPORT_CLASSES, &(const struct rt_model *){teacher}, teacher != NULL, NULL,
                        idf, &e))
        abort();
    export_train(m, 7);
    m->answer = from->answer;
    if (teacher)
        rt_model_fini(teacher);
    free(teacher);
}

#endif
