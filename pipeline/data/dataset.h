/* SPDX-License-Identifier: MIT
 * dataset: what a run makes of a manifest: classes, splits, which labels may be used, which samples
 * are bad. Immutable, except for reason[], which the scoring pass fills, before training starts. */
#ifndef RT_DATASET_H
#define RT_DATASET_H

#include "formats/choice.h"
#include "formats/manifest.h"
#include <stdbool.h>
#include <stdint.h>

enum rt_split { RT_TRAIN, RT_VALID, RT_TEST, RT_SPLITS };
/* Modalities (formats/choice.h) are manifest columns. */
extern const char *const rt_split_names[RT_SPLITS];

struct rt_dataset {
    struct rt_manifest *manifest; /* owned */
    int count;                    /* rows */
    int classes;
    const char **class_name; /* [classes] sorted by byte order, owned array */
    int *truth;              /* [count] class, -1 = no label in the manifest, or none of the classes */
    int strangers;           /* labels that are none of the classes: of other splits, or unknown to the model */
    const char **stranger_name; /* [strangers] in the order of rows, owned array */
    int *named;              /* [count] as truth, but stranger k is classes + k */
    int *label;              /* [count] class the run may use; -1 = missing or hidden */
    uint8_t *split;          /* [count] enum rt_split */
    float *weight;           /* [count] the manifest's, which multiplies what people set by hand */
    int8_t *reason[RT_MODALITIES]; /* [count] 0 = usable, RT_EMISSING = cell empty, else why not */
    int column[RT_MODALITIES];     /* manifest column or -1 */
};

/* Loads the manifest, fixes the classes (all labels of the training split unless class_name is given: a
 * model's own classes, copied, in their order; a label not among the classes gives truth -1), hides
 * labels (a fraction of each class, rounded up, at least one kept per class). Which ones follows from (seed,
 * id) alone, not from the order of rows, and a larger fraction keeps all that a smaller one keeps.
 * Hidden are training labels only: validation and test keep theirs. On failure *d is empty. As
 * rt_manifest_load; RT_ERANGE for a fraction outside 0..1; RT_EUSAGE when a class is named twice. */
int rt_dataset_load(struct rt_dataset *d, const char *manifest, double labels, uint64_t seed,
                    const char *const *class_name, int classes, struct rt_error *e);
void rt_dataset_fini(struct rt_dataset *d);

/* A modality's cell for a row: a path made absolute with the manifest's folder, or the text itself.
 * Returns text or a pointer to buffer; "" when missing. A path longer than size is cut. */
const char *rt_dataset_source(const struct rt_dataset *d, int row, int modality, char *buffer,
                              size_t size);
/* Rows of a split whose modality is usable, in manifest order, malloc'ed; *count set.
 * need_label: only rows with a usable label. */
int rt_dataset_rows(const struct rt_dataset *d, int split, int modality, bool need_label, int **rows,
                    int *count);

#endif
