/* SPDX-License-Identifier: MIT
 * snapshot: see snapshot.h. Metrics' primary key is (name, split, step): a curve's new steps and the next curve
 * are each one search in it. */
#include "tui/report/snapshot.h"

#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "tui/report/run_length.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define PIECE_ROWS 1000
#define SMALLEST_ROW 16         /* bytes of a sample's row in run.db, at least */
#define ROWS_ALWAYS 4e6         /* there is room for them: the last may be written first */
#define JOURNAL_TEXT 65536      /* characters of a change that are shown: those of many samples name them all */
#define JOURNAL_LAST 99999999999 /* s since 1970 that are still a time */
#define PIECE_POINTS 5000
#define POINT_SECONDS 0.05  /* of reading curves in one poll */
#define PIECE_SECONDS 0.01  /* of reading samples in one poll */
#define AGAIN_SECONDS 3.0   /* at least between two readings of all samples */
#define RECENT 3.0          /* seconds, of which and up to twice of which the stages of a live run are told */
#define SATURATED 0.5       /* busy below which no stage limits a run */
#define ALIVE_SECONDS 2.0   /* between two looks whether the process lives */

static double snapshot_clock(void)
{
    return 1e-9 * (double)uv_hrtime();
}

int rt_snapshot_open(struct rt_snapshot *m, const char *folder, struct rt_error *e)
{
    memset(m, 0, sizeof *m);
    m->version = -1;
    m->rate = NAN;
    m->first_step = -1;
    snprintf(m->folder, sizeof m->folder, "%s", folder);
    return rt_rundb_open_run(&m->db, folder, e);
}

static void journal_row_fini(struct rt_journal_row *j)
{
    free(j->key);
    free(j->before);
    free(j->after);
}

void rt_snapshot_fini(struct rt_snapshot *m)
{
    for (int i = 0; i < m->series_count; i++)
        rt_series_fini(&m->series[i]);
    rt_series_fini(&m->clock);
    rt_table_fini(&m->samples);
    for (int i = 0; i < m->journal_count; i++)
        journal_row_fini(&m->journal[i]);
    free(m->journal);
    free(m->recipe);
    rt_rundb_close(m->db);
    memset(m, 0, sizeof *m);
}

/* ---- small readings ----
 * Callbacks of rt_rundb_scan are called after what they fill; 1 ends the scan. That a run says of
 * itself "running" does not mean that it lives: only the lock of its folder does, which the kernel lets
 * go of with the process. */

static int cell_take_number(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    *(double *)self = cell[0].number;
    return 1;
}

static int snapshot_take_meta(void *self, int columns, const struct rt_rundb_cell *cell)
{
    struct rt_snapshot *m = self;
    const struct {
        const char *key;
        char *text;
        size_t size;
    } known[] = {{"state", m->state, sizeof m->state},
                 {"limit", m->limit, sizeof m->limit},
                 {"ranks", m->ranks, sizeof m->ranks},
                 {"manifest", m->manifest, sizeof m->manifest}};
    (void)columns;
    if (cell[0].text && cell[1].text && strcmp(cell[0].text, "marks") == 0)
        m->marks = strtoll(cell[1].text, NULL, 10);
    for (size_t i = 0; cell[0].text && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].key, cell[0].text) == 0)
            snprintf(known[i].text, known[i].size, "%s", cell[1].text ? cell[1].text : "");
    return 0;
}

/* True when what is shown changes. */
static bool snapshot_look_alive(struct rt_snapshot *m)
{
    bool before = m->live;
    m->checked = snapshot_clock();
    m->live = strcmp(m->state, "running") == 0 && rt_rundir_writer(m->folder) != 0;
    if (strcmp(m->state, "running") == 0 && !m->live)
        snprintf(m->state, sizeof m->state, "ended early");
    return m->live != before;
}

