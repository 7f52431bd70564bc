/* SPDX-License-Identifier: MIT
 * session_parts: what session's own files share: session.c (opening, passes) and session_texts.c. Main thread. */
#ifndef RT_SESSION_PARTS_H
#define RT_SESSION_PARTS_H

#include "stages/session/session.h"

/* Of a scoring pass over rows [first, behind) what texts are: keys, measures into s->scores, reason[] and left. With
 * run.strict the first bad text is the error, and *last its row; else the last row. tokens: they are read by s->tokens
 * alone. tell: progress is told of. RT_EMEM. */
int rt_session_score_texts(struct rt_session *s, bool tokens, int first, int behind, bool tell, int *last,
                           struct rt_error *e);

#endif
