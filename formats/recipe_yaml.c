/* SPDX-License-Identifier: MIT
 * recipe_yaml: a recipe as YAML: read through libyaml's events, so that every message carries a
 * line, and written with its help as comments. What a value may be is decided in recipe.c. */
#include "formats/file.h"
#include "formats/recipe.h"
#include "formats/words.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum {
    KEYS = 0
#define RT_KEY(field, key, kind, initial, min, max, unit, effect, help) +1
#define RT_CHOICE(field, key, set, initial, effect, help) +1
#include "formats/recipe.def"
#undef RT_KEY
#undef RT_CHOICE
};
#define NAME_SIZE 128 /* of a dotted key as written; longer ones cannot be known */

struct reader {
    yaml_parser_t parser;
    struct rt_recipe *r;
    const char *name;   /* of the file, for messages */
    const char *folder; /* that PATHs are relative to */
    int line[KEYS];     /* where a key was set, 0 = not yet */
    struct rt_error *e;
};

/* ---- events ----
 * libyaml's events and not its tree: each has its line, which a message needs, and what a recipe
 * has no use for (aliases, tags, a second document) is refused as it comes. A general loader would
 * follow aliases, and a short file can unfold to gigabytes that way. */

/* Puts FILE:LINE before what was just reported. */
static int recipe_at_line(struct reader *rd, size_t line, int code)
{
    rt_error_prefix(rd->e, "%s:%zu", rd->name, line);
    return code;
}

static int recipe_not_yaml(struct reader *rd)
{
    const yaml_parser_t *p = &rd->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return rt_error_set(rd->e, RT_EMEM, "%s: out of memory", rd->name);
    if (p->error == YAML_READER_ERROR)
        return rt_error_set(rd->e, RT_EFORMAT, "%s: byte %zu: not text in UTF-8: %s", rd->name,
                            p->problem_offset, p->problem);
    const char *problem = p->problem ? p->problem : "cannot be parsed";
    bool tab = strstr(problem, "cannot start any token") || strstr(problem, "tab");
    rt_error_set(rd->e, RT_EFORMAT, "not YAML: %s%s%s (column %zu)%s", problem,
                 p->context ? " " : "", p->context ? p->context : "", p->problem_mark.column + 1,
                 tab ? ": indent with spaces, not tabs, and quote values that start with % @ `"
                     : ": write one \"key: value\" per line");
    return recipe_at_line(rd, p->problem_mark.line + 1, RT_EFORMAT);
}

/* The next event; aliases and tags, which could say something we would not hear, are refused. The
 * caller deletes the event when 0 is returned. */
static int recipe_next_event(struct reader *rd, yaml_event_t *event)
{
    if (!yaml_parser_parse(&rd->parser, event))
        return recipe_not_yaml(rd);
    size_t line = event->start_mark.line + 1;
    bool tag = (event->type == YAML_SCALAR_EVENT && event->data.scalar.tag) ||
               (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.tag) ||
               (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag);
    if (event->type != YAML_ALIAS_EVENT && !tag)
        return 0;
    yaml_event_delete(event);
    rt_error_set(rd->e, RT_EFORMAT,
                 tag ? "a recipe has no YAML tags (!...): write the plain value"
                     : "a recipe has no YAML aliases (*...): repeat the value");
    return recipe_at_line(rd, line, RT_EFORMAT);
}

/* The text of a scalar as it stands, or NULL when it holds a NUL. */
static const char *scalar_word(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    return strlen(text) == event->data.scalar.length ? text : NULL;
}

/* The same for a value: YAML's null is no text. (In a list of words, null is a word.) */
static const char *scalar_text(const yaml_event_t *event)
{
    const char *text = scalar_word(event);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return text && plain && (!strcmp(text, "~") || !strcmp(text, "null")) ? "" : text;
}

/* ---- values and sections ----
 * A key is looked up as soon as it is read, with the sections above it as its prefix: so a wrong
 * name is told with its own line, and nesting goes no deeper than names that are known. Recursion
 * is bounded by that. */

