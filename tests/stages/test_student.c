/* SPDX-License-Identifier: MIT
 * Tests of stages/student: settings that cannot be had, input that is not finite, batches too small; what a
 * missing label or teacher removes; weights; the choice of head; equal bytes after a resume and for any
 * number of threads. A text student learns from a picture teacher through the real stages. */
#include "stages/student.h"
#include "stages/nn/exec.h"
#include "tests/stages/toy.h"

#define ROWS 12
#define TEACHER "image.size=16 student.modality=image student.net=cnn2d student.width=4 "              \
                "student.embedding=6 seed=3"
#define STUDENT "image.size=16 student.modality=text student.net=textbag text.buckets=256 "            \
                "student.embedding=5 train.batch=6 train.threads=1 train.schedule=constant "          \
                "distill.l2.lambda=2 distill.kl.lambda=1 distill.kl.quantile=0.4 weight.floor=0.1 weight.map=percentile"

static struct toy t;
static struct rt_model teacher;
static struct rt_scores scores;
static struct rt_step_report last;
static struct rt_objective_out last_out;
static struct rt_eval_report evaluated;
static int64_t last_update;
static int steps_seen, drops_seen, rows_known = ROWS;

/* Rows 0, 3, ... are of class a and so on; row 4 has no label, row 5 and 7 no picture. */
static int setup(void **state)
{
    (void)state;
    static const char *const picture[] = {"rgb.png", "palette.png", "grey.png", "alpha.png", "rgb.jpg"};
    char table[1500] = "id\tlabel\timage\ttext\n";
    toy_make(&t, TEACHER);
    for (int i = 0; i < 5; i++) {
        char from[100];
        snprintf(from, sizeof from, "tests/data/good/%s", picture[i]);
        toy_copy(&t, from, picture[i]);
    }
    for (int i = 0; i < ROWS; i++)
        sprintf(table + strlen(table), "row%d\t%s\t%s\tword%d of the %s kind\n", i,
                i == 4 ? "" : &"a\0b\0c"[2 * (i % 3)], i == 5 || i == 7 ? "" : picture[i % 5], i,
                &"first\0second\0thirds"[i % 3 * 6 + (i % 3 == 2)]);
    toy_load(&t, table);
    TOY_OK(&t, rt_model_create(&teacher, &t.recipe, t.data.class_name, 3, NULL, 0, NULL, NULL, &t.e));
    toy_set(&t.recipe, STUDENT " seed=8");
    struct rt_decode d = toy_decode(&t);
    d.input[d.inputs++] = (struct rt_decode_input){.role = "s", .modality = &rt_modality_image};
    d.input[d.inputs++] = (struct rt_decode_input){.role = "s", .modality = &rt_modality_text};
    TOY_OK(&t, rt_scores_init(&scores, ROWS, (bool[RT_MODALITIES]){[RT_IMAGE] = true, [RT_TEXT] = true}, NULL, 0));
    toy_score(&t, &d, &(struct rt_quality){.dataset = &t.data, .content = &t.content,
                                           .scores = &scores});
    TOY_OK(&t, rt_scores_rank(&scores));
    steps_seen = drops_seen = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rt_scores_fini(&scores);
    rt_model_fini(&teacher);
    toy_fini(&t);
    return 0;
}

static void on_drop(void *self, const struct rt_drop *d)
{
    (void)self;
    drops_seen += d->sample >= 0;
}

static int on_step(void *self, const struct rt_step_report *r, struct rt_error *e)
{
    (void)self;
    (void)e;
    last = *r;
    last_out = *r->terms;
    steps_seen++;
    return 0;
}

static int on_update(void *self, int64_t update, bool epoch_ended, struct rt_error *e)
{
    (void)self;
    (void)e;
    (void)epoch_ended;
    last_update = update;
    return 0;
}

static int on_eval(void *self, const struct rt_eval_report *r, struct rt_error *e)
{
    (void)self;
    (void)e;
    evaluated = *r;
    return 0;
}

static const struct rt_observer watching[] = {
    {.left_out = on_drop, .step = on_step, .update = on_update, .evaluation = on_eval},
};

struct learner {
    struct rt_model model;
    struct rt_student student;
};

