/* SPDX-License-Identifier: MIT
 * presets: see presets.h. A builder b carries the first error, so that the networks read as lists
 * of layers; each layer function takes and gives a node number. */
#include "stages/nn/presets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAGES 4 /* of the resnet */

/* ---- the builder ----
 * Without it every layer would be followed by a check; here the first error stays in the builder,
 * later calls do nothing, and a network reads as the list of its layers. Names of nodes are names
 * of weights in files: they may not change. */

struct builder {
    struct rt_graph *g;
    const struct rt_preset_config *c;
    struct rt_error *e;
    int err;
};

struct preset {
    bool bag; /* takes a bag; otherwise a dense input */
    int rank_min, rank_max;
    const char *takes;
    int (*trunk)(struct builder *b, int x); /* input node -> node of rank 1 */
};

/* After an error it gives node 0, which exists, and does nothing: what is built on it is thrown
 * away at the end. */
static int builder_layer(struct builder *b, enum rt_op_id op, const char *name, int x,
                         const struct rt_attr *attr)
{
    if (b->err)
        return 0;
    int n = rt_graph_node(b->g, op, name, &x, 1, attr, b->e);
    b->err = n < 0 ? n : 0;
    return n < 0 ? 0 : n;
}

static int builder_plain(struct builder *b, enum rt_op_id op, const char *name, int x)
{
    return builder_layer(b, op, name, x, NULL);
}

/* "PREFIXwhat" */
static const char *builder_join_name(char out[static RT_NAME], const char *prefix, const char *what)
{
    snprintf(out, RT_NAME, "%.40s%.16s", prefix, what);
    return out;
}

/* Convolution, then batch-norm "PREFIXbn", and relu "PREFIXrelu" if wanted. */
static int builder_conv(struct builder *b, enum rt_op_id op, const char *prefix, int x,
                        struct rt_attr attr, bool relu)
{
    char name[RT_NAME];
    x = builder_layer(b, op, builder_join_name(name, prefix, "conv"), x, &attr);
    x = builder_plain(b, RT_OP_batchnorm, builder_join_name(name, prefix, "bn"), x);
    return relu ? builder_plain(b, RT_OP_relu, builder_join_name(name, prefix, "relu"), x) : x;
}

static int builder_width(const struct builder *b, int own)
{
    return b->c->width > 0 ? b->c->width : own;
}

/* ---- networks ----
 * Small ones that train on a CPU: widths are multiples of the first, so one setting makes a network
 * larger or smaller. Batch-norm stands behind each convolution, which so needs no bias. The cnn
 * ones end in a flatten, not in a mean over all places, so the embedding layer sees what is where;
 * the others pool over time, as recordings differ in length. */

static int preset_cnn1d(struct builder *b, int x)
{
    int first = builder_width(b, 96), rest = (first * 4 + 2) / 3;
    for (int i = 0; i < 4; i++) {
        char prefix[RT_NAME];
        snprintf(prefix, sizeof prefix, "%d.", i + 1);
        int kernel = i ? 3 : 5;
        x = builder_conv(
            b, RT_OP_conv1d, prefix, x,
            (struct rt_attr){
                .units = i ? rest : first, .kernel = {kernel}, .stride = {2}, .pad = {kernel / 2}},
            true);
    }
    return builder_plain(b, RT_OP_reshape, "flatten", x);
}

static int preset_cnn2d(struct builder *b, int x)
{
    static const int times[] = {1, 2, 4, 6}, stride[] = {2, 2, 1, 2};
    for (int i = 0; i < 4; i++) {
        char prefix[RT_NAME];
        snprintf(prefix, sizeof prefix, "%d.", i + 1);
        x = builder_conv(b, RT_OP_conv2d, prefix, x,
                         (struct rt_attr){.units = times[i] * builder_width(b, 16),
                                          .kernel = {3, 3},
                                          .stride = {stride[i], stride[i]},
                                          .pad = {1, 1}},
                         true);
    }
    return builder_plain(b, RT_OP_reshape, "flatten", x);
}

/* Two 3x3 convolutions around which the input goes straight, or through a 1x1 convolution where the
 * shape changes. */
static int preset_resnet_block(struct builder *b, const char *prefix, int x, int units, int stride)
{
    char name[RT_NAME];
    struct rt_attr a = {
        .units = units, .kernel = {3, 3}, .stride = {stride, stride}, .pad = {1, 1}};
    int y = builder_conv(b, RT_OP_conv2d, builder_join_name(name, prefix, "a."), x, a, true);
    a.stride[0] = a.stride[1] = 1;
    y = builder_conv(b, RT_OP_conv2d, builder_join_name(name, prefix, "b."), y, a, false);
    const struct rt_node *in = rt_graph_at(b->g, x);
    if (stride != 1 || in->shape.dim[in->shape.rank - 1] != units)
        x = builder_conv(
            b, RT_OP_conv2d, builder_join_name(name, prefix, "short."), x,
            (struct rt_attr){.units = units, .kernel = {1, 1}, .stride = {stride, stride}}, false);
    if (b->err)
        return 0;
    int sum = rt_graph_node(b->g, RT_OP_add, builder_join_name(name, prefix, "add"), (int[]){y, x},
                            2, NULL, b->e);
    b->err = sum < 0 ? sum : 0;
    return builder_plain(b, RT_OP_relu, builder_join_name(name, prefix, "relu"), sum < 0 ? 0 : sum);
}

/* The widths and depths of ResNet-34 for speakers, an eighth to half as wide; statistics pooling
 * takes any length. */
