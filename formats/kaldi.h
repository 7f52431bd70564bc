/* SPDX-License-Identifier: MIT
 * kaldi: the tables of a Kaldi data directory: lines of a key, blanks, and the rest of the line. UTF-8, LF or CRLF,
 * each key once; empty lines are passed over. wav.scp: recording -> path or command; segments: utterance -> recording
 * start end; utt2spk and text: utterance -> speaker, words. */
#ifndef RT_KALDI_H
#define RT_KALDI_H

#include "formats/error.h"
#include <stdbool.h>
#include <stddef.h>

struct rt_kaldi_line {
    const char *key, *value; /* NUL-terminated, in the table's bytes; value "" when there is none */
    int number;              /* of the line in the file */
};

struct rt_kaldi {
    const char *name; /* of the file, for messages; borrowed */
    char *bytes;
    struct rt_kaldi_line *line; /* [count] as in the file */
    size_t count;
    size_t *sorted; /* [count] by key */
};

/* bytes [size] with room for a NUL behind them, malloc'ed, taken in any case. RT_EFORMAT with FILE:LINE, RT_ENODATA (no
 * line), RT_EMEM; then *k is empty. */
int rt_kaldi_init(struct rt_kaldi *k, char *bytes, size_t size, const char *name, struct rt_error *e);
void rt_kaldi_fini(struct rt_kaldi *k);
/* The line of a key, or -1. O(log n). */
long rt_kaldi_find(const struct rt_kaldi *k, const char *key);

struct rt_kaldi_segment {
    const char *recording; /* in the table */
    double start, end;     /* seconds; end < 0 = to the recording's end */
};
/* What line `at` of a table `segments` says; cuts it in place, so once for each. RT_EFORMAT with FILE:LINE. */
int rt_kaldi_segment(struct rt_kaldi *k, size_t at, struct rt_kaldi_segment *s, struct rt_error *e);

/* Whether a value of wav.scp is a command, as "sph2pipe -f wav x.sph |". */
bool rt_kaldi_is_command(const char *value);
/* The command without its last "|", where all that it runs is one program after another, each by one of the names
 * [count], and nothing else that a shell would obey; NULL when it is not so, and *culprit says in words why (into
 * text). */
const char *rt_kaldi_command(const char *value, const char *const *allowed, int count, char *text, size_t size);

#endif
