/* SPDX-License-Identifier: MIT
 * fuzz_kept: any frame (its checksum made right: fuzz_frame) as what a cache kept of a sample: as decoded sound,
 * and as each modality's features. Refused, or a row of the network's input that is filled to its end. */
#include "formats/recipe.h"
#include "stages/modality/modality.h"
#include "stages/modality/raw.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/fuzz_frame.h"

#define BYTES ((size_t)1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rt_front fronts[RT_MODALITIES];

static void fronts_make(void)
{
    static const char *const settings[] = {"speech.frames=20", "speech.bands=40", "image.size=16", "text.buckets=64"};
    static struct rt_recipe r;
    struct rt_error e;
    rt_recipe_init(&r);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (rt_recipe_set(&r, settings[i], &e) < 0)
            abort();
    for (int m = 0; m < RT_MODALITIES; m++)
        fronts[m] = rt_front_of(&r);
}

static void base_present(const struct rt_modality *m, const struct rt_tensor *base)
{
    const struct rt_front *f = &fronts[m->id];
    struct rt_bag bag;
    int64_t dim[3] = {1, 1, 1};
    int rank = m->shape(f, dim);
    if (rank == 0) {
        if (m->present_bag(f, base, NULL, &bag) == 0)
            for (int i = 0; i < bag.count; i++)
                assert(bag.bucket[i] >= 0 && bag.bucket[i] < f->text.buckets);
        free(bag.bucket);
        free(bag.weight);
        return;
    }
    float *row = malloc((size_t)(dim[0] * dim[1] * dim[2]) * sizeof *row);
    if (!row)
        abort();
    m->present(f, base, NULL, row);
    free(row);
}

static void sound_use(const struct rt_tensor *raw)
{
    struct rt_tensor base;
    struct rt_error e = {0};
    if (rt_modality_speech.features(&fronts[RT_SPEECH], raw, &base, &e) < 0) {
        assert(e.text[0]);
        return;
    }
    base_present(&rt_modality_speech, &base);
    rt_tensor_fini(&base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_frame *f;
    struct rt_tensor t, raw;
    struct rt_error e;
    size_t used;
    if (!fronts[0].text.buckets)
        fronts_make();
    uint8_t *copy = fuzz_frame_repaired(data, size);
    int rc = rt_frame_parse(&f, copy, size, &used, &e);
    free(copy);
    if (rc < 0)
        return 0;
    if (rt_frame_raw_bytes(f) <= BYTES && rt_frame_unpack(f, &t, &e) == 0) {
        for (int m = 0; m < RT_MODALITIES; m++)
            base_present(rt_modalities[m], &t);
        rt_tensor_fini(&t);
    }
    if (rt_frame_raw_bytes(f) <= BYTES && rt_raw_unpack(f, &rt_modality_speech, &raw) == 0) {
        sound_use(&raw);
        rt_tensor_fini(&raw);
    }
    rt_frame_unref(f);
    return 0;
}
