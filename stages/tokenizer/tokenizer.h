/* SPDX-License-Identifier: MIT
 * tokenizer: text -> the numbers of its tokens, as a file tokenizer.json says (Hugging Face's format, which trained
 * text encoders are published with). The file is a chain, and so is this room: added tokens are found in the text
 * (added.c), the rest is normalised (normalise.c, charsmap.c) and cut into words (pretokenise.c), words become tokens
 * (wordpiece.c, bpe.c, unigram.c), and tokens for the beginning and the end are put around them (postprocess.c).
 * What is known is done exactly, all else is refused by its name and place in the file: a tokenizer that is nearly
 * right gives a teacher that is wrong in silence. Known are
 *   normalizer      BertNormalizer, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Lowercase, StripAccents, Strip, Replace,
 *                   Prepend, ByteLevel, Sequence
 *   pre_tokenizer   BertPreTokenizer, ByteLevel, Metaspace, Whitespace, WhitespaceSplit, Split, Punctuation, Digits,
 *                   CharDelimiterSplit, Sequence
 *   model           WordPiece, BPE (without dropout), Unigram, WordLevel
 *   post_processor  TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence
 * Regular expressions are PCRE2's; what means another thing there than in the format is refused.
 * Read only once opened: any thread, any number at once. */
#ifndef RT_TOKENIZER_H
#define RT_TOKENIZER_H

#include "formats/error.h"
#include "formats/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_TOKENIZER_FILE_MAX ((size_t)1 << 28) /* bytes of a tokenizer.json */
#define RT_TOKENIZER_ID_MAX (1 << 24)           /* ids are below */
#define RT_TOKENIZER_TEXT_MAX ((size_t)1 << 22) /* bytes of one text */

struct rt_tokenizer; /* opaque */

/* Of one text. */
struct rt_tokens {
    int count;
    int32_t *id;   /* [count] */
    int32_t *type; /* [count] token_type_ids */
    bool cut;      /* it was longer than it may be */
};

/* Tokens that fill a row up, and where; as the file says, or guessed from its tokens' names. */
struct rt_token_padding {
    int32_t id, type;
    bool left;    /* in front of the text */
    int multiple; /* lengths are brought to a multiple of this; 1 = any */
    int fixed;    /* every text has this length; 0 = not */
};

/* RT_EMISSING, RT_EFORMAT (not JSON; no tokenizer.json; what it asks for is not known: *e says where), RT_ELARGE,
 * RT_ERANGE, RT_EMEM. */
int rt_tokenizer_open(struct rt_tokenizer **out, const char *path, struct rt_error *e);
/* The same from bytes in memory; name stands for the file in messages. */
int rt_tokenizer_read(struct rt_tokenizer **out, const char *json, size_t size, const char *name,
                      struct rt_error *e);
void rt_tokenizer_close(struct rt_tokenizer *t);

/* text: any bytes; those that are no UTF-8 are refused by place (RT_EFORMAT). longest: the most tokens, with those
 * around it, 0 = as the file says (its truncation), which counts if it is less, too. *out is empty after a failure,
 * else rt_tokens_fini frees it; it may have no tokens at all. RT_ELARGE, RT_EMEM; RT_EMISMATCH: a character that the
 * vocabulary has no token for, not even an unknown one; RT_ERANGE: an expression gave up on this text. */
int rt_tokenizer_encode(const struct rt_tokenizer *t, const char *text, size_t size, int longest,
                        struct rt_tokens *out, struct rt_error *e);
void rt_tokens_fini(struct rt_tokens *k);

int rt_tokenizer_longest(const struct rt_tokenizer *t); /* of its truncation; 0 = none */
int rt_tokenizer_around(const struct rt_tokenizer *t);  /* tokens that are put around a text */
struct rt_token_padding rt_tokenizer_padding(const struct rt_tokenizer *t);
int32_t rt_tokenizer_id(const struct rt_tokenizer *t, const char *token); /* -1: it has no such token */
int32_t rt_tokenizer_last_id(const struct rt_tokenizer *t);               /* the largest that it may give */
const char *rt_tokenizer_kind(const struct rt_tokenizer *t);              /* "WordPiece", ... */
/* Of the file's bytes: two tokenizers with the same one give the same tokens. */
struct rt_hash128 rt_tokenizer_hash(const struct rt_tokenizer *t);

#endif
