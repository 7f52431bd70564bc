/* SPDX-License-Identifier: MIT
 * command: see command.h. */
#include "tui/screen/ui/command.h"

#include "pipeline/live/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ARGS 32

/* ---- verbs of every screen ----
 * The rest of verbs.def is one screen's own; which one knows a verb is asked when it is typed. */

static unsigned command_quit(struct rt_ui *ui, const char *argument)
{
    (void)ui;
    (void)argument;
    return RT_DID_HANDLE | RT_DID_QUIT;
}

/* The screen as it was before the command was typed, at its present size. */
static unsigned command_dump(struct rt_ui *ui, const char *argument)
{
    struct rt_canvas c = {0};
    int h = ui->body.y + ui->body.h + (ui->body.y + ui->body.h >= 3);
    if (!*argument) {
        rt_message_say(&ui->view.message, true, "dump needs a file to write to: dump screen.txt");
    } else if (rt_canvas_resize(&c, ui->body.w, h) < 0) {
        rt_message_say(&ui->view.message, true, "no memory for the screen");
    } else {
        rt_ui_draw(ui, &c);
        FILE *f = fopen(argument, "w");
        int number = f ? 0 : errno; /* of the first call that failed */
        errno = 0;
        if (f)
            rt_canvas_write(&c, f);
        if (f && ferror(f))
            number = errno ? errno : EIO;
        if (f && fclose(f) && !number)
            number = errno;
        if (number)
            rt_message_say(&ui->view.message, true, "%s: %s", argument, strerror(number));
        else
            rt_message_say(&ui->view.message, false, "written: %s", argument);
    }
    rt_canvas_fini(&c);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- finding and doing ----
 * Verbs of the screen and of the run are one list to the person who types. A row of the run's says how
 * many words it takes; how words are split is so the same for every verb, and a new one of the run can
 * be typed at once. */

/* A verb of either table: of the screens when live is NULL. */
struct verb {
    const char *name;
    const struct rt_live_verb *live;
};

static bool verb_can_be_typed(const struct rt_live_verb *v)
{
    return strcmp(v->name, "watch") != 0; /* the screen watches already */
}

static int verbs_list(struct verb *out, int room)
{
    int n = 0;
    for (int i = 0; i < RT_VERBS && n < room; i++)
        out[n++] = (struct verb){rt_verbs[i].name, NULL};
    for (int i = 0; i < rt_live_verb_count && n < room; i++)
        if (verb_can_be_typed(&rt_live_verbs[i]))
            out[n++] = (struct verb){rt_live_verbs[i].name, &rt_live_verbs[i]};
    return n;
}

/* How many verbs begin so: *found is the one that is called exactly so (then 1), else the first; *other
 * another. */
static int verbs_find(const char *word, size_t length, struct verb *found, const char **other)
{
    struct verb all[64];
    int verbs = verbs_list(all, 64), count = 0;
    for (int i = 0; i < verbs && length; i++) {
        if (strncmp(all[i].name, word, length) != 0)
            continue;
        if (all[i].name[length] == 0) {
            *found = all[i];
            return 1;
        }
        if (count++ == 0)
            *found = all[i];
        else
            *other = all[i].name;
    }
    return count;
}

/* Words between blanks, or in quotes; the last of `most`, and what follows "where", takes the rest of the
 * line. Changes text. */
static int words_split(char *text, int most, const char **arg)
{
    int n = 0;
    for (text += strspn(text, " "); *text && n < most; text += strspn(text, " ")) {
        char quote = *text == '"' || *text == '\'' ? *text : 0;
        char *end = quote ? strchr(text + 1, quote) : text + strcspn(text, " ");
        bool whole = end && (quote ? end[1] == ' ' || end[1] == 0 : true);
        if (n == most - 1 && !(whole && end[quote ? 1 + strspn(end + 1, " ") : strspn(end, " ")] == 0))
            whole = false; /* more comes: all of it */
        if (!whole) {
            for (end = text + strlen(text); end > text && end[-1] == ' ';)
                *--end = 0;
            arg[n++] = text;
            break;
        }
        arg[n++] = text + (quote != 0);
        text = *end ? end + 1 : end;
        *end = 0;
        most = !quote && strcmp(arg[n - 1], "where") == 0 && n + 1 < most ? n + 1 : most;
    }
    return n;
}

static unsigned command_tell(struct rt_ui *ui, const struct rt_live_verb *verb, const char *argument)
{
    char text[RT_PROMPT_LINE];
    const char *arg[ARGS + 1] = {NULL};
    int most = verb->most < ARGS ? verb->most : ARGS;
    snprintf(text, sizeof text, "%s", argument);
    int args = words_split(text, most ? most : 1, arg);
    if (args < verb->least || args > verb->most) {
        rt_message_say(&ui->view.message, true, "%s %s: %s", verb->name,
                       *verb->arguments ? verb->arguments : "takes nothing", verb->help);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    return rt_view_tell(&ui->view, verb->name, arg, args);
}

static unsigned command_theme(struct rt_ui *ui, const char *argument)
{
    int theme = rt_theme_find(argument);
    if (theme >= 0)
        ui->view.theme = (enum rt_theme)theme;
    else
        rt_message_say(&ui->view.message, true, "theme is dark, light, terminal or mono; it is %s now",
                       rt_theme_names[ui->view.theme]);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* The page of keys and commands, or one command's line of it. */
static unsigned command_help(struct rt_ui *ui, const char *argument)
{
    struct verb verb = {"", NULL};
    const char *other = "";
    if (!*argument)
        return rt_view_go(&ui->view, RT_SCREEN_HELP);
    if (verbs_find(argument, strcspn(argument, " "), &verb, &other) != 1) {
        rt_message_say(&ui->view.message, true, "there is no command '%.60s': `:help` lists them", argument);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    const char *words = "", *arguments = "";
    for (int i = 0; i < RT_VERBS && !verb.live; i++)
        if (strcmp(rt_verbs[i].name, verb.name) == 0) {
            words = rt_verbs[i].help;
            arguments = rt_verbs[i].argument;
        }
    rt_message_say(&ui->view.message, false, ":%s %s  %s", verb.name, verb.live ? verb.live->arguments : arguments,
                   verb.live ? verb.live->help : words);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static const struct {
    const char *name;
    unsigned (*run)(struct rt_ui *ui, const char *argument);
} common[] = {{"dump", command_dump}, {"help", command_help}, {"quit", command_quit}, {"theme", command_theme}};

static unsigned screen_verb(struct rt_ui *ui, enum rt_screen_id i, const char *verb, const char *argument)
{
    return rt_screens[i]->verb ? rt_screens[i]->verb(ui->self[i], &ui->view, verb, argument) : RT_DID_NOTHING;
}

unsigned rt_command_run(struct rt_ui *ui, const char *line)
{
    const char *word = line + strspn(line, " "), *other = "";
    size_t length = strcspn(word, " ");
    const char *argument = word + length + strspn(word + length, " ");
    struct verb verb = {"", NULL};
    int found = verbs_find(word, length, &verb, &other);
    unsigned did = 0;
    if (found != 1) {
        if (found > 1)
            rt_message_say(&ui->view.message, true, "'%.*s' may be %s or %s", (int)length, word, verb.name, other);
        else if (length)
            rt_message_say(&ui->view.message, true, "there is no command '%.*s': `:help` lists them", (int)length,
                           word);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    if (verb.live)
        return command_tell(ui, verb.live, argument);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (strcmp(common[i].name, verb.name) == 0)
            return common[i].run(ui, argument);
    did = screen_verb(ui, ui->view.screen, verb.name, argument);
    for (int i = 0; i < RT_SCREENS && !did; i++) /* not of this one: of the one that knows it */
        if ((did = screen_verb(ui, (enum rt_screen_id)i, verb.name, argument)))
            rt_view_go(&ui->view, (enum rt_screen_id)i);
    return did | RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- completion ----
 * What may stand at a place follows from the words that a verb's row says of its arguments (KEY,
 * WHERE), and from what this run has: its columns, its labels, its settings and their values. */

/* What is being completed. */
struct completion {
    const struct rt_view *view;
    const char *line;
    int at;
    struct rt_choices *out;
};

static void completion_offer(const struct completion *h, const char *word)
{
    rt_choices_offer(h->out, h->line, h->at, word);
}

static void completion_offer_run(const void *self, const char *name)
{
    completion_offer(self, name);
}

static void completion_offer_columns(const struct completion *h, const char *ending)
{
    const struct rt_table *t = &h->view->model->samples;
    for (int c = 0; c < t->columns; c++) {
        char name[64];
        size_t n = strlen(t->column[c].name), m = strlen(ending);
        if (n < m || strcmp(t->column[c].name + n - m, ending) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(n - m), t->column[c].name);
        completion_offer(h, name);
    }
}

static void completion_offer_controls(const struct completion *h)
{
    for (int i = 0; i < rt_key_count; i++)
        if (rt_keys[i].effect >= RT_EFFECT_STEP)
            completion_offer(h, rt_keys[i].name);
}

/* Words of the key's unit, and what it is and was. */
static void completion_offer_values(const struct completion *h, const struct rt_key *key)
{
    char text[RT_RECIPE_TEXT], *save = NULL;
    if (key->kind == RT_KIND_LIST) { /* the word behind the last comma */
        for (int i = h->out->from; i < h->at; i++)
            if (h->line[i] == ',')
                h->out->from = i + 1;
        completion_offer_columns(h, "_pct");
    }
    if (key->kind == RT_KIND_BOOL) {
        completion_offer(h, "true");
        completion_offer(h, "false");
    }
    snprintf(text, sizeof text, "%s", key->kind == RT_KIND_CHOICE ? key->unit : "");
    for (char *w = strtok_r(text, "|", &save); w; w = strtok_r(NULL, "|", &save))
        completion_offer(h, w);
    if (*rt_view_value(h->view, key, text))
        completion_offer(h, text);
    if (*rt_view_start(h->view, key, text))
        completion_offer(h, text);
}

/* Of an expression: columns, words that join, and the values that a text column has. */
static void completion_offer_expression(const struct completion *h, int begin)
{
    const struct rt_table *t = &h->view->model->samples;
    int end = h->out->from, from;
    char name[64];
    while (end > begin && strchr(" =!~", h->line[end - 1]))
        end--;
    for (from = end; from > begin && !strchr(" (=!~<>", h->line[from - 1]);)
        from--;
    snprintf(name, sizeof name, "%.*s", end - from, h->line + from);
    int column = end < h->out->from && strpbrk(h->line + end, "=~") ? rt_table_find(t, name) : -1;
    if (column >= 0 && t->column[column].is_text) {
        for (int row = 0; row < t->rows && row < 5000 && h->out->count < 40; row++) {
            const char *cell = rt_table_cell(t, row, column);
            if (*cell && !strpbrk(cell, " \"'()"))
                completion_offer(h, cell);
        }
        return;
    }
    completion_offer_columns(h, "");
    completion_offer(h, "and");
    completion_offer(h, "or");
    completion_offer(h, "not");
}

static int line_word_begin(const char *line, int at, const char *separators)
{
    while (at > 0 && !strchr(separators, line[at - 1]))
        at--;
    return at;
}

void rt_command_complete(const struct rt_view *view, char kind, const char *line, int at, struct rt_choices *out)
{
    struct completion h = {view, line, at, out};
    struct verb all[64], verb = {"", NULL};
    const char *other, *word = line + strspn(line, " ");
    int begin = (int)(word - line) + (int)strcspn(word, " ");
    out->count = 0;
    out->from = line_word_begin(line, at, kind == '/' ? " (" : " ");
    if (kind == '=') {
        char name[72];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(view->prompt.label, " "), view->prompt.label);
        const struct rt_key *key = rt_key_find(name);
        out->from = 0;
        if (key)
            completion_offer_values(&h, key);
        return;
    }
    if (kind == '/') {
        completion_offer_expression(&h, 0);
        return;
    }
    if (at <= begin) {
        int verbs = verbs_list(all, 64);
        for (int i = 0; i < verbs; i++)
            completion_offer(&h, all[i].name);
        return;
    }
    if (verbs_find(word, strcspn(word, " "), &verb, &other) != 1)
        return;
    int number = 0; /* of the argument being typed */
    for (int i = begin; i < out->from; i++)
        number += line[i] == ' ' && line[i + 1] != ' ';
    const char *wants = verb.live ? verb.live->arguments : "";
    if (strstr(wants, "KEY") && number == 1) {
        completion_offer_controls(&h);
    } else if (strstr(wants, "KEY") && number == 2) {
        char name[64];
        const char *second = line + begin + strspn(line + begin, " ");
        snprintf(name, sizeof name, "%.*s", (int)strcspn(second, " "), second);
        const struct rt_key *key = rt_key_find(name);
        if (key)
            completion_offer_values(&h, key);
    } else if (!verb.live && (strcmp(verb.name, "sort") == 0 || strcmp(verb.name, "columns") == 0)) {
        out->from = line_word_begin(line, at, " ,");
        out->from += line[out->from] == '-';
        completion_offer_columns(&h, "");
    } else if (!verb.live && strcmp(verb.name, "theme") == 0) {
        for (int i = 0; i < RT_THEMES; i++)
            completion_offer(&h, rt_theme_names[i]);
    } else if (!verb.live && strcmp(verb.name, "help") == 0) {
        int verbs = verbs_list(all, 64);
        for (int i = 0; i < verbs; i++)
            completion_offer(&h, all[i].name);
    } else if (!verb.live && strcmp(verb.name, "compare") == 0) {
        rt_compare_list(view->model, completion_offer_run, &h);
    } else if (strcmp(verb.name, "filter") == 0 || strstr(wants, "WHERE")) {
        out->from = line_word_begin(line, at, " (");
        completion_offer_expression(&h, begin);
    }
}
