/* SPDX-License-Identifier: MIT
 * control: changes take effect at exact updates, once, in their order; refused ones change nothing; a
 * paused run waits, is let go, saves and stops; what waits survives a checkpoint. */
#include "pipeline/live/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

/* What the student was told, one line for each change. */
struct diary {
    char text[4000];
    int refuse;
};

static int write_down(void *self, int64_t step, const char *who, const char *key,
                      const char *before, const char *after, struct rt_error *e)
{
    struct diary *d = self;
    size_t at = strlen(d->text);
    snprintf(d->text + at, sizeof d->text - at, "%lld %s %s %s>%s\n", (long long)step, who, key, before,
             after);
    return d->refuse ? rt_error_set(e, RT_EFULL, "the diary is full") : 0;
}

struct bench {
    struct rt_control *c;
    struct rt_recipe start;
    struct diary diary;
    struct rt_control_told told;
    struct rt_error e;
};

static void open_bench(struct bench *b)
{
    memset(b, 0, sizeof *b);
    rt_recipe_init(&b->start);
    b->told = (struct rt_control_told){.self = &b->diary, .change = write_down};
    assert_int_equal(rt_control_create(&b->c, &b->start), 0);
}

static int step(struct bench *b, int64_t n)
{
    return rt_control_step(b->c, n, &b->told, &b->e);
}

static void test_a_change_takes_effect_at_the_next_update(void **state)
{
    (void)state;
    struct bench b;
    char before[RT_RECIPE_TEXT], value[RT_RECIPE_TEXT];
    int64_t at = 0;
    open_bench(&b);
    const struct rt_recipe *now = rt_control_settings(b.c);
    assert_memory_equal(now, &b.start, sizeof b.start);
    assert_int_equal(step(&b, 1), 0);
    assert_int_equal(rt_control_set(b.c, "me", "train.lr", "0.25", before, &at, &b.e), 0);
    assert_int_equal(at, 2);
    assert_string_equal(before, "0.002");
    assert_true(now->train_lr == 0.002); /* update 1 is under way */
    assert_int_equal(rt_control_get(b.c, "train.lr", value, sizeof value, &b.e), 0);
    assert_string_equal(value, "0.25");
    assert_int_equal(rt_control_set(b.c, "you", "train.lr", "1e-1", before, &at, &b.e), 0);
    assert_string_equal(before, "0.25");
    assert_int_equal(step(&b, 2), 0);
    assert_true(now->train_lr == 0.1);
    assert_string_equal(b.diary.text, "2 you train.lr 0.002>0.1\n"); /* the last of that update */
    assert_int_equal(step(&b, 3), 0);
    assert_int_equal(strlen(b.diary.text), 25); /* once only */
    rt_control_destroy(b.c);
}

static void test_what_is_refused_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *who, *key, *value, *says;
        int code;
    } wrong[] = {
        {"me", "train.rl", "1", "train.lr", RT_ENOTFOUND},
        {"me", "train.batch", "4", "train.batch takes effect at the start of a run only", RT_EUSAGE},
        {"me", "speech.bands", "40", "speech.bands takes effect at the start", RT_EUSAGE},
        {"me", "train.lr", "fast", "\"fast\"", RT_EFORMAT},
        {"me", "train.lr", "-1", "from 0 to 100", RT_ERANGE},
        {"me", "train.lr", "nan", "train.lr", RT_EFORMAT},
        {"", "train.lr", "1", "who", RT_EUSAGE},
        {"a b", "train.lr", "1", "who", RT_EUSAGE},
        {"me\n", "train.lr", "1", "who", RT_EUSAGE},
        {"a_name_of_more_than_thirty_one_letters", "train.lr", "1", "who", RT_EUSAGE},
    };
    struct bench b;
    open_bench(&b);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rt_error e = {0};
        assert_int_equal(rt_control_set(b.c, wrong[i].who, wrong[i].key, wrong[i].value, NULL, NULL,
                                        &e), wrong[i].code);
        assert_non_null(strstr(e.text, wrong[i].says));
        assert_int_equal(rt_control_plan(b.c, 5, wrong[i].who, wrong[i].key, wrong[i].value, &e),
                         wrong[i].code);
    }
    for (int n = 1; n < 8; n++)
        assert_int_equal(step(&b, n), 0);
    assert_memory_equal(rt_control_settings(b.c), &b.start, sizeof b.start);
    assert_string_equal(b.diary.text, "");
    assert_int_equal(rt_control_plan(b.c, 7, "me", "train.lr", "1", &b.e), RT_ERANGE);
    assert_non_null(strstr(b.e.text, "the next step is 8 already"));
    char value[RT_RECIPE_TEXT];
    assert_int_equal(rt_control_get(b.c, "nothing", value, sizeof value, &b.e), RT_ENOTFOUND);
    rt_control_destroy(b.c);
}

