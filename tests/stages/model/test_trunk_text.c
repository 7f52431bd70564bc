/* SPDX-License-Identifier: MIT
 * Tests of stages/model/trunk_text and stages/modality/tokens: texts through tokenizer, ONNX and pooling against
 * PyTorch (tests/golden/torch_texts.py), on several threads; settings and files that do not fit. */
#include "formats/jsonread.h"
#include "formats/safetensors.h"
#include "stages/model/net.h"
#include "tests/stages/toy.h"

#include <uv.h>

#define BERT "teacher.model=tests/golden/text_bert.onnx teacher.front.tokenizer=tests/golden/tokenizers/bert.json " \
             "teacher.front.tokens=64 "
#define CLIP "teacher.model=tests/golden/text_clip.onnx teacher.front.tokenizer=tests/golden/tokenizers/clip.json "

static json_t *cases;
static struct rt_safetensors *golden;

static void model_open(struct rt_model *m, const char *settings)
{
    struct rt_recipe r;
    struct rt_error e = {0};
    rt_recipe_init(&r);
    toy_set(&r, settings);
    if (rt_model_load_teacher(m, &r, 0, &e) < 0)
        fail_msg("%s", e.text);
}

/* The way of a text that decode and the teacher stage take. Texts of blanks are refused by load, and go on from raw. */
static int text_run(const struct rt_model *m, struct rt_net *n, const char *text, size_t size,
                    struct rt_net_outputs *o, struct rt_error *e)
{
    struct rt_tensor raw = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)size}, (void *)text), base = {0};
    struct rt_bag bag = {0};
    int rc = m->modality->features(&m->front, &raw, &base, e);
    if (rc == 0)
        rc = m->modality->present_bag(&m->front, &base, NULL, &bag);
    if (rc == 0)
        rc = rt_net_run(n, 1, NULL, &(struct rt_bags){(int32_t[]){0, bag.count}, bag.bucket, bag.weight}, o, e);
    rt_tensor_fini(&base);
    free(bag.bucket);
    free(bag.weight);
    return rc;
}

static double worst_of(const float *have, const struct rt_tensor *want, int row)
{
    double worst = 0;
    int64_t dim = want->dim[1];
    for (int64_t i = 0; i < dim; i++) {
        double d = fabs(have[i] - ((const float *)want->data)[row * dim + i]);
        worst = d > worst || d != d ? d : worst;
    }
    return worst;
}

/* Every golden text; logits NULL: there are none. Texts come in an order in which lengths change back and forth. */
static int run_all(const struct rt_model *m, const char *embedding, const char *logits)
{
    const struct rt_tensor *rows = rt_safetensors_get(golden, "rows"), *want = rt_safetensors_get(golden, embedding);
    struct rt_net *n;
    int bad = rt_net_create(&n, m, 1) != 0;
    for (int turn = 0; !bad && turn < 2; turn++)
        for (int k = 0; k < (int)rows->dim[0]; k++) {
            struct rt_net_outputs o;
            struct rt_error e = {0};
            const json_t *text = json_array_get(json_object_get(cases, "texts"),
                                                (size_t)((const int64_t *)rows->data)[k]);
            int rc = text_run(m, n, json_string_value(text), json_string_length(text), &o, &e);
            double worst = rc == 0 ? worst_of(o.embedding, want, k) : INFINITY;
            if (rc == 0 && logits)
                worst = fmax(worst, worst_of(o.logits, rt_safetensors_get(golden, logits), k));
            if (!(worst < 1e-5))
                print_error("%s, text %d: off by %g %s\n", embedding, k, worst, e.text);
            bad += !(worst < 1e-5);
        }
    rt_net_destroy(n);
    return bad;
}

