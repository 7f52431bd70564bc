/* SPDX-License-Identifier: MIT
 * test_isa: the loops of every instruction set this processor can run: products of odd sizes against
 * plain sums, Winograd's transforms against the convolution they stand for and as transposes of
 * each other, depthwise sums, functions and softmax against the C library's; and choosing one. */
#include "stages/nn/isa.h"

#include "formats/rng.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void fill(float *v, int64_t n, uint64_t stream)
{
    struct rt_rng r = rt_rng_init(9, 0, stream, RT_RNG_TEST);
    for (int64_t i = 0; i < n; i++) {
        v[i] = (float)rt_rng_normal(&r);
    }
}

static float *random_floats(int64_t n, uint64_t stream)
{
    n = n > 0 ? n : 0;
    float *v = malloc((size_t)n * sizeof *v + 1);
    assert_non_null(v);
    fill(v, n, stream);
    return v;
}

/* Exactly as long as what is named, so that a sanitizer sees a read beyond it. */
static void one_product(const struct rt_isa *isa, int rows, int cols, int taps, int depth, bool turned,
                        bool add)
{
    int64_t a_at[3], b_at[3], ldb = cols + 3, ldc = cols + 1;
    for (int t = 0; t < taps; t++) {
        a_at[t] = (int64_t)(taps - 1 - t) * rows * depth;
        b_at[t] = t * depth * ldb;
    }
    int64_t many_a = (int64_t)taps * rows * depth, many_b = taps * depth * ldb - 3;
    int64_t many_c = rows * ldc - 1;
    float *a = random_floats(many_a, 1), *b = random_floats(many_b, 2), *c = random_floats(many_c, 3);
    float *was = malloc((size_t)many_c * sizeof *was);
    assert_non_null(was);
    memcpy(was, c, (size_t)many_c * sizeof *c);
    struct rt_product p = {.a = a, .row = turned ? 1 : depth, .step = turned ? rows : 1, .b = b,
                           .ldb = ldb, .a_at = a_at, .b_at = b_at, .taps = taps, .depth = depth,
                           .c = c, .ldc = ldc, .rows = rows, .cols = cols, .add = add};
    isa->product(&p);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < ldc && i * ldc + j < many_c; j++) {
            double sum = add ? was[i * ldc + j] : 0;
            for (int t = 0; t < taps; t++) {
                for (int k = 0; k < depth && j < cols; k++) {
                    sum += (double)a[a_at[t] + i * p.row + k * p.step] * b[b_at[t] + k * ldb + j];
                }
            }
            double want = j < cols ? sum : was[i * ldc + j], got = c[i * ldc + j];
            if (!(fabs(got - want) <= 1e-4 * (1 + fabs(want)))) {
                fail_msg("%s: %dx%dx%dx%d: [%d][%d] is %g, not %g", isa->name, rows, cols, taps,
                         depth, i, j, got, want);
            }
        }
    }
    free(a), free(b), free(c), free(was);
}

static void products_are_sums(void **state)
{
    (void)state;
    const struct rt_isa *all[RT_ISA_SETS];
    int n = rt_isa_all(all);
    assert_true(n >= 1);
    for (int i = 0; i < n; i++) {
        for (int rows = 1; rows <= 31; rows += rows < 16 ? 1 : 5) {
            for (int cols = 1; cols <= 67; cols += cols < 9 ? 1 : 7) {
                one_product(all[i], rows, cols, 1 + (rows + cols) % 3, 1 + rows % 6, cols % 2, rows % 2);
            }
        }
        one_product(all[i], 3, 5, 0, 4, false, false); /* no taps: zeros */
        for (int rows = 32; rows <= 46; rows += 7) { /* many rows: B is laid side by side */
            one_product(all[i], rows, 75, 1 + rows % 3, 9, rows % 2, rows % 4 == 0);
        }
    }
}

