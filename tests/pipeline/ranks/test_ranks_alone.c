/* SPDX-License-Identifier: MIT
 * test_ranks_alone: a build without MPI is one process, and says so where it was started as one of several. */
#include "pipeline/ranks/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_started_alone(void **state)
{
    (void)state;
    struct rt_ranks *r;
    struct rt_error e;
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    setenv("SLURM_NTASKS", "4", 1); /* a script of sbatch: no task of a step */
    assert_false(rt_ranks_wanted());
    assert_int_equal(rt_ranks_open(&r, &e), 0);
    assert_null(r);
    assert_int_equal(rt_ranks_rank(r), 0);
    assert_int_equal(rt_ranks_size(r), 1);
    rt_ranks_close(r);
}

static void test_started_as_one_of_several(void **state)
{
    (void)state;
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    for (int i = 0; i < 3; i++) {
        struct rt_ranks *r;
        struct rt_error e;
        setenv(names[i], "2", 1);
        assert_true(rt_ranks_wanted());
        assert_int_equal(rt_ranks_open(&r, &e), RT_EUSAGE);
        assert_null(r);
        assert_non_null(strstr(e.text, "MPI is not built in"));
        unsetenv(names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_started_alone), cmocka_unit_test(test_started_as_one_of_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
