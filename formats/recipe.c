/* SPDX-License-Identifier: MIT
 * recipe: the table of settings made from recipe.def, and one value of each kind read from text,
 * checked, and written back. One row per kind below says how. YAML is recipe_yaml.c. */
#include "formats/recipe.h"
#include "formats/path.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RT_SET(set) static const char set##_unit[] = ""
#define RT_WORD(id, word) "|" word
#define RT_END(count) ;
#include "formats/choices.def"
#undef RT_SET
#undef RT_WORD
#undef RT_END

/* ---- the table ----
 * Everything that a setting is stands in its row; a field of its own name and type lies in struct
 * rt_recipe, so that code reads `r->train_lr` and the compiler checks it. A table of named values
 * would need no struct, but every reader would look up names while a batch waits. */

const struct rt_key rt_keys[] = {
#define RT_KEY(field, key, kind, initial, min, max, unit, effect, help)                            \
    {key,                                                                                          \
     RT_KIND_##kind,                                                                               \
     initial,                                                                                      \
     min,                                                                                          \
     max,                                                                                          \
     unit,                                                                                         \
     RT_EFFECT_##effect,                                                                           \
     help,                                                                                         \
     offsetof(struct rt_recipe, field),                                                            \
     NULL},
#define RT_CHOICE(field, key, set, initial, effect, help)                                          \
    {key,                                                                                          \
     RT_KIND_CHOICE,                                                                               \
     initial,                                                                                      \
     0,                                                                                            \
     0,                                                                                            \
     set##_unit + 1,                                                                               \
     RT_EFFECT_##effect,                                                                           \
     help,                                                                                         \
     offsetof(struct rt_recipe, field),                                                            \
     rt_##set##_names},
#include "formats/recipe.def"
#undef RT_KEY
#undef RT_CHOICE
};
const int rt_key_count = (int)(sizeof rt_keys / sizeof rt_keys[0]);

/* What a setting that was renamed is called today. */
static const char *key_name_today(const char *name)
{
    static const char *const renamed[][2] = {
#define RT_RENAMED(before, today) {before, today},
#include "formats/renamed.def"
#undef RT_RENAMED
    };
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++)
        if (!strcmp(renamed[i][0], name))
            return renamed[i][1];
    return name;
}

const struct rt_key *rt_key_find(const char *name)
{
    name = key_name_today(name);
    for (int i = 0; i < rt_key_count; i++)
        if (!strcmp(rt_keys[i].name, name))
            return &rt_keys[i];
    return NULL;
}

bool rt_key_section(const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < rt_key_count; i++)
        if (!strncmp(rt_keys[i].name, name, length) && rt_keys[i].name[length] == '.')
            return true;
    return false;
}

const char *rt_key_retired(const char *name)
{
    static const struct {
        const char *name, *why;
    } retired[] = {
#define RT_RETIRED(key, why) {key, why},
#include "formats/retired.def"
#undef RT_RETIRED
    };
    for (size_t i = 0; i < sizeof retired / sizeof retired[0]; i++)
        if (!strcmp(retired[i].name, name))
            return retired[i].why;
    return NULL;
}

int rt_key_unknown(const char *name, struct rt_error *e)
{
    if (rt_key_retired(name))
        return rt_error_set(e, RT_ENOTFOUND, "%s is not a setting any more: %s", name,
                            rt_key_retired(name));
    struct rt_nearest near = {.word = name};
    /* "lr" and "optim.lr" both mean train.lr: the last part may match alone, at a price. */
    const char *last = strrchr(name, '.');
    struct rt_nearest tail = {.word = last ? last + 1 : name};
    for (int i = 0; i < rt_key_count; i++) {
        const char *key_last = strrchr(rt_keys[i].name, '.');
        rt_nearest_offer(&near, rt_keys[i].name);
        if (!last && key_last) { /* "trian:" with its settings below */
            char section[64];
            snprintf(section, sizeof section, "%.*s", (int)strcspn(rt_keys[i].name, "."), rt_keys[i].name);
            rt_nearest_offer(&near, section);
        }
        if (key_last)
            rt_nearest_offer_as(&tail, key_last + 1, rt_keys[i].name, 0);
    }
    char hint[160], quoted[RT_QUOTE];
    rt_nearest_hint(*near.best ? &near : &tail, hint, sizeof hint);
    return rt_error_set(e, RT_ENOTFOUND, "%s is not a setting%s",
                        rt_quote(quoted, sizeof quoted, name), hint);
}

