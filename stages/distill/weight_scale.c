/* SPDX-License-Identifier: MIT
 * weight_scale: see weight_scale.h. */
#include "stages/distill/weight_scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the knee ----
 * Percentiles ask how a sample compares with the others: on clean data half of them lose weight for ever,
 * and where most are damaged the damaged ones are the norm. A knee asks whether the sample is good enough,
 * so clean data keep all their weight. A straight line between the ends was taken rather than a logistic
 * curve: it reaches 0 and 1, and its two numbers can be read off a histogram. */

static double side_factor(const struct rt_knee_side *s, double value)
{
    double u = (value - s->bad) / (s->good - s->bad);
    return s->bad == s->good ? 1 : u < 0 ? 0 : u > 1 ? 1 : u;
}

double rt_knee_factor(const struct rt_knee *k, double value)
{
    return isnan(value) ? 1 : side_factor(&k->side[0], value) * side_factor(&k->side[1], value);
}

bool rt_knee_is_none(const struct rt_knee *k)
{
    return k->side[0].bad == k->side[0].good && k->side[1].bad == k->side[1].good;
}

/* ---- the text of weight.knees ----
 * A knee is read by the order of its numbers, not by words for its kinds: bad comes first, so 0.3 0.15
 * falls, and four numbers rise all the way: bad, good, good, bad. */

const char *rt_knee_write(const struct rt_knee *k, char *text, size_t size)
{
    if (k->side[1].bad == k->side[1].good)
        snprintf(text, size, "%.4g %.4g", k->side[0].bad, k->side[0].good);
    else
        snprintf(text, size, "%.4g %.4g %.4g %.4g", k->side[0].bad, k->side[0].good, k->side[1].good, k->side[1].bad);
    return text;
}

/* The numbers behind the name of one item; returns how many there are, 5 = more than 4, or words. */
static int knee_numbers(const char *at, const char *end, double number[4])
{
    int n = 0;
    for (at += strspn(at, " "); at < end; at += strspn(at, " "), n++) {
        char *rest;
        double v = strtod(at, &rest);
        if (rest == at || n == 4 || !isfinite(v))
            return 5;
        number[n] = v;
        at = rest;
    }
    return n;
}

/* *k: what the numbers of one item, up to `end`, say. */
static int knee_item_read(const char *item, const char *numbers, const char *end, struct rt_knee *k, struct rt_error *e)
{
    double x[4];
    int n = knee_numbers(numbers, end, x), length = (int)(end - item);
    if (n != 2 && n != 4)
        return rt_error_set(e, RT_EUSAGE, "weight.knees: '%.*s': write a name and 2 numbers, bad and good, or 4 "
                            "where both ends are bad: bad, good, good, bad", length, item);
    if (n == 2 && x[0] == x[1])
        return rt_error_set(e, RT_EUSAGE, "weight.knees: '%.*s': bad and good are the same", length, item);
    if (n == 4 && !(x[0] < x[1] && x[1] <= x[2] && x[2] < x[3]))
        return rt_error_set(e, RT_EUSAGE, "weight.knees: '%.*s': the sides overlap; four numbers rise: bad, good, "
                            "good, bad", length, item);
    *k = (struct rt_knee){{{x[0], x[1]}, {n == 4 ? x[3] : 0, n == 4 ? x[2] : 0}}};
    return 0;
}

/* The knee of the measure or term of this name before anybody gives it another; NULL = there is none of the name, or it
 * is a term that has no use for one. */
static const struct rt_knee *knee_own(const char *name)
{
    const struct rt_measure *m = rt_measure_find(name, NULL);
    for (int i = 0; !m && i < RT_WEIGHT_TERMS; i++)
        if (strcmp(rt_weight_terms[i].name, name) == 0 && !rt_knee_is_none(&rt_weight_terms[i].knee))
            return &rt_weight_terms[i].knee;
    return m ? &m->knee : NULL;
}

static bool knee_name_is_had(const char *name, const struct rt_weight_source *have)
{
    bool had = knee_own(name) != NULL;
    for (int i = 0; i < have->measures && !had; i++)
        had = strcmp(have->measure[i], name) == 0;
    return had;
}

