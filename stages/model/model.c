/* SPDX-License-Identifier: MIT
 * model: see model.h. The teacher's classifier is copied into the student's graph as a frozen node, so
 * that terms read one more output and the graph's own backward does the rest. */
#include "stages/model/model_parts.h"

#include "stages/model/trunk.h"
#include "stages/model/embedding_table.h"
#include "stages/nn/presets.h"
#include "stages/nn/quantise.h"
#include "stages/nn/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rt_model_copy_names(struct rt_model *m, const char *const *name, int count)
{
    m->class_name = calloc((size_t)count + 1, sizeof *m->class_name);
    if (!m->class_name)
        return RT_EMEM;
    for (m->classes = 0; m->classes < count; m->classes++) {
        m->class_name[m->classes] = strdup(name[m->classes]);
        if (!m->class_name[m->classes])
            return RT_EMEM;
    }
    return 0;
}

bool rt_model_takes_network(const struct rt_recipe *r)
{
    return r->student_net == RT_NET_INIT;
}

/* A rule of thumb: the small presets are some thirty times as fast, and few samples are what they were tried on; the
 * large ones pool over time or depth what many samples can fill. */
void rt_model_choose_net(struct rt_recipe *r, int samples)
{
    static const struct {
        enum rt_net_id few, many;
        int from; /* samples that are many */
    } choice[RT_MODALITIES] = {
        [RT_SPEECH] = {RT_NET_CNN1D, RT_NET_TDNN, 5000},
        [RT_IMAGE] = {RT_NET_CNN2D, RT_NET_RESNET, 20000},
        [RT_TEXT] = {RT_NET_TEXTBAG, RT_NET_TEXTBAG, 0},
    };
    if (r->student_net != RT_NET_AUTO)
        return;
    r->student_net = r->student_init[0] ? RT_NET_INIT
                   : samples < choice[r->student_modality].from ? choice[r->student_modality].few
                                                                : choice[r->student_modality].many;
}

bool rt_model_is_cosine(const struct rt_recipe *r)
{
    return r->task_loss == RT_LOSS_aam;
}

struct rt_shape rt_model_front_shape(const struct rt_model *m)
{
    int64_t dim[3] = {0};
    struct rt_shape s = {.rank = m->modality->shape(&m->front, dim)};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = (int)dim[i];
    return s;
}

/* Nodes "embedding" and "logits" are there. */
void rt_model_find_ends(struct rt_model *m)
{
    m->embedding = rt_graph_find(m->graph, "embedding");
    m->logits = rt_graph_find(m->graph, "logits");
    m->dim = rt_graph_at(m->graph, m->embedding)->shape.dim[0];
    m->scale = rt_model_is_cosine(&m->recipe) ? m->recipe.task_scale : 1;
}

void rt_model_rescale(struct rt_model *m, double scale)
{
    if (rt_model_is_cosine(&m->recipe))
        m->scale = scale;
}

/* ---- the network ----
 * Of a preset, or one that is given as text (student.net init). */

int rt_model_build_preset(struct rt_model *m, struct rt_error *e)
{
    const struct rt_recipe *r = &m->recipe;
    struct rt_preset_config c = {
        .net = r->student_net,
        .input = rt_model_front_shape(m),
        .buckets = (int)r->text_buckets,
        .width = (int)r->student_width,
        .blocks = (int)r->student_blocks,
        .embedding = (int)r->student_embedding,
        .classes = m->classes,
        .dropout = (float)r->student_dropout,
        .cosine = rt_model_is_cosine(r),
    };
    RT_TRY(rt_preset_build(&m->graph, &c, e));
    rt_model_find_ends(m);
    return 0;
}

/* The input must be what the front end gives, the embedding the last node. */
static int network_check(const struct rt_model *m, struct rt_error *e)
{
    const struct rt_node *in = rt_graph_at(m->graph, 0);
    struct rt_shape front = rt_model_front_shape(m);
    int last = rt_graph_nodes(m->graph) - 1, inputs = 0;
    for (int i = 0; i <= last; i++)
        inputs += rt_graph_at(m->graph, i)->inputs == 0;
    if (last < 1 || inputs != 1 || in->inputs || rt_graph_find(m->graph, "embedding") != last ||
        rt_graph_at(m->graph, last)->shape.rank != 1)
        return rt_error_set(e, RT_EFORMAT, "network: it is not one input first and \"embedding\" last");
    bool same = in->op == RT_OP_bag ? front.rank == 0 && in->attr.buckets == m->recipe.text_buckets
                                    : front.rank == in->shape.rank &&
                                          !memcmp(front.dim, in->shape.dim, sizeof front.dim);
    if (same)
        return 0;
    char has[48], wants[48];
    return rt_error_set(
        e, RT_EMISMATCH,
        "the network takes %s, the front end of student.modality %s gives "
        "%s: set speech.frames, speech.bands, image.size or text.buckets to what it takes",
        in->op == RT_OP_bag ? "a bag" : rt_shape_text(&in->shape, wants),
        rt_modality_names[m->recipe.student_modality],
        front.rank ? rt_shape_text(&front, has) : "a bag");
}

