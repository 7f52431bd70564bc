/* SPDX-License-Identifier: MIT
 * fuzz_request: any lines as what a client sends to a run's socket: each gets one line of JSON that says ok or why not,
 * and what was changed takes effect at the next update. */
#include "pipeline/live/verbs.h"
#include "tests/fuzz/fuzz_file.h"

#include <jansson.h>

#define ROWS 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int rows_find(const void *self, const char *const *which, int count, int **row, struct rt_error *e)
{
    (void)self;
    if (count < 1 || !strcmp(which[0], "none"))
        return rt_error_set(e, RT_ENOTFOUND, "no such sample");
    *row = malloc(2 * sizeof **row);
    if (!*row)
        return RT_EMEM;
    (*row)[0] = (int)strlen(which[0]) % ROWS;
    (*row)[1] = ((*row)[0] + 1) % ROWS;
    return 2;
}

static struct rt_verb_context context_make(void)
{
    static struct rt_recipe recipe;
    struct rt_verb_context c = {.find = rows_find};
    struct rt_status s = {.step = 4, .steps = 9, .epoch = 1, .epochs = 2};
    struct rt_error e;
    if (!recipe.train_batch)
        rt_recipe_init(&recipe);
    if (rt_control_create(&c.control, &recipe) < 0 || rt_control_samples(c.control, ROWS) < 0 ||
        rt_board_create(&c.board) < 0 || rt_control_load(c.control, &(struct rt_control_text){0}, 4, &e) < 0)
        abort();
    rt_status_add(&s, "loss", 1.5);
    rt_board_put(c.board, &s);
    return c;
}

static void line_answer(const struct rt_verb_context *c, const char *line, size_t size)
{
    int watch = 0;
    char *reply = rt_verb_answer(c, line, size, &watch);
    if (!reply)
        return; /* no memory */
    assert(!strchr(reply, '\n'));
    json_t *said = json_loads(reply, 0, NULL), *ok = json_object_get(said, "ok");
    assert(json_is_boolean(ok) && (json_is_true(ok) || json_is_string(json_object_get(said, "error"))));
    (void)ok;
    json_decref(said);
    free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_verb_context c = context_make();
    struct rt_error e = {0};
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t n = end ? (size_t)(end - (data + at)) : size - at;
        line_answer(&c, (const char *)data + at, n);
        at += n + 1;
    }
    if (!rt_control_paused(c.control)) {
        int rc = rt_control_step(c.control, rt_control_next(c.control), &(struct rt_control_told){0}, &e);
        assert(rc >= 0 || rc == RT_ESTOPPED);
        (void)rc;
    }
    rt_control_destroy(c.control);
    rt_board_destroy(c.board);
    return 0;
}
