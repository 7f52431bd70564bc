/* SPDX-License-Identifier: MIT
 * test_parallel: every piece once, scratch numbers of threads distinct, loops right after loops and
 * late ones, and matrix products on one thread. */
#include "stages/nn/parallel.h"

#include "formats/error.h"
#include "stages/nn/blas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PIECES 1000
#define THREADS 4

struct record {
    int done[PIECES];
    int by[THREADS][16]; /* pieces of each thread, apart from other threads' cache lines */
};

static void note(void *self, int i, int thread)
{
    struct record *r = self;
    r->done[i]++;
    r->by[thread][0]++; /* a race unless thread numbers are distinct */
}

static void bad_thread_counts_are_refused(void **state)
{
    (void)state;
    struct rt_parallel *p;
    assert_int_equal(rt_parallel_create(&p, 0), RT_ERANGE);
    assert_int_equal(rt_parallel_create(&p, 100000), RT_ERANGE);
    assert_null(p);
    rt_parallel_destroy(NULL);
    assert_int_equal(rt_parallel_threads(NULL), 1);
}

static void every_piece_runs_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= THREADS; threads++) {
        struct rt_parallel *p;
        assert_int_equal(rt_parallel_create(&p, threads), 0);
        assert_int_equal(rt_parallel_threads(p), threads);
        for (int round = 0; round < 200; round++) {
            struct record r;
            memset(&r, 0, sizeof r);
            int pieces = round % 7 ? round * 5 : 0, sum = 0;
            rt_parallel_for(round % 3 ? p : NULL, pieces, note, &r);
            for (int i = 0; i < PIECES; i++) {
                assert_int_equal(r.done[i], i < pieces);
            }
            for (int t = 0; t < THREADS; t++) {
                assert_true(t < threads || r.by[t][0] == 0);
                sum += r.by[t][0];
            }
            assert_int_equal(sum, pieces);
        }
        rt_parallel_destroy(p);
    }
}

struct slow {
    struct record r;
    int sleeper; /* the piece that takes long, or -1 */
};

static void nap(void) /* longer than anybody looks */
{
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
}

static void note_slowly(void *self, int i, int thread)
{
    struct slow *s = self;
    note(&s->r, i, thread);
    if (i == s->sleeper)
        nap();
}

/* Helpers sleep between loops that come late, the caller while a helper's piece takes long. */
static void sleepers_are_woken(void **state)
{
    (void)state;
    for (int threads = 2; threads <= THREADS; threads++) {
        struct rt_parallel *p;
        assert_int_equal(rt_parallel_create(&p, threads), 0);
        for (int round = 0; round < 60; round++) {
            struct slow s = {.sleeper = round % 3 == 1 ? threads - 1 : -1};
            if (round % 3 == 2)
                nap();
            rt_parallel_for(p, threads, note_slowly, &s);
            for (int i = 0; i < threads; i++) {
                assert_int_equal(s.r.done[i], 1);
            }
        }
        rt_parallel_destroy(p);
    }
}

static void products_are_right(void **state)
{
    (void)state;
    /* A [2,3], B [3,2] and both stored the other way round; C starts at 1 or unread (NaN). */
    static const float a[] = {1, 2, 3, 4, 5, 6}, at[] = {1, 4, 2, 5, 3, 6};
    static const float b[] = {7, 8, 9, 10, 11, 12}, bt[] = {7, 9, 11, 8, 10, 12};
    static const float want[] = {58, 64, 139, 154};
    for (int k = 0; k < 8; k++) {
        int ta = k & 1, tb = k >> 1 & 1, beta = k >> 2;
        float c[4];
        for (int i = 0; i < 4; i++) {
            c[i] = beta ? 1 : NAN;
        }
        rt_gemm(ta, tb, 2, 2, 3, ta ? at : a, ta ? 2 : 3, tb ? bt : b, tb ? 3 : 2, (float)beta, c,
                2);
        for (int i = 0; i < 4; i++) {
            assert_true(c[i] == want[i] + (float)beta);
        }
    }
    assert_true(rt_blas_gflops(64) > 0);
    assert_true(strlen(rt_blas_core()) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_thread_counts_are_refused),
        cmocka_unit_test(every_piece_runs_once),
        cmocka_unit_test(sleepers_are_woken),
        cmocka_unit_test(products_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
