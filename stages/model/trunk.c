/* SPDX-License-Identifier: MIT
 * trunk: see trunk.h. What the classifier (onnx/classifier.h) reads is the embedding. */
#include "stages/model/trunk.h"

#include "stages/onnx/classifier.h"
#include "stages/onnx/frozen.h"
#include "stages/model/onnx_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLOURS RT_COLOURS

/* ---- the input: [1, 3, side, side], [1, side, side, 3]; [1, bands, frames], [1, frames, bands] ----
 * A file says the shape of its input, not what the numbers mean. What can be told from the shape is (4 dimensions
 * are a picture; the dimension of 3 is its colours), the rest are settings, and what was found is shown to people
 * (trunk_describe): a wrong guess gives a teacher that teaches nonsense, and no error. */

static bool bands_are_made(int64_t n)
{
    return n == 40 || n == 64 || n == 80;
}

/* A size of the file (or -1) against one of the recipe (or 0); 0 when neither says it. */
static int64_t size_agreed(int64_t file, int64_t recipe)
{
    return file < 0 ? recipe : file;
}

static int trunk_read_picture(struct rt_trunk *t, const struct rt_teacher_settings *s,
                              const struct rt_onnx_value *in, struct rt_error *e)
{
    if (in->rank != 4)
        return rt_onnx_input_refuse(s->model, in, "a picture has 4 dimensions", e);
    bool last = in->dim[3] == COLOURS && in->dim[1] != COLOURS;
    t->channels_first = s->layout == RT_LAYOUT_AUTO ? !last : s->layout == RT_LAYOUT_NCHW;
    int64_t colours = in->dim[t->channels_first ? 1 : 3];
    int64_t height = size_agreed(in->dim[t->channels_first ? 2 : 1], s->size);
    int64_t width = size_agreed(in->dim[t->channels_first ? 3 : 2], s->size);
    if (colours >= 0 && colours != COLOURS)
        return rt_onnx_input_refuse(s->model, in, "3 colours are wanted; is teacher.layout right?", e);
    if (height < 1 || width != height || (s->size && height != s->size))
        return rt_onnx_input_refuse(s->model, in, "a square picture is wanted in this "
                            "teacher.layout; teacher.size gives its side where the file does not", e);
    t->rows = t->columns = (int)height;
    t->channels = COLOURS;
    return 0;
}

static int trunk_read_speech(struct rt_trunk *t, const struct rt_teacher_settings *s, const struct rt_front *front,
                             const struct rt_onnx_value *in, struct rt_error *e)
{
    int skip = in->rank - 2; /* [n, ...] or [n, 1, ...] */
    if (in->rank != 3 && !(in->rank == 4 && in->dim[1] == 1))
        return rt_onnx_input_refuse(s->model, in, "speech has 3 dimensions, or 4 of which one is 1", e);
    t->speech = true;
    t->channels_first = s->layout == RT_LAYOUT_AUTO ? bands_are_made(in->dim[skip])
                                                            : s->layout == RT_LAYOUT_NCHW;
    int64_t bands = size_agreed(in->dim[skip + !t->channels_first], front->speech.bands);
    int64_t frames = size_agreed(in->dim[skip + t->channels_first], s->size);
    frames = frames ? frames : front->speech.frames;
    if (!bands_are_made(bands))
        return rt_onnx_input_refuse(s->model, in, "40, 64 or 80 mel bands are made; is teacher.layout "
                            "right?", e);
    if (frames < 16 || frames > 3000)
        return rt_onnx_input_refuse(s->model, in, "16 to 3000 frames are made (teacher.size)", e);
    t->rows = (int)frames;
    t->columns = 1;
    t->channels = (int)bands;
    return 0;
}

