/* SPDX-License-Identifier: MIT
 * sweep_yaml: a sweep's file: libyaml's tree of it, walked by tables of keys. */
#include "formats/file.h"
#include "formats/path.h"
#include "formats/recipe.h"
#include "formats/sweep_parts.h"
#include "formats/words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define KEYS_MAX 12 /* of one mapping's table */

struct sweep_reader {
    yaml_document_t tree;
    const char *name, *folder;
    struct rt_sweep *s;
    struct rt_sweep_set all; /* of `set` at the top */
    struct rt_error *e;
};

/* ---- the tree ----
 * A recipe is read by libyaml's events, as it may refuse aliases; here its tree is shorter. An alias in it is the same
 * node once more, and we go no deeper than the tables below, each with a limit, so a short file stays short. */

static int sweep_at(struct sweep_reader *rd, const yaml_node_t *node, int code)
{
    rt_error_prefix(rd->e, "%s:%zu", rd->name, node->start_mark.line + 1);
    return code;
}

static int sweep_refuse(struct sweep_reader *rd, const yaml_node_t *node, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int sweep_refuse(struct sweep_reader *rd, const yaml_node_t *node, int code, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rt_error_set(rd->e, code, "%s", text);
    return sweep_at(rd, node, code);
}

static yaml_node_t *sweep_node(struct sweep_reader *rd, int index)
{
    return yaml_document_get_node(&rd->tree, index);
}

/* The text of a scalar that is not empty, or NULL. */
static const char *node_word(const yaml_node_t *node)
{
    const char *text = node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
    return text && *text && strlen(text) == node->data.scalar.length ? text : NULL;
}

static int sweep_copy_word(struct sweep_reader *rd, const yaml_node_t *node, const char *what, char *out, size_t size)
{
    const char *word = node_word(node);
    if (!word || strlen(word) >= size)
        return sweep_refuse(rd, node, RT_EFORMAT, "%s: write one word or text of less than %zu bytes", what, size);
    memcpy(out, word, strlen(word) + 1);
    return 0;
}

typedef int sweep_take(struct sweep_reader *rd, yaml_node_t *value, void *into);
struct sweep_key {
    const char *name;
    sweep_take *take;
};

/* Reads in the table's order, not the file's: what is referred to comes first. */
static int sweep_read_mapping(struct sweep_reader *rd, yaml_node_t *node, const char *what,
                              const struct sweep_key *keys, void *into)
{
    yaml_node_t *value[KEYS_MAX] = {NULL};
    if (node->type != YAML_MAPPING_NODE)
        return sweep_refuse(rd, node, RT_EFORMAT, "%s is made of \"key: value\"", what);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        yaml_node_t *key = sweep_node(rd, p->key);
        const char *word = node_word(key);
        char hint[100], quoted[RT_QUOTE];
        struct rt_nearest near = {.word = word ? word : ""};
        int k = 0;
        for (; keys[k].name && (!word || strcmp(word, keys[k].name)); k++)
            rt_nearest_offer(&near, keys[k].name);
        if (!keys[k].name)
            return sweep_refuse(rd, key, RT_ENOTFOUND, "%s has no %s%s", what,
                                rt_quote(quoted, sizeof quoted, near.word),
                                rt_nearest_hint(&near, hint, sizeof hint));
        if (value[k])
            return sweep_refuse(rd, key, RT_EUSAGE, "%s is there twice: keep one", keys[k].name);
        value[k] = sweep_node(rd, p->value);
    }
    for (int k = 0; keys[k].name; k++)
        if (value[k])
            RT_TRY(keys[k].take(rd, value[k], into));
    return 0;
}

/* ---- overrides ---- */

/* To YAML [weight.terms=snr,clipped] is two items: one without a "=" belongs to the value before it. */
static int sweep_take_set(struct sweep_reader *rd, yaml_node_t *value, struct rt_sweep_set *set)
{
    if (value->type != YAML_SEQUENCE_NODE)
        return sweep_refuse(rd, value, RT_EFORMAT, "settings are a list: write [KEY=VALUE, KEY=VALUE]");
    yaml_node_item_t *i = value->data.sequence.items.start, *end = value->data.sequence.items.top;
    while (i < end) {
        yaml_node_t *item = sweep_node(rd, *i);
        char text[RT_RECIPE_TEXT] = "";
        const char *word;
        size_t used = 0;
        do {
            word = node_word(sweep_node(rd, *i++));
            if (!word || used + strlen(word) + 2 > sizeof text)
                return sweep_refuse(rd, item, RT_EFORMAT, "one of the settings is no text of less than %d bytes: "
                                    "write KEY=VALUE", RT_RECIPE_TEXT);
            used += (size_t)sprintf(text + used, "%s%s", used ? "," : "", word);
        } while (i < end && (word = node_word(sweep_node(rd, *i))) && !strchr(word, '='));
        int rc = rt_sweep_set_add(set, text, rd->folder, rd->e);
        if (rc < 0)
            return sweep_at(rd, item, rc);
    }
    return 0;
}

