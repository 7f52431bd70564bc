/* SPDX-License-Identifier: MIT
 * Tests of stages/model/onnx_front: which front end a file gets, and what it makes. A network that hands out what it
 * is fed with shows scale, window, bands and normalisation, against values worked out elsewhere
 * (tests/golden/fronts.py). */
#include "stages/model/onnx_front.h"

#include "formats/audiofile.h"
#include "formats/imagefile.h"
#include "formats/npy.h"
#include "formats/onnx.h"
#include "stages/model/net.h"
#include "tests/stages/toy.h"

#include <uv.h>

static struct scratch dir;
static struct rt_recipe r;
static struct rt_error e;

/* ---- a network that hands out what it gets ----
 * Of speech [1, time, bands]: the first two frames, and the largest value of each band over all time. */

static void node(struct rt_onnx *o, const char *op, const char *const in[5], const char *out, int64_t axis,
                 int64_t keep)
{
    struct rt_onnx_node *n = rt_onnx_add_node(o, op, out, in, (const char *[]){out, NULL});
    if (keep >= 0) {
        rt_onnx_attr_ints(o, n, "axes", &axis, 1);
        rt_onnx_attr_int(o, n, "keepdims", keep);
    } else if (axis >= 0) {
        rt_onnx_attr_int(o, n, "axis", axis);
    }
}

/* metadata: key, value, ..., NULL. */
static const char *mirror_write(int64_t time, int64_t bands, const char *const *metadata)
{
    struct rt_onnx *o;
    int64_t from[] = {0}, to[] = {2}, axis[] = {1}, one = 1;
    assert_int_equal(rt_onnx_create(&o, 13), 0);
    rt_onnx_add_input(o, "x", RT_F32, 3, (int64_t[]){1, time > 0 ? time : 1, bands > 0 ? bands : 1}, NULL);
    if (time < 0)
        rt_onnx_open_input(o, 1, "T");
    if (bands < 0)
        rt_onnx_open_input(o, 2, "F");
    struct rt_tensor f = rt_tensor_view(RT_I64, 1, &one, from), t = rt_tensor_view(RT_I64, 1, &one, to),
                     a = rt_tensor_view(RT_I64, 1, &one, axis);
    rt_onnx_add_initializer(o, "from", &f);
    rt_onnx_add_initializer(o, "to", &t);
    rt_onnx_add_initializer(o, "axis", &a);
    node(o, "Slice", (const char *[5]){"x", "from", "to", "axis", NULL}, "first", -1, -1);
    node(o, "Flatten", (const char *[5]){"first", NULL}, "flat", 1, -1);
    node(o, "ReduceMax", (const char *[5]){"x", NULL}, "most", 1, 0);
    node(o, "Concat", (const char *[5]){"flat", "most", NULL}, "embedding", 1, -1);
    rt_onnx_add_output(o, "embedding", RT_F32, 2, (int64_t[]){1, 3 * (bands > 0 ? bands : 80)}, NULL);
    for (; metadata && *metadata; metadata += 2)
        rt_onnx_set_text(o, metadata[0], metadata[1]);
    const char *path = scratch_file(&dir, "mirror.onnx");
    assert_int_equal(rt_onnx_write(o, path, &e), 0);
    rt_onnx_destroy(o);
    return path;
}

static int mirror_load(struct rt_model *m, const char *path, const char *settings)
{
    rt_recipe_init(&r);
    toy_set(&r, "teacher.logits=none");
    toy_set(&r, settings);
    snprintf(r.teacher_model, sizeof r.teacher_model, "%s", path);
    e = (struct rt_error){0};
    return rt_model_load_teacher(m, &r, 0, &e);
}

