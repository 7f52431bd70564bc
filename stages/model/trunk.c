/* SPDX-License-Identifier: MIT
 * trunk: see trunk.h. What the classifier (onnx/classifier.h) reads is the embedding. Its key: trunk_key.c. */
#include "stages/model/trunk.h"

#include "stages/onnx/classifier.h"
#include "stages/onnx/frozen/frozen_shapes.h"
#include "stages/model/buckets.h"
#include "stages/model/onnx_input.h"
#include "stages/modality/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLOURS RT_COLOURS
#define SIDE_MAX 4096
#define WAVE_SHIFT 160  /* samples in a frame of teacher.front.size */
#define WAVE_MOMENT 320 /* samples of one place of an encoder of waves */
#define WAVE_LEAST 1600 /* samples of the shortest recording that is read */
#define OPEN_LEAST 8   /* frames of the shortest recording that is read */
#define OPEN_MOST 1024 /* the least that a network may want */

/* ---- the input: [1, 3, side, side], [1, side, side, 3]; [1, bands, frames], [1, frames, bands] ----
 * A file says the shape of its input, not what the numbers mean. What can be told from the shape is (4 dimensions
 * are a picture; the dimension of 3 is its colours), the rest is the front end's (onnx_front.h), and what was found is
 * shown to people (trunk_describe). */

static int trunk_read_picture(struct rt_trunk *t, const struct rt_teacher_settings *s, struct rt_front_settings *f,
                              const struct rt_onnx_value *in, struct rt_error *e)
{
    if (in->rank != 4)
        return rt_onnx_input_refuse(s->model, in, "a picture has 4 dimensions", e);
    bool last = in->dim[3] == COLOURS && in->dim[1] != COLOURS;
    t->channels_first = f->layout == RT_LAYOUT_AUTO ? !last : f->layout == RT_LAYOUT_NCHW;
    int64_t colours = in->dim[t->channels_first ? 1 : 3];
    int64_t height = in->dim[t->channels_first ? 2 : 1], width = in->dim[t->channels_first ? 3 : 2];
    height = height < 0 ? f->size : height;
    width = width < 0 ? f->size : width;
    if (colours >= 0 && colours != COLOURS)
        return rt_onnx_input_refuse(s->model, in, "3 colours are wanted; is teacher.front.layout right?", e);
    if (height == 0 || width == 0 || (!s->front.size && height < 1 && width < 1))
        return rt_onnx_input_refuse(s->model, in, "a square picture is wanted, and its side is open: give the one that "
                            "the network was trained with, teacher.front.size=N, or a preset that says it", e);
    if (height < 1 || width != height || height > SIDE_MAX || (s->front.size && height != s->front.size))
        return rt_onnx_input_refuse(s->model, in, "a square picture is wanted in this "
                            "teacher.front.layout; teacher.front.size gives its side where the file does not", e);
    struct rt_front_settings preset = rt_front_preset(f->preset);
    if (!s->front.resize && preset.size)
        f->resize = (int)((preset.resize * height + preset.size / 2) / preset.size);
    f->size = (int)height;
    t->rows = t->columns = f->size;
    t->channels = COLOURS;
    return 0;
}

/* ---- speech: which dimension holds the bands ----
 * The one that is as large as the front end says; else the one that the file fixes, as time is mostly open; else the
 * last, where most toolkits have them. */

static bool bands_come_first(const int64_t dim[2], int bands)
{
    if ((dim[0] == bands) != (dim[1] == bands))
        return dim[0] == bands;
    if ((dim[0] < 0) != (dim[1] < 0))
        return dim[1] < 0;
    return dim[0] >= 0 && dim[0] < dim[1] && dim[0] <= RT_FBANK_BANDS;
}

