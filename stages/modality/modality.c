/* SPDX-License-Identifier: MIT
 * modality: the list of modalities, in the order of enum rt_modality_id. */
#include "stages/modality/modality.h"
#include <string.h>

const struct rt_modality *const rt_modalities[RT_MODALITIES] = {
    [RT_SPEECH] = &rt_modality_speech,
    [RT_IMAGE] = &rt_modality_image,
    [RT_TEXT] = &rt_modality_text,
};

const struct rt_modality *rt_modality_find(const char *name)
{
    for (int i = 0; i < RT_MODALITIES; i++)
        if (strcmp(rt_modalities[i]->name, name) == 0)
            return rt_modalities[i];
    return NULL;
}