/* A run whose recipe cannot be read is shown without; one for whose recipe there was no memory is not. */
static int snapshot_read_recipe(struct rt_snapshot *m, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    if (m->recipe)
        return 0;
    struct rt_recipe *r = malloc(sizeof *r);
    int rc = r ? rt_recipe_load(r, rt_run_file_path(m->folder, RT_RUN_RECIPE, path, sizeof path), e)
               : rt_error_set(e, RT_EMEM, "%s: out of memory", m->folder);
    if (rc == 0)
        rc = rt_run_length(m->db, r, e);
    if (rc == 0)
        m->recipe = r;
    else
        free(r);
    return rc == RT_EMEM ? rc : 0;
}

/* ---- curves ----
 * Which curves there are is not known before: it follows from losses, heads and what is measured. They
 * are found by walking over the names in the primary key, which costs as many searches as there are
 * curves; SELECT DISTINCT would read every point. Then each is read on from its last step. */

const struct rt_series *rt_snapshot_series(const struct rt_snapshot *m, const char *split, const char *name)
{
    for (int i = 0; i < m->series_count; i++)
        if (strcmp(m->series[i].name, name) == 0 && strcmp(m->series[i].split, split) == 0)
            return &m->series[i];
    return NULL;
}

static int series_take_point(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    int64_t step = rt_rundb_whole(&cell[0], 0, RT_RUNDB_STEPS, -1);
    return step >= 0 ? rt_series_add(self, step, cell[1].number) : 0;
}

/* text as an SQL string. */
static const char *sql_quoted(const char *text, char out[160])
{
    size_t n = 0;
    out[n++] = '\'';
    for (; *text && n < 156; text++) {
        if (*text == '\'')
            out[n++] = '\'';
        out[n++] = *text;
    }
    out[n++] = '\'';
    out[n] = 0;
    return out;
}

static int series_take_name(void *self, int columns, const struct rt_rundb_cell *cell)
{
    struct rt_series *s = self;
    (void)columns;
    if (cell[0].text && cell[1].text) {
        snprintf(s->name, sizeof s->name, "%s", cell[0].text);
        snprintf(s->split, sizeof s->split, "%s", cell[1].text);
    }
    return 1;
}

/* The curve behind `at` in the order of the key: the name's next split, else the next name's first. Each is
 * one step in the key; (name, split) > (...) would walk over every point of the curve at hand. */
static int series_next(struct rt_snapshot *m, struct rt_series *at, struct rt_error *e)
{
    char sql[600], name[160], split[160], before[sizeof at->split];
    memcpy(before, at->split, sizeof before);
    sql_quoted(at->name, name);
    snprintf(sql, sizeof sql, "SELECT name, split FROM metrics WHERE name=%s AND split>%s"
             " ORDER BY split LIMIT 1", name, sql_quoted(at->split, split));
    int rc = rt_rundb_scan(m->db, sql, series_take_name, at, e);
    if (rc < 0 || strcmp(before, at->split) != 0)
        return rc;
    snprintf(sql, sizeof sql, "SELECT name, split FROM metrics WHERE name>%s ORDER BY name, split LIMIT 1",
             name);
    return rt_rundb_scan(m->db, sql, series_take_name, at, e);
}

static int snapshot_find_series(struct rt_snapshot *m, struct rt_error *e)
{
    struct rt_series found = {0};
    while (m->series_count < RT_SERIES) {
        struct rt_series before = found;
        RT_TRY(series_next(m, &found, e));
        if (strcmp(before.name, found.name) == 0 && strcmp(before.split, found.split) == 0)
            break;
        if (!rt_snapshot_series(m, found.split, found.name))
            m->series[m->series_count++] = found;
    }
    return 0;
}

static int series_read_points(struct rt_snapshot *m, struct rt_series *s, struct rt_error *e)
{
    char sql[600], name[160], split[160];
    int64_t last = s->count ? s->step[s->count - 1] : -1;
    snprintf(sql, sizeof sql, "SELECT step, value FROM metrics WHERE name=%s AND split=%s AND step>%" PRId64
             " ORDER BY step LIMIT %d", sql_quoted(s->name, name), sql_quoted(s->split, split), last, PIECE_POINTS);
    RT_TRY(rt_rundb_scan(m->db, sql, series_take_point, s, e));
    if (s->count && s->step[s->count - 1] > m->step)
        m->step = s->step[s->count - 1];
    return 0;
}

