/* SPDX-License-Identifier: MIT
 * steer: see steer.h. */
#include "tui/screen/steer.h"

#include "tui/screen/screen.h"
#include "tui/screen/widgets/slider.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WHO "screen"      /* in the journal */
#define VALUES_AGAIN 1.0  /* seconds between two looks at the values: others change them too */

#define PACE 5.0          /* seconds over which the pace is taken */
#define REST 0.5          /* seconds without a key after which a slider stands */

/* What an answer is for. */
enum { SHOWN, VALUES, STATUS, SET, TOUCH, UNDO, REDO, PAUSE, RESUME, STOP, BATCH, LOOK };

void rt_steer_close(struct rt_ui *ui)
{
    rt_link_close(ui->steer.link);
    free(ui->steer.value);
    memset(&ui->steer, 0, sizeof ui->steer);
}

bool rt_steer_up(const struct rt_ui *ui)
{
    return rt_link_up(ui->steer.link);
}

bool rt_steer_may(struct rt_ui *ui)
{
    if (!rt_steer_up(ui))
        rt_ui_say(ui, true, "no run goes on here: the screen only shows");
    return rt_steer_up(ui);
}

/* ---- asking ---- */

static unsigned ask(struct rt_ui *ui, int what, const char *verb, const char *const *arg, int args)
{
    struct rt_steer *s = &ui->steer;
    unsigned did = RT_DID_HANDLE | RT_DID_DRAW;
    if (!rt_steer_may(ui))
        return did;
    int64_t id = s->waiting < RT_STEER_WAITING ? rt_link_ask(s->link, WHO, verb, arg, args) : RT_ELARGE;
    if (id > 0)
        s->wait[s->waiting++] = (struct rt_steer_wait){id, what};
    else
        rt_ui_say(ui, true, id == RT_EUSAGE ? "%s: not UTF-8" : "%s: the run has not answered earlier ones",
                  verb);
    return did;
}

unsigned rt_steer_say(struct rt_ui *ui, const char *verb, const char *const *arg, int args)
{
    static const struct {
        const char *verb;
        int what;
    } known[] = {{"stop", STOP},   {"pause", PAUSE}, {"resume", RESUME},   {"undo", UNDO},    {"redo", REDO},
                 {"weight", TOUCH}, {"mute", TOUCH},  {"exclude", TOUCH}, {"restore", TOUCH},
                 {"batch", LOOK}};
    int what = strcmp(verb, "set") == 0 && args == 2 && rt_key_find(arg[0]) ? SET : SHOWN;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].verb, verb) == 0)
            what = known[i].what;
    return ask(ui, what, verb, arg, args);
}

unsigned rt_steer_set(struct rt_ui *ui, const struct rt_key *key, const char *value)
{
    const char *arg[2] = {key->name, value};
    return ask(ui, SET, "set", arg, 2);
}

unsigned rt_steer_settle(struct rt_ui *ui)
{
    const struct rt_key *key = ui->steer.trying;
    ui->steer.trying = NULL;
    return key && rt_steer_up(ui) ? rt_steer_set(ui, key, ui->steer.tried) : RT_DID_NOTHING;
}

