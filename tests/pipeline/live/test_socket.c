/* SPDX-License-Identifier: MIT
 * socket: what clients do, well or badly, reaches the control, or ends their own connection and nothing
 * else: verbs, garbage, floods, torn connections, slow readers, other users, long paths, stale files. */
#include "pipeline/live/socket.h"
#include "pipeline/live/address.h"
#include "pipeline/live/client.h"
#include "pipeline/live/link.h"
#include "tests/support/support.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

static struct scratch dir;

struct run {
    struct rt_recipe recipe;
    struct rt_verb_context desk;
    struct rt_socket *socket;
    struct rt_error e;
    int stopped;
};

static void note_stop(void *self)
{
    ((struct run *)self)->stopped = 1;
}

static void open_run(struct run *r, const char *folder)
{
    struct rt_status s = {.step = 4, .steps = 9, .epoch = 1, .epochs = 2};
    memset(r, 0, sizeof *r);
    rt_recipe_init(&r->recipe);
    assert_int_equal(rt_control_create(&r->desk.control, &r->recipe), 0);
    assert_int_equal(rt_board_create(&r->desk.board), 0);
    rt_control_host(r->desk.control, &(struct rt_control_host){.self = r, .stop = note_stop});
    assert_int_equal(rt_control_load(r->desk.control, &(struct rt_control_text){0}, 4, &r->e), 0);
    rt_status_add(&s, "loss", 1.5);
    rt_status_add(&s, "valid.top1", NAN);
    rt_board_put(r->desk.board, &s);
    assert_int_equal(rt_socket_start(&r->socket, folder, &r->desk, &r->e), 0);
}

static void close_run(struct run *r)
{
    rt_socket_stop(r->socket);
    rt_control_destroy(r->desk.control);
    rt_board_destroy(r->desk.board);
}

/* A plain connection, without the help of client.c. */
static int dial(void)
{
    struct sockaddr_un address;
    int folder, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(rt_address_open(dir.path, &address, &folder, NULL), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(folder);
    return fd;
}

/* Everything until the other side closes or a line ends; the number of bytes. */
static size_t hear(int fd, char *text, size_t size, bool line)
{
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = recv(fd, text + used, line ? 1 : size - used - 1, 0)) > 0) {
        used += (size_t)n;
        if (line && text[used - 1] == '\n')
            break;
    }
    text[used] = '\0';
    return used;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What a run answers to one line, sent in pieces, on a connection of its own; tried again while those
 * closed just now still count. */
static const char *answer_pieces(const char *line, size_t piece)
{
    static char text[20000];
    size_t size = strlen(line);
    do {
        int fd = dial();
        for (size_t at = 0; at < size; at += piece)
            if (send(fd, line + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL) < 0)
                break;
        hear(fd, text, sizeof text, true);
        close(fd);
    } while (text[0] == '\0' || strstr(text, "too many connections"));
    return text;
}

static const char *answer(const char *line)
{
    return answer_pieces(line, strlen(line));
}

