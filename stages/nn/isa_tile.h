/* SPDX-License-Identifier: MIT
 * isa_tile: Winograd's transforms of rt_isa for one vector type; no guard: isa_code.c includes it
 * once per type, with V (the type), LANES and NAME(x) (x_V) defined. With points 0, +-A, +-B and
 * infinity, the transform of inputs, of weights and of outputs are matrices; gradients go through
 * their transposes. Pairs +-A and +-B share their even and odd parts. */

/* One line of points, x side by side -> y, s apart. 6 -> 6. */
INLINE void NAME(tile_line_inputs)(const V *x, V *y, const int s)
{
    V a = x[4] - B2 * x[2], b = A * (x[3] - B2 * x[1]);
    V c = x[4] - A2 * x[2], d = B * (x[3] - A2 * x[1]);
    y[0] = x[4] - (A2 + B2) * x[2] + A2 * B2 * x[0];
    y[s] = a + b;
    y[2 * s] = a - b;
    y[3 * s] = c + d;
    y[4 * s] = c - d;
    y[5 * s] = x[5] - (A2 + B2) * x[3] + A2 * B2 * x[1];
}

/* 6 -> 4 */
INLINE void NAME(tile_line_outputs)(const V *x, V *y, const int s)
{
    V a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    y[0] = x[0] + a + c;
    y[s] = A * b + B * d;
    y[2 * s] = A2 * a + B2 * c;
    y[3 * s] = A * A2 * b + B * B2 * d + x[5];
}

/* 4 -> 6: transpose of line_outputs */
INLINE void NAME(tile_line_gradient)(const V *x, V *y, const int s)
{
    V a = x[0] + A2 * x[2], b = A * (x[1] + A2 * x[3]);
    V c = x[0] + B2 * x[2], d = B * (x[1] + B2 * x[3]), last = x[3];
    y[0] = x[0];
    y[s] = a + b;
    y[2 * s] = a - b;
    y[3 * s] = c + d;
    y[4 * s] = c - d;
    y[5 * s] = last;
}

/* 3 -> 6 */
INLINE void NAME(tile_line_weights)(const V *x, V *y, const int s)
{
    V a = 1 / NA * (x[0] + A2 * x[2]), b = A / NA * x[1];
    V c = 1 / NB * (x[0] + B2 * x[2]), d = B / NB * x[1], last = x[2];
    y[0] = 1 / N0 * x[0];
    y[s] = a + b;
    y[2 * s] = a - b;
    y[3 * s] = c + d;
    y[4 * s] = c - d;
    y[5 * s] = last;
}

/* 6 -> 3: transpose of line_weights */
INLINE void NAME(tile_line_taps)(const V *x, V *y, const int s)
{
    V a = 1 / NA * (x[1] + x[2]), b = x[1] - x[2];
    V c = 1 / NB * (x[3] + x[4]), d = x[3] - x[4];
    y[0] = 1 / N0 * x[0] + a + c;
    y[s] = A / NA * b + B / NB * d;
    y[2 * s] = A2 * a + B2 * c + x[5];
}

/* Lines of memory that a later tile of the same row of tiles touches: the processor guesses none so far apart.
 * Tiles are 4 places from one to the next. */
INLINE void NAME(tile_fetch)(const float *x, const struct rt_tile *t, int64_t at, int i, int k,
                             const bool write)
{
    if (LANES > 1 && at % 16 == 0) { /* once for each 64 bytes */
        const float *ahead = x + at + i * t->line + (k + (write ? 4 : 8)) * t->place;
        write ? __builtin_prefetch(ahead, 1) : __builtin_prefetch(ahead);
    }
}

/* A place of the spatial tile; those outside are 0. Of a sequence: line i alone. */
INLINE V NAME(tile_place)(const struct rt_tile *t, int64_t at, int i, int k, const bool plane,
                          const int whole)
{
    bool there = i >= t->top && i < t->lines && (!plane || (k >= t->left && k < t->places));
    if (plane && k < 4) {
        NAME(tile_fetch)(t->from, t, at, i, k, false);
    }
    return whole || there ? *(const V *)(t->from + at + i * t->line + k * t->place) : (V){0};
}

INLINE V NAME(tile_point)(const struct rt_tile *t, int64_t at, int i, int k, const bool plane,
                          const int whole)
{
    (void)whole;
    return *(const V *)(t->from + at + (plane ? 6 * i + k : i) * t->stride);
}

INLINE void NAME(tile_to_place)(const struct rt_tile *t, int64_t at, int i, int k, const bool plane,
                                const int whole, V v)
{
    V *y = (V *)(t->to + at + i * t->line + k * t->place);
    if (plane) {
        NAME(tile_fetch)(t->to, t, at, i, k, true);
    }
    if (whole == WHOLE) {
        *y = v;
    } else if (whole) {
        v += *(const V *)(t->behind.bias + at);
        if (whole == WITH_OTHER)
            v += *(const V *)(t->behind.other + at + i * t->line + k * t->place);
        *y = NAME(behind_relu)(v);
    } else if (i < t->lines && (!plane || k < t->places)) {
        *y = t->add ? (V)(*y + v) : v;
    }
}

INLINE void NAME(tile_to_tap)(const struct rt_tile *t, int64_t at, int i, int k, const bool plane,
                              const int whole, V v)
{
    (void)plane, (void)whole;
    *(V *)(t->to + at + i * t->line + k * t->place) += v;
}