/* ---- one value of each kind ----
 * Text in, text out, and both are inverse: what is printed into a run's recipe.yaml reads back to
 * the same bits, or a repeated run would not be the same run. So numbers are written with as many
 * digits as they need. Readers are strict (no hexadecimal, no inf, no "0.5x"): a setting that is
 * read otherwise than it was meant costs a night of training. */

/* Readers return a code and no sentence: which setting it was, in which line, and what would be
 * right is said once, by those who know the row (value_refuse) and the place (recipe_yaml.c). */

/* Fails without words: the caller says what was wanted. */
static int bool_read(const struct rt_key *key, const char *text, void *field)
{
    (void)key;
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},
                 {"false", false}, {"no", false}, {"off", false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(words[i].word, text)) {
            *(rt_key_bool *)field = words[i].value;
            return 0;
        }
    return RT_EFORMAT;
}

static int int_read(const struct rt_key *key, const char *text, void *field)
{
    char *end;
    if (!*text || text[strspn(text, "+-0123456789")])
        return RT_EFORMAT;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (*end)
        return RT_EFORMAT;
    if (errno == ERANGE || (double)v < key->min || (double)v > key->max)
        return RT_ERANGE;
    *(rt_key_int *)field = v;
    return 0;
}

/* strtod alone would take hexadecimal numbers, "infinity" and "nan", and stop silently at a comma.
 * The digits are cut out first, so that it sees nothing else. */

/* No hexadecimal, no inf, no nan. *rest is what follows the number. */
static int number_take(const char *text, double *v, const char **rest)
{
    size_t n = strspn(text, "+-0123456789.eE");
    char digits[64], *end;
    if (n == 0 || n >= sizeof digits)
        return RT_EFORMAT;
    memcpy(digits, text, n);
    digits[n] = '\0';
    *v = strtod(digits, &end);
    *rest = text + n;
    return *end ? RT_EFORMAT : 0;
}

static int float_read(const struct rt_key *key, const char *text, void *field)
{
    double v;
    const char *rest;
    if (number_take(text, &v, &rest) || *rest)
        return RT_EFORMAT;
    if (!(v >= key->min && v <= key->max))
        return RT_ERANGE;
    *(rt_key_number *)field = v;
    return 0;
}

static int fraction_read(const struct rt_key *key, const char *text, void *field)
{
    double v;
    const char *rest;
    if (number_take(text, &v, &rest))
        return RT_EFORMAT;
    rest += strspn(rest, " ");
    if (*rest == '%') {
        v /= 100;
        rest++;
    }
    if (*rest)
        return RT_EFORMAT;
    if (!(v >= key->min && v <= key->max))
        return RT_ERANGE;
    *(rt_key_number *)field = v;
    return 0;
}

static int text_store(void *field, const char *text)
{
    size_t length = strlen(text);
    if (length >= RT_RECIPE_TEXT)
        return RT_ELARGE;
    memset(field, 0, RT_RECIPE_TEXT);
    memcpy(field, text, length);
    return 0;
}

static int text_read(const struct rt_key *key, const char *text, void *field)
{
    (void)key;
    if (rt_utf8_check(text, strlen(text)) != strlen(text))
        return RT_EFORMAT;
    return text_store(field, text);
}

static bool word_is_name(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", word[i]))
            return false;
    return length > 0;
}

/* A name, then at least one number, parted by blanks. */
static bool word_is_numbers(const char *word, size_t length)
{
    char text[RT_RECIPE_TEXT];
    const char *rest;
    double number;
    if (length >= sizeof text)
        return false;
    memcpy(text, word, length);
    text[length] = '\0';
    size_t name = strcspn(text, " ");
    if (!word_is_name(text, name) || !text[name])
        return false;
    for (rest = text + name; *rest;)
        if (number_take(rest + strspn(rest, " "), &number, &rest) || (*rest && *rest != ' '))
            return false;
    return true;
}

