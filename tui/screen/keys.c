/* SPDX-License-Identifier: MIT
 * keys: see keys.h. */
#include "tui/screen/keys.h"

const char *const rt_screen_titles[RT_SCREENS] = {
#define RT_SCREEN(id, name, title, key, shown, hint, help) title,
#include "tui/screen/screens.def"
#undef RT_SCREEN
};

const struct rt_key_row rt_key_rows[RT_ACTS - 1] = {
#define RT_SCREEN(id, name, title, key, shown, hint, help) {RT_SCREEN_ALL, RT_ACT_##id, {key, 0}, shown, hint, help},
#include "tui/screen/screens.def"
#undef RT_SCREEN
#define RT_KEYROW(where, act, key, other, shown, hint, help) \
    {RT_SCREEN_##where, RT_ACT_##act, {key, other}, shown, hint, help},
#include "tui/screen/keys.def"
#undef RT_KEYROW
};

const struct rt_verb rt_verbs[RT_VERBS] = {
#define RT_VERB(name, argument, help) {#name, argument, help},
#include "tui/screen/verbs.def"
#undef RT_VERB
};

/* A row of the screen at hand goes before one of all screens, wherever they stand in the table: so a
 * screen can give a key that moves elsewhere a meaning of its own. */
enum rt_act rt_keys_act(enum rt_screen_id screen, int key)
{
    enum rt_act everywhere = RT_ACT_NONE;
    for (int i = 0; key && i < RT_ACTS - 1; i++) {
        const struct rt_key_row *r = &rt_key_rows[i];
        if (r->key[0] != key && r->key[1] != key)
            continue;
        if (r->where == screen)
            return r->act;
        if (r->where == RT_SCREEN_ALL)
            everywhere = r->act;
    }
    return everywhere;
}

enum rt_screen_id rt_keys_screen(enum rt_act act)
{
    return act > RT_ACT_NONE && (int)act <= RT_SCREENS ? (enum rt_screen_id)(act - 1) : RT_SCREEN_ALL;
}

enum rt_way rt_keys_way(enum rt_act act)
{
    switch (act) {
    case RT_ACT_UP: return RT_WAY_UP;
    case RT_ACT_DOWN: return RT_WAY_DOWN;
    case RT_ACT_PAGE_UP: return RT_WAY_PAGE_UP;
    case RT_ACT_PAGE_DOWN: return RT_WAY_PAGE_DOWN;
    case RT_ACT_HOME: return RT_WAY_HOME;
    case RT_ACT_END: return RT_WAY_END;
    default: return RT_WAY_NONE;
    }
}

void rt_keys_print(FILE *out)
{
    for (int s = RT_SCREEN_ALL; s < RT_SCREENS; s++) {
        bool any = false;
        for (int i = 0; i < RT_ACTS - 1; i++) {
            if ((int)rt_key_rows[i].where != s)
                continue;
            if (!any)
                fprintf(out, s == RT_SCREEN_ALL ? "Keys everywhere:\n" : "\nKeys in %s:\n",
                        rt_screen_titles[s < 0 ? 0 : s]);
            any = true;
            fprintf(out, "  %-9s %s\n", rt_key_rows[i].shown, rt_key_rows[i].help);
        }
    }
}
