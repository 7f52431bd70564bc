/* SPDX-License-Identifier: MIT
 * Tests of steering: the screen beside a run's real socket and mailbox; what is pressed and typed reaches
 * them, what they answer is shown. */
#include "pipeline/live/socket.h"
#include "pipeline/run/run_marks.h"
#include "tests/tui/screen/drive.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* What a run that goes on listens with. */
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

static int find_all(const void *self, const char *const *which, int count, int **row, struct rt_error *e)
{
    (void)self;
    (void)e;
    assert_int_equal(count, 2);
    assert_string_equal(which[0], "where");
    *row = malloc(sizeof **row * 3);
    for (int i = 0; i < 3; i++)
        (*row)[i] = 40 + i;
    return strcmp(which[1], "snr < 3") == 0 ? 3 : 2;
}

/* Of samples that there are; who keeps them is the run's business. */
static int mark_any(const void *self, const int *row, int count, bool on, struct rt_error *e)
{
    (void)self;
    (void)on;
    (void)e;
    for (int i = 0; i < count; i++)
        assert_in_range(row[i], 0, ROWS - 1);
    return 0;
}

/* The student has put out nothing yet, decode a batch of 40 samples, one of its frames damaged by a loss. */
static int last_batch(const void *self, const char *stage, struct rt_batch **out, struct rt_error *e)
{
    (void)self;
    *out = NULL;
    if (strcmp(stage, "decode") != 0)
        return strcmp(stage, "student") == 0 ? 0 : rt_error_set(e, RT_ENOTFOUND, "%s: no such stage", stage);
    int row[40];
    static float input[40 * 20 * 10];
    int32_t rows[40];
    for (int i = 0; i < 40; i++)
        rows[i] = row[i] = i;
    for (int i = 0; i < 40 * 20 * 10; i++)
        input[i] = (float)(i % 21) / 10 - 1;
    input[7] = input[9] = strtof("nan", NULL);
    struct rt_batch *b = rt_batch_create(RT_BATCH_TRAIN, row, 40);
    int64_t shape[3] = {40, 20, 10};
    struct rt_tensor x = rt_tensor_view(RT_F32, 3, shape, input), r = rt_tensor_view(RT_I32, 1, shape, rows);
    b->epoch = 1;
    b->index = 4;
    b->update = 15;
    assert_int_equal(rt_batch_pack(b, "student.rows", &r, 0), 0);
    assert_int_equal(rt_batch_pack(b, "student.input", &x, 0), 0);
    *out = b;
    return rt_batch_drop(b, 3, 0, RT_EEMPTY, "empty");
}

static const char *id_of(const void *self, int row)
{
    static char id[40];
    (void)self;
    snprintf(id, sizeof id, "sample-%03d", row);
    return id;
}

static struct run *start_run(void)
{
    struct run *r = calloc(1, sizeof *r);
    struct rt_status s = {.step = 7, .steps = 400, .epoch = 1, .epochs = 4};
    rt_recipe_init(&r->recipe);
    assert_int_equal(rt_control_create(&r->desk.control, &r->recipe), 0);
    assert_int_equal(rt_control_samples(r->desk.control, ROWS), 0);
    assert_int_equal(rt_board_create(&r->desk.board), 0);
    r->desk.find = find_all;
    r->desk.mark = mark_any;
    r->desk.last = last_batch;
    r->desk.id = id_of;
    rt_control_host(r->desk.control, &(struct rt_control_host){.self = r, .stop = note_stop});
    assert_int_equal(rt_control_load(r->desk.control, &(struct rt_control_text){0}, 7, &r->e), 0);
    rt_board_put(r->desk.board, &s);
    assert_int_equal(rt_socket_start(&r->socket, example_dir.path, &r->desk, &r->e), 0);
    return r;
}

static void end_run(struct run *r)
{
    rt_socket_stop(r->socket);
    rt_control_destroy(r->desk.control);
    rt_board_destroy(r->desk.board);
    free(r);
}

/* Hears the run until nothing is waited for. */
static unsigned settle(struct view *v)
{
    unsigned did = 0;
    static double now;
    now += 2;
    for (int i = 0; i < 100000; i++) {
        did |= rt_ui_tick(&v->ui, now);
        if (i > 2 && v->ui.view.steer.waiting == 0)
            break;
        uv_sleep(1);
    }
    assert_int_equal(v->ui.view.steer.waiting, 0);
    return did;
}