/* The words of a YAML list, whose start has been read, joined by ','. */
static int recipe_read_words(struct reader *rd, const struct rt_key *key, char *joined, size_t size)
{
    size_t used = 0;
    joined[0] = '\0';
    for (;;) {
        yaml_event_t event;
        int code = 0;
        RT_TRY(recipe_next_event(rd, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        const char *word = event.type == YAML_SCALAR_EVENT ? scalar_word(&event) : NULL;
        size_t length = word ? strlen(word) : 0;
        char wanted[256];
        if (length == 0 || strchr(word, ','))
            code = rt_error_set(rd->e, RT_EFORMAT, "%s: one of the items is no word: write %s",
                                key->name, rt_key_wanted(key, wanted, sizeof wanted));
        else if (used + length + 2 > size)
            code = rt_error_set(rd->e, RT_ERANGE, "%s: the list is too long: at most %zu bytes",
                                key->name, size - 1);
        else
            used += (size_t)snprintf(joined + used, size - used, "%s%s", used ? "," : "", word);
        size_t line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (code)
            return recipe_at_line(rd, line, code);
    }
}

/* The value of a known key: a scalar, or for a LIST also a YAML list. */
static int recipe_read_value(struct reader *rd, const struct rt_key *key, size_t key_line)
{
    yaml_event_t event;
    char joined[2 * RT_RECIPE_TEXT], wanted[256];
    int *seen = &rd->line[key - rt_keys];
    if (*seen) {
        rt_error_set(rd->e, RT_EUSAGE, "%s is already set in line %d: keep one of the two",
                     key->name, *seen);
        return recipe_at_line(rd, key_line, RT_EUSAGE);
    }
    *seen = (int)key_line;
    int code = 0;
    RT_TRY(recipe_next_event(rd, &event));
    size_t line = event.start_mark.line + 1;
    const char *text = NULL;
    if (event.type == YAML_SCALAR_EVENT) {
        text = scalar_text(&event);
        if (!text)
            code = rt_error_set(rd->e, RT_EFORMAT, "%s: the value holds a NUL character: write %s",
                                key->name, rt_key_wanted(key, wanted, sizeof wanted));
    } else if (event.type == YAML_SEQUENCE_START_EVENT && key->kind == RT_KIND_LIST) {
        code = recipe_read_words(rd, key, joined, sizeof joined);
        if (code) {
            yaml_event_delete(&event);
            return code; /* the item's own line is said already */
        }
        text = joined;
    } else {
        code = rt_error_set(rd->e, RT_EFORMAT, "%s is a setting, not a %s: write %s", key->name,
                            event.type == YAML_SEQUENCE_START_EVENT ? "list" : "section",
                            rt_key_wanted(key, wanted, sizeof wanted));
    }
    if (!code)
        code = rt_recipe_put(rd->r, key, text, rd->folder, rd->e);
    yaml_event_delete(&event);
    return code ? recipe_at_line(rd, line, code) : 0;
}

/* Reads over the value of a retired key: the file says nothing that could be followed. All that
 * there were had a number or a word. */
static int recipe_drop_value(struct reader *rd, const char *name, size_t key_line)
{
    yaml_event_t event;
    RT_TRY(recipe_next_event(rd, &event));
    bool plain = event.type == YAML_SCALAR_EVENT;
    yaml_event_delete(&event);
    return plain ? 0 : recipe_at_line(rd, key_line, rt_key_unknown(name, rd->e));
}

static int recipe_read_section(struct reader *rd, const char *section);

/* What stands behind the name of a section: settings, or nothing (all of them commented out). */
static int recipe_enter_section(struct reader *rd, const char *name, size_t key_line)
{
    yaml_event_t event;
    RT_TRY(recipe_next_event(rd, &event));
    bool mapping = event.type == YAML_MAPPING_START_EVENT;
    const char *text = event.type == YAML_SCALAR_EVENT ? scalar_text(&event) : NULL;
    bool nothing = text && !*text;
    yaml_event_delete(&event);
    if (mapping)
        return recipe_read_section(rd, name);
    if (nothing)
        return 0;
    rt_error_set(rd->e, RT_EFORMAT, "%s is a section: indent its settings below it", name);
    return recipe_at_line(rd, key_line, RT_EFORMAT);
}

/* The name in event, below section, as a dotted key. */
static int recipe_read_name(struct reader *rd, const yaml_event_t *event, const char *section,
                            char name[NAME_SIZE])
{
    const char *dot = *section ? "." : "";
    const char *word = event->type == YAML_SCALAR_EVENT ? scalar_text(event) : NULL;
    int code = 0;
    if (!word || !*word)
        code = rt_error_set(rd->e, RT_EFORMAT, "%s%sa setting's name must be a plain word", section,
                            *section ? ": " : "");
    else if (snprintf(name, NAME_SIZE, "%s%s%s", section, dot, word) >= NAME_SIZE)
        code = rt_key_unknown(word, rd->e);
    else if (!rt_key_find(name) && !rt_key_section(name) && !rt_key_retired(name))
        code = rt_key_unknown(name, rd->e);
    return code ? recipe_at_line(rd, event->start_mark.line + 1, code) : 0;
}

/* Settings up to the end of the mapping, whose start has been read. As deep as known names go. */
static int recipe_read_section(struct reader *rd, const char *section)
{
    for (;;) {
        yaml_event_t event;
        char name[NAME_SIZE];
        int code = 0;
        RT_TRY(recipe_next_event(rd, &event));
        size_t line = event.start_mark.line + 1;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end)
            code = recipe_read_name(rd, &event, section, name);
        yaml_event_delete(&event);
        if (code || end)
            return code;
        const struct rt_key *key = rt_key_find(name);
        if (key)
            RT_TRY(recipe_read_value(rd, key, line));
        else if (rt_key_retired(name))
            RT_TRY(recipe_drop_value(rd, name, line));
        else
            RT_TRY(recipe_enter_section(rd, name, line));
    }
}

/* The stream: one document that is a mapping, or nothing at all. */
static int recipe_read_stream(struct reader *rd)
{
    int documents = 0;
    for (;;) {
        yaml_event_t event;
        int code = 0;
        RT_TRY(recipe_next_event(rd, &event));
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line + 1;
        const char *text = type == YAML_SCALAR_EVENT ? scalar_text(&event) : NULL;
        bool nothing = text && !*text;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return 0;
        if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
            rt_error_set(rd->e, RT_EFORMAT, "a recipe is one document: remove what follows ---");
            return recipe_at_line(rd, line, RT_EFORMAT);
        }
        if (type == YAML_MAPPING_START_EVENT)
            code = recipe_read_section(rd, "");
        else if (type == YAML_SEQUENCE_START_EVENT || (type == YAML_SCALAR_EVENT && !nothing)) {
            rt_error_set(rd->e, RT_EFORMAT, "a recipe is made of lines \"key: value\"");
            code = recipe_at_line(rd, line, RT_EFORMAT);
        }
        if (code)
            return code;
    }
}

