/* SPDX-License-Identifier: MIT
 * Tests of libretort through retort.h: what is refused and in which words; that samples, pixels, text and files give
 * the bits of the modality's own steps; that later calls allocate nothing; and that memory which runs out anywhere
 * leaves nothing behind. */
#include "tests/library/library_models.h"
#include "tests/support/allocation.h"

#include "formats/audiofile.h"
#include "formats/imagefile.h"
#include "stages/metrics/predictions.h"
#include "stages/model/net.h"

#include <kiss_fftr.h>
#include <soxr.h>
#include <stdio.h>
#include <string.h>

static struct scratch dir;
static float sound[SOUND], row[1 << 16];
static char path[4][256];

kiss_fftr_cfg __real_kiss_fftr_alloc(int n, int inverse, void *memory, size_t *size);
kiss_fftr_cfg __wrap_kiss_fftr_alloc(int n, int inverse, void *memory, size_t *size);

kiss_fftr_cfg __wrap_kiss_fftr_alloc(int n, int inverse, void *memory, size_t *size)
{
    return allocation_fails() ? NULL : allocation_counted(__real_kiss_fftr_alloc(n, inverse, memory, size));
}

static struct retort *open_model(int i)
{
    struct retort *r;
    struct retort_error e = {0};
    if (retort_open(&r, path[i], NULL, &e))
        fail_msg("%s", e.text);
    return r;
}

/* What one call gave. */
struct given {
    struct retort_answer a;
    float embedding[512], posteriors[EXPORT_CLASSES];
};

static void given_begin(struct given *g)
{
    memset(g, 0, sizeof *g);
    g->a.embedding = g->embedding;
    g->a.posteriors = g->posteriors;
}

static void check_same(const struct given *a, const struct given *b)
{
    assert_memory_equal(a->embedding, b->embedding, sizeof a->embedding);
    assert_memory_equal(a->posteriors, b->posteriors, sizeof a->posteriors);
    assert_int_equal(a->a.label, b->a.label);
}

/* ---- opening ---- */

static void what_is_no_model_is_refused(void **state)
{
    (void)state;
    struct retort *r = (struct retort *)&dir;
    struct retort_error e = {0};
    assert_int_equal(retort_open(&r, "/no/such/model", NULL, &e), RETORT_EMISSING);
    assert_int_equal(e.code, RETORT_EMISSING);
    assert_non_null(strstr(e.text, "/no/such/model"));
    assert_null(r);
    scratch_write(&dir, "junk.safetensors", "junk", 4);
    assert_int_equal(retort_open(&r, scratch_file(&dir, "junk.safetensors"), NULL, &e), RETORT_EFORMAT);
    assert_int_equal(retort_open(&r, path[0], &(struct retort_options){.threads = 65}, &e), RETORT_ERANGE);
    assert_int_equal(retort_open(&r, path[0], &(struct retort_options){.threads = -1}, NULL), RETORT_ERANGE);
    const char *const wrong[] = {"train.lr=1", NULL};
    assert_int_equal(retort_open(&r, path[0], &(struct retort_options){.settings = wrong}, &e), RETORT_EUSAGE);
    assert_non_null(strstr(e.text, "train.lr=1"));
    retort_close(NULL);
}

static void a_model_says_what_it_reads(void **state)
{
    (void)state;
    static const struct retort_about want[] = {
        {.input = RETORT_SPEECH, .rate = 16000, .seconds = (60 * 160 + 400) / 16000.0},
        {.input = RETORT_IMAGE, .width = 24, .height = 24},
        {.input = RETORT_TEXT},
    };
    for (int i = 0; i < 3; i++) {
        struct retort *r = open_model(i);
        struct retort_about about;
        retort_describe(r, &about);
        assert_int_equal(about.input, want[i].input);
        assert_int_equal(about.rate, want[i].rate);
        assert_int_equal(about.width, want[i].width);
        assert_int_equal(about.height, want[i].height);
        assert_true(fabs(about.seconds - want[i].seconds) < 1e-12);
        assert_int_equal(about.classes, EXPORT_CLASSES);
        assert_true(about.embedding > 0 && about.weights > 0 && !about.read);
        assert_string_equal(retort_label(r, 2), "caf\xc3\xa9");
        assert_null(retort_label(r, EXPORT_CLASSES));
        assert_null(retort_label(r, -1));
        retort_close(r);
    }
}

/* ---- the same bits, whichever way a sample comes ---- */

