/* SPDX-License-Identifier: MIT
 * decode: first stage: sample numbers -> network inputs. Several batches at once.
 *
 * TRAIN and EVAL batches get, for each role ("student", "teacher", "model"):
 *   ROLE.rows    I32 [k]     positions in the batch that have this input, ascending
 *   ROLE.input   F32 [k, shape...]   dense modalities; with several views of a sample (views.h) [k * views, shape...],
 *                a sample's behind one another; of whole recordings [frames of all, bands] and
 *   ROLE.length  I32 [k]             the frames of each
 *   ROLE.offset  I32 [k + 1], ROLE.bucket I32 [nnz], ROLE.weight F32 [nnz]   text
 * A sample whose required input is unusable is dropped from the batch; another input that is unusable is
 * noted as a drop of that modality and just missing from ROLE.rows.
 * SCORE batches get raw.MODALITY.POSITION (raw tensors) for samples that the quality store does not
 * know, and the content keys are filled in. */
#ifndef RT_DECODE_H
#define RT_DECODE_H

#include "pipeline/flow/stage.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/datafile.h"
#include "pipeline/data/store.h"
#include "stages/modality/modality.h"
#include "stages/modality/raw.h"
#include "stages/modality/views.h"

#define RT_DECODE_INPUTS RT_MODALITIES

struct rt_decode_input {
    const char *role;
    const struct rt_modality *modality;
    const struct rt_front *front; /* NULL in a scoring pass without feature cache */
    struct rt_store *features;    /* cache of features' results, or NULL */
    struct rt_store *raw;         /* of what is augmented before features are made of it, or NULL */
    bool required;
    bool augment; /* in TRAIN batches */
    struct rt_views views; /* in EVAL batches, and where nothing is augmented in all; cleared = one, as in training */
    /* false: nobody needs this row's input now (its outputs are cached). NULL = always needed. */
    bool (*wanted)(void *self, int row);
    void *wanted_self;
};

struct rt_decode {
    struct rt_dataset *dataset;
    struct rt_datafiles *sources; /* what is known of its files, or NULL */
    struct rt_content *content;
    struct rt_store *quality; /* SCORE: measures known by content, or NULL */
    struct rt_decode_input input[RT_DECODE_INPUTS];
    int inputs;
    /* Puts what update `step` is augmented with into *a, which holds the front end's own; NULL: leave that. */
    void (*augment)(void *self, int64_t step, struct rt_augment *a);
    void *augment_self;
    uint64_t seed;
    int level; /* zstd */
    int strict; /* a bad sample ends the run */
    bool shared; /* others scored samples, too: a file that is not the one they read ends the run */
    struct rt_fbank *fbank[RT_DECODE_INPUTS]; /* of its open and close: what all samples' features are made with */
};

/* self is a struct rt_decode, unchanged while the run goes on. */
extern const struct rt_stage_ops rt_stage_decode;

#endif
