/* SPDX-License-Identifier: MIT
 * text_buckets: the buckets that a text's features fall into, for who wants to know of many texts nothing else. The
 * same features as the text modality's (text.c). One thread at a time. */
#ifndef RT_TEXT_BUCKETS_H
#define RT_TEXT_BUCKETS_H

#include "stages/modality/front.h"

#include <stddef.h>
#include <stdint.h>

struct rt_text_buckets {
    const struct rt_front *front;
    int32_t *count; /* [buckets] 0 between two texts */
    int32_t *word;  /* room for a text's code points */
    int32_t *met;   /* the buckets found, each once, in the order of the text; until the next one */
    size_t room;    /* bytes of a text that fit */
};

/* front is borrowed. RT_EMEM; fini is fine behind it. */
int rt_text_buckets_init(struct rt_text_buckets *t, const struct rt_front *front);
void rt_text_buckets_fini(struct rt_text_buckets *t);
/* How many t->met has of this text; RT_EFORMAT, RT_EEMPTY: a text that features would refuse; RT_EMEM. */
int64_t rt_text_buckets_find(struct rt_text_buckets *t, const char *text, size_t size);

#endif