/* [n, samples], [n, 1, samples] or [n, samples, 1]. */
static int trunk_read_wave(struct rt_trunk *t, const struct rt_teacher_settings *s, struct rt_front_settings *f,
                           const struct rt_onnx_value *in, struct rt_error *e)
{
    if (in->rank != 2 && in->rank != 3)
        return rt_onnx_input_refuse(s->model, in, "a recording has 2 dimensions, or 3 of which one is 1", e);
    t->speech = true;
    t->channels_first = in->rank == 3 && in->dim[1] == 1;
    int64_t samples = in->dim[t->channels_first ? 2 : 1];
    int64_t channels = in->rank == 2 ? 1 : in->dim[t->channels_first ? 1 : 2];
    if (channels != 1)
        return rt_onnx_input_refuse(s->model, in, "a recording has 2 dimensions, or 3 of which one is 1", e);
    samples = samples >= 0 ? samples : (int64_t)f->size * WAVE_SHIFT;
    if (samples && (samples < WAVE_LEAST || samples > RT_WHOLE_SAMPLES))
        return rt_onnx_input_refuse(s->model, in, "0.1 to 60 seconds are heard", e);
    t->rows = (int)samples;
    t->columns = t->channels = f->bands = 1;
    t->open = samples == 0;
    return 0;
}

static int trunk_read_speech(struct rt_trunk *t, const struct rt_teacher_settings *s, struct rt_front_settings *f,
                             const struct rt_front *own, const struct rt_onnx_value *in, struct rt_error *e)
{
    int skip = in->rank - 2; /* [n, ...] or [n, 1, ...] */
    if (f->features == RT_FEATURES_WAVE)
        return trunk_read_wave(t, s, f, in, e);
    if (in->rank != 3 && !(in->rank == 4 && in->dim[1] == 1))
        return rt_onnx_input_refuse(s->model, in, "speech has 3 dimensions, or 4 of which one is 1", e);
    t->speech = true;
    t->channels_first = f->layout == RT_LAYOUT_AUTO ? bands_come_first(in->dim + skip, f->bands)
                                                    : f->layout == RT_LAYOUT_NCHW;
    int64_t bands = in->dim[skip + !t->channels_first], frames = in->dim[skip + t->channels_first];
    bands = bands < 0 ? f->bands : bands;
    if (bands < 1 || bands > RT_FBANK_BANDS || (s->front.bands && bands != s->front.bands))
        return rt_onnx_input_refuse(s->model, in, "1 to 256 mel bands are made, and as many as teacher.front.bands "
                            "says where it does; is teacher.front.layout right?", e);
    if (frames >= 0 && s->front.size && frames != s->front.size)
        return rt_onnx_input_refuse(s->model, in, "the file has another number of frames than teacher.front.size", e);
    bool crops = f->preset == RT_FRONT_RETORT || f->preset == RT_FRONT_BEFORE; /* as ours, all of one length */
    frames = frames >= 0 ? frames : f->size ? f->size : crops ? own->speech.frames : 0;
    if (frames && (frames < 16 || frames > 3000))
        return rt_onnx_input_refuse(s->model, in, "16 to 3000 frames are made (teacher.front.size)", e);
    f->size = t->rows = (int)frames;
    f->bands = t->channels = (int)bands;
    t->open = frames == 0;
    t->columns = 1;
    return 0;
}

static bool trunk_reads_speech(const struct rt_trunk *t, const struct rt_teacher_settings *s)
{
    int known = rt_onnx_front_modality(t->model, s->front.preset);
    if (s->modality != RT_FOREIGN_AUTO)
        return s->modality == RT_FOREIGN_SPEECH;
    return known >= 0 ? known == RT_SPEECH : t->model->input[0].rank <= 3;
}

