/* SPDX-License-Identifier: MIT
 * front: what a modality reads of a recipe: the settings of its features and of what training does to them,
 * and what was fitted on the training split. Made from a recipe here and nowhere else. */
#ifndef RT_FRONT_H
#define RT_FRONT_H

#include <stdbool.h>
#include <stdint.h>

struct rt_fbank;
struct rt_recipe;
struct rt_sounds;
struct rt_work;

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
        int bands, frames;
        bool trim;
        int crop, crops; /* of a longer one, not at random: which of so many, evenly spaced; 0 or 1 = the middle */
    } speech;
    struct {
        int size;      /* pixels of a side */
        bool mirrored; /* not at random: left is right */
    } image;
    struct {
        int64_t buckets;
        bool idf; /* weigh by idf, where there is one */
        bool nfc; /* texts are brought to this form before anything is made of them */
    } text;
    struct rt_augment augment;
    const struct rt_sounds *sounds; /* recordings of noise and rooms, or NULL; borrowed */
    float *idf; /* text: [buckets], or NULL = all 1; owned by the maker */
    /* Of whoever makes one sample after another, in one thread; NULL: made anew for each. Features, bags and what lies
     * between are then of `work` (formats/work.h), and are given back to it. */
    struct rt_work *work;
    struct rt_fbank *fbank; /* speech: of its bands */
};

struct rt_front rt_front_of(const struct rt_recipe *r); /* idf NULL */
struct rt_augment rt_augment_of(const struct rt_recipe *r);

#endif