/* What the network says of a recording in full, or at the model's length; numbers of its embedding. */
static float *mirror_answer(struct rt_model *m, const char *file)
{
    struct rt_audio a;
    struct rt_tensor raw, base;
    struct rt_net *n;
    struct rt_net_outputs out;
    size_t size;
    uint8_t *bytes = read_bytes(file, &size);
    assert_int_equal(rt_audio_decode(&a, &RT_INPUT(bytes, size, file), false, &e), 0);
    raw = rt_tensor_view(RT_F32, 1, (int64_t[]){(int64_t)a.count}, a.sample);
    assert_int_equal(m->modality->features(&m->front, &raw, &base, &e), 0);
    struct rt_front front = rt_views_front(&(struct rt_views){.whole = m->whole}, 0, &m->front, base.dim[0]);
    float *row = malloc((size_t)front.speech.frames * (size_t)front.speech.bands * sizeof *row);
    assert_int_equal(m->modality->present(&front, &base, NULL, row), 0);
    assert_int_equal(rt_net_create(&n, m, 1), 0);
    int rc = m->whole ? rt_net_run_length(n, front.speech.frames, row, &out, &e)
                      : rt_net_run(n, 1, row, NULL, &out, &e);
    if (rc < 0)
        fail_msg("%s", e.text);
    float *answer = malloc((size_t)m->dim * sizeof *answer);
    memcpy(answer, out.embedding, (size_t)m->dim * sizeof *answer);
    rt_net_destroy(n);
    free(row);
    free(bytes);
    rt_tensor_fini(&base);
    rt_audio_fini(&a);
    return answer;
}

/* To 1e-4 of 1, or of the number where that is larger. */
static void assert_is_golden(const float *got, int count, const char *name)
{
    struct rt_tensor want;
    char path[100];
    snprintf(path, sizeof path, "tests/golden/fronts_%s.npy", name);
    assert_int_equal(rt_npy_read(&want, path, &e), 0);
    assert_int_equal(rt_tensor_count(&want), count);
    for (int i = 0; i < count; i++) {
        float w = ((float *)want.data)[i];
        if (!(fabsf(got[i] - w) <= 1e-4f * fmaxf(1, fabsf(w))))
            fail_msg("%s: number %d is %.6f, not %.6f", name, i, (double)got[i], (double)w);
    }
    rt_tensor_fini(&want);
}

#define ES "tests/golden/fbank_in_es.wav"

static void speech_is_what_others_make(void **state)
{
    (void)state;
    static const struct {
        const char *golden, *settings;
        int bands;
    } cases[] = {
        {"wespeaker", "teacher.front.preset=wespeaker", 80},
        {"3dspeaker", "teacher.front.preset=3dspeaker", 80},
        {"kaldi", "teacher.front.preset=kaldi teacher.front.window=hann teacher.front.emphasis=0.5 "
                  "teacher.front.low=100 teacher.front.high=7600 teacher.front.floor=1000", 128},
        {"variance", "teacher.front.preset=kaldi teacher.front.normalise=mean-variance", 40},
        {"whisper", "teacher.front.preset=whisper teacher.front.size=100", 80},
        {"whisper_cut", "teacher.front.preset=whisper teacher.front.size=60", 128},
        {"retort", "teacher.front.preset=retort teacher.front.trim=false teacher.front.size=78", 64},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int open = 0; open < 2; open++) { /* the file fixes the bands, or the recipe says them */
            struct rt_model m;
            char settings[500];
            snprintf(settings, sizeof settings, "%s", cases[i].settings);
            if (open)
                snprintf(settings + strlen(settings), 60, " teacher.front.bands=%d", cases[i].bands);
            if (mirror_load(&m, mirror_write(-1, open ? -1 : cases[i].bands, NULL), settings) < 0)
                fail_msg("%s", e.text);
            assert_int_equal(m.dim, 3 * cases[i].bands);
            float *got = mirror_answer(&m, ES);
            assert_is_golden(got, m.dim, cases[i].golden);
            free(got);
            rt_model_fini(&m);
        }
}

/* ---- the recording itself ----
 * One number for each sample comes out, [1, time, 1] or [1, 1, time]; the model gives the mean over time. */

