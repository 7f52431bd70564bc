/* SPDX-License-Identifier: MIT
 * run_card: see run_card.h. */
#include "tui/report/run_card.h"

#include "formats/recipe.h"
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "tui/report/run_length.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_TAIL 4096 /* bytes of log.txt that hold its last line */
#define LAST_UPDATE " FROM metrics WHERE name='loss' AND split='' ORDER BY step DESC LIMIT 1"

static void card_add(struct rt_run_card *card, const char *title, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void card_add(struct rt_run_card *card, const char *title, const char *format, ...)
{
    va_list args;
    if (card->lines == RT_CARD_LINES)
        return;
    struct rt_card_line *line = &card->line[card->lines++];
    *line = (struct rt_card_line){.command = strcmp(title, "next") == 0};
    line->command |= !*title && card->lines > 1 && line[-1].command;
    snprintf(line->title, sizeof line->title, "%s", title);
    va_start(args, format);
    vsnprintf(line->text, sizeof line->text, format, args);
    va_end(args);
}

/* ---- figures ----
 * Those of the end where there are any; of a run that did not get there, the best evaluation's. */

static int card_take_number(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    *(double *)self = cell[0].number;
    return 1;
}

/* Notes that there was no memory for something. */
static int card_check(struct rt_run_card *card, int rc)
{
    card->short_of_memory |= rc == RT_EMEM;
    return rc;
}

/* NaN when there is none. */
static double card_number(struct rt_run_card *card, struct rt_rundb *db, const char *sql)
{
    struct rt_error ignored;
    double value = NAN;
    card_check(card, rt_rundb_scan(db, sql, card_take_number, &value, &ignored));
    return value;
}

static double card_final(struct rt_run_card *card, struct rt_rundb *db, const char *split, const char *name)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT value FROM metrics WHERE name='final.%s' AND split='%s'", name, split);
    return card_number(card, db, sql);
}

static void card_add_results(struct rt_run_card *card, struct rt_rundb *db)
{
    static const char *const splits[] = {"valid", "test", "noisy"};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        double top1 = card_final(card, db, splits[i], "top1"), f1 = card_final(card, db, splits[i], "macro_f1");
        double eer = card_final(card, db, splits[i], "eer"), dcf = card_final(card, db, splits[i], "min_dcf");
        if (!isnan(top1))
            card_add(card, splits[i], "top-1 %.1f %%, macro-F1 %.1f %%", 100 * top1, 100 * f1);
        if (!isnan(eer))
            card_add(card, isnan(top1) ? splits[i] : "", "EER %.2f %%, minDCF %.3f", 100 * eer, dcf);
    }
}

static void card_add_best(struct rt_run_card *card, struct rt_rundb *db)
{
    double best = card_number(card, db, "SELECT max(value) FROM metrics WHERE name='top1' AND split='valid'");
    double eer = card_number(card, db, "SELECT min(value) FROM metrics WHERE name='eer' AND split='valid'");
    double teacher = card_number(card, db, "SELECT value FROM metrics WHERE name='teacher.top1' AND split='valid'"
                                           " ORDER BY step DESC LIMIT 1");
    double step = card_number(card, db, !isnan(eer) ? "SELECT step FROM metrics WHERE name='eer' AND split='valid'"
                                                      " ORDER BY value, step LIMIT 1"
                                                    : "SELECT step FROM metrics WHERE name='top1' AND split='valid'"
                                                      " ORDER BY value DESC, step LIMIT 1");
    char beside[60] = "";
    if (!isnan(teacher))
        snprintf(beside, sizeof beside, "; the teacher %.1f %%", 100 * teacher);
    if (!isnan(eer))
        card_add(card, "best", "EER %.2f %% on validation at step %.0f", 100 * eer, step);
    else if (!isnan(best))
        card_add(card, "best", "top-1 %.1f %% on validation at step %.0f%s", 100 * best, step, beside);
}

/* ---- state ---- */

struct card_meta {
    char state[32], limit[400], manifest[512], left_out[100];
};

static int card_take_note(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    snprintf(self, sizeof ((struct card_meta *)0)->left_out, "%s", cell[0].text ? cell[0].text : "");
    return 1;
}

static int card_take_meta(void *self, int columns, const struct rt_rundb_cell *cell)
{
    struct card_meta *m = self;
    (void)columns;
    const char *key = cell[0].text ? cell[0].text : "", *value = cell[1].text ? cell[1].text : "";
    if (strcmp(key, "state") == 0)
        snprintf(m->state, sizeof m->state, "%s", value);
    else if (strcmp(key, "limit") == 0)
        snprintf(m->limit, sizeof m->limit, "%s", value);
    else if (strcmp(key, "manifest") == 0)
        snprintf(m->manifest, sizeof m->manifest, "%s", value);
    return 0;
}

/* Why a run failed is the last thing its log says. */
static void card_add_reason(struct rt_run_card *card, const char *folder)
{
    char path[RT_RUN_PATH], text[LOG_TAIL + 1];
    FILE *f = fopen(rt_run_file_path(folder, RT_RUN_LOG, path, sizeof path), "r");
    if (!f) {
        card_check(card, errno == ENOMEM ? RT_EMEM : 0);
        return;
    }
    if (fseek(f, -LOG_TAIL, SEEK_END) < 0)
        rewind(f);
    size_t n = fread(text, 1, LOG_TAIL, f);
    fclose(f);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n] = '\0';
    const char *last = strrchr(text, '\n');
    card_add(card, "why", "%.600s", last ? last + 1 : text);
}

