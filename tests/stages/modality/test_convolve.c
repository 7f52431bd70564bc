/* SPDX-License-Identifier: MIT
 * test_convolve: by FFT as by the sum itself; the level is kept, the direct sound stays where it was. */
#include "stages/modality/convolve.h"

#include "formats/rng.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void noise(float *x, int n, uint64_t seed)
{
    struct rt_rng rng = rt_rng_init(seed, 0, 0, RT_RNG_TEST);
    for (int i = 0; i < n; i++)
        x[i] = (float)rt_rng_normal(&rng);
}

/* The sum, in double, from the response's largest sample on, brought to the power of x. */
static void by_sum(const float *x, int n, const float *h, int m, double *out)
{
    int peak = 0;
    double before = 0, after = 0;
    for (int i = 1; i < m; i++)
        if (fabsf(h[i]) > fabsf(h[peak]))
            peak = i;
    for (int i = 0; i < n; i++) {
        out[i] = 0;
        for (int k = 0; k < m; k++)
            if (i + peak - k >= 0 && i + peak - k < n)
                out[i] += (double)x[i + peak - k] * h[k];
        before += (double)x[i] * x[i];
        after += out[i] * out[i];
    }
    for (int i = 0; i < n; i++)
        out[i] *= sqrt(before / after);
}

static void test_as_the_sum(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1600, 1}, {1600, 100}, {5000, 999}, {300, 2000}, {1, 1}, {4097, 512}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int n = sizes[s][0], m = sizes[s][1];
        float *x = malloc((size_t)n * sizeof *x), *h = malloc((size_t)m * sizeof *h);
        double *want = malloc((size_t)n * sizeof *want);
        noise(x, n, 1);
        noise(h, m, 2);
        h[m / 3] = 9; /* the direct sound */
        by_sum(x, n, h, m, want);
        assert_int_equal(rt_convolve(x, n, h, m, NULL), 0);
        for (int i = 0; i < n; i++)
            assert_true(fabs(x[i] - want[i]) < 2e-5); /* float's FFT: 1e-5 was seen */
        free(x);
        free(h);
        free(want);
    }
}

static void test_one_clap_alone_changes_nothing(void **state)
{
    (void)state;
    float x[3000], before[3000], h[800] = {0};
    noise(x, 3000, 3);
    memcpy(before, x, sizeof x);
    assert_int_equal(rt_convolve(x, 3000, h, 800, NULL), 0); /* silence is no room */
    assert_memory_equal(before, x, sizeof x);
    h[500] = -0.01f; /* late, soft, and of the other polarity */
    assert_int_equal(rt_convolve(x, 3000, h, 800, NULL), 0);
    for (int i = 0; i < 3000; i++)
        assert_true(fabsf(x[i] + before[i]) < 1e-5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_sum),
        cmocka_unit_test(test_one_clap_alone_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
