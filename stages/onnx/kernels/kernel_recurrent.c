/* SPDX-License-Identifier: MIT
 * kernel_recurrent: RNN, GRU and LSTM: a layer that goes over a sequence and keeps a state, forward, in reverse, or
 * both. All that does not depend on the state is one product for the whole sequence; a place in it then costs one
 * product with the state and a cell, which is what the three kinds differ in. */
#include "stages/nn/blas.h"
#include "stages/onnx/kernels/kernel.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { X, W, R, BIAS, LENGTHS, FIRST_H, FIRST_C, PEEPHOLES }; /* inputs */

typedef float activation(float v);

struct cell {
    activation *f[3];
    int64_t size;           /* of the state */
    const float *recurrent; /* [gates * size, size] */
    const float *bias;      /* [gates * size] of the state, or NULL */
    const float *peephole;  /* [3 * size], or NULL */
    bool before_reset;
    float *room; /* [2 * size] */
};

struct kind {
    int gates, functions;
    bool has_cell; /* a second state */
    activation *f[3];
    /* One place of one sample: x[gates * size] its share with biases, hr[gates * size] the state's; h and c[size] are
     * replaced. */
    void (*step)(const struct cell *k, const float *x, const float *hr, float *h, float *c);
};

struct layer {
    const struct kind *kind;
    int64_t length, batch, inputs, size;
    int directions, layout;
    bool reverse[2];
    activation *f[2][3];
};

/* ---- cells ----
 * Gates stand in ONNX's order: LSTM's are input, output, forget, cell; GRU's are update, reset, hidden. */

static float act_sigmoid(float v)
{
    return v >= 0 ? 1 / (1 + expf(-v)) : expf(v) / (1 + expf(v));
}

static float act_relu(float v)
{
    return v < 0 ? 0 : v; /* NaN stays */
}

static float act_hard_sigmoid(float v)
{
    v = 0.2f * v + 0.5f;
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static float act_softsign(float v)
{
    return v / (1 + fabsf(v));
}

static void rnn_step(const struct cell *k, const float *x, const float *hr, float *h, float *c)
{
    (void)c;
    for (int64_t i = 0; i < k->size; i++)
        h[i] = k->f[0](x[i] + hr[i]);
}

static void lstm_step(const struct cell *k, const float *x, const float *hr, float *h, float *c)
{
    int64_t n = k->size;
    const float *p = k->peephole;
    for (int64_t i = 0; i < n; i++) {
        float in = x[i] + hr[i], out = x[n + i] + hr[n + i], forget = x[2 * n + i] + hr[2 * n + i];
        in = k->f[0](p ? in + p[i] * c[i] : in);
        forget = k->f[0](p ? forget + p[2 * n + i] * c[i] : forget);
        c[i] = forget * c[i] + in * k->f[1](x[3 * n + i] + hr[3 * n + i]);
        h[i] = k->f[0](p ? out + p[n + i] * c[i] : out) * k->f[2](c[i]);
    }
}

/* The reset gate is applied to the state before its product (then this is a second product), or behind it. */
static void gru_step(const struct cell *k, const float *x, const float *hr, float *h, float *c)
{
    (void)c;
    int64_t n = k->size;
    float *reset = k->room, *hidden = k->room + n;
    for (int64_t i = 0; i < n; i++)
        reset[i] = k->f[0](x[n + i] + hr[n + i]);
    for (int64_t i = 0; !k->before_reset && i < n; i++)
        reset[i] *= h[i];
    if (!k->before_reset)
        rt_gemm(0, 1, 1, n, n, reset, n, k->recurrent + 2 * n * n, n, 0, hidden, n);
    for (int64_t i = 0; i < n; i++) {
        float bias = k->bias ? k->bias[2 * n + i] : 0;
        float of_state = k->before_reset ? reset[i] * (hr[2 * n + i] + bias) : hidden[i] + bias;
        float fresh = k->f[1](x[2 * n + i] + of_state), keep = k->f[0](x[i] + hr[i]);
        h[i] = (1 - keep) * fresh + keep * h[i];
    }
}

/* ---- what a node is ---- */

static activation *activation_find(const char *name)
{
    static const struct {
        const char *name;
        activation *f;
    } known[] = {{"Sigmoid", act_sigmoid}, {"Tanh", tanhf},           {"Relu", act_relu},
                 {"HardSigmoid", act_hard_sigmoid}, {"Softsign", act_softsign}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(known[i].name, name) == 0)
            return known[i].f;
    return NULL;
}

static int layer_read_functions(const struct rt_kernel_call *c, struct layer *l)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(c->node, "activations");
    int n = l->kind->functions;
    for (int d = 0; d < l->directions; d++)
        memcpy(l->f[d], l->kind->f, sizeof l->f[d]);
    if (a && a->count != n * l->directions)
        return rt_kernel_refuse(c, RT_EFORMAT, "%d activations, not %d", a->count, n * l->directions);
    for (int i = 0; a && i < a->count; i++)
        if (!(l->f[i / n][i % n] = activation_find(a->strings[i])))
            return rt_kernel_refuse(c, RT_EMISMATCH, "activation '%.40s'; Sigmoid, Tanh, Relu, HardSigmoid and "
                                    "Softsign are read", a->strings[i]);
    return 0;
}