/* A name, then at least one other, parted by blanks. */
static bool word_is_words(const char *word, size_t length)
{
    size_t names = 0;
    for (size_t at = 0; at < length; names++) {
        size_t end = at;
        while (end < length && word[end] != ' ')
            end++;
        if (!word_is_name(word + at, end - at))
            return false;
        for (at = end; at < length && word[at] == ' ';)
            at++;
    }
    return names > 1;
}

/* Is word [length] one of the words in "a|b|c"? "*" allows any name, "* n" one with numbers, "* w" one with words. */
static bool word_is_allowed(const char *words, const char *word, size_t length)
{
    if (!strcmp(words, "*"))
        return word_is_name(word, length);
    if (!strcmp(words, "* n"))
        return word_is_numbers(word, length);
    if (!strcmp(words, "* w"))
        return word_is_words(word, length);
    for (const char *w = words; length && *w;) {
        size_t n = strcspn(w, "|");
        if (n == length && !memcmp(w, word, n))
            return true;
        w += n + (w[n] == '|');
    }
    return false;
}

_Static_assert(sizeof(enum rt_head_id) == sizeof(int), "an enum is stored through an int");

static int choice_read(const struct rt_key *key, const char *text, void *field)
{
    int at = rt_choice_find(key->words, text);
    if (at < 0)
        return RT_ERANGE;
    *(int *)field = at;
    return 0;
}

/* A list is a set: a word given twice is refused, since a weight by the same measure twice would be
 * its square and nobody would see why. */

/* "[a, b]", as a recipe has it, without its brackets, where a list is given in one text (-s, `ctl set`). */
static const char *list_inside(const char *text, char bare[RT_RECIPE_TEXT])
{
    size_t n = strlen(text);
    if (n < 2 || n >= RT_RECIPE_TEXT || text[0] != '[' || text[n - 1] != ']')
        return text;
    memcpy(bare, text + 1, n - 2);
    bare[n - 2] = '\0';
    return bare;
}

/* Words separated by commas, blanks around them ignored; stored joined by ','. */
static int list_read(const struct rt_key *key, const char *text, void *field)
{
    char joined[RT_RECIPE_TEXT] = "", bare[RT_RECIPE_TEXT];
    size_t used = 0;
    text = list_inside(text, bare);
    for (const char *at = text + strspn(text, " "); *at;) {
        size_t whole = strcspn(at, ","), length = whole;
        while (length && at[length - 1] == ' ')
            length--;
        if (!word_is_allowed(key->unit, at, length))
            return RT_ERANGE;
        if (used + length + 2 > sizeof joined)
            return RT_ELARGE;
        char word[RT_RECIPE_TEXT];
        memcpy(word, at, length);
        word[length] = '\0';
        if (rt_recipe_list_has(joined, word))
            return RT_EUSAGE;
        if (used)
            joined[used++] = ',';
        memcpy(joined + used, word, length + 1);
        used += length;
        at += whole;
        if (*at == ',') {
            at++;
            at += strspn(at, " ");
            if (!*at)
                return RT_ERANGE; /* an empty last word */
        }
    }
    return text_store(field, joined);
}

static void bool_write(const struct rt_key *key, const void *field, char *text, size_t size)
{
    (void)key;
    snprintf(text, size, "%s", *(const rt_key_bool *)field ? "true" : "false");
}

static void int_write(const struct rt_key *key, const void *field, char *text, size_t size)
{
    (void)key;
    snprintf(text, size, "%" PRId64, *(const rt_key_int *)field);
}

/* The shortest digits that read back to the same bits; 17 always do. Whole numbers stay whole: %g
 * alone would write 30 as 3e+01. */
