/* SPDX-License-Identifier: MIT
 * test_conv: convolutions of many geometries against sums written down plainly in double precision:
 * outputs, input and weight gradients, written and added, and the same bytes for any number of
 * threads. Sizes are such that strips, lanes, chunks and tiles end unevenly. */
#include "stages/nn/exec.h"
#include "stages/nn/window.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TOLERANCE 2e-5 /* of the largest number of a result */

struct sample {
    int batch;
    struct rt_shape in; /* rank 2: a sequence */
    struct rt_attr attr;
};

#define K(h, w) .kernel = {h, w}
static const struct sample samples[] = {
    /* 3x3 of stride 1: tiles */
    {2, {3, {9, 10, 8}}, {.units = 8, K(3, 3), .pad = {1, 1}}},
    {3, {3, {13, 7, 16}}, {.units = 32, K(3, 3), .pad = {1, 1}, .bias = true}},
    {1, {3, {6, 6, 12}}, {.units = 20, K(3, 3)}},
    {2, {3, {5, 11, 40}}, {.units = 72, K(3, 3), .pad = {2, 1}}},
    {5, {3, {30, 20, 8}}, {.units = 12, K(3, 3), .pad = {0, 2}}},
    {2, {3, {4, 4, 168}}, {.units = 64, K(3, 3), .pad = {1, 1}}},
    {1, {3, {3, 3, 8}}, {.units = 8, K(3, 3)}},
    {3, {3, {90, 70, 12}}, {.units = 12, K(3, 3), .pad = {1, 1}}}, /* more lanes than LANES_MIN */
    /* 3 along a sequence */
    {3, {2, {50, 16}}, {.units = 24, K(3, 1), .dilation = {2}}},
    {2, {2, {31, 8}}, {.units = 16, K(3, 1), .dilation = {3}, .pad = {3}}},
    {2, {2, {9, 12}}, {.units = 8, K(3, 1), .pad = {2}}},
    {1, {2, {8, 8}}, {.units = 8, K(3, 1), .dilation = {3}, .bias = true}},
    {2, {2, {2060, 168}}, {.units = 164, K(3, 1), .pad = {1}}}, /* lanes with large sums */
    /* all others */
    {4, {3, {17, 19, 8}}, {.units = 16, K(3, 3), .pad = {1, 1}, .stride = {2, 2}}},
    {2, {3, {12, 9, 5}}, {.units = 7, K(3, 3), .pad = {1, 1}}},
    {2, {3, {16, 15, 3}}, {.units = 33, K(5, 3), .pad = {2, 1}, .stride = {2, 3}, .bias = true}},
    {3, {3, {10, 11, 16}}, {.units = 8, K(3, 3), .pad = {2, 2}, .dilation = {2, 2}}},
    {2, {3, {14, 12, 4}}, {.units = 6, K(3, 2), .dilation = {1, 3}, .stride = {3, 2}, .pad = {0, 1}}},
    {3, {3, {8, 9, 24}}, {.units = 40, K(1, 1)}},
    {3, {3, {9, 9, 12}}, {.units = 10, K(1, 1), .stride = {2, 2}}},
    {2, {2, {40, 300}}, {.units = 448, K(1, 1)}}, /* wide, without padding */
    {2, {2, {30, 160}}, {.units = 280, K(3, 1), .stride = {2}, .bias = true}},
    {1, {3, {70, 3, 6}}, {.units = 350, K(64, 1)}}, /* as many weights, short rows */
    {2, {3, {7, 300, 2}}, {.units = 3, K(1, 3), .pad = {0, 1}}},
    {2, {3, {3, 290, 4}}, {.units = 5, K(2, 4), .pad = {1, 3}, .stride = {1, 3}}},
    {9, {2, {40, 20}}, {.units = 36, K(5, 1), .stride = {2}, .pad = {2}}},
    {3, {2, {700, 3}}, {.units = 5, K(7, 1), .pad = {6}, .stride = {3}, .dilation = {1}}},
    {2, {2, {21, 9}}, {.units = 50, K(4, 1), .dilation = {2}, .pad = {1}}},
    {1, {3, {1, 1, 1}}, {.units = 1, K(1, 1), .bias = true}},
    {2, {3, {2, 2, 8}}, {.units = 8, K(3, 3), .pad = {2, 2}}},
};
#define SAMPLES ((int)(sizeof samples / sizeof *samples))

