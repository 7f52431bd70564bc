/* SPDX-License-Identifier: MIT
 * Tests of stages/session/gallery: people of a manifest's column, whose embeddings are given: who is passed over, sums
 * and threshold by hand; a file and back, damaged and of another kind; who is nearest. */
#include "stages/session/gallery.h"
#include "tests/support/support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct scratch dir;
static struct rt_error e;

#define ROWS 6

/* Two of A, two of B, one of C, one nameless; row 3 could not be read. */
static float embedding[ROWS * 2] = {1, 0, 3, 4, 0, 2, 9, 9, 0, 5, -1, 0};
static uint8_t have[ROWS] = {1, 1, 1, 0, 1, 1};
static int rows[ROWS] = {0, 1, 2, 3, 4, 5};

static void open_people(struct rt_evaluation *v)
{
    static const char table[] = "id\tperson\ttext\n0\tA\tx\n1\tA\tx\n2\tB\tx\n3\tB\tx\n4\tB\tx\n5\t\tx\n";
    memset(v, 0, sizeof *v);
    scratch_make(&dir);
    scratch_write(&dir, "m.tsv", table, strlen(table));
    assert_int_equal(rt_dataset_load(&v->session.dataset, scratch_file(&dir, "m.tsv"), 1, 1, NULL, 0, &e), 0);
    v->model.dim = 2;
    v->model.key = (struct rt_key128){.lo = 7, .hi = 9};
    v->views.crops = 3;
    v->rows = rows;
    v->count = ROWS;
    v->out.embedding = embedding;
    v->out.have = have;
}

static void close_people(struct rt_evaluation *v)
{
    rt_dataset_fini(&v->session.dataset);
    scratch_remove(&dir);
}

static void check(const struct rt_gallery *g)
{
    assert_true(g->people == 2 && g->dim == 2 && g->samples[0] == 2 && g->samples[1] == 2);
    assert_string_equal(g->name[0], "A");
    assert_string_equal(g->name[1], "B");
    double x = 1.6, y = 0.8, norm = sqrt(x * x + y * y);
    assert_true(fabs(g->embedding[0] - x / norm) < 1e-6 && fabs(g->embedding[1] - y / norm) < 1e-6);
    assert_true(g->embedding[2] == 0 && g->embedding[3] == 1);
    assert_true(g->model.lo == 7 && g->model.hi == 9 && g->views.crops == 3 && !g->views.whole);
}

static void test_made(void **state)
{
    (void)state;
    struct rt_evaluation v;
    struct rt_gallery g, back;
    double eer;
    open_people(&v);
    assert_int_equal(rt_gallery_make(&g, &v, "nose", &eer, &e), RT_EMISMATCH);
    rt_gallery_fini(&g);
    assert_int_equal(rt_gallery_make(&g, &v, "person", &eer, &e), 0);
    check(&g);
    /* Own: A's each against the other 0.6, B's 1; others: 0 and 0.8 (A to B), 0.447 (B to A), twice. */
    assert_true(fabs(eer - 0.25) < 1e-6 && g.threshold > 0.599 && g.threshold < 0.8);
    assert_int_equal(rt_gallery_write(&g, scratch_file(&dir, "g.safetensors"), &e), 0);
    assert_int_equal(rt_gallery_read(&back, scratch_file(&dir, "g.safetensors"), &e), 0);
    check(&back);
    assert_true(back.threshold == g.threshold);
    rt_gallery_fini(&g);
    rt_gallery_fini(&back);
    rt_gallery_fini(&back);
    memset(have, 0, 2);
    assert_int_equal(rt_gallery_make(&g, &v, "person", &eer, &e), 0); /* one person: no threshold */
    assert_true(g.people == 1 && isnan(g.threshold) && isnan(eer));
    assert_int_equal(rt_gallery_write(&g, scratch_file(&dir, "g.safetensors"), &e), 0);
    rt_gallery_fini(&g);
    assert_int_equal(rt_gallery_read(&g, scratch_file(&dir, "g.safetensors"), &e), 0);
    assert_true(isnan(g.threshold));
    rt_gallery_fini(&g);
    memset(have, 0, ROWS);
    assert_int_equal(rt_gallery_make(&g, &v, "person", &eer, &e), RT_ENODATA);
    rt_gallery_fini(&g);
    memset(have, 1, ROWS);
    close_people(&v);
}

/* Another safetensors file is no gallery. */
static void test_foreign_file(void **state)
{
    (void)state;
    struct rt_gallery g;
    struct rt_safetensors *s;
    scratch_make(&dir);
    struct rt_tensor t = rt_tensor_view(RT_F32, 2, (int64_t[]){2, 2}, embedding);
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_safetensors_add(s, "embedding", &t), 0);
    assert_int_equal(rt_safetensors_write(s, scratch_file(&dir, "x.safetensors"), &e), 0);
    rt_safetensors_destroy(s);
    assert_int_equal(rt_gallery_read(&g, scratch_file(&dir, "x.safetensors"), &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "is not a gallery"));
    rt_gallery_fini(&g);
    assert_true(rt_gallery_read(&g, scratch_file(&dir, "none"), &e) < 0);
    rt_gallery_fini(&g);
    scratch_remove(&dir);
}

/* Whose numbers are none would be the nearest to everybody. */
static void test_not_finite(void **state)
{
    (void)state;
    struct rt_gallery g;
    float person[] = {1, 0, NAN, 1};
    int32_t samples[] = {1, 1};
    char *name[] = {"A", "B"};
    scratch_make(&dir);
    struct rt_gallery bad = {.people = 2, .dim = 2, .name = name, .embedding = person, .samples = samples,
                             .threshold = NAN};
    assert_int_equal(rt_gallery_write(&bad, scratch_file(&dir, "bad.safetensors"), &e), 0);
    assert_int_equal(rt_gallery_read(&g, scratch_file(&dir, "bad.safetensors"), &e), RT_ENOTFINITE);
    assert_non_null(strstr(e.text, "bad.safetensors"));
    rt_gallery_fini(&g);
    person[2] = 0;
    samples[1] = 0;
    assert_int_equal(rt_gallery_write(&bad, scratch_file(&dir, "bad.safetensors"), &e), 0);
    assert_int_equal(rt_gallery_read(&g, scratch_file(&dir, "bad.safetensors"), &e), RT_EFORMAT);
    rt_gallery_fini(&g);
    scratch_remove(&dir);
}

static void test_nearest(void **state)
{
    (void)state;
    float person[] = {1, 0, 0, 1, -1, 0, 0.6f, 0.8f};
    struct rt_gallery g = {.people = 4, .dim = 2, .embedding = person};
    int who[4];
    double score[4];
    const float x[] = {2, 0.1f};
    assert_int_equal(rt_gallery_nearest(&g, x, 3, who, score), 3);
    assert_true(who[0] == 0 && who[1] == 3 && who[2] == 1 && score[0] > score[1] && score[1] > score[2]);
    assert_int_equal(rt_gallery_nearest(&g, x, 1, who, score), 1);
    assert_int_equal(who[0], 0);
    const float y[] = {-1, 0};
    assert_int_equal(rt_gallery_nearest(&g, y, 1, who, score), 1);
    assert_true(who[0] == 2 && fabs(score[0] - 1) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_foreign_file),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
