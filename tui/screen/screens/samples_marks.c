/* SPDX-License-Identifier: MIT
 * samples_marks: see samples_marks.h. */
#include "tui/screen/screens/samples_marks.h"

#include "pipeline/live/socket.h"
#include <stdlib.h>
#include <string.h>

#define SETTLES 10 /* seconds that a run may take to write what it was told */

void rt_marks_fini(struct rt_marks *m)
{
    free(m->on);
    free(m->kept);
    free(m->lately);
    memset(m, 0, sizeof *m);
}

bool rt_marks_has(const struct rt_marks *m, int row)
{
    return row >= 0 && row < m->rows && m->on[row] & RT_MARK_ON;
}

bool rt_marks_leaves_out(const struct rt_marks *m, int row)
{
    return row >= 0 && row < m->rows && m->on[row] & RT_MARK_LEFT_OUT;
}

/* As the folder has them by now: another screen may have set some, or `retort ctl`. What was turned here and is not
 * kept yet stands. So does what the run was told a moment ago: it writes when it comes to it, and what stands there
 * till then is older. */
static void marks_read(struct rt_marks *m, const struct rt_view *view)
{
    struct rt_error ignored; /* a run that keeps none */
    uint8_t *now = calloc((size_t)m->rows + 1, 1);
    bool all = view->now >= m->settled;
    m->read = view->model->marks;
    m->settled = all ? 0 : m->settled;
    if (!now || rt_run_marks_load(view->model->folder, now, m->rows, &ignored) < 0) {
        free(now);
        return;
    }
    m->count = 0;
    for (int row = 0; row < m->rows; row++) {
        if (all || !m->lately[row]) {
            m->on[row] = m->on[row] == m->kept[row] ? now[row] : m->on[row];
            m->kept[row] = now[row];
        }
        m->count += m->on[row] & RT_MARK_ON;
    }
    if (all)
        memset(m->lately, 0, (size_t)m->rows);
    free(now);
}

/* Room for the samples of the model; the rows of a run never change, so marks stay. */
static bool marks_make_room(struct rt_marks *m, struct rt_view *view)
{
    int rows = view->model->samples.rows;
    if (m->rows == rows)
        return rows > 0;
    rt_marks_fini(m);
    m->on = calloc((size_t)rows + 1, 1);
    m->kept = calloc((size_t)rows + 1, 1);
    m->lately = calloc((size_t)rows + 1, 1);
    m->rows = m->on && m->kept && m->lately ? rows : 0;
    if (m->rows)
        marks_read(m, view);
    else
        rt_message_say(&view->message, true, "no memory for marks");
    return m->rows > 0;
}

static void marks_set(struct rt_marks *m, int row, bool on)
{
    m->count += on - (m->on[row] & RT_MARK_ON);
    m->on[row] = (uint8_t)((m->on[row] & ~RT_MARK_ON) | (on ? RT_MARK_ON : 0));
    m->changed = true;
}

/* "3-10,17": rows that are marked, or of which `kept` says otherwise than `on` does, as many as there is room for; from
 * *row, which becomes the first left out. */
static void marks_write_rows(const uint8_t *on, const uint8_t *kept, int mark, int rows, int *row, char *text,
                             size_t size)
{
    size_t used = 0;
    *text = '\0';
    while (*row < rows && used + 24 < size) {
        int from = *row;
        while (*row < rows && (on[*row] & RT_MARK_ON) == mark && (!kept || (kept[*row] & RT_MARK_ON) != mark))
            (*row)++;
        if (*row == from)
            (*row)++;
        else
            used += (size_t)snprintf(text + used, size - used, *row > from + 1 ? "%s%d-%d" : "%s%d", used ? "," : "",
                                     from, *row - 1);
    }
}

/* ---- what is kept ----
 * While the run goes on it alone writes to run.db, so it is told what changed: which marks were set, which taken away,
 * as many requests as that takes. Of a run that has ended they are written here. */

