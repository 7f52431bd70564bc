/* SPDX-License-Identifier: MIT
 * answers: see answers.h. A verb without a row here is shown as the run's fields, one behind the other:
 * so a new verb of the run can be typed, and its answer read, without a change of the screen. */
#include "tui/screen/ui/answers.h"

#include <stdio.h>
#include <string.h>

#define NONE(text) (*(text) ? (text) : "(none)")

static void answer_set(struct rt_view *view, const struct rt_link_line *line)
{
    char key[64] = "", before[200] = "", after[200] = "";
    rt_link_text(line, "key", key, sizeof key);
    rt_link_text(line, "before", before, sizeof before);
    rt_link_text(line, "after", after, sizeof after);
    rt_message_say(&view->message, false, "%s: %s -> %s from step %.0f", key, NONE(before), NONE(after),
                   rt_link_number(line, "step"));
}

static void answer_change(struct rt_view *view, const struct rt_link_line *line, const char *how)
{
    char change[400] = "";
    rt_link_text(line, "change", change, sizeof change);
    rt_message_say(&view->message, false, "%s: %s from step %.0f", how, change, rt_link_number(line, "step"));
}

static void answer_undo(struct rt_view *view, const struct rt_link_line *line)
{
    answer_change(view, line, "undone");
}

static void answer_redo(struct rt_view *view, const struct rt_link_line *line)
{
    answer_change(view, line, "again");
}

static void answer_samples(struct rt_view *view, const struct rt_link_line *line)
{
    double samples = rt_link_number(line, "samples");
    rt_message_say(&view->message, false, "%.0f sample%s, from step %.0f", samples, samples == 1 ? "" : "s",
                   rt_link_number(line, "step"));
}

static void answer_pause(struct rt_view *view, const struct rt_link_line *line)
{
    rt_message_say(&view->message, false, "paused before step %.0f", rt_link_number(line, "step"));
}

static void answer_resume(struct rt_view *view, const struct rt_link_line *line)
{
    rt_message_say(&view->message, false, "goes on with step %.0f", rt_link_number(line, "step"));
}

static void answer_stop(struct rt_view *view, const struct rt_link_line *line)
{
    rt_message_say(&view->message, false, "stopping after step %.0f: a checkpoint is written",
                   rt_link_number(line, "step"));
}

struct answer_fields {
    char text[400];
    size_t used;
};

static void answer_add_field(void *self, const char *name, const char *value)
{
    struct answer_fields *w = self;
    int n = snprintf(w->text + w->used, sizeof w->text - w->used, "%s%s %s", w->used ? "  " : "", name, value);
    w->used += n > 0 && (size_t)n < sizeof w->text - w->used ? (size_t)n : 0;
}

static void answer_any(struct rt_view *view, const struct rt_link_line *line)
{
    struct answer_fields words = {"", 0};
    rt_link_fields(line, answer_add_field, &words);
    rt_message_say(&view->message, false, "%s", words.text);
}

static void answers_say_answer(struct rt_view *view, const struct rt_steer_event *event)
{
    static const struct {
        const char *verb;
        void (*say)(struct rt_view *view, const struct rt_link_line *line);
    } known[] = {{"set", answer_set},        {"undo", answer_undo},       {"redo", answer_redo},
                 {"weight", answer_samples}, {"mute", answer_samples},    {"exclude", answer_samples},
                 {"restore", answer_samples}, {"pause", answer_pause},    {"resume", answer_resume},
                 {"stop", answer_stop}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].verb, event->verb) == 0) {
            known[i].say(view, event->line);
            return;
        }
    answer_any(view, event->line);
}

unsigned rt_answers_say(struct rt_view *view, const struct rt_steer_event *event)
{
    switch (event->kind) {
    case RT_STEER_STEP: return RT_DID_BARS;
    case RT_STEER_ANSWERED:
        if (!event->quiet)
            answers_say_answer(view, event);
        break;
    case RT_STEER_REFUSED: rt_message_say(&view->message, true, "%s", event->why); break;
    case RT_STEER_GONE:
        if (!view->model->live || view->steer.stopping)
            rt_message_say(&view->message, false, "the run has ended");
        else
            rt_message_say(&view->message, false, "the last step is made: the result is being measured");
        break;
    default:;
    }
    return RT_DID_DRAW;
}
