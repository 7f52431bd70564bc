/* SPDX-License-Identifier: MIT
 * compare: see compare.h. */
#include "tui/screen/compare.h"

#include "pipeline/run/rundir.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN 1.0 /* seconds between two looks */

static const char *compare_base(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return slash && slash[1] ? slash + 1 : folder;
}

/* The folder that holds the run which is shown, with its '/'; "" = the working folder. */
static void compare_home(const struct rt_snapshot *shown, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)(compare_base(shown->folder) - shown->folder), shown->folder);
}

void rt_compare_fini(struct rt_compare *c)
{
    if (c->run)
        rt_snapshot_fini(c->run);
    free(c->run);
    memset(c, 0, sizeof *c);
}

/* The folder as it was typed goes before one of that name beside the run: whoever works in the runs'
 * folder means what lies there. */
static void compare_find(const struct rt_snapshot *shown, const char *folder, char path[4096])
{
    char home[4096];
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    snprintf(path, 4096, "%.*s", (int)n, folder);
    if (rt_rundir_holds(path) || strchr(path, '/'))
        return;
    compare_home(shown, home, sizeof home);
    snprintf(path, 4096, "%.2000s%.*s", home, (int)(n < 2000 ? n : 2000), folder);
}

static int compare_open(struct rt_snapshot *run, const char *path, struct rt_error *e)
{
    RT_TRY(rt_snapshot_open(run, path, e));
    return rt_snapshot_poll(run, false, e);
}

int rt_compare_with(struct rt_compare *c, const struct rt_snapshot *shown, const char *folder, struct rt_error *e)
{
    char path[4096];
    struct rt_compare other = {0};
    if (*folder) {
        compare_find(shown, folder, path);
        other.run = calloc(1, sizeof *other.run);
        int rc = other.run ? compare_open(other.run, path, e) : rt_error_set(e, RT_EMEM, "out of memory");
        if (rc < 0) {
            rt_compare_fini(&other);
            return rc;
        }
        snprintf(other.name, sizeof other.name, "%.39s", compare_base(path));
    }
    rt_compare_fini(c);
    *c = other;
    return 0;
}

bool rt_compare_poll(struct rt_compare *c, double now)
{
    struct rt_error ignored; /* what was read stands */
    if (!c->run || now - c->looked < AGAIN)
        return false;
    c->looked = now;
    return rt_snapshot_poll(c->run, false, &ignored) > 0;
}

void rt_compare_list(const struct rt_snapshot *shown, void (*offer)(const void *self, const char *name),
                     const void *self)
{
    char home[4096], path[4400];
    struct dirent **entry;
    compare_home(shown, home, sizeof home);
    int count = scandir(*home ? home : ".", &entry, NULL, versionsort);
    for (int i = 0; i < count; i++) {
        const char *name = entry[i]->d_name;
        snprintf(path, sizeof path, "%s%s", home, name);
        if (*name != '.' && strcmp(name, compare_base(shown->folder)) != 0 && rt_rundir_holds(path))
            offer(self, name);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
}
