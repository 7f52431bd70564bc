/* SPDX-License-Identifier: MIT
 * model: see model.h. The teacher's classifier is copied into the student's graph as a frozen node, so
 * that terms read one more output and the graph's own backward does the rest. */
#include "stages/model/model.h"

#include "formats/file.h"
#include "formats/onnx.h"
#include "pipeline/run/checkpoints.h"
#include "pipeline/run/rundir.h"
#include "stages/model/model_onnx.h"
#include "stages/nn/presets.h"
#include "stages/nn/window.h"
#include "stages/model/trunk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int copy_names(struct rt_model *m, const char *const *name, int count)
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

static bool takes_network(const struct rt_recipe *r)
{
    return r->student_net == RT_NET_INIT;
}

static bool is_cosine(const struct rt_recipe *r)
{
    return r->task_loss == RT_LOSS_aam;
}

static struct rt_shape front_shape(const struct rt_model *m)
{
    int64_t dim[3] = {0};
    struct rt_shape s = {.rank = m->modality->shape(&m->front, dim)};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = (int)dim[i];
    return s;
}

/* Nodes "embedding" and "logits" are there. */
static void find_ends(struct rt_model *m)
{
    m->embedding = rt_graph_find(m->graph, "embedding");
    m->logits = rt_graph_find(m->graph, "logits");
    m->dim = rt_graph_at(m->graph, m->embedding)->shape.dim[0];
    m->scale = is_cosine(&m->recipe) ? m->recipe.task_scale : 1;
}

void rt_model_rescale(struct rt_model *m, double scale)
{
    if (is_cosine(&m->recipe))
        m->scale = scale;
}

static int build_preset(struct rt_model *m, struct rt_error *e)
{
    const struct rt_recipe *r = &m->recipe;
    struct rt_preset_config c = {
        .net = r->student_net,
        .input = front_shape(m),
        .buckets = (int)r->text_buckets,
        .width = (int)r->student_width,
        .blocks = (int)r->student_blocks,
        .embedding = (int)r->student_embedding,
        .classes = m->classes,
        .dropout = (float)r->student_dropout,
        .cosine = is_cosine(r),
    };
    int rc = rt_preset_build(&m->graph, &c, e);
    if (rc == 0)
        find_ends(m);
    return rc;
}

/* The input must be what the front end gives, the embedding the last node. */
static int check_network(const struct rt_model *m, struct rt_error *e)
{
    const struct rt_node *in = rt_graph_at(m->graph, 0);
    struct rt_shape front = front_shape(m);
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
    return rt_error_set(e, RT_EMISMATCH, "the network takes %s, the front end of student.modality %s gives "
                        "%s: set speech.frames, speech.bands, image.size or text.buckets to what it takes",
                        in->op == RT_OP_bag ? "a bag" : rt_shape_text(&in->shape, wants),
                        rt_modality_names[m->recipe.student_modality], front.rank ? rt_shape_text(&front, has) : "a bag");
}

