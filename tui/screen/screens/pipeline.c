/* SPDX-License-Identifier: MIT
 * pipeline: what each stage does with its time, from run.db's table of stages: busy, waiting for work, waiting
 * for room; what goes through it, what waits before it; and in words what limits the run. Of the stage under
 * the cursor, what is in the batch that it put out last, while the run goes on. */
#include "tui/screen/base/number.h"
#include "tui/screen/screen.h"
#include "tui/screen/screens/pipeline_batch.h"

#include <math.h>
#include <string.h>

#define TALL 5 /* lines of one stage, when there is room for its words */
#define NAME 10
#define NUMBER 6
#define BATCH_AGAIN 1.0 /* seconds between two looks at a last batch */

struct pipeline {
    struct rt_list list; /* of the stages */
    bool open;           /* the last batch of the stage under the cursor is shown */
    double asked;        /* when it was asked for last; 0 = not yet */
    int frame, frames;   /* first frame shown, frames there is room for */
    struct rt_last_batch last;
};

/* ---- a stage ----
 * Each lies on lines of its own: a bar of its time, then in words the same and what passed. On a low
 * screen the bars alone are left, as they are what is compared. */

/* Shares of the time of all its workers. */
struct fractions {
    double busy, wait_in, wait_out;
};

static struct fractions stage_fractions(const struct rt_stage_row *s)
{
    double all = s->wall * s->workers;
    all = all > 0 ? all : NAN;
    return (struct fractions){s->busy / all, s->wait_in / all, s->wait_out / all};
}

static double fraction_or_none(double fraction)
{
    return isnan(fraction) ? 0 : fraction;
}

/* One bar: busy, waiting for work, waiting for room; blank is idle. */
static void stage_draw_bar(struct rt_canvas *c, int x, int y, int room, const struct fractions *s)
{
    const double fraction[] = {s->busy, s->wait_in, s->wait_out};
    static const enum rt_style style[] = {RT_STYLE_LINE3, RT_STYLE_LINE1, RT_STYLE_LINE2};
    static const uint32_t block[] = {0x2588, 0x2592, 0x2591}; /* told apart without colour too */
    double end = 0;
    int at = 0;
    for (int i = 0; i < 3; i++) {
        end += fraction_or_none(fraction[i]);
        for (int to = (int)lround((end < 1 ? end : 1) * room); at < to; at++)
            rt_canvas_put(c, x + at, y, style[i], block[i]);
    }
}

/* "3 samples left out  queue 3 of 4, 450kB  22 ms a batch, 95 % in 31 ms" */
static void stage_draw_queue(struct rt_canvas *c, int x, int y, int room, const struct rt_stage_row *s)
{
    char bytes[24], p50[24], p95[24];
    int used = *s->note ? rt_canvas_print(c, x, y, room, RT_STYLE_WARN, "%s  ", s->note) : 0;
    if (s->queue_limit > 0)
        used += rt_canvas_print(c, x + used, y, room - used, RT_STYLE_DIM, "queue %d of %d%s%s%s  ",
                                s->queue_waiting, s->queue_limit, s->queue_bytes ? ", " : "",
                                s->queue_bytes ? rt_number_short((double)s->queue_bytes, bytes) : "",
                                s->queue_bytes ? "B" : "");
    if (s->p95 > 0)
        rt_canvas_print(c, x + used, y, room - used, RT_STYLE_DIM, "%s ms a batch, 95 %% in %s ms",
                        rt_number_short(1e3 * s->p50, p50), rt_number_short(1e3 * s->p95, p95));
}