int rt_knees_check(const char *text, const struct rt_weight_source *have, struct rt_error *e)
{
    struct rt_knee any;
    for (const char *at = text + strspn(text, ", "); *at; at += strcspn(at, ","), at += strspn(at, ", ")) {
        char word[80];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, " ,"), at);
        if (!knee_name_is_had(word, have))
            return rt_error_set(e, RT_EUSAGE, "weight.knees: there is no measure '%s'; see retort inspect --measures",
                                word);
        RT_TRY(rt_knee_read(text, word, &any, e));
    }
    return 0;
}

int rt_knee_read(const char *text, const char *measure, struct rt_knee *k, struct rt_error *e)
{
    const struct rt_knee *own = knee_own(measure);
    bool found = false;
    *k = own ? *own : (struct rt_knee)RT_NO_KNEE;
    for (const char *at = text + strspn(text, ", "); *at; at += strspn(at, ", ")) {
        size_t length = strcspn(at, ","), name = strcspn(at, " ,");
        char word[80];
        struct rt_knee read;
        snprintf(word, sizeof word, "%.*s", (int)name, at);
        bool mine = strcmp(word, measure) == 0;
        if (mine && found)
            return rt_error_set(e, RT_EUSAGE, "weight.knees: '%s' has two: write one", word);
        RT_TRY(knee_item_read(at, at + name, at + length, &read, e));
        if (mine)
            *k = read;
        found |= mine;
        at += length;
    }
    return 0;
}

bool rt_knees_set(char text[RT_RECIPE_TEXT], const char *measure, const struct rt_knee *k)
{
    char out[RT_RECIPE_TEXT], knee[120];
    size_t used = 0, size = strlen(measure);
    rt_knee_write(k, knee, sizeof knee);
    for (const char *at = text + strspn(text, ", "); *at; at += strspn(at, ", ")) {
        int length = (int)strcspn(at, ",");
        bool mine = strncmp(at, measure, size) == 0 && at[size] == ' ';
        if (!mine && used < sizeof out)
            used += (size_t)snprintf(out + used, sizeof out - used, "%s%.*s", used ? "," : "", length, at);
        at += length;
    }
    if (used < sizeof out)
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%s %s", used ? "," : "", measure, knee);
    if (used >= sizeof out)
        return false;
    memcpy(text, out, used + 1);
    return true;
}

/* ---- the terms with their knees ---- */

static int scale_knee_read(const char *name, const char *knees, struct rt_knee *k, struct rt_error *e)
{
    RT_TRY(rt_knee_read(knees, name, k, e));
    if (!rt_knee_is_none(k))
        return 0;
    return rt_error_set(e, RT_EUSAGE, "weight.terms: '%s' has no knee: give it one (weight.knees: %s BAD GOOD), or set "
                        "weight.map percentile", name, name);
}

int rt_weight_scale_read(const char *terms, enum rt_map_id map, const char *knees, const struct rt_weight_source *have,
                         struct rt_weight_scale *out, struct rt_error *e)
{
    struct rt_weight_columns all;
    int rc = rt_weight_terms_read("weight.terms", terms, have, &all, e);
    out->map = map;
    out->list.count = 0;
    if (rc == 0)
        rc = rt_knees_check(knees, have, e);
    for (int t = 0; t < all.count; t++) {
        struct rt_knee *k = &out->knee[out->list.count];
        int column = all.column[t], own = 0;
        if (map == RT_MAP_KNEE && column >= 0)
            own = scale_knee_read(have->measure[column], knees, k, rc == 0 ? e : NULL);
        else if (column < 0) /* its own, whatever weight.map is; rt_knees_check has found the text to be good */
            rt_knee_read(knees, rt_weight_terms[RT_WEIGHT_OF(column)].name, k, NULL);
        rc = rc == 0 ? own : rc;
        if (own == 0)
            out->list.column[out->list.count++] = column;
    }
    return rc;
}

double rt_weight_scale_factor(const struct rt_weight_scale *s, int t, double value, double percentile)
{
    return s->map == RT_MAP_KNEE ? rt_knee_factor(&s->knee[t], value) : percentile;
}
