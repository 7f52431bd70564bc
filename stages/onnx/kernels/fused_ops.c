/* SPDX-License-Identifier: MIT
 * fused_ops: the table of fused_ops.def; see fused.h. */
#include "stages/onnx/kernels/fused.h"

#define RT_FUSED(kernel, type) extern const struct rt_kernel rt_kernel_##kernel;
#include "stages/onnx/kernels/fused_ops.def"
#undef RT_FUSED

const struct rt_kernel_op rt_fused_op[RT_FUSED_OPS] = {
#define RT_FUSED(kernel, type) {type, 1, INT32_MAX, &rt_kernel_##kernel, 0, ""},
#include "stages/onnx/kernels/fused_ops.def"
#undef RT_FUSED
};