static int start(struct learner *l, const struct rt_model *with)
{
    static const char *measure[RT_SCORE_COLUMNS];
    memset(l, 0, sizeof *l);
    TOY_OK(&t, rt_model_create(&l->model, &t.recipe, t.data.class_name, 3, &with, with != NULL, NULL, NULL, &t.e));
    l->student = (struct rt_student){
        .role = "student", .teacher = {"teacher"}, .teachers = with ? 1 : 0, .recipe = &t.recipe, .dataset = &t.data,
        .observer = watching, .observers = sizeof watching / sizeof *watching,
    };
    struct rt_learner_settings settings;
    rt_learner_settings_of(&t.recipe, &settings);
    struct rt_learner_config c = {
        .model = &l->model, .teacher = &with, .teachers = with ? 1 : 0, .settings = &settings,
        .optimizer = t.recipe.train_optimizer, .batch = (int)t.recipe.train_batch, .shards = 1,
        .threads = (int)t.recipe.train_threads, .rows = rows_known, .measure = measure,
        .measures = rt_scores_names(&scores, measure), .steps = 20,
    };
    return rt_learner_create(&l->student.learner, &c, &t.e);
}

static int64_t steps_done(const struct learner *l)
{
    return rt_learner_progress(l->student.learner).step;
}

static void stop(struct learner *l)
{
    rt_learner_destroy(l->student.learner);
    rt_model_fini(&l->model);
}

/* A batch as it comes to the student. */
static struct rt_batch *arriving(struct learner *l, enum rt_batch_kind kind, const int *rows, int n)
{
    struct rt_batch *b = toy_batch(kind, rows, n);
    struct rt_decode d = toy_decode(&t);
    struct rt_quality q = {.dataset = &t.data, .content = &t.content, .scores = &scores};
    struct rt_teacher in = {.role = "teacher", .model = &teacher, .dataset = &t.data,
                          .content = &t.content, .workers = 1};
    d.input[d.inputs++] = (struct rt_decode_input){.role = "student", .modality = &rt_modality_text,
                                                   .front = &l->model.front, .required = true};
    if (l->student.teachers)
        d.input[d.inputs++] = (struct rt_decode_input){.role = "teacher", .front = &teacher.front,
                                                       .modality = &rt_modality_image};
    TOY_OK(&t, rt_stage_decode.work(&d, b, &t.e));
    TOY_OK(&t, rt_stage_quality.work(&q, b, &t.e));
    if (l->student.teachers) {
        TOY_OK(&t, rt_stage_teacher->open(&in, &t.e));
        TOY_OK(&t, rt_stage_teacher->work(&in, b, &t.e));
        rt_stage_teacher->close(&in);
    }
    return b;
}

static void step(struct learner *l, const int *rows, int n)
{
    struct rt_batch *b = arriving(l, RT_BATCH_TRAIN, rows, n);
    TOY_OK(&t, rt_stage_student.work(&l->student, b, &t.e));
    rt_batch_destroy(b);
}

static void evaluate(struct learner *l)
{
    static const int rows[] = {0, 1, 2, 3, 4, 5};
    struct rt_batch *b = arriving(l, RT_BATCH_EVAL, rows, 6);
    b->marks = RT_MARK_EVAL;
    TOY_OK(&t, rt_stage_student.work(&l->student, b, &t.e));
    rt_batch_destroy(b);
}

static const int first[] = {0, 1, 2, 3, 4, 5}, second[] = {6, 7, 8, 9, 10, 11};

static void teach(struct learner *l, int steps)
{
    for (int i = 0; i < steps; i++)
        step(l, i % 2 ? second : first, 6);
}

static struct rt_key128 fingerprint(const struct learner *l)
{
    struct rt_safetensors *s;
    struct rt_key128 k = {0, 0};
    const char *name;
    TOY_OK(&t, rt_safetensors_create(&s));
    TOY_OK(&t, rt_student_save(&l->student, s));
    for (int i = 0; i < rt_safetensors_count(s); i++) {
        const struct rt_tensor *x = rt_safetensors_at(s, i, &name);
        k = rt_key128_of(name, strlen(name), k);
        k = rt_key128_of(x->data, rt_tensor_bytes(x), k);
    }
    const char *progress = rt_safetensors_text(s, "retort.progress");
    k = rt_key128_of(progress, strlen(progress), k);
    rt_safetensors_destroy(s);
    return k;
}

static void same(const struct learner *a, const struct learner *b)
{
    struct rt_key128 x = fingerprint(a), y = fingerprint(b);
    assert_true(x.lo == y.lo && x.hi == y.hi);
}

