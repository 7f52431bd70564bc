/* SPDX-License-Identifier: MIT
 * message: the line in which a screen says what was done, or why not. */
#ifndef RT_MESSAGE_H
#define RT_MESSAGE_H

#include <stdbool.h>

/* Zeroed says nothing. */
struct rt_message {
    char text[400]; /* "" = nothing is said */
    bool failed;    /* it is of something that went wrong */
};

/* In place of what stood there; a longer one is cut. */
void rt_message_say(struct rt_message *m, bool failed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
