/* SPDX-License-Identifier: MIT
 * verbs: see verbs.h. One function for each row of verbs.def. */
#include "pipeline/live/verbs.h"
#include "pipeline/live/batch_summary.h"
#include "formats/jsonread.h"
#include "formats/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- requests ----
 * A verb checks what is its own (a factor, a number of steps) and leaves all else to control.c,
 * which checks the same for the journal. What it found goes into `result`, what was wrong into the
 * error: no verb writes an answer itself. */

/* A request on its way. */
struct call {
    const struct rt_verb_context *context;
    const char *who, *verb, *arg[RT_VERB_WORDS];
    int args, *watch;
    json_t *result; /* an object */
};

/* ---- what several verbs say ---- */

static void json_put_text(json_t *o, const char *name, const char *text)
{
    json_object_set_new(o, name, json_string(text));
}

static void json_put_int(json_t *o, const char *name, int64_t value)
{
    json_object_set_new(o, name, json_integer(value));
}

static void json_put_ranks(json_t *o, struct rt_board *board)
{
    char lines[RT_STATUS_RANKS], *rest = NULL;
    rt_board_get_ranks(board, lines, sizeof lines);
    json_t *list = lines[0] ? json_array() : NULL;
    for (char *line = strtok_r(lines, "\n", &rest); list && line; line = strtok_r(NULL, "\n", &rest))
        json_array_append_new(list, json_string(line));
    if (list)
        json_object_set_new(o, "ranks", list);
}

static void json_put_status(json_t *o, const struct rt_verb_context *d, const struct rt_status *s)
{
    json_put_text(o, "state", rt_control_paused(d->control) ? "paused" : "running");
    json_put_int(o, "step", s->step);
    json_put_int(o, "steps", s->steps);
    json_put_int(o, "epoch", s->epoch);
    json_put_int(o, "epochs", s->epochs);
    char limit[RT_ACCOUNT_LIMIT];
    struct rt_account ignored;
    if (rt_board_get_account(d->board, &ignored, limit, sizeof limit))
        json_put_text(o, "limit", limit);
    json_put_ranks(o, d->board);
    for (int i = 0; i < s->values; i++)
        if (isfinite(s->value[i].value))
            json_object_set_new(o, s->value[i].name, json_real(s->value[i].value));
}

/* ---- settings ---- */

static int verb_status(struct call *c, struct rt_error *e)
{
    (void)e;
    struct rt_status s;
    rt_board_get(c->context->board, &s);
    json_put_status(c->result, c->context, &s);
    return 0;
}

static int verb_get(struct call *c, struct rt_error *e)
{
    char value[RT_RECIPE_TEXT];
    if (c->args) {
        RT_TRY(rt_control_get(c->context->control, c->arg[0], value, sizeof value, e));
        json_put_text(c->result, c->arg[0], value);
        return 0;
    }
    for (int i = 0; i < rt_key_count; i++) {
        if (rt_keys[i].effect < RT_EFFECT_STEP)
            continue;
        RT_TRY(rt_control_get(c->context->control, rt_keys[i].name, value, sizeof value, e));
        json_put_text(c->result, rt_keys[i].name, value);
    }
    return 0;
}

static int verb_set(struct call *c, struct rt_error *e)
{
    char before[RT_RECIPE_TEXT];
    int64_t at;
    int rc = rt_control_set(c->context->control, c->who, c->arg[0], c->arg[1], before, &at, e);
    if (rc < 0)
        return rc;
    json_put_text(c->result, "key", c->arg[0]);
    json_put_text(c->result, "before", before);
    char after[RT_RECIPE_TEXT];
    if (rt_control_get(c->context->control, c->arg[0], after, sizeof after, e) == 0)
        json_put_text(c->result, "after", after);
    json_put_int(c->result, "step", at);
    return 0;
}

/* ---- samples ----
 * The same three ways to name samples for all verbs: ids, an expression, rows by number. The words
 * of the request are kept with the change and shown in the journal, with how many samples they
 * meant. */

