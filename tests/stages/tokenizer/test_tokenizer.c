/* SPDX-License-Identifier: MIT
 * Tests stages/tokenizer: the ids of 562 texts in 24 scripts by ten tokenizers against those worked out in Python
 * (tests/golden/tokenizers.py); what is refused, by place; lengths; memory that runs out. */
#include "formats/jsonread.h"
#include "stages/tokenizer/tokenizer.h"
#include "tests/support/allocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/golden/tokenizers/"

static struct rt_tokenizer *open_golden(const char *name)
{
    char path[200];
    struct rt_error e = {0};
    struct rt_tokenizer *t;
    snprintf(path, sizeof path, FOLDER "%s.json", name);
    if (rt_tokenizer_open(&t, path, &e) < 0)
        fail_msg("%s", e.text);
    return t;
}

/* ---- golden ids ---- */

static bool same(const int32_t *have, int count, const json_t *want)
{
    if (json_array_size(want) != (size_t)count)
        return false;
    for (int i = 0; i < count; i++)
        if (json_integer_value(json_array_get(want, (size_t)i)) != have[i])
            return false;
    return true;
}

/* Returns how many texts come out otherwise; types NULL: all are 0. */
static int compare_all(const char *name, const json_t *texts, const json_t *ids, const json_t *types)
{
    struct rt_tokenizer *t = open_golden(name);
    int wrong = 0;
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *text = json_array_get(texts, i);
        struct rt_tokens k;
        struct rt_error e = {0};
        int rc = rt_tokenizer_encode(t, json_string_value(text), json_string_length(text), 0, &k, &e);
        bool good = rc == 0 && same(k.id, k.count, json_array_get(ids, i));
        for (int j = 0; good && !types && j < k.count; j++)
            good = k.type[j] == 0;
        good = good && (!types || same(k.type, k.count, json_array_get(types, i)));
        if (!good)
            print_error("%s: text %zu: '%s' %s\n", name, i, json_string_value(text), e.text);
        wrong += !good;
        rt_tokens_fini(&k);
    }
    rt_tokenizer_close(t);
    return wrong;
}

static void test_golden(void **state)
{
    json_error_t wrong;
    json_t *cases = json_load_file(FOLDER "cases.json", JSON_ALLOW_NUL, &wrong), *ids;
    const char *name;
    (void)state;
    assert_non_null(cases);
    const json_t *texts = json_object_get(cases, "texts");
    assert_true(json_array_size(texts) > 550);
    assert_int_equal(json_object_size(json_object_get(cases, "ids")), 10);
    json_object_foreach(json_object_get(cases, "ids"), name, ids) {
        assert_int_equal(json_array_size(ids), json_array_size(texts));
        assert_int_equal(compare_all(name, texts, ids, json_object_get(json_object_get(cases, "types"), name)), 0);
    }
    json_decref(cases);
}

/* ---- what is refused ---- */

#define WORDS "\"vocab\":{\"[UNK]\":0,\"a\":1,\"##b\":2,\"ab\":3}"
#define WORDPIECE "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\"," WORDS "}"

static void refuses(const char *json, const char *words)
{
    struct rt_error e = {0};
    struct rt_tokenizer *t;
    assert_int_equal(rt_tokenizer_read(&t, json, strlen(json), "t.json", &e), RT_EFORMAT);
    assert_null(t);
    assert_memory_equal(e.text, "t.json:", 7);
    if (!strstr(e.text, words))
        fail_msg("%s\nhas no '%s'", e.text, words);
}

