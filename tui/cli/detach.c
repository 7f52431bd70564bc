/* SPDX-License-Identifier: MIT
 * detach: see detach.h. */
#include "tui/cli/detach.h"

#include "formats/file.h"
#include "pipeline/run/run_files.h"
#include "tui/cli/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool rt_detach_possible(void)
{
    const char *name = getenv("TERM");
    return name && *name && strcmp(name, "dumb") != 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
           isatty(STDERR_FILENO);
}

/* ---- in the run ----
 * A session of its own, so that no signal of the terminal reaches it. One fork and not a daemon's two: whoever started
 * the run waits for it, and wants its exit code. Its output stays on the terminal until it has begun, so that what is
 * wrong with recipe or data is read where the command was typed. */

/* As the given descriptor; the file is closed otherwise. */
static int descriptor_replace(int file, int of)
{
    int rc = dup2(file, of) < 0 ? -1 : 0;
    close(file);
    return rc;
}

int rt_detach(struct rt_detach *d, struct rt_error *e)
{
    int end[2];
    fflush(NULL);
    if (pipe2(end, O_CLOEXEC) < 0)
        return rt_error_errno(e, "cannot make", "a pipe");
    d->pid = fork();
    if (d->pid < 0) {
        int rc = rt_error_errno(e, "cannot start", "the run's process");
        close(end[0]);
        close(end[1]);
        return rc;
    }
    d->pipe = end[d->pid ? 0 : 1];
    close(end[d->pid ? 1 : 0]);
    if (d->pid)
        return 1;
    setsid();
    rt_cmd_outlive_readers();
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return nothing < 0 || descriptor_replace(nothing, STDIN_FILENO) < 0 ? rt_error_errno(e, "cannot open", "/dev/null")
                                                                : 0;
}

int rt_detach_begun(struct rt_detach *d, const char *folder, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    rt_run_file_path(folder, RT_RUN_OUTPUT, path, sizeof path);
    fflush(NULL);
    int file = rt_file_open_own(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, e);
    if (file < 0)
        return file;
    if (dup2(file, STDERR_FILENO) < 0 || descriptor_replace(file, STDOUT_FILENO) < 0)
        return rt_error_errno(e, "cannot open", path);
    ssize_t told = write(d->pipe, "", 1); /* nobody may be there to hear it any more */
    (void)told;
    close(d->pipe);
    return 0;
}

/* ---- in the one that started it ---- */

static int status_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int process_wait(int pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status_code(status);
}

static int signal_target; /* the run to be told */

static void signal_pass_on(int number)
{
    int before = errno;
    kill(signal_target, number);
    errno = before;
}

bool rt_detach_wait(struct rt_detach *d, int *code)
{
    struct sigaction pass = {.sa_handler = signal_pass_on}, before[2];
    char byte;
    ssize_t n;
    signal_target = d->pid;
    sigaction(SIGINT, &pass, &before[0]);
    sigaction(SIGTERM, &pass, &before[1]);
    while ((n = read(d->pipe, &byte, 1)) < 0 && errno == EINTR)
        ;
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    close(d->pipe);
    if (n != 1)
        *code = process_wait(d->pid);
    return n == 1;
}

int rt_detach_end(struct rt_detach *d, const char *folder)
{
    char path[RT_RUN_PATH], text[4096];
    size_t n;
    int code = process_wait(d->pid);
    FILE *f = fopen(rt_run_file_path(folder, RT_RUN_OUTPUT, path, sizeof path), "r");
    while (f && (n = fread(text, 1, sizeof text, f)) > 0)
        fwrite(text, 1, n, stdout);
    if (f)
        fclose(f);
    return code;
}
