/* SPDX-License-Identifier: MIT
 * learner_state: what a checkpoint holds of a learner: model, optimiser, running margins, the state
 * of every sample, and counters. There is no random state in it: draws follow from seed and update.
 * See learner.h. */
#include "stages/distill/learner_parts.h"

#include <stdio.h>

/* The order is that of the file, which is compared byte for byte. */
int rt_learner_save(const struct rt_learner *l, struct rt_safetensors *out)
{
    char text[160];
    RT_TRY(rt_model_save(l->c.model, out));
    RT_TRY(rt_optim_save(l->optim, out));
    RT_TRY(rt_objective_save(&l->objective, out));
    RT_TRY(rt_sample_states_save(&l->samples, out));
    snprintf(text, sizeof text, "%lld %a %a %a", (long long)l->step, l->best, l->norm_mean, l->norm_var);
    return rt_safetensors_set_text(out, "retort.progress", text);
}

static int load_networks(struct rt_learner *l, const struct rt_safetensors *in, struct rt_error *e)
{
    RT_TRY(rt_graph_load(l->c.model->graph, in, "model.", e));
    RT_TRY(rt_optim_load(l->optim, in, e));
    return rt_objective_load(&l->objective, in, e);
}

int rt_learner_load(struct rt_learner *l, const struct rt_safetensors *in, const char *name, struct rt_error *e)
{
    const char *progress = rt_safetensors_text(in, "retort.progress");
    long long step;
    double best, mean, var;
    if (!progress || sscanf(progress, "%lld %la %la %la", &step, &best, &mean, &var) != 4 || step < 0)
        return rt_error_set(e, RT_EFORMAT, "%s: not a checkpoint (retort.progress '%s')", name,
                            progress ? progress : "missing");
    int rc = load_networks(l, in, e);
    if (rc < 0) {
        rt_error_prefix(e, "%s", name);
        return rc;
    }
    RT_TRY(rt_sample_states_load(&l->samples, in, name, e));
    const char *head = rt_safetensors_text(in, "retort.head");
    int answer = head ? rt_choice_find(rt_head_names, head) : -1;
    if (answer >= RT_HEAD_OWN)
        l->c.model->answer = (enum rt_head_id)answer;
    l->step = step;
    l->best = best;
    l->norm_mean = mean;
    l->norm_var = var;
    return 0;
}
