/* SPDX-License-Identifier: MIT
 * text: words and character 3- to 5-grams, in one form of Unicode, lower-cased and hashed into buckets. A word is a
 * run of letters, marks and digits (script.c); scripts without spaces give long words, and their n-grams
 * do the work. Weights by TF-IDF; the IDF is fitted in idf.c. */
#include "formats/hash.h"
#include "formats/unicode.h"
#include "formats/utf8.h"
#include "formats/work.h"
#include "stages/modality/modality.h"
#include "stages/modality/script.h"
#include "stages/modality/text_buckets.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRAM_MIN 3
#define GRAM_MAX 5
#define EDGE 0x20 /* stands before and after a word in its n-grams; never inside one */

static const struct rt_measure measures[] = {
    {"length", "characters", RT_HIGHER, "length of the text",
     RT_NO_KNEE},
    {"known", "", RT_HIGHER, "share of the characters that belong to a script in common use",
     RT_NO_KNEE},
};

/* ---- raw: bytes of valid UTF-8 ----
 * A cell of the manifest. Bytes that are no UTF-8 mean that a file was saved in another encoding,
 * and every n-gram of it would be noise, so it is refused and not repaired. */

int rt_text_check(const struct rt_tensor *raw, struct rt_error *e)
{
    if (raw->dtype != RT_U8 || raw->rank != 1)
        return rt_error_set(e, RT_EMISMATCH, "text must be a row of bytes");
    const char *text = raw->data;
    size_t size = (size_t)raw->dim[0], bad = rt_utf8_check(text, size);
    if (bad < size)
        return rt_error_set(e, RT_EFORMAT, "byte %zu (0x%02x) is not UTF-8; save the text as UTF-8",
                            bad, (unsigned char)text[bad]);
    return 0;
}

static int text_check_raw(const struct rt_tensor *raw, struct rt_error *e)
{
    RT_TRY(rt_text_check(raw, e));
    const char *text = raw->data;
    size_t size = (size_t)raw->dim[0];
    for (size_t at = 0; at < size;)
        if (rt_script_kind(rt_utf8_next(text, size, &at)) == RT_SCRIPT_WORD)
            return 0;
    return rt_error_set(e, RT_EEMPTY, "no letter or digit in %zu bytes of text", size);
}

static int text_load(const struct rt_input *in, struct rt_tensor *raw, double *source, struct rt_error *e)
{
    struct rt_tensor t = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)in->size}, (void *)in->bytes);
    (void)source;
    return rt_modality_raw(raw, &t, text_check_raw, in->name, e);
}

/* ---- features: pairs (bucket, count) ----
 * Hashing instead of a vocabulary: nothing to fit or to keep beside the model, any language, and a
 * word never seen is still known by its n-grams. Two features that meet in a bucket are the price
 * (text.buckets says how many there are). Augmentation drops words from these pairs, not from raw.
 * Which buckets were met is noted on the way: a text meets a hundred of sixteen thousand. */

struct counter {
    int32_t *count; /* [buckets] 0 at first */
    int32_t *met;   /* [distinct] */
    uint64_t buckets;
    int64_t distinct;
};

/* `kind` keeps a word apart from the same n-gram. */
static void text_count_feature(struct counter *k, uint64_t kind, const int32_t *c, int64_t n)
{
    int32_t bucket = (int32_t)(rt_hash64(c, (size_t)n * sizeof *c, kind) % k->buckets);
    if (k->count[bucket]++ == 0)
        k->met[k->distinct++] = bucket;
}

/* edged: EDGE, the word, EDGE; n code points in all. */
static void text_count_word(struct counter *k, const int32_t *edged, int64_t n)
{
    text_count_feature(k, 0, edged + 1, n - 2);
    for (int gram = GRAM_MIN; gram <= GRAM_MAX; gram++)
        for (int64_t i = 0; i + gram <= n; i++)
            text_count_feature(k, (uint64_t)gram, edged + i, gram);
}

/* word: room for every code point and two more. */
static void text_count_words(struct counter *k, const char *text, size_t size, int32_t *word)
{
    int64_t n = 1;
    word[0] = EDGE;
    for (size_t at = 0; at < size;) {
        int32_t c = rt_utf8_next(text, size, &at);
        bool part = rt_script_kind(c) == RT_SCRIPT_WORD;
        if (part)
            word[n++] = rt_script_lower(c);
        if (n > 1 && (!part || at >= size)) {
            word[n] = EDGE;
            text_count_word(k, word, n + 1);
            n = 1;
        }
    }
}