static int trunk_read_input(struct rt_trunk *t, const struct rt_teacher_settings *s, const struct rt_front *front,
                            struct rt_error *e)
{
    const struct rt_onnx *m = t->model;
    if (m->inputs != 1)
        return rt_error_set(e, RT_EMISMATCH, "%s: %d inputs; a teacher has one", s->model,
                            m->inputs);
    const struct rt_onnx_value *in = &m->input[0];
    if (s->input[0] && strcmp(s->input, in->name) != 0)
        return rt_error_set(e, RT_EMISSING, "%s: teacher.input is '%s', but its input is '%.100s'",
                            s->model, s->input, in->name);
    if (in->dtype != RT_F32)
        return rt_onnx_input_refuse(s->model, in, "an input of type float is wanted", e);
    bool speech = s->modality == RT_FOREIGN_AUTO ? in->rank == 3
                                                         : s->modality == RT_FOREIGN_SPEECH;
    return speech ? trunk_read_speech(t, s, front, in, e) : trunk_read_picture(t, s, in, e);
}

/* ---- the classifier ----
 * The student carries a copy of it (the teacher's frozen head), so it must be a matrix and a bias that can be read
 * out of the file. Running the file up to its logits would give no gradient to the student. */

static int trunk_copy_head(struct rt_trunk *t, const struct rt_classifier *h, const char *path, struct rt_error *e)
{
    const struct rt_tensor *w = h->weight;
    bool fits = w->dtype == RT_F32 && w->rank == 2 && w->dim[0] > 0 && w->dim[1] > 0 &&
                w->dim[0] < 1 << 20 && w->dim[1] < 1 << 20;
    if (fits) {
        t->classes = (int)w->dim[!h->rows_are_classes];
        t->dim = (int)w->dim[h->rows_are_classes];
        fits = !h->bias || (h->bias->dtype == RT_F32 && rt_tensor_count(h->bias) == t->classes);
    }
    if (!fits)
        return rt_error_set(e, RT_EMISMATCH, "%s: the classifier behind '%.100s' is no matrix of "
                            "floats with one bias for each class", path, h->embedding);
    size_t dim = (size_t)t->dim, classes = (size_t)t->classes;
    t->weight = malloc(dim * classes * sizeof *t->weight);
    t->bias = calloc(classes, sizeof *t->bias);
    if (!t->weight || !t->bias)
        return rt_error_set(e, RT_EMEM, "%s: no memory for its classifier", path);
    const float *from = w->data;
    for (size_t c = 0; c < classes; c++)
        for (size_t d = 0; d < dim; d++)
            t->weight[c * dim + d] = h->rows_are_classes ? from[c * dim + d] : from[d * classes + c];
    if (h->bias)
        memcpy(t->bias, h->bias->data, classes * sizeof *t->bias);
    return 0;
}

static void trunk_describe(struct rt_trunk *t, const char *embedding, const char *logits)
{
    int used = snprintf(t->about, sizeof t->about, "%s %s of %d x %d, embedding '%.60s' (%d), ",
                        t->channels_first ? "nchw" : "nhwc", t->speech ? "speech" : "pictures", t->rows,
                        t->speech ? t->channels : t->columns, embedding, t->dim);
    if (t->classes)
        snprintf(t->about + used, sizeof t->about - (size_t)used, "logits '%.60s' (%d)", logits, t->classes);
    else
        snprintf(t->about + used, sizeof t->about - (size_t)used, "no classifier");
}

/* A teacher of features alone: teacher.embedding, or the last output. */
static bool trunk_is_headless(const struct rt_teacher_settings *s)
{
    return strcmp(s->logits, "none") == 0;
}

static int trunk_read_head(struct rt_trunk *t, const struct rt_teacher_settings *s, struct rt_classifier *h,
                           struct rt_error *e)
{
    const struct rt_onnx *m = t->model;
    if (trunk_is_headless(s)) {
        *h = (struct rt_classifier){.embedding = s->embedding[0] ? s->embedding
                                                                  : m->output[m->outputs - 1].name};
        return 0;
    }
    const char *logits = s->logits[0] ? s->logits : m->output[m->outputs - 1].name;
    const struct rt_onnx_node *n = rt_classifier_maker(m, logits);
    if (!n)
        return rt_error_set(e, RT_EMISSING, "%s: teacher.logits: no node makes '%.100s'",
                            s->model, logits);
    bool linear = rt_classifier_read(h, m, logits);
    if (!linear && h->computed)
        return rt_error_set(e, RT_EMISMATCH, "%s: '%.100s' comes from a %.40s whose weights are not in the file as "
                            "they are: a %.40s makes them; fold constants when exporting, or teacher.logits=none: "
                            "features alone", s->model, logits, n->op, h->computed);
    if (!linear)
        return rt_error_set(e, RT_EMISMATCH, "%s: '%.100s' comes from a %.40s, not from a linear "
                            "classifier with weights in the file; name its output in teacher.logits "
                            "(as the value before a Softmax), or write none: features alone", s->model,
                            logits, n->op);
    if (s->embedding[0] && strcmp(s->embedding, h->embedding) != 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: teacher.embedding is '%s', but the classifier of "
                            "'%.100s' reads '%.100s'", s->model, s->embedding, logits,
                            h->embedding);
    int rc = trunk_copy_head(t, h, s->model, e);
    trunk_describe(t, h->embedding, logits);
    return rc;
}

