/* SPDX-License-Identifier: MIT
 * picture: see picture.h. */
#include "tui/screen/widgets/picture.h"

#include <chafa.h>
#include <stdlib.h>
#include <string.h>

#define COLOURS 256 /* fewer, and shapes tell more than colours */

int rt_picture_draw(struct rt_canvas *c, struct rt_rect r, const uint8_t *rgb, int w, int h, bool stretch, int colours)
{
    int wide = r.w, high = r.h;
    if (w < 1 || h < 1 || r.w < 1 || r.h < 1)
        return 0;
    if (!stretch)
        chafa_calc_canvas_geometry(w, h, &wide, &high, 0.5f, TRUE, FALSE);
    wide = wide < 1 ? 1 : wide > r.w ? r.w : wide;
    high = high < 1 ? 1 : high > r.h ? r.h : high;
    if (rt_canvas_picture(c, (struct rt_rect){r.x, r.y, wide, high}, rgb, w, h))
        return high;
    ChafaSymbolMap *symbols = chafa_symbol_map_new();
    chafa_symbol_map_add_by_tags(symbols, c->ascii ? CHAFA_SYMBOL_TAG_ASCII
                                                   : CHAFA_SYMBOL_TAG_BLOCK | CHAFA_SYMBOL_TAG_SPACE);
    bool coloured = colours >= COLOURS;
    if (!coloured && !c->ascii)
        chafa_symbol_map_add_by_tags(symbols, CHAFA_SYMBOL_TAG_STIPPLE);
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    chafa_canvas_config_set_geometry(config, wide, high);
    chafa_canvas_config_set_canvas_mode(config, coloured ? CHAFA_CANVAS_MODE_INDEXED_240 : CHAFA_CANVAS_MODE_FGBG);
    chafa_canvas_config_set_symbol_map(config, symbols);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, rgb, w, h, w * 3);
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++) {
            int front = -1, ground = -1;
            gunichar code = chafa_canvas_get_char_at(canvas, x, y);
            if (coloured)
                chafa_canvas_get_raw_colors_at(canvas, x, y, &front, &ground);
            rt_canvas_paint(c, r.x + x, r.y + y, code ? code : ' ', front, ground);
        }
    chafa_canvas_unref(canvas);
    chafa_canvas_config_unref(config);
    chafa_symbol_map_unref(symbols);
    return high;
}

/* ---- pixels ----
 * Which terminals know pictures is kept up by chafa, from their environment: asking the terminal itself
 * would mean to wait for an answer that may not come. */

static ChafaTermInfo *picture_terminal(void)
{
    char **environment = g_get_environ();
    ChafaTermInfo *info = chafa_term_db_detect(chafa_term_db_get_default(), environment);
    g_strfreev(environment);
    return info;
}

enum rt_pixels rt_picture_pixels(void)
{
    const char *asked = getenv("RETORT_PICTURES"), *name = getenv("TERM");
    if (asked && *asked)
        return strcmp(asked, "kitty") == 0   ? RT_PIXELS_KITTY
               : strcmp(asked, "sixel") == 0 ? RT_PIXELS_SIXEL
                                             : RT_PIXELS_NONE;
    if (!name || strncmp(name, "tmux", 4) == 0 || strncmp(name, "screen", 6) == 0)
        return RT_PIXELS_NONE; /* what it runs in may know pictures, but not where these are */
    ChafaTermInfo *info = picture_terminal();
    enum rt_pixels has =
        chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1) ? RT_PIXELS_KITTY
        : chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_SIXELS)                 ? RT_PIXELS_SIXEL
                                                                                       : RT_PIXELS_NONE;
    chafa_term_info_unref(info);
    return has;
}

char *rt_picture_code(enum rt_pixels how, const struct rt_canvas_picture *p, int cell_w, int cell_h, size_t *size)
{
    ChafaTermInfo *info = picture_terminal(), *all = chafa_term_db_get_fallback_info(chafa_term_db_get_default());
    chafa_term_info_supplement(info, all);
    chafa_term_info_unref(all);
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    chafa_canvas_config_set_geometry(config, p->at.w, p->at.h);
    chafa_canvas_config_set_cell_geometry(config, cell_w > 0 ? cell_w : 10, cell_h > 0 ? cell_h : 20);
    chafa_canvas_config_set_pixel_mode(config, how == RT_PIXELS_KITTY ? CHAFA_PIXEL_MODE_KITTY
                                                                      : CHAFA_PIXEL_MODE_SIXELS);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, p->rgb, p->w, p->h, p->w * 3);
    GString *text = chafa_canvas_print(canvas, info);
    char *code = malloc(text->len + 1);
    if (code)
        memcpy(code, text->str, text->len + 1);
    *size = code ? text->len : 0;
    g_string_free(text, TRUE);
    chafa_canvas_unref(canvas);
    chafa_canvas_config_unref(config);
    chafa_term_info_unref(info);
    return code;
}