static void test_requests(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reply;
    } row[] = {
        {"{\"id\":7,\"verb\":\"get\",\"args\":[\"train.lr\"]}\n",
         "{\"id\":7,\"ok\":true,\"result\":{\"train.lr\":\"0.002\"}}\n"},
        {"{\"id\":\"x\",\"verb\":\"set\",\"args\":[\"train.lr\",\"1e-3\"]}\n",
         "{\"id\":\"x\",\"ok\":true,\"result\":{\"key\":\"train.lr\",\"before\":\"0.002\","
         "\"after\":\"0.001\",\"step\":5}}\n"},
        {"{\"verb\":\"status\"}\r\n", "{\"ok\":true,\"result\":{\"state\":\"running\",\"step\":4,"
                                      "\"steps\":9,\"epoch\":1,\"epochs\":2,\"loss\":1.5}}\n"},
        {"{\"verb\":\"step\"}\n", "{\"ok\":false,\"error\":\"the run goes on by itself: pause it first\"}\n"},
        {"{\"verb\":\"pause\"}\n", "{\"ok\":true,\"result\":{\"step\":5}}\n"},
        {"{\"verb\":\"step\",\"args\":[\"0\"]}\n",
         "{\"ok\":false,\"error\":\"step \\\"0\\\": write a number of steps from 1 to 1000000000\"}\n"},
        {"{\"verb\":\"step\",\"args\":[\"3\"]}\n", "{\"ok\":true,\"result\":{\"step\":5}}\n"},
        {"{\"verb\":\"resume\",\"args\":[]}\n", "{\"ok\":true,\"result\":{\"step\":5}}\n"},
        {"{\"verb\":\"checkpoint\"}\n", "{\"ok\":true,\"result\":{\"step\":4}}\n"},
        {"{\"verb\":\"set\",\"args\":[\"train.batch\",\"4\"]}\n",
         "{\"ok\":false,\"error\":\"train.batch takes effect at the start of a run only\"}\n"},
        {"{\"verb\":\"set\",\"args\":[\"train.lr\"]}\n",
         "{\"ok\":false,\"error\":\"set is written: set KEY VALUE; there was 1 argument\"}\n"},
        {"{\"verb\":\"set\",\"args\":[\"train.lr\",1]}\n",
         "{\"ok\":false,\"error\":\"set: args is a list of texts\"}\n"},
        {"{\"verb\":\"paus\"}\n", "{\"ok\":false,\"error\":\"\\\"paus\\\" is not a verb; did you mean"},
        {"[1]\n", "{\"ok\":false,\"error\":\"a request is an object {...}\"}\n"},
        {"{\"verb\":3}\n", "{\"ok\":false,\"error\":\"a request is {"},
        {"{\"verb\":\"get\",\"verb\":\"set\"}\n", "{\"ok\":false,\"error\":\"not JSON"},
        {"\n", "{\"ok\":false,\"error\":\"not JSON"},
        {"{\"verb\":\"get\",\"args\":[\"a\\u0000b\"]}\n", "{\"ok\":false,\"error\":\"not JSON"},
        {"\xff\xfe{}\n", "{\"ok\":false,\"error\":\"not JSON"},
    };
    struct run r;
    open_run(&r, dir.path);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const char *got = answer(row[i].line);
        if (strncmp(got, row[i].reply, strlen(row[i].reply)) != 0)
            assert_string_equal(got, row[i].reply);
    }
    assert_non_null(strstr(answer("{\"verb\":\"get\"}\n"), "\"distill.l2.margin\":\"0\""));
    assert_null(strstr(answer("{\"verb\":\"get\"}\n"), "train.batch"));
    assert_false(r.stopped);
    assert_string_equal(answer("{\"verb\":\"stop\"}\n"), "{\"ok\":true,\"result\":{\"step\":4}}\n");
    rt_socket_stop(r.socket);
    r.socket = NULL;
    assert_true(r.stopped);
    close_run(&r);
}

static void test_who_may_and_where(void **state)
{
    (void)state;
    struct run r;
    struct stat st;
    scratch_write(&dir, "socket", "", 0);
    struct rt_verb_context none = {0};
    assert_int_equal(rt_socket_start(&r.socket, dir.path, &none, &r.e), RT_EIO); /* a file of someone's */
    assert_non_null(strstr(r.e.text, dir.path));
    unlink(scratch_file(&dir, "socket"));
    assert_int_equal(rt_socket_start(&r.socket, "/nowhere", &none, &r.e), RT_EMISSING);
    open_run(&r, dir.path);
    assert_int_equal(stat(scratch_file(&dir, "socket"), &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0600);
    close_run(&r);
    assert_int_equal(stat(scratch_file(&dir, "socket"), &st), -1);
    struct sockaddr_un address; /* what a killed run leaves: the next one takes its place */
    int folder, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(rt_address_open(dir.path, &address, &folder, NULL), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(folder);
    close(fd);
    struct rt_client *c;
    assert_int_equal(rt_client_open(&c, dir.path, &r.e), RT_EMISSING); /* stale */
    open_run(&r, dir.path);
    assert_non_null(strstr(answer("{\"verb\":\"status\"}\n"), "running"));
    close_run(&r);
}

static void test_a_long_path(void **state)
{
    (void)state;
    char path[600];
    struct run r;
    struct rt_client *c;
    const char *line;
    snprintf(path, sizeof path, "%s/%0200d", dir.path, 1);
    assert_int_equal(mkdir(path, 0700), 0);
    open_run(&r, path);
    assert_int_equal(rt_client_open(&c, path, &r.e), 0);
    assert_int_equal(rt_client_ask(c, "me", "pause", NULL, 0, &line, &r.e), 0);
    assert_true(rt_control_paused(r.desk.control));
    assert_int_equal(rt_client_ask(c, "me", "jump", NULL, 0, &line, &r.e), RT_EUSAGE);
    assert_non_null(strstr(r.e.text, "is not a verb"));
    rt_client_close(c);
    close_run(&r);
    assert_int_equal(rmdir(path), 0);
}

static void test_another_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct run r;
    open_run(&r, dir.path);
    for (int may = 0; may < 2; may++) { /* by the file's mode, and when that was changed */
        assert_int_equal(chmod(dir.path, 0755), 0);
        assert_int_equal(chmod(scratch_file(&dir, "socket"), may ? 0666 : 0600), 0);
        pid_t child = fork();
        if (child == 0) {
            struct sockaddr_un address;
            char text[100];
            int folder, fd = socket(AF_UNIX, SOCK_STREAM, 0);
            if (setgid(65534) || setuid(65534) || rt_address_open(dir.path, &address, &folder, NULL))
                _exit(9);
            if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
                _exit(errno == EACCES ? 1 : 8);
            send(fd, "{\"verb\":\"pause\"}\n", 17, MSG_NOSIGNAL);
            _exit(hear(fd, text, sizeof text, false) == 0 ? 2 : 7);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), may ? 2 : 1);
    }
    assert_false(rt_control_paused(r.desk.control));
    close_run(&r);
}