static struct view *look(void)
{
    struct view *v = view_open(false);
    assert_int_equal(rt_ui_steer(&v->ui, example_dir.path), 0);
    settle(v);
    return v;
}

static void command(struct view *v, const char *line)
{
    view_press(v, ':');
    view_type(v, line);
    settle(v);
}

static void value_is(const struct run *r, const char *key, const char *value)
{
    char now[RT_RECIPE_TEXT];
    struct rt_error e;
    assert_int_equal(rt_control_get(r->desk.control, key, now, sizeof now, &e), 0);
    assert_string_equal(now, value);
}

/* ---- the client alone ---- */

/* What it told, in order: a letter for each kind, the verb of an answer, '.' behind a quiet one. */
struct told {
    char text[400];
};

static void note_event(void *self, const struct rt_steer_event *event)
{
    static const char letter[] = {[RT_STEER_CAME] = 'c', [RT_STEER_GONE] = 'g', [RT_STEER_STEP] = 's',
                                  [RT_STEER_CHANGED] = 'p', [RT_STEER_ANSWERED] = 'a', [RT_STEER_REFUSED] = 'r'};
    struct told *t = self;
    size_t n = strlen(t->text);
    bool verb = event->kind == RT_STEER_ANSWERED || event->kind == RT_STEER_REFUSED;
    assert_true(!verb || (event->verb && (event->kind == RT_STEER_ANSWERED ? event->line != NULL
                                                                           : event->why != NULL)));
    snprintf(t->text + n, sizeof t->text - n, "%c%s%s ", letter[event->kind], verb ? event->verb : "",
             verb && event->quiet ? "." : "");
}

static void hear(struct rt_steer *s, struct told *t, double now, const char *until)
{
    t->text[0] = 0;
    for (int i = 0; i < 100000 && !strstr(t->text, until); i++) {
        rt_steer_poll(s, now, note_event, t);
        uv_sleep(1);
    }
    if (!strstr(t->text, until))
        fail_msg("it told '%s', not '%s'", t->text, until);
}

/* Knows no screen: it tells what happens, and an answer's values are known before it is told. */
static void test_client(void **state)
{
    const struct rt_key *clip = rt_key_find("train.clip");
    const char *stage = "decode", *wrong = "encode", *set[] = {"train.clip", "2"};
    struct rt_steer s = {0};
    struct told t;
    (void)state;
    assert_int_equal(rt_steer_open(&s, example_dir.path), 0);
    rt_steer_poll(&s, 1, note_event, &t);
    assert_int_equal(rt_steer_ask(&s, "status", NULL, 0, false), RT_EMISSING); /* nobody listens */
    assert_int_equal(rt_steer_try(&s, clip, "2"), RT_EMISSING);
    struct run *r = start_run();
    hear(&s, &t, 3, "aget. ");
    assert_non_null(strstr(t.text, "c "));
    assert_non_null(strstr(t.text, "s awatch. ")); /* the first step that it hears of */
    assert_string_equal(rt_steer_value(&s, clip), "5");
    assert_int_equal(rt_steer_ask(&s, "set", set, 2, false), 0);
    assert_int_equal(rt_steer_ask(&s, "batch", &wrong, 1, false), 0);
    assert_int_equal(rt_steer_ask(&s, "batch", &stage, 1, true), 0);
    hear(&s, &t, 3, "abatch. ");
    assert_string_equal(t.text, "aset rbatch abatch. ");
    assert_string_equal(rt_steer_value(&s, clip), "2");
    assert_int_equal(rt_steer_try(&s, clip, "3"), 0);
    assert_string_equal(rt_steer_value(&s, clip), "3"); /* shown, not set */
    rt_steer_poll(&s, 3.4, note_event, &t);
    assert_int_equal(s.waiting, 0);
    hear(&s, &t, 3.6, "aset ");
    value_is(r, "train.clip", "3");
    rt_control_pause(r->desk.control); /* by another */
    rt_board_put(r->desk.board, &(struct rt_status){.step = 9, .steps = 400, .epoch = 1, .epochs = 4});
    hear(&s, &t, 3.6, "p s ");
    assert_true(s.paused && s.step == 9);
    end_run(r);
    hear(&s, &t, 5, "g ");
    assert_null(rt_steer_value(&s, clip));
    rt_steer_close(&s);
}