static int layer_check_input(const struct rt_kernel_call *c, int i, int rank, int64_t d0, int64_t d1, int64_t d2)
{
    const int64_t want[] = {d0, d1, d2};
    if (!rt_kernel_given(c, i))
        return 0;
    const struct rt_tensor *t = c->in[i];
    if (t->dtype != (i == LENGTHS ? RT_I32 : RT_F32))
        return rt_kernel_refuse_type(c, i);
    bool fits = t->rank == rank;
    for (int k = 0; fits && k < rank; k++)
        fits = t->dim[k] == want[k];
    return fits ? 0 : rt_kernel_refuse(c, RT_EMISMATCH, "input %d has not the shape that the others ask for", i);
}

static int layer_read(const struct rt_kernel_call *c, struct layer *l)
{
    const char *direction = rt_kernel_text(c, "direction", "forward");
    const struct rt_tensor *x = c->in[X], *r = c->in[R];
    *l = (struct layer){.kind = c->op->kernel->how, .layout = rt_kernel_int(c, "layout", 0) != 0};
    if (x->dtype != RT_F32 || x->rank != 3 || r->rank != 3)
        return rt_kernel_refuse(c, RT_EMISMATCH, "floats of 3 dimensions are wanted as inputs 0 and 2");
    bool both = strcmp(direction, "bidirectional") == 0, back = strcmp(direction, "reverse") == 0;
    if (!both && !back && strcmp(direction, "forward") != 0)
        return rt_kernel_refuse(c, RT_EFORMAT, "direction '%.40s'", direction);
    if (rt_kernel_int(c, "input_forget", 0))
        return rt_kernel_refuse(c, RT_EMISMATCH, "input_forget is not read");
    l->directions = both ? 2 : 1;
    l->reverse[0] = back;
    l->reverse[1] = true;
    l->length = x->dim[l->layout];
    l->batch = x->dim[!l->layout];
    l->inputs = x->dim[2];
    l->size = r->dim[2];
    int64_t rows = l->kind->gates * l->size, d = l->directions, first = l->layout ? l->batch : d;
    if (l->size < 1 || l->size > 1 << 20 || rt_kernel_int(c, "hidden_size", l->size) != l->size)
        return rt_kernel_refuse(c, RT_EMISMATCH, "hidden_size is %lld, the weights are of %lld",
                                (long long)rt_kernel_int(c, "hidden_size", l->size), (long long)l->size);
    RT_TRY(layer_check_input(c, W, 3, d, rows, l->inputs));
    RT_TRY(layer_check_input(c, R, 3, d, rows, l->size));
    RT_TRY(layer_check_input(c, BIAS, 2, d, 2 * rows, 0));
    RT_TRY(layer_check_input(c, LENGTHS, 1, l->batch, 0, 0));
    RT_TRY(layer_check_input(c, FIRST_H, 3, first, l->layout ? d : l->batch, l->size));
    RT_TRY(layer_check_input(c, FIRST_C, 3, first, l->layout ? d : l->batch, l->size));
    RT_TRY(layer_check_input(c, PEEPHOLES, 2, d, 3 * l->size, 0));
    return layer_read_functions(c, l);
}

