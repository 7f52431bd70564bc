/* SPDX-License-Identifier: MIT
 * image_measures: the quality of a picture in numbers. Part of image.c's vtable; no checks of the picture
 * here, no features. */
#ifndef RT_IMAGE_MEASURES_H
#define RT_IMAGE_MEASURES_H

#include "stages/modality/modality.h"

#define RT_IMAGE_MEASURES 7
extern const struct rt_measure rt_image_measures[RT_IMAGE_MEASURES];

/* rgb: [height, width, 3]. value: [RT_IMAGE_MEASURES]. RT_EMEM. */
int rt_image_measure(const uint8_t *rgb, int64_t width, int64_t height, double *value);

#endif
