/* SPDX-License-Identifier: MIT
 * pipeline: what each stage does with its time, from run.db's table of stages: busy, waiting for work, waiting
 * for room; what goes through it, what waits before it; and in words what limits the run. Of the stage under
 * the cursor, what is in the batch that it put out last, while the run goes on. */
#include "tui/screen/screen.h"

#include <math.h>
#include <string.h>

#define TALL 5 /* lines of one stage, when there is room for its words */
#define NAME 10
#define NUMBER 6

/* Shares of the time of all its workers. */
struct shares {
    double busy, wait_in, wait_out;
};

static struct shares shares_of(const struct rt_stage_row *s)
{
    double all = s->wall * s->workers;
    all = all > 0 ? all : NAN;
    return (struct shares){s->busy / all, s->wait_in / all, s->wait_out / all};
}

static double part(double share)
{
    return isnan(share) ? 0 : share;
}

/* One bar: busy, waiting for work, waiting for room; blank is idle. */
static void draw_bar(struct rt_canvas *c, int x, int y, int room, const struct shares *s)
{
    const double share[] = {s->busy, s->wait_in, s->wait_out};
    static const enum rt_style style[] = {RT_STYLE_LINE3, RT_STYLE_LINE1, RT_STYLE_LINE2};
    static const uint32_t block[] = {0x2588, 0x2592, 0x2591}; /* told apart without colour too */
    double end = 0;
    int at = 0;
    for (int i = 0; i < 3; i++) {
        end += part(share[i]);
        for (int to = (int)lround((end < 1 ? end : 1) * room); at < to; at++)
            rt_canvas_put(c, x + at, y, style[i], block[i]);
    }
}

/* "3 samples left out  queue 3 of 4, 450kB  22 ms a batch, 95 % in 31 ms" */
static void draw_queue(struct rt_canvas *c, int x, int y, int room, const struct rt_stage_row *s)
{
    char bytes[24], p50[24], p95[24];
    int used = *s->note ? rt_canvas_print(c, x, y, room, RT_STYLE_WARN, "%s  ", s->note) : 0;
    if (s->queue_limit > 0)
        used += rt_canvas_print(c, x + used, y, room - used, RT_STYLE_DIM, "queue %d of %d%s%s%s  ",
                                s->queue_waiting, s->queue_limit, s->queue_bytes ? ", " : "",
                                s->queue_bytes ? rt_ui_number((double)s->queue_bytes, bytes) : "",
                                s->queue_bytes ? "B" : "");
    if (s->p95 > 0)
        rt_canvas_print(c, x + used, y, room - used, RT_STYLE_DIM, "%s ms a batch, 95 %% in %s ms",
                        rt_ui_number(1e3 * s->p50, p50), rt_ui_number(1e3 * s->p95, p95));
}

static void draw_words(struct rt_canvas *c, int x, int y, int room, const struct rt_stage_row *s,
                       const struct shares *share)
{
    char batches[24], samples[24], packed[24];
    int used = rt_canvas_print(c, x, y, room, RT_STYLE_LINE3, "busy %.0f %%", 100 * part(share->busy));
    used += rt_canvas_print(c, x + used, y, room - used, RT_STYLE_LINE1, "   waiting for work %.0f %%",
                            100 * part(share->wait_in));
    rt_canvas_print(c, x + used, y, room - used, RT_STYLE_LINE2, "   waiting for room %.0f %%",
                    100 * part(share->wait_out));
    used = rt_canvas_print(c, x, y + 1, room, RT_STYLE_DIM, "%s samples in %s batches",
                           rt_ui_number((double)s->samples, samples),
                           rt_ui_number((double)s->batches, batches));
    if (s->packed_out > 0)
        used += rt_canvas_print(c, x + used, y + 1, room - used, RT_STYLE_DIM, ", %sB out (%.0f %% of raw)",
                                rt_ui_number((double)s->packed_out, packed),
                                s->raw_out ? 100 * (double)s->packed_out / (double)s->raw_out : 100);
}

static void draw_stage(struct rt_canvas *c, struct rt_rect r, const struct rt_stage_row *s, bool limits,
                       bool under)
{
    struct shares share = shares_of(s);
    int x = r.x + 1, y = r.y, end = r.x + r.w - 1;
    if (under)
        rt_canvas_put(c, r.x, y, RT_STYLE_TITLE, '>');
    rt_canvas_text(c, x, y, NAME - 1 < end - x ? NAME - 1 : end - x,
                   limits ? RT_STYLE_CURSOR : RT_STYLE_TITLE, s->name);
    x += NAME;
    if (end - x < NUMBER)
        return;
    rt_canvas_right(c, x, y, NUMBER - 1, RT_STYLE_PLAIN, "%.0f%%", 100 * part(share.busy));
    x += NUMBER;
    int room = end - x;
    if (room > 24)
        rt_canvas_right(c, end - 11, y, 11, RT_STYLE_DIM, s->workers == 1 ? "%d worker" : "%d workers",
                        s->workers);
    room -= room > 24 ? 12 : 0;
    draw_bar(c, x, y, room, &share);
    if (r.h >= 3)
        draw_words(c, x, y + 1, end - x, s, &share);
    if (r.h >= 4)
        draw_queue(c, x, y + 3, end - x, s);
}

