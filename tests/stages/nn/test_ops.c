/* SPDX-License-Identifier: MIT
 * test_ops: every op of ops.def against finite differences, alone: gradients of its inputs (written
 * and added) and of its parameters, over several shapes. An op without a case fails the test. */
#include "stages/nn/functions.h"
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
    struct rt_shape in2; /* of the second input, when not that of the first */
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
#define S4(a, h, w, c)                                                                             \
    {                                                                                              \
        4,                                                                                         \
        {                                                                                          \
            a, h, w, c                                                                             \
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
    {RT_OP_conv2d, 2, S3(5, 7, 3), {.units = 4, .kernel = {3, 3}, .pad = {1, 1}}, .relu = false},
    {RT_OP_conv2d,
     1,
     S3(9, 6, 2),
     {.units = 5, .kernel = {3, 2}, .stride = {2, 3}, .bias = true},
     .relu = false},
    {RT_OP_conv2d, 3, S3(8, 8, 4), {.units = 3, .kernel = {1, 1}, .bias = true}, .relu = false},
    {RT_OP_conv2d, 2, S3(8, 8, 4), {.units = 3, .kernel = {1, 1}, .stride = {2, 2}}, .relu = false},
    {RT_OP_conv2d,
     2,
     S3(9, 11, 2),
     {.units = 2, .kernel = {3, 3}, .pad = {2, 3}, .dilation = {2, 3}},
     .relu = false},
    {RT_OP_conv2d, 2, S2(6, 5), {.units = 2, .kernel = {3, 3}, .pad = {1, 1}}, .relu = false},
    /* Several lanes; several chunks in a lane; a line wider than a chunk's aim. */
    {RT_OP_conv2d,
     5,
     S3(16, 16, 3),
     {.units = 4, .kernel = {3, 3}, .pad = {1, 1}, .bias = true},
     .relu = false},
    {RT_OP_conv2d, 4, S3(12, 40, 20), {.units = 2, .kernel = {5, 5}, .pad = {2, 2}}, .relu = false},
    {RT_OP_conv1d,
     2,
     S2(11, 3),
     {.units = 4, .kernel = {5}, .stride = {2}, .pad = {2}},
     .relu = false},
    {RT_OP_conv1d,
     1,
     S2(17, 2),
     {.units = 3, .kernel = {3}, .dilation = {3}, .bias = true},
     .relu = false},
    {RT_OP_conv1d, 3, S2(7, 5), {.units = 2, .kernel = {1}}, .relu = false},
    {RT_OP_conv1d,
     2,
     S2(2, 3),
     {.units = 2, .kernel = {5}, .pad = {4}, .stride = {3}},
     .relu = false},
    {RT_OP_conv2d,
     2,
     S3(5, 7, 6),
     {.units = 6, .kernel = {3, 3}, .pad = {1, 1}, .groups = 6},
     .relu = false},
    {RT_OP_conv2d,
     2,
     S3(8, 6, 34),
     {.units = 34, .kernel = {3, 2}, .stride = {2, 3}, .pad = {1, 0}, .groups = 34, .bias = true},
     .relu = false},
    {RT_OP_conv2d,
     3,
     S3(7, 5, 6),
     {.units = 4,
      .kernel = {3, 3},
      .stride = {1, 2},
      .dilation = {2, 1},
      .pad = {2, 2},
      .groups = 2},
     .relu = false},
    {RT_OP_conv1d,
     2,
     S2(9, 4),
     {.units = 8, .kernel = {3}, .pad = {1}, .groups = 4, .bias = true},
     .relu = false},
    {RT_OP_linear, 3, S1(7), {.units = 5, .bias = true}, .relu = false},
    {RT_OP_linear, 1, S1(3), {.units = 1}, .relu = false},
    {RT_OP_linear, 4, S1(300), {.units = 70, .bias = true}, .relu = false},
    {RT_OP_cosine, 3, S1(6), {.units = 4}, .relu = false},
    {RT_OP_cosine, 1, S1(2), {.units = 7}, .relu = false},
    {RT_OP_batchnorm, 6, S1(5), {0}, .relu = false},
    {RT_OP_batchnorm, 1, S2(9, 3), {0}, .relu = false},
    {RT_OP_batchnorm, 3, S3(5, 3, 7), {0}, .relu = true},
    {RT_OP_batchnorm, 2, S3(4, 4, 70), {.epsilon = 0.1f}, .relu = false},
    {RT_OP_batchnorm, 3, S2(37, 4), {0}, .relu = true},
    {RT_OP_batchnorm, 2, S3(50, 50, 5), {0}, .relu = false}, /* several pieces, a ragged end */
    {RT_OP_batchnorm, 3, S2(5, 4), {.frozen = true}, .relu = false},
    {RT_OP_batchnorm, 3, S2(5, 4), {.frozen = true}, .relu = true},
    {RT_OP_relu, 2, S3(3, 5, 2), {0}, .relu = false},
    {RT_OP_relu, 1, S1(1), {0}, .relu = false},
    {RT_OP_add, 2, S3(3, 5, 2), {0}, .relu = false},
    {RT_OP_add, 3, S2(4, 3), {0}, .relu = true},
    {RT_OP_maxpool, 2, S3(6, 7, 3), {.kernel = {2, 2}}, .relu = false},
    {RT_OP_maxpool,
     1,
     S3(7, 5, 2),
     {.kernel = {3, 3}, .stride = {2, 1}, .pad = {1, 1}},
     .relu = false},
    {RT_OP_maxpool, 3, S2(9, 4), {.kernel = {3}, .stride = {2}, .dilation = {2}}, .relu = false},
    {RT_OP_avgpool, 2, S3(6, 7, 3), {.kernel = {2, 2}}, .relu = false},
    {RT_OP_avgpool,
     1,
     S3(7, 5, 2),
     {.kernel = {3, 3}, .stride = {2, 1}, .pad = {1, 1}},
     .relu = false},
    {RT_OP_avgpool, 3, S2(9, 4), {.kernel = {3}, .stride = {1}}, .relu = false},
    {RT_OP_globalpool, 2, S3(3, 5, 4), {0}, .relu = false},
    {RT_OP_globalpool, 1, S2(7, 3), {0}, .relu = false},
    {RT_OP_statpool, 2, S3(5, 3, 4), {0}, .relu = false},
    {RT_OP_statpool, 1, S2(9, 3), {.epsilon = 0.01f}, .relu = false},
    {RT_OP_reshape, 2, S3(3, 2, 4), {0}, .relu = false},
    {RT_OP_embeddingbag, 4, S1(1), {.units = 5, .buckets = 11}, .relu = false},
    {RT_OP_embeddingbag, 1, S1(1), {.units = 70, .buckets = 3}, .relu = false},
    {RT_OP_l2normalise, 3, S1(6), {0}, .relu = false},
    {RT_OP_l2normalise,
     1,
     S1(1),
     {.epsilon = 5},
     .relu = false}, /* shorter than epsilon: a straight line */
    {RT_OP_dropout, 3, S2(5, 7), {.rate = 0.4f}, .relu = false},
    {RT_OP_dropout, 1, S1(9), {0}, .relu = false},
    {RT_OP_reshape, 2, S3(3, 2, 4), {.shape = S4(2, 1, 3, 4)}, .relu = false},
    {RT_OP_unary, 1, S2(8, 8), {.number = {0.5f, 1.5f}}, .relu = false},
    {RT_OP_unary, 3, S4(2, 3, 2, 1), {.number = {0.5f, 1.5f}}, .relu = false},
    {RT_OP_binary, 2, S2(4, 5), {0}, .relu = false},
    {RT_OP_binary, 3, S3(2, 4, 3), {0}, 0, S3(1, 1, 3)},
    {RT_OP_binary, 2, S3(2, 3, 4), {0}, 0, S3(2, 3, 1)},
    {RT_OP_binary, 2, S2(1, 4), {0}, 0, S2(3, 1)},
    {RT_OP_binary, 1, S4(2, 2, 3, 2), {0}, 0, S4(1, 2, 1, 2)},
    {RT_OP_parameter, 3, S2(2, 2), {.shape = S3(2, 3, 2)}, .relu = false},
    {RT_OP_parameter, 3, S2(2, 2), {.shape = S1(4), .frozen = true}, .relu = false},
    {RT_OP_transpose, 2, S3(2, 3, 4), {.order = {2, 0, 1}}, .relu = false},
    {RT_OP_transpose, 1, S4(2, 3, 2, 5), {.order = {3, 1, 0, 2}}, .relu = false},
    {RT_OP_slice, 2, S2(6, 3), {.begin = 1, .step = 2, .count = 3}, .relu = false},
    {RT_OP_slice,
     2,
     S3(2, 5, 3),
     {.axis = 1, .begin = -2, .count = 9, .number = {0.5f}},
     .relu = false},
    {RT_OP_slice, 1, S2(4, 3), {.begin = 3, .step = -1, .count = 4}, .relu = false},
    {RT_OP_slice, 2, S2(3, 4), {.axis = 1, .divisor = 2, .count = 8}, .relu = false},
    {RT_OP_slice, 2, S2(1, 4), {.begin = -9, .count = 3, .step = 5}, .relu = false},
    {RT_OP_concat, 2, S3(2, 3, 2), {.axis = 1}, 0, S3(2, 4, 2)},
    {RT_OP_concat, 3, S1(4), {0}, .relu = false},
    {RT_OP_reduce, 2, S3(3, 4, 2), {.axes = 2}, .relu = false},
    {RT_OP_reduce, 1, S3(3, 2, 4), {.axis = 1}, .relu = false},
    {RT_OP_reduce, 3, S2(2, 5), {.axes = 2}, .relu = false},
    {RT_OP_softmax, 2, S2(3, 5), {.axis = 1}, .relu = false},
    {RT_OP_softmax, 1, S3(4, 2, 3), {.axes = 2}, .relu = false},
    {RT_OP_normalise, 2, S2(3, 6), {.axis = 1}, .relu = false},
    {RT_OP_normalise, 2, S3(3, 4, 2), {.axes = 2, .epsilon = 0.01f}, .relu = false},
    {RT_OP_matmul, 2, S2(3, 4), {0}, 0, S2(4, 5)},
    {RT_OP_matmul, 2, S3(2, 3, 4), {.transposed = true}, 0, S3(2, 5, 4)},
};

struct bench {
    const struct op_case *c;
    struct rt_graph *g;
    struct rt_op_run r;
    const struct rt_op *op;
    struct rt_shape in[2];
    int inputs;
    float *x[2], *dx[2], *pull; /* pull: the loss is its dot product with y */
    int64_t in_count[2], out_count;
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

/* No step of a finite difference may cross a corner or leave where the function is defined. */
static void keep_smooth(const struct op_case *c, int input, float *x, int64_t n)
{
    bool corners = c->op == RT_OP_relu || c->op == RT_OP_maxpool || c->op == RT_OP_unary ||
                   c->op == RT_OP_binary || c->op == RT_OP_reduce;
    int f = c->attr.function;
    bool positive = (c->op == RT_OP_unary && (f == RT_UNARY_log || f == RT_UNARY_sqrt ||
                                              f == RT_UNARY_pow || f == RT_UNARY_reciprocal)) ||
                    (c->op == RT_OP_binary && f == RT_BINARY_div && input == 1);
    if (corners) {
        keep_apart(x, n);
    }
    for (int64_t i = 0; i < n; i++) {
        x[i] += corners && input == 1 ? 0.05f : 0; /* max, min: away from the first, too */
        x[i] += c->op == RT_OP_unary && f == RT_UNARY_quantise ? 0.03f : 0; /* it jumps between its steps */
        x[i] = positive ? 0.7f + fabsf(x[i]) : x[i];
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
    b->inputs = b->op->inputs ? b->op->inputs : 2;
    for (int i = 0; i < b->inputs; i++) {
        b->in[i] = i && c->in2.rank ? c->in2 : c->in;
        b->in_count[i] = c->batch * count_of(&b->in[i]);
        input[i] = bag ? rt_graph_bag(b->g, "x", c->attr.buckets)
                       : rt_graph_input(b->g, i ? "x2" : "x", b->in[i]);
        assert_int_equal(input[i], i);
    }
    int node = rt_graph_node(b->g, c->op, "op", input, b->inputs, &c->attr, &e);
    if (node < 0) {
        fail_msg("%s: %s", b->op->name, e.text);
    }
    rt_graph_init(b->g, 3);
    const struct rt_node *n = rt_graph_at(b->g, node);
    b->out_count = c->batch * count_of(&n->shape);
    b->pull = random_floats(b->out_count, 1);
    b->r.node = n;
    b->r.batch = c->batch;
    b->r.training = true;
    b->r.relu = c->relu;
    b->r.seed = 5;
    b->r.y = random_floats(b->out_count, 2);
    b->r.dy = b->pull;
    for (int i = 0; i < b->inputs && !bag; i++) {
        b->x[i] = random_floats(b->in_count[i], 3 + (uint64_t)i);
        keep_smooth(c, i, b->x[i], b->in_count[i]);
        b->dx[i] = random_floats(b->in_count[i], 5);
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
    size_t saved = b->op->saved_bytes ? b->op->saved_bytes(n, b->in, c->batch) : 0;
    struct rt_scratch_size size = {0};
    if (b->op->scratch)
        size = b->op->scratch(n, b->in, c->batch);
    b->r.saved = aligned_alloc(64, (saved + 127) / 64 * 64);
    b->r.scratch.shared = aligned_alloc(64, (size.shared + 127) / 64 * 64);
    b->r.scratch.threads = aligned_alloc(64, (size.thread + 127) / 64 * 64);
}

static void close_bench(struct bench *b)
{
    for (int i = 0; i < 2; i++) {
        free(b->x[i]);
        free(b->dx[i]);
    }
    free(b->pull);
    free(b->r.y);
    free(b->r.saved);
    free(b->r.scratch.shared);
    free(b->r.scratch.threads);
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
        const char *f = b->op->functions ? b->op->functions[b->c->attr.function] : "";
        fail_msg("%s %s [%d,..]: gradient of %s [%d] is %g, off by %g (allowed %g)", b->op->name, f,
                 b->c->in.dim[0], what, (int)at, (double)grad[at], worst, allowed);
    }
}

static void check_case(const struct op_case *c)
{
    struct bench b;
    open_bench(&b, c);
    if (b.op->view) {
        assert_int_equal(b.in_count[0], b.out_count); /* shares memory: nothing to run */
        close_bench(&b);
        return;
    }
    loss(&b);
    b.op->backward(&b.r);
    for (int i = 0; i < b.inputs && b.x[i]; i++) {
        check_gradient(&b, b.x[i], b.dx[i], b.in_count[i], i ? "input 2" : "input 1");
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
    for (int i = 0; i < b.inputs && b.x[i]; i++) {
        float *fresh = b.dx[i], *before = random_floats(b.in_count[i], 5);
        b.dx[i] = random_floats(b.in_count[i], 5);
        b.r.dx[i] = b.dx[i];
        b.r.add[i] = true;
        b.op->backward(&b.r);
        for (int64_t k = 0; k < b.in_count[i]; k++) {
            double want = (double)before[k] + fresh[k];
            assert_true(fabs(b.dx[i][k] - want) <= 1e-4 * (1 + fabs(want)));
        }
        b.r.dx[i] = NULL;
        free(fresh);
        free(before);
    }
    close_bench(&b);
}

static void ops_match_finite_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct rt_op *op = rt_op_get(cases[i].op);
        struct op_case c = cases[i];
        do {
            check_case(&c); /* with each of the op's functions */
        } while (op->functions && op->functions[++c.attr.function]);
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
        {RT_OP_conv1d, S2(9, 3), {.units = 3, .groups = 2}, "2 groups"},
        {RT_OP_conv1d, S2(9, 3), {.units = 3, .groups = -1}, "-1 groups"},
        {RT_OP_linear, S2(2, 3), {.units = 1}, "flatten"},
        {RT_OP_cosine, S2(2, 3), {.units = 1}, "flatten"},
        {RT_OP_maxpool, S2(9, 3), {.kernel = {2}, .pad = {2}}, "padding"},
        {RT_OP_avgpool, S1(9), {.kernel = {2}}, "[9]"},
        {RT_OP_globalpool, S1(9), {0}, "[9]"},
        {RT_OP_statpool, S1(9), {0}, "[9]"},
        {RT_OP_l2normalise, S2(9, 1), {0}, "[9,1]"},
        {RT_OP_dropout, S1(9), {.rate = 1}, "rate 1"},
        {RT_OP_embeddingbag, S1(9), {.units = 1}, "no bag"},
        {RT_OP_reshape, S2(9, 2), {.shape = S1(17)}, "[17]"},
        {RT_OP_reshape, S1(9), {.shape = S3(-3, -3, 1)}, "[9]"},
        {RT_OP_unary, S1(9), {.function = 99}, "function 99"},
        {RT_OP_parameter, S1(9), {0}, "shape of its own"},
        {RT_OP_transpose, S2(9, 2), {.order = {0, 2}}, "once"},
        {RT_OP_transpose, S2(9, 2), {.order = {1, 1}}, "once"},
        {RT_OP_slice, S2(9, 2), {.axis = 2, .count = 1}, "[9,2]"},
        {RT_OP_slice, S2(9, 2), {.count = 0}, "count 0"},
        {RT_OP_reduce, S2(9, 2), {.axis = 1, .axes = 2}, "2 dimensions from 1"},
        {RT_OP_softmax, S2(9, 2), {.axis = -1}, "from -1"},
        {RT_OP_concat, S2(9, 2), {.axis = 3}, "from 3"},
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
