/* SPDX-License-Identifier: MIT
 * isa_product: blocks of rt_isa.product for one vector type; no guard: isa_code.c includes it once
 * per type, with V (the type), LANES and NAME(x) (x_V) defined. The loops have constant bounds, so
 * that sums stay in registers. */

/* NaN is not less than 0. */
INLINE V NAME(behind_relu)(V v)
{
#if LANES == 1
    return v < 0 ? 0 : v;
#elif LANES == 8
    return (V)_mm256_max_ps((__m256)(V){0}, (__m256)v);
#elif LANES == 16
    return (V)_mm512_max_ps((__m512)(V){0}, (__m512)v);
#else
    return (V)((__typeof__(v < v))v & ~(v < (V){0}));
#endif
}

/* As act_within; NaN comes through. */
INLINE V NAME(behind_clip)(V v, float low, float high)
{
#if LANES == 1
    v = v < low ? low : v;
    return v > high ? high : v;
#elif LANES == 8
    return (V)_mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), (__m256)v));
#elif LANES == 16
    return (V)_mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), (__m512)v));
#else
    V least = low - (V){0}, most = high - (V){0};
    __typeof__(v < v) below = v < least;
    v = (V)((below & (__typeof__(below))least) | (~below & (__typeof__(below))v));
    __typeof__(v < v) above = v > most;
    return (V)((above & (__typeof__(above))most) | (~above & (__typeof__(above))v));
#endif
}

/* at: among columns or channels; to: from the first place that is written. */
INLINE V NAME(behind_sum)(const struct rt_behind *b, int64_t at, int64_t to, V v)
{
    if (b->bias)
        v += *(const V *)(b->bias + at);
    if (b->other)
        v += *(const V *)(b->other + to);
    return b->relu ? NAME(behind_relu)(v) : b->clip ? NAME(behind_clip)(v, b->low, b->high) : v;
}

/* ROWS x vectors of C from (i, j). Rows of A are reached from every third: base + 0, 1 or 2 strides
 * are addresses the processor has. */
INLINE void NAME(product_block)(const struct rt_product *p, const int rows, const int vectors,
                                const bool behind, int64_t i, int64_t j)
{
    const int64_t row = p->row, step = p->step;
    float *c = p->c + i * p->ldc + j;
    V sum[ROWS_ALONE][2];
    UNROLL(14) for (int r = 0; r < rows; r++) {
        UNROLL(2) for (int v = 0; v < vectors; v++) {
            sum[r][v] = p->add ? *(const V *)(c + r * p->ldc + v * LANES) : (V){0};
        }
    }
    for (int t = 0; t < p->taps; t++) {
        const float *a[(ROWS_ALONE + 2) / 3], *b = p->b + p->b_at[t] + j;
        UNROLL(5) for (int q = 0; q < (rows + 2) / 3; q++) {
            a[q] = p->a + p->a_at[t] + (i + 3 * q) * row;
        }
        for (int64_t k = 0; k < p->depth; k++, b += p->ldb) {
            V w[2];
            UNROLL(2) for (int v = 0; v < vectors; v++) {
                w[v] = *(const V *)(b + v * LANES);
            }
            UNROLL(14) for (int r = 0; r < rows; r++) {
                V x = a[r / 3][r % 3 * row] - (V){0}; /* repeated in all lanes */
                UNROLL(2) for (int v = 0; v < vectors; v++) {
                    sum[r][v] += x * w[v];
                }
            }
            UNROLL(5) for (int q = 0; q < (rows + 2) / 3; q++) {
                a[q] += step;
            }
        }
    }
    if (behind) {
        UNROLL(2) for (int v = 0; v < vectors; v++) {
            V bias = p->behind.bias ? *(const V *)(p->behind.bias + j + v * LANES) : (V){0};
            UNROLL(14) for (int r = 0; r < rows; r++) {
                sum[r][v] += bias;
                if (p->behind.other)
                    sum[r][v] += *(const V *)(p->behind.other + (i + r) * p->ldc + j + v * LANES);
                if (p->behind.relu)
                    sum[r][v] = NAME(behind_relu)(sum[r][v]);
                if (p->behind.clip)
                    sum[r][v] = NAME(behind_clip)(sum[r][v], p->behind.low, p->behind.high);
            }
        }
    }
    UNROLL(14) for (int r = 0; r < rows; r++) {
        UNROLL(2) for (int v = 0; v < vectors; v++) {
            *(V *)(c + r * p->ldc + v * LANES) = sum[r][v];
        }
    }
}

