/* SPDX-License-Identifier: MIT
 * attach: see attach.h. */
#include "tui/screen/ui/attach.h"

#include "formats/plain.h"

#include "tui/screen/ui/terminal.h"
#include "tui/screen/ui/ui.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICK_MS 100 /* between two looks at the run */

static double clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* Draws at the terminal's present size. */
static int attach_draw(struct rt_ui *ui, struct rt_canvas *c, unsigned did, struct rt_error *e)
{
    int w, h;
    rt_terminal_size(&w, &h);
    bool resized = w != c->w || h != c->h;
    if (resized && rt_canvas_resize(c, w, h) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for a screen of %d x %d", w, h);
    if (resized || did & (RT_DID_DRAW | RT_DID_REDRAW))
        rt_ui_draw(ui, c);
    else
        rt_ui_draw_bars(ui, c);
    rt_terminal_show(c, did & RT_DID_REDRAW);
    return 0;
}

/* ---- the loop ----
 * Draws, looks at the run, waits for a key; nothing here may take long, as all of it stands between a
 * key and its frame. A large table is therefore read in pieces, keys between them, and drawn at most
 * every other tick until it is whole. */

static void attach_look(struct rt_ui *ui, double *next, double drawn, unsigned *did)
{
    struct rt_error why;
    int news = rt_snapshot_poll(ui->view.model, rt_ui_samples(ui), &why);
    if (news < 0)
        rt_message_say(&ui->view.message, true, "%s", why.text);
    *next = clock_ms() + TICK_MS;
    bool soon = rt_snapshot_busy(ui->view.model) && *next - drawn < 2 * TICK_MS;
    *did |= news && !soon ? RT_DID_DRAW : 0u;
}

/* Until the person leaves or a signal comes. */
static int attach_watch(struct rt_ui *ui, struct rt_canvas *c, struct rt_error *e)
{
    unsigned did = RT_DID_DRAW;
    double next = 0, drawn = 0;
    while (!(did & RT_DID_QUIT) && !rt_terminal_signal()) {
        if (did & (RT_DID_DRAW | RT_DID_REDRAW | RT_DID_BARS)) {
            RT_TRY(attach_draw(ui, c, did, e));
            drawn = did & RT_DID_BARS ? drawn : clock_ms();
        }
        did = rt_ui_tick(ui, clock_ms() / 1e3);
        double left = next - clock_ms();
        if (rt_snapshot_busy(ui->view.model) || left <= 0) {
            attach_look(ui, &next, drawn, &did);
            left = rt_snapshot_busy(ui->view.model) ? 0 : TICK_MS;
        }
        did |= rt_ui_event(ui, rt_terminal_read(did || left <= 0 ? 0 : (int)left + 1, rt_link_fd(ui->view.steer.link)));
    }
    return 0;
}

/* ---- from opening to leaving ---- */

/* The terminal is the screen's until this returns. 0, 128 + a signal, or an error's code. */
static int attach_on_terminal(struct rt_ui *ui, const char *folder, enum rt_attach_left *left, struct rt_error *e)
{
    struct rt_canvas c = {0};
    RT_TRY(rt_terminal_open(e));
    ui->view.ascii = rt_terminal_ascii();
    ui->view.colours = rt_terminal_colours();
    ui->view.pixels = rt_terminal_pixels();
    int rc = rt_ui_steer(ui, folder) < 0 ? rt_error_set(e, RT_EMEM, "out of memory") : attach_watch(ui, &c, e);
    rt_terminal_close();
    rt_canvas_fini(&c);
    *left = rt_steer_up(&ui->view.steer) ? RT_ATTACH_GOES_ON : ui->leaving ? RT_ATTACH_STOPPED : RT_ATTACH_ENDED;
    if (rc < 0)
        return rc;
    if (*left == RT_ATTACH_GOES_ON)
        rt_plain_print(stderr, "the run goes on: `retort attach %s` shows it again\n", folder);
    return rt_terminal_signal() ? 128 + rt_terminal_signal() : 0;
}

static int attach_open(struct rt_ui *ui, struct rt_snapshot *m, const char *folder, const char *compare,
                       struct rt_error *e)
{
    struct rt_error why;
    RT_TRY(rt_snapshot_open(m, folder, e));
    if (rt_ui_init(ui, m, false) < 0)
        return rt_error_set(e, RT_EMEM, "out of memory");
    if (compare && rt_compare_with(&ui->view.compare, m, compare, &why) < 0)
        return rt_error_set(e, RT_EUSAGE, "--compare: %s", why.text);
    return 0;
}

int rt_attach(const char *folder, const char *compare, enum rt_attach_left *left, struct rt_error *e)
{
    struct rt_snapshot *m = calloc(1, sizeof *m);
    struct rt_ui *ui = calloc(1, sizeof *ui);
    int rc = m && ui ? attach_open(ui, m, folder, compare, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0)
        rc = attach_on_terminal(ui, folder, left, e);
    if (ui)
        rt_ui_fini(ui);
    if (m)
        rt_snapshot_fini(m);
    free(ui);
    free(m);
    return rc;
}
