/* SPDX-License-Identifier: MIT
 * model_file: a model as safetensors with metadata (model.h), and back. What makes its parts is model.c; which file it
 * is read from, model_load.c. */
#include "stages/model/model_parts.h"

#include "formats/recipe_teacher.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- written ----
 * The recipe goes into the file, so that whoever has the file alone can make the front end and the network again;
 * with it a list of fields could not get out of step. */

static char *lines_join(char *const *name, int count)
{
    size_t size = 1;
    for (int i = 0; i < count; i++)
        size += strlen(name[i]) + 1;
    char *text = malloc(size), *at = text;
    for (int i = 0; text && i < count; i++)
        at = stpcpy(stpcpy(at, name[i]), i + 1 < count ? "\n" : "");
    return text;
}

/* The recipe that gives this model: the scale may have changed while it was trained. NULL without memory. */
static char *model_settings_text(const struct rt_model *m)
{
    struct rt_recipe *r = malloc(sizeof *r);
    char *text = NULL;
    if (r) {
        *r = m->recipe;
        r->task_scale = rt_model_is_cosine(r) ? m->scale : r->task_scale;
        text = rt_recipe_text(r);
    }
    free(r);
    return text;
}

static int model_save_teacher(const struct rt_model *m, int k, struct rt_safetensors *s)
{
    char text[96], key[RT_NAME];
    const struct rt_model_teacher *t = &m->teacher[k];
    const char *kind = t->head < 0 ? "none"
                     : rt_graph_at(m->graph, t->head)->op == RT_OP_cosine ? "cosine" : "linear";
    snprintf(text, sizeof text, "%d %d %.17g %s %d", t->dim, t->classes, t->scale, kind, t->shares_classes);
    return rt_safetensors_set_text(s, rt_model_teacher_name("retort.teacher", k, key), text);
}

const char *rt_model_temperature_text(double temperature, char text[RT_TEMPERATURE_TEXT])
{
    snprintf(text, RT_TEMPERATURE_TEXT, "%.15g", temperature);
    return text;
}

/* text is freed; NULL: there was no memory for it. */
static int model_save_text(struct rt_safetensors *s, const char *key, char *text)
{
    int rc = text ? rt_safetensors_set_text(s, key, text) : RT_EMEM;
    free(text);
    return rc;
}

int rt_model_save(const struct rt_model *m, struct rt_safetensors *s)
{
    char text[RT_TEMPERATURE_TEXT];
    RT_TRY(rt_graph_save(m->graph, s, "model."));
    if (m->front.idf) {
        int64_t n = m->recipe.text_buckets;
        struct rt_tensor t = rt_tensor_view(RT_F32, 1, &n, m->front.idf);
        RT_TRY(rt_safetensors_add(s, "front.idf", &t));
    }
    if (rt_model_takes_network(&m->recipe))
        RT_TRY(model_save_text(s, "retort.network", rt_graph_text(m->graph, m->logits)));
    RT_TRY(model_save_text(s, "retort.recipe", model_settings_text(m)));
    RT_TRY(model_save_text(s, "retort.classes", lines_join(m->class_name, m->classes)));
    RT_TRY(rt_safetensors_set_text(s, "retort.head", rt_head_names[m->answer]));
    if (m->temperature != 1)
        RT_TRY(rt_safetensors_set_text(s, "retort.temperature", rt_model_temperature_text(m->temperature, text)));
    if (m->scoring)
        RT_TRY(rt_safetensors_set_text(s, RT_MODEL_SCORING, m->scoring));
    for (int k = 0; k < m->teachers; k++)
        RT_TRY(model_save_teacher(m, k, s));
    return 0;
}

/* ---- read ----
 * Nothing of a file is believed: sizes are checked against the weights that are there before anything is
 * allocated. A file that was cut or made up is refused in its own words. */

static int lines_split(struct rt_model *m, const char *text)
{
    int count = 1;
    for (const char *c = text; *c; c++)
        count += *c == '\n';
    char *copy = strdup(text);
    const char **name = calloc((size_t)count, sizeof *name);
    int rc = copy && name ? 0 : RT_EMEM, n = 0;
    char *rest = copy;
    while (rc == 0 && rest && n < count)
        name[n++] = strsep(&rest, "\n");
    if (rc == 0)
        rc = rt_model_copy_names(m, name, count);
    free(name);
    free(copy);
    return rc;
}

