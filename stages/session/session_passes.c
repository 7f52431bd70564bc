/* SPDX-License-Identifier: MIT
 * session_passes: scoring, and the outputs of a frozen model; see session.h.
 *
 * A pass is a pipeline of its own: a lister, decode, one more stage, and no student. Scoring is one because
 * training needs its result for every sample before the first update: percentiles rank a sample among all others,
 * and a sample that cannot be read must not be drawn. So it has run to its end before training begins; what it
 * found is in the caches by then, and training does not pay for it twice. */
#include "stages/session/session.h"

#include "formats/recipe_teacher.h"
#include "pipeline/data/sampler.h"
#include "stages/session/session_parts.h"
#include "stages/session/shared_scores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASS_BATCH 16 /* samples */

struct pass {
    const char *what; /* for people */
    enum rt_batch_kind kind;
    const int *rows;
    int count, done;
    struct rt_decode *decode;
    const struct rt_stage_ops *ops;
    void *stage;
    void (*batch)(void *self, const struct rt_batch *b); /* may be NULL */
    void *self;
    const struct rt_watch *watch;
};

static void pass_batch_done(void *self, const struct rt_batch *b)
{
    struct pass *p = self;
    if (p->batch)
        p->batch(p->self, b);
    p->done += b->count;
    rt_watch_progress(p->watch, p->what, p->done, p->count);
}

static int pass_run(struct pass *p, const struct rt_session *s, struct rt_error *e)
{
    struct rt_runner *runner = NULL;
    struct rt_lister *lister = NULL;
    struct rt_sink sink = {.self = p, .done = pass_batch_done};
    int rc, workers = s->limits.decoders;
    p->watch = &s->watch;
    if ((rc = rt_lister_create(&lister, p->kind, p->rows, p->count, PASS_BATCH)) < 0 ||
        (rc = rt_runner_create(&runner, s->limits.batches, s->limits.memory, 1)) < 0 ||
        (rc = rt_runner_add(runner, &rt_stage_decode, p->decode, workers)) < 0 ||
        (rc = rt_runner_add(runner, p->ops, p->stage, workers)) < 0) {
        rt_error_set(e, rc, "%s: %s", p->what, rt_err_words(rc));
        goto out;
    }
    rt_watch_progress(p->watch, p->what, 0, p->count);
    rc = rt_runner_run(runner, rt_lister_source(lister), sink, e);
    rt_watch_progress(p->watch, NULL, 0, 0);
out:
    rt_runner_destroy(runner);
    rt_lister_destroy(lister);
    return rc;
}

/* Rows [first, behind). Texts go their own way (session_texts.c), and first: of those that end the run only rows before
 * it matter then. */
static int session_score_rows(struct rt_session *s, const int *rows, int first, int behind,
                              const bool modality[RT_MODALITIES],
                              const struct rt_front *const front[RT_MODALITIES], struct rt_error *e)
{
    struct rt_quality quality = {
        .dataset = &s->dataset, .content = &s->content, .scores = &s->scores, .store = s->quality,
        .level = s->limits.level, .strict = s->limits.strict, .left_out = rt_session_leave_out,
        .left_out_self = s, .measured = {[RT_TEXT] = true},
    };
    struct rt_decode decode = {
        .dataset = &s->dataset, .sources = s->sources, .content = &s->content, .quality = s->quality,
        .level = s->limits.level, .strict = s->limits.strict,
    };
    for (int m = 0; m < RT_MODALITIES; m++)
        if (m != RT_TEXT && modality[m] && s->dataset.column[m] >= 0)
            decode.input[decode.inputs++] = (struct rt_decode_input){
                .role = "score", .modality = rt_modalities[m], .front = front[m],
                .features = front[m] ? s->features[m] : NULL, .raw = m == RT_SPEECH ? s->sound : NULL,
            };
    struct rt_error why = {0};
    int last = behind - 1, rc = 0;
    if (modality[RT_TEXT] && s->dataset.column[RT_TEXT] >= 0)
        rc = rt_session_score_texts(s, front[RT_TEXT] && front[RT_TEXT] == s->tokens, first, behind,
                                    decode.inputs == 0, &last, &why);
    struct pass p = {.what = "scoring", .kind = RT_BATCH_SCORE, .rows = rows + first, .count = last + 1 - first,
                     .decode = &decode, .ops = &rt_stage_quality, .stage = &quality};
    if (decode.inputs > 0)
        RT_TRY(pass_run(&p, s, e));
    return rc < 0 ? rt_error_set(e, rc, "%s", why.text) : 0;
}

