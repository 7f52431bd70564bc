/* SPDX-License-Identifier: MIT
 * kernel_space: operators about where elements are: channels that become places and the other way round
 * (DepthToSpace, SpaceToDepth), triangles and diagonals of matrices (Trilu, EyeLike), and the places of what is not
 * zero (NonZero). */
#include "stages/onnx/kernels/kernel.h"

#include <string.h>

/* ---- DepthToSpace, SpaceToDepth ----
 * One walk over [n, b, b, c, h, w]: the deep side has the blocks among its channels, the wide side among its places,
 * and the operators differ in which of them is read. */

struct space {
    int64_t n, c, h, w, b; /* of the deep side: c x b x b channels of h x w places */
    bool channels_first;   /* CRD: the block is counted behind the channel */
};

static int space_read(const struct rt_kernel_call *c, struct space *s)
{
    const bool *deep = c->op->kernel->how;
    const struct rt_tensor *x = c->in[0];
    const char *mode = rt_kernel_text(c, "mode", "DCR");
    int64_t b = rt_kernel_int(c, "blocksize", 0);
    s->channels_first = strcmp(mode, "CRD") == 0;
    if (!s->channels_first && strcmp(mode, "DCR") != 0)
        return rt_kernel_refuse(c, RT_EFORMAT, "mode '%.20s'", mode);
    if (x->rank != 4 || b < 1 || b > 1 << 15)
        return rt_kernel_refuse(c, RT_EMISMATCH, "an input of rank %d in blocks of %lld", x->rank, (long long)b);
    if (*deep ? x->dim[1] % (b * b) != 0 : x->dim[2] % b != 0 || x->dim[3] % b != 0)
        return rt_kernel_refuse(c, RT_EMISMATCH, "[%lld,%lld,%lld] does not divide into blocks of %lld",
                                (long long)x->dim[1], (long long)x->dim[2], (long long)x->dim[3], (long long)b);
    s->n = x->dim[0];
    s->b = b;
    s->c = *deep ? x->dim[1] / (b * b) : x->dim[1];
    s->h = *deep ? x->dim[2] : x->dim[2] / b;
    s->w = *deep ? x->dim[3] : x->dim[3] / b;
    return 0;
}

static int space_shape(struct rt_kernel_call *c)
{
    const bool *deep = c->op->kernel->how;
    struct space s;
    RT_TRY(space_read(c, &s));
    int64_t wide[4] = {s.n, s.c, s.h * s.b, s.w * s.b}, flat[4] = {s.n, s.c * s.b * s.b, s.h, s.w};
    return rt_kernel_out(c, 0, c->in[0]->dtype, 4, *deep ? wide : flat);
}

struct move {
    char *to;
    const char *from;
    size_t size;
};

static void space_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct move *m = self;
    for (int64_t i = 0; i < n; i++)
        memcpy(m->to + (size_t)(at[0] + i * step[0]) * m->size, m->from + (size_t)(at[1] + i * step[1]) * m->size,
               m->size);
}

static int space_compute(struct rt_kernel_call *c)
{
    const bool *deep = c->op->kernel->how;
    struct move m = {c->out[0]->data, c->in[0]->data, rt_dtype_size(c->in[0]->dtype)};
    struct space s;
    struct rt_walk w;
    RT_TRY(space_read(c, &s));
    int64_t hw = s.h * s.w, blocks = s.b * s.b;
    int64_t dim[6] = {s.n, s.b, s.b, s.c, s.h, s.w};
    int64_t flat[6] = {s.c * blocks * hw, (s.channels_first ? s.b : s.b * s.c) * hw, (s.channels_first ? 1 : s.c) * hw,
                       (s.channels_first ? blocks : 1) * hw, s.w, 1};
    int64_t wide[6] = {s.c * blocks * hw, s.w * s.b, 1, blocks * hw, s.b * s.w * s.b, s.b};
    rt_walk_init(&w, 2, 6, dim);
    memcpy(w.step[*deep ? 1 : 0], flat, sizeof flat);
    memcpy(w.step[*deep ? 0 : 1], wide, sizeof wide);
    rt_walk_run(&w, space_row, &m);
    return 0;
}

