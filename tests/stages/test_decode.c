/* SPDX-License-Identifier: MIT
 * Tests of stages/decode: bad files first (named, the others unharmed, rows renumbered), strict, what is
 * optional; then equal bytes whatever the workers and the caches; then the scoring pass. */
#include "tests/stages/toy.h"

static struct toy t;

static const char *const bad_picture[] = {"none.png", "empty.png", "cut.png", "1x1.png", "blank.png"};
static const char *const bad_speech[] = {"silent.wav", "nan.wav", "short.wav", "none.wav", "cut.wav"};
static const int picture_reason[] = {RT_EMISSING, RT_EEMPTY, RT_EFORMAT, RT_ESMALL, RT_EBLANK};
static const int speech_reason[] = {RT_ESILENT, RT_ENOTFINITE, RT_ESHORT, RT_EMISSING, RT_EFORMAT};

/* Rows 0..6: good, bad 0..2, good, bad 3..4 of both modalities; a text each. */
static int setup(void **state)
{
    (void)state;
    toy_make(&t, "image.size=8 speech.bands=40 speech.frames=20 text.buckets=64 "
                 "augment.time_masks=1 augment.time_width=4 augment.shift=0.2 augment.flip=true "
                 "augment.words=0.3");
    toy_copy(&t, "tests/data/good/rgb.png", "a.png");
    toy_copy(&t, "tests/data/good/palette.png", "b.png");
    scratch_write(&t.dir, "empty.png", "", 0);
    toy_copy(&t, "tests/data/bad/cut_rgb.png", "cut.png");
    toy_copy(&t, "tests/data/bad/1x1.png", "1x1.png");
    toy_copy(&t, "tests/data/bad/blank.png", "blank.png");
    toy_wav(&t, "a.wav", 1, 8000);
    toy_wav(&t, "b.wav", 2, 9000);
    toy_copy(&t, "tests/data/bad/silent.wav", "silent.wav");
    toy_copy(&t, "tests/data/bad/nan.wav", "nan.wav");
    toy_copy(&t, "tests/data/bad/short.wav", "short.wav");
    scratch_write(&t.dir, "cut.wav", "RIFF....WAVE", 12);
    char table[1000] = "id\tlabel\tspeech\timage\ttext\n";
    for (int i = 0, bad = 0; i < 7; i++) {
        bool good = i == 0 || i == 4;
        sprintf(table + strlen(table), "s%d\tx\t%s\t%s\tword%d again\n", i,
                good ? (i ? "b.wav" : "a.wav") : bad_speech[bad],
                good ? (i ? "b.png" : "a.png") : bad_picture[bad], i);
        bad += !good;
    }
    toy_load(&t, table);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_fini(&t);
    return 0;
}

static struct rt_decode_input input(const char *role, const struct rt_modality *m, bool required)
{
    return (struct rt_decode_input){.role = role, .modality = m, .front = &t.front,
                                    .required = required, .augment = true};
}

static void lose(const struct rt_modality *m, const char *const *file, const int *reason)
{
    static const int rows[] = {0, 1, 2, 3, 4, 5, 6}, good[] = {0, 4}, lost[] = {1, 2, 3, 5, 6};
    struct rt_decode d = toy_decode(&t);
    d.input[d.inputs++] = input("teacher", &rt_modality_text, false);
    d.input[d.inputs++] = input("student", m, true);
    struct rt_batch *b = toy_batch(RT_BATCH_TRAIN, rows, 7), *want = toy_batch(RT_BATCH_TRAIN, good, 2);
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    TOY_OK(&t, rt_stage_decode.work(&d, want, &t.e));
    assert_int_equal(b->drops, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(b->drop[i].sample, lost[i]);
        assert_int_equal(b->drop[i].modality, m->id);
        if (b->drop[i].reason != reason[i] || !strstr(b->drop[i].text, file[i]))
            fail_msg("%s: %d %s", file[i], b->drop[i].reason, b->drop[i].text);
    }
    assert_int_equal(want->drops, 0);
    assert_true(toy_digest(b) == toy_digest(want)); /* the others do not notice */
    struct rt_tensor r;
    const int32_t *at = toy_frame(b, "teacher.rows", &r);
    assert_int_equal(r.dim[0], 2);
    assert_int_equal(at[0], 0);
    assert_int_equal(at[1], 1); /* was 4 */
    rt_tensor_fini(&r);
    rt_batch_destroy(b);
    rt_batch_destroy(want);
}