/* The modality's steps, and the network, as they are elsewhere. */
static void check_against_steps(int which, const struct rt_tensor *raw, const struct given *have)
{
    struct rt_model m;
    struct rt_error e = {0};
    struct rt_tensor base;
    struct rt_net *net;
    struct rt_ready *ready;
    struct rt_net_outputs o;
    assert_int_equal(rt_model_load(&m, path[which], &e), 0);
    assert_int_equal(m.modality->features(&m.front, raw, &base, &e), 0);
    assert_int_equal(rt_ready_create(&ready, &m, false), 0);
    assert_int_equal(rt_net_create_ready(&net, ready, 1, 1), 0);
    struct rt_bag bag = {0};
    if (m.modality->present)
        assert_int_equal(m.modality->present(&m.front, &base, NULL, row), 0);
    else
        assert_int_equal(m.modality->present_bag(&m.front, &base, NULL, &bag), 0);
    struct rt_bags bags = {(int32_t[]){0, bag.count}, bag.bucket, bag.weight};
    assert_int_equal(rt_net_run(net, 1, row, &bags, &o, &e), 0);
    assert_memory_equal(o.embedding, have->embedding, (size_t)m.dim * sizeof(float));
    double sum = 0, want[EXPORT_CLASSES];
    assert_true(m.temperature == LIBRARY_TEMPERATURE);
    assert_true(rt_probabilities(o.logits, m.classes, LIBRARY_TEMPERATURE, want));
    for (int c = 0; c < m.classes; c++) {
        assert_true(have->posteriors[c] == (float)want[c]);
        sum += (double)have->posteriors[c];
        assert_true(o.logits[c] <= o.logits[have->a.label]);
    }
    assert_true(fabs(sum - 1) < 1e-5);
    assert_true(have->a.probability == have->posteriors[have->a.label]);
    free(bag.bucket);
    free(bag.weight);
    rt_net_destroy(net);
    rt_ready_destroy(ready);
    rt_tensor_fini(&base);
    rt_model_fini(&m);
}

static void samples_give_the_bits_of_the_steps(void **state)
{
    (void)state;
    struct retort *r = open_model(0);
    struct given g, stereo;
    given_begin(&g);
    given_begin(&stereo);
    assert_int_equal(retort_pcm(r, sound, SOUND, 1, 16000, &g.a, NULL), 0);
    struct rt_tensor raw = rt_tensor_view(RT_F32, 1, (int64_t[]){SOUND}, sound);
    check_against_steps(0, &raw, &g);
    static float both[2 * SOUND];
    for (int i = 0; i < SOUND; i++)
        both[2 * i] = both[2 * i + 1] = sound[i];
    assert_int_equal(retort_pcm(r, both, SOUND, 2, 16000, &stereo.a, NULL), 0);
    check_same(&g, &stereo);
    retort_close(r);
}

/* A network that pools over time sees all of a recording, unless it is asked not to; a short one has no more. */
static void whole_recordings_are_seen(void **state)
{
    (void)state;
    struct retort *all = open_model(POOLED), *cropped, *clone;
    struct retort_about about;
    struct given a, b, c;
    given_begin(&a);
    given_begin(&b);
    given_begin(&c);
    assert_int_equal(retort_open(&cropped, path[POOLED], &(struct retort_options){.cropped = 1}, NULL), 0);
    assert_int_equal(retort_clone(&clone, cropped, NULL), 0);
    retort_describe(all, &about);
    assert_true(about.seconds == 0);
    retort_describe(clone, &about);
    assert_true(about.seconds > 0.6 && about.seconds < 0.7);
    assert_int_equal(retort_pcm(all, sound, SOUND, 1, 16000, &a.a, NULL), 0);
    assert_int_equal(retort_pcm(cropped, sound, SOUND, 1, 16000, &b.a, NULL), 0);
    assert_memory_not_equal(a.embedding, b.embedding, sizeof a.embedding);
    assert_int_equal(retort_pcm(clone, sound, SOUND, 1, 16000, &c.a, NULL), 0);
    check_same(&b, &c);
    assert_int_equal(retort_pcm(all, sound, SOUND / 2, 1, 16000, &a.a, NULL), 0);
    assert_int_equal(retort_pcm(cropped, sound, SOUND / 2, 1, 16000, &b.a, NULL), 0);
    check_same(&a, &b);
    retort_close(all);
    retort_close(clone);
    retort_close(cropped);
}

/* The file's own samples, at their own rate, are the file. */
static void a_file_is_its_samples(void **state)
{
    (void)state;
    static const char *const name = "tests/data/good/tone_8k_stereo.wav";
    struct retort *r = open_model(0);
    struct given file, samples;
    size_t size, head = 44;
    uint8_t *bytes = read_bytes(name, &size);
    size_t count = (size - head) / 2;
    const int16_t *pcm = (const int16_t *)(bytes + head);
    assert_true(count <= sizeof row / sizeof *row);
    for (size_t i = 0; i < count; i++)
        row[i] = (float)pcm[i] / 32768;
    given_begin(&file);
    given_begin(&samples);
    assert_int_equal(retort_file(r, name, &file.a, NULL), 0);
    assert_int_equal(retort_pcm(r, row, count / 2, 2, 8000, &samples.a, NULL), 0);
    check_same(&file, &samples);
    free(bytes);
    retort_close(r);
}

