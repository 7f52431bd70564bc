/* SPDX-License-Identifier: MIT
 * Tests of pipeline/data/sampler: refusals, epochs, marks, evaluations, and resuming anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pipeline/data/sampler.h"

#define ROWS 200

static int train[ROWS], eval[ROWS];

/* A whole run as text, one line per batch, to compare runs by. */
struct story {
    char text[1 << 16];
    size_t size;
    int batches;
};

static void tell(struct story *s, const struct rt_batch *b, int64_t *updates)
{
    char *at = s->text + s->size;
    size_t room = sizeof s->text - s->size;
    if (b->kind == RT_BATCH_TRAIN)
        ++*updates;
    int n = snprintf(at, room, "%c %d.%d @%d %s%s%s:", b->kind == RT_BATCH_TRAIN ? 'T' : 'E',
                     b->epoch, b->index, (int)*updates, b->marks & RT_MARK_EPOCH ? "P" : "",
                     b->marks & RT_MARK_EVAL ? "V" : "", b->marks & RT_MARK_END ? "E" : "");
    for (int i = 0; i < b->count; i++)
        n += snprintf(at + n, room - (size_t)n, " %d", b->sample[i]);
    n += snprintf(at + n, room - (size_t)n, "\n");
    s->size += (size_t)n;
    assert_true(s->size < sizeof s->text);
    s->batches++;
}

static void run(struct story *s, const struct rt_sampler_config *c)
{
    struct rt_sampler *sampler;
    struct rt_batch *b;
    int64_t updates = c->start;
    memset(s, 0, sizeof *s);
    assert_int_equal(rt_sampler_create(&sampler, c), 0);
    struct rt_source source = rt_sampler_source(sampler);
    for (;;) {
        assert_int_equal(source.next(source.self, &b, NULL), 0);
        if (!b)
            break;
        tell(s, b, &updates);
        rt_batch_destroy(b);
    }
    rt_sampler_destroy(sampler);
}

static struct rt_sampler_config config(int trains, int evals, int batch, int64_t steps)
{
    return (struct rt_sampler_config){.train = train, .train_count = trains, .eval = eval,
                                      .eval_count = evals, .batch = batch, .seed = 3,
                                      .steps = steps, .eval_interval = 1};
}

static void test_refuses(void **state)
{
    (void)state;
    struct rt_sampler *s;
    struct rt_lister *l;
    struct rt_sampler_config good = config(10, 0, 4, 5), c = good;
    c.train_count = 0;
    assert_int_equal(rt_sampler_create(&s, &c), RT_ENODATA);
    assert_null(s);
    c = good, c.batch = 0;
    assert_int_equal(rt_sampler_create(&s, &c), RT_ERANGE);
    c = good, c.eval_interval = 0;
    assert_int_equal(rt_sampler_create(&s, &c), RT_ERANGE);
    c = good, c.start = -1;
    assert_int_equal(rt_sampler_create(&s, &c), RT_ERANGE);
    c = good, c.labelled = 11;
    assert_int_equal(rt_sampler_create(&s, &c), RT_ERANGE);
    c = good, c.balance = 1.5;
    assert_int_equal(rt_sampler_create(&s, &c), RT_ERANGE);
    assert_int_equal(rt_lister_create(&l, RT_BATCH_SCORE, train, 3, 0), RT_ERANGE);
    assert_int_equal(rt_lister_create(&l, RT_BATCH_SCORE, train, -1, 2), RT_ERANGE);
    rt_sampler_destroy(NULL);
    rt_lister_destroy(NULL);
}

