/* SPDX-License-Identifier: MIT
 * kernel_attention: softmax of rows, and attention as one operator (fused.h): softmax(scale Q K' + mask) V for some
 * queries at a time, so that their scores stay in a cache: those of a long sound are a hundred times as large as what
 * goes in. Queries, keys and values are read where the layers before left them, whatever order heads and places
 * have. */
#include "stages/onnx/kernels/fused.h"

#include <string.h>

#define QUERIES 64 /* at a time */

/* ---- softmax ---- */

static int softmax_rows_shape(struct rt_kernel_call *c)
{
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int softmax_rows_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *t = c->in[0];
    int64_t n = t->dim[t->rank - 1], rows = n ? rt_tensor_count(t) / n : 0;
    float *y = c->out[0]->data;
    if (rows > 0)
        memcpy(y, t->data, rt_tensor_bytes(t));
    rt_isa()->softmax(&(struct rt_softmax_rows){.x = y, .ldx = n, .rows = rows, .n = n, .scale = c->epilogue.number});
    return 0;
}

const struct rt_kernel rt_kernel_softmax_rows = {1, 1, 1, softmax_rows_shape, softmax_rows_compute, NULL, NULL};

/* ---- attention ---- */

struct attention {
    int64_t batch, heads, queries, keys, d, values; /* values: numbers of a value */
};

/* Of a tensor: from a place to the next, from a head to the next, of a sample. */
struct heads {
    int64_t place, head, sample;
};

static struct heads heads_of(bool by_places, int64_t places, int64_t heads, int64_t d)
{
    return by_places ? (struct heads){heads * d, d, places * heads * d}
                     : (struct heads){d, places * d, places * heads * d};
}

static struct attention attention_of(const struct rt_kernel_call *c)
{
    unsigned bits = c->epilogue.bits;
    const int64_t *q = c->in[0]->dim, *k = c->in[1]->dim, *v = c->in[2]->dim;
    bool places = bits & RT_ATTENTION_QUERIES;
    return (struct attention){.batch = q[0], .heads = q[places ? 2 : 1], .queries = q[places ? 1 : 2], .d = q[3],
                              .keys = bits & RT_ATTENTION_KEYS          ? k[1]
                                      : bits & RT_ATTENTION_KEYS_TURNED ? k[3]
                                                                        : k[2],
                              .values = v[3]};
}

static int attention_shape(struct rt_kernel_call *c)
{
    struct attention a = attention_of(c);
    int64_t first[] = {a.batch, a.heads, a.queries, a.values}, places[] = {a.batch, a.queries, a.heads, a.values};
    c->scratch_bytes = (size_t)((QUERIES + a.d + a.values) * a.keys) * sizeof(float);
    return rt_kernel_out(c, 0, RT_F32, 4, c->epilogue.bits & RT_ATTENTION_OUT ? places : first);
}

/* The mask's rows for a head: any of its dimensions may be 1. */
static const float *attention_mask(const struct rt_kernel_call *c, int64_t sample, int64_t head, int64_t query,
                                   int64_t *apart)
{
    *apart = 0;
    if (!rt_kernel_given(c, 3))
        return NULL;
    const struct rt_tensor *m = c->in[3];
    const int64_t at[3] = {sample, head, query};
    int64_t place = 0;
    for (int i = 0; i < 3; i++) {
        int k = m->rank - 4 + i;
        int64_t dim = k < 0 ? 1 : m->dim[k];
        place = place * dim + (dim > 1 ? at[i] : 0);
        *apart = dim > 1 ? m->dim[m->rank - 1] : 0;
    }
    return (const float *)m->data + place * m->dim[m->rank - 1];
}

/* Columns in panels, as products read them: what lies at x[k * row + j * column] becomes [panel][k][its columns]. */
static void attention_panels(const float *x, int64_t row, int64_t column, int64_t rows, int64_t cols, float *to)
{
    int64_t width = rt_isa()->panel;
    for (int64_t first = 0; first < cols; first += width) {
        int64_t n = cols - first < width ? cols - first : width;
        for (int64_t k = 0; k < rows; k++, to += n) {
            const float *from = x + k * row + first * column;
            for (int64_t j = 0; j < n; j++)
                to[j] = from[j * column];
        }
    }
}

/* c [rows, cols] = a [rows, depth] times what was laid out in panels. */
static void attention_product(const float *a, int64_t lda, const float *panels, float *c, int64_t ldc, int64_t rows,
                              int64_t depth, int64_t cols)
{
    const struct rt_isa *isa = rt_isa();
    const int64_t zero = 0;
    for (int64_t first = 0; first < cols; first += isa->panel, panels += depth * isa->panel) {
        int64_t n = cols - first < isa->panel ? cols - first : isa->panel;
        isa->product(&(struct rt_product){.a = a, .row = lda, .step = 1, .b = panels, .ldb = n, .a_at = &zero,
                                          .b_at = &zero, .taps = 1, .depth = depth, .c = c + first, .ldc = ldc,
                                          .rows = rows, .cols = n});
    }
}

/* Keys and values are laid out once for all queries. */
static void attention_head(const struct rt_kernel_call *c, const struct attention *a, int64_t sample, int64_t head)
{
    unsigned bits = c->epilogue.bits;
    bool turned = bits & RT_ATTENTION_KEYS_TURNED;
    struct heads q = heads_of(bits & RT_ATTENTION_QUERIES, a->queries, a->heads, a->d);
    struct heads k = heads_of(bits & RT_ATTENTION_KEYS, a->keys, a->heads, a->d);
    struct heads v = heads_of(bits & RT_ATTENTION_VALUES, a->keys, a->heads, a->values);
    struct heads o = heads_of(bits & RT_ATTENTION_OUT, a->queries, a->heads, a->values);
    const float *from = (const float *)c->in[0]->data + sample * q.sample + head * q.head;
    const float *keys = (const float *)c->in[1]->data + sample * k.sample + head * k.head;
    const float *values = (const float *)c->in[2]->data + sample * v.sample + head * v.head;
    float *to = (float *)c->out[0]->data + sample * o.sample + head * o.head, *scores = c->scratch;
    float *key_panels = scores + QUERIES * a->keys, *value_panels = key_panels + a->d * a->keys;
    attention_panels(keys, turned ? a->keys : 1, turned ? 1 : k.place, a->d, a->keys, key_panels);
    attention_panels(values, v.place, 1, a->keys, a->values, value_panels);
    for (int64_t i = 0; i < a->queries; i += QUERIES) {
        int64_t some = a->queries - i < QUERIES ? a->queries - i : QUERIES, apart;
        const float *mask = attention_mask(c, sample, head, i, &apart);
        attention_product(from + i * q.place, q.place, key_panels, scores, a->keys, some, a->d, a->keys);
        rt_isa()->softmax(&(struct rt_softmax_rows){.x = scores, .mask = mask, .ldx = a->keys, .ld_mask = apart,
                                                    .rows = some, .n = a->keys, .scale = c->epilogue.number});
        attention_product(scores, a->keys, value_panels, to + i * o.place, o.place, some, a->keys, a->values);
    }
}

static int attention_compute(struct rt_kernel_call *c)
{
    struct attention a = attention_of(c);
    for (int64_t n = 0; n < a.batch; n++)
        for (int64_t h = 0; h < a.heads; h++)
            attention_head(c, &a, n, h);
    return 0;
}

const struct rt_kernel rt_kernel_attention = {3, 4, 1, attention_shape, attention_compute, NULL, NULL};