INLINE void NAME(tile_to_point)(const struct rt_tile *t, int64_t at, int i, int k, const bool plane,
                                const int whole, V v)
{
    (void)whole;
    *(V *)(t->to + at + (plane ? 6 * i + k : i) * t->stride) = v;
}

INLINE bool NAME(tile_is_whole)(const struct rt_tile *t, const int size, const bool plane)
{
    return t->top == 0 && t->lines == size && (!plane || (t->left == 0 && t->places == size));
}

/* One vector of channels of a tile: columns of the square first, then its lines; one column alone without
 * `plane`. What is loaded is used at once, and so stays in registers. */
#define TRANSFORM(what, from, to, load, store)                                                     \
    INLINE void NAME(tile_square_##what)(const struct rt_tile *t, int64_t at, const bool plane,    \
                                    const int whole)                                              \
    {                                                                                              \
        V half[36], x[6], y[6];                                                                    \
        if (!plane) {                                                                              \
            UNROLL(6) for (int i = 0; i < (from); i++)                                             \
            {                                                                                      \
                x[i] = NAME(load)(t, at, i, 0, false, whole);                                      \
            }                                                                                      \
            NAME(tile_line_##what)(x, y, 1);                                                       \
            UNROLL(6) for (int i = 0; i < (to); i++)                                               \
            {                                                                                      \
                NAME(store)(t, at, i, 0, false, whole, y[i]);                                      \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        UNROLL(1) for (int k = 0; k < (from); k++)                                                 \
        {                                                                                          \
            UNROLL(6) for (int i = 0; i < (from); i++)                                             \
            {                                                                                      \
                x[i] = NAME(load)(t, at, i, k, true, whole);                                       \
            }                                                                                      \
            NAME(tile_line_##what)(x, half + k, 6);                                                \
        }                                                                                          \
        UNROLL(1) for (int i = 0; i < (to); i++)                                                   \
        {                                                                                          \
            NAME(tile_line_##what)(half + 6 * i, y, 1);                                            \
            UNROLL(6) for (int k = 0; k < (to); k++)                                               \
            {                                                                                      \
                NAME(store)(t, at, i, k, true, whole, y[k]);                                       \
            }                                                                                      \
        }                                                                                          \
    }
TRANSFORM(inputs, 6, 6, tile_place, tile_to_point)
TRANSFORM(outputs, 6, 4, tile_point, tile_to_place)
TRANSFORM(gradient, 4, 6, tile_place, tile_to_point)
TRANSFORM(weights, 3, 6, tile_place, tile_to_point)
TRANSFORM(taps, 6, 3, tile_point, tile_to_tap)
#undef TRANSFORM

/* Each takes as many whole vectors of channels from `at` as there are, and says where it stopped. */
#define CHANNELS(name, what, is_whole)                                                             \
    INLINE int64_t NAME(tile_##name)(const struct rt_tile *t, int64_t at, const bool plane)        \
    {                                                                                              \
        bool whole = is_whole;                                                                     \
        for (; whole && at + LANES <= t->n; at += LANES) {                                         \
            NAME(tile_square_##what)(t, at, plane, WHOLE);                                         \
        }                                                                                          \
        for (; at + LANES <= t->n; at += LANES) {                                                  \
            NAME(tile_square_##what)(t, at, plane, PLACES);                                        \
        }                                                                                          \
        return at;                                                                                 \
    }
CHANNELS(from_inputs, inputs, NAME(tile_is_whole)(t, 6, plane))
CHANNELS(to_sums, outputs, NAME(tile_is_whole)(t, 4, plane) && !t->add)
CHANNELS(from_gradient, gradient, NAME(tile_is_whole)(t, 4, plane))
CHANNELS(from_weights, weights, true)
CHANNELS(to_weights, taps, true)
#undef CHANNELS

/* What stands behind sums that are written already. */
INLINE void NAME(tile_behind)(const struct rt_tile *t, int64_t at, const bool plane)
{
    for (int i = 0; i < t->lines; i++)
        for (int k = 0; k < (plane ? t->places : 1); k++) {
            int64_t to = at + i * t->line + k * t->place;
            *(V *)(t->to + to) = NAME(behind_sum)(&t->behind, at, to, *(V *)(t->to + to));
        }
}

/* The most frequent in registers. The plain ones come as they do without: which product of a sum is contracted is the
 * compiler's choice, and bytes depend on it. */
INLINE int64_t NAME(tile_to_outputs)(const struct rt_tile *t, int64_t at, const bool plane)
{
    const struct rt_behind *b = &t->behind;
    bool whole = NAME(tile_is_whole)(t, 4, plane) && !t->add && b->bias && b->relu;
    for (; whole && !b->other && at + LANES <= t->n; at += LANES)
        NAME(tile_square_outputs)(t, at, plane, WITH_BIAS);
    for (; whole && at + LANES <= t->n; at += LANES)
        NAME(tile_square_outputs)(t, at, plane, WITH_OTHER);
    int64_t first = at;
    at = NAME(tile_to_sums)(t, at, plane);
    for (; rt_is_behind(b) && first < at; first += LANES)
        NAME(tile_behind)(t, first, plane);
    return at;
}
