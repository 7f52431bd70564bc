/* SPDX-License-Identifier: MIT
 * onnx_input: what trunk.c (a teacher) and model_start.c (a student) have in common when they make the
 * input of an ONNX file out of what a front end gives. */
#ifndef RT_ONNX_INPUT_H
#define RT_ONNX_INPUT_H

#include "formats/onnx.h"

#define RT_COLOURS 3

/* The settings WHO.mean and WHO.std: "0.5" or "0.485, 0.456, 0.406"; "" = 0 and 1. RT_EUSAGE, RT_ERANGE. */
int rt_onnx_input_scale(const char *who, const char *mean_text, const char *std_text,
                        float mean[RT_COLOURS], float std[RT_COLOURS], struct rt_error *e);
/* "PATH: input 'NAME' [1,?,80]: WHAT", RT_EMISMATCH. */
int rt_onnx_input_refuse(const char *path, const struct rt_onnx_value *in, const char *what,
                         struct rt_error *e);

#endif
