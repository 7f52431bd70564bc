/* SPDX-License-Identifier: MIT
 * tokenizer_parts: what the files of this room share: the memory of one text on its way, the pieces that it is cut
 * into, tables of words, and one step of the chain as the file asks for it. Inside this room only. */
#ifndef RT_TOKENIZER_PARTS_H
#define RT_TOKENIZER_PARTS_H

#include "formats/jsonread.h"
#include "stages/tokenizer/tokenizer.h"

/* ---- memory of one text: taken, never given back singly ---- */

struct rt_arena {
    struct rt_arena_block *last;
};
void *rt_arena_take(struct rt_arena *a, size_t bytes); /* of any content; NULL = out of memory */
void rt_arena_fini(struct rt_arena *a);

/* ---- text that is written ---- */

struct rt_writer {
    struct rt_arena *arena;
    char *bytes;
    size_t size, room;
    int failed; /* RT_EMEM, RT_ELARGE: all that follows is lost */
};
void rt_write_bytes(struct rt_writer *w, const char *bytes, size_t size);
void rt_write_char(struct rt_writer *w, int32_t c);

/* ---- pieces ---- */

struct rt_span_text {
    const char *bytes; /* valid UTF-8, of the arena or of the caller */
    size_t size;
    int first; /* characters at its beginning that the first one given has become; 0 = it begins further on */
};
struct rt_span_text rt_part_of(const struct rt_span_text *text, size_t start, size_t end);
struct rt_piece {
    struct rt_span_text text;
    int32_t id; /* of the added token that it is; -1 = still text */
};
struct rt_pieces {
    struct rt_arena *arena;
    struct rt_piece *at;
    int count, room;
};
int rt_pieces_add(struct rt_pieces *p, struct rt_span_text text, int32_t id); /* RT_EMEM */

/* Tokens as they come out of a model. */
struct rt_ids {
    struct rt_arena *arena;
    int32_t *at;
    int count, room;
};
int rt_ids_add(struct rt_ids *k, int32_t id); /* RT_EMEM, RT_ELARGE */

/* ---- words and their numbers ----
 * Of any bytes; a word that comes again keeps its last number. */
struct rt_vocab {
    struct rt_vocab_slot *slot;
    char *bytes;
    size_t slots, count, used, room;
    size_t longest; /* bytes of the longest word */
    int32_t last;   /* the largest number */
};
int rt_vocab_put(struct rt_vocab *v, const char *word, size_t size, int32_t id); /* RT_EMEM */
int32_t rt_vocab_find(const struct rt_vocab *v, const char *word, size_t size);  /* -1: it is not there */
void rt_vocab_fini(struct rt_vocab *v);
/* The number of "<0x0A>", the token of a byte. */
int32_t rt_vocab_find_byte(const struct rt_vocab *v, uint8_t byte);

/* ---- the file as it is read ----
 * `place` is where in the file: "normalizer.normalizers[1]". */
