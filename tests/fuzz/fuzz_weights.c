/* SPDX-License-Identifier: MIT
 * fuzz_weights: any lines as the settings that weigh samples (terms, knees, columns), and the rest as the cells of a
 * manifest's columns: refused with words, or factors from 0 to 1, and knees that are written and read back the same. */
#include "stages/distill/weight_scale.h"
#include "stages/session/column_measures.h"
#include "tests/fuzz/fuzz_file.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_knee(const char *knees, const char *measure)
{
    struct rt_knee k, back;
    struct rt_error e = {0};
    char text[RT_RECIPE_TEXT] = "";
    if (rt_knee_read(knees, measure, &k, &e) < 0) {
        assert(e.text[0]);
        return;
    }
    double value[] = {NAN, -INFINITY, -1, 0, 0.3, 12, INFINITY};
    for (size_t i = 0; i < sizeof value / sizeof *value; i++)
        assert(rt_knee_factor(&k, value[i]) >= 0 && rt_knee_factor(&k, value[i]) <= 1);
    if (rt_knee_is_none(&k) || !rt_knees_set(text, measure, &k))
        return;
    int rc = rt_knee_read(text, measure, &back, &e);
    assert(rc == 0 && !rt_knee_is_none(&back));
    (void)rc;
}

static void check_scale(const char *terms, const char *knees)
{
    static const char *const names[] = {"snr", "sharpness", "length", "mos"};
    static const struct rt_weight_source have = {names, 4, ~0u};
    static struct rt_weight_scale s;
    struct rt_error e = {0};
    for (int map = 0; map < 2; map++) {
        if (rt_weight_scale_read(terms, (enum rt_map_id)map, knees, &have, &s, &e) < 0)
            assert(e.text[0]);
        assert(s.list.count >= 0 && s.list.count <= RT_WEIGHT_COLUMNS);
        for (int t = 0; t < s.list.count; t++) {
            assert(s.list.column[t] < 4);
            if (s.list.column[t] >= 0)
                assert(rt_weight_scale_factor(&s, t, 7, 0.5) >= 0 && rt_weight_scale_factor(&s, t, 7, 0.5) <= 1);
        }
    }
    if (rt_knees_check(knees, &have, &e) < 0)
        assert(e.text[0]);
}

/* columns is a valid list, as the recipe has seen to. */
static void check_columns(const char *columns, const char *cells, const char *knees)
{
    static struct rt_column_measures c;
    struct rt_recipe *r = malloc(sizeof *r);
    struct rt_manifest *m = NULL;
    struct rt_error e = {0};
    char set[RT_RECIPE_TEXT + 32];
    if (!r)
        abort();
    rt_recipe_init(r);
    snprintf(set, sizeof set, "weight.columns=%s", columns);
    if (rt_recipe_set(r, set, &e) == 0 && rt_manifest_parse(&m, cells, strlen(cells), "table", &e) == 0) {
        if (rt_column_measures_read(&c, r->weight_columns, m, &e) < 0)
            assert(e.text[0]);
        else if (rt_column_measures_check_knees(&c, knees, &e) < 0)
            assert(e.text[0]);
    }
    rt_manifest_destroy(m);
    free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text;
    const char *terms = strsep(&rest, "\n"), *knees = rest ? strsep(&rest, "\n") : "";
    const char *columns = rest ? strsep(&rest, "\n") : "";
    if (strlen(terms) < RT_RECIPE_TEXT && strlen(knees) < RT_RECIPE_TEXT && strlen(columns) < RT_RECIPE_TEXT) {
        check_knee(knees, "snr");
        check_knee(knees, "length");
        check_scale(terms, knees);
        check_columns(columns, rest ? rest : "", knees);
    }
    free(text);
    return 0;
}
