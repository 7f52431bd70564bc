/* SPDX-License-Identifier: MIT
 * test_ops: every op of ops.def against finite differences, alone: gradients of its inputs (written
 * and added) and of its parameters, over several shapes. An op without a case fails the test. */
#include "stages/nn/op.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct op_case {
    enum rt_op_id op;
    int batch;
    struct rt_shape in;
    struct rt_attr attr;
    bool relu; /* with the relu behind it */
};

#define S1(c)                                                                                      \
    {                                                                                              \
        1,                                                                                         \
        {                                                                                          \
            c                                                                                      \
        }                                                                                          \
    }
#define S2(t, c)                                                                                   \
    {                                                                                              \
        2,                                                                                         \
        {                                                                                          \
            t, c                                                                                   \
        }                                                                                          \
    }
#define S3(h, w, c)                                                                                \
    {                                                                                              \
        3,                                                                                         \
        {                                                                                          \
            h, w, c                                                                                \
        }                                                                                          \
    }

static const struct op_case cases[] = {
    {RT_OP_conv2d, 2, S3(5, 7, 3), {.units = 4, .kernel = {3, 3}, .pad = {1, 1}}, 0},
    {RT_OP_conv2d,
     1,
     S3(9, 6, 2),
     {.units = 5, .kernel = {3, 2}, .stride = {2, 3}, .bias = true},
     0},
    {RT_OP_conv2d, 3, S3(8, 8, 4), {.units = 3, .kernel = {1, 1}, .bias = true}, 0},
    {RT_OP_conv2d, 2, S3(8, 8, 4), {.units = 3, .kernel = {1, 1}, .stride = {2, 2}}, 0},
    {RT_OP_conv2d,
     2,
     S3(9, 11, 2),
     {.units = 2, .kernel = {3, 3}, .pad = {2, 3}, .dilation = {2, 3}},
     0},
    {RT_OP_conv2d, 2, S2(6, 5), {.units = 2, .kernel = {3, 3}, .pad = {1, 1}}, 0},
    /* Several lanes; several chunks in a lane; a line wider than a chunk's aim. */
    {RT_OP_conv2d,
     5,
     S3(16, 16, 3),
     {.units = 4, .kernel = {3, 3}, .pad = {1, 1}, .bias = true},
     0},
    {RT_OP_conv2d, 4, S3(12, 40, 20), {.units = 2, .kernel = {5, 5}, .pad = {2, 2}}, 0},
    {RT_OP_conv1d, 2, S2(11, 3), {.units = 4, .kernel = {5}, .stride = {2}, .pad = {2}}, 0},
    {RT_OP_conv1d, 1, S2(17, 2), {.units = 3, .kernel = {3}, .dilation = {3}, .bias = true}, 0},
    {RT_OP_conv1d, 3, S2(7, 5), {.units = 2, .kernel = {1}}, 0},
    {RT_OP_conv1d, 2, S2(2, 3), {.units = 2, .kernel = {5}, .pad = {4}, .stride = {3}}, 0},
    {RT_OP_linear, 3, S1(7), {.units = 5, .bias = true}, 0},
    {RT_OP_linear, 1, S1(3), {.units = 1}, 0},
    {RT_OP_linear, 4, S1(300), {.units = 70, .bias = true}, 0},
    {RT_OP_cosine, 3, S1(6), {.units = 4}, 0},
    {RT_OP_cosine, 1, S1(2), {.units = 7}, 0},
    {RT_OP_batchnorm, 6, S1(5), {0}, 0},
    {RT_OP_batchnorm, 1, S2(9, 3), {0}, 0},
    {RT_OP_batchnorm, 3, S3(5, 3, 7), {0}, 1},
    {RT_OP_batchnorm, 2, S3(4, 4, 70), {.epsilon = 0.1f}, 0},
    {RT_OP_batchnorm, 3, S2(37, 4), {0}, 1},
    {RT_OP_batchnorm, 2, S3(50, 50, 5), {0}, 0}, /* several pieces, a ragged end */
    {RT_OP_batchnorm, 3, S2(5, 4), {.frozen = true}, 0},
    {RT_OP_batchnorm, 3, S2(5, 4), {.frozen = true}, 1},
    {RT_OP_relu, 2, S3(3, 5, 2), {0}, 0},
    {RT_OP_relu, 1, S1(1), {0}, 0},
    {RT_OP_add, 2, S3(3, 5, 2), {0}, 0},
    {RT_OP_add, 3, S2(4, 3), {0}, 1},
    {RT_OP_maxpool, 2, S3(6, 7, 3), {.kernel = {2, 2}}, 0},
    {RT_OP_maxpool, 1, S3(7, 5, 2), {.kernel = {3, 3}, .stride = {2, 1}, .pad = {1, 1}}, 0},
    {RT_OP_maxpool, 3, S2(9, 4), {.kernel = {3}, .stride = {2}, .dilation = {2}}, 0},
    {RT_OP_avgpool, 2, S3(6, 7, 3), {.kernel = {2, 2}}, 0},
    {RT_OP_avgpool, 1, S3(7, 5, 2), {.kernel = {3, 3}, .stride = {2, 1}, .pad = {1, 1}}, 0},
    {RT_OP_avgpool, 3, S2(9, 4), {.kernel = {3}, .stride = {1}}, 0},
    {RT_OP_globalpool, 2, S3(3, 5, 4), {0}, 0},
    {RT_OP_globalpool, 1, S2(7, 3), {0}, 0},
    {RT_OP_statpool, 2, S3(5, 3, 4), {0}, 0},
    {RT_OP_statpool, 1, S2(9, 3), {.epsilon = 0.01f}, 0},
    {RT_OP_flatten, 2, S3(3, 2, 4), {0}, 0},
    {RT_OP_embeddingbag, 4, S1(1), {.units = 5, .buckets = 11}, 0},
    {RT_OP_embeddingbag, 1, S1(1), {.units = 70, .buckets = 3}, 0},
    {RT_OP_l2normalise, 3, S1(6), {0}, 0},
    {RT_OP_l2normalise, 1, S1(1), {.epsilon = 5}, 0}, /* shorter than epsilon: a straight line */
    {RT_OP_dropout, 3, S2(5, 7), {.rate = 0.4f}, 0},
    {RT_OP_dropout, 1, S1(9), {0}, 0},
};

