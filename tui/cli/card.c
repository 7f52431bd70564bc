/* SPDX-License-Identifier: MIT
 * card: see card.h. */
#include "tui/cli/card.h"

#include "formats/jsontext.h"
#include "formats/plain.h"
#include "tui/cli/cmd.h"

#include <assert.h>
#include <stdio.h>

/* The comma before all but the first, and the name. */
static void card_key(struct rt_card *c, const char *key)
{
    if (c->count[c->depth]++ > 0)
        fputs(", ", stdout);
    if (!key)
        return;
    rt_json_text(stdout, key);
    fputs(": ", stdout);
}

void rt_card_begin(struct rt_card *c, const char *name)
{
    *c = (struct rt_card){.json = c->json};
    if (!c->json) {
        rt_plain_print(stdout, "%s\n", name);
        return;
    }
    putchar('{');
    card_key(c, "file");
    rt_json_text(stdout, name);
}

void rt_card_end(struct rt_card *c)
{
    if (c->json)
        puts("}");
    fflush(stdout);
}

void rt_card_text(struct rt_card *c, const char *key, const char *text, const char *words)
{
    if (c->json) {
        card_key(c, key);
        rt_json_text(stdout, text);
    } else if (words) {
        rt_cmd_row(key, words);
    }
}

void rt_card_number(struct rt_card *c, const char *key, double value, const char *words)
{
    bool whole = value >= -9e15 && value <= 9e15 && value == (double)(int64_t)value;
    if (c->json) {
        card_key(c, key);
        if (whole) /* a count, without a point */
            printf("%lld", (long long)value);
        else
            rt_json_number(stdout, value);
    } else if (words) {
        rt_cmd_row(key, words);
    }
}

void rt_card_open(struct rt_card *c, const char *key, char bracket)
{
    if (!c->json)
        return;
    card_key(c, key);
    putchar(bracket);
    assert(c->depth + 1 < RT_CARD_DEPTH);
    c->count[++c->depth] = 0;
}

void rt_card_close(struct rt_card *c, char bracket)
{
    if (!c->json)
        return;
    putchar(bracket);
    c->depth--;
}

const char *rt_card_short(double value, char text[32])
{
    static const char unit[] = " kMGTP";
    int i = 0;
    for (; value >= 1000 && unit[i + 1]; i++)
        value /= 1000;
    if (i == 0)
        snprintf(text, 32, "%.0f", value);
    else
        snprintf(text, 32, "%.3g %c", value, unit[i]);
    return text;
}