/* ---- the whole file ---- */

#define PRINTED "# Every setting of a run, with what it may be.\n"

/* What a printed recipe of an older retort cannot say (since.def). */
static int recipe_keep_before(struct reader *rd, const char *yaml, size_t size)
{
    static const struct {
        const char *name, *value;
    } before[] = {
#define RT_SINCE(key, value) {key, value},
#include "formats/since.def"
#undef RT_SINCE
    };
    if (size < sizeof PRINTED - 1 || memcmp(yaml, PRINTED, sizeof PRINTED - 1) != 0)
        return 0;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        const struct rt_key *key = rt_key_find(before[i].name);
        if (!rd->line[key - rt_keys])
            RT_TRY(rt_recipe_put(rd->r, key, before[i].value, rd->folder, rd->e));
    }
    return 0;
}

/* All of a recipe; where says on which line each setting was found, [KEYS], or NULL. */
static int recipe_parse_yaml(struct rt_recipe *r, const char *yaml, size_t size, const char *name,
                             const char *folder, int *where, struct rt_error *e)
{
    struct reader rd = {.r = r, .name = name, .folder = folder, .e = e};
    rt_recipe_init(r);
    if (size > RT_RECIPE_BYTES_MAX)
        return rt_error_set(e, RT_ELARGE, "%s: %zu bytes is too large for a recipe: at most %d",
                            name, size, RT_RECIPE_BYTES_MAX);
    if (!yaml_parser_initialize(&rd.parser))
        return rt_error_set(e, RT_EMEM, "%s: out of memory", name);
    yaml_parser_set_input_string(&rd.parser, (const unsigned char *)yaml, size);
    int code = recipe_read_stream(&rd);
    yaml_parser_delete(&rd.parser);
    if (code == 0)
        code = recipe_keep_before(&rd, yaml, size);
    if (where)
        memcpy(where, rd.line, sizeof rd.line);
    return code;
}

int rt_recipe_parse(struct rt_recipe *r, const char *yaml, size_t size, const char *name,
                    const char *folder, struct rt_error *e)
{
    return recipe_parse_yaml(r, yaml, size, name, folder, NULL, e);
}

