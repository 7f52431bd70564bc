/* SPDX-License-Identifier: MIT
 * judged: see judged.h. */
#include "tui/cli/judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int choose_rows(struct rt_judged *j, const char *split, struct rt_error *e)
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

int rt_judged_open(struct rt_judged *j, const char *model, const char *manifest, const char *split,
                   const char *cache, bool feature, int other, struct rt_error *e)
{
    memset(j, 0, sizeof *j);
    int rc = rt_model_load(&j->model, model, e);
    if (rc < 0)
        return rc;
    if (feature && j->model.feature < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: shares no space with a teacher: it was trained without "
                            "teacher.model", model);
    struct rt_recipe *r = malloc(sizeof *r); /* this machine's limits and cache, not the run's */
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    rt_recipe_init(r);
    if (cache)
        snprintf(r->cache_dir, sizeof r->cache_dir, "%s", cache);
    rc = rt_session_open(&j->session, r, manifest, 1, (const char *const *)j->model.class_name,
                         j->model.classes, e);
    free(r);
    int own = j->model.modality->id;
    if (rc == 0 && j->session.dataset.column[own] < 0)
        rc = rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s' for the model", manifest,
                          j->model.modality->name);
    bool modality[RT_MODALITIES] = {false};
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    modality[own] = true;
    front[own] = &j->model.front;
    if (other >= 0 && j->session.dataset.column[other] >= 0)
        modality[other] = true;
    if (rc == 0)
        rc = rt_session_score(&j->session, modality, front, e);
    if (rc == 0)
        rc = choose_rows(j, split, e);
    if (rc == 0)
        rc = rt_session_infer(&j->session, &j->model, j->rows, j->count, feature, &j->out, e);
    return rc;
}

void rt_judged_close(struct rt_judged *j)
{
    rt_outputs_fini(&j->out);
    rt_session_close(&j->session);
    rt_model_fini(&j->model);
    free(j->rows);
    memset(j, 0, sizeof *j);
}
