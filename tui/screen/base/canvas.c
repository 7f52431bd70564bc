/* SPDX-License-Identifier: MIT
 * canvas: see canvas.h. */
#include "tui/screen/base/canvas.h"

#include "formats/error.h"
#include "formats/hash.h"
#include "formats/plain.h"
#include "formats/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define ELLIPSIS 0x2026
#define TEXT_MAX 2048 /* bytes of one formatted line */

int rt_canvas_resize(struct rt_canvas *c, int w, int h)
{
    w = w < 1 ? 1 : w;
    h = h < 1 ? 1 : h;
    struct rt_cell *cell = malloc(sizeof *cell * (size_t)w * (size_t)h);
    if (!cell)
        return RT_EMEM;
    free(c->cell);
    c->cell = cell;
    c->w = w;
    c->h = h;
    c->clip = (struct rt_rect){0, 0, w, h};
    rt_canvas_fill(c, c->clip, RT_STYLE_PLAIN);
    return 0;
}

void rt_canvas_fini(struct rt_canvas *c)
{
    free(c->cell);
    memset(c, 0, sizeof *c);
}

static bool clip_holds(const struct rt_canvas *c, int x, int y)
{
    const struct rt_rect *r = &c->clip;
    return x >= r->x && x < r->x + r->w && y >= r->y && y < r->y + r->h;
}

/* ---- cells ----
 * All drawing ends in cell_set, which alone looks at the clip: no caller needs to cut what it draws. A
 * wide character is a cell with its code and one that holds the rest, so that columns on the canvas are
 * columns on the terminal. */

/* Half of a wide character is no character: its other half becomes blank. */
static void cell_set(struct rt_canvas *c, int x, int y, uint32_t code, enum rt_style style)
{
    if (!clip_holds(c, x, y))
        return;
    struct rt_cell *cell = c->cell + (size_t)y * (size_t)c->w + (size_t)x;
    if (cell->c == RT_CELL_REST && code != RT_CELL_REST && x > 0)
        cell[-1].c = ' ';
    if (x + 1 < c->w && cell[1].c == RT_CELL_REST)
        cell[1].c = ' ';
    *cell = (struct rt_cell){.c = code, .style = (uint8_t)style};
}

void rt_canvas_restyle(struct rt_canvas *c, int x, int y, enum rt_style style)
{
    struct rt_cell *cell = c->cell + (size_t)y * (size_t)c->w + (size_t)x;
    if (!clip_holds(c, x, y))
        return;
    cell->style = (uint8_t)style;
    if (clip_holds(c, x + 1, y) && cell[1].c == RT_CELL_REST)
        cell[1].style = (uint8_t)style;
}

void rt_canvas_fill(struct rt_canvas *c, struct rt_rect r, enum rt_style style)
{
    r = rt_layout_clip(r, c->clip);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            cell_set(c, x, y, ' ', style);
}

/* ---- characters ----
 * What the terminal would not show as one printable column or two is replaced here, once: control
 * characters of a file name could else move its cursor. A mark goes into the cell of the character that it
 * stands over, as many as a cell holds; what joins or picks forms of emoji is left away, as terminals differ in
 * how wide the result is. */

