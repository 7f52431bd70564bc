/* SPDX-License-Identifier: MIT
 * runs_table: see runs_table.h. */
#include "tui/report/runs_table.h"

#include "formats/recipe.h"
#include "pipeline/live/client.h"
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "tui/report/run_length.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH 4 /* folders in folders that are looked into */

/* Numbers of a run: columns of the table behind run and state, and where they come from. Those of trials stand only
 * where one of the runs has any: most people have none, and a column of blanks tells them nothing. */
enum number { EPOCH, EPOCHS, STEP, STEPS, PROGRESS, BEST, BEST_STEP, TEST, EER, TEST_EER, PID, NUMBERS };
static const struct {
    const char *name, *sql;
    bool hidden, of_trials, fraction;
} number_column[NUMBERS] = {
    [EPOCH] = {"epoch", "SELECT epoch + 1 FROM metrics WHERE name='loss' AND split=''"
                        " ORDER BY step DESC LIMIT 1"},
    [EPOCHS] = {"epochs", NULL},
    [STEP] = {"step", "SELECT step FROM metrics WHERE name='loss' AND split='' ORDER BY step DESC LIMIT 1"},
    [STEPS] = {"steps", NULL, .hidden = true},
    [PROGRESS] = {"progress", NULL, .hidden = true, .fraction = true},
    [BEST] = {"best", "SELECT max(value) FROM metrics WHERE name='top1' AND split='valid'", .fraction = true},
    [BEST_STEP] = {"best_step", "SELECT step FROM metrics WHERE name='top1' AND split='valid'"
                                " ORDER BY value DESC, step LIMIT 1", .hidden = true},
    [TEST] = {"test", "SELECT value FROM metrics WHERE name='final.top1' AND split='test'", .fraction = true},
    [EER] = {"eer", "SELECT min(value) FROM metrics WHERE name='eer' AND split='valid'", .of_trials = true,
             .fraction = true},
    [TEST_EER] = {"test_eer", "SELECT value FROM metrics WHERE name='final.eer' AND split='test'", .of_trials = true,
                  .fraction = true},
    [PID] = {"pid", NULL, .hidden = true},
};
/* With trials the lowest EER is what was best. */
static const char best_by_eer[] = "SELECT step FROM metrics WHERE name='eer' AND split='valid'"
                                  " ORDER BY value, step LIMIT 1";

#define CURVE 12        /* columns of a run's curve */
#define CURVE_POINTS 4096 /* evaluations of which it is drawn: the first */

/* When its files were written last, and how long they are: zero where there is none. */
struct stamp {
    struct timespec time[3];
    off_t size[3];
};