static void stage_draw_words(struct rt_canvas *c, int x, int y, int room, const struct rt_stage_row *s,
                             const struct fractions *fraction)
{
    char batches[24], samples[24], packed[24];
    int used = rt_canvas_print(c, x, y, room, RT_STYLE_LINE3, "busy %.0f %%", 100 * fraction_or_none(fraction->busy));
    used += rt_canvas_print(c, x + used, y, room - used, RT_STYLE_LINE1, "   waiting for work %.0f %%",
                            100 * fraction_or_none(fraction->wait_in));
    rt_canvas_print(c, x + used, y, room - used, RT_STYLE_LINE2, "   waiting for room %.0f %%",
                    100 * fraction_or_none(fraction->wait_out));
    used = rt_canvas_print(c, x, y + 1, room, RT_STYLE_DIM, "%s samples in %s batches",
                           rt_number_short((double)s->samples, samples),
                           rt_number_short((double)s->batches, batches));
    if (s->packed_out > 0)
        rt_canvas_print(c, x + used, y + 1, room - used, RT_STYLE_DIM, ", %sB out (%.0f %% of raw)",
                        rt_number_short((double)s->packed_out, packed),
                        s->raw_out ? 100 * (double)s->packed_out / (double)s->raw_out : 100);
}

static void stage_draw(struct rt_canvas *c, struct rt_rect r, const struct rt_stage_row *s, bool limits,
                       bool under)
{
    struct fractions fraction = stage_fractions(s);
    int x = r.x + 1, y = r.y, end = r.x + r.w - 1;
    if (under)
        rt_canvas_put(c, r.x, y, RT_STYLE_TITLE, '>');
    rt_canvas_text(c, x, y, NAME - 1 < end - x ? NAME - 1 : end - x,
                   limits ? RT_STYLE_CURSOR : RT_STYLE_TITLE, s->name);
    x += NAME;
    if (end - x < NUMBER)
        return;
    rt_canvas_right(c, x, y, NUMBER - 1, RT_STYLE_PLAIN, "%.0f%%", 100 * fraction_or_none(fraction.busy));
    x += NUMBER;
    int room = end - x;
    if (room > 24)
        rt_canvas_right(c, end - 11, y, 11, RT_STYLE_DIM, s->workers == 1 ? "%d worker" : "%d workers",
                        s->workers);
    room -= room > 24 ? 12 : 0;
    stage_draw_bar(c, x, y, room, &fraction);
    if (r.h >= 3)
        stage_draw_words(c, x, y + 1, end - x, s, &fraction);
    if (r.h >= 4)
        stage_draw_queue(c, x, y + 3, end - x, s);
}

/* ---- the flow ----
 * Boxes with the queues between them, as full as they are: a stage that limits the run has a full queue before it
 * and an empty one behind, which is seen before anything is read. */

#define FLOW 4     /* lines */
#define QUEUE_LEAST 5
#define QUEUE_MOST 12

/* Columns of a queue so that all stages find room; 0: they do not. */
static int flow_queue_width(const struct rt_snapshot *m, int room)
{
    for (int i = 0; i < m->stage_count; i++)
        room -= (int)strlen(m->stage[i].name) + 4;
    int queues = m->stage_count - 1, width = queues > 0 ? room / queues : 0;
    return width < QUEUE_LEAST ? 0 : width > QUEUE_MOST ? QUEUE_MOST : width;
}

/* The queue before a stage: its fill, and below it how many batches wait of how many may. */
static void flow_draw_queue(struct rt_canvas *c, int x, int y, int w, const struct rt_stage_row *s)
{
    double full = s->queue_limit > 0 ? (double)s->queue_waiting / s->queue_limit : 0;
    enum rt_style style = full > 0.7 ? RT_STYLE_LINE2 : RT_STYLE_LINE1;
    for (int i = 0; i < w - 2; i++)
        rt_canvas_put(c, x + 1 + i, y, i < full * (w - 2) ? style : RT_STYLE_DIM, i < full * (w - 2) ? 0x2588 : 0x2591);
    if (s->queue_limit > 0)
        rt_canvas_print(c, x + 1, y + 1, w - 1, RT_STYLE_DIM, "%d/%d", s->queue_waiting, s->queue_limit);
    rt_canvas_put(c, x + w - 1, y, RT_STYLE_DIM, '>');
}