/* The front end, out of recipe, metadata and shape. */
static int trunk_read_front(struct rt_trunk *t, const struct rt_teacher_settings *s, const struct rt_front *own,
                            const struct rt_onnx_value *in, struct rt_error *e)
{
    char words[RT_ONNX_FRONT_WORDS];
    struct rt_front_settings f = s->front;
    enum rt_modality_id modality = trunk_reads_speech(t, s) ? RT_SPEECH : RT_IMAGE;
    RT_TRY(rt_onnx_front(&f, t->model, s->model, "teacher", modality, words, e));
    RT_TRY(modality == RT_SPEECH ? trunk_read_speech(t, s, &f, own, in, e) : trunk_read_picture(t, s, &f, in, e));
    t->front = *own;
    RT_TRY(rt_front_set(&t->front, &f, modality, "teacher", e));
    t->front.speech.frames = t->rows;
    rt_front_text(&f, modality, t->front_text);
    snprintf(t->front_words, sizeof t->front_words, "%s: %s", words, t->front_text);
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
    return trunk_read_front(t, s, front, in, e);
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
    if (t->text) {
        rt_trunk_text_describe(t->text, t->about, sizeof t->about);
        size_t size = strlen(t->about);
        snprintf(t->about + size, sizeof t->about - size, t->classes ? ", logits '%.60s' (%d)" : ", no classifier",
                 logits, t->classes);
        return;
    }
    char length[24] = "any length";
    if (!t->open)
        snprintf(length, sizeof length, "%d", t->rows);
    int used = snprintf(t->about, sizeof t->about, "%s %s of %s x %d, embedding '%.60s' (%d%s), ",
                        t->channels_first ? "nchw" : "nhwc", t->speech ? "speech" : "pictures", length,
                        t->speech ? t->channels : t->columns, embedding, t->dim,
                        t->pool ? ", mean over time" : "");
    if (t->classes)
        snprintf(t->about + used, sizeof t->about - (size_t)used, "logits '%.60s' (%d)", logits, t->classes);
    else
        snprintf(t->about + used, sizeof t->about - (size_t)used, "no classifier");
}

/* A teacher of features alone: teacher.embedding, or the last output. */
static bool trunk_is_headless(const struct rt_trunk *t, const struct rt_teacher_settings *s)
{
    return strcmp(s->logits, "none") == 0 || (t->text && !s->logits[0] && !rt_trunk_text_has_logits(t->model));
}

static const char *trunk_embedding(const struct rt_trunk *t, const struct rt_teacher_settings *s)
{
    const struct rt_onnx *m = t->model;
    if (s->embedding[0])
        return s->embedding;
    return t->text ? rt_trunk_text_output(m) : m->output[m->outputs - 1].name;
}

static int trunk_read_head(struct rt_trunk *t, const struct rt_teacher_settings *s, struct rt_classifier *h,
                           struct rt_error *e)
{
    const struct rt_onnx *m = t->model;
    if (trunk_is_headless(t, s)) {
        *h = (struct rt_classifier){.embedding = trunk_embedding(t, s)};
        return 0;
    }
    const char *logits = s->logits[0] ? s->logits : t->text ? "logits" : m->output[m->outputs - 1].name;
    logits = rt_classifier_logits(m, logits);
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
                            "classifier with weights in the file; name its output in teacher.logits, or write "
                            "none: features alone", s->model, logits, n->op);
    if (s->embedding[0] && strcmp(s->embedding, h->embedding) != 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: teacher.embedding is '%s', but the classifier of "
                            "'%.100s' reads '%.100s'", s->model, s->embedding, logits,
                            h->embedding);
    RT_TRY(trunk_copy_head(t, h, s->model, e));
    if (!t->text)
        trunk_describe(t, h->embedding, logits);
    return 0;
}

/* ---- making ---- */

/* A text's vector goes into the classifier as it is: it lies behind the network's own pooling. */
static int trunk_freeze_text(struct rt_trunk *t, const struct rt_teacher_settings *s, const char *embedding,
                             struct rt_error *e)
{
    int dim;
    RT_TRY(rt_trunk_text_freeze(t->text, embedding, &t->front, &dim, e));
    if (t->classes && dim != t->dim)
        return rt_error_set(e, RT_EMISMATCH, "%s: the embedding '%.100s' has %d numbers, not %d floats", s->model,
                            embedding, dim, t->dim);
    t->dim = dim;
    trunk_describe(t, embedding, s->logits[0] ? s->logits : "logits");
    rt_trunk_text_words(t->text, t->front_words, sizeof t->front_words);
    return 0;
}

