/* SPDX-License-Identifier: MIT
 * manifest_make: a manifest made from a source and written, with what is to be said of it; and the options that
 * every way of asking for one has. Main thread. */
#ifndef RT_MANIFEST_MAKE_H
#define RT_MANIFEST_MAKE_H

#include "tui/manifest/sources.h"
#include "tui/cli/options.h"

struct rt_made_shares {
    double share[3]; /* of train, valid, test */
    enum rt_made_splits splits;
    const char *column; /* of a table: that has them */
};

struct rt_made_request {
    struct rt_made_options o;
    struct rt_argument_list folders; /* of sources that take several */
    const char *output;
    struct rt_made_shares split;
    int64_t seed;
};

/* Reads, sorts, splits and writes; what was found goes to stderr: rows, splits, what was left out, near-equal labels.
 * RT_EUSAGE for what other options would cure, else RT_E... with file, line and value. */
int rt_made_manifest(struct rt_made_request *q, rt_made_source *source, struct rt_error *e);

rt_option_take rt_take_shares, rt_take_shares_or_column; /* field: a struct rt_made_shares */
rt_option_take rt_take_delimiter;                        /* field: a char */

/* Rows of options, of a struct rt_made_request that is the request or its first member. */
#define RT_MADE_OPTION_SPLIT(argument, take, more)                                                                    \
    {0, "split", argument, "shares of train, valid, test within each label, decided by a hash, so that the order of " \
     "rows does not matter; none: make none" more, RT_OPTION_OWN(struct rt_made_request, split, take),                \
     .otherwise = "70/10/20, where there are none"}
#define RT_MADE_OPTION_SPLIT_OR_COLUMN                                                                                \
    RT_MADE_OPTION_SPLIT("A/B/C|COL", rt_take_shares_or_column, "; or the column that has train, valid, test")
#define RT_MADE_OPTION_SEED                                                                                           \
    {0, "seed", "N", "another division into splits", RT_OPTION_WHOLE(struct rt_made_request, seed, 0, INT64_MAX),     \
     .initial = "0"}
#define RT_MADE_OPTION_ROLE(name, part, help)                                                                         \
    {0, name, "COL", help, RT_OPTION_TEXT(struct rt_made_request, o.role[part])}
#define RT_MADE_OPTIONS_ROLES                                                                                         \
    RT_MADE_OPTION_ROLE("id", RT_ROLE_ID, "the column with the unique name of each row"),                             \
    RT_MADE_OPTION_ROLE("label", RT_ROLE_LABEL, "the column with its class"),                                         \
    RT_MADE_OPTION_ROLE("group", RT_ROLE_GROUP, "the column with its group; rows of one group never cross splits"),   \
    RT_MADE_OPTION_ROLE("speech", RT_ROLE_SPEECH, "the column with the path of a recording"),                         \
    RT_MADE_OPTION_ROLE("image", RT_ROLE_IMAGE, "the column with the path of a picture"),                             \
    RT_MADE_OPTION_ROLE("text", RT_ROLE_TEXT, "the column with the text itself")
#define RT_MADE_OPTION_DELIMITER                                                                                      \
    {0, "delimiter", "C", "one character or tab", RT_OPTION_OWN(struct rt_made_request, o.delimiter,                  \
     rt_take_delimiter), .otherwise = "found from the first line: tab , or ;"}

#endif
