/* SPDX-License-Identifier: MIT
 * samples_marks: see samples_marks.h. */
#include "tui/screen/screens/samples_marks.h"

#include "pipeline/live/socket.h"
#include "tui/screen/screen.h"

#include <stdlib.h>
#include <string.h>

void rt_marks_fini(struct rt_marks *m)
{
    free(m->on);
    memset(m, 0, sizeof *m);
}

bool rt_marks_has(const struct rt_marks *m, int row)
{
    return row >= 0 && row < m->rows && m->on[row];
}

/* Room for the samples of the model; the rows of a run never change, so marks stay. */
static bool make_room(struct rt_ui *ui)
{
    struct rt_marks *m = &ui->samples.marks;
    int rows = ui->model->samples.rows;
    if (m->rows == rows)
        return rows > 0;
    rt_marks_fini(m);
    m->on = calloc((size_t)rows + 1, 1);
    m->rows = m->on ? rows : 0;
    if (!m->on)
        rt_ui_say(ui, true, "no memory for marks");
    return m->rows > 0;
}

static void set(struct rt_marks *m, int row, bool on)
{
    m->count += on - m->on[row];
    m->on[row] = on;
}

void rt_marks_turn(struct rt_ui *ui, int row)
{
    if (row >= 0 && make_room(ui))
        set(&ui->samples.marks, row, !ui->samples.marks.on[row]);
}

void rt_marks_turn_shown(struct rt_ui *ui)
{
    struct rt_marks *m = &ui->samples.marks;
    const struct rt_table *t = &ui->model->samples;
    bool all = true;
    if (!make_room(ui))
        return;
    for (int i = 0; i < t->shown; i++) {
        all &= m->on[t->order[i]];
        set(m, t->order[i], true);
    }
    for (int row = 0; all && row < m->rows; row++)
        set(m, row, false);
}

/* ---- what is said to the run ---- */

/* "3-10,17"; false when it is longer than a request may be. */
static bool write_rows(const struct rt_marks *m, char *text, size_t size)
{
    size_t used = 0;
    for (int row = 0; row < m->rows && used < size; row++) {
        int from = row;
        if (!m->on[row])
            continue;
        while (row + 1 < m->rows && m->on[row + 1])
            row++;
        int n = snprintf(text + used, size - used, row > from ? "%s%d-%d" : "%s%d", used ? "," : "", from, row);
        used += n > 0 ? (size_t)n : 0;
    }
    return used < size;
}

static unsigned say(struct rt_ui *ui, const char *how, const char *which)
{
    struct rt_marks *m = &ui->samples.marks;
    const char *arg[3];
    int args = 0;
    if (*m->factor)
        arg[args++] = m->factor;
    arg[args++] = how;
    arg[args++] = which;
    return rt_steer_say(ui, m->verb, arg, args);
}

static unsigned answered(struct rt_ui *ui, int key)
{
    static char rows[RT_SOCKET_LINE - 200];
    const struct rt_samples_view *v = &ui->samples;
    const struct rt_table *t = &ui->model->samples;
    if (key == 'a')
        return say(ui, "where", *v->where ? v->where : "row >= 0");
    if (key == 'o') {
        snprintf(rows, sizeof rows, "%d", v->at < t->shown ? t->order[v->at] : -1);
        return say(ui, "rows", rows);
    }
    if (write_rows(&v->marks, rows, sizeof rows))
        return say(ui, "rows", rows);
    rt_ui_say(ui, true, "%d marked samples in too many places for one request: let a filter find them",
              v->marks.count);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned ask(struct rt_ui *ui, const char *verb, const char *factor, const char *question)
{
    struct rt_samples_view *v = &ui->samples;
    const struct rt_table *t = &ui->model->samples;
    int id = rt_table_find(t, "id"), row = v->at < t->shown ? t->order[v->at] : -1;
    v->marks.verb = verb;
    snprintf(v->marks.factor, sizeof v->marks.factor, "%s", factor);
    if (!rt_steer_may(ui) || row < 0)
        return RT_DID_HANDLE | RT_DID_DRAW;
    rt_dialog_ask(ui, answered, "%s", question);
    if (v->marks.count)
        rt_dialog_button(ui, 'm', "the %d marked", v->marks.count);
    rt_dialog_button(ui, 'o', "this one: %s", id >= 0 ? rt_table_cell(t, row, id) : "");
    rt_dialog_button(ui, 'a', "all %d%s%s", t->shown, *v->where ? " that match " : "", v->where);
    rt_dialog_button(ui, RT_KEY_ESCAPE, "cancel");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned typed(struct rt_ui *ui, const char *line)
{
    char *end, question[80];
    bool times = *line == '*';
    double factor = strtod(line + times, &end);
    if (*end || !(factor >= 0) || strlen(line) >= sizeof ui->samples.marks.factor) {
        rt_ui_say(ui, true, "%.60s: write a factor, 0.5, or one to multiply by, *0.5", line);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    snprintf(question, sizeof question, times ? "The weight times %s: of which samples?"
                                              : "The factor %s on the weight: of which samples?", line + times);
    return *line ? ask(ui, "weight", line, question) : RT_DID_HANDLE | RT_DID_DRAW;
}

unsigned rt_marks_act(struct rt_ui *ui, enum rt_act act)
{
    switch (act) {
    case RT_ACT_WEIGH:
        if (rt_steer_may(ui))
            rt_ui_ask(ui, "factor, or *factor: ", "", typed);
        return RT_DID_HANDLE | RT_DID_DRAW;
    case RT_ACT_HALVE: return ask(ui, "weight", "*0.5", "Half the weight: of which samples?");
    case RT_ACT_DOUBLE: return ask(ui, "weight", "*2", "Twice the weight: of which samples?");
    case RT_ACT_MUTE: return ask(ui, "mute", "", "Mute (seen and measured, not learned from): which samples?");
    case RT_ACT_EXCLUDE: return ask(ui, "exclude", "", "Exclude from every update: which samples?");
    case RT_ACT_RESTORE: return ask(ui, "restore", "", "Take back all done by hand: for which samples?");
    default: return RT_DID_NOTHING;
    }
}