static void refuse(const char *settings, const struct rt_model *with, int code, const char *says)
{
    struct learner l;
    struct rt_recipe before = t.recipe;
    toy_set(&t.recipe, settings);
    int rc = start(&l, with);
    if (rc != code || !strstr(t.e.text, says))
        fail_msg("%s: %d %s", settings, rc, t.e.text);
    stop(&l);
    t.recipe = before;
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const other[] = {"a", "b", "d"};
    struct rt_model stranger;
    refuse("weight.terms=sharpness,loudness", &teacher, RT_EUSAGE, "'loudness' is not measured");
    refuse("weight.terms=loudness", &teacher, RT_EUSAGE, "teacher_confidence");
    refuse("distill.l2.lambda=0", NULL, RT_EUSAGE, "distill.kl.lambda is 1, but there is no teacher");
    refuse("distill.l2.lambda=0 distill.kl.lambda=0 weight.terms=teacher_norm", NULL, RT_EUSAGE,
           "'teacher_norm' is not measured");
    refuse("distill.l2.lambda=0 distill.kl.lambda=0 eval.head=sum", NULL, RT_EMISMATCH, "eval.head is sum");
    struct rt_recipe mine = t.recipe;
    toy_set(&t.recipe, TEACHER);
    TOY_OK(&t, rt_model_create(&stranger, &t.recipe, other, 3, NULL, 0, NULL, NULL, &t.e));
    t.recipe = mine;
    refuse("name=x", &stranger, RT_EMISMATCH, "distill.kl needs a teacher with the data set's classes");
    refuse("distill.kl.lambda=0 weight.terms=teacher_confidence", &stranger, RT_EMISMATCH,
           "'teacher_confidence' needs a teacher with the data set's classes");
    refuse("distill.kl.lambda=0 eval.head=teacher", &stranger, RT_EMISMATCH, "eval.head is teacher");
    rt_model_fini(&stranger);
}

static void test_not_finite(void **state)
{
    (void)state;
    struct learner l;
    struct rt_tensor w;
    TOY_OK(&t, start(&l, &teacher));
    teach(&l, 2);
    struct rt_batch *b = arriving(&l, RT_BATCH_TRAIN, first, 6);
    toy_frame(b, "student.weight", &w);
    ((float *)w.data)[0] = NAN;
    TOY_OK(&t, rt_batch_pack(b, "student.weight", &w, 0));
    rt_tensor_fini(&w);
    assert_int_equal(rt_stage_student.work(&l.student, b, &t.e), RT_ENOTFINITE);
    if (!strstr(t.e.text, "step 3: the output of ") || !strstr(t.e.text, "row0, row1"))
        fail_msg("%s", t.e.text);
    assert_int_equal(steps_done(&l), 2);
    rt_batch_destroy(b);
    stop(&l);
}

static void test_small_batches(void **state)
{
    (void)state;
    struct learner l;
    TOY_OK(&t, start(&l, &teacher));
    step(&l, first, 0);
    step(&l, first, 1);
    assert_int_equal(steps_done(&l), 2);
    assert_int_equal(steps_seen, 0);
    assert_int_equal(last_update, 2); /* they count all the same: a checkpoint may be due */
    assert_int_equal(rt_learner_samples(l.student.learner)->seen[0], 0);
    struct rt_batch *b = arriving(&l, RT_BATCH_TRAIN, first, 1);
    TOY_OK(&t, rt_batch_drop(b, 1, RT_TEXT, RT_EEMPTY, "row1"));
    TOY_OK(&t, rt_stage_student.work(&l.student, b, &t.e));
    rt_batch_destroy(b);
    assert_int_equal(drops_seen, 1); /* told, though nothing was learned */
    step(&l, first, 2);
    assert_int_equal(last.step, 4);
    assert_int_equal(rt_learner_samples(l.student.learner)->seen[0], 1);
    stop(&l);
}

