/* SPDX-License-Identifier: MIT
 * view: see view.h. */
#include "tui/screen/view.h"

#include "pipeline/data/override.h"
#include "tui/screen/widgets/slider.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool rt_view_shows_run(const struct rt_view *view)
{
    return view->model->db != NULL;
}

unsigned rt_view_go(struct rt_view *view, enum rt_screen_id screen)
{
    if (!rt_view_shows_run(view) && screen != RT_SCREEN_RUNS && screen != RT_SCREEN_HELP) {
        rt_message_say(&view->message, false, "no run is open: Enter opens the one under the cursor");
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    if (view->screen != screen)
        view->before = view->screen;
    view->screen = screen;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

unsigned rt_view_ask(struct rt_view *view, const char *label, const char *line, rt_view_typed typed, void *self)
{
    view->asked.typed = typed;
    view->asked.self = self;
    rt_prompt_open(&view->prompt, '=', label, line);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

unsigned rt_view_question(struct rt_view *view, const char *text, rt_view_answered answered, void *self)
{
    view->asked.answered = answered;
    view->asked.self = self;
    rt_dialog_open(&view->dialog, text);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

void rt_view_draw_filter(struct rt_canvas *c, struct rt_rect r, const char *where)
{
    static const char all[] = "  Esc: all";
    int room = r.w > 24 ? (int)strlen(all) : 0;
    int x = r.x + rt_canvas_text(c, r.x, r.y, r.w - room, RT_STYLE_CURSOR, where);
    rt_canvas_text(c, x, r.y, room, RT_STYLE_DIM, all);
}

unsigned rt_view_move(struct rt_list *l, enum rt_act act)
{
    return rt_list_go(l, rt_keys_way(act)) ? RT_DID_HANDLE | RT_DID_DRAW : RT_DID_NOTHING;
}

/* ---- to the run ---- */

bool rt_view_may(struct rt_view *view)
{
    char why[100];
    if (!rt_steer_up(&view->steer))
        rt_message_say(&view->message, true, "%s", rt_steer_why(RT_EMISSING, "", why));
    return rt_steer_up(&view->steer);
}

/* Says why, when rc is an error. */
static unsigned view_say_asked(struct rt_view *view, const char *verb, int rc)
{
    char why[100];
    if (rc < 0)
        rt_message_say(&view->message, true, "%s", rt_steer_why(rc, verb, why));
    return RT_DID_HANDLE | RT_DID_DRAW;
}

unsigned rt_view_tell(struct rt_view *view, const char *verb, const char *const *arg, int args)
{
    return view_say_asked(view, verb, rt_steer_ask(&view->steer, verb, arg, args, false));
}

unsigned rt_view_set(struct rt_view *view, const struct rt_key *key, const char *value)
{
    return view_say_asked(view, "set", rt_steer_set(&view->steer, key, value));
}

unsigned rt_view_try(struct rt_view *view, const struct rt_key *key, const char *value)
{
    return view_say_asked(view, "set", rt_steer_try(&view->steer, key, value));
}

unsigned rt_view_settle(struct rt_view *view)
{
    int rc = rt_steer_settle(&view->steer);
    return rc > 0 ? RT_DID_NOTHING : view_say_asked(view, "set", rc);
}

/* ---- values ----
 * A run that listens is asked. One that has ended, or that another program wrote, has left the same in
 * its journal: the last change of a key, else the recipe. So every screen shows values, whether or not
 * somebody answers. */

const char *rt_view_start(const struct rt_view *view, const struct rt_key *key, char out[RT_RECIPE_TEXT])
{
    *out = 0;
    if (view->model->recipe)
        rt_recipe_get(view->model->recipe, key, out, RT_RECIPE_TEXT);
    return out;
}

const char *rt_view_value(const struct rt_view *view, const struct rt_key *key, char out[RT_RECIPE_TEXT])
{
    const struct rt_snapshot *m = view->model;
    const char *said = rt_steer_value(&view->steer, key);
    if (said)
        return snprintf(out, RT_RECIPE_TEXT, "%s", said), out;
    for (int i = m->journal_count - 1; i >= 0; i--)
        if (strcmp(m->journal[i].key, key->name) == 0)
            return snprintf(out, RT_RECIPE_TEXT, "%s", m->journal[i].after), out;
    return rt_view_start(view, key, out);
}

bool rt_view_is_objective(const char *key)
{
    static const char *const sections[] = {"task.", "distill.", "weight.", RT_OVERRIDE_KEY};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (strncmp(key, sections[i], strlen(sections[i])) == 0)
            return true;
    return false;
}

void rt_view_weights(const struct rt_view *view, bool start, struct rt_weight_settings *out)
{
    char text[RT_RECIPE_TEXT];
    const char *(*value)(const struct rt_view *, const struct rt_key *, char *) =
        start ? rt_view_start : rt_view_value;
    double gamma = rt_scale_number(value(view, rt_key_find("weight.gamma"), text));
    double floor = rt_scale_number(value(view, rt_key_find("weight.floor"), text));
    out->gamma = isnan(gamma) ? 1 : gamma;
    out->floor = isnan(floor) ? 0 : floor;
    int map = rt_choice_find(rt_map_names, value(view, rt_key_find("weight.map"), text));
    out->map = map < 0 ? RT_MAP_KNEE : (enum rt_map_id)map;
    value(view, rt_key_find("weight.terms"), out->terms);
    value(view, rt_key_find("weight.knees"), out->knees);
}
