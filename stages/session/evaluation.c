/* SPDX-License-Identifier: MIT
 * evaluation: see evaluation.h. */
#include "stages/session/evaluation.h"

#include "formats/file.h"
#include "stages/model/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_BYTES (16 << 20) /* of a file of class names, at most */

static int evaluation_choose_rows(struct rt_evaluation *v, const char *split, bool all, struct rt_error *e)
{
    const struct rt_dataset *d = &v->session.dataset;
    int wanted = -1, of_split[RT_SPLITS] = {0};
    for (int i = 0; i < d->count; i++)
        of_split[d->split[i]]++;
    for (int s = 0; split && s < RT_SPLITS; s++)
        if (strcmp(split, rt_split_names[s]) == 0)
            wanted = s;
    if (!split && of_split[RT_TEST])
        wanted = RT_TEST;
    if (split && wanted < 0 && strcmp(split, "all") != 0)
        return rt_error_set(e, RT_EUSAGE, "--split %s: take train, valid, test or all", split);
    v->rows = malloc(sizeof *v->rows * ((size_t)d->count + 1));
    if (!v->rows)
        return rt_error_set(e, RT_EMEM, "no memory for the list of samples");
    for (int i = 0; i < d->count; i++)
        if (wanted < 0 || d->split[i] == wanted)
            v->rows[v->count++] = i;
    v->judged = v->count;
    for (int i = 0; all && i < d->count; i++)
        if (wanted >= 0 && d->split[i] != wanted)
            v->rows[v->count++] = i;
    if (v->count)
        return 0;
    return rt_error_set(e, RT_ENODATA, "%s: no sample in split %s",
                        rt_manifest_path(d->manifest), split ? split : "test");
}

int rt_evaluation_setting(struct rt_evaluation_request *q, const char *setting, struct rt_error *e)
{
    if (strncmp(setting, "teacher.", 8) != 0 || strncmp(setting, "teacher.model=", 14) == 0)
        return rt_error_set(e, RT_EUSAGE, "a setting of how another program's ONNX file is read: teacher.input, "
                            "teacher.front.preset, teacher.embedding, ...");
    if (q->settings == RT_EVALUATION_SETTINGS)
        return rt_error_set(e, RT_EUSAGE, "no more than %d settings", RT_EVALUATION_SETTINGS);
    q->setting[q->settings++] = setting;
    return 0;
}

/* One name a line, as many as the model has outputs, in their order. */
static int classes_read(struct rt_model *m, const char *path, struct rt_error *e)
{
    uint8_t *text = NULL;
    size_t size = 0;
    int lines = 0;
    RT_TRY(rt_file_read(path, CLASSES_BYTES, &text, &size, e));
    for (size_t at = 0; at < size; lines++) {
        size_t n = 0;
        while (at + n < size && text[at + n] != '\n')
            n++;
        if (lines < m->classes) {
            char *name = strndup((char *)text + at, n && text[at + n - 1] == '\r' ? n - 1 : n);
            if (!name) {
                free(text);
                return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
            }
            free(m->class_name[lines]);
            m->class_name[lines] = name;
        }
        at += n + 1;
    }
    free(text);
    return lines == m->classes ? 0
                               : rt_error_set(e, RT_EMISMATCH, "%s: %d lines, the model has %d classes", path,
                                              lines, m->classes);
}

/* ---- views ----
 * Nothing asked for: as the model's own run evaluated, so that a model of before gives what it gave. What does not fit
 * the model is refused, where it was asked for, and said, where it would have been the default. */

static int views_refuse(const struct rt_model *m, const struct rt_views *asked, const char *name, struct rt_error *e)
{
    int id = m->modality->id;
    if (asked->whole && asked->crops)
        return rt_error_set(e, RT_EUSAGE, "--whole and --crops: take one of them");
    if (asked->crops && id != RT_SPEECH)
        return rt_error_set(e, RT_EUSAGE, "--crops: %s reads %s, not recordings", name, m->modality->name);
    if (asked->crops && m->whole)
        return rt_error_set(e, RT_EUSAGE, "--crops: %s hears recordings in full; -s teacher.front.size=FRAMES gives it "
                            "crops", name);
    if (asked->flips && id != RT_IMAGE)
        return rt_error_set(e, RT_EUSAGE, "--flips: %s reads %s, not pictures", name, m->modality->name);
    return 0;
}

static void views_say(const struct rt_views *v, const struct rt_model *m, const char *why, char words[RT_VIEWS_WORDS])
{
    double seconds = rt_front_seconds(&m->front, m->front.speech.frames);
    words[0] = '\0';
    if (v->flips)
        snprintf(words, RT_VIEWS_WORDS, "pictures and their mirror images");
    else if (m->modality->id != RT_SPEECH)
        return;
    else if (v->whole)
        snprintf(words, RT_VIEWS_WORDS, "whole recordings");
    else if (v->crops > 1)
        snprintf(words, RT_VIEWS_WORDS, "%d crops of %.2f s of each recording", v->crops, seconds);
    else
        snprintf(words, RT_VIEWS_WORDS, "a crop of %.2f s from the middle of each recording%s%.280s", seconds,
                 *why ? ": " : "", why);
}

