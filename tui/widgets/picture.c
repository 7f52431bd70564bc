/* SPDX-License-Identifier: MIT
 * picture: see picture.h. */
#include "tui/widgets/picture.h"

#include <chafa.h>

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
