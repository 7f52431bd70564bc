/* SPDX-License-Identifier: MIT
 * student_state: what a checkpoint holds besides the model: optimiser, running margins, counters and
 * the state of every sample. A run resumed from it continues bit for bit. */
#include "stages/student.h"

#include "stages/nn/optim/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int rt_sample_states_init(struct rt_sample_states *s, int rows)
{
    size_t n = (size_t)rows + 1;
    *s = (struct rt_sample_states){
        .rows = rows,
        .seen = calloc(n, sizeof *s->seen),
        .quality = malloc(n * sizeof *s->quality),
        .weight = malloc(n * sizeof *s->weight),
        .distance = malloc(n * sizeof *s->distance * RT_TERMS),
        .inside = calloc(n, RT_TERMS),
        .history = malloc(n * sizeof *s->history * RT_LOSS_HISTORY),
    };
    if (!s->seen || !s->quality || !s->weight || !s->distance || !s->inside || !s->history)
        return RT_EMEM; /* rt_student_fini frees the rest */
    for (size_t i = 0; i < n; i++)
        s->quality[i] = s->weight[i] = NAN;
    for (size_t i = 0; i < n * RT_TERMS; i++)
        s->distance[i] = NAN;
    for (size_t i = 0; i < n * RT_LOSS_HISTORY; i++)
        s->history[i] = NAN;
    return 0;
}

void rt_sample_states_fini(struct rt_sample_states *s)
{
    free(s->seen);
    free(s->quality);
    free(s->weight);
    free(s->distance);
    free(s->inside);
    free(s->history);
    memset(s, 0, sizeof *s);
}

/* The arrays of the sample states as named tensors: one list for saving and loading. */
#define SAMPLE_ARRAYS 6
struct sample_array {
    const char *name;
    enum rt_dtype dtype;
    int columns;
    void *data;
};

static void sample_arrays(const struct rt_sample_states *s, struct sample_array a[SAMPLE_ARRAYS])
{
    a[0] = (struct sample_array){"samples.seen", RT_I32, 1, s->seen};
    a[1] = (struct sample_array){"samples.quality", RT_F32, 1, s->quality};
    a[2] = (struct sample_array){"samples.weight", RT_F32, 1, s->weight};
    a[3] = (struct sample_array){"samples.distance", RT_F32, RT_TERMS, s->distance};
    a[4] = (struct sample_array){"samples.inside", RT_U8, RT_TERMS, s->inside};
    a[5] = (struct sample_array){"samples.history", RT_F32, RT_LOSS_HISTORY, s->history};
}

/* Only what is there to tell: a run never touched has the bytes of one that cannot be. */
static int save_control(struct rt_control *c, struct rt_safetensors *out)
{
    struct rt_control_text t;
    int rc = rt_control_save(c, &t);
    if (rc == 0 && t.settings[0])
        rc = rt_safetensors_set_text(out, "retort.settings", t.settings);
    if (rc == 0 && t.samples[0])
        rc = rt_safetensors_set_text(out, "retort.samples", t.samples);
    if (rc == 0 && t.pending[0])
        rc = rt_safetensors_set_text(out, "retort.pending", t.pending);
    rt_control_text_fini(&t);
    return rc;
}

int rt_student_save(const struct rt_student *s, struct rt_safetensors *out)
{
    int rc = rt_model_save(s->model, out);
    if (rc == 0)
        rc = rt_optim_save(s->optim, out);
    if (rc == 0)
        rc = rt_objective_save(&s->objective, out);
    struct sample_array a[SAMPLE_ARRAYS];
    sample_arrays(&s->samples, a);
    for (int i = 0; rc == 0 && i < SAMPLE_ARRAYS; i++) {
        int64_t dim[2] = {s->samples.rows, a[i].columns};
        struct rt_tensor t = rt_tensor_view(a[i].dtype, 2, dim, a[i].data);
        rc = rt_safetensors_add(out, a[i].name, &t);
    }
    char text[160];
    snprintf(text, sizeof text, "%lld %a %a %a", (long long)s->step, s->best, s->norm_mean,
             s->norm_var);
    if (rc == 0)
        rc = rt_safetensors_set_text(out, "retort.progress", text);
    if (rc == 0 && s->control)
        rc = save_control(s->control, out);
    return rc;
}

static int load_samples(struct rt_student *s, const struct rt_safetensors *in, const char *name,
                        struct rt_error *e)
{
    struct sample_array a[SAMPLE_ARRAYS];
    sample_arrays(&s->samples, a);
    for (int i = 0; i < SAMPLE_ARRAYS; i++) {
        const struct rt_tensor *t = rt_safetensors_get(in, a[i].name);
        if (!t && a[i].data == s->samples.history)
            continue; /* a run that began before it was kept goes on without */
        if (!t || t->dtype != a[i].dtype || t->rank != 2 || t->dim[0] != s->samples.rows ||
            t->dim[1] != a[i].columns)
            return rt_error_set(e, RT_EMISMATCH, "%s: %s is missing or not [%d, %d]: the manifest "
                                "changed since; start a new run", name, a[i].name, s->samples.rows,
                                a[i].columns);
        memcpy(a[i].data, t->data, rt_tensor_bytes(t));
    }
    return 0;
}

int rt_student_load(struct rt_student *s, const struct rt_safetensors *in, const char *name,
                    struct rt_error *e)
{
    const char *progress = rt_safetensors_text(in, "retort.progress");
    long long step;
    double best, mean, var;
    if (!progress || sscanf(progress, "%lld %la %la %la", &step, &best, &mean, &var) != 4 || step < 0)
        return rt_error_set(e, RT_EFORMAT, "%s: not a checkpoint (retort.progress '%s')", name,
                            progress ? progress : "missing");
    int rc = rt_graph_load(s->model->graph, in, "model.", e);
    if (rc == 0)
        rc = rt_optim_load(s->optim, in, e);
    if (rc == 0)
        rc = rt_objective_load(&s->objective, in, e);
    struct rt_control_text t = {(char *)rt_safetensors_text(in, "retort.settings"),
                                (char *)rt_safetensors_text(in, "retort.samples"),
                                (char *)rt_safetensors_text(in, "retort.pending")};
    if (rc == 0 && s->control)
        rc = rt_control_load(s->control, &t, step, e);
    if (rc < 0) {
        rt_error_prefix(e, "%s", name);
        return rc;
    }
    rc = load_samples(s, in, name, e);
    const char *head = rt_safetensors_text(in, "retort.head");
    int answer = head ? rt_choice_find(rt_head_names, head) : -1;
    if (answer >= RT_HEAD_OWN)
        s->model->answer = (enum rt_head_id)answer;
    s->step = step;
    s->best = best;
    s->norm_mean = mean;
    s->norm_var = var;
    return rc;
}
