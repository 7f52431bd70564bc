/* SPDX-License-Identifier: MIT
 * extent: which part of its file a sample is: seconds of a long recording, one of its channels, a box of a picture.
 * As the manifest's columns say it (manifest.h); the decoders cut it out. Nothing is opened here. */
#ifndef RT_EXTENT_H
#define RT_EXTENT_H

#include <stdbool.h>
#include <stddef.h>

#define RT_EXTENT_SECONDS_MAX 1e7 /* a start or end beyond that is refused */
#define RT_EXTENT_CHANNELS_MAX 16
/* Ends are rounded to hundredths in most tables: so much beyond a recording's end is its end. */
#define RT_EXTENT_SLACK 0.01

struct rt_extent {
    bool timed;        /* start and end count */
    double start, end; /* seconds; end INFINITY = to the end of the recording */
    int channel;       /* 1 + the channel that is read, which counts from 0; 0 = as without */
    bool boxed;
    double box[4]; /* x, y, width, height from the upper left corner of the picture as it is seen: pixels, or where all
                    * are 1 or less fractions of its width and height */
};

enum rt_extent_column { RT_EXTENT_START, RT_EXTENT_END, RT_EXTENT_CHANNEL, RT_EXTENT_BOX, RT_EXTENT_COLUMNS };
extern const char *const rt_extent_names[RT_EXTENT_COLUMNS + 1];

/* Reads the cell of a column into *x, which is cleared at first; an empty cell says nothing. NULL, or what is wrong
 * with the value, to stand behind it. START comes before END, which is compared with it. */
const char *rt_extent_read(struct rt_extent *x, enum rt_extent_column column, const char *cell);

bool rt_extent_is_whole(const struct rt_extent *x);
/* " (12.5 to 14.25 s, channel 1)" for messages; "" where it is the whole. Returns text. */
const char *rt_extent_words(const struct rt_extent *x, char *text, size_t size);
#define RT_EXTENT_WORDS 160

#endif
