/* SPDX-License-Identifier: MIT
 * ui: see ui.h. */
#include "tui/ui.h"

#include "formats/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RT_SCREEN(id, name) extern const struct rt_screen rt_screen_##name;
#include "tui/screens.def"
#undef RT_SCREEN

const struct rt_screen *const rt_screens[RT_SCREENS] = {
#define RT_SCREEN(id, name) &rt_screen_##name,
#include "tui/screens.def"
#undef RT_SCREEN
};

void rt_ui_init(struct rt_ui *ui, struct rt_snapshot *model, bool ascii)
{
    memset(ui, 0, sizeof *ui);
    ui->model = model;
    ui->ascii = ascii;
    ui->losses.cursor = -1;
    ui->losses.smooth = 1; /* calm; the key leads to every value */
}

void rt_ui_say(struct rt_ui *ui, bool failed, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(ui->message, sizeof ui->message, format, list);
    va_end(list);
    ui->failed = failed;
}

const char *rt_ui_number(double value, char out[24])
{
    static const char unit[] = " kMGT";
    double size = fabs(value);
    int n = 0;
    if (isnan(value)) {
        snprintf(out, 24, "-");
    } else if (size >= 1e15 || (size > 0 && size < 1e-3)) {
        snprintf(out, 24, "%.1e", value);
    } else if (size >= 99999.5) {
        for (; size >= 999.5 && n < 4; n++, size /= 1000)
            value /= 1000;
        snprintf(out, 24, "%.3g%c", value, unit[n]);
    } else if (value == floor(value)) {
        snprintf(out, 24, "%.0f", value);
    } else {
        snprintf(out, 24, size >= 999.5 ? "%.0f" : "%.3g", value);
    }
    return out;
}

unsigned rt_list_act(struct rt_list_view *v, enum rt_act act)
{
    int page = v->lines > 2 ? v->lines - 1 : 1, last = v->count - v->lines, to = v->first;
    switch (act) {
    case RT_ACT_UP: to -= 1; break;
    case RT_ACT_DOWN: to += 1; break;
    case RT_ACT_PAGE_UP: to -= page; break;
    case RT_ACT_PAGE_DOWN: to += page; break;
    case RT_ACT_HOME: to = 0; break;
    case RT_ACT_END: to = last; break;
    default: return RT_DID_NOTHING;
    }
    to = to > last ? last : to;
    v->first = to < 0 ? 0 : to;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- header ---- */

static const char *run_name(const struct rt_snapshot *m)
{
    const char *slash = strrchr(m->folder, '/');
    return slash && slash[1] ? slash + 1 : m->folder;
}

static enum rt_style state_style(const struct rt_snapshot *m)
{
    return m->live ? RT_STYLE_GOOD : strcmp(m->state, "done") == 0 ? RT_STYLE_TITLE : RT_STYLE_WARN;
}

static int draw_progress(const struct rt_snapshot *m, struct rt_canvas *c, int x, int y, int room)
{
    int from = x, end = x + room, epoch = 0;
    if (m->steps <= 0)
        return rt_canvas_print(c, x, y, room, RT_STYLE_PLAIN, "step %lld", (long long)m->step);
    if (m->epochs)
        epoch = (int)((m->step * m->epochs + m->steps - 1) / m->steps);
    int width = room > 100 ? 24 : room > 50 ? 12 : 0;
    if (width) {
        rt_canvas_bar(c, x, y, width, RT_STYLE_LINE1, (double)m->step / (double)m->steps);
        x += width + 1;
    }
    if (m->epochs)
        x += rt_canvas_print(c, x, y, end - x, RT_STYLE_PLAIN, "epoch %d/%d  ", epoch, m->epochs);
    x += rt_canvas_print(c, x, y, end - x, RT_STYLE_PLAIN, "step %lld/%lld", (long long)m->step,
                         (long long)m->steps);
    return x - from;
}

/* Name, state, progress, best metric, samples/s, limiting stage: as much as there is room for. */
static void draw_state(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r)
{
    int x = r.x, end = r.x + r.w;
    char n[24];
    int64_t step = 0;
    x += rt_canvas_text(c, x, r.y, end - x < 34 ? end - x : 34, RT_STYLE_TITLE, run_name(m)) + 2;
    if (x < end)
        x += rt_canvas_text(c, x, r.y, end - x, state_style(m), m->state) + 2;
    if (end - x > 20)
        x += draw_progress(m, c, x, r.y, end - x) + 2;
    double best = rt_snapshot_best(rt_snapshot_series(m, "valid", "top1"), &step);
    if (!isnan(best) && end - x > 16)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_PLAIN, "best top-1 %.1f %%", 100 * best) + 2;
    if (!isnan(m->rate) && end - x > 14)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_PLAIN, "%s samples/s",
                             rt_ui_number(round(m->rate), n)) + 2;
    const struct rt_stage_row *limit = rt_snapshot_limiting(m);
    if (limit && end - x > 16)
        rt_canvas_print(c, x, r.y, end - x, RT_STYLE_DIM, "limited by %s", limit->name);
}