/* "weight *0.5 where snr < 10" */
static void call_words(const struct call *c, char *text, size_t size)
{
    snprintf(text, size, "%s", c->verb);
    for (int i = 0; i < c->args && strlen(text) + 2 < size; i++)
        snprintf(text + strlen(text), size - strlen(text), " %s", c->arg[i]);
}

/* The rows that the arguments from `first` on name: by number, or as the context knows them. */
static int call_rows(struct call *c, int first, int **row, struct rt_error *e)
{
    const char *const *which = c->arg + first;
    if (c->args - first == 2 && strcmp(which[0], "rows") == 0) {
        size_t size = strlen(which[1]) + 3;
        char *states = malloc(size);
        int n = states ? 0 : rt_error_set(e, RT_EMEM, "no memory for the rows of %s", c->verb);
        if (states && snprintf(states, size, "1@%s", which[1]) > 0)
            n = rt_override_rows(rt_control_override(c->context->control), states, row, e);
        free(states);
        return n;
    }
    if (!c->context->find)
        return rt_error_set(e, RT_EUSAGE, "%s: samples cannot be named in this run", c->verb);
    return c->context->find(c->context->self, c->arg + first, c->args - first, row, e);
}

static int call_touch(struct call *c, enum rt_touch how, double factor, int first,
                      struct rt_error *e)
{
    char words[400];
    int *row = NULL, n = call_rows(c, first, &row, e);
    int64_t at = 0;
    if (n < 0)
        return n;
    call_words(c, words, sizeof words);
    snprintf(words + strlen(words), sizeof words - strlen(words), " (%d)", n);
    int rc = rt_control_touch(c->context->control, c->who, how, factor, row, n, words, &at, e);
    free(row);
    json_put_int(c->result, "samples", n);
    json_put_int(c->result, "step", at);
    return rc;
}

static int verb_weight(struct call *c, struct rt_error *e)
{
    bool times = c->arg[0][0] == '*';
    char *end, quoted[RT_QUOTE];
    double factor = strtod(c->arg[0] + times, &end);
    if (end == c->arg[0] + times || *end || !isfinite(factor))
        return rt_error_set(e, RT_EUSAGE, "weight %s: write a factor, 0.5, or one to multiply by, *0.5",
                            rt_quote(quoted, sizeof quoted, c->arg[0]));
    return call_touch(c, times ? RT_TOUCH_SCALE : RT_TOUCH_SET, factor, 1, e);
}

static int verb_mute(struct call *c, struct rt_error *e)
{
    return call_touch(c, RT_TOUCH_MUTE, 0, 0, e);
}

static int verb_exclude(struct call *c, struct rt_error *e)
{
    return call_touch(c, RT_TOUCH_EXCLUDE, 0, 0, e);
}

static int verb_restore(struct call *c, struct rt_error *e)
{
    return call_touch(c, RT_TOUCH_RESTORE, 0, 0, e);
}

static int verb_count(struct call *c, struct rt_error *e)
{
    int *row = NULL, n = call_rows(c, 0, &row, e);
    free(row);
    json_put_int(c->result, "samples", n);
    return n < 0 ? n : 0;
}

/* Not in the journal: a mark says where a person looked, and repeating the run needs none. */
static int call_mark(struct call *c, bool on, struct rt_error *e)
{
    int *row = NULL;
    if (!c->context->mark)
        return rt_error_set(e, RT_EUSAGE, "%s: this run keeps no marks", c->verb);
    int n = call_rows(c, 0, &row, e);
    int rc = n < 0 ? n : c->context->mark(c->context->self, row, n, on, e);
    free(row);
    json_put_int(c->result, "samples", n);
    return rc;
}

static int verb_mark(struct call *c, struct rt_error *e)
{
    return call_mark(c, true, e);
}

static int verb_unmark(struct call *c, struct rt_error *e)
{
    return call_mark(c, false, e);
}