/* What stands for a character of our own drawing where there is only ASCII. */
static uint32_t code_to_ascii(uint32_t code)
{
    static const struct {
        uint32_t code;
        char ascii;
    } same[] = {{ELLIPSIS, '~'}, {0x2502, '|'}, {0x250A, ':'}, {0x2500, '-'}, {0x2501, '='},
                {0x2588, '#'},   {0x2591, '.'}, {0x2592, '='}, {0x25B2, '^'}, {0x25BC, 'v'},
                {0x00B7, '.'},   {0x253C, '+'}, {0x25CF, '*'}, {0x250C, '+'}, {0x2510, '+'},
                {0x2514, '+'},   {0x2518, '+'}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (same[i].code == code)
            return (uint32_t)same[i].ascii;
    return code >= 0x2581 && code <= 0x2587 ? (code < 0x2584 ? '.' : '=') : '?';
}

/* Columns of a code point; 0 = is drawn with the one before it. */
static int code_width(const struct rt_canvas *c, int32_t code)
{
    if (!rt_plain_char(code) || c->ascii)
        return 1;
    int w = code < 127 ? 1 : wcwidth((wchar_t)code);
    return w < 0 ? 1 : w;
}

static uint32_t code_shown(const struct rt_canvas *c, int32_t code)
{
    if (!rt_plain_char(code))
        return '?';
    if (code > 126 && c->ascii)
        return code_to_ascii((uint32_t)code);
    return code < 127 || wcwidth((wchar_t)code) >= 0 ? (uint32_t)code : '?';
}

/* Of those without a column: stands over a character, rather than joining two, or choosing how one looks. */
static bool code_is_mark(int32_t code)
{
    static const int32_t other[][2] = {{0x034F, 0x034F}, {0x115F, 0x11FF}, {0x180B, 0x180F}, {0x200B, 0x200F},
                                       {0x2060, 0x206F}, {0xD7B0, 0xD7FF}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
                                       {0xFFF0, 0xFFFF}, {0x1F3FB, 0x1F3FF}, {0xE0000, 0xE0FFF}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (code >= other[i][0] && code <= other[i][1])
            return false;
    return code > 0;
}

static void cell_add_mark(struct rt_canvas *c, int x, int y, int32_t code)
{
    if (!clip_holds(c, x, y) || !code_is_mark(code))
        return;
    struct rt_cell *cell = c->cell + (size_t)y * (size_t)c->w + (size_t)x;
    for (int i = 0; i < RT_CELL_MARKS; i++)
        if (!cell->mark[i]) {
            cell->mark[i] = (uint32_t)code;
            return;
        }
}

void rt_canvas_put(struct rt_canvas *c, int x, int y, enum rt_style style, uint32_t code)
{
    cell_set(c, x, y, code_shown(c, (int32_t)code), style);
}

bool rt_canvas_picture(struct rt_canvas *c, struct rt_rect at, const uint8_t *rgb, int w, int h)
{
    struct rt_rect seen = rt_layout_clip(c->clip, at);
    if (!c->pixels || c->pictures == RT_CANVAS_PICTURES || seen.w != at.w || seen.h != at.h)
        return false;
    rt_canvas_fill(c, at, RT_STYLE_PLAIN);
    c->picture[c->pictures++] = (struct rt_canvas_picture){
        .at = at, .rgb = rgb, .w = w, .h = h, .key = rt_hash64(rgb, (size_t)w * (size_t)h * 3, 0)};
    return true;
}

void rt_canvas_paint(struct rt_canvas *c, int x, int y, uint32_t code, int front, int ground)
{
    rt_canvas_put(c, x, y, RT_STYLE_PLAIN, code);
    if (!clip_holds(c, x, y))
        return;
    struct rt_cell *cell = c->cell + (size_t)y * (size_t)c->w + (size_t)x;
    cell->front = (uint16_t)(front + 1);
    cell->ground = (uint16_t)(ground + 1);
}

int rt_canvas_width(const struct rt_canvas *c, const char *text)
{
    size_t size = strlen(text), at = 0;
    int width = 0;
    while (at < size)
        width += code_width(c, rt_utf8_next(text, size, &at));
    return width;
}

int rt_canvas_text(struct rt_canvas *c, int x, int y, int room, enum rt_style style, const char *text)
{
    size_t size = strlen(text), at = 0;
    int used = 0, last = -1, width = rt_canvas_width(c, text), limit = width > room ? room - 1 : room;
    while (at < size && room > 0) {
        int32_t code = rt_utf8_next(text, size, &at);
        int w = code_width(c, code);
        if (used + w > limit)
            break;
        if (w == 0) {
            if (last >= 0)
                cell_add_mark(c, last, y, code);
            continue;
        }
        /* A wide character of which only half is inside is not drawn at all. */
        bool whole = w == 1 || (clip_holds(c, x + used, y) && clip_holds(c, x + used + 1, y));
        last = x + used;
        cell_set(c, last, y, whole ? code_shown(c, code) : ' ', style);
        if (w == 2)
            cell_set(c, x + used + 1, y, whole ? RT_CELL_REST : ' ', style);
        used += w;
    }
    if (width > room && room > 0)
        rt_canvas_put(c, x + used++, y, style, ELLIPSIS);
    return used;
}

int rt_canvas_name(struct rt_canvas *c, int x, int y, int room, enum rt_style style, const char *text)
{
    int width = rt_canvas_width(c, text), head = room / 3;
    if (width <= room || room < 8)
        return rt_canvas_text(c, x, y, room, style, text);
    size_t size = strlen(text), at = 0;
    int used = rt_canvas_text(c, x, y, head, style, text); /* with its ellipsis */
    for (int tail = width; at < size && tail > room - used;)
        tail -= code_width(c, rt_utf8_next(text, size, &at));
    return used + rt_canvas_text(c, x + used, y, room - used, style, text + at);
}

int rt_canvas_print(struct rt_canvas *c, int x, int y, int room, enum rt_style style,
                    const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return rt_canvas_text(c, x, y, room, style, text);
}

int rt_canvas_right(struct rt_canvas *c, int x, int y, int room, enum rt_style style,
                    const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    int width = rt_canvas_width(c, text);
    return rt_canvas_text(c, x + (width < room ? room - width : 0), y, room, style, text);
}

/* ---- shapes and paragraphs ---- */

void rt_canvas_frame(struct rt_canvas *c, struct rt_rect r, enum rt_style style)
{
    int right = r.x + r.w - 1, low = r.y + r.h - 1;
    for (int x = r.x + 1; x < right; x++) {
        rt_canvas_put(c, x, r.y, style, 0x2500);
        rt_canvas_put(c, x, low, style, 0x2500);
    }
    for (int y = r.y + 1; y < low; y++) {
        rt_canvas_put(c, r.x, y, style, 0x2502);
        rt_canvas_put(c, right, y, style, 0x2502);
    }
    rt_canvas_put(c, r.x, r.y, style, 0x250C);
    rt_canvas_put(c, right, r.y, style, 0x2510);
    rt_canvas_put(c, r.x, low, style, 0x2514);
    rt_canvas_put(c, right, low, style, 0x2518);
}

void rt_canvas_bar(struct rt_canvas *c, int x, int y, int room, enum rt_style style, double fraction)
{
    fraction = isnan(fraction) || fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    int full = (int)lround(fraction * room);
    for (int i = 0; i < room; i++)
        rt_canvas_put(c, x + i, y, i < full ? style : RT_STYLE_DIM, i < full ? 0x2588 : 0x2591);
}

size_t rt_canvas_fits(const struct rt_canvas *c, const char *text, int room)
{
    size_t good = 0, size = strlen(text);
    for (int width = 0; good < size;) {
        size_t at = good;
        width += code_width(c, rt_utf8_next(text, size, &at));
        if (width > room)
            break;
        good = at;
    }
    for (size_t i = good; text[good] && i > good / 2; i--) /* cut at the last blank, if there is one */
        if (text[i] == ' ')
            return i;
    return good;
}

int rt_canvas_wrap(struct rt_canvas *c, struct rt_rect r, enum rt_style style, const char *text)
{
    int line = 0, indent = (int)strspn(text, " ");
    if (indent > r.w / 2)
        indent = 0;
    text += strspn(text, " ");
    while (*text && line < r.h && r.w > 0) {
        char piece[TEXT_MAX];
        size_t good = rt_canvas_fits(c, text, r.w - indent);
        if (good == 0)
            break;
        snprintf(piece, sizeof piece, "%.*s", (int)good, text);
        rt_canvas_text(c, r.x + indent, r.y + line++, r.w - indent, style, piece);
        text += good + strspn(text + good, " ");
    }
    return line;
}

void rt_canvas_write(const struct rt_canvas *c, FILE *out)
{
    for (int y = 0; y < c->h; y++) {
        const struct rt_cell *row = c->cell + (size_t)y * (size_t)c->w;
        int end = c->w;
        while (end > 0 && row[end - 1].c == ' ')
            end--;
        for (int x = 0; x < end; x++)
            if (row[x].c != RT_CELL_REST) {
                char bytes[4];
                fwrite(bytes, 1, (size_t)rt_utf8_put((int32_t)row[x].c, bytes), out);
                for (int i = 0; i < RT_CELL_MARKS && row[x].mark[i]; i++)
                    fwrite(bytes, 1, (size_t)rt_utf8_put((int32_t)row[x].mark[i], bytes), out);
            }
        fputc('\n', out);
    }
}
