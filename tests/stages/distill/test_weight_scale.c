/* SPDX-License-Identifier: MIT
 * test_weight_scale: knees that are none, or overlap, or are of nothing; both directions, two sides, NaN;
 * what terms, map and knees come to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/weight_scale.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static struct rt_error e;

static void wrong_knees(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"snr 8", "'snr 8': write a name and 2 numbers"},
        {"snr", "write a name and 2 numbers"},
        {"snr 8 9 10", "write a name and 2 numbers"},
        {"snr 8 9 10 11 12", "write a name and 2 numbers"},
        {"snr 8 x", "write a name and 2 numbers"},
        {"snr nan 8", "write a name and 2 numbers"}, /* would weigh all alike, without a word */
        {"snr -inf 8", "write a name and 2 numbers"},
        {"snr 8 8", "'snr 8 8': bad and good are the same"},
        {"sharpness 0.01 5 4 6", "the sides overlap"},
        {"sharpness 1 2 6 4", "the sides overlap"},
        {"snr 8 14, level 1 2,snr 9 15", "'snr' has two: write one"},
        {"level 1 2, clipped 3", "'clipped 3': write"}, /* of another measure than is asked for */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rt_knee k;
        assert_int_equal(rt_knee_read(wrong[i].text, "snr", &k, &e), RT_EUSAGE);
        if (!strstr(e.text, wrong[i].says))
            fail_msg("%s: %s", wrong[i].text, e.text);
    }
}

static void knees(void **state)
{
    (void)state;
    struct rt_knee k;
    char text[80];
    assert_int_equal(rt_knee_read("", "snr", &k, &e), 0); /* its own */
    NEAR(rt_knee_factor(&k, 8), 0);
    NEAR(rt_knee_factor(&k, -100), 0);
    NEAR(rt_knee_factor(&k, 11), 0.5);
    NEAR(rt_knee_factor(&k, 14), 1);
    NEAR(rt_knee_factor(&k, INFINITY), 1);
    NEAR(rt_knee_factor(&k, NAN), 1);
    assert_int_equal(rt_knee_read("level 1 2, snr 0 10", "snr", &k, &e), 0);
    NEAR(rt_knee_factor(&k, 2.5), 0.25);
    assert_int_equal(rt_knee_read("", "clipped", &k, &e), 0);
    NEAR(rt_knee_factor(&k, 0), 1); /* falls */
    NEAR(rt_knee_factor(&k, 0.225), 0.5);
    NEAR(rt_knee_factor(&k, 1), 0);
    assert_int_equal(rt_knee_read("snr 1 2, sharpness 0.01 0.05 4 6", "sharpness", &k, &e), 0);
    NEAR(rt_knee_factor(&k, 0.005), 0); /* both ends are bad */
    NEAR(rt_knee_factor(&k, 0.03), 0.5);
    NEAR(rt_knee_factor(&k, 2), 1);
    NEAR(rt_knee_factor(&k, 5), 0.5);
    NEAR(rt_knee_factor(&k, 6.5), 0);
    assert_string_equal(rt_knee_write(&k, text, sizeof text), "0.01 0.05 4 6");
    assert_int_equal(rt_knee_read("snr 1 2", "agreement", &k, &e), 0);
    assert_string_equal(rt_knee_write(&k, text, sizeof text), "0.1 0.5");
    assert_int_equal(rt_knee_read("agreement 0.2 0.8", "agreement", &k, &e), 0);
    NEAR(rt_knee_factor(&k, 0.5), 0.5);
    assert_int_equal(rt_knee_read("", "length", &k, &e), 0);
    assert_true(rt_knee_is_none(&k));
    NEAR(rt_knee_factor(&k, -7), 1);
    assert_int_equal(rt_knee_read("length 5 20", "length", &k, &e), 0);
    assert_false(rt_knee_is_none(&k));
    assert_string_equal(rt_knee_write(&k, text, sizeof text), "5 20");
}

static void knee_put_into_text(void **state)
{
    (void)state;
    char text[RT_RECIPE_TEXT] = "snr 8 14,clipped 0.05 0.005";
    struct rt_knee k = {{{5, 12}, {0, 0}}};
    assert_true(rt_knees_set(text, "snr", &k));
    assert_string_equal(text, "clipped 0.05 0.005,snr 5 12");
    assert_true(rt_knees_set(text, "sharpness", &(struct rt_knee){{{0.02, 0.05}, {6, 4}}}));
    assert_string_equal(text, "clipped 0.05 0.005,snr 5 12,sharpness 0.02 0.05 4 6");
    memset(text, 'a', sizeof text - 1);
    assert_false(rt_knees_set(text, "snr", &k));
}

static void scale(void **state)
{
    (void)state;
    static const char *const names[] = {"length", "snr", "mine"};
    struct rt_weight_source have = {names, 3, RT_NEEDS_T_FEATURE};
    struct rt_weight_scale s;
    assert_int_equal(rt_weight_scale_read("snr,teacher_norm", RT_MAP_KNEE, "", &have, &s, &e), 0);
    assert_int_equal(s.list.count, 2);
    NEAR(rt_weight_scale_factor(&s, 0, 11, 0.9), 0.5);
    assert_int_equal(rt_weight_scale_read("length,snr", RT_MAP_PERCENTILE, "", &have, &s, &e), 0);
    NEAR(rt_weight_scale_factor(&s, 1, 11, 0.9), 0.9);
    assert_int_equal(rt_weight_scale_read("length,snr", RT_MAP_KNEE, "", &have, &s, &e), RT_EUSAGE);
    assert_string_equal(e.text, "weight.terms: 'length' has no knee: give it one (weight.knees: length BAD GOOD), or "
                                "set weight.map percentile");
    assert_int_equal(s.list.count, 1); /* what can be had is there */
    NEAR(rt_weight_scale_factor(&s, 0, 11, 0.9), 0.5);
    assert_int_equal(rt_weight_scale_read("length", RT_MAP_KNEE, "length 0 4", &have, &s, &e), 0);
    NEAR(rt_weight_scale_factor(&s, 0, 1, 0.9), 0.25);
    assert_int_equal(rt_weight_scale_read("noise", RT_MAP_KNEE, "", &have, &s, &e), RT_EUSAGE);
    assert_int_equal(rt_weight_scale_read("", RT_MAP_KNEE, "loud 1 2", &have, &s, &e), RT_EUSAGE); /* though unused */
    assert_string_equal(e.text, "weight.knees: there is no measure 'loud'; see retort inspect --measures");
    assert_int_equal(rt_weight_scale_read("", RT_MAP_KNEE, "noise 1", &have, &s, &e), RT_EUSAGE);
    assert_int_equal(rt_weight_scale_read("", RT_MAP_KNEE, "teacher_norm 0 1", &have, &s, &e), RT_EUSAGE);
    /* a column of the manifest is a measure like any other, without a knee of its own */
    assert_int_equal(rt_weight_scale_read("mine", RT_MAP_KNEE, "sharpness 1 2", &have, &s, &e), RT_EUSAGE);
    assert_int_equal(rt_weight_scale_read("mine,snr", RT_MAP_KNEE, "mine 4 2, sharpness 1 2", &have, &s, &e), 0);
    NEAR(rt_weight_scale_factor(&s, 0, 2.5, 0.9), 0.75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_knees),
        cmocka_unit_test(knees),
        cmocka_unit_test(knee_put_into_text),
        cmocka_unit_test(scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