/* sum over points of from_inputs(x) * from_weights(w), to_outputs: the correlation. */
static void tiles_are_correlations(void **state)
{
    (void)state;
    enum { N = 31 };
    const struct rt_isa *all[RT_ISA_SETS];
    int n = rt_isa_all(all);
    static float x[6 * 6 * N], w[3 * 3 * N], v[36 * N], u[36 * N], y[4 * 4 * N];
    fill(x, 6 * 6 * N, 1);
    fill(w, 3 * 3 * N, 2);
    for (int i = 0; i < 2 * n; i++) {
        const struct rt_isa *isa = all[i / 2];
        bool plane = i % 2;
        int across = plane ? 6 : 1, wide = plane ? 3 : 1, many = plane ? 4 : 1;
        isa->from_inputs(&(struct rt_tile){.from = x, .to = v, .line = across * N, .place = N,
                                           .stride = N, .n = N, .lines = 6, .places = 6,
                                           .plane = plane});
        isa->from_weights(&(struct rt_tile){.from = w, .to = u, .line = wide * N, .place = N,
                                            .stride = N, .n = N, .plane = plane});
        for (int k = 0; k < (plane ? 36 : 6) * N; k++) {
            v[k] *= u[k];
        }
        memset(y, 0, sizeof y);
        isa->to_outputs(&(struct rt_tile){.from = v, .to = y, .line = many * N, .place = N,
                                          .stride = N, .n = N, .lines = 4, .places = 4,
                                          .plane = plane});
        for (int k = 0; k < 4 * many * N; k++) {
            int oy = k / N / many, ox = k / N % many, c = k % N;
            double want = 0;
            for (int t = 0; t < 3 * wide; t++) {
                want += (double)x[((oy + t / wide) * across + ox + t % wide) * N + c] * w[t * N + c];
            }
            assert_true(fabs((double)y[k] - want) < 1e-4);
        }
    }
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += (double)a[i] * b[i];
    }
    return sum;
}

/* <from_gradient(d), m> = <d, to_outputs(m)>, and <from_weights(w), m> = <w, to_weights(m)>. */
static void gradients_are_transposes(void **state)
{
    (void)state;
    enum { N = 29 };
    const struct rt_isa *all[RT_ISA_SETS];
    int n = rt_isa_all(all);
    static float m[36 * N], d[16 * N], g[36 * N], y[16 * N], w[9 * N], u[36 * N], t[9 * N];
    for (int i = 0; i < 4 * n; i++) {
        const struct rt_isa *isa = all[i / 4];
        bool plane = i % 2, part = i / 2 % 2;
        int points = (plane ? 36 : 6) * N, many = plane ? 4 : 1, wide = plane ? 3 : 1;
        int lines = part ? 3 : 4, places = plane && part ? 2 : many;
        fill(m, points, 1), fill(w, 9 * N, 3), fill(d, 16 * N, 2);
        memset(y, 0, sizeof y), memset(t, 0, sizeof t);
        struct rt_tile tile = {.line = many * N, .place = N, .stride = N, .n = N, .lines = lines,
                               .places = places, .plane = plane};
        tile.from = d, tile.to = g;
        isa->from_gradient(&tile);
        tile.from = m, tile.to = y;
        isa->to_outputs(&tile);
        assert_true(fabs(dot(g, m, points) - dot(d, y, 16 * N)) < 1e-2);
        struct rt_tile taps = {.line = wide * N, .place = N, .stride = N, .n = N, .plane = plane};
        taps.from = w, taps.to = u;
        isa->from_weights(&taps);
        taps.from = m, taps.to = t;
        isa->to_weights(&taps);
        assert_true(fabs(dot(u, m, points) - dot(w, t, 3 * wide * N)) < 1e-2);
    }
}

/* ---- depthwise, functions behind sums, softmax ---- */

