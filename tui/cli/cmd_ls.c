/* SPDX-License-Identifier: MIT
 * cmd_ls: `retort ls`: the runs in a folder, each a row: what state it is in, how far, how good. */
#include "tui/cli/cmd.h"
#include "pipeline/data/table.h"

#include "formats/recipe.h"
#include "pipeline/live/client.h"
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH 4 /* folders in folders that are looked into */

static const char usage[] =
    "usage: retort ls [FOLDER]... [options]\n"
    "The runs in these folders (default runs) and in the folders there: state, epoch, best validation.\n"
    "A run that goes on is running, paused or silent (it does not answer); others are done, stopped,\n"
    "failed, ended early (killed) or unreadable.\n\n"
    "  -w, --where EXPR     only those, e.g. 'state = running' or 'best > 0.8 and epochs > 10'\n"
    "      --sort COLUMN    by a column, -COLUMN descending (default: by name)\n"
    "      --columns LIST   only these, comma-separated; all = all there are\n"
    "      --csv, --json    instead of an aligned table\n";

/* Numbers of a run: columns of the table behind run and state, and where they come from. */
enum number { EPOCH, EPOCHS, STEP, STEPS, BEST, BEST_STEP, TEST, PID, NUMBERS };
static const struct {
    const char *name, *sql;
    bool hidden;
} number_column[NUMBERS] = {
    [EPOCH] = {"epoch", "SELECT epoch + 1 FROM metrics WHERE name='loss' AND split='' ORDER BY step DESC LIMIT 1", false},
    [EPOCHS] = {"epochs", NULL, false},
    [STEP] = {"step", "SELECT step FROM metrics WHERE name='loss' AND split='' ORDER BY step DESC LIMIT 1", false},
    [STEPS] = {"steps", NULL, true},
    [BEST] = {"best", "SELECT max(value) FROM metrics WHERE name='top1' AND split='valid'", false},
    [BEST_STEP] = {"best_step", "SELECT step FROM metrics WHERE name='top1' AND split='valid'"
                                " ORDER BY value DESC, step LIMIT 1", true},
    [TEST] = {"test", "SELECT value FROM metrics WHERE name='final.top1' AND split='test'", false},
    [PID] = {"pid", NULL, true},
};

struct run {
    char *folder;
    char state[32], what[128];
    double number[NUMBERS];
};

struct list {
    struct run *run;
    int count, room;
};

/* ---- looking for runs ---- */

static int add(struct list *l, const char *folder)
{
    if (l->count == l->room) {
        int room = l->room ? 2 * l->room : 64;
        struct run *more = realloc(l->run, (size_t)room * sizeof *more);
        if (!more)
            return RT_EMEM;
        l->run = more;
        l->room = room;
    }
    l->run[l->count] = (struct run){.folder = strdup(folder)};
    return l->run[l->count].folder ? (l->count++, 0) : RT_EMEM;
}

/* A run's own folders are not looked into. A folder that cannot be read holds no runs for us. */
static int look_in(struct list *l, const char *folder, int depth)
{
    if (rt_rundir_holds(folder))
        return add(l, folder);
    struct dirent **entry;
    int rc = 0, count = depth ? scandir(folder, &entry, NULL, versionsort) : 0;
    for (int i = 0; i < count; i++) {
        char path[4200];
        struct stat st;
        int n = snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        if (rc == 0 && entry[i]->d_name[0] != '.' && n < (int)sizeof path - 64 && stat(path, &st) == 0 &&
            S_ISDIR(st.st_mode))
            rc = look_in(l, path, depth - 1);
        free(entry[i]);
    }
    if (count > 0)
        free(entry);
    return rc;
}

/* ---- one run ---- */

static int take_text(void *self, int columns, const char **name, const char **value)
{
    (void)columns;
    (void)name;
    snprintf(self, sizeof ((struct run *)0)->state, "%s", value[0] ? value[0] : "");
    return 1;
}

static int take_number(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    *(double *)self = cell[0].number;
    return 1;
}

/* What the run itself says; what run.db says stands where it says nothing. */
static void ask(struct run *r)
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