static void pipeline_draw_flow(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r)
{
    int x = r.x + 1, queue = flow_queue_width(m, r.w - 2);
    for (int i = 0; i < m->stage_count; i++) {
        const struct rt_stage_row *s = &m->stage[i];
        bool limits = s == rt_snapshot_limiting(m);
        int w = (int)strlen(s->name) + 4;
        if (i) {
            flow_draw_queue(c, x, r.y + 1, queue, s);
            x += queue;
        }
        rt_canvas_frame(c, (struct rt_rect){x, r.y, w, FLOW}, limits ? RT_STYLE_CURSOR : RT_STYLE_DIM);
        rt_canvas_text(c, x + 2, r.y + 1, w - 4, limits ? RT_STYLE_CURSOR : RT_STYLE_TITLE, s->name);
        rt_canvas_print(c, x + 2, r.y + 2, w - 4, RT_STYLE_LINE3, "%.0f%%",
                        100 * fraction_or_none(stage_fractions(s).busy));
        x += w;
    }
}

static void pipeline_draw_limit(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect *r)
{
    char text[500];
    snprintf(text, sizeof text, "%s%s", m->live ? "Now: " : "", m->limit);
    struct rt_rect words = {r->x + 1, r->y, r->w - 2, r->h < 9 ? 2 : 3};
    rt_layout_top(r, rt_canvas_wrap(c, words, RT_STYLE_PLAIN, text) + 1);
}

/* As many ranks as there is room for above the stages; how many are left out is said, and `ctl status` has all. */
static void pipeline_draw_ranks(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect *r)
{
    int room = r->h - m->stage_count - 1, count = 1, shown = 0;
    const char *line = m->ranks;
    for (const char *at = m->ranks; (at = strchr(at, '\n')); at++)
        count++;
    if (!*m->ranks || room < 1)
        return;
    room = count > room ? room - 1 : room;
    for (; *line && shown < room; shown++) {
        int length = (int)strcspn(line, "\n");
        struct rt_rect at = rt_layout_top(r, 1);
        rt_canvas_print(c, at.x + 1, at.y, at.w - 2, RT_STYLE_PLAIN, "%.*s", length, line);
        line += length + (line[length] == '\n');
    }
    if (shown < count) {
        struct rt_rect at = rt_layout_top(r, 1);
        rt_canvas_print(c, at.x + 1, at.y, at.w - 2, RT_STYLE_DIM, "and %d more: retort ctl DIR status", count - shown);
    }
    rt_layout_top(r, 1);
}

/* ---- drawing ---- */

static void pipeline_draw_batch(struct pipeline *v, const struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    bool up = rt_steer_up(&view->steer);
    const char *stage = view->model->stage[v->list.at].name;
    rt_layout_top(&r, r.h > 4);
    r.x++;
    r.w -= 2;
    if (up && strcmp(v->last.stage, stage) == 0) {
        v->frames = rt_last_batch_draw(&v->last, c, r, v->frame);
        return;
    }
    rt_canvas_wrap(c, r, RT_STYLE_DIM, !up             ? "Batches can be seen while the run goes on."
                                       : *v->last.words ? v->last.words
                                                        : "Asked for.");
}

/* Lines of each stage: as many as all of them find room for; one above a batch. */
static int pipeline_tall(const struct pipeline *v, int lines, int stages)
{
    if (v->open || lines < stages * (TALL - 1))
        return 1;
    return lines >= stages * TALL ? TALL : TALL - 1;
}

static void pipeline_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_snapshot *m = view->model;
    struct pipeline *v = self;
    struct rt_list *l = &v->list;
    l->count = m->stage_count;
    l->place = (struct rt_rect){r.x, r.y, 0, 0};
    if (m->stage_count == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, m->live ? "No batch has passed the stages yet."
                                                   : "This run left no account of its stages.");
        return;
    }
    if (r.h >= 6 && *m->limit)
        pipeline_draw_limit(m, c, &r);
    pipeline_draw_ranks(m, c, &r);
    if (r.h >= l->count * (TALL - 1) + FLOW + 1 && !v->open && flow_queue_width(m, r.w - 2)) {
        pipeline_draw_flow(m, c, rt_layout_top(&r, FLOW));
        rt_layout_top(&r, 1);
    }
    int tall = pipeline_tall(v, r.h, l->count), lines = r.h / tall;
    if (v->open && lines > l->count)
        lines = l->count;
    rt_list_lay(l, rt_layout_top(&r, lines * tall), tall, l->count);
    for (int i = 0; i < lines && l->first + i < l->count; i++) {
        const struct rt_stage_row *s = &m->stage[l->first + i];
        stage_draw(c, rt_list_cell(l, i), s, s == rt_snapshot_limiting(m), l->first + i == l->at);
    }
    if (v->open)
        pipeline_draw_batch(v, view, c, r);
}

