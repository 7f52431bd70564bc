/* SPDX-License-Identifier: MIT
 * extent: see extent.h. Pure functions, any thread. */
#include "formats/extent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const rt_extent_names[RT_EXTENT_COLUMNS + 1] = {"start", "end", "channel", "box", NULL};

/* ---- cells ----
 * Checked for every row when the manifest is read, before anything runs: a table whose columns mean something else
 * would otherwise give other samples without a word. */

/* The number that text begins with, and what stands behind it; false: there is none, or it is not finite. */
static bool number_read(const char *text, double *value, const char **behind)
{
    char *end;
    *value = strtod(text, &end);
    *behind = end;
    return end != text && isfinite(*value);
}

static const char *seconds_read(const char *cell, double *value)
{
    const char *behind;
    if (!number_read(cell, value, &behind) || *behind)
        return "is no time: write seconds, as 12.5, or call the column otherwise";
    if (*value < 0 || *value > RT_EXTENT_SECONDS_MAX)
        return "is no time in a recording: write seconds from its beginning, 0 or more";
    return NULL;
}

static const char *end_read(struct rt_extent *x, const char *cell)
{
    const char *wrong = seconds_read(cell, &x->end);
    if (wrong)
        return wrong;
    return x->end > x->start ? NULL : "is not after the start: end is a time in the recording, not a length";
}

static const char *channel_read(struct rt_extent *x, const char *cell)
{
    char *end;
    long v = strtol(cell, &end, 10);
    if (end == cell || *end || v < 0 || v >= RT_EXTENT_CHANNELS_MAX)
        return "is no channel: write 0 for the first, 1 for the second, up to 15";
    x->channel = 1 + (int)v;
    return NULL;
}

static const char *box_read(struct rt_extent *x, const char *cell)
{
    static const char form[] =
        "is no box: write x,y,width,height from the upper left corner, in pixels or all from 0 to 1";
    for (int i = 0; i < 4; i++) {
        const char *behind;
        if (!number_read(cell, &x->box[i], &behind) || *behind != (i < 3 ? ',' : '\0'))
            return form;
        cell = behind + 1;
    }
    if (x->box[0] < 0 || x->box[1] < 0)
        return "begins outside the picture: x and y are 0 or more";
    if (x->box[2] <= 0 || x->box[3] <= 0)
        return "is empty: width and height must be more than 0";
    x->boxed = true;
    return NULL;
}

const char *rt_extent_read(struct rt_extent *x, enum rt_extent_column column, const char *cell)
{
    if (!*cell)
        return NULL;
    if (column == RT_EXTENT_CHANNEL)
        return channel_read(x, cell);
    if (column == RT_EXTENT_BOX)
        return box_read(x, cell);
    if (!x->timed)
        x->end = INFINITY;
    x->timed = true;
    return column == RT_EXTENT_START ? seconds_read(cell, &x->start) : end_read(x, cell);
}

/* ---- looking ---- */

bool rt_extent_is_whole(const struct rt_extent *x)
{
    return !x->timed && !x->channel && !x->boxed;
}

const char *rt_extent_words(const struct rt_extent *x, char *text, size_t size)
{
    char part[RT_EXTENT_WORDS];
    size_t at = 0;
    text[0] = '\0';
    if (x->timed) {
        snprintf(part, sizeof part, isfinite(x->end) ? "%.7g to %.7g s" : "%.7g s to its end", x->start, x->end);
        at += (size_t)snprintf(text + at, size - at, " (%s", part);
    }
    if (x->channel && at < size)
        at += (size_t)snprintf(text + at, size - at, "%schannel %d", at ? ", " : " (", x->channel - 1);
    if (x->boxed && at < size)
        at += (size_t)snprintf(text + at, size - at, "%sbox %.6g,%.6g,%.6g,%.6g", at ? ", " : " (", x->box[0],
                               x->box[1], x->box[2], x->box[3]);
    if (at && at < size)
        snprintf(text + at, size - at, ")");
    return text;
}