/* Of what many ask for one update the last counts, where the others' changes allow it; the history has an end. */
static void test_last_value_of_an_update(void **state)
{
    (void)state;
    struct bench b;
    char value[20], what[RT_RECIPE_TEXT];
    int64_t at;
    open_bench(&b);
    for (int i = 1; i <= 3 * RT_CONTROL_UNDO; i++) {
        snprintf(value, sizeof value, "%d", i);
        assert_int_equal(rt_control_set(b.c, i % 2 ? "odd" : "even", "train.clip", value, NULL, NULL, &b.e), 0);
        if (i == 7)
            assert_int_equal(rt_control_set(b.c, "me", "train.lr", "0.5", NULL, NULL, &b.e), 0);
    }
    assert_int_equal(step(&b, 1), 0);
    assert_string_equal(b.diary.text, "1 even train.clip 5>3000\n1 me train.lr 0.002>0.5\n");
    int undone = 0;
    while (rt_control_undo(b.c, "me", what, &at, &b.e) == 0)
        undone++;
    assert_int_equal(undone, RT_CONTROL_UNDO);
    assert_string_equal(what, "train.clip: 2001 -> 2000");
    rt_control_destroy(b.c);
}

static int no_l2(void *self, const struct rt_recipe *r, struct rt_error *e)
{
    (void)self;
    return r->distill_l2_lambda > 0 ? rt_error_set(e, RT_EUSAGE, "there is no teacher") : 0;
}

static void test_the_run_itself_may_refuse(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    rt_control_host(b.c, &(struct rt_control_host){.check = no_l2});
    assert_int_equal(rt_control_set(b.c, "me", "distill.l2.lambda", "1", NULL, NULL, &b.e), RT_EUSAGE);
    assert_string_equal(b.e.text, "there is no teacher");
    assert_int_equal(rt_control_set(b.c, "me", "distill.l2.margin", "1", NULL, NULL, &b.e), 0);
    assert_int_equal(step(&b, 1), 0);
    assert_string_equal(b.diary.text, "1 me distill.l2.margin 0>1\n");
    rt_control_destroy(b.c);
}

static void test_planned_changes(void **state)
{
    (void)state;
    struct bench b;
    char value[RT_RECIPE_TEXT];
    open_bench(&b);
    assert_int_equal(rt_control_plan(b.c, 3, "late", "train.clip", "3", &b.e), 0);
    assert_int_equal(rt_control_plan(b.c, 2, "soon", "train.clip", "2", &b.e), 0);
    assert_int_equal(rt_control_plan(b.c, 3, "last", "train.clip", "4", &b.e), 0);
    assert_int_equal(rt_control_plan(b.c, 1, "now", "weight.terms", "snr, level", &b.e), 0);
    assert_int_equal(rt_control_get(b.c, "weight.terms", value, sizeof value, &b.e), 0);
    assert_string_equal(value, "snr,level");
    assert_int_equal(step(&b, 1), 0);
    assert_int_equal(rt_control_get(b.c, "train.clip", value, sizeof value, &b.e), 0);
    assert_string_equal(value, "2"); /* at the next update */
    assert_true(rt_control_settings(b.c)->train_clip == 5);
    for (int n = 2; n < 5; n++)
        assert_int_equal(step(&b, n), 0);
    assert_string_equal(b.diary.text, "1 now weight.terms >snr,level\n2 soon train.clip 5>2\n"
                                      "3 late train.clip 2>3\n3 last train.clip 3>4\n");
    rt_control_destroy(b.c);
}

