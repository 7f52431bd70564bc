/* SPDX-License-Identifier: MIT
 * safetensors: named tensors and text metadata in one file; models and checkpoints.
 * Layout: u64 little-endian header length N (<= 100 MB), N bytes of JSON
 * {"__metadata__": {"key": "text", ...}, "name": {"dtype": "F32", "shape": [..],
 * "data_offsets": [begin, end]}, ...}, then the data, without gaps or overlaps.
 * The JSON is read with jansson, written sorted by name and padded with spaces to a multiple of 8;
 * the data lies widest dtype first, then by name: aligned, and equal contents are equal bytes.
 * Limits: rank RT_TENSOR_RANK, the dtypes of dtypes.def, 64 GiB. F16 is read as F32, and written where it was read or
 * asked for. */
#ifndef RT_SAFETENSORS_H
#define RT_SAFETENSORS_H

#include "formats/error.h"
#include "formats/tensor.h"

struct rt_safetensors; /* opaque: a set of tensors and metadata, built by add or read */

int rt_safetensors_create(struct rt_safetensors **out);
void rt_safetensors_destroy(struct rt_safetensors *s);

/* Copies t under name; RT_EUSAGE when the name is taken, empty, "__metadata__" or not UTF-8. */
int rt_safetensors_add(struct rt_safetensors *s, const char *name, const struct rt_tensor *t);
/* Sets or replaces; RT_EUSAGE when key or text is not UTF-8. */
int rt_safetensors_set_text(struct rt_safetensors *s, const char *key, const char *text);

/* Notes what the set holds now, as a text of this name: whoever reads the file is told if it is not that any more
 * (RT_ECHECKSUM). The last thing before it is written; again after any change. RT_EMEM. */
#define RT_SAFETENSORS_DIGEST "retort.digest"
#define RT_SAFETENSORS_DIGEST_SIZE 17 /* hexadecimal digits, with the end */
int rt_safetensors_seal(struct rt_safetensors *s);

/* An F32 tensor of the set goes into files as F16 from now on; its values in the set become those that come back.
 * RT_ERANGE, and nothing changes: a finite value is beyond half precision. RT_EUSAGE: no such F32 tensor. RT_EMEM. */
int rt_safetensors_halve(struct rt_safetensors *s, const char *name);
/* Written to PATH.tmp, fsync'ed, renamed, folder fsync'ed: never half a file under PATH. */
int rt_safetensors_write(const struct rt_safetensors *s, const char *path, struct rt_error *e);

/* RT_EMISSING, RT_EFORMAT (name and offset of what is wrong), RT_ECHECKSUM (sealed, and changed since), RT_ELARGE,
 * RT_EMEM. */
int rt_safetensors_read(struct rt_safetensors **out, const char *path, struct rt_error *e);
int rt_safetensors_parse(struct rt_safetensors **out, const void *bytes, size_t size,
                         const char *name, struct rt_error *e);

/* Owned by s; NULL when absent. */
const struct rt_tensor *rt_safetensors_get(const struct rt_safetensors *s, const char *name);
const char *rt_safetensors_text(const struct rt_safetensors *s, const char *key);
int rt_safetensors_count(const struct rt_safetensors *s);
/* i-th tensor in name order, NULL when there is none; name may be NULL. */
const struct rt_tensor *rt_safetensors_at(const struct rt_safetensors *s, int i, const char **name);

#endif
