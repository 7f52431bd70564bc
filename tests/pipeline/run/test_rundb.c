/* SPDX-License-Identifier: MIT
 * Tests of pipeline/run/rundb: what is no data base of ours, rows in and out, rewind, a reader beside the
 * writer, what a crash leaves, a full disk. */
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/run/rundb.h"
#include "tests/support/support.h"

static struct scratch dir;
static struct rt_error e;
static const char *const extra[] = {"snr", "loss_l2", "or\"der"};

/* All rows as "name=value name=value;..." */
static int tell_row(void *self, int columns, const char **name, const char **value)
{
    char *text = self;
    for (int i = 0; i < columns; i++)
        sprintf(text + strlen(text), "%s%s=%s", i ? " " : "", name[i], value[i] ? value[i] : "NULL");
    strcat(text, ";");
    return strlen(text) > 3000;
}

static const char *tell(struct rt_rundb *db, const char *sql)
{
    static char text[8000];
    text[0] = '\0';
    if (rt_rundb_query(db, sql, tell_row, text, &e) < 0)
        snprintf(text, sizeof text, "failed: %s", e.text);
    return text;
}

static struct rt_rundb *open_db(const char *name, int writable)
{
    struct rt_rundb *db;
    int code = rt_rundb_open(&db, scratch_file(&dir, name), extra, 3, writable, &e);
    if (code < 0)
        fprintf(stderr, "%s\n", e.text);
    assert_int_equal(code, 0);
    return db;
}

static void test_refuses(void **state)
{
    (void)state;
    struct rt_rundb *db;
    static const char *const twice[] = {"a", "b", "A"}, *const taken[] = {"quality"};
    char noise[5000];
    memset(noise, 'x', sizeof noise);
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "none.db"), NULL, 0, 0, &e), RT_EMISSING);
    assert_null(db);
    assert_non_null(strstr(e.text, "none.db"));
    assert_true(rt_rundb_open(&db, scratch_file(&dir, "no/folder.db"), NULL, 0, 1, &e) < 0);
    assert_non_null(strstr(e.text, "folder.db"));
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "a.db"), extra, -1, 1, &e), RT_ERANGE);
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "a.db"), extra, 1000, 1, &e), RT_ERANGE);
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "b.db"), twice, 3, 1, &e), RT_EUSAGE);
    assert_non_null(strstr(e.text, "\"A\""));
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "b.db"), taken, 1, 1, &e), RT_EUSAGE);
    scratch_write(&dir, "noise.db", noise, sizeof noise);
    for (int writable = 0; writable < 2; writable++) {
        assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "noise.db"), NULL, 0, writable, &e),
                         RT_EFORMAT);
        assert_null(db);
    }
    scratch_write(&dir, "empty.db", "", 0);
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "empty.db"), NULL, 0, 0, &e), RT_EFORMAT);
    rt_rundb_close(NULL);
}

static void test_reading_only(void **state)
{
    (void)state;
    struct rt_rundb *db = open_db("r.db", 1);
    assert_int_equal(rt_rundb_meta(db, "a", "b", &e), 0);
    assert_int_equal(rt_rundb_commit(db, &e), 0);
    assert_non_null(strstr(tell(db, "DELETE FROM meta"), "one SQL statement that reads"));
    assert_non_null(strstr(tell(db, "SELECT 1; SELECT 2"), "one SQL statement that reads"));
    assert_non_null(strstr(tell(db, ""), "one SQL statement that reads"));
    assert_non_null(strstr(tell(db, "SELECT nothing FROM meta"), "nothing"));
    assert_string_equal(tell(db, "SELECT count(*) AS n FROM meta; \n"), "n=2;");
    rt_rundb_close(db);
    db = open_db("r.db", 0);
    assert_int_equal(rt_rundb_meta(db, "a", "c", &e), RT_EUSAGE);
    assert_int_equal(rt_rundb_rewind(db, 0, &e), RT_EUSAGE);
    assert_string_equal(tell(db, "SELECT * FROM meta ORDER BY key"),
                        "key=a value=b;key=version value=1;");
    rt_rundb_close(db);
}