/* As a term is refused that has no knee. */
static int check_needs_clip(void *self, const struct rt_recipe *r, struct rt_error *e)
{
    (void)self;
    return r->weight_terms[0] && r->train_clip == 5 ? rt_error_set(e, RT_EUSAGE, "first another clip") : 0;
}

/* Good behind the one before it, at the same step or earlier, and behind none that comes later. */
static void test_planned_behind_another(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    struct rt_control_host host = {.check = check_needs_clip};
    rt_control_host(b.c, &host);
    assert_int_equal(rt_control_plan(b.c, 4, "me", "train.clip", "2", &b.e), 0);
    assert_int_equal(rt_control_plan(b.c, 3, "me", "weight.terms", "snr", &b.e), RT_EUSAGE);
    assert_int_equal(rt_control_plan(b.c, 4, "me", "weight.terms", "snr", &b.e), 0);
    assert_int_equal(rt_control_plan(b.c, 6, "me", "train.clip", "5", &b.e), RT_EUSAGE);
    for (int n = 1; n < 7; n++)
        assert_int_equal(step(&b, n), 0);
    assert_string_equal(b.diary.text, "4 me train.clip 5>2\n4 me weight.terms >snr\n");
    rt_control_destroy(b.c);
}

static double gain_of(struct bench *b, int64_t step)
{
    struct rt_recipe r = {0};
    rt_control_batch(b->c, step, &r);
    assert_int_equal(r.train_batch, 0); /* other settings are not its own */
    return r.augment_gain;
}

/* What decides how a batch is made changes with the first one not handed out, ahead of its update. */
static void test_settings_of_batches(void **state)
{
    (void)state;
    struct bench b;
    char value[RT_RECIPE_TEXT], what[RT_RECIPE_TEXT];
    int64_t at = 0;
    open_bench(&b);
    assert_int_equal(rt_control_plan(b.c, 2, "plan", "augment.gain", "2", &b.e), 0);
    for (int n = 1; n <= 4; n++)
        rt_control_hand_out(b.c, n);
    assert_int_equal(step(&b, 1), 0);
    assert_int_equal(rt_control_plan(b.c, 4, "plan", "augment.gain", "9", &b.e), RT_ERANGE);
    assert_non_null(strstr(b.e.text, "the next step is 5 already"));
    assert_int_equal(rt_control_get(b.c, "augment.gain", value, sizeof value, &b.e), 0);
    assert_string_equal(value, "2");
    assert_int_equal(rt_control_set(b.c, "me", "augment.gain", "6", NULL, &at, &b.e), 0);
    assert_int_equal(at, 5); /* 1 to 4 are made already */
    assert_int_equal(rt_control_set(b.c, "me", "train.lr", "1", NULL, &at, &b.e), 0);
    assert_int_equal(at, 2); /* but not learned from */
    rt_control_hand_out(b.c, 5);
    rt_control_hand_out(b.c, 6);
    assert_true(gain_of(&b, 2) == 2 && gain_of(&b, 4) == 2 && gain_of(&b, 5) == 6 && gain_of(&b, 6) == 6);
    assert_int_equal(rt_control_undo(b.c, "me", what, &at, &b.e), 0); /* train.lr */
    assert_int_equal(at, 2);
    assert_int_equal(rt_control_undo(b.c, "me", what, &at, &b.e), 0);
    assert_int_equal(at, 7);
    assert_string_equal(what, "augment.gain: 6 -> 2");
    assert_int_equal(rt_control_redo(b.c, "me", what, &at, &b.e), 0);
    assert_int_equal(at, 7);
    for (int n = 2; n <= 4; n++)
        assert_int_equal(step(&b, n), 0);
    assert_true(rt_control_settings(b.c)->augment_gain == 2 && gain_of(&b, 5) == 6 && gain_of(&b, 6) == 6);

    /* A run that goes on from a checkpoint makes the same batches. */
    struct rt_control_text t;
    struct bench again;
    assert_int_equal(rt_control_save(b.c, &t), 0);
    assert_string_equal(t.settings, "augment.gain=2\n");
    assert_string_equal(t.pending, "5 me augment.gain=6\n7 me augment.gain=2\n7 me augment.gain=6\n");
    open_bench(&again);
    assert_int_equal(rt_control_load(again.c, &t, 4, &again.e), 0);
    for (int n = 5; n <= 8; n++) {
        rt_control_hand_out(again.c, n);
        assert_true(gain_of(&again, n) == 6);
    }
    assert_int_equal(rt_control_set(again.c, "me", "augment.gain", "8", NULL, &at, &b.e), 0);
    assert_int_equal(at, 9);
    rt_control_text_fini(&t);
    rt_control_destroy(again.c);
    for (int n = 5; n <= 7; n++)
        assert_int_equal(step(&b, n), 0);
    assert_string_equal(b.diary.text,
                        "2 plan augment.gain 0>2\n2 me train.lr 0.002>1\n2 me train.lr 1>0.002\n"
                        "5 me augment.gain 2>6\n7 me augment.gain 6>2\n7 me augment.gain 2>6\n");
    rt_control_destroy(b.c);
}

