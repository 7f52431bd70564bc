/* SPDX-License-Identifier: MIT
 * test_exec: whole networks: gradients of every preset end to end, the same bytes for any number of
 * threads, inference beside training, frozen parts, save and load. */
#include "stages/nn/exec.h"
#include "stages/nn/presets.h"
#include "stages/nn/optim/optim.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BATCH 9
#define ENTRIES 40
#define NETS (int)(sizeof nets / sizeof *nets)

static const struct rt_preset_config nets[] = {
    {.net = RT_NET_CNN1D,
     .input = {2, {33, 6}},
     .width = 12,
     .embedding = 8,
     .classes = 5,
     .dropout = 0.2f},
    {.net = RT_NET_CNN2D,
     .input = {3, {15, 14, 3}},
     .width = 4,
     .embedding = 8,
     .classes = 5,
     .cosine = true},
    {.net = RT_NET_RESNET, .input = {2, {90, 9}}, .width = 4, .blocks = 1, .embedding = 8, .classes = 5},
    {.net = RT_NET_RESNET,
     .input = {3, {90, 9, 2}},
     .width = 3,
     .blocks = 2,
     .embedding = 8,
     .classes = 5},
    {.net = RT_NET_TDNN, .input = {2, {40, 6}}, .width = 16, .embedding = 8, .classes = 5},
    {.net = RT_NET_TEXTBAG, .buckets = 50, .width = 70, .embedding = 8, .classes = 5, .dropout = 0.1f},
};

struct net {
    struct rt_graph *g;
    struct rt_parallel *p;
    struct rt_exec *x;
    float *input;
    int32_t offset[BATCH + 1], bucket[ENTRIES];
    float weight[ENTRIES];
    struct rt_bags bags;
    int logits, classes;
};

static float *random_floats(int64_t n, uint64_t stream)
{
    float *v = calloc((size_t)n, sizeof *v);
    assert_non_null(v);
    struct rt_rng r = rt_rng_init(1, 0, stream, RT_RNG_TEST);
    for (int64_t i = 0; i < n; i++) {
        v[i] = (float)rt_rng_normal(&r);
    }
    return v;
}

static void open_net(struct net *n, const struct rt_preset_config *c, int threads, bool training)
{
    struct rt_error e = {0};
    int64_t count = BATCH;
    memset(n, 0, sizeof *n);
    if (rt_preset_build(&n->g, c, &e)) {
        fail_msg("%s", e.text);
    }
    rt_graph_init(n->g, 11);
    assert_int_equal(rt_parallel_create(&n->p, threads), 0);
    assert_int_equal(rt_exec_create(&n->x, n->g, BATCH, training, n->p), 0);
    n->logits = rt_graph_find(n->g, "logits");
    n->classes = c->classes;
    assert_true(n->logits > 0 && rt_graph_find(n->g, "embedding") > 0);
    for (int i = 0; i < c->input.rank; i++) {
        count *= c->input.dim[i];
    }
    n->input = random_floats(count, 2);
    for (int i = 0; i < ENTRIES; i++) {
        n->bucket[i] = i * 17 % 50;
        n->weight[i] = 0.1f * (float)(i % 7 + 1);
    }
    for (int i = 0; i <= BATCH; i++) {
        n->offset[i] = i * i * ENTRIES / (BATCH * BATCH);
    }
    n->bags = (struct rt_bags){n->offset, n->bucket, n->weight};
}

static void close_net(struct net *n)
{
    free(n->input);
    rt_exec_destroy(n->x);
    rt_parallel_destroy(n->p);
    rt_graph_destroy(n->g);
}

static void forward(struct net *n, int batch, bool training, uint64_t step)
{
    bool bag = rt_graph_at(n->g, 0)->op == RT_OP_bag;
    rt_exec_forward(n->x, batch, bag ? NULL : n->input, bag ? &n->bags : NULL, training, 3, step);
}