static int preset_resnet(struct builder *b, int x)
{
    static const int blocks[STAGES] = {3, 4, 6, 3};
    int width = builder_width(b, 16);
    x = builder_conv(b, RT_OP_conv2d, "stem.", x,
                     (struct rt_attr){.units = width, .kernel = {3, 3}, .pad = {1, 1}}, true);
    for (int s = 0; s < STAGES && !b->err; s++) {
        int count = b->c->blocks > 0 ? b->c->blocks : blocks[s];
        for (int i = 0; i < count && !b->err; i++) {
            char prefix[RT_NAME];
            snprintf(prefix, sizeof prefix, "%d.%d.", s + 1, i + 1);
            x = preset_resnet_block(b, prefix, x, width << s, s && !i ? 2 : 1);
        }
    }
    return builder_plain(b, RT_OP_statpool, "pool", x);
}

/* x-vector (Snyder et al.) up to its pooling: dilations let five short kernels see 15 frames. */
static int preset_tdnn(struct builder *b, int x)
{
    static const int kernel[] = {5, 3, 3, 1, 1}, dilation[] = {1, 2, 3, 1, 1};
    int width = builder_width(b, 512), last = (int)((int64_t)width * 1500 / 512);
    for (int i = 0; i < 5; i++) {
        char prefix[RT_NAME];
        snprintf(prefix, sizeof prefix, "%d.", i + 1);
        x = builder_conv(b, RT_OP_conv1d, prefix, x,
                         (struct rt_attr){.units = i < 4 ? width : last,
                                          .kernel = {kernel[i]},
                                          .dilation = {dilation[i]}},
                         true);
    }
    return builder_plain(b, RT_OP_statpool, "pool", x);
}

static int preset_textbag(struct builder *b, int x)
{
    x = builder_layer(b, RT_OP_embeddingbag, "bag", x,
                      &(struct rt_attr){.units = builder_width(b, 256)});
    /* No batch-norm: a few hundred texts do not feed it. */
    return builder_plain(b, RT_OP_relu, "relu", x);
}

static const struct preset presets[RT_NET_INIT] = {
    [RT_NET_CNN1D] = {false, 2, 2, "[time, channels]", preset_cnn1d},
    [RT_NET_CNN2D] = {false, 3, 3, "[height, width, channels]", preset_cnn2d},
    [RT_NET_RESNET] = {false, 2, 3, "[height, width, channels] or [time, channels]", preset_resnet},
    [RT_NET_TDNN] = {false, 2, 2, "[time, channels]", preset_tdnn},
    [RT_NET_TEXTBAG] = {true, 0, 0, "a bag of buckets", preset_textbag},
};

/* ---- from a recipe to a graph ----
 * The front end's shape decides whether a preset fits; what is said names the settings that would
 * change it. */

static int preset_unknown(enum rt_net_id net, struct rt_error *e)
{
    char names[256] = "";
    for (int i = 0; i < RT_NET_INIT; i++) {
        size_t at = strlen(names);
        snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", rt_net_names[i]);
    }
    return rt_error_set(e, RT_EUSAGE, "there is no network \"%s\"; write one of %s",
                        net == RT_NET_INIT ? rt_net_names[net] : "", names);
}

/* Everything that depends on settings is refused here in the settings' words; what is left for the
 * ops are shapes too small for a window. */
static int preset_check(const struct preset *p, const struct rt_preset_config *c,
                        struct rt_error *e)
{
    int rank = c->input.rank;
    const char *is = rank == 3 ? "[height, width, channels]" : rank == 2 ? "[time, channels]"
                   : c->buckets > 0 ? "a bag of buckets" : "empty";
    if (rank < p->rank_min || rank > p->rank_max || (p->bag && c->buckets < 1))
        return rt_error_set(e, RT_EMISMATCH,
                            "network \"%s\" takes %s; the input is %s: change student.net or "
                            "student.modality", rt_net_names[c->net], p->takes, is);
    if (c->embedding < 1 || c->classes < 1 || c->width < 0 || c->blocks < 0)
        return rt_error_set(
            e, RT_ERANGE,
            "network \"%s\": embedding %d and classes %d must be at least 1, width %d "
            "and blocks %d at least 0",
            rt_net_names[c->net], c->embedding, c->classes, c->width, c->blocks);
    return 0;
}

int rt_preset_build(struct rt_graph **out, const struct rt_preset_config *c, struct rt_error *e)
{
    *out = NULL;
    if ((int)c->net < 0 || c->net >= RT_NET_INIT)
        return preset_unknown(c->net, e);
    const struct preset *p = &presets[c->net];
    const char *name = rt_net_names[c->net];
    int err = preset_check(p, c, e);
    if (err)
        return err;
    struct builder b = {.c = c, .e = e};
    if (rt_graph_create(&b.g))
        return rt_error_set(e, RT_EMEM, "network \"%s\": out of memory", name);
    int x =
        p->bag ? rt_graph_bag(b.g, "input", c->buckets) : rt_graph_input(b.g, "input", c->input);
    b.err = x == RT_EMEM ? rt_error_set(e, x, "network \"%s\": out of memory", name)
            : x < 0      ? rt_error_set(e, x, "network \"%s\": its input has an empty dimension", name)
                         : 0;
    if (!b.err)
        x = p->trunk(&b, x);
    if (c->dropout > 0)
        x = builder_layer(&b, RT_OP_dropout, "dropout", x, &(struct rt_attr){.rate = c->dropout});
    x = builder_layer(&b, RT_OP_linear, "embedding", x,
                      &(struct rt_attr){.units = c->embedding, .bias = true});
    builder_layer(&b, c->cosine ? RT_OP_cosine : RT_OP_linear, "logits", x,
                  &(struct rt_attr){.units = c->classes, .bias = !c->cosine});
    if (b.err) {
        rt_graph_destroy(b.g);
        return b.err;
    }
    *out = b.g;
    return 0;
}