/* The sizes must be those of the weights at hand, so a wrong one allocates nothing. */
static int bridge_check_weights(const struct rt_model *m, const struct rt_model_teacher *t,
                                const struct rt_safetensors *s, const char *name, struct rt_error *e)
{
    char part[RT_NAME], tensor[2 * RT_NAME];
    snprintf(tensor, sizeof tensor, "model.%s.weight", rt_model_teacher_name("projection", m->teachers, part));
    const struct rt_tensor *p = rt_safetensors_get(s, tensor);
    if (t->classes == 0 && t->dim != m->dim && (!p || p->rank != 2 || p->dim[0] != t->dim))
        return rt_error_set(e, RT_EMISMATCH, "%s: %s is missing or not of retort.teacher's %d numbers", name, tensor,
                            t->dim);
    snprintf(tensor, sizeof tensor, "model.%s.weight", rt_model_teacher_name("teacher_head", m->teachers, part));
    const struct rt_tensor *w = rt_safetensors_get(s, tensor);
    if (t->classes && (!w || rt_tensor_count(w) != (int64_t)t->dim * t->classes))
        return rt_error_set(e, RT_EMISMATCH, "%s: %s is missing or not of retort.teacher's %d x %d", name, tensor,
                            t->dim, t->classes);
    return 0;
}

static int model_read_bridge(struct rt_model *m, const struct rt_safetensors *s, const char *text, const char *name,
                             struct rt_error *e)
{
    struct rt_model_teacher t = {0};
    int shared, used = 0;
    char kind[16];
    if (sscanf(text, "%d %d %lf %15s %d%n", &t.dim, &t.classes, &t.scale, kind, &shared, &used) != 5 ||
        text[used] || t.dim < 1 || t.classes < 0 || !isfinite(t.scale) || (shared != 0 && shared != 1) ||
        (strcmp(kind, "none") == 0 ? t.classes > 0 || shared : t.classes == 0) ||
        (strcmp(kind, "cosine") != 0 && strcmp(kind, "linear") != 0 && strcmp(kind, "none") != 0))
        return rt_error_set(e, RT_EFORMAT, "%s: retort.teacher '%s' is not 'DIM CLASSES SCALE "
                            "cosine|linear|none 0|1'", name, text);
    if (shared && t.classes != m->classes)
        return rt_error_set(e, RT_EFORMAT, "%s: retort.teacher '%s' shares the model's %d classes "
                            "but has %d", name, text, m->classes, t.classes);
    t.shares_classes = shared;
    RT_TRY(bridge_check_weights(m, &t, s, name, e));
    return rt_model_build_bridge(m, &t, strcmp(kind, "cosine") == 0, e);
}

static int model_read_bridges(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                              struct rt_error *e)
{
    for (int k = 0; k < RT_TEACHERS; k++) {
        char key[RT_NAME];
        const char *text = rt_safetensors_text(s, rt_model_teacher_name("retort.teacher", k, key));
        if (!text)
            return 0;
        RT_TRY(model_read_bridge(m, s, text, name, e));
    }
    return 0;
}

static int model_read_answer(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                             struct rt_error *e)
{
    const char *head = rt_safetensors_text(s, "retort.head");
    int choice = head ? rt_choice_find(rt_head_names, head) : RT_HEAD_OWN;
    if (choice < RT_HEAD_OWN)
        return rt_error_set(e, RT_EFORMAT, "%s: retort.head '%s' is none of own, teacher, sum", name,
                            head);
    if (choice != RT_HEAD_OWN && !m->teacher[0].shares_classes)
        return rt_error_set(e, RT_EFORMAT, "%s: retort.head '%s', but there is no such head", name,
                            head);
    m->answer = (enum rt_head_id)choice;
    return 0;
}

static int model_read_temperature(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                                  struct rt_error *e)
{
    const char *text = rt_safetensors_text(s, "retort.temperature");
    char *end;
    if (!text)
        return 0;
    m->temperature = strtod(text, &end);
    if (end == text || *end || !isfinite(m->temperature) || m->temperature <= 0)
        return rt_error_set(e, RT_EFORMAT, "%s: retort.temperature '%s' is not a number above 0", name, text);
    return 0;
}