static int sweep_take_path(struct sweep_reader *rd, yaml_node_t *value, char path[RT_SWEEP_PATH])
{
    char written[RT_SWEEP_PATH];
    RT_TRY(sweep_copy_word(rd, value, "recipe", written, sizeof written));
    int rc = rt_path_absolute(written, rd->folder, path, RT_SWEEP_PATH);
    return rc < 0 ? sweep_refuse(rd, value, rc, "recipe: this path cannot be followed") : 0;
}

/* ---- teachers ---- */

/* Two names that become one folder would run over each other. */
static int sweep_check_name(struct sweep_reader *rd, const yaml_node_t *key, const char *name)
{
    char slug[RT_SWEEP_NAME], other[RT_SWEEP_NAME];
    if (!*rt_sweep_slug(name, slug))
        return sweep_refuse(rd, key, RT_EUSAGE, "\"%s\": a folder is called after it: use a letter or digit", name);
    for (int i = 0; i < rd->s->settings; i++)
        if (!strcmp(slug, rt_sweep_slug(rd->s->setting[i].name, other)))
            return sweep_refuse(rd, key, RT_EUSAGE, "\"%s\" and \"%s\" would have one folder, %s", name,
                                rd->s->setting[i].name, slug);
    for (int i = 0; i < rd->s->teachers; i++)
        if (!strcmp(slug, rt_sweep_slug(rd->s->teacher[i].name, other)))
            return sweep_refuse(rd, key, RT_EUSAGE, "\"%s\": a teacher is called so, they would have one folder", name);
    return 0;
}

static int teacher_take_recipe(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    return sweep_take_path(rd, value, ((struct rt_sweep_teacher *)into)->recipe);
}

static int teacher_take_per(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    const char *word = node_word(value);
    if (!word || (strcmp(word, "seed") && strcmp(word, "sweep")))
        return sweep_refuse(rd, value, RT_ERANGE, "per: write seed (a teacher of each seed) or sweep (one for all)");
    ((struct rt_sweep_teacher *)into)->one = !strcmp(word, "sweep");
    return 0;
}

static int teacher_take_seed(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    struct rt_sweep_teacher *t = into;
    const char *word = node_word(value);
    char *end = NULL;
    long seed = word ? strtol(word, &end, 10) : -1;
    if (seed < 0 || seed > 1000000000 || *end || !t->one)
        return sweep_refuse(rd, value, RT_ERANGE, "seed: a whole number, of a teacher with per: sweep");
    t->seed = (int)seed;
    return 0;
}

static int teacher_take_set(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    return sweep_take_set(rd, value, &((struct rt_sweep_teacher *)into)->set);
}

static const struct sweep_key teacher_keys[] = {
    {"recipe", teacher_take_recipe}, {"per", teacher_take_per}, {"seed", teacher_take_seed},
    {"set", teacher_take_set}, {0},
};

static int top_take_teachers(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    struct rt_sweep *s = into;
    if (value->type != YAML_MAPPING_NODE)
        return sweep_refuse(rd, value, RT_EFORMAT, "teachers: write NAME: {recipe: FILE}");
    for (yaml_node_pair_t *p = value->data.mapping.pairs.start; p < value->data.mapping.pairs.top; p++) {
        yaml_node_t *key = sweep_node(rd, p->key);
        if (s->teachers == RT_SWEEP_TEACHERS)
            return sweep_refuse(rd, key, RT_ELARGE, "more than %d teachers", RT_SWEEP_TEACHERS);
        struct rt_sweep_teacher *t = &s->teacher[s->teachers];
        t->seed = 1;
        RT_TRY(sweep_copy_word(rd, key, "the name of a teacher", t->name, sizeof t->name));
        RT_TRY(sweep_check_name(rd, key, t->name));
        s->teachers++;
        RT_TRY(sweep_read_mapping(rd, sweep_node(rd, p->value), "a teacher", teacher_keys, t));
        if (!t->recipe[0])
            return sweep_refuse(rd, key, RT_EUSAGE, "teacher %s: recipe is missing: name its file", t->name);
    }
    return 0;
}

/* ---- settings ---- */