static void depthwise_is_a_sum(void **state)
{
    const struct rt_isa *all[RT_ISA_SETS];
    int64_t x_at[6], w_at[6];
    (void)state;
    for (int s = rt_isa_all(all) - 1; s >= 0; s--)
        for (int channels = 1; channels < 40; channels += 6)
            for (int places = 1; places < 18; places += 3) {
                int64_t place = 2 * channels, many = (places - 1) * place + 5 * channels + channels;
                float *x = random_floats(many, 1), *w = random_floats(6 * channels, 2), *b = random_floats(channels, 3);
                float *y = random_floats((int64_t)places * channels, 4);
                for (int t = 0; t < 6; t++) {
                    x_at[t] = (5 - t) * channels;
                    w_at[t] = t * channels;
                }
                all[s]->depthwise(&(struct rt_depthwise){x, w, b, place, x_at, w_at, 6, y, channels, places, channels});
                for (int p = 0; p < places; p++)
                    for (int c = 0; c < channels; c++) {
                        double sum = b[c];
                        for (int t = 0; t < 6; t++)
                            sum += (double)w[w_at[t] + c] * x[p * place + x_at[t] + c];
                        assert_true(fabs(y[p * channels + c] - sum) < 1e-5);
                    }
                free(x);
                free(w);
                free(b);
                free(y);
            }
}

/* As the C library has them, in double. */
static double function_of(enum rt_act act, double v)
{
    switch (act) {
    case RT_ACT_relu:
        return v < 0 ? 0 : v;
    case RT_ACT_clip:
        return v < -1 ? -1 : v > 2 ? 2 : v;
    case RT_ACT_leaky_relu:
        return v < 0 ? -v : v;
    case RT_ACT_hard_sigmoid:
        return fmin(fmax(2 - v, 0), 1);
    case RT_ACT_hard_swish:
        return v * fmin(fmax(v / 6 + 0.5, 0), 1);
    case RT_ACT_exp:
        return exp(v);
    case RT_ACT_sigmoid:
        return 1 / (1 + exp(-v));
    case RT_ACT_silu:
        return v / (1 + exp(-v));
    case RT_ACT_tanh:
        return tanh(v);
    case RT_ACT_erf:
        return erf(v);
    case RT_ACT_gelu:
        return 0.5 * v * (1 + erf(v * sqrt(0.5)));
    case RT_ACT_gelu_tanh:
        return 0.5 * v * (1 + tanh(sqrt(2 / acos(-1)) * (v + 0.044715 * v * v * v)));
    default:
        return v;
    }
}

/* From -100 to 100, closer around 0; each number alone gives what it gives in a row. */
static void functions_are_the_librarys(void **state)
{
    const struct rt_isa *all[RT_ISA_SETS];
    float x[403], y[403], alone;
    (void)state;
    for (int i = 0; i < 401; i++)
        x[i] = (float)((i - 200) * abs(i - 200)) / 400;
    x[401] = NAN;
    x[402] = INFINITY;
    for (int s = rt_isa_all(all) - 1; s >= 0; s--)
        for (int act = 0; act <= RT_ACT_gelu_tanh; act++) {
            struct rt_finish f = {.from = x, .to = y, .rows = 1, .n = 403, .act = (enum rt_act)act, .a = -1, .b = 2};
            all[s]->finish(&f);
            for (int i = 0; i < 401; i++) {
                double want = function_of((enum rt_act)act, x[i]);
                want = want > FLT_MAX ? INFINITY : want;
                double allowed = 4e-7 * (1 + fmin(fabs(x[i]), 10) + fabs(want)); /* of a gate, in parts of x */
                if (!(fabs(y[i] - want) <= allowed || (isinf(want) && isinf(y[i]))))
                    fail_msg("%s, function %d of %g: %.9g, not %.9g", all[s]->name, act, (double)x[i], (double)y[i],
                             want);
                f.from = x + i, f.to = &alone, f.n = 1;
                all[s]->finish(&f);
                assert_memory_equal(&alone, y + i, sizeof alone);
            }
            assert_true(isnan(y[401]));
        }
}