static void note_change(void *self)
{
    ++*(int *)self;
}

/* What others know already is told again where it becomes something else. */
static void test_others_are_told(void **state)
{
    (void)state;
    struct bench b, other;
    open_bench(&b);
    open_bench(&other);
    assert_int_equal(rt_control_plan(b.c, 2, "plan", "train.clip", "2", &b.e), 0);
    assert_int_equal(rt_control_plan(other.c, 2, "plan", "train.clip", "2", &b.e), 0);
    rt_control_share(b.c);
    assert_int_equal(step(&b, 1), 0);
    assert_string_equal(rt_control_news(b.c), "");
    assert_int_equal(rt_control_set(b.c, "me", "train.clip", "3", NULL, NULL, &b.e), 0); /* in the plan's place */
    assert_int_equal(step(&b, 2), 0);
    assert_string_equal(rt_control_news(b.c), "2 me train.clip=3\n");
    assert_int_equal(step(&other, 1), 0);
    assert_int_equal(rt_control_take_news(other.c, rt_control_news(b.c), &other.e), 0);
    assert_int_equal(step(&other, 2), 0);
    assert_true(rt_control_settings(b.c)->train_clip == 3 && rt_control_settings(other.c)->train_clip == 3);
    rt_control_destroy(b.c);
    rt_control_destroy(other.c);
}

static void test_who_hosts_the_run_is_told(void **state)
{
    (void)state;
    struct bench b;
    int changes = 0;
    open_bench(&b);
    rt_control_host(b.c, &(struct rt_control_host){.self = &changes, .changed = note_change});
    assert_int_equal(rt_control_set(b.c, "me", "train.lr", "1", NULL, NULL, &b.e), 0);
    assert_int_equal(rt_control_set(b.c, "me", "train.clip", "1", NULL, NULL, &b.e), 0);
    assert_int_equal(changes, 0);
    assert_int_equal(step(&b, 1), 0);
    assert_int_equal(step(&b, 2), 0);
    assert_int_equal(changes, 1); /* once for all that changed together */
    rt_control_destroy(b.c);
}

