/* SPDX-License-Identifier: MIT
 * prompt: see prompt.h. */
#include "tui/screen/widgets/prompt.h"

#include "formats/file.h"
#include "formats/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- history ----
 * One file for all screens and prompts, as a shell has: each line is added when it is entered, so that
 * two screens lose nothing of each other's, and the file is cut when it is opened and has become twice
 * as long as is kept. */

static void history_keep(struct rt_history *h, const char *line)
{
    char *copy = strdup(line);
    if (!copy)
        return;
    if (h->count == RT_PROMPT_KEPT) {
        free(h->line[0]);
        memmove(h->line, h->line + 1, sizeof *h->line * (RT_PROMPT_KEPT - 1));
        h->count--;
    }
    h->line[h->count++] = copy;
}

void rt_history_open(struct rt_history *h)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char line[RT_PROMPT_LINE + 2];
    int read = 0;
    memset(h, 0, sizeof *h);
    if (state && *state == '/')
        snprintf(h->path, sizeof h->path, "%s/retort/history", state);
    else if (home && *home == '/')
        snprintf(h->path, sizeof h->path, "%s/.local/state/retort/history", home);
    else
        return;
    FILE *f = fopen(h->path, "r");
    for (; f && fgets(line, sizeof line, f); read++) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] && line[1])
            history_keep(h, line);
    }
    if (f)
        fclose(f);
    if (read <= 2 * RT_PROMPT_KEPT || !(f = fopen(h->path, "w")))
        return;
    for (int i = 0; i < h->count; i++)
        fprintf(f, "%s\n", h->line[i]);
    fclose(f);
}

void rt_history_fini(struct rt_history *h)
{
    for (int i = 0; i < h->count; i++)
        free(h->line[i]);
    memset(h, 0, sizeof *h);
}

void rt_history_add(struct rt_history *h, char kind, const char *line)
{
    char full[RT_PROMPT_LINE + 1];
    snprintf(full, sizeof full, "%c%s", kind, line);
    if (!*line || (h->count && strcmp(h->line[h->count - 1], full) == 0))
        return;
    history_keep(h, full);
    if (!h->path[0])
        return;
    char folder[sizeof h->path];
    struct rt_error ignored;
    mode_t before = umask(077);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(h->path, '/') - h->path), h->path);
    FILE *f = rt_file_mkdirs(folder, &ignored) == 0 ? fopen(h->path, "a") : NULL;
    umask(before);
    if (f) {
        fprintf(f, "%s\n", full);
        fclose(f);
    }
}

/* ---- the line ----
 * The keys are those of a shell, as hands know them. The line is UTF-8: the caret stands between
 * characters, counted in bytes. */

void rt_prompt_open(struct rt_prompt *p, char kind, const char *label, const char *line)
{
    p->kind = kind;
    snprintf(p->label, sizeof p->label, "%s", label);
    snprintf(p->line, sizeof p->line, "%s", line);
    p->at = (int)strlen(p->line);
    p->back = p->history.count;
    p->choices.count = 0;
}

static int prompt_before(const struct rt_prompt *p, int at)
{
    do
        at--;
    while (at > 0 && (p->line[at] & 0xC0) == 0x80);
    return at < 0 ? 0 : at;
}

static int prompt_behind(const struct rt_prompt *p, int at)
{
    if (p->line[at])
        do
            at++;
        while ((p->line[at] & 0xC0) == 0x80);
    return at;
}

static void prompt_cut(struct rt_prompt *p, int from, int to)
{
    memmove(p->line + from, p->line + to, strlen(p->line + to) + 1);
    p->at = from;
}

static void prompt_insert(struct rt_prompt *p, const char *text)
{
    size_t n = strlen(text), size = strlen(p->line);
    if (size + n >= sizeof p->line)
        return;
    memmove(p->line + p->at + n, p->line + p->at, size - (size_t)p->at + 1);
    memcpy(p->line + p->at, text, n);
    p->at += (int)n;
}

static int prompt_word_start(const struct rt_prompt *p)
{
    int at = p->at;
    while (at > 0 && p->line[at - 1] == ' ')
        at--;
    while (at > 0 && p->line[at - 1] != ' ')
        at--;
    return at;
}

/* The line of this kind next in history that way; the line being typed is behind the last. */
static void prompt_look_back(struct rt_prompt *p, int way)
{
    int to = p->back + way;
    while (to >= 0 && to < p->history.count && p->history.line[to][0] != p->kind)
        to += way;
    if (to < 0 || to > p->history.count)
        return;
    if (p->back == p->history.count)
        memcpy(p->kept, p->line, sizeof p->kept);
    p->back = to;
    snprintf(p->line, sizeof p->line, "%s", to == p->history.count ? p->kept : p->history.line[to] + 1);
    p->at = (int)strlen(p->line);
}

