/* SPDX-License-Identifier: MIT
 * recipe: the settings of a run, read from YAML, checked against recipe.def, written back resolved.
 * One table (recipe.def) makes the struct, the checks, the overrides and the live controls.
 * Unknown key, wrong type, out of range, duplicate key: refused with FILE:LINE, the value, what is
 * allowed and the nearest known key. A key that is retired (retired.def) is read over. */
#ifndef RT_RECIPE_H
#define RT_RECIPE_H

#include "formats/choice.h"
#include "formats/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RT_RECIPE_TEXT 1024
#define RT_RECIPE_BYTES_MAX (1 << 20) /* a recipe file of more than 1 MiB is refused */

enum rt_key_kind { RT_KIND_BOOL, RT_KIND_INT, RT_KIND_FLOAT, RT_KIND_FRACTION, RT_KIND_TEXT,
                   RT_KIND_PATH, RT_KIND_CHOICE, RT_KIND_LIST };
enum rt_key_effect { RT_EFFECT_RUN, RT_EFFECT_MACHINE, RT_EFFECT_RESUME, RT_EFFECT_STEP, RT_EFFECT_BATCH };

/* C type of each kind's field; a CHOICE has its set's enum. TEXT, PATH and LIST are NUL-terminated text; a
 * LIST is its words joined by ','. A loaded PATH is absolute or relative to the current folder, ready to open. */
typedef bool rt_key_bool;
typedef int64_t rt_key_int;
typedef double rt_key_number;
typedef char rt_key_text[RT_RECIPE_TEXT];
#define RT_TYPE_BOOL rt_key_bool
#define RT_TYPE_INT rt_key_int
#define RT_TYPE_FLOAT rt_key_number
#define RT_TYPE_FRACTION rt_key_number
#define RT_TYPE_TEXT rt_key_text
#define RT_TYPE_PATH rt_key_text
#define RT_TYPE_LIST rt_key_text

/* Teachers that there is room for, and the sections of a recipe that name one: the prefix of fields and keys. */
#define RT_TEACHERS 2
#define RT_TEACHER_SECTIONS(S) S(teacher)

struct rt_recipe {
#define RT_KEY(field, key, kind, def, min, max, unit, effect, help) RT_TYPE_##kind field;
#define RT_CHOICE(field, key, set, def, effect, help) enum rt_##set##_id field;
#include "formats/recipe.def"
#undef RT_KEY
#undef RT_CHOICE
};

/* A row of recipe.def. */
struct rt_key {
    const char *name; /* dotted */
    enum rt_key_kind kind;
    const char *initial; /* default, as text */
    double min, max;
    const char *unit; /* unit, or the allowed words "a|b|c" of CHOICE and LIST ("*" = any word) */
    enum rt_key_effect effect;
    const char *help;
    size_t offset; /* of the field in struct rt_recipe */
    const char *const *words; /* of a CHOICE (choice.h), else NULL */
};
extern const struct rt_key rt_keys[];
extern const int rt_key_count;
const struct rt_key *rt_key_find(const char *name); /* by its name of before (renamed.def), too; NULL when unknown */
bool rt_key_section(const char *name);              /* is there a setting "name.something"? */
/* Why there is no such setting any more (retired.def), or NULL. Readers of files leave it out. */
const char *rt_key_retired(const char *name);
/* Says that name is no setting, with the nearest one or why it is retired. Returns RT_ENOTFOUND. */
int rt_key_unknown(const char *name, struct rt_error *e);
/* What a value of this key must look like, for messages and help: "a whole number from 1 to 9". */
const char *rt_key_wanted(const struct rt_key *key, char *text, size_t size);

/* Errors: RT_ENOTFOUND unknown key, RT_EFORMAT wrong type or not YAML, RT_ERANGE out of range, not one
 * of the words or too long, RT_EUSAGE duplicate or malformed, RT_EMISSING, RT_EIO, RT_ELARGE, RT_EMEM.
 * Numbers are read and written with '.', so LC_NUMERIC must stay "C" (set LC_CTYPE only). Any thread.
 * A PATH is made absolute; "." and ".." are resolved whether the file exists or not.
 *
 * Every default. Unused bytes are zero here and after every change, so memcmp compares recipes. */
void rt_recipe_init(struct rt_recipe *r);
/* Defaults, then the file. On failure *r is unspecified. */
int rt_recipe_load(struct rt_recipe *r, const char *path, struct rt_error *e);
/* The line of this recipe that sets key, for messages about its value; 0 = none does. */
int rt_recipe_line(const char *path, const struct rt_key *key);
/* As rt_recipe_load from memory (a model's metadata); name stands for the file in messages;
 * PATH values are taken relative to folder. */
int rt_recipe_parse(struct rt_recipe *r, const char *yaml, size_t size, const char *name,
                    const char *folder, struct rt_error *e);
/* One override "key=value", as -s gives it. PATH is relative to the
 * current folder. */
int rt_recipe_set(struct rt_recipe *r, const char *assignment, struct rt_error *e);
/* One value as text, checked; folder = what a PATH is relative to, NULL or "" = the current folder.
 * On failure *r is unchanged and the message names key and value. */
int rt_recipe_put(struct rt_recipe *r, const struct rt_key *key, const char *value,
                  const char *folder, struct rt_error *e);
/* The value as a user would write it, into text; reads back to the same bits. */
void rt_recipe_get(const struct rt_recipe *r, const struct rt_key *key, char *text, size_t size);
/* The first setting that a result depends on and that is not the same in both; NULL = there is none. but: the name of
 * one that may differ, or NULL. */
const struct rt_key *rt_recipe_differs(const struct rt_recipe *a, const struct rt_recipe *b, const char *but);
/* Copies the values of all settings with that effect. */
void rt_recipe_take(struct rt_recipe *to, const struct rt_recipe *from, enum rt_key_effect effect);
/* Every resolved value as YAML that rt_recipe_load reads back to the same struct. PATHs absolute. */
void rt_recipe_print(const struct rt_recipe *r, FILE *out);
/* The same as a malloc'ed string; NULL when out of memory. */
char *rt_recipe_text(const struct rt_recipe *r);
/* true when the comma-joined LIST holds word. */
bool rt_recipe_list_has(const char *list, const char *word);

#endif