static void test_bad_files(void **state)
{
    (void)state;
    lose(&rt_modality_image, bad_picture, picture_reason);
    lose(&rt_modality_speech, bad_speech, speech_reason);
}

static void test_strict(void **state)
{
    (void)state;
    static const int rows[] = {0, 2};
    struct rt_decode d = toy_decode(&t);
    d.strict = 1;
    d.input[d.inputs++] = input("student", &rt_modality_image, true);
    for (int kind = RT_BATCH_TRAIN; kind <= RT_BATCH_SCORE; kind++) {
        struct rt_batch *b = toy_batch((enum rt_batch_kind)kind, rows, 2);
        assert_int_equal(rt_stage_decode.work(&d, b, &t.e), RT_EEMPTY);
        assert_non_null(strstr(t.e.text, "empty.png"));
        rt_batch_destroy(b);
    }
}

static void test_all_lost(void **state)
{
    (void)state;
    static const int rows[] = {1, 2};
    struct rt_decode d = toy_decode(&t);
    d.input[d.inputs++] = input("student", &rt_modality_image, true);
    struct rt_batch *b = toy_batch(RT_BATCH_TRAIN, rows, 2);
    struct rt_tensor r;
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    assert_int_equal(b->count, 0);
    assert_int_equal(b->drops, 2);
    toy_frame(b, "student.rows", &r);
    assert_int_equal(r.dim[0], 0);
    rt_tensor_fini(&r);
    rt_batch_destroy(b);
}

static bool not_row_4(void *self, int row)
{
    (*(int *)self)++;
    return row != 4;
}

/* What the teacher lacks, what nobody wants and what is known to be bad cost no sample. */
static void test_optional(void **state)
{
    (void)state;
    static const int rows[] = {0, 3, 4};
    struct rt_decode d = toy_decode(&t);
    int asked = 0;
    d.input[d.inputs++] = input("student", &rt_modality_text, true);
    d.input[d.inputs] = input("teacher", &rt_modality_image, false);
    d.input[d.inputs].wanted = not_row_4;
    d.input[d.inputs++].wanted_self = &asked;
    for (int required = 0; required < 2; required++) {
        d.input[1].required = required;
        struct rt_batch *b = toy_batch(RT_BATCH_TRAIN, rows, 3);
        struct rt_tensor r;
        TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
        assert_int_equal(b->count, required ? 2 : 3);
        assert_int_equal(b->sample[b->count - 1], 4); /* not wanted, and still there */
        assert_int_equal(b->drops, 1);
        assert_int_equal(b->drop[0].sample, 3);
        const int32_t *at = toy_frame(b, "teacher.rows", &r);
        assert_int_equal(r.dim[0], 1);
        assert_int_equal(at[0], 0);
        rt_tensor_fini(&r);
        rt_batch_destroy(b);
    }
    assert_int_equal(asked, 6);
    t.data.reason[RT_IMAGE][3] = RT_EFORMAT; /* found before: not read again, not told again */
    d.input[1].required = false;
    struct rt_batch *b = toy_batch(RT_BATCH_TRAIN, rows, 3);
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    assert_int_equal(b->count, 3);
    assert_int_equal(b->drops, 0);
    rt_batch_destroy(b);
}

static struct toy_digests decode_all(struct rt_decode *d, int workers)
{
    const struct rt_stage_ops *ops[] = {&rt_stage_decode};
    void *self[] = {d};
    return toy_run(&t, RT_BATCH_TRAIN, 2, workers, ops, self, 1);
}

static void test_equal_bytes(void **state)
{
    (void)state;
    struct rt_store *store[RT_MODALITIES] = {NULL};
    struct rt_decode d = toy_decode(&t);
    for (int m = 0; m < RT_MODALITIES; m++)
        d.input[d.inputs++] = input(rt_modality_names[m], rt_modalities[m], false);
    struct toy_digests none = decode_all(&d, 1);
    toy_same(none, decode_all(&d, 4));
    for (int m = 0; m < RT_MODALITIES; m++) {
        TOY_OK(&t, rt_store_open(&store[m], t.dir.path, rt_modality_names[m], 1 << 20, &t.e));
        d.input[m].features = store[m];
    }
    toy_same(none, decode_all(&d, 3)); /* content not known: the stores are not asked */
    struct rt_decode score = d;
    for (int m = 0; m < RT_MODALITIES; m++)
        score.input[m].features = NULL;
    toy_score(&t, &score, NULL);
    toy_same(none, decode_all(&d, 3)); /* cold: filled here */
    uint64_t hits, misses, bytes;
    rt_store_counts(store[RT_SPEECH], &hits, &misses, &bytes);
    assert_int_equal(hits, 0);
    toy_same(none, decode_all(&d, 2)); /* warm */
    rt_store_counts(store[RT_SPEECH], &hits, &misses, &bytes);
    assert_int_equal(hits, 2);
    d.seed++;
    struct toy_digests other = decode_all(&d, 2);
    assert_true(other.of[0] != none.of[0]);
    for (int m = 0; m < RT_MODALITIES; m++)
        rt_store_close(store[m]);
}