/* The loss: dot product of logits and embedding with fixed numbers. */
static double pull(struct net *n, const float *by, bool gradient)
{
    static const char *const name[] = {"logits", "embedding"};
    double sum = 0;
    for (int k = 0; k < 2; k++) {
        int node = rt_graph_find(n->g, name[k]);
        int count = BATCH * rt_graph_at(n->g, node)->shape.dim[0];
        const float *y = rt_exec_output(n->x, node);
        float *dy = gradient ? rt_exec_grad(n->x, node) : NULL;
        for (int i = 0; i < count; i++) {
            sum += (double)y[i] * by[i];
            if (dy) {
                dy[i] += by[i];
            }
        }
    }
    return sum;
}

/* Along the gradient itself the loss must change by the gradient's length: one number per parameter
 * that takes in all of its elements. Corners of relus the step crosses leave up to 6 % in the first
 * layers of the deep resnet (smaller steps drown in rounding); test_golden compares finely. */
static void check_preset(const struct rt_preset_config *c)
{
    struct net n;
    open_net(&n, c, 1, true);
    float *by = random_floats(BATCH * 8, 5);
    forward(&n, BATCH, true, 4);
    pull(&n, by, true);
    rt_exec_backward(n.x);
    for (int i = 0; i < rt_graph_params(n.g); i++) {
        struct rt_param *p = rt_graph_param(n.g, i);
        if (!p->trainable) {
            continue;
        }
        size_t bytes = (size_t)p->count * sizeof(float);
        float *old = malloc(bytes);
        memcpy(old, p->value, bytes);
        double square = 0, value[2];
        for (int64_t k = 0; k < p->count; k++) {
            square += (double)p->grad[k] * p->grad[k];
        }
        double length = sqrt(square), h = 5e-4;
        assert_true(length > 0);
        for (int side = 0; side < 2; side++) {
            for (int64_t k = 0; k < p->count; k++) {
                p->value[k] = (float)(old[k] + (side ? -h : h) * p->grad[k] / length);
            }
            forward(&n, BATCH, true, 4);
            value[side] = pull(&n, by, false);
        }
        memcpy(p->value, old, bytes);
        free(old);
        double slope = (value[0] - value[1]) / (2 * h);
        if (!(fabs(slope - length) <= 0.1 * length + 0.01)) {
            fail_msg("%s: slope along the gradient of %s is %g, should be %g", c->net, p->name,
                     slope, length);
        }
    }
    free(by);
    close_net(&n);
}

static void presets_match_finite_differences(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        check_preset(&nets[i]);
    }
}

/* Five steps with a full and a ragged batch; all parameters and the last logits end in `out`. */
static void train(const struct rt_preset_config *c, int threads, float **out, int64_t *count)
{
    struct net n;
    struct rt_optim *o;
    open_net(&n, c, threads, true);
    assert_int_equal(rt_optim_create(&o, RT_OPTIM_ADAMW, n.g), 0);
    for (int s = 0; s < 5; s++) {
        int batch = s % 2 ? BATCH - 2 : BATCH;
        forward(&n, batch, true, (uint64_t)s);
        const float *y = rt_exec_output(n.x, n.logits);
        float *dy = rt_exec_grad(n.x, n.logits);
        for (int i = 0; i < batch * n.classes; i++) {
            dy[i] += y[i] - (float)(i % 3);
        }
        rt_exec_backward(n.x);
        struct rt_optim_step step = {.lr = 0.01, .momentum = 0.9, .decay = 0.01, .clip = 1};
        assert_true(isfinite(rt_optim_update(o, &step, NULL)));
    }
    *count = BATCH * n.classes;
    for (int i = 0; i < rt_graph_params(n.g); i++) {
        *count += rt_graph_param(n.g, i)->count;
    }
    float *to = *out = malloc((size_t)*count * sizeof **out);
    assert_non_null(to);
    memcpy(to, rt_exec_output(n.x, n.logits), (size_t)(BATCH * n.classes) * sizeof *to);
    to += BATCH * n.classes;
    for (int i = 0; i < rt_graph_params(n.g); i++) {
        const struct rt_param *p = rt_graph_param(n.g, i);
        memcpy(to, p->value, (size_t)p->count * sizeof *to);
        to += p->count;
    }
    rt_optim_destroy(o);
    close_net(&n);
}