/* room: numbers that its weights may have. */
static int build_network(struct rt_model *m, const char *text, int64_t room, struct rt_error *e)
{
    if (!text)
        return rt_error_set(e, RT_EUSAGE, "student.net: init takes the network of student.init: name that");
    if (rt_graph_create(&m->graph) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for a network");
    rt_graph_limit(m->graph, room);
    int rc = rt_graph_parse(m->graph, text, e);
    if (rc == 0)
        rc = check_network(m, e);
    if (rc < 0)
        return rc;
    int embedding = rt_graph_nodes(m->graph) - 1;
    bool cosine = is_cosine(&m->recipe);
    struct rt_attr attr = {.units = m->classes, .bias = !cosine};
    rc = rt_graph_node(m->graph, cosine ? RT_OP_cosine : RT_OP_linear, "logits", &embedding, 1, &attr, e);
    if (rc < 0)
        return rc;
    rt_graph_limit(m->graph, INT64_MAX);
    find_ends(m);
    return 0;
}

/* The nodes in the teacher's space: "projection" (when wanted) and "teacher_head", frozen. */
static int build_bridge(struct rt_model *m, int dim, int classes, bool cosine, double scale,
                        bool shared, struct rt_error *e)
{
    enum rt_projection_id want = m->recipe.distill_projection;
    m->feature = m->embedding;
    if (want == RT_PROJECTION_ALWAYS || (want == RT_PROJECTION_AUTO && dim != m->dim)) {
        struct rt_attr attr = {.units = dim, .bias = true};
        m->feature = rt_graph_node(m->graph, RT_OP_linear, "projection", &m->embedding, 1, &attr, e);
        if (m->feature < 0)
            return m->feature;
    } else if (dim != m->dim) {
        return rt_error_set(e, RT_EMISMATCH,
                            "the teacher's embedding has %d numbers, the student's %d: set "
                            "student.embedding: %d or distill.projection: auto",
                            dim, m->dim, dim);
    }
    m->teacher_dim = dim;
    m->teacher_classes = classes;
    m->head_scale = scale;
    m->shares_classes = shared;
    if (classes == 0)
        return 0;
    struct rt_attr attr = {.units = classes, .bias = true, .frozen = true};
    m->head = rt_graph_node(m->graph, cosine ? RT_OP_cosine : RT_OP_linear, "teacher_head",
                            &m->feature, 1, &attr, e);
    return m->head < 0 ? m->head : 0;
}

static bool same_names(char *const *a, int na, char *const *b, int nb)
{
    if (na != nb)
        return false;
    for (int i = 0; i < na; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static int copy_head(struct rt_model *m, const struct rt_model *teacher, struct rt_error *e)
{
    static const char *const part[] = {"weight", "bias"};
    for (int i = 0; i < 2 && m->head >= 0; i++) {
        char from[RT_NAME], to[RT_NAME];
        snprintf(from, sizeof from, "logits.%s", part[i]);
        snprintf(to, sizeof to, "teacher_head.%s", part[i]);
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

static void model_prepare(struct rt_model *m, const struct rt_recipe *recipe, float *idf)
{
    memset(m, 0, sizeof *m);
    m->recipe = *recipe;
    m->front = rt_front_of(recipe);
    m->front.idf = idf;
    m->feature = m->head = -1;
    m->modality = rt_modalities[recipe->student_modality];
    m->answer = RT_HEAD_OWN;
}

const char *rt_model_net_name(const struct rt_model *m)
{
    return m->trunk ? "ONNX" : rt_net_names[m->recipe.student_net];
}

const char *rt_model_about(const struct rt_model *m)
{
    return m->trunk ? m->trunk->about : NULL;
}

int rt_model_create(struct rt_model *m, const struct rt_recipe *recipe,
                    const char *const *class_name, int classes, const struct rt_model *teacher,
                    const struct rt_model *start, float *idf, struct rt_error *e)
{
    int rc = 0;
    model_prepare(m, recipe, idf);
    for (int i = 0; rc == 0 && i < classes; i++)
        if (strchr(class_name[i], '\n'))
            rc = rt_error_set(e, RT_EUSAGE, "class '%.80s' has a line feed in its name: a model "
                              "keeps one name a line", class_name[i]);
    if (rc == 0 && (rc = copy_names(m, class_name, classes)) < 0)
        rt_error_set(e, rc, "no memory for %d class names", classes);
    if (rc == 0 && takes_network(recipe)) {
        char *text = start ? rt_graph_text(start->graph, start->logits) : NULL;
        rc = start && !text ? rt_error_set(e, RT_EMEM, "no memory for a network")
                            : build_network(m, text, INT64_MAX, e);
        free(text);
    } else if (rc == 0) {
        rc = build_preset(m, e);
    }
    if (rc == 0 && teacher) {
        bool cosine = is_cosine(&teacher->recipe);
        bool shared = same_names(m->class_name, m->classes, teacher->class_name, teacher->classes);
        rc = build_bridge(m, teacher->dim, teacher->classes, cosine, teacher->scale, shared, e);
    }
    if (rc == 0) {
        rt_graph_init(m->graph, (uint64_t)recipe->seed);
        if (teacher)
            rc = copy_head(m, teacher, e);
    }
    if (rc < 0)
        rt_model_fini(m);
    return rc;
}

void rt_model_fini(struct rt_model *m)
{
    rt_graph_destroy(m->graph);
    rt_trunk_close(m->trunk);
    for (int i = 0; m->class_name && m->class_name[i]; i++)
        free(m->class_name[i]);
    free(m->class_name);
    free(m->front.idf);
    memset(m, 0, sizeof *m);
}

static char *join_lines(char *const *name, int count)
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
static char *settings_text(const struct rt_model *m)
{
    struct rt_recipe *r = malloc(sizeof *r);
    char *text = NULL;
    if (r) {
        *r = m->recipe;
        r->task_scale = is_cosine(r) ? m->scale : r->task_scale;
        text = rt_recipe_text(r);
    }
    free(r);
    return text;
}

int rt_model_save(const struct rt_model *m, struct rt_safetensors *s)
{
    int rc = rt_graph_save(m->graph, s, "model.");
    if (rc == 0 && m->front.idf) {
        int64_t n = m->recipe.text_buckets;
        struct rt_tensor t = rt_tensor_view(RT_F32, 1, &n, m->front.idf);
        rc = rt_safetensors_add(s, "front.idf", &t);
    }
    char *recipe = settings_text(m);
    char *names = join_lines(m->class_name, m->classes);
    char *network = takes_network(&m->recipe) ? rt_graph_text(m->graph, m->logits) : NULL;
    if (rc == 0 && (!recipe || !names || (!network && takes_network(&m->recipe))))
        rc = RT_EMEM;
    if (rc == 0 && network)
        rc = rt_safetensors_set_text(s, "retort.network", network);
    if (rc == 0)
        rc = rt_safetensors_set_text(s, "retort.recipe", recipe);
    if (rc == 0)
        rc = rt_safetensors_set_text(s, "retort.classes", names);
    if (rc == 0)
        rc = rt_safetensors_set_text(s, "retort.head", rt_head_names[m->answer]);
    if (rc == 0 && m->feature >= 0) {
        char text[96];
        snprintf(text, sizeof text, "%d %d %.17g %s %d", m->teacher_dim, m->teacher_classes,
                 m->head_scale,
                 m->head < 0                                            ? "none"
                 : rt_graph_at(m->graph, m->head)->op == RT_OP_cosine ? "cosine"
                                                                        : "linear",
                 m->shares_classes);
        rc = rt_safetensors_set_text(s, "retort.teacher", text);
    }
    free(recipe);
    free(names);
    free(network);
    return rc;
}

static int split_lines(struct rt_model *m, const char *text)
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
        rc = copy_names(m, name, count);
    free(name);
    free(copy);
    return rc;
}

/* The sizes must be those of the weights at hand, so a wrong one allocates nothing. */
static int read_bridge(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                       struct rt_error *e)
{
    const char *text = rt_safetensors_text(s, "retort.teacher");
    int dim, classes, shared, used = 0;
    double scale;
    char kind[16];
    if (!text)
        return 0;
    if (sscanf(text, "%d %d %lf %15s %d%n", &dim, &classes, &scale, kind, &shared, &used) != 5 ||
        text[used] || dim < 1 || classes < 0 || !isfinite(scale) || (shared != 0 && shared != 1) ||
        (strcmp(kind, "none") == 0 ? classes > 0 || shared : classes == 0) ||
        (strcmp(kind, "cosine") != 0 && strcmp(kind, "linear") != 0 && strcmp(kind, "none") != 0))
        return rt_error_set(e, RT_EFORMAT, "%s: retort.teacher '%s' is not 'DIM CLASSES SCALE "
                            "cosine|linear|none 0|1'", name, text);
    if (shared && classes != m->classes)
        return rt_error_set(e, RT_EFORMAT, "%s: retort.teacher '%s' shares the model's %d classes "
                            "but has %d", name, text, m->classes, classes);
    const struct rt_tensor *w = rt_safetensors_get(s, "model.teacher_head.weight");
    const struct rt_tensor *p = rt_safetensors_get(s, "model.projection.weight");
    if (classes == 0 && dim != m->dim && (!p || p->rank != 2 || p->dim[0] != dim))
        return rt_error_set(e, RT_EMISMATCH, "%s: model.projection.weight is missing or not of "
                            "retort.teacher's %d numbers", name, dim);
    if (classes == 0)
        return build_bridge(m, dim, 0, false, scale, false, e);
    if (!w || rt_tensor_count(w) != (int64_t)dim * classes)
        return rt_error_set(e, RT_EMISMATCH, "%s: model.teacher_head.weight is missing or not of "
                            "retort.teacher's %d x %d", name, dim, classes);
    return build_bridge(m, dim, classes, strcmp(kind, "cosine") == 0, scale, shared, e);
}

static int read_head(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                     struct rt_error *e)
{
    const char *head = rt_safetensors_text(s, "retort.head");
    int choice = head ? rt_choice_find(rt_head_names, head) : RT_HEAD_OWN;
    if (choice < RT_HEAD_OWN)
        return rt_error_set(e, RT_EFORMAT, "%s: retort.head '%s' is none of own, teacher, sum", name,
                            head);
    if (choice != RT_HEAD_OWN && !m->shares_classes)
        return rt_error_set(e, RT_EFORMAT, "%s: retort.head '%s', but there is no such head", name,
                            head);
    m->answer = (enum rt_head_id)choice;
    return 0;
}

static int read_idf(struct rt_model *m, const struct rt_safetensors *s, const char *name,
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
    double reading[] = {m->answer - RT_HEAD_OWN, m->scale, m->head_scale};
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
static int read_network(struct rt_model *m, const struct rt_safetensors *s, struct rt_error *e)
{
    int64_t room = 0;
    const char *text = rt_safetensors_text(s, "retort.network");
    if (!text)
        return rt_error_set(e, RT_EFORMAT, "student.net is init, but there is no metadata retort.network");
    for (int i = 0; i < rt_safetensors_count(s); i++) {
        const char *name;
        room += rt_tensor_count(rt_safetensors_at(s, i, &name));
    }
    return build_network(m, text, room, e);
}

int rt_model_restore(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                     struct rt_error *e)
{
    const char *yaml = rt_safetensors_text(s, "retort.recipe");
    const char *classes = rt_safetensors_text(s, "retort.classes");
    memset(m, 0, sizeof *m);
    if (!yaml || !classes)
        return rt_error_set(e, RT_EFORMAT, "%s: not a retort model (no metadata retort.%s)", name,
                            yaml ? "classes" : "recipe");
    struct rt_recipe recipe;
    int rc = rt_recipe_parse(&recipe, yaml, strlen(yaml), name, "/", e);
    if (rc == 0)
        model_prepare(m, &recipe, NULL);
    if (rc == 0 && (rc = split_lines(m, classes)) < 0)
        rt_error_set(e, rc, "%s: no memory for the class names", name);
    if (rc == 0)
        rc = read_idf(m, s, name, e);
    if (rc == 0 && takes_network(&m->recipe)) {
        if ((rc = read_network(m, s, e)) < 0)
            rt_error_prefix(e, "%s", name);
    } else if (rc == 0) {
        rc = build_preset(m, e);
    }
    if (rc == 0)
        rc = read_bridge(m, s, name, e);
    if (rc == 0)
        rc = read_head(m, s, name, e);
    if (rc == 0 && (rc = rt_graph_load(m->graph, s, "model.", e)) < 0)
        rt_error_prefix(e, "%s", name);
    if (rc < 0) {
        rt_model_fini(m);
        return rc;
    }
    m->key = model_key(m, yaml);
    return 0;
}

static int find_model(const char *path, char *out, size_t size, struct rt_error *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return rt_error_errno(e, "cannot find model", path);
    if (!S_ISDIR(st.st_mode)) {
        snprintf(out, size, "%s", path);
        return 0;
    }
    static const enum rt_run_file inside[] = {RT_RUN_STUDENT, RT_RUN_BEST};
    for (int i = 0; i < 2; i++)
        if (stat(rt_rundir_path(path, inside[i], out, size), &st) == 0)
            return 0;
    int64_t step;
    if (rt_checkpoints_latest(path, out, size, &step) == 0)
        return 0;
    return rt_error_set(e, RT_EMISSING, "%s: no %s and no checkpoint in this folder", path,
                        rt_run_file_name(RT_RUN_STUDENT));
}

static int load_onnx(struct rt_model *m, const char *file, struct rt_error *e)
{
    struct rt_onnx *o;
    int rc = rt_onnx_read(&o, file, e);
    if (rc == 0)
        rc = rt_model_from_onnx(m, o, file, e);
    rt_onnx_destroy(o);
    return rc;
}

int rt_model_load(struct rt_model *m, const char *path, struct rt_error *e)
{
    char file[4200];
    memset(m, 0, sizeof *m);
    int rc = find_model(path, file, sizeof file, e);
    if (rc < 0)
        return rc;
    const char *ending = strrchr(file, '.');
    if (ending && strcmp(ending, ".onnx") == 0)
        return load_onnx(m, file, e);
    struct rt_safetensors *s = NULL;
    rc = rt_safetensors_read(&s, file, e);
    if (rc < 0)
        return rc;
    rc = rt_model_restore(m, s, file, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int model_start_make(struct rt_model *m, const struct rt_onnx *o, const struct rt_recipe *r,
                            const char *const *class_name, int classes, char about[RT_START_ABOUT],
                            struct rt_error *e)
{
    const struct rt_start_settings how = {
        .file = r->student_init, .output = r->student_output, .mean = r->student_mean, .std = r->student_std,
        .layout = r->student_layout, .modality = r->student_modality, .seed = (uint64_t)r->seed,
    };
    if (!takes_network(r))
        return rt_error_set(e, RT_EUSAGE, "%s was not written by retort: with student.net: init its network "
                            "becomes the student's", r->student_init);
    if (copy_names(m, class_name, classes) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for %d class names", classes);
    struct rt_shape front = front_shape(m);
    RT_TRY(rt_start_open(&m->graph, o, &how, &front, classes, is_cosine(r), about, e));
    find_ends(m);
    return 0;
}

static bool path_is_onnx(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".onnx") == 0;
}

int rt_model_load_start(struct rt_model *m, const struct rt_recipe *recipe, const char *path,
                        const char *const *class_name, int classes, char about[RT_START_ABOUT],
                        struct rt_error *e)
{
    struct rt_onnx *o = NULL;
    memset(m, 0, sizeof *m);
    about[0] = '\0';
    if (!path_is_onnx(path))
        return rt_model_load(m, path, e);
    RT_TRY(rt_onnx_read(&o, path, e));
    bool foreign = !rt_onnx_text(o, "retort.recipe");
    int rc = 0;
    if (foreign) {
        model_prepare(m, recipe, NULL);
        rc = model_start_make(m, o, recipe, class_name, classes, about, e);
    } else {
        rc = rt_model_load(m, path, e);
    }
    rt_onnx_destroy(o);
    if (rc < 0)
        rt_model_fini(m);
    return rc;
}

int rt_model_start_from(struct rt_model *m, const struct rt_model *other, int *copied,
                        struct rt_error *e)
{
    *copied = 0;
    for (int i = 0; i < rt_graph_params(m->graph); i++) {
        struct rt_param *p = rt_graph_param(m->graph, i);
        const struct rt_param *q = rt_graph_param_named(other->graph, p->name);
        if (!q)
            continue;
        if (q->count != p->count || q->rank != p->rank ||
            memcmp(q->dim, p->dim, sizeof p->dim[0] * (size_t)p->rank) != 0) {
            if (strncmp(p->name, "logits.", 7) == 0 || strncmp(p->name, "teacher_head.", 13) == 0)
                continue;
            return rt_error_set(e, RT_EMISMATCH, "student.init: %s has another shape there", p->name);
        }
        if (strncmp(p->name, "teacher_head.", 13) == 0)
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
    float b = head_choice == RT_HEAD_OWN || !head ? 0.0f : (float)m->head_scale;
    for (size_t i = 0; i < count; i++)
        out[i] = (a != 0 ? a * own[i] : 0) + (b != 0 ? b * head[i] : 0);
}
