/* SPDX-License-Identifier: MIT
 * loss_history: the last few losses of a sample as one number, for run.db's column `history`: what a sparkline
 * shows is their shape, so each is kept as a level from 0 to 7 of the greatest of them. */
#ifndef RT_LOSS_HISTORY_H
#define RT_LOSS_HISTORY_H

#include <stdint.h>

#define RT_LOSS_HISTORY 7
#define RT_LOSS_HISTORY_COLUMN "history"

/* A loss as a byte, and back: the nearest of an eighth of an octave, from 2^-15 to 2^15; 0 = not there, 1 = zero or
 * below, else 2^((code - 129) / 8). */
uint8_t rt_loss_history_code(float value);
float rt_loss_history_value(uint8_t code);
/* The newest behind the others; the oldest goes. code: [RT_LOSS_HISTORY]. */
void rt_loss_history_add(uint8_t *code, float newest);

/* code: [RT_LOSS_HISTORY], the newest last. A whole number below 2^24, exact as a float; NaN when there is none. */
double rt_loss_history_pack(const uint8_t *code);
/* The levels, oldest first; how many there are (0 for what is no history). */
int rt_loss_history_levels(double packed, int level[RT_LOSS_HISTORY]);
/* The same as blocks of eighths, UTF-8; returns how many. */
#define RT_LOSS_HISTORY_TEXT (3 * RT_LOSS_HISTORY + 1)
int rt_loss_history_draw(double packed, char text[RT_LOSS_HISTORY_TEXT]);

#endif