static void bytes_do_not_depend_on_threads(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        float *one, *other;
        int64_t count, again;
        train(&nets[i], 1, &one, &count);
        for (int threads = 1; threads <= 3; threads++) {
            train(&nets[i], threads, &other, &again);
            assert_int_equal(count, again);
            if (memcmp(one, other, (size_t)count * sizeof *one) != 0) {
                fail_msg("%s: %d threads end in other bytes than one", rt_net_names[nets[i].net], threads);
            }
            free(other);
        }
        free(one);
    }
}

/* An exec without training shares memory between nodes and must still give the same numbers. */
static void inference_equals_training_engine(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        struct net a, b;
        open_net(&a, &nets[i], 1, true);
        open_net(&b, &nets[i], 1, false);
        assert_true(rt_exec_bytes(b.x) < rt_exec_bytes(a.x));
        assert_null(rt_exec_grad(b.x, b.logits));
        for (int batch = BATCH; batch >= 1; batch -= 4) {
            forward(&a, batch, false, 0);
            forward(&b, batch, false, 0);
            size_t bytes = (size_t)(batch * a.classes) * sizeof(float);
            assert_memory_equal(rt_exec_output(a.x, a.logits), rt_exec_output(b.x, b.logits),
                                bytes);
            int e = rt_graph_find(a.g, "embedding");
            bytes = (size_t)(batch * 8) * sizeof(float);
            assert_memory_equal(rt_exec_output(a.x, e), rt_exec_output(b.x, e), bytes);
        }
        close_net(&a);
        close_net(&b);
    }
}

/* A frozen head on a trained projection: no gradient of its own, but the projection's is right. */
static void frozen_nodes_pass_gradients_on(void **state)
{
    (void)state;
    struct rt_graph *g;
    struct rt_exec *x;
    struct rt_error e;
    float input[] = {1, 2, 3, -1, 0.5f, 2};
    assert_int_equal(rt_graph_create(&g), 0);
    int in = rt_graph_input(g, "x", (struct rt_shape){1, {3}});
    int project =
        rt_graph_node(g, RT_OP_linear, "project", &in, 1, &(struct rt_attr){.units = 2}, &e);
    int head = rt_graph_node(g, RT_OP_linear, "head", &project, 1,
                             &(struct rt_attr){.units = 4, .bias = true, .frozen = true}, &e);
    rt_graph_init(g, 1);
    assert_int_equal(rt_exec_create(&x, g, 2, true, NULL), 0);
    const struct rt_param *w = rt_graph_param_named(g, "project.weight");
    const struct rt_param *f = rt_graph_param_named(g, "head.weight");
    assert_false(f->trainable);
    assert_null(f->grad);
    assert_int_equal(rt_graph_weights(g), 6);
    struct rt_part *part;
    assert_int_equal(rt_graph_parts(&part, g, 4), 2);
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(rt_graph_param(g, part[i].param), w);
        assert_int_equal(part[i].from, 4 * i);
        assert_int_equal(part[i].count, i ? 2 : 4);
    }
    free(part);
    for (int round = 0; round < 2; round++) { /* the second must not add to the first */
        rt_exec_forward(x, 2, input, NULL, true, 0, 0);
        float *dy = rt_exec_grad(x, head);
        dy[0] += 1; /* of sample 0, unit 0 */
        dy[7] += 2; /* of sample 1, unit 3 */
        rt_exec_backward(x);
        for (int u = 0; u < 2; u++) {
            for (int c = 0; c < 3; c++) {
                double want = (double)f->value[u] * input[c] + 2.0 * f->value[6 + u] * input[3 + c];
                assert_true(fabs(w->grad[u * 3 + c] - want) < 1e-5);
            }
        }
    }
    assert_null(rt_exec_grad(x, in));
    rt_exec_destroy(x);
    rt_graph_destroy(g);
}