static void draw_limit(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect *r)
{
    char text[500];
    snprintf(text, sizeof text, "%s%s", m->live ? "Now: " : "", m->limit);
    struct rt_rect words = {r->x + 1, r->y, r->w - 2, r->h < 9 ? 2 : 3};
    rt_layout_top(r, rt_canvas_wrap(c, words, RT_STYLE_PLAIN, text) + 1);
}

static void draw_batch(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_pipeline_view *v = &ui->pipeline;
    const char *stage = ui->model->stage[v->at].name;
    rt_layout_top(&r, r.h > 4);
    r.x++;
    r.w -= 2;
    if (!rt_steer_up(ui) || strcmp(v->last.stage, stage) != 0) {
        const char *why = !rt_steer_up(ui)  ? "Batches can be seen while the run goes on."
                          : *v->last.words ? v->last.words
                                            : "Asked for.";
        rt_canvas_wrap(c, r, RT_STYLE_DIM, why);
        return;
    }
    v->frames = rt_last_batch_draw(&v->last, c, r, v->frame);
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_snapshot *m = ui->model;
    struct rt_pipeline_view *v = &ui->pipeline;
    v->count = m->stage_count;
    v->list = (struct rt_rect){r.x, r.y, 0, 0};
    if (m->stage_count == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, m->live ? "No batch has passed the stages yet."
                                                   : "This run left no account of its stages.");
        return;
    }
    if (r.h >= 6 && *m->limit)
        draw_limit(m, c, &r);
    v->at = v->at < v->count ? v->at : v->count - 1;
    v->tall = v->open ? 1 : r.h >= v->count * TALL ? TALL : r.h >= v->count * (TALL - 1) ? TALL - 1 : 1;
    v->lines = r.h / v->tall;
    if (v->open && v->lines > v->count)
        v->lines = v->count;
    v->first = rt_layout_scroll(v->first, v->at, v->lines, v->count);
    v->list = (struct rt_rect){r.x, r.y, r.w, v->lines * v->tall};
    for (int i = 0; i < v->lines && v->first + i < v->count; i++) {
        const struct rt_stage_row *s = &m->stage[v->first + i];
        draw_stage(c, rt_layout_top(&r, v->tall), s, s == rt_snapshot_limiting(m), v->first + i == v->at);
    }
    if (v->open)
        draw_batch(ui, c, r);
}

static unsigned go_to(struct rt_ui *ui, int at)
{
    struct rt_pipeline_view *v = &ui->pipeline;
    v->frame = at == v->at ? v->frame : 0;
    v->at = at;
    v->asked = 0;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned open_or_close(struct rt_ui *ui, bool open)
{
    struct rt_pipeline_view *v = &ui->pipeline;
    if (v->count == 0 || open == v->open)
        return RT_DID_NOTHING;
    v->open = open;
    return go_to(ui, v->at);
}

void rt_screen_show_batch(struct rt_ui *ui)
{
    struct rt_pipeline_view *v = &ui->pipeline;
    for (int i = 0; i < ui->model->stage_count; i++)
        if (strcmp(ui->model->stage[i].name, v->last.stage) == 0)
            v->at = i;
    v->open = true;
    v->asked = ui->now;
    rt_ui_go(ui, RT_SCREEN_PIPELINE);
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    struct rt_pipeline_view *v = &ui->pipeline;
    int at = v->at;
    if (act == RT_ACT_LOOK)
        return open_or_close(ui, !v->open);
    if (act == RT_ACT_BACK)
        return open_or_close(ui, false);
    if (v->open && (act == RT_ACT_PAGE_UP || act == RT_ACT_PAGE_DOWN))
        return rt_list_move(&v->frame, v->last.listed, v->frames, act);
    unsigned did = rt_list_move(&at, v->count, v->lines, act);
    return did ? go_to(ui, at) : did;
}

static unsigned mouse(struct rt_ui *ui, struct rt_event event)
{
    struct rt_pipeline_view *v = &ui->pipeline;
    if (event.key != RT_KEY_CLICK || !rt_layout_within(v->list, event.x, event.y))
        return RT_DID_NOTHING;
    int at = v->first + (event.y - v->list.y) / v->tall;
    if (at >= v->count)
        return RT_DID_NOTHING;
    return at == v->at ? open_or_close(ui, !v->open) : go_to(ui, at);
}

const struct rt_screen rt_screen_pipeline = {"pipeline", "Pipeline", false, draw, act, mouse, NULL, NULL};
