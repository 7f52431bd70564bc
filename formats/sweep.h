/* SPDX-License-Identifier: MIT
 * sweep: what `retort sweep` compares, read from a YAML file: settings by name, each a recipe with overrides, the
 * teachers that they have, and the seeds that each is run with. Only what is to be run; nothing is run here.
 *
 *     name: voices                 # default: the file's name
 *     recipe: student.yaml         # files and PATHs are relative to this file
 *     set: [train.steps=400]       # of all settings, not of teachers
 *     seeds: 41-50                 # or 1,3,5; default 1-3
 *     metric: top1                 # or macro_f1, eer: final.NAME of run.db; eer_noisy: eer of the list `noisy`
 *     compare: labels only         # what the others are paired with; default the first
 *     teachers:
 *       names: {recipe: teacher.yaml, per: seed, set: [...]}   # per: sweep, seed: 1 = one for all seeds
 *     settings:
 *       labels only: []
 *       kl: {teacher: names, set: [distill.kl.lambda=1]}
 *       kl, knees: {like: kl, set: [weight.terms=snr,clipped]} # like: one above; its teacher and settings, then these
 *       l2: {like: kl, vary: [distill.l2.lambda=1,5,20]}       # once with each value: "l2, lambda=1" and so on
 *     panels:                      # of the plot: all that vary, once in each: "l2, lambda=1, few"
 *       few: [data.labels=3%]
 *       all: [data.labels=100%]
 *     pairs: [[kl, "kl, knees"]]   # further differences: the second less the first
 *
 * A file without `recipe` and `settings` is a recipe: one setting. Refused with FILE:LINE and the nearest known name:
 * an unknown key or setting of a recipe, a wrong value, a name twice, names that would share a folder. Any thread. */
#ifndef RT_SWEEP_H
#define RT_SWEEP_H

#include "formats/error.h"

#include <stdbool.h>
#include <stddef.h>

#define RT_SWEEP_NAME 128
#define RT_SWEEP_PATH 4096
#define RT_SWEEP_SETTINGS 256
#define RT_SWEEP_TEACHERS 8
#define RT_SWEEP_PAIRS 64
#define RT_SWEEP_PANELS 8
#define RT_SWEEP_SEEDS 256
#define RT_SWEEP_SET 64
#define RT_SWEEP_KEYS 4 /* that a command line varies */

/* "key=value", checked; PATHs absolute. */
struct rt_sweep_set {
    int count;
    char *text[RT_SWEEP_SET];
};

struct rt_sweep_teacher {
    char name[RT_SWEEP_NAME], recipe[RT_SWEEP_PATH];
    bool one; /* for all seeds, trained with `seed`; else one per seed */
    int seed;
    struct rt_sweep_set set;
};

struct rt_sweep_setting {
    char name[RT_SWEEP_NAME];
    char series[RT_SWEEP_NAME]; /* its name without what varying put behind it */
    double at[RT_SWEEP_KEYS];   /* value of each varied key, NaN when that is no number or does not vary here */
    int panel;                  /* -1 = none: its place is in all of them */
    int teacher;                /* -1 = none */
    struct rt_sweep_set set;    /* of all settings, then of `like`, then its own, then its panel's */
    char vary[RT_SWEEP_NAME];   /* "KEY=V1,V2" as written, "" = it does not vary */
};

/* A part of the plot, and what its settings have in common. */
struct rt_sweep_panel {
    char name[RT_SWEEP_NAME];
    struct rt_sweep_set set;
};

struct rt_sweep {
    char name[RT_SWEEP_NAME], recipe[RT_SWEEP_PATH], metric[16];
    int seeds, seed[RT_SWEEP_SEEDS];
    int compare; /* of setting */
    int teachers, settings, panels, pairs, keys;
    struct rt_sweep_teacher teacher[RT_SWEEP_TEACHERS];
    struct rt_sweep_setting setting[RT_SWEEP_SETTINGS];
    struct rt_sweep_panel panel[RT_SWEEP_PANELS];
    int pair[RT_SWEEP_PAIRS][2];       /* settings */
    char key[RT_SWEEP_KEYS][RT_SWEEP_NAME]; /* varied: by the file (the keys' common last word), by the command line */
};

extern const char *const rt_sweep_metrics[]; /* up to a NULL */

/* *s from rt_sweep_load or rt_sweep_parse is the caller's to destroy, NULL after a failure. RT_EFORMAT, RT_ENOTFOUND,
 * RT_ERANGE, RT_EUSAGE, RT_EMISSING, RT_EIO, RT_ELARGE, RT_EMEM. */
int rt_sweep_load(struct rt_sweep **s, const char *path, struct rt_error *e);
/* The same from memory; name stands for the file in messages and gives `recipe` if it is one; folder: of PATHs. */
int rt_sweep_parse(struct rt_sweep **s, const char *yaml, size_t size, const char *name, const char *folder,
                   struct rt_error *e);
void rt_sweep_destroy(struct rt_sweep *s);

/* "KEY=V1,V2,...": each setting once with each value; one value is an override of all. A LIST's value holds commas
 * itself, so it is one value. On failure *s is as it was, or lacks some of it. RT_EUSAGE, RT_ENOTFOUND, ... */
int rt_sweep_vary(struct rt_sweep *s, const char *assignment, struct rt_error *e);
/* "11-15" or "1,2,3" in place of the seeds. RT_EUSAGE with what to write. */
int rt_sweep_seeds(struct rt_sweep *s, const char *text, struct rt_error *e);
/* name as part of a folder's name, one that a shell takes without quotes: "kl, knees" is kl-knees. */
const char *rt_sweep_slug(const char *name, char slug[RT_SWEEP_NAME]);

#endif
