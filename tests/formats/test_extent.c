/* SPDX-License-Identifier: MIT
 * test_extent: cells of start, end, channel and box; what is cut out of recordings of every kind is the same whether it
 * was sought or all before it was decoded; what lies outside is refused. Files by tests/data/make. */
#include "formats/audiofile.h"
#include "formats/imagefile.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *read_all(struct rt_extent *x, const char *start, const char *end, const char *channel,
                            const char *box)
{
    const char *cell[RT_EXTENT_COLUMNS] = {start, end, channel, box};
    *x = (struct rt_extent){0};
    for (int i = 0; i < RT_EXTENT_COLUMNS; i++) {
        const char *wrong = rt_extent_read(x, (enum rt_extent_column)i, cell[i]);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static void cells_are_read(void **state)
{
    (void)state;
    struct rt_extent x;
    char words[RT_EXTENT_WORDS];
    assert_null(read_all(&x, "", "", "", ""));
    assert_true(rt_extent_is_whole(&x));
    assert_string_equal(rt_extent_words(&x, words, sizeof words), "");
    assert_null(read_all(&x, "12.5", "14.25", "1", "10,20,30.5,40"));
    assert_true(x.timed && x.start == 12.5 && x.end == 14.25 && x.channel == 2 && x.boxed && x.box[2] == 30.5);
    assert_string_equal(rt_extent_words(&x, words, sizeof words),
                        " (12.5 to 14.25 s, channel 1, box 10,20,30.5,40)");
    assert_null(read_all(&x, "3", "", "", ""));
    assert_true(x.timed && isinf(x.end));
    assert_null(read_all(&x, "", "2", "", ""));
    assert_true(x.timed && x.start == 0 && x.end == 2);
}

static void bad_cells_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *cell[4], *words;
    } bad[] = {
        {{"x", "", "", ""}, "is no time"},           {{"1s", "", "", ""}, "is no time"},
        {{"nan", "", "", ""}, "is no time"},         {{"inf", "", "", ""}, "is no time"},
        {{"-1", "", "", ""}, "from its beginning"},  {{"1e9", "", "", ""}, "from its beginning"},
        {{"2", "1", "", ""}, "not after the start"}, {{"2", "2", "", ""}, "not after the start"},
        {{"", "0", "", ""}, "not after the start"},  {{"", "", "left", ""}, "is no channel"},
        {{"", "", "-1", ""}, "is no channel"},       {{"", "", "16", ""}, "is no channel"},
        {{"", "", "", "1,2,3"}, "is no box"},        {{"", "", "", "1,2,3,4,5"}, "is no box"},
        {{"", "", "", "1;2;3;4"}, "is no box"},      {{"", "", "", "-1,2,3,4"}, "begins outside"},
        {{"", "", "", "1,2,0,4"}, "is empty"},       {{"", "", "", "1,2,3,-4"}, "is empty"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rt_extent x;
        const char *wrong = read_all(&x, bad[i].cell[0], bad[i].cell[1], bad[i].cell[2], bad[i].cell[3]);
        if (!wrong || !strstr(wrong, bad[i].words))
            fail_msg("row %zu: %s", i, wrong ? wrong : "not refused");
    }
}

/* ---- recordings ---- */

struct file {
    const char *name;
    uint8_t *bytes;
    size_t size;
    int fd;
};

static struct file file_open(const char *name)
{
    struct file f = {.name = name};
    f.bytes = read_bytes(sample_path(name), &f.size);
    f.fd = open(sample_path(name), O_RDONLY);
    assert_true(f.fd >= 0);
    return f;
}

static void file_close(struct file *f)
{
    free(f->bytes);
    close(f->fd);
}

static int cut(const struct file *f, bool disk, struct rt_extent x, struct rt_audio *a, struct rt_error *e)
{
    struct rt_input in = RT_INPUT(disk ? NULL : f->bytes, f->size, f->name);
    in.fd = f->fd;
    in.extent = x;
    return rt_audio_decode(a, &in, true, e);
}

static void parts_are_the_same_sought_or_decoded(void **state)
{
    (void)state;
    static const char *const names[] = {
        "good/tone_16k.wav", "good/tone_8k.aiff", "good/tone_8k.au", "good/tone_8k.caf", "good/tone_8k.w64",
        "good/tone_8k.rf64", "good/tone_8k_stereo.wav", "good/tone_float.wav", "good/tone_44k.flac",
        "good/tone_22k.ogg", "good/tone_48k.opus", "good/tone_16k.mp3",
    };
    static const double parts[][2] = {{0, 0.1}, {0.1, 0.25}, {0.05, INFINITY}, {0.2999, INFINITY}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct file f = file_open(names[i]);
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            struct rt_extent x = {.timed = true, .start = parts[k][0], .end = parts[k][1]};
            struct rt_audio a, b;
            struct rt_error e = {0};
            if (cut(&f, false, x, &a, &e) < 0 || cut(&f, true, x, &b, &e) < 0)
                fail_msg("%s", e.text);
            assert_int_equal(a.count, b.count);
            assert_memory_equal(a.sample, b.sample, a.count * sizeof *a.sample);
            assert_memory_equal(&a.source, &b.source, sizeof a.source);
            if (isfinite(x.end))
                assert_true(fabs((double)a.count - (x.end - x.start) * RT_AUDIO_RATE) <= 2);
            rt_audio_fini(&a);
            rt_audio_fini(&b);
        }
        file_close(&f);
    }
}

