/* SPDX-License-Identifier: MIT
 * runs_table: see runs_table.h. */
#include "tui/report/runs_table.h"

#include "formats/recipe.h"
#include "pipeline/live/client.h"
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH 4 /* folders in folders that are looked into */

/* Numbers of a run: columns of the table behind run and state, and where they come from. Those of trials stand only
 * where one of the runs has any: most people have none, and a column of blanks tells them nothing. */
enum number { EPOCH, EPOCHS, STEP, STEPS, BEST, BEST_STEP, TEST, EER, TEST_EER, PID, NUMBERS };
static const struct {
    const char *name, *sql;
    bool hidden, of_trials;
} number_column[NUMBERS] = {
    [EPOCH] = {"epoch", "SELECT epoch + 1 FROM metrics WHERE name='loss' AND split=''"
                        " ORDER BY step DESC LIMIT 1"},
    [EPOCHS] = {"epochs", NULL},
    [STEP] = {"step", "SELECT step FROM metrics WHERE name='loss' AND split='' ORDER BY step DESC LIMIT 1"},
    [STEPS] = {"steps", NULL, .hidden = true},
    [BEST] = {"best", "SELECT max(value) FROM metrics WHERE name='top1' AND split='valid'"},
    [BEST_STEP] = {"best_step", "SELECT step FROM metrics WHERE name='top1' AND split='valid'"
                                " ORDER BY value DESC, step LIMIT 1", .hidden = true},
    [TEST] = {"test", "SELECT value FROM metrics WHERE name='final.top1' AND split='test'"},
    [EER] = {"eer", "SELECT min(value) FROM metrics WHERE name='eer' AND split='valid'", .of_trials = true},
    [TEST_EER] = {"test_eer", "SELECT value FROM metrics WHERE name='final.eer' AND split='test'", .of_trials = true},
    [PID] = {"pid", NULL, .hidden = true},
};
/* With trials the lowest EER is what was best. */
static const char best_by_eer[] = "SELECT step FROM metrics WHERE name='eer' AND split='valid'"
                                  " ORDER BY value, step LIMIT 1";

struct rt_run_row {
    char *folder;
    char state[32], what[128];
    double number[NUMBERS];
};

/* ---- looking for runs ---- */

static int runs_add(struct rt_runs *l, const char *folder)
{
    if (l->count == l->room) {
        int room = l->room ? 2 * l->room : 64;
        struct rt_run_row *more = realloc(l->run, (size_t)room * sizeof *more);
        if (!more)
            return RT_EMEM;
        l->run = more;
        l->room = room;
    }
    l->run[l->count] = (struct rt_run_row){.folder = strdup(folder)};
    return l->run[l->count].folder ? (l->count++, 0) : RT_EMEM;
}

/* A run's own folders are not looked into. A folder that cannot be read holds no runs for us. */
static int runs_look_in(struct rt_runs *l, const char *folder, int depth)
{
    if (rt_rundir_holds(folder))
        return runs_add(l, folder);
    struct dirent **entry;
    int rc = 0, count = depth ? scandir(folder, &entry, NULL, versionsort) : 0;
    for (int i = 0; i < count; i++) {
        char path[4200];
        struct stat st;
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        if (rc == 0 && entry[i]->d_name[0] != '.' && n < (int)sizeof path - 64 && stat(path, &st) == 0 &&
            S_ISDIR(st.st_mode))
            rc = runs_look_in(l, path, depth - 1);
        free(entry[i]);
    }
    if (count > 0)
        free(entry);
    return rc;
}

/* ---- one run ---- */

static int cell_text(void *self, int columns, const char **name, const char **value)
{
    (void)columns;
    (void)name;
    snprintf(self, sizeof ((struct rt_run_row *)0)->state, "%s", value[0] ? value[0] : "");
    return 1;
}

static int cell_number(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    *(double *)self = cell[0].number;
    return 1;
}

/* What the run itself says; what run.db says stands where it says nothing. */
static void run_ask(struct rt_run_row *r)
{
    static const struct {
        enum number number;
        const char *name;
    } value[] = {{EPOCH, "epoch"}, {EPOCHS, "epochs"}, {STEP, "step"}, {STEPS, "steps"}};
    struct rt_client *c = NULL;
    struct rt_error ignored;
    const char *line;
    char text[64];
    snprintf(r->state, sizeof r->state, "silent");
    if (rt_client_open(&c, r->folder, &ignored) == 0 &&
        rt_client_ask(c, "ls", "status", NULL, 0, &line, &ignored) == 0) {
        rt_client_value(line, "state", r->state, sizeof r->state);
        for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
            rt_client_value(line, value[i].name, text, sizeof text);
            if (*text)
                r->number[value[i].number] = atof(text);
        }
    }
    rt_client_close(c);
}

