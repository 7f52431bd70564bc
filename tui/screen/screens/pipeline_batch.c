/* SPDX-License-Identifier: MIT
 * pipeline_batch: see pipeline_batch.h. */
#include "tui/screen/screens/pipeline_batch.h"

#include "tui/screen/base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_LEAST 16
#define GAP 2

/* ---- reading ----
 * The run's answer becomes plain numbers and texts here, because its line is gone when the next one comes. */

static void batch_read_frame(void *self, const struct rt_link_line *item)
{
    struct rt_last_batch *b = self;
    if (b->listed == RT_LAST_FRAMES)
        return;
    struct rt_last_frame *f = &b->frame[b->listed++];
    *f = (struct rt_last_frame){
        .raw = rt_link_number(item, "raw"), .packed = rt_link_number(item, "packed"),
        .min = rt_link_number(item, "min"), .mean = rt_link_number(item, "mean"),
        .max = rt_link_number(item, "max"), .nan = rt_link_number(item, "nan"),
        .inf = rt_link_number(item, "inf"),
    };
    rt_link_text(item, "name", f->name, sizeof f->name);
    rt_link_text(item, "type", f->type, sizeof f->type);
    rt_link_join(item, "shape", " x ", f->shape, sizeof f->shape);
}

void rt_last_batch_read(struct rt_last_batch *b, const struct rt_link_line *line)
{
    char kind[24] = "", update[40] = "", left[40] = "", raw[24], packed[24];
    memset(b, 0, sizeof *b);
    rt_link_text(line, "stage", b->stage, sizeof b->stage);
    rt_link_text(line, "kind", kind, sizeof kind);
    rt_link_join(line, "ids", ", ", b->ids, sizeof b->ids);
    b->frames = (int)rt_link_number(line, "frames");
    if (rt_link_number(line, "update") > 0)
        snprintf(update, sizeof update, ", step %.0f", rt_link_number(line, "update"));
    if (rt_link_number(line, "left_out") > 0)
        snprintf(left, sizeof left, ", %.0f left out", rt_link_number(line, "left_out"));
    double bytes = rt_link_number(line, "raw");
    snprintf(b->words, sizeof b->words, "%s: %s batch %.0f of epoch %.0f%s; %.0f samples%s; %sB packed, %.0f %% of %sB",
             b->stage, kind, rt_link_number(line, "batch"), rt_link_number(line, "epoch"), update,
             rt_link_number(line, "samples"), left, rt_number_short(rt_link_number(line, "packed"), packed),
             bytes > 0 ? 100 * rt_link_number(line, "packed") / bytes : 100, rt_number_short(bytes, raw));
    rt_link_items(line, "list", batch_read_frame, b);
}

void rt_last_batch_refused(struct rt_last_batch *b, const char *why)
{
    memset(b, 0, sizeof *b);
    snprintf(b->words, sizeof b->words, "%s", why);
}

/* ---- drawing ----
 * Each column has a rank; on a narrow screen those of the highest rank fall away, shape and packed size
 * last. */

/* The columns behind the name, in order of their place; those of the highest rank go first when the screen is
 * narrow. */
static const struct column {
    const char *title;
    int width, rank;
} column[] = {{"type", 4, 8},   {"shape", 16, 1}, {"raw", 7, 7},  {"packed", 7, 2}, {"min", 9, 4},
              {"mean", 9, 5}, {"max", 9, 6},   {"NaN", 6, 3}, {"inf", 6, 9}};
enum { TYPE, SHAPE, RAW, PACKED, MIN, MEAN, MAX, NANS, INFS, COLUMNS };

/* The highest rank for which there is room. */
static int columns_rank(int room)
{
    for (int rank = COLUMNS; rank > 0; rank--) {
        int width = NAME_LEAST;
        for (int k = 0; k < COLUMNS; k++)
            width += column[k].rank <= rank ? column[k].width + GAP : 0;
        if (width <= room)
            return rank;
    }
    return 0;
}

static void frame_draw_cell(struct rt_canvas *c, int x, int y, int k, const struct rt_last_frame *f)
{
    const double number[COLUMNS] = {[RAW] = f->raw, [PACKED] = f->packed, [MIN] = f->min, [MEAN] = f->mean,
                                    [MAX] = f->max, [NANS] = f->nan, [INFS] = f->inf};
    char text[24];
    bool bad = (k == NANS || k == INFS) && number[k] > 0;
    if (k == TYPE || k == SHAPE)
        rt_canvas_text(c, x, y, column[k].width, RT_STYLE_PLAIN, k == TYPE ? f->type : f->shape);
    else
        rt_canvas_right(c, x, y, column[k].width, bad ? RT_STYLE_WARN : RT_STYLE_PLAIN, "%s",
                        rt_number_short(number[k], text));
}

/* The title line when f is NULL. */
static void frame_draw_line(struct rt_canvas *c, struct rt_rect line, int rank, const struct rt_last_frame *f)
{
    int behind = 0;
    for (int k = 0; k < COLUMNS; k++)
        behind += column[k].rank <= rank ? column[k].width + GAP : 0;
    int x = line.x, name = line.w - behind;
    rt_canvas_text(c, x, line.y, name, f ? RT_STYLE_PLAIN : RT_STYLE_DIM, f ? f->name : "frame");
    x += name + GAP;
    for (int k = 0; k < COLUMNS; k++) {
        if (column[k].rank > rank)
            continue;
        if (f)
            frame_draw_cell(c, x, line.y, k, f);
        else if (k == TYPE || k == SHAPE)
            rt_canvas_text(c, x, line.y, column[k].width, RT_STYLE_DIM, column[k].title);
        else
            rt_canvas_right(c, x, line.y, column[k].width, RT_STYLE_DIM, "%s", column[k].title);
        x += column[k].width + GAP;
    }
}

int rt_last_batch_draw(const struct rt_last_batch *b, struct rt_canvas *c, struct rt_rect r, int first)
{
    struct rt_rect words = {r.x, r.y, r.w, r.h < 6 ? 1 : 2};
    rt_layout_top(&r, rt_canvas_wrap(c, words, RT_STYLE_TITLE, b->words));
    struct rt_rect ids = rt_layout_bottom(&r, r.h > 12 ? 4 : r.h > 6 ? 2 : 0);
    int rank = columns_rank(r.w), lines = r.h > 1 ? r.h - 1 : 0, shown = 0;
    frame_draw_line(c, rt_layout_top(&r, 1), rank, NULL);
    for (; shown < lines && first + shown < b->listed; shown++)
        frame_draw_line(c, rt_layout_top(&r, 1), rank, &b->frame[first + shown]);
    if (shown < lines && b->listed < b->frames)
        rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "and %d more", b->frames - b->listed);
    if (ids.h > 0)
        rt_canvas_wrap(c, ids, RT_STYLE_DIM, b->ids);
    return lines;
}