/* The setting of this name, or refused with the nearest. */
static int sweep_find_setting(struct sweep_reader *rd, const yaml_node_t *node, int *found)
{
    char hint[RT_SWEEP_NAME], quoted[RT_QUOTE];
    const char *word = node_word(node);
    struct rt_nearest near = {.word = word ? word : ""};
    for (int i = 0; i < rd->s->settings; i++) {
        if (!strcmp(near.word, rd->s->setting[i].name))
            return *found = i, 0;
        rt_nearest_offer(&near, rd->s->setting[i].name);
    }
    return sweep_refuse(rd, node, RT_ENOTFOUND, "there is no setting %s%s", rt_quote(quoted, sizeof quoted, near.word),
                        rt_nearest_hint(&near, hint, sizeof hint));
}

static int setting_take_like(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    struct rt_sweep_setting *to = into;
    int like;
    int rc = sweep_find_setting(rd, value, &like);
    if (rc < 0)
        return rc;
    to->teacher = rd->s->setting[like].teacher;
    memcpy(to->vary, rd->s->setting[like].vary, sizeof to->vary);
    rt_sweep_set_fini(&to->set);
    rc = rt_sweep_set_copy(&to->set, &rd->s->setting[like].set, rd->e);
    return rc < 0 ? sweep_at(rd, value, rc) : 0;
}

static int setting_take_teacher(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    char hint[100], quoted[RT_QUOTE];
    const char *word = node_word(value);
    struct rt_nearest near = {.word = word ? word : ""};
    for (int i = 0; i < rd->s->teachers; i++) {
        if (!strcmp(near.word, rd->s->teacher[i].name))
            return ((struct rt_sweep_setting *)into)->teacher = i, 0;
        rt_nearest_offer(&near, rd->s->teacher[i].name);
    }
    return sweep_refuse(rd, value, RT_ENOTFOUND, "there is no teacher %s%s", rt_quote(quoted, sizeof quoted, near.word),
                        rt_nearest_hint(&near, hint, sizeof hint));
}

static int setting_take_set(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    return sweep_take_set(rd, value, &((struct rt_sweep_setting *)into)->set);
}

/* Read as settings are, so that what is wrong with a value is said here, with its line. */
static int setting_take_vary(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    struct rt_sweep_setting *to = into;
    char text[RT_SWEEP_NAME] = "", one[2 * RT_SWEEP_NAME], *rest = text;
    size_t used = 0;
    if (value->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
            const char *word = node_word(sweep_node(rd, *i));
            if (!word || used + strlen(word) + 2 > sizeof text || (strchr(word, '=') != NULL) != (used == 0))
                return sweep_refuse(rd, value, RT_EFORMAT, "vary: write [KEY=V1,V2,...], one key");
            used += (size_t)sprintf(text + used, "%s%s", used ? "," : "", word);
        }
    if (!used)
        return sweep_refuse(rd, value, RT_EFORMAT, "vary: write [KEY=V1,V2,...]");
    memcpy(to->vary, text, sizeof to->vary);
    const char *key = strsep(&rest, "=");
    while (rest) {
        struct rt_sweep_set tried = {0};
        snprintf(one, sizeof one, "%s=%s", key, strsep(&rest, ","));
        int rc = rt_sweep_set_add(&tried, one, rd->folder, rd->e);
        rt_sweep_set_fini(&tried);
        if (rc < 0)
            return sweep_at(rd, value, rc);
    }
    return 0;
}

static const struct sweep_key setting_keys[] = {
    {"like", setting_take_like}, {"teacher", setting_take_teacher}, {"set", setting_take_set},
    {"vary", setting_take_vary}, {0},
};

static int top_take_settings(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    struct rt_sweep *s = into;
    if (value->type != YAML_MAPPING_NODE)
        return sweep_refuse(rd, value, RT_EFORMAT, "settings: write NAME: [KEY=VALUE, ...] or NAME: {set: [...]}");
    for (yaml_node_pair_t *p = value->data.mapping.pairs.start; p < value->data.mapping.pairs.top; p++) {
        yaml_node_t *key = sweep_node(rd, p->key), *body = sweep_node(rd, p->value);
        if (s->settings == RT_SWEEP_SETTINGS)
            return sweep_refuse(rd, key, RT_ELARGE, "more than %d settings", RT_SWEEP_SETTINGS);
        struct rt_sweep_setting *to = &s->setting[s->settings];
        to->teacher = to->panel = -1;
        for (int k = 0; k < RT_SWEEP_KEYS; k++)
            to->at[k] = NAN;
        RT_TRY(sweep_copy_word(rd, key, "the name of a setting", to->name, sizeof to->name));
        memcpy(to->series, to->name, sizeof to->series);
        RT_TRY(sweep_check_name(rd, key, to->name));
        int rc = rt_sweep_set_copy(&to->set, &rd->all, rd->e);
        if (rc < 0)
            return sweep_at(rd, key, rc);
        RT_TRY(body->type == YAML_SEQUENCE_NODE ? sweep_take_set(rd, body, &to->set)
                                                : sweep_read_mapping(rd, body, "a setting", setting_keys, to));
        s->settings++;
    }
    int rc = rt_sweep_expand(s, rd->e);
    return rc < 0 ? sweep_at(rd, value, rc) : 0;
}

