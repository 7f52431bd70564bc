/* SPDX-License-Identifier: MIT
 * describe_model: see describe.h; a model of retort says itself what it is. */
#include "tui/cli/describe.h"

#include "formats/choice.h"
#include "formats/rng.h"
#include "formats/words.h"
#include "stages/model/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define CLASSES_SAID 8 /* of many; a program gets them all */

/* ---- what it is ---- */

static void model_say_classes(struct rt_card *c, const struct rt_model *m)
{
    char words[400], n[32];
    size_t used;
    rt_card_open(c, "classes", '[');
    for (int i = 0; i < m->classes; i++)
        rt_card_text(c, NULL, m->class_name[i], NULL);
    rt_card_close(c, ']');
    if (c->json || !m->classes)
        return;
    used = (size_t)snprintf(words, sizeof words, "%s: ", rt_count_text(m->classes, n));
    for (int i = 0; i < m->classes && i < CLASSES_SAID && used < sizeof words - 60; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%.40s", i ? ", " : "", m->class_name[i]);
    if (m->classes > CLASSES_SAID)
        snprintf(words + used, sizeof words - used, ", ...");
    rt_card_text(c, "classes", words, words);
}

static void model_say_teachers(struct rt_card *c, const struct rt_model *m)
{
    char words[200];
    rt_card_open(c, "teachers", '[');
    for (int i = 0; i < m->teachers; i++) {
        const struct rt_model_teacher *t = &m->teacher[i];
        rt_card_open(c, NULL, '{');
        rt_card_number(c, "embedding", t->dim, NULL);
        rt_card_number(c, "classes", t->head >= 0 ? t->classes : 0, NULL);
        rt_card_close(c, '}');
        snprintf(words, sizeof words, "a projection into its space of %d numbers%s%s", t->dim,
                 t->head >= 0 ? ", and its classifier" : "", t->shares_classes ? " of the same classes" : "");
        if (!c->json)
            rt_card_text(c, "teacher", words, words);
    }
    rt_card_close(c, ']');
}

static void model_say_input(struct rt_card *c, const struct rt_model *m)
{
    char words[100];
    int64_t dim[3];
    int rank = m->modality->shape(&m->front, dim);
    if (rank == 0)
        snprintf(words, sizeof words, "texts, as %lld weighted buckets", (long long)m->front.text.buckets);
    else if (m->modality->id == RT_SPEECH)
        snprintf(words, sizeof words, "%lld frames (10 ms each) of %lld mel bands", (long long)dim[0],
                 (long long)dim[1]);
    else
        snprintf(words, sizeof words, "pictures of %lld x %lld", (long long)dim[0], (long long)dim[1]);
    rt_card_text(c, "input", words, words);
}

static void model_say(struct rt_card *c, const struct rt_model *m)
{
    char words[200], n[32], trained[32];
    int64_t weights = 0;
    for (int i = 0; i < rt_graph_params(m->graph); i++)
        weights += rt_graph_param(m->graph, i)->count;
    snprintf(words, sizeof words, "a model of retort: %s, %s", m->modality->name, rt_model_net_name(m));
    rt_card_text(c, "kind", "retort", words);
    rt_card_text(c, "modality", m->modality->name, NULL);
    rt_card_text(c, "network", rt_model_net_name(m), NULL);
    model_say_input(c, m);
    snprintf(words, sizeof words, "%d numbers", m->dim);
    rt_card_number(c, "embedding", m->dim, words);
    model_say_classes(c, m);
    model_say_teachers(c, m);
    snprintf(words, sizeof words, "%s, %s of them trained", rt_count_text(weights, n),
             rt_count_text(rt_graph_weights(m->graph), trained));
    rt_card_number(c, "weights", (double)weights, words);
    snprintf(words, sizeof words, "%g%s", m->temperature, m->temperature == 1 ? " (not calibrated)" : "");
    rt_card_number(c, "temperature", m->temperature, words);
}

/* ---- one sample ---- */

static void model_say_output(struct rt_card *c, const char *name, const float *x, int64_t n)
{
    char shape[40];
    struct rt_tensor t = rt_tensor_view(RT_F32, 1, &n, (void *)x);
    snprintf(shape, sizeof shape, "[%lld]", (long long)n);
    rt_describe_output(c, name, shape, &t);
}

static void model_say_run(struct rt_card *c, const struct rt_model *m, const struct rt_net_outputs *o, double ms)
{
    char words[80];
    rt_card_open(c, "sample", '{');
    rt_card_open(c, "outputs", '[');
    model_say_output(c, "embedding", o->embedding, m->dim);
    if (o->logits)
        model_say_output(c, "logits", o->logits, m->classes);
    rt_card_close(c, ']');
    snprintf(words, sizeof words, "%.3g ms for a sample of random numbers, one thread", ms);
    rt_card_number(c, "ms", ms, words);
    rt_card_close(c, '}');
}

static int model_run(struct rt_card *c, const struct rt_model *m, struct rt_error *e)
{
    struct rt_net *n;
    struct rt_net_outputs o;
    int64_t dim[3], count = 1;
    int32_t offset[] = {0, 1}, bucket[] = {0};
    float one[] = {1};
    struct rt_bags bag = {offset, bucket, one};
    int rank = m->modality->shape(&m->front, dim);
    for (int i = 0; i < rank; i++)
        count *= dim[i];
    float *row = malloc((size_t)count * sizeof *row);
    int rc = row ? rt_net_create(&n, m, 1) : RT_EMEM;
    if (rc < 0) {
        free(row);
        return rt_error_set(e, rc, "no memory for the network");
    }
    struct rt_rng rng = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    for (int64_t i = 0; i < count; i++)
        row[i] = (float)rt_rng_normal(&rng);
    uint64_t before = 0;
    for (int turn = 0; rc == 0 && turn < 2; turn++) { /* the first brings weights into the caches */
        before = uv_hrtime();
        rc = rt_net_run(n, 1, rank ? row : NULL, rank ? NULL : &bag, &o, e);
    }
    if (rc == 0)
        model_say_run(c, m, &o, 1e-6 * (double)(uv_hrtime() - before));
    rt_net_destroy(n);
    free(row);
    return rc;
}

int rt_describe_model(const struct rt_describe *d, struct rt_error *e)
{
    struct rt_model *m = calloc(1, sizeof *m);
    int rc = m ? rt_model_load(m, d->path, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0) {
        model_say(d->card, m);
        rc = model_run(d->card, m, e);
    }
    if (rc < 0)
        rt_describe_refused(d, e);
    if (m)
        rt_model_fini(m);
    free(m);
    return rc;
}