/* ---- the last batch ----
 * A batch is gone in milliseconds, and its frames are read by the run's socket thread: so it is asked
 * for only while somebody sees it, and not before the answer to the last request is there. */

static unsigned pipeline_tick(void *self, struct rt_view *view)
{
    struct pipeline *v = self;
    struct rt_steer *s = &view->steer;
    if (!rt_steer_up(s) || s->waiting > 0 || !v->open || v->list.at >= view->model->stage_count ||
        (v->asked > 0 && view->now - v->asked < BATCH_AGAIN))
        return RT_DID_NOTHING;
    const char *stage = view->model->stage[v->list.at].name;
    v->asked = view->now;
    rt_steer_ask(s, "batch", &stage, 1, true); /* asked again in a second, if it could not be */
    return RT_DID_NOTHING;
}

/* Somebody typed `batch STAGE`: shows that stage. */
static unsigned pipeline_show_batch(struct pipeline *v, struct rt_view *view)
{
    for (int i = 0; i < view->model->stage_count; i++)
        if (strcmp(view->model->stage[i].name, v->last.stage) == 0)
            v->list.at = i;
    v->open = true;
    v->asked = view->now;
    return rt_view_go(view, RT_SCREEN_PIPELINE);
}

static unsigned pipeline_told(void *self, struct rt_view *view, const struct rt_steer_event *event)
{
    struct pipeline *v = self;
    bool refused = event->kind == RT_STEER_REFUSED;
    if ((!refused && event->kind != RT_STEER_ANSWERED) || strcmp(event->verb, "batch") != 0)
        return RT_DID_NOTHING;
    if (refused && !event->quiet)
        return RT_DID_NOTHING; /* the person who typed it reads why */
    if (refused) {
        rt_last_batch_refused(&v->last, event->why);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    rt_last_batch_read(&v->last, event->line);
    return event->quiet ? RT_DID_HANDLE | RT_DID_DRAW : pipeline_show_batch(v, view);
}

/* ---- keys ---- */

static unsigned pipeline_go(struct pipeline *v, int at)
{
    v->frame = at == v->list.at ? v->frame : 0;
    v->list.at = at;
    v->asked = 0;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned pipeline_open(struct pipeline *v, bool open)
{
    if (v->list.count == 0 || open == v->open)
        return RT_DID_NOTHING;
    v->open = open;
    return pipeline_go(v, v->list.at);
}

/* Pages turn the frames of the batch that is open, whose place is theirs alone. */
static unsigned pipeline_page(struct pipeline *v, enum rt_act act)
{
    struct rt_list frames = {.at = v->frame, .count = v->last.listed, .lines = v->frames};
    unsigned did = rt_view_move(&frames, act);
    v->frame = frames.at;
    return did;
}

static unsigned pipeline_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct pipeline *v = self;
    struct rt_list moved = v->list;
    (void)view;
    if (act == RT_ACT_LOOK)
        return pipeline_open(v, !v->open);
    if (act == RT_ACT_BACK)
        return pipeline_open(v, false);
    if (v->open && (act == RT_ACT_PAGE_UP || act == RT_ACT_PAGE_DOWN))
        return pipeline_page(v, act);
    return rt_view_move(&moved, act) ? pipeline_go(v, moved.at) : RT_DID_NOTHING;
}

static unsigned pipeline_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct pipeline *v = self;
    int at = rt_list_under(&v->list, event.x, event.y);
    (void)view;
    if (event.key != RT_KEY_CLICK || at < 0)
        return RT_DID_NOTHING;
    return at == v->list.at ? pipeline_open(v, !v->open) : pipeline_go(v, at);
}

const struct rt_screen rt_screen_pipeline = {
    .size = sizeof(struct pipeline), .draw = pipeline_draw, .act = pipeline_act, .mouse = pipeline_mouse,
    .told = pipeline_told, .tick = pipeline_tick};
