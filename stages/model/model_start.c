/* SPDX-License-Identifier: MIT
 * model_start: see model_start.h. The graph is frozen for one sample (onnx/frozen.h) in the shape that
 * the front end gives, and thawed (onnx/thaw.h) behind a network's input. */
#include "stages/model/model_start.h"

#include "stages/nn/functions.h"
#include "stages/nn/op.h"
#include "stages/onnx/classifier.h"
#include "stages/onnx/thaw/thaw.h"
#include "stages/modality/front.h"
#include "stages/model/onnx_input.h"

#include <stdio.h>
#include <string.h>

struct start {
    const struct rt_onnx *o;
    const struct rt_start_settings *r;
    const struct rt_shape *input;
    bool speech, first; /* channels (bands, colours) before places */
    struct rt_tensor shape; /* of the file's input, for one sample */
    struct rt_thaw_input lies;
    const char *embedding;
    struct rt_classifier head;
    bool kept; /* the file's classifier */
    struct rt_graph *g;
    struct rt_error *e;
};

static bool size_fits(int64_t file, int ours)
{
    return file < 0 || file == ours;
}

/* ---- input: [n, (1,) bands, frames], [n, (1,) frames, bands]; [n, 3, side, side], [n, side, side, 3] ----
 * Unlike a teacher's, a student's front end is the run's own, so the file must take what that gives; all that is
 * open is the order of its dimensions. The network learns with channels last, without copying its input. */

static int start_refuse_shape(struct start *s, const struct rt_onnx_value *in)
{
    const int *d = s->input->dim;
    char what[200];
    if (s->speech)
        snprintf(what, sizeof what, "the student's front end gives %d frames of %d bands: speech.frames, "
                 "speech.bands and student.front.layout must be as the file wants it", d[0], d[1]);
    else
        snprintf(what, sizeof what, "the student's front end gives %d x %d pixels of 3 colours: image.size "
                 "and student.front.layout must be as the file wants it", d[0], d[1]);
    return rt_onnx_input_refuse(s->r->file, in, what, s->e);
}

/* Which of the two layouts fits; where both do, channels first, as most files have it. */
static int start_choose_layout(struct start *s, const struct rt_onnx_value *in, int skip)
{
    int places = s->input->rank - 1, channels = s->input->dim[places];
    bool fit[2] = {true, true}; /* last, first */
    for (int i = 0; i < places; i++) {
        fit[0] = fit[0] && size_fits(in->dim[skip + i], s->input->dim[i]);
        fit[1] = fit[1] && size_fits(in->dim[skip + 1 + i], s->input->dim[i]);
    }
    fit[0] = fit[0] && size_fits(in->dim[skip + places], channels);
    fit[1] = fit[1] && size_fits(in->dim[skip], channels);
    s->first = s->r->layout == RT_LAYOUT_AUTO ? fit[1] : s->r->layout == RT_LAYOUT_NCHW;
    return fit[s->first] ? 0 : start_refuse_shape(s, in);
}

static int start_read_input(struct start *s)
{
    const struct rt_onnx_value *in = &s->o->input[0];
    const char *path = s->r->file;
    int rank = s->input->rank;
    s->speech = rank == 2;
    if (s->o->inputs != 1)
        return rt_error_set(s->e, RT_EMISMATCH, "%s: %d inputs; a student has one", path, s->o->inputs);
    if (in->dtype != RT_F32)
        return rt_onnx_input_refuse(path, in, "an input of type float is wanted", s->e);
    bool plane = s->speech && in->rank == 4 && size_fits(in->dim[1], 1);
    if (in->rank != rank + 1 + plane)
        return rt_onnx_input_refuse(path, in, s->speech ? "speech has 3 dimensions, or 4 of which one is 1"
                                                        : "a picture has 4 dimensions", s->e);
    if (!size_fits(in->dim[0], 1))
        return rt_onnx_input_refuse(path, in, "a batch of fixed size: export the network with a batch of "
                                    "1, or a dynamic one", s->e);
    int skip = 1 + plane, rc = start_choose_layout(s, in, skip);
    s->shape = (struct rt_tensor){.dtype = RT_F32, .rank = in->rank, .dim = {1, 1}};
    for (int i = 0; i < rank; i++) { /* the network's dimension i is the file's `at` */
        int at = i + 1 == rank ? (s->first ? skip : skip + rank - 1) : skip + i + s->first;
        s->lies.axis[i] = at;
        s->shape.dim[at] = s->input->dim[i];
    }
    return rc;
}