struct bench {
    const struct op_case *c;
    struct rt_graph *g;
    struct rt_op_run r;
    const struct rt_op *op;
    struct rt_shape in[2];
    float *x[2], *dx[2], *pull; /* pull: the loss is its dot product with y */
    int64_t in_count, out_count;
    struct rt_bags bags;
};

static int64_t count_of(const struct rt_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++) {
        n *= s->dim[i];
    }
    return n;
}

static float *random_floats(int64_t n, uint64_t stream)
{
    float *p = calloc((size_t)n + 1, sizeof *p);
    assert_non_null(p);
    struct rt_rng rng = rt_rng_init(7, 0, stream, RT_RNG_TEST);
    for (int64_t i = 0; i < n; i++) {
        p[i] = (float)rt_rng_normal(&rng);
    }
    return p;
}

/* No value within 0.04 of zero or of another value of a small array, so that no step of a finite
 * difference changes what relu passes or which input is the largest. */
static void keep_apart(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t place = (i * 7919 + 13) % (2 * n); /* n is coprime to 7919 */
        x[i] = 0.1f * (float)(place - n) + 0.05f;
    }
}

static void open_bags(struct bench *b)
{
    static const int32_t offset[] = {0, 3, 3, 4, 6}; /* the second is empty */
    static int32_t bucket[] = {1, 2, 1, 0, 10, 2};
    static const float weight[] = {0.5f, -1, 2, 1, 0.25f, 3};
    b->bags = (struct rt_bags){offset, bucket, weight};
    b->r.bags = &b->bags;
}

