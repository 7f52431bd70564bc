/* SPDX-License-Identifier: MIT
 * onnx_input: what trunk.c (a teacher) and model_start.c (a student) have in common when they make the
 * input of an ONNX file out of what a front end gives. */
#ifndef RT_ONNX_INPUT_H
#define RT_ONNX_INPUT_H

#include "formats/onnx.h"

/* "PATH: input 'NAME' [1,?,80]: WHAT", RT_EMISMATCH. */
int rt_onnx_input_refuse(const char *path, const struct rt_onnx_value *in, const char *what,
                         struct rt_error *e);

#endif
