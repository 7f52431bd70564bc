/* SPDX-License-Identifier: MIT
 * Tests of formats/hash: the published values of XXH3 for no bytes; what seeds and sizes change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "formats/hash.h"

static void test_nothing(void **state)
{
    (void)state;
    assert_true(rt_hash64(NULL, 0, 0) == UINT64_C(0x2D06800538D394C2));
    struct rt_hash128 h = rt_hash128(NULL, 0, 0);
    assert_true(h.lo == UINT64_C(0x6001C324468D497F) && h.hi == UINT64_C(0x99AA06D3014798D8));
}

static void test_all_bytes_count(void **state)
{
    (void)state;
    char bytes[1000] = {0};
    uint64_t narrow = rt_hash64(bytes, sizeof bytes, 1);
    struct rt_hash128 wide = rt_hash128(bytes, sizeof bytes, 1);
    for (size_t i = 0; i < sizeof bytes; i += 37) {
        bytes[i] = 1;
        struct rt_hash128 other = rt_hash128(bytes, sizeof bytes, 1);
        assert_true(rt_hash64(bytes, sizeof bytes, 1) != narrow);
        assert_true(other.lo != wide.lo && other.hi != wide.hi);
        bytes[i] = 0;
    }
    assert_true(rt_hash64(bytes, sizeof bytes, 1) == narrow);
    assert_true(rt_hash64(bytes, sizeof bytes, 2) != narrow);
    assert_true(rt_hash64(bytes, sizeof bytes - 1, 1) != narrow);
    assert_true(rt_hash128(bytes, sizeof bytes, 2).lo != wide.lo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_all_bytes_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
