/* SPDX-License-Identifier: MIT
 * Tests of recipe.h: every refusal says file, line, value and what to write; what is accepted ends
 * in the right field; what is printed reads back to the same bytes. */
#include "formats/recipe.h"
#include "formats/file.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rt_recipe r, again;
static struct rt_error e;
static struct scratch dir;

static int parse(const char *yaml)
{
    e.text[0] = '\0';
    return rt_recipe_parse(&r, yaml, strlen(yaml), "a.yaml", "/data", &e);
}

#define REFUSED(yaml, want, message)                                                               \
    do {                                                                                           \
        assert_int_equal(parse(yaml), want);                                                       \
        assert_string_equal(e.text, message);                                                      \
        assert_int_equal(e.code, want);                                                            \
    } while (0)
/* For messages whose middle is libyaml's. */
#define REFUSED_WITH(yaml, want, start, part)                                                      \
    do {                                                                                           \
        assert_int_equal(parse(yaml), want);                                                       \
        assert_memory_equal(e.text, start, strlen(start));                                         \
        assert_non_null(strstr(e.text, part));                                                     \
    } while (0)

static void unknown_names_are_refused_with_the_nearest(void **state)
{
    (void)state;
    REFUSED("seed: 2\ntrain:\n  lrr: 0.1\n", RT_ENOTFOUND,
            "a.yaml:3: \"train.lrr\" is not a setting; did you mean train.lr?");
    REFUSED("trian:\n  lr: 0.1\n", RT_ENOTFOUND, "a.yaml:1: \"trian\" is not a setting; did you mean train?");
    REFUSED("lr: 0.1\n", RT_ENOTFOUND, "a.yaml:1: \"lr\" is not a setting; did you mean train.lr?");
    REFUSED("optim.bacth: 3\n", RT_ENOTFOUND,
            "a.yaml:1: \"optim.bacth\" is not a setting; did you mean train.batch?");
    REFUSED("\n\ndistill:\n  l2:\n    lamda: 3\n", RT_ENOTFOUND,
            "a.yaml:5: \"distill.l2.lamda\" is not a setting; did you mean distill.l2.lambda?");
    REFUSED("zzzzzzzz: 1\n", RT_ENOTFOUND, "a.yaml:1: \"zzzzzzzz\" is not a setting");
    REFUSED("<<: {seed: 1}\n", RT_ENOTFOUND, "a.yaml:1: \"<<\" is not a setting");
    char longer[400];
    snprintf(longer, sizeof longer, "%0300d: 1\n", 7);
    assert_int_equal(parse(longer), RT_ENOTFOUND);
    assert_memory_equal(e.text, "a.yaml:1: \"000", 14);
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    REFUSED(
        "train:\n  epochs: many\n", RT_EFORMAT,
        "a.yaml:2: train.epochs: \"many\" is not allowed: write a whole number from 1 to 100000");
    REFUSED(
        "train.epochs: 1.5\n", RT_EFORMAT,
        "a.yaml:1: train.epochs: \"1.5\" is not allowed: write a whole number from 1 to 100000");
    REFUSED("train.epochs:\n", RT_EFORMAT,
            "a.yaml:1: train.epochs: \"\" is not allowed: write a whole number from 1 to 100000");
    REFUSED("train.lr: 0x10\n", RT_EFORMAT,
            "a.yaml:1: train.lr: \"0x10\" is not allowed: write a number from 0 to 100");
    REFUSED("train.lr: .nan\n", RT_EFORMAT,
            "a.yaml:1: train.lr: \".nan\" is not allowed: write a number from 0 to 100");
    REFUSED("train.lr: 1e\n", RT_EFORMAT,
            "a.yaml:1: train.lr: \"1e\" is not allowed: write a number from 0 to 100");
    REFUSED("augment.gain: 3 dB\n", RT_EFORMAT,
            "a.yaml:1: augment.gain: \"3 dB\" is not allowed: write a number from 0 to 40 (dB)");
    REFUSED("text.idf: maybe\n", RT_EFORMAT,
            "a.yaml:1: text.idf: \"maybe\" is not allowed: write true or false");
    REFUSED(
        "data.labels: half\n", RT_EFORMAT,
        "a.yaml:1: data.labels: \"half\" is not allowed: write a fraction such as 0.25 or 25% from "
        "0 to 1");
    REFUSED("train.lr: [1, 2]\n", RT_EFORMAT,
            "a.yaml:1: train.lr is a setting, not a list: write a number from 0 to 100");
    REFUSED("train:\n  lr: {a: 1}\n", RT_EFORMAT,
            "a.yaml:2: train.lr is a setting, not a section: write a number from 0 to 100");
    REFUSED("train: fast\n", RT_EFORMAT,
            "a.yaml:1: train is a section: indent its settings below it");
    REFUSED("train: [lr, 1]\n", RT_EFORMAT,
            "a.yaml:1: train is a section: indent its settings below it");
    REFUSED("[1]: 2\n", RT_EFORMAT, "a.yaml:1: a setting's name must be a plain word");
    REFUSED("train:\n  ~: 2\n", RT_EFORMAT,
            "a.yaml:2: train: a setting's name must be a plain word");
    REFUSED("name: \"a\\0b\"\n", RT_EFORMAT,
            "a.yaml:1: name: the value holds a NUL character: write text in UTF-8");
}