/* Of somebody else, or on a medium that cannot be written: a reader may make no file there. Not as root, who may. */
static void test_folder_that_cannot_be_written(void **state)
{
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", scratch_file(&dir, "100% still?"));
    assert_int_equal(mkdir(folder, 0755), 0);
    struct rt_rundb *db = open_db("100% still?/r.db", 1);
    assert_int_equal(rt_rundb_meta(db, "a", "b", &e), 0);
    rt_rundb_close(db);
    db = open_db("100% still?/r.db", 1);
    assert_int_equal(rt_rundb_meta(db, "a", "c", &e), 0);
    assert_int_equal(rt_rundb_commit(db, &e), 0);
    rt_rundb_close(db);
    assert_int_equal(chmod(folder, 0555), 0);
    int root = geteuid() == 0;
    if (root)
        assert_true(chmod(dir.path, 0755) == 0 && seteuid(65534) == 0);
    int code = rt_rundb_open(&db, scratch_file(&dir, "100% still?/r.db"), NULL, 0, 0, &e);
    const char *told = code == 0 ? tell(db, "SELECT value FROM meta WHERE key = 'a'") : e.text;
    rt_rundb_close(db);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_string_equal(told, "value=c;");
}

static void test_one_look(void **state)
{
    (void)state;
    struct rt_rundb *run = open_db("look.db", 1), *screen;
    assert_int_equal(rt_rundb_meta(run, "a", "1", &e), 0);
    assert_int_equal(rt_rundb_commit(run, &e), 0);
    screen = open_db("look.db", 0);
    assert_int_equal(rt_rundb_look_begin(screen, &e), 0);
    assert_string_equal(tell(screen, "SELECT value FROM meta WHERE key='a'"), "value=1;");
    assert_int_equal(rt_rundb_meta(run, "a", "2", &e), 0);
    assert_int_equal(rt_rundb_commit(run, &e), 0);
    assert_string_equal(tell(screen, "SELECT value FROM meta WHERE key='a'"), "value=1;");
    rt_rundb_look_end(screen);
    assert_string_equal(tell(screen, "SELECT value FROM meta WHERE key='a'"), "value=2;");
    assert_int_equal(rt_rundb_look_begin(screen, &e), 0);
    rt_rundb_close(screen); /* a look that is not ended holds nobody up */
    assert_int_equal(rt_rundb_meta(run, "a", "3", &e), 0);
    assert_int_equal(rt_rundb_commit(run, &e), 0);
    rt_rundb_close(run);
}

static void test_newer_version(void **state)
{
    (void)state;
    struct rt_rundb *db = open_db("newer.db", 1);
    rt_rundb_close(db);
    FILE *f = fopen(scratch_file(&dir, "newer.db"), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 63, SEEK_SET), 0); /* last byte of the header's user version */
    assert_int_equal(fputc(9, f), 9);
    fclose(f);
    for (int writable = 0; writable < 2; writable++) {
        assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "newer.db"), NULL, 0, writable, &e),
                         RT_EFORMAT);
        assert_non_null(strstr(e.text, "newer retort"));
    }
}