static void test_refused(void **state)
{
    static const struct {
        const char *json, *words;
    } bad[] = {
        {"", "t.json:1: "},
        {"[]", "an object is wanted"},
        {"{\"model\":null}", "model: it is missing"},
        {"{\"version\":\"2.0\"}", "version '2.0'"},
        {"{\"models\":1}", "'models' is not known here"},
        {"{\"model\":{\"type\":\"Magic\"}}", "model: type 'Magic' is not known"},
        {"{\"model\":{\"vocab\":{\"a\":0}}}", "model: it has no type"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":-1}}}", "model: vocab: 'a': a whole number"},
        {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", "model: unk_token is missing"},
        {"{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"?\",\"vocab\":{\"a\":0}}}", "unk_token: '?' is not in"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1}}", "model: dropout"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}", "model.merges[0]: 'b' is not in"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}", "merges[0]: what it makes"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a  a\"]}}", "merges[0]: two tokens"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}}", "merges[0]: two tokens"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", "model: vocab[0]: a piece and its score"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":1}}", "unk_id: a whole number from 0 to 0"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"alpha\":1}}", "model: 'alpha' is not known"},
        {"{\"model\":" WORDPIECE ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},"
         "{\"type\":\"Odd\"}]}}", "normalizer.normalizers[1]: type 'Odd' is not known"},
        {"{\"model\":" WORDPIECE ",\"normalizer\":{\"type\":\"Lowercase\",\"locale\":\"tr\"}}",
         "'locale' is not known"},
        {"{\"model\":" WORDPIECE ",\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"}}",
         "no table in Base64"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"^a\"},"
         "\"behavior\":\"Removed\"}}", "pre_tokenizer.pattern: the expression '^a': an end of line at byte 0"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a&&b]\"}}}",
         "a class in a class"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i)a\"}}}",
         "this group"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\ba\"}}}",
         "this escape"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a(\"}}}",
         "the expression 'a(': "},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{}}}", "a String or a Regex"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},"
         "\"behavior\":\"Gone\"}}", "behavior: 'Gone' is not known"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"__\"}}",
         "replacement: one character"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\","
         "\"add_prefix_space\":false,\"prepend_scheme\":\"first\"}}", "say different things"},
        {"{\"model\":" WORDPIECE ",\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}}", "'UnicodeScripts' is not known"},
        {"{\"model\":" WORDPIECE ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
         "{\"id\":\"[CLS]\",\"type_id\":0}}],\"special_tokens\":{}}}", "single[0]: '[CLS]' is not in special_tokens"},
        {"{\"model\":" WORDPIECE ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}}",
         "the text, A, is missing"},
        {"{\"model\":" WORDPIECE ",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"x\"]}}",
         "cls: a token and its id"},
        {"{\"model\":" WORDPIECE ",\"truncation\":{\"max_length\":8,\"strategy\":\"OnlySecond\"}}",
         "truncation: strategy: 'OnlySecond'"},
        {"{\"model\":" WORDPIECE ",\"padding\":{\"strategy\":\"Longest\"}}", "padding: strategy: 'Longest'"},
        {"{\"model\":" WORDPIECE ",\"added_tokens\":[{\"id\":1,\"content\":\"ab\"}]}",
         "added_tokens[0]: 'ab' has id 1 here and 3 in the vocabulary"},
        {"{\"model\":" WORDPIECE ",\"added_tokens\":[{\"content\":\"x\"}]}", "added_tokens[0]: content and id"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses(bad[i].json, bad[i].words);
}

/* ---- texts ---- */

