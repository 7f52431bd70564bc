/* SPDX-License-Identifier: MIT
 * socket: DIR/socket, where a run is asked and steered (docs/protocol.md). Lives on a thread and a loop of
 * its own: the run never waits for it, whatever clients do. Mode 0600, peers of the same user only.
 * A client that sends too long a line or does not read is dropped; one that asks too much waits. All clients together
 * get one part in RT_SOCKET_SHARE of the time: of this thread, of the updates that wait for changes, rows written or
 * checkpoints asked for, and what it takes them to ask: some two hundred small requests a second. Who has been quiet
 * has a little credit; above that nothing is read, and all are answered later, in turn. */
#ifndef RT_SOCKET_H
#define RT_SOCKET_H

#include "pipeline/live/verbs.h"

#define RT_SOCKET_LINE 16384    /* bytes of a request with its end */
#define RT_SOCKET_CLIENTS 16    /* at one time; one more is told so and closed */
#define RT_SOCKET_BACKLOG 262144 /* bytes a client may leave unread */
#define RT_SOCKET_REQUESTS 100  /* of one client in RT_SOCKET_TICK */
#define RT_SOCKET_SHARE 50      /* clients get one part in this of the run's time */
#define RT_SOCKET_TICK 100      /* ms; also between reports to a watcher */

struct rt_socket; /* opaque */

/* Whoever calls has the run folder's lock, so a socket file found there is stale and is replaced.
 * The context is copied. RT_EIO, RT_EMEM, RT_EMISSING, RT_EFULL. */
int rt_socket_start(struct rt_socket **out, const char *folder,
                    const struct rt_verb_context *context, struct rt_error *e);
/* Closes every connection and removes the file. NULL is fine. */
void rt_socket_stop(struct rt_socket *s);

#endif