static const char *wave_write(const char *op, int64_t time)
{
    struct rt_onnx *o;
    assert_int_equal(rt_onnx_create(&o, 11), 0);
    rt_onnx_add_input(o, "wave", RT_F32, 2, (int64_t[]){1, time > 0 ? time : 1}, NULL);
    if (time < 0)
        rt_onnx_open_input(o, 1, "T");
    node(o, "Abs", (const char *[5]){"wave", NULL}, "size", -1, -1);
    struct rt_onnx_node *n = rt_onnx_add_node(o, "Unsqueeze", "moments", (const char *[]){"size", NULL},
                                              (const char *[]){"moments", NULL});
    rt_onnx_attr_ints(o, n, "axes", (int64_t[]){strcmp(op, "last") == 0 ? 1 : 2}, 1);
    rt_onnx_add_output(o, "moments", RT_F32, 3, (int64_t[]){1, 1, 1}, NULL);
    const char *path = scratch_file(&dir, "wave.onnx");
    assert_int_equal(rt_onnx_write(o, path, &e), 0);
    rt_onnx_destroy(o);
    return path;
}

static void the_recording_itself_is_normalised(void **state)
{
    (void)state;
    static float row[20000];
    for (int i = 0; i < 2; i++) {
        struct rt_model m;
        struct rt_tensor want, base, raw;
        struct rt_audio a;
        size_t size;
        uint8_t *bytes = read_bytes(ES, &size);
        if (mirror_load(&m, wave_write(i ? "last" : "first", -1), "teacher.front.preset=wav2vec2") < 0)
            fail_msg("%s", e.text);
        assert_int_equal(m.dim, 1);
        assert_non_null(strstr(rt_model_about(&m), "mean over time"));
        assert_int_equal(rt_audio_decode(&a, &RT_INPUT(bytes, size, ES), false, &e), 0);
        raw = rt_tensor_view(RT_F32, 1, (int64_t[]){(int64_t)a.count}, a.sample);
        assert_int_equal(m.modality->features(&m.front, &raw, &base, &e), 0);
        struct rt_front front = rt_views_front(&(struct rt_views){.whole = true}, 0, &m.front, base.dim[0]);
        assert_int_equal(front.speech.frames, a.count);
        assert_int_equal(m.modality->present(&front, &base, NULL, row), 0);
        assert_int_equal(rt_npy_read(&want, "tests/golden/fronts_wave.npy", &e), 0);
        double mean = 0;
        for (int k = 0; k < 100; k++) {
            assert_true(fabsf(row[k] - ((float *)want.data)[k]) < 1e-4f);
            assert_true(fabsf(row[a.count - 100 + (size_t)k] - ((float *)want.data)[100 + k]) < 1e-4f);
        }
        for (size_t k = 0; k < a.count; k++)
            mean += fabs((double)row[k]) / (double)a.count;
        float *got = mirror_answer(&m, ES);
        assert_true(fabs(got[0] - mean) < 1e-4);
        free(got);
        free(bytes);
        rt_tensor_fini(&want);
        rt_tensor_fini(&base);
        rt_audio_fini(&a);
        rt_model_fini(&m);
    }
    struct rt_model m;
    assert_int_equal(mirror_load(&m, wave_write("first", 8000), "teacher.front.preset=wave"), 0);
    assert_false(m.whole);
    assert_int_equal(m.front.speech.frames, 8000);
    rt_model_fini(&m);
    assert_int_equal(mirror_load(&m, wave_write("first", 100), "teacher.front.preset=wave"), RT_EMISMATCH);
    assert_non_null(strstr(e.text, "0.1 to 60 seconds"));
}

static void take_embedding(void *self, int k, const struct rt_net_outputs *o)
{
    memcpy((float *)self + 240 * k, o->embedding, 240 * sizeof(float));
}

