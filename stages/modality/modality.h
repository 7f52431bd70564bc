/* SPDX-License-Identifier: MIT
 * modality: the contract of speech, image and text: bytes -> raw -> features -> network input,
 * and the measures of their quality. One file and one vtable each; the list is rt_modalities below.
 *
 *   load      input: a file or a part of it (text: the cell itself) -> raw: speech F32 [samples] at 16 kHz; image U8
 *             [height, width, 3]; text U8 [bytes] of valid UTF-8
 *   alters    whether augment would change a sample with these random numbers; rng goes on as far as augment draws
 *             then; rng NULL: whether it changes any
 *   augment   raw -> raw, in place, for training only, when alters says so (noise, rooms, speed, gain); row: of the
 *             sample, so that it is not mixed with itself; both are NULL where nothing is ever done to raw
 *   features  raw -> base, deterministic, cached on disk: speech F32 [frames, bands] log-mel of the
 *             trimmed recording, not yet normalised; image U8 [size, size, 3]; text I32 [n, 2]
 *             pairs (bucket, count) sorted by bucket
 *   present   base -> one row of the network's input, cropped, padded, normalised, augmented when
 *             rng is not NULL: speech [frames, bands] mean-normalised; image [size, size, 3] in
 *             -2 to 2; text: bag of (bucket, weight), see rt_bag
 *   measure   raw, and what `load` saw of the file (NULL: unknown, then raw stands for it) ->
 *             values[measures]; NaN where this sample does not let one be taken
 * All are pure functions of their arguments: any thread, any number at once. They return 0 or the
 * RT_E... that names why the sample is unusable, and fill *e. Channels come last everywhere. */
#ifndef RT_MODALITY_H
#define RT_MODALITY_H

#include "formats/input.h"
#include "formats/tensor.h"
#include "formats/rng.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/key.h"
#include "stages/modality/front.h"

/* How a value becomes a percentile in 0..1: fraction of measured samples that are no better. */
enum rt_better { RT_HIGHER, RT_LOWER, RT_MIDDLE /* far from the median on either side is worse */ };

/* How good a value is by itself, whatever else is in the data set: nothing at `bad`, all at `good`, a line between;
 * it falls where bad > good. Both 0 = no side. Where both ends are bad there are two sides. */
struct rt_knee_side {
    double bad, good;
};
struct rt_knee {
    struct rt_knee_side side[2];
};
#define RT_NO_KNEE {{{0, 0}, {0, 0}}} /* nobody has shown yet which values are good */

struct rt_measure {
    const char *name; /* unique over all modalities: "snr", "sharpness", "length" */
    const char *unit;
    enum rt_better better;
    const char *help;
    struct rt_knee knee;
};

/* A measure below which load did what people should know: told once, with how many samples. */
struct rt_reading_note {
    const char *measure; /* NULL: there is none */
    double below;
    const char *words; /* behind "N samples: " */
};
#define RT_MEASURES_MAX 12 /* of one modality */
#define RT_SOURCE_MAX 4    /* numbers that load hands to measure */

/* A sparse row: weight of each bucket; l2-normalised. */
struct rt_bag {
    int count;
    int32_t *bucket; /* [count] malloc'ed, or of the front end's work */
    float *weight;   /* [count] the same */
};

struct rt_modality {
    const char *name;
    enum rt_modality_id id;
    bool quick; /* a sample is loaded, measured and made features of before a cache would have answered: it has none */
    /* The part of the input that its extent names. source: [RT_SOURCE_MAX] is filled with what the file's own samples
     * say and raw no longer shows, for measure; NULL: nobody asks. */
    int (*load)(const struct rt_input *in, struct rt_tensor *raw, double *source, struct rt_error *e);
    bool has_source; /* false: raw shows everything, load fills no source */
    bool (*alters)(const struct rt_front *f, struct rt_rng *rng);
    int (*augment)(const struct rt_front *f, int row, struct rt_tensor *raw, struct rt_rng *rng, struct rt_error *e);
    int (*features)(const struct rt_front *f, const struct rt_tensor *raw, struct rt_tensor *base,
                    struct rt_error *e);
    /* Text that fixes what features computes: part of the cache key. Empty: not worth keeping. */
    void (*features_key)(const struct rt_front *f, char *text, size_t size);
    /* Dense input: shape of one row without the batch; rank 0 = a bag. */
    int (*shape)(const struct rt_front *f, int64_t dim[3]);
    int (*present)(const struct rt_front *f, const struct rt_tensor *base, struct rt_rng *rng,
                   float *out); /* dense modalities */
    int (*present_bag)(const struct rt_front *f, const struct rt_tensor *base, struct rt_rng *rng,
                       struct rt_bag *out); /* text */
    int (*measure)(const struct rt_tensor *raw, const double *source, double *value,
                   struct rt_error *e);
    const struct rt_measure *measures;
    int measure_count;
    struct rt_reading_note note;
    /* Raised when load makes something else of the same bytes: part of the content key, so that nothing kept
     * from before is taken for it. */
    uint64_t reading;
    /* Raised when a measure's meaning changes: part of the key that measures are kept under. */
    int measures_version;
};

/* By rt_modality_id. */
extern const struct rt_modality *const rt_modalities[RT_MODALITIES];
/* The measure of this name and, unless NULL, whose it is; NULL = none has it. */
const struct rt_measure *rt_measure_find(const char *name, enum rt_modality_id *modality);
extern const struct rt_modality rt_modality_speech, rt_modality_image, rt_modality_text;
/* Texts for another program's network: base is I32 [n, 2], the id and the type of each token of the front end's
 * tokenizer, in their order; a bag has the id as bucket and the type as weight. Else as text, whose id it has. */
extern const struct rt_modality rt_modality_tokens;
/* raw of texts: a row of bytes that are UTF-8. RT_EMISMATCH, RT_EFORMAT. */
int rt_text_check(const struct rt_tensor *raw, struct rt_error *e);
/* The measures of a text that is not empty, whoever reads it. */
void rt_text_measure(const struct rt_tensor *raw, double *value);
/* Is the text longer than that tokenizer's most tokens, so that its end is cut off? */
bool rt_tokens_cut(const struct rt_front *f, const struct rt_tensor *raw);

/* Key of a sample's measures in the quality store, from the key of its content. */
struct rt_key128 rt_modality_measures_key(const struct rt_modality *m, struct rt_key128 content);

/* The end of a load(): a copy of `decoded` as raw, when it passes the modality's own check. On
 * failure *raw is empty and *e begins with `name`. */
int rt_modality_raw(struct rt_tensor *raw, const struct rt_tensor *decoded,
                    int (*check)(const struct rt_tensor *raw, struct rt_error *e), const char *name,
                    struct rt_error *e);

#endif