/* All rows of the columns from j, in blocks of nearly equal height. */
INLINE void NAME(product_blocks)(const struct rt_product *p, const int vectors, const bool behind, int64_t j)
{
    const int most = vectors == 1 ? ROWS_ALONE : ROWS;
    int64_t blocks = (p->rows + most - 1) / most;
    for (int64_t q = 0, i = 0, end; q < blocks; q++, i = end) {
        end = p->rows * (q + 1) / blocks;
        switch (end - i) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        if (n <= (vectors == 1 ? ROWS_ALONE : ROWS))                                               \
            NAME(product_block)(p, n, vectors, behind, i, j);                                           \
        break;
            CASE(14) CASE(13) CASE(12) CASE(11) CASE(10) CASE(9) CASE(8)
            CASE(7) CASE(6) CASE(5) CASE(4) CASE(3) CASE(2) CASE(1)
#undef CASE
        }
    }
}

#if LANES == WIDTH
/* Not inlined where they are called: each is some ten kilobytes. */
static __attribute__((noinline)) void NAME(product_column)(const struct rt_product *p, int64_t j)
{
    if (rt_is_behind(&p->behind))
        NAME(product_blocks)(p, 1, true, j);
    else
        NAME(product_blocks)(p, 1, false, j);
}

static __attribute__((noinline)) void NAME(product_column_2)(const struct rt_product *p, int64_t j)
{
    if (rt_is_behind(&p->behind))
        NAME(product_blocks)(p, 2, true, j);
    else
        NAME(product_blocks)(p, 2, false, j);
}

/* Rows of B far apart meet in a few sets of the first cache: where many rows of C read them, they
 * are laid side by side first. */
static bool NAME(product_packs)(const struct rt_product *p)
{
    return p->ldb > 2 * LANES && p->rows >= PACK_ROWS && p->taps <= PACK_TAPS &&
           p->taps * p->depth * 2 * LANES <= PACK_FLOATS;
}

/* Two vectors of columns from j on. */
static void NAME(product_packed_column)(const struct rt_product *p, int64_t j)
{
    float packed[PACK_FLOATS], *to = packed;
    int64_t at[PACK_TAPS];
    for (int t = 0; t < p->taps; t++) {
        const float *b = p->b + p->b_at[t] + j;
        at[t] = to - packed;
        for (int64_t k = 0; k < p->depth; k++, b += p->ldb, to += 2 * LANES) {
            *(V *)to = *(const V *)b;
            *(V *)(to + LANES) = *(const V *)(b + LANES);
        }
    }
    struct rt_product q = *p;
    q.b = packed;
    q.ldb = 2 * LANES;
    q.b_at = at;
    q.c += j;
    q.behind.bias = p->behind.bias ? p->behind.bias + j : NULL;
    q.behind.other = p->behind.other ? p->behind.other + j : NULL;
    NAME(product_column_2)(&q, 0);
}

static int64_t NAME(product_columns_2)(const struct rt_product *p, int64_t j)
{
    bool packs = NAME(product_packs)(p);
    for (; j + 2 * LANES <= p->cols; j += 2 * LANES) {
        if (packs) {
            NAME(product_packed_column)(p, j);
        } else {
            NAME(product_column_2)(p, j);
        }
    }
    return j;
}
#else
/* The last columns: what stands behind them goes over them once more. */
static void NAME(product_column)(const struct rt_product *p, int64_t j)
{
    NAME(product_blocks)(p, 1, false, j);
    for (int64_t i = 0; rt_is_behind(&p->behind) && i < p->rows; i++) {
        V *c = (V *)(p->c + i * p->ldc + j);
        *c = NAME(behind_sum)(&p->behind, j, i * p->ldc + j, *c);
    }
}
#endif

/* As many whole vectors of columns from j as there are; where it stopped. */
static int64_t NAME(product_columns)(const struct rt_product *p, int64_t j)
{
    for (; j + LANES <= p->cols; j += LANES) {
        NAME(product_column)(p, j);
    }
    return j;
}