/* Of long curves as much as there is time for; more says whether something is left. */
static int snapshot_read_series(struct rt_snapshot *m, struct rt_error *e)
{
    double begin = snapshot_clock();
    m->more = false;
    RT_TRY(snapshot_find_series(m, e));
    for (int i = 0; i < m->series_count; i++) {
        struct rt_series *s = &m->series[i];
        bool full = true;
        while (full && snapshot_clock() - begin < POINT_SECONDS) {
            int before = s->count;
            RT_TRY(series_read_points(m, s, e));
            full = s->count - before == PIECE_POINTS;
        }
        m->more |= full;
    }
    return 0;
}

/* ---- stages and journal ----
 * run.db has each stage's account since the start. What limits a run now is not what limited it while
 * its caches were filled: so two earlier accounts are kept, and of a run that goes on the last seconds
 * are shown. Tables that an older retort did not write are no error. */

/* Of a file from anywhere: what is no count is none. */
static int64_t stage_count(const struct rt_rundb_cell *c)
{
    return rt_rundb_whole(c, 0, RT_RUNDB_STEPS, 0);
}

static int stages_take(void *self, int columns, const struct rt_rundb_cell *c)
{
    struct rt_snapshot *m = self;
    if (columns < 17 || m->stage_count == RT_STAGES)
        return 1;
    struct rt_stage_row *s = &m->whole[0][m->stage_count++];
    *s = (struct rt_stage_row){.workers = (int)rt_rundb_whole(&c[1], 0, INT32_MAX, 0), .batches = stage_count(&c[2]),
                               .samples = stage_count(&c[3]), .busy = c[4].number,
                               .wait_in = c[5].number, .wait_out = c[6].number,
                               .packed_in = stage_count(&c[7]), .packed_out = stage_count(&c[8]),
                               .raw_out = stage_count(&c[9]), .wall = c[10].number,
                               .p50 = c[11].number, .p95 = c[12].number,
                               .queue_waiting = (int)rt_rundb_whole(&c[13], 0, INT32_MAX, 0),
                               .queue_limit = (int)rt_rundb_whole(&c[14], 0, INT32_MAX, 0),
                               .queue_bytes = stage_count(&c[15])};
    snprintf(s->name, sizeof s->name, "%s", c[0].text ? c[0].text : "");
    snprintf(s->note, sizeof s->note, "%s", c[16].text ? c[16].text : "");
    return 0;
}

/* In the order of the flow; a stage that we do not know comes last. */
static int stage_place(const struct rt_stage_row *s)
{
    static const char *const flow[] = {"sampler", "decode", "quality", "teacher", "teacher2", "student"};
    int i = 0, stages = sizeof flow / sizeof *flow;
    while (i < stages && strcmp(flow[i], s->name) != 0)
        i++;
    return i;
}

static int stage_compare(const void *a, const void *b)
{
    return stage_place(a) - stage_place(b);
}

/* The account since an earlier one of the same stages; what is of now stays. */
static void stage_subtract(struct rt_stage_row *s, const struct rt_stage_row *before)
{
    s->batches -= before->batches;
    s->samples -= before->samples;
    s->packed_in -= before->packed_in;
    s->packed_out -= before->packed_out;
    s->raw_out -= before->raw_out;
    s->busy -= before->busy;
    s->wait_in -= before->wait_in;
    s->wait_out -= before->wait_out;
    s->wall -= before->wall;
}

static int snapshot_read_stages(struct rt_snapshot *m, struct rt_error *e)
{
    m->stage_count = 0;
    RT_TRY(rt_rundb_scan_maybe(m->db, "SELECT name, workers, batches, samples, busy, wait_in, wait_out, packed_in,"
                               " packed_out, raw_out, wall, p50, p95, queue_waiting, queue_limit, queue_bytes, note"
                               " FROM stages", stages_take, m, e));
    qsort(m->whole[0], (size_t)m->stage_count, sizeof *m->stage, stage_compare);
    memcpy(m->stage, m->whole[0], sizeof m->stage);
    for (int i = 0; i < m->stage_count && m->live; i++) {
        const struct rt_stage_row *before = &m->whole[2][i];
        if (strcmp(before->name, m->stage[i].name) == 0 && before->wall < m->stage[i].wall)
            stage_subtract(&m->stage[i], before);
    }
    if (m->stage_count && !(m->whole[0][0].wall - m->whole[1][0].wall < RECENT)) {
        memcpy(m->whole[2], m->whole[1], sizeof m->whole[2]);
        memcpy(m->whole[1], m->whole[0], sizeof m->whole[1]);
    }
    return 0;
}

