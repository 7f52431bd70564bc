/* SPDX-License-Identifier: MIT
 * runs_card: see runs_card.h. */
#include "tui/screen/screens/runs_card.h"

#include <string.h>

#define AGAIN 1.0 /* seconds between two readings */
#define TITLE 10  /* columns */

bool rt_runs_card_follow(struct rt_runs_card *v, const char *folder, double now)
{
    bool same = strcmp(v->folder, folder) == 0;
    if (same && (!*folder || now - v->read < AGAIN))
        return false;
    snprintf(v->folder, sizeof v->folder, "%s", folder);
    v->read = now;
    v->card.lines = 0;
    if (*folder)
        rt_run_card_read(&v->card, folder);
    return true;
}

int rt_runs_card_draw(const struct rt_runs_card *v, struct rt_canvas *c, struct rt_rect r)
{
    for (int i = 0; i < v->card.lines && r.h > 0; i++) {
        const struct rt_card_line *line = &v->card.line[i];
        struct rt_rect text = {r.x + TITLE, r.y, r.w - TITLE, r.h};
        rt_canvas_text(c, r.x, r.y, TITLE - 1 < r.w ? TITLE - 1 : r.w, RT_STYLE_DIM, line->title);
        int used = rt_canvas_wrap(c, text, i == 0 ? RT_STYLE_TITLE : line->command ? RT_STYLE_KEY : RT_STYLE_PLAIN,
                                  line->text);
        rt_layout_top(&r, used > 1 ? used : 1);
    }
    return r.h;
}
