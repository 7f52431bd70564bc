/* SPDX-License-Identifier: MIT
 * keys: see keys.h. */
#include "tui/keys.h"

const struct rt_key_row rt_key_rows[RT_ACTS - 1] = {
#define RT_KEYROW(where, act, key, other, shown, hint, help) \
    {RT_SCREEN_##where, RT_ACT_##act, {key, other}, shown, hint, help},
#include "tui/keys.def"
#undef RT_KEYROW
};

enum rt_act rt_keys_act(enum rt_screen_id screen, int key)
{
    for (int i = 0; key && i < RT_ACTS - 1; i++) {
        const struct rt_key_row *r = &rt_key_rows[i];
        if ((r->where == RT_SCREEN_ALL || r->where == screen) && (r->key[0] == key || r->key[1] == key))
            return r->act;
    }
    return RT_ACT_NONE;
}