static void test_rows(void **state)
{
    (void)state;
    struct rt_rundb *db = open_db("run.db", 1);
    double value[] = {12.5, NAN, -1};
    struct rt_sample_row s = {.row = 4, .id = "d'4", .label = "cow", .group = "g", .split = "train",
                              .hidden = 1, .reason = "", .modality = "", .detail = NULL, .seen = 3,
                              .quality = 0.5, .weight = NAN, .predicted = "ox", .p = 0.75, .p_label = 0.25,
                              .value = value};
    assert_int_equal(rt_rundb_sample(db, &s, &e), 0);
    s.seen = 4; /* the same row again: the newer one stays */
    assert_int_equal(rt_rundb_sample(db, &s, &e), 0);
    assert_string_equal(tell(db, "SELECT * FROM samples"),
                        "row=4 id=d'4 label=cow grp=g split=train hidden=1 reason= modality= detail= "
                        "seen=4 quality=0.5 weight=NULL predicted=ox p=0.75 p_label=0.25 correct=0 "
                        "snr=12.5 loss_l2=NULL or\"der=-1.0;");
    assert_int_equal(rt_rundb_metric(db, 3, 1, "valid", "top1", 0.25, &e), 0);
    assert_int_equal(rt_rundb_metric(db, 3, 1, "valid", "top1", 0.75, &e), 0); /* made again */
    assert_int_equal(rt_rundb_metric(db, 3, 1, "", "top1", NAN, &e), 0);
    assert_string_equal(tell(db, "SELECT * FROM metrics ORDER BY split"),
                        "step=3 epoch=1 split= name=top1 value=NULL;"
                        "step=3 epoch=1 split=valid name=top1 value=0.75;");
    assert_int_equal(rt_rundb_journal(db, 7, "me", "train.lr", "0.1", "0.2", &e), 0);
    assert_string_equal(tell(db, "SELECT number, step, time > 1.7e9 AS late, who, key, before, after "
                                 "FROM journal"),
                        "number=1 step=7 late=1 who=me key=train.lr before=0.1 after=0.2;");
    struct rt_stage_stats stage = {.name = "decode", .workers = 2, .batches = 3, .samples = 90,
                                   .busy = 1500000000, .wait_in = 500000000, .bytes_out = 10,
                                   .p50 = 100000000, .p95 = 250000000, .queue_limit = 4};
    assert_int_equal(rt_rundb_stage(db, &stage, 9, "", &e), 0);
    assert_int_equal(rt_rundb_stage(db, &stage, 2.5, "half", &e), 0); /* the later account stays */
    assert_string_equal(tell(db, "SELECT name, workers, samples, busy, wait_in, packed_out, wall, "
                                 "p95, queue_limit, note FROM stages"),
                        "name=decode workers=2 samples=90 busy=1.5 wait_in=0.5 packed_out=10 "
                        "wall=2.5 p95=0.25 queue_limit=4 note=half;");
    assert_int_equal(rt_rundb_commit(db, &e), 0);
    assert_int_equal(rt_rundb_commit(db, &e), 0); /* nothing to commit: fine */
    rt_rundb_close(db);

    static const char *const later[] = {"snr", "new"}; /* a column more, two fewer */
    assert_int_equal(rt_rundb_open(&db, scratch_file(&dir, "run.db"), later, 2, 1, &e), 0);
    s.row = 5;
    s.predicted = NULL; /* not evaluated: what stands beside it is not looked at */
    assert_int_equal(rt_rundb_sample(db, &s, &e), 0);
    assert_string_equal(tell(db, "SELECT predicted, p, p_label, correct FROM samples WHERE row=5"),
                        "predicted=NULL p=NULL p_label=NULL correct=NULL;");
    assert_string_equal(tell(db, "SELECT row, snr, loss_l2, new FROM samples ORDER BY row"),
                        "row=4 snr=12.5 loss_l2=NULL new=NULL;row=5 snr=12.5 loss_l2=NULL new=NULL;");
    rt_rundb_close(db);
}

/* A data base of before some columns were there: they are added, whichever are missing. */
static void test_older(void **state)
{
    (void)state;
    static const char *const later[] = {"samples.predicted", "samples.p", "samples.p_label", "samples.correct",
        "stages.workers", "stages.batches", "stages.samples", "stages.busy", "stages.wait_in", "stages.wait_out",
        "stages.packed_in", "stages.packed_out", "stages.raw_out", "stages.wall", "stages.wait_memory", "stages.p50",
        "stages.p95", "stages.queue_waiting", "stages.queue_limit", "stages.queue_bytes", "stages.note"};
    sqlite3 *plain;
    rt_rundb_close(open_db("older.db", 1));
    assert_int_equal(sqlite3_open(scratch_file(&dir, "older.db"), &plain), SQLITE_OK);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        char sql[100];
        const char *dot = strchr(later[i], '.');
        snprintf(sql, sizeof sql, "ALTER TABLE %.*s DROP COLUMN %s", (int)(dot - later[i]), later[i], dot + 1);
        assert_int_equal(sqlite3_exec(plain, sql, NULL, NULL, NULL), SQLITE_OK);
    }
    sqlite3_close(plain);

    struct rt_rundb *db = open_db("older.db", 1);
    struct rt_stage_stats stage = {.name = "decode", .workers = 2, .wait_memory = 500000000};
    struct rt_sample_row s = {.id = "a", .predicted = "ox", .p = 0.5, .value = (double[]){0, 0, 0}};
    assert_int_equal(rt_rundb_stage(db, &stage, 9, "half", &e), 0);
    assert_int_equal(rt_rundb_sample(db, &s, &e), 0);
    assert_string_equal(tell(db, "SELECT workers, wait_memory, note FROM stages"),
                        "workers=2 wait_memory=0.5 note=half;");
    assert_string_equal(tell(db, "SELECT predicted, p FROM samples"), "predicted=ox p=0.5;");
    rt_rundb_close(db);
}

