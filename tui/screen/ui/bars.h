/* SPDX-License-Identifier: MIT
 * bars: the lines above and below every screen: where the run is, the screens' names; what is typed, what
 * was said, or which keys there are. */
#ifndef RT_BARS_H
#define RT_BARS_H

#include "tui/screen/ui/ui.h"

/* r: up to 2 lines. Keeps the places of the names in ui->tab. */
void rt_bars_header(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r);
/* r: a line. Keeps the places of the hints in ui->hint. */
void rt_bars_footer(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r);
/* What the word being typed may become, on the line r; keeps the places in ui->choice. */
void rt_bars_choices(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r);

#endif
