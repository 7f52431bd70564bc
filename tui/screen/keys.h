/* SPDX-License-Identifier: MIT
 * keys: screens.def, keys.def and verbs.def as tables: which screens there are, what a key asks for on
 * each, what can be typed, and the words about all of it. Knows no screen's code. */
#ifndef RT_KEYS_H
#define RT_KEYS_H

#include "tui/screen/base/event.h"
#include "tui/screen/base/list.h"

#include <stdio.h>

enum rt_screen_id {
    RT_SCREEN_ALL = -1,
#define RT_SCREEN(id, name, title, key, shown, hint, help) RT_SCREEN_##id,
#include "tui/screen/screens.def"
#undef RT_SCREEN
    RT_SCREENS
};
extern const char *const rt_screen_titles[RT_SCREENS];

/* The first RT_SCREENS after NONE lead to a screen, in the order of the screens. */
enum rt_act {
    RT_ACT_NONE,
#define RT_SCREEN(id, name, title, key, shown, hint, help) RT_ACT_##id,
#include "tui/screen/screens.def"
#undef RT_SCREEN
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
/* The screen that the act leads to; RT_SCREEN_ALL when it leads to none. */
enum rt_screen_id rt_keys_screen(enum rt_act act);
/* The way that it moves the cursor of a list; RT_WAY_NONE for others. */
enum rt_way rt_keys_way(enum rt_act act);
/* The whole table as text: `retort attach --help`. */
void rt_keys_print(FILE *out);

enum {
#define RT_VERB(name, argument, help) RT_VERB_##name,
#include "tui/screen/verbs.def"
#undef RT_VERB
    RT_VERBS
};
struct rt_verb {
    const char *name, *argument, *help;
};
extern const struct rt_verb rt_verbs[RT_VERBS];

#endif
