/* SPDX-License-Identifier: MIT
 * steer: see steer.h. */
#include "tui/screen/steer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHO "screen"     /* in the journal */
#define VALUES_AGAIN 1.0 /* seconds between two looks at the values: others change them too */
#define PACE 5.0         /* seconds over which the pace is taken */
#define REST 0.5         /* seconds without a key after which a slider stands */

void rt_steer_close(struct rt_steer *s)
{
    rt_link_close(s->link);
    free(s->value);
    memset(s, 0, sizeof *s);
}

bool rt_steer_up(const struct rt_steer *s)
{
    return rt_link_up(s->link);
}

/* ---- asking ----
 * Answers come in any order, so each request is remembered by its id with the verb it was: who hears
 * the answer then needs no memory of its own. There is room for a bounded number; more than that are
 * unanswered only when the run is stuck, and then it is better to say so than to keep on asking. */

int rt_steer_ask(struct rt_steer *s, const char *verb, const char *const *arg, int args, bool quiet)
{
    if (!rt_steer_up(s))
        return RT_EMISSING;
    int64_t id = s->waiting < RT_STEER_WAITING ? rt_link_ask(s->link, WHO, verb, arg, args) : RT_ELARGE;
    if (id < 0)
        return (int)id;
    struct rt_steer_wait *w = &s->wait[s->waiting++];
    *w = (struct rt_steer_wait){.id = id, .quiet = quiet};
    snprintf(w->verb, sizeof w->verb, "%s", verb);
    return 0;
}

int rt_steer_set(struct rt_steer *s, const struct rt_key *key, const char *value)
{
    const char *arg[2] = {key->name, value};
    return rt_steer_ask(s, "set", arg, 2, false);
}

const char *rt_steer_why(int rc, const char *verb, char out[100])
{
    if (rc == RT_EMISSING)
        snprintf(out, 100, "no run goes on here: the screen only shows");
    else
        snprintf(out, 100, rc == RT_EUSAGE ? "%s: not UTF-8" : "%s: the run has not answered earlier ones", verb);
    return out;
}

/* ---- telling ---- */

static void steer_tell(struct rt_steer *s, struct rt_steer_event event)
{
    s->told(s->self, &event);
}

/* Asks of its own accord; that it could not is told as if the run had refused. */
static void steer_ask_itself(struct rt_steer *s, const char *verb)
{
    char why[100];
    int rc = rt_steer_ask(s, verb, NULL, 0, true);
    if (rc < 0)
        steer_tell(s, (struct rt_steer_event){.kind = RT_STEER_REFUSED, .verb = verb, .quiet = true,
                                              .why = rt_steer_why(rc, verb, why)});
}

/* ---- a slider that moves ----
 * Each value that a slider passes would be a change of its own, with a row in the journal and an undo.
 * So nothing is set while keys or the mouse still come. */

int rt_steer_settle(struct rt_steer *s)
{
    const struct rt_key *key = s->trying;
    s->trying = NULL;
    return key && rt_steer_up(s) ? rt_steer_set(s, key, s->tried) : 1;
}

int rt_steer_try(struct rt_steer *s, const struct rt_key *key, const char *value)
{
    if (!rt_steer_up(s))
        return RT_EMISSING;
    int rc = s->trying != key ? rt_steer_settle(s) : 0;
    s->trying = key;
    s->tried_at = s->now;
    snprintf(s->tried, sizeof s->tried, "%s", value);
    return rc < 0 ? rc : 0;
}

bool rt_steer_drop(struct rt_steer *s)
{
    bool had = s->trying != NULL;
    s->trying = NULL;
    return had;
}

const char *rt_steer_value(const struct rt_steer *s, const struct rt_key *key)
{
    if (s->trying == key)
        return s->tried;
    return s->known ? s->value[key - rt_keys] : NULL;
}

static void steer_settle_rested(struct rt_steer *s)
{
    char why[100];
    if (!s->trying || s->now - s->tried_at <= REST)
        return;
    int rc = rt_steer_settle(s);
    if (rc < 0)
        steer_tell(s, (struct rt_steer_event){.kind = RT_STEER_REFUSED, .verb = "set",
                                              .why = rt_steer_why(rc, "set", why)});
}

/* ---- hearing ---- */

static void steer_note_value(void *self, const char *name, const char *value)
{
    const struct rt_key *key = rt_key_find(name);
    struct rt_steer *s = self;
    if (key)
        snprintf(s->value[key - rt_keys], sizeof *s->value, "%s", value);
}