static void open_bench(struct bench *b, const struct op_case *c)
{
    struct rt_error e = {0};
    *b = (struct bench){.c = c, .op = rt_op_get(c->op)};
    assert_int_equal(rt_graph_create(&b->g), 0);
    int input[2], bag = c->op == RT_OP_embeddingbag;
    for (int i = 0; i < b->op->inputs; i++) {
        input[i] = bag ? rt_graph_bag(b->g, "x", c->attr.buckets)
                       : rt_graph_input(b->g, i ? "x2" : "x", c->in);
        assert_int_equal(input[i], i);
        b->in[i] = c->in;
    }
    int node = rt_graph_node(b->g, c->op, "op", input, b->op->inputs, &c->attr, &e);
    if (node < 0) {
        fail_msg("%s: %s", b->op->name, e.text);
    }
    rt_graph_init(b->g, 3);
    const struct rt_node *n = rt_graph_at(b->g, node);
    b->in_count = c->batch * count_of(&c->in);
    b->out_count = c->batch * count_of(&n->shape);
    b->pull = random_floats(b->out_count, 1);
    b->r.node = n;
    b->r.batch = c->batch;
    b->r.training = true;
    b->r.relu = c->relu;
    b->r.seed = 5;
    b->r.y = random_floats(b->out_count, 2);
    b->r.dy = b->pull;
    for (int i = 0; i < b->op->inputs && !bag; i++) {
        b->x[i] = random_floats(b->in_count, 3 + (uint64_t)i);
        if (c->op == RT_OP_relu || c->op == RT_OP_maxpool) {
            keep_apart(b->x[i], b->in_count);
        }
        b->dx[i] = random_floats(b->in_count, 5);
        b->r.x[i] = b->x[i];
        b->r.dx[i] = b->dx[i];
        b->r.in_shape[i] = &b->in[i];
    }
    for (int i = 0; i < n->params; i++) {
        struct rt_param *p = b->r.param[i] = rt_graph_param(b->g, n->param[i]);
        float *value = random_floats(p->count, 10 + (uint64_t)i);
        for (int64_t k = 0; k < p->count; k++) {
            p->value[k] = i == 3 ? 0.5f + value[k] * value[k] : 0.5f * value[k];
            if (c->relu && i == 1) {
                p->value[k] = k % 2 ? 4 : -4; /* batch-norm: clearly passed or clearly not */
            }
        }
        free(value);
    }
    open_bags(b);
    size_t keep = b->op->keep ? b->op->keep(n, b->in, c->batch) : 0;
    size_t scratch = b->op->scratch ? b->op->scratch(n, b->in, c->batch, 1) : 0;
    b->r.keep = aligned_alloc(64, (keep + 127) / 64 * 64);
    b->r.scratch = aligned_alloc(64, (scratch + 127) / 64 * 64);
}

static void close_bench(struct bench *b)
{
    for (int i = 0; i < 2; i++) {
        free(b->x[i]);
        free(b->dx[i]);
    }
    free(b->pull);
    free(b->r.y);
    free(b->r.keep);
    free(b->r.scratch);
    rt_graph_destroy(b->g);
}

static double loss(struct bench *b)
{
    double sum = 0;
    b->op->forward(&b->r);
    for (int64_t i = 0; i < b->out_count; i++) {
        sum += (double)b->r.y[i] * b->pull[i];
    }
    return sum;
}

/* Compares grad with central differences at up to 60 places of value. */
static void check_gradient(struct bench *b, float *value, const float *grad, int64_t n,
                           const char *what)
{
    double square = 0, worst = 0;
    int64_t step = n > 60 ? n / 60 : 1, at = -1;
    for (int64_t i = 0; i < n; i++) {
        assert_true(isfinite(grad[i]));
        square += (double)grad[i] * grad[i];
    }
    for (int64_t i = 0; i < n; i += step) {
        float old = value[i], h = 0.02f;
        value[i] = old + h;
        double up = loss(b);
        value[i] = old - h;
        double down = loss(b), wide = (double)(old + h) - (double)(old - h);
        value[i] = old;
        double off = fabs((up - down) / wide - (double)grad[i]);
        if (off > worst) {
            worst = off;
            at = i;
        }
    }
    /* Float forward passes leave some 1e-3; curvature (h^2) as much again. */
    double allowed = 4e-3 * (sqrt(square / (double)n) + 1);
    if (worst > allowed) {
        fail_msg("%s case %d: gradient of %s [%d] is %g, off by %g (allowed %g)", b->op->name,
                 (int)(b->c - cases), what, (int)at, (double)grad[at], worst, allowed);
    }
}

static void check_case(const struct op_case *c)
{
    struct bench b;
    open_bench(&b, c);
    if (b.op->view) {
        assert_int_equal(b.in_count, b.out_count); /* shares memory: nothing to run */
        close_bench(&b);
        return;
    }
    loss(&b);
    float *before[2] = {random_floats(b.in_count, 5), NULL};
    b.op->backward(&b.r);
    for (int i = 0; i < b.op->inputs && b.x[i]; i++) {
        check_gradient(&b, b.x[i], b.dx[i], b.in_count, i ? "input 2" : "input 1");
    }
    for (int i = 0; i < b.r.node->params; i++) {
        struct rt_param *p = b.r.param[i];
        assert_true((p->grad != NULL) == (i < 2 && !c->attr.frozen));
        if (p->grad) {
            check_gradient(&b, p->value, p->grad, p->count, p->name);
        }
    }
    /* Once more, adding: twice the gradients of parameters, random + gradient for inputs. */
    loss(&b);
    for (int i = 0; i < b.op->inputs && b.x[i]; i++) {
        float *fresh = b.dx[i];
        b.dx[i] = random_floats(b.in_count, 5);
        b.r.dx[i] = b.dx[i];
        b.r.add[i] = true;
        before[1] = fresh;
        b.op->backward(&b.r);
        for (int64_t k = 0; k < b.in_count; k++) {
            double want = (double)before[0][k] + fresh[k];
            assert_true(fabs(b.dx[i][k] - want) <= 1e-4 * (1 + fabs(want)));
        }
        b.r.dx[i] = NULL;
        free(fresh);
    }
    free(before[0]);
    close_bench(&b);
}