static void out_of_range_is_refused(void **state)
{
    (void)state;
    REFUSED("train:\n\n  epochs: 0\n", RT_ERANGE,
            "a.yaml:3: train.epochs: \"0\" is not allowed: write a whole number from 1 to 100000");
    REFUSED(
        "seed: 99999999999999999999\n", RT_ERANGE,
        "a.yaml:1: seed: \"99999999999999999999\" is not allowed: write a whole number from 0 to "
        "1000000000000000");
    REFUSED("train.lr: 1e999\n", RT_ERANGE,
            "a.yaml:1: train.lr: \"1e999\" is not allowed: write a number from 0 to 100");
    REFUSED(
        "data.labels: 25\n", RT_ERANGE,
        "a.yaml:1: data.labels: \"25\" is not allowed: write a fraction such as 0.25 or 25% from 0 "
        "to 1; did you mean 25%?");
    REFUSED(
        "data.labels: 125%\n", RT_ERANGE,
        "a.yaml:1: data.labels: \"125%\" is not allowed: write a fraction such as 0.25 or 25% from "
        "0 to 1");
    REFUSED("student.net: cnn3d\n", RT_ERANGE,
            "a.yaml:1: student.net: \"cnn3d\" is not allowed: write one of "
            "cnn1d|cnn2d|resnet|tdnn|textbag|init|auto; did you mean cnn1d?");
    REFUSED("student.net: ''\n", RT_ERANGE,
            "a.yaml:1: student.net: \"\" is not allowed: write one of "
            "cnn1d|cnn2d|resnet|tdnn|textbag|init|auto");
    char longer[2000];
    snprintf(longer, sizeof longer, "name: %01100d\n", 7);
    assert_int_equal(parse(longer), RT_ERANGE);
    assert_non_null(strstr(e.text, "...\" is 1100 bytes long: write at most 1023"));
    snprintf(longer, sizeof longer, "data.manifest: %01100d\n", 7);
    assert_int_equal(parse(longer), RT_ERANGE);
}

static void lists_are_checked_word_by_word(void **state)
{
    (void)state;
    REFUSED("weight.terms: [snr, 'a b']\n", RT_ERANGE,
            "a.yaml:1: weight.terms: \"snr,a b\" is not allowed: write a list of words such as [a, "
            "b], letters, digits and _ only");
    REFUSED(
        "weight.terms: [snr,\n  [a]]\n", RT_EFORMAT,
        "a.yaml:2: weight.terms: one of the items is no word: write a list of words such as [a, "
        "b], letters, digits and _ only");
    REFUSED("weight.terms: [snr, level, snr]\n", RT_EUSAGE,
            "a.yaml:1: weight.terms: \"snr,level,snr\" names a word twice: write each once");
    assert_int_equal(parse("weight.terms: 'a,,b'\n"), RT_ERANGE);
    assert_int_equal(parse("weight.terms: 'a,'\n"), RT_ERANGE);
    assert_int_equal(parse("weight.terms: {a: 1}\n"), RT_EFORMAT);
    char longer[4000] = "weight.terms: [a";
    for (int i = 0; i < 400; i++)
        snprintf(longer + strlen(longer), sizeof longer - strlen(longer), ",%07d", i);
    strcat(longer, "]");
    assert_int_equal(parse(longer), RT_ERANGE);
    longer[1600] = ']'; /* fits the joined words, not the field */
    longer[1601] = '\0';
    assert_int_equal(parse(longer), RT_ERANGE);

    assert_int_equal(parse("weight.terms: [snr, level_2]\n"), 0);
    assert_string_equal(r.weight_terms, "snr,level_2");
    assert_int_equal(parse("weight.terms: ' snr , level'\n"), 0);
    assert_string_equal(r.weight_terms, "snr,level");
    assert_int_equal(parse("weight.terms: []\n"), 0);
    assert_string_equal(r.weight_terms, "");
    assert_true(rt_recipe_list_has("snr,level", "level"));
    assert_true(rt_recipe_list_has("snr,level", "snr"));
    assert_false(rt_recipe_list_has("snr,level", "lev"));
    assert_false(rt_recipe_list_has("", ""));
}