/* Whatever SQLite has no memory for, it is that which is said. */
static void test_no_memory(void **state)
{
    (void)state;
    struct rt_rundb *db = NULL;
    int tried = 0, code = RT_EMEM;
    rt_rundb_close(open_db("lean.db", 1));
    for (int64_t room = 16000; !db && room < 10000000; room += 3000, tried++) {
        sqlite3_hard_heap_limit64(sqlite3_memory_used() + room);
        code = rt_rundb_open(&db, scratch_file(&dir, "lean.db"), extra, 3, 1, &e);
        sqlite3_hard_heap_limit64(0);
        if (code < 0)
            assert_int_equal(code, RT_EMEM);
    }
    assert_true(code == 0 && tried > 10);
    rt_rundb_close(db);
}

static int stop_at_third(void *self, int columns, const char **name, const char **value)
{
    (void)columns;
    (void)name;
    (void)value;
    return ++*(int *)self == 3;
}

/* The clock is forgotten with what it timed. */
static void test_clock(void **state)
{
    (void)state;
    struct rt_rundb *db = open_db("clock.db", 1);
    for (int step = 1; step <= 3; step++)
        assert_int_equal(rt_rundb_clock(db, step, step / 2.0, &e), 0);
    assert_int_equal(rt_rundb_rewind(db, 2, &e), 0);
    assert_string_equal(tell(db, "SELECT * FROM clock"), "step=1 seconds=0.5;step=2 seconds=1.0;");
    rt_rundb_close(db);
}

/* Of training steps 4 to 6 alone; the metric of another split and name is another. */
static void test_mean(void **state)
{
    (void)state;
    struct rt_rundb *db = open_db("mean.db", 1);
    for (int step = 1; step <= 8; step++) {
        assert_int_equal(rt_rundb_metric(db, step, step / 4, "", "loss", step * step, &e), 0);
        assert_int_equal(rt_rundb_metric(db, step, step / 4, "", "lr", 100, &e), 0);
        assert_int_equal(rt_rundb_metric(db, step, step / 4, "valid", "loss", 100, &e), 0);
    }
    assert_int_equal(rt_rundb_mean(db, 8, 9, 2, "train", "loss", &e), 0);
    assert_string_equal(tell(db, "SELECT count(*) AS n FROM metrics WHERE split='train'"), "n=0;");
    assert_int_equal(rt_rundb_mean(db, 3, 6, 1, "train", "loss", &e), 0);
    assert_int_equal(rt_rundb_mean(db, 3, 6, 1, "train", "loss", &e), 0); /* made again */
    assert_string_equal(tell(db, "SELECT step, epoch, name, value = (16 + 25 + 36) / 3.0 AS right FROM"
                                 " metrics WHERE split='train'"), "step=6 epoch=1 name=loss right=1;");
    rt_rundb_close(db);
    db = open_db("mean.db", 0);
    assert_int_equal(rt_rundb_mean(db, 3, 6, 1, "train", "loss", &e), RT_EUSAGE);
    rt_rundb_close(db);
}

