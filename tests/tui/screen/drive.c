/* SPDX-License-Identifier: MIT
 * drive: see drive.h. */
#include "tests/tui/screen/drive.h"

#include "formats/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct view *view_open(bool ascii)
{
    struct view *v = calloc(1, sizeof *v);
    assert_non_null(v);
    example_open(&v->model);
    snprintf(v->model.folder, sizeof v->model.folder, "runs/example"); /* not the scratch folder's name */
    assert_int_equal(rt_ui_init(&v->ui, &v->model, ascii), 0);
    return v;
}

void view_close(struct view *v)
{
    rt_ui_fini(&v->ui);
    rt_snapshot_fini(&v->model);
    rt_canvas_fini(&v->canvas);
    free(v);
}

unsigned view_press(struct view *v, int key)
{
    return rt_ui_event(&v->ui, (struct rt_event){key, 0, 0});
}

void view_mouse(struct view *v, int key, int x, int y)
{
    rt_ui_event(&v->ui, (struct rt_event){key, x, y});
}

void view_type(struct view *v, const char *line)
{
    for (; *line; line++)
        view_press(v, *line);
    view_press(v, RT_KEY_ENTER);
}

void view_draw(struct view *v, int w, int h)
{
    assert_int_equal(rt_canvas_resize(&v->canvas, w, h), 0);
    rt_ui_draw(&v->ui, &v->canvas);
}

/* What is drawn, as text; the caller frees. */
char *view_text(struct view *v, int w, int h)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    view_draw(v, w, h);
    rt_canvas_write(&v->canvas, f);
    fclose(f);
    return text;
}

void view_compare(struct view *v, int w, int h, const char *name)
{
    char path[200], *text = view_text(v, w, h);
    snprintf(path, sizeof path, "tests/tui/screen/golden/%s.txt", name);
    if (getenv("RT_WRITE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
    }
    size_t size;
    uint8_t *expected = read_bytes(path, &size);
    if (strlen(text) != size || memcmp(text, expected, size) != 0)
        fail_msg("%s is not what is drawn:\n%s", path, text);
    free(expected);
    free(text);
}

void view_says(const struct view *v, bool failed, const char *text)
{
    const struct rt_message *m = &v->ui.view.message;
    if (m->failed != failed || !strstr(m->text, text))
        fail_msg("the footer says '%s', not '%s'", m->text, text);
}

/* ---- of what was drawn last ---- */

static const struct rt_cell *cells(const struct view *v, int x, int y)
{
    return v->canvas.cell + (size_t)y * (size_t)v->canvas.w + (size_t)x;
}

bool view_find(const struct view *v, const char *text, int *x, int *y)
{
    int length = (int)strlen(text);
    for (int row = 0; row < v->canvas.h; row++)
        for (int from = 0; from + length <= v->canvas.w; from++) {
            int n = 0;
            while (n < length && cells(v, from + n, row)->c == (uint32_t)text[n])
                n++;
            if (n < length)
                continue;
            if (x)
                *x = from;
            if (y)
                *y = row;
            return true;
        }
    return false;
}

double view_number(const struct view *v, const char *text)
{
    char word[32] = "", *end;
    int x, y, n = 0;
    if (!view_find(v, text, &x, &y))
        return (double)NAN;
    for (x += (int)strlen(text); x < v->canvas.w && cells(v, x, y)->c == ' '; x++)
        ;
    for (; x < v->canvas.w && n < 31 && strchr("0123456789.e+-", (int)(cells(v, x, y)->c & 127)); x++)
        word[n++] = (char)cells(v, x, y)->c;
    double value = strtod(word, &end);
    return end == word ? (double)NAN : value;
}

int view_selected(const struct view *v)
{
    for (int y = 0; y < v->canvas.h; y++)
        for (int x = 0, n = 0; x < v->canvas.w; x++)
            if ((n += cells(v, x, y)->style == RT_STYLE_SELECT) == 10)
                return y;
    return -1;
}

const char *view_line(const struct view *v, int y, enum rt_style style)
{
    static char line[2000];
    int n = 0;
    for (int x = 0; x < v->canvas.w && n < (int)sizeof line - 5; x++)
        if (cells(v, x, y)->c != RT_CELL_REST && (style == RT_STYLES || cells(v, x, y)->style == style))
            n += rt_utf8_put((int32_t)cells(v, x, y)->c, line + n);
    line[n] = 0;
    return line;
}

static bool is_track(uint32_t code)
{
    return code == 0x2500 || code == 0x2501 || code == 0x253C || code == 0x25CF;
}

int view_slider(const struct view *v, int y, int *room)
{
    int from = 0, to;
    while (from < v->canvas.w && !is_track(cells(v, from, y)->c))
        from++;
    for (to = from; to < v->canvas.w && is_track(cells(v, to, y)->c); to++)
        ;
    assert_true(to > from);
    *room = to - from;
    return from;
}