static void run_read(struct rt_run_row *r, struct rt_recipe *recipe)
{
    char path[RT_RUN_PATH];
    struct rt_rundb *db = NULL;
    struct rt_error e = {0};
    for (int k = 0; k < NUMBERS; k++)
        r->number[k] = NAN;
    if (rt_recipe_load(recipe, rt_rundir_path(r->folder, RT_RUN_RECIPE, path, sizeof path), &e) == 0) {
        snprintf(r->what, sizeof r->what, "%.15s %.60s%s%.40s", rt_modality_names[recipe->student_modality],
                 rt_net_names[recipe->student_net],
                 recipe->teacher_model[0] ? " < " : "", recipe->teacher_model);
        if (recipe->train_steps)
            r->number[STEPS] = (double)recipe->train_steps;
        else
            r->number[EPOCHS] = (double)recipe->train_epochs;
    }
    int rc = rt_rundb_open_run(&db, r->folder, &e);
    if (rc == 0)
        rc = rt_rundb_query(db, "SELECT value FROM meta WHERE key='state'", cell_text, r->state, &e);
    for (int k = 0; rc == 0 && k < NUMBERS; k++)
        if (number_column[k].sql)
            rc = rt_rundb_scan(db, number_column[k].sql, cell_number, &r->number[k], &e);
    if (rc == 0 && !isnan(r->number[EER]))
        rc = rt_rundb_scan(db, best_by_eer, cell_number, &r->number[BEST_STEP], &e);
    rt_rundb_close(db);
    long pid = rt_rundir_writer(r->folder);
    if (pid) {
        r->number[PID] = pid > 0 ? (double)pid : NAN;
        run_ask(r);
    } else if (rc < 0)
        snprintf(r->state, sizeof r->state, "unreadable");
    else if (strcmp(r->state, "running") == 0)
        snprintf(r->state, sizeof r->state, "ended early");
}

/* ---- the table ---- */

static int runs_table_text(struct rt_table *t, const struct rt_runs *l, int run, int state, int student)
{
    for (int i = 0; i < l->count; i++) {
        RT_TRY(rt_table_text(t, i, run, l->run[i].folder));
        RT_TRY(rt_table_text(t, i, state, l->run[i].state));
        RT_TRY(rt_table_text(t, i, student, l->run[i].what));
    }
    return 0;
}

static bool runs_have(const struct rt_runs *l, enum number k)
{
    for (int i = 0; i < l->count; i++)
        if (!isnan(l->run[i].number[k]))
            return true;
    return false;
}

static int runs_table_fill(struct rt_table *t, const struct rt_runs *l)
{
    RT_TRY(rt_table_init(t, l->count));
    int run = rt_table_add(t, "run", "", true), state = rt_table_add(t, "state", "", true);
    for (int k = 0; k < NUMBERS; k++) {
        int at = rt_table_add(t, number_column[k].name, "", false);
        RT_TRY(at);
        t->column[at].hidden = number_column[k].hidden || (number_column[k].of_trials && !runs_have(l, (enum number)k));
        for (int i = 0; i < l->count; i++)
            t->column[at].number[i] = (float)l->run[i].number[k];
    }
    int student = rt_table_add(t, "student", "", true);
    return run < 0 || state < 0 || student < 0 ? RT_EMEM : runs_table_text(t, l, run, state, student);
}

/* ---- from outside ---- */

int rt_runs_look(struct rt_runs *r, const char *folder, struct rt_error *e)
{
    struct stat st;
    if (stat(folder, &st) < 0)
        return rt_error_errno(e, "cannot look into", folder);
    int rc = runs_look_in(r, folder, DEPTH);
    return rc < 0 ? rt_error_set(e, rc, "%s: out of memory", folder) : 0;
}

int rt_runs_table(struct rt_table *t, struct rt_runs *r, struct rt_error *e)
{
    struct rt_recipe *recipe = malloc(sizeof *recipe);
    memset(t, 0, sizeof *t);
    for (int i = 0; recipe && i < r->count; i++)
        run_read(&r->run[i], recipe);
    int rc = recipe ? runs_table_fill(t, r) : RT_EMEM;
    free(recipe);
    return rc < 0 ? rt_error_set(e, rc, "no memory for %d runs", r->count) : 0;
}

void rt_runs_fini(struct rt_runs *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->run[i].folder);
    free(r->run);
}