/* Recordings of other lengths before it change nothing, and one of the length before it needs no new plan. */
static void neighbours_change_nothing(void **state)
{
    (void)state;
    struct rt_model m;
    assert_int_equal(mirror_load(&m, mirror_write(-1, 80, NULL), "teacher.front.preset=wespeaker"), 0);
    assert_true(m.whole);
    struct rt_net *n;
    struct rt_net_outputs out;
    static float row[300 * 80], alone[240];
    for (int i = 0; i < 300 * 80; i++)
        row[i] = (float)(i * 7 % 113);
    assert_int_equal(rt_net_create(&n, &m, 1), 0);
    assert_int_equal(rt_net_run_length(n, 200, row, &out, &e), 0);
    memcpy(alone, out.embedding, sizeof alone);
    static const int length[] = {300, 200, 200, 8, 200};
    for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
        assert_int_equal(rt_net_run_length(n, length[i], row, &out, &e), 0);
        if (length[i] == 200)
            assert_memory_equal(out.embedding, alone, sizeof alone);
    }
    static const int many[] = {24, 8, 24, 200, 24, 24, 8, 24, 24, 300, 24, 24, 24, 24}; /* a bucket and more */
    enum { MANY = sizeof many / sizeof *many };
    static float rows[900 * 80], took[MANY][240];
    for (int i = 0; i < 900 * 80; i++)
        rows[i] = (float)(i * 5 % 127);
    assert_int_equal(rt_net_run_each(n, MANY, many, rows, NULL, &(struct rt_net_each){take_embedding, took}, &e), 0);
    for (int i = 0, at = 0; i < MANY; at += many[i++]) {
        assert_int_equal(rt_net_run_length(n, many[i], rows + (ptrdiff_t)at * 80, &out, &e), 0);
        assert_memory_equal(took[i], out.embedding, sizeof alone);
    }
    rt_net_destroy(n);
    rt_model_fini(&m);
}

/* A student hears by student.front what a teacher hears by teacher.front, bit for bit; its pictures are made alike. */
static void students_read_as_teachers(void **state)
{
    static const char *const preset[] = {"wespeaker", "3dspeaker", "kaldi", "retort"};
    static float row[2][200 * 80];
    static struct rt_recipe student;
    char words[200];
    (void)state;
    for (size_t i = 0; i < sizeof preset / sizeof *preset; i++) {
        struct rt_model m;
        struct rt_audio a;
        size_t size;
        uint8_t *bytes = read_bytes(ES, &size);
        snprintf(words, sizeof words, "teacher.front.preset=%s teacher.front.low=60", preset[i]);
        assert_int_equal(mirror_load(&m, mirror_write(200, 80, NULL), words), 0);
        snprintf(words, sizeof words, "student.front.preset=%s student.front.low=60 speech.bands=80 speech.frames=200",
                 preset[i]);
        rt_recipe_init(&student);
        toy_set(&student, words);
        assert_int_equal(rt_front_check(&student, &e), 0);
        struct rt_front own = rt_front_of(&student);
        assert_int_equal(rt_audio_decode(&a, &RT_INPUT(bytes, size, ES), false, &e), 0);
        struct rt_tensor raw = rt_tensor_view(RT_F32, 1, (int64_t[]){(int64_t)a.count}, a.sample), base;
        for (int k = 0; k < 2; k++) {
            const struct rt_front *f = k ? &own : &m.front;
            assert_int_equal(rt_modality_speech.features(f, &raw, &base, &e), 0);
            assert_int_equal(rt_modality_speech.present(f, &base, NULL, row[k]), 0);
            rt_tensor_fini(&base);
        }
        assert_true(row[0][100 * 80] != 0);
        assert_memory_equal(row[0], row[1], sizeof row[0]);
        rt_audio_fini(&a);
        free(bytes);
        rt_model_fini(&m);
    }
    rt_recipe_init(&student);
    toy_set(&student, "student.modality=image student.front.preset=imagenet image.size=112 "
                      "student.front.filter=bicubic");
    struct rt_front f = rt_front_of(&student);
    assert_true(f.image.size == 112 && f.image.resize == 128 && f.image.fit == RT_FIT_CROP);
    assert_true(f.image.filter == RT_FILTER_BICUBIC && f.image.mean[1] == 0.456f && f.image.std[2] == 0.225f);
}

/* ---- in the pipeline ----
 * Training batches, too, hand a teacher of any length whole recordings, each alone. */

#define RECORDINGS 3

struct seen {
    int rows;
    float embedding[RECORDINGS][240];
};

static void seen_collect(void *self, const struct rt_batch *b)
{
    struct seen *s = self;
    struct rt_tensor have, embedding;
    toy_frame(b, "teacher.have", &have);
    toy_frame(b, "teacher.embedding", &embedding);
    for (int i = 0; i < b->count; i++, s->rows++) {
        assert_int_equal(((uint8_t *)have.data)[i], 1);
        memcpy(s->embedding[b->sample[i]], (float *)embedding.data + 240 * i, sizeof *s->embedding);
    }
    rt_tensor_fini(&have);
    rt_tensor_fini(&embedding);
}