/* Of the time that its workers had. */
static double stage_busy(const struct rt_stage_row *s)
{
    return s->wall > 0 ? s->busy / s->workers / s->wall : 0;
}

/* As pipeline/flow/account.h has it, so that the screen and a run's last words agree. */
const struct rt_stage_row *rt_snapshot_limiting(const struct rt_snapshot *m)
{
    const struct rt_stage_row *most = NULL;
    for (int i = 0; i < m->stage_count; i++)
        if (stage_busy(&m->stage[i]) >= (most ? stage_busy(most) : SATURATED))
            most = &m->stage[i];
    return most;
}

static int journal_take(void *self, int columns, const struct rt_rundb_cell *c)
{
    struct rt_snapshot *m = self;
    (void)columns;
    if (m->journal_count == m->journal_room) {
        int room = m->journal_room ? 2 * m->journal_room : 64;
        struct rt_journal_row *grown = realloc(m->journal, sizeof *grown * (size_t)room);
        if (!grown)
            return RT_EMEM;
        m->journal = grown;
        m->journal_room = room;
    }
    struct rt_journal_row j = {
        .step = rt_rundb_whole(&c[0], 0, RT_RUNDB_STEPS, 0),
        .time = (double)rt_rundb_whole(&c[1], 0, JOURNAL_LAST, 0), .key = strdup(c[3].text ? c[3].text : ""),
        .before = strdup(c[4].text ? c[4].text : ""), .after = strdup(c[5].text ? c[5].text : ""),
    };
    snprintf(j.who, sizeof j.who, "%s", c[2].text ? c[2].text : "");
    if (!j.key || !j.before || !j.after) {
        journal_row_fini(&j);
        return RT_EMEM;
    }
    m->journal[m->journal_count++] = j;
    return 0;
}

static int snapshot_read_journal(struct rt_snapshot *m, struct rt_error *e)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT step, time, substr(who, 1, 64), substr(key, 1, 64), substr(before, 1, %d),"
             " substr(after, 1, %d) FROM journal ORDER BY number LIMIT -1 OFFSET %d", JOURNAL_TEXT, JOURNAL_TEXT,
             m->journal_count);
    return rt_rundb_scan_maybe(m->db, sql, journal_take, m, e);
}

/* A clock that does not go on is none: of a file from anywhere. */
static int clock_take(void *self, int columns, const struct rt_rundb_cell *cell)
{
    struct rt_series *s = self;
    (void)columns;
    int64_t step = rt_rundb_whole(&cell[0], 0, RT_RUNDB_STEPS, -1);
    bool rises = s->count == 0 || (step > s->step[s->count - 1] && cell[1].number >= s->value[s->count - 1]);
    return step >= 0 && rises ? rt_series_add(s, step, cell[1].number) : 0;
}

/* One row a second: as many as a run has seconds. */
static int snapshot_read_clock(struct rt_snapshot *m, struct rt_error *e)
{
    char sql[160];
    int64_t last = m->clock.count ? m->clock.step[m->clock.count - 1] : -1;
    snprintf(sql, sizeof sql, "SELECT step, seconds FROM clock WHERE step>%" PRId64 " ORDER BY step LIMIT 1000000",
             last);
    return rt_rundb_scan_maybe(m->db, sql, clock_take, &m->clock, e);
}

/* ---- samples ----
 * A table of a million rows takes seconds to read, and a key must not wait for it: it is read in pieces
 * of a thousand rows, for some milliseconds in each poll. It is read anew as a whole, since every row
 * may have changed; the longer that takes, the more seldom, so that looking never takes more than a
 * tenth of the time. Texts hardly ever change: those that are the same stay where they are. */

