/* SPDX-License-Identifier: MIT
 * Tests of pipeline/data/store: not a store, torn and damaged records, the limit, a full disk, threads
 * and processes on one file. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "formats/file.h"
#include "pipeline/data/store.h"
#include "tests/support/support.h"

#define PLENTY (UINT64_C(1) << 30)

static struct scratch dir;
static struct rt_error e;

static struct rt_key128 key_of(int i)
{
    return rt_key128_of(&i, sizeof i, (struct rt_key128){0, 0});
}

/* Frame i: 1 to 300 numbers that follow from i. */
static struct rt_frame *frame_of(int i)
{
    int64_t dim = 1 + i * 37 % 300;
    struct rt_tensor t;
    struct rt_frame *f = NULL;
    if (rt_tensor_init(&t, RT_I32, 1, &dim) < 0)
        abort();
    for (int k = 0; k < dim; k++)
        ((int32_t *)t.data)[k] = i * 1000 + k;
    if (rt_frame_pack(&f, "x", &t, 0) < 0)
        abort();
    rt_tensor_fini(&t);
    return f;
}

static int put(struct rt_store *s, int i)
{
    struct rt_frame *f = frame_of(i);
    int code = rt_store_put(s, key_of(i), f);
    rt_frame_unref(f);
    return code;
}

/* 1 = there and right, 0 = absent, -1 = wrong. */
static int check(struct rt_store *s, int i)
{
    struct rt_frame *f = rt_store_get(s, key_of(i)), *expected = frame_of(i);
    size_t a, b;
    const void *want = rt_frame_bytes(expected, &a);
    int right = f && memcmp(rt_frame_bytes(f, &b), want, a) == 0 && a == b ? 1 : f ? -1 : 0;
    rt_frame_unref(f);
    rt_frame_unref(expected);
    return right;
}

static struct rt_store *open_store(uint64_t limit)
{
    struct rt_store *s;
    int code = rt_store_open(&s, dir.path, "t", limit, &e);
    if (code < 0)
        fprintf(stderr, "%s\n", e.text);
    assert_int_equal(code, 0);
    return s;
}

static long file_size(void)
{
    struct stat st;
    return stat(scratch_file(&dir, "t.store"), &st) == 0 ? (long)st.st_size : -1;
}

static void read_file(uint8_t **bytes, size_t *size)
{
    assert_int_equal(rt_file_read(scratch_file(&dir, "t.store"), RT_FILE_MAX, bytes, size, &e), 0);
}

static void test_not_a_store(void **state)
{
    (void)state;
    struct rt_store *s;
    scratch_write(&dir, "other.store", "RTSTORE2 and more", 17);
    assert_int_equal(rt_store_open(&s, dir.path, "other", PLENTY, &e), RT_EFORMAT);
    assert_null(s);
    assert_non_null(strstr(e.text, "other.store"));
    uint8_t *bytes;
    size_t size;
    assert_int_equal(rt_file_read(scratch_file(&dir, "other.store"), 100, &bytes, &size, &e), 0);
    assert_int_equal(size, 17); /* left alone */
    free(bytes);
    /* the folder is a file */
    assert_int_equal(rt_store_open(&s, scratch_file(&dir, "other.store"), "t", PLENTY, &e), RT_EIO);
    rt_store_close(NULL);
}

static void test_keys(void **state)
{
    (void)state;
    struct rt_key128 none = {0, 0}, a = rt_key128_of("a", 1, none), b = rt_key128_of("b", 1, none);
    struct rt_key128 ab = rt_key128_of("b", 1, a), ba = rt_key128_of("a", 1, b);
    assert_true(a.lo != b.lo && a.hi != b.hi);
    assert_true(ab.lo != ba.lo && ab.lo != a.lo && ab.lo != b.lo);
    assert_memory_equal(&a, &(struct rt_key128[]){rt_key128_of("a", 1, none)}[0], sizeof a);
}

