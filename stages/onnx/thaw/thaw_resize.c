/* SPDX-License-Identifier: MIT
 * thaw_resize: Resize and Upsample, one dimension after the other: places of x, or
 * weighted sums of two or four of them. */
#include "stages/onnx/thaw/thaw_parts.h"

#include "stages/nn/functions.h"

#include <stdlib.h>

/* ---- what places are made of ----
 * Taken from the frozen kernel's own taps, so that both have the same numbers whatever the file
 * asks for; only how it is computed differs. */

/* Of each place of y: the places of x that it is a sum of, and how much of each. */
struct places {
    int taps;
    int64_t count, *at; /* [taps][count] */
    float *weight;      /* [taps][count] */
};

static void places_fini(struct places *p)
{
    free(p->at);
    free(p->weight);
}

/* Asked place by place: slow, and done once. */
static void places_read(struct rt_thaw *t, int axis, int64_t count, struct places *p)
{
    int64_t at[RT_RESIZE_TAPS];
    double weight[RT_RESIZE_TAPS];
    *p = (struct places){.count = count, .at = calloc((size_t)count, RT_RESIZE_TAPS * sizeof *p->at),
                         .weight = calloc((size_t)count, RT_RESIZE_TAPS * sizeof *p->weight)};
    if (!p->at || !p->weight) {
        t->err = rt_error_set(t->e, RT_EMEM, "%s: no memory for a Resize", t->f->name);
        return;
    }
    for (int64_t i = 0; i < count && !t->err; i++) {
        int taps = rt_kernel_resize_taps(&t->call, axis, i, at, weight);
        if (taps < 0)
            t->err = taps;
        for (int k = 0; k < taps; k++) {
            if (at[k] < 0)
                rt_thaw_refuse(t, "places outside of the picture");
            p->at[k * count + i] = at[k];
            p->weight[k * count + i] = (float)weight[k];
        }
        p->taps = taps;
    }
}

/* ---- places as one slice ----
 * A gradient of a free choice of places would need an op that lists them. All ways of resizing
 * count in equal steps, so a slice with a divisor has them; its begin is searched for, and when
 * there is none the file is refused. */

/* begin so that place i is place (begin + i * step) / divisor, held inside of [0, n); false: there is none. */
static bool places_fit(const int64_t *place, int64_t count, int64_t n, int64_t step,
                       int64_t divisor, int64_t *begin)
{
    int64_t least = INT32_MIN, most = INT32_MAX;
    for (int64_t i = 0; i < count; i++) {
        int64_t low = place[i] * divisor - i * step, high = low + divisor - 1;
        least = place[i] > 0 && low > least ? low : least; /* the first and last stand for all beyond */
        most = place[i] < n - 1 && high < most ? high : most;
    }
    *begin = least > INT32_MIN ? least : most < INT32_MAX ? most : 0;
    return least <= most && *begin > INT32_MIN && *begin < INT32_MAX;
}

/* The places as a take; which of the ways of counting it is follows from the places. */
static int thaw_resize_slice(struct rt_thaw *t, int x, int at, int64_t n, const int64_t *place,
                             int64_t count)
{
    const int64_t way[][2] = {{2 * n, 2 * count}, {2 * (n - 1), 2 * (count - 1)}};
    int64_t begin;
    for (int i = 0; i < 2; i++)
        if (way[i][1] > 0 && places_fit(place, count, n, way[i][0], way[i][1], &begin))
            return rt_thaw_slice_node(
                t, x,
                &(struct rt_attr){.axis = at,
                                  .begin = (int)begin,
                                  .step = way[i][0] ? (int)way[i][0] : 1,
                                  .divisor = way[i][0] ? (int)way[i][1] : INT32_MAX,
                                  .count = (int)count,
                                  .function = RT_SLICE_edge});
    rt_thaw_refuse(t, "places that are not at equal distances");
    return 0;
}

/* x times what is fixed for each place. */
static int thaw_resize_weigh(struct rt_thaw *t, int x, int at, int64_t count, const float *weight)
{
    struct rt_attr attr = {.frozen = true, .shape = {.rank = rt_thaw_shape(t, x)->rank}};
    for (int i = 0; i < attr.shape.rank; i++)
        attr.shape.dim[i] = i == at ? (int)count : 1;
    int w = rt_thaw_node(t, RT_OP_parameter, &t->input, 1, &attr);
    rt_thaw_fill(t, w, 0, weight);
    return rt_thaw_node(t, RT_OP_binary, (int[]){x, w}, 2, &(struct rt_attr){.function = RT_BINARY_mul});
}

/* A dimension that stays as it is gets no node. */
static bool places_identity(const struct places *p, int64_t n)
{
    bool same = p->taps == 1 && p->count == n;
    for (int64_t i = 0; same && i < n; i++)
        same = p->at[i] == i;
    return same;
}

/* Of each tap a slice, weighted, then their sum: two taps for linear, four for cubic. */
static int thaw_resize_axis(struct rt_thaw *t, int x, int at, int axis, int64_t n, int64_t count)
{
    struct places p;
    int y = x;
    places_read(t, axis, count, &p);
    bool same = !t->err && places_identity(&p, n);
    for (int k = 0; k < p.taps && !t->err && !same; k++) {
        int part = thaw_resize_slice(t, x, at, n, p.at + k * count, count);
        part = p.taps == 1 ? part : thaw_resize_weigh(t, part, at, count, p.weight + k * count);
        y = k == 0 ? part : rt_thaw_node(t, RT_OP_add, (int[]){y, part}, 2, NULL);
    }
    places_fini(&p);
    return y;
}

/* Dimensions that change are taken one after the other, as the kernel does. */
void rt_thaw_resize(struct rt_thaw *t, int how)
{
    (void)how;
    const struct rt_tensor *x = rt_thaw_tensor(t, t->step->in[0]), *y = rt_thaw_tensor(t, t->step->out[0]);
    unsigned grows = 0;
    for (int i = 0; i < x->rank; i++)
        grows |= y->dim[i] != x->dim[i] ? 1u << i : 0;
    struct rt_sliced k = rt_thaw_sliced(t, t->step->in[0], grows);
    for (int i = 0; i < k.n && !t->err; i++)
        k.node = thaw_resize_axis(t, k.node, i, k.axis[i], x->dim[k.axis[i]], y->dim[k.axis[i]]);
    rt_thaw_bind(t, t->step->out[0], k.node, k.axis, k.n);
}
