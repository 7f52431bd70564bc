/* SPDX-License-Identifier: MIT
 * command: a line typed after `:` is done: a verb of the screen (verbs.def) or of the run (pipeline/live/verbs.def). */
#ifndef RT_COMMAND_H
#define RT_COMMAND_H

#include "tui/screen/ui/ui.h"

/* Does it; what cannot be done says why in the footer. Returns what was done (enum rt_did). */
unsigned rt_command_run(struct rt_ui *ui, const char *line);

#endif
