/* SPDX-License-Identifier: MIT
 * onnx_parts: what the files onnx*.c share among themselves. The only header besides onnx_read.c and
 * onnx_write.c that knows the generated protobuf code; nobody else includes it. */
#ifndef RT_ONNX_PARTS_H
#define RT_ONNX_PARTS_H

#include "formats/onnx.h"
#include <onnx.pb-c.h> /* generated from onnx.proto into the build folder */

/* Where a message comes from, for what is refused in it. */
struct rt_onnx_source {
    const char *name;   /* of the file */
    const char *folder; /* of external data, or NULL */
    struct rt_error *e;
};

/* Walks the bytes of a message before anything is allocated for it: lengths, depth, text, parts
 * given twice, number of things. protobuf-c recurses without a limit and merges parts given twice. */
int rt_onnx_scan(const uint8_t *bytes, size_t size, const struct rt_onnx_source *source);

/* One tensor, its data from wherever it lies; who: "initialiser 'w'", for messages. */
int rt_onnx_take_tensor(struct rt_tensor *t, const Onnx__TensorProto *p, const char *who,
                        const struct rt_onnx_source *source);
/* Makes rt_onnx_initializer quick. */
int rt_onnx_index(struct rt_onnx *o, const char *name, struct rt_error *e);
/* "FLOAT", ...; "type 99" of a number that is none. */
const char *rt_onnx_type_name(int64_t type, char buffer[32]);

/* "node 'conv1' (Conv, opset 13)" */
#define RT_ONNX_WHO 200
const char *rt_onnx_who(char buffer[RT_ONNX_WHO], const struct rt_onnx_node *n, int opset);

#endif
