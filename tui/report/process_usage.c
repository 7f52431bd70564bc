/* SPDX-License-Identifier: MIT
 * process_usage: see process_usage.h. */
#include "tui/report/process_usage.h"

#include "pipeline/run/rundir.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AGAIN 2.0

/* A line of the file; "" when there is none. */
static const char *proc_read(long pid, const char *name, char *out, int size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    FILE *f = fopen(path, "r");
    out[0] = '\0';
    if (f && !fgets(out, size, f))
        out[0] = '\0';
    if (f)
        fclose(f);
    return out;
}

/* Seconds of all cores together; negative: not known. The name before the fields may hold anything, blanks too. */
static double usage_seconds(long pid)
{
    char line[1024];
    unsigned long user, system;
    const char *behind = strrchr(proc_read(pid, "stat", line, sizeof line), ')');
    if (!behind || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return -1;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double usage_bytes(long pid)
{
    char line[256];
    unsigned long pages;
    bool known = sscanf(proc_read(pid, "statm", line, sizeof line), "%*u %lu", &pages) == 1;
    return known ? (double)pages * (double)sysconf(_SC_PAGESIZE) : 0;
}

bool rt_process_usage_poll(struct rt_process_usage *u, const char *folder, double now)
{
    if (u->looked > 0 && now - u->looked < AGAIN)
        return false;
    long pid = rt_rundir_writer(folder);
    double used = pid > 0 ? usage_seconds(pid) : -1;
    bool same = used >= 0 && pid == u->pid && now > u->looked;
    u->cores = same ? (used - u->used) / (now - u->looked) : 0;
    u->bytes = used >= 0 ? usage_bytes(pid) : 0;
    u->pid = used >= 0 ? pid : 0;
    u->used = used;
    u->looked = now;
    return true;
}
