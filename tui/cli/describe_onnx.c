/* SPDX-License-Identifier: MIT
 * describe_onnx: see describe.h; an ONNX file, whoever wrote it. What it says of itself comes first, then what retort
 * makes of it; so a file that cannot be run still tells all of the rest. */
#include "tui/cli/describe.h"

#include "formats/words.h"
#include "stages/onnx/census.h"
#include "stages/onnx/frozen/frozen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define TEXT_SAID 100 /* of a metadata text */
#define OPS_SAID 1000

/* The file under way. */
struct subject {
    const struct rt_describe *d;
    struct rt_card *card;
    const struct rt_onnx *o;
    struct rt_census census;
    struct rt_sample sample;
    struct rt_frozen *frozen;
    struct rt_frozen_exec *exec;
    double made, ran; /* ms */
};

/* ---- what it says of itself ---- */

static const char *type_name(enum rt_dtype t)
{
    static const char *const name[RT_DTYPES] = {[RT_F32] = "float32", [RT_F64] = "float64", [RT_I32] = "int32",
                                                [RT_I64] = "int64",   [RT_U8] = "uint8",    [RT_BOOL] = "bool"};
    return name[t];
}

/* "[batch, 3, ?, 224]"; "" when the file does not say. */
static void shape_words(char *text, size_t size, int rank, const int64_t *dim, char *const *symbol)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && used < size; i++) {
        const char *between = i ? ", " : "[";
        if (dim[i] >= 0)
            used += (size_t)snprintf(text + used, size - used, "%s%lld", between, (long long)dim[i]);
        else
            used += (size_t)snprintf(text + used, size - used, "%s%.40s", between,
                                     symbol && symbol[i] ? symbol[i] : "?");
    }
    if (rank >= 0 && used < size)
        snprintf(text + used, size - used, rank ? "]" : "[]");
}

static void say_value(struct rt_card *c, const char *what, const struct rt_onnx_value *v)
{
    char shape[320], words[480];
    shape_words(shape, sizeof shape, v->rank, v->dim, v->symbol);
    rt_card_open(c, NULL, '{');
    rt_card_text(c, "name", v->name, NULL);
    rt_card_text(c, "type", type_name(v->dtype), NULL);
    rt_card_open(c, "shape", '[');
    for (int i = 0; i < v->rank; i++)
        if (v->dim[i] >= 0)
            rt_card_number(c, NULL, (double)v->dim[i], NULL);
        else
            rt_card_text(c, NULL, v->symbol[i] ? v->symbol[i] : "?", NULL);
    rt_card_close(c, ']');
    rt_card_close(c, '}');
    snprintf(words, sizeof words, "%.100s  %s %s", v->name, type_name(v->dtype), v->rank < 0 ? "of any shape" : shape);
    if (!c->json)
        rt_card_text(c, what, words, words);
}

static void say_values(struct rt_card *c, const char *one, const char *all, const struct rt_onnx_value *v, int n)
{
    rt_card_open(c, all, '[');
    for (int i = 0; i < n; i++)
        say_value(c, one, &v[i]);
    rt_card_close(c, ']');
}

/* Recipes and class lists of files of ours are told by describe_model. */
static void say_metadata(struct rt_card *c, const struct rt_onnx *o, bool ours)
{
    char words[TEXT_SAID + 200];
    rt_card_open(c, "metadata", '{');
    for (int i = 0; i < o->texts; i++) {
        const struct rt_onnx_text *t = &o->text[i];
        if (ours && strncmp(t->key, "retort.", 7) == 0)
            continue;
        rt_card_text(c, t->key, t->value, NULL);
        int line = (int)strcspn(t->value, "\n");
        bool cut = line > TEXT_SAID || t->value[line];
        snprintf(words, sizeof words, "%.60s: %.*s%s", t->key, line > TEXT_SAID ? TEXT_SAID : line, t->value,
                 cut ? " ..." : "");
        if (!c->json)
            rt_card_text(c, "metadata", words, words);
    }
    rt_card_close(c, '}');
}

