/* SPDX-License-Identifier: MIT
 * Tests of a sample's looks: read by a thread from the files of a manifest, drawn in a pane of any size;
 * broken and missing files say so there. */
#include "pipeline/run/rundb.h"
#include "tests/tui/screen/example.h"
#include "tui/screen/screens/samples_pane.h"
#include "tui/screen/widgets/picture.h"

#include <dirent.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static struct rt_error error;

/* As the example's samples are called; the first few with files. */
static void write_manifest(const char *path)
{
    FILE *f = fopen(path, "w");
    char here[4096];
    size_t size = sizeof here;
    assert_non_null(f);
    assert_int_equal(uv_cwd(here, &size), 0);
    fprintf(f, "id\tspeech\timage\ttext\n");
    for (int row = 0; row < ROWS; row++) {
        fprintf(f, row % 10 == 3 ? "\u732b-%03d\t" : "sample-%03d\t", row);
        switch (row) {
        case 0: fprintf(f, "%s/tests/golden/fbank_in_fr.wav\t%s/tests/data/good/rgb.png\tune grenouille\n", here, here); break;
        case 1: fprintf(f, "%s/tests/data/bad/cut_tone_16k.wav\t\t\n", here); break;
        case 2: fprintf(f, "nowhere/at all.wav\t\tthere is a text\n"); break;
        case 4: fprintf(f, "%s\t\tafter a long time\n", scratch_file(&example_dir, "long.wav")); break;
        case 3: fprintf(f, "\t%s/tests/data/good/rgb.png\t\n", here); break;
        default: fprintf(f, "\t\trow %d\n", row);
        }
    }
    assert_int_equal(fclose(f), 0);
}

/* Draws until the thread has read the sample. */
static const struct rt_sample_part *read_row(struct view *v, int row)
{
    const char *id = rt_table_cell(&v->model.samples, row, rt_table_find(&v->model.samples, "id"));
    const struct rt_sample_part *p = NULL;
    for (int i = 0; i < 5000 && !(p = rt_sample_preview_of(&v->ui.preview, v->model.manifest, row, id)); i++)
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
    struct view *v = view_open(false);
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
        rt_sample_preview_of(&v->ui.preview, v->model.manifest, row, "sample-00x");
    p = read_row(v, 7);
    assert_string_equal(p[RT_TEXT].text, "row 7");
    while (!(p = rt_sample_preview_of(&v->ui.preview, v->model.manifest, 8, "another")))
        uv_sleep(1);
    says(&p[0], "row 8 is not another");
    while (!(p = rt_sample_preview_of(&v->ui.preview, "/no/such.tsv", 8, "another")))
        uv_sleep(1);
    says(&p[0], "/no/such.tsv");
    view_close(v);
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
    struct view *v = view_open(false);
    char path[4200];
    (void)state;
    snprintf(path, sizeof path, "%s", scratch_file(&example_dir, "long.wav"));
    write_long(path);
    uint64_t began = uv_hrtime();
    const struct rt_sample_part *p = read_row(v, 4);
    uint64_t whole = uv_hrtime() - began;
    assert_true(p[RT_SPEECH].seconds == 600 && p[RT_SPEECH].columns == RT_SAMPLE_COLUMNS);
    p = read_row(v, 5);
    assert_null(rt_sample_preview_of(&v->ui.preview, v->model.manifest, 4, "sample-004"));
    p = read_row(v, 6); /* given up for this one, which is whole */
    assert_string_equal(p[RT_TEXT].text, "row 6");
    assert_false(p[RT_SPEECH].there);
    p = read_row(v, 4); /* and read again from the start */
    assert_true(p[RT_SPEECH].seconds == 600);
    assert_string_equal(p[RT_TEXT].text, "after a long time");
    read_row(v, 5);
    int threads = count_threads();
    assert_null(rt_sample_preview_of(&v->ui.preview, v->model.manifest, 4, "sample-004"));
    began = uv_hrtime();
    view_close(v);
    assert_true(uv_hrtime() - began < whole / 4);
    while (count_threads() > threads) /* the thread ends by itself, and leaves nothing */
        uv_sleep(1);
    remove(path);
}

static void test_pane(void **state)
{
    (void)state;
    for (int ascii = 0; ascii < 2; ascii++)
        for (int row = 0; row < 4; row++) {
            struct view *v = view_open(ascii);
            view_press(v, '2');
            view_draw(v, 130, 40);
            for (int i = 0; i < row; i++)
                view_press(v, RT_KEY_DOWN);
            view_press(v, RT_KEY_ENTER);
            read_row(v, row);
            char *text = view_text(v, 130, 40);
            const char *words[] = {"speech, ", "cut_tone_16k.wav", "at all.wav", "measures"};
            assert_non_null(strstr(text, words[row]));
            free(text);
            if (row == 0 && !ascii)
                view_compare(v, 130, 40, "sample-looks-130x40");
            v->ui.colours = 256;
            for (int w = 1; w < 200; w += 13)
                for (int h = 1; h < 60; h += 5) {
                    view_draw(v, w, h);
                    for (int i = 0; i < w * h; i++)
                        assert_true(v->canvas.cell[i].front <= 256 && v->canvas.cell[i].ground <= 256);
                }
            view_close(v);
        }
}

