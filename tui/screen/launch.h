/* SPDX-License-Identifier: MIT
 * launch: other programs for what a terminal cannot show: a viewer of pictures, a player of recordings. They are
 * started beside the screen and never waited for. */
#ifndef RT_LAUNCH_H
#define RT_LAUNCH_H

#include "formats/error.h"

enum rt_launch { RT_LAUNCH_VIEWER, RT_LAUNCH_PLAYER, RT_LAUNCHES };

/* Starts the first program of its kind that there is, or the one in RETORT_VIEWER or RETORT_PLAYER (words between
 * blanks), with the file's path behind its own words, in a session of its own and with nothing to write to. name:
 * what was started. RT_EMISSING: there is none; RT_EIO. */
int rt_launch(enum rt_launch what, const char *path, const char **name, struct rt_error *e);

#endif
