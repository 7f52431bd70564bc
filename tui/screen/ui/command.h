/* SPDX-License-Identifier: MIT
 * command: a line typed after `:`: a verb of the screen (verbs.def) or of the run (pipeline/live/verbs.def),
 * and what Tab may make of it. */
#ifndef RT_COMMAND_H
#define RT_COMMAND_H

#include "tui/screen/ui/ui.h"

/* Does it; what cannot be done says why in the footer. */
unsigned rt_command_run(struct rt_ui *ui, const char *line);
/* What the word before byte `at` of a line of this prompt (':', '/' or, for a value, '=') may become. */
void rt_command_complete(const struct rt_view *view, char kind, const char *line, int at, struct rt_choices *out);

#endif
