/* SPDX-License-Identifier: MIT
 * onnx_front: see onnx_front.h. */
#include "stages/model/onnx_front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 16000 /* that all recordings are brought to */

/* ---- metadata ----
 * sherpa-onnx's exporters write where a network comes from (framework) and a little of what it was fed with. What they
 * leave out is the toolkit's own way: its preset. A file that says something else than its preset is believed. */

static const struct {
    const char *key, *value; /* of the metadata; a value that begins so */
    enum rt_front_id preset;
} origins[] = {
    {"framework", "wespeaker", RT_FRONT_WESPEAKER},
    {"framework", "3d-speaker", RT_FRONT_3DSPEAKER},
    {"model_type", "whisper", RT_FRONT_WHISPER},
};

/* Which row of origins, or -1. */
static int origin_find(const struct rt_onnx *o)
{
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        const char *text = rt_onnx_text(o, origins[i].key);
        if (text && strncmp(text, origins[i].value, strlen(origins[i].value)) == 0)
            return (int)i;
    }
    return -1;
}

static int metadata_refuse(const char *file, const char *key, const char *value, const char *what, struct rt_error *e)
{
    return rt_error_set(e, RT_EMISMATCH, "%s: its metadata say %s: %.60s; %s", file, key, value, what);
}

/* What the metadata say of the bands' normalisation. "": the exporter of wespeaker's networks leaves it out. */
static int metadata_read_normalise(struct rt_front_settings *s, const char *text, const char *file, const char *section,
                                   struct rt_error *e)
{
    static const struct {
        const char *word;
        enum rt_normalise_id is;
    } known[] = {{"", RT_NORMALISE_AUTO}, {"global-mean", RT_NORMALISE_MEAN}, {"per_feature", RT_NORMALISE_VARIANCE}};
    char what[100];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i].word) == 0) {
            s->normalise = known[i].is;
            return 0;
        }
    snprintf(what, sizeof what, "that is not known: say it by %s.front.normalise", section);
    return metadata_refuse(file, "feature_normalize_type", text, what, e);
}

/* Only with a framework, as others may use the same names. */
static int metadata_read(struct rt_front_settings *s, const struct rt_onnx *o, const struct rt_front_settings *asked,
                         const char *file, const char *section, struct rt_error *e)
{
    const char *rate = rt_onnx_text(o, "sample_rate"), *samples = rt_onnx_text(o, "normalize_samples");
    const char *normalise = rt_onnx_text(o, "feature_normalize_type");
    *s = rt_front_preset(RT_FRONT_AUTO);
    if (!rt_onnx_text(o, "framework"))
        return 0;
    if (rate && atol(rate) != RATE)
        return metadata_refuse(file, "sample_rate", rate, "recordings are brought to 16000 Hz", e);
    if (samples)
        s->scale = strcmp(samples, "0") == 0 ? 32768 : 1;
    if (normalise && asked->normalise == RT_NORMALISE_AUTO)
        return metadata_read_normalise(s, normalise, file, section, e);
    return 0;
}

/* ---- whichever says it ---- */

int rt_onnx_front_modality(const struct rt_onnx *o, enum rt_front_id preset)
{
    int origin = origin_find(o);
    if (preset == RT_FRONT_AUTO && origin >= 0)
        preset = origins[origin].preset;
    unsigned of = rt_front_preset(preset).of;
    for (int m = 0; m < RT_MODALITIES; m++)
        if (of == 1U << m)
            return m;
    return -1;
}

static int front_choose(struct rt_front_settings *s, const struct rt_onnx *o, const char *file, const char *section,
                        enum rt_modality_id modality, char words[RT_ONNX_FRONT_WORDS], struct rt_error *e)
{
    char list[300];
    int origin = origin_find(o);
    rt_front_preset_list(modality, list, sizeof list);
    if (s->preset != RT_FRONT_AUTO) {
        snprintf(words, RT_ONNX_FRONT_WORDS, "%s, as %s.front.preset says", rt_front_names[s->preset], section);
        return 0;
    }
    if (origin >= 0) {
        s->preset = origins[origin].preset;
        snprintf(words, RT_ONNX_FRONT_WORDS, "%s, by the file's metadata (%s: %.60s)", rt_front_names[s->preset],
                 origins[origin].key, rt_onnx_text(o, origins[origin].key));
        return 0;
    }
    const char *framework = rt_onnx_text(o, "framework");
    if (modality != RT_IMAGE)
        return rt_error_set(e, RT_EUSAGE, "%s: neither its metadata%s%.40s%s nor the recipe says what its input is "
                            "made by, and a wrong guess would be no error, only wrong: give %s.front.preset, one of %s "
                            "(docs/teachers.md)", file, framework ? " (framework: " : "", framework ? framework : "",
                            framework ? ")" : "", section, list);
    s->preset = RT_FRONT_PLAIN;
    snprintf(words, RT_ONNX_FRONT_WORDS, "plain, as neither the file nor the recipe says which; %s.front.preset takes "
             "one of %s", section, list);
    return 0;
}

int rt_onnx_front(struct rt_front_settings *s, const struct rt_onnx *o, const char *file, const char *section,
                  enum rt_modality_id modality, char words[RT_ONNX_FRONT_WORDS], struct rt_error *e)
{
    struct rt_front_settings told;
    RT_TRY(front_choose(s, o, file, section, modality, words, e));
    struct rt_front_settings preset = rt_front_preset(s->preset);
    if (!(preset.of >> modality & 1))
        return rt_error_set(e, RT_EUSAGE, "%s: %s.front.preset: %s is not for %s", file, section,
                            rt_front_names[s->preset], rt_modality_names[modality]);
    RT_TRY(metadata_read(&told, o, s, file, section, e));
    s->of = 1U << modality;
    rt_front_fill(s, &told);
    rt_front_fill(s, &preset);
    return 0;
}
