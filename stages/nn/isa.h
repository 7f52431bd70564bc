/* SPDX-License-Identifier: MIT
 * isa: the innermost loops of convolutions, compiled once per instruction set (isa_code.c) and
 * chosen when the program runs. Each has its own order of additions, fixed by shapes alone, so
 * results are the same for any number of threads, but not from one instruction set to the next. */
#ifndef RT_ISA_H
#define RT_ISA_H

#include "formats/error.h"

#include <stdbool.h>
#include <stdint.h>

/* What is done to each sum behind it, while it is in a register: bias, of its column or channel, and another number
 * are added (NULL: not), and what is less than 0 becomes 0. All zero: nothing. */
struct rt_behind {
    const float *bias, *other; /* other: lies as what is written does */
    bool relu, clip; /* one of them, or none */
    float low, high; /* of clip */
};
static inline bool rt_is_behind(const struct rt_behind *b)
{
    return b->bias || b->other || b->relu || b->clip;
}

/* C[i][j] = (add ? C : 0) + sum over t < taps and k < depth of A_t[i][k] B_t[k][j], where
 * A_t[i][k] = a[a_at[t] + i * row + k * step] and B_t[k][j] = b[b_at[t] + k * ldb + j].
 * No alignment is asked for; nothing beyond the named elements is read. */
struct rt_product {
    const float *a;
    int64_t row, step;
    const float *b;
    int64_t ldb;
    const int64_t *a_at, *b_at;
    int taps;
    int64_t depth;
    float *c;
    int64_t ldc;
    int64_t rows, cols;
    bool add;
    struct rt_behind behind;
};

/* Winograd's minimal filtering F(4,3): 4 outputs of a filter of 3 from 6 inputs by 6 products, in
 * one dimension (a tile is 6 points) or two (36). Points 0, +-3/4, +-3/2 and infinity: exact in
 * binary, and among the most accurate. A tile's element is [n] floats, n channels. Spatial tiles
 * are addressed by the strides of a line and of a place; transformed ones lie `stride` apart. */
struct rt_tile {
    const float *from;
    float *to;
    int64_t line, place; /* of the spatial side */
    int64_t stride;      /* of the transformed side */
    int64_t n;
    /* Lines [top, lines) and places [left, places) of the spatial tile exist, of 6, or of 4 for outputs
     * and gradients; what is outside reads as 0 and is not written. Of a sequence: lines alone. */
    int top, left, lines, places;
    bool plane;        /* 6x6; otherwise 6 along `line` */
    bool add;          /* to_outputs adds into *to */
    struct rt_behind behind; /* of to_outputs, without add */
};

/* Depthwise convolution of a line of places, channels last:
 * y[p][c] = bias[c] + sum over t of w[w_at[t] + c] x[p * place + x_at[t] + c]. */
struct rt_depthwise {
    const float *x, *w, *bias; /* bias [channels] or NULL */
    int64_t place;             /* floats from one place's window to the next one's */
    const int64_t *x_at, *w_at; /* [taps] */
    int taps;
    float *y;
    int64_t ldy;
    int64_t places, channels;
};

/* What may be done to each number behind sums: act.def. */
enum rt_act {
#define RT_ACT(id, value) RT_ACT_##id,
#include "stages/nn/act.def"
#undef RT_ACT
};

/* to = act(from + bias + other), in rows of n numbers `stride` apart; bias [n] and other (as `to` is) may be NULL,
 * and `from` may be `to`. Each number's result depends on it alone, not on where it stands. */
struct rt_finish {
    const float *from;
    float *to;
    const float *bias, *other;
    int64_t stride, rows, n;
    enum rt_act act;
    float a, b; /* its settings */
};

/* Each row of n numbers in place: exp(scale x + mask - largest) / their sum; mask NULL or rows of [n], ld_mask apart
 * (0: one for all). */
struct rt_softmax_rows {
    float *x;
    const float *mask;
    int64_t ldx, ld_mask, rows, n;
    float scale;
};

struct rt_isa {
    const char *name;
    int panel; /* columns of B that are best taken at once, packed beside each other */
    int rows;  /* of C that are best taken at once: blocks of fewer are slower */
    void (*product)(const struct rt_product *p);
    /* The same, bit for bit, of one row and one tap with nothing behind its sums, for as many whole panels of B as
     * `cols` has, one behind the other: several at a time, as a row alone keeps neither memory nor multipliers busy. */
    void (*product_row)(const struct rt_product *p);
    void (*depthwise)(const struct rt_depthwise *d);
    void (*finish)(const struct rt_finish *f);
    void (*softmax)(const struct rt_softmax_rows *s);
    void (*from_inputs)(const struct rt_tile *t);   /* 6 or 6x6 places -> transformed */
    void (*to_outputs)(const struct rt_tile *t);    /* products -> 4 or 4x4 places */
    void (*from_gradient)(const struct rt_tile *t); /* 4 or 4x4 places -> gradient of products */
    void (*from_weights)(const struct rt_tile *t);  /* 3 or 3x3 taps -> transformed */
    void (*to_weights)(const struct rt_tile *t);    /* gradient of those -> 3 or 3x3, added */
};

/* The one asked for, or the best this processor can run. */
const struct rt_isa *rt_isa(void);
/* Asks for one by its name, before anything is computed: to have the bytes, or the time, of a processor that
 * has no better. RT_EUSAGE, saying which there are, when this one cannot run it. */
int rt_isa_ask(const char *name, struct rt_error *e);
/* All it can run, best first; how many. */
#define RT_ISA_SETS 3
int rt_isa_all(const struct rt_isa *all[RT_ISA_SETS]);

#endif
