/* SPDX-License-Identifier: MIT
 * What each step of a speech sample on its way into a batch costs, in microseconds of the processor for a recording of
 * 1.5 s: kept sound, noise, a room, features, one row of the input, and its part of a packed batch. Prints, never
 * judges. Run: build/tests/bench/speech_bench [ROUNDS] */
#include "formats/frame.h"
#include "formats/recipe.h"
#include "formats/work.h"
#include "stages/modality/convolve.h"
#include "stages/modality/modality.h"
#include "stages/modality/raw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES 24000
#define BATCH 32

static struct rt_front front;
static struct rt_tensor raw, base;
static float clean[SAMPLES];
static struct rt_store *store;
static float *row, response[16000];
static uint64_t draw;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int step_keep(void)
{
    struct rt_tensor t;
    struct rt_key128 key = {1, 1};
    struct rt_frame *f = rt_store_get(store, key);
    if (!f) {
        RT_TRY(rt_frame_pack(&f, "raw", &raw, 0));
        rt_store_put(store, key, f);
    }
    RT_TRY(rt_frame_unpack(f, &t, NULL));
    rt_frame_unref(f);
    rt_tensor_fini(&t);
    return 0;
}

static int step_noise(void)
{
    struct rt_rng rng = rt_rng_init(1, draw++, 0, RT_RNG_SPEECH);
    memcpy(raw.data, clean, sizeof clean);
    return rt_modality_speech.augment(&front, 0, &raw, &rng, NULL);
}

static int step_room(void)
{
    return rt_convolve(raw.data, SAMPLES, response, 16000, front.work);
}

static int step_features(void)
{
    rt_work_tensor_fini(front.work, &base);
    return rt_modality_speech.features(&front, &raw, &base, NULL);
}

static int step_present(void)
{
    struct rt_rng rng = rt_rng_init(1, draw++, 0, RT_RNG_SPEECH);
    return rt_modality_speech.present(&front, &base, &rng, row);
}

/* Of a whole batch, there and back. */
static int step_pack(void)
{
    struct rt_frame *f;
    struct rt_tensor t = rt_tensor_view(RT_F32, 2, (int64_t[]){BATCH, (int64_t)front.speech.frames * 40}, row), back;
    RT_TRY(rt_frame_pack(&f, "input", &t, 1));
    RT_TRY(rt_frame_unpack(f, &back, NULL));
    rt_frame_unref(f);
    rt_tensor_fini(&back);
    return 0;
}

static int bench_step(const char *name, int rounds, int samples, int (*step)(void))
{
    double best = INFINITY, begin;
    for (int i = 0; i < 5; i++) {
        begin = now();
        for (int k = 0; k < rounds; k++)
            RT_TRY(step());
        best = fmin(best, (now() - begin) / rounds / samples);
    }
    printf("%-44s %7.1f\n", name, 1e6 * best);
    return 0;
}

static int bench_run(int rounds)
{
    RT_TRY(rt_modality_speech.features(&front, &raw, &base, NULL));
    RT_TRY(bench_step("kept sound", rounds, 1, step_keep));
    RT_TRY(bench_step("white or pink noise", rounds, 1, step_noise));
    RT_TRY(bench_step("a room of a second", rounds, 1, step_room));
    RT_TRY(bench_step("features", rounds, 1, step_features));
    RT_TRY(bench_step("a row of the input", rounds, 1, step_present));
    for (int i = BATCH - 1; i >= 0; i--) { /* the row that is made is the first */
        RT_TRY(step_noise());
        RT_TRY(step_features());
        RT_TRY(step_present());
        memcpy(row + i * front.speech.frames * 40, row, (size_t)front.speech.frames * 40 * sizeof *row);
    }
    return bench_step("its part of a batch, packed and unpacked", rounds / 8 + 1, BATCH, step_pack);
}

int main(int argc, char **argv)
{
    struct rt_recipe recipe;
    struct rt_error e = {0};
    struct rt_rng rng = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    char folder[] = "/tmp/speech-bench-XXXXXX", path[64];
    rt_recipe_init(&recipe);
    front = rt_front_of(&recipe);
    front.speech.bands = 40;
    front.speech.frames = 96;
    front.augment.noise = 1;
    struct rt_fbank *fbank;
    row = calloc((size_t)BATCH * 96 * 40, sizeof *row);
    if (!row || !mkdtemp(folder) || rt_work_create(&front.work) < 0 || rt_front_fbank(&front, RT_SPEECH, &fbank) < 0 ||
        rt_tensor_init(&raw, RT_F32, 1, (int64_t[]){SAMPLES}) < 0 ||
        rt_store_open(&store, folder, "sound", 1 << 24, &e) < 0)
        return 1;
    front.fbank = fbank;
    for (int i = 0; i < SAMPLES; i++)
        clean[i] = 0.1f * (float)(sin(i * 0.05) + 0.1 * rt_rng_normal(&rng));
    for (int i = 0; i < 16000; i++)
        response[i] = (float)(exp(-i / 2000.0) * rt_rng_normal(&rng));
    response[100] = 9;
    memcpy(raw.data, clean, sizeof clean);
    int rc = bench_run(argc > 1 ? atoi(argv[1]) : 200);
    rt_store_close(store);
    snprintf(path, sizeof path, "%s/sound.store", folder);
    remove(path);
    remove(folder);
    rt_fbank_destroy(fbank);
    rt_tensor_fini(&raw);
    rt_work_tensor_fini(front.work, &base);
    rt_work_destroy(front.work);
    free(row);
    return rc < 0;
}
