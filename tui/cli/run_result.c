/* SPDX-License-Identifier: MIT
 * run_result: see run_result.h. */
#include "tui/cli/run_result.h"

#include "formats/jsontext.h"
#include "formats/plain.h"
#include "formats/words.h"
#include "tui/cli/cmd.h"

#include <math.h>
#include <stdio.h>

/* ---- for people ---- */

/* Of five classes or fewer one of the first five is always right: nothing to print. */
static void result_print_fraction(const char *name, const struct rt_training_result *t, int classes)
{
    char five[40] = "";
    if (classes > 5)
        snprintf(five, sizeof five, "top-5 %.1f %%, ", 100 * t->top5);
    if (t->samples)
        rt_plain_print(stdout, "%-9s top-1 %.1f %%, %smacro-F1 %.1f %%, %d samples\n", name, 100 * t->top1, five,
                       100 * t->macro_f1, t->samples);
}

static void result_print_trials(const struct rt_training *t, enum rt_trial_list which)
{
    const struct rt_training_trials *r = &t->trials_result[which];
    char left[60] = "";
    if (!r->used)
        return;
    if (r->left_out)
        snprintf(left, sizeof left, ", %zu left out", r->left_out);
    rt_plain_print(stdout, "%-9s EER %.2f %%, minDCF %.3f, %zu trials%s\n", rt_trial_list_names[which], 100 * r->eer,
                   r->min_dcf, r->used, left);
}

/* All that could have answered; a higher one that does not is no evidence. */
static void result_print_heads(const struct rt_training *t)
{
    const double *top1 = t->heads;
    enum rt_head_id answer = t->result->answer;
    bool higher = false;
    if (isnan(top1[RT_HEAD_OWN]) || isnan(top1[RT_HEAD_TEACHER]))
        return;
    rt_plain_print(stdout, "%-9s on validation", "heads");
    for (int h = RT_HEAD_OWN; h < RT_HEADS; h++) {
        rt_plain_print(stdout, "%s %s %.1f %%", h > RT_HEAD_OWN ? "," : "", rt_head_names[h], 100 * top1[h]);
        higher |= top1[h] > top1[answer];
    }
    rt_plain_print(stdout, "%s\n", higher && t->recipe->eval_head == RT_HEAD_AUTO
                   ? "; the higher may be chance, or is not trained" : "");
}

void rt_run_result_print(const struct rt_training *t, const struct rt_session *s)
{
    char text[600], number[32], path[RT_RUN_PATH];
    const struct rt_model *m = t->result;
    rt_plain_print(stdout, "%-9s %s %s, embedding %d, %s weights, answer: %s head\n",
                   t->teachers ? "student" : "model", m->modality->name, rt_model_net_name(m),
                   m->dim, rt_count_text(rt_graph_weights(m->graph), number),
                   m->answer == RT_HEAD_SUM ? "sum of both" : rt_head_names[m->answer]);
    result_print_heads(t);
    result_print_fraction("valid", &t->valid, m->classes);
    result_print_fraction("test", &t->test, m->classes);
    for (int which = 0; which < RT_TRIAL_LISTS; which++)
        result_print_trials(t, (enum rt_trial_list)which);
    rt_session_summary(s, text, sizeof text);
    if (text[0]) {
        char hint[6000];
        snprintf(hint, sizeof hint, "%s; retort inspect %s --where 'reason != \"\"'", text,
                 t->dir.path);
        rt_cmd_say("left out", hint);
    }
    char limit[600];
    snprintf(limit, sizeof limit, "%s; queues held at most %.1f of %lld MiB", t->limit,
             (double)t->queue_peak / 1048576, (long long)t->recipe->pipeline_memory);
    rt_cmd_say("pipeline", limit);
    rt_plain_print(stdout, "%-9s %s\n", "model", rt_run_file_path(t->dir.path, RT_RUN_MODEL, path, sizeof path));
}

/* ---- for programs ----
 * The same figures under the names that `retort eval --json` has, fractions as fractions. Whoever reads them wants one
 * object whatever became of the run, and no text to take apart. */

static void json_text(const char *key, const char *text)
{
    rt_plain_print(stdout, ", \"%s\": ", key);
    rt_json_text(stdout, text);
}

static void json_number(const char *between, const char *key, double value)
{
    rt_plain_print(stdout, "%s\"%s\": ", between, key);
    rt_json_number(stdout, value);
}

static void json_split(const char *name, const struct rt_training_result *r)
{
    if (!r->samples)
        return;
    rt_plain_print(stdout, ", \"%s\": {\"samples\": %d", name, r->samples);
    json_number(", ", "top1", r->top1);
    json_number(", ", "top5", r->top5);
    json_number(", ", "macro_f1", r->macro_f1);
    putchar('}');
}

static void json_trials(const struct rt_training *t)
{
    const char *between = ", \"trials\": {";
    for (int i = 0; i < RT_TRIAL_LISTS; i++) {
        const struct rt_training_trials *r = &t->trials_result[i];
        if (!r->used)
            continue;
        rt_plain_print(stdout, "%s\"%s\": {\"trials\": %zu, \"trials.left_out\": %zu", between, rt_trial_list_names[i],
                       r->used, r->left_out);
        json_number(", ", "eer", r->eer);
        json_number(", ", "min_dcf", r->min_dcf);
        putchar('}');
        between = ", ";
    }
    if (between[2] != '"')
        putchar('}');
}

static void json_result(const struct rt_training *t, const struct rt_session *s)
{
    const struct rt_model *m = t->result;
    char path[RT_RUN_PATH];
    int left = 0;
    for (int i = 0; i < s->left_count; i++)
        left += i == 0 || s->left[i].sample != s->left[i - 1].sample;
    json_text("modality", m->modality->name);
    json_text("net", rt_model_net_name(m));
    rt_plain_print(stdout, ", \"embedding\": %d, \"classes\": %d, \"weights\": %lld", m->dim, m->classes,
                   (long long)rt_graph_weights(m->graph));
    json_text("head", rt_head_names[m->answer]);
    fputs(", \"heads\": {", stdout);
    for (int h = RT_HEAD_OWN; h < RT_HEADS; h++)
        json_number(h > RT_HEAD_OWN ? ", " : "", rt_head_names[h], t->heads[h]);
    putchar('}');
    json_split("valid", &t->valid);
    json_split("test", &t->test);
    json_trials(t);
    rt_plain_print(stdout, ", \"samples\": %d, \"left_out\": %d", s->dataset.count, left);
    json_text("limit", t->limit);
    json_text("model", rt_run_file_path(t->dir.path, RT_RUN_MODEL, path, sizeof path));
}

void rt_run_result_print_json(const struct rt_training *t, const struct rt_session *s, int rc, const struct rt_error *e)
{
    fputs("{\"run\": ", stdout);
    rt_json_text(stdout, t->dir.path);
    json_text("state", rc == 0 ? "done" : rc == RT_ESTOPPED ? "stopped" : "failed");
    if (t->student.learner)
        rt_plain_print(stdout, ", \"step\": %lld", (long long)rt_learner_progress(t->student.learner).step);
    if (rc == 0)
        json_result(t, s);
    else if (rc != RT_ESTOPPED)
        json_text("error", e->text);
    puts("}");
}
