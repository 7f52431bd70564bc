/* SPDX-License-Identifier: MIT
 * tokens: text as another program's text encoder reads it: the ids of its tokens, in their order (stages/tokenizer).
 * What a text is, and how good, is the modality text's (text.c); only what the network gets differs. A vtable of its
 * own and no switch in text.c: of a text student nothing here is reached. */
#include "formats/unicode.h"
#include "formats/utf8.h"
#include "formats/work.h"
#include "stages/modality/modality.h"
#include "stages/tokenizer/tokenizer.h"

#include <inttypes.h>
#include <stdio.h>

/* Whatever is not blank: the tokenizer knows signs that text.c makes nothing of, as pictures or arrows. */
static int tokens_check_raw(const struct rt_tensor *raw, struct rt_error *e)
{
    RT_TRY(rt_text_check(raw, e));
    size_t size = (size_t)raw->dim[0];
    for (size_t at = 0; at < size;)
        if (!rt_unicode_is_space(rt_utf8_next(raw->data, size, &at)))
            return 0;
    return rt_error_set(e, RT_EEMPTY, "nothing but blanks in %zu bytes of text", size);
}

static int tokens_load(const struct rt_input *in, struct rt_tensor *raw, double *source, struct rt_error *e)
{
    struct rt_tensor t = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)in->size}, (void *)in->bytes);
    (void)source;
    return rt_modality_raw(raw, &t, tokens_check_raw, in->name, e);
}

static int tokens_measure(const struct rt_tensor *raw, const double *source, double *value, struct rt_error *e)
{
    (void)source;
    RT_TRY(tokens_check_raw(raw, e));
    rt_text_measure(raw, value);
    return 0;
}

static int tokens_features(const struct rt_front *f, const struct rt_tensor *raw, struct rt_tensor *base,
                           struct rt_error *e)
{
    struct rt_tokens k;
    *base = (struct rt_tensor){0};
    RT_TRY(rt_tokenizer_encode(f->text.tokenizer, raw->data, (size_t)raw->dim[0], f->text.tokens, &k, e));
    int rc = k.count ? rt_work_tensor(f->work, base, RT_I32, 2, (int64_t[]){k.count, 2}) : RT_EEMPTY;
    for (int i = 0; rc == 0 && i < k.count; i++) {
        ((int32_t *)base->data)[2 * i] = k.id[i];
        ((int32_t *)base->data)[2 * i + 1] = k.type[i];
    }
    rt_tokens_fini(&k);
    if (rc == RT_EEMPTY)
        return rt_error_set(e, rc, "the teacher's tokenizer leaves nothing of %lld bytes of text",
                            (long long)raw->dim[0]);
    return rc < 0 ? rt_error_set(e, rc, "out of memory for the tokens of a text") : 0;
}

bool rt_tokens_cut(const struct rt_front *f, const struct rt_tensor *raw)
{
    struct rt_tokens k;
    struct rt_error e;
    bool cut = rt_tokenizer_encode(f->text.tokenizer, raw->data, (size_t)raw->dim[0], f->text.tokens, &k, &e) == 0 &&
               k.cut;
    rt_tokens_fini(&k);
    return cut;
}

static void tokens_features_key(const struct rt_front *f, char *text, size_t size)
{
    struct rt_hash128 h = rt_tokenizer_hash(f->text.tokenizer);
    snprintf(text, size, "tokens 1 of %016" PRIx64 "%016" PRIx64 " most %d", h.hi, h.lo, f->text.tokens);
}

static int tokens_shape(const struct rt_front *f, int64_t dim[3])
{
    (void)f, (void)dim;
    return 0;
}

static int tokens_present_bag(const struct rt_front *f, const struct rt_tensor *base, struct rt_rng *rng,
                              struct rt_bag *out)
{
    (void)rng; /* nothing is done to texts of a teacher */
    *out = (struct rt_bag){0};
    if (base->dtype != RT_I32 || base->rank != 2 || base->dim[1] != 2 || base->dim[0] < 1)
        return RT_EMISMATCH;
    size_t n = (size_t)base->dim[0];
    const int32_t *pair = base->data;
    out->bucket = rt_work_take(f->work, n * sizeof *out->bucket);
    out->weight = rt_work_take(f->work, n * sizeof *out->weight);
    if (!out->bucket || !out->weight) {
        rt_work_give(f->work, out->bucket);
        rt_work_give(f->work, out->weight);
        *out = (struct rt_bag){0};
        return RT_EMEM;
    }
    for (size_t i = 0; i < n; i++) {
        out->bucket[i] = pair[2 * i];
        out->weight[i] = (float)pair[2 * i + 1];
    }
    out->count = (int)n;
    return 0;
}

const struct rt_modality rt_modality_tokens = {
    .name = "text",
    .id = RT_TEXT,
    .quick = true,
    .load = tokens_load,
    .features = tokens_features,
    .features_key = tokens_features_key,
    .shape = tokens_shape,
    .present_bag = tokens_present_bag,
    .measure = tokens_measure,
};