static void test_typed(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    command(v, "set train.clip 2.5");
    view_says(v, false, "train.clip: 5 -> 2.5 from step 8");
    value_is(r, "train.clip", "2.5");
    command(v, "set weight.terms \"snr, duration\"");
    value_is(r, "weight.terms", "snr,duration");
    command(v, "set weight.terms snr, speech"); /* the last takes the rest */
    value_is(r, "weight.terms", "snr,speech");
    command(v, "set weight.terms ''");
    command(v, "set weight.knees snr 5 12, sharpness 0.01 0.05 4 6");
    value_is(r, "weight.knees", "snr 5 12,sharpness 0.01 0.05 4 6");
    command(v, "set weight.knees ''");
    value_is(r, "weight.terms", "");
    command(v, "set train.lr -1");
    view_says(v, true, "from 0 to 100");
    command(v, "set train.lr");
    view_says(v, true, "set KEY VALUE");
    command(v, "get train.lr");
    view_says(v, false, "train.lr 0.002");
    command(v, "stat");
    view_says(v, false, "state running");
    command(v, "watch");
    view_says(v, true, "no command 'watch'");
    command(v, "st");
    view_says(v, true, "may be");
    command(v, "pause");
    view_says(v, false, "paused before step 8");
    assert_true(rt_control_paused(r->desk.control));
    char *text = view_text(v, 80, 24);
    assert_non_null(strstr(text, "paused"));
    free(text);
    view_press(v, 'p');
    settle(v);
    assert_false(rt_control_paused(r->desk.control));
    view_press(v, ' '); /* marks, and never pauses */
    settle(v);
    assert_false(rt_control_paused(r->desk.control));
    view_press(v, 'p');
    settle(v);
    assert_true(rt_control_paused(r->desk.control));
    view_close(v);
    end_run(r);
}

static void test_undo(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    view_press(v, 'u');
    settle(v);
    view_says(v, true, "there is no change to undo");
    command(v, "set train.clip 2");
    command(v, "set train.clip 3");
    command(v, "set train.decay 0.5");
    view_press(v, 'u');
    settle(v);
    view_says(v, false, "undone: train.decay: 0.5 -> 0.01");
    view_press(v, 'u');
    settle(v);
    value_is(r, "train.clip", "2");
    view_press(v, RT_KEY_REDO);
    settle(v);
    view_says(v, false, "again: train.clip: 2 -> 3");
    value_is(r, "train.clip", "3");
    command(v, "set train.clip 4"); /* what was undone is no more */
    view_press(v, RT_KEY_REDO);
    settle(v);
    view_says(v, true, "no change was undone");
    for (int i = 0; i < 3; i++) {
        view_press(v, 'u');
        settle(v);
    }
    value_is(r, "train.clip", "5");
    value_is(r, "train.decay", "0.01");
    view_close(v);
    end_run(r);
}

static void factor_is(const struct run *r, int row, double factor, int excluded)
{
    char *text = rt_override_text(rt_control_override(r->desk.control), &row, 1), expected[32];
    snprintf(expected, sizeof expected, excluded ? "x%g@%d" : "%g@%d", factor, row);
    assert_string_equal(text, expected);
    free(text);
}

static int note_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                       const char *after, struct rt_error *e)
{
    (void)before;
    (void)e;
    assert_string_equal(key, "samples");
    assert_string_equal(who, "screen");
    snprintf(self, 200, "%lld %s", (long long)step, after);
    return 0;
}

/* What was asked for takes effect; the last change in words. */
static const char *update(struct run *r, int64_t step)
{
    static char last[200];
    const struct rt_control_told told = {.self = last, .change = note_change};
    assert_int_equal(rt_control_step(r->desk.control, step, &told, &r->e), 0);
    return last;
}

/* As the line below the samples says. */
static int marked(struct view *v)
{
    view_draw(v, 80, 24);
    return view_find(v, " marked", NULL, NULL) ? (int)view_number(v, " samples  ") : 0;
}

