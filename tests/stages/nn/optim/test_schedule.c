/* SPDX-License-Identifier: MIT
 * test_schedule: learning-rate factors: PyTorch's OneCycleLR, the ends of the others, and bounds
 * for any length and warm-up. */
#include "stages/nn/optim/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=40, pct_start=0.15), PyTorch 1.13. */
static void onecycle_is_pytorchs(void **state)
{
    (void)state;
    static const struct {
        int64_t step;
        double rate;
    } want[] = {{0, 0.04},
                {1, 0.1316718427000253},
                {3, 0.6683281572999747},
                {5, 1},
                {6, 0.9978670966791646},
                {20, 0.5918763914092496},
                {38, 0.0021369033208353564},
                {39, 4e-6}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(fabs(rt_schedule(RT_SCHEDULE_ONECYCLE, want[i].step, 40, 0.15) - want[i].rate) < 1e-12);
    }
}

static void others_warm_up_and_end(void **state)
{
    (void)state;
    /* 10 steps of warm-up: 1/11 .. 10/11, then the top. */
    assert_true(fabs(rt_schedule(RT_SCHEDULE_COSINE, 0, 100, 0.1) - 1.0 / 11) < 1e-12);
    assert_true(fabs(rt_schedule(RT_SCHEDULE_COSINE, 9, 100, 0.1) - 10.0 / 11) < 1e-12);
    assert_true(rt_schedule(RT_SCHEDULE_COSINE, 10, 100, 0.1) == 1);
    assert_true(fabs(rt_schedule(RT_SCHEDULE_COSINE, 55, 100, 0.1) - 0.5) < 1e-12);
    assert_true(rt_schedule(RT_SCHEDULE_COSINE, 99, 100, 0.1) < 1e-3);
    assert_true(fabs(rt_schedule(RT_SCHEDULE_CONSTANT, 4, 100, 0.1) - 5.0 / 11) < 1e-12);
    assert_true(rt_schedule(RT_SCHEDULE_CONSTANT, 10, 100, 0.1) == 1);
    assert_true(rt_schedule(RT_SCHEDULE_CONSTANT, 99, 100, 0.1) == 1);
    assert_true(rt_schedule(RT_SCHEDULE_CONSTANT, 0, 100, 0) == 1);
}

static void factors_stay_in_bounds(void **state)
{
    (void)state;
    static const double warmup[] = {0, 0.01, 0.15, 0.5, 1};
    for (int n = 0; n < 3; n++) {
        for (int w = 0; w < 5; w++) {
            for (int64_t steps = 0; steps < 40; steps++) {
                for (int64_t step = -1; step <= steps + 1; step++) {
                    double f = rt_schedule((enum rt_schedule_id)n, step, steps, warmup[w]);
                    assert_true(f >= 0 && f <= 1);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onecycle_is_pytorchs),
        cmocka_unit_test(others_warm_up_and_end),
        cmocka_unit_test(factors_stay_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