/* room: numbers that its weights may have. */
int rt_model_build_network(struct rt_model *m, const char *text, int64_t room, struct rt_error *e)
{
    if (!text)
        return rt_error_set(e, RT_EUSAGE, "student.net: init takes the network of student.init: name that");
    if (rt_graph_create(&m->graph) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for a network");
    rt_graph_limit(m->graph, room);
    int rc = rt_graph_parse(m->graph, text, e);
    if (rc == 0)
        rc = network_check(m, e);
    if (rc < 0)
        return rc;
    int embedding = rt_graph_nodes(m->graph) - 1;
    bool cosine = rt_model_is_cosine(&m->recipe);
    struct rt_attr attr = {.units = m->classes, .bias = !cosine};
    rc = rt_graph_node(m->graph, cosine ? RT_OP_cosine : RT_OP_linear, "logits", &embedding, 1, &attr, e);
    if (rc < 0)
        return rc;
    rt_graph_limit(m->graph, INT64_MAX);
    rt_model_find_ends(m);
    return 0;
}

/* ---- the teacher's side ----
 * The teacher's classifier lies frozen in the student's own graph, on the student's feature: terms read one more
 * output, and the graph's backward does the rest. Running the teacher's classifier apart would need its gradient
 * brought back by hand. */

const char *rt_model_teacher_name(const char *what, int k, char text[RT_NAME])
{
    if (k == 0)
        snprintf(text, RT_NAME, "%s", what);
    else
        snprintf(text, RT_NAME, "%s%d", what, k + 1);
    return text;
}

/* The nodes in the teacher's space: "projection" (when wanted) and "teacher_head", frozen. */
int rt_model_build_bridge(struct rt_model *m, const struct rt_model_teacher *given, bool cosine, struct rt_error *e)
{
    enum rt_projection_id want = m->recipe.distill_projection;
    struct rt_model_teacher t = *given;
    char name[RT_NAME];
    t.head = -1;
    t.feature = m->embedding;
    if (want == RT_PROJECTION_ALWAYS || (want == RT_PROJECTION_AUTO && t.dim != m->dim)) {
        struct rt_attr attr = {.units = t.dim, .bias = true};
        t.feature = rt_graph_node(m->graph, RT_OP_linear, rt_model_teacher_name("projection", m->teachers, name),
                                  &m->embedding, 1, &attr, e);
        RT_TRY(t.feature);
    } else if (t.dim != m->dim) {
        return rt_error_set(e, RT_EMISMATCH,
                            "the teacher's embedding has %d numbers, the student's %d: set "
                            "student.embedding: %d or distill.projection: auto",
                            t.dim, m->dim, t.dim);
    }
    if (t.classes) {
        struct rt_attr attr = {.units = t.classes, .bias = true, .frozen = true};
        t.head = rt_graph_node(m->graph, cosine ? RT_OP_cosine : RT_OP_linear,
                               rt_model_teacher_name("teacher_head", m->teachers, name), &t.feature, 1, &attr, e);
        RT_TRY(t.head);
    }
    m->teacher[m->teachers++] = t;
    return 0;
}

static bool names_are_same(char *const *a, int na, char *const *b, int nb)
{
    if (na != nb)
        return false;
    for (int i = 0; i < na; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static int bridge_copy_head(struct rt_model *m, int k, const struct rt_model *teacher, struct rt_error *e)
{
    static const char *const part[] = {"weight", "bias"};
    char head[RT_NAME];
    rt_model_teacher_name("teacher_head", k, head);
    for (int i = 0; i < 2 && m->teacher[k].head >= 0; i++) {
        char from[RT_NAME], to[2 * RT_NAME];
        snprintf(from, sizeof from, "logits.%s", part[i]);
        snprintf(to, sizeof to, "%s.%s", head, part[i]);
        struct rt_param *a = rt_graph_param_named(teacher->graph, from);
        struct rt_param *b = rt_graph_param_named(m->graph, to);
        if (!a && !b)
            continue;
        if (!a || !b || a->count != b->count)
            return rt_error_set(e, RT_EMISMATCH, "the teacher's %s does not fit its head", from);
        memcpy(b->value, a->value, (size_t)a->count * sizeof(float));
    }
    return 0;
}

static int bridge_of_teacher(struct rt_model *m, const struct rt_model *teacher, struct rt_error *e)
{
    const struct rt_model_teacher t = {
        .dim = teacher->dim, .classes = teacher->classes, .scale = teacher->scale,
        .shares_classes = names_are_same(m->class_name, m->classes, teacher->class_name, teacher->classes),
    };
    return rt_model_build_bridge(m, &t, rt_model_is_cosine(&teacher->recipe), e);
}

void rt_model_prepare(struct rt_model *m, const struct rt_recipe *recipe, float *idf)
{
    memset(m, 0, sizeof *m);
    m->recipe = *recipe;
    rt_model_choose_net(&m->recipe, 0);
    m->front = rt_front_of(recipe);
    m->front.idf = idf;
    for (int k = 0; k < RT_TEACHERS; k++)
        m->teacher[k].feature = m->teacher[k].head = -1;
    m->modality = rt_modalities[recipe->student_modality];
    m->answer = RT_HEAD_OWN;
    m->temperature = 1;
}

const char *rt_model_net_name(const struct rt_model *m)
{
    return m->table ? "embeddings" : m->trunk ? "ONNX" : rt_net_names[m->recipe.student_net];
}

const char *rt_model_about(const struct rt_model *m)
{
    return m->trunk ? m->trunk->about : NULL;
}

const char *rt_model_front_words(const struct rt_model *m)
{
    return m->trunk ? m->trunk->front_words : NULL;
}

/* ---- made ---- */

static int model_check_names(const char *const *class_name, int classes, struct rt_error *e)
{
    for (int i = 0; i < classes; i++)
        if (strchr(class_name[i], '\n'))
            return rt_error_set(e, RT_EUSAGE, "class '%.80s' has a line feed in its name: a model "
                                "keeps one name a line", class_name[i]);
    return 0;
}

static int model_copy_network(struct rt_model *m, const struct rt_model *start, struct rt_error *e)
{
    char *text = start ? rt_graph_text(start->graph, start->logits) : NULL;
    int rc = start && !text ? rt_error_set(e, RT_EMEM, "no memory for a network")
                            : rt_model_build_network(m, text, INT64_MAX, e);
    free(text);
    return rc;
}

static int model_make(struct rt_model *m, const char *const *class_name, int classes,
                      const struct rt_model *const *teacher, int teachers, const struct rt_model *start,
                      struct rt_error *e)
{
    RT_TRY(model_check_names(class_name, classes, e));
    if (rt_model_copy_names(m, class_name, classes) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for %d class names", classes);
    RT_TRY(rt_model_takes_network(&m->recipe) ? model_copy_network(m, start, e) : rt_model_build_preset(m, e));
    for (int k = 0; k < teachers; k++)
        RT_TRY(bridge_of_teacher(m, teacher[k], e));
    rt_graph_init(m->graph, (uint64_t)m->recipe.seed);
    for (int k = 0; k < teachers; k++)
        RT_TRY(bridge_copy_head(m, k, teacher[k], e));
    return 0;
}

int rt_model_create(struct rt_model *m, const struct rt_recipe *recipe,
                    const char *const *class_name, int classes, const struct rt_model *const *teacher,
                    int teachers, const struct rt_model *start, float *idf, struct rt_error *e)
{
    rt_model_prepare(m, recipe, idf);
    int rc = teachers > RT_TEACHERS ? rt_error_set(e, RT_EUSAGE, "%d teachers: %d at most", teachers, RT_TEACHERS)
                                    : model_make(m, class_name, classes, teacher, teachers, start, e);
    if (rc < 0)
        rt_model_fini(m);
    return rc;
}

void rt_model_fini(struct rt_model *m)
{
    rt_graph_destroy(m->graph);
    rt_trunk_close(m->trunk);
    rt_embedding_table_close(m->table);
    for (int i = 0; m->class_name && m->class_name[i]; i++)
        free(m->class_name[i]);
    free(m->class_name);
    free(m->front.idf);
    free(m->scoring);
    memset(m, 0, sizeof *m);
}

int rt_model_start_from(struct rt_model *m, const struct rt_model *other, int *copied,
                        struct rt_error *e)
{
    *copied = 0;
    if (rt_quantise_is_done(other->graph))
        return rt_error_set(e, RT_EUSAGE, "student.init: its network computes in 8 bits, which cannot be trained: take "
                            "the model that it was made of");
    for (int i = 0; i < rt_graph_params(m->graph); i++) {
        struct rt_param *p = rt_graph_param(m->graph, i);
        const struct rt_param *q = rt_graph_param_named(other->graph, p->name);
        if (!q)
            continue;
        if (q->count != p->count || q->rank != p->rank ||
            memcmp(q->dim, p->dim, sizeof p->dim[0] * (size_t)p->rank) != 0) {
            if (strncmp(p->name, "logits.", 7) == 0 || strncmp(p->name, "teacher_head", 12) == 0)
                continue;
            return rt_error_set(e, RT_EMISMATCH, "student.init: %s has another shape there", p->name);
        }
        if (strncmp(p->name, "teacher_head", 12) == 0)
            continue;
        memcpy(p->value, q->value, (size_t)p->count * sizeof(float));
        (*copied)++;
    }
    return 0;
}

void rt_model_answer(const struct rt_model *m, enum rt_head_id head_choice, const float *own,
                     const float *head, int n, float *out)
{
    size_t count = (size_t)n * (size_t)m->classes;
    float a = head_choice == RT_HEAD_TEACHER ? 0.0f : (float)m->scale;
    float b = head_choice == RT_HEAD_OWN || !head ? 0.0f : (float)m->teacher[0].scale;
    for (size_t i = 0; i < count; i++)
        out[i] = (a != 0 ? a * own[i] : 0) + (b != 0 ? b * head[i] : 0);
}
