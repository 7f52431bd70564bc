/* SPDX-License-Identifier: MIT
 * client: see client.h. */
#include "pipeline/live/client.h"

#include "formats/jsonread.h"
#include "formats/plain.h"
#include "formats/utf8.h"
#include "pipeline/live/address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1 << 20) /* no reply is longer */

struct rt_client {
    int fd;
    char *line; /* [room]: a line, then what came behind it */
    size_t used, room, taken;
    char folder[4096];
};

/* ---- one connection, blocking ----
 * `retort ctl` asks one thing and waits for the answer, so this client may block, with a limit of
 * patience: a run that is stopped by a debugger must not hang the terminal. The screen must never
 * wait and has a client of its own (link.c); what both share is the address. */

int rt_client_open(struct rt_client **out, const char *folder, struct rt_error *e)
{
    struct sockaddr_un address;
    int folder_fd;
    *out = NULL;
    int rc = rt_address_open(folder, &address, &folder_fd, e);
    if (rc < 0)
        return rc;
    struct rt_client *c = calloc(1, sizeof *c);
    int fd = c ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (!c) {
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory", folder);
    } else if (fd < 0) {
        rc = rt_error_errno(e, "cannot make a socket for the run in", folder);
    } else if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        rc = nobody ? rt_error_set(e, RT_EMISSING, "%s: no run goes on there", folder)
                    : rt_error_errno(e, "cannot connect to the run in", folder);
    }
    close(folder_fd);
    if (rc < 0) {
        if (fd >= 0)
            close(fd);
        free(c);
        return rc;
    }
    c->fd = fd;
    snprintf(c->folder, sizeof c->folder, "%s", folder);
    *out = c;
    return 0;
}

void rt_client_close(struct rt_client *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c->line);
    free(c);
}