/* What is asked of the graph: count samples of `rows`, data in the file's own order, or NULL. */
static struct rt_frozen_given trunk_given(const struct rt_trunk *t, int count, int rows, float *data)
{
    const struct rt_onnx_value *in = &t->model->input[0];
    struct rt_tensor input = {.dtype = RT_F32, .rank = in->rank, .dim = {count}, .data = data};
    int at = 1;
    if (t->speech && in->rank == 4)
        input.dim[at++] = 1;
    if (t->channels_first)
        input.dim[at++] = t->channels;
    input.dim[at++] = rows;
    if (!t->speech)
        input.dim[at++] = t->columns;
    if (!t->channels_first && at < in->rank)
        input.dim[at++] = t->channels;
    return (struct rt_frozen_given){in->name, input};
}

/* The shape of the embedding for so many rows; valid until the next question. */
static int trunk_try(const struct rt_trunk *t, struct rt_frozen_asker *a, int rows, const struct rt_tensor **shape,
                     struct rt_error *e)
{
    struct rt_frozen_given given = trunk_given(t, 1, rows, NULL);
    RT_TRY(rt_frozen_asker_ready(a, &given, 1, e));
    *shape = rt_frozen_answer(a, 0);
    return 0;
}

/* ---- any length ----
 * Which lengths a network takes shows when it is tried: its windows may need more frames than a short recording has.
 * Those are padded up to the least that it takes. */

static int trunk_find_least(struct rt_trunk *t, struct rt_frozen_asker *a, struct rt_error *e)
{
    const struct rt_tensor *shape;
    int rc = 0, unit = t->front.speech.features == RT_FEATURES_WAVE ? WAVE_LEAST / OPEN_LEAST : 1;
    for (int rows = OPEN_LEAST * unit; rows <= OPEN_MOST * unit; rows *= 2) {
        rc = trunk_try(t, a, rows, &shape, e);
        t->rows = t->front.speech.frames = rows;
        if (rc == 0 || rc == RT_EMEM)
            return rc;
    }
    return rc;
}

/* ---- an embedding for each moment ----
 * Encoders (wav2vec 2.0, Whisper) give one, and the mean over time is taken of them. Which axis is time shows when
 * the recording is twice as long; where the length is fixed, it is the second of three. */

static int trunk_find_time(struct rt_trunk *t, struct rt_frozen_asker *a, struct rt_error *e)
{
    const struct rt_tensor *longer;
    struct rt_tensor shape = *rt_frozen_answer(a, 0);
    if (!t->speech || shape.rank != 3 || shape.dim[0] != 1)
        return 0;
    t->pool = t->open || t->front.speech.features == RT_FEATURES_FBANK ? 0 : 1;
    if (!t->open)
        return 0;
    RT_TRY(trunk_try(t, a, 2 * t->rows, &longer, e));
    for (int axis = 1; longer->rank == 3 && axis < 3; axis++)
        if (longer->dim[axis] != shape.dim[axis])
            t->pool = axis;
    return 0;
}

/* Numbers that are left of an output. */
static int64_t trunk_width(const struct rt_trunk *t, const struct rt_tensor *shape)
{
    int64_t moments = t->pool && shape->rank == 3 ? shape->dim[t->pool] : 1;
    return moments ? rt_tensor_count(shape) / moments : 0;
}

static int trunk_find_shape(struct rt_trunk *t, struct rt_frozen_asker *a, struct rt_tensor *shape, struct rt_error *e)
{
    const struct rt_tensor *found;
    RT_TRY(t->open ? trunk_find_least(t, a, e) : trunk_try(t, a, t->rows, &found, e));
    *shape = *rt_frozen_answer(a, 0);
    return trunk_find_time(t, a, e);
}

