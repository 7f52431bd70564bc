/* SPDX-License-Identifier: MIT
 * isa_code: see isa.h. Compiled once per instruction set with its options; RT_ISA is its name.
 * Vectors are the compiler's; WIDTH floats fill a register, narrower ones take what is left over.
 * A block of the product is ROWS x 2 vectors, which with a row of B just fill the registers; ROWS_ALONE of a
 * column of one vector are as many as keep the processor's multipliers busy. */
#include "stages/nn/isa.h"

#include <math.h>
#include <stddef.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define WIDTH 16
#define WIDEST v16
#define WIDE(what) what##_v16
#define ROWS 14
#define ROWS_ALONE 14
#elif defined(__AVX2__)
#define WIDTH 8
#define WIDEST v8
#define WIDE(what) what##_v8
#define ROWS 6
#define ROWS_ALONE 12
#else
#define WIDTH 4
#define WIDEST v4
#define WIDE(what) what##_v4
#define ROWS 6
#define ROWS_ALONE 12
#endif

#define INLINE static inline __attribute__((always_inline))
#define PRAGMA(text) _Pragma(#text)
#define UNROLL(n) PRAGMA(GCC unroll n)
#define JOINED(a, b) a##_##b
#define JOIN(a, b) JOINED(a, b)
#define NAME(what) JOIN(what, V)

#define DEPTHWISE_PLACES 8
#define ROW_PANELS 4 /* that a product of one row goes through at once */

/* When rows of B are laid side by side (packs). */
#define PACK_ROWS 32
#define PACK_TAPS 32
#define PACK_FLOATS (512 * 2 * WIDTH)

/* How a tile is read or written: the places that exist, or all of them; outputs also with bias and relu, and with
 * another tile. */
enum { PLACES, WHOLE, WITH_BIAS, WITH_OTHER };

/* Winograd's points, and the divisors of the weights' transform: the products of a point's
 * distances from the others. */
#define A 0.75f
#define B 1.5f
#define A2 (A * A)
#define B2 (B * B)
#define N0 (A2 * B2)
#define NA (2 * A2 * (A2 - B2))
#define NB (2 * B2 * (B2 - A2))

typedef float v1; /* the last channels, one by one */
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));
#define V v1
#define LANES 1
#include "stages/nn/isa_product.h"
#include "stages/nn/isa_tile.h"
#include "stages/nn/isa_depthwise.h"
#undef V
#undef LANES
#define V v4
#define LANES 4
#include "stages/nn/isa_product.h"
#include "stages/nn/isa_tile.h"
#include "stages/nn/isa_depthwise.h"
#undef V
#undef LANES
#if WIDTH >= 8
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
#define V v8
#define LANES 8
#include "stages/nn/isa_product.h"
#include "stages/nn/isa_tile.h"
#include "stages/nn/isa_depthwise.h"
#undef V
#undef LANES
#define FOR_8(call) call
#else
#define FOR_8(call)
#endif
#if WIDTH >= 16
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
#define V v16
#define LANES 16
#include "stages/nn/isa_product.h"
#include "stages/nn/isa_tile.h"
#include "stages/nn/isa_depthwise.h"
#undef V
#undef LANES
#define FOR_16(call) call
#else
#define FOR_16(call)
#endif

typedef WIDEST W;
#include "stages/nn/isa_act.h"

static void isa_product(const struct rt_product *p)
{
    int64_t j = WIDE(product_columns_2)(p, 0);
    FOR_16(j = product_columns_v16(p, j);)
    FOR_8(j = product_columns_v8(p, j);)
    j = product_columns_v4(p, j);
    product_columns_v1(p, j);
}

/* `panels` panels from b on. */
INLINE void product_row_panels(const struct rt_product *p, const int panels, const float *b, float *c)
{
    const int64_t apart = p->depth * 2 * WIDTH;
    W sum[2 * ROW_PANELS];
    UNROLL(8) for (int v = 0; v < 2 * panels; v++) {
        sum[v] = p->add ? *(const W *)(c + v * WIDTH) : (W){0};
    }
    for (int64_t k = 0; k < p->depth; k++) {
        W x = p->a[p->a_at[0] + k * p->step] - (W){0};
        UNROLL(8) for (int v = 0; v < 2 * panels; v++) {
            sum[v] += x * *(const W *)(b + v / 2 * apart + k * 2 * WIDTH + v % 2 * WIDTH);
        }
    }
    UNROLL(8) for (int v = 0; v < 2 * panels; v++) {
        *(W *)(c + v * WIDTH) = sum[v];
    }
}

static void isa_product_row(const struct rt_product *p)
{
    const int64_t panel = 2 * WIDTH;
    const float *b = p->b + p->b_at[0];
    int64_t j = 0;
    for (; j + ROW_PANELS * panel <= p->cols; j += ROW_PANELS * panel)
        product_row_panels(p, ROW_PANELS, b + j * p->depth, p->c + j);
    for (; j + panel <= p->cols; j += panel)
        product_row_panels(p, 1, b + j * p->depth, p->c + j);
}

/* Some places, all channels: what their windows share is still in the first cache. */
static void isa_depthwise(const struct rt_depthwise *d)
{
    struct rt_depthwise some = *d;
    for (int64_t p = 0; p < d->places; p += DEPTHWISE_PLACES) {
        some.x = d->x + p * d->place;
        some.y = d->y + p * d->ldy;
        some.places = d->places - p < DEPTHWISE_PLACES ? d->places - p : DEPTHWISE_PLACES;
        int64_t j = 0;
        FOR_16(j = depthwise_channels_v16(&some, j);)
        FOR_8(j = depthwise_channels_v8(&some, j);)
        j = depthwise_channels_v4(&some, j);
        depthwise_channels_v1(&some, j);
    }
}

/* All channels of a tile, in the widest vectors that fit. */
#define WIDEST_FIRST(what, plane)                                                                  \
    {                                                                                              \
        int64_t at = 0;                                                                            \
        FOR_16(at = tile_##what##_v16(t, at, plane);)                                              \
        FOR_8(at = tile_##what##_v8(t, at, plane);)                                                \
        at = tile_##what##_v4(t, at, plane);                                                       \
        tile_##what##_v1(t, at, plane);                                                            \
    }
#define TRANSFORM(what)                                                                            \
    static void isa_##what(const struct rt_tile *t)                                                \
    {                                                                                              \
        if (t->plane)                                                                              \
            WIDEST_FIRST(what, true)                                                               \
        else                                                                                       \
            WIDEST_FIRST(what, false)                                                              \
    }
TRANSFORM(from_inputs)
TRANSFORM(to_outputs)
TRANSFORM(from_gradient)
TRANSFORM(from_weights)
TRANSFORM(to_weights)

#define TEXT(isa) #isa
#define TEXT_OF(isa) TEXT(isa)
extern const struct rt_isa JOIN(rt_isa, RT_ISA);
const struct rt_isa JOIN(rt_isa, RT_ISA) = {
    .name = TEXT_OF(RT_ISA),
    .panel = 2 * WIDTH,
    .rows = ROWS,
    .product = isa_product,
    .product_row = isa_product_row,
    .depthwise = isa_depthwise,
    .finish = isa_finish,
    .softmax = isa_softmax,
    .from_inputs = isa_from_inputs,
    .to_outputs = isa_to_outputs,
    .from_gradient = isa_from_gradient,
    .from_weights = isa_from_weights,
    .to_weights = isa_to_weights,
};