struct net {
    struct rt_graph *g;
    struct rt_exec *x;
    struct rt_parallel *p;
    int first, second; /* a 1x1 convolution makes an input that has a gradient; the one to test */
};

static float *random_floats(int64_t n, uint64_t stream)
{
    float *v = malloc((size_t)n * sizeof *v);
    assert_non_null(v);
    struct rt_rng r = rt_rng_init(3, 0, stream, RT_RNG_TEST);
    for (int64_t i = 0; i < n; i++) {
        v[i] = (float)rt_rng_normal(&r);
    }
    return v;
}

static struct net make(const struct sample *s, int threads)
{
    struct net n = {0};
    struct rt_error e = {0};
    bool flat = s->in.rank == 2;
    enum rt_op_id op = flat ? RT_OP_conv1d : RT_OP_conv2d;
    assert_int_equal(rt_graph_create(&n.g), 0);
    int input = rt_graph_input(n.g, "input", s->in);
    struct rt_attr same = {.units = s->in.dim[s->in.rank - 1], K(1, 1)};
    n.first = rt_graph_node(n.g, op, "first", &input, 1, &same, &e);
    n.second = rt_graph_node(n.g, op, "second", &n.first, 1, &s->attr, &e);
    if (n.first < 0 || n.second < 0) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(rt_parallel_create(&n.p, threads), 0);
    rt_graph_init(n.g, 5);
    assert_int_equal(rt_exec_create(&n.x, n.g, s->batch, true, n.p), 0);
    return n;
}

static void destroy(struct net *n)
{
    rt_exec_destroy(n->x);
    rt_graph_destroy(n->g);
    rt_parallel_destroy(n->p);
}

struct plain {
    double *y, *dx, *dw, *db;
    int64_t outputs, inputs, weights;
};

static double *zeros(int64_t n)
{
    double *v = calloc((size_t)n + 1, sizeof *v);
    assert_non_null(v);
    return v;
}

/* The definition. */
static struct plain by_definition(const struct rt_window *w, int batch, int units, const float *x,
                                  const float *weight, const float *bias, const float *dy)
{
    struct plain r = {.outputs = (int64_t)batch * w->oh * w->ow * units,
                      .inputs = (int64_t)batch * w->h * w->w * w->c,
                      .weights = (int64_t)units * w->kh * w->kw * w->c};
    r.y = zeros(r.outputs), r.dx = zeros(r.inputs), r.dw = zeros(r.weights), r.db = zeros(units);
    for (int64_t o = 0; o < r.outputs; o++) {
        int u = (int)(o % units), ox = (int)(o / units % w->ow), oy = (int)(o / units / w->ow % w->oh);
        int b = (int)(o / units / w->ow / w->oh);
        r.y[o] = bias ? bias[u] : 0;
        r.db[u] += dy[o];
        for (int t = 0; t < w->kh * w->kw; t++) {
            int iy = oy * w->sh - w->ph + t / w->kw * w->dh, ix = ox * w->sw - w->pw + t % w->kw * w->dw;
            if (iy < 0 || iy >= w->h || ix < 0 || ix >= w->w) {
                continue;
            }
            for (int c = 0; c < w->c; c++) {
                int64_t i = (((int64_t)b * w->h + iy) * w->w + ix) * w->c + c;
                int64_t k = ((int64_t)u * w->kh * w->kw + t) * w->c + c;
                r.y[o] += (double)x[i] * weight[k];
                r.dx[i] += (double)dy[o] * weight[k];
                r.dw[k] += (double)dy[o] * x[i];
            }
        }
    }
    return r;
}