static void test_put_and_get(void **state)
{
    (void)state;
    struct rt_store *s = open_store(PLENTY);
    uint64_t hits, misses, bytes;
    for (int i = 0; i < 3000; i++) { /* past the index's first size */
        assert_int_equal(check(s, i), 0);
        assert_int_equal(put(s, i), 0);
    }
    long size = file_size();
    assert_int_equal(put(s, 7), 0); /* known: nothing is written */
    assert_int_equal(file_size(), size);
    rt_store_counts(s, &hits, &misses, &bytes);
    assert_int_equal(hits, 0);
    assert_int_equal(misses, 3000);
    assert_int_equal(bytes, size);
    rt_store_close(s);
    s = open_store(PLENTY);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(check(s, i), 1);
    rt_store_close(s);
    assert_int_equal(file_size(), size);
}

/* Cut at every byte of the last two records: what is whole stays, what is torn goes, life goes on. */
static void test_torn_tail(void **state)
{
    (void)state;
    long after[6];
    uint8_t *whole;
    size_t size;
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *s = open_store(PLENTY);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(put(s, i), 0);
        after[i] = file_size();
    }
    rt_store_close(s);
    read_file(&whole, &size);
    for (long cut = 0; cut <= (long)size; cut++) {
        int kept = 0;
        if (cut >= 8 && cut < after[3])
            cut = after[3];
        while (kept < 6 && after[kept] <= cut)
            kept++;
        scratch_write(&dir, "t.store", whole, (size_t)cut);
        s = open_store(PLENTY);
        assert_int_equal(file_size(), kept > 0 ? after[kept - 1] : 8);
        assert_int_equal(put(s, 9), 0);
        rt_store_close(s);
        s = open_store(PLENTY);
        for (int i = 0; i < 6; i++)
            assert_int_equal(check(s, i), i < kept);
        assert_int_equal(check(s, 9), 1);
        rt_store_close(s);
    }
    free(whole);
}

/* A process died in the middle of an append while this one goes on. */
static void test_torn_by_another(void **state)
{
    (void)state;
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *s = open_store(PLENTY);
    assert_int_equal(put(s, 1), 0);
    struct rt_store *other = open_store(PLENTY);
    uint64_t hits, misses, bytes;
    assert_int_equal(put(other, 8), 0); /* 297 numbers */
    rt_store_close(other);
    assert_int_equal(truncate(scratch_file(&dir, "t.store"), file_size() - 5), 0);
    assert_int_equal(check(s, 8), 0);
    assert_int_equal(put(s, 0), 0); /* one number: does not cover what was torn */
    rt_store_counts(s, &hits, &misses, &bytes);
    assert_int_equal(file_size(), bytes);
    rt_store_close(s);
    s = open_store(PLENTY);
    assert_int_equal(check(s, 0), 1);
    assert_int_equal(check(s, 1), 1);
    assert_int_equal(check(s, 8), 0);
    rt_store_close(s);
}

static void test_damaged_record(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *s = open_store(PLENTY);
    long start = 0, end = 0;
    for (int i = 0; i < 5; i++) {
        start = i == 2 ? file_size() : start;
        assert_int_equal(put(s, i), 0);
        end = i == 2 ? file_size() : end;
    }
    rt_store_close(s);
    read_file(&bytes, &size);
    bytes[(start + end) / 2] ^= 0x10; /* in the third one's numbers */
    scratch_write(&dir, "t.store", bytes, size);
    s = open_store(PLENTY);
    for (int i = 0; i < 5; i++)
        assert_int_equal(check(s, i), i != 2);
    assert_int_equal(put(s, 2), 0); /* absent, so it can be put again */
    assert_int_equal(check(s, 2), 1);
    rt_store_close(s);
    s = open_store(PLENTY);
    for (int i = 0; i < 5; i++)
        assert_int_equal(check(s, i), 1);
    rt_store_close(s);

    bytes[(start + end) / 2] ^= 0x10; /* a crash left the last one's length but not its bytes */
    memset(bytes + size - 16, 0, 16);
    scratch_write(&dir, "t.store", bytes, size);
    s = open_store(PLENTY);
    assert_true(file_size() < (long)size);
    for (int i = 0; i < 5; i++)
        assert_int_equal(check(s, i), i != 4);
    rt_store_close(s);
    free(bytes);
}

