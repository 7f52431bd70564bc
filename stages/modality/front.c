/* SPDX-License-Identifier: MIT
 * front: see front.h. A modality takes its own few numbers, not the recipe, so that what it depends on can
 * be seen, and a test or another program can say it without a recipe. */
#include "stages/modality/front.h"

#include "formats/recipe.h"

struct rt_front rt_front_of(const struct rt_recipe *r)
{
    return (struct rt_front){
        .speech = {.bands = (int)r->speech_bands, .frames = (int)r->speech_frames, .trim = r->speech_trim},
        .image = {.size = (int)r->image_size},
        .text = {r->text_buckets, r->text_idf, r->text_nfc},
        .augment = rt_augment_of(r),
    };
}

struct rt_augment rt_augment_of(const struct rt_recipe *r)
{
    return (struct rt_augment){
        .gain = r->augment_gain,
        .noise = r->augment_noise,
        .snr_low = r->augment_snr_low,
        .snr_high = r->augment_snr_high,
        .speed = r->augment_speed,
        .rir = r->augment_rir,
        .time_masks = (int)r->augment_time_masks,
        .time_width = (int)r->augment_time_width,
        .band_masks = (int)r->augment_band_masks,
        .band_width = (int)r->augment_band_width,
        .crop = r->augment_crop,
        .shift = r->augment_shift,
        .scale = r->augment_scale,
        .flip = r->augment_flip,
        .colour = r->augment_colour,
        .words = r->augment_words,
    };
}
