/* SPDX-License-Identifier: MIT
 * test_golden: ten training steps of every preset, with both optimisers, against PyTorch: losses,
 * weights and running statistics. The files and their making: tests/golden/torch_steps.py. */
#include "stages/nn/exec.h"
#include "stages/nn/presets.h"
#include "stages/nn/optim/optim.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define STEPS 10
#define BATCHES 3
#define BATCH 6
#define CLASSES 5
#define TOLERANCE 1e-4

static const struct rt_preset_config nets[] = {
    {.net = RT_NET_CNN1D, .input = {2, {21, 6}}, .width = 12, .embedding = 8, .classes = CLASSES},
    {.net = RT_NET_CNN2D, .input = {3, {13, 10, 3}}, .width = 4, .embedding = 8, .classes = CLASSES},
    {.net = RT_NET_RESNET,
     .input = {2, {28, 9}},
     .width = 3,
     .blocks = 2,
     .embedding = 8,
     .classes = CLASSES},
    {.net = RT_NET_TDNN, .input = {2, {20, 6}}, .width = 16, .embedding = 8, .classes = CLASSES},
    {.net = RT_NET_TEXTBAG, .buckets = 97, .width = 24, .embedding = 8, .classes = CLASSES},
};

static const void *stored(const struct rt_safetensors *s, const char *prefix, const char *name)
{
    char full[3 * RT_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const struct rt_tensor *t = rt_safetensors_get(s, full);
    if (!t) {
        fail_msg("%s is missing", full);
    }
    return t->data;
}

/* Mean cross-entropy of the batch; adds its gradient. */
static double cross_entropy(const float *logits, const int32_t *label, float *grad)
{
    double loss = 0;
    for (int b = 0; b < BATCH; b++, logits += CLASSES, grad += CLASSES) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            sum += exp((double)logits[k]);
        }
        for (int k = 0; k < CLASSES; k++) {
            grad[k] += (float)((exp((double)logits[k]) / sum - (k == label[b])) / BATCH);
        }
        loss += (log(sum) - (double)logits[label[b]]) / BATCH;
    }
    return loss;
}

/* bags: room that lives until backward has read it. */
static void forward(struct rt_exec *x, const struct rt_safetensors *s, int step,
                    struct rt_bags *bags)
{
    int batch = step % BATCHES;
    const struct rt_tensor *input = rt_safetensors_get(s, "input");
    if (input) {
        int64_t count = rt_tensor_count(input) / BATCHES;
        rt_exec_forward(x, BATCH, (const float *)input->data + batch * count, NULL, true, 1,
                        (uint64_t)step);
        return;
    }
    int64_t entries = rt_safetensors_get(s, "bucket")->dim[1];
    *bags = (struct rt_bags){
        (const int32_t *)stored(s, "", "offset") + batch * (BATCH + 1),
        (const int32_t *)stored(s, "", "bucket") + batch * entries,
        (const float *)stored(s, "", "weight") + batch * entries,
    };
    rt_exec_forward(x, BATCH, NULL, bags, true, 1, (uint64_t)step);
}

static void compare_weights(struct rt_graph *g, const struct rt_safetensors *s, const char *net,
                            const char *rule)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.end.", rule);
    for (int i = 0; i < rt_graph_params(g); i++) {
        const struct rt_param *p = rt_graph_param(g, i);
        const float *want = stored(s, prefix, p->name);
        double off = 0, size = 0;
        for (int64_t k = 0; k < p->count; k++) {
            double d = (double)p->value[k] - (double)want[k];
            off += d * d;
            size += (double)want[k] * want[k];
        }
        double relative = sqrt(off / size);
        if (!(relative <= TOLERANCE)) {
            fail_msg("%s, %s: %s is off by %.2g of its norm (allowed %.0e)", net, rule, p->name,
                     relative, TOLERANCE);
        }
    }
}

static void train(const struct rt_preset_config *c, const struct rt_safetensors *s,
                  enum rt_optim_id id)
{
    const char *rule = rt_optim_names[id], *net = rt_net_names[c->net];
    struct rt_error e = {0};
    struct rt_graph *g;
    struct rt_exec *x;
    struct rt_optim *o;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.", rule);
    if (rt_preset_build(&g, c, &e) || rt_graph_load(g, s, "start.", &e)) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(rt_exec_create(&x, g, BATCH, true, NULL), 0);
    assert_int_equal(rt_optim_create(&o, id, g), 0);
    int logits = rt_graph_find(g, "logits");
    const double *settings = stored(s, prefix, "settings"), *loss = stored(s, prefix, "loss");
    struct rt_optim_step step = {.lr = settings[0], .momentum = settings[1], .decay = settings[2],
                                 .clip = settings[3]};
    const int32_t *label = stored(s, "", "label");
    for (int i = 0; i < STEPS; i++) {
        struct rt_bags bags;
        forward(x, s, i, &bags);
        double got = cross_entropy(rt_exec_output(x, logits), label + i % BATCHES * BATCH,
                                   rt_exec_grad(x, logits));
        if (!(fabs(got - loss[i]) <= TOLERANCE * loss[i])) {
            fail_msg("%s, %s, step %d: loss %.7f, PyTorch's %.7f", net, rule, i, got, loss[i]);
        }
        rt_exec_backward(x);
        rt_optim_update(o, &step, NULL);
    }
    compare_weights(g, s, net, rule);
    rt_optim_destroy(o);
    rt_exec_destroy(x);
    rt_graph_destroy(g);
}

static void ten_steps_agree_with_pytorch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        char path[128];
        struct rt_error e = {0};
        struct rt_safetensors *s;
        snprintf(path, sizeof path, "tests/golden/steps_%s.safetensors", rt_net_names[nets[i].net]);
        if (rt_safetensors_read(&s, path, &e)) {
            fail_msg("%s", e.text);
        }
        train(&nets[i], s, RT_OPTIM_ADAMW);
        train(&nets[i], s, RT_OPTIM_SGD);
        rt_safetensors_destroy(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ten_steps_agree_with_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
