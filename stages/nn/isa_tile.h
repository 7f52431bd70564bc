/* SPDX-License-Identifier: MIT
 * isa_tile: Winograd's transforms of rt_isa for one vector type; no guard: isa_code.c includes it
 * once per type, with V (the type), LANES and NAME(x) (x_V) defined. With points 0, +-A, +-B and
 * infinity, the transform of inputs, of weights and of outputs are matrices; gradients go through
 * their transposes. Pairs +-A and +-B share their even and odd parts. */

/* One line of points, x -> y, neighbours s apart. 6 -> 6. */
INLINE void NAME(line_inputs)(const V *x, V *y, const int s)
{
    V a = x[4 * s] - B2 * x[2 * s], b = A * (x[3 * s] - B2 * x[s]);
    V c = x[4 * s] - A2 * x[2 * s], d = B * (x[3 * s] - A2 * x[s]);
    y[0] = x[4 * s] - (A2 + B2) * x[2 * s] + A2 * B2 * x[0];
    y[s] = a + b;
    y[2 * s] = a - b;
    y[3 * s] = c + d;
    y[4 * s] = c - d;
    y[5 * s] = x[5 * s] - (A2 + B2) * x[3 * s] + A2 * B2 * x[s];
}

/* 6 -> 4 */
INLINE void NAME(line_outputs)(const V *x, V *y, const int s)
{
    V a = x[s] + x[2 * s], b = x[s] - x[2 * s], c = x[3 * s] + x[4 * s], d = x[3 * s] - x[4 * s];
    y[0] = x[0] + a + c;
    y[s] = A * b + B * d;
    y[2 * s] = A2 * a + B2 * c;
    y[3 * s] = A * A2 * b + B * B2 * d + x[5 * s];
}

/* 4 -> 6: transpose of line_outputs */
INLINE void NAME(line_gradient)(const V *x, V *y, const int s)
{
    V a = x[0] + A2 * x[2 * s], b = A * (x[s] + A2 * x[3 * s]);
    V c = x[0] + B2 * x[2 * s], d = B * (x[s] + B2 * x[3 * s]), last = x[3 * s];
    y[0] = x[0];
    y[s] = a + b;
    y[2 * s] = a - b;
    y[3 * s] = c + d;
    y[4 * s] = c - d;
    y[5 * s] = last;
}

/* 3 -> 6 */
INLINE void NAME(line_weights)(const V *x, V *y, const int s)
{
    V a = 1 / NA * (x[0] + A2 * x[2 * s]), b = A / NA * x[s];
    V c = 1 / NB * (x[0] + B2 * x[2 * s]), d = B / NB * x[s], last = x[2 * s];
    y[0] = 1 / N0 * x[0];
    y[s] = a + b;
    y[2 * s] = a - b;
    y[3 * s] = c + d;
    y[4 * s] = c - d;
    y[5 * s] = last;
}

/* 6 -> 3: transpose of line_weights */
INLINE void NAME(line_taps)(const V *x, V *y, const int s)
{
    V a = 1 / NA * (x[s] + x[2 * s]), b = x[s] - x[2 * s];
    V c = 1 / NB * (x[3 * s] + x[4 * s]), d = x[3 * s] - x[4 * s];
    y[0] = 1 / N0 * x[0] + a + c;
    y[s] = A / NA * b + B / NB * d;
    y[2 * s] = A2 * a + B2 * c + x[5 * s];
}

/* Loads a tile of from x from places, or from x 1, into lines of 6; those outside are 0. */
INLINE void NAME(load)(const struct rt_tile *t, int64_t at, V *x, const int from, const bool plane,
                       const bool whole)
{
    UNROLL(6) for (int i = 0; i < from; i++) {
        for (int k = 0; k < (plane ? from : 1); k++) {
            bool there = i >= t->top && i < t->lines &&
                         (!plane || (k >= t->left && k < t->places));
            x[6 * i + k] = whole || there
                               ? *(const V *)(t->from + at + i * t->line + k * t->place)
                               : (V){0};
        }
    }
}

INLINE bool NAME(is_whole)(const struct rt_tile *t, const int size, const bool plane)
{
    return t->top == 0 && t->lines == size && (!plane || (t->left == 0 && t->places == size));
}

INLINE void NAME(store)(const struct rt_tile *t, int64_t at, const V *x, const int to,
                        const bool plane, int lines, int places, bool add)
{
    UNROLL(4) for (int i = 0; i < to; i++) {
        for (int k = 0; k < (plane ? to : 1); k++) {
            if (i < lines && k < places) {
                V *y = (V *)(t->to + at + i * t->line + k * t->place), v = x[6 * i + k];
                *y = add ? (V)(*y + v) : v;
            }
        }
    }
}

