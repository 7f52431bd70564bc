/* SPDX-License-Identifier: MIT
 * views: how a sample is shown to a network at test time: as in training without augmentation (a crop from the middle,
 * one picture), as a whole recording, as several crops, or as a picture and its mirror image. Each view is a front end
 * that differs from the model's own in what `present` reads. */
#ifndef RT_VIEWS_H
#define RT_VIEWS_H

#include "stages/modality/front.h"

/* Cleared = one view, as in training. */
struct rt_views {
    bool whole; /* speech: all of it, padded to the front end's length where shorter; for networks of any length */
    int crops;  /* speech: evenly spaced; 0 or 1 = the middle one */
    bool flips; /* image: also mirrored */
};

/* A whole recording ends here; of a longer one the middle is taken. */
#define RT_WHOLE_FRAMES 30000          /* 5 minutes */
#define RT_WHOLE_SAMPLES (60 * 16000)  /* of networks on the recording itself: their memory grows with its square */

int rt_views_count(const struct rt_views *v);
/* The k-th view of a sample with so many frames (speech; otherwise not read). Refers to f's idf. */
struct rt_front rt_views_front(const struct rt_views *v, int k, const struct rt_front *f, int64_t frames);

#endif