static void duplicates_are_refused(void **state)
{
    (void)state;
    REFUSED("train:\n  lr: 1\n  batch: 4\n  lr: 2\n", RT_EUSAGE,
            "a.yaml:4: train.lr is already set in line 2: keep one of the two");
    REFUSED("train.lr: 1\ntrain:\n  lr: 2\n", RT_EUSAGE,
            "a.yaml:3: train.lr is already set in line 1: keep one of the two");
}

static void what_is_no_recipe_is_refused(void **state)
{
    (void)state;
    REFUSED_WITH("seed: 1\ntrain:\n\tlr: 1\n", RT_EFORMAT,
                 "a.yaml:3: not YAML: ", "(column 1): indent with spaces, not tabs");
    REFUSED_WITH("train: {lr: 1\n", RT_EFORMAT, "a.yaml:2: not YAML: ", "write one \"key: value\"");
    REFUSED_WITH("name: \"\xff\"\n", RT_EFORMAT, "a.yaml: byte 7: not text in UTF-8: ", "UTF-8");
    REFUSED("- seed\n", RT_EFORMAT, "a.yaml:1: a recipe is made of lines \"key: value\"");
    REFUSED("seed\n", RT_EFORMAT, "a.yaml:1: a recipe is made of lines \"key: value\"");
    REFUSED("seed: 1\n---\nseed: 2\n", RT_EFORMAT,
            "a.yaml:2: a recipe is one document: remove what follows ---");
    REFUSED("train: &t\n  lr: 1\ntask: *t\n", RT_EFORMAT,
            "a.yaml:3: a recipe has no YAML aliases (*...): repeat the value");
    REFUSED("seed: !!str 1\n", RT_EFORMAT,
            "a.yaml:1: a recipe has no YAML tags (!...): write the plain value");
    REFUSED("train: !x {lr: 1}\n", RT_EFORMAT,
            "a.yaml:1: a recipe has no YAML tags (!...): write the plain value");
    char *large = calloc(1, RT_RECIPE_BYTES_MAX + 1);
    assert_non_null(large);
    assert_int_equal(rt_recipe_parse(&r, large, RT_RECIPE_BYTES_MAX + 1, "a.yaml", "", &e),
                     RT_ELARGE);
    memset(large, '[', 100000);
    assert_int_equal(rt_recipe_parse(&r, large, 100000, "a.yaml", "", &e), RT_EFORMAT);
    free(large);
    assert_int_equal(rt_recipe_load(&r, "tests/no_such_recipe.yaml", &e), RT_EMISSING);
    assert_non_null(strstr(e.text, "tests/no_such_recipe.yaml"));
    assert_int_equal(rt_recipe_load(&r, "tests", &e), RT_EFORMAT);
    assert_int_equal(rt_recipe_parse(&r, "seed: x", 7, "a.yaml", NULL, NULL), RT_EFORMAT);
}

/* Old files hold them; they say nothing, whatever their value, and nobody can set one. */
static void renamed_settings_keep_their_names(void **state)
{
    (void)state;
    static const char *const renamed[][2] = {
#define RT_RENAMED(before, today) {before, today},
#include "formats/renamed.def"
#undef RT_RENAMED
    };
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++) {
        assert_non_null(rt_key_find(renamed[i][1]));
        assert_ptr_equal(rt_key_find(renamed[i][0]), rt_key_find(renamed[i][1]));
        assert_null(rt_key_retired(renamed[i][0]));
    }
    const char *text = "teacher: {mean: 0.5, size: 24}\n";
    assert_int_equal(rt_recipe_parse(&r, text, strlen(text), "r", "", &e), 0);
    assert_string_equal(r.teacher_front_mean, "0.5");
    assert_int_equal(r.teacher_front_size, 24);
    assert_int_equal(rt_recipe_set(&r, "teacher.layout=nhwc", &e), 0);
    assert_int_equal(r.teacher_front_layout, RT_LAYOUT_NHWC);
    text = "teacher: {mean: 0.5, front: {mean: 1}}\n"; /* one setting under two names */
    assert_int_equal(rt_recipe_parse(&r, text, strlen(text), "r", "", &e), RT_EUSAGE);
}