static void pixels_give_the_bits_of_the_steps(void **state)
{
    (void)state;
    static const char *const name = "tests/data/good/rgb.png";
    struct retort *r = open_model(1);
    struct given file, rgb, rgba;
    struct rt_image im;
    size_t size;
    uint8_t *bytes = read_bytes(name, &size);
    assert_int_equal(rt_image_decode(&im, bytes, size, name, NULL), 0);
    size_t stride = (size_t)im.width * 4 + 12;
    uint8_t *wide = calloc((size_t)im.height, stride);
    for (int y = 0; y < im.height; y++)
        for (int x = 0; x < im.width; x++) {
            memcpy(wide + (size_t)y * stride + 4 * x, im.rgb + 3 * ((size_t)y * (size_t)im.width + (size_t)x), 3);
            wide[(size_t)y * stride + 4 * x + 3] = 255;
        }
    given_begin(&file);
    given_begin(&rgb);
    given_begin(&rgba);
    assert_int_equal(retort_file(r, name, &file.a, NULL), 0);
    assert_int_equal(retort_pixels(r, im.rgb, im.width, im.height, 3, 0, &rgb.a, NULL), 0);
    assert_int_equal(retort_pixels(r, wide, im.width, im.height, 4, stride, &rgba.a, NULL), 0);
    check_same(&file, &rgb);
    check_same(&file, &rgba);
    struct rt_tensor raw = rt_tensor_view(RT_U8, 3, (int64_t[]){im.height, im.width, 3}, im.rgb);
    check_against_steps(1, &raw, &rgb);
    free(wide);
    free(bytes);
    rt_image_fini(&im);
    retort_close(r);
}

static void text_gives_the_bits_of_the_steps(void **state)
{
    (void)state;
    static char words[] = "a small yellow bird, un petit oiseau";
    struct retort *r = open_model(2);
    struct given text, bytes;
    given_begin(&text);
    given_begin(&bytes);
    assert_int_equal(retort_text(r, words, sizeof words - 1, &text.a, NULL), 0);
    assert_int_equal(retort_bytes(r, words, sizeof words - 1, "words", &bytes.a, NULL), 0);
    check_same(&text, &bytes);
    struct rt_tensor raw = rt_tensor_view(RT_U8, 1, (int64_t[]){sizeof words - 1}, words);
    check_against_steps(2, &raw, &text);
    retort_close(r);
}

/* ---- what is no sample ---- */

