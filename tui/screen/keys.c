/* SPDX-License-Identifier: MIT
 * keys: see keys.h. */
#include "tui/screen/keys.h"

#include "tui/screen/screen.h"

const struct rt_key_row rt_key_rows[RT_ACTS - 1] = {
#define RT_KEYROW(where, act, key, other, shown, hint, help) \
    {RT_SCREEN_##where, RT_ACT_##act, {key, other}, shown, hint, help},
#include "tui/screen/keys.def"
#undef RT_KEYROW
};

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

void rt_keys_print(FILE *out)
{
    for (int s = RT_SCREEN_ALL; s < RT_SCREENS; s++) {
        bool any = false;
        for (int i = 0; i < RT_ACTS - 1; i++) {
            if ((int)rt_key_rows[i].where != s)
                continue;
            if (!any)
                fprintf(out, s == RT_SCREEN_ALL ? "Keys everywhere:\n" : "\nKeys in %s:\n",
                        rt_screens[s < 0 ? 0 : s]->title);
            any = true;
            fprintf(out, "  %-9s %s\n", rt_key_rows[i].shown, rt_key_rows[i].help);
        }
    }
}