static int model_read_idf(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                          struct rt_error *e)
{
    const struct rt_tensor *t = rt_safetensors_get(s, "front.idf");
    if (!t)
        return 0;
    if (t->dtype != RT_F32 || t->rank != 1 || t->dim[0] != m->recipe.text_buckets)
        return rt_error_set(e, RT_EMISMATCH, "%s: front.idf does not have text.buckets = %lld "
                            "numbers", name, (long long)m->recipe.text_buckets);
    m->front.idf = malloc(rt_tensor_bytes(t));
    if (!m->front.idf)
        return rt_error_set(e, RT_EMEM, "%s: no memory for front.idf", name);
    memcpy(m->front.idf, t->data, rt_tensor_bytes(t));
    return 0;
}

/* The key covers what an output depends on: settings (all: crop, network, scale), features' version,
 * which head answers, every weight. */
static struct rt_key128 model_key(const struct rt_model *m, const char *yaml)
{
    struct rt_key128 key = rt_key128_of(yaml, strlen(yaml), (struct rt_key128){0, 0});
    char text[512];
    m->modality->features_key(&m->front, text, sizeof text);
    key = rt_key128_of(text, strlen(text), key);
    double reading[] = {m->answer - RT_HEAD_OWN, m->scale, m->teacher[0].scale};
    key = rt_key128_of(reading, sizeof reading, key);
    for (int i = 0; i < rt_graph_params(m->graph); i++) {
        const struct rt_param *p = rt_graph_param(m->graph, i);
        key = rt_key128_of(p->name, strlen(p->name), key);
        key = rt_key128_of(p->value, (size_t)p->count * sizeof(float), key);
    }
    if (m->front.idf)
        key = rt_key128_of(m->front.idf, (size_t)m->recipe.text_buckets * sizeof(float), key);
    return key;
}

/* Weights beyond those at hand are refused before anything is allocated. */
static int model_read_network(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                              struct rt_error *e)
{
    int64_t room = 0;
    const char *text = rt_safetensors_text(s, "retort.network"), *tensor;
    if (!text)
        return rt_error_set(e, RT_EFORMAT, "%s: student.net is init, but there is no metadata retort.network", name);
    for (int i = 0; i < rt_safetensors_count(s); i++)
        room += rt_tensor_count(rt_safetensors_at(s, i, &tensor));
    int rc = rt_model_build_network(m, text, room, e);
    if (rc < 0)
        rt_error_prefix(e, "%s", name);
    return rc;
}

static int model_restore_parts(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                               struct rt_error *e)
{
    if (lines_split(m, rt_safetensors_text(s, "retort.classes")) < 0)
        return rt_error_set(e, RT_EMEM, "%s: no memory for the class names", name);
    RT_TRY(model_read_idf(m, s, name, e));
    if (!rt_model_takes_network(&m->recipe))
        RT_TRY(rt_model_build_preset(m, e));
    else
        RT_TRY(model_read_network(m, s, name, e));
    RT_TRY(model_read_bridges(m, s, name, e));
    RT_TRY(model_read_answer(m, s, name, e));
    RT_TRY(model_read_temperature(m, s, name, e));
    int rc = rt_graph_load(m->graph, s, "model.", e);
    if (rc < 0)
        rt_error_prefix(e, "%s", name);
    return rc;
}

int rt_model_restore(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                     struct rt_error *e)
{
    const char *yaml = rt_safetensors_text(s, "retort.recipe");
    const char *classes = rt_safetensors_text(s, "retort.classes");
    struct rt_recipe recipe;
    memset(m, 0, sizeof *m);
    if (!yaml || !classes)
        return rt_error_set(e, RT_EFORMAT, "%s: not a retort model (no metadata retort.%s)", name,
                            yaml ? "classes" : "recipe");
    RT_TRY(rt_recipe_parse(&recipe, yaml, strlen(yaml), name, "/", e));
    rt_model_prepare(m, &recipe, NULL);
    int rc = model_restore_parts(m, s, name, e);
    if (rc < 0) {
        rt_model_fini(m);
        return rc;
    }
    m->key = model_key(m, yaml);
    const char *scoring = rt_safetensors_text(s, RT_MODEL_SCORING);
    if (scoring && !(m->scoring = strdup(scoring))) {
        rt_model_fini(m);
        return rt_error_set(e, RT_EMEM, "%s: out of memory", name);
    }
    return 0;
}
