/* SPDX-License-Identifier: MIT
 * raw: a sample's raw form (modality.h), from its file, or from what was decoded before and kept. Any thread. */
#ifndef RT_RAW_H
#define RT_RAW_H

#include "pipeline/data/datafile.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/store.h"
#include "stages/modality/modality.h"

/* Content keys of every usable sample's bytes, by modality and row; zero = not known yet. Written by
 * the scoring pass (each row by one worker), read afterwards. */
struct rt_content {
    struct rt_key128 *key[RT_MODALITIES]; /* [rows] or NULL */
    bool *cut;                            /* [rows] its text is longer than a model reads (rt_session.tokens) */
};
int rt_content_init(struct rt_content *c, int rows);
void rt_content_fini(struct rt_content *c);
/* That of a sample of this modality. RT_EIO. */
int rt_content_key(struct rt_datafile *f, const struct rt_modality *m, struct rt_key128 *key, struct rt_error *e);

/* All borrowed. */
struct rt_raw_source {
    const struct rt_dataset *dataset;
    struct rt_datafiles *files; /* what is known of its files, or NULL */
    const struct rt_content *content;
    struct rt_store *kept; /* of samples that are augmented before features are made of them, or NULL */
    int level;             /* zstd */
};

/* The row's file, or the part of it; of texts the cell. */
int rt_raw_open(const struct rt_raw_source *from, const struct rt_modality *m, int row, struct rt_datafile *s,
                struct rt_error *e);
/* What m->load makes of the row, bit for bit, whether it was kept or not; the caller's. As m->load, and RT_ECHANGED
 * when the file is another one than the one whose key is known. */
int rt_raw_load(const struct rt_raw_source *from, const struct rt_modality *m, int row, struct rt_tensor *raw,
                struct rt_error *e);
/* For later calls of rt_raw_load; key: of its content. store may be NULL; a full disk only costs time. */
void rt_raw_keep(struct rt_store *store, struct rt_key128 key, const struct rt_tensor *raw, int level);
/* What rt_raw_keep kept, from its frame; the caller's. RT_EMISSING: it is no such thing; RT_EMEM, RT_EFORMAT. */
int rt_raw_unpack(const struct rt_frame *f, const struct rt_modality *m, struct rt_tensor *raw);

#endif