static struct seen stage_run(struct toy *t, struct rt_model *m, int batch)
{
    struct seen s = {0};
    struct rt_runner *runner;
    struct rt_lister *lister;
    int rows[RECORDINGS] = {2, 0, 1};
    struct rt_views views = {.whole = m->whole};
    struct rt_teacher stage = {.role = "teacher", .model = m, .dataset = &t->data, .content = &t->content,
                               .views = views, .workers = 2, .level = 1};
    struct rt_decode decode = toy_decode(t);
    decode.input[decode.inputs++] = (struct rt_decode_input){
        .role = "teacher", .modality = m->modality, .front = &m->front, .views = views};
    TOY_OK(t, rt_lister_create(&lister, RT_BATCH_TRAIN, rows, RECORDINGS, batch));
    TOY_OK(t, rt_runner_create(&runner, 2, 1 << 24, 0));
    TOY_OK(t, rt_runner_add(runner, &rt_stage_decode, &decode, 2));
    TOY_OK(t, rt_runner_add(runner, rt_stage_teacher, &stage, 2));
    TOY_OK(t, rt_runner_run(runner, rt_lister_source(lister),
                            (struct rt_sink){.self = &s, .done = seen_collect}, &t->e));
    rt_runner_destroy(runner);
    rt_lister_destroy(lister);
    return s;
}

static void whole_recordings_are_taught_from(void **state)
{
    (void)state;
    static const char *const file[RECORDINGS] = {ES, "tests/data/good/tone_16k.wav", "tests/data/good/tone_44k.flac"};
    char table[400] = "id\tlabel\tspeech\ttext\n";
    struct toy t;
    struct rt_model m;
    toy_make(&t, "student.modality=text");
    for (int i = 0; i < RECORDINGS; i++) {
        const char *name = strrchr(file[i], '/') + 1;
        toy_copy(&t, file[i], name);
        sprintf(table + strlen(table), "p%d\tx\t%s\tword\n", i, name);
    }
    toy_load(&t, table);
    assert_int_equal(mirror_load(&m, mirror_write(-1, 80, NULL), "teacher.front.preset=wespeaker"), 0);
    struct seen alone = stage_run(&t, &m, 1), together = stage_run(&t, &m, RECORDINGS);
    assert_int_equal(alone.rows, RECORDINGS);
    assert_memory_equal(&alone, &together, sizeof alone);
    assert_is_golden(alone.embedding[0], 240, "wespeaker");
    rt_model_fini(&m);
    toy_fini(&t);
}

/* ---- which front end ---- */