static void test_torn_connections(void **state)
{
    (void)state;
    struct run r;
    open_run(&r, dir.path);
    const char *line = "{\"verb\":\"set\",\"args\":[\"train.clip\",\"3\"]}\n";
    for (size_t n = 0; n <= strlen(line); n++) { /* cut at each byte, then closed */
        int fd = dial();
        if (n)
            assert_int_equal(send(fd, line, n, MSG_NOSIGNAL), n);
        close(fd);
    }
    assert_non_null(strstr(answer_pieces(line, 1), "\"after\":\"3\""));
    close_run(&r);
}

static void test_garbage_and_long_lines(void **state)
{
    (void)state;
    struct run r;
    static char junk[RT_SOCKET_LINE], text[RT_SOCKET_LINE * 2];
    open_run(&r, dir.path);
    int fd = dial();
    memset(junk, 'x', sizeof junk);
    assert_int_equal(send(fd, junk, sizeof junk, MSG_NOSIGNAL), sizeof junk);
    hear(fd, text, sizeof text, false); /* told, and closed */
    assert_string_equal(text, "{\"ok\":false,\"error\":\"a request of more than 16383 bytes\"}\n");
    close(fd);
    fd = dial();
    memset(junk, '[', sizeof junk); /* deep */
    junk[sizeof junk - 1] = '\n';
    assert_int_equal(send(fd, junk, sizeof junk, MSG_NOSIGNAL), sizeof junk);
    hear(fd, text, sizeof text, true);
    assert_non_null(strstr(text, "not JSON"));
    close(fd);
    uint32_t seed = 1;
    for (int i = 0; i < 200; i++) {
        fd = dial();
        for (size_t k = 0; k < 300; k++)
            junk[k] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
        send(fd, junk, 300, MSG_NOSIGNAL);
        close(fd);
    }
    assert_non_null(strstr(answer("{\"verb\":\"status\"}\n"), "running"));
    assert_memory_equal(rt_control_settings(r.desk.control), &r.recipe, sizeof r.recipe);
    close_run(&r);
}

/* A client that only sends: held back, then dropped; others are served meanwhile. */
static void flood(void *self)
{
    static const char line[] = "{\"verb\":\"get\"}\n";
    int fd = *(int *)self;
    for (int i = 0; i < 20000 && send(fd, line, sizeof line - 1, MSG_NOSIGNAL) > 0; i++)
        ;
}

static void test_flood_of_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct run r;
    uv_thread_t thread;
    open_run(&r, dir.path);
    int fd = dial();
    assert_int_equal(uv_thread_create(&thread, flood, &fd), 0);
    for (int i = 0; i < 20; i++)
        assert_non_null(strstr(answer("{\"verb\":\"status\"}\n"), "running"));
    assert_int_equal(uv_thread_join(&thread), 0); /* dropped: else it would send for ever */
    close(fd);
    close_run(&r);
}

static void test_many_connections(void **state)
{
    (void)state;
    struct run r;
    int fd[RT_SOCKET_CLIENTS];
    char text[200];
    open_run(&r, dir.path);
    for (int i = 0; i < RT_SOCKET_CLIENTS; i++) {
        fd[i] = dial();
        say(fd[i], "{\"verb\":\"pause\"}\n");
        hear(fd[i], text, sizeof text, true);
    }
    int more = dial();
    hear(more, text, sizeof text, false);
    assert_string_equal(text, "{\"ok\":false,\"error\":\"too many connections\"}\n");
    close(more);
    for (int i = 0; i < RT_SOCKET_CLIENTS; i++)
        close(fd[i]);
    close_run(&r);
}

