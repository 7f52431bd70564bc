/* SPDX-License-Identifier: MIT
 * test_ranks: gathering and adding among 1 to 8 ranks, which are threads here, with a pair of sockets between any two:
 * the same bytes for all, those of one process that adds in the tree, and no byte more than it takes. */
#include "pipeline/ranks/ranks.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define MOST 8
#define COUNT 1003 /* halves are not even */

/* What ranks.c needs of an implementation. */
struct rt_ranks {
    int rank, size;
    int wire[MOST];
    size_t sent;
};

static int broken = -1; /* the rank whose swaps fail */
static int liar = -1;   /* the one that sends nothing but ones */

int rt_ranks_rank(const struct rt_ranks *r)
{
    return r->rank;
}

int rt_ranks_size(const struct rt_ranks *r)
{
    return r->size;
}

/* Pieces that fit a socket's buffer, so that two who send at once do not wait for each other. */
int rt_ranks_swap(struct rt_ranks *r, int with, const void *out, size_t out_bytes, void *in, size_t in_bytes,
                  struct rt_error *e)
{
    if (broken == r->rank || broken == with)
        return rt_error_set(e, RT_ELOST, "rank %d is lost", broken);
    if (liar == with)
        return memset(in, 0xff, in_bytes), 0;
    r->sent += out_bytes;
    for (size_t o = 0, i = 0; o < out_bytes || i < in_bytes;) {
        size_t piece = out_bytes - o < 1024 ? out_bytes - o : 1024, wanted = in_bytes - i < 1024 ? in_bytes - i : 1024;
        if (piece && write(r->wire[with], (const char *)out + o, piece) != (ssize_t)piece)
            abort();
        o += piece;
        for (size_t got = 0; got < wanted;) {
            ssize_t n = read(r->wire[with], (char *)in + i + got, wanted - got);
            if (n <= 0)
                abort();
            got += (size_t)n;
        }
        i += wanted;
    }
    return 0;
}

static struct rt_ranks all[MOST];

static void ranks_make(int size)
{
    for (int i = 0; i < size; i++) {
        all[i].rank = i;
        all[i].size = size;
        all[i].sent = 0;
        for (int k = 0; k < i; k++) {
            int pair[2];
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
            all[i].wire[k] = pair[0];
            all[k].wire[i] = pair[1];
        }
    }
}

static void ranks_run(int size, void *(*work)(void *))
{
    pthread_t thread[MOST];
    ranks_make(size);
    for (int i = 0; i < size; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, &all[i]), 0);
    for (int i = 0; i < size; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < size; i++)
        for (int k = 0; k < size; k++)
            if (i != k)
                close(all[i].wire[k]);
}

static float value[MOST][COUNT];

/* Numbers that round when they are added. */
static void value_make(float *v, int rank)
{
    uint32_t seed = 7u * (uint32_t)rank + 1;
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)(seed >> 8) / 77777.0f - 100;
    }
}

static void *add(void *self)
{
    struct rt_ranks *r = self;
    struct rt_error e;
    value_make(value[r->rank], r->rank);
    return rt_ranks_add(r, value[r->rank], COUNT, &e) == 0 ? NULL : self;
}

static void test_add(void **state)
{
    (void)state;
    static float tree[MOST][COUNT];
    for (int size = 1; size <= MOST; size *= 2) {
        size_t least = 2 * sizeof(float) * COUNT * (size_t)(size - 1) / (size_t)size;
        ranks_run(size, add);
        for (int i = 0; i < size; i++)
            value_make(tree[i], i);
        for (int apart = 1; apart < size; apart *= 2)
            for (int i = 0; i < size; i += 2 * apart)
                for (int k = 0; k < COUNT; k++)
                    tree[i][k] += tree[i + apart][k];
        for (int i = 0; i < size; i++) {
            assert_memory_equal(value[i], tree[0], sizeof tree[0]);
            assert_in_range(all[i].sent, least > 32 ? least - 32 : 0, least + 32);
        }
    }
}

static char *gathered[MOST];
static size_t gathered_bytes[MOST];

/* Rank i brings i * 100 bytes of its letter. */
static void *gather(void *self)
{
    struct rt_ranks *r = self;
    struct rt_error e;
    char mine[MOST * 100];
    void *out;
    memset(mine, 'a' + r->rank, sizeof mine);
    if (rt_ranks_gather(r, mine, (size_t)r->rank * 100, &out, &gathered_bytes[r->rank], &e) < 0)
        gathered_bytes[r->rank] = SIZE_MAX;
    gathered[r->rank] = out;
    return NULL;
}

static void test_gather(void **state)
{
    (void)state;
    for (int size = 1; size <= MOST; size *= 2) {
        ranks_run(size, gather);
        for (int i = 0; i < size; i++) {
            size_t at = 0;
            assert_int_equal(gathered_bytes[i], 50 * size * (size - 1));
            for (int k = 0; k < size; k++)
                for (int n = 0; n < k * 100; n++)
                    assert_int_equal(gathered[i][at++], 'a' + k);
            assert_int_equal(gathered[i][at], '\0');
            free(gathered[i]);
        }
    }
}

static void *lose(void *self)
{
    struct rt_ranks *r = self;
    struct rt_error e;
    void *out;
    size_t total;
    float one[2] = {1, 2};
    assert_int_equal(rt_ranks_gather(r, "x", 1, &out, &total, &e), RT_ELOST);
    assert_null(out);
    assert_int_equal(rt_ranks_add(r, one, 2, &e), RT_ELOST);
    return NULL;
}

static void test_lost(void **state)
{
    (void)state;
    broken = 1;
    ranks_run(2, lose);
    broken = -1;
}

/* A length that no memory holds, and that overflows with one's own. */
static void test_announces_too_much(void **state)
{
    (void)state;
    struct rt_ranks r = {.rank = 0, .size = 2};
    struct rt_error e;
    void *out;
    size_t total;
    liar = 1;
    assert_int_equal(rt_ranks_gather(&r, "own", 3, &out, &total, &e), RT_EMEM);
    assert_null(out);
    assert_non_null(strstr(e.text, "of the other ranks"));
    liar = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add), cmocka_unit_test(test_gather), cmocka_unit_test(test_lost),
        cmocka_unit_test(test_announces_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