static void ops_match_finite_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
    }
}

static void every_op_has_a_case(void **state)
{
    (void)state;
    for (int id = 0; id < RT_OPS; id++) {
        const struct rt_op *op = rt_op_get((enum rt_op_id)id);
        assert_non_null(op);
        int found = !op->shape; /* inputs run nothing */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            found += cases[i].op == (enum rt_op_id)id;
        }
        if (!found) {
            fail_msg("op %s has no case", op->name);
        }
    }
    assert_null(rt_op_get(RT_OPS));
}

/* Wrong input is refused in words that name node, op and shape. */
static void wrong_shapes_are_named(void **state)
{
    (void)state;
    static const struct {
        enum rt_op_id op;
        struct rt_shape in;
        struct rt_attr attr;
        const char *words;
    } wrong[] = {
        {RT_OP_conv2d, S1(4), {.units = 1}, "[4]"},
        {RT_OP_conv1d, S3(4, 4, 2), {.units = 1}, "[4,4,2]"},
        {RT_OP_conv1d, S2(2, 3), {.units = 1, .kernel = {5}}, "at least 5 x 1 places"},
        {RT_OP_conv1d, S2(9, 3), {.units = 0, .kernel = {5}}, "units"},
        {RT_OP_conv1d, S2(9, 3), {.units = 1, .kernel = {3}, .stride = {-1}}, "stride -1"},
        {RT_OP_linear, S2(2, 3), {.units = 1}, "flatten"},
        {RT_OP_cosine, S2(2, 3), {.units = 1}, "flatten"},
        {RT_OP_maxpool, S2(9, 3), {.kernel = {2}, .pad = {2}}, "padding"},
        {RT_OP_avgpool, S1(9), {.kernel = {2}}, "[9]"},
        {RT_OP_globalpool, S1(9), {0}, "[9]"},
        {RT_OP_statpool, S1(9), {0}, "[9]"},
        {RT_OP_l2normalise, S2(9, 1), {0}, "[9,1]"},
        {RT_OP_dropout, S1(9), {.rate = 1}, "rate 1"},
        {RT_OP_embeddingbag, S1(9), {.units = 1}, "no bag"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rt_graph *g;
        struct rt_error e = {0};
        assert_int_equal(rt_graph_create(&g), 0);
        int x = rt_graph_input(g, "x", wrong[i].in);
        assert_true(rt_graph_node(g, wrong[i].op, "lone", &x, 1, &wrong[i].attr, &e) < 0);
        if (!strstr(e.text, "lone") || !strstr(e.text, wrong[i].words)) {
            fail_msg("case %d says: %s", (int)i, e.text);
        }
        assert_int_equal(rt_graph_nodes(g), 1);
        assert_int_equal(rt_graph_params(g), 0);
        rt_graph_destroy(g);
    }
}

static void graph_refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    struct rt_graph *g;
    struct rt_error e = {0};
    assert_int_equal(rt_graph_create(&g), 0);
    assert_true(rt_graph_input(g, "x", (struct rt_shape){0}) < 0);
    assert_true(rt_graph_input(g, "x", (struct rt_shape)S2(3, 0)) < 0);
    assert_true(rt_graph_bag(g, "x", 0) < 0);
    int x = rt_graph_input(g, "x", (struct rt_shape)S1(3)), far = 5;
    assert_int_equal(x, 0);
    assert_true(rt_graph_node(g, RT_OP_relu, "x", &x, 1, NULL, &e) < 0);
    assert_non_null(strstr(e.text, "\"x\""));
    assert_true(rt_graph_node(g, RT_OP_relu, "r", &far, 1, NULL, &e) < 0);
    assert_true(rt_graph_node(g, RT_OP_add, "a", &x, 1, NULL, &e) < 0);
    assert_true(rt_graph_node(g, RT_OP_input, "i", &x, 0, NULL, &e) < 0);
    int other = rt_graph_input(g, "y", (struct rt_shape)S1(4));
    assert_true(rt_graph_node(g, RT_OP_add, "a", (int[]){x, other}, 2, NULL, &e) < 0);
    assert_non_null(strstr(e.text, "[4]"));
    assert_int_equal(rt_graph_find(g, "a"), -1);
    rt_graph_destroy(g);
    rt_graph_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_shapes_are_named),
        cmocka_unit_test(graph_refuses_what_it_cannot_hold),
        cmocka_unit_test(every_op_has_a_case),
        cmocka_unit_test(ops_match_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
