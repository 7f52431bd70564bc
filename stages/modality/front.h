/* SPDX-License-Identifier: MIT
 * front: what a modality reads of a recipe: the settings of its features and of what training does to them,
 * and what was fitted on the training split. Made from a recipe here and nowhere else. */
#ifndef RT_FRONT_H
#define RT_FRONT_H

#include "formats/recipe_front.h"
#include "stages/modality/fbank.h"

#include <stdbool.h>
#include <stdint.h>

struct rt_error;
struct rt_recipe;
struct rt_sounds;
struct rt_tokenizer;
struct rt_work;

#define RT_COLOURS 3

/* augment.*: may change from batch to batch. Fractions are of samples unless said otherwise. */
struct rt_augment {
    double gain;              /* speech: dB, either way */
    double noise;             /* speech: fraction that gets noise ... */
    double snr_low, snr_high; /* ... of dB in this range */
    double rir;               /* speech: fraction that is heard in a room */
    double speed;             /* speech: 1 +- this */
    int time_masks, time_width, band_masks, band_width; /* speech: count, and widest in frames or bands */
    bool crop;                /* speech: at a random place */
    double shift, scale;      /* image: of the side */
    bool flip;                /* image: half of them */
    double colour;            /* image: 1 +- this */
    double words;             /* text: fraction of features left out */
};

/* A front end: fixed for a run, but for augment. */
struct rt_front {
    struct {
        enum rt_features_id features; /* never auto */
        int bands, frames;            /* wave: 1, and samples */
        bool trim;
        struct rt_fbank_settings fbank;
        enum rt_normalise_id normalise; /* over the recording, of each band */
        float factor, mean, std;        /* then (x * factor - mean) / std */
        int crop, crops; /* of a longer one, not at random: which of so many, evenly spaced; 0 or 1 = the middle */
    } speech;
    struct {
        int size;      /* pixels of a side */
        bool mirrored; /* not at random: left is right */
        enum rt_fit_id fit;
        int resize; /* RT_FIT_CROP: of the shorter side, before the middle is cut out */
        enum rt_filter_id filter;
        bool bgr;
        float range; /* what white is; then (x - mean) / std, of the colours in the network's order */
        float mean[RT_COLOURS], std[RT_COLOURS];
    } image;
    struct {
        int64_t buckets;
        bool idf; /* weigh by idf, where there is one */
        bool nfc; /* texts are brought to this form before anything is made of them */
        const struct rt_tokenizer *tokenizer; /* of another program's network (tokens.c), or NULL; borrowed */
        int tokens;                           /* the most of a text; 0 = as the tokenizer says */
    } text;
    struct rt_augment augment;
    const struct rt_sounds *sounds; /* recordings of noise and rooms, or NULL; borrowed */
    float *idf; /* text: [buckets], or NULL = all 1; owned by the maker */
    /* Of whoever makes one sample after another, in one thread; NULL: made anew for each. Features, bags and what lies
     * between are then of `work` (formats/work.h), and are given back to it. */
    struct rt_work *work;
    const struct rt_fbank *fbank; /* speech: of its bands (rt_front_fbank); NULL: made anew for each; borrowed */
};

/* Of the recipe's student: as student.front.* says where it has a preset, else as networks of ours; idf NULL. */
struct rt_front rt_front_of(const struct rt_recipe *r);
/* Whether student.front.* fits the student; before the first rt_front_of. RT_EUSAGE, RT_ERANGE. */
int rt_front_check(const struct rt_recipe *r, struct rt_error *e);
/* Does the student hear and see as networks of ours do: is there no preset? Its mean and std are then its network's. */
bool rt_front_is_own(const struct rt_recipe *r);
/* Of another program's network, in place of what f has: s is filled (rt_front_fill), with size and bands. section
 * stands for the settings in messages ("teacher"). RT_EUSAGE, RT_ERANGE: a setting that is no number, or fits
 * no other one. */
int rt_front_set(struct rt_front *f, const struct rt_front_settings *s, enum rt_modality_id modality,
                 const char *section, struct rt_error *e);
/* *fbank = what the front end makes bands with, for `fbank` of any number of its copies; NULL where it makes none.
 * The caller's to destroy, when none of them is used any more. RT_EMEM, RT_ERANGE. */
int rt_front_fbank(const struct rt_front *f, enum rt_modality_id modality, struct rt_fbank **fbank);
/* How long a recording of so many frames is. */
double rt_front_seconds(const struct rt_front *f, int frames);
/* The settings SECTION.front.mean and .std: "0.5" or "0.485, 0.456, 0.406"; "" = 0 and 1. RT_EUSAGE, RT_ERANGE. */
int rt_front_scale(const char *section, const char *mean_text, const char *std_text, float mean[RT_COLOURS],
                   float std[RT_COLOURS], struct rt_error *e);
struct rt_augment rt_augment_of(const struct rt_recipe *r);

#endif
