/* SPDX-License-Identifier: MIT
 * theme: what colours mean. Drawing code names a meaning; terminal.c asks here what that is on the terminal
 * at hand. Told apart without colour too (bold, reverse), and by colour-blind eyes (blue, orange, ...
 * after Okabe and Ito; never red against green alone). */
#ifndef RT_THEME_H
#define RT_THEME_H

enum rt_style {
#define RT_STYLE(name, colour256, colour8, ground256, ground8, attributes) RT_STYLE_##name,
#include "tui/screen/base/theme.def"
#undef RT_STYLE
    RT_STYLES
};

enum rt_attribute { RT_BOLD = 1, RT_REVERSE = 2, RT_FAINT = 4, RT_UNDERLINE = 8 };

struct rt_look {
    int colour, ground;  /* -1 = the terminal's own */
    unsigned attributes; /* of enum rt_attribute; on a terminal without colour all there is */
};
/* colours: what the terminal has, 0 for none (also what NO_COLOR asks for). */
struct rt_look rt_theme_look(enum rt_style style, int colours);

#endif