static int client_set_patience(struct rt_client *c, int seconds)
{
    struct timeval t = {.tv_sec = seconds};
    return setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) |
           setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static int client_send(struct rt_client *c, const char *text, size_t size, struct rt_error *e)
{
    while (size > 0) {
        ssize_t n = send(c->fd, text, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return rt_error_set(e, RT_EIO, "%s: the run does not listen any more", c->folder);
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

static int client_make_room(struct rt_client *c, struct rt_error *e)
{
    if (c->used < c->room)
        return 0;
    size_t room = c->room ? 2 * c->room : 4096;
    if (room > LINE_MAX_BYTES)
        return rt_error_set(e, RT_ELARGE, "%s: a reply of more than %zu bytes", c->folder, c->used);
    char *more = realloc(c->line, room);
    if (!more)
        return rt_error_set(e, RT_EMEM, "%s: no memory for the reply", c->folder);
    c->line = more;
    c->room = room;
    return 0;
}

/* ---- lines ----
 * One buffer that grows up to a limit; the line given last is dropped when the next one is asked
 * for, so the caller frees nothing. A run that has ended closes the connection, which is told apart
 * from one that does not answer. */

int rt_client_next(struct rt_client *c, const char **line, struct rt_error *e)
{
    char *end;
    if (c->taken) { /* the line given last */
        c->used -= c->taken;
        memmove(c->line, c->line + c->taken, c->used);
        c->taken = 0;
    }
    while (!(end = c->used ? memchr(c->line, '\n', c->used) : NULL)) {
        int rc = client_make_room(c, e);
        if (rc < 0)
            return rc;
        ssize_t n = recv(c->fd, c->line + c->used, c->room - c->used, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return rt_error_set(e, RT_EIO, "%s: no reply for %d seconds", c->folder, RT_CLIENT_PATIENCE);
        if (n <= 0)
            return rt_error_set(e, RT_ENODATA, "%s: the run ended the connection", c->folder);
        c->used += (size_t)n;
    }
    *end = '\0';
    c->taken = (size_t)(end - c->line) + 1;
    *line = c->line;
    return 0;
}

/* ---- a question and its answer ----
 * Words of the command line become arguments as they are. JSON is made by jansson, not by hand: an
 * id may hold quotes, and a name that is not UTF-8 is refused here, where the user can still see
 * which. */

static char *request_text(const char *who, const char *verb, char *const *arg, int args)
{
    json_t *request = json_pack("{s:i, s:s, s:s}", "id", 1, "verb", verb, "who", who);
    json_t *list = json_array();
    int failed = !request;
    for (int i = 0; i < args; i++)
        failed |= json_array_append_new(list, json_string(arg[i])) != 0;
    failed |= json_object_set_new(request, "args", list) != 0;
    char *text = failed ? NULL : rt_json_write(request, JSON_COMPACT);
    json_decref(request);
    return text;
}

int rt_client_ask(struct rt_client *c, const char *who, const char *verb, char *const *arg, int args,
                  const char **line, struct rt_error *e)
{
    for (int i = -1; i < args; i++) {
        const char *word = i < 0 ? who : arg[i];
        if (rt_utf8_check(word, strlen(word)) < strlen(word))
            return rt_error_set(e, RT_EUSAGE, "%s: %s is not UTF-8", verb, i < 0 ? "the name" : "an argument");
    }
    char *text = request_text(who, verb, arg, args);
    if (!text)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", verb);
    client_set_patience(c, RT_CLIENT_PATIENCE);
    int rc = client_send(c, text, strlen(text), e);
    free(text);
    RT_TRY(rc);
    RT_TRY(client_send(c, "\n", 1, e));
    RT_TRY(rt_client_next(c, line, e));
    client_set_patience(c, 0);
    json_t *reply;
    rc = rt_json_read(&reply, *line, strlen(*line), 0, NULL);
    if (rc == RT_EMEM)
        return rt_error_set(e, rc, "%s: no memory for the reply", c->folder);
    rc = 0;
    const char *error = json_string_value(json_object_get(reply, "error"));
    if (!json_is_true(json_object_get(reply, "ok")))
        rc = rt_error_set(e, RT_EUSAGE, "%s: %s", c->folder, error ? error : "the reply is not understood");
    json_decref(reply);
    return rc;
}

int rt_client_value(const char *line, const char *name, char *text, size_t size)
{
    json_t *reply;
    text[0] = '\0';
    if (rt_json_read(&reply, line, strlen(line), 0, NULL) == RT_EMEM)
        return RT_EMEM;
    const json_t *value = json_object_get(json_object_get(reply, "result"), name);
    bool written = value && !json_is_string(value);
    char *made = written ? rt_json_write(value, JSON_ENCODE_ANY) : NULL;
    snprintf(text, size, "%s", made ? made : json_is_string(value) ? json_string_value(value) : "");
    free(made);
    json_decref(reply);
    return written && !made ? RT_EMEM : 0;
}

/* ---- for people ----
 * Any reply is printed by its shape alone: a verb that says something new needs no code here. */

/* NULL: no memory. */
static char *value_text(const json_t *value, size_t flags)
{
    return json_is_string(value) ? strdup(json_string_value(value))
                                 : rt_json_write(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6) | flags);
}

/* "  name: student.input  type: F32  shape: [32,144,64] ..." */
static int item_print(const json_t *item, FILE *out)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)item, name, value) {
        char *text = value_text(value, JSON_COMPACT);
        if (!text)
            return RT_EMEM;
        rt_plain_print(out, "  %s: %s", name, text);
        free(text);
    }
    fputc('\n', out);
    return 0;
}

static int result_print(const char *name, const json_t *value, FILE *out)
{
    if (json_is_object(json_array_get(value, 0))) { /* a list of things: a line for each */
        rt_plain_print(out, "%s:\n", name);
        for (size_t i = 0; i < json_array_size(value); i++)
            RT_TRY(item_print(json_array_get(value, i), out));
        return 0;
    }
    char *text = value_text(value, 0);
    if (!text)
        return RT_EMEM;
    rt_plain_print(out, "%s: %s\n", name, text);
    free(text);
    return 0;
}

int rt_client_print(const char *line, FILE *out)
{
    const char *name;
    json_t *value, *reply;
    int rc = rt_json_read(&reply, line, strlen(line), 0, NULL) == RT_EMEM ? RT_EMEM : 0;
    json_object_foreach(json_object_get(reply, "result"), name, value)
        rc = rc < 0 ? rc : result_print(name, value, out);
    json_decref(reply);
    return rc;
}