INLINE void NAME(load_products)(const struct rt_tile *t, int64_t at, V *x, const bool plane)
{
    UNROLL(6) for (int i = 0; i < 6; i++) {
        for (int k = 0; k < (plane ? 6 : 1); k++) {
            x[6 * i + k] = *(const V *)(t->from + at + (plane ? 6 * i + k : i) * t->stride);
        }
    }
}

INLINE void NAME(store_products)(const struct rt_tile *t, int64_t at, const V *x, const bool plane)
{
    UNROLL(6) for (int i = 0; i < 6; i++) {
        for (int k = 0; k < (plane ? 6 : 1); k++) {
            *(V *)(t->to + at + (plane ? 6 * i + k : i) * t->stride) = x[6 * i + k];
        }
    }
}

/* Columns of the square first, then its lines; one column alone without `plane`. */
#define TRANSFORM(what, from, to)                                                                  \
    INLINE void NAME(square_##what)(V *x, const bool plane)                                        \
    {                                                                                              \
        V half[36];                                                                                \
        for (int k = 0; k < (plane ? (from) : 1); k++)                                   \
        {                                                                                          \
            NAME(line_##what)(x + k, half + k, 6);                                                 \
        }                                                                                          \
        UNROLL(6) for (int i = 0; i < (to); i++)                                                   \
        {                                                                                          \
            if (plane) {                                                                           \
                NAME(line_##what)(half + 6 * i, x + 6 * i, 1);                                     \
            } else {                                                                               \
                x[6 * i] = half[6 * i];                                                            \
            }                                                                                      \
        }                                                                                          \
    }
TRANSFORM(inputs, 6, 6)
TRANSFORM(outputs, 6, 4)
TRANSFORM(gradient, 4, 6)
TRANSFORM(weights, 3, 6)
TRANSFORM(taps, 6, 3)
#undef TRANSFORM

/* Each takes as many whole vectors of channels from `at` as there are, and says where it stopped. */
INLINE int64_t NAME(from_inputs)(const struct rt_tile *t, int64_t at, const bool plane)
{
    bool whole = NAME(is_whole)(t, 6, plane);
    for (V x[36]; at + LANES <= t->n; at += LANES) {
        if (whole) {
            NAME(load)(t, at, x, 6, plane, true);
        } else {
            NAME(load)(t, at, x, 6, plane, false);
        }
        NAME(square_inputs)(x, plane);
        NAME(store_products)(t, at, x, plane);
    }
    return at;
}

INLINE int64_t NAME(to_outputs)(const struct rt_tile *t, int64_t at, const bool plane)
{
    bool whole = NAME(is_whole)(t, 4, plane) && !t->add;
    for (V x[36]; at + LANES <= t->n; at += LANES) {
        NAME(load_products)(t, at, x, plane);
        NAME(square_outputs)(x, plane);
        if (whole) {
            NAME(store)(t, at, x, 4, plane, 4, 4, false);
        } else {
            NAME(store)(t, at, x, 4, plane, t->lines, t->places, t->add);
        }
    }
    return at;
}

INLINE int64_t NAME(from_gradient)(const struct rt_tile *t, int64_t at, const bool plane)
{
    bool whole = NAME(is_whole)(t, 4, plane);
    for (V x[36]; at + LANES <= t->n; at += LANES) {
        if (whole) {
            NAME(load)(t, at, x, 4, plane, true);
        } else {
            NAME(load)(t, at, x, 4, plane, false);
        }
        NAME(square_gradient)(x, plane);
        NAME(store_products)(t, at, x, plane);
    }
    return at;
}

INLINE int64_t NAME(from_weights)(const struct rt_tile *t, int64_t at, const bool plane)
{
    for (V x[36]; at + LANES <= t->n; at += LANES) {
        NAME(load)(t, at, x, 3, plane, true);
        NAME(square_weights)(x, plane);
        NAME(store_products)(t, at, x, plane);
    }
    return at;
}

INLINE int64_t NAME(to_weights)(const struct rt_tile *t, int64_t at, const bool plane)
{
    for (V x[36]; at + LANES <= t->n; at += LANES) {
        NAME(load_products)(t, at, x, plane);
        NAME(square_taps)(x, plane);
        NAME(store)(t, at, x, 3, plane, 3, 3, true);
    }
    return at;
}