static void say_operators(struct rt_card *c, const struct rt_census *census)
{
    char words[OPS_SAID], text[32];
    size_t used = 0;
    rt_card_open(c, "operators", '{');
    for (int i = 0; i < census->ops; i++) {
        rt_card_number(c, census->op[i].type, census->op[i].count, NULL);
        if (used < sizeof words - 100)
            used += (size_t)snprintf(words + used, sizeof words - used, "%s%.60s %d", i ? ", " : "",
                                     census->op[i].type, census->op[i].count);
        else if (used < sizeof words - 10)
            used += (size_t)snprintf(words + used, sizeof words - used, ", ...");
    }
    rt_card_close(c, '}');
    if (!c->json && census->ops)
        rt_card_text(c, "operators", words, words);
    rt_card_open(c, "missing", '[');
    for (int i = 0; i < census->ops; i++) {
        const struct rt_census_op *op = &census->op[i];
        if (!op->node)
            continue;
        rt_card_open(c, NULL, '{');
        rt_card_text(c, "operator", op->type, NULL);
        rt_card_text(c, "node", op->node, NULL);
        rt_card_text(c, "why", op->missing, NULL);
        rt_card_close(c, '}');
        snprintf(words, sizeof words, "%.60s, %d node%s, the first \"%.100s\": %s", op->type, op->count,
                 op->count == 1 ? "" : "s", op->node, op->missing);
        if (!c->json)
            rt_card_text(c, "missing", words, words);
    }
    rt_card_close(c, ']');
    snprintf(words, sizeof words, "%s", rt_count_text(census->weights, text));
    rt_card_number(c, "weights", (double)census->weights, words);
}

static void subject_say(struct subject *s, bool ours)
{
    const struct rt_onnx *o = s->o;
    struct rt_card *c = s->card;
    char words[300];
    snprintf(words, sizeof words, "%.100s%s%.60s", o->producer[0] ? o->producer : "unknown",
             o->producer_version[0] ? " " : "", o->producer_version);
    if (!ours)
        rt_card_text(c, "kind", "onnx", "ONNX file of another program");
    rt_card_text(c, "producer", words, words);
    snprintf(words, sizeof words, "%d, IR version %d", o->opset, o->ir);
    rt_card_number(c, "opset", o->opset, words);
    rt_card_number(c, "ir", o->ir, NULL);
    say_values(c, "input", "inputs", o->input, o->inputs);
    say_values(c, "output", "outputs", o->output, o->outputs);
    say_metadata(c, o, ours);
    say_operators(c, &s->census);
}

/* ---- as a teacher ---- */

/* What would be taken of it as teacher.model, by the settings given; of a file without a linear classifier the features
 * alone. */
static int teacher_load(const struct subject *s, struct rt_model *m, struct rt_recipe *r, bool *headless,
                        struct rt_error *e)
{
    struct rt_evaluation_request q = s->d->of;
    struct rt_error without = {0};
    q.model = s->d->path;
    int rc = rt_evaluation_load_model(m, &q, r, e);
    *headless = rc < 0 && q.settings < RT_EVALUATION_SETTINGS;
    if (!*headless)
        return rc;
    rt_model_fini(m);
    q.setting[q.settings++] = "teacher.logits=none";
    return rt_evaluation_load_model(m, &q, r, &without);
}

static void say_teacher(struct subject *s)
{
    struct rt_model *m = calloc(1, sizeof *m);
    struct rt_recipe *r = malloc(sizeof *r);
    struct rt_error e = {0};
    bool headless;
    char words[700];
    if (!m || !r)
        goto out;
    if (teacher_load(s, m, r, &headless, &e) < 0) {
        snprintf(words, sizeof words, "not as it is: %.600s", rt_describe_why(s->d, &e));
        rt_card_text(s->card, "no teacher", rt_describe_why(s->d, &e), words);
    } else {
        snprintf(words, sizeof words, "%.400s%s", rt_model_about(m), headless ? "; with teacher.logits=none" : "");
        rt_card_text(s->card, "teacher", words, words);
        if (headless)
            rt_card_text(s->card, "no logits", rt_describe_why(s->d, &e), rt_describe_why(s->d, &e));
        if (rt_model_front_words(m))
            rt_card_text(s->card, "front end", rt_model_front_words(m), rt_model_front_words(m));
    }
    rt_model_fini(m);
out:
    free(m);
    free(r);
}

/* ---- one sample ---- */

static int subject_run(struct subject *s, struct rt_error *e)
{
    RT_TRY(rt_sample_make(&s->sample, s->o, s->d->path, &s->d->wish, 0, e));
    uint64_t before = uv_hrtime();
    RT_TRY(rt_frozen_create(&s->frozen, s->o, s->d->path, &(struct rt_frozen_options){.input = s->sample.shape}, e));
    if (rt_frozen_exec_create(&s->exec, s->frozen) < 0)
        return rt_error_set(e, RT_EMEM, "%s: no memory for its values", s->d->path);
    s->made = 1e-6 * (double)(uv_hrtime() - before);
    for (int turn = 0; turn < 2; turn++) { /* the first brings weights into the caches */
        before = uv_hrtime();
        RT_TRY(rt_frozen_run(s->exec, s->sample.data, e));
        s->ran = 1e-6 * (double)(uv_hrtime() - before);
    }
    return 0;
}

