/* SPDX-License-Identifier: MIT
 * retort: a trained model in your own program, forward only. `pkg-config --cflags --libs retort`.
 *
 *     struct retort *r;
 *     struct retort_answer a = {0};
 *     struct retort_error e;
 *     if (retort_open(&r, "words.safetensors", NULL, &e) || retort_file(r, "word.wav", &a, &e))
 *         return fprintf(stderr, "%s\n", e.text), 1;
 *     printf("%s %.3f\n", retort_label(r, a.label), a.probability);
 *     retort_close(r);
 *
 * A call returns 0 or a negative RETORT_E..., and then *e (which may be NULL) says in a sentence what is wrong. Nothing
 * here writes to a terminal, ends the process, or keeps a pointer that it was given.
 *
 * Threads: any thread may use any handle; calls on one handle wait for each other. To answer at the same time, give
 * each thread a handle of its own (retort_clone), which shares the weights.
 *
 * Memory: a handle keeps what a call worked in. Once it has answered a sample, a sample no larger needs no allocation:
 * samples at 16 kHz, pixels, and text; libsoxr allocates for other rates, and the readers of files do. A network that
 * sees whole recordings (about.seconds is 0) is planned anew for a recording of another length than the last one's. */
#ifndef RETORT_H
#define RETORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct retort; /* a model that was opened, opaque */

enum retort_code {
    RETORT_OK = 0,
    RETORT_EMEM = -1,        /* out of memory */
    RETORT_EIO = -2,         /* a file could not be read */
    RETORT_EMISSING = -4,    /* no such file */
    RETORT_EFORMAT = -5,     /* not what it should be, damaged or cut short */
    RETORT_EEMPTY = -7,      /* nothing in it: no sample, no letter */
    RETORT_ESHORT = -8,      /* less than 100 ms */
    RETORT_ESILENT = -9,     /* nothing above -70 dBFS */
    RETORT_ENOTFINITE = -10, /* NaN or infinite: a sample, or what the network gave */
    RETORT_ESMALL = -11,     /* fewer than 2 x 2 pixels */
    RETORT_ELARGE = -12,     /* more than is read: an hour, 64 million pixels */
    RETORT_EBLANK = -13,     /* a picture of one colour */
    RETORT_ERANGE = -14,     /* an argument outside its range */
    RETORT_EUSAGE = -15,     /* a setting that does not exist */
    RETORT_EMISMATCH = -16   /* parts of the model, or model and sample, do not fit */
};

struct retort_error {
    int code;
    char text[1000]; /* one sentence, no line feed at its end */
};

/* ---- a model ---- */

struct retort_options {
    int threads; /* that share one call, 1 to 64; 0 = 1. A network too small to gain stays on the caller's */
    int cropped; /* speech, not 0: of a recording the length that it was trained with, from the middle, also where the
                  * network takes any length: every answer then takes the same time */
    /* Of another program's ONNX file: how it is read, as `retort eval -s` takes it:
     * {"teacher.front.preset=imagenet", NULL}; or NULL. */
    const char *const *settings;
};

/* path: a run folder, a .safetensors file that retort wrote, or an .onnx file, of retort or of another program.
 * options: NULL = one thread. Takes as long as reading the weights and laying them out. */
int retort_open(struct retort **out, const char *path, const struct retort_options *options, struct retort_error *e);
/* One more handle on the same weights, for another thread; each is closed. */
int retort_clone(struct retort **out, struct retort *r, struct retort_error *e);
void retort_close(struct retort *r); /* NULL is fine; no call may be under way */

enum retort_input { RETORT_SPEECH, RETORT_IMAGE, RETORT_TEXT };

struct retort_about {
    enum retort_input input;
    int embedding;       /* numbers in an embedding */
    int classes;         /* 0: it gives embeddings alone */
    double seconds;      /* speech: what it sees of a recording, from its middle, shorter ones are padded; 0 = all, of
                          * one longer than 5 minutes the middle 5 */
    int rate;            /* speech: Hz; samples of another rate are resampled to it */
    int width, height;   /* pictures: pixels that they are fitted into */
    int64_t weights;     /* numbers that were trained */
    const char *network; /* "resnet", ...; "ONNX" for another program's; lasts as long as the handle */
    const char *read;    /* another program's file: what was read and guessed of it, for people; else NULL */
    const char *front;   /* the same of its front end: what samples go through before it, and how that is known */
};
void retort_describe(const struct retort *r, struct retort_about *about);
/* The name of class 0..classes-1; NULL beyond. Lasts as long as the handle. */
const char *retort_label(const struct retort *r, int class_number);

/* ---- answers ---- */

/* Set the pointers before a call: to room for that many numbers, or to NULL for what is not wanted. */
struct retort_answer {
    float *embedding;  /* [about.embedding] */
    float *posteriors; /* [about.classes], they add up to 1 */
    int label;         /* class of the largest posterior; -1 without classes */
    float probability; /* its posterior; 0 without classes */
};

/* Samples between -1 and 1, [frames, channels] with a moment's channels side by side (1 to 16, averaged), at any rate
 * from 1000 to 768000 Hz. */
int retort_pcm(struct retort *r, const float *sample, size_t frames, int channels, int rate, struct retort_answer *a,
               struct retort_error *e);
/* 8-bit pixels, lines from the top, `stride` bytes from one to the next (0 = they touch). channels: 1 grey, 3 RGB,
 * 4 RGBA, which is laid over white. */
int retort_pixels(struct retort *r, const uint8_t *pixel, int width, int height, int channels, size_t stride,
                  struct retort_answer *a, struct retort_error *e);
/* UTF-8, size bytes. */
int retort_text(struct retort *r, const char *text, size_t size, struct retort_answer *a, struct retort_error *e);
/* A file as it is, of any kind that retort reads: WAV, MP3, PNG, ... (docs/formats.md); for a model of text UTF-8. */
int retort_file(struct retort *r, const char *path, struct retort_answer *a, struct retort_error *e);
/* The same in memory; name stands for it in messages. */
int retort_bytes(struct retort *r, const void *bytes, size_t size, const char *name, struct retort_answer *a,
                 struct retort_error *e);

/* How alike two embeddings are, -1 to 1: what verification compares with a threshold. 0 when one of them is zero. */
double retort_cosine(const float *a, const float *b, int numbers);

const char *retort_version(void); /* "0.1.0" */

#ifdef __cplusplus
}
#endif
#endif