static size_t text_words_of_bits(uint64_t buckets)
{
    return (size_t)(buckets / 64) + 1;
}

/* A word of n letters has at most 3 n + 4 features, and there are no more words than letters. */
static size_t text_most_buckets(size_t size, uint64_t buckets)
{
    return size < buckets / 8 ? 8 * size + 8 : buckets;
}

/* The buckets met, ascending, with their counts. A bit for each bucket puts them in order: sorting a hundred takes
 * longer than looking at 256 words of bits, and looking at 16,384 counts longer still. bits: 0 at first. */
static void text_write_pairs(const struct counter *k, uint64_t *bits, int32_t *pair)
{
    for (int64_t i = 0; i < k->distinct; i++)
        bits[k->met[i] >> 6] |= UINT64_C(1) << (k->met[i] & 63);
    for (size_t w = 0; w < text_words_of_bits(k->buckets); w++)
        for (uint64_t left = bits[w]; left; left &= left - 1) {
            int32_t bucket = (int32_t)(64 * w) + __builtin_ctzll(left);
            *pair++ = bucket;
            *pair++ = k->count[bucket];
        }
}

static int text_features(const struct rt_front *f, const struct rt_tensor *raw,
                         struct rt_tensor *base, struct rt_error *e)
{
    *base = (struct rt_tensor){0};
    RT_TRY(text_check_raw(raw, e));
    struct counter k = {.buckets = (uint64_t)f->text.buckets};
    const char *text = raw->data;
    size_t size = (size_t)raw->dim[0];
    char *composed = NULL;
    int rc = f->text.nfc ? rt_unicode_nfc(text, size, f->work, &composed, &size) : 0;
    int32_t *word = rc ? NULL : rt_work_take(f->work, (size + 2) * sizeof *word);
    k.count = rc ? NULL : rt_work_take(f->work, k.buckets * sizeof *k.count);
    k.met = rc ? NULL : rt_work_take(f->work, text_most_buckets(size, k.buckets) * sizeof *k.met);
    uint64_t *bits = rc ? NULL : rt_work_take(f->work, text_words_of_bits(k.buckets) * sizeof *bits);
    rc = rc ? rc : RT_EMEM;
    if (!word || !k.count || !k.met || !bits)
        goto out;
    memset(k.count, 0, k.buckets * sizeof *k.count);
    text_count_words(&k, composed ? composed : text, size, word);
    rc = rt_work_tensor(f->work, base, RT_I32, 2, (int64_t[]){k.distinct, 2});
    if (rc)
        goto out;
    memset(bits, 0, text_words_of_bits(k.buckets) * sizeof *bits);
    text_write_pairs(&k, bits, base->data);
out:
    rt_work_give(f->work, bits);
    rt_work_give(f->work, composed);
    rt_work_give(f->work, word);
    rt_work_give(f->work, k.count);
    rt_work_give(f->work, k.met);
    return rc ? rt_error_set(e, rc, "out of memory for the features of %zu bytes of text", size)
              : 0;
}

/* ---- which buckets, and no more ----
 * Of a million texts, whose counts nobody asks for: nothing is allocated, sorted, or looked at that a text does not
 * meet. */

int rt_text_buckets_init(struct rt_text_buckets *t, const struct rt_front *front)
{
    *t = (struct rt_text_buckets){.front = front, .count = calloc((size_t)front->text.buckets, sizeof *t->count)};
    return t->count ? 0 : RT_EMEM;
}

void rt_text_buckets_fini(struct rt_text_buckets *t)
{
    free(t->count);
    free(t->word);
    free(t->met);
    *t = (struct rt_text_buckets){.front = NULL};
}

static int buckets_reserve(struct rt_text_buckets *t, size_t size)
{
    if (size < t->room)
        return 0;
    size_t room = size < 1000 ? 1000 : 2 * size;
    free(t->word);
    free(t->met);
    t->room = 0;
    t->word = malloc((room + 2) * sizeof *t->word);
    t->met = malloc(text_most_buckets(room, (uint64_t)t->front->text.buckets) * sizeof *t->met);
    if (!t->word || !t->met)
        return RT_EMEM;
    t->room = room;
    return 0;
}

