/* SPDX-License-Identifier: MIT
 * theme: what colours mean. Drawing code names a meaning; terminal.c asks here what that is on the terminal
 * at hand. Told apart without colour too (bold, reverse), and by colour-blind eyes (blue, orange, ...
 * after Okabe and Ito; never red against green alone). */
#ifndef RT_THEME_H
#define RT_THEME_H

enum rt_style {
#define RT_STYLE(name, dark, dark_ground, light, light_ground, own, own_ground, attributes) RT_STYLE_##name,
#include "tui/screen/base/theme.def"
#undef RT_STYLE
    RT_STYLES
};

/* For a dark or a light ground, of 256 colours; the terminal's own colours, as its person has set them; no colours. */
enum rt_theme { RT_THEME_DARK, RT_THEME_LIGHT, RT_THEME_TERMINAL, RT_THEME_MONO, RT_THEMES };
extern const char *const rt_theme_names[RT_THEMES + 1]; /* up to a NULL */
/* -1 = there is none of this name. */
int rt_theme_find(const char *name);
/* What a terminal says of its ground (OSC 11: "rgb:ffff/ffff/ffff", of one to four digits each), or -1. */
int rt_theme_of_ground(const char *said);

enum rt_attribute { RT_BOLD = 1, RT_REVERSE = 2, RT_FAINT = 4, RT_UNDERLINE = 8 };

struct rt_look {
    int colour, ground;  /* -1 = the terminal's own */
    unsigned attributes; /* of enum rt_attribute; on a terminal without colour all there is */
};
/* colours: what the terminal has, 0 for none (also what NO_COLOR asks for); of fewer than 256 every theme with
 * colours is the terminal's. */
struct rt_look rt_theme_look(enum rt_style style, int colours, enum rt_theme theme);

#endif