/* Features in the middle of a head stay readable without training. */
static void features_stay_valid_without_training(void **state)
{
    (void)state;
    struct rt_graph *g;
    struct rt_exec *a, *b;
    struct rt_error e;
    static const float input[] = {1, 2, 3, -1};
    int at[6] = {0};
    assert_int_equal(rt_graph_create(&g), 0);
    at[0] = rt_graph_input(g, "x", (struct rt_shape){1, {4}});
    for (int i = 1; i < 6; i++) {
        char name[] = {(char)('a' + i), 0};
        at[i] = rt_graph_node(g, RT_OP_linear, name, &at[i - 1], 1,
                              &(struct rt_attr){.units = 4, .bias = true}, &e);
    }
    rt_graph_init(g, 1);
    assert_int_equal(rt_exec_create(&a, g, 1, true, NULL), 0);
    assert_int_equal(rt_exec_create(&b, g, 1, false, NULL), 0);
    rt_exec_forward(a, 1, input, NULL, false, 0, 0);
    rt_exec_forward(b, 1, input, NULL, false, 0, 0);
    for (int i = 0; i < 6; i++) {
        assert_memory_equal(rt_exec_output(a, at[i]), rt_exec_output(b, at[i]), 4 * sizeof(float));
    }
    rt_exec_destroy(a);
    rt_exec_destroy(b);
    rt_graph_destroy(g);
}

static void save_load_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        struct rt_graph *a, *b;
        struct rt_safetensors *s;
        struct rt_error e;
        assert_int_equal(rt_preset_build(&a, &nets[i], &e), 0);
        assert_int_equal(rt_preset_build(&b, &nets[i], &e), 0);
        rt_graph_init(a, 1);
        rt_graph_init(b, 2);
        assert_int_equal(rt_safetensors_create(&s), 0);
        assert_int_not_equal(rt_graph_load(b, s, "model.", &e), 0);
        assert_non_null(strstr(e.text, "model."));
        assert_int_equal(rt_graph_save(a, s, "model."), 0);
        assert_int_equal(rt_graph_load(b, s, "model.", &e), 0);
        for (int k = 0; k < rt_graph_params(a); k++) {
            const struct rt_param *p = rt_graph_param(a, k), *q = rt_graph_param(b, k);
            assert_memory_equal(p->value, q->value, (size_t)p->count * sizeof *p->value);
        }
        rt_safetensors_destroy(s);
        rt_graph_destroy(a);
        rt_graph_destroy(b);
    }
}

static void another_shape_is_refused_by_name(void **state)
{
    (void)state;
    struct rt_preset_config wide = nets[0];
    struct rt_graph *a, *b;
    struct rt_safetensors *s;
    struct rt_error e;
    wide.classes = 6;
    assert_int_equal(rt_preset_build(&a, &nets[0], &e), 0);
    assert_int_equal(rt_preset_build(&b, &wide, &e), 0);
    rt_graph_init(b, 1);
    float first = rt_graph_param(b, 0)->value[0];
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_graph_save(a, s, ""), 0);
    assert_int_equal(rt_graph_load(b, s, "", &e), RT_EMISMATCH);
    assert_non_null(strstr(e.text, "logits.weight"));
    assert_non_null(strstr(e.text, "[5,8]"));
    assert_non_null(strstr(e.text, "[6,8]"));
    assert_true(first == rt_graph_param(b, 0)->value[0]);
    rt_safetensors_destroy(s);
    rt_graph_destroy(a);
    rt_graph_destroy(b);
}

/* Equal seeds, equal weights; another layer beside a parameter leaves it alone. */
static void initial_weights_follow_from_seed_and_name(void **state)
{
    (void)state;
    struct rt_preset_config deep = nets[2];
    struct rt_graph *a, *b;
    struct rt_error e;
    deep.blocks = 2;
    assert_int_equal(rt_preset_build(&a, &nets[2], &e), 0);
    assert_int_equal(rt_preset_build(&b, &deep, &e), 0);
    rt_graph_init(a, 5);
    rt_graph_init(b, 5);
    const struct rt_param *p = rt_graph_param_named(a, "4.1.b.conv.weight");
    const struct rt_param *q = rt_graph_param_named(b, "4.1.b.conv.weight");
    assert_memory_equal(p->value, q->value, (size_t)p->count * sizeof *p->value);
    double bound = 1 / sqrt(9.0 * 32), largest = 0;
    for (int64_t i = 0; i < p->count; i++) {
        largest = fmax(largest, fabs((double)p->value[i]));
    }
    assert_true(largest <= bound && largest > 0.95 * bound);
    float before = p->value[0];
    rt_graph_init(a, 6);
    assert_true(before != p->value[0]);
    assert_true(rt_graph_param_named(a, "stem.bn.weight")->value[0] == 1);
    rt_graph_destroy(a);
    rt_graph_destroy(b);
}