/* ---- the top ---- */

static int top_take_panels(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    struct rt_sweep *s = into;
    if (value->type != YAML_MAPPING_NODE)
        return sweep_refuse(rd, value, RT_EFORMAT, "panels: write NAME: [KEY=VALUE, ...]");
    for (yaml_node_pair_t *p = value->data.mapping.pairs.start; p < value->data.mapping.pairs.top; p++) {
        yaml_node_t *key = sweep_node(rd, p->key);
        if (s->panels == RT_SWEEP_PANELS)
            return sweep_refuse(rd, key, RT_ELARGE, "more than %d panels", RT_SWEEP_PANELS);
        struct rt_sweep_panel *to = &s->panel[s->panels++];
        RT_TRY(sweep_copy_word(rd, key, "the name of a panel", to->name, sizeof to->name));
        RT_TRY(sweep_take_set(rd, sweep_node(rd, p->value), &to->set));
    }
    return 0;
}

static int top_take_name(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    char slug[RT_SWEEP_NAME];
    struct rt_sweep *s = into;
    RT_TRY(sweep_copy_word(rd, value, "name", s->name, sizeof s->name));
    return *rt_sweep_slug(s->name, slug) ? 0 : sweep_refuse(rd, value, RT_EUSAGE, "name: use a letter or digit");
}

static int top_take_recipe(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    return sweep_take_path(rd, value, ((struct rt_sweep *)into)->recipe);
}

static int top_take_set(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    (void)into;
    return sweep_take_set(rd, value, &rd->all);
}

static int top_take_seeds(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    char text[16 * RT_SWEEP_SEEDS] = "";
    size_t used = 0;
    const char *word = node_word(value);
    if (value->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
            const char *item = node_word(sweep_node(rd, *i));
            if (!item || used + strlen(item) + 2 > sizeof text)
                return sweep_refuse(rd, value, RT_EUSAGE, "seeds: write 11-15 or [1, 2, 3]");
            used += (size_t)sprintf(text + used, "%s%s", used ? "," : "", item);
        }
    int rc = rt_sweep_seeds(into, word ? word : text, rd->e);
    return rc < 0 ? sweep_at(rd, value, rc) : 0;
}

static int top_take_metric(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    const char *word = node_word(value);
    for (const char *const *m = rt_sweep_metrics; word && *m; m++)
        if (!strcmp(word, *m))
            return snprintf(((struct rt_sweep *)into)->metric, 16, "%s", word), 0;
    return sweep_refuse(rd, value, RT_ERANGE, "metric: write top1, macro_f1, eer or eer_noisy");
}

static int top_take_compare(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    return sweep_find_setting(rd, value, &((struct rt_sweep *)into)->compare);
}

static int top_take_pairs(struct sweep_reader *rd, yaml_node_t *value, void *into)
{
    struct rt_sweep *s = into;
    if (value->type != YAML_SEQUENCE_NODE)
        return sweep_refuse(rd, value, RT_EFORMAT, "pairs: write [[ONE, OTHER], ...]");
    for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++) {
        yaml_node_t *pair = sweep_node(rd, *i);
        yaml_node_item_t *side = pair->type == YAML_SEQUENCE_NODE ? pair->data.sequence.items.start : NULL;
        if (!side || pair->data.sequence.items.top - side != 2 || s->pairs == RT_SWEEP_PAIRS)
            return sweep_refuse(rd, pair, RT_EFORMAT, "a pair is [ONE, OTHER], two settings; at most %d pairs",
                                RT_SWEEP_PAIRS);
        for (int k = 0; k < 2; k++)
            RT_TRY(sweep_find_setting(rd, sweep_node(rd, side[k]), &s->pair[s->pairs][k]));
        s->pairs++;
    }
    return 0;
}

static const struct sweep_key top_keys[] = {
    {"name", top_take_name}, {"recipe", top_take_recipe}, {"set", top_take_set}, {"seeds", top_take_seeds},
    {"metric", top_take_metric}, {"teachers", top_take_teachers}, {"panels", top_take_panels},
    {"settings", top_take_settings},
    {"compare", top_take_compare}, {"pairs", top_take_pairs}, {0},
};

