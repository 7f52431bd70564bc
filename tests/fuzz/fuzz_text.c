/* SPDX-License-Identifier: MIT
 * fuzz_text: any bytes as a text: refused, or measured, brought to form NFC, which is in that form already when it is
 * asked again, and made into a bag whose buckets are in the table; and on its way to a terminal nothing of it
 * commands. */
#include "formats/plain.h"
#include "formats/unicode.h"
#include "formats/utf8.h"
#include "stages/modality/modality.h"
#include "stages/modality/text_buckets.h"
#include "tests/fuzz/fuzz_file.h"

#include <math.h>

#define BUCKETS 97

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_composed(const char *text, size_t size)
{
    char *once, *twice;
    size_t length = size, again;
    if (rt_unicode_nfc(text, size, NULL, &once, &length) < 0)
        abort();
    const char *composed = once ? once : text;
    assert(rt_utf8_check(composed, length) == length);
    again = length;
    if (rt_unicode_nfc(composed, length, NULL, &twice, &again) < 0)
        abort();
    assert(again == length && (!twice || !memcmp(twice, composed, length)));
    free(once);
    free(twice);
}

static void check_bag(const struct rt_front *f, const struct rt_tensor *raw)
{
    static struct rt_text_buckets buckets;
    struct rt_tensor base;
    struct rt_bag bag;
    struct rt_error e = {0};
    if (!buckets.front && rt_text_buckets_init(&buckets, f) < 0)
        abort();
    int64_t found = rt_text_buckets_find(&buckets, raw->data, (size_t)raw->dim[0]);
    if (rt_modality_text.features(f, raw, &base, &e) < 0) {
        assert(e.text[0] && found < 0);
        return;
    }
    int rc = rt_modality_text.present_bag(f, &base, NULL, &bag);
    assert(rc == 0 && found == base.dim[0] && bag.count == found);
    (void)rc;
    for (int i = 0; i < bag.count; i++)
        assert(bag.bucket[i] >= 0 && bag.bucket[i] < BUCKETS && isfinite(bag.weight[i]));
    rt_tensor_fini(&base);
    free(bag.bucket);
    free(bag.weight);
}

static void check_plain(char *text)
{
    char *folded = NULL;
    if (rt_utf8_check(text, strlen(text)) == strlen(text)) {
        int rc = rt_unicode_fold(text, &folded);
        assert(rc == 0 && folded);
        (void)rc;
    }
    free(folded);
    size_t length = strlen(rt_plain_text(text));
    for (size_t at = 0; at < length;) {
        int32_t c = rt_utf8_next(text, length, &at);
        assert(c == '\n' || rt_plain_char(c));
        (void)c;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_front front = {.text = {.buckets = BUCKETS, .nfc = true}};
    char *text = fuzz_text(data, size);
    struct rt_tensor raw = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)size}, text);
    double value[RT_MEASURES_MAX];
    struct rt_error e = {0};
    if (rt_modality_text.measure(&raw, NULL, value, &e) < 0) {
        assert(e.code < 0 && e.text[0]);
    } else {
        assert(value[0] > 0 && value[1] >= 0 && value[1] <= 1);
        check_composed(text, size);
        check_bag(&front, &raw);
    }
    check_plain(text);
    free(text);
    return 0;
}