/* ---- making ----
 * Frozen for one sample, whatever batch the file was exported with: outputs are cached sample by sample, so their
 * bytes must not depend on neighbours. */

static int trunk_freeze(struct rt_trunk *t, const struct rt_teacher_settings *s, const char *embedding,
                        struct rt_error *e)
{
    const struct rt_onnx_value *in = &t->model->input[0];
    const struct rt_tensor *shape;
    struct rt_tensor input = {.dtype = RT_F32, .rank = in->rank, .dim = {1}};
    int at = 1;
    if (t->speech && in->rank == 4)
        input.dim[at++] = 1;
    if (t->channels_first)
        input.dim[at++] = t->channels;
    input.dim[at++] = t->rows;
    if (!t->speech)
        input.dim[at++] = t->columns;
    if (!t->channels_first)
        input.dim[at++] = t->channels;
    struct rt_frozen_options o = {.input = &input, .output = &embedding, .outputs = 1};
    RT_TRY(rt_frozen_create(&t->frozen, t->model, s->model, &o, e));
    rt_frozen_output(t->frozen, 0, &shape);
    if (trunk_is_headless(s) && rt_tensor_count(shape) >= 1 && rt_tensor_count(shape) < 1 << 20) {
        t->dim = (int)rt_tensor_count(shape);
        trunk_describe(t, embedding, "");
    }
    if (shape->dtype != RT_F32 || rt_tensor_count(shape) != t->dim)
        return rt_error_set(e, RT_EMISMATCH, "%s: the embedding '%.100s' has %lld numbers, not %d "
                            "floats", s->model, embedding, (long long)rt_tensor_count(shape),
                            t->dim);
    return 0;
}

static int trunk_make(struct rt_trunk *t, const struct rt_teacher_settings *s, const struct rt_front *front,
                      struct rt_error *e)
{
    struct rt_classifier head;
    RT_TRY(rt_onnx_read(&t->model, s->model, e));
    RT_TRY(rt_onnx_input_scale("teacher", s->mean, s->std, t->mean, t->std, e));
    RT_TRY(trunk_read_input(t, s, front, e));
    RT_TRY(trunk_read_head(t, s, &head, e));
    return trunk_freeze(t, s, head.embedding, e);
}

int rt_trunk_open(struct rt_trunk **out, const struct rt_teacher_settings *s, const struct rt_front *front,
                  struct rt_error *e)
{
    struct rt_trunk *t = *out = calloc(1, sizeof *t);
    if (!t)
        return rt_error_set(e, RT_EMEM, "%s: no memory for it", s->model);
    int rc = trunk_make(t, s, front, e);
    if (rc < 0) {
        rt_trunk_close(t);
        *out = NULL;
    }
    return rc;
}

void rt_trunk_close(struct rt_trunk *t)
{
    if (!t)
        return;
    rt_frozen_destroy(t->frozen);
    rt_onnx_destroy(t->model);
    free(t->weight);
    free(t->bias);
    free(t);
}

/* ---- the key ----
 * Of all that outputs follow from: weights, nodes and how the input is read. Names of values count, too, so the
 * same network exported anew is another teacher; to find out that it is not would need running both. */

static struct rt_key128 key_of_text(const char *text, struct rt_key128 key)
{
    return rt_key128_of(text, strlen(text) + 1, key);
}

/* Attributes count, too: equal weights may be put together in another way. */
static struct rt_key128 key_of_graph(const struct rt_onnx *m, struct rt_key128 key);