static void samples_that_cannot_be_used_are_refused(void **state)
{
    (void)state;
    struct retort *r = open_model(0), *picture = open_model(1), *text = open_model(2);
    struct retort_error e;
    static float silent[SOUND];
    static const uint8_t pixel[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, blank[12] = {0};
    float bad[SOUND];
    struct retort_answer a = {0};
    memcpy(bad, sound, sizeof bad);
    bad[5000] = NAN;
    assert_int_equal(retort_pcm(r, silent, SOUND, 1, 16000, &a, &e), RETORT_ESILENT);
    assert_int_equal(retort_pcm(r, sound, 1000, 1, 16000, &a, &e), RETORT_ESHORT);
    assert_int_equal(retort_pcm(r, NULL, 0, 1, 16000, &a, &e), RETORT_EEMPTY);
    assert_int_equal(retort_pcm(r, sound, SOUND, 1, 999, &a, &e), RETORT_ERANGE);
    assert_int_equal(retort_pcm(r, sound, SOUND, 17, 16000, &a, &e), RETORT_ERANGE);
    assert_int_equal(retort_pcm(r, bad, SOUND, 1, 16000, &a, &e), RETORT_ENOTFINITE);
    assert_non_null(strstr(e.text, "sample 5000"));
    assert_int_equal(retort_pcm(picture, sound, SOUND, 1, 16000, &a, &e), RETORT_EMISMATCH);
    assert_string_equal(e.text, "the model reads image, not speech");
    assert_int_equal(retort_pixels(picture, pixel, 2, 2, 2, 0, &a, &e), RETORT_ERANGE);
    assert_int_equal(retort_pixels(picture, pixel, 2, 2, 3, 5, &a, &e), RETORT_ERANGE);
    assert_int_equal(retort_pixels(picture, pixel, 1, 4, 3, 0, &a, &e), RETORT_ESMALL);
    assert_int_equal(retort_pixels(picture, pixel, -1, 4, 3, 0, &a, &e), RETORT_ESMALL);
    assert_int_equal(retort_pixels(picture, pixel, 1 << 20, 1 << 20, 3, 0, &a, &e), RETORT_ELARGE);
    assert_int_equal(retort_pixels(picture, blank, 2, 2, 3, 0, &a, &e), RETORT_EBLANK);
    assert_int_equal(retort_pixels(picture, pixel, 2, 2, 3, 0, &a, &e), 0);
    assert_int_equal(retort_text(text, "\xff", 1, &a, &e), RETORT_EFORMAT);
    assert_int_equal(retort_text(text, "...", 3, &a, &e), RETORT_EEMPTY);
    assert_int_equal(retort_text(text, NULL, 0, &a, &e), RETORT_EEMPTY);
    assert_int_equal(retort_file(r, "/no/such/sound", &a, &e), RETORT_EMISSING);
    assert_int_equal(retort_bytes(r, "RIFF", 4, "cut.wav", &a, &e), RETORT_EFORMAT);
    assert_memory_equal(e.text, "cut.wav: ", 9);
    retort_close(r);
    retort_close(picture);
    retort_close(text);
}

/* ---- memory ---- */

static const char words[] = "the second call works in what the first one left";
static uint8_t picture[40 * 30 * 3];

static int answer_one(struct retort *r, int which, struct retort_error *e)
{
    struct given g;
    given_begin(&g);
    return which == 0 || which == POOLED ? retort_pcm(r, sound, SOUND, 1, 16000, &g.a, e)
           : which == 1 ? retort_pixels(r, picture, 40, 30, 3, 0, &g.a, e)
                        : retort_text(r, words, sizeof words - 1, &g.a, e);
}

static void later_calls_allocate_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct retort *r = open_model(i);
        struct retort_error e = {0};
        assert_int_equal(answer_one(r, i, &e), 0);
        for (int again = 0; again < 3; again++) {
            allocation_fail(1);
            int rc = answer_one(r, i, &e);
            allocation_fail(0);
            if (rc)
                fail_msg("%s: %s", library_models[i].name, e.text);
        }
        retort_close(r);
    }
}

/* Opened, cloned, asked twice, closed. */
static int live_once(void *self, struct rt_error *e)
{
    int which = *(const int *)self;
    struct retort *r = NULL, *clone = NULL;
    struct retort_error own = {0};
    int rc = retort_open(&r, path[which], NULL, &own);
    if (rc == 0)
        rc = retort_clone(&clone, r, &own);
    if (rc == 0)
        rc = answer_one(r, which, &own);
    if (rc == 0)
        rc = answer_one(clone, which, &own);
    retort_close(r);
    retort_close(clone);
    if (rc)
        rt_error_set(e, own.code, "%s", own.text);
    return rc;
}

static void memory_that_runs_out_leaves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_in_range(exhaust(live_once, &i, (struct mercy){0}), 20, 1000);
}

/* A refusal in the middle of a handle's life does it no harm. */
static void a_handle_survives_without_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct retort *r = open_model(i);
        struct retort_error e = {0};
        allocation_fail(1);
        assert_int_equal(answer_one(r, i, &e), RETORT_EMEM);
        allocation_fail(0);
        assert_int_equal(answer_one(r, i, &e), 0);
        retort_close(r);
    }
}

static void cosines_are_right(void **state)
{
    (void)state;
    const float a[] = {3, 4}, b[] = {4, -3}, zero[] = {0, 0};
    assert_true(fabs(retort_cosine(a, a, 2) - 1) < 1e-12);
    assert_true(fabs(retort_cosine(a, b, 2)) < 1e-12);
    assert_true(retort_cosine(a, zero, 2) == 0);
    assert_string_equal(retort_version(), RT_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_model_is_refused),
        cmocka_unit_test(a_model_says_what_it_reads),
        cmocka_unit_test(samples_give_the_bits_of_the_steps),
        cmocka_unit_test(whole_recordings_are_seen),
        cmocka_unit_test(a_file_is_its_samples),
        cmocka_unit_test(pixels_give_the_bits_of_the_steps),
        cmocka_unit_test(text_gives_the_bits_of_the_steps),
        cmocka_unit_test(samples_that_cannot_be_used_are_refused),
        cmocka_unit_test(later_calls_allocate_nothing),
        cmocka_unit_test(memory_that_runs_out_leaves_nothing),
        cmocka_unit_test(a_handle_survives_without_memory),
        cmocka_unit_test(cosines_are_right),
    };
    scratch_make(&dir);
    library_sound(sound);
    for (size_t i = 0; i < sizeof picture; i++)
        picture[i] = (uint8_t)(i * 37);
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s", library_model(&dir, i));
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
