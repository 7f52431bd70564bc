/* SPDX-License-Identifier: MIT
 * jsonl: a line of a table of recordings as speech toolkits keep it: NeMo's manifest (audio_filepath, offset, duration,
 * text), lhotse's cuts (start, duration, channel, recording.sources, supervisions). Any other string, number or truth
 * value at the top is a field by its name. */
#ifndef RT_JSONL_H
#define RT_JSONL_H

#include "formats/error.h"
#include <stdbool.h>
#include <stddef.h>

#define RT_JSONL_FIELDS 48

struct rt_jsonl_row {
    void *json; /* holds all texts below */
    const char *id;   /* NULL: the line has none */
    const char *path; /* of the recording */
    bool timed;
    double start, end;
    int channel; /* -1 = it does not say */
    const char *text, *speaker; /* NULL: none */
    struct rt_jsonl_field {
        const char *name, *text; /* text NULL: a number or truth value, in `number` */
        char number[32];
    } field[RT_JSONL_FIELDS];
    int fields;
};

/* line [size]: one line without its end. name, number: of the file and the line, for messages. RT_EFORMAT with
 * FILE:LINE, RT_ELARGE (fields), RT_EMEM; *r is then empty. */
int rt_jsonl_read(struct rt_jsonl_row *r, const char *line, size_t size, const char *name, int number,
                  struct rt_error *e);
void rt_jsonl_fini(struct rt_jsonl_row *r);
/* The field as text; NULL when there is none of the name. */
const char *rt_jsonl_field(const struct rt_jsonl_row *r, const char *name);

#endif