static void read_run(struct run *r, struct rt_recipe *recipe)
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
        rc = rt_rundb_query(db, "SELECT value FROM meta WHERE key='state'", take_text, r->state, &e);
    for (int k = 0; rc == 0 && k < NUMBERS; k++)
        if (number_column[k].sql)
            rc = rt_rundb_scan(db, number_column[k].sql, take_number, &r->number[k], &e);
    rt_rundb_close(db);
    long pid = rt_rundir_writer(r->folder);
    if (pid) {
        r->number[PID] = pid > 0 ? (double)pid : NAN;
        ask(r);
    } else if (rc < 0)
        snprintf(r->state, sizeof r->state, "unreadable");
    else if (strcmp(r->state, "running") == 0)
        snprintf(r->state, sizeof r->state, "ended early");
}

/* ---- the table ---- */

static int fill(struct rt_table *t, const struct list *l)
{
    int rc = rt_table_init(t, l->count);
    int run = rc == 0 ? rt_table_add(t, "run", "", true) : rc;
    int state = run < 0 ? run : rt_table_add(t, "state", "", true);
    for (int k = 0; state >= 0 && k < NUMBERS; k++) {
        int at = rt_table_add(t, number_column[k].name, "", false);
        if (at < 0)
            return at;
        t->column[at].hidden = number_column[k].hidden;
        for (int i = 0; i < l->count; i++)
            t->column[at].number[i] = (float)l->run[i].number[k];
    }
    int what = state < 0 ? state : rt_table_add(t, "student", "", true);
    for (int i = 0; what >= 0 && i < l->count; i++) {
        rc = rt_table_text(t, i, run, l->run[i].folder);
        if (rc == 0)
            rc = rt_table_text(t, i, state, l->run[i].state);
        if (rc == 0)
            rc = rt_table_text(t, i, what, l->run[i].what);
        if (rc < 0)
            return rc;
    }
    return what < 0 ? what : 0;
}

enum { OPT_SORT = 256, OPT_COLUMNS, OPT_CSV, OPT_JSON };

static int show(const struct rt_table_view *view, const struct list *l, struct rt_error *e)
{
    struct rt_table t;
    int rc = fill(&t, l);
    rc = rc < 0 ? rt_error_set(e, rc, "no memory for %d runs", l->count) : rt_table_show(&t, view, stdout, e);
    rt_table_fini(&t);
    return rc;
}

static int list(const struct rt_table_view *view, char *const *folder, int folders, struct rt_error *e)
{
    static char *const usual[] = {"runs"};
    static struct rt_recipe recipe;
    struct list l = {0};
    struct stat st;
    int rc = 0;
    for (int i = 0; rc == 0 && i < (folders ? folders : 1); i++) {
        const char *in = folders ? folder[i] : usual[0];
        if (stat(in, &st) < 0)
            rc = folders || errno != ENOENT ? rt_error_errno(e, "cannot look into", in) : 0;
        else if ((rc = look_in(&l, in, DEPTH)) < 0)
            rt_error_set(e, rc, "%s: out of memory", in);
    }
    for (int i = 0; rc == 0 && i < l.count; i++)
        read_run(&l.run[i], &recipe);
    if (rc == 0)
        rc = show(view, &l, e);
    for (int i = 0; i < l.count; i++)
        free(l.run[i].folder);
    free(l.run);
    return rc;
}

int cmd_ls(int argc, char **argv)
{
    static const struct option options[] = {
        {"where", required_argument, NULL, 'w'},         {"sort", required_argument, NULL, OPT_SORT},
        {"columns", required_argument, NULL, OPT_COLUMNS}, {"csv", no_argument, NULL, OPT_CSV},
        {"json", no_argument, NULL, OPT_JSON},           {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct rt_table_view view = {0};
    struct rt_error e = {0};
    int c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "w:h", options, NULL)) != -1) {
        switch (c) {
        case 'w': view.where = optarg; break;
        case OPT_SORT: view.sort = optarg; break;
        case OPT_COLUMNS: view.columns = optarg; break;
        case OPT_CSV: view.form = RT_TABLE_CSV; break;
        case OPT_JSON: view.form = RT_TABLE_JSON; break;
        case 'h': fputs(usage, stdout); return RT_EXIT_DONE;
        default: return rt_cmd_usage("ls", "unknown option or missing value");
        }
    }
    return list(&view, argv + optind, argc - optind, &e) < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
