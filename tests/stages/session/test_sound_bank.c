/* SPDX-License-Identifier: MIT
 * test_sound_bank: noises and rooms as MUSAN and RIRS_NOISES keep them are found, mixed at the SNR that was drawn,
 * to 0.1 dB, and the same for the same sample; babble is of others; what does not fit is refused. */
#include "stages/session/sound_bank.h"

#include "stages/modality/speech_augment.h"
#include "tests/stages/toy.h"

#include <math.h>
#include <sys/stat.h>

static struct toy t;
static struct rt_datafiles *sources;
static struct rt_sound_bank *bank;
static char note[700];

static void folder(const char *name)
{
    assert_int_equal(mkdir(scratch_file(&t.dir, name), 0777), 0);
}

static int make(const char *assignments)
{
    struct rt_recipe r;
    char list[900];
    rt_sound_bank_destroy(bank);
    rt_recipe_init(&r);
    snprintf(list, sizeof list, "%s", assignments);
    for (char *save, *w = strtok_r(list, "\n", &save); w; w = strtok_r(NULL, "\n", &save))
        if (rt_recipe_set(&r, w, &t.e) < 0)
            fail_msg("%s", t.e.text);
    t.e.text[0] = '\0';
    int rc = rt_sound_bank_create(&bank, &r, &t.data, sources, note, sizeof note, &t.e);
    struct rt_raw_source from = {.dataset = &t.data, .files = sources, .content = &t.content};
    return rc < 0 ? rc : rt_sound_bank_take_voices(bank, &from, &t.e);
}

static const char *setting(const char *format, const char *file)
{
    static char text[900];
    snprintf(text, sizeof text, format, scratch_file(&t.dir, file));
    return text;
}

static double power(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum / n;
}

static void noises_are_mixed_at_their_snr(void **state)
{
    (void)state;
    enum { N = 20000 };
    static float noise[N], again[N], x[N], mixed[N];
    TOY_OK(&t, make(setting("augment.noise_from=%s\naugment.noise_kinds=noise 3 6, music 10 12", "musan")));
    assert_non_null(strstr(note, "3 recordings of 2 kinds"));
    assert_non_null(strstr(note, "1 files cannot be used, such as "));
    const struct rt_sounds *s = rt_sound_bank_sounds(bank);
    assert_true(s->noises && !s->rooms);
    int kinds[2] = {0, 0};
    for (int i = 0; i < N; i++)
        x[i] = 0.3f * sinf(0.05f * (float)i);
    for (uint64_t sample = 0; sample < 60; sample++) {
        double snr, snr2;
        struct rt_rng a = rt_rng_init(1, 2, sample, RT_RNG_NOISE), b = a;
        TOY_OK(&t, s->noise(s->self, 0, N, 0, 0, &a, noise, &snr, &t.e));
        TOY_OK(&t, s->noise(s->self, 0, N, 0, 0, &b, again, &snr2, &t.e));
        assert_memory_equal(noise, again, sizeof noise);
        assert_true(snr == snr2 && ((snr >= 3 && snr <= 6) || (snr >= 10 && snr <= 12)));
        kinds[snr >= 10]++;
        memcpy(mixed, x, sizeof x);
        rt_speech_mix(mixed, N, noise, snr);
        for (int i = 0; i < N; i++)
            mixed[i] -= x[i];
        assert_true(fabs(10 * log10(power(x, N) / power(mixed, N)) - snr) < 0.1);
    }
    assert_in_range(kinds[0], 15, 45);
}

/* Without kinds: all that there are, in the range of the settings. */
static void kinds_may_be_left_out(void **state)
{
    (void)state;
    float noise[1600];
    double snr;
    TOY_OK(&t, make(setting("augment.noise_from=%s", "musan")));
    const struct rt_sounds *s = rt_sound_bank_sounds(bank);
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_NOISE);
    TOY_OK(&t, s->noise(s->self, 0, 1600, 7, 7, &rng, noise, &snr, &t.e));
    assert_true(snr == 7);
    uint64_t digest = rt_sound_bank_digest(bank);
    TOY_OK(&t, make(setting("augment.noise_from=%s", "musan")));
    assert_true(digest == rt_sound_bank_digest(bank));
    TOY_OK(&t, make(setting("augment.noise_from=%s", "noises.tsv")));
    assert_non_null(strstr(note, "1 recordings of 1 kinds"));
    assert_true(digest != rt_sound_bank_digest(bank));
    TOY_OK(&t, make("augment.noise=0.5"));
    assert_null(bank);
}

static void rooms_are_responses(void **state)
{
    (void)state;
    TOY_OK(&t, make(setting("augment.rir=0.5\naugment.rir_from=%s", "rirs")));
    assert_non_null(strstr(note, "1 responses")); /* neither the noises beside it, nor what lasts too long */
    const struct rt_sounds *s = rt_sound_bank_sounds(bank);
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_ROOM);
    float *response;
    int64_t count;
    TOY_OK(&t, s->room(s->self, &rng, &response, &count, &t.e));
    assert_int_equal(count, 4000);
    free(response);
}