static void subject_say_inputs(const struct subject *s, const char *key, const char *row)
{
    struct rt_card *c = s->card;
    char words[400], shape[200];
    rt_card_open(c, key, '{');
    for (int i = 0; i < s->o->inputs; i++) {
        shape_words(shape, sizeof shape, s->sample.shape[i].rank, s->sample.shape[i].dim, NULL);
        rt_card_text(c, s->o->input[i].name, shape, NULL);
        snprintf(words, sizeof words, "%.100s %s", s->o->input[i].name, shape);
        if (!c->json)
            rt_card_text(c, row, words, words);
    }
    rt_card_close(c, '}');
}

/* Whoever wrote the file knows which sizes its open axes may have, and we do not: it may be nothing else. */
static void subject_say_tried(const struct subject *s)
{
    int inputs = s->sample.inputs;
    if (inputs == 0 || !s->sample.data[inputs - 1]) /* it was not even made */
        return;
    subject_say_inputs(s, "tried", "tried");
    rt_card_text(s->card, "hint", "if the file takes other sizes than these: --size NAME=N, --size INPUT=N,N,...",
                 "if the file takes other sizes than these: --size NAME=N, --size INPUT=N,N,...");
}

static void subject_say_run(struct subject *s)
{
    struct rt_card *c = s->card;
    char words[400], shape[200], text[32], more[32];
    double macs = rt_frozen_macs(s->frozen), bytes = (double)rt_frozen_bytes(s->frozen);
    snprintf(words, sizeof words, "%s multiply-adds for the sample below", rt_card_short(macs, text));
    rt_card_number(c, "macs", macs, words);
    rt_card_open(c, "sample", '{');
    subject_say_inputs(s, "inputs", "sample");
    rt_card_open(c, "outputs", '[');
    for (int i = 0; i < rt_frozen_outputs(s->frozen); i++) {
        const struct rt_tensor *t = rt_frozen_result(s->exec, i);
        shape_words(shape, sizeof shape, t->rank, t->dim, NULL);
        rt_describe_output(c, rt_frozen_output(s->frozen, i, NULL), shape, t);
    }
    rt_card_close(c, ']');
    snprintf(words, sizeof words, "%.3g ms, one thread; %.3g ms to make it ready, %d steps, %s%sB of values", s->ran,
             s->made, rt_frozen_steps(s->frozen), rt_card_short(bytes, more), bytes < 1000 ? " " : "");
    rt_card_number(c, "ms", s->ran, words);
    rt_card_number(c, "ready ms", s->made, NULL);
    rt_card_number(c, "bytes", bytes, NULL);
    rt_card_close(c, '}');
}

static void subject_fini(struct subject *s)
{
    rt_frozen_exec_destroy(s->exec);
    rt_frozen_destroy(s->frozen);
    rt_sample_fini(&s->sample);
    rt_census_fini(&s->census);
}

/* All rows; what could not be done is the last. */
static int describe_read(const struct rt_describe *d, const struct rt_onnx *o, int refused, struct rt_error *e)
{
    struct subject s = {.d = d, .card = d->card, .o = o};
    bool ours = rt_onnx_text(o, "retort.recipe") != NULL;
    int rc = refused;
    if (ours)
        RT_TRY(rt_describe_model(d, e));
    if (rt_census_take(&s.census, o) < 0) {
        rt_census_fini(&s.census);
        rt_error_set(e, RT_EMEM, "%s: out of memory", d->path);
        rt_describe_refused(d, e);
        return RT_EMEM;
    }
    if (ours)
        rt_card_open(d->card, "graph", '{');
    subject_say(&s, ours);
    if (rc == 0 && !ours)
        say_teacher(&s);
    if (rc == 0)
        rc = subject_run(&s, e);
    if (rc == 0)
        subject_say_run(&s);
    else
        rt_describe_refused(d, e);
    if (rc < 0 && !refused && s.census.missing == 0)
        subject_say_tried(&s);
    if (ours)
        rt_card_close(d->card, '}');
    subject_fini(&s);
    return rc;
}

int rt_describe_onnx(const struct rt_describe *d, struct rt_error *e)
{
    struct rt_onnx *o;
    struct rt_error look = {0};
    int rc = rt_onnx_read(&o, d->path, e);
    if (rc < 0 && rt_onnx_look(&o, d->path, &look) < 0) {
        rt_describe_refused(d, e);
        return rc;
    }
    rc = describe_read(d, o, rc, e);
    rt_onnx_destroy(o);
    return rc;
}
