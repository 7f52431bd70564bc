/* SPDX-License-Identifier: MIT
 * journal_words: a row of the journal as people say it: a setting and its values, or what was done to which samples.
 * Stateless. */
#ifndef RT_JOURNAL_WORDS_H
#define RT_JOURNAL_WORDS_H

#include "tui/report/snapshot.h"

/* "distill.l2.margin  0.5 -> 0.4", "distill.l2.margin  back to 0.5, from 0.4", "muted 5 samples: 1F3F7, 1F926, ...",
 * "undone: restored 5 samples: ...". Ids are the model's samples', as far as they have been read; else rows. Returns
 * out. */
const char *rt_journal_words(const struct rt_snapshot *m, int number, char *out, size_t size);
/* What was asked, in the words of whoever did, "" when the row does not say. Points into the row. */
const char *rt_journal_asked(const struct rt_journal_row *j);

#endif