static void compare(const char *what, int sample, const float *got, const double *want, int64_t n,
                    double times)
{
    double size = 1e-30, off = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - times * want[i]);
        size = fmax(size, fabs(times * want[i]));
        if (!(d <= off)) {
            off = d;
            at = i;
        }
    }
    if (!(off <= TOLERANCE * size)) {
        fail_msg("sample %d: %s[%ld] is %g, not %g (largest %g)", sample, what, (long)at,
                 (double)got[at], times * want[at], size);
    }
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        struct net n = make(s, 1);
        const struct rt_node *node = rt_graph_at(n.g, n.second);
        struct rt_window w = rt_window_of(node, &s->in);
        float *input = random_floats((int64_t)s->batch * rt_shape_count(&s->in), 1);
        int64_t outputs = (int64_t)s->batch * rt_shape_count(&node->shape);
        float *dy = random_floats(outputs, 2);
        rt_exec_forward(n.x, s->batch, input, NULL, true, 1, 0);
        memcpy(rt_exec_grad(n.x, n.second), dy, (size_t)outputs * sizeof *dy);
        struct rt_param *weight = rt_graph_param_named(n.g, "second.weight");
        struct rt_param *bias = rt_graph_param_named(n.g, "second.bias");
        struct plain r = by_definition(&w, s->batch, s->attr.units, rt_exec_output(n.x, n.first),
                                       weight->value, bias ? bias->value : NULL, dy);
        compare("y", i, rt_exec_output(n.x, n.second), r.y, r.outputs, 1);
        rt_exec_backward(n.x);
        compare("dw", i, weight->grad, r.dw, r.weights, 1);
        if (bias) {
            compare("db", i, bias->grad, r.db, s->attr.units, 1);
        }
        /* The 1x1 before it has weight gradient (dx of ours) x input: checks dx. */
        struct rt_param *first = rt_graph_param_named(n.g, "first.weight");
        int c = w.c;
        double *want = zeros((int64_t)c * c);
        for (int64_t p = 0; p < r.inputs / c; p++) {
            for (int k = 0; k < c * c; k++) {
                want[k] += r.dx[p * c + k / c] * input[p * c + k % c];
            }
        }
        compare("dx", i, first->grad, want, (int64_t)c * c, 1);
        free(want), free(r.y), free(r.dx), free(r.dw), free(r.db), free(input), free(dy);
        destroy(&n);
    }
}

/* y, dw and dx's trace of one pass. */
static void bytes_of(const struct sample *s, int threads, float **out, int64_t *count)
{
    struct net n = make(s, threads);
    const struct rt_node *node = rt_graph_at(n.g, n.second);
    int64_t outputs = (int64_t)s->batch * rt_shape_count(&node->shape), at = outputs;
    float *input = random_floats((int64_t)s->batch * rt_shape_count(&s->in), 1);
    rt_exec_forward(n.x, s->batch, input, NULL, true, 1, 0);
    const float *y = rt_exec_output(n.x, n.second);
    memcpy(rt_exec_grad(n.x, n.second), y, (size_t)outputs * sizeof *y);
    rt_exec_backward(n.x);
    for (int i = 0; i < rt_graph_params(n.g); i++) {
        at += rt_graph_param(n.g, i)->count;
    }
    *count = at;
    *out = malloc((size_t)at * sizeof **out);
    assert_non_null(*out);
    memcpy(*out, y, (size_t)outputs * sizeof *y);
    at = outputs;
    for (int i = 0; i < rt_graph_params(n.g); i++) {
        const struct rt_param *p = rt_graph_param(n.g, i);
        memcpy(*out + at, p->grad, (size_t)p->count * sizeof *p->grad);
        at += p->count;
    }
    free(input);
    destroy(&n);
}

static void bytes_do_not_depend_on_threads(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        float *one, *three;
        int64_t count, same;
        bytes_of(&samples[i], 1, &one, &count);
        bytes_of(&samples[i], 3, &three, &same);
        assert_true(count == same);
        assert_memory_equal(one, three, (size_t)count * sizeof *one);
        free(one);
        free(three);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(bytes_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