static const bool deep_how = true, wide_how = false;
const struct rt_kernel rt_kernel_depth_to_space = {1, 1, 1, space_shape, space_compute, &deep_how, NULL};
const struct rt_kernel rt_kernel_space_to_depth = {1, 1, 1, space_shape, space_compute, &wide_how, NULL};

/* ---- Trilu: what is on one side of a diagonal is kept, the rest is zero ---- */

static int trilu_shape(struct rt_kernel_call *c)
{
    if (c->in[0]->rank < 2)
        return rt_kernel_refuse(c, RT_EMISMATCH, "an input of rank %d, not of matrices", c->in[0]->rank);
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int trilu_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    bool upper = rt_kernel_int(c, "upper", 1) != 0;
    int64_t rows = x->dim[x->rank - 2], columns = x->dim[x->rank - 1], k = 0;
    size_t size = rt_dtype_size(x->dtype);
    char *y = c->out[0]->data;
    if (rt_kernel_given(c, 1) && rt_kernel_ints_in(c, 1, &k, 1) != 1)
        return rt_kernel_refuse(c, RT_EMISMATCH, "k must be one whole number");
    k = k > columns ? columns : k < -rows ? -rows : k;
    rt_kernel_copy(c);
    for (int64_t r = 0; columns > 0 && r < rt_tensor_count(x) / columns; r++, y += (size_t)columns * size) {
        int64_t i = r % rows, edge = i + k + (upper ? 0 : 1); /* the first column that is kept, or that is not */
        edge = edge < 0 ? 0 : edge > columns ? columns : edge;
        if (upper)
            memset(y, 0, (size_t)edge * size);
        else
            memset(y + (size_t)edge * size, 0, (size_t)(columns - edge) * size);
    }
    return 0;
}

const struct rt_kernel rt_kernel_trilu = {1, 2, 1, trilu_shape, trilu_compute, NULL, NULL};

/* ---- EyeLike: ones on a diagonal of a matrix of the input's shape ---- */

static int eye_like_shape(struct rt_kernel_call *c)
{
    enum rt_dtype dtype = c->in[0]->dtype;
    int64_t type = rt_kernel_int(c, "dtype", 0);
    if (type != 0 && !rt_onnx_dtype(type, &dtype))
        return rt_kernel_refuse(c, RT_EFORMAT, "\"dtype\" = %lld is not a type that is read", (long long)type);
    if (c->in[0]->rank != 2)
        return rt_kernel_refuse(c, RT_EMISMATCH, "an input of rank %d, not 2", c->in[0]->rank);
    return rt_kernel_out(c, 0, dtype, 2, c->in[0]->dim);
}

static int eye_like_compute(struct rt_kernel_call *c)
{
    struct rt_tensor *y = c->out[0];
    int64_t k = rt_kernel_int(c, "k", 0), rows = y->dim[0], columns = y->dim[1];
    memset(y->data, 0, rt_tensor_bytes(y));
    for (int64_t i = 0; i < rows && k > -rows && k < columns; i++)
        if (i + k >= 0 && i + k < columns)
            rt_kernel_put(y, i * columns + i + k, 1);
    return 0;
}

const struct rt_kernel rt_kernel_eye_like = {1, 1, 1, eye_like_shape, eye_like_compute, NULL, NULL};

/* ---- NonZero: only of what is known beforehand, as its length is that of the result ---- */

static int64_t non_zero_count(const struct rt_tensor *x)
{
    int64_t n = 0;
    for (int64_t i = 0; i < rt_tensor_count(x); i++)
        n += rt_tensor_element(x, i) != 0;
    return n;
}

static int non_zero_shape(struct rt_kernel_call *c)
{
    int64_t dim[2] = {c->in[0]->rank, non_zero_count(c->in[0])};
    return rt_kernel_out(c, 0, RT_I64, 2, dim);
}

/* A column for each, of its place along every axis. */
static int non_zero_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t *y = c->out[0]->data, n = c->out[0]->dim[1], found = 0;
    for (int64_t i = 0; i < rt_tensor_count(x); i++) {
        int64_t left = i;
        if (rt_tensor_element(x, i) == 0)
            continue;
        for (int k = x->rank - 1; k >= 0; left /= x->dim[k--])
            y[k * n + found] = left % x->dim[k];
        found++;
    }
    return 0;
}

const struct rt_kernel rt_kernel_non_zero = {1, 1, 1, non_zero_shape, non_zero_compute, NULL, NULL};
