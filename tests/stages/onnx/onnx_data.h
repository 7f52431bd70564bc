/* SPDX-License-Identifier: MIT
 * onnx_data: ONNX's own test data as our structs: a model of any opset, and tensors in files of their
 * own (TensorProto), which are read as the one initialiser of a model made around them. */
#ifndef RT_ONNX_DATA_H
#define RT_ONNX_DATA_H

#include "formats/onnx.h"

/* Reads a model. One of an opset before RT_ONNX_OPSET_MIN is read as of that opset: the operators
 * that are tested there have not changed in between. */
int onnx_data_model(struct rt_onnx **out, const char *path, struct rt_error *e);
/* The model's initializer[0] is the tensor. */
int onnx_data_tensor(struct rt_onnx **out, const char *path, struct rt_error *e);
/* Calls use with each node's operator. */
int onnx_data_operators(const char *path, void (*use)(void *self, const char *op), void *self);

#endif
