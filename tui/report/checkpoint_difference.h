/* SPDX-License-Identifier: MIT
 * checkpoint_difference: where two checkpoints differ, in words: what `retort replay` compares by. Any thread. */
#ifndef RT_CHECKPOINT_DIFFERENCE_H
#define RT_CHECKPOINT_DIFFERENCE_H

#include "formats/safetensors.h"

#include <stdbool.h>

/* Tensors byte for byte, progress and settings in effect. true: text says what differs first; false: nothing does, and
 * text holds nothing of use. */
bool rt_checkpoint_differs(const struct rt_safetensors *there, const struct rt_safetensors *repeated, char *text,
                           size_t size);

#endif