static void test_pytorch(void **state)
{
    static const struct {
        const char *settings, *embedding, *logits, *about;
        int classes;
    } model[] = {
        {BERT, "bert.pooled", "bert.logits", "as the file gives it, logits 'logits' (3)", 3},
        {BERT "teacher.logits=none", "bert.mean", NULL, "texts of up to 64 tokens (WordPiece, bert.json), embedding "
         "'last_hidden_state' (8), the mean over tokens, no classifier", 0},
        {BERT "teacher.logits=none teacher.front.pooling=cls", "bert.cls", NULL, "the first token's", 0},
        {BERT "teacher.logits=none teacher.front.preset=bge", "bert.cls", NULL, "the first token's", 0},
        {BERT "teacher.logits=none teacher.front.pooling=eot", "bert.eot", NULL, "the last token's", 0},
        {BERT "teacher.logits=none teacher.embedding=pooler_output", "bert.pooled", NULL, "as the file gives it", 0},
        {"teacher.model=tests/golden/text_bert.onnx teacher.front.tokenizer=tests/golden/tokenizers/bert.json "
         "teacher.logits=none", "bert.mean", NULL, "texts of up to 64 tokens", 0}, /* found */
        {CLIP, "clip.embeds", NULL, "texts of up to 32 tokens (BPE, clip.json), embedding 'text_embeds' (6)", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        struct rt_model m;
        model_open(&m, model[i].settings);
        assert_int_equal(m.modality->id, RT_TEXT);
        assert_int_equal(m.classes, model[i].classes);
        if (!strstr(rt_model_about(&m), model[i].about))
            fail_msg("'%s' does not say '%s'", rt_model_about(&m), model[i].about);
        assert_int_equal(run_all(&m, model[i].embedding, model[i].logits), 0);
        rt_model_fini(&m);
    }
}

/* ---- many at once ---- */

struct kept {
    float *embedding, *logits; /* [texts, dim], [texts, classes] */
    int dim, classes;
    const int *which; /* [texts] */
};

static void kept_take(void *self, int k, const struct rt_net_outputs *o)
{
    struct kept *p = self;
    memcpy(p->embedding + p->dim * p->which[k], o->embedding, sizeof(float) * (size_t)p->dim);
    if (p->classes)
        memcpy(p->logits + p->classes * p->which[k], o->logits, sizeof(float) * (size_t)p->classes);
}

/* The texts `which` in one call, each into its own place of `to`. */
static void kept_ask(const struct rt_model *m, const int *which, int count, struct kept *to)
{
    const struct rt_tensor *rows = rt_safetensors_get(golden, "rows");
    int32_t *offset = calloc((size_t)count + 1, sizeof *offset), *id = NULL;
    float *type = NULL;
    struct rt_net *n;
    struct rt_error e = {0};
    for (int k = 0; k < count; k++) {
        const json_t *text = json_array_get(json_object_get(cases, "texts"),
                                            (size_t)((const int64_t *)rows->data)[which[k]]);
        struct rt_tensor base = {0}, raw = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)json_string_length(text)},
                                                          (void *)json_string_value(text));
        struct rt_bag bag = {0};
        assert_int_equal(m->modality->features(&m->front, &raw, &base, &e), 0);
        assert_int_equal(m->modality->present_bag(&m->front, &base, NULL, &bag), 0);
        offset[k + 1] = offset[k] + bag.count;
        id = realloc(id, sizeof *id * (size_t)(offset[k + 1] + 1));
        type = realloc(type, sizeof *type * (size_t)(offset[k + 1] + 1));
        memcpy(id + offset[k], bag.bucket, sizeof *id * (size_t)bag.count);
        memcpy(type + offset[k], bag.weight, sizeof *type * (size_t)bag.count);
        rt_tensor_fini(&base);
        free(bag.bucket);
        free(bag.weight);
    }
    to->which = which;
    assert_int_equal(rt_net_create(&n, m, 1), 0);
    if (rt_net_run_each(n, count, NULL, NULL, &(struct rt_bags){offset, id, type},
                        &(struct rt_net_each){kept_take, to}, &e) < 0)
        fail_msg("%s", e.text);
    rt_net_destroy(n);
    free(offset);
    free(id);
    free(type);
}

