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

void rt_compare_home(const struct rt_snapshot *shown, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)(compare_base(shown->folder) - shown->folder), shown->folder);
}

static void compared_fini(struct rt_compared *o)
{
    if (o->run)
        rt_snapshot_fini(o->run);
    free(o->run);
    memset(o, 0, sizeof *o);
}

void rt_compare_fini(struct rt_compare *c)
{
    for (int i = 0; i < c->count; i++)
        compared_fini(&c->other[i]);
    memset(c, 0, sizeof *c);
}

static int compare_place(const struct rt_compare *c, const char *folder)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->other[i].run->folder, folder) == 0)
            return i;
    return -1;
}

bool rt_compare_has(const struct rt_compare *c, const char *folder)
{
    return compare_place(c, folder) >= 0;
}

bool rt_compare_without(struct rt_compare *c, const char *folder)
{
    int at = compare_place(c, folder);
    if (at < 0)
        return false;
    compared_fini(&c->other[at]);
    c->count--;
    memmove(c->other + at, c->other + at + 1, sizeof *c->other * (size_t)(c->count - at));
    return true;
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
    rt_compare_home(shown, home, sizeof home);
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
    struct rt_compared other = {0};
    if (!*folder) {
        rt_compare_fini(c);
        return 0;
    }
    compare_find(shown, folder, path);
    if (rt_compare_has(c, path))
        return 0;
    if (strcmp(path, shown->folder) == 0)
        return rt_error_set(e, RT_EUSAGE, "%s is the run that is shown", path);
    if (c->count == RT_COMPARE_RUNS)
        return rt_error_set(e, RT_EUSAGE, "%d runs lie over already: `:compare` takes all off", c->count);
    other.run = calloc(1, sizeof *other.run);
    int rc = other.run ? compare_open(other.run, path, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc < 0) {
        compared_fini(&other);
        return rc;
    }
    snprintf(other.name, sizeof other.name, "%.39s", compare_base(path));
    c->other[c->count++] = other;
    return 0;
}

bool rt_compare_poll(struct rt_compare *c, double now)
{
    struct rt_error ignored; /* what was read stands */
    bool news = false;
    if (c->count == 0 || now - c->looked < AGAIN)
        return false;
    c->looked = now;
    for (int i = 0; i < c->count; i++)
        news |= rt_snapshot_poll(c->other[i].run, false, &ignored) > 0;
    return news;
}

void rt_compare_list(const struct rt_snapshot *shown, void (*offer)(const void *self, const char *name),
                     const void *self)
{
    char home[4096], path[4400];
    struct dirent **entry;
    rt_compare_home(shown, home, sizeof home);
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