int64_t rt_text_buckets_find(struct rt_text_buckets *t, const char *text, size_t size)
{
    struct counter k = {.count = t->count, .buckets = (uint64_t)t->front->text.buckets};
    struct rt_tensor raw = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)size}, (void *)(uintptr_t)text);
    struct rt_error why = {0};
    char *composed = NULL;
    RT_TRY(text_check_raw(&raw, &why));
    int rc = t->front->text.nfc ? rt_unicode_nfc(text, size, NULL, &composed, &size) : 0;
    if (rc == 0)
        rc = buckets_reserve(t, size);
    if (rc == 0) {
        k.met = t->met;
        text_count_words(&k, composed ? composed : text, size, t->word);
    }
    free(composed);
    for (int64_t i = 0; i < k.distinct; i++)
        t->count[t->met[i]] = 0;
    return rc < 0 ? rc : k.distinct;
}

static void text_features_key(const struct rt_front *f, char *text, size_t size)
{
    snprintf(text, size, "text 1 buckets %d%s", (int)f->text.buckets, f->text.nfc ? " nfc" : "");
}

/* ---- present: a bag of (bucket, weight) ----
 * TF-IDF with a logarithm of the count, l2-normalised: long and short texts come with the same
 * norm. */

static int text_shape(const struct rt_front *f, int64_t dim[3])
{
    (void)f, (void)dim;
    return 0;
}

/* It comes from a cache on disk: a bucket beyond the table must not reach the network. */
static int text_check_base(const struct rt_front *f, const struct rt_tensor *base)
{
    if (base->dtype != RT_I32 || base->rank != 2 || base->dim[1] != 2 || base->dim[0] < 1)
        return RT_EMISMATCH;
    const int32_t *pair = base->data;
    for (int64_t i = 0; i < base->dim[0]; i++, pair += 2)
        if (pair[0] < 0 || pair[0] >= f->text.buckets || pair[1] < 1)
            return RT_EMISMATCH;
    return 0;
}

/* One feature is chosen beforehand and always kept, so that no bag comes out empty. */
static void text_fill_bag(const struct rt_front *f, const struct rt_tensor *base,
                          struct rt_rng *rng, struct rt_bag *out)
{
    const int32_t *pair = base->data;
    int64_t n = base->dim[0], kept = rng ? rt_rng_below(rng, (uint32_t)n) : 0;
    double drop = rng ? f->augment.words : 0, square = 0;
    for (int64_t i = 0; i < n; i++, pair += 2) {
        if (drop > 0 && rt_rng_unit(rng) < drop && i != kept)
            continue;
        float weight = 1 + logf((float)pair[1]);
        if (f->idf && f->text.idf)
            weight *= f->idf[pair[0]];
        square += (double)weight * weight;
        out->bucket[out->count] = pair[0];
        out->weight[out->count++] = weight;
    }
    float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (int i = 0; i < out->count; i++)
        out->weight[i] *= scale;
}

/* Two allocations for each row; a bag belongs to whoever asked for it. */
static int text_present_bag(const struct rt_front *f, const struct rt_tensor *base,
                            struct rt_rng *rng, struct rt_bag *out)
{
    *out = (struct rt_bag){0};
    int rc = text_check_base(f, base);
    if (rc)
        return rc;
    out->bucket = rt_work_take(f->work, (size_t)base->dim[0] * sizeof *out->bucket);
    out->weight = rt_work_take(f->work, (size_t)base->dim[0] * sizeof *out->weight);
    if (!out->bucket || !out->weight) {
        rt_work_give(f->work, out->bucket);
        rt_work_give(f->work, out->weight);
        *out = (struct rt_bag){0};
        return RT_EMEM;
    }
    text_fill_bag(f, base, rng, out);
    return 0;
}

/* In code points, not bytes, so that scripts compare. */
void rt_text_measure(const struct rt_tensor *raw, double *value)
{
    size_t size = (size_t)raw->dim[0];
    int64_t length = 0, known = 0;
    for (size_t at = 0; at < size; length++)
        known += rt_script_kind(rt_utf8_next(raw->data, size, &at)) != RT_SCRIPT_UNKNOWN;
    value[0] = (double)length;
    value[1] = (double)known / (double)length;
}

static int text_measure(const struct rt_tensor *raw, const double *source, double *value,
                        struct rt_error *e)
{
    (void)source;
    RT_TRY(text_check_raw(raw, e));
    rt_text_measure(raw, value);
    return 0;
}

const struct rt_modality rt_modality_text = {
    .name = "text",
    .id = RT_TEXT,
    .quick = true,
    .load = text_load,
    .features = text_features,
    .features_key = text_features_key,
    .shape = text_shape,
    .present_bag = text_present_bag,
    .measure = text_measure,
    .measures = measures,
    .measure_count = sizeof measures / sizeof *measures,
    .measures_version = 1,
};
