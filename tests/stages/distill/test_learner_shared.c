/* SPDX-License-Identifier: MIT
 * test_learner_shared: two learners on two threads make each update together, each from a part of
 * the minibatch. Both end with the same bytes, which are those of one with the whole minibatch, up
 * to rounding. */
#include "tests/stages/distill/learner_toy.h"
#include "tests/stages/distill/exchange_threads.h"

#define UPDATES 6

static struct learner_toy t;

static int setup(void **state)
{
    (void)state;
    /* sgd: where a gradient is 0 up to rounding, adamw makes a step of its sign */
    lt_make(&t, "train.optimizer=sgd train.lr=0.05 student.dropout=0");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lt_fini(&t);
    return 0;
}

/* Learns from rows first .. first + count - 1 at each update. */
struct worker {
    struct lt_learner l;
    int first, count;
    int rc; /* of the last update */
    struct rt_step_report report;
    struct rt_error e;
};

static void *worker_run(void *self)
{
    struct worker *w = self;
    int rows[ROWS];
    for (int i = 0; i < w->count; i++)
        rows[i] = w->first + i;
    w->rc = 1;
    for (int i = 0; i < UPDATES && w->rc >= 0; i++) {
        struct lt_batch b;
        lt_batch(&t, &b, rows, w->count);
        w->rc = lt_step(&t, w->l.learner, &b.b, &w->report, &w->e);
    }
    return NULL;
}

static void worker_make(struct worker *w, int first, int count, int teachers, const struct rt_exchange *others)
{
    memset(w, 0, sizeof *w);
    w->first = first;
    w->count = count;
    LT_OK(&t, lt_start(&t, &w->l, teachers, 1, others));
}

/* The rows of an update in two parts, the first of `split` rows. */
static void workers_make(struct worker w[TOGETHER], struct together *all, int rows, int split, int teachers)
{
    together_init(all);
    worker_make(&w[0], 0, split, teachers, &all->exchange[0]);
    worker_make(&w[1], split, rows - split, teachers, &all->exchange[1]);
    together_run(worker_run, (void *const[]){&w[0], &w[1]});
    together_fini(all);
}

static void near(double a, double b)
{
    assert_true((isnan(a) && isnan(b)) || fabs(a - b) < 1e-6 * fmax(1, fabs(b)));
}

static void near_weights(const struct lt_learner *a, const struct lt_learner *b)
{
    for (int i = 0; i < rt_graph_params(a->model.graph); i++) {
        const struct rt_param *p = rt_graph_param(a->model.graph, i), *q = rt_graph_param(b->model.graph, i);
        for (int64_t k = 0; k < p->count; k++)
            assert_true(fabsf(p->value[k] - q->value[k]) < 1e-6f);
    }
}

/* Each knows of all samples what one alone knows of them. */
static void near_states(const struct worker *part, const struct worker *whole)
{
    const struct rt_sample_states *a = rt_learner_samples(part->l.learner), *b = rt_learner_samples(whole->l.learner);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(a->seen[i], b->seen[i]);
        if (b->seen[i] == 0)
            continue;
        near(a->weight[i], b->weight[i]);
        near(a->quality[i], b->quality[i]);
    }
}

static void shared_as_alone(int rows, int split, int teachers)
{
    struct worker whole, part[TOGETHER];
    struct together all;
    worker_make(&whole, 0, rows, teachers, NULL);
    worker_run(&whole);
    if (whole.rc < 0)
        fail_msg("%s", whole.e.text);
    workers_make(part, &all, rows, split, teachers);
    for (int r = 0; r < TOGETHER; r++) {
        if (part[r].rc != whole.rc)
            fail_msg("%d: %s", r, part[r].e.text);
        near_weights(&part[r].l, &whole.l);
        near_states(&part[r], &whole);
        assert_int_equal(part[r].report.samples, whole.report.samples);
        near(part[r].report.total, whole.report.total);
        near(part[r].report.gradient_norm, whole.report.gradient_norm);
        near(part[r].report.effective, whole.report.effective);
        for (int k = 0; whole.rc > 0 && k < RT_TERMS; k++) {
            assert_int_equal(part[r].report.terms->used[k], whole.report.terms->used[k]);
            near(part[r].report.terms->margin[k], whole.report.terms->margin[k]);
            near(part[r].report.terms->inside[k], whole.report.terms->inside[k]);
        }
    }
    lt_same(&t, &part[0].l, &part[1].l, 1);
    assert_int_equal(all.gradients, whole.rc > 0 ? UPDATES : 0);
    lt_stop(&whole.l);
    lt_stop(&part[0].l);
    lt_stop(&part[1].l);
}

