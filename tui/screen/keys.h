/* SPDX-License-Identifier: MIT
 * keys: keys.def as a table: what a key asks for on a screen, and the words about it. */
#ifndef RT_KEYS_H
#define RT_KEYS_H

#include "tui/screen/ui/terminal.h"

#include <stdio.h>

enum rt_screen_id {
    RT_SCREEN_ALL = -1,
#define RT_SCREEN(id, name) RT_SCREEN_##id,
#include "tui/screen/screens.def"
#undef RT_SCREEN
    RT_SCREENS
};

enum rt_act {
    RT_ACT_NONE,
#define RT_KEYROW(where, act, key, other, shown, hint, help) RT_ACT_##act,
#include "tui/screen/keys.def"
#undef RT_KEYROW
    RT_ACTS
};

struct rt_key_row {
    enum rt_screen_id where;
    enum rt_act act;
    int key[2];
    const char *shown, *hint, *help;
};
extern const struct rt_key_row rt_key_rows[RT_ACTS - 1];

/* What the key means on this screen, else everywhere; RT_ACT_NONE when nothing. */
enum rt_act rt_keys_act(enum rt_screen_id screen, int key);
/* The whole table as text: `retort attach --help`. */
void rt_keys_print(FILE *out);

#endif