static struct rt_key128 key_of_node(const struct rt_onnx_node *n, struct rt_key128 key)
{
    key = key_of_text(n->op, key);
    for (int i = 0; i < n->inputs; i++)
        key = key_of_text(n->input[i], key);
    for (int i = 0; i < n->outputs; i++)
        key = key_of_text(n->output[i], key);
    for (int i = 0; i < n->attrs; i++) {
        const struct rt_onnx_attr *a = &n->attr[i];
        key = key_of_text(a->name, key);
        key = rt_key128_of(&a->f, sizeof a->f, key);
        key = rt_key128_of(&a->i, sizeof a->i, key);
        if (a->s)
            key = key_of_text(a->s, key);
        if (a->floats)
            key = rt_key128_of(a->floats, (size_t)a->count * sizeof *a->floats, key);
        if (a->ints)
            key = rt_key128_of(a->ints, (size_t)a->count * sizeof *a->ints, key);
        if (a->t.data)
            key = rt_key128_of(a->t.data, rt_tensor_bytes(&a->t), key);
        if (a->graph)
            key = key_of_graph(a->graph, key);
    }
    return key;
}

static struct rt_key128 key_of_graph(const struct rt_onnx *m, struct rt_key128 key)
{
    for (int i = 0; i < m->initializers; i++) {
        const struct rt_tensor *w = &m->initializer[i].tensor;
        key = key_of_text(m->initializer[i].name, key);
        key = rt_key128_of(w->dim, sizeof w->dim, key);
        if (w->data)
            key = rt_key128_of(w->data, rt_tensor_bytes(w), key);
    }
    for (int i = 0; i < m->nodes; i++)
        key = key_of_node(&m->node[i], key);
    for (int i = 0; i < m->outputs; i++)
        key = key_of_text(m->output[i].name, key);
    return key;
}

struct rt_key128 rt_trunk_key(const struct rt_trunk *t)
{
    const struct rt_onnx *m = t->model;
    struct rt_key128 key = key_of_text(t->about, (struct rt_key128){0, 0});
    key = rt_key128_of(t->mean, sizeof t->mean, key);
    key = rt_key128_of(t->std, sizeof t->std, key);
    return key_of_graph(m, rt_key128_of(&m->opset, sizeof m->opset, key));
}

/* ---- running ---- */

struct rt_trunk_exec {
    const struct rt_trunk *t;
    struct rt_frozen_exec *exec;
    float *input;
};

int rt_trunk_exec_create(struct rt_trunk_exec **out, const struct rt_trunk *t)
{
    struct rt_trunk_exec *x = *out = calloc(1, sizeof *x);
    if (!x)
        return RT_EMEM;
    x->t = t;
    x->input = malloc((size_t)t->rows * (size_t)t->columns * (size_t)t->channels * sizeof(float));
    int rc = x->input ? rt_frozen_exec_create(&x->exec, t->frozen) : RT_EMEM;
    if (rc < 0) {
        rt_trunk_exec_destroy(x);
        *out = NULL;
    }
    return rc;
}

void rt_trunk_exec_destroy(struct rt_trunk_exec *x)
{
    if (!x)
        return;
    rt_frozen_exec_destroy(x->exec);
    free(x->input);
    free(x);
}

int rt_trunk_run(struct rt_trunk_exec *x, const float *row, float *embedding, struct rt_error *e)
{
    const struct rt_trunk *t = x->t;
    int places = t->rows * t->columns;
    const void *input = x->input;
    for (int i = 0; i < places; i++)
        for (int c = 0; c < t->channels; c++) {
            float v = row[i * t->channels + c];
            if (!t->speech)
                v = v * 0.25f + 0.5f; /* present() gives (v - 0.5) / 0.25 */
            int colour = t->speech ? 0 : c;
            x->input[t->channels_first ? c * places + i : i * t->channels + c] =
                (v - t->mean[colour]) / t->std[colour];
        }
    int rc = rt_frozen_run(x->exec, &input, e);
    if (rc == 0)
        memcpy(embedding, rt_frozen_result(x->exec, 0)->data, (size_t)t->dim * sizeof *embedding);
    return rc;
}