static int recipe_load_yaml(struct rt_recipe *r, const char *path, int *where, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    int code;
    RT_TRY(rt_file_read(path, RT_RECIPE_BYTES_MAX, &bytes, &size, e));
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
    if (folder)
        code = recipe_parse_yaml(r, (const char *)bytes, size, path, folder, where, e);
    else
        code = rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    free(folder);
    free(bytes);
    return code;
}

int rt_recipe_load(struct rt_recipe *r, const char *path, struct rt_error *e)
{
    return recipe_load_yaml(r, path, NULL, e);
}

int rt_recipe_line(const char *path, const struct rt_key *key)
{
    int where[KEYS] = {0};
    struct rt_recipe *r = malloc(sizeof *r);
    int code = r ? recipe_load_yaml(r, path, where, NULL) : RT_EMEM;
    free(r);
    return code == 0 ? where[key - rt_keys] : 0;
}

/* ---- writing ----
 * By hand, not by libyaml's emitter: a printed recipe carries help and range behind each value,
 * which YAML's emitter drops. Only texts need care, and those are quoted always. */

/* Text in double quotes. What YAML would fold or refuse to read raw is written as \uXXXX: controls,
 * line separators, byte order marks. Text is valid UTF-8 (recipe.c saw to it). */
static int quoted_put(char *out, const char *text)
{
    static const char *const awkward[] = {"\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF",
                                          "\xEF\xBF\xBE", "\xEF\xBF\xBF"};
    static const int awkward_code[] = {0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF};
    char *at = out;
    *at++ = '"';
    while (*text) {
        unsigned char c = (unsigned char)*text;
        int code = c < 0x20 || c == 0x7F ? c : 0, length = 1;
        if (c == 0xC2 && (unsigned char)text[1] < 0xA0) {
            code = (unsigned char)text[1];
            length = 2;
        }
        for (int i = 0; i < 5 && !code; i++)
            if (!strncmp(text, awkward[i], 3)) {
                code = awkward_code[i];
                length = 3;
            }
        if (code) {
            at += sprintf(at, "\\u%04X", (unsigned)code);
        } else {
            if (c == '"' || c == '\\')
                *at++ = '\\';
            *at++ = (char)c;
        }
        text += length;
    }
    *at++ = '"';
    *at = '\0';
    return (int)(at - out);
}

static void value_put(const struct rt_recipe *r, const struct rt_key *key, char *out)
{
    char text[RT_RECIPE_TEXT];
    rt_recipe_get(r, key, text, sizeof text);
    if (key->kind == RT_KIND_TEXT || key->kind == RT_KIND_PATH)
        quoted_put(out, text);
    else
        sprintf(out, key->kind == RT_KIND_LIST ? "[%s]" : "%s", text);
}

/* What may be written there, as a comment. */
static void comment_put(const struct rt_key *key, FILE *out)
{
    char wanted[256];
    fprintf(out, "  # %s", key->help);
    if (key->kind != RT_KIND_TEXT && key->kind != RT_KIND_PATH && key->kind != RT_KIND_BOOL)
        fprintf(out, "; %s", rt_key_wanted(key, wanted, sizeof wanted));
    fputc('\n', out);
}

/* Opens the sections of key that are not those of the row before, and returns how deep it stands.
 */
static int sections_put(const char *before, const char *name, FILE *out)
{
    int depth = 0;
    bool same = true;
    for (const char *dot, *at = name; (dot = strchr(at, '.')); at = dot + 1, depth++) {
        same = same && !strncmp(before, name, (size_t)(dot - name) + 1);
        if (!same)
            fprintf(out, "%s%*s%.*s:\n", depth ? "" : "\n", 2 * depth, "", (int)(dot - at), at);
    }
    return depth;
}

void rt_recipe_print(const struct rt_recipe *r, FILE *out)
{
    char value[6 * RT_RECIPE_TEXT + 3]; /* every byte as \uXXXX, quotes, NUL */
    const char *before = "";
    fputs(PRINTED, out);
    for (int i = 0; i < rt_key_count; i++) {
        const struct rt_key *key = &rt_keys[i];
        int depth = sections_put(before, key->name, out);
        const char *last = strrchr(key->name, '.');
        value_put(r, key, value);
        int width = fprintf(out, "%*s%s: %s", 2 * depth, "", last ? last + 1 : key->name, value);
        fprintf(out, "%*s", width < 24 ? 24 - width : 0, "");
        comment_put(key, out);
        before = key->name;
    }
}

char *rt_recipe_text(const struct rt_recipe *r)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f)
        rt_recipe_print(r, f);
    rt_memstream_close(f, &text);
    return text;
}