static void test_who_is_told_may_end_the_run(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    b.diary.refuse = 1;
    assert_int_equal(rt_control_set(b.c, "me", "train.lr", "1", NULL, NULL, &b.e), 0);
    assert_int_equal(step(&b, 1), RT_EFULL);
    assert_string_equal(b.e.text, "the diary is full");
    rt_control_destroy(b.c);
}

static void test_kept_in_a_checkpoint(void **state)
{
    (void)state;
    struct bench b, again;
    struct rt_control_text t;
    open_bench(&b);
    assert_int_equal(rt_control_save(b.c, &t), 0);
    assert_string_equal(t.settings, "");
    assert_string_equal(t.samples, "");
    assert_string_equal(t.pending, "");
    rt_control_text_fini(&t);
    assert_int_equal(rt_control_set(b.c, "me", "train.lr", "0.125", NULL, NULL, &b.e), 0);
    assert_int_equal(rt_control_set(b.c, "me", "weight.terms", "snr,level", NULL, NULL, &b.e), 0);
    assert_int_equal(step(&b, 1), 0);
    assert_int_equal(rt_control_set(b.c, "me", "train.clip", "7", NULL, NULL, &b.e), 0);
    assert_int_equal(rt_control_plan(b.c, 9, "plan", "weight.floor", "25%", &b.e), 0);
    assert_int_equal(rt_control_save(b.c, &t), 0);
    assert_string_equal(t.settings, "weight.terms=snr,level\ntrain.lr=0.125\n");
    assert_string_equal(t.pending, "2 me train.clip=7\n9 plan weight.floor=25%\n");

    open_bench(&again);
    assert_int_equal(rt_control_load(again.c, &t, 1, &again.e), 0);
    assert_int_equal(rt_control_next(again.c), 2);
    assert_memory_equal(rt_control_settings(again.c), rt_control_settings(b.c), sizeof b.start);
    b.diary.text[0] = '\0';
    for (int n = 2; n < 11; n++) {
        assert_int_equal(step(&b, n), 0);
        assert_int_equal(step(&again, n), 0);
    }
    assert_string_equal(b.diary.text, "2 me train.clip 5>7\n9 plan weight.floor 0.05>0.25\n");
    assert_string_equal(again.diary.text, b.diary.text);
    assert_memory_equal(rt_control_settings(again.c), rt_control_settings(b.c), sizeof b.start);
    rt_control_text_fini(&t);
    rt_control_destroy(b.c);
    rt_control_destroy(again.c);
}

/* A checkpoint or journal of before may hold settings that are no more: nothing comes of them. */
static void test_retired_settings_are_left_out(void **state)
{
    (void)state;
    struct bench b;
    struct rt_control_text t = {.settings = strdup("distill.l2.temperature=2\ntrain.lr=0.125\n"),
                                .samples = strdup(""),
                                .pending = strdup("3 me distill.cosine.temperature=4\n4 me train.clip=7\n")};
    open_bench(&b);
    assert_int_equal(rt_control_load(b.c, &t, 1, &b.e), 0);
    rt_control_text_fini(&t);
    assert_int_equal(rt_control_plan(b.c, 5, "plan", "distill.head_ce.temperature", "4", &b.e), 0);
    for (int n = 2; n < 7; n++)
        assert_int_equal(step(&b, n), 0);
    assert_string_equal(b.diary.text, "4 me train.clip 5>7\n");
    assert_true(rt_control_settings(b.c)->train_lr == 0.125);
    assert_int_equal(rt_control_set(b.c, "me", "distill.l2.temperature", "2", NULL, NULL, &b.e), RT_ENOTFOUND);
    assert_non_null(strstr(b.e.text, "distill.l2.temperature is not a setting any more: "));
    rt_control_destroy(b.c);
}

static char *journalled(struct bench *b, int n)
{
    b->diary.text[0] = '\0';
    assert_int_equal(step(b, n), 0);
    return b->diary.text;
}