static void test_rewind(void **state)
{
    (void)state;
    struct rt_rundb *db = open_db("rewind.db", 1);
    int rows = 0;
    for (int step = 1; step <= 10; step++) {
        assert_int_equal(rt_rundb_metric(db, step, 0, "", "loss", step, &e), 0);
        assert_int_equal(rt_rundb_journal(db, step, "me", "k", "a", "b", &e), 0);
    }
    assert_int_equal(rt_rundb_query(db, "SELECT * FROM metrics", stop_at_third, &rows, &e), 0);
    assert_int_equal(rows, 3);
    assert_int_equal(rt_rundb_rewind(db, 6, &e), 0);
    assert_string_equal(tell(db, "SELECT max(step) AS m, count(*) AS n FROM metrics"), "m=6 n=6;");
    assert_string_equal(tell(db, "SELECT max(step) AS m, count(*) AS n FROM journal"), "m=6 n=6;");
    assert_int_equal(rt_rundb_rewind(db, 0, &e), 0);
    assert_string_equal(tell(db, "SELECT count(*) AS n FROM metrics"), "n=0;");
    rt_rundb_close(db);
}

/* A reader sees what is committed while the writer goes on; what is not is lost with the writer. */
static void test_reader_and_crash(void **state)
{
    (void)state;
    rt_rundb_close(open_db("two.db", 1));
    pid_t child = fork();
    if (child == 0) {
        struct rt_rundb *db;
        int bad = rt_rundb_open(&db, scratch_file(&dir, "two.db"), extra, 3, 1, &e) < 0 ||
                  rt_rundb_metric(db, 1, 0, "", "loss", 1, &e) < 0 || rt_rundb_commit(db, &e) < 0 ||
                  rt_rundb_metric(db, 2, 0, "", "loss", 1, &e) < 0;
        struct rt_rundb *reader;
        bad = bad || rt_rundb_open(&reader, scratch_file(&dir, "two.db"), NULL, 0, 0, &e) < 0 ||
              strcmp(tell(reader, "SELECT max(step) AS m FROM metrics"), "m=1;") != 0;
        _exit(bad); /* as a crash would: nothing is closed */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct rt_rundb *db = open_db("two.db", 1);
    assert_string_equal(tell(db, "SELECT max(step) AS m FROM metrics"), "m=1;");
    assert_int_equal(rt_rundb_metric(db, 2, 0, "", "loss", 1, &e), 0);
    assert_int_equal(rt_rundb_commit(db, &e), 0);
    rt_rundb_close(db);
}

/* A limit of the shell's is named: nothing is wrong with the disk. */
static void test_file_limit(void **state)
{
    (void)state;
    struct rlimit before, limit;
    struct rt_rundb *db = open_db("limit.db", 1);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 20000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int code = 0;
    for (int i = 0; code == 0 && i < 1000; i++) {
        code = rt_rundb_metric(db, i, 0, "", "loss", i, &e);
        code = code < 0 ? code : rt_rundb_commit(db, &e);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    rt_rundb_close(db);
    assert_int_equal(code, RT_EIO);
    assert_non_null(strstr(e.text, "limit.db"));
    assert_non_null(strstr(e.text, "raise the limit (ulimit -f)"));
}

/* SQLite's page limit stands for a disk without room: the same error on the same path. */
static void test_disk_full(void **state)
{
    (void)state;
    struct rt_rundb *db = open_db("full.db", 1);
    int code = 0, step = 0;
    assert_int_equal(rt_rundb_metric(db, 0, 0, "", "kept", 1, &e), 0);
    assert_int_equal(rt_rundb_commit(db, &e), 0);
    assert_string_equal(tell(db, "PRAGMA max_page_count=12"), "max_page_count=12;");
    for (; code == 0 && step < 100000; step++)
        code = rt_rundb_metric(db, step, 0, "", "loss", 0.5, &e);
    assert_int_equal(code, RT_EFULL);
    assert_non_null(strstr(e.text, "full.db"));
    assert_non_null(strstr(e.text, "full"));
    rt_rundb_close(db);
    db = open_db("full.db", 1); /* whole, with what was committed */
    assert_string_equal(tell(db, "PRAGMA integrity_check"), "integrity_check=ok;");
    assert_string_equal(tell(db, "SELECT count(*) AS n, min(name) AS name FROM metrics"),
                        "n=1 name=kept;");
    rt_rundb_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),       cmocka_unit_test(test_reading_only),
        cmocka_unit_test(test_folder_that_cannot_be_written),
        cmocka_unit_test(test_newer_version), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_older), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_one_look),
        cmocka_unit_test(test_clock), cmocka_unit_test(test_mean),          cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_reader_and_crash), cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_file_limit),
    };
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