static void retired_settings_are_read_over(void **state)
{
    (void)state;
    static const char *const retired[] = {
#define RT_RETIRED(key, why) key,
#include "formats/retired.def"
#undef RT_RETIRED
    };
    char text[400];
    rt_recipe_init(&again);
    again.train_lr = 0.5;
    for (size_t i = 0; i < sizeof retired / sizeof retired[0]; i++) {
        assert_null(rt_key_find(retired[i]));
        assert_false(rt_key_section(retired[i]));
        assert_true(strlen(rt_key_retired(retired[i])) > 0);
        snprintf(text, sizeof text, "%s: 2\ntrain.lr: 0.5\n", retired[i]);
        assert_int_equal(parse(text), 0);
        assert_memory_equal(&r, &again, sizeof r);
        snprintf(text, sizeof text, "%s: [2]\n", retired[i]);
        assert_int_equal(parse(text), RT_ENOTFOUND);
        snprintf(text, sizeof text, "%s=2", retired[i]);
        assert_int_equal(rt_recipe_set(&r, text, &e), RT_ENOTFOUND);
        snprintf(text, sizeof text, "%s is not a setting any more: %s", retired[i], rt_key_retired(retired[i]));
        assert_string_equal(e.text, text);
    }
    assert_int_equal(parse("distill:\n  l2:\n    temperature: 1   # as it was printed\ntrain: {lr: 0.5}\n"), 0);
    assert_memory_equal(&r, &again, sizeof r);
    assert_null(rt_key_retired("train.lr"));
    assert_null(rt_key_retired("distill.l2"));
}

static void overrides_are_checked_alike(void **state)
{
    (void)state;
    static const struct {
        const char *assignment;
        int code;
        const char *message;
    } bad[] = {
        {"train.lr", RT_EUSAGE,
         "\"train.lr\" is not an assignment: write key=value, such as train.lr=0.01"},
        {"=3", RT_EUSAGE, "\"=3\" is not an assignment: write key=value, such as train.lr=0.01"},
        {"train.lrr=1", RT_ENOTFOUND, "\"train.lrr\" is not a setting; did you mean train.lr?"},
        {"train=1", RT_EUSAGE, "train is a section: write one of its settings, train.KEY=VALUE"},
        {"train.lr=-1", RT_ERANGE, "train.lr: \"-1\" is not allowed: write a number from 0 to 100"},
        {"name=\xff", RT_EFORMAT, NULL},
        {"weight.terms=[a,b", RT_ERANGE, NULL},
    };
    rt_recipe_init(&r);
    again = r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(rt_recipe_set(&r, bad[i].assignment, &e), bad[i].code);
        if (bad[i].message)
            assert_string_equal(e.text, bad[i].message);
        assert_memory_equal(&r, &again, sizeof r);
    }
    assert_int_equal(rt_recipe_set(&r, "train.lr=0.5", &e), 0);
    assert_int_equal(rt_recipe_set(&r, "name=a=b", &e), 0);
    assert_int_equal(rt_recipe_set(&r, "weight.terms=[level, snr]", &e), 0); /* as a recipe has it */
    assert_string_equal(r.weight_terms, "level,snr");
    assert_int_equal(rt_recipe_set(&r, "weight.terms=[]", &e), 0);
    assert_string_equal(r.weight_terms, "");
    assert_int_equal(rt_recipe_set(&r, "weight.terms=snr,level", &e), 0);
    assert_int_equal(rt_recipe_set(&r, "data.labels=12.5 %", &e), 0);
    assert_true(r.train_lr == 0.5 && r.data_labels == 0.125);
    assert_string_equal(r.name, "a=b");
    assert_string_equal(r.weight_terms, "snr,level");
}