/* The blank that Tab leaves behind a word is for the next one; where none comes it is no part of the line. */
static enum rt_typed prompt_finish(struct rt_prompt *p)
{
    for (size_t n = strlen(p->line); n > 0 && p->line[n - 1] == ' ';)
        p->line[--n] = '\0';
    rt_history_add(&p->history, p->kind, p->line);
    p->kind = 0;
    return RT_TYPED_DONE;
}

enum rt_typed rt_prompt_key(struct rt_prompt *p, int key)
{
    char text[8] = "";
    if (key == RT_KEY_TAB || key == RT_KEY_BACKTAB) {
        if (!p->choices.count)
            return RT_TYPED_COMPLETE;
        rt_prompt_complete(p, key == RT_KEY_TAB ? 1 : -1);
        return RT_TYPED_ON;
    }
    p->choices.count = 0;
    switch (key) {
    case RT_KEY_ENTER: return prompt_finish(p);
    case RT_KEY_LEFT: p->at = prompt_before(p, p->at); break;
    case RT_KEY_RIGHT: p->at = prompt_behind(p, p->at); break;
    case RT_KEY_HOME: case 1: p->at = 0; break; /* Ctrl-A */
    case RT_KEY_END: case 5: p->at = (int)strlen(p->line); break; /* Ctrl-E */
    case RT_KEY_UP: prompt_look_back(p, -1); break;
    case RT_KEY_DOWN: prompt_look_back(p, 1); break;
    case RT_KEY_DELETE: prompt_cut(p, p->at, prompt_behind(p, p->at)); break;
    case 21: prompt_cut(p, 0, p->at); break; /* Ctrl-U */
    case 23: prompt_cut(p, prompt_word_start(p), p->at); break; /* Ctrl-W */
    case RT_KEY_BACKSPACE:
        if (p->line[0]) {
            prompt_cut(p, prompt_before(p, p->at), p->at);
            break;
        } /* fall through */
    case RT_KEY_ESCAPE:
        p->kind = 0;
        return RT_TYPED_DROPPED;
    default:
        if (key < 32 || key >= 0x110000 || key == 127)
            break;
        text[rt_utf8_put(key, text)] = 0;
        prompt_insert(p, text);
    }
    return RT_TYPED_ON;
}

/* ---- completion ----
 * First as far as all choices agree, then one after the other. What can be typed there is another's
 * matter: it offers words, and those that do not begin with what stands there fall out. */

void rt_choices_offer(struct rt_choices *c, const char *line, int at, const char *word)
{
    size_t n = (size_t)(at - c->from);
    if (c->count == RT_CHOICES || strncmp(word, line + c->from, n) != 0 || strlen(word) >= sizeof c->word[0])
        return;
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->word[i], word) == 0)
            return;
    snprintf(c->word[c->count++], sizeof c->word[0], "%s", word);
}

static void prompt_put_word(struct rt_prompt *p, const char *word, const char *end)
{
    int from = p->choices.from;
    prompt_cut(p, from, p->at);
    prompt_insert(p, word);
    prompt_insert(p, p->line[p->at] == ' ' || p->line[p->at] == 0 ? end : "");
}

void rt_prompt_choose(struct rt_prompt *p, int choice)
{
    char word[sizeof p->choices.word[0]];
    memcpy(word, p->choices.word[choice], sizeof word);
    prompt_put_word(p, word, " ");
    p->choices.count = 0;
}

void rt_prompt_complete(struct rt_prompt *p, int way)
{
    struct rt_choices *c = &p->choices;
    size_t common;
    if (c->count == 0)
        return;
    if (c->count == 1) {
        rt_prompt_choose(p, 0);
        return;
    }
    common = strlen(c->word[0]);
    for (int i = 1; i < c->count; i++)
        while (strncmp(c->word[0], c->word[i], common) != 0)
            common--;
    while (common > 0 && (c->word[0][common] & 0xC0) == 0x80)
        common--;
    if (p->choice < 0 && (int)common > p->at - c->from) {
        char word[sizeof c->word[0]];
        snprintf(word, sizeof word, "%.*s", (int)common, c->word[0]);
        prompt_put_word(p, word, "");
    } else {
        p->choice = p->choice < 0 ? (way > 0 ? 0 : c->count - 1) : (p->choice + c->count + way) % c->count;
        prompt_put_word(p, c->word[p->choice], "");
    }
}