/* What reading did that nobody would look for: of samples that are used, so nothing else names them. */
static void session_tell_notes(const struct rt_session *s)
{
    const struct rt_scores *scores = &s->scores;
    for (int c = 0; c < scores->columns; c++) {
        int of = scores->column[c].modality, count = 0;
        const struct rt_modality *m = of < 0 ? NULL : rt_modalities[of];
        if (!m || !m->note.measure || strcmp(m->note.measure, scores->column[c].measure->name) != 0)
            continue;
        for (int row = 0; row < scores->rows; row++)
            count += scores->value[(size_t)row * (size_t)scores->columns + (size_t)c] < m->note.below;
        if (count)
            rt_watch_warn(&s->watch, "%d %s: %s (--where '%s < %g' of retort inspect names them)", count,
                          count == 1 ? "sample" : "samples", m->note.words, m->note.measure, m->note.below);
    }
}

/* A long text is no error, and its beginning mostly says what it is about; how many there are has to be known all the
 * same. */
static void session_tell_cut(const struct rt_session *s)
{
    int count = 0;
    for (int row = 0; s->tokens && row < s->dataset.count; row++)
        count += s->content.cut[row];
    if (count)
        rt_watch_warn(&s->watch, "%d %s%s longer than the %d tokens that the model reads, and cut there "
                      "(teacher.front.tokens)", count, s->ranks ? "of this rank's texts " : "",
                      s->ranks ? "are" : count == 1 ? "text is" : "texts are", s->tokens->text.tokens);
}

int rt_session_score(struct rt_session *s, const bool modality[RT_MODALITIES],
                     const struct rt_front *const front[RT_MODALITIES], struct rt_error *e)
{
    int count = s->dataset.count, first, behind;
    int *rows = malloc(sizeof *rows * ((size_t)count + 1));
    int rc = rows ? rt_scores_init(&s->scores, count, modality, s->columns.column, s->columns.count) : RT_EMEM;
    if (rc < 0) {
        rt_error_set(e, rc, "no memory for the quality of %d samples", count);
        goto out;
    }
    for (int i = 0; i < count; i++)
        rows[i] = i;
    rt_shared_scores_part(s->ranks, count, &first, &behind);
    if ((rc = rt_shared_scores_check(s, modality, e)) < 0 ||
        (rc = session_score_rows(s, rows, first, behind, modality, front, e)) < 0 ||
        (rc = rt_shared_scores_exchange(s, modality, e)) < 0)
        goto out;
    rt_column_measures_fill(&s->columns, s->dataset.manifest, &s->scores);
    if ((rc = rt_scores_rank(&s->scores)) < 0)
        rt_error_set(e, rc, "no memory to rank %d samples", count);
    else
        session_tell_notes(s);
    if (rc == 0)
        session_tell_cut(s);
out:
    free(rows);
    return rc;
}

/* ---- outputs of a frozen model ----
 * The model stage says batch by batch what came out; here it is put in the order that was asked for, on the loop's
 * thread, so without a lock. */

/* Collects a model's outputs from the passing batches. */
struct collect {
    const struct rt_model *model;
    struct rt_outputs *out;
    const int *rows;
    int *position; /* [dataset rows] place in rows, for these rows only */
    bool feature;
    struct rt_views views;
    int failed; /* the first RT_E... of a batch that could not be read */
};