static const char *card_state(const char *folder, struct card_meta *m)
{
    if (strcmp(m->state, "running") != 0)
        return *m->state ? m->state : "unreadable";
    return rt_rundir_writer(folder) ? "running" : "ended early";
}

static void card_add_run(struct rt_run_card *card, const char *folder, struct rt_rundb *db, const char *state)
{
    char path[RT_RUN_PATH], steps[40] = "", epochs[40] = "";
    struct rt_recipe *r = malloc(sizeof *r);
    struct rt_error ignored;
    int rc = r ? rt_recipe_load(r, rt_run_file_path(folder, RT_RUN_RECIPE, path, sizeof path), &ignored) : RT_EMEM;
    double step = card_number(card, db, "SELECT step" LAST_UPDATE);
    double epoch = card_number(card, db, "SELECT epoch + 1" LAST_UPDATE);
    card_add(card, "run", "%.400s: %s", folder, state);
    if (card_check(card, rc) == 0) {
        card_add(card, r->teacher_model[0] ? "student" : "model", "%s %s%s%.300s",
                 rt_modality_names[r->student_modality], rt_net_names[r->student_net],
                 r->teacher_model[0] ? ", taught by " : "", r->teacher_model);
        card_check(card, rt_run_length(db, r, &ignored));
        if (r->train_steps)
            snprintf(steps, sizeof steps, " of %lld", (long long)r->train_steps);
        else
            snprintf(epochs, sizeof epochs, " of %lld", (long long)r->train_epochs);
    }
    free(r);
    if (!isnan(step))
        card_add(card, "length", "%.0f%s steps, %.0f%s epochs", step, steps, epoch, epochs);
}

/* ---- what to do with it ---- */

/* As a shell takes it: quoted where it has to be. */
static const char *shell_word(const char *path, char out[1100])
{
    if (strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+=") == strlen(path) ||
        strchr(path, '\'') || strlen(path) > 1000)
        return path;
    snprintf(out, 1100, "'%s'", path);
    return out;
}

static void card_add_model(struct rt_run_card *card, const char *folder)
{
    char path[RT_RUN_PATH];
    struct stat st;
    if (stat(rt_run_file_path(folder, RT_RUN_MODEL, path, sizeof path), &st) == 0)
        card_add(card, "model", "%.600s (%.2f MB)", path, (double)st.st_size / 1e6);
}

static void card_add_next(struct rt_run_card *card, const char *folder, const struct card_meta *m, const char *state)
{
    char word[1100], manifest[1100];
    const char *run = shell_word(folder, word), *samples = shell_word(m->manifest, manifest);
    if (strcmp(state, "running") == 0) {
        card_add(card, "next", "retort ctl %s status", run);
        card_add(card, "", "retort ctl %s stop", run);
    } else if (strcmp(state, "done") == 0) {
        card_add(card, "next", "retort eval %.250s %.300s --confusion --by split", run,
                 *samples ? samples : "MANIFEST");
        card_add(card, "", "retort inspect %s -w 'correct = 0' --sort -p -n 20", run);
        card_add(card, "", "retort predict %s FILE...", run);
        card_add(card, "", "retort export %.300s -o %.300s.onnx", run, run);
    } else if (rt_run_file_exists(folder, RT_RUN_RECIPE)) {
        card_add(card, "next", "retort run --resume %s", run);
    }
}

static void card_add_all(struct rt_run_card *card, const char *folder, struct rt_rundb *db)
{
    struct rt_error ignored;
    struct card_meta m = {"", "", "", ""};
    card_check(card, rt_rundb_look_begin(db, &ignored)); /* a run that ends meanwhile */
    card_check(card, rt_rundb_scan(db, "SELECT key, value FROM meta", card_take_meta, &m, &ignored));
    const char *state = card_state(folder, &m);
    /* What decode noted: counting the samples would read them all. */
    card_check(card, rt_rundb_scan(db, "SELECT note FROM stages WHERE name = 'decode'", card_take_note, m.left_out,
                                   &ignored));
    card_add_run(card, folder, db, state);
    if (strcmp(state, "failed") == 0)
        card_add_reason(card, folder);
    card_add_results(card, db);
    card_add_best(card, db);
    if (*m.left_out)
        card_add(card, "notes", "%s", m.left_out);
    if (*m.limit)
        card_add(card, "pipeline", "%s", m.limit);
    card_add_model(card, folder);
    card_add_next(card, folder, &m, state);
}

void rt_run_card_read(struct rt_run_card *card, const char *folder)
{
    struct rt_rundb *db = NULL;
    struct rt_error ignored;
    card->lines = 0;
    card->short_of_memory = false;
    if (card_check(card, rt_rundb_open_run(&db, folder, &ignored)) == 0) {
        card_add_all(card, folder, db);
        rt_rundb_close(db);
    }
    if (card->short_of_memory)
        card_add(card, "memory", "there was none for all that belongs here");
}