static void dropout_masks_change_with_the_step(void **state)
{
    (void)state;
    struct rt_preset_config c = nets[5];
    struct net n;
    c.dropout = 0.5f;
    open_net(&n, &c, 1, true);
    int node = rt_graph_find(n.g, "dropout"), zeros = 0, moved = 0;
    float first[BATCH * 70];
    forward(&n, BATCH, true, 0);
    memcpy(first, rt_exec_output(n.x, node), sizeof first);
    forward(&n, BATCH, true, 1);
    const float *y = rt_exec_output(n.x, node);
    const float *x = rt_exec_output(n.x, rt_graph_find(n.g, "relu"));
    int passed = 0;
    for (int i = 0; i < BATCH * 70; i++) {
        passed += x[i] > 0;
        zeros += x[i] > 0 && y[i] == 0;
        moved += x[i] > 0 && (y[i] == 0) != (first[i] == 0);
        assert_true(y[i] == 0 || y[i] == 2 * x[i]);
    }
    assert_true(abs(2 * zeros - passed) < passed / 3 && abs(2 * moved - passed) < passed / 3);
    close_net(&n);
}

static void wrong_presets_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct rt_preset_config c;
        const char *words;
    } wrong[] = {
        {{.net = RT_NET_INIT, .embedding = 1, .classes = 1}, "cnn1d, cnn2d, resnet, tdnn, textbag"},
        {{.net = RT_NET_CNN1D, .input = {3, {9, 9, 1}}, .embedding = 1, .classes = 1},
         "takes [time, channels]; the input is [height, width, channels]"},
        {{.net = RT_NET_CNN2D, .embedding = 1, .classes = 1}, "the input is empty"},
        {{.net = RT_NET_TEXTBAG, .embedding = 1, .classes = 1}, "the input is empty"},
        {{.net = RT_NET_CNN1D, .input = {2, {9, 9}}, .classes = 1}, "embedding 0"},
        {{.net = RT_NET_TDNN, .input = {2, {9, 9}}, .embedding = 1, .classes = 1}, "3.conv"},
        {{.net = RT_NET_CNN1D, .input = {2, {0, 9}}, .embedding = 1, .classes = 1}, "empty"},
        {{.net = RT_NET_CNN1D, .input = {2, {9, 9}}, .embedding = 1, .classes = 1, .dropout = 1},
         "rate 1"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rt_graph *g;
        struct rt_error e = {0};
        assert_true(rt_preset_build(&g, &wrong[i].c, &e) < 0);
        assert_null(g);
        if (!strstr(e.text, wrong[i].words)) {
            fail_msg("case %d says: %s", (int)i, e.text);
        }
    }
}

static void exec_wants_one_input(void **state)
{
    (void)state;
    struct rt_graph *g;
    struct rt_exec *x;
    assert_int_equal(rt_graph_create(&g), 0);
    assert_int_equal(rt_exec_create(&x, g, 1, false, NULL), RT_EUSAGE);
    rt_graph_input(g, "a", (struct rt_shape){1, {3}});
    rt_graph_input(g, "b", (struct rt_shape){1, {3}});
    assert_int_equal(rt_exec_create(&x, g, 1, false, NULL), RT_EUSAGE);
    assert_int_equal(rt_exec_create(&x, g, 0, false, NULL), RT_ERANGE);
    rt_exec_destroy(NULL);
    rt_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_presets_are_refused),
        cmocka_unit_test(exec_wants_one_input),
        cmocka_unit_test(another_shape_is_refused_by_name),
        cmocka_unit_test(save_load_round_trip),
        cmocka_unit_test(initial_weights_follow_from_seed_and_name),
        cmocka_unit_test(dropout_masks_change_with_the_step),
        cmocka_unit_test(frozen_nodes_pass_gradients_on),
        cmocka_unit_test(inference_equals_training_engine),
        cmocka_unit_test(features_stay_valid_without_training),
        cmocka_unit_test(bytes_do_not_depend_on_threads),
        cmocka_unit_test(presets_match_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