/* Row 4 has no label, rows 5 and 7 no teacher: each loss divides by those that have what it needs. */
static void test_missing(void **state)
{
    (void)state;
    struct learner l;
    TOY_OK(&t, start(&l, &teacher));
    step(&l, first, 6);
    assert_int_equal(last_out.used[RT_TERM_ce], 5);
    assert_int_equal(last_out.used[RT_TERM_l2], 5);
    assert_int_equal(last_out.used[RT_TERM_kl], 5);
    const struct rt_sample_states *d = rt_learner_samples(l.student.learner);
    assert_true(isnan(rt_sample_distance(d, 4, RT_TERM_ce)) && isfinite(rt_sample_distance(d, 4, RT_TERM_l2)));
    assert_true(isfinite(rt_sample_distance(d, 5, RT_TERM_ce)) && isnan(rt_sample_distance(d, 5, RT_TERM_l2)));
    double ce = 0;
    for (int i = 0; i < 6; i++)
        ce += i == 4 ? 0 : rt_sample_distance(d, i, RT_TERM_ce);
    assert_true(fabs(ce / 5 - last_out.mean[RT_TERM_ce]) < 1e-5);
    assert_true(fabs(last.total - last_out.mean[RT_TERM_ce] - 2 * last_out.mean[RT_TERM_l2] -
                     last_out.mean[RT_TERM_kl]) < 1e-5);
    t.data.label[0] = -1; /* hidden, as data.labels does: truth stays */
    step(&l, first, 6);
    assert_int_equal(last_out.used[RT_TERM_ce], 4);
    assert_int_equal(last_out.used[RT_TERM_l2], 5);
    toy_set(&t.recipe, "teacher.on=false");
    step(&l, first, 6);
    assert_int_equal(last_out.used[RT_TERM_l2], 0);
    stop(&l);
}

/* Of the teacher's features, as a checkpoint has it. */
static double running_norm(const struct learner *l)
{
    struct rt_safetensors *s;
    double mean = NAN;
    TOY_OK(&t, rt_safetensors_create(&s));
    TOY_OK(&t, rt_student_save(&l->student, s));
    assert_int_equal(sscanf(rt_safetensors_text(s, "retort.progress"), "%*d %*a %la", &mean), 1);
    rt_safetensors_destroy(s);
    return mean;
}

static void test_weights(void **state)
{
    (void)state;
    struct learner l;
    toy_set(&t.recipe, "weight.terms=sharpness,teacher_confidence,teacher_norm weight.gamma=2");
    TOY_OK(&t, start(&l, &teacher));
    step(&l, first, 6);
    const struct rt_sample_states *s = rt_learner_samples(l.student.learner);
    double g[6], sum = 0, weight = 0, square = 0;
    for (int i = 0; i < 6; i++) {
        double q = s->quality[i];
        assert_true(q >= 0 && q <= 1);
        sum += g[i] = 0.1 + 0.9 * q * q;
    }
    assert_true(s->quality[5] == 1); /* nothing of it is measured */
    assert_true(s->quality[4] > 0);  /* no label: the surest answer */
    for (int i = 0; i < 6; i++) {
        assert_true(fabs(s->weight[i] - g[i] / (sum / 6)) < 1e-5);
        weight += s->weight[i];
        square += s->weight[i] * s->weight[i];
    }
    assert_true(fabs(weight - 6) < 1e-4);
    assert_true(fabs(last.effective - weight * weight / square) < 1e-4);
    assert_true(running_norm(&l) > 0);
    float before = s->quality[0];
    toy_set(&t.recipe, "weight.terms=teacher_confidence"); /* read anew at every step */
    step(&l, first, 6);
    assert_true(s->quality[0] != before && s->quality[4] > 1.0f / 3 && s->quality[4] < 1);
    toy_set(&t.recipe, "weight.terms=");
    step(&l, first, 6);
    for (int i = 0; i < 6; i++)
        assert_true(s->weight[i] == 1);
    t.data.weight[first[0]] = 0; /* as the manifest has it */
    t.data.weight[first[1]] = 2.5;
    step(&l, first, 6);
    assert_true(s->weight[first[0]] == 0 && s->weight[first[1]] == 2.5f && s->weight[first[2]] == 1);
    stop(&l);
}

/* A sample taken out by hand: the batch goes on as it came, and the sample is in nothing that was learned. */
static void test_excluded(void **state)
{
    (void)state;
    static const int without[] = {0, 2, 3, 4, 5}, out[] = {1};
    struct learner l, never;
    struct rt_control *c;
    int64_t at;
    toy_set(&t.recipe, "weight.terms=teacher_norm,sharpness");
    TOY_OK(&t, start(&l, &teacher));
    TOY_OK(&t, start(&never, &teacher));
    TOY_OK(&t, rt_control_create(&c, &t.recipe));
    TOY_OK(&t, rt_control_samples(c, ROWS));
    l.student.control = c;
    l.student.recipe = rt_control_settings(c);
    TOY_OK(&t, rt_control_touch(c, "test", RT_TOUCH_EXCLUDE, 0, out, 1, "", &at, &t.e));
    struct rt_batch *b = arriving(&l, RT_BATCH_TRAIN, first, 6);
    uint64_t before = toy_digest(b);
    TOY_OK(&t, rt_stage_student.work(&l.student, b, &t.e));
    assert_int_equal(b->count, 6);
    assert_true(toy_digest(b) == before);
    rt_batch_destroy(b);
    assert_int_equal(last.samples, 5);
    step(&never, without, 5);
    l.student.control = NULL; /* which a checkpoint would hold too */
    same(&l, &never);
    assert_int_equal(rt_learner_samples(l.student.learner)->seen[1], 0);
    rt_control_destroy(c);
    stop(&l);
    stop(&never);
}

