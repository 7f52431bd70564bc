/* SPDX-License-Identifier: MIT
 * test_text: every reason to leave a text out; words, n-grams and lower case; TF-IDF; dropped words
 * follow from the random numbers alone; measures; kinds of code points. */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "stages/modality/idf.h"
#include "formats/recipe.h"
#include "stages/modality/modality.h"
#include "stages/modality/script.h"
#include "stages/modality/text_buckets.h"

static const struct rt_modality *const text = &rt_modality_text;
static struct rt_front front;

static int reset(void **state)
{
    (void)state;
    struct rt_recipe recipe;
    rt_recipe_init(&recipe);
    front = rt_front_of(&recipe);
    front.text.buckets = 1 << 20; /* few collisions */
    return 0;
}

static struct rt_tensor base_of(const char *words)
{
    struct rt_tensor raw, base;
    struct rt_error e = {0};
    assert_int_equal(text->load(&RT_INPUT(words, strlen(words), "cell"), &raw, NULL, &e), 0);
    assert_int_equal(text->features(&front, &raw, &base, &e), 0);
    rt_tensor_fini(&raw);
    return base;
}

static void test_reasons(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int code;
        const char *words;
    } bad[] = {
        {"", 0, RT_EEMPTY, "0 bytes"},
        {" \t\xc2\xa0", 4, RT_EEMPTY, "no letter or digit"},
        {"?! \xf0\x9f\x98\x80", 7, RT_EEMPTY, "no letter or digit"},
        {"caf\xe9", 4, RT_EFORMAT, "byte 3 (0xe9)"},
        {"a\xed\xa0\x80", 4, RT_EFORMAT, "byte 1"},
        {"ab\xe2\x82", 4, RT_EFORMAT, "byte 2"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rt_tensor raw;
        struct rt_error e = {0};
        assert_int_equal(text->load(&RT_INPUT(bad[i].bytes, bad[i].size, "cell"), &raw, NULL, &e), bad[i].code);
        assert_null(raw.data);
        assert_non_null(strstr(e.text, bad[i].words));
        assert_memory_equal(e.text, "cell: ", 6);
    }
}

static void test_reasons_of_raw(void **state)
{
    (void)state;
    char bytes[] = "\xff.";
    double value[RT_MEASURES_MAX];
    struct rt_tensor base, raw = rt_tensor_view(RT_U8, 1, (int64_t[]){1}, bytes);
    assert_int_equal(text->features(&front, &raw, &base, NULL), RT_EFORMAT);
    assert_int_equal(text->measure(&raw, NULL, value, NULL), RT_EFORMAT);
    raw.data = bytes + 1;
    assert_int_equal(text->features(&front, &raw, &base, NULL), RT_EEMPTY);
    raw.rank = 2;
    assert_int_equal(text->measure(&raw, NULL, value, NULL), RT_EMISMATCH);
    assert_null(base.data);
}

static int64_t total(const struct rt_tensor *base)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < base->dim[0]; i++) {
        const int32_t *pair = (int32_t *)base->data + 2 * i;
        assert_true(i == 0 || pair[0] > pair[-2]);
        assert_true(pair[0] >= 0 && pair[0] < front.text.buckets && pair[1] > 0);
        sum += pair[1];
    }
    return sum;
}

static void assert_same(const char *a, const char *b, bool same)
{
    struct rt_tensor x = base_of(a), y = base_of(b);
    bool equal = x.dim[0] == y.dim[0] && memcmp(x.data, y.data, rt_tensor_bytes(&x)) == 0;
    assert_int_equal(equal, same);
    rt_tensor_fini(&x);
    rt_tensor_fini(&y);
}