struct rt_reading {
    const char *name;
    struct rt_error *e;
    char place[160];
};
/* RT_EFORMAT: "NAME: PLACE: ..." */
int rt_reading_refuse(const struct rt_reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct rt_reading rt_reading_at(const struct rt_reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Refuses all members of o but those in the list, which ends in NULL: what is not known may mean anything. */
int rt_reading_only(const struct rt_reading *r, const json_t *o, const char *const *known);
/* Each leaves *value as it is when the member is not there or null. */
int rt_reading_bool(const struct rt_reading *r, const json_t *o, const char *key, bool *value);
int rt_reading_int(const struct rt_reading *r, const json_t *o, const char *key, int64_t low, int64_t high, int *value);
/* A text, which is the JSON's; size may be NULL, and then it may hold no NUL. */
int rt_reading_text(const struct rt_reading *r, const json_t *o, const char *key, const char **value, size_t *size);
/* Which of the words the member is. */
int rt_reading_word(const struct rt_reading *r, const json_t *o, const char *key, const char *const *words, int count,
                    int *value);

/* ---- patterns ---- */

struct rt_pattern; /* opaque: an expression of PCRE2, or a plain text */
/* The member "pattern" of o: {"String": ...} or {"Regex": ...}. */
int rt_pattern_read(struct rt_pattern **out, const struct rt_reading *r, const json_t *o);
int rt_pattern_create(struct rt_pattern **out, const struct rt_reading *r, const char *expression, size_t size);
void rt_pattern_destroy(struct rt_pattern *p);
/* Characters of words, as \w has them: letters, marks, digits, connectors; one or more of them. */
extern const char rt_pattern_word[], rt_pattern_whitespace[];

struct rt_match {
    size_t start, end;
    bool is; /* it matches; else it lies between two that do */
};
struct rt_matches {
    struct rt_arena *arena;
    struct rt_match *at;
    int count, room;
};
int rt_matches_add(struct rt_matches *m, size_t start, size_t end, bool is); /* RT_EMEM; nothing when empty */
/* All of the text, in order, cut where the pattern matches. RT_EMEM, RT_ERANGE. */
int rt_pattern_find(const struct rt_pattern *p, const char *text, size_t size, struct rt_matches *out);

/* ---- one step of normalising, or of cutting ---- */

enum rt_split { RT_SPLIT_REMOVED, RT_SPLIT_ISOLATED, RT_SPLIT_PREVIOUS, RT_SPLIT_NEXT, RT_SPLIT_CONTIGUOUS };
enum rt_prepend { RT_PREPEND_ALWAYS, RT_PREPEND_NEVER, RT_PREPEND_FIRST };

struct rt_charsmap; /* opaque: the table of Precompiled */

struct rt_step {
    const struct rt_step_kind *kind;
    /* What its kind reads of these; names as in the file. */
    bool clean_text, handle_chinese_chars, strip_accents, lowercase;
    bool strip_left, strip_right;
    bool add_prefix_space, use_regex, individual_digits, split, invert;
    enum rt_split behaviour;
    enum rt_prepend prepend_scheme;
    char *text; /* what is put in, or looked for */
    size_t size;
    struct rt_pattern *pattern;
    struct rt_charsmap *charsmap;
};

struct rt_step_kind {
    const char *name; /* as in the file */
    const char *const *known; /* its members besides "type", ending in NULL */
    int (*read)(struct rt_step *s, const struct rt_reading *r, const json_t *o); /* or NULL */
    /* One of the two. What they give is of the arena. RT_EMEM, RT_ERANGE. */
    int (*normalise)(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text);
    int (*cut)(const struct rt_step *s, const struct rt_span_text *text, struct rt_pieces *out);
};

struct rt_steps {
    struct rt_step *step;
    int count;
};
/* The member `key` of the file, null or absent = no step; its Sequence holds more of them under `list`. */
int rt_steps_read(struct rt_steps *s, const struct rt_reading *r, const json_t *file, const char *key, const char *list,
                  const struct rt_step_kind *kinds, int count);
void rt_steps_fini(struct rt_steps *s);
int rt_steps_normalise(const struct rt_steps *s, struct rt_arena *a, struct rt_span_text *text);
int rt_steps_cut(const struct rt_steps *s, struct rt_arena *a, struct rt_pieces *pieces);
int rt_step_keep_text(struct rt_step *s, const char *text, size_t size); /* RT_EMEM */

extern const struct rt_step_kind rt_normalisers[], rt_pretokenisers[];
extern const int rt_normaliser_count, rt_pretokeniser_count;

/* The 256 letters that stand for bytes (GPT-2's table), and a text in them. */
int32_t rt_byte_letter(uint8_t byte);
void rt_write_byte_letters(struct rt_writer *w, const char *bytes, size_t size);
/* What is punctuation to BERT and its like: ASCII's signs and the categories P. */
bool rt_is_punctuation(int32_t c);

int rt_charsmap_read(struct rt_charsmap **out, const struct rt_reading *r, const char *base64, size_t size);
void rt_charsmap_destroy(struct rt_charsmap *m);
/* RT_EFORMAT: the table is damaged where this text leads. */
int rt_charsmap_write(const struct rt_charsmap *m, const char *text, size_t size, struct rt_writer *w);

/* ---- models ---- */

struct rt_token_model {
    const struct rt_token_model_kind *kind;
    struct rt_vocab vocab;
    int32_t unknown; /* -1: there is none */
    char *prefix, *suffix; /* of parts that continue a word, of those that end one; or NULL */
    bool byte_fallback, fuse_unknown, ignore_merges;
    int longest_word; /* characters */
    struct rt_merges *merges;
    double *score, least; /* of Unigram's pieces: [scores] */
    int scores;
};
struct rt_token_model_kind {
    const char *name;
    const char *const *known;
    int (*read)(struct rt_token_model *m, const struct rt_reading *r, const json_t *o);
    /* A word of at least one byte. RT_EMEM, RT_ELARGE, RT_EMISMATCH. */
    int (*encode)(const struct rt_token_model *m, struct rt_arena *a, const char *word, size_t size,
                  struct rt_ids *out);
};
extern const struct rt_token_model_kind rt_token_model_wordpiece, rt_token_model_wordlevel, rt_token_model_bpe,
    rt_token_model_unigram;
int rt_token_model_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *file);
void rt_token_model_fini(struct rt_token_model *m);
/* The member vocab, an object of words and numbers; and unk_token, which must be in it unless it may be absent. */
int rt_token_model_read_words(struct rt_token_model *m, const struct rt_reading *r, const json_t *o);
int rt_token_model_read_unknown(struct rt_token_model *m, const struct rt_reading *r, const json_t *o);
int rt_token_model_read_affix(char **to, const struct rt_reading *r, const json_t *o, const char *key);
void rt_merges_destroy(struct rt_merges *m);

/* ---- added tokens ---- */

struct rt_added {
    struct rt_added_token *token;
    int count;
    struct rt_pattern *word; /* one character of a word; where a token wants to stand alone */
    int first[2][256]; /* [normalised] the first token that begins with this byte, by length downwards; -1 = none */
    int32_t last;      /* the largest id */
};
int rt_added_read(struct rt_added *d, const struct rt_reading *r, const json_t *file, struct rt_token_model *m,
                  const struct rt_steps *normalisers);
void rt_added_fini(struct rt_added *d);
int32_t rt_added_find(const struct rt_added *d, const char *token);
/* Cuts a text at those that are looked for before (0) or after (1) it was normalised. */
int rt_added_cut(const struct rt_added *d, int normalised, const struct rt_span_text *text, struct rt_pieces *out);

/* ---- what is put around ---- */

struct rt_post {
    struct rt_template *template; /* one behind the other */
    int templates;
    int around;
};
int rt_post_read(struct rt_post *p, const struct rt_reading *r, const json_t *file);
void rt_post_fini(struct rt_post *p);
/* id, type: room for `around` more than count; returns the new count. */
int rt_post_apply(const struct rt_post *p, int32_t *id, int32_t *type, int count);
int32_t rt_post_last_id(const struct rt_post *p);

#endif
