/* SPDX-License-Identifier: MIT
 * options_shared: see options_shared.h. */
#include "tui/cli/options_shared.h"

#include "formats/recipe.h"
#include "stages/session/evaluation.h"

#include <string.h>

const char *const rt_split_choices[] = {"train", "valid", "test", "all", NULL};

int rt_take_teacher_setting(void *field, const char *value, struct rt_error *e)
{
    return rt_evaluation_setting(field, value, e);
}

/* What rt_evaluation_setting takes. */
static bool setting_is_teachers(const char *name)
{
    return strncmp(name, "teacher.", 8) == 0 && strcmp(name, "teacher.model") != 0;
}

static const char *setting_word(int i, bool teachers)
{
    static char text[80];
    for (int k = 0; k < rt_key_count; k++) {
        if ((teachers && !setting_is_teachers(rt_keys[k].name)) || i--)
            continue;
        snprintf(text, sizeof text, "%s=", rt_keys[k].name);
        return text;
    }
    return NULL;
}

const char *rt_setting_word(int i)
{
    return setting_word(i, false);
}

const char *rt_teacher_setting_word(int i)
{
    return setting_word(i, true);
}
