/* SPDX-License-Identifier: MIT
 * sample_preview: what a sample is, to be looked at: its recording, picture and text, read from the
 * files of the manifest. Read by another thread, so that no slow file holds up a key: asked for again
 * and again, it is there some time later. */
#ifndef RT_SAMPLE_PREVIEW_H
#define RT_SAMPLE_PREVIEW_H

#include "pipeline/data/dataset.h"

#define RT_SAMPLE_COLUMNS 1024 /* of a waveform */

/* One modality of the sample. */
struct rt_sample_part {
    bool there;      /* the manifest has a cell for it */
    char path[4352]; /* of its file; "" = it has none */
    char error[1000]; /* why it cannot be shown, "" = it can */
    char *text;      /* the text itself, owned */
    uint8_t *rgb;    /* [h][w][3] the picture, or the log-mel spectrogram with the low bands below, owned */
    int w, h;
    float low[RT_SAMPLE_COLUMNS], high[RT_SAMPLE_COLUMNS]; /* of the waveform, full scale +-1 */
    int columns;
    double seconds; /* of speech */
};

struct rt_sample_preview_work; /* opaque: the thread and what it has read */
struct rt_sample_preview {
    struct rt_sample_preview_work *work; /* NULL = never asked */
};

/* The parts of this row, by modality, or NULL while they are being read. manifest: the run's; id: the
 * sample's, which must be that of the row there. The parts stand until the next call. */
const struct rt_sample_part *rt_sample_preview_of(struct rt_sample_preview *p, const char *manifest, int row,
                                                  const char *id);
/* Something has been read since the last call of rt_sample_preview_of. */
bool rt_sample_preview_news(const struct rt_sample_preview *p);
/* Waits for nothing: a thread that hangs on a file ends by itself or with the process. */
void rt_sample_preview_fini(struct rt_sample_preview *p);

#endif