static void test_head(void **state)
{
    (void)state;
    for (int h = 0; h < RT_HEADS; h++) {
        char choice[40];
        struct learner l;
        snprintf(choice, sizeof choice, "eval.head=%s", rt_head_names[h]);
        toy_set(&t.recipe, choice);
        TOY_OK(&t, start(&l, &teacher));
        teach(&l, 8);
        evaluate(&l);
        double top = fmax(evaluated.top1[RT_HEAD_OWN],
                          fmax(evaluated.top1[RT_HEAD_TEACHER], evaluated.top1[RT_HEAD_SUM]));
        assert_int_equal(evaluated.samples, 5); /* row 4 has no label */
        assert_true(evaluated.teacher_top1 >= 0 && evaluated.teacher_top1 <= 1);
        assert_int_equal(l.model.answer, evaluated.answer);
        if (h == RT_HEAD_BEST)
            assert_true(evaluated.top1[evaluated.answer] == top);
        else /* of five samples no head is better by more than chance */
            assert_int_equal(evaluated.answer, h == RT_HEAD_AUTO ? RT_HEAD_OWN : h);
        assert_true(evaluated.best && rt_learner_progress(l.student.learner).best == evaluated.top1[evaluated.answer]);
        evaluate(&l);
        assert_false(evaluated.best); /* as good is not better */
        stop(&l);
    }
    struct learner l;
    toy_set(&t.recipe, "distill.l2.lambda=0 distill.kl.lambda=0 eval.head=auto");
    TOY_OK(&t, start(&l, NULL));
    teach(&l, 2);
    evaluate(&l);
    assert_true(isnan(evaluated.top1[RT_HEAD_TEACHER]) && isnan(evaluated.teacher_top1));
    assert_int_equal(evaluated.answer, RT_HEAD_OWN);
    stop(&l);
}

static void test_resume(void **state)
{
    (void)state;
    struct learner whole, half, later;
    struct rt_safetensors *s;
    toy_set(&t.recipe, "weight.terms=teacher_norm student.dropout=0.3");
    TOY_OK(&t, start(&whole, &teacher));
    TOY_OK(&t, start(&half, &teacher));
    TOY_OK(&t, start(&later, &teacher));
    teach(&whole, 4);
    evaluate(&whole);
    teach(&whole, 6);
    teach(&half, 4);
    evaluate(&half);
    TOY_OK(&t, rt_safetensors_create(&s));
    TOY_OK(&t, rt_student_save(&half.student, s));
    teach(&later, 3); /* what was there is overwritten */
    TOY_OK(&t, rt_student_load(&later.student, s, "saved", &t.e));
    same(&later, &half);
    teach(&later, 6);
    same(&later, &whole);
    TOY_OK(&t, rt_safetensors_set_text(s, "retort.progress", "4 x"));
    assert_int_equal(rt_student_load(&later.student, s, "saved", &t.e), RT_EFORMAT);
    assert_non_null(strstr(t.e.text, "saved: not a checkpoint (retort.progress '4 x')"));
    rt_safetensors_destroy(s);
    stop(&whole);
    stop(&half);
    stop(&later);
}

static void test_other_dataset(void **state)
{
    (void)state;
    struct learner l, fewer;
    struct rt_safetensors *s;
    TOY_OK(&t, start(&l, &teacher));
    rows_known = ROWS - 1;
    TOY_OK(&t, start(&fewer, &teacher));
    rows_known = ROWS;
    TOY_OK(&t, rt_safetensors_create(&s));
    TOY_OK(&t, rt_student_save(&fewer.student, s));
    stop(&fewer);
    assert_int_equal(rt_student_load(&l.student, s, "saved", &t.e), RT_EMISMATCH);
    assert_non_null(strstr(t.e.text, "saved: samples.* are missing, damaged or not of 12 rows"));
    rt_safetensors_destroy(s);
    stop(&l);
}