static void defaults_are_all_valid(void **state)
{
    (void)state;
    rt_recipe_init(&r);
    assert_int_equal(r.seed, 1);
    assert_true(r.data_labels == 1.0 && r.train_warmup == 0.15 && r.distill_l2_lambda == 0);
    assert_int_equal(r.student_net, RT_NET_AUTO);
    assert_true(r.text_idf && !r.augment_flip);
    for (int i = 0; i < rt_key_count; i++) {
        assert_int_equal(rt_recipe_put(&again, &rt_keys[i], rt_keys[i].initial, NULL, &e), 0);
        assert_ptr_equal(rt_key_find(rt_keys[i].name), &rt_keys[i]);
        assert_false(rt_key_section(rt_keys[i].name)); /* a name is a key or a section */
    }
    assert_null(rt_key_find("train"));
    assert_true(rt_key_section("train") && rt_key_section("distill.l2"));
    assert_false(rt_key_section("trai"));
}

/* Each word of a choice is its place in the list in code, and is written back as it was given. */
static void every_word_of_a_choice_is_its_enum(void **state)
{
    (void)state;
    int choices = 0;
    rt_recipe_init(&r);
    for (int i = 0; i < rt_key_count; i++) {
        const struct rt_key *key = &rt_keys[i];
        assert_int_equal(key->words != NULL, key->kind == RT_KIND_CHOICE);
        char joined[RT_RECIPE_TEXT] = "", back[64];
        for (int w = 0; key->words && key->words[w]; w++) {
            int value = -1;
            assert_int_equal(rt_recipe_put(&r, key, key->words[w], NULL, &e), 0);
            memcpy(&value, (char *)&r + key->offset, sizeof value);
            assert_int_equal(value, w);
            rt_recipe_get(&r, key, back, sizeof back);
            assert_string_equal(back, key->words[w]);
            assert_int_equal(rt_choice_find(key->words, back), w);
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s", w ? "|" : "", back);
            choices += w == 0;
        }
        if (key->words)
            assert_string_equal(key->unit, joined);
    }
    assert_true(choices >= 10);
    assert_int_equal(rt_recipe_set(&r, "task.loss=aam", &e), 0);
    assert_int_equal(r.task_loss, RT_LOSS_aam);
    assert_int_equal(rt_choice_find(rt_loss_names, "aa"), -1);
}

static void sections_and_dotted_names_mean_the_same(void **state)
{
    (void)state;
    const char *forms[] = {
        "distill: {l2: {lambda: 10, quantile: 50%}}\ntrain: {lr: 1e-3}\n",
        "distill.l2.lambda: 10\ndistill.l2.quantile: 0.5\ntrain.lr: 0.001\n",
        "distill:\n  l2.lambda: +10\n  l2:\n    quantile: \"0.5\"\ntrain:\n  lr: 1.0E-3\ntask:\n",
        "--- # first\ntrain:\n  lr: .001\ndistill.l2:\n  lambda: 10.0\n  quantile: 50 %\n...\n",
    };
    assert_int_equal(parse(forms[0]), 0);
    assert_true(r.distill_l2_lambda == 10 && r.distill_l2_quantile == 0.5 && r.train_lr == 0.001);
    again = r;
    for (size_t i = 1; i < sizeof forms / sizeof forms[0]; i++) {
        assert_int_equal(parse(forms[i]), 0);
        assert_memory_equal(&r, &again, sizeof r);
    }
    rt_recipe_init(&again);
    const char *empty[] = {"", "# nothing\n", "---\n", "~\n", "train:\n", "name: ~\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        assert_int_equal(parse(empty[i]), 0);
        assert_memory_equal(&r, &again, sizeof r);
    }
    assert_int_equal(parse("text.idf: no\naugment.flip: on\n"), 0);
    assert_true(!r.text_idf && r.augment_flip);
}

/* A recipe that retort printed before weight.map was there: the run goes on as it began. */
static void printed_before_keeps_what_was(void **state)
{
    (void)state;
    static const char head[] = "# Every setting of a run, with what it may be.\n";
    char text[200];
    assert_int_equal(parse("weight.terms: snr\n"), 0); /* by hand: the default */
    assert_true(r.weight_map == RT_MAP_KNEE && r.text_nfc);
    snprintf(text, sizeof text, "%sweight:\n  terms: [snr]\n  task: true\n", head);
    assert_int_equal(parse(text), 0);
    assert_true(r.weight_map == RT_MAP_PERCENTILE && r.weight_task == RT_WEIGH_TRUE && !r.text_nfc);
    snprintf(text, sizeof text, "%sweight:\n  map: knee\n", head);
    assert_int_equal(parse(text), 0);
    assert_int_equal(r.weight_map, RT_MAP_KNEE);
    rt_recipe_init(&r);
    char *printed = rt_recipe_text(&r);
    assert_int_equal(parse(printed), 0);
    assert_int_equal(r.weight_map, RT_MAP_KNEE);
    free(printed);
}

