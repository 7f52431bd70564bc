/* SPDX-License-Identifier: MIT
 * trunk_text: the part of a trunk (trunk.h) that reads texts: a network of the kind of BERT or of CLIP's text tower,
 * with inputs of whole numbers by their usual names, and the tokenizer that it was trained with. Texts run in buckets
 * of one length (their own, rounded up where the network has a mask that hides what fills it up), and an embedding does
 * not depend on its neighbours (frozen_shapes.h). Any thread runs it, each through an execution of its own. */
#ifndef RT_TRUNK_TEXT_H
#define RT_TRUNK_TEXT_H

#include "formats/onnx.h"
#include "formats/recipe_teacher.h"
#include "stages/modality/front.h"

struct rt_bags;
struct rt_trunk_text;      /* opaque */
struct rt_trunk_text_exec; /* opaque */

/* Does the file read texts: has it an input that is called as ids of tokens are, of whole numbers? */
bool rt_trunk_text_reads(const struct rt_onnx *m);
/* Whether its classifier is looked for: only behind an output called logits. */
bool rt_trunk_text_has_logits(const struct rt_onnx *m);
/* The output to take where no setting names one. */
const char *rt_trunk_text_output(const struct rt_onnx *m);

/* m is borrowed as long as *out lives. RT_EMISMATCH: an input that texts do not have;
 * RT_EMISSING: no tokenizer.json; RT_EUSAGE: settings that do not fit; what reading a
 * tokenizer fails with. */
int rt_trunk_text_open(struct rt_trunk_text **out, const struct rt_onnx *m, const struct rt_teacher_settings *s,
                       struct rt_error *e);
/* embedding: the value that is wanted. Once. front: its text is set; dim: of what comes out. RT_EMISMATCH, and as
 * rt_frozen_create. */
int rt_trunk_text_freeze(struct rt_trunk_text *t, const char *embedding, struct rt_front *front, int *dim,
                         struct rt_error *e);
void rt_trunk_text_close(struct rt_trunk_text *t);
/* "texts of up to 512 tokens (WordPiece of PATH), ..., mean over tokens": for people, and part of the key. */
void rt_trunk_text_describe(const struct rt_trunk_text *t, char *text, size_t size);
/* Which tokenizer, and by what the pooling is known, for people. */
void rt_trunk_text_words(const struct rt_trunk_text *t, char *text, size_t size);

int rt_trunk_text_exec_create(struct rt_trunk_text_exec **out, const struct rt_trunk_text *t);
void rt_trunk_text_exec_destroy(struct rt_trunk_text_exec *x);
/* Texts as the ids and types of their tokens (rt_modality_tokens) -> embedding[count, dim]. RT_ELARGE: more tokens than
 * the network takes; RT_ERANGE: an id that it has no vector for; RT_EMEM. */
int rt_trunk_text_run(struct rt_trunk_text_exec *x, int count, const struct rt_bags *bags, float *embedding,
                      struct rt_error *e);

#endif