/* No byte of a record may crash a reader or let a wrong frame through. */
static void test_every_flip(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *s = open_store(PLENTY);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(s, i), 0);
    rt_store_close(s);
    read_file(&bytes, &size);
    for (size_t at = 8; at < size; at++) {
        bytes[at] ^= 0xFF;
        scratch_write(&dir, "t.store", bytes, size);
        s = open_store(PLENTY);
        for (int i = 0; i < 3; i++)
            assert_true(check(s, i) >= 0);
        rt_store_close(s);
        bytes[at] ^= 0xFF;
    }
    free(bytes);
}

static void test_limit(void **state)
{
    (void)state;
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *s = open_store(20000);
    int stored = 0;
    assert_int_equal(rt_store_full(s), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(put(s, i), 0);
    assert_int_equal(rt_store_full(s), 1);
    assert_true(file_size() <= 20000 && file_size() > 18000);
    for (int i = 0; i < 100; i++)
        stored += check(s, i);
    assert_true(stored > 10 && stored < 100);
    rt_store_close(s);
    s = open_store(PLENTY); /* a larger limit goes on */
    assert_int_equal(put(s, 99), 0);
    assert_int_equal(check(s, 99), 1);
    rt_store_limit(s, 20000); /* less than there is: it stays, no more comes */
    assert_int_equal(put(s, 200), 0);
    assert_int_equal(check(s, 99), 1);
    assert_int_equal(check(s, 200), 0);
    assert_int_equal(rt_store_full(s), 1);
    rt_store_limit(s, PLENTY);
    assert_int_equal(rt_store_full(s), 0);
    assert_int_equal(put(s, 200), 0);
    assert_int_equal(check(s, 200), 1);
    rt_store_close(s);
}

/* No room in the middle of a record: the file is as before. */
static void test_disk_full(void **state)
{
    (void)state;
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *s = open_store(PLENTY);
    for (int i = 0; i < 10; i++)
        assert_int_equal(put(s, i), 0);
    long size = file_size();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit most = {(rlim_t)size + 30, (rlim_t)size + 30};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &most))
            _exit(1);
        _exit(put(s, 11) < 0 && file_size() == size && check(s, 11) == 0 && check(s, 9) == 1 ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(put(s, 11), 0);
    assert_int_equal(check(s, 11), 1);
    rt_store_close(s);
}

#define EACH 300

/* Process p puts its own EACH keys and, in turn, EACH that all share; it sees what it has put. */
static int fill(struct rt_store *s, int p)
{
    for (int i = 0; i < EACH; i++)
        if (put(s, (p + 1) * 10000 + i) < 0 || put(s, i) < 0 || check(s, i) != 1 ||
            check(s, (p + 1) * 10000 + i) != 1)
            return 1;
    return 0;
}

static void check_filled(struct rt_store *s, int fillers)
{
    size_t sum = 8, size;
    for (int p = -1; p < fillers; p++)
        for (int i = 0; i < EACH; i++) {
            struct rt_frame *f = frame_of((p + 1) * 10000 + i);
            rt_frame_bytes(f, &size);
            sum += 24 + (size + 7) / 8 * 8;
            rt_frame_unref(f);
            assert_int_equal(check(s, (p + 1) * 10000 + i), 1);
        }
    assert_int_equal(file_size(), sum); /* the shared ones were stored once */
}