static int trunk_freeze(struct rt_trunk *t, const struct rt_teacher_settings *s, const char *embedding,
                        struct rt_error *e)
{
    struct rt_frozen_asker *a;
    struct rt_tensor shape;
    RT_TRY(rt_frozen_shapes_create(&t->shapes, t->model, t->file, &embedding, 1, e));
    if (rt_frozen_asker_create(&a, t->shapes) < 0)
        return rt_error_set(e, RT_EMEM, "%s: no memory for it", s->model);
    int rc = trunk_find_shape(t, a, &shape, e);
    rt_frozen_asker_destroy(a);
    RT_TRY(rc);
    int64_t width = trunk_width(t, &shape);
    if (trunk_is_headless(t, s) && width >= 1 && width < 1 << 20) {
        t->dim = (int)width;
        trunk_describe(t, embedding, "");
    }
    if (shape.dtype != RT_F32 || width != t->dim)
        return rt_error_set(e, RT_EMISMATCH, "%s: the embedding '%.100s' has %lld numbers, not %d "
                            "floats", s->model, embedding, (long long)width, t->dim);
    return 0;
}

static int trunk_make(struct rt_trunk *t, const struct rt_teacher_settings *s, const struct rt_front *front,
                      struct rt_error *e)
{
    struct rt_classifier head;
    RT_TRY(rt_onnx_read(&t->model, s->model, e));
    t->front = *front;
    bool text = s->modality == RT_FOREIGN_TEXT || (s->modality == RT_FOREIGN_AUTO && rt_trunk_text_reads(t->model));
    RT_TRY(text ? rt_trunk_text_open(&t->text, t->model, s, e) : trunk_read_input(t, s, front, e));
    RT_TRY(trunk_read_head(t, s, &head, e));
    t->file = strdup(s->model);
    t->embedding = strdup(head.embedding);
    if (!t->file || !t->embedding)
        return rt_error_set(e, RT_EMEM, "%s: no memory for its names", s->model);
    return text ? trunk_freeze_text(t, s, t->embedding, e) : trunk_freeze(t, s, t->embedding, e);
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
    rt_frozen_shapes_destroy(t->shapes);
    rt_trunk_text_close(t->text);
    rt_onnx_destroy(t->model);
    free(t->weight);
    free(t->bias);
    free(t->file);
    free(t->embedding);
    free(t);
}

/* ---- running ---- */

struct rt_trunk_exec {
    const struct rt_trunk *t;
    struct rt_frozen_asker *asker;
    float *input; /* [room] of a bucket, in the file's order */
    size_t room;
    struct rt_trunk_text_exec *text; /* alone, of a trunk of texts */
};

/* Room and graph for the trunk's own rows are made here: later it could fail in the middle of a run. */
static int exec_init(struct rt_trunk_exec *x, const struct rt_trunk *t)
{
    struct rt_frozen_given given = trunk_given(t, 1, t->rows, NULL);
    struct rt_error e;
    x->t = t;
    if (t->text)
        return rt_trunk_text_exec_create(&x->text, t->text);
    x->room = (size_t)rt_tensor_count(&given.tensor);
    x->input = malloc(x->room * sizeof *x->input);
    RT_TRY(x->input ? rt_frozen_asker_create(&x->asker, t->shapes) : RT_EMEM);
    return rt_frozen_asker_ready(x->asker, &given, 1, &e);
}

int rt_trunk_exec_create(struct rt_trunk_exec **out, const struct rt_trunk *t)
{
    struct rt_trunk_exec *x = *out = calloc(1, sizeof *x);
    int rc = x ? exec_init(x, t) : RT_EMEM;
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
    rt_frozen_asker_destroy(x->asker);
    rt_trunk_text_exec_destroy(x->text);
    free(x->input);
    free(x);
}

