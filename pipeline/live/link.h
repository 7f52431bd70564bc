/* SPDX-License-Identifier: MIT
 * link: the other end of socket.h for a screen: nothing here ever waits. Once told of a folder it
 * connects whenever a run listens there, and again when another one does. What the run says comes line
 * by line to one function. One thread. */
#ifndef RT_LINK_H
#define RT_LINK_H

#include "formats/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rt_link; /* opaque */

/* A line from the run, valid while it is told. */
struct rt_link_line {
    int64_t id;        /* of the request it answers; 0 = news of a watched run */
    bool ok;
    const char *error; /* the run's words when not ok */
    const void *said;  /* for the readers below */
};
typedef void (*rt_link_told)(void *self, const struct rt_link_line *line);

/* Does not connect yet. RT_EMEM. */
int rt_link_open(struct rt_link **out, const char *folder, rt_link_told told, void *self);
void rt_link_close(struct rt_link *l); /* NULL is fine */

/* Connects if it can (tried at most once a second), sends what waits, tells what came. now: seconds of
 * any clock that only rises. 1 when the connection came or went, else 0. Requests without an
 * answer are forgotten when it goes. */
int rt_link_poll(struct rt_link *l, double now);
bool rt_link_up(const struct rt_link *l);
/* For poll(2): readable when there is something to tell; -1 while not connected. */
int rt_link_fd(const struct rt_link *l);
/* Puts a request (docs/protocol.md) behind those that wait: its id, > 0. RT_EMISSING: not connected.
 * RT_EUSAGE: an argument is not UTF-8. RT_ELARGE: the run has not taken earlier ones. */
int64_t rt_link_ask(struct rt_link *l, const char *who, const char *verb, const char *const *arg, int args);

/* A field of the line as text, cut to size; false when it has none of this name. */
bool rt_link_text(const struct rt_link_line *line, const char *name, char *out, size_t size);
double rt_link_number(const struct rt_link_line *line, const char *name); /* NaN: none */
/* A field that is a list, its members as text between `between`; cut to size. */
bool rt_link_join(const struct rt_link_line *line, const char *name, const char *between, char *out, size_t size);
/* Calls each for every member of a field that is a list of objects: a line with the member's fields. */
void rt_link_items(const struct rt_link_line *line, const char *name,
                   void (*each)(void *self, const struct rt_link_line *item), void *self);
/* Calls each for every field, as texts. */
void rt_link_fields(const struct rt_link_line *line,
                    void (*each)(void *self, const char *name, const char *value), void *self);

#endif
