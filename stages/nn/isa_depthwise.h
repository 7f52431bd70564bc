/* SPDX-License-Identifier: MIT
 * isa_depthwise: rt_isa.depthwise for one vector type; no guard: isa_code.c includes it once per type, with V (the
 * type), LANES and NAME(x) (x_V) defined. Neighbouring places share a tap's weights, and as many sums as keep the
 * processor's multipliers busy stay in registers; what they are multiplied with comes straight from the first cache. */

/* Channels [j, j + LANES). */
INLINE void NAME(depthwise_block)(const struct rt_depthwise *d, const int places, int64_t j)
{
    V sum[DEPTHWISE_PLACES];
    UNROLL(8) for (int i = 0; i < places; i++) {
        sum[i] = d->bias ? *(const V *)(d->bias + j) : (V){0};
    }
    const float *x = d->x + j, *w = d->w + j;
    for (int t = 0; t < d->taps; t++) {
        V weight = *(const V *)(w + d->w_at[t]);
        const float *at = x + d->x_at[t];
        UNROLL(8) for (int i = 0; i < places; i++) {
            sum[i] += weight * *(const V *)(at + i * d->place);
        }
    }
    UNROLL(8) for (int i = 0; i < places; i++) {
        *(V *)(d->y + i * d->ldy + j) = sum[i];
    }
}

/* Of at most DEPTHWISE_PLACES. */
static int64_t NAME(depthwise_channels)(const struct rt_depthwise *d, int64_t j)
{
    switch (d->places) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        for (; j + LANES <= d->channels; j += LANES)                                                                   \
            NAME(depthwise_block)(d, n, j);                                                                            \
        break;
        CASE(8) CASE(7) CASE(6) CASE(5) CASE(4) CASE(3) CASE(2) CASE(1)
#undef CASE
    }
    return j;
}
