/* SPDX-License-Identifier: MIT
 * link: see link.h. */
#include "pipeline/live/link.h"
#include "formats/jsonread.h"
#include "pipeline/live/address.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX (1 << 20)  /* no line is longer */
#define OUT_MAX (1 << 18) /* requests that may wait */
#define AGAIN 1.0         /* seconds between two attempts to connect */

struct buffer {
    char *at; /* [room], owned */
    size_t used, room;
};

struct rt_link {
    char folder[4096];
    rt_link_told told;
    void *self;
    int fd; /* -1 = not connected */
    double tried;
    int64_t last; /* id given */
    struct buffer in, out;
};

/* ---- a connection that never waits ----
 * The screen draws ten times a second whatever the run does. So reading, writing and connecting all
 * return at once, requests wait in a bounded buffer, and a run that is not there is tried again
 * once a second. A broken connection only empties the buffers: the next poll dials again. */

int rt_link_open(struct rt_link **out, const char *folder, rt_link_told told, void *self)
{
    struct rt_link *l = *out = calloc(1, sizeof *l);
    if (!l)
        return RT_EMEM;
    snprintf(l->folder, sizeof l->folder, "%s", folder);
    l->told = told;
    l->self = self;
    l->fd = -1;
    l->tried = -INFINITY;
    return 0;
}

static void link_hang_up(struct rt_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->in.used = l->out.used = 0;
}

void rt_link_close(struct rt_link *l)
{
    if (!l)
        return;
    link_hang_up(l);
    free(l->in.at);
    free(l->out.at);
    free(l);
}

bool rt_link_up(const struct rt_link *l)
{
    return l && l->fd >= 0;
}

int rt_link_fd(const struct rt_link *l)
{
    return l ? l->fd : -1;
}

/* ---- bytes that wait ----
 * What is taken is moved out from the front. A ring would spare the copy, but lines must lie in one
 * piece to be parsed, and they are short. */

static bool buffer_make_room(struct buffer *t, size_t more, size_t limit)
{
    if (more > limit - t->used)
        return false;
    if (t->used + more > t->room) {
        size_t room = 2 * (t->used + more);
        char *grown = realloc(t->at, room);
        if (!grown)
            return false;
        t->at = grown;
        t->room = room;
    }
    return true;
}

static void buffer_take(struct buffer *t, size_t size)
{
    t->used -= size;
    memmove(t->at, t->at + size, t->used);
}

/* A Unix socket connects at once or not at all. */
static void link_dial(struct rt_link *l, double now)
{
    struct sockaddr_un address;
    int folder_fd;
    if (now - l->tried < AGAIN)
        return;
    l->tried = now;
    if (rt_address_open(l->folder, &address, &folder_fd, NULL) < 0)
        return;
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd >= 0 && connect(l->fd, (struct sockaddr *)&address, sizeof address) != 0)
        link_hang_up(l);
    close(folder_fd);
}