static void test_samples_and_undo(void **state)
{
    (void)state;
    struct bench b;
    char what[RT_RECIPE_TEXT];
    int64_t at = 0;
    static const int rows[] = {4, 2, 3}, one[] = {9};
    open_bench(&b);
    assert_int_equal(rt_control_samples(b.c, 10), 0);
    assert_int_equal(rt_control_undo(b.c, "me", what, &at, &b.e), RT_ENODATA);
    assert_int_equal(rt_control_touch(b.c, "me", RT_TOUCH_SET, 0.5, rows, 3, "weight 0.5", &at, &b.e), 0);
    assert_int_equal(at, 1);
    assert_int_equal(rt_control_touch(b.c, "me", RT_TOUCH_SCALE, 0.5, rows, 1, "again", &at, &b.e), 0);
    assert_int_equal(rt_control_touch(b.c, "me", RT_TOUCH_EXCLUDE, 0, one, 1, "", &at, &b.e), 0);
    assert_true(rt_control_override(b.c)->factor[4] == 1); /* not before the update */
    assert_string_equal(journalled(&b, 1), "1 me samples 1@2-4>0.5@2-4 # weight 0.5\n"
                        "1 me samples 0.5@4>0.25@4 # again\n1 me samples 1@9>x1@9\n");
    const struct rt_override *h = rt_control_override(b.c);
    assert_true(h->factor[2] == 0.5f && h->factor[4] == 0.25f && h->excluded[9] == 1);
    assert_int_equal(rt_control_set(b.c, "me", "train.lr", "0.125", NULL, NULL, &b.e), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rt_control_undo(b.c, "me", what, &at, &b.e), 0);
    assert_string_equal(what, "samples: 0.25@4 # again -> 0.5@4");
    assert_int_equal(rt_control_redo(b.c, "me", what, &at, &b.e), 0);
    journalled(&b, 2);
    assert_true(h->factor[4] == 0.25f && h->factor[3] == 0.5f && h->excluded[9] == 0);
    assert_true(rt_control_settings(b.c)->train_lr == b.start.train_lr);
    assert_int_equal(rt_control_touch(b.c, "me", RT_TOUCH_RESTORE, 0, rows, 3, "", &at, &b.e), 0);
    assert_int_equal(rt_control_redo(b.c, "me", what, &at, &b.e), RT_ENODATA); /* forgotten now */
    journalled(&b, 3);
    assert_true(h->factor[2] == 1 && h->factor[4] == 1);
    assert_int_equal(rt_control_touch(b.c, "me", RT_TOUCH_SET, -1, rows, 3, "", &at, &b.e), RT_ERANGE);
    assert_int_equal(rt_control_touch(b.c, "me", RT_TOUCH_MUTE, 0, rows, 0, "", &at, &b.e), RT_ERANGE);
    rt_control_destroy(b.c);
}

static void test_damaged_checkpoints(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *pending;
        int code;
        const char *samples;
    } wrong[] = {
        {"train.lr", NULL, RT_EFORMAT, NULL},        {"train.lr=x", NULL, RT_EFORMAT, NULL},
        {"train.batch=3", NULL, RT_EUSAGE, NULL},    {"wrong=1", NULL, RT_ENOTFOUND, NULL},
        {NULL, "9 me train.lr", RT_EFORMAT, NULL},   {NULL, "me train.lr=1", RT_EFORMAT, NULL},
        {NULL, "9 train.lr=1", RT_EFORMAT, NULL},    {NULL, "4 me train.lr=1", RT_ERANGE, NULL},
        {NULL, "x me train.lr=1", RT_EFORMAT, NULL}, {NULL, "9 me train.lr=-1", RT_ERANGE, NULL},
        {NULL, NULL, RT_EFORMAT, "0.5@"},      {NULL, NULL, RT_ERANGE, "1@10"},
        {NULL, "9 me samples=1@x", RT_EFORMAT, NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bench b;
        open_bench(&b);
        struct rt_control_text t = {(char *)wrong[i].settings, (char *)wrong[i].samples,
                                    (char *)wrong[i].pending};
        assert_int_equal(rt_control_samples(b.c, 10), 0);
        assert_int_equal(rt_control_load(b.c, &t, 4, &b.e), wrong[i].code);
        assert_true(b.e.text[0]);
        rt_control_destroy(b.c);
    }
}

