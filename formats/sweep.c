/* SPDX-License-Identifier: MIT
 * sweep: see sweep.h; what a sweep is once read: overrides, seeds, the grid. Its YAML is sweep_yaml.c's. */
#include "formats/sweep.h"

#include "formats/recipe.h"
#include "formats/sweep_parts.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const rt_sweep_metrics[] = {"top1", "macro_f1", "eer", "eer_noisy", NULL};

/* ---- overrides ----
 * Checked when they are read, against the table of settings: a wrong name in the twentieth setting should not be found
 * after nineteen runs. Whether a value fits the rest of its recipe is the run's to say. */

int rt_sweep_set_add(struct rt_sweep_set *set, const char *text, const char *folder, struct rt_error *e)
{
    char name[RT_SWEEP_NAME], value[RT_RECIPE_TEXT + 8];
    size_t n = strcspn(text, "=");
    if (!text[n] || n >= sizeof name)
        return rt_error_set(e, RT_EUSAGE, "\"%.80s\": write KEY=VALUE", text);
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    const struct rt_key *key = rt_key_find(name);
    if (!key)
        return rt_key_unknown(name, e);
    if (!strcmp(name, "seed"))
        return rt_error_set(e, RT_EUSAGE, "seed: a sweep gives each run its own: write seeds");
    if (set->count == RT_SWEEP_SET)
        return rt_error_set(e, RT_ELARGE, "more than %d overrides of one setting", RT_SWEEP_SET);
    struct rt_recipe *r = malloc(sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    rt_recipe_init(r);
    int rc = rt_recipe_put(r, key, text + n + 1, folder, e);
    rt_recipe_get(r, key, value, sizeof value);
    free(r);
    RT_TRY(rc);
    char *kept = malloc(n + strlen(value) + 2);
    if (!kept)
        return rt_error_set(e, RT_EMEM, "out of memory");
    sprintf(kept, "%s=%s", name, value);
    set->text[set->count++] = kept;
    return 0;
}

int rt_sweep_set_copy(struct rt_sweep_set *to, const struct rt_sweep_set *from, struct rt_error *e)
{
    for (int i = 0; i < from->count; i++) {
        if (to->count == RT_SWEEP_SET)
            return rt_error_set(e, RT_ELARGE, "more than %d overrides of one setting", RT_SWEEP_SET);
        char *text = strdup(from->text[i]);
        if (!text)
            return rt_error_set(e, RT_EMEM, "out of memory");
        to->text[to->count++] = text;
    }
    return 0;
}

void rt_sweep_set_fini(struct rt_sweep_set *set)
{
    while (set->count)
        free(set->text[--set->count]);
}

void rt_sweep_destroy(struct rt_sweep *s)
{
    for (int i = 0; s && i < RT_SWEEP_TEACHERS; i++)
        rt_sweep_set_fini(&s->teacher[i].set);
    for (int i = 0; s && i < RT_SWEEP_SETTINGS; i++)
        rt_sweep_set_fini(&s->setting[i].set);
    for (int i = 0; s && i < RT_SWEEP_PANELS; i++)
        rt_sweep_set_fini(&s->panel[i].set);
    free(s);
}

/* ---- names and seeds ---- */

const char *rt_sweep_slug(const char *name, char slug[RT_SWEEP_NAME])
{
    size_t n = 0;
    for (; *name && n + 1 < RT_SWEEP_NAME; name++) {
        unsigned char c = (unsigned char)*name;
        bool keep = c < 128 && (isalnum(c) || strchr("._=", c));
        bool minus = c == '-' && n && slug[n - 1] == '='; /* of a number */
        if (keep || minus || (n && slug[n - 1] != '-'))
            slug[n++] = keep ? (char)tolower(c) : '-';
    }
    while (n && slug[n - 1] == '-')
        n--;
    slug[n] = '\0';
    return slug;
}

static bool seed_add(struct rt_sweep *s, long seed)
{
    for (int i = 0; i < s->seeds; i++)
        if (s->seed[i] == seed)
            return false;
    if (s->seeds == RT_SWEEP_SEEDS)
        return false;
    s->seed[s->seeds++] = (int)seed;
    return true;
}

/* "5" or "5-9" at *text, which is moved behind it. */
static bool seeds_take(struct rt_sweep *s, const char **text)
{
    char *end;
    if (!isdigit((unsigned char)**text))
        return false;
    long first = strtol(*text, &end, 10), last = first;
    if (*end == '-') {
        if (!isdigit((unsigned char)end[1]))
            return false;
        last = strtol(end + 1, &end, 10);
    }
    if (first < 0 || last < first || last > 1000000000 || last - first >= RT_SWEEP_SEEDS)
        return false;
    for (long seed = first; seed <= last; seed++)
        if (!seed_add(s, seed))
            return false;
    *text = end;
    return true;
}

int rt_sweep_seeds(struct rt_sweep *s, const char *text, struct rt_error *e)
{
    const char *at = text;
    s->seeds = 0;
    while (seeds_take(s, &at)) {
        if (!*at)
            return 0;
        if (*at++ != ',')
            break;
        while (*at == ' ')
            at++;
    }
    return rt_error_set(e, RT_EUSAGE, "seeds \"%.80s\": write 11-15 or 1,2,3: at most %d, each once", text,
                        RT_SWEEP_SEEDS);
}

/* ---- what varies within a file ----
 * A figure compares settings over a number that is spelled otherwise in each (distill.l2.lambda, distill.nce.lambda),
 * so each names its own key, and the axis is called after the last word of all of them. */

static const char *key_last_word(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

static int setting_expand(struct rt_sweep_setting *to, const struct rt_sweep *s, const struct rt_sweep_setting *from,
                          const char *key, const char *value, int panel, struct rt_error *e)
{
    char text[2 * RT_SWEEP_NAME], *end;
    *to = *from;
    to->set = (struct rt_sweep_set){0};
    to->vary[0] = '\0';
    to->panel = panel;
    to->at[0] = strtod(value, &end);
    if (!*value || (*end && strcmp(end, "%")))
        to->at[0] = NAN;
    int n = snprintf(to->name, sizeof to->name, "%s, %s=%s%s%s", from->name, key_last_word(key), value,
                     panel < 0 ? "" : ", ", panel < 0 ? "" : s->panel[panel].name);
    if (n >= (int)sizeof to->name)
        return rt_error_set(e, RT_ELARGE, "the name \"%s\" becomes too long with %s: at most %d bytes", from->name, key,
                            RT_SWEEP_NAME - 1);
    RT_TRY(rt_sweep_set_copy(&to->set, &from->set, e));
    if (panel >= 0)
        RT_TRY(rt_sweep_set_copy(&to->set, &s->panel[panel].set, e));
    snprintf(text, sizeof text, "%s=%s", key, value);
    return rt_sweep_set_add(&to->set, text, NULL, e);
}

/* Puts all variants of `from` behind the settings of s. */
static int setting_vary_in_file(struct rt_sweep *s, const struct rt_sweep_setting *from, struct rt_error *e)
{
    char key[RT_SWEEP_NAME], values[RT_SWEEP_NAME];
    size_t n = strcspn(from->vary, "=");
    snprintf(key, sizeof key, "%.*s", (int)n, from->vary);
    if (s->keys && strcmp(s->key[0], key_last_word(key)))
        return rt_error_set(e, RT_EUSAGE, "vary: %s beside one that ends in %s: a plot has one axis", key, s->key[0]);
    if (!s->keys)
        snprintf(s->key[s->keys++], RT_SWEEP_NAME, "%s", key_last_word(key));
    for (int p = s->panels ? 0 : -1; p < s->panels; p++) {
        snprintf(values, sizeof values, "%s", from->vary + n + 1);
        for (char *rest = values; rest;) {
            const char *value = strsep(&rest, ",");
            if (s->settings == RT_SWEEP_SETTINGS)
                return rt_error_set(e, RT_ELARGE, "%s: that makes more than %d settings", key, RT_SWEEP_SETTINGS);
            RT_TRY(setting_expand(&s->setting[s->settings++], s, from, key, value, p, e));
        }
    }
    return 0;
}

static int sweep_check_folders(const struct rt_sweep *s, struct rt_error *e)
{
    char slug[RT_SWEEP_NAME], other[RT_SWEEP_NAME];
    for (int i = 0; i < s->settings; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(rt_sweep_slug(s->setting[i].name, slug), rt_sweep_slug(s->setting[k].name, other)))
                return rt_error_set(e, RT_EUSAGE, "\"%s\" and \"%s\" would have one folder, %s", s->setting[k].name,
                                    s->setting[i].name, slug);
    for (int i = 0; i < s->settings; i++)
        for (int k = 0; k < s->teachers; k++)
            if (!strcmp(rt_sweep_slug(s->setting[i].name, slug), rt_sweep_slug(s->teacher[k].name, other)))
                return rt_error_set(e, RT_EUSAGE, "\"%s\": a teacher is called so, they would have one folder",
                                    s->setting[i].name);
    return 0;
}

int rt_sweep_expand(struct rt_sweep *s, struct rt_error *e)
{
    int count = s->settings, rc = 0;
    struct rt_sweep_setting *from = malloc((size_t)count * sizeof *from);
    if (count && !from)
        return rt_error_set(e, RT_EMEM, "out of memory");
    for (int i = 0; i < count; i++) {
        from[i] = s->setting[i];
        s->setting[i].set.count = 0;
    }
    s->settings = 0;
    for (int i = 0; i < count; i++) {
        if (rc == 0 && from[i].vary[0]) {
            rc = setting_vary_in_file(s, &from[i], e);
            rt_sweep_set_fini(&from[i].set);
        } else if (rc == 0 && s->settings < RT_SWEEP_SETTINGS) {
            s->setting[s->settings++] = from[i];
        } else {
            rc = rc ? rc : rt_error_set(e, RT_ELARGE, "more than %d settings", RT_SWEEP_SETTINGS);
            rt_sweep_set_fini(&from[i].set);
        }
    }
    free(from);
    return rc ? rc : sweep_check_folders(s, e);
}

/* ---- the grid ----
 * The settings are multiplied in place, from the last to the first, so that nothing is kept twice: setting i becomes
 * i * values ... i * values + values - 1. Pairs and what is compared follow the same rule. */

static int setting_vary(struct rt_sweep_setting *to, const struct rt_sweep_setting *from, const char *key,
                        const char *value, int which, struct rt_error *e)
{
    char text[RT_SWEEP_NAME + RT_RECIPE_TEXT], *end;
    struct rt_sweep_setting made = *from;
    made.set = (struct rt_sweep_set){0};
    if (which >= 0) {
        double at = strtod(value, &end);
        made.at[which] = *value && (!*end || !strcmp(end, "%")) ? at : NAN;
        int n = snprintf(made.name, sizeof made.name, "%s%s%s=%s", from->name, *from->name ? ", " : "", key, value);
        if (n >= (int)sizeof made.name)
            return rt_error_set(e, RT_ELARGE, "the name \"%s\" becomes too long with %s: at most %d bytes", from->name,
                                key, RT_SWEEP_NAME - 1);
    }
    snprintf(text, sizeof text, "%s=%s", key, value);
    int rc = rt_sweep_set_copy(&made.set, &from->set, e);
    if (rc == 0)
        rc = rt_sweep_set_add(&made.set, text, NULL, e);
    if (rc < 0)
        rt_sweep_set_fini(&made.set);
    else
        *to = made;
    return rc;
}

/* value[values]: setting i of s becomes `values` ones; which: the number of the varied key, -1 = it is not. */
static int sweep_multiply(struct rt_sweep *s, const char *key, char *const *value, int values, int which,
                          struct rt_error *e)
{
    for (int i = s->settings - 1; i >= 0; i--) {
        struct rt_sweep_setting from = s->setting[i];
        s->setting[i].set.count = 0;
        for (int k = values - 1; k >= 0; k--) {
            int rc = setting_vary(&s->setting[i * values + k], &from, key, value[k], which, e);
            if (rc < 0) {
                rt_sweep_set_fini(&from.set);
                return rc;
            }
        }
        rt_sweep_set_fini(&from.set);
    }
    int pairs = s->pairs;
    for (int p = pairs - 1; p >= 0; p--)
        for (int k = values - 1; k >= 0; k--)
            for (int side = 0; side < 2; side++)
                s->pair[p * values + k][side] = s->pair[p][side] * values + k;
    s->pairs *= values;
    s->settings *= values;
    s->compare *= values;
    return 0;
}

int rt_sweep_vary(struct rt_sweep *s, const char *assignment, struct rt_error *e)
{
    char name[RT_SWEEP_NAME], text[RT_RECIPE_TEXT], *value[RT_SWEEP_SETTINGS], *rest = text;
    int values = 0;
    size_t n = strcspn(assignment, "=");
    if (!assignment[n] || n >= sizeof name || strlen(assignment) - n > sizeof text)
        return rt_error_set(e, RT_EUSAGE, "\"%.80s\": write KEY=VALUE or KEY=VALUE,VALUE", assignment);
    snprintf(name, sizeof name, "%.*s", (int)n, assignment);
    snprintf(text, sizeof text, "%s", assignment + n + 1);
    const struct rt_key *key = rt_key_find(name);
    if (!key)
        return rt_key_unknown(name, e);
    while (rest && values < RT_SWEEP_SETTINGS)
        value[values++] = key->kind == RT_KIND_LIST ? strsep(&rest, "") : strsep(&rest, ",");
    if (rest || s->settings * values > RT_SWEEP_SETTINGS || (values > 1 && s->pairs * values > RT_SWEEP_PAIRS))
        return rt_error_set(e, RT_ELARGE, "%s: that makes more than %d settings or %d pairs", name, RT_SWEEP_SETTINGS,
                            RT_SWEEP_PAIRS);
    if (values > 1 && s->keys == RT_SWEEP_KEYS)
        return rt_error_set(e, RT_EUSAGE, "%s: at most %d settings are varied at once", name, RT_SWEEP_KEYS);
    RT_TRY(sweep_multiply(s, name, value, values, values > 1 ? s->keys : -1, e));
    if (values > 1)
        snprintf(s->key[s->keys++], RT_SWEEP_NAME, "%s", name);
    return sweep_check_folders(s, e);
}
