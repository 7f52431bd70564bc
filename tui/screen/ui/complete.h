/* SPDX-License-Identifier: MIT
 * complete: what Tab may make of the line that is being typed. */
#ifndef RT_COMPLETE_H
#define RT_COMPLETE_H

#include "tui/screen/view.h"

/* What the word before byte `at` of a line of this prompt (':', '/' or, for a value, '=') may become. */
void rt_complete(const struct rt_view *view, char kind, const char *line, int at, struct rt_choices *out);

#endif