/* ---- output ----
 * The embedding is what distillation compares, and a new classifier goes on top of it. A classifier of the file's
 * own is kept when it has as many classes: it is likely one of them, trained further. Probabilities, behind a softmax,
 * are nobody's embedding; any other linear layer at the end may well be the embedding itself. */

static bool name_is_output(const struct rt_onnx *o, const char *name)
{
    for (int i = 0; i < o->outputs; i++)
        if (strcmp(o->output[i].name, name) == 0)
            return true;
    return false;
}

static bool start_read_classifier(struct start *s, const char *logits)
{
    return rt_classifier_read(&s->head, s->o, rt_classifier_logits(s->o, logits)) && s->head.weight->dtype == RT_F32 &&
           s->head.weight->rank == 2 && (!s->head.bias || s->head.bias->dtype == RT_F32);
}

static int start_choose_output(struct start *s, int classes, bool cosine)
{
    const struct rt_onnx *o = s->o;
    const char *wanted = s->r->output, *last = o->outputs ? o->output[o->outputs - 1].name : "";
    bool linear = start_read_classifier(s, last), softmax = strcmp(rt_classifier_logits(o, last), last) != 0;
    int64_t units = linear ? s->head.weight->dim[!s->head.rows_are_classes] : 0;
    if (linear && s->head.bias && rt_tensor_count(s->head.bias) != units)
        linear = false;
    if (wanted[0])
        s->embedding = wanted;
    else if (linear && (units == classes || softmax || name_is_output(o, s->head.embedding)))
        s->embedding = s->head.embedding;
    else if (name_is_output(o, "embedding"))
        s->embedding = "embedding";
    else if (o->outputs == 1)
        s->embedding = last;
    else
        return rt_error_set(s->e, RT_EMISSING, "%s: %d outputs; student.output says which is the "
                            "embedding", s->r->file, o->outputs);
    s->kept = linear && units == classes && !cosine && strcmp(s->embedding, s->head.embedding) == 0;
    return 0;
}

/* ---- the network ----
 * Frozen first, so that shapes are numbers and constants are folded, then thawed node by node: reading ONNX
 * straight into a training graph would be a second reader of every operator. */

/* What present() gives in the scale that the file's network was trained with. */
static int start_scale_input(struct start *s)
{
    float mean[RT_COLOURS], std[RT_COLOURS], number[2][RT_COLOURS];
    static const int function[] = {RT_BINARY_mul, RT_BINARY_add};
    static const char *const name[][2] = {{"scale", "scaled"}, {"shift", "shifted"}};
    int rc = rt_front_scale("student", s->r->mean, s->r->std, mean, std, s->e);
    int x = 0, channels = s->speech ? 1 : RT_COLOURS;
    if (rc || (!s->r->mean[0] && !s->r->std[0]))
        return rc < 0 ? rc : x;
    for (int i = 0; i < channels; i++) { /* present() gives (v - 0.5) / 0.25 for pixels v */
        number[0][i] = (s->speech ? 1 : 0.25f) / std[i];
        number[1][i] = ((s->speech ? 0 : 0.5f) - mean[i]) / std[i];
    }
    for (int i = 0; i < 2; i++) {
        struct rt_attr attr = {.frozen = true, .shape = {.rank = s->input->rank, .dim = {1, 1, 1}}};
        attr.shape.dim[s->input->rank - 1] = channels;
        int p = rt_graph_node(s->g, RT_OP_parameter, name[i][0], (int[]){0}, 1, &attr, s->e);
        if (p < 0)
            return p;
        memcpy(rt_graph_param(s->g, rt_graph_at(s->g, p)->param[0])->value, number[i],
               (size_t)channels * sizeof(float));
        x = rt_graph_node(s->g, RT_OP_binary, name[i][1], (int[]){x, p}, 2,
                          &(struct rt_attr){.function = function[i]}, s->e);
        if (x < 0)
            return x;
    }
    return x;
}