/* What a store gives is not what the front end makes: it is made again, and no sample is left out. */
static void test_kept_features_of_another_shape(void **state)
{
    (void)state;
    struct rt_store *store;
    struct rt_frame *f;
    struct rt_decode d = toy_decode(&t), score;
    uint64_t hits, misses, bytes;
    char text[512];
    struct rt_tensor wrong = rt_tensor_view(RT_F32, 1, (int64_t[]){4}, (float[]){1, 2, 3, 4});
    TOY_OK(&t, rt_store_open(&store, t.dir.path, "wrong", 1 << 20, &t.e));
    for (int m = 0; m < RT_MODALITIES; m++)
        d.input[d.inputs++] = input(rt_modality_names[m], rt_modalities[m], false);
    struct toy_digests none = decode_all(&d, 1);
    score = d;
    toy_score(&t, &score, NULL);
    assert_int_equal(rt_frame_pack(&f, "base", &wrong, 1), 0);
    for (int m = 0; m < RT_MODALITIES; m++) {
        rt_modalities[m]->features_key(d.input[m].front, text, sizeof text);
        for (int row = 0; row < t.data.count; row++)
            assert_int_equal(rt_store_put(store, rt_key128_of(text, strlen(text), t.content.key[m][row]), f), 0);
        d.input[m].features = store;
    }
    rt_frame_unref(f);
    toy_same(none, decode_all(&d, 2));
    rt_store_counts(store, &hits, &misses, &bytes);
    assert_true(hits > 0);
    rt_store_close(store);
}

static void test_epoch_and_eval(void **state)
{
    (void)state;
    static const int rows[] = {0, 4}, turned[] = {4, 0};
    struct rt_decode d = toy_decode(&t);
    d.input[d.inputs++] = input("student", &rt_modality_image, true);
    struct rt_tensor x[4];
    for (int i = 0; i < 4; i++) {
        struct rt_batch *b = toy_batch(i < 3 ? RT_BATCH_TRAIN : RT_BATCH_EVAL, i == 1 ? turned : rows, 2);
        b->draw = i == 2;
        TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
        toy_frame(b, "student.input", &x[i]);
        rt_batch_destroy(b);
    }
    size_t row = rt_tensor_bytes(&x[0]) / 2;
    assert_memory_equal(x[0].data, (char *)x[1].data + row, row); /* a sample's place changes nothing */
    assert_memory_not_equal(x[0].data, x[2].data, 2 * row);       /* another epoch, another draw */
    assert_memory_not_equal(x[0].data, x[3].data, 2 * row);       /* nothing is drawn in evaluation */
    for (int i = 0; i < 4; i++)
        rt_tensor_fini(&x[i]);
}

/* Several views of a sample lie behind one another; whole recordings have their lengths; samples that are lost leave
 * no gap; and while training there is one view. */