/* Of all speakers but the sample's own, who has the first two rows. */
static void babble_is_of_others(void **state)
{
    (void)state;
    enum { N = 4800 };
    static float noise[N], again[N];
    double snr;
    TOY_OK(&t, make("augment.noise_kinds=babble 13 20"));
    const struct rt_sounds *s = rt_sound_bank_sounds(bank);
    for (uint64_t sample = 0; sample < 20; sample++) {
        struct rt_rng a = rt_rng_init(1, 1, sample, RT_RNG_NOISE), b = a;
        TOY_OK(&t, s->noise(s->self, 0, N, 0, 0, &a, noise, &snr, &t.e));
        TOY_OK(&t, s->noise(s->self, 1, N, 0, 0, &b, again, &snr, &t.e));
        assert_true(power(noise, N) > 1e-4 && snr >= 13 && snr <= 20);
        assert_memory_equal(noise, again, sizeof noise); /* both of "a": neither hears the other */
    }
}

static void augmenting_takes_from_the_bank(void **state)
{
    (void)state;
    TOY_OK(&t, make(setting("augment.rir=1\naugment.rir_from=%s", "rirs")));
    struct rt_front front = {.augment = {.rir = 1}, .sounds = rt_sound_bank_sounds(bank)};
    int64_t n = 8000;
    struct rt_tensor raw, plain;
    TOY_OK(&t, rt_tensor_init(&raw, RT_F32, 1, &n));
    TOY_OK(&t, rt_tensor_init(&plain, RT_F32, 1, &n));
    for (int i = 0; i < n; i++)
        ((float *)plain.data)[i] = ((float *)raw.data)[i] = 0.2f * sinf(0.1f * (float)i);
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_SPEECH), ahead = rng;
    assert_true(rt_speech_alters(&front, &ahead));
    TOY_OK(&t, rt_speech_augment(&front, 0, &raw, &rng, &t.e));
    assert_memory_not_equal(raw.data, plain.data, rt_tensor_bytes(&raw));
    assert_true(fabs(10 * log10(power(raw.data, (int)n) / power(plain.data, (int)n))) < 0.1);
    rt_tensor_fini(&raw);
    rt_tensor_fini(&plain);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *file;
        int code;
        const char *words;
    } bad[] = {
        {"augment.rir=0.5", "", RT_EUSAGE, "augment.rir_from"},
        {"augment.noise_from=%s", "nothing", RT_EMISSING, "nothing"},
        {"augment.noise_from=%s", "empty", RT_ENODATA, "augment.noise_from: no recording in "},
        {"augment.noise_from=%s\naugment.noise_kinds=nosie 0 9", "musan", RT_EUSAGE,
         "no usable recording of the kind 'nosie'"},
        {"augment.noise_from=%s\naugment.noise_kinds=noise 9 0", "musan", RT_EUSAGE, "lowest and highest SNR"},
        {"augment.noise_from=%s\naugment.noise_kinds=noise 9", "musan", RT_EUSAGE, "lowest and highest SNR"},
        {"augment.noise_from=%s\naugment.noise_kinds=noise 1 2 3", "musan", RT_EUSAGE, "lowest and highest SNR"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(make(setting(bad[i].settings, bad[i].file)), bad[i].code);
        if (!strstr(t.e.text, bad[i].words))
            fail_msg("%s", t.e.text);
        assert_null(bank);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noises_are_mixed_at_their_snr), cmocka_unit_test(kinds_may_be_left_out),
        cmocka_unit_test(rooms_are_responses),           cmocka_unit_test(babble_is_of_others),
        cmocka_unit_test(augmenting_takes_from_the_bank), cmocka_unit_test(what_does_not_fit_is_refused),
    };
    toy_make(&t, "student.modality=speech");
    static const char *const folders[] = {"musan", "musan/noise", "musan/music", "musan/speech", "rirs", "rirs/real",
                                          "rirs/pointsource_noises", "empty"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        folder(folders[i]);
    toy_wav(&t, "musan/noise/long.wav", 1, 60000);
    toy_wav(&t, "musan/noise/short.wav", 2, 3000);
    toy_wav(&t, "musan/music/tune.wav", 3, 30000);
    scratch_write(&t.dir, "musan/speech/broken.wav", "RIFF", 4);
    scratch_write(&t.dir, "empty/readme.txt", "x", 1);
    toy_wav(&t, "rirs/real/room.wav", 4, 4000);
    toy_wav(&t, "rirs/real/hour.wav", 4, 200000);
    toy_wav(&t, "rirs/real/air_noise_1.wav", 5, 4000);
    toy_wav(&t, "rirs/pointsource_noises/drill.wav", 5, 4000);
    scratch_write(&t.dir, "noises.tsv", "id\tspeech\tkind\tstart\tend\nn\tmusan/noise/long.wav\thum\t1\t2\n", 56);
    char table[600] = "id\tlabel\tspeech\n";
    for (int i = 0; i < 6; i++) {
        char name[24];
        snprintf(name, sizeof name, "v%d.wav", i);
        toy_wav(&t, name, 10 + i, 4000 + 500 * i);
        snprintf(table + strlen(table), sizeof table - strlen(table), "%d\t%c\t%s\n", i, i < 2 ? 'a' : 'a' + i, name);
    }
    toy_load(&t, table);
    if (rt_datafiles_create(&sources) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_sound_bank_destroy(bank);
    rt_datafiles_destroy(sources);
    toy_fini(&t);
    return failed;
}
