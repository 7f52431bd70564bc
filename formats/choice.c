/* SPDX-License-Identifier: MIT
 * choice: the words of choices.def as lists of text, and where in its list a word stands. */
#include "formats/choice.h"

#include <stddef.h>
#include <string.h>

#define RT_SET(set) const char *const rt_##set##_names[] = {
#define RT_WORD(id, word) [id] = word,
#define RT_END(count) [count] = NULL };
#include "formats/choices.def"
#undef RT_SET
#undef RT_WORD
#undef RT_END

int rt_choice_find(const char *const *names, const char *word)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    return -1;
}
