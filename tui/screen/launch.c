/* SPDX-License-Identifier: MIT
 * launch: see launch.h. No shell is asked: a path is a path, whatever is in it. */
#include "tui/screen/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 16

static const struct {
    const char *variable, *what;
    const char *program[6]; /* each with its words, up to a NULL */
} kinds[RT_LAUNCHES] = {
    [RT_LAUNCH_VIEWER] = {"RETORT_VIEWER", "viewer of pictures", {"xdg-open", "feh", "eog", "display", "open", NULL}},
    [RT_LAUNCH_PLAYER] = {"RETORT_PLAYER", "player of recordings",
                          {"mpv --no-video --really-quiet", "ffplay -nodisp -autoexit -loglevel quiet", "play -q",
                           "pw-play", "paplay", NULL}},
};

/* Whether the program is in one of the folders of PATH. */
static bool program_is_there(const char *words)
{
    const char *at = getenv("PATH");
    size_t n = strcspn(words, " "), folder;
    char file[4096];
    if (memchr(words, '/', n)) {
        snprintf(file, sizeof file, "%.*s", (int)(n < 4000 ? n : 4000), words);
        return access(file, X_OK) == 0;
    }
    for (; at && *at; at += folder + (at[folder] == ':')) {
        folder = strcspn(at, ":");
        snprintf(file, sizeof file, "%.*s/%.*s", (int)(folder < 3800 ? folder : 3800), at, (int)(n < 200 ? n : 200),
                 words);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

static const char *program_find(enum rt_launch what)
{
    const char *asked = getenv(kinds[what].variable);
    if (asked && *asked)
        return program_is_there(asked) ? asked : NULL;
    for (int i = 0; kinds[what].program[i]; i++)
        if (program_is_there(kinds[what].program[i]))
            return kinds[what].program[i];
    return NULL;
}

/* In the child: never returns. A grandchild runs the program, so that nobody has to wait for it. */
static void child_run(char *const *arg)
{
    int nothing = open("/dev/null", O_RDWR);
    if (fork() != 0)
        _exit(0);
    setsid();
    for (int fd = 0; fd < 3; fd++)
        dup2(nothing, fd);
    close_range(3, ~0U, 0); /* neither the run's socket nor its data base */
    signal(SIGINT, SIG_DFL);
    execvp(arg[0], arg);
    _exit(127);
}

int rt_launch(enum rt_launch what, const char *path, const char **name, struct rt_error *e)
{
    static char words[400];
    char *arg[WORDS + 2], *save = NULL, *from;
    int n = 0;
    const char *program = program_find(what);
    char whole[4096];
    if (!program)
        return rt_error_set(e, RT_EMISSING, "no %s is here: name one in %s", kinds[what].what, kinds[what].variable);
    if (!realpath(path, whole)) /* no name of a file is taken for an option */
        return rt_error_errno(e, "cannot open", path);
    snprintf(words, sizeof words, "%s", program);
    for (from = words; n < WORDS && (arg[n] = strtok_r(from, " ", &save)); from = NULL)
        n++;
    arg[n] = whole;
    arg[n + 1] = NULL;
    *name = words;
    pid_t child = fork();
    if (child == 0)
        child_run(arg);
    if (child < 0)
        return rt_error_errno(e, "cannot start", words);
    waitpid(child, NULL, 0);
    return 0;
}