static int start_thaw(struct start *s)
{
    struct rt_frozen *f;
    struct rt_frozen_options options = {.input = &s->shape, .output = &s->embedding, .outputs = 1, .plain = true};
    int node = start_scale_input(s);
    s->lies.node = node;
    int rc = node < 0 ? node : rt_frozen_create(&f, s->o, s->r->file, &options, s->e);
    if (rc < 0)
        return rc;
    rc = rt_thaw(s->g, f, &s->lies, &node, s->e);
    rt_frozen_destroy(f);
    return rc < 0 ? rc : rt_graph_node(s->g, RT_OP_reshape, "embedding", &node, 1, NULL, s->e);
}

/* The file's classifier: [classes, dim] and biases. */
static int start_copy_classifier(struct start *s, int dim, int classes)
{
    const struct rt_tensor *w = s->head.weight;
    struct rt_param *p = rt_graph_param_named(s->g, "logits.weight");
    const float *from = w->data;
    if (w->dim[s->head.rows_are_classes] != dim)
        return rt_error_set(s->e, RT_EMISMATCH, "%s: the embedding '%.100s' has %d numbers, the classifier "
                            "takes %lld", s->r->file, s->embedding, dim,
                            (long long)w->dim[s->head.rows_are_classes]);
    for (int c = 0; c < classes; c++)
        for (int d = 0; d < dim; d++)
            p->value[c * dim + d] = s->head.rows_are_classes ? from[c * dim + d] : from[d * classes + c];
    p = rt_graph_param_named(s->g, "logits.bias");
    if (s->head.bias)
        memcpy(p->value, s->head.bias->data, (size_t)classes * sizeof(float));
    else
        memset(p->value, 0, (size_t)classes * sizeof(float));
    return 0;
}

static int start_build(struct start *s, int classes, bool cosine, char about[RT_START_ABOUT])
{
    int rc = rt_graph_input(s->g, "input", *s->input);
    if (rc < 0)
        return rt_error_set(s->e, rc, "%s: %s", s->r->file,
                            rc == RT_EMEM ? "out of memory" : "the student's input has an empty dimension");
    int embedding = start_thaw(s);
    if (embedding < 0)
        return embedding;
    int dim = rt_graph_at(s->g, embedding)->shape.dim[0];
    struct rt_attr attr = {.units = classes, .bias = !cosine};
    int logits = rt_graph_node(s->g, cosine ? RT_OP_cosine : RT_OP_linear, "logits", &embedding, 1, &attr,
                               s->e);
    if (logits < 0)
        return logits;
    rt_graph_init_node(s->g, logits, s->r->seed);
    snprintf(about, RT_START_ABOUT, "%s %s, embedding '%.100s' (%d), %s", s->first ? "nchw" : "nhwc",
             s->speech ? "speech" : "pictures", s->embedding, dim,
             s->kept ? "its classifier kept" : "a new classifier");
    return s->kept ? start_copy_classifier(s, dim, classes) : 0;
}

int rt_start_open(struct rt_graph **out, const struct rt_onnx *o, const struct rt_start_settings *r,
                  const struct rt_shape *input, int classes, bool cosine,
                  char about[RT_START_ABOUT], struct rt_error *e)
{
    struct start s = {.o = o, .r = r, .input = input, .e = e};
    *out = NULL;
    if (input->rank < 2)
        return rt_error_set(e, RT_EMISMATCH, "%s: a student that reads %s cannot start from a file of "
                            "another program", r->file, rt_modality_names[r->modality]);
    RT_TRY(start_read_input(&s));
    RT_TRY(start_choose_output(&s, classes, cosine));
    if (rt_graph_create(&s.g) < 0)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", r->file);
    int rc = start_build(&s, classes, cosine, about);
    if (rc < 0)
        rt_graph_destroy(s.g);
    else
        *out = s.g;
    return rc;
}