/* Of a file that needs no resampling a part is a slice of the whole, bit for bit. */
static void a_part_is_a_slice(void **state)
{
    (void)state;
    struct file f = file_open("good/tone_16k.wav");
    struct rt_audio whole, part;
    assert_int_equal(cut(&f, false, (struct rt_extent){0}, &whole, NULL), 0);
    assert_int_equal(cut(&f, true, (struct rt_extent){.timed = true, .start = 0.1, .end = 0.2}, &part, NULL), 0);
    assert_int_equal(part.count, 1600);
    assert_memory_equal(part.sample, whole.sample + 1600, 1600 * sizeof(float));
    rt_audio_fini(&part);
    /* as much beyond the end as tables round is the end */
    assert_int_equal(cut(&f, true, (struct rt_extent){.timed = true, .start = 0.1, .end = 0.309}, &part, NULL), 0);
    assert_int_equal(part.count, whole.count - 1600);
    rt_audio_fini(&part);
    double seconds;
    struct rt_input in = RT_INPUT(NULL, f.size, f.name);
    in.fd = f.fd;
    assert_int_equal(rt_audio_seconds(&in, &seconds, NULL), 0);
    assert_true(seconds == (double)whole.count / RT_AUDIO_RATE);
    rt_audio_fini(&whole);
    file_close(&f);
}

static void a_channel_is_read_alone(void **state)
{
    (void)state;
    struct file f = file_open("good/tone_8k_stereo.wav");
    struct rt_audio mean, channel[2];
    assert_int_equal(cut(&f, true, (struct rt_extent){0}, &mean, NULL), 0);
    for (int c = 0; c < 2; c++)
        assert_int_equal(cut(&f, c, (struct rt_extent){.channel = 1 + c}, &channel[c], NULL), 0);
    for (size_t i = 0; i < mean.count; i++)
        assert_true(fabsf((channel[0].sample[i] + channel[1].sample[i]) / 2 - mean.sample[i]) < 1e-4f);
    struct rt_audio none;
    struct rt_error e;
    assert_int_equal(cut(&f, true, (struct rt_extent){.channel = 3}, &none, &e), RT_ERANGE);
    assert_non_null(strstr(e.text, "channel 2: the recording has 2, counted from 0"));
    rt_audio_fini(&mean);
    rt_audio_fini(&channel[0]);
    rt_audio_fini(&channel[1]);
    file_close(&f);
}