static void test_features(void **state)
{
    (void)state;
    struct rt_tensor base = base_of("cat"); /* the word; _ca cat at_ _cat cat_ _cat_ */
    assert_int_equal(total(&base), 7);
    assert_int_equal(base.dim[0], 7);
    rt_tensor_fini(&base);
    base = base_of("cat, Cat! CAT"); /* the same seven, three times */
    assert_int_equal(base.dim[0], 7);
    assert_int_equal(total(&base), 21);
    rt_tensor_fini(&base);
    base = base_of("x"); /* the word and _x_ */
    assert_int_equal(total(&base), 2);
    rt_tensor_fini(&base);
    assert_same("two words", "words   two\n", true); /* a bag */
    assert_same("ab cd", "abcd", false);
    assert_same("STRASSE \xc3\x84RGER", "strasse \xc3\xa4rger", true);
    assert_same("\xce\x9f\xce\x94\xce\x9f\xce\xa3", "\xce\xbf\xce\xb4\xce\xbf\xcf\x82",
                true); /* final s */
    assert_same("\xd0\x9a\xd0\x9e\xd0\xa2", "\xd0\xba\xd0\xbe\xd1\x82", true);
    assert_same("cat", "cut", false);
    base = base_of(
        "\xe7\x8c\xab\xe3\x81\xaf\xe5\x8f\xaf\xe6\x84\x9b\xe3\x81\x84"); /* five characters */
    assert_int_equal(total(&base), 1 + 5 + 4 + 3);
    rt_tensor_fini(&base);
}

/* A letter and its accent are one however they are written, but in runs from before there was a form. */
static void test_forms(void **state)
{
    (void)state;
    char with[64], without[64];
    assert_same("caf\xc3\xa9", "cafe\xcc\x81", true);
    assert_same("caf\xc3\xa9", "cafe", false);
    assert_same("\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", true);
    text->features_key(&front, with, sizeof with);
    front.text.nfc = false;
    assert_same("caf\xc3\xa9", "cafe\xcc\x81", false);
    text->features_key(&front, without, sizeof without);
    assert_string_not_equal(with, without);
}

/* However few the buckets, nothing is lost, and the key tells the number. */
static void test_buckets(void **state)
{
    (void)state;
    char a[64], b[64];
    text->features_key(&front, a, sizeof a);
    front.text.buckets = 64;
    text->features_key(&front, b, sizeof b);
    assert_string_not_equal(a, b);
    struct rt_tensor base = base_of("the quick brown fox jumps over the lazy dog");
    assert_true(base.dim[0] <= 64);
    assert_int_equal(total(&base), 4 * 7 + 2 * 10 + 3 * 13);
    rt_tensor_fini(&base);
}

static double length_of(const struct rt_bag *bag)
{
    double sum = 0;
    for (int i = 0; i < bag->count; i++)
        sum += (double)bag->weight[i] * bag->weight[i];
    return sqrt(sum);
}

static void bag_fini(struct rt_bag *bag)
{
    free(bag->bucket);
    free(bag->weight);
}

static void test_present(void **state)
{
    (void)state;
    int32_t pairs[] = {2, 1, 5, 3};
    float idf[64] = {[2] = 2, [5] = 1};
    int64_t dim[3];
    struct rt_bag bag;
    struct rt_tensor base = rt_tensor_view(RT_I32, 2, (int64_t[]){2, 2}, pairs);
    front.text.buckets = 64;
    assert_int_equal(text->shape(&front, dim), 0);
    assert_null(text->present);
    assert_int_equal(text->present_bag(&front, &base, NULL, &bag), 0);
    assert_int_equal(bag.count, 2);
    assert_int_equal(bag.bucket[1], 5);
    assert_true(fabs(bag.weight[1] / bag.weight[0] - (1 + log(3))) < 1e-6);
    assert_true(fabs(length_of(&bag) - 1) < 1e-6);
    bag_fini(&bag);
    front.idf = idf;
    assert_int_equal(text->present_bag(&front, &base, NULL, &bag), 0);
    assert_true(fabs(bag.weight[1] / bag.weight[0] - (1 + log(3)) / 2) < 1e-6);
    bag_fini(&bag);
    static const int32_t wrong[][2] = {{-1, 1}, {64, 1}, {3, 0}};
    for (int i = 0; i < 3; i++) {
        memcpy(pairs, wrong[i], sizeof wrong[i]);
        assert_int_equal(text->present_bag(&front, &base, NULL, &bag), RT_EMISMATCH);
        assert_null(bag.bucket);
    }
    base.dim[0] = 0;
    assert_int_equal(text->present_bag(&front, &base, NULL, &bag), RT_EMISMATCH);
}