static void test_checkpoints_asked_for(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b);
    assert_int_equal(step(&b, 1), 0);
    assert_int_equal(rt_control_checkpoint(b.c, -1), 1);
    assert_int_equal(rt_control_checkpoint(b.c, 1), 1); /* the same one */
    assert_int_equal(rt_control_checkpoint(b.c, 3), 3);
    assert_int_equal(rt_control_checkpoint(b.c, 0), 0); /* over */
    assert_int_equal(rt_control_set(b.c, "me", "train.lr", "1", NULL, NULL, &b.e), 0);
    assert_int_equal(step(&b, 2), RT_CONTROL_SAVE);
    assert_string_equal(b.diary.text, ""); /* saved as it was */
    uint64_t before = rt_control_spent(b.c), began = uv_hrtime();
    while (uv_hrtime() - began < 2000000)
        ; /* it takes its time, which those who ask are charged */
    assert_int_equal(step(&b, 2), 0);
    assert_true(rt_control_spent(b.c) - before >= 2000000);
    assert_int_equal(rt_control_checkpoint(b.c, -1), RT_EBUSY); /* and the next one has to wait */
    assert_string_equal(b.diary.text, "2 me train.lr 0.002>1\n");
    assert_int_equal(step(&b, 3), 0);
    rt_control_pause(b.c);
    rt_control_note(b.c); /* twice is once, and a pause does not hold it up */
    rt_control_note(b.c);
    assert_int_equal(step(&b, 4), RT_CONTROL_SAVE);
    assert_int_equal(step(&b, 4), RT_CONTROL_NOTE);
    rt_control_resume(b.c);
    assert_int_equal(step(&b, 4), 0);
    rt_control_until(b.c, 4);
    assert_int_equal(step(&b, 5), RT_ESTOPPED);
    rt_control_destroy(b.c);
}

/* A student in a thread of its own, and what it has reached. */
struct student {
    struct bench bench;
    atomic_int began, saved, stop, ended;
};

static int stopping(void *self)
{
    return atomic_load(&((struct student *)self)->stop);
}

static void stop(void *self)
{
    atomic_store(&((struct student *)self)->stop, 1);
}

static void work(void *self)
{
    struct student *s = self;
    int rc = 0;
    for (int n = 1; rc == 0; n++) {
        while ((rc = step(&s->bench, n)) == RT_CONTROL_SAVE)
            atomic_fetch_add(&s->saved, 1);
        if (rc == 0)
            atomic_store(&s->began, n);
    }
    atomic_store(&s->ended, rc);
}

static void start(struct student *s, uv_thread_t *thread)
{
    memset(s, 0, sizeof *s);
    open_bench(&s->bench);
    rt_control_host(s->bench.c, &(struct rt_control_host){.self = s, .stopping = stopping, .stop = stop});
    rt_control_pause(s->bench.c);
    assert_int_equal(uv_thread_create(thread, work, s), 0);
}

static void await(atomic_int *what, int value)
{
    while (atomic_load(what) != value)
        uv_sleep(1);
}

static void test_pace(void **state)
{
    (void)state;
    static struct student s;
    uv_thread_t thread;
    int64_t at;
    start(&s, &thread);
    struct rt_control *c = s.bench.c;
    assert_int_equal(rt_control_checkpoint(c, -1), 0);
    await(&s.saved, 1); /* also while paused */
    assert_int_equal(atomic_load(&s.began), 0);
    rt_control_allow(c, 3);
    await(&s.began, 3);
    while (!rt_control_paused(c))
        uv_sleep(1);
    assert_int_equal(rt_control_set(c, "me", "train.lr", "1", NULL, &at, &s.bench.e), 0);
    assert_int_equal(at, 4);
    assert_int_equal(atomic_load(&s.began), 3);
    rt_control_resume(c);
    while (atomic_load(&s.began) < 50)
        uv_sleep(1);
    assert_false(rt_control_paused(c));
    rt_control_pause(c);
    rt_control_stop(c);
    assert_int_equal(uv_thread_join(&thread), 0);
    assert_int_equal(s.ended, RT_ESTOPPED);
    assert_string_equal(s.bench.diary.text, "4 me train.lr 0.002>1\n");
    rt_control_destroy(c);
}