/* A mean in which what was PACE seconds ago counts a third; a pause does not count. */
static void steer_note_pace(struct rt_steer *s)
{
    double seconds = s->now - s->paced_at;
    if (s->paced > 0 && s->step > s->paced && seconds > 0 && !s->paused) {
        double pace = (double)(s->step - s->paced) / seconds;
        s->pace += (s->pace > 0 ? 1 - exp(-seconds / PACE) : 1) * (pace - s->pace);
    }
    s->paced = s->paused ? 0 : s->step;
    s->paced_at = s->now;
}

static void steer_note_status(struct rt_steer *s, const struct rt_link_line *line)
{
    char state[16];
    bool paused = s->paused;
    int64_t before = s->step;
    double step = rt_link_number(line, "step"), steps = rt_link_number(line, "steps");
    double epoch = rt_link_number(line, "epoch"), epochs = rt_link_number(line, "epochs");
    if (rt_link_text(line, "state", state, sizeof state))
        s->paused = strcmp(state, "paused") == 0;
    s->step = step > 0 ? (int64_t)step : s->step;
    s->steps = steps > 0 ? (int64_t)steps : s->steps;
    s->epoch = epoch > 0 ? (int)epoch : s->epoch;
    s->epochs = epochs > 0 ? (int)epochs : s->epochs;
    steer_note_pace(s);
    if (s->paused != paused)
        steer_tell(s, (struct rt_steer_event){.kind = RT_STEER_CHANGED});
    if (s->step != before)
        steer_tell(s, (struct rt_steer_event){.kind = RT_STEER_STEP});
}

/* What an answer says of the run is known before the answer is told: whoever hears it may read it here. */
static void steer_note_answer(struct rt_steer *s, const struct rt_steer_event *event)
{
    char key[64], after[RT_RECIPE_TEXT] = "";
    const char *verb = event->verb;
    if (event->quiet && strcmp(verb, "watch") == 0)
        steer_note_status(s, event->line);
    if (event->quiet && strcmp(verb, "get") == 0) {
        rt_link_fields(event->line, steer_note_value, s);
        s->known = true;
    }
    if (strcmp(verb, "set") == 0 && rt_link_text(event->line, "key", key, sizeof key)) {
        rt_link_text(event->line, "after", after, sizeof after);
        steer_note_value(s, key, after);
    }
    if (strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0)
        s->paused = strcmp(verb, "pause") == 0;
    if (strcmp(verb, "stop") == 0)
        s->stopping = true;
}

static void steer_hear(void *self, const struct rt_link_line *line)
{
    struct rt_steer *s = self;
    struct rt_steer_wait of = {0};
    if (line->id == 0 && line->ok) {
        steer_note_status(s, line);
        return;
    }
    for (int i = 0; i < s->waiting; i++)
        if (s->wait[i].id == line->id) {
            of = s->wait[i];
            s->wait[i] = s->wait[--s->waiting];
            break;
        }
    struct rt_steer_event event = {.kind = line->ok ? RT_STEER_ANSWERED : RT_STEER_REFUSED, .verb = of.verb,
                                   .quiet = of.quiet, .line = line, .why = line->error};
    if (line->ok)
        steer_note_answer(s, &event);
    steer_tell(s, event);
    if (line->ok && (strcmp(of.verb, "undo") == 0 || strcmp(of.verb, "redo") == 0))
        steer_ask_itself(s, "get"); /* the answer names the change in words alone */
}

/* The run came or went. */
static void steer_turn(struct rt_steer *s)
{
    s->waiting = 0;
    if (rt_steer_up(s)) {
        steer_ask_itself(s, "watch");
        steer_ask_itself(s, "get");
        s->asked = s->now;
        steer_tell(s, (struct rt_steer_event){.kind = RT_STEER_CAME});
        return;
    }
    s->known = s->paused = false;
    s->pace = 0;
    s->paced = 0;
    s->trying = NULL;
    steer_tell(s, (struct rt_steer_event){.kind = RT_STEER_GONE});
}

void rt_steer_poll(struct rt_steer *s, double now, rt_steer_told told, void *self)
{
    s->now = now;
    s->told = told;
    s->self = self;
    if (!s->link)
        return;
    steer_settle_rested(s);
    if (rt_link_poll(s->link, now)) {
        steer_turn(s);
    } else if (rt_steer_up(s) && s->waiting == 0 && now - s->asked > VALUES_AGAIN) {
        steer_ask_itself(s, "get");
        s->asked = now;
    }
}

int rt_steer_open(struct rt_steer *s, const char *folder)
{
    s->value = calloc((size_t)rt_key_count, sizeof *s->value);
    return s->value ? rt_link_open(&s->link, folder, steer_hear, s) : RT_EMEM;
}