static void number_text(double v, char *text, size_t size)
{
    if (v == trunc(v) && fabs(v) <= 1e15) {
        snprintf(text, size, "%.0f", v);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, v);
        double back = strtod(text, NULL);
        if (!memcmp(&back, &v, sizeof v))
            return;
    }
}

static void number_write(const struct rt_key *key, const void *field, char *text, size_t size)
{
    (void)key;
    number_text(*(const rt_key_number *)field, text, size);
}

static void choice_write(const struct rt_key *key, const void *field, char *text, size_t size)
{
    snprintf(text, size, "%s", key->words[*(const int *)field]);
}

static void text_write(const struct rt_key *key, const void *field, char *text, size_t size)
{
    (void)key;
    snprintf(text, size, "%s", (const char *)field);
}

/* ---- a row for each kind ---- */

static const struct kind {
    int (*read)(const struct rt_key *key, const char *text, void *field);
    void (*write)(const struct rt_key *key, const void *field, char *text, size_t size);
    size_t size;
    const char *wanted;
} kinds[] = {
    [RT_KIND_BOOL] = {bool_read, bool_write, sizeof(rt_key_bool), "true or false"},
    [RT_KIND_INT] = {int_read, int_write, sizeof(rt_key_int), "a whole number"},
    [RT_KIND_FLOAT] = {float_read, number_write, sizeof(rt_key_number), "a number"},
    [RT_KIND_FRACTION] = {fraction_read, number_write, sizeof(rt_key_number),
                          "a fraction such as 0.25 or 25%"},
    [RT_KIND_TEXT] = {text_read, text_write, RT_RECIPE_TEXT, "text in UTF-8"},
    [RT_KIND_PATH] = {text_read, text_write, RT_RECIPE_TEXT, "a path in UTF-8"},
    [RT_KIND_CHOICE] = {choice_read, choice_write, sizeof(int), "one of"},
    [RT_KIND_LIST] = {list_read, text_write, RT_RECIPE_TEXT, "a list of words such as [a, b]"},
};

const char *rt_key_wanted(const struct rt_key *key, char *text, size_t size)
{
    const char *wanted = kinds[key->kind].wanted;
    bool any = !strcmp(key->unit, "*");
    char low[32], high[32];
    switch (key->kind) {
    case RT_KIND_INT:
    case RT_KIND_FLOAT:
    case RT_KIND_FRACTION:
        number_text(key->min, low, sizeof low);
        number_text(key->max, high, sizeof high);
        snprintf(text, size, "%s from %s to %s%s%s%s", wanted, low, high, *key->unit ? " (" : "",
                 key->unit, *key->unit ? ")" : "");
        break;
    case RT_KIND_CHOICE:
        snprintf(text, size, "%s %s", wanted, key->unit);
        break;
    case RT_KIND_LIST:
        if (!strcmp(key->unit, "* n"))
            snprintf(text, size, "a list of names with numbers such as [snr 8 14, clipped 0.3 0.15]");
        else if (!strcmp(key->unit, "* w"))
            snprintf(text, size, "a list of names with words such as [nisqa_mos up, blur down]");
        else
            snprintf(text, size, "%s%s%s", wanted, any ? ", letters, digits and _ only" : " out of ",
                     any ? "" : key->unit);
        break;
    default:
        snprintf(text, size, "%s", wanted);
    }
    return text;
}

/* ---- the recipe ---- */

/* The sentence for a value that was refused with this code. */
static int value_refuse(const struct rt_key *key, const char *value, int code, struct rt_error *e)
{
    char quoted[RT_QUOTE], wanted[256], hint[160] = "";
    rt_quote(quoted, sizeof quoted, value);
    rt_key_wanted(key, wanted, sizeof wanted);
    if (code == RT_ELARGE)
        return rt_error_set(e, RT_ERANGE, "%s: %s is %zu bytes long: write at most %d", key->name,
                            quoted, strlen(value), RT_RECIPE_TEXT - 1);
    if (code == RT_EIO)
        return rt_error_set(e, code, "%s: %s cannot be made absolute: the current folder is gone",
                            key->name, quoted);
    if (code == RT_EUSAGE)
        return rt_error_set(e, code, "%s: %s names a word twice: write each once", key->name,
                            quoted);
    double fraction;
    const char *rest;
    struct rt_nearest near = {.word = value};
    if (key->kind == RT_KIND_FRACTION && code == RT_ERANGE &&
        !number_take(value, &fraction, &rest) && !*rest && fraction > 1 &&
        fraction / 100 <= key->max)
        snprintf(hint, sizeof hint, "; did you mean %.40s%%?", value);
    for (int i = 0; key->words && key->words[i]; i++)
        rt_nearest_offer(&near, key->words[i]);
    if (*near.best)
        rt_nearest_hint(&near, hint, sizeof hint);
    return rt_error_set(e, code, "%s: %s is not allowed: write %s%s", key->name, quoted, wanted,
                        hint);
}