static void draw_tabs(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    int x = r.x;
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    for (int i = 0; i < RT_SCREENS; i++) {
        const char *key = i == RT_SCREEN_HELP ? "?" : "";
        char number[16] = "";
        if (!*key)
            snprintf(number, sizeof number, "%d", i + 1);
        int from = x;
        x += rt_canvas_print(c, x, r.y, r.x + r.w - x, i == (int)ui->screen ? RT_STYLE_TAB : RT_STYLE_BAR,
                             " %s%s %s ", key, number, rt_screens[i]->title);
        ui->tab[i] = (struct rt_rect){from, r.y, x - from, 1};
    }
}

/* ---- footer ---- */

static void draw_footer(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    int x = r.x, end = r.x + r.w;
    if (ui->prompt) {
        const char *line = ui->line;
        while (*line && rt_canvas_width(c, line) > r.w - 2) /* its end is what is being typed */
            do
                line++;
            while ((*line & 0xC0) == 0x80);
        x += rt_canvas_print(c, x, r.y, r.w, RT_STYLE_TITLE, "%c%s", ui->prompt, line);
        rt_canvas_put(c, x, r.y, RT_STYLE_SELECT, ' ');
        return;
    }
    if (*ui->message) {
        rt_canvas_text(c, x, r.y, r.w, ui->failed ? RT_STYLE_BAD : RT_STYLE_GOOD, ui->message);
        return;
    }
    for (int pass = 0; pass < 2; pass++) /* the screen's own first */
        for (int i = 0; i < RT_ACTS - 1; i++) {
            const struct rt_key_row *k = &rt_key_rows[i];
            bool own = k->where == ui->screen;
            if (!*k->hint || own != (pass == 0) || (!own && k->where != RT_SCREEN_ALL) ||
                x + (int)strlen(k->shown) + (int)strlen(k->hint) + 1 > end)
                continue;
            x += rt_canvas_text(c, x, r.y, end - x, RT_STYLE_KEY, k->shown) + 1;
            x += rt_canvas_text(c, x, r.y, end - x, RT_STYLE_DIM, k->hint) + 2;
        }
}

void rt_ui_draw(struct rt_ui *ui, struct rt_canvas *c)
{
    struct rt_rect all = {0, 0, c->w, c->h};
    struct rt_page page = rt_layout_page(c->w, c->h);
    c->ascii = ui->ascii;
    c->clip = all;
    rt_canvas_fill(c, all, RT_STYLE_PLAIN);
    memset(ui->tab, 0, sizeof ui->tab);
    struct rt_rect tabs = rt_layout_bottom(&page.header, page.header.h > 1);
    c->clip = page.header;
    draw_state(ui->model, c, page.header);
    c->clip = tabs;
    draw_tabs(ui, c, tabs);
    c->clip = page.footer;
    draw_footer(ui, c, page.footer);
    ui->body = page.body;
    c->clip = page.body;
    rt_screens[ui->screen]->draw(ui, c, page.body);
    c->clip = all;
}

/* ---- commands ---- */

static unsigned verb_quit(struct rt_ui *ui, const char *argument)
{
    (void)ui;
    (void)argument;
    return RT_DID_HANDLE | RT_DID_QUIT;
}