/* A sweep has one of these keys, which are no settings of a recipe. */
static bool tree_is_sweep(struct sweep_reader *rd, const yaml_node_t *root)
{
    if (!root || root->type != YAML_MAPPING_NODE)
        return false;
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
        const char *word = node_word(sweep_node(rd, p->key));
        if (word && (!strcmp(word, "recipe") || !strcmp(word, "settings")))
            return true;
    }
    return false;
}

static void sweep_name_after(struct rt_sweep *s, const char *file)
{
    const char *base = strrchr(file, '/');
    snprintf(s->name, sizeof s->name, "%.100s", base ? base + 1 : file);
    char *dot = strrchr(s->name, '.');
    if (dot && dot != s->name)
        *dot = '\0';
}

/* A recipe as the one setting. Its own reader says what is wrong with it. */
static int sweep_of_recipe(struct sweep_reader *rd, const char *yaml, size_t size)
{
    struct rt_sweep *s = rd->s;
    struct rt_recipe *r = malloc(sizeof *r);
    if (!r)
        return rt_error_set(rd->e, RT_EMEM, "%s: out of memory", rd->name);
    int rc = rt_recipe_parse(r, yaml, size, rd->name, rd->folder, rd->e);
    free(r);
    RT_TRY(rc);
    s->setting[s->settings].panel = -1;
    s->setting[s->settings++].teacher = -1;
    rc = rt_path_absolute(rd->name, NULL, s->recipe, sizeof s->recipe);
    return rc < 0 ? rt_error_set(rd->e, rc, "%s: this path cannot be followed", rd->name) : 0;
}

static int sweep_read_tree(struct sweep_reader *rd, const char *yaml, size_t size)
{
    yaml_node_t *root = yaml_document_get_root_node(&rd->tree);
    sweep_name_after(rd->s, rd->name);
    if (!tree_is_sweep(rd, root))
        return sweep_of_recipe(rd, yaml, size);
    RT_TRY(sweep_read_mapping(rd, root, "a sweep", top_keys, rd->s));
    if (!rd->s->recipe[0] || !rd->s->settings)
        return rt_error_set(rd->e, RT_EUSAGE, "%s: a sweep needs recipe: FILE and settings: {NAME: [KEY=VALUE]}",
                            rd->name);
    return 0;
}

int rt_sweep_parse(struct rt_sweep **out, const char *yaml, size_t size, const char *name, const char *folder,
                   struct rt_error *e)
{
    struct sweep_reader rd = {.name = name, .folder = folder, .e = e};
    yaml_parser_t parser;
    *out = NULL;
    if (size > RT_RECIPE_BYTES_MAX)
        return rt_error_set(e, RT_ELARGE, "%s: too large: at most %d bytes", name, RT_RECIPE_BYTES_MAX);
    rd.s = calloc(1, sizeof *rd.s);
    if (!rd.s || !yaml_parser_initialize(&parser)) {
        free(rd.s);
        return rt_error_set(e, RT_EMEM, "%s: out of memory", name);
    }
    snprintf(rd.s->metric, sizeof rd.s->metric, "%s", rt_sweep_metrics[0]);
    for (int seed = 1; seed <= 3; seed++)
        rd.s->seed[rd.s->seeds++] = seed;
    int rc;
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, size);
    if (!yaml_parser_load(&parser, &rd.tree)) {
        rc = parser.error == YAML_MEMORY_ERROR
                 ? rt_error_set(e, RT_EMEM, "%s: out of memory", name)
                 : rt_error_set(e, RT_EFORMAT, "%s:%zu: not YAML: %s", name, parser.problem_mark.line + 1,
                                parser.problem ? parser.problem : "cannot be parsed");
    } else {
        rc = sweep_read_tree(&rd, yaml, size);
        yaml_document_delete(&rd.tree);
    }
    yaml_parser_delete(&parser);
    rt_sweep_set_fini(&rd.all);
    if (rc < 0)
        rt_sweep_destroy(rd.s);
    else
        *out = rd.s;
    return rc;
}

int rt_sweep_load(struct rt_sweep **s, const char *path, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    *s = NULL;
    RT_TRY(rt_file_read(path, RT_RECIPE_BYTES_MAX, &bytes, &size, e));
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
    int rc = folder ? rt_sweep_parse(s, (const char *)bytes, size, path, folder, e)
                    : rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    free(folder);
    free(bytes);
    return rc;
}