int rt_recipe_put(struct rt_recipe *r, const struct rt_key *key, const char *value,
                  const char *folder, struct rt_error *e)
{
    char path[RT_RECIPE_TEXT];
    const char *text = value;
    int code = 0;
    if (key->kind == RT_KIND_PATH && *value) {
        code = rt_path_absolute(value, folder, path, sizeof path);
        text = path;
    }
    if (!code)
        code = kinds[key->kind].read(key, text, (char *)r + key->offset);
    return code ? value_refuse(key, value, code, e) : 0;
}

int rt_recipe_set(struct rt_recipe *r, const char *assignment, struct rt_error *e)
{
    char name[128], quoted[RT_QUOTE];
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return rt_error_set(e, RT_EUSAGE, "%s is not an assignment: write key=value, such as %s",
                            rt_quote(quoted, sizeof quoted, assignment), "train.lr=0.01");
    snprintf(name, sizeof name, "%.*s", (int)(equals - assignment), assignment);
    const struct rt_key *key = rt_key_find(name);
    if (!key && rt_key_section(name))
        return rt_error_set(e, RT_EUSAGE, "%s is a section: write one of its settings, %s.KEY=%s",
                            name, name, "VALUE");
    return key ? rt_recipe_put(r, key, equals + 1, NULL, e) : rt_key_unknown(name, e);
}

void rt_recipe_init(struct rt_recipe *r)
{
    memset(r, 0, sizeof *r);
    for (int i = 0; i < rt_key_count; i++) {
        int bad = rt_recipe_put(r, &rt_keys[i], rt_keys[i].initial, NULL, NULL);
        assert(!bad);
        (void)bad;
    }
}

void rt_recipe_get(const struct rt_recipe *r, const struct rt_key *key, char *text, size_t size)
{
    kinds[key->kind].write(key, (const char *)r + key->offset, text, size);
}

const struct rt_key *rt_recipe_differs(const struct rt_recipe *a, const struct rt_recipe *b, const char *but)
{
    char one[RT_RECIPE_TEXT], two[RT_RECIPE_TEXT];
    for (int i = 0; i < rt_key_count; i++) {
        if (rt_keys[i].effect == RT_EFFECT_MACHINE || (but && strcmp(rt_keys[i].name, but) == 0))
            continue;
        rt_recipe_get(a, &rt_keys[i], one, sizeof one);
        rt_recipe_get(b, &rt_keys[i], two, sizeof two);
        if (strcmp(one, two) != 0)
            return &rt_keys[i];
    }
    return NULL;
}

void rt_recipe_take(struct rt_recipe *to, const struct rt_recipe *from, enum rt_key_effect effect)
{
    for (int i = 0; i < rt_key_count; i++)
        if (rt_keys[i].effect == effect)
            memcpy((char *)to + rt_keys[i].offset, (const char *)from + rt_keys[i].offset,
                   kinds[rt_keys[i].kind].size);
}

/* Lists stay text, joined by commas: they are compared, printed, journalled and kept in checkpoints
 * as text, and only those who use one take it apart. */

bool rt_recipe_list_has(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *w = list; *w;) {
        size_t n = strcspn(w, ",");
        if (n == length && !memcmp(w, word, n))
            return true;
        w += n + (w[n] == ',');
    }
    return false;
}
