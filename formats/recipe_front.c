/* SPDX-License-Identifier: MIT
 * recipe_front: see recipe_front.h. */
#include "formats/recipe_front.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

/* ---- presets ---- */

#define OPEN .emphasis = -1, .low = -1, .high = -1, .mean = "", .std = "", .tokenizer = ""

struct rt_front_settings rt_front_preset(enum rt_front_id id)
{
    static const struct rt_front_settings presets[RT_FRONTS] = {
        [RT_FRONT_AUTO] = {OPEN},
#define RT_FRONT(id, word, help, ...) [RT_FRONT_##id] = {.preset = RT_FRONT_##id, __VA_ARGS__},
#include "formats/fronts.def"
    };
    struct rt_front_settings s = presets[id];
    s.mean = s.mean ? s.mean : "";
    s.std = s.std ? s.std : "";
    s.tokenizer = s.tokenizer ? s.tokenizer : "";
    return s;
}

const char *rt_front_preset_list(enum rt_modality_id modality, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = RT_FRONT_AUTO + 1; i < RT_FRONTS; i++)
        if (i != RT_FRONT_BEFORE && (rt_front_preset((enum rt_front_id)i).of >> modality & 1) && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", rt_front_names[i]);
    return text;
}

/* ---- what is left open ----
 * A recipe, a file's metadata and a preset speak of the same members, so each fills what the ones before it left. */

void rt_front_fill(struct rt_front_settings *s, const struct rt_front_settings *from)
{
    bool both = (from->of & (from->of - 1)) != 0;
    bool speech = s->of == 1U << RT_SPEECH;
#define FILL(member, open) s->member = s->member == (open) ? from->member : s->member
    FILL(bands, 0);
    FILL(size, 0);
    FILL(features, RT_FEATURES_AUTO);
    FILL(scale, 0);
    FILL(window, RT_WINDOW_AUTO);
    FILL(emphasis, -1);
    FILL(low, -1);
    FILL(high, -1);
    FILL(floor, 0);
    FILL(normalise, RT_NORMALISE_AUTO);
    FILL(factor, 0);
    FILL(trim, RT_EITHER_AUTO);
    FILL(range, 0);
    FILL(resize, 0);
    FILL(fit, RT_FIT_AUTO);
    FILL(filter, RT_FILTER_AUTO);
    FILL(colours, RT_COLOURS_AUTO);
#undef FILL
    if (!s->mean[0] && !(both && speech))
        s->mean = from->mean;
    if (!s->std[0] && !(both && speech))
        s->std = from->std;
}

/* ---- in words ---- */

static void text_add_picture(const struct rt_front_settings *s, char text[RT_FRONT_TEXT])
{
    snprintf(text, RT_FRONT_TEXT, "size=%d fit=%s resize=%d filter=%s colours=%s range=%d mean=%.80s std=%.80s",
             s->size, rt_fit_names[s->fit], s->fit == RT_FIT_CROP ? s->resize : 0, rt_filter_names[s->filter],
             rt_colours_names[s->colours], s->range, s->mean[0] ? s->mean : "0", s->std[0] ? s->std : "1");
}

static void text_add_speech(const struct rt_front_settings *s, char text[RT_FRONT_TEXT])
{
    int used = snprintf(text, RT_FRONT_TEXT, "features=%s ", rt_features_names[s->features]);
    if (s->features == RT_FEATURES_FBANK)
        used += snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "bands=%d scale=%d window=%s emphasis=%.9g "
                         "low=%.9g high=%.9g floor=%.9g factor=%.9g ", s->bands, s->scale, rt_window_names[s->window],
                         s->emphasis, s->low, s->high, s->floor, s->factor);
    if (s->features == RT_FEATURES_WAVE)
        used += snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "scale=%d factor=%.9g ", s->scale, s->factor);
    if (s->features == RT_FEATURES_WHISPER)
        used += snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "bands=%d ", s->bands);
    else
        used += snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "normalise=%s ", rt_normalise_names[s->normalise]);
    if (s->mean[0] || s->std[0])
        used += snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "mean=%.40s std=%.40s ", s->mean[0] ? s->mean : "0",
                         s->std[0] ? s->std : "1");
    used += snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "trim=%s ", rt_either_names[s->trim]);
    if (s->size)
        snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "size=%d", s->size);
    else
        snprintf(text + used, RT_FRONT_TEXT - (size_t)used, "whole recordings");
}

const char *rt_front_text(const struct rt_front_settings *s, enum rt_modality_id modality, char text[RT_FRONT_TEXT])
{
    if (modality == RT_SPEECH)
        text_add_speech(s, text);
    else
        text_add_picture(s, text);
    return text;
}
