/* SPDX-License-Identifier: MIT
 * attach: see attach.h. */
#include "tui/screen/ui/attach.h"

#include "formats/plain.h"
#include "pipeline/run/rundir.h"

#include "tui/screen/ui/terminal.h"
#include "tui/screen/ui/ui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#define TICK_MS 100 /* between two looks at the run */

struct rt_attach {
    struct rt_ui ui;           /* of the run that is open */
    struct rt_snapshot model;
    struct rt_canvas canvas;
    struct rt_runs_list runs;  /* these two of the whole visit */
    struct rt_compare compare;
    char last[4096]; /* a run that was left while it went on */
};

static double clock_ms(void)
{
    return 1e-6 * (double)uv_hrtime();
}

/* Draws at the terminal's present size. */
static int attach_draw(struct rt_ui *ui, struct rt_canvas *c, unsigned did, struct rt_error *e)
{
    int w, h;
    rt_terminal_size(&w, &h);
    bool resized = w != c->w || h != c->h;
    if (ui->view.theme != rt_terminal_theme()) {
        rt_terminal_set_theme(ui->view.theme);
        did |= RT_DID_REDRAW;
    }
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

/* ---- from opening to leaving ----
 * One run at a time has a screen, and another one gets screens of its own: what a screen keeps of samples and curves
 * means nothing in another run. What people have laid over and the list of runs go along. */

/* A run's folder, or one that holds runs, of which none is open then. */
static int attach_open(struct rt_ui *ui, struct rt_snapshot *m, struct rt_runs_list *runs, const char *folder,
                       struct rt_error *e)
{
    bool run = rt_rundir_holds(folder);
    memset(m, 0, sizeof *m);
    if (run)
        RT_TRY(rt_snapshot_open(m, folder, e));
    if (!*runs->folder && run)
        rt_compare_home(m, runs->folder, sizeof runs->folder);
    else if (!*runs->folder)
        snprintf(runs->folder, sizeof runs->folder, "%s", folder);
    size_t n = strlen(runs->folder);
    if (n > 1 && runs->folder[n - 1] == '/')
        runs->folder[n - 1] = '\0';
    if (n == 0)
        snprintf(runs->folder, sizeof runs->folder, ".");
    if (rt_ui_init(ui, m, rt_terminal_ascii()) < 0)
        return rt_error_set(e, RT_EMEM, "out of memory");
    ui->view.runs = runs;
    ui->view.screen = run ? RT_SCREEN_LOSSES : RT_SCREEN_RUNS;
    ui->view.colours = rt_terminal_colours();
    ui->view.pixels = rt_terminal_pixels();
    ui->view.theme = rt_terminal_theme();
    return 0;
}

/* One run, or the list, until it is left: for good, or for the run in ui->view.open. compare goes along. */
static int attach_visit(struct rt_ui *ui, struct rt_canvas *c, struct rt_compare *compare, const char *folder,
                        struct rt_error *e)
{
    ui->view.compare = *compare;
    rt_compare_without(&ui->view.compare, folder);
    int rc = rt_ui_steer(ui, rt_view_shows_run(&ui->view) ? folder : NULL) < 0
                 ? rt_error_set(e, RT_EMEM, "out of memory") : attach_watch(ui, c, e);
    *compare = ui->view.compare;
    ui->view.compare = (struct rt_compare){0};
    return rc;
}

static void attach_close(struct rt_ui *ui, struct rt_snapshot *m)
{
    rt_ui_fini(ui);
    rt_snapshot_fini(m);
}

/* The terminal is the screen's until this returns. 0 or an error's code. */
static int attach_on_terminal(struct rt_attach *a, const char *folder, enum rt_attach_left *left, struct rt_error *e)
{
    char at[4096];
    int rc = 0;
    snprintf(at, sizeof at, "%s", folder);
    while (rc == 0 && *at) {
        rc = attach_open(&a->ui, &a->model, &a->runs, at, e);
        if (rc < 0 && rc != RT_EMEM && strcmp(at, folder) != 0) { /* of the list, which says why and stays */
            attach_close(&a->ui, &a->model);
            snprintf(at, sizeof at, "%s", a->runs.folder);
            rc = attach_open(&a->ui, &a->model, &a->runs, at, &(struct rt_error){0});
            rt_message_say(&a->ui.view.message, true, "%s", e->text);
        }
        if (rc == 0)
            rc = attach_visit(&a->ui, &a->canvas, &a->compare, at, e);
        bool same = strcmp(at, folder) == 0, up = rt_steer_up(&a->ui.view.steer);
        *left = up || !same ? RT_ATTACH_GOES_ON : a->ui.leaving ? RT_ATTACH_STOPPED : RT_ATTACH_ENDED;
        snprintf(a->last, sizeof a->last, "%s", up ? at : "");
        snprintf(at, sizeof at, "%s", a->ui.view.open);
        attach_close(&a->ui, &a->model);
    }
    return rc;
}

static int attach_compare(struct rt_attach *a, const char *folder, char *const *compare, int count, struct rt_error *e)
{
    struct rt_error why;
    snprintf(a->model.folder, sizeof a->model.folder, "%s", folder); /* names alone are of runs beside it */
    for (int i = 0; i < count; i++)
        if (rt_compare_with(&a->compare, &a->model, compare[i], &why) < 0)
            return rt_error_set(e, RT_EUSAGE, "--compare: %s", why.text);
    return 0;
}

/* Refused before the terminal is taken: a folder that holds neither a run nor others. */
static int attach_check(const char *folder, struct rt_error *e)
{
    struct rt_snapshot m = {0};
    struct stat st;
    if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode) && !rt_rundir_holds(folder))
        return 0;
    int rc = rt_snapshot_open(&m, folder, e);
    rt_snapshot_fini(&m);
    return rc;
}

int rt_attach(const char *folder, char *const *compare, int count, enum rt_attach_left *left, struct rt_error *e)
{
    RT_TRY(attach_check(folder, e));
    struct rt_attach *a = calloc(1, sizeof *a);
    if (!a)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = attach_compare(a, folder, compare, count, e);
    if (rc == 0)
        rc = rt_terminal_open(e);
    if (rc == 0) {
        rc = attach_on_terminal(a, folder, left, e);
        rt_terminal_close();
    }
    if (rc == 0 && *a->last)
        rt_plain_print(stderr, "the run goes on: `retort attach %s` shows it again\n", a->last);
    rt_compare_fini(&a->compare);
    rt_runs_list_fini(&a->runs);
    rt_canvas_fini(&a->canvas);
    free(a);
    return rc < 0 ? rc : rt_terminal_signal() ? 128 + rt_terminal_signal() : 0;
}