/* The screen as it was before the command was typed, at its present size. */
static unsigned verb_dump(struct rt_ui *ui, const char *argument)
{
    struct rt_canvas c = {0};
    struct rt_page page = {.body = ui->body};
    int h = ui->body.y + ui->body.h + (ui->body.y + ui->body.h >= 3);
    if (!*argument) {
        rt_ui_say(ui, true, "dump needs a file to write to: dump screen.txt");
    } else if (rt_canvas_resize(&c, page.body.w, h) < 0) {
        rt_ui_say(ui, true, "no memory for the screen");
    } else {
        FILE *f = fopen(argument, "w");
        rt_ui_draw(ui, &c);
        if (f)
            rt_canvas_write(&c, f);
        int bad = !f || ferror(f);
        if ((f && fclose(f)) || bad)
            rt_ui_say(ui, true, "%s: %s", argument, strerror(errno));
        else
            rt_ui_say(ui, false, "written: %s", argument);
    }
    rt_canvas_fini(&c);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* What a verb of the screen at hand does; the screen knows it, or none does. */
#define RT_VERB(name, argument, help) {#name, argument, help},
const struct rt_verb rt_verbs[RT_VERBS] = {
#include "tui/verbs.def"
};
#undef RT_VERB

static const struct {
    const char *name;
    unsigned (*run)(struct rt_ui *ui, const char *argument);
} common[] = {{"dump", verb_dump}, {"quit", verb_quit}};

static const struct rt_verb *find_verb(struct rt_ui *ui, const char *word, size_t length)
{
    const struct rt_verb *found = NULL;
    for (int i = 0; i < RT_VERBS && length; i++)
        if (strncmp(rt_verbs[i].name, word, length) == 0) {
            if (rt_verbs[i].name[length] == 0)
                return &rt_verbs[i];
            if (found) {
                rt_ui_say(ui, true, "'%.*s' may be %s or %s", (int)length, word, found->name,
                          rt_verbs[i].name);
                return NULL;
            }
            found = &rt_verbs[i];
        }
    if (!found && length)
        rt_ui_say(ui, true, "there is no command '%.*s': ? lists them", (int)length, word);
    return found;
}

static unsigned run_line(struct rt_ui *ui)
{
    const char *word = ui->line + strspn(ui->line, " ");
    size_t length = strcspn(word, " ");
    const struct rt_verb *verb = find_verb(ui, word, length);
    const char *argument = word + length + strspn(word + length, " ");
    if (!verb)
        return RT_DID_HANDLE | RT_DID_DRAW;
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (strcmp(common[i].name, verb->name) == 0)
            return common[i].run(ui, argument);
    unsigned did = rt_screens[ui->screen]->verb ? rt_screens[ui->screen]->verb(ui, verb->name, argument)
                                                : RT_DID_NOTHING;
    for (int i = 0; i < RT_SCREENS && !did; i++) /* not of this one: of the one that knows it */
        if (rt_screens[i]->verb && (did = rt_screens[i]->verb(ui, verb->name, argument)))
            ui->screen = (enum rt_screen_id)i;
    return did | RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- events ---- */

static unsigned type(struct rt_ui *ui, int key)
{
    size_t n = strlen(ui->line);
    char prompt = ui->prompt;
    if (key == RT_KEY_ESCAPE || (key == RT_KEY_BACKSPACE && n == 0)) {
        ui->prompt = 0;
    } else if (key == RT_KEY_BACKSPACE) {
        do
            n--;
        while (n > 0 && (ui->line[n] & 0xC0) == 0x80);
        ui->line[n] = 0;
    } else if (key == RT_KEY_ENTER) {
        ui->prompt = 0;
        if (prompt == ':')
            return run_line(ui);
        return rt_screens[RT_SCREEN_SAMPLES]->verb(ui, "filter", ui->line) | RT_DID_DRAW;
    } else if (key >= 32 && key < 0x110000 && key != 127 && n + 5 < sizeof ui->line) {
        ui->line[n + (size_t)rt_utf8_put(key, ui->line + n)] = 0;
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned go_to(struct rt_ui *ui, enum rt_screen_id screen)
{
    if (ui->screen != screen)
        ui->before = ui->screen;
    ui->screen = screen;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned act(struct rt_ui *ui, enum rt_act a)
{
    static const struct {
        enum rt_act act;
        enum rt_screen_id screen;
    } way[] = {
#define RT_SCREEN(id, name) {RT_ACT_##id, RT_SCREEN_##id},
#include "tui/screens.def"
#undef RT_SCREEN
    };
    for (int i = 0; i < RT_SCREENS; i++)
        if (way[i].act == a)
            return go_to(ui, a == RT_ACT_HELP && ui->screen == RT_SCREEN_HELP ? ui->before
                                                                               : way[i].screen);
    switch (a) {
    case RT_ACT_QUIT: return RT_DID_HANDLE | RT_DID_QUIT;
    case RT_ACT_REDRAW: return RT_DID_HANDLE | RT_DID_DRAW | RT_DID_REDRAW;
    case RT_ACT_COMMAND:
        ui->prompt = ':';
        ui->line[0] = 0;
        return RT_DID_HANDLE | RT_DID_DRAW;
    case RT_ACT_BACK: return ui->screen == RT_SCREEN_HELP ? go_to(ui, ui->before) : RT_DID_DRAW;
    default: return RT_DID_NOTHING;
    }
}

static bool within(struct rt_rect r, int x, int y)
{
    return x >= r.x && x < r.x + r.w && y >= r.y && y < r.y + r.h;
}

static unsigned click(struct rt_ui *ui, int x, int y)
{
    for (int i = 0; i < RT_SCREENS; i++)
        if (within(ui->tab[i], x, y))
            return go_to(ui, (enum rt_screen_id)i);
    if (within(ui->body, x, y) && rt_screens[ui->screen]->click)
        return rt_screens[ui->screen]->click(ui, x, y);
    return RT_DID_NOTHING;
}

unsigned rt_ui_event(struct rt_ui *ui, struct rt_event event)
{
    unsigned said = *ui->message ? RT_DID_DRAW : 0;
    if (event.key == RT_KEY_NONE)
        return RT_DID_NOTHING;
    if (event.key == RT_KEY_RESIZE)
        return RT_DID_HANDLE | RT_DID_REDRAW | RT_DID_DRAW;
    ui->message[0] = 0;
    if (event.key == RT_KEY_CLICK)
        return click(ui, event.x, event.y) | said;
    if (event.key == RT_KEY_WHEEL_UP || event.key == RT_KEY_WHEEL_DOWN)
        return rt_screens[ui->screen]->act(ui, event.key == RT_KEY_WHEEL_UP ? RT_ACT_UP : RT_ACT_DOWN) |
               said;
    if (ui->prompt)
        return type(ui, event.key);
    enum rt_act a = rt_keys_act(ui->screen, event.key);
    unsigned did = rt_screens[ui->screen]->act(ui, a);
    return (did ? did : act(ui, a)) | said;
}