static void test_a_signal_ends_a_paused_run(void **state)
{
    (void)state;
    static struct student s;
    uv_thread_t thread;
    start(&s, &thread);
    stop(&s);
    assert_int_equal(uv_thread_join(&thread), 0);
    assert_int_equal(s.ended, RT_ESTOPPED);
    assert_int_equal(s.began, 0);
    rt_control_destroy(s.bench.c);
}

/* Changes from two threads while a third makes updates: each is told once, at the update said. */
struct asker {
    struct rt_control *c;
    const char *who, *key;
    int64_t at[100];
};

static void ask(void *self)
{
    struct asker *a = self;
    for (int i = 0; i < 100; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i + 1);
        assert_int_equal(rt_control_set(a->c, a->who, a->key, value, NULL, &a->at[i], NULL), 0);
    }
}

struct tally {
    int64_t at[2][101]; /* of each value; 0 = overtaken by a later one */
    int last[2];
};

static int count_change(void *self, int64_t n, const char *who, const char *key, const char *before,
                        const char *after, struct rt_error *e)
{
    (void)key;
    (void)before;
    (void)e;
    struct tally *t = self;
    int i = who[0] - 'a';
    assert_true(atoi(after) > t->last[i]); /* in its order */
    t->last[i] = atoi(after);
    t->at[i][t->last[i]] = n;
    return 0;
}

static void test_two_askers(void **state)
{
    (void)state;
    static struct asker asker[2];
    static struct tally tally;
    struct bench b;
    struct rt_control_told told = {.self = &tally, .change = count_change};
    uv_thread_t thread[2];
    open_bench(&b);
    for (int i = 0; i < 2; i++) {
        asker[i] = (struct asker){.c = b.c, .who = i ? "b" : "a", .key = i ? "train.clip" : "distill.l2.lambda"};
        assert_int_equal(uv_thread_create(&thread[i], ask, &asker[i]), 0);
    }
    for (int n = 1; tally.last[0] < 100 || tally.last[1] < 100; n++)
        assert_int_equal(rt_control_step(b.c, n, &told, &b.e), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(uv_thread_join(&thread[i]), 0);
        for (int k = 1; k <= 100; k++) /* when it was promised, or not at all */
            assert_true(tally.at[i][k] == 0 || tally.at[i][k] == asker[i].at[k - 1]);
    }
    rt_control_destroy(b.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_takes_effect_at_the_next_update),
        cmocka_unit_test(test_what_is_refused_changes_nothing),
        cmocka_unit_test(test_last_value_of_an_update),
        cmocka_unit_test(test_the_run_itself_may_refuse),
        cmocka_unit_test(test_planned_changes), cmocka_unit_test(test_planned_behind_another),
        cmocka_unit_test(test_settings_of_batches),
        cmocka_unit_test(test_others_are_told),
        cmocka_unit_test(test_who_hosts_the_run_is_told),
        cmocka_unit_test(test_who_is_told_may_end_the_run),
        cmocka_unit_test(test_kept_in_a_checkpoint),
        cmocka_unit_test(test_retired_settings_are_left_out),
        cmocka_unit_test(test_samples_and_undo), cmocka_unit_test(test_damaged_checkpoints),
        cmocka_unit_test(test_checkpoints_asked_for),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_a_signal_ends_a_paused_run),
        cmocka_unit_test(test_two_askers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
