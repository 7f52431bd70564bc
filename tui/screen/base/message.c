/* SPDX-License-Identifier: MIT
 * message: see message.h. */
#include "tui/screen/base/message.h"

#include <stdarg.h>
#include <stdio.h>

void rt_message_say(struct rt_message *m, bool failed, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(m->text, sizeof m->text, format, list);
    va_end(list);
    m->failed = failed;
}
