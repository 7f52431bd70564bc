/* SPDX-License-Identifier: MIT
 * theme: see theme.h. */
#include "tui/screen/base/theme.h"

static const struct {
    int colour256, colour8, ground256, ground8;
    unsigned attributes;
} row[RT_STYLES] = {
#define RT_STYLE(name, colour256, colour8, ground256, ground8, attributes) \
    {colour256, colour8, ground256, ground8, attributes},
#include "tui/screen/base/theme.def"
#undef RT_STYLE
};

struct rt_look rt_theme_look(enum rt_style style, int colours)
{
    struct rt_look look = {-1, -1, row[style].attributes};
    if (colours < 8)
        return look;
    look.attributes &= ~(unsigned)(RT_REVERSE | RT_FAINT | RT_UNDERLINE);
    look.colour = colours >= 256 ? row[style].colour256 : row[style].colour8;
    look.ground = colours >= 256 ? row[style].ground256 : row[style].ground8;
    if (look.colour < 0 && colours < 256) /* no grey among eight colours */
        look.attributes |= row[style].attributes & RT_FAINT;
    return look;
}
