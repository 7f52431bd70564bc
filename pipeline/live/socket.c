/* SPDX-License-Identifier: MIT
 * socket: see socket.h. All of it but start and stop runs on the socket's own thread. */
#include "pipeline/live/socket.h"
#include "pipeline/live/address.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define CREDIT_NS INT64_C(50000000) /* that a quiet time earns: what a person asks for is answered at once */
#define DEBT_NS INT64_C(200000000)  /* at most: what was dear holds others up for ten seconds, not for ever */
#define LINE_NS UINT64_C(100000)    /* what a line takes of the client that asked, and of those whom it wakes */

struct client {
    struct rt_socket *socket;
    uv_pipe_t pipe;
    struct client *next;
    int open, watching, reading;
    int left;        /* requests it may still make in this window */
    uint64_t window; /* ms, when that began */
    size_t used;
    char line[RT_SOCKET_LINE];
};

struct rt_socket {
    struct rt_verb_context context;
    int folder; /* descriptor */
    uv_thread_t thread;

    /* the socket's thread */
    uv_loop_t loop;
    uv_async_t stop;
    uv_timer_t tick;
    uv_pipe_t listener;
    struct client *client; /* list */
    int clients, ticking;
    int knocking; /* somebody waits to be let in */
    uint64_t reported;
    int was_paused;
    int64_t credit; /* ns that may be spent */
    uint64_t looked, used; /* ns: when the credit was reckoned, and what had been used then */
    uint64_t lines;        /* said to clients so far */
};

/* ---- time ----
 * What clients cost the run is time: of this thread, on a core that the run could use; of updates that wait for what
 * was asked (rt_control_spent); and of the clients themselves, who ask as fast as they are answered, on the same cores.
 * The first two are counted, the third is reckoned by the line, and all is held to a share, so that no number of
 * clients makes the run slow; nothing is refused for it, only answered later. The share is less than the twentieth that
 * is promised: who wakes takes more from the others than its own time. The credit is small, as all that a quiet time
 * earns may be spent in the next second. */

static uint64_t socket_used(const struct rt_socket *s)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + rt_control_spent(s->context.control) +
           s->lines * LINE_NS;
}

static int socket_has_time(struct rt_socket *s)
{
    uint64_t now = uv_hrtime(), used = socket_used(s);
    int64_t credit = s->credit + (int64_t)((now - s->looked) / RT_SOCKET_SHARE) - (int64_t)(used - s->used);
    s->credit = credit > CREDIT_NS ? CREDIT_NS : credit < -DEBT_NS ? -DEBT_NS : credit;
    s->looked = now;
    s->used = used;
    return s->credit > 0;
}

/* ---- one client ----
 * Nothing a client does may hold the run or another client up. Its line has a fixed length, its
 * requests a rate, and what it does not read piles up to a limit, after which it is dropped: it can
 * connect again, and a run cannot wait. A client over its rate is not refused but read no further
 * until the next tick, so a script that sends a thousand lines gets a thousand answers. */

static void client_on_closed(uv_handle_t *h)
{
    struct client *c = h->data, **at = &c->socket->client;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->socket->clients--;
    free(c);
}

static void client_drop(struct client *c)
{
    if (!c->open)
        return;
    c->open = c->watching = 0;
    uv_close((uv_handle_t *)&c->pipe, client_on_closed);
}

struct message {
    uv_write_t write;
    char *text;
};

static void client_on_written(uv_write_t *w, int status)
{
    struct message *m = w->data;
    struct client *c = w->handle->data;
    free(m->text);
    free(m);
    if (status < 0)
        client_drop(c);
}

/* Takes over text, one line without its end; NULL stands for no memory. A client whose own backlog is
 * full is dropped. */
static void client_say(struct client *c, char *text)
{
    size_t n = text ? strlen(text) : 0;
    struct message *m = text ? malloc(sizeof *m) : NULL;
    if (!m || uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) + n > RT_SOCKET_BACKLOG) {
        free(m);
        free(text);
        client_drop(c);
        return;
    }
    c->socket->lines++;
    text[n] = '\n'; /* in place of the NUL: lines are sent with their length */
    m->text = text;
    m->write.data = m;
    uv_buf_t buffer = uv_buf_init(text, (unsigned)n + 1);
    if (uv_write(&m->write, (uv_stream_t *)&c->pipe, &buffer, 1, client_on_written) != 0) {
        free(text);
        free(m);
        client_drop(c);
    }
}

static void socket_want_ticks(struct rt_socket *s);
static void client_read_on(struct client *c);