/* Whoever is beside a text, and in whatever order they come, it has the bytes that it has alone. */
static void test_neighbours(void **state)
{
    static const char *const model[] = {BERT, BERT "teacher.logits=none teacher.front.pooling=mean", CLIP};
    (void)state;
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        struct rt_model m;
        model_open(&m, model[i]);
        int count = (int)rt_safetensors_get(golden, "rows")->dim[0], *which = malloc(sizeof *which * (size_t)count);
        size_t size = (size_t)(count * (m.dim + m.classes));
        float *room = calloc(3 * size, sizeof *room);
        struct kept kept[3];
        for (int way = 0; way < 3; way++)
            kept[way] = (struct kept){room + size * (size_t)way, room + size * (size_t)way + count * m.dim, m.dim,
                                      m.classes, NULL};
        for (int k = 0; k < count; k++) /* alone; as they come, and backwards without some */
            kept_ask(&m, &(int){k}, 1, &kept[0]);
        for (int k = 0; k < count; k++)
            which[k] = k;
        kept_ask(&m, which, count, &kept[1]);
        memcpy(kept[2].embedding, kept[0].embedding, size * sizeof *room);
        for (int k = 0; k < count / 3; k++)
            which[k] = count - 1 - 2 * k;
        kept_ask(&m, which, count / 3, &kept[2]);
        assert_true(room[0] != 0);
        assert_memory_equal(kept[1].embedding, room, size * sizeof *room);
        assert_memory_equal(kept[2].embedding, room, size * sizeof *room);
        free(room);
        free(which);
        rt_model_fini(&m);
    }
}

/* Signs that a text student makes nothing of are a text for a tokenizer that knows them; blanks are none. A text that
 * is longer than the network reads is cut, and that can be asked. */
static void test_what_is_read(void **state)
{
    static const struct {
        const char *text;
        int code;
        bool cut;
    } text[] = {
        {"\xf0\x9f\x98\x80\xf0\x9f\x90\x88", 0, false}, {"?!", 0, false}, {" \t\xc2\xa0", RT_EEMPTY, false},
        {"", RT_EEMPTY, false}, {"caf\xe9", RT_EFORMAT, false},
        {"one two three four five six seven eight nine ten eleven twelve", 0, true},
    };
    struct rt_model m;
    (void)state;
    model_open(&m, "teacher.model=tests/golden/text_bert.onnx teacher.front.tokens=8 "
               "teacher.front.tokenizer=tests/golden/tokenizers/bert.json");
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct rt_tensor raw, base = {0};
        struct rt_error e = {0};
        const struct rt_input in = RT_INPUT(text[i].text, strlen(text[i].text), "cell");
        assert_int_equal(m.modality->load(&in, &raw, NULL, &e), text[i].code);
        if (text[i].code)
            continue;
        assert_int_equal(m.modality->features(&m.front, &raw, &base, &e), 0);
        assert_in_range(base.dim[0], 3, 8); /* with the two around it */
        assert_int_equal(rt_tokens_cut(&m.front, &raw), text[i].cut);
        double value[RT_MEASURES_MAX] = {0};
        assert_int_equal(m.modality->measure(&raw, NULL, value, &e), 0);
        assert_true(value[0] > 0);
        rt_tensor_fini(&base);
        rt_tensor_fini(&raw);
    }
    rt_model_fini(&m);
}

/* Executions share the plans of a trunk, which come and go. */
struct runner {
    const struct rt_model *m;
    int bad;
};

static void runner_work(void *self)
{
    struct runner *r = self;
    r->bad = run_all(r->m, "bert.mean", NULL);
}

