/* SPDX-License-Identifier: MIT
 * evaluation: see evaluation.h. */
#include "stages/session/evaluation.h"

#include "formats/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_BYTES (16 << 20) /* of a file of class names, at most */

static int choose_rows(struct rt_evaluation *j, const char *split, struct rt_error *e)
{
    const struct rt_dataset *d = &j->session.dataset;
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
    j->rows = malloc(sizeof *j->rows * ((size_t)d->count + 1));
    if (!j->rows)
        return rt_error_set(e, RT_EMEM, "no memory for the list of samples");
    for (int i = 0; i < d->count; i++)
        if (wanted < 0 || d->split[i] == wanted)
            j->rows[j->count++] = i;
    if (j->count)
        return 0;
    return rt_error_set(e, RT_ENODATA, "%s: no sample in split %s",
                        rt_manifest_path(d->manifest), split ? split : "test");
}

int rt_evaluation_setting(struct rt_evaluation_request *q, const char *setting, struct rt_error *e)
{
    if (strncmp(setting, "teacher.", 8) != 0 || strncmp(setting, "teacher.model=", 14) == 0)
        return rt_error_set(e, RT_EUSAGE, "a setting of how another program's ONNX file is read: teacher.input, "
                            "teacher.layout, teacher.mean, ...");
    if (q->settings == RT_EVALUATION_SETTINGS)
        return rt_error_set(e, RT_EUSAGE, "no more than %d settings", RT_EVALUATION_SETTINGS);
    q->setting[q->settings++] = setting;
    return 0;
}

/* One name a line, as many as the model has outputs, in their order. */
static int name_classes(struct rt_model *m, const char *path, struct rt_error *e)
{
    uint8_t *text = NULL;
    size_t size = 0;
    int rc = rt_file_read(path, CLASSES_BYTES, &text, &size, e), lines = 0;
    if (rc < 0)
        return rc;
    for (size_t at = 0; at < size; lines++) {
        size_t n = 0;
        while (at + n < size && text[at + n] != '\n')
            n++;
        if (lines < m->classes) {
            char *name = strndup((char *)text + at, n && text[at + n - 1] == '\r' ? n - 1 : n);
            if (!name)
                break;
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

/* The model, and what of a recipe counts here: this machine's limits and cache, not the run's. */
static int load_model(struct rt_evaluation *j, const struct rt_evaluation_request *q, struct rt_recipe *r,
                      struct rt_error *e)
{
    int rc = 0;
    rt_recipe_init(r);
    for (int i = 0; rc == 0 && i < q->settings; i++)
        rc = rt_recipe_set(r, q->setting[i], e);
    if (q->cache)
        snprintf(r->cache_dir, sizeof r->cache_dir, "%s", q->cache);
    if (rc == 0)
        rc = rt_model_load_any(&j->model, q->model, r, e);
    if (rc == 0 && q->settings && !rt_model_about(&j->model))
        rc = rt_error_set(e, RT_EUSAGE, "-s %s: %s is a model of retort, which knows how it is read",
                          q->setting[0], q->model);
    if (rc == 0 && q->classes && !rt_model_about(&j->model))
        rc = rt_error_set(e, RT_EUSAGE, "--classes %s: %s is a model of retort, which knows its classes", q->classes,
                          q->model);
    else if (rc == 0 && q->classes)
        rc = name_classes(&j->model, q->classes, e);
    if (rc == 0 && q->feature && j->model.feature < 0)
        rc = rt_error_set(e, RT_EMISMATCH, "%s: shares no space with a teacher: it was trained without "
                          "teacher.model", q->model);
    return rc;
}

int rt_evaluation_open(struct rt_evaluation *j, const struct rt_evaluation_request *q, struct rt_error *e)
{
    memset(j, 0, sizeof *j);
    struct rt_recipe *r = malloc(sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = load_model(j, q, r, e);
    if (rc == 0)
        rc = rt_session_open(&j->session, r, q->manifest, 1,
                             j->model.classes ? (const char *const *)j->model.class_name : NULL,
                             j->model.classes, q->watch, e);
    free(r);
    if (rc < 0)
        return rc;
    int own = j->model.modality->id;
    if (rc == 0 && j->session.dataset.column[own] < 0)
        rc = rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s' for the model", q->manifest,
                          j->model.modality->name);
    bool modality[RT_MODALITIES] = {false};
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    modality[own] = true;
    front[own] = &j->model.front;
    if (q->other >= 0 && j->session.dataset.column[q->other] >= 0)
        modality[q->other] = true;
    if (rc == 0)
        rc = rt_session_score(&j->session, modality, front, e);
    if (rc == 0)
        rc = choose_rows(j, q->split, e);
    if (rc == 0)
        rc = rt_session_infer(&j->session, &j->model, j->rows, j->count, q->feature, &j->out, e);
    return rc;
}

void rt_evaluation_close(struct rt_evaluation *j)
{
    rt_outputs_fini(&j->out);
    rt_session_close(&j->session);
    rt_model_fini(&j->model);
    free(j->rows);
    memset(j, 0, sizeof *j);
}