static int client_may_ask(struct client *c)
{
    uint64_t now = uv_now(&c->socket->loop);
    if (now - c->window >= RT_SOCKET_TICK) {
        c->window = now;
        c->left = RT_SOCKET_REQUESTS;
    }
    return c->left > 0;
}

/* Answers the whole lines at hand, as many as the client may ask now; their number. */
static int client_answer(struct client *c, int most)
{
    size_t at = 0;
    int answered = 0;
    char *end;
    while (c->open && answered < most && client_may_ask(c) && socket_has_time(c->socket) &&
           (end = memchr(c->line + at, '\n', c->used - at))) {
        size_t n = (size_t)(end - (c->line + at));
        c->left--;
        answered++;
        client_say(c, rt_verb_answer(&c->socket->context, c->line + at, n, &c->watching));
        at += n + 1;
    }
    if (!c->open)
        return answered;
    c->used -= at;
    memmove(c->line, c->line + at, c->used);
    int whole = memchr(c->line, '\n', c->used) != NULL;
    if (!whole && c->used == sizeof c->line) {
        client_say(c, strdup("{\"ok\":false,\"error\":\"a request of more than 16383 bytes\"}"));
        client_drop(c);
        return answered;
    }
    if (whole && c->reading) {
        uv_read_stop((uv_stream_t *)&c->pipe);
        c->reading = 0;
    } else if (!whole) {
        client_read_on(c);
    }
    if (whole || c->watching)
        socket_want_ticks(c->socket);
    return answered;
}

static void client_on_room(uv_handle_t *h, size_t wanted, uv_buf_t *buffer)
{
    struct client *c = h->data;
    (void)wanted;
    *buffer = uv_buf_init(c->line + c->used, (unsigned)(sizeof c->line - c->used));
}

static void client_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct client *c = stream->data;
    (void)buffer;
    if (n < 0) {
        client_drop(c);
        return;
    }
    c->used += (size_t)n;
    client_answer(c, RT_SOCKET_REQUESTS);
}

static void client_read_on(struct client *c)
{
    if (c->reading)
        return;
    c->reading = uv_read_start((uv_stream_t *)&c->pipe, client_on_room, client_on_read) == 0;
    if (!c->reading)
        client_drop(c);
}

/* ---- all of them ----
 * One timer serves all that happens later: reports to those who watch, and requests that were put
 * off. It runs only while somebody needs it. Reports are made from the last status there is, at
 * most ten a second: who watches a fast run sees every tenth step instead of falling behind. */

static void socket_report(struct rt_socket *s)
{
    struct rt_status now;
    int paused = rt_control_paused(s->context.control);
    rt_board_get(s->context.board, &now);
    if ((now.number == s->reported && paused == s->was_paused) || !socket_has_time(s))
        return;
    s->reported = now.number;
    s->was_paused = paused;
    for (struct client *c = s->client; c; c = c->next) /* closing is done later, not now */
        if (c->open && c->watching)
            client_say(c, rt_verb_report(&s->context, &now));
}

/* One request of each in turn, so that one who asks for much holds nobody else up. */
static void socket_answer_waiting(struct rt_socket *s)
{
    int answered;
    do {
        answered = 0;
        for (struct client *c = s->client; c; c = c->next)
            if (c->open && !c->reading)
                answered += client_answer(c, 1);
    } while (answered);
}

static void socket_let_in(struct rt_socket *s);

static void socket_on_tick(uv_timer_t *timer)
{
    struct rt_socket *s = timer->data;
    socket_report(s);
    socket_answer_waiting(s);
    if (s->knocking && socket_has_time(s))
        socket_let_in(s);
    int needed = s->knocking;
    for (struct client *c = s->client; c; c = c->next)
        needed |= c->open && (c->watching || !c->reading);
    if (!needed) {
        uv_timer_stop(&s->tick);
        s->ticking = 0;
    }
}

static void socket_want_ticks(struct rt_socket *s)
{
    if (!s->ticking)
        uv_timer_start(&s->tick, socket_on_tick, RT_SOCKET_TICK, RT_SOCKET_TICK);
    s->ticking = 1;
}

static int client_same_user(const struct client *c)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *)&c->pipe, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

