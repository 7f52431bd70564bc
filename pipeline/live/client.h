/* SPDX-License-Identifier: MIT
 * client: the other end of socket.h, for commands: blocking, one thread. */
#ifndef RT_CLIENT_H
#define RT_CLIENT_H

#include "formats/error.h"

#include <stdio.h>

#define RT_CLIENT_PATIENCE 10 /* seconds to wait for a reply */

struct rt_client; /* opaque */

/* RT_EMISSING: nobody listens in this folder. RT_EIO, RT_EMEM. */
int rt_client_open(struct rt_client **out, const char *folder, struct rt_error *e);
void rt_client_close(struct rt_client *c); /* NULL is fine */

/* Sends one request and reads its reply into *line (owned by the client, until the next call). What the
 * run refuses is RT_EUSAGE with the run's words. RT_ELARGE, RT_EIO, RT_EMEM. */
int rt_client_ask(struct rt_client *c, const char *who, const char *verb, char *const *arg, int args,
                  const char **line, struct rt_error *e);
/* The next line of a watched run, however long it takes; RT_ENODATA when the connection has ended. */
int rt_client_next(struct rt_client *c, const char **line, struct rt_error *e);
/* One value of a reply's result as text, "" when it has none of that name. 0 or RT_EMEM. */
int rt_client_value(const char *line, const char *name, char *text, size_t size);
/* A reply's result as "name: value" lines. 0, or RT_EMEM: what was printed is not all. */
int rt_client_print(const char *line, FILE *out);

#endif