static void test_dropped_words(void **state)
{
    (void)state;
    front.augment.words = 0.5;
    struct rt_tensor base = base_of("some words that are dropped at random, half of them");
    int64_t kept = 0;
    for (uint64_t s = 0; s < 100; s++) {
        struct rt_bag a, b;
        struct rt_rng r = rt_rng_init(1, 1, s, RT_RNG_TEXT), q = r;
        assert_int_equal(text->present_bag(&front, &base, &r, &a), 0);
        assert_int_equal(text->present_bag(&front, &base, &q, &b), 0);
        assert_int_equal(a.count, b.count);
        assert_memory_equal(a.bucket, b.bucket, (size_t)a.count * sizeof *a.bucket);
        assert_memory_equal(a.weight, b.weight, (size_t)a.count * sizeof *a.weight);
        assert_true(fabs(length_of(&a) - 1) < 1e-5);
        kept += a.count;
        bag_fini(&a);
        bag_fini(&b);
    }
    assert_in_range(kept, base.dim[0] * 45, base.dim[0] * 55);
    rt_tensor_fini(&base);
    base = base_of("x");
    front.augment.words = 0.95;
    for (uint64_t s = 0; s < 100; s++) { /* never all of them */
        struct rt_bag a;
        struct rt_rng r = rt_rng_init(1, 1, s, RT_RNG_TEXT);
        assert_int_equal(text->present_bag(&front, &base, &r, &a), 0);
        assert_true(a.count >= 1);
        bag_fini(&a);
    }
    rt_tensor_fini(&base);
}

static void test_idf(void **state)
{
    (void)state;
    struct rt_idf f, g;
    const int32_t one[] = {0, 3}, two[] = {3};
    float x[4], y[4];
    assert_int_equal(rt_idf_init(&f, 0), RT_ERANGE);
    assert_int_equal(rt_idf_init(&f, 4), 0);
    assert_int_equal(rt_idf_init(&g, 4), 0);
    rt_idf_add(&f, one, 2);
    rt_idf_add(&g, two, 1);
    rt_idf_join(&f, &g);
    rt_idf_add(&g, one, 2);
    rt_idf_fit(&f, x);
    rt_idf_fit(&g, y);
    assert_memory_equal(x, y, sizeof x);
    assert_true(fabs(x[0] - (log(3 / 2.0) + 1)) < 1e-6);
    assert_true(fabs(x[1] - (log(3) + 1)) < 1e-6);
    assert_true(fabs(x[3] - 1) < 1e-6);
    rt_idf_fini(&f);
    rt_idf_fini(&g);
}

/* Texts of growing length, one after the other: the buckets that features counts in, each once. */
static void test_buckets_alone(void **state)
{
    (void)state;
    static const char *const texts[4] = {
        "x", "aaaa aaaa", "cafe\xcc\x81, Stra\xc3\x9f" "e", "Lorem ipsum dolor sit amet",
    };
    struct rt_text_buckets t;
    char lengthy[4000];
    front.text.buckets = 700;
    assert_int_equal(rt_text_buckets_init(&t, &front), 0);
    for (size_t i = 0; i < sizeof lengthy - 1; i++)
        lengthy[i] = i % 7 ? (char)('a' + i * i % 26) : ' ';
    lengthy[sizeof lengthy - 1] = '\0';
    assert_int_equal(rt_text_buckets_find(&t, "?!", 2), RT_EEMPTY);
    assert_int_equal(rt_text_buckets_find(&t, "a\xff", 2), RT_EFORMAT);
    for (int k = 0; k < 2 * 5; k++) { /* what was counted of one is not left for the next */
        const char *one = k % 5 < 4 ? texts[k % 5] : lengthy;
        struct rt_tensor base = base_of(one);
        int64_t n = rt_text_buckets_find(&t, one, strlen(one));
        assert_int_equal(n, base.dim[0]);
        const int32_t *pair = base.data;
        for (int64_t i = 0; i < n; i++) {
            int64_t at = 0;
            while (at < n && t.met[at] != pair[2 * i])
                at++;
            assert_true(at < n);
            assert_true(i == 0 || pair[2 * i] > pair[2 * i - 2]);
        }
        rt_tensor_fini(&base);
    }
    rt_text_buckets_fini(&t);
}

