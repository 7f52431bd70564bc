/* SPDX-License-Identifier: MIT
 * library_models: small models of every modality as files, and samples for them, for the tests of libretort. */
#ifndef RT_LIBRARY_MODELS_H
#define RT_LIBRARY_MODELS_H

#include "library/retort.h"
#include "tests/stages/export_models.h"
#include "tests/support/support.h"

#include <math.h>

#define SOUND 16000 /* samples of library_sound */

#define LIBRARY_TEMPERATURE 2.5 /* of all of them, as if they had been calibrated */
#define POOLED 3 /* the one that takes recordings of any length */
static const struct export_model library_models[] = {
    {"speech", {"student.net=cnn1d", "speech.bands=40", "speech.frames=61", "student.width=12"}, false, RT_HEAD_OWN},
    {"image", {"student.modality=image", "student.net=cnn2d", "image.size=24"}, false, RT_HEAD_OWN},
    {"text", {"student.modality=text", "student.net=textbag", "text.buckets=512"}, false, RT_HEAD_OWN},
    {"pooled", {"student.net=tdnn", "student.width=12", "speech.bands=40", "speech.frames=61"}, false, RT_HEAD_OWN},
};

/* The model of this number, written into the scratch folder. Returns its path, which stands until the next. */
static inline const char *library_model(struct scratch *dir, int i)
{
    struct rt_model m;
    struct rt_safetensors *s;
    struct rt_error e = {0};
    char name[32];
    snprintf(name, sizeof name, "%s.safetensors", library_models[i].name);
    const char *path = scratch_file(dir, name);
    export_make(&m, &library_models[i]);
    m.temperature = LIBRARY_TEMPERATURE;
    if (rt_safetensors_create(&s) || rt_model_save(&m, s) || rt_safetensors_write(s, path, &e))
        abort();
    rt_safetensors_destroy(s);
    rt_model_fini(&m);
    return path;
}

/* A second of two tones. */
static inline void library_sound(float *sample)
{
    for (int i = 0; i < SOUND; i++)
        sample[i] = 0.3f * sinf((float)i * 0.05f) + 0.2f * sinf((float)i * 0.31f);
}

#endif
