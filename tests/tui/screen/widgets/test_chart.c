/* SPDX-License-Identifier: MIT
 * Tests of curves too long to draw point by point: read in pieces, drawn from blocks, no peak lost. */
#include "pipeline/run/rundb.h"
#include "tests/tui/report/example.h"
#include "tui/screen/widgets/chart.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 60000
#define PEAK 41234

static struct rt_error error;

static double value_at(int step)
{
    return step == PEAK ? 9 : 1 + 0.5 * sin(step / 3000.0);
}

/* A run's one long curve, as its screen reads it. */
static void read_long(struct rt_snapshot *m)
{
    struct rt_rundb *db = example_db();
    for (int step = 1; step <= POINTS; step++)
        assert_int_equal(rt_rundb_metric(db, step, 1, "", "loss", value_at(step), &error), 0);
    assert_int_equal(rt_rundb_meta(db, "state", "done", &error), 0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    assert_int_equal(rt_snapshot_open(m, example_dir.path, &error), 0);
    for (int polls = 0; polls == 0 || rt_snapshot_busy(m); polls++) {
        assert_true(polls < 1000);
        assert_int_equal(rt_snapshot_poll(m, false, &error), 1);
    }
    assert_int_equal(rt_snapshot_poll(m, false, &error), 0);
}

static void draw(struct rt_canvas *c, const struct rt_series *s, double smooth, int64_t from, int64_t to, bool log)
{
    struct rt_chart chart = {.title = "loss", .curve = {{s, "", false}}, .curves = 1, .smooth = smooth,
                             .from = from, .to = to, .cursor = -1, .log = log};
    c->clip = (struct rt_rect){0, 0, c->w, c->h};
    rt_canvas_fill(c, c->clip, RT_STYLE_PLAIN);
    rt_chart_draw(c, c->clip, &chart);
}

/* Column of the plot with a dot in its first line; -1 = none, -2 = several. */
static int top_dot(const struct rt_canvas *c)
{
    int at = -1;
    for (int x = 7; x < c->w; x++)
        if (c->cell[c->w + x].c > 0x2800 && c->cell[c->w + x].c < 0x2900)
            at = at == -1 ? x : -2;
    return at;
}

static void test_long_curves(void **state)
{
    struct rt_snapshot m;
    struct rt_canvas c = {0};
    (void)state;
    read_long(&m);
    const struct rt_series *s = rt_snapshot_series(&m, "", "loss");
    assert_int_equal(s->count, POINTS);
    for (int i = 0; i < POINTS; i++)
        assert_true(s->step[i] == i + 1 && s->value[i] == value_at(i + 1));
    for (int k = 0; k < POINTS / RT_SERIES_BLOCK; k++) {
        double low = INFINITY, high = -INFINITY, sum = 0;
        for (int i = k * RT_SERIES_BLOCK; i < (k + 1) * RT_SERIES_BLOCK; i++) {
            low = fmin(low, s->value[i]);
            high = fmax(high, s->value[i]);
            sum += s->value[i];
        }
        assert_true(s->block[k].low == low && s->block[k].high == high);
        assert_true(fabs(s->block[k].mean - sum / RT_SERIES_BLOCK) < 1e-12);
    }
    assert_int_equal(rt_canvas_resize(&c, 107, 12), 0);
    int expected = 7 + (int)(100.0 * PEAK / POINTS);
    for (int log = 0; log < 2; log++) {
        draw(&c, s, 0, 1, POINTS, log); /* 300 steps for a column of dots: by blocks */
        assert_in_range(top_dot(&c), expected - 1, expected + 1);
        draw(&c, s, 0, PEAK - 5000, PEAK + 5000, log); /* 50: point by point */
        assert_in_range(top_dot(&c), 7 + 49, 7 + 51);
    }
    /* Smoothed by blocks, what is shown is what points give, to a dot or two. */
    struct rt_series early = *s;
    early.count = PEAK - 100; /* before the peak */
    draw(&c, &early, 0.98, 1, early.count, false);
    int dots = 0;
    for (int i = 0; i < c.w * c.h; i++)
        dots += c.cell[i].c > 0x2800 && c.cell[i].c < 0x2900;
    assert_in_range(dots, 100, 250); /* one line, not a band */
    rt_canvas_fini(&c);
    rt_snapshot_fini(&m);
}

/* Values so close that their labels would be the same are written once. */
static void test_labels(void **state)
{
    int64_t step[] = {1, 2, 3};
    double value[] = {8e-5, 8.01e-5, 8.02e-5};
    struct rt_series s = {.name = "lr", .step = step, .value = value, .count = 3};
    struct rt_canvas c = {0};
    char *text = NULL;
    size_t size;
    (void)state;
    assert_int_equal(rt_canvas_resize(&c, 40, 12), 0);
    draw(&c, &s, 0, 1, 3, false);
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    rt_canvas_write(&c, f);
    fclose(f);
    assert_non_null(strstr(text, "8e-05"));
    assert_null(strstr(strstr(text, "8e-05") + 1, "8e-05"));
    free(text);
    rt_canvas_fini(&c);
}

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return 77;
    scratch_make(&example_dir);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_curves), cmocka_unit_test(test_labels)};
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