static void trunk_pool(const struct rt_trunk *t, const struct rt_tensor *out, float *embedding)
{
    const float *x = out->data;
    if (!t->pool) {
        memcpy(embedding, x, (size_t)t->dim * sizeof *embedding);
        return;
    }
    int64_t moments = out->dim[t->pool], dim = t->dim, step = t->pool == 1 ? dim : 1, row = t->pool == 1 ? 1 : moments;
    for (int64_t d = 0; d < dim; d++) {
        double sum = 0;
        for (int64_t m = 0; m < moments; m++)
            sum += x[m * step + d * row];
        embedding[d] = (float)(sum / (double)moments);
    }
}

/* A bucket on its way. */
struct trunk_bucket {
    struct rt_trunk_exec *x;
    const float **row; /* [samples] */
    float *embedding;
    int length;
    const int *sample;
};

static int bucket_take(void *self, int k, const struct rt_tensor *answer, struct rt_error *e)
{
    struct trunk_bucket *b = self;
    const struct rt_trunk *t = b->x->t;
    if (answer->dtype != RT_F32 || trunk_width(t, answer) != t->dim)
        return rt_error_set(e, RT_EMISMATCH, "%s: the embedding '%.100s' of %d frames has %lld numbers, not %d",
                            t->file, t->embedding, b->length, (long long)trunk_width(t, answer), t->dim);
    trunk_pool(t, answer, b->embedding + (size_t)t->dim * (size_t)b->sample[k]);
    return 0;
}

/* Into the file's order. */
static void exec_fill(struct rt_trunk_exec *x, int k, int length, const float *row)
{
    size_t places = (size_t)length * (size_t)x->t->columns, channels = (size_t)x->t->channels;
    float *to = x->input + places * channels * (size_t)k;
    for (size_t i = 0; x->t->channels_first && i < places; i++)
        for (size_t c = 0; c < channels; c++)
            to[c * places + i] = row[i * channels + c];
    if (!x->t->channels_first)
        memcpy(to, row, places * channels * sizeof *row);
}

static int bucket_run(void *self, int length, const int *sample, int count, struct rt_error *e)
{
    struct trunk_bucket *b = self;
    struct rt_trunk_exec *x = b->x;
    struct rt_frozen_given given = trunk_given(x->t, count, length, NULL);
    size_t room = (size_t)rt_tensor_count(&given.tensor);
    if (room > x->room) {
        float *more = realloc(x->input, room * sizeof *more);
        if (!more)
            return rt_error_set(e, RT_EMEM, "%s: no memory for %d frames", x->t->file, length);
        x->input = more;
        x->room = room;
    }
    b->length = length;
    b->sample = sample;
    for (int k = 0; k < count; k++)
        exec_fill(x, k, length, b->row[sample[k]]);
    given.tensor.data = x->input;
    return rt_frozen_ask_each(x->asker, &given, 1, count, bucket_take, b, e);
}

/* Pictures, and recordings of one length, have places enough in each sample: those go one by one. */
int rt_trunk_run(struct rt_trunk_exec *x, int count, const int *length, const float *row, float *embedding,
                 struct rt_error *e)
{
    const struct rt_trunk *t = x->t;
    int unit = t->front.speech.features == RT_FEATURES_WAVE ? WAVE_MOMENT : 1, rc = 0;
    struct trunk_bucket b = {.x = x, .embedding = embedding, .row = malloc(((size_t)count + 1) * sizeof *b.row)};
    if (!b.row)
        return rt_error_set(e, RT_EMEM, "%s: no memory for %d samples", t->file, count);
    for (int i = 0; i < count; i++) {
        b.row[i] = row;
        row += (size_t)(length ? length[i] : t->rows) * (size_t)t->columns * (size_t)t->channels;
    }
    for (int i = 0; !length && rc == 0 && i < count; i++)
        rc = bucket_run(&b, t->rows, &i, 1, e);
    if (length)
        rc = rt_buckets_walk(count, length, unit, bucket_run, &b, e);
    free(b.row);
    return rc;
}

int rt_trunk_run_texts(struct rt_trunk_exec *x, int count, const struct rt_bags *bags, float *embedding,
                       struct rt_error *e)
{
    return rt_trunk_text_run(x->text, count, bags, embedding, e);
}