static void metadata_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *metadata[9], *settings, *says;
    } cases[] = {
        {{"framework", "wespeaker", "sample_rate", "16000", "normalize_samples", "0"}, "name=x",
         "wespeaker, by the file's metadata (framework: wespeaker): features=fbank bands=80 scale=32768 "
         "window=hamming "},
        {{"framework", "3d-speaker", "normalize_samples", "1", "feature_normalize_type", "global-mean"}, "name=x",
         "3dspeaker, by the file's metadata (framework: 3d-speaker): features=fbank bands=80 scale=1 window=povey "},
        {{"framework", "3d-speaker", "normalize_samples", "0"}, "name=x", "scale=32768 window=povey"},
        {{"framework", "wespeaker", "feature_normalize_type", "per_feature"}, "name=x", "normalise=mean-variance"},
        {{"framework", "wespeaker"}, "teacher.front.window=hann", "window=hann"},
        {{"model_type", "whisper-tiny"}, "name=x", "features=whisper bands=80 trim=false size=3000"},
        {{"framework", "wespeaker"}, "teacher.front.preset=3dspeaker", "3dspeaker, as teacher.front.preset says: "},
        {{"framework", "nobody", "feature_normalize_type", "x"},
         "teacher.front.preset=kaldi teacher.front.normalise=none",
         "normalise=none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_model m;
        if (mirror_load(&m, mirror_write(-1, 80, cases[i].metadata), cases[i].settings) < 0)
            fail_msg("%s", e.text);
        if (!strstr(rt_model_front_words(&m), cases[i].says))
            fail_msg("'%s' does not say '%s'", rt_model_front_words(&m), cases[i].says);
        rt_model_fini(&m);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *metadata[9], *settings;
        int64_t time, bands;
        int code;
        const char *says;
    } cases[] = {
        {{NULL}, "name=x", -1, 80, RT_EUSAGE, "give teacher.front.preset, one of retort, kaldi, wespeaker, 3dspeaker"},
        {{"framework", "nemo"}, "name=x", -1, 80, RT_EUSAGE, "its metadata (framework: nemo)"},
        {{NULL}, "teacher.front.preset=imagenet teacher.modality=speech", -1, 80, RT_EUSAGE,
         "imagenet is not for speech"},
        {{"framework", "wespeaker", "sample_rate", "8000"}, "name=x", -1, 80, RT_EMISMATCH, "sample_rate: 8000"},
        {{"framework", "wespeaker", "feature_normalize_type", "odd"}, "name=x", -1, 80, RT_EMISMATCH,
         "say it by teacher.front.normalise"},
        {{NULL}, "teacher.front.preset=kaldi teacher.front.low=4000 teacher.front.high=4000", -1, 80, RT_ERANGE,
         "teacher.front.low: 4000 Hz is not below"},
        {{NULL}, "teacher.front.preset=kaldi teacher.front.bands=40", -1, 80, RT_EMISMATCH, "teacher.front.bands"},
        {{NULL}, "teacher.front.preset=kaldi teacher.front.size=90", 100, 80, RT_EMISMATCH, "another number of frames"},
        {{NULL}, "teacher.front.preset=kaldi", -1, 300, RT_EMISMATCH, "1 to 256 mel bands"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_model m;
        int rc = mirror_load(&m, mirror_write(cases[i].time, cases[i].bands, cases[i].metadata), cases[i].settings);
        if (rc != cases[i].code || !strstr(e.text, cases[i].says))
            fail_msg("%d '%s' does not say '%s'", rc, e.text, cases[i].says);
    }
}

/* Every setting that counts makes another teacher: outputs kept of one are not taken for another's. */
static void settings_are_in_the_key(void **state)
{
    (void)state;
#define AS_WESPEAKER "teacher.front.preset=wespeaker "
    static const char *const settings[] = {
        AS_WESPEAKER, "teacher.front.preset=3dspeaker", "teacher.front.preset=kaldi",
        AS_WESPEAKER "teacher.front.scale=1", AS_WESPEAKER "teacher.front.size=90",
        AS_WESPEAKER "teacher.front.emphasis=0", AS_WESPEAKER "teacher.front.low=0",
        AS_WESPEAKER "teacher.front.high=7000", AS_WESPEAKER "teacher.front.floor=1",
        AS_WESPEAKER "teacher.front.factor=2", AS_WESPEAKER "teacher.front.trim=true",
        AS_WESPEAKER "teacher.front.mean=1", AS_WESPEAKER "teacher.front.std=2",
        AS_WESPEAKER "teacher.front.normalise=none",
    };
    enum { COUNT = sizeof settings / sizeof *settings };
    struct rt_key128 key[COUNT];
    const char *path = mirror_write(-1, 80, NULL);
    for (int i = 0; i < COUNT; i++) {
        struct rt_model m;
        if (mirror_load(&m, path, settings[i]) < 0)
            fail_msg("%s", e.text);
        key[i] = m.key;
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(&key[i], &key[k], sizeof key[i]);
        rt_model_fini(&m);
    }
}

/* ---- pictures ---- */

static void pictures_are_resized_as_pil_does(void **state)
{
    (void)state;
    static const struct {
        const char *golden;
        int width, height, shorter;
        bool cubic;
    } cases[] = {
        {"squeezed", 61, 45, 0, false},
        {"squeezed_cubic", 61, 45, 0, true},
        {"cropped", 61, 45, 27, false},
        {"cropped_cubic", 20, 33, 27, true},
    };
    static uint8_t pixel[61 * 45 * 3], got[24 * 24 * 3];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_image im = {pixel, cases[i].width, cases[i].height};
        struct rt_tensor want;
        char path[100];
        for (int p = 0; p < im.width * im.height * 3; p++) {
            int x = p / 3 % im.width, y = p / 3 / im.width;
            pixel[p] = (uint8_t)(7 * x + 13 * y + 50 * (p % 3) + x * y);
        }
        if (cases[i].shorter)
            assert_int_equal(rt_image_crop(&im, cases[i].shorter, 24, cases[i].cubic, got, NULL), 0);
        else
            assert_int_equal(rt_image_squeeze(&im, 24, cases[i].cubic, got, NULL), 0);
        snprintf(path, sizeof path, "tests/golden/fronts_picture_%s.npy", cases[i].golden);
        assert_int_equal(rt_npy_read(&want, path, &e), 0);
        assert_memory_equal(got, want.data, sizeof got);
        rt_tensor_fini(&want);
    }
    struct rt_image im = {pixel, 20, 33};
    assert_int_equal(rt_image_crop(&im, 23, 24, false, got, NULL), RT_ERANGE);
    assert_int_equal(rt_image_squeeze(&im, 0, false, got, NULL), RT_ERANGE);
}