static void test_threads(void **state)
{
    (void)state;
    struct learner one, many;
    TOY_OK(&t, start(&one, &teacher));
    teach(&one, 5);
    for (int threads = 2; threads <= 3; threads++) {
        char setting[40];
        snprintf(setting, sizeof setting, "train.threads=%d", threads);
        toy_set(&t.recipe, setting);
        TOY_OK(&t, start(&many, &teacher));
        teach(&many, 5);
        struct rt_key128 a = fingerprint(&one), b = fingerprint(&many);
        assert_true(a.lo == b.lo && a.hi == b.hi);
        stop(&many);
    }
    stop(&one);
}

/* Writes its mark for each thing it is told of; what it has to say of it is *answer. */
struct witness {
    char *diary, mark;
    int answer;
};

static int witness_write(void *self, char what)
{
    struct witness *w = self;
    sprintf(w->diary + strlen(w->diary), "%c%c ", what, w->mark);
    return w->answer;
}

static void witness_drop(void *self, const struct rt_drop *d)
{
    (void)d;
    witness_write(self, 'd');
}

static int witness_step(void *self, const struct rt_step_report *r, struct rt_error *e)
{
    (void)r;
    (void)e;
    return witness_write(self, 's');
}

static int witness_epoch(void *self, int64_t at, int epoch, struct rt_error *e)
{
    (void)at;
    (void)epoch;
    (void)e;
    return witness_write(self, 'e');
}

static int witness_update(void *self, int64_t at, bool epoch_ended, struct rt_error *e)
{
    (void)at;
    (void)e;
    return witness_write(self, epoch_ended ? 'U' : 'u');
}

static int witness_evaluation(void *self, const struct rt_eval_report *r, struct rt_error *e)
{
    (void)r;
    (void)e;
    return witness_write(self, 'v');
}

/* All of the list hear of a thing, in its order, before the next thing happens; one who fails ends it. */
static void test_observers(void **state)
{
    (void)state;
    struct learner l;
    char diary[200] = "";
    struct witness a = {diary, 'A', 0}, c = {diary, 'C', 0};
    const struct rt_observer list[] = {
        {.self = &a, .left_out = witness_drop, .step = witness_step, .epoch = witness_epoch,
         .update = witness_update, .evaluation = witness_evaluation},
        {.self = NULL}, /* one who wants to know nothing */
        {.self = &c, .left_out = witness_drop, .step = witness_step, .epoch = witness_epoch,
         .update = witness_update, .evaluation = witness_evaluation},
    };
    TOY_OK(&t, start(&l, &teacher));
    l.student.observer = list;
    l.student.observers = 3;
    struct rt_batch *b = arriving(&l, RT_BATCH_TRAIN, first, 5);
    TOY_OK(&t, rt_batch_drop(b, 5, RT_TEXT, RT_EEMPTY, "row5"));
    b->marks = RT_MARK_EPOCH;
    TOY_OK(&t, rt_stage_student.work(&l.student, b, &t.e));
    rt_batch_destroy(b);
    step(&l, first, 1);
    evaluate(&l);
    assert_string_equal(diary, "dA dC sA sC eA eC UA UC uA uC vA vC ");
    *diary = '\0';
    a.answer = RT_EIO;
    b = arriving(&l, RT_BATCH_TRAIN, first, 6);
    assert_int_equal(rt_stage_student.work(&l.student, b, &t.e), RT_EIO);
    assert_string_equal(diary, "sA ");
    rt_batch_destroy(b);
    stop(&l);
}

static void test_frozen_head(void **state)
{
    (void)state;
    struct learner l;
    toy_set(&t.recipe, "distill.head_kl.lambda=3 train.lr=0.1");
    TOY_OK(&t, start(&l, &teacher));
    const struct rt_param *head = rt_graph_param_named(l.model.graph, "teacher_head.weight");
    const struct rt_param *from = rt_graph_param_named(teacher.graph, "logits.weight");
    struct rt_param *bridge = rt_graph_param_named(l.model.graph, "projection.weight");
    float before = bridge->value[0];
    teach(&l, 6);
    assert_memory_equal(head->value, from->value, sizeof(float) * (size_t)from->count);
    assert_true(bridge->value[0] != before);
    stop(&l);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused), TEST(test_not_finite), TEST(test_small_batches), TEST(test_missing),
        TEST(test_weights), TEST(test_excluded), TEST(test_head), TEST(test_resume), TEST(test_other_dataset),
        TEST(test_threads), TEST(test_observers), TEST(test_frozen_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