static void test_halves(void **state)
{
    (void)state;
    shared_as_alone(16, 8, 1);
    shared_as_alone(16, 5, 1);
}

static void test_labels_only(void **state)
{
    (void)state;
    lt_set(&t, "distill.l2.lambda=0 distill.kl.lambda=0");
    shared_as_alone(16, 8, 0);
}

/* The mean weight, the teacher's running norm, the effective size: of all samples. One half is of
 * poor samples. */
static void test_weights(void **state)
{
    (void)state;
    for (int i = 8; i < ROWS; i++)
        t.quality[i][0] = 0.05f;
    t.factor[3] = 0;
    t.factor[12] = 4;
    lt_set(&t, "weight.terms=sharp,loud,teacher_norm,teacher_confidence weight.gamma=0.5 weight.task=true");
    shared_as_alone(16, 8, 1);
}

/* The norm that is clipped is that of the sum. */
static void test_clip(void **state)
{
    (void)state;
    lt_set(&t, "train.clip=0.02 distill.l2.lambda=50");
    shared_as_alone(16, 8, 1);
}

static void test_a_half_lacks_something(void **state)
{
    (void)state;
    for (int i = 8; i < ROWS; i++)
        t.label[i] = -1;
    shared_as_alone(16, 8, 1);
    for (int i = 0; i < 8; i++)
        t.have[i] = 0;
    lt_set(&t, "weight.terms=teacher_norm");
    shared_as_alone(16, 8, 1);
}

/* Who has no sample comes all the same; and too few are too few for all. */
static void test_one_has_nothing(void **state)
{
    (void)state;
    lt_set(&t, "weight.terms=sharp,teacher_norm");
    shared_as_alone(8, 0, 1);
    shared_as_alone(8, 8, 1);
    shared_as_alone(0, 0, 1);
}

/* Of a shard with one sample that one is left out, and where nothing is left the update. */
static void test_a_single_sample(void **state)
{
    (void)state;
    struct worker part[TOGETHER];
    struct together all;
    workers_make(part, &all, 8, 7, 1);
    for (int r = 0; r < TOGETHER; r++) {
        assert_int_equal(part[r].rc, 1);
        assert_int_equal(part[r].report.samples, 7);
        assert_int_equal(rt_learner_samples(part[r].l.learner)->seen[7], 0);
        lt_stop(&part[r].l);
    }
    workers_make(part, &all, 2, 1, 1);
    assert_int_equal(all.gradients, 0);
    for (int r = 0; r < TOGETHER; r++) {
        assert_int_equal(part[r].rc, 0);
        lt_stop(&part[r].l);
    }
}

/* ---- who has the shards changes no byte ----
 * Four shards in one learner, two in each of two, one in each of ... two ranks are what `together` has. Everything
 * that is of the whole batch is on: weights, a quantile that begins, agreement, clipping, dropout. */

static void shards_cut(struct lt_batch *b, int rows, int shards, int first, int own)
{
    int kept = 0;
    for (int i = 0; i < rows; i++) {
        int s = i * shards / rows;
        if (s >= first && s < first + own)
            b->shard[kept++] = s - first;
    }
    b->b.shard = b->shard;
}

struct shard_worker {
    struct lt_learner l;
    int shards, first, own, rows;
    int rc;
    struct rt_eval_report eval;
    struct rt_error e;
};

static void *shard_worker_run(void *self)
{
    struct shard_worker *w = self;
    int list[ROWS], count = 0;
    struct lt_batch b;
    struct rt_step_report report;
    for (int i = 0; i < w->rows; i++)
        if (i * w->shards / w->rows >= w->first && i * w->shards / w->rows < w->first + w->own)
            list[count++] = i;
    w->rc = 1;
    for (int i = 0; i < UPDATES && w->rc >= 0; i++) {
        lt_batch(&t, &b, list, count);
        shards_cut(&b, w->rows, w->shards, w->first, w->own);
        w->rc = lt_step(&t, w->l.learner, &b.b, &report, &w->e);
    }
    if (w->rc >= 0)
        w->rc = rt_learner_measure(w->l.learner, &b.b, &w->e);
    if (w->rc >= 0)
        w->rc = lt_conclude(&t, w->l.learner, &w->eval);
    return NULL;
}