static void test_watch(void **state)
{
    (void)state;
    struct run r;
    char text[400];
    open_run(&r, dir.path);
    int fd = dial();
    say(fd, "{\"verb\":\"watch\"}\n");
    hear(fd, text, sizeof text, true);
    assert_non_null(strstr(text, "\"ok\":true"));
    uint64_t began = uv_hrtime();
    int64_t last = -1;
    int lines = 0;
    for (int64_t step = 5; last < 300; step++) { /* far more updates than reports */
        struct rt_status s = {.step = step, .steps = 1000};
        rt_board_put(r.desk.board, &s);
        uv_sleep(1);
        while (recv(fd, text, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
            hear(fd, text, sizeof text, true);
            const char *at = strstr(text, "\"step\":");
            assert_non_null(strstr(text, "{\"event\":\"step\""));
            assert_non_null(at);
            assert_true(atoll(at + 7) >= last);
            last = atoll(at + 7);
            lines++;
        }
    }
    assert_true(lines <= 2 + (int)((uv_hrtime() - began) / 100000000));
    rt_socket_stop(r.socket); /* ends the connection */
    r.socket = NULL;
    hear(fd, text, sizeof text, false);
    close(fd);
    close_run(&r);
}

/* What a screen hears: the last line, and how many of each kind. */
struct heard {
    int64_t id;
    bool ok;
    char error[200], after[40], steps[20], fields[400];
    int replies, news;
};

static void note_field(void *self, const char *name, const char *value)
{
    struct heard *h = self;
    size_t n = strlen(h->fields);
    snprintf(h->fields + n, sizeof h->fields - n, "%s=%s;", name, value);
}

static void note_line(void *self, const struct rt_link_line *line)
{
    struct heard *h = self;
    h->replies += line->id > 0;
    h->news += line->id == 0;
    h->id = line->id;
    h->ok = line->ok;
    snprintf(h->error, sizeof h->error, "%s", line->error ? line->error : "");
    h->after[0] = h->fields[0] = h->steps[0] = 0;
    rt_link_text(line, "after", h->after, sizeof h->after);
    if (rt_link_number(line, "steps") == 9)
        snprintf(h->steps, sizeof h->steps, "nine");
    if (line->id > 0)
        rt_link_fields(line, note_field, h);
}

static void poll_until(struct rt_link *l, const int *count, int least)
{
    for (int i = 0; i < 100000 && *count < least; i++) {
        rt_link_poll(l, 0);
        uv_sleep(1);
    }
    assert_true(*count >= least);
}

static void test_a_link_that_never_waits(void **state)
{
    (void)state;
    static const char *const set[] = {"train.clip", "2.5"}, *const wrong[] = {"train.lr", "\xff"};
    struct run r;
    struct heard h = {0};
    struct rt_link *l;
    double now = 0;
    assert_int_equal(rt_link_open(&l, dir.path, note_line, &h), 0);
    assert_int_equal(rt_link_poll(l, now), 0); /* nobody there */
    assert_int_equal(rt_link_ask(l, "me", "pause", NULL, 0), RT_EMISSING);
    for (int life = 1; life <= 2; life++) { /* another run comes when one has gone */
        open_run(&r, dir.path);
        assert_int_equal(rt_link_poll(l, now), 0); /* not twice within a second */
        assert_int_equal(rt_link_poll(l, now += 2), 1);
        assert_true(rt_link_up(l) && rt_link_fd(l) >= 0);
        h = (struct heard){0};
        assert_true(rt_link_ask(l, "me", "set", set, 2) > 0);
        poll_until(l, &h.replies, 1);
        assert_string_equal(h.after, "2.5");
        assert_string_equal(h.fields, "key=train.clip;before=5;after=2.5;step=5;");
        assert_int_equal(rt_link_ask(l, "me", "set", wrong, 2), RT_EUSAGE);
        int64_t id = rt_link_ask(l, "me", "jump", NULL, 0);
        poll_until(l, &h.replies, 2);
        assert_true(!h.ok && h.id == id && strstr(h.error, "is not a verb"));
        assert_true(rt_link_ask(l, "me", "watch", NULL, 0) > id);
        poll_until(l, &h.replies, 3);
        assert_string_equal(h.steps, "nine");
        rt_board_put(r.desk.board, &(struct rt_status){.step = 8, .steps = 9});
        poll_until(l, &h.news, 1);
        assert_true(h.ok);
        for (int64_t n = 1; n > 0;) /* far more than the run takes: refused, not waited for */
            n = rt_link_ask(l, "me", "get", NULL, 0);
        close_run(&r);
        int ended = 0;
        for (int i = 0; i < 10000 && !ended; i++)
            ended = rt_link_poll(l, now);
        assert_true(ended && !rt_link_up(l));
    }
    rt_link_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_who_may_and_where),
        cmocka_unit_test(test_a_long_path),
        cmocka_unit_test(test_another_user),
        cmocka_unit_test(test_torn_connections),
        cmocka_unit_test(test_garbage_and_long_lines),
        cmocka_unit_test(test_flood_of_a_client_that_does_not_read),
        cmocka_unit_test(test_many_connections),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_a_link_that_never_waits),
    };
    uv_loop_t first; /* libuv keeps two descriptors of its own from then on */
    assert_int_equal(uv_loop_init(&first), 0);
    assert_int_equal(uv_loop_close(&first), 0);
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
