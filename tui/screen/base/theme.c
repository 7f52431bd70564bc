/* SPDX-License-Identifier: MIT
 * theme: see theme.h. */
#include "tui/screen/base/theme.h"

#include <stdio.h>
#include <string.h>

const char *const rt_theme_names[RT_THEMES + 1] = {"dark", "light", "terminal", "mono", NULL};

struct pair {
    int colour, ground;
};

static const struct {
    struct pair pair[RT_THEME_MONO]; /* of each theme that has colours */
    unsigned attributes;
} row[RT_STYLES] = {
#define RT_STYLE(name, dark, dark_ground, light, light_ground, own, own_ground, attributes) \
    {{{dark, dark_ground}, {light, light_ground}, {own, own_ground}}, attributes},
#include "tui/screen/base/theme.def"
#undef RT_STYLE
};

int rt_theme_find(const char *name)
{
    for (int i = 0; i < RT_THEMES; i++)
        if (strcmp(rt_theme_names[i], name) == 0)
            return i;
    return -1;
}

/* By how bright it looks; a ground of middle grey counts as dark. */
int rt_theme_of_ground(const char *said)
{
    unsigned value[3];
    int length[4] = {0, 0, 0, 0};
    if (sscanf(said, "rgb:%n%4x%n/%4x%n/%4x%n", &length[0], &value[0], &length[1], &value[1], &length[2], &value[2],
               &length[3]) != 3)
        return -1;
    double part[3];
    for (int i = 0; i < 3; i++) {
        int digits = length[i + 1] - length[i] - (i > 0);
        part[i] = digits < 1 || digits > 4 ? 0 : value[i] / (double)((1u << 4 * digits) - 1);
    }
    return 0.299 * part[0] + 0.587 * part[1] + 0.114 * part[2] > 0.5 ? RT_THEME_LIGHT : RT_THEME_DARK;
}

struct rt_look rt_theme_look(enum rt_style style, int colours, enum rt_theme theme)
{
    struct rt_look look = {-1, -1, row[style].attributes};
    if (colours < 8 || theme == RT_THEME_MONO)
        return look;
    theme = colours < 256 ? RT_THEME_TERMINAL : theme;
    look.attributes &= ~(unsigned)(RT_REVERSE | RT_FAINT | RT_UNDERLINE);
    look.colour = row[style].pair[theme].colour;
    look.ground = row[style].pair[theme].ground;
    if (look.colour < 0 && theme == RT_THEME_TERMINAL) /* no grey among eight colours */
        look.attributes |= row[style].attributes & RT_FAINT;
    return look;
}
