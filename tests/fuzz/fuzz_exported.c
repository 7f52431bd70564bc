/* SPDX-License-Identifier: MIT
 * fuzz_exported: any ONNX file (fuzz_onnx) as what `export` once wrote: refused, or a model, and the pair of input and
 * answer that it carries, which the model and the graph itself are asked; and as another program's: what is in it, its
 * classifier, and the front end that its metadata speak of. Nothing of it makes more of what a file holds than there
 * is. */
#include "stages/model/model_onnx.h"
#include "stages/model/onnx_front.h"
#include "stages/onnx/census.h"
#include "stages/onnx/classifier.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ours_read(const struct rt_onnx *o)
{
    static struct rt_model m;
    struct rt_golden g = {0};
    struct rt_error e = {0};
    double worst;
    if (rt_model_from_onnx(&m, o, "input", &e) < 0)
        assert(e.code < 0 && e.text[0]);
    else if (rt_golden_read(&g, o, "input", &e) < 0 || rt_golden_compare(&g, &m, &worst, &e) < 0)
        assert(e.code < 0 && e.text[0]);
    rt_golden_fini(&g);
    rt_model_fini(&m);
}

static void others_read(const struct rt_onnx *o)
{
    struct rt_census census;
    struct rt_classifier classifier;
    struct rt_error e = {0};
    char words[RT_ONNX_FRONT_WORDS];
    if (rt_census_take(&census, o) == 0)
        for (int i = 0; i < census.ops; i++)
            assert(census.op[i].count > 0 && census.op[i].type && (!census.op[i].node || census.op[i].missing[0]));
    rt_census_fini(&census);
    for (int i = 0; i < o->outputs; i++)
        if (rt_classifier_read(&classifier, o, rt_classifier_logits(o, o->output[i].name)))
            assert(classifier.embedding && classifier.weight);
    rt_onnx_front_modality(o, RT_FRONT_AUTO);
    for (int m = 0; m < RT_MODALITIES; m++) {
        struct rt_front_settings s = rt_front_preset(RT_FRONT_AUTO);
        if (rt_onnx_front(&s, o, "input", "teacher", (enum rt_modality_id)m, words, &e) < 0)
            assert(e.text[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_onnx *o;
    struct rt_error e = {0};
    if (rt_onnx_parse(&o, data, size, "input", NULL, &e) < 0)
        return 0;
    others_read(o);
    ours_read(o);
    rt_onnx_destroy(o);
    return 0;
}
