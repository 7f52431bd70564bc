/* SPDX-License-Identifier: MIT
 * answers: what the run said, in the words of the message line. */
#ifndef RT_ANSWERS_H
#define RT_ANSWERS_H

#include "tui/screen/view.h"

/* An event that no screen took for itself. Returns what is to be drawn (enum rt_did). */
unsigned rt_answers_say(struct rt_view *view, const struct rt_steer_event *event);

#endif