/* Without memory, or time, the connection waits where it is: libuv looks at the listener again when it was taken. */
static void socket_let_in(struct rt_socket *s)
{
    struct client *c = calloc(1, sizeof *c);
    s->knocking = !c;
    if (!c)
        return;
    c->socket = s;
    uv_pipe_init(&s->loop, &c->pipe, 0);
    c->pipe.data = c;
    c->open = 1;
    c->next = s->client;
    s->client = c;
    s->clients++;
    if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->pipe) != 0 || !client_same_user(c)) {
        client_drop(c);
    } else if (s->clients > RT_SOCKET_CLIENTS) {
        client_say(c, strdup("{\"ok\":false,\"error\":\"too many connections\"}"));
        client_drop(c);
    } else {
        client_read_on(c);
    }
}

static void socket_on_connection(uv_stream_t *listener, int status)
{
    struct rt_socket *s = listener->data;
    if (status < 0)
        return;
    s->knocking = 1;
    if (socket_has_time(s))
        socket_let_in(s);
    if (s->knocking)
        socket_want_ticks(s);
}

static void socket_on_stop(uv_async_t *async)
{
    struct rt_socket *s = async->data;
    uv_close((uv_handle_t *)&s->stop, NULL);
    uv_close((uv_handle_t *)&s->tick, NULL);
    uv_close((uv_handle_t *)&s->listener, NULL);
    for (struct client *c = s->client; c; c = c->next)
        client_drop(c);
}

static void socket_serve(void *self)
{
    struct rt_socket *s = self;
    sigset_t all; /* signals are the run's; a write to a connection that is gone is an error, not a signal */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_setname_np(pthread_self(), "socket"); /* who looks for what clients cost finds it by name */
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

/* ---- start and stop ----
 * The socket has a thread and a loop of its own: the run's loop thread moves batches, and a filter
 * over a million samples may take a while to answer. Stopping is the one message from outside
 * (uv_async); the thread is joined, so nothing is answered from a run that is gone. */

/* The mode is set before the file exists, so that there is no moment when others may connect. */
static int socket_bind(struct rt_socket *s, const char *folder, int *fd, struct rt_error *e)
{
    struct sockaddr_un address;
    struct stat st;
    int rc = rt_address_open(folder, &address, &s->folder, e);
    if (rc < 0)
        return rc;
    if (fstatat(s->folder, RT_SOCKET_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
        unlinkat(s->folder, RT_SOCKET_NAME, 0);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || fchmod(*fd, 0600) != 0 ||
        bind(*fd, (struct sockaddr *)&address, sizeof address) != 0)
        return rt_error_errno(e, "cannot make the socket in", folder);
    return 0;
}

/* Handles that were made are closed, and the loop with them. */
static void socket_close_loop(struct rt_socket *s)
{
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

/* Listens on *fd, which is then the listener's (-1 here), with a thread to serve; 0 or libuv's
 * code. */
static int socket_listen(struct rt_socket *s, int *fd)
{
    RT_TRY(uv_pipe_open(&s->listener, *fd));
    *fd = -1;
    RT_TRY(uv_listen((uv_stream_t *)&s->listener, RT_SOCKET_CLIENTS, socket_on_connection));
    return uv_thread_create(&s->thread, socket_serve, s);
}

int rt_socket_start(struct rt_socket **out, const char *folder,
                    const struct rt_verb_context *context, struct rt_error *e)
{
    struct rt_socket *s = calloc(1, sizeof *s);
    int fd = -1, rc;
    *out = NULL;
    if (!s || uv_loop_init(&s->loop) != 0) {
        free(s);
        return rt_error_set(e, RT_EMEM, "%s: no memory for the socket", folder);
    }
    s->context = *context;
    s->folder = -1;
    s->credit = CREDIT_NS;
    s->looked = uv_hrtime();
    uv_async_init(&s->loop, &s->stop, socket_on_stop);
    uv_timer_init(&s->loop, &s->tick);
    uv_pipe_init(&s->loop, &s->listener, 0);
    s->stop.data = s->tick.data = s->listener.data = s;
    rc = socket_bind(s, folder, &fd, e);
    if (rc < 0)
        goto fail;
    rc = socket_listen(s, &fd);
    if (rc == 0) {
        *out = s;
        return 0;
    }
    rc = rt_error_set(e, RT_EIO, "%s: cannot listen: %s", folder, uv_strerror(rc));
fail:
    if (fd >= 0)
        close(fd);
    socket_on_stop(&s->stop);
    socket_close_loop(s);
    if (s->folder >= 0)
        close(s->folder);
    free(s);
    return rc;
}

void rt_socket_stop(struct rt_socket *s)
{
    if (!s)
        return;
    unlinkat(s->folder, RT_SOCKET_NAME, 0);
    uv_async_send(&s->stop);
    uv_thread_join(&s->thread);
    uv_loop_close(&s->loop);
    close(s->folder);
    free(s);
}