static void test_two_processes(void **state)
{
    (void)state;
    pid_t child[2];
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *watcher = open_store(PLENTY); /* opened before anything is in it */
    for (int p = 0; p < 2; p++) {
        child[p] = fork();
        if (child[p] == 0) {
            struct rt_store *s;
            int failed = rt_store_open(&s, dir.path, "t", PLENTY, NULL) < 0 || fill(s, p);
            rt_store_close(failed ? NULL : s);
            _exit(failed);
        }
    }
    for (int p = 0; p < 2; p++) {
        int status;
        assert_int_equal(waitpid(child[p], &status, 0), child[p]);
        assert_int_equal(status, 0);
    }
    check_filled(watcher, 2); /* what others put is seen */
    rt_store_close(watcher);
    struct rt_store *s = open_store(PLENTY);
    check_filled(s, 2);
    rt_store_close(s);
}

struct filler {
    pthread_t thread;
    struct rt_store *store;
    int number, failed;
};

static void *fill_thread(void *self)
{
    struct filler *f = self;
    f->failed = fill(f->store, f->number);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct filler f[4];
    unlink(scratch_file(&dir, "t.store"));
    struct rt_store *s = open_store(PLENTY);
    for (int p = 0; p < 4; p++) {
        f[p] = (struct filler){.store = s, .number = p};
        assert_int_equal(pthread_create(&f[p].thread, NULL, fill_thread, &f[p]), 0);
    }
    for (int p = 0; p < 4; p++) {
        pthread_join(f[p].thread, NULL);
        assert_int_equal(f[p].failed, 0);
    }
    check_filled(s, 4);
    rt_store_close(s);
}

static void make_old(const char *name, int days)
{
    struct timespec both[2];
    clock_gettime(CLOCK_REALTIME, &both[0]);
    both[0].tv_sec -= (time_t)days * 24 * 3600;
    both[1] = both[0];
    scratch_write(&dir, name, "RTSTORE1", 8);
    assert_int_equal(utimensat(AT_FDCWD, scratch_file(&dir, name), both, 0), 0);
}

/* Old ones go, by prefix and suffix; one that was opened is not old, one that is open goes on. */
static void test_expire(void **state)
{
    (void)state;
    static const char *const stays[] = {"old-young.store", "old-used.store", "other-a.store",
                                        "old-a.tmp", "old-folder.store"};
    assert_int_equal(rt_store_expire(scratch_file(&dir, "nowhere"), "old-", 30), 0);
    make_old("old-young.store", 29);
    make_old("old-used.store", 31);
    make_old("other-a.store", 31);
    make_old("old-a.tmp", 31);
    make_old("old-a.store", 31);
    make_old("old-b.store", 400);
    assert_int_equal(rt_file_mkdirs(scratch_file(&dir, "old-folder.store"), &e), 0);
    assert_int_equal(utimensat(AT_FDCWD, scratch_file(&dir, "old-folder.store"),
                               (struct timespec[2]){{0, 0}, {0, 0}}, 0), 0);
    struct rt_store *used, *open;
    assert_int_equal(rt_store_open(&used, dir.path, "old-used", PLENTY, &e), 0);
    assert_int_equal(rt_store_open(&open, dir.path, "old-b", PLENTY, &e), 0);
    make_old("old-b.store", 400);
    assert_int_equal(rt_store_expire(dir.path, "old-", 30), 2);
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
        assert_int_equal(access(scratch_file(&dir, stays[i]), F_OK), 0);
    assert_int_equal(put(open, 1), 0);
    assert_int_equal(check(open, 1), 1);
    rt_store_close(used);
    rt_store_close(open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_a_store),    cmocka_unit_test(test_keys),
        cmocka_unit_test(test_put_and_get),    cmocka_unit_test(test_torn_tail),
        cmocka_unit_test(test_torn_by_another), cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_every_flip),     cmocka_unit_test(test_limit),
        cmocka_unit_test(test_disk_full),      cmocka_unit_test(test_two_processes),
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_expire),
    };
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