static void softmax_rows_are_parts_of_one(void **state)
{
    const struct rt_isa *all[RT_ISA_SETS];
    (void)state;
    for (int s = rt_isa_all(all) - 1; s >= 0; s--)
        for (int n = 1; n < 40; n += 3) {
            float *x = random_floats(2 * n, 1), *was = random_floats(2 * n, 1), *mask = random_floats(n, 2);
            mask[n / 2] = n > 1 ? -INFINITY : 0;
            all[s]->softmax(&(struct rt_softmax_rows){x, mask, n, 0, 2, n, 3});
            for (int r = 0; r < 2; r++) {
                double sum = 0;
                for (int i = 0; i < n; i++)
                    sum += exp(3.0 * was[r * n + i] + mask[i]);
                for (int i = 0; i < n; i++)
                    assert_true(fabs(x[r * n + i] - exp(3.0 * was[r * n + i] + mask[i]) / sum) < 1e-6);
            }
            x[0] = NAN;
            all[s]->softmax(&(struct rt_softmax_rows){x, NULL, n, 0, 1, n, 1});
            assert_true(isnan(x[n - 1]));
            free(x);
            free(was);
            free(mask);
        }
}

static void one_row_through_all_panels(void **state)
{
    const struct rt_isa *all[RT_ISA_SETS];
    const int64_t zero = 0;
    (void)state;
    for (int s = rt_isa_all(all) - 1; s >= 0; s--)
        for (int panels = 1; panels < 7; panels++) {
            int64_t panel = all[s]->panel, cols = panels * panel, depth = 37;
            float *a = random_floats(depth, 1), *b = random_floats(depth * cols, 2);
            float *c = random_floats(cols, 3), *want = random_floats(cols, 4);
            struct rt_product p = {.a = a, .row = depth, .step = 1, .b = b, .a_at = &zero, .b_at = &zero, .taps = 1,
                                   .depth = depth, .c = c, .rows = 1, .cols = cols};
            all[s]->product_row(&p);
            for (int i = 0; i < panels; i++) {
                p.b = b + i * depth * panel;
                p.c = want + i * panel;
                p.ldb = p.cols = panel;
                all[s]->product(&p);
            }
            assert_memory_equal(c, want, (size_t)cols * sizeof *c);
            free(a);
            free(b);
            free(c);
            free(want);
        }
}

/* ---- behind sums ----
 * What is done to a sum in its register is what would be done to it behind: the same bits. */

enum { BIAS = 1, OTHER = 2, RELU = 4, CLIP = 8, BEHINDS = 12 };
#define LOW (-0.25f)
#define HIGH 0.5f

static struct rt_behind behind_of(int what, const float *bias, const float *other)
{
    return (struct rt_behind){.bias = what & BIAS ? bias : NULL, .other = what & OTHER ? other : NULL,
                              .relu = what & RELU, .clip = what & CLIP, .low = LOW, .high = HIGH};
}

static float behind_value(int what, float sum, float bias, float other)
{
    sum = what & BIAS ? sum + bias : sum;
    sum = what & OTHER ? sum + other : sum;
    if (what & CLIP)
        return sum < LOW ? LOW : sum > HIGH ? HIGH : sum;
    return what & RELU && sum < 0 ? 0 : sum;
}

static void one_product_behind(const struct rt_isa *isa, int rows, int cols, int what)
{
    const int64_t zero = 0, depth = 5, ldc = cols + 1, all = rows * ldc - 1;
    float *a = random_floats(rows * depth, 1), *b = random_floats(depth * cols, 2), *c = random_floats(all, 3);
    float *bare = random_floats(all, 3), *bias = random_floats(cols, 4), *other = random_floats(all, 5);
    struct rt_product p = {.a = a, .row = depth, .step = 1, .b = b, .ldb = cols, .a_at = &zero, .b_at = &zero,
                           .taps = 1, .depth = depth, .c = bare, .ldc = ldc, .rows = rows, .cols = cols};
    isa->product(&p);
    p.c = c;
    p.behind = behind_of(what, bias, other);
    isa->product(&p);
    for (int64_t i = 0; i < all; i++) {
        int64_t j = i % ldc;
        float want = j < cols ? behind_value(what, bare[i], bias[j], other[i]) : bare[i];
        if (c[i] != want)
            fail_msg("%s: %dx%d, %d: [%d] is %g, not %g", isa->name, rows, cols, what, (int)i, (double)c[i],
                     (double)want);
    }
    free(a), free(b), free(c), free(bare), free(bias), free(other);
}