/* What the run was told stands while it may still write it (this one never does); what others set comes besides. */
static void marked_by_others(struct view *v)
{
    uint8_t before[ROWS] = {0}, mark[ROWS] = {[50] = RT_MARK_ON};
    struct rt_error e;
    double now = v->ui.view.now;
    snprintf(v->model.folder, sizeof v->model.folder, "%s", example_dir.path);
    assert_int_equal(rt_run_marks_save(example_dir.path, mark, before, ROWS, &e), 0);
    example_read(&v->model);
    rt_ui_tick(&v->ui, now + 0.1);
    assert_int_equal(marked(v), 5);
    rt_ui_tick(&v->ui, now + 60);
    assert_int_equal(marked(v), 1);
    memset(mark, 0, sizeof mark);
    mark[1] = mark[2] = mark[3] = mark[4] = RT_MARK_ON;
    assert_int_equal(rt_run_marks_save(example_dir.path, mark, before, ROWS, &e), 0);
    example_read(&v->model);
    rt_ui_tick(&v->ui, now + 61);
    assert_int_equal(marked(v), 4);
}

static void test_samples(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    view_press(v, '2');
    view_draw(v, 100, 24);
    view_press(v, '-');
    view_compare(v, 80, 24, "halve-80x24");
    view_press(v, 'o');
    settle(v);
    view_says(v, false, "1 sample, from step 8");
    view_press(v, ' ');
    view_press(v, ' ');
    view_press(v, RT_KEY_DOWN);
    view_press(v, ' ');
    int head;
    assert_true(view_find(v, "label", NULL, &head));
    view_mouse(v, RT_KEY_CLICK, 0, head + 1 + 6);
    assert_int_equal(marked(v), 4);
    char *text = view_text(v, 80, 24);
    assert_non_null(strstr(text, "4 marked"));
    free(text);
    view_press(v, 'm');
    view_press(v, RT_KEY_ENTER); /* the marked */
    settle(v);
    view_says(v, false, "4 samples");
    marked_by_others(v);
    view_press(v, 'x');
    view_press(v, RT_KEY_ESCAPE);
    view_press(v, '/');
    view_type(v, "snr < 3");
    view_press(v, 'a'); /* those that are shown are marked too */
    assert_true(marked(v) > 4);
    view_press(v, 'a');
    assert_int_equal(marked(v), 0);
    view_press(v, 'w');
    view_type(v, "x");
    view_says(v, true, "write a factor");
    view_press(v, 'w');
    view_type(v, "*3");
    view_press(v, 'a');
    settle(v);
    view_says(v, false, "3 samples");
    view_press(v, RT_KEY_ESCAPE);
    assert_string_equal(update(r, 8), "8 3@40-42 # weight *3 where snr < 3 (3)");
    factor_is(r, 1, 0, 0);
    factor_is(r, 41, 3, 0);
    view_press(v, 'u');
    settle(v);
    view_says(v, false, "undone: samples: 3@40-42");
    assert_string_equal(update(r, 9), "9 1@40-42 # undo");
    factor_is(r, 41, 1, 0);
    view_close(v);
    end_run(r);
    v = view_open(false);
    view_press(v, '2');
    view_draw(v, 80, 24);
    view_press(v, 'm');
    assert_false(v->ui.view.dialog.open);
    view_says(v, true, "no run goes on here");
    view_close(v);
}

static void test_completed(void **state)
{
    static const struct {
        const char *typed, *line;
    } known[] = {
        {"che", "checkpoint "},        {"set train.cl", "set train.clip "},
        {"set train.clip ", "set train.clip 5 "}, {"set teacher.on f", "set teacher.on false "},
        {"set weight.terms duration,sn", "set weight.terms duration,snr "},
        {"sort -sn", "sort -snr"},     {"filter snr < 10 and lab", "filter snr < 10 and label "},
        {"filter label = foo", "filter label = food "}, {"get distill.dist.l", "get distill.dist.lambda "},
        {"mute wh", "mute where "},    {"weight *0.5 where label = foo", "weight *0.5 where label = food "},
    };
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        view_press(v, ':');
        for (const char *c = known[i].typed; *c; c++)
            view_press(v, *c);
        view_press(v, RT_KEY_TAB);
        assert_string_equal(v->ui.view.prompt.line, known[i].line);
        view_press(v, RT_KEY_ESCAPE);
        view_press(v, RT_KEY_ESCAPE);
    }
    view_press(v, ':');
    view_press(v, RT_KEY_TAB);
    for (int w = 1; w < 90; w += 11)
        for (int h = 1; h < 26; h += 3)
            view_draw(v, w, h);
    view_draw(v, 80, 24);
    struct rt_rect second = v->ui.choice[1];
    view_mouse(v, RT_KEY_CLICK, second.x, second.y);
    assert_string_equal(v->ui.view.prompt.line, "filter ");
    view_mouse(v, RT_KEY_CLICK, 3, 3); /* elsewhere: dropped */
    assert_int_equal(v->ui.view.prompt.kind, 0);
    view_close(v);
    end_run(r);
}