struct rt_run_row {
    char *folder;
    struct stamp stamp;
    bool live; /* when it was read */
    char state[32], what[128], curve[3 * CURVE + 1];
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
    if (count < 0 && errno == ENOMEM)
        return RT_EMEM;
    for (int i = 0; i < count; i++) {
        char path[4200];
        struct stat st;
        bool here = strcmp(folder, ".") == 0;
        int n = snprintf(path, sizeof path, "%s%s%s", here ? "" : folder, here ? "" : "/", entry[i]->d_name);
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
/* A run that does not answer is silent; RT_EMEM is of this process. */
static int run_ask(struct rt_run_row *r)
{
    static const struct {
        enum number number;
        const char *name;
    } value[] = {{EPOCH, "epoch"}, {EPOCHS, "epochs"}, {STEP, "step"}, {STEPS, "steps"}};
    struct rt_client *c = NULL;
    struct rt_error ignored;
    const char *line = "";
    char text[64];
    snprintf(r->state, sizeof r->state, "silent");
    int rc = rt_client_open(&c, r->folder, &ignored);
    if (rc == 0)
        rc = rt_client_ask(c, "ls", "status", NULL, 0, &line, &ignored);
    if (rc == 0)
        rc = rt_client_value(line, "state", r->state, sizeof r->state);
    for (size_t i = 0; i < sizeof value / sizeof *value && rc == 0; i++) {
        rc = rt_client_value(line, value[i].name, text, sizeof text);
        if (*text)
            r->number[value[i].number] = atof(text);
    }
    rt_client_close(c);
    return rc == RT_EMEM ? rc : 0;
}

/* ---- its curve ----
 * The shape alone, as high as it is wide: two runs are told apart by their figures, and one that learns from one that
 * does not by this. Of validation, else of the training loss. */

struct curve {
    double *value; /* [CURVE_POINTS] */
    int count;
};

static int curve_take(void *self, int columns, const struct rt_rundb_cell *cell)
{
    struct curve *v = self;
    (void)columns;
    if (v->count < CURVE_POINTS && isfinite(cell[0].number))
        v->value[v->count++] = cell[0].number;
    return v->count == CURVE_POINTS;
}

static void curve_draw(const struct curve *v, char *text)
{
    int columns = v->count < CURVE ? v->count : CURVE;
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < v->count; i++) {
        low = fmin(low, v->value[i]);
        high = fmax(high, v->value[i]);
    }
    for (int x = 0; x < columns; x++) {
        double value = v->value[(x + 1) * v->count / columns - 1];
        double at = (value - low) / (high - low); /* of a file from anywhere: it may overflow */
        int level = !(high > low) ? 3 : at > 0 && at <= 1 ? (int)(7.999 * at) : 0;
        memcpy(text + 3 * x, (char[]){'\xe2', '\x96', (char)('\x81' + level)}, 3); /* U+2581 to U+2588 */
    }
    text[3 * columns] = '\0';
}

static int run_read_curve(struct rt_run_row *r, struct rt_rundb *db, struct rt_error *e)
{
    static const char *const sql[] = {
        "SELECT value FROM metrics WHERE name='eer' AND split='valid' ORDER BY step",
        "SELECT value FROM metrics WHERE name='top1' AND split='valid' ORDER BY step",
        "SELECT value FROM metrics WHERE name='loss' AND split='train' ORDER BY step",
    };
    struct curve v = {malloc(sizeof *v.value * CURVE_POINTS), 0};
    int rc = v.value ? 0 : RT_EMEM;
    for (size_t i = 0; rc == 0 && v.count == 0 && i < sizeof sql / sizeof *sql; i++)
        rc = rt_rundb_scan(db, sql[i], curve_take, &v, e);
    curve_draw(&v, r->curve);
    free(v.value);
    return rc;
}

/* Of what was read, so it is taken before anything is. */
static struct stamp run_stamp(const char *folder)
{
    static const struct {
        enum rt_run_file file;
        const char *behind;
    } part[3] = {{RT_RUN_DB, ""}, {RT_RUN_DB, "-wal"}, {RT_RUN_RECIPE, ""}};
    struct stamp stamp = {0};
    for (int i = 0; i < 3; i++) {
        char path[RT_RUN_PATH], name[RT_RUN_PATH + 8];
        struct stat st;
        snprintf(name, sizeof name, "%s%s", rt_run_file_path(folder, part[i].file, path, sizeof path), part[i].behind);
        if (stat(name, &st) == 0) {
            stamp.time[i] = st.st_mtim;
            stamp.size[i] = st.st_size;
        }
    }
    return stamp;
}

static bool stamp_same(const struct stamp *a, const struct stamp *b)
{
    bool same = true;
    for (int i = 0; i < 3; i++)
        same &= a->time[i].tv_sec == b->time[i].tv_sec && a->time[i].tv_nsec == b->time[i].tv_nsec &&
                a->size[i] == b->size[i];
    return same;
}

/* A run that is done has gone all its way: it may have ended before the last step that was planned. */
static void run_find_progress(struct rt_run_row *r)
{
    const double *n = r->number;
    double steps = n[STEP] / n[STEPS], epochs = n[EPOCH] / n[EPOCHS];
    r->number[PROGRESS] = strcmp(r->state, "done") == 0 ? 1 : isnan(steps) ? epochs : steps;
}

/* What a teacher is called: its run's folder or its file. The folders above are the same for all in most lists, and
 * would take the room. */
static const char *teacher_name(const char *path, char name[RT_RUN_PATH])
{
    snprintf(name, RT_RUN_PATH, "%s", path);
    char *at = strrchr(name, '/');
    while (at && at > name && (!at[1] || strcmp(at + 1, rt_run_file_name(RT_RUN_MODEL)) == 0)) {
        *at = '\0';
        at = strrchr(name, '/');
    }
    return at ? at + 1 : name;
}

/* What cannot be read is not known, or "unreadable"; what there was no memory for is an error. */
static int run_read(struct rt_run_row *r, struct rt_recipe *recipe)
{
    char path[RT_RUN_PATH], teacher[RT_RUN_PATH];
    struct rt_rundb *db = NULL;
    struct rt_error e = {0};
    bool known = false;
    r->stamp = run_stamp(r->folder);
    for (int k = 0; k < NUMBERS; k++)
        r->number[k] = NAN;
    int rc = rt_recipe_load(recipe, rt_run_file_path(r->folder, RT_RUN_RECIPE, path, sizeof path), &e);
    if (rc == RT_EMEM)
        return rc;
    if (rc == 0) {
        snprintf(r->what, sizeof r->what, "%.15s %.60s%s%.40s", rt_modality_names[recipe->student_modality],
                 rt_net_names[recipe->student_net],
                 recipe->teacher_model[0] ? " < " : "", teacher_name(recipe->teacher_model, teacher));
        known = true;
    }
    rc = rt_rundb_open_run(&db, r->folder, &e);
    if (rc == 0)
        rc = rt_rundb_look_begin(db, &e);
    if (rc == 0 && known)
        rc = rt_run_length(db, recipe, &e);
    if (known && recipe->train_steps)
        r->number[STEPS] = (double)recipe->train_steps;
    else if (known)
        r->number[EPOCHS] = (double)recipe->train_epochs;
    if (rc == 0)
        rc = rt_rundb_query(db, "SELECT value FROM meta WHERE key='state'", cell_text, r->state, &e);
    for (int k = 0; rc == 0 && k < NUMBERS; k++)
        if (number_column[k].sql)
            rc = rt_rundb_scan(db, number_column[k].sql, cell_number, &r->number[k], &e);
    if (rc == 0 && !isnan(r->number[EER]))
        rc = rt_rundb_scan(db, best_by_eer, cell_number, &r->number[BEST_STEP], &e);
    if (rc == 0)
        rc = run_read_curve(r, db, &e);
    rt_rundb_close(db);
    if (rc == RT_EMEM)
        return rc;
    long pid = rt_rundir_writer(r->folder);
    r->live = pid != 0;
    if (pid) {
        r->number[PID] = pid > 0 ? (double)pid : NAN;
        RT_TRY(run_ask(r));
    } else if (rc < 0)
        snprintf(r->state, sizeof r->state, "unreadable");
    else if (strcmp(r->state, "running") == 0)
        snprintf(r->state, sizeof r->state, "ended early");
    run_find_progress(r);
    return 0;
}

/* ---- the table ---- */

static int runs_table_text(struct rt_table *t, const struct rt_runs *l, const int column[4])
{
    for (int i = 0; i < t->rows; i++) {
        RT_TRY(rt_table_text(t, i, column[0], l->run[i].folder));
        RT_TRY(rt_table_text(t, i, column[1], l->run[i].state));
        RT_TRY(rt_table_text(t, i, column[2], l->run[i].what));
        RT_TRY(rt_table_text(t, i, column[3], l->run[i].curve));
    }
    return 0;
}

static bool runs_have(const struct rt_runs *l, int n, enum number k)
{
    for (int i = 0; i < n; i++)
        if (!isnan(l->run[i].number[k]))
            return true;
    return false;
}

static int runs_table_fill(struct rt_table *t, const struct rt_runs *l, int n)
{
    RT_TRY(rt_table_init(t, n));
    int run = rt_table_add(t, "run", "", true), state = rt_table_add(t, "state", "", true);
    for (int k = 0; k < NUMBERS; k++) {
        int at = rt_table_add(t, number_column[k].name, number_column[k].fraction ? "%" : "", false);
        RT_TRY(at);
        bool none = number_column[k].of_trials && !runs_have(l, n, (enum number)k);
        t->column[at].hidden = number_column[k].hidden || none;
        for (int i = 0; i < n; i++)
            t->column[at].number[i] = (float)l->run[i].number[k];
    }
    int student = rt_table_add(t, "student", "", true), curve = rt_table_add(t, "curve", "", true);
    if (run < 0 || state < 0 || student < 0 || curve < 0)
        return RT_EMEM;
    t->column[curve].hidden = true;
    return runs_table_text(t, l, (int[]){run, state, student, curve});
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

int rt_runs_read(struct rt_runs *r, int i)
{
    struct rt_recipe *recipe = malloc(sizeof *recipe);
    if (!recipe)
        return RT_EMEM;
    int rc = run_read(&r->run[i], recipe);
    free(recipe);
    return rc;
}

/* Hundreds of finished runs, looked at every other second, took a third of a core. The stamp is of before the reading,
 * so whatever was written meanwhile makes another. */
int rt_runs_read_anew(struct rt_runs *r, int i, const struct rt_runs *before)
{
    struct rt_run_row *now = &r->run[i];
    for (int k = 0; k < before->count; k++) {
        const struct rt_run_row *then = &before->run[(i + k) % before->count]; /* most stand where they stood */
        if (strcmp(then->folder, now->folder) != 0)
            continue;
        struct stamp stamp = run_stamp(now->folder);
        if (then->live || rt_rundir_writer(now->folder) || !stamp_same(&then->stamp, &stamp))
            break;
        char *folder = now->folder;
        *now = *then;
        now->folder = folder;
        return 0;
    }
    return rt_runs_read(r, i);
}

int rt_runs_part(struct rt_table *t, const struct rt_runs *r, int n, struct rt_error *e)
{
    memset(t, 0, sizeof *t);
    int rc = runs_table_fill(t, r, n);
    return rc < 0 ? rt_error_set(e, rc, "no memory for %d runs", n) : 0;
}

int rt_runs_table(struct rt_table *t, struct rt_runs *r, struct rt_error *e)
{
    memset(t, 0, sizeof *t);
    for (int i = 0; i < r->count; i++)
        if (rt_runs_read(r, i) < 0)
            return rt_error_set(e, RT_EMEM, "no memory for %d runs", r->count);
    return rt_runs_part(t, r, r->count, e);
}

void rt_runs_fini(struct rt_runs *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->run[i].folder);
    free(r->run);
}