static void collect_part(struct collect *c, const struct rt_batch *b, const char *name, int width,
                         float *to)
{
    struct rt_tensor t = {0};
    int rc = rt_batch_unpack(b, name, &t, NULL);
    if (rc < 0) {
        c->failed = c->failed ? c->failed : rc;
        return;
    }
    for (int i = 0; i < b->count; i++)
        memcpy(to + (size_t)c->position[b->sample[i]] * (size_t)width,
               (float *)t.data + (size_t)i * (size_t)width, (size_t)width * sizeof(float));
    rt_tensor_fini(&t);
}

static void collect_batch(void *self, const struct rt_batch *b)
{
    struct collect *c = self;
    struct rt_tensor have = {0};
    int rc = rt_batch_unpack(b, "model.have", &have, NULL);
    if (rc < 0) {
        c->failed = c->failed ? c->failed : rc;
        return;
    }
    for (int i = 0; i < b->count; i++)
        c->out->have[c->position[b->sample[i]]] = ((uint8_t *)have.data)[i];
    rt_tensor_fini(&have);
    collect_part(c, b, "model.embedding", c->model->dim, c->out->embedding);
    if (c->model->classes)
        collect_part(c, b, "model.logits", c->model->classes, c->out->logits);
    if (c->feature)
        collect_part(c, b, "model.feature", c->model->teacher[0].dim, c->out->feature);
}

static int outputs_init(struct rt_outputs *o, const struct rt_model *m, int count, bool feature)
{
    size_t n = (size_t)count + 1;
    o->have = calloc(n, 1);
    o->embedding = calloc(n, sizeof(float) * (size_t)m->dim);
    o->logits = calloc(n, sizeof(float) * (size_t)(m->classes ? m->classes : 1));
    o->feature = feature ? calloc(n, sizeof(float) * (size_t)m->teacher[0].dim) : NULL;
    return o->have && o->embedding && o->logits && (o->feature || !feature) ? 0 : RT_EMEM;
}

void rt_outputs_fini(struct rt_outputs *o)
{
    free(o->have);
    free(o->embedding);
    free(o->logits);
    free(o->feature);
    memset(o, 0, sizeof *o);
}

static int session_infer_rows(struct rt_session *s, struct rt_model *m, struct collect *c, int count,
                              struct rt_error *e)
{
    struct rt_teacher teacher = {
        .role = "model", .model = m, .dataset = &s->dataset, .content = &s->content,
        .feature = c->feature, .views = c->views, .workers = s->limits.decoders, .level = s->limits.level,
    };
    struct rt_decode decode = {
        .dataset = &s->dataset, .sources = s->sources, .content = &s->content, .inputs = 1,
        .level = s->limits.level, .strict = s->limits.strict, .shared = s->ranks != NULL,
    };
    decode.input[0] = (struct rt_decode_input){
        .role = "model", .modality = m->modality, .front = &m->front,
        .features = s->features[m->modality->id], .required = true, .views = c->views,
    };
    struct pass p = {.what = "computing outputs", .kind = RT_BATCH_EVAL, .rows = c->rows, .count = count,
                     .decode = &decode, .ops = &rt_stage_model, .stage = &teacher,
                     .batch = collect_batch, .self = c};
    RT_TRY(pass_run(&p, s, e));
    return c->failed ? rt_error_set(e, c->failed, "outputs: %s", rt_err_words(c->failed)) : 0;
}

int rt_session_infer(struct rt_session *s, struct rt_model *m, const int *rows, int count,
                     bool feature, const struct rt_views *views, struct rt_outputs *out, struct rt_error *e)
{
    memset(out, 0, sizeof *out);
    struct collect c = {.model = m, .out = out, .rows = rows, .feature = feature,
                        .views = views ? *views : (struct rt_views){.whole = false},
                        .position = malloc(sizeof(int) * ((size_t)s->dataset.count + 1))};
    int rc = c.position ? outputs_init(out, m, count, feature) : RT_EMEM;
    if (rc < 0) {
        rt_error_set(e, rc, "no memory for the outputs of %d samples", count);
        goto out;
    }
    for (int i = 0; i < count; i++)
        c.position[rows[i]] = i;
    rc = session_infer_rows(s, m, &c, count, e);
out:
    free(c.position);
    if (rc < 0)
        rt_outputs_fini(out);
    return rc;
}
