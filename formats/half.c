/* SPDX-License-Identifier: MIT
 * half: see half.h. Sign, 5 bits of exponent, 10 of mantissa. By bits, as compilers have no common type for it. */
#include "formats/half.h"

#include <string.h>

static uint32_t float_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static float bits_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

float rt_half_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, mantissa = half & 0x3FF;
    if (exponent == 0) { /* zero or subnormal: mantissa * 2^-24 */
        float f = (float)mantissa * 0x1p-24f;
        return sign ? -f : f;
    }
    exponent = exponent == 31 ? 255 : exponent + 112;
    return bits_float(sign | exponent << 23 | mantissa << 13);
}

/* What is too small for an exponent is rounded as a multiple of 2^-24: adding 0.5 leaves just those bits, and the
 * processor rounds. */
uint16_t rt_half_of(float f)
{
    uint32_t bits = float_bits(f), sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest > 0x7F800000)
        return (uint16_t)(sign | 0x7E00); /* NaN */
    if (rest >= 0x477FF000)
        return (uint16_t)(sign | 0x7C00);
    if (rest < 0x38800000)
        return (uint16_t)(sign | (float_bits(bits_float(rest) + 0.5f) - float_bits(0.5f)));
    rest += 0xFFF + (rest >> 13 & 1); /* ties to even */
    return (uint16_t)(sign | ((rest >> 13) - (112 << 10)));
}