static void test_texts(void **state)
{
    struct rt_tokenizer *t = open_golden("bert-cased");
    struct rt_tokens k;
    struct rt_error e = {0};
    (void)state;
    assert_int_equal(rt_tokenizer_encode(t, "ab\xC3(c", 5, 0, &k, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "byte 2 (0xc3) is not UTF-8"));
    assert_int_equal(k.count, 0);

    /* Its own limit is 12; a lower one counts, a higher one does not, and what is around a text stays. */
    assert_int_equal(rt_tokenizer_longest(t), 12);
    assert_int_equal(rt_tokenizer_around(t), 2);
    static const int longest[][2] = {{0, 12}, {5, 5}, {100, 12}, {1, 2}};
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        assert_int_equal(rt_tokenizer_encode(t, "a b c d e f g h i j k l m n", 27, longest[i][0], &k, &e), 0);
        assert_int_equal(k.count, longest[i][1]);
        assert_true(k.cut && k.id[0] == 2 && k.id[k.count - 1] == 3);
        rt_tokens_fini(&k);
    }
    assert_int_equal(rt_tokenizer_encode(t, "", 0, 0, &k, &e), 0);
    assert_true(k.count == 2 && !k.cut);
    rt_tokens_fini(&k);
    assert_string_equal(rt_tokenizer_kind(t), "WordPiece");
    assert_int_equal(rt_tokenizer_id(t, "[SEP]"), 3);
    assert_int_equal(rt_tokenizer_id(t, "[NONE]"), -1);
    assert_int_equal(rt_tokenizer_last_id(t), rt_tokenizer_id(t, "newtoken"));
    assert_int_equal(rt_tokenizer_padding(t).id, 0); /* [PAD]: the file does not say */
    rt_tokenizer_close(t);

    /* Without an unknown token there is no answer for some characters. */
    static const char bare[] = "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0.5]]}}";
    assert_int_equal(rt_tokenizer_read(&t, bare, sizeof bare - 1, "t.json", &e), 0);
    assert_int_equal(rt_tokenizer_encode(t, "ab", 2, 0, &k, &e), RT_EMISMATCH);
    assert_int_equal(rt_tokenizer_encode(t, "aa", 2, 0, &k, &e), 0);
    assert_int_equal(k.count, 2);
    rt_tokens_fini(&k);
    rt_tokenizer_close(t);
}

/* A whole text that is one word, and an expression that would try for ever. */
static void test_large(void **state)
{
    struct rt_tokenizer *t = open_golden("llama");
    struct rt_tokens k;
    struct rt_error e = {0};
    static char text[50001];
    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = "arrow button face "[i % 18];
    assert_int_equal(rt_tokenizer_encode(t, text, sizeof text - 1, 0, &k, &e), 0);
    assert_true(k.count > 5000);
    rt_tokens_fini(&k);
    rt_tokenizer_close(t);
    static const char slow[] = "{\"model\":" WORDPIECE ",\"normalizer\":{\"type\":\"Replace\",\"content\":\"\","
                               "\"pattern\":{\"Regex\":\"(?:a+)+[cd]\"}}}";
    assert_int_equal(rt_tokenizer_read(&t, slow, sizeof slow - 1, "t.json", &e), 0);
    memset(text, 'a', 40);
    assert_int_equal(rt_tokenizer_encode(t, text, 40, 0, &k, &e), RT_ERANGE);
    rt_tokenizer_close(t);
}

/* ---- memory ---- */

static int make_and_encode(void *self, struct rt_error *e)
{
    static const char text[] = "It's 1\u00bd caf\u00e9s";
    const char *json = self;
    struct rt_tokenizer *t;
    struct rt_tokens k = {0};
    RT_TRY(rt_tokenizer_read(&t, json, strlen(json), "t.json", e));
    int rc = rt_tokenizer_encode(t, text, sizeof text - 1, 0, &k, e);
    rt_tokens_fini(&k);
    rt_tokenizer_close(t);
    return rc;
}

static void test_memory(void **state)
{
    static const char *const json[] = {
        "{\"model\":" WORDPIECE ",\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":"
        "{\"type\":\"BertPreTokenizer\"},\"added_tokens\":[{\"id\":9,\"content\":\"1\"}],\"post_processor\":"
        "{\"type\":\"BertProcessing\",\"sep\":[\"b\",1],\"cls\":[\"a\",2]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"c\":1,\"ca\":2},\"merges\":[\"c a\"]},"
        "\"pre_tokenizer\":{\"type\":\"CharDelimiterSplit\",\"delimiter\":\" \"}}",
        "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"?\",0],[\"a\",1]],\"unk_id\":0},"
        "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        assert_in_range(exhaust(make_and_encode, (void *)json[i], (struct mercy){0}), 8, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_refused), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_large),  cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