static void test_views(void **state)
{
    (void)state;
    static const int rows[] = {0, 1, 4, 2};
    struct rt_decode d = toy_decode(&t);
    struct rt_tensor in, length, crops;
    d.input[d.inputs++] = input("student", &rt_modality_speech, true);
    d.input[0].views.whole = true;
    struct rt_batch *b = toy_batch(RT_BATCH_EVAL, rows, 4);
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    assert_int_equal(b->count, 2);
    toy_frame(b, "student.input", &in);
    toy_frame(b, "student.length", &length);
    int first = ((int32_t *)length.data)[0], second = ((int32_t *)length.data)[1];
    assert_true(length.dim[0] == 2 && first > 20 && second > first); /* 0.5 s and longer, less silence */
    assert_true(in.rank == 2 && in.dim[0] == first + second && in.dim[1] == 40);
    rt_batch_destroy(b);
    d.input[0].views = (struct rt_views){.crops = 3};
    b = toy_batch(RT_BATCH_EVAL, rows, 4);
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    toy_frame(b, "student.input", &crops);
    assert_true(crops.rank == 3 && crops.dim[0] == 6 && crops.dim[1] == 20 && crops.dim[2] == 40);
    /* The first crop of the second sample is the beginning of it. */
    assert_memory_equal((float *)crops.data + 3 * 800, (float *)in.data + 40 * first, 800 * sizeof(float));
    rt_batch_destroy(b);
    rt_tensor_fini(&crops);
    b = toy_batch(RT_BATCH_TRAIN, rows, 4);
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    toy_frame(b, "student.input", &crops);
    assert_true(crops.rank == 3 && crops.dim[0] == 2);
    rt_batch_destroy(b);
    rt_tensor_fini(&crops);
    rt_tensor_fini(&in);
    rt_tensor_fini(&length);
}

/* From update 7 on nothing is drawn. */
static void augment_of(void *self, int64_t step, struct rt_augment *a)
{
    struct rt_recipe still;
    rt_recipe_init(&still);
    if (step >= 7)
        *a = rt_augment_of(&still);
    *(int *)self += 1;
}

static void test_settings_of_an_update(void **state)
{
    (void)state;
    static const int rows[] = {0, 4};
    int asked = 0;
    struct rt_decode d = toy_decode(&t);
    d.input[d.inputs++] = input("student", &rt_modality_image, true);
    d.input[d.inputs++] = input("teacher", &rt_modality_text, false);
    d.input[1].augment = false;
    struct rt_tensor x[4];
    for (int i = 0; i < 4; i++) {
        d.augment = i == 1 || i == 2 ? augment_of : NULL;
        d.augment_self = &asked;
        struct rt_batch *b = toy_batch(i < 3 ? RT_BATCH_TRAIN : RT_BATCH_EVAL, rows, 2);
        b->update = i == 2 ? 7 : 6;
        TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
        toy_frame(b, "student.input", &x[i]);
        rt_batch_destroy(b);
    }
    assert_int_equal(asked, 2); /* once for a batch, of the augmented input only */
    assert_memory_equal(x[0].data, x[1].data, rt_tensor_bytes(&x[0]));
    assert_memory_not_equal(x[1].data, x[2].data, rt_tensor_bytes(&x[0]));
    assert_memory_equal(x[2].data, x[3].data, rt_tensor_bytes(&x[0])); /* as in evaluation */
    for (int i = 0; i < 4; i++)
        rt_tensor_fini(&x[i]);
}

static void test_score(void **state)
{
    (void)state;
    static const int rows[] = {0, 2, 4};
    struct rt_decode d = toy_decode(&t);
    d.input[d.inputs++] = input("score", &rt_modality_image, false);
    struct rt_batch *b = toy_batch(RT_BATCH_SCORE, rows, 3);
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    assert_int_equal(b->count, 3); /* the quality stage wants to see it */
    assert_int_equal(b->drops, 1);
    assert_non_null(rt_batch_get(b, "raw.image.0"));
    assert_null(rt_batch_get(b, "raw.image.1"));
    assert_non_null(rt_batch_get(b, "raw.image.2"));
    struct rt_key128 *k = t.content.key[RT_IMAGE];
    assert_true(k[0].lo && k[4].lo && k[0].lo != k[4].lo && !k[2].lo && !k[2].hi);
    rt_batch_destroy(b);
    struct rt_key128 before = k[0];
    struct rt_decode text = toy_decode(&t);
    text.input[text.inputs++] = input("score", &rt_modality_text, false);
    toy_copy(&t, "tests/data/good/palette.png", "a.png"); /* the same bytes as b.png now */
    toy_score(&t, &d, NULL);
    toy_score(&t, &text, NULL);
    assert_true(k[0].lo != before.lo && k[0].lo == k[4].lo && k[0].hi == k[4].hi);
    assert_true(t.content.key[RT_TEXT][0].lo != 0);
}

