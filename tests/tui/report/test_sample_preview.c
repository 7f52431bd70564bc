/* SPDX-License-Identifier: MIT
 * Tests of what a sample is to be looked at: read by a thread from the files of a manifest; broken and
 * missing files say so, and a slow one holds nothing up. */
#include "tests/tui/report/example.h"
#include "tui/report/sample_preview.h"

#include <dirent.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct looked {
    struct rt_snapshot model;
    struct rt_sample_preview preview;
};

static struct looked *look(void)
{
    struct looked *v = calloc(1, sizeof *v);
    assert_non_null(v);
    example_open(&v->model);
    return v;
}

static void look_away(struct looked *v)
{
    rt_sample_preview_fini(&v->preview);
    rt_snapshot_fini(&v->model);
    free(v);
}

/* Asks until the thread has read the sample. */
static const struct rt_sample_part *read_row(struct looked *v, int row)
{
    const char *id = rt_table_cell(&v->model.samples, row, rt_table_find(&v->model.samples, "id"));
    const struct rt_sample_part *p = NULL;
    for (int i = 0; i < 100000 && !(p = rt_sample_preview_of(&v->preview, v->model.manifest, row, id)); i++)
        uv_sleep(1);
    assert_non_null(p);
    return p;
}

static void says(const struct rt_sample_part *p, const char *words)
{
    if (!strstr(p->error, words))
        fail_msg("it says '%s', not '%s'", p->error, words);
}

static void test_parts(void **state)
{
    struct looked *v = look();
    (void)state;
    const struct rt_sample_part *p = read_row(v, 0);
    assert_true(p[RT_SPEECH].there && p[RT_IMAGE].there && p[RT_TEXT].there);
    assert_string_equal(p[RT_TEXT].text, "une grenouille");
    assert_true(p[RT_SPEECH].seconds > 0.2 && p[RT_SPEECH].seconds < 20);
    assert_true(p[RT_SPEECH].columns > 100 && p[RT_SPEECH].w > 20 && p[RT_SPEECH].h == 64);
    for (int i = 0; i < p[RT_SPEECH].columns; i++)
        assert_true(p[RT_SPEECH].low[i] <= p[RT_SPEECH].high[i] && p[RT_SPEECH].low[i] >= -1.5f);
    assert_true(p[RT_IMAGE].w > 0 && p[RT_IMAGE].h > 0);
    p = read_row(v, 1);
    says(&p[RT_SPEECH], "cut_tone_16k.wav");
    p = read_row(v, 2);
    says(&p[RT_SPEECH], "nowhere/at all.wav");
    assert_string_equal(p[RT_TEXT].text, "there is a text");
    p = read_row(v, 3);
    assert_false(p[RT_SPEECH].there);
    for (int row = 4; row < 9; row++) /* others meanwhile: the last asked for comes */
        rt_sample_preview_of(&v->preview, v->model.manifest, row, "sample-00x");
    p = read_row(v, 7);
    assert_string_equal(p[RT_TEXT].text, "row 7");
    while (!(p = rt_sample_preview_of(&v->preview, v->model.manifest, 8, "another")))
        uv_sleep(1);
    says(&p[0], "row 8 is not another");
    while (!(p = rt_sample_preview_of(&v->preview, "/no/such.tsv", 8, "another")))
        uv_sleep(1);
    says(&p[0], "/no/such.tsv");
    look_away(v);
}

/* Ten minutes of a low hum at 48 kHz. */
static void write_long(const char *path)
{
    enum { RATE = 48000, COUNT = 600 * RATE };
    const uint32_t head[] = {0x46464952, 36 + 2 * COUNT, 0x45564157, 0x20746d66, 16, 1 | 1 << 16, RATE, 2 * RATE,
                             2 | 16 << 16, 0x61746164, 2 * COUNT};
    int16_t piece[RATE];
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(head, sizeof head, 1, f);
    for (int i = 0; i < RATE; i++)
        piece[i] = (int16_t)(i % 480 * 20 - 4800);
    for (int i = 0; i < COUNT / RATE; i++)
        fwrite(piece, sizeof piece, 1, f);
    assert_int_equal(fclose(f), 0);
}

static int count_threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* A long recording holds up neither another sample nor leaving. */
static void test_slow(void **state)
{
    struct looked *v = look();
    char path[4200];
    (void)state;
    snprintf(path, sizeof path, "%s", example_long());
    write_long(path);
    uint64_t began = uv_hrtime();
    const struct rt_sample_part *p = read_row(v, 4);
    uint64_t whole = uv_hrtime() - began;
    assert_true(p[RT_SPEECH].seconds == 600 && p[RT_SPEECH].columns == RT_SAMPLE_COLUMNS);
    p = read_row(v, 5);
    assert_null(rt_sample_preview_of(&v->preview, v->model.manifest, 4, "sample-004"));
    p = read_row(v, 6); /* given up for this one, which is whole */
    assert_string_equal(p[RT_TEXT].text, "row 6");
    assert_false(p[RT_SPEECH].there);
    p = read_row(v, 4); /* and read again from the start */
    assert_true(p[RT_SPEECH].seconds == 600);
    assert_string_equal(p[RT_TEXT].text, "after a long time");
    read_row(v, 5);
    int threads = count_threads();
    assert_null(rt_sample_preview_of(&v->preview, v->model.manifest, 4, "sample-004"));
    began = uv_hrtime();
    look_away(v);
    assert_true(uv_hrtime() - began < whole / 4);
    while (count_threads() > threads) /* the thread ends by itself, and leaves nothing */
        uv_sleep(1);
    remove(path);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    scratch_make(&example_dir);
    example_write();
    example_write_manifest();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_slow)};
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