static void lists_of_names_with_numbers(void **state)
{
    (void)state;
    assert_int_equal(parse("weight.knees: [snr 8 14, sharpness 0.01 0.05 4 6]\n"), 0);
    assert_string_equal(r.weight_knees, "snr 8 14,sharpness 0.01 0.05 4 6");
    assert_int_equal(rt_recipe_set(&r, "weight.knees= level -30 -20 , snr 1e1 2", &e), 0);
    assert_string_equal(r.weight_knees, "level -30 -20,snr 1e1 2");
    REFUSED("weight.knees: snr\n", RT_ERANGE,
            "a.yaml:1: weight.knees: \"snr\" is not allowed: write a list of names with numbers such as "
            "[snr 8 14, clipped 0.3 0.15]");
    assert_int_equal(parse("weight.columns: [nisqa_mos up, blur  down image]\n"), 0);
    assert_string_equal(r.weight_columns, "nisqa_mos up,blur  down image");
    REFUSED("weight.columns: blur\n", RT_ERANGE, "a.yaml:1: weight.columns: \"blur\" is not allowed: write a list of "
            "names with words such as [nisqa_mos up, blur down]");
    assert_int_equal(parse("weight.columns: [blur do-wn]\n"), RT_ERANGE);
    assert_int_equal(parse("weight.knees: snr 8 x\n"), RT_ERANGE);
    assert_int_equal(parse("weight.knees: snr 8x 9\n"), RT_ERANGE);
    assert_int_equal(parse("weight.knees: 8 9\n"), 0); /* a name of digits: the learner knows no such measure */
    assert_int_equal(parse("weight.knees: s-r 8 9\n"), RT_ERANGE);
}

static void paths_start_at_the_recipe(void **state)
{
    (void)state;
    static const char *const path[][2] = {
        {"data.manifest: m.tsv\n", "/data/m.tsv"},
        {"data.manifest: ./x//../m.tsv\n", "/data/m.tsv"},
        {"data.manifest: ../../../m.tsv\n", "/m.tsv"},
        {"data.manifest: ..\n", "/"},
        {"data.manifest: /a/./b/\n", "/a/b"},
        {"data.manifest: ''\n", ""},
    };
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        assert_int_equal(parse(path[i][0]), 0);
        assert_string_equal(r.data_manifest, path[i][1]);
    }
    char here[800], want[900];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(want, sizeof want, "%s/m.tsv", here);
    assert_int_equal(rt_recipe_set(&r, "data.manifest=m.tsv", &e), 0);
    assert_string_equal(r.data_manifest, want);
    snprintf(want, sizeof want, "%s/sub/m.tsv", here);
    assert_int_equal(rt_recipe_parse(&r, "data.manifest: m.tsv", 20, "x", "sub/", &e), 0);
    assert_string_equal(r.data_manifest, want);
}

static void a_loaded_recipe_finds_its_neighbours(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s", scratch_file(&dir, "r.yaml"));
    const char *yaml =
        "data: {manifest: m.tsv}\nteacher.model: link/../t\ncache:\n  dir: c\n  q: 1\n";
    struct rt_span part = {yaml, strlen(yaml) - strlen("  q: 1\n")};
    assert_int_equal(rt_file_write(path, &part, 1, &e), 0);
    assert_int_equal(symlink("/usr/share", scratch_file(&dir, "link")), 0);
    assert_int_equal(rt_recipe_load(&r, path, &e), 0);
    assert_string_equal(r.data_manifest, scratch_file(&dir, "m.tsv"));
    assert_string_equal(r.teacher_model, "/usr/t"); /* where the system would look */

    part.size = strlen(yaml);
    assert_int_equal(rt_file_write(path, &part, 1, &e), 0);
    assert_int_equal(rt_recipe_load(&r, path, &e), RT_ENOTFOUND);
    char message[400];
    snprintf(message, sizeof message, "%s:5: \"cache.q\" is not a setting", path);
    assert_string_equal(e.text, message);
    assert_int_equal(scratch_entries(&dir), 2); /* nothing but what this test made */
}