static void marks_tell_changes(struct rt_marks *m, struct rt_view *view)
{
    static char rows[RT_SOCKET_LINE - 200];
    for (int mark = 0; mark <= RT_MARK_ON; mark++)
        for (int row = 0; row < m->rows;) {
            marks_write_rows(m->on, m->kept, mark, m->rows, &row, rows, sizeof rows);
            const char *const which[] = {"rows", rows}, *verb = mark ? "mark" : "unmark";
            if (*rows && rt_steer_ask(&view->steer, verb, which, 2, true) < 0)
                return; /* again later: it has not answered earlier ones */
            m->settled = *rows ? view->now + SETTLES : m->settled;
            for (int done = 0; *rows && done < row; done++)
                if ((m->on[done] & RT_MARK_ON) == mark && (m->kept[done] & RT_MARK_ON) != mark) {
                    m->kept[done] = (uint8_t)((m->kept[done] & ~RT_MARK_ON) | mark);
                    m->lately[done] = 1;
                }
        }
    m->changed = memcmp(m->on, m->kept, (size_t)m->rows) != 0;
}

void rt_marks_follow(struct rt_marks *m, struct rt_view *view)
{
    struct rt_error e;
    if (view->model->samples.order && !m->rows)
        marks_make_room(m, view);
    else if (m->rows && (m->read != view->model->marks || (m->settled > 0 && view->now >= m->settled)))
        marks_read(m, view);
    if (m->changed && rt_steer_up(&view->steer))
        marks_tell_changes(m, view);
    if (!m->changed || view->model->live || rt_steer_up(&view->steer))
        return;
    m->changed = false;
    if (rt_run_marks_save(view->model->folder, m->on, m->kept, m->rows, &e) < 0)
        rt_message_say(&view->message, true, "marks are not kept: %s", e.text);
}

void rt_marks_turn(struct rt_marks *m, struct rt_view *view, int row)
{
    if (row >= 0 && marks_make_room(m, view))
        marks_set(m, row, !(m->on[row] & RT_MARK_ON));
}

void rt_marks_turn_shown(struct rt_marks *m, struct rt_view *view)
{
    const struct rt_table *t = &view->model->samples;
    bool all = true;
    if (!marks_make_room(m, view))
        return;
    for (int i = 0; i < t->shown; i++) {
        all &= m->on[t->order[i]] & RT_MARK_ON;
        marks_set(m, t->order[i], true);
    }
    for (int row = 0; all && row < m->rows; row++)
        marks_set(m, row, false);
}

/* ---- what is said to the run ----
 * Rows are named by number, a filter by its words: the run finds the rows of a filter itself, at the
 * step at which the change takes effect, and its journal keeps both. */

static unsigned marks_tell(struct rt_marks *m, struct rt_view *view, const char *how, const char *which)
{
    const char *arg[3];
    int args = 0;
    if (*m->factor)
        arg[args++] = m->factor;
    arg[args++] = how;
    arg[args++] = which;
    return rt_view_tell(view, m->verb, arg, args);
}

/* ---- of a run that has ended ----
 * There is nobody to be told. Which samples the next run is to go without can still be said: it stands in run.db's
 * marks, and in no journal, as it changed nothing of this run. */