static void test_epoch_steps(void **state)
{
    (void)state;
    static const struct {
        int count, batch, steps;
    } cases[] = {{0, 4, 0}, {1, 4, 1}, {2, 4, 1}, {4, 4, 1}, {5, 4, 1},
                 {6, 4, 2}, {8, 4, 2}, {9, 4, 2}, {3, 1, 3}, {1, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(rt_sampler_epoch_steps(cases[i].count, cases[i].batch), cases[i].steps);
}

/* Each epoch gives every row once, except the single one left over, which is not always the same. */
static void test_epochs_are_whole(void **state)
{
    (void)state;
    for (int trains = 1; trains <= 21; trains++) {
        struct rt_sampler *sampler;
        int per_epoch = rt_sampler_epoch_steps(trains, 4), left_out[ROWS] = {0}, often = 0;
        struct rt_sampler_config c = config(trains, 0, 4, 30 * per_epoch);
        assert_int_equal(rt_sampler_create(&sampler, &c), 0);
        struct rt_source source = rt_sampler_source(sampler);
        for (int epoch = 0; epoch < 30; epoch++) {
            int seen[ROWS] = {0}, sum = 0;
            for (int step = 0; step < per_epoch; step++) {
                struct rt_batch *b;
                assert_int_equal(source.next(source.self, &b, NULL), 0);
                assert_int_equal(b->epoch, epoch);
                assert_int_equal(b->index, step);
                assert_true(b->count >= 2 || trains == 1);
                for (int i = 0; i < b->count; i++, sum++)
                    assert_int_equal(seen[b->sample[i] - train[0]]++, 0);
                assert_int_equal(b->marks & RT_MARK_EPOCH, step + 1 == per_epoch);
                rt_batch_destroy(b);
            }
            assert_int_equal(sum, trains > 1 && trains % 4 == 1 ? trains - 1 : trains);
            for (int i = 0; i < trains; i++)
                left_out[i] += !seen[i];
        }
        for (int i = 0; i < trains; i++)
            often = left_out[i] > often ? left_out[i] : often;
        assert_true(often < 20);
        rt_sampler_destroy(sampler);
    }
}

static void test_marks(void **state)
{
    (void)state;
    struct story s;
    struct rt_sampler_config c = config(4, 3, 2, 5); /* 2 updates an epoch, the third cut short */
    c.eval_interval = 2;
    run(&s, &c);
    char shape[400] = "", *line = s.text;
    for (int i = 0; i < s.batches; i++) { /* the part before the rows */
        strncat(shape, line, (size_t)(strchr(line, ':') - line + 1));
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(shape, "T 0.0 @1 :T 0.1 @2 P:T 1.0 @3 :T 1.1 @4 P:"
                               "E 1.0 @4 :E 1.1 @4 V:T 2.0 @5 P:E 2.0 @5 :E 2.1 @5 VE:");
    assert_non_null(strstr(s.text, "E 2.0 @5 : 1000 1001\n")); /* in the order given */

    c = config(4, 0, 2, 4);
    run(&s, &c);
    assert_non_null(strstr(s.text, "T 1.1 @4 PE:"));
    assert_int_equal(s.batches, 4);
}

static int every_epoch_from_4(void *self, int64_t step)
{
    *(int64_t *)self = step; /* told of each, in order */
    return step < 4 ? 100 : 1;
}

/* How often is evaluated may change while batches are handed out. */
static void test_interval_changes(void **state)
{
    (void)state;
    struct story s;
    int64_t told = 0;
    struct rt_sampler_config c = config(4, 1, 2, 6); /* 2 updates an epoch */
    c.eval_interval = 1; /* not asked for: hand_out decides */
    c.hand_out = every_epoch_from_4;
    c.self = &told;
    run(&s, &c);
    assert_int_equal(told, 6);
    assert_null(strstr(s.text, "E 0.0"));
    assert_non_null(strstr(s.text, "E 1.0 @4"));
    assert_non_null(strstr(s.text, "E 2.0 @6"));
}

/* A run stopped after any update and resumed tells the rest of the same story. */
static void resume_anywhere(double balance)
{
    struct story whole, rest;
    struct rt_sampler_config c = config(23, 7, 4, 20); /* 6 updates an epoch */
    c.eval_interval = 2;
    c.labelled = 5;
    c.balance = balance;
    run(&whole, &c);
    for (c.start = 0; c.start <= 20; c.start++) {
        char mark[16];
        snprintf(mark, sizeof mark, "@%d ", (int)c.start);
        for (int eval_done = 0; eval_done <= 1; eval_done++) {
            c.eval_done = eval_done;
            run(&rest, &c);
            /* the rest begins behind the last line of update `start`, or behind its training line */
            char *at = whole.text;
            for (char *line = at; *line; line = strchr(line, '\n') + 1)
                if (c.start > 0 && strncmp(strchr(line, '@'), mark, strlen(mark)) == 0 &&
                    (eval_done || *line == 'T'))
                    at = strchr(line, '\n') + 1;
            assert_string_equal(rest.text, at);
        }
    }
    c.start = 25; /* beyond the end: nothing to do */
    run(&rest, &c);
    assert_int_equal(rest.batches, 0);
}

static void test_resume_anywhere(void **state)
{
    (void)state;
    resume_anywhere(0);
    resume_anywhere(0.5);
}

static void test_balanced_steps(void **state)
{
    (void)state;
    static const struct {
        int labelled, rest, batch;
        double balance;
        int steps;
    } cases[] = {
        {6, 94, 32, 0, 4},     {0, 100, 32, 0.5, 4}, {100, 0, 32, 0.5, 4}, /* as the data are */
        {6, 94, 32, 0.5, 6},   {94, 6, 32, 0.5, 6},  {32, 1, 32, 0.5, 2},  /* the deck that takes longest, rounded up */
        {6, 93, 32, 1e-9, 6}, {6, 94, 32, 1, 1},    {64, 94, 32, 1, 2},   /* at least one; no room for the others */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(rt_sampler_balanced_steps(cases[i].labelled, cases[i].rest, cases[i].batch,
                                                   cases[i].balance), cases[i].steps);
}

/* Each batch has its labelled rows, each deck gives every row as often as any other, and draws never repeat. */
static void test_balance(void **state)
{
    (void)state;
    static const double balance[] = {0.25, 0.5, 1};
    for (int k = 0; k < 3; k++) {
        struct rt_sampler *sampler;
        struct rt_batch *b;
        struct rt_sampler_config c = config(23, 0, 8, 230);
        int labelled = (int)(8 * balance[k]), seen[ROWS] = {0};
        c.labelled = 5;
        c.balance = balance[k];
        assert_int_equal(rt_sampler_create(&sampler, &c), 0);
        struct rt_source source = rt_sampler_source(sampler);
        int64_t update = 0;
        while (source.next(source.self, &b, NULL) == 0 && b) {
            assert_int_equal(b->count, 8);
            assert_int_equal(b->epoch, update / rt_sampler_balanced_steps(5, 18, 8, balance[k]));
            assert_int_equal(b->draw, update++);
            for (int i = 0; i < 8; i++) {
                assert_int_equal(b->sample[i] < train[5], i < labelled);
                seen[b->sample[i] - train[0]]++;
            }
            rt_batch_destroy(b);
        }
        assert_int_equal(update, 230);
        for (int i = 0; i < 23; i++) {
            double each = i < 5 ? 230.0 * labelled / 5 : 230.0 * (8 - labelled) / 18;
            assert_true(seen[i] >= (int)each && seen[i] <= (int)each + 1);
        }
        rt_sampler_destroy(sampler);
    }
}

/* Nothing asked for, or nothing to choose from: bytes of a run without it. */
static void test_balance_off(void **state)
{
    (void)state;
    struct story a, b;
    struct rt_sampler_config c = config(23, 7, 4, 20);
    run(&a, &c);
    c.labelled = 5;
    run(&b, &c);
    assert_string_equal(a.text, b.text);
    c.balance = 0.5;
    for (c.labelled = 0; c.labelled <= 23; c.labelled += 23) {
        run(&b, &c);
        assert_string_equal(a.text, b.text);
    }
    c.labelled = 5;
    run(&b, &c);
    assert_string_not_equal(a.text, b.text);
}

static void test_order_follows_the_seed(void **state)
{
    (void)state;
    struct story a, b;
    struct rt_sampler_config c = config(50, 0, 10, 10);
    run(&a, &c);
    run(&b, &c);
    assert_string_equal(a.text, b.text);
    assert_memory_not_equal(a.text, strstr(a.text, "T 1.0"), 40); /* epochs differ */
    c.seed++;
    run(&b, &c);
    assert_string_not_equal(a.text, b.text);
}

/* Whatever is cut: every row once, in its order, no part of a single one but where there is only one. */
static void test_cut(void **state)
{
    (void)state;
    int rows[40], seen, largest;
    for (int i = 0; i < 40; i++)
        rows[i] = i;
    for (int count = 0; count <= 40; count++)
        for (int shards = 1; shards <= 8; shards *= 2)
            for (int own = 1; own <= shards; own *= 2) {
                seen = largest = 0;
                for (int first = 0; first < shards; first += own) {
                    int many[8] = {0};
                    struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, rows, count);
                    assert_non_null(b);
                    rt_batch_cut(b, shards, first, own);
                    for (int i = 0; i < b->count; i++) {
                        assert_int_equal(b->sample[i], seen++);
                        assert_in_range(b->shard[i], i ? b->shard[i - 1] : 0, own - 1);
                        many[b->shard[i]]++;
                    }
                    for (int s = 0; s < own; s++) {
                        assert_true(many[s] != 1 || count == 1);
                        largest = many[s] > largest ? many[s] : largest;
                    }
                    rt_batch_destroy(b);
                }
                assert_int_equal(seen, count);
                assert_true(largest <= rt_batch_shard_rows(count, shards));
            }
}

static void test_lister(void **state)
{
    (void)state;
    static const int sizes[] = {0, 1, 4, 5, 8};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct rt_lister *l;
        struct rt_batch *b;
        int at = 0, index = 0;
        assert_int_equal(rt_lister_create(&l, RT_BATCH_SCORE, eval, sizes[k], 4), 0);
        struct rt_source source = rt_lister_source(l);
        while (source.next(source.self, &b, NULL) == 0 && b) {
            assert_int_equal(b->kind, RT_BATCH_SCORE);
            assert_int_equal(b->index, index++);
            for (int i = 0; i < b->count; i++)
                assert_int_equal(b->sample[i], eval[at++]);
            assert_int_equal(b->marks, at == sizes[k] ? RT_MARK_EVAL | RT_MARK_END : 0);
            rt_batch_destroy(b);
        }
        assert_int_equal(at, sizes[k]);
        rt_lister_destroy(l);
    }
}

int main(void)
{
    for (int i = 0; i < ROWS; i++) {
        train[i] = 5 + i;
        eval[i] = 1000 + i;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_epoch_steps),
        cmocka_unit_test(test_epochs_are_whole),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_interval_changes),
        cmocka_unit_test(test_resume_anywhere),
        cmocka_unit_test(test_balanced_steps),
        cmocka_unit_test(test_balance),
        cmocka_unit_test(test_balance_off),
        cmocka_unit_test(test_order_follows_the_seed),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_lister),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