static void parts_beyond_the_recording_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"good/tone_16k.wav", "good/tone_44k.flac", "good/tone_22k.ogg",
                                        "good/tone_16k.mp3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int disk = 0; disk < 2; disk++) {
            struct file f = file_open(names[i]);
            struct rt_audio a;
            struct rt_error e = {0};
            assert_int_equal(cut(&f, disk, (struct rt_extent){.timed = true, .start = 0.1, .end = 9}, &a, &e),
                             RT_ERANGE);
            assert_non_null(strstr(e.text, "end 9 s lies beyond the recording, which is 0.3"));
            assert_int_equal(cut(&f, disk, (struct rt_extent){.timed = true, .start = 5, .end = 9}, &a, &e), RT_ERANGE);
            assert_non_null(strstr(e.text, "start 5 s lies beyond the recording"));
            file_close(&f);
        }
}

/* A file that was cut short still has the parts before the cut. */
static void a_cut_file_keeps_its_first_parts(void **state)
{
    (void)state;
    struct file f = file_open("bad/cut_tone_16k.wav");
    struct rt_audio a;
    struct rt_error e = {0};
    assert_int_equal(cut(&f, true, (struct rt_extent){.timed = true, .start = 0, .end = 0.15}, &a, &e), 0);
    assert_int_equal(a.count, 2400);
    rt_audio_fini(&a);
    assert_int_equal(cut(&f, true, (struct rt_extent){.timed = true, .start = 0, .end = 0.29}, &a, &e), RT_ERANGE);
    file_close(&f);
}

/* ---- pictures ---- */

static int box(const struct file *f, double x, double y, double w, double h, struct rt_image *im, struct rt_error *e)
{
    struct rt_input in = RT_INPUT(f->bytes, f->size, f->name);
    in.extent = (struct rt_extent){.boxed = true, .box = {x, y, w, h}};
    return rt_image_decode_input(im, &in, e);
}

static void a_box_is_cut_out(void **state)
{
    (void)state;
    struct file f = file_open("good/rgb.png");
    struct rt_image whole, part;
    struct rt_error e = {0};
    assert_int_equal(rt_image_decode(&whole, f.bytes, f.size, f.name, NULL), 0);
    int w = whole.width / 2, h = whole.height / 2;
    assert_true(w > 2 && h > 2);
    for (int k = 0; k < 2; k++) {
        double sx = k ? 1.0 / whole.width : 1, sy = k ? 1.0 / whole.height : 1;
        assert_int_equal(box(&f, 1 * sx, 2 * sy, w * sx, h * sy, &part, &e), 0);
        assert_true(part.width == w && part.height == h);
        for (int y = 0; y < h; y++)
            assert_memory_equal(part.rgb + 3 * y * w, whole.rgb + 3 * ((y + 2) * whole.width + 1), (size_t)w * 3);
        rt_image_fini(&part);
    }
    assert_int_equal(box(&f, 2, 2, whole.width, 3, &part, &e), RT_ERANGE);
    assert_non_null(strstr(e.text, "the box is not inside the picture of"));
    assert_int_equal(box(&f, 0.5, 0.5, 0.7, 0.5, &part, &e), RT_ERANGE);
    assert_int_equal(box(&f, 0, 1e300, 3, 3, &part, &e), RT_ERANGE);
    assert_int_equal(box(&f, 0, 0, 1e-9, 0.5, &part, &e), RT_ESMALL);
    assert_null(part.rgb);
    rt_image_fini(&whole);
    file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_read),
        cmocka_unit_test(bad_cells_are_refused),
        cmocka_unit_test(parts_are_the_same_sought_or_decoded),
        cmocka_unit_test(a_part_is_a_slice),
        cmocka_unit_test(a_channel_is_read_alone),
        cmocka_unit_test(parts_beyond_the_recording_are_refused),
        cmocka_unit_test(a_cut_file_keeps_its_first_parts),
        cmocka_unit_test(a_box_is_cut_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