/* Whether a call on the socket failed for good. */
static bool link_is_broken(ssize_t n)
{
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* ---- lines out and in ----
 * A line that comes in has one of three shapes: an answer, an error, an event. All are given as one
 * struct, with the id that rt_link_ask returned, so that whoever asked finds its answer. */

static void link_send_waiting(struct rt_link *l)
{
    while (l->fd >= 0 && l->out.used > 0) {
        ssize_t n = send(l->fd, l->out.at, l->out.used, MSG_NOSIGNAL);
        if (n > 0)
            buffer_take(&l->out, (size_t)n);
        else if (link_is_broken(n))
            link_hang_up(l);
        else
            return;
    }
}

static void link_tell(struct rt_link *l, const char *text, size_t size)
{
    json_t *reply;
    rt_json_read(&reply, text, size, 0, NULL);
    json_t *result = json_object_get(reply, "result");
    struct rt_link_line line = {
        .id = json_integer_value(json_object_get(reply, "id")),
        .ok = result != NULL || json_object_get(reply, "event"),
        .error = json_string_value(json_object_get(reply, "error")),
        .said = result ? result : reply,
    };
    if (!line.ok && !line.error)
        line.error = "the reply is not understood";
    if (reply)
        l->told(l->self, &line);
    json_decref(reply);
}

static void link_hear(struct rt_link *l)
{
    while (l->fd >= 0) {
        char *end;
        if (!buffer_make_room(&l->in, 4096, IN_MAX)) {
            link_hang_up(l);
            return;
        }
        ssize_t n = recv(l->fd, l->in.at + l->in.used, l->in.room - l->in.used, 0);
        if (n <= 0) {
            if (link_is_broken(n))
                link_hang_up(l);
            return;
        }
        l->in.used += (size_t)n;
        while (l->in.used && (end = memchr(l->in.at, '\n', l->in.used))) {
            link_tell(l, l->in.at, (size_t)(end - l->in.at));
            buffer_take(&l->in, (size_t)(end - l->in.at) + 1);
        }
    }
}

int rt_link_poll(struct rt_link *l, double now)
{
    bool before = rt_link_up(l);
    if (l->fd < 0)
        link_dial(l, now);
    link_hear(l);
    link_send_waiting(l);
    return before != rt_link_up(l);
}

int64_t rt_link_ask(struct rt_link *l, const char *who, const char *verb, const char *const *arg, int args)
{
    if (!rt_link_up(l))
        return RT_EMISSING;
    json_t *list = json_array();
    int failed = !list;
    for (int i = 0; i < args; i++)
        failed |= json_array_append_new(list, json_string(arg[i])) != 0;
    json_t *request = json_pack("{s:I, s:s, s:o, s:s}", "id", (json_int_t)(l->last + 1), "verb", verb, "args",
                                list, "who", who);
    char *text = failed ? NULL : rt_json_write(request, JSON_COMPACT);
    json_decref(request);
    if (!text)
        return RT_EUSAGE;
    size_t size = strlen(text);
    bool room = buffer_make_room(&l->out, size + 1, OUT_MAX);
    if (room) {
        memcpy(l->out.at + l->out.used, text, size);
        l->out.at[l->out.used + size] = '\n';
        l->out.used += size + 1;
    }
    free(text);
    return room ? ++l->last : RT_ELARGE;
}

/* ---- what a line says ----
 * Callers name a field and get text or a number; they see no JSON, and what is absent or of another
 * kind is simply not there. So jansson stays in this folder. */

static char *field_text(const json_t *value)
{
    return json_is_string(value) ? strdup(json_string_value(value))
                                 : rt_json_write(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6) | JSON_COMPACT);
}

bool rt_link_text(const struct rt_link_line *line, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(line->said, name);
    char *text = value ? field_text(value) : NULL;
    if (text)
        snprintf(out, size, "%s", text);
    free(text);
    return text != NULL;
}

double rt_link_number(const struct rt_link_line *line, const char *name)
{
    const json_t *value = json_object_get(line->said, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

bool rt_link_join(const struct rt_link_line *line, const char *name, const char *between, char *out, size_t size)
{
    const json_t *list = json_object_get(line->said, name);
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && used < size; i++) {
        char *text = field_text(json_array_get(list, i));
        int n = snprintf(out + used, size - used, "%s%s", i ? between : "", text ? text : "");
        used += n > 0 ? (size_t)n : 0;
        free(text);
    }
    return list != NULL;
}

void rt_link_items(const struct rt_link_line *line, const char *name,
                   void (*each)(void *self, const struct rt_link_line *item), void *self)
{
    const json_t *list = json_object_get(line->said, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct rt_link_line item = {.id = line->id, .ok = line->ok, .said = json_array_get(list, i)};
        each(self, &item);
    }
}

void rt_link_fields(const struct rt_link_line *line,
                    void (*each)(void *self, const char *name, const char *value), void *self)
{
    json_t *all = (json_t *)line->said, *value;
    const char *name;
    json_object_foreach(all, name, value) {
        char *text = field_text(value);
        if (text)
            each(self, name, text);
        free(text);
    }
}