static void test_pace(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    double now = 1000;
    for (int64_t step = 10; step <= 130; step += 10, now += 2) {
        rt_board_put(r->desk.board, &(struct rt_status){.step = step, .steps = 400, .epoch = 1, .epochs = 4});
        for (int i = 0; i < 100000 && v->ui.view.steer.step < step; i++) {
            rt_ui_tick(&v->ui, now);
            uv_sleep(1);
        }
        assert_int_equal(v->ui.view.steer.step, step);
    }
    assert_true(v->ui.view.steer.pace > 4.8 && v->ui.view.steer.pace < 5.01); /* ten steps in two seconds */
    char *text = view_text(v, 160, 24);
    assert_true(strstr(text, " s left") && strstr(text, " samples/s"));
    free(text);
    view_close(v);
    end_run(r);
}

static void test_leaving(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    view_press(v, 'q');
    assert_true(v->ui.view.dialog.open);
    view_compare(v, 80, 24, "leave-80x24");
    for (int w = 1; w < 90; w += 11) /* anywhere the question is drawn, and nothing breaks */
        for (int h = 1; h < 26; h += 2)
            view_draw(v, w, h);
    char *text = view_text(v, 30, 6);
    assert_true(strstr(text, "detach") && strstr(text, "stop") && strstr(text, "cancel"));
    free(text);
    view_press(v, 'p'); /* nothing but the question hears keys */
    assert_false(rt_control_paused(r->desk.control));
    view_press(v, RT_KEY_ESCAPE);
    assert_false(v->ui.view.dialog.open);
    view_press(v, 'q');
    assert_true(view_press(v, RT_KEY_ENTER) & RT_DID_QUIT); /* detach */
    view_press(v, 'q');
    assert_true(view_press(v, 'd') & RT_DID_QUIT);
    assert_false(r->stopped);
    view_press(v, 'q');
    view_draw(v, 80, 24);
    struct rt_rect stop = v->ui.view.dialog.button[1].place;
    view_mouse(v, RT_KEY_CLICK, stop.x + 1, stop.y);
    settle(v);
    assert_true(r->stopped);
    view_says(v, false, "stopping after step 7");
    end_run(r);
    assert_true(settle(v) & RT_DID_QUIT); /* when the run has ended, not before */
    view_close(v);
}

/* The run goes and another one comes; between them the screen only shows. */
static void test_alone(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    end_run(r);
    settle(v);
    view_says(v, false, "the run has ended");
    command(v, "pause");
    view_says(v, true, "no run goes on here");
    view_press(v, 'u');
    view_says(v, true, "no run goes on here");
    view_press(v, RT_KEY_ESCAPE);
    char *text = view_text(v, 80, 24);
    assert_non_null(strstr(text, "read-only"));
    free(text);
    r = start_run();
    settle(v);
    settle(v);
    view_press(v, 'p');
    settle(v);
    assert_true(rt_control_paused(r->desk.control));
    text = view_text(v, 80, 24);
    assert_null(strstr(text, "read-only"));
    free(text);
    view_draw(v, 80, 24);
    struct rt_rect go = v->ui.hint[RT_ACT_PAUSE]; /* under the message: nothing to press yet */
    assert_int_equal(go.w, 0);
    view_press(v, RT_KEY_ESCAPE);
    view_draw(v, 80, 24);
    go = v->ui.hint[RT_ACT_PAUSE];
    view_mouse(v, RT_KEY_CLICK, go.x, go.y);
    settle(v);
    assert_false(rt_control_paused(r->desk.control));
    end_run(r);
    assert_false(settle(v) & RT_DID_QUIT);
    assert_true(view_press(v, 'q') & RT_DID_QUIT);
    view_close(v);
}

static void key(struct view *v, int key, int times)
{
    while (times--)
        view_press(v, key);
    settle(v);
}