/* Range, order of colours, mean and std, and where the size comes from. */
static void pictures_are_scaled(void **state)
{
    (void)state;
    struct rt_front f = {0};
    struct rt_front_settings s = rt_front_preset(RT_FRONT_INSIGHTFACE);
    uint8_t pixel[2 * 2 * 3] = {255, 0, 51, 0, 0, 0, 102, 204, 0, 255, 255, 255};
    float out[12];
    s.size = 2;
    s.colours = RT_COLOURS_BGR;
    s.mean = "10, 20, 30";
    assert_int_equal(rt_front_set(&f, &s, RT_IMAGE, "teacher", &e), 0);
    struct rt_tensor base = rt_tensor_view(RT_U8, 3, (int64_t[]){2, 2, 3}, pixel);
    assert_int_equal(rt_modality_image.present(&f, &base, NULL, out), 0);
    static const float blue_first[] = {(51 - 10) / 127.5f, (0 - 20) / 127.5f, (255 - 30) / 127.5f};
    for (int i = 0; i < 3; i++)
        assert_true(fabsf(out[i] - blue_first[i]) < 1e-5f);
    s.std = "0";
    assert_int_equal(rt_front_set(&f, &s, RT_IMAGE, "teacher", &e), RT_ERANGE);
    s = rt_front_preset(RT_FRONT_IMAGENET);
    s.resize = 200;
    assert_int_equal(rt_front_set(&f, &s, RT_IMAGE, "teacher", &e), RT_ERANGE);
    s = rt_front_preset(RT_FRONT_IMAGENET);
    s.filter = RT_FILTER_AREA;
    assert_int_equal(rt_front_set(&f, &s, RT_IMAGE, "teacher", &e), RT_EUSAGE);

    struct rt_model m;
    const char *picture = "tests/golden/onnx_picture.onnx";
    assert_int_equal(mirror_load(&m, picture, "teacher.front.preset=imagenet teacher.front.size=112"), 0);
    assert_int_equal(m.front.image.size, 112);
    assert_int_equal(m.front.image.resize, 128); /* in proportion */
    rt_model_fini(&m);
    assert_int_equal(mirror_load(&m, picture, "teacher.front.size=20"), 0);
    assert_non_null(strstr(rt_model_front_words(&m), "plain, as neither the file nor the recipe says which"));
    rt_model_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speech_is_what_others_make),
        cmocka_unit_test(the_recording_itself_is_normalised),
        cmocka_unit_test(students_read_as_teachers), cmocka_unit_test(neighbours_change_nothing),
        cmocka_unit_test(whole_recordings_are_taught_from),
        cmocka_unit_test(metadata_are_recognised),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(settings_are_in_the_key),
        cmocka_unit_test(pictures_are_resized_as_pil_does),
        cmocka_unit_test(pictures_are_scaled),
    };
    uv_loop_t first; /* opens a pipe that libuv keeps */
    if (uv_loop_init(&first) == 0)
        uv_loop_close(&first);
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