/* Scratch: the share of x; of the state; states h and c; a cell's room. */
static int layer_shape(struct rt_kernel_call *c)
{
    struct layer l;
    RT_TRY(layer_read(c, &l));
    int64_t d = l.directions, rows = l.kind->gates * l.size;
    const int64_t y[2][4] = {{l.length, d, l.batch, l.size}, {l.batch, l.length, d, l.size}};
    const int64_t h[2][3] = {{d, l.batch, l.size}, {l.batch, d, l.size}};
    const int64_t share[] = {l.length + 1, l.batch, rows + 2 * l.size};
    int64_t count;
    size_t bytes;
    RT_TRY(rt_kernel_out(c, 0, RT_F32, 4, y[l.layout]));
    RT_TRY(rt_kernel_out(c, 1, RT_F32, 3, h[l.layout]));
    RT_TRY(rt_kernel_out(c, 2, RT_F32, 3, h[l.layout]));
    if (rt_tensor_size(RT_F32, 3, share, &count, &bytes) < 0)
        return rt_kernel_refuse(c, RT_ELARGE, "too large");
    c->scratch_bytes = bytes + 2 * sizeof(float) * (size_t)l.size;
    return 0;
}

/* ---- going over the sequence ---- */

/* One direction under way. */
struct pass {
    const struct layer *l;
    struct cell cell;
    int d;
    const float *first_h, *first_c; /* whole inputs, or NULL */
    const int32_t *length;          /* [batch], or NULL */
    float *share, *hr, *h, *c;      /* [places, rows], [batch, rows], [batch, size] twice */
    float *y;                       /* whole output, or NULL */
};

/* Where a sample's state lies in first_h, Y_h and their like. */
static int64_t pass_state_at(const struct pass *p, int64_t sample)
{
    const struct layer *l = p->l;
    return (l->layout ? sample * l->directions + p->d : p->d * l->batch + sample) * l->size;
}

static int64_t pass_output_at(const struct pass *p, int64_t place, int64_t sample)
{
    const struct layer *l = p->l;
    int64_t at = l->layout ? (sample * l->length + place) * l->directions + p->d
                           : (place * l->directions + p->d) * l->batch + sample;
    return at * l->size;
}

static void pass_begin(struct pass *p)
{
    size_t size = (size_t)p->l->size;
    for (int64_t b = 0; b < p->l->batch; b++) {
        float *to[] = {p->h + b * p->l->size, p->c + b * p->l->size};
        const float *from[] = {p->first_h, p->first_c};
        for (int i = 0; i < 2; i++)
            if (from[i])
                memcpy(to[i], from[i] + pass_state_at(p, b), size * sizeof(float));
            else
                memset(to[i], 0, size * sizeof(float));
    }
}

/* Both biases are added here, but for those that a GRU multiplies by its reset gate. */
static void pass_share(const struct pass *p, const float *x, const float *w, const float *bias)
{
    const struct layer *l = p->l;
    int64_t places = l->length * l->batch, rows = l->kind->gates * l->size;
    int64_t own = p->cell.bias ? 2 * l->size : rows; /* rows whose second bias belongs here */
    if (l->inputs > 0 && places > 0)
        rt_gemm(0, 1, places, rows, l->inputs, x, l->inputs, w, l->inputs, 0, p->share, rows);
    else
        memset(p->share, 0, (size_t)(places * rows) * sizeof(float));
    for (int64_t i = 0; bias && i < places; i++)
        for (int64_t k = 0; k < rows; k++)
            p->share[i * rows + k] += bias[k] + (k < own ? bias[rows + k] : 0);
}

/* A sample whose length is over keeps its state, and its output stays 0. */
static void pass_run(struct pass *p)
{
    const struct layer *l = p->l;
    int64_t rows = l->kind->gates * l->size, n = l->size;
    for (int64_t s = 0; s < l->length; s++) {
        rt_gemm(0, 1, l->batch, rows, n, p->h, n, p->cell.recurrent, n, 0, p->hr, rows);
        for (int64_t b = 0; b < l->batch; b++) {
            int64_t length = p->length ? p->length[b] : l->length, place = l->reverse[p->d] ? length - 1 - s : s;
            if (s >= length)
                continue;
            int64_t at = l->layout ? b * l->length + place : place * l->batch + b;
            float *h = p->h + b * n;
            l->kind->step(&p->cell, p->share + at * rows, p->hr + b * rows, h, p->c + b * n);
            if (p->y)
                memcpy(p->y + pass_output_at(p, place, b), h, (size_t)n * sizeof(float));
        }
    }
}