static uint8_t decoded(const char *text, int place)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    for (int i = 0; i < 4; i++)
        bits = bits << 6 | (unsigned)(strchr(digits, text[place / 3 * 4 + i]) - digits);
    return (uint8_t)(bits >> (16 - 8 * (place % 3)));
}

/* On a terminal with pixels a picture is one, over blank cells; not behind a question. */
static void test_pixels(void **state)
{
    struct view *v = view_open(false);
    (void)state;
    v->ui.pixels = true;
    v->ui.colours = 256;
    view_press(v, '2');
    for (int i = 0; i < 3; i++)
        view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_ENTER);
    view_draw(v, 130, 40);
    read_row(v, 3);
    view_draw(v, 130, 40);
    assert_int_equal(v->canvas.pictures, 1);
    struct rt_canvas_picture p = v->canvas.picture[0];
    assert_true(p.at.w > 2 && p.at.h > 1 && p.at.x + p.at.w <= 130 && p.at.y + p.at.h <= 40);
    for (int y = p.at.y; y < p.at.y + p.at.h; y++)
        for (int x = p.at.x; x < p.at.x + p.at.w; x++)
            assert_int_equal(v->canvas.cell[y * 130 + x].c, ' ');
    view_press(v, ':');
    view_draw(v, 130, 40);
    assert_int_equal(v->canvas.pictures, 0); /* as cells */
    assert_true(v->canvas.cell[p.at.y * 130 + p.at.x].front || v->canvas.cell[p.at.y * 130 + p.at.x].ground);
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, '1');
    view_draw(v, 130, 40);
    assert_int_equal(v->canvas.pictures, 0);
    view_close(v);
}

static void test_picture_codes(void **state)
{
    uint8_t rgb[8 * 8 * 3];
    size_t size;
    (void)state;
    for (int i = 0; i < 8 * 8; i++)
        memcpy(rgb + 3 * i, i % 8 < 4 ? "\xff\x00\x00" : "\x00\x00\xff", 3); /* red, blue */
    struct rt_canvas_picture p = {.at = {0, 0, 4, 2}, .rgb = rgb, .w = 8, .h = 8};
    char *code = rt_picture_code(RT_PIXELS_KITTY, &p, 10, 20, &size);
    assert_int_equal(strlen(code), size);
    assert_memory_equal(code, "\033_G", 3);
    const char *data = strstr(code, "m=1;"); /* a piece with pixels: 32 bits each */
    data = data && data[4] != '\033' ? data : data ? strstr(data + 4, "m=1;") : NULL;
    assert_non_null(data);
    assert_in_range(decoded(data + 4, 0), 250, 255);
    assert_in_range(decoded(data + 4, 1), 0, 5);
    assert_in_range(decoded(data + 4, 2), 0, 5);
    free(code);
    code = rt_picture_code(RT_PIXELS_SIXEL, &p, 0, 0, &size);
    assert_memory_equal(code, "\033P", 2);
    assert_memory_equal(code + size - 2, "\033\\", 2);
    free(code);
    static const struct {
        const char *asked, *term;
        enum rt_pixels has;
    } row[] = {{"kitty", "vt100", RT_PIXELS_KITTY}, {"sixel", "tmux", RT_PIXELS_SIXEL}, {"cells", "xterm-kitty", RT_PIXELS_NONE},
               {NULL, "xterm-kitty", RT_PIXELS_KITTY}, {NULL, "mlterm", RT_PIXELS_SIXEL}, {NULL, "tmux-256color", RT_PIXELS_NONE},
               {"", "vt100", RT_PIXELS_NONE}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        row[i].asked ? setenv("RETORT_PICTURES", row[i].asked, 1) : unsetenv("RETORT_PICTURES");
        setenv("TERM", row[i].term, 1);
        if (rt_picture_pixels() != row[i].has)
            fail_msg("row %zu: %d", i, (int)rt_picture_pixels());
    }
}

int main(void)
{
    char manifest[4200];
    setlocale(LC_CTYPE, "C.UTF-8");
    scratch_make(&example_dir);
    example_write();
    snprintf(manifest, sizeof manifest, "%s/m.tsv", example_dir.path);
    write_manifest(manifest);
    struct rt_rundb *db = example_db();
    if (rt_rundb_meta(db, "manifest", manifest, &error) < 0 || rt_rundb_commit(db, &error) < 0)
        return 1;
    rt_rundb_close(db);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_pane),
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_picture_codes),
        cmocka_unit_test(test_slow),
    };
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