static int call_undo(struct call *c,
                     int (*go)(struct rt_control *, const char *, char *, int64_t *,
                               struct rt_error *),
                     struct rt_error *e)
{
    char what[RT_RECIPE_TEXT] = "";
    int64_t at = 0;
    int rc = go(c->context->control, c->who, what, &at, e);
    json_put_text(c->result, "change", what);
    json_put_int(c->result, "step", at);
    return rc;
}

static int verb_undo(struct call *c, struct rt_error *e)
{
    return call_undo(c, rt_control_undo, e);
}

static int verb_redo(struct call *c, struct rt_error *e)
{
    return call_undo(c, rt_control_redo, e);
}

/* ---- the batch of a stage, pace ---- */

static int verb_batch(struct call *c, struct rt_error *e)
{
    const struct rt_verb_context *d = c->context;
    struct rt_batch *b = NULL;
    if (!d->last)
        return rt_error_set(e, RT_EUSAGE, "batch: this run's batches cannot be seen");
    RT_TRY(d->last(d->self, c->arg[0], &b, e));
    if (!b)
        return rt_error_set(e, RT_ENODATA, "%s has put out no batch yet", c->arg[0]);
    json_put_text(c->result, "stage", c->arg[0]);
    int rc = rt_batch_summary(c->result, b, d->id, d->self, e);
    rt_batch_destroy(b);
    return rc;
}

static int verb_pause(struct call *c, struct rt_error *e)
{
    (void)e;
    rt_control_pause(c->context->control);
    json_put_int(c->result, "step", rt_control_next(c->context->control));
    return 0;
}

static int verb_resume(struct call *c, struct rt_error *e)
{
    (void)e;
    rt_control_resume(c->context->control);
    json_put_int(c->result, "step", rt_control_next(c->context->control));
    return 0;
}

static int verb_step(struct call *c, struct rt_error *e)
{
    char *end = "", quoted[RT_QUOTE];
    long long n = c->args ? strtoll(c->arg[0], &end, 10) : 1;
    if (*end || (c->args && end == c->arg[0]) || n < 1 || n > 1000000000)
        return rt_error_set(e, RT_EUSAGE, "step %s: write a number of steps from 1 to 1000000000",
                            rt_quote(quoted, sizeof quoted, c->arg[0]));
    if (!rt_control_paused(c->context->control))
        return rt_error_set(e, RT_EUSAGE, "the run goes on by itself: pause it first");
    json_put_int(c->result, "step", rt_control_next(c->context->control));
    rt_control_allow(c->context->control, n);
    return 0;
}

static int verb_checkpoint(struct call *c, struct rt_error *e)
{
    int64_t step = rt_control_checkpoint(c->context->control, -1);
    if (step == RT_EBUSY)
        return rt_error_set(e, RT_EBUSY, "a checkpoint was written a moment ago: ask again later, or pause the run");
    if (step < 0)
        return rt_error_set(e, (int)step, "no memory to ask for a checkpoint");
    json_put_int(c->result, "step", step);
    return 0;
}

static int verb_stop(struct call *c, struct rt_error *e)
{
    (void)e;
    json_put_int(c->result, "step", rt_control_next(c->context->control) - 1);
    rt_control_stop(c->context->control);
    return 0;
}

static int verb_watch(struct call *c, struct rt_error *e)
{
    *c->watch = 1;
    return verb_status(c, e);
}

/* ---- from a line to a verb and back ----
 * Number and kind of the arguments are checked by the verb's row before its code runs. Any line
 * gets exactly one line back, also one that is not JSON: a client that counts lines never gets out
 * of step. */

static int (*const verb_code[])(struct call *c, struct rt_error *e) = {
#define RT_VERB(name, least, most, arguments, help) verb_##name,
#include "pipeline/live/verbs.def"
#undef RT_VERB
};
const struct rt_live_verb rt_live_verbs[] = {
#define RT_VERB(name, least, most, arguments, help) {#name, least, most, arguments, help},
#include "pipeline/live/verbs.def"
#undef RT_VERB
};
const int rt_live_verb_count = (int)(sizeof rt_live_verbs / sizeof *rt_live_verbs);