/* Prints r, reads it back, and wants the same bytes and the same text again. */
static void round_trip(void)
{
    char *text = rt_recipe_text(&r);
    assert_non_null(text);
    int code = rt_recipe_parse(&again, text, strlen(text), "printed", "/elsewhere", &e);
    if (code)
        fail_msg("%s in:\n%s", e.text, text);
    assert_memory_equal(&r, &again, sizeof r);
    char *twice = rt_recipe_text(&again);
    assert_string_equal(text, twice);
    free(text);
    free(twice);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    rt_recipe_init(&r);
    round_trip();
    char *text = rt_recipe_text(&r);
    assert_non_null(strstr(text, "\ntrain:\n  epochs: 30 "));
    assert_non_null(strstr(text, "\ndistill:\n  l2:\n    lambda: 0 "));
    assert_non_null(strstr(text, "\n  lr: 0.002 "));
    assert_non_null(strstr(text, "  # peak learning rate; a number from 0 to 100\n"));
    free(text);
    static const char *const awkward[] = {
        "name=\"quoted\" \\ back",
        "name=# no comment: really",
        "name= leading and trailing ",
        "name=line\nbreak\ttab\rreturn\x01\x1b\x7f",
        "name=\xC2\x85\xE2\x80\xA8\xEF\xBB\xBF\xC2\xA0",
        "name=\xF0\x9F\x98\x80 \xE4\xB8\xAD",
        "name=~",
        "name=true",
        "name=\xEF\xBF\xBE\xEF\xBF\xBF",
        "data.manifest=/a b/c#d: e",
        "weight.terms=true,null,1e3",
        "seed=1000000000000000",
        "pipeline.zstd=-7",
        "augment.snr_low=-0",
        "train.decay=1e-300",
    };
    for (size_t i = 0; i < sizeof awkward / sizeof awkward[0]; i++) {
        assert_int_equal(rt_recipe_set(&r, awkward[i], &e), 0);
        round_trip();
    }
    char every[RT_RECIPE_TEXT] = "name=";
    memset(every + 5, 1, sizeof every - 6);
    assert_int_equal(rt_recipe_set(&r, every, &e), 0);
    round_trip();
}

static void numbers_keep_their_bits_in_the_shortest_form(void **state)
{
    (void)state;
    char text[64];
    const struct rt_key *lr = rt_key_find("train.lr");
    static const struct {
        double value;
        const char *text;
    } known[] = {{0.1, "0.1"},
                 {1.0 / 3, "0.3333333333333333"},
                 {100, "100"},
                 {5e-324, "5e-324"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {30, "30"},
                 {0, "0"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        r.train_lr = known[i].value;
        rt_recipe_get(&r, lr, text, sizeof text);
        assert_string_equal(text, known[i].text);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double v = ldexp((double)(bits >> 11), (int)(bits % 50) - 100);
        if (v > 100)
            continue;
        r.train_lr = v;
        rt_recipe_get(&r, lr, text, sizeof text);
        assert_int_equal(rt_recipe_put(&again, lr, text, NULL, &e), 0);
        assert_memory_equal(&again.train_lr, &v, sizeof v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_names_are_refused_with_the_nearest),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(out_of_range_is_refused),
        cmocka_unit_test(lists_are_checked_word_by_word),
        cmocka_unit_test(duplicates_are_refused),
        cmocka_unit_test(what_is_no_recipe_is_refused),
        cmocka_unit_test(renamed_settings_keep_their_names),
        cmocka_unit_test(retired_settings_are_read_over),
        cmocka_unit_test(overrides_are_checked_alike),
        cmocka_unit_test(defaults_are_all_valid),
        cmocka_unit_test(every_word_of_a_choice_is_its_enum),
        cmocka_unit_test(sections_and_dotted_names_mean_the_same),
        cmocka_unit_test(printed_before_keeps_what_was),
        cmocka_unit_test(lists_of_names_with_numbers),
        cmocka_unit_test(paths_start_at_the_recipe),
        cmocka_unit_test(a_loaded_recipe_finds_its_neighbours),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(numbers_keep_their_bits_in_the_shortest_form),
    };
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