/* Losses of terms that the run does not use have no curve, and no value in samples either. */
static bool column_is_used(const struct rt_snapshot *m, const char *column)
{
    const char *term = strncmp(column, "loss_", 5) == 0     ? column + 5
                       : strncmp(column, "inside_", 7) == 0 ? column + 7
                                                            : NULL;
    char inside[80];
    snprintf(inside, sizeof inside, "%s.inside", term ? term : "");
    if (term && column[0] == 'i') /* a task loss has no margin to be inside of */
        return rt_snapshot_series(m, "", inside) != NULL;
    return !term || rt_snapshot_series(m, "", term);
}

static int column_take(void *self, int columns, const struct rt_rundb_cell *c)
{
    struct rt_snapshot *m = self;
    (void)columns;
    const char *name = c[1].text ? c[1].text : "";
    if (strlen(name) >= 64 || strcmp(name, "row") == 0 || strchr(name, '"') || !column_is_used(m, name) ||
        rt_table_find(&m->samples, name) >= 0)
        return 0;
    int at = rt_table_add(&m->samples, name, "", c[2].text && strcmp(c[2].text, "TEXT") == 0);
    return at < 0 ? at : 0;
}

/* As many as the greatest row says; but a file that is too small for them lies. */
static int samples_count(struct rt_snapshot *m, int *rows, struct rt_error *e)
{
    double last = NAN, pages = 0, page = 0;
    RT_TRY(rt_rundb_scan(m->db, "SELECT max(row) FROM samples", cell_take_number, &last, e));
    RT_TRY(rt_rundb_scan(m->db, "PRAGMA page_count", cell_take_number, &pages, e));
    RT_TRY(rt_rundb_scan(m->db, "PRAGMA page_size", cell_take_number, &page, e));
    double most = fmin(fmax(pages * page / SMALLEST_ROW, ROWS_ALWAYS), INT32_MAX - 1);
    *rows = last >= 0 ? (int)fmin(last + 1, most) : 0;
    return 0;
}

/* The table as large as samples, with a column for each that is used. */
static int samples_begin(struct rt_snapshot *m, struct rt_error *e)
{
    int rows = 0;
    RT_TRY(samples_count(m, &rows, e));
    if (rows != m->samples.rows || !m->samples.order) {
        rt_table_fini(&m->samples);
        if (rt_table_init(&m->samples, rows) < 0)
            return rt_error_set(e, RT_EMEM, "%s: no memory for %d samples", m->folder, rows);
        m->samples_version++;
    }
    int rc = rt_rundb_scan(m->db, "PRAGMA table_info(samples)", column_take, m, e);
    m->loaded = 0;
    m->loading = rc == 0;
    m->stale = rc == RT_EMEM;
    m->load_began = snapshot_clock();
    return rc;
}

static int samples_take_row(void *self, int columns, const struct rt_rundb_cell *c)
{
    struct rt_snapshot *m = self;
    struct rt_table *t = &m->samples;
    if (!(c[0].number >= 0 && c[0].number < t->rows))
        return 0;
    int row = (int)c[0].number;
    for (int i = 1; i < columns && i <= t->columns; i++) {
        if (!t->column[i - 1].is_text) {
            t->column[i - 1].number[row] = (float)c[i].number;
            continue;
        }
        const char *text = c[i].text ? c[i].text : "";
        if (strcmp(rt_table_cell(t, row, i - 1), text) != 0)
            RT_TRY(rt_table_text(t, row, i - 1, text));
    }
    return 0;
}

static int samples_read_piece(struct rt_snapshot *m, struct rt_error *e)
{
    char sql[RT_TABLE_COLUMNS * 68 + 200] = "SELECT row";
    size_t n = strlen(sql);
    for (int c = 0; c < m->samples.columns; c++)
        n += (size_t)snprintf(sql + n, sizeof sql - n, ", \"%s\"", m->samples.column[c].name);
    snprintf(sql + n, sizeof sql - n, " FROM samples WHERE row >= %d AND row < %d", m->loaded,
             m->loaded + PIECE_ROWS);
    int rc = rt_rundb_scan(m->db, sql, samples_take_row, m, e);
    m->loaded += PIECE_ROWS;
    return rc;
}