static void products_do_what_is_behind(void **state)
{
    (void)state;
    const struct rt_isa *all[RT_ISA_SETS];
    for (int s = rt_isa_all(all) - 1; s >= 0; s--)
        for (int rows = 1; rows <= 40; rows += rows < 15 ? 1 : 12)
            for (int cols = 1; cols <= 67; cols += 11)
                for (int what = 0; what < BEHINDS; what++)
                    one_product_behind(all[s], rows, cols, what);
}

/* Tiles of all sizes; what is outside of them stays. */
static void tiles_do_what_is_behind(void **state)
{
    (void)state;
    enum { N = 31, PLACES = 4 * 4 * N };
    const struct rt_isa *all[RT_ISA_SETS];
    static float v[36 * N], bare[PLACES], y[PLACES], bias[N], other[PLACES];
    fill(v, 36 * N, 1), fill(bias, N, 2), fill(other, PLACES, 3);
    for (int s = 4 * rt_isa_all(all) - 1; s >= 0; s--)
        for (int i = 0; i < 16 * BEHINDS; i++) {
            int what = i % BEHINDS, lines = 1 + i / BEHINDS % 4, places = 1 + i / BEHINDS / 4;
            bool plane = s % 2;
            struct rt_tile t = {.from = v, .to = bare, .line = (plane ? 4 : 1) * N, .place = N, .stride = N,
                                .n = s / 2 % 2 ? N : 8, .lines = lines, .places = places, .plane = plane};
            fill(bare, PLACES, 4), fill(y, PLACES, 4);
            all[s / 4]->to_outputs(&t);
            t.to = y;
            t.behind = behind_of(what, bias, other);
            all[s / 4]->to_outputs(&t);
            for (int k = 0; k < PLACES; k++) {
                bool in = k % N < t.n && (plane ? k / N / 4 < lines && k / N % 4 < places : k / N < lines);
                assert_true(y[k] == (in ? behind_value(what, bare[k], bias[k % N], other[k]) : bare[k]));
            }
        }
}

static void one_is_asked_for_by_name(void **state)
{
    (void)state;
    const struct rt_isa *all[RT_ISA_SETS], *best = rt_isa();
    struct rt_error e;
    for (int i = rt_isa_all(all) - 1; i >= 0; i--) {
        assert_int_equal(rt_isa_ask(all[i]->name, &e), 0);
        assert_ptr_equal(rt_isa(), all[i]);
    }
    assert_ptr_equal(rt_isa(), best);
    assert_int_equal(rt_isa_ask("avx1024", &e), RT_EUSAGE);
    assert_non_null(strstr(e.text, "\"avx1024\""));
    assert_non_null(strstr(e.text, "baseline"));
    assert_ptr_equal(rt_isa(), best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_sums),
        cmocka_unit_test(tiles_are_correlations),
        cmocka_unit_test(gradients_are_transposes),
        cmocka_unit_test(one_row_through_all_panels),
        cmocka_unit_test(products_do_what_is_behind),
        cmocka_unit_test(tiles_do_what_is_behind),
        cmocka_unit_test(depthwise_is_a_sum),
        cmocka_unit_test(functions_are_the_librarys),
        cmocka_unit_test(softmax_rows_are_parts_of_one),
        cmocka_unit_test(one_is_asked_for_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