static void find(struct view *v, const char *control)
{
    view_press(v, '/');
    view_press(v, 21);
    view_type(v, control);
    view_draw(v, 80, 24);
}

static void test_controls(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    int y, head;
    (void)state;
    view_press(v, '5');
    find(v, "l2.margin");
    assert_true(view_find(v, "distill.l2.margin", NULL, &y) && view_find(v, "  control ", NULL, &head));
    assert_int_equal(y, head + 1);
    assert_int_equal(strspn(view_line(v, y + 1, RT_STYLES), " "), 80); /* the only one */
    key(v, RT_KEY_RIGHT, 2); /* from 0 over the least to the one after; one change */
    view_says(v, false, "distill.l2.margin: 0 -> 0.000125 from step 8");
    value_is(r, "distill.l2.margin", "0.000125");
    view_press(v, RT_KEY_ENTER);
    assert_string_equal(v->ui.view.prompt.label, "distill.l2.margin = ");
    view_press(v, 21);
    view_type(v, "0.5");
    settle(v);
    value_is(r, "distill.l2.margin", "0.5");
    view_press(v, RT_KEY_ENTER);
    view_press(v, 21);
    view_type(v, "-3");
    settle(v);
    view_says(v, true, "-3");
    value_is(r, "distill.l2.margin", "0.5");
    key(v, 'r', 1);
    value_is(r, "distill.l2.margin", "0");
    key(v, 'u', 1);
    value_is(r, "distill.l2.margin", "0.5");
    view_press(v, RT_KEY_LEFT); /* dropped before it is set */
    view_press(v, RT_KEY_ESCAPE);
    settle(v);
    value_is(r, "distill.l2.margin", "0.5");
    view_press(v, RT_KEY_LEFT); /* set at once */
    view_press(v, RT_KEY_ENTER);
    assert_int_equal(v->ui.view.prompt.kind, 0);
    settle(v);
    value_is(r, "distill.l2.margin", "0.4");
    view_press(v, RT_KEY_ESCAPE); /* no filter */
    find(v, "teacher.on");
    key(v, RT_KEY_LEFT, 3);
    value_is(r, "teacher.on", "false");
    find(v, "weight.terms");
    view_press(v, RT_KEY_ENTER);
    view_press(v, 21);
    for (const char *c = "snr,du"; *c; c++)
        view_press(v, *c);
    view_press(v, RT_KEY_TAB);
    assert_string_equal(v->ui.view.prompt.line, "snr,du"); /* the example has measured no duration */
    view_press(v, RT_KEY_ESCAPE);
    find(v, "weight.gamma");
    key(v, RT_KEY_LEFT, 200); /* not beyond the end */
    value_is(r, "weight.gamma", "0");
    key(v, RT_KEY_RIGHT, 1);
    value_is(r, "weight.gamma", "0.1");
    find(v, "weight.");
    assert_true(view_find(v, "weight.gamma", NULL, &y));
    int room, x = view_slider(v, y, &room), last = x + room - 1;
    view_mouse(v, RT_KEY_CLICK, x + 1, y);
    view_mouse(v, RT_KEY_DRAG, x + 4, y + 3);
    char shown[RT_RECIPE_TEXT];
    assert_string_not_equal(rt_view_value(&v->ui.view, rt_key_find("weight.gamma"), shown), "0.1");
    value_is(r, "weight.gamma", "0.1"); /* not yet */
    view_mouse(v, RT_KEY_DRAG, last + 9, y);
    view_mouse(v, RT_KEY_RELEASE, last + 9, y);
    settle(v);
    value_is(r, "weight.gamma", "10");
    key(v, 'u', 1);
    value_is(r, "weight.gamma", "0.1"); /* the whole drag was one change */
    view_compare(v, 80, 12, "controls-80x12");
    view_close(v);
    end_run(r);
}

