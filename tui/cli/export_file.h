/* SPDX-License-Identifier: MIT
 * export_file: a model as one file for others: .safetensors for retort, .onnx for other programs. Main thread. */
#ifndef RT_EXPORT_FILE_H
#define RT_EXPORT_FILE_H

#include "stages/model/model_onnx.h"

/* Whether the name's ending says a kind that can be written so: weights in 8 bits need .onnx. RT_EUSAGE. */
int rt_export_check(const char *output, enum rt_onnx_weights weights, struct rt_error *e);
/* Writes m. HALF: matrices and kernels in half precision. RT_E... with the file. */
int rt_export_model(struct rt_model *m, const char *output, enum rt_onnx_weights weights, struct rt_error *e);

#endif
