/* SPDX-License-Identifier: MIT
 * command_verbs: see command_verbs.h. */
#include "tui/screen/ui/command_verbs.h"

#include "tui/screen/keys.h"

#include <stdbool.h>
#include <string.h>

static bool verb_can_be_typed(const struct rt_live_verb *v)
{
    return strcmp(v->name, "watch") != 0; /* the screen watches already */
}

int rt_typed_verbs(struct rt_typed_verb out[RT_TYPED_VERBS])
{
    int n = 0;
    for (int i = 0; i < RT_VERBS && n < RT_TYPED_VERBS; i++)
        out[n++] = (struct rt_typed_verb){rt_verbs[i].name, rt_verbs[i].argument, rt_verbs[i].help, NULL};
    for (int i = 0; i < rt_live_verb_count && n < RT_TYPED_VERBS; i++) {
        const struct rt_live_verb *v = &rt_live_verbs[i];
        if (verb_can_be_typed(v))
            out[n++] = (struct rt_typed_verb){v->name, v->arguments, v->help, v};
    }
    return n;
}

int rt_typed_verb_find(const char *word, size_t length, struct rt_typed_verb *found, const char **other)
{
    struct rt_typed_verb all[RT_TYPED_VERBS];
    int verbs = rt_typed_verbs(all), count = 0;
    for (int i = 0; i < verbs && length; i++) {
        if (strncmp(all[i].name, word, length) != 0)
            continue;
        if (all[i].name[length] == 0) {
            *found = all[i];
            return 1;
        }
        if (count++ == 0)
            *found = all[i];
        else
            *other = all[i].name;
    }
    return count;
}
