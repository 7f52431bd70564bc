/* SPDX-License-Identifier: MIT
 * command: see command.h. */
#include "tui/screen/ui/command.h"

#include "tui/screen/ui/command_verbs.h"

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

/* 0, or the system's number of the first call that failed. */
static int dump_write(const struct rt_canvas *c, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return errno;
    errno = 0;
    rt_canvas_write(c, f);
    int number = !ferror(f) ? 0 : errno ? errno : EIO;
    return fclose(f) && !number ? errno : number;
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
        int number = dump_write(&c, argument);
        if (number)
            rt_message_say(&ui->view.message, true, "%s: %s", argument, strerror(number));
        else
            rt_message_say(&ui->view.message, false, "written: %s", argument);
    }
    rt_canvas_fini(&c);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- finding and doing ----
 * A row of the run's says how many words it takes; how words are split is so the same for every verb, and a new one of
 * the run can be typed at once. */

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
    struct rt_typed_verb verb = {.name = ""};
    const char *other = "";
    if (!*argument)
        return rt_view_go(&ui->view, RT_SCREEN_HELP);
    if (rt_typed_verb_find(argument, strcspn(argument, " "), &verb, &other) != 1) {
        rt_message_say(&ui->view.message, true, "there is no command '%.60s': `:help` lists them", argument);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    rt_message_say(&ui->view.message, false, ":%s %s  %s", verb.name, verb.arguments, verb.help);
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
    struct rt_typed_verb verb = {.name = ""};
    int found = rt_typed_verb_find(word, length, &verb, &other);
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
