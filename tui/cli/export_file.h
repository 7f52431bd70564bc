/* SPDX-License-Identifier: MIT
 * export_file: a model as one file for others: .safetensors for retort, .onnx for other programs. Main thread. */
#ifndef RT_EXPORT_FILE_H
#define RT_EXPORT_FILE_H

#include "stages/model/model.h"

/* Whether the name's ending says a kind that can be written so. RT_EUSAGE. */
int rt_export_check(const char *output, bool half, struct rt_error *e);
/* Writes m. half: matrices and kernels in half precision, of a .safetensors file. RT_E... with the file. */
int rt_export_model(struct rt_model *m, const char *output, bool half, struct rt_error *e);

#endif
