/* SPDX-License-Identifier: MIT
 * export_presets: writes every model of tests/stages/export_models.h as FOLDER/NAME.onnx, for
 * export_check, which runs them in ONNX Runtime. Of each file that takes recordings of any length also
 * FOLDER/FILE.FRAMES.f32 for some lengths: an input, and our embedding and logits of that file. With a
 * second argument the networks of `retort bench`, for latency. Measures nothing itself. */
#include "stages/model/model_onnx.h"
#include "stages/model/net.h"
#include "tests/stages/export_models.h"
#include "tests/stages/export_quantise.h"

#include <stdio.h>

static bool write_floats(FILE *f, const float *x, int n)
{
    return fwrite(x, sizeof *x, (size_t)n, f) == (size_t)n;
}

static int write_length(const char *stem, const struct rt_model *m, int frames)
{
    char path[4096];
    struct rt_net *n = NULL;
    struct rt_net_outputs out;
    struct rt_error e = {0};
    int numbers = frames * m->front.speech.bands;
    float *x = malloc((size_t)numbers * sizeof *x);
    struct rt_rng r = rt_rng_init(2, 0, (uint64_t)frames, RT_RNG_TEST);
    snprintf(path, sizeof path, "%s.%d.f32", stem, frames);
    FILE *f = fopen(path, "wb");
    for (int i = 0; x && i < numbers; i++)
        x[i] = (float)rt_rng_normal(&r);
    bool good = f && x && rt_net_create(&n, m, 1) == 0 && rt_net_run_length(n, frames, x, &out, &e) == 0 &&
                write_floats(f, x, numbers) && write_floats(f, out.embedding, m->dim) &&
                write_floats(f, out.logits, m->classes);
    if (f && fclose(f) != 0)
        good = false;
    if (!good)
        fprintf(stderr, "%s: %s\n", path, e.text);
    rt_net_destroy(n);
    free(x);
    return good ? 0 : -1;
}

/* Of STEM.onnx, read as a user would read it: its weights may have been rounded. */
static int write_lengths(const char *stem)
{
    static const int length[] = {28, 98, 500, 1998, 5998}; /* of 10 ms: 0.3, 1, 5, 20 and 60 s */
    char path[4096];
    struct rt_model m;
    struct rt_error e = {0}, fixed = {0};
    snprintf(path, sizeof path, "%s.onnx", stem);
    int rc = rt_model_load(&m, path, &e);
    if (rc) {
        fprintf(stderr, "%s: %s\n", path, e.text);
        return rc;
    }
    for (int k = 0; !rc && k < 5 && rt_net_lengths(&m, NULL, &fixed) == 0; k++)
        rc = write_length(stem, &m, length[k]);
    rt_model_fini(&m);
    return rc;
}

/* As in tui/cli/cmd_bench.c. */
#define SPEECH "speech.frames=200", "speech.bands=80", "student.embedding=128"
static const struct export_model bench_models[] = {
    {"cnn1d", {"student.net=cnn1d", "student.embedding=128"}, false, RT_HEAD_OWN},
    {"cnn2d-64", {"student.modality=image", "student.net=cnn2d", "image.size=64", "student.embedding=128"}, false,
     RT_HEAD_OWN},
    {"resnet34-8", {"student.net=resnet", "student.width=8", SPEECH}, false, RT_HEAD_OWN},
    {"resnet34-16", {"student.net=resnet", "student.width=16", SPEECH}, false, RT_HEAD_OWN},
    {"resnet34-32", {"student.net=resnet", "student.width=32", SPEECH}, false, RT_HEAD_OWN},
    {"tdnn-512", {"student.net=tdnn", "student.width=512", SPEECH}, false, RT_HEAD_OWN},
    {"front", {"student.net=cnn1d", "student.width=1", SPEECH}, false, RT_HEAD_OWN}, /* and little else */
};
#define BENCH_MODELS ((int)(sizeof bench_models / sizeof *bench_models))

static int write_onnx(const char *folder, const char *name, const char *kind, struct rt_model *m,
                      enum rt_onnx_weights weights)
{
    char path[4096];
    struct rt_onnx *o;
    struct rt_error e = {0};
    snprintf(path, sizeof path, "%s/%s%s.onnx", folder, name, kind);
    int rc = rt_model_to_onnx(&o, m, weights, &e);
    if (!rc)
        rc = rt_onnx_write(o, path, &e);
    if (rc)
        fprintf(stderr, "%s: %s\n", path, e.text);
    rt_onnx_destroy(o);
    return rc;
}

/* In 8 bits, with the ranges that the values have on the golden input of the file written before. */
static int write_int8(const char *folder, const struct export_model *from, struct rt_model *m)
{
    char path[4096];
    struct rt_onnx *o;
    struct rt_golden g;
    struct rt_model narrow;
    struct rt_error e = {0};
    int places = 0;
    snprintf(path, sizeof path, "%s/%s.onnx", folder, from->name);
    int rc = rt_onnx_read(&o, path, &e);
    if (rc)
        return rc;
    rc = rt_golden_read(&g, o, path, &e);
    struct rt_range *range = rc ? NULL : export_ranges(m, &g, &places);
    rc = range ? rt_model_quantise(&narrow, m, range, &e) : -1;
    if (!rc) {
        rc = write_onnx(folder, from->name, "-int8", &narrow, RT_ONNX_WEIGHTS_INT8);
        rt_model_fini(&narrow);
    }
    free(range);
    rt_golden_fini(&g);
    rt_onnx_destroy(o);
    return rc;
}

static int write_model(const char *folder, const struct export_model *from, bool check)
{
    static const char *const kind[] = {"", "-half", "-int8"};
    char stem[4000];
    struct rt_model m;
    export_make(&m, from);
    int rc = write_onnx(folder, from->name, kind[0], &m, RT_ONNX_WEIGHTS_FLOAT);
    if (!rc)
        rc = write_onnx(folder, from->name, kind[1], &m, RT_ONNX_WEIGHTS_HALF);
    if (!rc)
        rc = write_int8(folder, from, &m);
    rt_model_fini(&m);
    for (int k = 0; !rc && check && k < 3; k++) {
        snprintf(stem, sizeof stem, "%s/%s%s", folder, from->name, kind[k]);
        rc = write_lengths(stem);
    }
    return rc;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s FOLDER [bench]\n", argv[0]);
        return 2;
    }
    bool bench = argc == 3;
    const struct export_model *model = bench ? bench_models : export_models;
    for (int i = 0; i < (bench ? BENCH_MODELS : EXPORT_MODELS); i++)
        failed |= write_model(argv[1], &model[i], !bench) != 0;
    return failed;
}
