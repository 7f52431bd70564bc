/* SPDX-License-Identifier: MIT
 * onnx_front: which front end another program's ONNX file wants, and how that is known: from the recipe, from the
 * metadata that sherpa-onnx's exporters write, or not at all. A file's graph does not say it, and a wrong guess gives
 * a network that answers nonsense without an error. */
#ifndef RT_ONNX_FRONT_H
#define RT_ONNX_FRONT_H

#include "formats/onnx.h"
#include "formats/recipe_front.h"

#define RT_ONNX_FRONT_WORDS 400

/* What the file reads, as far as metadata or a preset say it; -1 = they do not. */
int rt_onnx_front_modality(const struct rt_onnx *o, enum rt_front_id preset);
/* *s: what the recipe says; filled from the file's metadata, then from the preset, but for what only the input's shape
 * can tell (size and bands, where the file fixes them). words: which preset, and by what it was recognised, for people.
 * section stands for the settings in messages ("teacher"). RT_EUSAGE: nothing says it, and it has to be said;
 * RT_EMISMATCH: metadata that no front end fits. */
int rt_onnx_front(struct rt_front_settings *s, const struct rt_onnx *o, const char *file, const char *section,
                  enum rt_modality_id modality, char words[RT_ONNX_FRONT_WORDS], struct rt_error *e);

#endif