static void test_weights(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    command(v, "set weight.terms snr");
    view_press(v, '3');
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_RIGHT);
    view_press(v, RT_KEY_DOWN);
    view_press(v, RT_KEY_RIGHT);
    settle(v);
    value_is(r, "weight.gamma", "1"); /* only tried */
    key(v, 'a', 1);
    value_is(r, "weight.gamma", "1.1");
    value_is(r, "weight.floor", "0.06");
    value_is(r, "weight.terms", "snr");
    view_draw(v, 80, 24);
    assert_false(view_find(v, "if applied: ", NULL, NULL));
    key(v, 'u', 1);
    key(v, 'u', 1);
    value_is(r, "weight.gamma", "1");
    value_is(r, "weight.floor", "0.05");
    view_press(v, RT_KEY_DOWN);
    view_press(v, 'e'); /* the knee of the measure */
    view_press(v, 21);
    view_type(v, "5 12");
    key(v, 'a', 1);
    value_is(r, "weight.knees", "snr 5 12");
    key(v, 'u', 1);
    value_is(r, "weight.knees", "");
    view_press(v, RT_KEY_LEFT);
    key(v, 'a', 1);
    value_is(r, "weight.terms", "");
    view_close(v);
    end_run(r);
}

/* A batch is seen in place of the stages' words. */
static bool batch_is_open(struct view *v)
{
    view_draw(v, 80, 24);
    return !view_find(v, "waiting for work", NULL, NULL);
}

static void test_last_batch(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    int y;
    (void)state;
    view_press(v, '4');
    view_draw(v, 80, 24);
    assert_true(view_find(v, ">decode", NULL, &y) && view_find(v, " student     ", NULL, NULL));
    view_press(v, RT_KEY_ENTER);
    assert_true(batch_is_open(v));
    assert_true(view_find(v, "Asked for.", NULL, NULL));
    settle(v);
    view_compare(v, 80, 24, "batch-80x24");
    assert_true(view_find(v, "decode: train batch", NULL, NULL));
    view_compare(v, 130, 12, "batch-130x12");
    for (int w = 1; w < 60; w += 7)
        for (int h = 1; h < 20; h += 3)
            view_draw(v, w, h);
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_DOWN);
    settle(v);
    view_draw(v, 80, 24);
    assert_true(view_find(v, ">student", NULL, NULL));
    assert_true(view_find(v, "student has put out no batch yet", NULL, NULL));
    view_press(v, RT_KEY_ESCAPE);
    assert_false(batch_is_open(v));
    view_mouse(v, RT_KEY_CLICK, 20, y); /* chosen, then opened */
    assert_false(batch_is_open(v));
    assert_true(view_find(v, ">decode", NULL, NULL));
    view_mouse(v, RT_KEY_CLICK, 20, y);
    assert_true(batch_is_open(v));
    view_press(v, RT_KEY_ENTER);
    assert_false(batch_is_open(v));
    view_press(v, RT_KEY_DOWN);
    view_press(v, '1');
    command(v, "batch decode");
    assert_int_equal(v->ui.view.screen, RT_SCREEN_PIPELINE);
    assert_true(batch_is_open(v) && view_find(v, ">decode", NULL, NULL));
    command(v, "batch encode");
    view_says(v, true, "encode: no such stage");
    view_close(v);
    end_run(r);
    v = look(); /* nobody answers */
    view_press(v, '4');
    view_draw(v, 80, 24);
    view_press(v, RT_KEY_ENTER);
    view_draw(v, 80, 24);
    view_close(v);
}

static void test_journal(void **state)
{
    struct run *r = start_run();
    struct view *v = look();
    (void)state;
    view_press(v, '6');
    view_draw(v, 80, 24);
    key(v, 'u', 1); /* ada's change of the example */
    view_says(v, false, "distill.l2.margin: 0 -> 0.5");
    value_is(r, "distill.l2.margin", "0.5");
    view_press(v, '1');
    key(v, 'u', 1); /* and that taken back */
    value_is(r, "distill.l2.margin", "0");
    view_close(v);
    end_run(r);
}

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client),     cmocka_unit_test(test_typed),
        cmocka_unit_test(test_undo),       cmocka_unit_test(test_samples),
        cmocka_unit_test(test_completed),  cmocka_unit_test(test_pace),
        cmocka_unit_test(test_leaving),    cmocka_unit_test(test_alone),
        cmocka_unit_test(test_controls),   cmocka_unit_test(test_weights),
        cmocka_unit_test(test_last_batch), cmocka_unit_test(test_journal),
    };
    uv_loop_t first; /* libuv keeps two descriptors of its own from then on */
    assert_int_equal(uv_loop_init(&first), 0);
    assert_int_equal(uv_loop_close(&first), 0);
    scratch_make(&example_dir);
    setenv("XDG_STATE_HOME", "/proc/nowhere", 1);
    example_write();
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
