/* SPDX-License-Identifier: MIT
 * evaluation: a model opened on a manifest and its outputs for the samples asked for: what eval and embed
 * begin with. */
#ifndef RT_EVALUATION_H
#define RT_EVALUATION_H

#include "stages/session/session.h"

#define RT_VIEWS_WORDS 400

struct rt_evaluation {
    struct rt_session session;
    struct rt_model model;
    struct rt_views views;   /* how the samples were shown */
    char views_words[RT_VIEWS_WORDS]; /* that, and why, for people: "whole recordings"; "" = nothing to say */
    int *rows, count; /* samples of the split, in manifest order, usable or not */
    int judged;       /* of them, the first: those of the split, where all were asked for; else count */
    struct rt_outputs out;
};

#define RT_EVALUATION_SETTINGS 32

struct rt_evaluation_request {
    const char *model, *manifest;
    const char *split; /* "train", "valid", "test", "all" or NULL = test where the manifest has such rows, else all */
    bool all;            /* behind the split's the samples of the others, too: trials name any */
    const char *cache;   /* NULL = the usual place */
    const char *classes; /* file of class names for another program's ONNX file, or NULL = as it says, or numbers */
    /* "teacher.front.preset=clip": how another program's ONNX file is read. */
    const char *setting[RT_EVALUATION_SETTINGS];
    int settings;
    struct rt_views views; /* cleared = whole recordings where the model's eval.whole and its network are for it */
    bool feature; /* also the outputs in the teacher's space */
    int other;    /* a second modality to score, or -1 */
    /* Called when model and manifest are open and nothing is computed yet: for what can be refused then. Or NULL. */
    int (*opened)(void *self, const struct rt_evaluation *v, struct rt_error *e);
    void *opened_self;
    const struct rt_watch *watch; /* who is told how far it is, or NULL */
};

/* Adds "teacher.front.layout=nhwc". RT_EUSAGE: too many, or not of the section teacher; e says what can be written. */
int rt_evaluation_setting(struct rt_evaluation_request *q, const char *setting, struct rt_error *e);
/* What is asked for, where it fits the model (called name in messages), else its default: whole recordings where the
 * model's eval.whole and its network are for it. words: how samples are shown, for people, and why not whole; "" where
 * there is nothing to say. RT_EUSAGE: it does not fit. */
int rt_views_choose(struct rt_views *v, char words[RT_VIEWS_WORDS], const struct rt_model *m,
                    const struct rt_views *asked, const char *name, struct rt_error *e);
/* The model alone; r becomes the settings that count here: of this machine, and the request's. RT_EUSAGE: settings or
 * class names for a model of ours. */
int rt_evaluation_load_model(struct rt_model *m, const struct rt_evaluation_request *q, struct rt_recipe *r,
                             struct rt_error *e);
int rt_evaluation_open(struct rt_evaluation *v, const struct rt_evaluation_request *q, struct rt_error *e);
void rt_evaluation_close(struct rt_evaluation *v);

#endif