static void pass_end(const struct pass *p, float *last_h, float *last_c)
{
    const float *from[] = {p->h, p->c};
    float *to[] = {last_h, last_c};
    for (int64_t b = 0; b < p->l->batch; b++)
        for (int i = 0; i < 2; i++)
            if (to[i])
                memcpy(to[i] + pass_state_at(p, b), from[i] + b * p->l->size, (size_t)p->l->size * sizeof(float));
}

static const void *input_at(const struct rt_kernel_call *c, int i, int64_t at)
{
    return rt_kernel_given(c, i) ? (const float *)c->in[i]->data + at : NULL;
}

static float *output_of(const struct rt_kernel_call *c, int i)
{
    return i < c->outputs && c->out[i] ? c->out[i]->data : NULL;
}

static void layer_pass(const struct rt_kernel_call *c, const struct layer *l, int d)
{
    int64_t n = l->size, rows = l->kind->gates * n, places = l->length * l->batch;
    struct pass p = {.l = l, .d = d, .first_h = input_at(c, FIRST_H, 0), .first_c = input_at(c, FIRST_C, 0),
                     .length = rt_kernel_given(c, LENGTHS) ? c->in[LENGTHS]->data : NULL, .share = c->scratch,
                     .y = output_of(c, 0)};
    const float *bias = input_at(c, BIAS, d * 2 * rows);
    bool gru = l->kind->step == gru_step;
    p.hr = p.share + places * rows;
    p.h = p.hr + l->batch * rows;
    p.c = p.h + l->batch * n;
    p.cell = (struct cell){.size = n, .recurrent = input_at(c, R, d * rows * n), .room = p.c + l->batch * n,
                           .bias = gru && bias ? bias + rows : NULL, .peephole = input_at(c, PEEPHOLES, d * 3 * n),
                           .before_reset = gru && rt_kernel_int(c, "linear_before_reset", 0) != 0};
    memcpy(p.cell.f, l->f[d], sizeof p.cell.f);
    pass_begin(&p);
    pass_share(&p, c->in[X]->data, input_at(c, W, d * rows * l->inputs), bias);
    pass_run(&p);
    pass_end(&p, output_of(c, 1), l->kind->has_cell ? output_of(c, 2) : NULL);
}

static int layer_compute(struct rt_kernel_call *c)
{
    struct layer l;
    RT_TRY(layer_read(c, &l));
    for (int64_t b = 0; rt_kernel_given(c, LENGTHS) && b < l.batch; b++) {
        int32_t length = ((const int32_t *)c->in[LENGTHS]->data)[b];
        if (length < 0 || length > l.length)
            return rt_kernel_refuse(c, RT_ERANGE, "a length of %d in a sequence of %lld", length, (long long)l.length);
    }
    if (l.batch == 0)
        return 0;
    if (output_of(c, 0) && rt_tensor_bytes(c->out[0]) > 0)
        memset(output_of(c, 0), 0, rt_tensor_bytes(c->out[0]));
    for (int d = 0; d < l.directions; d++)
        layer_pass(c, &l, d);
    return 0;
}

static const struct kind kind_rnn = {1, 1, false, {tanhf}, rnn_step};
static const struct kind kind_gru = {3, 2, false, {act_sigmoid, tanhf}, gru_step};
static const struct kind kind_lstm = {4, 3, true, {act_sigmoid, tanhf, tanhf}, lstm_step};
const struct rt_kernel rt_kernel_rnn = {3, 6, 2, layer_shape, layer_compute, &kind_rnn, NULL};
const struct rt_kernel rt_kernel_gru = {3, 6, 2, layer_shape, layer_compute, &kind_gru, NULL};
const struct rt_kernel rt_kernel_lstm = {3, 8, 3, layer_shape, layer_compute, &kind_lstm, NULL};
