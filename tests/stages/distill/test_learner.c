/* SPDX-License-Identifier: MIT
 * test_learner: an update without a pipeline: what is refused, who takes part, weights, numbers
 * that are not finite, evaluation, equal bytes after a resume and for any number of threads. */
#include "stages/nn/exec.h"
#include "stages/nn/window.h"
#include "tests/stages/distill/learner_toy.h"

static struct learner_toy t;
static const int all[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static int setup(void **state)
{
    (void)state;
    lt_make(&t, "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lt_fini(&t);
    return 0;
}

static void step(struct lt_learner *l, const int *rows, int count, struct rt_step_report *r)
{
    struct lt_batch b;
    lt_batch(&t, &b, rows, count);
    int rc = lt_step(&t, l->learner, &b.b, r, &t.e);
    LT_OK(&t, rc);
    assert_int_equal(rc, 1);
}

static void steps(struct lt_learner *l, int count)
{
    struct rt_step_report r;
    for (int i = 0; i < count; i++)
        step(l, all + (i % 2 ? 8 : 0), 8, &r);
}

static void refuse(const char *settings, int teachers, int code, const char *says)
{
    struct rt_recipe before = t.recipe;
    struct lt_learner l;
    lt_set(&t, settings);
    if (lt_start(&t, &l, teachers, 1, NULL) != code || !strstr(t.e.text, says))
        fail_msg("%s: %s", settings, t.e.text);
    assert_null(l.learner);
    lt_stop(&l);
    t.recipe = before;
}

static void test_refused(void **state)
{
    (void)state;
    struct lt_learner l;
    struct lt_batch b;
    struct rt_step_report r;
    refuse("distill.l2.lambda=0", 0, RT_EUSAGE, "distill.kl.lambda is 1, but there is no teacher");
    refuse("weight.terms=sharp,snr", 1, RT_EUSAGE, "'snr' is not measured here: take of sharp, loud, teacher_norm");
    refuse("distill.l2.lambda=0 distill.kl.lambda=0 eval.head=sum", 0, RT_EMISMATCH, "eval.head is sum");
    refuse("name=x", 2, RT_EUSAGE, "2 teachers: 2 at most, and those of the model");
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    lt_batch(&t, &b, all, ROWS);
    b.b.count = ROWS + 1;
    assert_int_equal(lt_step(&t, l.learner, &b.b, &r, &t.e), RT_EUSAGE);
    assert_int_equal(rt_learner_measure(l.learner, &b.b, &t.e), RT_EUSAGE);
    lt_set(&t, "weight.terms=snr"); /* a live change, asked from another thread */
    struct rt_learner_settings changed = lt_settings(&t);
    assert_int_equal(rt_learner_check(l.learner, &changed, &t.e), RT_EUSAGE);
    lt_stop(&l);
    rt_learner_destroy(NULL);
    assert_int_equal(rt_learner_progress(NULL).step, 0);
}

/* Row 4 has no label, row 5 no teacher: each term divides by those that have what it needs. */
static void test_report(void **state)
{
    (void)state;
    struct lt_learner l;
    struct rt_step_report r;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    step(&l, all, 8, &r);
    const struct rt_sample_states *s = rt_learner_samples(l.learner);
    assert_true(r.step == 1 && r.samples == 8 && r.lr == 0.01 && r.gradient_norm > 0 && r.effective == 8);
    assert_true(r.terms->used[RT_TERM_ce] == 7 && r.terms->used[RT_TERM_l2] == 7);
    assert_true(fabs(r.total - r.terms->mean[RT_TERM_ce] - 2 * r.terms->mean[RT_TERM_l2] -
                     r.terms->mean[RT_TERM_kl]) < 1e-9);
    assert_true(isnan(rt_sample_distance(s, 4, RT_TERM_ce)) && !isnan(rt_sample_distance(s, 4, RT_TERM_l2)));
    assert_true(isnan(rt_sample_distance(s, 5, RT_TERM_l2)) && !isnan(rt_sample_distance(s, 5, RT_TERM_ce)));
    assert_true(s->seen[7] == 1 && s->seen[8] == 0);
    struct rt_learner_progress p = rt_learner_progress(l.learner);
    assert_true(p.step == 1 && p.steps == 20 && p.best == -1);
    lt_stop(&l);
}

static void test_without_teacher(void **state)
{
    (void)state;
    struct lt_learner l;
    struct lt_batch b;
    struct rt_step_report r;
    lt_set(&t, "distill.l2.lambda=0 distill.kl.lambda=0");
    LT_OK(&t, lt_start(&t, &l, 0, 1, NULL));
    lt_batch(&t, &b, all, 8);
    b.b.taught = NULL;
    b.b.factor = NULL;
    b.b.value = b.b.percentile = NULL;
    assert_int_equal(lt_step(&t, l.learner, &b.b, &r, &t.e), 1);
    assert_true(r.terms->used[RT_TERM_ce] == 7 && r.terms->used[RT_TERM_l2] == 0);
    lt_stop(&l);
}

/* ---- the keep list ---- */

static void keep(struct lt_batch *b, const int *places, int count)
{
    memcpy(b->keep, places, sizeof *places * (size_t)count);
    b->b.keep = b->keep;
    b->b.kept = count;
}

/* What is left out is as if it had not been there, and the minibatch stays as it is. */
static void test_keep(void **state)
{
    (void)state;
    static const int kept[] = {0, 2, 3, 5, 7};
    struct lt_learner a, b;
    struct lt_batch part, before, whole;
    struct rt_step_report r;
    lt_set(&t, "weight.terms=sharp,teacher_norm,teacher_confidence student.dropout=0.3");
    t.factor[3] = 2;
    LT_OK(&t, lt_start(&t, &a, 1, 1, NULL));
    LT_OK(&t, lt_start(&t, &b, 1, 1, NULL));
    for (int i = 0; i < 3; i++) {
        lt_batch(&t, &part, all, 8);
        keep(&part, kept, 5);
        before = part;
        assert_int_equal(lt_step(&t, a.learner, &part.b, &r, &t.e), 1);
        assert_int_equal(r.samples, 5);
        assert_memory_equal(&part, &before, sizeof part);
        step(&b, kept, 5, &r);
        lt_batch(&t, &whole, all, 8);
        keep(&whole, all, 8); /* a list of all is no list */
        assert_int_equal(lt_step(&t, a.learner, &whole.b, &r, &t.e), 1);
        step(&b, all, 8, &r);
    }
    lt_same(&t, &a, &b, 1);
    assert_true(rt_learner_samples(a.learner)->seen[0] == 6 && rt_learner_samples(a.learner)->seen[1] == 3);
    lt_stop(&a);
    lt_stop(&b);
}

/* The same with a dense input and batch-norm, whose means are of the kept rows alone. */
static void test_keep_dense(void **state)
{
    (void)state;
    static const int kept[] = {1, 2, 6};
    struct lt_learner a, b;
    struct lt_batch part, alone;
    struct rt_step_report r;
    uint32_t seed = 5;
    lt_set(&t, "student.modality=image student.net=cnn2d student.width=4 image.size=16");
    LT_OK(&t, lt_start(&t, &a, 1, 1, NULL));
    LT_OK(&t, lt_start(&t, &b, 1, 1, NULL));
    size_t row = (size_t)rt_shape_count(&rt_graph_at(a.model.graph, 0)->shape);
    float *x = calloc(8 * row, sizeof *x), *y = calloc(3 * row, sizeof *y);
    for (size_t i = 0; i < 8 * row; i++)
        x[i] = lt_uniform(&seed);
    for (size_t i = 0; i < 3; i++)
        memcpy(y + i * row, x + (size_t)kept[i] * row, row * sizeof *x);
    lt_batch(&t, &part, all, 8);
    keep(&part, kept, 3);
    part.b.input = x;
    part.b.bags = (struct rt_bags){NULL, NULL, NULL};
    assert_int_equal(lt_step(&t, a.learner, &part.b, &r, &t.e), 1);
    lt_batch(&t, &alone, kept, 3);
    alone.b.input = y;
    alone.b.bags = (struct rt_bags){NULL, NULL, NULL};
    assert_int_equal(lt_step(&t, b.learner, &alone.b, &r, &t.e), 1);
    lt_same(&t, &a, &b, 1);
    free(x);
    free(y);
    lt_stop(&a);
    lt_stop(&b);
}

/* Batch-norm needs two: with fewer only the count of updates goes on. */
static void test_too_few(void **state)
{
    (void)state;
    static const int one[] = {3};
    struct lt_learner l;
    struct lt_batch b;
    struct rt_step_report r;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    float before = rt_graph_param(l.model.graph, 0)->value[0];
    lt_batch(&t, &b, all, 8);
    keep(&b, one, 1);
    assert_int_equal(lt_step(&t, l.learner, &b.b, &r, &t.e), 0);
    keep(&b, one, 0);
    assert_int_equal(lt_step(&t, l.learner, &b.b, &r, &t.e), 0);
    assert_int_equal(rt_learner_progress(l.learner).step, 2);
    assert_true(rt_graph_param(l.model.graph, 0)->value[0] == before);
    assert_int_equal(rt_learner_samples(l.learner)->seen[3], 0);
    step(&l, all, 2, &r);
    assert_int_equal(r.step, 3);
    lt_stop(&l);
}

/* ---- weights ---- */

static void test_weights(void **state)
{
    (void)state;
    struct lt_learner l;
    struct rt_step_report r;
    double g[8], sum = 0, weight = 0, square = 0;
    lt_set(&t, "weight.terms=sharp,loud weight.gamma=2");
    t.factor[2] = 0;
    t.factor[6] = 3;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    step(&l, all, 8, &r);
    const struct rt_sample_states *s = rt_learner_samples(l.learner);
    for (int i = 0; i < 8; i++) {
        double a = t.quality[i][0], b = t.quality[i][1];
        double q = (isnan(a) ? 1 : a) * (isnan(b) ? 1 : b);
        g[i] = 0.1 + 0.9 * q * q;
        sum += i == 2 ? 0 : g[i]; /* muted: in no mean */
        assert_true(fabs(s->quality[i] - q) < 1e-6);
    }
    for (int i = 0; i < 8; i++) {
        double w = t.factor[i] * g[i] / (sum / 7);
        assert_true(fabs(s->weight[i] - w) < 1e-5);
        weight += w;
        square += w * w;
    }
    assert_true(fabs(r.effective - weight * weight / square) < 1e-9);
    lt_set(&t, "weight.terms="); /* read anew at each update */
    step(&l, all, 8, &r);
    assert_true(s->weight[0] == 1 && s->weight[2] == 0 && s->weight[6] == 3);
    lt_stop(&l);
}

/* A measure of the student's own modality (text has `length`, here with a knee from settings) weighs the task and
 * distillation; any other (`snr`, of speech) distillation alone. total is both parts' means by hand. */
static void test_task_weights(void **state)
{
    (void)state;
    static const char *const measure[MEASURES] = {"snr", "length"};
    static const char *const task[] = {"weight.task=auto", "weight.task=true", "weight.task=false"};
    struct lt_learner l;
    struct rt_step_report r;
    t.measure = measure;
    lt_set(&t, "weight.terms=snr,length weight.map=knee");
    refuse("name=x", 1, RT_EUSAGE, "'length' has no knee: give it one (weight.knees: length BAD GOOD)");
    assert_int_equal(rt_recipe_set(&t.recipe, "weight.knees=length 10 30", &t.e), 0);
    for (int i = 0; i < ROWS; i++) {
        t.value[i][0] = (float)i + 6; /* the knee is 8 to 14 */
        t.value[i][1] = i == 2 ? NAN : 40 - 5 * (float)i;
    }
    t.factor[6] = 2;
    for (int k = 0; k < 3; k++) {
        double own[8], both[8], sum[2] = {0}, mean[2] = {0};
        lt_set(&t, task[k]);
        LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
        step(&l, all, 8, &r);
        const struct rt_sample_states *s = rt_learner_samples(l.learner);
        for (int i = 0; i < 8; i++) {
            double length = i == 2 ? 1 : fmax(0, fmin(1, (40 - 5.0 * i - 10) / 20));
            double q = length * fmax(0, fmin(1, (i + 6 - 8) / 6.0));
            assert_true(fabs(s->quality[i] - q) < 1e-6);
            sum[0] += own[i] = 0.1 + 0.9 * length;
            sum[1] += both[i] = 0.1 + 0.9 * q;
        }
        for (int i = 0; i < 8; i++) {
            double w = t.factor[i] * both[i] / (sum[1] / 8);
            double task_weight = k == 0 ? t.factor[i] * own[i] / (sum[0] / 8) : k == 1 ? w : 1;
            assert_true(fabs(s->weight[i] - w) < 1e-5); /* the one of distillation is kept */
            mean[0] += i == 4 ? 0 : task_weight * rt_sample_distance(s, i, RT_TERM_ce) / 7;
            mean[1] += i == 5 ? 0 : w * rt_sample_distance(s, i, RT_TERM_l2) / 7;
        }
        assert_true(fabs(r.terms->mean[RT_TERM_ce] - mean[0]) < 1e-5);
        assert_true(fabs(r.terms->mean[RT_TERM_l2] - mean[1]) < 1e-5);
        lt_stop(&l);
    }
}

/* The label's posterior by the teacher, and its feature's norm among those so far. */
static void test_teacher_weights(void **state)
{
    (void)state;
    struct lt_learner l;
    struct rt_step_report r;
    lt_set(&t, "weight.terms=teacher_confidence");
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    step(&l, all, 8, &r);
    const struct rt_sample_states *s = rt_learner_samples(l.learner);
    const float *z = t.logits + 7 * CLASSES;
    double posterior = exp(z[7 % CLASSES]) / (exp(z[0]) + exp(z[1]) + exp(z[2]));
    assert_true(fabs(s->quality[7] - posterior) < 1e-6);
    assert_true(s->quality[5] == 1); /* no teacher: not measured */
    z = t.logits + 4 * CLASSES; /* no label: how sure it is of its own answer */
    posterior = exp(fmax(z[0], fmax(z[1], z[2]))) / (exp(z[0]) + exp(z[1]) + exp(z[2]));
    assert_true(posterior < 1 && fabs(s->quality[4] - posterior) < 1e-6);
    lt_set(&t, "weight.terms=teacher_norm");
    step(&l, all, 8, &r);
    double norm[8], mean = 0, var = 0;
    for (int i = 0; i < 8; i++) {
        norm[i] = 0;
        for (int d = 0; d < t.teacher.dim; d++)
            norm[i] += pow(t.embedding[i * t.teacher.dim + d], 2);
        norm[i] = sqrt(norm[i]);
        mean += t.have[i] ? norm[i] / 7 : 0;
    }
    for (int i = 0; i < 8; i++)
        var += t.have[i] ? pow(norm[i] - mean, 2) / 7 : 0;
    for (int i = 0; i < 8; i++) {
        double score = fmax(-1, fmin(1, 0.33 * (norm[i] - mean) / (sqrt(var) + 1e-3)));
        assert_true(fabs(s->quality[i] - (t.have[i] ? 0.5 + 0.5 * score : 1)) < 1e-6);
    }
    lt_stop(&l);
}

/* ---- not finite ---- */

/* The update is named, and the first layer or parameter; nothing is updated. */
static void refuse_number(struct lt_learner *l, struct lt_batch *b, const char *says)
{
    struct rt_step_report r;
    float before = rt_graph_param(l->model.graph, 0)->value[0];
    assert_int_equal(lt_step(&t, l->learner, &b->b, &r, &t.e), RT_ENOTFINITE);
    if (!strstr(t.e.text, says))
        fail_msg("%s", t.e.text);
    assert_int_equal(rt_learner_progress(l->learner).step, 2);
    assert_true(rt_graph_param(l->model.graph, 0)->value[0] == before);
}

static void test_not_finite(void **state)
{
    (void)state;
    struct lt_learner l;
    struct lt_batch b;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    steps(&l, 2);
    lt_batch(&t, &b, all, 8);
    b.weight[4] = NAN; /* a word of sample 1 */
    refuse_number(&l, &b, "step 3: the output of ");
    lt_batch(&t, &b, all, 8);
    b.embedding[0] = INFINITY; /* the network is well: what it is compared with is not */
    refuse_number(&l, &b, "step 3: the loss is not finite; lower train.lr or set train.clip");
    lt_stop(&l);
}

static void test_gradient_not_finite(void **state)
{
    (void)state;
    struct lt_learner l;
    struct lt_batch b;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    steps(&l, 2);
    lt_batch(&t, &b, all, 8);
    for (int i = 0; i < 8; i++)
        b.factor[i] = 1e38f; /* finite, and so is the loss: its gradient is not, as a float */
    lt_set(&t, "distill.l2.lambda=10000");
    refuse_number(&l, &b, "step 3: the gradient of ");
    lt_stop(&l);
}

/* ---- evaluation ---- */

static void measure(struct lt_learner *l, int first, int count)
{
    struct lt_batch b;
    lt_batch(&t, &b, all + first, count);
    LT_OK(&t, rt_learner_measure(l->learner, &b.b, &t.e));
}

static void test_evaluation(void **state)
{
    (void)state;
    struct lt_learner l;
    struct rt_eval_report once, parts;
    struct rt_key128 before, after;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    steps(&l, 8);
    before = lt_fingerprint(&t, &l, 1);
    measure(&l, 0, 16);
    LT_OK(&t, lt_conclude(&t, l.learner, &once));
    measure(&l, 0, 3);
    measure(&l, 3, 0);
    measure(&l, 3, 13);
    LT_OK(&t, lt_conclude(&t, l.learner, &parts));
    assert_true(once.samples == 15 && parts.samples == 15 && once.step == 8); /* row 4 has no label */
    assert_true(once.best && !parts.best); /* as good is not better */
    assert_true(once.top1[once.answer] == parts.top1[parts.answer] && once.macro_f1 == parts.macro_f1);
    assert_true(fabs(once.loss - parts.loss) < 1e-5); /* a product of other size may round otherwise */
    assert_true(once.teacher_top1 >= 0 && once.teacher_top1 <= 1);
    assert_true(rt_learner_progress(l.learner).best == once.top1[once.answer]);
    assert_true(l.model.answer == once.answer);
    /* An evaluation moves nothing but the best so far. */
    struct rt_step_report r;
    struct lt_learner other;
    LT_OK(&t, lt_start(&t, &other, 1, 1, NULL));
    steps(&other, 8);
    after = lt_fingerprint(&t, &other, 1);
    assert_true(before.lo == after.lo && before.hi == after.hi);
    step(&l, all, 8, &r);
    step(&other, all, 8, &r);
    assert_memory_equal(rt_graph_param(l.model.graph, 0)->value, rt_graph_param(other.model.graph, 0)->value,
                        sizeof(float) * (size_t)rt_graph_param(l.model.graph, 0)->count);
    lt_stop(&l);
    lt_stop(&other);
}

/* Which head answers, after some updates, when it is left to chance or not. */
static enum rt_head_id answer_of(const char *settings)
{
    struct lt_learner l;
    struct rt_eval_report r;
    lt_set(&t, settings);
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    steps(&l, 12);
    measure(&l, 0, 16);
    LT_OK(&t, lt_conclude(&t, l.learner, &r));
    assert_true(r.top1[RT_HEAD_OWN] >= 0 && r.top1[RT_HEAD_TEACHER] >= 0 && r.top1[RT_HEAD_SUM] >= 0);
    if (t.recipe.eval_head == RT_HEAD_BEST)
        assert_true(r.top1[r.answer] >= fmax(r.top1[RT_HEAD_OWN], fmax(r.top1[RT_HEAD_TEACHER], r.top1[RT_HEAD_SUM])));
    lt_stop(&l);
    return r.answer;
}

static void test_answers(void **state)
{
    (void)state;
    /* nothing trains the teacher's head, so nothing that it gets right by luck counts */
    assert_int_equal(answer_of("eval.head=auto distill.l2.lambda=0 distill.kl.lambda=1"), RT_HEAD_OWN);
    /* nothing trains the own one */
    assert_int_equal(answer_of("task.lambda=0 distill.kl.lambda=0 distill.head_ce.lambda=1"), RT_HEAD_TEACHER);
    assert_int_equal(answer_of("task.lambda=0 distill.head_ce.lambda=0 distill.l2.lambda=1"), RT_HEAD_TEACHER);
    answer_of("task.lambda=1 eval.head=best");
    assert_int_equal(answer_of("eval.head=sum"), RT_HEAD_SUM);
}

/* The best is by EER then, over the rows at hand, whatever the labels say. */
static void test_trials(void **state)
{
    (void)state;
    struct rt_trial trial[40];
    struct rt_trials list = {trial, 0};
    struct lt_learner l;
    struct rt_eval_report r, again;
    for (int i = 0; i < 8; i++)
        for (int j = i + 1; j < 8 && list.count < 40; j++)
            trial[list.count++] = (struct rt_trial){i, j, i + 1, t.label[i] == t.label[j]};
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    measure(&l, 0, 16);
    LT_OK(&t, lt_conclude(&t, l.learner, &r));
    assert_true(isnan(r.eer) && isnan(r.min_dcf)); /* none were given */
    lt_stop(&l);
    t.trials = &list;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    measure(&l, 0, 5);
    measure(&l, 5, 11);
    LT_OK(&t, lt_conclude(&t, l.learner, &r));
    assert_true(r.eer >= 0 && r.eer <= 1 && r.min_dcf >= 0 && r.min_dcf <= 1 && r.best);
    assert_true(rt_learner_progress(l.learner).best == 1 - r.eer);
    measure(&l, 0, 5);
    measure(&l, 5, 11);
    LT_OK(&t, lt_conclude(&t, l.learner, &again));
    assert_true(again.eer == r.eer && !again.best); /* as good is not better */
    measure(&l, 8, 8);
    assert_int_equal(lt_conclude(&t, l.learner, &again), RT_ENODATA); /* nobody of the list was there */
    lt_stop(&l);
    t.trials = NULL;
}

/* Recordings of the model's length give the same whole as in a batch; others, whatever the parts. */
static void test_whole(void **state)
{
    (void)state;
    static int32_t length[ROWS];
    static float x[ROWS * 40 * 40];
    struct lt_learner l;
    struct lt_batch b;
    struct rt_eval_report plain, whole, mixed, parts;
    uint32_t seed = 7;
    lt_set(&t, "student.modality=speech student.net=tdnn student.width=4 speech.bands=40 speech.frames=24");
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    for (int i = 0; i < ROWS * 40 * 40; i++)
        x[i] = lt_uniform(&seed);
    lt_batch(&t, &b, all, ROWS);
    b.b.input = x;
    b.b.bags = (struct rt_bags){NULL, NULL, NULL};
    LT_OK(&t, rt_learner_measure(l.learner, &b.b, &t.e));
    LT_OK(&t, lt_conclude(&t, l.learner, &plain));
    for (int i = 0; i < ROWS; i++)
        length[i] = 24;
    b.b.length = length;
    LT_OK(&t, rt_learner_measure(l.learner, &b.b, &t.e));
    LT_OK(&t, lt_conclude(&t, l.learner, &whole));
    assert_true(fabs(whole.loss - plain.loss) < 1e-5);
    for (int i = 0; i < ROWS; i++)
        length[i] = 15 + i;
    LT_OK(&t, rt_learner_measure(l.learner, &b.b, &t.e));
    LT_OK(&t, lt_conclude(&t, l.learner, &mixed));
    assert_true(mixed.loss != plain.loss);
    int at = 0;
    for (int i = 0; i < ROWS; at += length[i++]) {
        lt_batch(&t, &b, all + i, 1);
        b.b.input = x + 40 * at;
        b.b.bags = (struct rt_bags){NULL, NULL, NULL};
        b.b.length = length + i;
        LT_OK(&t, rt_learner_measure(l.learner, &b.b, &t.e));
    }
    LT_OK(&t, lt_conclude(&t, l.learner, &parts));
    assert_true(parts.loss == mixed.loss && parts.samples == mixed.samples);
    lt_stop(&l);
}

/* ---- agreement ---- */

static double cosine(const float *x, const float *z)
{
    double dot = 0, p2 = 0, q2 = 0, p = 0, q = 0;
    for (int c = 0; c < CLASSES; c++) {
        p += exp(x[c]);
        q += exp(z[c]);
    }
    for (int c = 0; c < CLASSES; c++) {
        dot += exp(x[c]) / p * exp(z[c]) / q;
        p2 += pow(exp(x[c]) / p, 2);
        q2 += pow(exp(z[c]) / q, 2);
    }
    return dot / sqrt(p2 * q2);
}

/* Wrong pairs (rows 0 and 1 have the teacher's word on another class) lose their weight from the named part of the run
 * on; the running mean is that of the student's answers, which an evaluation right before each update gives. */
static void test_agreement(void **state)
{
    (void)state;
    struct lt_learner l;
    struct rt_step_report r;
    double mean[8];
    lt_set(&t, "weight.terms=agreement weight.agreement_from=0.4 student.dropout=0 train.lr=0.1 "
               "distill.l2.lambda=0 distill.kl.lambda=0.1 distill.kl.quantile=0");
    for (int i = 0; i < 2; i++)
        for (int c = 0; c < CLASSES; c++)
            t.logits[i * CLASSES + c] = c == (i + 1) % CLASSES ? 9 : 0;
    LT_OK(&t, lt_start(&t, &l, 1, 1, NULL));
    const struct rt_sample_states *s = rt_learner_samples(l.learner);
    for (int n = 0; n < 12; n++) { /* of 20 */
        struct lt_batch b;
        lt_batch(&t, &b, all, 8);
        struct rt_exec *exec;
        struct rt_parallel *alone;
        assert_int_equal(rt_parallel_create(&alone, 1), 0);
        assert_int_equal(rt_exec_create(&exec, l.model.graph, 8, false, alone), 0);
        rt_exec_forward(exec, 8, NULL, &b.b.bags, false, 0, 0);
        const float *x = rt_exec_output(exec, l.model.logits);
        double before[8];
        for (int i = 0; i < 8; i++) {
            double now = cosine(x + i * CLASSES, t.logits + i * CLASSES);
            before[i] = n ? mean[i] : NAN;
            mean[i] = n ? mean[i] + 0.3 * (now - mean[i]) : now;
        }
        rt_exec_destroy(exec);
        rt_parallel_destroy(alone);
        step(&l, all, 8, &r);
        for (int i = 0; i < 8; i++) {
            double q = n < 8 || i == 5 ? 1 : fmax(0, fmin(1, (before[i] - 0.1) / 0.4));
            assert_true(fabs(s->quality[i] - q) < 1e-4);
            assert_true(i == 5 ? isnan(s->agreement[i]) : fabs(s->agreement[i] - mean[i]) < 1e-5);
        }
    }
    assert_true(s->quality[0] < 0.5 && s->quality[1] < 0.5 && s->quality[2] == 1);
    assert_true(isnan(s->agreement[8]));
    lt_stop(&l);
}

/* One float a sample in the checkpoint, only where the term was ever in; a run goes on from it bit for bit. */
static void test_agreement_kept(void **state)
{
    (void)state;
    struct lt_learner whole, half, later;
    struct rt_safetensors *s;
    LT_OK(&t, lt_start(&t, &half, 1, 1, NULL));
    steps(&half, 2);
    LT_OK(&t, rt_safetensors_create(&s));
    LT_OK(&t, rt_learner_save(half.learner, s));
    assert_null(rt_safetensors_get(s, "samples.agreement"));
    rt_safetensors_destroy(s);
    lt_stop(&half);
    lt_set(&t, "weight.terms=agreement weight.agreement_from=0.1");
    LT_OK(&t, lt_start(&t, &whole, 1, 1, NULL));
    steps(&whole, 8);
    LT_OK(&t, lt_start(&t, &half, 1, 1, NULL));
    steps(&half, 4);
    LT_OK(&t, rt_safetensors_create(&s));
    LT_OK(&t, rt_learner_save(half.learner, s));
    assert_non_null(rt_safetensors_get(s, "samples.agreement"));
    LT_OK(&t, lt_start(&t, &later, 1, 1, NULL));
    LT_OK(&t, rt_learner_load(later.learner, s, "half", &t.e));
    rt_safetensors_destroy(s);
    steps(&later, 4);
    lt_same(&t, &whole, &later, 1);
    lt_set(&t, "weight.terms="); /* taken out: what was followed stays, as it was */
    steps(&later, 1);
    LT_OK(&t, rt_safetensors_create(&s));
    LT_OK(&t, rt_learner_save(later.learner, s));
    assert_non_null(rt_safetensors_get(s, "samples.agreement"));
    rt_safetensors_destroy(s);
    lt_stop(&whole);
    lt_stop(&half);
    lt_stop(&later);
}

/* ---- a checkpoint ---- */

static void test_resume(void **state)
{
    (void)state;
    struct lt_learner whole, half, later;
    struct rt_safetensors *s;
    lt_set(&t, "weight.terms=teacher_norm student.dropout=0.3");
    LT_OK(&t, lt_start(&t, &whole, 1, 1, NULL));
    LT_OK(&t, lt_start(&t, &half, 1, 1, NULL));
    LT_OK(&t, lt_start(&t, &later, 1, 1, NULL));
    steps(&whole, 10);
    steps(&half, 4);
    LT_OK(&t, rt_safetensors_create(&s));
    LT_OK(&t, rt_learner_save(half.learner, s));
    steps(&later, 3); /* what was there is overwritten */
    LT_OK(&t, rt_learner_load(later.learner, s, "saved", &t.e));
    lt_same(&t, &later, &half, 1);
    steps(&later, 6);
    lt_same(&t, &later, &whole, 1);
    LT_OK(&t, rt_safetensors_set_text(s, "retort.progress", "4 x"));
    assert_int_equal(rt_learner_load(later.learner, s, "saved", &t.e), RT_EFORMAT);
    assert_non_null(strstr(t.e.text, "saved: not a checkpoint (retort.progress '4 x')"));
    rt_safetensors_destroy(s);
    lt_stop(&whole);
    lt_stop(&half);
    lt_stop(&later);
}

static void test_threads(void **state)
{
    (void)state;
    struct lt_learner one, many;
    LT_OK(&t, lt_start(&t, &one, 1, 1, NULL));
    LT_OK(&t, lt_start(&t, &many, 1, 3, NULL));
    steps(&one, 5);
    steps(&many, 5);
    lt_same(&t, &one, &many, 1);
    lt_stop(&one);
    lt_stop(&many);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused), TEST(test_report), TEST(test_without_teacher), TEST(test_keep), TEST(test_keep_dense),
        TEST(test_too_few), TEST(test_weights), TEST(test_task_weights), TEST(test_teacher_weights),
        TEST(test_not_finite), TEST(test_agreement), TEST(test_agreement_kept),
        TEST(test_gradient_not_finite), TEST(test_evaluation), TEST(test_answers), TEST(test_trials), TEST(test_whole),
        TEST(test_resume), TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
