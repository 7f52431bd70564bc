/* SPDX-License-Identifier: MIT
 * model_import: a teacher out of an ONNX file as a struct rt_model (model.h): its trunk stays frozen
 * ONNX, its classifier becomes the graph, from the embedding on, so that all that reads a model's
 * classifier finds it where it always is. */
#include "formats/onnx.h"
#include "formats/path.h"
#include "formats/recipe_teacher.h"
#include "stages/model/model.h"
#include "stages/model/trunk.h"
#include "stages/model/embedding_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The front end that the trunk's input asks for, in place of the run's own. */
static void import_front(struct rt_model *m, const struct rt_trunk *t)
{
    struct rt_recipe *r = &m->recipe;
    r->student_modality = t->text ? RT_TEXT : t->speech ? RT_SPEECH : RT_IMAGE;
    r->student_net = RT_NET_INIT;
    r->task_loss = RT_LOSS_ce;
    r->teacher_model[0] = '\0';
    if (t->text)
        r->text_idf = false;
    else if (t->speech) {
        r->speech_bands = t->channels;
        r->speech_frames = t->rows;
    } else {
        r->image_size = t->rows;
    }
    m->modality = t->text ? &rt_modality_tokens : rt_modalities[r->student_modality];
    m->answer = RT_HEAD_OWN;
    m->front = t->front;
    m->whole = t->open;
}

static int import_classifier(struct rt_model *m, const struct rt_trunk *t, struct rt_error *e)
{
    struct rt_attr attr = {.units = t->classes, .bias = true, .frozen = true};
    if (rt_graph_create(&m->graph) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the classifier");
    m->embedding = rt_graph_input(m->graph, "embedding", (struct rt_shape){1, {t->dim}});
    m->dim = t->dim;
    m->scale = m->temperature = 1;
    m->logits = -1;
    if (t->classes == 0)
        return m->embedding < 0 ? m->embedding : 0;
    m->logits = m->embedding < 0 ? m->embedding
                                 : rt_graph_node(m->graph, RT_OP_linear, "logits", &m->embedding, 1,
                                                 &attr, e);
    if (m->logits < 0)
        return m->logits;
    size_t dim = (size_t)t->dim, classes = (size_t)t->classes;
    memcpy(rt_graph_param_named(m->graph, "logits.weight")->value, t->weight,
           dim * classes * sizeof(float));
    memcpy(rt_graph_param_named(m->graph, "logits.bias")->value, t->bias, classes * sizeof(float));
    return 0;
}

/* From the metadata retort.classes, one a line, when there are as many as classes; else numbers. */
static int import_class_names(struct rt_model *m, const struct rt_trunk *t)
{
    const char *text = rt_onnx_text(t->model, "retort.classes");
    int lines = text ? 1 : 0;
    for (const char *c = text; c && *c; c++)
        lines += *c == '\n';
    m->class_name = calloc((size_t)t->classes + 1, sizeof *m->class_name);
    if (!m->class_name)
        return RT_EMEM;
    for (m->classes = 0; m->classes < t->classes; m->classes++) {
        char number[24];
        size_t size = lines == t->classes ? strcspn(text, "\n") : 0;
        snprintf(number, sizeof number, "%d", m->classes);
        m->class_name[m->classes] = size ? strndup(text, size) : strdup(number);
        if (!m->class_name[m->classes])
            return RT_EMEM;
        text += size ? size + (text[size] == '\n') : 0;
    }
    return 0;
}

static int import_make(struct rt_model *m, const struct rt_teacher_settings *s, struct rt_error *e)
{
    char front[512];
    struct rt_front own = rt_front_of(&m->recipe);
    RT_TRY(rt_trunk_open(&m->trunk, s, &own, e));
    import_front(m, m->trunk);
    RT_TRY(import_classifier(m, m->trunk, e));
    if (import_class_names(m, m->trunk) < 0)
        return rt_error_set(e, RT_EMEM, "%s: no memory for the class names", s->model);
    m->modality->features_key(&m->front, front, sizeof front);
    m->key = rt_key128_of(front, strlen(front), rt_trunk_key(m->trunk));
    return 0;
}

static int import_file(struct rt_model *m, const struct rt_recipe *r, const struct rt_teacher_settings *s,
                       struct rt_error *e)
{
    memset(m, 0, sizeof *m);
    m->recipe = *r;
    m->teacher[0].feature = m->teacher[0].head = -1;
    int rc = import_make(m, s, e);
    if (rc < 0)
        rt_model_fini(m);
    return rc;
}

/* A file of ours says itself how it is read. */
static int load_file(struct rt_model *m, const struct rt_recipe *r, const struct rt_teacher_settings *s,
                     struct rt_error *e)
{
    struct rt_onnx *o = NULL;
    bool foreign = false;
    if (rt_path_ends_in(s->model, ".onnx")) {
        RT_TRY(rt_onnx_read(&o, s->model, e));
        foreign = !rt_onnx_text(o, "retort.recipe");
        rt_onnx_destroy(o);
    }
    return foreign ? import_file(m, r, s, e) : rt_model_load(m, s->model, e);
}

/* It stands for the sample as a whole, so for what the student reads: no file of another kind need be there. */
static int import_embedding_table(struct rt_model *m, const struct rt_recipe *r, const char *path, struct rt_error *e)
{
    memset(m, 0, sizeof *m);
    m->recipe = *r;
    m->teacher[0].feature = m->teacher[0].head = -1;
    RT_TRY(rt_embedding_table_open(&m->table, path, e));
    m->modality = rt_modalities[r->student_modality];
    m->front = rt_front_of(r);
    m->dim = m->table->dim;
    m->embedding = m->logits = -1;
    m->scale = m->temperature = 1;
    m->answer = RT_HEAD_OWN;
    m->key = m->table->key;
    return 0;
}

int rt_model_load_teacher(struct rt_model *m, const struct rt_recipe *r, int k, struct rt_error *e)
{
    struct rt_teacher_settings s = rt_recipe_teacher(r, k);
    if (rt_embedding_table_is_meant(s.model))
        return import_embedding_table(m, r, s.model, e);
    return load_file(m, r, &s, e);
}

int rt_model_load_any(struct rt_model *m, const char *path, const struct rt_recipe *r, struct rt_error *e)
{
    struct rt_teacher_settings s = rt_recipe_teacher(r, 0);
    s.model = path;
    return load_file(m, r, &s, e);
}