int rt_views_choose(struct rt_views *v, char words[RT_VIEWS_WORDS], const struct rt_model *m,
                    const struct rt_views *asked, const char *name, struct rt_error *e)
{
    struct rt_error fixed = {0};
    RT_TRY(views_refuse(m, asked, name, e));
    *v = *asked;
    int rc = m->modality->id == RT_SPEECH || asked->whole ? rt_net_lengths(m, NULL, &fixed) : 0;
    if (asked->whole && rc < 0)
        return rt_error_set(e, RT_EUSAGE, "--whole: %s: %s: take --crops N", name, fixed.text);
    if (!asked->crops && rc == 0 && m->modality->id == RT_SPEECH && m->recipe.eval_whole)
        v->whole = true;
    views_say(v, m, rc < 0 ? fixed.text : "", words);
    return 0;
}

/* ---- opening ----
 * What is asked for is checked against the model first, since scoring may take minutes. All samples are scored and
 * not only those asked for: a percentile is of the whole manifest. */

/* The model, and what of a recipe counts here: this machine's limits and cache, not the run's. */
int rt_evaluation_load_model(struct rt_model *m, const struct rt_evaluation_request *q, struct rt_recipe *r,
                             struct rt_error *e)
{
    rt_recipe_init(r);
    for (int i = 0; i < q->settings; i++)
        RT_TRY(rt_recipe_set(r, q->setting[i], e));
    if (q->cache)
        snprintf(r->cache_dir, sizeof r->cache_dir, "%s", q->cache);
    RT_TRY(rt_model_load_any(m, q->model, r, e));
    bool ours = !rt_model_about(m);
    if (q->settings && ours)
        return rt_error_set(e, RT_EUSAGE, "-s %s: %s is a model of retort, which knows how it is read",
                            q->setting[0], q->model);
    if (q->classes && ours)
        return rt_error_set(e, RT_EUSAGE, "--classes %s: %s is a model of retort, which knows its classes", q->classes,
                            q->model);
    if (q->classes)
        RT_TRY(classes_read(m, q->classes, e));
    if (q->feature && m->teacher[0].feature < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: shares no space with a teacher: it was trained without "
                            "teacher.model", q->model);
    return 0;
}

static int evaluation_open_session(struct rt_evaluation *v, const struct rt_evaluation_request *q,
                                   struct rt_error *e)
{
    struct rt_recipe *r = malloc(sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = rt_evaluation_load_model(&v->model, q, r, e);
    if (rc == 0)
        rc = rt_session_open(&v->session, r, q->manifest, 1,
                             v->model.classes ? (const char *const *)v->model.class_name : NULL,
                             v->model.classes, q->watch, e);
    free(r);
    return rc;
}

static int evaluation_score(struct rt_evaluation *v, const struct rt_evaluation_request *q, struct rt_error *e)
{
    const struct rt_dataset *d = &v->session.dataset;
    bool modality[RT_MODALITIES] = {false};
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    int own = v->model.modality->id;
    if (d->column[own] < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s' for the model", q->manifest,
                            v->model.modality->name);
    modality[own] = true;
    front[own] = &v->model.front;
    if (v->model.front.text.tokenizer)
        v->session.tokens = &v->model.front;
    if (q->other >= 0 && d->column[q->other] >= 0)
        modality[q->other] = true;
    return rt_session_score(&v->session, modality, front, e);
}

int rt_evaluation_open(struct rt_evaluation *v, const struct rt_evaluation_request *q, struct rt_error *e)
{
    memset(v, 0, sizeof *v);
    RT_TRY(evaluation_open_session(v, q, e));
    RT_TRY(rt_views_choose(&v->views, v->views_words, &v->model, &q->views, q->model, e));
    if (q->opened)
        RT_TRY(q->opened(q->opened_self, v, e));
    if (rt_model_front_words(&v->model))
        rt_watch_tell(&v->session.watch, "front end: %s", rt_model_front_words(&v->model));
    if (v->views_words[0])
        rt_watch_tell(&v->session.watch, "%s", v->views_words);
    RT_TRY(evaluation_score(v, q, e));
    RT_TRY(evaluation_choose_rows(v, q->split, q->all, e));
    return rt_session_infer(&v->session, &v->model, v->rows, v->count, q->feature, &v->views, &v->out, e);
}

void rt_evaluation_close(struct rt_evaluation *v)
{
    rt_outputs_fini(&v->out);
    rt_session_close(&v->session);
    rt_model_fini(&v->model);
    free(v->rows);
    memset(v, 0, sizeof *v);
}