static void test_threads(void **state)
{
    struct rt_model m;
    struct runner r[3];
    uv_thread_t thread[3];
    (void)state;
    model_open(&m, BERT "teacher.logits=none");
    for (int i = 0; i < 3; i++) {
        r[i] = (struct runner){&m, 0};
        assert_int_equal(uv_thread_create(&thread[i], runner_work, &r[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        uv_thread_join(&thread[i]);
        assert_int_equal(r[i].bad, 0);
    }
    rt_model_fini(&m);
}

/* Tokenizer and pooling are part of what an answer is kept under; where a tokenizer lies is not. */
static void test_key(void **state)
{
    static const char *const other[] = {
        BERT "teacher.logits=none teacher.front.pooling=cls",
        BERT "teacher.logits=none teacher.front.tokens=60",
        "teacher.model=tests/golden/text_bert.onnx teacher.front.tokenizer=tests/golden/tokenizers/gpt2.json "
        "teacher.front.tokens=64 teacher.logits=none",
    };
    struct rt_model m, o;
    (void)state;
    model_open(&m, BERT "teacher.logits=none");
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        model_open(&o, other[i]);
        assert_true(m.key.lo != o.key.lo);
        rt_model_fini(&o);
    }
    rt_model_fini(&m);
}

static void test_refused(void **state)
{
    static const struct {
        int code;
        const char *settings, *says;
    } wrong[] = {
        {RT_EMISSING, "teacher.model=tests/golden/text_bert.onnx", "there is no tokenizer.json beside it"},
        {RT_EMISSING, "teacher.model=tests/golden/text_bert.onnx teacher.front.tokenizer=none.json", "none.json"},
        {RT_EFORMAT, "teacher.model=tests/golden/text_bert.onnx teacher.front.tokenizer=tests/golden/torch_texts.py",
         "torch_texts.py:1: "},
        {RT_EMISMATCH, "teacher.model=tests/golden/text_clip.onnx teacher.front.tokenizer=tests/golden/tokenizers/"
         "bert.json", "it is the tokenizer of another network"},
        {RT_EMISMATCH, BERT "teacher.front.tokens=100", "a text of 100 tokens does not go through"},
        {RT_EUSAGE, BERT "teacher.front.tokens=2", "of 2 tokens 2 are around the text"},
        {RT_EUSAGE, CLIP "teacher.front.tokens=40", "text_clip.onnx reads 32"},
        {RT_EMISMATCH, BERT "teacher.front.pooling=mean", "does not fit teacher.front.pooling: mean"},
        {RT_EMISMATCH, BERT "teacher.logits=none teacher.front.pooling=none", "teacher.front.pooling: none"},
        {RT_EUSAGE, BERT "teacher.front.preset=imagenet", "imagenet is not for text, which has clip, minilm, bge"},
        {RT_EMISMATCH, BERT "teacher.input=attention_mask", "another input is that, too"},
        {RT_EMISMATCH, BERT "teacher.modality=image", "3 inputs; a teacher has one"},
        {RT_EMISMATCH, "teacher.modality=text teacher.model=tests/golden/onnx_resnet.onnx",
         "whole numbers are wanted"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rt_recipe r;
        struct rt_error e = {0};
        struct rt_model m;
        rt_recipe_init(&r);
        toy_set(&r, wrong[i].settings);
        int rc = rt_model_load_teacher(&m, &r, 0, &e);
        if (rc != wrong[i].code || !strstr(e.text, wrong[i].says))
            fail_msg("%s\n%d: '%s' does not say '%s'", wrong[i].settings, rc, e.text, wrong[i].says);
    }
}

static int open_golden(void **state)
{
    struct rt_error e = {0};
    json_error_t wrong;
    (void)state;
    cases = json_load_file("tests/golden/tokenizers/cases.json", JSON_ALLOW_NUL, &wrong);
    return cases ? rt_safetensors_read(&golden, "tests/golden/torch_texts.safetensors", &e) : -1;
}

static int close_golden(void **state)
{
    (void)state;
    json_decref(cases);
    rt_safetensors_destroy(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pytorch),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
