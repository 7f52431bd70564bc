/* SPDX-License-Identifier: MIT
 * front: see front.h. A modality takes its own few numbers, not the recipe, so that what it depends on can
 * be seen, and a test or another program can say it without a recipe. */
#include "stages/modality/front.h"

#include "formats/error.h"
#include "formats/recipe.h"
#include "formats/recipe_teacher.h"

#include <stdlib.h>
#include <string.h>

#define COLOURS RT_COLOURS

/* ---- of another program's network ---- */

/* "0.5" or "0.485, 0.456, 0.406"; "" = otherwise. */
static int numbers_read(const char *section, const char *what, const char *text, float otherwise, float to[COLOURS],
                        struct rt_error *e)
{
    int n = 0;
    const char *at = text;
    for (char *end; n < COLOURS; n++, at = end) {
        at += strspn(at, " ,[]");
        to[n] = strtof(at, &end);
        if (end == at)
            break;
    }
    at += strspn(at, " ,[]");
    if (*at || (n != 0 && n != 1 && n != COLOURS) || (n == 0 && text[0]))
        return rt_error_set(e, RT_EUSAGE, "%s.front.%s: '%s' is not one number or three", section, what, text);
    for (int i = n; i < COLOURS; i++)
        to[i] = n ? to[0] : otherwise;
    return 0;
}

int rt_front_scale(const char *section, const char *mean_text, const char *std_text, float mean[COLOURS],
                   float std[COLOURS], struct rt_error *e)
{
    RT_TRY(numbers_read(section, "mean", mean_text, 0, mean, e));
    RT_TRY(numbers_read(section, "std", std_text, 1, std, e));
    for (int i = 0; i < COLOURS; i++)
        if (!(std[i] > 0))
            return rt_error_set(e, RT_ERANGE, "%s.front.std: %g; it must be above 0", section, (double)std[i]);
    return 0;
}

static int front_set_picture(struct rt_front *f, const struct rt_front_settings *s, const char *section,
                             struct rt_error *e)
{
    if ((s->fit == RT_FIT_PAD) != (s->filter == RT_FILTER_AREA))
        return rt_error_set(e, RT_EUSAGE, "%s.front.filter: %s does not go with front.fit %s: area with pad, bilinear "
                            "or bicubic with crop and squeeze", section, rt_filter_names[s->filter],
                            rt_fit_names[s->fit]);
    if (s->fit == RT_FIT_CROP && s->resize < s->size)
        return rt_error_set(e, RT_ERANGE, "%s.front.resize: %d pixels, of which %d cannot be cut out", section,
                            s->resize, s->size);
    f->image.size = s->size;
    f->image.fit = s->fit;
    f->image.resize = s->resize;
    f->image.filter = s->filter;
    f->image.bgr = s->colours == RT_COLOURS_BGR;
    f->image.range = (float)s->range;
    return 0;
}

static int front_set_speech(struct rt_front *f, const struct rt_front_settings *s, const char *section,
                            struct rt_error *e)
{
    if (s->features == RT_FEATURES_FBANK && s->low >= s->high)
        return rt_error_set(e, RT_ERANGE, "%s.front.low: %g Hz is not below front.high, %g Hz", section, s->low,
                            s->high);
    f->speech.features = s->features;
    f->speech.bands = s->bands;
    f->speech.trim = s->trim == RT_EITHER_TRUE;
    f->speech.fbank = (struct rt_fbank_settings){
        .window = s->window, .scale = (float)s->scale, .emphasis = (float)s->emphasis,
        .low = s->low, .high = s->high, .floor = (float)s->floor,
    };
    f->speech.normalise = s->normalise;
    f->speech.factor = (float)(s->features == RT_FEATURES_WAVE ? s->factor * s->scale : s->factor);
    return 0;
}

int rt_front_set(struct rt_front *f, const struct rt_front_settings *s, enum rt_modality_id modality,
                 const char *section, struct rt_error *e)
{
    float mean[COLOURS], std[COLOURS];
    RT_TRY(rt_front_scale(section, s->mean, s->std, mean, std, e));
    if (modality == RT_SPEECH) {
        f->speech.mean = mean[0];
        f->speech.std = std[0];
        return front_set_speech(f, s, section, e);
    }
    memcpy(f->image.mean, mean, sizeof mean);
    memcpy(f->image.std, std, sizeof std);
    return front_set_picture(f, s, section, e);
}

int rt_front_fbank(const struct rt_front *f, enum rt_modality_id modality, struct rt_fbank **fbank)
{
    *fbank = NULL;
    if (modality != RT_SPEECH || f->speech.features != RT_FEATURES_FBANK)
        return 0;
    return rt_fbank_create(fbank, f->speech.bands, &f->speech.fbank);
}

double rt_front_seconds(const struct rt_front *f, int frames)
{
    return f->speech.features == RT_FEATURES_WAVE ? frames / 16000.0 : frames * 0.01;
}

/* ---- of a student ----
 * Its own settings (speech.*, image.size), and all else as the preset `retort` has it; or, where student.front has a
 * preset, as a teacher's front end is made, but for sizes, which are the student's. */

bool rt_front_is_own(const struct rt_recipe *r)
{
    return r->student_front_preset == RT_FRONT_AUTO || r->student_front_preset == RT_FRONT_BEFORE;
}

static int front_set_student(struct rt_front *f, const struct rt_recipe *r, struct rt_error *e)
{
    enum rt_modality_id modality = r->student_modality;
    struct rt_front_settings s = rt_recipe_student_front(r), preset = rt_front_preset(s.preset);
    char list[300];
    if (modality == RT_TEXT)
        return rt_error_set(e, RT_EUSAGE, "student.front.preset: a student that reads text has no front end of others");
    if (!(preset.of >> modality & 1))
        return rt_error_set(e, RT_EUSAGE, "student.front.preset: %s is not for a student that reads %s, which has %s",
                            rt_front_names[s.preset], rt_modality_names[modality],
                            rt_front_preset_list(modality, list, sizeof list));
    s.of = 1U << modality;
    s.bands = (int)r->speech_bands;
    s.size = (int)r->image_size;
    if (!s.resize && preset.size)
        s.resize = (int)((preset.resize * r->image_size + preset.size / 2) / preset.size);
    rt_front_fill(&s, &preset);
    if (modality == RT_SPEECH && s.features != RT_FEATURES_FBANK)
        return rt_error_set(e, RT_EUSAGE, "student.front.features: %s is for teachers; a student hears bands (fbank)",
                            rt_features_names[s.features]);
    return rt_front_set(f, &s, modality, "student", e);
}

int rt_front_check(const struct rt_recipe *r, struct rt_error *e)
{
    struct rt_front f = {0};
    return rt_front_is_own(r) ? 0 : front_set_student(&f, r, e);
}

struct rt_front rt_front_of(const struct rt_recipe *r)
{
    struct rt_front f = {.text = {r->text_buckets, r->text_idf, r->text_nfc}, .augment = rt_augment_of(r)};
    struct rt_front_settings own = rt_front_preset(RT_FRONT_RETORT);
    own.bands = (int)r->speech_bands;
    own.trim = r->speech_trim ? RT_EITHER_TRUE : RT_EITHER_FALSE;
    own.size = (int)r->image_size;
    rt_front_set(&f, &own, RT_IMAGE, "student", NULL);
    own.mean = own.std = "";
    rt_front_set(&f, &own, RT_SPEECH, "student", NULL);
    f.speech.frames = (int)r->speech_frames;
    if (!rt_front_is_own(r))
        front_set_student(&f, r, NULL);
    return f;
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