static void test_measures(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        double length, known;
    } cases[] = {
        {"cat", 3, 1},
        {"\xd0\xba\xd0\xbe\xd1\x82 \xe7\x8c\xab \xf0\x9f\x90\xb1!", 8, 1},
        {"ab\x01\xee\x80\x80", 4, 0.5}, /* a control character and one of private use */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_tensor raw;
        double value[RT_MEASURES_MAX];
        const char *bytes = cases[i].bytes;
        assert_int_equal(text->load(&RT_INPUT(bytes, strlen(bytes), "cell"), &raw, NULL, NULL), 0);
        assert_int_equal(text->measure(&raw, NULL, value, NULL), 0);
        assert_true(value[0] == cases[i].length && value[1] == cases[i].known);
        rt_tensor_fini(&raw);
    }
}

static void test_script(void **state)
{
    (void)state;
    static const struct {
        int32_t c;
        enum rt_script_kind kind;
        int32_t lower;
    } cases[] = {
        {-1, RT_SCRIPT_UNKNOWN, -1},
        {0, RT_SCRIPT_UNKNOWN, 0},
        {0x10ffff, RT_SCRIPT_UNKNOWN, 0x10ffff},
        {0xd800, RT_SCRIPT_UNKNOWN, 0xd800},
        {'A', RT_SCRIPT_WORD, 'a'},
        {'z', RT_SCRIPT_WORD, 'z'},
        {'7', RT_SCRIPT_WORD, '7'},
        {'_', RT_SCRIPT_PUNCTUATION, '_'},
        {0x3000, RT_SCRIPT_SPACE, 0x3000},
        {0xd7, RT_SCRIPT_PUNCTUATION, 0xd7},
        {0x130, RT_SCRIPT_WORD, 'i'},
        {0x178, RT_SCRIPT_WORD, 0xff},
        {0x141, RT_SCRIPT_WORD, 0x142},
        {0x142, RT_SCRIPT_WORD, 0x142},
        {0x386, RT_SCRIPT_WORD, 0x3ac},
        {0x401, RT_SCRIPT_WORD, 0x451},
        {0x1ea0, RT_SCRIPT_WORD, 0x1ea1},
        {0x627, RT_SCRIPT_WORD, 0x627},
        {0x0d1c, RT_SCRIPT_WORD, 0x0d1c},
        {0xe01, RT_SCRIPT_WORD, 0xe01},
        {0xac00, RT_SCRIPT_WORD, 0xac00},
        {0x20ac, RT_SCRIPT_PUNCTUATION, 0x20ac},
        {0x1f600, RT_SCRIPT_PUNCTUATION, 0x1f600},
        {0xff21, RT_SCRIPT_WORD, 0xff41},
    };
    for (int32_t c = 0; c < 0x80; c++) {
        enum rt_script_kind kind = isalnum(c)   ? RT_SCRIPT_WORD
                                   : isspace(c) ? RT_SCRIPT_SPACE
                                   : ispunct(c) ? RT_SCRIPT_PUNCTUATION
                                                : RT_SCRIPT_UNKNOWN;
        assert_int_equal(rt_script_kind(c), kind);
        assert_int_equal(rt_script_lower(c), tolower(c));
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(rt_script_kind(cases[i].c), cases[i].kind);
        assert_int_equal(rt_script_lower(cases[i].c), cases[i].lower);
    }
    for (int32_t c = 0; c < 0x30000; c++) { /* lower case is final, and of the same kind */
        int32_t lower = rt_script_lower(c);
        assert_int_equal(rt_script_lower(lower), lower);
        assert_true(lower == c || (rt_script_kind(c) == RT_SCRIPT_WORD &&
                                   rt_script_kind(lower) == RT_SCRIPT_WORD));
    }
}

#define TEST(f) cmocka_unit_test_setup(f, reset)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reasons), TEST(test_reasons_of_raw), TEST(test_features), TEST(test_forms),
        TEST(test_buckets), TEST(test_present),        TEST(test_dropped_words),
        TEST(test_buckets_alone), TEST(test_idf),     TEST(test_measures),       TEST(test_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
