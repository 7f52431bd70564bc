/* SPDX-License-Identifier: MIT
 * loss_history: see loss_history.h. From the lowest bits: how many, then three bits for each, the oldest first. */
#include "pipeline/data/loss_history.h"

#include <math.h>
#include <string.h>

#define BITS 3
#define TOP 7 /* the highest level */

/* ---- a byte for a value ----
 * Seven for every sample stand in memory, and of those that were seen in each checkpoint. What is drawn has eight
 * heights, so a step of nine per cent is fine enough. */

#define NONE 0
#define ZERO 1
#define ONE 129 /* the code of 1.0 */
#define STEPS 8 /* of an octave */

uint8_t rt_loss_history_code(float value)
{
    if (isnan(value))
        return NONE;
    if (!(value > 0))
        return ZERO;
    double code = round(ONE + STEPS * log2((double)value));
    return (uint8_t)(code < ZERO + 1 ? ZERO + 1 : code > UINT8_MAX ? UINT8_MAX : code);
}

float rt_loss_history_value(uint8_t code)
{
    return code == NONE ? NAN : code == ZERO ? 0 : (float)exp2((code - ONE) / (double)STEPS);
}

void rt_loss_history_add(uint8_t *code, float newest)
{
    memmove(code, code + 1, RT_LOSS_HISTORY - 1);
    code[RT_LOSS_HISTORY - 1] = rt_loss_history_code(newest);
}

/* ---- a number for a row ----
 * The shape of seven losses must fit one number of a table: run.db then needs no further column, a
 * filter and a sort leave it alone, and a million rows cost nothing more. Three bits each, relative
 * to the largest of the seven, are what a bar of eight heights can show. */

double rt_loss_history_pack(const uint8_t *code)
{
    int from = 0, packed = 0;
    float most = 0, value[RT_LOSS_HISTORY];
    while (from < RT_LOSS_HISTORY && code[from] == NONE)
        from++;
    if (from == RT_LOSS_HISTORY)
        return NAN;
    for (int i = from; i < RT_LOSS_HISTORY; i++) {
        value[i] = rt_loss_history_value(code[i]);
        most = value[i] > most ? value[i] : most;
    }
    for (int i = RT_LOSS_HISTORY - 1; i >= from; i--) {
        float fraction = most > 0 && value[i] > 0 ? value[i] / most : 0;
        packed = packed << BITS | (int)(TOP * fraction + 0.5f);
    }
    return packed << BITS | (RT_LOSS_HISTORY - from);
}

int rt_loss_history_levels(double packed, int level[RT_LOSS_HISTORY])
{
    if (!(packed >= 1 && packed < 1 << (BITS * (RT_LOSS_HISTORY + 1))) || packed != floor(packed))
        return 0;
    int bits = (int)packed, count = bits & TOP;
    for (int i = 0; i < count; i++)
        level[i] = bits >> (BITS * (i + 1)) & TOP;
    return count;
}

int rt_loss_history_draw(double packed, char text[RT_LOSS_HISTORY_TEXT])
{
    int level[RT_LOSS_HISTORY], n = rt_loss_history_levels(packed, level);
    for (int i = 0; i < n; i++)
        memcpy(text + 3 * i, (const char[]){'\xe2', '\x96', (char)(0x81 + level[i])}, 3); /* U+2581 and on */
    text[3 * n] = '\0';
    return n;
}