/* Features of another recording than the one that was measured are neither used nor kept. */
static void test_changed_under_the_run(void **state)
{
    (void)state;
    static const int rows[] = {0, 4};
    struct rt_decode score = toy_decode(&t), d = toy_decode(&t);
    score.input[score.inputs++] = input("score", &rt_modality_speech, false);
    d.input[d.inputs++] = input("student", &rt_modality_speech, true);
    toy_score(&t, &score, NULL);
    toy_wav(&t, "a.wav", 3, 8000);
    struct rt_batch *b = toy_batch(RT_BATCH_TRAIN, rows, 2);
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    assert_int_equal(b->count, 1);
    assert_int_equal(b->sample[0], 4);
    assert_int_equal(b->drops, 1);
    assert_int_equal(b->drop[0].reason, RT_ECHANGED);
    assert_non_null(strstr(b->drop[0].text, "a.wav: changed since the run looked at it"));
    rt_batch_destroy(b);
}

/* What noise is added to comes from the store as it came from the file: 16 bits as such, what was resampled as floats;
 * and from nowhere else: one of the files is gone. */
static void test_decoded_sound_is_kept(void **state)
{
    (void)state;
    static const int rows[] = {0, 4};
    struct rt_store *store;
    uint64_t hits, misses, bytes, digest[4];
    struct rt_decode score = toy_decode(&t), d = toy_decode(&t);
    toy_copy(&t, "tests/data/good/tone_22k.ogg", "b.wav");
    TOY_OK(&t, rt_store_open(&store, t.dir.path, "sound", 1 << 20, &t.e));
    t.front.augment.noise = 0.5;
    score.input[score.inputs++] = input("score", &rt_modality_speech, false);
    score.input[0].raw = store;
    d.input[d.inputs++] = input("student", &rt_modality_speech, true);
    for (int i = 0; i < 4; i++) {
        if (i == 1)
            toy_score(&t, &score, NULL); /* puts them there, as noise is on */
        if (i == 2)
            t.front.augment.noise = 1;
        d.input[0].raw = i % 2 ? store : NULL;
        struct rt_batch *b = toy_batch(RT_BATCH_TRAIN, rows, 2);
        TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
        assert_int_equal(b->count, 2);
        digest[i] = toy_digest(b);
        rt_batch_destroy(b);
        if (i == 2)
            scratch_write(&t.dir, "a.wav", "", 0);
    }
    assert_true(digest[0] == digest[1] && digest[2] == digest[3] && digest[0] != digest[2]);
    rt_store_counts(store, &hits, &misses, &bytes);
    assert_true(hits >= 2 && misses == 0);
    rt_store_close(store);
}

/* 16 bits take two bytes; nothing is rounded to them: not between two steps, not a zero below zero. */
static void test_what_is_kept_of_sound(void **state)
{
    (void)state;
    static const float odd[] = {32767 / 32768.0f, 0.1f, 1, -0.0f};
    struct rt_raw_source from = {.dataset = &t.data, .content = &t.content};
    struct rt_key128 *key = &t.content.key[RT_SPEECH][0];
    uint64_t hits, misses, before, after;
    TOY_OK(&t, rt_store_open(&from.kept, t.dir.path, "sound", 1 << 20, &t.e));
    for (uint64_t i = 0; i < 4; i++) {
        float sound[64];
        struct rt_tensor raw = rt_tensor_view(RT_F32, 1, (int64_t[]){64}, sound), back;
        for (int k = 0; k < 64; k++)
            sound[k] = (float)(k * 257 % 64 - 32) / 32; /* -1 too */
        sound[9] = odd[i];
        *key = (struct rt_key128){i + 1, i};
        rt_store_counts(from.kept, &hits, &misses, &before);
        rt_raw_keep(from.kept, *key, &raw, 1);
        rt_store_counts(from.kept, &hits, &misses, &after);
        assert_int_equal(after - before, i == 0 ? 24 + 56 + 2 * 64 : 24 + 48 + 4 * 64);
        TOY_OK(&t, rt_raw_load(&from, &rt_modality_speech, 0, &back, &t.e));
        assert_true(back.dtype == RT_F32 && back.rank == 1 && back.dim[0] == 64);
        assert_memory_equal(back.data, sound, sizeof sound);
        rt_tensor_fini(&back);
    }
    rt_store_close(from.kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_optional, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_features_of_another_shape, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch_and_eval, setup, teardown),
        cmocka_unit_test_setup_teardown(test_views, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_of_an_update, setup, teardown),
        cmocka_unit_test_setup_teardown(test_score, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_under_the_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_decoded_sound_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_kept_of_sound, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