static void shard_worker_make(struct shard_worker *w, int shards, int first, int own, int rows,
                              const struct rt_exchange *others)
{
    *w = (struct shard_worker){.shards = shards, .first = first, .own = own, .rows = rows};
    t.shards = own;
    LT_OK(&t, lt_start(&t, &w->l, 1, 1, others));
}

static void test_who_has_the_shards(void **state)
{
    (void)state;
    lt_set(&t, "student.dropout=0.3 train.clip=0.5 train.optimizer=adamw distill.l2.quantile=30% distill.nce.lambda=1 "
               "weight.terms=sharp,loud,teacher_norm,agreement weight.agreement_from=0");
    for (int rows = 7; rows <= ROWS; rows += 9)
        for (int shards = 2; shards <= 4; shards *= 2) {
            struct shard_worker one, part[TOGETHER];
            struct together all;
            shard_worker_make(&one, shards, 0, shards, rows, NULL);
            shard_worker_run(&one);
            if (one.rc < 0)
                fail_msg("%s", one.e.text);
            together_init(&all);
            for (int r = 0; r < TOGETHER; r++)
                shard_worker_make(&part[r], shards, r * shards / 2, shards / 2, rows, &all.exchange[r]);
            together_run(shard_worker_run, (void *const[]){&part[0], &part[1]});
            together_fini(&all);
            for (int r = 0; r < TOGETHER; r++) {
                if (part[r].rc < 0)
                    fail_msg("%d: %s", r, part[r].e.text);
                lt_same(&t, &one.l, &part[r].l, 1);
                assert_true(part[r].eval.loss == one.eval.loss);
                assert_int_equal(part[r].eval.predictions, one.eval.predictions);
                lt_stop(&part[r].l);
            }
            lt_stop(&one.l);
        }
}

/* What one has stops both, before anything is updated. */
static void test_not_finite(void **state)
{
    (void)state;
    struct worker part[TOGETHER];
    struct together all;
    t.embedding[10 * t.teacher.dim] = NAN;
    workers_make(part, &all, 16, 8, 1);
    for (int r = 0; r < TOGETHER; r++) {
        assert_int_equal(part[r].rc, RT_ENOTFINITE);
        assert_int_equal(rt_learner_progress(part[r].l.learner).step, 0);
    }
    lt_stop(&part[0].l);
    lt_stop(&part[1].l);
}

/* ---- an exchange that breaks ---- */

static int broken_gather(void *self, const void *mine, size_t bytes, void **all, size_t *total, struct rt_error *e)
{
    int *left = self;
    if ((*left)-- <= 0)
        return rt_error_set(e, RT_EBUSY, "the others are gone");
    return rt_exchange_gather(NULL, mine, bytes, all, total, e);
}

static int broken_add(void *self, const struct rt_exchange_part *part, int parts, struct rt_error *e)
{
    (void)part;
    (void)parts;
    int *left = self;
    return (*left)-- > 0 ? 0 : rt_error_set(e, RT_EBUSY, "the others are gone");
}

/* Whichever call fails: the update ends with what the exchange said, and the weights are those of before. */
static void test_broken(void **state)
{
    (void)state;
    int calls = 0, last = 0;
    lt_set(&t, "weight.terms=sharp,teacher_norm");
    for (int rc = 0; rc != 1; calls++) {
        int left = calls;
        struct rt_exchange others = {&left, 0, 1, broken_gather, broken_add};
        struct worker w;
        struct lt_batch b;
        static const int rows[] = {0, 1, 2, 3};
        worker_make(&w, 0, 4, 1, &others);
        float before = rt_graph_param(w.l.model.graph, 0)->value[0];
        lt_batch(&t, &b, rows, 4);
        rc = lt_step(&t, w.l.learner, &b.b, &w.report, &w.e);
        if (rc != 1) {
            assert_int_equal(rc, RT_EBUSY);
            assert_string_equal(w.e.text, "the others are gone");
            last = rt_graph_param(w.l.model.graph, 0)->value[0] == before ? calls : last;
        }
        lt_stop(&w.l);
        assert_true(calls < 20);
    }
    assert_int_equal(last, calls - 2);
    assert_int_equal(calls - 1, 5); /* norms; counts and mean weights; margins; gradients; the rest */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_halves), TEST(test_labels_only), TEST(test_weights), TEST(test_clip),
        TEST(test_a_half_lacks_something), TEST(test_one_has_nothing), TEST(test_a_single_sample),
        TEST(test_who_has_the_shards), TEST(test_not_finite), TEST(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
