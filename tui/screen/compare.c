/* SPDX-License-Identifier: MIT
 * compare: see compare.h. */
#include "tui/screen/compare.h"

#include "pipeline/run/rundir.h"
#include "tui/screen/screen.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN 1.0 /* seconds between two looks */

static const char *base_of(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return slash && slash[1] ? slash + 1 : folder;
}

/* The folder that holds the run which is shown, with its '/'; "" = the working folder. */
static void home_of(const struct rt_ui *ui, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)(base_of(ui->model->folder) - ui->model->folder), ui->model->folder);
}

void rt_compare_fini(struct rt_compare *c)
{
    if (c->run)
        rt_snapshot_fini(c->run);
    free(c->run);
    memset(c, 0, sizeof *c);
}

bool rt_compare_with(struct rt_ui *ui, const char *folder)
{
    char path[4096], home[4096];
    struct rt_error e = {0};
    struct rt_compare c = {0};
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    if (n) {
        snprintf(path, sizeof path, "%.*s", (int)n, folder);
        home_of(ui, home, sizeof home);
        if (!rt_rundir_holds(path) && !strchr(path, '/'))
            snprintf(path, sizeof path, "%.2000s%.*s", home, (int)(n < 2000 ? n : 2000), folder);
        c.run = calloc(1, sizeof *c.run);
        int rc = c.run ? rt_snapshot_open(c.run, path, &e) : rt_error_set(&e, RT_EMEM, "out of memory");
        if (rc == 0)
            rc = rt_snapshot_poll(c.run, false, &e);
        if (rc < 0) {
            rt_compare_fini(&c);
            rt_ui_say(ui, true, "%s", e.text);
            return false;
        }
        snprintf(c.name, sizeof c.name, "%.39s", base_of(path));
    }
    rt_compare_fini(&ui->compare);
    ui->compare = c;
    return true;
}

unsigned rt_compare_poll(struct rt_ui *ui, double now)
{
    struct rt_compare *c = &ui->compare;
    struct rt_error ignored; /* what was read stands */
    if (!c->run || now - c->looked < AGAIN)
        return RT_DID_NOTHING;
    c->looked = now;
    return rt_snapshot_poll(c->run, false, &ignored) > 0 ? RT_DID_DRAW : RT_DID_NOTHING;
}

void rt_compare_list(const struct rt_ui *ui, void (*offer)(const void *self, const char *name), const void *self)
{
    char home[4096], path[4400];
    struct dirent **entry;
    home_of(ui, home, sizeof home);
    int count = scandir(*home ? home : ".", &entry, NULL, versionsort);
    for (int i = 0; i < count; i++) {
        const char *name = entry[i]->d_name;
        snprintf(path, sizeof path, "%s%s", home, name);
        if (*name != '.' && strcmp(name, base_of(ui->model->folder)) != 0 && rt_rundir_holds(path))
            offer(self, name);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
}
