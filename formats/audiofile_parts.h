/* SPDX-License-Identifier: MIT
 * audiofile_parts: what audiofile.c and its decoders (audiofile_sndfile.c, _mp3.c, _av.c) share. */
#ifndef RT_AUDIOFILE_PARTS_H
#define RT_AUDIOFILE_PARTS_H

#include "formats/audiofile.h"
#include <stdint.h>

/* The file being decoded (of a chained Ogg file, one link of it), and what its decoder found. */
struct rt_recording {
    const uint8_t *bytes; /* NULL: read by `disk` where they are needed; only of readers that can seek */
    size_t size;
    const struct rt_input *disk;
    const char *name;
    struct rt_error *e;
    int rate, channels; /* of the file; checked by audiofile.c */
    int64_t promised;   /* frames that the file says it holds; -1 = it does not say */
    size_t unsized;     /* offset of the WAV size that says 0 though sound follows; 0 = none */
    void *decoder;      /* the decoder's own */
};

/* A kind of file. open fills rate, channels and promised. read gives up to `count` frames [count,
 * channels], full scale +-1; 0 at the end, RT_E... with *e filled when the file is damaged. close
 * comes after every open, also one that failed. seek: what is read next begins at this frame, which the file has;
 * exactly, and as if all before it had been read; -1 where the kind cannot. NULL: none can. link_end: where the
 * recording that begins at `at` ends and the next one in the same file begins; size for the last. NULL: a file is one
 * recording. */
struct rt_audio_reader {
    int (*open)(struct rt_recording *r);
    int64_t (*read)(struct rt_recording *r, float *frames, int64_t count);
    void (*close)(struct rt_recording *r);
    int (*seek)(struct rt_recording *r, int64_t frame);
    size_t (*link_end)(const uint8_t *bytes, size_t size, size_t at);
};

extern const struct rt_audio_reader rt_audio_sndfile, rt_audio_mp3, rt_audio_av;

#endif