static unsigned marks_answer_here(struct rt_marks *m, struct rt_view *view, int key)
{
    const struct rt_table *t = &view->model->samples;
    bool out = strcmp(m->verb, "exclude") == 0;
    int changed = 0;
    for (int i = 0; i < t->shown; i++) {
        int row = t->order[i];
        bool meant = key == 'a' || (key == 'o' ? row == m->row : rt_marks_has(m, row));
        if (!meant || rt_marks_leaves_out(m, row) == out)
            continue;
        m->on[row] ^= RT_MARK_LEFT_OUT;
        changed++;
    }
    m->changed |= changed > 0;
    rt_message_say(&view->message, false, "%d sample%s %s; `:manifest FILE` writes the next run's", changed,
                   changed == 1 ? "" : "s", out ? "left out" : "taken back");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned marks_answered(void *self, struct rt_view *view, int key)
{
    static char rows[RT_SOCKET_LINE - 200];
    struct rt_marks *m = self;
    if (!rt_steer_up(&view->steer))
        return marks_answer_here(m, view, key);
    if (key == 'a')
        return marks_tell(m, view, "where", *m->where ? m->where : "row >= 0");
    if (key == 'o') {
        snprintf(rows, sizeof rows, "%d", m->row);
        return marks_tell(m, view, "rows", rows);
    }
    int row = 0;
    marks_write_rows(m->on, NULL, RT_MARK_ON, m->rows, &row, rows, sizeof rows);
    if (row == m->rows)
        return marks_tell(m, view, "rows", rows);
    rt_message_say(&view->message, true,
                   "%d marked samples in too many places for one request: let a filter find them", m->count);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned marks_ask(struct rt_marks *m, struct rt_view *view, const char *verb, const char *factor,
                          const char *question)
{
    const struct rt_table *t = &view->model->samples;
    int id = rt_table_find(t, "id");
    bool here = !view->model->live && !rt_steer_up(&view->steer) && marks_make_room(m, view) &&
                (strcmp(verb, "exclude") == 0 || strcmp(verb, "restore") == 0);
    m->verb = verb;
    snprintf(m->factor, sizeof m->factor, "%s", factor);
    if (m->row < 0 || (!here && !rt_view_may(view)))
        return RT_DID_HANDLE | RT_DID_DRAW;
    if (here && *verb == 'e')
        question = "Leave out of the next run (:manifest): which samples?";
    unsigned did = rt_view_question(view, question, marks_answered, m);
    struct rt_dialog *d = &view->dialog;
    if (m->count)
        rt_dialog_button(d, 'm', "the %d marked", m->count);
    rt_dialog_button(d, 'o', "this one: %s", id >= 0 ? rt_table_cell(t, m->row, id) : "");
    rt_dialog_button(d, 'a', "all %d%s%s", t->shown, *m->where ? " that match " : "", m->where);
    rt_dialog_button(d, RT_KEY_ESCAPE, "cancel");
    return did;
}

static unsigned marks_typed(void *self, struct rt_view *view, const char *line)
{
    struct rt_marks *m = self;
    char *end, question[80];
    bool times = *line == '*';
    double factor = strtod(line + times, &end);
    if (*end || !(factor >= 0) || strlen(line) >= sizeof m->factor) {
        rt_message_say(&view->message, true, "%.60s: write a factor, 0.5, or one to multiply by, *0.5", line);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    snprintf(question, sizeof question, times ? "The weight times %s: of which samples?"
                                              : "The factor %s on the weight: of which samples?", line + times);
    return *line ? marks_ask(m, view, "weight", line, question) : RT_DID_HANDLE | RT_DID_DRAW;
}

unsigned rt_marks_act(struct rt_marks *m, struct rt_view *view, int row, const char *where, enum rt_act act)
{
    static const struct {
        enum rt_act act;
        const char *verb, *factor, *question;
    } known[] = {
        {RT_ACT_HALVE, "weight", "*0.5", "Half the weight: of which samples?"},
        {RT_ACT_DOUBLE, "weight", "*2", "Twice the weight: of which samples?"},
        {RT_ACT_MUTE, "mute", "", "Mute (seen and measured, not learned from): which samples?"},
        {RT_ACT_EXCLUDE, "exclude", "", "Exclude from every update: which samples?"},
        {RT_ACT_RESTORE, "restore", "", "Take back all done by hand: for which samples?"},
    };
    m->row = row;
    m->where = where;
    if (act == RT_ACT_WEIGH)
        return rt_view_may(view) ? rt_view_ask(view, "factor, or *factor: ", "", marks_typed, m)
                                 : RT_DID_HANDLE | RT_DID_DRAW;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].act == act)
            return marks_ask(m, view, known[i].verb, known[i].factor, known[i].question);
    return RT_DID_NOTHING;
}