static int snapshot_read_samples(struct rt_snapshot *m, struct rt_error *e)
{
    double begin = snapshot_clock();
    int rc = 0;
    double pause = 10 * (m->load_ended - m->load_began);
    if (!m->loading && m->stale &&
        (!m->samples.order || begin - m->load_ended > (pause > AGAIN_SECONDS ? pause : AGAIN_SECONDS)))
        rc = samples_begin(m, e);
    if (rc < 0 || !m->loading)
        return rc;
    while (rc == 0 && m->loaded < m->samples.rows && snapshot_clock() - begin < PIECE_SECONDS)
        rc = samples_read_piece(m, e);
    if (rc < 0 || m->loaded >= m->samples.rows) {
        m->loaded = m->samples.rows;
        m->loading = false;
        m->load_ended = snapshot_clock();
        m->stale |= rc == RT_EMEM; /* all is read again, after the pause */
        m->samples_version++;
    }
    return rc < 0 ? rc : 1;
}

/* ---- polling ----
 * SQLite's data_version tells without reading a page whether another process has committed. Most polls
 * end there. */

static void snapshot_count_steps(struct rt_snapshot *m)
{
    const struct rt_series *epochs = rt_snapshot_series(m, "train", "loss");
    const struct rt_recipe *r = m->recipe;
    int64_t epoch = epochs && epochs->count ? epochs->step[0] : 0;
    if (!r)
        return;
    m->steps = r->train_steps > 0 ? (int64_t)r->train_steps : epoch * (int64_t)r->train_epochs;
    m->epochs = epoch ? (int)((m->steps + epoch - 1) / epoch) : 0;
    if (m->first_step < 0) {
        m->first_step = m->step;
        m->first_time = snapshot_clock();
    } else if (m->live && m->step > m->first_step) {
        m->rate = (double)(m->step - m->first_step) * (double)r->train_batch / (snapshot_clock() - m->first_time);
    }
    for (int i = 0; i < m->stage_count && !m->live; i++)
        if (strcmp(m->stage[i].name, "student") == 0 && m->stage[i].wall > 0)
            m->rate = (double)m->stage[i].samples / m->stage[i].wall;
}

static int snapshot_read_accounts(struct rt_snapshot *m, struct rt_error *e)
{
    RT_TRY(snapshot_read_stages(m, e));
    RT_TRY(snapshot_read_journal(m, e));
    return snapshot_read_clock(m, e);
}

static int snapshot_read_all(struct rt_snapshot *m, struct rt_error *e)
{
    struct rt_error second; /* the first is told */
    int rc = snapshot_read_recipe(m, e);
    if (rc == 0)
        rc = rt_rundb_scan(m->db, "SELECT key, value FROM meta", snapshot_take_meta, m, e);
    if (rc == 0)
        rc = snapshot_read_series(m, e);
    snapshot_look_alive(m); /* the rest is shown whatever came of the curves */
    int rest = snapshot_read_accounts(m, rc < 0 ? &second : e);
    snapshot_count_steps(m);
    m->stale = true;
    return rc < 0 ? rc : rest;
}

static int snapshot_look(struct rt_snapshot *m, bool samples, struct rt_error *e)
{
    double version = -1;
    int changed = 0;
    RT_TRY(rt_rundb_scan(m->db, "PRAGMA data_version", cell_take_number, &version, e));
    if ((long long)version != m->version) {
        RT_TRY(snapshot_read_all(m, e));
        if (!m->more)
            m->version = (long long)version;
        changed = 1;
    } else if (m->live && snapshot_clock() - m->checked > ALIVE_SECONDS) {
        changed = snapshot_look_alive(m);
    }
    int rc = samples ? snapshot_read_samples(m, e) : 0;
    return rc < 0 ? rc : rc | changed;
}

int rt_snapshot_poll(struct rt_snapshot *m, bool samples, struct rt_error *e)
{
    if (!m->db)
        return 0;
    RT_TRY(rt_rundb_look_begin(m->db, e));
    int rc = snapshot_look(m, samples, e);
    rt_rundb_look_end(m->db);
    return rc;
}

bool rt_snapshot_busy(const struct rt_snapshot *m)
{
    return m->loading || m->more;
}
