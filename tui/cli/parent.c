/* SPDX-License-Identifier: MIT
 * parent: see parent.h. A sweep that is killed cannot tell its runs; the kernel can. It is asked for by the run itself,
 * since the one who starts it has no hand in the new process; a parent that died before is found by its number. */
#include "tui/cli/parent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NAME "RETORT_PARENT" /* number of the process to follow */

char **rt_parent_environment(void)
{
    size_t n = 0;
    while (environ[n])
        n++;
    char **list = malloc((n + 2) * sizeof *list + sizeof NAME + 24), **at = list;
    if (!list)
        return NULL;
    char *own = (char *)(list + n + 2);
    sprintf(own, NAME "=%ld", (long)getpid());
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], NAME "=", sizeof NAME) != 0)
            *at++ = environ[i];
    *at++ = own;
    *at = NULL;
    return list;
}

void rt_parent_follow(void)
{
    const char *parent = getenv(NAME);
    if (!parent)
        return;
    prctl(PR_SET_PDEATHSIG, SIGINT);
    if (getppid() != (pid_t)atol(parent))
        raise(SIGINT);
}