unsigned rt_steer_try(struct rt_ui *ui, const struct rt_key *key, const char *value)
{
    struct rt_steer *s = &ui->steer;
    if (!rt_steer_may(ui))
        return RT_DID_HANDLE | RT_DID_DRAW;
    if (s->trying != key)
        rt_steer_settle(ui);
    s->trying = key;
    s->tried_at = ui->now;
    snprintf(s->tried, sizeof s->tried, "%s", value);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

bool rt_steer_drop(struct rt_ui *ui)
{
    bool had = ui->steer.trying != NULL;
    ui->steer.trying = NULL;
    return had;
}

unsigned rt_steer_undo(struct rt_ui *ui)
{
    if (!rt_steer_drop(ui))
        return ask(ui, UNDO, "undo", NULL, 0);
    rt_ui_say(ui, false, "dropped: nothing was changed");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

unsigned rt_steer_redo(struct rt_ui *ui)
{
    return ask(ui, REDO, "redo", NULL, 0);
}

unsigned rt_steer_pause(struct rt_ui *ui)
{
    return rt_steer_say(ui, ui->steer.paused ? "resume" : "pause", NULL, 0);
}

/* ---- hearing ---- */

static void note_value(void *self, const char *name, const char *value)
{
    const struct rt_key *key = rt_key_find(name);
    struct rt_steer *s = self;
    if (key)
        snprintf(s->value[key - rt_keys], sizeof *s->value, "%s", value);
}

/* A mean in which what was PACE seconds ago counts a third; a pause does not count. */
static void note_pace(struct rt_steer *s, double now)
{
    double seconds = now - s->paced_at;
    if (s->paced > 0 && s->step > s->paced && seconds > 0 && !s->paused) {
        double pace = (double)(s->step - s->paced) / seconds;
        s->pace += (s->pace > 0 ? 1 - exp(-seconds / PACE) : 1) * (pace - s->pace);
    }
    s->paced = s->paused ? 0 : s->step;
    s->paced_at = now;
}

static void note_status(struct rt_steer *s, const struct rt_link_line *line, double now)
{
    char state[16];
    double step = rt_link_number(line, "step"), steps = rt_link_number(line, "steps");
    double epoch = rt_link_number(line, "epoch"), epochs = rt_link_number(line, "epochs");
    if (rt_link_text(line, "state", state, sizeof state))
        s->paused = strcmp(state, "paused") == 0;
    s->step = step > 0 ? (int64_t)step : s->step;
    s->steps = steps > 0 ? (int64_t)steps : s->steps;
    s->epoch = epoch > 0 ? (int)epoch : s->epoch;
    s->epochs = epochs > 0 ? (int)epochs : s->epochs;
    note_pace(s, now);
}

static void say_change(struct rt_ui *ui, const struct rt_link_line *line)
{
    char key[64] = "", before[200] = "", after[200] = "";
    rt_link_text(line, "key", key, sizeof key);
    rt_link_text(line, "before", before, sizeof before);
    rt_link_text(line, "after", after, sizeof after);
    note_value(&ui->steer, key, after);
    rt_ui_say(ui, false, "%s: %s -> %s from step %.0f", key, *before ? before : "(none)",
              *after ? after : "(none)", rt_link_number(line, "step"));
}

struct words {
    char text[400];
    size_t used;
};

static void add_words(void *self, const char *name, const char *value)
{
    struct words *w = self;
    int n = snprintf(w->text + w->used, sizeof w->text - w->used, "%s%s %s", w->used ? "  " : "", name, value);
    w->used += n > 0 && (size_t)n < sizeof w->text - w->used ? (size_t)n : 0;
}

static void understand(struct rt_ui *ui, int what, const struct rt_link_line *line)
{
    struct rt_steer *s = &ui->steer;
    struct words words = {"", 0};
    switch (what) {
    case VALUES:
        rt_link_fields(line, note_value, s);
        s->known = true;
        return;
    case STATUS: note_status(s, line, ui->now); return;
    case SET: say_change(ui, line); return;
    case UNDO:
    case REDO:
        rt_link_text(line, "change", words.text, sizeof words.text);
        rt_ui_say(ui, false, "%s: %s from step %.0f", what == UNDO ? "undone" : "again", words.text,
                  rt_link_number(line, "step"));
        ask(ui, VALUES, "get", NULL, 0);
        return;
    case TOUCH:
        rt_ui_say(ui, false, "%.0f sample%s, from step %.0f", rt_link_number(line, "samples"),
                  rt_link_number(line, "samples") == 1 ? "" : "s", rt_link_number(line, "step"));
        return;
    case PAUSE:
    case RESUME:
        s->paused = what == PAUSE;
        rt_ui_say(ui, false, s->paused ? "paused before step %.0f" : "goes on with step %.0f",
                  rt_link_number(line, "step"));
        return;
    case STOP:
        s->stopping = true;
        rt_ui_say(ui, false, "stopping after step %.0f: a checkpoint is written", rt_link_number(line, "step"));
        return;
    case LOOK:
    case BATCH:
        rt_last_batch_read(&ui->pipeline.last, line);
        if (what == LOOK)
            rt_screen_show_batch(ui);
        return;
    default:
        rt_link_fields(line, add_words, &words);
        rt_ui_say(ui, false, "%s", words.text);
    }
}

static void told(void *self, const struct rt_link_line *line)
{
    struct rt_ui *ui = self;
    struct rt_steer *s = &ui->steer;
    if (line->id == 0 && line->ok) {
        note_status(s, line, ui->now);
        return;
    }
    int what = SHOWN;
    for (int i = 0; i < s->waiting; i++)
        if (s->wait[i].id == line->id) {
            what = s->wait[i].what;
            s->wait[i] = s->wait[--s->waiting];
            break;
        }
    if (line->ok)
        understand(ui, what, line);
    else if (what == BATCH)
        rt_last_batch_refused(&ui->pipeline.last, line->error);
    else
        rt_ui_say(ui, true, "%s", line->error);
}

/* The run came or went. */
static void greet(struct rt_ui *ui, double now)
{
    struct rt_steer *s = &ui->steer;
    s->waiting = 0;
    if (rt_link_up(s->link)) {
        ask(ui, STATUS, "watch", NULL, 0);
        ask(ui, VALUES, "get", NULL, 0);
        s->asked = now;
        return;
    }
    if (!ui->model->live || s->stopping)
        rt_ui_say(ui, false, "the run has ended");
    else
        rt_ui_say(ui, true, "the run does not answer any more: the screen only shows");
    s->known = s->paused = false;
    s->pace = 0;
    s->paced = 0;
    s->trying = NULL;
}

/* The last batch of the stage that is looked at. */
static void ask_batch(struct rt_ui *ui, double now)
{
    struct rt_pipeline_view *v = &ui->pipeline;
    if (ui->screen != RT_SCREEN_PIPELINE || !v->open || v->at >= ui->model->stage_count ||
        (v->asked > 0 && now - v->asked < VALUES_AGAIN))
        return;
    const char *stage = ui->model->stage[v->at].name;
    v->asked = now;
    ask(ui, BATCH, "batch", &stage, 1);
}

unsigned rt_steer_poll(struct rt_ui *ui, double now)
{
    struct rt_steer *s = &ui->steer;
    if (!s->link)
        return RT_DID_NOTHING;
    struct rt_steer before = *s;
    char message[sizeof ui->message];
    memcpy(message, ui->message, sizeof message);
    if (s->trying && now - s->tried_at > REST)
        rt_steer_settle(ui);
    int waiting = s->waiting, turned = rt_link_poll(s->link, now);
    bool heard = s->waiting < waiting;
    if (turned)
        greet(ui, now);
    else if (rt_link_up(s->link) && s->waiting == 0 && now - s->asked > VALUES_AGAIN) {
        ask(ui, VALUES, "get", NULL, 0);
        s->asked = now;
    }
    if (rt_link_up(s->link) && s->waiting == 0)
        ask_batch(ui, now);
    bool changed = turned || before.paused != s->paused || before.stopping != s->stopping ||
                   heard || strcmp(message, ui->message) != 0;
    bool left = turned && !rt_link_up(s->link) && s->leaving;
    return (changed ? RT_DID_DRAW : before.step != s->step ? RT_DID_BARS : 0u) | (left ? RT_DID_QUIT : 0u);
}

int rt_steer_open(struct rt_ui *ui, const char *folder)
{
    struct rt_steer *s = &ui->steer;
    s->value = calloc((size_t)rt_key_count, sizeof *s->value);
    return s->value ? rt_link_open(&s->link, folder, told, ui) : RT_EMEM;
}

/* ---- values ---- */

const char *rt_steer_start(const struct rt_ui *ui, const struct rt_key *key, char out[RT_RECIPE_TEXT])
{
    *out = 0;
    if (ui->model->recipe)
        rt_recipe_get(ui->model->recipe, key, out, RT_RECIPE_TEXT);
    return out;
}

const char *rt_steer_value(const struct rt_ui *ui, const struct rt_key *key, char out[RT_RECIPE_TEXT])
{
    const struct rt_snapshot *m = ui->model;
    if (ui->steer.trying == key)
        return snprintf(out, RT_RECIPE_TEXT, "%s", ui->steer.tried), out;
    if (ui->steer.known)
        return snprintf(out, RT_RECIPE_TEXT, "%s", ui->steer.value[key - rt_keys]), out;
    for (int i = m->journal_count - 1; i >= 0; i--)
        if (strcmp(m->journal[i].key, key->name) == 0)
            return snprintf(out, RT_RECIPE_TEXT, "%s", m->journal[i].after), out;
    return rt_steer_start(ui, key, out);
}

void rt_steer_weights(const struct rt_ui *ui, bool start, struct rt_weight_settings *out)
{
    char text[RT_RECIPE_TEXT];
    const char *(*value)(const struct rt_ui *, const struct rt_key *, char *) = start ? rt_steer_start : rt_steer_value;
    double gamma = rt_scale_number(value(ui, rt_key_find("weight.gamma"), text));
    double floor = rt_scale_number(value(ui, rt_key_find("weight.floor"), text));
    out->gamma = isnan(gamma) ? 1 : gamma;
    out->floor = isnan(floor) ? 0 : floor;
    value(ui, rt_key_find("weight.terms"), out->terms);
}