const struct rt_live_verb *rt_live_verb_find(const char *name)
{
    for (int i = 0; i < rt_live_verb_count; i++)
        if (strcmp(rt_live_verbs[i].name, name) == 0)
            return &rt_live_verbs[i];
    return NULL;
}

static int verb_unknown(const char *name, struct rt_error *e)
{
    char quoted[RT_QUOTE], hint[160];
    struct rt_nearest near = {.word = name};
    for (int i = 0; i < rt_live_verb_count; i++)
        rt_nearest_offer(&near, rt_live_verbs[i].name);
    rt_nearest_hint(&near, hint, sizeof hint);
    return rt_error_set(e, RT_ENOTFOUND, "%s is not a verb%s", rt_quote(quoted, sizeof quoted, name),
                        hint);
}

/* verb, args and who of a request; then does it. */
static int call_perform(struct call *c, const json_t *request, struct rt_error *e)
{
    const char *name = json_string_value(json_object_get(request, "verb"));
    const json_t *args = json_object_get(request, "args"), *who = json_object_get(request, "who");
    if (!name)
        return rt_error_set(e, RT_EFORMAT, "a request is {\"id\": ..., \"verb\": \"...\", \"args\": [...]}");
    const struct rt_live_verb *verb = rt_live_verb_find(name);
    if (!verb)
        return verb_unknown(name, e);
    if ((args && !json_is_array(args)) || (who && !json_is_string(who)))
        return rt_error_set(e, RT_EFORMAT, "%s: args is a list of texts, who a text", name);
    c->verb = verb->name;
    c->args = (int)json_array_size(args);
    if (c->args < verb->least || c->args > verb->most)
        return rt_error_set(e, RT_EUSAGE, "%s is written: %s%s%s; there %s %d argument%s", name, name,
                            *verb->arguments ? " " : "", verb->arguments, c->args == 1 ? "was" : "were", c->args,
                            c->args == 1 ? "" : "s");
    for (int i = 0; i < c->args; i++)
        if (!(c->arg[i] = json_string_value(json_array_get(args, (size_t)i))))
            return rt_error_set(e, RT_EFORMAT, "%s: args is a list of texts", name);
    c->who = who ? json_string_value(who) : "socket";
    return verb_code[verb - rt_live_verbs](c, e);
}

static char *reply_text(json_t *reply)
{
    char *text = rt_json_write(reply, JSON_COMPACT);
    json_decref(reply);
    return text;
}

char *rt_verb_answer(const struct rt_verb_context *d, const char *line, size_t size, int *watch)
{
    json_error_t wrong;
    struct rt_error e = {0};
    json_t *request, *reply = json_object();
    struct call c = {.context = d, .watch = watch, .result = json_object()};
    int rc = rt_json_read(&request, line, size, JSON_REJECT_DUPLICATES, &wrong);
    if (rc == RT_EMEM)
        rt_error_set(&e, rc, "no memory for the request");
    else if (rc < 0)
        rc = rt_error_set(&e, RT_EFORMAT, "not JSON at byte %d: %s", wrong.position, wrong.text);
    else if (!json_is_object(request))
        rc = rt_error_set(&e, RT_EFORMAT, "a request is an object {...}");
    else
        rc = call_perform(&c, request, &e);
    json_object_set(reply, "id", json_object_get(request, "id"));
    json_object_set_new(reply, "ok", json_boolean(rc == 0));
    if (rc == 0)
        json_object_set(reply, "result", c.result);
    else
        json_put_text(reply, "error", e.text);
    json_decref(c.result);
    json_decref(request);
    return reply_text(reply);
}

char *rt_verb_report(const struct rt_verb_context *d, const struct rt_status *s)
{
    json_t *report = json_object();
    json_put_text(report, "event", "step");
    json_put_status(report, d, s);
    return reply_text(report);
}
