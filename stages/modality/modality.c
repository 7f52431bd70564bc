/* SPDX-License-Identifier: MIT
 * modality: the list of modalities, in the order of enum rt_modality_id, their measures by name, and the
 * end of load(), which they share. */
#include "stages/modality/modality.h"
#include <stdio.h>
#include <string.h>

const struct rt_modality *const rt_modalities[RT_MODALITIES] = {
    [RT_SPEECH] = &rt_modality_speech,
    [RT_IMAGE] = &rt_modality_image,
    [RT_TEXT] = &rt_modality_text,
};

const struct rt_measure *rt_measure_find(const char *name, enum rt_modality_id *modality)
{
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int i = 0; i < rt_modalities[m]->measure_count; i++) {
            if (strcmp(rt_modalities[m]->measures[i].name, name) != 0)
                continue;
            if (modality)
                *modality = (enum rt_modality_id)m;
            return &rt_modalities[m]->measures[i];
        }
    return NULL;
}

/* ---- the key of measures ----
 * A cache outlives the program that filled it. Values of a measure that has changed its meaning since
 * would go unnoticed among new ones, so the version is part of the key. */

struct rt_key128 rt_modality_measures_key(const struct rt_modality *m, struct rt_key128 content)
{
    char text[64];
    snprintf(text, sizeof text, "measures %d of %d", m->measures_version, m->measure_count);
    return rt_key128_of(text, strlen(text), content);
}

/* ---- the end of load() ----
 * Copying, checking and naming the file in the error were the same in all three. The decoders own
 * their memory, so raw is a copy. */

int rt_modality_raw(struct rt_tensor *raw, const struct rt_tensor *decoded,
                    int (*check)(const struct rt_tensor *raw, struct rt_error *e), const char *name,
                    struct rt_error *e)
{
    size_t size = rt_tensor_bytes(decoded);
    int rc = rt_tensor_init(raw, decoded->dtype, decoded->rank, decoded->dim);
    if (rc)
        return rt_error_set(e, rc, "%s: out of memory for %zu bytes", name, size);
    if (size)
        memcpy(raw->data, decoded->data, size);
    rc = check(raw, e);
    if (rc) {
        rt_error_prefix(e, "%s", name);
        rt_tensor_fini(raw);
    }
    return rc;
}
